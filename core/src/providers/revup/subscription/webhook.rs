//! The dispatch of the messages that Revup posts. A message is a hint that makes a lookup due. With proof of its
//! origin, it is evidence of what is final.

use super::status::SubscriptionState;
use super::{Cx, Subscription};
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{Reviews, Stop};
use crate::id::Digest;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::event::{EventType, EventWebhook, PaymentType};
use crate::providers::revup::api::notification::{Notification, TransactionType};
use crate::providers::revup::api::payments::Tried;
use crate::providers::revup::api::replies::{Event, Reason, Status};
use crate::providers::revup::callback::Callback;
use crate::providers::revup::names::{Review, Verdict};
use crate::providers::revup::rules::Rule;
use crate::time::Timestamp;

/// How many refunds of one event are looked up.
const LOOKED_UP: usize = 12;

impl Subscription {
    /// A message: an event, a notification or a callback.
    pub(super) fn on_webhook(&mut self, message: Event, origin: Origin, cx: &mut Cx<'_>) -> Result<(), Stop> {
        match message {
            Event::Webhook(event) => self.on_event(&event, origin == Origin::Verified, cx),
            Event::Notification(notification) => self.on_notification(&notification, origin, cx),
            Event::Callback(callback) => self.on_callback(&callback, cx),
            _ => Err(IgnoredReason::Unrelated.into()),
        }
    }

    /// An event. What it does depends on whether it names our subscription, or the order of our token.
    fn on_event(&mut self, event: &EventWebhook, is_proved: bool, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if !is_proved && self.terms.is_disowned(event.subscription()) {
            return Err(IgnoredReason::Unrelated.into());
        }
        if self.is_of_earlier_creation(event, cx) {
            // The new try must not be sent. The event does the same as it would have done before the new try.
            self.not_created(cx);
        }
        let is_named = self.status.id() == Some(event.subscription());
        match self.status.state() {
            SubscriptionState::Absent if self.terms.is_disowned(event.subscription()) => {
                // The event contradicts the person, who decides again.
                self.events.note(event.stamp())?;
                self.status.named_after_all(event.subscription(), cx);
                return Ok(());
            }
            SubscriptionState::Absent | SubscriptionState::Requested
                if is_proved && self.names_our_order(event, cx) =>
            {
                self.created_by_event(event, cx);
                return Ok(());
            }
            SubscriptionState::Absent if self.names_our_order(event, cx) => {
                self.events.note(event.stamp())?;
                self.status.named_after_all(event.subscription(), cx);
                return Ok(());
            }
            SubscriptionState::Absent => return Err(IgnoredReason::Unrelated.into()),
            SubscriptionState::Requested => return Err(IgnoredReason::Early.into()),
            _ if !is_named && is_proved && self.names_our_order(event, cx) => {
                // Another subscription exists on our order: the token was used twice. A person reviews it.
                self.events.note(event.stamp())?;
                cx.ask(Review::MadeTwice, event.subscription());
                return Ok(());
            }
            _ if !is_named => return Err(IgnoredReason::Unrelated.into()),
            _ => {}
        }
        self.apply_event(event, is_proved, cx)
    }

    /// Applies an event about our subscription.
    fn apply_event(&mut self, event: &EventWebhook, is_proved: bool, cx: &mut Cx<'_>) -> Result<(), Stop> {
        self.events.note(event.stamp())?;
        self.check_event(event, cx);
        // Without proof, no transaction counts as failed.
        for made in event.made().filter(|it| is_proved || it.tried != Tried::Failed) {
            self.ledger.note(made, is_proved);
        }
        self.count_refunds(event, is_proved, cx);
        if is_proved {
            self.apply_proved(event, cx);
        }
        let state = self.status.state();
        if !state.is_known() || !is_proved && self.revives(event) {
            self.status.look_up(cx);
        } else if !(state.is_final() || is_proved && self.is_settled(event)) {
            self.status.look_up_on_hint(cx);
        }
        let shows_period = is_proved && event.paid_until().is_some();
        let is_charge = match event.kind() {
            EventType::Updated => true,
            EventType::Created => !self.payment.is_accepted(),
            _ => false,
        };
        if let Some(id) = self.status.id().filter(|_| state == SubscriptionState::Cancelled)
            && is_charge
            && event.is_paid()
            && !shows_period
        {
            self.payment.look_up_after_end(id, cx);
        }
        match event.kind() {
            EventType::Refunded => {
                self.refunds.look_up_all(cx);
            }
            EventType::Disputed => self.on_dispute(event, is_proved, cx),
            // On a plan that ends at a dispute, no other event tells about the dispute.
            EventType::Cancelled if event.reason() == Some(Reason::Dispute) => self.on_dispute(event, is_proved, cx),
            _ => {}
        }
        Ok(())
    }

    /// An event tells about a dispute. It ends nothing by itself, so a person reviews it.
    fn on_dispute(&mut self, event: &EventWebhook, is_proved: bool, cx: &mut Cx<'_>) {
        for dispute in event.disputes() {
            self.disputes.note(dispute, is_proved);
        }
        self.status.ask_about_dispute(cx);
    }

    /// Whether an event names the order of our token, after the create request was sent. If the event is genuine, it
    /// shows the result of that request.
    fn names_our_order(&self, event: &EventWebhook, cx: &Cx<'_>) -> bool {
        let is_unsent = cx.pending(Call::is_create).is_some_and(|it| !it.sent);
        !is_unsent && self.terms.is_on_token() && self.terms.is_order(event.order().as_ref())
    }

    /// Whether an event shows the result of a creation that ended as not done, while a new try is not sent yet.
    fn is_of_earlier_creation(&self, event: &EventWebhook, cx: &Cx<'_>) -> bool {
        let is_tried_again = cx.pending(Call::is_create).is_some_and(|it| !it.sent) && cx.ended_undone(Call::is_create);
        is_tried_again && self.terms.is_on_token() && self.terms.is_order(event.order().as_ref())
    }

    /// An event with proof names our order. It replaces the reply to the creation.
    fn created_by_event(&mut self, event: &EventWebhook, cx: &mut Cx<'_>) {
        let id = event.subscription();
        if cx.prove(Call::is_create, Some(id.as_str())).is_none() {
            // A person has said that nothing was created.
            let _ = cx.after_all(Call::is_create, id, Review::MadeAfterAll.only(&[Verdict::Seen]));
        }
        cx.withdraw(Call::is_status_lookup);
        self.status.bind(id.clone(), &mut self.payment, cx);
        let _ = self.events.note(event.stamp());
        self.status.look_up_on_hint(cx);
    }

    /// An event lists refunds. With proof, the refunds that are not ours count at once. Without proof, the transactions
    /// of the order are looked up, or each refund if the event names no order.
    fn count_refunds(&mut self, event: &EventWebhook, is_proved: bool, cx: &mut Cx<'_>) {
        for (transaction, amount) in event.refunds().filter(|_| is_proved) {
            self.refunds.on_shown(&transaction, amount, &mut self.ledger, cx);
        }
        let new = self.ledger.count_listed(event, is_proved);
        self.ledger.note_all_shown(event.refunds().filter(|_| is_proved).map(|it| it.0), cx);
        let is_first = event.payment_type() == Some(PaymentType::Initial);
        let order = event.order().or_else(|| self.terms.order().cloned().filter(|_| is_first));
        if new.is_empty() || is_proved || !self.status.state().is_known() {
            return;
        }
        match order {
            Some(order) => cx.look_up(Call::FindTransactions(order)),
            None => new.into_iter().take(LOOKED_UP).for_each(|it| cx.look_up(Call::RetrieveRefund(it))),
        }
    }

    /// Applies what is final in an event with proof. A lookup shows what can change both ways.
    fn apply_proved(&mut self, event: &EventWebhook, cx: &mut Cx<'_>) {
        let Self { status, payment, .. } = self;
        if !status.state().is_known() {
            return;
        }
        match event.kind() {
            // The payment was not made, so the lookup decides.
            EventType::Created if event.is_unpaid() => {}
            EventType::Created => {
                payment.accept(status, cx);
                if *event.status() == Status::Fulfilled {
                    status.become_fulfilled(payment, cx);
                }
            }
            EventType::Archived => status.end(SubscriptionState::Archived, payment, cx),
            EventType::Cancelled => status.become_cancelled(event.reason(), payment, cx),
            _ => {}
        }
        // A renewal that was charged before the end pays its period, in whatever order the messages come.
        let is_paid = !status.state().is_final() || status.state() == SubscriptionState::Cancelled && event.is_paid();
        if let Some(until) = event.paid_until().filter(|_| payment.is_accepted() && is_paid) {
            payment.extend(until, status, cx);
            payment.grant_access(status, cx);
        }
        payment.look_up_period(status, cx);
    }

    /// Whether an event shows a paid subscription although the first charge is known to have failed.
    fn revives(&self, event: &EventWebhook) -> bool {
        let is_live = matches!(event.kind(), EventType::Created | EventType::Updated | EventType::Resumed);
        self.status.state() == SubscriptionState::Archived && is_live && *event.status() == Status::Fulfilled
    }

    /// Whether nothing has to be looked up after an event.
    fn is_settled(&self, event: &EventWebhook) -> bool {
        match event.kind() {
            EventType::Created => self.status.state().is_live() && !event.is_unpaid(),
            EventType::Refunded | EventType::Disputed => true,
            _ => false,
        }
    }

    /// Checks an event against the rules, whatever it changes.
    fn check_event(&self, event: &EventWebhook, cx: &mut Cx<'_>) {
        let (kind, status, state) = (event.kind(), event.status(), self.status.state());
        cx.check(Rule::EventTypeKnown, kind.is_known()).at("/eventType");
        cx.check(Rule::EventOccurredAtAlias, event.has_one_time()).at("/ocurredAt");
        cx.check(Rule::EventMatchSubscription, self.terms.is_plan(event.plan())).at("/data/planId");
        let agrees = match kind {
            EventType::Created => *status == Status::Fulfilled && !event.is_unpaid(),
            EventType::Archived => *status == Status::Archived,
            EventType::Cancelled => *status == Status::Cancelled && event.has_cancellation(),
            EventType::Paused => *status == Status::Paused,
            _ => true,
        };
        cx.check(Rule::EventStatusConsistency, agrees).at("/data/status");
        let fits = *kind != EventType::Refunded || event.refunds_fit();
        cx.check(Rule::RefundSum, fits).at("/originator/data/transactions");
        let is_renewal = matches!(event.payment_type(), Some(PaymentType::Renewal | PaymentType::Maintenance));
        let is_archived = state == SubscriptionState::Archived;
        cx.check(Rule::RebillOnlyAfterInitial, !(is_renewal && is_archived)).at("/originator/data/type");
        let is_pausable = *kind != EventType::Paused || state != SubscriptionState::Awaiting;
        cx.check(Rule::PauseFromLive, is_pausable).at("/eventType");
        let is_running = matches!(state, SubscriptionState::Fulfilled | SubscriptionState::PastDue);
        cx.check(Rule::ResumeOnlyFromPaused, *kind != EventType::Resumed || !is_running).at("/eventType");
        let is_change = matches!(kind, EventType::Updated | EventType::Paused | EventType::Resumed);
        let is_cancelled = state == SubscriptionState::Cancelled;
        cx.check(Rule::CancelledTerminal, !(is_change && is_cancelled)).at("/eventType");
        let is_revived = is_archived && (is_change || *kind == EventType::Created);
        cx.check(Rule::ArchivedTerminal, !is_revived).at("/eventType");
    }

    /// A callback. It comes through the customer's browser, so it is a hint whatever its origin.
    fn on_callback(&mut self, callback: &Callback, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let is_ours = self.terms.is_order(callback.order.as_ref());
        self.accept_message(is_ours, callback.stamp())?;
        if !self.status.state().is_final() {
            self.status.look_up_on_request(cx);
        }
        Ok(())
    }

    /// A notification about one transaction. It is a hint. With proof of its origin, it ends the refund that it names.
    fn on_notification(&mut self, notification: &Notification, origin: Origin, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let is_ours = self.refunds.has(&notification.transaction) || self.terms.is_order(Some(&notification.order));
        self.accept_message(is_ours, notification.stamp())?;
        let kind = &notification.kind;
        cx.check(Rule::EventTypeKnown, kind.is_known()).at("/transactionType");
        let is_handled = *kind == TransactionType::Refund
            && self.refunds.on_notification(notification, origin, &mut self.ledger, cx);
        if let Some(dispute) = notification.dispute() {
            self.disputes.note(dispute, origin == Origin::Verified);
            self.status.ask_about_dispute(cx);
        }
        if !(is_handled || self.status.state().is_final()) {
            self.status.look_up_on_hint(cx);
        }
        Ok(())
    }

    /// Accepts a message only if it is about this subscription, the subscription is known, and the message is new.
    fn accept_message(&mut self, is_ours: bool, stamp: (Timestamp, Digest)) -> Result<(), IgnoredReason> {
        match self.status.state() {
            SubscriptionState::Requested if is_ours => Err(IgnoredReason::Early),
            state if !is_ours || !state.is_known() => Err(IgnoredReason::Unrelated),
            _ => self.events.note(stamp),
        }
    }
}
