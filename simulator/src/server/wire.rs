//! Between the sockets' requests and plain data.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Frame, SizeHint};
use serde_json::Value;

use crate::http::{HttpReply, HttpRequest, MAX_BODY};

/// How long a client can take to send a body.
pub(super) const BODY_TIME: Duration = Duration::from_secs(10);
/// How many bytes of a body that is too large are read, so that the client sees the reply.
const MAX_READ: usize = 64 << 20;

/// Marks a response whose connection is closed before anything is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sever;

/// Reads a request whole. `path` is its path below the world's address; `limit` is how long the body can take.
pub(super) async fn read(request: Request, path: &str, limit: Duration) -> Result<HttpRequest, HttpReply> {
    let mut read = HttpRequest::new(request.method().as_str(), "");
    read.path = path.into();
    read.query = request.uri().query().unwrap_or_default().into();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    read.headers = request.headers().iter().map(|(name, value)| (name.as_str().into(), text(value))).collect();
    match tokio::time::timeout(limit, body(request.into_body())).await {
        Ok(Some((body, too_large))) => {
            (read.body, read.too_large) = (body, too_large);
            Ok(read)
        }
        Ok(None) => Err(error(400, "The body was cut off.")),
        Err(_) => Err(error(408, &format!("The body did not arrive within {limit:?}."))),
    }
}

async fn body(mut body: Body) -> Option<(Vec<u8>, bool)> {
    let (mut kept, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length <= MAX_BODY {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
        if length > MAX_READ {
            break;
        }
    }
    Some((kept, length > MAX_BODY))
}

/// A reply of the control plane with an error.
pub(super) fn error(status: u16, message: &str) -> HttpReply {
    HttpReply::json(status, &serde_json::json!({"error": message}))
}

/// A reply of the control plane. It ends its line, for whoever uses curl.
pub(super) fn json(status: u16, value: &Value) -> Response {
    let mut reply = HttpReply::json(status, value);
    reply.body.push(b'\n');
    response(reply)
}

/// Sends a reply whole.
pub(super) fn response(reply: HttpReply) -> Response {
    let body = Body::from(reply.body);
    with_body(reply.status, reply.headers, body)
}

/// Closes the connection without a reply.
pub(super) fn sever() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Sever);
    response
}

/// Sends the first bytes of a reply, then closes the connection.
pub(super) fn truncated(reply: HttpReply, length: usize) -> Response {
    let head = reply.body.get(..length).unwrap_or(&reply.body);
    let head = Some(Bytes::copy_from_slice(head));
    let pause = Box::pin(tokio::time::sleep(Duration::from_millis(50)));
    let body = Truncated { head, length: u64::try_from(reply.body.len()).unwrap_or(u64::MAX), pause };
    with_body(reply.status, reply.headers, Body::new(body))
}

fn with_body(status: u16, headers: Vec<(String, String)>, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A body that promises more bytes than it sends.
struct Truncated {
    head: Option<Bytes>,
    length: u64,
    /// Lets the head reach the client before the connection is closed.
    pause: Pin<Box<tokio::time::Sleep>>,
}

impl hyper::body::Body for Truncated {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        self.pause.as_mut().poll(context).map(|()| Some(Err(std::io::Error::other("a fault that the test asked for"))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// The host of an address, without brackets and port.
pub(super) fn host_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(uri.host()?.trim_matches(['[', ']']).to_ascii_lowercase())
}

/// Whether a host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}
