//! `done`: an effect was carried out, or a person judged a review.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Snapshot;
use super::observe::Observed;
use crate::config::Context;
use crate::effect::{Call, End, GIVE_UP, KEEP_TRYING, NamedId, OutboxEntry, Question, RETRY, StoredEffect};
use crate::fact::{FactError, IgnoredReason, Verdict};
use crate::flow::{Flow, Input, Named, Reviews};
use crate::id::EffectId;

impl<F: Flow> Snapshot<F> {
    /// An effect that is no request was done, or a review was judged.
    pub(super) fn done(&self, effect: &str, verdict: Option<Verdict>, context: &Context) -> Observed<F> {
        if EffectId::parse(effect).is_err() {
            return Err(FactError::new("/effect", "is not the id of an effect").into());
        }
        if let Some((it, question)) = self.question(effect, context) {
            return self.resolved(it, question, verdict, context);
        }
        let found = self.outbox.find(effect).or_else(|| self.only_level(effect));
        let Some(entry) = found else {
            let known = self.may_have_had(effect);
            let never = || FactError::new("/effect", "names an effect that this flow never had");
            return if known { Ok(self.ignored(IgnoredReason::Duplicate)) } else { Err(never().into()) };
        };
        if entry.is_hidden(context.now) {
            return Err(FactError::new("/effect", "names an effect that is not pending yet").into());
        }
        let mut cx = self.cx(context);
        cx.outbox.to_mut().remove(entry.id.as_str());
        match (&entry.effect, verdict) {
            (StoredEffect::Request(_), _) => {
                Err(FactError::new("/effect", "names a request: report its `reply`, or that it is `lost`").into())
            }
            (StoredEffect::Review { verdicts, .. }, verdict) => {
                let (reason, of) = entry.reason_and_subject().unwrap_or_default();
                let verdict = chosen::<F>(reason, verdict, &offered::<F>(reason, verdicts))?;
                self.is_free(&verdict, |_| false)?;
                let Some(input) = Input::reviewed(reason, of.into(), verdict) else {
                    return Ok(self.ignored(IgnoredReason::Unrelated));
                };
                Ok(self.advance(input, cx, None)?)
            }
            (_, Some(_)) => {
                Err(FactError::new("/effect", "names an effect that is not a review: report it with `done`").into())
            }
            (_, None) => Ok(self.outbox_changed(cx, None)),
        }
    }

    /// The request that a review is about which follows from its sendings.
    fn question(&self, effect: &str, context: &Context) -> Option<(&OutboxEntry<F::Call>, &'static Question)> {
        if !effect.starts_with("review:") {
            return None;
        }
        self.outbox.entries.iter().find_map(|it| {
            let (_, question) = it.question(&context.config)?;
            (it.review_id(question).as_str() == effect).then_some((it, question))
        })
    }

    /// The one level of access that was ever owed, by its name without the instant.
    fn only_level(&self, effect: &str) -> Option<&OutboxEntry<F::Call>> {
        let level = effect.starts_with("access:").then_some(effect)?;
        let is_it = |it: &&OutboxEntry<F::Call>| {
            let rest = it.id.as_str().strip_prefix(level).and_then(|rest| rest.strip_prefix('/'));
            rest.is_some() && matches!(it.effect, StoredEffect::Access { .. })
        };
        self.outbox.entries.iter().find(is_it).filter(|_| self.outbox.levels(level) == 1)
    }

    /// A verdict cannot name what is known as another request's.
    fn is_free(&self, verdict: &Verdict, was_made: impl Fn(&str) -> bool) -> Result<(), FactError> {
        match verdict {
            Verdict::About { id, .. } if was_made(id) || self.state.is_of_another(id) => {
                Err(FactError::new("/id", "names what another request has made: look for the one that this is about"))
            }
            _ => Ok(()),
        }
    }

    /// A person said what has become of a request, or that it is to be tried on.
    fn resolved(
        &self,
        it: &OutboxEntry<F::Call>,
        question: &'static Question,
        verdict: Option<Verdict>,
        context: &Context,
    ) -> Observed<F> {
        let Some(call) = it.shared_call() else { return Ok(self.ignored(IgnoredReason::Duplicate)) };
        if it.asks(context.now, &context.config).is_none() {
            // Somebody wants it tried on, or has begun it again: there is nothing to judge at present.
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        let verdict = chosen::<F>(question.reason, verdict, &question.choices_for(call.operation().class))?;
        self.is_free(&verdict, |id| self.outbox.was_made(call, id))?;
        let mut cx = self.cx(context);
        if [RETRY, KEEP_TRYING].contains(&verdict.name()) {
            cx.outbox.to_mut().try_again(it.id.as_str(), context.now);
            if it.is_held() {
                cx.look_for_outcome_now(call);
            }
            return Ok(self.outbox_changed(cx, None));
        }
        let outbox = cx.outbox.to_mut();
        if let Some(gone) = outbox.remove(it.id.as_str())
            && verdict.name() != GIVE_UP
        {
            // What a person names was made; whatever else is named later was made as well.
            let end = match &verdict {
                Verdict::About { id, .. } => End::Done(Some(id.as_str().into())),
                Verdict::Plain(name) if call.operation().says_done(name) => End::Done(None),
                Verdict::Plain(_) => End::Undone,
            };
            if let End::Done(made) = &end {
                outbox.note_made(call, made.as_deref());
            }
            outbox.remember(&gone, end);
        }
        Ok(self.advance(Input::Resolved { id: it.id.clone(), call: Arc::clone(call), verdict }, cx, None)?)
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
        let wanted = alloc::format!("names a review: report `reviewed` with one of {}", all());
        return Err(FactError::new("/effect", wanted));
    };
    let name = verdict.name();
    if !verdicts.iter().any(|it| it == name) {
        return Err(FactError::new("/verdict", alloc::format!("is none of {}", all())));
    }
    let wrong = |wrong| Err(FactError::new("/id", wrong));
    match (&verdict, named_by::<F>(reason, name)) {
        (Verdict::Plain(_), Some(named)) if named.is_required => {
            wrong(alloc::format!("is missing: the verdict `{name}` has to name the id of the {}", named.kind))
        }
        (Verdict::About { id, .. }, Some(named)) if !(named.is_id)(id) => {
            wrong(alloc::format!("is not the id of a {}", named.kind))
        }
        (Verdict::About { .. }, None) => wrong(alloc::format!("is not taken with the verdict `{name}`: leave it out")),
        _ => Ok(verdict),
    }
}

/// The verdicts that a review offers: those that are stored, or all of its question's.
pub(super) fn offered<F: Flow>(reason: &str, only: &[Cow<'static, str>]) -> Vec<Cow<'static, str>> {
    if !only.is_empty() {
        return only.to_vec();
    }
    let question = F::Review::of_name(reason).map(Reviews::question);
    question.into_iter().flat_map(Question::verdicts).map(Cow::Borrowed).collect()
}

/// The id that a verdict names; nothing if it takes none.
pub(super) fn named_by<F: Flow>(reason: &str, verdict: &str) -> Option<NamedId> {
    // Several questions may have one reason: about what becomes of requests of several kinds.
    let of_reason = F::Review::ALL.iter().filter(|review| review.name() == reason);
    let mut choices = of_reason.flat_map(|review| review.question().choices);
    choices.find(|choice| choice.verdict == verdict)?.named
}
