//! Random histories of every flow, each made from its number.

use rulebound_nets::histories::breaches;

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
