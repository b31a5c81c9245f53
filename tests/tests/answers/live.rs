//! Liveness: whatever one reply is repeated, the row ends in a review or an end, and never sleeps.

use rulebound_tests::rows::{Facade, HOUR, Opened, Row, Taken, has, is_gone};
use serde_json::{Value, json};

use crate::bodies::Body;
use crate::checks::Issue;

/// How long a row is watched: well after the end of every schedule of the policy that the suite runs under.
const HORIZON: i64 = 6 * 24 * HOUR;

/// How often its clock moves on.
const HOPS: usize = 200;

/// How many effects may be ready at one instant.
const READY: usize = 32;

/// What is said of every request.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    Reply(u16, Body),
    Lost,
    NotSent,
}

impl Word {
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Reply(status, body) => format!("always {status} {}", body.label),
            Self::Lost => "always `lost`".into(),
            Self::NotSent => "always `not_sent`".into(),
        }
    }

    fn fact(&self, taken: &Taken) -> Value {
        match self {
            Self::Reply(status, body) => taken.reply(*status, &body.text),
            Self::Lost => taken.fact(json!({"type": "lost"})),
            Self::NotSent => taken.fact(json!({"type": "not_sent"})),
        }
    }

    /// Whether it says that nothing was sent, so that there is no outcome to ask anybody for.
    const fn is_throttled(&self) -> bool {
        matches!(self, Self::Reply(429, _) | Self::NotSent)
    }
}

/// Repeats one word about every request that becomes ready.
pub(crate) fn live(facade: &Facade, row: &mut Row, id: &str, word: &Word) -> Result<Option<Issue>, String> {
    let (began, end) = (row.now, row.now + HORIZON);
    let (mut last, mut hops) = (row.now - 1, 0);
    let mut opened = facade.open(&row.text)?;
    while hops < HOPS {
        hops += 1;
        settle(&mut opened, row, word)?;
        match opened.deadline(row.now)? {
            None => {
                row.text = opened.save();
                return asleep(facade, row);
            }
            Some(at) if at > end => break,
            Some(at) if at <= last => return Ok(Some(Issue::new("4: the deadline stays where it was", json!({})))),
            Some(at) => {
                last = row.now.max(at - 1);
                row.now = row.now.max(at);
            }
        }
    }
    row.text = opened.save();
    let views = facade.views(&row.text, row.now)?;
    let ends = is_gone(&views, id) || has(&views.effects, &json!({"type": "review"})) || word.is_throttled();
    let owes: Vec<_> = views.later.as_array().into_iter().flatten().map(|it| it["id"].to_string()).collect();
    let days = (row.now - began) / (24 * HOUR);
    let what = format!("4: no review and no end after {days} days and {hops} hops; it owes {}", owes.join(", "));
    Ok((!ends).then(|| Issue::new(what, json!({"effects": [{"type": "review"}]}))))
}

/// Answers everything that is ready now.
fn settle(opened: &mut Opened, row: &mut Row, word: &Word) -> Result<(), String> {
    for _ in 0..READY {
        let owed = opened.effects(row.now)?;
        let ready = |it: &&Value| it["ready"] == true && it["type"] != "review";
        let Some(effect) = owed.as_array().into_iter().flatten().find(ready) else { return Ok(()) };
        let id = effect["id"].as_str().unwrap_or_default();
        let fact = if effect["type"] == "request" {
            let led = opened.lease(id, row.now)?;
            row.steps.push(json!({"now": row.now, "lease": id}));
            if let Some(rules) = led.rejected {
                return Err(format!("{id} is ready, and its lease is rejected: {}", rules.join(", ")));
            }
            word.fact(&Taken::of(id, led.taken.as_ref()))
        } else {
            json!({"type": "done", "effect": id})
        };
        opened.tell(&fact, row.now)?;
        row.steps.push(json!({"now": row.now, "fact": fact}));
    }
    Err(format!("more than {READY} effects are ready one after another at one instant"))
}

/// What is undecided in a row that no instant will change.
fn asleep(facade: &Facade, row: &Row) -> Result<Option<Issue>, String> {
    let views = facade.views(&row.text, row.now)?;
    if has(&views.later, &json!({"type": "review"})) {
        return Ok(None);
    }
    let offered = |signal: &Value| {
        let offers = views.actions.as_array().into_iter().flatten();
        offers.filter_map(|it| it["action"].as_str()).any(|action| action.split('/').next() == signal.as_str())
    };
    let awaited = views.waiting_for.as_array().into_iter().flatten().find(|it| !offered(&it["signal"]));
    let owed = views.later.as_array().and_then(|it| it.first());
    let open = owed.map(|it| it["id"].clone()).or_else(|| awaited.map(|it| it["signal"].clone()));
    let wanted = json!({"effects": [{"type": "review"}]});
    Ok(open.map(|open| Issue::new(format!("4: it sleeps, and {open} is undecided"), wanted)))
}
