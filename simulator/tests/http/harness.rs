//! A shop for the tests: a client of one world, and a receiver of its webhooks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rulebound_simulator::Simulator;
use serde_json::{Value, json};

/// The simulator that all tests share, each with its own world.
pub(crate) fn simulator() -> &'static Simulator {
    static SIMULATOR: OnceLock<Simulator> = OnceLock::new();
    SIMULATOR.get_or_init(|| Simulator::start().unwrap())
}

/// A simulator whose limits of real time are a twentieth of the usual ones, for the tests of time-outs.
pub(crate) fn hasty() -> &'static Simulator {
    static HASTY: OnceLock<Simulator> = OnceLock::new();
    HASTY.get_or_init(|| {
        let mut config = rulebound_simulator::Config::default();
        config.haste = core::num::NonZeroU32::new(20);
        Simulator::with(config).unwrap()
    })
}

/// A reply with what the tests ask about.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} is no JSON", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The refusal's enum and the rule that was broken.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        let error = self.json()["error"].as_str().unwrap_or_default().to_owned();
        (self.status, error, self.header("x-sim-broke").to_owned())
    }
}

/// Sends a request, or says why no reply came.
pub(crate) fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Got, String> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
    let agent: ureq::Agent = config.timeout_global(Some(std::time::Duration::from_secs(20))).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut reply = agent.run(request.body(body).unwrap()).map_err(|error| error.to_string())?;
    let text = |value: &ureq::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = reply.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let status = reply.status().as_u16();
    let text = reply.body_mut().read_to_string().map_err(|error| error.to_string())?;
    Ok(Got { status, headers, text })
}

/// One world with a client.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) url: String,
    pub(crate) key: String,
}

impl Shop {
    pub(crate) fn new(options: &Value) -> Self {
        Self::at(simulator().url(), options)
    }

    pub(crate) fn at(simulator: &str, options: &Value) -> Self {
        let body = options.to_string();
        let made = send("POST", &format!("{simulator}/_sim/worlds"), &[], body.as_bytes()).unwrap();
        assert_eq!(made.status, 201, "{}", made.text);
        Self { url: made.json()["url"].as_str().unwrap().into(), key: "key".into() }
    }

    /// A world that sends signed webhooks to a receiver.
    pub(crate) fn with_receiver(auth: &str) -> (Self, Receiver) {
        let receiver = Receiver::start();
        let endpoint = json!({"url": receiver.url, "auth": auth, "secret": "whsec"});
        (Self::new(&json!({"webhook_urls": [endpoint]})), receiver)
    }

    /// Requests something from Truemed.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> Got {
        self.try_call(method, path, body).unwrap()
    }

    pub(crate) fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Got, String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("x-truemed-api-key", self.key.as_str()), ("content-type", "application/json")];
        send(method, &format!("{}/truemed{path}", self.url), &headers, body.as_bytes())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Got {
        self.call("POST", path, body)
    }

    pub(crate) fn get(&self, path: &str) -> Got {
        self.call("GET", path, &Value::Null)
    }

    /// Uses the control plane, which must agree.
    pub(crate) fn control(&self, what: &str, body: &Value) -> Value {
        let got = self.try_control(what, body);
        assert_eq!(got.status, 200, "{}", got.text);
        got.json()
    }

    pub(crate) fn try_control(&self, what: &str, body: &Value) -> Got {
        let (method, text) = if body.is_null() { ("GET", String::new()) } else { ("POST", body.to_string()) };
        send(method, &format!("{}/_sim/{what}", self.url), &[], text.as_bytes()).unwrap()
    }

    pub(crate) fn advance(&self, ms: i64) -> Value {
        self.control("clock/advance", &json!({"ms": ms}))
    }

    /// Lets something happen, at Truemed if the act names no other provider.
    pub(crate) fn act(&self, act: &Value) -> Value {
        let mut act = act.clone();
        if act["provider"].is_null() {
            act["provider"] = "truemed".into();
        }
        self.control("act", &act)
    }
}

/// A webhook as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Hook {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// What a receiver does before it replies.
type Work = Box<dyn Fn(&Hook) + Send>;

/// A server that keeps webhooks and replies with a status.
pub(crate) struct Receiver {
    pub(crate) url: String,
    hooks: Arc<Mutex<Vec<Hook>>>,
    status: Arc<AtomicU16>,
    work: Arc<Mutex<Option<Work>>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { url, hooks: Arc::default(), status: Arc::new(AtomicU16::new(204)), work: Arc::default() };
        let (hooks, status, work) = (receiver.hooks.clone(), receiver.status.clone(), receiver.work.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(hook) = read_hook(&stream) else { continue };
                hooks.lock().unwrap().push(hook.clone());
                if let Some(work) = work.lock().unwrap().as_ref() {
                    work(&hook);
                }
                let status = status.load(Ordering::SeqCst);
                let reply = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
                let _gone = stream.write_all(reply.as_bytes());
            }
        });
        receiver
    }

    pub(crate) fn reply_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn before_reply(&self, work: impl Fn(&Hook) + Send + 'static) {
        *self.work.lock().unwrap() = Some(Box::new(work));
    }

    /// The webhooks since the last call.
    pub(crate) fn take(&self) -> Vec<Hook> {
        core::mem::take(&mut self.hooks.lock().unwrap())
    }
}

pub(crate) fn read_hook(stream: &std::net::TcpStream) -> Option<Hook> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let header =
        |line: &String| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let headers: Vec<(String, String)> = lines.iter().filter_map(header).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let mut words = lines.first()?.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    Some(Hook { method, path, headers, body: String::from_utf8(body).ok()? })
}
