//! JSON text, read and written by us and by `serde_json`.

use std::marker::PhantomData;

use rulebound::json::{quote, read, write};
use serde_json::Value;

use crate::places::{PLACES, text, vectors};

/// By this name `serde_json` hides raw JSON, so no member can have it.
const HIDDEN: &str = "$serde_json::private";

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut quoted = String::new();
    quote(&mut quoted, text);
    assert_eq!(Some(&quoted), serde_json::to_string(text).ok().as_ref(), "quoted differently");
    if text.contains(HIDDEN) || text.contains("\\u") && unescaped(text).contains(HIDDEN) {
        return;
    }
    let ours = read(text, PhantomData::<Value>);
    match (serde_json::from_str::<Value>(text), &ours) {
        (Ok(theirs), Ok(value)) => {
            assert_eq!(theirs, *value, "read differently: {text}");
            assert_eq!(write(value), theirs.to_string(), "written differently: {text}");
        }
        (Err(_), Err(wrong)) => {
            assert!(wrong.pointer.is_empty() || wrong.pointer.starts_with('/'), "no pointer: {wrong:?}");
        }
        (theirs, _) => panic!("{text:?} is read as {ours:?}, and by serde_json as {theirs:?}"),
    }
}

/// The text as far as its escapes can be read one by one.
fn unescaped(text: &str) -> String {
    serde_json::from_str::<Value>(text).map(|it| format!("{it}")).unwrap_or_else(|_| HIDDEN.to_owned())
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let bodies = vectors().into_iter().flat_map(|vector| {
        let steps = vector["steps"].as_array().cloned().unwrap_or_default();
        steps.into_iter().map(|step| text(&step["fact"]["body"]))
    });
    let saved = PLACES.all.iter().step_by(9).map(|it| it.snapshot.save());
    let odd =
        ["\"\\ud83d\\ude00\"", "[1e400]", "[-0,0.1,1E-3,18446744073709551616]", "{\"a\":1,\"a\":2}", "\u{feff}{}"];
    let odd = odd.into_iter().map(str::to_owned);
    bodies.step_by(5).chain(saved).chain(odd).filter(|it| !it.is_empty()).map(String::into_bytes).collect()
}
