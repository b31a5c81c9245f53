//! The views of a row, and the same step over JSON.

use rulebound::time::Timestamp;
use rulebound::truemed::CreatePaymentSession;
use serde::{Deserialize, Serialize};

use super::guard::{Action, Checks, guard};
use super::{Broken, Entry, Row, Work, charge};

/// A pending effect, as a worker sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct PendingEffect {
    pub id: String,
    pub effect: Effect,
    pub ready: bool,
    pub leased_until: Option<Timestamp>,
    pub not_before: Option<Timestamp>,
}

/// The effect itself.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Effect {
    Request { operation: &'static str, same_key: bool },
    Notify { reason: String, about: String, customer_url: Option<String> },
    Review { reason: String, about: String, verdicts: Vec<String> },
}

/// The effects that are visible now.
pub fn effects(row: &Row, now: Timestamp) -> Vec<PendingEffect> {
    row.outbox
        .iter()
        .filter(|it| it.attempts > 0 || it.not_before.is_none_or(|instant| instant <= now))
        .map(|it| pending_effect(row, it, now))
        .collect()
}

fn pending_effect(row: &Row, it: &Entry, now: Timestamp) -> PendingEffect {
    let leased_until = it.leased_until.filter(|end| *end > now);
    let not_before = it.not_before.filter(|instant| *instant > now);
    let (effect, action) = match &it.work {
        Work::Charge(_) => {
            (Effect::Request { operation: "create_payment_session", same_key: true }, Some(Action::Charge))
        }
        Work::Update(_, update) => {
            let action = if update.order_items.is_some() { Action::Items } else { Action::Card };
            (Effect::Request { operation: "update_payment_token", same_key: false }, Some(action))
        }
        Work::Lookup(_) => {
            let operation = "retrieve_provision_token_request";
            (Effect::Request { operation, same_key: false }, Some(Action::RetrieveProvision))
        }
        Work::Notify { reason, about, customer_url } => {
            let (reason, about) = (reason.clone(), about.clone());
            (Effect::Notify { reason, about, customer_url: customer_url.clone() }, None)
        }
        Work::Review { reason, about, verdicts } => {
            let (reason, about) = (reason.clone(), about.clone());
            (Effect::Review { reason, about, verdicts: verdicts.clone() }, None)
        }
    };
    let mut checks = Checks::default();
    if let Some(action) = action {
        guard(row, action, now, true, &mut checks);
    }
    let ready = checks.broken.is_empty() && leased_until.is_none() && not_before.is_none() && !it.held;
    PendingEffect { id: it.id.clone(), effect, ready, leased_until, not_before }
}

/// An action, and the rules that it would break.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct ActionView {
    pub action: Action,
    pub violations: Vec<Broken>,
    pub warnings: Vec<Broken>,
}

/// Every action, and the rules that it would break now.
pub fn actions(row: &Row, now: Timestamp) -> Vec<ActionView> {
    let view = |action| {
        let mut checks = Checks::default();
        guard(row, action, now, false, &mut checks);
        ActionView { action, violations: checks.broken, warnings: checks.warned }
    };
    Action::ALL.into_iter().map(view).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    snapshot: Row,
    command: Command,
    now: Timestamp,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Command {
    CreatePaymentSession(Box<CreatePaymentSession>),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    Ok(T),
    Rejected(Vec<Broken>),
    Error(String),
}

/// A charge over JSON.
pub fn call(request: &str) -> String {
    let answer = match serde_json::from_str::<Request>(request) {
        Err(wrong) => Answer::Error(wrong.to_string()),
        Ok(Request { snapshot, command: Command::CreatePaymentSession(command), now }) => {
            charge(&snapshot, *command, now).map_or_else(Answer::Rejected, Answer::Ok)
        }
    };
    serde_json::to_string(&answer).unwrap_or_default()
}
