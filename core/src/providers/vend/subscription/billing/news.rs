//! The effects of a change of the state: the notices, and the deliveries that it holds back or releases.

use alloc::format;

use super::super::Cx;
use super::{Billing, BillingState};
use crate::flow::ToDo;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::{Notice, Review};
use crate::time::Timestamp;

/// The notices about the state.
const NOTICES: [Notice; 2] = [Notice::SubscriptionCanceled, Notice::SubscriptionLive];

impl Billing {
    /// Enters a state, and notifies the retailer of a change.
    pub(super) fn enter(&mut self, next: BillingState, cx: &mut Cx<'_>) -> Option<BillingState> {
        let before = core::mem::replace(&mut self.state, next);
        let lease = self.hold_or_release_deliveries(before, cx);
        let notice = match next {
            BillingState::Live => Notice::SubscriptionLive,
            BillingState::Canceled => Notice::SubscriptionCanceled,
            BillingState::Unclear => return Some(next),
            BillingState::Absent => {
                (self.notified, self.news) = (None, 0);
                return Some(next);
            }
        };
        let is_news = self.notified.replace(next) != Some(next) && before != BillingState::Absent;
        if let Some(id) = self.id.as_ref().filter(|_| is_news) {
            withdraw_notices(id, cx);
            self.news = self.news.saturating_add(1);
            // A notice about a second end must not share its id with the notice about the first.
            let name = if self.news > 2 { format!("{}/{}", id.as_str(), self.news) } else { id.as_str().into() };
            // The host revokes the delivered service when it handles this notice. So the notice waits until no delivery
            // is leased.
            cx.notify_as(&name, notice, id, ToDo::NOTHING, lease);
        }
        Some(next)
    }

    /// Holds deliveries back once the subscription has ended, and releases them when it is live again. Returns when the
    /// last lease of a delivery ends.
    fn hold_or_release_deliveries(&self, before: BillingState, cx: &mut Cx<'_>) -> Option<Timestamp> {
        match self.state {
            BillingState::Live => cx.release_withheld(),
            BillingState::Canceled | BillingState::Absent if self.state != before => return cx.withhold(|_| true),
            BillingState::Canceled | BillingState::Absent | BillingState::Unclear => {}
        }
        None
    }
}

/// Withdraws the pending notices about a subscription.
pub(super) fn withdraw_notices(id: &SubscriptionId, cx: &mut Cx<'_>) {
    cx.withdraw_all_about(&NOTICES.map(Notice::as_str), |about| about == id.as_str());
}

/// A person decides about each delivery that was held back for the former subscription.
pub(super) fn ask_about_withheld(cx: &mut Cx<'_>) {
    for request in cx.withdraw_withheld() {
        cx.ask(Review::OlderConsent, request);
    }
}
