//! Random journeys without a network: whatever is sent and whatever fails, the books agree.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic")]

use serde_json::{Map, Value, json};

use crate::time::{DAY, HOUR, MINUTE};
use crate::{HttpRequest, Outcome, World};

/// A small generator of random numbers, so that a failure can be repeated by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
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
        let mut random = Random(seed);
        let mut readings = Map::new();
        for reading in super::readings::ALL {
            if random.below(3) == 0 {
                readings.insert(format!("flex.{}", reading.name), json!(random.pick(reading.values)));
            }
        }
        let options = json!({"webhook_urls": ["http://127.0.0.1:1/"], "readings": readings});
        let mut journey = Self { world: World::new(&options, "http://sim").unwrap(), random, ids: vec!["none".into()] };
        for (unit, recurring) in [(500, Value::Null), (4_999, json!({"interval": "monthly"}))] {
            for eligibility in ["vision", "not_eligible", "letter_of_medical_necessity"] {
                let product = json!({"name": "A", "hsa_fsa_eligibility": eligibility});
                let price = json!({"product_data": product, "unit_amount": unit, "recurring": recurring});
                journey.send("POST", "/v1/prices", &json!({"price": price}));
            }
        }
        journey
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) {
        let mut request =
            HttpRequest::new(method, &format!("/flex{path}")).header("authorization", "Bearer fsk_test_1");
        if method != "GET" {
            request = request.json(body);
        }
        let (before, now) = (self.world.ledger(), self.world.clock());
        let Outcome::Reply(reply) = self.world.request(&request, now) else { panic!("there are no faults") };
        assert!(reply.status < 500 || reply.status == 501, "{request:?} {reply:?}");
        // Only a declined card leaves a trace in a refused request: the attempt.
        if reply.status >= 400 && !path.ends_with("/reauth") {
            assert_eq!(before, self.world.ledger(), "{path} {body}");
        }
        self.learn(&serde_json::from_slice(&reply.body).unwrap_or_default());
    }

    /// Remembers every id in a reply.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.starts_with('f') && text.len() > 26 && !self.ids.contains(text) => {
                self.ids.push(text.clone());
            }
            Value::Array(list) => list.iter().for_each(|it| self.learn(it)),
            Value::Object(members) => members.values().for_each(|it| self.learn(it)),
            _ => {}
        }
    }

    /// An id with a prefix, or any one.
    fn id(&mut self, prefix: &str) -> Value {
        let fits: Vec<String> = self.ids.iter().filter(|id| id.starts_with(prefix)).cloned().collect();
        if fits.is_empty() || self.random.below(12) == 0 {
            json!(self.random.pick(&self.ids))
        } else {
            json!(self.random.pick(&fits))
        }
    }

    fn session(&mut self) -> Value {
        let mut body = json!({"success_url": "http://s/", "cancel_url": "http://s/no"});
        body["mode"] =
            json!(self.random.pick(&["payment", "payment", "subscription", "subscription", "off_session", "setup"]));
        // Three prices are of single payments, three of subscriptions; now and then, one does not fit.
        let prices: Vec<String> = self.ids.iter().filter(|id| id.starts_with("fprice_")).cloned().collect();
        let recurring = (body["mode"] == "subscription") != (self.random.below(8) == 0);
        let fits = if recurring { &prices[3..6] } else { &prices[..3] };
        let lines = if body["mode"] == "setup" { 0 } else { 1 + self.random.below(2) };
        body["line_items"] = (0..lines).map(|_| json!({"price": self.random.pick(fits), "quantity": 1})).collect();
        for (name, value) in [
            ("capture_method", json!("manual")),
            ("customer", self.id("fcus_")),
            ("payment_method", self.id("fpm_")),
            ("setup_future_use", json!("off_session")),
            ("tax_rate", json!({"amount": 25})),
            ("discounts", json!([{"coupon_data": {"percent_off": 33, "duration": "once"}}])),
            ("subscription_data", json!({"trial_period_days": 5})),
        ] {
            let unfit = (name == "capture_method" && recurring) || value == "none";
            let wanted = name == "customer" && (body["mode"] == "setup" || body["mode"] == "off_session");
            if wanted || self.random.below(if unfit { 20 } else { 3 }) == 0 {
                body[name] = value;
            }
        }
        json!({"checkout_session": body})
    }

    fn request(&mut self) {
        let amount = self.random.pick(&[0, 1, 300, 4_999]);
        let flag = self.random.below(2) == 0;
        let (session, subscription, intent) = (self.id("fcs_"), self.id("fsub_"), self.id("fpi_"));
        let (session, path) = (session.as_str().unwrap().to_owned(), subscription.as_str().unwrap().to_owned());
        let of = |what: &str| format!("/v1/checkout/sessions/{session}/{what}");
        let of_subscription = format!("/v1/subscriptions/{path}");
        match self.random.below(12) {
            0..4 => {
                let body = self.session();
                self.send("POST", "/v1/checkout/sessions", &body);
                self.act("finish", "fcs_");
            }
            4 => self.send("POST", &of("refund"), &json!({"checkout_session": {"amount": amount}})),
            5 => self.send("POST", &of("capture"), &json!({"checkout_session": {"final_capture": flag}})),
            6 => {
                let what = self.random.pick(&["cancel", "reauth"]);
                self.send("POST", &of(what), &json!({}));
            }
            7 => self.send("POST", "/v1/refunds", &json!({"refund": {"payment_intent_id": intent, "amount": amount}})),
            8 => {
                let body = json!({"cancel_at_period_end": flag, "refund": "prorated", "refund_amount": amount});
                self.send("DELETE", &of_subscription, &json!({"subscription": body}));
            }
            9 => {
                let items = json!([{"price": self.id("fprice_")}]);
                let behavior = self.random.pick(&["always_invoice", "none"]);
                let body = json!({"items": items, "proration_behavior": behavior, "cancel_at_period_end": flag});
                self.send("PATCH", &of_subscription, &json!({"subscription": body}));
            }
            10 => {
                let invoice = self.id("fin_");
                self.send(
                    "POST",
                    &format!("/v1/invoices/{}/mark_uncollectible", invoice.as_str().unwrap()),
                    &json!({}),
                );
            }
            _ => {
                let list = self.random.pick(&["invoices", "payment_intents", "refunds", "captures", "setup_intents"]);
                self.send("GET", &format!("/v1/{list}?limit=100"), &Value::Null);
                self.send("GET", "/v1/checkout/sessions?limit=100&expand=customer,subscription", &Value::Null);
            }
        }
    }

    fn happen(&mut self) {
        let (what, prefix) = self.random.pick(&[
            ("finish", "fcs_"),
            ("cancel", "fcs_"),
            ("decline_card", "fsub_"),
            ("accept_card", "fsub_"),
            ("dispute", "fpi_"),
            ("close_dispute", "fdsp_"),
            ("fail_refund", "fref_"),
            ("retry_invoice", "fin_"),
        ]);
        self.act(what, prefix);
    }

    fn act(&mut self, what: &str, prefix: &str) {
        // The customer uses the newest link, or an old one.
        let newest = self.ids.iter().rev().find(|id| id.starts_with(prefix)).map(|id| json!(id));
        let id = newest.filter(|_| self.random.below(2) == 0).unwrap_or_else(|| self.id(prefix));
        let card =
            self.random.pick(&["4242424242424242", "4242424242424242", "4000000000000341", "4000000000009995", "?"]);
        let act = json!({"provider": "flex", "do": what, "id": id, "card": card, "expiry": "12/60",
            "letter": self.random.below(3) > 0, "hsa": self.random.below(2) == 0, "won": self.random.below(2) == 0});
        let _refused = self.world.control("POST", "act", "", &act);
    }

    fn pass(&mut self) {
        let wait = self.random.pick(&[0, MINUTE, 2 * HOUR, 3 * DAY, 40 * DAY]);
        let end = self.world.clock() + wait;
        while let Some(next) = self.world.next().filter(|next| *next <= end) {
            for delivery in self.world.deliveries(next) {
                self.world.delivered(&delivery, &Ok(200));
            }
        }
        self.world.deliveries(end);
        let told = self.world.ledger();
        self.learn(&told);
    }

    /// What must hold in the books of Flex, whatever happened.
    fn check(&self) {
        let ledger = self.world.ledger();
        let list = |name: &str| ledger["flex"][name].as_array().unwrap().clone();
        let number = |value: &Value| value.as_i64().unwrap();
        for intent in list("payment_intents") {
            let (refunded, received) = (number(&intent["amount_refunded"]), number(&intent["amount_received"]));
            assert!(refunded <= received && received <= number(&intent["amount"]), "{intent}");
            let refunds =
                list("refunds").into_iter().filter(|it| it["payment_intent_id"] == intent["payment_intent_id"]);
            let sum: i64 = refunds.filter(|it| it["status"] != "failed").map(|it| number(&it["amount"])).sum();
            assert_eq!(sum, refunded, "{intent}");
        }
        for invoice in list("invoices") {
            let paid = number(&invoice["amount_paid"]);
            assert_eq!(paid, if invoice["status"] == "paid" { number(&invoice["total"]) } else { 0 }, "{invoice}");
            let intent =
                list("payment_intents").into_iter().find(|it| it["payment_intent_id"] == invoice["payment_intent"]);
            assert_eq!(intent.map_or(0, |intent| number(&intent["amount_received"])), paid, "{invoice}");
        }
        for session in list("checkout_sessions") {
            let bought = session["mode"] == "subscription" && session["status"] == "complete";
            assert!(!bought || session["subscription"].is_string(), "{session}");
        }
    }
}

#[test]
fn random_journeys_never_panic_and_the_books_agree() {
    let (mut subscriptions, mut renewals) = (0, 0);
    for seed in 0..40 {
        let mut journey = Journey::new(seed);
        for _ in 0..200 {
            match journey.random.below(10) {
                0..5 => journey.request(),
                5..8 => journey.happen(),
                _ => journey.pass(),
            }
        }
        journey.pass();
        journey.check();
        let count = |prefix: &str| journey.ids.iter().filter(|id| id.starts_with(prefix)).count();
        (subscriptions, renewals) = (subscriptions + count("fsub_"), renewals + count("fin_"));
    }
    assert!(subscriptions > 100 && renewals > 300, "{subscriptions} subscriptions, {renewals} invoices");
}

#[test]
fn one_seed_makes_the_same_bytes() {
    let run = || {
        let mut journey = Journey::new(7);
        for _ in 0..80 {
            match journey.random.below(10) {
                0..5 => journey.request(),
                5..8 => journey.happen(),
                _ => journey.pass(),
            }
        }
        let read = |what: &str, world: &mut World| format!("{:?}", world.control("GET", what, "", &Value::Null));
        (read("requests", &mut journey.world), read("webhooks", &mut journey.world))
    };
    assert_eq!(run(), run());
}
