//! Walks of a flow: whatever a host, a provider and a clock may do, saved and loaded after every move.

use rulebound::ffi::{Around, read_fact, read_policy};
use rulebound::json::write;
use rulebound::snapshot::Observation;
use rulebound::time::{Millis, Timestamp};
use rulebound::{Command, Effect, EffectId, Env, Fact, Flow, HandleError, ObserveError, Owed, Policy, Snapshot};
use rulebound_tests::alphabet::Alphabet;
use serde_json::{Value, json};

use crate::chance::{Chance, bytes_of};
use crate::hold::fault;

/// The most moves of a walk.
const LONGEST: usize = 120;
/// The first of December 2026.
const START: Timestamp = Timestamp::from_millis(1_796_083_200_000);
/// A reply's statuses besides those of the samples.
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
const POLICIES: [&str; 4] = [
    "{}",
    r#"{"lease": 1000, "backoff": 1000, "grace": 0}"#,
    r#"{"look_ups": {"returned": [], "waiting": []}}"#,
    r#"{"mode": "lenient", "look_ups": {"waiting": [60000]}}"#,
];

/// The first two bytes choose the flow and the policy; each move takes a few more.
pub(super) fn run(data: &[u8]) {
    let mut chance = Chance::new(data);
    let mut flows: Vec<fn(Chance<'_>, Policy)> = Vec::new();
    macro_rules! add {
        ($provider:ident :: $flow:ident) => {
            flows.push(|chance, policy| Walk::<rulebound::$provider::$flow>::new(policy).go(chance))
        };
    }
    rulebound::for_each_flow!(add);
    let flow = flows[chance.below(flows.len())];
    let policy = read_policy(POLICIES[chance.below(POLICIES.len())]).unwrap_or_default();
    flow(chance, policy);
}

/// A walk under way.
struct Walk<F: Flow> {
    at: Snapshot<F>,
    env: Env<F::Settings>,
    settings: String,
    alphabet: Alphabet<F>,
    /// Every sending that was ever begun: its effect, its number, its operation.
    sent: Vec<(EffectId, Option<u64>, String)>,
    path: Vec<String>,
}

impl<F: Flow + Send + Sync> Walk<F>
where
    F::Call: Send + Sync,
{
    fn new(policy: Policy) -> Self {
        let alphabet = Alphabet::<F>::load();
        let env = Env::new(START, policy, alphabet.settings.clone());
        let settings = write(&env.settings);
        let at = Snapshot::start(alphabet.key.clone());
        Self { at, env, settings, alphabet, sent: Vec::new(), path: Vec::new() }
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
            0..3 => self.wish(chance),
            3..6 => self.begin(chance),
            6..9 => self.reply(chance),
            9 => self.unanswered(chance),
            10..12 => self.signal(chance),
            12 | 13 => self.done(chance),
            14 => self.wait(chance),
            _ => self.tell(&json!({"type": "restored", "taken_at": self.env.now.as_millis()}), b""),
        }
    }

    fn wish(&mut self, chance: &mut Chance<'_>) {
        let Some(command) = chance.one(&self.alphabet.commands).cloned() else { return };
        self.path.push(format!("wish {command:?}"));
        match self.at.handle(Command::Wish(command), &self.env) {
            Ok(moved) => self.arrive(moved.next),
            Err(HandleError::Fault(fault)) => panic!("{fault}"),
            Err(_) => {}
        }
    }

    fn begin(&mut self, chance: &mut Chance<'_>) {
        // A review is judged, not begun.
        let is_work = |it: &Owed| it.ready && !matches!(it.effect, Effect::Review { .. });
        let ready: Vec<_> = self.owed().into_iter().filter(is_work).collect();
        let Some(owed) = chance.one(&ready) else { return };
        self.path.push(format!("begin {}", owed.id));
        match self.at.handle(owed.id.clone(), &self.env) {
            Ok(moved) => {
                if let Some(request) = &moved.take {
                    let request: Value = serde_json::from_str(&write(request)).unwrap_or_default();
                    let operation = owed.id.kind().to_owned();
                    self.sent.push((owed.id.clone(), request["sending"].as_u64(), operation));
                }
                self.arrive(moved.next);
            }
            Err(why) => panic!("{} is ready and cannot be begun: {why}", owed.id),
        }
    }

    fn reply(&mut self, chance: &mut Chance<'_>) {
        let latest = self.sent.len().saturating_sub(chance.below(6) + 1);
        let Some((to, sending, operation)) = self.sent.get(latest).cloned() else { return };
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
        let mut fact = json!({"type": "reply", "to": to, "status": status});
        if let Some(sending) = sending.filter(|_| chance.below(4) > 0) {
            fact["sending"] = sending.into();
        }
        self.tell(&fact, body.as_bytes());
    }

    fn unanswered(&mut self, chance: &mut Chance<'_>) {
        let latest = self.sent.len().saturating_sub(chance.below(4) + 1);
        let Some((to, sending, _)) = self.sent.get(latest).cloned() else { return };
        let kind = ["lost", "lost", "not_sent"][chance.below(3)];
        let mut fact = json!({"type": kind, "to": to});
        if let Some(sending) = sending.filter(|_| chance.below(4) > 0) {
            fact["sending"] = sending.into();
        }
        self.tell(&fact, b"");
    }

    fn signal(&mut self, chance: &mut Chance<'_>) {
        let Some(fact) = chance.one(&self.alphabet.facts).cloned() else { return };
        let text = match &fact {
            Fact::Webhook { body, .. } => String::from_utf8_lossy(body).into_owned(),
            fact => format!("{fact:?}"),
        };
        self.path.push(format!("signal {text}"));
        self.observe(fact);
    }

    fn done(&mut self, chance: &mut Chance<'_>) {
        let owed = self.owed();
        let ends: Vec<_> = owed.iter().filter(|it| !matches!(it.effect, Effect::Request { .. })).collect();
        let Some(owed) = chance.one(&ends) else { return };
        let mut fact = json!({"type": "done", "effect": owed.id});
        if let Effect::Review { verdicts, needs_id, .. } = &owed.effect {
            let Some(verdict) = chance.one(verdicts) else { return };
            fact["verdict"] = verdict.as_ref().into();
            if needs_id.contains(verdict) {
                let id = chance.one(&self.alphabet.ids);
                fact["verdict"] = json!({"verdict": verdict, "id": id});
            }
        }
        self.tell(&fact, b"");
    }

    fn wait(&mut self, chance: &mut Chance<'_>) {
        let span = |span: Millis| self.env.now.after(span);
        let next = match chance.below(8) {
            0..3 => self.at.deadline(&self.env).unwrap_or(self.env.now),
            3 => span(Millis::from_seconds(31)),
            4 => span(Millis::from_minutes(6)),
            5 => span(Millis::from_hours(25)),
            6 => span(Millis::from_hours(24 * 31)),
            _ => self.alphabet.spans.first().map_or(self.env.now, |it| span(*it)),
        };
        self.path.push(format!("wait until {next}"));
        self.env.now = next.max(self.env.now);
        self.check();
    }

    fn owed(&self) -> Vec<Owed> {
        self.at.owed(&self.env)
    }

    /// Tells a fact, if this release knows it.
    fn tell(&mut self, fact: &Value, body: &[u8]) {
        let text = fact.to_string();
        self.path.push(format!("{text} {}", String::from_utf8_lossy(body)));
        if let Ok(fact) = read_fact(&text) {
            self.observe(fact.with_body(body.to_vec()));
        }
    }

    fn observe(&mut self, fact: Fact<'_>) {
        match self.at.observe(fact, &self.env) {
            Ok(Observation::Applied(moved)) => self.arrive(moved.next),
            Err(ObserveError::Fault(fault)) => panic!("{fault}"),
            Ok(Observation::Unmoved { .. }) | Err(_) => {}
        }
    }

    fn arrive(&mut self, next: Snapshot<F>) {
        let saved = next.save();
        assert_eq!(Snapshot::load(&saved).as_ref(), Ok(&next), "what was saved is loaded as another: {saved}");
        self.at = next;
        self.check();
    }

    fn check(&self) {
        let around = Around::new(self.env.now, Some(&self.env.policy), Some(&self.settings));
        if let Some(fault) = fault(&self.at, &around) {
            panic!("{}: {fault}", F::ID);
        }
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    (0..72).map(|number| bytes_of(number, 300)).collect()
}
