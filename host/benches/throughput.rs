//! How many rows a second a worker carries out, beside the same loop written by hand with the same driver.
//!
//! Each row has one request, which is answered at once: what is measured is the database's work. Beside the rows that are due there
//! are 100,000 that wait. `throughput [DUE] [WAITING]`; PostgreSQL takes part if RULEBOUND_TEST_POSTGRES is set.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::panic,
    reason = "a measurement, in which a panic is a failure"
)]

mod hand;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use rulebound::money::Cents;
use rulebound::time::Timestamp;
use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
use rulebound::{Context, Key, Snapshot};
use rulebound_host::{Database, Host, Provider, Sent, Transport};
use tokio::sync::Notify;

/// The ratio below which the kit is too slow.
const BOUND: f64 = 0.8;
const WORKERS: [usize; 4] = [1, 2, 4, 8];
/// How often each figure is measured. The median counts.
const ROUNDS: usize = 3;

/// A transport that replies at once, as Truemed does.
#[derive(Clone)]
pub(crate) struct Instantly;

impl Transport for Instantly {
    fn send(&self, _request: http::Request<Vec<u8>>, _deadline: Duration) -> BoxFuture<'_, Sent> {
        let body = br#"{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}"#;
        Box::pin(std::future::ready(Sent::Reply(http::Response::new(body.to_vec()))))
    }
}

/// Counts rows that are done, and says when all are.
#[derive(Default)]
pub(crate) struct Done {
    count: AtomicUsize,
    wanted: AtomicUsize,
    all: Notify,
    /// The workers by hand end their transaction, and leave.
    pub(crate) stop: AtomicBool,
}

impl Done {
    pub(crate) fn one(&self) {
        if self.count.fetch_add(1, Ordering::SeqCst) + 1 == self.wanted.load(Ordering::SeqCst) {
            self.all.notify_one();
        }
    }

    fn expect(&self, rows: usize) {
        self.count.store(0, Ordering::SeqCst);
        self.wanted.store(rows, Ordering::SeqCst);
        self.stop.store(false, Ordering::SeqCst);
    }
}

/// The text of a new row, with one request that is ready.
pub(crate) fn snapshot(key: &str) -> Snapshot<PaymentToken> {
    let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1_500))];
    let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    Snapshot::<PaymentToken>::start(Key::parse(key).unwrap()).handle(create, &cx).unwrap().next
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|it| it.parse().ok()).collect();
    let (due, waiting) = (numbers.first().copied().unwrap_or(1_000), numbers.get(1).copied().unwrap_or(100_000));
    println!("{due} due rows beside {waiting} that wait, rows a second, the median of {ROUNDS}\n");
    println!("| database | workers | kit | by hand | ratio |\n| --- | ---: | ---: | ---: | ---: |");
    let file = std::env::temp_dir().join(format!("rulebound-bench-{}.db", std::process::id()));
    let mut lowest = compare("SQLite", &format!("sqlite:{}", file.display()), due, waiting).await;
    for end in ["", "-wal", "-shm"] {
        let _removed = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    match std::env::var("RULEBOUND_TEST_POSTGRES") {
        Ok(url) => lowest = lowest.min(compare("PostgreSQL", &url, due, waiting).await),
        Err(_) => println!("\nleft out: PostgreSQL, because RULEBOUND_TEST_POSTGRES is not set"),
    }
    println!("\nlowest ratio {lowest:.2}; the bound is {BOUND}");
    assert!(lowest >= BOUND, "the kit is slower than {BOUND} of the loop by hand");
}

/// Measures both ways with each number of workers, in turns. The result is the lowest ratio.
async fn compare(name: &str, url: &str, due: usize, waiting: usize) -> f64 {
    let schema = format!("rulebound_bench_{}", std::process::id());
    let hand = hand::Hand::new(url, &schema).await;
    let done = Arc::new(Done::default());
    let host = host(url, if name == "SQLite" { "public" } else { &schema }, &done).await;
    hand.fill(waiting).await;
    let mut lowest = f64::INFINITY;
    for workers in WORKERS {
        let (mut kits, mut hands) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let (kit, by_hand) = if round % 2 == 0 {
                let kit = kit(&host, &hand, &done, workers, due).await;
                (kit, by_hand(&hand, &done, workers, due).await)
            } else {
                let by_hand = by_hand(&hand, &done, workers, due).await;
                (kit(&host, &hand, &done, workers, due).await, by_hand)
            };
            kits.push(kit);
            hands.push(by_hand);
        }
        let (kit, by_hand) = (median(kits), median(hands));
        lowest = lowest.min(kit / by_hand);
        println!("| {name} | {workers} | {kit:.0} | {by_hand:.0} | {:.2} |", kit / by_hand);
    }
    hand.remove().await;
    lowest
}

async fn host(url: &str, schema: &str, done: &Arc<Done>) -> Host {
    let done = Arc::clone(done);
    let database = Database::connect(url).await.unwrap().schema(schema).unwrap();
    let host = Host::builder(database)
        .provider("truemed", Provider::new("sk"))
        .transport(Instantly)
        .ignore("notify")
        .ignore("fulfill")
        .ignore("access")
        .checkpoint(move |name| {
            if name == "saved" {
                done.one();
            }
            Box::pin(std::future::ready(()))
        })
        .build()
        .unwrap();
    host.migrate().await.unwrap();
    host
}

async fn kit(host: &Host, hand: &hand::Hand, done: &Done, workers: usize, due: usize) -> f64 {
    hand.add("rulebound_", due).await;
    done.expect(due);
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..workers {
        let host = host.clone();
        tasks.spawn(async move { host.run().await });
    }
    done.all.notified().await;
    let rate = due as f64 / started.elapsed().as_secs_f64();
    tasks.shutdown().await;
    rate
}

async fn by_hand(hand: &hand::Hand, done: &Arc<Done>, workers: usize, due: usize) -> f64 {
    hand.add("hand_", due).await;
    done.expect(due);
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..workers {
        let (hand, done) = (hand.clone(), Arc::clone(done));
        tasks.spawn(async move { hand.work(&done).await });
    }
    done.all.notified().await;
    let rate = due as f64 / started.elapsed().as_secs_f64();
    done.stop.store(true, Ordering::SeqCst);
    while tasks.join_next().await.is_some() {}
    rate
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
