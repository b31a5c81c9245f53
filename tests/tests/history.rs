//! Nothing grows with the history of a flow: a snapshot stays below a bound, with ids as long as UUIDs.

use rulebound_tests::vectors::ask;
use serde_json::{Value, json};

const CHARGES: usize = 60;

/// A row to which commands and facts are applied, one after the other.
struct Row {
    snapshot: Value,
    now: i64,
    config: Value,
}

impl Row {
    fn command(&mut self, command: Value) {
        self.ask("handle", "command", command);
    }

    fn fact(&mut self, fact: Value) {
        self.ask("observe", "fact", fact);
    }

    fn ask(&mut self, verb: &str, what: &str, value: Value) {
        self.now += 1;
        let mut fields = json!({"snapshot": self.snapshot, "now": self.now, "config": self.config});
        fields[what] = value;
        let mut answer = ask(verb, fields);
        assert!(answer["ok"]["next"].is_object(), "{answer}");
        self.snapshot = answer["ok"]["next"].take();
    }

    fn send(&mut self, effect: &str, status: u16, body: Value) {
        self.ask("lease", "effect", effect.into());
        self.fact(json!({"type": "reply", "effect": effect, "http_status": status, "body": body.to_string()}));
    }

    /// Requests a token for a change from Vend, and receives it.
    fn change(&mut self, kind: &str, n: usize, mut command: Value) {
        let request = format!("{kind}_subscription_token");
        command["type"] = request.as_str().into();
        command["return_url"] = "https://partner.example/back".into();
        self.command(command);
        let reply = json!({"token": token(kind, n), "expires_in": "86400", "expires_at": "expires_at"});
        self.send(&format!("{request}:{n}"), 200, reply);
    }

    fn webhook(&mut self, body: Value) {
        self.fact(json!({"type": "webhook", "origin": "verified", "body": body.to_string()}));
    }
}

fn uuid(kind: u32, n: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{n:012x}")
}

fn issued() -> Row {
    let snapshot = ask("start", json!({"flow": "truemed.payment_token", "key": uuid(0, 0)}))["ok"].take();
    let mut row = Row { snapshot, now: 1_700_000_000_000, config: json!({}) };
    let back = "https://shop.example/back";
    row.command(
        json!({"type": "create_payment_token", "order_items": items(), "success_url": back, "failure_url": back}),
    );
    let url = format!("https://app.truemed.example/qualification/{}", uuid(1, 1));
    row.send("create_payment_token:1", 200, json!({"provision_token_request_id": uuid(1, 1), "redirect_url": url}));
    row.webhook(
        json!({"payment_token": uuid(2, 1), "provision_token_request_id": uuid(1, 1), "lmn_expires_at": "2030-01-01"}),
    );
    row
}

/// A cart of twelve lines, whose text alone is longer than a kilobyte.
fn items() -> Value {
    let line =
        |n: usize| json!({"name": format!("Supplement number {n}"), "sku": uuid(3, n), "quantity": 1, "price": 1500});
    (0..12).map(line).collect()
}

#[test]
fn sixty_charges_leave_a_snapshot_below_four_kibibytes() {
    let mut row = issued();
    let mut largest = 0;
    for n in 0..CHARGES {
        let intent = format!("{:04}-{:02}", 2026 + n / 12, n % 12 + 1);
        row.command(json!({"type": "create_payment_session", "payment_token": uuid(2, 1), "intent": intent,
            "total_amount": 18_000, "order_items": items(), "success_url": "https://shop.example/ok"}));
        row.send(&format!("create_payment_session:{intent}"), 200, json!({"id": uuid(4, n)}));
        row.webhook(json!({"payment_session_id": uuid(4, n), "status": "captured", "capture_amount": 18_000}));
        row.fact(json!({"type": "done", "effect": format!("fulfill:{}", uuid(4, n))}));
        largest = largest.max(row.snapshot.to_string().len());
    }
    assert!(largest < 4096, "{largest} bytes: {}", row.snapshot);
}

#[test]
fn sixty_renewals_and_refunds_leave_a_subscription_below_ten_kibibytes() {
    let id = uuid(5, 1);
    let snapshot = ask("start", json!({"flow": "revup.subscription", "key": uuid(0, 0)}))["ok"].take();
    let mut row = Row { snapshot, now: 1_700_000_000_000, config: json!({"revup": {"environment": "test"}}) };
    row.command(json!({"type": "retrieve_subscription", "subscriptionId": id}));
    let fulfilled = json!({"id": id, "planId": uuid(6, 1), "status": "fulfilled"});
    row.send("retrieve_subscription:1", 200, fulfilled.clone());
    let mut largest = 0;
    for n in 0..CHARGES {
        let data = json!({"subscriptionId": id, "planId": uuid(6, 1), "status": "fulfilled"});
        let paid = json!({"orderId": uuid(11, n), "type": "renewal", "status": "accepted", "money": {"amount": 30, "currency": "EUR"},
            "transactions": [{"transactionId": uuid(9, n), "transactionStatus": "success"}]});
        row.webhook(json!({"eventId": uuid(7, n), "eventType": "subscription.updated", "data": data,
            "occurredAt": "2026-12-01T00:00:00Z", "originator": {"type": "payment", "data": paid}}));
        row.send(&format!("retrieve_subscription:{}", n + 2), 200, fulfilled.clone());
        row.command(json!({"type": "refund_payment", "intent": uuid(8, n), "transactionId": uuid(9, n),
            "amount": "15.50", "currency": "EUR"}));
        let refunded = json!({"transactionId": uuid(10, n), "transactionStatus": "success"});
        row.send(&format!("refund_payment:{}", uuid(8, n)), 200, refunded);
        largest = largest.max(row.snapshot.to_string().len());
    }
    // The newest refunds are kept whole, so that a later failure is noticed.
    assert!(largest < 10_240, "{largest} bytes: {}", row.snapshot);
}

#[test]
fn eight_outstanding_tokens_leave_a_subscription_small() {
    let mut row = subscribed();
    let mut largest = 0;
    for n in 1..=8 {
        row.change("update", n, changed(n));
        largest = largest.max(row.snapshot.to_string().len());
    }
    let tokens = row.snapshot["state"]["consent"]["tokens"].as_array().map(Vec::len);
    assert_eq!(tokens, Some(8), "{}", row.snapshot);
    // With the lookup of the subscription that follows a consent.
    assert!(largest < 4352, "{largest} bytes: {}", row.snapshot);
}

#[test]
fn no_more_tokens_are_requested_than_the_flow_can_watch() {
    let mut row = subscribed();
    for n in 1..=32 {
        row.change("update", n, changed(n));
    }
    let mut command = changed(33);
    command["type"] = "update_subscription_token".into();
    command["return_url"] = "https://partner.example/back".into();
    let answer =
        ask("handle", json!({"snapshot": row.snapshot, "command": command, "now": row.now, "config": row.config}));
    assert_eq!(answer["rejected"]["violations"][0]["rule"], "rulebound.intent.one-at-a-time", "{answer}");
    assert!(row.snapshot.to_string().len() < 16 * 1024);
}

/// A retailer that has subscribed.
fn subscribed() -> Row {
    let snapshot = ask("start", json!({"flow": "vend.subscription", "key": uuid(0, 0)}))["ok"].take();
    let config = json!({"vend": {"domain_prefix": "marshmallow", "host": "retail.lightspeed.app"}});
    let mut row = Row { snapshot, now: 1_700_000_000_000, config };
    row.change("create", 1, changed(0));
    let text = token("create", 1);
    row.command(json!({"type": "retrieve_token", "token": text}));
    let used = json!({"is_used": true, "token": text, "retailer_id": uuid(1, 1), "vend_application_id": uuid(1, 2),
        "subscription_id": "1348730086846538752", "used_at": "2023-11-14T22:14:00Z"});
    row.send("retrieve_token:1", 200, used);
    row.fact(json!({"type": "done", "effect": "fulfill:create_subscription_token:1"}));
    row
}

/// Another plan, or other components.
fn changed(n: usize) -> Value {
    let component = |name: &str| json!({"component_handle": name, "quantity": n});
    match n % 2 {
        0 => json!({"product_handle": format!("plan-{n}"), "price_handle": format!("plan-{n}-monthly")}),
        _ => json!({"components": [component("register"), component("outlet")]}),
    }
}

/// The token in the reply to a request of this kind.
fn token(kind: &str, n: usize) -> String {
    format!("{kind:0<26}{n:06}")
}
