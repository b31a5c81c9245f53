//! The shop's backend: a host on SQLite, a worker, the webhooks' route and the shop's own pages.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, http::StatusCode};
use rulebound_host::{Access, BoxError, Database, Host, Provider, Task, Tx};
use serde_json::{Value, json};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::truemed::{SECRET, Truemed};
use crate::{clicks, view};

/// An open shop.
pub(crate) struct Shop {
    pub(crate) url: String,
    backend: Arc<Backend>,
    tasks: Vec<JoinHandle<()>>,
    folder: std::path::PathBuf,
}

/// What every page and every click works with.
pub(crate) struct Backend {
    pub(crate) url: String,
    pub(crate) host: Host,
    pub(crate) pool: SqlitePool,
    pub(crate) truemed: Truemed,
    pub(crate) time: Arc<Time>,
    pub(crate) plug: Arc<Plug>,
    /// The customer's current order. Its number names the row.
    pub(crate) order: Mutex<Order>,
    /// One click at a time, so that two of them do not mix.
    pub(crate) clicking: tokio::sync::Mutex<()>,
}

/// What the shop itself knows of an order.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) key: String,
    pub(crate) number: String,
    /// The last thing that was rejected, with each rule and the provider's page.
    pub(crate) rejected: Value,
}

/// The shop's clock: the real one, and what was skipped.
pub(crate) struct Time {
    started: Instant,
    began: i64,
    skipped: AtomicI64,
}

impl Time {
    pub(crate) fn now(&self) -> i64 {
        let passed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(0);
        self.began.saturating_add(passed).saturating_add(self.skipped.load(Ordering::SeqCst))
    }

    pub(crate) fn skip(&self, ms: i64) {
        self.skipped.fetch_add(ms, Ordering::SeqCst);
    }
}

/// The plug of the worker: armed, the worker ends at its next reply as a killed process does.
#[derive(Default)]
pub(crate) struct Plug {
    armed: Mutex<bool>,
    pulled: Notify,
    pulls: AtomicI64,
}

impl Plug {
    pub(crate) fn arm(&self) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    pub(crate) fn is_armed(&self) -> bool {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often it was pulled.
    pub(crate) fn pulls(&self) -> i64 {
        self.pulls.load(Ordering::SeqCst)
    }

    /// Called at every checkpoint of the host.
    async fn checkpoint(&self, name: &str) {
        let is_pulled =
            name == "replied" && std::mem::take(&mut *self.armed.lock().unwrap_or_else(PoisonError::into_inner));
        if is_pulled {
            self.pulls.fetch_add(1, Ordering::SeqCst);
            self.pulled.notify_one();
            std::future::pending::<()>().await; // The task is aborted here.
        }
    }
}

impl Shop {
    /// Opens the shop on a port of this machine, or on a free one if it is 0.
    pub(crate) async fn open(port: u16) -> Result<Self, BoxError> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let began = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        let time = Arc::new(Time { started: Instant::now(), began, skipped: AtomicI64::new(0) });
        let truemed = Truemed::start(&url, began).await?;
        let folder = std::env::temp_dir().join(format!(
            "rulebound-shop-{}-{}",
            std::process::id(),
            listener.local_addr()?.port()
        ));
        std::fs::create_dir_all(&folder)?;
        let pool = database(&folder).await?;
        let plug = Arc::new(Plug::default());
        let host = host(&pool, &truemed, &time, &plug)?;
        host.migrate().await?;
        let order = Mutex::new(clicks::new_order(time.now()));
        let clicking = tokio::sync::Mutex::default();
        let backend = Arc::new(Backend { url: url.clone(), host, pool, truemed, time, plug, order, clicking });
        let app = routes(&backend);
        let serving = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        let working = tokio::spawn(keep_working(Arc::clone(&backend)));
        Ok(Self { url, backend, tasks: vec![serving, working], folder })
    }

    /// Closes the shop, and deletes its database.
    pub(crate) async fn close(self) {
        self.backend.host.stop();
        self.tasks.iter().for_each(JoinHandle::abort);
        self.backend.pool.close().await;
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

/// The shop's own database. The host's tables are in it too, so that an order and its first command are one transaction.
async fn database(folder: &std::path::Path) -> Result<SqlitePool, BoxError> {
    let options = SqliteConnectOptions::new().filename(folder.join("shop.db")).create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::query("CREATE TABLE orders (number TEXT PRIMARY KEY, placed_at INTEGER NOT NULL)").execute(&pool).await?;
    sqlx::query("CREATE TABLE parcels (effect TEXT PRIMARY KEY, number TEXT NOT NULL, items TEXT NOT NULL)")
        .execute(&pool)
        .await?;
    sqlx::query("CREATE TABLE mails (effect TEXT PRIMARY KEY, number TEXT NOT NULL, text TEXT NOT NULL)")
        .execute(&pool)
        .await?;
    Ok(pool)
}

fn host(pool: &SqlitePool, truemed: &Truemed, time: &Arc<Time>, plug: &Arc<Plug>) -> Result<Host, BoxError> {
    let (time, plug) = (Arc::clone(time), Arc::clone(plug));
    let provider = Provider::new("any").webhook_secret(SECRET).config(json!({"base_url": truemed.base_url()}));
    let host = Host::builder(Database::from(pool.clone()))
        .provider("truemed", provider)
        .on_tx("fulfill", ship)
        .on_tx("notify", mail)
        .ignore("access")
        .clock(move || time.now())
        .checkpoint(move |name| {
            let plug = Arc::clone(&plug);
            Box::pin(async move { plug.checkpoint(name).await })
        });
    Ok(host.build()?)
}

/// Packs a parcel. It and the end of the effect are one transaction, so that no parcel is packed twice.
fn ship<'t>(task: Task, tx: &'t mut Tx<'_>) -> futures_util::future::BoxFuture<'t, Result<(), BoxError>> {
    Box::pin(async move {
        let effect = serde_json::to_value(&task.effect)?;
        let insert = sqlx::query("INSERT INTO parcels (effect, number, items) VALUES ($1, $2, $3)");
        let insert = insert.bind(task.effect_key()).bind(task.reference).bind(effect["items"].to_string());
        insert.execute(tx.sqlite()?).await?;
        Ok(())
    })
}

/// Writes to the customer.
fn mail<'t>(task: Task, tx: &'t mut Tx<'_>) -> futures_util::future::BoxFuture<'t, Result<(), BoxError>> {
    Box::pin(async move {
        let effect = serde_json::to_value(&task.effect)?;
        let text = effect["customer_action"].as_str().or(effect["reason"].as_str()).unwrap_or_default().to_owned();
        let insert = sqlx::query("INSERT INTO mails (effect, number, text) VALUES ($1, $2, $3)");
        insert.bind(task.effect_key()).bind(task.reference).bind(text).execute(tx.sqlite()?).await?;
        Ok(())
    })
}

/// Runs the worker. When the plug is pulled, its task is aborted, and another one starts.
async fn keep_working(backend: Arc<Backend>) {
    loop {
        let host = backend.host.clone();
        let worker = tokio::spawn(async move { host.run().await });
        backend.plug.pulled.notified().await;
        worker.abort();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/shop.css");
const SCRIPT: &str = include_str!("page/shop.js");

fn routes(backend: &Arc<Backend>) -> Router {
    let file = |kind: &'static str, text: &'static str| get(move || async move { ([(CONTENT_TYPE, kind)], text) });
    Router::new()
        .route("/", file("text/html; charset=utf-8", PAGE))
        .route("/shop.css", file("text/css; charset=utf-8", STYLE))
        .route("/shop.js", file("text/javascript; charset=utf-8", SCRIPT))
        .route("/back", get(back))
        .route("/api/state", get(state))
        .route("/api/click", post(click))
        .with_state(Arc::clone(backend))
        .nest("/webhooks", backend.host.webhooks())
        .nest_service("/rulebound", backend.host.dashboard(|_| async { Access::All }))
}

/// Where Truemed sends the customer's browser back to. It proves nothing.
async fn back(State(backend): State<Arc<Backend>>) -> Redirect {
    let key = backend.order().key;
    if let Err(error) = backend.host.customer_returned_any("truemed.payment_token", &key).await {
        tracing::warn!(%error, "a customer came back without an order");
    }
    Redirect::to("/")
}

async fn state(State(backend): State<Arc<Backend>>) -> Response {
    reply(view::state(&backend).await)
}

/// A button. A page of another site cannot send this type of content.
async fn click(State(backend): State<Arc<Backend>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if headers.get("x-shop").is_none() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let _one = backend.clicking.lock().await;
    reply(clicks::click(&backend, body["click"].as_str().unwrap_or_default()).await)
}

fn reply(result: Result<Value, BoxError>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => (StatusCode::CONFLICT, Json(json!({"error": error.to_string()}))).into_response(),
    }
}

impl Backend {
    pub(crate) fn order(&self) -> Order {
        self.order.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change_order(&self, change: impl FnOnce(&mut Order)) {
        change(&mut self.order.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
