//! How much load the simulator takes: requests a second beside an empty handler, a virtual year of 1,000 monthly
//! subscriptions, and memory. It fails where a bound is missed.
//!
//! `load [rate] [year] [memory]`; without a word, all three. A part prints a table in Markdown.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::panic,
    reason = "a measurement, in which a panic is a failure"
)]

mod client;
mod memory;
mod rate;
mod receiver;
mod served;
mod year;

use std::process::ExitCode;

/// Measures, prints a table, and returns the bounds that were missed.
type Part = fn() -> Vec<String>;

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with("--")).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["serve", what] = words.as_slice() {
        served::serve(what);
        return ExitCode::SUCCESS;
    }
    let parts: [(&str, Part); 3] = [("rate", rate::run), ("year", year::run), ("memory", memory::run)];
    if let Some(unknown) = words.iter().find(|word| parts.iter().all(|(name, _)| name != *word)) {
        eprintln!("There is no part `{unknown}`. The parts are rate, year and memory.");
        return ExitCode::FAILURE;
    }
    let chosen = parts.into_iter().filter(|(name, _)| words.is_empty() || words.contains(name));
    let missed: Vec<String> = chosen.flat_map(|(_, run)| run()).collect();
    missed.iter().for_each(|bound| eprintln!("{bound}"));
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
