//! What Revup remembers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::card::Card;
use super::money::amount;
use super::plan::Plan;
use crate::calendar::later;
use crate::time::{HOUR, Millis, iso};

/// Revup in one world.
#[derive(Debug, Default)]
pub(crate) struct Revup {
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) transactions: BTreeMap<String, Transaction>,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    /// The plans that were configured. Any other plan has the default.
    pub(super) plans: BTreeMap<String, Plan>,
    /// The next refund fails.
    pub(super) refund_fails: bool,
    /// How many objects there were, for the order of lists.
    pub(super) count: u64,
}

/// An order: what a payment is for.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) account: String,
    pub(super) minor: i64,
    pub(super) currency: String,
    /// The request that made it.
    pub(super) body: Map<String, Value>,
    pub(super) created: Millis,
    pub(super) makes_token: bool,
    /// The payment of a subscription that it is for.
    pub(super) payment: Option<PaymentOf>,
    /// Its transactions, in their order.
    pub(super) transactions: Vec<String>,
}

/// A payment of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PaymentOf {
    pub(super) subscription: String,
    pub(super) payment: String,
}

#[derive(Debug, Clone)]
pub(super) struct Transaction {
    pub(super) nth: u64,
    /// What the transactions of one attempt have in common: the first one, and its fallback.
    pub(super) attempt: u64,
    pub(super) id: String,
    pub(super) order: String,
    pub(super) payment: Option<PaymentOf>,
    /// `payment`, `refund`, `chargeback`, `rdr` or `information_requested`.
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) minor: i64,
    pub(super) currency: String,
    pub(super) created: Millis,
    pub(super) modified: Millis,
    pub(super) fallback: bool,
    /// The payment that a refund or a dispute belongs to.
    pub(super) parent: Option<String>,
    pub(super) reason: Value,
    pub(super) card: Option<Card>,
    pub(super) token: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) account: String,
    pub(super) order: String,
    pub(super) transaction: String,
    pub(super) card: Card,
    pub(super) disabled: bool,
    pub(super) subscription: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// The initial payment is not known yet.
    Pending,
    Fulfilled,
    PastDue,
    Paused,
    Cancelled,
    Archived,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Fulfilled => "fulfilled",
            Self::PastDue => "past_due",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Archived => "archived",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) plan: String,
    pub(super) currency: String,
    /// The request that made it.
    pub(super) body: Map<String, Value>,
    pub(super) order: String,
    pub(super) token: Option<String>,
    pub(super) card: Option<Card>,
    pub(super) status: Status,
    /// The status before a pause.
    pub(super) before_pause: Option<Status>,
    pub(super) cycle: i64,
    pub(super) created: Millis,
    pub(super) modified: Millis,
    pub(super) anchor: Millis,
    pub(super) cancellation: Option<Cancellation>,
    pub(super) payments: Vec<Payment>,
}

#[derive(Debug, Clone)]
pub(super) struct Cancellation {
    pub(super) reason: &'static str,
    pub(super) detail: Value,
    pub(super) at: Millis,
}

#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: String,
    /// `initial`, `renewal` or `maintenance`.
    pub(super) kind: &'static str,
    pub(super) cycle: i64,
    pub(super) attempt: i64,
    pub(super) status: &'static str,
    /// When the next attempt is, or was.
    pub(super) due: Millis,
    pub(super) reference: Millis,
    pub(super) minor: i64,
    pub(super) order: String,
    pub(super) transactions: Vec<String>,
}

impl Order {
    /// An order without a payment is deleted after an hour.
    pub(super) fn gone(&self, now: Millis) -> bool {
        self.transactions.is_empty() && self.created.saturating_add(HOUR) <= now
    }
}

impl Subscription {
    /// The payment that is made next.
    pub(super) fn scheduled(&self) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.status == "scheduled")
    }
}

/// The address `redirectUrl.success` or `redirectUrl.fail`. One sample has no scheme.
pub(super) fn redirect(body: &Map<String, Value>, name: &str) -> Option<String> {
    let url = body.get("redirectUrl").and_then(|it| it[name].as_str()).filter(|url| !url.is_empty())?;
    let absolute = url.starts_with("https://") || url.starts_with("http://");
    Some(if absolute { url.to_owned() } else { format!("https://{url}") })
}

impl Revup {
    pub(super) fn next_number(&mut self) -> u64 {
        self.count = self.count.saturating_add(1);
        self.count
    }

    pub(super) fn plan(&self, id: &str) -> Plan {
        self.plans.get(id).cloned().unwrap_or_default()
    }

    /// An order of an account that was not deleted.
    pub(super) fn order(&self, account: &str, id: &str, now: Millis) -> Option<&Order> {
        self.orders.get(id).filter(|order| order.account == account && !order.gone(now))
    }

    pub(super) fn subscription(&self, account: &str, id: &str) -> Option<&Subscription> {
        self.subscriptions.get(id).filter(|subscription| subscription.account == account)
    }

    /// A transaction of an account.
    pub(super) fn transaction(&self, account: &str, id: &str) -> Option<&Transaction> {
        let owned = |it: &&Transaction| self.orders.get(&it.order).is_some_and(|order| order.account == account);
        self.transactions.get(id).filter(owned)
    }

    pub(super) fn payment_mut(&mut self, of: &PaymentOf) -> Option<&mut Payment> {
        let subscription = self.subscriptions.get_mut(&of.subscription)?;
        subscription.payments.iter_mut().find(|payment| payment.id == of.payment)
    }

    /// What was refunded of a payment, or is being refunded.
    pub(super) fn refunded(&self, transaction: &str) -> i64 {
        let of = |it: &&Transaction| {
            it.kind == "refund" && it.status != "failed" && it.parent.as_deref() == Some(transaction)
        };
        self.transactions.values().filter(of).fold(0, |sum, it| sum.saturating_add(it.minor))
    }

    /// When the last paid period of a subscription ends.
    fn paid_until(&self, it: &Subscription) -> Option<Millis> {
        it.payments.iter().find(|payment| payment.kind == "initial" && payment.status == "accepted")?;
        let plan = self.plan(&it.plan);
        Some(later(it.anchor, it.cycle.saturating_add(1).saturating_mul(plan.interval), plan.unit))
    }

    pub(super) fn ledger(&self) -> Value {
        let payment = |currency: &str, it: &Payment| {
            json!({"paymentId": it.id, "type": it.kind, "cycle": it.cycle, "attempt": it.attempt, "status": it.status,
                "amount": amount(it.minor, currency), "dueDate": iso(it.due), "transactions": it.transactions})
        };
        let subscription = |it: &Subscription| {
            json!({
                "id": it.id,
                "planId": it.plan,
                "status": it.status.name(),
                "cycle": it.cycle,
                "tokenId": it.token,
                "paidUntil": self.paid_until(it).map(iso),
                "cancellation": it.cancellation.as_ref().map(|it| it.reason),
                "payments": it.payments.iter().map(|one| payment(&it.currency, one)).collect::<Vec<_>>(),
            })
        };
        let mut transactions: Vec<&Transaction> = self.transactions.values().collect();
        transactions.sort_by_key(|it| it.nth);
        let transaction = |it: &&Transaction| {
            json!({"id": it.id, "orderId": it.order, "type": it.kind, "status": it.status, "currency": it.currency,
                "amount": amount(it.minor, &it.currency), "parent": it.parent, "reason": it.reason,
                "subscriptionId": it.payment.as_ref().map(|it| &it.subscription)})
        };
        let token = |(id, it): (&String, &Token)| json!({"tokenId": id, "orderId": it.order, "transactionId": it.transaction, "subscriptionId": it.subscription});
        json!({
            "tokens": self.tokens.iter().map(token).collect::<Vec<_>>(),
            "subscriptions": self.subscriptions.values().map(subscription).collect::<Vec<_>>(),
            "transactions": transactions.iter().map(transaction).collect::<Vec<_>>(),
        })
    }
}
