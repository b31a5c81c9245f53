//! What the host has done, counted without the library.

use std::collections::{BTreeMap, BTreeSet};

use super::provider::{Provider, SentRequest};

/// How long access may outlast the paid period: the grace of the default config.
const GRACE: i64 = 24 * 3_600_000;

/// What was sent, delivered and granted.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The key of every effect, and the effect of every key.
    keys: BTreeMap<String, String>,
    effects: BTreeMap<String, String>,
    /// How often each key was sent.
    pub(super) sends: BTreeMap<String, usize>,
    /// What was delivered, by its effect.
    delivered: BTreeMap<String, String>,
    /// Until when each customer has access, and every access effect that was carried out.
    access: BTreeMap<String, i64>,
    levels: BTreeSet<String>,
    /// What the reviews so far were about.
    pub(super) reviewed: BTreeSet<String>,
}

impl Ledger {
    /// A request was sent.
    pub(super) fn sent(&mut self, request: &SentRequest) {
        let key = self.keys.entry(request.effect.clone()).or_insert_with(|| request.key.clone());
        assert_eq!(*key, request.key, "an effect has changed its key: {}", request.effect);
        let effect = self.effects.entry(request.key.clone()).or_insert_with(|| request.effect.clone());
        assert_eq!(*effect, request.effect, "two effects have one key: {}", request.key);
        *self.sends.entry(request.key.clone()).or_default() += 1;
    }

    /// Delivers something, once for each effect.
    pub(super) fn deliver(&mut self, effect: &str, about: &str, provider: &dyn Provider) {
        if self.delivered.contains_key(effect) {
            return;
        }
        assert!(provider.is_paid(about), "delivered and not paid: {about} by {effect}");
        let about = provider.same_as(about);
        let twice = self.delivered.values().any(|it| provider.same_as(it) == about);
        assert!(!twice, "delivered twice: {about} by {effect}");
        self.delivered.insert(effect.to_owned(), about);
    }

    /// Gives a customer access until an instant, once for each effect.
    pub(super) fn grant(&mut self, effect: &str, about: &str, (until, now): (i64, i64), provider: &dyn Provider) {
        if !self.levels.insert(effect.to_owned()) {
            return;
        }
        let paid = provider.paid_until(about);
        let allowed = paid.is_some_and(|paid| until <= paid + GRACE);
        let ends = until <= now || self.access.get(about).is_some_and(|have| until <= *have);
        assert!(allowed || ends, "access beyond the paid period: {about} until {until}, paid until {paid:?}");
        self.access.insert(about.to_owned(), until);
    }

    /// What was paid and not delivered, or a customer who has paid and has no access.
    pub(super) fn missing(&self, provider: &dyn Provider, now: i64, has_webhooks: bool) -> Option<String> {
        let delivered: BTreeSet<_> = self.delivered.values().map(|it| provider.same_as(it)).collect();
        let is_reviewed = |it: &String| {
            self.reviewed.iter().any(|about| about.contains(it.as_str()) || provider.same_as(about) == *it)
        };
        if let Some(lacking) =
            provider.paid(has_webhooks).iter().find(|it| !delivered.contains(*it) && !is_reviewed(it))
        {
            return Some(format!("paid and never delivered: {lacking}"));
        }
        let entitled = provider.entitled(now).into_iter();
        let mut locked_out = entitled.filter(|(about, until)| self.access.get(about).is_none_or(|have| have < until));
        let (about, until) = locked_out.next()?;
        let have = self.access.get(&about);
        Some(format!("paid and locked out: {about} is paid until {until}, and has access until {have:?}"))
    }
}
