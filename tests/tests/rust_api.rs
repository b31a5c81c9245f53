//! What only a Rust host calls: constructors, and functions that need no flow.

use std::collections::BTreeMap;

use rulebound::config::Lookups;
use rulebound::ffi::{read_config, read_fact};
use rulebound::flex::eligibility::{Eligibility, Line, assess};
use rulebound::money::Cents;
use rulebound::revup::Amount;
use rulebound::revup::order::{PayReply, Recurrence, Sequence};
use rulebound::time::{Millis, Timestamp};
use rulebound::truemed::list::{ListPaymentSessions, ListPaymentTokens};
use rulebound::truemed::{OrderItem, UpdatePaymentToken};
use rulebound::vend::{Component, Host, TokenRequest};
use rulebound::{
    Config, Context, EffectId, Fact, Flow, HandleError, Headers, Key, LeaseError, Level, NotAuthentic, ObserveError,
    PROVIDERS, Request, Secret, Snapshot, flex, truemed, vend,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_constructor_makes_the_same_value_as_its_json() {
    let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    let written = json!([{"sku": "b12", "name": "B12", "quantity": 1, "price": 1500}]);
    assert_eq!(UpdatePaymentToken::items(items), of(json!({"order_items": written})));
    assert_eq!(UpdatePaymentToken::card(), of(json!({"update_card_info": true})));
    let outlets = Component::new("extra-outlet", 5).at_price("extra-outlet-yearly");
    let component =
        json!({"component_handle": "extra-outlet", "component_price_handle": "extra-outlet-yearly", "quantity": 5});
    assert_eq!(outlets, of(component.clone()));
    let page = "https://partner.example/back";
    assert_eq!(
        TokenRequest::plan("marshmallow", "monthly", page),
        of(json!({"product_handle": "marshmallow", "price_handle": "monthly", "return_url": page}))
    );
    assert_eq!(
        TokenRequest::components(vec![outlets], page),
        of(json!({"components": [component], "return_url": page}))
    );
    let settings = vend::Settings::of("marshmallow", Host::Lightspeed);
    assert_eq!(settings, of(json!({"domain_prefix": "marshmallow", "host": "retail.lightspeed.app"})));
    assert_eq!(settings.partner_apps_page(), "https://marshmallow.retail.lightspeed.app/billing/partner-apps");
    assert_eq!(Amount::new("111.99").as_str(), "111.99");
}

/// A host's own future over any flow, which a runtime of several threads can run.
async fn next_of<F: Flow>(snapshot: Snapshot<F>, context: Context) -> usize {
    snapshot.effects(&context).len() + snapshot.actions(&context).len()
}

fn is_send<T: Send>(_: &T) {}

#[test]
fn a_host_can_spawn_a_future_over_every_flow() {
    macro_rules! spawned {
        ($provider:ident :: $flow:ident) => {
            let key = Key::parse("00000000-0000-4000-8000-000000000001").unwrap();
            let snapshot = Snapshot::<rulebound::$provider::$flow>::start(key);
            is_send(&next_of(snapshot, Context::at(Timestamp::from_millis(0))));
        };
    }
    rulebound::for_each_flow!(spawned);
}

#[test]
fn a_wrong_config_is_an_error_that_names_the_member_as_its_json_is() {
    let spans = |all: &[u64]| all.iter().copied().map(Millis::new).collect::<Vec<_>>();
    let recurring = |interval: &str, count: i64| flex::Recurring::every(interval).interval_count(count);
    let priced = |it: flex::Recurring| {
        flex::Settings::default()
            .prices(BTreeMap::from([("p".to_owned(), flex::Price::new(Cents::new(1)).recurring(it))]))
    };
    let level = |code: &str, level: Level| Config::default().overrides(BTreeMap::from([(code.to_owned(), level)]));
    let config = Config::default;
    for (wrong, pointer) in [
        (config().lease_ms(Millis::new(60)), "/lease_ms"),
        (config().grace_ms(Millis::new(24)), "/grace_ms"),
        (config().backoff_ms(Millis::new(30)), "/backoff_ms"),
        (config().lookups(Lookups::default().after_return_ms(spans(&[10]))), "/lookups/after_return_ms"),
        (
            config().lookups(Lookups::default().while_waiting_ms(spans(&[86_400_000, 7_200_000]))),
            "/lookups/while_waiting_ms",
        ),
        (config().flex(priced(recurring("montly", 1))), "/flex/prices/p/recurring/interval"),
        (config().flex(priced(recurring("month", 0))), "/flex/prices/p/recurring/interval_count"),
        (level("flex.none", Level::Warn), "/overrides/flex.none"),
        (level("rulebound.snapshot.full", Level::Warn), "/overrides/rulebound.snapshot.full"),
    ] {
        let read = read_config(&rulebound::json::write(&wrong)).unwrap_err();
        assert_eq!(read.pointer, format!("/config{pointer}"));
        let context = Context::new(Timestamp::from_millis(0), wrong);
        let snapshot = Snapshot::<flex::Checkout>::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap());
        let retrieve = flex::checkout::Command::RetrieveCheckoutSession { checkout_session_id: None };
        assert_eq!(snapshot.handle(retrieve, &context).err(), Some(HandleError::Context(read.clone())));
        let effect = "create_checkout_session:1".parse().unwrap();
        assert_eq!(snapshot.lease(&effect, &context).err(), Some(LeaseError::Context(read.clone())));
        let fact = Fact::webhook(b"{}".as_slice());
        assert_eq!(snapshot.observe(fact.clone(), &context).err(), Some(ObserveError::Context(read)));
        assert!(snapshot.observe(fact, &Context::at(Timestamp::from_millis(0))).is_ok());
    }
    // The rules of another provider are none of this flow's.
    let context = Context::new(Timestamp::from_millis(0), level("vend.none", Level::Warn));
    let snapshot = Snapshot::<flex::Checkout>::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap());
    assert!(snapshot.observe(Fact::webhook(b"{}".as_slice()), &context).is_ok());
}

#[test]
fn a_time_in_seconds_is_an_error_of_every_decision() {
    let context = Context::at(Timestamp::from_millis(1_700_000_000));
    let snapshot =
        Snapshot::<truemed::PaymentToken>::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap());
    let handled = snapshot.handle(truemed::payment_token::Command::DeletePaymentToken {}, &context).unwrap_err();
    assert!(matches!(&handled, HandleError::Context(wrong) if wrong.pointer == "/now"), "{handled}");
    assert_eq!(
        handled.to_string(),
        "the context is wrong at `/now`: is 1700000000, which looks like seconds since 1970: pass milliseconds"
    );
    let leased = snapshot.lease(&"create_payment_token:1".parse().unwrap(), &context);
    assert!(matches!(leased, Err(LeaseError::Context(_))), "{leased:?}");
    let observed = snapshot.observe(Fact::webhook(b"{}".as_slice()), &context);
    assert!(matches!(observed, Err(ObserveError::Context(_))), "{observed:?}");
    let headers: Headers<'_> = [("x-truemed-api-key", "whsec")].into_iter().collect();
    let received = rulebound::read_webhook("truemed", &[Secret::new("whsec")], &headers, b"{}".as_slice(), context.now);
    assert_eq!(received, Err(NotAuthentic::NowInSeconds));
}

#[test]
fn an_empty_text_is_not_called_cut_off() {
    for text in ["", " \n"] {
        let error = Snapshot::<truemed::PaymentToken>::load(text).unwrap_err();
        assert_eq!(error.to_string(), "the stored text is empty: restore the row");
        assert_eq!(rulebound::any::load(text).unwrap_err(), error);
    }
    let cut = Snapshot::<truemed::PaymentToken>::load("{").unwrap_err();
    assert!(cut.to_string().contains("is cut off after 1 bytes"), "{cut}");
}

#[test]
fn a_verdict_that_comes_too_late_says_that_it_did_not_count() {
    let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    let create = truemed::CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    let snapshot =
        Snapshot::<truemed::PaymentToken>::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap());
    let snapshot = snapshot.handle(create, &cx).unwrap().next;
    let review = "review:no_signal:ptr_1".parse().unwrap();
    let step = snapshot.observe(Fact::reviewed(&review, "stop_waiting", None), &cx).unwrap();
    let detail = step.ignored.unwrap().detail;
    assert!(detail.starts_with("`stop_waiting` did not count: `review:no_signal:ptr_1` is not open."), "{detail}");
}

#[test]
fn an_unknown_provider_is_named_beside_those_that_there_are() {
    let named = PROVIDERS.iter().map(|it| format!("`{}`", it.name)).collect::<Vec<_>>().join(", ");
    assert!(NotAuthentic::UnknownProvider.to_string().ends_with("use one of `PROVIDERS`"));
    let wrong = rulebound::webhook_ids("stripe", &Fact::webhook(b"{}".as_slice())).unwrap_err();
    assert_eq!(wrong.reason, format!("there is no provider `stripe`, only {named}"));
}

#[test]
fn a_step_and_a_lease_are_of_any_flow_too() {
    let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    let checkout = Snapshot::<flex::Checkout>::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap());
    let lookup = flex::checkout::Command::RetrieveCheckoutSession { checkout_session_id: "fcs_1".parse().ok() };
    let step = checkout.handle(lookup, &cx).unwrap();
    let lease = step.next.lease(&step.next.effects(&cx)[0].id, &cx).unwrap();
    let (saved, request) = (lease.next.save(), lease.request.clone());
    let any = lease.into_any();
    assert_eq!((any.next.save(), any.request), (saved, request));
    let (moves, any) = (step.transitions(), step.into_any());
    assert_eq!(any.transitions, moves);
    let status = any.next.status(&cx);
    let json: Value = serde_json::from_str(&status.json).unwrap();
    for it in &status.facets {
        assert_eq!(json["facets"][it.facet], it.state);
        assert!(it.about.ends_with('.'), "{}", it.about);
    }
    assert_eq!(json["reviews"], json!(status.reviews));
    assert_eq!(json["customer_url"], json!(status.customer_url));
}

#[test]
fn a_fact_is_written_as_it_is_read() {
    let effect: EffectId = "create_payment_token:1".parse().unwrap();
    let headers = || [("retry-after", "5")].into_iter().collect();
    for fact in [
        Fact::reply(&effect, 1, 429, b"{}".as_slice()).with_headers(headers()),
        Fact::lost(&effect, 2),
        Fact::not_sent(&effect, 3),
        Fact::webhook(b"{}".as_slice()),
        Fact::done(&effect),
        Fact::reviewed(&effect, "created", Some("pt_1")),
        Fact::restored(Timestamp::from_millis(7)),
        Fact::CustomerReturned {},
    ] {
        let text = serde_json::to_string(&fact).unwrap();
        assert_eq!(read_fact(&text).unwrap(), fact, "{text}");
        assert_eq!(fact.clone().into_owned(), fact);
    }
}

#[test]
fn a_request_has_the_secret_where_its_provider_expects_it() {
    let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    let create = truemed::CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    let request = leased::<truemed::PaymentToken>(create).to_http("sk_1").unwrap();
    assert_eq!((request.method().as_str(), request.headers()["x-truemed-api-key"].to_str().unwrap()), ("POST", "sk_1"));
    assert!(request.headers()["x-truemed-api-key"].is_sensitive());
    assert_eq!(request.headers()["content-type"], "application/json");
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(body["order_items"][0]["price"], 1500);

    let subscription_id = Some("fsub_1".parse().unwrap());
    let request = leased::<flex::Subscription>(flex::subscription::Command::RetrieveSubscription { subscription_id });
    assert_eq!(request.to_http("sk_1").unwrap().headers()["authorization"], "Bearer sk_1");
    assert!(request.to_http("sk_1").unwrap().body().is_empty());
    assert!(request.to_http("sk_1\n").is_err());
}

/// The first request of a new flow after a command.
fn leased<F: Flow>(command: impl Into<F::Command>) -> Request {
    let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    let snapshot = Snapshot::<F>::start(Key::parse("00000000-0000-4000-8000-000000000001").unwrap());
    let next = snapshot.handle(command, &cx).unwrap().next;
    next.lease(&next.effects(&cx)[0].id, &cx).unwrap().request.unwrap()
}

#[test]
fn headers_are_read_from_those_of_a_server_whatever_their_case() {
    let mut headers = http::HeaderMap::new();
    headers.insert("X-Truemed-Api-Key", http::HeaderValue::from_static("whsec"));
    headers.insert("x-picture", http::HeaderValue::from_bytes(b"\xff").unwrap());
    let read = Headers::from(&headers);
    assert_eq!((read.get("x-truemed-api-key"), read.get("x-picture")), (Some("whsec"), None));
}

#[test]
fn a_cart_is_split_where_one_line_is_eligible_and_another_is_not() {
    let gym = || Line::new(Cents::new(4999), 1, Some(Eligibility::LetterOfMedicalNecessity));
    let mug = || Line::new(Cents::new(900), 2, None);
    let of = |lines: &[Line]| (assess(lines).hsa_fsa_eligible, assess(lines).split_cart);
    assert_eq!(of(&[gym(), mug()]), (true, true));
    assert_eq!(of(&[gym(), gym()]), (true, false));
    assert_eq!(of(&[mug()]), (false, false));
    assert_eq!(of(&[]), (false, false));
}

#[test]
fn a_list_request_has_its_query_members_in_the_documented_order() {
    let settings = truemed::Settings::default();
    let url = |query: Value| of::<ListPaymentTokens>(query).request(&settings).unwrap().url;
    assert!(url(json!({})).ends_with("/api/v1/payment_tokens"));
    assert!(url(json!({"page": 2})).ends_with("/api/v1/payment_tokens?page=2"));
    let all = json!({"page": 2, "page_size": 50, "email": "a+b@example.com"});
    assert!(url(all).ends_with("/api/v1/payment_tokens?page=2&page_size=50&email=a%2Bb%40example.com"));
    let sessions: ListPaymentSessions = of(json!({"include_order_items": true, "summarize_refunds": false}));
    let url = sessions.request(&settings).unwrap().url;
    assert!(url.ends_with("/payments/v1/payment_sessions?include_order_items=true&summarize_refunds=false"), "{url}");
}

#[test]
fn an_order_that_follows_another_names_its_transaction() {
    let order = |order: Value| of::<Recurrence>(order).check().map_err(|wrong| wrong.pointer);
    let parent = "eebebc0b-dd2f-44c4-a8a8-743ff731a4a1";
    assert_eq!(order(json!({})), Ok(()));
    assert_eq!(order(json!({"sequence": "initial"})), Ok(()));
    assert_eq!(order(json!({"sequence": "initial", "parentTransactionId": parent})), Ok(()));
    for follows in ["recurring", "final"] {
        assert_eq!(order(json!({"sequence": follows})), Err("/parentTransactionId"));
        assert_eq!(order(json!({"sequence": follows, "parentTransactionId": parent})), Ok(()));
    }
    assert_eq!(order(json!({"minPeriod": 1})), Ok(()));
    assert_eq!(order(json!({"minPeriod": 0})), Err("/minPeriod"));
    assert_eq!(order(json!({"sequence": "weekly"})), Err("/sequence"));
    assert!(matches!(of::<Sequence>(json!("weekly")), Sequence::Unknown(_)));
}

#[test]
fn only_the_status_of_a_pay_reply_decides_its_meaning() {
    let read = |status, body: &str| PayReply::read(status, body.as_bytes());
    assert_eq!(read(200, r#"{"status": "success"}"#), PayReply::Success);
    assert_eq!(read(200, r#"{"transactionStatus": "failed"}"#), PayReply::Failed);
    assert_eq!(read(200, r#"{"status": "processing"}"#), PayReply::Open);
    assert_eq!(read(200, "{}"), PayReply::Open);
    assert_eq!(read(402, r#"{"status": "success"}"#), PayReply::Failed);
}
