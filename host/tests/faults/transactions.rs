//! Handlers and callers that go on after a statement of their transaction has failed: PostgreSQL then commits nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rulebound::Headers;
use rulebound_host::{Delivery, Error, Host, Outgoing, Provider, Sent, Task, Transport, Tx};

use crate::on_both;
use crate::place::{CREATE, FLOW, KEY, NOW, Place};

const CHARGE: &str = r#"{"type": "create_payment_session", "payment_token": "pt_1", "intent": "2026-12", "total_amount": 1500,
    "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}], "success_url": "https://shop.example/ok",
    "failure_url": "https://shop.example/no"}"#;

struct Truemed;

impl Transport for Truemed {
    fn send(&self, request: http::Request<Vec<u8>>, _deadline: Duration) -> BoxFuture<'_, Sent> {
        let body = match request.extensions().get::<Outgoing>().unwrap().operation.as_str() {
            "create_payment_token" => {
                r#"{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}"#
            }
            _ => r#"{"id": "ps_2"}"#,
        };
        Box::pin(async move { Sent::Reply(http::Response::new(body.as_bytes().to_vec())) })
    }
}

/// A host until the goods of a charge are to be shipped, which `ship` does.
async fn charged<H>(place: &Place, clock: Arc<AtomicI64>, ship: H) -> Host
where
    H: for<'t, 'c> Fn(Task, &'t mut Tx<'c>) -> BoxFuture<'t, Result<(), rulebound_host::BoxError>>
        + Send
        + Sync
        + 'static,
{
    let builder = place.host(Provider::new("sk").webhook_secret("whsec")).on_tx("fulfill", ship);
    let host = builder.clock(move || clock.load(Ordering::SeqCst)).transport(Truemed).build().unwrap();
    host.migrate().await.unwrap();
    place.run(&format!("CREATE TABLE {} (effect text PRIMARY KEY)", place.table("parcels"))).await;
    let captured =
        r#"{"payment_token": "pt_1", "payment_session_id": "ps_2", "status": "captured", "capture_amount": 1500}"#;
    let events = [r#"{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}"#, captured];
    for (command, event) in [CREATE, CHARGE].into_iter().zip(events) {
        host.handle_json(FLOW, KEY, command).await.unwrap();
        host.tick().await.unwrap();
        let headers: Headers<'_> = [("x-truemed-api-key", "whsec")].into_iter().collect();
        assert_eq!(host.webhook("truemed", &headers, event.as_bytes(), Delivery::new()).await, 204);
        if command == CREATE {
            host.tick().await.unwrap();
        }
    }
    host
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_handler_that_goes_on_in_a_broken_transaction_has_failed() {
    let Some(place) = Place::postgres().await else { return };
    let (parcels, breaks) = (place.table("parcels"), Arc::new(AtomicBool::new(true)));
    let clock = Arc::new(AtomicI64::new(NOW));
    let (table, is_broken) = (parcels.clone(), Arc::clone(&breaks));
    let host = charged(&place, Arc::clone(&clock), move |task, tx| {
        let insert = format!("INSERT INTO {table} VALUES ($1)");
        let wrong = if is_broken.load(Ordering::SeqCst) { "SELECT no_such_column" } else { "SELECT 1" };
        Box::pin(async move {
            sqlx::query(&insert).bind(task.effect_key()).execute(tx.postgres()?).await?;
            drop(sqlx::query(wrong).execute(tx.postgres()?).await); // its error is ignored
            Ok(())
        })
    })
    .await;
    assert_eq!(host.tick().await.unwrap().len(), 1);
    let row = host.get_any(FLOW, KEY).await.unwrap().unwrap();
    let pending = row.effects().iter().map(|it| (it.id.as_str().to_owned(), it.attempts)).collect::<Vec<_>>();
    assert_eq!(pending, [("fulfill:ps_2".to_owned(), 1)], "it is tried again, after the back-off of an effect");
    assert_eq!((row.tries, place.number(&format!("SELECT COUNT(*) FROM {parcels}")).await), (0, 0));

    breaks.store(false, Ordering::SeqCst);
    clock.fetch_add(60_000, Ordering::SeqCst);
    assert_eq!(host.tick().await.unwrap().len(), 1);
    assert_eq!(place.number(&format!("SELECT COUNT(*) FROM {parcels}")).await, 1);
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_broken_transaction_is_no_database_that_is_away() {
    let Some(place) = Place::postgres().await else { return };
    let host = place.host(Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    let said = |error: &Error| {
        assert!(matches!(error, Error::Aborted(_)) && !error.is_passing(), "{error:?}");
        assert!(error.to_string().contains("one of its statements failed"), "{error}");
    };
    // The host's own transaction, whose function ignores an error.
    let ended = host.transaction(|tx| {
        Box::pin(async move {
            drop(sqlx::query("SELECT no_such_column").execute(tx.postgres()?).await);
            Ok(())
        })
    });
    said(&ended.await.unwrap_err());
    // The caller's transaction.
    let Place::Postgres(pool, _) = &place else { panic!("another database") };
    let mut tx = pool.begin().await.unwrap();
    drop(sqlx::query("SELECT no_such_column").execute(&mut *tx).await);
    said(&host.handle_json(FLOW, KEY, CREATE).tx(&mut tx).await.unwrap_err());
    place.remove().await;
}

/// A connection without a transaction would save each statement by itself, and lock nothing.
async fn a_connection_without_a_transaction_is_refused(place: &Place) {
    let host = place.host(Provider::new("sk")).build().unwrap();
    host.migrate().await.unwrap();
    let flows = format!("SELECT COUNT(*) FROM {}", place.table("rulebound_flows"));
    let error = match place {
        Place::Sqlite(pool, _) => {
            let mut connection = pool.acquire().await.unwrap();
            let error = host.handle_json(FLOW, KEY, CREATE).tx(&mut *connection).await.unwrap_err();
            // It can still be used, also with a transaction that sqlx has not begun.
            sqlx::query("BEGIN").execute(&mut *connection).await.unwrap();
            host.handle_json(FLOW, KEY, CREATE).tx(&mut *connection).await.unwrap();
            sqlx::query("ROLLBACK").execute(&mut *connection).await.unwrap();
            error
        }
        Place::Postgres(pool, _) => {
            let mut connection = pool.acquire().await.unwrap();
            let error = host.handle_json(FLOW, KEY, CREATE).tx(&mut *connection).await.unwrap_err();
            sqlx::query("BEGIN").execute(&mut *connection).await.unwrap();
            host.handle_json(FLOW, KEY, CREATE).tx(&mut *connection).await.unwrap();
            sqlx::query("ROLLBACK").execute(&mut *connection).await.unwrap();
            error
        }
    };
    assert_eq!(error.to_string(), "`tx` has no transaction: begin one, and commit it after the call");
    assert_eq!(place.number(&flows).await, 0);
}
on_both!(a_connection_without_a_transaction_is_refused);
