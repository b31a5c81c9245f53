//! Panics on demand, for the tests that show that none crosses the boundary.

use std::cell::RefCell;

use crate::answer::{Answer, Kind};
use crate::memo::Memo;
use crate::raw::Call;

thread_local! {
    static NEXT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes the next call of a verb panic.
pub(crate) fn panic_in(call: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    let verb = call.text(0)?;
    NEXT.with(|next| next.replace(Some(verb)));
    Some(Answer::new(Kind::Done, String::new()))
}

/// Panics if this verb is the one.
#[expect(clippy::panic, reason = "it is what this module is for")]
pub(crate) fn strike(verb: &str) {
    if NEXT.with(|next| next.borrow_mut().take_if(|named| named == verb)).is_some() {
        panic!("injected into {verb}");
    }
}
