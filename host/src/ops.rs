//! What an operator calls: gauges, pauses, imports, forgetting, and checks of the journal and the tables.

use rulebound::Context;
use serde::Serialize;

use crate::db::{Record, args};
use crate::doctor::Problem;
use crate::draft::{Line, digest};
use crate::error::{Error, Result};
use crate::host::{Host, at};
use crate::inbox::Address;
use crate::pause::Pause;
use crate::snapshot::provider_of;
use crate::store::start;
use crate::visit::{Entered, Which};

/// How many rows one transaction of an import makes, and how many rows one of a check of the journal reads.
const BATCH: usize = 100;
const CHECKED: usize = 1_000;

/// Numbers that say whether the host keeps up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// How long the oldest row that is due has been due.
    pub oldest_overdue_ms: i64,
    /// Rows that are due.
    pub due: i64,
    /// The age of the oldest webhook that no row has applied.
    pub inbox_age_ms: i64,
    /// Effects that were tried five times or more, and rows that cannot be loaded.
    pub failing_effects: i64,
    /// Questions that wait for a person.
    pub reviews_open: i64,
    /// Accounts that take no requests now.
    pub accounts_paused: i64,
    /// How long the oldest row that rests for a paused account has not changed.
    pub oldest_held_ms: i64,
    /// Requests that providers refused within a day.
    pub refused_in_day: i64,
}

/// One adoption of an import.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Import {
    flow: String,
    key: String,
    command: String,
    account: String,
    reference: Option<String>,
}

impl Import {
    /// A row with its first command as JSON: a lookup.
    pub fn new(flow: impl Into<String>, key: impl Into<String>, command: impl Into<String>) -> Self {
        Self { flow: flow.into(), key: key.into(), command: command.into(), account: String::new(), reference: None }
    }

    /// Refuses what is malformed, and what would begin something new. `place` is its number in the import.
    fn check(&self, place: usize) -> Result<()> {
        let command: serde_json::Value = serde_json::from_str(&self.command).unwrap_or_default();
        let wrong = |reason: String| Err(Error::input(format!("rows/{place}/command"), reason));
        match command.get("type").and_then(serde_json::Value::as_str) {
            None => wrong("is no object with a `type`: give a lookup as JSON".into()),
            Some(name) if !name.starts_with("retrieve_") => wrong(format!(
                "is `{name}`, which is no lookup, and would begin something new: use a command that retrieves"
            )),
            Some(_) => start(&self.flow, &self.key).map(drop).map_err(|error| match error {
                Error::Input { field, reason } => Error::input(format!("rows/{place}/{field}"), reason),
                other => other,
            }),
        }
    }

    /// Sets the account.
    #[must_use]
    pub fn account(self, account: impl Into<String>) -> Self {
        Self { account: account.into(), ..self }
    }

    /// Sets what a person searches for.
    #[must_use]
    pub fn reference(self, reference: impl Into<String>) -> Self {
        Self { reference: Some(reference.into()), ..self }
    }
}

/// What became of an import.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Imported {
    /// Rows that were made.
    pub made: usize,
    /// Rows that were there before.
    pub existing: usize,
    /// Keys of the commands that were rejected, each with the reason.
    pub rejected: Vec<(String, String)>,
}

impl Host {
    /// The gauges: whether the host keeps up, and what a person must look at.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn stats(&self) -> Result<Stats> {
        let (t, time) = (&self.0.store.t, self.time());
        let (now, started) = (time.now(), time.started());
        let sql = format!(
            "SELECT {now}, (SELECT MIN(wake_at) FROM {t}flows WHERE wake_at <= {started}), \
             (SELECT COUNT(*) FROM {t}flows WHERE wake_at <= {started}), (SELECT MIN(received_at) FROM {t}inbox), \
             CAST((SELECT COALESCE(SUM(failing + CASE WHEN tries > 0 THEN 1 ELSE 0 END), 0) FROM {t}flows WHERE failing > 0 OR tries > 0) AS bigint), \
             CAST((SELECT COALESCE(SUM(reviews), 0) FROM {t}flows WHERE reviews > 0) AS bigint), \
             (SELECT COUNT(*) FROM {t}pauses WHERE until > {started}), \
             (SELECT MIN(f.updated_at) FROM {t}pauses p JOIN {t}flows f ON f.account = p.account \
             AND substr(f.flow, 1, length(p.provider) + 1) = p.provider || '.' WHERE p.until > {started} AND f.wake_at <= p.until), \
             (SELECT COUNT(*) FROM {t}journal WHERE at > {started} - 86400000 AND failure LIKE '%\"kind\":\"refused\"%')"
        );
        let mut own = self.begin_read().await?;
        let found = own.tx().row(&sql, args![time.local]).await?;
        own.commit().await?;
        let Some(row) = found else { return Ok(Stats::default()) };
        let now = row.int(0)?;
        let since = |column| Ok::<_, Error>(row.maybe_int(column)?.map_or(0, |it| now.saturating_sub(it).max(0)));
        Ok(Stats {
            oldest_overdue_ms: since(1)?,
            due: row.int(2)?,
            inbox_age_ms: since(3)?,
            failing_effects: row.int(4)?,
            reviews_open: row.int(5)?,
            accounts_paused: row.int(6)?,
            oldest_held_ms: since(7)?,
            refused_in_day: row.int(8)?,
        })
    }

    /// The accounts that take no requests for now.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn pauses(&self) -> Result<Vec<Pause>> {
        let mut own = self.begin_read().await?;
        let pauses = self.0.store.pauses(&mut own.tx()).await;
        own.commit().await?;
        pauses
    }

    /// Looks at a row at once: its failures are forgotten, and the pause of its account ends. The journal names the actor.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if there is no such row.
    pub async fn retry(&self, flow: &str, key: &str, actor: &str) -> Result<()> {
        let (store, t) = (&self.0.store, &self.0.store.t);
        let mut own = self.begin().await?;
        let row = store.lock(&mut own.tx(), self.time(), flow, key).await?;
        let row = row.ok_or_else(|| Error::Unknown { flow: flow.into(), key: key.into() })?;
        let sql =
            format!("UPDATE {t}flows SET tries = 0, last_error = NULL, wake_at = $1 WHERE flow = $2 AND key = $3");
        own.tx().run(&sql, args![row.now, flow, key]).await?;
        store.resume(&mut own.tx(), row.account()).await?;
        let (kind, actor, digest) = ("retry".into(), Some(actor.into()), digest(row.text.as_bytes()));
        let line = Line { revision: row.revision, kind, actor, digest, ..Line::default() };
        store.journal(&mut own.tx(), (flow, key), row.now, &[line]).await?;
        own.commit().await?;
        self.wake();
        Ok(())
    }

    /// Deletes an entry of the inbox that no row knows, such as one that is authentic and not readable.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if there is no such entry, or if a row has yet to apply it.
    pub async fn drop_entry(&self, id: &str) -> Result<()> {
        let t = &self.0.store.t;
        let mut own = self.begin().await?;
        let known = format!(
            "SELECT 1 FROM {t}inbox_ids n JOIN {t}ids i ON i.provider = n.provider AND i.id = n.id WHERE n.inbox = $1 LIMIT 1"
        );
        if own.tx().row(&known, args![id]).await?.is_some() {
            own.rollback().await?;
            return Err(Error::input("id", format!("is `{id}`, which a row has yet to apply: let a worker run")));
        }
        let gone = own.tx().run(&format!("DELETE FROM {t}inbox WHERE id = $1"), args![id]).await?;
        own.tx().run(&format!("DELETE FROM {t}inbox_ids WHERE inbox = $1"), args![id]).await?;
        own.commit().await?;
        if gone == 0 { Err(Error::input("id", format!("is `{id}`, which the inbox does not have"))) } else { Ok(()) }
    }

    /// Deletes a row with its ids, its journal and its webhooks. It is for a customer who asks to be forgotten. It asks the
    /// provider for nothing: a token there can still be charged, so delete it first.
    ///
    /// # Errors
    ///
    /// [`Error::Pending`] if the row has an effect or a wait, and [`Error::Unknown`] if there is no such row.
    pub async fn forget(&self, flow: &str, key: &str) -> Result<()> {
        let address = Address { flow: flow.into(), key: key.into() };
        let unknown = || Error::Unknown { flow: flow.into(), key: key.into() };
        let Entered { mut own, row, settings, .. } = self.enter(Which::Row(&address)).await?.ok_or_else(unknown)?;
        let context = Context::new(at(row.now), std::sync::Arc::clone(&settings.config));
        let snapshot = row.load()?;
        let effect = snapshot.effects(&context).first().map(|it| format!("the effect `{}`", it.id));
        let wait = || snapshot.waiting_for(&context).first().map(|it| format!("a wait for `{}`", it.signal));
        if let Some(what) = effect.or_else(wait) {
            own.rollback().await?;
            return Err(Error::Pending { key: key.into(), what });
        }
        let t = &self.0.store.t;
        let alone = format!(
            "SELECT y.inbox FROM {t}inbox_ids y JOIN {t}ids o ON o.provider = y.provider AND o.id = y.id WHERE o.flow = $1 AND o.key = $2 \
             AND NOT EXISTS (SELECT 1 FROM {t}inbox_ids z JOIN {t}ids p ON p.provider = z.provider AND p.id = z.id \
             WHERE z.inbox = y.inbox AND (p.flow <> $1 OR p.key <> $2))"
        );
        let mut tx = own.tx();
        tx.run(&format!("DELETE FROM {t}inbox WHERE id IN ({alone})"), args![flow, key]).await?;
        let orphans = format!(
            "DELETE FROM {t}inbox_ids WHERE inbox IN ({alone}) AND NOT EXISTS (SELECT 1 FROM {t}inbox i WHERE i.id = inbox)"
        );
        tx.run(&orphans, args![flow, key]).await?;
        for table in ["ids", "journal", "flows"] {
            tx.run(&format!("DELETE FROM {t}{table} WHERE flow = $1 AND key = $2"), args![flow, key]).await?;
        }
        own.commit().await
    }

    /// Makes rows for lifecycles that already exist at a provider, `per_second` of them due each second, so that they do not
    /// starve today's customers. A row that is there already stays as it is.
    ///
    /// # Errors
    ///
    /// If the database fails, or a row is malformed. What was made until then stays: call it again with the same rows.
    pub async fn import(&self, rows: impl IntoIterator<Item = Import>, per_second: u32) -> Result<Imported> {
        let mut imported = Imported::default();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let batch: Vec<_> = rows.by_ref().take(BATCH).collect();
            self.import_batch(&batch, per_second, &mut imported).await?;
        }
        self.wake();
        Ok(imported)
    }

    async fn import_batch(&self, rows: &[Import], per_second: u32, imported: &mut Imported) -> Result<()> {
        let t = &self.0.store.t;
        let before = imported.made.saturating_add(imported.existing).saturating_add(imported.rejected.len());
        for (place, row) in (before..).zip(rows) {
            row.check(place)?;
            // Before the transaction, because a lookup takes its time.
            self.0.accounts.get(provider_of(&row.flow), &row.account).await?;
        }
        let mut own = self.begin().await?;
        let mut batch = Imported::default();
        for row in rows {
            if self.0.store.read(&mut own.tx(), self.time(), &row.flow, &row.key).await?.is_some() {
                batch.existing = batch.existing.saturating_add(1);
                continue;
            }
            let call = self.handle_json(&row.flow, &row.key, &row.command).account(&row.account).actor("import");
            let call = match &row.reference {
                Some(reference) => call.reference(reference),
                None => call,
            };
            let made = match call.tx(own.tx()).await {
                Ok(made) => made,
                Err(error @ Error::Rejected(_)) => {
                    batch.rejected.push((row.key.clone(), error.to_string()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let nth = imported.made.saturating_add(batch.made);
            let rest_ms = nth.saturating_mul(1_000).checked_div(per_second.max(1) as usize).unwrap_or(0);
            let wake_at = made.context.now.as_millis().saturating_add(i64::try_from(rest_ms).unwrap_or(i64::MAX));
            let sql = format!("UPDATE {t}flows SET wake_at = $1 WHERE flow = $2 AND key = $3");
            own.tx().run(&sql, args![wake_at, &row.flow, &row.key]).await?;
            batch.made = batch.made.saturating_add(1);
        }
        own.commit().await?;
        imported.made = imported.made.saturating_add(batch.made);
        imported.existing = imported.existing.saturating_add(batch.existing);
        imported.rejected.append(&mut batch.rejected);
        Ok(())
    }

    /// Compares the journal with the rows: gaps in a row's revisions, and rows whose snapshot is not the one that was written
    /// last.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn verify(&self) -> Result<Vec<Problem>> {
        let t = &self.0.store.t;
        let mut problems = Vec::new();
        let mut after = (String::new(), String::new());
        loop {
            let sql = format!(
                "SELECT flow, key, snapshot, revision FROM {t}flows WHERE (flow, key) > ($1, $2) ORDER BY flow, key LIMIT {CHECKED}"
            );
            let mut own = self.begin_read().await?;
            if self.0.database.is_postgres() {
                // The rows and their lines as of one instant: workers go on meanwhile.
                own.tx().script("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
            }
            let rows = own.tx().rows(&sql, args![&after.0, &after.1]).await?;
            for row in &rows {
                after = (row.text(0)?, row.text(1)?);
                // The lines that saved the row: the others have the digest of whatever they found.
                let sql = format!(
                    "SELECT revision, digest FROM {t}journal WHERE flow = $1 AND key = $2 \
                     AND kind NOT IN ('error', 'rejected', 'retry') ORDER BY seq"
                );
                let lines = own.tx().rows(&sql, args![&after.0, &after.1]).await?;
                problems.extend(in_journal(row, &lines)?.into_iter().map(|it| it.of_row(&after.0, &after.1)));
            }
            own.commit().await?;
            if rows.len() < CHECKED {
                return Ok(problems);
            }
        }
    }
}

/// What is wrong with a row's journal.
fn in_journal(row: &Record, lines: &[Record]) -> Result<Vec<Problem>> {
    let mut found = Vec::new();
    let mut before: Option<i64> = None;
    for line in lines {
        let revision = line.int(0)?;
        if let Some(before) = before.filter(|it| revision != *it && revision != it.saturating_add(1)) {
            found.push(Problem::new("gap", format!("revision {revision} follows {before}")));
        }
        before = Some(revision);
    }
    let Some(last) = lines.last() else { return Ok(found) };
    if (last.int(0)?, last.text(1)?) != (row.int(3)?, digest(row.text(2)?.as_bytes())) {
        found.push(Problem::new("digest", "the row is not what the journal's last line says"));
    }
    Ok(found)
}
