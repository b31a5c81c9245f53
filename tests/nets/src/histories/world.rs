//! The world: one row in a store, an inbox, three workers, a clock, and a provider.

use std::sync::Arc;

use rulebound::ffi::{AnySnapshot, load, read_fact, start};
use rulebound::time::Timestamp;
use rulebound::{Config, Context, Key};
use rulebound_tests::alphabet::Alphabet;
use serde_json::{Value, json};

use super::host::Worker;
use super::ledger::Ledger;
use super::provider::{Provider, Webhook};
use super::{HEAD, STEP, flex, qualification, revup, truemed, vend};
use crate::chance::Chance;
use crate::hold::asleep;

/// The first of December 2026.
const START: i64 = 1_796_083_200_000;
const MINUTE: i64 = 60_000;
/// The greatest length of a line of the log.
const LINE: usize = 300;
/// The most backups.
const BACKUPS: usize = 6;

/// An early fact, which the host keeps and observes again later.
#[derive(Clone, Debug)]
pub(super) struct EarlyFact {
    pub(super) fact: Value,
    pub(super) webhook: Option<Webhook>,
}

/// A host and its provider, with everything that both have done.
pub(super) struct World<'a> {
    pub(super) now: i64,
    data: &'a [u8],
    config: Arc<Config>,
    /// The one row of the store.
    pub(super) row: String,
    revision: u64,
    backups: Vec<(String, i64)>,
    pub(super) inbox: Vec<EarlyFact>,
    pub(super) workers: Vec<Worker>,
    pub(super) provider: Box<dyn Provider>,
    pub(super) ledger: Ledger,
    /// Whether this host reports the number of a sending.
    pub(super) numbers: bool,
    /// Whether this host receives webhooks in the end.
    pub(super) has_webhooks: bool,
    pub(super) log: Vec<String>,
    is_logged: bool,
}

impl<'a> World<'a> {
    pub(super) fn new(flow: &str, data: &'a [u8], is_logged: bool) -> Self {
        let mut head = Chance::new(data.get(..HEAD).unwrap_or_default());
        let (numbers, has_webhooks, kind) = (head.below(4) > 0, head.below(4) > 0, head.byte());
        let (key, config) = key_and_config(flow, kind);
        let snapshot = start(flow, key.clone()).unwrap_or_else(|| panic!("there is no flow {flow}"));
        Self {
            now: START,
            data: data.get(HEAD..).unwrap_or_default(),
            config,
            row: snapshot.save(),
            revision: 0,
            backups: Vec::new(),
            inbox: Vec::new(),
            workers: vec![Worker::Idle, Worker::Idle, Worker::Idle],
            provider: provider_of(flow, &key, kind),
            ledger: Ledger::default(),
            numbers,
            has_webhooks,
            log: Vec::new(),
            is_logged,
        }
    }

    /// Runs the steps, and then brings everything to an end.
    pub(super) fn go(&mut self) {
        let data = self.data;
        for step in data.chunks(STEP) {
            self.step(&mut Chance::new(step));
        }
        self.rest();
    }

    /// Adds a line to the log, if there is one.
    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.is_logged {
            let (minutes, what) = ((self.now - START) / MINUTE, what());
            let line: String = what.chars().take(LINE).collect();
            self.log.push(format!("  {minutes:>6} min  {line}"));
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
                self.note(|| format!("worker {worker} crashes"));
                self.workers[worker] = Worker::Idle;
            }
            20..24 => self.deliver(chance),
            24 => {
                let forged = self.provider.forged(chance);
                self.receive_webhook(forged, false);
            }
            25..28 => {
                self.provider.act(chance, self.now);
                self.note(|| "something happens at the provider".into());
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

    /// The host gives a command.
    fn command(&mut self, chance: &mut Chance<'_>) {
        let command = self.provider.command(chance);
        let snapshot = self.load();
        match snapshot.handle(&command.to_string(), &self.context()) {
            Ok(step) => {
                self.note(|| format!("command {command}"));
                assert!(self.save(snapshot.revision(), step.next.as_ref()), "another worker has saved meanwhile");
                // A backup from before a command does not have it, and no library can help there.
                self.backups.clear();
            }
            Err(rulebound::ffi::AnyError::Rejected(_)) => self.note(|| format!("rejected: {command}")),
            Err(why) => panic!("the command is malformed: {why}: {command}"),
        }
    }

    /// Restores the store from a backup. Every worker starts again.
    fn restore(&mut self, chance: &mut Chance<'_>) {
        let Some((row, taken_at)) = chance.one(&self.backups).cloned() else { return };
        self.note(|| format!("the backup of {} min is restored", (taken_at - START) / MINUTE));
        self.workers.iter_mut().for_each(|it| *it = Worker::Idle);
        self.inbox.clear();
        self.revision = load(&row).map(|it| it.revision()).unwrap_or_default();
        self.row = row;
        self.provider.host_restored();
        self.fact(json!({"type": "restored", "taken_at": taken_at}), None);
    }

    /// Delivers one of the webhooks so far, perhaps not for the first time.
    pub(super) fn deliver(&mut self, chance: &mut Chance<'_>) {
        let webhooks = self.provider.webhooks();
        // New webhooks are more likely.
        let back = [1, 1, 1, 2, 2, 3, 4, 6][chance.below(8)] + chance.below(2);
        let Some(webhook) = webhooks.len().checked_sub(back).and_then(|index| webhooks.get(index)).cloned() else {
            return;
        };
        self.receive_webhook(webhook, true);
    }

    /// The host receives a webhook.
    pub(super) fn receive_webhook(&mut self, webhook: Webhook, is_theirs: bool) {
        let origin = if is_theirs && self.provider.signs() { "verified" } else { "unverified" };
        let kind = webhook.is_form.then_some("application/x-www-form-urlencoded");
        let fact =
            json!({"type": "webhook", "origin": origin, "topic": webhook.topic, "content_type": kind, "body": ""});
        self.fact(fact, Some(webhook));
    }

    /// The host observes a fact. An early one waits in the inbox.
    pub(super) fn fact(&mut self, fact: Value, webhook: Option<Webhook>) {
        self.fact_with_body(fact, webhook.clone(), webhook.map(|it| it.body));
    }

    fn fact_with_body(&mut self, fact: Value, webhook: Option<Webhook>, body: Option<String>) {
        let text = fact.to_string();
        let body_text = body.as_deref().unwrap_or_default();
        let read = read_fact(&text).unwrap_or_else(|why| panic!("the fact is malformed: {why}: {text}"));
        let read = read.with_body(body_text.as_bytes().to_vec());
        let snapshot = self.load();
        let observed = snapshot.observe(read, &self.context());
        if observed.is_err() && matches!(fact["type"].as_str(), Some("done" | "reviewed")) {
            // Two workers have carried out the same effect or review.
            return self.note(|| format!("comes too late: {text}"));
        }
        let step = observed.unwrap_or_else(|why| panic!("the fact is wrong: {why}: {text}"));
        match step.ignored.map(|it| it.reason) {
            None => {
                self.note(|| format!("fact {text} {body_text}"));
                assert!(self.save(snapshot.revision(), step.next.as_ref()), "another worker has saved meanwhile");
                if let Some(webhook) = &webhook {
                    self.provider.host_observed(webhook);
                }
                if !step.new_ids.is_empty() {
                    for early in std::mem::take(&mut self.inbox) {
                        self.fact(early.fact, early.webhook);
                    }
                }
            }
            Some(rulebound::IgnoredReason::Early) => self.inbox.push(EarlyFact { fact, webhook }),
            // At the end of a history every webhook comes again and again, so the log omits it.
            Some(reason) if self.workers.len() > 1 => {
                self.note(|| format!("is ignored, since {reason:?}: {text} {body_text}"));
            }
            Some(_) => {}
        }
    }

    /// The host receives a reply.
    pub(super) fn replied(&mut self, effect: &str, sending: Option<u64>, status: u16, body: &str) {
        let mut fact = json!({"type": "reply", "effect": effect, "http_status": status});
        self.number(&mut fact, sending);
        self.fact_with_body(fact, None, Some(body.to_owned()));
        self.provider.host_got_reply(effect, status, body);
    }

    /// Adds the number of the sending, if this host reports it.
    pub(super) fn number(&self, fact: &mut Value, sending: Option<u64>) {
        if let Some(sending) = sending.filter(|_| self.numbers) {
            fact["sending"] = sending.into();
        }
    }

    /// Time passes.
    pub(super) fn pass(&mut self, until: i64) {
        // In several spans, so that the provider's own changes happen in between.
        while self.now < until {
            self.now = until.min(self.now + 12 * 60 * MINUTE);
            self.provider.tick(self.now);
        }
        self.note(|| "time has passed".into());
        self.check(self.load().as_ref());
    }

    pub(super) fn load(&self) -> Box<dyn AnySnapshot> {
        load(&self.row).unwrap_or_else(|why| panic!("a saved snapshot does not load: {why}: {}", self.row))
    }

    pub(super) fn context(&self) -> Context {
        Context::new(Timestamp::from_millis(self.now), Arc::clone(&self.config))
    }

    /// `UPDATE … WHERE revision = ?`: whether no other worker was faster.
    pub(super) fn save(&mut self, before: u64, next: &dyn AnySnapshot) -> bool {
        if self.revision != before {
            return false;
        }
        if self.backups.len() == BACKUPS {
            self.backups.remove(0);
        }
        self.backups.push((self.row.clone(), self.now));
        self.row = next.save();
        self.provider.host_saved(&self.row);
        self.revision = next.revision();
        assert_eq!(self.load().save(), self.row, "a saved snapshot loads as another");
        self.check(next);
        true
    }

    /// Checks what must hold for the row at any time.
    fn check(&self, snapshot: &dyn AnySnapshot) {
        if let Some(why) = asleep(snapshot, &self.context()) {
            panic!("the row sleeps: {why}: {}", self.row);
        }
        if let Some(wrong) = self.provider.wrong() {
            panic!("{wrong}: {}", self.row);
        }
    }
}

/// The key and the config of a flow.
fn key_and_config(flow: &str, kind: u8) -> (Key, Arc<Config>) {
    let mut found = None;
    macro_rules! find {
        ($provider:ident :: $flow:ident) => {{
            type F = rulebound::$provider::$flow;
            if <F as rulebound::Flow>::ID == flow {
                let alphabet = Alphabet::<F>::load();
                found = Some((alphabet.key, alphabet.config));
            }
        }};
    }
    rulebound::for_each_flow!(find);
    let (key, config) = found.unwrap_or_else(|| panic!("there is no flow {flow}"));
    // A subscription by a form does not take its key from a token.
    let is_form = flow == "revup.subscription" && kind % 4 == 3;
    let own = Key::parse("00000000-0000-4000-8000-00000000000f").ok();
    (own.filter(|_| is_form).unwrap_or(key), config)
}

/// The provider of a flow.
fn provider_of(flow: &str, key: &Key, kind: u8) -> Box<dyn Provider> {
    match flow {
        "truemed.payment_token" => Box::new(truemed::Truemed::token(key.as_str(), kind)),
        "truemed.payment_session" => Box::new(truemed::Truemed::session(key.as_str(), kind)),
        "truemed.qualification_session" => Box::new(qualification::Qualifications::new(kind)),
        "flex.checkout" => Box::new(flex::Flex::new(false, kind)),
        "flex.subscription" => Box::new(flex::Flex::new(true, kind)),
        "vend.subscription" => Box::new(vend::Vend::new(kind)),
        "revup.subscription" => Box::new(revup::Revup::new(kind)),
        _ => panic!("there is no model of the provider of {flow}"),
    }
}
