//! Vend's API: what is sent, and what comes back.

pub(crate) mod calls;
pub(crate) mod components;
pub(crate) mod partner;
pub(crate) mod plan;
pub(crate) mod replies;
pub(crate) mod token;
pub(crate) mod webhook;
