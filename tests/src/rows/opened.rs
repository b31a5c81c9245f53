//! Rows that stay open: the same answers without loading the saved snapshot for each of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use std::sync::Arc;

use rulebound::ffi::{AnyError, AnyLease, AnySnapshot, AnyStep, load, read_config, read_effect, read_fact, read_time};
use rulebound::time::Timestamp;
use rulebound::{Config, Context};
use serde_json::Value;

use super::{Facade, Outcome};

/// A row whose saved snapshot was loaded.
#[derive(Debug)]
pub struct Opened {
    snapshot: Box<dyn AnySnapshot>,
    config: Arc<Config>,
}

/// What a command, a lease or a fact leads to in an open row.
struct Next {
    /// The next snapshot, if anything changed.
    changed: Option<Box<dyn AnySnapshot>>,
    /// The outcome, without the saved snapshot.
    outcome: Outcome,
}

impl Facade {
    /// Opens a row.
    pub fn open(&self, text: &str) -> Result<Opened, String> {
        let config = read_config(&self.config.to_string()).map_err(|error| error.to_string())?;
        Ok(Opened { snapshot: load(text).map_err(|error| error.to_string())?, config: Arc::new(config) })
    }
}

impl Opened {
    /// Observes a fact, and returns the outcome with the next snapshot to save. The row stays as it is.
    pub fn observe(&self, fact: &Value, now: i64) -> Result<Outcome, String> {
        let Next { changed, mut outcome } = self.observed(fact, now)?;
        outcome.text = changed.map_or_else(|| self.snapshot.save(), |next| next.save());
        Ok(outcome)
    }

    /// Observes a fact, and keeps the next snapshot.
    pub fn report(&mut self, fact: &Value, now: i64) -> Result<Outcome, String> {
        let Next { changed, outcome } = self.observed(fact, now)?;
        self.keep(changed);
        Ok(outcome)
    }

    /// Handles a command, and keeps the next snapshot.
    pub fn command(&mut self, command: &Value, now: i64) -> Result<Outcome, String> {
        let command = command.to_string();
        let context = self.context(instant(now)?);
        let Next { changed, outcome } = match guarded(|| self.snapshot.handle(&command, &context))? {
            Ok(step) => next(step)?,
            Err(error) => rejected(error)?,
        };
        self.keep(changed);
        Ok(outcome)
    }

    /// Leases an effect, and keeps the next snapshot.
    pub fn lease(&mut self, effect: &str, now: i64) -> Result<Outcome, String> {
        let effect = read_effect(effect).map_err(|error| error.to_string())?;
        let context = self.context(instant(now)?);
        let Next { changed, outcome } = match guarded(|| self.snapshot.lease(&effect, &context))? {
            Ok(AnyLease { next, request, .. }) => {
                let request = request.map(serde_json::to_value).transpose().map_err(|error| error.to_string())?;
                Next { changed: Some(next), outcome: Outcome { request, ..Outcome::default() } }
            }
            Err(error) => rejected(error)?,
        };
        self.keep(changed);
        Ok(outcome)
    }

    /// The pending effects.
    pub fn effects(&self, now: i64) -> Result<Value, String> {
        let effects = guarded(|| instant(now).map(|now| self.snapshot.effects(&self.context(now))))??;
        serde_json::to_value(effects).map_err(|error| error.to_string())
    }

    /// When to look at the row again.
    pub fn wake_at(&self, now: i64) -> Result<Option<i64>, String> {
        let wake_at = guarded(|| instant(now).map(|now| self.snapshot.wake_at(&self.context(now))))??;
        Ok(wake_at.map(Timestamp::as_millis))
    }

    /// The snapshot to save.
    pub fn save(&self) -> String {
        self.snapshot.save()
    }

    fn observed(&self, fact: &Value, now: i64) -> Result<Next, String> {
        let text = fact.to_string();
        let context = self.context(instant(now)?);
        let fact = read_fact(&text).map_err(|error| error.to_string())?;
        next(guarded(|| self.snapshot.observe(fact, &context))?.map_err(|error| error.to_string())?)
    }

    fn keep(&mut self, changed: Option<Box<dyn AnySnapshot>>) {
        if let Some(next) = changed {
            self.snapshot = next;
        }
    }

    fn context(&self, now: Timestamp) -> Context {
        Context::new(now, Arc::clone(&self.config))
    }
}

fn next(step: AnyStep) -> Result<Next, String> {
    let AnyStep { next, ignored, failure, .. } = step;
    let failure = failure.map(serde_json::to_value).transpose().map_err(|error| error.to_string())?;
    let reason = ignored.map(|it| serde_json::to_value(it.reason)).transpose().map_err(|error| error.to_string())?;
    let ignored = reason.and_then(|it| it.as_str().map(str::to_owned));
    let changed = ignored.is_none().then_some(next);
    Ok(Next { changed, outcome: Outcome { failure, ignored, ..Outcome::default() } })
}

/// A rejection as an outcome. Any other error stays an error.
fn rejected(error: AnyError) -> Result<Next, String> {
    let AnyError::Rejected(rejection) = error else { return Err(error.to_string()) };
    let rejected = rejection.violations.iter().map(|it| it.rule.code.to_owned()).collect();
    Ok(Next { changed: None, outcome: Outcome { rejected: Some(rejected), ..Outcome::default() } })
}

fn instant(now: i64) -> Result<Timestamp, String> {
    read_time(&now.to_string()).map_err(|error| error.to_string())
}

/// Calls a function, and reports a panic as an error.
fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| "panics".to_owned())
}
