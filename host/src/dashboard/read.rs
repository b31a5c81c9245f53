//! What a person can look at: lists, one row with its journal, a search, and the gauges.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Access, NUL, Refused, Replied};
use crate::db::{Arg, Record, Tx, args};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::reviews::RowRecord;

/// How many rows a page of a list has.
const PAGE: usize = 50;
/// How many lines of the journal a reply has.
const LINES: usize = 200;

const ROW: &str =
    "flow, key, account, reference, revision, wake_at, reviews, failing, tries, last_error, created_at, updated_at";

impl Host {
    pub(super) async fn read(&self, name: &str, access: Access, query: &str) -> Replied {
        match name.strip_prefix("lists/") {
            Some("inbox") => return self.read_inbox(parameter(query, "after").as_deref()).await,
            Some(list) => return self.read_list(list, parameter(query, "after").as_deref()).await,
            None => {}
        }
        match name {
            "search" => Ok(json!({"rows": self.search(&parameter(query, "q").unwrap_or_default()).await?})),
            "row" => self.read_row(query).await,
            "stats" => {
                let pauses = self.pauses().await?.into_iter();
                let pauses: Vec<_> = pauses
                    .map(|it| json!({"provider": it.provider, "account": it.account, "until": it.until, "reason": it.reason}))
                    .collect();
                let access = if access == Access::All { "all" } else { "read_only" };
                Ok(
                    json!({"gauges": self.stats().await?, "access": access, "now": self.0.hooks.now(), "pauses": pauses}),
                )
            }
            _ => Err(Refused::not_found("path")),
        }
    }

    async fn read_list(&self, list: &str, after: Option<&str>) -> Replied {
        let now = self.0.hooks.now();
        let (is_listed, column, is_descending) = match list {
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
            "SELECT {ROW} FROM {}flows WHERE {is_listed} AND ({column} {than} $1 OR ({column} = $1 AND (flow, key) > ($2, $3))) \
             ORDER BY {column}{order}, flow, key LIMIT {}",
            self.0.store.t,
            PAGE.saturating_add(1)
        );
        let mut rows = self.rows(&sql, args![*at, flow, key], row).await?;
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

    async fn search(&self, wanted: &str) -> Result<Vec<RowRecord>, Refused> {
        if wanted.is_empty() || wanted.contains(NUL) {
            return Ok(Vec::new());
        }
        let t = &self.0.store.t;
        // The prefix is a range of code points, so that no character is special and case counts, whatever the database's collation is.
        let it = if self.0.database.is_postgres() { "reference COLLATE \"C\"" } else { "reference" };
        let sql = format!(
            "SELECT {ROW} FROM {t}flows WHERE key = $1 OR ({it} >= $1 AND {it} < $2) OR (flow, key) IN (SELECT flow, key FROM {t}ids WHERE id = $1) \
             ORDER BY updated_at DESC, flow, key LIMIT {PAGE}"
        );
        Ok(self.rows(&sql, args![wanted, &format!("{wanted}\u{10ffff}")], row).await?)
    }

    async fn read_row(&self, query: &str) -> Replied {
        let named = |name: &str| parameter(query, name).filter(|it| !it.is_empty()).ok_or_else(|| Refused::bad(name));
        let (flow, key) = (named("flow")?, named("key")?);
        let before = match parameter(query, "before") {
            None => i64::MAX,
            Some(text) => text.parse().map_err(|_| Refused::bad("before"))?,
        };
        let shown = self.shown(&flow, &key).await?;
        let (status, effects, waits, actions, ids) = match self.get_any(&flow, &key).await {
            Ok(Some(row)) => {
                let status = serde_json::from_str(&row.status().json).unwrap_or_default();
                (
                    status,
                    json!(row.effects()),
                    json!(row.waiting_for()),
                    json!(row.actions()),
                    json!(row.snapshot.ids()),
                )
            }
            Ok(None) => return Err(Refused::not_found("row")),
            // Its journal can still be looked at. Its ids have no kinds here, and one of them can be a token.
            Err(Error::Core(_) | Error::Account { .. } | Error::Config { .. } | Error::Input { .. }) => {
                (Value::Null, json!([]), json!([]), json!([]), json!([]))
            }
            Err(error) => return Err(error.into()),
        };
        let sql = format!(
            "SELECT seq, revision, at, kind, actor, effect, http_status, code, rules, transitions, failure, rules_version, digest \
             FROM {}journal WHERE flow = $1 AND key = $2 AND seq < $3 ORDER BY seq DESC LIMIT {LINES}",
            self.0.store.t
        );
        let journal = self.rows(&sql, args![&flow, &key, before], line).await?;
        let mut reply = json!({
            "row": shown, "status": status, "effects": effects, "waiting_for": waits, "actions": actions, "ids": ids, "journal": journal
        });
        hide_secrets(&mut reply);
        Ok(reply)
    }

    /// A row as lists show it.
    pub(super) async fn shown(&self, flow: &str, key: &str) -> Result<RowRecord, Refused> {
        if [flow, key].iter().any(|it| it.contains(NUL)) {
            return Err(Refused::not_found("row"));
        }
        let sql = format!("SELECT {ROW} FROM {}flows WHERE flow = $1 AND key = $2", self.0.store.t);
        self.rows(&sql, args![flow, key], row).await?.into_iter().next().ok_or_else(|| Refused::not_found("row"))
    }

    async fn rows<T>(&self, sql: &str, args: &[Arg<'_>], read: fn(&Record) -> Result<T>) -> Result<Vec<T>> {
        let mut own = self.begin_read().await?;
        let mut tx: Tx<'_> = own.tx();
        let rows = tx.rows(sql, args).await?.iter().map(read).collect();
        own.commit().await?;
        rows
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
        match serde_json::from_str::<(i64, String, String)>(after) {
            Ok((at, flow, key)) if ![&flow, &key].iter().any(|it| it.contains(NUL)) => Ok(Self(at, flow, key)),
            _ => Err(Refused::bad("after")),
        }
    }
}

/// Cuts a list to one page. The result names its last row if there are more.
fn cut<T>(rows: &mut Vec<T>, cursor: impl Fn(&T) -> Value) -> Option<String> {
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    rows.last().filter(|_| has_more).map(|last| cursor(last).to_string())
}

fn row(it: &Record) -> Result<RowRecord> {
    Ok(RowRecord {
        flow: it.text(0)?,
        key: it.text(1)?,
        account: it.text(2)?,
        reference: it.maybe_text(3)?,
        revision: it.int(4)?,
        wake_at: it.maybe_int(5)?,
        reviews: it.int(6)?,
        failing: it.int(7)?,
        tries: it.int(8)?,
        last_error: it.maybe_text(9)?,
        created_at: it.int(10)?,
        updated_at: it.int(11)?,
    })
}

fn entry(it: &Record) -> Result<Value> {
    Ok(json!({
        "id": it.text(0)?, "provider": it.text(1)?, "account": it.text(2)?, "deliveries": it.int(3)?, "origin": it.text(4)?,
        "topic": it.maybe_text(5)?, "received_at": it.int(6)?, "wake_at": it.maybe_int(7)?, "tries": it.int(8)?,
        "last_error": it.maybe_text(9)?,
    }))
}

fn line(it: &Record) -> Result<Value> {
    let parsed =
        |column| Ok::<_, Error>(it.maybe_text(column)?.and_then(|text| serde_json::from_str::<Value>(&text).ok()));
    Ok(json!({
        "seq": it.int(0)?, "revision": it.int(1)?, "at": it.int(2)?, "kind": it.text(3)?, "actor": it.maybe_text(4)?,
        "effect": it.maybe_text(5)?, "http_status": it.maybe_int(6)?, "code": it.maybe_text(7)?,
        "rules": parsed(8)?.unwrap_or_else(|| json!([])), "transitions": parsed(9)?.unwrap_or_else(|| json!([])),
        "failure": parsed(10)?, "rules_version": it.text(11)?, "digest": it.text(12)?,
    }))
}

/// An id that an entry names: `true` for a payment token, and for an id whose kind is not known, which can be one.
fn shown_id(id: String, kinds: &BTreeMap<String, String>) -> Value {
    match kinds.get(&id).map(String::as_str) {
        None | Some("payment_token") => true.into(),
        Some(_) => id.into(),
    }
}

/// Puts `true` in place of each customer's URL and each payment token, at any depth.
fn hide_secrets(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_token = members.get("kind").and_then(Value::as_str) == Some("payment_token");
            for (name, member) in members.iter_mut() {
                match name.as_str() {
                    "id" if is_token => *member = true.into(),
                    "customer_url" | "payment_token" if !member.is_null() => *member = true.into(),
                    _ => hide_secrets(member),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(hide_secrets),
        _ => {}
    }
}

/// A parameter of a query string, decoded.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|it| it.split_once('='));
    pairs.filter(|(it, _)| decoded(it) == name).map(|(_, value)| decoded(value)).next()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |it: Option<u8>| it.and_then(|it| char::from(it).to_digit(16)).and_then(|it| u8::try_from(it).ok());
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.push(high << 4 | low),
                _ => bytes.push(b'%'),
            },
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
