//! Revup: a subscription on a stored card, a reply that is lost, and an event that anyone could have sent.

use std::error::Error;

use rulebound::revup::{
    CreateSubscription, Environment, OrderId, Settings, Subscription, Token, TransactionId, subscription::Command,
};
use rulebound::{Config, Context, Fact, Key, Snapshot};

use crate::Played;
use crate::stage::{Host, note, story};

const TOKEN: &str = "fc44c6f8-6f92-43ab-98ea-3302b7586e7c";
const CREATED: &str =
    r#"{"orderId":"80105327-c24a-4e52-9648-08f85f89061f","subscriptionId":"0192b445-55a7-74af-a5d1-79ca6d2310f4"}"#;
const FULFILLED: &str = r#"{"id":"0192b445-55a7-74af-a5d1-79ca6d2310f4","status":"fulfilled"}"#;
const PAYMENTS: &str = r#"{"payments":[{"paymentType":"renewal","status":"paying","dueDate":"2023-12-14"}]}"#;
const EVENT: &str = r#"{"eventId":"e-1","eventType":"subscription.created","occurredAt":"2023-11-14T22:13:21Z","originator":{"type":"payment"},"data":{"subscriptionId":"0192b445-55a7-74af-a5d1-79ca6d2310f4","status":"fulfilled"}}"#;

/// The story of the document, in scenes.
pub(crate) fn subscribe_with_a_token() -> Played {
    story(
        "Revup: create a subscription on a stored card",
        "developers.revuppayments.com/api/subscription/token-based-subscription-creation",
    );
    create()?;
    lost()
}

/// Create a subscription on a token: the reply does not show the charge, and an event is a hint.
fn create() -> Played {
    let mut host = on_token("A subscription on a stored card: only the lookup proves its first charge");
    let mut half = subscription()?;
    half.parent_order_id = None;
    host.handle("create_subscription {token, no order}", half);
    host.handle("create_subscription {token, transaction, order}", subscription()?);
    host.handle("create_subscription, another worker", subscription()?);
    host.send("create_subscription:1")?;
    host.reply("create_subscription:1", 200, CREATED)?;
    host.returned()?;
    host.hint(EVENT)?;
    host.send("retrieve_subscription:1")?;
    host.reply("retrieve_subscription:1", 200, FULFILLED)?;
    host.send("retrieve_payments:1")?;
    host.reply("retrieve_payments:1", 200, PAYMENTS)?;
    host.effects();
    host.handle("cancel_subscription", Command::CancelSubscription { cancellation_detail: None });
    Ok(())
}

/// A creation without a reply is sent once, and a person reviews its outcome.
fn lost() -> Played {
    let mut host = on_token("A lost reply: a card is never charged twice");
    host.handle("create_subscription {token, transaction, order}", subscription()?);
    host.send("create_subscription:1")?;
    note("the connection drops");
    host.observe("lost", Fact::Lost { effect: "create_subscription:1".into(), sending: None })?;
    host.send("create_subscription:1")?;
    host.send("find_transactions:1")?;
    host.reply("find_transactions:1", 200, "[]")?;
    host.effects();
    let effect = "review:outcome_unknown:create_subscription:1".into();
    let id = Some("0192b445-55a7-74af-a5d1-79ca6d2310f4".into());
    host.observe("a person has found it", Fact::Reviewed { effect, verdict: "created".into(), id })?;
    host.send("retrieve_subscription:1")?;
    host.reply("retrieve_subscription:1", 200, FULFILLED)
}

/// A row whose key is the token.
fn on_token(title: &str) -> Host<Subscription> {
    let mut host = Host::open(title);
    host.snapshot = Snapshot::start(Key::of("revup.token", TOKEN));
    let mut config = Config::default();
    config.revup = Settings::of(Environment::Test);
    host.cx = Context::new(host.cx.now, config);
    host
}

fn subscription() -> Result<CreateSubscription, Box<dyn Error>> {
    let plain = CreateSubscription::new("4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee", "EUR", "https://shop.example/events");
    Ok(plain.returning_to("https://shop.example/ok", "https://shop.example/no").on_token(
        Token::parse(TOKEN)?,
        TransactionId::parse("eebebc0b-dd2f-44c4-a8a8-743ff731a4a1")?,
        OrderId::parse("80105327-c24a-4e52-9648-08f85f89061f")?,
    ))
}
