//! What replies, webhooks and persons say of sessions, and what follows.

use alloc::boxed::Box;

use super::ownership::{Ours, is_create};
use super::session::{Session, check_response};
use super::{Evidence, Sessions, Settled};
use crate::fact::IgnoredReason;
use crate::flow::Cx;
use crate::providers::flex::Flex;
use crate::providers::flex::api::calls::{Call, RETRIEVE_SESSION};
use crate::providers::flex::api::objects::{SessionSeen, Status};
use crate::providers::flex::api::session_request::Mode;
use crate::providers::flex::ids::CheckoutSessionId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::rules::Rule;
use crate::rule::{CoreRule, UnblockedBy};

impl Sessions {
    /// The session that answers our request: by its reply, by its lookup, or by a webhook that echoes our reference.
    pub(crate) fn created<F: Flex>(
        &mut self,
        seen: &SessionSeen,
        evidence: Evidence,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let Some(requested) = self.requested.take() else { return Err(IgnoredReason::Unrelated) };
        let reference = self.reference.clone().unwrap_or_default();
        let session = requested.answered_by(seen, &reference, cx);
        self.answered = Some(Box::new(requested));
        // Where a reply has proved it, the request is over already.
        cx.prove(is_create, Some(seen.checkout_session_id.as_str()));
        self.adopting = None;
        self.add(session, cx);
        Ok(self.note(seen, evidence, cx))
    }

    /// The reply to the lookup of a session.
    pub(crate) fn shown<F: Flex>(&mut self, seen: &SessionSeen, cx: &mut Cx<'_, F>) -> Result<Settled, IgnoredReason> {
        let id = &seen.checkout_session_id;
        if self.adopting.as_ref() == Some(id) {
            return self.adopted(seen, Evidence::Reply, cx);
        }
        match self.find_mut(id) {
            None => Err(IgnoredReason::Unrelated),
            Some(session) => {
                session.watch.looked(cx.leased_at());
                Ok(self.note(seen, Evidence::Reply, cx))
            }
        }
    }

    /// The session that is looked for is there.
    fn adopted<F: Flex>(
        &mut self,
        seen: &SessionSeen,
        evidence: Evidence,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let id = &seen.checkout_session_id;
        cx.withdraw_review(Review::NotFound, id.as_str());
        if self.requested.is_some() {
            return self.created(seen, evidence, cx);
        }
        self.adopting = None;
        let other = seen.mode.as_ref().is_some_and(|mode| (*mode == Mode::Subscription) != F::SUBSCRIBES);
        let until = UnblockedBy::action_of(F::OTHER, RETRIEVE_SESSION.name);
        cx.check(CoreRule::OtherFlow, !other).at("/checkout_session/mode").unblocked_by(until);
        let of_mode = seen.test_mode.is_of(cx.settings(), None);
        cx.check(Rule::CheckoutModeMatches, of_mode).at("/checkout_session/test_mode");
        if other || !of_mode {
            return Ok(None);
        }
        self.add(Session { sound: true, ..Session::new(id.clone(), cx.now()) }, cx);
        if let Some(session) = self.find_mut(id).filter(|_| evidence == Evidence::Reply) {
            session.watch.looked(cx.leased_at());
        }
        Ok(self.note(seen, evidence, cx))
    }

    /// Takes in what a session says. One that is complete settles the purchase, unless another has.
    pub(super) fn note<F: Flex>(&mut self, seen: &SessionSeen, evidence: Evidence, cx: &mut Cx<'_, F>) -> Settled {
        check_response(seen, cx);
        let session = self.find_mut(&seen.checkout_session_id)?;
        session.describe(seen, cx);
        if evidence == Evidence::Reply {
            session.note_unlisted(seen.status.as_ref(), cx);
        }
        let before = session.status.clone();
        let complete = seen.status == Some(Status::Complete);
        if complete && F::SUBSCRIBES && seen.subscription_ids().next().is_none() && before != Status::Complete {
            // It is paid, and only the session says which subscription it made.
            session.plan_lookup(cx);
            if evidence == Evidence::Webhook {
                cx.look_up(Call::RetrieveCheckoutSession(session.id.clone()));
            }
            return None;
        }
        if let Some(status) = &seen.status {
            session.advance(status, cx);
        }
        session.plan_lookup(cx);
        if session.status != Status::Complete || before == Status::Complete {
            return None;
        }
        let id = session.id.clone();
        if F::SUBSCRIBES {
            ask_about_several(seen, cx);
        }
        self.settle(&id, cx)
    }

    /// A session has been paid: it settles the purchase, unless another has.
    pub(super) fn settle<F: Flex>(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_, F>) -> Settled {
        if self.settled.is_some() {
            cx.ask(Review::SecondPayment, id.as_str());
            return None;
        }
        let session = self.find(id).cloned()?;
        self.settled = Some(id.clone());
        if self.requested.is_some() {
            // A request that was not sent need not be made any more.
            cx.withdraw_unsent(is_create);
            if cx.pending(is_create).is_none() && self.adopting.is_none() {
                self.requested = None;
            }
        }
        Some(Box::new(session))
    }

    /// A webhook about a session; `completed` is what its name says.
    pub(crate) fn signaled<F: Flex>(
        &mut self,
        seen: &SessionSeen,
        completed: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let id = &seen.checkout_session_id;
        seen.test_mode.admit(self.find(id).or(self.current()).and_then(|it| it.test_mode), cx)?;
        let Some(session) = self.find(id) else { return self.unknown_signaled(seen, completed, cx) };
        match (&seen.status, completed) {
            (Some(Status::Complete), true) | (Some(Status::Expired), false) => {
                Ok(self.note(seen, Evidence::Webhook, cx))
            }
            // What is paid stays so, and its money may have moved.
            (Some(Status::Complete), false) if session.status == Status::Complete => {
                Ok(self.note(seen, Evidence::Webhook, cx))
            }
            _ if session.status.is_final() => Err(IgnoredReason::Duplicate),
            // The webhook and its session do not agree: the lookup decides.
            _ => {
                cx.look_up(Call::RetrieveCheckoutSession(id.clone()));
                Ok(None)
            }
        }
    }

    /// A webhook about a session whose id is not known: the reply to our request is still to come, or was lost.
    fn unknown_signaled<F: Flex>(
        &mut self,
        seen: &SessionSeen,
        completed: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let complete = completed && seen.status == Some(Status::Complete);
        if let Some(open) = self.open(cx) {
            match self.ours(seen, &open) {
                Ours::Surely | Ours::Likely if complete => return self.created(seen, Evidence::Webhook, cx),
                Ours::No => {}
                _ => return Err(IgnoredReason::Early),
            }
        }
        if self.adopting.as_ref() == Some(&seen.checkout_session_id) {
            if complete {
                return self.adopted(seen, Evidence::Webhook, cx);
            }
            // The lookup that adopts it is made once more: Flex has it.
            cx.look_up(Call::RetrieveCheckoutSession(seen.checkout_session_id.clone()));
            return Ok(None);
        }
        if !complete || !self.was_ours(seen, cx) {
            let waits = self.requested.is_some() && seen.client_reference_id.is_none() && seen.echo.is_none();
            return Err(if waits { IgnoredReason::Early } else { IgnoredReason::Unrelated });
        }
        let session = Session { sound: true, ..Session::new(seen.checkout_session_id.clone(), cx.now()) };
        if seen.echo.is_some() {
            // Our request has made it, and maybe another too.
            if cx.after_all(is_create, session.id.as_str(), Review::MadeAfterAll)?.is_some_and(|it| it.again.is_some())
            {
                self.requested = None;
            }
            let reference = self.reference.clone().unwrap_or_default();
            let session = match &self.answered {
                Some(requested) => requested.answered_by(seen, &reference, cx),
                None => Session { own: true, sound: false, ..session },
            };
            self.add(session, cx);
            return Ok(self.note(seen, Evidence::Webhook, cx));
        }
        // It carries our reference, and is none of those that are known: it was paid, and a person must find out by whom.
        cx.ask(Review::UnknownSession, session.id.as_str());
        if self.known.is_empty() && self.requested.is_none() {
            self.add(session, cx);
            return Ok(self.note(seen, Evidence::Webhook, cx));
        }
        let mut session = Session { status: Status::Complete, ..session };
        session.describe(seen, cx);
        session.redirect_url = None;
        cx.learn(session.id.as_str());
        self.known.insert(0, session);
        self.watch_no_more(cx);
        Ok(None)
    }

    /// A request about sessions was refused; of a lookup: there is no such session.
    pub(crate) fn refused<F: Flex>(&mut self, call: &Call, cx: &mut Cx<'_, F>) {
        match call {
            // One that a reply has named even so is looked up first.
            Call::CreateCheckoutSession(_) if self.adopting.is_none() => self.requested = None,
            Call::RetrieveCheckoutSession(id) if self.find(id).is_some() || self.adopting.as_ref() == Some(id) => {
                cx.ask(Review::NotFound, id.as_str());
                self.looked(id, cx);
            }
            _ => {}
        }
    }

    /// A lookup has proved nothing.
    pub(super) fn looked<F: Flex>(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_, F>) {
        if let Some(session) = self.find_mut(id) {
            session.watch.looked(cx.leased_at());
            session.plan_lookup(cx);
        }
    }

    /// The customer came back: a hint that a lookup may show something, and proof of nothing.
    pub(crate) fn returned<F: Flex>(&mut self, cx: &mut Cx<'_, F>) -> Result<(), IgnoredReason> {
        let open = self.settled.is_none() && self.requested.is_none();
        match self.known.last_mut().filter(|it| open && !it.status.is_final()) {
            None => Err(IgnoredReason::Unrelated),
            Some(session) => {
                session.watch.returned(cx.now());
                session.plan_lookup(cx);
                Ok(())
            }
        }
    }

    /// A person says what a session is.
    pub(crate) fn reviewed<F: Flex>(
        &mut self,
        review: Review,
        about: &str,
        verdict: Verdict,
        cx: &mut Cx<'_, F>,
    ) -> Settled {
        if let Some(id) = self.adopting.clone().filter(|id| id.as_str() == about) {
            match (review, verdict) {
                (Review::NotFound, Verdict::Keep) => self.adopt(id, cx),
                (Review::NotFound, Verdict::Ended) => self.not_adopted(cx),
                _ => {}
            }
            return None;
        }
        let session = self.known.iter_mut().find(|it| it.id.as_str() == about)?;
        if session.status.is_final() {
            return None;
        }
        match (review, verdict) {
            (Review::NoSignal, Verdict::StopWaiting) => {
                session.watch.stop();
                session.plan_lookup(cx);
            }
            (Review::NoSignal | Review::UnknownStatus, Verdict::KeepWaiting) | (Review::NotFound, Verdict::Keep) => {
                session.keep_waiting(cx);
            }
            (Review::NotFound | Review::UnknownStatus, Verdict::Ended) => session.end(Status::Expired, cx),
            (Review::UnknownStatus, Verdict::Complete) => {
                session.end(Status::Complete, cx);
                let id = session.id.clone();
                return self.settle(&id, cx);
            }
            _ => {}
        }
        None
    }
}

/// A session that has made several subscriptions counts by the first. A person is asked about the others, which go on billing.
fn ask_about_several<F: Flex>(seen: &SessionSeen, cx: &mut Cx<'_, F>) {
    if seen.subscription_ids().nth(1).is_some() {
        seen.subscription_ids().for_each(|id| cx.learn(id.as_str()));
        cx.ask(Review::SeveralSubscriptions, seen.checkout_session_id.as_str());
    }
}
