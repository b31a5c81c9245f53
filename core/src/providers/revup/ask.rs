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

pub(super) fn ask(question: &str, with: &str) -> Result<Option<String>, Malformed> {
    Ok(Some(match question {
        "read_callback" => {
            let it: Body = decode(with)?;
            let seen = Callback::read(it.body.as_bytes())
                .ok_or_else(|| Malformed::new("/body", "is no callback of Revup's"))?;
            encode(&Seen { open: seen.is_open(), status: seen.status, parent: seen.parent })
        }
        "read_pay" => {
            let it: Answer = decode(with)?;
            encode(&Paid::read(it.status, it.body.as_bytes()))
        }
        "check_order" => {
            let it: Order = decode(with)?;
            it.order.check().map_err(|wrong| Malformed::new(format!("/order{}", wrong.field), wrong.reason))?;
            encode(&true)
        }
        _ => return Ok(None),
    }))
}
