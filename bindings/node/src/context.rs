//! What a decision depends on besides the snapshot, read from the arguments of a call.

use rulebound::Context;
use rulebound::time::Timestamp;

use crate::memo::Memo;
use crate::raw::Call;

/// The longest text of a command, a fact or a config: `ffi::call` rejects what is longer.
const LONGEST: usize = 4 << 20;

/// Where an argument of the verbs on a snapshot is.
const NOW: usize = 2;
const CONFIG: usize = 3;
/// The command, the effect or the fact.
pub(crate) const INPUT: usize = 4;

/// The context of a call; nothing where its time or its config cannot be read.
pub(crate) fn context(call: &Call<'_>, memo: &mut Memo) -> Option<Context> {
    let config = match call.has(CONFIG) {
        true => memo.config(bounded(call, CONFIG)?)?,
        false => memo.default_config(),
    };
    Some(Context::new(instant(call, NOW)?, config))
}

/// A time, if the argument is one that every JSON carries.
pub(crate) fn instant(call: &Call<'_>, index: usize) -> Option<Timestamp> {
    let millis = call.number(index)?;
    let now = Timestamp::from_millis(millis as i64);
    (now.as_millis() as f64 == millis).then_some(now)
}

pub(crate) fn bounded(call: &Call<'_>, index: usize) -> Option<String> {
    call.text(index).filter(|text| text.len() <= LONGEST)
}
