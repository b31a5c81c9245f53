//! What a decision costs, beside what the same decision costs when it is written by hand.

pub mod cases;
pub mod hand;
