//! The statements on rows: lock, save, ids and the journal. Each takes the transaction that it runs in.

use std::ops::Deref;

use rulebound::ffi::{self, AnyError};
use rulebound::{Context, Key, TypedId};

use crate::db::{Arg, Record, Tx, Write, args};
use crate::draft::{Draft, Line};
use crate::error::{Error, Result};
use crate::snapshot::{Any, RowRecord, provider_of};

/// The version of the rules, as each line of the journal names it.
pub(crate) const RULES_VERSION: &str = rulebound::catalogue::RULES_VERSION;

/// A row as it was read, in most cases under its lock.
#[derive(Clone, Debug)]
pub(crate) struct Locked {
    pub(crate) record: RowRecord,
    /// The time at the lock.
    pub(crate) now: i64,
    pub(crate) text: String,
}

impl Deref for Locked {
    type Target = RowRecord;

    fn deref(&self) -> &RowRecord {
        &self.record
    }
}

impl Locked {
    /// What is selected of a row, `now` being the time as SQL.
    fn columns(now: &str) -> String {
        format!("{}, {now}, snapshot", RowRecord::COLUMNS)
    }

    fn read(record: &Record) -> Result<Self> {
        let [now, text] = [RowRecord::WIDTH, RowRecord::WIDTH.saturating_add(1)];
        Ok(Self { record: RowRecord::read(record)?, now: record.int(now)?, text: record.text(text)? })
    }

    /// Its snapshot. A row that was only made has none yet, and starts.
    pub(crate) fn load(&self) -> Result<Any> {
        if !self.text.is_empty() {
            return Ok(ffi::load(&self.text).map_err(AnyError::from)?);
        }
        start(&self.flow, &self.key)
    }
}

/// A flow that has not started.
pub(crate) fn start(flow: &str, key: &str) -> Result<Any> {
    let id = Key::parse(key).map_err(|error| Error::input("key", format!("is not a key: {error}")))?;
    ffi::start(flow, id)
        .ok_or_else(|| Error::input("flow", format!("is `{flow}`, which is not a flow of this release")))
}

/// Where the time of a statement comes from: the host's clock, or the server's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    /// The host's time. It is the first parameter of each statement.
    pub(crate) local: i64,
    /// Whether the server's clock counts instead.
    pub(crate) is_of_server: bool,
}

impl Time {
    /// The time at the moment, as SQL.
    pub(crate) const fn now(self) -> &'static str {
        if self.is_of_server { "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint" } else { "$1" }
    }

    /// The time at the statement's beginning, as SQL: an index can be compared with it.
    pub(crate) const fn started(self) -> &'static str {
        if self.is_of_server { "(EXTRACT(EPOCH FROM statement_timestamp()) * 1000)::bigint" } else { "$1" }
    }
}

/// The statements, with the tables' full names.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// What stands in front of each table's name.
    pub(crate) t: String,
    /// What locks a row that is read: nothing on SQLite, where the transaction has the lock.
    for_update: &'static str,
    skip_locked: &'static str,
}

impl Store {
    pub(crate) fn new(prefix: String, is_postgres: bool) -> Self {
        let (for_update, skip_locked) = if is_postgres { (" FOR UPDATE", " SKIP LOCKED") } else { ("", "") };
        Self { t: prefix, for_update, skip_locked }
    }

    /// The row that is due for the longest time and that no other worker has locked.
    pub(crate) async fn lock_due(&self, tx: &mut Tx<'_>, time: Time) -> Result<Option<Locked>> {
        tx.row(&self.next_due(time), args![time.local]).await?.as_ref().map(Locked::read).transpose()
    }

    /// The statement that locks the next row that is due.
    pub(crate) fn next_due(&self, time: Time) -> String {
        let Self { t, for_update, skip_locked } = self;
        let (columns, started) = (Locked::columns(time.now()), time.started());
        format!(
            "SELECT {columns} FROM {t}flows WHERE wake_at <= {started} ORDER BY wake_at LIMIT 1{for_update}{skip_locked}"
        )
    }

    /// Whether a row is due, without a lock.
    pub(crate) async fn is_due(&self, tx: &mut Tx<'_>, time: Time) -> Result<bool> {
        let (t, started) = (&self.t, time.started());
        let sql = format!("SELECT 1 FROM {t}flows WHERE wake_at <= {started} LIMIT 1");
        Ok(tx.row(&sql, args![time.local]).await?.is_some())
    }

    /// The row, locked until the transaction ends.
    pub(crate) async fn lock(&self, tx: &mut Tx<'_>, time: Time, flow: &str, key: &str) -> Result<Option<Locked>> {
        self.one(tx, time, flow, key, self.for_update).await
    }

    /// The row as it is.
    pub(crate) async fn read(&self, tx: &mut Tx<'_>, time: Time, flow: &str, key: &str) -> Result<Option<Locked>> {
        self.one(tx, time, flow, key, "").await
    }

    async fn one(&self, tx: &mut Tx<'_>, time: Time, flow: &str, key: &str, lock: &str) -> Result<Option<Locked>> {
        let (t, columns) = (&self.t, Locked::columns(time.now()));
        let sql = format!("SELECT {columns} FROM {t}flows WHERE flow = $2 AND key = $3{lock}");
        tx.row(&sql, args![time.local, flow, key]).await?.as_ref().map(Locked::read).transpose()
    }

    /// Makes the row if it is not there, and locks it in either case. The write comes before the first read, so that
    /// SQLite has its lock from the beginning. The result says whether the row was made.
    pub(crate) async fn make(
        &self,
        tx: &mut Tx<'_>,
        time: Time,
        row: (&str, &str),
        account: &str,
        reference: Option<&str>,
    ) -> Result<(Locked, bool)> {
        let (t, now, (flow, key)) = (&self.t, time.now(), row);
        let sql = format!(
            "INSERT INTO {t}flows ({}, snapshot) VALUES ($2, $3, $4, $5, 0, NULL, 0, 0, 0, NULL, {now}, {now}, '') \
             ON CONFLICT DO NOTHING",
            RowRecord::COLUMNS
        );
        let made = tx.run(&sql, args![time.local, flow, key, account, reference]).await? == 1;
        let locked = self.lock(tx, time, flow, key).await?;
        Ok((locked.ok_or_else(|| Error::Unknown { flow: flow.into(), key: key.into() })?, made))
    }

    /// Removes a row that was made for a command that was rejected.
    pub(crate) async fn unmake(&self, tx: &mut Tx<'_>, row: &Locked) -> Result<()> {
        let t = &self.t;
        let sql = format!("DELETE FROM {t}flows WHERE flow = $1 AND key = $2 AND revision = 0");
        tx.run(&sql, args![&row.flow, &row.key]).await.map(drop)
    }

    /// Saves what a visit decided: snapshot, ids, journal, and when to look again. The row is then as it was saved.
    pub(crate) async fn save(
        &self,
        tx: &mut Tx<'_>,
        row: &mut Locked,
        draft: &Draft,
        wake_at: Option<i64>,
        context: &Context,
    ) -> Result<()> {
        let saved = draft.saved(row, row.now, wake_at, context);
        warn_of(row, &saved);
        let ids = draft.ids_to_store();
        let mut writes = vec![self.update(&saved, draft)];
        if !ids.is_empty() {
            writes.push(self.add_ids(row, &ids));
        }
        if !draft.lines.is_empty() {
            writes.push(self.lines((&row.flow, &row.key), row.now, &draft.lines));
        }
        if tx.write(&writes).await? != 1 {
            return Err(Error::Conflict { key: row.key.clone() });
        }
        row.record = saved;
        Ok(())
    }

    /// The write to the row itself. A visit that changed nothing leaves the snapshot as it is.
    fn update<'a>(&self, row: &'a RowRecord, draft: &'a Draft) -> Write<'a> {
        let t = &self.t;
        let RowRecord { flow, key, reference, wake_at, reviews, failing, .. } = row;
        let mut args = args![*wake_at, *reviews, *failing, reference.as_deref(), flow, key, draft.before].to_vec();
        let mut changed = "";
        if row.revision != draft.before {
            changed = ", revision = $8, snapshot = $9, updated_at = $10";
            args.extend(args![row.revision, &draft.text, row.updated_at]);
        }
        let sql = format!(
            "UPDATE {t}flows SET wake_at = $1, reviews = $2, failing = $3, reference = $4, tries = 0, last_error = NULL{changed} \
             WHERE flow = $5 AND key = $6 AND revision = $7"
        );
        Write { sql, args }
    }

    /// Notes that a row cannot be worked on, unless another worker has noted the same failure or has saved the row since it was
    /// read. Whether it was noted.
    pub(crate) async fn fail(&self, tx: &mut Tx<'_>, read: &Locked, until: i64, class: &str) -> Result<bool> {
        let t = &self.t;
        let sql = format!(
            "UPDATE {t}flows SET wake_at = $1, tries = tries + 1, last_error = $2 \
             WHERE flow = $3 AND key = $4 AND revision = $5 AND tries = $6"
        );
        Ok(tx.run(&sql, args![until, class, &read.flow, &read.key, read.revision, read.tries]).await? == 1)
    }

    /// Sets when to look at a row again whose failure is not its own, unless it was saved since it was read.
    pub(crate) async fn skip(&self, tx: &mut Tx<'_>, read: &Locked, until: i64) -> Result<()> {
        let t = &self.t;
        let sql = format!("UPDATE {t}flows SET wake_at = $1 WHERE flow = $2 AND key = $3 AND revision = $4");
        tx.run(&sql, args![until, &read.flow, &read.key, read.revision]).await.map(drop)
    }

    /// Lets nobody else adopt these ids until the transaction ends: two rows that adopt one object at once would not see each
    /// other's ids. The kits have the same lock.
    pub(crate) async fn adopt(&self, tx: &mut Tx<'_>, row: &Locked, ids: &[TypedId]) -> Result<()> {
        let sql = "SELECT pg_advisory_xact_lock(hashtext('rulebound.adopt'), hashtext($1))";
        for id in ids {
            let name = format!("{} {}", provider_of(&row.flow), id.as_str());
            tx.run(sql, args![&name]).await?;
        }
        Ok(())
    }

    /// The key of another row of the same flow that has this id.
    pub(crate) async fn owner(&self, tx: &mut Tx<'_>, row: &Locked, id: &TypedId) -> Result<Option<String>> {
        let t = &self.t;
        let sql = format!("SELECT key FROM {t}ids WHERE provider = $1 AND id = $2 AND flow = $3 AND key <> $4 LIMIT 1");
        let args = args![provider_of(&row.flow), id.as_str(), &row.flow, &row.key];
        tx.row(&sql, args).await?.map(|it| it.text(0)).transpose()
    }

    fn add_ids<'a>(&self, row: &'a Locked, ids: &'a [TypedId]) -> Write<'a> {
        let (t, provider) = (&self.t, provider_of(&row.flow));
        let places: Vec<_> = (4..).take(ids.len()).map(|place| format!("($1, ${place}, $2, $3)")).collect();
        let values = [provider, &row.flow, &row.key].into_iter().chain(ids.iter().map(TypedId::as_str));
        let sql =
            format!("INSERT INTO {t}ids (provider, id, flow, key) VALUES {} ON CONFLICT DO NOTHING", places.join(", "));
        Write { sql, args: values.map(Arg::from).collect() }
    }

    /// Adds lines to a row's journal.
    pub(crate) async fn journal(&self, tx: &mut Tx<'_>, row: (&str, &str), now: i64, lines: &[Line]) -> Result<()> {
        tx.write(&[self.lines(row, now, lines)]).await.map(drop)
    }

    /// The write of lines to a row's journal. The numbers are the next ones, because the row is locked.
    fn lines<'a>(&self, (flow, key): (&'a str, &'a str), now: i64, lines: &'a [Line]) -> Write<'a> {
        let t = &self.t;
        let mut args = args![flow, key, now, RULES_VERSION].to_vec();
        let mut values = Vec::with_capacity(lines.len());
        for (number, line) in (1_usize..).zip(lines) {
            let own = line.args();
            let places: Vec<_> = (args.len().saturating_add(1)..).take(own.len()).map(|it| format!("${it}")).collect();
            let seq = format!("(SELECT COALESCE(MAX(seq), 0) FROM {t}journal WHERE flow = $1 AND key = $2) + {number}");
            values.push(format!("($1, $2, {seq}, $3, $4, {})", places.join(", ")));
            args.extend(own);
        }
        let sql = format!(
            "INSERT INTO {t}journal (flow, key, seq, at, rules_version, {}) VALUES {}",
            Line::COLUMNS,
            values.join(", ")
        );
        Write { sql, args }
    }

    /// Makes a row due now, unless it is locked. Whether it was not.
    pub(crate) async fn wake(&self, tx: &mut Tx<'_>, flow: &str, key: &str, now: i64) -> Result<bool> {
        let Self { t, for_update, skip_locked } = self;
        let sql = format!(
            "UPDATE {t}flows SET wake_at = CASE WHEN wake_at < $1 THEN wake_at ELSE $1 END WHERE (flow, key) IN \
             (SELECT flow, key FROM {t}flows WHERE flow = $2 AND key = $3{for_update}{skip_locked})"
        );
        Ok(tx.run(&sql, args![now, flow, key]).await? == 1)
    }
}

/// Tells the operator what is new and needs a person.
fn warn_of(before: &RowRecord, saved: &RowRecord) {
    let RowRecord { flow, key, reviews, failing, .. } = saved;
    if *reviews > before.reviews {
        tracing::warn!(flow, key, reviews, "a question waits for a person");
    }
    if *failing > before.failing {
        tracing::error!(flow, key, failing, "an effect was tried five times, and is tried again");
    }
}
