//! What has become of our own requests: which are open, and what a lookup or a signal says of them.

use alloc::sync::Arc;

use super::{Ask, Cx, Flow};
use crate::effect::{Answered, BETWEEN_DENIALS, Call, End, OutboxEntry, Past};
use crate::fact::IgnoredReason;
use crate::id::EffectId;
use crate::time::{Millis, Timestamp};

/// The shortest time between two lookups for one outcome.
const BETWEEN_LOOKUPS: Millis = Millis::from_minutes(10);

/// A request that was done after it had been ended as not done: by a person, or by what lookups showed.
#[derive(Debug)]
#[non_exhaustive]
pub struct AfterAll<C> {
    /// Its id.
    pub id: EffectId,
    /// What it did.
    pub call: Arc<C>,
    /// The new try that nobody has sent, and that is withdrawn.
    pub again: Option<(EffectId, Arc<C>)>,
}

/// Which requests are meant.
type Matches<'a, F> = &'a dyn Fn(&<F as Flow>::Call) -> bool;

impl<F: Flow> Cx<'_, F> {
    /// A lookup or a verified signal shows that a request was done, which ends it: settle it as done. `made` is the provider's
    /// id of what it made, where it makes anything: a reply that still comes and names another means that it was made twice.
    pub fn prove(&mut self, done: impl Fn(&F::Call) -> bool, made: Option<&str>) -> Option<(EffectId, Arc<F::Call>)> {
        self.proved(&done, made)
    }

    // What these have in common is compiled once for a flow, and not for each question.
    fn proved(&mut self, done: Matches<'_, F>, made: Option<&str>) -> Option<(EffectId, Arc<F::Call>)> {
        let all = || self.outbox.entries.iter().filter(|it| it.call().is_some_and(done));
        let id = all().find(|it| it.was_sent()).or_else(|| all().next())?.id.clone();
        let gone = self.outbox.to_mut().remove(id.as_str())?;
        if let Some(call) = gone.call() {
            self.outbox.to_mut().note_made(call, made);
        }
        if gone.was_sent() {
            self.outbox.to_mut().remember(&gone, End::Done(made.map(Into::into)));
        }
        gone.into_request()
    }

    /// The reply to a lookup denies that a request was done.
    ///
    /// Given where that ends it: settle it as not done. Otherwise it does not count, and the next lookup is planned: the
    /// request may have been on its way still, a denial about money counts the second time only, and one of a request
    /// that was answered with a good status is a person's to judge.
    pub fn deny(&mut self, denied: impl Fn(&F::Call) -> bool) -> Option<(EffectId, Arc<F::Call>)> {
        self.denied(&denied)
    }

    fn denied(&mut self, denied: Matches<'_, F>) -> Option<(EffectId, Arc<F::Call>)> {
        let looked = self.leased_at();
        let now = self.now();
        let is_it = |it: &OutboxEntry<F::Call>| it.was_sent() && it.call().is_some_and(denied);
        let it = self.outbox.to_mut().entries.iter_mut().find(|it| is_it(it))?;
        let (id, call) = (it.id.clone(), Arc::clone(it.shared_call()?));
        let class = call.operation().class;
        let sent = it.sent.as_deref_mut()?;
        if looked < sent.lease {
            let lease = sent.lease;
            self.look_for(&call, lease);
            return None;
        }
        if sent.answered == Answered::Accepted && !class.is_of_money() {
            // It was taken and came to nothing: it may be asked for again.
            (sent.answered, it.not_before) = (Answered::No, None);
            sent.open.clear();
            return None;
        }
        if sent.answered != Answered::No {
            sent.ask_at.get_or_insert(now);
            return None;
        }
        let first = *sent.denied_at.get_or_insert(looked);
        if class.is_of_money() && looked < first.after(BETWEEN_DENIALS) {
            self.look_for(&call, first.after(BETWEEN_DENIALS));
            return None;
        }
        let gone = self.outbox.to_mut().remove(id.as_str())?;
        // A late reply may say otherwise.
        self.outbox.to_mut().remember(&gone, End::Undone);
        gone.into_request()
    }

    /// The reply to a lookup neither shows a request nor denies it: its next lookup is planned, each after a longer time.
    pub fn look_again(&mut self, of: impl Fn(&F::Call) -> bool) {
        self.looks_again(&of);
    }

    fn looks_again(&mut self, of: Matches<'_, F>) {
        let now = self.now();
        let open = self.outbox.entries.iter().find(|it| it.was_sent() && it.call().is_some_and(of));
        let Some((call, sent)) = open.and_then(|it| Some((Arc::clone(it.shared_call()?), it.sent.as_deref()?))) else {
            return;
        };
        let age = sent.since.map_or(0, |since| now.as_millis().saturating_sub(since.as_millis()));
        let rest = Millis::new(age.unsigned_abs()).max(BETWEEN_LOOKUPS);
        self.look_for(&call, now.after(rest));
    }

    /// A lookup shows that only a person can tell what has become of a request: the question about it is due now.
    pub fn ask_about(&mut self, of: impl Fn(&F::Call) -> bool) {
        let now = self.now();
        let open = self.outbox.entries.iter().find(|it| it.was_sent() && it.call().is_some_and(&of));
        if let Some(id) = open.map(|it| it.id.clone()) {
            self.outbox.to_mut().ask(id.as_str(), now);
        }
    }

    /// A signal shows that a request was done that had been ended as not done: says so to a person. Given are the request, and the
    /// new try that nobody has sent, which is withdrawn: settle it as not done. What was told before is known.
    pub fn after_all(
        &mut self,
        done: impl Fn(&F::Call) -> bool,
        made: &str,
        ask: impl Into<Ask<F::Review>>,
    ) -> Result<Option<AfterAll<F::Call>>, IgnoredReason> {
        let past = || self.outbox.past.iter().filter(|it| done(&it.call));
        if past().any(|it| matches!(&it.end, End::Done(Some(id)) if id == made)) {
            return Err(IgnoredReason::Duplicate);
        }
        let Some(past) = past().find(|it| it.end == End::Undone).cloned() else { return Ok(None) };
        Ok(Some(self.done_after_all(&past, Some(made), Some(ask.into()))))
    }

    /// Notes that a request was done that was ended as not done. A new try that would move money, and that nobody has sent, is
    /// withdrawn.
    pub(crate) fn done_after_all(
        &mut self,
        past: &Past<F::Call>,
        made: Option<&str>,
        ask: Option<Ask<F::Review>>,
    ) -> AfterAll<F::Call> {
        if let Some(ask) = ask {
            self.ask(ask, made.unwrap_or(past.id.as_str()));
        }
        let outbox = self.outbox.to_mut();
        outbox.note_made(&past.call, made);
        outbox.mark_done(&past.id, made);
        let is_moot = |it: &&OutboxEntry<F::Call>| !it.was_sent() && past.is_retried_by(it);
        let moot = outbox.entries.iter().find(is_moot).map(|it| it.id.clone());
        let again = moot.and_then(|id| outbox.remove(id.as_str())?.into_request());
        AfterAll { id: past.id.clone(), call: past.call.clone(), again }
    }

    /// Plans the lookup by which the outcome of a request shows that has just been begun.
    pub(crate) fn look_for_outcome(&mut self, id: &str) {
        let it = self.outbox.find(id);
        if let Some((call, from)) = it.and_then(|it| Some((Arc::clone(it.shared_call()?), it.looked_up_at()?))) {
            self.look_for(&call, from);
        }
    }

    /// Owes the lookup of a request now.
    pub(crate) fn look_for_outcome_now(&mut self, call: &F::Call) {
        if let Some(look_up) = call.outcome_lookup() {
            self.look_up(look_up);
        }
    }

    fn look_for(&mut self, call: &F::Call, from: Timestamp) {
        if let Some(look_up) = call.outcome_lookup() {
            self.look_up_from(look_up, from);
        }
    }
}
