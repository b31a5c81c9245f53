//! Places that a row can reach, as the views show them. The samples name them.

use serde_json::Value;

use super::{Facade, HOUR, Views, is_named};

/// A row at a time, whose places are checked.
#[derive(Clone, Copy, Debug)]
pub struct RowState<'a> {
    /// Its flow.
    pub facade: &'a Facade,
    /// The saved snapshot.
    pub text: &'a str,
    /// The time.
    pub now: i64,
    /// Its views at that time.
    pub views: &'a Views,
}

impl RowState<'_> {
    /// Whether the row is at a place.
    pub fn is_at(&self, place: &Value) -> Result<bool, String> {
        let (name, what) =
            place.as_object().and_then(|it| it.iter().next()).ok_or_else(|| format!("{place}: is not a place"))?;
        Ok(match name.as_str() {
            "effects" => has(&self.views.effects, what),
            "later" => has(&self.views.later, what),
            "access" => self.has_access(what),
            "waiting_for" => has(&self.views.waiting_for, what),
            "gone" => is_gone(self.views, what.as_str().unwrap_or_default()),
            "actions" => has(&self.views.actions, &serde_json::json!({"action": what, "allowed": true})),
            "knows" => has(&self.views.ids, what),
            "holds" => holds(&self.views.state, what),
            "accepts" => self.rejected(what)?.is_none(),
            "rejects" => {
                self.rejected(&what["command"])?.is_some_and(|codes| codes.iter().any(|it| what["rule"] == **it))
            }
            "not" => !self.is_at(what)?,
            "all" => self.each(what)?.into_iter().all(|it| it),
            "any" => self.each(what)?.into_iter().any(|it| it),
            _ => return Err(format!("{name}: is not a kind of place")),
        })
    }

    /// Whether the customer has access for longer than the grace from now.
    fn has_access(&self, about: &Value) -> bool {
        let all = self.views.effects.as_array().into_iter().flatten();
        let mut levels = all.filter(|it| it["type"] == "access" && it["about"]["id"] == *about);
        levels.any(|it| it["access_until"].as_i64().is_some_and(|until| until > self.now + 25 * HOUR))
    }

    fn each(&self, places: &Value) -> Result<Vec<bool>, String> {
        places.as_array().into_iter().flatten().map(|it| self.is_at(it)).collect()
    }

    fn rejected(&self, command: &Value) -> Result<Option<Vec<String>>, String> {
        Ok(self.facade.handle(self.text, command, self.now)?.rejected)
    }
}

/// Whether no effect has this id, visible or later.
pub fn is_gone(views: &Views, id: &str) -> bool {
    let lists = [&views.effects, &views.later];
    !lists.into_iter().flat_map(|it| it.as_array().into_iter().flatten()).any(|it| is_named(id, &it["id"]))
}

/// Whether an array has an entry that fits.
pub fn has(entries: &Value, wanted: &Value) -> bool {
    entries.as_array().into_iter().flatten().any(|it| fits(wanted, it))
}

/// Compares objects by their named members, and strings by their beginning if they end in `*`. A string also stands for
/// the id with this name.
fn fits(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Object(members), _) => members.iter().all(|(name, it)| fits(it, &got[name])),
        (Value::String(_), Value::Object(named)) if named.contains_key("id") => fits(wanted, &named["id"]),
        (Value::String(_), Value::String(_)) => is_named(wanted.as_str().unwrap_or_default(), got),
        _ => wanted == got,
    }
}

/// Whether a value, or any object in it, has these members.
fn holds(within: &Value, wanted: &Value) -> bool {
    fits(wanted, within)
        || match within {
            Value::Array(entries) => entries.iter().any(|it| holds(it, wanted)),
            Value::Object(members) => members.values().any(|it| holds(it, wanted)),
            _ => false,
        }
}
