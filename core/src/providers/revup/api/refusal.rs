//! Refusals of Revup, and whether their other members say that the request was done even so.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::Value;

use super::replies::TransactionStatus;
use crate::flow::{Refusal, Reply};
use crate::json::{lenient, lenient_text, read_body};
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::rules::Rule;
use crate::rule::RuleSet;

/// The name of the status of a transaction, anywhere in a reply.
const STATUS: &str = "transactionStatus";

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default, deserialize_with = "lenient")]
    error: Option<ErrorText>,
}

#[derive(Deserialize)]
struct ErrorText {
    #[serde(default, deserialize_with = "lenient_text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient_text")]
    message: Option<String>,
}

/// Which members count besides the code and the message of a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OtherMembers {
    /// All members. A refusal by Revup itself has only the code and the message. A refusal by the acquirer has more
    /// members about its transaction.
    Everything,
    /// Only members about a transaction.
    Transactions,
}

/// Reads a refusal, and the one transaction in it that may not have failed. The result is `None` if the reply is not a
/// refusal in the documented form. Codes are strings, and keep their zeros.
pub(crate) fn refusal<E>(reply: &Reply<'_>, members: OtherMembers) -> Option<(Refusal<E>, Option<TransactionId>)> {
    let ErrorText { code, message } = read_body::<ErrorBody>(reply.body)?.error?;
    if code.is_none() && message.is_none() {
        return None;
    }
    let mut rest: Value = read_body(reply.body)?;
    if let Some(error) = rest.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("code");
        error.remove("message");
    }
    let mut refusal = Refusal::new(code, message);
    refusal.undecided = !members.has_failed("", &rest, false);
    let mut ids = Vec::new();
    transactions(&rest, &mut ids);
    ids.dedup();
    // With several transactions, it is unknown which one matters.
    let id = if ids.len() == 1 { ids.pop() } else { None };
    let id = id.filter(|_| refusal.undecided);
    Some((refusal, id))
}

impl OtherMembers {
    /// Whether every member that counts belongs to a failed transaction. `failed` says this about the object around the
    /// value.
    fn has_failed(self, name: &str, value: &Value, failed: bool) -> bool {
        match value {
            Value::Null => true,
            Value::Array(all) => all.iter().all(|it| self.has_failed(name, it, failed)),
            Value::Object(members) => {
                // A status of another type does not count as failed.
                let status = members.get(STATUS).filter(|it| !it.is_null()).map(is_failed);
                let failed = status.unwrap_or(failed);
                status != Some(false) && members.iter().all(|(name, it)| self.has_failed(name, it, failed))
            }
            _ => failed || (self == Self::Transactions && !name.to_ascii_lowercase().contains("transaction")),
        }
    }
}

fn is_failed(status: &Value) -> bool {
    status.as_str().is_some_and(|it| it.eq_ignore_ascii_case(TransactionStatus::Failed.as_str()))
}

/// Collects the ids of all transactions in a value.
fn transactions(value: &Value, ids: &mut Vec<TransactionId>) {
    match value {
        Value::Array(all) => all.iter().for_each(|it| transactions(it, ids)),
        Value::Object(members) => {
            ids.extend(members.get("transactionId").and_then(Value::as_str).and_then(TransactionId::read));
            members.values().for_each(|it| transactions(it, ids));
        }
        _ => {}
    }
}

/// Adds the rule that predicts the refusal, by Revup's error code.
pub(crate) fn with_rule<E>(refusal: Refusal<E>, rules: &[(&str, Rule)]) -> Refusal<E> {
    let code = refusal.code.as_deref().unwrap_or_default();
    let rule = rules.iter().find(|(known, _)| *known == code).map(|(_, rule)| rule.rule());
    Refusal { rule, ..refusal }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn read_with(members: OtherMembers, rest: &str) -> (bool, Option<TransactionId>) {
        let body = format!(r#"{{"error":{{"code":"0102","message":"No"}}{rest}}}"#);
        let reply = Reply { status: 400, body: body.as_bytes() };
        let (refusal, id) = refusal::<()>(&reply, members).unwrap();
        (refusal.undecided, id)
    }

    #[test]
    fn a_code_and_a_message_alone_are_a_refusal() {
        for rest in ["", r#","data":null"#, r#","transactions":[],"transaction":{}"#] {
            assert_eq!(read_with(OtherMembers::Everything, rest), (false, None), "{rest}");
        }
    }

    #[test]
    fn the_outcome_is_unknown_unless_every_other_member_is_about_a_failed_transaction() {
        let failed = [
            r#","transactionId":"t-1","transactionStatus":"FAILED","operationResult":{"chargedAmount":{"amount":0}}"#,
            r#","transactions":[{"transactionStatus":"failed"},{"transactionId":"t-1","transactionStatus":"failed"}]"#,
        ];
        for rest in failed {
            assert_eq!(read_with(OtherMembers::Everything, rest), (false, None), "{rest}");
        }
        let open = [
            r#","transactionStatus":{}"#,
            r#","transactionStatus":"""#,
            r#","operationResult":{"chargedAmount":9.98}"#,
            r#","data":{"id":"t-1","status":"success"}"#,
            r#","transactionStatus":"failed","transactions":[{"transactionStatus":"in_process"}]"#,
            r#","transactions":[{"transactionStatus":"failed"},{"money":{"amount":1}}]"#,
            r#","requestId":"r-1""#,
        ];
        for rest in open {
            assert_eq!(read_with(OtherMembers::Everything, rest), (true, None), "{rest}");
        }
    }

    #[test]
    fn the_only_open_transaction_is_found_anywhere_in_the_reply() {
        let id = TransactionId::parse("t-1").ok();
        for rest in [r#","transactionId":"t-1""#, r#","data":[{"transaction":{"transactionId":"t-1"}}]"#] {
            assert_eq!(read_with(OtherMembers::Transactions, rest), (true, id.clone()), "{rest}");
        }
        let two = r#","transactions":[{"transactionId":"t-1"},{"transactionId":"t-2"}]"#;
        assert_eq!(read_with(OtherMembers::Everything, two), (true, None));
        assert_eq!(read_with(OtherMembers::Transactions, r#","id":"s-1","status":"cancelled""#), (false, None));
    }
}
