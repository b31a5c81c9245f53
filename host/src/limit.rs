//! Limits of an account: how many of its requests this process has in flight, and how many it begins in a second.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// The time in which a rate is counted.
const SECOND_MS: i64 = 1_000;
/// How long a request lasts as a rule. After it, a place can be free.
const REQUEST_MS: i64 = 200;

/// What a provider accepts of one account; nothing if there is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Limit {
    pub(crate) in_flight: Option<usize>,
    pub(crate) per_second: Option<usize>,
}

impl Limit {
    /// The limits of an account: its own, otherwise the provider's.
    pub(crate) fn or(self, provider: Self) -> Self {
        Self { in_flight: self.in_flight.or(provider.in_flight), per_second: self.per_second.or(provider.per_second) }
    }

    pub(crate) fn check(self, name: &str) -> Result<()> {
        match (self.in_flight, self.per_second) {
            (Some(0), _) => Err(Error::input(format!("providers.{name}.max_in_flight"), "is 0: give at least 1")),
            (_, Some(0)) => Err(Error::input(format!("providers.{name}.max_per_second"), "is 0: give at least 1")),
            _ => Ok(()),
        }
    }
}

/// A provider and an account, or a flow and a key.
type Pair = (String, String);

/// What this process does at each account that has limits.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<BTreeMap<Pair, Used>>);

#[derive(Debug, Default)]
struct Used {
    /// The rows whose request is in flight, each with the end of its lease: a place that is not given back is free then.
    in_flight: BTreeMap<Pair, i64>,
    /// When requests were begun, within the last second.
    begun: VecDeque<i64>,
    /// How many rows were turned away since a request began.
    turned_away: usize,
}

impl Limits {
    /// Takes a place for a request of a row, until its lease ends. If there is none, the result is when to try again: the rows that
    /// are turned away get different times, so that each is likely to find a place.
    pub(crate) fn take(
        &self,
        account: (&str, &str),
        row: (&str, &str),
        limit: Limit,
        now: i64,
        until: i64,
    ) -> Option<i64> {
        if limit == Limit::default() {
            return None;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = all.entry(owned(account)).or_default();
        used.in_flight.retain(|_, end| *end > now);
        used.begun.retain(|at| *at <= now && now.saturating_sub(*at) < SECOND_MS);
        let free_at = used.free_at(&owned(row), limit, now);
        match free_at {
            Some(_) => used.turned_away = used.turned_away.saturating_add(1),
            None => {
                used.in_flight.insert(owned(row), until);
                used.begun.push_back(now);
                used.turned_away = 0;
            }
        }
        free_at
    }

    /// Gives a place back, because the request has ended or was not begun.
    pub(crate) fn leave(&self, account: (&str, &str), row: (&str, &str)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(used) = all.get_mut(&owned(account)) {
            used.in_flight.remove(&owned(row));
        }
    }
}

impl Used {
    /// When there is likely a place; nothing if there is one now.
    fn free_at(&self, row: &Pair, limit: Limit, now: i64) -> Option<i64> {
        let others = self.in_flight.keys().filter(|it| *it != row).count();
        let by_place = limit.in_flight.filter(|most| others >= *most).map(|most| {
            let round = self.turned_away.checked_div(most).unwrap_or(0).saturating_add(1);
            now.saturating_add(times(round, REQUEST_MS))
        });
        let by_rate = limit.per_second.filter(|most| self.begun.len() >= *most).and_then(|most| {
            let round = self.turned_away.checked_div(most)?.saturating_add(1);
            let first = self.begun.get(self.turned_away.checked_rem(most)?)?;
            Some(first.saturating_add(times(round, SECOND_MS)))
        });
        by_place.max(by_rate)
    }
}

fn times(count: usize, ms: i64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(ms)
}

fn owned((first, second): (&str, &str)) -> Pair {
    (first.to_owned(), second.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: (&str, &str) = ("vend", "a");
    const LATER: i64 = 90_000;

    #[test]
    fn requests_in_flight_are_counted_for_each_account() {
        let limits = Limits::default();
        let limit = Limit { in_flight: Some(2), per_second: None };
        let take = |account, key, now| limits.take(account, ("f", key), limit, now, now.saturating_add(LATER));
        assert_eq!((take(ACCOUNT, "1", 0), take(ACCOUNT, "2", 0)), (None, None));
        assert_eq!(
            (take(ACCOUNT, "3", 0), take(ACCOUNT, "4", 0), take(ACCOUNT, "5", 0)),
            (Some(200), Some(200), Some(400))
        );
        assert_eq!(take(("vend", "b"), "6", 0), None, "another account");
        assert_eq!(take(ACCOUNT, "1", 0), None, "the same row again has its place");
        limits.leave(ACCOUNT, ("f", "1"));
        assert_eq!(take(ACCOUNT, "3", 1), None);
        assert_eq!(take(ACCOUNT, "7", LATER), None, "the lease of a place that was not given back has ended");
    }

    #[test]
    fn requests_in_a_second_are_counted() {
        let limits = Limits::default();
        let limit = Limit { in_flight: None, per_second: Some(2) };
        let take = |key, now| limits.take(ACCOUNT, ("f", key), limit, now, now.saturating_add(LATER));
        assert_eq!((take("1", 5_000), take("2", 5_100)), (None, None));
        assert_eq!((take("3", 5_200), take("4", 5_200), take("5", 5_200)), (Some(6_000), Some(6_100), Some(7_000)));
        assert_eq!((take("3", 6_000), take("4", 6_100)), (None, None));
        assert_eq!(take("6", 1_000), None, "a clock that went back closes no account");
    }
}
