//! Snapshots of every flow, as text.

use rulebound::Context;
use rulebound::ffi::load;
use rulebound::time::Timestamp;

use crate::hold::views;
use crate::places::PLACES;

pub(super) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(at) = load(text) else { return };
    let saved = at.save();
    let again = load(&saved).unwrap_or_else(|why| panic!("what was loaded and saved does not load: {why}\n{saved}"));
    assert_eq!(again.save(), saved, "what was loaded and saved is loaded as another");
    for now in [0, 1_796_083_200_000, 9_007_199_254_740_991] {
        let around = Context::at(Timestamp::from_millis(now));
        assert_eq!(views(again.as_ref(), &around), views(at.as_ref(), &around), "the views differ: {saved}");
    }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    PLACES.all.iter().step_by(3).map(|it| it.at.save().into_bytes()).collect()
}
