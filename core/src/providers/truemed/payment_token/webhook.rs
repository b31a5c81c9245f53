//! Truemed's webhooks. Each settles only the request that it names.

use super::across::Applied;
use super::change::{Change, PendingChange};
use super::charge::FailedCharge;
use super::event::Trigger;
use super::history::Origin;
use super::token::TokenReport;
use super::{Cx, PaymentToken, TokenState};
use crate::fact::{IgnoredReason, Origin as Proof};
use crate::flow::{Reviews, Stop};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::find::Wanted;
use crate::providers::truemed::api::webhook::{SessionReport, Signal, Status, TokenUpdatedWebhook};
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId};
use crate::providers::truemed::names::{Review, Verdict};
use crate::providers::truemed::rules::Rule;

/// The origins that a webhook names. The documents promise exactly one.
fn origins(webhook: &TokenUpdatedWebhook) -> [Option<Origin>; 3] {
    let request = webhook.provision_token_request_id.as_ref().and_then(|id| ProvisionTokenRequestId::parse(id).ok());
    let session = |id: Option<&alloc::string::String>| id.and_then(|id| PaymentSessionId::parse(id).ok());
    [
        session(webhook.failed_payment_session_id.as_ref()).map(Origin::Failed),
        request.map(Origin::Request),
        session(webhook.payment_session_id.as_ref()).map(Origin::Session),
    ]
}

/// Whether a sent request may still have a reply with the id of a provision request, or of a session.
fn may_name_origin(of_request: bool, cx: &Cx<'_>) -> bool {
    cx.sent(|call| match call {
        Call::CreatePaymentToken(_) | Call::UpdatePaymentToken(..) => of_request,
        Call::CreatePaymentSession(_) => !of_request,
        _ => false,
    })
}

const fn is_unnamed(pending: &PendingChange) -> bool {
    pending.origin.is_none()
}

impl PaymentToken {
    /// Truemed sent a webhook.
    pub(super) fn on_webhook(&mut self, signal: Signal, proof: Proof, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        cx.check(Rule::WebhookAuthenticateFirst, proof == Proof::Verified);
        match signal {
            _ if proof != Proof::Verified => Err(IgnoredReason::Unrelated.into()),
            Signal::TokenUpdated(webhook) => {
                self.on_token_webhook(&webhook, cx)?;
                Ok(Trigger::TokenUpdated)
            }
            Signal::SessionComplete(report) => {
                self.on_session_webhook(&report, cx)?;
                Ok(Trigger::SessionComplete)
            }
            Signal::Qualification(_) | Signal::Other => Err(IgnoredReason::Unrelated.into()),
            Signal::Unlisted(webhook) => webhook.ignore(cx),
        }
    }

    /// A webhook reports a session.
    fn on_session_webhook(&mut self, report: &SessionReport, cx: &mut Cx<'_>) -> Applied {
        let id = report.session().cloned().ok_or(IgnoredReason::Unrelated)?;
        if let Some(session) = self.charge.session().filter(|it| it.id == id) {
            session.check(report, cx);
        }
        match self.on_session_report(id.as_str(), report, false, cx) {
            Err(IgnoredReason::Unrelated) => {}
            applied => return applied,
        }
        let mut is_other = true;
        if let Some(wanted) = self.charge.requested().and_then(|requested| Wanted::of(requested, cx)) {
            if wanted.is_named_by(report, cx.key()) {
                return self.bind(id, Some(report), cx);
            }
            is_other = wanted.excludes(report);
        }
        // A later reply may have the id of this session.
        if is_other { self.unplaced(&id, report, cx) } else { Err(IgnoredReason::Early) }
    }

    /// A session with our token or key that no known request explains. Asks a person, once for each session.
    fn unplaced(&mut self, id: &PaymentSessionId, report: &SessionReport, cx: &mut Cx<'_>) -> Applied {
        let token = self.token.payment_token();
        let names_us = report.metadata.as_deref() == Some(cx.key().as_str());
        if !names_us && token.is_none() && !self.token.is(TokenState::Absent) && report.payment_token.is_some() {
            // Truemed has not issued the token of this flow yet.
            return Err(IgnoredReason::Early);
        }
        let by_token = token.is_some() && report.payment_token.as_ref() == token;
        if !by_token && !names_us {
            return Err(IgnoredReason::Unrelated);
        }
        let has_same_amount = |call: &Call| match call {
            Call::CreatePaymentSession(it) => report.amount().is_none_or(|amount| amount == it.total_amount),
            _ => false,
        };
        // A hold may still be released, so it does not prove the request.
        if report.status == Status::Captured
            && let Some(made) = cx.after_all(has_same_amount, id, Review::MadeAfterAll.only(Verdict::OURS_OR_NOT))?
        {
            self.paid_after_all(&made, cx);
            return Ok(());
        }
        match report.status {
            Status::Captured => cx.ask(Review::Unplaced.only(Verdict::OURS_OR_NOT), id),
            // The money is only held. The person releases or captures it in Truemed's dashboard.
            Status::Authorized => cx.ask(Review::Unplaced.only(&[Verdict::Seen]), id),
            _ => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// A webhook says that a token can be charged.
    fn on_token_webhook(&mut self, webhook: &TokenUpdatedWebhook, cx: &mut Cx<'_>) -> Applied {
        let origins = origins(webhook);
        let named = origins.iter().flatten().count();
        cx.check(Rule::WebhookOriginIdExactlyOne, named == 1);
        self.token.check_echo(webhook.metadata.as_deref(), cx);
        let ours = webhook.metadata.as_deref() == Some(cx.key().as_str());
        let report = TokenReport {
            token: &webhook.payment_token,
            lmn_expires_at: webhook.lmn_expiry(),
            at: webhook.changed_at(),
        };
        let is_other = self.token.payment_token() != Some(report.token);
        let is_news = |it: &Origin| self.contradicted_seq(it, report).is_some();
        let is_new = |it: &Origin| self.token.has_provision(it) || ours && !self.history.has(it) || is_news(it);
        let brings_other = |it: &&Origin| is_other && is_new(it);
        let other = origins.iter().flatten().find(brings_other);
        match (self.token.state(), other) {
            // It counts once the first token is deleted, or stays.
            (TokenState::Deleting, Some(_)) => return Err(IgnoredReason::Early),
            (TokenState::Deleted, Some(origin)) => {
                self.token.delete_other(origin, report, &mut self.history, cx);
                return Ok(());
            }
            _ => {}
        }
        let is_deleted = self.token.is(TokenState::Deleted);
        cx.check(Rule::TokenDeleteFinal, !is_deleted);
        if is_deleted {
            return Err(IgnoredReason::Duplicate);
        }
        if named == 0 {
            return self.settle_by_token(report, ours, cx);
        }
        let mut applied = Err(IgnoredReason::Unrelated);
        for origin in origins.iter().flatten() {
            applied = self.settle(origin, report, ours, cx);
            if applied.is_ok() {
                break;
            }
        }
        applied
    }

    /// Settles what an origin names. `ours` says that the webhook has our key.
    fn settle(&mut self, origin: &Origin, report: TokenReport<'_>, ours: bool, cx: &mut Cx<'_>) -> Applied {
        let is_named = |it: &PendingChange| it.is_named_by(origin);
        if self.pending().any(is_named) {
            self.customer_acted(Some(origin), report, is_named, cx);
            return Ok(());
        }
        if self.contradicted(origin, report, cx) {
            return Ok(());
        }
        if self.token.has_provision(origin) {
            return self.provisioned(origin, report, cx);
        }
        if let Origin::Failed(id) = origin
            && self.charge.failure().is_some_and(|failed| failed.session() == Some(id))
        {
            self.repaired(origin, report, cx);
            return Ok(());
        }
        if self.history.has(origin) {
            return Err(IgnoredReason::Duplicate);
        }
        if let Origin::Failed(id) = origin
            && let Some(seq) = self.history.captured_seq(id.as_str())
        {
            // Truemed reports the repair after the capture. What it says about the token still counts.
            if !self.token.is_news(seq, report) {
                return Err(IgnoredReason::Duplicate);
            }
            self.token.apply(seq, report, cx);
            self.drop_stale_charge(cx);
            return Ok(());
        }
        self.settle_unnamed(origin, report, ours, cx)
    }

    /// Settles an unknown origin: the reply to its request is still to come, or had no id.
    fn settle_unnamed(&mut self, origin: &Origin, report: TokenReport<'_>, ours: bool, cx: &mut Cx<'_>) -> Applied {
        if ours && self.token.state() < TokenState::Adopting && self.adopt_origin(origin, cx)? {
            return self.provisioned(origin, report, cx);
        }
        if ours && self.token.is(TokenState::Absent) {
            self.token.issue_despite_refusal(self.history.last(), report, cx);
            return Ok(());
        }
        let of_request = matches!(origin, Origin::Request(_));
        if !ours && self.token.payment_token() != Some(report.token) {
            // Nothing connects the webhook with this customer.
            return Err(if may_name_origin(of_request, cx) { IgnoredReason::Early } else { IgnoredReason::Unrelated });
        }
        let is_older = self.replaced().any(|it| it.is_named_by(origin));
        if let (Origin::Request(_), Some(update), false) = (origin, self.sole_update(cx), is_older) {
            cx.prove(update.is_same_update(), None);
            self.confirm_update(&update, Some((origin, report)), cx);
            return Ok(());
        }
        let is_failed = |it: &FailedCharge| it.session().is_none();
        if matches!(origin, Origin::Failed(_)) && self.charge.failure().is_some_and(is_failed) {
            self.repaired(origin, report, cx);
            return Ok(());
        }
        let replaced = |it: &PendingChange| is_unnamed(it) || it.is_named_by(origin);
        if may_name_origin(of_request, cx) || (of_request && self.replaced().any(replaced)) {
            return Err(IgnoredReason::Early);
        }
        if of_request && self.is_one(is_unnamed) {
            self.customer_acted(Some(origin), report, is_unnamed, cx);
            return Ok(());
        }
        match origin {
            Origin::Failed(id) if self.charge.name_repaired(id, &mut self.history) => Ok(()),
            _ => Err(IgnoredReason::Unrelated),
        }
    }

    /// Settles a webhook without an origin. It is found by the token, and settles the only change without an id.
    fn settle_by_token(&mut self, report: TokenReport<'_>, ours: bool, cx: &mut Cx<'_>) -> Applied {
        let by_token = ours || self.token.payment_token() == Some(report.token);
        if !by_token || cx.sent(Call::is_update) || !self.is_one(is_unnamed) {
            return Err(IgnoredReason::Unrelated);
        }
        self.customer_acted(None, report, is_unnamed, cx);
        Ok(())
    }

    /// Whether exactly one change matches. Of two, nothing shows which one the webhook is about.
    fn is_one(&self, which: impl Fn(&PendingChange) -> bool) -> bool {
        self.pending().filter(|it| which(it)).count() == 1
    }

    /// Adopts an origin that no reply had, for a token with our key. Returns whether an attempt of ours can be its
    /// source.
    fn adopt_origin(&mut self, origin: &Origin, cx: &mut Cx<'_>) -> Result<bool, IgnoredReason> {
        match origin {
            Origin::Session(id) if cx.sent(Call::is_session) && self.charge.requested().is_some() => {
                self.bind(id.clone(), None, cx)?;
                Ok(true)
            }
            Origin::Request(id) => Ok(self.token.adopt_request(id, cx)),
            Origin::Session(_) | Origin::Failed(_) => Ok(false),
        }
    }

    /// The only update that can explain an unknown provision request: Truemed accepted it, and no other change is
    /// open. While the update can be sent again, the next reply decides.
    fn sole_update(&self, cx: &Cx<'_>) -> Option<Call> {
        let all = [(&self.items, Call::is_of_items as fn(&Call) -> bool), (&self.card, Call::is_of_card)];
        let mut open = all.into_iter().filter(|(change, _)| !change.is_settled());
        let (change, is_it): (&Change, _) = open.next().filter(|_| open.next().is_none())?;
        let other = cx.sent(|call| matches!(call, Call::CreatePaymentToken(_)));
        let update = cx.pending(is_it).filter(|it| it.held && change.is_sole() && !other && !cx.is_leased(is_it))?;
        Some(update.call.clone())
    }
}
