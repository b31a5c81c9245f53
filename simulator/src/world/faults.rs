//! Deterministic faults: what goes wrong, at which request.

use serde_json::{Value, json};

use super::chaos::Chaos;
use super::options::only;

/// Everything that a fault can do.
pub(crate) const KINDS: &[&str] = &[
    "commit_then_drop",
    "drop_before_commit",
    "webhook_before_reply",
    "webhook_twice",
    "webhook_never",
    "webhook_after_a_day",
    "error_after_commit",
    "truncated_json",
    "html_200",
    "in_progress_409",
    "unauthorized_401",
    "too_many_requests_429",
    "slow",
];

/// The faults of a world, in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<Fault>,
    chaos: Option<Chaos>,
}

#[derive(Debug, Clone)]
pub(crate) struct Fault {
    matches: Value,
    what: &'static str,
    /// The number of the first match that the fault strikes, from 1.
    first: u64,
    times: u64,
    seen: u64,
    struck: u64,
    options: Value,
}

impl Fault {
    fn read(value: &Value) -> Result<Self, String> {
        let what = value["do"].as_str().unwrap_or_default();
        let Some(what) = KINDS.iter().copied().find(|kind| *kind == what) else {
            return Err(format!("`do` must be one of {}.", KINDS.join(", ")));
        };
        only(value, &["match", "do", "times", "commit", "ms", "bytes", "status"], "A fault")?;
        let matches = value["match"].clone();
        if !matches.is_object() {
            return Err("`match` must be an object, such as {\"operation\": \"create_payment_session\"}.".into());
        }
        only(&matches, &["provider", "operation", "event", "nth", "body"], "`match`")?;
        let whole = [("times", value), ("nth", &matches), ("ms", value), ("bytes", value), ("status", value)];
        if let Some((name, _)) = whole.iter().find(|(name, of)| !of[*name].is_null() && !of[*name].is_u64()) {
            return Err(format!("`{name}` must be a whole number, 0 or more."));
        }
        let webhook = is_webhook(what);
        if webhook != matches["event"].is_string() {
            let needs = if webhook { "must name an `event`" } else { "cannot name an `event`" };
            return Err(format!("The `match` of `{what}` {needs}."));
        }
        let commit = &value["commit"];
        if !commit.is_null() && !(commit.is_boolean() && (replies_with_error(what) || is_cut(what))) {
            return Err(format!("`commit` cannot be chosen for `{what}`."));
        }
        let first = matches["nth"].as_u64().unwrap_or(1).max(1);
        let times = value["times"].as_u64().unwrap_or(1);
        Ok(Self { matches, what, first, times, seen: 0, struck: 0, options: value.clone() })
    }

    /// A fault that chaos has drawn.
    fn drawn(what: &'static str) -> Self {
        Self { matches: json!({}), what, first: 1, times: 1, seen: 1, struck: 1, options: json!({}) }
    }

    /// Counts a match, and says whether the fault strikes it.
    fn strikes(&mut self) -> bool {
        self.seen = self.seen.saturating_add(1);
        let strikes = self.seen >= self.first && self.struck < self.times;
        self.struck = self.struck.saturating_add(u64::from(strikes));
        strikes
    }

    pub(crate) fn what(&self) -> &'static str {
        self.what
    }

    /// Whether the provider does what was requested before the fault strikes.
    pub(crate) fn commits(&self) -> bool {
        let default = !matches!(
            self.what,
            "drop_before_commit" | "in_progress_409" | "unauthorized_401" | "too_many_requests_429"
        );
        self.options["commit"].as_bool().unwrap_or(default)
    }

    /// Whether the fault sends an error in place of the provider's reply.
    pub(crate) fn replies_with_error(&self) -> bool {
        replies_with_error(self.what)
    }

    /// A number among the fault's own members.
    pub(crate) fn number(&self, name: &str, default: u64) -> u64 {
        self.options[name].as_u64().unwrap_or(default)
    }

    fn shown(&self) -> Value {
        let mut shown = self.options.clone();
        if let Some(members) = shown.as_object_mut() {
            members.insert("seen".into(), json!(self.seen));
            members.insert("struck".into(), json!(self.struck));
        }
        shown
    }
}

impl Faults {
    /// Adds one fault, or each of a list. A fault can only name one of the `providers` and `operations`.
    pub(crate) fn add(&mut self, value: &Value, providers: &[&str], operations: &[&str]) -> Result<(), String> {
        if !value["chaos"].is_null() {
            self.chaos = Some(Chaos::read(&value["chaos"])?);
            return Ok(());
        }
        let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let faults = list.iter().map(Fault::read).collect::<Result<Vec<_>, _>>()?;
        let named = faults.iter().filter_map(|fault| fault.matches["operation"].as_str());
        if let Some(unknown) = named.into_iter().find(|name| !operations.contains(name)) {
            return Err(format!("There is no operation `{unknown}`. GET /_sim lists every operation."));
        }
        let named = faults.iter().map(|fault| &fault.matches["provider"]).filter(|it| !it.is_null());
        if let Some(unknown) = named.into_iter().find(|name| !providers.iter().any(|it| *name == *it)) {
            return Err(format!("There is no provider {unknown}. There are {}.", providers.join(", ")));
        }
        if self.list.len().saturating_add(faults.len()) > 1_000 {
            return Err("A world holds at most 1000 faults. Delete them first.".into());
        }
        self.list.extend(faults);
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn shown(&self) -> Value {
        let faults: Vec<Value> = self.list.iter().map(Fault::shown).collect();
        json!({"faults": faults, "chaos": self.chaos.as_ref().map(Chaos::shown)})
    }

    /// The fault of a request. Every fault that matches counts the request; the first one that strikes wins.
    /// Chaos strikes only a `merchant`'s requests.
    pub(crate) fn of_request(
        &mut self,
        provider: &str,
        operation: &str,
        body: &Value,
        merchant: bool,
    ) -> Option<Fault> {
        let matching = |fault: &&mut Fault| {
            let wanted = &fault.matches;
            !is_webhook(fault.what)
                && text_fits(&wanted["provider"], provider)
                && text_fits(&wanted["operation"], operation)
                && fits(&wanted["body"], body)
        };
        self.strike(matching, Some(false).filter(|_| merchant))
    }

    /// The fault of a webhook.
    pub(crate) fn of_webhook(&mut self, provider: &str, event: &str, data: &Value) -> Option<Fault> {
        let matching = |fault: &&mut Fault| {
            let wanted = &fault.matches;
            is_webhook(fault.what)
                && text_fits(&wanted["provider"], provider)
                && text_fits(&wanted["event"], event)
                && fits(&wanted["body"], data)
        };
        self.strike(matching, Some(true))
    }

    /// The fault that strikes among those that match, or one that chaos draws for a webhook or for a request.
    fn strike(&mut self, matching: impl FnMut(&&mut Fault) -> bool, webhook: Option<bool>) -> Option<Fault> {
        let mut struck = None;
        for fault in self.list.iter_mut().filter(matching) {
            if struck.is_none() && fault.strikes() {
                struck = Some(fault.clone());
            } else if struck.is_some() {
                fault.seen = fault.seen.saturating_add(1);
            }
        }
        let chaos = self.chaos.as_mut().filter(|_| struck.is_none()).zip(webhook);
        struck.or_else(|| chaos.and_then(|(chaos, webhook)| chaos.draw(webhook)).map(Fault::drawn))
    }
}

pub(super) fn is_webhook(what: &str) -> bool {
    matches!(what, "webhook_twice" | "webhook_never" | "webhook_after_a_day")
}

fn replies_with_error(what: &str) -> bool {
    matches!(what, "error_after_commit" | "in_progress_409" | "unauthorized_401" | "too_many_requests_429")
}

fn is_cut(what: &str) -> bool {
    matches!(what, "truncated_json" | "html_200")
}

fn text_fits(wanted: &Value, text: &str) -> bool {
    wanted.as_str().is_none_or(|wanted| wanted == text)
}

/// Whether `value` has every member that is wanted.
fn fits(wanted: &Value, value: &Value) -> bool {
    match wanted {
        Value::Null => true,
        Value::Object(members) => {
            members.iter().all(|(name, wanted)| value.get(name).is_some_and(|it| fits(wanted, it)))
        }
        other => other == value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_match_is_struck_and_so_many_after_it() {
        let mut faults = Faults::default();
        let fault = json!({"match": {"operation": "a", "nth": 2, "body": {"x": 1}}, "do": "slow", "times": 2});
        faults.add(&fault, &["p"], &["a"]).unwrap();
        let mut strikes =
            |operation: &str, x: u64| faults.of_request("p", operation, &json!({"x": x, "y": 0}), true).is_some();
        assert_eq!(
            [("a", 1), ("b", 1), ("a", 2), ("a", 1), ("a", 1), ("a", 1)].map(|(a, x)| strikes(a, x)),
            [false, false, false, true, true, false]
        );
    }

    #[test]
    fn a_fault_that_cannot_strike_is_refused() {
        let mut faults = Faults::default();
        for (wrong, part) in [
            (json!({"match": {}, "do": "explode"}), "`do` must be one of"),
            (json!({"match": {"operation": "a"}, "do": "webhook_twice"}), "must name an `event`"),
            (json!({"match": {"operation": "b"}, "do": "slow"}), "no operation `b`"),
            (json!({"match": {"provider": "q"}, "do": "slow"}), "no provider \"q\""),
            (json!({"match": {"operaton": "a"}, "do": "slow"}), "has no `operaton`"),
            (json!({"match": {"nth": "2"}, "do": "slow"}), "`nth` must be a whole number"),
            (json!({"match": {}, "do": "slow", "time": 2}), "has no `time`"),
            (json!({"match": {}, "do": "slow", "times": -1}), "`times` must be a whole number"),
            (json!({"match": {}, "do": "slow", "commit": false}), "`commit` cannot be chosen"),
            (json!({"do": "slow"}), "`match` must be an object"),
            (json!("slow"), "`do` must be one of"),
        ] {
            let said = faults.add(&wrong, &["p"], &["a"]).unwrap_err();
            assert!(said.contains(part), "{wrong}: {said}");
        }
    }
}
