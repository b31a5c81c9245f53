//! What Flex sends: replies and the objects in its events, read tolerantly. What must not be missing makes them
//! unreadable; what is optional and cannot be read counts as not said.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::ids::{CheckoutSessionId, CustomerId, InvoiceId, RefundId, SubscriptionId};
use super::rules::Rule;
use super::session_request::{CaptureMethod, Mode};
use crate::fact::{lenient, lenient_text, read};
use crate::flow::{Answer, Refusal, Reply};
use crate::money::Cents;
use crate::rule::RuleSet;
use crate::time::{Millis, Timestamp};
use crate::value::open_enum;

open_enum! {
    /// The status of a checkout session.
    pub enum Status {
        /// The customer can pay.
        Open = "open",
        /// Nobody has paid in time.
        Expired = "expired",
        /// Done: the one status on which to fulfil.
        Complete = "complete",
    }
}

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
    /// The status of a refund, in the order in which it may move.
    pub enum RefundStatus {
        /// On its way.
        Pending = "pending",
        /// Something must be done first.
        RequiresAction = "requires_action",
        /// Done.
        Succeeded = "succeeded",
        /// It was called off.
        Canceled = "canceled",
        /// It came to nothing.
        Failed = "failed",
    }
}

impl RefundStatus {
    /// Whether the money stays with the merchant.
    pub const fn is_reversed(&self) -> bool {
        matches!(self, Self::Canceled | Self::Failed)
    }
}

/// How a checkout session stands.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SessionSeen {
    /// The session.
    pub checkout_session_id: CheckoutSessionId,
    /// Its status; an event may leave it out.
    #[serde(default)]
    pub status: Option<Status>,
    /// What it is for.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Our own reference, echoed; the older shape has none.
    #[serde(default, deserialize_with = "lenient_text")]
    pub client_reference_id: Option<String>,
    /// Where the customer pays.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "instant")]
    pub created_at: Option<Timestamp>,
    /// From when on nobody can pay.
    #[serde(default, deserialize_with = "instant")]
    pub expires_at: Option<Timestamp>,
    /// What the customer pays, in cents.
    #[serde(default)]
    pub amount_total: Option<Cents>,
    /// What the items cost, in cents.
    #[serde(default)]
    pub amount_subtotal: Option<Cents>,
    /// What was received, in cents.
    #[serde(default)]
    pub amount_received: Option<Cents>,
    /// What was given back, in cents.
    #[serde(default)]
    pub amount_refunded: Option<Cents>,
    /// What lies between subtotal and total.
    #[serde(default)]
    pub total_details: Option<TotalDetails>,
    /// What is added.
    #[serde(default, deserialize_with = "lenient")]
    pub fees: Option<Vec<FeeSeen>>,
    /// When the money is taken.
    #[serde(default)]
    pub capture_method: Option<CaptureMethod>,
    /// Whether an HSA or FSA card can pay.
    #[serde(default, deserialize_with = "lenient")]
    pub hsa_fsa_eligible: Option<bool>,
    /// Whether it takes a letter.
    #[serde(default, deserialize_with = "lenient")]
    pub letter_of_medical_necessity_required: Option<bool>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    /// The subscription.
    #[serde(default)]
    pub subscription: Option<Expandable>,
    /// The first invoice.
    #[serde(default)]
    pub invoice: Option<Expandable>,
    #[serde(default)]
    payment_intent: Option<Expandable>,
    #[serde(default)]
    payment_intent_id: Option<Expandable>,
    #[serde(default, deserialize_with = "lenient")]
    payment_intents: Option<Vec<Expandable>>,
    /// The refunds.
    #[serde(default, deserialize_with = "lenient")]
    pub refunds: Option<Vec<RefundSeen>>,
    /// Whether it is one of test mode.
    #[serde(default, deserialize_with = "lenient")]
    pub test_mode: Option<bool>,
}

impl SessionSeen {
    /// The ids of its payment intents: two, where the cart is split.
    pub(crate) fn payment_intents(&self) -> impl Iterator<Item = &str> {
        let one = self.payment_intent.iter().chain(&self.payment_intent_id);
        one.chain(self.payment_intents.iter().flatten()).filter_map(|it| it.id("payment_intent_id"))
    }

    /// The subscription, by its id.
    pub(crate) fn subscription_id(&self) -> Option<SubscriptionId> {
        SubscriptionId::parse(self.subscription.as_ref()?.id("subscription_id")?).ok()
    }

    /// The subscription's status, where the session shows it whole.
    pub(crate) fn subscription_status(&self) -> Option<SubscriptionStatus> {
        Some(String::from(self.subscription.as_ref()?.member("status")?).into())
    }

    /// The customer, by the id.
    pub(crate) fn customer_id(&self) -> Option<CustomerId> {
        CustomerId::parse(self.customer.as_ref()?.id("customer_id")?).ok()
    }
}

/// What lies between a session's subtotal and its total, in cents.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct TotalDetails {
    /// What is taken off.
    #[serde(default)]
    pub amount_discount: Option<Cents>,
    /// The tax.
    #[serde(default)]
    pub amount_tax: Option<Cents>,
    /// The shipping.
    #[serde(default)]
    pub amount_shipping: Option<Cents>,
}

/// A fee of a session.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct FeeSeen {
    /// How much, in cents.
    pub amount: Cents,
    /// Whether it counts.
    #[serde(default)]
    pub applied: Option<bool>,
}

/// Something that stands as its id, or whole.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(transparent)]
pub struct Expandable(Value);

impl Expandable {
    /// Its id, which in the whole thing stands under a name of its own.
    pub(crate) fn id(&self, named: &str) -> Option<&str> {
        self.0.as_str().or_else(|| self.member(named)).filter(|id| !id.is_empty())
    }

    fn member(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Whether it says anything.
    pub(crate) fn is_there(&self) -> bool {
        !self.0.is_null()
    }
}

/// How a subscription stands.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SubscriptionSeen {
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// Its status; an event may leave it out.
    #[serde(default)]
    pub status: Option<SubscriptionStatus>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    /// Whether it ends with the period.
    #[serde(default, deserialize_with = "lenient")]
    pub cancel_at_period_end: Option<bool>,
    /// When the period ends.
    #[serde(default, deserialize_with = "instant")]
    pub current_period_end: Option<Timestamp>,
    /// Whether it is one of test mode.
    #[serde(default, deserialize_with = "lenient")]
    pub test_mode: Option<bool>,
}

/// An invoice of a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct InvoiceSeen {
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// The subscription.
    #[serde(default)]
    pub subscription: Option<Expandable>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    /// Its status.
    #[serde(default, deserialize_with = "lenient_text")]
    pub status: Option<String>,
    /// What is due, in cents.
    #[serde(default)]
    pub amount_due: Option<Cents>,
    /// What was paid, in cents.
    #[serde(default)]
    pub amount_paid: Option<Cents>,
    /// Whether it is one of test mode.
    #[serde(default, deserialize_with = "lenient")]
    pub test_mode: Option<bool>,
}

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct RefundSeen {
    /// The refund.
    pub refund_id: RefundId,
    /// The payment that it gives back.
    #[serde(default, deserialize_with = "lenient_text")]
    pub payment_intent_id: Option<String>,
    /// How much, in cents.
    pub amount: Cents,
    /// Its status.
    pub status: RefundStatus,
    /// Whether it is one of test mode.
    #[serde(default, deserialize_with = "lenient")]
    pub test_mode: Option<bool>,
}

/// Reads an instant: seconds since the epoch, or ISO 8601.
fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(seconds) => {
            seconds.as_u64().map(|seconds| Timestamp::default().after(Millis::from_seconds(seconds)))
        }
        Value::String(text) => Timestamp::parse_iso(&text),
        _ => None,
    })
}

/// Reads an object in the wrapper that is named after it, or bare.
pub(crate) fn unwrapped<T: for<'a> Deserialize<'a>>(text: &[u8], kind: &str) -> Option<T> {
    let members: BTreeMap<String, &RawValue> = read(text)?;
    match members.get(kind) {
        Some(inner) if inner.get().starts_with('{') => read(inner.get().as_bytes()),
        _ => read(text),
    }
}

/// Reads a list of sessions; what is no session in it makes it unreadable.
pub(crate) fn sessions(text: &[u8]) -> Option<Vec<SessionSeen>> {
    #[derive(Deserialize)]
    struct List {
        #[serde(alias = "data")]
        checkout_sessions: Vec<SessionSeen>,
    }
    read::<List>(text).map(|it| it.checkout_sessions)
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default, deserialize_with = "lenient")]
    error: Option<ErrorSeen>,
    #[serde(default, deserialize_with = "lenient")]
    detail: Option<Vec<Detail>>,
}

#[derive(Deserialize, Default)]
struct ErrorSeen {
    #[serde(default, deserialize_with = "lenient_text")]
    code: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient_text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
}

#[derive(Deserialize, Default)]
struct Detail {
    #[serde(default, rename = "type", deserialize_with = "lenient_text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    msg: Option<String>,
}

/// How Flex words a refusal: in either of its two shapes.
pub(crate) fn refusal(reply: &Reply<'_>) -> Refusal {
    let ErrorBody { error, detail } = read(reply.body).unwrap_or_default();
    let (error, first) = (error.unwrap_or_default(), detail.unwrap_or_default().into_iter().next().unwrap_or_default());
    let code = error.code.or(error.kind).or(first.kind);
    let rule = (code.as_deref() == Some("price_not_found")).then(|| Rule::CheckoutPriceActive.rule());
    Refusal { code, message: error.message.or(first.msg), rule }
}

/// Reads an answer: what `event` makes of a good one, or the refusal.
pub(crate) fn says<E>(reply: &Reply<'_>, event: impl FnOnce(&[u8]) -> Option<E>) -> Answer<E> {
    match reply.status {
        200..=299 => event(reply.body).map_or(Answer::Unreadable, Answer::Says),
        _ => Answer::Refuses(refusal(reply), None),
    }
}
