//! The boundary to Node: one callback for every verb, which no panic leaves.
//!
//! Plain Node-API: a wrapper that converts arguments by their types costs more than a decision does.
#![allow(unsafe_code, reason = "Node-API is a C interface")]

use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::Once;

use napi_sys as sys;
use rulebound::ffi::CallError;

use crate::answer::{Answer, MOST, NUMBERS, Verb, message};
use crate::memo::Memo;
use crate::verbs::VERBS;

/// Room for an ordinary text, so that it is read in one go.
const ORDINARY: usize = 1024;
/// The name under which JavaScript finds the numbers beside an answer's text.
const NUMBERS_NAME: &str = "numbers";

/// The arguments of one call.
pub(crate) struct Call<'a> {
    env: sys::napi_env,
    arguments: &'a [sys::napi_value; MOST],
}

impl Call<'_> {
    fn argument(&self, index: usize) -> sys::napi_value {
        self.arguments.get(index).copied().unwrap_or(null_mut())
    }

    /// Whether the argument is anything but `undefined`.
    pub(crate) fn has(&self, index: usize) -> bool {
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: the environment and the argument live for as long as the callback does.
        let status = unsafe { sys::napi_typeof(self.env, self.argument(index), &mut kind) };
        status == sys::Status::napi_ok && kind != sys::ValueType::napi_undefined
    }

    /// A number, if the argument is one.
    pub(crate) fn number(&self, index: usize) -> Option<f64> {
        let mut number = 0.0;
        // SAFETY: the environment and the argument live for as long as the callback does.
        let status = unsafe { sys::napi_get_value_double(self.env, self.argument(index), &mut number) };
        (status == sys::Status::napi_ok).then_some(number)
    }

    /// A text, if the argument is one.
    pub(crate) fn text(&self, index: usize) -> Option<String> {
        let mut bytes = Vec::with_capacity(ORDINARY);
        let mut length = self.read(index, &mut bytes)?;
        // A character that does not fit is left out whole, and has at most four bytes.
        if length > ORDINARY - 8 {
            length = self.length(index)?;
            bytes.reserve_exact(length.saturating_add(1));
            length = self.read(index, &mut bytes)?;
        }
        // SAFETY: `read` has written that many bytes, and never more than there is room for.
        unsafe { bytes.set_len(length) };
        String::from_utf8(bytes).ok()
    }

    /// Writes a text as UTF-8 into the room of a buffer, and returns how many bytes it has written.
    fn read(&self, index: usize, room: &mut Vec<u8>) -> Option<usize> {
        let (start, capacity) = (room.as_mut_ptr().cast::<c_char>(), room.capacity());
        let mut length = 0;
        // SAFETY: `start` leads to `capacity` bytes, of which the last takes the end mark.
        let status =
            unsafe { sys::napi_get_value_string_utf8(self.env, self.argument(index), start, capacity, &mut length) };
        (status == sys::Status::napi_ok).then_some(length)
    }

    fn length(&self, index: usize) -> Option<usize> {
        let mut length = 0;
        // SAFETY: without a buffer, only the length is written.
        let status =
            unsafe { sys::napi_get_value_string_utf8(self.env, self.argument(index), null_mut(), 0, &mut length) };
        (status == sys::Status::napi_ok).then_some(length)
    }

    /// The bytes of a `Uint8Array`, if the argument is one. Copied, since JavaScript may change them; not of memory that
    /// other threads share, which may change even meanwhile.
    pub(crate) fn bytes(&self, index: usize) -> Option<Vec<u8>> {
        let (mut kind, mut length, mut data, mut buffer, mut is_own) = (0, 0, null_mut(), null_mut(), false);
        let argument = self.argument(index);
        let (kind_of, data_of) = (&mut kind, &mut data);
        // SAFETY: the environment and the argument live for as long as the callback does; one result is not asked for.
        check(unsafe {
            sys::napi_get_typedarray_info(self.env, argument, kind_of, &mut length, data_of, &mut buffer, null_mut())
        })?;
        // SAFETY: as above.
        check(unsafe { sys::napi_is_arraybuffer(self.env, buffer, &mut is_own) })?;
        match kind == sys::TypedarrayType::uint8_array && is_own {
            false => None,
            true if length == 0 => Some(Vec::new()),
            // SAFETY: Node says that `data` leads to so many bytes, and nothing runs that could move them.
            true => Some(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) }.to_vec()),
        }
    }
}

/// What the library keeps for one JavaScript environment: the main thread's, or a worker's.
struct Instance {
    memo: Memo,
    /// The `Float64Array` of the numbers beside an answer's text.
    numbers: sys::napi_ref,
}

impl Instance {
    /// Sets the numbers beside an answer's text, unless JavaScript has given the array's memory away.
    fn set_numbers(&self, env: sys::napi_env, numbers: [f64; NUMBERS]) -> Option<()> {
        let (mut array, mut length, mut data) = (null_mut(), 0, null_mut());
        // SAFETY: the reference is the environment's own, and holds the array for as long as that lives.
        check(unsafe { sys::napi_get_reference_value(env, self.numbers, &mut array) })?;
        let (data_of, none) = (&mut data, null_mut());
        // SAFETY: three results are not asked for.
        check(unsafe {
            sys::napi_get_typedarray_info(env, array, null_mut(), &mut length, data_of, none, null_mut())
        })?;
        // SAFETY: Node says that `data` leads to so many numbers, and nothing runs that could take them away.
        (length == NUMBERS).then(|| unsafe { *data.cast() = numbers })
    }
}

/// The callback of every verb.
unsafe extern "C" fn enter(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut arguments = [null_mut(); MOST];
    let (mut count, mut verb, mut instance) = (MOST, null_mut(), null_mut());
    // SAFETY: `info` is this callback's, `arguments` has `count` places, and one result is not asked for.
    let got = unsafe { sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), null_mut(), &mut verb) };
    // SAFETY: `env` is this callback's.
    let held = unsafe { sys::napi_get_instance_data(env, &mut instance) };
    if got != sys::Status::napi_ok || held != sys::Status::napi_ok || verb.is_null() || instance.is_null() {
        return null_mut();
    }
    // SAFETY: `register` gave the function this verb, which is static.
    let verb = unsafe { &*verb.cast::<Verb>() };
    // SAFETY: `register` gave the environment this instance. One thread runs it, and no verb calls JavaScript, so that
    // no other reference to it exists now.
    let instance = unsafe { &mut *instance.cast::<Instance>() };
    let call = Call { env, arguments: &arguments };
    let answer = catch_unwind(AssertUnwindSafe(|| {
        #[cfg(feature = "panics")]
        crate::panics::strike(verb.name);
        (verb.serve)(&call, &mut instance.memo)
    }));
    let answer = match answer {
        Ok(answer) => answer.unwrap_or_else(Answer::unexplained),
        Err(bug) => Answer::wrong(&CallError::internal(format_args!("a bug in rulebound: {}", message(&*bug)))),
    };
    if instance.set_numbers(env, answer.numbers()).is_none() {
        return null_mut();
    }
    match answer.text.as_str() {
        "" => null_mut(),
        text => string(env, text),
    }
}

/// A text for JavaScript; nothing if there is no memory for it.
fn string(env: sys::napi_env, text: &str) -> sys::napi_value {
    let (start, length) = (text.as_ptr().cast::<c_char>(), text.len().cast_signed());
    let mut value = null_mut();
    // SAFETY: `start` leads to `length` bytes, which are ASCII and so Latin-1, or else UTF-8. They are copied.
    let status = unsafe {
        match text.is_ascii() {
            true => sys::napi_create_string_latin1(env, start, length, &mut value),
            false => sys::napi_create_string_utf8(env, start, length, &mut value),
        }
    };
    if status == sys::Status::napi_ok { value } else { null_mut() }
}

/// The entry that Node looks for.
#[unsafe(no_mangle)]
unsafe extern "C" fn napi_register_module_v1(env: sys::napi_env, exports: sys::napi_value) -> sys::napi_value {
    static SYMBOLS: Once = Once::new();
    let registered = catch_unwind(|| {
        // SAFETY: once, before any other function of the interface. The handle is of Node itself, and stays open.
        SYMBOLS.call_once(|| std::mem::forget(unsafe { sys::setup() }));
        register(env, exports)
    });
    match registered {
        Ok(Some(())) => exports,
        _ => null_mut(),
    }
}

fn register(env: sys::napi_env, exports: sys::napi_value) -> Option<()> {
    let instance = Box::into_raw(Box::new(instance(env, exports)?));
    // SAFETY: the instance is handed over to the environment, which gives it to `leave` when it ends.
    check(unsafe { sys::napi_set_instance_data(env, instance.cast(), Some(leave), null_mut()) })?;
    for verb in VERBS {
        let (start, length) = (verb.name.as_ptr().cast::<c_char>(), verb.name.len().cast_signed());
        let (data, mut function) = (std::ptr::from_ref(verb).cast_mut().cast::<c_void>(), null_mut());
        // SAFETY: `start` leads to `length` bytes; `enter` reads the verb, which is static.
        check(unsafe { sys::napi_create_function(env, start, length, Some(enter), data, &mut function) })?;
        export(env, exports, verb.name, function)?;
    }
    Some(())
}

fn instance(env: sys::napi_env, exports: sys::napi_value) -> Option<Instance> {
    let (mut data, mut buffer, mut array, mut numbers) = (null_mut(), null_mut(), null_mut(), null_mut());
    // SAFETY: the results are written to places of this function's own.
    check(unsafe { sys::napi_create_arraybuffer(env, size_of::<[f64; NUMBERS]>(), &mut data, &mut buffer) })?;
    let kind = sys::TypedarrayType::float64_array;
    // SAFETY: as above; the buffer is as long as so many numbers, and aligned for any.
    check(unsafe { sys::napi_create_typedarray(env, kind, NUMBERS, buffer, 0, &mut array) })?;
    // SAFETY: as above.
    check(unsafe { sys::napi_create_reference(env, array, 1, &mut numbers) })?;
    export(env, exports, NUMBERS_NAME, array)?;
    Some(Instance { memo: Memo::new(0), numbers })
}

fn export(env: sys::napi_env, exports: sys::napi_value, name: &str, value: sys::napi_value) -> Option<()> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name ends with a null, and is copied.
    check(unsafe { sys::napi_set_named_property(env, exports, name.as_ptr(), value) })
}

fn check(status: sys::napi_status) -> Option<()> {
    (status == sys::Status::napi_ok).then_some(())
}

/// Frees what was kept for an environment that ends.
unsafe extern "C" fn leave(_env: sys::napi_env, instance: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `register` made it from a box, and the environment gives it back once.
    drop(unsafe { Box::from_raw(instance.cast::<Instance>()) });
}
