//! Truemed's payment sessions: created, charged, captured, voided, canceled, refunded.

use serde_json::{Value, json};

use super::replies::not_found;
use super::{Action, Kind, Refund, SentRequest, Session, Truemed, b12, session_of};
use crate::chance::Chance;

/// How many sessions a page of the list has.
const PAGE: usize = 30;

impl Truemed {
    pub(super) fn session_command(&self, which: usize, more: usize) -> Value {
        let id = self.sessions.first().map(|it| it.id.clone());
        match which {
            0..3 => session_of(&b12(), "the one"),
            3..5 => {
                let mut command = session_of(&b12(), "the one");
                command["kind"] = "authorization".into();
                command
            }
            5 | 6 => {
                let amount = [1500, 1500, 1000, 500][more];
                json!({"type": "capture_payment_session", "total_amount": amount})
            }
            7 => json!({"type": "void_payment_session"}),
            8 => json!({"type": "cancel_payment_session"}),
            9 => json!({"type": "retrieve_payment_session", "payment_session_id": id}),
            _ => {
                let (intent, amount) = [("r1", 500), ("r2", 400), ("r3", 1500), ("r4", 100)][more];
                json!({"type": "create_refund", "intent": intent, "amount": amount, "reason": "customer_request",
                    "extra": {"x_mark": intent}})
            }
        }
    }

    /// Creates a session, or charges a token.
    pub(super) fn create(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let (body, mark) = (&request.body, request.mark());
        let token = body["payment_token"].as_str();
        let open = self.sessions.iter().find(|it| it.mark == mark && !["rejected", "canceled"].contains(&it.status));
        if let Some(open) = open.filter(|it| token.is_some() || it.captured > 0).map(|it| it.id.clone()) {
            self.blame(format!("a second charge: `{mark}` is sent as {}, and {open} may be paid", request.key));
        }
        if let Some(token) = token {
            if self.live(token).is_none() {
                return (400, json!({"error": "NotFound", "message": "token"}));
            }
            // A later sending is the same as the first. The key makes both one charge.
            if request.sending == 1 {
                self.check_charge(&mark, &body["order_items"]);
            }
            if let Some(it) = self.actions.iter().find(|it| it.kind != Kind::Provision) {
                return (422, json!({"redirect_url": it.url}));
            }
            if chance.below(4) == 3 {
                return self.fail(request, chance, now);
            }
        }
        let id = self.add_session(request, "pending", now);
        if token.is_some() && chance.below(2) == 1 {
            self.set_status(&id, "processing");
        }
        (200, json!({"id": id, "redirect_url": format!("https://truemed.example/c/{id}")}))
    }

    /// Notes a charge while the customer must act, or of items that are not confirmed.
    fn check_charge(&mut self, mark: &str, items: &Value) {
        let open = |url: &&String| self.actions.iter().any(|it| it.url == **url);
        if let Some(url) = self.known_actions.iter().find(open).cloned() {
            self.blame(format!("a charge while the customer must act: `{mark}`, at {url}"));
        }
        let confirmed = self.tokens.iter().find(|it| !it.is_deleted).and_then(|it| it.items.clone());
        if confirmed.as_ref().is_some_and(|it| it != items) {
            self.blame(format!("a charge of items that are not confirmed: `{mark}`"));
        }
    }

    /// A charge fails because of the card or the letter.
    fn fail(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let id = self.add_session(request, "rejected", now);
        let url = format!("https://truemed.example/r/{id}");
        self.actions.push(Action {
            id: id.clone(),
            kind: Kind::Repair,
            metadata: Value::Null,
            items: None,
            url: url.clone(),
        });
        let mut reply = json!({"redirect_url": url});
        if chance.below(2) == 0 {
            reply["payment_session_id"] = id.into();
        }
        if chance.below(2) == 0 {
            reply["error"] = ["UpdatePaymentMethod", "TakeHealthSurvey"][chance.below(2)].into();
        }
        ([422, 422, 402, 400][chance.below(4)], reply)
    }

    fn add_session(&mut self, request: &SentRequest, status: &'static str, now: i64) -> String {
        let id = self.name("ps");
        self.sessions.push(Session {
            id: id.clone(),
            key: request.key.clone(),
            mark: request.mark(),
            status,
            amount: request.body["total_amount"].as_i64().unwrap_or_default(),
            captured: 0,
            body: request.body.clone(),
            created: now,
        });
        id
    }

    pub(super) fn is_undecided(&self, index: usize) -> bool {
        matches!(self.sessions[index].status, "pending" | "processing")
    }

    /// The customer pays or does not, or Truemed's review decides.
    pub(super) fn settle(&mut self, index: usize, chance: &mut Chance<'_>) {
        let it = &self.sessions[index];
        let good = if it.body["kind"] == "authorization" { "authorized" } else { "captured" };
        let unpaid = if it.status == "pending" { "canceled" } else { "rejected" };
        let status = [good, good, "processing", unpaid][chance.below(4)];
        let id = it.id.clone();
        self.set_status(&id, status);
    }

    /// Changes the status of a session, and sends a webhook.
    fn set_status(&mut self, id: &str, status: &'static str) {
        let Some(it) = self.sessions.iter_mut().find(|it| it.id == id) else { return };
        if it.status == status {
            return;
        }
        it.status = status;
        if status == "captured" {
            it.captured = it.amount;
        }
        let (body, captured) = (it.body.clone(), it.captured);
        let metadata = body["metadata"].clone();
        let mut event = json!({"payment_session_id": id, "status": status, "metadata": metadata});
        if captured > 0 || body["kind"] != "authorization" {
            event["capture_amount"] = captured.max(total_of(&body)).into();
        }
        if status == "captured" && body["tokenize"] == true {
            let token = self.name("pt");
            self.tokens.push(super::Token {
                id: token.clone(),
                is_deleted: false,
                items: Some(body["order_items"].clone()),
            });
            event["payment_token"] = token.clone().into();
            self.webhook(json!({"payment_token": token, "payment_session_id": id, "metadata": metadata}));
        } else if body["payment_token"].is_string() {
            event["payment_token"] = body["payment_token"].clone();
        }
        self.webhook(event);
    }

    pub(super) fn session_json(it: &Session) -> Value {
        let created_at = iso(it.created);
        json!({"id": it.id, "status": it.status, "metadata": it.body["metadata"], "total_amount": it.amount,
            "capture_amount": (it.captured > 0).then_some(it.captured), "created_at": created_at, "kind": it.body["kind"],
            "payment_token": it.body["payment_token"], "order_items": it.body["order_items"]})
    }

    pub(super) fn list(&self, request: &SentRequest) -> (u16, Value) {
        let page: usize = request.query.get("page").and_then(|it| it.parse().ok()).unwrap_or(1);
        let newest: Vec<_> = self.sessions.iter().rev().map(Self::session_json).collect();
        let some: Vec<_> = newest.iter().skip((page.max(1) - 1) * PAGE).take(PAGE).collect();
        let last = newest.len().div_ceil(PAGE).max(1);
        let pagination = json!({"current_page": page, "page_size": PAGE, "count": newest.len(), "last_page": last});
        (200, json!({"payment_sessions": some, "pagination": pagination}))
    }

    /// Captures, voids or cancels.
    pub(super) fn end(&mut self, id: &str, verb: &str, body: &Value, chance: &mut Chance<'_>) -> (u16, Value) {
        let Some(it) = self.sessions.iter_mut().find(|it| it.id == id) else { return not_found() };
        let refuse = |code: &str| (400, json!({"error": code, "message": "no"}));
        match (verb, it.status) {
            ("capture", "authorized") => {
                let amount = body["total_amount"].as_i64().unwrap_or_default();
                if amount <= 0 || amount > it.amount {
                    return refuse("TotalAmountInvalid");
                }
                it.amount = amount;
                self.set_status(id, "captured");
            }
            ("void", "authorized") => self.set_status(id, "authorization_voided"),
            ("cancel", "pending") => self.set_status(id, "canceled"),
            ("capture" | "void", "captured") => return refuse("SessionCaptured"),
            ("capture" | "void", "authorization_voided") => return refuse("SessionVoided"),
            ("cancel", _) => return (400, json!({"error": "SessionNotPending", "message": "no"})),
            _ => return refuse("SessionPending"),
        }
        if chance.below(8) == 7 {
            // The documents say to send the same key again.
            return refuse("ServerError");
        }
        if verb == "cancel" {
            return (200, json!({"status": "canceled"}));
        }
        let id = self.name(verb);
        (200, json!({ "id": id }))
    }

    pub(super) fn refund(&mut self, request: &SentRequest) -> (u16, Value) {
        let (session, amount) =
            (request.body["payment_id"].as_str().unwrap_or_default(), request.body["amount"].as_i64());
        let refuse = |code: &str| (400, json!({"error": code, "message": "no"}));
        let Some(it) = self.sessions.iter().find(|it| it.id == session) else { return refuse("InvalidPaymentId") };
        let refunded: i64 = self.refunds.iter().filter(|it| it.session == session).map(|it| it.amount).sum();
        let Some(amount) = amount.filter(|amount| *amount > 0 && refunded + amount <= it.captured) else {
            return refuse(if it.captured > 0 { "AmountInvalid" } else { "NoSessionCaptures" });
        };
        let mark = request.mark();
        if let Some(other) = self.refunds.iter().find(|it| it.mark == mark).map(|it| it.id.clone()) {
            self.blame(format!("a second refund: `{mark}` is sent as {}, and {other} was made", request.key));
        }
        let id = self.name("ref");
        let session = session.to_owned();
        self.refunds.push(Refund { id: id.clone(), key: request.key.clone(), mark, session, amount });
        (200, json!({ "refund_id": id }))
    }
}

fn total_of(body: &Value) -> i64 {
    body["total_amount"].as_i64().unwrap_or_default()
}

fn iso(millis: i64) -> String {
    rulebound::time::Timestamp::from_millis(millis).to_string()
}
