//! The decisions that are measured: each is one step of the library, and the same step by hand, on equal snapshots.
//!
//! The inputs are made before the clock starts; the results are dropped while it runs, as a host would drop them.

mod scene;

use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, Instant};

use rulebound::truemed::{PaymentToken, UpdatePaymentToken};
use rulebound::{Context, EffectId, Fact, HandleError, Headers, ObserveError, Origin, Snapshot, Step, ffi, json};

use crate::hand::{self, Broken, Row};
use scene::Scene;

/// How many inputs are made at a time.
const BATCH: u64 = 64;

/// One way to take a step.
pub struct Side {
    run: Box<dyn Fn(u64) -> Duration>,
    /// The result of the step, as a string that both ways share.
    result: String,
}

impl Side {
    fn new<I>(input: impl Fn() -> I + 'static, step: impl Fn(I) + 'static, result: String) -> Self {
        let run = move |times: u64| {
            let mut spent = Duration::ZERO;
            let mut left = times;
            while left > 0 {
                let inputs: Vec<I> = (0..left.min(BATCH)).map(|_| input()).collect();
                left = left.saturating_sub(BATCH);
                let started = Instant::now();
                inputs.into_iter().for_each(&step);
                spent += started.elapsed();
            }
            spent
        };
        Self { run: Box::new(run), result }
    }

    /// The time that a number of steps takes.
    pub fn run(&self, times: u64) -> Duration {
        (self.run)(times)
    }
}

/// One decision, both ways.
pub struct Case {
    /// The decision.
    pub name: &'static str,
    /// With the library.
    pub rulebound: Side,
    /// By hand.
    pub hand: Side,
}

impl Case {
    fn new(name: &'static str, rulebound: Side, hand: Side) -> Self {
        assert_eq!(rulebound.result, hand.result, "{name}: the two ways differ");
        Self { name, rulebound, hand }
    }
}

/// Every decision whose name has a part. Panics if the two ways have different results.
pub fn cases(part: &str) -> Vec<Case> {
    type Make = fn(&'static str, &Scene) -> Case;
    let all: [(&'static str, Make); 14] = [
        ("handle: charge, accepted", |name, scene| charge(name, scene, &scene.issued)),
        ("handle: charge after 2 charges", |name, scene| charge(name, scene, &scene.after(2))),
        ("handle: charge after 200 charges", |name, scene| charge(name, scene, &scene.after(200))),
        ("handle: items, accepted", |name, scene| update(name, scene, UpdatePaymentToken::items(scene::magnesium()))),
        ("handle: charge while an action is open, rejected", |name, scene| charge(name, scene, &scene.pending)),
        ("handle: card and items at once, rejected", |name, scene| update(name, scene, scene::both())),
        ("observe: payment_token_updated", |name, scene| webhook(name, scene, &scene.awaiting)),
        ("observe: payment_token_updated, redelivered", |name, scene| webhook(name, scene, &scene.issued)),
        ("observe: reply to an update", reply),
        ("observe: done", done),
        ("effects", effects),
        ("actions", actions),
        ("ffi::call: charge, accepted", call),
        ("json::write: the effects, beside serde_json", write),
    ];
    let scene = Scene::new();
    all.into_iter().filter(|(name, _)| name.contains(part)).map(|(name, make)| make(name, &scene)).collect()
}

type Both = (Snapshot<PaymentToken>, Row);

fn charge(name: &'static str, scene: &Scene, (ours, row): &Both) -> Case {
    let (context, now) = (scene.context(), scene.now);
    let (snapshot, command) = (ours.clone(), scene::charge("2026-12"));
    let result = handled(snapshot.handle(command.clone(), &context), &context);
    let step = move |command| drop(black_box(snapshot.handle(black_box(command), &context)));
    let rulebound = Side::new(
        {
            let command = command.clone();
            move || command.clone()
        },
        step,
        result,
    );
    let row = row.clone();
    let result = handled_by_hand(hand::charge(&row, command.clone(), now), now);
    let step = move |command| drop(black_box(hand::charge(&row, black_box(command), now)));
    Case::new(name, rulebound, Side::new(move || command.clone(), step, result))
}

fn update(name: &'static str, scene: &Scene, command: UpdatePaymentToken) -> Case {
    let (context, now, (snapshot, row)) = (scene.context(), scene.now, scene.issued.clone());
    let result = handled(snapshot.handle(command.clone(), &context), &context);
    let step = move |command: UpdatePaymentToken| drop(black_box(snapshot.handle(black_box(command), &context)));
    let rulebound = Side::new(
        {
            let command = command.clone();
            move || command.clone()
        },
        step,
        result,
    );
    let result = handled_by_hand(hand::update(&row, command.clone(), now), now);
    let step = move |command| drop(black_box(hand::update(&row, black_box(command), now)));
    Case::new(name, rulebound, Side::new(move || command.clone(), step, result))
}

fn webhook(name: &'static str, scene: &Scene, (ours, row): &Both) -> Case {
    let (context, now, snapshot, row) = (scene.context(), scene.now, ours.clone(), row.clone());
    let result = observed(snapshot.observe(scene::token_updated(), &context), &context);
    let step = move |fact| drop(black_box(snapshot.observe(black_box(fact), &context)));
    let rulebound = Side::new(scene::token_updated, step, result);
    let result = by_hand(hand::token_updated(&row, scene::TOKEN_UPDATED, true), now);
    let step = move |body| drop(black_box(hand::token_updated(&row, black_box(body), true)));
    Case::new(name, rulebound, Side::new(|| scene::TOKEN_UPDATED, step, result))
}

fn reply(name: &'static str, scene: &Scene) -> Case {
    let (context, now, (snapshot, row)) = (scene.context(), scene.now, scene.updating.clone());
    let fact = || Fact::Reply {
        effect: Cow::Borrowed(scene::UPDATE),
        sending: None,
        http_status: 200,
        headers: Headers::default(),
        body: Cow::Borrowed(scene::SURVEY),
    };
    let result = observed(snapshot.observe(fact(), &context), &context);
    let step = move |fact| drop(black_box(snapshot.observe(black_box(fact), &context)));
    let rulebound = Side::new(fact, step, result);
    let result = by_hand(hand::reply(&row, scene::UPDATE, scene::SURVEY, now), now);
    let step = move |body| drop(black_box(hand::reply(&row, scene::UPDATE, black_box(body), now)));
    Case::new(name, rulebound, Side::new(|| scene::SURVEY, step, result))
}

fn done(name: &'static str, scene: &Scene) -> Case {
    const NOTICE: &str = "notify:action_required:update_payment_token:1";
    let (context, now, (snapshot, row)) = (scene.context(), scene.now, scene.pending.clone());
    let fact = || Fact::Done { effect: Cow::Borrowed(NOTICE) };
    let result = observed(snapshot.observe(fact(), &context), &context);
    let step = move |fact| drop(black_box(snapshot.observe(black_box(fact), &context)));
    let rulebound = Side::new(fact, step, result);
    let result = by_hand(hand::done(&row, NOTICE), now);
    let step = move |effect| drop(black_box(hand::done(&row, black_box(effect))));
    Case::new(name, rulebound, Side::new(|| NOTICE, step, result))
}

fn effects(name: &'static str, scene: &Scene) -> Case {
    let (context, now, (snapshot, row)) = (scene.context(), scene.now, scene.charging.clone());
    let result = our_effects(&snapshot, &context);
    let step = move |()| drop(black_box(black_box(&snapshot).effects(&context)));
    let rulebound = Side::new(|| (), step, result);
    let result = hand_effects(&row, now);
    let step = move |()| drop(black_box(hand::effects(black_box(&row), now)));
    Case::new(name, rulebound, Side::new(|| (), step, result))
}

fn actions(name: &'static str, scene: &Scene) -> Case {
    let (context, now, (snapshot, row)) = (scene.context(), scene.now, scene.pending.clone());
    let result = snapshot.actions(&context).iter().map(|it| codes(&it.violations)).collect::<Vec<_>>().join(";");
    let step = move |()| drop(black_box(black_box(&snapshot).actions(&context)));
    let rulebound = Side::new(|| (), step, result);
    let result = hand::actions(&row, now).iter().map(|it| rules(&it.violations)).collect::<Vec<_>>().join(";");
    let step = move |()| drop(black_box(hand::actions(black_box(&row), now)));
    Case::new(name, rulebound, Side::new(|| (), step, result))
}

/// Our own writer, compared with that of `serde_json`.
fn write(name: &'static str, scene: &Scene) -> Case {
    let effects = scene.charging.0.effects(&scene.context());
    let result = json::write(&effects);
    let rulebound = Side::new(
        || (),
        {
            let effects = effects.clone();
            move |()| drop(black_box(json::write(black_box(&effects))))
        },
        result,
    );
    let result = serde_json::to_string(&effects).unwrap_or_default();
    let step = move |()| drop(black_box(serde_json::to_string(black_box(&effects))));
    Case::new(name, rulebound, Side::new(|| (), step, result))
}

fn call(name: &'static str, scene: &Scene) -> Case {
    let (ours, by_hand) = scene.calls();
    let accepted = |answer: String| {
        assert!(answer.starts_with(r#"{"ok":{"next":{"#), "{answer}");
        answer.matches("create_payment_session:2026-12").count().to_string()
    };
    let result = accepted(ffi::call(&ours));
    let step = move |()| drop(black_box(ffi::call(black_box(&ours))));
    let rulebound = Side::new(|| (), step, result);
    let result = accepted(hand::call(&by_hand));
    let step = move |()| drop(black_box(hand::call(black_box(&by_hand))));
    Case::new(name, rulebound, Side::new(|| (), step, result))
}

fn codes(violations: &[rulebound::Violation]) -> String {
    violations.iter().map(|it| it.rule.code).collect::<Vec<_>>().join(",")
}

fn rules(broken: &[Broken]) -> String {
    broken.iter().map(|it| it.rule).collect::<Vec<_>>().join(",")
}

fn handled(answer: Result<Step<PaymentToken>, HandleError>, context: &Context) -> String {
    match answer {
        Ok(it) => ours_step(&it, context),
        Err(HandleError::Rejected(rejection)) => format!("rejected: {}", codes(&rejection.violations)),
        Err(error) => error.to_string(),
    }
}

fn observed(answer: Result<Step<PaymentToken>, ObserveError>, context: &Context) -> String {
    let step = answer.expect("the fact is built right");
    match &step.ignored {
        None => ours_step(&step, context),
        Some(ignored) => format!("{:?}", ignored.reason),
    }
}

fn ours_step(it: &Step<PaymentToken>, context: &Context) -> String {
    let (revision, new_ids) = (it.next.revision(), it.new_ids.len());
    format!("{revision} new ids {new_ids} warned [{}] effects {}", codes(&it.warnings), our_effects(&it.next, context))
}

fn our_effects(snapshot: &Snapshot<PaymentToken>, context: &Context) -> String {
    let id = |it: &rulebound::PendingEffect| format!("{} {}", EffectId::as_str(&it.id), it.ready);
    snapshot.effects(context).iter().map(id).collect::<Vec<_>>().join(", ")
}

fn handled_by_hand(answer: Result<hand::Step, Vec<Broken>>, now: rulebound::time::Timestamp) -> String {
    match answer {
        Ok(it) => step(&it, now),
        Err(broken) => format!("rejected: {}", rules(&broken)),
    }
}

fn by_hand(answer: Result<hand::Step, hand::Ignored>, now: rulebound::time::Timestamp) -> String {
    answer.map_or_else(|reason| format!("{reason:?}"), |it| step(&it, now))
}

fn step(it: &hand::Step, now: rulebound::time::Timestamp) -> String {
    let (revision, new_ids) = (it.next.revision, it.new_ids.len());
    format!("{revision} new ids {new_ids} warned [{}] effects {}", rules(&it.warnings), hand_effects(&it.next, now))
}

fn hand_effects(row: &Row, now: rulebound::time::Timestamp) -> String {
    let id = |it: &hand::PendingEffect| format!("{} {}", it.id, it.ready);
    hand::effects(row, now).iter().map(id).collect::<Vec<_>>().join(", ")
}

/// The fact of a webhook, as a host observes it.
fn webhook_fact(body: &'static [u8]) -> Fact<'static> {
    Fact::Webhook {
        body: Cow::Borrowed(body),
        content_type: None,
        topic: None,
        origin: Origin::Verified,
        provider: None,
    }
}
