//! The session that a search looks for, and how a listed or reported one compares with it.

use alloc::format;
use alloc::string::String;

use super::{CLOCKS_DIFFER, WRONG_CLOCK};
use crate::effect::idempotency_key;
use crate::flow::Cx;
use crate::id::{Digest, EffectId, Intent, Key};
use crate::money::Cents;
use crate::providers::truemed::Truemed;
use crate::providers::truemed::api::calls::{CREATE_SESSION, Call};
use crate::providers::truemed::api::session_request::CreatePaymentSession;
use crate::providers::truemed::api::webhook::{SessionReport, Status};
use crate::providers::truemed::session::RequestedSession;
use crate::time::Timestamp;

/// The session that the search looks for: one that the host requested, and whose creation had no reply.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(super) requested: &'a RequestedSession,
    pub(super) command: &'a CreatePaymentSession,
    pub(super) idempotency_key: String,
    /// The beginning of the keys of further attempts, in a row that was restored from a backup and may have forgotten them.
    pub(super) further_attempts: Option<String>,
    /// When the request was first sent, or when the backup was taken after which it may have been.
    pub(super) first_at: Timestamp,
    /// Whether Truemed has seen the key before: an earlier request made the session, perhaps with other items. Only its key
    /// proves which one it is.
    pub(super) key_used: bool,
}

/// How a listed session compares with the wanted one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fit {
    /// The session has our idempotency key.
    Ours,
    /// The session looks like the requested one, and is not older than the request.
    Fits,
    /// The session is another one.
    Other,
    /// The session is much older than the request.
    Older,
    /// The session lacks the members that would decide, or it is older than the request, unless a clock is wrong.
    Doubtful,
}

/// The beginning of the idempotency keys of an intent's attempts after the first one.
pub(crate) fn further_attempts(flow: &str, key: &Key, intent: &Intent) -> String {
    format!("{}/", idempotency_key(flow, key, &EffectId::of_intent(CREATE_SESSION.name, intent, 1)))
}

impl<'a> Wanted<'a> {
    /// The session of the pending request, if the request was ever sent. A refused sending counts too. A charge of a row that
    /// was restored from a backup may have been sent after the backup was taken.
    pub(crate) fn of<F: Truemed>(requested: &'a RequestedSession, cx: &'a Cx<'_, F>) -> Option<Self> {
        let pending = cx.pending(Call::is_session)?;
        let Call::CreatePaymentSession(command) = pending.call else { return None };
        let repeated = command.intent.as_ref().filter(|_| cx.is_restored() && pending.first_at.is_none());
        let key_used = repeated.is_some() || (pending.accepted && !pending.given_up);
        let taken_at = cx.restored_from().filter(|_| key_used);
        Some(Self {
            requested,
            command,
            idempotency_key: idempotency_key(F::ID, cx.key(), pending.id),
            further_attempts: repeated.map(|intent| further_attempts(F::ID, cx.key(), intent)),
            first_at: pending.first_at.into_iter().chain(taken_at).min()?,
            key_used,
        })
    }

    /// Whether the session has the idempotency key of the request.
    fn has_key_of(&self, report: &SessionReport) -> bool {
        let is_further = |key: &str| self.further_attempts.as_deref().is_some_and(|start| key.starts_with(start));
        report.idempotency_key.as_deref().is_some_and(|key| key == self.idempotency_key || is_further(key))
    }

    /// Whether a verified webhook is about the wanted session.
    ///
    /// Our idempotency key proves it. Otherwise the webhook must have the key of the row and contradict nothing. For a
    /// checkout, it must also show that the customer was there. For a charge, it must also have the token, the amount
    /// and a time after the request.
    pub(crate) fn is_named_by(&self, report: &SessionReport, flow: &Key) -> bool {
        if self.has_key_of(report) {
            return true;
        }
        if self.key_used {
            return false;
        }
        let ours =
            report.metadata.as_deref() == Some(flow.as_str()) && report.status.is_known() && !self.excludes(report);
        // Truemed's times have whole seconds.
        let second = self.first_at.as_millis().div_euclid(1000).saturating_mul(1000);
        let after = report.created().is_some_and(|at| at >= Timestamp::from_millis(second));
        match self.command.is_charge() {
            true => ours && report.payment_token.is_some() && report.amount().is_some() && after,
            false => ours && report.status != Status::Pending,
        }
    }

    /// The earliest creation time of a session that can be ours.
    fn earliest(&self) -> Timestamp {
        self.first_at.before(CLOCKS_DIFFER)
    }

    /// Whether any member of the report shows that it is another session.
    pub(crate) fn excludes(&self, report: &SessionReport) -> bool {
        self.is_before(report) || self.differs(report)
    }

    /// Whether the session was created before the request, unless a clock is wrong.
    pub(super) fn is_before(&self, report: &SessionReport) -> bool {
        report.created().is_some_and(|at| at < self.earliest())
    }

    /// Whether any member but the time shows that it is another session.
    fn differs(&self, report: &SessionReport) -> bool {
        let Self { requested, command, .. } = self;
        let differs = |metadata: &str| Digest::of([metadata.as_bytes()]) != requested.metadata;
        let is_other_customer =
            |given: &str| command.customer_email.as_ref().is_some_and(|it| !it.eq_ignore_ascii_case(given));
        (report.idempotency_key.is_some() && !self.has_key_of(report))
            || report.metadata.as_deref().is_some_and(differs)
            || (command.is_charge() && report.payment_token.is_some() && report.payment_token != command.payment_token)
            || self.has_other_amount(report)
            || report.customer_email.as_deref().is_some_and(is_other_customer)
    }

    /// Whether an amount of the report differs from the requested total. Less may be captured of a hold.
    fn has_other_amount(&self, report: &SessionReport) -> bool {
        if self.key_used {
            return false;
        }
        let total = self.requested.total;
        let differs = [report.total_amount, report.authorize_amount].into_iter().flatten().any(|it| it != total);
        let is_too_much = |it: Cents| if self.requested.authorization { it > total } else { it != total };
        differs || report.capture_amount.is_some_and(is_too_much)
    }

    /// Compares a listed session with the wanted one.
    pub(crate) fn fit(&self, report: &SessionReport) -> Fit {
        let Self { requested, command, .. } = self;
        if self.has_key_of(report) {
            return Fit::Ours;
        }
        if report.created().is_some_and(|at| at < self.first_at.before(WRONG_CLOCK)) {
            return Fit::Older;
        }
        if self.differs(report) {
            return Fit::Other;
        }
        if self.is_before(report) {
            return Fit::Doubtful;
        }
        let echoed = report.metadata.as_deref().is_some_and(|it| Digest::of([it.as_bytes()]) == requested.metadata);
        let charged = command.is_charge() && report.payment_token.is_some();
        let sold = report.items() == Some(command.items());
        let is_decisive = report.created().is_some() && report.amount().is_some();
        if is_decisive && (echoed || charged || sold) { Fit::Fits } else { Fit::Doubtful }
    }
}
