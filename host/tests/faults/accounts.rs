//! Accounts whose lookup fails, or says what is wrong.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rulebound_host::{Account, BoxError, Did, Error, Host, Provider, Sent, Transport};
use serde_json::json;

use crate::on_both;
use crate::place::{CREATE, FLOW, KEY, NOW, Place};

const OTHER: &str = "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a22";

/// What the lookup of the accounts says, and what it was asked.
#[derive(Default)]
struct Lookup {
    fails: Mutex<Option<Fault>>,
    asked: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Fault {
    Settings,
    Away,
}

impl Lookup {
    fn set(&self, fault: Option<Fault>) {
        *self.fails.lock().unwrap() = fault;
    }

    fn account(&self) -> Result<Account, BoxError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match *self.fails.lock().unwrap() {
            None => Ok(Account::new("sk_a")),
            Some(Fault::Settings) => Ok(Account::new("sk_a").config(json!({"enviroment": "production"}))),
            Some(Fault::Away) => Err("the directory is away".into()),
        }
    }
}

/// A provider that creates a token, after which the lookup of the accounts says something else.
struct Creates(Arc<Lookup>, Option<Fault>);

impl Transport for Creates {
    fn send(&self, _request: http::Request<Vec<u8>>, _deadline: Duration) -> BoxFuture<'_, Sent> {
        self.0.set(self.1);
        let status = if self.1.is_some() { 401 } else { 200 };
        let body = r#"{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}"#;
        let reply = http::Response::builder().status(status).body(body.as_bytes().to_vec()).unwrap();
        Box::pin(async move { Sent::Reply(reply) })
    }
}

/// A host with a clock in the test's hands. It knows nothing of its accounts yet.
fn host(place: &Place, lookup: &Arc<Lookup>, clock: &Arc<AtomicI64>, then: Option<Fault>) -> Host {
    let (asked, now) = (Arc::clone(lookup), Arc::clone(clock));
    let provider = Provider::new("").accounts(move |_| std::future::ready(asked.account()));
    let builder = place.host(provider).ignore("fulfill").clock(move || now.load(Ordering::SeqCst));
    builder.transport(Creates(Arc::clone(lookup), then)).build().unwrap()
}

async fn wrong_settings_pause_the_account_and_count_for_no_row(place: &Place) {
    let (lookup, clock) = (Arc::new(Lookup::default()), Arc::new(AtomicI64::new(NOW)));
    let web = host(place, &lookup, &clock, None);
    web.migrate().await.unwrap();
    for key in [KEY, OTHER] {
        web.handle_json(FLOW, key, CREATE).account("a").await.unwrap();
    }
    lookup.set(Some(Fault::Settings));
    let worker = host(place, &lookup, &clock, None);
    assert_eq!(worker.tick().await.unwrap(), []);
    let pauses = worker.pauses().await.unwrap();
    let pause = pauses.iter().map(|it| (it.account.as_str(), it.reason.as_str(), it.until)).collect::<Vec<_>>();
    assert_eq!(pause, [("a", "config", NOW + 60_000)]);
    let flows = place.table("rulebound_flows");
    let resting = format!("SELECT COUNT(*) FROM {flows} WHERE tries = 0 AND wake_at = {}", NOW + 60_000);
    assert_eq!(place.number(&resting).await, 2);
    assert_eq!(worker.stats().await.unwrap().failing_effects, 0);
    // The page of the shop says which member is wrong.
    let error = worker.get_any(FLOW, KEY).await.unwrap_err();
    assert!(matches!(error, Error::Config { .. }) && error.to_string().contains("enviroment"), "{error}");

    lookup.set(None);
    clock.fetch_add(60_000, Ordering::SeqCst);
    let sent = worker.tick().await.unwrap().into_iter().filter(|it| matches!(it, Did::Sent { .. })).count();
    assert_eq!((sent, worker.pauses().await.unwrap()), (2, vec![]));
}
on_both!(wrong_settings_pause_the_account_and_count_for_no_row);

async fn a_lookup_that_fails_lets_the_rows_rest_without_a_try(place: &Place) {
    let (lookup, clock) = (Arc::new(Lookup::default()), Arc::new(AtomicI64::new(NOW)));
    let web = host(place, &lookup, &clock, None);
    web.migrate().await.unwrap();
    web.handle_json(FLOW, KEY, CREATE).account("a").await.unwrap();
    lookup.set(Some(Fault::Away));
    let worker = host(place, &lookup, &clock, None);
    assert_eq!(worker.tick().await.unwrap(), []);
    let flows = place.table("rulebound_flows");
    assert_eq!(place.number(&format!("SELECT tries FROM {flows}")).await, 0);
    assert_eq!(place.number(&format!("SELECT wake_at FROM {flows}")).await, NOW + 60_000);
    assert_eq!(worker.pauses().await.unwrap(), []);
}
on_both!(a_lookup_that_fails_lets_the_rows_rest_without_a_try);

/// A 401 lets the account be looked up again, for the visit that brings this very reply.
async fn a_reply_is_saved_although_its_account_cannot_be_looked_up_again(place: &Place) {
    let (lookup, clock) = (Arc::new(Lookup::default()), Arc::new(AtomicI64::new(NOW)));
    let worker = host(place, &lookup, &clock, Some(Fault::Away));
    worker.migrate().await.unwrap();
    worker.handle_json(FLOW, KEY, CREATE).account("a").await.unwrap();
    let did = worker.tick().await.unwrap();
    assert_eq!(did.len(), 1, "the request is sent once: {did:?}");
    let journal = place.table("rulebound_journal");
    assert_eq!(place.number(&format!("SELECT COUNT(*) FROM {journal} WHERE kind = 'reply'")).await, 1);
    assert_eq!(worker.pauses().await.unwrap()[0].reason, "401");
}
on_both!(a_reply_is_saved_although_its_account_cannot_be_looked_up_again);

async fn nothing_is_looked_up_in_the_callers_transaction(place: &Place) {
    let (lookup, clock) = (Arc::new(Lookup::default()), Arc::new(AtomicI64::new(NOW)));
    let web = host(place, &lookup, &clock, None);
    web.migrate().await.unwrap();
    let (shop, runs, asked) = (web.clone(), Arc::new(AtomicUsize::new(0)), Arc::clone(&lookup));
    let times = Arc::clone(&runs);
    let handled = web.transaction(move |tx| {
        let (shop, run) = (shop.clone(), times.fetch_add(1, Ordering::SeqCst));
        assert_eq!(asked.asked.load(Ordering::SeqCst), run, "the lookup is between two transactions");
        Box::pin(async move {
            let row = shop.handle_json(FLOW, KEY, CREATE).account("a").tx(tx.again()).await;
            match &row {
                Err(Error::Lookup { account, .. }) => assert!(run == 0 && account == "a"),
                _ => assert!(run == 1 && row.is_ok()),
            }
            Ok(row?)
        })
    });
    assert_eq!(handled.await.unwrap().account, "a");
    assert_eq!((runs.load(Ordering::SeqCst), lookup.asked.load(Ordering::SeqCst)), (2, 1));
    let ids = format!("SELECT COUNT(*) FROM {}", place.table("rulebound_ids"));
    assert_eq!(place.number(&ids).await, 1, "the row's key");
}
on_both!(nothing_is_looked_up_in_the_callers_transaction);
