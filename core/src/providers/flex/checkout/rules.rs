//! The gates of a checkout: what the state permits, and what a command may contain.

use alloc::format;

use super::payment::Payment;
use super::{Action, Checkout, Command, Rules};
use crate::money::Cents;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::capture_request::CapturePayment;
use crate::providers::flex::api::request::CreateRefund;
use crate::providers::flex::api::session_request::check_metadata;
use crate::providers::flex::disputes::WatchedDisputes;
use crate::providers::flex::ids::DisputeId;
use crate::providers::flex::names::SignalName;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::Session;
use crate::rule::{CoreRule, UnblockedBy};

/// What an action needs from the state. It is checked for a command, and again at the lease of its request.
pub(super) fn permits(checkout: &Checkout, action: Action, rules: &mut Rules<'_>) {
    match action {
        Action::Create => checkout.sessions.permits_create(rules),
        Action::Retrieve => {}
        Action::Refund => permits_refund(checkout, rules),
        Action::Capture => permits_capture(checkout, rules),
        Action::RetrieveDispute => {}
        Action::CloseDispute => {
            rules.check(Rule::DisputeCloseWhileOpen, checkout.watches().any(WatchedDisputes::any_is_open));
        }
    }
}

/// What a new command needs besides.
pub(super) fn accepts(checkout: &Checkout, action: Action, rules: &mut Rules<'_>) {
    let manual = checkout.sessions.is_manual();
    match (action, &checkout.payment) {
        (Action::Create, _) => checkout.sessions.accepts_create(rules),
        (Action::Retrieve, _) => checkout.sessions.accepts_retrieve(can_start(checkout), rules),
        (Action::Refund, Some(_)) => {
            let mut free = refundable(checkout).map(|(payment, manual)| payment.undisputed(manual)).peekable();
            rules
                .check(Rule::RefundNotAboveReceived, free.peek().is_some())
                .because(|| "0 cents of the payment are left to refund.".into());
            let is_each_disputed = free.peek().is_some() && free.all(|it| it <= Cents::ZERO);
            rules.check(Rule::RefundNotDisputed, !is_each_disputed);
        }
        (Action::Capture, Some(payment)) => {
            rules.check(Rule::CaptureNotAboveAuthorised, payment.capturable() > Cents::ZERO || !manual);
        }
        (Action::RetrieveDispute, _) => {
            rules.check(CoreRule::NothingKnown, checkout.watches().next().is_some());
        }
        (Action::CloseDispute, Some(_)) => {
            rules.check(Rule::DisputeCloseNotRefunded, can_close_any(checkout));
        }
        (Action::Refund | Action::Capture | Action::CloseDispute, None) => {}
    }
}

/// Checks the contents of a command.
pub(super) fn check(checkout: &Checkout, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreateCheckoutSession(request) => {
            request.check::<Checkout>(rules);
            checkout.sessions.check_create(request, rules);
        }
        Command::RetrieveCheckoutSession { checkout_session_id } => {
            checkout.sessions.check_retrieve(checkout_session_id.as_ref(), can_start(checkout), rules);
        }
        Command::CreateRefund(refund) => check_refund(checkout, refund, rules),
        Command::CapturePayment(capture) => check_capture(checkout, capture, rules),
        Command::RetrieveDispute { dispute_id } => {
            let mut watches = checkout.watches();
            let watched = watches.find(|it| it.knows(dispute_id)).or_else(|| checkout.watches().next());
            watched.into_iter().for_each(|it| it.check_known(dispute_id, rules));
        }
        Command::CloseDispute { dispute_id } => check_close(checkout, dispute_id, rules),
    }
}

/// The payments of complete sessions of which something is left to refund, and whether each is only authorized.
fn refundable(checkout: &Checkout) -> impl Iterator<Item = (&Payment, bool)> {
    let complete = checkout.ledgers().filter(|(_, session)| session.is_complete());
    complete.map(|(it, session)| (it, session.is_manual())).filter(|(it, manual)| it.refundable(*manual) > Cents::ZERO)
}

fn check_close(checkout: &Checkout, dispute: &DisputeId, rules: &mut Rules<'_>) {
    let of = checkout.session_of_dispute(dispute).and_then(|id| checkout.ledger(&id));
    let Some((payment, session)) = of.or_else(|| checkout.ledgers().find(|(it, _)| !it.watched().is_empty())) else {
        return;
    };
    payment.watched().check_close(dispute, rules);
    let whole = payment.has_whole(dispute, session.is_manual());
    // If none can be closed, `accepts` has rejected the command already.
    let known = whole || !payment.watched().is_open(dispute) || !can_close_any(checkout);
    rules.check(Rule::DisputeCloseNotRefunded, known).at("/dispute_id");
}

/// Whether no refund stands against the acceptance of some dispute, or there is none to accept.
fn can_close_any(checkout: &Checkout) -> bool {
    let of_each = |(payment, session)| {
        let (payment, manual): (&Payment, bool) = (payment, Session::is_manual(session));
        payment.watched().closable().map(move |id| payment.has_whole(id, manual))
    };
    let mut closable = checkout.ledgers().flat_map(of_each).peekable();
    closable.peek().is_none() || closable.any(|is_whole| is_whole)
}

/// Whether the flow can start with a session of another origin.
fn can_start(checkout: &Checkout) -> bool {
    checkout.sessions.is_absent()
}

fn permits_refund(checkout: &Checkout, rules: &mut Rules<'_>) {
    let is_started = !checkout.sessions.is_absent();
    let completed = is_started.then_some(UnblockedBy::signal(SignalName::SessionCompleted.as_str()));
    rules.check(Rule::RefundOnlyComplete, checkout.payment.is_some()).unblocked_by(completed);
    let Some((payment, session)) = rules.leasing().and_then(Call::moves_money_of).and_then(|id| checkout.ledger(id))
    else {
        return;
    };
    // At the lease, the leased request counts as in flight already.
    let manual = session.is_manual();
    let (left, free) = (payment.refundable(manual), payment.undisputed(manual));
    rules.check(Rule::RefundNotDisputed, left == free || free >= Cents::ZERO);
}

fn permits_capture(checkout: &Checkout, rules: &mut Rules<'_>) {
    let started = checkout.sessions.current().is_some();
    if started {
        rules.check(Rule::CaptureOnlyManual, checkout.sessions.is_manual());
    }
    if checkout.payment.is_none() && (checkout.sessions.is_manual() || !started) {
        rules.check(CoreRule::NotNow, false).unblocked_by(UnblockedBy::signal(SignalName::SessionCompleted.as_str()));
    }
}

fn check_refund(checkout: &Checkout, refund: &CreateRefund, rules: &mut Rules<'_>) {
    rules.check(Rule::RefundAmountXorItems, refund.amount.is_none() || refund.line_items.is_none()).at("/amount");
    for item in refund.line_items.iter().flatten() {
        rules.check(Rule::RefundItemOneId, item.product.is_some() != item.price.is_some()).at("/line_items");
    }
    check_metadata(refund.refund_metadata.as_ref(), "/refund_metadata", rules);
    rules.check_extra::<CreateRefund>(&refund.extra);
    rules.check(CoreRule::IntentRequired, refund.intent.is_some()).at("/intent");
    if checkout.payment.is_none() {
        return;
    }
    if let Some(id) = &refund.checkout_session_id {
        let session = checkout.sessions.find(id);
        rules.check(CoreRule::UnknownId, session.is_some()).at("/checkout_session_id");
        let complete = session.is_none_or(|it| it.is_complete() && checkout.ledger(id).is_some());
        rules.check(Rule::RefundOnlyComplete, complete).at("/checkout_session_id");
    }
    let named = checkout.refunded_session(refund).and_then(|id| checkout.ledger(id));
    let Some((payment, session)) = named.filter(|(_, session)| session.is_complete()) else { return };
    check_refund_amount(checkout, refund, (payment, session.is_manual()), rules);
    if let Some(status) = checkout.refund_status(refund) {
        status.check(CoreRule::OtherContent, rules);
    }
}

fn check_refund_amount(
    checkout: &Checkout,
    refund: &CreateRefund,
    (payment, manual): (&Payment, bool),
    rules: &mut Rules<'_>,
) {
    let left = payment.refundable(manual);
    if left > Cents::ZERO {
        let amount = refund.requested_amount(left);
        let has_room = refund.has_valid_amounts() && refund.parts().all(|part| part <= left) && amount <= left;
        rules
            .check(Rule::RefundNotAboveReceived, has_room && left >= refund.minimum())
            .at("/amount")
            .because(|| format!("The refund asks for {amount} cents, and {left} cents of the payment are left."));
        let free = payment.undisputed(manual);
        let detail = || format!("{left} cents are left, but only {free} of them are not disputed.");
        rules.check(Rule::RefundNotDisputed, amount > left || amount <= free).at("/amount").because(detail);
    } else if refundable(checkout).next().is_some() {
        // If nothing is left of any payment, `accepts` has rejected the command already.
        let detail = || "0 cents of this payment are left to refund. Name the session of another one.".into();
        rules.check(Rule::RefundNotAboveReceived, false).at("/checkout_session_id").because(detail);
    }
}

fn check_capture(checkout: &Checkout, capture: &CapturePayment, rules: &mut Rules<'_>) {
    check_metadata(capture.metadata.as_ref(), "/metadata", rules);
    check_metadata(capture.capture_metadata.as_ref(), "/capture_metadata", rules);
    rules.check_extra::<CapturePayment>(&capture.extra);
    rules.check(CoreRule::IntentRequired, capture.intent.is_some()).at("/intent");
    let Some(payment) = &checkout.payment else { return };
    let left = payment.capturable();
    if checkout.sessions.is_manual() && left > Cents::ZERO {
        let within = capture.amount > Cents::ZERO && capture.amount <= left;
        rules.check(Rule::CaptureNotAboveAuthorised, within).at("/amount");
        let sum = capture.has_valid_amounts() && capture.adds_up();
        rules.check(Rule::CaptureAmountAddsUp, sum || !within).at("/amount");
        // What an earlier capture leaves is not known before its outcome.
        let is_rest = capture.amount == left && payment.shown(true).capturing == Cents::ZERO;
        rules.check(Rule::CapturePartNamesItems, is_rest || capture.names_items() || !within).at("/line_items");
        let says = capture.amount == left || capture.final_capture.is_some();
        rules.check(Rule::CapturePartSaysFinal, says || !within).at("/final_capture");
    }
    if let Some(status) = payment.capture_status(capture) {
        status.check(CoreRule::OtherContent, rules);
    }
}
