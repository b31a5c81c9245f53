//! Whether the queries of a person find their indexes, with 100,000 rows on each database.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test, in which a panic is a failure")]

use sqlx::{PgPool, SqlitePool};

use super::{lists, read};
use crate::db::{Database, args};
use crate::host::Host;

const ROWS: usize = 100_000;

/// A host with 100,000 rows, each with a reference, an id and a line of the journal. A line of a thousand was refused.
async fn host(database: Database, numbers: &str) -> Host {
    let host = Host::builder(database).build().unwrap();
    host.migrate().await.unwrap();
    let t = &host.0.store.t;
    let mut own = host.begin().await.unwrap();
    for sql in [
        format!(
            "INSERT INTO {t}flows SELECT 'truemed.payment_token', 'key-' || n, '', 'order-' || n, 1, '', NULL, 0, 0, 0, NULL, n, n FROM {numbers}"
        ),
        format!(
            "INSERT INTO {t}ids SELECT 'truemed', 'ptr_' || n, 'truemed.payment_token', 'key-' || n FROM {numbers}"
        ),
        format!(
            "INSERT INTO {t}journal (flow, key, seq, revision, at, kind, failure, rules_version, digest) \
             SELECT 'truemed.payment_token', 'key-' || n, 1, 1, n, 'reply', CASE WHEN n % 1000 = 0 THEN '{{\"kind\":\"refused\"}}' END, '', '' FROM {numbers}"
        ),
    ] {
        own.tx().run(&sql, &[]).await.unwrap();
    }
    for table in ["flows", "ids", "journal"] {
        own.tx().script(&format!("ANALYZE {t}{table}")).await.unwrap();
    }
    own.commit().await.unwrap();
    host
}

/// Each part of a search, and the list `refused`, names its index.
async fn check(host: &Host) {
    let search = host.explain(&read::searched(&host.0.store.t), args!["order-77", "order-77\u{10ffff}"]).await.unwrap();
    for index in ["rulebound_flows_key", "rulebound_flows_reference", "rulebound_ids"] {
        assert!(search.contains(index), "{index}: {search}");
    }
    let every = ["Seq Scan", "SCAN rulebound_", "SCAN flows"];
    assert!(!every.iter().any(|it| search.contains(it)), "{search}");
    let refused = lists::refused(&host.0.store.t);
    let refused = host.explain(&refused, args![50_000_i64, "", "", 0_i64]).await.unwrap();
    assert!(refused.contains("rulebound_journal_refused"), "{refused}");
    let found = host.search("order-7777").await.unwrap();
    assert_eq!(found.len(), 11, "order-7777, and order-77770 to order-77779");
    let found = host.search("ptr_500").await.unwrap();
    assert_eq!(found[0].reference.as_deref(), Some("order-500"));
}

#[tokio::test]
async fn a_search_finds_its_indexes_on_sqlite() {
    let file = std::env::temp_dir().join(format!("rulebound_plans_{}.db", std::process::id()));
    let pool = SqlitePool::connect(&format!("sqlite:{}?mode=rwc", file.display())).await.unwrap();
    let numbers =
        format!("(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS}) SELECT n FROM c)");
    check(&host(pool.clone().into(), &numbers).await).await;
    pool.close().await;
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_search_finds_its_indexes_on_postgres() {
    let Ok(url) = std::env::var("RULEBOUND_TEST_POSTGRES") else {
        println!("left out: RULEBOUND_TEST_POSTGRES is not set");
        return;
    };
    let (pool, schema) = (PgPool::connect(&url).await.unwrap(), format!("rulebound_plans_{}", std::process::id()));
    sqlx::query(&format!("CREATE SCHEMA {schema}")).execute(&pool).await.unwrap();
    let database = Database::from(pool.clone()).schema(&schema).unwrap();
    check(&host(database, &format!("generate_series(1, {ROWS}) n")).await).await;
    sqlx::query(&format!("DROP SCHEMA {schema} CASCADE")).execute(&pool).await.unwrap();
}
