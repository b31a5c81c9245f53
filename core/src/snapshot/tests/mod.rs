//! Tests of the kernel, with a flow that needs all of it.

mod kernel;
mod replies;
mod sending;
mod status;
mod toy;
