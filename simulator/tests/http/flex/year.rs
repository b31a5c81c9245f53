//! A year of many subscriptions: every one is paid once for each month. `cargo xtask bench simulator` measures it.

use rulebound_simulator::{Controlled, HttpRequest, Outcome, World};
use serde_json::{Value, json};

use super::DAY;

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
