//! Requests a second on one core, beside an empty handler of axum in the same run.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{CHARGE, Client, charge};
use crate::served::Served;

/// The bound of each kind of request, in requests a second.
const BOUND: f64 = 5_000.0;
/// How many connections send at once, each one request at a time.
const CONNECTIONS: usize = 8;
/// How long each measurement takes. A world has room for the charges of this time.
const SLICE: Duration = Duration::from_secs(1);
/// How often each figure is measured. The median counts.
const ROUNDS: usize = 5;

/// Measures the requests in turns with the empty handler, and returns the bounds that were missed.
pub(crate) fn run() -> Vec<String> {
    let (simulator, empty) = (Served::start("simulator"), Served::start("empty"));
    let mut figures = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        let mut client = Client::to(&simulator.url);
        let world = client.world(&json!({}));
        let charged = client.call("POST", &format!("{world}/{CHARGE}"), &charge(0));
        let session = format!("{world}/truemed/payments/v1/payment_session/{}", charged["id"].as_str().unwrap());
        let (body, charges) = (charge(0).to_string(), format!("{world}/{CHARGE}"));
        let plain = [rate(&empty.url, "GET", "/", ""), rate(&empty.url, "POST", "/", &body)];
        let ours = [rate(&simulator.url, "GET", &session, ""), rate(&simulator.url, "POST", &charges, &body)];
        let ratios = [ours[0] / plain[0], ours[1] / plain[1]];
        let both = (plain[0] + plain[1]) / 2.0;
        for (all, figure) in figures.iter_mut().zip([both, ours[0], ours[1], ratios[0], ratios[1]]) {
            all.push(figure);
        }
        client.call("DELETE", &world, &Value::Null);
    }
    let [plain, get, post, get_ratio, post_ratio] = figures.map(median);
    let cores = if simulator.is_pinned { "on one core" } else { "on all cores, because there is no `taskset`" };
    println!("\n{CONNECTIONS} connections, the server {cores}, the clock in manual mode\n");
    println!("| request | per second | of the empty handler |\n| --- | ---: | ---: |");
    println!("| an empty handler of axum | {plain:.0} | 1.00 |");
    println!("| GET a payment session | {get:.0} | {get_ratio:.2} |");
    println!("| POST a charge | {post:.0} | {post_ratio:.2} |");
    let kinds = [("GET", get), ("POST", post)];
    let missed = kinds.into_iter().filter(|(_, figure)| *figure < BOUND);
    missed.map(|(kind, figure)| format!("{kind}: {figure:.0} requests a second; the bound is {BOUND:.0}")).collect()
}

/// How many of these requests a server replies to in a second.
fn rate(server: &str, method: &str, url: &str, body: &str) -> f64 {
    let barrier = Barrier::new(CONNECTIONS);
    let work = || {
        let mut client = Client::to(server);
        let text = client.text(method, url, body);
        barrier.wait();
        let (started, mut count) = (Instant::now(), 0_u32);
        while started.elapsed() < SLICE {
            let status = client.exchange(&text);
            assert_eq!(status, 200, "{method} {url}");
            count += 1;
        }
        f64::from(count) / started.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|it| it.join().unwrap()).sum()
    })
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
