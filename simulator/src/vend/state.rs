//! What Vend remembers of one retailer.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::catalogue::Catalogue;
use crate::time::{Millis, iso};

/// The states of a subscription, in the words of Vend's billing engine. Only `canceled` is in Vend's own documents.
pub(super) const STATES: &[&str] = &[
    "active",
    "trialing",
    "assessing",
    "pending",
    "soft_failure",
    "past_due",
    "unpaid",
    "paused",
    "on_hold",
    "awaiting_signup",
    "suspended",
    "trial_ended",
    "expired",
    "failed_to_create",
    "canceled",
];

/// The states that a subscription does not leave by itself.
const ENDED: &[&str] = &["canceled", "expired", "failed_to_create", "suspended", "trial_ended"];

/// One retailer's Vend, and one partner's application there.
#[derive(Debug, Default)]
pub(crate) struct Vend {
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) catalogue: Catalogue,
    /// The granted scopes, or all of them.
    pub(super) scopes: Option<Vec<String>>,
    /// The retailer's registers, where the rate limit is enforced.
    pub(super) registers: Option<usize>,
    /// When the last requests came, where the rate limit is enforced.
    pub(super) served: VecDeque<Millis>,
    /// The retailer's bill cannot be charged.
    pub(super) bill_fails: bool,
    /// How many objects there were, for the order of lists.
    pub(super) count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Update,
}

/// A request that the retailer must consent to.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) nth: u64,
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) change: Change,
    pub(super) return_url: String,
    pub(super) created: Millis,
    /// When it was used, and for which subscription.
    pub(super) used: Option<(Millis, String)>,
    /// The retailer declined it, or a newer token replaced it.
    pub(super) withdrawn: bool,
}

/// What a token changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Change {
    /// The handles of the product and of its price.
    pub(super) plan: Option<(String, String)>,
    pub(super) components: Vec<Component>,
    pub(super) coupon: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) handle: String,
    pub(super) price_handle: Option<String>,
    pub(super) quantity: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) nth: u64,
    pub(super) id: String,
    pub(super) state: &'static str,
    pub(super) plan: (String, String),
    pub(super) components: Vec<Component>,
    pub(super) coupon: Option<String>,
    pub(super) created: Millis,
    pub(super) canceled: Option<Millis>,
    /// The retailer has canceled, and the subscription ends with its period.
    pub(super) ends: bool,
    /// From when periods are counted, and how many have begun.
    pub(super) anchor: Millis,
    pub(super) periods: i64,
    /// Where its webhooks go: the addresses that were configured when it began.
    pub(super) addresses: Vec<String>,
    /// When the next period is billed.
    pub(super) next: Millis,
    pub(super) charges: Vec<Charge>,
}

#[derive(Debug, Clone)]
pub(super) struct Charge {
    pub(super) at: Millis,
    pub(super) cents: i64,
    pub(super) paid: bool,
}

impl Subscription {
    /// Whether it can be changed and canceled.
    pub(super) fn live(&self) -> bool {
        !ENDED.contains(&self.state)
    }
}

impl Vend {
    pub(super) fn next_number(&mut self) -> u64 {
        self.count = self.count.saturating_add(1);
        self.count
    }

    /// The subscriptions in the order of their creation.
    pub(super) fn in_order(&self) -> Vec<&Subscription> {
        let mut all: Vec<&Subscription> = self.subscriptions.values().collect();
        all.sort_by_key(|subscription| subscription.nth);
        all
    }

    /// The id of a live subscription: the newest one, or the oldest one.
    pub(super) fn live(&self, oldest: bool) -> Option<String> {
        let live: Vec<&Subscription> = self.in_order().into_iter().filter(|it| it.live()).collect();
        let chosen = if oldest { live.first() } else { live.last() };
        chosen.map(|subscription| subscription.id.clone())
    }

    pub(super) fn ledger(&self) -> Value {
        let charge = |it: &Charge| json!({"at": iso(it.at), "amount_in_cents": it.cents, "paid": it.paid});
        let component = |it: &Component| json!({"component_handle": it.handle, "component_price_handle": it.price_handle, "quantity": it.quantity});
        let subscription = |it: &&Subscription| {
            json!({
                "id": it.id,
                "state": it.state,
                "product_handle": it.plan.0,
                "price_handle": it.plan.1,
                "components": it.components.iter().map(component).collect::<Vec<_>>(),
                "coupon_code": it.coupon,
                "created_at": iso(it.created),
                "canceled_at": it.canceled.map(iso),
                "ends_with_period": it.ends,
                "charges": it.charges.iter().map(charge).collect::<Vec<_>>(),
            })
        };
        let mut tokens: Vec<&Token> = self.tokens.values().collect();
        tokens.sort_by_key(|token| token.nth);
        let token = |it: &&Token| {
            json!({
                "token": it.id,
                "kind": if it.kind == Kind::Create { "create" } else { "update" },
                "created_at": iso(it.created),
                "used_at": it.used.as_ref().map(|(at, _)| iso(*at)),
                "subscription_id": it.used.as_ref().map(|(_, id)| id),
                "withdrawn": it.withdrawn,
            })
        };
        json!({
            "tokens": tokens.iter().map(token).collect::<Vec<_>>(),
            "subscriptions": self.in_order().iter().map(subscription).collect::<Vec<_>>(),
        })
    }
}
