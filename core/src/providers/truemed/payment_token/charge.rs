//! The facet `charge`: a charge of the token, or the checkout that makes it, until its session ends.

mod repair;
mod restored;
mod search;
mod session;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::history::{History, Origin};
use crate::effect::Wait;
use crate::fact::IgnoredReason;
use crate::flow::{Cause, IntentStatus, Intents, Outcome, PollTimer, Stop, named};
use crate::id::{Digest, EffectId, Intent, REMEMBERED};
use crate::money::Cents;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::find::{Find, SessionPage};
use crate::providers::truemed::api::replies::{CreateSessionReply, FailedChargeReply};
use crate::providers::truemed::api::session_request::CreatePaymentSession;
use crate::providers::truemed::api::webhook::{NextAction, SessionReport, Status};
use crate::providers::truemed::ids::{PaymentSessionId, Token};
use crate::providers::truemed::names::{Notice, Review, SignalName, Verdict};
use crate::providers::truemed::session::{RequestedSession, Session};
use crate::time::Timestamp;
pub(super) use repair::FailedCharge;
pub(super) use search::ChargeSearch;

named! {
    /// The states of the charge, or of the checkout that makes a token.
    pub enum ChargeState {
        /// No charge is open.
        Idle = "idle",
        /// A charge is requested, and Truemed has not replied. Money may have been taken.
        Requested = "requested",
        /// Truemed has the charge, and has not said whether it is paid. Nothing is delivered yet.
        Open = "open",
        /// The stored payment method could not pay, and no money was taken. The customer must repair it.
        Failed = "failed",
        /// The customer repaired the payment method. The charge can be requested again.
        Repaired = "repaired",
    }
}

/// The current charge, and the intents of the last ones.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenCharges"))]
#[serde(deny_unknown_fields)]
pub(super) struct Charges {
    /// The current charge.
    #[serde(default)]
    current: Charge,
    /// The intents of the last charges.
    #[serde(default)]
    intents: Intents,
    /// The intents of checkouts that make a token. Every other intent is that of a charge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checkouts: Vec<Intent>,
    /// The backup of the row up to which the list of sessions was searched for charges that the row does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    searched: Option<Timestamp>,
}

/// A charge of the token, or the checkout that makes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenCharge"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Charge {
    /// No charge is open.
    #[default]
    Idle,
    /// The host requested the charge.
    Requested {
        /// The position in the order of our requests.
        seq: u32,
        /// What the host requested.
        #[serde(rename = "asked")]
        requested: RequestedSession,
        /// The failure of one sending, while Truemed may have carried out another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<FailedCharge>,
    },
    /// Truemed knows the session.
    Open {
        /// The position in the order of our requests.
        seq: u32,
        /// The session.
        session: Session,
    },
    /// The stored payment method could not pay, and the customer must act.
    Failed(FailedCharge),
    /// The customer repaired the payment method, and the host has to charge again.
    Repaired {
        /// The position in the order of our requests.
        seq: u32,
        /// The host's name for the charge.
        intent: Option<Intent>,
        /// The session that failed, if it is known.
        session: Option<PaymentSessionId>,
        /// The total amount, in cents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<Cents>,
    },
}

/// Whether a request charges the stored token.
fn is_charge(call: &Call) -> bool {
    matches!(call, Call::CreatePaymentSession(command) if command.is_charge())
}

impl Charges {
    pub(super) const fn state(&self) -> ChargeState {
        match &self.current {
            Charge::Idle => ChargeState::Idle,
            Charge::Requested { .. } => ChargeState::Requested,
            Charge::Open { .. } => ChargeState::Open,
            Charge::Failed(_) => ChargeState::Failed,
            Charge::Repaired { .. } => ChargeState::Repaired,
        }
    }

    pub(super) const fn intents(&self) -> &Intents {
        &self.intents
    }

    /// What the host requested, while there is no reply.
    pub(super) const fn requested(&self) -> Option<&RequestedSession> {
        match &self.current {
            Charge::Requested { requested, .. } => Some(requested),
            _ => None,
        }
    }

    /// The position of the requested charge in the order of our requests.
    pub(super) const fn requested_seq(&self) -> Option<u32> {
        match &self.current {
            Charge::Requested { seq, .. } => Some(*seq),
            _ => None,
        }
    }

    /// The session of the open charge.
    pub(super) const fn session(&self) -> Option<&Session> {
        match &self.current {
            Charge::Open { session, .. } => Some(session),
            _ => None,
        }
    }

    /// The position of the open session in the order of our requests, if the origin is that session.
    pub(super) fn seq_of(&self, origin: &Origin) -> Option<u32> {
        match (&self.current, origin) {
            (Charge::Open { seq, session }, Origin::Session(id)) if session.id == *id => Some(*seq),
            _ => None,
        }
    }

    fn session_mut(&mut self, id: &str) -> Option<&mut Session> {
        match &mut self.current {
            Charge::Open { session, .. } if session.id.as_str() == id => Some(session),
            _ => None,
        }
    }

    /// The session that the customer can still pay.
    pub(super) fn payable(&self) -> Option<&PaymentSessionId> {
        self.session().filter(|it| it.status == Status::Pending && !it.unchecked).map(|it| &it.id)
    }

    /// Whether the same session is requested, or was made. A new intent needs no fingerprint.
    pub(super) fn is_requested(&self, command: &CreatePaymentSession) -> bool {
        let cart = || command.cart(command.items());
        match &command.intent {
            Some(intent) if self.intents.outcome(intent).is_none() => false,
            Some(intent) => self.intents.status_of(intent, cart()) == IntentStatus::Same,
            None => !command.is_charge() && self.requested().is_some_and(|requested| requested.cart == cart()),
        }
    }

    /// The number of the next request for this intent.
    pub(super) fn number(&self, intent: Option<&Intent>, cart: Digest) -> Result<u32, Stop> {
        intent.map_or(Ok(0), |intent| self.intents.status_of(intent, cart).number())
    }

    /// Requests a session under its intent, or under a number if it has none.
    pub(super) fn request(
        &mut self,
        (seq, number): (u32, u32),
        command: Box<CreatePaymentSession>,
        (cart, metadata): (Digest, &str),
        cx: &mut Cx<'_>,
    ) {
        let total = command.total_amount;
        if cx.is_restored() {
            cx.withdraw(Call::is_find);
        }
        self.current = Charge::Requested {
            seq,
            requested: RequestedSession::of(&command, cart, metadata, cx.now()),
            failed: None,
        };
        let intent = command.intent.clone();
        self.checkouts.retain(|it| Some(it) != intent.as_ref());
        if let Some(intent) = intent.as_ref().filter(|_| !command.is_charge()) {
            if self.checkouts.len() >= REMEMBERED {
                self.checkouts.remove(0);
            }
            self.checkouts.push(intent.clone());
        }
        let call = Call::CreatePaymentSession(command);
        match intent {
            None => {
                cx.request(call);
            }
            Some(intent) => {
                cx.request_as(call, &intent, number);
                self.intents.open(intent, cart, number, (Some(total), cx.now()));
            }
        }
    }

    /// The requested charge has a session.
    pub(super) fn open(
        &mut self,
        id: PaymentSessionId,
        redirect_url: Option<String>,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let Charge::Requested { seq, requested, .. } = core::mem::take(&mut self.current) else {
            return Err(IgnoredReason::Unrelated);
        };
        cx.learn(&id);
        cx.withdraw(Call::is_find);
        cx.withdraw_all_about(repair::FAILURE_EFFECTS, |_| true);
        cx.withdraw_review(Review::Unplaced, id.as_str());
        let session = Session::created(CreateSessionReply { id, redirect_url }, requested, cx);
        self.current = Charge::Open { seq, session };
        Ok(())
    }

    /// Truemed did not make the session. Its intent can be used again, and an action of the customer stays open.
    /// Returns the position of the charge in the order of our requests.
    pub(super) fn not_made(&mut self, of: &EffectId, cause: Cause, cx: &mut Cx<'_>) -> Option<u32> {
        cx.withdraw(Call::is_find);
        let requested = self.requested_seq();
        if let Charge::Requested { failed, .. } = &mut self.current {
            self.current = failed.take().map_or(Charge::Idle, Charge::Failed);
            self.look_for_repeated(cx);
        }
        self.intents.settle(of.intent(), Outcome::Failed(cause));
        requested
    }

    /// Truemed refused one sending of the requested charge.
    pub(super) fn refused_once(&mut self, cx: &Cx<'_>) {
        if let Charge::Requested { requested, .. } = &mut self.current {
            requested.refused_once(cx);
        }
    }

    /// Notes the outcome of the charge with this intent.
    pub(super) fn settle(&mut self, intent: Option<&Intent>, outcome: Outcome) {
        if let Some(intent) = intent {
            self.intents.settle(intent.as_str(), outcome);
        }
    }

    /// Truemed made a charge that had ended as not made. It is the requested charge again, because no other is
    /// pending.
    pub(super) fn made_after_all(
        &mut self,
        seq: u32,
        command: &CreatePaymentSession,
        (metadata, now): (&str, Timestamp),
    ) {
        let requested = RequestedSession::of(command, command.cart(command.items()), metadata, now);
        self.current = Charge::Requested { seq, requested, failed: None };
        self.settle(command.intent.as_ref(), Outcome::Open);
    }

    /// Drops a charge that was not sent, if its items or its token are out of date. The host has to request it again.
    pub(super) fn drop_stale(&mut self, confirmed: Option<Digest>, token: Option<&Token>, cx: &mut Cx<'_>) {
        let Charge::Requested { seq, requested, .. } = &self.current else { return };
        let is_stale = |call: &Call| match call {
            Call::CreatePaymentSession(it) => {
                it.is_charge() && (Some(it.items()) != confirmed || it.payment_token.as_ref() != token)
            }
            _ => false,
        };
        if cx.pending(is_stale).is_none_or(|it| it.sent) {
            return;
        }
        let (seq, intent, total) = (*seq, requested.intent.clone(), Some(requested.total));
        let _ = cx.drop_unsent(is_stale, "The confirmed items or the token are not those of this charge any more.");
        self.settle(intent.as_ref(), Outcome::Failed(Cause::Dropped));
        self.current = Charge::Repaired { seq, intent, session: None, total };
    }

    /// The token is deleted. A charge that was sent keeps its request, and one that was not is dropped. Sent again,
    /// a charge cannot succeed any more, and the reply to its key shows if it did.
    pub(super) fn token_is_deleted(&mut self, cx: &mut Cx<'_>) {
        if let Some(id) = cx.drop_unsent(Call::is_session, "Its token is deleted.") {
            self.intents.settle(id.intent(), Outcome::Failed(Cause::Dropped));
            self.current = Charge::Idle;
        }
        cx.resume_sending(is_charge);
    }

    /// The host wants the token to be deleted, so nobody wants the charge any more. A charge that was not sent is dropped.
    /// Of one that may have succeeded, only the outcome is found out.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_>) {
        if let Some(id) = cx.drop_unsent(is_charge, "The host has requested the deletion of its token.") {
            cx.withdraw(Call::is_find);
            cx.withdraw_all_about(repair::FAILURE_EFFECTS, |_| true);
            self.intents.settle(id.intent(), Outcome::Failed(Cause::Dropped));
            self.current = Charge::Idle;
        }
        cx.stop_sending(is_charge);
    }

    /// What the charge waits for. With a deleted token, it waits only for the open session.
    pub(super) fn wait(&self, is_deleted: bool) -> Option<Wait> {
        match &self.current {
            Charge::Open { session, .. } => session.wait(),
            _ if is_deleted => None,
            Charge::Failed(failed) | Charge::Requested { failed: Some(failed), .. } => Some(failed.wait()),
            Charge::Idle | Charge::Requested { .. } | Charge::Repaired { .. } => None,
        }
    }

    /// Whether an intent is that of a checkout that makes a token.
    pub(super) fn is_checkout(&self, intent: &Intent) -> bool {
        self.checkouts.contains(intent)
    }

    /// The total of the current charge.
    pub(super) fn total(&self) -> Option<Cents> {
        match &self.current {
            Charge::Idle => None,
            Charge::Requested { requested, .. } => Some(requested.total),
            Charge::Open { session, .. } => session.requested.as_ref().map(|it| it.total),
            Charge::Failed(failed) => failed.total(),
            Charge::Repaired { total, .. } => *total,
        }
    }

    /// The session of the current charge, if there is one, and its status.
    pub(super) fn known_session(&self) -> Option<(Option<PaymentSessionId>, Option<String>)> {
        let id = self.session_id().or(match &self.current {
            Charge::Repaired { session, .. } => session.as_ref(),
            _ => None,
        })?;
        Some((Some(id.clone()), self.session().map(Session::provider_status)))
    }

    /// The session of the open charge, or of the failed one.
    pub(super) fn session_id(&self) -> Option<&PaymentSessionId> {
        match self.session() {
            Some(session) => Some(&session.id),
            None => self.failure().and_then(FailedCharge::session),
        }
    }
}
