//! Reads: a row as the application sees it.

use std::sync::Arc;

use rulebound::{Context, Flow, Snapshot};

use crate::db::Tx;
use crate::error::Result;
use crate::host::{Host, at};
use crate::provider::Settings;
use crate::snapshot::{Any, Row, provider_of};
use crate::store::Locked;

impl Host {
    /// The row of a flow, or nothing if there is none.
    ///
    /// # Errors
    ///
    /// If the database fails, or the snapshot cannot be read.
    pub async fn get<F: Flow>(&self, key: &str) -> Result<Option<Row<Snapshot<F>>>> {
        self.get_any(F::ID, key).await?.map(Row::typed).transpose()
    }

    /// The row of a flow that is known only at run time, or nothing if there is none.
    ///
    /// # Errors
    ///
    /// If the database fails, or the snapshot cannot be read.
    pub async fn get_any(&self, flow: &str, key: &str) -> Result<Option<Row>> {
        let mut own = self.begin_read().await?;
        let found = self.0.store.read(&mut own.tx(), self.time(), flow, key).await;
        own.commit().await?;
        // An account is looked up after the transaction, because that takes its time.
        self.loaded(found?).await
    }

    /// The row as your own transaction sees it, or nothing if there is none.
    ///
    /// # Errors
    ///
    /// If the database fails, or the snapshot cannot be read.
    pub async fn get_in(&self, tx: &mut Tx<'_>, flow: &str, key: &str) -> Result<Option<Row>> {
        let Some(row) = self.0.store.read(tx, self.time(), flow, key).await? else { return Ok(None) };
        let settings = self.0.accounts.within(provider_of(&row.flow), &row.account)?;
        let snapshot = row.load()?;
        Ok(Some(seen(row, snapshot, settings)))
    }

    async fn loaded(&self, found: Option<Locked>) -> Result<Option<Row>> {
        let Some(row) = found else { return Ok(None) };
        let settings = self.0.accounts.get(provider_of(&row.flow), &row.account).await?;
        let snapshot = row.load()?;
        Ok(Some(seen(row, snapshot, settings)))
    }
}

/// A row as the application sees it.
pub(crate) fn seen(row: Locked, snapshot: Any, settings: Arc<Settings>) -> Row {
    let context = Context::new(at(row.now), Arc::clone(&settings.config));
    Row { record: row.record, snapshot, context }
}
