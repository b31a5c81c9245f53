//! The packages of npm, in projects of their own: with the binary, as WebAssembly, and with neither.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::super::{VERSION, copy, files, made, tools, wasm, write};
use super::clean::Clean;
use super::{block, built};
use crate::{Outcome, parity, root, run, target};

const README: &str = "bindings/node/README.md";
const TESTS: &str = "bindings/node/test/dist";

/// How many random sequences WebAssembly is compared in, beside every vector.
const SEQUENCES: u64 = 2000;

/// How a TypeScript program of a consumer is checked and compiled.
const TYPES: &str = r#"{
  "compilerOptions": { "strict": true, "module": "node16", "moduleResolution": "node16", "target": "es2022", "lib": ["es2023"], "types": [] },
  "files": ["readme.mts", "globals.d.ts"]
}"#;

pub(super) fn check() -> Outcome {
    let clean = Clean::new("node", &["node", "npm", "sh", "ps"])?;
    let registry = Registry::start(&clean)?;
    let project = |name: &str, packages: &[&str]| registry.project(&clean, name, packages);
    let with_binary = project("binary", &["--include=optional"])?;
    test(&clean, &with_binary, &["package"])?;
    let neither = project("neither", &["--omit=optional"])?;
    copy(&with_binary.join("readme.mjs"), &neither.join("readme.mjs"))?;
    test(&clean, &neither, &["missing"])?;
    if wasm::built().is_none() {
        println!("skipped: WebAssembly, bundlers and other runtimes, because the module is not built");
        return Ok(());
    }
    let as_wasm = project("wasm", &["--omit=optional", "@rulebound/wasm"])?;
    copy(&with_binary.join("readme.mjs"), &as_wasm.join("readme.mjs"))?;
    test(&clean, &as_wasm, &["package"])?;
    run(&mut npm(&clean, &with_binary, &["@rulebound/wasm"]))?;
    test(&clean, &with_binary, &["bundlers", "runtimes"])?;
    parity::compare_wasm(SEQUENCES)
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

/// A registry of the packages that were packed.
struct Registry {
    server: Child,
    port: String,
}

impl Registry {
    fn start(clean: &Clean) -> Result<Self, String> {
        let (packages, stage) = (clean.place("packages")?, target().join("dist-stage/npm"));
        for folder in std::fs::read_dir(&stage).map_err(|error| format!("{}: {error}", stage.display()))?.flatten() {
            let name = folder.file_name().to_string_lossy().into_owned();
            copy(&folder.path().join("package.json"), &packages.join(&name).join("package.json"))?;
            let scoped = if name == "rulebound" { name.clone() } else { format!("rulebound-{name}") };
            let packed = built("npm", &format!("{scoped}-{VERSION}"), ".tgz")?;
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

    /// A project that has installed the library, with the tests and the README's first example in it.
    fn project(&self, clean: &Clean, name: &str, packages: &[&str]) -> Result<PathBuf, String> {
        let project = clean.place(name)?;
        let is_first = name == "binary";
        for file in files(&root().join(TESTS))? {
            let name = file.file_name().unwrap_or_default();
            if is_first || name != "package.json" {
                copy(&file, &project.join(name))?;
            }
        }
        if !is_first {
            write(&project.join("package.json"), "{ \"private\": true, \"type\": \"module\" }\n")?;
        }
        write(&project.join(".npmrc"), format!("@rulebound:registry=http://127.0.0.1:{}/\n", self.port))?;
        write(&project.join("readme.txt"), block(README, "text")?)?;
        let main = clean.place("packages")?.join("rulebound.tgz").display().to_string();
        run(&mut npm(clean, &project, &[packages, &[&main]].concat()))?;
        if is_first {
            compile(clean, &project)?;
        }
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
    made(project)?;
    write(&project.join("readme.mts"), block(README, "ts")?)?;
    write(&project.join("globals.d.ts"), "declare const console: { log(...data: unknown[]): void };\n")?;
    write(&project.join("tsconfig.json"), TYPES)?;
    let tsc = project.join("node_modules/typescript/bin/tsc");
    tools::printed(clean.command("node").arg(tsc).current_dir(project)).map(drop)
}
