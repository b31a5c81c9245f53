//! Proof that the core needs no standard library: if `std` were linked, its panic handler would clash with this one.

#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};

struct Nowhere;

// SAFETY: it returns only null pointers, which an allocator may always do.
unsafe impl GlobalAlloc for Nowhere {
    unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _pointer: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nowhere = Nowhere;

#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Links the whole facade, and through it every verb of every flow.
#[unsafe(no_mangle)]
pub extern "C" fn rulebound_no_std() -> usize {
    rulebound::ffi::call("{}").len()
}
