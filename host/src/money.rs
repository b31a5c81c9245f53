//! What the journal says of money: the charges, captures and refunds that a step began or ended, with their amounts.

use rulebound::Context;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::snapshot::Any;

/// The part of a status that is about money.
#[derive(Deserialize)]
struct Status {
    intents: Vec<Intent>,
    /// A provider that has objects for refunds shows what becomes of each.
    #[serde(default)]
    refunds: Vec<Refund>,
}

/// What the host has asked for.
#[derive(Serialize, Deserialize)]
struct Intent {
    intent: String,
    action: String,
    state: String,
    cause: Option<String>,
    amount: Option<Value>,
}

impl Intent {
    /// What it is, and how far it is.
    fn state(&self) -> [Option<&str>; 4] {
        [Some(&self.intent), Some(&self.action), Some(&self.state), self.cause.as_deref()]
    }
}

/// What the provider shows of a refund.
#[derive(Serialize, Deserialize)]
struct Refund {
    id: String,
    intent: Option<String>,
    provider_status: Option<String>,
    amount: Option<Value>,
}

/// What is new or in another state after a step, as a JSON array: first the intents, then the refunds. Nothing if it is nothing.
pub(crate) fn changed(before: &Any, after: &Any, context: &Context) -> Option<String> {
    if before.revision() == after.revision() {
        return None;
    }
    let (before, after) = (status(before, context)?, status(after, context)?);
    let is_old = |it: &Intent| before.intents.iter().any(|old| old.state() == it.state());
    let is_shown =
        |it: &Refund| before.refunds.iter().any(|old| (&old.id, &old.provider_status) == (&it.id, &it.provider_status));
    let intents = after.intents.iter().filter(|it| !is_old(it)).map(|it| json!(it));
    let refunds = after.refunds.iter().filter(|it| !is_shown(it)).map(|it| json!(it));
    let changed: Vec<_> = intents.chain(refunds).collect();
    (!changed.is_empty()).then(|| json!(changed).to_string())
}

fn status(snapshot: &Any, context: &Context) -> Option<Status> {
    serde_json::from_str(&snapshot.status(context).json).ok()
}
