//! Exploration: every snapshot that a flow's alphabet reaches, breadth first, to a stated bound.
//!
//! The bound: at most [`SNAPSHOTS`] snapshots of a flow, at most [`ALIKE`] of them with every facet in the same place,
//! none more than [`DEPTH`] moves from its start. Two snapshots count as one where they differ only in how long ago or
//! ahead an instant is, how large a number is, or in the ordinals of their obligations.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rulebound::flow::{FacetTransition, Facets};
use rulebound::snapshot::{Observation, Transition};
use rulebound::time::{Millis, Timestamp};
use rulebound::{
    Command, Effect, EffectId, Env, Fact, Fault, Flow, HandleError, Headers, Named, ObserveError, Owed, Policy,
    Rejection, Snapshot, Verdict,
};
use serde_json::Value;

use crate::alphabet::{Alphabet, settings};

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
    /// Taking an owed effect in hand.
    Begin(EffectId),
    /// Something happens.
    Fact(Fact<'static>),
    /// The clock moves on.
    Wait(Timestamp),
}

/// What a move leads to.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome<F: Flow> {
    /// A transition.
    Moved(Box<Transition<F>>),
    /// A command was refused.
    Refused(Rejection),
    /// A fact moved nothing.
    Unmoved,
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
    pub fn env(&self) -> Env<F::Settings> {
        env::<F>(self.now)
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
        let Outcome::Moved(transition) = outcome else { return None };
        self.taken.extend(transition.transitions());
        Some((transition.next, *now))
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
    let reviews = at.owed(&env::<F>(long_after(START))).into_iter().filter_map(|it| match it.effect {
        Effect::Review { reason, .. } => Some(reason.into_owned()),
        _ => None,
    });
    (states, reviews.collect())
}

/// The circumstances of a time: the default policy, and the settings of the flow's alphabet.
pub fn env<F: Flow>(now: Timestamp) -> Env<F::Settings> {
    Env::new(now, Policy::default(), settings::<F>())
}

/// Does a move.
pub fn play<F: Flow>(at: &Snapshot<F>, step: &Move<F>, now: Timestamp) -> Outcome<F> {
    let env = env::<F>(now);
    let command = match step {
        Move::Wait(_) => return Outcome::Waited,
        Move::Fact(fact) => {
            return match at.observe(fact.clone(), &env) {
                Ok(Observation::Applied(transition)) => Outcome::Moved(Box::new(transition)),
                Ok(_) => Outcome::Unmoved,
                Err(ObserveError::Fault(fault)) => Outcome::Faulty(fault),
                Err(_) => Outcome::Nonsense,
            };
        }
        Move::Wish(command) => Command::Wish(command.clone()),
        Move::Begin(effect) => Command::Begin(effect.clone()),
    };
    match at.handle(command, &env) {
        Ok(transition) => Outcome::Moved(Box::new(transition)),
        Err(HandleError::Fault(fault)) => Outcome::Faulty(fault),
        Err(HandleError::Rejected(rejection)) => Outcome::Refused(rejection),
        Err(error) => unreachable!("{error}"),
    }
}

/// Everything that can be done with a snapshot at a time.
pub fn moves<F: Flow>(at: &Snapshot<F>, now: Timestamp, alphabet: &Alphabet<F>) -> Vec<Move<F>> {
    let env = env::<F>(now);
    let mut all: Vec<_> = alphabet.commands.iter().cloned().map(Move::Wish).collect();
    for owed in at.owed(&env) {
        if owed.ready {
            all.push(Move::Begin(owed.id.clone()));
        }
        all.extend(ends(&owed, alphabet).into_iter().map(Move::Fact));
    }
    all.extend(alphabet.facts.iter().cloned().map(Move::Fact));
    all.extend(alphabet.spans.iter().map(|span| Move::Wait(now.after(*span))));
    all.extend(at.deadline(&env).map(Move::Wait));
    all
}

/// What can be said of the end of an owed effect.
pub fn ends<F: Flow>(owed: &Owed, alphabet: &Alphabet<F>) -> Vec<Fact<'static>> {
    let id = || owed.id.as_str().to_owned();
    match &owed.effect {
        Effect::Request { operation, .. } => {
            let sending = Some(owed.attempts).filter(|attempts| *attempts > 0);
            let mut replies = answers(&owed.id, sending, operation, alphabet);
            for status in [401, 429, 503] {
                let (to, headers, body) = (id().into(), Headers::default(), Vec::new().into());
                replies.push(Fact::Reply { to, sending, status, headers, body });
            }
            replies.push(Fact::Lost { to: id().into(), sending });
            replies.push(Fact::NotSent { to: id().into(), sending });
            replies
        }
        Effect::Review { verdicts, needs_id, .. } => {
            let plain = verdicts.iter().map(|it| Verdict::Plain(it.as_ref().into()));
            let about =
                needs_id.iter().flat_map(|it| alphabet.ids.iter().map(|id| Verdict::about(it.as_ref(), id.as_str())));
            plain.chain(about).map(|it| Fact::Done { effect: id().into(), verdict: Some(it) }).collect()
        }
        _ => vec![Fact::Done { effect: id().into(), verdict: None }],
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
        to: to.as_str().to_owned().into(),
        sending,
        status: *status,
        headers: Headers::default(),
        body: body.clone().into_bytes().into(),
    })
    .collect()
}

/// A move in a line of text.
pub fn describe<F: Flow>(step: &Move<F>) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match step {
        Move::Wish(command) => format!("wish {}: {command:?}", F::wish(command).name()),
        Move::Begin(effect) => format!("begin {effect}"),
        Move::Fact(Fact::Reply { to, sending, status, body, .. }) => {
            format!("reply to {to}, sending {sending:?}: {status} {}", text(body))
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
    saved["ordinals"].take();
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
