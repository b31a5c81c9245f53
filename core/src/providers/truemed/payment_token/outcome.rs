//! What becomes of our requests: a reply, a refusal, nothing, or what a person says.

use super::across::Settled;
use super::event::{Event, Trigger};
use super::token::StoredToken;
use super::{Cx, PaymentToken, TokenState};
use crate::fact::IgnoredReason;
use crate::id::EffectId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::ids::{PaymentSessionId, Token};
use crate::providers::truemed::names::{Review, Verdict};

impl PaymentToken {
    /// A reply proves the success of a request, or a lookup shows something.
    pub(super) fn answered(
        &mut self,
        id: &EffectId,
        call: &Call,
        event: Event,
        cx: &mut Cx<'_>,
    ) -> Result<Trigger, IgnoredReason> {
        Ok(match (event, call) {
            (Event::TokenRequested(reply), _) => {
                self.token.requested(reply, cx);
                Trigger::TokenRequested
            }
            (Event::SessionCreated(reply), _) => {
                self.created(reply, cx)?;
                Trigger::SessionCreated
            }
            (Event::SessionFound(page), Call::FindPaymentSession(find)) => {
                self.found(find, &page, cx)?;
                Trigger::SessionFound
            }
            (Event::UpdateAnswered(reply), _) => {
                self.updated((id, call), reply, cx)?;
                Trigger::UpdateAnswered
            }
            (Event::ProvisionRetrieved(reply), Call::RetrieveProvisionTokenRequest(request)) => {
                self.provision_shown(request, &reply, cx)?;
                Trigger::Found
            }
            (Event::TokenRetrieved(reply), _) => {
                self.token.shown(&reply, cx);
                Trigger::Found
            }
            (Event::SessionSeen(seen), Call::RetrievePaymentSession(session)) => {
                self.charge.looked_up(session, &seen, cx);
                self.session_stands(session.as_str(), &seen, true, cx)?;
                Trigger::SessionComplete
            }
            (Event::Deleted, _) => {
                self.deleted(cx);
                Trigger::TokenDeleted
            }
            _ => return Err(IgnoredReason::Unrelated),
        })
    }

    /// Every sending of a request was refused: it is over. Of a lookup: there is no such thing.
    pub(super) fn refused(&mut self, id: &EffectId, call: &Call, (status, code): (u16, Option<&str>), cx: &mut Cx<'_>) {
        match call {
            Call::CreatePaymentToken(_) => self.token.not_requested(self.charge.requested()),
            Call::CreatePaymentSession(command) => {
                self.not_made(id, cx);
                look_at_token(command.payment_token.as_ref(), code, cx);
            }
            Call::UpdatePaymentToken(..) => {
                self.update_is_not_made(call, cx);
                if status == 404 {
                    StoredToken::ask_where_it_is(cx);
                }
            }
            Call::RetrievePaymentToken(token) => self.token_not_found(token, cx),
            Call::RetrievePaymentSession(session) => self.charge.not_found(session, cx),
            Call::DeletePaymentToken(_) if status == 404 => StoredToken::ask_where_it_is(cx),
            Call::DeletePaymentToken(_) => self.token.not_deleted(),
            _ => {}
        }
    }

    /// One sending was refused while another may have come true.
    pub(super) fn refused_once(&mut self, call: &Call, (status, code): (u16, Option<&str>), cx: &mut Cx<'_>) {
        match call {
            // What is not there any more is deleted, by whichever sending.
            Call::DeletePaymentToken(_) if status == 404 => {
                cx.prove(super::token::is_delete, None);
                self.deleted(cx);
            }
            Call::UpdatePaymentToken(..) if status == 404 => StoredToken::ask_where_it_is(cx),
            Call::CreatePaymentSession(command) => look_at_token(command.payment_token.as_ref(), code, cx),
            _ => {}
        }
    }

    /// Nothing came of any sending: a request that has become moot goes.
    pub(super) fn not_sent(&mut self, id: &EffectId, call: &Call, cx: &mut Cx<'_>) {
        match call {
            Call::CreatePaymentToken(_) => self.token.not_sent(self.charge.requested(), cx),
            Call::CreatePaymentSession(command) if command.is_charge() && self.token.is(TokenState::Deleted) => {
                cx.withdraw(Call::is_session);
                self.not_made(id, cx);
            }
            Call::CreatePaymentSession(_) => self.drop_stale_charge(cx),
            _ => {}
        }
    }

    /// A person says what has become of a request, or gives it up. A verdict that names a session says that it was made.
    pub(super) fn resolved(
        &mut self,
        id: &EffectId,
        call: &Call,
        (verdict, named): (Option<Verdict>, Option<&str>),
        cx: &mut Cx<'_>,
    ) -> Settled {
        match (call, verdict) {
            (Call::CreatePaymentToken(_), _) => self.token.not_requested(self.charge.requested()),
            (Call::CreatePaymentSession(_), _) => match named {
                Some(named) => {
                    let session = PaymentSessionId::parse(named).map_err(|_| IgnoredReason::Unrelated)?;
                    self.bind(session, None, cx)?;
                }
                None => self.not_made(id, cx),
            },
            (Call::UpdatePaymentToken(..), Some(Verdict::Confirmed)) => self.update_is_made(call, None, cx),
            (Call::UpdatePaymentToken(..), _) => self.update_is_not_made(call, cx),
            (Call::DeletePaymentToken(_), Some(Verdict::Deleted)) => self.deleted(cx),
            (Call::DeletePaymentToken(_), _) => self.token.not_deleted(),
            (Call::RetrievePaymentToken(_), _) => self.token.not_adopted(),
            _ => {}
        }
        Ok(())
    }

    /// A person answers a question.
    pub(super) fn reviewed(
        &mut self,
        (review, about): (Review, &str),
        (verdict, named): (Verdict, Option<&str>),
        cx: &mut Cx<'_>,
    ) -> Settled {
        match (review, verdict) {
            (Review::ChangeUnconfirmed | Review::UpdateUnknown, verdict) => self.change_is_judged(about, verdict, cx),
            (Review::RepairUnconfirmed, Verdict::Repaired) => {
                self.charge.repaired(None, &mut self.history, cx);
            }
            (Review::RepairUnconfirmed, _) => self.charge.wait_for_repair(cx),
            (Review::TokenNotFound, Verdict::Deleted) => self.deleted(cx),
            (Review::TokenNotFound, _) => self.token.kept(cx),
            // The money is only held: what becomes of it comes as another status of the session.
            (Review::Unplaced, Verdict::Seen) => {}
            (Review::Unplaced, verdict) => {
                let id = PaymentSessionId::parse(about).map_err(|_| IgnoredReason::Unrelated)?;
                if self.charge.placed(&id, verdict == Verdict::Ours, &mut self.history, cx) {
                    self.bind(id, None, cx)?;
                }
            }
            (Review::MadeAfterAll, Verdict::Ours) => cx.fulfill(about),
            (Review::MadeAfterAll | Review::MadeTwice | Review::Contradiction, _) => {}
            (Review::NoSignal | Review::UnknownStatus | Review::NotFound | Review::CapturedOtherAmount, verdict) => {
                self.wait_is_judged(about, (verdict, named), cx)
            }
            // What a person says of a request comes as its outcome.
            (
                Review::CreateUnknown
                | Review::CaptureUnknown
                | Review::VoidUnknown
                | Review::CancelUnknown
                | Review::RefundUnknown
                | Review::DeleteUnknown,
                _,
            ) => return Err(IgnoredReason::Unrelated),
        }
        Ok(())
    }

    /// What a person says of a wait for a token or for a session.
    fn wait_is_judged(&mut self, about: &str, (verdict, named): (Verdict, Option<&str>), cx: &mut Cx<'_>) {
        self.token.wait_is_judged(about, verdict, cx.now());
        if let Some(id) = self.charge.session_judged(about, (verdict, named), &mut self.history, cx) {
            self.token.session_renamed(about, &id);
        }
        self.token.watch_provisions(cx);
    }
}

/// A charge that does not find its token: the token itself is looked at.
fn look_at_token(token: Option<&Token>, code: Option<&str>, cx: &mut Cx<'_>) {
    if let Some(token) = token.filter(|_| code == Some("NotFound")) {
        cx.look_up(Call::RetrievePaymentToken(token.clone()));
    }
}
