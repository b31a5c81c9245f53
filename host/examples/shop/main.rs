//! A shop to try: it sells B12 by subscription through Truemed, with the simulator as Truemed, in one process on SQLite.
//!
//! `cargo run --package rulebound-host --example shop` prints a URL. The shop is on the left, what happens in the host on the
//! right, and three clicks are suggested at any time. `app.rs` is the host as your backend would have it.
#![allow(clippy::indexing_slicing, reason = "`Value` is indexed by names: an absent one is null")]

mod app;
mod clicks;
mod truemed;
mod view;

use rulebound_host::BoxError;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_target(false).compact().init();
    let port = std::env::args().nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    let shop = app::Shop::open(port).await?;
    println!("The shop is open: {}", shop.url);
    println!("Its operators' dashboard: {}/rulebound/", shop.url);
    println!("Stop it with Ctrl-C. Everything is forgotten then.");
    tokio::signal::ctrl_c().await?;
    shop.close().await;
    Ok(())
}
