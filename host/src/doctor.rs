//! The doctor: what differs from the tables and settings that the kit's promises need.

use std::collections::BTreeSet;
use std::fmt;

use rulebound::Fact;
use rulebound::time::Timestamp;
use serde::Serialize;

use crate::db::{Arg, args};
use crate::error::{Error, Result, account_of};
use crate::host::Host;
use crate::inbox::Address;
use crate::schema::{Found, one_line};
use crate::visit::Brought;

/// How far the clocks of two computers may differ.
const SKEW_MS: i64 = 60_000;

/// Something that an operator must look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// Of the journal: `gap` if a revision has no line, `digest` if the snapshot is not the one that the last line describes. Of the
    /// doctor: `schema`, `database` for its settings, `account` if it is paused, and `row` if it could not be visited.
    pub problem: &'static str,
    /// The row's flow; empty if it concerns no row.
    pub flow: String,
    /// The row's key.
    pub key: String,
    /// What was found, and what to do.
    pub detail: String,
}

impl Problem {
    pub(crate) fn new(problem: &'static str, detail: impl Into<String>) -> Self {
        Self { problem, flow: String::new(), key: String::new(), detail: detail.into() }
    }

    pub(crate) fn of_row(self, flow: &str, key: &str) -> Self {
        Self { flow: flow.into(), key: key.into(), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.problem)?;
        let parts = [&self.flow, &self.key, &self.detail].into_iter().filter(|it| !it.is_empty());
        parts.into_iter().try_for_each(|it| write!(f, " {it}"))
    }
}

/// What [`Host::restored`] did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Restored {
    /// The rows that observed it.
    pub rows: usize,
    /// The rows that could not: look at each before a worker does.
    pub problems: Vec<Problem>,
}

impl Host {
    /// Compares the tables with those of this kit and the database's settings with those that the kit's promises need, and names the
    /// accounts that take no requests.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn doctor(&self) -> Result<Vec<Problem>> {
        let mut found = self.drift().await?;
        if found.is_empty() {
            match self.check_schema().await {
                Ok(()) => found.extend(self.paused().await?),
                Err(Error::Schema(reason)) => found.push(Problem::new("schema", reason)),
                Err(error) => return Err(error),
            }
        }
        found.extend(self.settings().await?);
        Ok(found)
    }

    /// After a restored backup, before a worker runs: observes `restored` in every row. Each request that was open counts as sent
    /// since `taken_at`, when the backup was taken, and its outcome as unknown. So it is looked up first, or sent again under the
    /// same key, as its operation's [`retry`](rulebound::Retry) says. What was begun and ended after the backup no row knows.
    ///
    /// # Errors
    ///
    /// If the time is in the future, or the database fails.
    pub async fn restored(&self, taken_at: i64) -> Result<Restored> {
        if taken_at > self.0.hooks.now().saturating_add(SKEW_MS) {
            return Err(Error::input("taken_at", "is in the future: give the time when the backup was taken"));
        }
        let t = &self.0.store.t;
        let brought = Brought::new(Fact::restored(Timestamp::from_millis(taken_at)), "doctor");
        let (mut done, mut last) = (Restored::default(), Address { flow: String::new(), key: String::new() });
        loop {
            let sql = format!("SELECT flow, key FROM {t}flows WHERE (flow, key) > ($1, $2) ORDER BY flow, key LIMIT 1");
            let mut own = self.begin_read().await?;
            let next = own.tx().row(&sql, args![&last.flow, &last.key]).await?;
            own.commit().await?;
            let Some(next) = next else { return Ok(done) };
            last = Address { flow: next.text(0)?, key: next.text(1)? };
            match self.bring(&last, &brought).await {
                Ok(()) => done.rows = done.rows.saturating_add(1),
                Err(Error::Unknown { .. }) => {}
                Err(error) if error.is_passing() => return Err(error),
                Err(error) => done.problems.push(Problem::new("row", error.to_string()).of_row(&last.flow, &last.key)),
            }
        }
    }

    /// How the database finds the next row that is due, as its own `EXPLAIN` says it. It should name the index
    /// `rulebound_flows_wake_at`: with it a row that waits costs a worker nothing.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn plan(&self) -> Result<String> {
        self.explain(&self.0.store.next_due(self.time()), args![self.time().local]).await
    }

    /// How the database carries out a query.
    pub(crate) async fn explain(&self, sql: &str, args: &[Arg<'_>]) -> Result<String> {
        let (explain, column) =
            if self.0.database.is_postgres() { ("EXPLAIN (COSTS OFF)", 0) } else { ("EXPLAIN QUERY PLAN", 3) };
        let mut own = self.begin_read().await?;
        let rows = own.tx().rows(&format!("{explain} {sql}"), args).await?;
        own.commit().await?;
        let lines: Result<Vec<_>> = rows.iter().map(|it| it.text(column)).collect();
        Ok(lines?.join("\n"))
    }

    /// The tables, columns and indexes that should be there and are not, each with the SQL that brings it back.
    pub(crate) async fn drift(&self) -> Result<Vec<Problem>> {
        let mut own = self.begin_read().await?;
        let found = self.found(&mut own.tx()).await?;
        own.commit().await?;
        let version = match found {
            Found::Nothing => return Ok(vec![Problem::new("schema", "There are no tables. Run `rulebound migrate`.")]),
            Found::Broken(reason) => return Ok(vec![Problem::new("schema", reason)]),
            Found::Version { version, .. } => version,
        };
        let have = self.parts().await?;
        let made = self.statements(0, version);
        Ok(made.iter().flat_map(|it| missing(it, &have)).map(|it| Problem::new("schema", it)).collect())
    }

    /// The names of tables and indexes, and the columns as `table.column`.
    async fn parts(&self) -> Result<BTreeSet<String>> {
        let mut own = self.begin_read().await?;
        let rows = match self.0.database.is_postgres() {
            true => {
                let sql = "SELECT CAST(table_name AS text), CAST(column_name AS text) FROM information_schema.columns WHERE table_schema = $1 \
                     UNION ALL SELECT CAST(indexname AS text), '' FROM pg_indexes WHERE schemaname = $1";
                own.tx().rows(sql, args![self.0.database.schema_name()]).await?
            }
            false => {
                let sql = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
                     UNION ALL SELECT name, '' FROM sqlite_master WHERE type = 'index'";
                own.tx().rows(sql, &[]).await?
            }
        };
        own.commit().await?;
        let mut parts = BTreeSet::new();
        for row in &rows {
            let (name, column) = (row.text(0)?, row.text(1)?);
            parts.insert(format!("{name}.{column}"));
            parts.insert(name);
        }
        Ok(parts)
    }

    /// What the doctor says of accounts that take no requests now.
    async fn paused(&self) -> Result<Vec<Problem>> {
        let now = self.0.hooks.now();
        let pauses = self.pauses().await?.into_iter().filter(|it| it.until > now);
        let said = pauses.map(|it| {
            let cure = match it.reason.as_str() {
                "429" => "The provider limits its requests.",
                "config" => "Its config has a mistake, which the log names: correct it.",
                _ => "Correct its API key.",
            };
            let account = account_of(&it.provider, &it.account);
            Problem::new("account", format!("The {account} is paused ({}). {cure}", it.reason))
        });
        Ok(said.collect())
    }

    async fn settings(&self) -> Result<Vec<Problem>> {
        let mut own = self.begin_read().await?;
        let mut found = Vec::new();
        match self.0.database.is_postgres() {
            true => {
                let sql = "SELECT current_setting('fsync'), CAST(pg_is_in_recovery() AS text)";
                if let Some(row) = own.tx().row(sql, &[]).await? {
                    if row.text(0)? != "on" {
                        found.push(
                            "`fsync` is off: a crash of the server can lose a lease, and a request is sent twice. Set it to on.",
                        );
                    }
                    if row.text(1)? != "false" {
                        found.push("This server is a replica, where nothing can be saved. Connect to the primary.");
                    }
                }
            }
            false => {
                let mode = own.tx().row("PRAGMA journal_mode", &[]).await?.map(|it| it.text(0)).transpose()?;
                let level = own.tx().row("PRAGMA synchronous", &[]).await?.map(|it| it.int(0)).transpose()?;
                if mode.as_deref() != Some("wal") {
                    found.push("`journal_mode` is not WAL: a reader and a writer block each other. Set it when you open the pool.");
                }
                if level.unwrap_or(0) < 2 {
                    found.push(
                        "`synchronous` is not FULL: a power failure can lose a lease, and a request is sent twice. Set it when you open the pool.",
                    );
                }
            }
        }
        own.commit().await?;
        Ok(found.into_iter().map(|it| Problem::new("database", it)).collect())
    }
}

/// What a statement of the tables' files has made and is not there.
fn missing(statement: &str, have: &BTreeSet<String>) -> Vec<String> {
    let mut words = statement.split_whitespace().skip_while(|it| !["TABLE", "INDEX"].contains(it));
    let (Some(kind), Some(name)) = (words.next(), words.next()) else { return Vec::new() };
    let bare = name.rsplit('.').next().unwrap_or(name);
    let whole = one_line(statement);
    match (kind, have.contains(bare)) {
        ("INDEX", false) => vec![format!("`{bare}` is missing. Execute: {whole}")],
        ("TABLE", false) => vec![format!("`{bare}` is missing. Restore a backup, or execute: {whole}")],
        ("TABLE", true) => {
            let lines = statement.lines().filter_map(|it| it.strip_prefix("    ")).map(|it| it.trim_end_matches(','));
            let columns = lines.filter_map(|it| Some((it.split(' ').next()?, it)));
            let columns = columns.filter(|(column, _)| column.starts_with(|it: char| it.is_ascii_lowercase()));
            let gone = columns.filter(|(column, _)| !have.contains(&format!("{bare}.{column}")));
            let said = gone.map(|(column, definition)| {
                let cure = format!("ALTER TABLE {name} ADD COLUMN {}", addable(&one_line(definition)));
                format!("`{bare}` has no column `{column}`. Restore a backup, or execute: {cure}")
            });
            said.collect()
        }
        _ => Vec::new(),
    }
}

/// The definition of a column as it can be added to a table with rows: what must not be null begins as empty.
fn addable(definition: &str) -> String {
    let empty = match definition.split(' ').nth(1) {
        Some("bigint" | "integer") => "0",
        _ => "''",
    };
    if definition.ends_with("NOT NULL") { format!("{definition} DEFAULT {empty}") } else { definition.into() }
}
