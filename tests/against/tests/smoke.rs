//! A few journeys of every flow. `cargo xtask simulate` makes many more.

use rulebound_against::{flows, simulate};

/// How many journeys each flow makes: several under each reading.
const JOURNEYS: u64 = 60;

#[test]
fn the_core_and_the_simulator_agree() {
    let breaches: Vec<String> = std::thread::scope(|scope| {
        let run = |flow| simulate(flow, 0..JOURNEYS).expect("the flow has a scene").breaches;
        let threads: Vec<_> = flows().into_iter().map(|flow| scope.spawn(move || run(flow))).collect();
        threads.into_iter().flat_map(|it| it.join().expect("a breach is no panic")).collect()
    });
    assert!(breaches.is_empty(), "{}", breaches.join("\n\n"));
}
