//! Random journeys at Revup: a period is paid once, and never more is refunded than was paid.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::card::NUMBERS;
use crate::tests::Random;
use crate::time::{DAY, HOUR, MINUTE, SECOND};
use crate::{HttpRequest, Outcome, World};

const PLAN: &str = "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee";

struct Journey {
    world: World,
    random: Random,
    ids: Vec<String>,
    /// The token, the transaction and the order of paid orders.
    paid: Vec<[String; 3]>,
}

impl Journey {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut readings = BTreeMap::new();
        for reading in <super::Revup as crate::provider::Provider>::READINGS {
            if random.below(4) == 0 {
                readings.insert(format!("revup.{}", reading.name), random.pick(reading.values));
            }
        }
        let world = World::new(&json!({"readings": readings}), "http://sim").unwrap();
        let mut journey = Self { world, random, ids: vec!["none".into()], paid: Vec::new() };
        let plan = json!({"provider": "revup", "do": "set_plan", "planId": PLAN, "renewals": 20,
            "cancels_on_dispute": journey.random.below(2) == 0});
        journey.world.control("POST", "act", "", &plan);
        journey
    }

    fn send(&mut self, request: &HttpRequest) -> Value {
        let now = self.world.clock();
        let Outcome::Reply(reply) = self.world.request(request, now) else { panic!("there are no faults") };
        assert!(reply.status < 500, "{request:?} {reply:?}");
        serde_json::from_slice(&reply.body).unwrap_or_default()
    }

    /// An id of any kind, mostly a new one.
    fn id(&mut self) -> String {
        let recent = self.ids.len().saturating_sub(if self.random.below(4) > 0 { 6 } else { self.ids.len() });
        self.random.pick(&self.ids[recent..])
    }

    fn request(&mut self) {
        let id = self.id();
        let (method, path) = self.random.pick(&[
            ("POST", "/orders"),
            ("POST", "/subscriptions"),
            ("POST", "/subscriptions"),
            ("POST", "/subscriptions/ID/cancel"),
            ("POST", "/transactions/ID/refund"),
            ("POST", "/transactions/ID/refund"),
            ("POST", "/orders/ID/pay"),
            ("DELETE", "/tokens/ID"),
            ("GET", "/subscriptions/ID"),
            ("GET", "/subscriptions/ID/payments?page=0&pageSize=99999999999999999999"),
            ("GET", "/transactions/ID"),
            ("GET", "/transactions/orderId/ID"),
        ]);
        let path = format!("/revup/v2{}", path.replace("ID", &id));
        let mut request = HttpRequest::new(method, &path).header("x-api-key", self.random.pick(&["a", "a", "a", "b"]));
        if method == "POST" {
            request = request.json(&self.body(path.ends_with("subscriptions")));
        }
        let reply = self.send(&request);
        for name in ["orderId", "id", "subscriptionId", "transactionId"] {
            self.ids.extend(reply[name].as_str().map(str::to_owned));
        }
    }

    fn body(&mut self, subscription: bool) -> Value {
        let mut body = json!({"planId": PLAN, "currency": "EUR", "eventSubscriptionUrl": "http://127.0.0.1:1/events",
            "redirectUrl": {"success": "http://127.0.0.1:1/ok", "fail": "http://127.0.0.1:1/no"},
            "paymentMethod": "credit_card_token", "data": {"tokenId": PLAN}});
        if !subscription {
            body["money"] =
                json!({"amount": self.random.pick(&[json!(1), json!(9.98), json!(0.01)]), "currency": "EUR"});
            body["generateToken"] = json!(true);
        } else if self.random.below(3) > 0
            && let Some([token, transaction, order]) = self.paid.last().cloned()
        {
            body["tokenId"] = json!(token);
            body["parentTransactionId"] = json!(transaction);
            body["parentOrderId"] = json!(order);
        }
        if self.random.below(8) == 0 {
            let names: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            let name = self.random.pick(&names);
            body[name.as_str()] = self.random.junk();
        }
        body
    }

    fn act(&mut self) {
        let what = self.random.pick(&[
            "pay",
            "pay",
            "pay",
            "pay",
            "pay",
            "pay",
            "confirm",
            "reject",
            "settle",
            "set_card",
            "pause",
            "resume",
            "resume",
            "cancel",
            "refund",
            "fail_refund",
            "dispute",
            "fee",
        ]);
        let card = if self.random.below(2) == 0 { NUMBERS[0].0 } else { self.random.pick(NUMBERS).0 };
        let kind = self.random.pick(&["chargeback", "rdr", "information_requested"]);
        let act = json!({"provider": "revup", "do": what, "id": self.id(), "kind": kind,
            "card": card, "amount": self.random.pick(&[json!(null), json!(1), json!(5.5)]),
            "success": self.random.below(2) == 0});
        let _refused = self.world.control("POST", "act", "", &act);
    }

    fn pass(&mut self) {
        let wait = self.random.pick(&[0, SECOND, MINUTE, HOUR, DAY, 40 * DAY]);
        for delivery in self.world.deliveries(self.world.clock() + wait) {
            let body: Value = serde_json::from_slice(&delivery.body).unwrap();
            for item in body.as_array().into_iter().flatten() {
                let text = |name: &str| item[name].as_str().map(str::to_owned);
                let ids = text("tokenId").zip(text("transactionId")).zip(text("orderId"));
                self.paid.extend(ids.map(|((token, transaction), order)| [token, transaction, order]));
            }
            let result = self.random.pick(&[Ok(200), Ok(204), Err("timeout".to_owned())]);
            self.world.delivered(&delivery, &result);
        }
    }

    fn check(&self) {
        let ledger = self.world.ledger()["revup"].clone();
        let transactions = ledger["transactions"].as_array().unwrap();
        let find = |id: &Value| transactions.iter().find(|it| it["id"] == *id).unwrap();
        let amount = |it: &Value| super::money::read(&it["amount"], "EUR").unwrap();
        let mut tokens = BTreeSet::new();
        for subscription in ledger["subscriptions"].as_array().unwrap() {
            let mut cycles = BTreeSet::new();
            for payment in subscription["payments"].as_array().unwrap() {
                let paid =
                    payment["transactions"].as_array().unwrap().iter().filter(|id| find(id)["status"] == "success");
                assert!(paid.count() <= 1, "a payment is made once: {payment}");
                let renews = payment["type"] != "maintenance";
                assert!(
                    !renews || cycles.insert(payment["cycle"].to_string()),
                    "a period has one payment: {subscription}"
                );
            }
            let ended = subscription["status"] == "archived" || subscription["tokenId"].is_null();
            assert!(ended || tokens.insert(subscription["tokenId"].to_string()), "a token makes one subscription");
        }
        for payment in transactions.iter().filter(|it| it["type"] == "payment") {
            let refund =
                |it: &&Value| it["type"] == "refund" && it["status"] != "failed" && it["parent"] == payment["id"];
            let refunded: i64 = transactions.iter().filter(refund).map(amount).sum();
            assert!(refunded <= amount(payment), "{payment}");
        }
    }
}

#[test]
fn random_journeys_never_take_a_period_twice_nor_refund_too_much() {
    let mut renewals = 0;
    for seed in 0..60 {
        let mut journey = Journey::new(seed);
        for _ in 0..200 {
            match journey.random.below(10) {
                0..4 => journey.request(),
                4..8 => journey.act(),
                _ => journey.pass(),
            }
        }
        journey.check();
        let subscriptions = journey.world.ledger()["revup"]["subscriptions"].clone();
        renewals += subscriptions.as_array().unwrap().iter().filter(|it| it["cycle"].as_i64() > Some(0)).count();
    }
    assert!(renewals > 30, "the journeys reach renewals: {renewals}");
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
