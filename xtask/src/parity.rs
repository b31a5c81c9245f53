//! Compares every language with `ffi::call`, byte for byte, and runs vectors through any of them.

use std::path::Path;
use std::process::Command;
use std::thread::{self, ScopedJoinHandle};

use rulebound_tests::parity::{Form, Script, Sequences, Transcript, difference, play};
use rulebound_tests::vectors;

use crate::{Outcome, c, dist, node, python, report, root};

/// A language that is not Rust: the build of its binding, its runner of scripts, and their form.
struct Language {
    name: &'static str,
    build: fn() -> Outcome,
    runner: fn() -> Command,
    form: Form,
}

const LANGUAGES: [Language; 3] = [
    Language { name: "c", build: c::build, runner: c::runner, form: Script::cut },
    Language { name: "node", build: node::build, runner: node::runner, form: Script::json },
    Language { name: "python", build: python::build, runner: python::runner, form: Script::json },
];

/// The same library as the one for Node, as WebAssembly. Only `cargo xtask dist` builds it.
const WASM: Language =
    Language { name: "wasm", build: dist::build_wasm, runner: node::wasm_runner, form: Script::json };

/// How many sequences are played at a time.
const BATCH: usize = 1000;

/// Plays every vector and a number of random sequences in every language, and reports the first difference.
pub(crate) fn run(sequences: u64) -> Outcome {
    for language in &LANGUAGES {
        (language.build)()?;
    }
    compare_all(sequences)
}

/// The same, with the bindings that are built.
pub(crate) fn compare_all(sequences: u64) -> Outcome {
    compare_languages(&LANGUAGES, sequences)
}

/// The same, for WebAssembly, which is built.
pub(crate) fn compare_wasm(sequences: u64) -> Outcome {
    compare_languages(&[WASM], sequences)
}

fn compare_languages(languages: &[Language], sequences: u64) -> Outcome {
    let folder = root().join("tests/vectors");
    let all = vectors::read_folder(&folder).map_err(|error| error.to_string())?;
    let played = |vector| {
        let script = Script::of(vector);
        let transcript = script.transcript();
        (script, transcript)
    };
    compare(languages, &all.iter().filter_map(|(_, it)| it.as_ref().ok()).map(played).collect::<Vec<_>>())?;
    let random = Sequences::new(&folder).map_err(|error| error.to_string())?;
    let mut steps = 0;
    for first in (0..sequences).step_by(BATCH) {
        let numbers = (first..sequences).take(BATCH);
        let played: Vec<_> = numbers.map(|number| random.sequence(number)).collect();
        steps += played.iter().map(|(script, _)| script.steps().len()).sum::<usize>();
        compare(languages, &played)?;
    }
    let names = languages.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
    println!("rust, {names}: the same bytes for {} vectors, and for {sequences} sequences of {steps} steps", all.len());
    Ok(())
}

/// Compares some languages with the answers of `ffi::call`.
fn compare(languages: &[Language], played: &[(Script, Transcript)]) -> Outcome {
    let scripts: Vec<_> = played.iter().map(|(script, _)| script.clone()).collect();
    let differs = |language: &Language| {
        let transcripts = play(&mut (language.runner)(), language.form, &scripts)?;
        let mut pairs = played.iter().zip(&transcripts);
        let first = pairs.find_map(|((script, expected), got)| difference(script, expected, got));
        first.map_or(Ok(()), |difference| Err(format!("{} differs from rust at {difference}", language.name)))
    };
    let ended = |it: ScopedJoinHandle<'_, Outcome>| it.join().unwrap_or_else(|_| Err("a thread ended early".into()));
    thread::scope(|scope| {
        let threads: Vec<_> = languages.iter().map(|language| scope.spawn(|| differs(language))).collect();
        threads.into_iter().try_for_each(ended)
    })
}

/// Runs the vectors of a folder through a language.
pub(crate) fn vectors(folder: &Path, name: &str) -> Outcome {
    let language = LANGUAGES
        .iter()
        .chain(&[WASM])
        .find(|it| it.name == name)
        .ok_or_else(|| format!("there is no runner of `{name}`"))?;
    (language.build)()?;
    let all = vectors::read_folder(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    report(&vectors::run_all(all, |scripts| play(&mut (language.runner)(), language.form, scripts))?)
}
