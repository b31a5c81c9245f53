//! What follows from a change of the state: who is told, and what is delivered.

use alloc::format;

use super::super::Cx;
use super::{Billing, BillingState};
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::{Notice, Review};
use crate::time::Timestamp;

/// The news that the retailer is told.
const NEWS: [Notice; 2] = [Notice::SubscriptionCanceled, Notice::SubscriptionLive];

impl Billing {
    /// Enters a state; who must know of a change is told.
    pub(super) fn enter(&mut self, next: BillingState, cx: &mut Cx<'_>) -> Option<BillingState> {
        let before = core::mem::replace(&mut self.state, next);
        let lease = self.keep_or_deliver(before, cx);
        let notice = match next {
            BillingState::Live => Notice::SubscriptionLive,
            BillingState::Canceled => Notice::SubscriptionCanceled,
            BillingState::Unclear => return Some(next),
            BillingState::Absent => {
                (self.told, self.news) = (None, 0);
                return Some(next);
            }
        };
        let is_news = self.told.replace(next) != Some(next) && before != BillingState::Absent;
        if let Some(id) = self.id.as_ref().filter(|_| is_news) {
            withdraw_news(id, cx);
            self.news = self.news.saturating_add(1);
            // What was done of the first end says nothing of the second.
            let of = if self.news > 2 { format!("{}/{}", id.as_str(), self.news) } else { id.as_str().into() };
            // Whoever is told of the end takes back what was delivered: not while somebody may still be delivering it.
            cx.notify_from(notice, &of, None, lease);
        }
        Some(next)
    }

    /// What has ended is not delivered until it is live again. Until when somebody may still be delivering it.
    fn keep_or_deliver(&self, before: BillingState, cx: &mut Cx<'_>) -> Option<Timestamp> {
        match self.state {
            BillingState::Live => cx.release_withheld(),
            BillingState::Canceled | BillingState::Absent if self.state != before => return cx.withhold(|_| true),
            BillingState::Canceled | BillingState::Absent | BillingState::Unclear => {}
        }
        None
    }
}

/// Takes back what nobody was told yet of a subscription.
pub(super) fn withdraw_news(id: &SubscriptionId, cx: &mut Cx<'_>) {
    cx.withdraw_all_about(&NEWS.map(Notice::as_str), |about| about.split('/').next() == Some(id.as_str()));
}

/// What was not delivered of the subscription before is a person's.
pub(super) fn leave_kept(cx: &mut Cx<'_>) {
    for of in cx.withdraw_withheld() {
        cx.ask(Review::OlderConsent, &of);
    }
}
