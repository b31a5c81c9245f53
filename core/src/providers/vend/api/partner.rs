//! What Vend says of a retailer's subscriptions: of one, and of all.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::replies::{ERROR, data, names_error, plain_text, present, subscription_id};
use crate::flow::{Reading, Reply};
use crate::json::{RawText, decode, lenient_text};
use crate::providers::vend::ids::SubscriptionId;
use crate::value::open_enum;

open_enum! {
    /// The state of a subscription. Vend's documents list none of its values and show `canceled`; the others are those of the
    /// billing system whose words Vend's are.
    pub enum State {
        /// It lives.
        Active = "active",
        /// The retailer has cancelled it.
        Canceled = "canceled" | "cancelled",
        /// It lives, and is not billed yet.
        Trialing = "trialing",
        /// It lives, and is being billed.
        Assessing = "assessing",
        /// It lives, and its last payment failed.
        PastDue = "past_due",
        /// It lives, and could not be billed by no fault of the retailer's.
        SoftFailure = "soft_failure",
        /// It lives, and nobody tries its payment any more.
        Unpaid = "unpaid",
        /// Its term is over.
        Expired = "expired",
        /// Its trial is over, and nothing followed.
        TrialEnded = "trial_ended",
        /// It never began.
        FailedToCreate = "failed_to_create",
        /// It is being made.
        Pending = "pending",
        /// It waits for the retailer to sign up.
        AwaitingSignup = "awaiting_signup",
        /// It is held by the billing system.
        Paused = "paused",
        /// It is held, and may go on.
        OnHold = "on_hold",
        /// Its prepaid balance is used up, and it may go on.
        Suspended = "suspended",
    }
}

/// What a state means for the partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// The partner goes on serving.
    Live,
    /// It is over.
    Ended,
    /// Neither is said.
    Undecided,
}

impl State {
    /// What it means.
    pub(crate) const fn phase(&self) -> Phase {
        match self {
            Self::Active | Self::Trialing | Self::Assessing | Self::PastDue | Self::SoftFailure | Self::Unpaid => {
                Phase::Live
            }
            Self::Canceled | Self::Expired | Self::TrialEnded | Self::FailedToCreate => Phase::Ended,
            Self::Pending | Self::AwaitingSignup | Self::Paused | Self::OnHold | Self::Suspended | Self::Unknown(_) => {
                Phase::Undecided
            }
        }
    }

    /// Whether its meaning is plain, and not only read from another's documents.
    pub(crate) const fn is_plain(&self) -> bool {
        matches!(self, Self::Active | Self::Canceled)
    }
}

/// The reply to `retrieve_subscription`: what one partner bills one retailer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PartnerSubscription {
    /// The partner's application.
    pub application_id: Option<String>,
    /// The subscriptions that can be read.
    pub partner_subscription_info: Vec<SubscriptionInfo>,
}

/// One subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// Its id.
    pub id: SubscriptionId,
    /// Its state; without one nothing is known of it.
    pub state: Option<State>,
}

/// The reply to the list of all that partners bill one retailer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The partners.
    pub partners: Vec<PartnerSubscription>,
    /// Whether every entry could be read: otherwise something may stand there that is not seen.
    pub is_whole: bool,
}

#[derive(Deserialize)]
struct PartnerBody<'a> {
    #[serde(default, deserialize_with = "lenient_text")]
    application_id: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    partner_subscription_info: Option<RawText<'a>>,
}

#[derive(Deserialize)]
struct InfoBody<'a> {
    #[serde(default, deserialize_with = "subscription_id")]
    id: Option<SubscriptionId>,
    #[serde(borrow, default)]
    state: Option<RawText<'a>>,
}

impl PartnerSubscription {
    /// Reads what one partner bills, and whether all of it could be read; nothing if it is no list.
    fn read(text: &str) -> Option<(Self, bool)> {
        if names_error(text) {
            return None;
        }
        let PartnerBody { application_id, partner_subscription_info } = decode(text).ok()?;
        let entries = entries(partner_subscription_info?)?;
        let infos: Vec<_> = entries.iter().filter_map(|it| SubscriptionInfo::read(it.get())).collect();
        let is_whole = infos.len() == entries.len();
        Some((Self { application_id, partner_subscription_info: infos }, is_whole))
    }
}

impl SubscriptionInfo {
    fn read(text: &str) -> Option<Self> {
        if names_error(text) {
            return None;
        }
        let InfoBody { id, state } = decode(text).ok()?;
        let state = state.filter(|it| it.get().starts_with('"')).and_then(plain_text);
        Some(Self { id: id?, state: state.map(State::from) })
    }
}

/// The entries of a list; null is an empty one.
fn entries(list: RawText<'_>) -> Option<Vec<RawText<'_>>> {
    decode::<Option<Vec<RawText<'_>>>>(list.get()).ok().map(Option::unwrap_or_default)
}

/// Reads the reply to the lookup of one subscription.
///
/// Without its state, or with two different ones, it shows nothing; what has an entry that cannot be read does not deny it.
pub(crate) fn shown(id: &SubscriptionId, reply: &Reply<'_>) -> Reading<PartnerSubscription> {
    const INFO: &str = "/data/partner_subscription_info";
    let Some(data) = data(reply.body).filter(|it| it.get().starts_with('{')) else { return Reading::missing("/data") };
    if names_error(data.get()) {
        return Reading::missing(ERROR);
    }
    let Some((partner, is_whole)) = PartnerSubscription::read(data.get()) else { return Reading::missing(INFO) };
    let mut ours = partner.partner_subscription_info.iter().filter(|it| it.id == *id).peekable();
    let is_named = ours.peek().is_some();
    let mut states = ours.filter_map(|it| it.state.as_ref());
    let is_good = states.next().map_or(is_whole && !is_named, |first| states.all(|it| it == first));
    if is_good { Reading::Done(partner) } else { Reading::missing(INFO) }
}

/// The ids of subscriptions that are shown more than once, in different states.
fn contradicted(partners: &[PartnerSubscription]) -> BTreeSet<String> {
    let mut states: BTreeMap<&str, &Option<State>> = BTreeMap::new();
    let mut contradicted = BTreeSet::new();
    for info in partners.iter().flat_map(|it| &it.partner_subscription_info) {
        if states.insert(info.id.as_str(), &info.state).is_some_and(|have| *have != info.state) {
            contradicted.insert(info.id.as_str().into());
        }
    }
    contradicted
}

/// Reads a list; null is an empty one. One of which nothing at all can be read is none.
pub(crate) fn listed(reply: &Reply<'_>) -> Reading<Listed> {
    let Some(entries) = data(reply.body).and_then(entries) else { return Reading::missing("/data") };
    let mut list = Listed { partners: Vec::new(), is_whole: true };
    for entry in &entries {
        let partner = PartnerSubscription::read(entry.get());
        let Some((mut partner, is_whole)) = partner else {
            list.is_whole = false;
            continue;
        };
        let all = partner.partner_subscription_info.len();
        partner.partner_subscription_info.retain(|it| it.state.is_some());
        list.is_whole &= is_whole && partner.partner_subscription_info.len() == all;
        list.partners.push(partner);
    }
    let contradicted = contradicted(&list.partners);
    for partner in &mut list.partners {
        partner.partner_subscription_info.retain(|it| !contradicted.contains(it.id.as_str()));
    }
    list.is_whole &= contradicted.is_empty();
    let is_blank = list.partners.iter().all(|it| it.partner_subscription_info.is_empty());
    if is_blank && !list.is_whole { Reading::missing("/data") } else { Reading::Done(list) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_done<T>(reading: &Reading<T>) -> bool {
        matches!(reading, Reading::Done(_))
    }

    fn look(body: &str) -> Reading<PartnerSubscription> {
        shown(&SubscriptionId::parse("7").unwrap(), &Reply { status: 200, body: body.as_bytes() })
    }

    #[test]
    fn one_subscription_is_shown_or_denied_or_neither() {
        let with = |infos: &str| look(&alloc::format!(r#"{{"data":{{"partner_subscription_info":{infos}}}}}"#));
        for good in [r#"[{"id":7,"state":"x"}]"#, r#"["?",{"id":"7","state":"x"}]"#, r#"[{"id":"8"}]"#, "[]", "null"] {
            assert!(is_done(&with(good)), "{good}");
        }
        for odd in [r#"[{"id":7}]"#, r#"[{"id":7,"state":1}]"#, r#"[{"id":"8"},"?"]"#, r#"[{"state":"x"}]"#, "{}", "7"]
        {
            assert!(!is_done(&with(odd)), "{odd}");
        }
        for odd in [r#"{"data":{}}"#, r#"{"data":null}"#, r#"{"data":[]}"#, "{}"] {
            assert!(!is_done(&look(odd)), "{odd}");
        }
        let twice = |other: &str| with(&alloc::format!(r#"[{{"id":7,"state":"x"}},{{"id":7,"state":"{other}"}}]"#));
        assert!(is_done(&twice("x")) && !is_done(&twice("y")));
    }

    #[test]
    fn a_list_is_read_entry_by_entry() {
        let list = |body: &str| listed(&Reply { status: 200, body: body.as_bytes() });
        let Reading::Done(read) = list(r#"{"data":["?",{"partner_subscription_info":[{"id":7,"state":"Active"}]}]}"#)
        else {
            panic!("a list")
        };
        assert!(!read.is_whole);
        assert_eq!(read.partners[0].partner_subscription_info[0].state, Some(State::Active));
        assert!(is_done(&list(r#"{"data":null}"#)));
        assert!(is_done(&list(r#"{"data":[{"partner_subscription_info":null}]}"#)));
        for odd in [r#"{"data":["?"]}"#, r#"{"data":[{}]}"#, r#"{"data":{}}"#, r#"{"data":"x"}"#, "{}"] {
            assert!(!is_done(&list(odd)), "{odd}");
        }
    }
}
