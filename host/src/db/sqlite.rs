//! SQLite.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::{Arg, Database, Pool, Record, Tx};
use crate::error::Result;

/// How many connections the kit's own pool has: one writes, the others read.
const CONNECTIONS: u32 = 5;

pub(super) async fn connect(url: &str) -> Result<SqlitePool> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    // A database in memory belongs to its connection.
    let connections = if url.contains(":memory:") || url.contains("mode=memory") { 1 } else { CONNECTIONS };
    // The connection is a file's: there is nothing that could be away.
    let pool = SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
    Ok(pool.connect_with(options).await?)
}

fn bind<'q>(sql: &'q str, args: &'q [Arg<'q>]) -> Query<'q, Sqlite, SqliteArguments<'q>> {
    args.iter().fold(sqlx::query(sql), |query, arg| match *arg {
        Arg::Text(text) => query.bind(text),
        Arg::MaybeText(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
        Arg::MaybeInt(number) => query.bind(number),
        Arg::Blob(bytes) => query.bind(bytes),
    })
}

pub(super) async fn run(connection: &mut SqliteConnection, sql: &str, args: &[Arg<'_>]) -> Result<u64> {
    Ok(bind(sql, args).execute(connection).await?.rows_affected())
}

pub(super) async fn rows(connection: &mut SqliteConnection, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Record>> {
    Ok(bind(sql, args).fetch(connection).map_ok(Record::Sqlite).try_collect().await?)
}

impl From<SqlitePool> for Database {
    fn from(pool: SqlitePool) -> Self {
        Self::new(Pool::Sqlite(pool, Arc::default()))
    }
}

impl<'c> From<&'c mut SqliteConnection> for Tx<'c> {
    fn from(connection: &'c mut SqliteConnection) -> Self {
        Self::Sqlite(connection)
    }
}

impl<'c> From<&'c mut Transaction<'_, Sqlite>> for Tx<'c> {
    fn from(transaction: &'c mut Transaction<'_, Sqlite>) -> Self {
        Self::Sqlite(transaction)
    }
}
