//! A person who looks at Truemed's dashboard, and gives the true verdict.

use serde_json::Value;

use crate::scene::{Question, View};

/// Whether money was taken for a session.
pub(crate) fn is_paid(view: &View<'_>, about: &str) -> bool {
    session(view, about).is_some_and(|it| it["captured_amount"].as_i64() > Some(0))
}

/// The row's sessions for which money was taken.
pub(crate) fn paid(view: &View<'_>) -> Vec<String> {
    let taken = super::sessions(view).filter(|(it, _)| it["captured_amount"].as_i64() > Some(0));
    taken.filter_map(|(it, _)| it["id"].as_str().map(str::to_owned)).collect()
}

fn session<'v>(view: &'v View<'_>, id: &str) -> Option<&'v Value> {
    view.records("payment_sessions").iter().find(|it| it["id"] == id)
}

/// The true verdict.
pub(crate) fn verdict(view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
    if question.has("made") {
        return made(view, question.about);
    }
    if question.has("not_refunded") {
        let id = view.replied(question.about, "/refund_id");
        return if id.is_some() { ("refunded".into(), id) } else { ("not_refunded".into(), None) };
    }
    let plain = plain(view, question);
    // What was given back before it was delivered is not delivered.
    let order = ["retry", "seen", "nothing", "keep_waiting", "keep_trying", "stop_waiting", "give_up"];
    let named = plain.iter().map(String::as_str).chain(order).collect::<Vec<_>>();
    (question.first_of(&named).unwrap_or_else(|| "no verdict".into()), None)
}

/// Whether a session was made, and which.
fn made(view: &View<'_>, about: &str) -> (String, Option<String>) {
    let id = view.replied(about, "/id");
    let lives = id.filter(|id| session(view, id).is_some_and(|it| it["status"] != "rejected"));
    if lives.is_some() { ("made".into(), lives) } else { ("not_made".into(), None) }
}

/// The verdicts that are true, without an id.
fn plain(view: &View<'_>, question: &Question<'_>) -> Vec<String> {
    let texts = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    if question.has("confirmed") {
        return texts(if is_confirmed(view, question.about) { &["confirmed"] } else { &["keep_waiting", "withdrawn"] });
    }
    if question.has("repaired") {
        let open =
            view.records("payment_tokens").iter().any(|it| it["metadata"] == view.row && it["action_open"] == true);
        return texts(if open { &["keep_waiting"] } else { &["repaired"] });
    }
    if question.has("deleted") {
        let lives =
            view.records("payment_tokens").iter().any(|it| it["metadata"] == view.row && it["deleted"] == false);
        return texts(if lives { &["keep"] } else { &["deleted"] });
    }
    if question.has("ours") {
        let ours = session(view, question.about)
            .is_some_and(|it| it["idempotency_key"].as_str().is_some_and(|key| view.request(key).is_some()));
        return texts(if ours { &["ours"] } else { &["not_ours"] });
    }
    let mine = session(view, question.about).or_else(|| super::sessions(view).map(|(it, _)| it).last());
    match mine.and_then(|it| it["status"].as_str()) {
        Some("captured") => texts(&["captured", "not_canceled"]),
        Some("authorized") => texts(&["still_held", "not_canceled"]),
        Some("authorization_voided") => texts(&["voided", "ended"]),
        Some("canceled") => texts(&["canceled", "ended"]),
        Some("rejected" | "authorization_expired") => texts(&["ended", "not_canceled", "stop_waiting"]),
        _ => texts(&["not_canceled"]),
    }
}

/// Whether a change was made: `about` names its request to Truemed, or its effect.
fn is_confirmed(view: &View<'_>, about: &str) -> bool {
    let id = view.replied(about, "/provision_token_request_id");
    let id = id.unwrap_or_else(|| about.to_owned());
    let requests = view.records("provision_token_requests").iter();
    requests.filter(|it| it["provision_token_request_id"] == *id).any(|it| !it["payment_token"].is_null())
}
