//! The gates of a subscription: what the state permits, and what a command may contain.

use super::record::{SubscriptionRecord, check_cancellation, check_one_change, check_update, is_setup};
use super::refunding::{accepts_refund, check_refund, permits_refund};
use super::{Action, Command, Rules, Subscription};
use crate::providers::flex::Flex;
use crate::providers::flex::api::calls::{CREATE_SESSION, Call};
use crate::providers::flex::api::request::CancelSubscription;
use crate::providers::flex::api::session_request::{Mode, of_other_flow};
use crate::providers::flex::ids::{DisputeId, SubscriptionId};
use crate::providers::flex::names::SignalName;
use crate::providers::flex::rules::Rule;
use crate::rule::{CoreRule, UnblockedBy};

/// What an action needs from the state. It is checked for a command, and again at the lease of its request.
pub(super) fn permits(subscription: &Subscription, action: Action, rules: &mut Rules<'_>) {
    match action {
        Action::Create => {
            subscription.sessions.permits_create(rules);
            // `permits_create` has rejected the command already if a session has settled the purchase.
            rules.check(
                CoreRule::AlreadyStarted,
                subscription.record.is_none() || subscription.sessions.settled().is_some(),
            );
        }
        // Without a subscription, `check` rejects the session, because the other flow has it.
        Action::SetUp if subscription.record.is_some() => permits_end(subscription, rules),
        Action::SetUp | Action::RetrieveSession | Action::Retrieve | Action::RetrieveInvoice => {}
        // Another paid subscription can be ended even after the flow's own.
        Action::Cancel if subscription.others.any_runs() => {}
        Action::Cancel => permits_end(subscription, rules),
        Action::EndWithPeriod => permits_flag(subscription, true, rules),
        Action::KeepRunning => permits_flag(subscription, false, rules),
        Action::Change => permits_end(subscription, rules),
        Action::Refund => permits_refund(subscription, rules),
        Action::FindDisputes | Action::RetrieveDispute => {}
        Action::CloseDispute => {
            let is_open = subscription.record.as_ref().is_some_and(|record| record.watched().any_is_open());
            rules.check(Rule::DisputeCloseWhileOpen, is_open);
        }
    }
}

/// What a new command needs besides.
pub(super) fn accepts(subscription: &Subscription, action: Action, rules: &mut Rules<'_>) {
    match action {
        Action::Create => subscription.sessions.accepts_create(rules),
        Action::RetrieveSession => subscription.sessions.accepts_retrieve(subscription.is_absent(), rules),
        Action::Retrieve => {
            let known = subscription.record.is_some() || subscription.is_absent();
            rules
                .check(CoreRule::NothingKnown, known)
                .unblocked_by(UnblockedBy::signal(SignalName::SessionCompleted.as_str()));
        }
        Action::RetrieveInvoice => {
            rules
                .check(CoreRule::NothingKnown, subscription.record.is_some())
                .unblocked_by(UnblockedBy::signal(SignalName::SessionCompleted.as_str()));
        }
        Action::FindDisputes => accepts_find_disputes(subscription, rules),
        Action::RetrieveDispute => {
            let known = subscription.record.as_ref().is_some_and(|record| !record.watched().is_empty());
            rules.check(CoreRule::NothingKnown, known);
        }
        Action::SetUp => accepts_set_up(subscription, rules),
        Action::EndWithPeriod | Action::KeepRunning => {
            subscription.record.iter().for_each(|record| check_one_at_a_time(record.id(), rules));
        }
        Action::Cancel | Action::Change => {}
        Action::CloseDispute => {
            if let Some(record) = &subscription.record {
                rules.check(Rule::DisputeCloseNotRefunded, can_close_any(subscription, record));
            }
        }
        Action::Refund => accepts_refund(subscription, rules),
    }
}

/// A page for another payment method needs a subscription, and only one can be under way.
fn accepts_set_up(subscription: &Subscription, rules: &mut Rules<'_>) {
    let until = UnblockedBy::action_of(<Subscription as Flex>::OTHER, CREATE_SESSION.name);
    rules
        .check(CoreRule::OtherFlow, subscription.record.is_some())
        .at("/mode")
        .unblocked_by(until)
        .because(|| of_other_flow::<Subscription>(&Mode::Setup));
    let sent = rules.sent(is_setup).then(|| rules.reply_to(is_setup)).flatten();
    rules.check(CoreRule::OneAtATime, sent.is_none()).unblocked_by(sent);
}

/// Flex lists the disputes of a payment, so one must be known.
fn accepts_find_disputes(subscription: &Subscription, rules: &mut Rules<'_>) {
    let unblocked_by = match subscription.record {
        Some(_) => UnblockedBy::action(Action::Retrieve.as_str()),
        None => UnblockedBy::signal(SignalName::SessionCompleted.as_str()),
    };
    let knows_any = subscription.record.is_some() && subscription.knows_any_payment();
    rules.check(CoreRule::NothingKnown, knows_any).unblocked_by(unblocked_by);
}

/// Checks the contents of a command.
pub(super) fn check(subscription: &Subscription, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreateCheckoutSession(request) => match subscription.record.as_ref() {
            Some(record) if request.mode == Mode::Setup => {
                let reference = subscription.sessions.reference().unwrap_or(rules.key().as_str());
                record.check_setup(request, reference, rules);
            }
            // `accepts` has rejected the command already.
            None if request.mode == Mode::Setup => {}
            _ => {
                request.check::<Subscription>(rules);
                subscription.sessions.check_create(request, rules);
            }
        },
        Command::RetrieveCheckoutSession { checkout_session_id } => {
            subscription.sessions.check_retrieve(checkout_session_id.as_ref(), subscription.is_absent(), rules);
        }
        Command::RetrieveSubscription { subscription_id: given } => {
            let have = subscription.record.as_ref().map(|record| record.id());
            let same = given.is_none() || have.is_none() || given.as_ref() == have;
            // `accepts` has rejected the command already if there is nothing to look up.
            let some = given.is_some() || have.is_some() || !subscription.is_absent();
            rules.check(CoreRule::NothingKnown, some).at("/subscription_id");
            rules.check(CoreRule::UnknownId, same).at("/subscription_id");
        }
        Command::RetrieveInvoice { invoice_id } => {
            let known = subscription.record.as_ref().is_none_or(|record| record.keeps_invoice(invoice_id));
            rules.check(CoreRule::UnknownId, known).at("/invoice_id");
        }
        Command::CancelSubscription(requested) => check_cancel(subscription, requested, rules),
        Command::RefundPayment(refund) => check_refund(subscription, refund, rules),
        Command::FindDisputes { payment_intent_id: payment } => {
            // `accepts` has rejected the command already if no payment is known.
            let known = !subscription.knows_any_payment() || subscription.knows_payment(payment);
            rules.check(CoreRule::UnknownId, known).at("/payment_intent_id");
        }
        Command::RetrieveDispute { dispute_id } => {
            subscription.record.iter().for_each(|record| record.watched().check_known(dispute_id, rules));
        }
        Command::CloseDispute { dispute_id } => {
            subscription.record.iter().for_each(|record| check_close(subscription, record, dispute_id, rules));
        }
        Command::UpdateSubscription(requested) => {
            check_update(requested, rules);
            match &subscription.record {
                Some(record) if requested.changes() => {
                    record.check_change(rules);
                    check_one_change(record, rules);
                }
                // `accepts` has checked a change of the flag already.
                _ => {}
            }
        }
    }
}

/// Whether money of the disputed payment was refunded, or is about to be.
fn is_refunded(subscription: &Subscription, record: &SubscriptionRecord, id: &DisputeId) -> bool {
    let payment = record.watched().payment(id);
    subscription.refunding.touches(payment) || record.is_refund_expected(payment)
}

/// Whether no refund stands against the acceptance of some dispute, or there is none to accept.
fn can_close_any(subscription: &Subscription, record: &SubscriptionRecord) -> bool {
    let mut closable = record.watched().closable().peekable();
    closable.peek().is_none() || closable.any(|id| !is_refunded(subscription, record, id))
}

/// The customer would have the money of a refunded payment twice.
fn check_close(subscription: &Subscription, record: &SubscriptionRecord, id: &DisputeId, rules: &mut Rules<'_>) {
    record.watched().check_close(id, rules);
    if !record.watched().is_open(id) {
        return;
    }
    // If none can be closed, `accepts` has rejected the command already.
    let known = !is_refunded(subscription, record, id) || !can_close_any(subscription, record);
    rules.check(Rule::DisputeCloseNotRefunded, known).at("/dispute_id");
    let cancel = rules.reply_to(|call| matches!(call, Call::CancelSubscription(_, it) if it.refunds()));
    rules.check(CoreRule::OneAtATime, cancel.is_none()).at("/dispute_id").unblocked_by(cancel);
}

fn check_cancel(subscription: &Subscription, requested: &CancelSubscription, rules: &mut Rules<'_>) {
    check_cancellation(requested, rules);
    // A refund that is under way may return the same money.
    let refund = rules.reply_to(|call| matches!(call, Call::RefundPayment(..))).filter(|_| requested.refunds());
    rules.check(CoreRule::OneAtATime, refund.is_none()).at("/refund").unblocked_by(refund);
    let main = subscription.record.as_ref();
    let is_other = |id: &&SubscriptionId| main.is_none_or(|record| record.id() != *id);
    if let Some(named) = requested.subscription_id.as_ref().filter(is_other) {
        let other = subscription.others.runs(named);
        let at_once = requested.cancel_at_period_end == Some(false);
        rules.check(Rule::SubscriptionCancelRefund, !requested.refunds()).at("/refund");
        rules.check(CoreRule::UnknownId, other && at_once).at("/subscription_id");
        check_one_at_a_time(named, rules);
        return;
    }
    let running = main.is_some_and(|record| record.can_end());
    // `permits` has rejected the command already if there is no other subscription.
    rules.check(CoreRule::NotNow, running || !subscription.others.any_runs()).at("/subscription_id");
    if let Some(record) = main {
        let is_disputed = requested.refunds() && subscription.is_end_disputed();
        rules.check(Rule::RefundNotDisputed, !is_disputed).at("/refund");
        // `accepts` has checked an end with the period already.
        if requested.cancel_at_period_end != Some(true) {
            check_one_at_a_time(record.id(), rules);
        }
    }
}

/// Only one request about an end can be open at a time. A change of the flag can replace an earlier one that is not
/// leased.
fn check_one_at_a_time(subscription: &SubscriptionId, rules: &mut Rules<'_>) {
    let cancels = |call: &Call| matches!(call, Call::CancelSubscription(id, _) if id == subscription);
    let updates = |call: &Call| matches!(call, Call::UpdateSubscription(id, _) if id == subscription);
    let leased = || rules.is_leased(updates).then(|| rules.reply_to(updates)).flatten();
    let reply = rules.reply_to(cancels).or_else(leased);
    rules.check(CoreRule::OneAtATime, reply.is_none()).unblocked_by(reply);
}

/// Only the newest change of the flag is sent. An older one would undo it.
fn permits_flag(subscription: &Subscription, with_period: bool, rules: &mut Rules<'_>) {
    permits_end(subscription, rules);
    if rules.is_lease() {
        let newest = subscription.record.as_ref().is_some_and(|record| record.is_flag_requested(with_period));
        rules.check(CoreRule::NotNow, newest);
    }
}

fn permits_end(subscription: &Subscription, rules: &mut Rules<'_>) {
    let Some(record) = &subscription.record else {
        rules.check(CoreRule::NotNow, false).unblocked_by(match subscription.is_absent() {
            true => UnblockedBy::action(Action::Create.as_str()),
            false => UnblockedBy::signal(SignalName::SessionCompleted.as_str()),
        });
        return;
    };
    let lookup = rules.reply_to(|call| matches!(call, Call::RetrieveSubscription(_)));
    rules.check(CoreRule::NotNow, record.can_end()).unblocked_by(lookup);
}
