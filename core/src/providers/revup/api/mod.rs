//! The API of Revup: the requests, and what comes back.

pub(crate) mod body;
pub(crate) mod calls;
pub(crate) mod dispute;
pub(crate) mod event;
pub(crate) mod notification;
pub(crate) mod payments;
pub(crate) mod read;
pub(crate) mod refusal;
pub(crate) mod replies;
pub(crate) mod webhook;
