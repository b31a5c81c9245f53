//! Webhooks: what waits, what was sent, and how each attempt ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::options::Endpoint;
use crate::time::{Millis, iso};

/// How many finished messages a world keeps.
const MAX_FINISHED: usize = 2_000;
/// How many attempts of one message are shown.
const MAX_ATTEMPTS: usize = 40;

/// The webhooks of a world.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    messages: BTreeMap<u64, Message>,
    counter: u64,
    hold: Hold,
    /// What waits, by when it is due, by its order and by its number.
    waiting: BTreeSet<(Millis, u64, u64)>,
    /// What is not sent any more, by number.
    finished: BTreeSet<u64>,
    /// How many bytes the forgotten messages had.
    freed: usize,
}

#[derive(Debug, Default)]
enum Hold {
    #[default]
    Nothing,
    Everything,
    Events(Vec<String>),
}

impl Hold {
    fn holds(&self, event: &String) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Events(events) => events.contains(event),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) provider: usize,
    pub(crate) endpoint: Option<Endpoint>,
    /// Shared by its copies: an event for several endpoints has one body.
    pub(crate) data: Arc<Value>,
    created: Millis,
    due: Millis,
    /// Which of two messages that are due at one time goes first.
    order: u64,
    state: State,
    attempts: u32,
    first: Option<Millis>,
    log: Vec<Value>,
    /// What it costs its world.
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Held,
    InFlight,
    Delivered,
    Dropped,
    GivenUp,
    NoEndpoint,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::InFlight => "in_flight",
            Self::Delivered => "delivered",
            Self::Dropped => "dropped",
            Self::GivenUp => "given_up",
            Self::NoEndpoint => "no_endpoint",
        }
    }
}

impl Message {
    pub(crate) fn new(id: &str, event: &str, provider: usize, endpoint: Option<Endpoint>, data: Arc<Value>) -> Self {
        let state = if endpoint.is_some() { State::Waiting } else { State::NoEndpoint };
        let (id, event) = (id.to_owned(), event.to_owned());
        let (created, due, order, attempts, first) = (0, 0, 0, 0, None);
        Self {
            id,
            event,
            provider,
            endpoint,
            data,
            created,
            due,
            order,
            state,
            attempts,
            first,
            log: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) fn at(mut self, created: Millis, due: Millis) -> Self {
        (self.created, self.due) = (created, due);
        self
    }

    pub(crate) fn to(mut self, endpoint: Endpoint) -> Self {
        (self.endpoint, self.state) = (Some(endpoint), State::Waiting);
        self
    }

    pub(crate) fn later(mut self, wait: Millis) -> Self {
        self.due = self.due.saturating_add(wait);
        self
    }

    pub(crate) fn dropped(mut self) -> Self {
        self.state = State::Dropped;
        self
    }

    /// Names what the message costs its world until it is forgotten.
    pub(crate) fn costs(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How many attempts were made, and since when.
    pub(crate) fn attempts(&self, now: Millis) -> (u32, Millis) {
        (self.attempts, now.saturating_sub(self.first.unwrap_or(now)))
    }

    fn shown(&self, number: u64) -> Value {
        json!({
            "n": number,
            "id": self.id,
            "event": self.event,
            "url": self.endpoint.as_ref().map(|endpoint| &endpoint.url),
            "state": self.state.name(),
            "created_at": iso(self.created),
            "due_at": iso(self.due),
            "attempts": self.log,
            "data": *self.data,
        })
    }
}

impl Mailbox {
    pub(crate) fn add(&mut self, mut message: Message) {
        self.counter = self.counter.saturating_add(1);
        message.order = self.counter;
        if self.hold.holds(&message.event) && message.state == State::Waiting {
            message.state = State::Held;
        }
        self.insert(message);
    }

    /// Puts a message into the box, under the newest number.
    fn insert(&mut self, message: Message) {
        self.messages.insert(self.counter, message);
        self.change(self.counter, |_| {});
    }

    /// Changes a message, and keeps the lists of what waits and of what is finished.
    fn change(&mut self, number: u64, work: impl FnOnce(&mut Message)) {
        let Some(message) = self.messages.get_mut(&number) else { return };
        self.waiting.remove(&(message.due, message.order, number));
        self.finished.remove(&number);
        work(message);
        match message.state {
            State::Waiting => drop(self.waiting.insert((message.due, message.order, number))),
            State::Held | State::InFlight => {}
            _ => drop(self.finished.insert(number)),
        }
        // Forgets the oldest finished messages.
        while self.finished.len() > MAX_FINISHED {
            let oldest = self.finished.pop_first().and_then(|number| self.messages.remove(&number));
            self.freed = self.freed.saturating_add(oldest.map_or(0, |message| message.bytes));
        }
    }

    /// How many bytes the messages had that were forgotten since the last call.
    pub(crate) fn freed(&mut self) -> usize {
        core::mem::take(&mut self.freed)
    }

    /// When the next message falls due.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.waiting.first().map(|(due, ..)| *due)
    }

    /// Takes the message that is due first, to be sent now.
    pub(crate) fn take(&mut self, now: Millis) -> Option<u64> {
        let number = self.waiting.first().filter(|(due, ..)| *due <= now)?.2;
        self.change(number, |message| {
            message.state = State::InFlight;
            message.attempts = message.attempts.saturating_add(1);
            message.first.get_or_insert(now);
        });
        Some(number)
    }

    /// Stores how an attempt ended. Without acknowledgement, the next attempt follows at `retry`.
    pub(crate) fn finish(&mut self, number: u64, result: Value, acknowledged: bool, retry: Option<Millis>) {
        if self.messages.get(&number).is_none_or(|message| message.state != State::InFlight) {
            return;
        }
        self.change(number, |message| {
            if message.log.len() < MAX_ATTEMPTS {
                message.log.push(result);
            }
            message.state = match retry {
                _ if acknowledged => State::Delivered,
                Some(due) => {
                    message.due = due;
                    State::Waiting
                }
                None => State::GivenUp,
            };
        });
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Message> {
        self.messages.get(&number)
    }

    pub(crate) fn shown(&self) -> Value {
        let messages: Vec<Value> = self.messages.iter().map(|(number, message)| message.shown(*number)).collect();
        json!({"webhooks": messages})
    }

    /// `{"hold": true | false | [event, …]}`.
    pub(crate) fn hold(&mut self, wanted: &Value) -> Result<(), String> {
        self.hold = match wanted {
            Value::Bool(false) => Hold::Nothing,
            Value::Bool(true) => Hold::Everything,
            Value::Array(events) => {
                Hold::Events(events.iter().filter_map(|event| event.as_str().map(str::to_owned)).collect())
            }
            _ => return Err("`hold` must be true, false or a list of events.".into()),
        };
        let numbers = self.waiting.iter().map(|(.., number)| *number);
        let event = |number: &u64| self.messages.get(number).is_some_and(|message| self.hold.holds(&message.event));
        let numbers: Vec<u64> = numbers.filter(event).collect();
        for number in numbers {
            self.change(number, |message| message.state = State::Held);
        }
        Ok(())
    }

    /// `{"release": "all" | [n or id, …]}`: held messages are due now, in the given order.
    pub(crate) fn release(&mut self, wanted: &Value, now: Millis) -> Result<(), String> {
        let all =
            || self.messages.iter().filter(|(_, it)| it.state == State::Held).map(|(number, _)| *number).collect();
        let numbers = if wanted == "all" { all() } else { self.numbers(wanted)? };
        for number in numbers {
            self.counter = self.counter.saturating_add(1);
            let order = self.counter;
            if self.messages.get(&number).is_some_and(|it| matches!(it.state, State::Held | State::Waiting)) {
                self.change(number, |it| (it.state, it.due, it.order) = (State::Waiting, now, order));
            }
        }
        Ok(())
    }

    /// Sends copies of messages now, each with the id of its original.
    pub(crate) fn repeat(&mut self, wanted: &Value, now: Millis) -> Result<(), String> {
        for number in self.numbers(wanted)? {
            let Some(original) = self.messages.get(&number) else { continue };
            let Message { id, event, provider, endpoint, data, .. } = original;
            let copy = Message::new(id, event, *provider, endpoint.clone(), Arc::clone(data)).at(now, now);
            self.counter = self.counter.saturating_add(1);
            self.insert(Message { order: self.counter, ..copy });
        }
        Ok(())
    }

    /// Messages that are never sent again.
    pub(crate) fn drop_messages(&mut self, wanted: &Value) -> Result<(), String> {
        for number in self.numbers(wanted)? {
            if self.messages.get(&number).is_some_and(|it| matches!(it.state, State::Held | State::Waiting)) {
                self.change(number, |message| message.state = State::Dropped);
            }
        }
        Ok(())
    }

    /// The messages that a list names by number, by id or by event, or the one that a text names.
    fn numbers(&self, wanted: &Value) -> Result<Vec<u64>, String> {
        let names = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
        let mut numbers = Vec::new();
        for name in names {
            let named = |(number, message): &(&u64, &Message)| {
                name.as_u64() == Some(**number) || name == message.id.as_str() || name == message.event.as_str()
            };
            let found: Vec<u64> = self.messages.iter().filter(named).map(|(number, _)| *number).collect();
            if found.is_empty() {
                return Err(format!("There is no webhook {name}. GET webhooks lists them by `n`, `id` and `event`."));
            }
            numbers.extend(found);
        }
        Ok(numbers)
    }
}
