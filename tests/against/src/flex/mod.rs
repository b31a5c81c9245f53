//! Flex: what both of its flows share.

pub(crate) mod checkout;
mod person;
pub(crate) mod subscription;

use std::collections::BTreeMap;

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use crate::scene::{Account, Provider, Question, Readings, Sent, View, cents, millis};
use crate::wire::API_KEY;

/// What a request may break because the customer, the bank or Flex was faster.
const RACES: &[&str] = &[
    "flex.subscription.transition",
    "flex.refund.not-above-received",
    "flex.refund.only-complete",
    "flex.dispute.open",
    "flex.capture.only-manual",
    "flex.capture.not-above-authorised",
    "flex.checkout.off-session-letter",
];

pub(crate) struct Flex;

/// What every one-time order of this shop costs, and a month of either plan.
pub(crate) const ONCE: i64 = 4_999;
const MONTHLY: [(&str, i64); 2] = [("gym", 2_999), ("gym_plus", 5_999)];

impl Provider for Flex {
    fn prepare(&self, account: &mut Account<'_>) -> Value {
        let authorization = format!("Bearer {API_KEY}");
        let headers = [("authorization", authorization.as_str())];
        let mut post =
            |path: &str, kind: &str, body: Value| account.post(path, &headers, &json!({ kind: body }))[kind].clone();
        let mut price = |name: &str, cents: i64, eligibility: &str, recurring: Value| {
            let product = json!({"name": name, "visit_type": "gym", "hsa_fsa_eligibility": eligibility});
            let product = post("/v1/products", "product", product)["product_id"].clone();
            let price = json!({"product": product, "unit_amount": cents, "recurring": recurring});
            json!({"price": post("/v1/prices", "price", price)["price_id"], "product": product, "cents": cents,
                "eligibility": eligibility, "recurring": recurring})
        };
        let month = json!({"interval": "monthly"});
        let mut prices: serde_json::Map<String, Value> = MONTHLY
            .iter()
            .map(|(name, cents)| {
                ((*name).to_owned(), price(name, *cents, "letter_of_medical_necessity", month.clone()))
            })
            .collect();
        prices.insert("glasses".into(), price("glasses", ONCE, "vision", Value::Null));
        prices.insert("towel".into(), price("towel", 1_000, "not_eligible", Value::Null));
        let customer = post(
            "/v1/customers",
            "customer",
            json!({"email": "stored@example.com", "first_name": "A",
            "last_name": "B"}),
        );
        let customer = customer["customer_id"].clone();
        let session = json!({"mode": "setup", "customer": customer, "success_url": "https://shop.example/ok"});
        let session = post("/v1/checkout/sessions", "checkout_session", session);
        account.act(&json!({"do": "finish", "id": session["checkout_session_id"]}));
        let path = format!("/v1/customers/{}/payment_methods", customer.as_str().unwrap_or_default());
        let cards = account.call("GET", &path, &headers, &Value::Null);
        let card = &cards["payment_methods"][0]["payment_method_id"];
        assert!(card.is_string(), "the customer has no card: {cards}");
        json!({"prices": prices, "customer": customer, "card": card})
    }

    fn settings(&self, base_url: &str, _readings: &Readings, prepared: &Value) -> Value {
        let mut prices = BTreeMap::new();
        for price in prepared["prices"].as_object().into_iter().flatten().map(|(_, it)| it) {
            let mut known = json!({"unit_amount": price["cents"], "hsa_fsa_eligibility": price["eligibility"]});
            if !price["recurring"].is_null() {
                known["recurring"] = price["recurring"].clone();
            }
            prices.insert(price["price"].as_str().unwrap_or_default(), known);
        }
        json!({"flex": {"base_url": format!("{base_url}/flex"), "test_mode": true, "prices": prices}})
    }

    /// The reading `flex.webhook-headers` chooses the family.
    fn events(&self) -> &'static [&'static str] {
        &[
            "checkout.session.completed",
            "customer.subscription.created",
            "customer.subscription.updated",
            "customer.subscription.deleted",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice.payment_failed",
            "refund.created",
            "refund.updated",
            "charge.dispute.created",
            "charge.dispute.closed",
        ]
    }

    fn act(&self, view: &View<'_>, url: Option<&str>, chance: &mut Chance<'_>) -> Value {
        act(view, url, chance)
    }

    fn finish(&self, url: &str) -> Value {
        json!({"do": "finish", "url": url})
    }

    fn calm(&self, view: &View<'_>) -> Vec<Value> {
        let open = view.records("disputes").iter().filter(|it| it["status"] != "won" && it["status"] != "lost");
        let disputes = open.map(|it| json!({"do": "close_dispute", "id": it["dispute_id"], "won": true}));
        let cards =
            view.records("subscriptions").iter().map(|it| json!({"do": "accept_card", "id": it["subscription_id"]}));
        disputes.chain(cards).collect()
    }

    fn verdict(&self, view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
        person::verdict(view, question)
    }

    fn races(&self) -> &'static [&'static str] {
        RACES
    }

    fn is_paid(&self, view: &View<'_>, about: &str) -> bool {
        is_paid(view, about)
    }

    fn paid(&self, view: &View<'_>) -> Vec<String> {
        let sold = ["payment", "off_session", "subscription"];
        let complete =
            sessions(view).filter(|it| it["status"] == "complete" && sold.iter().any(|mode| it["mode"] == *mode));
        let sessions = complete.filter(|it| it["mode"] == "subscription" || received(view, it) > 0);
        let sessions = sessions.filter(|it| {
            let mut intents = it["payment_intents"].as_array().into_iter().flatten();
            !(is_second(view, &it["subscription"]) && intents.all(|intent| is_given_back(view, intent)))
        });
        let mut paid: Vec<String> =
            sessions.filter_map(|it| it["checkout_session_id"].as_str()).map(str::to_owned).collect();
        // No lookup finds an older invoice whose event was lost, nor one of an ended subscription.
        let is_lost = view.lost.iter().any(|it| it.starts_with("invoice.") || it.starts_with("checkout."));
        for invoice in view.records("invoices").iter().filter(|it| it["amount_paid"].as_i64() > Some(0)) {
            let of = subscriptions(view).find(|it| it["subscription_id"] == invoice["subscription"]);
            let Some(of) = of.filter(|_| invoice["status"] == "paid") else { continue };
            if is_second(view, &of["subscription_id"]) && is_given_back(view, &invoice["payment_intent"]) {
                continue;
            }
            let is_newest = of["status"] != "canceled" && of["latest_invoice"] == invoice["invoice_id"];
            if is_newest || !is_lost {
                paid.extend(invoice["invoice_id"].as_str().map(str::to_owned));
            }
        }
        paid
    }

    fn same_as(&self, view: &View<'_>, about: &str) -> String {
        if let Some((subscription, until)) = about.split_once('/') {
            // The name of a period whose invoice the host does not know.
            let pays =
                |it: &&Value| it["subscription"] == subscription && millis(&it["pays_until"]) == until.parse().ok();
            let invoice = view.records("invoices").iter().find(pays);
            return invoice.and_then(|it| it["invoice_id"].as_str()).unwrap_or(about).to_owned();
        }
        let session = view.record("checkout_sessions", "checkout_session_id", about);
        session.and_then(|it| it["invoice"].as_str()).unwrap_or(about).to_owned()
    }

    fn paid_until(&self, view: &View<'_>, about: &str) -> Option<i64> {
        let of = |it: &&Value| it["subscription"] == about && it["status"] == "paid";
        let paid = view.records("invoices").iter().filter(of).filter_map(|it| millis(&it["pays_until"])).max();
        let trial = view.record("subscriptions", "subscription_id", about).and_then(|it| millis(&it["trial_end"]));
        paid.max(trial)
    }

    fn entitled(&self, view: &View<'_>) -> Vec<(String, i64)> {
        let active = subscriptions(view).filter(|it| it["status"] == "active");
        let until = active.filter_map(|it| {
            let id = it["subscription_id"].as_str()?.to_owned();
            Some((id.clone(), self.paid_until(view, &id)?))
        });
        until.filter(|(_, until)| *until > view.now).collect()
    }

    /// The status of a checkout must have every refund of its session that has not failed, whoever requested it.
    fn denied(&self, view: &View<'_>, status: &Value) -> Option<String> {
        let session =
            view.record("checkout_sessions", "checkout_session_id", status["checkout_session_id"].as_str()?)?;
        let intents = session["payment_intents"].as_array()?;
        let of = |it: &&Value| it["status"] != "failed" && intents.contains(&it["payment_intent_id"]);
        let made: i64 = view.records("refunds").iter().filter(of).filter_map(|it| it["amount"].as_i64()).sum();
        let said = cents(&status["refunded"])?;
        (said != made).then(|| format!("it says that {said} were refunded, and {made} were"))
    }

    fn still_charges(&self, view: &View<'_>, status: &Value) -> Option<String> {
        let has_ended = status["facets"]["subscription"] == "ended";
        let own = status["subscription_id"].as_str()?;
        let of = view.record("subscriptions", "subscription_id", own)?;
        let ends = of["status"] == "canceled" || of["status"] == "incomplete_expired";
        (has_ended != ends).then(|| own.to_owned())
    }

    fn days_to_settle(&self) -> i64 {
        45
    }
}

/// The row's sessions, also one whose reply was lost.
pub(crate) fn sessions<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Value> {
    view.records("checkout_sessions").iter().filter(|it| it["client_reference_id"] == view.row)
}

/// The subscriptions that the row's sessions have sold.
pub(crate) fn subscriptions<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Value> {
    let of = |it: &'v Value| view.record("subscriptions", "subscription_id", it["subscription"].as_str()?);
    sessions(view).filter_map(of)
}

/// The request that has made a record. The library leaves the request's key in the metadata.
pub(crate) fn maker<'v>(view: &'v View<'_>, record: &Value) -> Option<(&'v str, &'v Sent)> {
    let key = record["metadata"]["rulebound_key"].as_str()?;
    view.sent.get_key_value(key).filter(|(_, it)| it.row == view.row).map(|(key, it)| (key.as_str(), it))
}

/// What a session has received in cents.
fn received(view: &View<'_>, session: &Value) -> i64 {
    let intents = session["payment_intents"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let of = |id| view.record("payment_intents", "payment_intent_id", id)?["amount_received"].as_i64();
    intents.filter_map(of).sum()
}

/// Whether a subscription is not the first one that the row's customer has bought.
///
/// A payment for it that was given back in full is settled: the host has refunded the invoice before any event could
/// raise the review of a second payment. For the row's first subscription, a refund takes no delivery away.
fn is_second(view: &View<'_>, subscription: &Value) -> bool {
    let own: Vec<&Value> = subscriptions(view).map(|it| &it["subscription_id"]).collect();
    let mut bought = view.records("subscriptions").iter().map(|it| &it["subscription_id"]);
    subscription.is_string() && bought.find(|it| own.contains(it)).is_some_and(|first| first != subscription)
}

/// Whether the whole amount of a payment was refunded.
fn is_given_back(view: &View<'_>, intent: &Value) -> bool {
    let of = intent.as_str().and_then(|id| view.record("payment_intents", "payment_intent_id", id));
    let amounts = of.and_then(|it| Some((it["amount_received"].as_i64()?, it["amount_refunded"].as_i64()?)));
    amounts.is_some_and(|(received, refunded)| received > 0 && refunded >= received)
}

fn is_paid(view: &View<'_>, about: &str) -> bool {
    let id = Flex.same_as(view, about);
    let is_invoice = view.record("invoices", "invoice_id", &id).is_some_and(|it| it["status"] == "paid");
    is_invoice
        || view.record("checkout_sessions", "checkout_session_id", about).is_some_and(|it| it["status"] == "complete")
}

/// Refunds or captures that one mark has moved twice: by two requests, or by more than it was for.
pub(crate) fn moved_twice(view: &View<'_>, kind: &str, amount: &str, marks: &[(&str, i64)]) -> Option<String> {
    for (mark, asked) in marks {
        let of = |it: &&Value| it["status"] != "failed" && maker(view, it).is_some_and(|(_, sent)| sent.mark == *mark);
        let moved: i64 = view.records(kind).iter().filter(of).filter_map(|it| it[amount].as_i64()).sum();
        if moved > *asked {
            return Some(format!("the {kind} of one intent move too much: `{mark}` is for {asked}, and moved {moved}"));
        }
    }
    None
}

/// What the customer does on a page, or what happens to a card, a refund or a payment.
fn act(view: &View<'_>, url: Option<&str>, chance: &mut Chance<'_>) -> Value {
    let which = chance.below(20);
    if let Some(url) = url.filter(|_| which < 11) {
        let what = ["finish", "finish", "finish", "answer_letter", "enter_card", "cancel"][which % 6];
        let mut act = json!({"do": what, "url": url});
        match which {
            6 => act["letter"] = false.into(),
            7 => act["card"] = "4000000000009995".into(),
            8 => act["card"] = "4000000000000341".into(),
            9 => act["hsa"] = false.into(),
            _ => {}
        }
        return act;
    }
    let mut id = |kind: &str, name: &str| chance.one(view.records(kind)).map(|it| it[name].clone());
    match which {
        11 | 12 => json!({"do": "decline_card", "id": id("subscriptions", "subscription_id")}),
        13 => json!({"do": "accept_card", "id": id("subscriptions", "subscription_id")}),
        14 => json!({"do": "expire_card", "id": id("subscriptions", "subscription_id")}),
        15 => json!({"do": "retry_invoice", "id": id("invoices", "invoice_id")}),
        16 => json!({"do": "fail_refund", "id": id("refunds", "refund_id")}),
        17 => json!({"do": "dispute", "id": id("payment_intents", "payment_intent_id")}),
        18 => json!({"do": "close_dispute", "id": id("disputes", "dispute_id"), "won": true}),
        19 => json!({"do": "close_dispute", "id": id("disputes", "dispute_id")}),
        // The stored card of the absent customer.
        which if which % 2 == 0 => json!({"do": "decline_card", "id": view.prepared["card"]}),
        _ => json!({"do": "accept_card", "id": view.prepared["card"]}),
    }
}
