//! Accepts connections, and closes the ones that a fault severs.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tower::ServiceExt as _;

use super::{State, control, wire};

/// How many connections are open at once.
const MAX_CONNECTIONS: usize = 1_024;
/// How long a client can take to send its headers.
const HEADER_TIME: Duration = Duration::from_secs(30);

/// Serves until `stopped` is sent.
pub(super) async fn accept(listener: TcpListener, state: Arc<State>, stopped: oneshot::Receiver<()>) {
    let router = control::router(state);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let serve = async {
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let router = router.clone();
            tokio::spawn(async move {
                serve(stream, router).await;
                drop(permit);
            });
        }
    };
    tokio::select! {
        () = serve => {}
        _ = stopped => {}
    }
}

async fn serve(stream: TcpStream, router: axum::Router) {
    let _set = stream.set_nodelay(true);
    let service = service_fn(move |request: hyper::Request<Incoming>| answer(router.clone(), request));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    // A client that goes away, or a fault that severs, is no error of the simulator.
    let _ended = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// An error closes the connection without a reply.
async fn answer(router: axum::Router, request: hyper::Request<Incoming>) -> Result<Response, std::io::Error> {
    let request: Request = request.map(axum::body::Body::new);
    let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
    match response.extensions().get::<wire::Sever>() {
        Some(_) => Err(std::io::Error::other("a fault that the test asked for")),
        None => Ok(response),
    }
}
