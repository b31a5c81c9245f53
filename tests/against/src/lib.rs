//! The core against the simulator: two independent readings of the same documents, in random journeys.
//!
//! A journey has a host with rows, an inbox and workers that crash, and the simulator's world with its customers, its
//! clock and its faults. No socket is used. What must hold is read from the simulator's own records: one charge for
//! each intent, nothing delivered unpaid, nothing paid that is neither delivered nor under review, no access beyond
//! what is paid, and no row that sleeps with something undecided. A difference is a fault of one of the two: the
//! documents decide, and a vector keeps the answer.
//!
//! `scene.rs` says how a flow joins.

mod flex;
mod host;
mod journey;
mod ledger;
mod revup;
mod scene;
mod stage;
mod truemed;
mod vend;
mod wire;

use std::collections::BTreeMap;

use scene::{Readings, Scene};

/// The flows that are held against the simulator.
pub fn flows() -> Vec<&'static str> {
    scene::all().iter().map(|it| it.flow()).collect()
}

/// What a run of a flow has seen.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// The flow.
    pub flow: &'static str,
    /// How many journeys were made.
    pub journeys: u64,
    /// How many ways to read the documents they were made under.
    pub readings: usize,
    /// What the journeys have counted, one a line.
    pub counts: String,
    /// The first of each kind of breach, with the fewest steps that lead to it.
    pub breaches: Vec<String>,
}

/// Every way to read the documents of a provider: as by default, each other value of one reading alone, and all pairs.
fn readings(provider: &str) -> Vec<Readings> {
    let catalogue = rulebound_simulator::catalogue("");
    let mut others: Vec<(String, String)> = Vec::new();
    for reading in catalogue["readings"].as_array().into_iter().flatten() {
        let Some(name) = reading["name"].as_str().filter(|it| it.starts_with(&format!("{provider}."))) else {
            continue;
        };
        let values = reading["values"].as_array().into_iter().flatten().skip(1);
        others.extend(values.filter_map(|it| Some((name.to_owned(), it.as_str()?.to_owned()))));
    }
    let mut all = vec![Readings::new()];
    all.extend(others.iter().map(|one| Readings::from([one.clone()])));
    for (nth, one) in others.iter().enumerate() {
        let later = others.iter().skip(nth + 1).filter(|it| it.0 != one.0);
        all.extend(later.map(|other| Readings::from([one.clone(), other.clone()])));
    }
    all
}

/// Makes the journeys of these numbers. A journey's number decides its steps and its readings.
pub fn simulate(flow: &str, numbers: impl Iterator<Item = u64>) -> Option<Report> {
    let scene = scene::all().into_iter().find(|it| it.flow() == flow)?;
    let scene = scene.as_ref();
    let readings = readings(flow.split('.').next().unwrap_or_default());
    let (mut journeys, mut first, mut sum) = (0, BTreeMap::new(), BTreeMap::<String, u64>::new());
    for number in numbers {
        journeys += 1;
        let read = chosen(&readings, number);
        match journey::run(scene, read, &journey::numbered(number)) {
            Ok((counts, deliveries)) => {
                let plain = [
                    ("requests", counts.requests),
                    ("webhooks", counts.webhooks),
                    ("reviews", counts.reviews),
                    ("crashes", counts.crashes),
                    ("deliveries", deliveries),
                ];
                let faults = counts.faults.into_iter().map(|(name, count)| (format!("fault {name}"), count));
                let refused = counts.refused.into_iter().map(|(name, count)| (format!("refused by {name}"), count));
                let plain = plain.map(|(name, count)| (name.to_owned(), count));
                plain.into_iter().chain(faults).chain(refused).for_each(|(name, n)| *sum.entry(name).or_default() += n);
            }
            Err(why) => {
                first.entry(journey::kind(&why)).or_insert((number, why));
            }
        }
    }
    let describe = |(number, why): (u64, String)| describe(scene, chosen(&readings, number), number, &why);
    Some(Report {
        flow: scene.flow(),
        journeys,
        readings: readings.len(),
        counts: sum.iter().map(|(name, count)| format!("{count:>8} {name}")).collect::<Vec<_>>().join("\n"),
        breaches: first.into_values().map(describe).collect(),
    })
}

/// The readings of a journey.
fn chosen(readings: &[Readings], number: u64) -> &Readings {
    let nth = number % readings.len() as u64;
    &readings[nth as usize]
}

/// A breach, with its number, its readings and the fewest steps that lead to it.
fn describe(scene: &dyn Scene, readings: &Readings, number: u64, why: &str) -> String {
    let data = journey::shortened(scene, readings, &journey::numbered(number), why);
    let why = journey::run(scene, readings, &data).err().unwrap_or_else(|| why.to_owned());
    let steps = journey::steps(scene, readings, &data).join("\n");
    let flow = scene.flow();
    format!(
        "journey {number} of {flow}, with the readings {readings:?}: {why}\nafter\n{steps}\n\
        Make it again with: cargo xtask simulate {flow} {number}"
    )
}
