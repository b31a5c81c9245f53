//! The host's config.

use std::collections::BTreeMap;

use rulebound::ffi::read_config;
use rulebound::ffi::schema::Types;
use rulebound::flex::eligibility::Eligibility;
use rulebound::money::Cents;
use rulebound::time::Millis;
use rulebound::{BaseUrl, Config, Level, Lookups, Mode, flex, revup, truemed, vend};
use serde_json::{Value, json};

use super::{check_complete, id};

/// The intervals and the eligibilities that a price can have.
const INTERVALS: [&str; 8] = ["day", "week", "month", "year", "daily", "weekly", "monthly", "yearly"];
const ELIGIBILITIES: [Eligibility; 7] = [
    Eligibility::NotEligible,
    Eligibility::AutoSubstantiation,
    Eligibility::PrivateLabel,
    Eligibility::Vision,
    Eligibility::Prescription,
    Eligibility::LetterOfMedicalNecessity,
    Eligibility::Service,
];

fn double() -> BaseUrl {
    BaseUrl::parse("http://localhost:8080").unwrap()
}

fn flex_settings() -> (flex::Settings, Value) {
    let price = |interval: &str, eligibility: Eligibility| {
        let recurring = flex::Recurring::every(interval).interval_count(3).trial_period_days(14);
        flex::Price::new(Cents::new(4999)).recurring(recurring).hsa_fsa_eligibility(eligibility)
    };
    let json = |interval: &str, eligibility: &Eligibility| {
        json!({
            "unit_amount": 4999, "hsa_fsa_eligibility": eligibility.as_str(),
            "recurring": {"interval": interval, "interval_count": 3, "trial_period_days": 14},
        })
    };
    let all = || INTERVALS.into_iter().zip(ELIGIBILITIES.into_iter().cycle());
    let prices: BTreeMap<_, _> = all().map(|(it, eligibility)| (it.to_owned(), price(it, eligibility))).collect();
    let listed: BTreeMap<_, _> = all().map(|(it, eligibility)| (it, json(it, &eligibility))).collect();
    let built = flex::Settings::default().at(double()).test_mode(true).prices(prices);
    (built, json!({"base_url": "http://localhost:8080", "test_mode": true, "prices": listed}))
}

fn configs() -> Vec<(Config, Value)> {
    let (flex, flex_json) = flex_settings();
    let lookups = Lookups::default()
        .after_return_ms(vec![Millis::new(0), Millis::from_seconds(5)])
        .while_waiting_ms(vec![Millis::from_hours(2)]);
    let overrides = BTreeMap::from([
        ("truemed.provision.no-polling".to_owned(), Level::Warn),
        ("flex.checkout.urls-public".to_owned(), Level::Warn),
        ("truemed.webhook.origin-id-exactly-one".to_owned(), Level::Deny),
    ]);
    let truemed = truemed::Settings::default()
        .environment(truemed::Environment::Staging)
        .at(double())
        .kind_enabled(true)
        .discounts(truemed::DiscountSign::Negative)
        .free_trial_waives_total(true);
    let vend = vend::Settings::of("marshmallow", vend::Host::VendHq)
        .at(double())
        .api_version(id::<vend::ApiVersion>("2.0"))
        .scopes(["billing".to_owned()])
        .application_id("app-1");
    let revup = revup::Settings::of(revup::Environment::Test)
        .at(double())
        .plans([("plan-1".to_owned(), vec!["EUR".to_owned()])]);
    let full = Config::default()
        .mode(Mode::Lenient)
        .overrides(overrides)
        .lease_ms(Millis::from_minutes(1))
        .grace_ms(Millis::from_hours(48))
        .backoff_ms(Millis::from_seconds(10))
        .lookups(lookups)
        .truemed(truemed)
        .flex(flex)
        .vend(vend)
        .revup(revup);
    let full_json = json!({
        "mode": "lenient", "lease_ms": 60_000, "grace_ms": 172_800_000, "backoff_ms": 10_000,
        "overrides": {
            "truemed.provision.no-polling": "warn", "flex.checkout.urls-public": "warn",
            "truemed.webhook.origin-id-exactly-one": "deny",
        },
        "lookups": {"after_return_ms": [0, 5000], "while_waiting_ms": [7_200_000]},
        "truemed": {
            "environment": "staging", "base_url": "http://localhost:8080", "kind_enabled": true, "discounts": "negative",
            "free_trial_waives_total": true,
        },
        "flex": flex_json,
        "vend": {
            "domain_prefix": "marshmallow", "host": "vendhq.com", "base_url": "http://localhost:8080",
            "api_version": "2.0", "scopes": ["billing"], "application_id": "app-1",
        },
        "revup": {"environment": "test", "base_url": "http://localhost:8080", "plans": {"plan-1": ["EUR"]}},
    });
    let other = Config::default()
        .mode(Mode::Strict)
        .truemed(
            truemed::Settings::default()
                .environment(truemed::Environment::Production)
                .discounts(truemed::DiscountSign::Positive),
        )
        .vend(vend::Settings::of("marshmallow", vend::Host::Lightspeed))
        .revup(revup::Settings::of(revup::Environment::Production));
    let other_json = json!({
        "mode": "strict", "truemed": {"environment": "production", "discounts": "positive"},
        "vend": {"domain_prefix": "marshmallow", "host": "retail.lightspeed.app"}, "revup": {"environment": "production"},
    });
    vec![(full, full_json), (other, other_json)]
}

#[test]
fn every_setting_is_built() {
    let configs = configs();
    for (config, json) in &configs {
        assert_eq!(*config, read_config(&json.to_string()).unwrap());
    }
    // The type of a level has `forbid` too, and no override can be it.
    let forbidden = json!({"overrides": {"truemed.provision.no-polling": "forbid"}});
    let overrides = BTreeMap::from([("truemed.provision.no-polling".to_owned(), Level::Forbid)]);
    assert_eq!(Config::default().overrides(overrides), serde_json::from_value(forbidden.clone()).unwrap());
    assert_eq!(
        read_config(&forbidden.to_string()).unwrap_err().pointer,
        "/config/overrides/truemed.provision.no-polling"
    );
    check_complete(&Types::new().read, "Config", configs.iter().map(|(_, json)| json).chain([&forbidden]));
}
