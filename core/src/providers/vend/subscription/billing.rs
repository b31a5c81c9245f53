//! The facet `subscription`: whether Vend bills the retailer, as lookups show and persons say.

mod lookup;
mod news;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::consent::Consented;
use super::{Cx, Rules, remember};
use crate::fact::IgnoredReason;
use crate::flow::{PollTimer, Stop, states};
use crate::providers::vend::api::calls::{Call, Kind};
use crate::providers::vend::api::partner::{Phase, State};
use crate::providers::vend::api::webhook::Cancellation;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::{Review, Verdict};
use crate::providers::vend::rules::Rule;
use crate::time::{Millis, Timestamp};
use news::{leave_kept, withdraw_news};

/// How long a new subscription's cancellation may go without a webhook.
const QUIET: Millis = Millis::from_minutes(30);

/// How many cancellations, and how many older subscriptions, are remembered.
const REMEMBERED: usize = 8;

states! {
    /// Whether Vend bills the retailer.
    pub enum BillingState ("VendSubscriptionBillingState") {
        /// No subscription is known.
        #[default]
        Absent = "absent",
        /// The subscription is live.
        Live = "live",
        /// The subscription has ended: the retailer has canceled it, or its term is over.
        Canceled = "canceled",
        /// The state of the subscription is not known, or which of several it is.
        Unclear = "unclear",
    }
}

/// The subscription, as far as it is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionBilling"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Billing {
    /// Where it is.
    state: BillingState,
    /// Its id, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<SubscriptionId>,
    /// Vend's own word for its state, as the last lookup showed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_state: Option<State>,
    /// What a person said that this word means.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<BillingState>,
    /// Whether a person said so, and no evidence.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    attested: bool,
    /// The end of the first half hour, until it has been looked up after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet_until: Option<Timestamp>,
    /// The seconds of the last cancellations that webhooks named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cancellations: Vec<i64>,
    /// The reply to a lookup that was begun before says nothing: a later one has told, or something has happened since.
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_from: Option<Timestamp>,
    /// Whether it is open which subscription it is: only the list decides, or a person.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    in_doubt: bool,
    /// What was known before a consent was used that names no subscription, until it is decided which one it has made.
    #[serde(skip_serializing_if = "Option::is_none")]
    before_nameless: Option<Vec<SubscriptionId>>,
    /// The wait for what decides where it is, while that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    watch: Option<PollTimer>,
    /// The last news of it, live or canceled, that the host knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<BillingState>,
    /// How often the host was told that it ended or is live again.
    #[serde(skip_serializing_if = "is_zero")]
    news: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl BillingState {
    const fn of(phase: Phase) -> Self {
        match phase {
            Phase::Live => Self::Live,
            Phase::Ended => Self::Canceled,
            Phase::Undecided => Self::Unclear,
        }
    }
}

impl Billing {
    pub(super) const fn state(&self) -> BillingState {
        self.state
    }

    pub(super) const fn id(&self) -> Option<&SubscriptionId> {
        self.id.as_ref()
    }

    pub(super) const fn provider_state(&self) -> Option<&State> {
        self.provider_state.as_ref()
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == BillingState::Live
    }

    pub(super) fn is_canceled(&self) -> bool {
        self.state == BillingState::Canceled
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        match self.state {
            BillingState::Live if self.id.is_none() => Some("a live subscription has an id"),
            BillingState::Absent if self.id.is_some() => Some("an absent subscription has no id"),
            _ if self.before_nameless.is_some() && !self.in_doubt => {
                Some("what a consent made is in doubt until it is known")
            }
            _ => None,
        }
    }

    /// Whether a lookup that is pending may still name the subscription.
    pub(super) fn is_learning(&self, rules: &Rules<'_>) -> bool {
        let lookup = |call: &Call| matches!(call, Call::RetrieveSubscription(_) | Call::ListSubscriptions);
        self.id.is_none() && rules.pending(lookup).is_some()
    }

    /// A webhook says that the retailer has canceled. Anyone may have sent it: it only makes the lookup owed.
    pub(super) fn told_canceled(
        &mut self,
        webhook: Cancellation,
        account: &Account,
        cx: &mut Cx<'_>,
    ) -> Result<(), Stop> {
        let is_ours = account.is_of(webhook.retailer_id.as_deref()) && account.is_on(webhook.domain_prefix.as_deref());
        cx.check(Rule::CancelRetailerMatch, is_ours).at("/retailer_id");
        if !is_ours {
            return Err(IgnoredReason::Unrelated.into());
        }
        if let Some(second) = webhook.cancelled_at {
            let is_known = self.cancellations.contains(&second);
            // While it is live, the same second is looked up again: anyone may have named it beforehand.
            if self.is_canceled() && is_known {
                return Err(IgnoredReason::Duplicate.into());
            }
            if !is_known {
                remember(&mut self.cancellations, second, REMEMBERED);
            }
        }
        cx.look_up(Call::RetrieveSubscription(webhook.subscription_id));
        Ok(())
    }

    /// The retailer has consented to a change, as a lookup of its token shows or a person says.
    pub(super) fn consented(&mut self, consented: Consented, account: &Account, cx: &mut Cx<'_>) {
        let (before, attested) = (self.state, consented.attested);
        self.follow(consented, account, cx);
        self.attested |= attested && self.state != before;
    }

    fn follow(&mut self, consented: Consented, account: &Account, cx: &mut Cx<'_>) {
        let Consented { kind, of, subscription, is_late, .. } = consented;
        if is_late {
            // The known one began after it: the list tells whether both are live.
            return self.doubt(account, cx);
        }
        match (&self.id, subscription) {
            (Some(known), Some(id)) if *known != id => self.second(kind, id, account, cx),
            (None, Some(id)) if self.state == BillingState::Unclear => self.second(kind, id, account, cx),
            (None, Some(id)) => self.begin(id, kind, cx),
            (_, None) if kind == Kind::Create => {
                self.note_nameless();
                self.nameless(account, cx);
            }
            (Some(id), _) if !self.is_live() => cx.look_up(Call::RetrieveSubscription(id.clone())),
            (None, None) => self.nameless(account, cx),
            (Some(_), _) => {}
        }
        if self.is_canceled() {
            // The next lookup tells whether it is live again.
            cx.withhold(|delivery| delivery == of.as_str());
            if self.news == 0 {
                // Nobody was told of the end: it is news to whoever waits for what this consent has made.
                self.told = Some(BillingState::Live);
            }
        }
    }

    /// A used token shows a subscription where none was known.
    fn begin(&mut self, id: SubscriptionId, kind: Kind, cx: &mut Cx<'_>) {
        self.decide(cx);
        if let Some(before) = &self.id {
            withdraw_news(before, cx);
        }
        cx.learn(id.as_str());
        if kind == Kind::Create {
            let until = cx.now().after(QUIET);
            cx.look_up_from(Call::RetrieveSubscription(id.clone()), until);
            self.quiet_until = Some(until);
        }
        self.id = Some(id);
        (self.provider_state, self.meaning, self.news) = (None, None, 0);
        (self.state, self.told) = (BillingState::Live, Some(BillingState::Live));
        self.fresh_from = Some(cx.now());
        cx.release_withheld();
    }

    /// A used token shows another subscription than the known one: a new one after a cancellation, or a second one, and
    /// which of them an update would hit is not known.
    fn second(&mut self, kind: Kind, id: SubscriptionId, account: &Account, cx: &mut Cx<'_>) {
        match (kind, self.state) {
            (Kind::Create, BillingState::Canceled) => self.begin(id, kind, cx),
            (Kind::Create, _) => {
                cx.learn(id.as_str());
                self.id = Some(id);
                self.quiet_until = Some(cx.now().after(QUIET));
                self.doubt(account, cx);
            }
            (Kind::Update, _) => self.doubt(account, cx),
        }
    }

    /// A used token of a new subscription does not show which: the list does, or a person.
    fn nameless(&mut self, account: &Account, cx: &mut Cx<'_>) {
        self.lose(cx);
        self.doubt(account, cx);
    }

    /// Notes that a consent was used that names no subscription: the one that it made is none of the known ones.
    fn note_nameless(&mut self) {
        let mut before = self.before_nameless.take().unwrap_or_default();
        if let Some(id) = self.id.clone().filter(|id| !before.contains(id)) {
            remember(&mut before, id, REMEMBERED);
        }
        self.before_nameless = Some(before);
    }

    /// Whether it was known before the consent that names no subscription, and is not what that has made.
    fn is_older(&self, id: &SubscriptionId) -> bool {
        self.before_nameless.as_ref().is_some_and(|before| before.contains(id))
    }

    fn learn(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        if self.id.as_ref() != Some(id) {
            cx.learn(id.as_str());
            if self.id.replace(id.clone()).is_some() {
                leave_kept(cx);
            }
            (self.provider_state, self.meaning) = (None, None);
        }
    }

    /// It is not known any more which one it is: what is planned of one says nothing of another.
    fn lose(&mut self, cx: &mut Cx<'_>) {
        leave_kept(cx);
        (self.id, self.provider_state, self.meaning) = (None, None, None);
        cx.withdraw_unsent(|call| matches!(call, Call::RetrieveSubscription(_)));
    }

    /// Its state is decided: no question is open any more.
    fn decide(&mut self, cx: &mut Cx<'_>) {
        (self.in_doubt, self.watch, self.before_nameless) = (false, None, None);
        cx.withdraw_all_about(&[Review::State, Review::Ours, Review::NotShown].map(Review::as_str), |_| true);
        cx.withdraw_unsent(|call| *call == Call::ListSubscriptions);
    }

    /// Nobody knows which subscription it is: the list tells, or a person once the schedule is over.
    fn doubt(&mut self, account: &Account, cx: &mut Cx<'_>) {
        let nameless = self.before_nameless.take();
        self.decide(cx);
        self.before_nameless = nameless;
        (self.in_doubt, self.fresh_from) = (true, Some(cx.now()));
        (self.provider_state, self.meaning) = (None, None);
        self.enter(BillingState::Unclear, cx);
        cx.look_up(Call::ListSubscriptions);
        let watch = self.watch.insert(PollTimer::new(cx.now()));
        cx.ask_on_schedule(Review::Ours, account.domain(), watch);
    }

    /// A person says what a state means, which subscription is ours, or what became of one. Says the state that follows.
    pub(super) fn reviewed(
        &mut self,
        review: Review,
        verdict: Verdict,
        named: &str,
        account: &Account,
        cx: &mut Cx<'_>,
    ) -> Option<BillingState> {
        let next = match verdict {
            Verdict::Live => BillingState::Live,
            Verdict::Ended | Verdict::Canceled => BillingState::Canceled,
            Verdict::Ours => BillingState::Unclear,
            Verdict::NoneOurs => BillingState::Absent,
            _ => {
                self.wait_on(account, cx);
                return None;
            }
        };
        match (review, SubscriptionId::parse(named)) {
            (Review::State, _) => self.meaning = Some(next),
            (Review::Ours, _) if next == BillingState::Absent => {
                (self.id, self.provider_state, self.meaning) = (None, None, None);
            }
            (Review::Ours | Review::NotShown, Ok(id)) => self.learn(&id, cx),
            _ => return None,
        }
        self.decide(cx);
        self.attested = true;
        self.enter(next, cx);
        if next == BillingState::Unclear {
            cx.look_up(self.lookup());
        }
        Some(next)
    }
}
