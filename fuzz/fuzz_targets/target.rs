//! The one program of the fuzzer: it runs the target that the variable `RULEBOUND_TARGET` names.

#![no_main]

use std::sync::LazyLock;

use rulebound_nets::targets::{Target, named};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("RULEBOUND_TARGET").unwrap_or_default();
    named(&name).unwrap_or_else(|| panic!("there is no target `{name}`: set RULEBOUND_TARGET"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
