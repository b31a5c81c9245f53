//! Origins: what a token or its repair comes from, which origins are settled, and the order of our requests.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::TypedId;
use crate::id::{Fingerprints, IdError, Intent, saved_as_text};
use crate::providers::truemed::api::webhook::Status;
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId};
use crate::providers::truemed::session::Session;

/// How many settled origins are remembered in full. The host can find the flow by their ids.
const RECENT: usize = 16;

/// How many more are remembered by a fingerprint. With the recent ones, this covers two years of weekly charges.
const OLDER: usize = 112;

/// What a token or its repair comes from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenOrigin"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    /// A provision request, for a new token or for an update.
    Request(ProvisionTokenRequestId),
    /// A session that makes a token.
    Session(PaymentSessionId),
    /// A session that failed and was then repaired.
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

impl From<&Origin> for TypedId {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Request(id) => id.into(),
            Origin::Session(id) | Origin::Failed(id) => id.into(),
        }
    }
}

/// The order of our requests, and the settled origins.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenHistory"))]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    /// The number of our requests. Their order replaces the times that webhooks lack.
    #[serde(default)]
    requests: u32,
    /// The settled origins, so that a repeated webhook settles nothing else.
    #[serde(default, skip_serializing_if = "Closed::is_empty")]
    closed: Closed,
}

/// The last settled origins, in the order of our requests.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedClosed"))]
#[serde(deny_unknown_fields)]
struct Closed {
    /// The most recent origins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<SettledOrigin>,
    /// The fingerprints of older origins.
    #[serde(default, skip_serializing_if = "Fingerprints::is_empty")]
    older: Fingerprints,
}

impl Closed {
    const fn is_empty(&self) -> bool {
        self.recent.is_empty()
    }
}

/// A settled origin.
///
/// It is stored as one line, because a flow remembers many: its position in the order of our requests, its kind and
/// its id. A session also has its status unless it is `captured`, and a mark if another status contradicts it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedOriginLine", with = "String"))]
pub(super) struct SettledOrigin {
    seq: u32,
    origin: Origin,
    status: Option<Status>,
    contradicted: bool,
    /// The intent of a charge whose session may still be captured.
    intent: Option<Intent>,
}

saved_as_text!(SettledOrigin);

impl fmt::Display for SettledOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.origin {
            Origin::Request(_) => "request",
            Origin::Session(_) => "session",
            Origin::Failed(_) => "failed",
        };
        write!(f, "{} {kind} {}", self.seq, self.origin.id())?;
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

impl FromStr for SettledOrigin {
    type Err = IdError;
    fn from_str(line: &str) -> Result<Self, IdError> {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let seq = next().parse().map_err(|_| IdError::Character)?;
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
        Ok(Self { seq, origin, status, contradicted, intent })
    }
}

impl History {
    /// Counts the next request, and returns its number.
    pub(super) const fn count(&mut self) -> u32 {
        self.requests = self.requests.saturating_add(1);
        self.requests
    }

    /// The number of our last request.
    pub(super) const fn last(&self) -> u32 {
        self.requests
    }

    pub(super) fn has(&self, origin: &Origin) -> bool {
        self.closed.recent.iter().any(|it| it.origin == *origin) || self.closed.older.has(origin.id())
    }

    /// The position of a recent origin in the order of our requests.
    pub(super) fn seq_of(&self, origin: &Origin) -> Option<u32> {
        self.closed.recent.iter().find(|it| it.origin == *origin).map(|it| it.seq)
    }

    pub(super) fn has_id(&self, id: &str) -> bool {
        self.closed.recent.iter().any(|it| it.origin.id() == id) || self.closed.older.has(id)
    }

    /// Whether a recent session was captured.
    pub(super) fn is_captured(&self, id: &str) -> bool {
        self.captured_seq(id).is_some()
    }

    /// The position of a recent captured session in the order of our requests.
    pub(super) fn captured_seq(&self, id: &str) -> Option<u32> {
        let captured = |it: &&SettledOrigin| it.origin.id() == id && it.status == Some(Status::Captured);
        self.closed.recent.iter().find(captured).map(|it| it.seq)
    }

    /// The ids of the recent origins.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypedId> {
        self.closed.recent.iter().map(|it| TypedId::from(&it.origin))
    }

    /// The newest session that is over, and its status.
    pub(super) fn last_session(&self) -> (Option<PaymentSessionId>, Option<String>) {
        let newest = self.closed.recent.iter().rev().find_map(|it| match &it.origin {
            Origin::Session(id) | Origin::Failed(id) => Some((id.clone(), it.status.as_ref())),
            Origin::Request(_) => None,
        });
        newest.map_or((None, None), |(id, status)| (Some(id), status.map(|it| it.as_str().into())))
    }

    /// The newest provision request that is over.
    pub(super) fn last_request(&self) -> Option<&ProvisionTokenRequestId> {
        self.closed.recent.iter().rev().find_map(|it| match &it.origin {
            Origin::Request(id) => Some(id),
            Origin::Session(_) | Origin::Failed(_) => None,
        })
    }

    pub(super) fn add(&mut self, seq: u32, origin: Origin) {
        self.insert(SettledOrigin { seq, origin, status: None, contradicted: false, intent: None });
    }

    /// Adds a failed charge. Its session may still be captured.
    pub(super) fn add_failed(&mut self, seq: u32, id: PaymentSessionId, intent: Option<Intent>) {
        self.insert(SettledOrigin { seq, origin: Origin::Failed(id), status: None, contradicted: false, intent });
    }

    /// Adds a session on which a person gave a verdict.
    pub(super) fn add_reviewed(&mut self, seq: u32, id: PaymentSessionId) {
        let (origin, status) = (Origin::Session(id), Some(Status::Captured));
        self.insert(SettledOrigin { seq, origin, status, contradicted: false, intent: None });
    }

    /// Notes that a failed session is captured. Returns the intent of its charge, the first time.
    pub(super) fn capture_failed_session(&mut self, id: &str) -> Option<Option<Intent>> {
        let is_it = |it: &SettledOrigin| matches!(&it.origin, Origin::Failed(have) if have.as_str() == id);
        let index = self.closed.recent.iter().position(is_it)?;
        let past = self.closed.recent.remove(index);
        if let Origin::Failed(id) = past.origin {
            self.add_reviewed(past.seq, id);
        }
        Some(past.intent)
    }

    pub(super) fn add_session(&mut self, seq: u32, session: &Session) {
        let origin = Origin::Session(session.id.clone());
        let (status, contradicted) = (Some(session.status.clone()), session.contradicted);
        let intent = session.requested.as_ref().and_then(|it| it.intent.clone());
        let intent = intent.filter(|_| session.status != Status::Captured);
        self.insert(SettledOrigin { seq, origin, status, contradicted, intent });
    }

    fn insert(&mut self, past: SettledOrigin) {
        if self.has(&past.origin) {
            return;
        }
        self.closed.recent.push(past);
        self.closed.recent.sort_unstable();
        if self.closed.recent.len() > RECENT {
            let past = self.closed.recent.remove(0);
            // A session that may still be captured is forgotten, so that a person is asked about a late payment.
            let is_over = past.status == Some(Status::Captured) || matches!(past.origin, Origin::Request(_));
            if is_over {
                self.closed.older.add(past.origin.id(), OLDER);
            }
        }
    }

    /// Notes that a closed session has another status. The higher status counts. Returns the earlier status and the
    /// intent of the charge, if this is new.
    pub(super) fn contradict(&mut self, id: &str, status: &Status) -> Option<(Status, Option<Intent>)> {
        let is_it = |it: &SettledOrigin| matches!(&it.origin, Origin::Session(have) if have.as_str() == id);
        let past = self.closed.recent.iter_mut().find(|it| is_it(it))?;
        let before = past.status.clone()?;
        if !status.is_final() || before == *status || (past.contradicted && *status <= before) {
            return None;
        }
        past.status = Some(before.clone().max(status.clone()));
        // Nothing contradicts a status that was not final.
        past.contradicted = before.is_final();
        // A captured session is settled, and its charge keeps its outcome.
        let intent = if past.status == Some(Status::Captured) { past.intent.take() } else { past.intent.clone() };
        Some((before, intent))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn the_last_128_settled_origins_are_known_and_survive_json() {
        let mut history = History::default();
        let id = |n: u32| PaymentSessionId::parse(format!("ps_{n}")).unwrap();
        for n in 1..=200 {
            history.add_reviewed(n, id(n));
        }
        assert!((73..=200).all(|n| history.has_id(id(n).as_str())));
        assert!(!history.has_id("ps_72") && !history.has_id("ps_201"));
        let text = serde_json::to_string(&history.closed).unwrap();
        assert!(text.len() < 1500, "{}", text.len());
        assert_eq!(serde_json::from_str::<Closed>(&text).unwrap(), history.closed);
        for wrong in [r#"{"older":"AAAA"}"#, r#"{"older":"?"}"#] {
            assert!(serde_json::from_str::<Closed>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_session_that_may_still_be_paid_is_forgotten_and_not_settled() {
        let mut history = History::default();
        history.add_failed(1, PaymentSessionId::parse("ps_failed").unwrap(), None);
        for n in 2..=40 {
            history.add_reviewed(n, PaymentSessionId::parse(format!("ps_{n}")).unwrap());
        }
        assert!(!history.has_id("ps_failed") && history.has_id("ps_2"));
    }
}
