//! Tests of the kernel, with a flow that needs all of it.

mod kernel;
mod key_lifetime;
mod replies;
mod sending;
mod status;
mod toy;

use crate::effect::{KeyLifetime, Operation, Retry};
use crate::rule::Basis;
use crate::time::Millis;

/// The operation that has an idempotency key, which its provider knows for a week.
static PAY: Operation = Operation::new("pay", Retry::SameKey)
    .key_known_for(KeyLifetime {
        lifetime_ms: Millis::from_hours(7 * 24),
        basis: Basis::Documented,
        about: "It says so.",
    })
    .again_at(&["again"])
    .asks_of(toy::Review::Payment.as_question());
