//! The figures that the README states.

use std::fs;

use rulebound::Enforcement;
use rulebound::catalogue::Catalogue;
use rulebound_tests::root;
use rulebound_tests::vectors::read_folder;

/// The README, with its figures written anew.
pub(super) fn text(catalogue: &Catalogue) -> Result<String, String> {
    let readme = fs::read_to_string(root().join("README.md")).map_err(|error| format!("README.md: {error}"))?;
    Ok(with_figures(&readme, &figures(catalogue)?))
}

/// The figures that the README states.
fn figures(catalogue: &Catalogue) -> Result<String, String> {
    let kept = |wanted: Enforcement| catalogue.rules.iter().filter(|it| it.rule.enforcement == wanted).count();
    let edges: usize = catalogue.flows.iter().flat_map(|flow| &flow.facets).map(|it| it.moves.len()).sum();
    let (vectors, steps) = vectors()?;
    Ok(format!(
        "| Flows | Transitions | Rules | enforced | by construction | by the host | Vectors | Steps |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n\
         | {} | {edges} | {} | {} | {} | {} | {vectors} | {steps} |",
        catalogue.flows.len(),
        catalogue.rules.len(),
        kept(Enforcement::Enforced),
        kept(Enforcement::ByConstruction),
        kept(Enforcement::ByHost),
    ))
}

/// How many vectors there are, and how many steps they have.
fn vectors() -> Result<(usize, usize), String> {
    let all = read_folder(&root().join("tests/vectors")).map_err(|error| format!("tests/vectors: {error}"))?;
    let mut steps = 0;
    for (name, vector) in &all {
        let vector = vector.as_ref().map_err(|error| format!("{name}: {error}"))?;
        steps += vector["steps"].as_array().map_or(0, Vec::len);
    }
    Ok((all.len(), steps))
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
