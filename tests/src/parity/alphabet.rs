//! The alphabet of a flow, as JSON.

use rulebound::Flow;
use rulebound::time::Timestamp;
use serde_json::Value;

use crate::alphabet::Written;

/// The alphabet of one flow.
pub(super) struct Alphabet {
    pub(super) flow: &'static str,
    pub(super) key: String,
    pub(super) config: Value,
    /// Replies by operation: status and body.
    pub(super) replies: Vec<(String, u16, String)>,
    pub(super) facts: Vec<Value>,
    pub(super) spans: Vec<i64>,
}

impl Alphabet {
    fn of<F: Flow>() -> Self {
        let written = Written::of(F::ID);
        Self {
            flow: F::ID,
            key: written.key.as_str().to_owned(),
            replies: written
                .replies
                .iter()
                .map(|reply| (reply.operation.clone(), reply.status, reply.body()))
                .collect(),
            facts: written.facts().collect(),
            spans: written.spans_ms.iter().map(|span| Timestamp::from_millis(0).after(*span).as_millis()).collect(),
            config: written.config,
        }
    }

    /// The alphabet of every flow.
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        macro_rules! add {
            ($provider:ident :: $flow:ident) => {
                all.push(Self::of::<rulebound::$provider::$flow>())
            };
        }
        rulebound::for_each_flow!(add);
        all
    }
}
