//! `truemed.payment_session`: one checkout, with the customer present.

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use super::{Truemed, item, session_of};
use crate::scene::{Provider, Scene, View};

pub(crate) struct Session;

/// The refunds of a journey: each amount has a digit of its own, so that the sum says which were made, and how often.
const REFUNDS: [(&str, i64); 4] = [("r1", 1), ("r2", 10), ("r3", 100), ("r4", 1000)];

impl Scene for Session {
    fn flow(&self) -> &'static str {
        "truemed.payment_session"
    }

    fn provider(&self) -> &dyn Provider {
        &Truemed
    }

    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(16), chance.below(4));
        let items = json!([item("b12")]);
        match which {
            0..3 => session_of(&items, "the one", chance),
            3..5 => {
                let mut command = session_of(&items, "the one", chance);
                command["kind"] = "authorization".into();
                command
            }
            5 | 6 => {
                let amount = [1500, 1500, 1000, 500][more];
                json!({"type": "capture_payment_session", "total_amount": amount})
            }
            7 => json!({"type": "void_payment_session"}),
            8 => json!({"type": "cancel_payment_session"}),
            9 => {
                let id = super::sessions(view).map(|(it, _)| it["id"].clone()).next();
                json!({"type": "retrieve_payment_session", "payment_session_id": id})
            }
            _ => {
                let (intent, amount) = REFUNDS[more];
                json!({"type": "create_refund", "intent": intent, "amount": amount, "reason": "customer_request",
                    "extra": {"x_mark": intent}})
            }
        }
    }

    fn wrong(&self, view: &View<'_>) -> Option<String> {
        let refunded = |it: &Value| it["refunded_amount"].as_i64().unwrap_or(0);
        let twice = |it: &Value| REFUNDS.iter().any(|(_, amount)| refunded(it) / amount % 10 > 1);
        let wrong = super::sessions(view).find(|(it, _)| twice(it)).map(|(it, _)| format!("a second refund: {it}"));
        super::second_charge(view).or(wrong)
    }
}
