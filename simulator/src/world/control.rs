//! The control plane of one world, without the parts that need a network.

use serde_json::{Value, json};

use super::World;
use super::options::{endpoints, instant};
use crate::http::pairs;
use crate::time::iso;

/// What a control request leads to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Controlled {
    /// A reply with this status.
    Reply(u16, Value),
    /// Deliver what is due now, then reply 200 with these members and the deliveries.
    Deliver(Value),
}

impl World {
    /// Serves a request below `/_sim/`: `what` is `act`, `faults`, `ledger`, …, as the README lists them.
    ///
    /// For `clock/advance`, loop over [`World::next`], [`World::deliveries`] and [`World::delivered`].
    pub fn control(&mut self, method: &str, what: &str, query: &str, body: &Value) -> Controlled {
        let result = match (method, what) {
            ("GET", "" | "clock") => Ok(self.shown()),
            ("POST", "reset") => {
                self.reset();
                Ok(self.shown())
            }
            ("POST", "clock") => self.set_clock(body),
            ("GET", "faults") => Ok(self.shared.faults.shown()),
            ("POST", "faults") => {
                let operations: Vec<&str> = self.routes.iter().map(|(_, _, described)| described.name).collect();
                let providers: Vec<&str> = self.providers.iter().map(|provider| provider.name()).collect();
                let added = self.shared.faults.add(body, &providers, &operations);
                added.map(|()| self.shared.faults.shown())
            }
            ("DELETE", "faults") => {
                self.shared.faults.clear();
                Ok(self.shared.faults.shown())
            }
            ("GET", "webhooks") => Ok(self.shared.mailbox.shown()),
            ("POST", "webhooks") => return self.control_webhooks(body),
            ("GET", "requests") => self.shared.journal.read(&pairs(query)),
            ("GET", "ledger") => self.books(&pairs(query)),
            ("POST", "act") => self.act(body),
            (_, "reset" | "act" | "clock/advance") => {
                let error = format!("{what} takes POST, not {method}. With curl, add -d and a JSON object.");
                return Controlled::Reply(405, json!({"error": error}));
            }
            _ => {
                let error = format!("The control plane has no {method} {what}. GET /_sim lists it.");
                return Controlled::Reply(404, json!({"error": error}));
            }
        };
        match result {
            Ok(value) => Controlled::Reply(200, value),
            Err(error) => Controlled::Reply(400, json!({"error": error})),
        }
    }

    /// The world as the control plane shows it.
    pub(crate) fn shown(&self) -> Value {
        let url = &self.options.url;
        let address = |name: &str| (name.to_owned(), json!(format!("{url}/{name}")));
        let addresses: serde_json::Map<_, _> = self.providers.iter().map(|provider| address(provider.name())).collect();
        json!({
            "url": url,
            "base_urls": addresses,
            "seed": self.options.seed,
            "clock": iso(self.clock),
            "now": self.clock,
            "next": self.next().map(iso),
            "readings": self.options.readings,
        })
    }

    fn set_clock(&mut self, body: &Value) -> Result<Value, String> {
        let at = instant(&body["now"]).ok_or("`now` must be a time. Use clock/advance to let time pass.")?;
        if self.next().is_some_and(|next| next < at) || at < self.clock {
            return Err("The clock cannot be set back, nor beyond what falls due next. Use clock/advance.".into());
        }
        self.clock = at;
        Ok(self.shown())
    }

    fn control_webhooks(&mut self, body: &Value) -> Controlled {
        let now = self.clock;
        let Some((what, wanted)) = body.as_object().filter(|body| body.len() == 1).and_then(|body| body.iter().next())
        else {
            let error = "Send exactly one of `hold`, `release`, `duplicate`, `redeliver`, `drop` and `endpoints`.";
            return Controlled::Reply(400, json!({"error": error}));
        };
        let mailbox = &mut self.shared.mailbox;
        let done = match what.as_str() {
            "hold" => mailbox.hold(wanted),
            "release" => mailbox.release(wanted, now),
            "duplicate" | "redeliver" => mailbox.repeat(wanted, now),
            "drop" => mailbox.drop_messages(wanted),
            "endpoints" => endpoints(wanted).map(|endpoints| {
                self.options.endpoints.clone_from(&endpoints);
                self.shared.endpoints = endpoints;
            }),
            other => Err(format!("There is no `{other}`.")),
        };
        match (done, what.as_str()) {
            (Err(error), _) => Controlled::Reply(400, json!({"error": error})),
            (Ok(()), "release" | "duplicate" | "redeliver") => Controlled::Deliver(json!({})),
            (Ok(()), _) => Controlled::Reply(200, self.shared.mailbox.shown()),
        }
    }

    /// What every provider knows, or the one that is named: the truth that a test holds its host against.
    fn books(&self, wanted: &[(String, String)]) -> Result<Value, String> {
        let names: Vec<&str> = self.providers.iter().map(|provider| provider.name()).collect();
        let is_known = |(name, value): &(String, String)| name == "provider" && names.contains(&value.as_str());
        if let Some((name, value)) = wanted.iter().find(|it| !is_known(it)) {
            return Err(format!(
                "There are no books of {name}={value}. Ask for provider=, one of {}.",
                names.join(", ")
            ));
        }
        let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|(_, value)| value == name);
        let providers = self.providers.iter().filter(|provider| is_wanted(provider.name()));
        let records = providers.map(|provider| (provider.name().to_owned(), provider.ledger()));
        Ok(records.collect::<serde_json::Map<_, _>>().into())
    }

    /// What every provider knows.
    #[cfg(test)]
    pub(crate) fn ledger(&self) -> Value {
        self.books(&[]).unwrap_or_default()
    }

    fn act(&mut self, body: &Value) -> Result<Value, String> {
        // Without a name, the address of a page says whose it is.
        let page = body["url"].as_str().and_then(|url| url.strip_prefix(&self.options.url));
        let page = page.and_then(|path| path.split('/').nth(1));
        let names: Vec<&str> = self.providers.iter().map(|provider| provider.name()).collect();
        let Some(name) = body["provider"].as_str().or(page) else {
            let names = names.join(", ");
            return Err(format!("Send the `provider`, one of {names}, or the `url` of a page of this world."));
        };
        let index = names.iter().position(|known| *known == name);
        let index = index.ok_or_else(|| format!("There is no provider `{name}`. There are {}.", names.join(", ")))?;
        if !self.shared.charge(body.to_string().len()) {
            return Err("This world is full: it took 64 MiB. Reset it, or make another one.".into());
        }
        self.with_provider(index, false, |hosted, context| hosted.act(body, context)).unwrap_or(Err(String::new()))
    }
}
