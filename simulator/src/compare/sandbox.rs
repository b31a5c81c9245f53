//! The client of a sandbox: https only, except on loopback; no redirects; a limit for time and size.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Uri};

use super::{Credential, Replied};
use crate::server::is_loopback;

/// How many bytes of a reply are read.
const MAX_REPLY: u64 = 8 << 20;

/// A provider's server, with an account.
pub(super) struct Sandbox {
    agent: Agent,
    /// Without a slash at its end.
    base: String,
    header: (&'static str, String),
}

impl Sandbox {
    /// Checks the address and the key before anything is sent.
    pub(super) fn new(url: &str, credential: &Credential, timeout: Duration) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("--against {url:?} is not an address: {error}."))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => {
                let why = "Over http, anybody on the way can read the key";
                return Err(format!("--against must begin with https://, except on loopback. {why}."));
            }
            _ => return Err("--against must begin with https://, as in https://api.example.com.".into()),
        }
        if uri.authority().is_some_and(|it| it.as_str().contains('@')) || uri.query().is_some() {
            return Err("--against must have neither a user nor a query. Give the key with --key.".into());
        }
        let header = credential.header()?;
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None);
        let config = config.timeout_global(Some(timeout)).user_agent("rulebound-simulator");
        Ok(Self { agent: config.build().into(), base: url.trim_end_matches('/').to_owned(), header })
    }

    /// Sends one request. `path` begins with a slash.
    pub(super) fn send(&self, method: &str, path: &str, body: Option<&str>) -> Result<Replied, String> {
        // Some providers print their base URL with the first part of every path.
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let base = self.base.strip_suffix(&format!("/{first}")).unwrap_or(&self.base);
        let mut request = Request::builder().method(method).uri(format!("{base}{path}"));
        request = request.header(self.header.0, &self.header.1).header("accept", "application/json");
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(body.unwrap_or_default().as_bytes()).map_err(|error| error.to_string())?;
        let mut reply = self.agent.run(request).map_err(|error| error.to_string())?;
        let status = reply.status().as_u16();
        let text = reply.body_mut().with_config().limit(MAX_REPLY).read_to_vec().map_err(|error| error.to_string())?;
        Ok(Replied { status, body: read(&text) })
    }
}

/// The JSON of a body. `None` is a body that is something else; an empty one is null.
pub(super) fn read(body: &[u8]) -> Option<Value> {
    if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(body).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> Option<String> {
        Sandbox::new(url, &Credential::new("truemed", "secret"), Duration::from_secs(1)).err()
    }

    #[test]
    fn only_https_and_loopback_get_the_key() {
        for good in
            ["https://dev-api.truemed.com", "http://127.0.0.1:4010/w/1/truemed", "http://[::1]:1", "http://localhost"]
        {
            assert_eq!(refusal(good), None, "{good}");
        }
        for bad in [
            "http://dev-api.truemed.com",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "ftp://localhost",
            "x",
            "",
        ] {
            assert!(refusal(bad).is_some_and(|why| why.starts_with("--against")), "{bad}");
        }
        for bad in ["https://user:word@api.example", "https://api.example/?key=1"] {
            assert!(refusal(bad).is_some_and(|why| why.contains("--key")), "{bad}");
        }
    }
}
