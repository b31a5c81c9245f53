//! What each button does: most are one command to the host.

use rulebound::money::Cents;
use rulebound::truemed::{
    CreatePaymentSession, CreatePaymentToken, OrderItem, PaymentToken, Token, UpdatePaymentToken,
};
use rulebound::{Intent, Snapshot};
use rulebound_host::{BoxError, Error, Row};
use serde_json::{Value, json};

use crate::app::{Backend, Order};
use crate::view;

const MINUTE_MS: i64 = 60_000;

type TokenRow = Row<Snapshot<PaymentToken>>;

/// A new order: the key of its row is its own, and is never used again.
pub(crate) fn new_order(now: i64) -> Order {
    let mut bytes = [0; 16];
    // Without randomness the time is enough for a shop of one customer.
    let _filled = getrandom::fill(&mut bytes);
    Order { key: hex::encode(bytes), number: format!("B-{}", now / 1_000 % 1_000_000), rejected: Value::Null }
}

/// Does what a button says, and gives the page's next state.
pub(crate) async fn click(backend: &Backend, name: &str) -> Result<Value, BoxError> {
    backend.change_order(|it| it.rejected = Value::Null);
    match name {
        "subscribe" => subscribe(backend).await?,
        "charge_too_early" | "charge" => charge(backend).await?,
        "overtake" => {
            backend.truemed.overtake("create_payment_session").await?;
            charge(backend).await?;
        }
        "add_magnesium" => command(backend, UpdatePaymentToken::items(view::items(true))).await?,
        "both" => {
            let mut both = UpdatePaymentToken::items(view::items(true));
            both.update_card_info = Some(true);
            command(backend, both).await?;
        }
        "survey" => survey(backend).await?,
        "close_tab" => drop(backend.host.customer_returned::<PaymentToken>(&backend.order().key).await?),
        "expire_card" => expire_card(backend).await?,
        "plug" => backend.plug.arm(),
        "minutes" => pass(backend, 2 * MINUTE_MS).await?,
        "hour" => pass(backend, 60 * MINUTE_MS).await?,
        "month" => {
            pass(backend, view::length_of_month(backend.time.now())?).await?;
            charge(backend).await?;
        }
        "restart" => {
            let next = new_order(backend.time.now());
            backend.change_order(|it| *it = next);
        }
        other => return Err(format!("`{other}` is not a button").into()),
    }
    view::state(backend).await
}

/// The order and its first command are one transaction: both are there, or neither.
async fn subscribe(backend: &Backend) -> Result<(), BoxError> {
    let Order { key, number, .. } = backend.order();
    let back = format!("{}/back", backend.url);
    let create = CreatePaymentToken::new(view::items(false), &back, &back);
    let mut tx = backend.pool.begin().await?;
    let insert = sqlx::query("INSERT INTO orders (number, placed_at) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    insert.bind(&number).bind(backend.time.now()).execute(&mut *tx).await?;
    backend.host.handle::<PaymentToken>(&key, create).actor("customer").reference(&number).tx(&mut tx).await?;
    tx.commit().await?;
    backend.host.wake();
    Ok(())
}

/// Charges the month that it is now. The same month is never charged twice, however often this is called.
async fn charge(backend: &Backend) -> Result<(), BoxError> {
    let token = token(backend).await?;
    let has_magnesium = token.as_ref().is_some_and(view::has_magnesium);
    let mut charge = CreatePaymentSession::new(Cents::new(view::total(has_magnesium)), view::items(has_magnesium));
    let known = token.and_then(|it| it.status().own.payment_token.clone());
    // Before Truemed issues the token the shop has none: this one shows what the host says to that.
    charge.payment_token = Some(known.map_or_else(|| Token::parse("not-yet-issued"), Ok)?);
    charge.intent = Some(Intent::parse(view::month(backend.time.now()))?);
    let back = format!("{}/back", backend.url);
    (charge.success_url, charge.failure_url) = (Some(back.as_str().into()), Some(back.as_str().into()));
    command(backend, charge).await
}

/// A command in the host's own transaction. What is rejected is shown with the provider's page.
async fn command(
    backend: &Backend,
    command: impl Into<rulebound::truemed::payment_token::Command>,
) -> Result<(), BoxError> {
    let Order { key, number, .. } = backend.order();
    match backend.host.handle::<PaymentToken>(&key, command).actor("customer").reference(&number).await {
        Ok(_) => Ok(()),
        Err(Error::Rejected(rejection)) => {
            let rejected = json!(rejection.violations);
            backend.change_order(|it| it.rejected = rejected);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// The customer does what Truemed's page asks for.
async fn survey(backend: &Backend) -> Result<(), BoxError> {
    let status = token(backend).await?.ok_or("subscribe first")?.status();
    let url = status.customer_url.ok_or("Truemed asks for nothing now")?;
    backend.truemed.act("finish", ("url", &url)).await
}

async fn expire_card(backend: &Backend) -> Result<(), BoxError> {
    let status = token(backend).await?.ok_or("subscribe first")?.status();
    let token = status.own.payment_token.clone().ok_or("Truemed has not issued the token")?;
    backend.truemed.act("expire_card", ("id", token.as_str())).await
}

/// Lets time pass, at Truemed and in the shop.
async fn pass(backend: &Backend, ms: i64) -> Result<(), BoxError> {
    backend.truemed.advance(ms).await?;
    backend.time.skip(ms);
    backend.host.wake();
    Ok(())
}

async fn token(backend: &Backend) -> Result<Option<TokenRow>, BoxError> {
    Ok(backend.host.get::<PaymentToken>(&backend.order().key).await?)
}

/// An item of the cart.
pub(crate) fn item(sku: &str, name: &str, cents: i64) -> OrderItem {
    OrderItem::new(sku, name, 1, Cents::new(cents))
}
