//! The payment of a checkout: the received, captured, refunded and disputed amounts.

mod capture;
mod dispute;
mod echoed;
mod in_flight;
mod outcome;
mod refund;
mod refunding;
mod shown;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use crate::flow::{Cause, Intents, PollTimer};
use crate::id::EffectId;
use crate::id::TypedId;
use crate::money::Cents;
use crate::providers::flex::api::objects::{
    ChargeObject, DisputeObject, RefundObject, RefundStatus, SessionObject, Status,
};
use crate::providers::flex::disputes::WatchedDisputes;
use crate::providers::flex::ids::{CaptureId, DisputeId};
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::sessions::Session;
use dispute::Disputes;
use in_flight::InFlight;
use outcome::is_effect;
use refund::Refund;
pub(super) use shown::ShownMoney;

/// The money of a complete session.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutPayment"))]
#[serde(deny_unknown_fields)]
pub(super) struct Payment {
    /// The total that the customer pays, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<Cents>,
    /// The highest received amount that Flex has shown, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    received: Option<Cents>,
    /// The highest refunded amount that Flex has shown, in cents.
    #[serde(default)]
    refunded: Cents,
    /// The refunds that Flex has shown, sorted by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<Refund>,
    /// The requested refunds whose outcome is unknown.
    #[serde(default, skip_serializing_if = "InFlight::is_nothing")]
    refunding: InFlight,
    /// The captures that Flex has shown, and the amount of each in cents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    captured: Vec<(CaptureId, Cents)>,
    /// The captures that a person has named and Flex has not shown. Their amounts are the requested ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attested: Vec<CaptureId>,
    /// The requested captures whose outcome is unknown.
    #[serde(default, skip_serializing_if = "InFlight::is_nothing")]
    capturing: InFlight,
    /// Whether the final capture was requested.
    #[serde(default)]
    is_final: bool,
    /// The disputes of the payment.
    #[serde(default, skip_serializing_if = "Disputes::is_nothing")]
    disputes: Box<Disputes>,
    /// The lookup schedule of our refunds that are still pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settling: Option<Box<PollTimer>>,
    /// The intents of the requested refunds.
    #[serde(default)]
    returns: Intents,
    /// The intents of the requested captures.
    #[serde(default)]
    captures: Intents,
}

impl Payment {
    /// The payment of the session that settles the checkout. The session is fulfilled once, if it matches the request.
    pub(super) fn new(session: &Session, cx: &mut Cx<'_>) -> Self {
        match (session.is_own(), session.is_sound()) {
            (false, _) => {}
            (true, true) => cx.fulfill(session.id()),
            (true, false) => cx.ask(Review::NotAsAsked, session.id()),
        }
        Self::default()
    }

    /// The payment of another session, which is not fulfilled.
    pub(super) fn beside(session: &Session) -> Self {
        Self { total: session.total(), received: session.received(), ..Self::default() }
    }

    /// The received amount. If Flex does not show it, the total counts, unless the payment is only authorized.
    fn received(&self, manual: bool) -> Cents {
        let taken = self.captured.iter().fold(Cents::ZERO, |sum, (_, amount)| sum.plus(*amount));
        self.received.or(self.total.filter(|_| !manual)).unwrap_or_default().max(taken)
    }

    /// The refunded amount, without refunds that failed.
    fn returned(&self) -> Cents {
        let all = |reversed: bool| {
            let some = self.refunds.iter().filter(|it| it.status.is_reversed() == reversed);
            some.fold(Cents::ZERO, |sum, it| sum.plus(it.amount))
        };
        all(false).max(self.refunded.minus(all(true)))
    }

    /// The amount that the customer has back, as Flex shows it: without refunds that have failed, or are still pending.
    pub(super) fn given_back(&self) -> Cents {
        let is_pending = |it: &&Refund| it.status.rank() < RefundStatus::Succeeded.rank();
        let pending = self.refunds.iter().filter(is_pending).fold(Cents::ZERO, |sum, it| sum.plus(it.amount));
        self.returned().minus(pending).max(Cents::ZERO)
    }

    /// The amount that is not refunded yet, disputed or not.
    pub(super) fn refundable(&self, manual: bool) -> Cents {
        self.received(manual).minus(self.refunding.total_with(self.returned()))
    }

    /// The amount that is neither refunded nor disputed.
    pub(super) fn undisputed(&self, manual: bool) -> Cents {
        self.refundable(manual).minus(self.disputes.blocked(self.received(manual)))
    }

    /// The authorized amount that is not captured yet.
    pub(super) fn capturable(&self) -> Cents {
        let taken = self.capturing.total_with(self.received(true));
        if self.is_final { Cents::ZERO } else { self.total.unwrap_or_default().minus(taken) }
    }

    /// Applies the session that counts. `requested` is the request whose outcome was looked up.
    pub(super) fn on_session(
        &mut self,
        session: &Session,
        object: &SessionObject,
        requested: Option<&EffectId>,
        cx: &mut Cx<'_>,
    ) {
        match (&object.status, requested) {
            (Some(Status::Complete), _) if session.is_in_mode(object, cx) => {
                self.settle(object, requested, cx);
                self.withdraw_moot(session.is_manual(), cx);
                self.plan(session.id(), cx);
            }
            // A session that is not complete proves nothing about the money.
            (_, Some(effect)) => Self::retry_lookup(effect, cx),
            _ => {}
        }
    }

    /// Stores the amounts, captures, refunds and disputes of a session, in whatever order they arrive.
    fn apply(&mut self, object: &SessionObject, cx: &mut Cx<'_>) {
        self.total = self.total.max(object.amount_total);
        self.received = self.received.max(object.amount_received);
        self.refunded = self.refunded.max(object.amount_refunded.unwrap_or_default());
        for capture in object.captures.iter().flat_map(|it| &it.list) {
            self.note_capture(capture, cx);
        }
        self.note_refunds(object, cx);
        self.disputes.note_all(object, cx);
    }

    /// Notes that a lookup of the session got a reply.
    pub(super) fn note_lookup(&mut self, cx: &Cx<'_>) {
        if let Some(timer) = &mut self.settling {
            timer.looked(cx.leased_at());
        }
    }

    /// Applies a webhook about a refund.
    pub(super) fn on_refund_webhook(&mut self, object: &RefundObject, session: &Session, cx: &mut Cx<'_>) {
        self.note_refund(object, session.id(), cx);
        self.settle_refund_webhook(object, cx);
        self.withdraw_moot(session.is_manual(), cx);
        self.plan(session.id(), cx);
    }

    /// Applies a webhook about a refunded charge. The refunded amount counts at once.
    pub(super) fn on_charge_refunded(&mut self, object: &ChargeObject) {
        self.refunded = self.refunded.max(object.amount_refunded.unwrap_or_default());
    }

    /// Applies a webhook about a dispute.
    pub(super) fn on_dispute_webhook(&mut self, object: &DisputeObject, session: &Session, cx: &mut Cx<'_>) {
        self.disputes.note(object, session.id().into(), cx);
        self.withdraw_moot(session.is_manual(), cx);
    }

    /// Whether a refund is known.
    pub(super) fn knows_refund(&self, object: &RefundObject) -> bool {
        self.refunds.iter().any(|it| it.id == object.refund_id)
    }

    /// Whether a dispute is known.
    pub(super) fn knows_dispute(&self, id: &DisputeId) -> bool {
        self.disputes.contains(id)
    }

    /// The ids by which a webhook finds the payment.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypedId> {
        self.refunds.iter().map(|it| TypedId::from(&it.id)).chain(self.disputes.ids())
    }

    /// A person decides whether the flow waits longer for pending refunds.
    pub(super) fn refunds_reviewed(&mut self, session: &Session, verdict: Verdict, cx: &mut Cx<'_>) {
        if let Some(timer) = &mut self.settling {
            match verdict {
                Verdict::KeepWaiting => **timer = PollTimer::new(cx.now()),
                _ => timer.stop(),
            }
        }
        self.plan(session.id(), cx);
    }

    /// A person says how a dispute has ended.
    pub(super) fn dispute_reviewed(&mut self, session: &Session, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        self.disputes.reviewed(about, session.id().as_str(), verdict, cx);
        self.withdraw_moot(session.is_manual(), cx);
    }

    /// Whether no refund has returned any of the disputed money, or is about to.
    pub(super) fn has_whole(&self, dispute: &DisputeId, manual: bool) -> bool {
        let disputed = self.disputes.amount(dispute).unwrap_or_else(|| self.received(manual));
        !self.knows_dispute(dispute) || disputed <= self.refundable(manual)
    }

    /// The watch over the disputes.
    pub(super) const fn watched(&self) -> &WatchedDisputes {
        self.disputes.watched()
    }

    /// The watch over the disputes.
    pub(super) const fn watched_mut(&mut self) -> &mut WatchedDisputes {
        self.disputes.watched_mut()
    }

    /// Withdraws unsent refunds for which too little money is left: the bank or another request has returned it.
    pub(super) fn withdraw_moot(&mut self, manual: bool, cx: &mut Cx<'_>) {
        let left = self.received(manual).minus(self.returned());
        // Only Flex knows the price of a whole item, but it is at least 1 cent.
        let is_moot = |amount: Cents| amount.max(Cents::new(1)) > left;
        let is_unsent =
            |effect: &EffectId, cx: &Cx<'_>| cx.pending(|call| is_effect(call, effect)).is_some_and(|it| !it.sent);
        let open = self.refunding.open().iter();
        let moot: Vec<_> = open.filter(|(_, amount)| is_moot(*amount)).map(|(effect, _)| effect.clone()).collect();
        for effect in moot {
            if is_unsent(&effect, cx) {
                self.withdraw_refund(&effect, cx);
            }
        }
        // All disputes have ended, so the lost money stays lost. The newest refund is withdrawn first.
        while self.undisputed(manual) < Cents::ZERO && self.disputes.is_settled() {
            let mut newest_first = self.refunding.open().iter().rev().map(|(effect, _)| effect);
            let Some(effect) = newest_first.find(|effect| is_unsent(effect, cx)).cloned() else { return };
            self.withdraw_refund(&effect, cx);
        }
    }

    fn withdraw_refund(&mut self, effect: &EffectId, cx: &mut Cx<'_>) {
        cx.withdraw_unsent(|call| is_effect(call, effect));
        self.refund_not_made(effect, Cause::Dropped);
    }
}
