//! The shell: sockets, worlds and deliveries around the sans-I/O library.

mod advance;
mod connection;
mod control;
mod deliver;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, oneshot};

use crate::world::{Options, World, check_readings};

pub(crate) use wire::is_loopback;

/// How many worlds a simulator holds.
const MAX_WORLDS: usize = 1_000;

/// How a simulator is started.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Config {
    /// The port, or 0 for a free one.
    pub port: u16,
    /// The hosts beside loopback that webhooks can go to, and under which the simulator can be reached.
    pub allow_hosts: BTreeSet<String>,
    /// The readings of every world, such as `truemed.survey-action` and `HealthSurvey`.
    pub readings: BTreeMap<String, String>,
    /// By how much the limits of real time are divided: those of a receiver's reply, of a client's body and of a
    /// request in flight. A test of time-outs need not wait for them.
    pub haste: Option<NonZeroU32>,
}

/// A running simulator. It stops when this value is dropped.
#[derive(Debug)]
pub struct Simulator {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Simulator {
    /// Starts a simulator on a free port.
    pub fn start() -> Result<Self, String> {
        Self::with(Config::default())
    }

    /// Starts a simulator in a thread of its own.
    pub fn with(config: Config) -> Result<Self, String> {
        check_readings(&config.readings)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| format!("The runtime did not start: {error}."))?;
        // Always loopback: whoever reaches the control plane decides what is true.
        let address = SocketAddr::from(([127, 0, 0, 1], config.port));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(address));
        let listener =
            listener.map_err(|error| format!("{address} cannot be used: {error}. Choose another --port."))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let url = format!("http://{address}");
        let state = Arc::new(State { url: url.clone(), config, worlds: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(connection::accept(listener, state, stopped));
            runtime.shutdown_background();
        });
        Ok(Self { url, stop: Some(stop), thread: Some(thread) })
    }

    /// The address, such as `http://127.0.0.1:4010`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        let _ended = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _sent = self.stop.take().map(|stop| stop.send(()));
        let _ended = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

/// Everything that the connections share.
#[derive(Debug)]
struct State {
    url: String,
    config: Config,
    worlds: Mutex<Worlds>,
}

#[derive(Debug, Default)]
struct Worlds {
    slots: BTreeMap<String, Arc<Slot>>,
    /// How many worlds each seed has made.
    made: BTreeMap<String, u64>,
}

/// One world and the requests that it serves just now.
#[derive(Debug)]
struct Slot {
    world: Mutex<World>,
    in_flight: Mutex<InFlight>,
    /// Is notified whenever a request ends.
    ended: Notify,
    /// Is held while time passes.
    advancing: tokio::sync::Mutex<()>,
    /// Whether the clock follows the real one.
    running: Mutex<bool>,
    /// The receivers that keep their connections open.
    proven: Mutex<BTreeSet<String>>,
}

#[derive(Debug, Default)]
struct InFlight {
    count: u64,
    requests: BTreeMap<u64, String>,
}

impl State {
    fn slot(&self, id: &str) -> Option<Arc<Slot>> {
        lock(&self.worlds).slots.get(id).cloned()
    }

    /// A limit of real time, as this simulator has it.
    fn limit(&self, usual: Duration) -> Duration {
        let haste = self.config.haste.map_or(1, NonZeroU32::get);
        usual.checked_div(haste).unwrap_or(usual)
    }

    /// Makes a world, and shows it with its id.
    fn make(&self, body: &Value) -> Result<Value, String> {
        let mut worlds = lock(&self.worlds);
        if worlds.slots.len() >= MAX_WORLDS {
            return Err(format!("There are {MAX_WORLDS} worlds already. DELETE one of them first."));
        }
        let draft = Options::read(body, String::new(), &self.config.readings)?;
        draft.endpoints.iter().try_for_each(|endpoint| self.check_host(&endpoint.url))?;
        let count = worlds.made.entry(draft.seed.clone()).or_default();
        *count = count.saturating_add(1);
        let id = crate::world::id(&draft.seed, &format!("world {count}")).hex(8);
        let url = format!("{}/w/{id}", self.url);
        let world = World::with(Options::read(body, url, &self.config.readings)?);
        let mut shown = world.shown();
        shown["id"] = id.as_str().into();
        worlds.slots.insert(id, Arc::new(Slot::new(world)));
        Ok(shown)
    }

    /// Whether webhooks can go to this address.
    fn check_host(&self, url: &str) -> Result<(), String> {
        let host = wire::host_of(url).unwrap_or_default();
        if is_loopback(&host) || self.config.allow_hosts.contains(&host) {
            return Ok(());
        }
        Err(format!("{url} is not on loopback. Start the simulator with --allow-host {host}."))
    }
}

impl Slot {
    fn new(world: World) -> Self {
        Self {
            world: Mutex::new(world),
            in_flight: Mutex::default(),
            ended: Notify::new(),
            advancing: tokio::sync::Mutex::new(()),
            running: Mutex::new(false),
            proven: Mutex::default(),
        }
    }

    /// Counts a request as in flight until the guard is dropped.
    fn enter(self: &Arc<Self>, request: String) -> Serving {
        let mut in_flight = lock(&self.in_flight);
        in_flight.count = in_flight.count.wrapping_add(1);
        let number = in_flight.count;
        in_flight.requests.insert(number, request);
        Serving { slot: self.clone(), number }
    }
}

/// A request that is in flight.
struct Serving {
    slot: Arc<Slot>,
    number: u64,
}

impl Drop for Serving {
    fn drop(&mut self) {
        lock(&self.slot.in_flight).requests.remove(&self.number);
        self.slot.ended.notify_waiters();
    }
}

/// Locks, and goes on with what a panic left behind: a world is only a test's.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
