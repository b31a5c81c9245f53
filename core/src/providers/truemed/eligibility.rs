//! What a customer qualified for: does a change of the items need an update, and is an order covered?

use serde::Serialize;

use super::api::order::{OrderItem, digest};
use super::payment_token::PaymentToken;
use crate::snapshot::Snapshot;

/// How an order stands to what the customer qualified for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Coverage {
    /// The customer qualified for exactly these items.
    Covered,
    /// These items wait for the customer to act, or for the answer to an update.
    Pending,
    /// These items differ: `update_payment_token` must come before the next charge.
    UpdateRequired,
    /// There is no token, or it was adopted and nothing is known of its items.
    Unknown,
}

/// Whether a change of the items needs `update_payment_token` before the next charge.
///
/// Any difference in the multiset of sku, name, quantity and price does; their order does not. Whether the customer
/// must take the survey again is Truemed's to say, and cannot be predicted.
///
/// ```
/// use rulebound::{money::Cents, truemed::{OrderItem, eligibility::needs_update}};
/// let b12 = OrderItem::new("b12", "B12", 1, Cents::new(1500));
/// let magnesium = OrderItem::new("mg", "Magnesium", 1, Cents::new(1200));
/// assert!(!needs_update(&[b12.clone(), magnesium.clone()], &[magnesium.clone(), b12.clone()]));
/// assert!(needs_update(&[b12.clone()], &[b12, magnesium]));
/// ```
pub fn needs_update(confirmed: &[OrderItem], wanted: &[OrderItem]) -> bool {
    digest(confirmed) != digest(wanted)
}

impl Snapshot<PaymentToken> {
    /// How an order stands to what this token's customer qualified for.
    pub fn coverage(&self, items: &[OrderItem]) -> Coverage {
        self.state().coverage(digest(items))
    }
}
