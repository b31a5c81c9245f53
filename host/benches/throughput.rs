//! How many flows a second workers carry out, beside the same loop written by hand with the same driver.
//!
//! Each flow has one request, which is answered at once: what is measured is the database's work, until nothing is due any more.
//! Beside the rows that are due there are 100,000 that wait. `throughput [DUE] [WAITING]`; PostgreSQL takes part if
//! RULEBOUND_TEST_POSTGRES is set.
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
mod kit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use rulebound::money::Cents;
use rulebound::time::Timestamp;
use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
use rulebound::{Context, Key, Snapshot};
use rulebound_host::{Host, Sent, Statements, Transport};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use hand::Hand;

/// The ratio below which the kit is too slow.
const BOUND: f64 = 0.8;
/// In how many milliseconds a webhook is acknowledged at the median.
const ACKNOWLEDGED_MS: f64 = 5.0;
const WORKERS: [usize; 4] = [1, 2, 4, 8];
/// How many rows wait where few do.
const FEW: usize = 1_000;
/// How often each figure is measured. The median counts.
const ROUNDS: usize = 3;

/// A transport that replies at once, as Truemed does.
#[derive(Clone)]
pub(crate) struct Instantly;

impl Transport for Instantly {
    fn send(&self, request: http::Request<Vec<u8>>, _deadline: Duration) -> BoxFuture<'_, Sent> {
        Box::pin(std::future::ready(Sent::Reply(http::Response::new(reply_to(request.body())))))
    }
}

/// Truemed's reply: its id is the shop's own key of the request.
pub(crate) fn reply_to(body: &[u8]) -> Vec<u8> {
    let request: serde_json::Value = serde_json::from_slice(body).unwrap();
    let key = request["metadata"].as_str().unwrap();
    format!(r#"{{"provision_token_request_id": "ptr_{key}", "redirect_url": "https://truemed.example/q/{key}"}}"#)
        .into()
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

/// A new row, with one request that is ready.
pub(crate) fn snapshot(key: &str) -> Snapshot<PaymentToken> {
    let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1_500))];
    let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    Snapshot::<PaymentToken>::start(Key::parse(key).unwrap()).handle(create, &cx).unwrap().next
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|it| it.parse().ok()).collect();
    let (due, waiting) = (numbers.first().copied().unwrap_or(500), numbers.get(1).copied().unwrap_or(100_000));
    println!("{due} flows with one request each, until nothing is due; the median of {ROUNDS} rounds.");
    let file = std::env::temp_dir().join(format!("rulebound-bench-{}", std::process::id()));
    let sqlite = format!("sqlite:{}.db", file.display());
    let mut missed = measure("SQLite", &sqlite, Statements::Unnamed, due, waiting).await;
    for end in [".db", ".db-wal", ".db-shm", "-hand.db", "-hand.db-wal", "-hand.db-shm"] {
        let _removed = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    match std::env::var("RULEBOUND_TEST_POSTGRES") {
        Ok(url) => {
            missed.extend(measure("PostgreSQL", &url, Statements::Unnamed, due, waiting).await);
            missed.extend(measure("PostgreSQL, named statements", &url, Statements::Named, due, waiting).await);
        }
        Err(_) => println!("\nleft out: PostgreSQL, because RULEBOUND_TEST_POSTGRES is not set"),
    }
    assert!(missed.is_empty(), "bounds that were missed: {}", missed.join("; "));
    println!(
        "\nEvery bound is kept: {BOUND} of the loop by hand, and of the rate beside few rows; {ACKNOWLEDGED_MS} ms for a webhook."
    );
}

/// One database: beside few and many rows that wait, each number of workers, and webhooks. The result names what missed its bound.
async fn measure(name: &str, url: &str, statements: Statements, due: usize, waiting: usize) -> Vec<String> {
    println!("\n## {name}\n");
    let schema = format!("rulebound_bench_{}", std::process::id());
    let (by_hand, url_by_hand) = (format!("{schema}_hand"), url.replace(".db", "-hand.db"));
    let rows = Hand::new(url, &schema, statements).await;
    let hand = Hand::new(&url_by_hand, &by_hand, statements).await;
    let done = Arc::new(Done::default());
    let host = kit::host(url, &schema, statements, &done).await;
    kit::host(&url_by_hand, &by_hand, statements, &done).await.close().await;
    let bench = Bench { host, rows, hand, done, due };
    let mut missed = bench.beside_waiting(waiting).await;
    missed.extend(bench.beside_hand().await);
    missed.extend(bench.webhooks().await);
    bench.host.close().await;
    bench.rows.remove().await;
    bench.hand.remove().await;
    missed.into_iter().map(|it| format!("{name}, {it}")).collect()
}

/// The kit and the loop by hand on one database.
pub(crate) struct Bench {
    host: Host,
    /// The kit's own rows.
    rows: Hand,
    /// The loop by hand, on tables of its own.
    hand: Hand,
    done: Arc<Done>,
    due: usize,
}

impl Bench {
    /// The kit beside few and many rows that wait, and how the database finds those that are due.
    async fn beside_waiting(&self, waiting: usize) -> Vec<String> {
        self.rows.fill(FEW).await;
        let few = median(self.rounds(1).await);
        self.rows.fill(waiting.saturating_sub(FEW)).await;
        self.hand.fill(waiting).await;
        let many = median(self.rounds(1).await);
        println!("{few:.0} flows/s beside {FEW} rows that wait, {many:.0} beside {waiting}: {:.2}\n", many / few);
        let plan = self.host.plan().await.unwrap();
        println!("```text\n{plan}\n```\n");
        let mut missed = Vec::new();
        if many / few < BOUND {
            missed.push(format!("{:.2} beside {waiting} rows that wait", many / few));
        }
        if !plan.contains("rulebound_flows_wake_at") {
            missed.push("the index of `wake_at` is not used".into());
        }
        missed
    }

    async fn rounds(&self, workers: usize) -> Vec<f64> {
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            rates.push(self.kit(workers).await);
        }
        rates
    }

    /// Both ways with each number of workers, in turns.
    async fn beside_hand(&self) -> Vec<String> {
        println!("| workers | kit, flows/s | by hand, flows/s | ratio |\n| ---: | ---: | ---: | ---: |");
        let mut missed = Vec::new();
        for workers in WORKERS {
            let (mut kits, mut hands) = (Vec::new(), Vec::new());
            for round in 0..ROUNDS {
                if round % 2 == 0 {
                    kits.push(self.kit(workers).await);
                    hands.push(self.by_hand(workers).await);
                } else {
                    hands.push(self.by_hand(workers).await);
                    kits.push(self.kit(workers).await);
                }
            }
            let (kit, by_hand) = (median(kits), median(hands));
            let ratio = kit / by_hand;
            println!("| {workers} | {kit:.0} | {by_hand:.0} | {ratio:.2} |");
            if ratio < BOUND {
                missed.push(format!("{ratio:.2} with {workers} workers"));
            }
        }
        missed
    }

    async fn kit(&self, workers: usize) -> f64 {
        self.rows.add(self.due).await;
        self.done.expect(self.due);
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let host = self.host.clone();
            tasks.spawn(async move { host.run().await });
        }
        let rate = self.rate(started, &self.rows).await;
        tasks.shutdown().await;
        rate
    }

    async fn by_hand(&self, workers: usize) -> f64 {
        self.hand.add(self.due).await;
        self.done.expect(self.due);
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let (hand, done) = (self.hand.clone(), Arc::clone(&self.done));
            tasks.spawn(async move { hand.work(&done).await });
        }
        let rate = self.rate(started, &self.hand).await;
        self.done.stop.store(true, Ordering::SeqCst);
        while tasks.join_next().await.is_some() {}
        rate
    }

    /// Flows a second, once every reply is saved and nothing is due any more.
    async fn rate(&self, started: Instant, rows: &Hand) -> f64 {
        self.done.all.notified().await;
        while rows.is_due().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.due as f64 / started.elapsed().as_secs_f64()
    }

    /// How long a webhook of a row takes to be acknowledged while two workers are busy.
    async fn webhooks(&self) -> Vec<String> {
        let keys = self.rows.add(self.due).await;
        self.done.expect(self.due);
        let mut tasks = JoinSet::new();
        for _ in 0..2 {
            let host = self.host.clone();
            tasks.spawn(async move { host.run().await });
        }
        self.rows.make_bare().await;
        let (mut times, mut bare) = (Vec::new(), Vec::new());
        for key in &keys {
            let started = Instant::now();
            kit::deliver(&self.host, key).await;
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
            let started = Instant::now();
            self.rows.commit().await;
            bare.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        self.rate(Instant::now(), &self.rows).await;
        tasks.shutdown().await;
        times.sort_by(f64::total_cmp);
        let (half, most) = (times[times.len() / 2], times[times.len() * 95 / 100]);
        println!(
            "\na webhook is acknowledged in {half:.1} ms (p50) and {most:.1} ms (p95) while two workers are busy; a bare commit \
             beside it takes {:.1} ms",
            median(bare)
        );
        if half > ACKNOWLEDGED_MS { vec![format!("{half:.1} ms for a webhook")] } else { Vec::new() }
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
