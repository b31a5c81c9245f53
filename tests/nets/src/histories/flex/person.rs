//! A person who looks at Flex's pages, and says what is true.

use super::{Flex, Moved};
use crate::histories::provider::{Asked, Judged, Provider};

impl Flex {
    pub(super) fn say(&mut self, asked: Asked<'_>) -> Judged {
        let plain = |verdict: &str| (verdict.to_owned(), None);
        let ours = |key: &str| key.ends_with(&format!(":{}", asked.of));
        let made = |all: &[Moved]| all.iter().find(|it| ours(&it.key) && it.status != "failed").map(|it| it.id.clone());
        if asked.offers("created") {
            let session = self.sessions.iter().find(|it| ours(&it.key));
            return match session {
                Some(it) => ("created".into(), Some(it.id.clone())),
                None => plain("not_created"),
            };
        }
        for (yes, no, found) in
            [("refunded", "not_refunded", made(&self.refunds)), ("captured", "not_captured", made(&self.captures))]
        {
            if asked.offers(no) {
                let given = self.given_back.iter().any(|key| ours(key));
                return match found {
                    Some(id) => (yes.into(), Some(id)),
                    None => plain(if given { yes } else { no }),
                };
            }
        }
        if asked.offers("changed") {
            return plain(if self.changed.iter().any(|key| ours(key)) { "changed" } else { "not_changed" });
        }
        if asked.offers("not_ended") {
            let is_over = self.subscriptions.iter().all(|it| it.status == "canceled");
            return plain(if is_over || self.changed.iter().any(|key| ours(key)) { "ended" } else { "not_ended" });
        }
        if asked.offers("not_paid") {
            return plain(if self.invoice(asked.of).is_some_and(|it| it.status == "paid") {
                "paid"
            } else {
                "not_paid"
            });
        }
        if asked.offers("fulfill") {
            let other = if asked.offers("refund") { "refund" } else { "nothing" };
            return plain(if self.is_paid(asked.of) { "fulfill" } else { other });
        }
        if asked.offers("live") || asked.offers("keep") {
            let lives = self.subscriptions.iter().any(|it| it.status != "canceled");
            let order = if lives { ["live", "keep"] } else { ["ended", "ended"] };
            if let Some(verdict) = order.into_iter().find(|it| asked.offers(it)) {
                return plain(verdict);
            }
        }
        if asked.offers("ours") {
            let is_ours = self.session(asked.of).is_some() || self.invoice(asked.of).is_some();
            return plain(if is_ours { "ours" } else { "not_ours" });
        }
        let order = [
            "retry",
            "seen",
            "keep",
            "fulfill",
            "keep_access",
            "keep_waiting",
            "keep_trying",
            "stop_waiting",
            "give_up",
        ];
        plain(order.into_iter().find(|it| asked.offers(it)).unwrap_or("nothing to say"))
    }
}
