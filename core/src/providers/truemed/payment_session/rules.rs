//! The rules of the session's actions: what the state decides, and what the contents of a command decide.

use alloc::format;

use super::ends::Ending;
use super::known::content;
use super::{Action, Command, Known, PaymentSession, Rules};
use crate::flow::Flow;
use crate::flow::Intents;
use crate::id::Intent;
use crate::money::Cents;
use crate::providers::truemed::api::requests::{CapturePaymentSession, CreateRefund};
use crate::providers::truemed::api::webhook::Status;
use crate::providers::truemed::names::{Review, SignalName};
use crate::providers::truemed::payment_token::PaymentToken;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::check_no_open_review;
use crate::rule::{CoreRule, UnblockedBy};

/// What an action needs, for a command and again when its request is leased.
pub(super) fn permits(session: &PaymentSession, action: Action, rules: &mut Rules<'_>) {
    // Until the session is paid or canceled, only Truemed's report moves it on.
    let waits_for_truemed = session.is_open() && !is_immediate(session);
    let report = || waits_for_truemed.then_some(UnblockedBy::signal(SignalName::SessionComplete.as_str()));
    match action {
        Action::Create => check_no_open_review(&[Review::Unplaced], rules),
        Action::Retrieve => {}
        Action::Capture => {
            rules.check(Rule::CaptureOnlyAuthorization, is_held(session)).unblocked_by(report());
            check_no_other_end(session, |it| matches!(it, Ending::Capture(..)), rules);
        }
        Action::Void => {
            rules.check(Rule::VoidOnlyAuthorized, is_held(session)).unblocked_by(report());
            check_no_other_end(session, |it| matches!(it, Ending::Void), rules);
        }
        Action::Cancel => {
            rules.check(Rule::CancelOnlyPending, session.status() == Some(&Status::Pending));
            check_no_other_end(session, |it| matches!(it, Ending::Cancel), rules);
        }
        Action::Refund => check_can_refund(session, rules),
    }
}

/// What a new command needs in addition.
pub(super) fn accepts(session: &PaymentSession, action: Action, rules: &mut Rules<'_>) {
    match (session, action) {
        (PaymentSession::Absent, Action::Create) => {}
        // While a session is open, another cart needs a key of its own. A session that is over cannot be started
        // again.
        (_, Action::Create) if session.is_open() => {
            rules.check(Rule::SessionIdempotencyNewCartNewKey, false);
        }
        (_, Action::Create) => {
            rules.check(CoreRule::AlreadyStarted, false);
        }
        (PaymentSession::Known(known), Action::Refund) if known.session.status == Status::Captured => {
            rules
                .check(Rule::RefundAmount, known.refundable().is_none_or(|left| left > Cents::ZERO))
                .because(|| "0 cents of the captured amount are left to refund.".into());
        }
        (_, Action::Retrieve) => {
            let can_name = *session == PaymentSession::Absent;
            rules.check(CoreRule::NothingKnown, can_name || session.id().is_some());
        }
        _ => {}
    }
}

/// The rules that depend on the contents of a command.
pub(super) fn check(session: &PaymentSession, command: &Command, rules: &mut Rules<'_>) {
    match (command, session) {
        (Command::CreatePaymentSession(command), _) => {
            let other_flow = UnblockedBy::action_of(PaymentToken::ID, Action::Create.as_str());
            let field = if command.is_charge() { "/payment_token" } else { "/tokenize" };
            rules
                .check(Rule::SessionUnattendedNeedsActiveToken, !command.is_of_a_token())
                .at(field)
                .unblocked_by(other_flow)
                .because(|| {
                    let (field, own, other) = (field.trim_start_matches('/'), PaymentSession::ID, PaymentToken::ID);
                    format!("A session with `{field}` is a command of `{other}`; this snapshot is `{own}`.")
                });
            if !command.is_of_a_token() {
                command.check(rules);
            }
        }
        (Command::RetrievePaymentSession { payment_session_id: given }, _) => {
            let id = session.id().or(given.as_ref().filter(|_| *session == PaymentSession::Absent));
            let same = given.is_none() || given.as_ref() == id;
            // Once a session is requested, `accepts` has rejected the command already.
            let named = id.is_some() || *session != PaymentSession::Absent;
            rules.check(CoreRule::NothingKnown, named).at("/payment_session_id");
            rules.check(CoreRule::UnknownId, same || id.is_none()).at("/payment_session_id");
        }
        (Command::CapturePaymentSession(capture), PaymentSession::Known(known)) => {
            check_capture(known, capture.total_amount, rules);
            rules.check_extra::<CapturePaymentSession>(&capture.extra);
            check_intent(&known.ends, capture.intent.as_ref(), command, rules);
        }
        (Command::CreateRefund(refund), PaymentSession::Known(known)) => {
            rules.check(Rule::RefundReason, refund.reason.is_known()).at("/reason");
            rules.check_extra::<CreateRefund>(&refund.extra);
            check_refund(known, refund.amount, rules);
            rules.check(CoreRule::IntentRequired, refund.intent.is_some()).at("/intent");
            check_intent(&known.refunds, refund.intent.as_ref(), command, rules);
        }
        _ => {}
    }
}

/// Checks that the intent has no other content.
fn check_intent(intents: &Intents, intent: Option<&Intent>, command: &Command, rules: &mut Rules<'_>) {
    if let (Some(intent), Some(content)) = (intent, content(command)) {
        intents.status_of(intent, content).check(Rule::RefundKeyUnique, rules);
    }
}

fn check_capture(known: &Known, total_amount: Cents, rules: &mut Rules<'_>) {
    let requested = known.session.requested.as_ref();
    let total = requested.map(|it| it.total).or(known.session.authorized);
    let within = total_amount > Cents::ZERO && total.is_none_or(|total| total_amount <= total);
    rules.check(Rule::CaptureAmount, within).at("/total_amount").because(|| match total {
        Some(total) => format!("The capture asks for {total_amount} cents, and {total} cents are authorized."),
        None => format!("The capture asks for {total_amount} cents."),
    });
    let covers = requested.is_none_or(|it| total_amount >= it.items);
    rules.check(Rule::CaptureAmountVsItems, covers).at("/total_amount");
}

fn check_refund(known: &Known, amount: Cents, rules: &mut Rules<'_>) {
    if known.session.status != Status::Captured {
        return;
    }
    // Another rule already says that nothing is left.
    let left = known.refundable().filter(|left| *left > Cents::ZERO);
    let within = amount > Cents::ZERO && left.is_none_or(|left| amount <= left);
    rules.check(Rule::RefundAmount, within).at("/amount").because(|| match left {
        Some(left) if amount > Cents::ZERO => {
            format!("The refund asks for {amount} cents, but {left} cents of the captured amount are left.")
        }
        _ => format!("The refund asks for {amount} cents."),
    });
}

fn check_can_refund(session: &PaymentSession, rules: &mut Rules<'_>) {
    let captured = session.status() == Some(&Status::Captured);
    let waits_for_truemed = session.is_open() || session.status() == Some(&Status::Authorized);
    rules
        .check(Rule::RefundAfterCapture, captured)
        .unblocked_by(waits_for_truemed.then_some(UnblockedBy::signal(SignalName::SessionComplete.as_str())));
    let PaymentSession::Known(known) = session else { return };
    let lookup = UnblockedBy::action(Action::Retrieve.as_str());
    rules.check(Rule::RefundNoDispute, !known.disputed).unblocked_by(lookup);
    check_restored(known, rules);
}

/// Checks before a refund is sent that a row from a backup has seen what was refunded.
fn check_restored(known: &Known, rules: &mut Rules<'_>) {
    if rules.is_lease() && !rules.is_resend() && known.has_unchecked_refund() {
        let review = Review::RefundBeforeRestore.as_str();
        let unblocked_by = rules.lookup_or_review(|call| call.looks_at(&known.session.id), review);
        rules.check(Rule::RefundAfterRestore, false).unblocked_by(unblocked_by);
    }
}

/// Whether the money is held, as far as the reports show.
fn is_held(session: &PaymentSession) -> bool {
    let known = |known: &Known| known.session.status == Status::Authorized && !known.session.ended;
    !is_immediate(session) && matches!(session, PaymentSession::Known(it) if known(it))
}

/// Whether the session takes its money at once.
fn is_immediate(session: &PaymentSession) -> bool {
    match session {
        PaymentSession::Requested(requested) => !requested.authorization,
        PaymentSession::Known(known) => {
            known.session.requested.as_ref().is_some_and(|requested| !requested.authorization)
        }
        _ => false,
    }
}

/// Checks that no other capture, void or cancel is pending.
fn check_no_other_end(session: &PaymentSession, own: fn(&Ending) -> bool, rules: &mut Rules<'_>) {
    if let PaymentSession::Known(known) = session
        && let Some(ending) = &known.ending
        && !(rules.is_lease() && own(ending))
    {
        rules
            .check(CoreRule::OneAtATime, false)
            .unblocked_by(UnblockedBy::signal(SignalName::SessionComplete.as_str()));
    }
}

impl PaymentSession {
    /// The status of the session, if Truemed knows it.
    fn status(&self) -> Option<&Status> {
        match self {
            Self::Known(known) => Some(&known.session.status),
            _ => None,
        }
    }

    /// Whether only Truemed's report moves the session on: it is neither held nor over.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Known(known) => {
                !known.session.ended && matches!(known.session.status, Status::Pending | Status::Processing)
            }
            _ => true,
        }
    }
}
