//! The line items of a session, for your stock: the request, and the reader of its reply. They need no snapshot, because
//! line items prove nothing about a payment.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::CREDENTIAL;
use super::api::objects::{Expandable, listed};
use super::ids::CheckoutSessionId;
use crate::config::flex::{Eligibility, Settings};
use crate::effect::Request;
use crate::json::{any_form, lenient, lenient_text};
use crate::money::Cents;
use crate::url::escaped;

/// The request that lists the line items of a session.
pub fn list(session: &CheckoutSessionId, settings: &Settings) -> Request {
    let path = format!("/checkout/sessions/{}/line_items", escaped(session.as_str()));
    Request::new("GET", format!("{}/v1{path}", settings.base_url()), CREDENTIAL)
}

/// The line items in the body of a reply.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct LineItems {
    /// The line items that can be read.
    pub line_items: Vec<LineItemObject>,
    /// Whether every line item could be read. Otherwise look at the session in the Flex dashboard.
    pub complete: bool,
}

impl LineItems {
    /// Reads the body of a reply. Returns nothing if the body shows no list of line items.
    pub fn read(body: &[u8]) -> Option<Self> {
        let read = listed::<Sent>(body, "line_items")?;
        Some(Self { line_items: read.list.into_iter().map(Into::into).collect(), complete: read.complete })
    }
}

/// A line item of a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct LineItemObject {
    /// The id of the line item.
    pub line_item_id: String,
    /// The id of the price, if Flex shows it.
    pub price_id: Option<String>,
    /// The number of pieces, if Flex shows it.
    pub quantity: Option<i64>,
    /// The description.
    pub description: Option<String>,
    /// The eligibility of the line item for HSA and FSA cards.
    pub eligibility: Option<Eligibility>,
    /// The price of all pieces, in cents.
    pub amount_subtotal: Option<Cents>,
    /// The discount, in cents.
    pub amount_discount: Option<Cents>,
    /// The tax, in cents.
    pub amount_tax: Option<Cents>,
    /// The shipping, in cents.
    pub amount_shipping: Option<Cents>,
    /// What the customer pays for the line item, in cents.
    pub amount_total: Option<Cents>,
}

/// A line item, as Flex sends it. A member that cannot be read counts as absent.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Sent {
    #[serde(deserialize_with = "any_form")]
    line_item_id: String,
    #[serde(default)]
    price: Option<Expandable>,
    #[serde(default, deserialize_with = "lenient")]
    quantity: Option<i64>,
    #[serde(default, deserialize_with = "lenient_text")]
    description: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    eligibility: Option<Eligibility>,
    #[serde(default, deserialize_with = "lenient")]
    amount_subtotal: Option<Cents>,
    #[serde(default, deserialize_with = "lenient")]
    amount_discount: Option<Cents>,
    #[serde(default, deserialize_with = "lenient")]
    amount_tax: Option<Cents>,
    #[serde(default, deserialize_with = "lenient")]
    amount_shipping: Option<Cents>,
    #[serde(default, deserialize_with = "lenient")]
    amount_total: Option<Cents>,
}

impl From<Sent> for LineItemObject {
    fn from(it: Sent) -> Self {
        Self {
            line_item_id: it.line_item_id,
            price_id: it.price.as_ref().and_then(|it| it.id("price_id")).map(Into::into),
            quantity: it.quantity,
            description: it.description,
            eligibility: it.eligibility,
            amount_subtotal: it.amount_subtotal,
            amount_discount: it.amount_discount,
            amount_tax: it.amount_tax,
            amount_shipping: it.amount_shipping,
            amount_total: it.amount_total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_items_of_a_session_are_asked_for_and_read() {
        let id = CheckoutSessionId::parse("fcs_1").unwrap();
        let request = list(&id, &Settings::default());
        let wanted = ("GET", "https://api.withflex.com/v1/checkout/sessions/fcs_1/line_items");
        assert_eq!((request.method, request.url.as_str()), wanted);
        let body = br#"{"line_items": [
            {"line_item_id": "fli_1", "quantity": "2", "amount_total": 4999, "eligibility": "not_eligible",
                "price": {"price_id": "fprice_1", "unit_amount": 2500}},
            {"line_item_id": "fli_2", "quantity": 1, "price": "fprice_2", "shipping_rate": null}]}"#;
        let read = LineItems::read(body).unwrap();
        assert!(read.complete);
        let shown: Vec<_> = read.line_items.iter().map(|it| (it.price_id.as_deref(), it.quantity)).collect();
        assert_eq!(shown, [(Some("fprice_1"), Some(2)), (Some("fprice_2"), Some(1))]);
        let odd = LineItems::read(br#"{"line_items": [{"quantity": 1}, {"line_item_id": "fli_2"}]}"#).unwrap();
        assert_eq!((odd.line_items.len(), odd.complete), (1, false));
        assert!(LineItems::read(b"<html>").is_none());
        assert!(LineItems::read(br#"{"line_items": null}"#).is_none());
    }
}
