//! The main job in a minute: the providers' own documents, played in the terminal.
//!
//! Run it with `cargo run --example tour`. Every line is a real call of the library: what the host wants (`command`),
//! what a worker sends (`send`), what has happened (`fact`), and what the library answers.

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
