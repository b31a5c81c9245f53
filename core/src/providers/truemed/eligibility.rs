//! What a customer qualified for: whether changed items need an update, and whether an order is covered.

use serde::Serialize;

use super::api::order::{OrderItem, digest};
use super::payment_token::PaymentToken;
use crate::snapshot::Snapshot;

/// How an order compares with what the customer qualified for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Coverage {
    /// The customer qualified for exactly these items.
    Covered,
    /// These items wait for the customer, or for the reply to an update.
    Pending,
    /// The customer has not qualified for these items. The next charge needs `update_payment_token` first.
    UpdateRequired,
    /// There is no token, or its items are not known: it was adopted, or the row was restored from a backup.
    Unknown,
}

/// Whether changed items need `update_payment_token` before the next charge.
///
/// Any difference in SKU, name, quantity or price needs an update. The order of the items does not count. Truemed
/// decides whether the customer must take the survey again, and the library cannot predict it.
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
    /// How an order compares with what the customer of this token qualified for.
    pub fn coverage(&self, items: &[OrderItem]) -> Coverage {
        self.state().coverage(digest(items), self.restored_last())
    }
}
