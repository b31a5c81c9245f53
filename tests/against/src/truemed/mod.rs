//! Truemed: what both of its flows share.

pub(crate) mod person;
pub(crate) mod qualification;
pub(crate) mod session;
pub(crate) mod token;

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use crate::scene::{Provider, Question, Readings, View, cents};

/// What a request may break because the customer, the bank or Truemed was faster.
const RACES: &[&str] = &[
    "truemed.charge.422-action",
    "truemed.upkeep.lmn-expiry",
    "truemed.session.unattended-items-confirmed",
    "truemed.update.no-charge-while-action",
    "truemed.capture.only-authorization",
    "truemed.void.only-authorized",
    "truemed.cancel.only-pending",
    "truemed.refund.no-dispute",
    "truemed.token.exists",
    "truemed.session.unattended-needs-active-token",
    // The library only warns of these, because the documents are unclear or the account is not known.
    "truemed.session.kind-gated",
    "truemed.capture.amount-vs-items",
];

pub(crate) struct Truemed;

impl Provider for Truemed {
    fn settings(&self, base_url: &str, readings: &Readings, _prepared: &Value) -> Value {
        let is = |name: &str, value: &str| readings.get(name).is_some_and(|it| it == value);
        let discounts = if is("truemed.discounts-negative", "true") { "negative" } else { "positive" };
        json!({"truemed": {"base_url": format!("{base_url}/truemed"), "discounts": discounts,
            "kind_enabled": !is("truemed.kind-enabled", "false")}})
    }

    fn signatures(&self) -> &'static [&'static str] {
        &["signed", "unsigned"]
    }

    fn events(&self) -> &'static [&'static str] {
        &["payment_session_complete", "payment_token_updated", "qualification_session_complete"]
    }

    fn races(&self) -> &'static [&'static str] {
        RACES
    }

    fn act(&self, view: &View<'_>, url: Option<&str>, chance: &mut Chance<'_>) -> Value {
        act(view, url, chance)
    }

    fn finish(&self, url: &str) -> Value {
        json!({"do": "finish", "url": url})
    }

    fn verdict(&self, view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
        person::verdict(view, question)
    }

    fn is_paid(&self, view: &View<'_>, about: &str) -> bool {
        person::is_paid(view, about)
    }

    fn paid(&self, view: &View<'_>) -> Vec<String> {
        person::paid(view)
    }

    /// The token must be the customer's own. Nobody but the host refunds, so the status must have the refunds of its
    /// session.
    fn denied(&self, view: &View<'_>, status: &Value) -> Option<String> {
        let token = status["payment_token"].as_str().and_then(|it| view.record("payment_tokens", "payment_token", it));
        if let Some(foreign) = token.filter(|it| it["metadata"] != view.row) {
            return Some(format!("it has another customer's token: {foreign}"));
        }
        if let Some(denied) = qualification::denied(view, status) {
            return Some(denied);
        }
        let session = view.record("payment_sessions", "id", status["payment_session_id"].as_str()?)?;
        let (said, made) = (cents(&status["refunded"])?, session["refunded_amount"].as_i64()?);
        (said != made).then(|| format!("it says that {said} were refunded, and {made} were"))
    }
}

/// The items of a shop with two goods.
pub(crate) fn item(sku: &str) -> Value {
    let price = if sku == "b12" { 1500 } else { 1200 };
    json!({"name": sku, "sku": sku, "quantity": 1, "price": price})
}

/// A session of these items, sometimes with a charge and a discount.
pub(crate) fn session_of(items: &Value, mark: &str, chance: &mut Chance<'_>) -> Value {
    let mut total: i64 = items.as_array().into_iter().flatten().filter_map(|it| it["price"].as_i64()).sum();
    let mut command = json!({"type": "create_payment_session", "order_items": items,
        "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no", "extra": {"x_mark": mark}});
    if chance.below(4) == 3 {
        command["amount_details"] = json!({"total_additional_charges": 500, "total_discounts": 200});
        total += 300;
    }
    command["total_amount"] = total.into();
    command
}

/// Whether a session may have taken money, or may still take it.
pub(crate) fn takes_money(session: &Value) -> bool {
    session["captured_amount"].as_i64() > Some(0)
        || ["authorized", "processing"].iter().any(|it| session["status"] == *it)
}

/// The row's sessions, with the marks of their requests.
pub(crate) fn sessions<'v>(view: &'v View<'_>) -> impl Iterator<Item = (&'v Value, &'v str)> {
    let of = |it: &'v Value| Some((it, view.request(it["idempotency_key"].as_str()?)?.mark.as_str()));
    view.records("payment_sessions").iter().filter_map(of)
}

/// A second charge for one mark.
pub(crate) fn second_charge(view: &View<'_>) -> Option<String> {
    let charged: Vec<_> = sessions(view).filter(|(it, _)| takes_money(it)).collect();
    let twice = charged.iter().enumerate().find(|(nth, (_, mark))| charged.iter().take(*nth).any(|it| it.1 == *mark));
    twice.map(|(_, (session, mark))| format!("a second charge: `{mark}` by {session}"))
}

/// What the customer does on a page, or what happens to a token.
fn act(view: &View<'_>, url: Option<&str>, chance: &mut Chance<'_>) -> Value {
    let which = chance.below(16);
    if let Some(url) = url.filter(|_| which < 11) {
        let (what, more) = [
            ("finish", 0),
            ("finish", 0),
            ("finish", 0),
            ("answer_survey", 0),
            ("enter_card", 0),
            ("cancel", 0),
            ("finish", 1),
            ("finish", 2),
            ("finish", 3),
            ("enter_card", 2),
            ("finish", 0),
        ][which];
        let mut act = json!({"do": what, "url": url});
        match more {
            1 => act["letter"] = false.into(),
            2 => act["card"] = "4000000000000002".into(),
            3 => act["card"] = "4000000000000341".into(),
            _ => {}
        }
        return act;
    }
    let what = ["expire_card", "decline_card", "expire_letter", "require_survey", "qualify", "dispute"][which % 6];
    let kind = if what == "dispute" { ("payment_sessions", "id") } else { ("payment_tokens", "payment_token") };
    let id = chance.one(view.records(kind.0)).map(|it| it[kind.1].clone());
    json!({"do": what, "id": id, "skus": ["mg"]})
}
