//! Golden snapshots: what releases have saved, with its effects. No release may derive another id, key or body.
//!
//! Each format of a flow has a folder. With `UPDATE_GOLDEN=1` the missing files of the newest format are made. An existing
//! file is never made again, since a host may have stored such a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rulebound::ffi::{AnySnapshot, load, read_config};
use rulebound::flow::{Facets, Table};
use rulebound::time::Timestamp;
use rulebound::{Context, Effect, Flow};
use rulebound_tests::alphabet::{Alphabet, written_config};
use rulebound_tests::explore::{Exploration, Move, Outcome, Reached, play};
use rulebound_tests::vectors::{files, matches};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// One file: a snapshot, and its effects at a time.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    snapshot: Box<RawValue>,
    /// The config of exploration, if it is not the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Box<RawValue>>,
    now: Timestamp,
    effects: Vec<Box<RawValue>>,
    /// The requests that their leases hand out.
    requests: BTreeMap<String, Box<RawValue>>,
}

macro_rules! golden {
    ($provider:ident :: $flow:ident) => {
        holds::<rulebound::$provider::$flow>();
    };
}

#[test]
fn every_flow_is_as_it_was_saved() {
    rulebound::for_each_flow!(golden);
}

fn holds<F: Flow>() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(F::ID);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|it| it == "1") {
        add_missing::<F>(&folder.join(F::FORMAT.to_string()));
    }
    let formats: Vec<_> = F::OLDER.iter().copied().chain([F::FORMAT]).collect();
    for format in &formats {
        let folder = folder.join(format.to_string());
        let existing = files(&folder).unwrap_or_default();
        let missing: Vec<_> =
            names::<F>().into_iter().filter(|name| !existing.contains(&file(&folder, name))).collect();
        assert!(missing.is_empty(), "not in {}: {missing:?}; `UPDATE_GOLDEN=1` adds them", folder.display());
        for file in existing {
            let golden: Golden = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            golden.holds(*format).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        }
    }
    let kept = fs::read_dir(&folder).unwrap().count();
    assert_eq!(kept, formats.len(), "{} has other formats than {formats:?}", folder.display());
}

impl Golden {
    /// Checks that this release derives the same from the snapshot, also after saving it in the newest format.
    fn holds(&self, format: u32) -> Result<(), String> {
        let snapshot = load(self.snapshot.get()).map_err(|wrong| wrong.to_string())?;
        same("the snapshot", self.snapshot.get(), &snapshot.save_as(format).map_err(|wrong| wrong.to_string())?)?;
        let newest = load(&snapshot.save()).map_err(|wrong| wrong.to_string())?;
        self.derives(snapshot.as_ref())?;
        self.derives(newest.as_ref())
    }

    /// Checks the effects and the requests.
    fn derives(&self, snapshot: &dyn AnySnapshot) -> Result<(), String> {
        let config = self.config.as_deref().map_or("{}", RawValue::get);
        let context = Context::new(self.now, read_config(config).map_err(|wrong| wrong.to_string())?);
        let effects = snapshot.effects(&context);
        let made: Value = serde_json::from_str(&text(&effects)).unwrap();
        let saved: Value = serde_json::from_str(&text(&self.effects)).unwrap();
        // A later release may say more about an effect.
        matches(&saved, &made).map_err(|why| format!("the effects: {why}"))?;
        if self.effects.len() != effects.len() {
            return Err(format!("the effects: expected {}, got {made}", self.effects.len()));
        }
        let ready = effects.iter().filter(|it| it.ready && matches!(it.effect, Effect::Request { .. }));
        let mut requests = BTreeMap::new();
        for effect in ready {
            let lease = snapshot.lease(&effect.id, &context).map_err(|wrong| wrong.to_string())?;
            requests.insert(effect.id.as_str(), lease.request);
        }
        same("the requests", &text(&self.requests), &text(&requests))
    }
}

fn same(what: &str, saved: &str, made: &str) -> Result<(), String> {
    if saved == made { Ok(()) } else { Err(format!("{what}: expected\n{saved}\ngot\n{made}")) }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

/// Lookups that need more moves than exploration makes. Vectors reach them.
const TOO_DEEP: [&str; 2] = ["list_captures", "list_refunds"];

/// The names of the files: one for each state of each facet, and one for each operation that is ready.
fn names<F: Flow>() -> BTreeSet<String> {
    let states = |it: Table| it.states.into_iter().map(move |state| format!("at-{}-{state}", it.facet));
    let of_states = F::Facets::tables().into_iter().flat_map(states);
    let operations = Alphabet::<F>::load().replies.into_iter().map(|(operation, ..)| operation);
    let operations =
        operations.filter(|it| !TOO_DEEP.contains(&it.as_str())).map(|operation| format!("owing-{operation}"));
    of_states.chain(operations).collect()
}

fn add_missing<F: Flow>(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let missing: Vec<_> = names::<F>().into_iter().filter(|name| !file(folder, name).exists()).collect();
    if missing.is_empty() {
        return;
    }
    let found = Exploration::<F>::run();
    for name in missing {
        let named = || found.reached.iter().filter(|reached| is_named(reached, &name));
        let with_effects = named().find(|reached| !reached.snapshot.effects(&reached.context()).is_empty());
        let reached = with_effects.or_else(|| named().next()).unwrap_or_else(|| {
            panic!("{}: exploration never reaches `{name}`: add what leads there to tests/samples/alphabets", F::ID)
        });
        let golden = serde_json::to_string_pretty(&golden_of(reached)).unwrap();
        fs::write(file(folder, &name), golden + "\n").unwrap();
    }
}

fn is_named<F: Flow>(reached: &Reached<F>, name: &str) -> bool {
    let (kind, name) = name.split_once('-').unwrap();
    let is_ready = |operation: &str| {
        reached.snapshot.effects(&reached.context()).iter().any(|it| it.ready && it.id.kind() == operation)
    };
    match kind {
        "at" => reached
            .snapshot
            .state()
            .facets()
            .states()
            .into_iter()
            .any(|(facet, state)| name == format!("{facet}-{state}")),
        _ => is_ready(name),
    }
}

fn golden_of<F: Flow>(reached: &Reached<F>) -> Golden {
    let effects = reached.snapshot.effects(&reached.context());
    let request = |id: &rulebound::EffectId| match play(&reached.snapshot, &Move::Lease(id.clone()), reached.now) {
        Outcome::Leased(lease) => lease.request,
        _ => None,
    };
    let requests =
        effects.iter().filter(|it| it.ready).filter_map(|it| Some((it.id.as_str().to_owned(), request(&it.id)?)));
    let config = written_config::<F>();
    Golden {
        config: config.as_object().is_some_and(|it| !it.is_empty()).then(|| to_raw_value(&config).unwrap()),
        snapshot: RawValue::from_string(reached.snapshot.save()).unwrap(),
        now: reached.now,
        effects: effects.iter().map(|it| to_raw_value(it).unwrap()).collect(),
        requests: requests.map(|(id, request)| (id, to_raw_value(&request).unwrap())).collect(),
    }
}
