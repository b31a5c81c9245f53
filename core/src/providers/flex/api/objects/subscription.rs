//! Subscriptions and their invoices, as Flex sends them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};

use super::form::{Entries, Expandable, Member, entries, enum_value, instant, member_instant};
use crate::json::{any_form, decode, lenient};
use crate::money::Cents;
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::ids::{CustomerId, InvoiceId, PaymentMethodId, SubscriptionId};
use crate::providers::flex::reports::StoredItem;
use crate::time::Timestamp;
use crate::value::open_enum;

open_enum! {
    /// The status of a subscription.
    // The status of the flow `flex.subscription` has the name of the enum.
    pub enum SubscriptionStatus ("SubscriptionObjectStatus") {
        /// The first payment is pending.
        Incomplete = "incomplete",
        /// The first payment was not made in time.
        IncompleteExpired = "incomplete_expired",
        /// The subscription is in its trial.
        Trialing = "trialing",
        /// The subscription is paid.
        Active = "active",
        /// The payment of a renewal has failed.
        PastDue = "past_due",
        /// The subscription has ended.
        Canceled = "canceled",
        /// Flex has stopped collecting payments, but the subscription has not ended.
        Unpaid = "unpaid",
        /// The trial is over, and there is no payment method.
        Paused = "paused",
    }
}

impl SubscriptionStatus {
    /// Whether the status grants access: a paid subscription, or a trial.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Trialing | Self::Active)
    }

    /// Whether the status is final.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

open_enum! {
    /// The status of an invoice. Only `paid` proves a payment.
    pub enum InvoiceStatus {
        /// The invoice is not final yet.
        Draft = "draft",
        /// The invoice is due.
        Open = "open",
        /// The invoice is paid.
        Paid = "paid",
        /// The invoice was withdrawn.
        Void = "void",
        /// Flex has stopped collecting the payment.
        Uncollectible = "uncollectible",
    }
}

/// A subscription, as Flex sends it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SubscriptionObject {
    /// The id of the subscription.
    #[serde(deserialize_with = "any_form")]
    pub subscription_id: SubscriptionId,
    /// The status. An event may omit it.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<SubscriptionStatus>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    /// The latest invoice.
    #[serde(default, deserialize_with = "latest_invoice")]
    pub(crate) latest_invoice: Member<LatestInvoice>,
    /// Whether the subscription ends with its period.
    #[serde(default, deserialize_with = "lenient")]
    pub cancel_at_period_end: Option<bool>,
    #[serde(default, deserialize_with = "instant")]
    current_period_start: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant")]
    current_period_end: Option<Timestamp>,
    #[serde(default, deserialize_with = "entries")]
    items: Option<Entries<Item>>,
    /// When the subscription was created.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// When the trial ends.
    #[serde(default, deserialize_with = "member_instant")]
    pub(crate) trial_end: Member<Timestamp>,
    #[serde(default)]
    default_payment_method: Option<Expandable>,
    /// When the subscription is set to end.
    #[serde(default, deserialize_with = "instant")]
    pub cancel_at: Option<Timestamp>,
    /// Whether the subscription is in test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

/// The latest invoice of a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LatestInvoice {
    /// Only its id.
    Id(InvoiceId),
    /// The whole invoice.
    Whole(Box<InvoiceObject>),
}

impl LatestInvoice {
    /// The id of the invoice.
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

/// An item: its price and the number of pieces, and its period, which newer formats have there.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
struct Item {
    #[serde(default)]
    price: Option<Expandable>,
    #[serde(default, deserialize_with = "lenient")]
    quantity: Option<i64>,
    #[serde(default, deserialize_with = "instant")]
    current_period_start: Option<Timestamp>,
    #[serde(default, deserialize_with = "instant")]
    current_period_end: Option<Timestamp>,
}

impl SubscriptionObject {
    /// When the period began: the subscription's own value, or the latest of its items'.
    pub fn current_period_start(&self) -> Option<Timestamp> {
        let items = self.items.iter().flat_map(|it| &it.list);
        self.current_period_start.or_else(|| items.filter_map(|it| it.current_period_start).max())
    }

    /// When the period ends: the subscription's own value, or the earliest of its items'.
    pub fn current_period_end(&self) -> Option<Timestamp> {
        let items = self.items.iter().flat_map(|it| &it.list);
        self.current_period_end.or_else(|| items.filter_map(|it| it.current_period_end).min())
    }

    /// The items, if every item shows its price and the number of pieces.
    pub(crate) fn stored_items(&self) -> Option<Vec<StoredItem>> {
        let items = self.items.as_ref().filter(|it| it.complete && !it.list.is_empty())?;
        let stored = |it: &Item| Some(StoredItem::new(Some(it.price.as_ref()?.id("price_id")?.into()), it.quantity?));
        items.list.iter().map(stored).collect()
    }

    /// The id of the payment method that Flex charges.
    pub(crate) fn payment_method(&self) -> Option<PaymentMethodId> {
        self.default_payment_method.as_ref()?.payment_method_id()
    }

    /// The id of the customer.
    pub(crate) fn customer_id(&self) -> Option<CustomerId> {
        self.customer.as_ref()?.customer_id()
    }
}

/// An invoice of a subscription, as Flex sends it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct InvoiceObject {
    /// The id of the invoice.
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
    /// The status, which alone decides whether the invoice is paid.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<InvoiceStatus>,
    /// The amount that is due, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_due: Option<Cents>,
    /// The paid amount, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub amount_paid: Option<Cents>,
    /// When the invoice was created.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// Whether the invoice is in test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

/// What the invoice is for. Newer formats have it there.
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
    /// The id of the subscription.
    pub(crate) fn subscription(&self) -> Option<&str> {
        self.subscriptions().next()
    }

    /// The ids of the subscription, in any of the members that may contain it.
    pub(crate) fn subscriptions(&self) -> impl Iterator<Item = &str> {
        let parent = self.parent.as_ref();
        let details = parent.and_then(|it| it.subscription_details.as_ref()).and_then(|it| it.subscription.as_ref());
        let all = [self.subscription.as_ref(), parent.and_then(|it| it.subscription.as_ref()), details];
        all.into_iter().flatten().flat_map(|it| it.ids("subscription_id"))
    }

    /// The id of the payment.
    pub(crate) fn payment_intent(&self) -> Option<&str> {
        self.payment_intent.as_ref()?.id("payment_intent_id")
    }

    /// Whether the invoice is unpaid and will not be paid.
    pub(crate) fn is_void(&self) -> bool {
        matches!(self.status, Some(InvoiceStatus::Void | InvoiceStatus::Uncollectible))
    }

    /// Whether the invoice is paid.
    pub fn is_paid(&self) -> bool {
        self.status == Some(InvoiceStatus::Paid)
    }
}
