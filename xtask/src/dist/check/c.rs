//! The archive of the C library, unpacked and moved, used through pkg-config and CMake.

use std::fs;
use std::path::Path;

use super::super::{copy, read, tools, write};
use super::clean::Clean;
use super::{built, same};
use crate::c::only_own_symbols;
use crate::{Outcome, root, run};

/// What a C compiler needs, and what finds the library.
const PROGRAMS: [&str; 10] = ["cc", "c++", "as", "ld", "pkg-config", "sh", "tar", "gzip", "nm", "make"];

const CMAKE: &str = "\
cmake_minimum_required(VERSION 3.18)
project(first C)
find_package(rulebound 0.1 CONFIG REQUIRED)
foreach(kind rulebound static)
  add_executable(first_${kind} first.c)
  target_link_libraries(first_${kind} PRIVATE rulebound::${kind})
endforeach()
";

pub(super) fn check() -> Outcome {
    let clean = Clean::new("c", &PROGRAMS)?;
    let place = clean.place("place")?;
    let archive = built("c", "rulebound-c-", ".tar.gz")?;
    run(clean.command("tar").args(["-xzf", &archive.display().to_string(), "-C"]).arg(&place))?;
    let unpacked = fs::read_dir(&place).map_err(|it| it.to_string())?.flatten().next().ok_or("the archive is empty")?;
    // Wherever it is: none of its files names the place where it was made.
    let prefix = place.join("moved");
    fs::rename(unpacked.path(), &prefix).map_err(|error| error.to_string())?;
    only_own_symbols(&prefix)?;
    let project = clean.place("project")?;
    let examples = root().join("bindings/c/examples");
    copy(&examples.join("first.c"), &project.join("first.c"))?;
    let expected = read(&examples.join("first.txt"))?;
    for (what, compiler, libraries) in [
        ("pkg-config", "cc -std=c11", "$(pkg-config --libs rulebound)"),
        ("C++ and pkg-config", "c++ -std=c++17 -xc++", "$(pkg-config --libs rulebound)"),
        ("the archive", "cc -std=c11", "$LIB/librulebound.a -lutil -lrt -lpthread -lm -ldl"),
    ] {
        let flags = "-Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags rulebound)";
        let line = format!("{compiler} {flags} first.c -xnone {libraries} -o first && ./first");
        let lib = prefix.join("lib");
        let mut shell = clean.command("sh");
        shell.args(["-ec", &line]).env("LIB", &lib).env("LD_LIBRARY_PATH", &lib).current_dir(&project);
        let printed = tools::printed(shell.env("PKG_CONFIG_PATH", lib.join("pkgconfig")))?;
        same(&format!("the first example for C, by {what}"), &printed, &expected)?;
    }
    cmake(&clean, &prefix, &project, &expected)
}

/// Finds the library with CMake.
fn cmake(clean: &Clean, prefix: &Path, project: &Path, expected: &str) -> Outcome {
    let cmake = tools::program_of_tools("cmake")?;
    write(&project.join("CMakeLists.txt"), CMAKE)?;
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", prefix.display());
    run(clean.command(&cmake).args(["-S", ".", "-B", "build", &prefix]).current_dir(project))?;
    run(clean.command(&cmake).args(["--build", "build"]).current_dir(project))?;
    for kind in ["rulebound", "static"] {
        let printed = tools::printed(&mut clean.command(project.join("build").join(format!("first_{kind}"))))?;
        same(&format!("the first example for C, by CMake's rulebound::{kind}"), &printed, expected)?;
    }
    Ok(())
}
