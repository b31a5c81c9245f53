//! The dashboard: a static page and its JSON API, without a web framework. Closed unless the application grants access.

mod lists;
#[cfg(all(test, feature = "postgres", feature = "sqlite"))]
mod plans;
mod read;
mod write;

#[cfg(feature = "axum")]
pub(crate) use read::parameter;

use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::host::Host;

/// What a request to the dashboard can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Access {
    /// Look, answer reviews, and retry rows.
    All,
    /// Look.
    ReadOnly,
    /// Nothing.
    Forbidden,
}

impl Access {
    /// This access for a person whose name the journal gets.
    pub fn named(self, name: impl Into<String>) -> Visitor {
        Visitor { access: self, name: name.into() }
    }
}

/// Who asks: what they can do, and the name that the journal gets of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visitor {
    pub(crate) access: Access,
    name: String,
}

impl From<Access> for Visitor {
    /// A person without a name is `dashboard`.
    fn from(access: Access) -> Self {
        access.named("dashboard")
    }
}

/// No name has it, and PostgreSQL takes no text with it.
const NUL: char = '\0';

/// The longest body of a request.
pub(crate) const LARGEST: usize = 16 << 10;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's files, each with its type.
macro_rules! files {
    ($($name:literal $kind:literal),+ $(,)?) => {
        &[$(($name, $kind, include_bytes!(concat!("../../dashboard/", $name)))),+]
    };
}
const FILES: &[(&str, &str, &[u8])] = files![
    "index.html" "text/html; charset=utf-8",
    "dashboard.css" "text/css; charset=utf-8",
    "api.js" "text/javascript; charset=utf-8",
    "dashboard.js" "text/javascript; charset=utf-8",
    "dom.js" "text/javascript; charset=utf-8",
    "lists.js" "text/javascript; charset=utf-8",
    "review.js" "text/javascript; charset=utf-8",
    "row.js" "text/javascript; charset=utf-8",
    "timeline.js" "text/javascript; charset=utf-8",
    "words.js" "text/javascript; charset=utf-8",
];
const TEXTS: &[u8] = include_bytes!("../../dashboard/texts.json");

/// Why a request gets no page: the status, the class and the code.
#[derive(Debug)]
pub(crate) struct Refused(StatusCode, &'static str, String);

impl Refused {
    fn bad(code: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, "BadRequest", code.into())
    }

    fn forbidden(code: &str) -> Self {
        Self(StatusCode::FORBIDDEN, "Forbidden", code.into())
    }

    fn not_found(code: &str) -> Self {
        Self(StatusCode::NOT_FOUND, "NotFound", code.into())
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown { .. } => Self::not_found("row"),
            error if error.is_passing() => Self(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "database".into()),
            error => Self(StatusCode::INTERNAL_SERVER_ERROR, "Internal", error.class().into()),
        }
    }
}

type Replied = Result<Value, Refused>;

impl Host {
    /// Replies to one request to the dashboard. Its path is relative to where the dashboard is mounted and begins with `/`. Web
    /// frameworks other than axum call it; read at most 16 KiB of the body and one byte more.
    pub async fn dashboard_reply(&self, access: impl Into<Visitor>, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        let path = request.uri().path();
        let mut reply = match self.routed(&access.into(), request, path).await {
            Ok(reply) => reply,
            Err(Refused(status, class, code)) => refusal(status, class, &code),
        };
        harden(reply.headers_mut());
        if request.method() == Method::HEAD {
            reply.body_mut().clear();
        }
        reply
    }

    async fn routed(
        &self,
        visitor: &Visitor,
        request: &Request<Vec<u8>>,
        path: &str,
    ) -> Result<Response<Vec<u8>>, Refused> {
        let access = visitor.access;
        if access == Access::Forbidden {
            return Err(Refused::forbidden("access"));
        }
        let file = path.strip_prefix('/').unwrap_or(path);
        let file = if file.is_empty() { "index.html" } else { file };
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        let found = FILES.iter().find(|(name, ..)| *name == file);
        match (path.strip_prefix("/api/"), found) {
            (None, Some((_, kind, bytes))) if is_get => Ok(with_type(kind, bytes.to_vec())),
            (None, Some(_)) => Ok(not_allowed(request.method(), "GET, HEAD")),
            (Some("texts"), _) if is_get => Ok(with_type("application/json", TEXTS.to_vec())),
            (Some(name @ ("answer" | "retry")), _) => match *request.method() {
                Method::POST => self.write(visitor, name, request).await.map(|it| json_reply(&it)),
                _ => Ok(not_allowed(request.method(), "POST")),
            },
            (Some(name), _) if is_get => {
                self.read(name, access, request.uri().query().unwrap_or_default()).await.map(|it| json_reply(&it))
            }
            (Some(name), _) if is_read(name) => Ok(not_allowed(request.method(), "GET, HEAD")),
            _ => Err(Refused::not_found("path")),
        }
    }
}

/// Whether something can be read there.
fn is_read(name: &str) -> bool {
    matches!(name, "search" | "row" | "stats" | "texts") || name.starts_with("lists/")
}

fn json_reply(value: &Value) -> Response<Vec<u8>> {
    with_type("application/json", value.to_string().into_bytes())
}

fn refusal(status: StatusCode, class: &str, code: &str) -> Response<Vec<u8>> {
    let mut reply = json_reply(&json!({"error": {"class": class, "code": code}}));
    *reply.status_mut() = status;
    reply
}

fn not_allowed(method: &Method, methods: &'static str) -> Response<Vec<u8>> {
    let mut reply = refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", method.as_str());
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    reply
}

fn with_type(kind: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut reply = Response::new(body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// The redirect of a mount without its slash.
#[cfg(feature = "axum")]
pub(crate) fn redirect(to: &str) -> Response<Vec<u8>> {
    use http::header::LOCATION;

    let mut reply = with_type("text/html; charset=utf-8", Vec::new());
    *reply.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    if let Ok(to) = HeaderValue::from_str(to) {
        reply.headers_mut().insert(LOCATION, to);
    }
    harden(reply.headers_mut());
    reply
}

fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
