//! The scenarios of `host/suite`, on SQLite and on PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a test, in which a panic is a failure"
)]

mod request;
mod stage;
mod step;
mod world;

use std::path::Path;

use serde_json::Value;
use world::Place;

/// The scenarios of every file, each with the file's name.
fn scenarios() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let all: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        all.into_iter().map(move |it| (name.clone(), it))
    };
    files.iter().flat_map(read).collect()
}

/// Plays every scenario that is for this database, and names those that failed.
async fn play(place: &Place) {
    let (mut played, mut failed) = (0, Vec::new());
    let only = std::env::var("RULEBOUND_SCENARIO").unwrap_or_default();
    for (file, scenario) in scenarios() {
        let name = scenario["name"].as_str().unwrap().to_owned();
        let is_for_here = scenario["databases"].as_array().is_none_or(|it| it.contains(&place.name().into()));
        if !is_for_here || !name.contains(&only) {
            continue;
        }
        played += 1;
        if let Err(why) = stage::play(place, &scenario).await {
            failed.push(format!("{file}: {name}: {why}"));
        }
    }
    println!("{played} scenarios on {}", place.name());
    assert!(failed.is_empty(), "{} of {played} scenarios failed:\n{}", failed.len(), failed.join("\n"));
    assert!(played > 60 || !only.is_empty(), "only {played} scenarios were found");
}

#[tokio::test]
async fn every_scenario_on_sqlite() {
    play(&Place::Sqlite).await;
}

#[tokio::test]
async fn every_scenario_on_postgres() {
    match std::env::var("RULEBOUND_TEST_POSTGRES") {
        Ok(url) => play(&Place::Postgres(url)).await,
        Err(_) => println!("left out: RULEBOUND_TEST_POSTGRES is not set"),
    }
}
