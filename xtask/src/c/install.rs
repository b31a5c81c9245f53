//! The C library, built and put below a prefix.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::abi::RULEBOUND_ABI;
use super::program::is_there;
use super::symbols::functions;
use crate::{Outcome, cargo, root, run, target};

/// What a program that links the archive must link, too. The compiler itself adds the library that unwinds a panic, shared
/// or static.
pub(super) const PRIVATE: [&str; 5] = ["-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

const USAGE: &str = "\
usage: [DESTDIR=FOLDER] cargo xtask install-c PREFIX
builds the C library, and puts its headers into PREFIX/include, and the library, shared and static, and its files for pkg-config
and CMake into PREFIX/lib; PREFIX is a folder such as \"$HOME/.local\", and is made if it does not exist; with DESTDIR, all of it
is put below that folder, as for a package that is unpacked elsewhere";

/// `cargo xtask install-c`, which prints what it does.
pub(crate) fn install(arguments: &[&str]) -> Outcome {
    if let ["-h" | "--help"] = arguments {
        println!("{USAGE}");
        return Ok(());
    }
    let prefix = below(env::var_os("DESTDIR"), &prefix(arguments)?);
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

/// The prefix below the folder in which a package is put together.
fn below(folder: Option<OsString>, prefix: &Path) -> PathBuf {
    match folder.filter(|it| !it.is_empty()) {
        Some(folder) => Path::new(&folder).join(prefix.strip_prefix("/").unwrap_or(prefix)),
        None => prefix.to_owned(),
    }
}

/// The library, as cargo builds it.
pub(crate) struct Built {
    pub(crate) shared: PathBuf,
    pub(crate) archive: PathBuf,
}

/// Builds the library and puts it below a prefix. Returns what is there now.
pub(super) fn place(prefix: &Path) -> Result<Vec<PathBuf>, String> {
    cargo(&["build", "--release", "--package", "rulebound-c"])?;
    let built = target().join("release");
    lay_out(&Built { shared: built.join("librulebound_c.so"), archive: built.join("librulebound_c.a") }, prefix)
}

/// Puts the library, its headers and its files for pkg-config and CMake below a prefix. Returns what is there now.
pub(crate) fn lay_out(built: &Built, prefix: &Path) -> Result<Vec<PathBuf>, String> {
    let files = || -> io::Result<Vec<PathBuf>> {
        let (lib, include) = (prefix.join("lib"), prefix.join("include"));
        let mut installed = Vec::new();
        fs::create_dir_all(&include)?;
        for header in ["rulebound.h", "rulebound_rules.h"] {
            fs::copy(root().join("bindings/c/include").join(header), include.join(header))?;
            installed.push(include.join(header));
        }
        for (path, text) in descriptions() {
            let path = lib.join(path);
            fs::create_dir_all(path.with_file_name(""))?;
            fs::write(&path, text)?;
            installed.push(path);
        }
        let (shared, link) = (lib.join(soname()), lib.join("librulebound.so"));
        // A running program keeps the old file, so it is removed and not overwritten.
        let _ = (fs::remove_file(&shared), fs::remove_file(&link));
        fs::copy(&built.shared, &shared)?;
        crate::link(Path::new(&soname()), &link)?;
        installed.extend([shared, link]);
        Ok(installed)
    };
    let mut installed = files().map_err(|error| format!("{}: {error}", prefix.display()))?;
    let archive = prefix.join("lib/librulebound.a");
    seal(&built.archive, &archive)?;
    installed.push(archive);
    Ok(installed)
}

/// Copies an archive so that it defines the functions of the header and nothing else: a program can link it beside another
/// library that is written in Rust. Without the GNU tools it is copied as it is.
fn seal(archive: &Path, to: &Path) -> Outcome {
    let _ = fs::remove_file(to);
    if !(cfg!(target_os = "linux") && is_there("objcopy", &["--version"])) {
        println!("{} defines Rust's own symbols too: there is no objcopy", to.display());
        return fs::copy(archive, to).map(drop).map_err(|error| format!("{}: {error}", archive.display()));
    }
    let object = to.with_file_name("rulebound.o");
    let mut link = Command::new("cc");
    link.args(["-nostdlib", "-r", "-Wl,--gc-sections"]);
    link.args(functions().iter().map(|name| format!("-Wl,-u,{name}"))).arg("-o").arg(&object).arg(archive);
    run(&mut link)?;
    // The standard library comes with bitcode, which is of no use once it is linked, and which no `ar` could read.
    let left = ["--strip-unneeded", "--remove-section=.llvmbc", "--remove-section=.llvmcmd"];
    let keep = ["--wildcard", "--keep-global-symbol=rulebound_*"];
    run(Command::new("objcopy").args(keep).args(left).arg(&object))?;
    run(Command::new("ar").arg("crs").arg(to).arg(&object))?;
    fs::remove_file(&object).map_err(|error| format!("{}: {error}", object.display()))
}

/// The name under which programs load the shared library.
pub(crate) fn soname() -> String {
    format!("librulebound.so.{RULEBOUND_ABI}")
}

/// The files that tell pkg-config and CMake about the library, by their paths below `lib`. They find it wherever the whole
/// prefix is moved to.
fn descriptions() -> [(&'static str, String); 3] {
    let filled = |text: &str| {
        let libraries = PRIVATE.map(|it| it.trim_start_matches("-l")).join(";");
        let text = text.replace("@VERSION@", env!("CARGO_PKG_VERSION")).replace("@SONAME@", &soname());
        text.replace("@PRIVATE@", &PRIVATE.join(" ")).replace("@LIBRARIES@", &libraries)
    };
    [
        ("pkgconfig/rulebound.pc", filled(include_str!("../../../bindings/c/install/rulebound.pc"))),
        ("cmake/rulebound/rulebound-config.cmake", filled(include_str!("../../../bindings/c/install/config.cmake"))),
        (
            "cmake/rulebound/rulebound-config-version.cmake",
            filled(include_str!("../../../bindings/c/install/version.cmake")),
        ),
    ]
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

    #[test]
    fn a_package_is_put_together_below_its_own_folder() {
        let at = |folder: Option<&str>| below(folder.map(OsString::from), Path::new("/usr")).display().to_string();
        assert_eq!([at(None), at(Some("")), at(Some("/tmp/p"))], ["/usr", "/usr", "/tmp/p/usr"]);
    }
}
