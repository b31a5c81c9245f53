//! One checkout session, from its creation to its end.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::second::SecondPayment;
use crate::flow::{Cx, PollTimer, Reviews, ToDo};
use crate::id::Digest;
use crate::money::Cents;
use crate::providers::flex::Flex;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{Expandable, NextAction, PAYMENT_FAILED, SessionObject, Status};
use crate::providers::flex::api::session_request::{CaptureMethod, Mode};
use crate::providers::flex::ids::payment_intent_id;
use crate::providers::flex::ids::{CheckoutSessionId, CustomerId, PaymentMethodId};
use crate::providers::flex::names::{Notice, Review, Verdict};
use crate::providers::flex::reports::{SoldItem, StoredItem};
use crate::providers::flex::rules::Rule;
use crate::time::Timestamp;

/// The most payments of a session that are kept.
const PAYMENTS: usize = 4;

/// The reviews about a session without an end: one for a listed status, one for an unlisted status, and one for a session
/// that differs from the order.
pub(super) const WAIT_REVIEWS: [&str; 3] =
    [Review::NoSignal.as_str(), Review::UnknownStatus.as_str(), Review::SessionDiffers.as_str()];

/// A session that Flex has shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSession"))]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// The id of the session.
    pub(super) id: CheckoutSessionId,
    /// The furthest status that Flex has shown.
    pub(super) status: Status,
    /// Whether this flow has created the session. An adopted session is never fulfilled.
    pub(super) own: bool,
    /// The fingerprint of the request that has created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<Digest>,
    /// Whether the session matches the request, so that the customer may be sent to pay.
    pub(super) sound: bool,
    /// The URL at which the customer pays, exactly as Flex sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redirect_url: Option<String>,
    /// When the session expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Timestamp>,
    /// Whether the session only authorizes the payment.
    #[serde(default)]
    pub(super) manual: bool,
    /// Whether the session is in test mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) test_mode: Option<bool>,
    /// Whether the customer is absent: Flex charges a stored payment method.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) absent: bool,
    /// What the absent customer must do before Flex can charge the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<Box<NextAction>>,
    /// The customer, for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) customer: Option<CustomerId>,
    /// The payment method, for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payment_method: Option<PaymentMethodId>,
    /// The ids of its payments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) payment_intents: Vec<String>,
    /// The items that the request named, for the status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) items: Vec<StoredItem>,
    /// The highest total that Flex has shown, in cents, for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<Cents>,
    /// The highest received amount that Flex has shown, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) received: Option<Cents>,
    /// What was returned of it, if it is paid and another session settles the purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) second: Option<Box<SecondPayment>>,
    /// The totals that the order or a person allows, in cents. It is empty if the order's total is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) agreed: Vec<Cents>,
    /// The last amount that is none of them, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) differing: Option<Cents>,
    /// A status that the documents do not list. It never counts as paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unlisted: Option<String>,
    /// Whether an event has said that the session was completed, and no lookup has shown since whether that is true.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) announced: bool,
    /// Whether Flex has shown two final statuses that cannot both be true.
    #[serde(default)]
    pub(super) contradicted: bool,
    /// The lookup schedule until the session ends.
    pub(super) watch: PollTimer,
}

impl Status {
    /// The order of statuses. A status only moves up, and `complete` is the highest.
    const fn rank(&self) -> u8 {
        match self {
            Self::Open | Self::Unknown(_) => 0,
            Self::Expired => 1,
            Self::Complete => 2,
        }
    }

    /// Whether the status is final.
    pub const fn is_final(&self) -> bool {
        self.rank() > 0
    }
}

impl Session {
    /// A session of which only the id is known.
    pub(super) fn new(id: CheckoutSessionId, now: Timestamp) -> Self {
        Self {
            id,
            status: Status::Open,
            own: false,
            content: None,
            sound: false,
            redirect_url: None,
            expires_at: None,
            manual: false,
            test_mode: None,
            absent: false,
            action: None,
            customer: None,
            payment_method: None,
            payment_intents: Vec::new(),
            items: Vec::new(),
            total: None,
            received: None,
            second: None,
            agreed: Vec::new(),
            differing: None,
            unlisted: None,
            announced: false,
            contradicted: false,
            watch: PollTimer::new(now),
        }
    }

    /// This session, after the reply to another create request has named it as `created`. What Flex has shown of it
    /// still holds. The customer cannot be sent to it if the new request is for other items.
    pub(super) fn created_again(&self, created: Self) -> Self {
        let is_same = self.items.is_empty() || self.items == created.items;
        let items = if self.items.is_empty() { created.items } else { self.items.clone() };
        let agreed = if self.agreed.is_empty() { created.agreed } else { self.agreed.clone() };
        let sound = self.sound && created.sound && is_same;
        Self { own: true, sound, content: created.content, items, agreed, ..self.clone() }
    }

    pub(crate) const fn id(&self) -> &CheckoutSessionId {
        &self.id
    }

    pub(super) fn is_open(&self) -> bool {
        self.status == Status::Open
    }

    /// Whether this flow has created the session. An adopted session is never fulfilled.
    pub(crate) const fn is_own(&self) -> bool {
        self.own
    }

    /// Whether the session matches the request.
    pub(crate) const fn is_sound(&self) -> bool {
        self.sound
    }

    /// Whether the session only authorizes the payment.
    pub(crate) const fn is_manual(&self) -> bool {
        self.manual
    }

    /// Whether the session is in test mode, if that is known.
    pub(crate) const fn test_mode(&self) -> Option<bool> {
        self.test_mode
    }

    /// Flex's own word for the status, listed or not.
    pub(crate) fn provider_status(&self) -> String {
        self.unlisted.clone().unwrap_or_else(|| self.status.as_str().into())
    }

    /// The items, if they are known.
    pub(crate) fn items(&self) -> Option<Vec<SoldItem>> {
        StoredItem::shown(&self.items)
    }

    /// The total, if Flex has shown it.
    pub(crate) const fn total(&self) -> Option<Cents> {
        self.total
    }

    /// The ids of the payments.
    pub(crate) fn payment_intents(&self) -> &[String] {
        &self.payment_intents
    }

    /// The customer, if Flex has shown one.
    pub(crate) const fn customer(&self) -> Option<&CustomerId> {
        self.customer.as_ref()
    }

    /// The payment method, if Flex has shown one.
    pub(crate) const fn payment_method(&self) -> Option<&PaymentMethodId> {
        self.payment_method.as_ref()
    }

    /// When the session expires, if Flex has said so.
    pub(crate) const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// When the flow first knew the session.
    pub(crate) const fn since(&self) -> Timestamp {
        self.watch.since()
    }

    /// The ids by which a message about money finds the session: its own, and those of its payments.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        core::iter::once(self.id.as_str()).chain(self.payment_intents.iter().map(String::as_str))
    }

    /// Stores everything but the status.
    pub(super) fn note_details<F: Flex>(&mut self, object: &SessionObject, cx: &mut Cx<'_, F>) {
        let of_flow = object.mode.as_ref().is_none_or(|mode| (*mode == Mode::Subscription) == F::SUBSCRIBES);
        cx.check(Rule::CheckoutModeMatches, of_flow).at("/checkout_session/mode");
        // An API key of one mode never shows objects of the other, so this object cannot be the requested session.
        let of_mode = self.is_in_mode(object, cx);
        cx.check(Rule::CheckoutModeMatches, of_mode).at("/checkout_session/test_mode");
        self.sound &= of_flow && of_mode;
        if self.redirect_url.is_none() {
            self.redirect_url = object.address().cloned();
        }
        self.expires_at = self.expires_at.or(object.expires_at);
        self.total = self.total.max(object.amount_total.filter(|_| of_mode));
        self.test_mode = self.test_mode.or(object.test_mode.value().filter(|_| of_mode));
        self.absent |= object.mode == Some(Mode::OffSession);
        self.manual |= object.capture_method == Some(CaptureMethod::Manual);
        if of_mode {
            self.note_amounts(object, cx);
        }
        // A subscription has its own customer.
        if of_mode && !F::SUBSCRIBES {
            self.customer = self.customer.take().or_else(|| object.customer_id());
            self.payment_method = self.payment_method.take().or_else(|| object.payment_method());
        }
        for id in object.payment_intents() {
            if let Err(index) = self.payment_intents.binary_search_by(|have| have.as_str().cmp(id))
                && self.payment_intents.len() < PAYMENTS
            {
                self.payment_intents.insert(index, id.into());
                payment_intent_id(id).into_iter().for_each(|id| cx.learn(id));
            }
        }
    }

    /// Whether an object may be in the session's mode.
    pub(crate) fn is_in_mode<F: Flex>(&self, object: &SessionObject, cx: &Cx<'_, F>) -> bool {
        object.test_mode.is_in_mode(cx.settings(), self.test_mode)
    }

    /// Stores whether a lookup of ours has shown an unlisted status.
    pub(super) fn note_unlisted<F: Flex>(&mut self, status: Option<&Status>, cx: &mut Cx<'_, F>) {
        let text = match status {
            Some(Status::Unknown(text)) => Some(text.clone()),
            Some(_) => None,
            None => return,
        };
        cx.check(Rule::CheckoutStatusKnown, text.is_none()).at("/checkout_session/status");
        if text != self.unlisted {
            self.unlisted = text;
            cx.withdraw_all_about(&WAIT_REVIEWS, |about| about == self.id.as_str());
        }
    }

    /// Moves the session to a higher status. Two final statuses that differ keep the higher one and open a review.
    pub(super) fn advance<F: Flex>(&mut self, status: &Status, cx: &mut Cx<'_, F>) {
        if self.status.is_final() && status.is_final() && self.status != *status && !self.contradicted {
            self.contradicted = true;
            cx.ask(Review::Contradiction, &self.id);
        }
        if status.rank() > self.status.rank() {
            self.status = status.clone();
        }
        if self.status.is_final() {
            self.redirect_url = None;
        }
        self.announced &= self.status != Status::Complete;
    }

    /// Stores what an absent customer must do, and notifies the customer once of each action.
    pub(super) fn note_action<F: Flex>(&mut self, object: &SessionObject, cx: &mut Cx<'_, F>) {
        let is_due = self.absent && self.sound && self.is_open();
        let action = object.action().filter(|_| is_due).map(Box::new);
        if action == self.action {
            return;
        }
        withdraw_action(core::slice::from_ref(self), cx);
        self.action = action;
        let Some(action) = &self.action else { return };
        let notice = if action.kind == PAYMENT_FAILED { Notice::PaymentFailed } else { Notice::ActionRequired };
        match action.url.as_deref().or(self.redirect_url.as_deref()) {
            None => cx.ask(Review::ActionWithoutPage, &self.id),
            url => cx.notify(notice, &self.id, ToDo::at(url, Some(&*action.kind).filter(|kind| !kind.is_empty()))),
        }
    }

    /// Plans the next lookup, and a review at the end of the schedule.
    pub(super) fn plan_lookup<F: Flex>(&self, cx: &mut Cx<'_, F>) {
        let (lookup, id) = (Call::RetrieveCheckoutSession(self.id.clone()), &self.id);
        if self.status.is_final() || self.watch.is_stopped() {
            if !self.announced {
                cx.withdraw(|call| *call == lookup);
            }
            cx.withdraw_all_about(&WAIT_REVIEWS, |about| about == id.as_str());
            return;
        }
        match &self.unlisted {
            None => cx.poll_then_ask(lookup, &self.watch, Review::NoSignal, id),
            // A person may know what the status means. What the session of a subscription has created, only Flex can
            // say.
            Some(_) => {
                const OF_PURCHASE: &[Verdict] = &[Verdict::Complete, Verdict::Ended, Verdict::KeepWaiting];
                const OF_SUBSCRIPTION: &[Verdict] = &[Verdict::Ended, Verdict::KeepWaiting];
                let verdicts = if F::SUBSCRIBES { OF_SUBSCRIPTION } else { OF_PURCHASE };
                cx.poll_then_ask(lookup, &self.watch, Review::UnknownStatus.only(verdicts), id);
            }
        }
    }

    /// Ends the session, as a person says.
    pub(super) fn end<F: Flex>(&mut self, status: Status, cx: &mut Cx<'_, F>) {
        self.advance(&status, cx);
        withdraw_action(core::slice::from_ref(self), cx);
        self.action = None;
        self.plan_lookup(cx);
    }

    /// Asks a person about an open session that differs from the request: the customer gets no page until then.
    pub(super) fn ask_about_difference<F: Flex>(&self, cx: &mut Cx<'_, F>) {
        let is_withheld = self.is_open() && !self.sound && !self.watch.is_stopped();
        if is_withheld && cx.open_review(Review::SessionDiffers.as_str()).is_none() {
            cx.ask(Review::SessionDiffers, &self.id);
        }
    }

    /// Restarts the lookup schedule, because a person wants to wait longer.
    pub(super) fn keep_waiting<F: Flex>(&mut self, cx: &mut Cx<'_, F>) {
        let lookup = Call::RetrieveCheckoutSession(self.id.clone());
        if !cx.is_leased(|call| *call == lookup) {
            cx.withdraw(|call| *call == lookup);
        }
        self.watch = PollTimer::new(cx.now());
        self.plan_lookup(cx);
    }
}

/// Withdraws what was said about the actions of these sessions. A customer who acts on it would pay twice.
pub(super) fn withdraw_action<F: Flex>(sessions: &[Session], cx: &mut Cx<'_, F>) {
    const ABOUT: [&str; 4] = [
        Notice::ActionRequired.as_str(),
        Notice::PaymentFailed.as_str(),
        Review::ActionWithoutPage.as_str(),
        Review::SessionDiffers.as_str(),
    ];
    cx.withdraw_all_about(&ABOUT, |about| sessions.iter().any(|it| it.id.as_str() == about));
}

/// Checks a session against the rules for all sessions. They only warn.
pub(super) fn check_response<F: Flex>(object: &SessionObject, cx: &mut Cx<'_, F>) {
    let open = object.status == Some(Status::Open);
    let results = [&object.subscription, &object.invoice];
    let result = results.into_iter().flatten().any(Expandable::is_there);
    cx.check(Rule::CheckoutOpenHasNoResult, !open || !result).at("/checkout_session");
    let letter = object.letter_of_medical_necessity_required == Some(true);
    let implied = !letter || object.hsa_fsa_eligible != Some(false);
    cx.check(Rule::CheckoutLetterImpliesEligible, implied).at("/checkout_session/hsa_fsa_eligible");
    let details = object.total_details.clone().unwrap_or_default();
    let of_parts = [details.amount_discount, details.amount_tax, details.amount_shipping];
    let of_session = [object.amount_total, object.amount_subtotal, object.amount_received, object.amount_refunded];
    let negative = of_parts.into_iter().chain(of_session).flatten().any(|it| it < Cents::ZERO);
    let beyond = object.amount_received.is_some_and(|received| object.amount_refunded.is_some_and(|it| it > received));
    cx.check(Rule::CheckoutAmountsNonnegative, !negative && !beyond).at("/checkout_session");
}
