//! The tables: made by `migrate`, checked before a worker starts, and compared by `doctor`.

use std::collections::BTreeMap;

use crate::db::{Tx, args};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::store::Store;

/// The version of the tables that this kit was written for. It also works with the next one.
const VERSION: i64 = 1;

/// The tables of each version, in order.
const SQLITE: &[&str] = &[include_str!("../sql/sqlite/0001_tables.sql")];
const POSTGRES: &[&str] = &[include_str!("../sql/postgres/0001_tables.sql")];

impl Host {
    /// The SQL that `migrate` would run now; empty if the tables are complete.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn migration(&self) -> Result<String> {
        let mut own = self.begin_read().await?;
        let sql = self.missing(&mut own.tx()).await;
        own.commit().await?;
        sql
    }

    /// Makes or completes the tables, and notes the format of each flow that has none yet.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn migrate(&self) -> Result<()> {
        let mut own = self.begin().await?;
        if self.0.database.is_postgres() {
            // Two programs that start at once make the tables one after the other.
            let lock = "SELECT pg_advisory_xact_lock(hashtext('rulebound.migrate'))";
            own.tx().script(lock).await?;
        }
        let sql = self.missing(&mut own.tx()).await?;
        if !sql.is_empty() {
            own.tx().script(&sql).await?;
        }
        for (flow, formats) in known_formats() {
            let format = formats.last().copied().unwrap_or(1);
            self.0.store.note_format(&mut own.tx(), &flow, format, false).await?;
        }
        own.commit().await
    }

    /// Raises the format of each flow to the newest. Call it once no worker of an older release runs. The programs that run
    /// write the new format when they are started again.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn raise_formats(&self) -> Result<()> {
        let mut own = self.begin().await?;
        for (flow, formats) in known_formats() {
            let format = formats.last().copied().unwrap_or(1);
            self.0.store.note_format(&mut own.tx(), &flow, format, true).await?;
        }
        own.commit().await
    }

    async fn missing(&self, tx: &mut Tx<'_>) -> Result<String> {
        let is_postgres = self.0.database.is_postgres();
        let done = match self.0.store.has_tables(tx, self.0.database.schema_name(), is_postgres).await? {
            true => {
                let (version, readable_from) = self.0.store.version(tx).await?.unwrap_or((0, 0));
                check_readable(readable_from)?;
                version
            }
            false => 0,
        };
        let files = if is_postgres { POSTGRES } else { SQLITE };
        let wanted = files.iter().skip(usize::try_from(done).unwrap_or(usize::MAX));
        Ok(wanted.map(|it| it.replace("{schema}", self.0.database.schema_name())).collect())
    }

    /// Checks that this kit can work with the tables, and write the format of each flow.
    pub(crate) async fn check_schema(&self) -> Result<()> {
        let mut own = self.begin_read().await?;
        let (store, schema) = (&self.0.store, self.0.database.schema_name());
        if !store.has_tables(&mut own.tx(), schema, self.0.database.is_postgres()).await? {
            return Err(Error::Schema("the tables are missing: call `migrate` when you deploy".into()));
        }
        let version = store.version(&mut own.tx()).await?;
        let formats = store.formats(&mut own.tx()).await?;
        own.commit().await?;
        let Some((version, readable_from)) = version else {
            return Err(Error::Schema("the table schema_version is empty: call `migrate`".into()));
        };
        if version < VERSION {
            return Err(Error::Schema(format!(
                "the tables have version {version}, and this kit needs {VERSION}: call `migrate`"
            )));
        }
        check_readable(readable_from)?;
        let known = known_formats();
        for (flow, format) in formats {
            if known.get(&flow).is_some_and(|it| !it.contains(&format)) {
                return Err(Error::Schema(format!(
                    "{flow} is saved in format {format}, which this release cannot write: update it"
                )));
            }
        }
        Ok(())
    }
}

/// The tables of a newer release can be those that this one must not touch.
fn check_readable(readable_from: i64) -> Result<()> {
    if readable_from <= VERSION {
        return Ok(());
    }
    Err(Error::Schema(format!(
        "the tables can be used by kits from version {readable_from}, and this one is {VERSION}: update it"
    )))
}

/// The formats of each flow that this release writes, the newest last.
pub(crate) fn known_formats() -> BTreeMap<String, Vec<u32>> {
    #[derive(serde::Deserialize)]
    struct Answer {
        ok: Versions,
    }
    #[derive(serde::Deserialize)]
    struct Versions {
        formats: BTreeMap<String, Vec<u32>>,
    }
    let answer = rulebound::ffi::call(r#"{"versions": {}}"#);
    serde_json::from_str::<Answer>(&answer).map(|it| it.ok.formats).unwrap_or_default()
}

impl Store {
    async fn has_tables(&self, tx: &mut Tx<'_>, schema: &str, is_postgres: bool) -> Result<bool> {
        let found = match is_postgres {
            true => {
                let sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'rulebound_schema_version'";
                tx.row(sql, args![schema]).await?
            }
            false => {
                tx.row("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rulebound_schema_version'", &[])
                    .await?
            }
        };
        Ok(found.is_some())
    }

    /// The version of the tables, and the oldest kit that can use them.
    async fn version(&self, tx: &mut Tx<'_>) -> Result<Option<(i64, i64)>> {
        let sql = format!("SELECT version, readable_from FROM {}schema_version ORDER BY version DESC LIMIT 1", self.t);
        tx.row(&sql, &[]).await?.map(|it| Ok((it.int(0)?, it.int(1)?))).transpose()
    }

    /// The format in which each flow is saved.
    pub(crate) async fn formats(&self, tx: &mut Tx<'_>) -> Result<BTreeMap<String, u32>> {
        let sql = format!("SELECT flow, format FROM {}formats", self.t);
        let read = |it: &crate::db::Record| Ok((it.text(0)?, u32::try_from(it.int(1)?).unwrap_or(0)));
        tx.rows(&sql, &[]).await?.iter().map(read).collect()
    }

    async fn note_format(&self, tx: &mut Tx<'_>, flow: &str, format: u32, is_raised: bool) -> Result<()> {
        let t = &self.t;
        let update = if is_raised { "UPDATE SET format = excluded.format" } else { "NOTHING" };
        let sql = format!("INSERT INTO {t}formats (flow, format) VALUES ($1, $2) ON CONFLICT (flow) DO {update}");
        tx.run(&sql, args![flow, i64::from(format)]).await.map(drop)
    }
}
