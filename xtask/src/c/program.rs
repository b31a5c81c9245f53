//! C programs of the binding: how they are compiled, linked and run.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::home;
use super::install::PRIVATE;
use crate::{Outcome, root, run, target};

/// A language that the header supports: its compiler, its standard, and the flag that selects the language.
pub(super) struct Language {
    compiler: &'static str,
    standard: &'static str,
    kind: &'static str,
}

pub(super) const C11: Language = Language { compiler: "cc", standard: "-std=c11", kind: "-xc" };
pub(super) const CPP17: Language = Language { compiler: "c++", standard: "-std=c++17", kind: "-xc++" };

/// What a program is linked with.
#[derive(Clone, Copy)]
pub(super) enum Linked<'a> {
    /// The installed shared library, as pkg-config finds it.
    Shared,
    /// An archive.
    Static(&'a Path),
    /// An archive that is built with the address sanitizer, as the program is then.
    Sanitized(&'a Path),
}

/// A program, by its path below `bindings/c` and without its ending.
pub(super) struct Program<'a> {
    pub(super) source: &'a str,
    pub(super) language: Language,
    pub(super) linked: Linked<'a>,
    /// Other libraries, by the names that pkg-config has for them.
    pub(super) beside: &'a [&'a str],
}

impl<'a> Program<'a> {
    pub(super) fn new(source: &'a str, language: Language, linked: Linked<'a>) -> Self {
        Self { source, language, linked, beside: &[] }
    }

    /// The path of the compiled program.
    pub(super) fn path(&self) -> PathBuf {
        let linking = match self.linked {
            Linked::Shared => "shared",
            Linked::Static(_) => "static",
            Linked::Sanitized(_) => "sanitized",
        };
        let standard = self.language.standard.trim_start_matches("-std=");
        target().join("c").join(standard).join(linking).join(self.source)
    }

    /// Compiles it, with every warning an error.
    pub(super) fn compile(&self) -> Result<PathBuf, String> {
        let path = self.path();
        run(&mut self.compiler(&path)?)?;
        Ok(path)
    }

    /// Checks that the compiler gives a warning, by a part of its flag.
    pub(super) fn warns(&self, flag: &str) -> Outcome {
        let output = self.compiler(&self.path())?.output().map_err(|error| error.to_string())?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        match !output.status.success() && complaint.contains(flag) {
            true => Ok(()),
            false => Err(format!("{}: the compiler does not warn about `{flag}`: {complaint}", self.source)),
        }
    }

    /// The command that compiles it.
    fn compiler(&self, path: &Path) -> Result<Command, String> {
        fs::create_dir_all(path.with_file_name("")).map_err(|error| error.to_string())?;
        let Language { compiler, standard, kind } = self.language;
        let mut command = Command::new(compiler);
        command.args([standard, "-g", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-D_POSIX_C_SOURCE=200809L"]);
        command.arg(kind).arg(root().join("bindings/c").join(self.source).with_extension("c")).args(["-xnone", "-o"]);
        command.arg(path).args(self.flags()?).arg("-lpthread");
        Ok(command)
    }

    fn flags(&self) -> Result<Vec<OsString>, String> {
        const WATCHED: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        let mut flags = match self.linked {
            Linked::Shared if is_there("pkg-config", &["--version"]) => pkg_config(&["rulebound"])?,
            Linked::Shared => {
                let (include, lib) = (home().join("include"), home().join("lib"));
                let flags = [format!("-I{}", include.display()), format!("-L{}", lib.display()), "-lrulebound".into()];
                flags.map(OsString::from).to_vec()
            }
            Linked::Static(archive) | Linked::Sanitized(archive) => {
                let include = format!("-I{}", home().join("include").display());
                let mut flags = vec![include.into(), archive.as_os_str().to_owned()];
                flags.extend(PRIVATE.map(OsString::from));
                flags
            }
        };
        if let Linked::Sanitized(_) = self.linked {
            flags.extend(WATCHED.map(OsString::from));
        }
        if !self.beside.is_empty() {
            flags.extend(pkg_config(self.beside)?);
        }
        Ok(flags)
    }

    /// Compiles it and runs it to its end.
    pub(super) fn check(&self) -> Outcome {
        run(&mut self.run(&self.compile()?, &[]))
    }

    /// Runs it, compiled, under valgrind.
    pub(super) fn check_memory(&self) -> Outcome {
        let watch = ["valgrind", "--quiet", "--leak-check=full", "--error-exitcode=9"];
        run(&mut self.run(&self.path(), &watch))
    }

    /// Compiles it, runs it, and compares its output with a file beside it.
    pub(super) fn check_output(&self, arguments: &[&Path], expected: &str) -> Outcome {
        let expected = root().join("bindings/c").join(self.source).with_file_name(expected);
        let expected = fs::read_to_string(&expected).map_err(|error| format!("{}: {error}", expected.display()))?;
        let mut command = self.run(&self.compile()?, &[]);
        let output = command.args(arguments).output().map_err(|error| error.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if output.status.success() && printed == expected {
            return Ok(());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(format!("{} ended with {} and printed\n{printed}{complaint}", self.source, output.status))
    }

    /// The command that runs it, perhaps under another program.
    fn run(&self, program: &Path, under: &[&str]) -> Command {
        println!("{} {}", under.join(" "), program.strip_prefix(target()).unwrap_or(program).display());
        let mut words = under.iter().map(OsString::from).chain([program.into()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        // A test that panics on purpose needs no backtrace.
        command.args(words).env("LD_LIBRARY_PATH", home().join("lib")).env("RUST_BACKTRACE", "0");
        command
    }
}

/// Whether a program exists and succeeds with some arguments.
pub(super) fn is_there(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// How a library is compiled against and linked, word by word.
fn pkg_config(libraries: &[&str]) -> Result<Vec<OsString>, String> {
    let mut command = Command::new("pkg-config");
    command.args(["--cflags", "--libs"]).args(libraries).env("PKG_CONFIG_PATH", home().join("lib/pkgconfig"));
    match command.output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).split_whitespace().map(OsString::from).collect())
        }
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("pkg-config did not start: {error}")),
    }
}
