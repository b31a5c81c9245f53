//! Sends webhooks, one after the other in the order in which they fell due, so that a receiver sees one order each time.
//!
//! No lock is held while a webhook is on its way. This task itself drives the connection, so that no webhook waits for
//! another thread of the simulator.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::http::{Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Slot, State, lock, wire};
use crate::time::Millis;
use crate::world::Delivery;

/// How many bytes of a receiver's reply are read. Only its status counts.
const MAX_REPLY: usize = 64 << 10;
/// How long the rest of a receiver's reply can take. After that, the connection is closed.
const REST: Duration = Duration::from_millis(100);
/// How long the first connection to a receiver must stay open after a reply until it is used again. A small receiver
/// closes its connection in silence: a webhook that is on its way then would be lost.
const PROOF: Duration = Duration::from_millis(20);

/// The connections of one run of deliveries, by the receiver's address. They are closed with this value.
#[derive(Default)]
pub(super) struct Connections(BTreeMap<String, Connection>);

struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Moves the bytes, until the connection is closed.
    driver: Option<Driver>,
}

type Driver = Pin<Box<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>>;

impl Connections {
    /// Sends one webhook, and returns the status.
    async fn send(&mut self, slot: &Slot, delivery: &Delivery, body: Bytes) -> Result<u16, String> {
        let (receiver, request) = request(delivery, body)?;
        let kept = match self.0.remove(&receiver) {
            Some(kept) => kept.proved(slot, &receiver).await,
            None => None,
        };
        let mut connection = match kept {
            Some(kept) => kept,
            None => Connection::open(&delivery.url).await?,
        };
        let sent = connection.exchange(request).await;
        if sent.is_err() {
            lock(&slot.proven).remove(&receiver);
        } else if connection.is_free().await {
            self.0.insert(receiver, connection);
        }
        sent
    }
}

/// The address of a receiver, and the request for it.
fn request(delivery: &Delivery, body: Bytes) -> Result<(String, Request<Full<Bytes>>), String> {
    let wrong = |why: &dyn core::fmt::Display| format!("{} cannot be used: {why}.", delivery.url);
    let url: Uri = delivery.url.parse().map_err(|error| wrong(&error))?;
    let authority = url.authority().ok_or_else(|| wrong(&"it names no host"))?;
    let host = authority.as_str().rsplit('@').next().unwrap_or_default().to_owned();
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::post(path).header(header::HOST, &host).header(header::USER_AGENT, "rulebound-simulator");
    for (name, value) in &delivery.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::from(body)).map_err(|error| wrong(&error))?;
    Ok((host, request))
}

impl Connection {
    async fn open(url: &str) -> Result<Self, String> {
        let host = wire::host_of(url).unwrap_or_default();
        let port = url.parse().ok().and_then(|url: Uri| url.port_u16()).unwrap_or(80);
        let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
        let _set = stream.set_nodelay(true);
        let made = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = made.map_err(|error| error.to_string())?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    /// The connection, if the receiver has shown that it keeps its connections open.
    async fn proved(mut self, slot: &Slot, receiver: &str) -> Option<Self> {
        if lock(&slot.proven).contains(receiver) {
            return Some(self);
        }
        let closed = tokio::time::timeout(PROOF, self.driver.as_mut()?).await;
        closed.is_err().then(|| {
            lock(&slot.proven).insert(receiver.to_owned());
            self
        })
    }

    /// Sends a request and reads its reply.
    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<u16, String> {
        let reply = drive(&mut self.driver, self.sender.send_request(request)).await;
        let reply = reply.map_err(|error| error.to_string())?;
        let status = reply.status().as_u16();
        let rest = drive(&mut self.driver, rest(reply.into_body()));
        let _read = tokio::time::timeout(REST, rest).await;
        Ok(status)
    }

    /// Whether the connection can take another request. It cannot while there is more to read.
    ///
    /// No timer is used here: a short one for each webhook would wake the runtime each time.
    async fn is_free(&mut self) -> bool {
        let Some(driver) = &mut self.driver else { return false };
        let is_open = poll_fn(|context| Poll::Ready(driver.as_mut().poll(context).is_pending())).await;
        is_open && self.sender.is_ready()
    }
}

/// Waits for something while the connection works.
async fn drive<T>(driver: &mut Option<Driver>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Some(open) = driver {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _closed = open => *driver = None,
        }
    }
    work.await
}

/// Reads a body to its end, unless it is long.
async fn rest(body: Incoming) {
    let _read = Limited::new(body, MAX_REPLY).collect().await;
}

/// Does everything that is due at `now` and delivers it, until nothing is due any more.
pub(super) async fn due(
    state: &State,
    slot: &Arc<Slot>,
    now: Millis,
    connections: &mut Connections,
    report: &mut Vec<Value>,
) {
    loop {
        let batch = lock(&slot.world).deliveries(now);
        if batch.is_empty() {
            return;
        }
        for mut delivery in batch {
            let patience = Duration::from_millis(u64::try_from(delivery.patience).unwrap_or_default());
            let patience = state.limit(patience);
            // The body is lent to the request, not copied.
            let body = Bytes::from(core::mem::take(&mut delivery.body));
            let result = match state.check_host(&delivery.url) {
                Ok(()) => match tokio::time::timeout(patience, connections.send(slot, &delivery, body.clone())).await {
                    Ok(sent) => sent,
                    Err(_) => Err(format!("There was no reply within {patience:?}.")),
                },
                Err(error) => Err(error),
            };
            delivery.body = body.into();
            report.push(lock(&slot.world).delivered(&delivery, &result));
        }
    }
}
