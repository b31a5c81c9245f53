//! PostgreSQL.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Column, Connection, PgConnection, PgPool, Postgres, Row, Transaction, TypeInfo};

use super::{Arg, Database, Pool, Record, Statements, Tx};
use crate::error::Result;

/// How each transaction of the kit begins, in one message.
pub(super) const BEGIN: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '2s'; SET LOCAL synchronous_commit = on";

const CONNECTIONS: u32 = 10;
/// After this time a connection is tried before it is used.
const IDLE: Duration = Duration::from_secs(1);

pub(super) async fn connect(url: &str) -> Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
    // A connection that was in use a moment ago needs no message to see whether it is still there.
    let pool = pool.before_acquire(|connection, meta| {
        Box::pin(async move { Ok(meta.idle_for < IDLE || connection.ping().await.is_ok()) })
    });
    Ok(pool.connect(url).await?)
}

fn bind<'q>(statements: Statements, sql: &'q str, args: &'q [Arg<'q>]) -> Query<'q, Postgres, PgArguments> {
    args.iter().fold(sqlx::query(sql).persistent(statements == Statements::Named), |query, arg| match *arg {
        Arg::Text(text) => query.bind(text),
        Arg::MaybeText(text) => query.bind(text),
        Arg::Int(number) => query.bind(number),
        Arg::MaybeInt(number) => query.bind(number),
        Arg::Blob(bytes) => query.bind(bytes),
    })
}

pub(super) async fn run(connection: &mut PgConnection, how: Statements, sql: &str, args: &[Arg<'_>]) -> Result<u64> {
    Ok(bind(how, sql, args).execute(connection).await?.rows_affected())
}

pub(super) async fn rows(
    connection: &mut PgConnection,
    how: Statements,
    sql: &str,
    args: &[Arg<'_>],
) -> Result<Vec<Record>> {
    Ok(bind(how, sql, args).fetch(connection).map_ok(Record::Postgres).try_collect().await?)
}

/// An integer of any width.
pub(super) fn int(row: &PgRow, index: usize) -> Result<Option<i64>> {
    match row.try_column(index)?.type_info().name() {
        "INT4" => Ok(row.try_get::<Option<i32>, _>(index)?.map(i64::from)),
        _ => Ok(row.try_get(index)?),
    }
}

/// Whether the statement needs a transaction, and there is none.
pub(super) fn has_no_transaction(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|it| it.code()).as_deref() == Some("25P01")
}

impl From<PgPool> for Database {
    fn from(pool: PgPool) -> Self {
        Self::new(Pool::Postgres(pool))
    }
}

impl<'c> From<&'c mut PgConnection> for Tx<'c> {
    fn from(connection: &'c mut PgConnection) -> Self {
        Self::Postgres(connection, Statements::Unnamed)
    }
}

impl<'c> From<&'c mut Transaction<'_, Postgres>> for Tx<'c> {
    fn from(transaction: &'c mut Transaction<'_, Postgres>) -> Self {
        Self::Postgres(transaction, Statements::Unnamed)
    }
}
