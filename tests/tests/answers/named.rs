//! The webhook that names a request, in every position, before and after every reply.

use rulebound_tests::rows::{Led, Seen, has, is_gone, webhook};
use serde_json::{Value, json};

use crate::bodies::Body;
use crate::checks::Issue;
use crate::expect::{Expect, Need};
use crate::positions::{Others, POSITIONS, Position, Stand, To};
use crate::report::{Found, Where};
use crate::run::{Job, Ready, SOME, broken};
use crate::samples::Class;
use crate::way::Way;

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
    /// The webhook that names the request, before and after every reply.
    pub(crate) fn named(&self, ready: &Ready, place: &Where, all: &[Body], found: &mut Found) {
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
            self.strange(scene, naming.of_object, found);
        }
    }

    /// Every reply, and then the webhook.
    fn named_later(&self, scene: Scene<'_>, all: &[Body], found: &mut Found) {
        let Scene { ready, place, position, stand, signal } = scene;
        let Some(naming) = &ready.operation.naming else { return };
        let Ok(asked) = self.asked(ready, &place.pending, &stand.row) else { return };
        let first = position.name == POSITIONS[0].name;
        for (status, body) in SOME.iter().flat_map(|status| all.iter().map(move |body| (*status, body))) {
            if !first && !body.few && status != 200 {
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

    /// The same webhook with another row's key, or without any, names nothing of ours.
    fn strange(&self, scene: Scene<'_>, of_object: bool, found: &mut Found) {
        let Scene { ready, place, position, stand, signal } = scene;
        let body = signal["body"].as_str().unwrap_or_default();
        let operation = &ready.operation;
        // What a refusal named is known, and needs no key.
        let known = of_object || position.others == Others::Refused || operation.class == Class::Lookup;
        if known || !body.contains(&stand.row.key) {
            return;
        }
        let swapped = |with: &str| body.replace(&stand.row.key, with);
        let none = serde_json::from_str(body).map(|it| without(it, &stand.row.key).to_string()).unwrap_or_default();
        let mut all = vec![("another key", swapped("00000000-0000-4000-8000-00000b000009"))];
        // A refund without an echo is ours by its id, which is new, and its amount.
        if operation.own_name() != "create_refund" {
            all.push(("no key", none));
        }
        for (label, body) in all {
            let mut strange = signal.clone();
            strange["body"] = body.into();
            let issues = self.stays_open(ready, stand, &strange).unwrap_or_else(broken);
            let issues =
                issues.into_iter().map(|it| Issue { what: format!("{}, with {label}", it.what), ..it }).collect();
            let told = || format!("{} · a webhook with {label}", position.name);
            found.case(place, told, issues, self.facade, &stand.row, std::slice::from_ref(&strange));
        }
    }

    fn stays_open(&self, ready: &Ready, stand: &Stand, strange: &Value) -> Result<Vec<Issue>, String> {
        let now = stand.row.now;
        let led = self.facade.observe(&stand.row.text, strange, now)?;
        let views = self.facade.views(&led.text, now)?;
        let mut issues = Vec::new();
        if self.is_there(ready, &led, now)? {
            issues.push(Issue::new("1: a webhook that does not name it is taken for ours", json!({})));
        }
        if is_gone(&views, &stand.taken.id) {
            issues.push(Issue::new(
                "2: a webhook that does not name it discharges the request, before any reply",
                json!({}),
            ));
        }
        issues.extend(self.checks(ready, &stand.taken).no_new_key(&led.text, now, &views)?);
        Ok(issues)
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
            for body in all.iter().filter(|it| it.few || first || status == 200) {
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
        let early = led.ignored.as_deref() == Some("early");
        if counts && (by_key || !early) {
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
        let asks = has(&views.effects, &json!({"type": "review"}));
        if !there && !asks {
            let why = led.ignored.as_ref().map(|it| format!(" (ignored: {it})")).unwrap_or_default();
            issues.push(Issue::new(
                format!("named: the webhook's {} is not reached{why}", naming.place),
                naming.place.clone(),
            ));
        }
        if !gone && !asks {
            issues.push(Issue::new("named: the request is still owed", json!({"no_effects": [stand.taken.id]})));
        }
        // What was made is not made again under another key; while a person is asked, no sending is open.
        if !asks && matches!(ready.operation.class, Class::SameKey | Class::Reconcile) {
            let new = self.checks(ready, &stand.taken).no_new_key(&led.text, now, &views)?;
            issues.extend(new.into_iter().map(|it| Issue { what: format!("{}, after the webhook", it.what), ..it }));
        }
        Ok(issues)
    }
}

/// A value without the texts that hold a key.
fn without(value: Value, key: &str) -> Value {
    match value {
        Value::String(text) if text.contains(key) => Value::Null,
        Value::Array(list) => list.into_iter().map(|it| without(it, key)).collect(),
        Value::Object(members) => members.into_iter().map(|(name, it)| (name, without(it, key))).collect(),
        _ => value,
    }
}
