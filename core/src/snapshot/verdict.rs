//! The facts `done` and `reviewed`: a worker carried out an effect, or a person answered a review.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::observe::Observed;
use super::{Ignored, Snapshot, Step};
use crate::config::Context;
use crate::effect::{
    Call, Choice, End, GIVE_UP, KEEP_TRYING, Operation, OutboxEntry, Question, RETRY, Retry, StoredEffect, ended,
};
use crate::fact::{FactError, IgnoredReason, Verdict};
use crate::flow::{Flow, Input, Named, Reviews};
use crate::id::EffectId;
use crate::json::listed;

impl<F: Flow> Snapshot<F> {
    /// Applies `done` of an effect that is not a request, or `reviewed` with its verdict.
    pub(super) fn done(&self, effect: &str, verdict: Option<Verdict>, context: &Context) -> Observed<F> {
        if EffectId::parse(effect).is_err() {
            return Err(FactError::new("/effect", "is not the id of an effect").into());
        }
        if let Some((entry, question)) = self.question(effect, context) {
            return self.resolved(entry, question, verdict, context);
        }
        let Some(entry) = self.outbox.find(effect).or_else(|| self.only_level(effect)) else {
            return self.done_before(effect, verdict.as_ref(), context);
        };
        if entry.is_hidden(context.now) {
            return Err(FactError::new("/effect", format!("is `{effect}`, which is not pending yet")).into());
        }
        let mut cx = self.cx(context);
        cx.outbox.to_mut().remove(entry.id.as_str());
        match (&entry.effect, verdict) {
            (StoredEffect::Request(_), _) => {
                let reason = format!("is the request `{effect}`: report its `reply`, or that it is `lost`");
                Err(FactError::new("/effect", reason).into())
            }
            (StoredEffect::Review { verdicts, .. }, verdict) => {
                let (reason, about) = entry.reason_and_subject().unwrap_or_default();
                let verdict = chosen(verdict, &choices_of::<F>(reason, verdicts))?;
                self.check_named_id(&verdict, |_| false)?;
                let Some(input) = Input::reviewed(reason, about.into(), verdict) else {
                    return Ok(self.ignored(IgnoredReason::Unrelated));
                };
                Ok(self.advance(input, cx, None)?)
            }
            (_, Some(_)) => {
                let reason = format!("is `{effect}`, which is not a review: report it with `done`");
                Err(FactError::new("/effect", reason).into())
            }
            (StoredEffect::Access { about, paid_until: None, .. }, None) => {
                cx.outbox.to_mut().count_one(&ended(about));
                Ok(self.outbox_changed(cx, None))
            }
            (StoredEffect::Fulfill { about, .. }, None) => {
                if let Some(review) = F::Review::UNDELIVERED {
                    cx.withdraw_review(review, about.as_str());
                }
                Ok(self.outbox_changed(cx, None))
            }
            (_, None) => Ok(self.outbox_changed(cx, None)),
        }
    }

    /// Applies a report on an effect that is not pending any more.
    fn done_before(&self, effect: &str, verdict: Option<&Verdict>, context: &Context) -> Observed<F> {
        if !self.may_have_had(effect) {
            return Err(FactError::never_had(effect).into());
        }
        if let Some(step) = self.delivered_meanwhile(effect, context).filter(|_| verdict.is_none()) {
            return Ok(step);
        }
        Self::check_known(effect, verdict)?;
        let detail = not_open(effect, verdict).into();
        Ok(self.ignored(Ignored { reason: IgnoredReason::Duplicate, detail }))
    }

    /// A worker has carried out a delivery that was taken back while it was at it. Nobody need be asked about it any more.
    fn delivered_meanwhile(&self, effect: &str, context: &Context) -> Option<Step<F>> {
        let (reason, about) = (F::Review::UNDELIVERED?.name(), effect.strip_prefix("fulfill:")?);
        let is_asked = self
            .outbox
            .entries
            .iter()
            .any(|it| it.is_review_of(reason) && it.reason_and_subject().is_some_and(|it| it.1 == about));
        is_asked.then(|| {
            let mut cx = self.cx(context);
            cx.withdraw_about(reason, about);
            self.outbox_changed(cx, None)
        })
    }

    /// Checks that a review that is not open can have had the verdict.
    fn check_known(effect: &str, verdict: Option<&Verdict>) -> Result<(), FactError> {
        let Some(reason) = effect.strip_prefix("review:").and_then(|it| it.split(':').next()) else { return Ok(()) };
        let common = [Question::NOT_ADMITTED, Question::NO_REPLY].into_iter().filter(|it| it.reason == reason);
        let mut known: Vec<_> = questions_of::<F>(reason).chain(common).flat_map(Question::verdicts).collect();
        let is_resent =
            |it: &&Operation| matches!(it.class, Retry::SameKey | Retry::Goal) && it.question().reason == reason;
        known.extend(F::Call::operations().iter().copied().find(|it| is_resent(it)).map(|_| KEEP_TRYING));
        known.dedup();
        match verdict.map(Verdict::name) {
            Some(name) if !known.contains(&name) => {
                let reason = format!("is `{name}`, which no such review has: use one of {}", listed(&known));
                Err(FactError::new("/verdict", reason))
            }
            _ => Ok(()),
        }
    }

    /// The request whose outcome a review asks about, and the question.
    fn question(&self, effect: &str, context: &Context) -> Option<(&OutboxEntry<F::Call>, &'static Question)> {
        if !effect.starts_with("review:") {
            return None;
        }
        self.outbox.entries.iter().find_map(|entry| {
            let (_, question) = entry.question(&context.config)?;
            (entry.review_id(question).as_str() == effect).then_some((entry, question))
        })
    }

    /// The entry of an access effect by its name without the instant, if there has been only one level.
    fn only_level(&self, effect: &str) -> Option<&OutboxEntry<F::Call>> {
        let level = effect.starts_with("access:").then_some(effect)?;
        let is_level = |it: &&OutboxEntry<F::Call>| {
            let instant = it.id.as_str().strip_prefix(level).and_then(|rest| rest.strip_prefix('/'));
            instant.is_some() && matches!(it.effect, StoredEffect::Access { .. })
        };
        self.outbox.entries.iter().find(is_level).filter(|_| self.outbox.number_of(level) == 1)
    }

    /// Checks that a verdict does not name an object that is known to belong to another request.
    fn check_named_id(&self, verdict: &Verdict, was_made: impl Fn(&str) -> bool) -> Result<(), FactError> {
        match verdict {
            Verdict::About { id, .. } if was_made(id) || self.state.is_of_another(id) => {
                Err(FactError::new("/id", "belongs to another request: give the id of what this request made"))
            }
            _ => Ok(()),
        }
    }

    /// Applies a person's verdict on a request: its outcome, or that a worker should try it again.
    fn resolved(
        &self,
        entry: &OutboxEntry<F::Call>,
        question: &'static Question,
        verdict: Option<Verdict>,
        context: &Context,
    ) -> Observed<F> {
        let Some(call) = entry.shared_call() else { return Ok(self.ignored(IgnoredReason::Duplicate)) };
        if entry.asks(context.now, &context.config).is_none() {
            // A person has answered `keep_trying`, or a worker has leased it again: the review is not open now.
            Self::check_known(entry.review_id(question).as_str(), verdict.as_ref())?;
            return Ok(self.ignored(IgnoredReason::Duplicate));
        }
        let class = entry.class(context.now, &context.config).unwrap_or(call.operation().class);
        let verdict = chosen(verdict, &question.choices_for(class))?;
        self.check_named_id(&verdict, |id| self.outbox.was_made(call, id))?;
        let mut cx = self.cx(context);
        if [RETRY, KEEP_TRYING].contains(&verdict.name()) {
            cx.outbox.to_mut().try_again(entry.id.as_str(), context.now);
            if entry.is_held(context.now, &context.config) {
                cx.look_up_outcome(call);
            }
            return Ok(self.outbox_changed(cx, None));
        }
        if let Some(ended) = cx.outbox.to_mut().remove(entry.id.as_str())
            && verdict.name() != GIVE_UP
        {
            // The request made the object that the person names. If a late reply names another, it was made twice.
            let end = match &verdict {
                Verdict::About { id, .. } => End::Done(Some(id.as_str().into())),
                Verdict::Plain(name) if call.operation().says_done(name) => End::Done(None),
                Verdict::Plain(_) => End::Undone,
            };
            if let End::Done(made) = &end {
                cx.note_success(call);
                cx.outbox.to_mut().note_made(call, made.as_deref());
            }
            cx.outbox.to_mut().remember(&ended, end);
        }
        Ok(self.advance(Input::Resolved { id: entry.id.clone(), call: Arc::clone(call), verdict }, cx, None)?)
    }
}

/// Why a report about an effect that is not pending changes nothing. A verdict may differ from the one that counts.
fn not_open(effect: &str, verdict: Option<&Verdict>) -> String {
    match verdict.map(Verdict::name) {
        None => format!(
            "`{effect}` is not pending. It was reported before, it is not needed any more, or this flow never had it."
        ),
        Some(verdict) => format!(
            "`{verdict}` did not count: `{effect}` is not open. It was answered before, perhaps with another verdict, it is \
             not needed any more, or this flow never had it."
        ),
    }
}

/// The verdict, if it is one of the review's, and names an id exactly where the review wants one.
fn chosen(verdict: Option<Verdict>, choices: &[Choice]) -> Result<Verdict, FactError> {
    let names = || listed(&choices.iter().map(|it| it.verdict).collect::<Vec<_>>());
    let Some(verdict) = verdict else {
        let reason = format!("is a review: report `reviewed` with one of {}", names());
        return Err(FactError::new("/effect", reason));
    };
    let name = verdict.name();
    let Some(choice) = choices.iter().find(|it| it.verdict == name) else {
        return Err(FactError::new("/verdict", format!("is `{name}`: use one of {}", names())));
    };
    let wrong_id = |reason| Err(FactError::new("/id", reason));
    let kind = choice.named.map_or_else(String::new, |named| named.kind.replace('_', " "));
    match (&verdict, choice.named) {
        (Verdict::Plain(_), Some(named)) if named.is_required => {
            wrong_id(format!("is missing: the verdict `{name}` must name the id of the {kind}"))
        }
        (Verdict::About { id, .. }, Some(named)) if !(named.is_id)(id) => {
            wrong_id(format!("is not the id of a {kind}"))
        }
        (Verdict::About { .. }, None) => wrong_id(format!("does not belong to the verdict `{name}`: leave it out")),
        _ => Ok(verdict),
    }
}

/// The verdicts of a stored review: those that are stored, or all of its question's.
pub(super) fn choices_of<F: Flow>(reason: &str, stored: &[Cow<'static, str>]) -> Vec<Choice> {
    let of_all = || questions_of::<F>(reason).flat_map(|question| question.choices).copied();
    match stored {
        [] => questions_of::<F>(reason).next().map_or(&[][..], |question| question.choices).to_vec(),
        stored => stored.iter().filter_map(|verdict| of_all().find(|it| it.verdict == verdict)).collect(),
    }
}

/// The question of a stored review, in words.
pub(super) fn text_of<F: Flow>(reason: &str, stored: &[Cow<'static, str>]) -> &'static str {
    let has_all = |question: &&Question| stored.iter().all(|it| question.verdicts().any(|verdict| verdict == it));
    questions_of::<F>(reason).find(has_all).map_or("", |question| question.text)
}

/// The questions with a reason. There are several if requests of different kinds ask for their outcome.
fn questions_of<F: Flow>(reason: &str) -> impl Iterator<Item = &'static Question> + '_ {
    F::Review::ALL.iter().filter(move |review| review.name() == reason).map(|review| review.question())
}
