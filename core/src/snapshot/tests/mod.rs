//! The kernel, tried on a flow that needs all of it.

mod kernel;
mod replies;
mod sending;
mod toy;
