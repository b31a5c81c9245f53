//! `done`: an effect was carried out, or a person judged a review.

use alloc::borrow::Cow;
use alloc::sync::Arc;

use super::Snapshot;
use super::observe::{Observed, unmoved};
use crate::effect::{Call, Duty, End, GIVE_UP, KEEP_TRYING, Obligation, RETRY, Unknown};
use crate::fact::{Because, FactError, Verdict};
use crate::flow::{Flow, Input, Named, Reviews};
use crate::id::{CorrelationId, EffectId};
use crate::policy::Env;

impl<F: Flow> Snapshot<F> {
    /// An effect that is no request was done, or a review was judged.
    pub(super) fn done(&self, effect: &str, verdict: Option<Verdict>, env: &Env<F::Settings>) -> Observed<F> {
        if EffectId::parse(effect).is_err() {
            return Err(FactError::new("/effect", "is not the id of an effect").into());
        }
        if let Some((it, question)) = self.question(effect, env) {
            return self.resolved(it, question, verdict, env);
        }
        let found = self.outbox.find(effect).or_else(|| self.only_level(effect));
        let Some(obligation) = found else {
            let known = self.may_have_owed(effect);
            let never = || FactError::new("/effect", "names an effect that this flow never had");
            return if known { Ok(unmoved(Because::Known)) } else { Err(never().into()) };
        };
        if obligation.is_hidden(env.now) {
            return Err(FactError::new("/effect", "names an effect that is not owed yet").into());
        }
        let mut cx = self.cx(env);
        cx.outbox.to_mut().discharge(obligation.id.as_str());
        match (&obligation.duty, verdict) {
            (Duty::Request(_), _) => {
                Err(FactError::new("/effect", "names a request: its end is a `reply`, or `lost`").into())
            }
            (Duty::Review { verdicts, .. }, verdict) => {
                let (reason, of) = obligation.word().unwrap_or_default();
                let verdict = chosen::<F>(reason, verdict, verdicts)?;
                self.is_free(&verdict, |_| false)?;
                let (reason, of) = (reason.into(), of.into());
                Ok(self.moved(Input::reviewed(reason, of, verdict), cx, None)?)
            }
            (_, Some(_)) => Err(FactError::new("/verdict", "belongs to a review alone").into()),
            (_, None) => Ok(self.applied(Arc::clone(&self.state), cx, None)),
        }
    }

    /// The request that a review is about which follows from its sendings.
    fn question(&self, effect: &str, env: &Env<F::Settings>) -> Option<(&Obligation<F::Call>, Unknown)> {
        if !effect.starts_with("review:") {
            return None;
        }
        self.outbox.owed.iter().find_map(|it| {
            let (_, question) = it.question(&env.policy)?;
            (it.review_id(question).as_str() == effect).then_some((it, question))
        })
    }

    /// The one level of access that was ever owed, by its name without the instant.
    fn only_level(&self, effect: &str) -> Option<&Obligation<F::Call>> {
        let level = effect.starts_with("access:").then_some(effect)?;
        let is_it = |it: &&Obligation<F::Call>| {
            let rest = it.id.as_str().strip_prefix(level).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some() && matches!(it.duty, Duty::Access { .. })
        };
        self.outbox.owed.iter().find(is_it).filter(|_| self.outbox.levels(level) == 1)
    }

    /// A verdict cannot name what is known as another request's.
    fn is_free(&self, verdict: &Verdict, was_made: impl Fn(&str) -> bool) -> Result<(), FactError> {
        match verdict {
            Verdict::About { id, .. } if was_made(id) || self.state.is_of_another(id) => Err(FactError::new(
                "/verdict",
                "names what another request has made: look for the one that this is about",
            )),
            _ => Ok(()),
        }
    }

    /// A person said what has become of a request, or that it is to be tried on.
    fn resolved(
        &self,
        it: &Obligation<F::Call>,
        question: Unknown,
        verdict: Option<Verdict>,
        env: &Env<F::Settings>,
    ) -> Observed<F> {
        let Some(call) = it.shared_call() else { return Ok(unmoved(Because::Known)) };
        if it.asks(env.now, &env.policy).is_none() {
            // Somebody wants it tried on, or has begun it again: there is nothing to judge at present.
            return Ok(unmoved(Because::Known));
        }
        let verdict = chosen::<F>(question.reason(), verdict, &question.choices(call.operation().class))?;
        self.is_free(&verdict, |id| self.outbox.was_made(call, id))?;
        let mut cx = self.cx(env);
        if [RETRY, KEEP_TRYING].contains(&verdict.name()) {
            cx.outbox.to_mut().try_on(it.id.as_str(), env.now);
            if it.is_held() {
                cx.look_for_outcome_now(call);
            }
            return Ok(self.applied(Arc::clone(&self.state), cx, None));
        }
        let outbox = cx.outbox.to_mut();
        if let Some(gone) = outbox.discharge(it.id.as_str())
            && verdict.name() != GIVE_UP
        {
            // What a person names was made; whatever else is named later was made as well.
            let end = match &verdict {
                Verdict::About { id, .. } => End::Done(Some(id.as_str().into())),
                Verdict::Plain(name) if call.operation().says_done(name) => End::Done(None),
                Verdict::Plain(_) => End::Undone,
            };
            if let End::Done(made) = &end {
                outbox.makes(call, made.as_deref());
            }
            outbox.remember(&gone, end);
        }
        Ok(self.moved(Input::Resolved { id: it.id.clone(), call: Arc::clone(call), verdict }, cx, None)?)
    }
}

/// The verdict, if it is one of those that a review offers.
fn chosen<F: Flow>(
    reason: &str,
    verdict: Option<Verdict>,
    verdicts: &[Cow<'static, str>],
) -> Result<Verdict, FactError> {
    let all = || verdicts.join(", ");
    let Some(verdict) = verdict else {
        return Err(FactError::new("/verdict", alloc::format!("is missing: one of {}", all())));
    };
    let name = verdict.name();
    if !verdicts.iter().any(|it| it == name) {
        return Err(FactError::new("/verdict", alloc::format!("is none of {}", all())));
    }
    if !is_whole::<F>(reason, &verdict) {
        let wrong = alloc::format!("names none of the provider's ids: {{\"verdict\": \"{name}\", \"id\": …}}");
        return Err(FactError::new("/verdict", wrong));
    }
    Ok(verdict)
}

/// Whether a verdict names an id where it must, and one that can be one wherever it does.
fn is_whole<F: Flow>(reason: &str, verdict: &Verdict) -> bool {
    match (verdict, id_of::<F>(reason, verdict.name())) {
        (Verdict::About { id, .. }, Some(is_id)) => is_id(id),
        (Verdict::About { id, .. }, None) => CorrelationId::parse(id.as_str()).is_ok(),
        (Verdict::Plain(_), needed) => needed.is_none(),
    }
}

/// What is an id that a verdict has to name; nothing if it needs none.
pub(super) fn id_of<F: Flow>(reason: &str, verdict: &str) -> Option<fn(&str) -> bool> {
    if F::Review::ALL.is_empty() {
        return F::id_of(reason, verdict);
    }
    // Several questions may have one reason: about what becomes of requests of several kinds.
    let of_reason = F::Review::ALL.iter().filter(|it| it.name() == reason);
    let mut choices = of_reason.flat_map(|it| it.question().choices);
    choices.find(|it| it.verdict == verdict)?.needs_id.map(|it| it.is_id)
}
