//! What the host has done in the world, counted without the library.

use std::collections::{BTreeMap, BTreeSet};

use super::provider::{Got, Provider};

/// How long access may outlast what was paid: the default policy's grace.
const GRACE: i64 = 24 * 3_600_000;

/// What was sent, delivered and granted.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The key of every effect, and the effect of every key.
    keys: BTreeMap<String, String>,
    effects: BTreeMap<String, String>,
    /// How often each key was sent.
    pub(super) sends: BTreeMap<String, usize>,
    /// What was delivered, by the effect that asked for it.
    delivered: BTreeMap<String, String>,
    /// Until when each customer is let in, and every level that was applied.
    access: BTreeMap<String, i64>,
    levels: BTreeSet<String>,
    /// What a person was asked about.
    pub(super) asked: BTreeSet<String>,
}

impl Ledger {
    /// A request was handed out.
    pub(super) fn sent(&mut self, got: &Got) {
        let key = self.keys.entry(got.effect.clone()).or_insert_with(|| got.key.clone());
        assert_eq!(*key, got.key, "an effect has changed its key: {}", got.effect);
        let effect = self.effects.entry(got.key.clone()).or_insert_with(|| got.effect.clone());
        assert_eq!(*effect, got.effect, "two effects have one key: {}", got.key);
        *self.sends.entry(got.key.clone()).or_default() += 1;
    }

    /// Delivers what an effect asks for, once for each effect.
    pub(super) fn deliver(&mut self, effect: &str, of: &str, provider: &dyn Provider) {
        if self.delivered.contains_key(effect) {
            return;
        }
        assert!(provider.is_paid(of), "delivered and not paid: {of} by {effect}");
        let of = provider.same_as(of);
        let twice = self.delivered.values().any(|it| provider.same_as(it) == of);
        assert!(!twice, "delivered twice: {of} by {effect}");
        self.delivered.insert(effect.to_owned(), of);
    }

    /// Lets a customer in until an instant, once for each effect.
    pub(super) fn admit(&mut self, effect: &str, of: &str, (until, now): (i64, i64), provider: &dyn Provider) {
        if !self.levels.insert(effect.to_owned()) {
            return;
        }
        let paid = provider.paid_until(of);
        let allowed = paid.is_some_and(|paid| until <= paid + GRACE);
        let ends = until <= now || self.access.get(of).is_some_and(|have| until <= *have);
        assert!(allowed || ends, "access beyond what was paid: {of} until {until}, paid until {paid:?}");
        self.access.insert(of.to_owned(), until);
    }

    /// What was paid and not delivered, or paid and the customer not let in.
    pub(super) fn owes(&self, provider: &dyn Provider, now: i64, is_told: bool) -> Option<String> {
        let delivered: BTreeSet<_> = self.delivered.values().map(|it| provider.same_as(it)).collect();
        let asked =
            |it: &String| self.asked.iter().any(|about| about.contains(it.as_str()) || provider.same_as(about) == *it);
        if let Some(lacking) = provider.paid(is_told).iter().find(|it| !delivered.contains(*it) && !asked(it)) {
            return Some(format!("paid and never delivered: {lacking}"));
        }
        let entitled = provider.entitled(now).into_iter();
        let mut locked_out = entitled.filter(|(of, until)| self.access.get(of).is_none_or(|have| have < until));
        let (of, until) = locked_out.next()?;
        let have = self.access.get(&of);
        Some(format!("paid and locked out: {of} is paid until {until}, and let in until {have:?}"))
    }
}
