//! The worker: it takes what is due, carries it out, and brings what came of it to the same row.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rulebound::effect::Effect;
use rulebound::{Context, EffectId, Fact, Headers, Request};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::error::{BoxError, Error, Result};
use crate::host::{Handler, Host, at, jitter};
use crate::inbox::Address;
use crate::pause::Replied;
use crate::request::with_key;
use crate::send::{Outgoing, Sent};
use crate::snapshot::{RowRecord, Task, kind_of, provider_of};
use crate::visit::{Brought, Entered, Held, Visited, Which};

/// How long after its lease a request can still be sent.
const FRESH: Duration = Duration::from_secs(30);
/// How long a worker that was asked to stop can finish what it has begun.
const GRACE: Duration = Duration::from_secs(30);
/// How many visits a tick makes at most.
const TICK: usize = 1_000;
/// How often a worker that is busy with rows looks at the inbox's own due entries, in rows.
const ENTRIES_EVERY: u32 = 16;

/// One thing that a tick did.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Did {
    /// It sent a request.
    #[non_exhaustive]
    Sent {
        /// The provider's name of the operation.
        operation: String,
        /// The account whose credential it had.
        account: String,
    },
    /// It called a handler, which may have failed.
    #[non_exhaustive]
    Handled {
        /// The id of the effect.
        effect: EffectId,
    },
}

impl Host {
    /// Works until nothing is due, for tests. It gives what it did, in order.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rulebound_host::BoxError> {
    /// use std::{future::ready, time::Duration};
    ///
    /// use rulebound_host::{Database, Host, Provider, Sent, Transport};
    ///
    /// /// A provider that knows one reply.
    /// struct Truemed;
    ///
    /// impl Transport for Truemed {
    ///     fn send(&self, request: http::Request<Vec<u8>>, _deadline: Duration) -> futures_util::future::BoxFuture<'_, Sent> {
    ///         assert!(request.uri().path().ends_with("/payment_tokens/create"), "{}", request.uri());
    ///         let body = br#"{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}"#;
    ///         Box::pin(ready(Sent::Reply(http::Response::new(body.to_vec()))))
    ///     }
    /// }
    ///
    /// let truemed = Provider::new("sk_test_1").webhook_secret("whsec_1");
    /// let host = Host::builder(Database::connect("sqlite::memory:").await?).provider("truemed", truemed).transport(Truemed);
    /// let host = host.ignore("notify").ignore("fulfill").ignore("access").build()?;
    /// host.migrate().await?;
    ///
    /// let (flow, key) = ("truemed.payment_token", "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11");
    /// let create = r#"{"type": "create_payment_token", "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}],
    ///     "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}"#;
    /// let row = host.handle_json(flow, key, create).reference("order-17").await?;
    /// assert_eq!((row.reference.as_deref(), row.revision), (Some("order-17"), 1));
    ///
    /// let did = host.tick().await?;
    /// assert_eq!(did.len(), 1); // it sent one request
    /// let row = host.get_any(flow, key).await?.ok_or("no such row")?;
    /// assert_eq!(row.waiting_for()[0].signal, "payment_token_updated");
    /// # Ok(()) }
    /// # #[cfg(not(feature = "sqlite"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// If a kind of effect has no handler, the database fails, or rows are still due after 1,000 visits.
    pub async fn tick(&self) -> Result<Vec<Did>> {
        self.check_handlers()?;
        let mut did = Vec::new();
        for _ in 0..TICK {
            if !self.take(&mut did, true).await? && !self.correlate_due().await? {
                return Ok(did);
            }
        }
        Err(Error::Endless(TICK))
    }

    /// Works until [`stop`](Self::stop) is called: one worker.
    ///
    /// # Errors
    ///
    /// If a kind of effect has no handler, or the tables do not fit.
    pub async fn run(&self) -> Result<()> {
        self.run_with(1).await
    }

    /// Works with several workers in this process until [`stop`](Self::stop) is called.
    ///
    /// # Errors
    ///
    /// If a kind of effect has no handler, or the tables do not fit.
    pub async fn run_with(&self, workers: usize) -> Result<()> {
        self.check_handlers()?;
        self.check_schema().await?;
        let mut tasks = JoinSet::new();
        for _ in 0..workers.max(1) {
            let host = self.clone();
            tasks.spawn(async move { host.work().await });
        }
        let host = self.clone();
        tasks.spawn(async move { host.upkeep().await });
        let mut stopping = self.0.stopping.clone();
        drop(stopping.wait_for(|it| *it).await);
        let finished = async { while tasks.join_next().await.is_some() {} };
        if timeout(GRACE, finished).await.is_err() {
            tracing::warn!("a worker did not finish within 30 s: its leases end by themselves");
        }
        Ok(())
    }

    /// Asks the workers of this process to stop taking rows, and to finish what they have begun.
    pub fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    fn is_stopping(&self) -> bool {
        *self.0.stopping.borrow()
    }

    /// One worker.
    async fn work(&self) {
        let mut rows: u32 = 0;
        let mut is_busy = false;
        let mut stopping = self.0.stopping.clone();
        while !self.is_stopping() {
            rows = rows.wrapping_add(1);
            let worked = self.work_once(rows, is_busy).await;
            if let Err(error) = &worked {
                tracing::error!(class = error.class(), %error, "a worker failed, and goes on");
            }
            is_busy = matches!(worked, Ok(true));
            if !is_busy {
                tokio::select! {
                    () = sleep(jitter(1_000)) => {}
                    () = self.0.notify.notified(), if worked.is_ok() => {}
                    _ = stopping.wait_for(|it| *it) => {}
                }
            }
        }
    }

    async fn work_once(&self, rows: u32, is_busy: bool) -> Result<bool> {
        if rows.is_multiple_of(ENTRIES_EVERY) && self.correlate_due().await? {
            return Ok(true);
        }
        Ok(self.take(&mut Vec::new(), !is_busy).await? || self.correlate_due().await?)
    }

    /// Takes a row that is due, and carries out its effects one after the other. Whether there was one.
    async fn take(&self, did: &mut Vec<Did>, is_idle: bool) -> Result<bool> {
        // SQLite has one lock for all: an idle worker looks without it.
        if is_idle && !self.0.database.is_postgres() {
            let mut own = self.begin_read().await?;
            let is_due = self.0.store.is_due(&mut own.tx(), self.time()).await?;
            own.commit().await?;
            if !is_due {
                return Ok(false);
            }
        }
        let mut held = match self.visit(Which::Due, None, true).await? {
            Visited::Nothing => return Ok(false),
            Visited::Failed => return Ok(true),
            Visited::Saved(saved) => saved.held,
        };
        while let Some(one) = held {
            self.0.hooks.checkpoint("leased").await;
            held = self.carry_out(*one, did).await?;
        }
        Ok(true)
    }

    /// Carries out an effect that this worker holds, brings the fact to the row, and leases the next effect.
    async fn carry_out(&self, held: Held, did: &mut Vec<Did>) -> Result<Option<Box<Held>>> {
        let address = Address { flow: held.row.flow.clone(), key: held.row.key.clone() };
        let brought = match (&held.leased.request, &held.leased.effect.effect) {
            (Some(request), Effect::Request { operation, .. }) => self.send(&held, request, operation, did).await,
            (_, effect) => match self.0.handlers.get(kind_of(effect)) {
                Some(Handler::OnTx(..)) => match self.handle_in_transaction(&held, &address, did).await {
                    Ok(next) => return Ok(next),
                    Err(error) => failed(&held, &error),
                },
                handler => self.handle_effect(&held, handler, did).await,
            },
        };
        let brought = Brought { settings: Some(Arc::clone(&held.settings)), ..brought };
        let next = self.settle(&address, &brought).await?;
        self.0.hooks.checkpoint("saved").await;
        Ok(next)
    }

    /// Brings a fact to its row. While the database is away it is kept in memory, and tried again.
    async fn settle(&self, address: &Address, brought: &Brought) -> Result<Option<Box<Held>>> {
        let mut rest_ms = 50;
        loop {
            match self.visit(Which::Row(address), Some(brought), !self.is_stopping()).await {
                Ok(Visited::Saved(saved)) => return Ok(saved.held),
                // The row was forgotten meanwhile, or its failure was noted.
                Ok(Visited::Nothing | Visited::Failed) => return Ok(None),
                Err(error) if error.is_passing() => {
                    tracing::warn!(key = address.key, class = error.class(), "a fact is kept, and saved later");
                    sleep(jitter(rest_ms)).await;
                    rest_ms = rest_ms.saturating_mul(2).min(1_000);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends a request within its deadline.
    async fn send(&self, held: &Held, request: &Request, operation: &str, did: &mut Vec<Did>) -> Brought {
        let (effect, sending) = (&held.leased.effect.id, request.sending);
        let (flow, key) = (held.row.flow.as_str(), held.row.key.as_str());
        let not_sent = || {
            self.0.limits.leave(held.row.account(), (flow, key));
            Brought::new(Fact::not_sent(effect, sending).into_owned(), "worker")
        };
        if self.since(held.began) > FRESH {
            return not_sent();
        }
        let http = match with_key(request, &held.settings.api_key) {
            Ok(http) => http,
            Err(error) => {
                tracing::error!(flow, key, operation, %error, "a request was not sent");
                return not_sent();
            }
        };
        let (provider, account) = (provider_of(flow).to_owned(), held.row.account.clone());
        did.push(Did::Sent { operation: operation.into(), account: account.clone() });
        let about = Outgoing { provider, operation: operation.into(), account };
        let sent = self.transmit(http, about, held.settings.timeout).await;
        self.0.limits.leave(held.row.account(), (flow, key));
        self.0.hooks.checkpoint("replied").await;
        match sent {
            Sent::Reply(reply) => self.replied(held, effect, sending, &reply),
            Sent::Lost => Brought::new(Fact::lost(effect, sending).into_owned(), "worker"),
            Sent::NotSent => not_sent(),
        }
    }

    fn replied(&self, held: &Held, effect: &EffectId, sending: u32, reply: &http::Response<Vec<u8>>) -> Brought {
        let status = reply.status().as_u16();
        let headers = Headers::from(reply.headers());
        let retry_after = headers.get("retry-after").and_then(|it| {
            let now = at(self.0.hooks.now());
            let at = rulebound::time::Timestamp::parse_retry_after(it, now)?;
            u64::try_from(at.as_millis().saturating_sub(now.as_millis())).ok().map(Duration::from_millis)
        });
        let fact = Fact::reply(effect, sending, status, reply.body().as_slice()).with_headers(headers).into_owned();
        let replied = Some(Replied { status, retry_after, is_probe: held.leased.is_probe });
        Brought { replied, ..Brought::new(fact, "worker") }
    }

    /// Calls a handler outside any transaction.
    async fn handle_effect(&self, held: &Held, handler: Option<&Handler>, did: &mut Vec<Did>) -> Brought {
        let effect = &held.leased.effect.id;
        if let Some(Handler::On(handler, deadline)) = handler {
            did.push(Did::Handled { effect: effect.clone() });
            let call = AssertUnwindSafe(async { handler(task(held)).await });
            let ended = timeout(*deadline, call.catch_unwind()).await;
            self.0.hooks.checkpoint("handled").await;
            if let Err(error) = ended_well(ended) {
                return failed(held, &error);
            }
        }
        Brought::new(Fact::done(effect).into_owned(), "worker")
    }

    /// Calls a handler in the transaction that records the end of the effect.
    async fn handle_in_transaction(
        &self,
        held: &Held,
        address: &Address,
        did: &mut Vec<Did>,
    ) -> Result<Option<Box<Held>>> {
        let Some(mut entered) = self.enter(Which::Row(address)).await? else { return Ok(None) };
        let effect = &held.leased.effect;
        // Another worker may hold the effect meanwhile, or have carried it out.
        let context = Context::new(at(entered.row.now), Arc::clone(&entered.settings.config));
        let mine = effect.attempts.saturating_add(1);
        let pending = entered.row.load()?.effects(&context);
        if !pending.iter().any(|it| it.id == effect.id && it.attempts == mine) {
            return entered.own.rollback().await.map(|()| None);
        }
        if let Some(Handler::OnTx(handler, deadline)) = self.0.handlers.get(kind_of(&effect.effect)) {
            did.push(Did::Handled { effect: effect.id.clone() });
            let mut tx = entered.own.tx();
            let call = AssertUnwindSafe(async { handler(task(held), &mut tx).await });
            let ended = timeout(*deadline, call.catch_unwind()).await;
            if let Err(error) = ended_well(ended) {
                entered.own.rollback().await?;
                return Err(error);
            }
        }
        self.0.hooks.checkpoint("handled").await;
        let brought = Brought::new(Fact::done(&effect.id).into_owned(), "worker");
        let decided = self.decide(&mut entered, Some(&brought), !self.is_stopping()).await?;
        let Entered { own, row, settings, began, .. } = entered;
        own.commit().await?;
        self.0.hooks.checkpoint("saved").await;
        Ok(decided.leased.map(|leased| Box::new(Held { leased, row, settings, began })))
    }
}

fn task(held: &Held) -> Task {
    let RowRecord { flow, key, account, reference, .. } = held.row.record.clone();
    Task { flow, key, account, reference, effect: held.leased.effect.clone() }
}

type Ended = Result<std::thread::Result<Result<(), BoxError>>, tokio::time::error::Elapsed>;

fn ended_well(ended: Ended) -> Result<()> {
    match ended {
        Ok(Ok(result)) => result.map_err(Error::from),
        Ok(Err(_)) => Err(Error::Other("the handler panicked".into())),
        Err(_) => Err(Error::Other("the handler exceeded its timeout".into())),
    }
}

/// An effect whose handler failed is lost: the core decides when it is tried again. If the database failed, it is not known whether the
/// transaction of the handler was committed; the fact then concerns an effect that is done, and changes nothing.
fn failed(held: &Held, error: &Error) -> Brought {
    let (flow, key, effect) = (held.row.flow.as_str(), held.row.key.as_str(), held.leased.effect.id.as_str());
    match error.is_passing() {
        true => tracing::warn!(flow, key, effect, %error, "the database failed, and the handler is called again later"),
        false => tracing::error!(flow, key, effect, %error, "a handler failed, and is called again later"),
    }
    let fact = Fact::Lost { effect: effect.to_owned().into(), sending: None };
    Brought::new(fact, "worker")
}
