//! Replays documented requests at a provider's sandbox and at the simulator, and says where their replies differ in
//! shape. Ids, times and texts do not count: they are the account's own.

mod model;
mod sandbox;
mod shape;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use model::Model;
use sandbox::Sandbox;
use shape::Shape;
use steps::{Plan, Step};

use crate::provider::{Described, all};

/// What is compared, and how.
#[derive(Debug)]
#[non_exhaustive]
pub struct Comparison {
    /// The provider's name, such as `truemed`.
    pub provider: String,
    /// The address of its sandbox.
    pub against: String,
    /// The key of an account there.
    pub key: Secret,
    /// Whether requests that create something are replayed too.
    pub write: bool,
    /// What the account has and no reply shows, by name.
    pub values: BTreeMap<String, String>,
    /// How the simulator reads unclear documents.
    pub readings: BTreeMap<String, String>,
    /// How long the sandbox can take for one reply.
    pub timeout: Duration,
}

/// A text that is not printed.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Secret")
    }
}

/// What a comparison has found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Compared {
    /// How many requests were replayed at both.
    pub requests: usize,
    /// Each difference in one line, with the document.
    pub differences: Vec<String>,
    /// Each request that was not replayed in one line, with the reason.
    pub skipped: Vec<String>,
}

/// A reply, as far as it is compared.
struct Replied {
    status: u16,
    /// `None` is a body that is not JSON.
    body: Option<Value>,
}

/// The values that one side has, by name.
type Values = BTreeMap<String, String>;

impl Comparison {
    /// A comparison that only reads.
    pub fn new(provider: &str, against: &str, key: Secret) -> Self {
        Self {
            provider: provider.into(),
            against: against.into(),
            key,
            write: false,
            values: BTreeMap::new(),
            readings: BTreeMap::new(),
            timeout: Duration::from_secs(10),
        }
    }

    /// Replays the requests. An error says why that was not possible.
    pub fn run(&self) -> Result<Compared, String> {
        let plan = self.plan()?;
        let credential = Credential::new(&self.provider, &self.key.0);
        self.check_account(plan, &credential)?;
        let sandbox = Sandbox::new(&self.against, &credential, self.timeout)?;
        let mut model = Model::new(&self.provider, plan, &self.readings)?;
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_millis());
        let unique = format!("compare-{millis}");
        let known = plan.known.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut there: Values = known.chain(self.values.clone()).collect();
        there.insert("unique".into(), unique.clone());
        model.values.insert("unique".into(), unique);
        let mut run = Run { comparison: self, plan, sandbox, model, there, found: Compared::default() };
        for step in plan.steps {
            run.step(step)?;
        }
        if run.found.requests == 0 {
            return Err(format!("Nothing could be replayed.\n{}", run.found.skipped.join("\n")));
        }
        Ok(run.found)
    }

    fn plan(&self) -> Result<&'static Plan, String> {
        let names: Vec<&str> = all().iter().map(|it| it.name()).collect();
        let unknown = || format!("--provider must be one of {}, not {:?}.", names.join(", "), self.provider);
        steps::plan(&self.provider).ok_or_else(unknown)
    }

    /// Whether the account is one to try things with, and whether its values are known.
    fn check_account(&self, plan: &Plan, credential: &Credential) -> Result<(), String> {
        let key = credential.key.as_str();
        if self.provider == "flex" && !key.starts_with("fsk_test_") {
            return Err("--key must be a test key of Flex. It begins with fsk_test_.".into());
        }
        let host = self.against.trim_start_matches("https://").split(['/', ':']).next().unwrap_or_default();
        if self.write && PRODUCTION.contains(&host) {
            return Err(format!("--write would create things in production: {host}. Use the address of the sandbox."));
        }
        let names: Vec<&str> = plan.asked.iter().map(|(name, _)| *name).collect();
        match self.values.keys().find(|name| !names.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) if names.is_empty() => {
                Err(format!("--with {name} means nothing at {}: its requests need no values.", self.provider))
            }
            Some(name) => Err(format!("--with {name} is not known. {} has {}.", self.provider, names.join(", "))),
        }
    }
}

/// The servers on which nothing is created for a comparison.
const PRODUCTION: [&str; 1] = ["api.truemed.com"];

/// How a provider's requests carry the key.
struct Credential {
    name: &'static str,
    prefix: &'static str,
    key: String,
}

impl Credential {
    fn new(provider: &str, key: &str) -> Self {
        let (name, prefix) = match provider {
            "truemed" => ("x-truemed-api-key", ""),
            "revup" => ("x-api-key", ""),
            _ => ("authorization", "Bearer "),
        };
        Self { name, prefix, key: key.trim().into() }
    }

    fn header(&self) -> Result<(&'static str, String), String> {
        if self.key.is_empty() || !self.key.chars().all(|it| it.is_ascii_graphic()) {
            return Err("--key must be the account's API key: letters, digits and signs without blanks.".into());
        }
        Ok((self.name, format!("{}{}", self.prefix, self.key)))
    }
}

/// A comparison that is under way.
struct Run<'a> {
    comparison: &'a Comparison,
    plan: &'static Plan,
    sandbox: Sandbox,
    model: Model,
    /// What the sandbox has.
    there: Values,
    found: Compared,
}

impl Run<'_> {
    /// Replays one request at both, and notes what differs.
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let Some(operation) = self.model.operation(step.operation) else {
            return Err(format!("The simulator has no operation `{}`.", step.operation));
        };
        let title = format!("{} {}", operation.method, operation.path);
        if step.writes && !self.comparison.write {
            self.found.skipped.push(format!("{title}: it creates or changes something. Use --write."));
            return Ok(());
        }
        let request = match filled(step, &operation, &self.there) {
            Ok(request) => request,
            Err(name) => {
                self.found.skipped.push(format!("{title}: {}", self.lacks(name)));
                return Ok(());
            }
        };
        let there = self.sandbox.send(operation.method, &request.path, request.body.as_deref());
        let there = there.map_err(|why| self.shown(&format!("{title} has no reply: {why}.")))?;
        if let Some(why) = stops(there.status) {
            return Err(format!("{title} was refused with {}. {why}", there.status));
        }
        let here = self.model.call(step)?;
        self.found.requests = self.found.requests.saturating_add(1);
        take(step, &there, &mut self.there);
        for (place, what) in compare(&there, &here.replied, self.plan.optional) {
            let place = if place.is_empty() { String::new() } else { format!(" {place}") };
            let line = self.shown(&format!("{title}{place}: {what} ({}: {})", here.fidelity, here.source));
            self.found.differences.push(line);
        }
        Ok(())
    }

    /// What a value that is missing needs.
    fn lacks(&self, name: &str) -> String {
        if self.plan.asked.iter().any(|it| it.0 == name) {
            return format!("it needs a value of your account. Use --with {name}=….");
        }
        let maker = |it: &&Step| it.takes.iter().any(|it| it.0 == name);
        match self.plan.steps.iter().find(maker) {
            Some(step) => format!("it needs the reply to {}, which shows no {name}.", step.operation),
            None => format!("there is no {name}."),
        }
    }

    /// A line for a terminal: what the sandbox sends can have signs that steer it, or the key.
    fn shown(&self, line: &str) -> String {
        let key = self.comparison.key.0.trim();
        let line = if key.is_empty() { line.to_owned() } else { line.replace(key, "<key>") };
        line.chars().map(|it| if it.is_control() { '\u{fffd}' } else { it }).take(MAX_LINE).collect()
    }
}

/// The greatest length of a line.
const MAX_LINE: usize = 500;

/// Why nothing more is sent after a status.
fn stops(status: u16) -> Option<&'static str> {
    match status {
        401 | 407 => Some("Look whether --key is a key of this sandbox, and --provider its provider."),
        429 => Some("Wait, and compare again."),
        300..=399 => Some("Redirects are not followed. Use the address that the provider's documents print."),
        _ => None,
    }
}

/// What differs between two replies.
fn compare(there: &Replied, here: &Replied, optional: &[&str]) -> Vec<(String, String)> {
    if there.status != here.status {
        return vec![(
            String::new(),
            format!("has status {} in the sandbox and {} in the simulator", there.status, here.status),
        )];
    }
    match (&there.body, &here.body) {
        (Some(there), Some(here)) => shape::differences(&Shape::of(there), &Shape::of(here), optional),
        (None, Some(_)) => vec![(String::new(), "has a body in the sandbox that is not JSON".into())],
        (Some(_), None) => vec![(String::new(), "has a body in the simulator that is not JSON".into())],
        (None, None) => Vec::new(),
    }
}

/// A request with its values.
struct Filled {
    /// With the query.
    path: String,
    body: Option<String>,
}

/// Puts values in place of their names. An error is the first name without a value.
fn filled<'a>(step: &'a Step, operation: &Described, values: &Values) -> Result<Filled, &'a str> {
    let mut path = String::new();
    for part in operation.path.split('/').skip(1) {
        path.push('/');
        match part.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
            None => path.push_str(part),
            Some(name) => {
                let name = step.path.iter().find(|(of, _)| *of == name).map_or(name, |(_, value)| *value);
                path.push_str(&encoded(values.get(name).ok_or(name)?));
            }
        }
    }
    if !step.query.is_empty() {
        path = format!("{path}?{}", step.query);
    }
    let body = step.body.map(|body| with_values(body, values)).transpose()?;
    Ok(Filled { path, body })
}

/// A text with values in place of their names in braces.
fn with_values<'a>(text: &'a str, values: &Values) -> Result<String, &'a str> {
    let mut parts = text.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}').filter(|(name, _)| is_name(name)) {
            Some((name, rest)) => {
                let value = serde_json::json!(values.get(name).ok_or(name)?).to_string();
                out.push_str(value.trim_matches('"'));
                out.push_str(rest);
            }
            None => {
                out.push('{');
                out.push_str(part);
            }
        }
    }
    Ok(out)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| it.is_ascii_lowercase() || it == '_')
}

/// A value as one part of a path.
fn encoded(value: &str) -> String {
    let one = |byte: u8| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    value.bytes().map(one).collect()
}

/// Keeps the values that a reply has.
fn take(step: &Step, replied: &Replied, values: &mut Values) {
    let Some(body) = replied.body.as_ref().filter(|_| replied.status < 300) else { return };
    let mut taken = BTreeSet::new();
    for (name, pointer) in step.takes {
        let text = body.pointer(pointer).and_then(|it| it.as_str().map(str::to_owned).or_else(|| number(it)));
        if let Some(text) = text.filter(|_| !taken.contains(name)) {
            taken.insert(name);
            values.insert((*name).to_owned(), text);
        }
    }
}

fn number(value: &Value) -> Option<String> {
    value.is_number().then(|| value.to_string())
}
