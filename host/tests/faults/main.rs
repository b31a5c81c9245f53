//! What fails around a host: two workers that meet one failure, accounts with wrong settings, handlers that break their transaction, and
//! tables that are broken, and webhooks that no row takes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a test, in which a panic is a failure"
)]

mod accounts;
mod command;
mod ends;
mod inbox;
mod place;
mod transactions;
mod twice;

/// A test on SQLite and one on PostgreSQL, which is left out if the environment names none.
macro_rules! on_both {
    ($test:ident) => {
        mod $test {
            #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
            async fn on_sqlite() {
                let place = crate::place::Place::sqlite().await;
                super::$test(&place).await;
                place.remove().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
            async fn on_postgres() {
                let Some(place) = crate::place::Place::postgres().await else { return };
                super::$test(&place).await;
                place.remove().await;
            }
        }
    };
}
pub(crate) use on_both;
