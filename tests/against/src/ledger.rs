//! What the host has done, counted without the library.

use std::collections::{BTreeMap, BTreeSet};

use crate::scene::{Scene, View};

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
    pub(crate) fn deliver(&mut self, scene: &dyn Scene, view: &View<'_>, effect: &str, about: &str) {
        let name = (view.row.to_owned(), effect.to_owned());
        if self.delivered.contains_key(&name) {
            return;
        }
        assert!(scene.is_paid(view, about), "delivered and not paid: {about} by {effect}");
        assert!(!self.delivered.values().any(|it| it == about), "delivered twice: {about} by {effect}");
        self.delivered.insert(name, about.to_owned());
        self.deliveries += 1;
    }

    /// Gives a customer access until an instant, once for each effect.
    pub(crate) fn grant(&mut self, scene: &dyn Scene, view: &View<'_>, effect: &str, about: &str, until: i64) {
        if !self.levels.insert((view.row.to_owned(), effect.to_owned())) {
            return;
        }
        let paid = scene.paid_until(view, about);
        let allowed = paid.is_some_and(|paid| until <= paid + GRACE);
        let ends = until <= view.now || self.access.get(about).is_some_and(|have| until <= *have);
        assert!(allowed || ends, "access beyond the paid period: {about} until {until}, paid until {paid:?}");
        self.access.insert(about.to_owned(), until);
    }

    /// What was paid, and is neither delivered nor under review.
    pub(crate) fn missing(&self, scene: &dyn Scene, view: &View<'_>) -> Option<String> {
        let is_delivered = |about: &String| self.delivered.values().any(|it| it == about);
        let is_reviewed =
            |about: &String| self.reviewed.iter().any(|(row, it)| row == view.row && it.contains(about.as_str()));
        scene.paid(view).into_iter().find(|about| !is_delivered(about) && !is_reviewed(about))
    }
}
