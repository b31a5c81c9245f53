//! `flex.subscription`: a session that sells a subscription, and then the subscription.

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use super::{Flex, MONTHLY, moved_twice, sessions, subscriptions};
use crate::scene::{Provider, Scene, View};

pub(crate) struct Subscription;

const REFUNDS: [(&str, i64); 4] = [("r1", 1_000), ("r2", 500), ("r3", MONTHLY[0].1), ("r4", 250)];

impl Scene for Subscription {
    fn flow(&self) -> &'static str {
        "flex.subscription"
    }

    fn provider(&self) -> &dyn Provider {
        &Flex
    }

    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(24), chance.below(4));
        let price = |name: &str| view.prepared["prices"][name]["price"].clone();
        let newest = sessions(view).last().map(|it| it["checkout_session_id"].clone());
        let invoices: Vec<&Value> = subscriptions(view)
            .flat_map(|of| view.records("invoices").iter().filter(|it| it["subscription"] == of["subscription_id"]))
            .map(|it| &it["invoice_id"])
            .collect();
        let proration = ["none", "create_prorations", "always_invoice"][more % 3];
        match which {
            0..7 => {
                let mut create = json!({"type": "create_checkout_session", "mode": "subscription",
                    "expected_total": MONTHLY[0].1, "line_items": [{"price": price("gym"), "quantity": 1}],
                    "success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no",
                    "extra": {"x_mark": "the order"}});
                if more == 3 {
                    create["expected_total"] = 0.into();
                    create["subscription_data"] = json!({"trial_period_days": 7});
                }
                create
            }
            7 => json!({"type": "create_checkout_session", "mode": "setup", "success_url": "https://shop.example/ok",
                "customer": subscriptions(view).last().map(|it| &it["customer"])}),
            8 => json!({"type": "retrieve_subscription"}),
            9 => json!({"type": "retrieve_checkout_session", "checkout_session_id": newest}),
            10 => json!({"type": "cancel_subscription", "cancel_at_period_end": true}),
            11 if more == 0 => json!({"type": "cancel_subscription", "cancel_at_period_end": false}),
            11 if more == 1 => {
                json!({"type": "cancel_subscription", "cancel_at_period_end": false, "refund": "prorated"})
            }
            12 | 13 => json!({"type": "update_subscription", "cancel_at_period_end": more > 1}),
            14 => {
                json!({"type": "update_subscription", "items": [{"price": price(MONTHLY[more % 2].0), "quantity": 1}],
                "proration_behavior": proration})
            }
            15..19 => {
                let (intent, amount) = REFUNDS[more];
                let invoice = chance.one(&invoices).map(|it| (*it).clone());
                json!({"type": "refund_payment", "intent": intent, "amount": amount, "invoice_id": invoice,
                    "extra": {"x_mark": intent}})
            }
            19 => json!({"type": "retrieve_invoice", "invoice_id": chance.one(&invoices)}),
            20 => {
                let dispute = chance.one(view.records("disputes")).map(|it| it["dispute_id"].clone());
                let what = if more == 0 { "close_dispute" } else { "retrieve_dispute" };
                json!({"type": what, "dispute_id": dispute})
            }
            _ => json!({"type": "retrieve_checkout_session"}),
        }
    }

    fn wrong(&self, view: &View<'_>) -> Option<String> {
        moved_twice(view, "refunds", "amount", &REFUNDS)
    }
}
