//! The decisions that are measured: each is one step of the library's and the same step by hand, on equal snapshots.
//!
//! The inputs are made before the clock starts; the results are dropped while it runs, as a host would drop them.

mod scene;

use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rulebound::truemed::{PaymentToken, UpdatePaymentToken};
use rulebound::{
    EffectId, Env, Fact, HandleError, Headers, Observation, ObserveError, Origin, Snapshot, Transition, ffi, json,
};

use crate::hand::{self, Broken, Row, Step};
use scene::Scene;

/// How many inputs are made at a time.
const BATCH: u64 = 64;

/// One way to take a step.
pub struct Side {
    run: Box<dyn Fn(u64) -> Duration>,
    /// What the step comes to, in words that both ways share.
    says: String,
}

impl Side {
    fn new<I>(input: impl Fn() -> I + 'static, step: impl Fn(I) + 'static, says: String) -> Self {
        let run = move |times: u64| {
            let mut spent = Duration::ZERO;
            let mut left = times;
            while left > 0 {
                let inputs: Vec<I> = (0..left.min(BATCH)).map(|_| input()).collect();
                left = left.saturating_sub(BATCH);
                let begun = Instant::now();
                inputs.into_iter().for_each(&step);
                spent += begun.elapsed();
            }
            spent
        };
        Self { run: Box::new(run), says }
    }

    /// The time that so many steps take.
    pub fn run(&self, times: u64) -> Duration {
        (self.run)(times)
    }
}

/// One decision, both ways.
pub struct Case {
    /// What is decided.
    pub name: &'static str,
    /// With the library.
    pub rulebound: Side,
    /// By hand.
    pub hand: Side,
}

impl Case {
    fn new(name: &'static str, rulebound: Side, hand: Side) -> Self {
        assert_eq!(rulebound.says, hand.says, "{name}: the two ways differ");
        Self { name, rulebound, hand }
    }
}

/// Every decision whose name has that part. Panics where the two ways come to different ends.
pub fn cases(part: &str) -> Vec<Case> {
    type Make = fn(&'static str, &Scene) -> Case;
    let all: [(&'static str, Make); 14] = [
        ("handle: charge, accepted", |name, scene| charge(name, scene, &scene.issued)),
        ("handle: charge after 2 charges", |name, scene| charge(name, scene, &scene.after(2))),
        ("handle: charge after 200 charges", |name, scene| charge(name, scene, &scene.after(200))),
        ("handle: items, accepted", |name, scene| update(name, scene, UpdatePaymentToken::items(scene::magnesium()))),
        ("handle: charge while an action is open, refused", |name, scene| charge(name, scene, &scene.pending)),
        ("handle: card and items at once, refused", |name, scene| update(name, scene, scene::both())),
        ("observe: payment_token_updated", |name, scene| webhook(name, scene, &scene.awaiting)),
        ("observe: payment_token_updated, redelivered", |name, scene| webhook(name, scene, &scene.issued)),
        ("observe: reply to an update", reply),
        ("observe: done", done),
        ("owed", owed),
        ("offers", offers),
        ("ffi::call: charge, accepted", call),
        ("json::write: what is owed, beside serde_json", write),
    ];
    let scene = Scene::new();
    all.into_iter().filter(|(name, _)| name.contains(part)).map(|(name, make)| make(name, &scene)).collect()
}

type Both = (Snapshot<PaymentToken>, Row);

fn charge(name: &'static str, scene: &Scene, (ours, row): &Both) -> Case {
    let (env, now) = (scene.env(), scene.now);
    let (at, command) = (ours.clone(), scene::charge("2026-12"));
    let says = handled(at.handle(command.clone(), &env), &env);
    let step = move |command| drop(black_box(at.handle(black_box(command), &env)));
    let rulebound = Side::new(
        {
            let command = command.clone();
            move || command.clone()
        },
        step,
        says,
    );
    let row = row.clone();
    let says = stepped(hand::charge(&row, command.clone(), now), now);
    let step = move |command| drop(black_box(hand::charge(&row, black_box(command), now)));
    Case::new(name, rulebound, Side::new(move || command.clone(), step, says))
}

fn update(name: &'static str, scene: &Scene, command: UpdatePaymentToken) -> Case {
    let (env, now, (at, row)) = (scene.env(), scene.now, scene.issued.clone());
    let says = handled(at.handle(command.clone(), &env), &env);
    let step = move |command: UpdatePaymentToken| drop(black_box(at.handle(black_box(command), &env)));
    let rulebound = Side::new(
        {
            let command = command.clone();
            move || command.clone()
        },
        step,
        says,
    );
    let says = stepped(hand::update(&row, command.clone(), now), now);
    let step = move |command| drop(black_box(hand::update(&row, black_box(command), now)));
    Case::new(name, rulebound, Side::new(move || command.clone(), step, says))
}

fn webhook(name: &'static str, scene: &Scene, (ours, row): &Both) -> Case {
    let (env, now, at, row) = (scene.env(), scene.now, ours.clone(), row.clone());
    let says = observed(at.observe(scene::token_updated(), &env), &env);
    let step = move |fact| drop(black_box(at.observe(black_box(fact), &env)));
    let rulebound = Side::new(scene::token_updated, step, says);
    let says = seen(hand::token_updated(&row, scene::TOKEN_UPDATED, true), now);
    let step = move |body| drop(black_box(hand::token_updated(&row, black_box(body), true)));
    Case::new(name, rulebound, Side::new(|| scene::TOKEN_UPDATED, step, says))
}

fn reply(name: &'static str, scene: &Scene) -> Case {
    let (env, now, (at, row)) = (scene.env(), scene.now, scene.updating.clone());
    let fact = || Fact::Reply {
        to: Cow::Borrowed(scene::UPDATE),
        sending: None,
        status: 200,
        headers: Headers::default(),
        body: Cow::Borrowed(scene::SURVEY),
    };
    let says = observed(at.observe(fact(), &env), &env);
    let step = move |fact| drop(black_box(at.observe(black_box(fact), &env)));
    let rulebound = Side::new(fact, step, says);
    let says = seen(hand::answered(&row, scene::UPDATE, scene::SURVEY, now), now);
    let step = move |body| drop(black_box(hand::answered(&row, scene::UPDATE, black_box(body), now)));
    Case::new(name, rulebound, Side::new(|| scene::SURVEY, step, says))
}

fn done(name: &'static str, scene: &Scene) -> Case {
    const NOTICE: &str = "notify:action_required:update_payment_token:1";
    let (env, now, (at, row)) = (scene.env(), scene.now, scene.pending.clone());
    let fact = || Fact::Done { effect: Cow::Borrowed(NOTICE), verdict: None };
    let says = observed(at.observe(fact(), &env), &env);
    let step = move |fact| drop(black_box(at.observe(black_box(fact), &env)));
    let rulebound = Side::new(fact, step, says);
    let says = seen(hand::done(&row, NOTICE), now);
    let step = move |effect| drop(black_box(hand::done(&row, black_box(effect))));
    Case::new(name, rulebound, Side::new(|| NOTICE, step, says))
}

fn owed(name: &'static str, scene: &Scene) -> Case {
    let (env, now, (at, row)) = (scene.env(), scene.now, scene.charging.clone());
    let says = ours_owed(&at, &env);
    let step = move |()| drop(black_box(black_box(&at).owed(&env)));
    let rulebound = Side::new(|| (), step, says);
    let says = hand_owed(&row, now);
    let step = move |()| drop(black_box(hand::owed(black_box(&row), now)));
    Case::new(name, rulebound, Side::new(|| (), step, says))
}

fn offers(name: &'static str, scene: &Scene) -> Case {
    let (env, now, (at, row)) = (scene.env(), scene.now, scene.pending.clone());
    let says = at.offers(&env).iter().map(|it| codes(&it.violations)).collect::<Vec<_>>().join(";");
    let step = move |()| drop(black_box(black_box(&at).offers(&env)));
    let rulebound = Side::new(|| (), step, says);
    let says = hand::offers(&row, now).iter().map(|it| rules(&it.violations)).collect::<Vec<_>>().join(";");
    let step = move |()| drop(black_box(hand::offers(black_box(&row), now)));
    Case::new(name, rulebound, Side::new(|| (), step, says))
}

/// Our own writer, for which `serde_json`'s stands in for the hand.
fn write(name: &'static str, scene: &Scene) -> Case {
    let owed = scene.charging.0.owed(&scene.env());
    let says = json::write(&owed);
    let rulebound = Side::new(
        || (),
        {
            let owed = owed.clone();
            move |()| drop(black_box(json::write(black_box(&owed))))
        },
        says,
    );
    let says = serde_json::to_string(&owed).unwrap_or_default();
    let step = move |()| drop(black_box(serde_json::to_string(black_box(&owed))));
    Case::new(name, rulebound, Side::new(|| (), step, says))
}

fn call(name: &'static str, scene: &Scene) -> Case {
    let (ours, by_hand) = scene.calls();
    let accepted = |answer: String| {
        assert!(answer.starts_with(r#"{"ok":{"next":{"#), "{answer}");
        answer.matches("create_payment_session:2026-12").count().to_string()
    };
    let says = accepted(ffi::call(&ours));
    let step = move |()| drop(black_box(ffi::call(black_box(&ours))));
    let rulebound = Side::new(|| (), step, says);
    let says = accepted(hand::call(&by_hand));
    let step = move |()| drop(black_box(hand::call(black_box(&by_hand))));
    Case::new(name, rulebound, Side::new(|| (), step, says))
}

type Ours = Env<rulebound::truemed::Settings>;

fn codes(violations: &[rulebound::Violation]) -> String {
    violations.iter().map(|it| it.rule.code).collect::<Vec<_>>().join(",")
}

fn rules(broken: &[Broken]) -> String {
    broken.iter().map(|it| it.rule).collect::<Vec<_>>().join(",")
}

fn handled(answer: Result<Transition<PaymentToken>, HandleError>, env: &Ours) -> String {
    match answer {
        Ok(it) => transition(&it, env),
        Err(HandleError::Rejected(rejection)) => format!("refused: {}", codes(&rejection.violations)),
        Err(error) => error.to_string(),
    }
}

fn observed(answer: Result<Observation<PaymentToken>, ObserveError>, env: &Ours) -> String {
    match answer.expect("the fact is built right") {
        Observation::Applied(it) => transition(&it, env),
        Observation::Unmoved { because, .. } => format!("{because:?}"),
    }
}

fn transition(it: &Transition<PaymentToken>, env: &Ours) -> String {
    let (revision, learnt) = (it.next.revision(), it.learnt.len());
    format!("{revision} learnt {learnt} warned [{}] owes {}", codes(&it.warnings), ours_owed(&it.next, env))
}

fn ours_owed(at: &Snapshot<PaymentToken>, env: &Ours) -> String {
    let id = |it: &rulebound::Owed| format!("{} {}", EffectId::as_str(&it.id), it.ready);
    at.owed(env).iter().map(id).collect::<Vec<_>>().join(", ")
}

fn stepped(answer: Result<Step, Vec<Broken>>, now: rulebound::time::Timestamp) -> String {
    match answer {
        Ok(it) => step(&it, now),
        Err(broken) => format!("refused: {}", rules(&broken)),
    }
}

fn seen(answer: Result<Step, hand::Unmoved>, now: rulebound::time::Timestamp) -> String {
    answer.map_or_else(|because| format!("{because:?}"), |it| step(&it, now))
}

fn step(it: &Step, now: rulebound::time::Timestamp) -> String {
    let (revision, learnt) = (it.next.revision, it.learnt.len());
    format!("{revision} learnt {learnt} warned [{}] owes {}", rules(&it.warnings), hand_owed(&it.next, now))
}

fn hand_owed(row: &Row, now: rulebound::time::Timestamp) -> String {
    let id = |it: &hand::Due| format!("{} {}", it.id, it.ready);
    hand::owed(row, now).iter().map(id).collect::<Vec<_>>().join(", ")
}

/// The webhook's fact, as a host hands it over.
fn webhook_fact(body: &'static [u8]) -> Fact<'static> {
    Fact::Webhook { body: Cow::Borrowed(body), content_type: None, topic: None, origin: Origin::Verified }
}
