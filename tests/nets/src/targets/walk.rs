//! Walks of a flow: anything that a host, a provider and a clock can do. The snapshot is saved and loaded after every move.

use rulebound::ffi::{read_config, read_fact};
use rulebound::json::write;
use rulebound::time::{Millis, Timestamp};
use rulebound::{Config, Context, Effect, EffectId, Fact, Flow, HandleError, ObserveError, PendingEffect, Snapshot};
use rulebound_tests::alphabet::Alphabet;
use serde_json::{Value, json};

use crate::chance::{Chance, bytes_of};
use crate::hold::fault;

/// The most moves of a walk.
const LONGEST: usize = 120;
/// The first of December 2026.
const START: Timestamp = Timestamp::from_millis(1_796_083_200_000);
/// The statuses of replies besides those of the alphabet.
const STATUSES: [u16; 12] = [200, 204, 302, 400, 401, 403, 404, 408, 409, 429, 500, 503];
const BODIES: [&str; 10] = [
    "",
    "{}",
    "null",
    "[]",
    "<html>",
    r#"{"error":"ServerError","message":"m"}"#,
    r#"{"error":{"code":"0151","message":"m"}}"#,
    r#"{"detail":[{"type":"x","msg":"m"}]}"#,
    r#"{"id":"#,
    r#"{"error":null}"#,
];
const CONFIGS: [&str; 4] = [
    "{}",
    r#"{"lease_ms": 1000, "backoff_ms": 1000, "grace_ms": 0}"#,
    r#"{"lookups": {"after_return_ms": [], "while_waiting_ms": []}}"#,
    r#"{"mode": "lenient", "lookups": {"while_waiting_ms": [3600000]}}"#,
];

/// The first two bytes choose the flow and the config. Each move takes a few more.
pub(super) fn run(data: &[u8]) {
    let mut chance = Chance::new(data);
    let mut flows: Vec<fn(Chance<'_>, Config)> = Vec::new();
    macro_rules! add {
        ($provider:ident :: $flow:ident) => {
            flows.push(|chance, config| Walk::<rulebound::$provider::$flow>::new(config).go(chance))
        };
    }
    rulebound::for_each_flow!(add);
    let flow = flows[chance.below(flows.len())];
    let config = read_config(CONFIGS[chance.below(CONFIGS.len())]).unwrap_or_else(|why| panic!("{why}"));
    flow(chance, config);
}

/// A walk under way.
struct Walk<F: Flow> {
    snapshot: Snapshot<F>,
    context: Context,
    alphabet: Alphabet<F>,
    /// Every sending so far: its effect, its number and its operation.
    sent: Vec<(EffectId, Option<u64>, String)>,
    path: Vec<String>,
}

impl<F: Flow + Send + Sync> Walk<F>
where
    F::Call: Send + Sync,
{
    fn new(config: Config) -> Self {
        let alphabet = Alphabet::<F>::load();
        let Config { mode, lease_ms, grace_ms, backoff_ms, lookups, .. } = config;
        // The settings of the providers are those of the alphabet.
        let own = Config::clone(&alphabet.config);
        let config = own.mode(mode).lease_ms(lease_ms).grace_ms(grace_ms).backoff_ms(backoff_ms).lookups(lookups);
        let context = Context::new(START, config);
        let snapshot = Snapshot::start(alphabet.key.clone());
        Self { snapshot, context, alphabet, sent: Vec::new(), path: Vec::new() }
    }

    fn go(mut self, mut chance: Chance<'_>) {
        for _ in 0..LONGEST {
            if chance.is_over() {
                return;
            }
            let walked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.step(&mut chance)));
            if let Err(why) = walked {
                eprintln!("{} walked\n  {}", F::ID, self.path.join("\n  "));
                std::panic::resume_unwind(why);
            }
        }
    }

    fn step(&mut self, chance: &mut Chance<'_>) {
        match chance.below(16) {
            0..3 => self.command(chance),
            3..6 => self.lease(chance),
            6..9 => self.reply(chance),
            9 => self.no_reply(chance),
            10..12 => self.alphabet_fact(chance),
            12 | 13 => self.done(chance),
            14 => self.wait(chance),
            _ => self.report(&json!({"type": "restored", "taken_at": self.context.now.as_millis()}), b""),
        }
    }

    fn command(&mut self, chance: &mut Chance<'_>) {
        let Some(command) = chance.one(&self.alphabet.commands).cloned() else { return };
        self.path.push(format!("command {command:?}"));
        match self.snapshot.handle(command, &self.context) {
            Ok(step) => self.keep(step.next),
            Err(HandleError::Fault(fault)) => panic!("{fault}"),
            Err(_) => {}
        }
    }

    fn lease(&mut self, chance: &mut Chance<'_>) {
        // A review cannot be leased.
        let is_work = |it: &PendingEffect| it.ready && !matches!(it.effect, Effect::Review { .. });
        let ready: Vec<_> = self.effects().into_iter().filter(is_work).collect();
        let Some(pending) = chance.one(&ready) else { return };
        self.path.push(format!("lease {}", pending.id));
        match self.snapshot.lease(&pending.id, &self.context) {
            Ok(lease) => {
                if let Some(request) = &lease.request {
                    let request: Value = serde_json::from_str(&write(request)).unwrap_or_default();
                    let operation = pending.id.kind().to_owned();
                    self.sent.push((pending.id.clone(), request["sending"].as_u64(), operation));
                }
                self.keep(lease.next);
            }
            Err(why) => panic!("{} is ready and cannot be leased: {why}", pending.id),
        }
    }

    fn reply(&mut self, chance: &mut Chance<'_>) {
        let latest = self.sent.len().saturating_sub(chance.below(6) + 1);
        let Some((effect, sending, operation)) = self.sent.get(latest).cloned() else { return };
        let own: Vec<_> = self.alphabet.replies.iter().filter(|(of, ..)| *of == operation.as_str()).collect();
        let (status, body) = match chance.below(8) {
            0..5 if !own.is_empty() => {
                let (_, status, body) = own[chance.below(own.len())];
                (*status, body.clone())
            }
            5 => {
                let Some((_, status, body)) = chance.one(&self.alphabet.replies) else { return };
                (*status, body.clone())
            }
            _ => (STATUSES[chance.below(STATUSES.len())], BODIES[chance.below(BODIES.len())].to_owned()),
        };
        let mut fact = json!({"type": "reply", "effect": effect, "http_status": status});
        if let Some(sending) = sending.filter(|_| chance.below(4) > 0) {
            fact["sending"] = sending.into();
        }
        self.report(&fact, body.as_bytes());
    }

    fn no_reply(&mut self, chance: &mut Chance<'_>) {
        let latest = self.sent.len().saturating_sub(chance.below(4) + 1);
        let Some((effect, sending, _)) = self.sent.get(latest).cloned() else { return };
        let kind = ["lost", "lost", "not_sent"][chance.below(3)];
        let mut fact = json!({"type": kind, "effect": effect});
        if let Some(sending) = sending.filter(|_| chance.below(4) > 0) {
            fact["sending"] = sending.into();
        }
        self.report(&fact, b"");
    }

    fn alphabet_fact(&mut self, chance: &mut Chance<'_>) {
        let Some(fact) = chance.one(&self.alphabet.facts).cloned() else { return };
        let text = match &fact {
            Fact::Webhook { body, .. } => String::from_utf8_lossy(body).into_owned(),
            fact => format!("{fact:?}"),
        };
        self.path.push(format!("fact {text}"));
        self.observe(fact);
    }

    fn done(&mut self, chance: &mut Chance<'_>) {
        let effects = self.effects();
        let others: Vec<_> = effects.iter().filter(|it| !matches!(it.effect, Effect::Request { .. })).collect();
        let Some(pending) = chance.one(&others) else { return };
        let mut fact = json!({"type": "done", "effect": pending.id});
        if let Effect::Review { verdicts, .. } = &pending.effect {
            let Some(chosen) = chance.one(verdicts) else { return };
            fact["type"] = "reviewed".into();
            fact["verdict"] = chosen.verdict.into();
            if chosen.needs_id.is_some() {
                fact["id"] = json!(chance.one(&self.alphabet.ids));
            }
        }
        self.report(&fact, b"");
    }

    fn wait(&mut self, chance: &mut Chance<'_>) {
        let span = |span: Millis| self.context.now.after(span);
        let next = match chance.below(8) {
            0..3 => self.snapshot.wake_at(&self.context).unwrap_or(self.context.now),
            3 => span(Millis::from_seconds(31)),
            4 => span(Millis::from_minutes(6)),
            5 => span(Millis::from_hours(25)),
            6 => span(Millis::from_hours(24 * 31)),
            _ => self.alphabet.spans.first().map_or(self.context.now, |it| span(*it)),
        };
        self.path.push(format!("wait until {next}"));
        self.context.now = next.max(self.context.now);
        self.check();
    }

    fn effects(&self) -> Vec<PendingEffect> {
        self.snapshot.effects(&self.context)
    }

    /// Observes a fact, if it can be read.
    fn report(&mut self, fact: &Value, body: &[u8]) {
        let text = fact.to_string();
        self.path.push(format!("{text} {}", String::from_utf8_lossy(body)));
        if let Ok(fact) = read_fact(&text) {
            self.observe(fact.with_body(body.to_vec()));
        }
    }

    fn observe(&mut self, fact: Fact<'_>) {
        match self.snapshot.observe(fact, &self.context) {
            Ok(step) if step.ignored.is_none() => self.keep(step.next),
            Err(ObserveError::Fault(fault)) => panic!("{fault}"),
            Ok(_) | Err(_) => {}
        }
    }

    fn keep(&mut self, next: Snapshot<F>) {
        let saved = next.save();
        assert_eq!(Snapshot::load(&saved).as_ref(), Ok(&next), "a saved snapshot loads as another: {saved}");
        self.snapshot = next;
        self.check();
    }

    fn check(&self) {
        if let Some(fault) = fault(&self.snapshot, &self.context) {
            panic!("{}: {fault}", F::ID);
        }
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    (0..72).map(|number| bytes_of(number, 300)).collect()
}
