//! Liveness: any one reply, repeated, leads to a review or an end, and the row never sleeps.

use rulebound_tests::rows::{Facade, HOUR, Leased, Opened, Row, has, is_gone};
use serde_json::{Value, json};

use crate::bodies::Body;
use crate::checks::Issue;

/// How long a row is watched: well after the end of every schedule of the suite's config.
const HORIZON: i64 = 6 * 24 * HOUR;

/// How often its clock moves on.
const HOPS: usize = 200;

/// How many effects may be ready at one instant.
const READY: usize = 32;

/// The fact that is repeated about every request.
#[derive(Clone, Debug)]
pub(crate) enum Repeated {
    Reply(u16, Body),
    Lost,
    NotSent,
}

impl Repeated {
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Reply(status, body) => format!("always {status} {}", body.label),
            Self::Lost => "always `lost`".into(),
            Self::NotSent => "always `not_sent`".into(),
        }
    }

    fn fact(&self, leased: &Leased) -> Value {
        match self {
            Self::Reply(status, body) => leased.reply(*status, &body.text),
            Self::Lost => leased.fact(json!({"type": "lost"})),
            Self::NotSent => leased.fact(json!({"type": "not_sent"})),
        }
    }

    /// Whether nothing was sent, so that there is no outcome to ask about.
    const fn is_throttled(&self) -> bool {
        matches!(self, Self::Reply(429, _) | Self::NotSent)
    }
}

/// Repeats a fact about every request that becomes ready.
pub(crate) fn live(facade: &Facade, row: &mut Row, id: &str, repeated: &Repeated) -> Result<Option<Issue>, String> {
    let (start, end) = (row.now, row.now + HORIZON);
    let (mut last, mut hops) = (row.now - 1, 0);
    let mut opened = facade.open(&row.text)?;
    while hops < HOPS {
        hops += 1;
        settle(&mut opened, row, repeated)?;
        match opened.wake_at(row.now)? {
            None => {
                row.text = opened.save();
                return asleep(facade, row);
            }
            Some(wake_at) if wake_at > end => break,
            Some(wake_at) if wake_at <= last => return Ok(Some(Issue::new("4: wake_at does not change", json!({})))),
            Some(wake_at) => {
                last = row.now.max(wake_at - 1);
                row.now = row.now.max(wake_at);
            }
        }
    }
    row.text = opened.save();
    let views = facade.views(&row.text, row.now)?;
    let ends = is_gone(&views, id) || has(&views.effects, &json!({"type": "review"})) || repeated.is_throttled();
    let pending: Vec<_> = views.later.as_array().into_iter().flatten().map(|it| it["id"].to_string()).collect();
    let days = (row.now - start) / (24 * HOUR);
    let what = format!("4: no review and no end after {days} days and {hops} hops; pending: {}", pending.join(", "));
    Ok((!ends).then(|| Issue::new(what, json!({"effects": [{"type": "review"}]}))))
}

/// Carries out everything that is ready now.
fn settle(opened: &mut Opened, row: &mut Row, repeated: &Repeated) -> Result<(), String> {
    for _ in 0..READY {
        let effects = opened.effects(row.now)?;
        let ready = |it: &&Value| it["ready"] == true && it["type"] != "review";
        let Some(effect) = effects.as_array().into_iter().flatten().find(ready) else { return Ok(()) };
        let id = effect["id"].as_str().unwrap_or_default();
        let fact = if effect["type"] == "request" {
            let outcome = opened.lease(id, row.now)?;
            row.steps.push(json!({"now": row.now, "lease": id}));
            if let Some(rules) = outcome.rejected {
                return Err(format!("{id} is ready, and its lease is rejected: {}", rules.join(", ")));
            }
            repeated.fact(&Leased::of(id, outcome.request.as_ref()))
        } else {
            json!({"type": "done", "effect": id})
        };
        opened.report(&fact, row.now)?;
        row.steps.push(json!({"now": row.now, "fact": fact}));
    }
    Err(format!("more than {READY} effects are ready one after another at one instant"))
}

/// The undecided effect or wait of a row that time no longer changes.
fn asleep(facade: &Facade, row: &Row) -> Result<Option<Issue>, String> {
    let views = facade.views(&row.text, row.now)?;
    if has(&views.later, &json!({"type": "review"})) {
        return Ok(None);
    }
    let has_action = |signal: &Value| {
        let actions = views.actions.as_array().into_iter().flatten();
        actions.filter_map(|it| it["action"].as_str()).any(|action| action.split('/').next() == signal.as_str())
    };
    let wait = views.waiting_for.as_array().into_iter().flatten().find(|it| !has_action(&it["signal"]));
    let effect = views.later.as_array().and_then(|it| it.first());
    let open = effect.map(|it| it["id"].clone()).or_else(|| wait.map(|it| it["signal"].clone()));
    let wanted = json!({"effects": [{"type": "review"}]});
    Ok(open.map(|open| Issue::new(format!("4: the row sleeps, and {open} is undecided"), wanted)))
}
