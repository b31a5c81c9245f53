//! Compares Truemed's reports with what the documents promise. A difference warns, and some differences ask a person.

use alloc::format;
use alloc::string::String;

use super::api::webhook::{SessionReport, Status, UnlistedEvent};
use super::names::Review;
use super::rules::Rule;
use super::session::Session;
use crate::fact::IgnoredReason;
use crate::flow::{Cx, Stop};
use crate::id::Digest;
use crate::money::Cents;
use crate::providers::truemed::Truemed;

impl Session {
    /// Asks a person once about two final statuses that cannot both be true.
    pub(crate) fn contradict<F: Truemed>(&mut self, cx: &mut Cx<'_, F>) {
        if !self.contradicted {
            self.contradicted = true;
            cx.ask(Review::Contradiction, &self.id);
        }
    }

    /// Compares the captured amount with the requested one, and asks a person once for each other amount.
    ///
    /// Fulfillment depends on the status alone: a customer who paid does not wait because of an unexpected amount.
    pub(super) fn check_captured<F: Truemed>(&self, report: &SessionReport, is_news: bool, cx: &mut Cx<'_, F>) {
        let Some(requested) = &self.requested else { return };
        let wanted = self.capturing.unwrap_or(requested.total);
        let is_requested = report.capture_amount.is_none_or(|amount| amount == wanted);
        cx.check(Rule::SessionCaptureAmountPresence, is_requested)
            .at("/capture_amount")
            .because(|| amounts(report.capture_amount, wanted));
        if !is_requested && is_news {
            cx.ask(Review::CapturedOtherAmount, &self.id);
        }
    }

    /// Compares a webhook with what the documents promise, except for the captured amount. This can only warn.
    pub(crate) fn check<F: Truemed>(&self, report: &SessionReport, cx: &mut Cx<'_, F>) {
        let Some(requested) = &self.requested else { return };
        let expired = report.status == Status::AuthorizationExpired;
        cx.check(Rule::SessionExpiredOnlyAfterCapture, !expired || self.capture_requested).at("/status");
        let captured = report.status == Status::Captured;
        let fits = if requested.authorization {
            captured || report.capture_amount.is_none()
        } else {
            // `check_captured` reports another amount.
            let is_other = report.capture_amount.is_some_and(|amount| amount != requested.total);
            let equal = report.authorize_amount.is_none() || report.capture_amount == report.authorize_amount;
            !captured || is_other || (report.capture_amount.is_some() && equal)
        };
        cx.check(Rule::SessionCaptureAmountPresence, fits)
            .at("/capture_amount")
            .because(|| amounts(report.capture_amount, requested.total));
        let token = report.payment_token.is_none() || requested.of_a_token;
        cx.check(Rule::SessionTokenFieldPresence, token).at("/payment_token");
        self.check_echo(report, cx);
    }

    /// Compares the returned metadata with the metadata that was sent.
    pub(crate) fn check_echo<F: Truemed>(&self, report: &SessionReport, cx: &mut Cx<'_, F>) {
        let Some(requested) = &self.requested else { return };
        let echoed = report.metadata.as_ref().is_none_or(|it| Digest::of([it.as_bytes()]) == requested.metadata);
        cx.check(Rule::MetadataEchoMatch, echoed).at("/metadata");
    }
}

/// The captured amount beside the requested one.
fn amounts(captured: Option<Cents>, requested: Cents) -> String {
    match captured {
        Some(captured) => format!("`capture_amount` is {captured}, and {requested} cents were requested."),
        None => format!("`capture_amount` is absent, and {requested} cents were requested."),
    }
}

impl UnlistedEvent {
    /// Ignores the event, with a warning that tells the host why nothing has changed.
    pub(crate) fn ignore<T, F: Truemed>(self, cx: &mut Cx<'_, F>) -> Result<T, Stop> {
        let name = self.event_type;
        cx.check(Rule::WebhookUnknownFields, false)
            .at("/event_type")
            .because(|| format!("The event type is `{name}`."));
        Err(IgnoredReason::Unrelated.into())
    }
}
