//! Exploration: every snapshot that a flow's alphabet reaches, breadth first, up to a bound.
//!
//! The bound: at most [`SNAPSHOTS`] snapshots of a flow, at most [`ALIKE`] of them with every facet in the same state,
//! none more than [`DEPTH`] moves from its start. Two snapshots count as one if only the distance of an instant, the size
//! of a number or the numbers in the ids of effects differ.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rulebound::flow::{FacetTransition, Facets};
use rulebound::snapshot::{Lease, Step};
use rulebound::time::{Millis, Timestamp};
use rulebound::{
    Context, Effect, EffectId, Fact, Fault, Flow, HandleError, Headers, LeaseError, Named, ObserveError, PendingEffect,
    Rejection, Snapshot,
};
use serde_json::Value;

use crate::alphabet::{Alphabet, config};

/// The most moves from the start.
pub const DEPTH: usize = 14;

/// The most snapshots of one flow.
pub const SNAPSHOTS: usize = 4000;

/// The most snapshots of one flow in which every facet is in the same state.
pub const ALIKE: usize = 200;

/// How many times wider the bound is: the variable `RULEBOUND_WIDTH`, or 1.
pub fn width() -> usize {
    std::env::var("RULEBOUND_WIDTH").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The first of December 2026: no count is as large, so instants can be recognized.
pub const START: Timestamp = Timestamp::from_millis(1_796_083_200_000);

/// A snapshot that was reached.
#[derive(Debug)]
pub struct Reached<F: Flow> {
    /// The snapshot.
    pub snapshot: Snapshot<F>,
    /// The time at which it was reached.
    pub now: Timestamp,
    /// How many moves it is from the start.
    pub depth: usize,
    /// From which snapshot it was reached, and by which move.
    pub by: Option<(usize, Move<F>)>,
}

/// Something that can happen to a snapshot.
#[derive(Clone, Debug)]
pub enum Move<F: Flow> {
    /// A command of the alphabet.
    Command(F::Command),
    /// Leasing an effect.
    Lease(EffectId),
    /// Observing a fact.
    Fact(Fact<'static>),
    /// Waiting until an instant.
    Wait(Timestamp),
}

/// What a move leads to.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome<F: Flow> {
    /// A step.
    Moved(Box<Step<F>>),
    /// A lease.
    Leased(Box<Lease<F>>),
    /// A command or a lease was rejected.
    Rejected(Rejection),
    /// A fact was ignored.
    Ignored,
    /// The fact cannot be true, such as a reply to a request that was never sent.
    Impossible,
    /// Only the clock has moved.
    Waited,
    /// A facet made a transition without a row in its table.
    Faulty(Fault),
}

/// Everything that exploration reached of one flow.
#[derive(Debug)]
pub struct Exploration<F: Flow> {
    /// The snapshots, in the order in which they were reached.
    pub reached: Vec<Reached<F>>,
    /// The transitions that the facets made.
    pub transitions: BTreeSet<FacetTransition>,
    /// The moves that made the library panic.
    pub panics: Vec<String>,
    /// The moves whose transitions have no row in a table.
    pub faults: Vec<String>,
    /// The alphabet.
    pub alphabet: Alphabet<F>,
}

impl<F: Flow> Reached<F> {
    /// The context in which it was reached.
    pub fn context(&self) -> Context {
        context_at::<F>(self.now)
    }
}

impl<F: Flow> Exploration<F> {
    /// Explores from the start, up to the bound.
    pub fn run() -> Self {
        let alphabet = Alphabet::load();
        let start = Snapshot::start(alphabet.key.clone());
        let width = width();
        let mut known = BTreeSet::from([fingerprint(&start, START)]);
        let reached = vec![Reached { snapshot: start, now: START, depth: 0, by: None }];
        let mut found =
            Self { reached, transitions: BTreeSet::new(), panics: Vec::new(), faults: Vec::new(), alphabet };
        let mut alike: BTreeMap<_, usize> = BTreeMap::new();
        let mut queue = VecDeque::from([0]);
        while let Some(from) = queue.pop_front() {
            for step in moves(&found.reached[from].snapshot, found.reached[from].now, &found.alphabet) {
                let Some((snapshot, now)) = found.follow(from, &step) else { continue };
                let depth = found.reached[from].depth + 1;
                let of_kind = alike.entry(kind(&snapshot)).or_default();
                let is_beyond = depth > DEPTH || *of_kind >= ALIKE * width || found.reached.len() >= SNAPSHOTS * width;
                if is_beyond || !known.insert(fingerprint(&snapshot, now)) {
                    continue;
                }
                *of_kind += 1;
                queue.push_back(found.reached.len());
                found.reached.push(Reached { snapshot, now, depth, by: Some((from, step)) });
            }
        }
        found
    }

    /// Where a move leads, if it changes anything. Notes the transitions of the facets.
    fn follow(&mut self, from: usize, step: &Move<F>) -> Option<(Snapshot<F>, Timestamp)> {
        let Reached { snapshot, now, .. } = &self.reached[from];
        if let Move::Wait(until) = step {
            return Some((snapshot.clone(), *until));
        }
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| play(snapshot, step, *now))) else {
            self.panics.push(format!("{}\n  {}", self.path(from), describe(step)));
            return None;
        };
        if let Outcome::Faulty(fault) = outcome {
            self.faults.push(format!("{fault}\n  {}\n  {}", self.path(from), describe(step)));
            return None;
        }
        if let Outcome::Moved(step) = &outcome {
            self.transitions.extend(step.transitions());
        }
        Some((outcome.next()?, *now))
    }

    /// The moves by which a snapshot was reached, one a line.
    pub fn path(&self, mut index: usize) -> String {
        let mut lines = Vec::new();
        while let Some((from, step)) = &self.reached[index].by {
            lines.push(describe(step));
            index = *from;
        }
        lines.reverse();
        lines.join("\n  ")
    }

    /// The transitions that the tables declare.
    pub fn declared() -> BTreeSet<FacetTransition> {
        F::Facets::tables().into_iter().flat_map(|table| table.moves).collect()
    }
}

/// The state of each facet, and the pending reviews. Exploration follows only [`ALIKE`] snapshots of one kind.
fn kind<F: Flow>(snapshot: &Snapshot<F>) -> (Vec<&'static str>, BTreeSet<String>) {
    let states = snapshot.state().facets().states().into_iter().map(|(_, state)| state).collect();
    let effects = snapshot.effects(&context_at::<F>(long_after(START)));
    let reviews = effects.into_iter().filter_map(|pending| match pending.effect {
        Effect::Review { reason, .. } => Some(reason.into_owned()),
        _ => None,
    });
    (states, reviews.collect())
}

/// The context of a time, with the config of the flow's alphabet.
pub fn context_at<F: Flow>(now: Timestamp) -> Context {
    Context::new(now, config::<F>())
}

/// Makes a move.
pub fn play<F: Flow>(snapshot: &Snapshot<F>, step: &Move<F>, now: Timestamp) -> Outcome<F> {
    let context = context_at::<F>(now);
    match step {
        Move::Wait(_) => Outcome::Waited,
        Move::Fact(fact) => match snapshot.observe(fact.clone(), &context) {
            Ok(step) if step.ignored.is_some() => Outcome::Ignored,
            Ok(step) => Outcome::Moved(Box::new(step)),
            Err(ObserveError::Fault(fault)) => Outcome::Faulty(fault),
            Err(_) => Outcome::Impossible,
        },
        Move::Lease(effect) => match snapshot.lease(effect, &context) {
            Ok(lease) => Outcome::Leased(Box::new(lease)),
            Err(LeaseError::Rejected(rejection)) => Outcome::Rejected(rejection),
            Err(error) => unreachable!("{error}"),
        },
        Move::Command(command) => match snapshot.handle(command.clone(), &context) {
            Ok(step) => Outcome::Moved(Box::new(step)),
            Err(HandleError::Fault(fault)) => Outcome::Faulty(fault),
            Err(HandleError::Rejected(rejection)) => Outcome::Rejected(rejection),
            Err(error) => unreachable!("{error}"),
        },
    }
}

impl<F: Flow> Outcome<F> {
    /// The next snapshot, if there is one.
    pub fn next(self) -> Option<Snapshot<F>> {
        match self {
            Self::Moved(step) => Some(step.next),
            Self::Leased(lease) => Some(lease.next),
            _ => None,
        }
    }
}

/// Every move that is tried with a snapshot at a time.
pub fn moves<F: Flow>(snapshot: &Snapshot<F>, now: Timestamp, alphabet: &Alphabet<F>) -> Vec<Move<F>> {
    let context = context_at::<F>(now);
    let mut all: Vec<_> = alphabet.commands.iter().cloned().map(Move::Command).collect();
    for pending in snapshot.effects(&context) {
        if pending.ready {
            all.push(Move::Lease(pending.id.clone()));
        }
        all.extend(facts_about(&pending, alphabet).into_iter().map(Move::Fact));
    }
    all.extend(alphabet.facts.iter().cloned().map(Move::Fact));
    all.extend(alphabet.spans.iter().map(|span| Move::Wait(now.after(*span))));
    all.extend(snapshot.wake_at(&context).map(Move::Wait));
    all
}

/// The facts that can be about a pending effect.
pub fn facts_about<F: Flow>(pending: &PendingEffect, alphabet: &Alphabet<F>) -> Vec<Fact<'static>> {
    let id = || pending.id.as_str().to_owned();
    match &pending.effect {
        Effect::Request { operation, .. } => {
            let sending = Some(pending.attempts).filter(|attempts| *attempts > 0);
            let mut replies = replies_to(&pending.id, sending, operation, alphabet);
            for status in [401, 429, 503] {
                let (effect, headers, body) = (id().into(), Headers::default(), Vec::new().into());
                replies.push(Fact::Reply { effect, sending, http_status: status, headers, body });
            }
            replies.push(Fact::Lost { effect: id().into(), sending });
            replies.push(Fact::NotSent { effect: id().into(), sending });
            replies
        }
        Effect::Review { verdicts, .. } => {
            let without_id = verdicts.iter().map(|it| (it.verdict.to_owned(), None));
            let with_id = verdicts
                .iter()
                .filter(|it| it.takes_id.is_some())
                .flat_map(|it| alphabet.ids.iter().map(|named| (it.verdict.to_owned(), Some(named.clone()))));
            let reviewed = |(verdict, named)| Fact::Reviewed { effect: id().into(), verdict, id: named };
            without_id.chain(with_id).map(reviewed).collect()
        }
        _ => vec![Fact::Done { effect: id().into() }],
    }
}

/// The alphabet's replies to a request.
pub fn replies_to<F: Flow>(
    effect: &EffectId,
    sending: Option<u32>,
    operation: &str,
    alphabet: &Alphabet<F>,
) -> Vec<Fact<'static>> {
    let own = alphabet.replies.iter().filter(|(of, ..)| of == operation);
    own.map(|(_, status, body)| Fact::Reply {
        effect: effect.as_str().to_owned().into(),
        sending,
        http_status: *status,
        headers: Headers::default(),
        body: body.clone().into_bytes().into(),
    })
    .collect()
}

/// A move in a line of text.
pub fn describe<F: Flow>(step: &Move<F>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match step {
        Move::Command(command) => format!("command {}: {command:?}", F::action_of(command).name()),
        Move::Lease(effect) => format!("lease {effect}"),
        Move::Fact(Fact::Reply { effect, sending, http_status, body, .. }) => {
            format!("reply to {effect}, sending {sending:?}: {http_status} {}", text(body))
        }
        Move::Fact(Fact::Webhook { body, origin, .. }) => format!("{origin:?} webhook: {}", text(body)),
        Move::Fact(fact) => format!("{fact:?}"),
        Move::Wait(until) => format!("wait until {until}"),
    }
}

/// An instant a century after another: every effect is visible by then.
pub const fn long_after(now: Timestamp) -> Timestamp {
    now.after(Millis::from_hours(24 * 36_525))
}

/// What distinguishes snapshots: the JSON without the revision, numbers by their sign, instants by whether they have
/// passed, and the ids of effects without their numbers.
fn fingerprint<F: Flow>(snapshot: &Snapshot<F>, now: Timestamp) -> String {
    let mut saved: Value = serde_json::from_str(&snapshot.save()).unwrap_or_default();
    saved["revision"].take();
    saved["counters"].take();
    // No decision depends on it.
    saved["last_failure"].take();
    blur(&mut saved, now);
    saved.to_string()
}

fn blur(value: &mut Value, now: Timestamp) {
    /// Every instant is larger than this; no count and no amount is.
    const INSTANTS: i64 = 1_000_000_000_000;
    match value {
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or(i64::MAX);
            let sign = if number > INSTANTS { (number - now.as_millis()).signum() + 10 } else { number.signum() };
            *value = sign.into();
        }
        Value::String(text) => {
            let name = text.trim_end_matches(|letter: char| letter.is_ascii_digit());
            if name.ends_with(':') {
                *text = name.to_owned();
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|it| blur(it, now)),
        Value::Object(fields) => fields.values_mut().for_each(|it| blur(it, now)),
        Value::Null | Value::Bool(_) => {}
    }
}
