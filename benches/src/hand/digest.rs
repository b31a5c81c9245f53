//! Fingerprints of contents that need not be kept.

use rulebound::truemed::{CreatePaymentSession, OrderItem};
use sha2::{Digest as _, Sha256};

/// The first 80 bits of a SHA-256.
pub type Digest = [u8; 10];

/// The fingerprint of a text.
pub fn fingerprint(text: &str) -> Digest {
    of(text.as_bytes())
}

fn of(bytes: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
    cut(hash)
}

fn cut(hash: Sha256) -> Digest {
    let mut short = [0; 10];
    short.copy_from_slice(&hash.finalize()[..10]);
    short
}

/// The fingerprint of the multiset of an order's items.
pub fn digest(items: &[OrderItem]) -> Digest {
    let mut sorted: Vec<_> = items
        .iter()
        .map(|it| (it.sku.as_deref().unwrap_or_default(), it.name.as_str(), it.quantity, it.price.get()))
        .collect();
    sorted.sort_unstable();
    let mut bytes = Vec::with_capacity(sorted.len() * 64);
    for (sku, name, quantity, price) in sorted {
        for text in [sku, name] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&quantity.to_le_bytes());
        bytes.extend_from_slice(&price.to_le_bytes());
    }
    of(&bytes)
}

/// The fingerprint of a cart: items, amounts and details.
pub(super) fn cart(command: &CreatePaymentSession, items: Digest) -> Digest {
    let mut hash = Sha256::new();
    hash.update(items);
    hash.update(command.total_amount.get().to_le_bytes());
    if let Some(details) = &command.amount_details {
        hash.update(serde_json::to_vec(details).unwrap_or_default());
    }
    cut(hash)
}
