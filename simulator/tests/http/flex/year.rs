//! A year of many subscriptions: every one is paid once for each month, and it does not take long.

use rulebound_simulator::{Controlled, HttpRequest, Outcome, World};
use serde_json::{Value, json};

use super::{DAY, Flex, text};

fn call(world: &mut World, path: &str, body: &Value) -> Value {
    let request = HttpRequest::new("POST", &format!("/flex{path}")).header("authorization", "Bearer fsk_test_1");
    let now = world.clock();
    let Outcome::Reply(reply) = world.request(&request.json(body), now) else { panic!("there are no faults") };
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    serde_json::from_slice(&reply.body).unwrap()
}

/// A world in which so many customers subscribed.
fn subscribed(many: usize) -> World {
    let mut world = World::new(&json!({}), "http://sim").unwrap();
    let price = json!({"price": {"product_data": {"name": "Gym", "hsa_fsa_eligibility": "vision"}, "unit_amount": 4_999,
        "recurring": {"interval": "monthly"}}});
    let price = call(&mut world, "/v1/prices", &price)["price"]["price_id"].clone();
    let body = json!({"checkout_session": {"line_items": [{"price": price}], "mode": "subscription",
        "success_url": "http://s.test/"}});
    for _ in 0..many {
        let id = call(&mut world, "/v1/checkout/sessions", &body)["checkout_session"]["checkout_session_id"].clone();
        let act = json!({"provider": "flex", "do": "finish", "id": id, "expiry": "12/39"});
        assert!(matches!(world.control("POST", "act", "", &act), Controlled::Reply(200, _)));
    }
    world
}

/// Lets a year pass, and says how many invoices were paid.
fn year(world: &mut World) -> usize {
    let end = world.clock() + 365 * DAY + DAY / 2;
    while let Some(next) = world.next().filter(|next| *next <= end) {
        assert!(world.deliveries(next).is_empty(), "the world has no endpoint");
    }
    let Controlled::Reply(200, ledger) = world.control("GET", "ledger", "", &Value::Null) else { panic!("no ledger") };
    ledger["flex"]["invoices"].as_array().unwrap().iter().filter(|invoice| invoice["status"] == "paid").count()
}

#[test]
fn every_month_of_a_year_is_paid_once() {
    assert_eq!(year(&mut subscribed(20)), 20 * 13);
}

#[test]
#[ignore = "its limit is one of a release build"]
fn a_year_of_a_thousand_subscriptions_takes_below_ten_seconds() {
    let mut world = subscribed(1_000);
    let started = std::time::Instant::now();
    assert_eq!(year(&mut world), 13_000);
    let took = started.elapsed();
    println!("a year of 1,000 subscriptions took {took:?}");
    assert!(took.as_secs() < 10, "{took:?}");
}

#[test]
#[ignore = "its limit is one of a release build"]
fn a_year_of_a_thousand_subscriptions_over_http() {
    let (flex, receiver) = Flex::with_receiver("svix");
    let price = flex.price(4_999, "vision", &json!({"interval": "monthly"}));
    for _ in 0..1_000 {
        let session = flex.checkout("subscription", &price, &json!({}));
        flex.act(&json!({"do": "finish", "id": session["checkout_session_id"], "expiry": "12/39"}));
    }
    let started = std::time::Instant::now();
    for _ in 0..73 {
        flex.advance(5 * DAY);
    }
    flex.advance(DAY / 2);
    println!("over HTTP, with {} webhooks: {:?}", receiver.take().len(), started.elapsed());
    let newest = flex.get("/v1/invoices?limit=1")["invoices"][0].clone();
    assert_eq!(text(&newest["status"]), "paid");
}
