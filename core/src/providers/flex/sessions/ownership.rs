//! Which sessions are ours: those that return our key, or else those that match our request and were created after it.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Evidence, Sessions, Settled};
use crate::effect::{Call as _, Retry, effect_of_key, idempotency_key};
use crate::fact::IgnoredReason;
use crate::flow::AfterAll;
use crate::flow::Cx;
use crate::providers::flex::Flex;
use crate::providers::flex::api::calls::{CREATE_SESSION, Call};
use crate::providers::flex::api::objects::{Entries, SessionObject, Status};
use crate::providers::flex::ids::CheckoutSessionId;
use crate::providers::flex::names::Review;
use crate::providers::flex::rules::Rule;
use crate::time::{Millis, Timestamp};

/// How far the clocks of two machines may differ.
pub(crate) const SKEW: Millis = Millis::from_minutes(5);

/// How far a wrong clock may be off.
const WRONG_CLOCK: Millis = Millis::from_hours(24);

/// When something was made, compared with the first sending of the request that may have made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Made {
    /// Since then, or at an unknown time.
    Since,
    /// Before, unless a clock is wrong. So the time alone does not show that the request made nothing.
    Doubtful,
    /// Long before.
    Before,
}

impl Made {
    pub(crate) fn at(created_at: Option<Timestamp>, since: Timestamp) -> Self {
        match created_at {
            Some(made) if made.after(WRONG_CLOCK) < since => Self::Before,
            Some(made) if made.after(SKEW) < since => Self::Doubtful,
            _ => Self::Since,
        }
    }
}

/// How well a session matches the open create request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum CreateMatch {
    /// The session does not match.
    No,
    /// The session would match, but was created before, unless a clock is wrong.
    Doubtful,
    /// The session may match, but a member is missing that would tell.
    Possible,
    /// The session shows what we requested, and was created since.
    Likely,
    /// The session returns the key of the request.
    Certain,
}

/// The open create request.
pub(super) struct OpenCreate {
    key: String,
    since: Timestamp,
    class: Retry,
    held: bool,
}

pub(crate) const fn is_create(call: &Call) -> bool {
    matches!(call, Call::CreateCheckoutSession(_))
}

impl Sessions {
    /// The create request that was sent, or may have been.
    pub(super) fn open_create<F: Flex>(&self, cx: &Cx<'_, F>) -> Option<OpenCreate> {
        let create = cx.pending(is_create).filter(|it| it.sent)?;
        let key = idempotency_key(F::ID, cx.key(), create.id);
        Some(OpenCreate { key, since: create.first_at?, class: create.call.operation().class, held: create.held })
    }

    /// How well an unknown session matches the open create request. A returned key decides alone.
    pub(super) fn match_create(&self, object: &SessionObject, open: &OpenCreate) -> CreateMatch {
        let Some(requested) = self.requested.as_ref().filter(|_| self.find(&object.checkout_session_id).is_none())
        else {
            return CreateMatch::No;
        };
        if let Some(echo) = &object.echo {
            return if *echo == open.key { CreateMatch::Certain } else { CreateMatch::No };
        }
        let other = object.client_reference_id.is_some() && object.client_reference_id != self.reference;
        let made = Made::at(object.created_at, open.since);
        if other || made == Made::Before || !requested.fits(object) {
            CreateMatch::No
        } else if made == Made::Doubtful {
            CreateMatch::Doubtful
        } else if object.client_reference_id.is_none() || object.created_at.is_none() {
            CreateMatch::Possible
        } else {
            CreateMatch::Likely
        }
    }

    /// Whether an unknown paid session is ours. It returns a key of ours, or its reference is the key of this flow, or it
    /// carries our reference and was created after our first request. A host's reference may name a customer, and be older
    /// than the flow.
    pub(super) fn is_from_this_flow<F: Flex>(&self, object: &SessionObject, cx: &Cx<'_, F>) -> bool {
        if let Some(echo) = &object.echo {
            let effect = effect_of_key(F::ID, cx.key(), echo);
            return effect
                .and_then(|id| id.strip_prefix(CREATE_SESSION.name))
                .is_some_and(|rest| rest.starts_with(':'));
        }
        let Some(since) = self.since.filter(|_| object.client_reference_id == self.reference) else { return false };
        let is_key = self.reference.as_deref() == Some(cx.key().as_str());
        is_key || object.created_at.is_some_and(|made| made.after(SKEW) >= since)
    }

    /// Finds the session of a message about money, by its payment, its session or our reference. Also returns whether
    /// that session settles the purchase.
    pub(crate) fn owner<F: Flex>(
        &self,
        payment: Option<&str>,
        session: Option<&str>,
        reference: Option<&str>,
        cx: &Cx<'_, F>,
    ) -> Result<(&CheckoutSessionId, bool), IgnoredReason> {
        let by_payment = |id: &str| self.known.iter().find(|it| it.payment_intents.iter().any(|have| have == id));
        let by_session = |id: &str| self.known.iter().find(|it| it.id.as_str() == id);
        // A host's reference may name a customer who has paid other orders too.
        let carries = reference.is_some() && reference == self.reference.as_deref();
        let alone = payment.is_none() && session.is_none();
        let by_own_reference = carries && (alone || reference == Some(cx.key().as_str()));
        let by_reference = || self.settled.as_ref().filter(|_| by_own_reference);
        let by_id = payment.and_then(by_payment).or_else(|| session.and_then(by_session)).map(|it| &it.id);
        match (by_id.or_else(by_reference), &self.settled) {
            (Some(owner), Some(settled)) => Ok((owner, owner == settled)),
            // The session is not known to be paid yet.
            (Some(_), None) => Err(IgnoredReason::Early),
            (None, None) if carries => Err(IgnoredReason::Early),
            // The payment may belong to a session whose webhook is still to come.
            (None, _) if self.known.iter().any(|it| !it.status.is_final()) => Err(IgnoredReason::Early),
            (None, _) => Err(IgnoredReason::Unrelated),
        }
    }

    /// Applies the lookup of a create request whose outcome is unknown.
    pub(crate) fn found<'s, F: Flex>(
        &mut self,
        list: &'s Entries<SessionObject>,
        cx: &mut Cx<'_, F>,
    ) -> Result<Option<(Settled, &'s SessionObject)>, IgnoredReason> {
        let Some(open) = self.open_create(cx) else { return Err(IgnoredReason::Unrelated) };
        let (best, one, others) = self.best_match(&list.list, &open);
        match (best, one) {
            // The list shows no status, so the session itself is looked up.
            (_, Some(object)) if object.status.is_none() => {
                self.hinted(object, cx);
                cx.look_again(is_create);
            }
            (_, Some(object)) => {
                let settled = self.add_created(object, Evidence::Reply, cx)?;
                if open.class == Retry::Reconcile {
                    others.iter().for_each(|id| cx.ask(Review::MadeTwice, id));
                }
                return Ok(Some((settled, object)));
            }
            // The request is sent again, whatever it has created, unless another session was paid meanwhile.
            _ if open.class == Retry::Harmless && !open.held => self.not_sent(cx),
            (CreateMatch::No, None) if list.complete => {
                if cx.deny(is_create).is_some() {
                    self.requested = None;
                } else if open.class == Retry::Harmless {
                    self.not_sent(cx);
                }
            }
            (CreateMatch::No, None) => cx.look_again(is_create),
            (CreateMatch::Doubtful, None) => cx.doubt(is_create),
            (_, None) => cx.ask_about(is_create),
        }
        Ok(None)
    }

    /// How well the best of some sessions match the open create request. Also returns the one that counts, and the ids
    /// of the other best ones.
    fn best_match<'s>(
        &self,
        list: &'s [SessionObject],
        open: &OpenCreate,
    ) -> (CreateMatch, Option<&'s SessionObject>, Vec<CheckoutSessionId>) {
        let ranked: Vec<_> = list.iter().map(|it| (self.match_create(it, open), it)).collect();
        let best = ranked.iter().map(|(rank, _)| *rank).max().unwrap_or(CreateMatch::No);
        let all = || ranked.iter().filter(|(rank, _)| *rank == best).map(|(_, object)| *object);
        let doubts = ranked.iter().any(|(rank, _)| *rank == CreateMatch::Possible);
        let one = match best {
            // No customer has seen any of them. The complete one counts, or else the newest.
            CreateMatch::Certain => all().max_by_key(|it| (it.status == Some(Status::Complete), it.created_at)),
            CreateMatch::Likely if all().nth(1).is_none() && !doubts => all().next(),
            _ => None,
        };
        let ids = all().map(|it| &it.checkout_session_id);
        let others = ids.filter(|id| one.is_some_and(|one| one.checkout_session_id != **id)).cloned().collect();
        (best, one, others)
    }

    /// A reply proves nothing, but names a session. The lookup of that session replaces the search, unless the session
    /// is another flow's.
    pub(crate) fn hinted<F: Flex>(&mut self, object: &SessionObject, cx: &mut Cx<'_, F>) {
        let id = &object.checkout_session_id;
        let other = object.client_reference_id.is_some() && object.client_reference_id != self.reference;
        let requested = self.requested.as_ref().map(|requested| &requested.mode);
        let same_mode = object.mode.is_none() || object.mode.as_ref() == requested;
        cx.check(Rule::CheckoutModeMatches, same_mode && !other).at("/checkout_session");
        if same_mode && !other && requested.is_some() && self.find(id).is_none() {
            self.adopt(id.clone(), cx);
        }
    }

    pub(super) fn adopt<F: Flex>(&mut self, id: CheckoutSessionId, cx: &mut Cx<'_, F>) {
        cx.learn(&id);
        cx.look_up(Call::RetrieveCheckoutSession(id.clone()));
        self.adopting = Some(id);
    }

    /// A person says that the session does not exist.
    pub(super) fn not_adopted<F: Flex>(&mut self, cx: &Cx<'_, F>) {
        self.adopting = None;
        if cx.pending(is_create).is_none() {
            self.requested = None;
        }
    }

    /// Nothing came of a create request. It is withdrawn if another session was paid meanwhile.
    pub(crate) fn not_sent<F: Flex>(&mut self, cx: &mut Cx<'_, F>) {
        if self.settled.is_some() {
            cx.withdraw(is_create);
            self.requested = None;
        }
    }

    /// A create request was done after it had ended as not done. A later request stays open, because a late reply says
    /// nothing about it.
    pub(crate) fn after_all<F: Flex>(
        &mut self,
        made: &AfterAll<Call>,
        object: &SessionObject,
        cx: &mut Cx<'_, F>,
    ) -> Settled {
        if made.again.is_some() {
            self.requested = None;
        }
        let is_known = self.find(&object.checkout_session_id).is_some();
        // No customer has seen another session of a repeated request, unless it is paid.
        let is_old = is_known || made.call.operation().class == Retry::Harmless;
        if is_old && object.status != Some(Status::Complete) {
            return None;
        }
        self.add_earlier(Some(made), object, Evidence::Reply, cx)
    }

    /// Applies a person's verdict about a request, or the end of its retries. `made_id` is the session that the person
    /// names.
    pub(crate) fn resolved<F: Flex>(&mut self, call: &Call, made_id: Option<&str>, cx: &mut Cx<'_, F>) {
        match (call, made_id) {
            (Call::CreateCheckoutSession(_), Some(id)) => {
                if let Ok(id) = CheckoutSessionId::parse(id) {
                    self.adopt(id, cx);
                }
            }
            // A session that a reply has named is looked up first.
            (Call::CreateCheckoutSession(_), None) if self.adopting.is_none() => self.requested = None,
            (Call::RetrieveCheckoutSession(id), _) if self.adopting.as_ref() == Some(id) => self.not_adopted(cx),
            (Call::RetrieveCheckoutSession(id), _) => self.note_lookup(id, cx),
            _ => {}
        }
    }
}
