//! The session facet, which both flows share: the sessions of one purchase, of which one is offered and one settles.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::call::{Call, PAGE};
use super::ids::CheckoutSessionId;
use super::rules::Rule;
use super::session::{Asked, Session, check_seen};
use super::session_request::{CreateCheckoutSession, Mode};
use super::wire::{SessionSeen, Status};
use crate::effect::Awaited;
use crate::fact::{Because, Verdict};
use crate::flow::{Cx, Stop};
use crate::rule::{Kernel, Until};
use crate::time::Timestamp;

/// How many sessions of one purchase are watched; the reference that Flex echoes finds the others.
const WATCHED: usize = 8;

/// The sessions of one purchase.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Checkouts {
    /// The reference that our sessions carry, and that comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// A session of another origin, or one that a person names, that is looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopting: Option<CheckoutSessionId>,
    /// The sessions that Flex knows, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<Session>,
    /// The one that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<CheckoutSessionId>,
}

/// Where the sessions of one purchase stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Absent,
    Requested,
    Adopting,
    Open,
    Expired,
    Complete,
}

/// What came of a session that was seen.
#[derive(Debug)]
pub(crate) enum Saw {
    /// Nothing is settled by it.
    Nothing,
    /// It settles the purchase.
    Settled(Box<Session>),
}

/// Whether a session was shown by a look of our own, or told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    Shown,
    Told,
}

impl Checkouts {
    pub(crate) fn place(&self) -> Place {
        match (&self.settled, &self.asked, &self.adopting, self.sessions.last()) {
            (Some(_), ..) => Place::Complete,
            (_, Some(_), ..) => Place::Requested,
            (_, _, Some(_), _) => Place::Adopting,
            (_, _, _, None) => Place::Absent,
            (_, _, _, Some(it)) if it.status == Status::Open => Place::Open,
            (_, _, _, Some(_)) => Place::Expired,
        }
    }

    pub(crate) fn find(&self, id: &CheckoutSessionId) -> Option<&Session> {
        self.sessions.iter().find(|it| it.id == *id)
    }

    fn find_mut(&mut self, id: &CheckoutSessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|it| it.id == *id)
    }

    /// The session that counts, or the newest.
    pub(crate) fn current(&self) -> Option<&Session> {
        match &self.settled {
            Some(id) => self.find(id),
            None => self.sessions.last(),
        }
    }

    /// Whether the same session is asked for and not answered.
    pub(crate) fn stands(&self, command: &CreateCheckoutSession) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.content == command.content())
    }

    /// What is paid is not bought again, and one request is answered before the next is made.
    pub(crate) fn guard_create<F: Flex>(&self, cx: &mut Cx<'_, F>) {
        let _ = cx.require(Kernel::AlreadyBegun, self.settled.is_none());
        if !cx.is_begin() && (self.asked.is_some() || self.adopting.is_some()) {
            let open = |call: &Call| {
                matches!(call, Call::CreateCheckoutSession(_))
                    || matches!(call, Call::RetrieveCheckoutSession(id) if self.adopting.as_ref() == Some(id))
            };
            let open = cx.owed(open).map(|it| it.id.clone());
            let check = cx.require(Kernel::OneAtATime, false);
            if let Some(id) = open {
                let _ = check.until(Until::Reply(id));
            }
        }
    }

    /// A session that is known can be looked at, and so can one that a flow begins with.
    pub(crate) fn guard_retrieve<F: Flex>(&self, begins: bool, cx: &mut Cx<'_, F>) {
        let known = !self.sessions.is_empty() || self.adopting.is_some() || begins || cx.is_begin();
        let asked = cx.owed(|call| matches!(call, Call::CreateCheckoutSession(_))).map(|it| it.id.clone());
        let check = cx.require(Kernel::NoEdge, known);
        if let Some(id) = asked {
            let _ = check.until(Until::Reply(id));
        }
    }

    pub(crate) fn create<F: Flex>(&mut self, mut it: CreateCheckoutSession, cx: &mut Cx<'_, F>) -> Result<(), Stop> {
        it.check(cx, F::BELONGS)?;
        cx.admitted()?;
        self.asked = Some(Asked::of(&it, cx.settings()));
        // Our own total stays here: Flex has no field for it.
        it.order_total = None;
        let key = cx.key().as_str();
        let reference = it.client_reference_id.take().filter(|text| !text.is_empty()).unwrap_or_else(|| key.into());
        if reference != key {
            cx.learn(&reference);
        }
        it.client_reference_id = Some(reference.clone());
        self.reference = Some(reference);
        cx.owe(Call::CreateCheckoutSession(Box::new(it)));
        Ok(())
    }

    pub(crate) fn retrieve<F: Flex>(
        &mut self,
        given: Option<CheckoutSessionId>,
        begins: bool,
        cx: &mut Cx<'_, F>,
    ) -> Result<(), Stop> {
        let newest = self.current().map(|it| it.id.clone()).or_else(|| self.adopting.clone());
        let id = given.or(newest);
        let known = |id: &CheckoutSessionId| self.find(id).is_some() || self.adopting.as_ref() == Some(id) || begins;
        cx.require(Kernel::NoEdge, id.as_ref().is_some_and(known)).at("/checkout_session_id").met()?;
        let Some(id) = id else { return Err(Stop::Refused) };
        cx.look_up(Call::RetrieveCheckoutSession(id.clone()));
        if self.find(&id).is_none() {
            self.adopting = Some(id);
        }
        Ok(())
    }

    /// The session that answers our request: by its reply, by its look-up, or by an event that echoes our reference.
    pub(crate) fn created<F: Flex>(&mut self, seen: &SessionSeen, how: How, cx: &mut Cx<'_, F>) -> Result<Saw, Because> {
        let Some(asked) = self.asked.take() else { return Err(Because::Unrelated) };
        let reference = self.reference.clone().unwrap_or_default();
        let session = Session::answering(seen, &asked, &reference, cx);
        cx.withdraw(|call| matches!(call, Call::CreateCheckoutSession(_) | Call::FindCheckoutSession(_)));
        cx.withdraw_word("create_ambiguous", &reference);
        self.adopting = None;
        self.add(session, cx);
        Ok(self.see(seen, how, cx))
    }

    fn add<F: Flex>(&mut self, session: Session, cx: &mut Cx<'_, F>) {
        cx.learn(session.id.as_str());
        self.sessions.retain(|it| it.id != session.id);
        self.sessions.push(session);
        if self.sessions.len() > WATCHED {
            let spare = |it: &&Session| self.settled.as_ref() != Some(&it.id);
            let oldest = self.sessions.iter().filter(spare).max_by_key(|it| (it.status == Status::Expired, Reverse(it.watch.since())));
            if let Some(gone) = oldest.map(|it| it.id.clone()) {
                self.sessions.retain(|it| it.id != gone);
                cx.withdraw(|call| matches!(call, Call::RetrieveCheckoutSession(id) if *id == gone));
            }
        }
    }

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
    fn see<F: Flex>(&mut self, seen: &SessionSeen, how: How, cx: &mut Cx<'_, F>) -> Saw {
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
                cx.learn(it.id.as_str());
                self.sessions.insert(0, Session { status: Status::Complete, ..it });
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

    /// What is awaited; the newest session is the one offered, unless another is on its way.
    pub(crate) fn awaited(&self, now: Timestamp) -> Vec<Awaited> {
        if self.settled.is_some() {
            return Vec::new();
        }
        let last = self.sessions.last().filter(|_| self.asked.is_none()).map(|it| &it.id);
        self.sessions.iter().filter_map(|it| it.awaited(Some(&it.id) == last, now)).collect()
    }

    /// The ids by which an event finds them.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let payments = self.current().into_iter().flat_map(|it| it.payment_intents.iter());
        let sessions = self.sessions.iter().map(|it| it.id.as_str()).chain(self.adopting.as_ref().map(|it| it.as_str()));
        self.reference.as_deref().into_iter().chain(sessions).chain(payments.map(String::as_str))
    }

    /// What is impossible about them.
    pub(crate) fn impossible(&self) -> Option<&'static str> {
        match &self.settled {
            Some(id) if self.find(id).is_none() => Some("the session that counts is not known"),
            _ if self.asked.is_some() && self.reference.is_none() => Some("a session is asked for without a reference"),
            _ => None,
        }
    }
}
