//! The product catalog: which items can be paid for with an HSA or FSA, and with which letter.
//!
//! Truemed reviews an item after it was registered or changed, and sends a webhook with the outcome. The catalog
//! decides nothing about a payment session: no document says that it does.

use serde_json::{Map, Value, json};

use super::errors::{guess, refuse};
use super::keys::text;
use super::sessions::paginate;
use super::state::Truemed;
use super::{CLASSIFY, events, page};
use crate::provider::Reply;
use crate::time::{Millis, iso};
use crate::world::{Call, Context};

type Result<T> = core::result::Result<T, Reply>;

/// How an item can be classified. The first one is what a review finds, unless the world says otherwise.
pub(super) const ELIGIBILITIES: [&str; 3] = ["eligible_with_lmn", "eligible", "ineligible"];
/// The members of an item that the merchant sets.
const TEXTS: [&str; 5] = ["name", "description", "url", "gtin", "metadata"];

/// One item of a merchant.
#[derive(Debug)]
pub(super) struct Item {
    nth: u64,
    product_id: String,
    /// The members as the merchant sent them.
    told: Map<String, Value>,
    created: Millis,
    /// Nothing, before the first review.
    eligibility: Option<&'static str>,
    reviewed: Option<Millis>,
    /// Counts the changes. A review of an older one is void.
    changes: u64,
}

impl Item {
    /// The item as Truemed shows it.
    fn shown(&self, sku: &str, context: &Context<'_>) -> Value {
        let mut shown = json!({
            "sku": sku,
            "product_id": self.product_id,
            "created_at": iso(self.created),
            "eligibility": self.eligibility.map(|it| spelled(it, context)),
            "reviewed_at": self.reviewed.map(iso),
            "image_urls": self.told.get("image_urls").cloned().unwrap_or_else(|| json!([])),
        });
        for name in TEXTS {
            shown[name] = self.told.get(name).cloned().unwrap_or_default();
        }
        shown
    }

    pub(super) fn ledger(&self, sku: &str) -> Value {
        json!({"sku": sku, "eligibility": self.eligibility, "reviewed_at": self.reviewed.map(iso)})
    }
}

/// Two versions of one page spell the last eligibility differently.
fn spelled<'a>(eligibility: &'a str, context: &'a Context<'_>) -> &'a str {
    if eligibility == "ineligible" { context.reading("ineligible-as") } else { eligibility }
}

/// What a request says about an item, checked. `wants` names what must not be missing.
fn told(body: &Map<String, Value>, wants: &[&str]) -> Result<(String, Map<String, Value>)> {
    const RULE: &str = "truemed.catalog.fields";
    let invalid = |message: String| guess(400, "ValidationError", RULE, message);
    let sku = text(body, "sku").ok_or_else(|| invalid("sku is required.".into()))?;
    if let Some(name) = wants.iter().find(|name| body.get(**name).is_none_or(Value::is_null)) {
        return Err(invalid(format!("{name} is required.")));
    }
    let mut told = Map::new();
    for name in TEXTS {
        let nullable = matches!(name, "gtin" | "metadata");
        match body.get(name) {
            None => {}
            Some(value) if value.is_string() || nullable && value.is_null() => {
                told.insert(name.into(), value.clone());
            }
            Some(_) => return Err(invalid(format!("{name} must be a string."))),
        }
    }
    if let Some(urls) = body.get("image_urls") {
        if urls.as_array().is_none_or(|urls| !urls.iter().all(Value::is_string)) {
            return Err(invalid("image_urls must be a list of strings.".into()));
        }
        told.insert("image_urls".into(), urls.clone());
    }
    Ok((sku.to_owned(), told))
}

/// The reference requires every detail; the guide's samples leave some out.
fn wanted(guide: &'static [&'static str], context: &Context<'_>) -> &'static [&'static str] {
    if context.reading("catalog-fields") == "reference" { &["name", "description", "image_urls", "url"] } else { guide }
}

pub(super) fn create(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    create_item(truemed, call, context).unwrap_or_else(|refused| refused)
}

fn create_item(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply> {
    let (sku, told) = told(&call.json, wanted(&["name"], context))?;
    let key = (call.account.clone(), sku.clone());
    if truemed.catalog.contains_key(&key) {
        let message = format!("The SKU {sku} is in the catalog already. Update it.");
        return Err(refuse(409, "Conflict", "truemed.catalog.sku-unique", message)
            .source(page::CATALOG)
            .inferred("the guide names the status, but not the error's enum"));
    }
    let product_id = format!("prod-{}", context.id("product", Some(&format!("{} {sku}", call.account))).hex(9));
    let nth = truemed.next_number();
    let item = Item { nth, product_id, told, created: context.now, eligibility: None, reviewed: None, changes: 0 };
    let shown = item.shown(&sku, context);
    truemed.catalog.insert(key.clone(), item);
    plan(&key, 0, context);
    Ok(item_reply(shown, context).inferred("the reply to the creation of an item is not visible in the documents"))
}

pub(super) fn update(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    update_item(truemed, call, context).unwrap_or_else(|refused| refused)
}

/// Changes an item. Its eligibility stays what it was until the next review.
fn update_item(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply> {
    let (sku, told) = told(&call.json, wanted(&[], context))?;
    let key = (call.account.clone(), sku);
    let item = truemed.catalog.get_mut(&key).ok_or_else(unknown)?;
    item.told.extend(told);
    item.changes = item.changes.saturating_add(1);
    plan(&key, item.changes, context);
    Ok(Reply::json(200, &json!({})))
}

pub(super) fn detail(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let (sku, _) = match told(&call.json, &[]) {
        Ok(told) => told,
        Err(refused) => return refused,
    };
    let key = (call.account.clone(), sku);
    match truemed.catalog.get(&key) {
        Some(item) => item_reply(item.shown(&key.1, context), context)
            .inferred("whether the item is below a member is not visible in the documents"),
        None => unknown(),
    }
}

/// Lists the items, those that were registered last first.
pub(super) fn list(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let query = call.query();
    let wanted = query.get("eligibility").map(String::as_str);
    let own = truemed.catalog.iter().filter(|((account, _), _)| *account == call.account);
    let mut items: Vec<(u64, Value)> = own.map(|((_, sku), item)| (item.nth, item.shown(sku, context))).collect();
    items.retain(|(_, shown)| wanted.is_none_or(|wanted| shown["eligibility"] == wanted));
    items.sort_by_key(|(nth, _)| core::cmp::Reverse(*nth));
    let (page, pagination) = paginate(&items, call);
    let data: Vec<&Value> = page.iter().map(|(_, shown)| shown).collect();
    Reply::json(200, &json!({"data": data, "pagination": pagination}))
}

/// Whether a cart should offer Truemed: when one of its items was found eligible.
pub(super) fn checkout_method(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    const WHY: &str = "only a third party shows the body and the reply of this call";
    const RULE: &str = "truemed.catalog.fields";
    let Some(items) = call.json.get("items").and_then(Value::as_array) else {
        return guess(400, "ValidationError", RULE, "items is required.");
    };
    let mut eligible = Vec::new();
    for item in items {
        let Some(sku) = item["sku"].as_str() else {
            return guess(400, "ValidationError", RULE, "An item needs a sku.");
        };
        // An item without a review counts as ineligible.
        let known = truemed.catalog.get(&(call.account.clone(), sku.to_owned()));
        if let Some(item) = known.filter(|item| item.eligibility.is_some_and(|it| it != "ineligible")) {
            eligible.push(item.shown(sku, context));
        }
    }
    let method = if eligible.is_empty() { "standard" } else { "truemed" };
    Reply::json(200, &json!({"checkout_method": method, "eligible_items": eligible})).inferred(WHY)
}

/// Truemed reviews an item, and says so.
pub(super) fn review(truemed: &mut Truemed, what: &Value, context: &mut Context<'_>) {
    let text = |name: &str| what[name].as_str().unwrap_or_default().to_owned();
    let key = (text("account"), text("classify"));
    let Some(item) = truemed.catalog.get(&key).filter(|item| json!(item.changes) == what["changes"]) else { return };
    let found = item.eligibility.unwrap_or(ELIGIBILITIES[0]);
    decide(truemed, &key, found, context);
}

/// Classifies an item. The world can do so at once, with any outcome.
pub(super) fn classify(
    truemed: &mut Truemed,
    act: &Value,
    context: &mut Context<'_>,
) -> core::result::Result<(), String> {
    let found = ELIGIBILITIES.into_iter().find(|it| act["eligibility"] == *it);
    let found = found.ok_or("`eligibility` must be eligible, eligible_with_lmn or ineligible.")?;
    let sku = act["sku"].as_str().unwrap_or_default();
    let keys: Vec<_> = truemed.catalog.keys().filter(|(_, known)| known == sku).cloned().collect();
    if keys.is_empty() {
        return Err("`sku` must name an item of the catalog.".into());
    }
    for key in keys {
        decide(truemed, &key, found, context);
    }
    Ok(())
}

fn decide(truemed: &mut Truemed, key: &(String, String), found: &'static str, context: &mut Context<'_>) {
    let Some(item) = truemed.catalog.get_mut(key) else { return };
    item.eligibility = Some(found);
    item.reviewed = Some(context.now);
    item.changes = item.changes.saturating_add(1);
    let shown = item.shown(&key.1, context);
    events::eligibility(&shown, context);
}

fn plan((account, sku): &(String, String), changes: u64, context: &mut Context<'_>) {
    context.after(CLASSIFY, json!({"classify": sku, "account": account, "changes": changes}));
}

fn item_reply(shown: Value, context: &Context<'_>) -> Reply {
    let bare = context.reading("catalog-item-shape") == "bare";
    Reply::json(200, &if bare { shown } else { json!({"object": shown}) })
}

fn unknown() -> Reply {
    guess(404, "NotFound", "truemed.catalog.exists", "This SKU is not in the catalog.")
}
