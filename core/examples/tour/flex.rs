//! Flex: selling a monthly subscription as its quickstart does, renewing it, and a session whose reply was lost.

use rulebound::Flow;
use rulebound::flex::{
    CancelSubscription, Checkout, CreateCheckoutSession, End, LineItem, Mode, PriceData, Recurring, Subscription,
};
use rulebound::money::Cents;
use rulebound::time::{Millis, Timestamp};

use crate::Played;
use crate::stage::{Host, note, story};

const OPEN: &str = r#"{"checkout_session":{"checkout_session_id":"fcs_1","status":"open","mode":"subscription","amount_total":4999,"amount_subtotal":4999,"created_at":1714156917,"expires_at":1714160517,"redirect_url":"https://flex.example/pay/c/fcs_1"}}"#;
const COMPLETED: &str = r#"{"event_type":"checkout.session.completed","object":{"checkout_session_id":"fcs_1","status":"complete","customer":"fcus_1","subscription":"fsub_1"}}"#;
const ACTIVE: &str =
    r#"{"subscription_id":"fsub_1","customer":"fcus_1","status":"active","current_period_end":"2024-05-26T18:41:57Z"}"#;

/// The story of the document, in scenes.
pub(crate) fn sell_a_subscription() -> Played {
    story("Flex: build a subscription integration", "docs.withflex.com/developer-guides/subscriptions/getting-started");
    sell()?;
    renew()?;
    lose()
}

/// Build a subscription integration: the redirect proves nothing, the completed session does.
fn sell() -> Played {
    let mut host: Host<Subscription> = open("Sell a subscription: what the customer's return proves");
    let mut order = monthly();
    order.line_items = vec![item(None)];
    host.handle("create_checkout_session {gym, once}", order);
    host.handle("create_checkout_session {gym, monthly}", monthly());
    host.send("create_checkout_session:1")?;
    host.webhook(r#"{"event_type":"invoice.paid","object":{"invoice_id":"fin_1","subscription":"fsub_1"}}"#)?;
    host.reply("create_checkout_session:1", 200, OPEN)?;
    host.waits();
    host.returned()?;
    host.effects();
    host.webhook(COMPLETED)?;
    host.effects();
    Ok(())
}

/// Continue to provision as invoices are paid: access follows the period, and a failed payment ends no access.
fn renew() -> Played {
    let mut host: Host<Subscription> = open("Renew it: two events for one invoice, one that failed, and an end");
    host.handle("create_checkout_session {gym, monthly}", monthly());
    host.send("create_checkout_session:1")?;
    host.reply("create_checkout_session:1", 200, OPEN)?;
    host.webhook(COMPLETED)?;
    host.send("retrieve_subscription:1")?;
    host.reply("retrieve_subscription:1", 200, ACTIVE)?;
    host.effects();
    let paid = r#"{"event_type":"invoice.paid","object":{"invoice_id":"fin_1","subscription":"fsub_1","customer":"fcus_1","status":"paid"}}"#;
    host.webhook(paid)?;
    host.webhook(&paid.replace("invoice.paid", "invoice.payment_succeeded"))?;
    host.webhook(r#"{"event_type":"invoice.payment_failed","object":{"invoice_id":"fin_2","subscription":"fsub_1","customer":"fcus_1","status":"open"}}"#)?;
    host.effects();
    let mut unsaid = CancelSubscription::new(End::WithPeriod);
    unsaid.cancel_at_period_end = None;
    host.handle("cancel_subscription {}", rulebound::flex::subscription::Command::CancelSubscription(unsaid));
    Ok(())
}

/// A session whose reply was lost is never created twice: a lookup finds it by the reference that Flex echoes.
fn lose() -> Played {
    let mut host: Host<Checkout> = open("A session whose reply is lost: looked up, never made twice");
    let mut order = CreateCheckoutSession::new(Mode::Payment, vec![item(None)], Cents::new(4999), OK);
    order.client_reference_id = Some("order-17".into());
    host.handle("create_checkout_session {gym, once}", order);
    host.send("create_checkout_session:1")?;
    note("the worker crashes, and its lease expires");
    host.wait(Millis::from_minutes(5));
    host.send("create_checkout_session:1")?;
    host.send("find_checkout_session:1")?;
    let found = r#"{"checkout_sessions":[{"checkout_session_id":"fcs_7","client_reference_id":"order-17","status":"open","mode":"payment","amount_total":5999,"redirect_url":"https://flex.example/pay/c/fcs_7"}]}"#;
    host.reply("find_checkout_session:1", 200, found)?;
    host.waits();
    note("and no customer is sent to pay another amount than the order's total");
    Ok(())
}

const OK: &str = "https://shop.example/ok";

/// A scene on the day of the quickstart.
fn open<F: Flow>(title: &str) -> Host<F> {
    Host::open_at(title, Timestamp::from_millis(1_714_156_917_000))
}

fn item(recurring: Option<Recurring>) -> LineItem {
    let mut item = LineItem::new("", 1);
    item.price = None;
    item.price_data = Some(PriceData::new("fprod_1", Cents::new(4999), recurring));
    item
}

fn monthly() -> CreateCheckoutSession {
    let items = vec![item(Some(Recurring::every("monthly")))];
    CreateCheckoutSession::new(Mode::Subscription, items, Cents::new(4999), OK)
}
