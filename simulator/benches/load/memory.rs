//! Memory: what a world takes, and whether its deletion and its reset give that back.

use serde_json::{Value, json};

use crate::client::{CHARGE, Client, charge};
use crate::served::Served;

/// How many worlds a simulator holds.
const WORLDS: usize = 1_000;
/// How many charges a busy world has.
const CHARGES: usize = 20;
/// How often everything is made and removed.
const ROUNDS: usize = 4;
/// What the last round can take, in percent of the first one. It would be 400 if nothing were given back.
const BOUND: u64 = 125;

/// Measures the process of a simulator, and returns the bounds that were missed.
pub(crate) fn run() -> Vec<String> {
    let plain = Served::start("simulator");
    let Some(start) = plain.resident() else {
        println!("\nThis system does not say how much memory a process has.");
        return Vec::new();
    };
    make(&plain.url, 0);
    let empty = taken(&plain, start) * 1024 / WORLDS as u64;
    println!("\nMemory. A simulator without a world takes {} MiB. An empty world takes {empty} bytes.\n", start / 1024);
    println!("| what | one, KiB | all in each round, MiB | after each, MiB |\n| --- | ---: | ---: | ---: |");
    let worlds = rounds(|url| make(url, CHARGES), remove);
    let full = rounds(|url| vec![fill(url)], |url, made| reset(url, &made[0]));
    let busy = format!("{WORLDS} worlds of {CHARGES} charges, then deleted");
    [(busy, WORLDS, worlds), ("a full world, then reset".to_owned(), 1, full)]
        .into_iter()
        .filter_map(|(name, count, rounds)| show(&name, count, &rounds))
        .collect()
}

/// Prints what the rounds took, and returns the bound if it was missed.
fn show(name: &str, count: usize, rounds: &[(u64, u64)]) -> Option<String> {
    let mib =
        |of: fn(&(u64, u64)) -> u64| rounds.iter().map(|it| (of(it) / 1024).to_string()).collect::<Vec<_>>().join(", ");
    let (first, last) = (rounds[0].0, rounds[rounds.len() - 1].0);
    println!("| {name} | {} | {} | {} |", first / count as u64, mib(|it| it.0), mib(|it| it.1));
    let percent = last * 100 / first.max(1);
    (percent > BOUND).then(|| format!("{name}: the last round took {percent} % of the first; the bound is {BOUND} %"))
}

/// What a simulator has taken since its start, in KiB, after it was filled and after it was emptied, for each round.
fn rounds(fill: impl Fn(&str) -> Vec<String>, empty: impl Fn(&str, &[String])) -> Vec<(u64, u64)> {
    let served = Served::start("simulator");
    let start = served.resident().unwrap();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let made = fill(&served.url);
        let filled = taken(&served, start);
        empty(&served.url, &made);
        rounds.push((filled, taken(&served, start)));
    }
    rounds
}

fn taken(served: &Served, start: u64) -> u64 {
    served.resident().unwrap().saturating_sub(start)
}

/// Makes all worlds, each with so many charges, and returns their addresses.
fn make(url: &str, charges: usize) -> Vec<String> {
    let mut client = Client::to(url);
    let mut one = || {
        let world = client.world(&json!({}));
        (0..charges).for_each(|_| drop(client.call("POST", &format!("{world}/{CHARGE}"), &charge(100))));
        world
    };
    (0..WORLDS).map(|_| one()).collect()
}

fn remove(url: &str, worlds: &[String]) {
    let mut client = Client::to(url);
    worlds.iter().for_each(|world| drop(client.call("DELETE", world, &Value::Null)));
}

/// Charges in the only world until it takes no more. A world that was reset is the same one.
fn fill(url: &str) -> String {
    let mut client = Client::to(url);
    let made = client.call("GET", "/_sim/worlds", &Value::Null);
    let world = made["worlds"][0]["url"].as_str().map_or_else(|| client.world(&json!({})), str::to_owned);
    let text = client.text("POST", &format!("{world}/{CHARGE}"), &charge(2_000).to_string());
    while client.exchange(&text) == 200 {}
    world
}

fn reset(url: &str, world: &str) {
    Client::to(url).call("POST", &format!("{world}/_sim/reset"), &Value::Null);
}
