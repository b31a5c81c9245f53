//! Sends webhooks. No lock is held while one is on its way.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;

use super::{Slot, State, lock};
use crate::time::Millis;
use crate::world::Delivery;

/// How long a receiver can take, in real time.
const TIME: Duration = Duration::from_secs(10);

/// Does everything that is due at `now` and delivers it, until nothing is due any more.
pub(super) async fn due(state: &State, slot: &Arc<Slot>, now: Millis, report: &mut Vec<Value>) {
    loop {
        let batch = lock(&slot.world).deliveries(now);
        if batch.is_empty() {
            return;
        }
        for delivery in batch {
            let result = match state.check_host(&delivery.url) {
                Ok(()) => send(delivery.clone()).await,
                Err(error) => Err(error),
            };
            report.push(lock(&slot.world).delivered(&delivery, &result));
        }
    }
}

/// Sends one webhook, and returns the status.
async fn send(delivery: Delivery) -> Result<u16, String> {
    let sent = tokio::task::spawn_blocking(move || {
        let mut request = agent().post(&delivery.url);
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        request.send(delivery.body.as_slice()).map(|reply| reply.status().as_u16()).map_err(|error| error.to_string())
    });
    sent.await.unwrap_or_else(|error| Err(error.to_string()))
}

fn agent() -> &'static ureq::Agent {
    static AGENT: OnceLock<ureq::Agent> = OnceLock::new();
    AGENT.get_or_init(|| {
        let config = ureq::Agent::config_builder().timeout_global(Some(TIME)).http_status_as_error(false);
        // A redirect acknowledges nothing, and could leave loopback. Neither does a proxy belong in between.
        config.max_redirects(0).proxy(None).user_agent("rulebound-simulator").build().into()
    })
}
