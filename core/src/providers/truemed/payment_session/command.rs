//! The commands of a session, its actions, and what a command does once no rule rejects it.

use alloc::boxed::Box;

use serde::Deserialize;

use super::event::Trigger;
use super::{Cx, PaymentSession};
use crate::flow::{Stop, named};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::requests::{CapturePaymentSession, CreateRefund};
use crate::providers::truemed::api::session_request::CreatePaymentSession;
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::session::RequestedSession;
use crate::value::{echoed, from_fields};

/// What the host can do with a session.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "TruemedPaymentSessionCommand", tag = "type")
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Start a checkout.
    CreatePaymentSession(Box<CreatePaymentSession>),
    /// Look up the session. The id is needed if the flow starts with this command.
    RetrievePaymentSession {
        /// The session.
        #[serde(default)]
        payment_session_id: Option<PaymentSessionId>,
    },
    /// Capture the held money, or less.
    #[serde(alias = "capture")]
    CapturePaymentSession(CapturePaymentSession),
    /// Release the held money.
    #[serde(alias = "void")]
    VoidPaymentSession {},
    /// Cancel a checkout that the customer has not paid.
    #[serde(alias = "cancel")]
    CancelPaymentSession {},
    /// Refund money.
    CreateRefund(CreateRefund),
}

from_fields!(Command: CreatePaymentSession, CapturePaymentSession, CreateRefund);

named! {
    /// The commands as buttons.
    pub enum Action {
        /// Start a checkout. The customer pays on Truemed's page, and nothing is paid before that.
        Create = "create_payment_session",
        /// Look up whether the session is paid, and what was refunded. It changes nothing.
        Retrieve = "retrieve_payment_session",
        /// Take the money that is held on the customer's card, or a part of it.
        Capture = "capture_payment_session",
        /// Release the money that is held on the customer's card. The customer pays nothing.
        Void = "void_payment_session",
        /// Cancel a checkout that is not paid, so that the customer cannot pay it any more.
        Cancel = "cancel_payment_session",
        /// Give the customer some or all of the captured money back. It cannot be undone.
        Refund = "create_refund",
    }
}

impl Action {
    /// The action of a command.
    pub(super) const fn of(command: &Command) -> Self {
        match command {
            Command::CreatePaymentSession(_) => Self::Create,
            Command::RetrievePaymentSession { .. } => Self::Retrieve,
            Command::CapturePaymentSession(_) => Self::Capture,
            Command::VoidPaymentSession {} => Self::Void,
            Command::CancelPaymentSession {} => Self::Cancel,
            Command::CreateRefund(_) => Self::Refund,
        }
    }

    /// The action that made the request.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreatePaymentSession(_) => Self::Create,
            Call::CapturePaymentSession(..) => Self::Capture,
            Call::VoidPaymentSession(_) => Self::Void,
            Call::CancelPaymentSession(_) => Self::Cancel,
            Call::CreateRefund(..) => Self::Refund,
            _ => Self::Retrieve,
        }
    }
}

impl PaymentSession {
    /// Carries out a command.
    pub(super) fn act(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        match command {
            Command::CreatePaymentSession(command) => {
                self.create(command, cx)?;
                return Ok(Trigger::Create);
            }
            Command::RetrievePaymentSession { payment_session_id } => {
                self.retrieve(payment_session_id, cx)?;
                return Ok(Trigger::Retrieve);
            }
            Command::CapturePaymentSession(capture) => self.known_or(Stop::NotNow)?.capture(capture, cx)?,
            Command::VoidPaymentSession {} => self.known_or(Stop::NotNow)?.void(cx),
            Command::CancelPaymentSession {} => self.known_or(Stop::NotNow)?.cancel(cx),
            Command::CreateRefund(refund) => self.known_or(Stop::NotNow)?.refund(refund, cx)?,
        }
        Ok(Trigger::Ask)
    }

    fn create(&mut self, mut command: Box<CreatePaymentSession>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if !matches!(self, Self::Absent) {
            return Err(Stop::NotNow);
        }
        let content = command.content();
        let metadata = echoed(&mut command.metadata, cx.key());
        *self = Self::Requested(RequestedSession::of(&command, content, &metadata, cx.now()));
        match command.intent.clone() {
            Some(intent) => cx.request_next(Call::CreatePaymentSession(command), &intent),
            None => cx.request(Call::CreatePaymentSession(command)),
        };
        Ok(())
    }

    fn retrieve(&mut self, given: Option<PaymentSessionId>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(id) = self.id().cloned().or(given) else { return Err(Stop::NotNow) };
        cx.look_up(Call::RetrievePaymentSession(id.clone()));
        if matches!(self, Self::Absent) {
            *self = Self::Adopting(id);
        }
        Ok(())
    }
}
