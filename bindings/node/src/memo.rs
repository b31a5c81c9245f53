//! The snapshots and the config that were read or made last, so that the next call need not read their text again.
//!
//! In JavaScript a snapshot is its text, and owns nothing here: V8 runs finalizers only between turns, so that a loop
//! which never waits would free none. What is forgotten is read again from its text.

use std::sync::Arc;

use rulebound::Config;
use rulebound::ffi::{AnySnapshot, read_config};

/// How many snapshots are remembered.
const REMEMBERED: u64 = 256;

/// What is remembered for one JavaScript environment.
pub(crate) struct Memo {
    /// Each snapshot in the place that its number leads to; a newer one takes it over.
    places: Vec<Option<Kept>>,
    last: u64,
    default_config: Arc<Config>,
    /// The last config that was given, and its text: a host gives the same one again and again.
    config: Option<(String, Arc<Config>)>,
}

struct Kept {
    number: u64,
    snapshot: Box<dyn AnySnapshot>,
}

impl Memo {
    /// A memo of nothing, whose numbers follow one that was given before, or 0.
    pub(crate) fn new(last: u64) -> Self {
        let places = (0..REMEMBERED).map(|_| None).collect();
        Self { places, last, default_config: Arc::default(), config: None }
    }

    /// The config of a host that gives none.
    pub(crate) fn default_config(&self) -> Arc<Config> {
        Arc::clone(&self.default_config)
    }

    /// The config of a text; nothing if it cannot be read.
    pub(crate) fn config(&mut self, text: String) -> Option<Arc<Config>> {
        match &self.config {
            Some((known, config)) if *known == text => Some(Arc::clone(config)),
            _ => {
                let config = Arc::new(read_config(&text).ok()?);
                self.config = Some((text, Arc::clone(&config)));
                Some(config)
            }
        }
    }

    /// Keeps a snapshot under a number that was never given before.
    pub(crate) fn keep(&mut self, snapshot: Box<dyn AnySnapshot>) -> u64 {
        self.last = self.last.saturating_add(1);
        let number = self.last;
        if let Some(place) = self.place(number) {
            *place = Some(Kept { number, snapshot });
        }
        number
    }

    /// The snapshot of a number, read again if it was forgotten; nothing if it cannot be read.
    pub(crate) fn open(
        &mut self,
        number: u64,
        read: impl FnOnce() -> Option<Box<dyn AnySnapshot>>,
    ) -> Option<&dyn AnySnapshot> {
        let place = self.place(number)?;
        let _ = place.take_if(|kept| kept.number != number);
        let kept = match place {
            Some(kept) => kept,
            None => place.insert(Kept { number, snapshot: read()? }),
        };
        Some(kept.snapshot.as_ref())
    }

    fn place(&mut self, number: u64) -> Option<&mut Option<Kept>> {
        self.places.get_mut(usize::try_from(number % REMEMBERED).ok()?)
    }
}
