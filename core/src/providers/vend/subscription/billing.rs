//! The facet `subscription`: whether Vend bills the retailer, as lookups and verdicts show.

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
use crate::providers::vend::api::plan::Plan;
use crate::providers::vend::api::webhook::CancellationWebhook;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::{Review, Verdict};
use crate::providers::vend::rules::Rule;
use crate::time::{Millis, Timestamp};
pub(super) use news::ask_about_older;
use news::{ask_about_withheld, hold, release, withdraw_notices};

/// How long Vend may send no webhook for the cancellation of a new subscription.
const QUIET: Millis = Millis::from_minutes(30);

/// How long after a consent Vend shows what the subscription costs.
const SHOWN_AFTER: Millis = Millis::from_minutes(1);

/// How many cancellations, and how many older subscriptions, are kept.
const REMEMBERED: usize = 8;

states! {
    /// Whether Vend bills the retailer.
    pub enum BillingState ("VendSubscriptionBillingState") {
        /// No subscription is known.
        Absent = "absent",
        /// The subscription is live, and Vend bills the retailer.
        Live = "live",
        /// The subscription has ended, and Vend bills nothing more: the retailer has canceled it, or its term is over.
        Canceled = "canceled",
        /// The state of the subscription is unknown, or it is unknown which subscription is meant.
        Unclear = "unclear",
    }
}

/// The subscription, as far as it is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionBilling"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Billing {
    /// The state of the facet.
    state: BillingState,
    /// Its id, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<SubscriptionId>,
    /// Vend's own name for the state, from the last lookup.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_state: Option<State>,
    /// The product, its price and its components, from the same lookup.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan>,
    /// The meaning of that name, if a person has given one. Without a name, it is of a subscription that no lookup shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<BillingState>,
    /// Whether the state comes from a verdict, without evidence.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    attested: bool,
    /// The end of the first half hour, until a later lookup has succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet_until: Option<Timestamp>,
    /// The times of the last cancellations that webhooks named, in seconds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cancellations: Vec<i64>,
    /// A lookup that was leased before this time proves nothing. A later lookup has succeeded, or something has
    /// happened since.
    #[serde(skip_serializing_if = "Option::is_none")]
    fresh_from: Option<Timestamp>,
    /// Whether it is unknown which subscription is meant. Only the list or a person decides this.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    in_doubt: bool,
    /// The subscriptions that were known before a used consent that names none. They are kept until it is known which
    /// subscription the consent created.
    #[serde(skip_serializing_if = "Option::is_none")]
    before_nameless: Option<Vec<SubscriptionId>>,
    /// The wait for the evidence that decides the state, while the state is open.
    #[serde(rename = "watch", skip_serializing_if = "Option::is_none")]
    timer: Option<PollTimer>,
    /// The last state, live or canceled, that the host knows of.
    #[serde(rename = "told", skip_serializing_if = "Option::is_none")]
    notified: Option<BillingState>,
    /// The number of notices that the subscription has ended or is live again.
    #[serde(skip_serializing_if = "is_zero")]
    news: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
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

    /// The product, its price and its components, if the last lookup has shown them.
    pub(super) fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref().filter(|_| self.provider_state.is_some())
    }

    /// Whether the state comes from a verdict, without evidence.
    pub(super) const fn is_attested(&self) -> bool {
        self.attested
    }

    pub(super) fn is_live(&self) -> bool {
        self.state == BillingState::Live
    }

    pub(super) fn is_canceled(&self) -> bool {
        self.state == BillingState::Canceled
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        match self.state {
            BillingState::Live if self.id.is_none() => Some("a live subscription must have an id"),
            BillingState::Absent if self.id.is_some() => Some("an absent subscription cannot have an id"),
            _ if self.before_nameless.is_some() && !self.in_doubt => {
                Some("the subscription of an unnamed consent must be in doubt")
            }
            _ => None,
        }
    }

    /// Whether a pending lookup may still name the subscription.
    pub(super) fn is_learning(&self, rules: &Rules<'_>) -> bool {
        let lookup = |call: &Call| matches!(call, Call::RetrieveSubscription(_) | Call::ListSubscriptions);
        self.id.is_none() && rules.pending(lookup).is_some()
    }

    /// A webhook says that the retailer has canceled. Anyone may have sent the webhook, so it only makes the lookup
    /// due.
    pub(super) fn on_cancellation(
        &mut self,
        webhook: CancellationWebhook,
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
            // While the subscription is live, a known second causes another lookup. Anyone may have named that second
            // in advance.
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

    /// The retailer has consented to a change, as a lookup of the token shows or a person says.
    pub(super) fn on_consent(&mut self, consented: Consented, account: &Account, cx: &mut Cx<'_>) {
        let (before, attested) = (self.state, consented.attested);
        self.apply_consent(consented, account, cx);
        self.attested |= attested && self.state != before;
    }

    fn apply_consent(&mut self, consented: Consented, account: &Account, cx: &mut Cx<'_>) {
        let Consented { kind, request, subscription, is_late, .. } = consented;
        if is_late {
            // The known subscription began after this one. The list shows whether both are live.
            return self.become_unclear(account, cx);
        }
        match (&self.id, subscription) {
            (Some(known), Some(id)) if *known != id => self.on_other_id(kind, id, account, cx),
            (None, Some(id)) if self.state == BillingState::Unclear => self.on_other_id(kind, id, account, cx),
            (None, Some(id)) => self.start(id, kind, cx),
            (_, None) if kind == Kind::Create => {
                self.note_unnamed();
                self.on_unnamed(account, cx);
            }
            (Some(id), _) if !self.is_live() => cx.look_up(Call::RetrieveSubscription(id.clone())),
            (None, None) => self.on_unnamed(account, cx),
            // The last lookup no longer shows what the subscription costs. As after a new subscription, one lookup follows.
            (Some(id), _) => {
                cx.look_up_from(Call::RetrieveSubscription(id.clone()), cx.now().after(SHOWN_AFTER));
                self.plan = None;
            }
        }
        if self.is_canceled() {
            // The next lookup shows whether the subscription is live again.
            hold(|about| about == request.as_str(), cx);
            if self.news == 0 {
                // The host does not know of the end. It is news to a host that waits for the result of this consent.
                self.notified = Some(BillingState::Live);
            }
        }
    }

    /// A used token shows a subscription, and none was known before.
    fn start(&mut self, id: SubscriptionId, kind: Kind, cx: &mut Cx<'_>) {
        self.close_questions(cx);
        if let Some(before) = &self.id {
            withdraw_notices(before, cx);
            drop_watch(before, cx);
        }
        cx.learn(&id);
        if kind == Kind::Create {
            // The first lookup shows what the subscription costs. The one after the first half hour shows a cancellation.
            cx.look_up_from(Call::RetrieveSubscription(id.clone()), cx.now().after(SHOWN_AFTER));
            self.quiet_until = Some(cx.now().after(QUIET));
        }
        self.id = Some(id);
        (self.provider_state, self.meaning, self.news) = (None, None, 0);
        (self.state, self.notified) = (BillingState::Live, Some(BillingState::Live));
        self.fresh_from = Some(cx.now());
        release(cx);
    }

    /// A used token shows another subscription than the known one. It is a new one after a cancellation, or a second
    /// one. With two it is unknown which one an update would change.
    fn on_other_id(&mut self, kind: Kind, id: SubscriptionId, account: &Account, cx: &mut Cx<'_>) {
        match (kind, self.state) {
            (Kind::Create, BillingState::Canceled) => self.start(id, kind, cx),
            (Kind::Create, _) => {
                cx.learn(&id);
                if let Some(before) = self.id.replace(id) {
                    drop_watch(&before, cx);
                }
                self.quiet_until = Some(cx.now().after(QUIET));
                self.become_unclear(account, cx);
            }
            (Kind::Update, _) => self.become_unclear(account, cx),
        }
    }

    /// The used token of a new subscription does not name the subscription. The list shows which one it is, or a person
    /// says so.
    fn on_unnamed(&mut self, account: &Account, cx: &mut Cx<'_>) {
        self.forget_id(cx);
        self.become_unclear(account, cx);
    }

    /// Notes the use of a consent that names no subscription. The subscription that the consent created is none of the
    /// known ones.
    fn note_unnamed(&mut self) {
        let mut before = self.before_nameless.take().unwrap_or_default();
        if let Some(id) = self.id.clone().filter(|id| !before.contains(id)) {
            remember(&mut before, id, REMEMBERED);
        }
        self.before_nameless = Some(before);
    }

    /// Whether the subscription was known before the consent that names none. The consent did not create it then.
    fn is_older(&self, id: &SubscriptionId) -> bool {
        self.before_nameless.as_ref().is_some_and(|before| before.contains(id))
    }

    fn learn(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        if self.id.as_ref() != Some(id) {
            cx.learn(id);
            if let Some(before) = self.id.replace(id.clone()) {
                drop_watch(&before, cx);
                ask_about_withheld(cx);
            }
            (self.provider_state, self.meaning) = (None, None);
        }
    }

    /// It is no longer known which subscription is meant. A lookup of one of them proves nothing about another.
    fn forget_id(&mut self, cx: &mut Cx<'_>) {
        ask_about_withheld(cx);
        (self.id, self.provider_state, self.meaning) = (None, None, None);
        cx.withdraw_unsent(|call| matches!(call, Call::RetrieveSubscription(_)));
    }

    /// The state is decided, so every open question is closed.
    fn close_questions(&mut self, cx: &mut Cx<'_>) {
        (self.in_doubt, self.timer, self.before_nameless) = (false, None, None);
        cx.withdraw_all_about(&[Review::State, Review::Ours, Review::NotShown].map(Review::as_str), |_| true);
        cx.withdraw_unsent(|call| *call == Call::ListSubscriptions);
    }

    /// It is unknown which subscription is meant. The list shows it, or a person is asked at the end of the schedule.
    fn become_unclear(&mut self, account: &Account, cx: &mut Cx<'_>) {
        let before_nameless = self.before_nameless.take();
        self.close_questions(cx);
        self.before_nameless = before_nameless;
        cx.withdraw_unsent(|call| matches!(call, Call::RetrieveSubscription(_)));
        (self.in_doubt, self.fresh_from) = (true, Some(cx.now()));
        (self.provider_state, self.meaning) = (None, None);
        self.enter(BillingState::Unclear, cx);
        cx.look_up(Call::ListSubscriptions);
        let timer = self.timer.insert(PollTimer::new(cx.now()));
        cx.ask_on_schedule(Review::Ours, account.domain_id(), timer);
    }

    /// A person says what a state means, which subscription is ours, or what became of one. Returns the resulting
    /// state.
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
                self.restart_wait(account, cx);
                return None;
            }
        };
        match (review, SubscriptionId::parse(named)) {
            (Review::State, _) => self.meaning = Some(next),
            (Review::Ours, _) if next == BillingState::Absent => {
                (self.id, self.provider_state, self.meaning) = (None, None, None);
            }
            (Review::NotShown, Ok(id)) => {
                self.learn(&id, cx);
                (self.provider_state, self.meaning) = (None, Some(next));
            }
            (Review::Ours, Ok(id)) => self.learn(&id, cx),
            _ => return None,
        }
        self.close_questions(cx);
        self.attested = true;
        self.enter(next, cx);
        if next == BillingState::Unclear {
            // A list that was leased before the verdict must not replace it.
            self.fresh_from = Some(cx.now());
            cx.look_up(self.lookup());
        }
        Some(next)
    }
}

/// Another subscription takes the place of this one, so the next lookup of this one is dropped.
fn drop_watch(before: &SubscriptionId, cx: &mut Cx<'_>) {
    cx.withdraw_unsent(|call| matches!(call, Call::RetrieveSubscription(id) if id == before));
}
