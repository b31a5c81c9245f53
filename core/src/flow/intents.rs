//! The intents that a flow remembers: the host's own names for charges, captures and refunds.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::status::{Cause, IntentReport};
use super::{Flow, Named as _, Rules, Stop};
use crate::fact::IgnoredReason;
use crate::id::{Digest, IdError, Intent, REMEMBERED, saved_as_text};
use crate::money::Cents;
use crate::rule::RuleSet;
use crate::time::Timestamp;

/// How many done intents are kept in full.
const RECENT: usize = REMEMBERED;

/// How many more are kept as fingerprints. Together with the recent ones that is more than two years of weekly charges.
const OLDER: usize = 112;

/// The intents of one kind that a flow remembers: every open one, and the last 128 that are done.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Intents {
    /// Every open one, the last failed ones, and the last done ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<IntentLine>,
    /// The done ones before those.
    #[serde(default, skip_serializing_if = "Fingerprints::is_empty")]
    older: Fingerprints,
}

/// One intent, saved as a short line, because a flow remembers many: its name, its content, and what is unusual.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(with = "alloc::string::String"))]
struct IntentLine {
    intent: Intent,
    /// The fingerprint of its content, by which the flow notices different content under the same name.
    content: Digest,
    /// How often it was tried.
    number: u32,
    outcome: Outcome,
    /// The amount, if the host has named one.
    amount: Option<Cents>,
    /// When the host requested it last.
    at: Timestamp,
}

saved_as_text!(IntentLine);

impl fmt::Display for IntentLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.intent, self.content)?;
        if self.number != 1 {
            write!(f, " {}", self.number)?;
        }
        f.write_str(match self.outcome {
            Outcome::Done => "",
            Outcome::Open => " open",
            Outcome::Failed(_) => " ",
        })?;
        if let Outcome::Failed(cause) = self.outcome {
            f.write_str(cause.as_str())?;
        }
        if let Some(amount) = self.amount {
            write!(f, " ={}", amount.get())?;
        }
        write!(f, " @{}", self.at.as_millis())
    }
}

impl FromStr for IntentLine {
    type Err = IdError;
    fn from_str(line: &str) -> Result<Self, IdError> {
        let mut words = line.split(' ');
        let intent = Intent::parse(words.next().unwrap_or_default())?;
        let content = words.next().unwrap_or_default().parse()?;
        let (mut number, mut outcome) = (1, Outcome::Done);
        let (mut amount, mut at) = (None, None);
        for word in words {
            match word {
                "open" => outcome = Outcome::Open,
                word => match (word.strip_prefix('='), word.strip_prefix('@')) {
                    (Some(cents), _) => amount = Some(Cents::new(read_number(cents)?)),
                    (_, Some(millis)) => at = Some(Timestamp::from_millis(read_number(millis)?)),
                    (None, None) => match Cause::of_name(word) {
                        Some(cause) => outcome = Outcome::Failed(cause),
                        None => number = read_number(word)?,
                    },
                },
            }
        }
        let at = at.ok_or(IdError::Empty)?;
        Ok(Self { intent, content, number, outcome, amount, at })
    }
}

fn read_number<N: FromStr>(text: &str) -> Result<N, IdError> {
    text.parse().map_err(|_| IdError::Character)
}

/// The outcome of a charge, capture or refund.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Its outcome is not known yet.
    Open,
    /// It was done.
    Done,
    /// It failed for this reason, and can be tried again.
    Failed(Cause),
}

impl Outcome {
    const fn is_failed(self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// What a flow remembers of an intent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum IntentStatus {
    /// The same content is open or done under this name. A repetition changes nothing.
    Same,
    /// Different content is open or done under this name.
    Other,
    /// It can be tried under this number, counted from 1.
    Fresh(u32),
}

impl IntentStatus {
    /// Checks that the flow does not remember different content under this name.
    pub fn check<F: Flow>(self, rule: impl RuleSet, rules: &mut Rules<'_, F>) {
        rules.check(rule, self != Self::Other).at("/intent");
    }

    /// The number under which it can be tried.
    ///
    /// # Errors
    ///
    /// If the same is requested already, or the name is that of something else.
    pub fn number(self) -> Result<u32, Stop> {
        match self {
            Self::Fresh(number) => Ok(number),
            Self::Same => Err(IgnoredReason::Duplicate.into()),
            Self::Other => Err(Stop::NotNow),
        }
    }
}

impl Intents {
    /// No intents.
    pub const EMPTY: Self = Self { recent: Vec::new(), older: Fingerprints(Vec::new()) };

    /// What the flow remembers of an intent with this content.
    pub fn status_of(&self, intent: &Intent, content: Digest) -> IntentStatus {
        match self.find(intent) {
            None => match self.older.content(intent) {
                None => IntentStatus::Fresh(1),
                Some(have) if have == content.first() => IntentStatus::Same,
                Some(_) => IntentStatus::Other,
            },
            Some(it) if it.outcome.is_failed() => IntentStatus::Fresh(it.number.saturating_add(1)),
            Some(it) if it.content == content => IntentStatus::Same,
            Some(_) => IntentStatus::Other,
        }
    }

    /// The outcome of an intent, if the flow remembers it.
    pub fn outcome(&self, intent: &Intent) -> Option<Outcome> {
        let older = || self.older.content(intent).map(|_| Outcome::Done);
        self.find(intent).map(|it| it.outcome).or_else(older)
    }

    /// Whether an intent is remembered as failed.
    pub fn has_failed(&self, intent: &Intent) -> bool {
        self.outcome(intent).is_some_and(Outcome::is_failed)
    }

    /// The intents that are remembered by name, the oldest first. All of them have the same action and operation.
    pub(crate) fn report<F: Flow>(&self, action: F::Action, operation: &str) -> impl Iterator<Item = IntentReport<F>> {
        self.recent.iter().map(move |it| {
            let report = IntentReport::new(&it.intent, action, operation, it.number, it.outcome);
            report.requested(it.amount, Some(it.at))
        })
    }

    /// Remembers an intent as open, with its amount and when the host requested it.
    pub fn open(&mut self, intent: Intent, content: Digest, number: u32, (amount, at): (Option<Cents>, Timestamp)) {
        self.recent.retain(|it| it.intent != intent);
        self.recent.push(IntentLine { intent, content, number, outcome: Outcome::Open, amount, at });
    }

    /// Removes the oldest intent with such an outcome if there are more than `most`.
    fn remove_surplus(&mut self, is_such: fn(Outcome) -> bool, most: usize) -> Option<IntentLine> {
        let has_outcome = |it: &IntentLine| is_such(it.outcome);
        if self.recent.iter().filter(|it| has_outcome(it)).count() <= most {
            return None;
        }
        let oldest = self.recent.iter().position(has_outcome)?;
        Some(self.recent.remove(oldest))
    }

    /// Notes the outcome of an intent.
    ///
    /// If there are too many, this keeps the oldest done one as a fingerprint, and forgets the oldest failed one.
    pub fn settle(&mut self, intent: &str, outcome: Outcome) {
        if let Some(it) = self.recent.iter_mut().find(|it| it.intent.as_str() == intent) {
            it.outcome = outcome;
        }
        if let Some(done) = self.remove_surplus(|it| it == Outcome::Done, RECENT) {
            self.older.add(&done);
        }
        let _ = self.remove_surplus(Outcome::is_failed, OLDER);
    }

    fn find(&self, intent: &Intent) -> Option<&IntentLine> {
        self.recent.iter().find(|it| it.intent == *intent)
    }
}

/// How many bytes of a fingerprint stand for the name, and how many for the content.
const NAME: usize = 6;
const CONTENT: usize = 3;

/// Done intents, the oldest first. Each is the beginning of its name's fingerprint and of its content's fingerprint.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "IntentFingerprints", with = "alloc::string::String")
)]
struct Fingerprints(Vec<([u8; NAME], [u8; CONTENT])>);

saved_as_text!(Fingerprints);

impl Fingerprints {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The beginning of the fingerprint of an intent's content.
    fn content(&self, intent: &Intent) -> Option<[u8; CONTENT]> {
        if self.is_empty() {
            return None;
        }
        let name = Digest::of([intent.as_str().as_bytes()]).first();
        self.0.iter().rev().find(|it| it.0 == name).map(|it| it.1)
    }

    fn add(&mut self, done: &IntentLine) {
        if self.0.len() >= OLDER {
            self.0.remove(0);
        }
        self.0.push((Digest::of([done.intent.as_str().as_bytes()]).first(), done.content.first()));
    }
}

impl fmt::Display for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = self.0.iter().flat_map(|(name, content)| name.iter().chain(content)).copied().collect();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Fingerprints {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| IdError::Character)?;
        let (fingerprints, rest) = bytes.as_chunks::<{ NAME + CONTENT }>();
        if !rest.is_empty() || fingerprints.len() > OLDER {
            return Err(IdError::TooLong(OLDER * (NAME + CONTENT)));
        }
        let split = |fingerprint: &[u8; NAME + CONTENT]| {
            let (name, content) = fingerprint.split_at(NAME);
            (name.try_into().unwrap_or_default(), content.try_into().unwrap_or_default())
        };
        Ok(Self(fingerprints.iter().map(split).collect()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    const REQUESTED: (Option<Cents>, Timestamp) = (Some(Cents::new(1500)), Timestamp::from_millis(1_770_000_000_000));

    #[test]
    fn the_last_128_done_intents_and_every_open_one_are_remembered() {
        let content = Digest::of([b"cart".as_slice()]);
        let name = |n: u32| Intent::parse(alloc::format!("charge-{n}")).unwrap();
        let mut intents = Intents::default();
        intents.open(name(0), content, 1, REQUESTED);
        for n in 1..=400 {
            intents.open(name(n), content, 1, REQUESTED);
            intents.settle(name(n).as_str(), Outcome::Done);
            assert!(intents.recent.len() <= RECENT + 1, "{n}");
        }
        let other = Digest::of([b"other".as_slice()]);
        for n in (273..=400).chain([0]) {
            assert_eq!(intents.status_of(&name(n), content), IntentStatus::Same, "{n}");
            assert_eq!(intents.status_of(&name(n), other), IntentStatus::Other, "{n}");
        }
        assert_eq!(intents.outcome(&name(273)), Some(Outcome::Done));
        assert_eq!(intents.status_of(&name(1), content), IntentStatus::Fresh(1));
        let text = serde_json::to_string(&intents).unwrap();
        assert!(text.len() < 2700, "{}", text.len());
        assert_eq!(serde_json::from_str::<Intents>(&text).unwrap(), intents);
    }

    #[test]
    fn a_failed_intent_keeps_its_number_among_many_done_ones() {
        let content = Digest::of([b"cart".as_slice()]);
        let name = |n: u32| Intent::parse(alloc::format!("charge-{n}")).unwrap();
        let mut intents = Intents::default();
        intents.open(name(0), content, 3, REQUESTED);
        intents.settle(name(0).as_str(), Outcome::Failed(Cause::Refused));
        for n in 1..=200 {
            intents.open(name(n), content, 1, REQUESTED);
            intents.settle(name(n).as_str(), Outcome::Done);
        }
        assert_eq!(intents.status_of(&name(0), content), IntentStatus::Fresh(4));
    }

    #[test]
    fn malformed_fingerprints_are_rejected() {
        for text in [r#"{"older":"AAAA"}"#, r#"{"older":"?"}"#, r#"{"oldest":""}"#] {
            assert!(serde_json::from_str::<Intents>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_failed_intent_can_be_tried_again_under_its_next_number() {
        let content = Digest::of([b"cart".as_slice()]);
        let name = Intent::parse("2026-12").unwrap();
        let mut intents = Intents::default();
        intents.open(name.clone(), content, 1, REQUESTED);
        assert_eq!(intents.status_of(&name, Digest::of([b"other".as_slice()])), IntentStatus::Other);
        intents.settle(name.as_str(), Outcome::Failed(Cause::Refused));
        assert_eq!(intents.status_of(&name, content), IntentStatus::Fresh(2));
    }

    #[test]
    fn an_intent_survives_json_as_one_line() {
        let content = Digest::of([b"cart".as_slice()]);
        let mut intents = Intents::default();
        for (n, outcome) in [Outcome::Done, Outcome::Open, Outcome::Failed(Cause::NotMade)].into_iter().enumerate() {
            let name = Intent::parse(format!("charge-{n}")).unwrap();
            intents.open(name.clone(), content, n as u32 + 1, REQUESTED);
            intents.settle(name.as_str(), outcome);
        }
        let text = serde_json::to_string(&intents).unwrap();
        assert_eq!(serde_json::from_str::<Intents>(&text).unwrap(), intents);
        assert!(text.contains(&format!("\"charge-1 {content} 2 open =1500 @1770000000000\"")), "{text}");
        assert!(serde_json::from_str::<Intents>(r#"{"recent":["charge"]}"#).is_err());
    }
}
