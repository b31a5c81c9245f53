//! The C library, built and put below a prefix.

use std::fs;
use std::path::{Path, PathBuf};

use super::abi::RULEBOUND_ABI;
use crate::{Outcome, cargo, root, target};

/// What a program that links the archive must link, too. The compiler itself adds the library that unwinds a panic, shared
/// or static.
pub(super) const PRIVATE: [&str; 5] = ["-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

const USAGE: &str = "\
usage: cargo xtask install-c PREFIX
builds the C library, and puts its headers into PREFIX/include, and the library, shared and static, and its pkg-config file
into PREFIX/lib; PREFIX is a folder such as \"$HOME/.local\", and is made if it does not exist";

/// `cargo xtask install-c`, which prints what it does.
pub(crate) fn install(arguments: &[&str]) -> Outcome {
    if let ["-h" | "--help"] = arguments {
        println!("{USAGE}");
        return Ok(());
    }
    let prefix = prefix(arguments)?;
    println!("building the C library, for {}", prefix.display());
    let installed = place(&prefix)?;
    for path in &installed {
        println!("installed {}", path.display());
    }
    println!("pkg-config finds it with PKG_CONFIG_PATH=\"{}\"", prefix.join("lib/pkgconfig").display());
    Ok(())
}

/// The folder that the arguments name.
fn prefix(arguments: &[&str]) -> Result<PathBuf, String> {
    let reject = |why: &str| Err(format!("{why}\n{USAGE}"));
    match arguments {
        [prefix] if prefix.trim().is_empty() => reject("PREFIX is empty"),
        [option] if option.starts_with('-') => reject(&format!("there is no option `{option}`")),
        [prefix] if Path::new(prefix).is_file() => reject(&format!("`{prefix}` is a file, and not a folder")),
        [prefix] => std::path::absolute(prefix).map_err(|error| format!("{prefix}: {error}")),
        _ => reject("give one PREFIX"),
    }
}

/// Builds the library and puts it, its headers and its pkg-config file below a prefix. Returns what is there now.
pub(super) fn place(prefix: &Path) -> Result<Vec<PathBuf>, String> {
    cargo(&["build", "--release", "--package", "rulebound-c"])?;
    let files = || -> std::io::Result<Vec<PathBuf>> {
        let (built, lib, include) = (target().join("release"), prefix.join("lib"), prefix.join("include"));
        let (shared, link) = (lib.join(soname()), lib.join("librulebound.so"));
        let (archive, description) = (lib.join("librulebound.a"), lib.join("pkgconfig/rulebound.pc"));
        fs::create_dir_all(lib.join("pkgconfig"))?;
        fs::create_dir_all(&include)?;
        let mut installed = Vec::new();
        for header in ["rulebound.h", "rulebound_rules.h"] {
            fs::copy(root().join("bindings/c/include").join(header), include.join(header))?;
            installed.push(include.join(header));
        }
        fs::copy(built.join("librulebound_c.a"), &archive)?;
        // A running program keeps the old file, so it is removed and not overwritten.
        let _ = (fs::remove_file(&shared), fs::remove_file(&link));
        fs::copy(built.join("librulebound_c.so"), &shared)?;
        std::os::unix::fs::symlink(soname(), &link)?;
        fs::write(&description, pkg_config())?;
        installed.extend([archive, shared, link, description]);
        Ok(installed)
    };
    files().map_err(|error| format!("{}: {error}", prefix.display()))
}

/// The name under which programs load the shared library.
pub(super) fn soname() -> String {
    format!("librulebound.so.{RULEBOUND_ABI}")
}

/// The pkg-config file, which finds the library wherever the whole prefix is moved to.
fn pkg_config() -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\nlibdir=${{prefix}}/lib\nincludedir=${{prefix}}/include\n\n\
         Name: rulebound\nDescription: The rules of subscription-payment providers as one embeddable library\n\
         Version: {}\nCflags: -I${{includedir}}\nLibs: -L${{libdir}} -lrulebound\nLibs.private: {}\n",
        env!("CARGO_PKG_VERSION"),
        PRIVATE.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_folder_is_rejected_with_the_usage() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for wrong in [&[][..], &[""], &[" "], &["-p"], &["--prefix=/usr"], &["a", "b"], &[file]] {
            assert!(prefix(wrong).is_err_and(|why| why.contains("usage: ")), "{wrong:?}");
        }
        assert!(prefix(&["a b/c"]).is_ok_and(|path| path.is_absolute() && path.ends_with("a b/c")));
    }
}
