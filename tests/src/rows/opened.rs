//! Rows that stay open: the same answers without reading the saved text again for each of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use std::sync::Arc;

use rulebound::ffi::{AnyError, AnyLease, AnySnapshot, AnyStep, load, read_config, read_effect, read_fact, read_time};
use rulebound::time::Timestamp;
use rulebound::{Config, Context};
use serde_json::Value;

use super::{Facade, Led};

/// A row whose saved text was read.
#[derive(Debug)]
pub struct Opened {
    snapshot: Box<dyn AnySnapshot>,
    config: Arc<Config>,
}

/// What a command or a fact leads to in an open row.
struct Next {
    /// The row, where it moved.
    moved: Option<Box<dyn AnySnapshot>>,
    /// What is said of it, without its text.
    led: Led,
}

impl Facade {
    /// Opens a row.
    pub fn open(&self, text: &str) -> Result<Opened, String> {
        let config = read_config(&self.config.to_string()).map_err(|error| error.to_string())?;
        Ok(Opened { snapshot: load(text).map_err(|error| error.to_string())?, config: Arc::new(config) })
    }
}

impl Opened {
    /// Observes a fact, and says what comes of it, with the next text to save.
    pub fn observe(&self, fact: &Value, now: i64) -> Result<Led, String> {
        let Next { moved, mut led } = self.see(fact, now)?;
        led.text = moved.map_or_else(|| self.snapshot.save(), |next| next.save());
        Ok(led)
    }

    /// Observes a fact, and goes on from where it leads.
    pub fn tell(&mut self, fact: &Value, now: i64) -> Result<Led, String> {
        let Next { moved, led } = self.see(fact, now)?;
        self.go(moved);
        Ok(led)
    }

    /// Handles a command, and goes on from where it leads.
    pub fn command(&mut self, command: &Value, now: i64) -> Result<Led, String> {
        let command = command.to_string();
        let around = self.around(instant(now)?);
        let Next { moved, led } = match guarded(|| self.snapshot.handle(&command, &around))? {
            Ok(step) => next(step)?,
            Err(error) => rejected(error)?,
        };
        self.go(moved);
        Ok(led)
    }

    /// Leases an effect, and goes on from where it leads.
    pub fn lease(&mut self, effect: &str, now: i64) -> Result<Led, String> {
        let effect = read_effect(effect).map_err(|error| error.to_string())?;
        let around = self.around(instant(now)?);
        let Next { moved, led } = match guarded(|| self.snapshot.lease(&effect, &around))? {
            Ok(AnyLease { next, request, .. }) => {
                let taken = request.map(serde_json::to_value).transpose().map_err(|error| error.to_string())?;
                Next { moved: Some(next), led: Led { taken, ..Led::default() } }
            }
            Err(error) => rejected(error)?,
        };
        self.go(moved);
        Ok(led)
    }

    /// What it owes.
    pub fn effects(&self, now: i64) -> Result<Value, String> {
        let effects = guarded(|| instant(now).map(|now| self.snapshot.effects(&self.around(now))))??;
        serde_json::to_value(effects).map_err(|error| error.to_string())
    }

    /// When it is to be looked at again.
    pub fn deadline(&self, now: i64) -> Result<Option<i64>, String> {
        let deadline = guarded(|| instant(now).map(|now| self.snapshot.wake_at(&self.around(now))))??;
        Ok(deadline.map(Timestamp::as_millis))
    }

    /// What is saved.
    pub fn save(&self) -> String {
        self.snapshot.save()
    }

    fn see(&self, fact: &Value, now: i64) -> Result<Next, String> {
        let text = fact.to_string();
        let around = self.around(instant(now)?);
        let fact = read_fact(&text).map_err(|error| error.to_string())?;
        next(guarded(|| self.snapshot.observe(fact, &around))?.map_err(|error| error.to_string())?)
    }

    fn go(&mut self, moved: Option<Box<dyn AnySnapshot>>) {
        if let Some(next) = moved {
            self.snapshot = next;
        }
    }

    fn around(&self, now: Timestamp) -> Context {
        Context::new(now, Arc::clone(&self.config))
    }
}

fn next(step: AnyStep) -> Result<Next, String> {
    let AnyStep { next, ignored, failure, .. } = step;
    let failure = failure.map(serde_json::to_value).transpose().map_err(|error| error.to_string())?;
    let reason = ignored.map(|it| serde_json::to_value(it.reason)).transpose().map_err(|error| error.to_string())?;
    let ignored = reason.and_then(|it| it.as_str().map(str::to_owned));
    let moved = ignored.is_none().then_some(next);
    Ok(Next { moved, led: Led { failure, ignored, ..Led::default() } })
}

/// A rejection by its codes; any other error stays one.
fn rejected(error: AnyError) -> Result<Next, String> {
    let AnyError::Rejected(rejection) = error else { return Err(error.to_string()) };
    let rejected = rejection.violations.iter().map(|it| it.rule.code.to_owned()).collect();
    Ok(Next { moved: None, led: Led { rejected: Some(rejected), ..Led::default() } })
}

fn instant(now: i64) -> Result<Timestamp, String> {
    read_time(&now.to_string()).map_err(|error| error.to_string())
}

fn guarded<T>(does: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(does)).map_err(|_| "panics".to_owned())
}
