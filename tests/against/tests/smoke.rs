//! A few journeys of every flow. `cargo xtask simulate` makes many more.

use rulebound_against::{flows, simulate};

/// How many journeys each flow makes: several under each reading.
const JOURNEYS: u64 = 60;

#[test]
fn the_core_and_the_simulator_agree() {
    for flow in flows() {
        let report = simulate(flow, 0..JOURNEYS).expect("the flow has a scene");
        assert!(report.breaches.is_empty(), "{}", report.breaches.join("\n\n"));
    }
}
