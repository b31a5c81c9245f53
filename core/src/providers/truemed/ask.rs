//! Questions to Truemed's pure modules, in JSON.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::eligibility::needs_update;
use super::list::{ListPaymentSessions, ListPaymentTokens, Page};
use super::order::OrderItem;
use super::payment_token::PaymentToken;
use super::settings::Settings;
use crate::decode::{Malformed, decode};
use crate::encode::encode;
use crate::snapshot::Snapshot;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NeedsUpdate {
    confirmed: Vec<OrderItem>,
    wanted: Vec<OrderItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Coverage<'a> {
    #[serde(borrow)]
    snapshot: &'a RawValue,
    order_items: Vec<OrderItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List<Q> {
    query: Q,
    #[serde(default)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    body: String,
}

pub(super) fn ask(question: &str, with: &str) -> Result<Option<String>, Malformed> {
    Ok(Some(match question {
        "needs_update" => {
            let it: NeedsUpdate = decode(with)?;
            encode(&needs_update(&it.confirmed, &it.wanted))
        }
        "coverage" => {
            let it: Coverage<'_> = decode(with)?;
            let snapshot = Snapshot::<PaymentToken>::load(it.snapshot.get())
                .map_err(|wrong| Malformed::new(format!("/snapshot{}", wrong.field()), format!("{wrong}")))?;
            encode(&snapshot.coverage(&it.order_items))
        }
        "list_payment_token" => {
            let it: List<ListPaymentTokens> = decode(with)?;
            encode(&it.query.request(&it.settings).map_err(|wrong| of_query(wrong.field, wrong.reason))?)
        }
        "list_payment_session" => {
            let it: List<ListPaymentSessions> = decode(with)?;
            encode(&it.query.request(&it.settings).map_err(|wrong| of_query(wrong.field, wrong.reason))?)
        }
        "read_list" => {
            let it: Body = decode(with)?;
            let page = Page::read(it.body.as_bytes());
            encode(&page.ok_or_else(|| Malformed::new("/body", "is no list of Truemed's"))?)
        }
        _ => return Ok(None),
    }))
}

fn of_query(field: &str, reason: &str) -> Malformed {
    Malformed::new(format!("/query{field}"), reason)
}
