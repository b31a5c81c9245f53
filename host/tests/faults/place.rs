//! An empty database of its own for each test.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rulebound_host::{Builder, Database, Host, Provider};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{PgPool, SqlitePool};

pub(crate) const FLOW: &str = "truemed.payment_token";
pub(crate) const KEY: &str = "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11";
pub(crate) const CREATE: &str = r#"{"type": "create_payment_token", "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}],
    "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}"#;
/// The time of each host here.
pub(crate) const NOW: i64 = 1_700_000_000_000;

pub(crate) enum Place {
    Sqlite(SqlitePool, PathBuf),
    Postgres(PgPool, String),
}

fn name() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("rulebound_faults_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst))
}

impl Place {
    pub(crate) async fn sqlite() -> Self {
        let file = std::env::temp_dir().join(format!("{}.db", name()));
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
        let pool = SqlitePool::connect_with(options.journal_mode(SqliteJournalMode::Wal)).await.unwrap();
        Self::Sqlite(pool, file)
    }

    /// Nothing, and a line that says so, if there is no server to try it on.
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(url) = std::env::var("RULEBOUND_TEST_POSTGRES") else {
            println!("left out: RULEBOUND_TEST_POSTGRES is not set");
            return None;
        };
        let (pool, schema) = (PgPool::connect(&url).await.unwrap(), name());
        sqlx::query(&format!("CREATE SCHEMA {schema}")).execute(&pool).await.unwrap();
        Some(Self::Postgres(pool, schema))
    }

    pub(crate) fn database(&self) -> Database {
        match self {
            Self::Sqlite(pool, _) => pool.clone().into(),
            Self::Postgres(pool, schema) => Database::from(pool.clone()).schema(schema).unwrap(),
        }
    }

    /// A host with a provider, whose notices and levels of access nobody carries out.
    pub(crate) fn host(&self, provider: Provider) -> Builder {
        let builder = Host::builder(self.database()).clock(|| NOW).provider("truemed", provider);
        builder.ignore("notify").ignore("access")
    }

    /// The full name of a table.
    pub(crate) fn table(&self, table: &str) -> String {
        match self {
            Self::Sqlite(..) => table.into(),
            Self::Postgres(_, schema) => format!("{schema}.{table}"),
        }
    }

    pub(crate) async fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(pool, _) => sqlx::raw_sql(sql).execute(pool).await.map(drop).unwrap(),
            Self::Postgres(pool, _) => sqlx::raw_sql(sql).execute(pool).await.map(drop).unwrap(),
        }
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = &format!("SELECT CAST(({sql}) AS bigint)");
        match self {
            Self::Sqlite(pool, _) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Self::Postgres(pool, _) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }

    pub(crate) async fn remove(self) {
        match self {
            Self::Sqlite(pool, file) => {
                pool.close().await;
                for end in ["", "-wal", "-shm"] {
                    drop(std::fs::remove_file(format!("{}{end}", file.display())));
                }
            }
            Self::Postgres(pool, schema) => {
                sqlx::query(&format!("DROP SCHEMA {schema} CASCADE")).execute(&pool).await.unwrap();
            }
        }
    }
}
