//! The cart: what a request says about items, amounts and addresses, and whether it adds up.

use serde_json::{Map, Value};

use super::errors::{guess, missing};
use super::keys::text;
use super::page;
use crate::provider::Reply;
use crate::world::Context;

/// The items of a request, checked.
pub(super) fn items(body: &Map<String, Value>, context: &mut Context<'_>, of: &str) -> Result<Vec<Value>, Reply> {
    const RULE: &str = "truemed.session.amount-nonnegative";
    let Some(list) = body.get("order_items").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        return Err(missing("order_items", "truemed.session.order-items"));
    };
    let mut items = Vec::new();
    for item in list {
        if item["name"].as_str().is_none_or(str::is_empty) {
            return Err(missing("order_items.name", "truemed.session.order-items"));
        }
        if item["quantity"].as_i64().is_none_or(|quantity| quantity < 1) || price(item).is_none_or(|price| price < 0) {
            let message = "An item needs a quantity of 1 or more and a price of 0 or more, in whole cents.";
            return Err(guess(400, "OrderItemsInvalid", RULE, message));
        }
        items.push(item.clone());
    }
    for (item, nth) in items.iter_mut().zip(1_u32..) {
        if item["item_id"].is_null() {
            item["item_id"] = context.id("item", Some(&format!("{of} {nth}"))).uuid().into();
        }
    }
    Ok(items)
}

/// The price of one unit. Public exercises of integrators call it `amount`.
pub(super) fn price(item: &Value) -> Option<i64> {
    item["price"].as_i64().or_else(|| item["amount"].as_i64())
}

/// By what an item is known again: its SKU or its name.
pub(super) fn name(item: &Value) -> String {
    item["sku"].as_str().or(item["name"].as_str()).unwrap_or_default().to_owned()
}

/// The total of a session, checked against its items.
pub(super) fn total(body: &Map<String, Value>, items: &[Value], context: &Context<'_>) -> Result<i64, Reply> {
    let invalid = |rule, message: String| guess(400, "TotalAmountInvalid", rule, message).source(page::ITEMS);
    let Some(value) = body.get("total_amount").filter(|total| !total.is_null()) else {
        return Err(missing("total_amount", "truemed.session.total-equality"));
    };
    let Some(total) = value.as_i64().filter(|total| *total >= 0) else {
        return Err(invalid(
            "truemed.session.amount-nonnegative",
            "total_amount must be whole cents, 0 or more.".into(),
        ));
    };
    let negative = context.reading("discounts-negative") == "true";
    let whole = Value::Object(body.clone());
    let mut sum = extra(&whole, negative);
    for item in items {
        let units = i128::from(item["quantity"].as_i64().unwrap_or(0));
        let line = units.saturating_mul(i128::from(price(item).unwrap_or(0)));
        sum = sum.saturating_add(line).saturating_add(extra(item, negative));
    }
    if sum != i128::from(total) {
        let message = format!("total_amount is {total}, but the items, charges and discounts make {sum}.");
        return Err(invalid("truemed.session.total-equality", message));
    }
    if total == 0 && !(body.get("tokenize") == Some(&Value::Bool(true)) && body.contains_key("display_next_bill_info"))
    {
        let message = "total_amount can only be 0 with tokenize and display_next_bill_info, for a free trial.";
        return Err(invalid("truemed.session.zero-only-free-trial", message.into()).source(page::NEW));
    }
    Ok(total)
}

/// The charges less the discounts of an order or of a line. They count once for each line, not for each unit.
fn extra(of: &Value, negative: bool) -> i128 {
    let details = &of["amount_details"];
    let amount = |name: &str| i128::from(details[name].as_i64().unwrap_or(0));
    let (charges, discounts) = (amount("total_additional_charges"), amount("total_discounts"));
    if negative { charges.saturating_add(discounts) } else { charges.saturating_sub(discounts) }
}

/// Both addresses to which a customer returns.
pub(super) fn addresses(body: &Map<String, Value>) -> Result<(String, String), Reply> {
    let needed = |name| {
        let refused = || missing(name, "truemed.session.success-url-required").source(page::SESSION);
        address(body, name)?.map(str::to_owned).ok_or_else(refused)
    };
    Ok((needed("success_url")?, needed("failure_url")?))
}

/// An address to which a customer returns, where the request has one.
pub(super) fn address<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Reply> {
    let url = text(body, name);
    if url.is_some_and(|url| !url.contains("://") || url.contains(char::is_control)) {
        let message = format!("{name} must be an absolute URL.");
        return Err(guess(400, "UrlInvalid", "truemed.session.success-url-required", message));
    }
    Ok(url)
}

/// `metadata` is one text, or absent.
pub(super) fn metadata(body: &Map<String, Value>) -> Result<Value, Reply> {
    match body.get("metadata") {
        None | Some(Value::Null) => Ok(Value::Null),
        Some(Value::String(text)) => Ok(text.clone().into()),
        Some(_) => Err(guess(400, "MetadataInvalid", "truemed.metadata.string", "metadata must be a string.")),
    }
}
