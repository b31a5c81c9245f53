//! The cost of a decision, compared with the same decision written by hand.

pub mod cases;
pub mod hand;
