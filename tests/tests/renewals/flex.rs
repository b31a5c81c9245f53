//! A model of Flex: a new period starts when its invoice is drafted, and Flex charges it an hour later.

use serde_json::{Value, json};

use super::{DAY, HOUR, Luck};

/// What the subscription is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// How many days a period lasts.
    pub(crate) days: i64,
    /// Whether its lookups show no latest invoice.
    pub(crate) silent: bool,
    /// How many of a hundred webhooks are lost.
    pub(crate) lost: u64,
    /// How many of a hundred charges fail.
    pub(crate) fails: u64,
}

/// A period, and its invoice.
#[derive(Clone, Copy, Debug)]
struct Period {
    start: i64,
    paid: Option<i64>,
    /// When it is charged next.
    charge: Option<i64>,
    /// How many charges have failed.
    failed: u8,
}

/// One subscription at Flex.
#[derive(Debug)]
pub(crate) struct Flex {
    now: i64,
    pub(crate) shape: Shape,
    periods: Vec<Period>,
    pub(crate) ended: Option<i64>,
}

fn iso(millis: i64) -> String {
    rulebound::time::Timestamp::from_millis(millis).to_string()
}

impl Flex {
    pub(crate) fn new(start: i64, shape: Shape) -> Self {
        let first = Period { start, paid: Some(start), charge: None, failed: 0 };
        Self { now: start, shape, periods: vec![first], ended: None }
    }

    pub(crate) fn session(start: i64, key: &str, status: &str) -> Value {
        let mut session = json!({"checkout_session_id": "fcs_1", "status": status, "mode": "subscription", "client_reference_id": key,
            "amount_total": 4999, "created_at": start / 1000, "expires_at": start / 1000 + 3600, "redirect_url": "https://pay.example/c/1"});
        if status == "complete" {
            session["subscription"] = "fsub_1".into();
            session["invoice"] = "fin_0".into();
            session["payment_intent"] = "fpi_0".into();
        }
        json!({ "checkout_session": session })
    }

    fn end(&self, period: &Period) -> i64 {
        period.start + self.shape.days * DAY
    }

    /// Lets time pass, and returns the webhooks that Flex sends.
    pub(crate) fn pass(&mut self, until: i64, luck: &mut Luck) -> Vec<Value> {
        let mut events = Vec::new();
        while self.ended.is_none() {
            let last = *self.periods.last().unwrap();
            let (rolls, charges) = (self.end(&last), last.charge.unwrap_or(i64::MAX));
            let next = rolls.min(charges);
            if next > until {
                break;
            }
            self.now = next;
            if charges <= rolls {
                events.extend(self.charge(luck));
            } else {
                self.periods.push(Period { start: rolls, paid: None, charge: Some(rolls + HOUR), failed: 0 });
                events.push(self.event("customer.subscription.updated", &self.subscription()));
            }
        }
        self.now = until;
        events
    }

    fn charge(&mut self, luck: &mut Luck) -> Vec<Value> {
        let now = self.now;
        let fails = luck.of(self.shape.fails);
        let last = self.periods.last_mut().unwrap();
        last.charge = None;
        if !fails {
            last.paid = Some(now);
            let name = if luck.of(50) { "invoice.paid" } else { "invoice.payment_succeeded" };
            return vec![
                self.event(name, &self.invoice()),
                self.event("customer.subscription.updated", &self.subscription()),
            ];
        }
        last.failed += 1;
        last.charge =
            [None, Some(3), Some(2)].get(usize::from(last.failed)).copied().flatten().map(|days| now + days * DAY);
        if last.charge.is_none() {
            self.ended = Some(now);
            return vec![self.event("customer.subscription.deleted", &self.subscription())];
        }
        vec![self.event("invoice.payment_failed", &self.invoice())]
    }

    fn event(&self, name: &str, object: &Value) -> Value {
        json!({"event_id": format!("evt_{}", self.now), "event_type": name, "event_dt": self.now / 1000, "object": object})
    }

    fn subscription(&self) -> Value {
        let last = self.periods.last().unwrap();
        let status = match (self.ended, last.paid, last.failed) {
            (Some(_), ..) => "canceled",
            (_, None, 1..) => "past_due",
            _ => "active",
        };
        let mut subscription = json!({"subscription_id": "fsub_1", "status": status, "cancel_at_period_end": false,
            "current_period_start": iso(last.start), "current_period_end": iso(self.end(last))});
        if !self.shape.silent {
            subscription["latest_invoice"] = format!("fin_{}", self.periods.len() - 1).into();
        }
        json!({ "subscription": subscription })
    }

    fn invoice(&self) -> Value {
        let last = self.periods.last().unwrap();
        let status = match (last.paid, last.failed) {
            (Some(_), _) => "paid",
            (None, 0) => "draft",
            (None, _) => "open",
        };
        let id = format!("fin_{}", self.periods.len() - 1);
        json!({"invoice": {"invoice_id": id, "subscription": "fsub_1", "status": status, "created_at": iso(last.start),
            "amount_due": 4999, "amount_paid": if status == "paid" { 4999 } else { 0 }}})
    }

    /// The reply to a lookup.
    pub(crate) fn reply(&self, operation: &str) -> Value {
        match operation {
            "retrieve_subscription" => self.subscription(),
            "retrieve_invoice" => self.invoice(),
            other => panic!("{other}"),
        }
    }

    /// The end of the last period that is paid.
    pub(crate) fn paid_until(&self) -> i64 {
        self.periods.iter().filter(|it| it.paid.is_some()).map(|it| self.end(it)).max().unwrap_or_default()
    }

    /// When the current period was paid.
    pub(crate) fn paid_since(&self) -> Option<i64> {
        self.periods.last().filter(|_| self.ended.is_none())?.paid
    }

    /// Whether no charge of the current period has failed.
    pub(crate) fn is_paid_in_time(&self) -> bool {
        self.periods.last().is_some_and(|it| it.failed == 0)
    }

    /// The periods that were paid before an instant.
    pub(crate) fn paid_periods(&self, before: i64) -> Vec<usize> {
        let all = self.periods.iter().enumerate();
        all.filter(|(_, it)| it.paid.is_some_and(|paid| paid < before)).map(|(index, _)| index).collect()
    }

    /// The period that a delivery is of.
    pub(crate) fn period_of(&self, delivery: &str) -> usize {
        if delivery == "fcs_1" {
            return 0;
        }
        if let Some(end) = delivery.strip_prefix("fsub_1/") {
            return self.periods.iter().position(|it| self.end(it).to_string() == end).unwrap();
        }
        delivery.trim_start_matches("fin_").parse().unwrap()
    }
}
