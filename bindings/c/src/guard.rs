//! The boundary that no panic crosses.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Returns what `work` returns, or `otherwise` if it panics.
pub(crate) fn guarded<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    let watched = || {
        #[cfg(feature = "panics")]
        panic_if_due();
        work()
    };
    // Only what a call returns outlives it, so that a panic leaves nothing half done.
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
fn panic_if_due() {
    assert!(!DUE.take(), "a test made this call panic");
}
