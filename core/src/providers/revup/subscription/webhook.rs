//! The dispatch of what Revup posts: a hint that makes the lookup owed, and evidence of what is final where its origin is
//! proved.

use super::status::SubscriptionState;
use super::{Cx, Subscription};
use crate::fact::{IgnoredReason, Origin};
use crate::flow::{Reviews, Stop};
use crate::id::Digest;
use crate::providers::revup::api::calls::Call;
use crate::providers::revup::api::event::{EventSeen, EventType, PaymentType};
use crate::providers::revup::api::notification::{Notification, TransactionType};
use crate::providers::revup::api::replies::Status;
use crate::providers::revup::callback::Callback;
use crate::providers::revup::names::{Review, Verdict};
use crate::providers::revup::rules::Rule;
use crate::time::Timestamp;

impl Subscription {
    /// An event.
    pub(super) fn event(&mut self, event: &EventSeen, origin: Origin, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let is_proved = origin == Origin::Verified;
        let is_named = self.status.id() == Some(event.subscription());
        match self.status.state() {
            SubscriptionState::Absent | SubscriptionState::Requested if is_proved && self.is_answer(event, cx) => {
                self.created_by(event, cx);
                return Ok(());
            }
            SubscriptionState::Absent if self.is_answer(event, cx) => {
                self.events.remember(event.stamp())?;
                self.status.named_after_all(event.subscription(), cx);
                return Ok(());
            }
            SubscriptionState::Absent => return Err(IgnoredReason::Unrelated.into()),
            SubscriptionState::Requested => return Err(IgnoredReason::Early.into()),
            _ if !is_named && is_proved && self.is_answer(event, cx) => {
                // Another subscription on the order of ours: the token was used twice, and a person looks.
                self.events.remember(event.stamp())?;
                cx.ask(Review::MadeTwice, event.subscription().as_str());
                return Ok(());
            }
            _ if !is_named => return Err(IgnoredReason::Unrelated.into()),
            _ => {}
        }
        self.events.remember(event.stamp())?;
        self.check_event(event, cx);
        for made in event.made() {
            self.ledger.note(made, is_proved);
        }
        self.count_refunds(event, is_proved, cx);
        if is_proved {
            self.proved(event, cx);
        }
        let state = self.status.state();
        if !state.is_known() || !is_proved && self.revives(event) {
            self.status.confirm(cx);
        } else if !(state.is_final() || is_proved && self.is_settled(event)) {
            self.status.hint(cx);
        }
        match event.kind() {
            EventType::Refunded => {
                self.refunds.look_at_all(cx);
            }
            EventType::Disputed => self.status.disputed(cx),
            _ => {}
        }
        Ok(())
    }

    /// Whether an event answers our creation, if it is genuine: it names the order of the token that we have sent.
    fn is_answer(&self, event: &EventSeen, cx: &Cx<'_>) -> bool {
        let is_unsent = cx.pending(Call::is_create).is_some_and(|it| !it.sent);
        !is_unsent && self.terms.is_on_token() && self.terms.is_order(event.order().as_ref())
    }

    /// An event names our order, and nobody else can have sent it: it stands in for the reply to the creation.
    fn created_by(&mut self, event: &EventSeen, cx: &mut Cx<'_>) {
        let id = event.subscription();
        if cx.prove(Call::is_create, Some(id.as_str())).is_none() {
            // A person has said that nothing was created.
            let _ = cx.after_all(Call::is_create, id.as_str(), Review::MadeAfterAll.only(&[Verdict::Seen]));
        }
        cx.withdraw(Call::is_of_status);
        self.status.bind(id.clone(), &mut self.payment, cx);
        let _ = self.events.remember(event.stamp());
        self.status.hint(cx);
    }

    /// An event lists refunds: with proof, those that are not ours count at once; otherwise the order's transactions tell.
    fn count_refunds(&mut self, event: &EventSeen, is_proved: bool, cx: &mut Cx<'_>) {
        let is_news = self.ledger.count_listed(event, is_proved);
        let is_first = event.payment_type() == Some(PaymentType::Initial);
        let order = event.order().or_else(|| self.terms.order().cloned().filter(|_| is_first));
        if let Some(order) = order.filter(|_| is_news && !is_proved && self.status.state().is_known()) {
            cx.look_up(Call::FindTransactions(order));
        }
    }

    /// Takes what is final from an event whose origin is proved; what can go both ways is the lookup's to say.
    fn proved(&mut self, event: &EventSeen, cx: &mut Cx<'_>) {
        let Self { status, payment, .. } = self;
        if !status.state().is_known() {
            return;
        }
        match event.kind() {
            // The payment that it comes from decides, and the lookup where that was not made.
            EventType::Created if event.is_unpaid() => {}
            EventType::Created => {
                payment.accept(status, cx);
                if *event.status() == Status::Fulfilled {
                    status.fulfilled(payment, cx);
                }
            }
            EventType::Archived => status.end(SubscriptionState::Archived, payment, cx),
            EventType::Cancelled => status.cancelled(event.reason(), payment, cx),
            _ => {}
        }
        if let Some(until) = event.paid_until().filter(|_| payment.is_accepted() && !status.state().is_final()) {
            payment.paid(until, status, cx);
            payment.grant(status, cx);
        }
        payment.measure(status, cx);
    }

    /// Whether an event tells of a paid subscription, where the first charge is known to have failed.
    fn revives(&self, event: &EventSeen) -> bool {
        let lives = matches!(event.kind(), EventType::Created | EventType::Updated | EventType::Resumed);
        self.status.state() == SubscriptionState::Archived && lives && *event.status() == Status::Fulfilled
    }

    /// Whether an event leaves nothing to be looked up.
    fn is_settled(&self, event: &EventSeen) -> bool {
        match event.kind() {
            EventType::Created => self.status.state().is_live() && !event.is_unpaid(),
            EventType::Refunded | EventType::Disputed => true,
            _ => false,
        }
    }

    /// What is odd about an event, whatever it moves.
    fn check_event(&self, event: &EventSeen, cx: &mut Cx<'_>) {
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
        let rebill = matches!(event.payment_type(), Some(PaymentType::Renewal | PaymentType::Maintenance));
        let is_archived = state == SubscriptionState::Archived;
        cx.check(Rule::RebillOnlyAfterInitial, !(rebill && is_archived)).at("/originator/data/type");
        let paused = *kind != EventType::Paused || state != SubscriptionState::Awaiting;
        cx.check(Rule::PauseFromLive, paused).at("/eventType");
        let runs = matches!(state, SubscriptionState::Fulfilled | SubscriptionState::PastDue);
        cx.check(Rule::ResumeOnlyFromPaused, *kind != EventType::Resumed || !runs).at("/eventType");
        let moves = matches!(kind, EventType::Updated | EventType::Paused | EventType::Resumed);
        let is_cancelled = state == SubscriptionState::Cancelled;
        cx.check(Rule::CancelledTerminal, !(moves && is_cancelled)).at("/eventType");
        let revived = is_archived && (moves || *kind == EventType::Created);
        cx.check(Rule::ArchivedTerminal, !revived).at("/eventType");
    }

    /// A callback comes through the customer's hands: it is a hint whoever vouches for it.
    pub(super) fn called_back(&mut self, callback: &Callback, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let is_ours = self.terms.is_order(callback.order.as_ref());
        self.check_news(is_ours, callback.stamp())?;
        if !self.status.state().is_final() {
            self.status.ask(cx);
        }
        Ok(())
    }

    /// A notification tells how one transaction stands: a hint, and with proof the end of the refund that it names.
    pub(super) fn notified(
        &mut self,
        notification: &Notification,
        origin: Origin,
        cx: &mut Cx<'_>,
    ) -> Result<(), Stop> {
        let is_ours = self.refunds.has(&notification.transaction) || self.terms.is_order(Some(&notification.order));
        self.check_news(is_ours, notification.stamp())?;
        let kind = &notification.kind;
        cx.check(Rule::EventTypeKnown, kind.is_known()).at("/transactionType");
        let is_handled =
            *kind == TransactionType::Refund && self.refunds.notified(notification, origin, &mut self.ledger, cx);
        if matches!(kind, TransactionType::Chargeback | TransactionType::Rdr | TransactionType::InformationRequested) {
            self.status.disputed(cx);
        }
        if !(is_handled || self.status.state().is_final()) {
            self.status.hint(cx);
        }
        Ok(())
    }

    /// Goes on only if a message is about this subscription, which is known, and was not told before.
    fn check_news(&mut self, is_ours: bool, stamp: (Timestamp, Digest)) -> Result<(), IgnoredReason> {
        match self.status.state() {
            SubscriptionState::Requested if is_ours => Err(IgnoredReason::Early),
            state if !is_ours || !state.is_known() => Err(IgnoredReason::Unrelated),
            _ => self.events.remember(stamp),
        }
    }
}
