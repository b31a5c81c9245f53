//! A journey: random steps of the customer, the provider and the host, and then an end at which everything settles.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use rulebound_nets::chance::{Chance, bytes_of};
use serde_json::json;

use crate::scene::{Readings, Scene};
use crate::stage::{Counts, Stage, Worker};

/// How many bytes a step takes.
const STEP: usize = 4;
/// How many bytes come before the first step. They choose the kind of host, and how much goes wrong.
const HEAD: usize = 8;
/// The most steps.
const LONGEST: usize = 200;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// The most rounds of work until everything has settled.
const ROUNDS: usize = 400;

/// The faults of a request, as the simulator names them. By default, a good status without the documented members comes
/// after everything was done; here also before.
const FAULTS: [&str; 12] = [
    "commit_then_drop",
    "drop_before_commit",
    "webhook_before_reply",
    "error_after_commit",
    "truncated_json",
    "html_200",
    "truncated_json before commit",
    "html_200 before commit",
    "in_progress_409",
    "unauthorized_401",
    "too_many_requests_429",
    "slow",
];
/// The faults of a webhook.
const LOSSES: [&str; 3] = ["webhook_twice", "webhook_never", "webhook_after_a_day"];

/// The bytes of the journey of a number.
pub(crate) fn numbered(number: u64) -> Vec<u8> {
    let length = usize::from(bytes_of(number ^ 0x51A1, 1)[0]) % LONGEST + 1;
    bytes_of(number.wrapping_mul(31), HEAD + STEP * length)
}

/// One journey of a flow.
pub(crate) struct Journey<'a> {
    stage: Stage<'a>,
    steps: &'a [u8],
    /// Below this of 256, a request meets a fault.
    trouble: u8,
}

impl<'a> Journey<'a> {
    fn new(scene: &'a dyn Scene, readings: &'a Readings, data: &'a [u8], is_logged: bool) -> Self {
        let mut head = [0; HEAD];
        let given = data.get(..HEAD).unwrap_or(data);
        head[..given.len()].copy_from_slice(given);
        let trouble = [0, 40, 90, 150][usize::from(head[3]) % 4];
        let stage = Stage::new(scene, readings, head, is_logged);
        Self { stage, steps: data.get(HEAD..).unwrap_or_default(), trouble }
    }

    fn go(&mut self) {
        for step in self.steps.chunks(STEP) {
            self.step(&mut Chance::new(step));
            self.stage.check();
        }
        self.rest();
    }

    fn step(&mut self, chance: &mut Chance<'_>) {
        let stage = &mut self.stage;
        let scene = stage.scene;
        match chance.below(32) {
            0..6 => {
                let row = chance.below(stage.rows.len());
                let command = scene.command(&stage.view(row), chance);
                stage.command(row, &command);
            }
            6..18 => {
                let luck = chance.byte();
                let fault = (luck < self.trouble).then(|| FAULTS[usize::from(luck) % FAULTS.len()]);
                // Most workers go on without a pause.
                for _ in 0..[1, 2, 3, 3][usize::from(luck / 2) % 4] {
                    stage.work(usize::from(luck % 2), chance, fault);
                }
            }
            18 => self.crash(chance),
            19..24 => self.act(chance),
            24 if chance.below(2) == 0 => {
                let (event, what) = (chance.one(scene.provider().events()), LOSSES[chance.below(LOSSES.len())]);
                let is_calm = self.trouble == 0;
                if let Some(event) = event.filter(|_| !is_calm) {
                    stage.lose(event, what);
                }
            }
            24 => self.trick(chance),
            25 => {
                let row = chance.below(stage.rows.len());
                let returned = rulebound::ffi::read_fact(r#"{"type": "customer_returned"}"#);
                stage.observe(row, returned.unwrap_or_else(|why| panic!("{why}")), "the customer has returned");
            }
            26..31 => {
                let now = stage.now();
                let next = stage.world.next().map_or(now + 2 * MINUTE, |next| next.min(now + DAY));
                self.pass(next);
            }
            _ => {
                let span = [6, 61, 61, 25 * 60, 8 * 24 * 60, 31 * 24 * 60][chance.below(12) % 6];
                self.pass(self.stage.now() + span * MINUTE);
            }
        }
    }

    /// The host crashes: what its workers hold in memory is lost. It may stay down for some webhooks.
    fn crash(&mut self, chance: &mut Chance<'_>) {
        let stage = &mut self.stage;
        stage.note(|| "the host crashes".into());
        stage.counts.crashes += 1;
        stage.workers.iter_mut().for_each(|it| *it = Worker::Idle);
        stage.down = chance.below(4);
    }

    /// The customer, the bank or the provider acts.
    fn act(&mut self, chance: &mut Chance<'_>) {
        let stage = &mut self.stage;
        let pages: Vec<String> = stage.pages.iter().cloned().collect();
        let page = chance.one(&pages).cloned();
        let scene = stage.scene;
        let row = chance.below(stage.rows.len());
        let act = scene.provider().act(&stage.view(row), page.as_deref(), chance);
        stage.act(act);
    }

    /// Webhooks come again or in another order, or a reply comes after its timeout.
    fn trick(&mut self, chance: &mut Chance<'_>) {
        let stage = &mut self.stage;
        let nth = chance.byte();
        let what = match chance.below(5) {
            0 => json!({"hold": true}),
            1 => json!({"hold": false}),
            2 => json!({"release": "all"}),
            3 => json!({"redeliver": [1 + u64::from(nth % 8)]}),
            _ => {
                if let Some((row, effect, sending, reply)) = stage.late.pop() {
                    stage.replied(row, &effect, sending, &reply);
                }
                return;
            }
        };
        stage.note(|| format!("webhooks {what}"));
        stage.control("POST", "webhooks", &what);
        stage.deliver_due();
    }

    /// Time passes, from one due instant to the next.
    fn pass(&mut self, until: i64) {
        let stage = &mut self.stage;
        while let Some(next) = stage.world.next().filter(|next| *next < until) {
            stage.deliver_at(next);
        }
        stage.deliver_at(until);
        stage.note(|| "time has passed".into());
    }

    /// Brings everything to an end: every reply and webhook arrives, every review gets a verdict, and time passes.
    fn rest(&mut self) {
        let stage = &mut self.stage;
        stage.note(|| "nothing goes wrong from here on".into());
        stage.control("DELETE", "faults", &json!(null));
        stage.control("POST", "webhooks", &json!({"hold": false}));
        stage.control("POST", "webhooks", &json!({"release": "all"}));
        stage.down = 0;
        let scene = stage.scene;
        let end = stage.now() + scene.provider().days_to_settle() * DAY;
        for _ in 0..ROUNDS {
            let stage = &mut self.stage;
            let calm = scene.provider().calm(&stage.view(0));
            calm.into_iter().for_each(|act| stage.act(act));
            stage.deliver_due();
            self.finish();
            for page in self.stage.pages.clone() {
                let stage = &mut self.stage;
                let act = scene.provider().finish(&page);
                if !act.is_null() {
                    stage.act(act);
                    let later = stage.now() + SECOND;
                    self.pass(later);
                }
            }
            let stage = &mut self.stage;
            let context = stage.context();
            let wakes = (0..stage.rows.len()).filter_map(|row| stage.load(row).wake_at(&context));
            let wake = wakes.map(|it| it.as_millis()).min();
            match [wake, stage.world.next()].into_iter().flatten().min() {
                Some(next) if next <= end => self.pass(next.max(self.stage.now() + 1)),
                _ => break,
            }
        }
        self.pass(end.max(self.stage.now()));
        self.finish();
        self.check_settled();
    }

    /// Carries out everything that is ready, without trouble.
    fn finish(&mut self) {
        let stage = &mut self.stage;
        for turn in 0..400_u16 {
            let is_idle = stage.workers.iter().all(|it| matches!(it, Worker::Idle));
            if is_idle && stage.ready().is_empty() {
                return;
            }
            let choice = [(turn / 6) as u8];
            stage.work(usize::from(turn % 2), &mut Chance::new(&choice), None);
            stage.check();
        }
        let rows: Vec<_> = stage.rows.iter().map(|it| it.saved.as_str()).collect();
        panic!("there is always something ready: {}", rows.join("\n"));
    }

    /// Checks what must hold in the end.
    fn check_settled(&mut self) {
        let stage = &mut self.stage;
        stage.check();
        let scene = stage.scene;
        for row in 0..stage.rows.len() {
            let ledger = std::mem::take(&mut stage.ledger);
            let status = stage.status(row);
            let missing = ledger.missing(scene.provider(), &stage.view(row), &status);
            stage.ledger = ledger;
            if let Some(missing) = missing {
                panic!("{missing}: {}", stage.rows[row].saved);
            }
            if let Some(why) = rulebound_nets::hold::asleep(stage.load(row).as_ref(), &stage.context()) {
                panic!("the row sleeps: {why}: {}", stage.rows[row].saved);
            }
        }
    }
}

/// What a journey that went well has seen, or why it went wrong.
pub(crate) fn run(scene: &dyn Scene, readings: &Readings, data: &[u8]) -> Result<(Counts, u64), String> {
    let mut journey = Journey::new(scene, readings, data, false);
    quietly(|| journey.go())?;
    Ok((journey.stage.counts, journey.stage.ledger.deliveries))
}

/// The steps of a journey, one a line.
pub(crate) fn steps(scene: &dyn Scene, readings: &Readings, data: &[u8]) -> Vec<String> {
    let mut journey = Journey::new(scene, readings, data, true);
    let _ = quietly(|| journey.go());
    journey.stage.log.take().unwrap_or_default()
}

/// The same journey without the steps that the same breach does not need.
pub(crate) fn shortened(scene: &dyn Scene, readings: &Readings, data: &[u8], why: &str) -> Vec<u8> {
    let mut data = data.to_vec();
    let mut size = data.len() / STEP / 2;
    while size > 0 {
        let mut start = HEAD;
        while start < data.len() {
            let mut shorter = data.clone();
            shorter.drain(start..data.len().min(start + size * STEP));
            match run(scene, readings, &shorter) {
                Err(other) if kind(&other) == kind(why) => data = shorter,
                _ => start += size * STEP,
            }
        }
        size /= 2;
    }
    data
}

/// The kind of a breach: its words before the first name or number.
pub(crate) fn kind(why: &str) -> String {
    why.split(['`', ':', '{']).next().unwrap_or_default().to_owned()
}

thread_local! {
    /// Whether a panic in this thread is only a failed check.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a journey. A failed check is returned with its words, and not printed.
fn quietly(act: impl FnOnce()) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |why| {
            if !IS_QUIET.get() {
                before(why);
            }
        }));
    });
    IS_QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(act));
    IS_QUIET.set(false);
    done.map_err(|why| {
        let text = why.downcast_ref::<String>().cloned();
        text.or_else(|| why.downcast_ref::<&str>().map(|it| (*it).to_owned())).unwrap_or_else(|| "a panic".into())
    })
}
