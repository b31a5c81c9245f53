//! The cases of one request: every reply in every position.

use std::collections::BTreeMap;

use rulebound_tests::rows::{Facade, Leased, Outcome, Row, RowState, fill, play};
use serde_json::{Value, json};

use crate::bodies::{Body, bodies};
use crate::checks::{Checks, Issue};
use crate::expect::{Applicable, Case, Expect};
use crate::outcome::ReplyOutcome;
use crate::positions::{POSITIONS, Placed, Position};
use crate::report::{Found, Subject};
use crate::samples::{Flow, Operation, Pending};

/// The statuses that are tried with every body.
pub(crate) const SOME: [u16; 11] = [200, 204, 302, 400, 401, 403, 404, 409, 422, 429, 500];

/// The statuses that are tried with a few bodies in positions where not every status is tried.
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

/// A pending request: its row, and its data with what only the row knows.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The row before the request is leased.
    pub(crate) row: Row,
    pub(crate) operation: Operation,
    pub(crate) names: Vec<String>,
    /// The same command again.
    pub(crate) command: Option<Value>,
    pub(crate) others: Vec<(String, Value)>,
    /// The first lease.
    pub(crate) first: Leased,
}

impl Job<'_> {
    /// Plays the prelude.
    pub(crate) fn ready(&self) -> Result<Ready, String> {
        let unfilled = Operation::read(&self.raw);
        let pending = unfilled.pending.get(self.pending).ok_or("no such pending state")?;
        let steps = self.flow.steps(pending)?;
        let row = play(self.facade, &steps)?;
        let names = pending.effect.all();
        let mut leased = row.clone();
        let first = self.facade.lease_when_ready(&mut leased, &names)?;
        let operation = Operation::read(&fill(&self.raw, &leased));
        let last = || steps.iter().rev().find_map(|step| step.get("command")).cloned();
        let command = pending.again.clone().or_else(last).map(|command| fill(&command, &leased));
        let others = self.others.iter().map(|(name, body)| (name.clone(), fill(body, &leased))).collect();
        Ok(Ready { row, operation, names, command, others, first })
    }

    /// Tries every reply in every position.
    pub(crate) fn run(&self, found: &mut Found) {
        let operation = Operation::read(&self.raw);
        let subject = Subject {
            flow: self.flow.flow.clone(),
            operation: operation.name.clone(),
            pending: self.pending_of(&operation).name.clone(),
        };
        let ready = match self.ready() {
            Ok(ready) => ready,
            Err(why) => return found.not_reached(&subject, "prelude", &why),
        };
        let all = bodies(&ready.operation, &ready.others);
        for position in POSITIONS.iter().filter(|it| it.is_for(&ready.operation)) {
            match position.reach(self.facade, ready.row.clone(), &ready.names, &ready.operation) {
                Ok(placed) => self.replies_in(&ready, &subject, position, &placed, &all, found),
                Err(why) => found.not_reached(&subject, position.name, &why),
            }
        }
        self.restored(&ready, &subject, found);
        self.verdicts(&ready, &subject, &all, found);
        self.named(&ready, &subject, &all, found);
    }

    fn pending_of<'a>(&self, operation: &'a Operation) -> &'a Pending {
        &operation.pending[self.pending]
    }

    /// Tries every reply in one position.
    fn replies_in(
        &self,
        ready: &Ready,
        subject: &Subject,
        position: &Position,
        placed: &Placed,
        all: &[Body],
        found: &mut Found,
    ) {
        let applicable = match self.applicable(ready, &subject.pending, &placed.row) {
            Ok(applicable) => applicable,
            Err(why) => return found.not_reached(subject, position.name, &why),
        };
        let mut checks = self.checks(ready, &placed.leased);
        let opened = match self.facade.open(&placed.row.text) {
            Ok(opened) => opened,
            Err(why) => return found.not_reached(subject, position.name, &why),
        };
        for (status, body) in Self::replies(position, all) {
            let case = self.case(ready, position, status, body);
            let expect = case.expect(&applicable);
            let fact = placed.reply(status, &body.text);
            let issues = match opened.observe(&fact, placed.row.now) {
                Ok(outcome) => {
                    let mut issues: Vec<_> = reason(&outcome, &expect, &placed.leased, &case).into_iter().collect();
                    issues.extend(checks.of(&outcome.text, placed.row.now, &expect));
                    issues
                }
                Err(why) => vec![Issue::new(format!("5: {why}"), json!({}))],
            };
            let label = || format!("{} · {status} {}", position.name, body.label);
            found.case(subject, label, issues, self.facade, &placed.row, &[fact]);
        }
    }

    pub(crate) fn case<'a>(&'a self, ready: &'a Ready, position: &Position, status: u16, body: &'a Body) -> Case<'a> {
        Case {
            provider: self.flow.provider(),
            operation: &ready.operation,
            target: position.target,
            turn: position.turn,
            others: position.others,
            lost: position.is_lost(),
            restored: position.is_restored(),
            status,
            body,
        }
    }

    /// The statuses and bodies that are tried in a position.
    ///
    /// [`SOME`] statuses are tried with every body. Every status is tried with a few bodies in the first position, and every
    /// fourth one and [`MORE`] elsewhere.
    fn replies<'b>(position: &Position, all: &'b [Body]) -> Vec<(u16, &'b Body)> {
        let first = position.name == POSITIONS[0].name;
        let is_swept = |status: u16| first || status.is_multiple_of(4) || MORE.contains(&status);
        let tries = |status: u16, body: &Body| SOME.contains(&status) || body.few && is_swept(status);
        let each = (100..=599).flat_map(|status| all.iter().map(move |body| (status, body)));
        each.filter(|(status, body)| tries(*status, body)).collect()
    }

    pub(crate) fn applicable(&self, ready: &Ready, pending: &str, row: &Row) -> Result<Applicable, String> {
        let views = self.facade.views(&row.text, row.now)?;
        let state = RowState { facade: self.facade, text: &row.text, now: row.now, views: &views };
        Applicable::of(&ready.operation, pending, state)
    }

    pub(crate) fn checks<'a>(&'a self, ready: &'a Ready, leased: &'a Leased) -> Checks<'a> {
        let command = ready.command.as_ref();
        Checks { facade: self.facade, operation: &ready.operation, leased, command, known: BTreeMap::new() }
    }
}

pub(crate) fn broken(why: String) -> Vec<Issue> {
    vec![Issue::new(format!("5: {why}"), json!({}))]
}

/// Check 5: `failure` names why the reply is not a success, or the member that is missing.
fn reason(outcome: &Outcome, expect: &Expect, leased: &Leased, case: &Case<'_>) -> Option<Issue> {
    let is_silent = outcome.failure.is_none() && outcome.ignored.is_none();
    let (kind, status) = match expect.kind {
        Some(kind) => (kind, case.status),
        None if expect.outcome == ReplyOutcome::Unknown && is_silent && !case.body.unknown => {
            return Some(Issue::new("5: a reply that proves nothing leaves no `failure`", json!({})));
        }
        None => return None,
    };
    let wanted = json!({"failure": {"effect": leased.id, "http_status": status, "kind": kind}});
    let issue = |what: String| Some(Issue::new(format!("5: {what}"), wanted.clone()));
    let Some(failure) = &outcome.failure else {
        let ignored = outcome.ignored.as_ref().map(|it| format!(" (ignored: {it})")).unwrap_or_default();
        return issue(format!("{:?} without a `failure`{ignored}", expect.outcome));
    };
    if failure["effect"] != *leased.id || failure["http_status"] != status {
        return issue(format!("`failure` is about something else: {failure}"));
    }
    if failure["kind"] != kind {
        return issue(format!("`failure` is {}, not {kind}", failure["kind"]));
    }
    let wrong = case
        .body
        .wrong
        .as_deref()
        .filter(|_| matches!(status, 200..=299) && expect.outcome == ReplyOutcome::Unknown)?;
    let named = failure["pointer"].as_str().is_some_and(|it| is_about(it, wrong));
    if named { None } else { issue(format!("`failure` names {}, not {wrong}", failure["pointer"])) }
}

/// Whether a pointer names a member, something around it, or something in it.
fn is_about(pointer: &str, member: &str) -> bool {
    let last = |it: &str| it.rsplit('/').next().unwrap_or_default().to_owned();
    // If the wrapper itself is missing, the pointer is that of the member without the wrapper.
    let is_unwrapped = member == "/data" && !pointer.is_empty();
    is_unwrapped
        || !pointer.is_empty()
            && (member.starts_with(pointer) || pointer.starts_with(member) || last(pointer) == last(member))
}
