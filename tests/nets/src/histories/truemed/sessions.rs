//! Truemed's payment sessions: made, charged, captured, voided, canceled, given back.

use serde_json::{Value, json};

use super::answers::not_found;
use super::{Action, Got, Kind, Refund, Session, Truemed, b12, session_of};
use crate::chance::Chance;

/// How many sessions stand on a page of the list.
const PAGE: usize = 30;

impl Truemed {
    pub(super) fn session_command(&self, which: usize, more: usize) -> Value {
        let id = self.sessions.first().map(|it| it.id.clone());
        match which {
            0..3 => session_of(&b12(), "the one"),
            3..5 => {
                let mut it = session_of(&b12(), "the one");
                it["kind"] = "authorization".into();
                it
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

    /// Makes a session, or charges a token.
    pub(super) fn create(&mut self, got: &Got, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let (body, mark) = (&got.body, got.mark());
        let token = body["payment_token"].as_str();
        let open = self.sessions.iter().find(|it| it.mark == mark && !["rejected", "canceled"].contains(&it.status));
        if let Some(open) = open.filter(|it| token.is_some() || it.captured > 0).map(|it| it.id.clone()) {
            self.blame(format!("a second charge: `{mark}` is sent as {}, and {open} may be paid", got.key));
        }
        if let Some(token) = token {
            if self.live(token).is_none() {
                return (400, json!({"error": "NotFound", "message": "token"}));
            }
            // What may have been sent before is sent again as it was: the key makes it one charge.
            if got.sending == 1 {
                self.against_the_rules(&mark, &body["order_items"]);
            }
            if let Some(it) = self.actions.iter().find(|it| it.kind != Kind::Provision) {
                return (422, json!({"redirect_url": it.url}));
            }
            if chance.below(4) == 3 {
                return self.fail(got, chance, now);
            }
        }
        let id = self.made(got, "pending", now);
        if token.is_some() && chance.below(2) == 1 {
            self.stands(&id, "processing");
        }
        (200, json!({"id": id, "redirect_url": format!("https://truemed.example/c/{id}")}))
    }

    /// A charge while the customer must act, or of items that Truemed has not taken in.
    fn against_the_rules(&mut self, mark: &str, items: &Value) {
        let open = |url: &&String| self.actions.iter().any(|it| it.url == **url);
        if let Some(url) = self.known_actions.iter().find(open).cloned() {
            self.blame(format!("a charge while the customer must act: `{mark}`, at {url}"));
        }
        let taken_in = self.tokens.iter().find(|it| !it.is_deleted).and_then(|it| it.items.clone());
        if taken_in.as_ref().is_some_and(|it| it != items) {
            self.blame(format!("a charge of items that are not confirmed: `{mark}`"));
        }
    }

    /// The card, or the letter, does not do.
    fn fail(&mut self, got: &Got, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let id = self.made(got, "rejected", now);
        let url = format!("https://truemed.example/r/{id}");
        self.actions.push(Action {
            id: id.clone(),
            kind: Kind::Repair,
            metadata: Value::Null,
            items: None,
            url: url.clone(),
        });
        let mut said = json!({"redirect_url": url});
        if chance.below(2) == 0 {
            said["payment_session_id"] = id.into();
        }
        if chance.below(2) == 0 {
            said["error"] = ["UpdatePaymentMethod", "TakeHealthSurvey"][chance.below(2)].into();
        }
        ([422, 422, 402, 400][chance.below(4)], said)
    }

    fn made(&mut self, got: &Got, status: &'static str, now: i64) -> String {
        let id = self.name("ps");
        self.sessions.push(Session {
            id: id.clone(),
            key: got.key.clone(),
            mark: got.mark(),
            status,
            amount: got.body["total_amount"].as_i64().unwrap_or_default(),
            captured: 0,
            body: got.body.clone(),
            created: now,
        });
        id
    }

    pub(super) fn moves(&self, index: usize) -> bool {
        matches!(self.sessions[index].status, "pending" | "processing")
    }

    /// The customer pays or does not, or Truemed's review decides.
    pub(super) fn settle(&mut self, index: usize, chance: &mut Chance<'_>) {
        let it = &self.sessions[index];
        let good = if it.body["kind"] == "authorization" { "authorized" } else { "captured" };
        let unpaid = if it.status == "pending" { "canceled" } else { "rejected" };
        let status = [good, good, "processing", unpaid][chance.below(4)];
        let id = it.id.clone();
        self.stands(&id, status);
    }

    /// A session stands otherwise from now on, and Truemed says so.
    fn stands(&mut self, id: &str, status: &'static str) {
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
        let mut said = json!({"payment_session_id": id, "status": status, "metadata": metadata});
        if captured > 0 || body["kind"] != "authorization" {
            said["capture_amount"] = captured.max(total_of(&body)).into();
        }
        if status == "captured" && body["tokenize"] == true {
            let token = self.name("pt");
            self.tokens.push(super::Token {
                id: token.clone(),
                is_deleted: false,
                items: Some(body["order_items"].clone()),
            });
            said["payment_token"] = token.clone().into();
            self.signal(json!({"payment_token": token, "payment_session_id": id, "metadata": metadata}));
        } else if body["payment_token"].is_string() {
            said["payment_token"] = body["payment_token"].clone();
        }
        self.signal(said);
    }

    pub(super) fn shown(it: &Session) -> Value {
        let at = iso(it.created);
        json!({"id": it.id, "status": it.status, "metadata": it.body["metadata"], "total_amount": it.amount,
            "capture_amount": (it.captured > 0).then_some(it.captured), "created_at": at, "kind": it.body["kind"],
            "payment_token": it.body["payment_token"], "order_items": it.body["order_items"]})
    }

    pub(super) fn list(&self, got: &Got) -> (u16, Value) {
        let page: usize = got.query.get("page").and_then(|it| it.parse().ok()).unwrap_or(1);
        let newest: Vec<_> = self.sessions.iter().rev().map(Self::shown).collect();
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
                self.stands(id, "captured");
            }
            ("void", "authorized") => self.stands(id, "authorization_voided"),
            ("cancel", "pending") => self.stands(id, "canceled"),
            ("capture" | "void", "captured") => return refuse("SessionCaptured"),
            ("capture" | "void", "authorization_voided") => return refuse("SessionVoided"),
            ("cancel", _) => return (400, json!({"error": "SessionNotPending", "message": "no"})),
            _ => return refuse("SessionPending"),
        }
        if chance.below(8) == 7 {
            // Documented: the same key is to be sent again.
            return refuse("ServerError");
        }
        if verb == "cancel" {
            return (200, json!({"status": "canceled"}));
        }
        let id = self.name(verb);
        (200, json!({ "id": id }))
    }

    pub(super) fn refund(&mut self, got: &Got) -> (u16, Value) {
        let (session, amount) = (got.body["payment_id"].as_str().unwrap_or_default(), got.body["amount"].as_i64());
        let refuse = |code: &str| (400, json!({"error": code, "message": "no"}));
        let Some(it) = self.sessions.iter().find(|it| it.id == session) else { return refuse("InvalidPaymentId") };
        let given: i64 = self.refunds.iter().filter(|it| it.session == session).map(|it| it.amount).sum();
        let Some(amount) = amount.filter(|amount| *amount > 0 && given + amount <= it.captured) else {
            return refuse(if it.captured > 0 { "AmountInvalid" } else { "NoSessionCaptures" });
        };
        let mark = got.mark();
        if let Some(other) = self.refunds.iter().find(|it| it.mark == mark).map(|it| it.id.clone()) {
            self.blame(format!("a second refund: `{mark}` is sent as {}, and {other} was made", got.key));
        }
        let id = self.name("ref");
        let session = session.to_owned();
        self.refunds.push(Refund { id: id.clone(), key: got.key.clone(), mark, session, amount });
        (200, json!({ "refund_id": id }))
    }
}

fn total_of(body: &Value) -> i64 {
    body["total_amount"].as_i64().unwrap_or_default()
}

fn iso(millis: i64) -> String {
    rulebound::time::Timestamp::from_millis(millis).to_string()
}
