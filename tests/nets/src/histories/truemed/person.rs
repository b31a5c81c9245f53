//! A person who looks at Truemed's pages, and says what is true.

use super::{Asked, Judged, Truemed};

impl Truemed {
    pub(super) fn say(&mut self, asked: Asked<'_>) -> Judged {
        let plain = |verdict: &str| (verdict.to_owned(), None);
        if asked.offers("made") {
            return self.made_or_not(asked);
        }
        if asked.offers("not_refunded") {
            let made = self.refunds.iter().find(|it| it.key.ends_with(&format!(":{}", asked.of)));
            return match made {
                Some(it) => ("refunded".into(), Some(it.id.clone())),
                None => plain("not_refunded"),
            };
        }
        if asked.offers("confirmed") {
            return plain(self.confirmed_or_not(asked.of));
        }
        if asked.offers("deleted") {
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
            if let Some(verdict) = by_status.into_iter().find(|it| asked.offers(it)) {
                return plain(verdict);
            }
        }
        if ["unplaced_payment", "made_after_all"].contains(&asked.reason) && asked.offers("ours") {
            let ours = self.sessions.iter().any(|it| it.id == asked.of);
            return plain(if ours { "ours" } else { "not_ours" });
        }
        let order = ["retry", "seen", "keep_waiting", "keep_trying", "stop_waiting", "give_up"];
        plain(order.into_iter().find(|it| asked.offers(it)).unwrap_or("nothing to say"))
    }

    /// Whether a session is the one that the row is about.
    fn is_about(&self, id: &str) -> bool {
        self.sessions.first().is_some_and(|it| it.id == id)
    }

    fn made_or_not(&self, asked: Asked<'_>) -> Judged {
        let made =
            self.sessions.iter().find(|it| it.key.ends_with(&format!(":{}", asked.of)) && it.status != "rejected");
        match made {
            Some(it) => ("made".into(), Some(it.id.clone())),
            None => ("not_made".into(), None),
        }
    }

    /// Whether a change has been taken in; one that waits for the customer is taken back.
    fn confirmed_or_not(&mut self, of: &str) -> &'static str {
        let effect = format!(":{of}");
        let named = self.updates.iter().find(|(key, id)| key.ends_with(&effect) || *id == of);
        let id = named.map_or_else(|| of.to_owned(), |(_, id)| id.clone());
        let open = self.actions.iter().any(|it| it.id == id);
        self.actions.retain(|it| it.id != id);
        let was_taken_in = self.provisions.get(&id).is_some_and(Option::is_some);
        if was_taken_in && !open { "confirmed" } else { "withdrawn" }
    }
}
