//! Golden snapshots: what releases have saved, with what it owes. No release may derive another id, key or body.
//!
//! Each format of a flow has a folder. A file of the newest is made where it is missing, and only if `UPDATE_GOLDEN=1`;
//! one that is there is never made anew, since a host may have stored the like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rulebound::ffi::{AnySnapshot, load, read_config};
use rulebound::flow::{Facets, Table};
use rulebound::time::Timestamp;
use rulebound::{Context, Effect, Flow};
use rulebound_tests::alphabet::{Alphabet, written_config};
use rulebound_tests::explore::{Exploration, Move, Outcome, Reached, play};
use rulebound_tests::vectors::files;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// One file: a snapshot, and what it owes at a time.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    snapshot: Box<RawValue>,
    /// The config of exploration, where the default one names no account.
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
        let there = files(&folder).unwrap_or_default();
        let missing: Vec<_> = names::<F>().into_iter().filter(|name| !there.contains(&file(&folder, name))).collect();
        assert!(missing.is_empty(), "not in {}: {missing:?}; `UPDATE_GOLDEN=1` adds them", folder.display());
        for file in there {
            let golden: Golden = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            golden.holds(*format).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        }
    }
    let kept = fs::read_dir(&folder).unwrap().count();
    assert_eq!(kept, formats.len(), "{} has other formats than {formats:?}", folder.display());
}

impl Golden {
    /// Whether this release makes of the snapshot what the one that saved it did, and so does one that reads only the
    /// newest format.
    fn holds(&self, format: u32) -> Result<(), String> {
        let at = load(self.snapshot.get()).map_err(|wrong| wrong.to_string())?;
        same("the snapshot", self.snapshot.get(), &at.save_as(format).map_err(|wrong| wrong.to_string())?)?;
        let newest = load(&at.save()).map_err(|wrong| wrong.to_string())?;
        self.does(at.as_ref())?;
        self.does(newest.as_ref())
    }

    fn does(&self, at: &dyn AnySnapshot) -> Result<(), String> {
        let config = self.config.as_deref().map_or("{}", RawValue::get);
        let around = Context::new(self.now, read_config(config).map_err(|wrong| wrong.to_string())?);
        let owed = at.effects(&around);
        same("what is owed", &text(&self.effects), &text(&owed))?;
        let ready = owed.iter().filter(|it| it.ready && matches!(it.effect, Effect::Request { .. }));
        let mut taken = BTreeMap::new();
        for owed in ready {
            let lease = at.lease(&owed.id, &around).map_err(|wrong| wrong.to_string())?;
            taken.insert(owed.id.as_str(), lease.request);
        }
        same("the requests", &text(&self.requests), &text(&taken))
    }
}

fn same(what: &str, saved: &str, made: &str) -> Result<(), String> {
    if saved == made { Ok(()) } else { Err(format!("{what} was\n{saved}\nand is\n{made}")) }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

/// Lookups that stand behind more steps than exploration takes: vectors reach them.
const TOO_DEEP: [&str; 2] = ["list_captures", "list_refunds"];

/// A snapshot for each place of each facet, and one for each operation that is ready to be leased.
fn names<F: Flow>() -> BTreeSet<String> {
    let states = |it: Table| it.states.into_iter().map(move |state| format!("at-{}-{state}", it.facet));
    let places = F::Facets::tables().into_iter().flat_map(states);
    let operations = Alphabet::<F>::load().replies.into_iter().map(|(operation, ..)| operation);
    let operations =
        operations.filter(|it| !TOO_DEEP.contains(&it.as_str())).map(|operation| format!("owing-{operation}"));
    places.chain(operations).collect()
}

fn add_missing<F: Flow>(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let seen = Exploration::<F>::run();
    for name in names::<F>().into_iter().filter(|name| !file(folder, name).exists()) {
        let named = || seen.reached.iter().filter(|here| is_named(here, &name));
        let owing = named().find(|here| !here.at.effects(&here.context()).is_empty());
        let here = owing.or_else(|| named().next()).unwrap_or_else(|| panic!("never reached: {name}"));
        let golden = serde_json::to_string_pretty(&snap(here)).unwrap();
        fs::write(file(folder, &name), golden + "\n").unwrap();
    }
}

fn is_named<F: Flow>(here: &Reached<F>, name: &str) -> bool {
    let (kind, name) = name.split_once('-').unwrap();
    let owes =
        |operation: &str| here.at.effects(&here.context()).iter().any(|it| it.ready && it.id.kind() == operation);
    match kind {
        "at" => here.at.state().facets().states().into_iter().any(|(facet, state)| name == format!("{facet}-{state}")),
        _ => owes(name),
    }
}

fn snap<F: Flow>(here: &Reached<F>) -> Golden {
    let owed = here.at.effects(&here.context());
    let request = |id: &rulebound::EffectId| match play(&here.at, &Move::Lease(id.clone()), here.now) {
        Outcome::Leased(it) => it.request,
        _ => None,
    };
    let taken = owed.iter().filter(|it| it.ready).filter_map(|it| Some((it.id.as_str().to_owned(), request(&it.id)?)));
    let config = written_config::<F>();
    Golden {
        config: config.as_object().is_some_and(|it| !it.is_empty()).then(|| to_raw_value(&config).unwrap()),
        snapshot: RawValue::from_string(here.at.save()).unwrap(),
        now: here.now,
        effects: owed.iter().map(|it| to_raw_value(it).unwrap()).collect(),
        requests: taken.map(|(id, request)| (id, to_raw_value(&request).unwrap())).collect(),
    }
}
