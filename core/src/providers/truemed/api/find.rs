//! `find_payment_session`: searches the list, page by page, for a session whose creation had no reply.

mod repeated;
mod wanted;

use alloc::format;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::calls::{CREDENTIAL, Call};
use super::webhook::SessionReport;
use crate::config::truemed::Settings;
use crate::effect::Request;
use crate::flow::{Reading, Reply};
use crate::json::{RawText, decode, lenient, read_body};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::time::Millis;

pub(crate) use repeated::Repeated;
pub(crate) use wanted::{Fit, Wanted, further_attempts};

/// The highest number of pages that a search reads.
const PAGES: u32 = 20;

/// The number of entries on a page of the list.
const PAGE_SIZE: usize = 30;

/// How far Truemed's clock may be behind ours.
const CLOCKS_DIFFER: Millis = Millis::from_minutes(5);

/// How far a wrong clock may be off. As long as nothing fits, the list is read until a session is older by more.
const WRONG_CLOCK: Millis = Millis::from_hours(24);

/// How many matching sessions a search keeps. Two are enough to ask a person.
const KEPT: usize = 4;

/// One page of the search, with the results of the pages before it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedFind"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Find {
    /// The page, from 1.
    page: u32,
    /// Whether some entry may be ours and could not be compared. Then the search denies nothing.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    doubtful: bool,
    /// The sessions that match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fitting: Vec<PaymentSessionId>,
}

impl Default for Find {
    fn default() -> Self {
        Self { page: 1, doubtful: false, fitting: Vec::new() }
    }
}

/// One page of the list of sessions.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct SessionPage {
    /// The entries. Each is read by itself, so that an unreadable entry does not hide the others.
    #[serde(deserialize_with = "entries")]
    payment_sessions: Vec<Option<SessionReport>>,
    /// Which page it is. A list of one page has none.
    #[serde(default, deserialize_with = "lenient")]
    pagination: Option<Pagination>,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Pagination {
    #[serde(default, deserialize_with = "lenient")]
    current_page: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    page_size: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    last_page: Option<u32>,
}

fn entries<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<SessionReport>>, D::Error> {
    let all = Vec::<RawText<'_>>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|it| decode(it.get()).ok()).collect())
}

impl SessionPage {
    /// Reads a page of the list.
    pub(crate) fn read<E>(reply: &Reply<'_>, event: impl FnOnce(Self) -> E) -> Reading<E> {
        Reading::of(read_body(reply.body).map(event).ok_or("/payment_sessions"))
    }

    /// Whether the page is the last one.
    fn is_last(&self, page: u32) -> bool {
        let (size, last) = match &self.pagination {
            Some(page) => (page.page_size.map_or(PAGE_SIZE, |size| size as usize), page.last_page),
            None => (PAGE_SIZE, None),
        };
        last.map_or(self.payment_sessions.len() < size, |last| page >= last)
    }

    /// Whether the page is the requested one, if the page has a number.
    fn is_page(&self, page: u32) -> bool {
        self.pagination.as_ref().and_then(|it| it.current_page).is_none_or(|current| current == page)
    }
}

/// The result of the pages that were read so far.
#[derive(Debug)]
pub(crate) enum Search<'a> {
    /// One session is ours, with its report if the last page has it.
    One(PaymentSessionId, Option<&'a SessionReport>),
    /// Several sessions may be ours.
    Several(Vec<PaymentSessionId>),
    /// The next page must be read.
    NextPage(Call),
    /// No session is ours, on all pages that can show it.
    None,
    /// The pages do not decide it.
    Unclear,
}

impl Find {
    /// The request for this page.
    pub(crate) fn request(&self, settings: &Settings) -> Request {
        let url =
            format!("{}/payments/v1/payment_sessions?page={}&include_order_items=true", settings.base_url(), self.page);
        Request::new("GET", url, CREDENTIAL)
    }

    /// Combines this page with the results before it. `known` recognizes sessions that belong to other requests.
    pub(crate) fn read<'a>(
        &self,
        page: &'a SessionPage,
        wanted: &Wanted<'_>,
        known: impl Fn(&PaymentSessionId) -> bool,
    ) -> Search<'a> {
        let Self { mut doubtful, mut fitting, .. } = self.clone();
        doubtful |= !page.is_page(self.page);
        let mut complete = page.is_last(self.page);
        for entry in &page.payment_sessions {
            let Some((report, id)) = entry.as_ref().and_then(|report| Some((report, report.session()?))) else {
                doubtful = true;
                continue;
            };
            match wanted.fit(report) {
                _ if known(id) => {}
                Fit::Ours => return Search::One(id.clone(), Some(report)),
                Fit::Fits if fitting.len() < KEPT && !fitting.contains(id) => fitting.push(id.clone()),
                Fit::Older => complete = true,
                Fit::Doubtful => doubtful = true,
                Fit::Fits | Fit::Other => {}
            }
        }
        // What fits is no older than the request. Only a wrong clock would hide it behind an older session.
        let is_past = page.payment_sessions.iter().flatten().any(|report| wanted.is_before(report));
        let is_over = complete || (is_past && !fitting.is_empty()) || self.page >= PAGES;
        match fitting.as_slice() {
            _ if !is_over => Search::NextPage(Call::FindPaymentSession(Self {
                page: self.page.saturating_add(1),
                doubtful,
                fitting,
            })),
            [] if doubtful || !complete => Search::Unclear,
            [] => Search::None,
            [id] if !wanted.key_used => {
                let on_page = page.payment_sessions.iter().flatten().find(|it| it.session() == Some(id));
                Search::One(id.clone(), on_page)
            }
            _ => Search::Several(fitting),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::money::Cents;
    use crate::providers::truemed::api::order::OrderItem;
    use crate::providers::truemed::api::session_request::CreatePaymentSession;
    use crate::providers::truemed::session::RequestedSession;
    use crate::time::Timestamp;

    const KEY: &str = "truemed.payment_session:k:create_payment_session:1";

    fn search(body: &str, find: &Find) -> String {
        let mut command =
            CreatePaymentSession::new(Cents::new(1500), [OrderItem::new("b12", "B12", 1, Cents::new(1500))].into());
        command.customer_email = Some("a@shop.example".into());
        let requested = RequestedSession::of(&command, command.content(), "order-1", Timestamp::default());
        let first_at = Timestamp::parse_iso("2026-02-02T10:00:00Z").unwrap();
        let wanted = Wanted {
            requested: &requested,
            command: &command,
            idempotency_key: KEY.into(),
            further_attempts: None,
            first_at,
            key_used: false,
        };
        let Reading::Done(page) = SessionPage::read(&Reply { status: 200, body: body.as_bytes() }, |it| it) else {
            return "no page".into();
        };
        match find.read(&page, &wanted, |id| id.as_str() == "ps_known") {
            Search::One(id, report) => format!("{id} {}", report.is_some()),
            Search::Several(all) => format!("{}", all.len()),
            Search::NextPage(call) => format!("{call:?}"),
            Search::None => "none".into(),
            Search::Unclear => "unclear".into(),
        }
    }

    fn list(entries: &[&str]) -> String {
        format!(r#"{{"payment_sessions":[{}],"pagination":null}}"#, entries.join(","))
    }

    const MATCHING: &str = r#"{"id":"ps_1","status":"captured","created_at":"2026-02-02T09:56:00Z","total_amount":1500,"metadata":"order-1"}"#;
    const OLD: &str = r#"{"id":"ps_0","status":"captured","created_at":"2026-02-01T09:59:59Z"}"#;

    #[test]
    fn a_session_is_matched_by_its_members() {
        let first = Find::default();
        assert_eq!(search(&list(&[MATCHING, OLD]), &first), "ps_1 true");
        assert_eq!(search(&list(&[OLD]), &first), "none");
        assert_eq!(search(&list(&[]), &first), "none");
        assert_eq!(search(&list(&[&MATCHING.replace("ps_1", "ps_known")]), &first), "none");
        for (from, to) in [
            ("1500", "1501"),
            ("order-1", "order-2"),
            ("02T09:56", "01T09:56"),
            ("\"id\"", "\"idempotency_key\":\"x\",\"id\""),
            ("\"id\"", "\"customer_email\":\"b@shop.example\",\"id\""),
        ] {
            assert_eq!(search(&list(&[&MATCHING.replace(from, to)]), &first), "none", "{to}");
        }
        for (from, to) in [
            ("\"metadata\"", "\"other\""),
            ("\"total_amount\"", "\"x\""),
            ("\"created_at\"", "\"x\""),
            // Either clock may be wrong.
            ("09:56", "09:50"),
            ("02T09:56", "01T10:00"),
        ] {
            assert_eq!(search(&list(&[&MATCHING.replace(from, to)]), &first), "unclear", "{to}");
        }
        assert_eq!(search(&list(&["7", OLD]), &first), "unclear");
        assert_eq!(search(&list(&["7", MATCHING]), &first), "ps_1 true");
        assert_eq!(search(&list(&[MATCHING, &MATCHING.replace("ps_1", "ps_2")]), &first), "2");
        let echo = format!(r#"{{"id":"ps_3","status":"pending","idempotency_key":"{KEY}"}}"#);
        assert_eq!(search(&list(&[MATCHING, &echo]), &first), "ps_3 true");
        assert_eq!(search(r#"{"payment_sessions":{}}"#, &first), "no page");
    }

    #[test]
    fn pages_are_read_until_one_is_older_than_the_request() {
        let page = |n: u32, entries: &str| {
            format!(
                r#"{{"payment_sessions":[{entries}],"pagination":{{"current_page":{n},"page_size":1,"last_page":40}}}}"#
            )
        };
        let first = Find::default();
        let second = Find { page: 2, doubtful: false, fitting: [PaymentSessionId::parse("ps_1").unwrap()].into() };
        assert_eq!(search(&page(1, MATCHING), &first), format!("{:?}", Call::FindPaymentSession(second.clone())));
        assert_eq!(search(&page(2, OLD), &second), "ps_1 false");
        assert_eq!(search(&page(3, OLD), &Find { page: 2, ..Find::default() }), "unclear");
        let other = MATCHING.replace("order-1", "order-2");
        assert_eq!(search(&page(PAGES, &other), &Find { page: PAGES, ..Find::default() }), "unclear");
    }
}
