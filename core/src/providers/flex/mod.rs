#![doc = include_str!("README.md")]

mod ask;
mod call;
pub mod catalog;
pub mod checkout;
mod checkouts;
pub mod eligibility;
mod event;
mod ids;
mod intake;
mod item;
mod pages;
mod request;
mod rules;
mod session;
mod session_request;
mod settings;
mod signal;
pub mod subscription;
mod test_mode;
mod wire;

use super::{Provider, all};
use crate::flow::Flow;
use session_request::Belongs;

pub use call::{Call, RefundsOf};
pub use checkout::Checkout;
pub use checkouts::Checkouts;
pub use event::Event;
pub use ids::{CaptureId, CheckoutSessionId, CustomerId, DisputeId, InvoiceId, PriceId, RefundId, SubscriptionId};
pub use item::{CouponData, LineItem, PriceData, Recurring};
pub use request::{CancelSubscription, CapturePayment, CreateRefund, End, RefundItem, UpdateSubscription};
pub use rules::Rule;
pub use session::{Asked, Session};
pub use session_request::{
    CaptureMethod, CreateCheckoutSession, Discount, Fee, Mode, ShippingOptions, ShippingRateData, TaxRate,
};
pub use settings::{Price, Settings};
pub use signal::Signal;
pub use subscription::Subscription;
pub use test_mode::TestMode;
pub use wire::{
    CaptureSeen, ChargeSeen, DisputeSeen, DisputeStatus, Entries, Expandable, FeeSeen, InvoiceSeen, InvoiceStatus,
    RefundSeen, RefundStatus, SessionSeen, Status, SubscriptionSeen, SubscriptionStatus, TotalDetails,
};

const NAME: &str = "flex";

/// A flow of Flex.
pub(crate) trait Flex: Flow<Call = Call, Settings = Settings, Event = Event> {
    /// The sessions that are this flow's.
    const BELONGS: Belongs;
    /// Whether its sessions sell subscriptions.
    const SUBSCRIBES: bool;
}

pub(crate) const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: intake::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::INTRO,
    authenticate: intake::authenticate,
    correlate: intake::correlate,
    questions: ask::QUESTIONS,
    keys: &[],
};
