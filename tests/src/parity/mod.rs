//! Transcripts: what a language answers to a script, two lines a step. They compare every language with `ffi::call`, byte
//! for byte.
//!
//! The first line of a step is its result: what `ffi::call` puts in `ok`, `rejected` or `error`, or `null` for a step that
//! does nothing. The second line is `[status,effects,waiting_for,actions,wake_at,ids]` after the step, or the error of the first
//! view that fails.

mod alphabet;
mod random;

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};

use rulebound::ffi::call;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::vectors::{key, with_text};

pub use random::Sequences;

/// The views in the second line of a step, before the ids.
pub const VIEWS: [&str; 5] = ["status", "effects", "waiting_for", "actions", "wake_at"];

/// The lines of a script, in one language.
pub type Transcript = Vec<String>;

/// The form in which a runner reads its scripts.
pub type Form = fn(&Script) -> String;

/// A flow, its key, and the steps to play.
///
/// It is an object `{flow, key, config?, steps}`. A step is `{now, command | lease | fact, config?}`. Its own config
/// replaces that of the script.
#[derive(Clone, Debug)]
pub struct Script(Value);

impl Script {
    /// A script without steps.
    pub fn new(flow: &str, key: &str) -> Self {
        Self(json!({"flow": flow, "key": key, "steps": []}))
    }

    /// The script of a vector.
    pub fn of(vector: &Value) -> Self {
        let mut script = json!({"flow": vector["flow"], "key": key(&vector["key"]), "steps": []});
        copy(vector, &["config"], &mut script);
        let mut script = Self(script);
        for step in vector["steps"].as_array().into_iter().flatten() {
            let mut bare = json!({});
            copy(step, &["now", "command", "lease", "config"], &mut bare);
            if let Some(fact) = step.get("fact") {
                bare["fact"] = with_text(fact);
            }
            script.push(bare);
        }
        script
    }

    /// Adds a step.
    pub fn push(&mut self, step: Value) {
        if let Some(steps) = self.0["steps"].as_array_mut() {
            steps.push(step);
        }
    }

    /// The id of its flow.
    pub fn flow(&self) -> &str {
        self.0["flow"].as_str().unwrap_or_default()
    }

    /// Its steps.
    pub fn steps(&self) -> &[Value] {
        self.0["steps"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The script as one line of JSON.
    pub fn json(&self) -> String {
        format!("{}\n", self.0)
    }

    /// The script as lines from which a runner makes requests without reading JSON.
    ///
    /// A line has the verb, its fields besides the snapshot, and the time and the config alone, with tabs between them. A
    /// line of only two parts begins a script. The verb `-` does nothing.
    pub fn cut(&self) -> String {
        let mut lines = format!("start\t{}\n", self.beginning());
        for step in self.steps() {
            let context = self.context(step);
            let _ = match verb_of(step) {
                ("", _) => writeln!(lines, "-\t-\t{context}"),
                (verb, what) => writeln!(lines, "{verb}\t{what}{context}\t{context}"),
            };
        }
        lines
    }

    /// The fields of the request that starts its flow.
    fn beginning(&self) -> String {
        format!(r#""flow":{},"key":{}"#, self.0["flow"], self.0["key"])
    }

    /// The fields of a request with the time and the config.
    fn context(&self, step: &Value) -> String {
        let mut context = format!(r#","now":{}"#, step["now"]);
        if let Some(config) = step.get("config").or_else(|| self.0.get("config")) {
            let _ = write!(context, r#","config":{config}"#);
        }
        context
    }

    /// The transcript of `ffi::call`.
    pub fn transcript(&self) -> Transcript {
        let mut play = Play::start(self);
        let steps = self.steps().iter().flat_map(|step| play.step(self, step));
        steps.collect()
    }
}

fn copy(from: &Value, names: &[&str], to: &mut Value) {
    for name in names {
        if let Some(value) = from.get(name) {
            to[*name] = value.clone();
        }
    }
}

/// The verb of a step, and its own member of the request, with a comma before it.
fn verb_of(step: &Value) -> (&'static str, String) {
    match (step.get("command"), step.get("lease"), step.get("fact")) {
        (Some(command), ..) => ("handle", format!(r#","command":{command}"#)),
        (_, Some(effect), _) => ("lease", format!(r#","effect":{effect}"#)),
        (.., Some(fact)) => ("observe", format!(r#","fact":{fact}"#)),
        (None, None, None) => ("", String::new()),
    }
}

/// A script that is being played.
struct Play {
    snapshot: String,
}

impl Play {
    fn start(script: &Script) -> Self {
        let start = format!(r#"{{"start":{{{}}}}}"#, script.beginning());
        Self { snapshot: inside(&call(&start)).to_owned() }
    }

    /// Plays a step, and keeps the next snapshot.
    fn step(&mut self, script: &Script, step: &Value) -> [String; 2] {
        #[derive(Deserialize)]
        struct Changed<'a> {
            #[serde(borrow)]
            next: &'a RawValue,
        }
        let context = script.context(step);
        let first = match verb_of(step) {
            ("", _) => "null".to_owned(),
            (verb, what) => self.ask(verb, &format!("{what}{context}")),
        };
        if let Ok(Changed { next }) = serde_json::from_str(&first) {
            self.snapshot = next.get().to_owned();
        }
        [first, self.views(&context)]
    }

    fn views(&self, context: &str) -> String {
        let mut views = String::from("[");
        for verb in VIEWS {
            let view = self.ask(verb, context);
            if view.starts_with(r#"{"code""#) {
                return view;
            }
            views += &view;
            views.push(',');
        }
        views + &self.ask("ids", "") + "]"
    }

    fn ask(&self, verb: &str, more: &str) -> String {
        let answer = call(&format!(r#"{{"{verb}":{{"snapshot":{}{more}}}}}"#, self.snapshot));
        inside(&answer).to_owned()
    }
}

/// An answer without its one outer member.
fn inside(answer: &str) -> &str {
    answer.split_once(':').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or_default()
}

/// Lets a language's runner play scripts.
pub fn play(runner: &mut Command, form: Form, scripts: &[Script]) -> Result<Vec<Transcript>, String> {
    let failed = |error: std::io::Error| format!("the runner: {error}");
    let mut child = runner.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut text = String::new();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut input = std::io::BufWriter::new(stdin?);
            // The transcript of a runner that stops early is too short, so this error can be ignored.
            scripts.iter().try_for_each(|script| input.write_all(form(script).as_bytes())).ok()
        });
        stdout.map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut text)).map_err(failed)
    })?;
    let status = child.wait().map_err(failed)?;
    let mut lines = text.lines().map(str::to_owned);
    let transcripts: Vec<_> =
        scripts.iter().map(|script| lines.by_ref().take(2 * script.steps().len()).collect()).collect();
    if status.success() { Ok(transcripts) } else { Err(format!("the runner ended with {status}")) }
}

/// The first step at which a transcript differs from the expected one.
pub fn difference(script: &Script, expected: &[String], got: &[String]) -> Option<String> {
    let lines = expected.len().max(got.len());
    let differs = (0..lines).find(|line| expected.get(*line) != got.get(*line))?;
    let line_of = |lines: &[String]| lines.get(differs).map_or("nothing", String::as_str).to_owned();
    Some(format!(
        "step {} of {}  ffi::call: {}\n  got:        {}",
        differs / 2 + 1,
        script.json(),
        line_of(expected),
        line_of(got)
    ))
}
