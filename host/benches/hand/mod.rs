//! The loop by hand, on tables as those of the kit: rows, ids and an inbox, and one line in the journal for each step. It keeps the
//! promises of the kit: the lease is on the disk before the request leaves, and a row that has learned an id looks once more for
//! webhooks, where another transaction can have stored one meanwhile. It has no accounts, pauses, timeouts or handlers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rulebound::effect::Effect;
use rulebound::time::Timestamp;
use rulebound::truemed::PaymentToken;
use rulebound::{Context, EffectId, Fact, Headers, Request, Snapshot};
use rulebound_host::{Sent, Statements, Transport, Tx};
use sha2::{Digest, Sha256};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use tokio::sync::Mutex;

use crate::{Done, Instantly, snapshot};

const FLOW: &str = "truemed.payment_token";
/// The number in the next row's key.
static NEXT: AtomicUsize = AtomicUsize::new(1);

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
    statements: Statements,
}

/// A request that was leased.
struct Leased {
    key: String,
    effect: EffectId,
    request: Request,
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
                let (mut $tx, $lock) = (Tx::Postgres(&mut own, $hand.statements), " FOR UPDATE SKIP LOCKED");
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
        Tx::Postgres(it, statements) => {
            let query = sqlx::query(sql).persistent(*statements == Statements::Named);
            texts.iter().fold(query, |it, text| it.bind(*text)).execute(&mut **it).await.map(drop).unwrap();
        }
    }
}

/// The rows of a query whose parameters are texts: two columns of text each.
async fn read(tx: &mut Tx<'_>, sql: &str, texts: &[&str]) -> Vec<(String, String)> {
    match tx {
        Tx::Sqlite(it) => {
            texts.iter().fold(sqlx::query_as(sql), |it, text| it.bind(*text)).fetch_all(&mut **it).await.unwrap()
        }
        Tx::Postgres(it, statements) => {
            let query = sqlx::query_as(sql).persistent(*statements == Statements::Named);
            texts.iter().fold(query, |it, text| it.bind(*text)).fetch_all(&mut **it).await.unwrap()
        }
    }
}

/// When to look at a row again, as text; empty if never.
fn wake_at(row: &Snapshot<PaymentToken>, cx: &Context) -> String {
    row.wake_at(cx).map_or_else(String::new, |it| it.as_millis().to_string())
}

fn now() -> i64 {
    Timestamp::from(SystemTime::now()).as_millis()
}

impl Hand {
    pub(crate) async fn new(url: &str, schema: &str, statements: Statements) -> Self {
        if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse().unwrap();
            let options = options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full);
            let pool =
                SqlitePoolOptions::new().max_connections(5).connect_with(options.busy_timeout(Duration::from_secs(5)));
            Self {
                pool: Pool::Sqlite(pool.await.unwrap(), std::sync::Arc::default()),
                prefix: "rulebound_".into(),
                statements,
            }
        } else {
            let pool = PgPoolOptions::new().max_connections(10).connect(url).await.unwrap();
            sqlx::query(&format!("CREATE SCHEMA {schema}")).execute(&pool).await.unwrap();
            Self { pool: Pool::Postgres(pool), prefix: format!("{schema}.rulebound_"), statements }
        }
    }

    async fn run(&self, sql: &str) {
        match &self.pool {
            Pool::Sqlite(pool, _) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
            Pool::Postgres(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
        }
    }

    /// A table for `commit`.
    pub(crate) async fn make_bare(&self) {
        self.run(&format!("CREATE TABLE {}bare (n INTEGER)", self.prefix)).await;
    }

    /// The least that anything stored costs on this disk: one row in a transaction of its own.
    pub(crate) async fn commit(&self) {
        self.run(&format!("INSERT INTO {}bare VALUES (0)", self.prefix)).await;
    }

    /// Rows that wait.
    pub(crate) async fn fill(&self, rows: usize) {
        self.insert(rows, now() + 86_400_000).await;
        self.run(&format!("ANALYZE {}flows", self.prefix)).await;
    }

    /// Rows that are due now. The result has their keys.
    pub(crate) async fn add(&self, rows: usize) -> Vec<String> {
        self.insert(rows, 0).await
    }

    async fn insert(&self, rows: usize, wake_at: i64) -> Vec<String> {
        /// How many rows one statement inserts.
        const TOGETHER: usize = 200;
        let first = NEXT.fetch_add(rows, Ordering::SeqCst);
        let keys: Vec<_> =
            (first..first + rows).map(|number| format!("00000000-0000-4000-8000-{number:012}")).collect();
        transaction!(self, |tx, _lock| {
            for part in keys.chunks(TOGETHER) {
                let texts: Vec<_> = part.iter().map(|key| snapshot(key).save()).collect();
                let places = (0..part.len()).map(|it| (it * 2 + 1, it * 2 + 2));
                let row = |(key, text)| format!("('{FLOW}', ${key}, ${text}, 1, {wake_at}, '', 0, 0, 0, 0, 0)");
                let values: Vec<String> = places.map(row).collect();
                let sql = format!(
                    "INSERT INTO {}flows (flow, key, snapshot, revision, wake_at, account, reviews, failing, tries, created_at, updated_at) \
                     VALUES {}",
                    self.prefix,
                    values.join(", ")
                );
                let all: Vec<_> = part.iter().zip(&texts).flat_map(|(key, text)| [key.as_str(), text]).collect();
                write(&mut tx, &sql, &all).await;
            }
        });
        keys
    }

    /// Whether a row is due.
    pub(crate) async fn is_due(&self) -> bool {
        let sql = format!(
            "SELECT key, flow FROM {}flows WHERE wake_at <= CAST($1 AS bigint) ORDER BY wake_at LIMIT 1",
            self.prefix
        );
        transaction!(self, |tx, _lock| { !read(&mut tx, &sql, &[&now().to_string()]).await.is_empty() })
    }

    /// One worker, until it is stopped.
    pub(crate) async fn work(&self, done: &Done) {
        while !done.stop.load(Ordering::SeqCst) {
            match self.lease().await {
                Some(Some(leased)) => {
                    let http = leased.request.to_http("sk").unwrap();
                    let Sent::Reply(reply) = Instantly.send(http, Duration::from_secs(30)).await else {
                        panic!("it replies")
                    };
                    self.settle(&leased, &reply).await;
                    done.one();
                }
                Some(None) => {}
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Takes a row that is due, leases its effect if it has one, and saves before anything is sent.
    async fn lease(&self) -> Option<Option<Leased>> {
        let p = &self.prefix;
        transaction!(self, |tx, lock| {
            let now = now();
            let sql = format!(
                "SELECT key, snapshot FROM {p}flows WHERE wake_at <= CAST($1 AS bigint) ORDER BY wake_at LIMIT 1{lock}"
            );
            match read(&mut tx, &sql, &[&now.to_string()]).await.pop() {
                None => None,
                Some((key, text)) => {
                    let cx = Context::at(Timestamp::from_millis(now));
                    let row = Snapshot::<PaymentToken>::load(&text).unwrap();
                    self.inbox(&mut tx, &row).await;
                    let effect = row.effects(&cx).into_iter().find(|it| it.ready);
                    Some(match effect {
                        None => {
                            self.rest(&mut tx, &row, &cx).await;
                            None
                        }
                        Some(effect) => {
                            let lease = row.lease(&effect.id, &cx).unwrap();
                            self.save(&mut tx, &row, &lease.next, &cx, "lease").await;
                            Some(Leased { key, effect: effect.id, request: lease.request.unwrap() })
                        }
                    })
                }
            }
        })
    }

    /// A row without work: only when to look again is written.
    async fn rest(&self, tx: &mut Tx<'_>, row: &Snapshot<PaymentToken>, cx: &Context) {
        let sql = format!(
            "UPDATE {}flows SET wake_at = CAST(NULLIF($1, '') AS bigint) WHERE flow = $2 AND key = $3",
            self.prefix
        );
        write(tx, &sql, &[&wake_at(row, cx), FLOW, row.key().as_str()]).await;
    }

    async fn settle(&self, leased: &Leased, reply: &http::Response<Vec<u8>>) {
        let Leased { key, effect, request } = leased;
        let p = &self.prefix;
        transaction!(self, |tx, lock| {
            let sql = format!(
                "SELECT key, snapshot FROM {p}flows WHERE flow = $1 AND key = $2{}",
                lock.replace(" SKIP LOCKED", "")
            );
            let (_, text) = read(&mut tx, &sql, &[FLOW, key]).await.pop().unwrap();
            let cx = Context::at(Timestamp::from_millis(now()));
            let row = Snapshot::<PaymentToken>::load(&text).unwrap();
            let fact = Fact::reply(effect, request.sending, 200, reply.body().as_slice())
                .with_headers(Headers::from(reply.headers()));
            let step = row.observe(fact, &cx).unwrap();
            let line = serde_json::to_string(&step.transitions()).unwrap();
            self.inbox(&mut tx, &step.next).await;
            self.save(&mut tx, &row, &step.next, &cx, &line).await;
        });
    }

    /// Reads the webhooks that name an id of the row. There are none here.
    async fn inbox(&self, tx: &mut Tx<'_>, row: &Snapshot<PaymentToken>) {
        let (ids, p) = (row.ids(), &self.prefix);
        let places: Vec<_> = (1..=ids.len()).map(|it| format!("${it}")).collect();
        let sql = format!(
            "SELECT id, origin FROM {p}inbox WHERE id IN \
             (SELECT inbox FROM {p}inbox_ids WHERE provider = 'truemed' AND id IN ({})) ORDER BY received_at",
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
        let known = before.ids();
        let new_ids: Vec<_> = next.ids().into_iter().filter(|it| !known.contains(it)).collect();
        // A transaction that has not ended yet may have stored a webhook of a new id. SQLite has one writer.
        let is_at_once = !new_ids.is_empty() && matches!(tx, Tx::Postgres(..));
        let wake_at = if is_at_once { cx.now.as_millis().to_string() } else { wake_at(next, cx) };
        let (was, is) = (before.revision().to_string(), next.revision().to_string());
        let sql = format!(
            "UPDATE {p}flows SET revision = CAST($1 AS bigint), snapshot = $2, wake_at = CAST(NULLIF($3, '') AS bigint), \
             reviews = CAST($4 AS integer), failing = CAST($5 AS integer), updated_at = CAST($6 AS bigint) \
             WHERE flow = $7 AND key = $8 AND revision = CAST($9 AS bigint)"
        );
        let pending = next.effects(cx);
        let reviews = pending.iter().filter(|it| matches!(it.effect, Effect::Review { .. })).count().to_string();
        let failing = pending.iter().filter(|it| it.attempts >= 5).count().to_string();
        let at = cx.now.as_millis().to_string();
        write(tx, &sql, &[&is, &text, &wake_at, &reviews, &failing, &at, FLOW, key, &was]).await;
        for id in &new_ids {
            write(
                tx,
                &format!("INSERT INTO {p}ids VALUES ('truemed', $1, $2, $3) ON CONFLICT DO NOTHING"),
                &[id.as_str(), FLOW, key],
            )
            .await;
        }
        let sql = format!(
            "INSERT INTO {p}journal (flow, key, seq, revision, at, kind, transitions, rules_version, digest) VALUES ($1, $2, \
             (SELECT COALESCE(MAX(seq), 0) + 1 FROM {p}journal WHERE flow = $1 AND key = $2), CAST($3 AS bigint), CAST($4 AS bigint), \
             'step', $5, '2026.11', $6)"
        );
        let digest = hex::encode(Sha256::digest(text.as_bytes()));
        write(tx, &sql, &[FLOW, key, &is, &at, line, &digest]).await;
    }

    pub(crate) async fn remove(self) {
        if let Pool::Postgres(pool) = &self.pool {
            let schema = self.prefix.trim_end_matches(".rulebound_");
            sqlx::query(&format!("DROP SCHEMA {schema} CASCADE")).execute(pool).await.unwrap();
        }
    }
}
