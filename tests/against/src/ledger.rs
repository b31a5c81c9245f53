//! What the host has done, counted without the library.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::scene::{Provider, View};

/// How long access may outlast the paid period: the grace of the default config.
const GRACE: i64 = 24 * 3_600_000;

/// What a host has delivered and granted, and what its reviews were about.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// What was delivered, by row and effect.
    delivered: BTreeMap<(String, String), String>,
    /// Until when each customer has access, and every access effect that was carried out.
    access: BTreeMap<String, i64>,
    levels: BTreeSet<(String, String)>,
    /// What the reviews so far were about, by row.
    pub(crate) reviewed: BTreeSet<(String, String)>,
    /// What is counted for the report.
    pub(crate) deliveries: u64,
}

impl Ledger {
    /// Delivers something, once for each effect.
    pub(crate) fn deliver(&mut self, provider: &dyn Provider, view: &View<'_>, effect: &str, about: &str) {
        let name = (view.row.to_owned(), effect.to_owned());
        if self.delivered.contains_key(&name) {
            return;
        }
        assert!(provider.is_paid(view, about), "delivered and not paid: {about} by {effect}");
        let same = provider.same_as(view, about);
        assert!(!self.delivered.values().any(|it| *it == same), "delivered twice: {about} by {effect}");
        self.delivered.insert(name, same);
        self.deliveries += 1;
    }

    /// Gives a customer access until an instant, once for each effect.
    pub(crate) fn grant(&mut self, provider: &dyn Provider, view: &View<'_>, effect: &str, about: &str, until: i64) {
        if !self.levels.insert((view.row.to_owned(), effect.to_owned())) {
            return;
        }
        let paid = provider.paid_until(view, about);
        let allowed = paid.is_some_and(|paid| until <= paid + GRACE);
        let ends = until <= view.now || self.access.get(about).is_some_and(|have| until <= *have);
        assert!(allowed || ends, "access beyond the paid period: {about} until {until}, paid until {paid:?}");
        self.access.insert(about.to_owned(), until);
    }

    /// Whether a person has looked at something of a row.
    fn is_reviewed(&self, provider: &dyn Provider, view: &View<'_>, about: &str) -> bool {
        let of = |it: &String| it.contains(about) || provider.same_as(view, it).contains(about);
        self.reviewed.iter().any(|(row, it)| row == view.row && of(it))
    }

    /// What is wrong in the end with what a row has: something is paid and neither delivered nor under review, or gives
    /// no access, or is charged although the host has it as ended, or the status contradicts the records.
    pub(crate) fn missing(&self, provider: &dyn Provider, view: &View<'_>, status: &Value) -> Option<String> {
        for about in provider.paid(view) {
            let same = provider.same_as(view, &about);
            let is_delivered = self.delivered.values().any(|it| *it == same);
            if !is_delivered && ![&about, &same].iter().any(|it| self.is_reviewed(provider, view, it)) {
                return Some(format!("paid, and neither delivered nor under review: {about}"));
            }
        }
        let lacks = |(about, _): &(String, i64)| self.access.get(about).is_none_or(|have| *have <= view.now);
        if let Some((about, until)) = provider.entitled(view).into_iter().find(lacks) {
            let has_reviews = self.reviewed.iter().any(|(row, _)| row == view.row);
            if !has_reviews {
                return Some(format!("paid, and no access: {about} is paid until {until}"));
            }
        }
        if let Some(denied) = provider.denied(view, status) {
            return Some(format!("the status is wrong: {denied}"));
        }
        let about = provider.still_charges(view, status).filter(|it| !self.is_reviewed(provider, view, it))?;
        Some(format!("the host and the provider disagree whether it has ended: {about}"))
    }
}
