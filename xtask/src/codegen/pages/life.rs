//! One whole life of a provider's flow on the wire, and the same life in Python and in Node. It is the first vector of
//! `life.json`, run.

mod fold;
mod program;
mod wire;

use rulebound::time::Timestamp;
use rulebound_tests::root;
use rulebound_tests::vectors::read_text;
use serde_json::Value;

use super::super::classes::classes;

/// A vector, as the story of one flow of a provider.
struct Life<'a> {
    provider: &'a str,
    vector: Value,
}

/// The section of a provider's page; empty without a `life.json`.
pub(super) fn text(provider: &str) -> Result<String, String> {
    let path = root().join("tests/vectors").join(provider).join("life.json");
    let Ok(file) = std::fs::read_to_string(&path) else { return Ok(String::new()) };
    let vectors = read_text(&file).map_err(|error| format!("{}: {error}", path.display()))?;
    let vector = vectors.into_iter().next().ok_or_else(|| format!("{} has no vector", path.display()))?;
    let life = Life { provider, vector };
    Ok(format!(
        "\n## One life on the wire\n\n{}\n\n```text\n{}```\n\n<details><summary>The same in Python and in Node</summary>\n\n```python\n{}```\n\n\
         ```js\n{}```\n\n</details>\n",
        "`>` is what the host says, `<` is what the library answers if a state changes or a rule is broken, `=` is the request that\n\
         a worker sends, and `!` is an effect that is pending from then on. Times are in UTC.",
        life.wire()?,
        life.python()?,
        life.node()?,
    ))
}

impl Life<'_> {
    fn steps(&self) -> Result<Vec<Step<'_>>, String> {
        self.vector["steps"].as_array().into_iter().flatten().map(Step::of).collect()
    }

    fn class(&self) -> Result<&'static str, String> {
        let flow = self.vector["flow"].as_str().unwrap_or_default();
        classes().into_iter().find(|it| it.flow == flow).map(|it| it.name).ok_or_else(|| format!("no class of {flow}"))
    }
}

/// One step of a life.
#[derive(Clone, Copy)]
struct Step<'a> {
    whole: &'a Value,
    now: i64,
    does: Does<'a>,
}

/// What a step does.
#[derive(Clone, Copy)]
enum Does<'a> {
    Handle(&'a Value),
    Lease(&'a str),
    Observe(&'a Value),
}

impl<'a> Step<'a> {
    fn of(whole: &'a Value) -> Result<Self, String> {
        let now = whole["now"].as_i64().unwrap_or_default();
        let does = match (whole.get("command"), whole["lease"].as_str(), whole.get("fact")) {
            (Some(command), ..) => Does::Handle(command),
            (_, Some(effect), _) => Does::Lease(effect),
            (.., Some(fact)) => Does::Observe(fact),
            _ => return Err(format!("a life has only commands, leases, replies and facts, not {whole}")),
        };
        Ok(Self { whole, now, does })
    }

    fn is_rejected(&self) -> bool {
        self.whole["expect"].get("rejected").is_some()
    }

    /// The day of the step, if it is another than that of the step before.
    fn new_day(&self, before: Option<Self>) -> Option<String> {
        let day = |step: Self| step.instant().chars().take(10).collect::<String>();
        let today = day(*self);
        (before.map(day).as_ref() != Some(&today)).then_some(today)
    }

    /// The step's time, such as `2026-12-01 10:00:02`.
    fn instant(&self) -> String {
        instant(self.now)
    }
}

/// Each step, with the step before.
fn in_order<'a>(steps: &[Step<'a>]) -> impl Iterator<Item = (Option<Step<'a>>, Step<'a>)> {
    let before = std::iter::once(None).chain(steps.iter().copied().map(Some));
    before.zip(steps.iter().copied())
}

fn instant(millis: i64) -> String {
    Timestamp::from_millis(millis).to_string().replace('T', " ").replace('Z', "")
}

/// The members of an object in the order in which a reader wants them: what it is first, and the body last.
fn members(value: &Value) -> Vec<(&String, &Value)> {
    let rank = |name: &str| match name {
        "type" => 0,
        "effect" => 1,
        "http_status" | "origin" => 2,
        "body" => 9,
        _ => 3,
    };
    let mut members: Vec<_> = value.as_object().into_iter().flatten().collect();
    members.sort_by_key(|(name, _)| rank(name));
    members
}
