//! What a host reads from JSON: commands, facts, the config and the time.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

use super::any::formats;
use crate::config::{Config, check_now};
use crate::fact::Fact;
use crate::flow::Flow;
use crate::id::{EffectId, Text};
use crate::json::{Malformed, decode, decode_command, decode_tagged, listed, member, tag};
use crate::providers::{for_each_known_flow, named};
use crate::rule::{CoreRule, Rule, RuleSet};
use crate::time::Timestamp;

/// The longest command that is read: 256 KiB.
pub const LARGEST_COMMAND: usize = 256 << 10;

/// Reads a command of a flow from JSON: an object with a `type`, which is one of the provider's operations.
///
/// ```
/// use rulebound::{ffi::read_command, truemed::{PaymentToken, payment_token::Command}};
/// let command = read_command::<PaymentToken>(r#"{"type": "delete_payment_token"}"#).unwrap();
/// assert!(matches!(command, Command::DeletePaymentToken {}));
/// let wrong = read_command::<PaymentToken>(r#"{"type": "update_payment_token", "items": []}"#).unwrap_err();
/// assert_eq!(wrong.pointer, "/items");
/// let of_other = r#"{"type": "delete_payment_token", "flow": "flex.subscription"}"#;
/// assert_eq!(read_command::<PaymentToken>(of_other).unwrap_err().pointer, "/flow");
/// ```
///
/// A command can name its `flow`. Commands of several flows can have the same name and the same fields, so a builder writes it.
///
/// A command that is longer than [`LARGEST_COMMAND`] is an error, so that the next snapshot can be loaded.
///
/// # Errors
///
/// If it is no command of the flow. The error has a pointer to what is wrong.
pub fn read_command<F: Flow>(text: &str) -> Result<F::Command, Malformed> {
    if text.len() > LARGEST_COMMAND {
        return Err(Malformed::new("", "is longer than 256 KiB"));
    }
    let name = tag(text)?;
    if let Some(flow) = member::<Text<'_>>(text, "flow") {
        let Text(flow) = flow.map_err(|error| error.under("/flow"))?;
        if flow != F::ID {
            return Err(names_other_flow(F::ID, &flow));
        }
    }
    decode_command(name.clone(), text).map_err(|error| of_other_flow(F::ID, &name, text, error))
}

/// The error of a command that names another flow than that of its snapshot.
#[cold]
fn names_other_flow(own: &str, flow: &str) -> Malformed {
    let flows: Vec<_> = formats().into_keys().collect();
    let reason = match flows.contains(&flow) {
        true => format!(
            "this is a command of `{flow}`, and this snapshot is `{own}`: use a command of `{own}`, or a snapshot of `{flow}`"
        ),
        false => format!("is not a flow, expected `{own}`: leave it out, or copy `flow` of the snapshot"),
    };
    Malformed::new("/flow", reason)
}

/// The error of a command that another flow has. Otherwise it is the error as it was.
#[cold]
fn of_other_flow(own: &str, name: &str, text: &str, error: Malformed) -> Malformed {
    let is_unknown = error.pointer == "/type";
    let mut owners = Vec::new();
    macro_rules! note_owner {
        ($provider:ident :: $flow:ident) => {{
            type It = crate::providers::$provider::$flow;
            let read = decode_command::<<It as Flow>::Command>(Cow::Borrowed(name), text);
            // A name that the flow does not have suits every flow that has it. A name that several flows have suits only
            // a flow that has the other fields as well.
            if It::ID != own && read.map_or_else(|it| is_unknown && it.pointer != "/type", |_| true) {
                owners.push(It::ID);
            }
        }};
    }
    for_each_known_flow!(note_owner);
    if owners.is_empty() {
        return error;
    }
    let owners = listed(&owners).replace(", ", " and ");
    match is_unknown {
        true => Malformed { reason: format!("`{name}` is a command of {owners}; this snapshot is `{own}`"), ..error },
        false => {
            let reason = format!("{}. A command of {owners} has this form; this snapshot is `{own}`", error.reason);
            Malformed { reason, ..error }
        }
    }
}

/// Reads the id of an effect.
///
/// # Errors
///
/// If no effect can have this id.
pub fn read_effect(text: &str) -> Result<EffectId, Malformed> {
    EffectId::parse(text).map_err(|_| Malformed::new("/effect", "is not the id of an effect"))
}

/// Reads a fact from JSON: an object with a `type`.
///
/// # Errors
///
/// If it is no fact. The error has a pointer to what is wrong.
pub fn read_fact(text: &str) -> Result<Fact<'_>, Malformed> {
    decode_tagged(tag(text)?, text)
}

/// Reads the config from JSON. An override that would have no effect is an error.
///
/// # Errors
///
/// If it is no config. The error has a pointer to what is wrong.
pub fn read_config(text: &str) -> Result<Config, Malformed> {
    decode(text).and_then(checked).map_err(|error| error.under("/config"))
}

/// Checks that every override of a config has an effect.
pub(super) fn checked(config: Config) -> Result<Config, Malformed> {
    config.check_overrides(|_| true, rule).map(|()| config)
}

/// Reads the time of a call from JSON.
///
/// # Errors
///
/// If it is no whole number of milliseconds, or looks like seconds.
pub fn read_time(text: &str) -> Result<Timestamp, Malformed> {
    let now: Timestamp = decode(text).map_err(|error: Malformed| error.under("/now"))?;
    check_now(now).map(|()| now)
}

/// The rule with this code, whose first part is the provider's name.
fn rule(code: &str) -> Option<&'static Rule> {
    let provider = code.split_once('.').map_or("", |(provider, _)| provider);
    match named(provider) {
        Some(provider) => (provider.rules)().into_iter().find(|rule| rule.code == code),
        None => CoreRule::ALL.iter().map(|it| it.rule()).find(|rule| rule.code == code),
    }
}
