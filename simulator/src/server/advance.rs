//! Lets virtual time pass: synchronously, from one due instant to the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Slot, State, deliver, lock};
use crate::time::{LATEST, Millis};
use crate::world::instant;

/// How long requests in flight are waited for, in real time.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long another `clock/advance` is waited for, in real time.
const TURN: Duration = Duration::from_secs(2);
/// How often a running clock moves.
const BEAT: Duration = Duration::from_millis(200);

/// Serves `clock/advance`: `{"ms": 60000}`, `{"to": "2026-02-01T00:00:00Z"}` or `{"to": "next"}`.
///
/// Time passes in a thread with a runtime of its own. Thousands of webhooks and replies then wake this thread alone, and
/// time passes to its end also where the client goes away.
pub(super) async fn advance(state: Arc<State>, slot: Arc<Slot>, body: Value) -> (u16, Value) {
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(advance_here(&state, &slot, &body)))
    };
    match tokio::task::spawn_blocking(work).await.map_err(std::io::Error::from) {
        Ok(Ok(passed)) => passed,
        Ok(Err(error)) | Err(error) => (500, json!({"error": format!("Time cannot pass: {error}.")})),
    }
}

async fn advance_here(state: &State, slot: &Arc<Slot>, body: &Value) -> (u16, Value) {
    let Ok(_advancing) = tokio::time::timeout(TURN, slot.advancing.lock()).await else {
        return (409, json!({"error": "Time is passing already. Wait for the reply to the earlier clock/advance."}));
    };
    let target = match target(slot, body) {
        Ok(target) => target,
        Err(error) => return (400, json!({"error": error})),
    };
    let mut deliveries = Vec::new();
    let passed = pass(state, slot, target, &mut deliveries).await;
    let mut shown = lock(&slot.world).shown();
    if let Some(members) = shown.as_object_mut() {
        members.insert("deliveries".into(), deliveries.into());
    }
    match passed {
        Ok(()) => (200, shown),
        Err(error) => {
            shown["error"] = error.into();
            (409, shown)
        }
    }
}

fn target(slot: &Slot, body: &Value) -> Result<Millis, String> {
    let world = lock(&slot.world);
    let now = world.clock();
    let target = match (&body["ms"], &body["to"]) {
        (Value::Null, Value::Null) => return Err("Send `ms`, or `to` with a time or with \"next\".".into()),
        (ms, Value::Null) => {
            let ms = ms.as_i64().filter(|ms| *ms >= 0).ok_or("`ms` must be a whole number, 0 or more.")?;
            now.saturating_add(ms)
        }
        (Value::Null, to) if to == "next" => world.next().unwrap_or(now),
        (Value::Null, to) => instant(to).ok_or("`to` must be \"next\", or a time such as \"2026-02-01T00:00:00Z\".")?,
        _ => return Err("Send `ms` or `to`, not both.".into()),
    };
    if target < now || target > LATEST {
        return Err("The clock cannot be set back, nor beyond the year 9998.".into());
    }
    Ok(target)
}

async fn pass(state: &State, slot: &Arc<Slot>, target: Millis, deliveries: &mut Vec<Value>) -> Result<(), String> {
    let mut connections = deliver::Connections::default();
    loop {
        settle(slot, state.limit(PATIENCE)).await?;
        let at = lock(&slot.world).next().filter(|at| *at <= target);
        deliver::due(state, slot, at.unwrap_or(target), &mut connections, deliveries).await;
        if at.is_none() {
            return Ok(());
        }
    }
}

/// Waits until no request is in flight, so that each is served at one time.
async fn settle(slot: &Slot, patience: Duration) -> Result<(), String> {
    let started = Instant::now();
    loop {
        let ended = slot.ended.notified();
        let names: Vec<String> = lock(&slot.in_flight).requests.values().cloned().collect();
        if names.is_empty() {
            return Ok(());
        }
        let left = patience.saturating_sub(started.elapsed());
        // A short wait at most: a request can end between the two lines above.
        let _woken = tokio::time::timeout(left.min(Duration::from_millis(20)), ended).await;
        if started.elapsed() >= patience {
            return Err(format!(
                "Time cannot pass: after {patience:?} there are requests in flight: {}.",
                names.join(", ")
            ));
        }
    }
}

/// Lets the clock follow the real one, until it is stopped or the world is deleted.
pub(super) fn run(state: Arc<State>, slot: &Arc<Slot>) {
    if core::mem::replace(&mut *lock(&slot.running), true) {
        return;
    }
    let slot = Arc::downgrade(slot);
    tokio::spawn(async move {
        loop {
            let before = Instant::now();
            tokio::time::sleep(BEAT).await;
            let Some(slot) = slot.upgrade().filter(|slot| *lock(&slot.running)) else { return };
            let Ok(_advancing) = slot.advancing.try_lock() else { continue };
            let passed = Millis::try_from(before.elapsed().as_millis()).unwrap_or(0);
            let target = lock(&slot.world).clock().saturating_add(passed).min(LATEST);
            let _passed = pass(&state, &slot, target, &mut Vec::new()).await;
        }
    });
}
