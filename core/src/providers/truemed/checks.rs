//! What Truemed says, held against what the documents promise of it: this warns, and asks a person.

use alloc::format;

use super::api::webhook::{SessionReport, Status, UnlistedEvent};
use super::names::Review;
use super::rules::Rule;
use super::session::Session;
use crate::fact::IgnoredReason;
use crate::flow::{Cx, Stop};
use crate::id::Digest;
use crate::providers::truemed::Truemed;

impl Session {
    /// What is said of it now cannot be true beside what was said before: a person is told once.
    pub(crate) fn contradict<F: Truemed>(&mut self, cx: &mut Cx<'_, F>) {
        if !self.contradicted {
            self.contradicted = true;
            cx.ask(Review::Contradiction, self.id.as_str());
        }
    }

    /// Holds what was captured against what was asked for. Delivery goes by the status alone, so that nobody who paid is
    /// kept waiting for an odd amount; a person is asked about it, once for each amount.
    pub(super) fn check_captured<F: Truemed>(&self, report: &SessionReport, is_news: bool, cx: &mut Cx<'_, F>) {
        let Some(requested) = &self.requested else { return };
        let wanted = self.capturing.unwrap_or(requested.total);
        let same = report.capture_amount.is_none_or(|amount| amount == wanted);
        cx.check(Rule::SessionCaptureAmountPresence, same).at("/capture_amount");
        if !same && is_news {
            cx.ask(Review::CapturedOtherAmount, self.id.as_str());
        }
    }

    /// Holds a webhook against what the documents promise of it, besides the amount; this can only warn.
    pub(crate) fn check<F: Truemed>(&self, report: &SessionReport, cx: &mut Cx<'_, F>) {
        let Some(requested) = &self.requested else { return };
        let expired = report.status == Status::AuthorizationExpired;
        cx.check(Rule::SessionExpiredOnlyAfterCapture, !expired || self.capture_requested).at("/status");
        let captured = report.status == Status::Captured;
        let fits = if requested.authorization {
            captured || report.capture_amount.is_none()
        } else {
            // Another amount than was asked for is told where the session takes it in.
            let told = report.capture_amount.is_some_and(|amount| amount != requested.total);
            let equal = report.authorize_amount.is_none() || report.capture_amount == report.authorize_amount;
            !captured || told || (report.capture_amount.is_some() && equal)
        };
        cx.check(Rule::SessionCaptureAmountPresence, fits).at("/capture_amount");
        let token = report.payment_token.is_none() || requested.of_a_token;
        cx.check(Rule::SessionTokenFieldPresence, token).at("/payment_token");
        self.check_echo(report, cx);
    }

    /// Holds the metadata that came back against what was given.
    pub(crate) fn check_echo<F: Truemed>(&self, report: &SessionReport, cx: &mut Cx<'_, F>) {
        let Some(requested) = &self.requested else { return };
        let echoed = report.metadata.as_ref().is_none_or(|it| Digest::of([it.as_bytes()]) == requested.metadata);
        cx.check(Rule::MetadataEchoMatch, echoed).at("/metadata");
    }
}

impl UnlistedEvent {
    /// Says that it was ignored, for otherwise nobody would know why nothing moves.
    pub(crate) fn ignore<T, F: Truemed>(self, cx: &mut Cx<'_, F>) -> Result<T, Stop> {
        let name = self.event_type;
        cx.check(Rule::WebhookUnknownFields, false).at("/event_type").because(|| format!("It is `{name}`."));
        Err(IgnoredReason::Unrelated.into())
    }
}
