//! Subscriptions and their invoices, as Flex shows them.

use alloc::boxed::Box;

use serde::{Deserialize, Deserializer};

use super::form::{Entries, Expandable, Member, entries, enum_value, instant, member_instant};
use crate::json::{any_form, decode, lenient};
use crate::money::Cents;
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::ids::{CustomerId, InvoiceId, SubscriptionId};
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The status of a subscription.
    pub enum SubscriptionStatus {
        /// Its first payment is not made.
        Incomplete = "incomplete",
        /// Its first payment was not made in time.
        IncompleteExpired = "incomplete_expired",
        /// In its trial.
        Trialing = "trialing",
        /// Paid.
        Active = "active",
        /// A renewal could not be paid.
        PastDue = "past_due",
        /// Ended.
        Canceled = "canceled",
        /// Given up on, and not ended.
        Unpaid = "unpaid",
        /// Its trial is over, and there is nothing to pay it with.
        Paused = "paused",
    }
}

impl SubscriptionStatus {
    /// Whether the customer has paid for access, or tries it.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Trialing | Self::Active)
    }

    /// Whether nothing brings it back.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

open_enum! {
    /// The status of an invoice: only one of them proves that it was paid.
    pub enum InvoiceStatus {
        /// Not final yet.
        Draft = "draft",
        /// To be paid.
        Open = "open",
        /// Paid.
        Paid = "paid",
        /// Taken back.
        Void = "void",
        /// Given up on.
        Uncollectible = "uncollectible",
    }
}

/// A subscription, as Flex shows it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SubscriptionObject {
    /// The subscription.
    #[serde(deserialize_with = "any_form")]
    pub subscription_id: SubscriptionId,
    /// Its status; an event may leave it out.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<SubscriptionStatus>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    /// The newest invoice.
    #[serde(default, deserialize_with = "latest_invoice")]
    pub(crate) latest_invoice: Member<LatestInvoice>,
    /// Whether it ends with the period.
    #[serde(default, deserialize_with = "lenient")]
    pub cancel_at_period_end: Option<bool>,
    #[serde(default, deserialize_with = "instant")]
    current_period_start: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant")]
    current_period_end: Option<Timestamp>,
    #[serde(default, deserialize_with = "entries")]
    items: Option<Entries<Period>>,
    /// When it was made.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// When its trial ends.
    #[serde(default, deserialize_with = "member_instant")]
    pub(crate) trial_end: Member<Timestamp>,
    /// When it is to end.
    #[serde(default, deserialize_with = "instant")]
    pub cancel_at: Option<Timestamp>,
    /// Whether it is one of test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

/// The newest invoice of a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LatestInvoice {
    /// By its id.
    Id(InvoiceId),
    /// Whole.
    Whole(Box<InvoiceObject>),
}

impl LatestInvoice {
    /// Its id.
    pub(crate) fn id(&self) -> &InvoiceId {
        match self {
            Self::Id(id) => id,
            Self::Whole(invoice) => &invoice.invoice_id,
        }
    }
}

fn latest_invoice<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Member<LatestInvoice>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Id(#[serde(deserialize_with = "any_form")] InvoiceId);
    Member::read(deserializer, |text| match text.starts_with('{') {
        true => decode(text).ok().map(LatestInvoice::Whole),
        false => decode(text).ok().map(|Id(id)| LatestInvoice::Id(id)),
    })
}

/// The period of an item, where newer shapes keep it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct Period {
    #[serde(default, deserialize_with = "instant")]
    current_period_start: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant")]
    current_period_end: Option<Timestamp>,
}

impl SubscriptionObject {
    /// When the period began: its own, or the latest of its items'.
    pub fn current_period_start(&self) -> Option<Timestamp> {
        let items = self.items.iter().flat_map(|it| &it.list);
        self.current_period_start.or_else(|| items.filter_map(|it| it.current_period_start).max())
    }

    /// When the period ends: its own, or the earliest of its items'.
    pub fn current_period_end(&self) -> Option<Timestamp> {
        let items = self.items.iter().flat_map(|it| &it.list);
        self.current_period_end.or_else(|| items.filter_map(|it| it.current_period_end).min())
    }

    /// The customer, by the id.
    pub(crate) fn customer_id(&self) -> Option<CustomerId> {
        CustomerId::parse(self.customer.as_ref()?.id("customer_id")?).ok()
    }
}

/// An invoice of a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct InvoiceObject {
    /// The invoice.
    #[serde(deserialize_with = "any_form")]
    pub invoice_id: InvoiceId,
    #[serde(default)]
    subscription: Option<Expandable>,
    #[serde(default, deserialize_with = "lenient")]
    parent: Option<Parent>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    #[serde(default)]
    payment_intent: Option<Expandable>,
    /// Its status, which alone decides whether it was paid.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<InvoiceStatus>,
    /// What is due, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_due: Option<Cents>,
    /// What was paid, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_paid: Option<Cents>,
    /// When it was made.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// Whether it is one of test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

/// What an invoice is for, where newer shapes keep it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Parent {
    #[serde(default)]
    subscription: Option<Expandable>,
    #[serde(default)]
    subscription_details: Option<Details>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Details {
    #[serde(default)]
    subscription: Option<Expandable>,
}

impl InvoiceObject {
    /// The subscription, by its id.
    pub(crate) fn subscription(&self) -> Option<&str> {
        self.subscriptions().next()
    }

    /// The subscription, in whichever member it is.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = &str> {
        let parent = self.parent.as_ref();
        let details = parent.and_then(|it| it.subscription_details.as_ref()).and_then(|it| it.subscription.as_ref());
        let all = [self.subscription.as_ref(), parent.and_then(|it| it.subscription.as_ref()), details];
        all.into_iter().flatten().flat_map(|it| it.ids("subscription_id"))
    }

    /// The payment, by its id.
    pub(crate) fn payment_intent(&self) -> Option<&str> {
        self.payment_intent.as_ref()?.id("payment_intent_id")
    }

    /// Whether it says that nothing was paid, and nothing will be.
    pub(crate) fn is_void(&self) -> bool {
        matches!(self.status, Some(InvoiceStatus::Void | InvoiceStatus::Uncollectible))
    }

    /// Whether it says that it was paid.
    pub fn is_paid(&self) -> bool {
        self.status == Some(InvoiceStatus::Paid)
    }
}
