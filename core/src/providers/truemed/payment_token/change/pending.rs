//! A change that waits for the customer.

use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::MadeUpdate;
use crate::effect::Wait;
use crate::flow::{PollTimer, Reviews};
use crate::id::TypedId;
use crate::id::{Digest, EffectId};
use crate::providers::truemed::api::webhook::NextAction;
use crate::providers::truemed::ids::ProvisionTokenRequestId;
use crate::providers::truemed::names::{Notice, Review, SignalName, Verdict};
use crate::providers::truemed::payment_token::Cx;
use crate::providers::truemed::payment_token::history::{History, Origin};
use crate::time::Timestamp;

/// A change that waits for the customer.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenPending"))]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PendingChange {
    /// The position in the order of our requests.
    pub(in super::super) seq: u32,
    /// The update that made the change.
    pub(super) of: EffectId,
    /// The request id that the webhook will have, if the reply had one.
    pub(in super::super) origin: Option<ProvisionTokenRequestId>,
    /// The fingerprint of the items, for a change of the items.
    pub(in super::super) items: Option<Digest>,
    /// What the customer must do. It is empty if Truemed did not name it.
    pub(super) action: NextAction,
    /// The page where the customer acts, exactly as Truemed returned it.
    pub(super) redirect_url: Option<String>,
    /// Schedules the review.
    #[serde(rename = "watch")]
    pub(super) timer: PollTimer,
    /// The change that is open again if this one turns out not to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<Box<Self>>,
}

impl PendingChange {
    /// An update that was sent, and whose outcome is unknown when a newer one replaces it.
    pub(super) fn with_unknown_outcome(
        of: EffectId,
        MadeUpdate { seq, items }: MadeUpdate,
        replaces: Option<Self>,
        cx: &Cx<'_>,
    ) -> Self {
        let (action, timer) = (NextAction::Unknown(String::new()), PollTimer::new(cx.now()));
        let replaces = replaces.map(Box::new);
        Self { seq, of, origin: None, items, action, redirect_url: None, timer, replaces }
    }

    /// When the customer was asked to act.
    pub(in super::super) const fn since(&self) -> Timestamp {
        self.timer.since()
    }

    /// Whether a webhook with this origin is about this change.
    pub(in super::super) fn is_named_by(&self, origin: &Origin) -> bool {
        matches!((origin, &self.origin), (Origin::Request(named), Some(id)) if named == id)
    }

    /// Whether the change repairs a charge that needs the survey, rather than a card. An unknown action counts as the
    /// survey for a change of the items.
    pub(in super::super) const fn satisfies_survey(&self) -> bool {
        match &self.action {
            NextAction::HealthSurvey => true,
            NextAction::UpdatePaymentMethod => false,
            NextAction::Unknown(_) => self.items.is_some(),
        }
    }

    /// Schedules the review: at once if the customer has no action or no page to go to.
    pub(super) fn schedule(&self, cx: &mut Cx<'_>) {
        let of = &self.of;
        if self.action.as_str().is_empty() || self.redirect_url.is_none() {
            cx.ask(Review::ChangeUnconfirmed.only(&[Verdict::Confirmed, Verdict::Withdrawn]), of);
        } else {
            cx.ask_on_schedule(Review::ChangeUnconfirmed, of, &self.timer);
        }
    }

    /// Closes a change that another has replaced, and what that one has replaced, so that a late webhook confirms nothing.
    pub(super) fn give_up(&self, history: &mut History, cx: &mut Cx<'_>) {
        cx.withdraw_notice(Notice::ActionRequired, self.of.as_str());
        cx.withdraw_review(Review::ChangeUnconfirmed, self.of.as_str());
        if let Some(id) = &self.origin {
            cx.learn(id);
            history.add(self.seq, Origin::Request(id.clone()));
        }
        if let Some(replaced) = &self.replaces {
            replaced.give_up(history, cx);
        }
    }

    /// What the flow waits for: the customer's action.
    pub(in super::super) fn wait(&self) -> Wait {
        let mut wait = Wait::new(SignalName::TokenUpdated.as_str(), self.timer.since());
        wait.about = self.origin.as_ref().map(TypedId::from);
        wait.customer_action = Some(self.action.as_str()).filter(|it| !it.is_empty()).map(Into::into);
        wait.customer_url.clone_from(&self.redirect_url);
        wait
    }
}
