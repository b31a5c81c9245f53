//! Requests after a restored backup, and after a person's verdict.

use rulebound_tests::rows::{HOUR, Row, has, webhook};
use serde_json::{Value, json};

use crate::bodies::Body;
use crate::checks::Issue;
use crate::positions::{POSITIONS, Placed};
use crate::report::{Found, Subject};
use crate::run::{Job, Ready, broken};
use crate::samples::Class;

/// The id of another object than the one that every success is about.
const ANOTHER: &str = "0192b445-bb0d-7a05-abd7-0000000000ff";

impl Job<'_> {
    /// After a restored backup, the provider may have a request that the backup does not have. A request that must not be
    /// made twice is not sent.
    pub(crate) fn restored(&self, ready: &Ready, subject: &Subject, found: &mut Found) {
        if ready.operation.class != Class::Reconcile {
            return;
        }
        let mut row = ready.row.clone();
        row.now += 1000;
        let fact = json!({"type": "restored", "taken_at": row.now - 1000});
        let issues = self.sent_after(&mut row, &fact, &ready.first.id).unwrap_or_else(broken);
        found.case(subject, || "after `restored`".into(), issues, self.facade, &row, &[]);
    }

    fn sent_after(&self, row: &mut Row, fact: &Value, id: &str) -> Result<Vec<Issue>, String> {
        self.facade.report(row, fact)?;
        for after in [0, 2 * HOUR, 30 * HOUR] {
            let outcome = self.facade.lease(&row.text, id, row.now + after)?;
            if outcome.rejected.is_none() {
                return Ok(vec![Issue::new("2: a request is sent that the provider may already have", json!({}))]);
            }
        }
        Ok(Vec::new())
    }

    /// A request stays remembered after the verdict that it was not made, or was made under another id. A later success or
    /// webhook of it leads to a review.
    pub(crate) fn verdicts(&self, ready: &Ready, subject: &Subject, all: &[Body], found: &mut Found) {
        if !matches!(ready.operation.class, Class::SameKey | Class::Reconcile) {
            return;
        }
        let Some(lost) = POSITIONS.iter().find(|it| it.is_for(&ready.operation) && it.is_lost()) else { return };
        let Ok(mut placed) = lost.reach(self.facade, ready.row.clone(), &ready.names, &ready.operation) else { return };
        let review = match self.review_of(&mut placed) {
            Ok(Some(review)) => review,
            Ok(None) => return found.not_reached(subject, "a verdict", "no review after 60 hours"),
            Err(why) => return found.not_reached(subject, "a verdict", &why),
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
            let mut row = placed.row.clone();
            let reviewed = json!({"type": "reviewed", "effect": review["id"], "verdict": name, "id": given});
            if let Err(why) = self.facade.report(&mut row, &reviewed) {
                found.not_reached(subject, &format!("the verdict {name}"), &why);
                continue;
            }
            row.now += 1000;
            let asks = |fact: &Value, reasons: &[&str]| {
                let outcome = self.facade.observe(&row.text, fact, row.now)?;
                let effects = self.facade.effects(&outcome.text, row.now)?;
                let is_asked = reasons.iter().any(|it| has(&effects, &json!({"type": "review", "reason": it})));
                let ignored = outcome.ignored.map(|it| format!(" (ignored: {it})")).unwrap_or_default();
                let what = format!("verdicts: after {name} there is no review{ignored}");
                let wanted = json!({"effects": [{"type": "review", "reason": reasons[0]}]});
                Ok::<_, String>(if is_asked { Vec::new() } else { vec![Issue::new(what, wanted)] })
            };
            for body in all.iter().filter(|it| it.promised) {
                let fact = placed.reply(ready.operation.status, &body.text);
                let label = || format!("{name}, then {} {}", ready.operation.status, body.label);
                let issues = asks(&fact, &[reason]).unwrap_or_else(broken);
                found.case(subject, label, issues, self.facade, &row, &[fact]);
            }
            let is_from = |from: &[String]| from.is_empty() || from.contains(&subject.pending);
            if let Some(naming) =
                ready.operation.naming.as_ref().filter(|it| is_from(&it.from) && it.by_key && !it.of_object)
            {
                let webhook = webhook(&naming.body, &naming.origin);
                // A paid session of ours that the person did not name is delivered only if a person says so.
                let asked = [reason, "unplaced_payment", "not_as_asked"];
                let issues = asks(&webhook, &asked).unwrap_or_else(broken);
                found.case(subject, || format!("{name}, then the webhook"), issues, self.facade, &row, &[webhook]);
            }
        }
    }

    /// Waits for the review of a request without a reply.
    fn review_of(&self, placed: &mut Placed) -> Result<Option<Value>, String> {
        for _ in 0..60 {
            let effects = self.facade.effects(&placed.row.text, placed.row.now)?;
            let is_about = |it: &&Value| it["type"] == "review" && it["about"]["id"] == *placed.leased.id;
            if let Some(review) = effects.as_array().into_iter().flatten().find(is_about) {
                return Ok(Some(review.clone()));
            }
            placed.row.now += HOUR;
        }
        Ok(None)
    }
}
