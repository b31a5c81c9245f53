//! The three ways to end a session: capture, void and cancel. What ends them: a reply, a person's verdict, or a
//! report.

use serde::{Deserialize, Serialize};

use super::{Action, Cx, Known};
use crate::flow::{Cause, Outcome, Stop, ToDo};
use crate::id::{Digest, Intent};
use crate::money::Cents;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::requests::CapturePaymentSession;
use crate::providers::truemed::api::webhook::{SessionReport, Status};
use crate::providers::truemed::names::{Notice, Verdict};
use crate::providers::truemed::session::Session;

/// A capture, void or cancel that the host requested.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentSessionEnding"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// A capture, with its intent and the fingerprint of its amount.
    Capture(Option<Intent>, Digest),
    /// A void.
    Void,
    /// A cancellation of an unpaid checkout.
    Cancel,
}

impl Ending {
    /// The action that requested it.
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Capture(..) => Action::Capture,
            Self::Void => Action::Void,
            Self::Cancel => Action::Cancel,
        }
    }

    /// Whether this status shows that the ending succeeded. A hold can expire in spite of its capture.
    fn leads_to(&self, status: &Status) -> bool {
        match self {
            Self::Capture(..) => matches!(status, Status::Captured | Status::AuthorizationExpired),
            Self::Void => *status == Status::AuthorizationVoided,
            Self::Cancel => *status == Status::Canceled,
        }
    }
}

/// Whether a request is a capture, void or cancel.
pub(super) const fn is_end(call: &Call) -> bool {
    matches!(call, Call::CapturePaymentSession(..) | Call::VoidPaymentSession(_) | Call::CancelPaymentSession(_))
}

/// The fingerprint of a capture that has an intent.
pub(super) fn capture_content(amount: Cents) -> Digest {
    Digest::of([amount.get().to_le_bytes().as_slice()])
}

impl Known {
    /// Requests a capture of the held money, or of less.
    pub(super) fn capture(&mut self, mut capture: CapturePaymentSession, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let intent = capture.intent.take();
        let content = capture_content(capture.total_amount);
        self.withdraw_refusal(cx);
        self.session.capture_requested = true;
        self.session.capturing = Some(capture.total_amount);
        let call = Call::CapturePaymentSession(self.session.id.clone(), capture);
        match &intent {
            None => cx.request(call),
            Some(name) => {
                let number = self.ends.status_of(name, content).number()?;
                self.ends.open(name.clone(), content, number, (self.session.capturing, cx.now()));
                cx.request_as(call, name, number)
            }
        };
        self.ending = Some(Ending::Capture(intent, content));
        Ok(())
    }

    /// Requests the release of the held money.
    pub(super) fn void(&mut self, cx: &mut Cx<'_>) {
        self.withdraw_refusal(cx);
        cx.request(Call::VoidPaymentSession(self.session.id.clone()));
        self.ending = Some(Ending::Void);
    }

    /// Requests the cancellation of an unpaid checkout.
    pub(super) fn cancel(&mut self, cx: &mut Cx<'_>) {
        self.withdraw_refusal(cx);
        cx.request(Call::CancelPaymentSession(self.session.id.clone()));
        self.ending = Some(Ending::Cancel);
    }

    /// The host acts on the session again, or the session is over: a refusal is no news any more.
    fn withdraw_refusal(&mut self, cx: &mut Cx<'_>) {
        self.untold_refusal = false;
        cx.withdraw_notice(Notice::CancellationRefused, self.session.id.as_str());
    }

    /// Whether a cancellation is pending, so that no customer is sent to the checkout.
    pub(super) fn is_dropped(&self) -> bool {
        self.ending == Some(Ending::Cancel)
    }

    /// Truemed accepted the capture, void or cancel. A webhook or a lookup will show the outcome.
    pub(super) fn end_accepted(&mut self, cx: &mut Cx<'_>) {
        if self.ending.is_none() {
            return;
        }
        self.settle_end(Outcome::Done);
        self.session.ending = true;
        self.session.restart_wait(cx);
    }

    /// Truemed refused the capture, void or cancel. The money may have moved already, so the session is looked up.
    pub(super) fn end_refused(&mut self, call: &Call, cx: &mut Cx<'_>) {
        self.settle_end(Outcome::Failed(Cause::Refused));
        // In a row from a backup the key may have brought an old refusal. The lookup comes first.
        self.untold_refusal = cx.is_restored() && !matches!(call, Call::CapturePaymentSession(..));
        if !self.untold_refusal {
            self.tell_of_refusal(call, cx);
        }
        cx.look_up(Call::ConfirmPaymentSession(self.session.id.clone()));
    }

    /// The void or cancel did nothing, so the money is still held or the checkout still open. The host has to act.
    fn tell_of_refusal(&self, call: &Call, cx: &mut Cx<'_>) {
        if !matches!(call, Call::CapturePaymentSession(..)) {
            self.notify_of_refusal(cx);
        }
    }

    fn notify_of_refusal(&self, cx: &mut Cx<'_>) {
        cx.notify(Notice::CancellationRefused, &self.session.id, ToDo::NOTHING);
    }

    /// A person decided what became of the capture, void or cancel.
    pub(super) fn end_resolved(&mut self, call: &Call, verdict: Option<Verdict>, cx: &mut Cx<'_>) {
        match (call, verdict) {
            (Call::CapturePaymentSession(..), Some(Verdict::Captured))
            | (Call::VoidPaymentSession(_), Some(Verdict::Voided))
            | (Call::CancelPaymentSession(_), Some(Verdict::Canceled)) => self.end_accepted(cx),
            _ => {
                self.settle_end(Outcome::Failed(Cause::Reviewed));
                self.session.ended |= verdict == Some(Verdict::Ended);
                self.session.schedule(cx);
                if !matches!(verdict, Some(Verdict::Ended | Verdict::Captured)) {
                    self.tell_of_refusal(call, cx);
                }
                cx.look_up(Call::ConfirmPaymentSession(self.session.id.clone()));
            }
        }
    }

    /// Drops a capture, void or cancel that was never sent, because the wait for the session has ended.
    pub(super) fn drop_end(&mut self, cx: &mut Cx<'_>) {
        if self.ending.is_some() && !cx.sent(is_end) {
            cx.withdraw(is_end);
            self.settle_end(Outcome::Failed(Cause::Dropped));
        }
    }

    fn settle_end(&mut self, outcome: Outcome) {
        if let Some(Ending::Capture(Some(intent), _)) = &self.ending {
            self.ends.settle(intent.as_str(), outcome);
        }
        if matches!(outcome, Outcome::Failed(_)) {
            self.ending = None;
            self.session.ending = false;
            self.session.capturing = None;
        }
    }

    /// Compares a report with the pending capture, void or cancel: it is over, or a lookup denies it.
    pub(super) fn compare_end(&mut self, report: &SessionReport, by_lookup: bool, cx: &mut Cx<'_>) {
        if self.session.is_over() {
            self.withdraw_refusal(cx);
        } else if by_lookup && core::mem::take(&mut self.untold_refusal) {
            self.notify_of_refusal(cx);
        }
        let Some(ending) = &self.ending else { return };
        let Session { status, .. } = &self.session;
        let (is_over, is_as_before) = match ending {
            Ending::Cancel => (*status != Status::Pending, report.status == Status::Pending),
            Ending::Capture(..) | Ending::Void => (status.is_final(), report.status == Status::Authorized),
        };
        if is_over {
            let captured = *status == Status::Captured;
            // Truemed accepted this ending, or a person confirmed it, and the session shows another one.
            if self.session.ending && !ending.leads_to(status) {
                self.session.contradict(cx);
            }
            // A request that was not sent is dropped. The report shows the outcome of one that was.
            cx.prove(is_end, None);
            self.settle_end(if captured { Outcome::Done } else { Outcome::Failed(Cause::Ended) });
            self.ending = None;
            self.session.ending = false;
        } else if by_lookup && is_as_before {
            if cx.deny(is_end).is_some() {
                self.settle_end(Outcome::Failed(Cause::NotMade));
            }
        } else if by_lookup {
            cx.look_again(is_end);
        }
    }
}
