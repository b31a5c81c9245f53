//! The inbox: webhooks as they came, until every row that they concern has applied them.

use std::collections::BTreeMap;

use rulebound::{Fact, Headers, Origin, TypedId, WebhookIds, webhook_ids};
use sha2::{Digest, Sha256};

use crate::db::{Arg, Record, Tx, args};
use crate::error::Result;
use crate::snapshot::{Any, provider_of};
use crate::store::{Locked, Store, Time};

/// How many entries one visit reads.
pub(crate) const BATCH: usize = 50;
/// How long an entry rests that raised.
pub(crate) const HOUR_MS: i64 = 3_600_000;
/// How many unverified entries of one provider are kept.
const UNVERIFIED: i64 = 1_000;
/// How long an entry rests that a worker has taken.
const MINUTE_MS: i64 = 60_000;

/// A webhook as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) provider: String,
    pub(crate) account: String,
    pub(crate) deliveries: i64,
    pub(crate) origin: String,
    /// Tells it from other webhooks.
    pub(crate) digest: String,
    pub(crate) content_type: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) received_at: i64,
    /// Whether another row knows one of its ids too.
    pub(crate) is_shared: bool,
}

const COLUMNS: &str =
    "i.id, i.provider, i.account, i.deliveries, i.origin, i.content_type, i.topic, i.body, i.received_at, i.digest";

/// What came: headers, topic and body.
type Came<'a> = (&'a Headers<'a>, Option<&'a str>, &'a [u8]);

impl Entry {
    /// A webhook that came now, for the first time.
    pub(crate) fn new(provider: &str, account: &str, origin: &str, (headers, topic, body): Came<'_>, now: i64) -> Self {
        let content_type = headers.get("content-type").map(str::to_owned);
        Self {
            id: random_id(),
            provider: provider.into(),
            account: account.into(),
            deliveries: 1,
            origin: origin.into(),
            digest: digest_of(topic, content_type.as_deref(), body),
            content_type,
            topic: topic.map(str::to_owned),
            body: body.into(),
            received_at: now,
            is_shared: false,
        }
    }

    fn read(record: &Record) -> Result<Self> {
        Ok(Self {
            id: record.text(0)?,
            provider: record.text(1)?,
            account: record.text(2)?,
            deliveries: record.int(3)?,
            origin: record.text(4)?,
            content_type: record.maybe_text(5)?,
            topic: record.maybe_text(6)?,
            body: record.bytes(7)?,
            received_at: record.int(8)?,
            digest: record.text(9)?,
            is_shared: record.int(10)? > 0,
        })
    }

    /// The fact that a row observes.
    pub(crate) fn fact(&self) -> Fact<'_> {
        let origin = if self.is_verified() { Origin::Verified } else { Origin::Unverified };
        let (content_type, topic) =
            (self.content_type.as_deref().map(Into::into), self.topic.as_deref().map(Into::into));
        let provider = Some(self.provider.as_str().into());
        Fact::Webhook { body: self.body.as_slice().into(), content_type, topic, origin, provider }
    }

    /// The ids that it names, if this release of the library can read it.
    pub(crate) fn named(&self) -> Option<WebhookIds> {
        webhook_ids(&self.provider, &self.fact()).ok().filter(|it| it.unreadable.is_none())
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.origin == "verified"
    }
}

/// A row that knows an id of an entry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Address {
    pub(crate) flow: String,
    pub(crate) key: String,
}

impl Address {
    fn read(record: &Record) -> Result<Self> {
        Ok(Self { flow: record.text(0)?, key: record.text(1)? })
    }
}

/// What a visit has to know besides its row.
#[derive(Debug)]
pub(crate) struct Around {
    /// Whether the inbox has an entry that names an id of the row.
    pub(crate) has_entries: bool,
    /// The end and the reason of the account's pause.
    pub(crate) pause: Option<(i64, String)>,
}

impl Store {
    /// Asks in one statement whether the inbox has something for a row, and whether its account is paused: most visits find
    /// neither.
    pub(crate) async fn around(&self, tx: &mut Tx<'_>, row: &Locked, ids: &[TypedId]) -> Result<Around> {
        let t = &self.t;
        let places: Vec<_> = (3..).take(ids.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT (SELECT 1 FROM {t}inbox_ids i WHERE i.provider = $1 AND i.id IN ({}) LIMIT 1), p.until, p.reason \
             FROM (SELECT 1) AS one LEFT JOIN {t}pauses p ON p.provider = $1 AND p.account = $2",
            places.join(", ")
        );
        let first = args![provider_of(&row.flow), &row.account];
        let all: Vec<_> = first.iter().copied().chain(ids.iter().map(|it| Arg::Text(it.as_str()))).collect();
        let Some(found) = tx.row(&sql, &all).await? else { return Ok(Around { has_entries: false, pause: None }) };
        let pause = found.maybe_int(1)?.zip(found.maybe_text(2)?);
        Ok(Around { has_entries: found.maybe_int(0)?.is_some(), pause })
    }

    /// The entries that name an id of the row, the oldest first, after the entry of another visit: one more than a visit
    /// reads, if there are more.
    pub(crate) async fn entries(
        &self,
        tx: &mut Tx<'_>,
        row: &Locked,
        snapshot: &Any,
        after: (i64, &str),
    ) -> Result<Vec<Entry>> {
        let t = &self.t;
        let ids = snapshot.ids();
        let places: Vec<_> = (8..).take(ids.len()).map(|place| format!("${place}")).collect();
        let limit = BATCH.saturating_add(1);
        // An entry that raised is offered again when it is due: whoever takes it then lets it rest for a minute first.
        let resting = row.now.saturating_add(MINUTE_MS);
        let sql = format!(
            "SELECT {COLUMNS}, CAST((SELECT COUNT(*) FROM {t}inbox_ids y JOIN {t}ids o ON o.provider = y.provider AND o.id = y.id \
               JOIN {t}flows f ON f.flow = o.flow AND f.key = o.key \
               WHERE y.inbox = i.id AND (o.flow <> $2 OR o.key <> $3) AND (i.account = '' OR i.account = f.account)) AS bigint) \
             FROM {t}inbox i WHERE i.id IN (SELECT inbox FROM {t}inbox_ids WHERE provider = $1 AND id IN ({})) \
             AND (i.account = '' OR i.account = $4) AND (i.tries = 0 OR i.wake_at <= $5) \
             AND (i.received_at > $6 OR (i.received_at = $6 AND i.id > $7)) \
             ORDER BY i.received_at, i.id LIMIT {limit}",
            places.join(", ")
        );
        let first = args![provider_of(&row.flow), &row.flow, &row.key, &row.account, resting, after.0, after.1];
        let all: Vec<_> = first.iter().copied().chain(ids.iter().map(|it| Arg::Text(it.as_str()))).collect();
        tx.rows(&sql, &all).await?.iter().map(Entry::read).collect()
    }

    /// Stores a webhook, or counts its repetition. The result is the id of the entry.
    pub(crate) async fn receive(&self, tx: &mut Tx<'_>, entry: &Entry, ids: &[&str]) -> Result<String> {
        let t = &self.t;
        let sql = format!(
            "INSERT INTO {t}inbox (id, provider, account, digest, deliveries, origin, content_type, topic, body, received_at, wake_at, tries, last_error) \
             VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $9, 0, NULL) \
             ON CONFLICT (provider, account, digest) DO UPDATE SET deliveries = {t}inbox.deliveries + 1, wake_at = $9, tries = 0 RETURNING id"
        );
        // In PostgreSQL the table's own name has no schema in front here.
        let sql = match t.rsplit_once('.') {
            Some((_, bare)) => sql.replace(&format!("{t}inbox.deliveries"), &format!("{bare}inbox.deliveries")),
            None => sql,
        };
        let Entry { id, provider, account, digest, origin, content_type, topic, body, received_at, .. } = entry;
        let values = args![
            id,
            provider,
            account,
            digest,
            origin,
            content_type.as_deref(),
            topic.as_deref(),
            body.as_slice(),
            *received_at
        ];
        let stored = tx.row(&sql, values).await?.map(|it| it.text(0)).transpose()?;
        let stored = stored.unwrap_or_else(|| id.clone());
        self.add_entry_ids(tx, provider, &stored, ids).await?;
        Ok(stored)
    }

    /// Stores the ids that an entry names.
    async fn add_entry_ids(&self, tx: &mut Tx<'_>, provider: &str, entry: &str, ids: &[&str]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let t = &self.t;
        let places: Vec<_> = (3..).take(ids.len()).map(|place| format!("($1, ${place}, $2)")).collect();
        let sql = format!(
            "INSERT INTO {t}inbox_ids (provider, id, inbox) VALUES {} ON CONFLICT DO NOTHING",
            places.join(", ")
        );
        let all: Vec<_> = [provider, entry].into_iter().chain(ids.iter().copied()).map(Arg::from).collect();
        tx.run(&sql, &all).await.map(drop)
    }

    /// Makes each verified entry due that names no id so far, and that this release of the library can read. One that it reads as
    /// an event that no flow needs goes.
    pub(crate) async fn read_again(&self, tx: &mut Tx<'_>) -> Result<()> {
        let t = &self.t;
        let sql = format!(
            "SELECT {COLUMNS}, 0 FROM {t}inbox i WHERE i.origin = 'verified' \
             AND NOT EXISTS (SELECT 1 FROM {t}inbox_ids y WHERE y.inbox = i.id) ORDER BY i.received_at LIMIT 1000"
        );
        for record in tx.rows(&sql, args![]).await? {
            let entry = Entry::read(&record)?;
            let Some(WebhookIds { ids, .. }) = entry.named() else { continue };
            if ids.is_empty() {
                self.delete_entry(tx, &entry).await?;
                continue;
            }
            let ids: Vec<_> = ids.iter().map(TypedId::as_str).collect();
            self.add_entry_ids(tx, &entry.provider, &entry.id, &ids).await?;
            let sql = format!("UPDATE {t}inbox SET wake_at = received_at, tries = 0 WHERE id = $1");
            tx.run(&sql, args![&entry.id]).await?;
        }
        Ok(())
    }

    /// Deletes entries that came before this instant and that no row knows, and says whether there may be more.
    pub(crate) async fn prune_entries(&self, tx: &mut Tx<'_>, before: i64) -> Result<bool> {
        const MOST: usize = 100;
        let t = &self.t;
        let sql = format!(
            "SELECT {COLUMNS}, 0 FROM {t}inbox i WHERE i.received_at < $1 AND NOT EXISTS (SELECT 1 FROM {t}inbox_ids y \
             JOIN {t}ids o ON o.provider = y.provider AND o.id = y.id WHERE y.inbox = i.id) ORDER BY i.received_at LIMIT {MOST}"
        );
        let old = tx.rows(&sql, args![before]).await?;
        for record in &old {
            let entry = Entry::read(record)?;
            tracing::warn!(
                provider = entry.provider,
                entry = entry.id,
                "a webhook that no row knows was deleted, because it is old"
            );
            self.delete_entry(tx, &entry).await?;
        }
        Ok(old.len() == MOST)
    }

    /// The kind of each id that an entry names; nothing of an entry that is not readable.
    pub(crate) async fn kinds(&self, tx: &mut Tx<'_>, entry: &str) -> Result<BTreeMap<String, String>> {
        let sql = format!("SELECT {COLUMNS}, 0 FROM {}inbox i WHERE i.id = $1", self.t);
        let Some(record) = tx.row(&sql, args![entry]).await? else { return Ok(BTreeMap::new()) };
        let named = Entry::read(&record)?.named().map_or_else(Vec::new, |it| it.ids);
        Ok(named.iter().map(|it| (it.as_str().to_owned(), it.kind().to_owned())).collect())
    }

    /// The rows that know an id of the entry.
    pub(crate) async fn concerned(&self, tx: &mut Tx<'_>, entry: &str, account: &str) -> Result<Vec<Address>> {
        let t = &self.t;
        let sql = format!(
            "SELECT DISTINCT o.flow, o.key FROM {t}inbox_ids y JOIN {t}ids o ON o.provider = y.provider AND o.id = y.id \
             JOIN {t}flows f ON f.flow = o.flow AND f.key = o.key WHERE y.inbox = $1 AND ($2 = '' OR f.account = $2) ORDER BY o.flow, o.key"
        );
        tx.rows(&sql, args![entry, account]).await?.iter().map(Address::read).collect()
    }

    /// The rows that know one of these ids.
    pub(crate) async fn knowing(&self, tx: &mut Tx<'_>, provider: &str, ids: &[TypedId]) -> Result<Vec<Address>> {
        let t = &self.t;
        let places: Vec<_> = (2..).take(ids.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT DISTINCT o.flow, o.key FROM {t}ids o JOIN {t}flows f ON f.flow = o.flow AND f.key = o.key \
             WHERE o.provider = $1 AND o.id IN ({}) ORDER BY o.flow, o.key",
            places.join(", ")
        );
        let all: Vec<_> = [provider].into_iter().chain(ids.iter().map(TypedId::as_str)).map(Arg::from).collect();
        tx.rows(&sql, &all).await?.iter().map(Address::read).collect()
    }

    /// Deletes an entry, unless it was delivered again since it was read.
    pub(crate) async fn delete_entry(&self, tx: &mut Tx<'_>, entry: &Entry) -> Result<()> {
        let t = &self.t;
        let sql = format!("DELETE FROM {t}inbox WHERE id = $1 AND deliveries = $2");
        if tx.run(&sql, args![&entry.id, entry.deliveries]).await? == 1 {
            tx.run(&format!("DELETE FROM {t}inbox_ids WHERE inbox = $1"), args![&entry.id]).await?;
        }
        Ok(())
    }

    /// Notes that an entry raised: it rests for an hour.
    pub(crate) async fn fail_entry(&self, tx: &mut Tx<'_>, entry: &Entry, class: &str, now: i64) -> Result<()> {
        let t = &self.t;
        let sql = format!("UPDATE {t}inbox SET tries = tries + 1, last_error = $1, wake_at = $2 WHERE id = $3");
        tx.run(&sql, args![class, now.saturating_add(HOUR_MS), &entry.id]).await.map(drop)
    }

    /// Sets when an entry is correlated again.
    pub(crate) async fn rest_entry(&self, tx: &mut Tx<'_>, id: &str, wake_at: Option<i64>) -> Result<()> {
        let t = &self.t;
        tx.run(&format!("UPDATE {t}inbox SET wake_at = $1 WHERE id = $2"), args![wake_at, id]).await.map(drop)
    }

    /// Takes the entry that is due for the longest time, and lets it rest for a minute, so that no other worker takes it.
    pub(crate) async fn take_entry(
        &self,
        tx: &mut Tx<'_>,
        time: Time,
        is_postgres: bool,
    ) -> Result<Option<(Entry, i64)>> {
        let (t, now, started) = (&self.t, time.now(), time.started());
        let lock = if is_postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "SELECT {COLUMNS}, 0, {now} FROM {t}inbox i WHERE i.wake_at <= {started} ORDER BY i.wake_at LIMIT 1{lock}"
        );
        let Some(record) = tx.row(&sql, args![time.local]).await? else { return Ok(None) };
        let (entry, now) = (Entry::read(&record)?, record.int(11)?);
        self.rest_entry(tx, &entry.id, Some(now.saturating_add(MINUTE_MS))).await?;
        Ok(Some((entry, now)))
    }

    /// Whether an entry is due, without a lock.
    pub(crate) async fn is_entry_due(&self, tx: &mut Tx<'_>, time: Time) -> Result<bool> {
        let (t, started) = (&self.t, time.started());
        let sql = format!("SELECT 1 FROM {t}inbox WHERE wake_at <= {started} LIMIT 1");
        Ok(tx.row(&sql, args![time.local]).await?.is_some())
    }

    /// Whether so many unverified entries of a provider are kept that one more is dropped, which no row knows.
    pub(crate) async fn is_hint_too_many(&self, tx: &mut Tx<'_>, provider: &str, ids: &[&str]) -> Result<bool> {
        let t = &self.t;
        let sql = format!("SELECT COUNT(*) FROM {t}inbox WHERE provider = $1 AND origin = 'unverified'");
        let kept = tx.row(&sql, args![provider]).await?.map_or(Ok(0), |it| it.int(0))?;
        if kept < UNVERIFIED || ids.is_empty() {
            return Ok(kept >= UNVERIFIED);
        }
        let places: Vec<_> = (2..).take(ids.len()).map(|place| format!("${place}")).collect();
        let sql = format!("SELECT 1 FROM {t}ids WHERE provider = $1 AND id IN ({}) LIMIT 1", places.join(", "));
        let all: Vec<_> = [provider].into_iter().chain(ids.iter().copied()).map(Arg::from).collect();
        Ok(tx.row(&sql, &all).await?.is_none())
    }
}

/// Tells a webhook that came before from another one: topic, content type and body, each after a line break.
fn digest_of(topic: Option<&str>, content_type: Option<&str>, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [topic, content_type] {
        hash.update(part.unwrap_or_default().as_bytes());
        hash.update(b"\n");
    }
    hash.update(body);
    hex::encode(hash.finalize())
}

fn random_id() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        // Without randomness the time is unique enough: a clash is an error of the database, and the provider sends again.
        Err(_) => format!("{:?}", std::time::SystemTime::now()),
    }
}
