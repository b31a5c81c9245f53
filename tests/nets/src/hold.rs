//! What holds of every snapshot, whatever led to it.

use rulebound::ffi::{AnySnapshot, Around, load};
use rulebound::json::write;
use rulebound::time::Timestamp;
use rulebound::{Awaited, Effect, Owed};
use serde_json::{Value, json};

/// The views of a snapshot, as JSON text, so that two can be compared.
pub fn views(at: &dyn AnySnapshot, around: &Around<'_>) -> String {
    let views = json!({
        "owed": value(&at.owed(around).ok()),
        "awaits": value(&at.awaits(around).ok()),
        "offers": value(&at.offers(around).ok()),
        "deadline": value(&at.deadline(around).ok()),
        "ids": value(&at.correlation_ids()),
    });
    views.to_string()
}

fn value(it: &impl serde::Serialize) -> Value {
    serde_json::from_str(&write(it)).unwrap_or_default()
}

/// What does not hold of a snapshot: what is saved loads, and says the same then, and what is undecided goes on some time.
pub fn fault(at: &dyn AnySnapshot, around: &Around<'_>) -> Option<String> {
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
pub fn asleep(at: &dyn AnySnapshot, around: &Around<'_>) -> Option<String> {
    let (owed, mut awaits, deadline) = (at.owed(around).ok()?, at.awaits(around).ok()?, at.deadline(around).ok()?);
    // What the host itself must wish is no wait: a repaired charge is charged anew when the host wants.
    awaits.retain(|it| it.signal != "create_payment_session");
    if at.save().contains(r#""stopped":true"#) {
        // A person has said to wait no longer.
        awaits.clear();
    }
    sleeps(&owed, &awaits, deadline, around.now).map(|why| format!("{why}, and the deadline is {deadline:?}"))
}

/// Why a snapshot sleeps with something undecided, if it does.
fn sleeps(owed: &[Owed], awaits: &[Awaited], deadline: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let is_review = |it: &&Owed| matches!(it.effect, Effect::Review { .. });
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
