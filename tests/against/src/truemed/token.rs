//! `truemed.payment_token`: a subscription that a stored payment method pays.

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use super::{Truemed, item, session_of};
use crate::scene::{Provider, Scene, View};

pub(crate) struct Token;

/// The row's own token, newest last.
fn tokens<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Value> {
    view.records("payment_tokens").iter().filter(|it| it["metadata"] == view.row)
}

impl Scene for Token {
    fn flow(&self) -> &'static str {
        "truemed.payment_token"
    }

    fn provider(&self) -> &dyn Provider {
        &Truemed
    }

    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(16), chance.below(4));
        let items = json!([item(if more % 2 == 0 { "b12" } else { "mg" })]);
        let token = tokens(view).last();
        match which {
            0..3 if token.is_none() && more > 0 => json!({"type": "create_payment_token", "order_items": items,
                "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}),
            0..3 if token.is_none() => {
                let mut command = session_of(&items, "first", chance);
                command["tokenize"] = true.into();
                command
            }
            0..9 => {
                let intent = ["m1", "m1", "m2", "m3"][more];
                // Most hosts charge what the token covers.
                let covered = token.and_then(|it| it["items"].as_array()).filter(|_| which < 8);
                let covered = covered.map(|all| all.iter().filter_map(Value::as_str).map(item).collect::<Value>());
                let mut command = session_of(&covered.unwrap_or(items), intent, chance);
                command["payment_token"] = token.map_or("pt_none".into(), |it| it["payment_token"].clone());
                command["intent"] = intent.into();
                command
            }
            9 | 10 => json!({"type": "update_payment_token", "order_items": items}),
            11 => json!({"type": "update_payment_token", "update_card_info": true}),
            12 => json!({"type": "retrieve_payment_token", "payment_token": token.map(|it| &it["payment_token"])}),
            13 => json!({"type": "retrieve_provision_token_request"}),
            14 if more == 3 => json!({"type": "delete_payment_token"}),
            _ => json!({"type": "retrieve_payment_session"}),
        }
    }

    fn wrong(&self, view: &View<'_>) -> Option<String> {
        super::second_charge(view)
    }
}
