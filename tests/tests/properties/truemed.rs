//! A double of Truemed: it answers requests as its documents say, and sends webhooks.

use std::collections::BTreeMap;

use rulebound::Request;
use serde_json::{Value, json};

/// How well one thing goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Luck(pub(crate) u8);

impl Luck {
    /// Everything goes well.
    pub(crate) const GOOD: Self = Self(255);

    /// One of several, the last being the best and the most likely.
    fn of<T: Copy, const N: usize>(self, all: [T; N]) -> T {
        let bad = usize::from((255 - self.0) / 8) % (N + 2);
        all[if bad < N { N - 1 - bad } else { N - 1 }]
    }
}

/// A session at Truemed.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    key: String,
    status: &'static str,
    metadata: Value,
    is_held: bool,
    makes_token: bool,
}

/// Truemed: what it knows, and what it has to say.
#[derive(Debug, Default)]
pub(crate) struct Truemed {
    sessions: Vec<Session>,
    /// Requests that wait for the customer: their ids, what they are called in a webhook, and their metadata.
    open: Vec<(String, &'static str, Value)>,
    /// Provision requests that have made the token.
    provisioned: Vec<String>,
    is_issued: bool,
    is_deleted: bool,
    /// What was answered under each idempotency key.
    answered: BTreeMap<String, (u16, Value)>,
    sent: Vec<String>,
    count: usize,
}

impl Truemed {
    /// The answer to a request; none if the request or its answer is lost.
    pub(crate) fn answer(&mut self, request: &Request, luck: Luck) -> Option<(u16, String)> {
        match luck.0 % 16 {
            0 => return None,
            2 => return Some((500, String::new())),
            4 => return Some((429, String::new())),
            _ => {}
        }
        let (status, body) = self.perform(request, luck);
        (luck.0 % 8 != 1).then(|| (status, if body.is_null() { String::new() } else { body.to_string() }))
    }

    fn perform(&mut self, request: &Request, luck: Luck) -> (u16, Value) {
        let body: Value = serde_json::from_str(request.body.as_deref().unwrap_or("null")).unwrap();
        let path: Vec<_> = request.url.split('/').skip(3).collect();
        match path[..] {
            ["api", "v1", "payment_tokens", "create"] => self.provision(&body),
            ["api", "v1", "payment_tokens", "provision_request", id] => {
                let token = self.provisioned.iter().any(|it| it == id).then_some("pt_1");
                (200, json!({ "payment_token": token }))
            }
            ["api", "v1", "payment_tokens", _] if self.has_token() => (200, json!({"payment_token": "pt_1"})),
            ["api", "v1", "payment_tokens", ..] if !self.has_token() => (404, Value::Null),
            ["api", "v1", "payment_tokens", _, "delete"] => {
                self.is_deleted = true;
                (204, Value::Null)
            }
            ["api", "v1", "payment_tokens", _, "update"] => self.update(luck),
            ["payments", "v1", "payment_session", id] => match self.sessions.iter().find(|it| it.id == id) {
                Some(it) => (200, json!({"id": id, "status": it.status})),
                None => (404, Value::Null),
            },
            _ => {
                let key = request.idempotency_key.clone();
                if let Some(answer) = self.answered.get(&key) {
                    return answer.clone();
                }
                let answer = match path[..] {
                    ["payments", "v1", "create_payment_session"] => self.create(&key, &body, luck),
                    ["payments", "v1", "refund"] => (200, json!({"refund_id": "ref_1"})),
                    ["payments", "v1", "payment_session", id, verb] => self.end(id, verb),
                    _ => unreachable!("{} is no address of Truemed's", request.url),
                };
                self.answered.insert(key, answer.clone());
                answer
            }
        }
    }

    const fn has_token(&self) -> bool {
        self.is_issued && !self.is_deleted
    }

    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}_{}", self.count)
    }

    fn provision(&mut self, body: &Value) -> (u16, Value) {
        let id = self.name("ptr");
        self.open.push((id.clone(), "provision_token_request_id", body["metadata"].clone()));
        (200, json!({"provision_token_request_id": id, "redirect_url": "https://truemed.example/q/1"}))
    }

    fn update(&mut self, luck: Luck) -> (u16, Value) {
        let action = luck.of([Some("TakeHealthSurvey"), Some("UpdatePaymentMethod"), None]);
        let Some(action) = action else { return (200, json!({})) };
        let id = self.name("ptr");
        self.open.push((id.clone(), "provision_token_request_id", Value::Null));
        let mut answer = json!({"next_action": action, "redirect_url": "https://truemed.example/q/1"});
        if luck.0.is_multiple_of(2) {
            answer["provision_token_request_id"] = id.into();
        }
        (200, answer)
    }

    fn create(&mut self, key: &str, body: &Value, luck: Luck) -> (u16, Value) {
        let is_charge = body.get("payment_token").is_some();
        if is_charge && !self.has_token() {
            return (400, json!({"error": "NotFound", "message": "token"}));
        }
        let id = self.name("ps");
        let mut answer = json!({"redirect_url": "https://truemed.example/c/1"});
        if is_charge && luck.of([true, true, false]) {
            if luck.0.is_multiple_of(2) {
                answer["payment_session_id"] = id.clone().into();
            }
            self.open.push((id, "failed_payment_session_id", Value::Null));
            return (422, answer);
        }
        answer["id"] = id.clone().into();
        let (is_held, makes_token) = (body["kind"] == "authorization", body["tokenize"] == true);
        let metadata = body["metadata"].clone();
        self.sessions.push(Session { id, key: key.into(), status: "pending", metadata, is_held, makes_token });
        (200, answer)
    }

    fn end(&mut self, id: &str, verb: &str) -> (u16, Value) {
        let Some(index) = self.sessions.iter().position(|it| it.id == id) else { return (404, Value::Null) };
        let status = match (verb, self.sessions[index].status) {
            ("capture", "authorized") => "captured",
            ("void", "authorized") => "authorization_voided",
            ("cancel", "pending") => "canceled",
            _ => return (400, json!({"error": "SessionPending", "message": ""})),
        };
        self.stands(index, status);
        (200, json!({}))
    }

    /// The customer or Truemed's review ends one of the things that are open.
    pub(crate) fn settle(&mut self, which: usize, luck: Luck) {
        let moving: Vec<_> = (0..self.sessions.len()).filter(|it| self.moves(*it)).collect();
        let all = self.open.len() + moving.len();
        if all == 0 {
            return;
        }
        let which = which % all;
        if let Some(index) = which.checked_sub(self.open.len()) {
            let index = moving[index];
            let good = if self.sessions[index].is_held { "authorized" } else { "captured" };
            let unpaid = if self.sessions[index].status == "pending" { "canceled" } else { "rejected" };
            return self.stands(index, luck.of(["processing", unpaid, "rejected", good]));
        }
        let (id, named, metadata) = self.open.remove(which);
        self.is_issued = true;
        if named == "provision_token_request_id" {
            self.provisioned.push(id.clone());
        }
        self.send(json!({"payment_token": "pt_1", named: id, "metadata": metadata}));
    }

    fn moves(&self, index: usize) -> bool {
        matches!(self.sessions[index].status, "pending" | "processing")
    }

    fn stands(&mut self, index: usize, status: &'static str) {
        let it = &mut self.sessions[index];
        it.status = status;
        let (id, metadata) = (it.id.clone(), it.metadata.clone());
        if it.makes_token && status == "captured" {
            self.is_issued = true;
            self.send(json!({"payment_token": "pt_1", "payment_session_id": id, "metadata": metadata}));
        }
        let amount = (status == "captured").then_some(1500);
        self.send(json!({"payment_session_id": id, "status": status, "capture_amount": amount, "metadata": metadata}));
    }

    fn send(&mut self, webhook: Value) {
        self.sent.push(webhook.to_string());
    }

    /// Everything that is open ends well.
    pub(crate) fn settle_all(&mut self) {
        while !self.open.is_empty() || (0..self.sessions.len()).any(|it| self.moves(it)) {
            self.settle(0, Luck::GOOD);
        }
    }

    /// One of the webhooks that were ever sent.
    pub(crate) fn webhook(&self, which: usize) -> Option<String> {
        self.sent.get(which % self.sent.len().max(1)).cloned()
    }

    pub(crate) fn webhooks(&self) -> usize {
        self.sent.len()
    }

    /// The idempotency key under which a session was made.
    pub(crate) fn key_of(&self, id: &str) -> Option<String> {
        self.sessions.iter().find(|it| it.id == id).map(|it| it.key.clone())
    }

    pub(crate) fn captured(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter().filter(|it| it.status == "captured")
    }
}
