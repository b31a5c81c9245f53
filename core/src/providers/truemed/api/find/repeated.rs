//! The search for a charge that was repeated after the backup of a row was taken.

use super::{Call, Find, PAGES, SessionPage, WRONG_CLOCK};
use crate::providers::truemed::api::webhook::{SessionReport, Status};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::time::Timestamp;

/// What a page shows of a charge that may have been repeated.
#[derive(Debug)]
pub(crate) enum Repeated<'a> {
    /// This session repeated the charge, and is paid.
    Paid(&'a PaymentSessionId, &'a SessionReport),
    /// The next page must be read.
    NextPage(Call),
    /// No page shows that the charge was repeated and paid.
    None,
}

impl Find {
    /// Looks for a captured session whose idempotency key begins so. Only a key proves which charge a session repeats: a
    /// month costs as much as the next. No session that matters is older than `since`.
    pub(crate) fn read_repeated<'a>(
        &self,
        page: &'a SessionPage,
        key: &str,
        since: Option<Timestamp>,
        known: impl Fn(&PaymentSessionId) -> bool,
    ) -> Repeated<'a> {
        let reports = || page.payment_sessions.iter().flatten();
        let is_it = |it: &&SessionReport| {
            it.status == Status::Captured && it.idempotency_key.as_deref().is_some_and(|have| have.starts_with(key))
        };
        let unknown = |it: &'a SessionReport| it.session().filter(|id| !known(id)).map(|id| (id, it));
        if let Some((id, report)) = reports().filter(is_it).find_map(unknown) {
            return Repeated::Paid(id, report);
        }
        let earliest = since.map(|it| it.before(WRONG_CLOCK));
        let is_past = reports().any(|it| it.created() < earliest && it.created().is_some());
        if is_past || page.is_last(self.page) || self.page >= PAGES {
            return Repeated::None;
        }
        Repeated::NextPage(Call::FindPaymentSession(Self { page: self.page.saturating_add(1), ..self.clone() }))
    }
}
