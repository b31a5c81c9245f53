//! Commands, facts of people, and reads: what web code calls.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use rulebound::ffi::AnyError;
use rulebound::{Context, EffectId, Fact, Flow, Named, Snapshot, TypedId};

use crate::db::Tx;
use crate::draft::{Draft, Stepped};
use crate::error::{Error, Result, account_of};
use crate::host::{Host, at, jitter};
use crate::inbox::Address;
use crate::provider::Settings;
use crate::read::seen;
use crate::snapshot::{Any, Row, provider_of};
use crate::store::{Locked, start};
use crate::visit::{Brought, Which};

/// How often a command is tried again after a conflict in the kit's own transaction.
const TRIES: u32 = 5;

type Decide = Box<dyn Fn(&Any, &Context) -> Result<Stepped, AnyError> + Send + Sync>;

/// A command on its way: `.await` decides and saves.
#[must_use = "a command does nothing until it is awaited"]
pub struct Handle<'a, S> {
    host: Host,
    call: Call,
    tx: Option<Tx<'a>>,
    typed: fn(Row) -> Result<Row<S>>,
    of: PhantomData<S>,
}

impl<S> fmt::Debug for Handle<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle {{ {} {} }}", self.call.flow, self.call.key)
    }
}

/// A command, for whom it is, and what is noted of it.
struct Call {
    flow: String,
    key: String,
    command: String,
    decide: Decide,
    actor: Option<String>,
    reference: Option<String>,
    account: Option<String>,
}

impl<'a, S> Handle<'a, S> {
    /// Decides in your own transaction. It is neither committed nor rolled back.
    ///
    /// Lock your own rows first, and call `handle` last.
    pub fn tx(self, tx: impl Into<Tx<'a>>) -> Self {
        Self { tx: Some(tx.into()), ..self }
    }

    /// Sets who asked for it, such as `user:7`, for the journal.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.call.actor = Some(actor.into());
        self
    }

    /// Sets what a person searches for, such as an order's number.
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.call.reference = Some(reference.into());
        self
    }

    /// Sets which of your accounts at the provider it is for. The first command of a row fixes it.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.call.account = Some(account.into());
        self
    }
}

impl<'a, S: Send + 'a> IntoFuture for Handle<'a, S> {
    type Output = Result<Row<S>>;
    type IntoFuture = BoxFuture<'a, Result<Row<S>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let row = match self.tx {
                Some(mut tx) => {
                    tx.check_begun(&format!("{}flows", self.host.0.store.t)).await?;
                    self.host.handle_in(&mut tx, &self.call).await?
                }
                None => self.host.handle_alone(&self.call).await?,
            };
            (self.typed)(row)
        })
    }
}

impl Host {
    /// Decides on a command and saves the next snapshot. `key` comes from your own order, so that a double click is one flow.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] with every rule that the command would break; then nothing was written.
    /// [`Error::Retry`] if only a new transaction can cure it, and [`Error::Lookup`] if the account is not known.
    pub fn handle<F: Flow>(&self, key: &str, command: impl Into<F::Command>) -> Handle<'static, Snapshot<F>> {
        let command = command.into();
        let name = F::action_of(&command).name();
        let decide: Decide = Box::new(move |snapshot, context| {
            let typed = Snapshot::<F>::load(&snapshot.save())?;
            Ok(typed.handle(command.clone(), context).map_err(AnyError::from)?.into())
        });
        self.call(F::ID, key, name, decide, Row::typed::<F>)
    }

    /// Does the same for a flow that is known only at run time. The command is JSON: an object with a `type`.
    ///
    /// # Errors
    ///
    /// The same, and [`Error::Input`] if there is no such flow.
    pub fn handle_json(&self, flow: &str, key: &str, command: &str) -> Handle<'static, Any> {
        #[derive(serde::Deserialize)]
        struct Tagged {
            r#type: String,
        }
        // What is no command gets its error from the library.
        let name = serde_json::from_str::<Tagged>(command).map_or_else(|_| String::new(), |it| it.r#type);
        let command = command.to_owned();
        let decide: Decide = Box::new(move |snapshot, context| Ok(snapshot.handle(&command, context)?.into()));
        self.call(flow, key, &name, decide, Ok)
    }

    fn call<S>(
        &self,
        flow: &str,
        key: &str,
        action: &str,
        decide: Decide,
        typed: fn(Row) -> Result<Row<S>>,
    ) -> Handle<'static, S> {
        let command = action.split('/').next().unwrap_or_default().to_owned();
        let (flow, key) = (flow.to_owned(), key.to_owned());
        let call = Call { flow, key, command, decide, actor: None, reference: None, account: None };
        Handle { host: self.clone(), call, tx: None, typed, of: PhantomData }
    }

    /// Decides in a transaction of the kit's own, and notes a rejection in the journal.
    async fn handle_alone(&self, call: &Call) -> Result<Row> {
        let mut tries: u32 = 0;
        loop {
            tries = tries.saturating_add(1);
            self.look_up_account(call).await?;
            let mut own = self.begin().await?;
            match self.handle_in(&mut own.tx(), call).await {
                Ok(row) => {
                    own.commit().await?;
                    self.wake();
                    return Ok(row);
                }
                Err(Error::Retry(_)) if tries < TRIES => {
                    drop(own);
                    tokio::time::sleep(jitter(20)).await;
                }
                // The row is of another account than the one that was looked up.
                Err(Error::Lookup { provider, account }) if tries < TRIES => {
                    own.rollback().await?;
                    self.look_up(&provider, &account).await?;
                }
                Err(error) => {
                    own.rollback().await?;
                    if let Error::Rejected(_) = error {
                        self.note_rejection(call, &error).await;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Looks up the account of a command before the transaction, so that the transaction is short.
    async fn look_up_account(&self, call: &Call) -> Result<()> {
        let provider = provider_of(&call.flow);
        if !self.0.accounts.provider(provider)?.has_accounts() {
            return Ok(());
        }
        let account = match &call.account {
            Some(account) => account.clone(),
            None => {
                let mut own = self.begin_read().await?;
                let row = self.0.store.read(&mut own.tx(), self.time(), &call.flow, &call.key).await?;
                own.commit().await?;
                row.map(|it| it.record.account).unwrap_or_default()
            }
        };
        self.0.accounts.get(provider, &account).await.map(drop)
    }

    async fn handle_in(&self, tx: &mut Tx<'_>, call: &Call) -> Result<Row> {
        start(&call.flow, &call.key)?;
        let (store, account) = (&self.0.store, call.account.as_deref().unwrap_or_default());
        let address = (call.flow.as_str(), call.key.as_str());
        let (mut row, made) = store.make(tx, self.time(), address, account, call.reference.as_deref()).await?;
        if let Some(account) = call.account.as_ref().filter(|it| **it != row.account) {
            let fixed = account_of(provider_of(&row.flow), &row.account);
            let reason = format!("is `{account}`, and the row belongs to the {fixed}: an account never changes");
            return Err(Error::input("account", reason));
        }
        if call.reference.is_some() {
            row.record.reference.clone_from(&call.reference);
        }
        let decided = self.step_of(tx, &row, call).await;
        match decided {
            Ok((draft, wake_at, settings)) => {
                let context = Context::new(at(row.now), Arc::clone(&settings.config));
                store.save(tx, &mut row, &draft, wake_at, &context).await?;
                Ok(seen(row, draft.snapshot, settings))
            }
            Err(error) => {
                if let Error::Rejected(rejection) = &error {
                    let Call { flow, key, command, actor, .. } = call;
                    let rules: Vec<_> = rejection.violations.iter().map(|it| it.rule.code).collect();
                    tracing::info!(flow, key, command, actor, ?rules, "rejected");
                }
                if made && !error.is_passing() {
                    store.unmake(tx, &row).await?;
                }
                Err(error)
            }
        }
    }

    async fn step_of(&self, tx: &mut Tx<'_>, row: &Locked, call: &Call) -> Result<(Draft, Option<i64>, Arc<Settings>)> {
        let settings = self.0.accounts.within(provider_of(&row.flow), &row.account)?;
        let context = Context::new(at(row.now), Arc::clone(&settings.config));
        let mut draft = Draft::new(row.load()?, &row.text, self.format(tx, &row.flow).await?)?;
        let known = draft.snapshot.ids();
        let step = (call.decide)(&draft.snapshot, &context)?;
        draft.commanded(step, &call.command, call.actor.as_deref(), &context)?;
        self.claim(tx, row, &mut draft, &known).await?;
        let wake_at = draft.wake_at(None, &context);
        Ok((draft, wake_at, settings))
    }

    /// Takes the ids that the command named. Two rows of one object would both act on it.
    async fn claim(&self, tx: &mut Tx<'_>, row: &Locked, draft: &mut Draft, known: &[TypedId]) -> Result<()> {
        let mut claimed = draft.claimed(known);
        claimed.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        if self.0.database.is_postgres() {
            self.0.store.adopt(tx, row, &claimed).await?;
        }
        for id in &claimed {
            if let Some(owner) = self.0.store.owner(tx, row, id).await? {
                let reason =
                    format!("of `{}` names `{}`, which the row `{owner}` has: use that row", row.key, id.as_str());
                return Err(Error::input("command", reason));
            }
        }
        draft.learn(claimed);
        Ok(())
    }

    /// Notes a rejection. A failure of the database is only logged, because nothing depends on the line.
    async fn note_rejection(&self, call: &Call, error: &Error) {
        let Error::Rejected(rejection) = error else { return };
        let noted = async {
            let mut own = self.begin().await?;
            let (store, time) = (&self.0.store, self.time());
            let found = store.lock(&mut own.tx(), time, &call.flow, &call.key).await?;
            let (snapshot, text, now) = match &found {
                Some(row) => (row.load()?, row.text.as_str(), row.now),
                None => (start(&call.flow, &call.key)?, "", self.0.hooks.now()),
            };
            let mut draft = Draft::new(snapshot, text, None)?;
            draft.rejected(rejection, &call.command, call.actor.as_deref());
            store.journal(&mut own.tx(), (&call.flow, &call.key), now, &draft.lines).await?;
            own.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(flow = call.flow, key = call.key, %error, "a rejection was not written to the journal");
        }
    }

    /// The customer's browser came back: it proves nothing, and makes lookups due.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if there is no such row.
    pub async fn customer_returned<F: Flow>(&self, key: &str) -> Result<Row<Snapshot<F>>> {
        self.customer_returned_any(F::ID, key).await?.typed()
    }

    /// Does the same for a flow that is known only at run time.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if there is no such row.
    pub async fn customer_returned_any(&self, flow: &str, key: &str) -> Result<Row> {
        self.observe(flow, key, &Brought::new(Fact::CustomerReturned {}, "customer")).await
    }

    /// A person's verdict on a `review` effect, with the provider's id if the verdict names one.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if there is no such row, [`Error::NoReview`] if the review is not open, [`Error::Core`] for a wrong verdict.
    pub async fn answer(
        &self,
        flow: &str,
        key: &str,
        review: &str,
        verdict: &str,
        id: Option<&str>,
        actor: &str,
    ) -> Result<Row> {
        let unknown = || Error::Unknown { flow: flow.into(), key: key.into() };
        let closed = || Error::NoReview { key: key.into(), review: review.into() };
        let row = self.get_any(flow, key).await?.ok_or_else(unknown)?;
        let is_open = row.effects().iter().any(|it| it.id.as_str() == review);
        let effect = EffectId::parse(review).ok().filter(|_| is_open).ok_or_else(closed)?;
        self.observe(flow, key, &Brought::new(Fact::reviewed(&effect, verdict, id).into_owned(), actor)).await
    }

    /// Brings a fact to a row that must be there, and gives the row.
    async fn observe(&self, flow: &str, key: &str, brought: &Brought) -> Result<Row> {
        let unknown = || Error::Unknown { flow: flow.into(), key: key.into() };
        self.bring(&Address { flow: flow.into(), key: key.into() }, brought).await?;
        self.wake();
        self.get_any(flow, key).await?.ok_or_else(unknown)
    }

    /// Brings a fact to a row that must be there.
    pub(crate) async fn bring(&self, to: &Address, brought: &Brought) -> Result<()> {
        let unknown = || Error::Unknown { flow: to.flow.clone(), key: to.key.clone() };
        let mut entered = self.enter(Which::Row(to)).await?.ok_or_else(unknown)?;
        match self.decide(&mut entered, Some(brought), false).await {
            Ok(_) => entered.own.commit().await,
            Err(error) => {
                entered.own.rollback().await?;
                Err(error)
            }
        }
    }
}
