//! The cases of one request: every reply in every position.

use std::collections::BTreeMap;

use rulebound_tests::rows::{Facade, Led, Row, Seen, Taken, fill, play};
use serde_json::{Value, json};

use crate::bodies::{Body, bodies};
use crate::checks::{Checks, Issue};
use crate::expect::{Asked, Case, Expect};
use crate::positions::{POSITIONS, Position, Stand};
use crate::report::{Found, Where};
use crate::samples::{Flow, Operation, Pending};
use crate::way::Way;

/// The statuses that are tried with every body.
pub(crate) const SOME: [u16; 11] = [200, 204, 302, 400, 401, 403, 404, 409, 422, 429, 500];

/// The statuses that are tried with a few bodies where not every status is.
const MORE: [u16; 10] = [100, 201, 202, 402, 407, 408, 425, 499, 503, 599];

/// A pending state of an operation.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) facade: &'a Facade,
    /// The operation, with its names resolved.
    pub(crate) raw: Value,
    pub(crate) pending: usize,
    /// The successes of all operations of the provider.
    pub(crate) others: &'a [(String, Value)],
}

/// A pending request: its row, and its data with what the row alone knows.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Before the request is begun.
    pub(crate) row: Row,
    pub(crate) operation: Operation,
    pub(crate) names: Vec<String>,
    /// The same wish once more.
    pub(crate) wish: Option<Value>,
    pub(crate) others: Vec<(String, Value)>,
    /// What is handed out first.
    pub(crate) first: Taken,
}

impl Job<'_> {
    /// Plays the prelude.
    pub(crate) fn ready(&self) -> Result<Ready, String> {
        let told = Operation::read(&self.raw);
        let pending = told.pending.get(self.pending).ok_or("no such pending state")?;
        let steps = self.flow.steps(pending)?;
        let row = play(self.facade, &steps)?;
        let names = pending.effect.all();
        let mut begun = row.clone();
        let first = self.facade.begin(&mut begun, &names)?;
        let operation = Operation::read(&fill(&self.raw, &begun));
        let last = || steps.iter().rev().find_map(|step| step.get("command")).cloned();
        let wish = pending.again.clone().or_else(last).map(|wish| fill(&wish, &begun));
        let others = self.others.iter().map(|(name, body)| (name.clone(), fill(body, &begun))).collect();
        Ok(Ready { row, operation, names, wish, others, first })
    }

    /// Tries every reply in every position.
    pub(crate) fn run(&self, found: &mut Found) {
        let told = Operation::read(&self.raw);
        let place = Where {
            flow: self.flow.flow.clone(),
            operation: told.name.clone(),
            pending: self.pending_of(&told).name.clone(),
        };
        let ready = match self.ready() {
            Ok(ready) => ready,
            Err(why) => return found.lacks(&place, "prelude", &why),
        };
        let all = bodies(&ready.operation, &ready.others);
        for position in POSITIONS.iter().filter(|it| it.is_for(&ready.operation)) {
            match position.reach(self.facade, ready.row.clone(), &ready.names, &ready.operation) {
                Ok(stand) => self.at(&ready, &place, position, &stand, &all, found),
                Err(why) => found.lacks(&place, position.name, &why),
            }
        }
        self.restored(&ready, &place, found);
        self.judged(&ready, &place, &all, found);
        self.named(&ready, &place, &all, found);
    }

    fn pending_of<'a>(&self, operation: &'a Operation) -> &'a Pending {
        &operation.pending[self.pending]
    }

    fn at(&self, ready: &Ready, place: &Where, position: &Position, stand: &Stand, all: &[Body], found: &mut Found) {
        let asked = match self.asked(ready, &place.pending, &stand.row) {
            Ok(asked) => asked,
            Err(why) => return found.lacks(place, position.name, &why),
        };
        let mut checks = self.checks(ready, &stand.taken);
        let opened = match self.facade.open(&stand.row.text) {
            Ok(opened) => opened,
            Err(why) => return found.lacks(place, position.name, &why),
        };
        for (status, body) in Self::replies(position, all) {
            let case = self.case(ready, position, status, body);
            let expect = case.expect(&asked);
            let fact = stand.reply(status, &body.text);
            let issues = match opened.observe(&fact, stand.row.now) {
                Ok(led) => {
                    let mut issues: Vec<_> = reason(&led, &expect, &stand.taken, &case).into_iter().collect();
                    issues.extend(checks.of(&led.text, stand.row.now, &expect));
                    issues
                }
                Err(why) => vec![Issue::new(format!("5: {why}"), json!({}))],
            };
            let told = || format!("{} · {status} {}", position.name, body.label);
            found.case(place, told, issues, self.facade, &stand.row, &[fact]);
        }
    }

    pub(crate) fn case<'a>(&'a self, ready: &'a Ready, position: &Position, status: u16, body: &'a Body) -> Case<'a> {
        Case {
            provider: self.flow.provider(),
            operation: &ready.operation,
            to: position.to,
            turn: position.turn,
            others: position.others,
            lost: position.is_lost(),
            status,
            body,
        }
    }

    /// The statuses and bodies that are tried in a position: some statuses with everything; with a few bodies all of them
    /// in the first position, and every fourth elsewhere, beside those that stand for the rest.
    fn replies<'b>(position: &Position, all: &'b [Body]) -> Vec<(u16, &'b Body)> {
        let first = position.name == POSITIONS[0].name;
        let swept = |status: u16| first || status.is_multiple_of(4) || MORE.contains(&status);
        let tries = |status: u16, body: &Body| SOME.contains(&status) || body.few && swept(status);
        let each = (100..=599).flat_map(|status| all.iter().map(move |body| (status, body)));
        each.filter(|(status, body)| tries(*status, body)).collect()
    }

    pub(crate) fn asked(&self, ready: &Ready, pending: &str, row: &Row) -> Result<Asked, String> {
        let views = self.facade.views(&row.text, row.now)?;
        Asked::of(&ready.operation, pending, Seen { facade: self.facade, text: &row.text, now: row.now, views: &views })
    }

    pub(crate) fn checks<'a>(&'a self, ready: &'a Ready, taken: &'a Taken) -> Checks<'a> {
        let wish = ready.wish.as_ref();
        Checks { facade: self.facade, operation: &ready.operation, taken, wish, known: BTreeMap::new() }
    }
}

pub(crate) fn broken(why: String) -> Vec<Issue> {
    vec![Issue::new(format!("5: {why}"), json!({}))]
}

/// Check 5: `failure` names what the provider said, or what was missing.
fn reason(led: &Led, expect: &Expect, taken: &Taken, case: &Case<'_>) -> Option<Issue> {
    let silent = led.failure.is_none() && led.ignored.is_none();
    let (kind, status) = match expect.kind {
        Some(kind) => (kind, case.status),
        None if expect.way == Way::Unknown && silent && !case.body.unheard => {
            return Some(Issue::new("5: nothing is said of a reply that proves nothing", json!({})));
        }
        None => return None,
    };
    let wanted = json!({"failure": {"effect": taken.id, "http_status": status, "kind": kind}});
    let issue = |what: String| Some(Issue::new(format!("5: {what}"), wanted.clone()));
    let Some(failure) = &led.failure else {
        let ignored = led.ignored.as_ref().map(|it| format!(" (ignored: {it})")).unwrap_or_default();
        return issue(format!("{:?} without a `failure`{ignored}", expect.way));
    };
    if failure["effect"] != *taken.id || failure["http_status"] != status {
        return issue(format!("`failure` is about something else: {failure}"));
    }
    if failure["kind"] != kind {
        return issue(format!("`failure` is {}, not {kind}", failure["kind"]));
    }
    let wrong = case.body.wrong.as_deref().filter(|_| matches!(status, 200..=299) && expect.way == Way::Unknown)?;
    let named = failure["pointer"].as_str().is_some_and(|it| is_about(it, wrong));
    if named { None } else { issue(format!("`failure` names {}, not {wrong}", failure["pointer"])) }
}

/// Whether a pointer names a member, or what it is within, or what is within it.
fn is_about(pointer: &str, member: &str) -> bool {
    let last = |it: &str| it.rsplit('/').next().unwrap_or_default().to_owned();
    // Where the wrapper itself is missing, what is missing in it is named as it stands without.
    let is_unwrapped = member == "/data" && !pointer.is_empty();
    is_unwrapped
        || !pointer.is_empty()
            && (member.starts_with(pointer) || pointer.starts_with(member) || last(pointer) == last(member))
}
