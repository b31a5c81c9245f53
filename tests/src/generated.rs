//! Files that are made from the code, committed, and verified by a test that also mends them.

use rulebound::catalogue::Catalogue;

/// One generated file.
#[derive(Debug)]
pub struct Generated {
    /// Its path from the root of the workspace.
    pub path: &'static str,
    /// Its contents.
    pub text: String,
}

/// Every generated file, made anew.
pub fn files() -> Vec<Generated> {
    let catalogue = serde_json::to_string_pretty(&Catalogue::new()).unwrap_or_default();
    vec![Generated { path: "schemas/catalogue.json", text: catalogue + "\n" }]
}
