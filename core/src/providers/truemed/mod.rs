#![doc = include_str!("README.md")]

mod ask;
mod call;
pub mod eligibility;
mod ids;
mod intake;
pub mod list;
mod order;
mod pages;
pub mod payment_session;
pub mod payment_token;
mod rules;
#[cfg(feature = "samples")]
mod samples;
mod session;
mod session_request;
mod settings;
mod wire;

use super::{Provider, all};

pub use call::{Call, Capture, CreatePaymentToken, CreateRefund, Reason, UpdatePaymentToken};
pub use ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
pub use order::{AmountDetail, AmountDetails, OrderItem};
pub use payment_session::PaymentSession;
pub use payment_token::PaymentToken;
pub use rules::Rule;
pub use session::{Asked, Session};
pub use session_request::{CreatePaymentSession, Kind, NextBillInfo};
pub use settings::{DiscountSign, Environment, Settings};
pub use wire::{
    ChargeFailed, NextAction, ProvisionRetrieved, SessionCreated, SessionSeen, Signal, Status, TokenRequested,
    TokenRetrieved, TokenUpdated, UpdateAnswered,
};

const NAME: &str = "truemed";

pub(crate) const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: intake::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::PAYMENTS_OVERVIEW,
    authenticate: |secrets, headers, body, _now| intake::authenticate(secrets, headers, body),
    correlate: intake::correlate,
    questions: ask::QUESTIONS,
    keys: &[],
};
