//! What the fuzzer runs: each target takes bytes, and panics where something does not hold.

mod authenticate;
mod call;
mod load;
mod replies;
mod text;
mod walk;
mod webhooks;

/// Something that must hold for any bytes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What must hold, in a few words.
    pub promise: &'static str,
    /// Panics unless it holds for these bytes.
    pub run: fn(&[u8]),
    /// Bytes to begin with, made from the vectors.
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
        promise: "any text is answered with one JSON object, and what follows is loaded again",
        run: call::run,
        seeds: call::seeds,
        smoke: 20_000,
    },
    Target {
        name: "replies",
        promise: "any reply to any request moves the flow to a snapshot that leads on",
        run: replies::run,
        seeds: replies::seeds,
        smoke: 20_000,
    },
    Target {
        name: "webhooks",
        promise: "any webhook moves the flow to a snapshot that leads on, and counts once",
        run: webhooks::run,
        seeds: webhooks::seeds,
        smoke: 20_000,
    },
    Target {
        name: "authenticate",
        promise: "only what is signed with a secret is verified, and all that is",
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
        promise: "after any 120 moves of a flow, what is saved loads and leads on",
        run: walk::run,
        seeds: walk::seeds,
        smoke: 2_000,
    },
];

/// The target of a name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|it| it.name == name)
}
