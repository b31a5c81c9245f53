//! The packages of npm, in projects of their own: with the binary, as WebAssembly, and with neither.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::super::npm::Packing;
use super::super::platform::Platform;
use super::super::{VERSION, copy, files, tools, wasm, write};
use super::block;
use super::clean::Clean;
use crate::{Outcome, parity, root, run, target};

const README: &str = "bindings/node/README.md";
const TESTS: &str = "bindings/node/test/dist";

/// How many random sequences WebAssembly is compared in, beside every vector.
const SEQUENCES: u64 = 2000;

/// What is on the path: npm runs itself by `node`, and scripts by `sh`.
const PROGRAMS: [&str; 3] = ["node", "npm", "sh"];

/// How a TypeScript program of a consumer is checked and compiled.
const TYPES: &str = r#"{
  "compilerOptions": { "strict": true, "module": "node16", "moduleResolution": "node16", "target": "es2022", "lib": ["es2023"], "types": [] },
  "files": ["readme.mts", "globals.d.ts"]
}"#;

pub(super) fn check() -> Outcome {
    let clean = Clean::new("node", &PROGRAMS)?;
    let registry = Registry::start(&clean, &Packing::release())?;
    let with_binary = registry.project(&clean, "binary", &["--include=optional"], Needs::Bundlers)?;
    compile(&clean, &with_binary)?;
    test(&clean, &with_binary, &["package"])?;
    let example = with_binary.join("readme.mjs");
    neither(&clean, &registry, &example)?;
    if wasm::built().is_none() {
        println!("skipped: WebAssembly, bundlers and other runtimes, because the module is not built");
        return Ok(());
    }
    let as_wasm = registry.project(&clean, "wasm", &["--omit=optional", "@rulebound/wasm"], Needs::Nothing)?;
    copy(&example, &as_wasm.join("readme.mjs"))?;
    test(&clean, &as_wasm, &["package", "trap"])?;
    run(&mut npm(&clean, &with_binary, &["@rulebound/wasm"]))?;
    test(&clean, &with_binary, &["bundlers", "runtimes"])?;
    parity::compare_wasm(SEQUENCES)
}

/// The packages with a binary that is built for this machine: a part of every test run, which needs nothing from elsewhere.
pub(in crate::dist) fn smoke_npm(binary: &Path, example: &Path) -> Outcome {
    let (folder, platform) = (target().join("dist-smoke"), Platform::here()?);
    let packing = Packing { stage: folder.join("stage"), packed: folder.join("packed") };
    packing.library()?;
    packing.binary(&platform, binary)?;
    let clean = Clean::new("node-smoke", &PROGRAMS)?;
    let registry = Registry::start(&clean, &packing)?;
    let project = registry.project(&clean, "binary", &["--include=optional"], Needs::Nothing)?;
    copy(example, &project.join("readme.mjs"))?;
    test(&clean, &project, &["package"])?;
    neither(&clean, &registry, example)
}

/// Without a binary and without WebAssembly.
fn neither(clean: &Clean, registry: &Registry, example: &Path) -> Outcome {
    let project = registry.project(clean, "neither", &["--omit=optional"], Needs::Nothing)?;
    copy(example, &project.join("readme.mjs"))?;
    test(clean, &project, &["missing"])
}

fn test(clean: &Clean, project: &Path, names: &[&str]) -> Outcome {
    let files = names.iter().map(|it| format!("{it}.test.mjs"));
    run(clean.command("node").args(["--test", "--test-reporter", "spec"]).args(files).current_dir(project))
}

fn npm(clean: &Clean, project: &Path, arguments: &[&str]) -> std::process::Command {
    let mut npm = clean.command("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--loglevel", "error"]).args(arguments).current_dir(project);
    npm
}

/// What the tests of a project need beside the library.
#[derive(PartialEq)]
enum Needs {
    Nothing,
    Bundlers,
}

/// A registry of the packages that were packed.
struct Registry {
    server: Child,
    port: String,
}

impl Registry {
    fn start(clean: &Clean, packing: &Packing) -> Result<Self, String> {
        let (packages, stage) = (clean.place("packages")?, &packing.stage);
        for folder in std::fs::read_dir(stage).map_err(|error| format!("{}: {error}", stage.display()))?.flatten() {
            let name = folder.file_name().to_string_lossy().into_owned();
            copy(&folder.path().join("package.json"), &packages.join(&name).join("package.json"))?;
            let scoped = if name == "rulebound" { name.clone() } else { format!("rulebound-{name}") };
            let packed = packing.packed.join(format!("{scoped}-{VERSION}.tgz"));
            copy(&packed, &packages.join(format!("{name}.tgz")))?;
        }
        let mut node = clean.command("node");
        node.arg(std::path::absolute(root().join("xtask/dist/registry.mjs")).map_err(|it| it.to_string())?)
            .arg(&packages);
        let mut server = node.stdout(Stdio::piped()).spawn().map_err(|error| format!("node did not start: {error}"))?;
        let output = server.stdout.take().ok_or("the registry has no output")?;
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port).map_err(|error| error.to_string())?;
        Ok(Self { server, port: port.trim().to_owned() })
    }

    /// A project that has installed the library, with the tests in it, and perhaps with the packages that some of them need.
    fn project(&self, clean: &Clean, name: &str, options: &[&str], needs: Needs) -> Result<PathBuf, String> {
        let project = clean.place(name)?;
        for file in files(&root().join(TESTS))? {
            copy(&file, &project.join(file.file_name().unwrap_or_default()))?;
        }
        if needs == Needs::Nothing {
            write(&project.join("package.json"), "{ \"private\": true, \"type\": \"module\" }\n")?;
        }
        write(&project.join(".npmrc"), format!("@rulebound:registry=http://127.0.0.1:{}/\n", self.port))?;
        write(&project.join("readme.txt"), block(README, "text")?)?;
        let library = clean.place("packages")?.join("rulebound.tgz").display().to_string();
        run(&mut npm(clean, &project, &[options, &[&library]].concat()))?;
        Ok(project)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = (self.server.kill(), self.server.wait());
    }
}

/// Checks the types of the README's first example, and compiles it.
fn compile(clean: &Clean, project: &Path) -> Outcome {
    write(&project.join("readme.mts"), block(README, "ts")?)?;
    write(&project.join("globals.d.ts"), "declare const console: { log(...data: unknown[]): void };\n")?;
    write(&project.join("tsconfig.json"), TYPES)?;
    let tsc = project.join("node_modules/typescript/bin/tsc");
    tools::printed(clean.command("node").arg(tsc).current_dir(project)).map(drop)
}
