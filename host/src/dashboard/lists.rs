//! The lists: rows, webhooks, and what was refused, a page at a time.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{NUL, Refused, Replied};
use crate::db::{Record, args};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::snapshot::RowRecord;

/// How many rows a page of a list has.
pub(super) const PAGE: usize = 50;

/// The columns of a line of the journal, in the order in which [`line`] expects them.
pub(super) const LINE: &str = "seq, revision, at, kind, actor, effect, http_status, code, rules, transitions, failure, money, rules_version, digest";

impl Host {
    pub(super) async fn read_list(&self, list: &str, after: Option<&str>) -> Replied {
        // By the clock that says to a worker what is due.
        let time = self.time();
        let now = if time.is_of_server { time.started().to_owned() } else { time.local.to_string() };
        let (is_listed, column, is_descending) = match list {
            "inbox" => return self.read_inbox(after).await,
            "refused" => return self.read_refused(after).await,
            "due" => (format!("wake_at <= {now}"), "wake_at", false),
            "waiting" => (format!("wake_at > {now}"), "wake_at", false),
            "failing" => ("(failing > 0 OR tries > 0)".into(), "updated_at", false),
            "reviews" => ("reviews > 0".into(), "updated_at", false),
            "recent" => ("1 = 1".into(), "updated_at", true),
            _ => return Err(Refused::not_found("list")),
        };
        let (rows, next) = self.page(&is_listed, column, is_descending, &Cursor::read(after, is_descending)?).await?;
        Ok(json!({"rows": rows, "next": next}))
    }

    /// A page of the list of reviews, for the application.
    pub(crate) async fn review_rows(&self, after: Option<&str>) -> Result<(Vec<RowRecord>, Option<String>)> {
        let after = Cursor::read(after, false).map_err(|_| Error::input("after", "is no `next` of a page"))?;
        self.page("reviews > 0", "updated_at", false, &after).await
    }

    async fn page(
        &self,
        is_listed: &str,
        column: &str,
        is_descending: bool,
        Cursor(at, flow, key): &Cursor,
    ) -> Result<(Vec<RowRecord>, Option<String>)> {
        let (than, order) = if is_descending { ("<", " DESC") } else { (">", "") };
        let sql = format!(
            "SELECT {} FROM {}flows WHERE {is_listed} AND ({column} {than} $1 OR ({column} = $1 AND (flow, key) > ($2, $3))) \
             ORDER BY {column}{order}, flow, key LIMIT {}",
            RowRecord::COLUMNS,
            self.0.store.t,
            PAGE.saturating_add(1)
        );
        let mut rows = self.rows(&sql, args![*at, flow, key], RowRecord::read).await?;
        let next = cut(&mut rows, |it| {
            let at = if column == "wake_at" { it.wake_at } else { Some(it.updated_at) };
            json!([at, it.flow, it.key])
        });
        Ok((rows, next))
    }

    async fn read_inbox(&self, after: Option<&str>) -> Replied {
        let Cursor(at, id, _) = Cursor::read(after, false)?;
        let t = &self.0.store.t;
        let sql = format!(
            "SELECT id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error FROM {t}inbox \
             WHERE (received_at, id) > ($1, $2) ORDER BY received_at, id LIMIT {}",
            PAGE.saturating_add(1)
        );
        let mut own = self.begin_read().await?;
        let found = own.tx().rows(&sql, args![at, &id]).await?;
        let mut entries = found.iter().map(entry).collect::<Result<Vec<_>>>()?;
        let next = cut(&mut entries, |it| json!([it["received_at"], it["id"], ""]));
        for entry in &mut entries {
            let name = entry["id"].as_str().unwrap_or_default().to_owned();
            let kinds = self.0.store.kinds(&mut own.tx(), &name).await?;
            let sql = format!("SELECT id FROM {t}inbox_ids WHERE inbox = $1 ORDER BY id");
            let ids = own.tx().rows(&sql, args![&name]).await?;
            let ids = ids.iter().map(|it| Ok(shown_id(it.text(0)?, &kinds)));
            entry["ids"] = ids.collect::<Result<Vec<_>>>()?.into();
        }
        own.commit().await?;
        Ok(json!({"entries": entries, "next": next}))
    }

    /// The lines of commands that the library rejected and of requests that a provider refused, each with its row. A rejected command
    /// can have no row.
    async fn read_refused(&self, after: Option<&str>) -> Replied {
        let (at, flow, key, seq) = match after {
            None => (i64::MAX, String::new(), String::new(), 0),
            Some(after) => read_cursor::<(i64, String, String, i64)>(after, |it| [&it.1, &it.2])?,
        };
        let found = self.rows(&refused(&self.0.store.t), args![at, &flow, &key, seq], refusal).await;
        let mut refusals = found?;
        let next = cut(&mut refusals, |it| json!([it["at"], it["flow"], it["key"], it["seq"]]));
        Ok(json!({"refusals": refusals, "next": next}))
    }
}

/// Where the next page of a list begins: after this row.
struct Cursor(i64, String, String);

impl Cursor {
    fn read(after: Option<&str>, is_descending: bool) -> Result<Self, Refused> {
        let Some(after) = after else {
            let first = if is_descending { i64::MAX } else { i64::MIN };
            return Ok(Self(first, String::new(), String::new()));
        };
        let (at, flow, key) = read_cursor::<(i64, String, String)>(after, |it| [&it.1, &it.2])?;
        Ok(Self(at, flow, key))
    }
}

/// The place that a page's `next` names. `texts` are its texts, none of which can have a NUL.
fn read_cursor<C: DeserializeOwned>(after: &str, texts: fn(&C) -> [&String; 2]) -> Result<C, Refused> {
    let read = serde_json::from_str::<C>(after).ok();
    read.filter(|it| !texts(it).iter().any(|text| text.contains(NUL))).ok_or_else(|| Refused::bad("after"))
}

/// Cuts a list to one page. The result names its last row if there are more.
fn cut<T>(rows: &mut Vec<T>, cursor: impl Fn(&T) -> Value) -> Option<String> {
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    rows.last().filter(|_| has_more).map(|last| cursor(last).to_string())
}

fn entry(it: &Record) -> Result<Value> {
    Ok(json!({
        "id": it.text(0)?, "provider": it.text(1)?, "account": it.text(2)?, "deliveries": it.int(3)?, "origin": it.text(4)?,
        "topic": it.maybe_text(5)?, "received_at": it.int(6)?, "wake_at": it.maybe_int(7)?, "tries": it.int(8)?,
        "last_error": it.maybe_text(9)?,
    }))
}

/// A line of the journal.
pub(super) fn line(it: &Record) -> Result<Value> {
    let parsed =
        |column| Ok::<_, Error>(it.maybe_text(column)?.and_then(|text| serde_json::from_str::<Value>(&text).ok()));
    let array = |column| Ok::<_, Error>(parsed(column)?.unwrap_or_else(|| json!([])));
    Ok(json!({
        "seq": it.int(0)?, "revision": it.int(1)?, "at": it.int(2)?, "kind": it.text(3)?, "actor": it.maybe_text(4)?,
        "effect": it.maybe_text(5)?, "http_status": it.maybe_int(6)?, "code": it.maybe_text(7)?, "rules": array(8)?,
        "transitions": array(9)?, "failure": parsed(10)?, "money": array(11)?, "rules_version": it.text(12)?,
        "digest": it.text(13)?,
    }))
}

/// A line of the list `refused`: whose it is comes after its own columns.
fn refusal(it: &Record) -> Result<Value> {
    let mut shown = line(it)?;
    let whose = [(14, "flow"), (15, "key"), (16, "account"), (17, "reference")];
    if let Value::Object(members) = &mut shown {
        for (column, name) in whose {
            members.insert(name.into(), it.maybe_text(column)?.into());
        }
    }
    Ok(shown)
}

/// What the list `refused` reads. Its condition is that of the index `rulebound_journal_refused`, word for word.
pub(super) fn refused(t: &str) -> String {
    let of_row = |column: &str| format!("(SELECT {column} FROM {t}flows f WHERE f.flow = j.flow AND f.key = j.key)");
    format!(
        "SELECT {LINE}, flow, key, {}, {} FROM {t}journal j \
         WHERE (kind = 'rejected' OR failure LIKE '%\"kind\":\"refused\"%') \
         AND at <= $1 AND (at < $1 OR (flow, key, seq) > ($2, $3, $4)) ORDER BY at DESC, flow, key, seq LIMIT {}",
        of_row("account"),
        of_row("reference"),
        PAGE.saturating_add(1)
    )
}

/// An id that an entry names: `true` for a payment token, and for an id whose kind is not known, which can be one.
fn shown_id(id: String, kinds: &BTreeMap<String, String>) -> Value {
    match kinds.get(&id).map(String::as_str) {
        None | Some("payment_token") => true.into(),
        Some(_) => id.into(),
    }
}
