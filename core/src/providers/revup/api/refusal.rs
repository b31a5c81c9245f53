//! How Revup words a refusal, and whether what stands beside it says that something was done even so.

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

/// The status of a transaction, wherever one stands.
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

/// What counts beside the code and the message of a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beside {
    /// Whatever is there: a refusal by Revup itself has just the code and the message, and one on the acquirer's side tells
    /// more of its transaction.
    Everything,
    /// Only what names a transaction.
    Transactions,
}

/// How Revup words a refusal, with the one transaction that stands beside it and is not known to have failed; nothing if it is
/// not worded so. Its codes are texts, and keep their zeros.
pub(crate) fn refusal<E>(reply: &Reply<'_>, beside: Beside) -> Option<(Refusal<E>, Option<TransactionId>)> {
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
    refusal.undecided = !beside.has_failed("", &rest, false);
    let mut ids = Vec::new();
    transactions(&rest, &mut ids);
    ids.dedup();
    // Of several, none is known to be the one.
    let id = if ids.len() == 1 { ids.pop() } else { None };
    let id = id.filter(|_| refusal.undecided);
    Some((refusal, id))
}

impl Beside {
    /// Whether all that counts in a member stands in a transaction that has failed. `failed` tells it of what the member
    /// stands in.
    fn has_failed(self, name: &str, value: &Value, failed: bool) -> bool {
        match value {
            Value::Null => true,
            Value::Array(all) => all.iter().all(|it| self.has_failed(name, it, failed)),
            Value::Object(members) => {
                // A status of another type is none that has failed.
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

/// Collects the transactions that a value names, wherever it does.
fn transactions(value: &Value, ids: &mut Vec<TransactionId>) {
    match value {
        Value::Array(all) => all.iter().for_each(|it| transactions(it, ids)),
        Value::Object(members) => {
            ids.extend(members.get("transactionId").and_then(Value::as_str).and_then(TransactionId::told));
            members.values().for_each(|it| transactions(it, ids));
        }
        _ => {}
    }
}

/// Names our rule that predicts a refusal, by Revup's error code.
pub(crate) fn predicted<E>(refusal: Refusal<E>, rules: &[(&str, Rule)]) -> Refusal<E> {
    let code = refusal.code.as_deref().unwrap_or_default();
    let rule = rules.iter().find(|(have, _)| *have == code).map(|(_, rule)| rule.rule());
    Refusal { rule, ..refusal }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    fn read_beside(beside: Beside, rest: &str) -> (bool, Option<TransactionId>) {
        let body = format!(r#"{{"error":{{"code":"0102","message":"No"}}{rest}}}"#);
        let reply = Reply { status: 400, body: body.as_bytes() };
        let (refusal, id) = refusal::<()>(&reply, beside).unwrap();
        (refusal.undecided, id)
    }

    #[test]
    fn a_code_and_a_message_alone_are_a_refusal() {
        for rest in ["", r#","data":null"#, r#","transactions":[],"transaction":{}"#] {
            assert_eq!(read_beside(Beside::Everything, rest), (false, None), "{rest}");
        }
    }

    #[test]
    fn what_stands_beside_them_is_of_a_failed_transaction_or_open() {
        let failed = [
            r#","transactionId":"t-1","transactionStatus":"FAILED","operationResult":{"chargedAmount":{"amount":0}}"#,
            r#","transactions":[{"transactionStatus":"failed"},{"transactionId":"t-1","transactionStatus":"failed"}]"#,
        ];
        for rest in failed {
            assert_eq!(read_beside(Beside::Everything, rest), (false, None), "{rest}");
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
            assert_eq!(read_beside(Beside::Everything, rest), (true, None), "{rest}");
        }
    }

    #[test]
    fn the_one_transaction_that_is_open_is_learnt_wherever_it_stands() {
        let id = TransactionId::parse("t-1").ok();
        for rest in [r#","transactionId":"t-1""#, r#","data":[{"transaction":{"transactionId":"t-1"}}]"#] {
            assert_eq!(read_beside(Beside::Transactions, rest), (true, id.clone()), "{rest}");
        }
        let two = r#","transactions":[{"transactionId":"t-1"},{"transactionId":"t-2"}]"#;
        assert_eq!(read_beside(Beside::Everything, two), (true, None));
        assert_eq!(read_beside(Beside::Transactions, r#","id":"s-1","status":"cancelled""#), (false, None));
    }
}
