//! Truemed, played from its documents: tokens, provision requests, sessions, and what the customer does with them.

mod answers;
mod person;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::provider::{Asked, Got, Judged, Provider, Signal};
use crate::chance::Chance;

/// A stored payment method.
#[derive(Debug)]
struct Token {
    id: String,
    is_deleted: bool,
    /// What the customer subscribes to, as Truemed has taken it in; not known of a token from before.
    items: Option<Value>,
}

/// Something that waits for the customer.
#[derive(Debug)]
struct Action {
    /// The provision request, or the session that failed.
    id: String,
    kind: Kind,
    metadata: Value,
    /// The items that are confirmed with it.
    items: Option<Value>,
    url: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// A first survey, at whose end there is a token.
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

/// Truemed, as far as one sales channel sees it.
#[derive(Debug)]
pub(super) struct Truemed {
    is_token: bool,
    row: String,
    tokens: Vec<Token>,
    actions: Vec<Action>,
    /// The updates that were taken in, by the keys of their requests, and the provision requests that they became.
    updates: BTreeMap<String, String>,
    /// Provision requests that are over: their ids, and the token if they made one.
    provisions: BTreeMap<String, Option<String>>,
    sessions: Vec<Session>,
    refunds: Vec<Refund>,
    /// What was answered under each idempotency key.
    answered: BTreeMap<String, (u16, String)>,
    signals: Vec<Signal>,
    count: usize,
    /// Actions that the host was told of, by their ids or their URLs.
    known_actions: BTreeSet<String>,
    wrong: Option<String>,
}

impl Truemed {
    pub(super) fn token(row: &str, kind: u8) -> Self {
        let mut it = Self::session(row, kind);
        it.is_token = true;
        if kind % 4 == 3 {
            // A token from before, whose items nobody has told.
            it.tokens.push(Token { id: "pt_old".into(), is_deleted: false, items: None });
        }
        it
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
            answered: BTreeMap::new(),
            signals: Vec::new(),
            count: 0,
            known_actions: BTreeSet::new(),
            wrong: None,
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}_{}", self.count)
    }

    /// The token that can be charged.
    fn live(&self, id: &str) -> Option<&Token> {
        self.tokens.iter().find(|it| it.id == id && !it.is_deleted)
    }

    fn signal(&mut self, body: Value) {
        self.signals.push(Signal::json(&body));
    }

    /// The first thing that went wrong counts.
    fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// The customer has done what was asked.
    fn complete(&mut self, at: usize) {
        let action = self.actions.remove(at);
        if action.kind == Kind::Provision {
            let id = self.name("pt");
            self.tokens.push(Token { id: id.clone(), is_deleted: false, items: action.items });
            self.provisions.insert(action.id.clone(), Some(id.clone()));
            return self.signal(
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
            self.signal(json!({"payment_token": id, "provision_token_request_id": action.id}));
        } else {
            self.signal(json!({"payment_token": id, "failed_payment_session_id": action.id}));
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
                let mut it = session_of(&items, "first");
                it["tokenize"] = true.into();
                it
            }
            3..9 => {
                let intent = ["m1", "m2", "m3", "m4"][more];
                // What the host ships this month is what it charges for.
                let confirmed = self.tokens.iter().find(|it| !it.is_deleted).and_then(|it| it.items.clone());
                let mut it = session_of(&confirmed.unwrap_or_else(b12), intent);
                it["payment_token"] = token.into();
                it["intent"] = intent.into();
                it
            }
            9 | 10 => json!({"type": "update_payment_token", "order_items": items}),
            11 => json!({"type": "update_payment_token", "update_card_info": true}),
            12 => json!({"type": "retrieve_payment_token", "payment_token": token}),
            13 => json!({"type": "retrieve_provision_token_request"}),
            14 if more == 3 => json!({"type": "delete_payment_token"}),
            _ => json!({"type": "retrieve_payment_session"}),
        }
    }

    fn perform(&mut self, got: &Got, chance: &mut Chance<'_>, now: i64) -> (u16, String) {
        let (status, body) = self.answer(got, chance, now);
        (status, if body.is_null() { String::new() } else { body.to_string() })
    }

    fn act(&mut self, chance: &mut Chance<'_>, _now: i64) {
        let moving: Vec<_> = (0..self.sessions.len()).filter(|it| self.moves(*it)).collect();
        let which = chance.below(self.actions.len() + moving.len());
        match which.checked_sub(self.actions.len()) {
            Some(index) if index < moving.len() => self.settle(moving[index], chance),
            Some(_) => {}
            // Some customers close the page, and nothing ever comes of it.
            None if chance.below(8) == 7 => drop(self.actions.remove(which)),
            None => self.complete(which),
        }
    }

    fn calm(&mut self, _now: i64) {
        while !self.actions.is_empty() {
            self.complete(0);
        }
        while let Some(index) = (0..self.sessions.len()).find(|it| self.moves(*it)) {
            self.settle(index, &mut Chance::new(&[]));
        }
    }

    fn signals(&self) -> &[Signal] {
        &self.signals
    }

    fn forged(&self, chance: &mut Chance<'_>) -> Signal {
        let session = self.sessions.last().map_or("ps_1", |it| it.id.as_str());
        Signal::json(&match chance.below(3) {
            0 => {
                json!({"payment_session_id": session, "status": "captured", "capture_amount": 1500, "metadata": self.row})
            }
            1 => json!({"payment_token": "pt_evil", "provision_token_request_id": "ptr_1", "metadata": self.row}),
            _ => json!({"payment_token": "pt_evil", "failed_payment_session_id": session}),
        })
    }

    fn judge(&mut self, asked: Asked<'_>, _now: i64) -> Judged {
        self.say(asked)
    }

    fn told(&mut self, _effect: &str, _status: u16, body: &str) {
        let said: Value = serde_json::from_str(body.trim_start_matches('\u{feff}')).unwrap_or_default();
        let is_open = |url: &&str| self.actions.iter().any(|it| it.url == **url && it.kind != Kind::Provision);
        if let Some(url) = said["redirect_url"].as_str().filter(is_open) {
            self.known_actions.insert(url.to_owned());
        }
    }

    fn forgotten(&mut self) {
        self.known_actions.clear();
    }

    fn is_paid(&self, of: &str) -> bool {
        self.sessions.iter().any(|it| it.id == of && it.captured > 0)
    }

    fn wrong(&self) -> Option<String> {
        self.wrong.clone()
    }

    fn paid(&self, _is_told: bool) -> Vec<String> {
        self.sessions.iter().filter(|it| it.status == "captured").map(|it| it.id.clone()).collect()
    }
}
