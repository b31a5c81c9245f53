//! What always holds, whatever happens: two workers with optimistic locking, an inbox, crashes between any two steps,
//! answers and signals that are lost, late, repeated or forged.

#[path = "properties/hostile.rs"]
mod hostile;
#[path = "properties/truemed.rs"]
mod truemed;

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rulebound::snapshot::{Observation, Transition};
use rulebound::time::Timestamp;
use rulebound::truemed::{PaymentSession, PaymentToken};
use rulebound::{
    Because, Command, Effect, EffectId, Env, Fact, Flow, Headers, Origin, Request, Snapshot, Verdict, Via,
};
use rulebound_tests::explore::{START, long_after};
use serde_json::Value;
use truemed::{Luck, Truemed};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// The host wishes for one of the samples.
    Wish(usize),
    /// A worker does the next of its steps: load, begin and save, send, tell.
    Work { worker: usize, choice: usize, luck: Luck },
    /// A worker dies, and forgets everything.
    Crash(usize),
    /// Truemed delivers one of its webhooks, maybe not for the first time.
    Deliver(usize),
    /// Somebody forges a webhook that says a session is captured.
    Forge(usize),
    /// The customer, or Truemed's review, ends one of the things that are open at Truemed.
    Settle(usize, Luck),
    /// Everything that is open at Truemed ends well, and every webhook comes.
    Calm,
    /// The customer's browser comes back.
    Return,
    /// The clock moves on by some minutes.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let luck = || any::<u8>().prop_map(Luck);
    prop_oneof![
        6 => (0..16_usize).prop_map(Step::Wish),
        16 => (0..2_usize, 0..8_usize, luck()).prop_map(|(worker, choice, luck)| Step::Work { worker, choice, luck }),
        1 => (0..2_usize).prop_map(Step::Crash),
        8 => (0..32_usize).prop_map(Step::Deliver),
        1 => (0..4_usize).prop_map(Step::Forge),
        6 => ((0..8_usize), luck()).prop_map(|(which, luck)| Step::Settle(which, luck)),
        1 => Just(Step::Calm),
        1 => Just(Step::Return),
        2 => prop_oneof![Just(1_u64), Just(6), Just(60), Just(24 * 60)].prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(20_261_121), ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_token_is_safe_whatever_happens(head_start in 0..3_usize, steps in vec(step(), 1..200)) {
        World::<PaymentToken>::new().live(head_start, &steps);
    }

    #[test]
    fn a_session_is_safe_whatever_happens(head_start in 0..3_usize, steps in vec(step(), 1..60)) {
        World::<PaymentSession>::new().live(head_start, &steps);
    }
}

/// A worker between two of its steps.
enum Worker<F: Flow> {
    Idle,
    Loaded(Snapshot<F>),
    Taken(EffectId, Request),
    Heard(Fact<'static>),
}

/// A host, its provider, and what was seen of both.
struct World<F: Flow> {
    now: Timestamp,
    wishes: Vec<F::Command>,
    /// The one row of the store.
    row: String,
    inbox: Vec<Fact<'static>>,
    workers: [Worker<F>; 2],
    truemed: Truemed,
    /// The sessions whose capture a verified webhook or a look-up has shown.
    shown: BTreeSet<String>,
    fulfilled: BTreeSet<String>,
    /// The key of every effect that was begun.
    keys: BTreeMap<EffectId, String>,
    /// The key under which every intent was last sent.
    intents: BTreeMap<String, String>,
    /// The keys that were told to have come to nothing.
    failed: BTreeSet<String>,
}

impl<F: Flow> World<F> {
    fn new() -> Self {
        Self {
            now: START,
            wishes: F::samples().commands,
            row: Snapshot::<F>::start(F::sample_key()).save(),
            inbox: Vec::new(),
            workers: [Worker::Idle, Worker::Idle],
            truemed: Truemed::default(),
            shown: BTreeSet::new(),
            fulfilled: BTreeSet::new(),
            keys: BTreeMap::new(),
            intents: BTreeMap::new(),
            failed: BTreeSet::new(),
        }
    }

    /// Lives through some steps, after some wishes that came true in peace, and then in peace until nothing is open.
    fn live(mut self, head_start: usize, steps: &[Step]) {
        for wish in 0..head_start {
            self.step(&Step::Wish(2 * wish));
            self.rest();
        }
        for step in steps {
            self.step(step);
        }
        self.rest();
        let paid: BTreeSet<_> = self.truemed.captured().map(|it| it.id.clone()).collect();
        let lost: Vec<_> = paid.difference(&self.fulfilled).collect();
        assert!(lost.is_empty(), "paid and never fulfilled: {lost:?} in {}", self.row);
        let stuck = self.load().owed(&self.env());
        assert!(stuck.is_empty(), "owed for ever: {stuck:?} in {}", self.row);
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Wish(which) => {
                let wish = self.wishes[which % self.wishes.len()].clone();
                let at = self.load();
                if let Ok(transition) = at.handle(Command::Wish(wish), &self.env()) {
                    assert!(self.save(&at, transition), "nobody else has saved meanwhile");
                }
            }
            Step::Work { worker, choice, luck } => self.work(*worker, *choice, *luck),
            Step::Crash(worker) => self.workers[*worker] = Worker::Idle,
            Step::Deliver(which) => {
                if let Some(body) = self.truemed.webhook(*which) {
                    self.deliver(body, Origin::Verified);
                }
            }
            Step::Forge(which) => {
                let body = format!(r#"{{"payment_session_id": "ps_{which}", "status": "captured"}}"#);
                self.deliver(body, Origin::Unverified);
            }
            Step::Settle(which, luck) => self.truemed.settle(*which, *luck),
            Step::Calm => {
                self.truemed.settle_all();
                (0..self.truemed.webhooks()).for_each(|which| self.step(&Step::Deliver(which)));
            }
            Step::Return => self.tell(Fact::Returned { via: Via::SuccessUrl }),
            Step::Wait(minutes) => self.now = self.now.after(rulebound::time::Millis::from_minutes(*minutes)),
        }
    }

    /// Every open thing ends well, every webhook comes, every answer arrives, and time passes.
    fn rest(&mut self) {
        self.workers = [Worker::Idle, Worker::Idle];
        for _ in 0..40 {
            let before = self.row.clone();
            self.step(&Step::Calm);
            for choice in [0, 1, 2, 3] {
                (0..4).for_each(|_| self.work(0, choice, Luck::GOOD));
            }
            match self.load().deadline(&self.env()) {
                Some(deadline) => self.now = deadline,
                None if self.row == before => return,
                None => {}
            }
        }
    }

    fn work(&mut self, worker: usize, choice: usize, luck: Luck) {
        self.workers[worker] = match std::mem::replace(&mut self.workers[worker], Worker::Idle) {
            Worker::Idle => Worker::Loaded(self.load()),
            Worker::Loaded(at) => self.begin(&at, choice),
            Worker::Taken(id, request) => {
                let to = id.as_str().to_owned().into();
                Worker::Heard(match self.truemed.answer(&request, luck) {
                    None => Fact::Lost { to },
                    Some((status, body)) => {
                        Fact::Reply { to, status, headers: Headers::default(), body: body.into_bytes().into() }
                    }
                })
            }
            Worker::Heard(fact) => {
                self.tell(fact);
                Worker::Idle
            }
        };
    }

    /// Takes something that is due in hand, or does it; it may be that another worker was faster.
    fn begin(&mut self, at: &Snapshot<F>, choice: usize) -> Worker<F> {
        let due: Vec<_> = at.owed(&self.env()).into_iter().filter(|it| it.ready).collect();
        let Some(owed) = due.get(choice % due.len().max(1)) else { return Worker::Idle };
        let done = |verdict| Fact::Done { effect: owed.id.as_str().to_owned().into(), verdict };
        match &owed.effect {
            Effect::Request { .. } => {
                let transition = at.handle(owed.id.clone(), &self.env()).expect("what is ready can be begun");
                let request = transition.take.clone().expect("a request is handed out");
                if !self.save(at, transition) {
                    return Worker::Idle;
                }
                self.taken(at, &owed.id, &request);
                Worker::Taken(owed.id.clone(), request)
            }
            Effect::Review { verdicts, .. } => {
                Worker::Heard(done(Some(Verdict::Plain(verdicts[choice % verdicts.len()].as_ref().into()))))
            }
            Effect::Fulfill { of } => {
                self.fulfilled.insert(of.clone());
                Worker::Heard(done(None))
            }
            _ => Worker::Heard(done(None)),
        }
    }

    /// What must hold of a request that is handed out.
    fn taken(&mut self, at: &Snapshot<F>, id: &EffectId, request: &Request) {
        let key = &request.idempotency_key;
        assert_eq!(key, self.keys.entry(id.clone()).or_insert_with(|| key.clone()), "the key of {id} has changed");
        if id.kind() != "create_payment_session" {
            return;
        }
        let body: Value = serde_json::from_str(request.body.as_deref().unwrap_or("null")).unwrap();
        if body.get("payment_token").is_some() {
            let open = at.awaits(&self.env()).into_iter().find(|it| it.signal == "payment_token_updated");
            assert!(open.is_none(), "{id} is handed out while the customer must act: {open:?}");
        }
        let intent = id.as_str().split([':', '/']).nth(1).unwrap_or_default().to_owned();
        if let Some(before) = self.intents.insert(intent, key.clone()).filter(|before| before != key) {
            assert!(self.failed.contains(&before), "{key} is sent, and nobody has told that {before} has failed");
        }
    }

    fn deliver(&mut self, body: String, origin: Origin) {
        let said: Value = serde_json::from_str(&body).unwrap();
        if origin == Origin::Verified {
            self.shows(&said["payment_session_id"], &said["status"]);
        }
        self.tell(Fact::Webhook { body: body.into_bytes().into(), content_type: None, topic: None, origin });
    }

    /// Notes how a session is shown to stand.
    fn shows(&mut self, id: &Value, status: &Value) {
        let (Some(id), Some(status)) = (id.as_str(), status.as_str()) else { return };
        match status {
            "captured" => drop(self.shown.insert(id.into())),
            "rejected" | "canceled" => self.failed.extend(self.truemed.key_of(id)),
            _ => {}
        }
    }

    /// Tells the row a fact; on a conflict it would be loaded and told again. What is early waits in the inbox.
    fn tell(&mut self, fact: Fact<'static>) {
        if let Fact::Reply { to, status, body, .. } = &fact {
            let said: Value = serde_json::from_slice(body).unwrap_or_default();
            if to.starts_with("retrieve_payment_session:") {
                self.shows(&said["id"], &said["status"]);
            }
            if matches!(status, 400 | 404 | 422) {
                self.failed.extend(self.keys.iter().find(|(id, _)| id.as_str() == *to).map(|(_, key)| key.clone()));
            }
        }
        let at = self.load();
        match at.observe(fact.clone(), &self.env()).expect("the host builds its facts right") {
            Observation::Applied(transition) => {
                let learnt = !transition.learnt.is_empty();
                assert!(self.save(&at, transition), "nobody else has saved meanwhile");
                if learnt {
                    std::mem::take(&mut self.inbox).into_iter().for_each(|fact| self.tell(fact));
                }
            }
            Observation::Unmoved { because: Because::Early, .. } => self.inbox.push(fact),
            _ => {}
        }
    }

    fn env(&self) -> Env<F::Settings> {
        Env::at(self.now)
    }

    fn load(&self) -> Snapshot<F> {
        Snapshot::load(&self.row).expect("what was saved can be loaded")
    }

    /// `UPDATE … WHERE revision = ?`: whether nobody else was faster.
    fn save(&mut self, before: &Snapshot<F>, transition: Transition<F>) -> bool {
        if self.load().revision() != before.revision() {
            return false;
        }
        let owed = transition.next.owed(&Env::at(long_after(self.now)));
        for owed in owed {
            if let Effect::Fulfill { of } = owed.effect {
                assert!(self.shown.contains(&of), "{of} is to be fulfilled, and nothing shows that it was captured");
            }
        }
        self.row = transition.next.save();
        assert_eq!(Snapshot::load(&self.row), Ok(transition.next), "what was saved is loaded");
        true
    }
}
