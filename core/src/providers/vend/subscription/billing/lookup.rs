//! Lookups of the subscription itself: what their replies show, and when the next lookup is due.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::Cx;
use super::super::account::Account;
use super::{Billing, BillingState, QUIET, SHOWN_AFTER};
use crate::flow::PollTimer;
use crate::providers::vend::api::calls::Call;
use crate::providers::vend::api::partner::{PartnerSubscription, Phase, State, SubscriptionInfo, SubscriptionsReply};
use crate::providers::vend::api::plan::Plan;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::Review;
use crate::providers::vend::rules::Rule;
use crate::time::{Millis, Timestamp};

/// How often a subscription is looked up whose state is decided, if the config has no lookups while it waits.
pub(super) const A_WEEK: Millis = Millis::from_hours(168);

/// The owner of an entry in the list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Ours,
    Others,
    Unknown,
}

impl Owner {
    /// Returns `Unknown` if our application or the application of the entry is unknown.
    fn of(ours: Option<&str>, named: Option<&String>) -> Self {
        match (ours, named) {
            (Some(ours), Some(named)) if ours.eq_ignore_ascii_case(named) => Self::Ours,
            (Some(_), Some(_)) => Self::Others,
            _ => Self::Unknown,
        }
    }
}

impl Billing {
    /// The lookup that shows the state.
    pub(in super::super) fn lookup(&self) -> Call {
        let known = self.id.clone().filter(|_| !self.in_doubt);
        known.map_or(Call::ListSubscriptions, Call::RetrieveSubscription)
    }

    /// A lookup shows one subscription. Returns the state that it shows.
    pub(in super::super) fn on_lookup(
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
        let shown = infos.filter(|it| it.id == *id).find_map(|it| Some((it, it.state.as_ref()?)));
        let is_known = self.id.as_ref() == Some(id);
        match shown {
            None => self.on_not_shown(id, cx),
            Some(_) if is_known && self.in_doubt => {}
            // Another subscription replaces the known one only if the known one is not live and the other may be.
            Some((info, state)) if is_known || (self.may_become(state) && !self.is_older(id)) => {
                account.learn(None, reply.application_id.as_ref());
                self.learn(id, cx);
                return self.apply_state(state.clone(), info, cx);
            }
            Some(_) => {}
        }
        None
    }

    /// Vend does not know the subscription of a lookup.
    pub(in super::super) fn on_not_found(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        if !self.is_stale(cx) {
            self.on_not_shown(id, cx);
        }
    }

    /// Whether the lookup was leased before the newest evidence.
    fn is_stale(&self, cx: &Cx<'_>) -> bool {
        self.fresh_from.is_some_and(|from| cx.leased_at() < from)
    }

    fn may_become(&self, state: &State) -> bool {
        match self.state {
            BillingState::Absent => true,
            BillingState::Live => false,
            // Another subscription may be live.
            BillingState::Canceled | BillingState::Unclear => state.phase() != Phase::Ended,
        }
    }

    /// A lookup shows all subscriptions of the retailer. Only those of our own application are ours. Returns the state
    /// that the list shows.
    pub(in super::super) fn on_list(
        &mut self,
        list: &SubscriptionsReply,
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
            // It is unknown which one is ours, or which of several an update would change.
            ([_, ..], ..) | (_, [_, _, ..], _) => self.ask_which(account, cx),
            _ if is_unknown(Phase::Live) || is_unknown(Phase::Undecided) => self.ask_which(account, cx),
            ([], [one], _) => return self.adopt(one, account, cx),
            // A consent that names no subscription did not create one that has ended.
            _ if !list.is_whole || self.before_nameless.is_some() => self.wait_for_list(account, cx),
            ([], [], [one]) => return self.adopt(one, account, cx),
            ([], [], [_, ..]) => return self.all_ended(cx),
            ([], [], []) => self.none_listed(account, cx),
        }
        None
    }

    /// The application of the known subscription, as the list shows it.
    fn application_in<'a>(&self, list: &'a SubscriptionsReply) -> Option<&'a str> {
        let id = self.id.as_ref()?;
        let has_id = |it: &&PartnerSubscription| it.partner_subscription_info.iter().any(|info| info.id == *id);
        list.partners.iter().find(has_id)?.application_id.as_deref()
    }

    fn adopt(&mut self, info: &SubscriptionInfo, account: &Account, cx: &mut Cx<'_>) -> Option<BillingState> {
        if self.is_older(&info.id) {
            self.wait_for_list(account, cx);
            return None;
        }
        let state = info.state.as_ref()?;
        self.learn(&info.id, cx);
        self.apply_state(state.clone(), info, cx)
    }

    /// There are several subscriptions, and none of them is live.
    fn all_ended(&mut self, cx: &mut Cx<'_>) -> Option<BillingState> {
        self.close_questions(cx);
        self.attested = false;
        self.enter(BillingState::Canceled, cx)
    }

    /// A complete list shows no subscription of ours.
    fn none_listed(&mut self, account: &Account, cx: &mut Cx<'_>) {
        match (self.state, self.id.clone()) {
            (BillingState::Unclear, Some(id)) => {
                self.close_questions(cx);
                (self.provider_state, self.meaning) = (None, None);
                self.on_not_shown(&id, cx);
            }
            (BillingState::Unclear, None) => self.wait_for_list(account, cx),
            _ => {}
        }
    }

    /// A lookup shows the state of the known subscription.
    fn apply_state(&mut self, state: State, info: &SubscriptionInfo, cx: &mut Cx<'_>) -> Option<BillingState> {
        let id = self.id.clone()?;
        let is_same = self.provider_state.as_ref() == Some(&state);
        let meaning = self.meaning.filter(|_| is_same);
        let timer = self.timer.take().filter(|_| is_same);
        self.close_questions(cx);
        self.fresh_from = self.fresh_from.max(Some(cx.leased_at()));
        (self.meaning, self.attested) = (meaning, meaning.is_some());
        match self.quiet_until {
            // A lookup within the first half hour does not replace the one after it.
            Some(until) if until.is_over(cx.leased_at()) => self.quiet_until = None,
            Some(until) => cx.look_up_from(Call::RetrieveSubscription(id.clone()), until),
            None => {}
        }
        let entered = self.enter(meaning.unwrap_or(BillingState::of(state.phase())), cx);
        if meaning.is_none() && !state.is_plain() {
            cx.check(Rule::StateOpenSet, false).because(|| format!("It is `{}`.", state.as_str()));
            cx.ask_as(&format!("{}/{}", id.as_str(), state.as_str()), Review::State, &id);
            self.timer = timer;
            self.plan_next_lookup(cx);
        }
        self.provider_state = Some(state);
        self.plan = Some(info.plan.clone()).filter(|plan| *plan != Plan::default());
        entered
    }

    /// The list does not show which subscription is ours. A person is asked, and the lookups continue.
    fn ask_which(&mut self, account: &Account, cx: &mut Cx<'_>) {
        self.forget_id(cx);
        self.in_doubt = true;
        cx.withdraw_all_about(&[Review::State, Review::NotShown].map(Review::as_str), |_| true);
        self.enter(BillingState::Unclear, cx);
        cx.ask(Review::Ours, account.domain_id());
        self.plan_next_lookup(cx);
    }

    /// The list does not show a subscription that may exist. The lookups continue, and in the end a person is asked.
    fn wait_for_list(&mut self, account: &Account, cx: &mut Cx<'_>) {
        if self.state == BillingState::Absent || self.timer.is_none() {
            self.in_doubt = true;
            self.enter(BillingState::Unclear, cx);
            let timer = self.timer.insert(PollTimer::new(cx.now()));
            cx.ask_on_schedule(Review::Ours, account.domain_id(), timer);
        }
        self.plan_next_lookup(cx);
    }

    /// A lookup does not show a subscription. A person says what became of it, and the lookups of a known one continue.
    fn on_not_shown(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        let is_known = self.id.as_ref() == Some(id);
        let is_new = is_known && self.provider_state.is_none() && self.cancellations.is_empty();
        let is_own = |until: &Timestamp| (until.before(QUIET).after(SHOWN_AFTER)..*until).contains(&cx.leased_at());
        if let Some(until) = self.quiet_until.filter(|until| is_new && is_own(until)) {
            // Vend need not show a subscription that has just begun. An earlier lookup is one that the host wants.
            return cx.look_up_from(Call::RetrieveSubscription(id.clone()), until);
        }
        match self.state {
            _ if (is_known && self.in_doubt) || self.is_older(id) => return,
            BillingState::Live if !is_known || self.is_live_unshown() => return,
            BillingState::Canceled if is_known => return,
            _ => cx.ask(Review::NotShown, id),
        }
        if is_known {
            self.plan_next_lookup(cx);
        }
    }

    /// Whether a person has called the subscription live although no lookup shows it. The next lookups need not show it.
    fn is_live_unshown(&self) -> bool {
        self.provider_state.is_none() && self.meaning == Some(BillingState::Live)
    }

    /// Schedules the next lookup of the open state.
    fn plan_next_lookup(&mut self, cx: &mut Cx<'_>) {
        let timer = self.timer.get_or_insert(PollTimer::new(cx.now()));
        timer.looked(cx.leased_at());
        if let Some(next) = timer.next(&cx.config().lookups) {
            cx.look_up_from(self.lookup(), next);
        }
    }

    /// Plans a lookup of a subscription whose state is decided, unless one is planned already. A webhook may be lost, and
    /// Vend's support can make a canceled subscription live again. What never was, or is over by its term, stays so.
    pub(in super::super) fn keep_watch(&self, cx: &mut Cx<'_>) {
        let is_final = matches!(self.provider_state, Some(State::Expired | State::TrialEnded | State::FailedToCreate));
        let is_watched = match self.state {
            BillingState::Live => true,
            BillingState::Canceled => !is_final,
            BillingState::Absent | BillingState::Unclear => false,
        };
        if !is_watched || self.in_doubt {
            return;
        }
        // Only the list shows several that have ended. Each of them can become live again.
        let call = self.lookup();
        if cx.pending(|it| *it == call).is_none() {
            let rest = cx.config().lookups.while_waiting_ms.last().copied().unwrap_or(A_WEEK);
            cx.look_up_from(call, cx.leased_at().after(rest));
        }
    }

    /// A person gave up a lookup, or does not know the answer yet. The wait starts again.
    pub(in super::super) fn restart_wait(&mut self, account: &Account, cx: &mut Cx<'_>) {
        if self.state != BillingState::Unclear {
            return;
        }
        let timer = &*self.timer.insert(PollTimer::new(cx.now()));
        match &self.id {
            // The review about the meaning of the state stays open.
            Some(_) if self.provider_state.is_some() && !self.in_doubt => {}
            Some(id) if !self.in_doubt => {
                cx.poll_then_ask(Call::RetrieveSubscription(id.clone()), timer, Review::NotShown, id);
            }
            _ => cx.poll_then_ask(Call::ListSubscriptions, timer, Review::Ours, account.domain_id()),
        }
    }
}

/// The entries of one owner that are in a phase, each once.
fn entries(list: &SubscriptionsReply, application: Option<&str>, owner: Owner, phase: Phase) -> Vec<SubscriptionInfo> {
    let is_owners = |it: &&PartnerSubscription| Owner::of(application, it.application_id.as_ref()) == owner;
    let infos = list.partners.iter().filter(is_owners).flat_map(|it| &it.partner_subscription_info);
    let is_in_phase = |info: &&SubscriptionInfo| info.state.as_ref().map_or(Phase::Undecided, State::phase) == phase;
    let mut found: Vec<_> = infos.filter(is_in_phase).cloned().collect();
    found.sort_by(|left, right| left.id.as_str().cmp(right.id.as_str()));
    found.dedup_by(|left, right| left.id == right.id);
    found
}
