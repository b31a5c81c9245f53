//! The events of Revup, which it posts to `eventSubscriptionUrl`. They are unsigned, so each is a hint until a lookup
//! confirms it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};

use super::dispute::{ChargebackInfo, ShownDispute};
use super::notification::TransactionType;
use super::payments::{MadePayment, Tried};
use super::replies::{Cancellation, Entry, Money, Reason, Status, TransactionStatus};
use crate::id::Digest;
use crate::json::{RawText, decode, lenient, lenient_text, read_body, string_or_int};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::ids::{OrderId, SubscriptionId, TransactionId};
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The type of an event.
    pub enum EventType {
        /// The first charge succeeded.
        Created = "subscription.created",
        /// Revup tried to charge a renewal.
        Updated = "subscription.updated",
        /// The first charge failed.
        Archived = "subscription.archived",
        /// The subscription is over.
        Cancelled = "subscription.cancelled",
        /// The merchant or the back office paused the subscription.
        Paused = "subscription.paused",
        /// The merchant or the back office resumed the subscription.
        Resumed = "subscription.resumed",
        /// A payment was refunded.
        Refunded = "subscription.payment.refunded",
        /// The customer's bank disputes a payment.
        Disputed = "subscription.payment.disputed",
    }
}

open_enum! {
    /// The type of a payment.
    pub enum PaymentType {
        /// The first charge.
        Initial = "initial",
        /// A later charge.
        Renewal = "renewal",
        /// A fee.
        Maintenance = "maintenance",
    }
}

/// The contents of one event.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EventWebhook {
    #[serde(deserialize_with = "string_or_int")]
    event_id: Option<String>,
    event_type: EventType,
    #[serde(default, deserialize_with = "lenient_text")]
    occurred_at: Option<String>,
    /// The same time, as the samples of three events misspell it.
    #[serde(default, deserialize_with = "lenient_text")]
    ocurred_at: Option<String>,
    originator: Originator,
    data: Data,
}

#[derive(Clone, Debug, Deserialize)]
struct Originator {
    #[serde(rename = "type")]
    _kind: String,
    /// The payment. The data is free-form if the merchant or the back office is the originator.
    #[serde(default, deserialize_with = "lenient")]
    data: Option<Payment>,
}

/// The payment that an event comes from. Every field is missing in some sample.
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
    #[serde(default, deserialize_with = "text_or_json")]
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
    #[serde(default, deserialize_with = "lenient")]
    chargeback_info: Option<ChargebackInfo>,
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

impl EventWebhook {
    /// Reads an event. The result is `None` if a field that every event has is missing.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let event: Self = read_body(body)?;
        let has_time = event.occurred_at.is_some() || event.ocurred_at.is_some();
        (has_time && event.event_id.is_some() && !event.event_type.as_str().is_empty()).then_some(event)
    }

    /// The type of the event.
    pub const fn kind(&self) -> &EventType {
        &self.event_type
    }

    /// The subscription of the event.
    pub const fn subscription(&self) -> &SubscriptionId {
        &self.data.subscription_id
    }

    /// The plan that the event names.
    pub fn plan(&self) -> Option<&str> {
        self.data.plan_id.as_deref()
    }

    /// The status of the subscription, as the event says.
    pub const fn status(&self) -> &Status {
        &self.data.status
    }

    /// The reason of the cancellation, as the event says.
    pub fn reason(&self) -> Option<Reason> {
        self.data.cancellation.as_ref().and_then(Cancellation::reason)
    }

    /// Whether the event has details of a cancellation.
    pub(crate) const fn has_cancellation(&self) -> bool {
        self.data.cancellation.is_some()
    }

    /// The order of the payment of the event.
    pub(crate) fn order(&self) -> Option<OrderId> {
        self.payment()?.order_id.as_deref().and_then(OrderId::read)
    }

    /// The type of the payment of the event.
    pub fn payment_type(&self) -> Option<PaymentType> {
        self.payment()?.kind.clone().map(PaymentType::from)
    }

    /// The time of the event, and a fingerprint of its id. Both together recognize a repeat.
    pub(crate) fn stamp(&self) -> (Timestamp, Digest) {
        let text = self.occurred_at.as_deref().or(self.ocurred_at.as_deref()).unwrap_or_default();
        (
            Timestamp::parse_iso(text).unwrap_or_default(),
            Digest::of([self.event_id.as_deref().unwrap_or_default().as_bytes()]),
        )
    }

    /// Whether both spellings of the time name the same time.
    pub(crate) fn has_one_time(&self) -> bool {
        match (&self.occurred_at, &self.ocurred_at) {
            (Some(one), Some(other)) => one == other || Timestamp::parse_iso(one) == Timestamp::parse_iso(other),
            _ => true,
        }
    }

    /// Whether the event says that its payment was made.
    pub(crate) fn is_paid(&self) -> bool {
        self.payment().is_some_and(Payment::is_accepted)
    }

    /// Whether the event says that its payment was not made, or not yet.
    pub(crate) fn is_unpaid(&self) -> bool {
        self.payment().is_some_and(|it| it.status.is_some() && !it.is_accepted())
    }

    /// The end of the paid period: the date of the next renewal, while nothing is past due.
    pub(crate) fn paid_until(&self) -> Option<Timestamp> {
        let is_paid = *self.status() == Status::Fulfilled && !self.is_unpaid();
        let next = self.data.next_payment.as_ref().filter(|_| is_paid)?;
        let is_renewal = next.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("renewal"));
        next.scheduled_for.as_deref().filter(|_| is_renewal).and_then(Timestamp::parse_iso_end)
    }

    /// Whether the listed refunds add up to at most the payment, in its currency. A missing amount counts as fitting.
    pub(crate) fn refunds_fit(&self) -> bool {
        let Some(payment) = self.payment() else { return true };
        let (Some(money), Some(transactions)) = (&payment.money, &payment.transactions) else { return true };
        let is_same_currency =
            |it: &&Money| it.currency.is_none() || money.currency.is_none() || it.currency == money.currency;
        let mut sum = Some(Decimal::ZERO);
        for transaction in transactions.iter().filter_map(|it| it.0.as_ref()).filter(|it| it.is_done_refund()) {
            let Some(part) = &transaction.money else { continue };
            if !is_same_currency(&part) {
                return false;
            }
            sum = sum.zip(part.amount).and_then(|(sum, part)| sum.plus(part));
        }
        sum.zip(money.amount).and_then(|(sum, whole)| sum.at_most(whole)).unwrap_or(true)
    }

    /// The transactions of the payment of the event, if it was made, and those that failed, with the amount.
    pub(crate) fn made(&self) -> impl Iterator<Item = MadePayment> {
        self.payment().into_iter().flat_map(Payment::made)
    }

    /// The refunds that the event lists as done, with their amounts.
    pub(crate) fn refunds(&self) -> impl Iterator<Item = (TransactionId, Option<Decimal>)> {
        let all =
            self.payment().and_then(|it| it.transactions.as_ref()).into_iter().flatten().filter_map(|it| it.0.as_ref());
        all.filter(|it| it.is_done_refund()).filter_map(|it| {
            Some((TransactionId::read(it.transaction_id.as_deref()?)?, it.money.as_ref().and_then(|it| it.amount)))
        })
    }

    /// The disputes that the event lists.
    pub(crate) fn disputes(&self) -> impl Iterator<Item = ShownDispute> {
        let all = self.payment().into_iter().flat_map(|it| it.transactions.iter().flatten());
        all.filter_map(|it| it.0.as_ref()?.dispute(self.payment()?.payment_id.clone()))
    }

    /// The name of the payment of the event: Revup's id of the payment, or else its first transaction.
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

    /// The name of the payment: Revup's id of it, or else its first transaction.
    fn name(&self) -> Option<String> {
        self.payment_id.clone().or_else(|| MadePayment::name(self.charges()))
    }

    /// The transactions of a payment that was made, and those that failed.
    fn made(&self) -> impl Iterator<Item = MadePayment> {
        let payment = self.name();
        self.tries().filter_map(move |(transaction, tried)| {
            let money = self.money.as_ref()?;
            let (amount, currency, payment) = (money.amount?, money.currency.clone(), payment.clone());
            let made = MadePayment { transaction, amount, currency, payment, tried };
            (self.is_accepted() || tried == Tried::Failed).then_some(made)
        })
    }

    /// The transactions that took the money, or tried to.
    fn charges(&self) -> impl Iterator<Item = TransactionId> {
        self.tries().map(|(transaction, _)| transaction)
    }

    fn tries(&self) -> impl Iterator<Item = (TransactionId, Tried)> {
        let all = self.transactions.iter().flatten().filter_map(|it| it.0.as_ref());
        let charges =
            all.filter(|it| it.transaction_type.as_deref().is_none_or(|it| it.eq_ignore_ascii_case("payment")));
        charges.filter_map(|it| {
            let tried = Tried::by(it.transaction_status.clone().map(TransactionStatus::from));
            Some((TransactionId::read(it.transaction_id.as_deref()?)?, tried))
        })
    }
}

/// Reads a string, and any other value as its raw JSON. Only null gives `None`.
fn text_or_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = RawText::deserialize(deserializer)?.get();
    Ok((raw != "null").then(|| decode(raw).unwrap_or_else(|_| raw.into())))
}

impl Transaction {
    fn dispute(&self, payment: Option<String>) -> Option<ShownDispute> {
        let kind = TransactionType::from(self.transaction_type.clone()?);
        Some(ShownDispute {
            transaction: TransactionId::read(self.transaction_id.as_deref()?)?,
            status: TransactionStatus::from(self.transaction_status.clone().unwrap_or_default()),
            payment,
            money: self.money.clone(),
            info: self.chargeback_info.clone(),
            kind,
        })
        .filter(|it| it.kind.is_dispute())
    }

    fn is_done_refund(&self) -> bool {
        let is_refund = self.transaction_type.as_deref().is_some_and(|it| it.eq_ignore_ascii_case("refund"));
        let status = self.transaction_status.clone().map(TransactionStatus::from);
        is_refund && status == Some(TransactionStatus::Success)
    }
}
