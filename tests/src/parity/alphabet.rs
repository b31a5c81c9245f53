//! What a flow can be told: its samples, as JSON.

use rulebound::flow::Samples;
use rulebound::time::Timestamp;
use rulebound::{Fact, Flow, Verdict};
use serde_json::{Value, json};

/// The samples of one flow.
pub(super) struct Alphabet {
    pub(super) flow: &'static str,
    pub(super) key: String,
    pub(super) settings: Value,
    /// Answers by operation: status and body.
    pub(super) replies: Vec<(&'static str, u16, String)>,
    pub(super) facts: Vec<Value>,
    pub(super) spans: Vec<i64>,
}

impl Alphabet {
    fn of<F: Flow>() -> Self {
        let Samples { replies, facts, spans, .. } = F::samples();
        Self {
            flow: F::ID,
            key: F::sample_key().as_str().to_owned(),
            settings: serde_json::to_value(F::sample_settings()).unwrap_or_default(),
            replies,
            facts: facts.iter().map(fact).collect(),
            spans: spans.into_iter().map(|span| Timestamp::from_millis(0).after(span).as_millis()).collect(),
        }
    }

    /// The samples of every flow.
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

/// A fact as JSON, with its body as a text.
fn fact(fact: &Fact<'_>) -> Value {
    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    match fact {
        Fact::Reply { to, sending, status, body, .. } => {
            json!({"type": "reply", "to": to, "sending": sending, "status": status, "body": text(body)})
        }
        Fact::Lost { to, sending } => json!({"type": "lost", "to": to, "sending": sending}),
        Fact::NotSent { to, sending } => json!({"type": "not_sent", "to": to, "sending": sending}),
        Fact::Restored { taken_at } => json!({"type": "restored", "taken_at": taken_at}),
        Fact::Webhook { body, content_type, topic, origin } => json!({
            "type": "webhook", "body": text(body), "content_type": content_type, "topic": topic, "origin": origin,
        }),
        Fact::Returned { via } => json!({"type": "returned", "via": via}),
        Fact::Done { effect, verdict } => {
            let verdict = verdict.as_ref().map(|verdict| match verdict {
                Verdict::About { verdict, id, .. } => json!({"verdict": verdict, "id": id}),
                verdict => json!(verdict.name()),
            });
            json!({"type": "done", "effect": effect, "verdict": verdict})
        }
        _ => Value::Null,
    }
}
