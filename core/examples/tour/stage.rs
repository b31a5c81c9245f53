//! The stage: a host with one row, which prints what it does and what the library returns.

use std::sync::atomic::{AtomicU32, Ordering};

use rulebound::time::{Millis, Timestamp};
use rulebound::{Context, EffectId, Fact, Flow, HandleError, Headers, Key, Origin, Snapshot, Step, Violation};

use crate::Played;

/// When each scene begins by default: the 14th of November 2023.
const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The number of the current story, and of its last scene.
static STORY: AtomicU32 = AtomicU32::new(0);
static SCENE: AtomicU32 = AtomicU32::new(0);

/// Begins the story of one document.
pub(crate) fn story(title: &str, page: &str) {
    let number = STORY.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    SCENE.store(0, Ordering::Relaxed);
    println!("\n\n== {number} of 5. {title}\n   {page}");
}

/// A host with one row.
pub(crate) struct Host<F: Flow> {
    /// The row.
    pub(crate) snapshot: Snapshot<F>,
    /// The context of the next call.
    pub(crate) cx: Context,
}

impl<F: Flow> Host<F> {
    /// A new scene, with a new row.
    pub(crate) fn open(title: &str) -> Self {
        Self::open_at(title, START)
    }

    /// A new scene that begins at an instant, because its documents name dates.
    pub(crate) fn open_at(title: &str, start: Timestamp) -> Self {
        let scene = SCENE.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        println!("\n{}.{scene} {}: {title}", STORY.load(Ordering::Relaxed), F::ID);
        println!("  {}", date(start));
        Self { snapshot: Snapshot::start(Key::of("tour", title)), cx: Context::at(start) }
    }

    /// The host gives a command.
    pub(crate) fn handle(&mut self, what: &str, command: impl Into<F::Command>) {
        self.tick();
        match self.snapshot.handle(command, &self.cx) {
            Ok(step) if step.ignored.is_some() => say("command", what, "ignored: it was accepted before"),
            Ok(step) => {
                say("command", what, "accepted");
                self.keep(step);
            }
            Err(HandleError::Rejected(rejection)) => rejected("command", what, &rejection.violations),
            Err(error) => note(&format!("-> {error}")),
        }
    }

    /// A worker leases a request and sends it.
    pub(crate) fn send(&mut self, effect: &str) -> Played {
        self.tick();
        match self.snapshot.lease(&EffectId::parse(effect)?, &self.cx) {
            Ok(lease) => {
                if let Some(request) = &lease.request {
                    say("send", effect, &format!("{} {}", request.method, request.url));
                }
                self.snapshot = lease.next;
            }
            Err(rejection) => rejected("lease", effect, rejection.violations()),
        }
        Ok(())
    }

    /// The provider replies to a request.
    pub(crate) fn reply(&mut self, effect: &str, status: u16, body: &str) -> Played {
        self.observe(&format!("reply {status} {}", short(body)), reply(effect, status, body))
    }

    /// The provider sends a webhook.
    pub(crate) fn webhook(&mut self, body: &str) -> Played {
        self.observe(&format!("webhook {}", short(body)), webhook(body))
    }

    /// A webhook arrives that nobody signed.
    pub(crate) fn hint(&mut self, body: &str) -> Played {
        let (body, origin) = (body.as_bytes(), Origin::Unverified);
        let fact = Fact::Webhook { body: body.into(), content_type: None, topic: None, origin, provider: None };
        self.observe("an event that nobody signed", fact)
    }

    /// The customer's browser returns.
    pub(crate) fn returned(&mut self) -> Played {
        self.observe("the customer's browser is back", Fact::CustomerReturned {})
    }

    /// The host reports a fact.
    pub(crate) fn observe(&mut self, what: &str, fact: Fact<'_>) -> Played {
        self.tick();
        let step = self.snapshot.observe(fact, &self.cx)?;
        match &step.ignored {
            None => say("fact", what, &states(&step)),
            Some(ignored) => say("fact", what, &format!("ignored: {}", format!("{:?}", ignored.reason).to_lowercase())),
        }
        self.keep(step);
        Ok(())
    }

    fn keep(&mut self, step: Step<F>) {
        for warning in &step.warnings {
            note(&format!("warning {}: {}", warning.rule.code, warning.message()));
        }
        self.snapshot = step.next;
    }

    /// Lists the pending effects.
    pub(crate) fn effects(&self) {
        for effect in self.snapshot.effects(&self.cx) {
            note(&format!("effect: {}", effect.id));
        }
    }

    /// Lists what the flow waits for.
    pub(crate) fn waits(&self) {
        for wait in self.snapshot.waiting_for(&self.cx) {
            let address = wait.customer_url.map_or_else(String::new, |url| format!(", the customer ends it at {url}"));
            note(&format!("waiting for: {}{address}", wait.signal));
        }
    }

    /// Moves the clock on by a millisecond.
    fn tick(&mut self) {
        self.cx.now = self.cx.now.after(Millis::new(1));
    }

    /// Moves the clock on by a span.
    pub(crate) fn wait(&mut self, span: Millis) {
        self.cx.now = self.cx.now.after(span);
        let minutes = span.as_u64() / 60_000;
        let span = match minutes % 60 {
            0 => format!("{} h", minutes / 60),
            _ => format!("{minutes} min"),
        };
        println!("  {}, {span} later", date(self.cx.now));
    }
}

/// An instant to the minute, as a person reads it.
fn date(instant: Timestamp) -> String {
    let text = instant.to_string();
    format!("{} {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

/// The reply to a request, as a fact.
pub(crate) fn reply<'a>(effect: &'a str, status: u16, body: &'a str) -> Fact<'a> {
    Fact::Reply {
        effect: effect.into(),
        sending: None,
        http_status: status,
        headers: Headers::default(),
        body: body.as_bytes().into(),
    }
}

/// A verified webhook, as a fact.
pub(crate) fn webhook(body: &str) -> Fact<'_> {
    Fact::Webhook {
        body: body.as_bytes().into(),
        content_type: None,
        topic: None,
        origin: Origin::Verified,
        provider: None,
    }
}

/// The states after a step, of the facets that it changed.
fn states<F: Flow>(step: &Step<F>) -> String {
    let changed: Vec<_> = step.transitions().iter().map(|it| format!("{}.{}", it.facet, it.after)).collect();
    if changed.is_empty() { "noted".into() } else { format!("now {}", changed.join(", ")) }
}

/// A line below a call.
pub(crate) fn note(text: &str) {
    println!("          {text}");
}

fn say(who: &str, what: &str, outcome: &str) {
    println!("  {who:<7} {what}");
    println!("          -> {outcome}");
}

fn rejected(who: &str, what: &str, violations: &[Violation]) {
    println!("  {who:<7} {what}");
    for violation in violations {
        println!("          -> REJECTED by {}", violation.rule.code);
        note(&format!("   {}", violation.message()));
        if let Some(unblocked_by) = &violation.unblocked_by {
            note(&format!("   unblocked by {unblocked_by}"));
        }
        if !violation.instead.is_empty() {
            note(&format!("   instead      {}", violation.instead.join(", then ")));
        }
        if let Some(source) = violation.rule.sources.first() {
            note(&format!("   source       {}", source.page));
        }
    }
}

/// A body without its quotes, which is easier to read.
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
