//! The journal: every request to a provider, with the rule that a refused one broke.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::http::{HttpReply, HttpRequest};
use crate::time::{Millis, iso};

/// How many entries a world keeps.
const MAX_ENTRIES: usize = 2_000;
/// How many bytes of bodies a world keeps.
const MAX_BYTES: usize = 8 << 20;
/// How many bytes of one body are kept.
const MAX_TEXT: usize = 16 << 10;

/// The members of an entry.
const MEMBERS: [&str; 16] = [
    "n",
    "at",
    "provider",
    "operation",
    "account",
    "method",
    "path",
    "query",
    "body",
    "status",
    "reply",
    "source",
    "fidelity",
    "why_inferred",
    "broke",
    "fault",
];

/// The newest requests of a world.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<(usize, Value)>,
    bytes: usize,
    count: u64,
}

/// One request and what became of it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) at: Millis,
    pub(crate) provider: &'a str,
    pub(crate) operation: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) request: &'a HttpRequest,
    /// What was sent or, of a lost reply, what would have been sent.
    pub(crate) reply: &'a HttpReply,
    pub(crate) source: &'a str,
    pub(crate) fidelity: &'a str,
    pub(crate) why_inferred: Option<&'a str>,
    pub(crate) broke: Value,
    pub(crate) fault: Option<&'a str>,
}

impl Journal {
    pub(crate) fn write(&mut self, entry: &Entry<'_>) {
        self.count = self.count.saturating_add(1);
        let value = json!({
            "n": self.count,
            "at": iso(entry.at),
            "provider": entry.provider,
            "operation": entry.operation,
            "account": entry.account,
            "method": entry.request.method,
            "path": entry.request.path,
            "query": entry.request.query,
            "body": shown(&entry.request.body),
            "status": entry.reply.status,
            "reply": shown(&entry.reply.body),
            "source": entry.source,
            "fidelity": entry.fidelity,
            "why_inferred": entry.why_inferred,
            "broke": entry.broke,
            "fault": entry.fault,
        });
        let size = value.to_string().len();
        self.bytes = self.bytes.saturating_add(size);
        self.entries.push_back((size, value));
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some((size, _)) = self.entries.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(size);
        }
    }

    /// The entries whose members have the wanted texts, the oldest first.
    pub(crate) fn read(&self, wanted: &[(String, String)]) -> Result<Value, String> {
        let unknown = wanted.iter().find(|(name, _)| name != "refused" && !MEMBERS.contains(&name.as_str()));
        if let Some((name, _)) = unknown {
            return Err(format!("An entry has no `{name}`. Filter by refused, {}.", MEMBERS.join(", ")));
        }
        if wanted.iter().any(|(name, value)| name == "refused" && value != "true" && value != "false") {
            return Err("`refused` must be true or false.".into());
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let fits = |entry: &&Value| {
            wanted.iter().all(|(name, wanted)| match name.as_str() {
                "refused" => entry["broke"].is_null() != (wanted == "true"),
                _ => entry.get(name).is_some_and(|it| text(it) == *wanted),
            })
        };
        let entries: Vec<&Value> = self.entries.iter().map(|(_, entry)| entry).filter(fits).collect();
        Ok(json!({"requests": entries, "count": self.count}))
    }
}

/// A body as JSON if it is JSON, and as text otherwise.
fn shown(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    if body.len() > MAX_TEXT {
        let head = body.get(..MAX_TEXT).unwrap_or_default();
        return json!(format!("{}… ({} bytes)", String::from_utf8_lossy(head), body.len()));
    }
    let text = || json!(String::from_utf8_lossy(body));
    serde_json::from_slice(body).unwrap_or_else(|_| text())
}
