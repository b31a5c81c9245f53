//! The commands of a subscription, the triggers that move it, and the rules about the contents of a command.

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
use crate::url::{is_absolute, is_secure, why_not_secure};

/// A command from the host.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "VendSubscriptionCommand", tag = "type")
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Requests the token with which the retailer consents to a new subscription.
    CreateSubscriptionToken(Box<TokenRequest>),
    /// Requests the token with which the retailer consents to a change of the plan or of the components.
    UpdateSubscriptionToken(Box<TokenRequest>),
    /// Looks up whether the retailer has consented.
    RetrieveToken {
        /// The token. The default is the newest outstanding token.
        #[serde(default)]
        token: Option<ConsentToken>,
    },
    /// Looks up the state of one subscription, or the list of all.
    RetrieveSubscription {
        /// The subscription. The default is the known subscription, or else the list.
        #[serde(default)]
        subscription_id: Option<SubscriptionId>,
    },
    /// Cancels the subscription. Vend has no such operation. The library always rejects the command, and names the page
    /// where the retailer can cancel.
    CancelSubscription {},
}

impl Command {
    /// A command that requests the token of a new subscription.
    pub fn create(request: TokenRequest) -> Self {
        Self::CreateSubscriptionToken(Box::new(request))
    }

    /// A command that requests the token of a change.
    pub fn update(request: TokenRequest) -> Self {
        Self::UpdateSubscriptionToken(Box::new(request))
    }
}

named! {
    /// An action, as a button has it.
    pub enum Action {
        /// Start a subscription. The retailer consents on Vend's page, and Vend bills nothing before that.
        Create = "create_subscription_token",
        /// Change the plan. The retailer consents on Vend's page, and the old plan stays until then.
        UpdatePlan = "update_subscription_token/plan",
        /// Change the components, or their number. The retailer consents on Vend's page, and nothing changes until
        /// then.
        UpdateComponents = "update_subscription_token/components",
        /// Look up whether the retailer has consented. It changes nothing.
        RetrieveToken = "retrieve_token",
        /// Look up whether the subscription is live, past due or over. It changes nothing.
        RetrieveSubscription = "retrieve_subscription",
        /// Not possible here: only the retailer can cancel, on Vend's page of connected applications.
        Cancel = "cancel_subscription",
    }
}

named! {
    /// A trigger: what can move a facet.
    pub enum Trigger {
        /// The host requests the token of a new subscription.
        Create = "create_subscription_token",
        /// The host requests the token of a change.
        Update = "update_subscription_token",
        /// Vend issues a token.
        TokenIssued = "token_issued",
        /// A lookup shows a token.
        TokenSeen = "token_seen",
        /// A lookup shows the subscription.
        SubscriptionSeen = "subscription_seen",
        /// Vend refuses a request.
        Refused = "refused",
        /// A person answers a review.
        Reviewed = "reviewed",
        /// Something that never moves a facet.
        Other = "other",
    }
}

/// The two kinds of update.
pub(super) const UPDATES: &[&str] = &[Action::UpdatePlan.as_str(), Action::UpdateComponents.as_str()];

impl Action {
    /// The action of a command.
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::CreateSubscriptionToken(_) => Self::Create,
            Command::UpdateSubscriptionToken(request) => Self::of_update(request),
            Command::RetrieveToken { .. } => Self::RetrieveToken,
            Command::RetrieveSubscription { .. } => Self::RetrieveSubscription,
            Command::CancelSubscription {} => Self::Cancel,
        }
    }

    /// The action that a request comes from.
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
    /// Checks the fields of a new subscription.
    pub(super) fn check_create(&self, rules: &mut Rules<'_>) {
        for (handle, pointer) in [(&self.product_handle, "/product_handle"), (&self.price_handle, "/price_handle")] {
            rules.check(Rule::CreatePlanRequired, is_given(handle.as_ref())).at(pointer);
        }
        self.check_return_url(Rule::CreateReturnUrlRequired, rules);
        for (index, it) in self.components.iter().flatten().enumerate() {
            let has_handles = is_given(it.component_handle.as_ref()) && is_given(it.component_price_handle.as_ref());
            rules
                .check(Rule::CreateComponentFields, has_handles && it.quantity.is_some())
                .at_index(|| component_pointer(index));
            rules
                .check(Rule::ComponentQuantityRange, it.quantity.is_none_or(|it| it > 0))
                .at_index(|| quantity_pointer(index));
        }
        self.check_each_once(rules);
        rules.check_extra::<Self>(&self.extra);
    }

    /// Checks the fields of an update. `is_known` says whether a component already has a quantity.
    pub(super) fn check_update(&self, is_known: impl Fn(Digest, i64) -> bool, rules: &mut Rules<'_>) {
        let (has_plan, components) = (self.names_a_plan(), self.components.as_deref());
        let has_components = components.is_some_and(|it| !it.is_empty());
        rules
            .check(Rule::UpdatePlanXorComponents, has_plan != has_components || (!has_plan && components.is_some()))
            .instead(UPDATES);
        rules.check(Rule::UpdateComponentsNonempty, components.is_none() || has_components).at("/components");
        if has_plan {
            let (product, price) = (is_given(self.product_handle.as_ref()), is_given(self.price_handle.as_ref()));
            rules.check(Rule::UpdatePriceHandleWithProduct, price || self.product_handle.is_none()).at("/price_handle");
            rules
                .check(Rule::UpdateProductHandleWithPrice, product || self.price_handle.is_none())
                .at("/product_handle");
        }
        self.check_return_url(Rule::UpdateReturnUrlRequired, rules);
        rules.check(Rule::UpdateNoCoupon, self.coupon_code.is_none()).at("/coupon_code");
        for (index, it) in components.into_iter().flatten().enumerate() {
            let is_complete = is_given(it.component_handle.as_ref()) && it.quantity.is_some();
            rules.check(Rule::UpdateComponentFields, is_complete).at_index(|| component_pointer(index));
            let Some(quantity) = it.quantity else { continue };
            rules.check(Rule::ComponentQuantityRange, quantity >= 0).at_index(|| quantity_pointer(index));
            rules.check(Rule::UpdateQuantityZero, quantity != 0).at_index(|| quantity_pointer(index));
            let handle = it.component_handle.as_deref();
            let is_new = handle.is_none_or(|handle| !is_known(digest(handle), quantity));
            rules
                .check(Rule::UpdateQuantityIsTotal, is_new)
                .at_index(|| quantity_pointer(index))
                .because(|| format!("The total is already {quantity}."));
        }
        self.check_each_once(rules);
        rules.check_extra::<Self>(&self.extra);
    }

    fn check_return_url(&self, rule: Rule, rules: &mut Rules<'_>) {
        let url = self.return_url.as_deref().unwrap_or_default();
        let is_absolute = is_absolute(url);
        let why = || why_not_secure("/return_url", Some(url));
        rules.check(rule, is_absolute).at("/return_url").because(why);
        rules.warn(rule, !is_absolute || is_secure(url)).at("/return_url").because(why);
    }

    fn check_each_once(&self, rules: &mut Rules<'_>) {
        let mut names = BTreeSet::new();
        for (index, it) in self.components.iter().flatten().enumerate() {
            let is_first = it.component_handle.as_deref().is_none_or(|name| names.insert(name));
            rules
                .check(Rule::ComponentDuplicateHandle, is_first)
                .at_index(|| format!("{}/component_handle", component_pointer(index)));
        }
    }
}

fn component_pointer(index: usize) -> String {
    format!("/components/{index}")
}

fn quantity_pointer(index: usize) -> String {
    format!("/components/{index}/quantity")
}
