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
use crate::snapshot::{kind_of, provider_of};
use crate::store::Locked;

/// How many pages of the inbox one visit reads, if a row can apply nothing of the first ones.
const PAGES: usize = 20;

/// Which row a visit is to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    Due,
    Row(&'a Address),
}

/// What a visit brings: a fact, and what it says of the account if it is a reply.
#[derive(Debug)]
pub(crate) struct Brought {
    pub(crate) fact: Fact<'static>,
    pub(crate) actor: String,
    pub(crate) replied: Option<Replied>,
}

impl Brought {
    pub(crate) fn new(fact: Fact<'static>, actor: impl Into<String>) -> Self {
        Self { fact, actor: actor.into(), replied: None }
    }
}

/// A row under its lock, with the settings of its account.
pub(crate) struct Entered {
    pub(crate) own: Own,
    pub(crate) row: Locked,
    pub(crate) settings: Arc<Settings>,
    /// When the visit began, before its lease.
    pub(crate) began: Began,
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
        let Some(mut entered) = self.enter(which).await? else { return Ok(Visited::Nothing) };
        let decided = self.decide(&mut entered, brought, is_worker).await;
        let Entered { own, row, settings, began } = entered;
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

    /// Locks a row, with the settings of its account. An account is looked up between two transactions.
    pub(crate) async fn enter(&self, which: Which<'_>) -> Result<Option<Entered>> {
        let mut which = which;
        let mut address;
        loop {
            let began = self.began();
            let (mut own, store, time) = (self.begin().await?, &self.0.store, self.time());
            let locked = match which {
                Which::Due => store.lock_due(&mut own.tx(), time).await?,
                Which::Row(row) => store.lock(&mut own.tx(), time, &row.flow, &row.key).await?,
            };
            let Some(row) = locked else {
                own.rollback().await?;
                return Ok(None);
            };
            let settings = match self.0.accounts.known(provider_of(&row.flow), &row.account) {
                Ok(Some(settings)) => Ok(settings),
                Ok(None) => {
                    own.rollback().await?;
                    match self.0.accounts.get(provider_of(&row.flow), &row.account).await {
                        Ok(_) => {
                            address = Address { flow: row.flow, key: row.key };
                            which = Which::Row(&address);
                            continue;
                        }
                        Err(error) => {
                            own = self.begin().await?;
                            Err(error)
                        }
                    }
                }
                Err(error) => Err(error),
            };
            match settings {
                Ok(settings) => return Ok(Some(Entered { own, row, settings, began })),
                Err(error) => {
                    own.rollback().await?;
                    self.rest(&row, &error).await?;
                    if let Which::Row(_) = which {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Notes the failure of a row itself, and looks at it again in an hour.
    async fn rest(&self, row: &Locked, error: &Error) -> Result<()> {
        let (flow, key, class) = (row.flow.as_str(), row.key.as_str(), error.class());
        tracing::error!(flow, key, class, %error, "the row is looked at again in an hour");
        let is_newer = matches!(error, Error::Core(AnyError::Load(LoadError::Newer { .. })));
        let mut own = self.begin().await?;
        let store = &self.0.store;
        if let Some(row) = store.lock(&mut own.tx(), self.time(), flow, key).await? {
            let until = row.now.saturating_add(HOUR_MS);
            store.rest(&mut own.tx(), &row, until, i64::from(!is_newer), class).await?;
            if !is_newer {
                let digest = digest(row.text.as_bytes());
                let (kind, code) = ("error".into(), Some(class.into()));
                let line = Line { revision: row.revision, kind, code, digest, ..Line::default() };
                store.journal(&mut own.tx(), &row, &line).await?;
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
        if let Some(Brought { fact, actor, replied }) = brought {
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
