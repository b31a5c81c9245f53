//! The C library. `cargo xtask codegen` makes its header, `include/rulebound.h`, from this file and its comments.

#![expect(clippy::missing_safety_doc, reason = "the header's comments say what a function asks of its caller")]

#[cfg(all(feature = "panics", not(debug_assertions)))]
compile_error!("`panics` is for tests, and never in a release");

mod abi;
mod guard;

use std::ffi::{c_char, c_int};
use std::ptr;

use rulebound::catalogue::RULES_VERSION;
use rulebound::ffi::{self, LARGEST_CALL, PROTOCOL};

pub use abi::RULEBOUND_ABI;
use guard::guarded;
#[cfg(feature = "panics")]
pub use guard::rulebound_panic_next;

/// The longest request that is read, in bytes: 4 MiB.
pub const RULEBOUND_REQUEST_MAX: usize = 4 << 20;
const _: () = assert!(RULEBOUND_REQUEST_MAX == LARGEST_CALL);

/// Whether a call was answered. A number never changes its meaning.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Answered: the answer says whether the request was done, rejected or wrong.
    Ok = 0,
    /// A pointer is null; nothing was done.
    NullPointer = 1,
    /// The request is not UTF-8; nothing was done.
    NotUtf8 = 2,
    /// The request is longer than `RULEBOUND_REQUEST_MAX`, and was not read.
    TooLong = 3,
    /// A bug in the library, reported on standard error. Nothing was done, and the next call is independent of this one.
    Panicked = 4,
}

/// A string that the library made: UTF-8, followed by a zero byte that `length` does not count.
///
/// Free a buffer with `rulebound_buffer_free`, and with nothing else. Initialize a buffer with `RULEBOUND_BUFFER_INIT`, so
/// that it can be freed even if no call has written to it.
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    /// The string.
    pub data: *mut c_char,
    /// Its length in bytes.
    pub length: usize,
}

/// Does one verb: `{"handle": {…}}` gives `{"ok": …}`, `{"rejected": {"violations": […]}}` or
/// `{"error": {"code", "pointer", "message"}}`.
///
/// `request` points to `length` bytes of JSON; no zero byte needs to follow them. The library writes to `answer` only if
/// the status is `RULEBOUND_STATUS_OK`, and does not free what `answer` held before. Any number of threads may call at
/// the same time.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rulebound_call(request: *const c_char, length: usize, answer: *mut Buffer) -> Status {
    guarded(Status::Panicked, || {
        if request.is_null() || answer.is_null() {
            return Status::NullPointer;
        }
        // SAFETY: the caller says that `length` bytes can be read there.
        match unsafe { text(request, length) } {
            // SAFETY: the caller says that a buffer can be written there.
            Ok(request) => unsafe { answer.write(Buffer::of(ffi::call(request))) },
            Err(status) => return status,
        }
        Status::Ok
    })
}

/// Frees a buffer and empties it. Freeing an empty buffer or a null pointer does nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rulebound_buffer_free(buffer: *mut Buffer) {
    guarded((), || {
        // SAFETY: the caller says that it is null, or a buffer that `rulebound_call` or this function wrote.
        let Some(buffer) = (unsafe { buffer.as_mut() }) else { return };
        let Buffer { data, length } = std::mem::replace(buffer, Buffer { data: ptr::null_mut(), length: 0 });
        if !data.is_null() {
            let whole = ptr::slice_from_raw_parts_mut(data.cast::<u8>(), length.saturating_add(1));
            // SAFETY: `Buffer::of` made it from a box of that length.
            drop(unsafe { Box::from_raw(whole) });
        }
    });
}

/// What a status means, as a string that must not be freed.
#[unsafe(no_mangle)]
pub extern "C" fn rulebound_status_text(status: c_int) -> *const c_char {
    let text = match status {
        0 => c"answered",
        1 => c"a pointer is null",
        2 => c"the request is not UTF-8",
        3 => c"the request is longer than 4 MiB",
        4 => c"a bug in the library, reported on standard error",
        _ => c"not a status of this library",
    };
    guarded(ptr::null(), || text.as_ptr())
}

/// The version of the library, such as `0.1.0`, as a string that must not be freed.
#[unsafe(no_mangle)]
pub extern "C" fn rulebound_version() -> *const c_char {
    guarded(ptr::null(), || concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
}

/// The version of the providers' rules, such as `2026.11`, as a string that must not be freed.
#[unsafe(no_mangle)]
pub extern "C" fn rulebound_rules_version() -> *const c_char {
    static TEXT: [u8; RULES_VERSION.len() + 1] = terminated(RULES_VERSION);
    guarded(ptr::null(), || TEXT.as_ptr().cast())
}

/// The version of the call protocol: the verbs, their fields and their answers.
#[unsafe(no_mangle)]
pub extern "C" fn rulebound_protocol() -> u32 {
    guarded(0, || PROTOCOL)
}

/// The version of the C ABI of the library that is loaded; a program compiled with this header needs `RULEBOUND_ABI`.
#[unsafe(no_mangle)]
pub extern "C" fn rulebound_abi() -> u32 {
    guarded(0, || RULEBOUND_ABI)
}

impl Buffer {
    fn of(text: String) -> Self {
        let length = text.len();
        let mut bytes = text.into_bytes();
        bytes.reserve_exact(1);
        bytes.push(0);
        Self { data: Box::into_raw(bytes.into_boxed_slice()).cast(), length }
    }
}

/// A request as a string.
unsafe fn text<'a>(request: *const c_char, length: usize) -> Result<&'a str, Status> {
    if length > RULEBOUND_REQUEST_MAX {
        return Err(Status::TooLong);
    }
    // SAFETY: the caller of `rulebound_call` promises that they can be read.
    let bytes = unsafe { std::slice::from_raw_parts(request.cast::<u8>(), length) };
    std::str::from_utf8(bytes).map_err(|_| Status::NotUtf8)
}

/// A string followed by a zero byte.
const fn terminated<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let (whole, _) = bytes.split_at_mut(text.len());
    whole.copy_from_slice(text.as_bytes());
    bytes
}
