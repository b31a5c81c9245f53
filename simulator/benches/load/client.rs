//! A small client that keeps its connection, so that the load costs little beside what it measures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// One connection to a server.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    line: String,
    body: Vec<u8>,
}

impl Client {
    /// Connects to an address such as `http://127.0.0.1:4010`, with or without a path.
    pub(crate) fn to(url: &str) -> Self {
        let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let stream = TcpStream::connect(&host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream), host, line: String::new(), body: Vec::new() }
    }

    /// The text of a request to this server.
    pub(crate) fn text(&self, method: &str, url: &str, body: &str) -> String {
        let path = url.split_once(&self.host).map_or(url, |(_, path)| path);
        let keys = "x-truemed-api-key: any\r\nauthorization: Bearer fsk_test_any";
        let (host, length) = (&self.host, body.len());
        format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{keys}\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    /// Sends the text of a request and returns the status. [`Self::body`] has the body then.
    pub(crate) fn exchange(&mut self, text: &str) -> u16 {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
        let status = self.next_line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut length = 0;
        while let Some((name, value)) = self.next_line().split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).unwrap();
        status
    }

    fn next_line(&mut self) -> &str {
        self.line.clear();
        self.stream.read_line(&mut self.line).unwrap();
        self.line.trim_end()
    }

    /// Sends a request that must succeed, and returns its JSON.
    pub(crate) fn call(&mut self, method: &str, url: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let text = self.text(method, url, &body);
        let status = self.exchange(&text);
        assert!(status < 300, "{method} {url}: {status} {}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    /// Makes a world, and returns its address.
    pub(crate) fn world(&mut self, options: &Value) -> String {
        let made = self.call("POST", "/_sim/worlds", options);
        made["url"].as_str().unwrap().to_owned()
    }
}

/// A charge of Truemed, with this much text beside it.
pub(crate) fn charge(text: usize) -> Value {
    serde_json::json!({"total_amount": 1_500, "success_url": "http://shop.test/ok", "failure_url": "http://shop.test/no",
        "order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1_500}], "metadata": "x".repeat(text)})
}

/// Where Truemed takes a charge.
pub(crate) const CHARGE: &str = "truemed/payments/v1/create_payment_session";
