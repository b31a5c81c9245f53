//! The facet `session`, which both flows share: the sessions of one purchase, of which one is offered and one settles.

mod evidence;
mod ownership;
mod requested;
mod session;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::api::calls::Call;
use super::api::objects::Status;
use super::api::session_request::CreateCheckoutSession;
use super::ids::CheckoutSessionId;
use crate::effect::Wait;
use crate::flow::{Cx, Named, Rules, Stop};
use crate::rule::CoreRule;
use crate::time::Timestamp;
use requested::Requested;
use session::WAIT_REVIEWS;

pub(crate) use ownership::{SKEW, is_create};
pub(crate) use session::Session;

/// How many sessions of one purchase are watched; the reference that Flex echoes finds the others.
const MAX_KNOWN: usize = 8;

/// How far a purchase has come by its sessions.
///
/// The two flows have a table each: only a checkout charges a customer who is away, and only a subscription's session must
/// say what it has made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SessionState<const SUBSCRIBES: bool> {
    /// No session is asked for.
    Absent,
    /// One is asked for.
    Requested,
    /// One is looked up for the first time.
    Adopting,
    /// The customer can pay.
    Open,
    /// Nobody has paid in time.
    Expired,
    /// Paid.
    Complete,
}

impl<const SUBSCRIBES: bool> Named for SessionState<SUBSCRIBES> {
    const ALL: &'static [Self] =
        &[Self::Absent, Self::Requested, Self::Adopting, Self::Open, Self::Expired, Self::Complete];

    fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Requested => "requested",
            Self::Adopting => "adopting",
            Self::Open => "open",
            Self::Expired => "expired",
            Self::Complete => "complete",
        }
    }
}

/// The sessions of one purchase.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSessions"))]
#[serde(deny_unknown_fields)]
pub(crate) struct Sessions {
    /// The reference that our sessions carry, and that comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// What is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested: Option<Requested>,
    /// What was asked for last and was answered: another session that the same request has made is held against it.
    #[serde(rename = "answered", default, skip_serializing_if = "Option::is_none")]
    last_created: Option<Box<Requested>>,
    /// A session of another origin, or one that a person names, that is looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adopting: Option<CheckoutSessionId>,
    /// The sessions that Flex knows, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    known: Vec<Session>,
    /// The one that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled: Option<CheckoutSessionId>,
    /// When the first session was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

/// The session that has settled the purchase just now, if one has.
pub(crate) type Settled = Option<Box<Session>>;

/// How a session was shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Evidence {
    /// By the reply to a request of our own.
    Reply,
    /// By a webhook.
    Webhook,
}

impl Sessions {
    /// How far the purchase has come.
    pub(crate) fn state<const SUBSCRIBES: bool>(&self) -> SessionState<SUBSCRIBES> {
        match (&self.settled, &self.requested, &self.adopting, self.known.last()) {
            (Some(_), ..) => SessionState::Complete,
            (_, Some(_), ..) => SessionState::Requested,
            (_, _, Some(_), _) => SessionState::Adopting,
            (_, _, _, None) => SessionState::Absent,
            (_, _, _, Some(session)) if session.is_open() => SessionState::Open,
            (_, _, _, Some(_)) => SessionState::Expired,
        }
    }

    /// Whether none is asked for, looked up or known.
    pub(crate) fn is_absent(&self) -> bool {
        self.state::<false>() == SessionState::Absent
    }

    pub(crate) fn find(&self, id: &CheckoutSessionId) -> Option<&Session> {
        self.known.iter().find(|it| it.id == *id)
    }

    fn find_mut(&mut self, id: &CheckoutSessionId) -> Option<&mut Session> {
        self.known.iter_mut().find(|it| it.id == *id)
    }

    /// The session that counts.
    pub(crate) fn settled(&self) -> Option<&Session> {
        self.find(self.settled.as_ref()?)
    }

    /// The session that counts, or the newest.
    pub(crate) fn current(&self) -> Option<&Session> {
        match &self.settled {
            Some(id) => self.find(id),
            None => self.known.last(),
        }
    }

    /// Whether another session may be paid yet, and tell what it has sold.
    pub(crate) fn may_sell(&self) -> bool {
        self.known.iter().any(|session| session.status != Status::Complete)
    }

    /// The reference that our sessions carry.
    pub(crate) fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Whether the money of that one is only held.
    pub(crate) fn is_manual(&self) -> bool {
        self.current().is_some_and(Session::is_manual)
    }

    /// Whether that one is of test mode, if that is known.
    pub(crate) fn test_mode(&self) -> Option<bool> {
        self.current().and_then(Session::test_mode)
    }

    /// Whether the same session is asked for and not answered.
    pub(crate) fn is_requested(&self, command: &CreateCheckoutSession) -> bool {
        self.requested.as_ref().is_some_and(|requested| requested.is_for(command))
    }

    /// What is paid is not bought again.
    pub(crate) fn permits_create<F: Flex>(&self, rules: &mut Rules<'_, F>) {
        rules.check(CoreRule::AlreadyStarted, self.settled.is_none());
    }

    /// One request is answered before the next is made.
    pub(crate) fn accepts_create<F: Flex>(&self, rules: &mut Rules<'_, F>) {
        if self.requested.is_some() || self.adopting.is_some() {
            let open = |call: &Call| {
                is_create(call)
                    || matches!(call, Call::RetrieveCheckoutSession(id) if self.adopting.as_ref() == Some(id))
            };
            let reply = rules.reply_to(open);
            rules.check(CoreRule::OneAtATime, false).unblocked_by(reply);
        }
    }

    /// A session that is known can be looked at, and so can one that a flow begins with.
    pub(crate) fn accepts_retrieve<F: Flex>(&self, begins: bool, rules: &mut Rules<'_, F>) {
        let reply = rules.reply_to(is_create);
        rules.check(CoreRule::NothingKnown, self.has_any() || begins).unblocked_by(reply);
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
        !self.known.is_empty() || self.adopting.is_some()
    }

    pub(crate) fn create<F: Flex>(&mut self, mut command: CreateCheckoutSession, cx: &mut Cx<'_, F>) {
        self.requested = Some(Requested::of(&command, cx.settings()));
        self.since = self.since.or(Some(cx.now()));
        // Our own total stays here: Flex has no field for it.
        command.expected_total = None;
        let key = cx.key().as_str();
        let reference =
            command.client_reference_id.take().filter(|text| !text.is_empty()).unwrap_or_else(|| key.into());
        if reference != key {
            cx.learn(&reference);
        }
        command.client_reference_id = Some(reference.clone());
        self.reference = Some(reference);
        cx.request(Call::CreateCheckoutSession(Box::new(command)));
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

    fn add<F: Flex>(&mut self, session: Session, cx: &mut Cx<'_, F>) {
        cx.learn(session.id.as_str());
        self.known.retain(|it| it.id != session.id);
        self.known.push(session);
        self.forget_oldest(cx);
    }

    /// Forgets the oldest session, an expired one first, where there are more than are watched.
    fn forget_oldest<F: Flex>(&mut self, cx: &mut Cx<'_, F>) {
        if self.known.len() > MAX_KNOWN {
            let spare = |it: &&Session| self.settled.as_ref() != Some(&it.id);
            let rank = |it: &&Session| (it.status == Status::Expired, it.status.is_final(), Reverse(it.watch.since()));
            let oldest = self.known.iter().filter(spare).max_by_key(rank);
            if let Some(gone) = oldest.map(|it| it.id.clone()) {
                self.known.retain(|it| it.id != gone);
                cx.withdraw(|call| matches!(call, Call::RetrieveCheckoutSession(id) if *id == gone));
                cx.withdraw_all_about(&WAIT_REVIEWS, |of| of == gone.as_str());
            }
        }
    }

    /// What is awaited; the newest session is the one offered, unless another is on its way.
    pub(crate) fn waits(&self, now: Timestamp) -> Vec<Wait> {
        if self.settled.is_some() {
            return Vec::new();
        }
        let last = self.known.last().filter(|_| self.requested.is_none()).map(|it| &it.id);
        self.known.iter().filter_map(|it| it.wait(Some(&it.id) == last, now)).collect()
    }

    /// The ids by which an event finds them.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let payments = self.known.iter().flat_map(|it| it.payment_intents.iter());
        let sessions = self.known.iter().map(|it| it.id.as_str()).chain(self.adopting.as_ref().map(|it| it.as_str()));
        self.reference.as_deref().into_iter().chain(sessions).chain(payments.map(String::as_str))
    }

    /// What is impossible about them.
    pub(crate) fn impossible(&self) -> Option<&'static str> {
        match &self.settled {
            Some(id) if self.find(id).is_none() => Some("the session that counts is not known"),
            _ if self.requested.is_some() && self.reference.is_none() => {
                Some("a session is asked for without a reference")
            }
            _ => None,
        }
    }
}
