//! The stage of a journey: a host with rows, an inbox and workers, the simulator's world, and the clock of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rulebound::ffi::{AnyError, AnySnapshot, load, read_config, start};
use rulebound::time::Timestamp;
use rulebound::{Config, Context, Fact, Key, TypedId};
use rulebound_nets::hold::asleep;
use rulebound_simulator::{Controlled, World};
use serde_json::{Value, json};

use crate::ledger::Ledger;
use crate::scene::{Account, Readings, Scene, Sent, View};
use crate::wire::Answer;

/// The address of the world.
pub(crate) const BASE: &str = "http://127.0.0.1:4010/w/sim";
/// The secret of the webhooks.
pub(crate) const SECRET: &str = "whsec_am91cm5leQ==";
/// The greatest length of a line of the log.
const LINE: usize = 400;

/// A worker between two of its steps. What it holds is lost if the host crashes.
#[derive(Debug)]
pub(crate) enum Worker {
    Idle,
    /// It has leased a request until an instant, and saved the row.
    Leased(usize, Box<rulebound::Request>, String, i64),
    /// It has sent the request, and has a result.
    Sent(usize, String, u32, Answer),
    /// It has carried out another effect, and reports it next.
    Done(usize, Fact<'static>),
}

/// One stored row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: String,
    pub(crate) saved: String,
}

/// A webhook that no row expects yet.
#[derive(Debug, Clone)]
pub(crate) struct Early {
    pub(crate) ids: Vec<TypedId>,
    pub(crate) fact: Fact<'static>,
}

/// What a run counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) faults: BTreeMap<String, u64>,
    pub(crate) webhooks: u64,
    pub(crate) reviews: u64,
    pub(crate) crashes: u64,
    pub(crate) refused: BTreeMap<String, u64>,
}

/// A host and its provider, with everything that both have done.
pub(crate) struct Stage<'a> {
    pub(crate) scene: &'a dyn Scene,
    pub(crate) provider: &'static str,
    pub(crate) world: World,
    /// What the account has.
    prepared: Value,
    /// Whether something may have happened at the provider since the last check.
    pub(crate) is_touched: bool,
    /// How many requests the world has served.
    pub(crate) served: u64,
    /// The events whose webhooks may be lost for ever.
    lost: BTreeSet<String>,
    /// Whether the host observes each webhook in every row.
    pub(crate) is_undiscerning: bool,
    pub(crate) config: Arc<Config>,
    pub(crate) rows: Vec<Row>,
    pub(crate) inbox: Vec<Early>,
    pub(crate) workers: Vec<Worker>,
    /// Replies that came after the worker's timeout.
    pub(crate) late: Vec<(usize, String, u32, rulebound_simulator::HttpReply)>,
    /// How many deliveries the host does not accept, because it is down.
    pub(crate) down: usize,
    /// Every request, by its idempotency key.
    pub(crate) sent: BTreeMap<String, Sent>,
    /// The customer's pages that the host knows.
    pub(crate) pages: BTreeSet<String>,
    pub(crate) ledger: Ledger,
    pub(crate) counts: Counts,
    pub(crate) log: Option<Vec<String>>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(scene: &'a dyn Scene, readings: &Readings, head: [u8; 8], is_logged: bool) -> Self {
        let provider = scene.flow().split('.').next().unwrap_or_default();
        let signatures = scene.provider().signatures();
        let auth = signatures[usize::from(head[0]) % signatures.len()];
        let options = json!({"seed": head[1], "readings": readings,
            "webhook_urls": [{"url": "http://127.0.0.1:1/hook", "secret": SECRET, "auth": auth}]});
        let mut world = World::new(&options, BASE).unwrap_or_else(|why| panic!("no world: {why}"));
        let prepared = scene.provider().prepare(&mut Account { world: &mut world, provider });
        let served = match world.control("GET", "requests", "n=0", &Value::Null) {
            Controlled::Reply(_, journal) => journal["count"].as_u64().unwrap_or_default(),
            Controlled::Deliver(_) | _ => 0,
        };
        let is_undiscerning = head[4] < 64;
        let rows = if head[2] < 64 || is_undiscerning { scene.provider().most_rows() } else { 1 };
        let settings = scene.provider().settings(BASE, readings, &prepared);
        let config = read_config(&settings.to_string());
        let mut stage = Self {
            scene,
            provider,
            world,
            prepared,
            is_touched: true,
            served,
            lost: BTreeSet::new(),
            is_undiscerning,
            config: Arc::new(config.unwrap_or_else(|why| panic!("the config is malformed: {why}"))),
            rows: Vec::new(),
            inbox: Vec::new(),
            workers: vec![Worker::Idle, Worker::Idle],
            late: Vec::new(),
            down: 0,
            sent: BTreeMap::new(),
            pages: BTreeSet::new(),
            ledger: Ledger::default(),
            counts: Counts::default(),
            log: is_logged.then(Vec::new),
        };
        for nth in 1..=rows {
            let key = format!("00000000-0000-4000-8000-{nth:012}");
            let parsed = Key::parse(&key).unwrap_or_else(|why| panic!("{why}"));
            let saved = start(scene.flow(), parsed).map(|it| it.save());
            stage.rows.push(Row { key, saved: saved.unwrap_or_else(|| panic!("there is no flow {}", scene.flow())) });
        }
        stage
    }

    /// The time of both sides.
    pub(crate) fn now(&self) -> i64 {
        self.world.clock()
    }

    pub(crate) fn context(&self) -> Context {
        Context::new(Timestamp::from_millis(self.now()), Arc::clone(&self.config))
    }

    /// Adds a line to the log, if there is one.
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        let minutes = (self.now() - 1_767_225_600_000) / 60_000;
        if let Some(log) = &mut self.log {
            let line: String = what().chars().take(LINE).collect();
            log.push(format!("  {minutes:>6} min  {line}"));
        }
    }

    pub(crate) fn load(&self, row: usize) -> Box<dyn AnySnapshot> {
        let saved = &self.rows[row].saved;
        load(saved).unwrap_or_else(|why| panic!("a saved snapshot does not load: {why}: {saved}"))
    }

    /// Saves the next snapshot of a row, and checks it.
    pub(crate) fn save(&mut self, row: usize, next: &dyn AnySnapshot) {
        self.rows[row].saved = next.save();
        let saved = &self.rows[row].saved;
        let page = |rest: &str| format!("{BASE}{}", rest.split(['"', '\\']).next().unwrap_or_default());
        let pages: Vec<String> = saved.split(BASE).skip(1).map(page).collect();
        self.pages.extend(pages.into_iter().filter(|it| it.len() > BASE.len() + 1));
        self.pages.extend(self.status(row)["customer_url"].as_str().map(str::to_owned));
        if let Some(why) = asleep(next, &self.context()) {
            panic!("the row sleeps: {why}: {}", self.rows[row].saved);
        }
    }

    /// The host gives a command.
    pub(crate) fn command(&mut self, row: usize, command: &Value) {
        let snapshot = self.load(row);
        match snapshot.handle(&command.to_string(), &self.context()) {
            Ok(step) => {
                self.note(|| format!("row {row}: command {command}"));
                self.save(row, step.next.as_ref());
            }
            Err(AnyError::Rejected(why)) => self.note(|| format!("row {row}: rejected {command}: {why}")),
            Err(why) => self.note(|| format!("row {row}: malformed {command}: {why}")),
        }
    }

    /// A row observes a fact. Returns whether it is early.
    pub(crate) fn observe(&mut self, row: usize, fact: Fact<'_>, shown: &str) -> bool {
        let snapshot = self.load(row);
        let again = matches!(fact, Fact::Done { .. } | Fact::Reviewed { .. });
        let observed = snapshot.observe(fact, &self.context());
        if observed.is_err() && again {
            // Two workers have carried out the same effect, or the question has gone away meanwhile.
            self.note(|| format!("row {row}: too late: {shown}"));
            return false;
        }
        let step = observed.unwrap_or_else(|why| panic!("the fact is wrong: {why}: {shown}"));
        if let Some(ignored) = &step.ignored {
            self.note(|| format!("row {row}: ignored, since {:?}: {shown}", ignored.reason));
            return ignored.reason == rulebound::IgnoredReason::Early;
        }
        self.note(|| format!("row {row}: {shown}"));
        self.save(row, step.next.as_ref());
        let new: Vec<TypedId> = step.new_ids.clone();
        if !new.is_empty() {
            let waiting: Vec<Early> =
                self.inbox.iter().filter(|it| new.iter().any(|id| it.ids.contains(id))).cloned().collect();
            for early in waiting {
                self.observe(row, early.fact, "the stored webhook");
            }
        }
        false
    }

    /// The status of a row, as JSON.
    pub(crate) fn status(&self, row: usize) -> Value {
        let status = rulebound::json::write(&self.load(row).status(&self.context()));
        serde_json::from_str(&status).unwrap_or_default()
    }

    /// The provider's own records.
    fn books(&mut self) -> Value {
        self.control("GET", &format!("ledger?provider={}", self.provider), &Value::Null)[self.provider].take()
    }

    /// What a scene can look at, for one row.
    pub(crate) fn view(&mut self, row: usize) -> View<'_> {
        let ledger = self.books();
        self.view_of(row, ledger)
    }

    fn view_of(&self, row: usize, ledger: Value) -> View<'_> {
        View {
            ledger,
            prepared: &self.prepared,
            row: &self.rows[row].key,
            saved: &self.rows[row].saved,
            sent: &self.sent,
            lost: &self.lost,
            now: self.world.clock(),
        }
    }

    /// Something happens without the host.
    pub(crate) fn act(&mut self, mut act: Value) {
        act["provider"] = self.provider.into();
        let done = self.control("POST", "act", &act);
        self.note(|| format!("act {act}: {done}"));
    }

    /// Lets the provider lose, repeat or delay the next webhook of an event.
    pub(crate) fn lose(&mut self, event: &str, what: &str) {
        self.note(|| format!("the next {event}: {what}"));
        *self.counts.faults.entry(what.to_owned()).or_default() += 1;
        if what == "webhook_never" {
            self.lost.insert(event.to_owned());
        }
        let fault = json!({"match": {"provider": self.provider, "event": event}, "do": what});
        self.control("POST", "faults", &fault);
    }

    /// Asks the simulator's control plane. An error becomes null: the customer may act on a page that is closed.
    pub(crate) fn control(&mut self, method: &str, what: &str, body: &Value) -> Value {
        let (what, query) = what.split_once('?').unwrap_or((what, ""));
        self.is_touched |= method != "GET";
        match self.world.control(method, what, query, body) {
            Controlled::Reply(200, value) | Controlled::Deliver(value) => value,
            _ => Value::Null,
        }
    }

    /// Checks what must hold at the provider at any time, if anything has happened there since the last check.
    pub(crate) fn check(&mut self) {
        if !std::mem::take(&mut self.is_touched) {
            return;
        }
        let scene = self.scene;
        let mut ledger = self.books();
        for row in 0..self.rows.len() {
            let view = self.view_of(row, ledger);
            let wrong = scene.wrong(&view);
            ledger = view.ledger;
            if let Some(wrong) = wrong {
                panic!("{wrong}: {}", self.rows[row].saved);
            }
        }
    }
}
