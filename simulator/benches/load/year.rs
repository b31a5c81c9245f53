//! A virtual year of 1,000 monthly subscriptions at Flex, without and with a receiver of every event.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rulebound_simulator::Simulator;
use serde_json::{Value, json};

use crate::client::Client;
use crate::receiver::{self, Counts};

/// How long a year can take.
const BOUND: Duration = Duration::from_secs(10);
const SUBSCRIPTIONS: usize = 1_000;
/// How many steps of five days the test makes.
const STEPS: usize = 73;

/// Measures both years, and returns the bounds that were missed.
pub(crate) fn run() -> Vec<String> {
    println!("\nA year of {SUBSCRIPTIONS} monthly subscriptions, in {STEPS} steps\n");
    println!("| receiver | seconds | webhooks | connections |\n| --- | ---: | ---: | ---: |");
    let mut missed = Vec::new();
    for is_received in [false, true] {
        let counts = Counts::default();
        let took = year(is_received.then(|| receiver::start(&counts)));
        let name = if is_received { "of every event" } else { "none" };
        let [webhooks, connections] = [&counts.webhooks, &counts.connections].map(|it| it.load(Ordering::SeqCst));
        println!("| {name} | {:.1} | {webhooks} | {connections} |", took.as_secs_f64());
        if took > BOUND {
            missed.push(format!("a year with the receiver {name} took {took:?}; the bound is {BOUND:?}"));
        }
    }
    missed
}

/// Lets a year pass, checks that each month was paid, and says how long that took.
fn year(receiver: Option<String>) -> Duration {
    let simulator = Simulator::start().unwrap();
    let mut client = Client::to(simulator.url());
    let world = client.world(&json!({"webhook_urls": receiver.into_iter().collect::<Vec<_>>()}));
    subscribe(&mut client, &world);
    let started = Instant::now();
    for _ in 0..STEPS {
        client.call("POST", &format!("{world}/_sim/clock/advance"), &json!({"ms": 5 * 86_400_000}));
    }
    client.call("POST", &format!("{world}/_sim/clock/advance"), &json!({"ms": 43_200_000}));
    let took = started.elapsed();
    let ledger = client.call("GET", &format!("{world}/_sim/ledger"), &Value::Null);
    let invoices = ledger["flex"]["invoices"].as_array().unwrap();
    assert_eq!(invoices.iter().filter(|invoice| invoice["status"] == "paid").count(), SUBSCRIPTIONS * 13);
    took
}

/// Lets every customer subscribe.
fn subscribe(client: &mut Client, world: &str) {
    let price = json!({"price": {"product_data": {"name": "Gym", "hsa_fsa_eligibility": "vision"}, "unit_amount": 4_999,
        "recurring": {"interval": "monthly"}}});
    let made = client.call("POST", &format!("{world}/flex/v1/prices"), &price);
    let body = json!({"checkout_session": {"mode": "subscription", "success_url": "http://shop.test/",
        "line_items": [{"price": made["price"]["price_id"]}]}});
    for _ in 0..SUBSCRIPTIONS {
        let made = client.call("POST", &format!("{world}/flex/v1/checkout/sessions"), &body);
        let id = &made["checkout_session"]["checkout_session_id"];
        let act = json!({"provider": "flex", "do": "finish", "id": id, "expiry": "12/39"});
        client.call("POST", &format!("{world}/_sim/act"), &act);
    }
}
