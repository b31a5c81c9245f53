//! What surrounds the hosts of a scenario: the database, the clock, the transport, and the handlers.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rulebound_host::{Database, Error, Outgoing, Result, Sent, Transport};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{PgPool, Row, SqlitePool};
use tokio::sync::{mpsc, oneshot};

/// When every scenario begins.
pub(crate) const START: i64 = 1_700_000_000_000;

/// Which database a scenario runs on.
pub(crate) enum Place {
    Sqlite,
    Postgres(String),
}

impl Place {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

/// An empty database of its own, and the test's own connections to it.
pub(crate) enum Tables {
    Sqlite(SqlitePool, std::path::PathBuf),
    Postgres(PgPool, String),
}

impl Tables {
    pub(crate) async fn new(place: &Place) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("rulebound_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        match place {
            Place::Sqlite => {
                let file = std::env::temp_dir().join(format!("{name}.db"));
                let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
                let pool = SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
                Self::Sqlite(pool, file)
            }
            Place::Postgres(url) => {
                let pool = PgPool::connect(url).await.unwrap();
                sqlx::query(&format!("CREATE SCHEMA {name}")).execute(&pool).await.unwrap();
                Self::Postgres(pool, name)
            }
        }
    }

    pub(crate) fn database(&self) -> Database {
        match self {
            Self::Sqlite(pool, _) => pool.clone().into(),
            Self::Postgres(pool, schema) => Database::from(pool.clone()).schema(schema).unwrap(),
        }
    }

    /// The full name of a table.
    pub(crate) fn name(&self, table: &str) -> String {
        match self {
            Self::Sqlite(..) => table.into(),
            Self::Postgres(_, schema) => format!("{schema}.{table}"),
        }
    }

    pub(crate) async fn run(&self, sql: &str, args: &[&str]) {
        match self {
            Self::Sqlite(pool, _) => {
                args.iter().fold(sqlx::query(sql), |it, arg| it.bind(*arg)).execute(pool).await.map(drop).unwrap();
            }
            Self::Postgres(pool, _) => {
                args.iter().fold(sqlx::query(sql), |it, arg| it.bind(*arg)).execute(pool).await.map(drop).unwrap();
            }
        }
    }

    /// The rows of a query, each as texts.
    pub(crate) async fn rows(&self, sql: &str, args: &[&str]) -> Vec<Vec<Option<String>>> {
        macro_rules! read {
            ($pool:expr) => {{
                let query = args.iter().fold(sqlx::query(sql), |it, arg| it.bind(*arg));
                let rows = query.fetch_all($pool).await.unwrap();
                rows.iter().map(|row| (0..row.len()).map(|at| row.get::<Option<String>, _>(at)).collect()).collect()
            }};
        }
        match self {
            Self::Sqlite(pool, _) => read!(pool),
            Self::Postgres(pool, _) => read!(pool),
        }
    }

    pub(crate) async fn remove(self) {
        match self {
            Self::Sqlite(pool, file) => {
                pool.close().await;
                for end in ["", "-wal", "-shm"] {
                    let _removed = std::fs::remove_file(format!("{}{end}", file.display()));
                }
            }
            Self::Postgres(pool, schema) => {
                sqlx::query(&format!("DROP SCHEMA {schema} CASCADE")).execute(&pool).await.unwrap();
                pool.close().await;
            }
        }
    }
}

/// Steps that run at a checkpoint, and where to report their end.
pub(crate) type Meanwhile = (Vec<Value>, oneshot::Sender<()>);

/// What the hosts of a scenario share.
pub(crate) struct World {
    pub(crate) clock: AtomicI64,
    pub(crate) scripts: Mutex<BTreeMap<String, VecDeque<Value>>>,
    /// The operations and credentials that were sent, and the effects that were handled, since the last look.
    pub(crate) did: Mutex<[Vec<String>; 3]>,
    pub(crate) raises: Mutex<Vec<String>>,
    pub(crate) crash: Mutex<Option<String>>,
    pub(crate) crashed: tokio::sync::Notify,
    pub(crate) meanwhile: Mutex<Vec<(String, Vec<Value>)>>,
    pub(crate) steps: mpsc::UnboundedSender<Meanwhile>,
    /// How many more transactions fail.
    pub(crate) away: AtomicU64,
    /// The account of each API key.
    pub(crate) keys: BTreeMap<String, String>,
    pub(crate) unscripted: Mutex<Option<String>>,
}

impl World {
    pub(crate) fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(crate) fn note(&self, column: usize, what: &str) {
        self.did.lock().unwrap()[column].push(what.into());
    }

    pub(crate) fn fault(&self) -> Result<()> {
        let left = self.away.load(Ordering::SeqCst);
        if left == 0 {
            return Ok(());
        }
        if left != u64::MAX {
            self.away.store(left - 1, Ordering::SeqCst);
        }
        Err(Error::from(sqlx::Error::PoolTimedOut))
    }

    /// Ends the worker at a checkpoint, or runs steps there.
    pub(crate) async fn checkpoint(&self, name: &str) {
        let is_crash = self.crash.lock().unwrap().as_deref() == Some(name);
        if is_crash {
            *self.crash.lock().unwrap() = None;
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
        let steps = {
            let mut all = self.meanwhile.lock().unwrap();
            all.iter().position(|(at, _)| at == name).map(|at| all.remove(at).1)
        };
        if let Some(steps) = steps {
            let (done, finished) = oneshot::channel();
            self.steps.send((steps, done)).unwrap();
            finished.await.unwrap();
        }
    }
}

/// The transport of a scenario.
pub(crate) struct Scripted(pub(crate) Arc<World>);

impl Transport for Scripted {
    fn send(&self, request: http::Request<Vec<u8>>, _deadline: Duration) -> BoxFuture<'_, Sent> {
        let outgoing = request.extensions().get::<Outgoing>().unwrap();
        let secret = request.headers().values().find(|it| it.is_sensitive()).unwrap().to_str().unwrap();
        let secret = secret.strip_prefix("Bearer ").unwrap_or(secret);
        self.0.note(0, &outgoing.operation);
        self.0.note(1, self.0.keys.get(secret).map_or("?", String::as_str));
        let script = self.0.scripts.lock().unwrap().get_mut(&outgoing.operation).and_then(VecDeque::pop_front);
        let sent = match script {
            Some(script) => sent(&script),
            None => {
                *self.0.unscripted.lock().unwrap() = Some(outgoing.operation.clone());
                Sent::Lost
            }
        };
        Box::pin(std::future::ready(sent))
    }
}

fn sent(script: &Value) -> Sent {
    let reply = |status: u16, headers: &Value, body: String| {
        let mut builder = http::Response::builder().status(status);
        for (name, value) in headers.as_object().into_iter().flatten() {
            builder = builder.header(name, value.as_str().unwrap());
        }
        Sent::Reply(builder.body(body.into_bytes()).unwrap())
    };
    match script["fault"].as_str() {
        Some("refused") => Sent::NotSent,
        Some("lost") => Sent::Lost,
        Some("oversized") => reply(200, &Value::Null, "x".repeat((1 << 20) + 1)),
        Some("redirect") => reply(302, &serde_json::json!({"location": "https://elsewhere.example/"}), String::new()),
        Some(other) => panic!("unknown fault {other}"),
        None => {
            let reply_of = &script["reply"];
            let status = u16::try_from(reply_of["status"].as_u64().unwrap()).unwrap();
            reply(status, &reply_of["headers"], text(&reply_of["body"]))
        }
    }
}

/// A body: JSON as an object, a text as it is, or so many bytes.
pub(crate) fn text(body: &Value) -> String {
    match body {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(it) if it.len() == 1 && it.contains_key("size") => {
            "x".repeat(usize::try_from(it["size"].as_u64().unwrap()).unwrap())
        }
        other => other.to_string(),
    }
}
