//! `find_payment_session`: searches the list, page by page, for a session whose creation had no reply.

mod repeated;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::calls::{CREDENTIAL, Call};
use super::session_request::CreatePaymentSession;
use super::webhook::{SessionReport, Status};
use crate::config::truemed::Settings;
use crate::effect::{Request, idempotency_key};
use crate::flow::{Cx, Reading, Reply};
use crate::id::{Digest, Key};
use crate::json::{RawText, decode, lenient, read_body};
use crate::money::Cents;
use crate::providers::truemed::Truemed;
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::session::RequestedSession;
use crate::time::{Millis, Timestamp};

pub(crate) use repeated::Repeated;

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

/// The session that the search looks for: one that the host requested, and whose creation had no reply.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    requested: &'a RequestedSession,
    command: &'a CreatePaymentSession,
    idempotency_key: String,
    /// When the request was first sent.
    first_at: Timestamp,
    /// Whether Truemed has seen the key before: an earlier request made the session, perhaps with other items. Only its key
    /// proves which one it is.
    key_used: bool,
}

/// How a listed session compares with the wanted one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fit {
    /// The session has our idempotency key.
    Ours,
    /// The session looks like the requested one, and is not older than the request.
    Fits,
    /// The session is another one.
    Other,
    /// The session is much older than the request.
    Older,
    /// The session lacks the members that would decide, or it is older than the request, unless a clock is wrong.
    Doubtful,
}

impl<'a> Wanted<'a> {
    /// The session of the pending request, if the request was ever sent. A refused sending counts too.
    pub(crate) fn of<F: Truemed>(requested: &'a RequestedSession, cx: &'a Cx<'_, F>) -> Option<Self> {
        let pending = cx.pending(Call::is_session)?;
        let Call::CreatePaymentSession(command) = pending.call else { return None };
        let idempotency_key = idempotency_key(F::ID, cx.key(), pending.id);
        let key_used = pending.accepted && !pending.given_up;
        let first_at = pending.first_at?;
        let first_at = cx.restored_from().filter(|_| key_used).map_or(first_at, |taken_at| taken_at.min(first_at));
        Some(Self { requested, command, idempotency_key, first_at, key_used })
    }

    /// Whether a verified webhook is about the wanted session.
    ///
    /// Our idempotency key proves it. Otherwise the webhook must have the key of the row and contradict nothing. For a
    /// checkout, it must also show that the customer was there. For a charge, it must also have the token, the amount
    /// and a time after the request.
    pub(crate) fn is_named_by(&self, report: &SessionReport, flow: &Key) -> bool {
        if report.idempotency_key.as_deref() == Some(self.idempotency_key.as_str()) {
            return true;
        }
        if self.key_used {
            return false;
        }
        let ours =
            report.metadata.as_deref() == Some(flow.as_str()) && report.status.is_known() && !self.excludes(report);
        // Truemed's times have whole seconds.
        let second = self.first_at.as_millis().div_euclid(1000).saturating_mul(1000);
        let after = report.created().is_some_and(|at| at >= Timestamp::from_millis(second));
        match self.command.is_charge() {
            true => ours && report.payment_token.is_some() && report.amount().is_some() && after,
            false => ours && report.status != Status::Pending,
        }
    }

    /// The earliest creation time of a session that can be ours.
    fn earliest(&self) -> Timestamp {
        self.first_at.before(CLOCKS_DIFFER)
    }

    /// Whether any member of the report shows that it is another session.
    pub(crate) fn excludes(&self, report: &SessionReport) -> bool {
        self.is_before(report) || self.differs(report)
    }

    /// Whether the session was created before the request, unless a clock is wrong.
    fn is_before(&self, report: &SessionReport) -> bool {
        report.created().is_some_and(|at| at < self.earliest())
    }

    /// Whether any member but the time shows that it is another session.
    fn differs(&self, report: &SessionReport) -> bool {
        let Self { requested, command, .. } = self;
        let differs = |metadata: &str| Digest::of([metadata.as_bytes()]) != requested.metadata;
        let is_other_customer =
            |given: &str| command.customer_email.as_ref().is_some_and(|it| !it.eq_ignore_ascii_case(given));
        report.idempotency_key.as_deref().is_some_and(|key| key != self.idempotency_key.as_str())
            || report.metadata.as_deref().is_some_and(differs)
            || (command.is_charge() && report.payment_token.is_some() && report.payment_token != command.payment_token)
            || self.has_other_amount(report)
            || report.customer_email.as_deref().is_some_and(is_other_customer)
    }

    /// Whether an amount of the report differs from the requested total. Less may be captured of a hold.
    fn has_other_amount(&self, report: &SessionReport) -> bool {
        if self.key_used {
            return false;
        }
        let total = self.requested.total;
        let differs = [report.total_amount, report.authorize_amount].into_iter().flatten().any(|it| it != total);
        let is_too_much = |it: Cents| if self.requested.authorization { it > total } else { it != total };
        differs || report.capture_amount.is_some_and(is_too_much)
    }

    /// Compares a listed session with the wanted one.
    pub(crate) fn fit(&self, report: &SessionReport) -> Fit {
        let Self { requested, command, .. } = self;
        if report.idempotency_key.as_deref() == Some(self.idempotency_key.as_str()) {
            return Fit::Ours;
        }
        if report.created().is_some_and(|at| at < self.first_at.before(WRONG_CLOCK)) {
            return Fit::Older;
        }
        if self.differs(report) {
            return Fit::Other;
        }
        if self.is_before(report) {
            return Fit::Doubtful;
        }
        let echoed = report.metadata.as_deref().is_some_and(|it| Digest::of([it.as_bytes()]) == requested.metadata);
        let charged = command.is_charge() && report.payment_token.is_some();
        let sold = report.items() == Some(command.items());
        let is_decisive = report.created().is_some() && report.amount().is_some();
        if is_decisive && (echoed || charged || sold) { Fit::Fits } else { Fit::Doubtful }
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
    use super::*;
    use crate::money::Cents;
    use crate::providers::truemed::api::order::OrderItem;

    const KEY: &str = "truemed.payment_session:k:create_payment_session:1";

    fn search(body: &str, find: &Find) -> String {
        let mut command =
            CreatePaymentSession::new(Cents::new(1500), [OrderItem::new("b12", "B12", 1, Cents::new(1500))].into());
        command.customer_email = Some("a@shop.example".into());
        let requested = RequestedSession::of(&command, command.content(), "order-1", Timestamp::default());
        let first_at = Timestamp::parse_iso("2026-02-02T10:00:00Z").unwrap();
        let wanted =
            Wanted { requested: &requested, command: &command, idempotency_key: KEY.into(), first_at, key_used: false };
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
