//! The webhook that names a request, in every position, before and after every reply.

use rulebound_tests::rows::{Outcome, RowState, has, is_gone, webhook};
use serde_json::{Value, json};

use crate::bodies::Body;
use crate::checks::Issue;
use crate::expect::{Expect, Need};
use crate::outcome::ReplyOutcome;
use crate::positions::{Others, POSITIONS, Placed, Position, Target};
use crate::report::{Found, Subject};
use crate::run::{Job, Ready, SOME, broken};
use crate::samples::Class;

/// A request in a position, and the webhook that names it.
#[derive(Clone, Copy)]
struct Scene<'a> {
    ready: &'a Ready,
    subject: &'a Subject,
    position: &'a Position,
    placed: &'a Placed,
    webhook: &'a Value,
}

impl Job<'_> {
    /// The webhook that names the request, before and after every reply.
    pub(crate) fn named(&self, ready: &Ready, subject: &Subject, all: &[Body], found: &mut Found) {
        let is_from = |from: &[String]| from.is_empty() || from.contains(&subject.pending);
        let Some(naming) = ready.operation.naming.as_ref().filter(|it| is_from(&it.from)) else { return };
        let webhook = webhook(&naming.body, &naming.origin);
        for position in POSITIONS.iter().filter(|it| it.is_for(&ready.operation) && it.target != Target::Unnamed) {
            // The cases of the replies report a state that cannot be reached.
            let Ok(placed) = position.reach(self.facade, ready.row.clone(), &ready.names, &ready.operation) else {
                continue;
            };
            let scene = Scene { ready, subject, position, placed: &placed, webhook: &webhook };
            if naming.before {
                self.named_before(scene, all, found);
            }
            self.named_later(scene, all, found);
            self.foreign(scene, naming.of_object, found);
        }
    }

    /// Every reply, and then the webhook.
    fn named_later(&self, scene: Scene<'_>, all: &[Body], found: &mut Found) {
        let Scene { ready, subject, position, placed, webhook } = scene;
        let Some(naming) = &ready.operation.naming else { return };
        let Ok(applicable) = self.applicable(ready, &subject.pending, &placed.row) else { return };
        let first = position.name == POSITIONS[0].name;
        for (status, body) in SOME.iter().flat_map(|status| all.iter().map(move |body| (*status, body))) {
            if !first && !body.few && status != 200 {
                continue;
            }
            let case = self.case(ready, position, status, body);
            let expect = case.expect(&applicable);
            let counts = match expect.outcome {
                // A success of another object proves nothing about this one, so the reply and the webhook need not agree.
                ReplyOutcome::Done => body.promised,
                ReplyOutcome::Unknown | ReplyOutcome::Accepted | ReplyOutcome::Open => true,
                // A webhook with our key counts whatever came before.
                _ => naming.by_key,
            };
            let fact = placed.reply(status, &body.text);
            let issues = self.named_after(scene, &fact, counts, &expect);
            let label = || format!("{} · {status} {}, then the webhook", position.name, body.label);
            let facts = [fact.clone(), webhook.clone()];
            found.case(subject, label, issues.unwrap_or_else(broken), self.facade, &placed.row, &facts);
        }
    }

    /// The same webhook with another row's key, or without any, is not about the request.
    fn foreign(&self, scene: Scene<'_>, of_object: bool, found: &mut Found) {
        let Scene { ready, subject, position, placed, webhook } = scene;
        let body = webhook["body"].as_str().unwrap_or_default();
        let operation = &ready.operation;
        // A refusal may have named the object, which then needs no key.
        let known = of_object || position.others == Others::Refused || operation.class == Class::Lookup;
        if known || !body.contains(&placed.row.key) {
            return;
        }
        let swapped = |with: &str| body.replace(&placed.row.key, with);
        let none = serde_json::from_str(body).map(|it| without(it, &placed.row.key).to_string()).unwrap_or_default();
        let mut all = vec![("another key", swapped("00000000-0000-4000-8000-00000b000009"))];
        // A refund without our key is recognized by its new id and its amount.
        if operation.own_name() != "create_refund" {
            all.push(("no key", none));
        }
        for (label, body) in all {
            let mut foreign = webhook.clone();
            foreign["body"] = body.into();
            let issues = self.stays_open(ready, placed, &foreign).unwrap_or_else(broken);
            let issues =
                issues.into_iter().map(|it| Issue { what: format!("{}, with {label}", it.what), ..it }).collect();
            let label = || format!("{} · a webhook with {label}", position.name);
            found.case(subject, label, issues, self.facade, &placed.row, std::slice::from_ref(&foreign));
        }
    }

    fn stays_open(&self, ready: &Ready, placed: &Placed, foreign: &Value) -> Result<Vec<Issue>, String> {
        let now = placed.row.now;
        let outcome = self.facade.observe(&placed.row.text, foreign, now)?;
        let views = self.facade.views(&outcome.text, now)?;
        let mut issues = Vec::new();
        if self.is_there(ready, &outcome, now)? {
            issues.push(Issue::new("1: a webhook that does not name the request is applied to it", json!({})));
        }
        if is_gone(&views, &placed.leased.id) {
            issues.push(Issue::new("2: a webhook that does not name the request ends it, before any reply", json!({})));
        }
        issues.extend(self.checks(ready, &placed.leased).no_new_key(&outcome.text, now, &views)?);
        Ok(issues)
    }

    fn named_before(&self, scene: Scene<'_>, all: &[Body], found: &mut Found) {
        let Scene { ready, subject, position, placed, webhook } = scene;
        let outcome = match self.facade.observe(&placed.row.text, webhook, placed.row.now) {
            Ok(outcome) => outcome,
            Err(why) => return found.not_reached(subject, "the webhook first", &why),
        };
        let issues = self.is_named(ready, placed, &outcome, placed.row.now).unwrap_or_else(broken);
        let is_good = issues.is_empty();
        let label = || format!("{} · the webhook first", position.name);
        found.case(subject, label, issues, self.facade, &placed.row, std::slice::from_ref(webhook));
        if !is_good {
            return;
        }
        let first = position.name == POSITIONS[0].name;
        let now = placed.row.now + 1000;
        for status in SOME {
            for body in all.iter().filter(|it| it.few || first || status == 200) {
                let fact = placed.reply(status, &body.text);
                let after = self.facade.observe(&outcome.text, &fact, now);
                let issues =
                    after.and_then(|outcome| self.is_named(ready, placed, &outcome, now)).unwrap_or_else(broken);
                let label = || format!("{} · the webhook, then {status} {}", position.name, body.label);
                found.case(subject, label, issues, self.facade, &placed.row, &[webhook.clone(), fact]);
            }
        }
    }

    fn named_after(
        &self,
        scene: Scene<'_>,
        reply: &Value,
        counts: bool,
        expect: &Expect,
    ) -> Result<Vec<Issue>, String> {
        let Scene { ready, placed, webhook, .. } = scene;
        let by_key = ready.operation.naming.as_ref().is_some_and(|it| it.by_key);
        let outcome = self.facade.observe(&placed.row.text, reply, placed.row.now)?;
        let now = placed.row.now + 1000;
        let outcome = self.facade.observe(&outcome.text, webhook, now)?;
        let early = outcome.ignored.as_deref() == Some("early");
        if counts && (by_key || !early) {
            return self.is_named(ready, placed, &outcome, now);
        }
        // A request that the webhook does not name stays as the reply left it.
        let views = self.facade.views(&outcome.text, now)?;
        let reached = self.is_there(ready, &outcome, now)?;
        let mut issues = Vec::new();
        if expect.gone == Need::Never && !reached {
            if is_gone(&views, &placed.leased.id) {
                issues.push(Issue::new("2: a webhook that does not name the request ends it", json!({})));
            }
            issues.extend(self.checks(ready, &placed.leased).no_new_key(&outcome.text, now, &views)?);
        }
        Ok(issues)
    }

    fn is_there(&self, ready: &Ready, outcome: &Outcome, now: i64) -> Result<bool, String> {
        let Some(naming) = &ready.operation.naming else { return Ok(false) };
        let views = self.facade.views(&outcome.text, now)?;
        RowState { facade: self.facade, text: &outcome.text, now, views: &views }.is_at(&naming.place)
    }

    /// A webhook that names the request ends it, and no later fact takes back what it proved.
    fn is_named(&self, ready: &Ready, placed: &Placed, outcome: &Outcome, now: i64) -> Result<Vec<Issue>, String> {
        let Some(naming) = &ready.operation.naming else { return Ok(Vec::new()) };
        let views = self.facade.views(&outcome.text, now)?;
        let state = RowState { facade: self.facade, text: &outcome.text, now, views: &views };
        let (there, gone) = (state.is_at(&naming.place)?, is_gone(&views, &placed.leased.id));
        let mut issues = Vec::new();
        let asks = has(&views.effects, &json!({"type": "review"}));
        let needs_more = naming.not_if_restored && placed.restored;
        if !there && !asks && !needs_more {
            let why = outcome.ignored.as_ref().map(|it| format!(" (ignored: {it})")).unwrap_or_default();
            issues.push(Issue::new(
                format!("named: the webhook's {} is not reached{why}", naming.place),
                naming.place.clone(),
            ));
        }
        if !gone && !asks && !naming.lets_finish {
            issues.push(Issue::new("named: the request is still pending", json!({"no_effects": [placed.leased.id]})));
        }
        // What was made is not made again under another key. A review may allow a new key, since no sending is open then.
        if !asks && matches!(ready.operation.class, Class::SameKey | Class::Reconcile) {
            let new = self.checks(ready, &placed.leased).no_new_key(&outcome.text, now, &views)?;
            issues.extend(new.into_iter().map(|it| Issue { what: format!("{}, after the webhook", it.what), ..it }));
        }
        Ok(issues)
    }
}

/// A value without the strings that hold a key.
fn without(value: Value, key: &str) -> Value {
    match value {
        Value::String(text) if text.contains(key) => Value::Null,
        Value::Array(entries) => entries.into_iter().map(|it| without(it, key)).collect(),
        Value::Object(members) => members.into_iter().map(|(name, it)| (name, without(it, key))).collect(),
        _ => value,
    }
}
