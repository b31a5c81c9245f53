//! Seeded chaos: faults at a rate, the same ones whenever the same requests come in the same order.

use serde_json::{Value, json};

use super::faults::{KINDS, is_webhook};
use super::ids::id;

/// What chaos does unless it is asked for other faults: nothing that costs real time or is lost for ever.
const USUAL: &[&str] = &[
    "commit_then_drop",
    "drop_before_commit",
    "webhook_before_reply",
    "webhook_twice",
    "webhook_after_a_day",
    "error_after_commit",
    "truncated_json",
    "html_200",
    "in_progress_409",
    "too_many_requests_429",
];

#[derive(Debug)]
pub(crate) struct Chaos {
    seed: String,
    per_mille: u64,
    kinds: Vec<&'static str>,
    drawn: u64,
    struck: u64,
}

impl Chaos {
    /// Reads `{"seed", "per_mille", "kinds"}`.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let per_mille = value["per_mille"].as_u64().filter(|rate| *rate <= 1_000);
        let per_mille = per_mille.ok_or("`per_mille` must be a whole number from 0 to 1000.")?;
        let kinds = match value["kinds"].as_array() {
            None => USUAL.to_vec(),
            Some(names) => {
                let known = |name: &Value| KINDS.iter().copied().find(|kind| name == *kind);
                let kinds: Option<Vec<_>> = names.iter().map(known).collect();
                kinds.ok_or_else(|| format!("Each of `kinds` must be one of {}.", KINDS.join(", ")))?
            }
        };
        Ok(Self { seed: value["seed"].to_string(), per_mille, kinds, drawn: 0, struck: 0 })
    }

    /// The fault of the next request or webhook, if it has one.
    pub(crate) fn draw(&mut self, webhook: bool) -> Option<&'static str> {
        self.drawn = self.drawn.saturating_add(1);
        let draw = id(&self.seed, &format!("chaos {}", self.drawn)).hex(24);
        let (rate, choice) = draw.split_at_checked(12)?;
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
        if number(rate).rem_euclid(1_000) >= self.per_mille {
            return None;
        }
        let kinds: Vec<&str> = self.kinds.iter().copied().filter(|kind| is_webhook(kind) == webhook).collect();
        let index = number(choice).checked_rem(u64::try_from(kinds.len()).ok()?)?;
        self.struck = self.struck.saturating_add(1);
        kinds.get(usize::try_from(index).ok()?).copied()
    }

    pub(crate) fn shown(&self) -> Value {
        json!({"per_mille": self.per_mille, "kinds": self.kinds, "drawn": self.drawn, "struck": self.struck})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chaos_strikes_at_its_rate_and_repeats_itself() {
        let draws = |seed: u64| {
            let mut chaos = Chaos::read(&json!({"seed": seed, "per_mille": 100})).unwrap();
            (0..2_000).map(|nth| chaos.draw(nth % 2 == 0)).collect::<Vec<_>>()
        };
        let struck = draws(1).iter().flatten().count();
        assert!((150..250).contains(&struck), "{struck}");
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }

    #[test]
    fn chaos_without_a_fitting_kind_strikes_nothing() {
        let mut chaos = Chaos::read(&json!({"per_mille": 1000, "kinds": ["webhook_never"]})).unwrap();
        assert_eq!((chaos.draw(false), chaos.draw(true)), (None, Some("webhook_never")));
        assert!(Chaos::read(&json!({"per_mille": 1001})).is_err());
        assert!(Chaos::read(&json!({"per_mille": 1, "kinds": ["explode"]})).is_err());
    }
}
