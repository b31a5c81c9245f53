//! Vend's replies about the subscriptions of a retailer: about one, and about all.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::plan::Plan;
use super::replies::{ERROR, data, names_error, plain_text, present, subscription_id};
use crate::flow::{Reading, Reply};
use crate::json::{RawText, decode, lenient_text};
use crate::providers::vend::ids::SubscriptionId;
use crate::value::open_enum;

open_enum! {
    /// The state of a subscription. Vend documents no list of states and shows only `canceled`. The other values come
    /// from the billing system whose words Vend uses.
    pub enum State {
        /// The subscription is live.
        Active = "active",
        /// The retailer has canceled the subscription.
        Canceled = "canceled" | "cancelled",
        /// The subscription is live, and Vend does not bill it yet.
        Trialing = "trialing",
        /// The subscription is live, and Vend is billing it.
        Assessing = "assessing",
        /// The subscription is live, and its last payment failed.
        PastDue = "past_due",
        /// The subscription is live. Billing failed for a reason that is not the retailer's fault.
        SoftFailure = "soft_failure",
        /// The subscription is live, and Vend no longer retries its payment.
        Unpaid = "unpaid",
        /// The term of the subscription is over.
        Expired = "expired",
        /// The trial is over, and no subscription followed.
        TrialEnded = "trial_ended",
        /// The subscription never began.
        FailedToCreate = "failed_to_create",
        /// Vend is creating the subscription.
        Pending = "pending",
        /// The subscription waits for the retailer to sign up.
        AwaitingSignup = "awaiting_signup",
        /// The billing system has paused the subscription.
        Paused = "paused",
        /// The subscription is on hold, and may continue.
        OnHold = "on_hold",
        /// The prepaid balance is used up, and the subscription may continue.
        Suspended = "suspended",
    }
}

/// The meaning of a state for the partner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// The partner keeps providing the service.
    Live,
    /// The subscription is over.
    Ended,
    /// The state shows neither.
    Undecided,
}

impl State {
    /// The meaning of the state.
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

    /// Whether Vend shows the state with its meaning. The meaning of any other state comes from the documents of
    /// another system.
    pub(crate) const fn is_plain(&self) -> bool {
        matches!(self, Self::Active | Self::Canceled)
    }
}

/// The reply to `retrieve_subscription`: the subscriptions of one retailer to one partner.
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
    /// Its state. Without a state nothing is known about the subscription.
    pub state: Option<State>,
    /// What it costs. It decides nothing.
    pub plan: Plan,
}

/// The reply to the list of all partner subscriptions of one retailer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SubscriptionsReply {
    /// The partners.
    pub partners: Vec<PartnerSubscription>,
    /// Whether every entry could be read. If not, the list may hold a subscription that is not in `partners`.
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
    /// Reads the subscriptions to one partner, and whether every entry could be read. The result is `None` if there is
    /// no array.
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
        Some(Self { id: id?, state: state.map(State::from), plan: Plan::read(text) })
    }
}

/// The entries of an array. Null counts as an empty array.
fn entries(list: RawText<'_>) -> Option<Vec<RawText<'_>>> {
    decode::<Option<Vec<RawText<'_>>>>(list.get()).ok().map(Option::unwrap_or_default)
}

/// Reads the reply to the lookup of one subscription.
///
/// The reply proves nothing if it shows the subscription without a state, or with two different ones. If an entry
/// cannot be read, the reply does not deny the subscription.
pub(crate) fn read_one(id: &SubscriptionId, reply: &Reply<'_>) -> Reading<PartnerSubscription> {
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

/// The ids that appear more than once, with different states.
fn contradicted(partners: &[PartnerSubscription]) -> BTreeSet<String> {
    let mut states: BTreeMap<&str, &Option<State>> = BTreeMap::new();
    let mut contradicted = BTreeSet::new();
    for info in partners.iter().flat_map(|it| &it.partner_subscription_info) {
        if states.insert(info.id.as_str(), &info.state).is_some_and(|other| *other != info.state) {
            contradicted.insert(info.id.as_str().into());
        }
    }
    contradicted
}

/// Reads the reply to the list. Null counts as an empty list. If no entry at all can be read, the reply proves nothing.
pub(crate) fn read_list(reply: &Reply<'_>) -> Reading<SubscriptionsReply> {
    let Some(entries) = data(reply.body).and_then(entries) else { return Reading::missing("/data") };
    let mut list = SubscriptionsReply { partners: Vec::new(), is_whole: true };
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

    fn lookup(body: &str) -> Reading<PartnerSubscription> {
        read_one(&SubscriptionId::parse("7").unwrap(), &Reply { status: 200, body: body.as_bytes() })
    }

    #[test]
    fn a_reply_shows_or_denies_one_subscription_or_proves_nothing() {
        let with = |infos: &str| lookup(&alloc::format!(r#"{{"data":{{"partner_subscription_info":{infos}}}}}"#));
        for good in [r#"[{"id":7,"state":"x"}]"#, r#"["?",{"id":"7","state":"x"}]"#, r#"[{"id":"8"}]"#, "[]", "null"] {
            assert!(is_done(&with(good)), "{good}");
        }
        for odd in [r#"[{"id":7}]"#, r#"[{"id":7,"state":1}]"#, r#"[{"id":"8"},"?"]"#, r#"[{"state":"x"}]"#, "{}", "7"]
        {
            assert!(!is_done(&with(odd)), "{odd}");
        }
        for odd in [r#"{"data":{}}"#, r#"{"data":null}"#, r#"{"data":[]}"#, "{}"] {
            assert!(!is_done(&lookup(odd)), "{odd}");
        }
        let twice = |other: &str| with(&alloc::format!(r#"[{{"id":7,"state":"x"}},{{"id":7,"state":"{other}"}}]"#));
        assert!(is_done(&twice("x")) && !is_done(&twice("y")));
    }

    #[test]
    fn a_list_is_read_entry_by_entry() {
        let list = |body: &str| read_list(&Reply { status: 200, body: body.as_bytes() });
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
