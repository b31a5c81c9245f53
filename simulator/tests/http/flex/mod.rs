//! Flex, from its documents.

mod cards;
mod events;
mod life;
mod money;
mod offers;
mod samples;
mod sessions;
mod subscribe;
mod year;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Got, Hook, Receiver, Shop, send};

pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;

/// One world with a client of Flex.
pub(crate) struct Flex {
    pub(crate) shop: Shop,
}

impl Flex {
    pub(crate) fn new(options: &Value) -> Self {
        Self { shop: Shop::new(options) }
    }

    /// A world with these readings.
    pub(crate) fn reading(name: &str, value: &str) -> Self {
        Self::new(&json!({"readings": {format!("flex.{name}"): value}}))
    }

    /// A world that sends webhooks to a receiver, with the headers of a family.
    pub(crate) fn with_receiver(family: &str) -> (Self, Receiver) {
        let receiver = Receiver::start();
        let endpoint = json!({"url": receiver.url, "auth": family, "secret": "whsec_c2ltdWxhdG9y"});
        (Self::new(&json!({"webhook_urls": [endpoint]})), receiver)
    }

    pub(crate) fn call_as(&self, key: &str, method: &str, path: &str, body: &Value) -> Got {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        send(method, &format!("{}/flex{path}", self.shop.url), &headers, body.as_bytes()).unwrap()
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Got {
        self.call_as("fsk_test_1", method, path, body)
    }

    /// A request that must succeed: what is within the key.
    pub(crate) fn post(&self, path: &str, kind: &str, body: &Value) -> Value {
        let got = self.call("POST", path, &json!({kind: body}));
        assert_eq!(got.status, 200, "{path} {}", got.text);
        got.json()[kind].clone()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let got = self.call("GET", path, &Value::Null);
        assert_eq!(got.status, 200, "{path} {}", got.text);
        got.json()
    }

    pub(crate) fn session(&self, id: &Value) -> Value {
        self.get(&format!("/v1/checkout/sessions/{}", text(id)))["checkout_session"].clone()
    }

    pub(crate) fn subscription(&self, id: &Value) -> Value {
        self.get(&format!("/v1/subscriptions/{}", text(id)))["subscription"].clone()
    }

    pub(crate) fn invoice(&self, id: &Value) -> Value {
        self.get(&format!("/v1/invoices/{}", text(id)))["invoice"].clone()
    }

    pub(crate) fn act(&self, act: &Value) -> Value {
        let mut act = act.clone();
        act["provider"] = json!("flex");
        self.shop.act(&act)
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.shop.advance(ms);
    }

    /// The names of all events so far, in the order in which they were sent.
    pub(crate) fn events(&self) -> Vec<String> {
        let hooks = self.shop.control("webhooks", &Value::Null);
        hooks["webhooks"].as_array().unwrap().iter().map(|hook| text(&hook["event"]).to_owned()).collect()
    }

    /// How often an event was sent.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.events().iter().filter(|name| *name == event).count()
    }

    /// A price of a new product: `recurring` is null for a single payment.
    pub(crate) fn price(&self, cents: i64, eligibility: &str, recurring: &Value) -> Value {
        let product = json!({"name": "Gym", "visit_type": "gym", "hsa_fsa_eligibility": eligibility});
        let product = self.post("/v1/products", "product", &product);
        let price = json!({"product": product["product_id"], "unit_amount": cents, "recurring": recurring});
        self.post("/v1/prices", "price", &price)["price_id"].clone()
    }

    /// A session of one price, with more members.
    pub(crate) fn checkout(&self, mode: &str, price: &Value, members: &Value) -> Value {
        let mut body = json!({"line_items": [{"price": price, "quantity": 1}], "mode": mode,
            "success_url": "http://shop.test/ok?id={CHECKOUT_SESSION_ID}", "cancel_url": "http://shop.test/no"});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.post("/v1/checkout/sessions", "checkout_session", &body)
    }

    /// A monthly subscription that a customer has bought, as its session shows it.
    pub(crate) fn subscribed(&self, act: &Value) -> Value {
        let price = self.price(4_999, "letter_of_medical_necessity", &json!({"interval": "monthly"}));
        let session = self.checkout("subscription", &price, &json!({"client_reference_id": "order-1"}));
        let mut finish = json!({"do": "finish", "id": session["checkout_session_id"]});
        finish.as_object_mut().unwrap().extend(act.as_object().unwrap().clone());
        self.act(&finish);
        self.session(&session["checkout_session_id"])
    }

    /// The refusal's status, the rule that was broken and the type of the error.
    pub(crate) fn refusal(&self, method: &str, path: &str, body: &Value) -> (u16, String) {
        let got = self.call(method, path, body);
        (got.status, got.header("x-sim-broke").to_owned())
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The signature of a webhook, as the documents say that it is made.
pub(crate) fn signed(secret: &str, id: &str, at: &str, body: &str) -> String {
    let key = STANDARD.decode(secret.split_once('_').unwrap().1).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

pub(crate) fn event<'a>(hooks: &'a [Hook], name: &str) -> &'a Hook {
    hooks.iter().find(|hook| hook.json()["event_type"] == name).unwrap_or_else(|| panic!("there is no {name}"))
}
