//! The alphabet of Vend's flow, for tests that explore.

use alloc::format;
use alloc::string::String;

use serde_json::{Value, json};

use super::ids::{ConsentToken, SubscriptionId};
use super::request::{Component, TokenRequest};
use super::settings::{Host, Settings};
use super::subscription::{Command, Subscription};
use crate::fact::{Fact, Origin, Via};
use crate::flow::Samples;
use crate::time::Millis;

const BACK: &str = "https://partner.example/back";
const CREATED: &str = "11111111111111111111111111111111";
const UPDATED: &str = "22222222222222222222222222222222";
/// What a verdict may name.
const IDS: [&str; 2] = [ONE, TWO];
const ONE: &str = "1348730086846538752";
const TWO: &str = "1504300454752022528";

pub(super) fn settings() -> Settings {
    Settings { application_id: Some("app_1".into()), ..Settings::of("marshmallow", Host::Lightspeed) }
}

fn reply(operation: &'static str, status: u16, body: &Value) -> (&'static str, u16, String) {
    (operation, status, format!("{body}"))
}

fn info(id: &str, state: &str) -> Value {
    json!({"id": id, "state": state, "price_in_cents": "5000", "currency": "nzd"})
}

fn cancellation(id: &str, seconds: i64) -> Fact<'static> {
    let body = json!({"type": "partner.cancellation", "domain_prefix": "marshmallow", "retailer_id": "r_1",
        "payload": {"subscription_id": id, "cancelled_at": {"seconds": seconds}}});
    let body = format!("{body}").into_bytes().into();
    Fact::Webhook { body, content_type: None, topic: None, origin: Origin::Unverified }
}

pub(super) fn subscription() -> Samples<Subscription> {
    let issued = |token: &str| json!({"token": token, "expires_in": "86400", "expires_at": "expires_at"});
    let used = |id: &str| json!({"data": {"is_used": true, "retailer_id": "r_1", "subscription_id": id}});
    let shows = |infos: Value| json!({"data": {"application_id": "app_1", "partner_subscription_info": infos}});
    let lists = |infos: Value| json!({"data": [{"application_id": "app_1", "partner_subscription_info": infos}]});
    let refusal = json!({"error": "Not Found", "message": "no such thing"});
    Samples {
        commands: alloc::vec![
            Command::create(TokenRequest::plan("marshmallow", "marshmallow-monthly", BACK)),
            Command::update(TokenRequest::plan("marshmallow-large", "marshmallow-large-monthly", BACK)),
            Command::update(TokenRequest::components(alloc::vec![Component::new("extra-outlet", 5)], BACK)),
            Command::RetrieveToken { token: None },
            Command::RetrieveToken { token: ConsentToken::parse(CREATED).ok() },
            Command::RetrieveSubscription { subscription_id: None },
            Command::RetrieveSubscription { subscription_id: SubscriptionId::parse(ONE).ok() },
            Command::CancelSubscription {},
        ],
        replies: alloc::vec![
            reply("create_subscription_token", 200, &issued(CREATED)),
            reply("create_subscription_token", 422, &refusal),
            reply("update_subscription_token", 200, &issued(UPDATED)),
            reply("update_subscription_token", 422, &refusal),
            reply("retrieve_token", 200, &used(ONE)),
            reply("retrieve_token", 200, &used(TWO)),
            reply("retrieve_token", 200, &json!({"is_used": true, "token": UPDATED, "subscription_id": 1})),
            reply("retrieve_token", 200, &json!({"is_used": true, "used_at": "2026-01-01T09:00:00Z"})),
            reply("retrieve_token", 200, &json!({"data": {"is_used": false}})),
            reply("retrieve_token", 404, &refusal),
            reply("retrieve_subscription", 200, &shows(json!([info(ONE, "active"), info(TWO, "active")]))),
            reply("retrieve_subscription", 200, &shows(json!([info(ONE, "canceled"), info(TWO, "canceled")]))),
            reply("retrieve_subscription", 200, &shows(json!([info(ONE, "on_hold")]))),
            reply("retrieve_subscription", 200, &shows(json!([info(ONE, "past_due")]))),
            reply("retrieve_subscription", 200, &shows(json!([]))),
            reply("retrieve_subscription", 200, &lists(json!([info(ONE, "active")]))),
            reply("retrieve_subscription", 200, &lists(json!([info(ONE, "active"), info(TWO, "active")]))),
            reply("retrieve_subscription", 200, &lists(json!([info(TWO, "cancelled")]))),
            reply("retrieve_subscription", 200, &lists(json!(["?", info(TWO, "cancelled")]))),
            reply("retrieve_subscription", 200, &json!({"data": null})),
            reply("retrieve_subscription", 404, &refusal),
        ],
        facts: alloc::vec![
            cancellation(ONE, 1_647_552_206),
            cancellation(ONE, 1_647_552_300),
            cancellation(TWO, 1_647_552_206),
            Fact::Returned { via: Via::ReturnUrl },
        ],
        spans: alloc::vec![Millis::from_minutes(5), Millis::from_hours(168)],
        ids: IDS.into(),
    }
}
