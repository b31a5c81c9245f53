//! A JSON value, made wrong in one place in every way that a schema speaks of.

use serde_json::{Value, json};

/// The value in every shape that differs from it in one place: a field dropped, one added, a value of another kind, or
/// one beyond the bounds. Each comes with the place and what is done there.
pub fn mutations(value: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    list(value, String::new(), &mut places);
    let mut made = Vec::new();
    for place in places {
        let here = value.pointer(&place).unwrap_or(&Value::Null);
        for other in others(here) {
            made.push((format!("`{place}` is {other:.40}"), replaced(value, &place, other)));
        }
        let Some(members) = here.as_object() else { continue };
        for name in members.keys() {
            let mut fewer = members.clone();
            fewer.remove(name);
            made.push((format!("`{place}/{name}` is missing"), replaced(value, &place, fewer.into())));
        }
        let mut more = members.clone();
        more.insert("surplus".into(), true.into());
        made.push((format!("`{place}/surplus` is added"), replaced(value, &place, more.into())));
    }
    made
}

/// What could stand in the place of a value and is not it.
fn others(here: &Value) -> Vec<Value> {
    let mut others = vec![Value::Null, true.into(), json!(1.5), json!(-1), json!(9_007_199_254_740_992_i64), json!("")];
    others.extend([json!("no such thing"), json!("x".repeat(600)), json!({"surplus": 1}), json!([{}])]);
    others.retain(|it| it != here);
    others
}

/// The pointers to a value and to all that is in it; of a list, to its first entry.
fn list(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().for_each(|(name, it)| list(it, format!("{at}/{}", escaped(name)), places));
        }
        Value::Array(entries) => entries.iter().take(1).for_each(|it| list(it, format!("{at}/0"), places)),
        _ => {}
    }
    places.push(at);
}

fn replaced(value: &Value, place: &str, other: Value) -> Value {
    let mut value = value.clone();
    if let Some(here) = value.pointer_mut(place) {
        *here = other;
    }
    value
}
