//! Every line of the README and of the providers' pages is tried.

use std::process::Command;

use rulebound_simulator::Simulator;

/// Runs the commands of a document, and compares what they print with what the document says.
fn try_document(document: &str, name: &str) {
    let simulator = Simulator::start().unwrap();
    let mut script = "set -e\n".to_owned();
    let mut expected = String::new();
    for block in document.split("```").skip(1).step_by(2) {
        if let Some(lines) = block.strip_prefix("sh\n").filter(|lines| lines.contains("curl") || lines.contains("SIM="))
        {
            script.push_str(lines);
        }
        if let Some(lines) = block.strip_prefix("text\n") {
            expected.push_str(lines);
        }
    }
    assert!(script.lines().count() > 10 && expected.lines().count() > 5, "{name} has too few commands");
    let script = script.replace("http://127.0.0.1:4010", simulator.url());
    let run = Command::new("bash").arg("-c").arg(&script).output().unwrap();
    let printed = String::from_utf8(run.stdout).unwrap().replace('\r', "");
    let printed = printed.replace(simulator.url(), "http://127.0.0.1:4010");
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{name}: {printed}{errors}");
    assert_eq!(printed, expected, "{name}: {errors}");
}

#[test]
fn the_journey_of_the_readme_prints_what_the_readme_says() {
    try_document(include_str!("../../README.md"), "README.md");
}

#[test]
fn the_journey_of_each_provider_prints_what_its_page_says() {
    try_document(include_str!("../../docs/truemed.md"), "docs/truemed.md");
    try_document(include_str!("../../docs/flex.md"), "docs/flex.md");
    try_document(include_str!("../../docs/vend.md"), "docs/vend.md");
    try_document(include_str!("../../docs/revup.md"), "docs/revup.md");
}

/// The documents of this crate, and where each of them is.
const DOCUMENTS: [&str; 6] =
    ["README.md", "docs/truemed.md", "docs/flex.md", "docs/vend.md", "docs/revup.md", "docs/compare.md"];

#[test]
fn every_link_between_the_pages_leads_to_a_file_and_a_heading() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        assert!(text.lines().count() < 400, "{name} is too long");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let folder = root.join(name).parent().unwrap().to_owned();
            let target = if file.is_empty() { root.join(name) } else { folder.join(file) };
            let found = std::fs::read_to_string(&target).unwrap_or_else(|error| panic!("{name}: {link}: {error}"));
            let is_heading = |line: &str| {
                line.starts_with('#') && line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-") == heading
            };
            assert!(heading.is_empty() || found.lines().any(is_heading), "{name}: there is no heading {link}");
        }
    }
}
