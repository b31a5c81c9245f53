//! How objects are kept, found, listed and shown: the same for every kind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors::{invalid, not_found};
use super::state::Flex;
use crate::provider::Reply;
use crate::time::Millis;
use crate::world::{Call, Context};

/// What every object has.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) test_mode: bool,
    pub(super) created: Millis,
}

impl Head {
    /// A new object: `of` names its parent, so that ids do not depend on what happens to other parents.
    pub(super) fn new(prefix: &str, of: &str, account: &str, context: &mut Context<'_>) -> Self {
        let digits = context.id(&format!("{prefix} of {of}"), None).hex(20);
        let id = format!("{prefix}_{}", ulid(context.now, &digits));
        Self { id, account: account.into(), test_mode: account.starts_with("fsk_test_"), created: context.now }
    }
}

/// A ULID in lower case: 10 letters of time, 16 of the 20 hexadecimal digits.
fn ulid(at: Millis, digits: &str) -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let time = u128::try_from(at).unwrap_or(0);
    let number = time << 80 | u128::from_str_radix(digits, 16).unwrap_or(0);
    let letter = |shift: u32| LETTERS.get(usize::try_from(number >> shift & 31).unwrap_or(0));
    (0..26_u32).rev().filter_map(|nth| letter(nth.saturating_mul(5))).map(|letter| char::from(*letter)).collect()
}

/// A kind of object.
pub(super) trait Kept: Sized {
    /// The key around one object.
    const KIND: &'static str;
    /// The key around a list.
    const PLURAL: &'static str;
    /// How many a list has by default.
    const LIMIT: usize = 10;

    fn store(flex: &Flex) -> &Store<Self>;
    fn head(&self) -> &Head;
    /// The object as Flex shows it.
    fn shown(&self, flex: &Flex, context: &Context<'_>) -> Value;
}

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Store<T> {
    by: BTreeMap<String, T>,
    order: Vec<String>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self { by: BTreeMap::new(), order: Vec::new() }
    }
}

impl<T: Kept> Store<T> {
    /// Keeps an object, and returns its id.
    pub(super) fn add(&mut self, it: T) -> String {
        let id = it.head().id.clone();
        self.order.push(id.clone());
        self.by.insert(id.clone(), it);
        id
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.by.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.by.get_mut(id)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.by.remove(id);
        self.order.retain(|known| known != id);
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Forgets the objects that were made after so many.
    pub(super) fn truncate(&mut self, len: usize) {
        let newer = self.order.split_off(len.min(self.order.len()));
        newer.iter().for_each(|id| drop(self.by.remove(id)));
    }

    /// All objects, the oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.order.iter().filter_map(|id| self.by.get(id))
    }

    /// An object of an account. What belongs to another one does not exist.
    pub(super) fn of(&self, account: &str, id: &str) -> Result<&T, Reply> {
        let found = self.by.get(id).filter(|it| it.head().account == account);
        found.ok_or_else(|| not_found(T::KIND, id))
    }
}

/// One object within its key.
pub(super) fn wrapped<T: Kept>(flex: &Flex, id: &str, context: &Context<'_>) -> Reply {
    let shown = T::store(flex).get(id).map(|it| it.shown(flex, context)).unwrap_or_default();
    Reply::json(200, &json!({T::KIND: shown}))
}

/// `GET …/{id}`, with what the query expands.
pub(super) fn retrieve<T: Kept>(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    match T::store(flex).of(&call.account, call.parameter("id")) {
        Ok(it) => {
            let mut shown = it.shown(flex, context);
            expand(flex, &mut shown, &call.query(), context);
            Reply::json(200, &json!({T::KIND: shown}))
        }
        Err(refused) => refused,
    }
}

/// `GET …`: the newest first, filtered by members of the object that the query names.
pub(super) fn list<T: Kept>(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    listed::<T>(flex, call, context).unwrap_or_else(|refused| refused)
}

fn listed<T: Kept>(flex: &Flex, call: &Call<'_>, context: &Context<'_>) -> Result<Reply, Reply> {
    let query = call.query();
    let number = |name: &str, default: usize, low: usize, high: usize| match query.get(name) {
        None => Ok(default),
        Some(text) => text.parse::<usize>().ok().filter(|it| (low..=high).contains(it)).ok_or_else(|| {
            invalid(name, "value_error", "flex.list.limit", format!("{name} must be from {low} to {high}."))
        }),
    };
    let (limit, offset) = (number("limit", T::LIMIT, 1, 100)?, number("offset", 0, 0, usize::MAX)?);
    let days = number("interval", 0, 0, 36_500)?;
    let since = context.now.saturating_sub(i64::try_from(days).unwrap_or(0).saturating_mul(crate::time::DAY));
    let ours = |it: &&T| it.head().account == call.account && (days == 0 || it.head().created >= since);
    let ids: Vec<&str> = T::store(flex).iter().rev().filter(ours).map(|it| it.head().id.as_str()).collect();
    let at = |name: &str| query.get(name).and_then(|id| ids.iter().position(|known| known == id));
    let (first, last) = (at("starting_after").map_or(0, |at| at.saturating_add(1)), at("ending_before"));
    let window = ids.get(first..last.unwrap_or(ids.len())).unwrap_or_default();
    let mut filters: Vec<(&str, &str)> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).filter(|(name, _)| is_filter(name)).collect();
    // Products that were archived are listed only with `active=false`.
    if T::PLURAL == "products" && !query.contains_key("active") {
        filters.push(("active", "true"));
    }
    let mut found = Vec::new();
    for id in window {
        let Some(it) = T::store(flex).get(id) else { continue };
        let mut shown = it.shown(flex, context);
        // A session is found by what its request had, also where the chosen reading does not show it.
        let asked = |name: &str| flex.sessions.get(id).and_then(|it| it.body.get(name)?.as_str());
        if filters.iter().all(|(name, wanted)| has(&shown, name, wanted) || asked(name) == Some(wanted)) {
            expand(flex, &mut shown, &query, context);
            found.push(shown);
        }
    }
    let page: Vec<Value> = match last {
        Some(_) => found.split_off(found.len().saturating_sub(limit)),
        None => found.into_iter().skip(offset).take(limit).collect(),
    };
    Ok(Reply::json(200, &json!({T::PLURAL: page})))
}

fn is_filter(name: &str) -> bool {
    !name.starts_with("expand") && !["limit", "offset", "starting_after", "ending_before", "interval"].contains(&name)
}

/// Whether a member has the wanted text. `payment_intent` is also found as `payment_intent_id`, and `metadata[key]`
/// as a member of the metadata.
fn has(shown: &Value, name: &str, wanted: &str) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let member = |name: &str| shown.get(name).is_some_and(|value| text(value) == wanted);
    let inner = name.strip_suffix(']').and_then(|name| name.split_once('['));
    let within = |(outer, key): (&str, &str)| shown[outer].get(key).is_some_and(|value| text(value) == wanted);
    member(name) || member(&format!("{name}_id")) || inner.is_some_and(within)
}

/// Puts objects in place of ids: `expand=customer,subscription`, or `expand_customer=true`.
fn expand(flex: &Flex, shown: &mut Value, query: &BTreeMap<String, String>, context: &Context<'_>) {
    let mut names: Vec<&str> = query.get("expand").map_or("", String::as_str).split(',').collect();
    let named = query.iter().filter(|(_, value)| *value == "true");
    names.extend(named.filter_map(|(name, _)| name.strip_prefix("expand_")));
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        let Some(object) = shown[name].as_str().and_then(|id| any(flex, id, context)) else { continue };
        shown[name] = object;
    }
}

/// The object that an id names, of whatever kind.
fn any(flex: &Flex, id: &str, context: &Context<'_>) -> Option<Value> {
    fn of<T: Kept>(flex: &Flex, id: &str, context: &Context<'_>) -> Option<Value> {
        T::store(flex).get(id).map(|it| it.shown(flex, context))
    }
    match id.split('_').next()? {
        "fcus" => of::<super::state::Customer>(flex, id, context),
        "fpi" => of::<super::state::Intent>(flex, id, context),
        "fsub" => of::<super::state::Subscription>(flex, id, context),
        "fin" => of::<super::state::Invoice>(flex, id, context),
        "fprod" => of::<super::state::Product>(flex, id, context),
        "fsi" => of::<super::state::Setup>(flex, id, context),
        _ => None,
    }
}

/// The object within the key of a request: `{"price": {…}}`.
pub(super) fn unwrap<'a>(call: &'a Call<'_>, kind: &'static str) -> Result<&'a Map<String, Value>, Reply> {
    call.json.get(kind).and_then(Value::as_object).ok_or_else(|| {
        super::errors::missing(kind, "flex.body.wrapper", format!("The body must be {{\"{kind}\": {{…}}}}."))
    })
}

/// A member that is a text and not empty.
pub(super) fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A member that is present and not null.
pub(super) fn given<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_null())
}

/// A member that is an amount of cents, 0 or more.
pub(super) fn cents(body: &Map<String, Value>, name: &str) -> Result<Option<i64>, Reply> {
    let Some(value) = given(body, name) else { return Ok(None) };
    let whole = value.as_i64().filter(|cents| (0..=1_000_000_000_000).contains(cents));
    let refused = || {
        let message = format!("{name} must be whole cents, 0 or more.");
        invalid(name, "value_error", "flex.price.amount-integer-cents", message)
    };
    whole.map(Some).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_begins_with_its_time_and_has_26_letters() {
        let id = ulid(1_714_156_917_654, "ffffffffffffffffffff");
        assert_eq!(id, "01hwdvdmwpzzzzzzzzzzzzzzzz");
        assert_eq!(ulid(0, "0").len(), 26);
    }
}
