//! JSON values with one mistake: each kind of mistake that a schema can find, in each place.

use serde_json::{Value, json};

/// Copies of a value that differ from it in one place: a member dropped or added, a value of another kind, or one beyond
/// the bounds. Each comes with a description of the change.
pub fn mutations(value: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    list_places(value, String::new(), &mut places);
    let mut all = Vec::new();
    for place in places {
        let current = value.pointer(&place).unwrap_or(&Value::Null);
        for other in others(current) {
            all.push((format!("`{place}` is {other:.40}"), replaced(value, &place, other)));
        }
        let Some(members) = current.as_object() else { continue };
        for name in members.keys() {
            let mut fewer = members.clone();
            fewer.remove(name);
            all.push((format!("`{place}/{name}` is missing"), replaced(value, &place, fewer.into())));
        }
        let mut more = members.clone();
        more.insert("surplus".into(), true.into());
        all.push((format!("`{place}/surplus` is added"), replaced(value, &place, more.into())));
    }
    all
}

/// Values that differ from the current one.
fn others(current: &Value) -> Vec<Value> {
    let mut others = vec![Value::Null, true.into(), json!(1.5), json!(-1), json!(9_007_199_254_740_992_i64), json!("")];
    others.extend([json!("no such thing"), json!("x".repeat(600)), json!({"surplus": 1}), json!([{}])]);
    others.retain(|other| other != current);
    others
}

/// The pointers to a value and to everything in it. Of an array, only the first entry counts.
fn list_places(value: &Value, pointer: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members
                .iter()
                .for_each(|(name, member)| list_places(member, format!("{pointer}/{}", escaped(name)), places));
        }
        Value::Array(entries) => entries.iter().take(1).for_each(|it| list_places(it, format!("{pointer}/0"), places)),
        _ => {}
    }
    places.push(pointer);
}

fn replaced(value: &Value, place: &str, other: Value) -> Value {
    let mut value = value.clone();
    if let Some(current) = value.pointer_mut(place) {
        *current = other;
    }
    value
}
