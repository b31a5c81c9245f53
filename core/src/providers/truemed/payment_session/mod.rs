//! `truemed.payment_session`: one checkout, from its creation (or its adoption by a look-up) to its refunds.

mod command;
mod guard;
mod step;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::call::{Call, CreateRefund};
use super::ids::PaymentSessionId;
use super::rules::Rule;
use super::session::{Asked, Session};
use super::settings::Settings;
use super::wire::{Signal, Status, predicted, says};
use crate::effect::Awaited;
use crate::encode::encode;
use crate::flow::{Answer, Cx, Edge, Flow, Input, Intents, Outcome, Reply, Stop, Webhook};
use crate::id::{Digest, Intent};
use crate::money::Cents;
use crate::policy::Env;

pub use command::{At, Command, Event, On, Wish};

/// One attended checkout, or one that began elsewhere and is adopted.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionState"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum PaymentSession {
    /// Nothing was asked for yet.
    #[default]
    Absent,
    /// The session is asked for.
    Requested(Asked),
    /// A session of another origin is looked up.
    Adopting(PaymentSessionId),
    /// Truemed knows the session.
    Known(Box<Known>),
}

/// A session that Truemed knows, and what is done with it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionKnown"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Known {
    /// The session.
    pub session: Session,
    /// Captures, voids and cancels that were asked for.
    #[serde(default)]
    ends: Intents,
    /// The end that is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ending: Option<Ending>,
    /// Refunds that were asked for.
    #[serde(default)]
    refunds: Intents,
    /// What was given back, in cents.
    #[serde(default)]
    pub refunded: Cents,
    /// What is asked to be given back and not answered, in cents.
    #[serde(default)]
    pub refunding: Cents,
    /// Whether the customer's bank has an open dispute.
    #[serde(default)]
    pub disputed: bool,
}

/// A way in which the host ends a session.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionEnding"))]
#[serde(rename_all = "snake_case")]
enum Ending {
    /// What is held is taken, under a name and for an amount.
    Capture(Option<Intent>, Digest),
    /// What is held is released.
    Void,
    /// An unpaid checkout is dropped.
    Cancel,
}

impl crate::flow::sealed::Sealed for PaymentSession {}

const fn edge(from: At, on: On, to: At) -> Edge<At, On> {
    Edge::new(from, on, to)
}

impl Flow for PaymentSession {
    const ID: &'static str = "truemed.payment_session";
    const FORMAT: u32 = 1;
    const EDGES: &'static [Edge<At, On>] = &[
        edge(At::Absent, On::Create, At::Requested),
        edge(At::Absent, On::Retrieve, At::Adopting),
        edge(At::Requested, On::Created, At::Pending),
        edge(At::Requested, On::Refused, At::Absent),
        edge(At::Adopting, On::Refused, At::Absent),
        // A webhook that echoes our key stands in for the answer that was lost.
        edge(At::Requested, On::Seen, At::Processing),
        edge(At::Requested, On::Seen, At::Authorized),
        edge(At::Requested, On::Seen, At::Rejected),
        edge(At::Requested, On::Seen, At::Canceled),
        edge(At::Requested, On::Seen, At::Voided),
        edge(At::Requested, On::Seen, At::Expired),
        edge(At::Requested, On::Seen, At::Captured),
        // How a session stands is learnt in any order: a status only moves up its rank.
        edge(At::Adopting, On::Seen, At::Pending),
        edge(At::Adopting, On::Seen, At::Processing),
        edge(At::Adopting, On::Seen, At::Authorized),
        edge(At::Adopting, On::Seen, At::Rejected),
        edge(At::Adopting, On::Seen, At::Canceled),
        edge(At::Adopting, On::Seen, At::Voided),
        edge(At::Adopting, On::Seen, At::Expired),
        edge(At::Adopting, On::Seen, At::Captured),
        edge(At::Pending, On::Seen, At::Processing),
        edge(At::Pending, On::Seen, At::Authorized),
        edge(At::Pending, On::Seen, At::Rejected),
        edge(At::Pending, On::Seen, At::Canceled),
        edge(At::Pending, On::Seen, At::Voided),
        edge(At::Pending, On::Seen, At::Expired),
        edge(At::Pending, On::Seen, At::Captured),
        edge(At::Processing, On::Seen, At::Authorized),
        edge(At::Processing, On::Seen, At::Rejected),
        edge(At::Processing, On::Seen, At::Canceled),
        edge(At::Processing, On::Seen, At::Voided),
        edge(At::Processing, On::Seen, At::Expired),
        edge(At::Processing, On::Seen, At::Captured),
        edge(At::Authorized, On::Seen, At::Rejected),
        edge(At::Authorized, On::Seen, At::Canceled),
        edge(At::Authorized, On::Seen, At::Voided),
        edge(At::Authorized, On::Seen, At::Expired),
        edge(At::Authorized, On::Seen, At::Captured),
        // Contradictory finals keep the higher: which of two unpaid ones is higher is fixed, and money is above all.
        edge(At::Rejected, On::Seen, At::Canceled),
        edge(At::Rejected, On::Seen, At::Voided),
        edge(At::Rejected, On::Seen, At::Expired),
        edge(At::Rejected, On::Seen, At::Captured),
        edge(At::Canceled, On::Seen, At::Voided),
        edge(At::Canceled, On::Seen, At::Expired),
        edge(At::Canceled, On::Seen, At::Captured),
        edge(At::Voided, On::Seen, At::Expired),
        edge(At::Voided, On::Seen, At::Captured),
        edge(At::Expired, On::Seen, At::Captured),
    ];

    type At = At;
    type On = On;
    type Wish = Wish;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Rule = Rule;
    type Settings = Settings;

    fn at(&self) -> impl IntoIterator<Item = At> {
        [match self {
            Self::Absent => At::Absent,
            Self::Requested(_) => At::Requested,
            Self::Adopting(_) => At::Adopting,
            Self::Known(known) => match known.session.status {
                Status::Pending | Status::Unknown(_) => At::Pending,
                Status::Processing => At::Processing,
                Status::Authorized => At::Authorized,
                Status::Rejected => At::Rejected,
                Status::Canceled => At::Canceled,
                Status::AuthorizationVoided => At::Voided,
                Status::AuthorizationExpired => At::Expired,
                Status::Captured => At::Captured,
            },
        }]
    }

    fn wish(command: &Command) -> Wish {
        match command {
            Command::CreatePaymentSession(_) => Wish::Create,
            Command::RetrievePaymentSession { .. } => Wish::Retrieve,
            Command::CapturePaymentSession { .. } => Wish::Capture,
            Command::VoidPaymentSession {} => Wish::Void,
            Command::CancelPaymentSession {} => Wish::Cancel,
            Command::CreateRefund { .. } => Wish::Refund,
        }
    }

    fn wish_of(call: &Call) -> Wish {
        match call {
            Call::CreatePaymentSession(_) => Wish::Create,
            Call::CapturePaymentSession(..) => Wish::Capture,
            Call::VoidPaymentSession(_) => Wish::Void,
            Call::CancelPaymentSession(_) => Wish::Cancel,
            Call::CreateRefund(..) => Wish::Refund,
            _ => Wish::Retrieve,
        }
    }

    fn on(input: &Input<Self>) -> On {
        match input {
            Input::Command(Command::CreatePaymentSession(_)) => On::Create,
            Input::Command(Command::RetrievePaymentSession { .. }) => On::Retrieve,
            Input::Command(_) => On::Ask,
            Input::Answered { event: Event::Created(_), .. } => On::Created,
            Input::Answered { event: Event::Seen(_), .. } | Input::Signalled(..) => On::Seen,
            Input::Refused { .. } => On::Refused,
            _ => On::Other,
        }
    }

    fn stands(&self, command: &Command) -> bool {
        match (self, command) {
            (Self::Requested(asked), Command::CreatePaymentSession(it)) => asked.cart == it.content(),
            (Self::Known(known), Command::CreatePaymentSession(it)) => {
                let lives = !known.session.status.is_final() || known.session.status == Status::Captured;
                lives && known.session.asked.as_ref().is_some_and(|asked| asked.cart == it.content())
            }
            (Self::Known(known), _) => known.stands(command),
            _ => false,
        }
    }

    fn guard(&self, wish: Wish, cx: &mut Cx<'_, Self>) {
        guard::guard(self, wish, cx);
    }

    fn step(self, input: Input<Self>, cx: &mut Cx<'_, Self>) -> Result<Self, Stop> {
        step::step(self, input, cx)
    }

    fn awaits(&self, _env: &Env<Settings>) -> Vec<Awaited> {
        match self {
            Self::Known(known) => known.session.awaited().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn correlation_ids(&self) -> Vec<&str> {
        match self {
            Self::Known(known) => alloc::vec![known.session.id.as_str()],
            Self::Adopting(id) => alloc::vec![id.as_str()],
            _ => Vec::new(),
        }
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Answer<Event> {
        match call {
            Call::CreatePaymentSession(_) => says(reply, Event::Created),
            Call::RetrievePaymentSession(_) => says(reply, |it| Event::Seen(Box::new(it))),
            Call::CapturePaymentSession(..) => predicted(
                accepts(reply),
                &[
                    ("TotalAmountInvalid", Rule::CaptureAmount),
                    ("SessionVoided", Rule::CaptureOnlyAuthorization),
                    ("SessionPending", Rule::CaptureOnlyAuthorization),
                    ("SessionCaptured", Rule::CaptureOnlyAuthorization),
                ],
            ),
            Call::VoidPaymentSession(_) => predicted(
                accepts(reply),
                &[
                    ("SessionCaptured", Rule::VoidOnlyAuthorized),
                    ("SessionPending", Rule::VoidOnlyAuthorized),
                    ("ImmediateCapture", Rule::VoidOnlyAuthorized),
                ],
            ),
            Call::CreateRefund(..) => predicted(
                accepts(reply),
                &[
                    ("AmountInvalid", Rule::RefundAmount),
                    ("ChargeDisputed", Rule::RefundNoDispute),
                    ("NoSessionCaptures", Rule::RefundAfterCapture),
                ],
            ),
            _ => accepts(reply),
        }
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(|signal| Event::Signal(Box::new(signal)))
    }

    fn impossible(&self) -> Option<&'static str> {
        let Self::Known(known) = self else { return None };
        let negative = known.refunded < Cents::ZERO || known.refunding < Cents::ZERO;
        match () {
            () if !known.session.status.is_known() => Some("a session never stands at a status that is not documented"),
            () if negative => Some("less than nothing was given back"),
            () if known.refunded > Cents::ZERO && known.session.status != Status::Captured => {
                Some("money was given back that was never captured")
            }
            () => None,
        }
    }

    #[cfg(feature = "samples")]
    fn samples() -> crate::flow::Samples<Self> {
        super::samples::payment_session()
    }
}

/// The answer to an operation whose outcome a webhook or a look-up will show.
fn accepts(reply: &Reply<'_>) -> Answer<Event> {
    match reply.status {
        200..=299 => Answer::Says(Event::Accepted),
        _ => super::wire::refuses(reply),
    }
}

impl Known {
    pub(crate) const fn new(session: Session) -> Self {
        Self {
            session,
            ends: Intents::EMPTY,
            ending: None,
            refunds: Intents::EMPTY,
            refunded: Cents::ZERO,
            refunding: Cents::ZERO,
            disputed: false,
        }
    }

    /// What was captured and neither given back nor asked to be; unknown of an adopted session without an amount.
    fn refundable(&self) -> Option<Cents> {
        let captured = self.session.captured.or_else(|| self.session.asked.as_ref().map(|it| it.total));
        captured.map(|it| it.minus(self.refunded).minus(self.refunding))
    }

    fn stands(&self, command: &Command) -> bool {
        let same = |intents: &Intents, intent: &Option<Intent>, content| {
            let standing = intent.as_ref().map(|it| intents.standing(it, content));
            standing == Some(crate::flow::Standing::Same)
        };
        match command {
            Command::CapturePaymentSession { total_amount, intent, .. } => {
                same(&self.ends, intent, capture_content(*total_amount))
                    || self.ending == Some(Ending::Capture(intent.clone(), capture_content(*total_amount)))
            }
            Command::VoidPaymentSession {} => matches!(self.ending, Some(Ending::Void)),
            Command::CancelPaymentSession {} => matches!(self.ending, Some(Ending::Cancel)),
            Command::CreateRefund { intent, amount, reason, item_details, extra } => {
                let refund = CreateRefund {
                    amount: *amount,
                    reason: reason.clone(),
                    item_details: item_details.clone(),
                    extra: extra.clone(),
                };
                same(&self.refunds, intent, refund_content(&refund))
            }
            _ => false,
        }
    }

    fn settle_end(&mut self, outcome: Outcome) {
        if let Some(Ending::Capture(Some(intent), _)) = &self.ending {
            self.ends.settle(intent.as_str(), outcome);
        }
        if outcome == Outcome::Failed {
            self.ending = None;
        }
    }
}

fn capture_content(amount: Cents) -> Digest {
    Digest::of([amount.get().to_le_bytes().as_slice()])
}

fn refund_content(refund: &CreateRefund) -> Digest {
    Digest::of([encode(refund).as_bytes()])
}
