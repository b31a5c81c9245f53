//! The calls that show subscriptions.

use serde_json::{Value, json};

use super::access::admit;
use super::errors::refuse;
use super::state::{Component, Subscription, Vend};
use crate::provider::Reply;
use crate::time::iso;
use crate::world::{Call, Context};

pub(super) fn retrieve(vend: &mut Vend, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    if let Err(refused) = admit(vend, call, "read", context) {
        return refused;
    }
    match vend.subscriptions.get(call.parameter("id")) {
        Some(subscription) => told(&json!(application(vend, &[subscription], context)), &[subscription]),
        None => refuse(404, "vend.subscription.exists", "There is no such subscription."),
    }
}

pub(super) fn list(vend: &mut Vend, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    if let Err(refused) = admit(vend, call, "read", context) {
        return refused;
    }
    let ended = context.reading("list-shows-ended") == "true";
    let shown: Vec<&Subscription> = vend.in_order().into_iter().filter(|it| ended || it.live()).collect();
    let mut applications = Vec::new();
    if !shown.is_empty() {
        applications.push(application(vend, &shown, context));
    }
    if context.reading("list-covers") == "all-partners" {
        applications.push(foreign());
    }
    let data = match context.reading("empty-list") {
        "null" if applications.is_empty() => Value::Null,
        _ => json!(applications),
    };
    told(&data, &shown)
}

/// The reply with subscriptions. Vend's own documents name one state only.
fn told(data: &Value, subscriptions: &[&Subscription]) -> Reply {
    let reply = Reply::json(200, &json!({"data": data}));
    if subscriptions.iter().all(|it| it.state == "canceled") {
        return reply;
    }
    reply.inferred("of the states, Vend's documents show only `canceled`; the others are those of its billing engine")
}

/// The partner's application with subscriptions to it.
fn application(vend: &Vend, subscriptions: &[&Subscription], context: &mut Context<'_>) -> Value {
    let info: Vec<Value> = subscriptions.iter().map(|subscription| info(vend, subscription)).collect();
    json!({
        "application_id": super::application_id(context),
        "application_name": vend.catalogue.application_name,
        "partner_subscription_info": info,
    })
}

/// A subscription to another partner's application.
fn foreign() -> Value {
    json!({
        "application_id": "another-application",
        "application_name": "Another Application",
        "partner_subscription_info": [{
            "id": "1000000000000000001",
            "state": "active",
            "product_family_name": "Another Subscription",
            "product_name": "Another Product",
            "product_price_point_name": "another-price-point",
            "price_in_cents": "900",
            "currency": "nzd",
            "charge_interval": 1,
            "charge_interval_unit": "month",
            "next_assessment_at": "2099-01-01T00:00:00Z",
        }],
    })
}

/// A price is cents in a text; the price of one component is a number of dollars.
fn info(vend: &Vend, subscription: &Subscription) -> Value {
    let catalogue = &vend.catalogue;
    let product = catalogue.product(&subscription.plan);
    let unit = catalogue.unit.name();
    let component = |it: &Component| {
        let priced = catalogue.component(it);
        json!({
            "component_name": priced.as_ref().map_or(&it.handle, |priced| &priced.name),
            "quantity": it.quantity,
            "unit_price": dollars(priced.as_ref().map_or(0, |priced| priced.cents)),
            "charge_interval_unit": unit,
        })
    };
    json!({
        "id": subscription.id,
        "state": subscription.state,
        "product_family_name": catalogue.family,
        "product_name": product.as_ref().map_or(&subscription.plan.0, |it| &it.name),
        "product_price_point_name": product.as_ref().map_or(&subscription.plan.1, |it| &it.price_name),
        "price_in_cents": product.as_ref().map_or(0, |it| it.cents).to_string(),
        "currency": catalogue.currency,
        "charge_interval": catalogue.interval,
        "charge_interval_unit": unit,
        "next_assessment_at": iso(subscription.next),
        "components": subscription.components.iter().map(component).collect::<Vec<_>>(),
    })
}

/// Cents as a JSON number of dollars, without a float's error in between.
fn dollars(cents: i64) -> Value {
    let (whole, rest) = (cents.div_euclid(100), cents.rem_euclid(100));
    if rest == 0 { json!(whole) } else { serde_json::from_str(&format!("{whole}.{rest:02}")).unwrap_or_default() }
}
