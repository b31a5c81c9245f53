//! The cases of one request: every reply in every position.

use std::collections::BTreeMap;

use rulebound_tests::rows::{Facade, HOUR, Led, Row, Seen, Taken, fill, has, is_gone, play, webhook};
use serde_json::{Value, json};

use crate::bodies::{Body, bodies};
use crate::checks::{Checks, Issue};
use crate::expect::{Asked, Case, Expect, Need};
use crate::positions::{POSITIONS, Position, Stand, To};
use crate::report::{Found, Where};
use crate::samples::{Class, Flow, Operation, Pending};
use crate::way::Way;

/// The statuses that are tried with every body.
const SOME: [u16; 11] = [200, 204, 302, 400, 401, 403, 404, 409, 422, 429, 500];

/// The statuses that are tried with a few bodies where not every status is.
const MORE: [u16; 10] = [100, 201, 202, 402, 407, 408, 425, 499, 503, 599];

/// The id of another object than the one that every success is about.
const ANOTHER: &str = "0192b445-bb0d-7a05-abd7-0000000000ff";

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

/// A request in a position, and the webhook that names it.
#[derive(Clone, Copy)]
struct Scene<'a> {
    ready: &'a Ready,
    place: &'a Where,
    position: &'a Position,
    stand: &'a Stand,
    signal: &'a Value,
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

    fn case<'a>(&'a self, ready: &'a Ready, position: &Position, status: u16, body: &'a Body) -> Case<'a> {
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

    /// The statuses and bodies that are tried in a position: some statuses with everything, and all with a few bodies in
    /// the first position, elsewhere those that stand for the rest.
    fn replies<'b>(position: &Position, all: &'b [Body]) -> Vec<(u16, &'b Body)> {
        let first = position.name == POSITIONS[0].name;
        let tries = |status: u16, body: &Body| SOME.contains(&status) || body.few && (first || MORE.contains(&status));
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

    /// After a restored backup a request may have been taken that the backup does not know of: what two could cost
    /// something of is not sent.
    fn restored(&self, ready: &Ready, place: &Where, found: &mut Found) {
        if ready.operation.class != Class::Reconcile {
            return;
        }
        let mut row = ready.row.clone();
        row.now += 1000;
        let fact = json!({"type": "restored", "taken_at": row.now - 1000});
        let issues = self.sent_after(&mut row, &fact, &ready.first.id).unwrap_or_else(broken);
        found.case(place, || "after `restored`".into(), issues, self.facade, &row, &[]);
    }

    fn sent_after(&self, row: &mut Row, fact: &Value, id: &str) -> Result<Vec<Issue>, String> {
        self.facade.tell(row, fact)?;
        for after in [0, 2 * HOUR, 30 * HOUR] {
            let led = self.facade.handle(&row.text, &json!({"type": "begin", "effect": id}), row.now + after)?;
            if led.rejected.is_none() {
                return Ok(vec![Issue::new("2: it is sent though it may have been taken", json!({}))]);
            }
        }
        Ok(Vec::new())
    }

    /// A request that a person says was not made, or was made under another id, stays remembered: a later success of it,
    /// and a webhook that names it, is asked about.
    fn judged(&self, ready: &Ready, place: &Where, all: &[Body], found: &mut Found) {
        if !matches!(ready.operation.class, Class::SameKey | Class::Reconcile) {
            return;
        }
        let Some(lost) = POSITIONS.iter().find(|it| it.is_for(&ready.operation) && it.is_lost()) else { return };
        let Ok(mut stand) = lost.reach(self.facade, ready.row.clone(), &ready.names, &ready.operation) else { return };
        let review = match self.asked_of_a_person(&mut stand) {
            Ok(Some(review)) => review,
            Ok(None) => return found.lacks(place, "a verdict", "no review after 60 hours"),
            Err(why) => return found.lacks(place, "a verdict", &why),
        };
        for verdict in review["verdicts"].as_array().into_iter().flatten() {
            let name = verdict["verdict"].as_str().or(verdict.as_str()).unwrap_or_default();
            let denies = name.starts_with("not_") || name == "still_held";
            let needs_id = !verdict["needs_id"].is_null();
            let (given, reason) = match (denies, needs_id) {
                (true, _) => (json!(name), "made_after_all"),
                (false, true) => (json!({"verdict": name, "id": ANOTHER}), "made_twice"),
                (false, false) => continue,
            };
            let mut row = stand.row.clone();
            if let Err(why) =
                self.facade.tell(&mut row, &json!({"type": "done", "effect": review["id"], "verdict": given}))
            {
                found.lacks(place, &format!("the verdict {name}"), &why);
                continue;
            }
            row.now += 1000;
            let asks = |fact: &Value, reasons: &[&str]| {
                let led = self.facade.observe(&row.text, fact, row.now)?;
                let owed = self.facade.owed(&led.text, row.now)?;
                let asked = reasons.iter().any(|it| has(&owed, &json!({"type": "review", "reason": it})));
                let said = led.unmoved.map(|it| format!(" (unmoved: {it})")).unwrap_or_default();
                let what = format!("judged: after {name} nothing is asked{said}");
                let wanted = json!({"owed": [{"type": "review", "reason": reasons[0]}]});
                Ok::<_, String>(if asked { Vec::new() } else { vec![Issue::new(what, wanted)] })
            };
            for body in all.iter().filter(|it| it.promised) {
                let fact = stand.reply(ready.operation.status, &body.text);
                let told = || format!("{name}, then {} {}", ready.operation.status, body.label);
                let issues = asks(&fact, &[reason]).unwrap_or_else(broken);
                found.case(place, told, issues, self.facade, &row, &[fact]);
            }
            let is_from = |from: &[String]| from.is_empty() || from.contains(&place.pending);
            if let Some(naming) =
                ready.operation.naming.as_ref().filter(|it| is_from(&it.from) && it.by_key && !it.of_object)
            {
                let signal = webhook(&naming.body, &naming.origin);
                let issues = asks(&signal, &[reason, "unplaced_payment"]).unwrap_or_else(broken);
                found.case(place, || format!("{name}, then the webhook"), issues, self.facade, &row, &[signal]);
            }
        }
    }

    /// Waits for the question about a request of which nothing is heard.
    fn asked_of_a_person(&self, stand: &mut Stand) -> Result<Option<Value>, String> {
        for _ in 0..60 {
            let owed = self.facade.owed(&stand.row.text, stand.row.now)?;
            let of = |it: &&Value| it["type"] == "review" && it["of"] == *stand.taken.id;
            if let Some(review) = owed.as_array().into_iter().flatten().find(of) {
                return Ok(Some(review.clone()));
            }
            stand.row.now += HOUR;
        }
        Ok(None)
    }

    /// The webhook that names the request, before and after every reply.
    fn named(&self, ready: &Ready, place: &Where, all: &[Body], found: &mut Found) {
        let is_from = |from: &[String]| from.is_empty() || from.contains(&place.pending);
        let Some(naming) = ready.operation.naming.as_ref().filter(|it| is_from(&it.from)) else { return };
        let signal = webhook(&naming.body, &naming.origin);
        for position in POSITIONS.iter().filter(|it| it.is_for(&ready.operation) && it.to != To::Unsaid) {
            // A state that cannot be reached is told where the replies are tried.
            let Ok(stand) = position.reach(self.facade, ready.row.clone(), &ready.names, &ready.operation) else {
                continue;
            };
            let scene = Scene { ready, place, position, stand: &stand, signal: &signal };
            if naming.before {
                self.named_before(scene, all, found);
            }
            self.named_later(scene, all, found);
        }
    }

    /// Every reply, and then the webhook.
    fn named_later(&self, scene: Scene<'_>, all: &[Body], found: &mut Found) {
        let Scene { ready, place, position, stand, signal } = scene;
        let Some(naming) = &ready.operation.naming else { return };
        let Ok(asked) = self.asked(ready, &place.pending, &stand.row) else { return };
        let first = position.name == POSITIONS[0].name;
        for (status, body) in SOME.iter().flat_map(|status| all.iter().map(move |body| (*status, body))) {
            if !first && !body.few {
                continue;
            }
            let case = self.case(ready, position, status, body);
            let expect = case.expect(&asked);
            let counts = match expect.way {
                // Another object's success says of this one what its own document does not: the two need not agree.
                Way::Done => body.promised,
                Way::Unknown | Way::Accepted | Way::Open => true,
                // What carries our key is taken whatever was said before.
                _ => naming.by_key,
            };
            let fact = stand.reply(status, &body.text);
            let issues = self.named_after(scene, &fact, counts, &expect);
            let told = || format!("{} · {status} {}, then the webhook", position.name, body.label);
            let facts = [fact.clone(), signal.clone()];
            found.case(place, told, issues.unwrap_or_else(broken), self.facade, &stand.row, &facts);
        }
    }

    fn named_before(&self, scene: Scene<'_>, all: &[Body], found: &mut Found) {
        let Scene { ready, place, position, stand, signal } = scene;
        let led = match self.facade.observe(&stand.row.text, signal, stand.row.now) {
            Ok(led) => led,
            Err(why) => return found.lacks(place, "the webhook first", &why),
        };
        let issues = self.is_named(ready, stand, &led, stand.row.now).unwrap_or_else(broken);
        let good = issues.is_empty();
        let told = || format!("{} · the webhook first", position.name);
        found.case(place, told, issues, self.facade, &stand.row, std::slice::from_ref(signal));
        if !good {
            return;
        }
        let first = position.name == POSITIONS[0].name;
        let now = stand.row.now + 1000;
        for status in SOME {
            for body in all.iter().filter(|it| it.few || first) {
                let fact = stand.reply(status, &body.text);
                let after = self.facade.observe(&led.text, &fact, now);
                let issues = after.and_then(|led| self.is_named(ready, stand, &led, now)).unwrap_or_else(broken);
                let told = || format!("{} · the webhook, then {status} {}", position.name, body.label);
                found.case(place, told, issues, self.facade, &stand.row, &[signal.clone(), fact]);
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
        let Scene { ready, stand, signal, .. } = scene;
        let by_key = ready.operation.naming.as_ref().is_some_and(|it| it.by_key);
        let led = self.facade.observe(&stand.row.text, reply, stand.row.now)?;
        let now = stand.row.now + 1000;
        let led = self.facade.observe(&led.text, signal, now)?;
        let early = led.unmoved.as_deref() == Some("early");
        if counts && !(early && !by_key) {
            return self.is_named(ready, stand, &led, now);
        }
        // Whatever is not named stays as the reply left it.
        let views = self.facade.views(&led.text, now)?;
        let reached = self.is_there(ready, &led, now)?;
        let mut issues = Vec::new();
        if expect.gone == Need::Never && !reached {
            if is_gone(&views, &stand.taken.id) {
                issues.push(Issue::new("2: a webhook that does not name it discharges the request", json!({})));
            }
            issues.extend(self.checks(ready, &stand.taken).no_new_key(&led.text, now, &views)?);
        }
        Ok(issues)
    }

    fn is_there(&self, ready: &Ready, led: &Led, now: i64) -> Result<bool, String> {
        let Some(naming) = &ready.operation.naming else { return Ok(false) };
        let views = self.facade.views(&led.text, now)?;
        Seen { facade: self.facade, text: &led.text, now, views: &views }.is_at(&naming.place)
    }

    /// A signal that names the request ends it, and nothing that comes later takes back what it proved.
    fn is_named(&self, ready: &Ready, stand: &Stand, led: &Led, now: i64) -> Result<Vec<Issue>, String> {
        let Some(naming) = &ready.operation.naming else { return Ok(Vec::new()) };
        let views = self.facade.views(&led.text, now)?;
        let seen = Seen { facade: self.facade, text: &led.text, now, views: &views };
        let (there, gone) = (seen.is_at(&naming.place)?, is_gone(&views, &stand.taken.id));
        let mut issues = Vec::new();
        let asks = has(&views.owed, &json!({"type": "review"}));
        if !there && !asks {
            let why = led.unmoved.as_ref().map(|it| format!(" (unmoved: {it})")).unwrap_or_default();
            issues.push(Issue::new(
                format!("named: the webhook's {} is not reached{why}", naming.place),
                naming.place.clone(),
            ));
        }
        if !gone && !asks {
            issues.push(Issue::new("named: the request is still owed", json!({"none_owed": [stand.taken.id]})));
        }
        // What was made is not made again under another key; while a person is asked, no sending is open.
        if !asks && matches!(ready.operation.class, Class::SameKey | Class::Reconcile) {
            let new = self.checks(ready, &stand.taken).no_new_key(&led.text, now, &views)?;
            issues.extend(new.into_iter().map(|it| Issue { what: format!("{}, after the webhook", it.what), ..it }));
        }
        Ok(issues)
    }
}

fn broken(why: String) -> Vec<Issue> {
    vec![Issue::new(format!("5: {why}"), json!({}))]
}

/// Check 5: `failure` names what the provider said, or what was missing.
fn reason(led: &Led, expect: &Expect, taken: &Taken, case: &Case<'_>) -> Option<Issue> {
    let silent = led.failure.is_none() && led.unmoved.is_none();
    let (kind, status) = match expect.kind {
        Some(kind) => (kind, case.status),
        None if expect.way == Way::Unknown && silent && !case.body.unheard => {
            return Some(Issue::new("5: nothing is said of a reply that proves nothing", json!({})));
        }
        None => return None,
    };
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
