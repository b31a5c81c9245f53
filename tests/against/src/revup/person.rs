//! A person who looks at Revup's back office, and gives the true verdict.

use serde_json::Value;

use super::{is_own, subscriptions, token};
use crate::scene::{Question, View};

/// The true verdict.
pub(crate) fn verdict(view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
    let plain = |verdict: &str| (verdict.to_owned(), None);
    let about = question.about;
    let text = |it: &Value| it.as_str().map(str::to_owned);
    if question.has("created") {
        let made = view.replied(about, "/subscriptionId");
        let of_token = view.record("tokens", "tokenId", token(view)["tokenId"].as_str().unwrap_or_default());
        let made = made.or_else(|| of_token.and_then(|it| text(&it["subscriptionId"])));
        return if made.is_some() { ("created".into(), made) } else { plain("not_created") };
    }
    if question.has("not_refunded") {
        return refunded(view, question);
    }
    let own = view.record("subscriptions", "id", about).or_else(|| subscriptions(view).last());
    if question.has("period_end") {
        let until = own.and_then(|it| text(&it["paidUntil"]));
        return until.map_or_else(|| plain("none"), |until| ("period_end".into(), Some(until)));
    }
    if question.has("not_ours") {
        let is_ours = subscriptions(view).any(|it| it["id"] == about);
        return plain(if is_ours { "ours" } else { "not_ours" });
    }
    let order: &[&str] = match own.and_then(|it| it["status"].as_str()) {
        Some("cancelled") => &["cancelled", "ended"],
        // It has no payment yet.
        Some("pending") => &["keep_waiting", "not_cancelled", "keep"],
        Some("archived") | None => &["ended", "not_cancelled"],
        _ => &["not_cancelled", "live", "keep"],
    };
    // What a refund of the back office means for access is the shop's to say.
    let rest = ["retry", "seen", "keep_access", "keep_waiting", "keep_trying", "stop_waiting", "give_up"];
    plain(&question.first_of(&order.iter().copied().chain(rest).collect::<Vec<_>>()).unwrap_or_default())
}

/// Whether a refund was made, and as which transaction.
fn refunded(view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
    let about = question.about;
    let mark = view.about(about).map_or(about, |(_, sent)| sent.mark.as_str());
    let of = |it: &&Value| it["type"] == "refund" && (it["id"] == about || it["reason"] == mark && is_own(view, it));
    let all = || view.records("transactions").iter().filter(of);
    let is = |status: &'static str| all().find(move |it| it["status"] == status);
    match (is("success"), is("in_process")) {
        (Some(it), _) => {
            ("refunded".into(), it["id"].as_str().filter(|_| !question.has("keep_waiting")).map(str::to_owned))
        }
        (None, Some(_)) if question.has("keep_waiting") => ("keep_waiting".into(), None),
        (None, Some(it)) => ("refunded".into(), it["id"].as_str().map(str::to_owned)),
        (None, None) => ("not_refunded".into(), None),
    }
}
