//! What the vectors show about the rules and the flows.

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
    /// Each rule that was broken, by its code.
    pub rules: BTreeMap<&'static str, Breaches>,
    /// Each flow, by its id.
    pub flows: BTreeMap<&'static str, Views>,
}

/// One vector.
#[derive(Debug)]
pub struct Vector {
    /// Its file, from the root of the workspace.
    pub file: String,
    /// What it shows, in one sentence.
    pub name: String,
    /// The page from which it was written.
    pub source: String,
    /// Its flow.
    pub flow: String,
    /// The rules that it declares as broken, and those that its steps expect to be broken.
    pub breaks: Names,
    /// The rules that it declares as kept.
    pub keeps: Names,
    /// The commands and facts that changed the snapshot: actions by name, facts by type, each with its warnings.
    pub steps: Vec<Step>,
}

/// How a rule was broken.
#[derive(Default, Debug)]
pub struct Breaches {
    /// What broke it, by flow: actions by name, facts by type.
    pub broken_by: BTreeMap<&'static str, Names>,
    /// For each rejection: whether an override to `warn` kept the rule from rejecting.
    pub softened: BTreeSet<bool>,
}

/// What a flow showed.
#[derive(Default, Debug)]
pub struct Views {
    /// Its pending effects: the type, with the operation or the reason.
    pub effects: Names,
    /// The signals that it waited for.
    pub signals: Names,
    /// The transitions of its facets, each with the actions and the types of facts that made it.
    pub moves: BTreeMap<FacetTransition, Names>,
    /// The warnings of facts that made a transition.
    pub warned: BTreeMap<FacetTransition, BTreeSet<&'static str>>,
    /// The rules that did not allow each action, or that warned about it.
    pub guards: BTreeMap<&'static str, BTreeSet<&'static str>>,
}

impl Survey {
    /// Plays every vector. Then tries every command of a provider's vectors in each combination of states that was reached.
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
        let mut reached = BTreeMap::new();
        for (index, (_, vector)) in all.iter().enumerate().filter(|(_, (_, vector))| vector["flow"] == F::ID) {
            let mut steps = Vec::new();
            let _ = self.play::<F>(vector, &mut reached, &mut steps);
            self.vectors[index].steps = steps;
        }
        let vectors = all.iter().map(|(_, vector)| vector).filter(of_provider);
        let steps = vectors.filter_map(|vector| vector["steps"].as_array()).flatten();
        let commands: Names = steps.map(|step| step["command"].to_string()).collect();
        for command in commands.iter().filter(|it| read_command::<F>(it).is_ok()) {
            for (snapshot, context) in reached.values() {
                let _ = self.handle::<F>(snapshot, command, context);
            }
        }
    }

    /// Plays one vector as far as its steps can be read, and keeps the first snapshot of each combination of states.
    fn play<F: Flow>(&mut self, vector: &Value, reached: &mut Reached<F>, steps: &mut Vec<Step>) -> Option<()> {
        let mut snapshot = Snapshot::<F>::start(Key::parse(key(&vector["key"]).as_str()?).ok()?);
        for step in vector["steps"].as_array()? {
            let context = context(vector, step)?;
            let states = snapshot.state().facets().states().into_iter().map(|(_, state)| state).collect();
            reached.entry(states).or_insert_with(|| (snapshot.clone(), context.clone()));
            if let Some(effect) = step["lease"].as_str() {
                if let Some((next, step)) = self.lease(&snapshot, effect, &context) {
                    steps.push(step);
                    snapshot = next;
                }
                self.read_views(&snapshot, &context);
                continue;
            }
            let changed = if step["command"].is_null() {
                self.observe(&snapshot, &with_text(&step["fact"]).to_string(), &context)
            } else {
                self.handle(&snapshot, &step["command"].to_string(), &context)
            };
            if let Some((by, step)) = changed {
                self.note_transitions(&step, &by);
                steps.push((by, step.warnings.iter().map(|it| it.rule.code).collect()));
                snapshot = step.next;
            }
            self.read_views(&snapshot, &context);
        }
        Some(())
    }

    fn handle<F: Flow>(
        &mut self,
        snapshot: &Snapshot<F>,
        command: &str,
        context: &Context,
    ) -> Option<(String, snapshot::Step<F>)> {
        let command = read_command::<F>(command).ok()?;
        let by = F::action_of(&command).name();
        match snapshot.handle(command.clone(), context) {
            Ok(step) => {
                self.note_broken::<F>(&step.warnings, by);
                Some((by.to_owned(), step))
            }
            Err(HandleError::Rejected(rejection)) => {
                self.note_broken::<F>(&rejection.violations, by);
                for violation in rejection.violations {
                    let softened = softened(context, violation.rule.code);
                    let violations = match snapshot.handle(command.clone(), &softened) {
                        Ok(_) => Vec::new(),
                        Err(HandleError::Rejected(rejection)) => rejection.violations,
                        // No config changes this rule.
                        Err(HandleError::Context(_)) => [violation.clone()].into(),
                        Err(error) => panic!("{}, softened: {error}", violation.rule.code),
                    };
                    let is_softened = violations.iter().all(|it| it.rule != violation.rule);
                    let rule = self.rules.entry(violation.rule.code).or_default();
                    rule.softened.insert(is_softened);
                }
                None
            }
            Err(_) => None,
        }
    }

    fn observe<F: Flow>(
        &mut self,
        snapshot: &Snapshot<F>,
        fact: &str,
        context: &Context,
    ) -> Option<(String, snapshot::Step<F>)> {
        let fact = read_fact(fact).ok()?;
        let by = kind(&fact);
        let step = snapshot.observe(fact, context).ok()?;
        self.note_broken::<F>(&step.warnings, &by);
        step.ignored.is_none().then_some((by, step))
    }

    /// Leases an effect, and returns the next snapshot and the warnings.
    fn lease<F: Flow>(
        &mut self,
        snapshot: &Snapshot<F>,
        effect: &str,
        context: &Context,
    ) -> Option<(Snapshot<F>, Step)> {
        match snapshot.lease(&EffectId::parse(effect).ok()?, context) {
            Ok(lease) => {
                self.note_broken::<F>(&lease.warnings, LEASE);
                let codes = lease.warnings.iter().map(|it| it.rule.code).collect();
                Some((lease.next, (LEASE.to_owned(), codes)))
            }
            Err(rejection) => {
                self.note_broken::<F>(rejection.violations(), LEASE);
                None
            }
        }
    }

    fn note_broken<F: Flow>(&mut self, violations: &[Violation], by: &str) {
        for violation in violations {
            let breaches = self.rules.entry(violation.rule.code).or_default();
            breaches.broken_by.entry(F::ID).or_default().insert(by.to_owned());
        }
    }

    fn note_transitions<F: Flow>(&mut self, step: &snapshot::Step<F>, by: &str) {
        let is_fact = F::Action::ALL.iter().all(|action| action.name() != by);
        let codes = || step.warnings.iter().map(|it| it.rule.code).filter(|_| is_fact);
        let views = self.flows.entry(F::ID).or_default();
        for transition in step.transitions() {
            views.moves.entry(transition).or_default().insert(by.to_owned());
            views.warned.entry(transition).or_default().extend(codes());
        }
    }

    /// Reads every view of a snapshot.
    fn read_views<F: Flow>(&mut self, snapshot: &Snapshot<F>, context: &Context) {
        for action in snapshot.actions(context) {
            self.note_broken::<F>(&action.violations, action.action.name());
            self.note_broken::<F>(&action.warnings, action.action.name());
            let codes = action.violations.iter().chain(&action.warnings).map(|it| it.rule.code);
            let guards = &mut self.flows.entry(F::ID).or_default().guards;
            guards.entry(action.action.name()).or_default().extend(codes);
        }
        let views = self.flows.entry(F::ID).or_default();
        // The kernel asks these questions about any request, by time alone.
        views.effects.extend(["review/no_reply", "review/not_admitted"].map(str::to_owned));
        views.effects.extend(snapshot.effects(context).iter().map(|it| effect_name(&it.effect)));
        views.signals.extend(snapshot.waiting_for(context).iter().map(|it| it.signal.to_owned()));
    }
}

/// The name of a lease among the actions and facts that break rules.
const LEASE: &str = "lease";

/// What changed the snapshot, and its warnings.
type Step = (String, BTreeSet<&'static str>);
/// The first snapshot of each combination of states, with its context.
type Reached<F> = BTreeMap<Vec<&'static str>, (Snapshot<F>, Context)>;

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

/// The context of a step, as the facade reads it.
fn context(vector: &Value, step: &Value) -> Option<Context> {
    let fields = crate::vectors::with_context(vector, step, serde_json::json!({}));
    let now = serde_json::from_value(fields["now"].clone()).ok()?;
    let config = fields.get("config").map_or_else(|| "{}".to_owned(), Value::to_string);
    Some(Context::new(now, read_config(&config).ok()?))
}

fn softened(context: &Context, code: &str) -> Context {
    let mut config = (*context.config).clone();
    config.overrides.insert(code.to_owned(), Level::Warn);
    Context::new(context.now, config)
}

/// The type of a fact. A fact about a sending has its operation, too.
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

/// The name of an effect in the catalogue: its type, with the operation or the reason.
pub fn effect_name(effect: &Effect) -> String {
    match effect {
        Effect::Request { operation, .. } => format!("request/{operation}"),
        Effect::Notify { reason, .. } => format!("notify/{reason}"),
        Effect::Review { reason, .. } => format!("review/{reason}"),
        Effect::Fulfill { .. } => "fulfill".into(),
        Effect::Access { .. } => "access".into(),
        _ => String::new(),
    }
}
