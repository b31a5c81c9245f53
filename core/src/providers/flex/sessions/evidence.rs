//! What replies, webhooks and verdicts do to the sessions.

use alloc::boxed::Box;

use super::ownership::{CreateMatch, is_create};
use super::requested::Requested;
use super::session::{Session, check_response, withdraw_action};
use super::{Evidence, Sessions, Settled, Settlement};
use crate::fact::IgnoredReason;
use crate::flow::{AfterAll, Cx};
use crate::providers::flex::Flex;
use crate::providers::flex::api::calls::{Call, RETRIEVE_SESSION};
use crate::providers::flex::api::objects::{SessionObject, Status};
use crate::providers::flex::api::session_request::{Mode, of_other_flow};
use crate::providers::flex::ids::CheckoutSessionId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::rules::Rule;
use crate::rule::{CoreRule, UnblockedBy};

impl Sessions {
    /// Adds the session that our create request has made. The evidence is the request's reply, its lookup, or a webhook
    /// that matches the request.
    pub(crate) fn add_created<F: Flex>(
        &mut self,
        object: &SessionObject,
        evidence: Evidence,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let Some(requested) = self.requested.take() else { return Err(IgnoredReason::Unrelated) };
        let reference = self.reference.clone().unwrap_or_default();
        let session = requested.check_created(object, &reference, cx);
        self.last_created = Some(Box::new(requested));
        // If the reply has proved the request, the request is over already.
        cx.prove(is_create, Some(object.checkout_session_id.as_str()));
        self.adopting = None;
        let session = match self.find(&session.id) {
            Some(known) => known.created_again(session),
            None => session,
        };
        self.add(session, cx);
        Ok(self.apply(object, evidence, cx))
    }

    /// Applies the reply to the lookup of a session.
    pub(crate) fn on_lookup<F: Flex>(
        &mut self,
        object: &SessionObject,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let id = &object.checkout_session_id;
        if self.adopting.as_ref() == Some(id) {
            return self.add_adopted(object, Evidence::Reply, cx);
        }
        match self.find_mut(id) {
            None => Err(IgnoredReason::Unrelated),
            Some(session) => {
                session.watch.looked(cx.leased_at());
                session.second_looked(cx);
                session.announced = false;
                Ok(self.apply(object, Evidence::Reply, cx))
            }
        }
    }

    /// Adds the session that the flow looked for.
    fn add_adopted<F: Flex>(
        &mut self,
        object: &SessionObject,
        evidence: Evidence,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let id = &object.checkout_session_id;
        cx.withdraw_review(Review::NotFound, id.as_str());
        let is_ours = object.echo.is_some() && self.is_from_this_flow(object, cx);
        if cx.pending(is_create).is_none() && (self.requested.is_some() || is_ours) {
            // A person has said that the request made nothing, and its session shows the opposite.
            let made = cx.after_all(is_create, id, Review::MadeAfterAll).ok().flatten();
            if self.requested.is_none() && made.is_some() {
                return Ok(self.add_earlier(made.as_ref(), object, evidence, cx));
            }
        }
        if self.requested.is_some() {
            return self.add_created(object, evidence, cx);
        }
        self.adopting = None;
        let other = object.mode.as_ref().is_some_and(|mode| (*mode == Mode::Subscription) != F::SUBSCRIBES);
        let until = UnblockedBy::action_of(F::OTHER, RETRIEVE_SESSION.name);
        let detail = || object.mode.as_ref().map(of_other_flow::<F>).unwrap_or_default();
        cx.check(CoreRule::OtherFlow, !other).at("/checkout_session/mode").unblocked_by(until).because(detail);
        let of_mode = object.test_mode.is_in_mode(cx.settings(), None);
        cx.check(Rule::CheckoutModeMatches, of_mode).at("/checkout_session/test_mode");
        if other || !of_mode {
            return Ok(None);
        }
        if self.since.is_some() && object.status == Some(Status::Complete) && self.is_from_this_flow(object, cx) {
            // The flow delivers no adopted session, but may have requested this one.
            cx.ask(Review::UnknownSession, id);
        }
        self.add(Session { sound: true, ..Session::new(id.clone(), cx.now()) }, cx);
        if let Some(session) = self.find_mut(id).filter(|_| evidence == Evidence::Reply) {
            session.watch.looked(cx.leased_at());
        }
        Ok(self.apply(object, evidence, cx))
    }

    /// Applies a session that Flex shows. A complete session settles the purchase, unless another session has.
    pub(super) fn apply<F: Flex>(&mut self, object: &SessionObject, evidence: Evidence, cx: &mut Cx<'_, F>) -> Settled {
        check_response(object, cx);
        let is_current = self.settled.is_none()
            && self.requested.is_none()
            && self.known.last().map(Session::id) == Some(&object.checkout_session_id);
        let session = self.find_mut(&object.checkout_session_id)?;
        let was_sound = session.sound;
        session.note_details(object, cx);
        if evidence == Evidence::Reply {
            session.note_unlisted(object.status.as_ref(), cx);
        }
        let before = session.status.clone();
        let complete = object.status == Some(Status::Complete);
        if complete && F::SUBSCRIBES && object.subscription_ids().next().is_none() && before != Status::Complete {
            // The session is paid, but does not name the subscription that it has created. Only a lookup can.
            session.plan_lookup(cx);
            if evidence == Evidence::Webhook {
                cx.look_up(Call::RetrieveCheckoutSession(session.id.clone()));
            }
            return None;
        }
        if let Some(status) = &object.status {
            session.advance(status, cx);
        }
        if evidence == Evidence::Reply || session.status.is_final() {
            session.note_action(object, cx);
        }
        // A repeated webhook says nothing about money that has moved since, so a lookup that is due stays due.
        if !before.is_final() || before != session.status || evidence == Evidence::Reply {
            session.plan_lookup(cx);
        }
        if is_current {
            session.ask_about_difference(cx);
        }
        let id = session.id.clone();
        if before == Status::Complete {
            session.note_second(object, cx);
            let is_doubted = session.own && was_sound && !session.sound && self.settled.as_ref() == Some(&id);
            return is_doubted.then_some(Settlement::Differs(id));
        }
        if session.status != Status::Complete {
            return None;
        }
        if F::SUBSCRIBES {
            ask_about_several(object, cx);
        }
        let settled = self.settle(&id, cx);
        self.find_mut(&id).into_iter().for_each(|it| it.note_second(object, cx));
        settled
    }

    /// A session is paid. It settles the purchase, unless another session has.
    pub(super) fn settle<F: Flex>(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_, F>) -> Settled {
        if self.settled.is_some() {
            cx.ask(Review::SecondPayment, id);
            self.find_mut(id).into_iter().for_each(|it| it.second = Some(Box::default()));
            return None;
        }
        let session = self.find(id).cloned()?;
        self.settled = Some(id.clone());
        withdraw_action(&self.known, cx);
        if self.requested.is_some() {
            // A request that was not sent is not needed any more.
            cx.withdraw_unsent(is_create);
            if cx.pending(is_create).is_none() && self.adopting.is_none() {
                self.requested = None;
            }
        }
        Some(Settlement::Paid(Box::new(session)))
    }

    /// Applies a webhook about a session. `completed` is whether the event's name says that the session was completed.
    pub(crate) fn on_webhook<F: Flex>(
        &mut self,
        object: &SessionObject,
        completed: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let id = &object.checkout_session_id;
        object.test_mode.require_mode(self.find(id).or(self.current()).and_then(|it| it.test_mode), cx)?;
        let Some(session) = self.find(id) else { return self.on_unknown_webhook(object, completed, cx) };
        match (&object.status, completed) {
            (Some(Status::Complete), true) | (Some(Status::Expired), false) => {
                Ok(self.apply(object, Evidence::Webhook, cx))
            }
            // The session stays complete, but its money may have moved.
            (Some(Status::Complete), false) if session.status == Status::Complete => {
                Ok(self.apply(object, Evidence::Webhook, cx))
            }
            // A payment can still follow an end, so an event that was completed is not an old one.
            _ if session.status == Status::Complete || (session.status.is_final() && !completed) => {
                Err(IgnoredReason::Duplicate)
            }
            // The event and its session contradict each other, so a lookup decides.
            _ => {
                cx.look_up(Call::RetrieveCheckoutSession(id.clone()));
                if let Some(session) = self.find_mut(id) {
                    session.announced |= completed;
                }
                Ok(None)
            }
        }
    }

    /// Applies a webhook about a session whose id is unknown. The reply to our request is late or was lost.
    fn on_unknown_webhook<F: Flex>(
        &mut self,
        object: &SessionObject,
        completed: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let complete = completed && object.status == Some(Status::Complete);
        if let Some(open) = self.open_create(cx) {
            match self.match_create(object, &open) {
                CreateMatch::Certain | CreateMatch::Likely if complete => {
                    return self.add_created(object, Evidence::Webhook, cx);
                }
                CreateMatch::No => {}
                _ => return Err(IgnoredReason::Early),
            }
        }
        if self.adopting.as_ref() == Some(&object.checkout_session_id) {
            if complete {
                return self.add_adopted(object, Evidence::Webhook, cx);
            }
            // Flex knows the session, so the lookup that adopts it is repeated.
            cx.look_up(Call::RetrieveCheckoutSession(object.checkout_session_id.clone()));
            return Ok(None);
        }
        if !complete || !self.is_from_this_flow(object, cx) {
            let waits = self.requested.is_some() && object.client_reference_id.is_none() && object.echo.is_none();
            return Err(if waits { IgnoredReason::Early } else { IgnoredReason::Unrelated });
        }
        match object.echo {
            Some(_) => self.add_created_again(object, cx),
            None => Ok(self.add_unexplained(object, cx)),
        }
    }

    /// Adds a paid session that returns a key of ours. A request that is over has created it, and maybe another one
    /// too.
    fn add_created_again<F: Flex>(
        &mut self,
        object: &SessionObject,
        cx: &mut Cx<'_, F>,
    ) -> Result<Settled, IgnoredReason> {
        let made = cx.after_all(is_create, &object.checkout_session_id, Review::MadeAfterAll)?;
        if made.as_ref().is_some_and(|made| made.again.is_some()) {
            self.requested = None;
        }
        Ok(self.add_earlier(made.as_ref(), object, Evidence::Webhook, cx))
    }

    /// Adds the session of a create request that is over, `made` if it had ended as not done. A newer session stays the
    /// newest.
    pub(super) fn add_earlier<F: Flex>(
        &mut self,
        made: Option<&AfterAll<Call>>,
        object: &SessionObject,
        evidence: Evidence,
        cx: &mut Cx<'_, F>,
    ) -> Settled {
        let id = &object.checkout_session_id;
        self.adopting.take_if(|adopting| adopting == id);
        if self.find(id).is_none() {
            if let Some(Call::CreateCheckoutSession(command)) = made.map(|made| &*made.call) {
                self.last_created = Some(Box::new(Requested::of(command, cx.settings())));
                self.reference = self.reference.take().or_else(|| command.client_reference_id.clone());
            }
            let reference = self.reference.clone().unwrap_or_default();
            let session = match &self.last_created {
                Some(requested) => requested.check_created(object, &reference, cx),
                None => Session { own: true, ..Session::new(id.clone(), cx.now()) },
            };
            self.add_older(session, cx);
        }
        self.apply(object, evidence, cx)
    }

    /// Adds a paid session that carries our reference, but that this flow has not created. A person must find out who
    /// paid it.
    fn add_unexplained<F: Flex>(&mut self, object: &SessionObject, cx: &mut Cx<'_, F>) -> Settled {
        let session = Session { sound: true, ..Session::new(object.checkout_session_id.clone(), cx.now()) };
        cx.ask(Review::UnknownSession, &session.id);
        if self.known.is_empty() && self.requested.is_none() {
            self.add(session, cx);
            return self.apply(object, Evidence::Webhook, cx);
        }
        // It is no second try of this purchase for sure, but its payment can be given back like one.
        let mut session = Session { status: Status::Complete, second: Some(Box::default()), ..session };
        session.note_details(object, cx);
        session.redirect_url = None;
        self.add_older(session, cx);
        None
    }

    /// Flex has refused a request about sessions. A refused lookup means that the session does not exist.
    pub(crate) fn refused<F: Flex>(&mut self, call: &Call, cx: &mut Cx<'_, F>) {
        match call {
            // A session that a reply has named is looked up first.
            Call::CreateCheckoutSession(_) if self.adopting.is_none() => self.requested = None,
            Call::RetrieveCheckoutSession(id) if self.find(id).is_some() || self.adopting.as_ref() == Some(id) => {
                cx.ask(Review::NotFound, id);
                self.note_lookup(id, cx);
            }
            _ => {}
        }
    }

    /// A lookup has proved nothing.
    pub(super) fn note_lookup<F: Flex>(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_, F>) {
        if let Some(session) = self.find_mut(id) {
            session.watch.looked(cx.leased_at());
            session.second_looked(cx);
            session.announced = false;
            session.plan_lookup(cx);
            session.plan_return(cx);
        }
    }

    /// The customer has returned. That proves nothing, but a lookup may.
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

    /// Applies a person's verdict about a session.
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
            if review == Review::SecondPayment {
                session.second_reviewed(verdict, cx);
            }
            return None;
        }
        match (review, verdict) {
            (Review::NoSignal, Verdict::StopWaiting) => {
                session.watch.stop();
                session.plan_lookup(cx);
            }
            (Review::SessionDiffers, Verdict::Accept) => session.accept(),
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

/// Only the first subscription of a session counts. A person is asked about the others, because Flex keeps charging for
/// them.
fn ask_about_several<F: Flex>(object: &SessionObject, cx: &mut Cx<'_, F>) {
    if object.subscription_ids().nth(1).is_some() {
        object.subscription_ids().for_each(|id| cx.learn(&id));
        cx.ask(Review::SeveralSubscriptions, &object.checkout_session_id);
    }
}
