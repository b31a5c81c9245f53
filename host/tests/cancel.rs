//! A call that is dropped half-way, as a web framework drops the handler of a customer who left, holds nothing afterwards.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "a test, in which a panic is a failure")]

use std::time::Duration;

use rulebound_host::{Database, Host, Provider};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

const CREATE: &str = r#"{"type": "create_payment_token", "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}],
    "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_keeps_no_lock() {
    let file = std::env::temp_dir().join(format!("rulebound-cancel-{}.db", std::process::id()));
    let options =
        SqliteConnectOptions::new().filename(&file).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let options = options.busy_timeout(Duration::from_millis(500));
    let pool = SqlitePoolOptions::new().max_connections(3).connect_with(options).await.unwrap();
    let host = Host::builder(Database::from(pool.clone())).provider("truemed", Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    let handle = |number: u64| host.handle_json("truemed.payment_token", &format!("cancel-{number:016}"), CREATE);
    for number in 0..400 {
        let call = tokio::spawn(handle(number).into_future());
        tokio::time::sleep(Duration::from_micros(number * 7 % 900)).await;
        call.abort();
        drop(call.await);
        // With a lock that nobody holds any more, this fails after the time-out of the database.
        handle(1_000 + number).await.unwrap();
    }
    pool.close().await;
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{end}", file.display())));
    }
}
