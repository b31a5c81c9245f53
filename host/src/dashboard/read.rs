//! What a person can look at: one row with its journal, a search, and the gauges. The lists are in `lists.rs`.

use serde_json::{Value, json};

use super::lists::{LINE, PAGE, line};
use super::{Access, NUL, Refused, Replied};
use crate::db::{Arg, Record, Tx, args};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::snapshot::RowRecord;

/// How many lines of the journal a reply has.
const LINES: usize = 200;

impl Host {
    pub(super) async fn read(&self, name: &str, access: Access, query: &str) -> Replied {
        if let Some(list) = name.strip_prefix("lists/") {
            return self.read_list(list, parameter(query, "after").as_deref()).await;
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

    pub(super) async fn search(&self, wanted: &str) -> Result<Vec<RowRecord>, Refused> {
        if wanted.is_empty() || wanted.contains(NUL) {
            return Ok(Vec::new());
        }
        let end = format!("{wanted}\u{10ffff}");
        Ok(self.rows(&searched(&self.0.store.t), args![wanted, &end], RowRecord::read).await?)
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
            "SELECT {LINE} FROM {}journal WHERE flow = $1 AND key = $2 AND seq < $3 ORDER BY seq DESC LIMIT {LINES}",
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
        let sql = format!("SELECT {} FROM {}flows WHERE flow = $1 AND key = $2", RowRecord::COLUMNS, self.0.store.t);
        self.rows(&sql, args![flow, key], RowRecord::read)
            .await?
            .into_iter()
            .next()
            .ok_or_else(|| Refused::not_found("row"))
    }

    pub(super) async fn rows<T>(&self, sql: &str, args: &[Arg<'_>], read: fn(&Record) -> Result<T>) -> Result<Vec<T>> {
        let mut own = self.begin_read().await?;
        let mut tx: Tx<'_> = own.tx();
        let rows = tx.rows(sql, args).await?.iter().map(read).collect();
        own.commit().await?;
        rows
    }
}

/// The search: by key, by reference or its beginning, and by id. Each is a query of its own, because PostgreSQL finds no index for
/// one query with OR. The beginning is a range of code points: no character is special, and case counts.
pub(super) fn searched(t: &str) -> String {
    let rows = format!("SELECT {} FROM {t}flows WHERE", RowRecord::COLUMNS);
    format!(
        "{rows} key = $1 UNION {rows} reference >= $1 AND reference < $2 \
         UNION {rows} (flow, key) IN (SELECT flow, key FROM {t}ids WHERE id = $1) ORDER BY updated_at DESC, flow, key LIMIT {PAGE}"
    )
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
