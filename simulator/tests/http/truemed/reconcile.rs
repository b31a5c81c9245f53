//! Reconciliation.

use serde_json::{Value, json};

use super::{cart, create};
use crate::harness::Shop;

const DAY: i64 = 86_400_000;

fn captured(shop: &Shop) -> String {
    let id = create(shop, &cart(1500))["id"].as_str().unwrap().to_owned();
    shop.act(&json!({"do": "finish", "id": id}));
    shop.advance(3_600_000);
    id
}

/// The type and the amount of each row, and whether it was paid out.
fn transactions(shop: &Shop, query: &str) -> Vec<(String, i64, bool)> {
    let range = "start_date=2026-01-01&end_date=9999-12-31";
    let got = shop.get(&format!("/api/v1/reconciliation/transactions?{range}&{query}"));
    assert_eq!((got.status, got.header("x-sim-fidelity")), (200, "inferred"), "{}", got.text);
    let row = |row: &Value| {
        let kind = row["type"].as_str().unwrap().to_owned();
        (kind, row["amount"].as_i64().unwrap(), row["payout_id"].is_string())
    };
    got.json()["transactions"].as_array().unwrap().iter().map(row).collect()
}

fn payouts(shop: &Shop, range: &str) -> Value {
    shop.get(&format!("/api/v1/reconciliation/payouts?{range}")).json()["payouts"].clone()
}

#[test]
fn every_movement_of_money_is_a_row_and_a_payout_is_their_sum() {
    let shop = Shop::new(&json!({}));
    let id = captured(&shop);
    let body = json!({"payment_id": id, "amount": 500, "reason": "customer_request", "idempotency_key": "r"});
    assert_eq!(shop.post("/payments/v1/refund", &body).status, 200);
    let row = |kind: &str, amount, paid| (kind.to_owned(), amount, paid);
    let mut shown = transactions(&shop, "");
    shown.sort();
    assert_eq!(shown, [row("charge", 1500, false), row("refund", -500, false), row("truemed_fee", -75, false)]);
    assert!(transactions(&shop, "include_pending_payouts=false").is_empty());
    shop.advance(2 * DAY);
    assert!(transactions(&shop, "").iter().all(|(_, _, paid)| *paid));
    let paid = payouts(&shop, "start_date=2026-01-03&end_date=2026-01-03");
    assert_eq!((&paid[0]["amount"], &paid[0]["arrival_date"]), (&json!(925), &json!("2026-01-03")));
    assert_eq!(payouts(&shop, "start_date=2026-01-04&end_date=2026-02-03"), json!([]));
    let of_payout = format!("payout_ids=po_other,{}", paid[0]["payout_id"].as_str().unwrap());
    assert_eq!((transactions(&shop, &of_payout).len(), transactions(&shop, "payout_ids=po_other").len()), (3, 0));
}

#[test]
fn a_dispute_takes_money_and_its_end_returns_it() {
    let shop = Shop::new(&json!({}));
    let id = captured(&shop);
    for what in ["dispute", "dispute", "close_dispute", "close_dispute"] {
        shop.act(&json!({"do": what, "id": id}));
        shop.advance(DAY);
    }
    let shown = transactions(&shop, "");
    let disputes: Vec<i64> = shown.iter().filter(|row| row.0 == "dispute").map(|row| row.1).collect();
    assert_eq!(disputes, [1500, -1500], "the newest row is first");
    shop.advance(5 * DAY);
    let all = payouts(&shop, "start_date=2026-01-01&end_date=2026-12-31");
    let sums: Vec<&Value> = all.as_array().unwrap().iter().map(|payout| &payout["amount"]).collect();
    // Charge, fee and dispute are of one day, the end of the dispute of another.
    assert_eq!(sums, [&json!(1500), &json!(-75)]);
}

#[test]
fn a_range_needs_two_dates_in_their_order_and_counts_as_the_reading_says() {
    let mut shop = Shop::new(&json!({"readings": {"truemed.reconciliation-dates": "payout"}}));
    captured(&shop);
    shop.advance(3 * DAY);
    let of = |range: &str| shop.get(&format!("/api/v1/reconciliation/transactions?{range}"));
    let wrong = [
        "",
        "start_date=2026-01-01",
        "start_date=2026-01-02&end_date=2026-01-01",
        "start_date=soon&end_date=2026-01-01",
    ];
    assert_eq!(wrong.map(|range| of(range).status), [400; 4]);
    let count = |range: &str| of(range).json()["pagination"]["count"].as_u64().unwrap();
    let ranges = ["start_date=2026-01-01&end_date=2026-01-02", "start_date=2026-01-03&end_date=2026-01-03"];
    assert_eq!(ranges.map(count), [0, 2]);
    shop.key = "another".into();
    let foreign = shop.get(&format!("/api/v1/reconciliation/transactions?{}", ranges[1])).json();
    assert_eq!(foreign["transactions"], json!([]));
}
