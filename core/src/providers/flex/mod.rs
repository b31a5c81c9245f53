#![doc = include_str!("README.md")]

mod api;
mod ask;
pub mod catalog;
pub mod checkout;
mod disputes;
pub mod eligibility;
pub mod events;
pub mod evidence;
mod ids;
pub mod line_items;
mod names;
mod pages;
mod reports;
mod rules;
mod sessions;
pub mod subscription;

use super::{Provider, all};
use crate::flow::{Flow, Text};

pub use crate::config::flex::{Price, Recurring, Settings};
pub use api::calls::{Call, RefundsOf};
pub use api::capture_request::{CaptureItem, CapturePayment};
pub use api::item::{CouponData, LineItem, PriceData};
pub use api::objects::{
    CaptureObject, ChargeObject, DisputeObject, DisputeStatus, Entries, EvidenceDetails, Expandable, FeeObject,
    InvoiceObject, InvoiceStatus, NextAction, RefundObject, RefundStatus, SessionObject, SetupIntentObject,
    SetupIntentStatus, Status, SubscriptionObject, SubscriptionStatus, TotalDetails,
};
pub use api::replies::Event;
pub use api::request::{
    CancelSubscription, CreateRefund, End, RefundItem, RefundPayment, RefundReason, UpdateEnd, UpdateItem,
    UpdateSubscription,
};
pub use api::session_parts::{Discount, Fee, ShippingOptions, ShippingRateData, TaxRate};
pub use api::session_request::{CaptureMethod, CreateCheckoutSession, Mode};
pub use api::test_mode::TestMode;
pub use api::webhook::Signal;
pub use checkout::Checkout;
pub use ids::{
    CaptureId, CheckoutSessionId, CustomerId, DisputeId, EventId, InvoiceId, PaymentMethodId, PriceId, RefundId,
    SetupIntentId, SubscriptionId,
};
pub use names::{Notice, Review, SignalName, Verdict};
pub use reports::{CaptureReport, DisputeReport, InvoiceReport, RefundReport, SecondPaymentReport, SoldItem};
pub use rules::Rule;
pub use sessions::SessionState;
pub use subscription::Subscription;

const NAME: &str = "flex";

/// A flow of Flex.
pub(crate) trait Flex: Flow<Call = Call, Settings = Settings, Event = Event, Review = Review> {
    /// Whether the flow's sessions sell subscriptions.
    const SUBSCRIBES: bool;
    /// The id of the other Flex flow, which owns the other kind of session.
    const OTHER: &'static str;
}

/// The provider, for a host that names it in its program.
pub const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: api::signature::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::INTRO,
    authenticate: api::signature::authenticate,
    correlate: api::signature::correlate,
    notices: Text::all::<Notice>,
    signals: Text::all::<SignalName>,
    questions: ask::QUESTIONS,
    keys: &[],
};
