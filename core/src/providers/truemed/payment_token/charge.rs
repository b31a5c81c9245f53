//! Charges, and the checkout that makes a token: from the request to the end of the session.

use alloc::format;
use alloc::string::String;

use super::Context;
use super::origin::Origin;
use super::state::{Charge, Failed, PaymentToken, Word};
use crate::fact::{Because, Verdict};
use crate::flow::{Outcome, Watch};
use crate::id::{EffectId, Intent};
use crate::providers::truemed::call::Call;
use crate::providers::truemed::found::{Find, Found, Sought, Wanted};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::replies::{ChargeFailed, SessionCreated};
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{OURS_OR_NOT, Session, UNPLACED};
use crate::providers::truemed::wire::{SessionSeen, Status};

/// Whether something was settled, or why nothing was.
type Settled = Result<(), Because>;

const REPAIR: &[&str] = &["repaired", "keep_waiting"];

impl PaymentToken {
    /// The session was made.
    pub(super) fn created(&mut self, reply: SessionCreated, cx: &mut Context<'_>) -> Settled {
        let attended = matches!(&self.charge, Charge::Requested { asked, .. } if asked.attended);
        let page = reply.redirect_url.is_some();
        self.open(reply.id, reply.redirect_url, cx)?;
        cx.check(Rule::SessionRedirectUrlPresent, page || !attended).at("/redirect_url");
        Ok(())
    }

    /// A session turns out to be the one that was asked for and never answered.
    pub(super) fn bind(&mut self, id: PaymentSessionId, seen: Option<&SessionSeen>, cx: &mut Context<'_>) -> Settled {
        cx.prove(Call::is_session, Some(id.as_str()));
        self.open(id.clone(), None, cx)?;
        match seen {
            Some(seen) => self.session_stands(id.as_str(), seen, false, cx),
            None => {
                cx.look_up(Call::RetrievePaymentSession(id));
                Ok(())
            }
        }
    }

    /// The charge that is asked for has a session.
    pub(super) fn open(&mut self, id: PaymentSessionId, redirect_url: Option<String>, cx: &mut Context<'_>) -> Settled {
        let Charge::Requested { nth, asked, .. } = core::mem::take(&mut self.charge) else {
            return Err(Because::Unrelated);
        };
        cx.learn(id.as_str());
        cx.withdraw(Call::is_find);
        cx.withdraw_words(&["payment_failed", "repair_unconfirmed"], |_| true);
        cx.withdraw_word(UNPLACED, id.as_str());
        if let Some(it) = self.provisions.iter_mut().find(|it| it.nth == nth) {
            it.origin = Some(Origin::Session(id.clone()));
            it.redirect_url.clone_from(&redirect_url);
            it.watch = Watch::new(cx.now());
            it.watch(cx);
        }
        let session = Session::created(SessionCreated { id, redirect_url }, asked, cx.now());
        session.watch(cx);
        self.charge = Charge::Open { nth, session };
        self.settle_place();
        Ok(())
    }

    /// The session was not made: its intent is free, and an action of the customer that a refusal opened stays.
    pub(super) fn not_made(&mut self, of: &EffectId, cx: &mut Context<'_>) {
        cx.withdraw(Call::is_find);
        if let Charge::Requested { nth, failed, .. } = &mut self.charge {
            self.provisions.retain(|provision| provision.nth != *nth);
            self.charge = failed.take().map_or(Charge::Idle, Charge::Failed);
        }
        self.intents.settle(of.intent(), Outcome::Failed);
        self.settle_place();
    }

    /// A page of the list: it shows the session, denies it, or leaves it open.
    pub(super) fn found(&mut self, find: &Find, page: &Found, cx: &mut Context<'_>) -> Settled {
        let Charge::Requested { asked, .. } = &self.charge else { return Err(Because::Known) };
        let Some(wanted) = Wanted::of(asked, cx) else { return Err(Because::Known) };
        match find.read(page, &wanted, |id| self.closed.has_id(id.as_str())) {
            Sought::One(id, seen) => return self.bind(id, seen, cx),
            Sought::Several(all) => {
                all.iter().for_each(|id| cx.review(UNPLACED, id.as_str(), OURS_OR_NOT));
                if let Charge::Requested { asked, .. } = &mut self.charge {
                    asked.candidates = all;
                }
                cx.look_again(Call::is_session);
            }
            Sought::Next(next) => cx.look_up(next),
            Sought::Unclear => cx.look_again(Call::is_session),
            Sought::None => {
                if let Some((id, _)) = cx.deny(Call::is_session) {
                    self.not_made(&id, cx);
                }
            }
        }
        Ok(())
    }

    /// A refusal sends the customer to a page; `over` is whether no other sending may have come true.
    pub(super) fn failed(
        &mut self,
        of: EffectId,
        reply: ChargeFailed,
        code: Option<String>,
        over: bool,
        cx: &mut Context<'_>,
    ) -> Settled {
        let Charge::Requested { nth, asked, failed: before } = &self.charge else { return Err(Because::Unrelated) };
        let (nth, intent, action) = (*nth, asked.intent.clone(), reply.next_action());
        let session = reply.session().cloned();
        // A webhook that came meanwhile is found by the token where the reply names no session.
        let token = self.token.as_ref().map(|token| token.as_str());
        if let Some(id) = session.as_ref().map(PaymentSessionId::as_str).or(token) {
            cx.learn(id);
        }
        let url = reply.redirect_url;
        let subject = session.as_ref().map_or(of.as_str(), PaymentSessionId::as_str);
        match before {
            // Another page than the customer was told of is another notice.
            Some(it) if it.redirect_url != url => {
                let turn = it.turn.saturating_add(1);
                cx.withdraw_words(&["payment_failed"], |_| true);
                cx.notify("payment_failed", &format!("{subject}:{turn}"), url.as_deref());
            }
            Some(_) => {}
            None => cx.notify("payment_failed", subject, url.as_deref()),
        }
        let turn = before.as_ref().map_or(0, |it| it.turn.saturating_add(u32::from(it.redirect_url != url)));
        let watch = Watch::new(cx.now());
        cx.review_on_schedule("repair_unconfirmed", of.as_str(), REPAIR, &watch);
        let failed = Failed { nth, of, intent, session, code, action, redirect_url: url, turn, watch };
        if over {
            if let Some(intent) = &failed.intent {
                self.intents.settle(intent.as_str(), Outcome::Failed);
            }
            cx.withdraw(Call::is_find);
            self.charge = Charge::Failed(failed);
        } else if let Charge::Requested { failed: open, .. } = &mut self.charge {
            *open = Some(failed);
        }
        Ok(())
    }

    /// The customer's action that a refused charge opened.
    pub(super) const fn failure(&self) -> Option<&Failed> {
        match &self.charge {
            Charge::Failed(failed) => Some(failed),
            Charge::Requested { failed, .. } => failed.as_ref(),
            _ => None,
        }
    }

    /// A person wants to wait on for a repair.
    pub(super) fn wait_for_repair(&mut self, cx: &mut Context<'_>) {
        let (Charge::Failed(failed) | Charge::Requested { failed: Some(failed), .. }) = &mut self.charge else {
            return;
        };
        failed.watch = Watch::new(cx.now());
        cx.review_on_schedule("repair_unconfirmed", failed.of.as_str(), REPAIR, &failed.watch);
    }

    /// The customer has done what a failed charge asked for: Truemed says so and names its session, or the card or the
    /// survey was settled. Only the former ends a request of which another sending may have come true.
    pub(super) fn repaired(&mut self, by: Option<(&Origin, Word<'_>)>, cx: &mut Context<'_>) {
        let failed = match &mut self.charge {
            Charge::Failed(failed) => failed.clone(),
            Charge::Requested { failed: open @ Some(_), .. } => match (open.take(), by) {
                (Some(failed), Some(_)) => failed,
                (_, _) => return cx.withdraw_words(&["payment_failed", "repair_unconfirmed"], |_| true),
            },
            _ => return,
        };
        if matches!(self.charge, Charge::Requested { .. }) {
            // A reply that still names a session says that another one was made.
            cx.prove(Call::is_session, by.map(|(origin, _)| origin.id()));
            cx.withdraw(Call::is_find);
            self.intents.settle(failed.of.intent(), Outcome::Failed);
        }
        let mut session = failed.session;
        if let Some((origin, word)) = by {
            self.take_token(failed.nth, word, cx);
            session = PaymentSessionId::parse(origin.id()).ok();
        }
        cx.withdraw_words(&["payment_failed", "repair_unconfirmed"], |_| true);
        if let Some(id) = &session {
            self.closed.add_failed(failed.nth, id.clone(), failed.intent.clone());
        }
        self.charge = Charge::Repaired { nth: failed.nth, intent: failed.intent, session, since: cx.now() };
    }

    /// A session is said to stand somewhere: the open one, or one that is over and turns out otherwise.
    pub(super) fn session_stands(
        &mut self,
        id: &str,
        seen: &SessionSeen,
        by_look_up: bool,
        cx: &mut Context<'_>,
    ) -> Settled {
        if let Charge::Open { session, .. } = &mut self.charge
            && session.id.as_str() == id
        {
            session.see(seen, by_look_up, cx);
            session.watch(cx);
            self.close_session(cx);
            return Ok(());
        }
        if let Some((before, intent)) = self.closed.contradict(id, &seen.status) {
            self.turned_out(id, (&before, &seen.status), intent.as_ref(), cx);
            return Ok(());
        }
        if seen.status == Status::Captured && self.failure_is_paid(id, cx) {
            return Ok(());
        }
        Err(if self.closed.has_id(id) { Because::Known } else { Because::Unrelated })
    }

    /// The open session leaves the way to the next charge, once it is over.
    fn close_session(&mut self, cx: &mut Context<'_>) {
        let Charge::Open { nth, session } = &self.charge else { return };
        if !session.is_over() {
            return;
        }
        let outcome = if session.status == Status::Captured { Outcome::Done } else { Outcome::Failed };
        if let Some(intent) = session.asked.as_ref().and_then(|it| it.intent.as_ref()) {
            self.intents.settle(intent.as_str(), outcome);
        }
        self.closed.add_session(*nth, session);
        self.charge = Charge::Idle;
        // The wait for the token that it makes goes on.
        self.provisions.iter().filter(|it| matches!(it.origin, Some(Origin::Session(_)))).for_each(|it| it.watch(cx));
    }

    /// A session that is over, or waited for no longer, stands otherwise than it was taken for.
    fn turned_out(
        &mut self,
        id: &str,
        (before, now): (&Status, &Status),
        intent: Option<&Intent>,
        cx: &mut Context<'_>,
    ) {
        if before.is_final() {
            cx.review("contradiction", id, &["seen"]);
        }
        if *now == Status::Captured && *before != Status::Captured {
            cx.withdraw_words(&["rejected"], |of| of == id);
            cx.fulfill(id);
            self.paid_after_all(intent, cx);
        } else if let (false, Some(intent)) = (before.is_final(), intent) {
            self.intents.settle(intent.as_str(), Outcome::Failed);
            if *now == Status::Rejected {
                cx.notify("rejected", id, None);
            }
        }
    }

    /// The session of a charge that failed is captured: it is paid, and not asked for again.
    fn failure_is_paid(&mut self, id: &str, cx: &mut Context<'_>) -> bool {
        let is_it = |session: &Option<PaymentSessionId>| session.as_ref().is_some_and(|it| it.as_str() == id);
        if let Some(failed) = self.failure().filter(|it| is_it(&it.session)) {
            let (nth, intent) = (failed.nth, failed.intent.clone());
            if matches!(self.charge, Charge::Requested { .. }) {
                cx.prove(Call::is_session, Some(id));
                cx.withdraw(Call::is_find);
            }
            cx.withdraw_words(&["payment_failed", "repair_unconfirmed"], |_| true);
            self.charge = Charge::Idle;
            if let Ok(id) = PaymentSessionId::parse(id) {
                self.closed.add_judged(nth, id);
            }
            cx.fulfill(id);
            self.paid_after_all(intent.as_ref(), cx);
            return true;
        }
        let Some(intent) = self.closed.pay_failed(id) else { return false };
        cx.fulfill(id);
        match &self.charge {
            Charge::Repaired { session, .. } if is_it(session) => self.charge = Charge::Idle,
            // It has been asked for again since, and may be paid twice.
            _ => cx.review("contradiction", id, &["seen"]),
        }
        self.paid_after_all(intent.as_ref(), cx);
        true
    }

    /// A charge that was taken for failed is paid: it is not asked for again, and a new try that is not sent is dropped.
    fn paid_after_all(&mut self, intent: Option<&Intent>, cx: &mut Context<'_>) {
        let Some(intent) = intent else { return };
        self.intents.settle(intent.as_str(), Outcome::Done);
        let again = |call: &Call| matches!(call, Call::CreatePaymentSession(it) if it.intent.as_ref() == Some(intent));
        if matches!(self.charge, Charge::Requested { .. }) && cx.owed(again).is_some_and(|it| !it.sent) {
            cx.withdraw(again);
            self.charge = Charge::Idle;
        }
    }

    /// A look-up of the open session was answered: the schedule goes on, and what it echoes is held against what was given.
    pub(super) fn look_at_session(&mut self, id: &PaymentSessionId, seen: &SessionSeen, cx: &mut Context<'_>) {
        if let Charge::Open { session, .. } = &mut self.charge
            && session.id == *id
        {
            session.looked(cx.begun_at());
            session.check_echo(seen, cx);
        }
    }

    /// Truemed finds no such session: a person is asked where it is.
    pub(super) fn session_not_found(&mut self, id: &PaymentSessionId, cx: &mut Context<'_>) {
        if let Charge::Open { session, .. } = &mut self.charge
            && session.id == *id
        {
            session.is_not_found(cx);
        }
    }

    /// What a person says of the open session. One that is waited for no longer stands in no other charge's way, and
    /// its own intent stays taken.
    pub(super) fn session_is_judged(&mut self, of: &str, verdict: &Verdict, cx: &mut Context<'_>) {
        let Charge::Open { nth, session } = &mut self.charge else { return };
        if session.id.as_str() != of {
            return;
        }
        let over = session.judged(verdict, cx);
        for it in &mut self.provisions {
            if let Some(Origin::Session(id)) = &mut it.origin
                && id.as_str() == of
            {
                *id = session.id.clone();
            }
        }
        if session.is_over() {
            self.close_session(cx);
        } else if over {
            self.closed.add_session(*nth, session);
            self.charge = Charge::Idle;
        }
    }

    /// A person says whose a payment is.
    pub(super) fn payment_is_placed(&mut self, of: &str, ours: bool, cx: &mut Context<'_>) -> Settled {
        let id = PaymentSessionId::parse(of).map_err(|_| Because::Unrelated)?;
        if let Charge::Requested { asked, .. } = &mut self.charge
            && asked.candidates.contains(&id)
        {
            asked.candidates.retain(|it| *it != id);
            if ours {
                return self.bind(id, None, cx);
            }
        } else if ours && !self.closed.has_id(of) {
            cx.fulfill(of);
        }
        self.closed.add_judged(self.requests, id);
        Ok(())
    }
}
