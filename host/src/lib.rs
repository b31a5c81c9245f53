//! A host for rulebound: the part of a backend that stores snapshots, sends requests and receives webhooks.
//!
//! [rulebound](https://docs.rs/rulebound) knows the rules of subscription-payment providers and does no I/O. This crate does the I/O
//! around it: tables in SQLite or PostgreSQL, one worker or many, webhooks, and a dashboard for the people who operate it. It works
//! on the same tables as the kits for Python and Node.js. `host/README.md` is the contract that all of them keep.
//!
//! ```text
//! cargo add rulebound rulebound-host --features rulebound-host/postgres,rulebound-host/axum
//! ```
//!
//! | Feature | Adds |
//! | --- | --- |
//! | `sqlite` | SQLite, with WAL and `synchronous=FULL`; on by default |
//! | `postgres` | PostgreSQL, also behind a transaction pooler |
//! | `axum` | the webhooks' route and the dashboard as routers |
//! | `command` | the program `rulebound`: `migrate`, `doctor` and `verify`, for `cargo install` |
//!
//! ```
//! # #[cfg(all(feature = "sqlite", feature = "axum"))]
//! # async fn shop() -> Result<(), rulebound_host::BoxError> {
//! use rulebound::money::Cents;
//! use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
//! use rulebound_host::{Access, Database, Host, Provider, Task, Tx};
//! use serde_json::json;
//!
//! let pool = sqlx::SqlitePool::connect("sqlite:shop.db").await?; // yours, or `Database::connect(url)`
//! let truemed = Provider::new("sk_live_1").webhook_secret("whsec_1").config(json!({"environment": "production"}));
//! let host = Host::builder(Database::from(pool.clone()))
//!     .provider("truemed", truemed)
//!     // Outside any transaction, at least once: `task.effect_key()` tells repeats apart.
//!     .on("notify", |task: Task| async move { Ok(println!("write to the customer of {:?}: {}", task.reference, task.effect_key())) })
//!     // SQL only: its rows and the end of the effect are one transaction.
//!     .on_tx("fulfill", |task: Task, tx: &mut Tx<'_>| {
//!         Box::pin(async move {
//!             sqlx::query("INSERT INTO parcels VALUES ($1, $2)").bind(task.effect_key()).bind(task.reference).execute(tx.sqlite()?).await?;
//!             Ok(())
//!         })
//!     })
//!     .ignore("access")
//!     .build()?;
//!
//! // A page of your shop: your order and its first command are one transaction.
//! let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
//! let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
//! let mut tx = pool.begin().await?;
//! sqlx::query("INSERT INTO orders VALUES ('order-17')").execute(&mut *tx).await?;
//! let key = "6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11"; // from your order, so that a double click is one flow
//! host.handle::<PaymentToken>(key, create).reference("order-17").actor("user:7").tx(&mut tx).await?;
//! tx.commit().await?;
//!
//! // Its status, with the types of the flow.
//! let row = host.get::<PaymentToken>(key).await?.ok_or("no such order")?;
//! println!("{:?}, waiting for {:?}", row.status().customer_url, row.waiting_for());
//!
//! let app: axum::Router = axum::Router::new()
//!     .nest("/webhooks", host.webhooks()) // POST /webhooks/truemed
//!     .nest_service("/rulebound", host.dashboard(|_request| async { Access::Forbidden })); // decide who may look
//! host.run().await?; // the worker, in this process or in another one
//! # Ok(()) }
//! ```
//!
//! [`Host::migrate`] makes the tables when you deploy; [`Host::migration`] prints its SQL. A command that breaks rules is
//! [`Error::Rejected`], and has written nothing. What only a new transaction can cure is [`Error::Retry`]:
//! [`Host::transaction`] runs your function again. In tests, [`Host::tick`] works until nothing is due, with
//! [`Builder::clock`] and [`Builder::transport`] in your hands.
//!
//! `cargo run --package rulebound-host --example shop` opens a shop in your browser, with the simulator as the provider: subscribe, add
//! Magnesium, be rejected, pull the plug, and let a month pass.
//!
//! # What you must know
//!
//! - Each handler is called at least once. Only what `on_tx` writes in its transaction is written exactly once. A [`Tx`] has no
//!   `commit`: never execute a statement `COMMIT` or `ROLLBACK` either. A savepoint (sqlx's `begin` on its connection) is yours.
//! - What a customer's browser brings back from Revup is a callback and no webhook: [`Host::callback`] reads it.
//! - "Never twice" needs a durable database: SQLite with WAL and `synchronous=FULL`, as [`Database::connect`] opens it, or a
//!   PostgreSQL with `fsync`. [`Host::doctor`] looks. After a restored backup call [`Host::restored`] before a worker runs.
//! - Snapshots contain tokens. Encrypt the disk. The journal and the logs contain neither bodies nor tokens nor customers' data.
//! - Statements have no names, so that a transaction pooler can be in between. On a direct connection to PostgreSQL,
//!   [`Database::named_statements`] lets the server plan each of them once.
//! - [`Provider::max_in_flight`] and [`Provider::max_per_second`] are for each account and each process.
//! - [`Host::command`] gives your own program `worker`, `migrate`, `doctor` and `verify`. The gauges are events of `tracing`, every 15 s.
//! - An event that no flow needs is acknowledged and dropped. It costs a request: subscribe only to these at Flex:
//!   `checkout.session.*`, `invoice.paid`, `invoice.payment_succeeded`, `invoice.payment_failed`, `customer.subscription.*`,
//!   `refund.*`, `charge.refund.updated`, `charge.refunded` and `charge.dispute.*`.
//! - A rejection in your own transaction has written nothing: only the error and the log name it. The dashboard's list `refused` has the
//!   others.
//! - Lock your own rows first, and call `handle` last. On SQLite, a handler must not call the host outside its transaction.
//! - Work on the primary, never on a replica.
#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("rulebound-host needs a database: enable at least one of the features sqlite and postgres");

// In the order of the layers: a module uses only those above it.
mod error;
mod db;
mod send;
mod hooks;
mod limit;
mod provider;
mod snapshot;
mod money;
mod draft;
mod store;
mod inbox;
mod pause;
mod host;
mod schema;
mod visit;
mod webhook;
mod work;
mod read;
mod handle;
mod request;
mod doctor;
mod ops;
mod reviews;
mod upkeep;
mod command;
mod dashboard;
#[cfg(feature = "axum")]
mod router;

pub use command::Report;
pub use dashboard::{Access, Visitor};
#[cfg(feature = "postgres")]
pub use db::Statements;
pub use db::{Database, Tx};
pub use doctor::{Problem, Restored};
pub use error::{BoxError, Error, Result};
pub use handle::Handle;
pub use host::{Builder, Host};
pub use ops::{Import, Imported, Stats};
pub use pause::Pause;
pub use provider::{Account, Provider};
pub use reviews::{OpenReviews, ReviewPage};
pub use send::{Outgoing, Sent, Transport};
pub use snapshot::{Any, Row, RowRecord, Task};
pub use webhook::Delivery;
pub use work::Did;
