//! The packages for npm: the library, the binary of each platform, and WebAssembly.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::platform::{Kind, Platform};
use super::{VERSION, copy, emptied, folder, library, licenses, made, read, tools, wasm, write};
use crate::{Outcome, root, target};

/// What the library's package has of the binding, beside what `package.json` says of it.
const PARTS: [&str; 8] = ["README.md", "bin", "docs", "examples", "host", "lib", "package.json", "types"];

pub(super) fn build(platform: &Platform) -> Outcome {
    let packing = Packing::release();
    packing.library()?;
    let built = platform.build("rulebound-node", "binding")?.join(platform.file("rulebound_node", Kind::Shared));
    packing.binary(platform, &built)?;
    if wasm::built().is_some() { packing.webassembly() } else { Ok(()) }
}

/// Where packages are put together, each in a folder of its name without the scope, and where they are packed.
pub(super) struct Packing {
    pub(super) stage: PathBuf,
    pub(super) packed: PathBuf,
}

impl Packing {
    /// The packages of a release.
    pub(super) fn release() -> Self {
        Self { stage: target().join("dist-stage/npm"), packed: folder("npm") }
    }

    /// The library, without any binary: the same bytes whatever the platform.
    pub(super) fn library(&self) -> Outcome {
        let stage = emptied(self.stage.join("rulebound"))?;
        PARTS.iter().try_for_each(|part| copy(&binding().join(part), &stage.join(part)))?;
        let manifest = stage.join("package.json");
        write(&manifest, published(&read(&manifest)?, &Platform::all()?)?)?;
        licenses::put_ours(&stage)?;
        self.pack(&stage)
    }

    /// The package of a platform's binary.
    pub(super) fn binary(&self, platform: &Platform, built: &Path) -> Outcome {
        let name = &platform.name;
        let (stage, file) = (emptied(self.stage.join(name))?, format!("rulebound.{name}.node"));
        copy(built, &stage.join(&file))?;
        licenses::put("rulebound-node", &platform.target, &stage)?;
        write(&stage.join("package.json"), of_binary(platform, &file))?;
        write(&stage.join("README.md"), format!("The binary of `rulebound` for {name}.\n"))?;
        self.pack(&stage)
    }

    /// The package that runs everywhere.
    pub(super) fn webassembly(&self) -> Outcome {
        let (stage, module) = (emptied(self.stage.join("wasm"))?, wasm::built().ok_or("the module is not built")?);
        copy(&binding().join("wasm"), &stage)?;
        copy(&module, &stage.join("rulebound.wasm"))?;
        for name in ["index.d.cts", "index.d.mts", "builders.d.cts", "flows.d.cts", "shapes.d.cts", "snapshot.d.cts"] {
            copy(&binding().join("types").join(name), &stage.join("types").join(name))?;
        }
        library::write_into(&stage)?;
        licenses::put("rulebound-node", wasm::TARGET, &stage)?;
        self.pack(&stage)
    }

    fn pack(&self, stage: &Path) -> Outcome {
        made(&self.packed)?;
        let packed = std::path::absolute(&self.packed).map_err(|error| error.to_string())?;
        let mut npm = tools::program("npm");
        npm.args(["pack", "--silent", "--pack-destination"]).arg(packed).current_dir(stage);
        tools::printed(&mut npm).map(drop)
    }
}

/// The manifest of the library as it is published: nothing is built, and each platform's binary is optional.
fn published(manifest: &str, platforms: &[Platform]) -> Result<String, String> {
    let (head, _) = manifest.split_once("  \"scripts\": {").ok_or("package.json has no scripts")?;
    let replace = |text: String, from: &str, to: &str| match text.contains(from) {
        true => Ok(text.replacen(from, to, 1)),
        false => Err(format!("package.json has no `{from}`")),
    };
    let optional: Vec<_> =
        platforms.iter().map(|it| format!("    \"@rulebound/{}\": \"{VERSION}\"", it.name)).collect();
    let mut text = format!("{head}  \"optionalDependencies\": {{\n{}\n  }}\n}}\n", optional.join(",\n"));
    text = replace(
        text,
        "\"peerDependencies\": { ",
        &format!("\"peerDependencies\": {{ \"@rulebound/wasm\": \"{VERSION}\", "),
    )?;
    let optional = "\"peerDependenciesMeta\": {\n    \"@rulebound/wasm\": { \"optional\": true },\n";
    text = replace(text, "\"peerDependenciesMeta\": {\n", optional)?;
    replace(text, "\"scripts/build.cjs\", \"LICENSE-*\", \"*.node\"", "\"LICENSE-*\"")
}

/// The manifest of a platform's binary.
fn of_binary(platform: &Platform, file: &str) -> String {
    let Platform { name, os, cpu, libc, .. } = platform;
    let mut manifest = json!({
        "name": format!("@rulebound/{name}"),
        "version": VERSION,
        "description": format!("The binary of rulebound for {name}"),
        "license": "MIT OR Apache-2.0",
        "os": [os],
        "cpu": [cpu],
        "main": file,
        "engines": { "node": ">=20" },
        "preferUnplugged": true,
        "publishConfig": { "access": "public" },
    });
    if let Some(libc) = libc {
        manifest["libc"] = json!([libc]);
    }
    format!("{manifest:#}\n")
}

fn binding() -> PathBuf {
    root().join("bindings/node")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_builds_nothing() {
        let manifest = read(&binding().join("package.json")).unwrap_or_default();
        let text = published(&manifest, &Platform::all().unwrap_or_default()).unwrap_or_else(|why| why);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        assert!(json["scripts"].is_null() && json["main"] == "./lib/index.cjs", "{text}");
        assert_eq!(json["optionalDependencies"]["@rulebound/win32-x64"], VERSION);
        assert_eq!(json["peerDependenciesMeta"]["@rulebound/wasm"]["optional"], true);
    }
}
