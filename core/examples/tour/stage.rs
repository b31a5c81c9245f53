//! The stage: a host with one row, which says what it does and what the library answers.

use std::sync::atomic::{AtomicU32, Ordering};

use rulebound::time::{Millis, Timestamp};
use rulebound::{
    Command, EffectId, Env, Fact, Flow, HandleError, Headers, Key, Observation, Origin, Snapshot, Transition, Via,
};

use crate::Played;

/// When each scene begins, unless it says otherwise: the 14th of November 2023.
const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The number of the next scene.
static SCENES: AtomicU32 = AtomicU32::new(1);

/// A host with one row.
pub(crate) struct Host<F: Flow> {
    /// The row.
    pub(crate) at: Snapshot<F>,
    /// The circumstances of the next call.
    pub(crate) env: Env<F::Settings>,
}

impl<F: Flow> Host<F> {
    /// A new scene, with a new row.
    pub(crate) fn open(title: &str) -> Self {
        let number = SCENES.fetch_add(1, Ordering::Relaxed);
        println!("\n{number}. {}: {title}", F::ID);
        Self { at: Snapshot::start(Key::of("tour", title)), env: Env::at(START) }
    }

    /// The host wants something.
    pub(crate) fn wish(&mut self, what: &str, command: impl Into<Command<F>>) {
        self.tick();
        match self.at.handle(command, &self.env) {
            Ok(step) if step.next.revision() == self.at.revision() => say("wish", what, "stands already: nothing new"),
            Ok(step) => {
                say("wish", what, "accepted");
                self.keep(step);
            }
            Err(error) => refused("wish", what, &error),
        }
    }

    /// A worker takes a request in hand and sends it.
    pub(crate) fn send(&mut self, effect: &str) -> Played {
        self.tick();
        match self.at.handle(EffectId::parse(effect)?, &self.env) {
            Ok(step) => {
                if let Some(request) = &step.take {
                    say("send", effect, &format!("{} {}", request.method, request.url));
                }
                self.keep(step);
            }
            Err(error) => refused("send", effect, &error),
        }
        Ok(())
    }

    /// The provider answers a request.
    pub(crate) fn reply(&mut self, to: &str, status: u16, body: &str) -> Played {
        self.observe(&format!("reply {status} {}", short(body)), reply(to, status, body))
    }

    /// The provider calls.
    pub(crate) fn webhook(&mut self, body: &str) -> Played {
        self.observe(&format!("webhook {}", short(body)), webhook(body))
    }

    /// Somebody calls, and nothing proves that it is the provider.
    pub(crate) fn hint(&mut self, body: &str) -> Played {
        let (body, origin) = (body.as_bytes(), Origin::Unverified);
        let fact = Fact::Webhook { body: body.into(), content_type: None, topic: None, origin };
        self.observe("an event that nobody signed", fact)
    }

    /// The customer's browser comes back.
    pub(crate) fn returned(&mut self, via: Via) -> Played {
        self.observe("the customer's browser is back", Fact::Returned { via })
    }

    /// Something happens.
    pub(crate) fn observe(&mut self, what: &str, fact: Fact<'_>) -> Played {
        self.tick();
        match self.at.observe(fact, &self.env)? {
            Observation::Applied(step) => {
                say("fact", what, &moves(&step));
                self.keep(step);
            }
            Observation::Unmoved { because, .. } => {
                say("fact", what, &format!("moves nothing: {}", format!("{because:?}").to_lowercase()));
            }
        }
        Ok(())
    }

    fn keep(&mut self, step: Transition<F>) {
        for warning in &step.warnings {
            note(&format!("warning {}: {}", warning.rule.code, warning.message()));
        }
        self.at = step.next;
    }

    /// Lists what a worker must do.
    pub(crate) fn owed(&self) {
        for owed in self.at.owed(&self.env) {
            note(&format!("owed: {}", owed.id));
        }
    }

    /// Lists what others must do.
    pub(crate) fn awaits(&self) {
        for awaited in self.at.awaits(&self.env) {
            let at = awaited.customer_at.map_or_else(String::new, |url| format!(", the customer ends it at {url}"));
            note(&format!("awaits: {}{at}", awaited.signal));
        }
    }

    /// The next call comes a moment later.
    fn tick(&mut self) {
        self.env.now = self.env.now.after(Millis::new(1));
    }

    /// Lets the clock go on.
    pub(crate) fn wait(&mut self, span: Millis) {
        self.env.now = self.env.now.after(span);
        let minutes = span.as_u64() / 60_000;
        match minutes % 60 {
            0 => println!("  {} h pass", minutes / 60),
            _ => println!("  {minutes} min pass"),
        }
    }
}

/// The answer to a request, as a fact.
pub(crate) fn reply<'a>(to: &'a str, status: u16, body: &'a str) -> Fact<'a> {
    Fact::Reply { to: to.into(), sending: None, status, headers: Headers::default(), body: body.as_bytes().into() }
}

/// An authenticated webhook, as a fact.
pub(crate) fn webhook(body: &str) -> Fact<'_> {
    Fact::Webhook { body: body.as_bytes().into(), content_type: None, topic: None, origin: Origin::Verified }
}

/// A line below a call.
/// The states that facets have moved to.
fn moves<F: Flow>(step: &Transition<F>) -> String {
    let moved: Vec<_> = step.transitions().iter().map(|it| format!("{}.{}", it.facet, it.after)).collect();
    if moved.is_empty() { "noted".into() } else { format!("now {}", moved.join(", ")) }
}

pub(crate) fn note(text: &str) {
    println!("          {text}");
}

fn say(who: &str, what: &str, outcome: &str) {
    println!("  {who:<6}  {what}");
    println!("          -> {outcome}");
}

fn refused(who: &str, what: &str, error: &HandleError) {
    println!("  {who:<6}  {what}");
    let HandleError::Rejected(rejection) = error else { return note(&format!("-> {error}")) };
    for violation in &rejection.violations {
        println!("          -> REFUSED by {}", violation.rule.code);
        note(&format!("   {}", violation.message()));
        if let Some(until) = &violation.until {
            note(&format!("   until   {until}"));
        }
        if !violation.instead.is_empty() {
            note(&format!("   instead {}", violation.instead.join(", then ")));
        }
        if let Some(source) = violation.rule.sources.first() {
            note(&format!("   source  {}", source.page));
        }
    }
}

/// A body without its quotes, for the eye.
fn short(body: &str) -> String {
    let (mut short, mut quoted) = (String::new(), false);
    for letter in body.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' | ':' if !quoted => short.extend([letter, ' ']),
            _ => short.push(letter),
        }
    }
    short
}
