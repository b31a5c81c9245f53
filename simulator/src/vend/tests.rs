//! Random journeys at Vend: nothing changes without consent, and a token is used once.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::tests::Random;
use crate::time::{DAY, HOUR, MINUTE};
use crate::{HttpRequest, Outcome, World};

use super::state::STATES;

struct Journey {
    world: World,
    random: Random,
    tokens: Vec<String>,
}

impl Journey {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut readings = BTreeMap::new();
        for reading in <super::Vend as crate::provider::Provider>::READINGS {
            if random.below(4) == 0 {
                readings.insert(format!("vend.{}", reading.name), random.pick(reading.values));
            }
        }
        let options = json!({"webhook_urls": ["http://127.0.0.1:1/"], "readings": readings});
        Self { world: World::new(&options, "http://sim").unwrap(), random, tokens: vec!["none".into()] }
    }

    fn send(&mut self, request: &HttpRequest) -> Vec<u8> {
        let now = self.world.clock();
        let Outcome::Reply(reply) = self.world.request(request, now) else { panic!("there are no faults") };
        assert!(reply.status < 500, "{request:?} {reply:?}");
        reply.body
    }

    fn request(&mut self) {
        let token = self.random.pick(&self.tokens);
        let (method, path) = self.random.pick(&[
            ("POST", "/token"),
            ("POST", "/token"),
            ("POST", "/update-subscription/token"),
            ("POST", "/update-subscription/token"),
            ("GET", "/token/TOKEN"),
            ("GET", "/subscriptions"),
            ("GET", "/subscriptions/1"),
        ]);
        let path = format!("/vend/api/2.0/partner/billing{}", path.replace("TOKEN", &token));
        let mut request = HttpRequest::new(method, &path).header("authorization", "Bearer a");
        if method == "POST" {
            request = request.json(&self.body());
        }
        let reply: Value = serde_json::from_slice(&self.send(&request)).unwrap();
        let told = reply["token"].as_str().or(reply["data"]["token"].as_str());
        self.tokens.extend(told.map(str::to_owned));
    }

    fn body(&mut self) -> Value {
        let mut body = json!({"return_url": "http://s/back"});
        let plan = self.random.below(2) == 0;
        if plan {
            body["product_handle"] = json!("lite");
            body["price_handle"] = json!("monthly");
        }
        if !plan || self.random.below(4) == 0 {
            body["components"] = json!([{"component_handle": "seats", "component_price_handle": "basic",
                "quantity": self.random.below(4)}]);
        }
        if self.random.below(8) == 0 {
            let names: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            let name = self.random.pick(&names);
            body[name.as_str()] = self.random.junk();
        }
        body
    }

    fn browse(&mut self) {
        let token = self.random.pick(&self.tokens);
        let choice = self.random.pick(&["accept", "accept", "decline", ""]);
        let mut request = HttpRequest::new("POST", "/vend/billing/partner-consent");
        request.body = format!("token={token}&choice={choice}").into_bytes();
        let before = self.world.ledger();
        self.send(&request);
        if choice != "accept" {
            assert_eq!(before["vend"]["subscriptions"], self.world.ledger()["vend"]["subscriptions"]);
        }
    }

    fn act(&mut self) {
        let what = self.random.pick(&["cancel", "reactivate", "set_state", "fail_bills", "accept", "decline"]);
        let act = json!({"provider": "vend", "do": what, "state": self.random.pick(STATES),
            "fails": self.random.below(2) == 0, "token": self.random.pick(&self.tokens)});
        let _refused = self.world.control("POST", "act", "", &act);
    }

    fn pass(&mut self) {
        let wait = self.random.pick(&[0, MINUTE, HOUR, DAY, 40 * DAY, 400 * DAY]);
        for delivery in self.world.deliveries(self.world.clock() + wait) {
            let result = self.random.pick(&[Ok(200), Ok(500), Err("timeout".to_owned())]);
            self.world.delivered(&delivery, &result);
        }
    }

    fn check(&self) {
        let ledger = self.world.ledger()["vend"].clone();
        let tokens = ledger["tokens"].as_array().unwrap();
        let used = tokens.iter().filter(|it| it["kind"] == "create" && it["used_at"].is_string()).count();
        let subscriptions = ledger["subscriptions"].as_array().unwrap();
        assert_eq!(used, subscriptions.len(), "a subscription begins with one token");
        for subscription in subscriptions {
            let charges = subscription["charges"].as_array().unwrap();
            assert!(charges.iter().all(|it| it["amount_in_cents"].as_i64().unwrap() >= 0));
            if let Some(canceled) = subscription["canceled_at"].as_str().filter(|_| subscription["state"] == "canceled")
            {
                let late = |it: &&Value| it["at"].as_str().unwrap() > canceled;
                assert_eq!(charges.iter().filter(late).count(), 0, "{subscription}");
            }
        }
    }
}

#[test]
fn random_journeys_never_bill_without_consent_or_after_a_cancellation() {
    for seed in 0..60 {
        let mut journey = Journey::new(seed);
        for _ in 0..150 {
            match journey.random.below(10) {
                0..4 => journey.request(),
                4..7 => journey.browse(),
                7..9 => journey.act(),
                _ => journey.pass(),
            }
        }
        journey.check();
    }
}

#[test]
fn one_seed_makes_the_same_bytes() {
    let run = || {
        let mut journey = Journey::new(7);
        for _ in 0..150 {
            match journey.random.below(3) {
                0 => journey.request(),
                1 => journey.act(),
                _ => journey.pass(),
            }
        }
        let said = ["requests", "webhooks", "ledger"].map(|what| journey.world.control("GET", what, "", &Value::Null));
        format!("{said:?}")
    };
    assert_eq!(run(), run());
}
