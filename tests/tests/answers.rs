//! What each reply proves, for every operation of every flow. The data in `samples` say what to expect.
//!
//! The cases are each state in which an operation is pending, each position in the life of its request, and each of many
//! replies. The data say what each reply proves. The checks are numbered as in the messages:
//!
//! 1. a facet reaches a good place only if the data say *done*;
//! 2. no request ends, and no new key is made, while a sending is open;
//! 3. after every other reply something can still happen;
//! 4. any one reply, repeated, leads to a review or an end, and no row sleeps with something undecided;
//! 5. `failure` names the reason, nothing panics, and every saved snapshot loads.
//!
//! The variable `RULEBOUND_FLOW` runs one flow alone.

#[path = "answers/bodies.rs"]
mod bodies;
#[path = "answers/checks.rs"]
mod checks;
#[path = "answers/expect.rs"]
mod expect;
#[path = "answers/live.rs"]
mod live;
#[path = "answers/named.rs"]
mod named;
#[path = "answers/outcome.rs"]
mod outcome;
#[path = "answers/positions.rs"]
mod positions;
#[path = "answers/report.rs"]
mod report;
#[path = "answers/run.rs"]
mod run;
#[path = "answers/samples.rs"]
mod samples;
#[path = "answers/shape.rs"]
mod shape;
#[path = "answers/verdicts.rs"]
mod verdicts;

use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use live::{Repeated, live};
use report::{Found, Subject};
use rulebound_tests::rows::Facade;
use run::Job;
use samples::{Flow, Operation, flows};
use serde_json::{Value, json};

/// The least number of cases, so that none is lost by mistake.
const FEWEST: usize = 800_000;

/// Shorter schedules than the default ones, so that a row ends sooner. Nothing else depends on them.
fn short() -> Value {
    let hour = rulebound_tests::rows::HOUR;
    json!({"lookups": {"after_return_ms": [0, 60_000], "while_waiting_ms": [hour, 6 * hour, 26 * hour]}})
}

#[test]
fn every_reply_is_read_as_the_documents_say() {
    let found = each("replies", &json!({}), |job, found| job.run(found));
    let ran: usize = found.cases.values().sum();
    let all = std::env::var("RULEBOUND_FLOW").is_err();
    assert!(!all || ran >= FEWEST, "only {ran} cases ran");
    conclude(&found);
}

#[test]
fn no_reply_leaves_a_row_asleep() {
    let found = each("lives", &short(), lives);
    conclude(&found);
}

#[track_caller]
fn conclude(found: &Found) {
    assert!(found.is_empty(), "{} kinds of failure:\n{}", found.len(), found.text());
}

/// Runs the jobs of every flow on two threads.
fn each(what: &str, config: &Value, run: impl Fn(&Job<'_>, &mut Found) + Sync) -> Found {
    let started = Instant::now();
    let flows = flows();
    let facades: Vec<_> =
        flows.iter().map(|it| Facade::new(&it.flow, &it.key, it.settings.clone(), config.clone())).collect();
    let others: Vec<_> = flows.iter().map(|flow| successes(&flows, flow.provider())).collect();
    let mut jobs = Vec::new();
    for ((flow, facade), others) in flows.iter().zip(&facades).zip(&others) {
        for raw in flow.operations() {
            let states = Operation::read(&raw).pending.len();
            jobs.extend((0..states).map(|pending| Job { flow, facade, raw: raw.clone(), pending, others }));
        }
    }
    let (jobs, found) = (Mutex::new(jobs), Mutex::new(Found::default()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut own = Found::default();
                while let Some(job) = next(&jobs) {
                    run(&job, &mut own);
                }
                found.lock().unwrap().merge(own);
            });
        }
    });
    let found = found.into_inner().unwrap();
    let ran: usize = found.cases.values().sum();
    println!("{ran} {what} in {} s: {:?}", started.elapsed().as_secs(), found.cases);
    found
}

fn next<T>(jobs: &Mutex<Vec<T>>) -> Option<T> {
    jobs.lock().unwrap().pop()
}

/// The successes of all operations of a provider, each operation once.
fn successes(flows: &[Flow], provider: &str) -> Vec<(String, Value)> {
    let own = flows.iter().filter(|flow| flow.provider() == provider);
    let mut all: Vec<(String, Value)> = Vec::new();
    for raw in own.flat_map(Flow::operations) {
        let (name, success) = (raw["name"].as_str().unwrap_or_default().to_owned(), raw["success"].clone());
        if !all.iter().any(|(_, have)| *have == success) {
            all.push((name, success));
        }
    }
    all
}

/// Check 4: repeats each of some replies, beginning in a pending state.
fn lives(job: &Job<'_>, found: &mut Found) {
    let operation = Operation::read(&job.raw);
    let pending = operation.pending[job.pending].name.clone();
    let subject = Subject { flow: job.flow.flow.clone(), operation: operation.name.clone(), pending };
    let ready = match job.ready() {
        Ok(ready) => ready,
        Err(why) => return found.not_reached(&subject, "prelude", &why),
    };
    let few: Vec<_> = bodies::bodies(&ready.operation, &ready.others).into_iter().filter(|it| it.few).collect();
    let mut all = vec![Repeated::Lost, Repeated::NotSent];
    for (status, bodies) in
        [(200, few.len()), (400, 2), (401, 1), (403, 1), (404, 2), (409, 1), (429, 1), (500, 1), (302, 1)]
    {
        all.extend(few.iter().take(bodies).map(|body| Repeated::Reply(status, body.clone())));
    }
    for repeated in all {
        let mut row = ready.row.clone();
        let issues = match live(job.facade, &mut row, &ready.first.id, &repeated) {
            Ok(issue) => issue.into_iter().collect(),
            Err(why) => vec![checks::Issue::new(format!("5: {why}"), json!({}))],
        };
        found.case(&subject, || repeated.label(), issues, job.facade, &row, &[]);
    }
}
