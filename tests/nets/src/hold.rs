//! What holds of every snapshot, whatever led to it.

use rulebound::ffi::{AnySnapshot, load};
use rulebound::json::write;
use rulebound::time::Timestamp;
use rulebound::{Context, Effect, PendingEffect, Wait};
use serde_json::{Value, json};

/// The views of a snapshot, as JSON text, so that two can be compared.
pub fn views(at: &dyn AnySnapshot, around: &Context) -> String {
    let views = json!({
        "effects": value(&at.effects(around)),
        "waiting_for": value(&at.waiting_for(around)),
        "actions": value(&at.actions(around)),
        "wake_at": value(&at.wake_at(around)),
        "ids": value(&at.ids()),
    });
    views.to_string()
}

fn value(it: &impl serde::Serialize) -> Value {
    serde_json::from_str(&write(it)).unwrap_or_default()
}

/// What does not hold of a snapshot: what is saved loads, and says the same then, and what is undecided goes on some time.
pub fn fault(at: &dyn AnySnapshot, around: &Context) -> Option<String> {
    let saved = at.save();
    let loaded = match load(&saved) {
        Ok(loaded) => loaded,
        Err(why) => return Some(format!("what was saved does not load: {why}: {saved}")),
    };
    if loaded.save() != saved || loaded.revision() != at.revision() {
        return Some(format!("what was saved is loaded as another: {saved}"));
    }
    if views(loaded.as_ref(), around) != views(at, around) {
        return Some(format!("the views differ after a restart: {saved}"));
    }
    let why = asleep(at, around)?;
    Some(format!("the row sleeps: {why}: {saved}"))
}

/// Why something is undecided and nothing says when it goes on, if that is so.
pub fn asleep(at: &dyn AnySnapshot, around: &Context) -> Option<String> {
    let (owed, mut awaits, deadline) = (at.effects(around), at.waiting_for(around), at.wake_at(around));
    // What the host itself must wish is no wait: a repaired charge is charged anew when the host wants.
    awaits.retain(|it| it.signal != "create_payment_session");
    if at.save().contains(r#""stopped":true"#) {
        // A person has said to wait no longer.
        awaits.clear();
    }
    sleeps(&owed, &awaits, deadline, around.now).map(|why| format!("{why}, and the deadline is {deadline:?}"))
}

/// Why a snapshot sleeps with something undecided, if it does.
fn sleeps(owed: &[PendingEffect], awaits: &[Wait], deadline: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let is_review = |it: &&PendingEffect| matches!(it.effect, Effect::Review { .. });
    let work: Vec<_> = owed.iter().filter(|it| !is_review(it)).collect();
    if let Some(ready) = work.iter().find(|it| it.ready).filter(|_| deadline != Some(now)) {
        return Some(format!("`{}` is ready", ready.id));
    }
    if deadline.is_some() {
        return None;
    }
    // A review is a person's turn: what is blocked may wait for the verdict, and nothing happens by itself before.
    if owed.iter().any(|it| matches!(it.effect, Effect::Review { .. })) {
        return None;
    }
    match (work.first(), awaits.first()) {
        (Some(waiting), _) => Some(format!("`{}` is owed", waiting.id)),
        (None, Some(wait)) => Some(format!("`{}` is awaited", wait.signal)),
        (None, None) => None,
    }
}
