//! What is sent to Revup: where each operation goes, what it carries, and what may be done if its reply is lost.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::body::CancelBody;
use crate::config::revup::Settings;
use crate::effect::{self, Credential, Operation, Request, Retry, Success};
use crate::id::Intent;
use crate::providers::revup::amount::Amount;
use crate::providers::revup::ids::{OrderId, SubscriptionId, Token, TransactionId};
use crate::providers::revup::names::Review;
use crate::value::{Extra, RawJson};

/// The header that carries the API key.
pub(crate) const CREDENTIAL: Credential = Credential::alone_in("x-api-key");

/// How many payments are asked for at once.
pub(crate) const PAGE_SIZE: u32 = 100;

/// Revup's code for a subscription that it does not know.
pub(crate) const NO_SUBSCRIPTION: &str = "0020";

/// Revup's code for a transaction that it does not know.
pub(crate) const NO_TRANSACTION: &str = "0108";

/// `create_subscription`: subscribe a customer, with a stored card or by the payment form.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupCreateSubscriptionFields"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateSubscription {
    /// The stored card; without one the customer pays in the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<Token>,
    /// The transaction that made the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_transaction_id: Option<TransactionId>,
    /// The order that made the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_order_id: Option<OrderId>,
    /// The plan, by the UUID that the back office shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// The currency of every charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Where events go: put the flow's key into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_subscription_url: Option<String>,
    /// Where the customer lands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<RedirectUrl>,
    /// Who the customer is, in Revup's own shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_information: Option<RawJson>,
    /// What differs from the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite: Option<Overwrite>,
    /// A short text for the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<String>,
    /// A longer text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The shop's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// A text for the merchant's own use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_tag: Option<String>,
    /// Whether the form asks for 3DS; a token needs none.
    #[serde(default, rename = "threeDSSupport", skip_serializing_if = "Option::is_none")]
    pub three_ds_support: Option<bool>,
    /// Belongs to orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_details: Option<RawJson>,
    /// Belongs to orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<RawJson>,
    /// Belongs to orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate_token: Option<bool>,
    /// Belongs to orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<String>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// Where the customer lands.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupRedirectUrl"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RedirectUrl {
    /// After a payment, and while one is still under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<String>,
    /// After a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<String>,
    /// After 3DS; a token needs none.
    #[serde(default, rename = "threeDSChallengeResult", skip_serializing_if = "Option::is_none")]
    pub three_ds_challenge_result: Option<String>,
}

/// What differs from the plan.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupOverwrite"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Overwrite {
    /// The first amount; every later one follows the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_amount: Option<Amount>,
}

impl CreateSubscription {
    /// A subscription to a plan, with the page for its events.
    pub fn new(plan_id: &str, currency: &str, event_subscription_url: &str) -> Self {
        Self {
            plan_id: Some(plan_id.into()),
            currency: Some(currency.into()),
            event_subscription_url: Some(event_subscription_url.into()),
            ..Self::default()
        }
    }

    /// The same on a stored card, with the transaction and the order that made it.
    #[must_use]
    pub fn on_token(mut self, token: Token, transaction: TransactionId, order: OrderId) -> Self {
        self.token_id = Some(token);
        self.parent_transaction_id = Some(transaction);
        self.parent_order_id = Some(order);
        self
    }

    /// The same with the two pages to return to.
    #[must_use]
    pub fn returning_to(mut self, success: &str, fail: &str) -> Self {
        let (success, fail) = (Some(success.into()), Some(fail.into()));
        self.redirect_url = Some(RedirectUrl { success, fail, three_ds_challenge_result: None });
        self
    }

    /// Whether a stored card pays, and not the customer in the form: where one of the three fields is named, it may.
    pub(crate) const fn is_on_token(&self) -> bool {
        self.token_id.is_some() || self.parent_transaction_id.is_some() || self.parent_order_id.is_some()
    }
}

/// `refund_payment`: give back some or all of a payment.
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
    /// How much.
    pub amount: Amount,
    /// The payment's currency.
    pub currency: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// An owed request to Revup.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupCall"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Call {
    /// Subscribe a customer.
    CreateSubscription(Box<CreateSubscription>),
    /// Look at the transactions of the order, after a reply was lost.
    FindTransactions(OrderId),
    /// Look at the subscription.
    RetrieveSubscription(SubscriptionId),
    /// Look at a page of its payments, for the end of the period.
    RetrievePayments(SubscriptionId, u32),
    /// Cancel it.
    CancelSubscription(SubscriptionId, Option<String>),
    /// Give money back.
    RefundPayment(Box<RefundPayment>),
    /// Look at a transaction, for the outcome of the refund of that name.
    RetrieveTransaction(TransactionId, Intent),
    /// Look at the transactions of the payment's order, for the refund of that name.
    FindRefund(OrderId, Intent),
}

impl Call {
    /// Whether it creates.
    pub(crate) const fn is_create(&self) -> bool {
        matches!(self, Self::CreateSubscription(_))
    }

    /// Whether it cancels.
    pub(crate) const fn is_cancel(&self) -> bool {
        matches!(self, Self::CancelSubscription(..))
    }

    /// Whether it looks at the subscription.
    pub(crate) const fn is_of_status(&self) -> bool {
        matches!(self, Self::RetrieveSubscription(_))
    }

    /// Whether it looks at the payments.
    pub(crate) const fn is_of_period(&self) -> bool {
        matches!(self, Self::RetrievePayments(..))
    }

    /// Whether it looks for the refund of that name.
    pub(crate) fn is_of_refund(&self, intent: &str) -> bool {
        matches!(self, Self::RetrieveTransaction(_, of) | Self::FindRefund(_, of) if of.as_str() == intent)
    }

    /// Whether it is the refund of that name.
    pub(crate) fn is_refund(&self, intent: &str) -> bool {
        matches!(self, Self::RefundPayment(refund) if refund.intent.as_ref().is_some_and(|have| have.as_str() == intent))
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
    // "Subscription not found" is neither a cancellation nor its end.
    .again_at(&[NO_SUBSCRIPTION])
    .asks_of(Review::CancelUnknown.as_question());
static REFUND: Operation =
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
            // Revup takes no idempotency key: what charges a card or gives money back is sent once.
            Self::CreateSubscription(request) if request.is_on_token() => &CREATE_ON_TOKEN,
            Self::CreateSubscription(_) => &CREATE_BY_FORM,
            Self::FindTransactions(_) | Self::FindRefund(..) => &FIND_TRANSACTIONS,
            Self::RetrieveSubscription(_) => &RETRIEVE_SUBSCRIPTION,
            Self::RetrievePayments(..) => &RETRIEVE_PAYMENTS,
            Self::CancelSubscription(..) => &CANCEL,
            Self::RefundPayment(_) => &REFUND,
            Self::RetrieveTransaction(..) => &RETRIEVE_TRANSACTION,
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
        let url = |path: String| format!("{}{path}", settings.base_url());
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
            Self::RetrieveTransaction(id, _) => get(transaction(id, "")),
        }
    }
}
