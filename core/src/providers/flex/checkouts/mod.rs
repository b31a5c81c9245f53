//! The session facet, which both flows share: the sessions of one purchase, of which one is offered and one settles.

mod ours;
mod seen;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::call::Call;
use super::ids::CheckoutSessionId;
use super::session::{Asked, Session, WAITS};
use super::session_request::CreateCheckoutSession;
use super::wire::{SessionSeen, Status};
use crate::effect::Awaited;
use crate::fact::Because;
use crate::flow::{Cx, Rules, Stop};
use crate::rule::CoreRule;
use crate::time::Timestamp;
pub(crate) use ours::{SKEW, is_create};

/// How many sessions of one purchase are watched; the reference that Flex echoes finds the others.
const WATCHED: usize = 8;

/// The sessions of one purchase.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckouts"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Checkouts {
    /// The reference that our sessions carry, and that comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// What was asked for last and was answered: another session that the same request has made is held against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered: Option<Box<Asked>>,
    /// A session of another origin, or one that a person names, that is looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopting: Option<CheckoutSessionId>,
    /// The sessions that Flex knows, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<Session>,
    /// The one that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<CheckoutSessionId>,
    /// When the first session was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
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

    /// What is paid is not bought again.
    pub(crate) fn permits_create<F: Flex>(&self, rules: &mut Rules<'_, F>) {
        rules.check(CoreRule::AlreadyStarted, self.settled.is_none());
    }

    /// One request is answered before the next is made.
    pub(crate) fn accepts_create<F: Flex>(&self, rules: &mut Rules<'_, F>) {
        if self.asked.is_some() || self.adopting.is_some() {
            let open = |call: &Call| {
                is_create(call) || matches!(call, Call::RetrieveCheckoutSession(id) if self.adopting.as_ref() == Some(id))
            };
            let answered = rules.until_reply(open);
            rules.check(CoreRule::OneAtATime, false).until(answered);
        }
    }

    /// A session that is known can be looked at, and so can one that a flow begins with.
    pub(crate) fn accepts_retrieve<F: Flex>(&self, begins: bool, rules: &mut Rules<'_, F>) {
        let answered = rules.until_reply(is_create);
        rules.check(CoreRule::NothingKnown, self.has_any() || begins).until(answered);
    }

    /// It is one of those that are known.
    pub(crate) fn check_retrieve<F: Flex>(
        &self,
        given: Option<&CheckoutSessionId>,
        begins: bool,
        rules: &mut Rules<'_, F>,
    ) {
        let known = |id| self.find(id).is_some() || self.adopting.as_ref() == Some(id);
        match given {
            // That nothing is known yet has been said already.
            Some(id) => rules.check(CoreRule::UnknownId, begins || known(id) || !self.has_any()),
            None => rules.check(CoreRule::NothingKnown, !begins || self.has_any()),
        }
        .at("/checkout_session_id");
    }

    fn has_any(&self) -> bool {
        !self.sessions.is_empty() || self.adopting.is_some()
    }

    pub(crate) fn create<F: Flex>(&mut self, mut it: CreateCheckoutSession, cx: &mut Cx<'_, F>) {
        self.asked = Some(Asked::of(&it, cx.settings()));
        self.since = self.since.or(Some(cx.now()));
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
    }

    pub(crate) fn retrieve<F: Flex>(
        &mut self,
        given: Option<CheckoutSessionId>,
        cx: &mut Cx<'_, F>,
    ) -> Result<(), Stop> {
        let newest = self.current().map(|it| it.id.clone()).or_else(|| self.adopting.clone());
        let id = given.or(newest).ok_or(Stop::NotNow)?;
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
        self.answered = Some(Box::new(asked));
        // Where a reply has proved it, the request is over already.
        cx.prove(is_create, Some(seen.checkout_session_id.as_str()));
        self.adopting = None;
        self.add(session, cx);
        Ok(self.see(seen, how, cx))
    }

    fn add<F: Flex>(&mut self, session: Session, cx: &mut Cx<'_, F>) {
        cx.learn(session.id.as_str());
        self.sessions.retain(|it| it.id != session.id);
        self.sessions.push(session);
        self.watch_no_more(cx);
    }

    /// Forgets the oldest session, an expired one first, where there are more than are watched.
    fn watch_no_more<F: Flex>(&mut self, cx: &mut Cx<'_, F>) {
        if self.sessions.len() > WATCHED {
            let spare = |it: &&Session| self.settled.as_ref() != Some(&it.id);
            let rank = |it: &&Session| (it.status == Status::Expired, it.status.is_final(), Reverse(it.watch.since()));
            let oldest = self.sessions.iter().filter(spare).max_by_key(rank);
            if let Some(gone) = oldest.map(|it| it.id.clone()) {
                self.sessions.retain(|it| it.id != gone);
                cx.withdraw(|call| matches!(call, Call::RetrieveCheckoutSession(id) if *id == gone));
                cx.withdraw_words(&WAITS, |of| of == gone.as_str());
            }
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
        let payments = self.sessions.iter().flat_map(|it| it.payment_intents.iter());
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
