//! Updates of the card and of the items: what their replies, a webhook or a person says of them.

use alloc::boxed::Box;

use super::Context;
use super::origin::Origin;
use super::state::{Change, PaymentToken, Pending, Word};
use crate::fact::Because;
use crate::flow::Watch;
use crate::id::EffectId;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::ids::ProvisionTokenRequestId;
use crate::providers::truemed::operations::UNCONFIRMED;
use crate::providers::truemed::replies::UpdateAnswered;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::wire::NextAction;
use crate::rule::{Level, RuleSet};

const CONFIRMED_OR_NOT: &[&str] = &["confirmed", "withdrawn"];
const OR_WAIT: &[&str] = &["confirmed", "withdrawn", "keep_waiting"];

impl PaymentToken {
    pub(super) fn change_of(&mut self, call: &Call) -> &mut Change {
        if call.is_of_items() { &mut self.items } else { &mut self.card }
    }

    /// The reply to an update: it asks the customer to act, or for nothing.
    pub(super) fn updated(
        &mut self,
        of: &EffectId,
        call: &Call,
        reply: UpdateAnswered,
        cx: &mut Context<'_>,
    ) -> Result<(), Because> {
        let Change::Updating { nth, items, replaces, .. } = core::mem::take(self.change_of(call)) else {
            return Err(Because::Unrelated);
        };
        let action = reply.next_action();
        if !call.is_of_items() {
            let asked = action == Some(NextAction::UpdatePaymentMethod) && reply.redirect_url.is_some();
            cx.check(Rule::UpdateCardAlwaysAction, asked).at("/next_action");
        }
        cx.check(Rule::UpdateRedirectWithAction, action.is_some() == reply.redirect_url.is_some()).at("/redirect_url");
        // A request that was told of before is not this one's: its webhook may be one that is told again.
        let is_new = |id: &ProvisionTokenRequestId| !self.closed.has(&Origin::Request(id.clone()));
        let origin = reply.provision_token_request_id.filter(is_new);
        let token = self.token.as_ref().map(|token| token.as_str());
        if let Some(id) = origin.as_ref().map(|id| id.as_str()).or(token) {
            cx.learn(id);
        }
        match action {
            Some(action) => {
                cx.notify("action_required", of.as_str(), reply.redirect_url.as_deref());
                let (watch, redirect_url) = (Watch::new(cx.now()), reply.redirect_url);
                let pending =
                    Pending { nth, of: of.clone(), origin, items, action, redirect_url, watch, replaces: None };
                pending.watch(cx);
                *self.change_of(call) = Change::Pending(pending);
            }
            None => {
                self.settled = self.settled.max(nth);
                self.confirmed = items.or(self.confirmed);
                if let Some(id) = origin {
                    self.closed.add(nth, Origin::Request(id));
                }
            }
        }
        if let Some(old) = replaces {
            self.give_up(&old, cx);
        }
        self.drop_stale_charge(cx);
        Ok(())
    }

    /// An update was accepted without a word about an action: that confirms nothing, unless the policy says so.
    pub(super) fn update_is_accepted(&mut self, call: &Call, cx: &mut Context<'_>) {
        let rule = Rule::UpdateEmptyReplyConfirms;
        cx.check(rule, false).at("/next_action");
        if cx.policy().level(rule.rule()) != Level::Warn {
            cx.ask_about(call.is_same_update());
        } else {
            cx.prove(call.is_same_update(), None);
            self.update_is_taken(call, None, cx);
        }
    }

    /// An update was taken, and nothing of the customer's is open: Truemed's webhook says so, or a person.
    pub(super) fn update_is_taken(&mut self, call: &Call, by: Option<(&Origin, Word<'_>)>, cx: &mut Context<'_>) {
        let Change::Updating { nth, items, replaces, .. } = core::mem::take(self.change_of(call)) else { return };
        match by {
            Some((origin, word)) => {
                self.take_token(nth, word, cx);
                self.closed.add(nth, origin.clone());
            }
            None => self.settled = self.settled.max(nth),
        }
        self.confirmed = items.or(self.confirmed);
        if let Some(old) = replaces {
            self.give_up(&old, cx);
        }
        self.drop_stale_charge(cx);
    }

    /// An update was not taken: what it was to take the place of is open again, and of an older one whose outcome is
    /// unknown a person is asked.
    pub(super) fn not_updated(&mut self, call: &Call, cx: &mut Context<'_>) {
        let change = self.change_of(call);
        let Change::Updating { replaces, doubt, .. } = core::mem::take(change) else { return };
        // The doubt is asked about at once, and what waits for the customer as before.
        let Some(pending) = doubt.or(replaces) else { return };
        pending.watch(cx);
        *change = Change::Pending(pending.clone());
        // Its webhook may have come meanwhile; where the reply named no id, it is found by the token.
        let token = self.token.as_ref().map(|token| token.as_str());
        if let Some(id) = pending.origin.as_ref().map(|id| id.as_str()).or(token) {
            cx.learn(id);
        }
    }

    /// What a person says of a change that waits for the customer.
    pub(super) fn change_is_judged(&mut self, of: &str, word: &str, cx: &mut Context<'_>) {
        for of_items in [true, false] {
            let change = if of_items { &mut self.items } else { &mut self.card };
            let Change::Pending(pending) = change else { continue };
            if pending.of.as_str() != of {
                continue;
            }
            if word == "keep_waiting" {
                pending.watch = Watch::new(cx.now());
                pending.watch(cx);
                continue;
            }
            let Change::Pending(pending) = core::mem::take(change) else { continue };
            if word == "confirmed" {
                self.confirmed = pending.items.or(self.confirmed);
            } else if let Some(before) = pending.replaces {
                before.watch(cx);
                *change = Change::Pending(*before);
            }
            if let Some(id) = pending.origin {
                self.closed.add(pending.nth, Origin::Request(id));
            }
            cx.withdraw_word("action_required", of);
        }
        self.drop_stale_charge(cx);
    }

    /// Closes a change that another has taken the place of, so that its late webhook confirms nothing.
    fn give_up(&mut self, old: &Pending, cx: &mut Context<'_>) {
        cx.withdraw_word("action_required", old.of.as_str());
        cx.withdraw_word(UNCONFIRMED, old.of.as_str());
        if let Some(id) = &old.origin {
            cx.learn(id.as_str());
            self.closed.add(old.nth, Origin::Request(id.clone()));
        }
    }

    /// The customer has done what a change of the card or of the items asked for.
    pub(super) fn changed(
        &mut self,
        origin: Option<&Origin>,
        word: Word<'_>,
        which: impl Fn(&Pending) -> bool,
        cx: &mut Context<'_>,
    ) {
        let oldest = self.pending().filter(|it| which(it)).map(|it| it.nth).min();
        let of_items = matches!(&self.items, Change::Pending(it) if Some(it.nth) == oldest);
        let change = if of_items { &mut self.items } else { &mut self.card };
        let Change::Pending(pending) = core::mem::take(change) else { return };
        self.take_token(pending.nth, word, cx);
        self.confirmed = pending.items.or(self.confirmed);
        self.drop_stale_charge(cx);
        if let Some(origin) = origin {
            self.closed.add(pending.nth, origin.clone());
        }
        cx.withdraw_word("action_required", pending.of.as_str());
        cx.withdraw_word(UNCONFIRMED, pending.of.as_str());
        // A survey cures what the survey is asked for, and a card what the card is.
        let cured = match &pending.action {
            NextAction::HealthSurvey => true,
            NextAction::UpdatePaymentMethod => false,
            NextAction::Unknown(_) => of_items,
        };
        if self.failure().is_some_and(|failed| failed.is_of_the_survey() == cured) {
            self.repaired(None, cx);
        }
    }

    /// The one update that was taken, has no rival, and is not sent again: an unknown request of Truemed's can only be its.
    /// Of one that is still sent again, the next reply tells.
    pub(super) fn sole_update(&self, cx: &Context<'_>) -> Option<Call> {
        let all = [(&self.items, Call::is_of_items as fn(&Call) -> bool), (&self.card, Call::is_of_card)];
        let mut open = all.into_iter().filter(|(change, _)| **change != Change::Settled);
        let (change, is_it) = open.next().filter(|_| open.next().is_none())?;
        let Change::Updating { doubt: None, replaces, .. } = change else { return None };
        let is_named = replaces.as_ref().is_none_or(|it| it.origin.is_some());
        let other = cx.sent(|call| matches!(call, Call::CreatePaymentToken(_)));
        let it = cx.owed(is_it).filter(|it| it.held && is_named && !other && !cx.in_hand(is_it))?;
        Some(it.call.clone())
    }
}

impl Pending {
    /// Has a person look once its schedule is over; at once where the customer cannot be sent on.
    fn watch(&self, cx: &mut Context<'_>) {
        let of = self.of.as_str();
        if self.action.as_str().is_empty() || self.redirect_url.is_none() {
            cx.review(UNCONFIRMED, of, CONFIRMED_OR_NOT);
        } else {
            cx.review_on_schedule(UNCONFIRMED, of, OR_WAIT, &self.watch);
        }
    }

    /// An update that was sent, and whose outcome is unknown when a newer one takes its place.
    pub(super) fn of_doubt(
        of: EffectId,
        (nth, items): (u32, Option<crate::id::Digest>),
        replaces: Option<Self>,
        cx: &Context<'_>,
    ) -> Self {
        let (action, watch) = (NextAction::Unknown(alloc::string::String::new()), Watch::new(cx.now()));
        let replaces = replaces.map(Box::new);
        Self { nth, of, origin: None, items, action, redirect_url: None, watch, replaces }
    }
}
