//! `flex.checkout`: one session, with the customer present or absent.

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use super::{Flex, ONCE, maker, moved_twice, sessions};
use crate::scene::{Provider, Scene, Sent, View};

pub(crate) struct Checkout;

const REFUNDS: [(&str, i64); 4] = [("r1", 1_000), ("r2", 500), ("r3", ONCE), ("r4", 250)];
const CAPTURES: [(&str, i64); 3] = [("c1", ONCE), ("c2", 2_000), ("c3", 1_000)];

impl Scene for Checkout {
    fn flow(&self) -> &'static str {
        "flex.checkout"
    }

    fn provider(&self) -> &dyn Provider {
        &Flex
    }

    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(18), chance.below(4));
        let newest = sessions(view).last().map(|it| it["checkout_session_id"].clone());
        match which {
            0..6 => create(view, which, more),
            6 | 7 => json!({"type": "retrieve_checkout_session", "checkout_session_id": newest}),
            8 | 9 => {
                let (intent, amount) = CAPTURES[more % 3];
                let mut capture =
                    json!({"type": "capture_payment", "intent": intent, "amount": amount, "extra": {"x_mark": intent}});
                if more == 3 {
                    capture["line_items"] = json!([{"product": view.prepared["prices"]["glasses"]["product"]}]);
                }
                capture
            }
            10..16 => {
                let (intent, amount) = REFUNDS[more];
                let mut refund =
                    json!({"type": "create_refund", "intent": intent, "amount": amount, "extra": {"x_mark": intent}});
                if which == 15 {
                    // The newest session may be a second one that was paid.
                    refund["checkout_session_id"] = json!(newest);
                }
                refund
            }
            16 => {
                let dispute = chance.one(view.records("disputes")).map(|it| it["dispute_id"].clone());
                let what = if more == 0 { "close_dispute" } else { "retrieve_dispute" };
                json!({"type": what, "dispute_id": dispute})
            }
            _ => json!({"type": "retrieve_checkout_session"}),
        }
    }

    fn wrong(&self, view: &View<'_>) -> Option<String> {
        second_charge(view)
            .or_else(|| moved_twice(view, "refunds", "amount", &REFUNDS))
            .or_else(|| moved_twice(view, "captures", "amount_captured", &CAPTURES))
    }
}

/// A new session of this shop's order.
fn create(view: &View<'_>, which: usize, more: usize) -> Value {
    let price = |name: &str| view.prepared["prices"][name]["price"].clone();
    let mut create = json!({"type": "create_checkout_session", "mode": "payment", "expected_total": ONCE,
        "line_items": [{"price": price("glasses"), "quantity": 1}], "success_url": "https://shop.example/ok",
        "cancel_url": "https://shop.example/no", "extra": {"x_mark": "the order"}});
    match which {
        0 | 1 => {}
        2 => {
            create["line_items"] =
                json!([{"price": price("glasses"), "quantity": 1}, {"price": price("towel"), "quantity": 1}]);
            create["expected_total"] = (ONCE + 1_000).into();
        }
        3 => create["capture_method"] = "manual".into(),
        _ => {
            create["mode"] = "off_session".into();
            (create["customer"], create["payment_method"]) =
                (view.prepared["customer"].clone(), view.prepared["card"].clone());
            if more == 3 {
                create["capture_method"] = "manual".into();
            }
        }
    }
    create
}

/// A second charge of the absent customer for one order. A customer who pays two pages is a matter of a review.
fn second_charge(view: &View<'_>) -> Option<String> {
    let charged = sessions(view).filter(|it| it["mode"] == "off_session" && it["status"] == "complete");
    let at_once = |sent: &Sent| sent.replies.iter().any(|it| it["checkout_session"]["status"] == "complete");
    let keys: Vec<&str> = charged.filter_map(|it| maker(view, it)).filter(|it| at_once(it.1)).map(|it| it.0).collect();
    (keys.len() > 1).then(|| format!("a second charge: `the order` by the requests {}", keys.join(", ")))
}
