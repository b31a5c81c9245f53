//! The cases of one request: every reply in every position.

use std::collections::BTreeMap;

use rulebound_tests::rows::{Facade, Led, Row, Seen, Taken, fill, has, is_gone, play, webhook};
use serde_json::{Value, json};

use crate::bodies::{Body, bodies};
use crate::checks::{Checks, Issue};
use crate::expect::{Asked, Case, Expect};
use crate::positions::{POSITIONS, Position, Stand};
use crate::report::{Found, Where};
use crate::samples::{Class, Flow, Operation, Pending};
use crate::way::{Turn, Way, way};

/// The statuses that are tried with every body.
const SOME: [u16; 10] = [200, 204, 302, 400, 401, 403, 404, 409, 429, 500];

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
        for (status, body) in self.replies(&ready.operation, position, all) {
            let case = Case {
                provider: self.flow.provider(),
                operation: &ready.operation,
                to: position.to,
                turn: position.turn,
                others: position.others,
                lost: position.is_lost(),
                status,
                body,
            };
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

    /// The statuses and bodies that are tried in a position: everything in the first one, and every status once for each
    /// operation; elsewhere what tells the positions apart.
    fn replies<'b>(&self, operation: &Operation, position: &Position, all: &'b [Body]) -> Vec<(u16, &'b Body)> {
        let first = position.name == POSITIONS[0].name;
        // What is read of an object does not depend on why it is looked up.
        let swept =
            first && self.pending == 0 && (operation.class != Class::Lookup || operation.own_name() == operation.name);
        let tries = |status: u16, body: &Body| match (SOME.contains(&status), first) {
            (true, true) => true,
            (true, false) => status == 200 || body.few || (position.turn == Turn::Later && !body.changed),
            (false, _) => swept && body.few,
        };
        let each = (100..=599).flat_map(|status| all.iter().map(move |body| (status, body)));
        each.filter(|(status, body)| tries(*status, body)).collect()
    }

    fn asked(&self, ready: &Ready, pending: &str, row: &Row) -> Result<Asked, String> {
        let views = self.facade.views(&row.text, row.now)?;
        Asked::of(&ready.operation, pending, Seen { facade: self.facade, text: &row.text, now: row.now, views: &views })
    }

    fn checks<'a>(&'a self, ready: &'a Ready, taken: &'a Taken) -> Checks<'a> {
        let wish = ready.wish.as_ref();
        Checks { facade: self.facade, operation: &ready.operation, taken, wish, known: BTreeMap::new() }
    }

    /// The webhook that names the request, before and after every reply.
    fn named(&self, ready: &Ready, place: &Where, all: &[Body], found: &mut Found) {
        let is_from = |from: &[String]| from.is_empty() || from.contains(&place.pending);
        let Some(naming) = ready.operation.naming.as_ref().filter(|it| is_from(&it.from)) else { return };
        let signal = webhook(&naming.body, &naming.origin);
        let first =
            POSITIONS.iter().next().map(|it| it.reach(self.facade, ready.row.clone(), &ready.names, &ready.operation));
        let Some(Ok(stand)) = first else { return };
        if naming.before {
            self.named_before(ready, place, &stand, &signal, all, found);
        }
        for (status, body) in SOME.iter().flat_map(|status| all.iter().map(move |body| (*status, body))) {
            let way = way(self.flow.provider(), &ready.operation, Turn::Only, status, &body.text);
            // Another object's success says of this one what its own document does not: the two need not agree.
            let counts = match way {
                Way::Done => body.promised,
                Way::Unknown | Way::Accepted | Way::Open => true,
                // After a refusal of all there was nothing is open that it could name.
                Way::Held | Way::Refused => false,
                _ => naming.by_key,
            };
            if !counts || !(body.few || status == 200) {
                continue;
            }
            let fact = stand.reply(status, &body.text);
            let issues = self.named_after(ready, &stand, &fact, &signal);
            let told = || format!("{status} {}, then the webhook", body.label);
            let facts = [fact.clone(), signal.clone()];
            found.case(place, told, issues.unwrap_or_else(broken), self.facade, &stand.row, &facts);
        }
    }

    fn named_before(
        &self,
        ready: &Ready,
        place: &Where,
        stand: &Stand,
        signal: &Value,
        all: &[Body],
        found: &mut Found,
    ) {
        let led = match self.facade.observe(&stand.row.text, signal, stand.row.now) {
            Ok(led) => led,
            Err(why) => return found.lacks(place, "the webhook first", &why),
        };
        let issues = self.is_named(ready, stand, &led, stand.row.now).unwrap_or_else(broken);
        let good = issues.is_empty();
        found.case(place, || "the webhook first".into(), issues, self.facade, &stand.row, std::slice::from_ref(signal));
        if !good {
            return;
        }
        let now = stand.row.now + 1000;
        for status in SOME {
            for body in all.iter().filter(|it| it.few || status == 200) {
                let fact = stand.reply(status, &body.text);
                let after = self.facade.observe(&led.text, &fact, now);
                let issues = after.and_then(|led| self.is_named(ready, stand, &led, now)).unwrap_or_else(broken);
                let told = || format!("the webhook, then {status} {}", body.label);
                found.case(place, told, issues, self.facade, &stand.row, &[signal.clone(), fact]);
            }
        }
    }

    fn named_after(&self, ready: &Ready, stand: &Stand, reply: &Value, signal: &Value) -> Result<Vec<Issue>, String> {
        let led = self.facade.observe(&stand.row.text, reply, stand.row.now)?;
        let now = stand.row.now + 1000;
        let led = self.facade.observe(&led.text, signal, now)?;
        if led.unmoved.as_deref() == Some("early") {
            return Ok(Vec::new());
        }
        self.is_named(ready, stand, &led, now)
    }

    /// A signal that names the request ends it, and nothing that comes later takes back what it proved.
    fn is_named(&self, ready: &Ready, stand: &Stand, led: &Led, now: i64) -> Result<Vec<Issue>, String> {
        let Some(naming) = &ready.operation.naming else { return Ok(Vec::new()) };
        let views = self.facade.views(&led.text, now)?;
        if has(&views.owed, &json!({"type": "review"})) {
            return Ok(Vec::new());
        }
        let seen = Seen { facade: self.facade, text: &led.text, now, views: &views };
        let mut issues = Vec::new();
        if !seen.is_at(&naming.place)? {
            issues.push(Issue::new(
                format!("named: the webhook's {} is not reached", naming.place),
                naming.place.clone(),
            ));
        }
        if !is_gone(&views, &stand.taken.id) {
            issues.push(Issue::new("named: the request is still owed", json!({"none_owed": [stand.taken.id]})));
        }
        Ok(issues)
    }
}

fn broken(why: String) -> Vec<Issue> {
    vec![Issue::new(format!("5: {why}"), json!({}))]
}

/// Check 5: `failure` names what the provider said, or what was missing.
fn reason(led: &Led, expect: &Expect, taken: &Taken, case: &Case<'_>) -> Option<Issue> {
    let (kind, status) = (expect.kind?, case.status);
    let wanted = json!({"failure": {"to": taken.id, "status": status, "kind": kind}});
    let issue = |what: String| Some(Issue::new(format!("5: {what}"), wanted.clone()));
    let Some(failure) = &led.failure else {
        let unmoved = led.unmoved.as_ref().map(|it| format!(" (unmoved: {it})")).unwrap_or_default();
        return issue(format!("{:?} without a `failure`{unmoved}", expect.way));
    };
    if failure["to"] != *taken.id || failure["status"] != status {
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
