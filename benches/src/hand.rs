//! The steps that are measured, as a good engineer would write them without rulebound: one row, plain functions over
//! it, `match` and `if`.
//!
//! **Equal.** The commands (the same types). The rules that are checked, with their codes, pointers and what unblocks
//! them. All broken rules are listed, not only the first. The row is a value: a step clones it and returns the next
//! one. The row stores the same facts: the request with its whole command under the same id until its reply, the
//! intents and the settled origins (16 of each), the fingerprints (SHA-256, cut to 80 bits, of the sorted items), the
//! waits and their schedule, the revision. The effects, the actions and the new ids have the same contents. The same
//! parser reads dates.
//!
//! **Left out.** Whatever these steps do not need: other flows and operations; the config (modes, overrides, schedules
//! other than the defaults); details of violations in words; newtypes and their checks; facts that the host built
//! wrong; the tables of the facets; lookups after lost replies; webhooks of sessions and of repaired charges; ids that
//! arrive late; numbers where a webhook should have text; and the pointer to a wrong field of a JSON text.

mod reply;
mod charge;
mod digest;
mod guard;
mod update;
mod views;
mod poll_timer;

pub use charge::charge;
pub use digest::{Digest, digest, fingerprint};
pub use guard::Action;
pub use poll_timer::PollTimer;
pub use reply::{Ignored, done, reply, token_updated};
pub use update::update;
pub use views::{ActionView, Effect, PendingEffect, actions, call, effects};

use rulebound::time::Timestamp;
use rulebound::truemed::{CreatePaymentSession, UpdatePaymentToken};
use serde::{Deserialize, Serialize};

/// How many intents and settled origins are remembered.
const REMEMBERED: usize = 16;

/// One subscription's token, as a row keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// The host's name for the row.
    pub key: String,
    /// The number of its changes.
    pub revision: u64,
    /// Whether the token exists.
    pub token_state: TokenState,
    /// The string to charge with.
    pub token: Option<String>,
    /// The newest request that was settled.
    pub settled: u32,
    /// The open attempts to get a token.
    pub provisions: Vec<Provision>,
    /// The fingerprint of the items that the customer qualified for.
    pub confirmed: Option<Digest>,
    /// The change of the items.
    pub items: Change,
    /// The change of the card.
    pub card: Change,
    /// The charge.
    pub charge: Charge,
    /// The charges by the host's names for them.
    pub intents: Vec<StoredIntent>,
    /// The origins that are settled.
    pub closed: Vec<(u32, String)>,
    /// The number of requests so far.
    pub requests: u32,
    /// When the letter of medical necessity expires.
    pub lmn_expires_at: Option<Timestamp>,
    /// The fingerprint of the metadata that webhooks must echo.
    pub metadata: Option<Digest>,
    /// The pending effects.
    pub outbox: Vec<Entry>,
    /// The number of updates so far.
    pub updates: u32,
}

/// Whether the token exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum TokenState {
    #[default]
    Absent,
    Requested,
    Awaiting,
    Adopting,
    Issued,
    Deleting,
    Deleted,
}

/// One attempt to get a token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Provision {
    pub seq: u32,
    pub origin: Option<String>,
    pub items: Digest,
    pub redirect_url: Option<String>,
    pub timer: PollTimer,
}

/// A change of the card or of the items.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Change {
    #[default]
    Settled,
    Updating {
        seq: u32,
        items: Option<Digest>,
        replaces: Option<Pending>,
    },
    Pending(Pending),
}

/// A change that waits for the customer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Pending {
    pub seq: u32,
    pub about: String,
    pub origin: Option<String>,
    pub items: Option<Digest>,
    pub action: String,
    pub redirect_url: Option<String>,
    pub timer: PollTimer,
}

/// A charge of the token.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Charge {
    #[default]
    Idle,
    Requested {
        seq: u32,
        asked: RequestedCharge,
    },
    Open {
        seq: u32,
        session: String,
        asked: RequestedCharge,
    },
    Failed {
        seq: u32,
        session: Option<String>,
        intent: Option<String>,
    },
}

/// The contents of a charge.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct RequestedCharge {
    pub intent: Option<String>,
    pub cart: Digest,
    pub total: i64,
    pub items: i64,
    pub authorization: bool,
    pub of_a_token: bool,
    pub attended: bool,
    pub metadata: Digest,
}

/// A charge by the host's name for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct StoredIntent {
    pub intent: String,
    pub cart: Digest,
    pub number: u32,
    pub outcome: Outcome,
}

/// The outcome of a charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Outcome {
    Open,
    Done,
    Failed,
}

/// A pending effect, as the row stores it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Entry {
    pub id: String,
    pub work: Work,
    pub not_before: Option<Timestamp>,
    pub attempts: u32,
    pub leased_until: Option<Timestamp>,
    pub held: bool,
}

/// The work of an effect.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Work {
    Charge(Box<CreatePaymentSession>),
    Update(String, UpdatePaymentToken),
    Lookup(String),
    Notify { reason: String, about: String, customer_url: Option<String> },
    Review { reason: String, about: String, verdicts: Vec<String> },
}

/// One broken rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Broken {
    pub rule: &'static str,
    pub pointer: &'static str,
    pub unblocked_by: Option<UnblockedBy>,
    pub instead: &'static [&'static str],
}

/// What would unblock a rejected command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum UnblockedBy {
    Signal(&'static str),
    Reply(String),
    Action(&'static str),
    Time(Timestamp),
}

/// The next row, and what comes with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Step {
    pub next: Row,
    pub new_ids: Vec<String>,
    pub warnings: Vec<Broken>,
}

impl Row {
    /// A copy that counts one change and one request more.
    fn next(&self) -> Self {
        let mut next = self.clone();
        next.revision += 1;
        next.requests += 1;
        next
    }

    fn add_effect(&mut self, id: String, work: Work, not_before: Option<Timestamp>) {
        self.outbox.retain(|it| it.id != id);
        self.outbox.push(Entry { id, work, not_before, attempts: 0, leased_until: None, held: false });
    }

    fn remember(&mut self, intent: String, cart: Digest, number: u32) {
        self.intents.retain(|it| it.intent != intent);
        if self.intents.len() >= REMEMBERED
            && let Some(oldest) = self.intents.iter().position(|it| it.outcome != Outcome::Open)
        {
            self.intents.remove(oldest);
        }
        self.intents.push(StoredIntent { intent, cart, number, outcome: Outcome::Open });
    }

    fn pending(&self) -> impl Iterator<Item = &Pending> {
        [&self.items, &self.card].into_iter().filter_map(|change| match change {
            Change::Pending(pending) => Some(pending),
            _ => None,
        })
    }
}
