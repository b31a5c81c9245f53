//! rulebound for JavaScript: functions from text to text, which `lib/` gives their shape. Node loads them as an addon, and
//! every other place as WebAssembly.

#[cfg(all(feature = "panics", not(debug_assertions)))]
compile_error!("`panics` is for tests, and never in a release");

mod answer;
mod context;
mod memo;
#[cfg(feature = "panics")]
mod panics;
#[cfg_attr(target_family = "wasm", path = "wasm.rs")]
mod raw;
mod verbs;
