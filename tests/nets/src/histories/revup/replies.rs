//! Revup's replies.

use serde_json::{Value, json};

use super::{ORDER, PAID, PLAN, Refund, Revup, SentRequest, Subscription, TOKEN, iso};
use crate::chance::Chance;

impl Revup {
    pub(super) fn reply(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let (method, path) = request.route();
        match (method, &path[1..]) {
            ("POST", ["subscriptions"]) => self.create(request, chance, now),
            ("GET", ["subscriptions", id]) => match self.subscription(id) {
                Some(it) => (200, subscription_json(it)),
                None => refuse(404, "0020"),
            },
            ("GET", ["subscriptions", id, "payments"]) => self.payments(id),
            ("POST", ["subscriptions", id, "cancel"]) => {
                if self.subscription(id).is_none() {
                    return refuse(404, "0020");
                }
                self.end(id, "merchant_api", now);
                let mut reply = self.subscription(id).map(subscription_json).unwrap_or_default();
                reply["cancellation"] = json!({"reason": "merchant_api", "detail": "", "requestedAt": iso(now)});
                (200, reply)
            }
            ("GET", ["transactions", "orderId", order]) => {
                let mut all: Vec<_> = Vec::new();
                if *order == ORDER {
                    all.push(json!({"transactionId": PAID, "transactionType": "payment", "transactionStatus": "success",
                        "creationDate": "2026-11-01T00:00:00Z", "order": {"orderId": ORDER}, "money": {"amount": 30, "currency": "EUR"}}));
                }
                let paid = self.subscriptions.iter().filter(|it| it.order == *order).flat_map(|it| &it.payments);
                all.extend(paid.map(|it| json!({"transactionId": it.transaction, "transactionType": "payment",
                    "transactionStatus": "success", "creationDate": iso(it.due), "money": {"amount": 30, "currency": "EUR"}})));
                all.extend(self.refunds.iter().map(transaction_json));
                (200, all.into())
            }
            ("GET", ["transactions", id]) => match self.refunds.iter().find(|it| it.id == *id) {
                Some(it) => (200, transaction_json(it)),
                None => refuse(400, "0108"),
            },
            ("POST", ["transactions", id, "refund"]) => self.refund(request, id, chance, now),
            _ => panic!("not a path of Revup: {method} {path:?}"),
        }
    }

    fn create(&mut self, request: &SentRequest, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let token = request.body["tokenId"].as_str().unwrap_or_default();
        if !token.is_empty() {
            let before = self.subscriptions.iter().find(|it| it.order == ORDER && it.status != "archived");
            if let Some(before) = before.map(|it| it.id.clone()) {
                self.blame(format!(
                    "a second charge: {before} has charged the token, and it is sent again as {}",
                    request.key
                ));
            }
            if token != TOKEN || chance.below(8) == 7 {
                return refuse(400, "0151");
            }
        }
        let id = self.name(0xa5d1);
        let order = if token.is_empty() { self.name(0xa002) } else { ORDER.to_owned() };
        self.subscriptions.push(Subscription {
            id: id.clone(),
            key: request.key.clone(),
            order: order.clone(),
            status: "pending",
            before_pause: "fulfilled",
            created: now,
            paid_until: None,
            due: now,
            attempt: 0,
            payments: Vec::new(),
            modified: now,
            is_known: false,
            is_forgotten: false,
        });
        let named = if self.other_order { self.name(0xa003) } else { order };
        (200, json!({"orderId": named, "subscriptionId": id}))
    }

    fn payments(&self, id: &str) -> (u16, Value) {
        let Some(it) = self.subscription(id) else { return refuse(500, "0900") };
        let mut all: Vec<_> = it
            .payments
            .iter()
            .map(|it| {
                json!({"paymentId": it.id, "paymentType": it.kind, "paymentCycle": it.cycle, "numAttempt": 0, "status": "accepted",
                    "dueDate": iso(it.due), "amount": 30.0, "currency": "EUR",
                    "transactions": [{"transactionId": it.transaction, "transactionDate": iso(it.due)}]})
            })
            .collect();
        if ["fulfilled", "past_due", "paused"].contains(&it.status) {
            all.push(json!({"paymentId": "next", "paymentType": "renewal", "paymentCycle": it.payments.len(),
                "numAttempt": it.attempt, "status": "paying", "dueDate": iso(it.due), "amount": 30.0, "currency": "EUR"}));
        }
        let pagination = json!({"totalRecords": all.len(), "currentPage": 1, "pageSize": 100, "totalPages": 1});
        (200, json!({"payments": all, "pagination": pagination}))
    }

    fn refund(&mut self, request: &SentRequest, id: &str, chance: &mut Chance<'_>, now: i64) -> (u16, Value) {
        let cents = |value: &Value| value.to_string().trim_matches('"').parse::<f64>().map(|it| (it * 100.0).round());
        #[expect(clippy::cast_possible_truncation, reason = "amounts are small")]
        let cents = cents(&request.body["money"]["amount"]).unwrap_or_default() as i64;
        let is_paid =
            id == PAID || self.subscriptions.iter().flat_map(|it| &it.payments).any(|it| it.transaction == id);
        let refunded: i64 = self.refunds.iter().filter(|it| it.status != "failed").map(|it| it.cents).sum();
        if !is_paid {
            return refuse(400, "0108");
        }
        if cents <= 0 || refunded + cents > 3000 {
            return refuse(400, "0207");
        }
        let mark = request.mark();
        let made = self.refunds.iter().find(|it| it.mark == mark && it.status != "failed").map(|it| it.id.clone());
        if let Some(made) = made {
            self.blame(format!("a second refund: `{mark}` is sent as {}, and {made} was made", request.key));
        }
        let id = self.name(0xabd7);
        let status = ["success", "in_process"][chance.below(2)];
        self.refunds.push(Refund { id: id.clone(), key: request.key.clone(), mark, status, cents, created: now });
        (200, json!({"transactionId": id, "transactionStatus": status, "money": request.body["money"]}))
    }
}

fn subscription_json(it: &Subscription) -> Value {
    json!({"id": it.id, "planId": PLAN, "status": it.status, "cycle": it.payments.len(), "createdAt": iso(it.created),
        "modifiedAt": iso(it.modified)})
}

pub(super) fn transaction_json(it: &Refund) -> Value {
    let amount = json!(f64::from(i32::try_from(it.cents).unwrap_or_default()) / 100.0);
    json!({"transactionId": it.id, "transactionType": "refund", "transactionStatus": it.status,
        "creationDate": iso(it.created), "money": {"amount": amount, "currency": "EUR"}})
}

fn refuse(status: u16, code: &str) -> (u16, Value) {
    (status, json!({"error": {"code": code, "message": "no"}}))
}
