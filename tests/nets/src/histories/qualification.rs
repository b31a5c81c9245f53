//! Truemed's qualification sessions, modeled from its documents: a survey, a review, and a webhook with the outcome.

use std::collections::BTreeMap;

use rulebound::time::Timestamp;
use serde_json::{Value, json};

use super::provider::{Provider, Question, SentRequest, Verdict, Webhook};
use crate::chance::Chance;

const YEAR: i64 = 365 * 24 * 3_600_000;

/// A qualification session.
#[derive(Clone, Debug)]
struct Session {
    id: String,
    status: &'static str,
    user_id: Value,
    expires: Option<i64>,
    /// Whether the host has its id, so that the customer can open its page.
    is_known: bool,
}

/// Truemed, for one merchant and one customer.
#[derive(Debug)]
pub(super) struct Qualifications {
    is_signed: bool,
    sessions: Vec<Session>,
    /// The bodies of the updates, by their keys.
    updates: BTreeMap<String, Value>,
    webhooks: Vec<Webhook>,
    wrong: Option<String>,
}

impl Qualifications {
    pub(super) const fn new(kind: u8) -> Self {
        Self {
            is_signed: kind & 1 == 0,
            sessions: Vec::new(),
            updates: BTreeMap::new(),
            webhooks: Vec::new(),
            wrong: None,
        }
    }

    fn report(it: &Session) -> Value {
        json!({"qualification_session_id": it.id, "status": it.status, "user_id": it.user_id, "source": "api",
            "expires_at": it.expires.map(|at| Timestamp::from_millis(at).to_string())})
    }

    /// The customer and the practitioner go on. The outcome is sent once.
    fn advance(&mut self, index: usize, approves: bool, now: i64) {
        let Some(it) = self.sessions.get_mut(index) else { return };
        (it.status, it.expires) = match (it.status, approves) {
            ("pending", _) => ("processing", None),
            ("processing", true) => ("approved", Some(now + YEAR)),
            ("processing", false) => ("rejected", None),
            _ => return,
        };
        if matches!(it.status, "approved" | "rejected") {
            let report = Self::report(it);
            let body = if self.is_signed {
                json!({"webhook_delivery_id": format!("d_{}", self.webhooks.len()),
                    "event_type": "qualification_session.complete", "data": report})
            } else {
                report
            };
            self.webhooks.push(Webhook::json(&body));
        }
    }

    fn update(&mut self, request: &SentRequest, id: &str) -> (u16, Value) {
        let Some(index) = self.sessions.iter().position(|it| it.id == id) else { return not_found() };
        let key = request.body["idempotency_key"].as_str().unwrap_or_default().to_owned();
        let before = self.updates.entry(key).or_insert_with(|| request.body.clone());
        if *before != request.body {
            self.wrong.get_or_insert(format!("one key with two bodies: {before} and {}", request.body));
            return (400, json!({"error": "idempotency_key_reused", "message": "another payload"}));
        }
        let (it, user_id) = (&mut self.sessions[index], request.body["user_id"].clone());
        if !user_id.is_null() && !it.user_id.is_null() && it.user_id != user_id {
            return (409, json!({"error": "user_id_already_set", "message": "the session has a user"}));
        }
        if !user_id.is_null() {
            it.user_id = user_id;
        }
        (200, json!({"qualification_session_id": it.id, "status": it.status}))
    }
}

impl Provider for Qualifications {
    fn command(&self, chance: &mut Chance<'_>) -> Value {
        match chance.below(8) {
            0..3 => json!({"type": "create_qualification_session", "success_url": "https://shop.example/ok",
                "failure_url": "https://shop.example/no",
                "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}]}),
            3 => json!({"type": "update_qualification_session", "user_id": "u1"}),
            4 => json!({"type": "update_qualification_session", "user_id": "u2"}),
            5 => json!({"type": "update_qualification_session", "success_url": "https://shop.example/new"}),
            _ => json!({"type": "retrieve_qualification_session"}),
        }
    }

    fn perform(&mut self, request: &SentRequest, chance: &mut Chance<'_>, _now: i64) -> (u16, String) {
        let (method, path) = request.route();
        let (status, body) = match (method, &path[..]) {
            ("POST", ["api", "v1", "qualification_session", "create"]) if chance.below(6) == 5 => {
                (400, json!({"error": "ValidationError", "message": "order_items"}))
            }
            ("POST", ["api", "v1", "qualification_session", "create"]) => {
                let id = format!("qs_{}", self.sessions.len() + 1);
                let user_id = request.body["user_id"].clone();
                self.sessions.push(Session {
                    id: id.clone(),
                    status: "pending",
                    user_id,
                    expires: None,
                    is_known: false,
                });
                (
                    200,
                    json!({"qualification_session_id": id, "redirect_url": format!("https://truemed.example/q/{id}")}),
                )
            }
            ("POST", ["api", "v1", "qualification_session", id, "update"]) => self.update(request, id),
            ("GET", ["api", "v1", "qualification_session", id]) => match self.sessions.iter().find(|it| it.id == *id) {
                Some(it) => (200, Self::report(it)),
                None => not_found(),
            },
            _ => panic!("not a path of Truemed: {method} {path:?}"),
        };
        (status, body.to_string())
    }

    fn act(&mut self, chance: &mut Chance<'_>, now: i64) {
        let open: Vec<_> = (0..self.sessions.len()).filter(|index| self.sessions[*index].is_known).collect();
        if let Some(index) = chance.one(&open).copied() {
            self.advance(index, chance.below(3) > 0, now);
        }
    }

    fn calm(&mut self, now: i64) {
        for index in 0..self.sessions.len() {
            if self.sessions[index].is_known {
                self.advance(index, true, now);
            }
        }
    }

    fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    fn forged(&self, _chance: &mut Chance<'_>) -> Webhook {
        let id = self.sessions.last().map(|it| it.id.clone()).unwrap_or_default();
        Webhook::json(&json!({"qualification_session_id": id, "status": "approved", "expires_at": "2028-01-01"}))
    }

    fn review(&mut self, question: Question<'_>, _now: i64) -> Verdict {
        let status = self.sessions.iter().find(|it| it.id == question.about).map(|it| it.status);
        if let Some(status) = status.filter(|status| question.has(status)) {
            return (status.to_owned(), None);
        }
        let order = ["keep_waiting", "keep", "retry", "seen", "stop_waiting", "not_changed", "not_updated", "give_up"];
        (order.into_iter().find(|it| question.has(it)).unwrap_or("no verdict").to_owned(), None)
    }

    fn host_saved(&mut self, row: &str) {
        self.sessions.iter_mut().filter(|it| row.contains(&format!("\"{}\"", it.id))).for_each(|it| it.is_known = true);
        let is_approved = self.sessions.iter().any(|it| it.status == "approved");
        if row.contains("\"state\":\"approved\"") && !is_approved {
            self.wrong.get_or_insert("the row says `approved`, and Truemed has approved nothing".into());
        }
    }

    fn is_paid(&self, _about: &str) -> bool {
        false
    }

    fn wrong(&self) -> Option<String> {
        self.wrong.clone()
    }

    fn paid(&self, _has_webhooks: bool) -> Vec<String> {
        Vec::new()
    }
}

fn not_found() -> (u16, Value) {
    (404, json!({"error": "NotFound", "message": "no such session"}))
}
