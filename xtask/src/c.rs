//! The C library: its build, its installation, its tests, and its runner of transcripts.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, cargo, cargo_with, root, run, target};

/// What a program that links the archive links beside it: what Rust's own library is made on.
const PRIVATE: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// A language that the header is for: its compiler, its standard, and what makes the compiler take a file for it.
type Language = (&'static str, &'static str, &'static str);
const C11: Language = ("cc", "-std=c11", "-xc");
const CPP17: Language = ("c++", "-std=c++17", "-xc++");

/// How a test program is run: under which other program, with which settings.
#[derive(Clone, Copy)]
struct Under<'a> {
    wrapper: &'a [&'a str],
    settings: &'a [(&'a str, &'a str)],
}

const PLAINLY: Under<'_> = Under { wrapper: &[], settings: &[] };

/// Builds the library, installs it below the target folder, and compiles the runner of transcripts.
pub(crate) fn build() -> Outcome {
    install(&home())?;
    shared(C11, "transcript").map(drop)
}

/// The runner of transcripts, which `build` has made.
pub(crate) fn runner() -> Command {
    let mut command = Command::new(program_path(C11, "transcript", "shared"));
    command.env("LD_LIBRARY_PATH", home().join("lib"));
    command
}

/// Builds the library and puts it, its headers and its pkg-config file below a prefix.
pub(crate) fn install(prefix: &Path) -> Outcome {
    cargo(&["build", "--quiet", "--package", "rulebound-c"])?;
    let files = || -> std::io::Result<()> {
        let (built, lib, include) = (target().join("debug"), prefix.join("lib"), prefix.join("include"));
        fs::create_dir_all(lib.join("pkgconfig"))?;
        fs::create_dir_all(&include)?;
        for header in fs::read_dir(root().join("bindings/c/include"))? {
            let header = header?;
            fs::copy(header.path(), include.join(header.file_name()))?;
        }
        fs::copy(built.join("librulebound_c.a"), lib.join("librulebound.a"))?;
        let (shared, link) = (format!("librulebound.so.{}", abi()?), lib.join("librulebound.so"));
        fs::copy(built.join("librulebound_c.so"), lib.join(&shared))?;
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(shared, link)?;
        fs::write(lib.join("pkgconfig/rulebound.pc"), description())
    };
    files().map_err(|error| format!("{}: {error}", prefix.display()))
}

/// The version of the ABI, from its one owner.
fn abi() -> std::io::Result<String> {
    let source = fs::read_to_string(root().join("bindings/c/src/abi.rs"))?;
    let number = source.split_once("RULEBOUND_ABI: u32 = ").and_then(|(_, rest)| rest.split_once(';'));
    number.map(|(number, _)| number.to_owned()).ok_or_else(|| std::io::Error::other("bindings/c/src/abi.rs"))
}

/// The pkg-config file, which finds the library wherever the whole prefix is moved to.
fn description() -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\nName: rulebound\n\
         Description: The rules of subscription-payment providers as one embeddable library\nVersion: {}\n\
         Cflags: -I${{prefix}}/include\nLibs: -L${{prefix}}/lib -lrulebound\nLibs.private: {}\n",
        env!("CARGO_PKG_VERSION"),
        PRIVATE.join(" ")
    )
}

/// Everything that the library promises: in both languages, linked both ways, and under every checker.
pub(crate) fn test() -> Outcome {
    build()?;
    let archive = home().join("lib/librulebound.a");
    for language in [C11, CPP17] {
        for program in ["calls", "threads"] {
            check(&shared(language, program)?, PLAINLY)?;
            check(&linked(language, program, &archive, &[])?, PLAINLY)?;
        }
    }
    let valgrind = ["valgrind", "--quiet", "--leak-check=full", "--error-exitcode=9"];
    for program in ["calls", "threads"] {
        check(&program_path(C11, program, "static"), Under { wrapper: &valgrind, settings: &[] })?;
    }
    sanitized()
}

/// The same, with the library and its callers watched by the sanitizers; only this build can be made to panic.
fn sanitized() -> Outcome {
    let host = host()?;
    let build = ["build", "--quiet", "--package", "rulebound-c", "--features", "panics", "--target", &host];
    let instrumented = [("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Zsanitizer=address")];
    cargo_with(&build, &instrumented)?;
    let archive = target().join(host).join("debug/librulebound_c.a");
    let watch = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];
    let under = Under { wrapper: &[], settings: &[("ASAN_OPTIONS", "detect_leaks=1")] };
    for language in [C11, CPP17] {
        for program in ["calls", "threads", "panics"] {
            check(&linked(language, program, &archive, &watch)?, under)?;
        }
    }
    Ok(())
}

/// Compiles a test program against the installed shared library, found by pkg-config.
fn shared(language: Language, program: &str) -> Result<PathBuf, String> {
    let flags = pkg_config(&["--cflags", "--libs", "rulebound"])?;
    compile(language, &source(program), &program_path(language, program, "shared"), &flags)
}

/// Compiles a test program together with an archive.
fn linked(language: Language, program: &str, archive: &Path, more: &[&str]) -> Result<PathBuf, String> {
    let way = if more.is_empty() { "static" } else { "sanitized" };
    let include = format!("-I{}", root().join("bindings/c/include").display());
    let mut flags = vec![include.into(), "-xnone".into(), archive.as_os_str().to_owned()];
    flags.extend(PRIVATE.iter().chain(more).map(OsString::from));
    compile(language, &source(program), &program_path(language, program, way), &flags)
}

/// Compiles one file into a program, with every warning an error.
fn compile(language: Language, source: &Path, to: &Path, flags: &[OsString]) -> Result<PathBuf, String> {
    let (compiler, standard, kind) = language;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    let mut command = Command::new(compiler);
    command.args([
        standard,
        "-g",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
        "-D_POSIX_C_SOURCE=200809L",
        kind,
    ]);
    command.arg(source).args(["-xnone", "-o"]).arg(to).args(flags).arg("-lpthread");
    run(&mut command)?;
    Ok(to.to_owned())
}

/// Runs a test program, which prints what it has counted.
fn check(program: &Path, under: Under<'_>) -> Outcome {
    println!("{} {}", under.wrapper.join(" "), program.file_name().unwrap_or_default().display());
    let mut command = match under.wrapper {
        [] => Command::new(program),
        [wrapper, arguments @ ..] => {
            let mut command = Command::new(wrapper);
            command.args(arguments).arg(program);
            command
        }
    };
    command.env("LD_LIBRARY_PATH", home().join("lib")).env("RUST_BACKTRACE", "0").envs(under.settings.iter().copied());
    run(&mut command)
}

fn source(program: &str) -> PathBuf {
    root().join("bindings/c/tests").join(format!("{program}.c"))
}

fn program_path(language: Language, program: &str, way: &str) -> PathBuf {
    let (_, standard, _) = language;
    target().join("c").join(format!("{program}-{}-{way}", standard.trim_start_matches("-std=")))
}

/// Where the library is installed for the tests.
fn home() -> PathBuf {
    target().join("c/installed")
}

/// What pkg-config says, word by word.
fn pkg_config(arguments: &[&str]) -> Result<Vec<OsString>, String> {
    let mut command = Command::new("pkg-config");
    let output = command.args(arguments).env("PKG_CONFIG_PATH", home().join("lib/pkgconfig")).output();
    match output {
        Ok(output) if output.status.success() => {
            let words = String::from_utf8_lossy(&output.stdout).split_whitespace().map(OsString::from).collect();
            Ok(words)
        }
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("pkg-config did not start: {error}")),
    }
}

/// The platform that this machine is, as the compiler names it.
fn host() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsStr::new("rustc").to_owned());
    let output = Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).ok_or("rustc names no host".into())
}
