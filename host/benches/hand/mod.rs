//! The loop by hand, as the first page of the repository describes it: rows, ids and an inbox, and one line in the log of
//! transitions for each step. It has no accounts, pauses, timeouts or handlers.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use rulebound::time::Timestamp;
use rulebound::truemed::PaymentToken;
use rulebound::{Context, EffectId, Fact, Headers, Snapshot};
use rulebound_host::{Sent, Transport, Tx};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use tokio::sync::Mutex;

use crate::{Done, Instantly, snapshot};

const FLOW: &str = "truemed.payment_token";

#[derive(Clone)]
enum Pool {
    /// With a queue for writers, which SQLite has not.
    Sqlite(SqlitePool, std::sync::Arc<Mutex<()>>),
    Postgres(PgPool),
}

#[derive(Clone)]
pub(crate) struct Hand {
    pool: Pool,
    /// What stands in front of each table's name.
    prefix: String,
}

/// Runs a block with a transaction of either database.
macro_rules! transaction {
    ($hand:expr, |$tx:ident, $lock:ident| $body:block) => {
        match &$hand.pool {
            Pool::Sqlite(pool, writer) => {
                let _writer = writer.lock().await;
                let mut own = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                let (mut $tx, $lock): (Tx<'_>, &str) = ((&mut own).into(), "");
                let value = $body;
                own.commit().await.unwrap();
                value
            }
            Pool::Postgres(pool) => {
                let mut own = pool.begin().await.unwrap();
                let (mut $tx, $lock): (Tx<'_>, &str) = ((&mut own).into(), " FOR UPDATE SKIP LOCKED");
                let value = $body;
                own.commit().await.unwrap();
                value
            }
        }
    };
}

/// Runs a statement whose parameters are texts.
async fn write(tx: &mut Tx<'_>, sql: &str, texts: &[&str]) {
    match tx {
        Tx::Sqlite(it) => {
            texts.iter().fold(sqlx::query(sql), |it, text| it.bind(*text)).execute(&mut **it).await.map(drop).unwrap();
        }
        Tx::Postgres(it) => {
            texts.iter().fold(sqlx::query(sql), |it, text| it.bind(*text)).execute(&mut **it).await.map(drop).unwrap();
        }
    }
}

/// The rows of a query whose parameters are texts: two columns of text each.
async fn read(tx: &mut Tx<'_>, sql: &str, texts: &[&str]) -> Vec<(String, String)> {
    match tx {
        Tx::Sqlite(it) => {
            texts.iter().fold(sqlx::query_as(sql), |it, text| it.bind(*text)).fetch_all(&mut **it).await.unwrap()
        }
        Tx::Postgres(it) => {
            texts.iter().fold(sqlx::query_as(sql), |it, text| it.bind(*text)).fetch_all(&mut **it).await.unwrap()
        }
    }
}

fn now() -> i64 {
    Timestamp::from(SystemTime::now()).as_millis()
}

impl Hand {
    pub(crate) async fn new(url: &str, schema: &str) -> Self {
        let hand = if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse().unwrap();
            let options = options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
            let pool =
                SqlitePoolOptions::new().max_connections(5).connect_with(options.busy_timeout(Duration::from_secs(5)));
            Self { pool: Pool::Sqlite(pool.await.unwrap(), std::sync::Arc::default()), prefix: String::new() }
        } else {
            let pool = PgPoolOptions::new().max_connections(10).connect(url).await.unwrap();
            sqlx::query(&format!("CREATE SCHEMA {schema}")).execute(&pool).await.unwrap();
            Self { pool: Pool::Postgres(pool), prefix: format!("{schema}.") }
        };
        let p = &hand.prefix;
        for sql in [
            format!(
                "CREATE TABLE {p}hand_flows (flow text, key text, revision bigint, snapshot text, wake_at bigint, PRIMARY KEY (flow, key))"
            ),
            format!("CREATE INDEX hand_wake_at ON {p}hand_flows (wake_at)"),
            format!("CREATE TABLE {p}hand_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key))"),
            format!("CREATE TABLE {p}hand_inbox (id text, provider text, fact text, received_at bigint)"),
            format!("CREATE INDEX hand_inbox_id ON {p}hand_inbox (id)"),
            format!("CREATE TABLE {p}hand_log (flow text, key text, revision bigint, at bigint, line text)"),
        ] {
            hand.run(&sql).await;
        }
        hand
    }

    async fn run(&self, sql: &str) {
        match &self.pool {
            Pool::Sqlite(pool, _) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
            Pool::Postgres(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
        }
    }

    /// Rows that wait, in the tables of both ways.
    pub(crate) async fn fill(&self, rows: usize) {
        let later = now() + 86_400_000;
        for table in ["rulebound_", "hand_"] {
            self.insert(table, "waiting", rows, later).await;
        }
    }

    /// Rows that are due now.
    pub(crate) async fn add(&self, table: &str, rows: usize) {
        self.insert(table, &format!("due-{}", now()), rows, 0).await;
    }

    async fn insert(&self, table: &str, name: &str, rows: usize, wake_at: i64) {
        let p = &self.prefix;
        let sql = match table {
            "hand_" => format!(
                "INSERT INTO {p}hand_flows (flow, key, revision, snapshot, wake_at) VALUES ($1, $2, 1, $3, {wake_at})"
            ),
            _ => format!(
                "INSERT INTO {p}rulebound_flows (flow, key, account, reference, revision, snapshot, wake_at, reviews, failing, tries, last_error, created_at, updated_at) \
                 VALUES ($1, $2, '', NULL, 1, $3, {wake_at}, 0, 0, 0, NULL, 0, 0)"
            ),
        };
        transaction!(self, |tx, _lock| {
            for number in 0..rows {
                let key = format!("{name}-{number:016}");
                let text = snapshot(&key).save();
                write(&mut tx, &sql, &[FLOW, &key, &text]).await;
            }
        });
    }

    /// One worker, until it is stopped.
    pub(crate) async fn work(&self, done: &Done) {
        while !done.stop.load(Ordering::SeqCst) {
            match self.lease().await {
                Some((row, effect, sending)) => {
                    let Sent::Reply(reply) =
                        Instantly.send(http::Request::new(Vec::new()), Duration::from_secs(30)).await
                    else {
                        panic!("it replies")
                    };
                    self.settle(&row, &effect, sending, &reply).await;
                    done.one();
                }
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Takes a row that is due, leases its effect, and saves before anything is sent.
    async fn lease(&self) -> Option<(String, EffectId, u32)> {
        let p = &self.prefix;
        transaction!(self, |tx, lock| {
            let now = now();
            let sql = format!(
                "SELECT key, snapshot FROM {p}hand_flows WHERE wake_at <= CAST($1 AS bigint) ORDER BY wake_at LIMIT 1{lock}"
            );
            match read(&mut tx, &sql, &[&now.to_string()]).await.pop() {
                None => None,
                Some((key, text)) => {
                    let cx = Context::at(Timestamp::from_millis(now));
                    let row = Snapshot::<PaymentToken>::load(&text).unwrap();
                    self.inbox(&mut tx, &row).await;
                    let effect = row.effects(&cx).into_iter().find(|it| it.ready).unwrap();
                    let lease = row.lease(&effect.id, &cx).unwrap();
                    self.save(&mut tx, &row, &lease.next, &cx, "lease").await;
                    Some((key, effect.id, lease.request.unwrap().sending))
                }
            }
        })
    }

    async fn settle(&self, key: &str, effect: &EffectId, sending: u32, reply: &http::Response<Vec<u8>>) {
        let p = &self.prefix;
        transaction!(self, |tx, lock| {
            let sql = format!(
                "SELECT key, snapshot FROM {p}hand_flows WHERE flow = $1 AND key = $2{}",
                lock.replace(" SKIP LOCKED", "")
            );
            let (_, text) = read(&mut tx, &sql, &[FLOW, key]).await.pop().unwrap();
            let cx = Context::at(Timestamp::from_millis(now()));
            let row = Snapshot::<PaymentToken>::load(&text).unwrap();
            let fact =
                Fact::reply(effect, sending, 200, reply.body().as_slice()).with_headers(Headers::from(reply.headers()));
            let step = row.observe(fact, &cx).unwrap();
            let line = serde_json::to_string(&step.transitions()).unwrap();
            self.inbox(&mut tx, &step.next).await;
            self.save(&mut tx, &row, &step.next, &cx, &line).await;
        });
    }

    /// Reads the webhooks that name an id of the row. There are none here.
    async fn inbox(&self, tx: &mut Tx<'_>, row: &Snapshot<PaymentToken>) {
        let ids = row.ids();
        let places: Vec<_> = (1..=ids.len()).map(|it| format!("${it}")).collect();
        let sql = format!(
            "SELECT id, fact FROM {}hand_inbox WHERE id IN ({}) ORDER BY received_at",
            self.prefix,
            places.join(", ")
        );
        let ids: Vec<_> = ids.iter().map(|it| it.as_str()).collect();
        assert!(read(tx, &sql, &ids).await.is_empty());
    }

    async fn save(
        &self,
        tx: &mut Tx<'_>,
        before: &Snapshot<PaymentToken>,
        next: &Snapshot<PaymentToken>,
        cx: &Context,
        line: &str,
    ) {
        let p = &self.prefix;
        let (key, text) = (next.key().as_str(), next.save());
        let wake_at = next.wake_at(cx).map_or_else(String::new, |it| it.as_millis().to_string());
        let (was, is) = (before.revision().to_string(), next.revision().to_string());
        let sql = format!(
            "UPDATE {p}hand_flows SET revision = CAST($1 AS bigint), snapshot = $2, wake_at = CAST(NULLIF($3, '') AS bigint) \
             WHERE flow = $4 AND key = $5 AND revision = CAST($6 AS bigint)"
        );
        write(tx, &sql, &[&is, &text, &wake_at, FLOW, key, &was]).await;
        let known = before.ids();
        for id in next.ids().iter().filter(|it| !known.contains(it)) {
            write(
                tx,
                &format!("INSERT INTO {p}hand_ids VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
                &[id.as_str(), FLOW, key],
            )
            .await;
        }
        let sql = format!(
            "INSERT INTO {p}hand_log (flow, key, revision, at, line) VALUES ($1, $2, CAST($3 AS bigint), CAST($4 AS bigint), $5)"
        );
        write(tx, &sql, &[FLOW, key, &is, &cx.now.as_millis().to_string(), line]).await;
    }

    pub(crate) async fn remove(self) {
        if let Pool::Postgres(pool) = &self.pool {
            let schema = self.prefix.trim_end_matches('.');
            sqlx::query(&format!("DROP SCHEMA {schema} CASCADE")).execute(pool).await.unwrap();
        }
    }
}
