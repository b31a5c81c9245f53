//! What a provider's function gets: the request, and the world around it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::ids::Id;
use super::mailbox::Message;
use super::{Endpoint, Shared};
use crate::http::{HttpRequest, pairs};
use crate::provider::{Reading, Reply};
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

    /// Gives `what` to the provider's `due` after a while: when something is processed or reviewed.
    ///
    /// Under the fault `webhook_before_reply`, this happens at once.
    pub(crate) fn after(&mut self, wait: Millis, what: Value) {
        let at = self.now.saturating_add(if self.hurry { 0 } else { wait });
        self.shared.plan(at, self.index, what, self.hurry);
    }

    /// Gives `what` to the provider's `due` at a date: when a period or a trial ends.
    pub(crate) fn at(&mut self, at: Millis, what: Value) {
        self.shared.plan(at.max(self.now), self.index, what, false);
    }

    /// Sends a webhook to every endpoint of this provider, after a while, and returns its id.
    pub(crate) fn webhook(&mut self, event: &str, data: Value, wait: Millis) -> String {
        self.emit(event, data, wait, None)
    }

    /// The addresses to which this provider's webhooks go now.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.shared.endpoints_of(self.provider).into_iter().map(|endpoint| endpoint.url).collect()
    }

    /// Sends a webhook to an address that the merchant named in a request, and returns its id.
    pub(crate) fn webhook_to(&mut self, url: &str, event: &str, data: Value, wait: Millis) -> String {
        let url = url.to_owned();
        self.emit(event, data, wait, Some(Endpoint { url, provider: None, secret: String::new(), auth: String::new() }))
    }

    /// Sends a webhook to every endpoint of this provider and to those that the merchant registered. The provider can keep
    /// its data, for a repetition.
    pub(crate) fn webhook_also(&mut self, more: Vec<Endpoint>, event: &str, data: &Arc<Value>, wait: Millis) -> String {
        let mut endpoints = self.endpoints();
        endpoints.extend(more);
        self.emit_to(event, data, wait, endpoints)
    }

    /// Sends a webhook to one endpoint now, with the id of an earlier one.
    pub(crate) fn webhook_again(&mut self, id: &str, to: Endpoint, event: &str, data: &Arc<Value>) {
        let message = Message::new(id, event, self.index, None, Arc::clone(data)).at(self.now, self.now);
        self.shared.emit(self.provider, &message, vec![to]);
    }

    /// The addresses of the world to which this provider sends.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        self.shared.endpoints_of(self.provider)
    }

    /// Sends a webhook again, by its id, and says whether there is one.
    #[expect(dead_code, reason = "Truemed has no operation that sends an event again")]
    pub(crate) fn resend(&mut self, id: &str) -> bool {
        self.shared.mailbox.repeat(&id.into(), self.now).is_ok()
    }

    fn emit(&mut self, event: &str, data: Value, wait: Millis, to: Option<Endpoint>) -> String {
        let endpoints = to.map_or_else(|| self.endpoints(), |endpoint| vec![endpoint]);
        self.emit_to(event, &Arc::new(data), wait, endpoints)
    }

    fn emit_to(&mut self, event: &str, data: &Arc<Value>, wait: Millis, endpoints: Vec<Endpoint>) -> String {
        let due = self.now.saturating_add(if self.hurry { 0 } else { wait });
        let kind = format!("{} webhook {event}", self.provider);
        let id = self.shared.ids.make(&kind, None).uuid();
        let message = Message::new(&id, event, self.index, None, Arc::clone(data)).at(self.now, due);
        self.shared.emit(self.provider, &message, endpoints);
        id
    }

    /// Looks for an earlier request with the same idempotency key. `of` divides the keys, for example by account.
    pub(crate) fn earlier(&self, of: &str, key: &str, body: &Map<String, Value>) -> Earlier {
        match self.shared.kept.get(&(self.index, of.to_owned(), key.to_owned())) {
            None => Earlier::None,
            Some((kept, reply)) if kept == body => Earlier::Same(reply.clone()),
            Some((_, reply)) => Earlier::Other(reply.clone()),
        }
    }

    /// Keeps the reply to a request with an idempotency key.
    pub(crate) fn keep(&mut self, of: &str, key: &str, body: &Map<String, Value>, reply: &Reply) {
        self.shared.kept.insert((self.index, of.to_owned(), key.to_owned()), (body.clone(), reply.clone()));
    }
}

/// What an idempotency key was used for before.
#[derive(Debug)]
pub(crate) enum Earlier {
    /// Nothing.
    None,
    /// A request with the same body: this was its reply.
    Same(Reply),
    /// A request with another body: this was its reply.
    Other(Reply),
}
