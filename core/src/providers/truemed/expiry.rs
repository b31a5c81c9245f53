//! The notice before a letter of medical necessity or a card expires.

use alloc::format;

use super::Truemed;
use super::api::webhook::NextAction;
use super::names::Notice;
use crate::flow::{Cx, ToDo};
use crate::id::TypedId;
use crate::time::{Millis, Timestamp};

/// How long before a date the customer is notified. The documents advise to look 30 days ahead.
const AHEAD: Millis = Millis::from_hours(720);

/// Plans the notice before a date, in place of the notice before another date. Its id names the date, so that a report
/// about one notice does not count for the next.
pub(super) fn notify_before<F: Truemed>(
    (notice, action): (Notice, &NextAction),
    about: TypedId,
    at: Option<Timestamp>,
    cx: &mut Cx<'_, F>,
) {
    cx.withdraw_notice(notice, about.as_str());
    if let Some(at) = at {
        let name = format!("{}/{}", about.as_str(), at.as_millis());
        let to_do = ToDo::at(None, Some(action.as_str()));
        cx.notify_as(&name, notice, about, to_do, Some(at.before(AHEAD)));
    }
}
