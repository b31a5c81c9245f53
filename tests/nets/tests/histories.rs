//! Random histories of every flow, each made from its number.

use rulebound::Flow;
use rulebound_nets::histories::{FLOWS, breaches};

/// The number of histories of each flow, unless `RULEBOUND_HISTORIES` is set.
const HISTORIES: u64 = 2000;

fn histories(flow: &str) {
    let given = |name: &str| std::env::var(name).ok().and_then(|it| it.parse().ok());
    let first = given("RULEBOUND_FIRST").unwrap_or(0);
    let count = given("RULEBOUND_HISTORIES").unwrap_or(HISTORIES);
    let breaches = breaches(flow, first..first + count);
    assert!(breaches.is_empty(), "{} kinds of breaches\n{}", breaches.len(), breaches.join("\n\n"));
    println!("{flow}: {count} histories");
}

#[test]
fn truemed_payment_token() {
    histories("truemed.payment_token");
}

#[test]
fn truemed_payment_session() {
    histories("truemed.payment_session");
}

#[test]
fn truemed_qualification_session() {
    histories("truemed.qualification_session");
}

#[test]
fn flex_checkout() {
    histories("flex.checkout");
}

#[test]
fn flex_subscription() {
    histories("flex.subscription");
}

#[test]
fn vend_subscription() {
    histories("vend.subscription");
}

#[test]
fn revup_subscription() {
    histories("revup.subscription");
}

#[test]
fn every_flow_has_a_model_of_its_provider() {
    let mut missing = Vec::new();
    macro_rules! look {
        ($provider:ident :: $flow:ident) => {
            missing.extend(Some(rulebound::$provider::$flow::ID).filter(|id| !FLOWS.contains(id)))
        };
    }
    rulebound::for_each_flow!(look);
    assert!(
        missing.is_empty(),
        "{missing:?}: write a model in tests/nets/src/histories, add it to `FLOWS`, and a test here"
    );
}
