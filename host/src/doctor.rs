//! The doctor: what differs from the tables and settings that the kit's promises need.

use std::collections::BTreeSet;

use crate::db::args;
use crate::error::Result;
use crate::host::Host;

/// The tables as they are made, from which the columns are read.
const TABLES: &str = include_str!("../sql/sqlite/0001_tables.sql");

impl Host {
    /// Compares the tables with those of this kit, and the database's settings with those that the kit's promises need. The
    /// result is one sentence for each difference.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn doctor(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        if let Err(error) = self.check_schema().await {
            found.push(error.to_string());
        }
        let have = self.columns().await?;
        for wanted in wanted() {
            if !have.contains(&wanted) {
                found.push(format!("the column {wanted} is missing: call `migrate`"));
            }
        }
        found.extend(self.settings().await?);
        Ok(found)
    }

    /// How the database finds the next row that is due, as its own `EXPLAIN` says it. It should name the index
    /// `rulebound_flows_wake_at`: with it a row that waits costs a worker nothing.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn plan(&self) -> Result<String> {
        let (explain, column) =
            if self.0.database.is_postgres() { ("EXPLAIN (COSTS OFF)", 0) } else { ("EXPLAIN QUERY PLAN", 3) };
        let sql = format!("{explain} {}", self.0.store.next_due(self.time()));
        let mut own = self.begin_read().await?;
        let rows = own.tx().rows(&sql, args![self.time().local]).await?;
        own.commit().await?;
        let lines: Result<Vec<_>> = rows.iter().map(|it| it.text(column)).collect();
        Ok(lines?.join("\n"))
    }

    /// The columns of the kit's tables, as `table.column`.
    async fn columns(&self) -> Result<BTreeSet<String>> {
        let mut own = self.begin_read().await?;
        let rows = match self.0.database.is_postgres() {
            true => {
                let sql = "SELECT CAST(table_name AS text), CAST(column_name AS text) FROM information_schema.columns WHERE table_schema = $1";
                own.tx().rows(sql, args![self.0.database.schema_name()]).await?
            }
            false => {
                let sql = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'";
                own.tx().rows(sql, &[]).await?
            }
        };
        own.commit().await?;
        rows.iter().map(|it| Ok(format!("{}.{}", it.text(0)?, it.text(1)?))).collect()
    }

    async fn settings(&self) -> Result<Vec<String>> {
        let mut own = self.begin_read().await?;
        let mut found = Vec::new();
        match self.0.database.is_postgres() {
            true => {
                let sql = "SELECT current_setting('fsync'), CAST(pg_is_in_recovery() AS text)";
                if let Some(row) = own.tx().row(sql, &[]).await? {
                    if row.text(0)? != "on" {
                        found.push("`fsync` is off: a crash of the server can lose what was committed".into());
                    }
                    if row.text(1)? != "false" {
                        found.push("this server is a replica: work on the primary".into());
                    }
                }
            }
            false => {
                let mode = own.tx().row("PRAGMA journal_mode", &[]).await?.map(|it| it.text(0)).transpose()?;
                let level = own.tx().row("PRAGMA synchronous", &[]).await?.map(|it| it.int(0)).transpose()?;
                if mode.as_deref() != Some("wal") {
                    found.push("`journal_mode` is not WAL: set it when you open the pool".into());
                }
                if level.unwrap_or(0) < 2 {
                    found.push(
                        "`synchronous` is not FULL: a power failure can lose a lease, and a request is sent twice"
                            .into(),
                    );
                }
            }
        }
        own.commit().await?;
        Ok(found)
    }
}

/// The columns that the tables must have, as `table.column`.
fn wanted() -> Vec<String> {
    let mut table = "";
    let mut all = Vec::new();
    for line in TABLES.lines() {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            table = rest.split(' ').next().unwrap_or_default();
        } else if let Some(name) = line.strip_prefix("    ").and_then(|it| it.split(' ').next())
            && name != "PRIMARY"
        {
            all.push(format!("{table}.{name}"));
        }
    }
    all
}
