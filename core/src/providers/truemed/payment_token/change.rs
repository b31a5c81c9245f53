//! The facets `items` and `card`: a change of either, from its request to Truemed's confirmation. They differ only in
//! what is changed.

mod pending;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::history::{History, Origin};
use crate::fact::IgnoredReason;
use crate::flow::ToDo;
use crate::flow::{PollTimer, named};
use crate::id::TypedId;
use crate::id::{Digest, EffectId};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::replies::UpdateTokenReply;
use crate::providers::truemed::api::webhook::NextAction;
use crate::providers::truemed::ids::{ProvisionTokenRequestId, Token};
use crate::providers::truemed::names::{Notice, Review, Verdict};
use crate::providers::truemed::rules::Rule;
pub(super) use pending::PendingChange;

named! {
    /// The states of a change of the card, or of the items.
    pub enum ChangeState<const CARD: bool> {
        /// No change is open.
        Settled = "settled",
        /// An update is pending.
        Updating = "updating",
        /// The customer must act before the change.
        Pending = "pending",
    }
}

/// The states of a change of the items.
pub type ItemsState = ChangeState<false>;

/// The states of a change of the card.
pub type CardState = ChangeState<true>;

/// A change of the card or of the items.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenChange"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Change {
    /// No change is open.
    #[default]
    Settled,
    /// An update is pending. It will replace the change that was open.
    Updating {
        /// The position in the order of our requests.
        seq: u32,
        /// The fingerprint of the items, for a change of the items.
        items: Option<Digest>,
        /// The change that this update replaces, once the reply confirms it.
        replaces: Option<PendingChange>,
        /// An older update whose outcome is unknown. The success of this update settles it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        doubt: Option<PendingChange>,
    },
    /// The change waits for the customer.
    Pending(PendingChange),
}

/// An update that succeeded: its position in the order of our requests, and the fingerprint of its items.
pub(super) struct MadeUpdate {
    pub(super) seq: u32,
    pub(super) items: Option<Digest>,
}

impl<const CARD: bool> From<&Change> for ChangeState<CARD> {
    fn from(change: &Change) -> Self {
        match change {
            Change::Settled => Self::Settled,
            Change::Updating { .. } => Self::Updating,
            Change::Pending(_) => Self::Pending,
        }
    }
}

impl Change {
    pub(super) fn is_settled(&self) -> bool {
        *self == Self::Settled
    }

    /// The change that waits for the customer.
    pub(super) const fn pending(&self) -> Option<&PendingChange> {
        match self {
            Self::Pending(pending) => Some(pending),
            Self::Settled | Self::Updating { .. } => None,
        }
    }

    /// The change that the pending update will replace.
    pub(super) fn replaced(&self) -> Option<&PendingChange> {
        match self {
            Self::Updating { replaces, doubt, .. } => replaces.as_ref().or(doubt.as_ref()),
            Self::Settled | Self::Pending(_) => None,
        }
    }

    /// The position of the pending update in the order of our requests.
    pub(super) const fn requested_seq(&self) -> Option<u32> {
        match self {
            Self::Updating { seq, .. } => Some(*seq),
            Self::Settled | Self::Pending(_) => None,
        }
    }

    /// The fingerprint of the items of the open change.
    pub(super) const fn wanted(&self) -> Option<Digest> {
        match self {
            Self::Updating { items, .. } => *items,
            Self::Pending(pending) => pending.items,
            Self::Settled => None,
        }
    }

    /// The fingerprints of all items that may still be confirmed.
    pub(super) fn carts(&self) -> impl Iterator<Item = Digest> {
        let open = [self.pending(), self.replaced()].into_iter().flatten();
        let earlier = open.flat_map(|it| core::iter::successors(Some(it), |it| it.replaces.as_deref()));
        self.wanted().into_iter().chain(earlier.filter_map(|it| it.items))
    }

    /// Whether an update to these items, or of the card, is pending.
    pub(super) fn is_to(&self, wanted: impl FnOnce() -> Option<Digest>) -> bool {
        matches!(self, Self::Updating { items, .. } if *items == wanted())
    }

    /// Whether the pending update is the only open change: no unknown outcome, and no replaced change without an id.
    pub(super) fn is_sole(&self) -> bool {
        let Self::Updating { doubt: None, replaces, .. } = self else { return false };
        replaces.as_ref().is_none_or(|replaced| replaced.origin.is_some())
    }

    /// Requests another update, which replaces the open change. `own` recognizes updates of the same part.
    pub(super) fn request(&mut self, seq: u32, items: Option<Digest>, own: fn(&Call) -> bool, cx: &mut Cx<'_>) {
        let (replaces, doubt) = match core::mem::take(self) {
            Self::Settled => (None, None),
            Self::Pending(pending) => {
                // The review can wait until it is clear whether the newer update replaces this change.
                cx.withdraw_review(Review::ChangeUnconfirmed, pending.of.as_str());
                (Some(pending), None)
            }
            Self::Updating { seq, items, replaces, doubt } => {
                // No worker has leased it. The newer update replaces it, and settles it on success.
                let sent = cx.pending(own).filter(|it| it.sent).map(|it| it.id.clone());
                cx.withdraw(own);
                match sent {
                    Some(of) => {
                        (None, Some(PendingChange::with_unknown_outcome(of, MadeUpdate { seq, items }, replaces, cx)))
                    }
                    None => (replaces, doubt),
                }
            }
        };
        *self = Self::Updating { seq, items, replaces, doubt };
    }

    /// Truemed replied to an update: the customer must act, or the update is made. `token` is the known token.
    pub(super) fn on_reply(
        &mut self,
        (of, call): (&EffectId, &Call),
        reply: UpdateTokenReply,
        token: Option<&Token>,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Result<Option<MadeUpdate>, IgnoredReason> {
        let Self::Updating { seq, items, replaces, doubt } = core::mem::take(self) else {
            return Err(IgnoredReason::Unrelated);
        };
        let action = reply.next_action();
        if !call.is_of_items() {
            let is_documented = action == Some(NextAction::UpdatePaymentMethod) && reply.redirect_url.is_some();
            cx.check(Rule::UpdateCardAlwaysAction, is_documented).at("/next_action");
        }
        cx.check(Rule::UpdateRedirectWithAction, action.is_some() == reply.redirect_url.is_some()).at("/redirect_url");
        // An id of an older update does not identify this one: its webhook may be a repeated delivery.
        let is_new = |id: &ProvisionTokenRequestId| !history.has(&Origin::Request(id.clone()));
        let origin = reply.provision_token_request_id.filter(is_new);
        if let Some(id) = origin.as_ref().map(TypedId::from).or(token.map(TypedId::from)) {
            cx.learn(id);
        }
        let made = match action {
            Some(action) => {
                cx.notify(Notice::ActionRequired, of, ToDo::at(reply.redirect_url.as_deref(), Some(action.as_str())));
                let (of, redirect_url, timer) = (of.clone(), reply.redirect_url, PollTimer::new(cx.now()));
                let pending = PendingChange { seq, of, origin, items, action, redirect_url, timer, replaces: None };
                pending.schedule(cx);
                *self = Self::Pending(pending);
                None
            }
            None => {
                if let Some(id) = origin {
                    history.add(seq, Origin::Request(id));
                }
                Some(MadeUpdate { seq, items })
            }
        };
        replaces.iter().chain(&doubt).for_each(|replaced| replaced.give_up(history, cx));
        Ok(made)
    }

    /// The update succeeded without an action of the customer, according to a webhook, to a person or to the config.
    /// Returns its items.
    pub(super) fn confirm(&mut self, by: Option<&Origin>, history: &mut History, cx: &mut Cx<'_>) -> Option<Digest> {
        let Self::Updating { seq, items, replaces, doubt } = core::mem::take(self) else { return None };
        if let Some(origin) = by {
            history.add(seq, origin.clone());
        }
        replaces.iter().chain(&doubt).for_each(|replaced| replaced.give_up(history, cx));
        items
    }

    /// The update was not made. The change that it was to replace is open again. If the outcome of that change is
    /// unknown, a person is asked.
    pub(super) fn drop_update(&mut self, token: Option<&Token>, cx: &mut Cx<'_>) {
        let Self::Updating { replaces, doubt, .. } = core::mem::take(self) else { return };
        // A change of unknown outcome is reviewed at once, and a change that waits for the customer on its schedule.
        let Some(pending) = doubt.or(replaces) else { return };
        pending.schedule(cx);
        // The webhook may have come meanwhile. Without an id in the reply, it is found by the token.
        if let Some(id) = pending.origin.as_ref().map(TypedId::from).or(token.map(TypedId::from)) {
            cx.learn(id);
        }
        *self = Self::Pending(pending);
    }

    /// A person decided on a change that waits for the customer. Returns the items, if the change is confirmed.
    pub(super) fn reviewed(
        &mut self,
        about: &str,
        verdict: Verdict,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Option<Digest> {
        let Self::Pending(pending) = self else { return None };
        if pending.of.as_str() != about {
            return None;
        }
        if verdict == Verdict::KeepWaiting {
            pending.timer = PollTimer::new(cx.now());
            pending.schedule(cx);
            return None;
        }
        let Self::Pending(PendingChange { seq, origin, items, replaces, .. }) = core::mem::take(self) else {
            return None;
        };
        let confirmed = verdict == Verdict::Confirmed;
        match replaces {
            Some(replaced) if confirmed => replaced.give_up(history, cx),
            Some(replaced) => {
                replaced.schedule(cx);
                *self = Self::Pending(*replaced);
            }
            None => {}
        }
        if let Some(id) = origin {
            history.add(seq, Origin::Request(id));
        }
        cx.withdraw_notice(Notice::ActionRequired, about);
        items.filter(|_| confirmed)
    }

    /// The customer completed the change. Returns it.
    pub(super) fn customer_acted(
        &mut self,
        by: Option<&Origin>,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Option<PendingChange> {
        let Self::Pending(pending) = core::mem::take(self) else { return None };
        if let Some(origin) = by {
            history.add(pending.seq, origin.clone());
        }
        if let Some(replaced) = &pending.replaces {
            replaced.give_up(history, cx);
        }
        cx.withdraw_notice(Notice::ActionRequired, pending.of.as_str());
        cx.withdraw_review(Review::ChangeUnconfirmed, pending.of.as_str());
        Some(pending)
    }
}
