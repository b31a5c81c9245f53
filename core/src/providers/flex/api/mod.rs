//! Flex's API: requests, replies and webhooks.

pub(crate) mod calls;
pub(crate) mod capture_request;
pub(crate) mod item;
pub(crate) mod objects;
pub(crate) mod replies;
pub(crate) mod request;
pub(crate) mod session_parts;
pub(crate) mod session_request;
pub(crate) mod signature;
pub(crate) mod test_mode;
pub(crate) mod webhook;
