//! The plans, without a network.

use std::collections::BTreeMap;

use super::model::Model;
use super::steps::plan;
use super::*;
use crate::provider::By;

fn model(provider: &str) -> Model {
    Model::new(provider, plan(provider).unwrap(), &BTreeMap::new()).unwrap()
}

#[test]
fn every_step_is_a_documented_request_that_the_simulator_answers() {
    for hosted in all() {
        let provider = hosted.name();
        let mut model = model(provider);
        let plan = plan(provider).unwrap();
        for step in plan.steps {
            let operation = model.operation(step.operation).unwrap();
            assert_eq!(operation.by, By::Merchant, "{step:?}");
            assert_eq!(operation.method == "GET", !step.writes, "only reading is read-only: {step:?}");
            let known = model.call(step).unwrap();
            assert!(known.replied.status < 500 && known.source.starts_with("https://"), "{step:?} {}", known.source);
            let is_refusal =
                step.path.iter().any(|it| it.1 == "nobody") || step.body.is_some_and(|it| it.contains("nothing"));
            let is_wrong = is_refusal || step.body.is_some_and(|it| it.contains("1400"));
            assert_eq!(known.replied.status < 300, !is_wrong, "{step:?} {}", known.replied.status);
        }
        assert!(plan.steps.iter().any(|it| it.writes) && plan.steps.iter().any(|it| !it.writes));
    }
}

/// Whether an operation gives a list: the library also finds a thing in one.
fn is_list(operation: &str) -> bool {
    operation.starts_with("list") || operation.starts_with("find") || operation == "retrieve_payments"
}

#[test]
fn every_list_of_the_simulator_has_an_entry_to_compare() {
    for hosted in all() {
        let mut model = model(hosted.name());
        for step in plan(hosted.name()).unwrap().steps.iter().filter(|it| is_list(it.operation)) {
            if step.path.iter().any(|it| ["nobody", "created"].contains(&it.1)) {
                continue;
            }
            let body = model.call(step).unwrap().replied.body.unwrap();
            let lists = body.as_object().into_iter().flatten().map(|(_, it)| it).chain([&body]);
            let is_used = lists.filter_map(Value::as_array).any(|it| !it.is_empty());
            assert!(is_used, "{}: {body}", step.operation);
        }
    }
}

#[test]
fn values_are_put_in_place_of_their_names() {
    let values = Values::from([("a".to_owned(), "x\"/y".to_owned())]);
    assert_eq!(with_values(r#"{"b": {}, "c": "{a}"}"#, &values), Ok(r#"{"b": {}, "c": "x\"/y"}"#.to_owned()));
    assert_eq!(with_values("{a} {d}", &values), Err("d"));
    assert_eq!(encoded("x/ü y"), "x%2F%C3%BC%20y");
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_sent() {
    let refusal = |provider: &str, against: &str, key: &str, write: bool, with: &[(&str, &str)]| {
        let mut comparison = Comparison::new(provider, against, Secret::new(key));
        comparison.write = write;
        comparison.values = with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        comparison.run().unwrap_err()
    };
    let sandbox = "https://api.example.invalid";
    let said = [
        (refusal("stripe", sandbox, "k", false, &[]), "--provider must be one of truemed, flex, vend, revup"),
        (refusal("truemed", "http://dev-api.truemed.com", "k", false, &[]), "https"),
        (refusal("truemed", sandbox, "", false, &[]), "--key must be"),
        (refusal("truemed", sandbox, "a b", false, &[]), "--key must be"),
        (refusal("flex", sandbox, "fsk_live", false, &[]), "fsk_test_"),
        (refusal("truemed", "https://api.truemed.com/", "k", true, &[]), "production"),
        (refusal("truemed", sandbox, "k", false, &[("plan", "x")]), "need no values"),
        (refusal("revup", sandbox, "k", false, &[("plam", "x")]), "plan, subscription, order"),
    ];
    for (error, part) in said {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_key_is_not_in_what_is_printed_of_a_comparison() {
    let comparison = Comparison::new("truemed", "https://api.example.invalid", Secret::new("very-secret"));
    assert!(!format!("{comparison:?}").contains("very-secret"));
}
