//! A worker as a process of its own. It kills itself at its checkpoint.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rulebound_host::{Database, Host, Provider, Task, Tx};
use serde_json::json;

pub(crate) const SECRET: &str = "whsec_crash";

/// What the workers and the run share: the database, the clock's file and Truemed's address.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) database: String,
    pub(crate) schema: String,
    pub(crate) clock: PathBuf,
    pub(crate) base_url: String,
}

impl Place {
    /// The real time, and what the run has skipped.
    pub(crate) fn now(&self) -> i64 {
        let skipped = std::fs::read_to_string(&self.clock).ok().and_then(|it| it.parse::<i64>().ok()).unwrap_or(0);
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        i64::try_from(real).unwrap() + skipped
    }

    /// A host that is killed when it reaches a checkpoint for the nth time.
    pub(crate) async fn host(&self, checkpoint: &str, nth: u64) -> Host {
        let (clock, checkpoint, count) = (self.clone(), checkpoint.to_owned(), AtomicU64::new(0));
        let database = Database::connect(&self.database).await.unwrap();
        let table = if self.schema == "public" { "delivered".to_owned() } else { format!("{}.delivered", self.schema) };
        let provider = Provider::new("any").webhook_secret(SECRET).timeout(Duration::from_secs(5));
        let host = Host::builder(database.schema(&self.schema).unwrap())
            .provider("truemed", provider.config(json!({"base_url": self.base_url})))
            .clock(move || clock.now())
            .ignore("notify")
            .ignore("access")
            .on_tx("fulfill", move |task: Task, tx: &mut Tx<'_>| {
                let sql = format!("INSERT INTO {table} (effect, flow_key) VALUES ($1, $2)");
                Box::pin(async move {
                    match tx {
                        Tx::Sqlite(it) => sqlx::query(&sql)
                            .bind(task.effect.id.as_str())
                            .bind(task.key)
                            .execute(&mut **it)
                            .await
                            .map(drop)?,
                        Tx::Postgres(it, _) => sqlx::query(&sql)
                            .bind(task.effect.id.as_str())
                            .bind(task.key)
                            .execute(&mut **it)
                            .await
                            .map(drop)?,
                    }
                    Ok(())
                })
            })
            .checkpoint(move |name| {
                let is_over = name == checkpoint && count.fetch_add(1, Ordering::SeqCst) + 1 == nth;
                Box::pin(async move {
                    if is_over {
                        kill();
                    }
                })
            });
        host.build().unwrap()
    }
}

/// Ends this process as a power failure does: no destructor runs, and nothing is flushed.
fn kill() {
    let _killed = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
    std::thread::sleep(Duration::from_secs(10));
}

/// `worker DATABASE SCHEMA CLOCK BASE_URL CHECKPOINT NTH PORT`: works until it is killed, and receives webhooks on its port.
pub(crate) async fn work(arguments: &[String]) {
    let [_, database, schema, clock, base_url, checkpoint, nth, port] = arguments else { panic!("{arguments:?}") };
    let place =
        Place { database: database.clone(), schema: schema.clone(), clock: clock.into(), base_url: base_url.clone() };
    let host = place.host(checkpoint, nth.parse().unwrap()).await;
    let port: u16 = port.parse().unwrap();
    if port != 0 {
        let app = axum::Router::new().nest("/webhooks", host.webhooks());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
    }
    host.run_with(2).await.unwrap();
}
