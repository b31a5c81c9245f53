#![doc = include_str!("README.md")]

mod api;
mod ask;
pub mod catalog;
mod checks;
pub mod eligibility;
mod expiry;
mod ids;
mod names;
mod pages;
pub mod payment_session;
pub mod payment_token;
pub mod qualification_session;
mod rules;
mod session;

use super::{Provider, all};
use crate::flow::{Flow, Text};

pub use crate::config::truemed::{DiscountSign, Environment, Settings};
pub use api::calls::Call;
pub use api::find::{Find, SessionPage};
pub use api::list;
pub use api::order::{AmountDetail, AmountDetails, OrderItem};
pub use api::qualification::{
    CreateQualificationReply, CreateQualificationSession, QualificationReport, QualificationStatus,
    UpdateQualificationSession,
};
pub use api::replies::{
    CreateSessionReply, CreateTokenReply, FailedChargeReply, ProvisionReply, TokenReply, UpdateTokenReply,
};
pub use api::requests::{CapturePaymentSession, CreatePaymentToken, CreateRefund, Reason, UpdatePaymentToken};
pub use api::session_request::{CreatePaymentSession, Kind, NextBillInfo};
pub use api::webhook::{NextAction, SessionReport, Signal, Status, TokenUpdatedWebhook, UnlistedEvent};
pub use ids::{PaymentSessionId, ProvisionTokenRequestId, QualificationSessionId, Token};
pub use names::{Notice, Review, SignalName, Verdict};
pub use payment_session::PaymentSession;
pub use payment_token::PaymentToken;
pub use qualification_session::QualificationSession;
pub use rules::Rule;
pub use session::{RequestedSession, Session};

const NAME: &str = "truemed";

/// A flow of Truemed.
pub(crate) trait Truemed: Flow<Call = Call, Settings = Settings, Review = Review> {}
impl<F: Flow<Call = Call, Settings = Settings, Review = Review>> Truemed for F {}

/// The provider, for a host that names it in its program.
pub const PROVIDER: Provider = Provider {
    name: NAME,
    acknowledgement: api::signature::ACKNOWLEDGEMENT,
    rules: all::<Rule>,
    retired: &[],
    settings: pages::PAYMENTS_OVERVIEW,
    authenticate: api::signature::authenticate,
    correlate: api::signature::correlate,
    notices: Text::all::<Notice>,
    signals: Text::all::<SignalName>,
    questions: ask::QUESTIONS,
    keys: &[],
};
