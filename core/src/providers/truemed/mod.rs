#![doc = include_str!("README.md")]

mod ask;
mod call;
mod checks;
pub mod eligibility;
mod found;
mod ids;
mod intake;
pub mod list;
mod operations;
mod order;
mod pages;
pub mod payment_session;
pub mod payment_token;
mod replies;
mod rules;
mod session;
mod session_request;
mod settings;
mod wire;

use super::{Provider, all};

pub use call::{Call, Capture, CreatePaymentToken, CreateRefund, Reason, UpdatePaymentToken};
pub use found::{Find, Found};
pub use ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
pub use order::{AmountDetail, AmountDetails, OrderItem};
pub use payment_session::PaymentSession;
pub use payment_token::PaymentToken;
pub use replies::{
    ChargeFailed, ProvisionRetrieved, SessionCreated, TokenRequested, TokenRetrieved, UpdateAnswered,
};
pub use rules::Rule;
pub use session::{Asked, Session};
pub use session_request::{CreatePaymentSession, Kind, NextBillInfo};
pub use settings::{DiscountSign, Environment, Settings};
pub use wire::{NextAction, SessionSeen, Signal, Status, TokenUpdated, Unlisted};

const NAME: &str = "truemed";

pub(crate) const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: intake::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::PAYMENTS_OVERVIEW,
    authenticate: intake::authenticate,
    correlate: intake::correlate,
    questions: ask::QUESTIONS,
    keys: &[],
};
