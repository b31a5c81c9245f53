//! The one function that every binding forwards to: JSON in, JSON out, every verb.

mod any;
mod error;
#[cfg(feature = "schemas")]
pub mod schema;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, RULES_VERSION};
use crate::fact::Headers;
use crate::id::Key;
use crate::intake::{Delivery, Secret};
use crate::json::{Malformed, RawText, decode, encode, listed};
use crate::policy::Policy;
use crate::providers::{self, Provider};
use crate::rule::Violation;
use crate::time::{Millis, Timestamp};

pub use any::{
    AnyError, AnyObservation, AnyOffer, AnySnapshot, AnyTransition, Around, LARGEST_COMMAND, load, read_command,
    read_fact, read_policy, read_time, start,
};
pub use error::Problem;

/// The version of the call protocol: the verbs, their fields and their answers.
///
/// It moves when a request that was understood no longer is, or an answer lacks what it had; not when either gains.
pub const PROTOCOL: u32 = 1;

/// The longest request that is read: 4 MiB.
pub const LARGEST_CALL: usize = 4 << 20;

/// A request: one verb, and its fields.
#[derive(Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CallRequest"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Verb<'a> {
    /// A flow that has not begun.
    Start {
        /// The flow's id.
        flow: String,
        /// The host's name for it, never used before or again.
        key: Key,
    },
    /// Reads a snapshot, and gives it in the newest format.
    Load {
        /// The snapshot.
        #[serde(borrow)]
        snapshot: RawText<'a>,
    },
    /// Writes a snapshot in an older format.
    SaveAs {
        /// The snapshot.
        #[serde(borrow)]
        snapshot: RawText<'a>,
        /// The format.
        format: u32,
    },
    /// The host wants something.
    Handle {
        /// The snapshot.
        #[serde(borrow)]
        snapshot: RawText<'a>,
        /// The command.
        #[serde(borrow)]
        command: RawText<'a>,
        /// The time of the call.
        now: Timestamp,
        /// The host's choices.
        #[serde(default)]
        policy: Policy,
        /// The settings of the flow's provider.
        #[serde(borrow, default)]
        settings: Option<RawText<'a>>,
    },
    /// Something has happened.
    Observe {
        /// The snapshot.
        #[serde(borrow)]
        snapshot: RawText<'a>,
        /// The fact.
        #[serde(borrow)]
        fact: RawText<'a>,
        /// The time of the call.
        now: Timestamp,
        /// The host's choices.
        #[serde(default)]
        policy: Policy,
        /// The settings of the flow's provider.
        #[serde(borrow, default)]
        settings: Option<RawText<'a>>,
    },
    /// What a worker must do, each once.
    #[serde(borrow)]
    Owed(Look<'a>),
    /// What others must do.
    #[serde(borrow)]
    Awaits(Look<'a>),
    /// What may be wished now, and what stands in the way of the rest.
    #[serde(borrow)]
    Offers(Look<'a>),
    /// When any of these next changes by itself.
    #[serde(borrow)]
    Deadline(Look<'a>),
    /// The ids by which a signal finds the flow.
    CorrelationIds {
        /// The snapshot.
        #[serde(borrow)]
        snapshot: RawText<'a>,
    },
    /// Whether a webhook is the provider's, told from its raw body.
    Authenticate {
        /// The provider's name.
        provider: String,
        /// The secrets that the host shares with it; any of them may fit.
        #[serde(borrow)]
        secrets: Vec<Cow<'a, str>>,
        /// The webhook's headers.
        #[serde(borrow)]
        headers: Headers<'a>,
        /// The webhook's raw body.
        #[serde(borrow)]
        body: Cow<'a, str>,
        /// The time of the call.
        now: Timestamp,
        /// How far from now its signature may be: 5 minutes at Flex, and any at Truemed, unless told. Truemed tells a
        /// webhook again for up to seven days, and no document says that each time it is signed anew.
        #[serde(default)]
        tolerance: Option<Millis>,
    },
    /// The ids by which a webhook finds its flows.
    Correlate {
        /// The provider's name.
        provider: String,
        /// The webhook's raw body.
        #[serde(borrow)]
        body: Cow<'a, str>,
    },
    /// The status that the provider wants for a stored webhook.
    Acknowledgement {
        /// The provider's name.
        provider: String,
    },
    /// The key of a flow whose identity is the provider's own thing, such as a token that can be used once.
    KeyOf {
        /// The kind, as the provider's page names it.
        kind: String,
        /// What the provider calls the thing.
        name: String,
    },
    /// A question to one of the provider's pure modules.
    Ask {
        /// The provider's name.
        provider: String,
        /// The question's name.
        question: String,
        /// What is asked about.
        #[serde(borrow)]
        with: RawText<'a>,
    },
    /// Every rule and every flow.
    Catalogue {},
    /// What this is.
    Versions {},
}

/// What the four views of a snapshot take.
#[derive(Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Look<'a> {
    /// The snapshot.
    #[serde(borrow)]
    snapshot: RawText<'a>,
    /// The time of the call.
    now: Timestamp,
    /// The host's choices.
    #[serde(default)]
    policy: Policy,
    /// The settings of the flow's provider.
    #[serde(borrow, default)]
    settings: Option<RawText<'a>>,
}

/// An answer.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Answer"))]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    /// What was asked for.
    Ok(T),
    /// The command is refused: every rule that it would break.
    Refused {
        /// The broken rules, in the order in which they were found.
        violations: Vec<Violation>,
    },
    /// The request is wrong.
    Error {
        /// What kind of error it is.
        #[cfg_attr(feature = "schemas", schemars(extend("enum" = error::CODES)))]
        code: &'static str,
        /// A JSON Pointer into the verb's fields.
        field: String,
        /// What is wrong.
        message: String,
    },
}

/// The versions of what answers.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Versions {
    /// The version of the library.
    library: &'static str,
    /// The version of the rules.
    rules: &'static str,
    /// The version of the call protocol.
    protocol: u32,
    /// The formats in which the snapshots of each flow are read and written, the newest last.
    formats: BTreeMap<&'static str, Vec<u32>>,
}

/// A fact that moved nothing.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Unmoved<'a> {
    /// Whether it moved the flow.
    #[cfg_attr(feature = "schemas", schemars(extend("const" = false)))]
    applied: bool,
    /// Why.
    unmoved: crate::fact::Because,
    /// What is odd about it.
    warnings: &'a [Violation],
}

/// A fact that moved the flow.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
struct Applied<'a> {
    /// Whether it moved the flow.
    #[cfg_attr(feature = "schemas", schemars(extend("const" = true)))]
    applied: bool,
    #[serde(flatten)]
    transition: &'a AnyTransition,
}

/// Does one verb: `{"handle": {…}}` to `{"ok": …}`, `{"refused": {"violations": […]}}` or
/// `{"error": {"code", "field", "message"}}`, `field` being a JSON Pointer into the verb's fields. Never panics
/// in a release, whatever the text.
///
/// ```
/// let answer = rulebound::ffi::call(r#"{"acknowledgement": {"provider": "truemed"}}"#);
/// assert_eq!(answer, r#"{"ok":204}"#);
/// ```
pub fn call(request: &str) -> String {
    if request.len() > LARGEST_CALL {
        return tell(Problem::new("too_long", "", "the request is longer than 4 MiB"));
    }
    match decode::<Verb<'_>>(request) {
        Ok(verb) => serve(verb).unwrap_or_else(|wrong| wrong),
        Err(Malformed { field, reason }) => tell(Problem::new("malformed", within_verb(&field), reason)),
    }
}

/// A field as seen from the verb's fields.
fn within_verb(field: &str) -> &str {
    field.char_indices().filter(|(_, it)| *it == '/').nth(1).map_or("", |(start, _)| field.get(start..).unwrap_or(""))
}

/// An answer, or the error that is one too.
type Served = Result<String, String>;

fn serve(verb: Verb<'_>) -> Served {
    match verb {
        Verb::Start { flow, key } => match start(&flow, key) {
            Some(snapshot) => raw(snapshot.save()),
            None => Err(unknown("/flow", &flow, "flow")),
        },
        Verb::Load { snapshot } => raw(open(snapshot)?.save()),
        Verb::SaveAs { snapshot, format } => raw(open(snapshot)?.save_as(format).map_err(|it| refuse(it.into()))?),
        Verb::Handle { snapshot, command, now, policy, settings } => {
            let around = Around::new(now, Some(&policy), settings.map(RawText::get));
            ok(&open(snapshot)?.handle(command.get(), &around).map_err(refuse)?)
        }
        Verb::Observe { snapshot, fact, now, policy, settings } => {
            let around = Around::new(now, Some(&policy), settings.map(RawText::get));
            let snapshot = open(snapshot)?;
            let fact = read_fact(fact.get()).map_err(|it| refuse(it.under("/fact").into()))?;
            match snapshot.observe(fact, &around).map_err(refuse)? {
                AnyObservation::Applied(transition) => ok(&Applied { applied: true, transition: &transition }),
                AnyObservation::Unmoved { because, warnings } => {
                    ok(&Unmoved { applied: false, unmoved: because, warnings: &warnings })
                }
            }
        }
        Verb::Owed(look) => look.at(|at, around| at.owed(around)),
        Verb::Awaits(look) => look.at(|at, around| at.awaits(around)),
        Verb::Offers(look) => look.at(|at, around| at.offers(around)),
        Verb::Deadline(look) => look.at(|at, around| at.deadline(around)),
        Verb::CorrelationIds { snapshot } => ok(&open(snapshot)?.correlation_ids()),
        Verb::Authenticate { provider, secrets, headers, body, now, tolerance } => {
            let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
            let delivery = Delivery { secrets: &secrets, headers: &headers, body: body.as_bytes(), now, tolerance };
            let origin = providers::deliver(&provider, &delivery);
            ok(&origin.map_err(|it| tell(it.into()))?)
        }
        Verb::Correlate { provider, body } => {
            let provider = named(&provider)?;
            ok(&(provider.correlate)(body.as_bytes()).map_err(|it| tell(it.into()))?)
        }
        Verb::Acknowledgement { provider } => ok(&named(&provider)?.acknowledgement),
        Verb::KeyOf { kind, name } => ok(&providers::key_of(&kind, &name).map_err(|wrong| refuse(wrong.into()))?),
        Verb::Ask { provider, question, with } => {
            raw(ask(named(&provider)?, &question, with.get()).map_err(|wrong| refuse(wrong.into()))?)
        }
        Verb::Catalogue {} => ok(&Catalogue::new()),
        Verb::Versions {} => {
            let (library, formats) = (env!("CARGO_PKG_VERSION"), any::formats());
            ok(&Versions { library, rules: RULES_VERSION, protocol: PROTOCOL, formats })
        }
    }
}

impl Look<'_> {
    fn at<T: Serialize>(self, view: impl FnOnce(&dyn AnySnapshot, &Around<'_>) -> Result<T, AnyError>) -> Served {
        let around = Around::new(self.now, Some(&self.policy), self.settings.map(RawText::get));
        let snapshot = open(self.snapshot)?;
        ok(&view(snapshot.as_ref(), &around).map_err(refuse)?)
    }
}

fn ask(provider: &Provider, question: &str, with: &str) -> Result<String, Malformed> {
    match provider.questions.iter().find(|it| it.name == question) {
        Some(it) => (it.answer)(with).map_err(|wrong| wrong.under("/with")),
        None => {
            let known: Vec<_> = provider.questions.iter().map(|it| it.name).collect();
            Err(Malformed::new("/question", format!("there is no question `{question}`, only {}", listed(&known))))
        }
    }
}

fn open(snapshot: RawText<'_>) -> Result<alloc::boxed::Box<dyn AnySnapshot>, String> {
    load(snapshot.get()).map_err(|it| refuse(it.into()))
}

fn named(provider: &str) -> Result<&'static Provider, String> {
    providers::named(provider).ok_or_else(|| unknown("/provider", provider, "provider"))
}

fn ok<T: Serialize>(value: &T) -> Served {
    Ok(encode(&Answer::Ok(value)))
}

/// An answer that is JSON already.
fn raw(json: String) -> Served {
    Ok(format!("{{\"ok\":{json}}}"))
}

fn refuse(why: AnyError) -> String {
    match Problem::of(why) {
        Ok(problem) => tell(problem),
        Err(rejection) => {
            let refused: Answer<()> = Answer::Refused { violations: rejection.violations };
            encode(&refused)
        }
    }
}

fn unknown(field: &str, name: &str, what: &str) -> String {
    tell(Problem::unknown(field, what, name))
}

fn tell(problem: Problem) -> String {
    let Problem { code, field, message } = problem;
    encode(&Answer::<()>::Error { code, field, message })
}
