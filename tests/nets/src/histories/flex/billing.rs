//! Flex's clock: sessions expire, periods end before their renewals are paid, and charges succeed or fail.

use serde_json::json;

use super::{DAY, Flex, HOUR, Invoice, Subscription, TOTAL};
use crate::chance::Chance;

/// How long a period is, and a trial.
const PERIOD: i64 = 30 * DAY;
const TRIAL: i64 = 7 * DAY;
/// A renewal's invoice is drafted at the end of the period, and charged an hour later.
const DRAFTED: i64 = HOUR;
/// When a failed invoice is charged again, and how often.
const AGAIN: i64 = 3 * DAY;
const TRIES: usize = 3;

impl Flex {
    pub(super) fn expire(&mut self, now: i64) {
        for it in self.sessions.iter_mut().filter(|it| it.status == "open" && now >= it.created + HOUR) {
            it.status = "expired";
        }
    }

    /// The customer pays a session.
    pub(super) fn complete(&mut self, id: &str, now: i64) {
        let started = self.is_subscription.then(|| self.start(now));
        let Some(it) = self.sessions.iter_mut().find(|it| it.id == id) else { return };
        it.status = "complete";
        it.completed = Some(now);
        if let Some((subscription, invoice)) = started {
            it.received = if self.has_trial { 0 } else { TOTAL };
            (it.subscription, it.invoice) = (Some(subscription), invoice);
        } else if !it.manual && it.mode != "setup" {
            it.received = TOTAL;
        }
        let it = it.clone();
        let json = self.session_json(&it);
        self.event("checkout.session.completed", "checkout_session", &json, now);
        if let Some(id) = &it.subscription {
            let json = self.subscription_json(id);
            self.event("customer.subscription.created", "subscription", &json, now);
        }
        if let Some(id) = &it.invoice {
            self.invoice_event("invoice.payment_succeeded", &id.clone(), now);
        }
    }

    /// Starts a subscription, with a trial or with a paid invoice.
    fn start(&mut self, now: i64) -> (String, Option<String>) {
        let id = self.name("fsub");
        let trial_end = self.has_trial.then_some(now + TRIAL);
        let end = trial_end.unwrap_or(now + PERIOD);
        let status = if self.has_trial { "trialing" } else { "active" };
        self.subscriptions.push(Subscription {
            id: id.clone(),
            status,
            start: now,
            end,
            trial_end,
            at_period_end: false,
            latest: None,
            retry: None,
        });
        let amount = if self.has_trial { 0 } else { TOTAL };
        let invoice = self.draft(&id, amount, end, now);
        self.pay(&invoice);
        (id, Some(invoice))
    }

    fn draft(&mut self, subscription: &str, amount: i64, pays_until: i64, now: i64) -> String {
        let id = self.name("fin");
        let subscription = subscription.to_owned();
        self.subscriptions.iter_mut().filter(|it| it.id == subscription).for_each(|it| it.latest = Some(id.clone()));
        self.invoices.push(Invoice { id: id.clone(), subscription, status: "draft", amount, created: now, pays_until });
        id
    }

    fn pay(&mut self, id: &str) {
        self.invoices.iter_mut().filter(|it| it.id == id).for_each(|it| it.status = "paid");
    }

    fn invoice_event(&mut self, kind: &str, id: &str, now: i64) {
        let json = self.invoice_json(id);
        self.event(kind, "invoice", &json, now);
    }

    /// Makes the next change that is due. Returns whether there was one.
    pub(super) fn bill(&mut self, now: i64) -> bool {
        let due = |it: &Subscription| match it.retry {
            _ if !["active", "trialing", "past_due"].contains(&it.status) => None,
            Some((time, _)) => Some(time),
            None => Some(it.end),
        };
        let next = self.subscriptions.iter().filter_map(|it| Some((due(it)?, it.id.clone()))).min();
        let Some((time, id)) = next.filter(|(time, _)| *time <= now) else { return false };
        let Some(it) = self.subscriptions.iter().find(|it| it.id == id).cloned() else { return false };
        match it.retry {
            Some((_, tries)) => self.charge(&it, tries, time),
            None if it.at_period_end => self.end(&id, time),
            None => self.renew(&it, time),
        }
        true
    }

    /// Starts the next period, and drafts its invoice.
    fn renew(&mut self, it: &Subscription, time: i64) {
        let end = it.end + PERIOD;
        self.draft(&it.id, TOTAL, end, time);
        if let Some(it) = self.subscriptions.iter_mut().find(|have| have.id == it.id) {
            (it.start, it.end, it.retry) = (it.end, end, Some((time + DRAFTED, 0)));
            if it.status == "trialing" {
                it.status = "active";
            }
        }
        let json = self.subscription_json(&it.id);
        self.event("customer.subscription.updated", "subscription", &json, time);
    }

    /// Charges the open invoice, for the first time or again.
    fn charge(&mut self, it: &Subscription, tries: usize, time: i64) {
        let Some(invoice) = it.latest.clone() else { return };
        let works = self.card_works;
        let Some(it) = self.subscriptions.iter_mut().find(|have| have.id == it.id) else { return };
        if works {
            (it.status, it.retry) = ("active", None);
            self.pay(&invoice);
            self.invoice_event("invoice.paid", &invoice, time);
            return self.invoice_event("invoice.payment_succeeded", &invoice, time);
        }
        it.status = "past_due";
        it.retry = Some((time + AGAIN, tries + 1));
        let id = it.id.clone();
        self.invoices.iter_mut().filter(|it| it.id == invoice).for_each(|it| it.status = "open");
        self.invoice_event("invoice.payment_failed", &invoice, time);
        if tries + 1 >= TRIES {
            self.end(&id, time);
        }
    }

    /// Ends a subscription.
    pub(super) fn end(&mut self, id: &str, time: i64) {
        let Some(it) = self.subscriptions.iter_mut().find(|it| it.id == id && it.status != "canceled") else { return };
        (it.status, it.retry) = ("canceled", None);
        let json = self.subscription_json(id);
        self.event("customer.subscription.deleted", "subscription", &json, time);
    }

    /// The merchant's staff ends or keeps a subscription in the dashboard.
    pub(super) fn retailer_ends(&mut self, chance: &mut Chance<'_>, now: i64) {
        let live = |it: &&mut Subscription| ["active", "trialing", "past_due"].contains(&it.status);
        let Some(it) = self.subscriptions.iter_mut().rev().find(live) else { return };
        let id = it.id.clone();
        match chance.below(4) {
            0 => return self.end(&id, now),
            1 => it.at_period_end = true,
            _ => it.at_period_end = false,
        }
        let json = self.subscription_json(&id);
        self.event("customer.subscription.updated", "subscription", &json, now);
    }

    /// The reply to a change of a subscription, wrapped or flat.
    pub(super) fn changed_reply(&self, id: &str) -> (u16, serde_json::Value) {
        let json = self.subscription_json(id);
        (200, if self.is_wrapped { json!({ "subscription": json }) } else { json })
    }
}
