//! The requests to Revup: where each operation goes, what it carries, and what may be done if its reply is lost.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::body::CancelBody;
use crate::config::revup::Settings;
use crate::effect::{self, Credential, Operation, Request, Retry, Success};
use crate::id::Intent;
use crate::providers::revup::amount::{Amount, Decimal};
use crate::providers::revup::ids::{OrderId, SubscriptionId, Token, TransactionId};
use crate::providers::revup::names::Review;
use crate::value::{Extra, RawJson, setters};

/// The header that carries the API key.
pub(crate) const CREDENTIAL: Credential = Credential::alone_in("x-api-key");

/// How many payments a page contains.
pub(crate) const PAGE_SIZE: u32 = 100;

/// Revup's error code for an unknown subscription.
pub(crate) const NO_SUBSCRIPTION: &str = "0020";

/// Revup's error code for an unknown transaction.
pub(crate) const NO_TRANSACTION: &str = "0108";

/// `create_subscription`: subscribes a customer, with a stored card or in the payment form.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupCreateSubscriptionFields"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateSubscription {
    /// The stored card. Without one, the customer pays in the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<Token>,
    /// The transaction that made the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_transaction_id: Option<TransactionId>,
    /// The order that made the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_order_id: Option<OrderId>,
    /// The plan, as the UUID that the back office shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// The currency of every charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Where Revup posts events. The URL should contain the key of the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_subscription_url: Option<String>,
    /// Where the customer returns to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<RedirectUrl>,
    /// The customer, in Revup's own format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_information: Option<RawJson>,
    /// The differences from the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite: Option<Overwrite>,
    /// A short text for the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<String>,
    /// A longer description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The address of the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// A text for the merchant's own use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_tag: Option<String>,
    /// Whether the form uses 3DS. A token needs no 3DS.
    #[serde(default, rename = "threeDSSupport", skip_serializing_if = "Option::is_none")]
    pub three_ds_support: Option<bool>,
    /// Only orders can have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_details: Option<RawJson>,
    /// Only orders can have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<RawJson>,
    /// Only orders can have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate_token: Option<bool>,
    /// Only orders can have this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<String>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// The pages that the customer returns to.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupRedirectUrl"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RedirectUrl {
    /// After a payment, also while the payment is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<String>,
    /// After a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<String>,
    /// After 3DS. A token needs no 3DS.
    #[serde(default, rename = "threeDSChallengeResult", skip_serializing_if = "Option::is_none")]
    pub three_ds_challenge_result: Option<String>,
}

impl RedirectUrl {
    /// The two pages.
    pub fn new(success: &str, fail: &str) -> Self {
        Self { success: Some(success.into()), fail: Some(fail.into()), three_ds_challenge_result: None }
    }
}

setters!(RedirectUrl { three_ds_challenge_result: String });

/// The differences from the plan.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupOverwrite"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Overwrite {
    /// The first amount, in the main unit of the currency, such as `"9.98"` euros. Every later amount follows the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_amount: Option<Amount>,
}

impl Overwrite {
    /// Another first amount.
    pub const fn initial_amount(amount: Amount) -> Self {
        Self { initial_amount: Some(amount) }
    }
}

setters!(CreateSubscription {
    redirect_url: RedirectUrl,
    user_information: RawJson,
    overwrite: Overwrite,
    concept: String,
    description: String,
    domain: String,
    custom_tag: String,
    three_ds_support: bool,
    extra: Extra,
});

impl CreateSubscription {
    /// A subscription to a plan, with the URL for its events.
    pub fn new(plan_id: &str, currency: &str, event_subscription_url: &str) -> Self {
        Self {
            plan_id: Some(plan_id.into()),
            currency: Some(currency.into()),
            event_subscription_url: Some(event_subscription_url.into()),
            ..Self::default()
        }
    }

    /// The same subscription on a stored card, with the transaction and the order that made the token.
    #[must_use]
    pub fn on_token(mut self, token: Token, transaction: TransactionId, order: OrderId) -> Self {
        self.token_id = Some(token);
        self.parent_transaction_id = Some(transaction);
        self.parent_order_id = Some(order);
        self
    }

    /// The same subscription with the two pages to return to.
    #[must_use]
    pub fn returning_to(mut self, success: &str, fail: &str) -> Self {
        self.redirect_url = Some(RedirectUrl::new(success, fail));
        self
    }

    /// The amount of the first charge, if it replaces that of the plan.
    pub(crate) fn first_amount(&self) -> Option<Decimal> {
        self.overwrite.as_ref()?.initial_amount.as_ref()?.decimal()
    }

    /// Whether a stored card pays. Any one of its three fields is enough, so that a rule can reject an incomplete set.
    pub(crate) const fn is_on_token(&self) -> bool {
        self.token_id.is_some() || self.parent_transaction_id.is_some() || self.parent_order_id.is_some()
    }
}

/// `refund_payment`: refunds some or all of a payment.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupRefundPaymentFields"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RefundPayment {
    /// The host's name for this refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The payment's transaction.
    pub transaction_id: TransactionId,
    /// The amount of the refund, in the main unit of the currency: `"9.98"` is 9 euros and 98 cents.
    pub amount: Amount,
    /// The payment's currency.
    pub currency: String,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

impl RefundPayment {
    /// A refund with the host's name for it: of which payment, how much, and in its currency.
    pub fn new(intent: Intent, transaction_id: TransactionId, amount: Amount, currency: &str) -> Self {
        let (intent, currency) = (Some(intent), currency.into());
        Self { intent, transaction_id, amount, currency, reason: None, extra: Extra::default() }
    }
}

setters!(RefundPayment { reason: String, extra: Extra });

/// A request to Revup.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Subscribes a customer.
    CreateSubscription(Box<CreateSubscription>),
    /// Looks up the transactions of the order, after a reply was lost.
    FindTransactions(OrderId),
    /// Looks up the subscription.
    RetrieveSubscription(SubscriptionId),
    /// Looks up a page of the payments, for the end of the paid period.
    RetrievePayments(SubscriptionId, u32),
    /// Cancels the subscription.
    CancelSubscription(SubscriptionId, Option<String>),
    /// Refunds a payment.
    RefundPayment(Box<RefundPayment>),
    /// Looks up a transaction, for the outcome of the refund with this intent.
    RetrieveTransaction(TransactionId, Intent),
    /// Looks up the transactions of the payment's order, for the refund with this intent.
    FindRefund(OrderId, Intent),
    /// Looks up a refund that a message without proof lists, and that this flow did not request.
    RetrieveRefund(TransactionId),
}

impl Call {
    /// Whether the call creates the subscription.
    pub(crate) const fn is_create(&self) -> bool {
        matches!(self, Self::CreateSubscription(_))
    }

    /// Whether the call cancels the subscription.
    pub(crate) const fn is_cancel(&self) -> bool {
        matches!(self, Self::CancelSubscription(..))
    }

    /// Whether the call looks up the subscription.
    pub(crate) const fn is_status_lookup(&self) -> bool {
        matches!(self, Self::RetrieveSubscription(_))
    }

    /// Whether the call looks up the payments.
    pub(crate) const fn is_payments_lookup(&self) -> bool {
        matches!(self, Self::RetrievePayments(..))
    }

    /// Whether the call looks up the refund with that intent.
    pub(crate) fn is_refund_lookup(&self, intent: &str) -> bool {
        matches!(self, Self::RetrieveTransaction(_, own) | Self::FindRefund(_, own) if own.as_str() == intent)
    }

    /// Whether the call is the refund with that intent.
    pub(crate) fn is_refund(&self, intent: &str) -> bool {
        matches!(self, Self::RefundPayment(refund) if refund.intent.as_ref().is_some_and(|own| own.as_str() == intent))
    }
}

static CREATE_ON_TOKEN: Operation =
    Operation::new("create_subscription", Retry::Reconcile).asks_of(Review::CreateUnknown.as_question());
static CREATE_BY_FORM: Operation = Operation::new("create_subscription", Retry::Harmless);
static FIND_TRANSACTIONS: Operation =
    Operation::new("find_transactions", Retry::Lookup).success(Success::List).not_found_at(&[400, 404]);
static RETRIEVE_SUBSCRIPTION: Operation = Operation::new("retrieve_subscription", Retry::Lookup).not_found_at(&[404]);
static RETRIEVE_PAYMENTS: Operation = Operation::new("retrieve_payments", Retry::Lookup);
static CANCEL: Operation = Operation::new("cancel_subscription", Retry::Goal)
    // "Subscription not found" proves neither that the cancellation is done nor that it failed.
    .again_at(&[NO_SUBSCRIPTION])
    .asks_of(Review::CancelUnknown.as_question());
pub(crate) static REFUND: Operation =
    Operation::new("refund_payment", Retry::Reconcile).asks_of(Review::RefundUnknown.as_question());
static RETRIEVE_TRANSACTION: Operation =
    Operation::new("retrieve_transaction", Retry::Lookup).not_found_at(&[400, 404]);

impl effect::Call for Call {
    type Settings = Settings;

    fn operations() -> &'static [&'static Operation] {
        static ALL: [&Operation; 8] = [
            &CREATE_ON_TOKEN,
            &CREATE_BY_FORM,
            &FIND_TRANSACTIONS,
            &RETRIEVE_SUBSCRIPTION,
            &RETRIEVE_PAYMENTS,
            &CANCEL,
            &REFUND,
            &RETRIEVE_TRANSACTION,
        ];
        &ALL
    }

    fn operation(&self) -> &'static Operation {
        match self {
            // Revup has no idempotency key, so a charge or a refund is sent only once.
            Self::CreateSubscription(request) if request.is_on_token() => &CREATE_ON_TOKEN,
            Self::CreateSubscription(_) => &CREATE_BY_FORM,
            Self::FindTransactions(_) | Self::FindRefund(..) => &FIND_TRANSACTIONS,
            Self::RetrieveSubscription(_) => &RETRIEVE_SUBSCRIPTION,
            Self::RetrievePayments(..) => &RETRIEVE_PAYMENTS,
            Self::CancelSubscription(..) => &CANCEL,
            Self::RefundPayment(_) => &REFUND,
            Self::RetrieveTransaction(..) | Self::RetrieveRefund(_) => &RETRIEVE_TRANSACTION,
        }
    }

    fn outcome_lookup(&self) -> Option<Self> {
        match self {
            Self::CreateSubscription(request) => request.parent_order_id.clone().map(Self::FindTransactions),
            Self::RefundPayment(refund) => {
                refund.intent.clone().map(|intent| Self::RetrieveTransaction(refund.transaction_id.clone(), intent))
            }
            _ => None,
        }
    }

    fn request(&self, _idempotency_key: &str, settings: &Settings) -> Request {
        // Without a server, no request is leased.
        let server = settings.base_url().unwrap_or_default();
        let url = |path: String| format!("{server}{path}");
        let subscription = |id: &SubscriptionId, verb: &str| url(format!("/subscriptions/{}{verb}", id.as_str()));
        let transaction = |id: &TransactionId, verb: &str| url(format!("/transactions/{}{verb}", id.as_str()));
        let get = |url: String| Request::new("GET", url, CREDENTIAL);
        let post = |url: String| Request::new("POST", url, CREDENTIAL);
        match self {
            Self::CreateSubscription(request) => post(url("/subscriptions".into())).with_json(&request.body()),
            Self::FindTransactions(order) | Self::FindRefund(order, _) => {
                get(url(format!("/transactions/orderId/{}", order.as_str())))
            }
            Self::RetrieveSubscription(id) => get(subscription(id, "")),
            Self::RetrievePayments(id, page) => {
                get(subscription(id, &format!("/payments?page={page}&pageSize={PAGE_SIZE}")))
            }
            Self::CancelSubscription(id, detail) => {
                post(subscription(id, "/cancel")).with_json(&CancelBody { cancellation_detail: detail.as_deref() })
            }
            Self::RefundPayment(refund) => {
                post(transaction(&refund.transaction_id, "/refund")).with_json(&refund.body())
            }
            Self::RetrieveTransaction(id, _) | Self::RetrieveRefund(id) => get(transaction(id, "")),
        }
    }
}
