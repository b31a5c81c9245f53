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
use crate::config::{Config, Context};
use crate::fact::Headers;
use crate::id::{EffectId, Key};
use crate::json::{Malformed, RawText, decode, encode, listed};
use crate::providers::{self, Provider};
use crate::rule::Violation;
use crate::time::{Millis, Timestamp};
use crate::webhook::{Delivery, Secret};

use any::checked;
pub use any::{
    AnyAction, AnyError, AnyLease, AnySnapshot, AnyStep, LARGEST_COMMAND, load, read_command, read_config, read_effect,
    read_fact, read_time, start,
};
pub use error::CallError;

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
        config: Config,
    },
    /// A worker takes an effect, alone until the lease ends.
    Lease {
        /// The snapshot.
        #[serde(borrow)]
        snapshot: RawText<'a>,
        /// The effect.
        effect: EffectId,
        /// The time of the call.
        now: Timestamp,
        /// The host's choices.
        #[serde(default)]
        config: Config,
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
        config: Config,
    },
    /// The effects that have to be carried out, each once.
    #[serde(borrow)]
    Effects(Look<'a>),
    /// What the provider or the customer has to do.
    #[serde(borrow)]
    WaitingFor(Look<'a>),
    /// Every action: whether it is allowed now, or why not.
    #[serde(borrow)]
    Actions(Look<'a>),
    /// When to look at the flow again.
    #[serde(borrow)]
    WakeAt(Look<'a>),
    /// The ids by which a signal finds the flow.
    Ids {
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
    KeyFor {
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
    config: Config,
}

/// An answer.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Answer"))]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    /// What was asked for.
    Ok(T),
    /// The command or the lease is rejected: every rule that it would break.
    Rejected {
        /// The broken rules, in the order in which they were found.
        violations: Vec<Violation>,
    },
    /// The request is wrong.
    Error {
        /// What kind of error it is.
        #[cfg_attr(feature = "schemas", schemars(extend("enum" = error::CODES)))]
        code: &'static str,
        /// A JSON Pointer into the verb's fields.
        pointer: String,
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

/// Does one verb: `{"handle": {…}}` to `{"ok": …}`, `{"rejected": {"violations": […]}}` or
/// `{"error": {"code", "pointer", "message"}}`, `pointer` being a JSON Pointer into the verb's fields. Never panics
/// in a release, whatever the text.
///
/// ```
/// let answer = rulebound::ffi::call(r#"{"acknowledgement": {"provider": "truemed"}}"#);
/// assert_eq!(answer, r#"{"ok":204}"#);
/// ```
pub fn call(request: &str) -> String {
    if request.len() > LARGEST_CALL {
        return tell(CallError::new("too_long", "", "the request is longer than 4 MiB"));
    }
    match decode::<Verb<'_>>(request) {
        Ok(verb) => serve(verb).unwrap_or_else(|wrong| wrong),
        Err(Malformed { pointer, reason }) => tell(CallError::new("malformed", within_verb(&pointer), reason)),
    }
}

/// A field as seen from the verb's fields.
fn within_verb(pointer: &str) -> &str {
    pointer
        .char_indices()
        .filter(|(_, it)| *it == '/')
        .nth(1)
        .map_or("", |(start, _)| pointer.get(start..).unwrap_or(""))
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
        Verb::Handle { snapshot, command, now, config } => {
            let cx = context(now, config)?;
            ok(&open(snapshot)?.handle(command.get(), &cx).map_err(refuse)?)
        }
        Verb::Lease { snapshot, effect, now, config } => {
            let cx = context(now, config)?;
            ok(&open(snapshot)?.lease(&effect, &cx).map_err(refuse)?)
        }
        Verb::Observe { snapshot, fact, now, config } => {
            let cx = context(now, config)?;
            let snapshot = open(snapshot)?;
            let fact = read_fact(fact.get()).map_err(|it| refuse(it.under("/fact").into()))?;
            ok(&snapshot.observe(fact, &cx).map_err(refuse)?)
        }
        Verb::Effects(look) => look.at(|at, cx| at.effects(cx)),
        Verb::WaitingFor(look) => look.at(|at, cx| at.waiting_for(cx)),
        Verb::Actions(look) => look.at(|at, cx| at.actions(cx)),
        Verb::WakeAt(look) => look.at(|at, cx| at.wake_at(cx)),
        Verb::Ids { snapshot } => ok(&open(snapshot)?.ids()),
        Verb::Authenticate { provider, secrets, headers, body, now, tolerance } => {
            let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
            let delivery = Delivery { secrets: &secrets, headers: &headers, body: body.as_bytes(), now, tolerance };
            let origin = providers::check_origin(&provider, &delivery);
            ok(&origin.map_err(|it| tell(it.into()))?)
        }
        Verb::Correlate { provider, body } => {
            let provider = named(&provider)?;
            ok(&(provider.correlate)(body.as_bytes()).map_err(|it| tell(it.into()))?)
        }
        Verb::Acknowledgement { provider } => ok(&named(&provider)?.acknowledgement),
        Verb::KeyFor { kind, name } => ok(&providers::key_for(&kind, &name).map_err(|wrong| refuse(wrong.into()))?),
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
    fn at<T: Serialize>(self, view: impl FnOnce(&dyn AnySnapshot, &Context) -> T) -> Served {
        let cx = context(self.now, self.config)?;
        ok(&view(open(self.snapshot)?.as_ref(), &cx))
    }
}

fn context(now: Timestamp, config: Config) -> Result<Context, String> {
    let config = checked(config).map_err(|wrong| refuse(wrong.under("/config").into()))?;
    Ok(Context::new(now, config))
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
    match CallError::of(why) {
        Ok(problem) => tell(problem),
        Err(rejection) => {
            let rejected: Answer<()> = Answer::Rejected { violations: rejection.violations };
            encode(&rejected)
        }
    }
}

fn unknown(field: &str, name: &str, what: &str) -> String {
    tell(CallError::unknown(field, what, name))
}

fn tell(problem: CallError) -> String {
    let CallError { code, pointer, message } = problem;
    encode(&Answer::<()>::Error { code, pointer, message })
}
