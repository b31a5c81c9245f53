//! The requested terms. They are only learned and never move, so they are not a facet.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::EffectId;
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::calls::CreateSubscription;
use crate::providers::revup::api::replies::SubscriptionReply;
use crate::providers::revup::ids::{OrderId, SubscriptionId};

/// The terms of a subscription, as far as they are known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionTerms"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Terms {
    /// Whether a stored card pays.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    on_token: bool,
    /// The order of the first charge. With a token, it is the parent order.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
    /// The newest request to create the subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<EffectId>,
    /// The plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    /// The currency of the charges. It is unknown for an adopted subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// The amount of the first charge, if the request replaces that of the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_amount: Option<Decimal>,
    /// The last subscriptions that a person says are not ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_ours: Vec<SubscriptionId>,
}

/// How many subscriptions that are not ours are kept.
const REMEMBERED: usize = 8;

impl Terms {
    /// The terms of a create command.
    pub(super) fn of(command: &CreateSubscription) -> Self {
        Self {
            on_token: command.is_on_token(),
            order: command.parent_order_id.clone(),
            request: None,
            plan: command.plan_id.clone(),
            currency: command.currency.clone(),
            first_amount: command.first_amount().map(Decimal::plain),
            not_ours: Vec::new(),
        }
    }

    /// The terms of a new try keep what a person has said about other subscriptions.
    pub(super) fn after(self, before: &mut Self) -> Self {
        Self { not_ours: core::mem::take(&mut before.not_ours), ..self }
    }

    /// A person says that the subscription is not ours.
    pub(super) fn disown(&mut self, id: SubscriptionId) {
        self.not_ours.retain(|it| *it != id);
        if self.not_ours.len() >= REMEMBERED {
            self.not_ours.remove(0);
        }
        self.not_ours.push(id);
    }

    /// Whether a person has said that the subscription is not ours.
    pub(super) fn is_disowned(&self, id: &SubscriptionId) -> bool {
        self.not_ours.contains(id)
    }

    /// Notes the request that creates the subscription.
    pub(super) fn requested_by(self, request: EffectId) -> Self {
        Self { request: Some(request), ..self }
    }

    pub(super) const fn is_on_token(&self) -> bool {
        self.on_token
    }

    pub(super) const fn is_requested(&self) -> bool {
        self.request.is_some()
    }

    pub(super) const fn order(&self) -> Option<&OrderId> {
        self.order.as_ref()
    }

    /// Whether this is the order of the first charge. An unknown order never is.
    pub(super) fn is_order(&self, order: Option<&OrderId>) -> bool {
        self.order.is_some() && self.order.as_ref() == order
    }

    pub(super) fn plan(&self) -> Option<&str> {
        self.plan.as_deref()
    }

    pub(super) fn currency(&self) -> Option<&str> {
        self.currency.as_deref()
    }

    /// Whether the first charge took another amount, or another currency, than the request names.
    pub(super) fn is_other_charge(&self, amount: Decimal, currency: Option<&str>) -> bool {
        let is_other_currency =
            self.currency().zip(currency).is_some_and(|(one, other)| !one.eq_ignore_ascii_case(other));
        is_other_currency || self.first_amount.is_some_and(|it| !it.equals(amount))
    }

    /// The reply to a creation by form names the order.
    pub(super) fn learn_order(&mut self, order: OrderId) {
        self.order = Some(order);
    }

    /// A lookup shows the plan.
    pub(super) fn learn_plan(&mut self, plan: Option<&String>) {
        self.plan = self.plan.take().or_else(|| plan.cloned());
    }

    /// Whether a plan is the plan of this subscription. An unknown plan may be.
    pub(super) fn is_plan(&self, named: Option<&str>) -> bool {
        self.plan.as_deref().zip(named).is_none_or(|(plan, named)| plan.eq_ignore_ascii_case(named))
    }

    /// Whether a lookup shows a subscription to another plan.
    pub(super) fn differ_from(&self, reply: &SubscriptionReply) -> bool {
        !self.is_plan(reply.plan_id.as_deref())
    }
}
