//! Vend, modeled from its documents: consent tokens, and a retailer's subscriptions.

use serde_json::{Value, json};

use super::provider::{Provider, Question, SentRequest, Verdict, Webhook};
use crate::chance::Chance;

const HOUR: i64 = 3_600_000;
/// How long a consent token can be used.
const LIFETIME: i64 = 24 * HOUR;
/// How long the cancellation of a new subscription has no webhook.
const GAP: i64 = HOUR / 2;
const APP: &str = "app_1";
const RETAILER: &str = "0242ac00-0011-11ec-f245-a57f2abe2645";

/// A consent token.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    effect: String,
    is_update: bool,
    body: Value,
    created: i64,
    /// Its place among the used tokens. Nothing shows when it was used, so the order of the requests counts.
    used: Option<usize>,
    subscription: Option<String>,
    /// Whether the host has its id, so that the retailer can have come to its page.
    is_known: bool,
    /// Whether the host has forgotten it by restoring a backup.
    is_forgotten: bool,
}

/// A subscription of the retailer.
#[derive(Clone, Debug)]
struct Subscription {
    id: String,
    application: &'static str,
    state: &'static str,
    created: i64,
}

/// Vend, for one retailer.
#[derive(Debug)]
pub(super) struct Vend {
    is_wrapped: bool,
    is_form: bool,
    tokens: Vec<Token>,
    subscriptions: Vec<Subscription>,
    webhooks: Vec<Webhook>,
    delivered: std::cell::Cell<usize>,
    wrong: std::cell::RefCell<Option<String>>,
}

impl Vend {
    pub(super) fn new(kind: u8) -> Self {
        let foreign =
            Subscription { id: "1999999999999999999".into(), application: "app_2", state: "active", created: 0 };
        Self {
            is_wrapped: kind & 1 == 0,
            is_form: kind & 2 == 0,
            tokens: Vec::new(),
            subscriptions: if kind & 4 == 0 { Vec::new() } else { vec![foreign] },
            webhooks: Vec::new(),
            delivered: std::cell::Cell::new(0),
            wrong: std::cell::RefCell::new(None),
        }
    }

    fn live(&mut self) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|it| it.application == APP && !matches!(it.state, "canceled" | "expired"))
    }

    fn data(&self, body: Value) -> (u16, Value) {
        (200, if self.is_wrapped { json!({ "data": body }) } else { body })
    }

    fn issue(&mut self, request: &SentRequest, is_update: bool, now: i64) -> (u16, Value) {
        let text = format!("{:032x}", 0xABCD_0000 + self.tokens.len());
        self.tokens.push(Token {
            text: text.clone(),
            effect: request.effect.clone(),
            is_update,
            body: request.body.clone(),
            created: now,
            used: None,
            subscription: None,
            is_known: false,
            is_forgotten: false,
        });
        let expires_at = rulebound::time::Timestamp::from_millis(now + LIFETIME).to_string();
        self.data(json!({"token": text, "expires_in": "86400", "expires_at": expires_at}))
    }

    /// The retailer consents, which uses a token.
    fn consent(&mut self, index: usize, now: i64) {
        let it = &self.tokens[index];
        if it.used.is_some() || !it.is_known || now >= it.created + LIFETIME {
            return;
        }
        let subscription = match (it.is_update, self.live()) {
            // There is no subscription to change.
            (true, None) => return,
            (true, Some(live)) => live.id.clone(),
            (false, _) => {
                let id = format!("15043004547520{:05}", self.subscriptions.len());
                let it = Subscription { id: id.clone(), application: APP, state: "active", created: now };
                self.subscriptions.push(it);
                id
            }
        };
        let it = &mut self.tokens[index];
        (it.used, it.subscription) = (Some(index + 1), Some(subscription));
    }

    fn cancel(&mut self, now: i64) {
        let Some(it) = self.live() else { return };
        it.state = "canceled";
        let (id, has_webhook) = (it.id.clone(), now >= it.created + GAP);
        if has_webhook {
            let payload = json!({"cancelled_at": {"seconds": now / 1000}, "subscription_id": id});
            let body = json!({"type": "partner.cancellation", "domain_prefix": "marshmallow", "retailer_id": RETAILER,
                "payload": payload});
            self.webhooks.push(if self.is_form {
                Webhook { body: form(&body), topic: None, is_form: true }
            } else {
                Webhook::json(&body)
            });
        }
    }

    fn info(it: &Subscription) -> Value {
        json!({"id": it.id, "state": it.state, "price_in_cents": "5000", "currency": "nzd", "charge_interval": 1})
    }

    fn token_json(it: &Token) -> Value {
        let components = it.body.get("components").map(|it| json!({ "components": it }).to_string());
        json!({"token": it.text, "retailer_id": RETAILER, "vend_application_id": APP, "return_url": it.body["return_url"],
            "product_handle": it.body["product_handle"], "product_price_point_handle": it.body["price_handle"],
            "components": components, "is_used": it.used.is_some(),
            "subscription_id": it.subscription.as_ref().and_then(|id| id.parse::<i64>().ok())})
    }

    /// The newest token that was used for an effect.
    fn used(&self, effect: &str) -> Option<&Token> {
        self.tokens.iter().filter(|it| it.effect == effect && it.used.is_some()).max_by_key(|it| it.used)
    }
}

/// A webhook as a form, with its JSON in `payload`.
fn form(body: &Value) -> String {
    let escaped: String = body.to_string().bytes().map(|it| format!("%{it:02X}")).collect();
    format!("domain_prefix=marshmallow&payload={escaped}")
}

/// What a row delivers although it has the subscription as canceled.
fn delivers_ended(row: &str) -> Option<Value> {
    let row: Value = serde_json::from_str(row).ok()?;
    let entries = row["outbox"].as_array().filter(|_| row["state"]["billing"]["state"] == "canceled")?;
    let is_delivery = |it: &&Value| !it["effect"]["fulfill"].is_null() && it["kept"] != true;
    entries.iter().find(is_delivery).map(|it| it["effect"]["fulfill"]["about"].clone())
}

impl Provider for Vend {
    fn command(&self, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(16), chance.below(4));
        let back = "https://partner.example/back";
        match which {
            0..4 => json!({"type": "create_subscription_token", "product_handle": "marshmallow",
                "price_handle": "marshmallow-monthly", "return_url": back}),
            4..8 => {
                let plan = ["small", "medium", "large", "largest"][more];
                json!({"type": "update_subscription_token", "product_handle": plan, "price_handle": format!("{plan}-monthly"),
                    "return_url": back})
            }
            8 | 9 => json!({"type": "update_subscription_token", "return_url": back,
                "components": [{"component_handle": "extra-outlet", "quantity": more + 1}]}),
            10 | 11 => json!({"type": "retrieve_subscription"}),
            12 => json!({"type": "cancel_subscription"}),
            _ => json!({"type": "retrieve_token"}),
        }
    }

    fn perform(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, String) {
        let (method, path) = request.route();
        let path: Vec<_> = path.into_iter().skip(4).collect();
        let (status, body) = match (method, &path[..]) {
            ("POST", ["token"]) if chance.below(16) == 15 => (422, json!({"error": "Unprocessable", "message": "no"})),
            ("POST", ["token"]) => self.issue(request, false, now),
            ("POST", ["update-subscription", "token"]) => self.issue(request, true, now),
            ("GET", ["token", text]) => match self.tokens.iter().find(|it| it.text == *text) {
                Some(it) => self.data(Self::token_json(it)),
                None => (404, json!({"error": "Not Found", "message": "no such token"})),
            },
            ("GET", ["subscriptions"]) => {
                let one = |it: &Subscription| json!({"application_id": it.application, "partner_subscription_info": [Self::info(it)]});
                let all: Vec<_> = self.subscriptions.iter().map(one).collect();
                (200, json!({"data": if all.is_empty() { Value::Null } else { all.into() }}))
            }
            ("GET", ["subscriptions", id]) => match self.subscriptions.iter().find(|it| it.id == *id) {
                Some(it) => (
                    200,
                    json!({"data": {"application_id": it.application, "partner_subscription_info": [Self::info(it)]}}),
                ),
                None => (404, json!({"error": "Not Found", "message": "no such subscription"})),
            },
            _ => panic!("not a path of Vend: {method} {path:?}"),
        };
        (status, body.to_string())
    }

    fn act(&mut self, chance: &mut Chance<'_>, now: i64) {
        match chance.below(8) {
            0..5 => {
                let back = chance.below(3) + 1;
                if let Some(index) = self.tokens.len().checked_sub(back) {
                    self.consent(index, now);
                }
            }
            5 => self.cancel(now),
            6 => {
                let states = ["past_due", "on_hold", "trialing", "suspended", "someday"];
                let state = states[chance.below(states.len())];
                self.live().into_iter().for_each(|it| it.state = state);
            }
            // Vend's support reactivates a subscription, or its trouble ends.
            _ => {
                let own = |it: &&mut Subscription| it.application == APP;
                self.subscriptions.iter_mut().rfind(own).into_iter().for_each(|it| it.state = "active");
            }
        }
    }

    fn calm(&mut self, _now: i64) {
        if let Some(it) = self.live() {
            it.state = "active";
        }
    }

    fn webhooks(&self) -> &[Webhook] {
        &self.webhooks
    }

    fn signs(&self) -> bool {
        false
    }

    fn forged(&self, chance: &mut Chance<'_>) -> Webhook {
        let id = self.subscriptions.last().map_or("1348730086846538752", |it| it.id.as_str());
        Webhook::json(&json!({"type": "partner.cancellation", "domain_prefix": "marshmallow", "retailer_id": RETAILER,
            "payload": {"subscription_id": id, "cancelled_at": {"seconds": 1_700_000_000 + chance.below(4)}}}))
    }

    fn review(&mut self, question: Question<'_>, _now: i64) -> Verdict {
        let plain = |verdict: &str| (verdict.to_owned(), None);
        let own = self.subscriptions.iter().rfind(|it| it.application == APP).cloned();
        let is_live = own.as_ref().is_some_and(|it| !matches!(it.state, "canceled" | "expired"));
        let used = self.used(question.about);
        if question.has("used") {
            return match used.or_else(|| self.tokens.iter().find(|it| it.text == question.about && it.used.is_some())) {
                Some(it) => ("used".into(), it.subscription.clone()),
                None => plain("not_used"),
            };
        }
        if question.has("confirmed") {
            return plain(if used.is_some() { "confirmed" } else { "not_confirmed" });
        }
        if question.has("ours") {
            return match own {
                Some(it) => ("ours".into(), Some(it.id)),
                None => plain(if question.has("none") { "none" } else { "not_ours" }),
            };
        }
        let order: &[&str] = if is_live { &["live", "keep"] } else { &["ended", "canceled"] };
        let rest = ["retry", "seen", "nothing", "keep_waiting", "keep_trying", "stop_waiting", "give_up"];
        plain(order.iter().chain(&rest).find(|it| question.has(it)).unwrap_or(&"no verdict"))
    }

    fn host_saved(&mut self, row: &str) {
        if let Some(about) = delivers_ended(row) {
            self.wrong.borrow_mut().get_or_insert(format!("the subscription has ended, and is delivered: {about}"));
        }
        self.tokens.iter_mut().filter(|it| row.contains(&it.text)).for_each(|it| it.is_known = true);
    }

    fn host_restored(&mut self) {
        self.tokens.iter_mut().for_each(|it| it.is_forgotten = true);
    }

    fn is_paid(&self, about: &str) -> bool {
        let Some(used) = self.used(about).and_then(|it| it.used) else { return false };
        // The last delivery must be the newest consent.
        if used < self.delivered.replace(used.max(self.delivered.get())) {
            let why = format!("an older consent is delivered after a newer one: {about}");
            self.wrong.borrow_mut().get_or_insert(why);
        }
        true
    }

    fn wrong(&self) -> Option<String> {
        self.wrong.borrow().clone()
    }

    fn paid(&self, _has_webhooks: bool) -> Vec<String> {
        let newest = self.tokens.iter().filter(|it| it.used.is_some()).max_by_key(|it| it.used);
        // An ended subscription is no longer delivered.
        let lives = |it: &&Token| {
            self.subscriptions.iter().any(|own| Some(&own.id) == it.subscription.as_ref() && own.state != "canceled")
        };
        newest.filter(lives).filter(|it| !it.is_forgotten).map(|it| it.effect.clone()).into_iter().collect()
    }
}
