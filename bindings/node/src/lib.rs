//! rulebound for Node.js: functions from text to text, which `lib/` gives their shape in JavaScript.

#[cfg(all(feature = "panics", not(debug_assertions)))]
compile_error!("`panics` is for tests, and never in a release");

mod context;
mod memo;
#[cfg(feature = "panics")]
mod panics;
mod raw;
mod verbs;
