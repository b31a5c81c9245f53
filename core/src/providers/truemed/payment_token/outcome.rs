//! The outcome of our requests: a reply, a refusal, nothing, or a person's verdict.

use super::across::Applied;
use super::event::{Event, Trigger};
use super::token::StoredToken;
use super::{Cx, PaymentToken, TokenState};
use crate::fact::IgnoredReason;
use crate::flow::Cause;
use crate::id::EffectId;
use crate::id::TypedId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::ids::{PaymentSessionId, Token};
use crate::providers::truemed::names::{Review, Verdict};

impl PaymentToken {
    /// A reply proves that a request succeeded, or answers a lookup.
    pub(super) fn on_reply(
        &mut self,
        id: &EffectId,
        call: &Call,
        event: Event,
        cx: &mut Cx<'_>,
    ) -> Result<Trigger, IgnoredReason> {
        Ok(match (event, call) {
            (Event::TokenRequested(reply), _) => {
                self.token.on_requested(reply, cx);
                Trigger::TokenRequested
            }
            (Event::SessionCreated(reply), _) => {
                self.on_session_created(reply, cx)?;
                Trigger::SessionCreated
            }
            (Event::SessionPage(page), Call::FindPaymentSession(find)) => {
                self.on_session_page(find, &page, cx)?;
                Trigger::SessionFound
            }
            (Event::UpdateReply(reply), _) => {
                self.on_update_reply((id, call), reply, cx)?;
                Trigger::UpdateAnswered
            }
            (Event::ProvisionRetrieved(reply), Call::RetrieveProvisionTokenRequest(request)) => {
                self.on_provision_lookup(request, &reply, cx)?;
                Trigger::Found
            }
            (Event::TokenRetrieved(reply), _) => {
                if self.token.on_lookup(&reply, cx) {
                    self.drop_stale_charge(cx);
                }
                Trigger::Found
            }
            (Event::SessionRetrieved(report), Call::RetrievePaymentSession(session)) => {
                self.charge.on_lookup(session, &report, cx);
                self.on_session_report(session.as_str(), &report, true, cx)?;
                Trigger::SessionComplete
            }
            (Event::Deleted, _) => {
                self.deleted(cx);
                Trigger::TokenDeleted
            }
            _ => return Err(IgnoredReason::Unrelated),
        })
    }

    /// Truemed refused every sending, so the request is over. A refused lookup means that there is no such thing.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, (status, code): (u16, Option<&str>), cx: &mut Cx<'_>) {
        match call {
            Call::CreatePaymentToken(_) => self.token.not_requested(self.charge.requested_seq()),
            Call::CreatePaymentSession(command) => {
                self.not_made(id, Cause::Refused, cx);
                look_at_token(command.payment_token.as_ref(), code, cx);
            }
            Call::UpdatePaymentToken(..) => {
                self.drop_update(call, cx);
                if status == 404 {
                    StoredToken::ask_where_it_is(cx);
                }
            }
            Call::RetrievePaymentToken(token) => self.token_not_found(token, cx),
            Call::RetrievePaymentSession(session) => self.charge.not_found(session, cx),
            Call::DeletePaymentToken(_) if status == 404 => StoredToken::ask_where_it_is(cx),
            Call::DeletePaymentToken(_) => {
                self.token.not_deleted();
                StoredToken::tell_of_refusal(cx);
            }
            _ => {}
        }
    }

    /// Truemed refused one sending, and may have carried out another.
    pub(super) fn refused_once(&mut self, call: &Call, (status, code): (u16, Option<&str>), cx: &mut Cx<'_>) {
        match call {
            // A token that is not found is deleted, by one of the sendings.
            Call::DeletePaymentToken(_) if status == 404 => {
                cx.prove(super::token::is_delete, None);
                self.deleted(cx);
            }
            Call::UpdatePaymentToken(..) if status == 404 => StoredToken::ask_where_it_is(cx),
            Call::CreatePaymentSession(command) => {
                self.charge.refused_once(cx);
                look_at_token(command.payment_token.as_ref(), code, cx);
            }
            _ => {}
        }
    }

    /// No sending reached Truemed. A request that nobody needs any more is dropped.
    pub(super) fn not_sent(&mut self, id: &EffectId, call: &Call, cx: &mut Cx<'_>) {
        match call {
            Call::CreatePaymentToken(_) => self.token.not_sent(self.charge.requested_seq(), cx),
            Call::CreatePaymentSession(command)
                if command.is_charge() && (self.token.is(TokenState::Deleted) || is_given_up(cx)) =>
            {
                let why = if self.token.is_of_other(call) { OTHER_TOKEN } else { UNWANTED };
                let _ = cx.drop_unsent(Call::is_session, why);
                self.not_made(id, Cause::Dropped, cx);
            }
            Call::CreatePaymentSession(_) => self.drop_stale_charge(cx),
            _ => {}
        }
    }

    /// A person decided what became of a request, or gave it up. An id in the verdict says that Truemed made the
    /// session.
    pub(super) fn resolved(
        &mut self,
        id: &EffectId,
        call: &Call,
        (verdict, named): (Option<Verdict>, Option<&str>),
        cx: &mut Cx<'_>,
    ) -> Applied {
        match (call, verdict) {
            (Call::CreatePaymentToken(_), _) => self.token.not_requested(self.charge.requested_seq()),
            (Call::CreatePaymentSession(_), _) => match named {
                Some(named) => {
                    let session = PaymentSessionId::parse(named).map_err(|_| IgnoredReason::Unrelated)?;
                    self.bind(session, None, cx)?;
                }
                None => self.not_made(id, Cause::Reviewed, cx),
            },
            (Call::UpdatePaymentToken(..), Some(Verdict::Confirmed)) => self.confirm_update(call, None, cx),
            (Call::UpdatePaymentToken(..), _) => self.drop_update(call, cx),
            (Call::DeletePaymentToken(_), Some(Verdict::Deleted)) => self.deleted(cx),
            (Call::DeletePaymentToken(_), Some(Verdict::Keep)) => self.token.not_deleted(),
            (Call::DeletePaymentToken(_), _) => {
                self.token.not_deleted();
                StoredToken::tell_of_refusal(cx);
            }
            (Call::RetrievePaymentToken(token), _) => {
                self.token.not_adopted();
                self.token.named_not_shown(token, cx);
            }
            _ => {}
        }
        Ok(())
    }

    /// A person gave a verdict.
    pub(super) fn reviewed(
        &mut self,
        (review, about): (Review, &str),
        (verdict, named): (Verdict, Option<&str>),
        cx: &mut Cx<'_>,
    ) -> Applied {
        match (review, verdict) {
            (Review::ChangeUnconfirmed | Review::UpdateUnknown, verdict) => self.change_reviewed(about, verdict, cx),
            (Review::RepairUnconfirmed, Verdict::Repaired) => {
                self.charge.repaired(None, &mut self.history, cx);
            }
            (Review::RepairUnconfirmed, _) => self.charge.wait_for_repair(cx),
            (Review::TwoTokens, Verdict::Issued) => {
                if let Some(token) = named.and_then(|id| Token::parse(id).ok()) {
                    self.token.choose(&token, cx);
                    self.drop_stale_charge(cx);
                }
            }
            (Review::TwoTokens | Review::TokenNotFound, Verdict::Deleted) => self.deleted(cx),
            (Review::TwoTokens, _) => {}
            (Review::TokenNotFound, _) => self.token.kept(cx),
            // The money is only held. Truemed reports what becomes of it as another status of the session.
            (Review::Unplaced, Verdict::Seen) => {}
            (Review::Unplaced, verdict) => {
                let id = PaymentSessionId::parse(about).map_err(|_| IgnoredReason::Unrelated)?;
                if self.charge.payment_reviewed(&id, verdict == Verdict::Ours, &mut self.history, cx) {
                    self.bind(id, None, cx)?;
                }
            }
            (Review::ChargeBeforeRestore, _) => match named.and_then(|id| PaymentSessionId::parse(id).ok()) {
                Some(id) => self.bind(id, None, cx)?,
                None => self.charge.not_made_before(cx),
            },
            (Review::MadeAfterAll, Verdict::Ours) | (Review::RefundedUndelivered, Verdict::Fulfill) => {
                cx.fulfill(TypedId::new("payment_session", about));
            }
            (Review::MadeAfterAll | Review::RefundedUndelivered, _) => {}
            (Review::MadeTwice | Review::Contradiction | Review::Disputed, _) => {}
            (Review::NoSignal | Review::UnknownStatus | Review::NotFound | Review::CapturedOtherAmount, verdict) => {
                self.wait_reviewed(about, (verdict, named), cx)
            }
            // A verdict on a request comes as `Input::Resolved`.
            (
                Review::CreateUnknown
                | Review::CaptureUnknown
                | Review::VoidUnknown
                | Review::CancelUnknown
                | Review::RefundUnknown
                | Review::RefundBeforeRestore
                | Review::DeleteUnknown,
                _,
            ) => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// A person gave a verdict on the wait for a token or for a session.
    fn wait_reviewed(&mut self, about: &str, (verdict, named): (Verdict, Option<&str>), cx: &mut Cx<'_>) {
        self.token.wait_reviewed(about, verdict, cx.now());
        if let Some(id) = self.charge.session_reviewed(about, (verdict, named), &mut self.history, cx) {
            self.token.session_renamed(about, &id);
        }
        self.token.schedule_provisions(cx);
    }
}

/// Why a charge is dropped once the host wants its token to be deleted.
const UNWANTED: &str = "The host has requested the deletion of its token.";

/// Why a charge is dropped once a person says that another token counts.
const OTHER_TOKEN: &str = "A person has said that another token counts.";

/// Whether the pending charge is not sent any more, because the host has requested the deletion of the token.
fn is_given_up(cx: &Cx<'_>) -> bool {
    cx.pending(Call::is_session).is_some_and(|it| it.given_up)
}

/// Looks up the token after a charge that did not find it.
fn look_at_token(token: Option<&Token>, code: Option<&str>, cx: &mut Cx<'_>) {
    if let Some(token) = token.filter(|_| code == Some("NotFound")) {
        cx.look_up(Call::RetrievePaymentToken(token.clone()));
    }
}
