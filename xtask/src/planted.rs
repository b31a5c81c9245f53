//! `cargo xtask planted`: faults that lose money, planted one at a time in a copy of the core. The journeys against the
//! simulator must find each. Run it by hand after a change to `tests/against`: it builds the core once more.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{Outcome, cargo_command, root, run, target};

/// The variable that chooses the fault.
const CHOICE: &str = "RULEBOUND_PLANTED";

/// A fault: its name, what it does, the flow that it harms, and its places.
struct Planted {
    name: &'static str,
    does: &'static str,
    flow: &'static str,
    places: &'static [Place],
}

/// A file below `core/src`, a text that is there once, and what replaces it.
type Place = (&'static str, &'static str, &'static str);

/// How the copy of the core knows which fault is planted.
const SWITCH: Place = (
    "lib.rs",
    "#[cfg(any(test, feature = \"std\"))]\nextern crate std;",
    "extern crate std;\npub(crate) fn planted(name: &str) -> bool {\n    std::env::var(\"RULEBOUND_PLANTED\").is_ok_and(|it| \
     it == name)\n}",
);

const FAULTS: [Planted; 6] = [
    Planted {
        name: "member",
        does: "a 200 without the documented member counts as a refund",
        flow: "truemed.payment_session",
        places: &[
            (
                "snapshot/classify.rs",
                "    if !has_documented_shape {",
                "    if !has_documented_shape && !crate::planted(\"member\") {",
            ),
            (
                "providers/truemed/api/replies.rs",
                "and_then(|it| it.refund_id).map(event)",
                "and_then(|it| it.refund_id).or_else(|| crate::planted(\"member\").then(|| \"none\".into())).map(event)",
            ),
        ],
    },
    Planted {
        name: "key",
        does: "a request is sent again under a new key",
        flow: "truemed.payment_session",
        places: &[(
            "snapshot/handle.rs",
            "        let mut request = call.request(&idempotency_key,",
            "        let is_again = entry.attempts > 0 && crate::planted(\"key\");\n        let idempotency_key = \
             idempotency_key + if is_again { \"-again\" } else { \"\" };\n        let mut request = \
             call.request(&idempotency_key,",
        )],
    },
    Planted {
        name: "webhook",
        does: "a webhook of another customer's token is accepted",
        flow: "truemed.payment_token",
        places: &[(
            "providers/truemed/payment_token/webhook.rs",
            "let ours = webhook.metadata.as_deref() == Some(cx.key().as_str());",
            "let ours = webhook.metadata.as_deref() == Some(cx.key().as_str()) || crate::planted(\"webhook\");",
        )],
    },
    Planted {
        name: "returned",
        does: "the customer's return grants access",
        flow: "revup.subscription",
        places: &[(
            "providers/revup/subscription/mod.rs",
            "        self.status.look_up_on_request(cx);\n        Ok(())",
            "        if let Some(id) = self.status.id().filter(|_| crate::planted(\"returned\")) {\n            let end = \
             cx.now().after(crate::time::Millis::from_hours(720));\n            cx.access(id, Some(end), end);\n        \
             }\n        self.status.look_up_on_request(cx);\n        Ok(())",
        )],
    },
    Planted {
        name: "consent",
        does: "a consent token that was used stays in use",
        flow: "vend.subscription",
        places: &[(
            "providers/vend/subscription/consent.rs",
            "                return self.confirm(&token, reply.into(), billing, cx).into();",
            "                let confirmed = self.confirm(&token, reply.into(), billing, cx);\n                if \
             crate::planted(\"consent\") {\n                    token.schedule_lookup(cx);\n                    \
             self.tokens.push(token);\n                }\n                return confirmed.into();",
        )],
    },
    Planted {
        name: "refund",
        does: "a refund is counted twice",
        flow: "truemed.payment_session",
        places: &[(
            "providers/truemed/payment_session/refunds.rs",
            "        self.refunding = self.refunding.minus(amount).max(Cents::ZERO);\n        if outcome == Outcome::Done {",
            "        self.refunding = self.refunding.minus(amount).max(Cents::ZERO);\n        if outcome == Outcome::Done \
             {\n            if crate::planted(\"refund\") {\n                self.refunded = \
             self.refunded.plus(amount);\n            }",
        )],
    },
];

/// Plants each fault, and prints a table of the journey that finds it. Fails for one that no journey finds.
pub(crate) fn run_all(journeys: &str) -> Outcome {
    let journeys: u64 = journeys.parse().map_err(|_| format!("`{journeys}` is not a number of journeys"))?;
    copy()?;
    FAULTS.iter().flat_map(|it| it.places).chain([&SWITCH]).try_for_each(plant)?;
    let mut build = cargo_command();
    build.args(["build", "--quiet", "--package", "rulebound-against", "--bin", "simulate"]);
    run(build.current_dir(tree()).env("CARGO_TARGET_DIR", home().join("target")))?;
    let unplanted = FAULTS.iter().find_map(|it| Some((it.flow, first(it.flow, "", journeys)?)));
    if let Some((flow, (number, why))) = unplanted {
        return Err(format!("without a planted fault, journey {number} of {flow} finds: {why}"));
    }
    println!("| planted fault | flow | journey that finds it | as |\n| --- | --- | ---: | --- |");
    let mut missed = Vec::new();
    for Planted { name, does, flow, .. } in &FAULTS {
        let found = first(flow, name, journeys);
        let (number, why) = found.unwrap_or_else(|| {
            missed.push(*name);
            (journeys, "not found".into())
        });
        println!("| {does} | {flow} | {} | {why} |", number + 1);
    }
    if missed.is_empty() { Ok(()) } else { Err(format!("no journey finds {}", missed.join(", "))) }
}

/// The number of the first journey that finds something, and the words of the breach.
fn first(flow: &str, fault: &str, journeys: u64) -> Option<(u64, String)> {
    let program = home().join("target/debug/simulate");
    (0..journeys).find_map(|number| {
        let mut command = Command::new(&program);
        command.args([flow, &number.to_string()]).env(CHOICE, fault).stderr(Stdio::null());
        let output = command.output().ok().filter(|output| !output.status.success())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let breach = text.lines().find(|line| line.starts_with("journey "))?;
        // After the readings, which are the first braces.
        let why = breach.split_once("}: ").map_or(breach, |(_, why)| why);
        Some((number, why.split(['{', '`']).next().unwrap_or(why).trim_end_matches(": ").chars().take(90).collect()))
    })
}

/// Plants one change. A text that is not there once is a fault of this list.
fn plant((file, old, new): &Place) -> Outcome {
    let path = tree().join("core/src").join(file);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if text.matches(old).count() != 1 {
        return Err(format!("core/src/{file} does not have this text once: {old}"));
    }
    fs::write(&path, text.replace(old, new)).map_err(|error| format!("{}: {error}", path.display()))
}

/// Copies what is committed, so that the work tree never has a fault.
fn copy() -> Outcome {
    if tree().exists() {
        fs::remove_dir_all(tree()).map_err(|error| error.to_string())?;
    }
    run(Command::new("git").args(["clone", "--quiet", "--shared"]).arg(root()).arg(tree()))
}

fn tree() -> PathBuf {
    home().join("tree")
}

fn home() -> PathBuf {
    target().join("planted")
}
