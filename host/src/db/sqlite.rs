//! SQLite.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::{Arg, Database, Pool, Record, Tx};
use crate::error::{Error, Result};

/// How many connections the kit's own pool has: one writes, the others read.
const CONNECTIONS: u32 = 5;

pub(super) async fn connect(url: &str) -> Result<SqlitePool> {
    // A mistyped path must not become an empty database: only `migrate` makes the file.
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5));
    // A database in memory belongs to its connection.
    let connections = if url.contains(":memory:") || url.contains("mode=memory") { 1 } else { CONNECTIONS };
    // The connection is a file's: there is nothing that could be away.
    let pool = SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
    match is_missing(&options) {
        true => Ok(pool.connect_lazy_with(options)),
        false => Ok(pool.connect_with(options).await?),
    }
}

/// Whether the file of a database is not there.
pub(super) fn is_missing(options: &SqliteConnectOptions) -> bool {
    let file = options.get_filename();
    // sqlx names a database in memory so.
    !file.to_string_lossy().starts_with("file:") && !file.exists()
}

/// Makes the file of a database, if it is not there.
pub(super) async fn create(pool: &SqlitePool) -> Result<()> {
    let options = pool.connect_options();
    if is_missing(&options) {
        SqliteConnection::connect_with(&(*options).clone().create_if_missing(true)).await?.close().await?;
    }
    Ok(())
}

/// What an error means, if it comes of a file that is not there.
pub(super) fn explained(pool: &SqlitePool, error: Error) -> Error {
    let options = pool.connect_options();
    match is_missing(&options) {
        true => {
            let file = options.get_filename().display();
            Error::input(
                "database",
                format!("is `{file}`, which is not there: correct the path, or make it with `migrate`"),
            )
        }
        false => error,
    }
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
