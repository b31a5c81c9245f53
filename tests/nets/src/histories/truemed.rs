//! Truemed, modeled from its documents: tokens, provision requests, sessions, and the customer's actions.

mod replies;
mod person;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::provider::{Provider, Question, SentRequest, Verdict, Webhook};
use crate::chance::Chance;

/// A stored payment method.
#[derive(Debug)]
struct Token {
    id: String,
    is_deleted: bool,
    /// The items that Truemed has confirmed. Not known for a token from before.
    items: Option<Value>,
}

/// An action that waits for the customer.
#[derive(Debug)]
struct Action {
    /// The provision request, or the session that failed.
    id: String,
    kind: Kind,
    metadata: Value,
    /// The items that it confirms.
    items: Option<Value>,
    url: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The first survey, which creates a token.
    Provision,
    /// A change of the token.
    Update,
    /// A charge that failed.
    Repair,
}

/// A payment session.
#[derive(Clone, Debug)]
struct Session {
    id: String,
    key: String,
    mark: String,
    status: &'static str,
    amount: i64,
    captured: i64,
    body: Value,
    created: i64,
}

/// A refund.
#[derive(Debug)]
struct Refund {
    id: String,
    key: String,
    mark: String,
    session: String,
    amount: i64,
}

/// Truemed, for one sales channel.
#[derive(Debug)]
pub(super) struct Truemed {
    is_token: bool,
    row: String,
    tokens: Vec<Token>,
    actions: Vec<Action>,
    /// The accepted updates: the key of each request, and its provision request.
    updates: BTreeMap<String, String>,
    /// The provision requests: their ids, and the token of a completed one.
    provisions: BTreeMap<String, Option<String>>,
    sessions: Vec<Session>,
    refunds: Vec<Refund>,
    /// The reply to each idempotency key.
    replies: BTreeMap<String, (u16, String)>,
    webhooks: Vec<Webhook>,
    count: usize,
    /// The URLs of the actions that the host knows.
    known_actions: BTreeSet<String>,
    wrong: Option<String>,
}

impl Truemed {
    pub(super) fn token(row: &str, kind: u8) -> Self {
        let mut model = Self::session(row, kind);
        model.is_token = true;
        if kind % 4 == 3 {
            // A token from before, whose items are not known.
            model.tokens.push(Token { id: "pt_old".into(), is_deleted: false, items: None });
        }
        model
    }

    pub(super) fn session(row: &str, _kind: u8) -> Self {
        Self {
            is_token: false,
            row: row.to_owned(),
            tokens: Vec::new(),
            actions: Vec::new(),
            updates: BTreeMap::new(),
            provisions: BTreeMap::new(),
            sessions: Vec::new(),
            refunds: Vec::new(),
            replies: BTreeMap::new(),
            webhooks: Vec::new(),
            count: 0,
            known_actions: BTreeSet::new(),
            wrong: None,
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}_{}", self.count)
    }

    /// The live token with an id.
    fn live(&self, id: &str) -> Option<&Token> {
        self.tokens.iter().find(|it| it.id == id && !it.is_deleted)
    }

    fn webhook(&mut self, body: Value) {
        self.webhooks.push(Webhook::json(&body));
    }

    /// Notes what went wrong. Only the first entry counts.
    fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// The customer completes an action.
    fn complete(&mut self, index: usize) {
        let action = self.actions.remove(index);
        if action.kind == Kind::Provision {
            let id = self.name("pt");
            self.tokens.push(Token { id: id.clone(), is_deleted: false, items: action.items });
            self.provisions.insert(action.id.clone(), Some(id.clone()));
            return self.webhook(
                json!({"payment_token": id, "provision_token_request_id": action.id, "metadata": action.metadata}),
            );
        }
        let Some(token) = self.tokens.iter_mut().find(|it| !it.is_deleted) else { return };
        if action.items.is_some() {
            token.items = action.items;
        }
        let id = token.id.clone();
        if action.kind == Kind::Update {
            self.provisions.insert(action.id.clone(), Some(id.clone()));
            self.webhook(json!({"payment_token": id, "provision_token_request_id": action.id}));
        } else {
            self.webhook(json!({"payment_token": id, "failed_payment_session_id": action.id}));
        }
    }
}

fn b12() -> Value {
    json!([{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}])
}

fn magnesium() -> Value {
    json!([{"name": "Magnesium", "sku": "mg", "quantity": 1, "price": 1200}])
}

fn total(items: &Value) -> i64 {
    items.as_array().into_iter().flatten().filter_map(|it| it["price"].as_i64()).sum()
}

fn session_of(items: &Value, mark: &str) -> Value {
    json!({"type": "create_payment_session", "total_amount": total(items), "order_items": items,
        "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/cancel", "extra": {"x_mark": mark}})
}

impl Provider for Truemed {
    fn command(&self, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(16), chance.below(4));
        if !self.is_token {
            return self.session_command(which, more);
        }
        let items = if more % 2 == 0 { b12() } else { magnesium() };
        let token = self.tokens.iter().find(|it| !it.is_deleted).map_or("pt_old", |it| it.id.as_str());
        match which {
            0 | 1 => json!({"type": "create_payment_token", "order_items": items,
                "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/cancel"}),
            2 => {
                let mut command = session_of(&items, "first");
                command["tokenize"] = true.into();
                command
            }
            3..9 => {
                let intent = ["m1", "m2", "m3", "m4"][more];
                // The host charges the items that it ships.
                let confirmed = self.tokens.iter().find(|it| !it.is_deleted).and_then(|it| it.items.clone());
                let mut command = session_of(&confirmed.unwrap_or_else(b12), intent);
                command["payment_token"] = token.into();
                command["intent"] = intent.into();
                command
            }
            9 | 10 => json!({"type": "update_payment_token", "order_items": items}),
            11 => json!({"type": "update_payment_token", "update_card_info": true}),
            12 => json!({"type": "retrieve_payment_token", "payment_token": token}),
            13 => json!({"type": "retrieve_provision_token_request"}),
            14 if more == 3 => json!({"type": "delete_payment_token"}),
            _ => json!({"type": "retrieve_payment_session"}),
        }
    }

    fn perform(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, String) {
        let (status, body) = self.reply(request, chance, now);
        (status, if body.is_null() { String::new() } else { body.to_string() })
    }

    fn act(&mut self, chance: &mut Chance<'_>, _now: i64) {
        let undecided: Vec<_> = (0..self.sessions.len()).filter(|it| self.is_undecided(*it)).collect();
        let which = chance.below(self.actions.len() + undecided.len());
        match which.checked_sub(self.actions.len()) {
            Some(index) if index < undecided.len() => self.settle(undecided[index], chance),
            Some(_) => {}
            // Some customers close the page, and the action never ends.
            None if chance.below(8) == 7 => drop(self.actions.remove(which)),
            None => self.complete(which),
        }
    }

    fn calm(&mut self, _now: i64) {
        while !self.actions.is_empty() {
            self.complete(0);
        }
        while let Some(index) = (0..self.sessions.len()).find(|it| self.is_undecided(*it)) {
            self.settle(index, &mut Chance::new(&[]));
        }
    }

    fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    fn forged(&self, chance: &mut Chance<'_>) -> Webhook {
        let session = self.sessions.last().map_or("ps_1", |it| it.id.as_str());
        Webhook::json(&match chance.below(3) {
            0 => {
                json!({"payment_session_id": session, "status": "captured", "capture_amount": 1500, "metadata": self.row})
            }
            1 => json!({"payment_token": "pt_evil", "provision_token_request_id": "ptr_1", "metadata": self.row}),
            _ => json!({"payment_token": "pt_evil", "failed_payment_session_id": session}),
        })
    }

    fn review(&mut self, question: Question<'_>, _now: i64) -> Verdict {
        self.verdict(question)
    }

    fn host_got_reply(&mut self, _effect: &str, _status: u16, body: &str) {
        let reply: Value = serde_json::from_str(body.trim_start_matches('\u{feff}')).unwrap_or_default();
        let is_open = |url: &&str| self.actions.iter().any(|it| it.url == **url && it.kind != Kind::Provision);
        if let Some(url) = reply["redirect_url"].as_str().filter(is_open) {
            self.known_actions.insert(url.to_owned());
        }
    }

    fn host_restored(&mut self) {
        self.known_actions.clear();
    }

    fn is_paid(&self, about: &str) -> bool {
        self.sessions.iter().any(|it| it.id == about && it.captured > 0)
    }

    fn wrong(&self) -> Option<String> {
        self.wrong.clone()
    }

    fn paid(&self, _has_webhooks: bool) -> Vec<String> {
        self.sessions.iter().filter(|it| it.status == "captured").map(|it| it.id.clone()).collect()
    }
}
