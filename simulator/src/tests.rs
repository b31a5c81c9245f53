//! Random journeys without a network: whatever is sent, a world stays sound.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic")]

use serde_json::{Value, json};

use crate::time::{DAY, HOUR, MINUTE};
use crate::{HttpRequest, Outcome, World};

/// A small generator of random numbers, so that a failure can be repeated by its seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(limit).unwrap()).unwrap()
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// A value of any shape.
    pub(crate) fn junk(&mut self) -> Value {
        let whole = [json!(null), json!(true), json!(-1), json!(i64::MAX), json!(1.5), json!(""), json!([]), json!({})];
        match self.below(10) {
            0 => json!([self.pick(&whole)]),
            1 => json!({"name": self.pick(&whole), "quantity": self.pick(&whole), "price": self.pick(&whole)}),
            _ => self.pick(&whole),
        }
    }
}

/// A world with the ids that it has told.
struct Journey {
    world: World,
    random: Random,
    ids: Vec<String>,
}

impl Journey {
    fn new(seed: u64) -> Self {
        let options =
            json!({"webhook_urls": ["http://127.0.0.1:1/", {"url": "http://127.0.0.1:2/", "auth": "unsigned"}]});
        let world = World::new(&options, "http://sim").unwrap();
        Self { world, random: Random(seed), ids: vec!["nobody".into()] }
    }

    fn cart(&mut self) -> Value {
        let sku = self.random.pick(&["b12", "mag"]);
        let mut cart = json!({"total_amount": 1500, "success_url": "http://s/ok", "failure_url": "http://s/no",
            "order_items": [{"name": sku, "sku": sku, "quantity": 1, "price": 1500}], "metadata": "m",
            "idempotency_key": format!("k{}", self.random.below(40)), "amount": 700, "reason": "customer_request"});
        let members = [
            ("tokenize", json!(true)),
            ("kind", json!("authorization")),
            ("payment_token", json!(self.random.pick(&self.ids))),
            ("payment_id", json!(self.random.pick(&self.ids))),
            ("update_card_info", json!(true)),
        ];
        for (name, value) in members {
            if self.random.below(3) == 0 {
                cart[name] = value;
            }
        }
        if self.random.below(8) == 0 {
            let names: Vec<String> = cart.as_object().unwrap().keys().cloned().collect();
            let name = self.random.pick(&names);
            cart[name.as_str()] = self.random.junk();
        }
        cart
    }

    fn request(&mut self) {
        let id = self.random.pick(&self.ids);
        let (method, path) = self.random.pick(&[
            ("POST", "/payments/v1/create_payment_session"),
            ("POST", "/api/v1/payment_tokens/create"),
            ("POST", "/api/v1/payment_tokens/ID/update"),
            ("POST", "/api/v1/payment_tokens/ID/delete"),
            ("POST", "/payments/v1/payment_session/ID/capture"),
            ("POST", "/payments/v1/payment_session/ID/void"),
            ("POST", "/payments/v1/payment_session/ID/cancel"),
            ("POST", "/payments/v1/refund"),
            ("GET", "/payments/v1/payment_session/ID"),
            ("GET", "/payments/v1/payment_sessions?page=99999999999999999999&page_size=0&include_order_items=true"),
            ("GET", "/api/v1/payment_tokens/ID"),
            ("GET", "/api/v1/payment_tokens/provision_request/ID"),
            ("GET", "/checkout/ID"),
        ]);
        let mut request = HttpRequest::new(method, &format!("/truemed{}", path.replace("ID", &id)));
        request = request.header("x-truemed-api-key", self.random.pick(&["a", "a", "a", "b"]));
        if method == "POST" && !path.ends_with("delete") {
            request = request.json(&self.cart());
        }
        let now = self.world.clock();
        let Outcome::Reply(reply) = self.world.request(&request, now) else { panic!("there are no faults") };
        assert!(reply.status < 500, "{request:?} {reply:?}");
        if let Ok(body) = serde_json::from_slice::<Value>(&reply.body) {
            let ids = ["id", "provision_token_request_id", "payment_token", "redirect_url"];
            let told = ids.iter().filter_map(|name| body[name].as_str());
            self.ids.extend(told.map(|id| id.rsplit('/').next().unwrap().to_owned()));
        }
    }

    fn act(&mut self) {
        let what =
            self.random.pick(&["finish", "cancel", "answer_survey", "enter_card", "dispute", "expire_card", "qualify"]);
        let card = self.random.pick(&["4242424242424242", "4000000000000341", "4000000000000002", "?"]);
        let act = json!({"provider": "truemed", "do": what, "id": self.random.pick(&self.ids), "card": card,
            "letter": self.random.below(3) > 0, "skus": ["mag"], "url": null});
        let _refused = self.world.control("POST", "act", "", &act);
    }

    fn pass(&mut self) {
        let wait = self.random.pick(&[0, MINUTE, HOUR, 3 * DAY, 400 * DAY]);
        let now = self.world.clock() + wait;
        for delivery in self.world.deliveries(now) {
            let result = self.random.pick(&[Ok(204), Ok(500), Err("timeout".to_owned())]);
            if let Some(token) = self.world.delivered(&delivery, &result)["body"].as_str().and_then(token_of) {
                self.ids.push(token);
            }
        }
        assert!(self.world.next().is_none_or(|next| next >= self.world.clock()));
    }

    fn check(&self) {
        let ledger = self.world.ledger();
        for session in ledger["truemed"]["payment_sessions"].as_array().unwrap() {
            let amount = |name: &str| session[name].as_i64().unwrap();
            assert!(amount("captured_amount") <= amount("total_amount"), "{session}");
            assert!(amount("refunded_amount") <= amount("captured_amount"), "{session}");
            assert_eq!(amount("captured_amount") > 0, session["status"] == "captured" && amount("total_amount") > 0);
        }
    }
}

fn token_of(body: &str) -> Option<String> {
    Some(body.split("\"payment_token\":\"").nth(1)?.split('"').next()?.to_owned())
}

#[test]
fn random_journeys_never_panic_and_never_take_more_than_the_total() {
    for seed in 0..60 {
        let mut journey = Journey::new(seed);
        for _ in 0..150 {
            match journey.random.below(10) {
                0..6 => journey.request(),
                6..9 => journey.act(),
                _ => journey.pass(),
            }
        }
        journey.pass();
        journey.check();
    }
}

#[test]
fn one_seed_makes_the_same_bytes_without_a_network_too() {
    let run = || {
        let mut journey = Journey::new(7);
        (0..100).for_each(|_| if journey.random.below(3) > 0 { journey.request() } else { journey.act() });
        let world = journey.world.control("GET", "requests", "", &Value::Null);
        format!("{world:?}")
    };
    assert_eq!(run(), run());
}
