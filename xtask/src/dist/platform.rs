//! The platforms that a release has binaries for, and how one is compiled.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use super::tools;
use crate::{Outcome, cargo_command, host, root, run, target};

/// The oldest glibc that a binary needs: that of manylinux2014, and of RHEL 7, Debian 8 and Ubuntu 14.04 and later.
const GLIBC: &str = "2.17";

/// A platform, as `bindings/node/lib/platforms.json` lists it for the loader as well.
#[derive(Deserialize, Clone, PartialEq, Eq, Debug)]
pub(super) struct Platform {
    pub(super) name: String,
    /// The platform as the compiler names it.
    pub(super) target: String,
    pub(super) os: String,
    pub(super) cpu: String,
    pub(super) libc: Option<String>,
}

impl Platform {
    pub(super) fn all() -> Result<Vec<Self>, String> {
        serde_json::from_str(include_str!("../../../bindings/node/lib/platforms.json")).map_err(|it| it.to_string())
    }

    /// The platform of this machine.
    pub(super) fn here() -> Result<Self, String> {
        let target = host()?;
        let found = Self::all()?.into_iter().find(|it| it.target == target);
        found.ok_or_else(|| format!("there is no release for {target}: add it to bindings/node/lib/platforms.json"))
    }

    pub(super) fn named(name: &str) -> Result<Self, String> {
        let all = Self::all()?;
        let names = all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
        all.iter().find(|it| it.name == name).cloned().ok_or_else(|| format!("`{name}` is none of {names}"))
    }

    /// Whether zig links, so that a binary runs with any glibc since 2.17, and on another processor.
    pub(super) fn is_linked_by_zig(&self) -> bool {
        self.os == "linux"
    }

    /// Builds a package of the workspace, and returns the folder of what was built.
    pub(super) fn build(&self, package: &str, profile: &str) -> Result<PathBuf, String> {
        let (mut command, target) = match self.is_linked_by_zig() {
            true => (tools::command("cargo-zigbuild")?, self.with_glibc()),
            false => (cargo_command(), self.target.clone()),
        };
        command.arg(if self.is_linked_by_zig() { "zigbuild" } else { "build" });
        command.args(["--locked", "--package", package, "--profile", profile, "--target", &target]);
        if self.libc.as_deref() == Some("musl") && package == "rulebound-node" {
            // A library that another program loads shares that program's libc.
            command.env("RUSTFLAGS", "-Ctarget-feature=-crt-static");
        }
        run(command.current_dir(root()))?;
        Ok(crate::target().join(&self.target).join(profile))
    }

    fn with_glibc(&self) -> String {
        match self.libc.as_deref() {
            Some("glibc") => format!("{}.{GLIBC}", self.target),
            _ => self.target.clone(),
        }
    }

    /// The name of a library's file, shared or static, or of a program's.
    pub(super) fn file(&self, name: &str, kind: Kind) -> String {
        match (kind, self.os.as_str()) {
            (Kind::Shared, "win32") => format!("{name}.dll"),
            (Kind::Shared, "darwin") => format!("lib{name}.dylib"),
            (Kind::Shared, _) => format!("lib{name}.so"),
            (Kind::Static, "win32") => format!("{name}.lib"),
            (Kind::Static, _) => format!("lib{name}.a"),
            (Kind::Program, "win32") => format!("{name}.exe"),
            (Kind::Program, _) => name.to_owned(),
        }
    }
}

/// What a file is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Shared,
    Static,
    Program,
}

/// Packs a folder below another one, the same bytes each time: its name is that of the archive.
pub(super) fn pack(folder: &std::path::Path, archive: &std::path::Path) -> Outcome {
    let name = folder.file_name().unwrap_or_default();
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(folder.with_file_name(""));
    if cfg!(target_os = "linux") {
        tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=u+rw,go+r"]);
        tar.arg("--use-compress-program=gzip -9n").arg("-cf");
    } else {
        tar.arg("-czf");
    }
    run(tar.arg(archive).arg(name).current_dir(target()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_looks_for_what_a_release_has() {
        let all = Platform::all().unwrap_or_default();
        assert!(all.len() >= 7);
        for Platform { name, os, cpu, libc, .. } in all {
            let libc = libc.map(|it| format!("-{}", if it == "glibc" { "gnu" } else { "musl" })).unwrap_or_default();
            assert_eq!(name, format!("{os}-{cpu}{libc}"));
        }
        assert!(Platform::named("plan9-x64").is_err_and(|why| why.contains("linux-x64-musl")));
    }
}
