//! The refunds of the payments of a subscription: what Flex has shown, and what the host has requested.
//!
//! A payment belongs to an invoice of the subscription, or to a session or an invoice of another paid subscription.

mod outcome;
mod payable;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Cx, Subscription};
use crate::effect::idempotency_key;
use crate::flow::{Cause, Flow, IntentReport, IntentStatus, Intents, Outcome, PollTimer, Stop};
use crate::id::{Digest, EffectId, Intent};
use crate::json::encode;
use crate::money::{Cents, Money};
use crate::providers::flex::api::calls::{CREATE_REFUND, Call};
use crate::providers::flex::api::objects::{RefundObject, RefundStatus};
use crate::providers::flex::api::request::RefundPayment;
use crate::providers::flex::api::session_request::with_echo;
use crate::providers::flex::ids::RefundId;
use crate::providers::flex::names::Review;
use crate::providers::flex::reports::{RefundReport, word};
use crate::time::Timestamp;

pub(super) use outcome::{is_echo, is_effect};
pub(super) use payable::{accepts_refund, check_refund, permits_refund};

/// The most refunds that are kept. Those with the highest ids stay, whatever the order of the webhooks.
const REMEMBERED: usize = 32;

/// The most payments of which the refunded amount is kept.
const CHARGES: usize = 16;

/// A refund that Flex has shown, or that a person has named.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionRefund"))]
#[serde(deny_unknown_fields)]
struct Refund {
    /// The id of the refund.
    id: RefundId,
    /// The payment that is refunded, if Flex has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    /// The amount, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Cents>,
    /// The furthest status that Flex has shown.
    status: RefundStatus,
    /// The intent of the request that has made the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intent: Option<Intent>,
    /// Whether a person was asked what the full refund means for access.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    asked: bool,
    /// When Flex first showed the refund.
    since: Timestamp,
    /// The lookup schedule of a refund of ours that is still pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settling: Option<PollTimer>,
}

impl Refund {
    fn is_reversed(&self) -> bool {
        self.status.is_reversed()
    }

    /// Whether a person has named the refund, and Flex has not shown it.
    fn is_only_named(&self) -> bool {
        self.intent.is_some() && self.status == RefundStatus::Unknown(String::new())
    }
}

/// A requested refund whose outcome is unknown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexOpenRefund"))]
#[serde(deny_unknown_fields)]
struct OpenRefund {
    /// The id of the request.
    effect: EffectId,
    /// The payment.
    payment: String,
    /// The amount, in cents.
    amount: Cents,
    /// What was paid, in cents.
    paid: Cents,
}

/// The refunds of the payments that the flow knows.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionRefunding"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Refunding {
    /// The refunds that Flex has shown, sorted by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<Refund>,
    /// The requests whose outcome is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open: Vec<OpenRefund>,
    /// The highest refunded amount of a payment that an event has shown, in cents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    charged: Vec<(String, Cents)>,
    /// The intents of the requested refunds.
    #[serde(skip_serializing_if = "is_empty")]
    intents: Box<Intents>,
}

fn is_empty(intents: &Intents) -> bool {
    *intents == Intents::EMPTY
}

impl Refunding {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The refunded amount of a payment, without refunds that failed. A refund of an unknown payment counts for each.
    fn returned(&self, payment: &str) -> Cents {
        let is_of = |it: &&Refund| it.payment.as_deref().is_none_or(|of| of == payment);
        let sum = |reversed: bool| {
            let some = self.refunds.iter().filter(is_of).filter(|it| it.is_reversed() == reversed);
            some.filter_map(|it| it.amount).fold(Cents::ZERO, Cents::plus)
        };
        sum(false).max(self.charged(payment).minus(sum(true)))
    }

    fn charged(&self, payment: &str) -> Cents {
        self.charged.iter().find(|it| it.0 == payment).map_or(Cents::ZERO, |it| it.1)
    }

    /// The amount of a payment that is neither refunded nor requested to be.
    fn left(&self, payment: &str, paid: Cents) -> Cents {
        let open = self.open.iter().filter(|it| it.payment == payment);
        paid.minus(open.fold(self.returned(payment), |sum, it| sum.plus(it.amount)))
    }

    /// Whether an event has shown that the payment was refunded.
    pub(super) fn is_reported(&self, payment: &str) -> bool {
        self.charged.iter().any(|it| it.0 == payment)
    }

    /// Whether a request of ours has made the refund.
    pub(super) fn is_ours(&self, id: &str) -> bool {
        self.refunds.iter().any(|it| it.id.as_str() == id && it.intent.is_some())
    }

    pub(super) fn knows(&self, id: &RefundId) -> bool {
        self.refunds.iter().any(|it| it.id == *id)
    }

    /// Whether any money of a payment is refunded, or is requested to be. Without a payment, any refund counts.
    pub(super) fn touches(&self, payment: Option<&str>) -> bool {
        match payment {
            Some(payment) => self.open.iter().any(|it| it.payment == payment) || self.returned(payment) > Cents::ZERO,
            None => {
                !self.open.is_empty() || !self.charged.is_empty() || self.refunds.iter().any(|it| !it.is_reversed())
            }
        }
    }

    /// The sum of the open requests, in cents.
    pub(super) fn requested(&self) -> Option<Cents> {
        let sum = self.open.iter().fold(Cents::ZERO, |sum, it| sum.plus(it.amount));
        Some(sum).filter(|_| !self.open.is_empty())
    }

    /// The status of the intent that the refund names.
    pub(super) fn status_of(&self, refund: &RefundPayment) -> Option<IntentStatus> {
        Some(self.intents.status_of(refund.intent.as_ref()?, content(refund)))
    }

    /// The refunds, as the status shows them.
    pub(super) fn reports(&self) -> Vec<RefundReport> {
        let report = |it: &Refund| RefundReport {
            id: it.id.clone(),
            amount: it.amount.map(Money::unnamed),
            provider_status: word(it.status.as_str()),
            intent: it.intent.clone(),
        };
        self.refunds.iter().map(report).collect()
    }

    /// The sum of the open requests for a payment, in cents.
    fn requested_of(&self, payment: &str) -> Option<Cents> {
        let open = self.open.iter().filter(|it| it.payment == payment);
        let sum = open.fold(Cents::ZERO, |sum, it| sum.plus(it.amount));
        Some(sum).filter(|it| *it > Cents::ZERO)
    }

    /// The refunds of a payment, as the status shows them.
    fn reports_of(&self, payment: &str) -> Vec<RefundReport> {
        let of = |id: &RefundId| self.refunds.iter().any(|it| it.id == *id && it.payment.as_deref() == Some(payment));
        self.reports().into_iter().filter(|it| of(&it.id)).collect()
    }

    /// The refunds that the host has named.
    pub(super) fn named(&self) -> impl Iterator<Item = IntentReport<Subscription>> {
        self.intents.report(super::Action::Refund, CREATE_REFUND.name)
    }

    /// Requests a refund of a payment, of which `paid` was paid.
    fn request(&mut self, requested: RefundPayment, payment: String, paid: Cents, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(intent) = requested.intent.clone() else { return Err(Stop::NotNow) };
        let amount = requested.amount.unwrap_or_else(|| self.left(&payment, paid));
        let content = content(&requested);
        let number = self.intents.status_of(&intent, content).number()?;
        let effect = EffectId::of_intent(CREATE_REFUND.name, &intent, number);
        // The amount is always sent, so that a late request refunds no more than was left.
        let mut refund = RefundPayment {
            invoice_id: None,
            checkout_session_id: None,
            payment_intent_id: Some(payment.clone()),
            amount: Some(amount),
            ..requested
        };
        with_echo(&mut refund.metadata, &idempotency_key(Subscription::ID, cx.key(), &effect));
        cx.request_as(Call::RefundPayment(effect.clone(), Box::new(refund)), &intent, number);
        self.open.push(OpenRefund { effect, payment, amount, paid });
        self.intents.open(intent, content, number, (Some(amount), cx.now()));
        Ok(())
    }

    /// Stores what a refund shows. A refund of ours that has just failed needs a review.
    pub(super) fn note(&mut self, object: &RefundObject, payment: Option<&str>, cx: &mut Cx<'_>) {
        let Some(refund) = self.entry(&object.refund_id, cx.now()) else { return };
        refund.payment = refund.payment.take().or_else(|| payment.map(Into::into));
        if refund.is_only_named()
            && let Some(shown) = object.amount.filter(|shown| Some(*shown) != refund.amount)
        {
            refund.amount = Some(shown);
            cx.ask(Review::RefundedOtherAmount, &refund.id);
        }
        refund.amount = refund.amount.max(object.amount);
        let before = refund.status.is_reversed();
        if let Some(status) = &object.status
            && (status.rank(), status.as_str()) > (refund.status.rank(), refund.status.as_str())
        {
            refund.status = status.clone();
        }
        if !before && refund.is_reversed() && refund.intent.is_some() {
            let refund = refund.clone();
            self.failed_after_all(&refund, cx);
        }
        self.forget();
    }

    /// A refund of ours has failed or was canceled, so its intent can be used again.
    fn failed_after_all(&mut self, refund: &Refund, cx: &mut Cx<'_>) {
        if let Some(intent) = &refund.intent {
            self.intents.settle(intent.as_str(), Outcome::Failed(Cause::Declined));
        }
        cx.withdraw_review(Review::Refunded, refund.id.as_str());
        cx.ask(Review::RefundFailed, &refund.id);
    }

    fn entry(&mut self, id: &RefundId, now: Timestamp) -> Option<&mut Refund> {
        let index = self.refunds.binary_search_by(|it| it.id.cmp(id)).unwrap_or_else(|index| {
            self.refunds.insert(
                index,
                Refund {
                    id: id.clone(),
                    payment: None,
                    amount: None,
                    status: RefundStatus::Unknown(String::new()),
                    intent: None,
                    asked: false,
                    since: now,
                    settling: None,
                },
            );
            index
        });
        self.refunds.get_mut(index)
    }

    fn forget(&mut self) {
        if self.refunds.len() > REMEMBERED {
            let spare = self.refunds.iter().position(|it| it.settling.is_none());
            self.refunds.remove(spare.unwrap_or_default());
        }
    }

    /// Stores the refunded amount of a payment, as an event shows it.
    pub(super) fn note_charge(&mut self, payment: &str, amount: Option<Cents>) {
        let amount = amount.unwrap_or_default();
        match self.charged.binary_search_by(|it| it.0.as_str().cmp(payment)) {
            Ok(index) => self.charged.get_mut(index).into_iter().for_each(|it| it.1 = it.1.max(amount)),
            Err(index) => self.charged.insert(index, (payment.into(), amount)),
        }
        if self.charged.len() > CHARGES {
            self.charged.remove(0);
        }
    }
}

/// The fingerprint of a request.
fn content(refund: &RefundPayment) -> Digest {
    Digest::of([encode(refund).as_bytes()])
}
