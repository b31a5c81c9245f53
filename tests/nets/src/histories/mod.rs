//! Histories: workers, crashes, losses and a model of the provider, whose own records are compared at the end.
//!
//! A history follows from its bytes: four for each step, so that one step can be removed without changing the others.

mod chaos;
mod flex;
mod host;
mod ledger;
mod provider;
mod qualification;
mod rest;
mod revup;
mod truemed;
mod vend;
mod world;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::chance::bytes_of;
use world::World;

/// How many bytes a step takes.
const STEP: usize = 4;
/// How many bytes come before the first step. They choose the kind of host and provider.
const HEAD: usize = 4;
/// The most steps of a history that is made from its number.
const LONGEST: usize = 160;

/// The flows with a model of their provider.
pub const FLOWS: [&str; 7] = [
    "truemed.payment_token",
    "truemed.payment_session",
    "truemed.qualification_session",
    "flex.checkout",
    "flex.subscription",
    "vend.subscription",
    "revup.subscription",
];

/// The bytes of the history of a number.
pub fn numbered(number: u64) -> Vec<u8> {
    let length = usize::from(bytes_of(number ^ 0x5EED, 1)[0]) % LONGEST + 1;
    bytes_of(number, HEAD + STEP * length)
}

/// Runs histories, and returns the first of each kind of breach, with the fewest steps that lead to it.
pub fn breaches(flow: &str, numbers: impl Iterator<Item = u64>) -> Vec<String> {
    let mut first = BTreeMap::new();
    for number in numbers {
        if let Err(why) = breach(flow, &numbered(number)) {
            first.entry(kind(&why)).or_insert((number, why));
        }
    }
    let describe =
        |(number, why): (u64, String)| format!("history {number} of {}", described(flow, &numbered(number), &why));
    first.into_values().map(describe).collect()
}

/// Runs a history. Panics with its steps if a check fails.
pub fn live(flow: &str, data: &[u8]) {
    if let Err(why) = breach(flow, data) {
        panic!("{}", described(flow, data, &why));
    }
}

thread_local! {
    /// Whether a panic in this thread is only a failed check.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Keeps a panic of a history from being printed: it is reported later, with the steps that led to it.
fn quietly<T>(act: impl FnOnce() -> T) -> std::thread::Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |why| {
            if !IS_QUIET.get() {
                before(why)
            }
        }));
    });
    IS_QUIET.set(true);
    let done = catch_unwind(AssertUnwindSafe(act));
    IS_QUIET.set(false);
    done
}

/// What goes wrong in a history, if anything does.
fn breach(flow: &str, data: &[u8]) -> Result<(), String> {
    let result = quietly(|| World::new(flow, data, false).go());
    result.map_err(|why| {
        let text = why.downcast_ref::<String>().cloned();
        text.or_else(|| why.downcast_ref::<&str>().map(|it| (*it).to_owned())).unwrap_or_else(|| "a panic".into())
    })
}

/// The same history without the steps that the same breach does not need.
fn shortened(flow: &str, data: &[u8], why: &str) -> Vec<u8> {
    let mut data = data.to_vec();
    let mut size = data.len() / STEP / 2;
    while size > 0 {
        let mut start = HEAD;
        while start < data.len() {
            let mut shorter = data.clone();
            shorter.drain(start..data.len().min(start + size * STEP));
            match breach(flow, &shorter) {
                Err(other) if kind(&other) == kind(why) => data = shorter,
                _ => start += size * STEP,
            }
        }
        size /= 2;
    }
    data
}

/// The kind of a breach: its words before the first name or number.
fn kind(why: &str) -> String {
    why.split(['`', ':', '{']).next().unwrap_or_default().to_owned()
}

/// A breach, with the fewest steps that lead to it, one a line.
fn described(flow: &str, data: &[u8], why: &str) -> String {
    let data = shortened(flow, data, why);
    let why = breach(flow, &data).err().unwrap_or_else(|| why.to_owned());
    let mut world = World::new(flow, &data, true);
    let _ = quietly(|| world.go());
    format!("{flow}: {why}\nafter\n{}\nof the bytes {data:?}", world.log.join("\n"))
}
