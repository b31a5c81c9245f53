//! Revup, from its documents.

mod create;
mod life;
mod money_back;
mod orders;
mod samples;

use serde_json::{Value, json};

use crate::harness::{Got, Receiver, Shop, send};

pub(crate) const DAY: i64 = 86_400_000;
pub(crate) const MONTH: i64 = 31 * DAY;
pub(crate) const PLAN: &str = "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee";

/// A merchant with one receiver for events, notifications and callbacks.
pub(crate) struct Merchant {
    shop: Shop,
    pub(crate) receiver: Receiver,
}

/// The three ids with which a subscription is created.
pub(crate) struct Ids {
    pub(crate) token: Value,
    pub(crate) transaction: Value,
    pub(crate) order: Value,
}

impl Merchant {
    pub(crate) fn new(readings: &Value) -> Self {
        let receiver = Receiver::start();
        receiver.reply_with(200);
        let readings: Value = readings
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (format!("revup.{name}"), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        Self { shop: Shop::new(&json!({"readings": readings})), receiver }
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Got {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("x-api-key", "key"), ("content-type", "application/json")];
        send(method, &self.url(&format!("/v2{path}")), &headers, body.as_bytes()).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/revup{path}", self.shop.url)
    }

    pub(crate) fn get(&self, path: &str) -> Got {
        self.call("GET", path, &Value::Null)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Got {
        self.call("POST", path, body)
    }

    pub(crate) fn act(&self, what: &str, members: &Value) -> Value {
        let got = self.try_act(what, members);
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()
    }

    pub(crate) fn try_act(&self, what: &str, members: &Value) -> Got {
        let mut act = json!({"provider": "revup", "do": what});
        act.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.shop.try_control("act", &act)
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.shop.advance(ms);
    }

    pub(crate) fn faults(&self, faults: &Value) {
        self.shop.control("faults", faults);
    }

    pub(crate) fn ledger(&self) -> Value {
        self.shop.control("ledger", &Value::Null)["revup"].clone()
    }

    /// The addresses that a request names.
    fn addresses(&self) -> Value {
        let at = |path: &str| self.receiver.url.replace("/hook", path);
        json!({"redirectUrl": {"success": at("/success"), "fail": at("/fail")}, "concept": "test",
            "description": "entertainment subscription"})
    }

    pub(crate) fn order_body(&self, members: &Value) -> Value {
        let mut body = self.addresses();
        body["money"] = json!({"amount": 9.98, "currency": "EUR"});
        body["generateToken"] = json!(true);
        body["notificationUrl"] = json!(self.receiver.url);
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    }

    pub(crate) fn subscription_body(&self, members: &Value) -> Value {
        let mut body = self.addresses();
        body["planId"] = json!(PLAN);
        body["currency"] = json!("EUR");
        body["eventSubscriptionUrl"] = json!(self.receiver.url);
        body["userInformation"] = json!({"email": "testing.subscriptions@macropay.com"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        body
    }

    pub(crate) fn order(&self, members: &Value) -> String {
        let made = self.post("/orders", &self.order_body(members));
        assert_eq!(made.status, 200, "{}", made.text);
        made.json()["orderId"].as_str().unwrap().to_owned()
    }

    /// An order that the customer has paid with a card, with its token.
    pub(crate) fn paid_order(&self, card: &str) -> Ids {
        let order = self.order(&json!({}));
        self.act("pay", &json!({"id": order, "card": card}));
        self.advance(2_000);
        let callback = self.take("/success").last().unwrap().clone();
        let item = callback.as_array().unwrap().last().unwrap().clone();
        Ids {
            token: item["tokenId"].clone(),
            transaction: item["transactionId"].clone(),
            order: item["orderId"].clone(),
        }
    }

    pub(crate) fn token_body(&self, ids: &Ids, members: &Value) -> Value {
        let mut body = self.subscription_body(members);
        body["tokenId"] = ids.token.clone();
        body["parentTransactionId"] = ids.transaction.clone();
        body["parentOrderId"] = ids.order.clone();
        body
    }

    /// Creates a subscription with the token of a card, and lets Revup make the initial payment.
    pub(crate) fn subscribe(&self, card: &str) -> String {
        let ids = self.paid_order(card);
        let made = self.post("/subscriptions", &self.token_body(&ids, &json!({})));
        assert_eq!(made.status, 200, "{}", made.text);
        self.advance(5_000);
        made.json()["subscriptionId"].as_str().unwrap().to_owned()
    }

    /// A subscription whose initial payment is made; nothing is waiting at the receiver.
    pub(crate) fn subscribed(&self) -> String {
        let id = self.subscribe("4242424242424242");
        assert_eq!(self.status(&id), "fulfilled");
        self.receiver.take();
        id
    }

    pub(crate) fn status(&self, id: &str) -> String {
        self.get(&format!("/subscriptions/{id}")).json()["status"].as_str().unwrap().to_owned()
    }

    pub(crate) fn payments(&self, id: &str) -> Vec<Value> {
        self.get(&format!("/subscriptions/{id}/payments?page=1&pageSize=100")).json()["payments"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// The bodies that arrived since the last call. A path chooses callbacks.
    pub(crate) fn take(&self, path: &str) -> Vec<Value> {
        let hooks = self.receiver.take();
        hooks.iter().filter(|hook| hook.path == path).map(crate::harness::Hook::json).collect()
    }

    /// The events that arrived since the last call.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.take("/hook").into_iter().filter(|it| it["eventType"].is_string()).collect()
    }

    /// The names of the events that arrived since the last call, without `subscription.`.
    pub(crate) fn event_names(&self) -> Vec<String> {
        let name = |it: &Value| it["eventType"].as_str().unwrap().replace("subscription.", "");
        self.events().iter().map(name).collect()
    }
}

/// The refusal's status and code, and the rule that was broken.
pub(crate) fn refusal(got: &Got) -> (u16, String, String) {
    let code = got.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
    (got.status, code, got.header("x-sim-broke").to_owned())
}
