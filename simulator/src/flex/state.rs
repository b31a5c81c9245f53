//! What Flex remembers. How an object is shown is in `shown.rs`.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::period::Interval;
use super::store::{Head, Store};
use crate::time::Millis;

/// Flex in one world.
#[derive(Debug, Default)]
pub(crate) struct Flex {
    pub(super) products: Store<Product>,
    pub(super) prices: Store<Price>,
    pub(super) coupons: Store<Coupon>,
    pub(super) promo_codes: Store<PromoCode>,
    pub(super) shipping_rates: Store<ShippingRate>,
    pub(super) customers: Store<Customer>,
    pub(super) cards: Store<Card>,
    pub(super) sessions: Store<Session>,
    pub(super) intents: Store<Intent>,
    pub(super) setups: Store<Setup>,
    pub(super) subscriptions: Store<Subscription>,
    pub(super) invoices: Store<Invoice>,
    pub(super) refunds: Store<Refund>,
    pub(super) captures: Store<Capture>,
    pub(super) disputes: Store<Dispute>,
    pub(super) hooks: Store<Hook>,
    /// The newest events, for `POST /v1/events/{id}/retry`.
    pub(super) events: VecDeque<Event>,
}

/// An object that is kept as the merchant sent it.
macro_rules! record {
    ($name:ident $about:literal) => {
        #[doc = $about]
        #[derive(Debug)]
        pub(super) struct $name {
            pub(super) head: Head,
            pub(super) body: Map<String, Value>,
        }
    };
}

record!(Product "What is sold.");
record!(Price "What it costs, once or in each period.");
record!(Coupon "A discount.");
record!(PromoCode "A code that a customer can enter for a coupon.");
record!(ShippingRate "What a shipment costs.");

#[derive(Debug)]
pub(super) struct Customer {
    pub(super) head: Head,
    pub(super) body: Map<String, Value>,
    /// Until when a Letter of Medical Necessity on file is valid.
    pub(super) letter_until: Option<Millis>,
}

/// A stored payment method.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) head: Head,
    pub(super) customer: String,
    pub(super) brand: &'static str,
    pub(super) last4: String,
    pub(super) month: i64,
    pub(super) year: i64,
    /// Whether it is an HSA or FSA card.
    pub(super) hsa: bool,
    pub(super) declines: Declines,
    /// Whether it can be charged without the customer.
    pub(super) off_session: bool,
}

/// When a bank declines a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declines {
    Never,
    /// Only while the customer is absent.
    Absent,
    Always,
}

impl Card {
    /// Whether the month on the card is over.
    pub(super) fn expired(&self, now: Millis) -> bool {
        crate::card::is_expired(self.year, self.month, now)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Payment,
    Subscription,
    OffSession,
    Setup,
    Reimbursement,
}

/// One line of a cart.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) id: String,
    pub(super) price: Option<String>,
    pub(super) product: String,
    pub(super) description: Value,
    pub(super) unit: i64,
    pub(super) quantity: i64,
    pub(super) eligibility: Value,
    pub(super) interval: Option<Interval>,
    pub(super) trial_days: Option<i64>,
}

impl Line {
    pub(super) fn total(&self) -> i64 {
        self.unit.saturating_mul(self.quantity)
    }

    pub(super) fn eligible(&self) -> bool {
        self.eligibility.as_str().is_some_and(|it| it != "not_eligible")
    }

    pub(super) fn wants_letter(&self) -> bool {
        self.eligibility == "letter_of_medical_necessity"
    }
}

/// What a session costs, in cents.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Amounts {
    pub(super) subtotal: i64,
    pub(super) discount: i64,
    pub(super) tax: Option<i64>,
    pub(super) shipping: Option<i64>,
    pub(super) fees: i64,
    /// What is paid today.
    pub(super) total: i64,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) head: Head,
    pub(super) expires: Millis,
    pub(super) mode: Mode,
    pub(super) status: &'static str,
    /// The request.
    pub(super) body: Map<String, Value>,
    pub(super) lines: Vec<Line>,
    pub(super) amounts: Amounts,
    pub(super) discount: Option<Discount>,
    pub(super) manual: bool,
    /// When the trial of its subscription ends.
    pub(super) trial_end: Option<Millis>,
    /// Whether the customer must answer the intake form first.
    pub(super) letter_required: bool,
    /// Whether the answer leads to a letter.
    pub(super) letter: Option<bool>,
    pub(super) customer: Option<String>,
    pub(super) intents: Vec<String>,
    pub(super) setup: Option<String>,
    pub(super) subscription: Option<String>,
    pub(super) invoice: Option<String>,
    pub(super) refunds: Vec<String>,
    pub(super) captures: Vec<String>,
    pub(super) disputes: Vec<String>,
    pub(super) next_action: Value,
}

impl Session {
    /// What the customer must do next.
    pub(super) fn step(&self) -> Step {
        match self.status {
            "complete" => Step::Done,
            "open" if self.letter_required && self.letter.is_none() => Step::Letter,
            "open" if self.split().is_some() && !self.intents.is_empty() => Step::SecondCard,
            "open" => Step::Card,
            _ => Step::Closed,
        }
    }

    /// What an HSA or FSA card and an ordinary card pay, where one card cannot pay everything.
    pub(super) fn split(&self) -> Option<(i64, i64)> {
        let eligible = |line: &&Line| line.eligible() && (self.letter != Some(false) || !line.wants_letter());
        let part: i64 = self.lines.iter().filter(eligible).map(Line::total).sum();
        let whole = self.mode == Mode::Payment && !self.manual && part > 0 && part < self.amounts.subtotal;
        let part = part.min(self.amounts.total);
        (whole && part < self.amounts.total).then(|| (part, self.amounts.total.saturating_sub(part)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Letter,
    Card,
    /// The ordinary card of a split cart.
    SecondCard,
    Done,
    Closed,
}

/// A payment intent, which is one charge of one card.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) head: Head,
    pub(super) amount: i64,
    pub(super) received: i64,
    pub(super) refunded: i64,
    pub(super) status: &'static str,
    pub(super) manual: bool,
    pub(super) customer: Option<String>,
    pub(super) card: Option<String>,
    pub(super) session: Option<String>,
    pub(super) invoice: Option<String>,
    pub(super) subscription: Option<String>,
    pub(super) charge: Option<String>,
    pub(super) error: Value,
    /// How often it was authorized: an older authorization's end changes nothing.
    pub(super) holds: u64,
    pub(super) disputed: bool,
}

#[derive(Debug)]
pub(super) struct Setup {
    pub(super) head: Head,
    pub(super) status: &'static str,
    pub(super) customer: Option<String>,
    pub(super) card: Option<String>,
    pub(super) session: Option<String>,
    pub(super) subscription: Option<String>,
    pub(super) partner: Value,
}

/// A coupon in use.
#[derive(Debug, Clone)]
pub(super) struct Discount {
    pub(super) coupon: Value,
    /// How many invoices it still applies to, or all of them.
    pub(super) left: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) price: String,
    pub(super) unit: i64,
    pub(super) quantity: i64,
    pub(super) created: Millis,
    pub(super) updated: Millis,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) head: Head,
    pub(super) status: &'static str,
    pub(super) customer: String,
    pub(super) session: Option<String>,
    pub(super) items: Vec<Item>,
    pub(super) interval: Interval,
    /// From when periods are counted, and how many there were.
    pub(super) anchor: Millis,
    pub(super) turns: i64,
    /// The current period, as it is shown.
    pub(super) start: Millis,
    pub(super) end: Millis,
    /// When the next period begins.
    pub(super) next: Millis,
    pub(super) trial: Option<(Millis, Millis)>,
    pub(super) cancel_at: Option<Millis>,
    pub(super) at_period_end: bool,
    pub(super) card: Option<String>,
    pub(super) latest_invoice: Option<String>,
    pub(super) metadata: Value,
    pub(super) proration: String,
    pub(super) discount: Option<Discount>,
    /// What the next invoice adds, or takes off.
    pub(super) pending: i64,
    /// Which plan of the next period holds: an earlier one changes nothing.
    pub(super) plan: u64,
}

impl Subscription {
    pub(super) fn ended(&self) -> bool {
        matches!(self.status, "canceled" | "incomplete_expired")
    }

    /// What one period costs without discounts.
    pub(super) fn price(&self) -> i64 {
        self.items.iter().map(|item| item.unit.saturating_mul(item.quantity)).sum()
    }
}

#[derive(Debug)]
pub(super) struct Invoice {
    pub(super) head: Head,
    pub(super) subscription: String,
    pub(super) customer: String,
    pub(super) total: i64,
    pub(super) paid: i64,
    pub(super) status: &'static str,
    pub(super) intent: Option<String>,
    /// The period that it pays for.
    pub(super) period: (Millis, Millis),
    /// The period before it, which Stripe shows on a renewal.
    pub(super) before: (Millis, Millis),
    pub(super) attempts: u32,
}

#[derive(Debug)]
pub(super) struct Refund {
    pub(super) head: Head,
    pub(super) intent: String,
    pub(super) session: Option<String>,
    pub(super) invoice: Option<String>,
    pub(super) subscription: Option<String>,
    pub(super) amount: i64,
    pub(super) status: &'static str,
    pub(super) reason: Value,
    pub(super) items: Value,
    pub(super) metadata: Value,
}

#[derive(Debug)]
pub(super) struct Capture {
    pub(super) head: Head,
    pub(super) session: String,
    pub(super) intent: String,
    pub(super) amount: i64,
    /// Each captured product's price and amount.
    pub(super) items: Vec<(Head, Option<String>, i64)>,
    pub(super) shipping: Option<i64>,
    pub(super) discount: Option<i64>,
    pub(super) tax: Option<i64>,
    pub(super) metadata: Value,
}

#[derive(Debug)]
pub(super) struct Dispute {
    pub(super) head: Head,
    pub(super) intent: String,
    pub(super) charge: Option<String>,
    pub(super) amount: i64,
    pub(super) status: &'static str,
    pub(super) reason: String,
    pub(super) due_by: Millis,
    pub(super) has_evidence: bool,
    pub(super) submissions: i64,
    pub(super) reference: Value,
}

/// An address for webhooks that the merchant registered.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) head: Head,
    pub(super) url: String,
    pub(super) secret: String,
    pub(super) events: Vec<String>,
}

/// An event that was sent.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) account: String,
    /// The id of its webhook, which a repetition keeps.
    pub(super) message: String,
    pub(super) data: Arc<Value>,
}
