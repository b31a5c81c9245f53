//! Routers for axum: the webhooks' route and the dashboard.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Path, Request, State};
use axum::response::Response;
use axum::routing::{any, post};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::request::Parts;
use rulebound::Headers;
use rulebound::fact::LARGEST_BODY;

use crate::dashboard::{Access, LARGEST, Visitor, parameter, redirect};
use crate::host::Host;
use crate::webhook::Delivery;

type Granted = Arc<dyn Fn(&Parts) -> BoxFuture<'static, Visitor> + Send + Sync>;

impl Host {
    /// The route of the webhooks: `POST …/{provider}`, `…/{provider}/{account}`, and for a provider that does not sign a last
    /// part `…/{token}`. A `?topic=` is what only the URL says about the webhook.
    ///
    /// ```
    /// # fn example(host: rulebound_host::Host) {
    /// let app: axum::Router = axum::Router::new().nest("/webhooks", host.webhooks());
    /// # }
    /// ```
    pub fn webhooks(&self) -> Router {
        let routes = Router::new()
            .route("/{provider}", post(receive))
            .route("/{provider}/{second}", post(receive))
            .route("/{provider}/{second}/{third}", post(receive));
        routes.with_state(self.clone())
    }

    /// The dashboard: a static page and its JSON API. `access` decides what each request can do; there is no default. With
    /// `Access::All.named("ada")` the journal names the person.
    ///
    /// ```
    /// # fn example(host: rulebound_host::Host) {
    /// use rulebound_host::Access;
    ///
    /// let dashboard = host.dashboard(|request| {
    ///     let is_operator = request.headers.get("x-team").is_some_and(|it| it == "operators"); // from your own proxy or session
    ///     async move { if is_operator { Access::All } else { Access::Forbidden } }
    /// });
    /// let app: axum::Router = axum::Router::new().nest_service("/rulebound", dashboard);
    /// # }
    /// ```
    pub fn dashboard<R, V>(&self, access: impl Fn(&Parts) -> R + Send + Sync + 'static) -> Router
    where
        R: Future<Output = V> + Send + 'static,
        V: Into<Visitor> + 'static,
    {
        let granted: Granted = Arc::new(move |parts| Box::pin(access(parts).map(Into::into)));
        Router::new().fallback(any(dashboard)).with_state((self.clone(), granted))
    }
}

async fn receive(State(host): State<Host>, Path(path): Path<Vec<(String, String)>>, request: Request) -> StatusCode {
    let part = |at: usize| path.get(at).map(|(_, value)| value.as_str());
    let provider = part(0).unwrap_or_default();
    // A provider with a token has it as the last part; then the account is the part before, if there is one.
    let (account, token) = match host.has_token(provider) {
        true if path.len() == 3 => (part(1), part(2)),
        true => (None, part(1)),
        false => (part(1), part(2)),
    };
    let (parts, body) = request.into_parts();
    let stated = parts.headers.get(http::header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|it| it > LARGEST_BODY) {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE };
    let mut delivery = Delivery::new().account(account.unwrap_or_default());
    if let Some(token) = token {
        delivery = delivery.token(token);
    }
    let topic = parameter(parts.uri.query().unwrap_or_default(), "topic");
    if let Some(topic) = &topic {
        delivery = delivery.topic(topic);
    }
    let status = host.webhook(provider, &Headers::from(&parts.headers), &body, delivery).await;
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn dashboard(
    State((host, granted)): State<(Host, Granted)>,
    OriginalUri(original): OriginalUri,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let visitor = granted(&parts).await;
    if visitor.access != Access::Forbidden && parts.uri.path() == "/" && !original.path().ends_with('/') {
        let query = original.query().map(|it| format!("?{it}")).unwrap_or_default();
        return redirect(&format!("{}/{query}", original.path())).map(Body::from);
    }
    // One byte more than is read, so that a longer body is refused.
    let body = to_bytes(body, LARGEST).await.map_or_else(|_| vec![b' '; LARGEST.saturating_add(1)], Vec::from);
    host.dashboard_reply(visitor, &http::Request::from_parts(parts, body)).await.map(Body::from)
}
