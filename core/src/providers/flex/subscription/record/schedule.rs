//! When a subscription and its invoice are looked up: at the end of the period, and while anything is open.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::SubscriptionRecord;
use super::period::{LookupResult, PaidPeriod, RENEWED};
use crate::config::Config;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::SubscriptionStatus;
use crate::providers::flex::ids::InvoiceId;
use crate::providers::flex::names::Review;
use crate::providers::flex::subscription::Cx;
use crate::time::{Millis, Timestamp};

const HOUR: Millis = Millis::from_hours(1);
const HALF_A_DAY: Millis = Millis::from_hours(12);
const DAY: Millis = Millis::from_hours(24);
/// From this span on, a grace period has days without a lookup of their own.
const LONG: Millis = Millis::from_hours(36);

/// The hours after which a lookup follows. Later lookups are daily.
const HOURS: [u64; 5] = [0, 1, 2, 4, 12];

/// The schedule of lookups.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSchedule"))]
#[serde(deny_unknown_fields)]
pub(super) struct Schedule {
    /// When the schedule begins.
    base: Timestamp,
    /// When the last lookup was leased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    looked: Option<Timestamp>,
    /// Whether a person has decided to stop waiting.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    stopped: bool,
    /// Whether a person has said that nothing is paid yet. The lookups continue, but no review follows.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    quiet: bool,
}

impl Schedule {
    pub(super) const fn new(base: Timestamp) -> Self {
        Self { base, looked: None, stopped: false, quiet: false }
    }

    /// Restarts the schedule, unless it begins at this time already.
    fn begin(&mut self, base: Timestamp) {
        if self.base != base {
            *self = Self::new(base);
        }
    }

    /// When the schedule ends.
    fn end(&self, config: &Config) -> Timestamp {
        let last = config.lookups.while_waiting_ms.last().copied().unwrap_or_default();
        self.base.after(fixed(config).into_iter().fold(last, Millis::max))
    }

    /// When the next lookup is due, unless the schedule is over.
    fn next(&self, config: &Config) -> Option<Timestamp> {
        let fixed = fixed(config);
        let last = fixed.iter().copied().max().unwrap_or_default();
        let is_due = |at: &Timestamp| self.looked.is_none_or(|looked| *at > looked);
        let daily = |from: Millis| self.daily(self.base.after(from));
        let meanwhile = (last > LONG).then(|| daily(HALF_A_DAY));
        let all = fixed.iter().map(|span| self.base.after(*span)).chain(meanwhile).chain([daily(last)]);
        all.filter(is_due).min().filter(|at| self.quiet || *at <= self.end(config))
    }

    /// The first time after the last lookup that is a whole number of days after `from`.
    fn daily(&self, from: Timestamp) -> Timestamp {
        let passed = self.looked.map_or(0, |looked| looked.as_millis().saturating_sub(from.as_millis()));
        let days = passed.max(0).unsigned_abs().checked_div(DAY.as_u64()).unwrap_or_default();
        from.after(DAY.times(days.saturating_add(1)))
    }
}

/// The spans after which a lookup follows, with one an hour before the grace period ends.
fn fixed(config: &Config) -> Vec<Millis> {
    let before_end = config.grace_ms.as_u64().checked_sub(HOUR.as_u64()).map(Millis::new);
    HOURS.iter().map(|hours| HOUR.times(*hours)).chain(before_end).collect()
}

impl SubscriptionRecord {
    /// Whether the last lookup leaves nothing open before the paid period ends.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let lookup = self.last_lookup.as_ref();
        let has_begun = |it: &PaidPeriod| lookup.is_some_and(|lookup| lookup.start <= it.span.start);
        self.is_live() && self.paid.as_ref().is_some_and(|it| has_begun(it) && it.current_end() > now)
    }

    /// Restarts the schedule if the status or the period requires it.
    pub(super) fn reschedule(&mut self, cx: &Cx<'_>) {
        let looked = self.last_lookup.as_ref().map(|it| it.leased);
        let at = looked.unwrap_or_else(|| cx.now());
        let end = self.paid.as_ref().map(PaidPeriod::current_end);
        match end {
            Some(end) if self.is_settled(at) => self.schedule.begin(end),
            // After a long pause the schedule begins at this lookup.
            _ if self.schedule.looked.is_none_or(|before| before < self.schedule.base) => {
                // Compared with now, because the time of the lease may be unknown.
                let now = cx.now();
                let is_late = self.schedule.base > now || self.schedule.base.after(DAY) < now;
                if is_late {
                    self.schedule.begin(now);
                }
            }
            _ => {}
        }
        self.schedule.looked = self.schedule.looked.max(looked);
    }

    /// A lookup got a reply that shows nothing new.
    pub(super) fn note_lookup(&mut self, cx: &Cx<'_>) {
        self.schedule.looked = self.schedule.looked.max(Some(cx.leased_at()));
    }

    /// The status has changed, so a schedule that a person has stopped or silenced restarts.
    pub(super) fn restart_if_paused(&mut self, cx: &Cx<'_>) {
        if self.schedule.stopped || self.schedule.quiet {
            self.schedule = Schedule::new(cx.now());
        }
    }

    /// A person wants to wait longer.
    pub(in super::super) fn keep_waiting(&mut self, cx: &mut Cx<'_>) {
        self.schedule = Schedule::new(cx.now());
        self.plan(cx);
    }

    /// A person says that nothing is paid yet. The daily lookups continue until the status changes.
    pub(in super::super) fn wait_quietly(&mut self, cx: &mut Cx<'_>) {
        self.schedule.quiet = true;
        self.plan(cx);
    }

    /// A person stops waiting. A late webhook still counts.
    pub(in super::super) fn stop_waiting(&mut self, cx: &mut Cx<'_>) {
        self.schedule.stopped = true;
        let id = self.id.clone();
        cx.withdraw_unsent(|call| match call {
            Call::RetrieveSubscription(of) => *of == id,
            Call::RetrieveInvoice(_) => true,
            _ => false,
        });
        self.plan(cx);
    }

    /// The latest invoice, if it decides whether the period is paid and is not known to be paid.
    pub(super) fn open_invoice(&self) -> Option<&InvoiceId> {
        use SubscriptionStatus::{Active, Incomplete, PastDue, Unpaid};
        let decides = matches!(self.status, Some(Active | PastDue | Unpaid | Incomplete));
        let decides = decides || self.status.as_ref().is_some_and(|it| self.is_attested(it));
        let lookup = self.last_lookup.as_ref()?;
        let latest = lookup.invoice.as_ref().or_else(|| self.failing_in(lookup));
        latest.filter(|it| decides && !self.invoices.is_paid(it))
    }

    /// Plans the next lookups, and a review at the end of the schedule, even if no lookup gets a reply.
    pub(in super::super) fn plan(&self, cx: &mut Cx<'_>) {
        let id = self.id.as_str();
        if self.is_over() {
            return;
        }
        cx.withdraw_review(Review::NoSignal, id);
        cx.withdraw_all_about(&[Review::PaymentUnknown.as_str()], |_| true);
        let end = self.schedule.end(cx.config());
        let next = self.schedule.next(cx.config()).filter(|_| !self.schedule.stopped);
        if let Some(at) = self.sooner_after_renewal(next) {
            cx.look_up_from(self.lookup_call(), at);
        }
        let invoice = self.open_invoice();
        if let (Some(invoice), Some(at)) = (invoice, next) {
            cx.look_up_from(Call::RetrieveInvoice(invoice.clone()), at);
        }
        match invoice {
            _ if self.schedule.stopped || self.schedule.quiet || self.is_unknown() => {}
            Some(invoice) if !self.is_settled(cx.now()) => {
                cx.ask_at(Review::PaymentUnknown, invoice, end);
            }
            _ => cx.ask_at(Review::NoSignal, &self.id, end),
        }
    }

    /// The next lookup, or an earlier one that shows whether a renewal has failed.
    fn sooner_after_renewal(&self, next: Option<Timestamp>) -> Option<Timestamp> {
        let waits = |it: &&LookupResult| it.silent && self.status == Some(SubscriptionStatus::Active);
        let lookup = self.last_lookup.as_ref().filter(waits).filter(|it| !self.is_settled(it.leased));
        let renewed = lookup.map(|it| (it.start.after(RENEWED), it.leased)).filter(|(at, leased)| at > leased);
        next.map(|at| renewed.map_or(at, |(renewed, _)| at.min(renewed)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::Cow;
    use alloc::vec::Vec;

    use super::*;

    /// The hours of the lookups of a period that ends at the epoch, and the hour of the review.
    fn hours(config: &Config) -> (Vec<i64>, i64) {
        let hour = i64::try_from(HOUR.as_u64()).unwrap_or(i64::MAX);
        let mut schedule = Schedule::new(Timestamp::default());
        let mut all = Vec::new();
        while let Some(at) = schedule.next(config) {
            all.push(at.as_millis().div_euclid(hour));
            schedule.looked = Some(at);
        }
        (all, schedule.end(config).as_millis().div_euclid(hour))
    }

    #[test]
    fn a_period_is_looked_up_within_its_grace_and_then_daily_for_a_week() {
        assert_eq!(hours(&Config::default()), ([0, 1, 2, 4, 12, 23, 47, 71, 95, 119, 143, 167].into(), 168));
    }

    #[test]
    fn the_last_lookup_within_the_grace_is_an_hour_before_its_end() {
        let config = |grace| Config { grace_ms: HOUR.times(grace), ..Config::default() };
        assert_eq!(hours(&config(0)).0[..6], [0, 1, 2, 4, 12, 36]);
        assert_eq!(hours(&config(7)).0[..7], [0, 1, 2, 4, 6, 12, 36]);
        assert_eq!(hours(&config(72)).0[..8], [0, 1, 2, 4, 12, 36, 60, 71]);
    }

    #[test]
    fn a_config_without_waiting_lookups_still_looks_up_until_the_grace_ends() {
        let mut config = Config::default();
        config.lookups.while_waiting_ms = Cow::Borrowed(&[]);
        assert_eq!(hours(&config), ([0, 1, 2, 4, 12, 23].into(), 23));
    }
}
