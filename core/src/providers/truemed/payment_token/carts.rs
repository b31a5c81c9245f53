//! The lines of the carts that the flow compares by their fingerprints. They are only shown, and decide nothing.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::int::whole;
use crate::providers::truemed::api::order::OrderItem;

/// The most carts that are kept: the confirmed one, and the newest that may be confirmed.
const MOST: usize = 4;

/// The most lines of a cart that is kept.
const LINES: usize = 24;

/// The most bytes of all SKUs of a cart that is kept.
const BYTES: usize = 480;

/// One line of a cart.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCartLine"))]
#[non_exhaustive]
pub struct CartLine {
    /// The merchant's stock keeping unit. `null` if the command had none.
    pub sku: Option<String>,
    /// The quantity.
    pub quantity: i64,
}

/// A line as it is stored: the SKU and the quantity.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedStoredLine"))]
struct StoredLine(Option<String>, #[serde(deserialize_with = "whole")] i64);

/// A cart: its fingerprint, and its lines.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedStoredCart"))]
struct Cart(Digest, Vec<StoredLine>);

/// The carts whose lines are kept, the newest last.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedStoredCarts"))]
#[serde(transparent)]
pub(super) struct Carts(Vec<Cart>);

impl Carts {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the lines of a cart, unless the cart is large. `used` are the fingerprints that the flow still compares,
    /// and `confirmed` is the one that is dropped last.
    pub(super) fn keep(&mut self, cart: Digest, items: &[OrderItem], used: &[Digest], confirmed: Option<Digest>) {
        self.0.retain(|it| it.0 != cart && used.contains(&it.0));
        let skus = items.iter().filter_map(|it| it.sku.as_ref()).map(String::len);
        if items.len() > LINES || skus.fold(0, usize::saturating_add) > BYTES {
            return;
        }
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().position(|it| Some(it.0) != confirmed)
        {
            self.0.remove(oldest);
        }
        self.0.push(Cart(cart, items.iter().map(|it| StoredLine(it.sku.clone(), it.quantity)).collect()));
    }

    /// The lines of a cart, if they are kept.
    pub(super) fn lines(&self, cart: Option<Digest>) -> Option<Vec<CartLine>> {
        let Cart(_, lines) = self.0.iter().find(|it| Some(it.0) == cart)?;
        Some(lines.iter().map(|StoredLine(sku, quantity)| CartLine { sku: sku.clone(), quantity: *quantity }).collect())
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::money::Cents;
    use crate::providers::truemed::api::order::digest;

    fn cart(sku: &str) -> Vec<OrderItem> {
        [OrderItem::new(sku, "one", 2, Cents::new(100))].into()
    }

    #[test]
    fn the_confirmed_cart_is_dropped_last() {
        let mut carts = Carts::default();
        let all: Vec<_> = (0..9).map(|n| cart(&format!("sku-{n}"))).collect();
        let used: Vec<_> = all.iter().map(|items| digest(items)).collect();
        for items in &all {
            carts.keep(digest(items), items, &used, Some(used[0]));
        }
        assert!([0, 6, 7, 8].iter().all(|n| carts.lines(Some(used[*n])).is_some()));
        assert_eq!((carts.0.len(), carts.lines(Some(used[1])), carts.lines(None)), (MOST, None, None));
    }

    #[test]
    fn a_large_cart_is_not_kept_and_a_cart_that_is_not_used_is_dropped() {
        let mut carts = Carts::default();
        let (small, large) = (cart("b12"), cart(&"b".repeat(BYTES + 1)));
        carts.keep(digest(&small), &small, &[], None);
        assert_eq!(carts.lines(Some(digest(&small))), Some([CartLine { sku: Some("b12".into()), quantity: 2 }].into()));
        carts.keep(digest(&large), &large, &[], None);
        assert!(carts.is_empty());
    }
}
