//! Nothing grows with the history of a flow: a snapshot stays below 2 KiB, with ids as long as UUIDs.

use rulebound_tests::vectors::ask;
use serde_json::{Value, json};

const CHARGES: usize = 60;

/// A row that is told things, one after the other.
struct Row {
    at: Value,
    now: i64,
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
        let mut fields = json!({"snapshot": self.at, "now": self.now});
        fields[what] = value;
        let mut answer = ask(verb, fields);
        assert!(answer["ok"]["next"].is_object(), "{answer}");
        self.at = answer["ok"]["next"].take();
    }

    fn send(&mut self, effect: &str, status: u16, body: Value) {
        self.command(json!({"type": "begin", "effect": effect}));
        self.fact(json!({"type": "reply", "to": effect, "status": status, "body": body.to_string()}));
    }

    fn webhook(&mut self, body: Value) {
        self.fact(json!({"type": "webhook", "origin": "verified", "body": body.to_string()}));
    }
}

fn uuid(kind: u32, n: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{n:012x}")
}

fn issued() -> Row {
    let at = ask("start", json!({"flow": "truemed.payment_token", "key": uuid(0, 0)}))["ok"].take();
    let mut row = Row { at, now: 1_700_000_000_000 };
    row.command(json!({"type": "create_payment_token", "order_items": items()}));
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
fn sixty_charges_leave_a_snapshot_below_two_kibibytes() {
    let mut row = issued();
    let mut largest = 0;
    for n in 0..CHARGES {
        let intent = format!("{:04}-{:02}", 2026 + n / 12, n % 12 + 1);
        row.command(json!({"type": "create_payment_session", "payment_token": uuid(2, 1), "intent": intent,
            "total_amount": 18_000, "order_items": items(), "success_url": "https://shop.example/ok"}));
        row.send(&format!("create_payment_session:{intent}"), 200, json!({"id": uuid(4, n)}));
        row.webhook(json!({"payment_session_id": uuid(4, n), "status": "captured", "capture_amount": 18_000}));
        row.fact(json!({"type": "done", "effect": format!("fulfill:{}", uuid(4, n))}));
        largest = largest.max(row.at.to_string().len());
    }
    assert!(largest < 2048, "{largest} bytes: {}", row.at);
}

#[test]
fn sixty_renewals_and_refunds_leave_a_subscription_below_two_kibibytes() {
    let id = uuid(5, 1);
    let at = ask("start", json!({"flow": "revup.subscription", "key": uuid(0, 0)}))["ok"].take();
    let mut row = Row { at, now: 1_700_000_000_000 };
    row.command(json!({"type": "retrieve_subscription", "subscriptionId": id}));
    let fulfilled = json!({"id": id, "planId": uuid(6, 1), "status": "fulfilled"});
    row.send("retrieve_subscription:1", 200, fulfilled.clone());
    let mut largest = 0;
    for n in 0..CHARGES {
        let data = json!({"subscriptionId": id, "planId": uuid(6, 1), "status": "fulfilled"});
        row.webhook(json!({"eventId": uuid(7, n), "eventType": "subscription.updated", "data": data,
            "occurredAt": "2026-12-01T00:00:00Z", "originator": {"type": "payment"}}));
        row.send(&format!("retrieve_subscription:{}", n + 2), 200, fulfilled.clone());
        row.command(json!({"type": "refund_payment", "intent": uuid(8, n), "transactionId": uuid(9, n),
            "amount": "15.50", "currency": "EUR"}));
        let answer = json!({"transactionId": uuid(10, n), "transactionStatus": "success"});
        row.send(&format!("refund_payment:{}", uuid(8, n)), 200, answer);
        largest = largest.max(row.at.to_string().len());
    }
    assert!(largest < 2048, "{largest} bytes: {}", row.at);
}
