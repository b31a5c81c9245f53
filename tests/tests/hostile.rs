//! Vectors of every flow, with values of an unusual size or in unusual letters in one or two places.

use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rulebound::ffi::call;
use rulebound_tests::vectors::{key, read_folder, with_context, with_text};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

static VECTORS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    read_folder(&folder).unwrap().into_iter().filter_map(|(_, vector)| vector.ok()).collect()
});

/// Values that replace one of a vector.
fn hostile() -> impl Strategy<Value = Value> {
    let nested = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let texts =
        ["", " ", "1", "4294967295", "a/1", "a:b:c", "für Jörg", "\u{0}\u{1f}\u{7f}\"\\/", "日本語 🦀 \u{2028}"];
    let texts = texts.into_iter().map(Value::from).collect::<Vec<_>>();
    let most = 9_007_199_254_740_991_i64;
    let others = vec![json!(0), json!(-1), json!(most), json!(-most), Value::Null, json!([]), json!({}), nested];
    let short = prop_oneof![Just(64_usize), Just(257), Just(600)];
    let length = prop_oneof![5 => short, 1 => Just(70_000), 1 => Just(1_000_000), 1 => Just(1 << 20)];
    prop_oneof![
        4 => prop::sample::select(texts),
        2 => prop::sample::select(others),
        3 => (length, prop::sample::select(vec!["r", "ü", " "])).prop_map(|(n, letter)| letter.repeat(n).into()),
        // The replaced array repeats its entries so often.
        1 => (2..400_usize).prop_map(|n| json!({ "repeated": n })),
    ]
}

/// The pointers to every scalar and every array in a value.
fn places(value: &Value, pointer: String, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
            members.iter().for_each(|(name, it)| places(it, format!("{pointer}/{}", escaped(name)), all));
        }
        Value::Array(entries) => {
            entries.iter().enumerate().for_each(|(n, it)| places(it, format!("{pointer}/{n}"), all));
            all.push(pointer);
        }
        _ => all.push(pointer),
    }
}

/// The step, with another value in one of its places.
fn changed(step: &Value, which: prop::sample::Index, other: &Value) -> Value {
    let mut step = step.clone();
    let mut all = Vec::new();
    for what in ["command", "fact"] {
        places(&step[what], format!("/{what}"), &mut all);
    }
    all.retain(|pointer| !pointer.ends_with("/type"));
    let chosen = (!all.is_empty()).then(|| which.get(&all));
    let Some(current) = chosen.and_then(|pointer| step.pointer_mut(pointer)) else {
        return step;
    };
    match (other["repeated"].as_u64(), &mut *current) {
        (Some(n), Value::Array(entries)) => {
            let once = entries.clone();
            (1..n).for_each(|_| entries.extend(once.iter().cloned()));
        }
        (Some(_), _) => {}
        (None, current) => *current = other.clone(),
    }
    step
}

/// The result of a step, with the next snapshot as text.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    ok: Option<Changed<'a>>,
    #[serde(borrow)]
    rejected: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Changed<'a> {
    #[serde(borrow)]
    next: Option<&'a RawValue>,
}

/// The result of a run.
#[derive(Default, Debug)]
struct Played {
    /// How many steps led to a snapshot.
    steps: usize,
    /// Whether a command found no room in the snapshot.
    is_full: bool,
}

/// Plays a vector's steps, of which some may be rejected, and loads every snapshot that they lead to.
fn play(vector: &Value, steps: &[Value]) -> Result<Played, TestCaseError> {
    let mut played = Played::default();
    let start = json!({"start": {"flow": vector["flow"], "key": key(&vector["key"])}});
    let started = call(&start.to_string());
    let started: Value = serde_json::from_str(&started).unwrap();
    let mut snapshot = started["ok"].to_string();
    for step in steps {
        let (verb, what, given) = match (step.get("command"), step.get("lease"), step.get("fact")) {
            (Some(command), ..) => ("handle", "command", command.clone()),
            (_, Some(effect), _) => ("lease", "effect", effect.clone()),
            (.., Some(fact)) => ("observe", "fact", with_text(fact)),
            _ => continue,
        };
        let fields = with_context(vector, step, json!({ what: given })).to_string();
        let fields = fields.strip_prefix('{').unwrap_or_default();
        let text = call(&format!(r#"{{"{verb}":{{"snapshot":{snapshot},{fields}}}"#));
        let answer: Answer<'_> = serde_json::from_str(&text).unwrap();
        played.is_full |= answer.rejected.is_some_and(|it| it.get().contains("rulebound.snapshot.full"));
        let Some(next) = answer.ok.and_then(|changed| changed.next) else { continue };
        let loaded = call(&format!(r#"{{"load":{{"snapshot":{next}}}}}"#));
        prop_assert_eq!(&loaded, &format!(r#"{{"ok":{}}}"#, next), "after {}", step);
        next.get().clone_into(&mut snapshot);
        played.steps += 1;
    }
    Ok(played)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, rng_seed: RngSeed::Fixed(20_261_122), max_shrink_iters: 64, ..ProptestConfig::with_cases(1024)
    })]

    #[test]
    fn what_was_accepted_can_be_loaded(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), hostile()), 1..3),
    ) {
        let vector = which.get(&VECTORS);
        let mut steps = vector["steps"].as_array().cloned().unwrap_or_default();
        for (which, place, other) in &changes {
            if let Some(step) = (!steps.is_empty()).then(|| which.index(steps.len())).and_then(|at| steps.get_mut(at)) {
                *step = changed(step, *place, other);
            }
        }
        play(vector, &steps)?;
    }
}

/// Plays steps on a new snapshot of a flow.
fn play_new(flow: &str, steps: &[Value]) -> Played {
    let vector = json!({"flow": flow, "key": "00000000-0000-4000-8000-000000000001"});
    play(&vector, steps).unwrap()
}

#[test]
fn many_long_refunds_can_be_loaded() {
    let item = json!({"name": "B12", "sku": "b12", "quantity": 1, "price": 1500});
    let create = json!({"type": "create_payment_session", "total_amount": 1500, "order_items": [item],
        "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"});
    let created = json!({"id": "ps_1", "redirect_url": "https://truemed.example/c/1"});
    let captured = json!({"payment_session_id": "ps_1", "status": "captured", "capture_amount": 1500});
    let id = "create_payment_session:1";
    let mut steps = vec![
        json!({"now": 0, "command": create}),
        json!({"now": 1, "lease": id}),
        json!({"now": 2, "fact": {"type": "reply", "effect": id, "http_status": 200, "body": created}}),
        json!({"now": 3, "fact": {"type": "webhook", "origin": "verified", "body": captured}}),
    ];
    let refund = |n: usize| {
        json!({"type": "create_refund", "intent": format!("r{n}"), "amount": 1, "reason": "fraudulent",
            "extra": {"x": "x".repeat(250 << 10)}})
    };
    steps.extend((0..12).map(|n| json!({"now": 4, "command": refund(n)})));
    let played = play_new("truemed.payment_session", &steps);
    assert!((8..16).contains(&played.steps) && played.is_full, "{played:?}");
}

#[test]
fn many_long_addresses_can_be_loaded() {
    let mut steps = Vec::new();
    for n in 1..10 {
        let create = json!({"type": "create_checkout_session", "line_items": [{"price": "fprice_1", "quantity": n}],
            "mode": "payment", "success_url": "https://shop.example/ok", "expected_total": 4999});
        let address = format!("https://pay.example/{}", "a".repeat(900_000));
        let session = json!({"checkout_session_id": format!("fcs_{n}"), "status": "open", "mode": "payment",
            "amount_total": 4999, "redirect_url": address});
        let id = format!("create_checkout_session:{n}");
        steps.push(json!({"now": n, "command": create}));
        steps.push(json!({"now": n, "lease": id}));
        let body = json!({"checkout_session": session});
        steps.push(json!({"now": n, "fact": {"type": "reply", "effect": id, "http_status": 200, "body": body}}));
    }
    let played = play_new("flex.checkout", &steps);
    assert!((6..27).contains(&played.steps), "{played:?}");
}
