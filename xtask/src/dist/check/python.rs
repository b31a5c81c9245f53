//! The wheel, in a virtual environment of its own.

use super::super::{tools, write};
use super::clean::Clean;
use super::{block, built, same, simulator};
use crate::{Outcome, run};

const README: &str = "bindings/python/README.md";

/// A test's use of the simulator: a new world has received nothing.
const SIMULATED: &str = "\
from rulebound.testing import Simulator

with Simulator() as simulator:
    print(simulator.world().journal())
";

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
    let Some(program) = simulator::for_tests("python") else { return Ok(()) };
    write(&project.join("simulated.py"), SIMULATED)?;
    let mut simulated = clean.command(&python);
    simulated.arg("simulated.py").env("RULEBOUND_SIMULATOR", program).current_dir(&project);
    same("a world of the simulator, from the wheel", &tools::printed(&mut simulated)?, "[]\n")
}
