//! A person who looks at Flex's dashboard, and gives the true verdict.

use serde_json::Value;

use super::{is_paid, maker};
use crate::scene::{Question, View};

/// The true verdict.
pub(crate) fn verdict(view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
    let plain = |verdict: &str| (verdict.to_owned(), None);
    let key = view.about(question.about).map(|(key, _)| key);
    let made = |kind: &str, id: &str| {
        let of = |it: &&Value| it["status"] != "failed" && key.is_some() && maker(view, it).map(|(key, _)| key) == key;
        view.records(kind).iter().find(of).and_then(|it| it[id].as_str()).map(str::to_owned)
    };
    let outcomes = [
        ("created", "not_created", "checkout_sessions", "checkout_session_id"),
        ("refunded", "not_refunded", "refunds", "refund_id"),
        ("captured", "not_captured", "captures", "capture_id"),
    ];
    if let Some((yes, no, kind, id)) = outcomes.into_iter().find(|it| question.has(it.1)) {
        let found = made(kind, id);
        if found.is_none() && yes == "refunded" && cancellation_has_refunded(view, question.about) {
            return plain(yes);
        }
        return if found.is_some() { (yes.into(), found) } else { plain(no) };
    }
    let order = truths(view, question);
    let rest = [
        "retry",
        "accept",
        "seen",
        "keep",
        "keep_access",
        "no_evidence",
        "keep_waiting",
        "keep_trying",
        "stop_waiting",
        "give_up",
    ];
    plain(&question.first_of(&order.into_iter().chain(rest).collect::<Vec<_>>()).unwrap_or_default())
}

/// Whether the cancellation that a review is about has refunded. Flex's own refunds carry no metadata of ours.
fn cancellation_has_refunded(view: &View<'_>, about: &str) -> bool {
    let is_cancellation =
        view.about(about).is_some_and(|(_, sent)| sent.content.starts_with("DELETE") && !sent.replies.is_empty());
    is_cancellation && view.records("refunds").iter().any(|it| it["metadata"].is_null() && it["status"] != "failed")
}

/// What is true of the thing that a review is about, in the words of verdicts.
fn truths<'t>(view: &View<'_>, question: &Question<'_>) -> Vec<&'t str> {
    let about = question.about;
    let subscription =
        view.record("subscriptions", "subscription_id", about).or_else(|| super::subscriptions(view).last());
    let is_live = subscription.is_some_and(|it| it["status"] != "canceled" && it["status"] != "incomplete_expired");
    if question.has("changed") {
        let is_done = view.about(about).is_some_and(|(_, sent)| !sent.replies.is_empty());
        return vec![if is_done { "changed" } else { "not_changed" }];
    }
    if question.has("not_ended") {
        return vec![if is_live { "not_ended" } else { "ended" }];
    }
    if question.has("not_paid") {
        return vec![if is_paid(view, about) { "paid" } else { "not_paid" }];
    }
    if question.has("fulfill") {
        return if is_paid(view, about) { vec!["fulfill"] } else { vec!["refund", "nothing"] };
    }
    let named = |sent: &str| sent.contains(about);
    let dispute = view.records("disputes").iter().find(|it| {
        let id = it["dispute_id"].as_str().unwrap_or_default();
        about.contains(id) || view.about(about).is_some_and(|(_, sent)| sent.content.contains(id)) || named(id)
    });
    if question.has("not_closed") {
        return vec![if dispute.is_some_and(|it| it["status"] == "lost") { "closed" } else { "not_closed" }];
    }
    if question.has("won") {
        return match dispute.and_then(|it| it["status"].as_str()) {
            Some("won") => vec!["won"],
            Some("lost") => vec!["lost"],
            _ => vec!["keep_access", "keep_waiting"],
        };
    }
    let session = view.record("checkout_sessions", "checkout_session_id", about);
    match session.and_then(|it| it["status"].as_str()) {
        Some("complete") => vec!["complete", "live", "keep"],
        Some("expired") => vec!["ended"],
        Some(_) => vec!["keep", "keep_waiting"],
        None if is_live => vec!["live", "keep", "keep_access"],
        None if subscription.is_some() => vec!["ended"],
        None => vec![],
    }
}
