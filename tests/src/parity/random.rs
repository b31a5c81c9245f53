//! Random sequences: each begins like a vector, and continues with anything that a host can do, right or wrong.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::alphabet::Alphabet;
use super::{Play, Script, Transcript};
use crate::vectors;

/// When a sequence begins, unless its prelude is later: in 2023.
const BEGIN: i64 = 1_700_000_000_000;

/// Sequences of steps. Each follows from its number alone.
#[derive(Debug)]
pub struct Sequences {
    flows: Vec<Material>,
}

/// The material for the sequences of a flow.
struct Material {
    alphabet: Alphabet,
    vectors: Vec<Value>,
    commands: Vec<Value>,
    facts: Vec<Value>,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} vectors", self.alphabet.flow, self.vectors.len())
    }
}

impl Sequences {
    /// Sequences over the samples of every flow, and over the vectors of a folder.
    pub fn new(folder: &Path) -> std::io::Result<Self> {
        let mut vectors: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for vector in vectors::read_folder(folder)?.into_iter().filter_map(|(_, vector)| vector.ok()) {
            let flow = vector["flow"].as_str().unwrap_or_default().to_owned();
            vectors.entry(flow).or_default().push(vector);
        }
        let material = |alphabet: Alphabet| {
            let vectors = vectors.remove(alphabet.flow).unwrap_or_default();
            let steps = || vectors.iter().flat_map(|it| it["steps"].as_array().into_iter().flatten());
            let commands = steps().filter_map(|it| it.get("command").cloned()).collect();
            let facts = steps().filter_map(|it| it.get("fact")).map(vectors::with_text);
            let facts = facts.chain(alphabet.facts.iter().cloned()).collect();
            Material { alphabet, vectors, commands, facts }
        };
        Ok(Self { flows: Alphabet::all().into_iter().map(material).collect() })
    }

    /// The sequence of a number, and the transcript of `ffi::call`.
    pub fn sequence(&self, number: u64) -> (Script, Transcript) {
        let mut chance = Chance(number);
        let material = chance.one(&self.flows);
        let mut script = material.beginning(&mut chance);
        let mut play = Play::start(&script);
        let mut lines: Transcript = Vec::new();
        for step in script.steps() {
            lines.extend(play.step(&script, step));
        }
        let last = script.steps().last().and_then(|it| it["now"].as_i64());
        // A time that looks like seconds is an error that Python and Node give in their own words.
        let mut now = last.unwrap_or_default().max(BEGIN);
        for _ in 0..chance.below(9) {
            let views = lines.last().and_then(|line| serde_json::from_str::<Value>(line).ok()).unwrap_or_default();
            let mut step = material.step(&views[1], &mut chance);
            if chance.below(8) == 0 {
                step.as_object_mut().into_iter().flatten().for_each(|(_, member)| mutate(member, &mut chance));
            }
            now += if chance.below(3) == 0 { *chance.one(&material.alphabet.spans) } else { 1 };
            step["now"] = now.into();
            lines.extend(play.step(&script, &step));
            script.push(step);
        }
        (script, lines)
    }
}

impl Material {
    /// The first steps of a vector, sometimes with another config; or an empty script with the alphabet's config.
    fn beginning(&self, chance: &mut Chance) -> Script {
        if self.vectors.is_empty() || chance.below(4) == 0 {
            let mut script = Script::new(self.alphabet.flow, &self.alphabet.key);
            script.0["config"] = self.alphabet.config.clone();
            return script;
        }
        let mut script = Script::of(chance.one(&self.vectors));
        let length = chance.below(script.steps().len() + 1);
        if let Some(steps) = script.0["steps"].as_array_mut() {
            steps.truncate(length);
        }
        let other = &chance.one(&self.vectors)["config"];
        if chance.below(10) == 0 && other.is_object() {
            script.0["config"] = other.clone();
        }
        // An empty config cannot get a mistake.
        let is_full = script.0["config"].as_object().is_some_and(|it| !it.is_empty());
        if is_full && chance.below(40) == 0 {
            mutate(&mut script.0["config"], chance);
        }
        script
    }

    /// A command, a fact, or work on a pending effect.
    fn step(&self, effects: &Value, chance: &mut Chance) -> Value {
        let pending = effects.as_array().filter(|effects| !effects.is_empty());
        match (chance.below(10), pending) {
            (0..6, Some(effects)) => self.work(chance.one(effects), chance),
            (6..8, _) if !self.facts.is_empty() => json!({"fact": chance.one(&self.facts)}),
            _ if !self.commands.is_empty() => json!({"command": chance.one(&self.commands)}),
            _ => json!({}),
        }
    }

    /// What a worker can do with a pending effect, whether or not it has a lease.
    fn work(&self, effect: &Value, chance: &mut Chance) -> Value {
        let id = &effect["id"];
        match effect["type"].as_str() {
            Some("request") if effect["ready"] == true && chance.below(3) > 0 => {
                json!({"lease": id})
            }
            Some("request") => {
                let replies = self.alphabet.replies.iter().filter(|(operation, ..)| effect["operation"] == **operation);
                let replies: Vec<_> = replies.collect();
                match chance.below(8) {
                    0 => json!({"fact": {"type": "lost", "effect": id}}),
                    1 => json!({"fact": {"type": "reply", "effect": id, "http_status": 429, "body": ""}}),
                    _ if replies.is_empty() => {
                        json!({"fact": {"type": "reply", "effect": id, "http_status": 404, "body": "{}"}})
                    }
                    _ => {
                        let (_, status, body) = chance.one(&replies);
                        json!({"fact": {"type": "reply", "effect": id, "http_status": status, "body": body}})
                    }
                }
            }
            Some("review") => {
                let verdicts = effect["verdicts"].as_array().map_or(&[][..], Vec::as_slice);
                json!({"fact": {"type": "reviewed", "effect": id, "verdict": chance.one(verdicts)}})
            }
            _ => json!({"fact": {"type": "done", "effect": id}}),
        }
    }
}

/// Makes one mistake somewhere: another value, a missing member, or an unknown one.
fn mutate(value: &mut Value, chance: &mut Chance) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let names: Vec<_> = members.keys().cloned().collect();
            let name = chance.one(&names);
            match chance.below(6) {
                0 => drop(members.remove(name)),
                1 => drop(members.insert("surplus".into(), json!(1))),
                _ => members.get_mut(name).into_iter().for_each(|it| mutate(it, chance)),
            }
        }
        Value::Array(entries) if !entries.is_empty() && chance.below(3) > 0 => {
            let index = chance.below(entries.len());
            entries.get_mut(index).into_iter().for_each(|it| mutate(it, chance));
        }
        other => *other = chance.one(&wrong()).clone(),
    }
}

fn wrong() -> [Value; 12] {
    let texts = [json!(""), json!("x"), json!("\u{0}\u{1f}\u{7f}\"\\/"), json!("日本語 🦀 \u{2028}")];
    let [a, b, c, d] = texts;
    let most = 9_007_199_254_740_991_i64;
    [a, b, c, d, Value::Null, json!(true), json!(0), json!(-1), json!(1.5), json!(most), json!([]), json!({})]
}

/// Random numbers, the same for the same seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
