//! What the host may ask of a subscription, what moves one, and the rules that the contents of a command decide.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use serde::Deserialize;

use super::Rules;
use crate::flow::named;
use crate::id::Digest;
use crate::providers::vend::api::calls::{Call, TokenRequest, digest};
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::rules::Rule;
use crate::url::{is_absolute, is_secure};

/// What the host may ask.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "VendSubscriptionCommand", tag = "type")
)]
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
    /// Cancel the subscription. There is no such operation: the library always rejects it, with the page on which the retailer
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

named! {
    /// What a button asks for.
    pub enum Action {
        /// A new subscription.
        Create = "create_subscription_token",
        /// Another plan.
        UpdatePlan = "update_subscription_token/plan",
        /// Other components, or another number of them.
        UpdateComponents = "update_subscription_token/components",
        /// Look up whether the retailer has consented.
        RetrieveToken = "retrieve_token",
        /// Look up the state of the subscription.
        RetrieveSubscription = "retrieve_subscription",
        /// Cancel the subscription: never possible here.
        Cancel = "cancel_subscription",
    }
}

named! {
    /// What can move a facet.
    pub enum Trigger {
        /// The host asks for the token of a new subscription.
        Create = "create_subscription_token",
        /// The host asks for the token of a change.
        Update = "update_subscription_token",
        /// Vend issues a token.
        TokenIssued = "token_issued",
        /// A lookup shows a token.
        TokenSeen = "token_seen",
        /// A lookup shows the subscription.
        SubscriptionSeen = "subscription_seen",
        /// Vend refuses.
        Refused = "refused",
        /// A person answers a question.
        Reviewed = "reviewed",
        /// Something that never moves a facet.
        Other = "other",
    }
}

/// The two shapes of an update.
pub(super) const UPDATES: &[&str] = &[Action::UpdatePlan.as_str(), Action::UpdateComponents.as_str()];

impl Action {
    /// What the command asks for.
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::CreateSubscriptionToken(_) => Self::Create,
            Command::UpdateSubscriptionToken(request) => Self::of_update(request),
            Command::RetrieveToken { .. } => Self::RetrieveToken,
            Command::RetrieveSubscription { .. } => Self::RetrieveSubscription,
            Command::CancelSubscription {} => Self::Cancel,
        }
    }

    /// What the request came of.
    pub(super) fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateSubscriptionToken(_) => Self::Create,
            Call::UpdateSubscriptionToken(request) => Self::of_update(request),
            Call::RetrieveToken(_) => Self::RetrieveToken,
            Call::RetrieveSubscription(_) | Call::ListSubscriptions => Self::RetrieveSubscription,
        }
    }

    const fn of_update(request: &TokenRequest) -> Self {
        if request.names_a_plan() { Self::UpdatePlan } else { Self::UpdateComponents }
    }
}

fn is_given(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.is_empty())
}

impl TokenRequest {
    /// The rules of a new subscription's fields.
    pub(super) fn check_create(&self, rules: &mut Rules<'_>) {
        for (handle, at) in [(&self.product_handle, "/product_handle"), (&self.price_handle, "/price_handle")] {
            rules.check(Rule::CreatePlanRequired, is_given(handle.as_ref())).at(at);
        }
        self.check_return_url(Rule::CreateReturnUrlRequired, rules);
        for (index, it) in self.components.iter().flatten().enumerate() {
            let named = is_given(it.component_handle.as_ref()) && is_given(it.component_price_handle.as_ref());
            rules.check(Rule::CreateComponentFields, named && it.quantity.is_some()).at_index(|| at_component(index));
            rules
                .check(Rule::ComponentQuantityRange, it.quantity.is_none_or(|it| it > 0))
                .at_index(|| at_number(index));
        }
        self.check_each_once(rules);
        rules.check_extra::<Self>(&self.extra);
    }

    /// The rules of an update's fields; `known` says whether there are so many of one already.
    pub(super) fn check_update(&self, known: impl Fn(Digest, i64) -> bool, rules: &mut Rules<'_>) {
        let (plan, components) = (self.names_a_plan(), self.components.as_deref());
        let some = components.is_some_and(|it| !it.is_empty());
        rules.check(Rule::UpdatePlanXorComponents, plan != some || (!plan && components.is_some())).instead(UPDATES);
        rules.check(Rule::UpdateComponentsNonempty, components.is_none() || some).at("/components");
        if plan {
            let (product, price) = (is_given(self.product_handle.as_ref()), is_given(self.price_handle.as_ref()));
            rules.check(Rule::UpdatePriceHandleWithProduct, price || self.product_handle.is_none()).at("/price_handle");
            rules
                .check(Rule::UpdateProductHandleWithPrice, product || self.price_handle.is_none())
                .at("/product_handle");
        }
        self.check_return_url(Rule::UpdateReturnUrlRequired, rules);
        rules.check(Rule::UpdateNoCoupon, self.coupon_code.is_none()).at("/coupon_code");
        for (index, it) in components.into_iter().flatten().enumerate() {
            let complete = is_given(it.component_handle.as_ref()) && it.quantity.is_some();
            rules.check(Rule::UpdateComponentFields, complete).at_index(|| at_component(index));
            let Some(quantity) = it.quantity else { continue };
            rules.check(Rule::ComponentQuantityRange, quantity >= 0).at_index(|| at_number(index));
            rules.check(Rule::UpdateQuantityZero, quantity != 0).at_index(|| at_number(index));
            let handle = it.component_handle.as_deref();
            let news = handle.is_none_or(|handle| !known(digest(handle), quantity));
            rules
                .check(Rule::UpdateQuantityIsTotal, news)
                .at_index(|| at_number(index))
                .because(|| format!("There are {quantity} already."));
        }
        self.check_each_once(rules);
        rules.check_extra::<Self>(&self.extra);
    }

    fn check_return_url(&self, rule: Rule, rules: &mut Rules<'_>) {
        let url = self.return_url.as_deref().unwrap_or_default();
        let absolute = is_absolute(url);
        rules.check(rule, absolute).at("/return_url");
        rules.warn(rule, !absolute || is_secure(url)).at("/return_url");
    }

    fn check_each_once(&self, rules: &mut Rules<'_>) {
        let mut names = BTreeSet::new();
        for (index, it) in self.components.iter().flatten().enumerate() {
            let first = it.component_handle.as_deref().is_none_or(|name| names.insert(name));
            rules
                .check(Rule::ComponentDuplicateHandle, first)
                .at_index(|| format!("{}/component_handle", at_component(index)));
        }
    }
}

fn at_component(index: usize) -> String {
    format!("/components/{index}")
}

fn at_number(index: usize) -> String {
    format!("/components/{index}/quantity")
}
