//! A scenario: its hosts, and its steps in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};

use rulebound_host::{Account, Builder, Database, Host, Provider, Task, Tx};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::world::{Meanwhile, Place, START, Scripted, Tables, World};

/// The hosts of a scenario, and what surrounds them.
pub(crate) struct Stage {
    pub(crate) world: Arc<World>,
    pub(crate) tables: Tables,
    pub(crate) scenario: Value,
    pub(crate) host: Host,
    pub(crate) other: Host,
    /// The `next` of the dashboard's last reply.
    pub(crate) next: String,
    pub(crate) steps: mpsc::UnboundedReceiver<Meanwhile>,
}

/// Plays a scenario. The error says which step was not as expected.
pub(crate) async fn play(place: &Place, scenario: &Value) -> Result<(), String> {
    let tables = Tables::new(place).await;
    let (sender, steps) = mpsc::unbounded_channel();
    let world = Arc::new(World {
        clock: AtomicI64::new(START),
        scripts: Mutex::default(),
        did: Mutex::default(),
        raises: Mutex::default(),
        crash: Mutex::default(),
        crashed: tokio::sync::Notify::new(),
        meanwhile: Mutex::default(),
        steps: sender,
        away: AtomicU64::new(0),
        keys: keys(&scenario["providers"]),
        unscripted: Mutex::default(),
    });
    let host = build(&tables, scenario, &world);
    host.migrate().await.map_err(|error| error.to_string())?;
    let table = tables.name("handled");
    tables.run(&format!("CREATE TABLE {table} (effect text NOT NULL)"), &[]).await;
    // It works beside the first one with named statements.
    let other = build_on(tables.database().named_statements(), &tables, scenario, &world);
    let mut stage = Stage { world, tables, scenario: scenario.clone(), host, other, next: String::new(), steps };
    let played = stage.all(scenario["steps"].as_array().unwrap()).await;
    stage.tables.remove().await;
    played
}

impl Stage {
    /// A host that has seen nothing yet, as after a crash.
    pub(crate) fn restart(&mut self) {
        self.host = build(&self.tables, &self.scenario, &self.world);
    }
}

/// The account of each API key; the provider's own has the empty name.
fn keys(providers: &Value) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    for provider in providers.as_object().unwrap().values() {
        if let Some(key) = provider["api_key"].as_str() {
            keys.insert(key.to_owned(), String::new());
        }
        for (name, account) in provider["accounts"].as_object().into_iter().flatten() {
            keys.insert(account["api_key"].as_str().unwrap().to_owned(), name.clone());
        }
    }
    keys
}

fn build(tables: &Tables, scenario: &Value, world: &Arc<World>) -> Host {
    build_on(tables.database(), tables, scenario, world)
}

fn build_on(database: Database, tables: &Tables, scenario: &Value, world: &Arc<World>) -> Host {
    let (clock, faults, checkpoints) = (Arc::clone(world), Arc::clone(world), Arc::clone(world));
    let mut builder = Host::builder(database)
        .clock(move || clock.now())
        .database_fault(move || faults.fault())
        .transport(Scripted(Arc::clone(world)))
        .checkpoint(move |name| {
            let world = Arc::clone(&checkpoints);
            Box::pin(async move { world.checkpoint(name).await })
        });
    for (name, of) in scenario["providers"].as_object().unwrap() {
        builder = builder.provider(name, provider(of));
    }
    for kind in ["notify", "fulfill", "access"] {
        let how = scenario["handlers"][kind].as_str().unwrap_or("on");
        builder = handler(builder, kind, how, tables.name("handled"), world);
    }
    builder.build().unwrap()
}

fn provider(of: &Value) -> Provider {
    let mut provider = Provider::new(of["api_key"].as_str().unwrap_or_default());
    for secret in of["webhook_secrets"].as_array().into_iter().flatten() {
        provider = provider.webhook_secret(secret.as_str().unwrap());
    }
    if let Some(token) = of["webhook_token"].as_str() {
        provider = provider.webhook_token(token);
    }
    if of["config"].is_object() {
        provider = provider.config(of["config"].clone());
    }
    if let Some(most) = number(&of["max_in_flight"]) {
        provider = provider.max_in_flight(most);
    }
    if let Some(most) = number(&of["max_per_second"]) {
        provider = provider.max_per_second(most);
    }
    if let Some(accounts) = of["accounts"].as_object() {
        let accounts = accounts.clone();
        provider = provider.accounts(move |name| {
            let found = accounts.get(&name).cloned();
            async move { found.map(|it| account(&it)).ok_or_else(|| "no such account".into()) }
        });
    }
    provider
}

fn account(of: &Value) -> Account {
    let config = if of["config"].is_object() { of["config"].clone() } else { json!({}) };
    let account = Account::new(of["api_key"].as_str().unwrap()).config(config);
    let account = number(&of["max_in_flight"]).into_iter().fold(account, Account::max_in_flight);
    let account = number(&of["max_per_second"]).into_iter().fold(account, Account::max_per_second);
    let secrets = of["webhook_secrets"].as_array().cloned().unwrap_or_default();
    secrets.iter().fold(account, |it, secret| it.webhook_secret(secret.as_str().unwrap()))
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|it| usize::try_from(it).ok())
}

/// A handler that notes what it got, and raises where the scenario wants it.
fn handler(builder: Builder, kind: &'static str, how: &str, table: String, world: &Arc<World>) -> Builder {
    let world = Arc::clone(world);
    let ends = move |task: &Task| {
        world.note(2, task.effect.id.as_str());
        let raises = world.raises.lock().unwrap().iter().any(|it| it == kind);
        if raises { Err("the scenario wants it".into()) } else { Ok(()) }
    };
    match how {
        "ignore" => builder.ignore(kind),
        "on" => builder.on(kind, move |task: Task| std::future::ready(ends(&task))),
        "on_tx" => builder.on_tx(kind, move |task: Task, tx: &mut Tx<'_>| {
            let (ended, sql) = (ends(&task), format!("INSERT INTO {table} VALUES ($1)"));
            Box::pin(async move {
                match tx {
                    Tx::Sqlite(it) => {
                        sqlx::query(&sql).bind(task.effect.id.as_str()).execute(&mut **it).await.map(drop)?
                    }
                    Tx::Postgres(it, _) => {
                        sqlx::query(&sql).bind(task.effect.id.as_str()).execute(&mut **it).await.map(drop)?
                    }
                }
                ended
            })
        }),
        other => panic!("unknown handler {other}"),
    }
}
