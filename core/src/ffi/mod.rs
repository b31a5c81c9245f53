//! The one function that every binding forwards to. It takes a verb as JSON, and returns its result as JSON.

pub mod any;
mod error;
mod read;
#[cfg(feature = "schemas")]
pub mod schema;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::catalogue::{Catalogue, RULES_VERSION};
use crate::config::{Config, Context, check_now};
use crate::fact::Headers;
use crate::id::{EffectId, Key};
use crate::json::{Malformed, RawText, decode, encode, listed};
use crate::providers::{self, Provider, WebhookOptions, read_webhook_with};
use crate::rule::Violation;
use crate::time::{Millis, Timestamp};
use crate::webhook::Secret;

pub use any::{AnyAction, AnyError, AnyLease, AnySnapshot, AnyStatus, AnyStep, load, start};
pub use error::CallError;
use read::checked;
pub use read::{LARGEST_COMMAND, read_command, read_config, read_effect, read_fact, read_time};

/// The version of the call protocol: the verbs, their fields and their answers.
///
/// It changes if a verb or a field is removed, or has another meaning. It does not change if one is added.
pub const PROTOCOL: u32 = 1;

/// The longest request that is read: 4 MiB.
pub const LARGEST_CALL: usize = 4 << 20;

/// A request: one verb, and its fields.
#[derive(Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CallRequest"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Verb<'a> {
    /// Starts a flow.
    Start {
        /// The flow's id.
        flow: String,
        /// The host's name for the snapshot. Never use it again.
        key: Key,
    },
    /// Reads a snapshot, and returns it in the newest format.
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
    /// Carries out a command of the host.
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
    /// Leases an effect to one worker until the lease ends.
    Lease {
        /// The snapshot.
        #[serde(borrow)]
        snapshot: RawText<'a>,
        /// The id of the effect.
        effect: EffectId,
        /// The time of the call.
        now: Timestamp,
        /// The host's choices.
        #[serde(default)]
        config: Config,
    },
    /// Applies a fact.
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
    /// Says how the lifecycle is now: what a page for a customer or for a support agent shows.
    #[serde(borrow)]
    Status(View<'a>),
    /// Lists the pending effects.
    #[serde(borrow)]
    Effects(View<'a>),
    /// Lists what the provider or the customer must do.
    #[serde(borrow)]
    WaitingFor(View<'a>),
    /// Lists every action, and whether it is allowed now.
    #[serde(borrow)]
    Actions(View<'a>),
    /// Says when to look at the flow again.
    #[serde(borrow)]
    WakeAt(View<'a>),
    /// Lists the ids by which a signal finds the flow.
    Ids {
        /// The snapshot.
        #[serde(borrow)]
        snapshot: RawText<'a>,
    },
    /// Reads a webhook: checks its origin, and lists the ids by which it finds its flows.
    ReadWebhook {
        /// The provider's name.
        provider: String,
        /// The secrets that the host shares with the provider. One of them must match.
        #[serde(borrow)]
        secrets: Vec<Cow<'a, str>>,
        /// The webhook's headers.
        #[serde(borrow)]
        headers: Headers<'a>,
        /// The webhook's raw body.
        #[serde(borrow)]
        body: Cow<'a, str>,
        /// What only the URL or a header says about it, such as the event's name.
        #[serde(borrow, default)]
        topic: Option<Cow<'a, str>>,
        /// The time of the call.
        now: Timestamp,
        /// How far the time of the signature can be from now, at least 1 second. If absent, it is 5 minutes at Flex, and
        /// unlimited at Truemed: Truemed repeats a webhook for up to 7 days, and no document says that it signs each
        /// repetition anew.
        #[serde(default)]
        tolerance_ms: Option<Millis>,
    },
    /// Lists the ids by which a stored webhook finds its flows. A newer release may read one that an older one could not.
    WebhookIds {
        /// The provider's name.
        provider: String,
        /// The fact of the webhook, as `read_webhook` returned it.
        #[serde(borrow)]
        fact: RawText<'a>,
    },
    /// Returns the key of a flow that belongs to one object of the provider, such as a one-time token.
    KeyFor {
        /// The kind, as the provider's page names it.
        kind: String,
        /// The provider's id of the object.
        name: String,
    },
    /// Answers a question that needs no snapshot.
    Ask {
        /// The provider's name.
        provider: String,
        /// The question's name.
        question: String,
        /// The fields of the question.
        #[serde(borrow)]
        with: RawText<'a>,
    },
    /// Returns every rule and every flow.
    Catalogue {},
    /// Returns the versions of the library.
    Versions {},
}

/// The fields of the views of a snapshot.
#[derive(Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct View<'a> {
    /// The snapshot.
    #[serde(borrow)]
    snapshot: RawText<'a>,
    /// The time of the call.
    now: Timestamp,
    /// The host's choices.
    #[serde(default)]
    config: Config,
}

/// The answer to a verb.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "Answer"))]
#[serde(rename_all = "snake_case")]
enum Answer<T> {
    /// The result of the verb.
    Ok(T),
    /// The command or the lease is rejected.
    Rejected {
        /// The broken rules, in the order in which they were found.
        violations: Vec<Violation>,
    },
    /// The call is wrong.
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

/// The versions of the library.
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

/// Carries out one verb, such as `{"handle": {…}}`.
///
/// The answer is `{"ok": …}`, `{"rejected": {"violations": […]}}` or `{"error": {"code", "pointer", "message"}}`. The
/// `pointer` is a JSON Pointer into the verb's fields. A release never panics, whatever the request is.
///
/// ```
/// let answer = rulebound::ffi::call(r#"{"key_for": {"kind": "revup.token", "name": ""}}"#);
/// assert_eq!(answer, r#"{"error":{"code":"malformed","pointer":"/name","message":"is empty"}}"#);
/// ```
pub fn call(request: &str) -> String {
    if request.len() > LARGEST_CALL {
        return error(CallError::new("too_long", "", "the request is longer than 4 MiB"));
    }
    match decode::<Verb<'_>>(request) {
        Ok(verb) => serve(verb).unwrap_or_else(|answer| answer),
        Err(Malformed { pointer, reason }) => error(CallError::new("malformed", within_verb(&pointer), reason)),
    }
}

/// A pointer into the request as a pointer into the verb's fields.
fn within_verb(pointer: &str) -> &str {
    pointer
        .char_indices()
        .filter(|(_, it)| *it == '/')
        .nth(1)
        .map_or("", |(start, _)| pointer.get(start..).unwrap_or(""))
}

/// An answer. The error is an answer too.
type Served = Result<String, String>;

fn serve(verb: Verb<'_>) -> Served {
    match verb {
        Verb::Start { flow, key } => match start(&flow, key) {
            Some(snapshot) => raw(snapshot.save()),
            None => Err(error(CallError::no_flow(&flow))),
        },
        Verb::Load { snapshot } => raw(open(snapshot)?.save()),
        Verb::SaveAs { snapshot, format } => raw(open(snapshot)?.save_as(format).map_err(|it| failed(it.into()))?),
        Verb::Handle { snapshot, command, now, config } => {
            let context = context(now, config)?;
            ok(&open(snapshot)?.handle(command.get(), &context).map_err(failed)?)
        }
        Verb::Lease { snapshot, effect, now, config } => {
            let context = context(now, config)?;
            ok(&open(snapshot)?.lease(&effect, &context).map_err(failed)?)
        }
        Verb::Observe { snapshot, fact, now, config } => {
            let context = context(now, config)?;
            let snapshot = open(snapshot)?;
            let fact = read_fact(fact.get()).map_err(|it| failed(it.under("/fact").into()))?;
            ok(&snapshot.observe(fact, &context).map_err(failed)?)
        }
        Verb::Status(view) => view.show(|snapshot, context| snapshot.status(context)),
        Verb::Effects(view) => view.show(|snapshot, context| snapshot.effects(context)),
        Verb::WaitingFor(view) => view.show(|snapshot, context| snapshot.waiting_for(context)),
        Verb::Actions(view) => view.show(|snapshot, context| snapshot.actions(context)),
        Verb::WakeAt(view) => view.show(|snapshot, context| snapshot.wake_at(context)),
        Verb::Ids { snapshot } => ok(&open(snapshot)?.ids()),
        Verb::ReadWebhook { provider, secrets, headers, body, topic, now, tolerance_ms } => {
            let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
            let options = WebhookOptions { topic: topic.as_deref(), tolerance: tolerance_ms };
            let received = read_webhook_with(&provider, &secrets, &headers, body.as_bytes(), now, &options);
            ok(&received.map_err(|it| error(it.into()))?)
        }
        Verb::WebhookIds { provider, fact } => {
            named(&provider)?;
            let fact = read_fact(fact.get()).map_err(|it| failed(it.under("/fact").into()))?;
            ok(&providers::webhook_ids(&provider, &fact).map_err(|it| failed(it.into()))?)
        }
        Verb::KeyFor { kind, name } => ok(&providers::key_for(&kind, &name).map_err(|it| failed(it.into()))?),
        Verb::Ask { provider, question, with } => {
            raw(ask(named(&provider)?, &question, with.get()).map_err(|it| failed(it.into()))?)
        }
        Verb::Catalogue {} => ok(&Catalogue::new()),
        Verb::Versions {} => {
            let (library, formats) = (env!("CARGO_PKG_VERSION"), any::formats());
            ok(&Versions { library, rules: RULES_VERSION, protocol: PROTOCOL, formats })
        }
    }
}

impl View<'_> {
    fn show<T: Serialize>(self, view: impl FnOnce(&dyn AnySnapshot, &Context) -> T) -> Served {
        let context = context(self.now, self.config)?;
        ok(&view(open(self.snapshot)?.as_ref(), &context))
    }
}

fn context(now: Timestamp, config: Config) -> Result<Context, String> {
    check_now(now).map_err(|it| failed(it.into()))?;
    let config = checked(config).map_err(|it| failed(it.under("/config").into()))?;
    Ok(Context::new(now, config))
}

fn ask(provider: &Provider, question: &str, with: &str) -> Result<String, Malformed> {
    match provider.questions.iter().find(|it| it.name == question) {
        Some(known) => (known.answer)(with).map_err(|it| it.under("/with")),
        None => {
            let names: Vec<_> = provider.questions.iter().map(|it| it.name).collect();
            Err(Malformed::new("/question", format!("there is no question `{question}`, only {}", listed(&names))))
        }
    }
}

fn open(snapshot: RawText<'_>) -> Result<alloc::boxed::Box<dyn AnySnapshot>, String> {
    load(snapshot.get()).map_err(|it| failed(it.into()))
}

fn named(provider: &str) -> Result<&'static Provider, String> {
    providers::named(provider).ok_or_else(|| error(CallError::no_provider(provider)))
}

fn ok<T: Serialize>(value: &T) -> Served {
    Ok(encode(&Answer::Ok(value)))
}

/// The answer with a result that is JSON already.
fn raw(json: String) -> Served {
    Ok(format!("{{\"ok\":{json}}}"))
}

/// The answer of a call that led to nothing.
fn failed(why: AnyError) -> String {
    match CallError::of(why) {
        Ok(wrong) => error(wrong),
        Err(rejection) => {
            let rejected: Answer<()> = Answer::Rejected { violations: rejection.violations };
            encode(&rejected)
        }
    }
}

fn error(wrong: CallError) -> String {
    let CallError { code, pointer, message } = wrong;
    encode(&Answer::<()>::Error { code, pointer, message })
}
