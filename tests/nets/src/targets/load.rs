//! Snapshots of every flow, as text.

use rulebound::Context;
use rulebound::ffi::load;
use rulebound::time::Timestamp;

use crate::hold::views;
use crate::places::PLACES;

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(snapshot) = load(text) else { return };
    let saved = snapshot.save();
    let again = load(&saved).unwrap_or_else(|why| panic!("a loaded and saved snapshot does not load: {why}\n{saved}"));
    assert_eq!(again.save(), saved, "a loaded and saved snapshot loads as another");
    for now in [0, 1_796_083_200_000, 9_007_199_254_740_991] {
        let context = Context::at(Timestamp::from_millis(now));
        assert_eq!(views(again.as_ref(), &context), views(snapshot.as_ref(), &context), "the views differ: {saved}");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    PLACES.all.iter().step_by(3).map(|it| it.snapshot.save().into_bytes()).collect()
}
