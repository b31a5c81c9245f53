//! A person who looks at Truemed's dashboard, and gives the true verdict.

use super::{Question, Truemed, Verdict};

impl Truemed {
    pub(super) fn verdict(&mut self, question: Question<'_>) -> Verdict {
        let plain = |verdict: &str| (verdict.to_owned(), None);
        if question.has("made") {
            return self.made_or_not(question);
        }
        if question.has("not_refunded") {
            let made = self.refunds.iter().find(|it| it.key.ends_with(&format!(":{}", question.about)));
            return match made {
                Some(it) => ("refunded".into(), Some(it.id.clone())),
                None => plain("not_refunded"),
            };
        }
        if question.has("confirmed") {
            return plain(self.confirmed_or_not(question.about));
        }
        if question.has("issued") {
            return match self.tokens.iter().rfind(|it| !it.is_deleted) {
                Some(it) => ("issued".into(), Some(it.id.clone())),
                None => plain("deleted"),
            };
        }
        if question.has("deleted") {
            return plain(if self.tokens.iter().any(|it| !it.is_deleted) { "keep" } else { "deleted" });
        }
        if let Some(status) = self.sessions.iter().find(|it| self.is_about(&it.id)).map(|it| it.status) {
            let by_status = match status {
                "captured" => ["captured", "not_canceled"],
                "authorized" => ["still_held", "not_canceled"],
                "authorization_voided" => ["voided", "ended"],
                "canceled" => ["canceled", "ended"],
                _ => ["ended", "not_canceled"],
            };
            if let Some(verdict) = by_status.into_iter().find(|it| question.has(it)) {
                return plain(verdict);
            }
        }
        if ["unplaced_payment", "made_after_all"].contains(&question.reason) && question.has("ours") {
            let ours = self.sessions.iter().any(|it| it.id == question.about);
            return plain(if ours { "ours" } else { "not_ours" });
        }
        let order = ["retry", "seen", "keep_waiting", "keep_trying", "stop_waiting", "give_up"];
        plain(order.into_iter().find(|it| question.has(it)).unwrap_or("no verdict"))
    }

    /// Whether a session is the row's own.
    fn is_about(&self, id: &str) -> bool {
        self.sessions.first().is_some_and(|it| it.id == id)
    }

    fn made_or_not(&self, question: Question<'_>) -> Verdict {
        // The dashboard of a restored row may show a later attempt of the same charge.
        let is_any_attempt = question.reason == "charge_before_restore";
        let name = |text: &str| match text.split_once('/') {
            Some((charge, _)) if is_any_attempt => charge.to_owned(),
            _ => text.to_owned(),
        };
        let wanted = format!(":{}", name(question.about));
        let made = self.sessions.iter().find(|it| name(&it.key).ends_with(&wanted) && it.status != "rejected");
        match made {
            Some(it) => ("made".into(), Some(it.id.clone())),
            None => ("not_made".into(), None),
        }
    }

    /// Whether a change was confirmed. One that waits for the customer is withdrawn.
    fn confirmed_or_not(&mut self, about: &str) -> &'static str {
        let effect = format!(":{about}");
        let named = self.updates.iter().find(|(key, id)| key.ends_with(&effect) || *id == about);
        let id = named.map_or_else(|| about.to_owned(), |(_, id)| id.clone());
        let is_open = self.actions.iter().any(|it| it.id == id);
        self.actions.retain(|it| it.id != id);
        let was_confirmed = self.provisions.get(&id).is_some_and(Option::is_some);
        if was_confirmed && !is_open { "confirmed" } else { "withdrawn" }
    }
}
