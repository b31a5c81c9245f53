//! Truemed, played by the simulator: a world of its own, whose clock runs with the shop's.

use rulebound_host::BoxError;
use rulebound_simulator::Simulator;
use serde_json::{Value, json};

use crate::view::written;

/// The secret of Truemed's webhooks.
pub(crate) const SECRET: &str = "whsec_shop";

/// The simulator, and the shop's world in it.
pub(crate) struct Truemed {
    _simulator: Simulator,
    world: String,
}

impl Truemed {
    /// Starts a simulator whose webhooks go to the shop.
    pub(crate) async fn start(shop: &str, now: i64) -> Result<Self, BoxError> {
        let simulator = tokio::task::spawn_blocking(Simulator::start).await??;
        let webhooks = json!({"url": format!("{shop}/webhooks/truemed"), "provider": "truemed", "secret": SECRET});
        let world = json!({"seed": "shop", "clock": written(now, "%Y-%m-%dT%H:%M:%SZ"), "webhook_urls": [webhooks]});
        let made = post(&format!("{}/_sim/worlds", simulator.url()), &world).await?;
        let world = made["url"].as_str().ok_or("the simulator made no world")?.to_owned();
        let this = Self { _simulator: simulator, world };
        this.control("clock", &json!({"running": true})).await?;
        Ok(this)
    }

    /// Where Truemed's API is.
    pub(crate) fn base_url(&self) -> String {
        format!("{}/truemed", self.world)
    }

    /// The customer does something on Truemed's pages.
    pub(crate) async fn act(&self, what: &str, at: (&str, &str)) -> Result<(), BoxError> {
        self.control("act", &json!({"provider": "truemed", "do": what, at.0: at.1})).await.map(drop)
    }

    /// The next webhook of a request arrives before the reply to the request.
    pub(crate) async fn overtake(&self, operation: &str) -> Result<(), BoxError> {
        let fault =
            json!({"match": {"provider": "truemed", "operation": operation}, "do": "webhook_before_reply", "times": 1});
        self.control("faults", &fault).await.map(drop)
    }

    /// Lets time pass at Truemed. What falls due happens, and its webhooks are delivered.
    pub(crate) async fn advance(&self, ms: i64) -> Result<(), BoxError> {
        self.control("clock/advance", &json!({"ms": ms})).await.map(drop)
    }

    /// How much was captured, in cents: Truemed's own books.
    pub(crate) async fn captured(&self) -> Result<i64, BoxError> {
        let url = format!("{}/_sim/ledger", self.world);
        let books = tokio::task::spawn_blocking(move || -> Result<Value, BoxError> {
            Ok(serde_json::from_str(&ureq::get(&url).call()?.body_mut().read_to_string()?)?)
        });
        Ok(sum(&books.await??, "captured_amount"))
    }

    async fn control(&self, path: &str, body: &Value) -> Result<Value, BoxError> {
        post(&format!("{}/_sim/{path}", self.world), body).await
    }
}

/// The sum of a member at any depth.
fn sum(value: &Value, name: &str) -> i64 {
    match value {
        Value::Object(members) => {
            let own = members.get(name).and_then(Value::as_i64).unwrap_or(0);
            members.values().map(|it| sum(it, name)).fold(own, i64::saturating_add)
        }
        Value::Array(elements) => elements.iter().map(|it| sum(it, name)).fold(0, i64::saturating_add),
        _ => 0,
    }
}

async fn post(url: &str, body: &Value) -> Result<Value, BoxError> {
    let (url, body) = (url.to_owned(), body.to_string());
    let reply = tokio::task::spawn_blocking(move || -> Result<Value, BoxError> {
        let mut reply = ureq::post(&url).config().http_status_as_error(false).build().send(&body)?;
        let text = reply.body_mut().read_to_string()?;
        if reply.status().is_success() {
            Ok(serde_json::from_str(&text)?)
        } else {
            Err(format!("{url}: {text}").into())
        }
    });
    reply.await?
}
