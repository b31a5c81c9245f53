//! Every line of the README is tried.

use std::process::Command;

use rulebound_simulator::Simulator;

#[test]
fn the_journey_of_the_readme_prints_what_the_readme_says() {
    let readme = include_str!("../../README.md");
    let simulator = Simulator::start().unwrap();
    let mut script = "set -e\n".to_owned();
    let mut expected = String::new();
    for block in readme.split("```").skip(1).step_by(2) {
        if let Some(lines) = block.strip_prefix("sh\n").filter(|lines| lines.contains("curl")) {
            script.push_str(lines);
        }
        if let Some(lines) = block.strip_prefix("text\n") {
            expected.push_str(lines);
        }
    }
    assert!(script.lines().count() > 20 && expected.lines().count() > 15);
    let script = script.replace("http://127.0.0.1:4010", simulator.url());
    let run = Command::new("bash").arg("-c").arg(&script).output().unwrap();
    let printed = String::from_utf8(run.stdout).unwrap().replace('\r', "");
    let printed = printed.replace(simulator.url(), "http://127.0.0.1:4010");
    assert!(run.status.success(), "{printed}{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(printed, expected, "{}", String::from_utf8_lossy(&run.stderr));
}
