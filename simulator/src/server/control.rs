//! The addresses: `/_sim`, `/w/<world>/_sim` and `/w/<world>/<provider>`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State as Shared};
use axum::http::header;
use axum::response::Response;
use axum::routing::{any, get, post};
use serde_json::{Value, json};

use super::deliver::Connections;
use super::{Slot, State, advance, deliver, lock, wire};
use crate::http::{HttpReply, HttpRequest, Outcome};
use crate::world::Controlled;

type All = Shared<Arc<State>>;

/// Every address of the simulator.
pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/_sim", get(catalogue))
        .route("/_sim/", get(catalogue))
        .route("/_sim/worlds", post(make).get(list))
        .route("/_sim/worlds/", post(make).get(list))
        .route("/w/{world}", get(show).delete(remove))
        .route("/w/{world}/", get(show).delete(remove))
        .route("/w/{world}/_sim", any(control))
        .route("/w/{world}/_sim/", any(control))
        .route("/w/{world}/_sim/{*what}", any(control))
        .route("/w/{world}/{*path}", any(serve))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .with_state(state)
}

async fn nowhere() -> Response {
    wire::response(wire::error(404, "There is nothing here. GET /_sim says what there is."))
}

async fn not_so() -> Response {
    wire::response(wire::error(405, "This address does not take this method. GET /_sim says what there is."))
}

async fn catalogue(Shared(state): All) -> Response {
    wire::json(200, &crate::catalogue(&state.url))
}

async fn list(Shared(state): All) -> Response {
    let slots: Vec<Arc<Slot>> = lock(&state.worlds).slots.values().cloned().collect();
    let worlds: Vec<Value> = slots.iter().map(|slot| lock(&slot.world).shown()).collect();
    wire::json(200, &json!({"worlds": worlds}))
}

async fn make(Shared(state): All, request: Request) -> Response {
    let body = match control_body(&state, request).await {
        Ok((_, body)) => body,
        Err(reply) => return wire::response(reply),
    };
    match state.make(&body) {
        Ok(shown) => wire::json(201, &shown),
        Err(error) => wire::response(wire::error(400, &error)),
    }
}

/// The address of a world, in a browser.
async fn show(Shared(state): All, Path(world): Path<String>, request: Request) -> Response {
    if let Err(reply) = local(&state, request.headers()) {
        return wire::response(reply);
    }
    state.slot(&world).map_or_else(no_world, |slot| wire::json(200, &lock(&slot.world).shown()))
}

async fn remove(Shared(state): All, Path(world): Path<String>, request: Request) -> Response {
    if let Err(reply) = local(&state, request.headers()) {
        return wire::response(reply);
    }
    match lock(&state.worlds).slots.remove(&world) {
        Some(_) => wire::response(HttpReply::empty(204)),
        None => no_world(),
    }
}

async fn control(Shared(state): All, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let mut parts = path.splitn(5, '/').skip(2);
    let (world, what) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    let Some(slot) = state.slot(world) else { return no_world() };
    let (request, body) = match control_body(&state, request).await {
        Ok(read) => read,
        Err(reply) => return wire::response(reply),
    };
    if (request.method.as_str(), what) == ("POST", "clock/advance") {
        let (status, value) = advance::advance(state, slot, body).await;
        return wire::json(status, &value);
    }
    if let ("POST", "clock", false) = (request.method.as_str(), what, body["running"].is_null()) {
        let Some(running) = body["running"].as_bool() else {
            return wire::response(wire::error(400, "`running` must be true or false."));
        };
        if running {
            advance::run(state, &slot);
        } else {
            *lock(&slot.running) = false;
        }
        return wire::json(200, &lock(&slot.world).shown());
    }
    if let Err(error) = check_endpoints(&state, &body["endpoints"]) {
        return wire::response(wire::error(400, &error));
    }
    let controlled = lock(&slot.world).control(&request.method, what, &request.query, &body);
    match controlled {
        Controlled::Reply(status, value) => wire::json(status, &value),
        Controlled::Deliver(mut value) => {
            let (now, mut deliveries) = (lock(&slot.world).clock(), Vec::new());
            deliver::due(&state, &slot, now, &mut Connections::default(), &mut deliveries).await;
            value["deliveries"] = deliveries.into();
            wire::json(200, &value)
        }
    }
}

fn check_endpoints(state: &State, endpoints: &Value) -> Result<(), String> {
    let list = match endpoints {
        Value::Null => &[],
        Value::Array(list) => list.as_slice(),
        one => core::slice::from_ref(one),
    };
    let url = |endpoint: &Value| endpoint.as_str().or(endpoint["url"].as_str()).unwrap_or_default().to_owned();
    // What has no address is refused where endpoints are read.
    list.iter().map(url).filter(|url| !url.is_empty()).try_for_each(|url| state.check_host(&url))
}

async fn serve(Shared(state): All, request: Request) -> Response {
    if let Err(reply) = named(&state, request.headers()) {
        return wire::response(reply);
    }
    let path = request.uri().path().to_owned();
    let mut parts = path.splitn(4, '/').skip(2);
    let (world, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Some(slot) = state.slot(world) else { return no_world() };
    let request = match wire::read(request, &format!("/{rest}"), state.limit(wire::BODY_TIME)).await {
        Ok(request) => request,
        Err(reply) => return wire::response(reply),
    };
    let serving = slot.enter(format!("{} /{rest}", request.method));
    let outcome = {
        let mut world = lock(&slot.world);
        let now = world.clock();
        world.request(&request, now)
    };
    let response = match outcome {
        Outcome::Reply(reply) => wire::response(reply),
        Outcome::Drop | Outcome::CommitThenDrop => wire::sever(),
        Outcome::Truncate(reply, length) => wire::truncated(reply, length),
        Outcome::Delay(reply, ms) => {
            tokio::time::sleep(Duration::from_millis(ms.min(600_000))).await;
            wire::response(reply)
        }
        Outcome::DeliverFirst(reply) => {
            let now = lock(&slot.world).clock();
            deliver::due(&state, &slot, now, &mut Connections::default(), &mut Vec::new()).await;
            wire::response(reply)
        }
    };
    drop(serving);
    response
}

fn no_world() -> Response {
    wire::response(wire::error(404, "There is no such world. POST /_sim/worlds makes one."))
}

/// Reads a control request, which must come from this machine and not from a foreign page.
async fn control_body(state: &State, request: Request) -> Result<(HttpRequest, Value), HttpReply> {
    local(state, request.headers())?;
    let request = wire::read(request, "", state.limit(wire::BODY_TIME)).await?;
    if request.too_large {
        return Err(wire::error(413, "The body is larger than 1 MiB."));
    }
    if request.body.is_empty() {
        return Ok((request, json!({})));
    }
    match serde_json::from_slice(&request.body) {
        Ok(body) => Ok((request, body)),
        Err(error) => Err(wire::error(400, &format!("The body must be JSON: {error}."))),
    }
}

/// A page of another site cannot use the control plane through the browser of a developer.
fn local(state: &State, headers: &axum::http::HeaderMap) -> Result<(), HttpReply> {
    named(state, headers)?;
    let Some(origin) = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()) else { return Ok(()) };
    if state.check_host(origin).is_ok() {
        return Ok(());
    }
    Err(wire::error(403, "Only a page on loopback can use the control plane."))
}

/// A foreign name that points to loopback is not answered.
fn named(state: &State, headers: &axum::http::HeaderMap) -> Result<(), HttpReply> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    if state.check_host(&format!("http://{host}")).is_ok() {
        return Ok(());
    }
    Err(wire::error(421, "This host is not allowed. Start the simulator with --allow-host."))
}
