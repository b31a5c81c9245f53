//! The effects of a change of the state: the notices, and the deliveries that it holds back or releases.

use alloc::format;

use super::super::Cx;
use super::lookup::A_WEEK;
use super::{Billing, BillingState};
use crate::flow::ToDo;
use crate::id::TypedId;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::{Notice, Review};
use crate::time::{Millis, Timestamp};

/// How long after the next lookup of its watch a person is asked about what an ended subscription has left.
const A_DAY: Millis = Millis::from_hours(24);

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
            BillingState::Live => release(cx),
            BillingState::Canceled | BillingState::Absent if self.state != before => return hold(|_| true, cx),
            BillingState::Canceled | BillingState::Absent | BillingState::Unclear => {}
        }
        None
    }
}

/// Withdraws the pending notices about a subscription.
pub(super) fn withdraw_notices(id: &SubscriptionId, cx: &mut Cx<'_>) {
    cx.withdraw_all_about(&NOTICES.map(Notice::as_str), |about| about == id.as_str());
}

/// Holds deliveries back, because the subscription has ended. If the next lookup of its watch does not show it live again, a
/// person decides: Vend may have billed what nobody has delivered. Returns when the last lease of a delivery ends.
pub(super) fn hold(which: impl Fn(&str) -> bool, cx: &mut Cx<'_>) -> Option<Timestamp> {
    let lease = cx.withhold(&which);
    let next_lookup = cx.config().lookups.while_waiting_ms.last().copied().unwrap_or(A_WEEK);
    let from = cx.now().after(next_lookup).after(A_DAY);
    for request in cx.withheld().into_iter().filter(|it| which(it.as_str())) {
        if !cx.asks_about(Review::OlderConsent.as_str(), request.as_str()) {
            cx.ask_at(Review::OlderConsent, request, from);
        }
    }
    lease
}

/// Makes the deliveries pending again that were held back. Nobody need be asked about them.
pub(super) fn release(cx: &mut Cx<'_>) {
    for request in cx.withheld() {
        cx.withdraw_review(Review::OlderConsent, request.as_str());
    }
    cx.release_withheld();
}

/// A person decides about each delivery that was held back for the former subscription.
pub(super) fn ask_about_withheld(cx: &mut Cx<'_>) {
    for (request, lease) in cx.withdraw_withheld() {
        ask_about_older(request, lease, cx);
    }
}

/// A person decides whether a consent must still be delivered, once no worker that holds the lease can be at it any more.
pub(in super::super) fn ask_about_older(request: impl Into<TypedId>, lease: Option<Timestamp>, cx: &mut Cx<'_>) {
    match lease {
        Some(end) => cx.ask_at(Review::OlderConsent, request, end),
        None => cx.ask(Review::OlderConsent, request),
    }
}
