//! The facet `session` of both flows: all sessions of one purchase. The newest is handed out, and one settles the
//! purchase.

mod amounts;
mod evidence;
mod ownership;
mod page;
mod payment_method;
mod requested;
mod second;
mod session;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::api::calls::Call;
use super::api::objects::Status;
use super::api::session_request::CreateCheckoutSession;
use super::ids::CheckoutSessionId;
use super::reports::{SoldItem, StoredItem};
use crate::effect::Wait;
use crate::effect::{DeliveredItem, Delivery};
use crate::fact::IgnoredReason;
use crate::flow::{Cx, Rules, Stop, named};
use crate::id::TypedId;
use crate::money::{Cents, Money};
use crate::providers::flex::ids::payment_intent_id;
use crate::providers::flex::ids::reference_id;
use crate::providers::flex::names::Review;
use crate::providers::flex::rules::Rule;
use crate::rule::CoreRule;
use crate::time::Timestamp;
use requested::Requested;
use session::{WAIT_REVIEWS, withdraw_action};

pub(crate) use ownership::{Made, is_create};
pub(crate) use session::Session;

/// The most sessions of one purchase that the flow keeps. Others are found again by the reference that Flex returns.
const MAX_KNOWN: usize = 8;

named! {
    /// The progress of a purchase through its sessions.
    ///
    /// Each flow has a table of its own. Only a checkout charges an absent customer. Only the session of a subscription
    /// must name what it has created.
    pub enum SessionState<const SUBSCRIBES: bool> {
        /// No session is known, and no request for one is pending.
        Absent = "absent",
        /// A session was requested.
        Requested = "requested",
        /// A session is looked up for the first time.
        Adopting = "adopting",
        /// The customer can pay.
        Open = "open",
        /// The session expired before a payment.
        Expired = "expired",
        /// The session is paid.
        Complete = "complete",
    }
}

/// The sessions of one purchase.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSessions"))]
#[serde(deny_unknown_fields)]
pub(crate) struct Sessions {
    /// The reference that our sessions carry, and that Flex returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// The requested session, while no reply has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested: Option<Requested>,
    /// The last request that has created a session. Another session of the same request is compared with it.
    #[serde(rename = "answered", default, skip_serializing_if = "Option::is_none")]
    last_created: Option<Box<Requested>>,
    /// A session that the flow looks up for the first time: the host or a person has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adopting: Option<CheckoutSessionId>,
    /// The sessions that Flex has shown, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    known: Vec<Session>,
    /// The session that settles the purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled: Option<CheckoutSessionId>,
    /// When the first session was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
}

/// The session that has just settled the purchase, if one has.
pub(crate) type Settled = Option<Settlement>;

/// What a shown session means for the purchase.
#[derive(Debug)]
pub(crate) enum Settlement {
    /// The session is paid, and settles the purchase.
    Paid(Box<Session>),
    /// The session has settled the purchase before, and turns out to differ from the order.
    Differs(CheckoutSessionId),
}

/// Who has shown a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Evidence {
    /// The reply to our own request.
    Reply,
    /// A webhook.
    Webhook,
}

impl Sessions {
    /// The state of the facet.
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

    /// Whether no session is requested, looked up or known.
    pub(crate) fn is_absent(&self) -> bool {
        self.state::<false>() == SessionState::Absent
    }

    pub(crate) fn find(&self, id: &CheckoutSessionId) -> Option<&Session> {
        self.known.iter().find(|it| it.id == *id)
    }

    /// Whether a create request has made this session, as its reply, a lookup or a webhook has shown.
    pub(crate) fn has_created(&self, id: &str) -> bool {
        self.known.iter().any(|it| it.own && it.id.as_str() == id)
    }

    fn find_mut(&mut self, id: &CheckoutSessionId) -> Option<&mut Session> {
        self.known.iter_mut().find(|it| it.id == *id)
    }

    /// The session that settles the purchase.
    pub(crate) fn settled(&self) -> Option<&Session> {
        self.find(self.settled.as_ref()?)
    }

    /// The session that settles the purchase, or else the newest.
    pub(crate) fn current(&self) -> Option<&Session> {
        match &self.settled {
            Some(id) => self.find(id),
            None => self.known.last(),
        }
    }

    /// The sessions that Flex has shown.
    pub(crate) fn known(&self) -> &[Session] {
        &self.known
    }

    /// Whether another session may still be paid, and then name its subscription.
    pub(crate) fn may_sell(&self) -> bool {
        self.known.iter().any(|session| session.status != Status::Complete)
    }

    /// The id of the current session, or of the one that is looked up for the first time.
    pub(crate) fn current_id(&self) -> Option<&CheckoutSessionId> {
        self.current().map(Session::id).or(self.adopting.as_ref())
    }

    /// The items of the current session. Before there is one, those of the request.
    pub(crate) fn items(&self) -> Option<Vec<SoldItem>> {
        match self.current() {
            Some(session) => session.items(),
            None => StoredItem::shown(&self.requested.as_ref()?.items),
        }
    }

    /// The total of the current session. Before there is one, that of the request.
    pub(crate) fn total(&self) -> Option<Cents> {
        match self.current() {
            Some(session) => session.total(),
            None => self.requested.as_ref()?.total(),
        }
    }

    /// What was sold by a session, or by the current one.
    pub(crate) fn delivery(&self, about: &TypedId) -> Delivery {
        let session = self.known.iter().find(|it| it.id.as_str() == about.as_str()).or_else(|| self.current());
        let items = session.and_then(Session::items);
        let paid = session.filter(|it| it.id.as_str() == about.as_str()).and_then(Session::paid).map(Money::unnamed);
        Delivery {
            paid,
            items: items.map(|all| all.into_iter().map(DeliveredItem::from).collect()),
            ..Delivery::default()
        }
    }

    /// The reference that our sessions carry.
    pub(crate) fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Whether the current session only authorizes its payment.
    pub(crate) fn is_manual(&self) -> bool {
        self.current().is_some_and(Session::is_manual)
    }

    /// Whether the current session is in test mode, if that is known.
    pub(crate) fn test_mode(&self) -> Option<bool> {
        self.current().and_then(Session::test_mode)
    }

    /// Whether the same session is requested, and no reply has shown it.
    pub(crate) fn is_requested(&self, command: &CreateCheckoutSession) -> bool {
        self.requested.as_ref().is_some_and(|requested| requested.is_for(command))
    }

    /// A paid purchase cannot be bought again.
    pub(crate) fn permits_create<F: Flex>(&self, rules: &mut Rules<'_, F>) {
        rules.check(CoreRule::AlreadyStarted, self.settled.is_none());
    }

    /// Only one create request can be open at a time.
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

    /// While the customer can pay in a session, another one could be paid as well.
    pub(crate) fn check_create<F: Flex>(&self, command: &CreateCheckoutSession, rules: &mut Rules<'_, F>) {
        let open = self.known.iter().rev().find(|it| self.settled.is_none() && it.may_be_paid(rules.now()));
        rules
            .warn(Rule::CheckoutOneOpenPage, open.is_none() || self.is_open_for(command, rules.now()))
            .because(|| format!("The customer can still pay in `{}`.", open.map_or("", |it| it.id.as_str())));
    }

    /// Whether the newest session is the one that the command asks for, and can be paid.
    fn is_open_for(&self, command: &CreateCheckoutSession, now: Timestamp) -> bool {
        self.known.last().is_some_and(|it| it.answers(command.content(), now))
    }

    /// A known session can be looked up, and so can the session that a flow starts with.
    pub(crate) fn accepts_retrieve<F: Flex>(&self, begins: bool, rules: &mut Rules<'_, F>) {
        let reply = rules.reply_to(is_create);
        rules.check(CoreRule::NothingKnown, self.has_any() || begins).unblocked_by(reply);
    }

    /// The session to look up must be a known one.
    pub(crate) fn check_retrieve<F: Flex>(
        &self,
        given: Option<&CheckoutSessionId>,
        begins: bool,
        rules: &mut Rules<'_, F>,
    ) {
        let known = |id| self.find(id).is_some() || self.adopting.as_ref() == Some(id);
        match given {
            // `accepts_retrieve` has rejected the command already if no session is known.
            Some(id) => rules.check(CoreRule::UnknownId, begins || known(id) || !self.has_any()),
            None => rules.check(CoreRule::NothingKnown, !begins || self.has_any()),
        }
        .at("/checkout_session_id");
    }

    fn has_any(&self) -> bool {
        !self.known.is_empty() || self.adopting.is_some()
    }

    /// Requests a session. The same request changes nothing while the customer can pay in its session: both could be paid.
    pub(crate) fn create<F: Flex>(
        &mut self,
        mut command: CreateCheckoutSession,
        cx: &mut Cx<'_, F>,
    ) -> Result<(), Stop> {
        if self.is_open_for(&command, cx.now()) {
            return Err(Stop::Ignored(IgnoredReason::Duplicate));
        }
        self.requested = Some(Requested::of(&command, cx.settings()));
        self.since = self.since.or(Some(cx.now()));
        withdraw_action(&self.known, cx);
        // The expected total is not sent, because Flex has no field for it.
        command.expected_total = None;
        let key = cx.key().as_str();
        let reference =
            command.client_reference_id.take().filter(|text| !text.is_empty()).unwrap_or_else(|| key.into());
        if reference != key {
            reference_id(&reference).into_iter().for_each(|id| cx.learn(id));
        }
        command.client_reference_id = Some(reference.clone());
        self.reference = Some(reference);
        cx.request(Call::CreateCheckoutSession(Box::new(command)));
        Ok(())
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
        cx.learn(&session.id);
        let is_older = |about: &str| about != session.id.as_str();
        cx.withdraw_all_about(&[Review::SessionDiffers.as_str()], is_older);
        self.known.retain(|it| it.id != session.id);
        self.known.push(session);
        self.forget_oldest(cx);
    }

    /// Adds a session that is older than those that are known.
    fn add_older<F: Flex>(&mut self, session: Session, cx: &mut Cx<'_, F>) {
        cx.learn(&session.id);
        self.known.insert(0, session);
        self.forget_oldest(cx);
    }

    /// Forgets one session if there are too many: an expired one first, then the oldest, and a second payment last.
    fn forget_oldest<F: Flex>(&mut self, cx: &mut Cx<'_, F>) {
        if self.known.len() > MAX_KNOWN {
            let spare = |it: &&Session| self.settled.as_ref() != Some(&it.id);
            // A second payment may still be refunded.
            let rank = |it: &&Session| {
                (it.second.is_none(), it.status == Status::Expired, it.status.is_final(), Reverse(it.watch.since()))
            };
            let oldest = self.known.iter().filter(spare).max_by_key(rank);
            if let Some(gone) = oldest.map(|it| it.id.clone()) {
                self.known.retain(|it| it.id != gone);
                cx.withdraw(|call| matches!(call, Call::RetrieveCheckoutSession(id) if *id == gone));
                cx.withdraw_all_about(&WAIT_REVIEWS, |about| about == gone.as_str());
            }
        }
    }

    /// The waits for the sessions. Only the newest hands out its URL, unless a new session is requested.
    pub(crate) fn waits(&self, now: Timestamp) -> Vec<Wait> {
        if self.settled.is_some() {
            return Vec::new();
        }
        let last = self.known.last().filter(|_| self.requested.is_none()).map(|it| &it.id);
        self.known.iter().filter_map(|it| it.wait(Some(&it.id) == last, now)).collect()
    }

    /// The ids by which a webhook finds the sessions.
    pub(crate) fn ids(&self) -> impl Iterator<Item = TypedId> {
        let payments = self.known.iter().flat_map(|it| it.payment_intents.iter());
        let sessions =
            self.known.iter().map(|it| TypedId::from(&it.id)).chain(self.adopting.as_ref().map(TypedId::from));
        let reference = self.reference.as_deref().and_then(reference_id);
        reference.into_iter().chain(sessions).chain(payments.filter_map(|it| payment_intent_id(it)))
    }

    /// Why this state cannot exist, if it cannot.
    pub(crate) fn impossible(&self) -> Option<&'static str> {
        match &self.settled {
            Some(id) if self.find(id).is_none() => Some("the settled session is not among the known sessions"),
            Some(_) if self.settled().is_some_and(|it| it.status != Status::Complete) => {
                Some("the settled session is not complete")
            }
            _ if self.requested.is_some() && self.reference.is_none() => Some("the requested session has no reference"),
            _ => None,
        }
    }
}
