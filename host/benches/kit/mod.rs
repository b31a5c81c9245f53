//! The kit as the measurement uses it.

use std::sync::Arc;

use rulebound::Headers;
use rulebound_host::{Database, Delivery, Host, Provider, Statements};

use crate::{Done, Instantly};

const SECRET: &str = "whsec";

/// A host whose handlers need nothing, and which counts the replies that are saved.
pub(crate) async fn host(url: &str, schema: &str, statements: Statements, done: &Arc<Done>) -> Host {
    let done = Arc::clone(done);
    let database = Database::connect(url).await.unwrap();
    let database = if url.starts_with("sqlite:") { database } else { database.schema(schema).unwrap() };
    let database = if statements == Statements::Named { database.named_statements() } else { database };
    let host = Host::builder(database)
        .provider("truemed", Provider::new("sk").webhook_secret(SECRET))
        .transport(Instantly)
        .ignore("notify")
        .ignore("fulfill")
        .ignore("access")
        .checkpoint(move |name| {
            if name == "saved" {
                done.one();
            }
            Box::pin(std::future::ready(()))
        })
        .build()
        .unwrap();
    host.migrate().await.unwrap();
    host
}

/// One webhook for a row, as Truemed sends it.
pub(crate) async fn deliver(host: &Host, key: &str) {
    let body = format!(r#"{{"payment_token": "pt_{key}", "provision_token_request_id": "ptr_{key}"}}"#);
    let headers: Headers<'_> = [("x-truemed-api-key", SECRET)].into_iter().collect();
    assert_eq!(host.webhook("truemed", &headers, body.as_bytes(), Delivery::new()).await, 204);
}
