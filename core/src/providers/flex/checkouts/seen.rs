//! What is seen and told of sessions, and what follows when nothing is.

use alloc::boxed::Box;

use super::ours::{Ours, is_create};
use super::{Checkouts, How, Saw};
use crate::fact::{Because, Verdict};
use crate::flow::Cx;
use crate::providers::flex::Flex;
use crate::providers::flex::call::Call;
use crate::providers::flex::ids::CheckoutSessionId;
use crate::providers::flex::session::{Session, check_seen};
use crate::providers::flex::session_request::Mode;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::wire::{SessionSeen, Status};
use crate::rule::{CoreRule, Until};

impl Checkouts {
    /// The answer to a look at a session.
    pub(crate) fn shown<F: Flex>(&mut self, seen: &SessionSeen, cx: &mut Cx<'_, F>) -> Result<Saw, Because> {
        let id = &seen.checkout_session_id;
        if self.adopting.as_ref() == Some(id) {
            return self.adopted(seen, How::Shown, cx);
        }
        match self.find_mut(id) {
            None => Err(Because::Unrelated),
            Some(it) => {
                it.watch.looked(cx.begun_at());
                Ok(self.see(seen, How::Shown, cx))
            }
        }
    }

    /// The session that is looked for is there.
    fn adopted<F: Flex>(&mut self, seen: &SessionSeen, how: How, cx: &mut Cx<'_, F>) -> Result<Saw, Because> {
        let id = &seen.checkout_session_id;
        cx.withdraw_word("not_found", id.as_str());
        if self.asked.is_some() {
            return self.created(seen, how, cx);
        }
        self.adopting = None;
        let other = seen.mode.as_ref().is_some_and(|mode| (*mode == Mode::Subscription) != F::SUBSCRIBES);
        let until = Until::Wish { command: "retrieve_checkout_session", flow: Some(F::BELONGS.other()) };
        cx.check(CoreRule::OtherFlow, !other).at("/checkout_session/mode").until(until);
        let of_mode = seen.test_mode.is_of(cx.settings(), None);
        cx.check(Rule::CheckoutModeMatches, of_mode).at("/checkout_session/test_mode");
        if other || !of_mode {
            return Ok(Saw::Nothing);
        }
        self.add(Session { sound: true, ..Session::new(id.clone(), cx.now()) }, cx);
        if let Some(it) = self.find_mut(id).filter(|_| how == How::Shown) {
            it.watch.looked(cx.begun_at());
        }
        Ok(self.see(seen, how, cx))
    }

    /// Takes in how a session stands. One that is complete settles the purchase, unless another has.
    pub(super) fn see<F: Flex>(&mut self, seen: &SessionSeen, how: How, cx: &mut Cx<'_, F>) -> Saw {
        check_seen(seen, cx);
        let Some(it) = self.find_mut(&seen.checkout_session_id) else { return Saw::Nothing };
        it.describe(seen, cx);
        if how == How::Shown {
            it.shows(seen.status.as_ref(), cx);
        }
        let before = it.status.clone();
        let complete = seen.status == Some(Status::Complete);
        if complete && F::SUBSCRIBES && seen.subscription_ids().next().is_none() && before != Status::Complete {
            // It is paid, and nobody knows yet for what: only the session says which subscription it made.
            it.watch(cx);
            if how == How::Told {
                cx.look_up(Call::RetrieveCheckoutSession(it.id.clone()));
            }
            return Saw::Nothing;
        }
        if let Some(status) = &seen.status {
            it.stands(status, cx);
        }
        it.watch(cx);
        if it.status != Status::Complete || before == Status::Complete {
            return Saw::Nothing;
        }
        let id = it.id.clone();
        if F::SUBSCRIBES {
            tell_of_several(seen, cx);
        }
        self.settle(&id, cx)
    }

    /// A session has been paid: it settles the purchase, unless another has.
    pub(super) fn settle<F: Flex>(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_, F>) -> Saw {
        if self.settled.is_some() {
            cx.review("second_payment", id.as_str(), &["refunded", "keep"]);
            return Saw::Nothing;
        }
        let Some(it) = self.find(id).cloned() else { return Saw::Nothing };
        self.settled = Some(id.clone());
        if self.asked.is_some() {
            // What nobody has sent need not be made any more.
            cx.withdraw_unsent(is_create);
            if cx.owed(is_create).is_none() && self.adopting.is_none() {
                self.asked = None;
            }
        }
        Saw::Settled(Box::new(it))
    }

    /// An event about a session; `completed` is what its name says.
    pub(crate) fn told<F: Flex>(
        &mut self,
        seen: &SessionSeen,
        completed: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<Saw, Because> {
        let id = &seen.checkout_session_id;
        seen.test_mode.admit(self.find(id).or(self.current()).and_then(|it| it.test_mode), cx)?;
        let Some(it) = self.find(id) else { return self.told_of_unknown(seen, completed, cx) };
        match (&seen.status, completed) {
            (Some(Status::Complete), true) | (Some(Status::Expired), false) => Ok(self.see(seen, How::Told, cx)),
            // What is paid stays so, and its money may have moved.
            (Some(Status::Complete), false) if it.status == Status::Complete => Ok(self.see(seen, How::Told, cx)),
            _ if it.status.is_final() => Err(Because::Known),
            // The event and its session do not agree: the look-up tells.
            _ => {
                cx.look_up(Call::RetrieveCheckoutSession(id.clone()));
                Ok(Saw::Nothing)
            }
        }
    }

    /// An event about a session whose id we were not told: the reply to our request is still to come, or was lost.
    fn told_of_unknown<F: Flex>(
        &mut self,
        seen: &SessionSeen,
        completed: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<Saw, Because> {
        let complete = completed && seen.status == Some(Status::Complete);
        if let Some(open) = self.open(cx) {
            match self.ours(seen, &open) {
                Ours::Surely | Ours::Likely if complete => return self.created(seen, How::Told, cx),
                Ours::No => {}
                _ => return Err(Because::Early),
            }
        }
        if self.adopting.as_ref() == Some(&seen.checkout_session_id) {
            if complete {
                return self.adopted(seen, How::Told, cx);
            }
            // The look that adopts it is made once more: Flex has it.
            cx.look_up(Call::RetrieveCheckoutSession(seen.checkout_session_id.clone()));
            return Ok(Saw::Nothing);
        }
        if !complete || !self.was_ours(seen, cx) {
            let waits = self.asked.is_some() && seen.client_reference_id.is_none() && seen.echo.is_none();
            return Err(if waits { Because::Early } else { Because::Unrelated });
        }
        let it = Session { sound: true, ..Session::new(seen.checkout_session_id.clone(), cx.now()) };
        if seen.echo.is_some() {
            // Our request has made it, and maybe another too.
            if cx.after_all(is_create, it.id.as_str(), &["seen"])?.is_some_and(|it| it.again.is_some()) {
                self.asked = None;
            }
            let reference = self.reference.clone().unwrap_or_default();
            let it = match &self.answered {
                Some(asked) => Session::answering(seen, asked, &reference, cx),
                None => Session { own: true, sound: false, ..it },
            };
            self.add(it, cx);
            return Ok(self.see(seen, How::Told, cx));
        }
        // It carries our reference, and is none of those that we know: somebody has paid, and a person must look.
        cx.review("unknown_session", it.id.as_str(), &["seen"]);
        if self.sessions.is_empty() && self.asked.is_none() {
            self.add(it, cx);
            return Ok(self.see(seen, How::Told, cx));
        }
        let mut it = Session { status: Status::Complete, ..it };
        it.describe(seen, cx);
        it.redirect_url = None;
        cx.learn(it.id.as_str());
        self.sessions.insert(0, it);
        self.watch_no_more(cx);
        Ok(Saw::Nothing)
    }

    /// A request about sessions was refused; of a look-up: there is no such session.
    pub(crate) fn refused<F: Flex>(&mut self, call: &Call, cx: &mut Cx<'_, F>) {
        match call {
            // One that a reply has named even so is looked at first.
            Call::CreateCheckoutSession(_) if self.adopting.is_none() => self.asked = None,
            Call::RetrieveCheckoutSession(id) if self.find(id).is_some() || self.adopting.as_ref() == Some(id) => {
                cx.review("not_found", id.as_str(), &["ended", "keep"]);
                self.looked(id, cx);
            }
            _ => {}
        }
    }

    /// A look has proved nothing.
    pub(super) fn looked<F: Flex>(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_, F>) {
        if let Some(it) = self.find_mut(id) {
            it.watch.looked(cx.begun_at());
            it.watch(cx);
        }
    }

    /// The customer came back: a hint that a look may pay, and proof of nothing.
    pub(crate) fn returned<F: Flex>(&mut self, cx: &mut Cx<'_, F>) -> Result<(), Because> {
        let open = self.settled.is_none() && self.asked.is_none();
        match self.sessions.last_mut().filter(|it| open && !it.status.is_final()) {
            None => Err(Because::Unrelated),
            Some(it) => {
                it.watch.returned(cx.now());
                it.watch(cx);
                Ok(())
            }
        }
    }

    /// A person has judged what a session is.
    pub(crate) fn judged<F: Flex>(&mut self, reason: &str, of: &str, verdict: &Verdict, cx: &mut Cx<'_, F>) -> Saw {
        if let Some(id) = self.adopting.clone().filter(|id| id.as_str() == of) {
            match verdict.name() {
                "keep" => self.adopt(id, cx),
                _ => self.not_adopted(cx),
            }
            return Saw::Nothing;
        }
        let Some(it) = self.sessions.iter_mut().find(|it| it.id.as_str() == of) else { return Saw::Nothing };
        if it.status.is_final() {
            return Saw::Nothing;
        }
        match (reason, verdict.name()) {
            ("no_signal", "stop_waiting") => {
                it.watch.stop();
                it.watch(cx);
            }
            ("no_signal" | "unknown_status", "keep_waiting") | ("not_found", "keep") => it.waits_on(cx),
            ("not_found" | "unknown_status", "ended") => it.ends(Status::Expired, cx),
            ("unknown_status", "complete") => {
                it.ends(Status::Complete, cx);
                let id = it.id.clone();
                return self.settle(&id, cx);
            }
            _ => {}
        }
        Saw::Nothing
    }
}

/// A session that has made several subscriptions counts by the first: a person is told of the others, which go on billing.
fn tell_of_several<F: Flex>(seen: &SessionSeen, cx: &mut Cx<'_, F>) {
    if seen.subscription_ids().nth(1).is_some() {
        seen.subscription_ids().for_each(|id| cx.learn(id.as_str()));
        cx.review("several_subscriptions", seen.checkout_session_id.as_str(), &["seen"]);
    }
}
