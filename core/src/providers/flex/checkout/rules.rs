//! The rules of a checkout's actions: what its state decides, and what a command's contents do.

use alloc::format;

use super::payment::{of_capture, of_refund};
use super::wish::{is_something, least, parts, wanted};
use super::{Checkout, Command, Rules, Wish};
use crate::money::Cents;
use crate::providers::flex::checkouts::Place;
use crate::providers::flex::request::{CapturePayment, CreateRefund};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::session_request::check_metadata;
use crate::providers::flex::signal::SESSION_COMPLETED;
use crate::rule::{CoreRule, Until};

/// What an action of the checkout's needs, and again the request that came of it when it is leased.
pub(super) fn permits(checkout: &Checkout, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create => checkout.checkouts.permits_create(rules),
        Wish::Retrieve => {}
        Wish::Refund => refund(checkout, rules),
        Wish::Capture => capture(checkout, rules),
    }
}

/// What a new command needs besides.
pub(super) fn accepts(checkout: &Checkout, action: Wish, rules: &mut Rules<'_>) {
    let manual = checkout.is_manual();
    match (action, &checkout.payment) {
        (Wish::Create, _) => checkout.checkouts.accepts_create(rules),
        (Wish::Retrieve, _) => checkout.checkouts.accepts_retrieve(begins(checkout), rules),
        (Wish::Refund, Some(payment)) => {
            let (left, free) = (payment.refundable(manual), payment.undisputed(manual));
            rules.check(Rule::RefundNotAboveReceived, left > Cents::ZERO);
            rules.check(Rule::RefundNotDisputed, left == free || free > Cents::ZERO || left <= Cents::ZERO);
        }
        (Wish::Capture, Some(payment)) => {
            rules.check(Rule::CaptureNotAboveAuthorised, payment.capturable() > Cents::ZERO || !manual);
        }
        (Wish::Refund | Wish::Capture, None) => {}
    }
}

/// The rules that the contents of a command decide.
pub(super) fn check(checkout: &Checkout, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreateCheckoutSession(it) => it.check::<Checkout>(rules),
        Command::RetrieveCheckoutSession { checkout_session_id } => {
            checkout.checkouts.check_retrieve(checkout_session_id.as_ref(), begins(checkout), rules);
        }
        Command::CreateRefund(it) => check_refund(checkout, it, rules),
        Command::CapturePayment(it) => check_capture(checkout, it, rules),
    }
}

/// Whether the checkout can begin with a session of another origin.
fn begins(checkout: &Checkout) -> bool {
    checkout.checkouts.place() == Place::Absent
}

fn refund(checkout: &Checkout, rules: &mut Rules<'_>) {
    let completes = checkout.checkouts.place() != Place::Absent;
    let completed = completes.then_some(Until::Signal(SESSION_COMPLETED));
    rules.check(Rule::RefundOnlyComplete, checkout.payment.is_some()).until(completed);
    let Some(payment) = checkout.payment.as_ref().filter(|_| rules.is_lease()) else { return };
    // What is about to be sent counts as on its way already.
    let (left, free) = (payment.refundable(checkout.is_manual()), payment.undisputed(checkout.is_manual()));
    rules.check(Rule::RefundNotDisputed, left == free || free >= Cents::ZERO);
}

fn capture(checkout: &Checkout, rules: &mut Rules<'_>) {
    let begun = checkout.checkouts.current().is_some();
    if begun {
        rules.check(Rule::CaptureOnlyManual, checkout.is_manual());
    }
    if checkout.payment.is_none() && (checkout.is_manual() || !begun) {
        rules.check(CoreRule::NotNow, false).until(Until::Signal(SESSION_COMPLETED));
    }
}

fn check_refund(checkout: &Checkout, it: &CreateRefund, rules: &mut Rules<'_>) {
    rules.check(Rule::RefundAmountXorItems, it.amount.is_none() || it.line_items.is_none()).at("/amount");
    for item in it.line_items.iter().flatten() {
        rules.check(Rule::RefundItemOneId, item.product.is_some() != item.price.is_some()).at("/line_items");
    }
    check_metadata(it.refund_metadata.as_ref(), "/refund_metadata", rules);
    rules.check_extra::<CreateRefund>(&it.extra);
    rules.check(CoreRule::IntentRequired, it.intent.is_some()).at("/intent");
    let Some(payment) = &checkout.payment else { return };
    let left = payment.refundable(checkout.is_manual());
    // That nothing is left has been said already.
    if left > Cents::ZERO {
        let amount = wanted(it, left);
        let has_room = is_something(it) && parts(it).all(|part| part <= left) && amount <= left;
        rules.check(Rule::RefundNotAboveReceived, has_room && left >= least(it)).at("/amount");
        let free = payment.undisputed(checkout.is_manual());
        let detail = || format!("Of {left} cents that are left, {free} are not disputed.");
        rules.check(Rule::RefundNotDisputed, amount > left || amount <= free).at("/amount").because(detail);
    }
    if let Some(intent) = &it.intent {
        payment.returns.standing(intent, of_refund(it)).check(CoreRule::OtherContent, rules);
    }
}

fn check_capture(checkout: &Checkout, it: &CapturePayment, rules: &mut Rules<'_>) {
    check_metadata(it.capture_metadata.as_ref(), "/capture_metadata", rules);
    rules.check_extra::<CapturePayment>(&it.extra);
    rules.check(CoreRule::IntentRequired, it.intent.is_some()).at("/intent");
    let Some(payment) = &checkout.payment else { return };
    let left = payment.capturable();
    if checkout.is_manual() && left > Cents::ZERO {
        let within = it.amount > Cents::ZERO && it.amount <= left;
        rules.check(Rule::CaptureNotAboveAuthorised, within).at("/amount");
    }
    if let Some(intent) = &it.intent {
        payment.captures.standing(intent, of_capture(it)).check(CoreRule::OtherContent, rules);
    }
}
