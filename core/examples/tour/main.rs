//! The main job in a minute: the journeys of five documents of the providers, in the terminal, one story for each.
//!
//! Run it with `cargo run --example tour`. Every line is a real call of the library: a command of the host (`command`), a
//! request that a worker sends (`send`) or a fact that the host reports (`fact`), with the result.

mod revup;
mod flex;
mod stage;
mod truemed;
mod vend;

use std::error::Error;

type Played = Result<(), Box<dyn Error>>;

fn main() -> Played {
    println!("rulebound: the rules of subscription payments, played on five documents of the providers.");
    println!("Every scene is one row of the host. Every line is one call of the library.");
    truemed::create_a_subscription()?;
    truemed::update_a_subscription()?;
    vend::update_a_subscription()?;
    revup::subscribe_with_a_token()?;
    flex::sell_a_subscription()?;
    println!("\n\nAll rules, with their sources: schemas/catalogue.json");
    Ok(())
}
