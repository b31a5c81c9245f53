//! One world: the providers with their state, a clock, and everything that a test controls.
//!
//! No I/O happens here. [`World::request`] takes a request and says what to do with the connection;
//! [`World::deliveries`] says which webhooks to send now; [`World::next`] says when something falls due.

mod chaos;
mod context;
mod control;
mod faults;
mod ids;
mod journal;
mod mailbox;
mod options;
mod serve;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(crate) use context::{Call, Context, Earlier};
pub use control::Controlled;
pub(crate) use faults::KINDS as FAULTS;
pub(crate) use ids::{hex, id};
pub(crate) use options::{Endpoint, Options, check_readings, instant, known_readings};

use faults::Faults;
use ids::Ids;
use journal::Journal;
use mailbox::{Mailbox, Message};

use crate::provider::{Described, Hosted, Reply, all};
use crate::time::{DAY, Millis, iso};

/// How many bytes of requests and webhooks a world takes before it must be reset.
const MAX_BYTES: usize = 64 << 20;
/// What an object costs beside its text, in bytes.
const OBJECT_BYTES: usize = 512;

/// The providers' side, as one test sees it.
pub struct World {
    options: Options,
    clock: Millis,
    /// How often it was reset: a webhook in flight must not be taken for one of the new beginning.
    generation: u64,
    providers: Vec<Box<dyn Hosted>>,
    /// Every operation: the provider's index, its own index, and what is said about it.
    routes: Vec<(usize, usize, Described)>,
    shared: Shared,
}

impl core::fmt::Debug for World {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("World")
            .field("options", &self.options)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// What every provider of a world shares.
#[derive(Debug)]
pub(crate) struct Shared {
    ids: Ids,
    mailbox: Mailbox,
    faults: Faults,
    journal: Journal,
    endpoints: Vec<Endpoint>,
    timers: BTreeMap<(Millis, u64), Timer>,
    planned: u64,
    /// The replies to requests with an idempotency key, by provider, purpose and key.
    kept: BTreeMap<(usize, String, String), Kept>,
    /// How many bytes the world has taken.
    used: usize,
}

/// The body of a request with an idempotency key, and its reply.
type Kept = (Map<String, Value>, Reply);

/// Something that a provider planned.
#[derive(Debug)]
struct Timer {
    provider: usize,
    what: Value,
    hurry: bool,
}

/// A webhook that must be sent now, and reported with [`World::delivered`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The number by which it is reported.
    pub number: u64,
    generation: u64,
    /// The event's name.
    pub event: String,
    /// Where it goes.
    pub url: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The raw body, as it was signed.
    pub body: Vec<u8>,
    /// How long the receiver can take to reply, in real milliseconds.
    pub patience: Millis,
}

/// What a provider signs: one attempt to deliver a webhook.
#[derive(Debug)]
pub(crate) struct Sending<'a> {
    pub(crate) id: &'a str,
    pub(crate) event: &'a str,
    pub(crate) data: &'a Value,
    pub(crate) now: Millis,
    /// The readings that were chosen, by their whole names.
    pub(crate) readings: &'a BTreeMap<String, String>,
}

impl World {
    /// A world from the JSON that makes one. `url` is its address, for the links in replies.
    pub fn new(body: &Value, url: &str) -> Result<Self, String> {
        Ok(Self::with(Options::read(body, url.into(), &BTreeMap::new())?))
    }

    pub(crate) fn with(options: Options) -> Self {
        let providers = all();
        let numbered = |(index, provider): (usize, &dyn Hosted)| {
            let operations = provider.operations().into_iter().enumerate();
            operations.map(|(nth, described)| (index, nth, described)).collect::<Vec<_>>()
        };
        let routes = providers.iter().map(AsRef::as_ref).enumerate().flat_map(numbered).collect();
        let shared = Shared::new(&options);
        Self { clock: options.start, generation: 0, options, providers, routes, shared }
    }

    /// The world's time, in milliseconds since 1970.
    pub fn clock(&self) -> Millis {
        self.clock
    }

    /// When something falls due: a webhook, or what a provider planned.
    pub fn next(&self) -> Option<Millis> {
        let timer = self.shared.timers.keys().next().map(|(at, _)| *at);
        let next = [timer, self.shared.mailbox.next()].into_iter().flatten().min()?;
        Some(next.max(self.clock))
    }

    /// Moves the clock forward, never back, and does what the providers planned until then.
    pub(crate) fn move_to(&mut self, now: Millis) {
        self.clock = self.clock.max(now);
        while let Some(timer) = self.shared.timers.first_entry().filter(|timer| timer.key().0 <= self.clock) {
            let Timer { provider, what, hurry } = timer.remove();
            self.with_provider(provider, hurry, |hosted, context| hosted.due(&what, context));
        }
    }

    /// The webhooks that must be sent now. Each is reported with [`World::delivered`] before it can be due again.
    pub fn deliveries(&mut self, now: Millis) -> Vec<Delivery> {
        self.move_to(now);
        let mut deliveries = Vec::new();
        while let Some(number) = self.shared.mailbox.take(self.clock) {
            deliveries.extend(self.delivery(number));
        }
        deliveries
    }

    fn delivery(&self, number: u64) -> Option<Delivery> {
        let message = self.shared.mailbox.get(number)?;
        let endpoint = message.endpoint.as_ref()?;
        let Message { id, event, data, .. } = message;
        let sending = Sending { id, event, data, now: self.clock, readings: &self.options.readings };
        let provider = self.providers.get(message.provider)?;
        let (mut headers, body) = provider.sign(&sending, endpoint);
        if !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".into(), "application/json".into()));
        }
        Some(Delivery {
            number,
            generation: self.generation,
            event: event.clone(),
            url: endpoint.url.clone(),
            headers,
            body,
            patience: provider.patience(),
        })
    }

    /// Reports how an attempt ended: a status, or why there is none. Returns the entry of the report.
    pub fn delivered(&mut self, delivery: &Delivery, result: &Result<u16, String>) -> Value {
        let now = self.clock;
        let log = match result {
            Ok(status) => json!({"at": iso(now), "status": status}),
            Err(error) => json!({"at": iso(now), "error": error}),
        };
        let mut shown = json!({"n": delivery.number, "event": delivery.event, "url": delivery.url,
            "body": String::from_utf8_lossy(&delivery.body)});
        if let (Some(shown), Some(log)) = (shown.as_object_mut(), log.as_object()) {
            shown.extend(log.clone());
        }
        let message = self.shared.mailbox.get(delivery.number).filter(|_| delivery.generation == self.generation);
        let Some(message) = message else { return shown };
        let Some(provider) = self.providers.get(message.provider) else { return shown };
        let acknowledged = result.as_ref().is_ok_and(|status| provider.acknowledged(*status));
        let (attempts, age) = message.attempts(now);
        let retry = provider.retry(attempts, age).filter(|_| provider.repeats(&delivery.event));
        let retry = retry.map(|wait| now.saturating_add(wait));
        self.shared.mailbox.finish(delivery.number, log, acknowledged, retry);
        shown
    }

    /// Lets a provider work, with the world around it.
    fn with_provider<T>(
        &mut self,
        index: usize,
        hurry: bool,
        work: impl FnOnce(&mut dyn Hosted, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let provider = self.providers.get_mut(index)?;
        let mut context = Context {
            now: self.clock,
            provider: provider.name(),
            index,
            url: &self.options.url,
            known: provider.readings(),
            chosen: &self.options.readings,
            hurry,
            shared: &mut self.shared,
        };
        Some(work(provider.as_mut(), &mut context))
    }

    /// Begins again with the options of the beginning.
    fn reset(&mut self) {
        let generation = self.generation.wrapping_add(1);
        *self = Self { generation, ..Self::with(self.options.clone()) };
    }
}

impl Shared {
    fn new(options: &Options) -> Self {
        Self {
            ids: Ids::new(&options.seed),
            mailbox: Mailbox::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            endpoints: options.endpoints.clone(),
            timers: BTreeMap::new(),
            planned: 0,
            kept: BTreeMap::new(),
            used: 0,
        }
    }

    fn plan(&mut self, at: Millis, provider: usize, what: Value, hurry: bool) {
        self.planned = self.planned.saturating_add(1);
        self.timers.insert((at, self.planned), Timer { provider, what, hurry });
    }

    /// The endpoints to which a provider sends.
    fn endpoints_of(&self, provider: &str) -> Vec<Endpoint> {
        let fits = |endpoint: &&Endpoint| endpoint.provider.as_deref().is_none_or(|only| only == provider);
        self.endpoints.iter().filter(fits).cloned().collect()
    }

    /// Puts a webhook into the mailbox, once for each endpoint, unless a fault changes that.
    fn emit(&mut self, provider: &str, message: &Message, endpoints: Vec<Endpoint>) {
        let fault = self.faults.of_webhook(provider, &message.event, &message.data);
        let what = fault.as_ref().map(faults::Fault::what);
        let mut messages: Vec<Message> = endpoints.into_iter().map(|to| message.clone().to(to)).collect();
        if messages.is_empty() {
            messages.push(message.clone());
        }
        let bytes = length(&message.data).saturating_add(OBJECT_BYTES);
        for message in messages {
            self.used = self.used.saturating_add(bytes);
            let message = message.costs(bytes);
            match what {
                Some("webhook_never") => self.mailbox.add(message.dropped()),
                Some("webhook_after_a_day") => self.mailbox.add(message.later(DAY)),
                Some("webhook_twice") => {
                    self.mailbox.add(message.clone());
                    self.mailbox.add(message);
                }
                _ => self.mailbox.add(message),
            }
        }
        self.used = self.used.saturating_sub(self.mailbox.freed());
    }

    /// Counts what a request or a webhook costs, and says whether the world has room for it.
    fn charge(&mut self, bytes: usize) -> bool {
        self.used = self.used.saturating_add(bytes).saturating_add(OBJECT_BYTES);
        self.used <= MAX_BYTES
    }
}

/// How long the text of a value is, without writing it.
fn length(value: &Value) -> usize {
    struct Length(usize);
    impl std::io::Write for Length {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut length = Length(0);
    let _written = serde_json::to_writer(&mut length, value);
    length.0
}
