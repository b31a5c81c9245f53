//! What the vectors show of the rules and the flows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rulebound::ffi::{read_command, read_config, read_fact};
use rulebound::flow::{FacetTransition, Facets};
use rulebound::snapshot;
use rulebound::{Context, Effect, EffectId, Fact, Flow, HandleError, Key, Level, Named, Snapshot, Violation};
use serde_json::Value;

use crate::root;
use crate::vectors::{files, key, read_text, texts, with_text};

/// Names, sorted.
pub type Names = BTreeSet<String>;

/// What all vectors show.
#[derive(Default, Debug)]
pub struct Survey {
    /// The vectors, in the order of their files.
    pub vectors: Vec<Vector>,
    /// Of each rule that was seen, by its code.
    pub rules: BTreeMap<&'static str, Breaches>,
    /// Of each flow, by its id.
    pub flows: BTreeMap<&'static str, Views>,
}

/// One vector.
#[derive(Debug)]
pub struct Vector {
    /// Its file, from the root of the workspace.
    pub file: String,
    /// What it shows, in words.
    pub name: String,
    /// The page that it was written from.
    pub source: String,
    /// Its flow.
    pub flow: String,
    /// The rules that it says to break, and those that a step of it is said to break.
    pub breaks: Names,
    /// The rules that it says to keep.
    pub keeps: Names,
    /// What moved it: wishes by their names, facts by their types, each with the rules that were warned about.
    pub steps: Vec<Step>,
}

/// What was seen of a rule.
#[derive(Default, Debug)]
pub struct Breaches {
    /// What broke it, by the flow: wishes by their names, facts by their types.
    pub broken_by: BTreeMap<&'static str, Names>,
    /// Whether an override to `warn` had it no longer reject, wherever it did.
    pub softened: BTreeSet<bool>,
}

/// What was seen of a flow.
#[derive(Default, Debug)]
pub struct Views {
    /// What it owed: the type, and what it is about.
    pub effects: Names,
    /// The signals that it awaited.
    pub signals: Names,
    /// The moves of its facets, each with the wishes and the types of facts that made it.
    pub moves: BTreeMap<FacetTransition, Names>,
    /// The rules that a fact was warned about when it made such a move.
    pub warned: BTreeMap<FacetTransition, BTreeSet<&'static str>>,
    /// The rules that stood in the way of an offer of each wish.
    pub guards: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Survey {
    /// Plays every vector; then wishes, wherever a flow was seen, for everything that any vector of its provider wishes.
    pub fn run() -> Self {
        let all = read();
        let mut survey = Self::default();
        for (file, vector) in &all {
            survey.vectors.push(Vector::read(file, vector));
        }
        macro_rules! play {
            ($provider:ident :: $flow:ident) => {
                survey.play_flow::<rulebound::$provider::$flow>(stringify!($provider), &all);
            };
        }
        rulebound::for_each_flow!(play);
        survey
    }

    fn play_flow<F: Flow>(&mut self, provider: &str, all: &[(String, Value)]) {
        let of_provider = |vector: &&Value| vector["flow"].as_str().is_some_and(|it| it.starts_with(provider));
        let mut seen = BTreeMap::new();
        for (index, (_, vector)) in all.iter().enumerate().filter(|(_, (_, vector))| vector["flow"] == F::ID) {
            let mut steps = Vec::new();
            let _ = self.play::<F>(vector, &mut seen, &mut steps);
            self.vectors[index].steps = steps;
        }
        let vectors = all.iter().map(|(_, vector)| vector).filter(of_provider);
        let steps = vectors.filter_map(|vector| vector["steps"].as_array()).flatten();
        let commands: Names = steps.map(|step| step["command"].to_string()).collect();
        for command in commands.iter().filter(|it| read_command::<F>(it).is_ok()) {
            for (at, context) in seen.values() {
                let _ = self.handle::<F>(at, command, context);
            }
        }
    }

    /// Plays one vector, as far as its steps can be read, and keeps the first snapshot of each combination of places.
    fn play<F: Flow>(&mut self, vector: &Value, seen: &mut Seen<F>, steps: &mut Vec<Step>) -> Option<()> {
        let mut at = Snapshot::<F>::start(Key::parse(key(&vector["key"]).as_str()?).ok()?);
        for step in vector["steps"].as_array()? {
            let context = context(vector, step)?;
            let before = at.state().facets().states().into_iter().map(|(_, state)| state).collect();
            seen.entry(before).or_insert_with(|| (at.clone(), context.clone()));
            if let Some(effect) = step["lease"].as_str() {
                if let Some((next, step)) = self.lease(&at, effect, &context) {
                    steps.push(step);
                    at = next;
                }
                self.look(&at, &context);
                continue;
            }
            let moved = if step["command"].is_null() {
                self.observe(&at, &with_text(&step["fact"]).to_string(), &context)
            } else {
                self.handle(&at, &step["command"].to_string(), &context)
            };
            if let Some((by, transition)) = moved {
                self.moved(&transition, &by);
                steps.push((by, transition.warnings.iter().map(|it| it.rule.code).collect()));
                at = transition.next;
            }
            self.look(&at, &context);
        }
        Some(())
    }

    fn handle<F: Flow>(
        &mut self,
        at: &Snapshot<F>,
        command: &str,
        context: &Context,
    ) -> Option<(String, snapshot::Step<F>)> {
        let command = read_command::<F>(command).ok()?;
        let by = F::action_of(&command).name();
        match at.handle(command.clone(), context) {
            Ok(transition) => {
                self.broken::<F>(&transition.warnings, by);
                Some((by.to_owned(), transition))
            }
            Err(HandleError::Rejected(rejection)) => {
                self.broken::<F>(&rejection.violations, by);
                for violation in rejection.violations {
                    let softened = softened(context, violation.rule.code);
                    let violations = match at.handle(command.clone(), &softened) {
                        Ok(_) => Vec::new(),
                        Err(HandleError::Rejected(it)) => it.violations,
                        Err(error) => panic!("{}, softened: {error}", violation.rule.code),
                    };
                    let is_met = violations.iter().all(|it| it.rule != violation.rule);
                    let rule = self.rules.entry(violation.rule.code).or_default();
                    rule.softened.insert(is_met);
                }
                None
            }
            Err(_) => None,
        }
    }

    fn observe<F: Flow>(
        &mut self,
        at: &Snapshot<F>,
        fact: &str,
        context: &Context,
    ) -> Option<(String, snapshot::Step<F>)> {
        let fact = read_fact(fact).ok()?;
        let by = kind(&fact);
        let step = at.observe(fact, context).ok()?;
        self.broken::<F>(&step.warnings, &by);
        step.ignored.is_none().then_some((by, step))
    }

    /// Leases an effect: the next snapshot, and what is warned about.
    fn lease<F: Flow>(&mut self, at: &Snapshot<F>, effect: &str, context: &Context) -> Option<(Snapshot<F>, Step)> {
        match at.lease(&EffectId::parse(effect).ok()?, context) {
            Ok(lease) => {
                self.broken::<F>(&lease.warnings, LEASE);
                let codes = lease.warnings.iter().map(|it| it.rule.code).collect();
                Some((lease.next, (LEASE.to_owned(), codes)))
            }
            Err(rejection) => {
                self.broken::<F>(&rejection.violations, LEASE);
                None
            }
        }
    }

    fn broken<F: Flow>(&mut self, violations: &[Violation], by: &str) {
        for violation in violations {
            let seen = self.rules.entry(violation.rule.code).or_default();
            seen.broken_by.entry(F::ID).or_default().insert(by.to_owned());
        }
    }

    fn moved<F: Flow>(&mut self, transition: &snapshot::Step<F>, by: &str) {
        let is_fact = F::Action::ALL.iter().all(|it| it.name() != by);
        let codes = || transition.warnings.iter().map(|it| it.rule.code).filter(|_| is_fact);
        let views = self.flows.entry(F::ID).or_default();
        for moved in transition.transitions() {
            views.moves.entry(moved).or_default().insert(by.to_owned());
            views.warned.entry(moved).or_default().extend(codes());
        }
    }

    /// Looks at everything that a snapshot says of itself.
    fn look<F: Flow>(&mut self, at: &Snapshot<F>, context: &Context) {
        for action in at.actions(context) {
            self.broken::<F>(&action.violations, action.action.name());
            self.broken::<F>(&action.warnings, action.action.name());
            let codes = action.violations.iter().chain(&action.warnings).map(|it| it.rule.code);
            let guards = &mut self.flows.entry(F::ID).or_default().guards;
            guards.entry(action.action.name()).or_default().extend(codes);
        }
        let views = self.flows.entry(F::ID).or_default();
        // What the kernel asks of any request, by time alone.
        views.effects.extend(["review/no_reply", "review/not_admitted"].map(str::to_owned));
        views.effects.extend(at.effects(context).iter().map(|it| duty(&it.effect)));
        views.signals.extend(at.waiting_for(context).iter().map(|it| it.signal.to_owned()));
    }
}

/// What a lease counts as among what breaks rules.
const LEASE: &str = "lease";

/// What moved a vector, and the rules that were warned about.
type Step = (String, BTreeSet<&'static str>);
/// The first snapshot of each combination of places, with its circumstances.
type Seen<F> = BTreeMap<Vec<&'static str>, (Snapshot<F>, Context)>;

/// Every vector, with its file's path from the root of the workspace.
fn read() -> Vec<(String, Value)> {
    let root = root().join("tests/vectors");
    let mut all = Vec::new();
    for file in files(&root).expect("the folder of the vectors") {
        let text = fs::read_to_string(&file).expect("a file of vectors");
        let name = format!("tests/vectors/{}", file.strip_prefix(&root).unwrap_or(&file).display());
        let vectors = read_text(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
        all.extend(vectors.into_iter().map(|vector| (name.clone(), vector)));
    }
    all
}

impl Vector {
    fn read(file: &str, vector: &Value) -> Self {
        let text = |field: &str| vector[field].as_str().unwrap_or_default().to_owned();
        let mut breaks: Names = texts(&vector["rules"]["broken"]).collect();
        for step in vector["steps"].as_array().into_iter().flatten() {
            breaks.extend(texts(&step["expect"]["rejected"]).chain(texts(&step["expect"]["warnings"])));
        }
        let keeps = texts(&vector["rules"]["kept"]).collect();
        Self {
            file: file.to_owned(),
            name: text("name"),
            source: text("source"),
            flow: text("flow"),
            breaks,
            keeps,
            steps: Vec::new(),
        }
    }
}

/// The circumstances of a step, as the facade reads them.
fn context(vector: &Value, step: &Value) -> Option<Context> {
    let around = crate::vectors::with_surroundings(vector, step, serde_json::json!({}));
    let now = serde_json::from_value(around["now"].clone()).ok()?;
    let config = around.get("config").map_or_else(|| "{}".to_owned(), Value::to_string);
    Some(Context::new(now, read_config(&config).ok()?))
}

fn softened(context: &Context, code: &str) -> Context {
    let mut config = (*context.config).clone();
    config.overrides.insert(code.to_owned(), Level::Warn);
    Context::new(context.now, config)
}

/// The type of a fact; of an answer, with the operation.
fn kind(fact: &Fact<'_>) -> String {
    let operation = |id: &str| id.split(':').next().unwrap_or_default().to_owned();
    match fact {
        Fact::Reply { effect, .. } => format!("reply/{}", operation(effect)),
        Fact::Lost { effect, .. } => format!("lost/{}", operation(effect)),
        Fact::Webhook { .. } => "webhook".into(),
        Fact::CustomerReturned {} => "customer_returned".into(),
        Fact::Reviewed { .. } => "reviewed".into(),
        _ => "done".into(),
    }
}

/// What is owed, without the thing that it is about.
pub fn duty(effect: &Effect) -> String {
    match effect {
        Effect::Request { operation, .. } => format!("request/{operation}"),
        Effect::Notify { reason, .. } => format!("notify/{reason}"),
        Effect::Review { reason, .. } => format!("review/{reason}"),
        Effect::Fulfill { .. } => "fulfill".into(),
        Effect::Access { .. } => "access".into(),
        _ => String::new(),
    }
}
