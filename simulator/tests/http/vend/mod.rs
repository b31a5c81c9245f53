//! Vend, from its documents.

mod cancellation;
mod consent;
mod samples;
mod tokens;

use serde_json::{Value, json};

use crate::harness::{Got, Receiver, Shop, send};

/// The retailer's domain, with the partner's access token.
pub(crate) struct Retailer {
    shop: Shop,
}

pub(crate) const HALF_AN_HOUR: i64 = 1_800_000;
pub(crate) const DAY: i64 = 86_400_000;

impl Retailer {
    pub(crate) fn new(options: &Value) -> Self {
        Self { shop: Shop::new(options) }
    }

    pub(crate) fn reading(name: &str, value: &str) -> Self {
        Self::new(&json!({"readings": {format!("vend.{name}"): value}}))
    }

    pub(crate) fn with_receiver(readings: &Value) -> (Self, Receiver) {
        let receiver = Receiver::start();
        (Self::new(&json!({"webhook_urls": [receiver.url], "readings": readings})), receiver)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/vend{path}", self.shop.url)
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Got {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("authorization", "Bearer access"), ("content-type", "application/json")];
        send(method, &self.url(&format!("/api/2.0/partner/billing{path}")), &headers, body.as_bytes()).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Got {
        self.call("GET", path, &Value::Null)
    }

    /// Asks for a token to subscribe.
    pub(crate) fn create(&self, body: &Value) -> Got {
        self.call("POST", "/token", body)
    }

    /// Asks for a token to update the subscription.
    pub(crate) fn update(&self, body: &Value) -> Got {
        self.call("POST", "/update-subscription/token", body)
    }

    pub(crate) fn act(&self, what: &str, members: &Value) -> Value {
        self.shop.act(&act(what, members))
    }

    pub(crate) fn try_act(&self, what: &str, members: &Value) -> Got {
        self.shop.try_control("act", &act(what, members))
    }

    pub(crate) fn advance(&self, ms: i64) -> Value {
        self.shop.advance(ms)
    }

    pub(crate) fn ledger(&self) -> Value {
        self.shop.control("ledger", &Value::Null)["vend"].clone()
    }

    /// The browser opens the page of a token.
    pub(crate) fn open(&self, token: &str) -> Got {
        send("GET", &self.url(&format!("/billing/partner-consent?token={token}")), &[], b"").unwrap()
    }

    /// The browser sends a form.
    pub(crate) fn submit(&self, path: &str, form: &str) -> Got {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        send("POST", &self.url(path), &headers, form.as_bytes()).unwrap()
    }

    pub(crate) fn choose(&self, token: &str, choice: &str) -> Got {
        self.submit("/billing/partner-consent", &format!("token={token}&choice={choice}"))
    }

    /// A subscription to the plan `lite` with its id.
    pub(crate) fn subscribed(&self) -> String {
        let token = token(&self.create(&plan("lite")));
        let got = self.choose(&token, "accept");
        assert_eq!((got.status, got.header("location")), (303, "https://app.test/back"), "{}", got.text);
        self.subscription()["id"].as_str().unwrap().to_owned()
    }

    /// The newest subscription, as the list shows it.
    pub(crate) fn subscription(&self) -> Value {
        let list = self.get("/subscriptions").json();
        list["data"][0]["partner_subscription_info"].as_array().unwrap().last().unwrap().clone()
    }

    pub(crate) fn control(&self, what: &str, body: &Value) {
        self.shop.control(what, body);
    }

    pub(crate) fn faults(&self, faults: &Value) {
        self.shop.control("faults", faults);
    }

    pub(crate) fn requests(&self) -> Value {
        self.shop.control("requests?refused=true", &Value::Null)
    }
}

fn act(what: &str, members: &Value) -> Value {
    let mut act = json!({"provider": "vend", "do": what});
    act.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    act
}

pub(crate) fn plan(handle: &str) -> Value {
    json!({"product_handle": handle, "price_handle": "monthly", "return_url": "https://app.test/back"})
}

pub(crate) fn components(list: &Value) -> Value {
    json!({"components": list, "return_url": "https://app.test/back"})
}

pub(crate) fn token(got: &Got) -> String {
    assert_eq!(got.status, 200, "{}", got.text);
    got.json()["token"].as_str().unwrap().to_owned()
}
