//! One run: flows are begun, workers live and die, time passes, and at the end the books are compared.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rulebound::Intent;
use rulebound::money::Cents;
use rulebound::truemed::{CreatePaymentSession, CreatePaymentToken, OrderItem, PaymentToken};
use rulebound_host::{Error, Host};
use serde_json::json;

use crate::CHECKPOINTS;
use crate::worker::Place;
use crate::world::World;

/// How much time passes in each round.
const ROUND_MS: i64 = 30 * 60_000;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(format!("RULEBOUND_CRASH_{name}")).map_or(default, |it| it.parse().unwrap())
}

fn items() -> Vec<OrderItem> {
    vec![OrderItem::new("b12", "B12", 1, Cents::new(1_500))]
}

/// The worker processes, each with the checkpoint at which it dies.
struct Workers {
    place: Place,
    port: u16,
    running: Vec<Option<Child>>,
    begun: usize,
    kills: BTreeMap<&'static str, usize>,
    wanted: usize,
}

impl Workers {
    /// Starts each worker that does not run. The first one receives the webhooks, and dies at each checkpoint in turn too.
    fn keep(&mut self) {
        for at in 0..self.running.len() {
            if let Some(child) = &mut self.running[at] {
                match child.try_wait().unwrap() {
                    None => continue,
                    Some(status) => {
                        assert!(!status.success() && status.code().is_none(), "a worker ended by itself: {status}");
                        let checkpoint = CHECKPOINTS[(self.begun + at) % CHECKPOINTS.len()];
                        *self.kills.entry(checkpoint).or_default() += 1;
                        self.begun += 1;
                    }
                }
            }
            let is_to_die = self.kills.values().sum::<usize>() < self.wanted;
            let checkpoint = if is_to_die { CHECKPOINTS[(self.begun + at) % CHECKPOINTS.len()] } else { "none" };
            let Place { database, schema, clock, base_url } = &self.place;
            let port = if at == 0 { self.port } else { 0 };
            let mut command = Command::new(std::env::current_exe().unwrap());
            command.args(["worker", database, schema]).arg(clock);
            command.args([base_url, checkpoint, &(1 + self.begun % 4).to_string(), &port.to_string()]);
            self.running[at] = Some(command.spawn().unwrap());
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in self.running.iter_mut().flatten() {
            let _killed = child.kill();
            let _ended = child.wait();
        }
    }
}

pub(crate) async fn run(name: &str, database: &str, folder: &Path) {
    let (flows, workers, kills) = (setting("FLOWS", 12), setting("WORKERS", 3), setting("KILLS", 12));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let world = tokio::task::spawn_blocking(move || World::start(port)).await.unwrap();
    let schema = if name == "sqlite" { "public".to_owned() } else { format!("rulebound_crash_{}", std::process::id()) };
    let clock = folder.join(format!("clock-{name}"));
    std::fs::write(&clock, "0").unwrap();
    let place = Place { database: database.into(), schema, clock, base_url: world.base_url() };
    let host = place.host("none", 0).await;
    tables(&host, &place).await;
    let keys: Vec<_> = (0..flows).map(|it| format!("crash-{name}-{it:06}")).collect();
    for key in &keys {
        let create = CreatePaymentToken::new(items(), "http://127.0.0.1:1/ok", "http://127.0.0.1:1/no");
        host.handle::<PaymentToken>(key, create).await.unwrap();
    }
    let running = (0..workers).map(|_| None).collect();
    let mut all = Workers { place: place.clone(), port, running, begun: 0, kills: BTreeMap::new(), wanted: kills };
    let (started, mut rounds, mut done) = (Instant::now(), 0, 0);
    while done < flows {
        assert!(
            started.elapsed() < Duration::from_secs(500),
            "{done} of {flows} flows are done after {rounds} rounds, {:?}",
            all.kills
        );
        rounds += 1;
        all.keep();
        tokio::time::sleep(Duration::from_millis(250)).await;
        pass(&world, &place);
        done = 0;
        for key in &keys {
            done += usize::from(lead(&host, &world, key).await);
        }
    }
    let killed: usize = all.kills.values().sum();
    drop(all);
    settle(&host, &place, &world, &keys).await;
    check(&host, &place, &world, &keys).await;
    println!(
        "{name}: {flows} flows, {workers} workers, {killed} kills in {rounds} rounds and {} s",
        started.elapsed().as_secs()
    );
    assert!(killed > 0, "no worker was killed");
    remove(&host, &place).await;
}

/// Lets the time of one round pass, for the provider and for the shop.
fn pass(world: &World, place: &Place) {
    let _passed = world.control("clock/advance", &json!({"ms": ROUND_MS}));
    let skipped: i64 = std::fs::read_to_string(&place.clock).unwrap().parse().unwrap();
    let next = place.clock.with_extension("next");
    std::fs::write(&next, (skipped + ROUND_MS).to_string()).unwrap();
    std::fs::rename(&next, &place.clock).unwrap();
}

/// Beside an open question a lookup goes on every day, and its reply can settle the question. Then the row goes on to its end.
async fn settle(host: &Host, place: &Place, world: &World, keys: &[String]) {
    for _ in 0..200 {
        let mut done = 0;
        for key in keys {
            done += usize::from(lead(host, world, key).await);
        }
        let is_idle = host.tick().await.unwrap().is_empty();
        if done == keys.len() && is_idle {
            return;
        }
        if done < keys.len() {
            pass(world, place);
        }
    }
    panic!("the rows do not come to rest");
}

/// Does what the customer and the shop do next. Whether the flow is at its end.
async fn lead(host: &Host, world: &World, key: &str) -> bool {
    let row = host.get::<PaymentToken>(key).await.unwrap().unwrap();
    let status = serde_json::to_value(row.status()).unwrap();
    if let Some(url) = status["customer_url"].as_str() {
        let _acted = world.control("act", &json!({"provider": "truemed", "do": "finish", "url": url}));
    }
    let is_charged = status["intents"].as_array().is_some_and(|it| !it.is_empty());
    if let (Some(token), false) = (&row.status().own.payment_token, is_charged) {
        let mut charge = CreatePaymentSession::new(Cents::new(1_500), items());
        charge.payment_token = Some(token.clone());
        charge.intent = Some(Intent::parse("2026-12").unwrap());
        (charge.success_url, charge.failure_url) =
            (Some("http://127.0.0.1:1/ok".into()), Some("http://127.0.0.1:1/no".into()));
        match host.handle::<PaymentToken>(key, charge).await {
            Ok(_) | Err(Error::Rejected(_)) => {}
            Err(error) => panic!("{key}: {error}"),
        }
    }
    // What cannot be settled within a day becomes a question for a person.
    row.reviews > 0 || (is_charged && row.effects().is_empty() && row.waiting_for().is_empty())
}

/// Nothing is charged twice, nothing that is paid is not delivered, no row sleeps with work, and the journal has no gap.
async fn check(host: &Host, place: &Place, world: &World, keys: &[String]) {
    let sessions = world.sessions();
    let captured: Vec<_> = sessions.iter().filter(|it| it["captured_amount"] == 1_500).collect();
    assert_eq!((sessions.len(), captured.len()), (keys.len(), keys.len()), "Truemed's books: {sessions:#?}");
    let mut delivered = delivered(host, place).await;
    delivered.sort();
    let mut asked = 0;
    for key in keys {
        let is_asked = host.get::<PaymentToken>(key).await.unwrap().unwrap().reviews > 0;
        let times = delivered.iter().filter(|it| *it == key).count();
        asked += i64::from(is_asked);
        assert!(
            times == 1 || (times == 0 && is_asked),
            "{key} was paid, and delivered {times} times; a question is open: {is_asked}"
        );
    }
    assert_eq!(host.verify().await.unwrap(), []);
    assert_eq!(host.tick().await.unwrap(), [], "a row had work left");
    let stats = host.stats().await.unwrap();
    assert_eq!((stats.due, stats.reviews_open.min(asked), stats.failing_effects), (0, asked, 0), "{stats:?}");
}

async fn tables(host: &Host, place: &Place) {
    let table = "(effect TEXT NOT NULL, flow_key TEXT NOT NULL)";
    let name = match place.schema.as_str() {
        "public" => "delivered".to_owned(),
        schema => {
            sql(host, format!("CREATE SCHEMA {schema}")).await;
            format!("{schema}.delivered")
        }
    };
    host.migrate().await.unwrap();
    sql(host, format!("CREATE TABLE {name} {table}")).await;
}

async fn remove(host: &Host, place: &Place) {
    if place.schema != "public" {
        sql(host, format!("DROP SCHEMA {} CASCADE", place.schema)).await;
    }
    host.close().await;
}

async fn sql(host: &Host, sql: String) {
    use rulebound_host::Tx;
    let ran = host.transaction(|tx| {
        let sql = sql.clone();
        Box::pin(async move {
            match tx {
                Tx::Sqlite(it) => sqlx::query(&sql).execute(&mut **it).await.map(drop)?,
                Tx::Postgres(it, _) => sqlx::query(&sql).execute(&mut **it).await.map(drop)?,
            }
            Ok(())
        })
    });
    ran.await.unwrap();
}

async fn delivered(host: &Host, place: &Place) -> Vec<String> {
    use rulebound_host::Tx;
    let table = if place.schema == "public" { "delivered".to_owned() } else { format!("{}.delivered", place.schema) };
    let read = host.transaction(|tx| {
        let sql = format!("SELECT flow_key FROM {table}");
        Box::pin(async move {
            Ok(match tx {
                Tx::Sqlite(it) => sqlx::query_scalar(&sql).fetch_all(&mut **it).await?,
                Tx::Postgres(it, _) => sqlx::query_scalar(&sql).fetch_all(&mut **it).await?,
            })
        })
    });
    read.await.unwrap()
}
