//! A change that waits for the customer.

use alloc::boxed::Box;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::MadeUpdate;
use crate::effect::Wait;
use crate::flow::{PollTimer, Reviews};
use crate::id::{Digest, EffectId};
use crate::providers::truemed::api::webhook::NextAction;
use crate::providers::truemed::ids::ProvisionTokenRequestId;
use crate::providers::truemed::names::{Notice, Review, SignalName, Verdict};
use crate::providers::truemed::payment_token::Cx;
use crate::providers::truemed::payment_token::history::{History, Origin};

/// A change that the customer must still make good.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenPending"))]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PendingChange {
    /// Its place in the order of our requests.
    pub(in super::super) seq: u32,
    /// The update that it comes from.
    pub(super) of: EffectId,
    /// The request that its webhook will name, if the answer named one.
    pub(in super::super) origin: Option<ProvisionTokenRequestId>,
    /// The fingerprint of its items, if it is about items.
    pub(in super::super) items: Option<Digest>,
    /// What the customer must do; empty where that cannot be named.
    pub(super) action: NextAction,
    /// Where the customer does it, exactly as Truemed gave it.
    pub(super) redirect_url: Option<String>,
    /// The wait for its end.
    #[serde(rename = "watch")]
    pub(super) timer: PollTimer,
    /// The change that is open again if this one was never taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<Box<Self>>,
}

impl PendingChange {
    /// An update that was sent, and whose outcome is unknown when a newer one takes its place.
    pub(super) fn of_doubt(
        of: EffectId,
        MadeUpdate { seq, items }: MadeUpdate,
        replaces: Option<Self>,
        cx: &Cx<'_>,
    ) -> Self {
        let (action, timer) = (NextAction::Unknown(String::new()), PollTimer::new(cx.now()));
        let replaces = replaces.map(Box::new);
        Self { seq, of, origin: None, items, action, redirect_url: None, timer, replaces }
    }

    /// Whether a webhook of that origin is its.
    pub(in super::super) fn is_named_by(&self, origin: &Origin) -> bool {
        matches!((origin, &self.origin), (Origin::Request(named), Some(id)) if named == id)
    }

    /// Whether a failed charge is repaired with it that asked for the survey, and not for another card. Of an action that
    /// cannot be named, the items go by the survey.
    pub(in super::super) const fn satisfies_survey(&self) -> bool {
        match &self.action {
            NextAction::HealthSurvey => true,
            NextAction::UpdatePaymentMethod => false,
            NextAction::Unknown(_) => self.items.is_some(),
        }
    }

    /// Has a person look once its schedule is over; at once where the customer cannot be sent on.
    pub(super) fn schedule(&self, cx: &mut Cx<'_>) {
        let of = self.of.as_str();
        if self.action.as_str().is_empty() || self.redirect_url.is_none() {
            cx.ask(Review::ChangeUnconfirmed.only(&[Verdict::Confirmed, Verdict::Withdrawn]), of);
        } else {
            cx.ask_on_schedule(Review::ChangeUnconfirmed, of, &self.timer);
        }
    }

    /// Closes a change that another has taken the place of, so that its late webhook confirms nothing.
    pub(super) fn give_up(&self, history: &mut History, cx: &mut Cx<'_>) {
        cx.withdraw_notice(Notice::ActionRequired, self.of.as_str());
        cx.withdraw_review(Review::ChangeUnconfirmed, self.of.as_str());
        if let Some(id) = &self.origin {
            cx.learn(id.as_str());
            history.add(self.seq, Origin::Request(id.clone()));
        }
    }

    /// What the customer has to do.
    pub(in super::super) fn wait(&self) -> Wait {
        let mut wait = Wait::new(SignalName::TokenUpdated.as_str(), self.timer.since());
        wait.about = self.origin.as_ref().map(|id| id.as_str().into());
        wait.customer_action = Some(self.action.as_str()).filter(|it| !it.is_empty()).map(Into::into);
        wait.customer_url.clone_from(&self.redirect_url);
        wait
    }
}
