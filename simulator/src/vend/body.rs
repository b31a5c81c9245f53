//! Reads the bodies that ask for a token.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::catalogue::Catalogue;
use super::errors::invalid;
use super::page;
use super::state::{Change, Component, Kind};
use crate::provider::Reply;
use crate::world::Context;

type Body = Map<String, Value>;

/// Reads a whole body: the change, and where the browser goes afterwards.
pub(super) fn read(
    kind: Kind,
    body: &Body,
    catalogue: &Catalogue,
    context: &Context<'_>,
) -> Result<(Change, String), Reply> {
    let return_url = return_url(kind, body, context)?;
    let product = text(body, "product_handle", context)?;
    let price = text(body, "price_handle", context)?;
    let components = components(kind, body, catalogue, context)?;
    let plan = match (product, price) {
        (Some(product), Some(price)) => Some((product, price)),
        _ if kind == Kind::Create => {
            let message = "product_handle and price_handle are required.";
            return Err(invalid("vend.create.plan-required", message, context).source(page::CREATE));
        }
        (None, None) => None,
        (Some(_), None) => {
            let message = "price_handle is required with product_handle.";
            return Err(invalid("vend.update.price-handle-with-product", message, context));
        }
        (None, Some(_)) => {
            let message = "price_handle needs a product_handle.";
            return Err(invalid("vend.update.product-handle-with-price", message, context));
        }
    };
    if let Some(plan) = plan.as_ref().filter(|plan| catalogue.product(plan).is_none()) {
        let message = format!("There is no product {} at the price {}.", plan.0, plan.1);
        return Err(invalid("vend.token.known-handles", message, context));
    }
    if kind == Kind::Update {
        one_change(plan.is_some(), !components.is_empty(), context)?;
    }
    let coupon = coupon(kind, body, catalogue, context)?;
    Ok((Change { plan, components, coupon }, return_url))
}

/// An update changes the plan or the components, not both at the same time.
fn one_change(plan: bool, components: bool, context: &Context<'_>) -> Result<(), Reply> {
    let message = match (plan, components) {
        (true, true) => "Update the plan or the components, not both at the same time.",
        (false, false) => "Send product_handle and price_handle, or components.",
        _ => return Ok(()),
    };
    Err(invalid("vend.update.plan-xor-components", message, context).source(page::UPDATING))
}

fn return_url(kind: Kind, body: &Body, context: &Context<'_>) -> Result<String, Reply> {
    let rule = match kind {
        Kind::Create => "vend.create.return-url-required",
        Kind::Update => "vend.update.return-url-required",
    };
    let url = text(body, "return_url", context)?.ok_or_else(|| invalid(rule, "return_url is required.", context))?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(invalid(rule, "return_url must begin with https:// or http://.", context));
    }
    Ok(url)
}

fn components(kind: Kind, body: &Body, catalogue: &Catalogue, context: &Context<'_>) -> Result<Vec<Component>, Reply> {
    let rule = match kind {
        Kind::Create => "vend.create.component-fields",
        Kind::Update => "vend.update.component-fields",
    };
    let list = match body.get("components") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(invalid(rule, "components must be a list.", context)),
    };
    let mut handles = BTreeSet::new();
    let mut components = Vec::new();
    for value in list {
        let Some(value) = value.as_object() else {
            return Err(invalid(rule, "Each component must be an object.", context));
        };
        let component = component(kind, value, rule, context)?;
        if catalogue.component(&component).is_none() {
            let message = format!("There is no component {} at this price.", component.handle);
            return Err(invalid("vend.token.known-handles", message, context));
        }
        if !handles.insert(component.handle.clone()) {
            let message = format!("The component {} is named twice.", component.handle);
            return Err(invalid("vend.component.duplicate-handle", message, context));
        }
        components.push(component);
    }
    Ok(components)
}

fn component(kind: Kind, value: &Body, rule: &'static str, context: &Context<'_>) -> Result<Component, Reply> {
    let missing = |name: &str| invalid(rule, format!("{name} of a component is required."), context);
    let handle = text(value, "component_handle", context)?.ok_or_else(|| missing("component_handle"))?;
    let price_handle = text(value, "component_price_handle", context)?;
    if kind == Kind::Create && price_handle.is_none() {
        return Err(missing("component_price_handle"));
    }
    let quantity = value.get("quantity").filter(|it| !it.is_null()).ok_or_else(|| missing("quantity"))?;
    let lowest = if kind == Kind::Create { 1 } else { 0 };
    let quantity = quantity.as_i64().filter(|quantity| *quantity >= lowest).ok_or_else(|| {
        let message = format!("quantity must be an integer of at least {lowest}.");
        invalid("vend.component.quantity-range", message, context)
    })?;
    Ok(Component { handle, price_handle, quantity })
}

fn coupon(kind: Kind, body: &Body, catalogue: &Catalogue, context: &Context<'_>) -> Result<Option<String>, Reply> {
    let Some(code) = text(body, "coupon_code", context)? else { return Ok(None) };
    if kind == Kind::Update {
        if context.reading("coupon-on-update") == "refused" {
            return Err(invalid("vend.update.no-coupon", "An update takes no coupon_code.", context));
        }
        return Ok(None);
    }
    if catalogue.coupon(&code).is_none() {
        return Err(invalid("vend.token.known-handles", format!("There is no coupon {code}."), context));
    }
    Ok(Some(code))
}

/// A member that is a text and not empty.
fn text(body: &Body, name: &str, context: &Context<'_>) -> Result<Option<String>, Reply> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid("vend.token.field-types", format!("{name} must be a string."), context)),
    }
}
