//! Why a webhook changes nothing, in a sentence for the log.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Ignored, Snapshot};
use crate::config::Context;
use crate::effect::Call;
use crate::fact::IgnoredReason;
use crate::flow::{Flow, IntentReport, Moment, Rules, Webhook};
use crate::id::{EffectId, REMEMBERED, TypedId};

impl<F: Flow> Snapshot<F> {
    /// Why the flow ignores a webhook that is readable. A webhook that names an id of the flow is about the flow.
    pub(super) fn explain(&self, reason: IgnoredReason, webhook: &Webhook<'_>) -> Ignored {
        if matches!(reason, IgnoredReason::Duplicate | IgnoredReason::Unreadable) {
            return reason.into();
        }
        let (named, known) = (F::ids_of_webhook(webhook).unwrap_or_default(), self.ids());
        let is_known = |id: &&TypedId| known.iter().any(|have| have.as_str() == id.as_str());
        if reason == IgnoredReason::Early {
            let unknown: Vec<_> = named.iter().filter(|id| !is_known(id)).collect();
            let detail = match self.names_next() {
                Some(effect) => {
                    format!(
                        "It names {}, which this flow does not know yet. The reply to `{effect}` may name it.",
                        all(&unknown)
                    )
                }
                None => format!("It names {}, which this flow does not know yet.", all(&unknown)),
            };
            return Ignored { reason, detail: detail.into() };
        }
        let about: Vec<_> = named.iter().filter(is_known).collect();
        if !about.is_empty() {
            let detail = format!("It is about {}, and proves nothing that this flow acts on.", all(&about)).into();
            return Ignored { reason: IgnoredReason::Inconclusive, detail };
        }
        let detail = match named.is_empty() {
            true => "It names no id.".into(),
            false => {
                format!("It names {}, which this flow does not know.", all(&named.iter().collect::<Vec<_>>())).into()
            }
        };
        Ignored { reason, detail }
    }

    /// Why a report on a request that is not pending changes nothing: the request is over, or it never existed.
    pub(super) fn not_pending_any_more(&self, effect: &str, context: &Context) -> Ignored {
        let Some((id, (intent, number))) =
            EffectId::parse(effect).ok().and_then(|id| Some((id.clone(), id.try_of_intent()?)))
        else {
            return IgnoredReason::Duplicate.into();
        };
        let is_request = <F::Call as Call>::operations().iter().any(|it| it.name == id.kind());
        let view = Rules::new(&self.key, context, Moment::Fact, &self.outbox);
        let remembered = self.state.intents(&view);
        let is_it = |it: &IntentReport<F>| it.intent == intent && it.effect.kind() == id.kind() && number <= it.attempt;
        let is_counted = number <= self.outbox.number_of(&format!("{}:{intent}", id.kind()));
        // A flow with many intents has forgotten some of them.
        let may_be_forgotten = remembered.len() >= REMEMBERED || self.outbox.number_of(&format!("{}:", id.kind())) > 0;
        if !is_request || is_counted || may_be_forgotten || remembered.iter().any(is_it) {
            return IgnoredReason::Duplicate.into();
        }
        let detail = format!("`{effect}` names no request of this flow.").into();
        Ignored { reason: IgnoredReason::Unrelated, detail }
    }

    /// The request whose reply will name the next id: the first one that a worker has sent, or the first pending one.
    fn names_next(&self) -> Option<&EffectId> {
        let requests = || self.outbox.entries.iter().filter(|it| it.call().is_some());
        requests().find(|it| it.was_sent()).or_else(|| requests().next()).map(|it| &it.id)
    }
}

/// The ids as a log can show them: a token only by its kind.
fn all(ids: &[&TypedId]) -> String {
    let shown = |id: &&TypedId| {
        let kind = id.kind().replace('_', " ");
        if id.is_secret() { format!("a {kind}") } else { format!("the {kind} `{}`", id.as_str()) }
    };
    let shown: Vec<_> = ids.iter().map(shown).collect();
    if shown.is_empty() { "no id".into() } else { shown.join(", ") }
}
