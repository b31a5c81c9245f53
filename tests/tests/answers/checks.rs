//! The checks of a row after a reply.

use std::collections::BTreeMap;

use rulebound_tests::rows::{Facade, HOUR, Seen, Taken, Views, has, is_gone};
use serde_json::{Value, json};

use crate::expect::{Again, Expect, Need};
use crate::samples::{Class, Operation};
use crate::way::Way;

/// What is wrong with a row after a reply, and what a vector would expect of it.
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

/// The checks of one request's rows; what was found of a row is remembered.
pub(crate) struct Checks<'a> {
    pub(crate) facade: &'a Facade,
    pub(crate) operation: &'a Operation,
    /// The sending that is replied to.
    pub(crate) taken: &'a Taken,
    /// The same wish once more.
    pub(crate) wish: Option<&'a Value>,
    pub(crate) known: BTreeMap<(String, Expect), Vec<Issue>>,
}

impl Checks<'_> {
    /// What is wrong with a row after a reply.
    pub(crate) fn of(&mut self, text: &str, now: i64, expect: &Expect) -> Vec<Issue> {
        let place = (text.to_owned(), expect.clone());
        if let Some(issues) = self.known.get(&place) {
            return issues.clone();
        }
        let issues =
            self.fresh(text, now, expect).unwrap_or_else(|why| vec![Issue::new(format!("5: {why}"), json!({}))]);
        self.known.insert(place, issues.clone());
        issues
    }

    fn fresh(&self, text: &str, now: i64, expect: &Expect) -> Result<Vec<Issue>, String> {
        let views = self.facade.views(text, now)?;
        let seen = Seen { facade: self.facade, text, now, views: &views };
        let mut issues = self.goods(seen, expect)?;
        issues.extend(self.musts(seen, expect)?);
        issues.extend(self.gone(&views, expect));
        if expect.gone == Need::Never || expect.way == Way::Afoot {
            issues.extend(self.no_new_key(text, now, &views)?);
        }
        issues.extend(self.again(text, now, &views, expect)?);
        issues.extend(self.leads_on(text, now, &views, expect)?);
        Ok(issues)
    }

    /// Check 1: a good place is reached only where the data says done, and always where it promises so.
    fn goods(&self, seen: Seen<'_>, expect: &Expect) -> Result<Vec<Issue>, String> {
        let mut issues = Vec::new();
        for (good, need) in self.operation.goods.iter().zip(&expect.goods) {
            let there = *need != Need::May && seen.is_at(&good.place)?;
            match need {
                Need::Never if there => {
                    issues.push(Issue::new(format!("1: {:?} reaches {}", expect.way, good.place), unlike(&good.place)));
                }
                Need::Must if !there => {
                    issues.push(Issue::new(format!("1: a success does not reach {}", good.place), good.place.clone()))
                }
                _ => {}
            }
        }
        Ok(issues)
    }

    fn musts(&self, seen: Seen<'_>, expect: &Expect) -> Result<Vec<Issue>, String> {
        let mut issues = Vec::new();
        for must in expect.musts.iter().filter_map(|index| self.operation.musts.get(*index)) {
            // No question is asked while a lease runs, and some need a second denial.
            let soon = || self.is_at(seen.text, seen.now + 2 * HOUR, &must.place);
            let leads = seen.is_at(&must.place)? || expect.patient && soon()?;
            if !leads {
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
        Seen { facade: self.facade, text, now, views: &views }.is_at(place)
    }

    /// Check 2: a request is discharged only by what ends it.
    fn gone(&self, views: &Views, expect: &Expect) -> Vec<Issue> {
        let id = &self.taken.id;
        match (expect.gone, is_gone(views, id)) {
            (Need::Never, true) => {
                vec![Issue::new(
                    format!("2: {:?} discharges the request", expect.way),
                    json!({"effects": [{"id": id}]}),
                )]
            }
            (Need::Must, false) => {
                vec![Issue::new("2: a success leaves the request owed", json!({"no_effects": [id]}))]
            }
            _ => Vec::new(),
        }
    }

    /// Check 2: no new key is obtained while a sending is open.
    pub(crate) fn no_new_key(&self, text: &str, now: i64, views: &Views) -> Result<Vec<Issue>, String> {
        let guarded = matches!(self.operation.class, Class::SameKey | Class::Reconcile | Class::Goal);
        let Some(wish) = self.wish.filter(|_| guarded) else { return Ok(Vec::new()) };
        for at in [now, now + 2 * HOUR] {
            let led = self.facade.handle(text, wish, at)?;
            let after = self.facade.later(&led.text, at)?;
            let of = |list: &Value| ids(list, self.operation.own_name());
            let before = of(&views.later);
            if let Some(new) = of(&after).into_iter().find(|id| !before.contains(id)) {
                return Ok(vec![Issue::new(
                    format!("2: a new key, {new}, while a sending is open"),
                    json!({"no_effects": [new]}),
                )]);
            }
        }
        Ok(Vec::new())
    }

    /// Check 2: what may have been taken is sent again under its own key, or not at all.
    fn again(&self, text: &str, now: i64, views: &Views, expect: &Expect) -> Result<Vec<Issue>, String> {
        let id = &self.taken.id;
        let times: &[i64] = match expect.again {
            Again::Either => return Ok(Vec::new()),
            Again::Same => &[2 * HOUR],
            Again::Never => &[0, 2 * HOUR, 30 * HOUR],
        };
        let asked = json!({"type": "review", "about": id});
        if is_gone(views, id) {
            return Ok(Vec::new());
        }
        for after in times {
            // What is asked of a person is not sent again until it is answered.
            if expect.again == Again::Same && has(&self.facade.effects(text, now + after)?, &asked) {
                continue;
            }
            let led = self.facade.lease(text, id, now + after)?;
            let key = led.taken.as_ref().map(|it| it["idempotency_key"].as_str().unwrap_or_default().to_owned());
            match (expect.again, led.rejected, key) {
                (Again::Never, None, _) => {
                    return Ok(vec![Issue::new(format!("2: {:?}, and it is sent again", expect.way), json!({}))]);
                }
                (Again::Same, Some(rules), _) => {
                    return Ok(vec![Issue::new(
                        format!("2: {:?}, and it is not sent again: {}", expect.way, rules.join(", ")),
                        json!({}),
                    )]);
                }
                (Again::Same, None, key) if key.as_ref() != Some(&self.taken.key) => {
                    return Ok(vec![Issue::new(format!("2: sent again under another key, {key:?}"), json!({}))]);
                }
                _ => {}
            }
        }
        Ok(Vec::new())
    }

    /// Check 3: what is not done leaves something that leads on.
    fn leads_on(&self, text: &str, now: i64, views: &Views, expect: &Expect) -> Result<Option<Issue>, String> {
        let owes = views.later.as_array().is_some_and(|it| !it.is_empty());
        if matches!(expect.way, Way::Done | Way::Open) || owes || views.wake_at.is_some() {
            return Ok(None);
        }
        // Only what is known to have done nothing may simply be asked for once more.
        let harmless = matches!(self.operation.class, Class::Harmless | Class::Lookup);
        let ends = matches!(expect.way, Way::Refused | Way::NotFound | Way::Held) || harmless;
        let may_ask = match self.wish.filter(|_| ends) {
            Some(wish) => self.facade.handle(text, wish, now)?.rejected.is_none(),
            None if !ends => false,
            None => has(&views.actions, &json!({"action": self.operation.own_name(), "allowed": true})),
        };
        Ok((!may_ask).then(|| Issue::new(format!("3: nothing leads on after {:?}", expect.way), json!({}))))
    }
}

/// What a vector expects where a place must not be reached.
fn unlike(place: &Value) -> Value {
    let (owed, awaits) = (&place["effects"], &place["waiting_for"]);
    if let Some(name) = owed["id"].as_str().or(owed["type"].as_str()) {
        return json!({"no_effects": [name]});
    }
    if awaits["customer_url"].is_string() { json!({"no_customer_url": true}) } else { json!({}) }
}

/// The ids of an operation's requests.
fn ids(list: &Value, operation: &str) -> Vec<String> {
    let all = list.as_array().into_iter().flatten().filter(|it| it["operation"] == operation);
    all.map(|it| it["id"].as_str().unwrap_or_default().to_owned()).collect()
}
