//! What the host may wish of a session, and what becomes of it once no rule stands in the way.

use alloc::boxed::Box;

use serde::Deserialize;

use super::event::Trigger;
use super::{Cx, PaymentSession};
use crate::flow::{Stop, named};
use crate::id::Intent;
use crate::money::Cents;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::requests::{Capture, CreateRefund, Reason};
use crate::providers::truemed::api::session_request::CreatePaymentSession;
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::session::RequestedSession;
use crate::value::{Extra, RawJson, echoed};

/// What the host may wish.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "TruemedPaymentSessionCommand", tag = "type")
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Begin a checkout.
    CreatePaymentSession(Box<CreatePaymentSession>),
    /// Look at the session; the id is needed where the flow begins with it.
    RetrievePaymentSession {
        /// The session.
        #[serde(default)]
        payment_session_id: Option<PaymentSessionId>,
    },
    /// Take what is held, or less.
    #[serde(alias = "capture")]
    CapturePaymentSession {
        /// How much, in cents.
        total_amount: Cents,
        /// The host's name for this capture.
        #[serde(default)]
        intent: Option<Intent>,
        /// Fields that the library does not know.
        #[serde(default)]
        extra: Extra,
    },
    /// Release what is held.
    #[serde(alias = "void")]
    VoidPaymentSession {},
    /// Drop a checkout that the customer has not paid.
    #[serde(alias = "cancel")]
    CancelPaymentSession {},
    /// Give money back.
    CreateRefund {
        /// The host's name for this refund.
        #[serde(default)]
        intent: Option<Intent>,
        /// How much, in cents.
        amount: Cents,
        /// Why.
        reason: Reason,
        /// Which items, in Truemed's own shape.
        #[serde(default)]
        item_details: Option<RawJson>,
        /// Fields that the library does not know.
        #[serde(default)]
        extra: Extra,
    },
}

impl From<CreatePaymentSession> for Command {
    fn from(command: CreatePaymentSession) -> Self {
        Self::CreatePaymentSession(Box::new(command))
    }
}

named! {
    /// What a button asks for.
    pub enum Action {
        /// Begin a checkout.
        Create = "create_payment_session",
        /// Look at it.
        Retrieve = "retrieve_payment_session",
        /// Take what is held.
        Capture = "capture_payment_session",
        /// Release what is held.
        Void = "void_payment_session",
        /// Drop an unpaid checkout.
        Cancel = "cancel_payment_session",
        /// Give money back.
        Refund = "create_refund",
    }
}

impl Action {
    /// What the command asks for.
    pub(super) const fn of(command: &Command) -> Self {
        match command {
            Command::CreatePaymentSession(_) => Self::Create,
            Command::RetrievePaymentSession { .. } => Self::Retrieve,
            Command::CapturePaymentSession { .. } => Self::Capture,
            Command::VoidPaymentSession {} => Self::Void,
            Command::CancelPaymentSession {} => Self::Cancel,
            Command::CreateRefund { .. } => Self::Refund,
        }
    }

    /// What the request came of.
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
    /// Does what the host wishes.
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
            Command::CapturePaymentSession { total_amount, intent, extra } => {
                self.known_or(Stop::NotNow)?.capture(intent, Capture { total_amount, extra }, cx)?;
            }
            Command::VoidPaymentSession {} => self.known_or(Stop::NotNow)?.void(cx),
            Command::CancelPaymentSession {} => self.known_or(Stop::NotNow)?.cancel(cx),
            Command::CreateRefund { intent, amount, reason, item_details, extra } => {
                self.known_or(Stop::NotNow)?.refund(
                    intent,
                    CreateRefund { amount, reason, item_details, extra },
                    cx,
                )?;
            }
        }
        Ok(Trigger::Ask)
    }

    fn create(&mut self, mut command: Box<CreatePaymentSession>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if !matches!(self, Self::Absent) {
            return Err(Stop::NotNow);
        }
        let content = command.content();
        let metadata = echoed(&mut command.metadata, cx.key());
        *self = Self::Requested(RequestedSession::of(&command, content, &metadata));
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
