//! The facets `items` and `card`: a change of either, from its request to the customer's confirmation. They never differ but in
//! what is changed.

mod pending;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::history::{History, Origin};
use crate::fact::IgnoredReason;
use crate::flow::{PollTimer, named};
use crate::id::{Digest, EffectId};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::replies::UpdateTokenReply;
use crate::providers::truemed::api::webhook::NextAction;
use crate::providers::truemed::ids::{ProvisionTokenRequestId, Token};
use crate::providers::truemed::names::{Notice, Review, Verdict};
use crate::providers::truemed::rules::Rule;
pub(super) use pending::PendingChange;

named! {
    /// Where a change of the items stands.
    pub enum ItemsState {
        /// No change of the items is open.
        Settled = "settled",
        /// A change of the items is asked for.
        Updating = "updating",
        /// The customer must act before the items change.
        Pending = "pending",
    }
}

named! {
    /// Where a change of the card stands.
    pub enum CardState {
        /// No change of the card is open.
        Settled = "settled",
        /// A change of the card is asked for.
        Updating = "updating",
        /// The customer must act before the card changes.
        Pending = "pending",
    }
}

/// A change of the card or of the items.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenChange"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Change {
    /// Nothing is open.
    #[default]
    Settled,
    /// An update is asked for, and takes the place of one that was open.
    Updating {
        /// Its place in the order of our requests.
        seq: u32,
        /// The fingerprint of its items, if it is about items.
        items: Option<Digest>,
        /// The change that is open until the reply says that this one takes its place.
        replaces: Option<PendingChange>,
        /// An older update whose outcome is unknown: this one settles it once it is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        doubt: Option<PendingChange>,
    },
    /// The customer must act.
    Pending(PendingChange),
}

/// An update that was made: its place in the order of our requests, and the fingerprint of its items.
pub(super) struct MadeUpdate {
    pub(super) seq: u32,
    pub(super) items: Option<Digest>,
}

impl From<&Change> for ItemsState {
    fn from(change: &Change) -> Self {
        match change {
            Change::Settled => Self::Settled,
            Change::Updating { .. } => Self::Updating,
            Change::Pending(_) => Self::Pending,
        }
    }
}

impl From<&Change> for CardState {
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

    /// The change that the customer must still make good.
    pub(super) const fn pending(&self) -> Option<&PendingChange> {
        match self {
            Self::Pending(pending) => Some(pending),
            Self::Settled | Self::Updating { .. } => None,
        }
    }

    /// The change that an update which is not answered yet takes the place of.
    pub(super) fn replaced(&self) -> Option<&PendingChange> {
        match self {
            Self::Updating { replaces, doubt, .. } => replaces.as_ref().or(doubt.as_ref()),
            Self::Settled | Self::Pending(_) => None,
        }
    }

    /// The place of the update that is asked for, in the order of our requests.
    pub(super) const fn requested_seq(&self) -> Option<u32> {
        match self {
            Self::Updating { seq, .. } => Some(*seq),
            Self::Settled | Self::Pending(_) => None,
        }
    }

    /// The fingerprint of the items that are asked for, or that wait for the customer.
    pub(super) const fn wanted(&self) -> Option<Digest> {
        match self {
            Self::Updating { items, .. } => *items,
            Self::Pending(pending) => pending.items,
            Self::Settled => None,
        }
    }

    /// Whether an update is asked for to these items, or of the card.
    pub(super) fn is_to(&self, wanted: Option<Digest>) -> bool {
        matches!(self, Self::Updating { items, .. } if *items == wanted)
    }

    /// Whether the update that is asked for is the only thing that is open: nothing nameless, and nothing unknown before it.
    pub(super) fn is_sole(&self) -> bool {
        let Self::Updating { doubt: None, replaces, .. } = self else { return false };
        replaces.as_ref().is_none_or(|replaced| replaced.origin.is_some())
    }

    /// Another update is asked for, which `own` calls make: it takes the place of what is open.
    pub(super) fn request(&mut self, seq: u32, items: Option<Digest>, own: fn(&Call) -> bool, cx: &mut Cx<'_>) {
        let (replaces, doubt) = match core::mem::take(self) {
            Self::Settled => (None, None),
            Self::Pending(pending) => {
                // Nobody is asked about it until it turns out whether the newer one takes its place.
                cx.withdraw_review(Review::ChangeUnconfirmed, pending.of.as_str());
                (Some(pending), None)
            }
            Self::Updating { seq, items, replaces, doubt } => {
                // Nobody has it in hand: the newer wish takes its place, and settles it once it is done.
                let sent = cx.pending(own).filter(|it| it.sent).map(|it| it.id.clone());
                cx.withdraw(own);
                match sent {
                    Some(of) => (None, Some(PendingChange::of_doubt(of, MadeUpdate { seq, items }, replaces, cx))),
                    None => (replaces, doubt),
                }
            }
        };
        *self = Self::Updating { seq, items, replaces, doubt };
    }

    /// The reply to an update asks the customer to act, or for nothing: then it is made. `token` is the known one.
    pub(super) fn on_reply(
        &mut self,
        (of, call): (&EffectId, &Call),
        reply: UpdateTokenReply,
        token: Option<&Token>,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Result<Option<MadeUpdate>, IgnoredReason> {
        let Self::Updating { seq, items, replaces, .. } = core::mem::take(self) else {
            return Err(IgnoredReason::Unrelated);
        };
        let action = reply.next_action();
        if !call.is_of_items() {
            let requested = action == Some(NextAction::UpdatePaymentMethod) && reply.redirect_url.is_some();
            cx.check(Rule::UpdateCardAlwaysAction, requested).at("/next_action");
        }
        cx.check(Rule::UpdateRedirectWithAction, action.is_some() == reply.redirect_url.is_some()).at("/redirect_url");
        // A request that was told of before is not this one's: its webhook may be one that is told again.
        let is_new = |id: &ProvisionTokenRequestId| !history.has(&Origin::Request(id.clone()));
        let origin = reply.provision_token_request_id.filter(is_new);
        if let Some(id) = origin.as_ref().map(|id| id.as_str()).or(token.map(Token::as_str)) {
            cx.learn(id);
        }
        let made = match action {
            Some(action) => {
                cx.notify(Notice::ActionRequired, of.as_str(), reply.redirect_url.as_deref());
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
        if let Some(replaced) = replaces {
            replaced.give_up(history, cx);
        }
        Ok(made)
    }

    /// The update was made, and nothing of the customer's is open: Truemed's webhook says so, or a person. The items that it
    /// is to.
    pub(super) fn confirm(&mut self, by: Option<&Origin>, history: &mut History, cx: &mut Cx<'_>) -> Option<Digest> {
        let Self::Updating { seq, items, replaces, .. } = core::mem::take(self) else { return None };
        if let Some(origin) = by {
            history.add(seq, origin.clone());
        }
        if let Some(replaced) = replaces {
            replaced.give_up(history, cx);
        }
        items
    }

    /// The update was not made: what it was to take the place of is open again, and of an older one whose outcome is unknown a
    /// person is asked.
    pub(super) fn drop_update(&mut self, token: Option<&Token>, cx: &mut Cx<'_>) {
        let Self::Updating { replaces, doubt, .. } = core::mem::take(self) else { return };
        // The doubt is asked about at once, and what waits for the customer as before.
        let Some(pending) = doubt.or(replaces) else { return };
        pending.schedule(cx);
        // Its webhook may have come meanwhile; where the reply named no id, it is found by the token.
        if let Some(id) = pending.origin.as_ref().map(|id| id.as_str()).or(token.map(Token::as_str)) {
            cx.learn(id);
        }
        *self = Self::Pending(pending);
    }

    /// What a person says of a change that waits for the customer: the items, where it is confirmed.
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
        if let Some(before) = replaces.filter(|_| !confirmed) {
            before.schedule(cx);
            *self = Self::Pending(*before);
        }
        if let Some(id) = origin {
            history.add(seq, Origin::Request(id));
        }
        cx.withdraw_notice(Notice::ActionRequired, about);
        items.filter(|_| confirmed)
    }

    /// The customer has made good what is pending: what that was.
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
        cx.withdraw_notice(Notice::ActionRequired, pending.of.as_str());
        cx.withdraw_review(Review::ChangeUnconfirmed, pending.of.as_str());
        Some(pending)
    }
}
