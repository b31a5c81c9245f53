//! The providers' side of payments, so that an integration can be tried and tested without an account.
//!
//! [`World`] does no I/O: it takes requests and the time, and returns what to send. [`Simulator`] serves worlds over
//! HTTP. `README.md` shows a whole journey with curl; `provider.rs` says how a provider is added.

#![allow(
    clippy::indexing_slicing,
    reason = "`Value` is indexed by names: an absent one is null, and only our own objects are written"
)]

mod calendar;
mod card;
mod compare;
mod flex;
mod http;
mod page;
mod provider;
mod revup;
mod server;
mod time;
#[cfg(test)]
mod tests;
mod truemed;
mod vend;
mod world;

pub use compare::{Compared, Comparison, Secret};
pub use http::{HttpReply, HttpRequest, MAX_BODY, Outcome};
pub use server::{Config, Simulator};
pub use time::Millis;
pub use world::{Controlled, Delivery, World};

use serde_json::{Value, json};

/// What the simulator can do: providers, operations, readings, faults and the control plane.
pub fn catalogue(url: &str) -> Value {
    let operation = |it: &provider::Described| {
        json!({"name": it.name, "method": it.method, "path": it.path, "source": it.source,
            "fidelity": it.fidelity.name(), "by": if it.by == provider::By::Merchant { "merchant" } else { "customer" }})
    };
    let operations = |it: &dyn provider::Hosted| it.operations().iter().map(operation).collect::<Vec<_>>();
    let providers: serde_json::Map<_, _> = provider::all()
        .iter()
        .map(|it| (it.name().to_owned(), json!({"operations": operations(it.as_ref())})))
        .collect();
    let readings: Vec<Value> = world::known_readings()
        .iter()
        .map(|(name, reading)| json!({"name": name, "values": reading.values, "question": reading.question}))
        .collect();
    json!({
        "url": url,
        "providers": providers,
        "readings": readings,
        "faults": world::FAULTS,
        "control": [
            "POST /_sim/worlds {seed, webhook_urls, accounts, readings, clock, public_url}", "GET /_sim/worlds",
            "DELETE /w/<world>", "GET /w/<world>/_sim", "POST /w/<world>/_sim/reset",
            "GET /w/<world>/_sim/clock", "POST /w/<world>/_sim/clock {now | running}",
            "POST /w/<world>/_sim/clock/advance {ms | to}",
            "GET, POST, DELETE /w/<world>/_sim/faults {match: {provider, operation, event, nth, body}, do, times} or {chaos}",
            "GET, POST /w/<world>/_sim/webhooks {hold | release | duplicate | redeliver | drop | endpoints}",
            "GET /w/<world>/_sim/requests?refused=true", "GET /w/<world>/_sim/ledger",
            "POST /w/<world>/_sim/act {provider, do, …}",
        ],
    })
}
