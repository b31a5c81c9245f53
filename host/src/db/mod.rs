//! One small face over both databases: statements with positional parameters, and rows of text, integers and bytes.
//!
//! Both databases take `$1`, so that every statement of the kit is written once.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod value;
mod write;

#[cfg(feature = "sqlite")]
use std::sync::Arc;

#[cfg(feature = "sqlite")]
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{Error, Result};
pub(crate) use value::{Arg, Record, args};
pub(crate) use write::Write;

/// A transaction of the application or of the kit, in which the kit runs its statements.
///
/// It is made from a transaction or a connection of sqlx: `(&mut tx).into()`.
#[expect(clippy::exhaustive_enums, reason = "an application matches on its own database")]
pub enum Tx<'c> {
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite(&'c mut sqlx::SqliteConnection),
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres(&'c mut sqlx::PgConnection, Statements),
}

/// Whether the server keeps statements under a name.
#[cfg(feature = "postgres")]
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Statements {
    /// It does not: a pooler can give each transaction another connection.
    #[default]
    Unnamed,
    /// It plans each statement once for as long as a connection lasts.
    Named,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}

impl Tx<'_> {
    /// The same transaction, for a shorter time.
    pub fn again(&mut self) -> Tx<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => Tx::Sqlite(connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(connection, statements) => Tx::Postgres(connection, *statements),
        }
    }

    /// The connection to SQLite, for statements of the application.
    ///
    /// # Errors
    ///
    /// If it is another database.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(&mut self) -> Result<&mut sqlx::SqliteConnection> {
        match self {
            Self::Sqlite(connection) => Ok(connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(..) => Err(Error::input("tx", "is a transaction of PostgreSQL: call `postgres`")),
        }
    }

    /// The connection to PostgreSQL, for statements of the application.
    ///
    /// # Errors
    ///
    /// If it is another database.
    #[cfg(feature = "postgres")]
    pub fn postgres(&mut self) -> Result<&mut sqlx::PgConnection> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Err(Error::input("tx", "is a transaction of SQLite: call `sqlite`")),
            Self::Postgres(connection, _) => Ok(connection),
        }
    }

    /// Refuses a connection without a transaction: each statement would be one of its own, and nothing would be locked.
    #[cfg_attr(not(feature = "postgres"), expect(unused_variables, reason = "SQLite needs no table for it"))]
    pub(crate) async fn check_begun(&mut self, flows: &str) -> Result<()> {
        let is_begun = match self {
            // SQLite begins no transaction in another one.
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => match self.run("BEGIN", &[]).await {
                Ok(_) => self.run("ROLLBACK", &[]).await.map(|_| false)?,
                Err(_) => true,
            },
            // PostgreSQL locks no table outside a transaction.
            #[cfg(feature = "postgres")]
            Self::Postgres(..) => match self.run(&format!("LOCK TABLE {flows} IN ACCESS SHARE MODE"), &[]).await {
                Err(Error::Database(error)) if postgres::has_no_transaction(&error) => false,
                locked => locked.map(|_| true)?,
            },
        };
        if is_begun {
            Ok(())
        } else {
            Err(Error::input("tx", "has no transaction: begin one, and commit it after the call"))
        }
    }

    /// Refuses a transaction of PostgreSQL in which the caller has ignored an error, or which the caller has ended: its COMMIT would
    /// commit nothing, and say nothing.
    pub(crate) async fn check_whole(&mut self) -> Result<()> {
        match self.script("SAVEPOINT rulebound_whole").await {
            #[cfg(feature = "postgres")]
            Err(Error::Database(error)) if postgres::has_no_transaction(&error) => {
                let reason = "was ended by the function: leave COMMIT and ROLLBACK to the host, and return an error to roll back";
                Err(Error::input("tx", reason))
            }
            done => done,
        }
    }

    /// Runs a statement, and gives the number of rows that it changed.
    pub(crate) async fn run(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => sqlite::run(connection, sql, args).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(connection, statements) => postgres::run(connection, *statements, sql, args).await,
        }
    }

    /// The rows of a query.
    pub(crate) async fn rows(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Record>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => sqlite::rows(connection, sql, args).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(connection, statements) => postgres::rows(connection, *statements, sql, args).await,
        }
    }

    /// The first row of a query.
    pub(crate) async fn row(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Option<Record>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Runs several statements without parameters.
    pub(crate) async fn script(&mut self, sql: &str) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(&mut **connection).await.map(drop)?,
            #[cfg(feature = "postgres")]
            Self::Postgres(connection, _) => sqlx::raw_sql(sql).execute(&mut **connection).await.map(drop)?,
        }
        Ok(())
    }
}

/// The pool of one of the databases.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    /// Writers of this process wait at the second instead of in SQLite, which has no queue.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::SqlitePool, Arc<Mutex<()>>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
}

/// Where the tables are: a pool of the application, or one of the kit's own.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) pool: Pool,
    /// The schema of PostgreSQL.
    schema: String,
    #[cfg(feature = "postgres")]
    statements: Statements,
}

impl Database {
    fn new(pool: Pool) -> Self {
        Self {
            pool,
            schema: "public".into(),
            #[cfg(feature = "postgres")]
            statements: Statements::Unnamed,
        }
    }

    /// Opens a pool of the kit's own, with the settings that the kit's promises need. A file of SQLite that is not there is made by
    /// [`Host::migrate`](crate::Host::migrate), and by nothing else.
    ///
    /// # Errors
    ///
    /// If the URL begins with neither `sqlite:` nor `postgres:` or `postgresql:`, the feature of the database is not enabled,
    /// or the database is not there.
    pub async fn connect(url: &str) -> Result<Self> {
        let (scheme, _) = url.split_once(':').unwrap_or((url, ""));
        match scheme {
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(sqlite::connect(url).await?.into()),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Ok(postgres::connect(url).await?.into()),
            _ => Err(Error::input(
                "database",
                "must begin with `sqlite:` or `postgresql:`, and the feature of this database must be enabled",
            )),
        }
    }

    /// The same database, with the kit's tables in another schema of PostgreSQL than `public`.
    ///
    /// # Errors
    ///
    /// If the name has other characters than `a` to `z`, digits and `_`.
    pub fn schema(self, name: &str) -> Result<Self> {
        let is_plain = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
        match !name.is_empty() && name.chars().all(is_plain) && !name.starts_with(|it: char| it.is_ascii_digit()) {
            true => Ok(Self { schema: name.into(), ..self }),
            false => Err(Error::input("schema", "must have only the characters a to z, 0 to 9 and `_`")),
        }
    }

    /// The same database, which keeps the kit's statements under names: PostgreSQL plans each of them once in a connection, and no
    /// longer each time. Only for a direct connection, because a transaction pooler gives each transaction another one.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn named_statements(self) -> Self {
        Self { statements: Statements::Named, ..self }
    }

    pub(crate) const fn is_postgres(&self) -> bool {
        match self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(..) => false,
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => true,
        }
    }

    /// What stands in front of the name of each table.
    pub(crate) fn prefix(&self) -> String {
        if self.is_postgres() { format!("{}.rulebound_", self.schema) } else { "rulebound_".into() }
    }

    pub(crate) fn schema_name(&self) -> &str {
        &self.schema
    }

    /// A transaction that can write. On SQLite it has the write lock from its beginning.
    pub(crate) async fn begin(&self) -> Result<Own> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool, writer) => {
                let (pool, guard) = (pool.clone(), Arc::clone(writer).lock_owned().await);
                // A caller that is dropped here must not leave a connection in the pool that still holds the lock: the task goes
                // on to the transaction, whose own drop rolls it back.
                let begun = tokio::spawn(async move {
                    let transaction = pool.begin_with("BEGIN IMMEDIATE").await;
                    let transaction = transaction.map_err(|error| sqlite::explained(&pool, error.into()))?;
                    Ok::<_, Error>(Own::Sqlite(transaction, Some(guard)))
                });
                begun.await.map_err(|error| Error::Database(sqlx::Error::Io(std::io::Error::other(error))))?
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => Ok(Own::Postgres(pool.begin_with(postgres::BEGIN).await?, self.statements)),
        }
    }

    /// A transaction that only reads.
    pub(crate) async fn begin_read(&self) -> Result<Own> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool, _) => {
                let transaction = pool.begin().await.map_err(|error| sqlite::explained(pool, error.into()))?;
                Ok(Own::Sqlite(transaction, None))
            }
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => Ok(Own::Postgres(pool.begin_with(postgres::BEGIN).await?, self.statements)),
        }
    }

    /// Whether there is no file of SQLite yet.
    pub(crate) fn is_missing(&self) -> bool {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool, _) => sqlite::is_missing(&pool.connect_options()),
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => false,
        }
    }

    /// Makes the file of SQLite, if there is none.
    pub(crate) async fn create(&self) -> Result<()> {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool, _) => sqlite::create(pool).await,
            #[cfg(feature = "postgres")]
            Pool::Postgres(_) => Ok(()),
        }
    }

    /// Closes the connections of the pool.
    pub(crate) async fn close(&self) {
        match &self.pool {
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool, _) => pool.close().await,
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction of the kit's own. It is rolled back if it is dropped.
pub(crate) enum Own {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>, Option<OwnedMutexGuard<()>>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>, Statements),
}

impl Own {
    pub(crate) fn tx(&mut self) -> Tx<'_> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction, _) => Tx::Sqlite(transaction),
            #[cfg(feature = "postgres")]
            Self::Postgres(transaction, statements) => Tx::Postgres(transaction, *statements),
        }
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction, guard) => {
                transaction.commit().await?;
                drop(guard);
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(transaction, _) => transaction.commit().await?,
        }
        Ok(())
    }

    pub(crate) async fn rollback(self) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction, guard) => {
                transaction.rollback().await?;
                drop(guard);
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(transaction, _) => transaction.rollback().await?,
        }
        Ok(())
    }
}
