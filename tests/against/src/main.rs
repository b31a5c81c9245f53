//! `cargo xtask simulate`: many journeys of every flow, or one journey again.

use std::process::ExitCode;

use rulebound_against::{Report, flows, simulate};

/// How many journeys each flow makes.
const JOURNEYS: u64 = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    let reports: Option<Vec<Report>> = match words.as_slice() {
        [] => flows().iter().map(|flow| simulate(flow, 0..JOURNEYS)).collect(),
        [flow, one] => number(one).and_then(|one| simulate(flow, one..=one)).map(|it| vec![it]),
        [count] => number(count).and_then(|count| flows().iter().map(|flow| simulate(flow, 0..count)).collect()),
        _ => None,
    };
    let Some(reports) = reports else {
        eprintln!("usage: simulate [JOURNEYS], or simulate FLOW NUMBER with one of the flows {}", flows().join(", "));
        return ExitCode::FAILURE;
    };
    for report in &reports {
        let Report { flow, journeys, readings, counts, breaches, .. } = report;
        println!(
            "{flow}: {journeys} journeys under {readings} readings, {} kinds of breaches\n{counts}",
            breaches.len()
        );
        breaches.iter().for_each(|breach| println!("\n{breach}"));
    }
    if reports.iter().all(|it| it.breaches.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
