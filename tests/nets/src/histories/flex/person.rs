//! A person who looks at Flex's dashboard, and gives the true verdict.

use super::{Flex, Movement};
use crate::histories::provider::{Provider, Question, Verdict};

impl Flex {
    pub(super) fn verdict(&mut self, question: Question<'_>) -> Verdict {
        let plain = |verdict: &str| (verdict.to_owned(), None);
        let ours = |key: &str| key.ends_with(&format!(":{}", question.about));
        let made =
            |all: &[Movement]| all.iter().find(|it| ours(&it.key) && it.status != "failed").map(|it| it.id.clone());
        if question.has("created") {
            let session = self.sessions.iter().find(|it| ours(&it.key));
            return match session {
                Some(it) => ("created".into(), Some(it.id.clone())),
                None => plain("not_created"),
            };
        }
        for (yes, no, found) in
            [("refunded", "not_refunded", made(&self.refunds)), ("captured", "not_captured", made(&self.captures))]
        {
            if question.has(no) {
                let is_refunded = self.refunded.iter().any(|key| ours(key));
                return match found {
                    Some(id) => (yes.into(), Some(id)),
                    None => plain(if is_refunded { yes } else { no }),
                };
            }
        }
        if question.has("not_closed") || question.has("won") {
            let status = self.disputes.iter().find(|it| it.id == question.about).map(|it| it.status);
            let (yes, no) = if question.has("not_closed") { ("closed", "not_closed") } else { ("lost", "won") };
            return match status {
                Some("lost") => plain(yes),
                Some(_) if question.has("keep_waiting") && status != Some("won") => plain("keep_waiting"),
                _ => plain(no),
            };
        }
        if question.has("changed") {
            return plain(if self.changed.iter().any(|key| ours(key)) { "changed" } else { "not_changed" });
        }
        if question.has("not_ended") {
            let is_over = self.subscriptions.iter().all(|it| it.status == "canceled");
            return plain(if is_over || self.changed.iter().any(|key| ours(key)) { "ended" } else { "not_ended" });
        }
        if question.has("not_paid") {
            return plain(if self.invoice(question.about).is_some_and(|it| it.status == "paid") {
                "paid"
            } else {
                "not_paid"
            });
        }
        if question.has("fulfill") {
            let other = if question.has("refund") { "refund" } else { "nothing" };
            return plain(if self.is_paid(question.about) { "fulfill" } else { other });
        }
        if question.has("live") || question.has("keep") {
            let is_live = self.subscriptions.iter().any(|it| it.status != "canceled");
            let order = if is_live { ["live", "keep"] } else { ["ended", "ended"] };
            if let Some(verdict) = order.into_iter().find(|it| question.has(it)) {
                return plain(verdict);
            }
        }
        if question.has("ours") {
            let is_ours = self.session(question.about).is_some() || self.invoice(question.about).is_some();
            return plain(if is_ours { "ours" } else { "not_ours" });
        }
        let order = [
            "retry",
            "seen",
            "submitted",
            "keep",
            "fulfill",
            "keep_access",
            "keep_waiting",
            "keep_trying",
            "stop_waiting",
            "give_up",
        ];
        plain(order.into_iter().find(|it| question.has(it)).unwrap_or("no verdict"))
    }
}
