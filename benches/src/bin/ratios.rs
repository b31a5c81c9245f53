//! Measures every decision both ways, in turns, and prints a Markdown table of what the library costs in comparison.
//!
//! Each round runs both ways of each decision, in an order that changes from round to round. A figure is the median over
//! the rounds, and a ratio is the median of the rounds' ratios, so that a busy machine slows both alike.
//! `ratios [ROUNDS] [PART OF A NAME] [rulebound|hand]`: with the last argument only that way runs, ROUNDS times, for a
//! profiler.

use std::time::Duration;

use rulebound_benches::cases::{Case, Side, cases};

/// How long one way of one decision runs in one round.
const SLICE: Duration = Duration::from_millis(2);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(101);
    let part = arguments.next().unwrap_or_default();
    let cases = cases(&part);
    if let Some(way) = arguments.next() {
        for case in &cases {
            let side = if way == "hand" { &case.hand } else { &case.rulebound };
            println!("{}: {} ms", case.name, side.run(rounds as u64).as_millis());
        }
        return;
    }
    println!("| decision | ratio | rulebound, ns | by hand, ns |\n| --- | ---: | ---: | ---: |");
    for case in cases {
        let (ratio, ours, hand) = measure(&case, rounds);
        println!("| {} | {ratio:.2} | {ours:.0} | {hand:.0} |", case.name);
    }
}

fn measure(case: &Case, rounds: usize) -> (f64, f64, f64) {
    let (ours_times, hand_times) = (times(&case.rulebound), times(&case.hand));
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        let (ours, hand) = if round % 2 == 0 {
            let ours = nanos(&case.rulebound, ours_times);
            (ours, nanos(&case.hand, hand_times))
        } else {
            let hand = nanos(&case.hand, hand_times);
            (nanos(&case.rulebound, ours_times), hand)
        };
        for (figures, figure) in all.iter_mut().zip([ours / hand, ours, hand]) {
            figures.push(figure);
        }
    }
    let [ratio, ours, hand] = all.map(median);
    (ratio, ours, hand)
}

/// How many steps fill a slice. Counting them also warms up.
fn times(side: &Side) -> u64 {
    let mut times = 64;
    while side.run(times) < SLICE {
        times *= 2;
    }
    times
}

fn nanos(side: &Side, times: u64) -> f64 {
    side.run(times).as_secs_f64() * 1e9 / times as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
