//! What a person can do: answer a review, and look at a row at once.

use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Request, StatusCode};
use rulebound::ffi::AnyError;
use serde_json::{Map, Value, json};

use super::{Access, LARGEST, NUL, Refused, Replied, Visitor};
use crate::error::Error;
use crate::host::Host;

impl Host {
    pub(super) async fn write(&self, visitor: &Visitor, name: &str, request: &Request<Vec<u8>>) -> Replied {
        if visitor.access != Access::All {
            return Err(Refused::forbidden("read_only"));
        }
        if !is_own_page(request.headers()) {
            return Err(Refused::forbidden("origin"));
        }
        if request.body().len() > LARGEST {
            return Err(Refused(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "body".into()));
        }
        let Ok(Value::Object(body)) = serde_json::from_slice(request.body()) else { return Err(Refused::bad("body")) };
        let (flow, key) = (text(&body, "flow")?, text(&body, "key")?);
        if [flow, key].iter().any(|it| it.contains(NUL)) {
            return Err(Refused::not_found("row"));
        }
        match name {
            "answer" => self.write_answer(flow, key, &body, &visitor.name).await?,
            _ => self.retry(flow, key, &visitor.name).await?,
        }
        Ok(json!({"row": self.shown(flow, key).await?}))
    }

    async fn write_answer(&self, flow: &str, key: &str, body: &Map<String, Value>, actor: &str) -> Result<(), Refused> {
        let (review, verdict) = (text(body, "review")?, text(body, "verdict")?);
        let id = match body.get("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.as_str()),
            Some(_) => return Err(Refused::bad("id")),
        };
        let closed = || Refused(StatusCode::CONFLICT, "Conflict", "review".into());
        match self.answer(flow, key, review, verdict, id, actor).await {
            Ok(_) => Ok(()),
            Err(Error::NoReview { .. }) => Err(closed()),
            Err(Error::Core(AnyError::Fact(error))) => Err(match error.pointer {
                // It was answered between the look and the lock.
                "/effect" => closed(),
                pointer => Refused::bad(pointer.trim_start_matches('/')),
            }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a page of this origin sent it: a form or a script of another site cannot set these headers.
fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    let kind = text(CONTENT_TYPE.as_str()).and_then(|it| it.split(';').next()).map(str::trim);
    let is_same = match (text("sec-fetch-site"), text(ORIGIN.as_str()), text(HOST.as_str())) {
        (Some(site), ..) => site == "same-origin",
        (None, Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, it)| it.eq_ignore_ascii_case(host))
        }
        _ => false,
    };
    kind.is_some_and(|it| it.eq_ignore_ascii_case("application/json")) && text("x-rulebound") == Some("1") && is_same
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refused> {
    body.get(name).and_then(Value::as_str).filter(|it| !it.is_empty()).ok_or_else(|| Refused::bad(name))
}
