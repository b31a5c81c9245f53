//! Questions to Revup's pure modules, in JSON.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::callback::{Callback, Parent};
use super::order::{Paid, Recurrence};
use super::wire::TransactionStatus;
use crate::decode::{Malformed, decode};
use crate::encode::encode;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: u16,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    order: Recurrence,
}

#[derive(Serialize)]
struct Seen {
    status: TransactionStatus,
    open: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Parent>,
}

pub(super) fn ask(question: &str, with: &str) -> Result<String, Malformed> {
    match question {
        "read_callback" => {
            let it: Body = read(with)?;
            let seen = Callback::read(it.body.as_bytes())
                .ok_or_else(|| Malformed::new("/with/body", "is no callback of Revup's"))?;
            Ok(encode(&Seen { open: seen.is_open(), status: seen.status, parent: seen.parent }))
        }
        "read_pay" => {
            let it: Answer = read(with)?;
            Ok(encode(&Paid::read(it.status, it.body.as_bytes())))
        }
        "check_order" => {
            let it: Order = read(with)?;
            it.order.check().map_err(|wrong| Malformed::new(format!("/with/order{}", wrong.field), wrong.reason))?;
            Ok(encode(&true))
        }
        _ => Err(Malformed::new("/question", format!("there is no question `{question}`"))),
    }
}

fn read<'de, T: Deserialize<'de>>(with: &'de str) -> Result<T, Malformed> {
    decode(with).map_err(|wrong| wrong.under("/with"))
}

