//! A message names the value that was given, the reason, and what to do. These texts are pinned.

use rulebound::catalogue::Catalogue;
use rulebound_tests::golden;
use rulebound_tests::vectors::ask;
use serde_json::{Value, json};

const NOW: i64 = 1_796_083_200_000;
const KEY: &str = "00000000-0000-4000-8000-000000000001";
const PLAN: &str = "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee";
const TOKEN: &str = "fc44c6f8-6f92-43ab-98ea-3302b7586e7c";

fn config() -> Value {
    json!({"revup": {"environment": "test", "plans": {PLAN: ["EUR", "GBP"]}}, "vend": {"domain_prefix": "marshmallow"}})
}

fn start(flow: &str) -> Value {
    ask("start", json!({"flow": flow, "key": KEY}))["ok"].take()
}

fn handle_with(config: &Value, at: &Value, command: &Value) -> Value {
    ask("handle", json!({"snapshot": at, "now": NOW, "config": config, "command": command}))
}

fn handle(at: &Value, command: Value) -> Value {
    handle_with(&config(), at, &command)
}

fn lease(at: &Value, effect: &str) -> Value {
    ask("lease", json!({"snapshot": at, "now": NOW, "config": config(), "effect": effect}))
}

/// Checks what follows the rule's statement in the message of a violation or a warning, at this pointer.
#[track_caller]
fn says(answer: &Value, code: &str, pointer: &str, detail: &str) {
    let rules = Catalogue::new().rules;
    let statement = rules.iter().find(|it| it.rule.code == code).map_or("no such rule", |it| it.rule.statement);
    let found = [&answer["rejected"]["violations"], &answer["ok"]["warnings"]].into_iter().filter_map(Value::as_array);
    let is_it = |it: &&Value| it["rule"] == code && it["pointer"] == pointer;
    let messages: Vec<_> = found.flatten().filter(is_it).map(|it| it["message"].as_str().unwrap_or_default()).collect();
    assert_eq!(messages, [format!("{statement} {detail}")], "{answer}");
}

/// Checks the message of an error, at this pointer.
#[track_caller]
fn fails(answer: &Value, pointer: &str, message: &str) {
    assert_eq!(
        (&answer["error"]["pointer"], &answer["error"]["message"]),
        (&json!(pointer), &json!(message)),
        "{answer}"
    );
}

#[test]
fn an_action_that_is_not_possible_names_the_state() {
    let delete = json!({"type": "delete_payment_token"});
    let detail = "`delete_payment_token` is not possible while `token` is `absent` and `items` is `settled` and `card` is \
        `settled` and `charge` is `idle`. `actions` lists what is possible now.";
    says(&handle(&start("truemed.payment_token"), delete), "rulebound.action.not-now", "", detail);
}

#[test]
fn a_captured_amount_is_named_beside_the_requested_one() {
    let create = json!({"type": "create_payment_session", "total_amount": 1500, "success_url": "https://shop.example/ok",
        "failure_url": "https://shop.example/no", "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}]});
    let at = handle(&start("truemed.payment_session"), create)["ok"]["next"].take();
    let at = lease(&at, "create_payment_session:1")["ok"]["next"].take();
    let observe =
        |at: &Value, fact: Value| ask("observe", json!({"snapshot": at, "now": NOW, "config": config(), "fact": fact}));
    let body = r#"{"id": "ps_1", "redirect_url": "https://truemed.example/p/1"}"#;
    let reply =
        json!({"type": "reply", "effect": "create_payment_session:1", "sending": 1, "http_status": 200, "body": body});
    let at = observe(&at, reply)["ok"]["next"].take();
    let body =
        r#"{"payment_session_id": "ps_1", "status": "captured", "capture_amount": 1400, "authorize_amount": 1400}"#;
    let captured = json!({"type": "webhook", "origin": "verified", "body": body});
    let detail = "`capture_amount` is 1400, and 1500 cents were requested.";
    says(&observe(&at, captured), "truemed.session.capture-amount-presence", "/capture_amount", detail);
}

#[test]
fn an_effect_that_is_not_pending_is_named_beside_those_that_are() {
    let code = "rulebound.effect.not-pending";
    let none = "`a:1` is not pending: this flow has never had it. No effect is pending that can be leased.";
    says(&lease(&start("flex.checkout"), "a:1"), code, "/effect", none);
    let mut at = golden("revup.subscription", "owing-refund_payment");
    let done = "`create_subscription:0` is not pending: it was done, withdrawn or never requested. Lease one that is pending: \
        `retrieve_payments:1`, `refund_payment:refund-1`.";
    says(&lease(&at, "create_subscription:0"), code, "/effect", done);
    let planned = "`retrieve_subscription:2` is planned, and is pending from 2026-12-08T00:00:00Z on. Lease one that is \
        pending: `retrieve_payments:1`, `refund_payment:refund-1`.";
    says(&lease(&at, "retrieve_subscription:2"), code, "/effect", planned);
    // No lookup has shown the amounts, so only a host that overrides the ceiling can request so many refunds.
    let mut lenient = config();
    lenient["overrides"] = json!({"revup.refund.ceiling": "warn"});
    for n in 2..=6 {
        let refund = json!({"type": "refund_payment", "intent": format!("refund-{n}"), "amount": "1.00", "currency": "EUR",
            "transactionId": format!("eebebc0b-dd2f-44c4-a8a8-743ff731a4{n:02}")});
        at = handle_with(&lenient, &at, &refund)["ok"]["next"].take();
    }
    let many = "`refund_payment:refund-7` is not pending: it was done, withdrawn or never requested. Lease one that is pending: \
        `retrieve_payments:1`, `refund_payment:refund-1`, `refund_payment:refund-2`, `refund_payment:refund-3`, \
        `refund_payment:refund-4` and 2 more.";
    says(&lease(&at, "refund_payment:refund-7"), code, "/effect", many);
}

#[test]
fn a_command_of_another_flow_names_that_flow() {
    let own = "this snapshot is `revup.subscription`";
    let at = start("revup.subscription");
    let of_vend = handle(&at, json!({"type": "update_subscription_token"}));
    fails(
        &of_vend,
        "/command/type",
        &format!("`update_subscription_token` is a command of `vend.subscription`; {own}"),
    );
    let of_two = handle(&at, json!({"type": "create_checkout_session"}));
    let message = format!("`create_checkout_session` is a command of `flex.checkout` and `flex.subscription`; {own}");
    fails(&of_two, "/command/type", &message);
    let of_flex = handle(&at, json!({"type": "cancel_subscription", "subscription_id": "fsub_1"}));
    let message = format!(
        "unknown field `subscription_id`, expected `cancellationDetail`. A command of `flex.subscription` has this form; \
         {own}"
    );
    fails(&of_flex, "/command/subscription_id", &message);
    let unknown = handle(&at, json!({"type": "buy"}));
    assert!(unknown["error"]["message"].as_str().is_some_and(|it| it.starts_with("unknown name `buy`, expected ")));
    let mode = json!({"type": "create_checkout_session", "mode": "subscription", "line_items": [], "success_url": "https://shop.example/ok"});
    let detail = "A session with `mode=subscription` belongs to `flex.subscription`; this snapshot is `flex.checkout`.";
    says(&handle(&start("flex.checkout"), mode), "rulebound.flow.other-flow", "/mode", detail);
}

#[test]
fn a_charge_without_its_token_says_what_is_missing() {
    let session = |more: Value| {
        let mut command = json!({"type": "create_payment_session", "intent": "july", "total_amount": 1500,
            "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}], "success_url": "https://shop.example/ok"});
        command.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        command
    };
    let detail = "`payment_token` is missing or `null`, and `tokenize` is not `true`. A charge needs the `payment_token` \
        that Truemed issued, and a checkout for a new token needs `tokenize=true`. Any other session belongs to \
        `truemed.payment_session`; this snapshot is `truemed.payment_token`.";
    for more in [json!({"payment_token": null}), json!({})] {
        let answer = handle(&start("truemed.payment_token"), session(more));
        says(&answer, "rulebound.flow.other-flow", "/tokenize", detail);
    }
    let charge = handle(&start("truemed.payment_session"), session(json!({"payment_token": "pt_1"})));
    let detail = "A session with `payment_token` is a command of `truemed.payment_token`; this snapshot is \
        `truemed.payment_session`.";
    says(&charge, "truemed.session.unattended-needs-active-token", "/payment_token", detail);
}

#[test]
fn a_price_that_is_not_in_whole_cents_is_named_with_the_unit() {
    let priced = |price: Value| {
        let items = json!([{"name": "B12", "sku": "b12", "quantity": 1, "price": price}]);
        handle(&start("truemed.payment_token"), json!({"type": "create_payment_token", "order_items": items}))
    };
    for (price, found) in [
        (json!(15.5), "15.5"),
        (json!("15.50"), "the string `15.50`"),
        (json!("secret"), "a string"),
        (Value::Null, "null"),
    ] {
        let message = format!("expected a whole number of cents, such as 1550 for 15.50, found {found}");
        fails(&priced(price), "/command/order_items/0/price", &message);
    }
}

#[test]
fn a_stored_text_that_is_cut_off_says_at_which_length() {
    let whole = golden("flex.checkout", "at-session-complete").to_string();
    for length in [10, 40, 300, whole.len() - 1] {
        let error = rulebound::any::load(&whole[..length]).unwrap_err().to_string();
        let reason =
            format!("the stored text is cut off after {length} bytes: restore the row, and make its column longer");
        assert!(error == reason || error.ends_with(&format!("`: {reason}")), "{error}");
    }
    let other = rulebound::any::load(&whole.replace("\"revision\"", "\"version\"")).unwrap_err();
    assert!(other.to_string().contains("unknown field `version`"), "{other}");
}

#[test]
fn a_url_that_is_missing_or_not_absolute_is_named() {
    let missing = |field: &str| format!("`{field}` is missing: give an address such as `https://shop.example/page`.");
    let wrong = |field: &str| format!("`{field}` is `shop.example/ok`: begin it with `https://` and a host.");
    let insecure = |field: &str| format!("`{field}` begins with `http://`: begin it with `https://`.");
    let token = handle(
        &start("truemed.payment_token"),
        json!({"type": "create_payment_token", "order_items": [], "success_url": "shop.example/ok"}),
    );
    says(&token, "truemed.provision.url-absolute", "/success_url", &wrong("success_url"));
    says(&token, "truemed.provision.url-absolute", "/failure_url", &missing("failure_url"));
    let session = json!({"type": "create_payment_session", "total_amount": 0, "order_items": [], "failure_url": "shop.example/ok"});
    let session = handle(&start("truemed.payment_session"), session);
    says(&session, "truemed.session.success-url-required", "/success_url", &missing("success_url"));
    says(&session, "truemed.session.failure-url-absolute", "/failure_url", &wrong("failure_url"));
    let checkout = json!({"type": "create_checkout_session", "mode": "payment", "line_items": [], "cancel_url": "shop.example/ok"});
    let checkout = handle(&start("flex.checkout"), checkout);
    says(&checkout, "flex.checkout.success-url-required", "/success_url", &missing("success_url"));
    let command = json!({"type": "create_checkout_session", "mode": "payment", "expected_total": 100,
        "line_items": [{"price": "fprice_1", "quantity": 1}], "success_url": "https://localhost/ok", "cancel_url": "shop.example/ok"});
    let live = handle_with(&json!({"flex": {"test_mode": false}}), &start("flex.checkout"), &command);
    says(&live, "flex.checkout.urls-public", "/cancel_url", &wrong("cancel_url"));
    let detail = "The host of `success_url` is `localhost`: name a host that the public can reach.";
    says(&live, "flex.checkout.urls-public", "/success_url", detail);
    let token = |url: &str| {
        let command =
            json!({"type": "create_subscription_token", "product_handle": "p", "price_handle": "q", "return_url": url});
        handle(&start("vend.subscription"), command)
    };
    says(&token("shop.example/ok"), "vend.create.return-url-required", "/return_url", &wrong("return_url"));
    says(&token("http://shop.example/ok"), "vend.create.return-url-required", "/return_url", &insecure("return_url"));
    let create = json!({"type": "create_subscription", "planId": PLAN, "currency": "EUR",
        "eventSubscriptionUrl": "http://shop.example/events", "redirectUrl": {"success": "shop.example/ok"}});
    let create = handle(&start("revup.subscription"), create);
    says(&create, "revup.create.redirect-urls", "/redirectUrl/success", &wrong("redirectUrl.success"));
    says(&create, "revup.create.redirect-urls", "/redirectUrl/fail", &missing("redirectUrl.fail"));
    let events = insecure("eventSubscriptionUrl");
    says(&create, "revup.create.event-url-required", "/eventSubscriptionUrl", &events);
}

#[test]
fn a_currency_is_named_beside_those_that_are_possible() {
    let create = |currency: Value| {
        let command = json!({"type": "create_subscription", "planId": PLAN, "currency": currency,
            "eventSubscriptionUrl": "https://shop.example/events"});
        handle(&start("revup.subscription"), command)
    };
    let code = "revup.create.currency-required";
    for (currency, detail) in [
        (json!("USD"), "`currency` is `USD`, and `config.revup.plans` has `EUR`, `GBP` for this plan."),
        (json!("eur"), "`currency` is `eur`: write three capital letters, such as `EUR`."),
        (Value::Null, "`currency` is missing: give it three capital letters, such as `EUR`."),
    ] {
        says(&create(currency), code, "/currency", detail);
    }
    let order = json!({"money": {"amount": "9.98", "currency": "eur"}, "generateToken": true});
    let with = json!({"settings": {"environment": "test"}, "order": order});
    let order = ask("ask", json!({"provider": "revup", "question": "create_token_order", "with": with}));
    assert!(order.to_string().contains("`currency` is `eur`: write three capital letters, such as `EUR`."), "{order}");
}

#[test]
fn a_token_that_makes_another_subscription_names_the_key() {
    let create = json!({"type": "create_subscription", "planId": PLAN, "currency": "EUR", "tokenId": TOKEN,
        "parentTransactionId": TOKEN, "parentOrderId": TOKEN, "eventSubscriptionUrl": "https://shop.example/events"});
    let key = ask("key_for", json!({"kind": "revup.token", "name": TOKEN}))["ok"].take();
    let code = "revup.token.one-subscription";
    let detail = format!(
        "This snapshot has the key `{KEY}`. Start the one of this token under the key `{}`, which `key_for` gives for \
         `revup.token` and the token's id.",
        key.as_str().unwrap()
    );
    says(&handle(&start("revup.subscription"), create.clone()), code, "/tokenId", &detail);
    let at = ask("start", json!({"flow": "revup.subscription", "key": key}))["ok"].take();
    let mut at = handle(&at, create.clone())["ok"]["next"].take();
    at = lease(&at, "create_subscription:1")["ok"]["next"].take();
    let mut again = create;
    again["currency"] = "GBP".into();
    let detail = "The token of this flow has made one. Let the customer pay an order for another token.";
    says(&handle(&at, again), code, "/tokenId", detail);
}

#[test]
fn a_refund_names_the_amount_and_what_is_left() {
    let session = golden("truemed.payment_session", "at-session-captured");
    let refund = json!({"type": "create_refund", "intent": "r", "amount": 1501, "reason": "requested_by_customer"});
    let detail = "The refund asks for 1501 cents, but 1500 cents of the captured amount are left.";
    says(&handle(&session, refund), "truemed.refund.amount", "/amount", detail);
    let checkout = golden("flex.checkout", "at-session-complete");
    let refund = json!({"type": "create_refund", "intent": "r", "amount": 5000});
    let detail = "The refund asks for 5000 cents, and 4999 cents of the payment are left.";
    says(&handle(&checkout, refund), "flex.refund.not-above-received", "/amount", detail);
    let subscription = golden("revup.subscription", "owing-refund_payment");
    let refund = json!({"type": "refund_payment", "intent": "r", "amount": "15.50", "currency": "eur",
        "transactionId": "eebebc0b-dd2f-44c4-a8a8-743ff731a4a1"});
    let detail = "`currency` is `eur`: write three capital letters, such as `EUR`.";
    says(&handle(&subscription, refund), "revup.refund.currency", "/currency", detail);
    let refund = json!({"type": "refund_payment", "intent": "r", "amount": "15.50", "currency": "EUR",
        "transactionId": "eebebc0b-dd2f-44c4-a8a8-743ff731a4a1"});
    let detail = "No lookup and no event has shown the amount of a payment.";
    says(&handle(&subscription, refund.clone()), "revup.refund.ceiling", "", detail);
    let create = json!({"type": "create_subscription", "planId": PLAN, "currency": "GBP",
        "eventSubscriptionUrl": "https://shop.example/events"});
    let requested = handle(&start("revup.subscription"), create)["ok"]["next"].take();
    let detail = "`currency` is `EUR`, and the payment is in `GBP`.";
    says(&handle(&requested, refund.clone()), "revup.refund.currency", "/currency", detail);
    let awaiting = golden("revup.subscription", "at-subscription-awaiting");
    let detail = "The subscription is `awaiting`, and no payment has succeeded.";
    says(&handle(&awaiting, refund), "revup.refund.currency", "/transactionId", detail);
    let authorized = golden("truemed.payment_session", "at-session-authorized");
    let capture = json!({"type": "capture_payment_session", "total_amount": 1501});
    let detail = "The capture asks for 1501 cents, and 1500 cents are authorized.";
    says(&handle(&authorized, capture), "truemed.capture.amount", "/total_amount", detail);
}

#[test]
fn a_missing_retailer_names_the_setting_and_an_example() {
    let command = json!({"type": "create_subscription_token", "product_handle": "p", "price_handle": "q",
        "return_url": "https://shop.example/ok"});
    for (prefix, found) in [("", "missing"), ("https://a.b", "`https://a.b`")] {
        let config = json!({"vend": {"domain_prefix": prefix}});
        let detail = format!(
            "`config.vend.domain_prefix` is {found}: set it to the first label of the retailer's domain, such as \
             `marshmallow` for `marshmallow.retail.lightspeed.app`."
        );
        let answer = handle_with(&config, &start("vend.subscription"), &command);
        says(&answer, "vend.url.retailer-base", "", &detail);
    }
    let config = json!({"vend": {"domain_prefix": "other"}});
    let live = golden("vend.subscription", "at-subscription-live");
    let answer = handle_with(&config, &live, &json!({"type": "retrieve_subscription"}));
    let detail = "This subscription is on `marshmallow`, but `config.vend.domain_prefix` is `other`.";
    says(&answer, "vend.token.retailer-binding", "", detail);
}

#[test]
fn a_request_without_a_reply_says_what_happens_to_it() {
    let lost = |flow: &str, name: &str, effect: &str| {
        let at = lease(&golden(flow, name), effect)["ok"]["next"].take();
        let fact = json!({"type": "lost", "effect": effect});
        let answer = ask("observe", json!({"snapshot": at, "now": NOW, "config": config(), "fact": fact}));
        assert_eq!(answer["ok"]["failure"]["kind"], "no_reply", "{answer}");
        answer["ok"]["failure"]["message"].as_str().unwrap_or_default().to_owned()
    };
    for (flow, name, effect, message) in [
        (
            "truemed.payment_token",
            "owing-create_payment_session",
            "create_payment_session:1",
            "arrived, so its outcome is unknown. Lease it again once its rest is over: it keeps its idempotency key.",
        ),
        (
            "revup.subscription",
            "owing-refund_payment",
            "refund_payment:refund-1",
            "arrived, so its outcome is unknown. It is not sent again before a lookup or a person has found out the \
             outcome. Do not give the command again.",
        ),
        (
            "revup.subscription",
            "owing-retrieve_payments",
            "retrieve_payments:1",
            "arrived. Lease it again once its rest is over: it only reads.",
        ),
        (
            "vend.subscription",
            "owing-create_subscription_token",
            "create_subscription_token:1",
            "arrived. Lease it again once its rest is over: what it makes costs nothing until a customer uses it.",
        ),
        (
            "truemed.payment_token",
            "owing-delete_payment_token",
            "delete_payment_token:1",
            "arrived, so its outcome is unknown. Lease it again once its rest is over: doing it twice changes nothing.",
        ),
    ] {
        assert_eq!(lost(flow, name, effect), format!("No reply to `{effect}` {message}"));
    }
}

#[test]
fn a_time_of_a_call_in_seconds_says_so_in_every_verb() {
    let at = start("truemed.payment_token");
    let of_snapshot = |fields: Value| {
        let mut fields = fields;
        fields["snapshot"] = at.clone();
        fields
    };
    let views = ["status", "effects", "waiting_for", "actions", "wake_at"].map(|verb| (verb, of_snapshot(json!({}))));
    let headers = json!({"x-truemed-api-key": "whsec"});
    let webhook = json!({"provider": "truemed", "secrets": ["whsec"], "headers": headers, "body": "{}"});
    let calls = [
        ("handle", of_snapshot(json!({"command": {"type": "delete_payment_token"}}))),
        ("lease", of_snapshot(json!({"effect": "create_payment_token:1"}))),
        ("observe", of_snapshot(json!({"fact": {"type": "customer_returned"}}))),
        ("read_webhook", webhook),
    ];
    let at = |fields: &Value, now: i64| {
        let mut fields = fields.clone();
        fields["now"] = now.into();
        fields
    };
    for (verb, fields) in calls.into_iter().chain(views) {
        for now in [1_000_000_000, 1_714_156_917, 99_999_999_999] {
            let answer = ask(verb, at(&fields, now));
            assert_eq!(answer["error"]["pointer"], "/now", "{verb}: {answer}");
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(message.contains("looks like seconds since 1970"), "{verb}: {message}");
        }
        for now in [0, 1_000_000, 999_999_999, 100_000_000_000] {
            assert!(ask(verb, at(&fields, now))["error"].is_null(), "{verb} at {now}");
        }
    }
}
