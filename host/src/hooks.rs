//! What a host replaces for tests: the clock, the transport, checkpoints and the database's faults.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use rulebound::time::Timestamp;

use crate::error::Result;
use crate::send::Transport;

pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
type Checkpoint = Arc<dyn Fn(&'static str) -> BoxFuture<'static, ()> + Send + Sync>;
type Fault = Arc<dyn Fn() -> Result<()> + Send + Sync>;

/// What differs from a host in production.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) clock: Option<Clock>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) fault: Option<Fault>,
    pub(crate) transport: Arc<dyn Transport>,
}

impl Hooks {
    /// The host's time, in milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        match &self.clock {
            Some(clock) => clock(),
            None => Timestamp::from(SystemTime::now()).as_millis(),
        }
    }

    /// A named point at which a test can stop a worker.
    pub(crate) async fn checkpoint(&self, name: &'static str) {
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint(name).await;
        }
    }
}
