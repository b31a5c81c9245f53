//! What a visit decides, without I/O: the facts that it observes, the effect that it leases, and when to look again.

use std::time::Duration;

use rulebound::effect::Effect;
use rulebound::ffi::{AnyError, AnyStep};
use rulebound::flow::FacetTransition;
use rulebound::time::Timestamp;
use rulebound::{
    Context, Fact, Failure, Flow, IgnoredReason, PendingEffect, Rejection, Request, Step, TypedId, Violation,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::db::Arg;
use crate::error::Result;
use crate::money;
use crate::snapshot::{Any, RowRecord, kind_of};

/// The soonest and the latest time after which a row with something pending is looked at again.
const SOONEST_MS: i64 = 1_000;
const LATEST_MS: i64 = 24 * 3_600_000;
/// From how many attempts an effect counts as failing.
const FAILING: u32 = 5;

/// One line of the journal. It has no bodies, URLs, tokens or customers' data.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Line {
    pub(crate) revision: i64,
    pub(crate) kind: String,
    pub(crate) actor: Option<String>,
    pub(crate) effect: Option<String>,
    pub(crate) http_status: Option<i64>,
    pub(crate) code: Option<String>,
    pub(crate) rules: Option<String>,
    pub(crate) transitions: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) money: Option<String>,
    pub(crate) digest: String,
}

impl Line {
    /// The columns that a line has of its own, in the order of its [`args`](Self::args).
    pub(crate) const COLUMNS: &str =
        "revision, kind, actor, effect, http_status, code, rules, transitions, failure, money, digest";

    pub(crate) fn args(&self) -> [Arg<'_>; 11] {
        let Self { revision, kind, actor, effect, http_status, code, rules, transitions, failure, money, digest } =
            self;
        let optional = [actor, effect, code, rules, transitions, failure, money].map(|it| Arg::from(it.as_deref()));
        let [actor, effect, code, rules, transitions, failure, money] = optional;
        let (revision, http_status) = (Arg::from(*revision), Arg::from(*http_status));
        let (kind, digest) = (Arg::from(kind), Arg::from(digest));
        [revision, kind, actor, effect, http_status, code, rules, transitions, failure, money, digest]
    }
}

/// An effect that this worker holds.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) effect: PendingEffect,
    pub(crate) request: Option<Request>,
    /// Whether it is the one request that a paused account gets.
    pub(crate) is_probe: bool,
}

/// A step of any flow, typed or not.
pub(crate) struct Stepped {
    next: Any,
    ignored: Option<IgnoredReason>,
    transitions: Vec<FacetTransition>,
    new_ids: Vec<TypedId>,
    failure: Option<Failure>,
    warnings: Vec<Violation>,
}

impl From<AnyStep> for Stepped {
    fn from(step: AnyStep) -> Self {
        let AnyStep { next, ignored, transitions, new_ids, failure, warnings, .. } = step;
        Self { next, ignored: ignored.map(|it| it.reason), transitions, new_ids, failure, warnings }
    }
}

impl<F: Flow> From<Step<F>> for Stepped {
    fn from(step: Step<F>) -> Self {
        let transitions = step.transitions();
        let Step { next, ignored, new_ids, failure, warnings, .. } = step;
        Self { next: Box::new(next), ignored: ignored.map(|it| it.reason), transitions, new_ids, failure, warnings }
    }
}

/// A row that is being decided on: the snapshot as it was, as it will be, and what led there.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) snapshot: Any,
    /// The revision that the row has until the draft is saved.
    pub(crate) before: i64,
    /// The text of the snapshot, as it is saved.
    pub(crate) text: String,
    format: Option<u32>,
    pub(crate) lines: Vec<Line>,
    /// The ids that it has learned.
    pub(crate) new_ids: Vec<TypedId>,
    /// Whether the inbox can have an entry of an id that was not known when it was read.
    pub(crate) has_unread_ids: bool,
    /// More entries of the inbox are left than one visit reads.
    pub(crate) has_left_over: bool,
}

impl Draft {
    /// A row as it was read, with its stored text; the text is empty if the row has no snapshot yet. `format` is the one that
    /// every worker writes.
    pub(crate) fn new(snapshot: Any, stored: &str, format: Option<u32>) -> Result<Self> {
        let before = i64::try_from(snapshot.revision()).unwrap_or(i64::MAX);
        let text = if stored.is_empty() { written(&snapshot, format)? } else { stored.to_owned() };
        Ok(Self {
            snapshot,
            before,
            text,
            format,
            lines: Vec::new(),
            new_ids: Vec::new(),
            has_unread_ids: false,
            has_left_over: false,
        })
    }

    /// The row's revision after the draft is saved.
    pub(crate) fn revision(&self) -> i64 {
        i64::try_from(self.snapshot.revision()).unwrap_or(i64::MAX)
    }

    /// The ids to store: those that are new, or all of a new row.
    pub(crate) fn ids_to_store(&self) -> Vec<TypedId> {
        if self.before == 0 { self.snapshot.ids() } else { self.new_ids.clone() }
    }

    /// Takes the step that a command led to.
    pub(crate) fn commanded(
        &mut self,
        step: Stepped,
        command: &str,
        actor: Option<&str>,
        context: &Context,
    ) -> Result<()> {
        let line = Line {
            kind: "command".into(),
            code: Some(command.into()),
            actor: actor.map(Into::into),
            ..Line::default()
        };
        self.step(step, line, context)
    }

    /// The ids that a command named, beside those that were known before it.
    pub(crate) fn claimed(&self, before: &[TypedId]) -> Vec<TypedId> {
        let is_new = |it: &TypedId| !before.contains(it) && !self.new_ids.contains(it);
        self.snapshot.ids().into_iter().filter(is_new).collect()
    }

    /// Takes ids: webhooks with them are this row's.
    pub(crate) fn learn(&mut self, ids: Vec<TypedId>) {
        self.has_unread_ids |= !ids.is_empty();
        self.new_ids.extend(ids);
    }

    /// Notes a command that was rejected.
    pub(crate) fn rejected(&mut self, rejection: &Rejection, command: &str, actor: Option<&str>) {
        let (code, actor) = (Some(command.into()), actor.map(Into::into));
        let line =
            Line { kind: "rejected".into(), code, actor, rules: codes(&rejection.violations), ..Line::default() };
        self.note(line);
    }

    /// Observes a fact, and says why it changed nothing if it did not.
    pub(crate) fn observe(&mut self, fact: &Fact<'_>, actor: &str, context: &Context) -> Result<Option<IgnoredReason>> {
        let step: Stepped = self.snapshot.observe(fact.clone(), context)?.into();
        self.observed(step, fact, actor, context)
    }

    /// Offers a webhook of the inbox. Nothing is noted of one that changed nothing and stays there.
    pub(crate) fn offer(
        &mut self,
        webhook: &Fact<'_>,
        is_shared: bool,
        context: &Context,
    ) -> Result<Option<IgnoredReason>> {
        let step: Stepped = self.snapshot.observe(webhook.clone(), context)?.into();
        match step.ignored {
            Some(IgnoredReason::Early) => Ok(step.ignored),
            Some(_) if is_shared => Ok(step.ignored),
            _ => self.observed(step, webhook, "webhook", context),
        }
    }

    fn observed(
        &mut self,
        step: Stepped,
        fact: &Fact<'_>,
        actor: &str,
        context: &Context,
    ) -> Result<Option<IgnoredReason>> {
        let ((kind, effect, http_status), ignored) = (described(fact), step.ignored);
        let code = ignored.map(reason).or_else(|| said(fact));
        let (kind, actor) = (kind.into(), Some(actor.into()));
        self.step(step, Line { kind, actor, effect, http_status, code, ..Line::default() }, context)?;
        Ok(ignored)
    }

    /// Leases the effect that a worker carries out next.
    ///
    /// Nothing is leased if the core rejects it, because the effect was ready at another instant.
    pub(crate) fn lease(&mut self, effect: PendingEffect, context: &Context) -> Result<Option<Leased>> {
        let lease = match self.snapshot.lease(&effect.id, context) {
            Ok(lease) => lease,
            Err(AnyError::Rejected(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let rules = codes(&lease.warnings);
        self.put(lease.next)?;
        let (kind, actor, effect_id) = ("lease".into(), Some("worker".into()), Some(effect.id.as_str().into()));
        self.note(Line { kind, actor, effect: effect_id, rules, ..Line::default() });
        Ok(Some(Leased { effect, request: lease.request, is_probe: false }))
    }

    /// When a worker looks at the row again. `paused_until` is when its account takes requests again.
    pub(crate) fn wake_at(&self, paused_until: Option<i64>, context: &Context) -> Option<i64> {
        let now = context.now.as_millis();
        let effects = self.snapshot.effects(context);
        let is_request = |it: &&PendingEffect| matches!(it.effect, Effect::Request { .. });
        let ready: Vec<_> = effects.iter().filter(|it| is_work(it)).collect();
        let is_paused = paused_until.is_some() && ready.iter().all(is_request);
        if self.has_unread_ids || self.has_left_over || (!ready.is_empty() && !is_paused) {
            return Some(now);
        }
        let is_pending = !effects.is_empty() || !self.snapshot.waiting_for(context).is_empty();
        let latest = is_pending.then_some(now.saturating_add(LATEST_MS));
        if let (false, Some(until)) = (ready.is_empty(), paused_until) {
            let resting = effects.iter().filter(|it| !it.ready).flat_map(|it| [it.leased_until, it.not_before]);
            let first = resting.flatten().map(Timestamp::as_millis).filter(|at| *at > now).chain([until]).min();
            return first.map(|at| at.min(latest.unwrap_or(at)));
        }
        let next = self.snapshot.wake_at(context).map(Timestamp::as_millis);
        let soonest = now.saturating_add(SOONEST_MS);
        next.or(latest).map(|at| at.min(latest.unwrap_or(at)).max(soonest))
    }

    /// How many questions wait for a person, and how many effects fail again and again.
    fn counts(&self, context: &Context) -> (i64, i64) {
        let effects = self.snapshot.effects(context);
        let count = |is: &dyn Fn(&PendingEffect) -> bool| {
            i64::try_from(effects.iter().filter(|it| is(it)).count()).unwrap_or(i64::MAX)
        };
        let reviews = count(&|it| matches!(it.effect, Effect::Review { .. }));
        (reviews, count(&|it| it.attempts >= FAILING && !matches!(it.effect, Effect::Review { .. })))
    }

    /// The row as it is once the draft is saved.
    pub(crate) fn saved(&self, row: &RowRecord, now: i64, wake_at: Option<i64>, context: &Context) -> RowRecord {
        let (revision, (reviews, failing)) = (self.revision(), self.counts(context));
        let updated_at = if revision == self.before { row.updated_at } else { now };
        RowRecord { revision, wake_at, reviews, failing, tries: 0, last_error: None, updated_at, ..row.clone() }
    }

    fn step(&mut self, step: Stepped, line: Line, context: &Context) -> Result<()> {
        let rules = codes(&step.warnings);
        let transitions = (!step.transitions.is_empty()).then(|| json!(step.transitions).to_string());
        let failure = step.failure.as_ref().map(|it| {
            json!({"kind": it.kind, "http_status": it.http_status, "code": it.code, "pointer": it.pointer, "rule": it.rule})
                .to_string()
        });
        let (flow, key) = (self.snapshot.flow(), self.snapshot.key().as_str());
        if let Some(failure) = &failure {
            tracing::warn!(flow, key, failure, "the provider's reply proves no success");
        }
        if let Some(rules) = &rules {
            tracing::warn!(flow, key, rules, "broken rules that only warn");
        }
        self.learn(step.new_ids);
        let money = money::changed(&self.snapshot, &step.next, context);
        self.put(step.next)?;
        self.note(Line { rules, transitions, failure, money, ..line });
        Ok(())
    }

    fn put(&mut self, next: Any) -> Result<()> {
        if next.revision() != self.snapshot.revision() {
            self.text = written(&next, self.format)?;
        }
        self.snapshot = next;
        Ok(())
    }

    fn note(&mut self, line: Line) {
        self.lines.push(Line { revision: self.revision(), digest: digest(self.text.as_bytes()), ..line });
    }
}

/// The effect that a worker leases next: first what is no request, then requests, each oldest first.
pub(crate) fn next_effect(effects: Vec<PendingEffect>) -> Option<PendingEffect> {
    let (requests, others): (Vec<_>, Vec<_>) =
        effects.into_iter().filter(is_work).partition(|it| kind_of(&it.effect) == "request");
    others.into_iter().chain(requests).next()
}

/// Whether a worker can carry it out now.
fn is_work(effect: &PendingEffect) -> bool {
    effect.ready && !matches!(effect.effect, Effect::Review { .. })
}

/// How long an account rests after its `count`th reply of this status; nothing if the status does not pause it.
pub(crate) fn pause_ms(status: u16, count: i64, retry_after: Option<Duration>) -> Option<i64> {
    const MINUTE_MS: i64 = 60_000;
    const HOUR_MS: i64 = 3_600_000;
    match status {
        401 | 403 | 407 => {
            let doublings = u32::try_from(count.saturating_sub(1).clamp(0, 6)).unwrap_or(0);
            Some(MINUTE_MS.saturating_mul(2_i64.saturating_pow(doublings)).min(HOUR_MS))
        }
        429 => {
            let stated = retry_after.map(|it| i64::try_from(it.as_millis()).unwrap_or(HOUR_MS));
            Some(stated.unwrap_or(MINUTE_MS).clamp(1_000, HOUR_MS))
        }
        _ => None,
    }
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn written(snapshot: &Any, format: Option<u32>) -> Result<String> {
    Ok(match format {
        Some(format) => snapshot.save_as(format).map_err(AnyError::from)?,
        None => snapshot.save(),
    })
}

fn codes(violations: &[Violation]) -> Option<String> {
    let codes: Vec<_> = violations.iter().map(|it| it.rule.code).collect();
    (!codes.is_empty()).then(|| json!(codes).to_string())
}

fn reason(ignored: IgnoredReason) -> String {
    match json!(ignored) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// What a fact says in a word: a person's verdict, or the name of a webhook's event. The journal has no other part of a body.
fn said(fact: &Fact<'_>) -> Option<String> {
    match fact {
        Fact::Reviewed { verdict, .. } => Some(verdict.clone()),
        Fact::Webhook { topic, body, .. } => {
            let own = topic.as_deref().map(str::to_owned);
            // A form says its event in the topic.
            let named = || serde_json::from_slice::<Value>(body).ok()?.get("event_type")?.as_str().map(str::to_owned);
            own.or_else(named).filter(|it| is_event(it))
        }
        _ => None,
    }
}

fn is_event(name: &str) -> bool {
    let is_part = |it: u8| it.is_ascii_alphanumeric() || b"_.:-".contains(&it);
    (1..=80).contains(&name.len()) && name.bytes().all(is_part)
}

/// The type of a fact, the effect that it is about, and its HTTP status.
fn described(fact: &Fact<'_>) -> (&'static str, Option<String>, Option<i64>) {
    match fact {
        Fact::Reply { effect, http_status, .. } => ("reply", Some(effect.to_string()), Some(i64::from(*http_status))),
        Fact::Lost { effect, .. } => ("lost", Some(effect.to_string()), None),
        Fact::NotSent { effect, .. } => ("not_sent", Some(effect.to_string()), None),
        Fact::Done { effect } => ("done", Some(effect.to_string()), None),
        Fact::Reviewed { effect, .. } => ("reviewed", Some(effect.to_string()), None),
        Fact::Webhook { .. } => ("webhook", None, None),
        Fact::CustomerReturned {} => ("customer_returned", None, None),
        Fact::Restored { .. } => ("restored", None, None),
        _ => ("fact", None, None),
    }
}
