//! Products and prices.

use serde_json::{Map, Value, json};

use super::errors::{invalid, missing};
use super::events;
use super::period::Interval;
use super::state::{Flex, Price, Product};
use super::store::{Head, cents, given, text, unwrap, wrapped};
use crate::provider::Reply;
use crate::world::{Call, Context};

const ELIGIBILITY: &[&str] = &[
    "not_eligible",
    "auto_substantiation",
    "private_label",
    "vision",
    "prescription",
    "letter_of_medical_necessity",
    "service",
];

pub(super) fn create_product(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let made = unwrap(call, "product").and_then(|body| product(flex, body, &call.account, context));
    made.map_or_else(|refused| refused, |id| wrapped::<Product>(flex, &id, context))
}

/// Makes a product of a request, or of a price's `product_data`.
fn product(
    flex: &mut Flex,
    asked: &Map<String, Value>,
    account: &str,
    context: &mut Context<'_>,
) -> Result<String, Reply> {
    if text(asked, "name").is_none() {
        return Err(missing("name", "flex.product.name-required", "A product must have a name."));
    }
    let unclassified = match context.reading("unclassified") {
        "null" => Value::Null,
        _ => json!("not_eligible"),
    };
    let eligibility = eligibility(asked)?.unwrap_or(unclassified);
    let mut body = Map::new();
    for name in [
        "name",
        "description",
        "document_description",
        "receipt_description",
        "visit_type",
        "upc_code",
        "gtin",
        "reference_gtin",
        "eligibility_rationale",
        "metadata",
        "url",
        "client_reference_id",
        "image_urls",
        "categories",
        "components",
    ] {
        body.insert(name.into(), asked.get(name).cloned().unwrap_or_default());
    }
    body.insert("active".into(), json!(true));
    body.insert("hsa_fsa_eligibility".into(), eligibility);
    let head = Head::new("fprod", "", account, context);
    Ok(flex.products.add(Product { head, body }))
}

fn eligibility(asked: &Map<String, Value>) -> Result<Option<Value>, Reply> {
    let Some(value) = given(asked, "hsa_fsa_eligibility") else { return Ok(None) };
    if value.as_str().is_some_and(|value| ELIGIBILITY.contains(&value)) {
        return Ok(Some(value.clone()));
    }
    let message = format!("hsa_fsa_eligibility must be one of {}.", ELIGIBILITY.join(", "));
    Err(invalid("hsa_fsa_eligibility", "enum", "flex.product.eligibility-known", message))
}

/// `PATCH /v1/products/{id}`: only the plugin shows it.
pub(super) fn update_product(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let changed = unwrap(call, "product").and_then(|asked| {
        flex.products.of(&call.account, &id)?;
        eligibility(asked)?;
        Ok(asked)
    });
    let asked = match changed {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    if let Some(product) = flex.products.get_mut(&id) {
        let known = asked.iter().filter(|(name, _)| product.body.contains_key(*name));
        let known: Vec<_> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        product.body.extend(known);
    }
    events::tell::<Product>(flex, "product.updated", &id, context);
    wrapped::<Product>(flex, &id, context)
}

pub(super) fn create_price(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let made = unwrap(call, "price").and_then(|body| price(flex, body, &call.account, context));
    made.map_or_else(|refused| refused, |id| wrapped::<Price>(flex, &id, context))
}

/// Makes a price of a request, or of a line's `price_data`.
pub(super) fn price(
    flex: &mut Flex,
    asked: &Map<String, Value>,
    account: &str,
    context: &mut Context<'_>,
) -> Result<String, Reply> {
    let (named, inline) = (text(asked, "product"), given(asked, "product_data").and_then(Value::as_object));
    if named.is_some() == inline.is_some() {
        let message = "A price must have exactly one of product and product_data.";
        return Err(missing("product", "flex.price.product-xor-product-data", message));
    }
    let Some(amount) = cents(asked, "unit_amount")? else {
        return Err(missing("unit_amount", "flex.price.amount-integer-cents", "A price must have a unit_amount."));
    };
    let recurring = recurring(asked)?;
    let own = eligibility(asked)?;
    if let Some(id) = named {
        let product = flex.products.of(account, id).map_err(|_| {
            invalid("product", "product_not_found", "flex.checkout.price-active", format!("There is no product {id}."))
        })?;
        if product.body.get("active") != Some(&json!(true)) {
            let message = format!("The product {id} is not active.");
            return Err(invalid("product", "product_not_found", "flex.checkout.price-active", message));
        }
    }
    let product = match inline {
        Some(inline) => product(flex, inline, account, context)?,
        None => named.unwrap_or_default().to_owned(),
    };
    let inherited = || flex.products.get(&product)?.body.get("hsa_fsa_eligibility").cloned();
    let kind = if recurring.is_null() { "one_time" } else { "recurring" };
    let body = json!({
        "description": asked.get("description"),
        "unit_amount": amount,
        "price": amount,
        "trial_period_days": recurring["trial_period_days"],
        "recurring": recurring,
        "active": asked.get("active").and_then(Value::as_bool).unwrap_or(true),
        "hsa_fsa_eligibility": own.or_else(inherited),
        "product": product,
        "type": kind,
        "metadata": asked.get("metadata"),
    });
    let head = Head::new("fprice", "", account, context);
    Ok(flex.prices.add(Price { head, body: body.as_object().cloned().unwrap_or_default() }))
}

/// `recurring` with its defaults, or null.
fn recurring(asked: &Map<String, Value>) -> Result<Value, Reply> {
    let Some(recurring) = given(asked, "recurring") else { return Ok(Value::Null) };
    if Interval::read(recurring).is_none() {
        let message = "recurring.interval must be daily, weekly, monthly or yearly, and interval_count 1 or more.";
        return Err(invalid("recurring", "enum", "flex.price.interval-known", message));
    }
    let days = &recurring["trial_period_days"];
    if !days.is_null() && days.as_i64().is_none_or(|days| !(0..=730).contains(&days)) {
        let message = "recurring.trial_period_days must be a whole number of days.";
        return Err(invalid("recurring", "value_error", "flex.price.trial-days-positive", message));
    }
    let count = recurring["interval_count"].as_i64().unwrap_or(1);
    Ok(json!({"interval": recurring["interval"], "interval_count": count, "trial_period_days": days}))
}

/// `POST /v1/prices/{id}`: only `description` and `active` can change.
pub(super) fn update_price(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id").to_owned();
    let checked = unwrap(call, "price").and_then(|asked| {
        flex.prices.of(&call.account, &id)?;
        match asked.keys().find(|name| !["description", "active"].contains(&name.as_str())) {
            None => Ok(asked),
            Some(name) => {
                let message = format!("{name} of a price cannot change. Create a new price and deactivate this one.");
                Err(invalid(name, "value_error", "flex.price.immutable-amount", message))
            }
        }
    });
    match checked {
        Ok(asked) => {
            if let Some(price) = flex.prices.get_mut(&id) {
                price.body.extend(asked.clone());
            }
            wrapped::<Price>(flex, &id, context)
        }
        Err(refused) => refused,
    }
}

impl Price {
    /// A member of the price.
    pub(super) fn member(&self, name: &str) -> Value {
        self.body.get(name).cloned().unwrap_or_default()
    }
}

/// A price that can be sold: it exists and is active, and so is its product.
pub(super) fn sellable<'a>(flex: &'a Flex, account: &str, id: &str) -> Result<&'a Price, Reply> {
    let refuse = || {
        let message = format!("There is no active price {id}.");
        invalid("price", "price_not_found", "flex.checkout.price-active", message)
    };
    let price = flex.prices.of(account, id).map_err(|_| refuse())?;
    let product = flex.products.get(price.member("product").as_str().unwrap_or_default());
    let active = |body: &Map<String, Value>| body.get("active") == Some(&json!(true));
    let ready = active(&price.body) && product.is_some_and(|product| active(&product.body));
    if ready { Ok(price) } else { Err(refuse()) }
}
