//! Revup's events: what it posts to `eventSubscriptionUrl`. Nobody signs them, so each is a hint until it is confirmed.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};

use super::payments::Made;
use super::replies::{Cancellation, Entry, Money, Reason, Status, TransactionStatus};
use crate::id::Digest;
use crate::json::{RawText, decode, lenient, lenient_text, read_body, string_or_int};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::ids::{OrderId, SubscriptionId, TransactionId};
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// What an event tells.
    pub enum EventType {
        /// The first charge succeeded.
        Created = "subscription.created",
        /// Revup tried to charge a renewal.
        Updated = "subscription.updated",
        /// The first charge failed.
        Archived = "subscription.archived",
        /// The subscription is over.
        Cancelled = "subscription.cancelled",
        /// Somebody paused it.
        Paused = "subscription.paused",
        /// Somebody resumed it.
        Resumed = "subscription.resumed",
        /// A payment was given back.
        Refunded = "subscription.payment.refunded",
        /// The customer's bank disputes a payment.
        Disputed = "subscription.payment.disputed",
    }
}

open_enum! {
    /// What a payment is for.
    pub enum PaymentType {
        /// The first charge.
        Initial = "initial",
        /// A later one.
        Renewal = "renewal",
        /// A fee.
        Maintenance = "maintenance",
    }
}

/// One event, once read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EventSeen {
    #[serde(deserialize_with = "string_or_int")]
    event_id: Option<String>,
    event_type: EventType,
    #[serde(default, deserialize_with = "lenient_text")]
    occurred_at: Option<String>,
    /// The same, as the samples of three events misspell it.
    #[serde(default, deserialize_with = "lenient_text")]
    ocurred_at: Option<String>,
    originator: Originator,
    data: Data,
}

#[derive(Clone, Debug, Deserialize)]
struct Originator {
    #[serde(rename = "type")]
    _kind: String,
    /// Free-form where the merchant or the back office is the originator.
    #[serde(default, deserialize_with = "lenient")]
    data: Option<Payment>,
}

/// The payment that an event comes from; every field is missing in some sample.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    #[serde(default, deserialize_with = "lenient_text")]
    payment_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    order_id: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient_text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    money: Option<Money>,
    #[serde(default, deserialize_with = "shown")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    transactions: Option<Vec<Entry<Transaction>>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_type: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    transaction_status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    money: Option<Money>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    subscription_id: SubscriptionId,
    status: Status,
    #[serde(default, deserialize_with = "lenient_text")]
    plan_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    next_payment: Option<NextPayment>,
    #[serde(default, deserialize_with = "lenient")]
    cancellation: Option<Cancellation>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NextPayment {
    #[serde(default, deserialize_with = "lenient_text")]
    scheduled_for: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient_text")]
    kind: Option<String>,
}

impl EventSeen {
    /// Reads an event; nothing if it cannot be read, or lacks what every event has.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let event: Self = read_body(body)?;
        let timed = event.occurred_at.is_some() || event.ocurred_at.is_some();
        (timed && event.event_id.is_some() && !event.event_type.as_str().is_empty()).then_some(event)
    }

    /// What it tells.
    pub const fn kind(&self) -> &EventType {
        &self.event_type
    }

    /// The subscription that it is about.
    pub const fn subscription(&self) -> &SubscriptionId {
        &self.data.subscription_id
    }

    /// The plan that it names.
    pub fn plan(&self) -> Option<&str> {
        self.data.plan_id.as_deref()
    }

    /// How the subscription stands, as it says.
    pub const fn status(&self) -> &Status {
        &self.data.status
    }

    /// Why the subscription was cancelled, as it says.
    pub fn reason(&self) -> Option<Reason> {
        self.data.cancellation.as_ref().and_then(Cancellation::reason)
    }

    /// Whether it says anything of a cancellation.
    pub(crate) const fn has_cancellation(&self) -> bool {
        self.data.cancellation.is_some()
    }

    /// The order of the payment that it comes from.
    pub(crate) fn order(&self) -> Option<OrderId> {
        self.payment()?.order_id.as_deref().and_then(OrderId::told)
    }

    /// What the payment that it comes from is for.
    pub fn payment_type(&self) -> Option<PaymentType> {
        self.payment()?.kind.clone().map(PaymentType::from)
    }

    /// When it occurred, and its own id as a fingerprint: what tells a repeat.
    pub(crate) fn stamp(&self) -> (Timestamp, Digest) {
        let text = self.occurred_at.as_deref().or(self.ocurred_at.as_deref()).unwrap_or_default();
        (
            Timestamp::parse_iso(text).unwrap_or_default(),
            Digest::of([self.event_id.as_deref().unwrap_or_default().as_bytes()]),
        )
    }

    /// Whether both spellings of its time say the same.
    pub(crate) fn has_one_time(&self) -> bool {
        match (&self.occurred_at, &self.ocurred_at) {
            (Some(one), Some(other)) => one == other || Timestamp::parse_iso(one) == Timestamp::parse_iso(other),
            _ => true,
        }
    }

    /// Whether it says of the payment that it comes from that this was not made, or not yet.
    pub(crate) fn is_unpaid(&self) -> bool {
        self.payment().is_some_and(|it| it.status.is_some() && !it.is_accepted())
    }

    /// Until when the customer has paid: the day of the next renewal, while nothing is past due.
    pub(crate) fn paid_until(&self) -> Option<Timestamp> {
        let paid = *self.status() == Status::Fulfilled && !self.is_unpaid();
        let next = self.data.next_payment.as_ref().filter(|_| paid)?;
        let renewal = next.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("renewal"));
        next.scheduled_for.as_deref().filter(|_| renewal).and_then(Timestamp::parse_iso)
    }

    /// Whether the refunds that it lists are at most the payment, in its currency; true where it does not say.
    pub(crate) fn refunds_fit(&self) -> bool {
        let Some(payment) = self.payment() else { return true };
        let (Some(money), Some(transactions)) = (&payment.money, &payment.transactions) else { return true };
        let same = |it: &&Money| it.currency.is_none() || money.currency.is_none() || it.currency == money.currency;
        let mut sum = Some(Decimal::ZERO);
        for transaction in transactions.iter().filter_map(|it| it.0.as_ref()).filter(|it| it.is_a_refund()) {
            let Some(part) = &transaction.money else { continue };
            if !same(&part) {
                return false;
            }
            sum = sum.zip(part.amount).and_then(|(sum, part)| sum.plus(part));
        }
        sum.zip(money.amount).and_then(|(sum, whole)| sum.at_most(whole)).unwrap_or(true)
    }

    /// The payment that it comes from, where that was made: its transactions, and how much it was.
    pub(crate) fn made(&self) -> impl Iterator<Item = Made> {
        let payment = self.payment().filter(|it| it.is_accepted());
        let charges = payment.into_iter().flat_map(Payment::charges);
        charges.filter_map(move |transaction| {
            let money = payment?.money.as_ref()?;
            Some(Made {
                transaction,
                amount: money.amount?,
                currency: money.currency.clone(),
                payment: payment?.name(),
            })
        })
    }

    /// The refunds that it lists as done, and how much each was.
    pub(crate) fn refunds(&self) -> impl Iterator<Item = (TransactionId, Decimal)> {
        let all =
            self.payment().and_then(|it| it.transactions.as_ref()).into_iter().flatten().filter_map(|it| it.0.as_ref());
        all.filter(|it| it.is_a_refund())
            .filter_map(|it| Some((TransactionId::told(it.transaction_id.as_deref()?)?, it.money.as_ref()?.amount?)))
    }

    /// What names the payment that it comes from: Revup's id of it, or else its transaction.
    pub(crate) fn payment_name(&self) -> Option<String> {
        self.payment()?.name()
    }

    const fn payment(&self) -> Option<&Payment> {
        self.originator.data.as_ref()
    }
}

impl Payment {
    fn is_accepted(&self) -> bool {
        self.status.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("accepted"))
    }

    /// What names it: Revup's id of it, or else its first transaction.
    fn name(&self) -> Option<String> {
        self.payment_id.clone().or_else(|| Made::name(self.charges()))
    }

    /// The transactions that took its money, or tried to.
    fn charges(&self) -> impl Iterator<Item = TransactionId> {
        let all = self.transactions.iter().flatten().filter_map(|it| it.0.as_ref());
        let charges =
            all.filter(|it| it.transaction_type.as_deref().is_none_or(|it| it.eq_ignore_ascii_case("payment")));
        charges.filter_map(|it| TransactionId::told(it.transaction_id.as_deref()?))
    }
}

/// Reads a text; whatever else stands in its place is shown too, as it is written, and `null` alone is nothing.
fn shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = RawText::deserialize(deserializer)?.get();
    Ok((raw != "null").then(|| decode(raw).unwrap_or_else(|_| raw.into())))
}

impl Transaction {
    fn is_a_refund(&self) -> bool {
        let refund = self.transaction_type.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("refund"));
        let status = self.transaction_status.clone().map(TransactionStatus::from);
        refund && status == Some(TransactionStatus::Success)
    }
}
