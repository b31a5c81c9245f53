//! What is sent to Truemed, and what its replies and its webhooks look like.

pub(crate) mod calls;
pub(crate) mod found;
pub(crate) mod signature;
pub mod list;
pub(crate) mod order;
pub(crate) mod replies;
pub(crate) mod requests;
pub(crate) mod session_request;
pub(crate) mod webhook;
