//! Truemed's replies.

use serde_json::{Value, json};

use super::{Action, Kind, SentRequest, Truemed};
use crate::chance::Chance;

impl Truemed {
    pub(super) fn reply(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        match request.route() {
            ("POST", path) if path == ["api", "v1", "payment_tokens", "create"] => self.provision(&request.body),
            ("GET", path) if path.starts_with(&["api", "v1", "payment_tokens", "provision_request"]) => {
                let made = self.provisions.get(path[4]).cloned().flatten();
                (200, json!({"payment_token": made, "metadata": null}))
            }
            ("GET", path) if path.starts_with(&["api", "v1", "payment_tokens"]) => match self.live(path[3]) {
                Some(it) => (200, json!({"payment_token": it.id, "created_at": "2026-12-01T00:00:00Z"})),
                None => not_found(),
            },
            ("POST", path) if path.starts_with(&["api", "v1", "payment_tokens"]) && path[4] == "delete" => {
                match self.tokens.iter_mut().find(|it| it.id == path[3] && !it.is_deleted) {
                    Some(it) => {
                        it.is_deleted = true;
                        self.actions.retain(|it| it.kind == Kind::Provision);
                        (204, Value::Null)
                    }
                    None => not_found(),
                }
            }
            ("POST", path) if path.starts_with(&["api", "v1", "payment_tokens"]) && path[4] == "update" => {
                self.update(path[3], request, chance)
            }
            ("POST", path) if path == ["payments", "v1", "create_payment_session"] => {
                self.once(request, |it| it.create(request, chance, now))
            }
            ("GET", path) if path.starts_with(&["payments", "v1", "payment_session"]) => {
                match self.sessions.iter().find(|it| it.id == path[3]) {
                    Some(it) => (200, Self::session_json(it)),
                    None => not_found(),
                }
            }
            ("GET", path) if path == ["payments", "v1", "payment_sessions"] => self.list(request),
            ("POST", path) if path == ["payments", "v1", "refund"] => self.once(request, |it| it.refund(request)),
            ("POST", path) if path.starts_with(&["payments", "v1", "payment_session"]) => {
                self.once(request, |it| it.end(path[3], path[4], &request.body, chance))
            }
            _ => panic!("not a path of Truemed: {} {:?}", request.method, request.path),
        }
    }

    /// The same key gets the same reply. After an error the key can be used again.
    fn once(&mut self, request: &SentRequest, make: impl FnOnce(&mut Self) -> (u16, Value)) -> (u16, Value) {
        if let Some((status, body)) = self.replies.get(&request.key) {
            return (*status, serde_json::from_str(body).unwrap_or_default());
        }
        let (status, body) = make(self);
        if status < 300 || status == 422 {
            self.replies.insert(request.key.clone(), (status, body.to_string()));
        }
        (status, body)
    }

    fn provision(&mut self, body: &Value) -> (u16, Value) {
        let id = self.name("ptr");
        let url = format!("https://truemed.example/q/{id}");
        self.provisions.insert(id.clone(), None);
        self.actions.push(Action {
            id: id.clone(),
            kind: Kind::Provision,
            metadata: body["metadata"].clone(),
            items: Some(body["order_items"].clone()),
            url: url.clone(),
        });
        (200, json!({"provision_token_request_id": id, "redirect_url": url}))
    }

    fn update(&mut self, token: &str, request: &SentRequest, chance: &mut Chance<'_>) -> (u16, Value) {
        let body = &request.body;
        if self.live(token).is_none() {
            return not_found();
        }
        let items = Some(body["order_items"].clone()).filter(|it| !it.is_null());
        let action = match &items {
            None => Some("UpdatePaymentMethod"),
            Some(_) => [None, None, Some("TakeHealthSurvey"), Some("HealthSurvey")][chance.below(4)],
        };
        // A later change replaces an open one.
        self.actions.retain(|it| it.kind != Kind::Update || it.items.is_none() != items.is_none());
        let id = self.name("ptr");
        self.updates.insert(request.key.clone(), id.clone());
        let Some(action) = action else {
            self.provisions.insert(id.clone(), Some(token.to_owned()));
            self.tokens.iter_mut().filter(|it| it.id == token).for_each(|it| it.items.clone_from(&items));
            return (
                200,
                match chance.below(3) {
                    0 => json!({"next_action": null, "provision_token_request_id": id}),
                    1 => json!({"next_action": "None", "redirect_url": null}),
                    _ => json!({"provision_token_request_id": id}),
                },
            );
        };
        let url = format!("https://truemed.example/q/{id}");
        self.provisions.insert(id.clone(), None);
        self.actions.push(Action {
            id: id.clone(),
            kind: Kind::Update,
            metadata: Value::Null,
            items,
            url: url.clone(),
        });
        let mut reply = json!({"next_action": action, "redirect_url": url});
        if chance.below(4) != 3 {
            reply["provision_token_request_id"] = id.into();
        }
        (200, reply)
    }
}

pub(super) fn not_found() -> (u16, Value) {
    (404, json!({"error": "NotFound", "message": "no such thing"}))
}
