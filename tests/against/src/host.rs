//! The host at work: its workers lease, send and report, and its receiver takes webhooks.

use rulebound::ffi::AnyError;
use rulebound::{Effect, Fact, Headers, PendingEffect, Secret, TypedId};
use rulebound_nets::chance::Chance;
use rulebound_simulator::{Controlled, Delivery, Outcome};
use serde_json::{Value, json};

use crate::scene::{Question, Sent};
use crate::stage::{BASE, Early, SECRET, Stage, Worker};
use crate::wire::{self, Answer};

/// The faults that strike after the provider has done everything.
const COMMITTED: [&str; 6] =
    ["commit_then_drop", "error_after_commit", "truncated_json", "html_200", "slow", "webhook_before_reply"];
/// What follows the name of a fault that strikes earlier than it does by default.
const EARLY: &str = " before commit";

impl Stage<'_> {
    /// Makes the next step of a worker. `fault` is what goes wrong with a request.
    pub(crate) fn work(&mut self, worker: usize, chance: &mut Chance<'_>, fault: Option<&str>) {
        self.workers[worker] = match std::mem::replace(&mut self.workers[worker], Worker::Idle) {
            Worker::Idle => self.lease(chance),
            Worker::Leased(row, request, effect, until) if self.now() >= until => {
                self.not_sent(row, &request, &effect);
                Worker::Idle
            }
            Worker::Leased(row, request, effect, _) => self.send(row, &request, effect, chance, fault),
            Worker::Sent(row, effect, sending, answer) => {
                self.report(row, &effect, sending, answer);
                Worker::Idle
            }
            Worker::Done(row, fact) => {
                let shown = format!("{fact:?}");
                self.observe(row, fact, &shown);
                Worker::Idle
            }
        };
    }

    /// The effects that are ready, with their rows.
    pub(crate) fn ready(&self) -> Vec<(usize, PendingEffect)> {
        let context = self.context();
        let of = |row: usize| self.load(row).effects(&context).into_iter().map(move |it| (row, it));
        (0..self.rows.len()).flat_map(of).filter(|(_, it)| it.ready).collect()
    }

    /// Leases a ready effect and saves the row, or gives a verdict.
    fn lease(&mut self, chance: &mut Chance<'_>) -> Worker {
        let Some((row, pending)) = chance.one(&self.ready()).cloned() else { return Worker::Idle };
        if let Effect::Review { .. } = &pending.effect {
            return self.review(row, &pending);
        }
        let leased = match self.load(row).lease(&pending.id, &self.context()) {
            Ok(leased) => leased,
            Err(AnyError::Rejected(why)) => panic!("a ready effect cannot be leased: {} {why}", pending.id),
            Err(why) => panic!("the lease is malformed: {why}"),
        };
        self.save(row, leased.next.as_ref());
        self.note(|| format!("row {row}: leases {}", pending.id));
        match leased.request {
            Some(request) => {
                self.remember(row, &pending, &request);
                let until = self.context().now.after(self.config.lease_ms).as_millis();
                Worker::Leased(row, Box::new(request), pending.id.as_str().to_owned(), until)
            }
            None => self.carry_out(row, &pending),
        }
    }

    /// Notes what is sent under which key.
    fn remember(&mut self, row: usize, pending: &PendingEffect, request: &rulebound::Request) {
        let body: Value = request.body.as_deref().and_then(|it| serde_json::from_str(it).ok()).unwrap_or_default();
        let inside = body.as_object().into_iter().flatten().map(|(_, it)| &it["x_mark"]);
        let mark = inside.chain([&body["x_mark"]]).find_map(Value::as_str).unwrap_or_default().to_owned();
        let content = format!("{} {} {:?}", request.method, request.url, request.body);
        let (row, effect) = (self.rows[row].key.clone(), pending.id.as_str().to_owned());
        let sent = Sent { row: row.clone(), effect: effect.clone(), mark, content, replies: Vec::new() };
        let is_other =
            |(key, it): (&String, &Sent)| *key != request.idempotency_key && (&it.row, &it.effect) == (&row, &effect);
        let other = self.sent.iter().find(|it| is_other(*it)).map(|(key, _)| key.clone());
        let known = self.sent.entry(request.idempotency_key.clone()).or_insert_with(|| sent.clone());
        assert!(other.is_none(), "one effect has two keys: {effect}: {other:?} and {}", request.idempotency_key);
        assert_eq!(known.effect, sent.effect, "two effects have one key: {}", request.idempotency_key);
        let is_change = request.method != "GET";
        assert!(!is_change || known.content == sent.content, "one key sends two requests: {known:?}, {sent:?}");
    }

    /// Sends a request. Webhooks can arrive before its reply.
    fn send(
        &mut self,
        row: usize,
        request: &rulebound::Request,
        effect: String,
        chance: &mut Chance<'_>,
        fault: Option<&str>,
    ) -> Worker {
        if let Some(fault) = fault {
            let mut body = json!({"match": {"provider": self.provider}, "do": fault});
            if let Some(what) = fault.strip_suffix(EARLY) {
                (body["do"], body["commit"]) = (what.into(), false.into());
            }
            self.control("POST", "faults", &body);
            *self.counts.faults.entry(fault.to_owned()).or_default() += 1;
        }
        self.counts.requests += 1;
        self.is_touched = true;
        let outcome = self.world.request(&wire::request(request, BASE), self.now());
        if let Outcome::DeliverFirst(_) = &outcome {
            self.deliver_due();
        }
        self.check_request(&effect, &request.idempotency_key, fault);
        let answer = wire::answer(outcome, chance.below(2) == 0);
        self.note(|| {
            let seen = match &answer {
                Answer::Reply(reply) => wire::shown(reply),
                Answer::Late(reply) => format!("late: {}", wire::shown(reply)),
                Answer::Lost => "no reply".into(),
            };
            format!("row {row}: sends {effect} {} ({}): {seen}", request.sending, fault.unwrap_or("no fault"))
        });
        Worker::Sent(row, effect, request.sending, answer)
    }

    /// Checks that the simulator knows the request by the library's name, and that it broke no rule that the library could have kept.
    fn check_request(&mut self, effect: &str, key: &str, fault: Option<&str>) {
        let Some(mut entry) = self.journal_entry() else { return };
        // The library has one name for Flex's two ways to refund, and for Vend's two ways to look up.
        let known = entry["operation"].as_str().map(|it| match it {
            "refund_checkout_session" => "create_refund",
            "list_subscriptions" => "retrieve_subscription",
            other => other,
        });
        assert_eq!(known, effect.split(':').next(), "a fault by the library's name would not strike: {entry}");
        assert!(![501, 405].iter().any(|it| entry["status"] == *it), "the simulator has no such operation: {entry}");
        if let Some(rule) = entry["broke"]["rule"].as_str() {
            *self.counts.refused.entry(rule.to_owned()).or_default() += 1;
            let is_race = self.scene.provider().races().contains(&rule);
            assert!(is_race || fault.is_some(), "a request broke a rule: {rule}: {entry}");
        }
        // A fault that struck before the provider did anything has its own reply in the journal.
        let is_early = fault.is_some_and(|it| it.ends_with(EARLY));
        let is_done = entry["fault"].as_str().is_none_or(|it| COMMITTED.contains(&it) && !is_early);
        if let Some(sent) = self.sent.get_mut(key).filter(|_| is_done)
            && entry["status"].as_u64() < Some(300)
        {
            sent.replies.push(entry["reply"].take());
        }
    }

    /// What the provider's journal says of the newest request.
    fn journal_entry(&mut self) -> Option<Value> {
        self.served += 1;
        let query = format!("n={}", self.served);
        let Controlled::Reply(_, mut journal) = self.world.control("GET", "requests", &query, &Value::Null) else {
            return None;
        };
        journal["requests"].as_array_mut().and_then(Vec::pop)
    }

    /// Reports what became of a request.
    fn report(&mut self, row: usize, effect: &str, sending: u32, answer: Answer) {
        match answer {
            Answer::Reply(reply) => self.replied(row, effect, sending, &reply),
            Answer::Late(reply) => {
                self.lost(row, effect, sending);
                self.late.push((row, effect.to_owned(), sending, reply));
            }
            Answer::Lost => self.lost(row, effect, sending),
        }
    }

    /// A worker sends nothing once its lease is over, and says so. This is a condition of the library, not a relief of
    /// the journeys: from the end of the lease on, a lookup that finds nothing can deny the request, and a person can
    /// give a verdict. What was sent after that would be a second charge that nobody expects. The kits keep to a shorter
    /// time. A worker that sends at the last moment, or crashes before its report, is in the journeys.
    fn not_sent(&mut self, row: usize, request: &rulebound::Request, effect: &str) {
        let id = rulebound::ffi::read_effect(effect).unwrap_or_else(|why| panic!("{why}"));
        let shown = format!("not sent {effect} {}", request.sending);
        self.observe(row, Fact::not_sent(&id, request.sending), &shown);
    }

    fn lost(&mut self, row: usize, effect: &str, sending: u32) {
        let id = rulebound::ffi::read_effect(effect).unwrap_or_else(|why| panic!("{why}"));
        self.observe(row, Fact::lost(&id, sending), &format!("lost {effect} {sending}"));
    }

    pub(crate) fn replied(&mut self, row: usize, effect: &str, sending: u32, reply: &rulebound_simulator::HttpReply) {
        let id = rulebound::ffi::read_effect(effect).unwrap_or_else(|why| panic!("{why}"));
        let headers: Headers<'_> = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let fact = Fact::reply(&id, sending, reply.status, reply.body.as_slice()).with_headers(headers);
        self.observe(row, fact, &format!("reply to {effect} {sending}: {}", wire::shown(reply)));
    }

    /// Carries out an effect that is not a request.
    fn carry_out(&mut self, row: usize, pending: &PendingEffect) -> Worker {
        let (scene, id) = (self.scene, pending.id.as_str());
        let mut ledger = std::mem::take(&mut self.ledger);
        match &pending.effect {
            Effect::Fulfill { about, .. } => ledger.deliver(scene.provider(), &self.view(row), id, about.as_str()),
            Effect::Access { about, access_until: until, .. } => {
                ledger.grant(scene.provider(), &self.view(row), id, about.as_str(), until.as_millis());
            }
            _ => {}
        }
        self.ledger = ledger;
        Worker::Done(row, Fact::done(&pending.id).into_owned())
    }

    /// A person gives the true verdict.
    fn review(&mut self, row: usize, pending: &PendingEffect) -> Worker {
        let Effect::Review { about, verdicts: choices, .. } = &pending.effect else { return Worker::Idle };
        let scene = self.scene;
        let (about, verdicts) = (about.as_str(), choices.iter().map(|it| it.verdict).collect());
        let question = Question { about, verdicts };
        let (verdict, named) = scene.provider().verdict(&self.view(row), &question);
        if verdict.is_empty() {
            return Worker::Idle;
        }
        assert!(question.has(&verdict), "`{verdict}` is no verdict of {}: {:?}", pending.id, question.verdicts);
        self.ledger.reviewed.insert((self.rows[row].key.clone(), about.to_owned()));
        self.counts.reviews += 1;
        self.note(|| format!("row {row}: {} is {verdict} {named:?}", pending.id));
        Worker::Done(row, Fact::reviewed(&pending.id, verdict, named.as_deref()).into_owned())
    }

    /// Delivers every webhook that is due.
    pub(crate) fn deliver_due(&mut self) {
        self.deliver_at(self.now());
    }

    /// Moves the clock of both sides, and delivers every webhook that is due then.
    pub(crate) fn deliver_at(&mut self, at: i64) {
        self.is_touched = true;
        for delivery in self.world.deliveries(at) {
            let is_down = self.down > 0;
            self.down = self.down.saturating_sub(1);
            // A host can crash before it has read a webhook, or after that and before it has replied.
            let reads = !is_down || self.down.is_multiple_of(2);
            let status = match self.scene.provider().is_webhook(&delivery.event) {
                true => reads.then(|| self.receive(&delivery)),
                false => Some(200),
            };
            let result = status.filter(|_| !is_down).ok_or_else(|| "the host crashes".to_owned());
            self.note(|| {
                format!("webhook {} {:?}: {result:?}", delivery.event, String::from_utf8_lossy(&delivery.body))
            });
            self.world.delivered(&delivery, &result);
        }
    }

    /// The host receives a webhook: it stores the fact, and observes it in every row that has one of its ids. Some hosts
    /// look for no ids, and observe it in every row.
    fn receive(&mut self, delivery: &Delivery) -> u16 {
        self.counts.webhooks += 1;
        let headers: Headers<'_> =
            delivery.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let topic = self.scene.provider().topic(&delivery.headers);
        let mut options = rulebound::WebhookOptions::default();
        options.topic = topic.as_deref();
        let (body, context) = (delivery.body.as_slice(), self.context());
        let secrets = [Secret::new(SECRET)];
        let received = rulebound::read_webhook_with(self.provider, &secrets, &headers, body, context.now, &options);
        let received = received.unwrap_or_else(|why| panic!("a webhook is not authentic: {why}: {delivery:?}"));
        assert!(received.unreadable.is_none(), "a webhook is unreadable: {:?}: {delivery:?}", received.unreadable);
        let ids: Vec<TypedId> = received.ids.clone();
        let (fact, status) = (received.fact.into_owned(), received.acknowledge_with);
        let is_of = |row: &usize| self.is_undiscerning || self.load(*row).ids().iter().any(|id| ids.contains(id));
        let rows: Vec<usize> = (0..self.rows.len()).filter(is_of).collect();
        let mut is_early = rows.is_empty();
        for row in rows {
            is_early |= self.observe(row, fact.clone(), "the webhook");
        }
        if is_early {
            self.inbox.push(Early { ids, fact });
        }
        status
    }
}
