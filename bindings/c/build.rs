//! Gives the shared library its soname.

#[path = "src/abi.rs"]
mod abi;

fn main() {
    println!("cargo::rerun-if-changed=src/abi.rs");
    let abi = abi::RULEBOUND_ABI;
    let library = |name: &str| println!("cargo::rustc-cdylib-link-arg=-Wl,{name}");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("windows") => {}
        Ok("macos") => library(&format!("-install_name,@rpath/librulebound.{abi}.dylib")),
        _ => library(&format!("-soname,librulebound.so.{abi}")),
    }
}
