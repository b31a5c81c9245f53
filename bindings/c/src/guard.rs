//! The boundary that no panic crosses.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the work returns, or what to return if it panics.
pub(crate) fn guarded<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    let watched = || {
        #[cfg(feature = "panics")]
        panic_if_told();
        work()
    };
    // Nothing outlives a call but what it returns, so that there is nothing to be left half done.
    catch_unwind(AssertUnwindSafe(watched)).unwrap_or(otherwise)
}

#[cfg(feature = "panics")]
thread_local! {
    static DUE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Makes the next call of this thread panic.
///
/// cbindgen:ignore
#[cfg(feature = "panics")]
#[unsafe(no_mangle)]
pub extern "C" fn rulebound_panic_next() {
    DUE.set(true);
}

#[cfg(feature = "panics")]
fn panic_if_told() {
    assert!(!DUE.take(), "a test made this call panic");
}
