//! What is seen and told of sessions, and what follows when nothing is.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Checkouts, How, Saw};
use crate::fact::{Because, Verdict};
use crate::flow::Cx;
use crate::providers::flex::Flex;
use crate::providers::flex::call::{Call, PAGE};
use crate::providers::flex::ids::CheckoutSessionId;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::session::{Session, check_seen};
use crate::providers::flex::session_request::Mode;
use crate::providers::flex::wire::{SessionSeen, Status};
use crate::rule::{Kernel, Until};

impl Checkouts {
    /// The answer to a look at a session.
    pub(crate) fn shown<F: Flex>(&mut self, seen: &SessionSeen, cx: &mut Cx<'_, F>) -> Result<Saw, Because> {
        let id = &seen.checkout_session_id;
        if self.adopting.as_ref() == Some(id) {
            if self.asked.is_some() {
                return self.created(seen, How::Shown, cx);
            }
            self.adopting = None;
            let other = seen.mode.as_ref().is_some_and(|mode| (*mode == Mode::Subscription) != F::SUBSCRIBES);
            let until = Until::Wish { command: "retrieve_checkout_session", flow: Some(F::BELONGS.other()) };
            cx.check(Kernel::OtherFlow, !other).at("/checkout_session/mode").until(until);
            if other {
                return Ok(Saw::Nothing);
            }
            self.add(Session { sound: true, ..Session::new(id.clone(), cx.now()) }, cx);
        }
        match self.find_mut(id) {
            None => Err(Because::Unrelated),
            Some(it) => {
                it.watch.looked();
                Ok(self.see(seen, How::Shown, cx))
            }
        }
    }

    /// Takes in how a session stands. One that is complete settles the purchase, unless another has.
    pub(super) fn see<F: Flex>(&mut self, seen: &SessionSeen, how: How, cx: &mut Cx<'_, F>) -> Saw {
        check_seen(seen, cx);
        let (asked, settled) = (self.asked.is_some(), self.settled.is_some());
        let Some(it) = self.find_mut(&seen.checkout_session_id) else { return Saw::Nothing };
        it.describe(seen);
        let before = it.status.clone();
        let complete = seen.status == Some(Status::Complete);
        if complete && F::SUBSCRIBES && seen.subscription_id().is_none() && before != Status::Complete {
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
        if settled {
            cx.review("second_payment", it.id.as_str(), &["refunded", "keep"]);
            return Saw::Nothing;
        }
        let it = Box::new(it.clone());
        self.settled = Some(it.id.clone());
        if asked {
            // What nobody has sent need not be made any more.
            cx.withdraw_unsent(|call| matches!(call, Call::CreateCheckoutSession(_)));
            if cx.owed(|call| matches!(call, Call::CreateCheckoutSession(_))).is_none() {
                self.asked = None;
            }
        }
        Saw::Settled(it)
    }

    /// An event about a session; `completed` is what its name says.
    pub(crate) fn told<F: Flex>(
        &mut self,
        seen: &SessionSeen,
        completed: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<Saw, Because> {
        let id = &seen.checkout_session_id;
        let ours = seen.client_reference_id.is_some() && seen.client_reference_id == self.reference;
        let Some(it) = self.find(id) else { return self.told_of_unknown(seen, completed && ours, cx) };
        let same = seen.test_mode.is_none() || it.test_mode.is_none() || seen.test_mode == it.test_mode;
        cx.check(Rule::WebhookModeMatch, same).at("/object/checkout_session/test_mode");
        match (&seen.status, completed) {
            _ if !same => Err(Because::Unrelated),
            (Some(Status::Complete), true) | (Some(Status::Expired), false) => Ok(self.see(seen, How::Told, cx)),
            _ if it.status.is_final() => Err(Because::Known),
            // The event and its session do not agree: the look-up tells.
            _ => {
                cx.look_up(Call::RetrieveCheckoutSession(id.clone()));
                Ok(Saw::Nothing)
            }
        }
    }

    /// An event about a session whose id we were not told: the answer to our request is still to come, or was lost.
    fn told_of_unknown<F: Flex>(
        &mut self,
        seen: &SessionSeen,
        is_ours: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<Saw, Because> {
        let complete = is_ours && seen.status == Some(Status::Complete);
        let sent = cx.sent(|call| matches!(call, Call::CreateCheckoutSession(_)));
        match (&self.asked, &self.adopting) {
            (Some(_), None) if complete && sent => self.created(seen, How::Told, cx),
            (Some(_), _) | (_, Some(_)) => Err(Because::Early),
            (None, None) if complete => {
                // Our reference, and none of the sessions that we know: somebody has paid, and a person must look.
                let it = Session { sound: true, ..Session::new(seen.checkout_session_id.clone(), cx.now()) };
                cx.review("unknown_session", it.id.as_str(), &["seen"]);
                if self.sessions.is_empty() {
                    self.add(it, cx);
                    return Ok(self.see(seen, How::Told, cx));
                }
                let mut it = Session { status: Status::Complete, ..it };
                it.describe(seen);
                it.redirect_url = None;
                cx.learn(it.id.as_str());
                self.sessions.insert(0, it);
                self.watch_no_more(cx);
                Ok(Saw::Nothing)
            }
            (None, None) => Err(Because::Unrelated),
        }
    }

    /// The answer to the look-up of a request whose own answer was lost.
    pub(crate) fn found<F: Flex>(&mut self, list: &[SessionSeen], cx: &mut Cx<'_, F>) -> Result<Saw, Because> {
        let Some(reference) = self.reference.clone() else { return Err(Because::Unrelated) };
        let unknown = || list.iter().filter(|it| self.find(&it.checkout_session_id).is_none());
        let ours: Vec<_> = unknown().filter(|it| it.client_reference_id.as_ref() == Some(&reference)).collect();
        let doubtful = list.len() >= PAGE || unknown().any(|it| it.client_reference_id.is_none());
        match ours.as_slice() {
            [seen] => self.created(seen, How::Shown, cx),
            [] if !doubtful => {
                let lease = cx.owed(|call| matches!(call, Call::CreateCheckoutSession(_))).and_then(|it| it.lease);
                match lease.filter(|end| !end.is_over(cx.now())) {
                    // It may still be on its way.
                    Some(end) => cx.look_up_from(Call::FindCheckoutSession(reference), end),
                    None => self.not_created(cx),
                }
                Ok(Saw::Nothing)
            }
            _ => {
                cx.review("create_ambiguous", &reference, &["created", "not_created"]);
                Ok(Saw::Nothing)
            }
        }
    }

    fn not_created<F: Flex>(&mut self, cx: &mut Cx<'_, F>) {
        cx.withdraw(|call| matches!(call, Call::CreateCheckoutSession(_) | Call::FindCheckoutSession(_)));
        self.asked = None;
    }

    /// A request about sessions was refused.
    pub(crate) fn refused<F: Flex>(&mut self, call: &Call, status: u16, cx: &mut Cx<'_, F>) {
        match call {
            Call::CreateCheckoutSession(_) => self.asked = None,
            Call::FindCheckoutSession(reference) => {
                cx.review("create_ambiguous", reference, &["created", "not_created"]);
            }
            Call::RetrieveCheckoutSession(id) if self.adopting.as_ref() == Some(id) => {
                self.adopting = None;
                self.asked = None;
            }
            Call::RetrieveCheckoutSession(id) => {
                if status == 404 {
                    cx.review("not_found", id.as_str(), &["seen"]);
                }
                self.looked(id, cx);
            }
            _ => {}
        }
    }

    /// A look at a session was lost.
    pub(crate) fn missed<F: Flex>(&mut self, call: Call, cx: &mut Cx<'_, F>) {
        match &call {
            Call::RetrieveCheckoutSession(id) if self.find(id).is_some() => self.looked(id, cx),
            _ => cx.look_up(call),
        }
    }

    /// A look has proved nothing.
    fn looked<F: Flex>(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_, F>) {
        if let Some(it) = self.find_mut(id) {
            it.watch.looked();
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

    /// A person has judged.
    pub(crate) fn judged<F: Flex>(&mut self, reason: &str, of: &str, verdict: &Verdict, cx: &mut Cx<'_, F>) {
        match (reason, verdict) {
            ("create_ambiguous", Verdict::About { verdict, id }) if verdict == "created" => {
                let Ok(id) = CheckoutSessionId::parse(id.as_str()) else { return };
                cx.withdraw(|call| matches!(call, Call::CreateCheckoutSession(_) | Call::FindCheckoutSession(_)));
                cx.learn(id.as_str());
                cx.look_up(Call::RetrieveCheckoutSession(id.clone()));
                self.adopting = Some(id);
            }
            ("create_ambiguous", verdict) if verdict.name() == "not_created" => self.not_created(cx),
            ("no_signal", verdict) if verdict.name() == "stop_waiting" => {
                if let Some(it) = self.sessions.iter_mut().find(|it| it.id.as_str() == of) {
                    it.watch.stop();
                }
            }
            _ => {}
        }
    }
}
