//! What the host may wish of a subscription, and the names of its places and inputs.

use alloc::boxed::Box;

use serde::Deserialize;

use super::Subscription;
use crate::flow::named;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::request::TokenRequest;
use crate::providers::vend::webhook::Signal;
use crate::providers::vend::partner::{Listed, PartnerSubscription};
use crate::providers::vend::token::{TokenIssued, TokenSeen};

/// What the host may wish.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionCommand", tag = "type"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Ask for the token with which the retailer consents to a new subscription.
    CreateSubscriptionToken(Box<TokenRequest>),
    /// Ask for the token with which the retailer consents to a change: of the plan, or of the components.
    UpdateSubscriptionToken(Box<TokenRequest>),
    /// Look whether the retailer has consented.
    RetrieveToken {
        /// The token; the newest that is outstanding unless told.
        #[serde(default)]
        token: Option<ConsentToken>,
    },
    /// Look how the subscription stands, or which there are.
    RetrieveSubscription {
        /// The subscription; the known one unless told, and without one the list.
        #[serde(default)]
        subscription_id: Option<SubscriptionId>,
    },
    /// Cancel the subscription. There is no such operation: it is always refused, with the page on which the retailer
    /// can.
    CancelSubscription {},
}

impl Command {
    /// Ask for the token of a new subscription.
    pub fn create(request: TokenRequest) -> Self {
        Self::CreateSubscriptionToken(Box::new(request))
    }

    /// Ask for the token of a change.
    pub fn update(request: TokenRequest) -> Self {
        Self::UpdateSubscriptionToken(Box::new(request))
    }
}

impl From<Command> for crate::snapshot::Command<Subscription> {
    fn from(command: Command) -> Self {
        Self::Wish(command)
    }
}

named! {
    /// What a button asks for.
    pub enum Wish {
        /// A new subscription.
        Create = "create_subscription_token",
        /// Another plan.
        Plan = "update_subscription_token/plan",
        /// Other components, or another number of them.
        Components = "update_subscription_token/components",
        /// Look whether the retailer has consented.
        RetrieveToken = "retrieve_token",
        /// Look how the subscription stands.
        Retrieve = "retrieve_subscription",
        /// Cancel it: never possible here.
        Cancel = "cancel_subscription",
    }
}

named! {
    /// Where the subscription stands.
    pub enum SubscriptionState {
        /// No subscription is known.
        Absent = "absent",
        /// It lives.
        Live = "live",
        /// The retailer has cancelled it.
        Canceled = "canceled",
        /// Its state is not known for a good one.
        Unclear = "unclear",
    }
}

named! {
    /// Where a change stands that waits for the retailer's consent.
    pub enum ChangeState {
        /// No change is open.
        Settled = "settled",
        /// The token of a change is asked for.
        Requested = "requested",
        /// The retailer's consent is awaited.
        Awaiting = "awaiting",
    }
}

named! {
    /// What can move a facet.
    pub enum On {
        /// The host asks for the token of a new subscription.
        Create = "create_subscription_token",
        /// The host asks for the token of a change.
        Update = "update_subscription_token",
        /// Vend issues a token.
        TokenIssued = "token_issued",
        /// A look-up shows a token.
        TokenSeen = "token_seen",
        /// A look-up shows the subscription.
        SubscriptionSeen = "subscription_seen",
        /// Vend refuses.
        Refused = "refused",
        /// A person judges.
        Judged = "judged",
        /// Something that never moves a facet.
        Other = "other",
    }
}

/// What an answer or a webhook says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A token was issued.
    TokenIssued(TokenIssued),
    /// A token was looked at.
    TokenSeen(Box<TokenSeen>),
    /// One subscription was looked at.
    SubscriptionSeen(PartnerSubscription),
    /// The retailer's subscriptions were looked at.
    Listed(Listed),
    /// A webhook.
    Signal(Signal),
}
