//! The main job in a minute: the journeys of the providers' own documents, in the terminal.
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
    println!("rulebound: the rules of subscription payments, played on the providers' own documents.");
    println!("Every scene is one row of the host. Every line is one call of the library.");
    truemed::play()?;
    vend::play()?;
    revup::play()?;
    flex::play()?;
    println!("\nAll rules, with their sources: schemas/catalogue.json");
    Ok(())
}
