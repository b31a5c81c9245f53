//! The figures that the README states.

use std::fs;
use std::path::Path;

use rulebound::Kept;
use rulebound::catalogue::Catalogue;
use serde_json::Value;

/// The README, with its figures written anew.
pub(super) fn text(catalogue: &Catalogue) -> String {
    let readme = fs::read_to_string(rulebound_tests::root().join("README.md")).unwrap_or_default();
    with_figures(&readme, &figures(catalogue))
}

/// The figures that the README states.
fn figures(catalogue: &Catalogue) -> String {
    let kept = |wanted: Kept| catalogue.rules.iter().filter(|it| it.rule.kept == wanted).count();
    let edges: usize = catalogue.flows.iter().flat_map(|flow| &flow.facets).map(|it| it.moves.len()).sum();
    let (vectors, steps) = vectors();
    format!(
        "| Flows | Edges | Rules | enforced | by construction | by the host | Vectors | Steps |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n\
         | {} | {edges} | {} | {} | {} | {} | {vectors} | {steps} |",
        catalogue.flows.len(),
        catalogue.rules.len(),
        kept(Kept::Enforced),
        kept(Kept::ByConstruction),
        kept(Kept::ByHost),
    )
}

/// How many vectors there are, and how many steps they have.
fn vectors() -> (usize, usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let texts = rulebound_tests::vectors::files(&folder).unwrap_or_default().into_iter().map(fs::read_to_string);
    let all: Vec<Value> = texts.flatten().filter_map(|text| serde_json::from_str(&text).ok()).collect();
    let vectors: Vec<&Value> = all.iter().flat_map(|file| file.as_array().into_iter().flatten()).collect();
    let steps = vectors.iter().filter_map(|vector| vector["steps"].as_array()).map(Vec::len).sum();
    (vectors.len(), steps)
}

/// The text with what stands between the marks written anew.
fn with_figures(text: &str, figures: &str) -> String {
    const BEGIN: &str = "<!-- figures: written by `cargo xtask codegen` -->";
    const END: &str = "<!-- end of figures -->";
    match (text.split_once(BEGIN), text.split_once(END)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{BEGIN}\n{figures}\n{END}{after}"),
        _ => text.to_owned(),
    }
}
