//! Workers that are killed at every commit point, against the simulator: afterwards its books say that each flow was charged
//! once, and the shop's tables that each was delivered once.
//!
//! `RULEBOUND_CRASH_FLOWS`, `RULEBOUND_CRASH_WORKERS` and `RULEBOUND_CRASH_KILLS` make the run longer. The program starts itself
//! as the workers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a test, in which a panic is a failure"
)]

mod run;
mod world;
mod worker;

/// The points at which a worker is killed, each in turn.
pub(crate) const CHECKPOINTS: [&str; 6] = ["leased", "replied", "handled", "saved", "stored", "correlated"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match arguments.first().map(String::as_str) {
        Some("worker") => runtime.block_on(worker::work(&arguments)),
        // What test runners ask for.
        Some("--list") => println!("workers_are_killed: test"),
        _ => {
            let folder = std::env::temp_dir().join(format!("rulebound-crash-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            runtime.block_on(run::run("sqlite", &format!("sqlite:{}", folder.join("crash.db").display()), &folder));
            match std::env::var("RULEBOUND_TEST_POSTGRES") {
                Ok(url) => runtime.block_on(run::run("postgres", &url, &folder)),
                Err(_) => println!("left out: PostgreSQL, because RULEBOUND_TEST_POSTGRES is not set"),
            }
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
}
