//! The wheel for Python, for every Linux since manylinux2014.

use super::platform::Platform;
use super::{files, folder, licenses, tools};
use crate::{Outcome, root, run};

pub(super) fn build(platform: &Platform) -> Outcome {
    let (out, manifest) = (folder("python"), root().join("bindings/python/Cargo.toml"));
    let mut maturin = tools::command("maturin")?;
    maturin.args(["build", "--locked", "--compression-level", "9", "--target", &platform.target]);
    maturin.arg("--manifest-path").arg(manifest).arg("--out").arg(&out);
    match platform.libc.as_deref() {
        Some("glibc") => maturin.args(["--zig", "--compatibility", "manylinux2014"]),
        Some(_) => maturin.args(["--zig", "--compatibility", "musllinux_1_2"]),
        None => &mut maturin,
    };
    // For as long as the wheel is built: `pyproject.toml` names every `LICENSE-*`.
    licenses::put("rulebound-python", &platform.target, &root().join("bindings/python"))?;
    let built = run(&mut maturin);
    let _ = std::fs::remove_file(root().join("bindings/python").join(licenses::THIRD_PARTY));
    built?;
    if platform.libc.as_deref() == Some("glibc") { audited() } else { Ok(()) }
}

/// What auditwheel says of each wheel: it must run on every Linux that has glibc 2.17.
fn audited() -> Outcome {
    for wheel in files(&folder("python"))? {
        let said = tools::printed(tools::command("auditwheel")?.arg("show").arg(&wheel))?;
        println!("{}", said.trim());
        if !said.contains("manylinux_2_17") {
            return Err(format!("{} does not run on manylinux2014", wheel.display()));
        }
    }
    Ok(())
}
