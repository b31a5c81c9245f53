//! The packages for npm: the library, the binary of each platform, and WebAssembly.

use std::path::Path;

use super::platform::{Kind, Platform};
use super::{VERSION, copy, folder, library, licenses, made, read, stage, tools, wasm, write};
use crate::{Outcome, root};

/// What the library's package has of the binding, beside what `package.json` says of it.
const PARTS: [&str; 7] = ["README.md", "bin", "examples", "host", "lib", "package.json", "types"];

pub(super) fn build(platform: &Platform) -> Outcome {
    let main = stage("npm/rulebound")?;
    for part in PARTS {
        copy(&binding().join(part), &main.join(part))?;
    }
    let manifest = main.join("package.json");
    write(&manifest, published(&read(&manifest)?, &Platform::all()?)?)?;
    licenses::put("rulebound-node", &platform.target, &main)?;
    pack(&main)?;
    binary(platform)?;
    if wasm::built().is_some() { webassembly() } else { Ok(()) }
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
    replace(
        text,
        "\"scripts/build.cjs\", \"LICENSE-*\", \"*.node\"",
        "\"LICENSE-*\"",
    )
}

/// The package of a platform's binary.
fn binary(platform: &Platform) -> Outcome {
    let Platform { name, os, cpu, libc, .. } = platform;
    let built = platform.build("rulebound-node", "binding")?.join(platform.file("rulebound_node", Kind::Shared));
    let (stage, file) = (stage(&format!("npm/{name}"))?, format!("rulebound.{name}.node"));
    copy(&built, &stage.join(&file))?;
    licenses::put("rulebound-node", &platform.target, &stage)?;
    let libc = libc.as_ref().map(|it| format!("\n  \"libc\": [\"{it}\"],")).unwrap_or_default();
    let manifest = format!(
        "{{\n  \"name\": \"@rulebound/{name}\",\n  \"version\": \"{VERSION}\",\n  \"description\": \"The binary of rulebound for \
         {name}\",\n  \"license\": \"MIT OR Apache-2.0\",\n  \"os\": [\"{os}\"],\n  \"cpu\": [\"{cpu}\"],{libc}\n  \"main\": \
         \"{file}\",\n  \"engines\": {{ \"node\": \">=20\" }}\n}}\n"
    );
    write(&stage.join("package.json"), manifest)?;
    write(&stage.join("README.md"), format!("The binary of `rulebound` for {name}.\n"))?;
    pack(&stage)
}

/// The package that runs everywhere.
pub(super) fn webassembly() -> Outcome {
    let (stage, module) = (stage("npm/wasm")?, wasm::built().ok_or("the module is not built")?);
    copy(&binding().join("wasm"), &stage)?;
    copy(&module, &stage.join("rulebound.wasm"))?;
    for name in ["index.d.cts", "index.d.mts", "builders.d.cts", "flows.d.cts", "shapes.d.cts", "snapshot.d.cts"] {
        copy(&binding().join("types").join(name), &stage.join("types").join(name))?;
    }
    library::write_into(&stage)?;
    licenses::put("rulebound-node", wasm::TARGET, &stage)?;
    pack(&stage)
}

fn pack(stage: &Path) -> Outcome {
    made(&folder("npm"))?;
    let mut npm = tools::program("npm");
    npm.args(["pack", "--silent", "--pack-destination"]).arg(folder("npm")).current_dir(stage);
    tools::printed(&mut npm).map(drop)
}

fn binding() -> std::path::PathBuf {
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
