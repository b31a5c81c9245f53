//! Coupons, promotion codes, shipping rates and customers.

use serde_json::{Map, Value, json};

use super::errors::{invalid, missing};
use super::events;
use super::state::{Card, Coupon, Customer, Flex, PromoCode, ShippingRate};
use super::store::{Head, Kept as _, cents, given, text, unwrap, wrapped};
use crate::provider::Reply;
use crate::world::{Call, Context};

/// The members of a request that an object keeps, each null where it is absent.
fn kept(asked: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    names.iter().map(|name| ((*name).to_owned(), asked.get(*name).cloned().unwrap_or_default())).collect()
}

pub(super) fn create_coupon(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let checked = unwrap(call, "coupon").and_then(|asked| check_coupon(asked).map(|()| asked));
    let asked = match checked {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let names =
        ["name", "amount_off", "percent_off", "duration", "duration_in_months", "max_redemptions", "applies_to"];
    let mut body = kept(asked, &names);
    body.insert("metadata".into(), asked.get("metadata").cloned().unwrap_or_default());
    body.insert("times_redeemed".into(), json!(0));
    let head = Head::new("fcoup", "", &call.account, context);
    let id = flex.coupons.add(Coupon { head, body });
    wrapped::<Coupon>(flex, &id, context)
}

/// Whether a coupon takes something off, for a known duration.
pub(super) fn check_coupon(asked: &Map<String, Value>) -> Result<(), Reply> {
    let (fixed, percent) = (cents(asked, "amount_off")?, given(asked, "percent_off"));
    if fixed.is_some() == percent.is_some() {
        let message = "A coupon must have exactly one of amount_off and percent_off.";
        return Err(invalid("amount_off", "value_error", "flex.coupon.one-discount-kind", message));
    }
    if percent.is_some_and(|percent| percent.as_f64().is_none_or(|it| !(it > 0.0 && it <= 100.0))) {
        let message = "percent_off must be above 0 and at most 100.";
        return Err(invalid("percent_off", "value_error", "flex.coupon.percent-range", message));
    }
    let months = given(asked, "duration_in_months").map(|months| months.as_i64().is_some_and(|months| months > 0));
    let repeating = text(asked, "duration") == Some("repeating");
    if months == Some(false) || (repeating && months.is_none()) {
        let message = "duration_in_months must be 1 or more, and is required where duration is repeating.";
        return Err(invalid("duration_in_months", "value_error", "flex.coupon.repeating-needs-months", message));
    }
    Ok(())
}

pub(super) fn create_promo_code(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let checked = unwrap(call, "promo_code").and_then(|asked| {
        let coupon = text(asked, "coupon_id").unwrap_or_default();
        flex.coupons.of(&call.account, coupon)?;
        let Some(code) = text(asked, "code") else {
            return Err(missing("code", "flex.promo-code.code", "A promo code must have a code."));
        };
        if promo_code(flex, &call.account, code).is_some() {
            let message = format!("There is an active promo code {code} already.");
            return Err(invalid("code", "value_error", "flex.promo-code.unique", message));
        }
        Ok(asked)
    });
    let asked = match checked {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let mut body = kept(asked, &["coupon_id", "code", "max_redemptions", "customer", "metadata"]);
    body.insert("active".into(), json!(true));
    body.insert("times_redeemed".into(), json!(0));
    let head = Head::new("fpromo", "", &call.account, context);
    let id = flex.promo_codes.add(PromoCode { head, body });
    wrapped::<PromoCode>(flex, &id, context)
}

/// Whether a coupon or a promo code was redeemed as often as it can be.
pub(super) fn used_up(body: &Map<String, Value>) -> bool {
    let number = |name: &str| body.get(name).and_then(Value::as_i64);
    number("max_redemptions").is_some_and(|most| number("times_redeemed").unwrap_or(0) >= most)
}

/// Counts one more redemption of a coupon or of a promo code.
pub(super) fn redeem(body: &mut Map<String, Value>) {
    let times = body.get("times_redeemed").and_then(Value::as_i64).unwrap_or(0);
    body.insert("times_redeemed".into(), json!(times.saturating_add(1)));
}

/// An active code, whatever the case of its letters.
pub(super) fn promo_code<'a>(flex: &'a Flex, account: &str, code: &str) -> Option<&'a PromoCode> {
    let same = |known: &&PromoCode| {
        let text = known.body.get("code").and_then(Value::as_str).unwrap_or_default();
        known.head.account == account
            && known.body.get("active") == Some(&json!(true))
            && !used_up(&known.body)
            && text.eq_ignore_ascii_case(code.trim())
    };
    flex.promo_codes.iter().find(same)
}

pub(super) fn create_shipping_rate(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let checked = unwrap(call, "shipping_rate").and_then(|asked| {
        if text(asked, "display_name").is_none() || cents(asked, "amount")?.is_none() {
            let message = "A shipping rate must have a display_name and an amount.";
            return Err(missing("amount", "flex.shipping-rate.amount", message));
        }
        Ok(kept(asked, &["display_name", "amount", "metadata"]))
    });
    match checked {
        Ok(mut body) => {
            body.insert("active".into(), json!(true));
            let head = Head::new("fshr", "", &call.account, context);
            let id = flex.shipping_rates.add(ShippingRate { head, body });
            wrapped::<ShippingRate>(flex, &id, context)
        }
        Err(refused) => refused,
    }
}

/// `PUT /v1/shipping_rates/{id}`: `active` and `metadata` are overwritten, and nothing else changes.
pub(super) fn update_shipping_rate(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let checked = unwrap(call, "shipping_rate").and_then(|asked| {
        flex.shipping_rates.of(&call.account, &id)?;
        match asked.keys().find(|name| !["active", "metadata"].contains(&name.as_str())) {
            None => Ok((asked.get("active").cloned(), asked.get("metadata").cloned().unwrap_or_default())),
            Some(name) => {
                let message = format!("{name} of a shipping rate cannot change. Create a new one.");
                Err(invalid(name, "value_error", "flex.shipping-rate.immutable", message))
            }
        }
    });
    match checked {
        Ok((active, metadata)) => {
            if let Some(rate) = flex.shipping_rates.get_mut(&id) {
                rate.body.extend(active.map(|active| ("active".to_owned(), active)));
                rate.body.insert("metadata".into(), metadata);
            }
            wrapped::<ShippingRate>(flex, &id, context)
        }
        Err(refused) => refused,
    }
}

pub(super) fn create_customer(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    match unwrap(call, "customer") {
        Ok(asked) => {
            let id = customer(flex, asked, &call.account, context);
            wrapped::<Customer>(flex, &id, context)
        }
        Err(refused) => refused,
    }
}

const CUSTOMER: &[&str] = &["first_name", "last_name", "email", "phone", "employer", "shipping", "metadata"];

/// Makes a customer, of a request or of what was entered on a page.
pub(super) fn customer(
    flex: &mut Flex,
    asked: &Map<String, Value>,
    account: &str,
    context: &mut Context<'_>,
) -> String {
    let head = Head::new("fcus", "", account, context);
    let id = flex.customers.add(Customer { head, body: kept(asked, CUSTOMER), letter_until: None });
    events::tell::<Customer>(flex, "customer.created", &id, context);
    id
}

/// `GET /v1/customers/{id}/payment_methods`.
pub(super) fn list_cards(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id");
    if let Err(refused) = flex.customers.of(&call.account, id) {
        return refused;
    }
    let cards = flex.cards.iter().rev().filter(|card| card.customer == id);
    let cards: Vec<Value> = cards.map(|card: &Card| card.shown(flex, context)).collect();
    Reply::json(200, &json!({"payment_methods": cards}))
}
