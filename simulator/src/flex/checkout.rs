//! What a customer does on the pages: the intake form, the card, Cancel. And what a merchant charges in absence.

use serde_json::{Map, Value, json};

use super::errors::{invalid, missing};
use super::state::{Card, Customer, Declines, Flex, Intent, Line, Mode, Session, Step};
use super::store::{Head, text};
use super::{LETTER, REVIEW, billing, events, offers, payments, setup, source};
use crate::card::{EXPIRED, Entered};
use crate::provider::Reply;
use crate::world::Context;

/// Where the browser goes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same page, with its next step.
    Stay,
    /// The same page, with this message.
    Again(&'static str),
    /// The merchant's page.
    Leave(String),
}

/// What was entered on the card page.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) number: String,
    pub(super) expiry: String,
    pub(super) hsa: bool,
    pub(super) email: String,
    pub(super) code: String,
}

/// The customer answers the intake form for a Letter of Medical Necessity.
pub(super) fn letter(flex: &mut Flex, id: &str, granted: bool, context: &mut Context<'_>) -> Next {
    let Some(session) = flex.sessions.get_mut(id).filter(|session| session.step() == Step::Letter) else {
        return Next::Stay;
    };
    if !granted && context.reading("letter-denied") == "no-payment" {
        return Next::Again("A letter cannot be issued for these answers, so this cannot be paid.");
    }
    session.letter = Some(granted);
    if session.mode != Mode::Reimbursement {
        return Next::Stay;
    }
    let customer = customer_of(flex, id, "", context);
    complete(flex, id, &customer, context);
    context.after(REVIEW, json!({"consultation": id, "granted": granted}));
    Next::Leave(success_url(flex, id))
}

/// The customer of a session: the one that it names, or a new one.
fn customer_of(flex: &mut Flex, id: &str, email: &str, context: &mut Context<'_>) -> String {
    let Some(session) = flex.sessions.get(id) else { return String::new() };
    if let Some(customer) = &session.customer {
        return customer.clone();
    }
    let account = session.head.account.clone();
    let mut asked = session.body.get("defaults").and_then(Value::as_object).cloned().unwrap_or_default();
    if !email.is_empty() {
        asked.insert("email".into(), json!(email));
    }
    let customer = offers::customer(flex, &asked, &account, context);
    if let Some(session) = flex.sessions.get_mut(id) {
        session.customer = Some(customer.clone());
    }
    customer
}

/// The customer enters a card under a session.
pub(super) fn card(flex: &mut Flex, id: &str, entry: &Entry, context: &mut Context<'_>) -> Next {
    let Some(session) = flex.sessions.get(id) else { return Next::Stay };
    let (step, split, mode, account) = (session.step(), session.split(), session.mode, session.head.account.clone());
    if !matches!(step, Step::Card | Step::SecondCard) {
        return Next::Stay;
    }
    if entry.hsa && (step == Step::SecondCard || !payable_by_hsa(session)) {
        return Next::Again("An HSA or FSA card cannot pay for this. Use another card.");
    }
    if let Err(message) = apply_code(flex, id, entry) {
        return Next::Again(message);
    }
    let stored = session_saves(flex, id);
    let read = match read_card(entry, &account, stored, context) {
        Ok(card) => card,
        Err(message) => return Next::Again(message),
    };
    let customer = customer_of(flex, id, &entry.email, context);
    let card = flex.cards.add(Card { customer: customer.clone(), ..read });
    let paid = match mode {
        Mode::Subscription => billing::begin(flex, id, &customer, &card, context),
        Mode::Setup => {
            let setup = flex.sessions.get(id).and_then(|session| session.setup.clone()).unwrap_or_default();
            return setup::enter(flex, &setup, &card, context);
        }
        _ => match (step, split) {
            (Step::SecondCard, Some((_, rest))) => pay_rest(flex, id, rest, &card, context),
            (_, Some((part, _))) if entry.hsa => {
                return match hold(flex, id, part, &card, context) {
                    Ok(()) => Next::Stay,
                    Err(_) => Next::Again(DECLINED),
                };
            }
            _ => pay(flex, id, &card, context),
        },
    };
    match paid {
        Ok(()) => {
            complete(flex, id, &customer, context);
            Next::Leave(success_url(flex, id))
        }
        Err(_) => Next::Again(DECLINED),
    }
}

pub(super) const DECLINED: &str = "Your card was declined. Try another card.";

/// An HSA or FSA card pays for what is eligible, with a letter where one is needed.
fn payable_by_hsa(session: &Session) -> bool {
    let fits = |line: &Line| line.eligible() && (session.letter != Some(false) || !line.wants_letter());
    session.mode == Mode::Setup || session.lines.iter().any(fits)
}

fn session_saves(flex: &Flex, id: &str) -> bool {
    let Some(session) = flex.sessions.get(id) else { return false };
    matches!(session.mode, Mode::Subscription | Mode::Setup)
        || text(&session.body, "setup_future_use") == Some("off_session")
}

/// A promotion code that the customer entered.
fn apply_code(flex: &mut Flex, id: &str, entry: &Entry) -> Result<(), &'static str> {
    const UNKNOWN: &str = "This code is not valid.";
    let Some(session) = flex.sessions.get(id).filter(|_| !entry.code.trim().is_empty()) else { return Ok(()) };
    let allowed = session.body.get("allow_promotion_codes") == Some(&json!(true));
    let code = offers::promo_code(flex, &session.head.account, &entry.code).filter(|_| allowed).ok_or(UNKNOWN)?;
    let coupon = code.body.get("coupon_id").and_then(Value::as_str).unwrap_or_default();
    let coupon = flex.coupons.get(coupon).ok_or(UNKNOWN)?;
    if offers::used_up(&coupon.body) {
        return Err(UNKNOWN);
    }
    let (discount, code) = (super::state::Discount::named(coupon), code.head.id.clone());
    if session.discount.is_some() {
        return Ok(());
    }
    if let Some(session) = flex.sessions.get_mut(id) {
        let off = discount.off(session.amounts.subtotal).min(session.amounts.total);
        session.amounts.discount = off;
        session.amounts.total = session.amounts.total.saturating_sub(off);
        session.discount = Some(discount);
    }
    if let Some(code) = flex.promo_codes.get_mut(&code) {
        offers::redeem(&mut code.body);
    }
    Ok(())
}

/// Opens the payment intent with this number, or takes the open one after a decline.
fn intent(flex: &mut Flex, id: &str, nth: usize, amount: i64, manual: bool, context: &mut Context<'_>) -> String {
    let Some(session) = flex.sessions.get(id) else { return String::new() };
    if let Some(open) = session.intents.get(nth) {
        return open.clone();
    }
    let (account, customer) = (session.head.account.clone(), session.customer.clone());
    let draft = payments::Draft { amount, manual, customer, session: Some(id), ..Default::default() };
    let made = payments::open(flex, draft, &account, context);
    if let Some(session) = flex.sessions.get_mut(id) {
        session.intents.push(made.clone());
    }
    made
}

/// One card pays everything.
fn pay(flex: &mut Flex, id: &str, card: &str, context: &mut Context<'_>) -> Result<(), &'static str> {
    let Some((total, manual)) = flex.sessions.get(id).map(|session| (session.amounts.total, session.manual)) else {
        return Ok(());
    };
    if total == 0 {
        return Ok(());
    }
    let made = intent(flex, id, 0, total, manual, context);
    payments::attempt(flex, &made, card, false, context)
}

/// The HSA or FSA card of a split cart: its part is held until the other card has paid.
fn hold(flex: &mut Flex, id: &str, part: i64, card: &str, context: &mut Context<'_>) -> Result<(), &'static str> {
    let made = intent(flex, id, 0, part, true, context);
    let held = payments::attempt(flex, &made, card, false, context);
    if held.is_err()
        && let Some(session) = flex.sessions.get_mut(id)
    {
        session.intents.clear();
    }
    held
}

/// The ordinary card of a split cart pays the rest; then what was held is captured.
fn pay_rest(flex: &mut Flex, id: &str, rest: i64, card: &str, context: &mut Context<'_>) -> Result<(), &'static str> {
    let made = intent(flex, id, 1, rest, false, context);
    payments::attempt(flex, &made, card, false, context)?;
    let first = flex.sessions.get(id).and_then(|session| session.intents.first().cloned()).unwrap_or_default();
    if let Some(intent) = flex.intents.get_mut(&first) {
        (intent.status, intent.received) = ("succeeded", intent.amount);
        payments::charge_event(flex, "charge.captured", &first, context);
        events::tell::<Intent>(flex, "payment_intent.succeeded", &first, context);
    }
    Ok(())
}

/// The session is done: its letter is on file, and Flex says so.
pub(super) fn complete(flex: &mut Flex, id: &str, customer: &str, context: &mut Context<'_>) {
    let Some(session) = flex.sessions.get_mut(id) else { return };
    (session.status, session.next_action) = ("complete", Value::Null);
    let coupon = session.discount.as_ref().and_then(super::state::Discount::id);
    let issued = session.letter_required && session.letter == Some(true) && session.mode != Mode::Reimbursement;
    if issued && let Some(customer) = flex.customers.get_mut(customer) {
        customer.letter_until = Some(context.now.saturating_add(LETTER));
    }
    if let Some(coupon) = coupon.and_then(|id| flex.coupons.get_mut(&id)) {
        offers::redeem(&mut coupon.body);
    }
    events::tell::<Session>(flex, "checkout.session.completed", id, context);
}

pub(super) fn success_url(flex: &Flex, id: &str) -> String {
    let url = flex.sessions.get(id).and_then(|session| text(&session.body, "success_url")).unwrap_or_default();
    url.replace("{CHECKOUT_SESSION_ID}", id)
}

/// The customer clicks Cancel. The link stays valid.
pub(super) fn cancel(flex: &Flex, id: &str) -> Next {
    let Some(session) = flex.sessions.get(id) else { return Next::Stay };
    match text(&session.body, "cancel_url") {
        _ if session.step() == Step::Done => Next::Leave(success_url(flex, id)),
        Some(url) => Next::Leave(url.to_owned()),
        None => Next::Again("The shop has no page for this. You can close this window."),
    }
}

/// Reads a card. `4000000000009995` is declined; `4000000000000341` is declined once the customer is absent.
pub(super) fn read_card(
    entry: &Entry,
    account: &str,
    off_session: bool,
    context: &mut Context<'_>,
) -> Result<Card, &'static str> {
    let entered = Entered::read(&entry.number, &entry.expiry)?;
    let card = Card {
        head: Head::new("fpm", "", account, context),
        customer: String::new(),
        brand: entered.brand(),
        last4: entered.last4(),
        month: entered.month,
        year: entered.year,
        hsa: entry.hsa,
        declines: match entered.digits.as_str() {
            "4000000000009995" => Declines::Always,
            "4000000000000341" => Declines::Absent,
            _ => Declines::Never,
        },
        off_session,
    };
    if card.expired(context.now) { Err(EXPIRED) } else { Ok(card) }
}

/// The stored card that a session in `off_session` mode names.
pub(super) fn stored_card(flex: &Flex, body: &Map<String, Value>, customer: Option<&str>) -> Result<String, Reply> {
    const RULE: &str = "flex.checkout.off-session-customer";
    let Some(id) = text(body, "payment_method") else {
        let message = "A session in off_session mode must have a payment_method.";
        return Err(missing("payment_method", RULE, message).source(source::OFF_SESSION));
    };
    let card = flex.cards.get(id).filter(|card| Some(card.customer.as_str()) == customer && card.off_session);
    card.map(|card| card.head.id.clone()).ok_or_else(|| {
        let message = "payment_method must be a stored card of this customer with off_session true.";
        invalid("payment_method", "value_error", RULE, message).source(source::OFF_SESSION)
    })
}

/// Whether a stored card can pay for a cart while the customer is absent.
pub(super) fn check_off_session(
    flex: &Flex,
    lines: &[Line],
    card: &str,
    customer: Option<&str>,
    context: &Context<'_>,
) -> Result<(), Reply> {
    let hsa = flex.cards.get(card).is_some_and(|card| card.hsa);
    if hsa && !lines.iter().all(Line::eligible) {
        let message = "An HSA or FSA card can only pay off session where every item is eligible.";
        let refused = invalid("line_items", "value_error", "flex.checkout.off-session-no-split", message);
        return Err(refused.source(source::OFF_SESSION));
    }
    let refuse = context.reading("off-session-letter") == "refuse";
    if refuse && lines.iter().any(Line::wants_letter) && !has_letter(flex, customer, context) {
        let message = "The customer has no valid Letter of Medical Necessity.";
        let refused = invalid("line_items", "value_error", "flex.checkout.off-session-letter", message);
        return Err(refused.source(source::OFF_SESSION));
    }
    Ok(())
}

fn has_letter(flex: &Flex, customer: Option<&str>, context: &Context<'_>) -> bool {
    let customer: Option<&Customer> = customer.and_then(|id| flex.customers.get(id));
    customer.and_then(|customer| customer.letter_until).is_some_and(|until| until > context.now)
}

/// Charges a stored card within the request. Otherwise the session stays open and says what is needed.
pub(super) fn off_session(flex: &mut Flex, id: &str, card: &str, context: &mut Context<'_>) {
    let Some(session) = flex.sessions.get(id) else { return };
    let (customer, manual, total) = (session.customer.clone(), session.manual, session.amounts.total);
    let action = if session.letter_required {
        Some("collect_letter_of_medical_necessity")
    } else if total > 0 {
        let made = intent(flex, id, 0, total, manual, context);
        payments::attempt(flex, &made, card, true, context).is_err().then_some("payment_failed")
    } else {
        None
    };
    match action {
        None => complete(flex, id, customer.as_deref().unwrap_or_default(), context),
        Some(action) => {
            let url = context.url(&format!("/pay/c/{id}"));
            if let Some(session) = flex.sessions.get_mut(id) {
                session.next_action = json!({"type": action, action: {"url": url}});
            }
        }
    }
}

/// The result of a consultation without a payment.
pub(super) fn consultation(flex: &mut Flex, id: &str, granted: bool, context: &mut Context<'_>) {
    let Some(session) = flex.sessions.get(id) else { return };
    let (customer, head) = (session.customer.clone().unwrap_or_default(), session.head.clone());
    let status = if granted { "approved" } else { "expired" };
    let consultation = Head::new("fcons", id, &head.account, context);
    let shown = json!({"consultation_id": consultation.id, "consultation_type": "letter_of_medical_necessity",
        "status": status, "customer": customer, "created_at": crate::time::iso(consultation.created),
        "test_mode": consultation.test_mode});
    events::send(flex, &format!("consultation.{status}"), "consultation", &consultation, shown, context);
    if granted && let Some(known) = flex.customers.get_mut(&customer) {
        known.letter_until = Some(context.now.saturating_add(LETTER));
        events::tell::<Customer>(flex, "customer.consultation.attached", &customer, context);
    }
}
