//! What the page shows: the subscription in words, three suggested clicks, and the row's journal.

use http::Request;
use rulebound::Snapshot;
use rulebound::truemed::{OrderItem, PaymentToken};
use rulebound_host::{Access, BoxError, Row};
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::app::Backend;
use crate::clicks::item;

type Token = Row<Snapshot<PaymentToken>>;

const FLOW: &str = "truemed.payment_token";

/// The cart: B12, and Magnesium if the customer has added it.
pub(crate) fn items(has_magnesium: bool) -> Vec<OrderItem> {
    let magnesium = has_magnesium.then(|| item("magnesium", "Magnesium", 900));
    [item("b12", "B12", 1_500)].into_iter().chain(magnesium).collect()
}

/// What the cart costs, in cents.
pub(crate) const fn total(has_magnesium: bool) -> i64 {
    if has_magnesium { 2_400 } else { 1_500 }
}

/// Whether Truemed has confirmed Magnesium.
pub(crate) fn has_magnesium(token: &Token) -> bool {
    confirmed(&json!(token.status()), "confirmed_items")
}

fn confirmed(status: &Value, list: &str) -> bool {
    status[list].as_array().into_iter().flatten().any(|it| it["sku"] == "magnesium")
}

/// Everything that the page shows.
pub(crate) async fn state(backend: &Backend) -> Result<Value, BoxError> {
    let order = backend.order();
    let token = backend.host.get::<PaymentToken>(&order.key).await?;
    let status = token.as_ref().map_or(Value::Null, |it| json!(it.status()));
    let effects = token.as_ref().map_or(Value::Null, |it| json!(it.effects()));
    let (text, mood) = words(&status, &effects);
    let row = row(backend, &order.key).await;
    Ok(json!({
        "now": backend.time.now(), "month": month(backend.time.now()), "number": order.number, "rejected": order.rejected,
        "has_magnesium": confirmed(&status, "confirmed_items"), "wants_magnesium": confirmed(&status, "pending_items"),
        "text": text, "mood": mood, "customer_url": status["customer_url"], "customer_action": status["customer_action"],
        "clicks": suggestions(&status, &effects, backend), "plug": backend.plug.is_armed(), "pulls": backend.plug.pulls(),
        "parcels": list(backend, "SELECT effect FROM parcels WHERE number = $1 ORDER BY rowid", &order.number).await?,
        "mails": list(backend, "SELECT text FROM mails WHERE number = $1 ORDER BY rowid", &order.number).await?,
        "captured": backend.truemed.captured().await?,
        "facets": status["facets"], "row": row["row"], "effects": row["effects"], "waiting_for": row["waiting_for"],
        "journal": row["journal"], "key": order.key, "flow": FLOW,
    }))
}

/// What the operators' dashboard shows of the row.
async fn row(backend: &Backend, key: &str) -> Value {
    let request = Request::get(format!("/api/row?flow={FLOW}&key={key}")).body(Vec::new());
    match request {
        Ok(request) => {
            let reply = backend.host.dashboard_reply(Access::ReadOnly, &request).await;
            serde_json::from_slice(reply.body()).unwrap_or_default()
        }
        Err(_) => Value::Null,
    }
}

async fn list(backend: &Backend, sql: &str, number: &str) -> Result<Vec<String>, BoxError> {
    let rows = sqlx::query(sql).bind(number).fetch_all(&backend.pool).await?;
    Ok(rows.iter().map(|it| it.get(0)).collect())
}

/// How the subscription is, in words for its customer.
fn words(status: &Value, effects: &Value) -> (&'static str, &'static str) {
    let facet = |name: &str| status["facets"][name].as_str().unwrap_or_default();
    let is_leased = effects.as_array().into_iter().flatten().any(|it| it["leased_until"].is_number());
    match (facet("token"), facet("items"), facet("charge")) {
        ("", ..) => ("You have no subscription yet.", "calm"),
        ("requested", ..) if is_leased => {
            ("A worker has asked Truemed for a payment token, and holds the lease.", "busy")
        }
        ("requested", ..) => ("The shop asks Truemed for a payment token.", "busy"),
        ("awaiting", ..) if status["customer_url"].is_string() => (
            "Truemed wants you to take its health survey and to store a card. Nothing is charged before Truemed issues the token.",
            "wait",
        ),
        ("awaiting", ..) => ("Truemed has not issued the token yet. Coming back to the shop proved nothing.", "wait"),
        (_, _, "requested") => ("This month's charge is at Truemed.", "busy"),
        (_, _, "open") => ("This month's charge is at Truemed. Nothing ships before it is captured.", "busy"),
        (_, _, "failed") => ("The charge was declined. Repair the card, then charge the same month again.", "bad"),
        (_, "updating" | "pending", _) if status["customer_url"].is_string() => {
            ("Magnesium waits for your new health survey. Until then the cart stays as it was.", "wait")
        }
        (_, "updating" | "pending", _) => ("The shop asks Truemed whether Magnesium is covered.", "busy"),
        ("deleted" | "deleting", ..) => ("The subscription has ended.", "calm"),
        _ => ("You are subscribed. The token is stored, and the shop can charge it each month.", "good"),
    }
}

/// The three clicks that lead on from here.
fn suggestions(status: &Value, effects: &Value, backend: &Backend) -> Vec<Value> {
    let click = |name: &str, label: &str, why: &str| json!({"click": name, "label": label, "why": why});
    let facet = |name: &str| status["facets"][name].as_str().unwrap_or_default();
    let is_leased = effects.as_array().into_iter().flatten().any(|it| it["leased_until"].is_number());
    let has_page = status["customer_url"].is_string();
    let plug = click("plug", "Pull the plug", "The worker dies when the next reply has arrived and is not saved yet.");
    let survey = click(
        "survey",
        "Take the survey",
        "You answer Truemed's survey and enter a card. Truemed reviews it for half an hour.",
    );
    let close =
        click("close_tab", "Close the tab", "You come back without doing it. It proves nothing; the host looks it up.");
    let hour = click("hour", "Let an hour pass", "Truemed's webhook arrives when its review is over.");
    if is_leased && backend.plug.pulls() > 0 {
        let wait = click(
            "minutes",
            "Wait two minutes",
            "The dead worker's lease ends, and another one sends the same request under the same key.",
        );
        return vec![wait, hour, click("restart", "Begin again", "A new order, with a new key.")];
    }
    match (facet("token"), facet("charge")) {
        ("", _) => vec![
            click("subscribe", "Subscribe to B12", "Your order and the first command are one transaction."),
            click(
                "charge_too_early",
                "Charge before there is a token",
                "It is rejected, with the rule and Truemed's page.",
            ),
            plug,
        ],
        ("requested" | "awaiting", _) if has_page => vec![survey, close, hour],
        ("requested" | "awaiting", _) => vec![
            hour,
            click("charge_too_early", "Charge too early", "It is rejected, with the rule and Truemed's page."),
            close,
        ],
        (_, "failed") if has_page => {
            vec![survey, click("charge", "Charge it again", "Until the card is repaired, this is rejected."), hour]
        }
        (_, "failed") => vec![click("charge", "Charge it again", "The same month, a second attempt."), hour, plug],
        _ if has_page => {
            vec![survey, click("charge", "Charge now", "Is it allowed while the survey is open? The host knows."), hour]
        }
        _ if backend_is_busy(status) => {
            vec![hour, plug, click("charge", "Charge again at once", "A second click is never a second charge.")]
        }
        _ if !confirmed(status, "confirmed_items") && !has_intent(status, backend) => vec![
            click("overtake", "Charge this month", "Truemed's webhook overtakes its own reply. Nothing gets lost."),
            click("add_magnesium", "Add Magnesium", "Truemed must confirm the new cart before it can be charged."),
            click("both", "Change cart and card at once", "It is rejected: one update changes one of both."),
        ],
        _ if !confirmed(status, "confirmed_items") => vec![
            click("add_magnesium", "Add Magnesium", "Truemed must confirm the new cart before it can be charged."),
            click("month", "Let a month pass", "The next charge is due, under the next month's name."),
            click("expire_card", "Let the card expire", "The next charge is declined, and you get a mail."),
        ],
        _ => vec![
            click("month", "Let a month pass", "The next charge is due, with Magnesium."),
            plug,
            click("expire_card", "Let the card expire", "The next charge is declined, and you get a mail."),
        ],
    }
}

/// Whether a charge or an update is under way.
fn backend_is_busy(status: &Value) -> bool {
    let facet = |name: &str| status["facets"][name].as_str().unwrap_or_default();
    matches!(facet("charge"), "requested" | "open") || facet("items") == "updating"
}

/// Whether this month was charged.
fn has_intent(status: &Value, backend: &Backend) -> bool {
    let this = month(backend.time.now());
    status["intents"].as_array().into_iter().flatten().any(|it| it["intent"] == this.as_str())
}

/// The month of an instant, such as `2026-12`: the name of its charge.
pub(crate) fn month(millis: i64) -> String {
    written(millis, "%Y-%m")
}

/// How long it is until the same day of the next month, in milliseconds: thirty days after the first of December it is still
/// December.
pub(crate) fn length_of_month(millis: i64) -> Result<i64, jiff::Error> {
    let today = jiff::Timestamp::from_millisecond(millis)?.to_zoned(jiff::tz::TimeZone::UTC);
    let then = today.checked_add(jiff::Span::new().months(1))?;
    Ok(then.timestamp().as_millisecond().saturating_sub(millis))
}

/// An instant in a form of `strftime`, in UTC.
pub(crate) fn written(millis: i64, form: &str) -> String {
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default().strftime(form).to_string()
}
