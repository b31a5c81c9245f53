//! A person who looks at the retailer's subscriptions in Vend, and gives the true verdict.

use serde_json::Value;

use super::used;
use crate::scene::{Question, View};

/// The true verdict.
pub(crate) fn verdict(view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
    let plain = |verdict: &str| (verdict.to_owned(), None);
    let about = question.about;
    let has_ended = |it: &Value| it["state"] == "canceled" || it["state"] == "expired";
    let all = view.records("subscriptions");
    let own = all.iter().rfind(|it| !has_ended(it)).or(all.last());
    let consent = view.about(about).and_then(|(_, sent)| used(view, sent));
    if question.has("used") {
        return match consent {
            Some(it) => ("used".into(), it["subscription_id"].as_str().map(str::to_owned)),
            None => plain("not_used"),
        };
    }
    if question.has("confirmed") {
        return plain(if consent.is_some() { "confirmed" } else { "not_confirmed" });
    }
    if question.has("fulfill") {
        return plain(if consent.is_some() { "fulfill" } else { "nothing" });
    }
    if question.has("ours") {
        return match own.and_then(|it| it["id"].as_str()) {
            Some(id) => ("ours".into(), Some(id.to_owned())),
            None => plain("none"),
        };
    }
    let named = all.iter().find(|it| it["id"].as_str().is_some_and(|id| about.contains(id))).or(own);
    let order: &[&str] = match named {
        Some(it) if has_ended(it) => &["ended", "canceled"],
        Some(_) => &["live", "keep"],
        None => &["ended", "canceled", "keep"],
    };
    let rest = ["retry", "seen", "nothing", "keep_waiting", "keep_trying", "stop_waiting", "give_up"];
    plain(&question.first_of(&order.iter().copied().chain(rest).collect::<Vec<_>>()).unwrap_or_default())
}
