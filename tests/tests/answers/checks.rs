//! The checks of a row after a reply.

use std::collections::BTreeMap;

use rulebound_tests::rows::{Facade, HOUR, Leased, RowState, Views, has, is_gone, lookup_before};
use serde_json::{Value, json};

use crate::expect::{Again, Expect, Need};
use crate::outcome::ReplyOutcome;
use crate::samples::{Class, Operation};

/// What is wrong with a row after a reply, and what a vector would expect instead.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Issue {
    pub(crate) what: String,
    pub(crate) expect: Value,
}

impl Issue {
    pub(crate) fn new(what: impl Into<String>, expect: Value) -> Self {
        Self { what: what.into(), expect }
    }
}

/// The checks of one request's rows. The issues of each row are remembered.
pub(crate) struct Checks<'a> {
    pub(crate) facade: &'a Facade,
    pub(crate) operation: &'a Operation,
    /// The sending that is replied to.
    pub(crate) leased: &'a Leased,
    /// The same command again.
    pub(crate) command: Option<&'a Value>,
    pub(crate) known: BTreeMap<(String, Expect), Vec<Issue>>,
}

impl Checks<'_> {
    /// What is wrong with a row after a reply.
    pub(crate) fn of(&mut self, text: &str, now: i64, expect: &Expect) -> Vec<Issue> {
        let case = (text.to_owned(), expect.clone());
        if let Some(issues) = self.known.get(&case) {
            return issues.clone();
        }
        let issues =
            self.fresh(text, now, expect).unwrap_or_else(|why| vec![Issue::new(format!("5: {why}"), json!({}))]);
        self.known.insert(case, issues.clone());
        issues
    }

    fn fresh(&self, text: &str, now: i64, expect: &Expect) -> Result<Vec<Issue>, String> {
        let views = self.facade.views(text, now)?;
        let state = RowState { facade: self.facade, text, now, views: &views };
        let mut issues = self.goods(state, expect)?;
        issues.extend(self.musts(state, expect)?);
        issues.extend(self.gone(&views, expect));
        if expect.gone == Need::Never || expect.outcome == ReplyOutcome::UnderWay {
            issues.extend(self.no_new_key(text, now, &views)?);
        }
        issues.extend(self.again(text, now, &views, expect)?);
        issues.extend(self.leads_on(text, now, &views, expect)?);
        Ok(issues)
    }

    /// Check 1: a good place is reached only if the data say done, and always if they promise it.
    fn goods(&self, state: RowState<'_>, expect: &Expect) -> Result<Vec<Issue>, String> {
        let mut issues = Vec::new();
        for (good, need) in self.operation.goods.iter().zip(&expect.goods) {
            let is_there = *need != Need::May && state.is_at(&good.place)?;
            match need {
                Need::Never if is_there => {
                    issues.push(Issue::new(
                        format!("1: {:?} reaches {}", expect.outcome, good.place),
                        unlike(&good.place),
                    ));
                }
                Need::Must if !is_there => {
                    issues.push(Issue::new(format!("1: a success does not reach {}", good.place), good.place.clone()))
                }
                _ => {}
            }
        }
        Ok(issues)
    }

    fn musts(&self, state: RowState<'_>, expect: &Expect) -> Result<Vec<Issue>, String> {
        let mut issues = Vec::new();
        for must in expect.musts.iter().filter_map(|index| self.operation.musts.get(*index)) {
            // A question waits for the end of a lease, and some need a second denial.
            let soon = || self.is_at(state.text, state.now + 2 * HOUR, &must.place);
            let is_reached = state.is_at(&must.place)? || expect.patient && soon()?;
            if !is_reached {
                issues.push(Issue::new(
                    format!("must: {:?} does not lead to {}", must.on, must.place),
                    must.place.clone(),
                ));
            }
        }
        Ok(issues)
    }

    fn is_at(&self, text: &str, now: i64, place: &Value) -> Result<bool, String> {
        let views = self.facade.views(text, now)?;
        RowState { facade: self.facade, text, now, views: &views }.is_at(place)
    }

    /// Check 2: a request ends only by a reply that ends it.
    fn gone(&self, views: &Views, expect: &Expect) -> Vec<Issue> {
        let id = &self.leased.id;
        match (expect.gone, is_gone(views, id)) {
            (Need::Never, true) => {
                vec![Issue::new(format!("2: {:?} ends the request", expect.outcome), json!({"effects": [{"id": id}]}))]
            }
            (Need::Must, false) => {
                vec![Issue::new("2: a success leaves the request pending", json!({"no_effects": [id]}))]
            }
            _ => Vec::new(),
        }
    }

    /// Check 2: no new key is made while a sending is open.
    pub(crate) fn no_new_key(&self, text: &str, now: i64, views: &Views) -> Result<Vec<Issue>, String> {
        let guarded = matches!(self.operation.class, Class::SameKey | Class::Reconcile | Class::Goal);
        let Some(command) = self.command.filter(|_| guarded) else { return Ok(Vec::new()) };
        for time in [now, now + 2 * HOUR] {
            let handled = self.facade.handle(text, command, time)?;
            let after = self.facade.later(&handled.text, time)?;
            let ids = |effects: &Value| request_ids(effects, self.operation.own_name());
            let before = ids(&views.later);
            if let Some(new) = ids(&after).into_iter().find(|id| !before.contains(id)) {
                return Ok(vec![Issue::new(
                    format!("2: a new key, {new}, while a sending is open"),
                    json!({"no_effects": [new]}),
                )]);
            }
        }
        Ok(Vec::new())
    }

    /// Check 2: a request that the provider may have accepted is sent again under its own key, or not at all.
    fn again(&self, text: &str, now: i64, views: &Views, expect: &Expect) -> Result<Vec<Issue>, String> {
        let id = &self.leased.id;
        let times: &[i64] = match expect.again {
            Again::Either => return Ok(Vec::new()),
            Again::Same => &[2 * HOUR],
            Again::Never => &[0, 2 * HOUR, 30 * HOUR],
        };
        let review = json!({"type": "review", "about": id});
        if is_gone(views, id) {
            return Ok(Vec::new());
        }
        for after in times {
            // A request with a review is not sent again before the verdict.
            if expect.again == Again::Same && has(&self.facade.effects(text, now + after)?, &review) {
                continue;
            }
            let mut leased = self.facade.lease(text, id, now + after)?;
            // One that is looked up first is sent again after that, whatever the lookup's reply.
            if let Some(lookup) = lookup_before(&self.facade.effects(text, now + after)?, id) {
                let looked_up = self.facade.lease(text, &lookup, now + after)?;
                leased = self.facade.lease(&looked_up.text, id, now + after + HOUR)?;
            }
            let key = leased.request.as_ref().map(|it| it["idempotency_key"].as_str().unwrap_or_default().to_owned());
            match (expect.again, leased.rejected, key) {
                (Again::Never, None, _) => {
                    return Ok(vec![Issue::new(
                        format!("2: {:?}, and the request is sent again", expect.outcome),
                        json!({}),
                    )]);
                }
                (Again::Same, Some(rules), _) => {
                    return Ok(vec![Issue::new(
                        format!("2: {:?}, and the request is not sent again: {}", expect.outcome, rules.join(", ")),
                        json!({}),
                    )]);
                }
                (Again::Same, None, key) if key.as_ref() != Some(&self.leased.key) => {
                    return Ok(vec![Issue::new(format!("2: sent again under another key, {key:?}"), json!({}))]);
                }
                _ => {}
            }
        }
        Ok(Vec::new())
    }

    /// Check 3: after every reply but a success something can still happen.
    fn leads_on(&self, text: &str, now: i64, views: &Views, expect: &Expect) -> Result<Option<Issue>, String> {
        let has_effects = views.later.as_array().is_some_and(|it| !it.is_empty());
        if matches!(expect.outcome, ReplyOutcome::Done | ReplyOutcome::Open) || has_effects || views.wake_at.is_some() {
            return Ok(None);
        }
        // Only a request that is known to have done nothing may simply be made again.
        let harmless = matches!(self.operation.class, Class::Harmless | Class::Lookup);
        let ends =
            matches!(expect.outcome, ReplyOutcome::Refused | ReplyOutcome::NotFound | ReplyOutcome::Held) || harmless;
        let is_possible = match self.command.filter(|_| ends) {
            Some(command) => self.facade.handle(text, command, now)?.rejected.is_none(),
            None if !ends => false,
            None => has(&views.actions, &json!({"action": self.operation.own_name(), "allowed": true})),
        };
        Ok((!is_possible).then(|| Issue::new(format!("3: nothing can happen after {:?}", expect.outcome), json!({}))))
    }
}

/// What a vector expects if a place must not be reached.
fn unlike(place: &Value) -> Value {
    let (effect, wait) = (&place["effects"], &place["waiting_for"]);
    if let Some(name) = effect["id"].as_str().or(effect["type"].as_str()) {
        return json!({"no_effects": [name]});
    }
    if wait["customer_url"].is_string() { json!({"no_customer_url": true}) } else { json!({}) }
}

/// The ids of an operation's requests.
fn request_ids(effects: &Value, operation: &str) -> Vec<String> {
    let all = effects.as_array().into_iter().flatten().filter(|it| it["operation"] == operation);
    all.map(|it| it["id"].as_str().unwrap_or_default().to_owned()).collect()
}
