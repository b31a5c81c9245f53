//! Truemed, played by the simulator, with replies that get lost and webhooks that come twice.

use rulebound_simulator::Simulator;
use serde_json::{Value, json};

use crate::worker::SECRET;

pub(crate) struct World {
    _simulator: Simulator,
    url: String,
}

impl World {
    pub(crate) fn start(port: u16) -> Self {
        let simulator = Simulator::start().unwrap();
        let webhooks = json!({"url": format!("http://127.0.0.1:{port}/webhooks/truemed"), "provider": "truemed", "secret": SECRET});
        let made =
            post(&format!("{}/_sim/worlds", simulator.url()), &json!({"seed": "crash", "webhook_urls": [webhooks]}))
                .unwrap();
        let world = Self { _simulator: simulator, url: made["url"].as_str().unwrap().into() };
        world.control("faults", &json!({"chaos": {"seed": 7, "per_mille": 50}})).unwrap();
        world
    }

    pub(crate) fn base_url(&self) -> String {
        format!("{}/truemed", self.url)
    }

    pub(crate) fn control(&self, path: &str, body: &Value) -> Result<Value, String> {
        post(&format!("{}/_sim/{path}", self.url), body)
    }

    /// The sessions in Truemed's books.
    pub(crate) fn sessions(&self) -> Vec<Value> {
        let text = ureq::get(format!("{}/_sim/ledger", self.url)).call().unwrap().body_mut().read_to_string().unwrap();
        let books: Value = serde_json::from_str(&text).unwrap();
        let truemed = if books["truemed"].is_object() { &books["truemed"] } else { &books };
        match &truemed["payment_sessions"] {
            Value::Object(all) => all.values().cloned().collect(),
            Value::Array(all) => all.clone(),
            _ => Vec::new(),
        }
    }
}

fn post(url: &str, body: &Value) -> Result<Value, String> {
    let request = ureq::post(url).config().http_status_as_error(false).build();
    let mut reply = request.send(&body.to_string()).map_err(|error| error.to_string())?;
    let text = reply.body_mut().read_to_string().map_err(|error| error.to_string())?;
    if reply.status().is_success() { serde_json::from_str(&text).map_err(|error| error.to_string()) } else { Err(text) }
}
