//! Revup: a subscription on the token of an order, or in a form, that Revup renews.

mod person;

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use crate::scene::{Account, Provider, Question, Readings, Scene, View, millis};
use crate::wire::API_KEY;

const PLAN: &str = "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee";
/// Where Revup posts its events.
const EVENTS: &str = "http://127.0.0.1:1/events";
/// The refunds of a journey. The reason names the intent, because Revup keeps nothing else of a refund.
const REFUNDS: [(&str, &str, i64); 4] =
    [("r1", "5.00", 500), ("r2", "2.50", 250), ("r3", "15.50", 1_550), ("r4", "1.00", 100)];
/// The test cards: one that pays, and those that are declined now or later, or need the customer or time.
const CARDS: [&str; 8] = [
    "4242424242424242",
    "4242424242424242",
    "4000000000000002",
    "4000000000000341",
    "4000000000009987",
    "4000000000003220",
    "4000000000000077",
    "4000000000009995",
];

/// What a request may break because the customer, the bank or Revup was faster.
const RACES: &[&str] = &[
    "revup.refund.sum",
    "revup.refund.only-successful-payment",
    "revup.token.one-subscription",
    // An order is deleted after an hour without a payment.
    "revup.order.exists",
    "revup.cancel.not-when-terminal",
];

pub(crate) struct Revup;

pub(crate) struct Subscription;

impl Scene for Subscription {
    fn flow(&self) -> &'static str {
        "revup.subscription"
    }

    fn provider(&self) -> &dyn Provider {
        &Revup
    }

    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(16), chance.below(8));
        let shop = json!({"success": "https://shop.example/ok", "fail": "https://shop.example/no"});
        match which {
            0..6 => {
                let mut create = json!({"type": "create_subscription", "planId": PLAN, "currency": "EUR",
                    "eventSubscriptionUrl": EVENTS, "redirectUrl": shop});
                if more < 6 {
                    let token = token(view);
                    create["tokenId"] = token["tokenId"].clone();
                    create["parentTransactionId"] = token["transactionId"].clone();
                    create["parentOrderId"] = token["orderId"].clone();
                }
                create
            }
            6 | 7 => json!({"type": "retrieve_subscription"}),
            8 | 9 => json!({"type": "retrieve_payments"}),
            10 if more < 3 => json!({"type": "cancel_subscription"}),
            _ => {
                let (intent, amount, _) = REFUNDS[more % 4];
                let paid: Vec<&Value> = subscriptions(view)
                    .flat_map(|it| it["payments"].as_array().into_iter().flatten())
                    .filter_map(|it| it["transactions"].as_array()?.last())
                    .collect();
                json!({"type": "refund_payment", "intent": intent, "transactionId": chance.one(&paid), "amount": amount,
                    "currency": "EUR", "reason": intent, "extra": {"x_mark": intent}})
            }
        }
    }

    fn wrong(&self, view: &View<'_>) -> Option<String> {
        let token = &token(view)["tokenId"];
        let charges = |it: &&Value| it["tokenId"] == *token && it["payments"][0]["status"] == "accepted";
        let charged = view.records("subscriptions").iter().filter(charges).count();
        if charged > 1 {
            return Some(format!("a second charge: the token has paid for {charged} subscriptions"));
        }
        for (intent, _, asked) in REFUNDS {
            let of = |it: &&Value| it["type"] == "refund" && it["reason"] == intent && it["status"] != "failed";
            let mine = view.records("transactions").iter().filter(of).filter(|it| is_own(view, it));
            let refunded: i64 = mine.map(|it| cents(&it["amount"])).sum();
            if refunded > asked {
                return Some(format!("a second refund: `{intent}` is for {asked}, and {refunded} were given back"));
            }
        }
        None
    }
}

impl Provider for Revup {
    fn prepare(&self, account: &mut Account<'_>) -> Value {
        let headers = [("x-api-key", API_KEY)];
        for _ in 0..2 {
            let order = json!({"money": {"amount": 9.98, "currency": "EUR"}, "generateToken": true,
                "redirectUrl": {"success": "http://127.0.0.1:1/ok", "fail": "http://127.0.0.1:1/no"}});
            let order = account.post("/v2/orders", &headers, &order);
            let id = order["orderId"].as_str().or(order["id"].as_str());
            account.act(&json!({"do": "pay", "id": id}));
        }
        Value::Null
    }

    fn settings(&self, base_url: &str, _readings: &Readings, _prepared: &Value) -> Value {
        json!({"revup": {"base_url": format!("{base_url}/revup/v2"), "environment": "test"}})
    }

    fn events(&self) -> &'static [&'static str] {
        &[
            "subscription.created",
            "subscription.updated",
            "subscription.archived",
            "subscription.cancelled",
            "subscription.paused",
            "subscription.resumed",
            "subscription.payment.refunded",
            "subscription.payment.disputed",
        ]
    }

    /// The callback goes through the customer's browser, to another page of the host.
    fn is_webhook(&self, event: &str) -> bool {
        event != "callback"
    }

    fn act(&self, view: &View<'_>, _url: Option<&str>, chance: &mut Chance<'_>) -> Value {
        let which = chance.below(20);
        let card = CARDS[chance.below(CARDS.len())];
        let id = |it: Option<&Value>| it.map(|it| it["id"].clone());
        let known: Vec<Value> = view.records("subscriptions").iter().filter(|it| knows(view, it)).cloned().collect();
        let known = id(chance.one(&known));
        let transaction = id(chance.one(view.records("transactions")));
        match which {
            0..4 => json!({"do": "pay", "id": known, "card": card}),
            4 | 5 => json!({"do": "confirm", "id": known}),
            6 => json!({"do": "reject", "id": known}),
            7 => json!({"do": "settle", "id": transaction, "success": chance.below(4) != 0}),
            8..11 => {
                let token = chance.one(view.records("tokens")).map(|it| it["tokenId"].clone());
                json!({"do": "set_card", "id": if which == 8 { token } else { known }, "card": card})
            }
            11 | 12 => json!({"do": "pause", "id": known, "by": if which == 11 { "merchant" } else { "backoffice" }}),
            13 => json!({"do": "resume", "id": known}),
            14 => json!({"do": "cancel", "id": known}),
            15 => json!({"do": "refund", "id": known, "amount": 0.5, "reason": "back office"}),
            16 => json!({"do": "fail_refund"}),
            17 | 18 => {
                let kind = ["chargeback", "rdr", "information_requested"][chance.below(3)];
                json!({"do": "dispute", "id": known, "kind": kind})
            }
            _ => json!({"do": "fee", "id": known, "amount": 0.25}),
        }
    }

    fn finish(&self, _url: &str) -> Value {
        Value::Null
    }

    fn calm(&self, view: &View<'_>) -> Vec<Value> {
        let settle = view.records("transactions").iter().filter(|it| it["status"] == "in_process");
        let settle = settle.map(|it| json!({"do": "settle", "id": it["id"]}));
        let of = |it: &Value| {
            let id = &it["id"];
            let mut acts = vec![
                json!({"do": "set_card", "id": id}),
                json!({"do": "resume", "id": id}),
                json!({"do": "confirm", "id": id}),
            ];
            if knows(view, it) {
                acts.push(json!({"do": "pay", "id": id}));
            }
            acts
        };
        settle.chain(view.records("subscriptions").iter().flat_map(of)).collect()
    }

    fn verdict(&self, view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
        person::verdict(view, question)
    }

    fn races(&self) -> &'static [&'static str] {
        RACES
    }

    fn is_paid(&self, view: &View<'_>, about: &str) -> bool {
        self.paid_until(view, about).is_some()
    }

    /// Revup has `access` only: what is paid must be entitled.
    fn paid(&self, _view: &View<'_>) -> Vec<String> {
        Vec::new()
    }

    fn paid_until(&self, view: &View<'_>, about: &str) -> Option<i64> {
        millis(&view.record("subscriptions", "id", about)?["paidUntil"])
    }

    fn entitled(&self, view: &View<'_>) -> Vec<(String, i64)> {
        let runs = subscriptions(view).filter(|it| it["status"] == "fulfilled" && knows(view, it));
        let until = runs.filter_map(|it| Some((it["id"].as_str()?.to_owned(), millis(&it["paidUntil"])?)));
        until.filter(|(_, until)| *until > view.now).collect()
    }

    fn still_charges(&self, view: &View<'_>, status: &Value) -> Option<String> {
        let own = status["subscription_id"].as_str()?;
        let of = view.record("subscriptions", "id", own)?;
        let ended = |it: &Value| it == "cancelled" || it == "archived";
        let (has_ended, ends) = (ended(&status["facets"]["subscription"]), ended(&of["status"]));
        (has_ended && !ends || ends && !has_ended && view.lost.is_empty()).then(|| own.to_owned())
    }

    fn days_to_settle(&self) -> i64 {
        45
    }
}

/// The row's token: each row has one, by its number.
pub(crate) fn token<'v>(view: &'v View<'_>) -> &'v Value {
    let nth = usize::from(view.row.ends_with('2'));
    view.records("tokens").get(nth).unwrap_or(&Value::Null)
}

/// Whether the host has the id of a subscription, so that its customer can have come to its form.
fn knows(view: &View<'_>, subscription: &Value) -> bool {
    subscription["id"].as_str().is_some_and(|id| view.saved.contains(id))
}

/// The subscriptions of a row: on its token, or made by one of its requests.
pub(crate) fn subscriptions<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Value> {
    let token = &token(view)["tokenId"];
    let is_made = |it: &Value| {
        view.sent
            .values()
            .any(|sent| sent.row == view.row && sent.replies.iter().any(|reply| reply["subscriptionId"] == it["id"]))
    };
    view.records("subscriptions").iter().filter(move |it| it["tokenId"] == *token || is_made(it))
}

/// Whether a transaction belongs to one of the row's subscriptions.
fn is_own(view: &View<'_>, transaction: &Value) -> bool {
    subscriptions(view).any(|it| it["id"] == transaction["subscriptionId"])
}

/// An amount of the ledger, a number of the main unit, in cents.
fn cents(amount: &Value) -> i64 {
    let text = amount.as_str().map_or_else(|| amount.to_string(), str::to_owned);
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    number(whole) * 100 + number(&format!("{rest:0<2}"))
}
