//! Truemed: creating a subscription, changing its items, charging it, and a crash.

use std::error::Error;

use rulebound::money::Cents;
use rulebound::time::Millis;
use rulebound::truemed::{
    CreatePaymentSession, CreatePaymentToken, OrderItem, PaymentToken, Token, UpdatePaymentToken,
};
use rulebound::{EffectId, Intent, Snapshot};

use crate::Played;
use crate::stage::{self, Host, note, story};

const CREATED: &str = r#"{"provision_token_request_id":"ptr_1","redirect_url":"https://truemed.example/q/1"}"#;
const ISSUED: &str = r#"{"payment_token":"pt_1","provision_token_request_id":"ptr_1"}"#;

/// The story of the first document: a token is issued, or never.
pub(crate) fn create_a_subscription() -> Played {
    let page = "developers.truemed.com/guides/subscriptions/create-a-subscription-existing-subscriber";
    story("Truemed: create a subscription for an existing subscriber", page);
    create()?;
    never()
}

/// The story of the second document: other items, and the charge.
pub(crate) fn update_a_subscription() -> Played {
    let page = "developers.truemed.com/guides/subscriptions/subscription-management/update-an-active-subscription";
    story("Truemed: update an active subscription", page);
    change_items()?;
    charge()?;
    crash()
}

/// Create a subscription: the webhook can arrive before the browser, and only the webhook counts.
fn create() -> Played {
    let mut host: Host<PaymentToken> = Host::open("Create a token: the webhook comes before the customer is back");
    host.handle("create_payment_token {B12}", create_b12());
    host.send("create_payment_token:1")?;
    host.reply("create_payment_token:1", 200, CREATED)?;
    host.waits();
    host.handle("charge 2026-12 {B12}", charge_of("2026-12", b12())?);
    host.webhook(ISSUED)?;
    host.returned()?;
    host.webhook(ISSUED)?;
    Ok(())
}

/// Create a subscription: without a letter of medical necessity, no webhook ever comes.
fn never() -> Played {
    let mut host: Host<PaymentToken> =
        Host::open("A token that Truemed never issues: silence is neither success nor failure");
    host.handle("create_payment_token {B12}", create_b12());
    host.send("create_payment_token:1")?;
    host.reply(
        "create_payment_token:1",
        200,
        r#"{"provision_token_request_id":"ptr_9","redirect_url":"https://truemed.example/q/9"}"#,
    )?;
    for (lookup, days) in [(1, 1), (2, 2), (3, 4)] {
        host.wait(Millis::from_hours(24).times(days));
        let effect = format!("retrieve_provision_token_request:{lookup}");
        host.send(&effect)?;
        host.reply(&effect, 200, r#"{"payment_token":null}"#)?;
    }
    host.effects();
    host.webhook(r#"{"payment_token":"pt_9","provision_token_request_id":"ptr_9"}"#)?;
    note("the late webhook still wins");
    Ok(())
}

/// Update a subscription: an item change may need the survey, and no charge is accepted before the customer completes it.
fn change_items() -> Played {
    let mut host = issued("Change the items: the survey, and what waits for it")?;
    let both = UpdatePaymentToken::items(b12_and_magnesium());
    let mut card_and_items = both.clone();
    card_and_items.update_card_info = Some(true);
    host.handle("update_payment_token {card, items}", card_and_items);
    host.handle("update_payment_token {B12, Magnesium}", both);
    host.send("update_payment_token:1")?;
    host.reply(
        "update_payment_token:1",
        200,
        r#"{"next_action":"TakeHealthSurvey","redirect_url":"https://truemed.example/s/2","provision_token_request_id":"ptr_2"}"#,
    )?;
    host.effects();
    host.handle("charge 2026-12 {B12}", charge_of("2026-12", b12())?);
    host.returned()?;
    host.webhook(r#"{"payment_token":"pt_1","provision_token_request_id":"ptr_2"}"#)?;
    host.handle("charge 2026-12 {B12, Magnesium}", charge_of("2026-12", b12_and_magnesium())?);
    Ok(())
}

/// The same charge, requested twice, is one charge.
fn charge() -> Played {
    let mut host = issued("A charge asked for twice is sent once")?;
    host.handle("charge 2026-12 {B12}", charge_of("2026-12", b12())?);
    host.send("create_payment_session:2026-12")?;
    host.handle("charge 2026-12 {B12}, the queue again", charge_of("2026-12", b12())?);
    host.send("create_payment_session:2026-12")?;
    host.reply("create_payment_session:2026-12", 200, r#"{"id":"ps_1"}"#)?;
    host.webhook(r#"{"payment_session_id":"ps_1","status":"processing"}"#)?;
    host.webhook(r#"{"payment_session_id":"ps_1","status":"captured","capture_amount":1500}"#)?;
    host.effects();
    host.handle("charge 2026-12 {B12}, the cron job again", charge_of("2026-12", b12())?);
    Ok(())
}

/// A crash between saving and sending: the row has the effect.
fn crash() -> Played {
    let mut host = issued("A crash between saving and sending: the row has the effect")?;
    host.handle("charge 2027-01 {B12}", charge_of("2027-01", b12())?);
    let row = host.snapshot.save();
    note(&format!("the row is saved ({} bytes), and the worker crashes", row.len()));
    host.snapshot = Snapshot::load(&row)?;
    host.effects();
    host.send("create_payment_session:2027-01")?;
    note("the next worker crashes after sending, and the reply is lost; the lease expires");
    host.wait(Millis::from_minutes(5));
    host.send("create_payment_session:2027-01")?;
    note("the same id and the same idempotency key: Truemed does it once");
    Ok(())
}

/// A row whose token was issued already.
fn issued(title: &str) -> Result<Host<PaymentToken>, Box<dyn Error>> {
    let mut host = Host::open(title);
    let token = host.snapshot.handle(create_b12(), &host.cx)?.next;
    let token = token.lease(&EffectId::parse("create_payment_token:1")?, &host.cx)?.next;
    let token = token.observe(stage::reply("create_payment_token:1", 200, CREATED), &host.cx)?.next;
    host.snapshot = token.observe(stage::webhook(ISSUED), &host.cx)?.next;
    Ok(host)
}

fn b12() -> Vec<OrderItem> {
    vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))]
}

fn b12_and_magnesium() -> Vec<OrderItem> {
    let mut items = b12();
    items.push(OrderItem::new("mg", "Magnesium", 1, Cents::new(1200)));
    items
}

fn create_b12() -> CreatePaymentToken {
    CreatePaymentToken::new(b12(), "https://shop.example/ok", "https://shop.example/cancel")
}

fn charge_of(intent: &str, items: Vec<OrderItem>) -> Result<CreatePaymentSession, Box<dyn Error>> {
    let total = items.iter().fold(Cents::ZERO, |sum, item| sum.plus(item.price));
    let mut charge = CreatePaymentSession::new(total, items);
    charge.payment_token = Some(Token::parse("pt_1")?);
    charge.intent = Some(Intent::parse(intent)?);
    charge.success_url = Some("https://shop.example/ok".into());
    charge.failure_url = Some("https://shop.example/cancel".into());
    Ok(charge)
}
