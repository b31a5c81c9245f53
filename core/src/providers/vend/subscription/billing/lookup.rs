//! Lookups of the subscription itself: what their replies show, and when the next one is.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::Cx;
use super::super::account::Account;
use super::{Billing, BillingState};
use crate::flow::PollTimer;
use crate::providers::vend::api::calls::Call;
use crate::providers::vend::api::partner::{Listed, PartnerSubscription, Phase, State, SubscriptionInfo};
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::Review;
use crate::providers::vend::rules::Rule;

/// Whose an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Ours,
    Others,
    Unknown,
}

impl Owner {
    /// Without our own application, or without the entry's, it is not known.
    fn of(ours: Option<&str>, named: Option<&String>) -> Self {
        match (ours, named) {
            (Some(ours), Some(named)) if ours.eq_ignore_ascii_case(named) => Self::Ours,
            (Some(_), Some(_)) => Self::Others,
            _ => Self::Unknown,
        }
    }
}

impl Billing {
    /// The lookup that shows its state.
    pub(in super::super) fn lookup(&self) -> Call {
        let known = self.id.clone().filter(|_| !self.in_doubt);
        known.map_or(Call::ListSubscriptions, Call::RetrieveSubscription)
    }

    /// The reply about one subscription. Says the state that it shows.
    pub(in super::super) fn shown(
        &mut self,
        id: &SubscriptionId,
        reply: &PartnerSubscription,
        account: &mut Account,
        cx: &mut Cx<'_>,
    ) -> Option<BillingState> {
        if self.is_stale(cx) {
            return None;
        }
        let owner = Owner::of(account.application(cx.settings()), reply.application_id.as_ref());
        let infos = reply.partner_subscription_info.iter().filter(|_| owner != Owner::Others);
        let state = infos.filter(|it| it.id == *id).find_map(|it| it.state.as_ref());
        let is_known = self.id.as_ref() == Some(id);
        match state {
            None => self.not_shown(id, cx),
            Some(_) if is_known && self.in_doubt => {}
            // Another than the known one is taken only while that one is not live, and if it may be live itself.
            Some(state) if is_known || (self.may_become(state) && !self.is_older(id)) => {
                account.learn(None, reply.application_id.as_ref());
                self.learn(id, cx);
                return self.see(state.clone(), cx);
            }
            Some(_) => {}
        }
        None
    }

    /// Vend does not know the subscription of a lookup.
    pub(in super::super) fn not_found(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        if !self.is_stale(cx) {
            self.not_shown(id, cx);
        }
    }

    /// Whether the reply is to a lookup that was begun before what is known.
    fn is_stale(&self, cx: &Cx<'_>) -> bool {
        self.fresh_from.is_some_and(|from| cx.leased_at() < from)
    }

    fn may_become(&self, state: &State) -> bool {
        match self.state {
            BillingState::Absent => true,
            BillingState::Live => false,
            // There may be another one that is live.
            BillingState::Canceled | BillingState::Unclear => state.phase() != Phase::Ended,
        }
    }

    /// The reply about all of the retailer's subscriptions: only those of our own application are ours. Says the state that
    /// it shows.
    pub(in super::super) fn listed(
        &mut self,
        list: &Listed,
        account: &Account,
        cx: &mut Cx<'_>,
    ) -> Option<BillingState> {
        if self.is_live() || self.is_stale(cx) {
            return None;
        }
        let application = account.application(cx.settings()).or_else(|| self.application_in(list));
        let ours = |phase| entries(list, application, Owner::Ours, phase);
        let is_unknown = |phase| !entries(list, application, Owner::Unknown, phase).is_empty();
        let (live, undecided, ended) = (ours(Phase::Live), ours(Phase::Undecided), ours(Phase::Ended));
        match (live.as_slice(), undecided.as_slice(), ended.as_slice()) {
            ([one], ..) => return self.adopt(one, account, cx),
            // Which one is ours, or which of several an update would hit, nobody knows.
            ([_, ..], ..) | (_, [_, _, ..], _) => self.ask(account, cx),
            _ if is_unknown(Phase::Live) || is_unknown(Phase::Undecided) => self.ask(account, cx),
            ([], [one], _) => return self.adopt(one, account, cx),
            // What has ended is not what a consent has made that names none.
            _ if !list.is_whole || self.before_nameless.is_some() => self.wait_for_list(account, cx),
            ([], [], [one]) => return self.adopt(one, account, cx),
            ([], [], [_, ..]) => return self.all_ended(cx),
            ([], [], []) => self.none_listed(account, cx),
        }
        None
    }

    /// The application to which a list says that the known subscription belongs.
    fn application_in<'a>(&self, list: &'a Listed) -> Option<&'a str> {
        let id = self.id.as_ref()?;
        let has_it = |it: &&PartnerSubscription| it.partner_subscription_info.iter().any(|info| info.id == *id);
        list.partners.iter().find(has_it)?.application_id.as_deref()
    }

    fn adopt(&mut self, info: &SubscriptionInfo, account: &Account, cx: &mut Cx<'_>) -> Option<BillingState> {
        if self.is_older(&info.id) {
            self.wait_for_list(account, cx);
            return None;
        }
        let state = info.state.as_ref()?;
        self.learn(&info.id, cx);
        self.see(state.clone(), cx)
    }

    /// Of several, none is live.
    fn all_ended(&mut self, cx: &mut Cx<'_>) -> Option<BillingState> {
        self.decide(cx);
        self.attested = false;
        self.enter(BillingState::Canceled, cx)
    }

    /// A whole list shows none of ours.
    fn none_listed(&mut self, account: &Account, cx: &mut Cx<'_>) {
        match (self.state, self.id.clone()) {
            (BillingState::Unclear, Some(id)) => {
                self.decide(cx);
                (self.provider_state, self.meaning) = (None, None);
                self.not_shown(&id, cx);
            }
            (BillingState::Unclear, None) => self.wait_for_list(account, cx),
            _ => {}
        }
    }

    /// A lookup shows the state of the known subscription.
    fn see(&mut self, state: State, cx: &mut Cx<'_>) -> Option<BillingState> {
        let id = self.id.clone()?;
        let is_same = self.provider_state.as_ref() == Some(&state);
        let meaning = self.meaning.filter(|_| is_same);
        let watch = self.watch.take().filter(|_| is_same);
        self.decide(cx);
        self.fresh_from = self.fresh_from.max(Some(cx.leased_at()));
        (self.meaning, self.attested) = (meaning, meaning.is_some());
        match self.quiet_until {
            // A lookup that was sent within the first half hour does not stand in for the one after it.
            Some(until) if until.is_over(cx.leased_at()) => self.quiet_until = None,
            Some(until) => cx.look_up_from(Call::RetrieveSubscription(id.clone()), until),
            None => {}
        }
        let entered = self.enter(meaning.unwrap_or(BillingState::of(state.phase())), cx);
        if meaning.is_none() && !state.is_plain() {
            cx.check(Rule::StateOpenSet, false).because(|| format!("It is `{}`.", state.as_str()));
            cx.ask(Review::State, &format!("{}/{}", id.as_str(), state.as_str()));
            self.watch = watch;
            self.look_on(cx);
        }
        self.provider_state = Some(state);
        entered
    }

    /// A list leaves open which one is ours: a person is asked, and it is looked up on.
    fn ask(&mut self, account: &Account, cx: &mut Cx<'_>) {
        self.lose(cx);
        self.in_doubt = true;
        cx.withdraw_all_about(&[Review::State, Review::NotShown].map(Review::as_str), |_| true);
        self.enter(BillingState::Unclear, cx);
        cx.ask(Review::Ours, account.domain());
        self.look_on(cx);
    }

    /// A list does not show a subscription that there may be: it is looked up on, and a person is asked in the end.
    fn wait_for_list(&mut self, account: &Account, cx: &mut Cx<'_>) {
        if self.state == BillingState::Absent || self.watch.is_none() {
            self.in_doubt = true;
            self.enter(BillingState::Unclear, cx);
            let watch = self.watch.insert(PollTimer::new(cx.now()));
            cx.ask_on_schedule(Review::Ours, account.domain(), watch);
        }
        self.look_on(cx);
    }

    /// A lookup does not show a subscription: a person says what became of it, and the known one is looked up on.
    fn not_shown(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        let is_known = self.id.as_ref() == Some(id);
        match self.state {
            _ if (is_known && self.in_doubt) || self.is_older(id) => return,
            BillingState::Live if !is_known => return,
            BillingState::Canceled if is_known => return,
            _ => cx.ask(Review::NotShown, id.as_str()),
        }
        if is_known {
            self.look_on(cx);
        }
    }

    /// Plans the next lookup for what is open.
    fn look_on(&mut self, cx: &mut Cx<'_>) {
        let watch = self.watch.get_or_insert(PollTimer::new(cx.now()));
        watch.looked(cx.leased_at());
        if let Some(due) = watch.next(&cx.config().lookups) {
            cx.look_up_from(self.lookup(), due);
        }
    }

    /// A person gave a lookup up, or answers that nothing is known yet: what is open is waited for anew.
    pub(in super::super) fn wait_on(&mut self, account: &Account, cx: &mut Cx<'_>) {
        if self.state != BillingState::Unclear {
            return;
        }
        let watch = &*self.watch.insert(PollTimer::new(cx.now()));
        match &self.id {
            // The question what its state means stays.
            Some(_) if self.provider_state.is_some() && !self.in_doubt => {}
            Some(id) if !self.in_doubt => {
                cx.poll_then_ask(Call::RetrieveSubscription(id.clone()), watch, Review::NotShown, id.as_str());
            }
            _ => cx.poll_then_ask(Call::ListSubscriptions, watch, Review::Ours, account.domain()),
        }
    }
}

/// The entries of one owner's in a list that stand so, each once.
fn entries(list: &Listed, application: Option<&str>, owner: Owner, phase: Phase) -> Vec<SubscriptionInfo> {
    let is_owners = |it: &&PartnerSubscription| Owner::of(application, it.application_id.as_ref()) == owner;
    let infos = list.partners.iter().filter(is_owners).flat_map(|it| &it.partner_subscription_info);
    let stands = |info: &&SubscriptionInfo| info.state.as_ref().map_or(Phase::Undecided, State::phase) == phase;
    let mut found: Vec<_> = infos.filter(stands).cloned().collect();
    found.sort_by(|this, that| this.id.as_str().cmp(that.id.as_str()));
    found.dedup_by(|this, that| this.id == that.id);
    found
}
