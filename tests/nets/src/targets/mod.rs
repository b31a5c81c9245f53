//! What the fuzzer runs: each target takes bytes, and panics if a check fails.

mod authenticate;
mod call;
mod load;
mod replies;
mod text;
mod walk;
mod webhooks;

/// A check that must hold for any bytes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What must hold, in one sentence.
    pub promise: &'static str,
    /// Panics if the check fails for these bytes.
    pub run: fn(&[u8]),
    /// The first inputs, made from the vectors.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many runs a test makes from every seed.
    pub smoke: u32,
}

/// Every target.
pub const TARGETS: [Target; 7] = [
    Target {
        name: "load",
        promise: "any text is a snapshot or an error, and a snapshot is saved as it was loaded",
        run: load::run,
        seeds: load::seeds,
        smoke: 20_000,
    },
    Target {
        name: "call",
        promise: "any text gets one JSON object as its answer, and the next snapshot loads",
        run: call::run,
        seeds: call::seeds,
        smoke: 20_000,
    },
    Target {
        name: "replies",
        promise: "after any reply to any request the snapshot loads and does not sleep",
        run: replies::run,
        seeds: replies::seeds,
        smoke: 20_000,
    },
    Target {
        name: "webhooks",
        promise: "after any webhook the snapshot loads and does not sleep, and a webhook counts once",
        run: webhooks::run,
        seeds: webhooks::seeds,
        smoke: 20_000,
    },
    Target {
        name: "authenticate",
        promise: "exactly the webhooks that are signed with a secret are verified",
        run: authenticate::run,
        seeds: authenticate::seeds,
        smoke: 50_000,
    },
    Target {
        name: "text",
        promise: "JSON is read and written as serde_json does",
        run: text::run,
        seeds: text::seeds,
        smoke: 50_000,
    },
    Target {
        name: "walk",
        promise: "after any 120 moves of a flow the snapshot loads and does not sleep",
        run: walk::run,
        seeds: walk::seeds,
        smoke: 800,
    },
];

/// The target with a name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|it| it.name == name)
}
