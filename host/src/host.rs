//! The host: the object that has the database, the providers and the handlers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rulebound::Config;
use rulebound::time::Timestamp;
use tokio::sync::{Notify, watch};

use crate::db::{Database, Own, Tx};
use crate::error::{BoxError, Error, Result};
use crate::hooks::Hooks;
use crate::limit::Limits;
use crate::provider::{Accounts, Provider};
use crate::send::{HttpClient, Transport};
use crate::snapshot::Task;
use crate::store::{Store, Time};

/// The kinds of effects that need a handler.
const KINDS: [&str; 3] = ["notify", "fulfill", "access"];
/// How often `transaction` runs a function again.
const TRIES: u32 = 5;

type OnHandler = Arc<dyn Fn(Task) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;
type OnTxHandler = Arc<dyn for<'t, 'c> Fn(Task, &'t mut Tx<'c>) -> BoxFuture<'t, Result<(), BoxError>> + Send + Sync>;

/// Who carries out the effects of a kind.
#[derive(Clone)]
pub(crate) enum Handler {
    On(OnHandler, Duration),
    OnTx(OnTxHandler, Duration),
    Ignore,
}

impl Handler {
    pub(crate) const fn timeout(&self) -> Duration {
        match self {
            Self::On(_, timeout) | Self::OnTx(_, timeout) => *timeout,
            Self::Ignore => Duration::from_secs(30),
        }
    }
}

/// How long lines of the journal, and webhooks that no row knows, are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    pub(crate) journal_days: u32,
    pub(crate) inbox_days: u32,
}

/// What builds a host.
#[must_use = "call `build`"]
pub struct Builder {
    database: Database,
    config: Config,
    providers: BTreeMap<String, Provider>,
    handlers: BTreeMap<&'static str, Handler>,
    wrong: Option<Error>,
    timeout: Duration,
    keep: Keep,
    hooks: Hooks,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("providers", &self.providers).finish_non_exhaustive()
    }
}

impl Builder {
    /// Adds a provider by its name, such as `truemed`.
    pub fn provider(mut self, name: impl Into<String>, provider: Provider) -> Self {
        self.providers.insert(name.into(), provider);
        self
    }

    /// Sets the choices that count for every provider. Each provider's settings belong to its [`Provider`].
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Sets how long each handler that is registered from here on can take. 30 seconds by default.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Registers who carries out `notify`, `fulfill` or `access`, outside any transaction and at least once.
    ///
    /// The effect's id tells repeats apart. A handler that fails is called again later.
    pub fn on<R>(self, kind: &str, handler: impl Fn(Task) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let handler: OnHandler = Arc::new(move |task| Box::pin(handler(task)));
        let timeout = self.timeout;
        self.register(kind, Handler::On(handler, timeout))
    }

    /// Registers who carries out `notify`, `fulfill` or `access` with SQL alone: its rows and the end of the effect are one
    /// transaction.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> rulebound_host::Result<()> {
    /// use rulebound_host::{Database, Host, Task, Tx};
    ///
    /// let host = Host::builder(Database::connect("sqlite:shop.db").await?).on_tx("fulfill", |task: Task, tx: &mut Tx<'_>| {
    ///     Box::pin(async move {
    ///         let insert = sqlx::query("INSERT INTO parcels (effect, order_no) VALUES ($1, $2)");
    ///         insert.bind(task.effect_key()).bind(task.reference).execute(tx.sqlite()?).await?;
    ///         Ok(())
    ///     })
    /// });
    /// # Ok(()) }
    /// ```
    pub fn on_tx<H>(self, kind: &str, handler: H) -> Self
    where
        H: for<'t, 'c> Fn(Task, &'t mut Tx<'c>) -> BoxFuture<'t, Result<(), BoxError>> + Send + Sync + 'static,
    {
        let timeout = self.timeout;
        self.register(kind, Handler::OnTx(Arc::new(handler), timeout))
    }

    /// Effects of this kind are done without a handler.
    pub fn ignore(self, kind: &str) -> Self {
        self.register(kind, Handler::Ignore)
    }

    fn register(mut self, kind: &str, handler: Handler) -> Self {
        match KINDS.iter().find(|it| **it == kind) {
            Some(kind) => drop(self.handlers.insert(kind, handler)),
            None => {
                let reason = format!("is `{kind}`: use one of {}", KINDS.join(", "));
                self.wrong.get_or_insert(Error::input("kind", reason));
            }
        }
        self
    }

    /// Sets after how many days a line of the journal goes. 400 by default.
    pub fn keep_journal_days(mut self, days: u32) -> Self {
        self.keep.journal_days = days;
        self
    }

    /// Sets after how many days a webhook goes that no row knows. 30 by default.
    pub fn keep_inbox_days(mut self, days: u32) -> Self {
        self.keep.inbox_days = days;
        self
    }

    /// Replaces the clock everywhere, for tests. It gives milliseconds since 1970.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.hooks.clock = Some(Arc::new(clock));
        self
    }

    /// Replaces the client that sends requests.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.hooks.transport = Arc::new(transport);
        self
    }

    /// Calls a function at each checkpoint of the contract, for tests: a worker can be stopped there.
    pub fn checkpoint(mut self, hook: impl Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        self.hooks.checkpoint = Some(Arc::new(hook));
        self
    }

    /// Calls a function before each transaction of the kit, for tests: its error is that of the database.
    pub fn database_fault(mut self, hook: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        self.hooks.fault = Some(Arc::new(hook));
        self
    }

    /// The host.
    ///
    /// # Errors
    ///
    /// If there is no such provider, or the settings of a provider are wrong.
    pub fn build(self) -> Result<Host> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let store = Store::new(self.database.prefix(), self.database.is_postgres());
        let accounts = Accounts::new(self.config, self.providers)?;
        let Self { database, handlers, hooks, keep, .. } = self;
        let (stop, stopping) = watch::channel(false);
        let (notify, formats, has_read_again) = (Notify::new(), OnceLock::new(), AtomicBool::new(false));
        let limits = Limits::default();
        Ok(Host(Arc::new(Inner {
            database,
            store,
            accounts,
            limits,
            handlers,
            keep,
            hooks,
            notify,
            formats,
            has_read_again,
            stop,
            stopping,
        })))
    }
}

/// The host: snapshots in your database, requests, webhooks and a worker. A clone is the same host.
#[derive(Clone)]
pub struct Host(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) accounts: Accounts,
    pub(crate) limits: Limits,
    pub(crate) handlers: BTreeMap<&'static str, Handler>,
    pub(crate) keep: Keep,
    pub(crate) hooks: Hooks,
    /// Wakes the workers of this process.
    pub(crate) notify: Notify,
    /// The format in which each flow is saved, once it is read.
    pub(crate) formats: OnceLock<BTreeMap<String, u32>>,
    /// Whether a worker of this process has read the entries again that an older release could not read.
    pub(crate) has_read_again: AtomicBool,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("database", &self.0.database).finish_non_exhaustive()
    }
}

impl Host {
    /// Begins a host on a database: one that you open with [`Database::connect`], or a pool of sqlx that you have.
    pub fn builder(database: impl Into<Database>) -> Builder {
        let hooks = Hooks { clock: None, checkpoint: None, fault: None, transport: Arc::new(HttpClient::new()) };
        Builder {
            database: database.into(),
            config: Config::default(),
            providers: BTreeMap::new(),
            handlers: BTreeMap::new(),
            wrong: None,
            timeout: Duration::from_secs(30),
            keep: Keep { journal_days: 400, inbox_days: 30 },
            hooks,
        }
    }

    /// Runs a function in one transaction, and again after a conflict that only a new transaction can cure, at most five
    /// times. An error rolls everything back. It also looks up an account that the function needs and that is not known, between
    /// two runs.
    ///
    /// # Errors
    ///
    /// What the function returns, or the database's error.
    pub async fn transaction<T, F>(&self, mut body: F) -> Result<T>
    where
        F: for<'t, 'c> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T, BoxError>>,
    {
        for _ in 1..TRIES {
            match self.once(&mut body).await {
                Err(Error::Retry(_)) => tokio::time::sleep(jitter(20)).await,
                Err(Error::Lookup { provider, account }) => self.look_up(&provider, &account).await?,
                done => return done,
            }
        }
        self.once(&mut body).await
    }

    /// Looks up an account, unless that was done within a minute: before a transaction of your own in which a row of it is handled.
    ///
    /// # Errors
    ///
    /// If the host does not have the provider, or the lookup fails.
    pub async fn look_up(&self, provider: &str, account: &str) -> Result<()> {
        self.0.accounts.get(provider, account).await.map(drop)
    }

    async fn once<T, F>(&self, body: &mut F) -> Result<T>
    where
        F: for<'t, 'c> FnMut(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T, BoxError>>,
    {
        let mut own = self.begin().await?;
        let value = body(&mut own.tx()).await.map_err(Error::from)?;
        if self.0.database.is_postgres() {
            own.tx().check_whole().await?;
        }
        own.commit().await?;
        self.wake();
        Ok(value)
    }

    pub(crate) async fn begin(&self) -> Result<Own> {
        self.check_fault()?;
        self.0.database.begin().await
    }

    pub(crate) async fn begin_read(&self) -> Result<Own> {
        self.check_fault()?;
        self.0.database.begin_read().await
    }

    fn check_fault(&self) -> Result<()> {
        self.0.hooks.fault.as_ref().map_or(Ok(()), |fault| fault())
    }

    /// The time for a statement: the server's on PostgreSQL, unless the host has a clock of its own.
    pub(crate) fn time(&self) -> Time {
        let is_of_server = self.0.database.is_postgres() && self.0.hooks.clock.is_none();
        Time { local: self.0.hooks.now(), is_of_server }
    }

    /// The format in which a flow is saved; the newest if the table does not say it.
    ///
    /// # Errors
    ///
    /// The first time, if this kit cannot work with the tables: so web code touches nothing of a newer release either.
    pub(crate) async fn format(&self, tx: &mut Tx<'_>, flow: &str) -> Result<Option<u32>> {
        if self.0.formats.get().is_none() {
            let read = self.usable(tx).await?;
            // Another call may have set the same meanwhile.
            let _set = self.0.formats.set(read);
        }
        Ok(self.0.formats.get().and_then(|it| it.get(flow)).copied())
    }

    /// Looks at once for rows that are due, instead of at the next poll.
    pub fn wake(&self) {
        self.0.notify.notify_one();
    }

    /// Closes the database's connections.
    pub async fn close(&self) {
        self.0.database.close().await;
    }

    /// Checks that each kind of effect has a handler, or is ignored.
    pub(crate) fn check_handlers(&self) -> Result<()> {
        let missing: Vec<_> = KINDS.iter().filter(|it| !self.0.handlers.contains_key(**it)).copied().collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::Handlers(missing.join(", "))) }
    }
}

/// A time between half of this and this, so that workers do not move in step.
pub(crate) fn jitter(ms: u64) -> Duration {
    let mut byte = [0; 1];
    // Without randomness the time is the same each time.
    let _filled = getrandom::fill(&mut byte);
    let half = ms / 2;
    Duration::from_millis(half.saturating_add(half.saturating_mul(u64::from(byte[0])) / 255))
}

/// An instant in milliseconds.
pub(crate) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}
