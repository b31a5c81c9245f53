//! Sending: one request with one deadline, a bounded reply, and no redirects.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rulebound::fact::LARGEST_BODY;

/// What became of a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Sent {
    /// The provider replied.
    Reply(http::Response<Vec<u8>>),
    /// The request may have been sent, and no whole reply arrived.
    Lost,
    /// No byte was sent: the connection never opened.
    NotSent,
}

/// What a request is, as an extension of the `http::Request` that a [`Transport`] gets.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Outgoing {
    /// The provider.
    pub provider: String,
    /// The provider's name of the operation; empty for [`Host::send_request`](crate::Host::send_request).
    pub operation: String,
    /// The account whose API key it has.
    pub account: String,
}

/// What sends requests: the kit's own client, or one of yours.
///
/// The deadline is for everything from the connection to the end of the body. Redirects must not be followed.
pub trait Transport: Send + Sync {
    /// Sends a request. Its header with the API key is marked as sensitive.
    fn send(&self, request: http::Request<Vec<u8>>, deadline: Duration) -> BoxFuture<'_, Sent>;
}

/// The kit's own client: HTTP/1.1 with TLS.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    pub(crate) fn new() -> Self {
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        // A connection of the pool that was closed meanwhile is opened anew, before anything was written to it.
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>) -> Sent {
        let reply = match self.0.request(request.map(|body| Full::new(Bytes::from(body)))).await {
            Ok(reply) => reply,
            Err(error) if error.is_connect() => return Sent::NotSent,
            Err(_) => return Sent::Lost,
        };
        let (head, body) = reply.into_parts();
        match Limited::new(body, LARGEST_BODY).collect().await {
            Ok(body) => Sent::Reply(http::Response::from_parts(head, body.to_bytes().into())),
            Err(_) => Sent::Lost,
        }
    }
}

impl Transport for HttpClient {
    fn send(&self, request: http::Request<Vec<u8>>, deadline: Duration) -> BoxFuture<'_, Sent> {
        // After the deadline it is not known whether a byte was written.
        Box::pin(async move { tokio::time::timeout(deadline, self.exchange(request)).await.unwrap_or(Sent::Lost) })
    }
}

/// Whether an API key can go to this address: `https`, or this machine.
pub(crate) fn is_safe(uri: &http::Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback());
    uri.scheme_str() == Some("https") || is_loopback
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(500);

    /// A server that answers each connection with this text. Nothing is answered if it is empty.
    async fn server(reply: Vec<u8>) -> (http::Request<Vec<u8>>, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/pay", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let reply = reply.clone();
                tokio::spawn(async move {
                    let mut request = [0; 1024];
                    let _read = stream.read(&mut request).await;
                    match reply.is_empty() {
                        true => tokio::time::sleep(Duration::from_secs(60)).await,
                        false => drop(stream.write_all(&reply).await),
                    }
                });
            }
        });
        (http::Request::post(url).body(b"{}".to_vec()).unwrap(), count)
    }

    async fn sent(reply: &str) -> Sent {
        let (request, _) = server(reply.as_bytes().to_vec()).await;
        HttpClient::new().send(request, SOON).await
    }

    #[tokio::test]
    async fn a_reply_is_a_reply_and_a_redirect_too() {
        let reply = sent("HTTP/1.1 201 Created\r\ncontent-length: 2\r\nretry-after: 5\r\n\r\n{}").await;
        let Sent::Reply(reply) = reply else { panic!("{reply:?}") };
        assert_eq!((reply.status().as_u16(), reply.body().as_slice()), (201, b"{}".as_slice()));
        assert_eq!(reply.headers()["retry-after"], "5");
        let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n";
        let (request, count) = server(redirect.into()).await;
        let Sent::Reply(reply) = HttpClient::new().send(request, SOON).await else { panic!("no reply") };
        assert_eq!((reply.status().as_u16(), count.load(Ordering::SeqCst)), (307, 1));
    }

    #[tokio::test]
    async fn what_does_not_come_whole_is_lost() {
        assert!(matches!(sent("").await, Sent::Lost), "the deadline");
        assert!(matches!(sent("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}").await, Sent::Lost), "cut off");
        assert!(matches!(sent("nonsense\r\n\r\n").await, Sent::Lost), "not HTTP");
        let long = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {0}\r\n\r\n{1}",
            LARGEST_BODY + 1,
            "x".repeat(LARGEST_BODY + 1)
        );
        assert!(matches!(sent(&long).await, Sent::Lost), "above 1 MiB");
    }

    #[tokio::test]
    async fn a_connection_that_never_opened_has_sent_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let request = http::Request::get(url).body(Vec::new()).unwrap();
        assert!(matches!(HttpClient::new().send(request, SOON).await, Sent::NotSent));
    }

    #[test]
    fn an_api_key_goes_to_https_or_to_this_machine() {
        let is_safe = |it: &str| is_safe(&it.parse().unwrap());
        assert!(is_safe("https://api.example/x") && is_safe("http://127.0.0.1:80/x") && is_safe("http://[::1]:80/x"));
        assert!(is_safe("http://localhost:4010/x"));
        assert!(!is_safe("http://api.example/x") && !is_safe("http://127.0.0.1.example/x"));
    }
}
