//! Origins: what a token or its repair comes from, and which of them are settled.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{IdError, Intent, saved_as_text};
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId};
use crate::providers::truemed::session::Session;
use crate::providers::truemed::wire::Status;

/// How many are remembered.
const REMEMBERED: usize = 16;

/// What a token, or its repair, comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenOrigin"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    /// A provision request: of `create_payment_token`, or of an update.
    Request(ProvisionTokenRequestId),
    /// A session that makes a token.
    Session(PaymentSessionId),
    /// A session that failed and was repaired.
    Failed(PaymentSessionId),
}

impl Origin {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Request(id) => id.as_str(),
            Self::Session(id) | Self::Failed(id) => id.as_str(),
        }
    }
}

/// The last 16 origins that were settled, by the order of our requests and not of their arrival.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedClosed"))]
#[serde(transparent)]
pub(super) struct Closed(Vec<Past>);

/// An origin that was settled; saved as a line, since a flow remembers many: its place in the order of our requests, its
/// kind and id, and for a session its status unless it was captured, and a mark if another status contradicts that.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedOriginLine", with = "String"))]
pub(super) struct Past {
    nth: u32,
    origin: Origin,
    status: Option<Status>,
    contradicted: bool,
    /// The charge that failed, which may still turn out captured.
    intent: Option<Intent>,
}

saved_as_text!(Past);

impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.origin {
            Origin::Request(_) => "request",
            Origin::Session(_) => "session",
            Origin::Failed(_) => "failed",
        };
        write!(f, "{} {kind} {}", self.nth, self.origin.id())?;
        if let Some(status) = self.status.as_ref().filter(|status| **status != Status::Captured) {
            write!(f, " {}", status.as_str())?;
        }
        if self.contradicted {
            f.write_str(" !")?;
        }
        match &self.intent {
            Some(intent) => write!(f, " @{intent}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Past {
    type Err = IdError;
    fn from_str(line: &str) -> Result<Self, IdError> {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let nth = next().parse().map_err(|_| IdError::Character)?;
        let (origin, mut status) = match (next(), next()) {
            ("request", id) => (Origin::Request(ProvisionTokenRequestId::parse(id)?), None),
            ("session", id) => (Origin::Session(PaymentSessionId::parse(id)?), Some(Status::Captured)),
            ("failed", id) => (Origin::Failed(PaymentSessionId::parse(id)?), None),
            _ => return Err(IdError::Character),
        };
        let (mut contradicted, mut intent) = (false, None);
        for word in words {
            if let Some(name) = word.strip_prefix('@') {
                intent = Some(Intent::parse(name)?);
                continue;
            }
            match (word, &mut status) {
                ("!", _) => contradicted = true,
                (word, Some(status)) => *status = Status::from(String::from(word)),
                _ => return Err(IdError::Character),
            }
        }
        Ok(Self { nth, origin, status, contradicted, intent })
    }
}

impl Closed {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, origin: &Origin) -> bool {
        self.0.iter().any(|it| it.origin == *origin)
    }

    pub(super) fn has_id(&self, id: &str) -> bool {
        self.0.iter().any(|it| it.origin.id() == id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|it| it.origin.id())
    }

    pub(super) fn add(&mut self, nth: u32, origin: Origin) {
        self.insert(Past { nth, origin, status: None, contradicted: false, intent: None });
    }

    pub(super) fn add_session(&mut self, nth: u32, session: &Session) {
        let origin = Origin::Session(session.id.clone());
        let (status, contradicted) = (Some(session.status.clone()), session.contradicted);
        let intent = session.asked.as_ref().and_then(|it| it.intent.clone());
        let intent = intent.filter(|_| session.status != Status::Captured);
        self.insert(Past { nth, origin, status, contradicted, intent });
    }

    fn insert(&mut self, past: Past) {
        if self.has(&past.origin) {
            return;
        }
        self.0.push(past);
        self.0.sort_unstable();
        if self.0.len() > REMEMBERED {
            self.0.remove(0);
        }
    }

    /// A closed session is said to stand otherwise: the higher status is kept. Says what it was, and of which charge, if
    /// that is new.
    pub(super) fn contradict(&mut self, id: &str, status: &Status) -> Option<(Status, Option<Intent>)> {
        let is_it = |it: &Past| matches!(&it.origin, Origin::Session(have) if have.as_str() == id);
        let past = self.0.iter_mut().find(|it| is_it(it))?;
        let before = past.status.clone()?;
        if !status.is_final() || before == *status || (past.contradicted && *status <= before) {
            return None;
        }
        past.status = Some(before.clone().max(status.clone()));
        past.contradicted = true;
        // What was captured is settled: its charge cannot turn out otherwise.
        let intent = if past.status == Some(Status::Captured) { past.intent.take() } else { past.intent.clone() };
        Some((before, intent))
    }
}

