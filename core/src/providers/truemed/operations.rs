//! What Truemed's documents say of each operation, as data: what is done, what is refused, and what a person is asked.

use crate::effect::{Operation, Retry, Success};

/// The code by which Truemed asks for the same request again: it says nothing of what became of it.
const AGAIN: &[&str] = &["ServerError"];

/// The review of a request whose outcome stays unknown.
const UNKNOWN: &str = "outcome_unknown";

/// The review of an update that nothing proves; that of an open action has the same name.
pub(crate) const UNCONFIRMED: &str = "update_unconfirmed";

pub(super) static CREATE_TOKEN: Operation = Operation::new("create_payment_token", Retry::Harmless).again_at(AGAIN);

/// A token of null means that the request is pending; no "not found" is documented.
pub(super) static RETRIEVE_PROVISION: Operation = Operation::new("retrieve_provision_token_request", Retry::Lookup);

/// No page shows the whole reply: one that says nothing of an action is accepted, and proves nothing.
pub(super) static UPDATE_TOKEN: Operation = Operation::new("update_payment_token", Retry::Goal)
    .success(Success::Undocumented)
    .again_at(AGAIN)
    .asks(UNCONFIRMED, &["confirmed", "withdrawn"]);

pub(super) static RETRIEVE_TOKEN: Operation =
    Operation::new("retrieve_payment_token", Retry::Lookup).not_found_at(&[404]);

/// 204 without a body is its success; a 404 is read by the flow, for it can be about another sales channel.
pub(super) static DELETE_TOKEN: Operation = Operation::new("delete_payment_token", Retry::Goal)
    .success(Success::NoContent)
    .again_at(AGAIN)
    .asks(UNKNOWN, &["deleted", "keep"]);

pub(super) static CREATE_SESSION: Operation =
    Operation::new("create_payment_session", Retry::SameKey).again_at(AGAIN).asks(UNKNOWN, &["made", "not_made"]);

pub(super) static RETRIEVE_SESSION: Operation =
    Operation::new("retrieve_payment_session", Retry::Lookup).not_found_at(&[404]);

pub(super) static FIND_SESSION: Operation = Operation::new("find_payment_session", Retry::Lookup);

pub(super) static CAPTURE: Operation = Operation::new("capture_payment_session", Retry::SameKey)
    .again_at(AGAIN)
    .asks(UNKNOWN, &["captured", "still_held", "ended"]);

pub(super) static VOID: Operation = Operation::new("void_payment_session", Retry::SameKey)
    .again_at(AGAIN)
    .asks(UNKNOWN, &["voided", "still_held", "captured"]);

/// No page shows its reply: the session itself shows what became of it.
pub(super) static CANCEL: Operation = Operation::new("cancel_payment_session", Retry::Goal)
    .success(Success::Undocumented)
    .again_at(AGAIN)
    .asks(UNKNOWN, &["canceled", "not_canceled"]);

pub(super) static REFUND: Operation =
    Operation::new("create_refund", Retry::SameKey).again_at(AGAIN).asks(UNKNOWN, &["refunded", "not_refunded"]);
