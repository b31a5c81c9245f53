//! Setup intents, as Flex sends them.

use serde::Deserialize;

use super::form::{Expandable, enum_value};
use crate::json::any_form;
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::ids::{CustomerId, PaymentMethodId, SetupIntentId};
use crate::value::open_enum;

open_enum! {
    /// The status of a setup intent.
    pub enum SetupIntentStatus {
        /// The customer has not given a payment method.
        RequiresPaymentMethod = "requires_payment_method",
        /// The payment method is not confirmed.
        RequiresConfirmation = "requires_confirmation",
        /// The customer must act first.
        RequiresAction = "requires_action",
        /// The bank has not replied.
        Processing = "processing",
        /// The customer has given a payment method.
        Succeeded = "succeeded",
        /// The setup was canceled.
        Canceled = "canceled",
    }
}

/// A setup intent, as Flex sends it: a customer gives a payment method for a subscription.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SetupIntentObject {
    /// The id of the setup intent.
    #[serde(deserialize_with = "any_form")]
    pub setup_intent_id: SetupIntentId,
    /// The status.
    #[serde(default, deserialize_with = "enum_value")]
    pub status: Option<SetupIntentStatus>,
    #[serde(default)]
    subscription_id: Option<Expandable>,
    #[serde(default)]
    payment_method: Option<Expandable>,
    /// The customer.
    #[serde(default)]
    pub customer: Option<Expandable>,
    /// Whether the setup intent is in test mode.
    #[serde(default)]
    pub test_mode: TestMode,
}

impl SetupIntentObject {
    /// The id of the customer.
    pub(crate) fn customer_id(&self) -> Option<CustomerId> {
        self.customer.as_ref()?.customer_id()
    }

    /// The id of the payment method, once the customer has given it.
    pub(crate) fn payment_method(&self) -> Option<PaymentMethodId> {
        self.payment_method.as_ref()?.payment_method_id()
    }

    /// The id of the subscription that the payment method is for.
    pub(crate) fn subscription(&self) -> Option<&str> {
        self.subscription_id.as_ref()?.id("subscription_id")
    }
}
