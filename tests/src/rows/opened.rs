//! Rows that stay open: the same answers without reading the saved text again for each of them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rulebound::Policy;
use rulebound::ffi::{
    AnyError, AnyObservation, AnySnapshot, AnyTransition, Around, load, read_fact, read_policy, read_time,
};
use rulebound::time::Timestamp;
use serde_json::Value;

use super::{Facade, Led};

/// A row whose saved text was read.
#[derive(Debug)]
pub struct Opened {
    snapshot: Box<dyn AnySnapshot>,
    policy: Policy,
    settings: Option<String>,
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
        let policy = read_policy(&self.policy.to_string()).map_err(|error| error.to_string())?;
        let settings = (!self.settings.is_null()).then(|| self.settings.to_string());
        Ok(Opened { snapshot: load(text).map_err(|error| error.to_string())?, policy, settings })
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
    pub fn wish(&mut self, command: &Value, now: i64) -> Result<Led, String> {
        let command = command.to_string();
        let around = self.around(instant(now)?);
        let handled = guarded(|| self.snapshot.handle(&command, &around))?;
        let Next { moved, led } = match handled {
            Ok(transition) => next(transition)?,
            Err(AnyError::Refused(rejection)) => {
                let rejected = rejection.violations.iter().map(|it| it.rule.code.to_owned()).collect();
                Next { moved: None, led: Led { rejected: Some(rejected), ..Led::default() } }
            }
            Err(error) => return Err(error.to_string()),
        };
        self.go(moved);
        Ok(led)
    }

    /// What it owes.
    pub fn owed(&self, now: i64) -> Result<Value, String> {
        let owed = guarded(|| self.snapshot.owed(&self.around(instant(now)?)).map_err(|error| error.to_string()))??;
        serde_json::to_value(owed).map_err(|error| error.to_string())
    }

    /// When it is to be looked at again.
    pub fn deadline(&self, now: i64) -> Result<Option<i64>, String> {
        let deadline =
            guarded(|| self.snapshot.deadline(&self.around(instant(now)?)).map_err(|error| error.to_string()))??;
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
        match guarded(|| self.snapshot.observe(fact, &around))?.map_err(|error| error.to_string())? {
            AnyObservation::Applied(transition) => next(transition),
            AnyObservation::Unmoved { because, .. } => {
                let because = serde_json::to_value(because).map_err(|error| error.to_string())?;
                let unmoved = because.as_str().map(str::to_owned);
                Ok(Next { moved: None, led: Led { unmoved, ..Led::default() } })
            }
        }
    }

    fn go(&mut self, moved: Option<Box<dyn AnySnapshot>>) {
        if let Some(next) = moved {
            self.snapshot = next;
        }
    }

    fn around(&self, now: Timestamp) -> Around<'_> {
        Around::new(now, Some(&self.policy), self.settings.as_deref())
    }
}

fn next(transition: AnyTransition) -> Result<Next, String> {
    let AnyTransition { next, take, failure, .. } = transition;
    let taken = take.map(serde_json::to_value).transpose().map_err(|error| error.to_string())?;
    let failure = failure.map(serde_json::to_value).transpose().map_err(|error| error.to_string())?;
    Ok(Next { moved: Some(next), led: Led { taken, failure, ..Led::default() } })
}

fn instant(now: i64) -> Result<Timestamp, String> {
    read_time(&now.to_string()).map_err(|error| error.to_string())
}

fn guarded<T>(does: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(does)).map_err(|_| "panics".to_owned())
}
