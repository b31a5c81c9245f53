//! What Revup answers, read tolerantly. A field that must not be missing makes an answer unreadable.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::ids::{OrderId, SubscriptionId, TransactionId, is_uuid};
use super::rules::Rule;
use crate::fact::{lenient, lenient_text, read};
use crate::flow::{Answer, Refusal, Reply};
use crate::rule::RuleSet;
use crate::time::Timestamp;
use crate::value::open_enum;

/// Lets the open enums of this folder be read in capitals too.
macro_rules! in_any_case {
    ($($name:ident),+) => {$(
        impl $name {
            /// Reads it without regard to case; what no document lists is kept as it came.
            pub(crate) fn told(text: String) -> Self {
                let known = Self::from(text.to_ascii_lowercase());
                if known.is_known() { known } else { Self::Unknown(text) }
            }
        }
    )+};
}
pub(super) use in_any_case;

open_enum! {
    /// The status of a subscription. The list of the documents could not be read: these five are seen in samples.
    pub enum Status {
        /// Paid, and renewed by Revup.
        Fulfilled = "fulfilled",
        /// A renewal failed, and Revup tries again.
        PastDue = "past_due",
        /// Paused by the merchant or in the back office.
        Paused = "paused",
        /// Over.
        Cancelled = "cancelled",
        /// The first charge failed.
        Archived = "archived",
    }
}

open_enum! {
    /// Why a subscription was cancelled.
    pub enum Reason {
        /// The plan has ended.
        EndPlan = "end_plan",
        /// The card was refused for good.
        HardDecline = "hard_decline",
        /// The merchant's own request.
        MerchantApi = "merchant_api",
        /// Somebody in the back office.
        BackofficeApi = "backoffice_api",
        /// The customer's bank.
        Dispute = "dispute",
    }
}

open_enum! {
    /// The status of a transaction; only the first two are final.
    pub enum TransactionStatus {
        /// Done.
        Success = "success",
        /// Not done.
        Failed = "failed",
        /// Under way.
        InProcess = "in_process",
        /// Waiting for the customer.
        WaitingUserInteraction = "waiting_user_interaction",
    }
}

in_any_case!(Status, Reason, TransactionStatus);

/// The answer to `create_subscription`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Created {
    /// The order of the first charge: with a token, the parent order.
    pub order_id: OrderId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
}

/// A subscription as a look-up or the answer to a cancellation shows it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SubscriptionSeen {
    /// Which one.
    pub id: SubscriptionId,
    /// How it stands, as it came.
    status: String,
    /// Its plan.
    #[serde(default, deserialize_with = "lenient_text")]
    pub plan_id: Option<String>,
    /// Why it was cancelled, if it was.
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) cancellation: Option<Cancellation>,
}

impl SubscriptionSeen {
    /// How it stands.
    pub fn status(&self) -> Status {
        Status::told(self.status.clone())
    }
}

/// What is said of a cancellation.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Cancellation {
    #[serde(default, deserialize_with = "lenient_text")]
    reason: Option<String>,
}

impl Cancellation {
    /// Why.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.reason.clone().map(Reason::told)
    }
}

/// A page of the payments of a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct PaymentsSeen {
    payments: Vec<PaymentSeen>,
    #[serde(default, deserialize_with = "lenient")]
    pagination: Option<Pagination>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PaymentSeen {
    #[serde(default, deserialize_with = "lenient_text")]
    payment_type: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    due_date: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    #[serde(default)]
    total_pages: Option<u32>,
}

impl PaymentsSeen {
    /// When the renewal that is still to be charged is due: until then the customer has paid.
    pub(crate) fn paid_until(&self) -> Option<Timestamp> {
        let is = |have: &Option<String>, wanted: &str| have.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(wanted));
        let open = |it: &&PaymentSeen| {
            is(&it.payment_type, "renewal") && (is(&it.status, "pending") || is(&it.status, "paying"))
        };
        let dates = self.payments.iter().filter(open).filter_map(|it| it.due_date.as_deref());
        dates.filter_map(Timestamp::parse_iso).min()
    }

    /// Whether there is a page after that one.
    pub(crate) fn goes_on_after(&self, page: u32) -> bool {
        self.pagination.as_ref().and_then(|it| it.total_pages).is_some_and(|pages| pages > page)
    }
}

/// A transaction as a look-up or the answer to a refund shows it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TransactionSeen {
    /// Which one: of a refund, the refund's own.
    pub transaction_id: TransactionId,
    transaction_status: String,
}

impl TransactionSeen {
    /// How it stands.
    pub fn status(&self) -> TransactionStatus {
        TransactionStatus::told(self.transaction_status.clone())
    }
}

/// Reads the body of a good answer.
pub(crate) fn says<T, E>(reply: &Reply<'_>, event: impl FnOnce(T) -> Option<E>) -> Answer<E>
where
    T: for<'de> Deserialize<'de>,
{
    match reply.status {
        200..=299 => read(reply.body).and_then(event).map_or(Answer::Unreadable, Answer::Says),
        _ => Answer::Refuses(refusal(reply), None),
    }
}

/// Whether both ids of a creation are UUIDs.
pub(crate) fn is_whole(created: &Created) -> bool {
    is_uuid(created.order_id.as_str()) && is_uuid(created.subscription_id.as_str())
}

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default, deserialize_with = "lenient")]
    error: Option<ErrorText>,
}

#[derive(Deserialize, Default)]
struct ErrorText {
    #[serde(default, deserialize_with = "lenient_text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
}

/// How Revup words a refusal; its codes are texts, and keep their zeros.
pub(crate) fn refusal(reply: &Reply<'_>) -> Refusal {
    let body: ErrorBody = read(reply.body).unwrap_or_default();
    let error = body.error.unwrap_or_default();
    Refusal { code: error.code, message: error.message, rule: None }
}

/// Names our rule that predicts a refusal, by Revup's error code.
pub(crate) fn predicted<E>(answer: Answer<E>, rules: &[(&str, Rule)]) -> Answer<E> {
    match answer {
        Answer::Refuses(refusal, event) => {
            let code = refusal.code.as_deref().unwrap_or_default();
            let rule = rules.iter().find(|(have, _)| *have == code).map(|(_, rule)| rule.rule());
            Answer::Refuses(Refusal { rule, ..refusal }, event)
        }
        other => other,
    }
}
