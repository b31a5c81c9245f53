//! The commands of Vend.

use rulebound::value::{Extra, RawJson};
use rulebound::vend::subscription::Command;
use rulebound::vend::{Component, Subscription, TokenRequest};
use serde_json::{Value, json};

use super::{check_commands, commands, id};

/// A request with every field, and its JSON with this `type`.
fn request(operation: &str) -> (TokenRequest, Value) {
    let extra: Extra = [("gift".to_owned(), RawJson::parse("true").unwrap())].into_iter().collect();
    let built = TokenRequest::plan("marshmallow", "monthly", "https://partner.example/back")
        .with_components(vec![Component::new("outlet", 5).at_price("yearly")])
        .coupon_code("SPRING")
        .extra(extra);
    let json = json!({
        "type": operation, "product_handle": "marshmallow", "price_handle": "monthly", "coupon_code": "SPRING",
        "components": [{"component_handle": "outlet", "component_price_handle": "yearly", "quantity": 5}],
        "return_url": "https://partner.example/back", "extra": {"gift": true},
    });
    (built, json)
}

#[test]
fn every_command_of_a_subscription_is_built() {
    let ((create, create_json), (update, update_json)) =
        (request("create_subscription_token"), request("update_subscription_token"));
    let token = "0123456789abcdef0123456789abcdef";
    let mut commands = Vec::from(commands![
        Command::RetrieveToken { token: Some(id(token)) } => {"type": "retrieve_token", "token": token},
        Command::RetrieveSubscription { subscription_id: Some(id("7")) } => {
            "type": "retrieve_subscription", "subscription_id": "7",
        },
        Command::CancelSubscription {} => {"type": "cancel_subscription"},
    ]);
    commands.push((Command::create(create), create_json));
    commands.push((Command::update(update), update_json));
    check_commands::<Subscription>(&commands);
}
