//! How a world serves one request: route, fault, account, operation, journal.

use serde_json::{Map, Value, json};

use super::faults::Fault;
use super::journal::Entry;
use super::{Call, World};
use crate::http::{HttpReply, HttpRequest, Outcome, pairs};
use crate::provider::{By, Described, Fidelity, Reply};
use crate::time::Millis;

/// How long a slow reply takes, in real milliseconds.
const SLOW: u64 = 10_000;

/// Why the reply of a fault is inferred.
const FAULT: &str = "a fault that the test asked for";

/// Where a request goes.
struct Route<'a> {
    provider: usize,
    operation: usize,
    described: Described,
    parameters: Vec<(&'static str, String)>,
    fault: Option<Fault>,
    request: &'a HttpRequest,
}

impl World {
    /// Serves one request to a provider, and says what to do with the connection.
    ///
    /// Requests are served at the world's time: `now` moves it forward, never back.
    pub fn request(&mut self, request: &HttpRequest, now: Millis) -> Outcome {
        self.move_to(now);
        let (name, path) = split(&request.path);
        let Some(provider) = self.providers.iter().position(|provider| provider.name() == name) else {
            let names: Vec<&str> = self.providers.iter().map(|provider| provider.name()).collect();
            let message = format!("There is no provider `{name}` here. There are {}.", names.join(", "));
            return Outcome::Reply(HttpReply::json(404, &json!({"error": message})));
        };
        let mut others = Vec::new();
        for (index, operation, described) in &self.routes {
            let Some(parameters) = fits(described.path, path).filter(|_| *index == provider) else { continue };
            if described.method == request.method {
                let (operation, described) = (*operation, *described);
                let route = Route { provider, operation, described, parameters, fault: None, request };
                return self.serve(route);
            }
            others.push(described.method);
        }
        Outcome::Reply(self.unknown(provider, request, path, &others))
    }

    /// The reply to a request that no operation takes.
    fn unknown(&mut self, provider: usize, request: &HttpRequest, path: &str, others: &[&str]) -> HttpReply {
        let (status, message) = if others.is_empty() {
            (501, format!("The simulator has no operation {} {path}. GET /_sim lists every operation.", request.method))
        } else {
            (405, format!("{path} takes {}, not {}.", others.join(", "), request.method))
        };
        let Some(hosted) = self.providers.get(provider) else { return HttpReply::empty(status) };
        let reply: Reply = hosted.error(status, &message).into();
        let name = hosted.name();
        let why = "no document describes this operation";
        self.write(name, None, "", request, &reply.inferred(why), None)
    }

    fn serve(&mut self, mut route: Route<'_>) -> Outcome {
        let Some(name) = self.providers.get(route.provider).map(|provider| provider.name()) else {
            return Outcome::Drop;
        };
        let request = route.request;
        let json = if request.body.is_empty() { Some(json!({})) } else { serde_json::from_slice(&request.body).ok() };
        let form = String::from_utf8_lossy(&request.body);
        let form = if route.described.by == By::Customer { pairs(&form) } else { Vec::new() };
        let matched = if form.is_empty() { json.clone().unwrap_or_default() } else { object(&form) };
        route.fault =
            self.shared.faults.of_request(name, route.described.name, &matched, route.described.by == By::Merchant);
        if let Some(fault) = route.fault.clone().filter(|fault| !fault.commits()) {
            let reply = Reply::from(self.strike(&route, &fault)).inferred(FAULT);
            let reply = self.write(name, Some(&route.described), "", request, &reply, Some(fault.what()));
            return outcome(reply, &fault, Outcome::Drop);
        }
        let (account, reply) = match self.admit(&route, json) {
            Ok((account, json)) => {
                let parameters = core::mem::take(&mut route.parameters);
                let call = Call { request, account: account.clone(), json, parameters, form };
                let hurry = route.fault.as_ref().is_some_and(|fault| fault.what() == "webhook_before_reply");
                let run = self.with_provider(route.provider, hurry, |hosted, context| {
                    hosted.run(route.operation, &call, context)
                });
                (account, run.unwrap_or_else(|| HttpReply::empty(500).into()))
            }
            Err(reply) => (String::new(), reply),
        };
        let fault = route.fault.as_ref();
        let sent = self.write(name, Some(&route.described), &account, request, &reply, fault.map(Fault::what));
        match fault {
            None => Outcome::Reply(sent),
            Some(fault) if fault.replies_with_error() => Outcome::Reply(self.strike(&route, fault)),
            Some(fault) => outcome(sent, fault, Outcome::CommitThenDrop),
        }
    }

    /// Checks what is the same for every operation: size, key, JSON and the world's room.
    fn admit(&mut self, route: &Route<'_>, json: Option<Value>) -> Result<(String, Map<String, Value>), Reply> {
        let Some(hosted) = self.providers.get(route.provider) else { return Err(HttpReply::empty(500).into()) };
        let request = route.request;
        let refused = |status, message: &str, why| Err(Reply::from(hosted.error(status, message)).inferred(why));
        if request.too_large {
            return refused(413, "The body is larger than 1 MiB.", "no document limits the size of a body");
        }
        let merchant = route.described.by == By::Merchant;
        let account = if merchant { hosted.account(request)? } else { String::new() };
        if merchant && self.options.accounts.as_ref().is_some_and(|keys| !keys.contains(&account)) {
            return refused(401, "This API key is not valid.", "no document shows the reply to a wrong key");
        }
        if request.method != "GET" && !self.shared.charge(request.body.len()) {
            return refused(
                507,
                "This world is full: it took 64 MiB. Reset it, or make another one.",
                "a limit of the simulator",
            );
        }
        match json {
            Some(Value::Object(members)) => Ok((account, members)),
            _ if !merchant => Ok((account, Map::new())),
            _ => refused(400, "The body must be a JSON object.", "no document shows the reply to broken JSON"),
        }
    }

    /// The reply that a fault sends in place of the provider's.
    fn strike(&self, route: &Route<'_>, fault: &Fault) -> HttpReply {
        let error = |status, message: &str| {
            let hosted = self.providers.get(route.provider);
            hosted.map_or_else(|| HttpReply::empty(status), |hosted| hosted.error(status, message))
        };
        let reply = match fault.what() {
            "in_progress_409" => error(409, "A request with this idempotency key is in progress."),
            "unauthorized_401" => error(401, "This API key is not valid."),
            "too_many_requests_429" => error(429, "There were too many requests.").header("retry-after", "1"),
            "error_after_commit" => {
                let status = u16::try_from(fault.number("status", 503)).unwrap_or(503);
                error(status, "The server failed.")
            }
            _ => HttpReply::json(200, &json!({"error": null, "message": "cut"})),
        };
        reply.header("x-sim-fault", fault.what())
    }

    /// Writes the journal, and adds the headers that say how well a reply is documented.
    fn write(
        &mut self,
        provider: &str,
        operation: Option<&Described>,
        account: &str,
        request: &HttpRequest,
        reply: &Reply,
        fault: Option<&str>,
    ) -> HttpReply {
        let documented = operation.is_some_and(|it| it.fidelity == Fidelity::Documented) && reply.inferred.is_none();
        let fidelity = if documented { Fidelity::Documented } else { Fidelity::Inferred }.name();
        let source = reply.source.or(operation.map(|it| it.source)).unwrap_or("none");
        let broke = reply.broke.as_ref().map(|broke| json!({"rule": broke.rule, "says": broke.says, "source": source}));
        self.shared.journal.write(&Entry {
            at: self.clock,
            provider,
            operation: operation.map(|it| it.name),
            account,
            request,
            reply: &reply.http,
            source,
            fidelity,
            why_inferred: reply.inferred,
            broke: broke.unwrap_or_default(),
            fault,
        });
        let mut http = reply.http.clone().header("x-sim-fidelity", fidelity).header("x-sim-source", source);
        if let Some(operation) = operation {
            http = http.header("x-sim-operation", operation.name);
        }
        match &reply.broke {
            Some(broke) => http.header("x-sim-broke", broke.rule),
            None => http,
        }
    }
}

/// What becomes of a reply under a fault.
fn outcome(reply: HttpReply, fault: &Fault, dropped: Outcome) -> Outcome {
    let half = reply.body.len().div_euclid(2);
    match fault.what() {
        "drop_before_commit" | "commit_then_drop" => dropped,
        "truncated_json" => {
            let length = usize::try_from(fault.number("bytes", u64::MAX)).unwrap_or(usize::MAX);
            Outcome::Truncate(reply, if length == usize::MAX { half } else { length })
        }
        "html_200" => {
            let page = "<!doctype html><title>One moment</title><p>We are checking your browser.</p>";
            Outcome::Reply(HttpReply::html(200, page.into()))
        }
        "slow" => Outcome::Delay(reply, fault.number("ms", SLOW)),
        "webhook_before_reply" => Outcome::DeliverFirst(reply),
        _ => Outcome::Reply(reply),
    }
}

fn object(form: &[(String, String)]) -> Value {
    form.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>().into()
}

/// Divides `/truemed/payments/v1` into the provider's name and the rest.
fn split(path: &str) -> (&str, &str) {
    let path = path.trim_start_matches('/');
    let rest = path.split_once('/').map_or(0, |(name, _)| name.len());
    if rest == 0 { (path, "/") } else { path.split_at_checked(rest).unwrap_or((path, "/")) }
}

/// The parameters of a path that fits a pattern.
fn fits(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let (mut parts, mut wanted) = (path.split('/'), pattern.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (wanted.next(), parts.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(part)) => match wanted.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
                Some(name) if !part.is_empty() => parameters.push((name, crate::http::decode(part))),
                None if wanted == part => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_divided_and_matched() {
        assert_eq!(split("/truemed/payments/v1"), ("truemed", "/payments/v1"));
        assert_eq!(split("/truemed"), ("truemed", "/"));
        assert_eq!(split("//x"), ("x", "/"));
        assert_eq!(fits("/a/{id}/b", "/a/1%2F2/b"), Some(vec![("id", "1/2".to_owned())]));
        assert_eq!(fits("/a/{id}", "/a/"), None);
        assert_eq!(fits("/a/{id}", "/a/1/b"), None);
    }
}
