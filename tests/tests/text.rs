//! Our JSON reader and writer agree with `serde_json` on every text.

use std::fs;
use std::marker::PhantomData;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rulebound::Malformed;
use rulebound::json::{RawText, quote, read, write};
use rulebound_tests::vectors::files;
use serde_json::Value;
use serde_json::value::RawValue;

fn read_ours(text: &str) -> Result<Value, Malformed> {
    read(text, PhantomData)
}

/// Checks that both read the same value or none, and write it in the same way.
fn agrees(text: &str) -> Result<(), String> {
    let ours = read_ours(text);
    let raw: Result<RawText<'_>, _> = read(text, PhantomData);
    let raw = raw.map(RawText::get);
    // A raw text is passed on unread, so half a surrogate pair is an error only for a reader.
    let passed = serde_json::from_str::<&RawValue>(text).map(RawValue::get);
    if raw.as_ref().is_ok_and(|raw| passed.as_ref().ok() != Some(raw)) || (raw.is_err() && ours.is_ok()) {
        return Err(format!("{text:?} is passed as {raw:?}, not as {passed:?}"));
    }
    match (serde_json::from_str::<Value>(text), &ours) {
        (Ok(value), Ok(read)) if value == *read => {
            let theirs = value.to_string();
            match write(&value) == theirs {
                true => Ok(()),
                false => Err(format!("{text:?} is written as {}, not as {theirs}", write(&value))),
            }
        }
        (Err(_), Err(_)) => Ok(()),
        (theirs, _) => Err(format!("{text:?} is read as {ours:?}, not as {theirs:?}")),
    }
}

/// Pieces of JSON, good and bad.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\t",
        "\u{c}",
        "\u{a0}",
        "\0",
        "null",
        "true",
        "false",
        "nul",
        "tru",
        "\"a\"",
        "\"\"",
        "\"b c\":",
        "\"\\n\"",
        "\"\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\x\"",
        "\"é😀\"",
        "\"eight888\"",
        "\"\u{1}\"",
        "\"\u{7f}\"",
        "\"sixteen_sixteen_\\\"\"",
        "\"",
        "\\",
        "0",
        "-0",
        "1",
        "-1",
        "01",
        "1.5",
        "1.",
        ".5",
        "1e3",
        "1E-3",
        "1e",
        "+1",
        "-",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "123456789012345678",
        "1234567890123456789",
        "1e400",
        "0.1",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, rng_seed: RngSeed::Fixed(20_261_122), ..ProptestConfig::default() })]

    #[test]
    fn pieces_are_read_as_serde_json_reads_them(pieces in prop::collection::vec(piece(), 0..9)) {
        prop_assert_eq!(agrees(&pieces.concat()), Ok(()));
        prop_assert_eq!(agrees(&format!("[{}]", pieces.join(","))), Ok(()));
        prop_assert_eq!(agrees(&format!("{{\"a\":{}}}", pieces.join(",\"b\":"))), Ok(()));
    }

    #[test]
    fn any_text_is_quoted_as_serde_json_quotes_it(text: String) {
        let mut ours = String::new();
        quote(&mut ours, &text);
        prop_assert_eq!(&ours, &serde_json::to_string(&text).unwrap());
        prop_assert_eq!(agrees(&ours), Ok(()));
    }
}

#[test]
fn whole_files_and_damaged_ones_are_read_the_same() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut texts = 0;
    for file in files(&vectors).unwrap() {
        let text = fs::read_to_string(&file).unwrap();
        agrees(&text).unwrap();
        // The file is cut off, or loses one byte, at places that differ from file to file.
        for cut in (text.len() % 97..text.len()).step_by(10_007).filter(|cut| text.is_char_boundary(*cut)) {
            let (before, after) = text.split_at(cut);
            agrees(before).unwrap();
            agrees(&format!("{before}{}", after.get(1..).unwrap_or_default())).unwrap();
            texts += 2;
        }
    }
    assert!(texts > 100, "only {texts}");
}

#[test]
fn json_that_is_nested_too_deeply_is_rejected_where_serde_json_rejects_it() {
    for depth in 120..=140 {
        agrees(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).unwrap();
        agrees(&format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))).unwrap();
    }
    // This is far deeper than the stack.
    let wrong = read_ours(&"[".repeat(1 << 20)).unwrap_err();
    assert_eq!(wrong.reason, "is nested too deeply");
}
