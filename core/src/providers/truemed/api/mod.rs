//! The requests to Truemed, its replies, and its webhooks.

pub(crate) mod calls;
pub(crate) mod find;
pub(crate) mod signature;
pub mod list;
pub(crate) mod order;
pub(crate) mod qualification;
pub(crate) mod replies;
pub(crate) mod requests;
pub(crate) mod session_request;
pub(crate) mod webhook;
