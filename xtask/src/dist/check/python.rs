//! The wheel, in a virtual environment of its own.

use super::super::{tools, write};
use super::clean::Clean;
use super::{block, built, same};
use crate::{Outcome, run};

const README: &str = "bindings/python/README.md";

pub(super) fn check() -> Outcome {
    let clean = Clean::new("python", &["python3"])?;
    let wheel = built("python", "rulebound-", ".whl")?;
    let environment = clean.place("environment")?;
    run(clean.command("python3").args(["-m", "venv"]).arg(&environment))?;
    let python = environment.join("bin/python");
    let pip =
        |arguments: &[&str]| run(clean.command(&python).args(["-m", "pip", "--quiet", "install"]).args(arguments));
    pip(&["--no-index", &wheel.display().to_string()])?;
    let project = clean.place("project")?;
    write(&project.join("first.py"), block(README, "python")?)?;
    let printed = tools::printed(clean.command(&python).arg("first.py").current_dir(&project))?;
    same("the first example for Python, from the wheel", &printed, &block(README, "text")?)?;
    // With the host kit's dependencies, which are packages of others.
    pip(&[&format!("{}[host]", wheel.display())])?;
    write(&project.join("host.py"), block("README.md", "python")?)?;
    run(clean.command(&python).arg("host.py").current_dir(&project))?;
    println!("passed: the program with the host kit on the first page");
    Ok(())
}
