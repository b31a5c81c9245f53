//! The status of a lifecycle: what a customer's page, a support agent or a job of the host wants to know.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Deref;

use serde::{Serialize, Serializer};

use super::{Facets, Flow, Named, Outcome, named};
use crate::fact::Failure;
use crate::id::{EffectId, Intent, Key};
#[cfg(feature = "schemas")]
use crate::int::LARGEST;
use crate::money::{Cents, Money};
use crate::time::Timestamp;

/// How a lifecycle is now: what a page for a customer or for a support agent shows.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(bound = "")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(bound = "", rename = "{F}Status"))]
#[non_exhaustive]
pub struct Status<F: Flow> {
    /// The flow's id.
    #[cfg_attr(feature = "schemas", schemars(extend("const" = F::ID)))]
    pub flow: &'static str,
    /// The host's name for the snapshot.
    pub key: Key,
    /// The number of changes.
    #[cfg_attr(feature = "schemas", schemars(range(max = LARGEST)))]
    pub revision: u64,
    /// The state of each facet.
    pub facets: FacetStates<F>,
    /// What only this flow has. Its fields can be read without naming it.
    #[serde(flatten)]
    pub own: F::Status,
    /// What the customer must do, in the provider's own word. `null` if the provider names nothing.
    pub customer_action: Option<String>,
    /// Where the customer can do it now, exactly as the provider gave the URL. `null` if there is no such page now.
    pub customer_url: Option<String>,
    /// Why there is no page now: the ids of the pending requests whose outcomes must be known first, and of the reviews
    /// that keep the customer from the page. Empty if the page depends on neither, or if there is one.
    pub customer_url_blocked_by: Vec<EffectId>,
    /// The intents that are open, the last 112 that failed and the last sixteen that are done, of each kind of request. The
    /// oldest are first.
    pub intents: Vec<IntentReport<F>>,
    /// The last request that failed: what it was about, its intent, when and why. A failed lookup does not replace the failure
    /// of a request that changes something. `null` once a request of the same operation succeeds.
    pub last_failure: Option<Failure>,
    /// The ids of the open reviews.
    pub reviews: Vec<EffectId>,
}

impl<F: Flow> Deref for Status<F> {
    type Target = F::Status;

    fn deref(&self) -> &Self::Target {
        &self.own
    }
}

/// The state of each facet, as an object from the facet's name to the name of its state.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FacetStates<F: Flow>(pub F::Facets);

impl<F: Flow> Serialize for FacetStates<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.states())
    }
}

#[cfg(feature = "schemas")]
impl<F: Flow> schemars::JsonSchema for FacetStates<F> {
    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        alloc::format!("{}Facets", F::schema_name()).into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let tables = F::Facets::tables();
        let names: Vec<_> = tables.iter().map(|it| it.facet).collect();
        let states = |it: &super::Table| {
            let doc = alloc::format!("The state of the facet `{}`.", it.facet);
            (String::from(it.facet), schemars::json_schema!({"description": doc, "type": "string", "enum": it.states}))
        };
        let properties: alloc::collections::BTreeMap<_, _> = tables.iter().map(states).collect();
        schemars::json_schema!({
            "description": "The state of each facet.", "type": "object", "properties": properties, "required": names
        })
    }
}

/// A charge, capture or refund that the host has named.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(bound = "")]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(bound = "", rename = "{F}Intent"))]
#[non_exhaustive]
pub struct IntentReport<F: Flow> {
    /// The host's name for it.
    pub intent: Intent,
    /// The action that requested it.
    #[serde(serialize_with = "by_name")]
    #[cfg_attr(feature = "schemas", schemars(with = "String"))]
    pub action: F::Action,
    /// How often it was requested, counted from 1. Only a failed one can be requested again.
    pub attempt: u32,
    /// The effect of the last request, whether or not the effect is still pending.
    pub effect: EffectId,
    /// Its outcome.
    pub state: IntentState,
    /// Why it failed. `null` unless it failed.
    pub cause: Option<Cause>,
    /// The amount, in the smallest unit of the currency. `null` if the host has named none.
    pub amount: Option<Money>,
    /// When the host requested it last.
    pub requested_at: Option<Timestamp>,
}

/// The outcome of a charge, capture or refund.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IntentState {
    /// Its outcome is not known yet.
    Open,
    /// It was done.
    Done,
    /// It failed, and can be tried again.
    Failed,
}

named! {
    /// Why a charge, capture or refund failed.
    #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "IntentCause", rename_all = "snake_case"))]
    pub enum Cause {
        /// The provider refused the request, and did nothing. `last_failure` can have its code and its words.
        Refused = "refused",
        /// The provider took the request, and it failed there: the payment was declined, or the refund did not reach the
        /// customer.
        Declined = "declined",
        /// The payment was canceled or released, or it expired, before the money was taken.
        Ended = "ended",
        /// No reply arrived, and a lookup showed that the provider had done nothing.
        NotMade = "not_made",
        /// It was never sent, because it was not needed or not possible any more.
        Dropped = "dropped",
        /// A person said that the provider did nothing, or gave it up.
        Reviewed = "reviewed",
    }
}

impl<F: Flow> IntentReport<F> {
    pub(crate) fn new(intent: &Intent, action: F::Action, operation: &str, attempt: u32, outcome: Outcome) -> Self {
        let effect = EffectId::of_intent(operation, intent, attempt);
        let (state, cause) = match outcome {
            Outcome::Open => (IntentState::Open, None),
            Outcome::Done => (IntentState::Done, None),
            Outcome::Failed(cause) => (IntentState::Failed, Some(cause)),
        };
        Self { intent: intent.clone(), action, attempt, effect, state, cause, amount: None, requested_at: None }
    }

    /// The same with the amount, and when the host requested it.
    pub(crate) fn requested(self, amount: Option<Cents>, at: Option<Timestamp>) -> Self {
        Self { amount: amount.map(Money::unnamed), requested_at: at, ..self }
    }
}

fn by_name<S: Serializer>(action: &impl Named, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(action.name())
}
