//! The simulator's side of a comparison: a world in use, without a socket.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::steps::{Before, Plan, Step};
use super::{Credential, Replied, Values, filled, sandbox, take, with_values};
use crate::http::{HttpRequest, Outcome};
use crate::provider::{Described, all};
use crate::time::DAY;
use crate::world::{Controlled, World};

/// A key of the simulator, in a form that every provider takes.
const KEY: &str = "fsk_test_compare";

/// A world with an account in use.
pub(super) struct Model {
    world: World,
    provider: &'static str,
    operations: Vec<Described>,
    pub(super) values: Values,
}

/// A reply of the simulator, with what is known about it.
pub(super) struct Known {
    pub(super) replied: Replied,
    pub(super) fidelity: String,
    pub(super) source: String,
}

impl Model {
    /// Makes the world, and uses the account.
    pub(super) fn new(provider: &str, plan: &Plan, readings: &BTreeMap<String, String>) -> Result<Self, String> {
        let hosted = all().into_iter().find(|it| it.name() == provider);
        let hosted = hosted.ok_or_else(|| format!("There is no provider {provider}."))?;
        let own = plan.readings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let readings: BTreeMap<String, String> = own.chain(readings.clone()).collect();
        let world = World::new(&json!({"seed": "compare", "readings": readings}), "http://127.0.0.1/w/compare")?;
        let pairs = plan.known.iter().chain(plan.asked);
        let values = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut model = Self { world, provider: hosted.name(), operations: hosted.operations(), values };
        model.values.insert("unique".into(), "before".into());
        for before in plan.before {
            model.prepare(before)?;
        }
        Ok(model)
    }

    fn prepare(&mut self, before: &Before) -> Result<(), String> {
        match before {
            Before::Call(step) => {
                let known = self.call(step)?;
                let Replied { status, body } = known.replied;
                let refused = || format!("The simulator refuses its own {}: {status} {body:?}.", step.operation);
                if status < 300 { Ok(()) } else { Err(refused()) }
            }
            Before::Act(act) => {
                let act = with_values(act, &self.values).map_err(|name| format!("There is no {name}."))?;
                let mut act: Value = serde_json::from_str(&act).map_err(|error| error.to_string())?;
                act["provider"] = self.provider.into();
                match self.world.control("POST", "act", "", &act) {
                    Controlled::Reply(200, _) => Ok(()),
                    other => Err(format!("The simulator refuses its own {act}: {other:?}.")),
                }
            }
            Before::Day => {
                let tomorrow = self.world.clock().saturating_add(DAY);
                let _sent_nowhere = self.world.deliveries(tomorrow);
                Ok(())
            }
        }
    }

    /// What is said about an operation.
    pub(super) fn operation(&self, name: &str) -> Option<Described> {
        self.operations.iter().find(|it| it.name == name).copied()
    }

    /// Replays a request here, with the values of this side.
    pub(super) fn call(&mut self, step: &Step) -> Result<Known, String> {
        let operation = self.operation(step.operation);
        let operation = operation.ok_or_else(|| format!("The simulator has no operation `{}`.", step.operation))?;
        let lacks = |name: &str| format!("The simulator has no {name} for {}.", step.operation);
        let request = filled(step, &operation, &self.values).map_err(lacks)?;
        let (header, value) = Credential::new(self.provider, KEY).header()?;
        let sent = HttpRequest::new(operation.method, &format!("/{}{}", self.provider, request.path));
        let mut sent = sent.header(header, &value);
        sent.body = request.body.unwrap_or_default().into_bytes();
        let now = self.world.clock();
        let Outcome::Reply(reply) = self.world.request(&sent, now) else {
            return Err(format!("The simulator did not reply to {}.", step.operation));
        };
        let header = |name: &str| {
            let found = reply.headers.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let (fidelity, source) = (header("x-sim-fidelity"), header("x-sim-source"));
        let replied = Replied { status: reply.status, body: sandbox::read(&reply.body) };
        take(step, &replied, &mut self.values);
        Ok(Known { replied, fidelity, source })
    }
}
