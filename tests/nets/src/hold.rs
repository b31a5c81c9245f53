//! Checks that hold for every snapshot, whatever led to it.

use rulebound::ffi::{AnySnapshot, load};
use rulebound::json::write;
use rulebound::time::Timestamp;
use rulebound::{Context, Effect, PendingEffect, Wait};
use serde_json::{Value, json};

/// The views of a snapshot, as JSON text, so that two can be compared.
pub fn views(snapshot: &dyn AnySnapshot, context: &Context) -> String {
    let views = json!({
        "status": value(&snapshot.status(context)),
        "effects": value(&snapshot.effects(context)),
        "waiting_for": value(&snapshot.waiting_for(context)),
        "actions": value(&snapshot.actions(context)),
        "wake_at": value(&snapshot.wake_at(context)),
        "ids": value(&snapshot.ids()),
    });
    views.to_string()
}

fn value(it: &impl serde::Serialize) -> Value {
    serde_json::from_str(&write(it)).unwrap_or_default()
}

/// What is wrong with a snapshot: it does not load as it was saved, or it sleeps with something undecided.
pub fn fault(snapshot: &dyn AnySnapshot, context: &Context) -> Option<String> {
    let saved = snapshot.save();
    let loaded = match load(&saved) {
        Ok(loaded) => loaded,
        Err(why) => return Some(format!("a saved snapshot does not load: {why}: {saved}")),
    };
    if loaded.save() != saved || loaded.revision() != snapshot.revision() {
        return Some(format!("a saved snapshot loads as another: {saved}"));
    }
    if views(loaded.as_ref(), context) != views(snapshot, context) {
        return Some(format!("the views differ after a load: {saved}"));
    }
    let why = asleep(snapshot, context)?;
    Some(format!("the row sleeps: {why}: {saved}"))
}

/// Why something stays undecided without a time to look at it again, if that is so.
pub fn asleep(snapshot: &dyn AnySnapshot, context: &Context) -> Option<String> {
    let (effects, mut waits, wake_at) =
        (snapshot.effects(context), snapshot.waiting_for(context), snapshot.wake_at(context));
    // The host itself decides when to charge again after a repair, so that is no wait.
    waits.retain(|it| it.signal != "create_payment_session");
    if snapshot.save().contains(r#""stopped":true"#) {
        // A person has decided to stop waiting.
        waits.clear();
    }
    undecided(&effects, &waits, wake_at, context.now).map(|why| format!("{why}, and wake_at is {wake_at:?}"))
}

/// Why something stays undecided, by the views.
fn undecided(effects: &[PendingEffect], waits: &[Wait], wake_at: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let is_review = |it: &&PendingEffect| matches!(it.effect, Effect::Review { .. });
    let work: Vec<_> = effects.iter().filter(|it| !is_review(it)).collect();
    if let Some(ready) = work.iter().find(|it| it.ready).filter(|_| wake_at != Some(now)) {
        return Some(format!("`{}` is ready", ready.id));
    }
    if wake_at.is_some() {
        return None;
    }
    // While a person has a review, everything else may wait for the verdict.
    if effects.iter().any(|it| matches!(it.effect, Effect::Review { .. })) {
        return None;
    }
    match (work.first(), waits.first()) {
        (Some(effect), _) => Some(format!("`{}` is pending", effect.id)),
        (None, Some(wait)) => Some(format!("`{}` is waited for", wait.signal)),
        (None, None) => None,
    }
}
