//! What becomes of a request after a restored backup, and after a person's verdict.

use rulebound_tests::rows::{HOUR, Row, has, webhook};
use serde_json::{Value, json};

use crate::bodies::Body;
use crate::checks::Issue;
use crate::positions::{POSITIONS, Stand};
use crate::report::{Found, Where};
use crate::run::{Job, Ready, broken};
use crate::samples::Class;

/// The id of another object than the one that every success is about.
const ANOTHER: &str = "0192b445-bb0d-7a05-abd7-0000000000ff";

impl Job<'_> {
    /// After a restored backup a request may have been taken that the backup does not know of: what two could cost
    /// something of is not sent.
    pub(crate) fn restored(&self, ready: &Ready, place: &Where, found: &mut Found) {
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
            let led = self.facade.lease(&row.text, id, row.now + after)?;
            if led.rejected.is_none() {
                return Ok(vec![Issue::new("2: it is sent though it may have been taken", json!({}))]);
            }
        }
        Ok(Vec::new())
    }

    /// A request that a person says was not made, or was made under another id, stays remembered: a later success of it,
    /// and a webhook that names it, is asked about.
    pub(crate) fn judged(&self, ready: &Ready, place: &Where, all: &[Body], found: &mut Found) {
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
                (true, _) => (None, "made_after_all"),
                (false, true) => (Some(ANOTHER), "made_twice"),
                (false, false) => continue,
            };
            let mut row = stand.row.clone();
            let reviewed = json!({"type": "reviewed", "effect": review["id"], "verdict": name, "id": given});
            if let Err(why) = self.facade.tell(&mut row, &reviewed) {
                found.lacks(place, &format!("the verdict {name}"), &why);
                continue;
            }
            row.now += 1000;
            let asks = |fact: &Value, reasons: &[&str]| {
                let led = self.facade.observe(&row.text, fact, row.now)?;
                let owed = self.facade.effects(&led.text, row.now)?;
                let asked = reasons.iter().any(|it| has(&owed, &json!({"type": "review", "reason": it})));
                let said = led.ignored.map(|it| format!(" (ignored: {it})")).unwrap_or_default();
                let what = format!("judged: after {name} nothing is asked{said}");
                let wanted = json!({"effects": [{"type": "review", "reason": reasons[0]}]});
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
            let owed = self.facade.effects(&stand.row.text, stand.row.now)?;
            let of = |it: &&Value| it["type"] == "review" && it["about"] == *stand.taken.id;
            if let Some(review) = owed.as_array().into_iter().flatten().find(of) {
                return Ok(Some(review.clone()));
            }
            stand.row.now += HOUR;
        }
        Ok(None)
    }
}
