//! What a row says, and the same step over JSON.

use rulebound::time::Timestamp;
use rulebound::truemed::CreatePaymentSession;
use serde::{Deserialize, Serialize};

use super::guard::{Found, Wish, guard};
use super::{Broken, Duty, Obligation, Row, charge};

/// Something to do, as a worker sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Due {
    pub id: String,
    pub effect: Effect,
    pub ready: bool,
    pub in_hand_until: Option<Timestamp>,
    pub not_before: Option<Timestamp>,
}

/// What it is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Effect {
    Request { operation: &'static str, same_key: bool },
    Notify { reason: String, of: String, customer_at: Option<String> },
    Review { reason: String, of: String, verdicts: Vec<String> },
}

/// What must be done now.
pub fn owed(at: &Row, now: Timestamp) -> Vec<Due> {
    at.owed.iter().filter(|it| it.begun > 0 || it.due.is_none_or(|due| due <= now)).map(|it| due(at, it, now)).collect()
}

fn due(at: &Row, it: &Obligation, now: Timestamp) -> Due {
    let in_hand_until = it.in_hand_until.filter(|end| *end > now);
    let not_before = it.due.filter(|due| *due > now);
    let (effect, wish) = match &it.duty {
        Duty::Charge(_) => {
            (Effect::Request { operation: "create_payment_session", same_key: true }, Some(Wish::Charge))
        }
        Duty::Update(_, update) => {
            let wish = if update.order_items.is_some() { Wish::Items } else { Wish::Card };
            (Effect::Request { operation: "update_payment_token", same_key: false }, Some(wish))
        }
        Duty::LookUp(_) => {
            let operation = "retrieve_provision_token_request";
            (Effect::Request { operation, same_key: false }, Some(Wish::RetrieveProvision))
        }
        Duty::Notify { reason, of, customer_at } => {
            let (reason, of) = (reason.clone(), of.clone());
            (Effect::Notify { reason, of, customer_at: customer_at.clone() }, None)
        }
        Duty::Review { reason, of, verdicts } => {
            let (reason, of) = (reason.clone(), of.clone());
            (Effect::Review { reason, of, verdicts: verdicts.clone() }, None)
        }
    };
    let mut found = Found::default();
    if let Some(wish) = wish {
        guard(at, wish, now, true, &mut found);
    }
    let ready = found.broken.is_empty() && in_hand_until.is_none() && not_before.is_none() && !it.held;
    Due { id: it.id.clone(), effect, ready, in_hand_until, not_before }
}

/// What may be wished, and what stands in its way.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Offer {
    pub wish: Wish,
    pub violations: Vec<Broken>,
    pub warnings: Vec<Broken>,
}

/// What may be wished now, and what stands in the way of the rest.
pub fn offers(at: &Row, now: Timestamp) -> Vec<Offer> {
    let offer = |wish| {
        let mut found = Found::default();
        guard(at, wish, now, false, &mut found);
        Offer { wish, violations: found.broken, warnings: found.warned }
    };
    Wish::ALL.into_iter().map(offer).collect()
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
    Refused(Vec<Broken>),
    Error(String),
}

/// A charge over JSON.
pub fn call(request: &str) -> String {
    let answer = match serde_json::from_str::<Request>(request) {
        Err(wrong) => Answer::Error(wrong.to_string()),
        Ok(Request { snapshot, command: Command::CreatePaymentSession(command), now }) => {
            charge(&snapshot, *command, now).map_or_else(Answer::Refused, Answer::Ok)
        }
    };
    serde_json::to_string(&answer).unwrap_or_default()
}
