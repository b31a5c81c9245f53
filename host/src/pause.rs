//! Pauses: accounts that take no requests for now.

use std::time::Duration;

use crate::db::{Tx, args};
use crate::draft::pause_ms;
use crate::error::{Error, Result};
use crate::store::Store;

/// The reason of a pause that ends by itself.
const THROTTLED: &str = "429";
/// The reason of a pause that a mistake in the account's settings began.
const CONFIG: &str = "config";
/// How long a probe keeps the others waiting, and how long an account with wrong settings rests.
const MINUTE_MS: i64 = 60_000;

/// What a reply says of its account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replied {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) is_probe: bool,
}

/// Whether an account takes requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gate {
    Open,
    /// One request is the probe: this worker may send it.
    Probe,
    PausedUntil(i64),
}

/// An account that takes no requests for now.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Pause {
    /// The provider.
    pub provider: String,
    /// The account; empty if there is one.
    pub account: String,
    /// When it ends, in milliseconds since 1970.
    pub until: i64,
    /// The HTTP status that caused it, or `config` for a mistake in the account's settings.
    pub reason: String,
}

impl Store {
    /// Whether an account with this pause takes a request. After a pause, the worker that moves its end on sends the probe.
    /// After a 429, or once the settings are right, nothing has to be proved.
    pub(crate) async fn gate(
        &self,
        tx: &mut Tx<'_>,
        (provider, account): (&str, &str),
        pause: Option<&(i64, String)>,
        now: i64,
    ) -> Result<Gate> {
        let t = &self.t;
        match pause {
            None => return Ok(Gate::Open),
            Some((until, _)) if *until > now => return Ok(Gate::PausedUntil(*until)),
            Some((_, reason)) if reason == THROTTLED || reason == CONFIG => return Ok(Gate::Probe),
            Some(_) => {}
        }
        let next = now.saturating_add(MINUTE_MS);
        let sql = format!("UPDATE {t}pauses SET until = $1 WHERE provider = $2 AND account = $3 AND until <= $4");
        match tx.run(&sql, args![next, provider, account, now]).await? {
            1 => Ok(Gate::Probe),
            _ => Ok(Gate::PausedUntil(next)),
        }
    }

    /// Pauses an account after a reply that asks for it, and ends its pause after another reply to the probe.
    pub(crate) async fn replied(&self, tx: &mut Tx<'_>, account: (&str, &str), reply: Replied, now: i64) -> Result<()> {
        let (t, (provider, name)) = (&self.t, account);
        let Replied { status, retry_after, is_probe } = reply;
        if pause_ms(status, 1, None).is_none() {
            return if is_probe { self.resume(tx, account).await } else { Ok(()) };
        }
        let sql = format!("SELECT until, reason, count FROM {t}pauses WHERE provider = $1 AND account = $2");
        let before = tx.row(&sql, args![provider, name]).await?;
        let (until, was, count) = match before {
            Some(it) => (it.int(0)?, it.text(1)?, it.int(2)?),
            None => (0, String::new(), 0),
        };
        if until > now && !is_probe && was != THROTTLED {
            return Ok(()); // This request was in flight when the pause began.
        }
        let reason = status.to_string();
        let is_first = was == CONFIG || was == THROTTLED || reason == THROTTLED;
        let count = if is_first { 1 } else { count.saturating_add(1) };
        let until = now.saturating_add(pause_ms(status, count, retry_after).unwrap_or(0));
        tracing::warn!(provider, account = name, status, until, "the account is paused");
        self.set_pause(tx, account, until, &reason, count).await
    }

    /// Pauses an account for a minute whose settings have a mistake. The result is the end of the pause. Only the first one of its
    /// rows logs the mistake.
    pub(crate) async fn misconfigured(
        &self,
        tx: &mut Tx<'_>,
        account: (&str, &str),
        error: &Error,
        now: i64,
    ) -> Result<i64> {
        let sql = format!("SELECT until FROM {}pauses WHERE provider = $1 AND account = $2 AND reason = $3", self.t);
        let (provider, name) = account;
        if let Some(found) = tx.row(&sql, args![provider, name, CONFIG]).await?
            && found.int(0)? > now
        {
            return found.int(0);
        }
        let until = now.saturating_add(MINUTE_MS);
        tracing::error!(provider, account = name, until, %error, "the account is paused");
        self.set_pause(tx, account, until, CONFIG, 1).await.map(|()| until)
    }

    async fn set_pause(
        &self,
        tx: &mut Tx<'_>,
        account: (&str, &str),
        until: i64,
        reason: &str,
        count: i64,
    ) -> Result<()> {
        let t = &self.t;
        let sql = format!(
            "INSERT INTO {t}pauses (provider, account, until, reason, count) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (provider, account) DO UPDATE SET until = excluded.until, reason = excluded.reason, count = excluded.count"
        );
        tx.run(&sql, args![account.0, account.1, until, reason, count]).await.map(drop)
    }

    /// Ends the pause of an account.
    pub(crate) async fn resume(&self, tx: &mut Tx<'_>, account: (&str, &str)) -> Result<()> {
        let t = &self.t;
        let sql = format!("DELETE FROM {t}pauses WHERE provider = $1 AND account = $2");
        tx.run(&sql, args![account.0, account.1]).await.map(drop)
    }

    /// The accounts that take no requests.
    pub(crate) async fn pauses(&self, tx: &mut Tx<'_>) -> Result<Vec<Pause>> {
        let sql = format!("SELECT provider, account, until, reason FROM {}pauses ORDER BY provider, account", self.t);
        let read = |it: &crate::db::Record| {
            Ok(Pause { provider: it.text(0)?, account: it.text(1)?, until: it.int(2)?, reason: it.text(3)? })
        };
        tx.rows(&sql, &[]).await?.iter().map(read).collect()
    }
}
