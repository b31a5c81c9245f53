//! Every sample of a document: the simulator replies with its members, of the same types.

use serde_json::{Value, json};

use super::{DAY, Flex, HOUR, text};

/// A sample by its file's name.
fn sample(name: &str) -> Value {
    let path = format!("{}/tests/samples/flex/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["payload"].clone()
}

/// Where a reply lacks a member of a sample, or has it with another type. Null fits every type.
fn differences(sample: &Value, ours: &Value, types: bool, path: &str, found: &mut Vec<String>) {
    match (sample, ours) {
        (Value::Object(members), Value::Object(own)) => {
            for (name, value) in members {
                match own.get(name) {
                    Some(it) => differences(value, it, types, &format!("{path}.{name}"), found),
                    None => found.push(format!("{path}.{name} is absent")),
                }
            }
        }
        (Value::Array(list), Value::Array(own)) => {
            if let (Some(value), Some(it)) = (list.first(), own.first()) {
                differences(value, it, types, &format!("{path}[0]"), found);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        _ if !types || core::mem::discriminant(sample) == core::mem::discriminant(ours) => {}
        _ => found.push(format!("{path} is {ours}")),
    }
}

#[track_caller]
fn fits(name: &str, sample: &Value, ours: &Value) {
    let mut found = Vec::new();
    // A third party's samples expand ids and write times in their own manner.
    differences(sample, ours, !name.contains("3rd") && name != "event.wrapped", "", &mut found);
    assert!(found.is_empty(), "{name}: {found:#?}\n{ours:#}");
}

/// A session in payment mode that was captured manually, and its reply to the capture.
fn captured(flex: &Flex) -> Value {
    let price = flex.price(4_999, "auto_substantiation", &Value::Null);
    let session = flex.checkout("payment", &price, &json!({"capture_method": "manual"}));
    flex.act(&json!({"do": "finish", "id": session["checkout_session_id"]}));
    let path = format!("/v1/checkout/sessions/{}", text(&session["checkout_session_id"]));
    let mut request = sample("capture_allocation.request");
    let lines = flex.get(&format!("{path}/line_items"));
    request["checkout_session"]["line_items"][0]["product"] = lines["line_items"][0]["product"].clone();
    request["checkout_session"]["amount_discount"] = json!(999);
    let allocated = flex.call("POST", &format!("{path}/capture_allocation"), &request).json();
    fits("refund_allocation", &sample("refund_allocation")["response"], &allocated);
    assert_eq!(allocated["allocations"][0]["amount"], 4_000);
    flex.call("POST", &format!("{path}/capture"), &request).json()["checkout_session"].clone()
}

#[test]
fn sessions_captures_refunds_and_disputes_fit_their_samples() {
    let flex = Flex::new(&json!({}));
    let session = captured(&flex);
    fits("session.g3", &sample("session.g3"), &json!({"checkout_session": session}));
    let listed = flex.get(&format!("/v1/captures?checkout_session={}", text(&session["checkout_session_id"])));
    let capture = json!({"capture": listed["captures"][0]});
    fits("capture", &sample("capture"), &capture);
    let changed = flex.call(
        "PATCH",
        &format!("/v1/captures/{}", text(&capture["capture"]["capture_id"])),
        &json!({"capture": {"metadata": {"a": "b"}}}),
    );
    fits("capture", &sample("capture"), &changed.json());
    let mut request = sample("refund.create.request");
    request["refund"]["payment_intent_id"] = session["payment_intent"].clone();
    request["refund"]["amount"] = json!(1_000);
    let refund = flex.call("POST", "/v1/refunds", &request);
    assert_eq!(refund.status, 200, "{}", refund.text);
    fits("refund.documented", &sample("refund.documented"), &refund.json());
    let path = format!("/v1/checkout/sessions/{}", text(&session["checkout_session_id"]));
    let preview = flex.call("POST", &format!("{path}/refund_allocation"), &sample("refund_allocation")["request"]);
    fits("refund_allocation", &sample("refund_allocation")["response"], &preview.json());
    assert_eq!(preview.json()["allocations"][0]["amount"], 3_000, "an empty list refunds what is left");
    let dispute = flex.act(&json!({"do": "dispute", "id": session["payment_intent"]}))["id"].clone();
    let dispute = flex.get(&format!("/v1/disputes/{}", text(&dispute)));
    fits("dispute.get", &sample("dispute.get"), &dispute);
}

#[test]
fn subscriptions_fit_their_samples() {
    let flex = Flex::new(&json!({}));
    let session = flex.subscribed(&json!({}));
    let path = format!("/v1/subscriptions/{}", text(&session["subscription"]));
    fits("subscription.get", &sample("subscription.get"), &flex.get(&path));
    let expanded = flex.get(&format!("{path}?expand_customer=true"));
    fits("subscription.get.expanded", &sample("subscription.get.expanded"), &expanded);
    assert_eq!(expanded["subscription"]["customer"]["email"], "customer@example.com");
    fits(
        "subscription.refund_preview",
        &sample("subscription.refund_preview"),
        &flex.get(&format!("{path}/refund_preview")),
    );
    let coupon = json!({"name": "half", "percent_off": 50, "duration": "once"});
    let coupon = flex.post("/v1/coupons", "coupon", &coupon)["coupon_id"].clone();
    let mut request = sample("subscription.update.request");
    request["subscription"]["coupon"] = coupon;
    let mut past = request.clone();
    for name in ["trial_end", "cancel_at"] {
        request["subscription"][name] = json!("2026-06-01T00:00:00Z");
    }
    let changed = flex.call("PATCH", &path, &request);
    assert_eq!((changed.status, &changed.json()["subscription"]["status"]), (200, &json!("trialing")));
    past["subscription"].as_object_mut().unwrap().remove("trial_end");
    let ended = flex.call("PATCH", &path, &past);
    assert_eq!(ended.status, 200, "{}", ended.text);
    flex.advance(0);
    assert_eq!(flex.subscription(&session["subscription"])["status"], "canceled", "cancel_at is in the past");
}

#[test]
fn the_cancellation_is_read_as_it_is_printed_and_within_its_key() {
    for reading in ["either", "wrapped"] {
        let flex = Flex::reading("cancel-body", reading);
        let mut body = sample("subscription.cancel.request.asprinted");
        let subscription = flex.subscribed(&json!({}))["subscription"].clone();
        let gone = flex.call("DELETE", &format!("/v1/subscriptions/{}", text(&subscription)), &body);
        assert_eq!(gone.json()["subscription"]["status"], "canceled");
        let subscription = flex.subscribed(&json!({}))["subscription"].clone();
        body["cancel_at_period_end"] = json!(true);
        let kept = flex.call("DELETE", &format!("/v1/subscriptions/{}", text(&subscription)), &body);
        let status = if reading == "either" { "active" } else { "canceled" };
        assert_eq!(kept.json()["subscription"]["status"], status, "a bare flag is not seen where the key is needed");
    }
}

#[test]
fn events_and_their_repetition_fit_their_samples() {
    let receiver = crate::harness::Receiver::start();
    let flex = Flex::new(&json!({"webhook_urls": [receiver.url], "readings": {"flex.event-wrapper": "event",
        "flex.event-object": "bare"}}));
    let session = flex.subscribed(&json!({}));
    flex.advance(2_000);
    let hooks = receiver.take();
    let completed =
        hooks.iter().map(|hook| hook.json()).find(|it| it["event"]["event_type"] == "checkout.session.completed");
    fits("event.wrapped", &sample("event.wrapped"), &completed.unwrap());
    flex.post("/v1/refunds", "refund", &json!({"payment_intent_id": session["payment_intent"]}));
    flex.advance(2_000);
    let refund =
        receiver.take().iter().map(|hook| hook.json()).find(|it| it["event"]["event_type"] == "refund.created");
    fits("event.refund.3rd", &sample("event.refund.3rd"), &refund.unwrap());

    let receiver = crate::harness::Receiver::start();
    let flex = Flex::new(&json!({"readings": {"flex.event-wrapper": "event"}}));
    let hook =
        flex.post("/v1/webhooks", "webhook", &json!({"url": receiver.url, "events": ["charge.dispute.created"]}));
    let session = flex.subscribed(&json!({}));
    flex.act(&json!({"do": "dispute", "id": session["payment_intent"]}));
    flex.advance(2_000);
    let told = receiver.take();
    assert_eq!(told.len(), 1, "only the registered event");
    let told = told[0].json();
    fits("event.dispute", &sample("event.dispute"), &told);
    let mut request = sample("event.retry")["request"].clone();
    request["event"]["webhook_id"] = hook["webhook_id"].clone();
    let path = format!("/v1/events/{}/retry", text(&told["event"]["event_id"]));
    let again = flex.call("POST", &path, &request).json();
    let mut expected = sample("event.retry")["response"].clone();
    expected["event"]["object"] = json!({"dispute": {}});
    fits("event.retry", &expected, &again);
    assert!(again["event"].get("event_dt").is_none());
}

#[test]
fn refusals_have_their_documented_shapes() {
    let flex = Flex::new(&json!({}));
    let unknown =
        json!({"checkout_session": {"line_items": [{"price": "fprice_none"}], "success_url": "http://s.test/"}});
    let refused = flex.call("POST", "/v1/checkout/sessions", &unknown);
    assert_eq!((refused.status, &refused.json()["detail"][0]["type"]), (422, &json!("price_not_found")));
    fits("error.422", &sample("error.422"), &refused.json());
    let refused = flex.call("POST", "/v1/products", &json!({"product": {}}));
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (400, &json!("invalid_request")));
}

#[test]
fn an_off_session_charge_without_a_letter_fits_its_sample() {
    let flex = Flex::new(&json!({}));
    let session = flex.subscribed(&json!({}));
    let customer = text(&session["customer"]).to_owned();
    let cards = flex.get(&format!("/v1/customers/{customer}/payment_methods"));
    let card = cards["payment_methods"][0]["payment_method_id"].clone();
    let price = flex.price(4_500, "letter_of_medical_necessity", &Value::Null);
    let body = json!({"customer": customer, "payment_method": card});
    let paid = flex.checkout("off_session", &price, &body);
    assert_eq!((&paid["status"], &paid["amount_received"]), (&json!("complete"), &json!(4_500)), "a letter is on file");
    flex.advance(366 * DAY);
    let waits = flex.checkout("off_session", &price, &body);
    fits(
        "session.off-session.action.3rd",
        &sample("session.off-session.action.3rd"),
        &json!({"checkout_session": waits}),
    );
    assert_eq!(waits["next_action"]["type"], "collect_letter_of_medical_necessity");
    flex.act(&json!({"do": "finish", "id": waits["checkout_session_id"]}));
    assert_eq!(flex.session(&waits["checkout_session_id"])["status"], "complete");
}

#[test]
fn the_requests_of_the_guide_get_the_replies_of_the_guide() {
    let flex = Flex::reading("session-members", "2024");
    let product = json!({"product": {"name": "Test Product", "description": "Test Product Description",
        "visit_type": "gym", "hsa_fsa_eligibility": "letter_of_medical_necessity"}});
    let product = flex.call("POST", "/v1/products", &product);
    assert_eq!(product.header("x-sim-fidelity"), "documented");
    let product = product.json()["product"].clone();
    fits(
        "product",
        &json!({"product_id": "", "name": "", "description": "", "created_at": "", "visit_type": "gym",
        "active": true, "upc_code": null, "gtin": null, "hsa_fsa_eligibility": ""}),
        &product,
    );
    let price = json!({"price": {"product": product["product_id"], "description": "Our awesome new price",
        "unit_amount": 4_999, "recurring": {"interval": "monthly"}}});
    let price = flex.call("POST", "/v1/prices", &price).json()["price"].clone();
    assert_eq!(
        (&price["price"], &price["unit_amount"], &price["type"]),
        (&json!(4_999), &json!(4_999), &json!("recurring"))
    );
    assert_eq!(
        (&price["recurring"]["interval"], &price["recurring"]["trial_period_days"]),
        (&json!("monthly"), &Value::Null)
    );
    let body = json!({"line_items": [{"price": price["price_id"], "quantity": 1}], "mode": "subscription",
        "success_url": "http://s.test/", "cancel_url": "http://s.test/"});
    let session = flex.post("/v1/checkout/sessions", "checkout_session", &body);
    let names: Vec<&String> = session.as_object().unwrap().keys().collect();
    let documented = [
        "allow_promotion_codes",
        "amount_subtotal",
        "amount_total",
        "cancel_url",
        "capture_method",
        "checkout_session_id",
        "created_at",
        "customer",
        "customer_email",
        "defaults",
        "expires_at",
        "hsa_fsa_eligible",
        "invoice",
        "letter_of_medical_necessity_required",
        "metadata",
        "mode",
        "multiple_subscriptions",
        "payment_intent_id",
        "redirect_url",
        "setup_intent",
        "shipping_address_collection",
        "shipping_details",
        "shipping_options",
        "status",
        "subscription",
        "success_url",
        "tax_rate",
        "test_mode",
        "total_details",
        "visit_type",
    ];
    assert_eq!(names, documented);
    let life = session["expires_at"].as_i64().unwrap() - session["created_at"].as_i64().unwrap();
    assert_eq!((life, &session["amount_total"], &session["visit_type"]), (3_600, &json!(4_999), &json!("gym")));
    assert_eq!(
        (&session["hsa_fsa_eligible"], &session["letter_of_medical_necessity_required"]),
        (&json!(true), &json!(true))
    );
    flex.advance(HOUR);
    assert_eq!(flex.session(&session["checkout_session_id"])["status"], "expired");
}
