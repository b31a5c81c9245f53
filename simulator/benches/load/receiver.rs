//! A receiver of webhooks that keeps its connections, as the server of a shop does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what it receives.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    pub(crate) webhooks: Arc<AtomicU64>,
    pub(crate) connections: Arc<AtomicU64>,
}

/// Starts a receiver that acknowledges everything, and returns its address.
pub(crate) fn start(counts: &Counts) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let counts = counts.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counts.connections.fetch_add(1, Ordering::SeqCst);
            let counts = counts.clone();
            std::thread::spawn(move || serve(stream.unwrap(), &counts));
        }
    });
    url
}

/// Serves one connection until the simulator closes it.
fn serve(stream: TcpStream, counts: &Counts) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    let (mut line, mut body, mut length) = (String::new(), Vec::new(), 0);
    while stream.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        } else if line == "\r\n" {
            body.resize(length, 0);
            stream.read_exact(&mut body).unwrap();
            counts.webhooks.fetch_add(1, Ordering::SeqCst);
            stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        }
        line.clear();
    }
}
