//! Exploration: every snapshot that a flow's alphabet reaches, breadth first, to a stated bound.
//!
//! The bound: at most [`SNAPSHOTS`] snapshots of a flow, at most [`ALIKE`] of them with every facet in the same place,
//! none more than [`DEPTH`] moves from its start. Two snapshots count as one where they differ only in how long ago or
//! ahead an instant is, how large a number is, or in the ordinals of their obligations.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rulebound::flow::{FacetTransition, Facets};
use rulebound::snapshot::{Lease, Step};
use rulebound::time::{Millis, Timestamp};
use rulebound::{
    Context, Effect, EffectId, Fact, Fault, Flow, HandleError, Headers, Named, ObserveError, PendingEffect, Rejection,
    Snapshot,
};
use serde_json::Value;

use crate::alphabet::{Alphabet, config};

/// The most moves from the start.
pub const DEPTH: usize = 14;

/// The most snapshots of one flow.
pub const SNAPSHOTS: usize = 4000;

/// The most snapshots of one flow in which every facet stands in the same place.
pub const ALIKE: usize = 200;

/// How many times wider the bound is: 1, or what the variable `RULEBOUND_WIDTH` says.
pub fn width() -> usize {
    std::env::var("RULEBOUND_WIDTH").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// The first of December 2026: large enough for an instant to be told from a count.
pub const START: Timestamp = Timestamp::from_millis(1_796_083_200_000);

/// A snapshot that was reached.
#[derive(Debug)]
pub struct Reached<F: Flow> {
    /// The snapshot.
    pub at: Snapshot<F>,
    /// The time at which it was reached.
    pub now: Timestamp,
    /// How many moves it is from the start.
    pub depth: usize,
    /// From which snapshot it was reached, and by which move.
    pub by: Option<(usize, Move<F>)>,
}

/// Something that can be done with a snapshot.
#[derive(Clone, Debug)]
pub enum Move<F: Flow> {
    /// A command of the alphabet.
    Wish(F::Command),
    /// Leasing an effect.
    Lease(EffectId),
    /// Something happens.
    Fact(Fact<'static>),
    /// The clock moves on.
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
    /// Nobody can say such a thing, such as the answer to a request that nobody sent.
    Nonsense,
    /// Only the clock has moved.
    Waited,
    /// A facet moved where no row of its table leads.
    Faulty(Fault),
}

/// Everything that was reached of one flow.
#[derive(Debug)]
pub struct Exploration<F: Flow> {
    /// The snapshots, in the order in which they were reached.
    pub reached: Vec<Reached<F>>,
    /// The moves that facets made.
    pub taken: BTreeSet<FacetTransition>,
    /// What made the library panic.
    pub panics: Vec<String>,
    /// What moved a facet where no row of its table leads.
    pub faults: Vec<String>,
    /// The alphabet.
    pub alphabet: Alphabet<F>,
}

impl<F: Flow> Reached<F> {
    /// The circumstances in which it was reached.
    pub fn context(&self) -> Context {
        context_at::<F>(self.now)
    }
}

impl<F: Flow> Exploration<F> {
    /// Explores from the start, to the bound.
    pub fn run() -> Self {
        let alphabet = Alphabet::load();
        let start = Snapshot::start(alphabet.key.clone());
        let width = width();
        let mut known = BTreeSet::from([fingerprint(&start, START)]);
        let reached = vec![Reached { at: start, now: START, depth: 0, by: None }];
        let mut it = Self { reached, taken: BTreeSet::new(), panics: Vec::new(), faults: Vec::new(), alphabet };
        let mut alike: BTreeMap<_, usize> = BTreeMap::new();
        let mut queue = VecDeque::from([0]);
        while let Some(from) = queue.pop_front() {
            for step in moves(&it.reached[from].at, it.reached[from].now, &it.alphabet) {
                let Some((at, now)) = it.follow(from, &step) else { continue };
                let depth = it.reached[from].depth + 1;
                let of_kind = alike.entry(place(&at)).or_default();
                let is_beyond = depth > DEPTH || *of_kind >= ALIKE * width || it.reached.len() >= SNAPSHOTS * width;
                if is_beyond || !known.insert(fingerprint(&at, now)) {
                    continue;
                }
                *of_kind += 1;
                queue.push_back(it.reached.len());
                it.reached.push(Reached { at, now, depth, by: Some((from, step)) });
            }
        }
        it
    }

    /// Where a move leads, if anywhere else; notes the moves of facets.
    fn follow(&mut self, from: usize, step: &Move<F>) -> Option<(Snapshot<F>, Timestamp)> {
        let Reached { at, now, .. } = &self.reached[from];
        if let Move::Wait(until) = step {
            return Some((at.clone(), *until));
        }
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| play(at, step, *now))) else {
            self.panics.push(format!("{}\n  {}", self.path(from), describe(step)));
            return None;
        };
        if let Outcome::Faulty(fault) = outcome {
            self.faults.push(format!("{fault}\n  {}\n  {}", self.path(from), describe(step)));
            return None;
        }
        if let Outcome::Moved(step) = &outcome {
            self.taken.extend(step.transitions());
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

    /// The moves that facets may make.
    pub fn declared() -> BTreeSet<FacetTransition> {
        F::Facets::tables().into_iter().flat_map(|it| it.moves).collect()
    }
}

/// The state of each facet, and the questions that a person has to answer: of each combination only so many are followed.
fn place<F: Flow>(at: &Snapshot<F>) -> (Vec<&'static str>, BTreeSet<String>) {
    let states = at.state().facets().states().into_iter().map(|(_, state)| state).collect();
    let reviews = at.effects(&context_at::<F>(long_after(START))).into_iter().filter_map(|it| match it.effect {
        Effect::Review { reason, .. } => Some(reason.into_owned()),
        _ => None,
    });
    (states, reviews.collect())
}

/// The circumstances of a time: the config of the flow's alphabet.
pub fn context_at<F: Flow>(now: Timestamp) -> Context {
    Context::new(now, config::<F>())
}

/// Does a move.
pub fn play<F: Flow>(at: &Snapshot<F>, step: &Move<F>, now: Timestamp) -> Outcome<F> {
    let context = context_at::<F>(now);
    match step {
        Move::Wait(_) => Outcome::Waited,
        Move::Fact(fact) => match at.observe(fact.clone(), &context) {
            Ok(step) if step.ignored.is_some() => Outcome::Ignored,
            Ok(step) => Outcome::Moved(Box::new(step)),
            Err(ObserveError::Fault(fault)) => Outcome::Faulty(fault),
            Err(_) => Outcome::Nonsense,
        },
        Move::Lease(effect) => match at.lease(effect, &context) {
            Ok(lease) => Outcome::Leased(Box::new(lease)),
            Err(rejection) => Outcome::Rejected(rejection),
        },
        Move::Wish(command) => match at.handle(command.clone(), &context) {
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

/// Everything that can be done with a snapshot at a time.
pub fn moves<F: Flow>(at: &Snapshot<F>, now: Timestamp, alphabet: &Alphabet<F>) -> Vec<Move<F>> {
    let context = context_at::<F>(now);
    let mut all: Vec<_> = alphabet.commands.iter().cloned().map(Move::Wish).collect();
    for owed in at.effects(&context) {
        if owed.ready {
            all.push(Move::Lease(owed.id.clone()));
        }
        all.extend(ends(&owed, alphabet).into_iter().map(Move::Fact));
    }
    all.extend(alphabet.facts.iter().cloned().map(Move::Fact));
    all.extend(alphabet.spans.iter().map(|span| Move::Wait(now.after(*span))));
    all.extend(at.wake_at(&context).map(Move::Wait));
    all
}

/// What can be said of the end of an owed effect.
pub fn ends<F: Flow>(owed: &PendingEffect, alphabet: &Alphabet<F>) -> Vec<Fact<'static>> {
    let id = || owed.id.as_str().to_owned();
    match &owed.effect {
        Effect::Request { operation, .. } => {
            let sending = Some(owed.attempts).filter(|attempts| *attempts > 0);
            let mut replies = answers(&owed.id, sending, operation, alphabet);
            for status in [401, 429, 503] {
                let (effect, headers, body) = (id().into(), Headers::default(), Vec::new().into());
                replies.push(Fact::Reply { effect, sending, http_status: status, headers, body });
            }
            replies.push(Fact::Lost { effect: id().into(), sending });
            replies.push(Fact::NotSent { effect: id().into(), sending });
            replies
        }
        Effect::Review { verdicts, needs_id, .. } => {
            let plain = verdicts.iter().map(|it| (it.as_ref().to_owned(), None));
            let about = needs_id
                .iter()
                .flat_map(|it| alphabet.ids.iter().map(|named| (it.as_ref().to_owned(), Some(named.clone()))));
            let reviewed = |(verdict, named)| Fact::Reviewed { effect: id().into(), verdict, id: named };
            plain.chain(about).map(reviewed).collect()
        }
        _ => vec![Fact::Done { effect: id().into() }],
    }
}

/// The replies to a request that the alphabet has.
pub fn answers<F: Flow>(
    to: &EffectId,
    sending: Option<u32>,
    operation: &str,
    alphabet: &Alphabet<F>,
) -> Vec<Fact<'static>> {
    let own = alphabet.replies.iter().filter(|(of, ..)| of == operation);
    own.map(|(_, status, body)| Fact::Reply {
        effect: to.as_str().to_owned().into(),
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
        Move::Wish(command) => format!("wish {}: {command:?}", F::action_of(command).name()),
        Move::Lease(effect) => format!("lease {effect}"),
        Move::Fact(Fact::Reply { effect, sending, http_status, body, .. }) => {
            format!("reply to {effect}, sending {sending:?}: {http_status} {}", text(body))
        }
        Move::Fact(Fact::Webhook { body, origin, .. }) => format!("{origin:?} webhook: {}", text(body)),
        Move::Fact(fact) => format!("{fact:?}"),
        Move::Wait(until) => format!("wait until {until}"),
    }
}

/// An instant a century from another: by then nothing rests any more.
pub const fn long_after(now: Timestamp) -> Timestamp {
    now.after(Millis::from_hours(24 * 36_525))
}

/// What tells a snapshot from another: its JSON without its revision, its numbers by their sign, its instants by
/// whether they have passed, and the ids of its obligations without their ordinals.
fn fingerprint<F: Flow>(at: &Snapshot<F>, now: Timestamp) -> String {
    let mut saved: Value = serde_json::from_str(&at.save()).unwrap_or_default();
    saved["revision"].take();
    saved["counters"].take();
    blur(&mut saved, now);
    saved.to_string()
}

fn blur(value: &mut Value, now: Timestamp) {
    /// No count and no amount is as large as this, and every instant is.
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
        Value::Array(list) => list.iter_mut().for_each(|it| blur(it, now)),
        Value::Object(fields) => fields.values_mut().for_each(|it| blur(it, now)),
        Value::Null | Value::Bool(_) => {}
    }
}
