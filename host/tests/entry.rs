//! An entry of the inbox that raised is kept, and offered again when it is due.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test, in which a panic is a failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rulebound::Headers;
use rulebound::truemed::PaymentToken;
use rulebound_host::{Database, Delivery, Host, Provider, Sent, Transport};
use sqlx::sqlite::SqlitePoolOptions;

const KEY: &str = "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11";
const CREATE: &str = r#"{"type": "create_payment_token", "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}],
    "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}"#;
const HOUR_MS: i64 = 3_600_000;

/// A provider that makes the page of every token.
struct Page;

impl Transport for Page {
    fn send(&self, _: http::Request<Vec<u8>>, _: Duration) -> BoxFuture<'_, Sent> {
        let body = br#"{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}"#;
        Box::pin(async move { Sent::Reply(http::Response::builder().status(200).body(body.to_vec()).unwrap()) })
    }
}

#[tokio::test]
async fn an_entry_that_raised_is_applied_an_hour_later() {
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = Arc::clone(&now);
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let host = Host::builder(Database::from(pool.clone()))
        .provider("truemed", Provider::new("sk").webhook_secret("whsec"))
        .clock(move || clock.load(Ordering::SeqCst))
        .transport(Page)
        .ignore("notify")
        .ignore("fulfill")
        .ignore("access")
        .build()
        .unwrap();
    host.migrate().await.unwrap();
    host.handle_json("truemed.payment_token", KEY, CREATE).await.unwrap();
    host.tick().await.unwrap();

    let headers = Headers::from_iter([("x-truemed-api-key", "whsec")]);
    let body = br#"{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}"#;
    assert_eq!(host.webhook("truemed", &headers, body, Delivery::new()).await, 204);
    // As a worker leaves an entry that raised.
    let due = now.load(Ordering::SeqCst) + HOUR_MS;
    sqlx::query("UPDATE rulebound_inbox SET tries = 1, wake_at = $1").bind(due).execute(&pool).await.unwrap();
    host.tick().await.unwrap();
    assert_eq!(token(&host).await, None);

    now.fetch_add(2 * HOUR_MS, Ordering::SeqCst);
    host.tick().await.unwrap();
    assert_eq!(token(&host).await.as_deref(), Some("pt_1"));
}

async fn token(host: &Host) -> Option<String> {
    let row = host.get::<PaymentToken>(KEY).await.unwrap().unwrap();
    row.status().payment_token.as_ref().map(|it| it.as_str().to_owned())
}
