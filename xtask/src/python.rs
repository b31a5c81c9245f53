//! The Python binding: built as a host would install it, and tested. It writes only below `target`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::files::{copy, emptied, files};
use crate::{Outcome, UNOPTIMIZED, build_simulator, cargo_with, root, run, target, venv};

/// The largest size of the wheel: 2.4 MB, with the host kit and the licences of what is linked. It rises only with a feature that needs it.
const LARGEST_WHEEL: u64 = 2_400_000;

/// Installs the binding into its own virtual environment, as the wheel that is released. Once in a run.
pub(crate) fn build() -> Outcome {
    static BUILT: OnceLock<Outcome> = OnceLock::new();
    BUILT.get_or_init(install).clone()
}

fn install() -> Outcome {
    venv::make(&home(), &binding().join("tests/requirements.txt"))?;
    let wheels = home().join("wheels");
    let _ = fs::remove_dir_all(&wheels);
    let densest = "--config-settings=build-args=--compression-level 9";
    pip(&["wheel", "--no-deps", densest, "--wheel-dir", &text(&wheels), &text(&binding())])?;
    let wheel = only_file(&wheels)?;
    let size = fs::metadata(&wheel).map_err(|error| error.to_string())?.len();
    println!("{}: {size} bytes", wheel.file_name().unwrap_or_default().display());
    if size > LARGEST_WHEEL {
        return Err(format!("the wheel is larger than {LARGEST_WHEEL} bytes"));
    }
    pip(&["install", "--no-deps", "--force-reinstall", &text(&wheel)])
}

/// Every test of the binding.
pub(crate) fn test() -> Outcome {
    build()?;
    build_simulator()?;
    pytest(&mut python(), &[])?;
    pytest(python().env("PYTHONPATH", panicking()?), &["tests/test_panics.py"])
}

/// The runner of scripts. The binding must be built.
pub(crate) fn runner() -> Command {
    let mut command = python();
    command.arg("tests/transcript.py");
    command
}

/// Measures the binding, an empty call, and what a host would write without the binding.
pub(crate) fn bench() -> Outcome {
    build()?;
    pip(&["install", "--requirement", &text(&binding().join("benches/requirements.txt"))])?;
    run(python().arg("benches/bench.py"))?;
    bench_host()
}

/// Measures the host kit's workers beside the same loop by hand.
pub(crate) fn bench_host() -> Outcome {
    build()?;
    run(python().arg("benches/host.py"))
}

/// A copy of the package whose native part panics when a test asks for it.
fn panicking() -> Result<PathBuf, String> {
    cargo_with(&["build", "--package", "rulebound-python", "--features", "panics"], &[UNOPTIMIZED])?;
    let folder = emptied(home().join("panics"))?;
    let package = folder.join("rulebound");
    copy(&binding().join("python/rulebound"), &package)?;
    copy(&target().join("debug/lib_rulebound.so"), &package.join("_rulebound.abi3.so"))?;
    Ok(folder)
}

fn pytest(python: &mut Command, arguments: &[&str]) -> Outcome {
    run(python.args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]).args(arguments))
}

fn pip(arguments: &[&str]) -> Outcome {
    run(python().args(["-m", "pip", "--quiet", "--disable-pip-version-check"]).args(arguments))
}

/// The environment's own Python, which leaves nothing behind in the work tree.
fn python() -> Command {
    let mut command = Command::new(interpreter());
    command.current_dir(binding()).env("PYTHONDONTWRITEBYTECODE", "1").env("CARGO_TARGET_DIR", target());
    command.env("PYRIGHT_PYTHON_CACHE_DIR", home().join("pyright"));
    command
}

fn only_file(folder: &Path) -> Result<PathBuf, String> {
    files(folder)?.into_iter().next().ok_or_else(|| format!("there is no wheel in {}", folder.display()))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn interpreter() -> PathBuf {
    venv::programs(&home()).join("python")
}

fn binding() -> PathBuf {
    root().join("bindings/python")
}

fn home() -> PathBuf {
    target().join("python-env")
}
