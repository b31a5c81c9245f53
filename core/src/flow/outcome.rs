//! The outcome of our own requests, as a lookup or a signal shows it.

use alloc::format;
use alloc::sync::Arc;

use super::{Ask, Cx, Flow};
use crate::effect::{BETWEEN_DENIALS, Call, End, GoodReply, OutboxEntry, Past};
use crate::fact::{FailureKind, IgnoredReason};
use crate::id::{EffectId, TypedId};
use crate::time::{Millis, Timestamp};

/// The shortest time between two lookups for one outcome.
const BETWEEN_LOOKUPS: Millis = Millis::from_minutes(10);

/// A request that succeeded after a person or a lookup had ended it as not done.
#[derive(Debug)]
#[non_exhaustive]
pub struct AfterAll<C> {
    /// Its id.
    pub id: EffectId,
    /// What it did.
    pub call: Arc<C>,
    /// The new try, which no worker has sent yet. The kernel has withdrawn it.
    pub again: Option<(EffectId, Arc<C>)>,
}

/// Which requests are meant.
type Matches<'a, F> = &'a dyn Fn(&<F as Flow>::Call) -> bool;

impl<F: Flow> Cx<'_, F> {
    /// Ends a request that a lookup or a verified signal shows to be done. The flow must settle it as done.
    ///
    /// `made` is the provider's id of the object that the request made, if any. If a later reply names another id, the
    /// object was made twice.
    pub fn prove(&mut self, done: impl Fn(&F::Call) -> bool, made: Option<&str>) -> Option<(EffectId, Arc<F::Call>)> {
        self.prove_dyn(&done, made)
    }

    // This is compiled once for each flow, and not once for each closure.
    fn prove_dyn(&mut self, done: Matches<'_, F>, made: Option<&str>) -> Option<(EffectId, Arc<F::Call>)> {
        let matching = || self.outbox.entries.iter().filter(|it| it.call().is_some_and(done));
        let id = matching().find(|it| it.was_sent()).or_else(|| matching().next())?.id.clone();
        let ended = self.outbox.to_mut().remove(id.as_str())?;
        if let Some(call) = ended.call() {
            self.note_success(call);
            self.outbox.to_mut().note_made(call, made);
        }
        if ended.was_sent() {
            self.outbox.to_mut().remember(&ended, End::Done(made.map(Into::into)));
        }
        ended.into_request()
    }

    /// Takes note that the reply to a lookup denies a request.
    ///
    /// If the denial ends the request, this returns it, and the flow must settle it as not done. Otherwise this plans the
    /// next lookup or asks a person. A denial does not count while the last lease may still run. A denial about money
    /// counts only the second time. If the request had a good reply, a person must decide.
    pub fn deny(&mut self, denied: impl Fn(&F::Call) -> bool) -> Option<(EffectId, Arc<F::Call>)> {
        self.deny_dyn(&denied)
    }

    fn deny_dyn(&mut self, denied: Matches<'_, F>) -> Option<(EffectId, Arc<F::Call>)> {
        let looked_up_at = self.leased_at();
        let now = self.now();
        let is_denied = |it: &OutboxEntry<F::Call>| it.was_sent() && it.call().is_some_and(denied);
        let entry = self.outbox.to_mut().entries.iter_mut().find(|it| is_denied(it))?;
        let (id, call) = (entry.id.clone(), Arc::clone(entry.shared_call()?));
        let class = call.operation().class;
        let sent = entry.sent.as_deref_mut()?;
        if looked_up_at < sent.lease {
            let lease = sent.lease;
            self.look_up_outcome_from(&call, lease);
            return None;
        }
        if sent.good_reply == GoodReply::Accepted && !class.is_of_money() {
            // The provider accepted it and did nothing: a worker may send it again.
            (sent.good_reply, entry.not_before) = (GoodReply::None, None);
            sent.open.clear();
            return None;
        }
        if sent.good_reply != GoodReply::None {
            sent.ask_at.get_or_insert(now);
            return None;
        }
        let first = *sent.denied_at.get_or_insert(looked_up_at);
        if class.is_of_money() && looked_up_at < first.after(BETWEEN_DENIALS) {
            self.look_up_outcome_from(&call, first.after(BETWEEN_DENIALS));
            return None;
        }
        let ended = self.outbox.to_mut().remove(id.as_str())?;
        // A late reply may prove the opposite.
        self.outbox.to_mut().remember(&ended, End::Undone);
        self.end_undone(
            &id,
            &call,
            FailureKind::NotMade,
            format!("A lookup shows that `{}` was not made.", call.operation().name),
        );
        ended.into_request()
    }

    /// Plans the next lookup of a request, because the last one neither confirmed nor denied it.
    ///
    /// Each lookup comes after a longer time than the one before.
    pub fn look_again(&mut self, of: impl Fn(&F::Call) -> bool) {
        self.look_again_dyn(&of);
    }

    fn look_again_dyn(&mut self, of: Matches<'_, F>) {
        let now = self.now();
        let open = self.outbox.entries.iter().find(|it| it.was_sent() && it.call().is_some_and(of));
        let Some((call, sent)) = open.and_then(|it| Some((Arc::clone(it.shared_call()?), it.sent.as_deref()?))) else {
            return;
        };
        let age = sent.scheduled_from().map_or(0, |since| now.as_millis().saturating_sub(since.as_millis()));
        let rest = Millis::new(age.unsigned_abs()).max(BETWEEN_LOOKUPS);
        self.look_up_outcome_from(&call, now.after(rest));
    }

    /// Withdraws the request with this id, which no worker has sent.
    pub fn withdraw_request(&mut self, id: &EffectId) {
        self.retain(&|it| it.id != *id);
    }

    /// Asks a person now about a request, because a lookup shows that only a person can find out its outcome.
    pub fn ask_about(&mut self, of: impl Fn(&F::Call) -> bool) {
        let now = self.now();
        let open = self.outbox.entries.iter().find(|it| it.was_sent() && it.call().is_some_and(&of));
        if let Some(id) = open.map(|it| it.id.clone()) {
            self.outbox.to_mut().ask(id.as_str(), now);
        }
    }

    /// A lookup shows something that the request may have made, and only a person can say whether it did. The person is asked
    /// once the request cannot be in flight any more.
    pub fn doubt(&mut self, of: impl Fn(&F::Call) -> bool) {
        let lease = self.pending(&of).and_then(|it| it.lease);
        if lease.is_none_or(|end| end <= self.leased_at()) {
            self.ask_about(&of);
        }
        self.look_again(&of);
    }

    /// Asks a person to look, because a signal proves a request that had ended as not done.
    ///
    /// The result holds the request, and the new try that no worker has sent. The kernel has withdrawn the new try, and the
    /// flow must settle it as not done.
    ///
    /// # Errors
    ///
    /// A repeated signal is a duplicate.
    pub fn after_all(
        &mut self,
        done: impl Fn(&F::Call) -> bool,
        made: impl Into<TypedId>,
        ask: impl Into<Ask<F::Review>>,
    ) -> Result<Option<AfterAll<F::Call>>, IgnoredReason> {
        let made = made.into();
        let past = || self.outbox.past.iter().filter(|it| !it.is_harmless() && done(&it.call));
        if past().any(|it| matches!(&it.end, End::Done(Some(id)) if id == made.as_str())) {
            return Err(IgnoredReason::Duplicate);
        }
        let Some(past) = past().find(|it| it.end == End::Undone).cloned() else { return Ok(None) };
        Ok(Some(self.done_after_all(&past, Some(&made), Some(ask.into()))))
    }

    /// A person corrects what was known of a request that is over. `None` stands for a request that was not done.
    ///
    /// A late reply is compared with the corrected id.
    pub fn correct(&mut self, of: impl Fn(&F::Call) -> bool, before: Option<&str>, made: Option<&str>) {
        self.outbox.to_mut().correct(&of, before, made);
    }

    /// Notes the object of a request that a person ended as done without naming an object. Returns whether there is one.
    pub fn name_made(&mut self, of: impl Fn(&F::Call) -> bool, made: &str) -> bool {
        let is_nameless = |past: &Past<F::Call>| past.end == End::Done(None) && of(&past.call);
        let Some(id) = self.outbox.past.iter().find(|it| is_nameless(it)).map(|it| it.id.clone()) else { return false };
        self.outbox.to_mut().mark_done(&id, Some(made));
        true
    }

    /// Notes that a request was done which had ended as not done.
    ///
    /// This withdraws the new try if no worker has sent it.
    pub(crate) fn done_after_all(
        &mut self,
        past: &Past<F::Call>,
        made: Option<&TypedId>,
        ask: Option<Ask<F::Review>>,
    ) -> AfterAll<F::Call> {
        if let Some(ask) = ask {
            self.ask(ask, made.cloned().unwrap_or_else(|| (&past.id).into()));
        }
        let made = made.map(TypedId::as_str);
        self.note_success(&past.call);
        let outbox = self.outbox.to_mut();
        outbox.note_made(&past.call, made);
        outbox.mark_done(&past.id, made);
        let is_unsent_retry = |it: &&OutboxEntry<F::Call>| !it.was_sent() && past.is_retried_by(it);
        let unsent_retry = outbox.entries.iter().find(is_unsent_retry).map(|it| it.id.clone());
        let again = unsent_retry.and_then(|id| outbox.remove(id.as_str())?.into_request());
        AfterAll { id: past.id.clone(), call: past.call.clone(), again }
    }

    /// Plans the lookup that shows the outcome of a request which a worker has just leased.
    pub(crate) fn plan_outcome_lookup(&mut self, id: &str) {
        let (entry, now, config) = (self.outbox.find(id), self.now(), self.config());
        let planned = entry.and_then(|it| Some((Arc::clone(it.shared_call()?), it.looked_up_at(now, config)?)));
        if let Some((call, from)) = planned {
            self.look_up_outcome_from(&call, from);
        }
    }

    /// Makes the lookup of a request's outcome pending now.
    pub(crate) fn look_up_outcome(&mut self, call: &F::Call) {
        if let Some(lookup) = call.outcome_lookup() {
            self.look_up(lookup);
        }
    }

    pub(super) fn look_up_outcome_from(&mut self, call: &F::Call, from: Timestamp) {
        if let Some(lookup) = call.outcome_lookup() {
            self.look_up_from(lookup, from);
        }
    }
}
