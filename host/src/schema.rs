//! The tables: made by `migrate`, checked before a worker starts, and compared by `doctor`.

use std::collections::BTreeMap;

use crate::db::{Tx, args};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::store::Store;

/// The version of the tables that this kit was written for. It also works with the next one.
const VERSION: i64 = 1;

/// What is said of a database without the tables.
const NO_TABLES: &str = "The database has no tables of the host. Run `rulebound migrate`.";

/// The tables that are there.
pub(crate) enum Found {
    Nothing,
    Version {
        version: i64,
        /// The oldest kit that can use them.
        readable_from: i64,
    },
    /// Some are there, and none says their version: what is wrong, and what to do.
    Broken(String),
}

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
        if self.0.database.is_missing() {
            return Ok(self.script(0));
        }
        let mut own = self.begin_read().await?;
        let sql = self.missing(&mut own.tx()).await;
        own.commit().await?;
        sql
    }

    /// Makes or completes the tables, with the file of SQLite if there is none, and notes the format of each flow that has none yet.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn migrate(&self) -> Result<()> {
        self.0.database.create().await?;
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
        let done = match self.found(tx).await? {
            Found::Nothing => 0,
            Found::Version { version, readable_from } => {
                check_readable(version, readable_from)?;
                version
            }
            Found::Broken(reason) => return Err(Error::Schema(reason)),
        };
        Ok(self.script(done))
    }

    /// What leads from one version of the tables to the newest.
    fn script(&self, after: i64) -> String {
        self.statements(after, VERSION).iter().map(|it| format!("{it};\n\n")).collect()
    }

    /// The statements that lead from one version of the tables to a later one.
    pub(crate) fn statements(&self, after: i64, until: i64) -> Vec<String> {
        let files = if self.0.database.is_postgres() { POSTGRES } else { SQLITE };
        let numbered = (1_i64..).zip(files).filter(|(number, _)| (after.saturating_add(1)..=until).contains(number));
        let text: String = numbered.flat_map(|(_, file)| file.lines().map(without_comment)).collect();
        let text = text.replace("{schema}", self.0.database.schema_name());
        text.split(';').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    /// Which tables are there.
    pub(crate) async fn found(&self, tx: &mut Tx<'_>) -> Result<Found> {
        let (store, database) = (&self.0.store, &self.0.database);
        let has = async |tx: &mut Tx<'_>, table: &str| {
            store.has_table(tx, database.schema_name(), database.is_postgres(), table).await
        };
        let cure = |begin: &str| {
            let made = self.statements(0, VERSION);
            let made: Vec<_> =
                made.iter().filter(|it| it.contains("rulebound_schema_version")).map(|it| one_line(it)).collect();
            format!("`rulebound_schema_version` is {begin}. Restore a backup, or execute: {}", made.join("; "))
        };
        if !has(tx, "rulebound_schema_version").await? {
            let is_new = !has(tx, "rulebound_flows").await?;
            return Ok(if is_new { Found::Nothing } else { Found::Broken(cure("missing")) });
        }
        Ok(match store.version(tx).await? {
            Some((version, readable_from)) => Found::Version { version, readable_from },
            None => Found::Broken(cure("empty").replacen("CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)),
        })
    }

    /// Checks that this kit can work with the tables, and write the format of each flow.
    pub(crate) async fn check_schema(&self) -> Result<()> {
        let mut own = self.begin_read().await?;
        self.usable(&mut own.tx()).await?;
        own.commit().await
    }

    /// The format of each flow, if this kit can work with the tables and write it.
    pub(crate) async fn usable(&self, tx: &mut Tx<'_>) -> Result<BTreeMap<String, u32>> {
        match self.found(tx).await? {
            Found::Nothing => return Err(Error::Schema(NO_TABLES.into())),
            Found::Broken(reason) => return Err(Error::Schema(reason)),
            Found::Version { version, .. } if version < VERSION => {
                return Err(Error::Schema(format!(
                    "The tables have version {version}, and this kit works with version {VERSION}. Run `rulebound migrate`."
                )));
            }
            Found::Version { version, readable_from } => check_readable(version, readable_from)?,
        }
        let (formats, known) = (self.0.store.formats(tx).await?, known_formats());
        let unknown = formats.iter().find(|(flow, it)| known.get(*flow).is_some_and(|known| !known.contains(it)));
        match unknown {
            None => Ok(formats),
            Some((flow, format)) => Err(Error::Schema(format!(
                "{flow} is saved in format {format}, which this release cannot write. Deploy the newer release."
            ))),
        }
    }
}

/// The tables of a newer release can be those that this one must not touch.
fn check_readable(version: i64, readable_from: i64) -> Result<()> {
    if readable_from <= VERSION {
        return Ok(());
    }
    Err(Error::Schema(format!(
        "The tables have version {version}, and this kit works with version {VERSION}. Deploy a newer release of rulebound."
    )))
}

/// A line of a file with tables, without its comment.
fn without_comment(line: &str) -> String {
    format!("{}\n", line.split("--").next().unwrap_or_default().trim_end())
}

/// A statement as an operator copies it.
pub(crate) fn one_line(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
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
    async fn has_table(&self, tx: &mut Tx<'_>, schema: &str, is_postgres: bool, table: &str) -> Result<bool> {
        let found = match is_postgres {
            true => {
                let sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = $2";
                tx.row(sql, args![schema, table]).await?
            }
            false => tx.row("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1", args![table]).await?,
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
