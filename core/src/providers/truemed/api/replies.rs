//! Truemed's replies: which members prove a success, and how Truemed words a refusal.

use alloc::string::String;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};

use super::webhook::{NextAction, SessionReport, Status};
use crate::flow::{Reading, Refusal, Reply};
use crate::id::in_one_case;
use crate::json::{RawText, any_form, decode, lenient, lenient_text, read_body, string_or_int};
use crate::providers::truemed::rules::Rule;
use crate::rule::RuleSet;
use crate::time::Timestamp;

/// The reply to `create_payment_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct CreateTokenReply {
    /// The id of the request. It cannot be used as a token.
    #[serde(deserialize_with = "any_form")]
    pub provision_token_request_id: ProvisionTokenRequestId,
    /// The page to send the customer to.
    #[serde(default, deserialize_with = "lenient")]
    pub redirect_url: Option<String>,
}

/// The reply to `update_payment_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct UpdateTokenReply {
    /// Whether the customer must act, if the reply says so.
    #[serde(default, deserialize_with = "action_member")]
    next_action: Option<ActionMember>,
    /// The page where the customer acts.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
    /// The id that the webhook will have.
    #[serde(default, deserialize_with = "lenient")]
    pub provision_token_request_id: Option<ProvisionTokenRequestId>,
    /// The updated token, if the reply has it.
    #[serde(default, deserialize_with = "lenient")]
    payment_token: Option<Token>,
}

/// The value of a member `next_action`.
#[derive(Clone, PartialEq, Eq, Debug)]
enum ActionMember {
    /// `null`, or an empty string.
    Null,
    /// The string `none`, in any case.
    None,
    /// An action, by Truemed's name for it.
    Named(NextAction),
    /// An action whose name cannot be read.
    Unnamed,
}

impl<'de> Deserialize<'de> for ActionMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawText::deserialize(deserializer)?.get();
        Ok(match (raw, decode::<String>(raw)) {
            ("null", _) => Self::Null,
            (_, Ok(text)) if text.is_empty() => Self::Null,
            (_, Ok(text)) if text.eq_ignore_ascii_case("none") => Self::None,
            (_, Ok(text)) => Self::Named(NextAction::from(text)),
            (_, Err(_)) => Self::Unnamed,
        })
    }
}

fn action_member<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ActionMember>, D::Error> {
    ActionMember::deserialize(deserializer).map(Some)
}

impl UpdateTokenReply {
    /// Whether the reply has a member that the documents show.
    const fn has_documented_member(&self) -> bool {
        self.next_action.is_some() || self.redirect_url.is_some() || self.provision_token_request_id.is_some()
    }

    /// What the customer must do, if anything. An action whose name cannot be read is the empty string.
    pub fn next_action(&self) -> Option<NextAction> {
        let unnamed = || NextAction::Unknown(String::new());
        match &self.next_action {
            Some(ActionMember::Named(action)) => Some(action.clone()),
            Some(ActionMember::Unnamed) => Some(unnamed()),
            // A page for the customer is an action, even if the reply names none.
            Some(ActionMember::None | ActionMember::Null) | None => self.redirect_url.is_some().then(unnamed),
        }
    }

    /// Reads the reply. It proves nothing without an action, a page or a request id, or if it names another token.
    pub(crate) fn read<E>(reply: &Reply<'_>, requested: &Token, event: impl FnOnce(Self) -> E) -> Reading<E> {
        match read_body::<Self>(reply.body) {
            Some(Self { payment_token: Some(other), .. }) if other != *requested => Reading::missing("/payment_token"),
            Some(update) if update.has_documented_member() => Reading::Done(event(update)),
            _ => Reading::missing("/next_action"),
        }
    }
}

/// The reply to `create_payment_session`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct CreateSessionReply {
    /// The id of the session.
    #[serde(deserialize_with = "any_form")]
    pub id: PaymentSessionId,
    /// The page where the customer pays.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
}

/// A refused charge, with a page for the customer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct FailedChargeReply {
    /// The page where the customer repairs the payment method.
    #[serde(default, deserialize_with = "lenient_text")]
    pub redirect_url: Option<String>,
    /// What the customer must do there, if the reply has the `next_action` of an update.
    #[serde(default, deserialize_with = "lenient_text")]
    next_action: Option<String>,
    /// The session that failed. The documents do not show the name of this field, so two names are read.
    #[serde(default, deserialize_with = "lenient")]
    payment_session_id: Option<PaymentSessionId>,
    #[serde(default, deserialize_with = "lenient")]
    id: Option<PaymentSessionId>,
}

impl FailedChargeReply {
    /// The session that failed, if the reply has it.
    pub fn session(&self) -> Option<&PaymentSessionId> {
        self.payment_session_id.as_ref().or(self.id.as_ref())
    }

    /// What the customer must do, if the reply says so.
    pub fn next_action(&self) -> Option<NextAction> {
        let text = self.next_action.as_ref().filter(|text| !text.eq_ignore_ascii_case("none"))?;
        Some(NextAction::from(text.clone()))
    }
}

/// The reply to `retrieve_provision_token_request`. A `payment_token` of `null` means that the request is pending.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct ProvisionReply {
    /// The token, once Truemed has issued it.
    #[serde(deserialize_with = "any_form")]
    pub payment_token: Option<Token>,
    /// The metadata that we sent.
    #[serde(default, deserialize_with = "lenient_text")]
    pub metadata: Option<String>,
}

/// The reply to `retrieve_payment_token`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct TokenReply {
    /// The token.
    #[serde(deserialize_with = "any_form")]
    pub payment_token: Token,
    /// When the earliest letter of medical necessity expires.
    #[serde(default, deserialize_with = "lenient_text")]
    pub lmn_expires_at: Option<String>,
    /// The stored cards, as far as they can be read.
    #[serde(default, deserialize_with = "readable")]
    payment_methods: Vec<PaymentMethod>,
}

/// A stored card. The documents do not show the names of its members, so those of a public emulator are read.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct PaymentMethod {
    #[serde(default, deserialize_with = "lenient_text")]
    exp_month: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    exp_year: Option<String>,
}

/// Reads a list that is not essential, without the entries that cannot be read.
fn readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let all: Vec<RawText<'_>> = decode(RawText::deserialize(deserializer)?.get()).unwrap_or_default();
    Ok(all.into_iter().filter_map(|it| decode(it.get()).ok()).collect())
}

impl PaymentMethod {
    /// The end of the month in which the card expires.
    fn expiry(&self) -> Option<Timestamp> {
        let year = self.exp_year.as_deref()?.parse::<i16>().ok()?;
        let year = if (0..100).contains(&year) { year.saturating_add(2000) } else { year };
        Timestamp::end_of_month(year, self.exp_month.as_deref()?.parse().ok()?)
    }
}

impl TokenReply {
    /// When the earliest card expires, as far as the reply shows it.
    pub(crate) fn card_expiry(&self) -> Option<Timestamp> {
        self.payment_methods.iter().filter_map(PaymentMethod::expiry).min()
    }

    /// When the earliest letter expires.
    pub(crate) fn lmn_expiry(&self) -> Option<Timestamp> {
        self.lmn_expires_at.as_deref().and_then(Timestamp::parse_iso_end)
    }
}

/// The id of what a capture, a void or a refund made.
#[derive(Deserialize)]
struct MadeReply {
    #[serde(default, deserialize_with = "string_or_int")]
    id: Option<String>,
    #[serde(default, deserialize_with = "string_or_int")]
    refund_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<Status>,
}

/// Reads the id of a capture. The id of the session itself is not the id of a capture.
pub(crate) fn capture<E>(reply: &Reply<'_>, of: &PaymentSessionId, event: impl FnOnce(String) -> E) -> Reading<E> {
    let made = read_body::<MadeReply>(reply.body).and_then(|it| it.id).filter(|id| in_one_case(id) != of.as_str());
    Reading::of(made.map(event).ok_or("/id"))
}

/// Reads the id of a void. If the reply is a session instead, its status must be `authorization_voided`.
pub(crate) fn void<E>(reply: &Reply<'_>, event: impl FnOnce(String) -> E) -> Reading<E> {
    let made = read_body::<MadeReply>(reply.body)
        .filter(|it| it.status.as_ref().is_none_or(|it| *it == Status::AuthorizationVoided));
    Reading::of(made.and_then(|it| it.id).map(event).ok_or("/id"))
}

/// Reads the id of a refund.
pub(crate) fn refund<E>(reply: &Reply<'_>, event: impl FnOnce(String) -> E) -> Reading<E> {
    Reading::of(read_body::<MadeReply>(reply.body).and_then(|it| it.refund_id).map(event).ok_or("/refund_id"))
}

/// Reads a request for a token. It is of no use without the page for the customer.
pub(crate) fn create_token<E>(reply: &Reply<'_>, event: impl FnOnce(CreateTokenReply) -> E) -> Reading<E> {
    match read_body::<CreateTokenReply>(reply.body) {
        None => Reading::missing("/provision_token_request_id"),
        Some(it) if it.redirect_url.as_deref().is_some_and(|url| url.contains("://")) => Reading::Done(event(it)),
        Some(it) => Reading::Missing { pointer: "/redirect_url", hint: Some(event(it)) },
    }
}

/// Reads a created session.
pub(crate) fn create_session<E>(reply: &Reply<'_>, event: impl FnOnce(CreateSessionReply) -> E) -> Reading<E> {
    read_whole(reply, "/id", event)
}

/// Reads the reply to a session lookup. It must be about the requested session.
pub(crate) fn session<E>(
    reply: &Reply<'_>,
    requested: &PaymentSessionId,
    event: impl FnOnce(SessionReport) -> E,
) -> Reading<E> {
    match read_body::<SessionReport>(reply.body) {
        None => Reading::missing("/status"),
        Some(report) if report.status.as_str().is_empty() => Reading::missing("/status"),
        Some(report) if report.session() == Some(requested) => Reading::Done(event(report)),
        Some(_) => Reading::missing("/id"),
    }
}

/// Reads the reply to a token lookup. It must be about the requested token.
pub(crate) fn token<E>(reply: &Reply<'_>, requested: &Token, event: impl FnOnce(TokenReply) -> E) -> Reading<E> {
    let read = read_body::<TokenReply>(reply.body).filter(|it| it.payment_token == *requested);
    Reading::of(read.map(event).ok_or("/payment_token"))
}

/// Reads the reply to a lookup of a provision request. It must have a `payment_token`, which can be `null`.
pub(crate) fn provision<E>(
    reply: &Reply<'_>,
    requested: &ProvisionTokenRequestId,
    event: impl FnOnce(ProvisionReply) -> E,
) -> Reading<E> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        #[expect(dead_code, reason = "only its presence matters")]
        payment_token: RawText<'a>,
        #[serde(default, deserialize_with = "lenient_text")]
        provision_token_request_id: Option<String>,
    }
    match read_body::<Members<'_>>(reply.body) {
        None => Reading::missing("/payment_token"),
        Some(Members { provision_token_request_id: Some(other), .. }) if other != requested.as_str() => {
            Reading::missing("/provision_token_request_id")
        }
        Some(_) => read_whole(reply, "/payment_token", event),
    }
}

fn read_whole<T: DeserializeOwned, E>(
    reply: &Reply<'_>,
    pointer: &'static str,
    event: impl FnOnce(T) -> E,
) -> Reading<E> {
    Reading::of(read_body(reply.body).map(event).ok_or(pointer))
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default, deserialize_with = "lenient_text")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
}

/// The code by which Truemed says that a key came with another body before. No document shows it.
const KEY_USED: (&str, Rule) = ("IdempotencyKeyReused", Rule::SessionIdempotencyNewCartNewKey);

/// Reads a refusal in Truemed's words, with our rule that predicts it. Returns `None` for any other reply.
pub(crate) fn refusal<E>(reply: &Reply<'_>, rules: &[(&str, Rule)]) -> Option<Refusal<E>> {
    let ErrorBody { error: code, message } = read_body(reply.body)?;
    let rule = code.as_deref().and_then(|code| rules.iter().chain([&KEY_USED]).find(|(have, _)| *have == code));
    let rule = rule.map(|(_, rule)| rule.rule());
    (code.is_some() || message.is_some()).then(|| Refusal { rule, ..Refusal::new(code, message) })
}

/// Reads the refusal of a charge. With any status, it can send the customer to a page.
pub(crate) fn charge_refusal<E>(
    reply: &Reply<'_>,
    event: impl FnOnce(FailedChargeReply, Option<String>) -> E,
) -> Option<Refusal<E>> {
    let worded = refusal(reply, &[("NotFound", Rule::TokenDeleteFinal)]);
    let Some(failed) = read_body::<FailedChargeReply>(reply.body).filter(|it| it.redirect_url.is_some()) else {
        return worded;
    };
    let refusal = worded.unwrap_or(Refusal::new(None, None));
    let code = refusal.code.clone();
    Some(Refusal { event: Some(event(failed, code)), ..refusal })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(body: &str) -> Option<Option<NextAction>> {
        let requested = Token::parse("pt_1").unwrap();
        match UpdateTokenReply::read(&Reply { status: 200, body: body.as_bytes() }, &requested, |it| it.next_action()) {
            Reading::Done(action) => Some(action),
            Reading::Missing { .. } => None,
        }
    }

    #[test]
    fn an_update_needs_no_action_only_if_the_reply_says_so() {
        for none in [r#"null"#, r#""""#, r#""None""#, r#""none""#, r#""NONE""#] {
            assert_eq!(update(&alloc::format!("{{\"next_action\":{none}}}")), Some(None), "{none}");
        }
        let unnamed = Some(Some(NextAction::Unknown(String::new())));
        for other in ["{}", "[]", "0", "false", "true", r#"{"type":"HealthSurvey"}"#, r#"["None"]"#] {
            assert_eq!(update(&alloc::format!("{{\"next_action\":{other}}}")), unnamed, "{other}");
        }
        assert_eq!(update(r#"{"redirect_url":"https://x.example"}"#), unnamed);
        assert_eq!(update(r#"{"next_action":"takehealthsurvey"}"#).flatten().map(|it| it.is_known()), Some(true));
        assert_eq!(update(r#"{"next_action":null,"payment_token":"pt_1"}"#), Some(None));
        assert_eq!(update(r#"{"next_action":null,"payment_token":"pt_2"}"#), None);
        for nothing in [r#"{}"#, r#"{"redirect_url":""}"#, r#"{"provision_token_request_id":["x"]}"#, "[]"] {
            assert_eq!(update(nothing), None, "{nothing}");
        }
    }
}
