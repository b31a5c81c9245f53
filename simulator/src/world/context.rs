//! What a provider's function gets: the request, and the world around it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Shared;
use super::ids::Id;
use crate::http::{HttpRequest, pairs};
use crate::provider::Reading;
use crate::time::Millis;

/// One request to an operation.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The request as it arrived.
    pub(crate) request: &'a HttpRequest,
    /// The API key of a merchant's request; empty for a customer.
    pub(crate) account: String,
    /// The members of a JSON body; empty for a form.
    pub(crate) json: Map<String, Value>,
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) form: Vec<(String, String)>,
}

impl Call<'_> {
    /// A parameter of the path.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// A field of a form.
    pub(crate) fn form(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The parameters of the query.
    pub(crate) fn query(&self) -> BTreeMap<String, String> {
        pairs(&self.request.query).into_iter().collect()
    }
}

/// The world around a request.
pub(crate) struct Context<'a> {
    /// The world's time.
    pub(crate) now: Millis,
    pub(super) provider: &'static str,
    pub(super) index: usize,
    pub(super) url: &'a str,
    pub(super) known: &'static [Reading],
    pub(super) chosen: &'a BTreeMap<String, String>,
    pub(super) hurry: bool,
    pub(super) shared: &'a mut Shared,
}

impl Context<'_> {
    /// An address below the provider's own; `path` begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{}{path}", self.url, self.provider)
    }

    /// An id from an idempotency key, or the next one of its kind.
    pub(crate) fn id(&mut self, kind: &str, key: Option<&str>) -> Id {
        self.shared.ids.make(&format!("{} {kind}", self.provider), key)
    }

    /// The value of a [`Reading`] of this provider, by its name.
    pub(crate) fn reading(&self, name: &str) -> &str {
        let default = self.known.iter().find(|reading| reading.name == name).and_then(|reading| reading.values.first());
        let chosen = self.chosen.get(&format!("{}.{name}", self.provider));
        chosen.map(String::as_str).or(default.copied()).unwrap_or_default()
    }

    /// Gives `what` to the provider's `due` after a while.
    pub(crate) fn after(&mut self, wait: Millis, what: Value) {
        let at = self.now.saturating_add(if self.hurry { 0 } else { wait });
        self.shared.plan(at, self.index, what, self.hurry);
    }

    /// Sends a webhook to every endpoint of this provider, after a while.
    pub(crate) fn webhook(&mut self, event: &str, data: &Value, wait: Millis) {
        let due = self.now.saturating_add(if self.hurry { 0 } else { wait });
        let kind = format!("{} webhook {event}", self.provider);
        let id = self.shared.ids.make(&kind, None).uuid();
        self.shared.emit(self.provider, self.index, event, &id, data, self.now, due);
    }
}
