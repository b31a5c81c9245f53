//! The lists of an account: checked requests, and a reader of their pages. No flow uses them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::calls::CREDENTIAL;
use crate::config::truemed::Settings;
use crate::effect::Request;
use crate::json::read_body;

/// Which of an account's tokens to list, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ListPaymentTokens {
    /// The page, from 1.
    pub page: Option<u32>,
    /// The number of tokens on a page. Truemed's default is 30.
    pub page_size: Option<u32>,
    /// A part of the customer's email address.
    pub email: Option<String>,
    /// A part of the customer's name.
    pub name: Option<String>,
    /// Lists cards that expire in this month or before: `YYYY-MM`.
    pub card_expires_before: Option<String>,
    /// Lists letters of medical necessity that expire on this day or before: `YYYY-MM-DD`.
    pub lmn_expires_before: Option<String>,
}

/// Which of an account's sessions to list, newest first, 30 on a page.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ListPaymentSessions {
    /// The page, from 1.
    pub page: Option<u32>,
    /// Whether each session has its items.
    pub include_order_items: Option<bool>,
    /// Whether each session has its refunded amount.
    pub summarize_refunds: Option<bool>,
}

/// Which payouts to list, to match them with the deposits in a bank account.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListPayouts {
    /// The first day: `YYYY-MM-DD`.
    pub start_date: String,
    /// The last day: `YYYY-MM-DD`.
    pub end_date: String,
    /// The page, from 1.
    #[serde(default)]
    pub page: Option<u32>,
    /// The number of payouts on a page. Truemed's default is 30.
    #[serde(default)]
    pub page_size: Option<u32>,
}

/// Which charges, refunds, fees and disputes to list, each with the payout that settled it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ListTransactions {
    /// The first day: `YYYY-MM-DD`.
    pub start_date: String,
    /// The last day: `YYYY-MM-DD`.
    pub end_date: String,
    /// Lists only transactions of these payouts.
    #[serde(default)]
    pub payout_ids: Vec<String>,
    /// Whether to list transactions that are not paid out yet. Truemed's default is `true`.
    #[serde(default)]
    pub include_pending_payouts: Option<bool>,
    /// The page, from 1.
    #[serde(default)]
    pub page: Option<u32>,
    /// The number of transactions on a page. Truemed's default is 30.
    #[serde(default)]
    pub page_size: Option<u32>,
}

/// Which qualification sessions to list.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ListQualificationSessions {
    /// The page, from 1.
    pub page: Option<u32>,
    /// The number of sessions on a page. Truemed's default is 30.
    pub page_size: Option<u32>,
    /// Your own name for the customer.
    pub user_id: Option<String>,
    /// The statuses, with commas between them.
    pub status: Option<String>,
    /// The day on which the letter expires: `YYYY-MM-DD`.
    pub expires_at: Option<String>,
    /// A part of the customer's name, email address or id.
    pub search: Option<String>,
}

/// Which page of the product catalog to list.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ListCatalogItems {
    /// The page, from 1.
    pub page: Option<u32>,
    /// The number of items on a page. Truemed's default is 30.
    pub page_size: Option<u32>,
}

/// One page of a list, with its entries as Truemed sent them.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Page {
    /// The tokens, sessions, payouts, transactions or catalog items.
    #[serde(
        alias = "payment_tokens",
        alias = "payment_sessions",
        alias = "payouts",
        alias = "transactions",
        alias = "qualification_sessions",
        alias = "data"
    )]
    pub entries: Vec<Value>,
    /// Which page it is and how many there are.
    #[serde(default)]
    pub pagination: Option<Value>,
}

/// A field of a list request that Truemed would not understand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("`{pointer}` {reason}")]
#[non_exhaustive]
pub struct ListError {
    /// A JSON Pointer into the request.
    pub pointer: &'static str,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl ListPaymentTokens {
    /// The request for this page.
    ///
    /// # Errors
    ///
    /// If a field cannot be sent.
    pub fn request(&self, settings: &Settings) -> Result<Request, ListError> {
        check_positive(self.page, "/page")?;
        check_positive(self.page_size, "/page_size")?;
        check_date(self.card_expires_before.as_deref(), "YYYY-MM", "/card_expires_before", "is not YYYY-MM")?;
        check_date(self.lmn_expires_before.as_deref(), "YYYY-MM-DD", "/lmn_expires_before", "is not YYYY-MM-DD")?;
        let query = [
            ("page", self.page.map(|it| it.to_string())),
            ("page_size", self.page_size.map(|it| it.to_string())),
            ("email", self.email.clone()),
            ("name", self.name.clone()),
            ("card_expires_before", self.card_expires_before.clone()),
            ("lmn_expires_before", self.lmn_expires_before.clone()),
        ];
        Ok(get(settings, "/api/v1/payment_tokens", query))
    }
}

impl ListPaymentSessions {
    /// The request for this page.
    ///
    /// # Errors
    ///
    /// If a field cannot be sent.
    pub fn request(&self, settings: &Settings) -> Result<Request, ListError> {
        check_positive(self.page, "/page")?;
        let query = [
            ("page", self.page.map(|it| it.to_string())),
            ("include_order_items", self.include_order_items.map(|it| it.to_string())),
            ("summarize_refunds", self.summarize_refunds.map(|it| it.to_string())),
        ];
        Ok(get(settings, "/payments/v1/payment_sessions", query))
    }
}

impl ListPayouts {
    /// The request for this page.
    ///
    /// # Errors
    ///
    /// If a field cannot be sent.
    pub fn request(&self, settings: &Settings) -> Result<Request, ListError> {
        check_positive(self.page, "/page")?;
        check_positive(self.page_size, "/page_size")?;
        check_range(&self.start_date, &self.end_date)?;
        let query = [
            ("page", self.page.map(|it| it.to_string())),
            ("page_size", self.page_size.map(|it| it.to_string())),
            ("start_date", Some(self.start_date.clone())),
            ("end_date", Some(self.end_date.clone())),
        ];
        Ok(get(settings, "/api/v1/reconciliation/payouts", query))
    }
}

impl ListTransactions {
    /// The request for this page.
    ///
    /// # Errors
    ///
    /// If a field cannot be sent.
    pub fn request(&self, settings: &Settings) -> Result<Request, ListError> {
        check_positive(self.page, "/page")?;
        check_positive(self.page_size, "/page_size")?;
        check_range(&self.start_date, &self.end_date)?;
        if self.payout_ids.iter().any(|id| id.is_empty() || id.contains(',')) {
            return Err(ListError { pointer: "/payout_ids", reason: "has an id that is empty or has a comma" });
        }
        let query = [
            ("page", self.page.map(|it| it.to_string())),
            ("page_size", self.page_size.map(|it| it.to_string())),
            ("start_date", Some(self.start_date.clone())),
            ("end_date", Some(self.end_date.clone())),
            ("payout_ids", Some(self.payout_ids.join(",")).filter(|ids| !ids.is_empty())),
            ("include_pending_payouts", self.include_pending_payouts.map(|it| it.to_string())),
        ];
        Ok(get(settings, "/api/v1/reconciliation/transactions", query))
    }
}

impl ListQualificationSessions {
    /// The request for this page.
    ///
    /// # Errors
    ///
    /// If a field cannot be sent.
    pub fn request(&self, settings: &Settings) -> Result<Request, ListError> {
        check_positive(self.page, "/page")?;
        check_positive(self.page_size, "/page_size")?;
        check_date(self.expires_at.as_deref(), "YYYY-MM-DD", "/expires_at", "is not YYYY-MM-DD")?;
        let query = [
            ("page", self.page.map(|it| it.to_string())),
            ("page_size", self.page_size.map(|it| it.to_string())),
            ("user_id", self.user_id.clone()),
            ("status", self.status.clone()),
            ("expires_at", self.expires_at.clone()),
            ("search", self.search.clone()),
        ];
        Ok(get(settings, "/api/v1/qualification_sessions", query))
    }
}

impl ListCatalogItems {
    /// The request for this page.
    ///
    /// # Errors
    ///
    /// If a field cannot be sent.
    pub fn request(&self, settings: &Settings) -> Result<Request, ListError> {
        check_positive(self.page, "/page")?;
        check_positive(self.page_size, "/page_size")?;
        let number = |it: Option<u32>| it.map(|it| it.to_string());
        let query = [("page", number(self.page)), ("page_size", number(self.page_size))];
        Ok(get(settings, "/api/v1/product_catalog/items/list", query))
    }
}

impl Page {
    /// Reads the reply to a list request. Returns `None` if it cannot be read.
    pub fn read(body: &[u8]) -> Option<Self> {
        read_body(body)
    }
}

fn check_positive(number: Option<u32>, pointer: &'static str) -> Result<(), ListError> {
    if number == Some(0) { Err(ListError { pointer, reason: "counts from 1" }) } else { Ok(()) }
}

/// Checks the digits and dashes of a date.
fn check_date(text: Option<&str>, pattern: &str, pointer: &'static str, reason: &'static str) -> Result<(), ListError> {
    let fits = |text: &str| {
        let is_same_kind = |(have, want): (u8, u8)| if want == b'-' { have == b'-' } else { have.is_ascii_digit() };
        text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(is_same_kind)
    };
    if text.is_none_or(fits) { Ok(()) } else { Err(ListError { pointer, reason }) }
}

/// Checks the two days of a range, both of which belong to it.
fn check_range(start_date: &str, end_date: &str) -> Result<(), ListError> {
    check_date(Some(start_date), "YYYY-MM-DD", "/start_date", "is not YYYY-MM-DD")?;
    check_date(Some(end_date), "YYYY-MM-DD", "/end_date", "is not YYYY-MM-DD")?;
    if start_date > end_date {
        Err(ListError { pointer: "/start_date", reason: "is after `end_date`" })
    } else {
        Ok(())
    }
}

fn get<const N: usize>(settings: &Settings, path: &str, query: [(&str, Option<String>); N]) -> Request {
    let mut url = format!("{}{path}", settings.base_url());
    let given = query.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    for (index, (name, value)) in given.enumerate() {
        let mark = if index == 0 { '?' } else { '&' };
        url.push_str(&format!("{mark}{name}={}", crate::url::escaped(&value)));
    }
    Request::new("GET", url, CREDENTIAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_escaped_and_checked() {
        let mut list =
            ListPaymentTokens { email: Some("a+b@shop.example".into()), page: Some(2), ..Default::default() };
        let request = list.request(&Settings::default()).unwrap();
        assert_eq!(request.url, "https://api.truemed.com/api/v1/payment_tokens?page=2&email=a%2Bb%40shop.example");
        list.lmn_expires_before = Some("2026-1-1".into());
        assert_eq!(list.request(&Settings::default()).unwrap_err().pointer, "/lmn_expires_before");
    }

    #[test]
    fn a_range_needs_two_days_in_order() {
        let list = |start: &str, end: &str| ListTransactions {
            start_date: start.into(),
            end_date: end.into(),
            payout_ids: Vec::from(["po_1".into(), "po_2".into()]),
            include_pending_payouts: Some(false),
            page: None,
            page_size: None,
        };
        let wanted = "https://api.truemed.com/api/v1/reconciliation/transactions?start_date=2026-11-01&end_date=2026-11-30\
            &payout_ids=po_1%2Cpo_2&include_pending_payouts=false";
        assert_eq!(list("2026-11-01", "2026-11-30").request(&Settings::default()).unwrap().url, wanted);
        let pointer = |start: &str, end: &str| list(start, end).request(&Settings::default()).unwrap_err().pointer;
        assert_eq!(pointer("2026-12-01", "2026-11-30"), "/start_date");
        assert_eq!(pointer("2026-11-01", "30.11.2026"), "/end_date");
    }

    #[test]
    fn a_page_of_any_list_is_read() {
        let page = Page::read(br#"{"payment_tokens": [{"payment_token": "pt_1"}], "pagination": null}"#).unwrap();
        assert_eq!(page.entries.len(), 1);
        assert!(Page::read(b"<html>").is_none());
    }
}
