//! The scripts that compare the languages reach every kind of result, and no difference is missed.

use std::collections::BTreeSet;
use std::path::Path;

use rulebound_tests::parity::{Script, Sequences, difference};

fn sequences() -> Sequences {
    Sequences::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")).unwrap()
}

#[test]
fn sequences_end_in_every_way_in_every_flow() {
    const ENDS: [&str; 6] = [
        r#""ignored":null"#,
        r#""request":{"#,
        r#""ignored":{"reason":"duplicate""#,
        r#""ignored":{"reason":"early""#,
        r#"{"violations":"#,
        r#"{"code":"malformed","pointer":"/"#,
    ];
    let sequences = sequences();
    let mut reached = BTreeSet::new();
    for number in 0..4000 {
        let (script, lines) = sequences.sequence(number);
        let flow = script.flow().to_owned();
        let ends = lines.iter().step_by(2).flat_map(|line| ENDS.into_iter().filter(|end| line.contains(end)));
        reached.extend(ends.map(|end| (flow.clone(), end)));
    }
    let flows: BTreeSet<_> = reached.iter().map(|(flow, _)| flow.as_str()).collect();
    let missing: Vec<_> = flows
        .iter()
        .flat_map(|flow| ENDS.iter().map(|end| ((*flow).to_owned(), *end)))
        .filter(|pair| !reached.contains(pair))
        .collect();
    assert_eq!(flows.len(), 7);
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_sequence_is_the_same_each_time() {
    let (script, lines) = sequences().sequence(7);
    let (again, same) = sequences().sequence(7);
    assert_eq!((script.json(), &lines), (again.json(), &same));
    assert_eq!(script.transcript(), lines);
    assert_eq!(lines.len(), 2 * script.steps().len());
}

#[test]
fn a_difference_names_its_step() {
    let script = Script::new("truemed.payment_token", "00000000-0000-4000-8000-000000000001");
    let lines = ["null", "[]", "null", "[1]"].map(str::to_owned);
    assert_eq!(difference(&script, &lines, &lines), None);
    let message = |got: &[String]| difference(&script, &lines, got).unwrap_or_default();
    assert!(message(&lines[..3]).starts_with("step 2 "));
    assert!(message(&["null", "[2]", "null", "[1]"].map(str::to_owned)).contains("[2]"));
    assert!(message(&[&lines[..], &lines[..1]].concat()).starts_with("step 3 "));
}
