//! The world: one row in a store, an inbox, three workers, a clock, and a provider.

use std::sync::Arc;

use rulebound::ffi::{AnySnapshot, load, read_fact, start};
use rulebound::time::Timestamp;
use rulebound::{Config, Context, Key};
use rulebound_tests::alphabet::Alphabet;
use serde_json::{Value, json};

use super::host::Worker;
use super::ledger::Ledger;
use super::provider::{Provider, Signal};
use super::{HEAD, STEP, flex, revup, truemed, vend};
use crate::chance::Chance;
use crate::hold::asleep;

/// The first of December 2026.
const START: i64 = 1_796_083_200_000;
const MINUTE: i64 = 60_000;
/// How much of a step is told.
const LINE: usize = 300;
/// How many saved rows are kept as backups.
const BACKUPS: usize = 6;

/// Something that the host was told and keeps until it can be told again.
#[derive(Clone, Debug)]
pub(super) struct Enforcement {
    pub(super) fact: Value,
    pub(super) signal: Option<Signal>,
}

/// A host, its provider, and what both have done.
pub(super) struct World<'a> {
    pub(super) now: i64,
    data: &'a [u8],
    config: Arc<Config>,
    /// The one row of the store.
    pub(super) row: String,
    revision: u64,
    backups: Vec<(String, i64)>,
    pub(super) inbox: Vec<Enforcement>,
    pub(super) workers: Vec<Worker>,
    pub(super) provider: Box<dyn Provider>,
    pub(super) ledger: Ledger,
    /// Whether this host says which sending a reply is to.
    pub(super) numbers: bool,
    /// Whether webhooks come in the end.
    pub(super) delivers: bool,
    pub(super) log: Vec<String>,
    is_told: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(flow: &str, data: &'a [u8], is_told: bool) -> Self {
        let mut head = Chance::new(data.get(..HEAD).unwrap_or_default());
        let (numbers, delivers, kind) = (head.below(4) > 0, head.below(4) > 0, head.byte());
        let (key, config) = surroundings(flow, kind);
        let at = start(flow, key.clone()).unwrap_or_else(|| panic!("there is no flow {flow}"));
        Self {
            now: START,
            data: data.get(HEAD..).unwrap_or_default(),
            config,
            row: at.save(),
            revision: 0,
            backups: Vec::new(),
            inbox: Vec::new(),
            workers: vec![Worker::Idle, Worker::Idle, Worker::Idle],
            provider: played(flow, &key, kind),
            ledger: Ledger::default(),
            numbers,
            delivers,
            log: Vec::new(),
            is_told,
        }
    }

    /// Lives through the steps, and then in peace until everything has settled.
    pub(super) fn go(&mut self) {
        let data = self.data;
        for step in data.chunks(STEP) {
            self.step(&mut Chance::new(step));
        }
        self.rest();
    }

    /// Tells a step, if somebody reads.
    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.is_told {
            let (minutes, what) = ((self.now - START) / MINUTE, what());
            let shown: String = what.chars().take(LINE).collect();
            self.log.push(format!("  {minutes:>6} min  {shown}"));
        }
    }

    fn step(&mut self, chance: &mut Chance<'_>) {
        match chance.below(32) {
            0..6 => self.command(chance),
            6..19 => {
                let worker = chance.below(self.workers.len());
                self.work(worker, chance);
            }
            19 => {
                let worker = chance.below(self.workers.len());
                self.tell(|| format!("worker {worker} crashes"));
                self.workers[worker] = Worker::Idle;
            }
            20..24 => self.deliver(chance),
            24 => {
                let forged = self.provider.forged(chance);
                self.signal(forged, false);
            }
            25..28 => {
                self.provider.act(chance, self.now);
                self.tell(|| "somebody acts at the provider".into());
            }
            28 => {
                self.fact(json!({"type": "customer_returned"}), None);
            }
            29 | 30 => {
                let span = [1, 6, 61, 25 * 60, 8 * 24 * 60, 31 * 24 * 60][chance.below(12) % 6];
                self.pass(self.now + span * MINUTE);
            }
            _ => self.restore(chance),
        }
    }

    /// The host wants something.
    fn command(&mut self, chance: &mut Chance<'_>) {
        let command = self.provider.command(chance);
        let at = self.load();
        match at.handle(&command.to_string(), &self.around()) {
            Ok(moved) => {
                self.tell(|| format!("wish {command}"));
                assert!(self.save(at.revision(), moved.next.as_ref()), "nobody else has saved meanwhile");
                // A backup from before a wish knows nothing of it: no library can help there.
                self.backups.clear();
            }
            Err(rulebound::ffi::AnyError::Rejected(_)) => self.tell(|| format!("rejected: {command}")),
            Err(why) => panic!("the command is malformed: {why}: {command}"),
        }
    }

    /// The store is restored from a backup, and every worker begins anew.
    fn restore(&mut self, chance: &mut Chance<'_>) {
        let Some((row, taken_at)) = chance.one(&self.backups).cloned() else { return };
        self.tell(|| format!("the backup of {} min is restored", (taken_at - START) / MINUTE));
        self.workers.iter_mut().for_each(|it| *it = Worker::Idle);
        self.inbox.clear();
        self.revision = load(&row).map(|it| it.revision()).unwrap_or_default();
        self.row = row;
        self.provider.forgotten();
        self.fact(json!({"type": "restored", "taken_at": taken_at}), None);
    }

    /// One of the webhooks that were ever sent comes, maybe not for the first time.
    pub(super) fn deliver(&mut self, chance: &mut Chance<'_>) {
        let signals = self.provider.signals();
        // The newest are the likeliest.
        let back = [1, 1, 1, 2, 2, 3, 4, 6][chance.below(8)] + chance.below(2);
        let Some(signal) = signals.len().checked_sub(back).and_then(|at| signals.get(at)).cloned() else { return };
        self.signal(signal, true);
    }

    /// A webhook comes.
    pub(super) fn signal(&mut self, signal: Signal, is_theirs: bool) {
        let origin = if is_theirs && self.provider.signs() { "verified" } else { "unverified" };
        let kind = signal.is_form.then_some("application/x-www-form-urlencoded");
        let fact =
            json!({"type": "webhook", "origin": origin, "topic": signal.topic, "content_type": kind, "body": ""});
        self.fact(fact, Some(signal));
    }

    /// Tells the row something; what is early waits in the inbox.
    pub(super) fn fact(&mut self, fact: Value, signal: Option<Signal>) {
        self.fact_with_body(fact, signal.clone(), signal.map(|it| it.body));
    }

    fn fact_with_body(&mut self, fact: Value, signal: Option<Signal>, body: Option<String>) {
        let text = fact.to_string();
        let said = body.as_deref().unwrap_or_default();
        let told = read_fact(&text).unwrap_or_else(|why| panic!("the fact is malformed: {why}: {text}"));
        let told = told.with_body(said.as_bytes().to_vec());
        let at = self.load();
        let observed = at.observe(told, &self.around());
        if observed.is_err() && matches!(fact["type"].as_str(), Some("done" | "reviewed")) {
            // Two persons have judged the same review.
            return self.tell(|| format!("comes too late: {text}"));
        }
        let step = observed.unwrap_or_else(|why| panic!("the fact is wrong: {why}: {text}"));
        match step.ignored.map(|it| it.reason) {
            None => {
                self.tell(|| format!("fact {text} {said}"));
                assert!(self.save(at.revision(), step.next.as_ref()), "nobody else has saved meanwhile");
                if let Some(signal) = &signal {
                    self.provider.heard(signal);
                }
                if !step.new_ids.is_empty() {
                    for kept in std::mem::take(&mut self.inbox) {
                        self.fact(kept.fact, kept.signal);
                    }
                }
            }
            Some(rulebound::IgnoredReason::Early) => self.inbox.push(Enforcement { fact, signal }),
            // Told only in the time of trouble: in peace every webhook comes again and again.
            Some(reason) if self.workers.len() > 1 => {
                self.tell(|| format!("is ignored, since {reason:?}: {text} {said}"));
            }
            Some(_) => {}
        }
    }

    /// A reply is told.
    pub(super) fn replied(&mut self, effect: &str, sending: Option<u64>, status: u16, body: &str) {
        let mut fact = json!({"type": "reply", "effect": effect, "http_status": status});
        self.number(&mut fact, sending);
        self.fact_with_body(fact, None, Some(body.to_owned()));
        self.provider.told(effect, status, body);
    }

    /// Says which sending it was, if this host does.
    pub(super) fn number(&self, fact: &mut Value, sending: Option<u64>) {
        if let Some(sending) = sending.filter(|_| self.numbers) {
            fact["sending"] = sending.into();
        }
    }

    /// Time passes.
    pub(super) fn pass(&mut self, until: i64) {
        // Not at one stroke: what happens by itself happens in between.
        while self.now < until {
            self.now = until.min(self.now + 12 * 60 * MINUTE);
            self.provider.tick(self.now);
        }
        self.tell(|| "time has passed".into());
        self.check(self.load().as_ref());
    }

    pub(super) fn load(&self) -> Box<dyn AnySnapshot> {
        load(&self.row).unwrap_or_else(|why| panic!("what was saved does not load: {why}: {}", self.row))
    }

    pub(super) fn around(&self) -> Context {
        Context::new(Timestamp::from_millis(self.now), Arc::clone(&self.config))
    }

    /// `UPDATE … WHERE revision = ?`: whether nobody else was faster.
    pub(super) fn save(&mut self, before: u64, next: &dyn AnySnapshot) -> bool {
        if self.revision != before {
            return false;
        }
        if self.backups.len() == BACKUPS {
            self.backups.remove(0);
        }
        self.backups.push((self.row.clone(), self.now));
        self.row = next.save();
        self.provider.saved(&self.row);
        self.revision = next.revision();
        assert_eq!(self.load().save(), self.row, "what was saved is loaded as another");
        self.check(next);
        true
    }

    /// What must hold of the row at any time.
    fn check(&self, at: &dyn AnySnapshot) {
        if let Some(why) = asleep(at, &self.around()) {
            panic!("the row sleeps: {why}: {}", self.row);
        }
        if let Some(wrong) = self.provider.wrong() {
            panic!("{wrong}: {}", self.row);
        }
    }
}

/// The key and the config of a flow.
fn surroundings(flow: &str, kind: u8) -> (Key, Arc<Config>) {
    let mut found = None;
    macro_rules! find {
        ($provider:ident :: $flow:ident) => {{
            type It = rulebound::$provider::$flow;
            if <It as rulebound::Flow>::ID == flow {
                let alphabet = Alphabet::<It>::load();
                found = Some((alphabet.key, alphabet.config));
            }
        }};
    }
    rulebound::for_each_flow!(find);
    let (key, config) = found.unwrap_or_else(|| panic!("there is no flow {flow}"));
    // A subscription by a form is not named after a token.
    let is_form = flow == "revup.subscription" && kind % 4 == 3;
    let own = Key::parse("00000000-0000-4000-8000-00000000000f").ok();
    (own.filter(|_| is_form).unwrap_or(key), config)
}

/// The provider of a flow.
fn played(flow: &str, key: &Key, kind: u8) -> Box<dyn Provider> {
    match flow {
        "truemed.payment_token" => Box::new(truemed::Truemed::token(key.as_str(), kind)),
        "truemed.payment_session" => Box::new(truemed::Truemed::session(key.as_str(), kind)),
        "flex.checkout" => Box::new(flex::Flex::new(false, kind)),
        "flex.subscription" => Box::new(flex::Flex::new(true, kind)),
        "vend.subscription" => Box::new(vend::Vend::new(kind)),
        "revup.subscription" => Box::new(revup::Revup::new(kind)),
        _ => panic!("nobody plays the provider of {flow}"),
    }
}
