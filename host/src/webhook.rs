//! Webhooks: stored as they came and acknowledged, then correlated with the rows that know their ids.

use std::sync::atomic::Ordering;

use rulebound::fact::LARGEST_BODY;
use rulebound::revup::callback::Callback;
use rulebound::{Fact, Headers, NotAuthentic, Origin, Secret, WebhookOptions, read_webhook, read_webhook_with};
use subtle::ConstantTimeEq;

use crate::db::Tx;
use crate::error::{Error, Result};
use crate::host::{Host, at};
use crate::inbox::{Entry, HOUR_MS};
use crate::provider::signs;
use crate::visit::{Brought, Visited, Which};

/// A webhook as your web framework received it: the raw body, and the parts of its URL.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Delivery<'a> {
    /// The account in the URL; empty if there is none.
    pub account: &'a str,
    /// The last part of the URL of a provider that does not sign.
    pub token: Option<&'a str>,
    /// What only the URL or a header says about the webhook, such as the event's name.
    pub topic: Option<&'a str>,
}

impl<'a> Delivery<'a> {
    /// A delivery to the provider's own address.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the account.
    #[must_use]
    pub const fn account(self, account: &'a str) -> Self {
        Self { account, ..self }
    }

    /// Sets the token.
    #[must_use]
    pub const fn token(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Sets the topic.
    #[must_use]
    pub const fn topic(self, topic: &'a str) -> Self {
        Self { topic: Some(topic), ..self }
    }
}

impl Host {
    /// Verifies and stores a webhook, and wakes the rows that it concerns. The result is the HTTP status to reply with.
    ///
    /// Pass the raw body. Do not read more than 1 MiB of it: one byte more is enough for the 413.
    pub async fn webhook(&self, provider: &str, headers: &Headers<'_>, body: &[u8], delivery: Delivery<'_>) -> u16 {
        match self.receive(provider, headers, body, delivery).await {
            Ok(status) => status,
            Err(error) => {
                tracing::error!(provider, class = error.class(), %error, "a webhook was not stored");
                503
            }
        }
    }

    /// What the callback says that a customer's browser has brought to your page, such as Revup's. It proves nothing: the rows that
    /// know its ids look at the provider. It is no webhook, because its address is in the browser, and so it has no token.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] if the provider has no callbacks, or if `body` is none: reply with 400.
    pub async fn callback(&self, provider: &str, body: &[u8]) -> Result<Callback> {
        self.0.accounts.provider(provider)?;
        if provider != rulebound::revup::PROVIDER.name {
            let reason = format!(
                "is `{provider}`, which has no callbacks: when the browser comes back, call `customer_returned`"
            );
            return Err(Error::input("provider", reason));
        }
        let found = Some(body).filter(|it| it.len() <= LARGEST_BODY).and_then(Callback::read);
        let callback = found.ok_or_else(|| Error::input("body", "is not a callback of Revup: reply with 400"))?;
        if let Err(error) = self.hint(provider, body).await {
            // Without the hint a row looks later; what the callback says comes only once.
            tracing::warn!(provider, class = error.class(), %error, "a callback did not reach its rows");
        }
        Ok(callback)
    }

    /// Brings a callback to the rows that know one of its ids.
    async fn hint(&self, provider: &str, body: &[u8]) -> Result<()> {
        let received = read_webhook(provider, &[], &Headers::default(), body, at(self.0.hooks.now()));
        let received = received.map_err(|error| Error::input("body", error.to_string()))?;
        let mut own = self.begin_read().await?;
        let rows = self.0.store.knowing(&mut own.tx(), provider, &received.ids).await?;
        own.commit().await?;
        let brought = Brought::new(received.fact.into_owned(), "customer");
        for row in &rows {
            self.bring(row, &brought).await?;
        }
        self.wake();
        Ok(())
    }

    /// Whether the address of this provider ends with a token.
    #[cfg(feature = "axum")]
    pub(crate) fn has_token(&self, provider: &str) -> bool {
        self.0.accounts.provider(provider).is_ok_and(|it| it.webhook_token.is_some())
    }

    async fn receive(&self, provider: &str, headers: &Headers<'_>, body: &[u8], delivery: Delivery<'_>) -> Result<u16> {
        if body.len() > LARGEST_BODY {
            return Ok(413);
        }
        let Some(secrets) = self.secrets(provider, delivery).await? else { return Ok(404) };
        let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
        let mut options = WebhookOptions::default();
        if let Some(topic) = delivery.topic {
            options = options.topic(topic);
        }
        let now = self.0.hooks.now();
        let received = match read_webhook_with(provider, &secrets, headers, body, at(now), &options) {
            Ok(received) => received,
            Err(error) => return Ok(self.refused(provider, &error)),
        };
        let is_verified = matches!(received.fact, Fact::Webhook { origin: Origin::Verified, .. });
        match &received.unreadable {
            Some(why) => {
                tracing::warn!(provider, why, "a webhook is not readable");
                if !is_verified {
                    return Ok(400);
                }
            }
            // No row can ever take it: a row is found by an id.
            None if received.ids.is_empty() => {
                let topic = delivery.topic;
                tracing::info!(provider, topic, "a webhook that no flow needs was acknowledged and dropped");
                return Ok(received.acknowledge_with);
            }
            None => {}
        }
        let origin = if is_verified { "verified" } else { "unverified" };
        let entry = Entry::new(provider, delivery.account, origin, (headers, delivery.topic, body), now);
        let ids: Vec<_> = received.ids.iter().map(|it| it.as_str()).collect();
        self.keep(&entry, &ids).await?;
        Ok(received.acknowledge_with)
    }

    /// The status for a webhook that is not authentic. That there is no secret is said once of each provider.
    fn refused(&self, provider: &str, error: &NotAuthentic) -> u16 {
        match error {
            NotAuthentic::UnknownProvider => return 404,
            NotAuthentic::NoSecret => {
                if self.0.accounts.is_first_without_secret(provider) {
                    let cure = "give the provider its `webhook_secret`, or let it send no webhooks";
                    tracing::warn!(provider, cure, "no webhook of this provider can be authentic");
                }
            }
            error => tracing::warn!(provider, %error, "a webhook is not authentic"),
        }
        401
    }

    /// Stores an entry, unless it is a hint too many, and wakes the rows that it concerns.
    async fn keep(&self, entry: &Entry, ids: &[&str]) -> Result<()> {
        let Some(stored) = self.store_entry(entry, ids).await? else { return Ok(()) };
        self.0.hooks.checkpoint("stored").await;
        if self.0.database.is_postgres()
            && let Err(error) = self.wake_later(&stored, entry).await
        {
            // The entry is due by itself, so that a worker does it.
            tracing::warn!(provider = entry.provider, class = error.class(), "the rows of a webhook are woken later");
        }
        self.0.hooks.checkpoint("correlated").await;
        self.wake();
        Ok(())
    }

    /// The secrets that a webhook to this address is checked with; nothing if there is no such address.
    async fn secrets(&self, provider: &str, delivery: Delivery<'_>) -> Result<Option<Vec<String>>> {
        let accounts = &self.0.accounts;
        let Ok(known) = accounts.provider(provider) else { return Ok(None) };
        let is_right = match (&known.webhook_token, delivery.token) {
            (Some(token), Some(given)) => token.as_bytes().ct_eq(given.as_bytes()).into(),
            (None, None) => signs(provider),
            _ => false,
        };
        if !is_right || (!delivery.account.is_empty() && !known.has_accounts()) {
            return Ok(None);
        }
        match accounts.secrets(provider, delivery.account).await {
            Ok(secrets) => Ok(Some(secrets)),
            Err(Error::Account { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores the entry; nothing if it is a hint too many, which may be dropped.
    async fn store_entry(&self, entry: &Entry, ids: &[&str]) -> Result<Option<String>> {
        let mut own = self.begin().await?;
        let store = &self.0.store;
        if !entry.is_verified() && store.is_hint_too_many(&mut own.tx(), &entry.provider, ids).await? {
            tracing::warn!(provider = entry.provider, "an unverified webhook was dropped: too many are kept");
            own.rollback().await?;
            return Ok(None);
        }
        let id = store.receive(&mut own.tx(), entry, ids).await?;
        if !self.0.database.is_postgres() {
            // SQLite has one writer: no row can learn an id beside this transaction, so that one commit is enough.
            self.wake_concerned(&mut own.tx(), &id, entry).await?;
        }
        own.commit().await?;
        Ok(Some(id))
    }

    /// Makes rows due in a transaction after the entry's: it sees the ids that a row stored meanwhile.
    async fn wake_later(&self, id: &str, entry: &Entry) -> Result<()> {
        let mut own = self.begin().await?;
        self.wake_concerned(&mut own.tx(), id, entry).await?;
        own.commit().await
    }

    /// Makes each row due that knows an id of the entry, under its lock. A row that is locked now is left to a worker.
    async fn wake_concerned(&self, tx: &mut Tx<'_>, id: &str, entry: &Entry) -> Result<()> {
        let store = &self.0.store;
        let rows = store.concerned(tx, id, &entry.account).await?;
        let mut is_awake = true;
        for row in &rows {
            is_awake &= store.wake(tx, &row.flow, &row.key, entry.received_at).await?;
        }
        let wake_at = match rows.len() {
            0 if entry.is_verified() => None,
            0 => Some(entry.received_at.saturating_add(HOUR_MS)),
            1 if is_awake => None,
            // A worker offers it to each row in a transaction of its own, and then deletes it.
            _ => Some(entry.received_at),
        };
        store.rest_entry(tx, id, wake_at).await
    }

    /// Whether it is worth a lock to look for a due entry. SQLite has one lock for all, so that a worker looks without it first.
    async fn may_have_due_entry(&self) -> Result<bool> {
        if self.0.database.is_postgres() {
            return Ok(true);
        }
        let mut own = self.begin_read().await?;
        let is_due = self.0.store.is_entry_due(&mut own.tx(), self.time()).await?;
        own.commit().await?;
        Ok(is_due)
    }

    /// Correlates an entry that is due: it visits each row that knows an id of it. Whether there was one.
    pub(crate) async fn correlate_due(&self) -> Result<bool> {
        let (store, time) = (&self.0.store, self.time());
        let reads_again = !self.0.has_read_again.load(Ordering::Relaxed);
        if !reads_again && !self.may_have_due_entry().await? {
            return Ok(false);
        }
        let mut own = self.begin().await?;
        if reads_again {
            store.read_again(&mut own.tx()).await?;
        }
        let Some((entry, now)) = store.take_entry(&mut own.tx(), time, self.0.database.is_postgres()).await? else {
            match reads_again {
                true => own.commit().await?,
                false => own.rollback().await?,
            }
            self.0.has_read_again.store(true, Ordering::Relaxed);
            return Ok(false);
        };
        let rows = store.concerned(&mut own.tx(), &entry.id, &entry.account).await?;
        own.commit().await?;
        self.0.has_read_again.store(true, Ordering::Relaxed);
        let mut is_waited_for = false;
        for row in &rows {
            match self.visit(Which::Row(row), None, false).await? {
                Visited::Nothing => {}
                Visited::Failed => is_waited_for = true,
                Visited::Saved(saved) => is_waited_for |= saved.early.contains(&entry.id),
            }
        }
        let mut own = self.begin().await?;
        let ends_at = entry.received_at.saturating_add(HOUR_MS);
        match entry.is_verified() || ends_at > now {
            // Only a row that learns an id can apply it.
            _ if is_waited_for => store.rest_entry(&mut own.tx(), &entry.id, None).await?,
            false => store.delete_entry(&mut own.tx(), &entry).await?,
            true if !rows.is_empty() => store.delete_entry(&mut own.tx(), &entry).await?,
            true => {
                let wake_at = (!entry.is_verified()).then_some(ends_at);
                store.rest_entry(&mut own.tx(), &entry.id, wake_at).await?;
            }
        }
        own.commit().await?;
        Ok(true)
    }
}
