//! Format 1 of the state, frozen: it is read from rows that older releases saved, and written for workers that run them.
//!
//! Format 2 says of a token once what format 1 says twice: its text, which its look-up repeated; its kind, which its
//! request names; its end, where it lives a day; and the course of a wait that has not moved. Eight outstanding tokens
//! did not fit into 2 KiB. The calls that may be owed are the same in both.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::state::{self, Place, RequestId, Use, is_false};
use crate::decode::Malformed;
use crate::flow::Watch;
use crate::id::{Digest, EffectId};
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::request::{Kind, Total};
use crate::providers::vend::wire::State;
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
    place: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<SubscriptionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<State>,
    #[serde(default, skip_serializing_if = "is_false")]
    attested: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain_prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retailer_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    application_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested: Option<Requested>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Token>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<EffectId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spent: Vec<Digest>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    totals: Vec<Total>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    told: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requested {
    of: EffectId,
    content: Digest,
    asked: Asked,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<Digest>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    totals: Vec<Total>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    of: EffectId,
    text: ConsentToken,
    asked: Asked,
    dies_at: Timestamp,
    watch: Watch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disputed: Option<Use>,
}

impl From<&state::Subscription> for Subscription {
    fn from(it: &state::Subscription) -> Self {
        let it = it.clone();
        Self {
            place: it.place,
            id: it.id,
            seen: it.seen,
            attested: it.attested,
            domain_prefix: it.domain_prefix,
            retailer_id: it.retailer_id,
            application_id: it.application_id,
            requested: it.requested.map(Requested::from),
            tokens: it.tokens.into_iter().map(Token::from).collect(),
            newest: it.newest.map(RequestId::id),
            spent: it.spent,
            totals: it.totals,
            changed_at: it.changed_at,
            quiet_until: it.quiet_until,
            told: it.told,
        }
    }
}

impl From<state::Requested> for Requested {
    fn from(it: state::Requested) -> Self {
        let asked = Asked { kind: it.of.0, product: it.product, price: it.price, totals: it.totals };
        Self { of: it.of.id(), content: it.content, asked }
    }
}

impl From<state::Token> for Token {
    fn from(it: state::Token) -> Self {
        let (of, dies_at) = (it.of.id(), it.dies_at());
        let asked = Asked { kind: it.of.0, product: it.product, price: it.price, totals: it.totals };
        Self { of, text: it.text, asked, dies_at, watch: it.watch, disputed: it.disputed }
    }
}

impl Subscription {
    /// The same in the newest format.
    pub(super) fn upgraded(self) -> Result<state::Subscription, Malformed> {
        let tokens = self.tokens.into_iter().enumerate().map(|(at, it)| it.upgraded(at));
        let newest = |id: EffectId| {
            RequestId::of(&id).ok_or_else(|| Malformed::new("/newest", "is no request for a token"))
        };
        Ok(state::Subscription {
            place: self.place,
            id: self.id,
            seen: self.seen,
            attested: self.attested,
            domain_prefix: self.domain_prefix,
            retailer_id: self.retailer_id,
            application_id: self.application_id,
            requested: self.requested.map(Requested::upgraded).transpose()?,
            tokens: tokens.collect::<Result<_, _>>()?,
            newest: self.newest.map(newest).transpose()?,
            spent: self.spent,
            totals: self.totals,
            changed_at: self.changed_at,
            quiet_until: self.quiet_until,
            told: self.told,
        })
    }
}

impl Requested {
    fn upgraded(self) -> Result<state::Requested, Malformed> {
        let of = request(&self.of, self.asked.kind, "/requested/of")?;
        let Asked { product, price, totals, .. } = self.asked;
        Ok(state::Requested { of, content: self.content, product, price, totals })
    }
}

impl Token {
    fn upgraded(self, at: usize) -> Result<state::Token, Malformed> {
        let of = request(&self.of, self.asked.kind, &format!("/tokens/{at}/of"))?;
        let Asked { product, price, totals, .. } = self.asked;
        let dies_early = state::dies_early(self.dies_at, &self.watch);
        let (text, watch, disputed) = (self.text, self.watch, self.disputed);
        Ok(state::Token { of, text, product, price, totals, dies_early, watch, disputed })
    }
}

/// The request that has that id, and is of that kind.
fn request(id: &EffectId, kind: Kind, at: &str) -> Result<RequestId, Malformed> {
    let request = RequestId::of(id).filter(|it| it.0 == kind);
    request.ok_or_else(|| Malformed::new(at, "is no request of its kind"))
}
