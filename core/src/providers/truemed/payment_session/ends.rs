//! Captures, voids and cancels: how they are asked for, and what their replies, a person and the session itself show of them.

use serde::{Deserialize, Serialize};

use super::{Cx, Known};
use crate::flow::{Outcome, Stop};
use crate::id::{Digest, Intent};
use crate::money::Cents;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::requests::Capture;
use crate::providers::truemed::api::webhook::{SessionReport, Status};
use crate::providers::truemed::names::Verdict;
use crate::providers::truemed::session::Session;

/// A way in which the host ends a session.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionEnding"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// What is held is taken, under a name and for an amount.
    Capture(Option<Intent>, Digest),
    /// What is held is released.
    Void,
    /// An unpaid checkout is dropped.
    Cancel,
}

impl Ending {
    /// Whether a session stands so once this end was taken. A hold can lapse in spite of its capture.
    fn leads_to(&self, status: &Status) -> bool {
        match self {
            Self::Capture(..) => matches!(status, Status::Captured | Status::AuthorizationExpired),
            Self::Void => *status == Status::AuthorizationVoided,
            Self::Cancel => *status == Status::Canceled,
        }
    }
}

/// Whether a request ends a session.
pub(super) const fn is_end(call: &Call) -> bool {
    matches!(call, Call::CapturePaymentSession(..) | Call::VoidPaymentSession(_) | Call::CancelPaymentSession(_))
}

/// The fingerprint of what a capture with an intent asks for.
pub(super) fn capture_content(amount: Cents) -> Digest {
    Digest::of([amount.get().to_le_bytes().as_slice()])
}

impl Known {
    /// Takes what is held, or less.
    pub(super) fn capture(&mut self, intent: Option<Intent>, capture: Capture, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let content = capture_content(capture.total_amount);
        self.session.capture_requested = true;
        self.session.capturing = Some(capture.total_amount);
        let call = Call::CapturePaymentSession(self.session.id.clone(), capture);
        match &intent {
            None => cx.request(call),
            Some(name) => {
                let number = self.ends.status_of(name, content).number()?;
                self.ends.open(name.clone(), content, number);
                cx.request_as(call, name, number)
            }
        };
        self.ending = Some(Ending::Capture(intent, content));
        Ok(())
    }

    /// Releases what is held.
    pub(super) fn void(&mut self, cx: &mut Cx<'_>) {
        cx.request(Call::VoidPaymentSession(self.session.id.clone()));
        self.ending = Some(Ending::Void);
    }

    /// Drops an unpaid checkout.
    pub(super) fn cancel(&mut self, cx: &mut Cx<'_>) {
        cx.request(Call::CancelPaymentSession(self.session.id.clone()));
        self.ending = Some(Ending::Cancel);
    }

    /// Whether the checkout is to be dropped: nobody is sent to it any more.
    pub(super) fn is_dropped(&self) -> bool {
        self.ending == Some(Ending::Cancel)
    }

    /// An end was taken: the session shows its outcome, which a webhook tells, or the lookups do.
    pub(super) fn end_accepted(&mut self, cx: &mut Cx<'_>) {
        if self.ending.is_none() {
            return;
        }
        self.settle_end(Outcome::Done);
        self.session.ending = true;
        self.session.restart_wait(cx);
    }

    /// An end was refused: that can say that the money moved already.
    pub(super) fn end_refused(&mut self, cx: &mut Cx<'_>) {
        self.settle_end(Outcome::Failed);
        cx.look_up(Call::ConfirmPaymentSession(self.session.id.clone()));
    }

    /// What a person says of an end.
    pub(super) fn end_resolved(&mut self, call: &Call, verdict: Option<Verdict>, cx: &mut Cx<'_>) {
        match (call, verdict) {
            (Call::CapturePaymentSession(..), Some(Verdict::Captured))
            | (Call::VoidPaymentSession(_), Some(Verdict::Voided))
            | (Call::CancelPaymentSession(_), Some(Verdict::Canceled)) => self.end_accepted(cx),
            _ => {
                self.settle_end(Outcome::Failed);
                self.session.ended |= verdict == Some(Verdict::Ended);
                self.session.schedule(cx);
                cx.look_up(Call::ConfirmPaymentSession(self.session.id.clone()));
            }
        }
    }

    /// The session is waited for no longer: its end stands in nobody's way, unless it was sent.
    pub(super) fn drop_end(&mut self, cx: &mut Cx<'_>) {
        if self.ending.is_some() && !cx.sent(is_end) {
            cx.withdraw(is_end);
            self.settle_end(Outcome::Failed);
        }
    }

    fn settle_end(&mut self, outcome: Outcome) {
        if let Some(Ending::Capture(Some(intent), _)) = &self.ending {
            self.ends.settle(intent.as_str(), outcome);
        }
        if outcome == Outcome::Failed {
            self.ending = None;
            self.session.ending = false;
            self.session.capturing = None;
        }
    }

    /// What a status says of the end that is asked for: it is over, or a lookup of its own time denies it.
    pub(super) fn compare_end(&mut self, report: &SessionReport, by_lookup: bool, cx: &mut Cx<'_>) {
        let Some(ending) = &self.ending else { return };
        let Session { status, .. } = &self.session;
        let (is_over, is_as_before) = match ending {
            Ending::Cancel => (*status != Status::Pending, report.status == Status::Pending),
            Ending::Capture(..) | Ending::Void => (status.is_final(), report.status == Status::Authorized),
        };
        if is_over {
            let captured = *status == Status::Captured;
            // An end that Truemed took, or that a person has seen, and another one than the session shows: both cannot be true.
            if self.session.ending && !ending.leads_to(status) {
                self.session.contradict(cx);
            }
            // What is not sent yet goes, and what is sent shows its outcome here.
            cx.prove(is_end, None);
            self.settle_end(if captured { Outcome::Done } else { Outcome::Failed });
            self.ending = None;
            self.session.ending = false;
        } else if by_lookup && is_as_before {
            if cx.deny(is_end).is_some() {
                self.settle_end(Outcome::Failed);
            }
        } else if by_lookup {
            cx.look_again(is_end);
        }
    }
}
