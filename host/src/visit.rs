//! A visit: one short transaction on one row, from its lock to the commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rulebound::ffi::AnyError;
use rulebound::{Context, Fact, IgnoredReason, LoadError};

use crate::db::{Own, Tx};
use crate::draft::{Draft, Leased, Line, digest, next_effect};
use crate::error::{Error, Result};
use crate::host::{Host, at};
use crate::inbox::{Address, BATCH, Entry, HOUR_MS};
use crate::pause::{Gate, Replied};
use crate::provider::{Settings, lease_ms};
use crate::snapshot::kind_of;
use crate::store::Locked;

/// How long a row rests whose failure is not its own.
const MINUTE_MS: i64 = 60_000;
/// How many pages of the inbox one visit reads, if a row can apply nothing of the first ones.
const PAGES: usize = 20;

/// Which row a visit is to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    Due,
    Row(&'a Address),
}

/// What a visit brings: a fact, and what it says of the account if it is a reply.
pub(crate) struct Brought {
    pub(crate) fact: Fact<'static>,
    pub(crate) actor: String,
    pub(crate) replied: Option<Replied>,
    /// The settings of the account when the effect was leased. The fact is not lost if a lookup fails meanwhile.
    pub(crate) settings: Option<Arc<Settings>>,
}

impl Brought {
    pub(crate) fn new(fact: Fact<'static>, actor: impl Into<String>) -> Self {
        Self { fact, actor: actor.into(), replied: None, settings: None }
    }
}

/// A row under its lock, with the settings of its account.
pub(crate) struct Entered {
    pub(crate) own: Own,
    pub(crate) row: Locked,
    pub(crate) settings: Arc<Settings>,
    /// When the visit began, before its lease.
    pub(crate) began: Began,
    /// Whether these are the account's settings now, so that an effect can be leased.
    is_current: bool,
}

/// What locking a row came to.
enum Reached {
    Nothing,
    Row(Entered),
    /// The row's account cannot be used now. The row is no longer locked.
    Unfit(Locked, Error),
}

/// An instant by the monotonic clock, and by the host's clock if it has one of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    instant: Instant,
    clock: Option<i64>,
}

/// An effect that this worker holds, with all that carrying it out needs.
pub(crate) struct Held {
    pub(crate) leased: Leased,
    pub(crate) row: Locked,
    pub(crate) settings: Arc<Settings>,
    pub(crate) began: Began,
}

/// What a visit came to.
pub(crate) enum Visited {
    /// No row is due, or there is no such row.
    Nothing,
    /// The row was saved.
    Saved(Saved),
    /// The row's failure was noted.
    Failed,
}

/// A row that was saved.
pub(crate) struct Saved {
    /// The effect that the worker holds now.
    pub(crate) held: Option<Box<Held>>,
    /// The entries of the inbox that the row cannot apply yet.
    pub(crate) early: Vec<String>,
}

/// What a visit decided.
pub(crate) struct Decided {
    pub(crate) leased: Option<Leased>,
    pub(crate) early: Vec<String>,
}

impl Host {
    pub(crate) fn began(&self) -> Began {
        Began { instant: Instant::now(), clock: self.0.hooks.clock.as_ref().map(|clock| clock()) }
    }

    /// How long ago that was. A clock that a test moves counts for what it moved.
    pub(crate) fn since(&self, began: Began) -> Duration {
        match (began.clock, &self.0.hooks.clock) {
            (Some(then), Some(clock)) => {
                Duration::from_millis(u64::try_from(clock().saturating_sub(then)).unwrap_or(0))
            }
            _ => began.instant.elapsed(),
        }
    }

    /// Visits a row: observes what the visit brings and what the inbox has, and leases one effect if a worker asks.
    ///
    /// A row that cannot be loaded, or whose decision raises, is looked at again in an hour.
    pub(crate) async fn visit(&self, which: Which<'_>, brought: Option<&Brought>, is_worker: bool) -> Result<Visited> {
        let mut entered = match self.reach(which, brought.and_then(|it| it.settings.as_ref())).await? {
            Reached::Nothing => return Ok(Visited::Nothing),
            Reached::Unfit(row, error) => return self.rest(&row, &error).await.map(|()| Visited::Failed),
            Reached::Row(entered) => entered,
        };
        let leases = is_worker && entered.is_current;
        let decided = self.decide(&mut entered, brought, leases).await;
        let Entered { own, row, settings, began, .. } = entered;
        match decided {
            Ok(Decided { leased, early }) => {
                own.commit().await?;
                let held = leased.map(|leased| Box::new(Held { leased, row, settings, began }));
                Ok(Visited::Saved(Saved { held, early }))
            }
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                own.rollback().await?;
                self.rest(&row, &error).await?;
                Ok(Visited::Failed)
            }
        }
    }

    /// Locks a row, with the settings of its account.
    pub(crate) async fn enter(&self, which: Which<'_>) -> Result<Option<Entered>> {
        match self.reach(which, None).await? {
            Reached::Nothing => Ok(None),
            Reached::Row(entered) => Ok(Some(entered)),
            Reached::Unfit(_, error) => Err(error),
        }
    }

    /// Locks a row. Its account is looked up between two transactions; if that fails, the older settings count.
    async fn reach(&self, which: Which<'_>, older: Option<&Arc<Settings>>) -> Result<Reached> {
        let (mut address, mut replaced): (Option<Address>, _) = (None, None);
        loop {
            let began = self.began();
            let (mut own, store, time) = (self.begin().await?, &self.0.store, self.time());
            let locked = match address.as_ref().map_or(which, Which::Row) {
                Which::Due => store.lock_due(&mut own.tx(), time).await?,
                Which::Row(row) => store.lock(&mut own.tx(), time, &row.flow, &row.key).await?,
            };
            let Some(row) = locked else { return own.rollback().await.map(|()| Reached::Nothing) };
            let (provider, account) = row.account();
            let (known, is_current) = match &replaced {
                Some(older) => (Ok(Some(Arc::clone(older))), false),
                None => (self.0.accounts.known(provider, account), true),
            };
            let failed = match known {
                Ok(Some(settings)) => return Ok(Reached::Row(Entered { own, row, settings, began, is_current })),
                Ok(None) => {
                    own.rollback().await?;
                    self.0.accounts.get(provider, account).await.err()
                }
                Err(error) => {
                    own.rollback().await?;
                    Some(error)
                }
            };
            match (failed, older) {
                (None, _) => {}
                (Some(_), Some(older)) => replaced = Some(Arc::clone(older)),
                (Some(error), None) => return Ok(Reached::Unfit(row, error)),
            }
            address = Some(Address { flow: row.record.flow, key: row.record.key });
        }
    }

    /// Notes that a row cannot be worked on. A failure of the row itself counts, and it is looked at again in an hour. What a newer
    /// release or the account can cure lets it rest without a try.
    async fn rest(&self, read: &Locked, error: &Error) -> Result<()> {
        let (flow, key, class) = (read.flow.as_str(), read.key.as_str(), error.class());
        let mut own = self.begin().await?;
        let (store, mut tx) = (&self.0.store, own.tx());
        let Some(row) = store.lock(&mut tx, self.time(), flow, key).await? else { return own.rollback().await };
        match error {
            Error::Config { .. } => {
                let until = store.misconfigured(&mut tx, row.account(), error, row.now).await?;
                store.skip(&mut tx, read, until).await?;
            }
            Error::Account { .. } | Error::Core(AnyError::Load(LoadError::Newer { .. })) => {
                tracing::warn!(flow, key, class, %error, "the row is looked at again in a minute");
                store.skip(&mut tx, read, row.now.saturating_add(MINUTE_MS)).await?;
            }
            _ => {
                tracing::error!(flow, key, class, %error, "the row is looked at again in an hour");
                if store.fail(&mut tx, read, row.now.saturating_add(HOUR_MS), class).await? {
                    let digest = digest(row.text.as_bytes());
                    let (kind, code) = ("error".into(), Some(class.into()));
                    let line = Line { revision: row.revision, kind, code, digest, ..Line::default() };
                    store.journal(&mut tx, (flow, key), row.now, &[line]).await?;
                }
            }
        }
        own.commit().await
    }

    /// The visit between the lock and the commit.
    pub(crate) async fn decide(
        &self,
        entered: &mut Entered,
        brought: Option<&Brought>,
        is_worker: bool,
    ) -> Result<Decided> {
        let Entered { own, row, settings, .. } = entered;
        let (store, mut tx) = (&self.0.store, own.tx());
        let context = Context::new(at(row.now), Arc::clone(&settings.config));
        let mut draft = Draft::new(row.load()?, &row.text, self.format(&mut tx, &row.flow).await?)?;
        if let Some(Brought { fact, actor, replied, .. }) = brought {
            draft.observe(fact, actor, &context)?;
            if let Some(replied) = *replied {
                store.replied(&mut tx, row.account(), replied, row.now).await?;
            }
        }
        let around = store.around(&mut tx, row, &draft.snapshot.ids()).await?;
        let (finished, early) = match around.has_entries {
            true => self.offer(&mut tx, row, &mut draft, &context).await?,
            false => (Vec::new(), Vec::new()),
        };
        if !around.has_entries && !self.0.database.is_postgres() {
            // SQLite has one writer: an entry that comes later meets ids that are stored.
            draft.has_unread_ids = false;
        }
        let (leased, paused_until) = match is_worker {
            true => self.lease(&mut tx, row, settings, &mut draft, around.pause.as_ref(), &context).await?,
            false => (None, None),
        };
        let wake_at = draft.wake_at(paused_until, &context);
        store.save(&mut tx, row, &draft, wake_at, &context).await?;
        for entry in &finished {
            store.delete_entry(&mut tx, entry).await?;
        }
        Ok(Decided { leased, early })
    }

    /// Offers the inbox's entries that name an id of the row. The result has those that no other row
    /// waits for, and the names of those that the row cannot apply yet.
    async fn offer(
        &self,
        tx: &mut Tx<'_>,
        row: &Locked,
        draft: &mut Draft,
        context: &Context,
    ) -> Result<(Vec<Entry>, Vec<String>)> {
        let store = &self.0.store;
        let (mut finished, mut early, mut after) = (Vec::new(), Vec::new(), (i64::MIN, String::new()));
        for _ in 0..PAGES {
            let mut entries = store.entries(tx, row, &draft.snapshot, (after.0, &after.1)).await?;
            let has_more = entries.len() > BATCH;
            entries.truncate(BATCH);
            if let Some(last) = entries.last() {
                after = (last.received_at, last.id.clone());
            }
            for entry in entries {
                match draft.offer(&entry.fact(), entry.is_shared, context) {
                    Ok(Some(IgnoredReason::Early)) => early.push(entry.id),
                    Ok(_) if entry.is_shared => {}
                    Ok(_) => finished.push(entry),
                    Err(error) => {
                        tracing::error!(
                            flow = row.flow,
                            key = row.key,
                            entry = entry.id,
                            class = error.class(),
                            "a webhook raised"
                        );
                        store.fail_entry(tx, &entry, error.class(), row.now).await?;
                    }
                }
            }
            draft.has_left_over = has_more && !finished.is_empty();
            if !has_more || draft.has_left_over {
                break;
            }
        }
        Ok((finished, early))
    }

    /// Leases the next effect, unless it is a request of an account that is paused or at its limit; then the result has the time when
    /// that ends.
    async fn lease(
        &self,
        tx: &mut Tx<'_>,
        row: &Locked,
        settings: &Settings,
        draft: &mut Draft,
        pause: Option<&(i64, String)>,
        context: &Context,
    ) -> Result<(Option<Leased>, Option<i64>)> {
        let Some(effect) = next_effect(draft.snapshot.effects(context)) else { return Ok((None, None)) };
        let kind = kind_of(&effect.effect);
        let mut is_probe = false;
        let timeout = match self.0.handlers.get(kind) {
            Some(handler) => handler.timeout(),
            None if kind == "request" => {
                let (account, of) = (row.account(), (row.flow.as_str(), row.key.as_str()));
                let until = row.now.saturating_add(lease_ms(settings.timeout));
                if let Some(at) = self.0.limits.take(account, of, settings.limit, row.now, until) {
                    return Ok((None, Some(at)));
                }
                match self.0.store.gate(tx, account, pause, row.now).await? {
                    Gate::PausedUntil(until) => {
                        self.0.limits.leave(account, of);
                        return Ok((None, Some(until)));
                    }
                    gate => is_probe = gate == Gate::Probe,
                }
                settings.timeout
            }
            None => return Err(Error::Handlers(kind.into())),
        };
        let context = Context::new(context.now, settings.leasing(timeout));
        let leased = draft.lease(effect, &context)?;
        Ok((leased.map(|leased| Leased { is_probe, ..leased }), None))
    }
}
