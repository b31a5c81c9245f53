//! `truemed.payment_session`: one checkout, from its creation (or its adoption by a look-up) to its refunds.

mod after_all;
mod command;
mod ends;
mod known;
mod refunds;
mod reply;
mod rules;
mod signal;
mod step;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::call::Call;
use super::found::Found;
use super::ids::PaymentSessionId;
use super::replies;
use super::rules::Rule;
use super::session::{Asked, Session};
use super::settings::Settings;
use super::wire::{Signal, Status};
use crate::effect::Awaited;
use crate::flow::{self, Cx, Facet, Flow, Input, Intents, Move, Reading, Refusal, Reply, Stop, Untyped, Webhook, moves};
use crate::id::{Digest, Intent};
use crate::money::Cents;
use crate::policy::Env;

pub use command::{Command, Event, On, SessionState, Wish};
pub use refunds::GivenBack;

type Rules<'a> = flow::Rules<'a, PaymentSession>;

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
    /// What our refunds have given back, in cents.
    #[serde(default)]
    pub refunded: Cents,
    /// What is asked to be given back and not answered, in cents.
    #[serde(default)]
    pub refunding: Cents,
    /// What look-ups have told of all that was given back, by whomever.
    #[serde(default, skip_serializing_if = "GivenBack::is_empty")]
    pub given_back: GivenBack,
    /// Whether the customer's bank has an open dispute.
    #[serde(default)]
    pub disputed: bool,
    /// Other sessions with our key that a person has judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    judged: Vec<PaymentSessionId>,
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

impl flow::sealed::Sealed for PaymentSession {}

#[rustfmt::skip]
impl Facet for SessionState {
    type Trigger = On;
    const NAME: &'static str = "session";
    const MOVES: &'static [Move<Self, On>] = { use {SessionState::*, On::*}; &[
        moves(Absent,     &[Create],          &[Requested]),
        moves(Absent,     &[Retrieve],        &[Adopting]),
        // A person had ended it, and it was made after all.
        moves(Absent,     &[Judged, Created], &[Pending]),
        moves(Requested,  &[Created],         &[Pending]),
        // A webhook that echoes our key stands in for the answer that was lost.
        moves(Requested,  &[Seen],            &[Absent, Processing, Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Requested,  &[Refused],         &[Absent]),
        // A look-up in the list shows what became of a creation that was never answered; a person can know it too.
        moves(Requested,  &[Found],           &[Absent, Pending, Processing, Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Requested,  &[Judged],          &[Pending, Absent]),
        moves(Adopting,   &[Refused, Judged], &[Absent]),
        // How a session stands is learnt in any order: a status only moves up its rank.
        moves(Adopting,   &[Seen],            &[Pending, Processing, Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Pending,    &[Seen],            &[Processing, Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Processing, &[Seen],            &[Authorized, Rejected, Canceled, Voided, Expired, Captured]),
        moves(Authorized, &[Seen],            &[Rejected, Canceled, Voided, Expired, Captured]),
        // Contradictory finals keep the higher: which of two unpaid ones is higher is fixed, and money is above all.
        moves(Rejected,   &[Seen],            &[Canceled, Voided, Expired, Captured]),
        moves(Canceled,   &[Seen],            &[Voided, Expired, Captured]),
        moves(Voided,     &[Seen],            &[Expired, Captured]),
        moves(Expired,    &[Seen],            &[Captured]),
    ] };
}

impl Flow for PaymentSession {
    const ID: &'static str = "truemed.payment_session";
    const FORMAT: u32 = 1;

    type On = On;
    type Facets = (SessionState,);
    type Wish = Wish;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Untyped;
    type Rule = Rule;
    type Settings = Settings;

    fn facets(&self) -> Self::Facets {
        (match self {
            Self::Absent => SessionState::Absent,
            Self::Requested(_) => SessionState::Requested,
            Self::Adopting(_) => SessionState::Adopting,
            Self::Known(known) => match known.session.status {
                Status::Pending | Status::Unknown(_) => SessionState::Pending,
                Status::Processing => SessionState::Processing,
                Status::Authorized => SessionState::Authorized,
                Status::Rejected => SessionState::Rejected,
                Status::Canceled => SessionState::Canceled,
                Status::AuthorizationVoided => SessionState::Voided,
                Status::AuthorizationExpired => SessionState::Expired,
                Status::Captured => SessionState::Captured,
            },
        },)
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

    fn stands(&self, command: &Command) -> bool {
        match (self, command) {
            (Self::Requested(asked), Command::CreatePaymentSession(it)) => asked.cart == it.content(),
            (Self::Known(known), Command::CreatePaymentSession(it)) => {
                let lives = !known.session.is_over() || known.session.status == Status::Captured;
                lives && known.session.asked.as_ref().is_some_and(|asked| asked.cart == it.content())
            }
            (Self::Known(known), _) => known.stands(command),
            _ => false,
        }
    }

    fn permits(&self, wish: Wish, rules: &mut Rules<'_>) {
        rules::permits(self, wish, rules);
    }

    fn accepts(&self, wish: Wish, rules: &mut Rules<'_>) {
        rules::accepts(self, wish, rules);
    }

    fn check(&self, command: &Command, rules: &mut Rules<'_>) {
        rules::check(self, command, rules);
    }

    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_, Self>) -> Result<On, Stop> {
        let on = Self::trigger(&input);
        self.take_in(input, cx)?;
        Ok(on)
    }

    fn awaits(&self, _env: &Env<Settings>) -> Vec<Awaited> {
        match self {
            // Nobody is sent to a checkout that is to be dropped.
            Self::Known(known) => {
                let page = |it: Awaited| Awaited { customer_at: it.customer_at.filter(|_| !known.is_dropped()), ..it };
                known.session.awaited().map(page).into_iter().collect()
            }
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

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        match call {
            Call::CreatePaymentSession(_) => replies::session_created(reply, Event::Created),
            Call::RetrievePaymentSession(id) | Call::ConfirmPaymentSession(id) => {
                replies::session(reply, id, |it| Event::Seen(Box::new(it)))
            }
            Call::FindPaymentSession(_) => Found::read(reply, Event::Found),
            Call::CapturePaymentSession(of, _) => replies::capture(reply, of, Event::Ended),
            Call::VoidPaymentSession(_) => replies::void(reply, Event::Ended),
            Call::CreateRefund(..) => replies::refund(reply, Event::Refunded),
            // No page shows the reply to a cancel: the look-up of the session tells what has become of it.
            Call::CancelPaymentSession(_) => Reading::missing("/status"),
            _ => Reading::missing(""),
        }
    }

    fn read_refusal(call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        let rules: &[_] = match call {
            Call::CapturePaymentSession(..) => &[
                ("TotalAmountInvalid", Rule::CaptureAmount),
                ("SessionVoided", Rule::CaptureOnlyAuthorization),
                ("SessionPending", Rule::CaptureOnlyAuthorization),
                ("SessionCaptured", Rule::CaptureOnlyAuthorization),
            ],
            Call::VoidPaymentSession(_) => &[
                ("SessionCaptured", Rule::VoidOnlyAuthorized),
                ("SessionPending", Rule::VoidOnlyAuthorized),
                ("ImmediateCapture", Rule::VoidOnlyAuthorized),
            ],
            Call::CreateRefund(..) => &[
                ("AmountInvalid", Rule::RefundAmount),
                ("ChargeDisputed", Rule::RefundNoDispute),
                ("NoSessionCaptures", Rule::RefundAfterCapture),
            ],
            _ => &[],
        };
        replies::refusal(reply, rules)
    }

    fn made(event: &Event) -> Option<&str> {
        match event {
            Event::Created(it) => Some(it.id.as_str()),
            Event::Ended(id) | Event::Refunded(id) => Some(id),
            _ => None,
        }
    }

    fn id_of(_reason: &str, verdict: &str) -> Option<fn(&str) -> bool> {
        super::session::id_of(verdict)
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
}

impl PaymentSession {
    /// What an input counts as in the tables.
    fn trigger(input: &Input<Self>) -> On {
        match input {
            Input::Command(Command::CreatePaymentSession(_)) => On::Create,
            Input::Command(Command::RetrievePaymentSession { .. }) => On::Retrieve,
            Input::Command(_) => On::Ask,
            Input::Answered { event: Event::Created(_), .. } | Input::AfterAll(_, Event::Created(_)) => On::Created,
            Input::Answered { event: Event::Found(_), .. } => On::Found,
            Input::Reviewed { .. } | Input::Judged { .. } | Input::Resolved { .. } => On::Judged,
            Input::Answered { event: Event::Seen(_), .. } | Input::Signalled(..) => On::Seen,
            Input::Refused { .. } => On::Refused,
            _ => On::Other,
        }
    }

    fn take_in(&mut self, input: Input<Self>, cx: &mut Cx<'_, Self>) -> Result<(), Stop> {
        *self = step::step(core::mem::take(self), input, cx)?;
        Ok(())
    }
}
