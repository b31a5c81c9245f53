//! The archives of this platform: the C library, and the simulator.

use super::platform::{Kind, Platform, pack};
use super::{VERSION, copy, folder, licenses, made, stage};
use crate::c::{Built, lay_out};
use crate::{Outcome, root};

/// The C library, which can be unpacked anywhere.
pub(super) fn c(platform: &Platform) -> Outcome {
    let name = format!("rulebound-c-{VERSION}-{}", platform.target);
    let stage = stage(&format!("c/{name}"))?;
    let folder_of_built = platform.build("rulebound-c", "release")?;
    let built = Built {
        shared: folder_of_built.join(platform.file("rulebound_c", Kind::Shared)),
        archive: folder_of_built.join(platform.file("rulebound_c", Kind::Static)),
    };
    lay_out(&built, &stage)?;
    let sources = root().join("bindings/c");
    copy(&sources.join("README.md"), &stage.join("share/doc/rulebound/README.md"))?;
    copy(&sources.join("examples"), &stage.join("share/doc/rulebound/examples"))?;
    licenses::put("rulebound-c", &platform.target, &stage.join("share/doc/rulebound"))?;
    made(&folder("c"))?;
    pack(&stage, &folder("c").join(format!("{name}.tar.gz")))
}

/// The simulator's program.
pub(super) fn simulator(platform: &Platform) -> Outcome {
    let name = format!("rulebound-simulator-{VERSION}-{}", platform.target);
    let stage = stage(&format!("simulator/{name}"))?;
    let program = platform.file("rulebound-simulator", Kind::Program);
    copy(&platform.build("rulebound-simulator", "release")?.join(&program), &stage.join(&program))?;
    for document in ["README.md", "docs"] {
        copy(&root().join("simulator").join(document), &stage.join(document))?;
    }
    licenses::put("rulebound-simulator", &platform.target, &stage)?;
    made(&folder("simulator"))?;
    pack(&stage, &folder("simulator").join(format!("{name}.tar.gz")))
}
