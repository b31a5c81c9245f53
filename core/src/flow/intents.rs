//! Wishes that may be wanted more than once, by the host's own names for them.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Cx, Flow, Stop};
use crate::fact::Because;
use crate::id::{Digest, IdError, Intent, REMEMBERED, saved_as_text};
use crate::rule::RuleSet;

/// The wishes of one kind that a flow remembers: the last 16, and every open one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Intents(Vec<Wanted>);

/// One wish; saved as a line, since a flow remembers many: its name, its content, and what is not the common case.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "IntentLine", with = "alloc::string::String")
)]
struct Wanted {
    intent: Intent,
    /// What it is about, so that another content under the same name is noticed.
    content: Digest,
    /// How often it was tried.
    ordinal: u32,
    outcome: Outcome,
}

saved_as_text!(Wanted);

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.intent, self.content)?;
        if self.ordinal != 1 {
            write!(f, " {}", self.ordinal)?;
        }
        f.write_str(match self.outcome {
            Outcome::Done => "",
            Outcome::Open => " open",
            Outcome::Failed => " failed",
        })
    }
}

impl FromStr for Wanted {
    type Err = IdError;
    fn from_str(line: &str) -> Result<Self, IdError> {
        let mut words = line.split(' ');
        let intent = Intent::parse(words.next().unwrap_or_default())?;
        let content = words.next().unwrap_or_default().parse()?;
        let (mut ordinal, mut outcome) = (1, Outcome::Done);
        for word in words {
            match word {
                "open" => outcome = Outcome::Open,
                "failed" => outcome = Outcome::Failed,
                number => ordinal = number.parse().map_err(|_| IdError::Character)?,
            }
        }
        Ok(Self { intent, content, ordinal, outcome })
    }
}

/// What has become of a wish.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Its outcome is not known yet.
    Open,
    /// It was done.
    Done,
    /// It failed, and may be wanted again.
    Failed,
}

/// How a wish stands to those that are remembered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Standing {
    /// The same wish is open or done: asking again changes nothing.
    Same,
    /// The name stands for another content.
    Other,
    /// It may be tried, for this time.
    Fresh(u32),
}

impl Standing {
    /// The ordinal of a wish that may be tried. For the name of another content, `rule` is broken.
    pub fn ordinal<F: Flow>(self, rule: impl RuleSet, cx: &mut Cx<'_, F>) -> Result<u32, Stop> {
        match self {
            Self::Fresh(ordinal) => Ok(ordinal),
            Self::Same => Err(Because::Known.into()),
            Self::Other => {
                cx.require(rule, false).at("/intent").met()?;
                Err(Stop::Refused)
            }
        }
    }
}

impl Intents {
    /// No wishes.
    pub const EMPTY: Self = Self(Vec::new());

    /// How a wish stands to those that are remembered.
    pub fn standing(&self, intent: &Intent, content: Digest) -> Standing {
        match self.find(intent) {
            None => Standing::Fresh(1),
            Some(it) if it.outcome == Outcome::Failed => Standing::Fresh(it.ordinal.saturating_add(1)),
            Some(it) if it.content == content => Standing::Same,
            Some(_) => Standing::Other,
        }
    }

    /// What has become of a wish, if it is remembered.
    pub fn outcome(&self, intent: &Intent) -> Option<Outcome> {
        self.find(intent).map(|it| it.outcome)
    }

    /// Remembers a wish as open; the oldest that is not open is forgotten.
    pub fn open(&mut self, intent: Intent, content: Digest, ordinal: u32) {
        self.0.retain(|it| it.intent != intent);
        if self.0.len() >= REMEMBERED
            && let Some(oldest) = self.0.iter().position(|it| it.outcome != Outcome::Open)
        {
            self.0.remove(oldest);
        }
        self.0.push(Wanted { intent, content, ordinal, outcome: Outcome::Open });
    }

    /// Notes what has become of a wish.
    pub fn settle(&mut self, intent: &str, outcome: Outcome) {
        if let Some(it) = self.0.iter_mut().find(|it| it.intent.as_str() == intent) {
            it.outcome = outcome;
        }
    }

    fn find(&self, intent: &Intent) -> Option<&Wanted> {
        self.0.iter().find(|it| it.intent == *intent)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn the_last_sixteen_and_every_open_wish_are_remembered() {
        let content = Digest::of([b"cart".as_slice()]);
        let name = |n: u32| Intent::parse(alloc::format!("charge-{n}")).unwrap();
        let mut intents = Intents::default();
        intents.open(name(0), content, 1);
        for n in 1..40 {
            intents.open(name(n), content, 1);
            intents.settle(name(n).as_str(), Outcome::Done);
        }
        assert_eq!(intents.0.len(), REMEMBERED);
        assert_eq!(intents.standing(&name(0), content), Standing::Same);
        assert_eq!(intents.standing(&name(39), content), Standing::Same);
        assert_eq!(intents.standing(&name(1), content), Standing::Fresh(1));
    }

    #[test]
    fn a_failed_wish_may_be_wanted_again_under_its_next_ordinal() {
        let content = Digest::of([b"cart".as_slice()]);
        let name = Intent::parse("2026-12").unwrap();
        let mut intents = Intents::default();
        intents.open(name.clone(), content, 1);
        assert_eq!(intents.standing(&name, Digest::of([b"other".as_slice()])), Standing::Other);
        intents.settle(name.as_str(), Outcome::Failed);
        assert_eq!(intents.standing(&name, content), Standing::Fresh(2));
    }

    #[test]
    fn a_wish_survives_json_as_one_line() {
        let content = Digest::of([b"cart".as_slice()]);
        let mut intents = Intents::default();
        for (n, outcome) in [Outcome::Done, Outcome::Open, Outcome::Failed].into_iter().enumerate() {
            let name = Intent::parse(format!("wish-{n}")).unwrap();
            intents.open(name.clone(), content, n as u32 + 1);
            intents.settle(name.as_str(), outcome);
        }
        let text = serde_json::to_string(&intents).unwrap();
        assert_eq!(serde_json::from_str::<Intents>(&text).unwrap(), intents);
        assert!(text.contains(&format!("\"wish-1 {content} 2 open\"")), "{text}");
        assert!(serde_json::from_str::<Intents>(r#"["wish"]"#).is_err());
    }
}
