//! Vend (Lightspeed Retail X-Series): third party billing, from <https://docs.vendhq.com>.
//!
//! One world is the domain of one retailer, with one partner's application.

mod access;
mod act;
mod billing;
mod body;
mod catalogue;
mod consent;
mod errors;
mod events;
mod pages;
mod state;
mod subscriptions;
#[cfg(test)]
mod tests;
mod tokens;

use serde_json::{Value, json};

use crate::http::{HttpReply, HttpRequest};
use crate::provider::By::{self, Customer, Merchant};
use crate::provider::Fidelity::{self, Documented, Inferred};
use crate::provider::{Operation, Provider, Reading, Reply};
use crate::time::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::world::{Call, Context, Endpoint, Sending};

pub(crate) use state::Vend;

/// How long a webhook is under way before its first attempt.
const POST: Millis = SECOND;
/// How long a token can be used.
const LIFETIME: Millis = DAY;

macro_rules! docs {
    ($page:literal) => {
        concat!("https://x-series-api.lightspeedhq.com/", $page)
    };
}

/// The pages of Vend that are quoted.
mod page {
    pub(super) const CREATE: &str = docs!("docs/third_party_billing_activating_a_subscription");
    pub(super) const UPDATING: &str = docs!("docs/third_party_billing_updating_an_existing_subscription");
    pub(super) const CANCELING: &str = docs!("docs/third_party_billing_canceling_a_subscription");
    pub(super) const REFERENCE: &str = docs!("reference/partner-billing");
    pub(super) const LIMITS: &str = docs!("docs/rate_limiting");
}

type Run = fn(&mut Vend, &Call<'_>, &mut Context<'_>) -> Reply;

/// One line of the table below.
const fn operation(
    (name, method, path): (&'static str, &'static str, &'static str),
    source: &'static str,
    fidelity: Fidelity,
    by: By,
    run: Run,
) -> Operation<Vend> {
    Operation { name, method, path, source, fidelity, by, run }
}

impl Provider for Vend {
    const NAME: &'static str = "vend";
    const PATIENCE: Millis = 5 * SECOND;

    const OPERATIONS: &'static [Operation<Self>] = &[
        operation(
            ("create_subscription_token", "POST", "/api/{version}/partner/billing/token"),
            docs!("reference/partnertoken"),
            Documented,
            Merchant,
            tokens::create,
        ),
        operation(
            ("update_subscription_token", "POST", "/api/{version}/partner/billing/update-subscription/token"),
            docs!("reference/partnerupdatesubscriptiontoken"),
            Documented,
            Merchant,
            tokens::update,
        ),
        operation(
            ("retrieve_token", "GET", "/api/{version}/partner/billing/token/{token}"),
            docs!("reference/partnertokenget"),
            Documented,
            Merchant,
            tokens::retrieve,
        ),
        operation(
            ("list_subscriptions", "GET", "/api/{version}/partner/billing/subscriptions"),
            page::REFERENCE,
            Documented,
            Merchant,
            subscriptions::list,
        ),
        operation(
            ("retrieve_subscription", "GET", "/api/{version}/partner/billing/subscriptions/{id}"),
            docs!("reference/partnersubscription"),
            Documented,
            Merchant,
            subscriptions::retrieve,
        ),
        operation(
            ("open_consent", "GET", "/billing/partner-consent"),
            page::UPDATING,
            Inferred,
            Customer,
            pages::open_consent,
        ),
        operation(
            ("submit_consent", "POST", "/billing/partner-consent"),
            page::UPDATING,
            Inferred,
            Customer,
            pages::submit_consent,
        ),
        operation(("open_apps", "GET", "/billing/partner-apps"), page::CANCELING, Inferred, Customer, pages::open_apps),
        operation(
            ("cancel_app", "POST", "/billing/partner-apps/cancel"),
            page::CANCELING,
            Inferred,
            Customer,
            pages::cancel_app,
        ),
    ];

    const READINGS: &'static [Reading] = &[
        Reading::new(
            "token-envelope",
            &["bare", "data"],
            "the guide shows a token's reply bare, the reference inside `data`",
        ),
        Reading::new("expires-at", &["time", "placeholder"], "the guide's sample holds the text `expires_at`"),
        Reading::new(
            "token-components",
            &["json", "as-printed"],
            "the sample's text is not JSON: its first name has no quotes",
        ),
        Reading::new(
            "token-subscription-id",
            &["integer", "text"],
            "a token's `subscription_id` is an integer, all other ids of subscriptions are texts",
        ),
        Reading::new("unset-members", &["absent", "null"], "no document shows a token that is not used yet"),
        Reading::new(
            "expired-token-lookup",
            &["shown", "404"],
            "no document says whether an expired token can be looked up",
        ),
        Reading::new("older-token", &["valid", "withdrawn"], "whether a new token withdraws unused ones is not said"),
        Reading::new("invalid-status", &["400", "422"], "no document shows the status of a refused body"),
        Reading::new("coupon-on-update", &["ignored", "refused"], "the schema of an update has no `coupon_code`"),
        Reading::new(
            "update-without-subscription",
            &["token-refused", "consent-refused"],
            "an update needs a subscription; where Vend checks this is not said",
        ),
        Reading::new(
            "second-create",
            &["token-refused", "consent-refused", "accepted"],
            "whether a retailer can have two subscriptions to one application is not said",
        ),
        Reading::new(
            "update-changes",
            &["newest", "oldest"],
            "which of two subscriptions an update changes is not said",
        ),
        Reading::new(
            "plan-move-keeps-components",
            &["true", "false"],
            "what a new plan does to components is not said",
        ),
        Reading::new("decline-leads-to", &["vend", "return-url"], "where the browser goes after a refusal is not said"),
        Reading::new("decline-withdraws-token", &["false", "true"], "whether a declined token stays valid is not said"),
        Reading::new(
            "list-shows-ended",
            &["true", "false"],
            "whether the list shows canceled subscriptions is not said",
        ),
        Reading::new(
            "list-covers",
            &["own", "all-partners"],
            "the schema says all partners, the operation says the partner's",
        ),
        Reading::new("empty-list", &["null", "empty"], "the sample of an empty list is null"),
        Reading::new("cancel-takes-effect", &["now", "period-end"], "when a cancellation takes effect is not said"),
        Reading::new(
            "early-cancel-webhook",
            &["lost", "sent"],
            "within 30 minutes of the start, a cancellation may send no webhook",
        ),
        Reading::new(
            "other-ends-send-webhook",
            &["false", "true"],
            "whether Vend sends the webhook where it ends a subscription itself is not said",
        ),
        Reading::new(
            "webhook-address",
            &["at-creation", "current"],
            "the address is configured when a subscription is created; whether it can move later is not said",
        ),
        Reading::new(
            "webhook-encoding",
            &["json", "form", "form-inner"],
            "the sample is JSON; Vend's general page says that webhooks are forms with a `payload`",
        ),
    ];

    fn account(request: &HttpRequest) -> Result<String, Reply> {
        let token = request.get("authorization").and_then(|it| it.strip_prefix("Bearer ")).map(str::trim);
        let message = "Send the retailer's access token: Authorization: Bearer <access_token>.";
        let refused = || Reply::from(Self::error(401, message)).broke("vend.auth.bearer-required", message);
        let token = token.filter(|token| !token.is_empty()).map(str::to_owned);
        token.ok_or_else(|| refused().inferred("no document shows the reply without an access token"))
    }

    fn error(status: u16, message: &str) -> HttpReply {
        let (error, message) = match status {
            400 => ("Bad Request", message),
            401 => ("Unauthorized", message),
            403 => ("Forbidden", message),
            404 => ("Not Found", message),
            405 => ("Method Not Allowed", message),
            409 => ("Conflict", message),
            413 => ("Payload Too Large", message),
            422 => ("Unprocessable Entity", message),
            429 => ("Too Many Requests", "Rate limiting enforced"),
            501 => ("Not Implemented", message),
            _ => ("Internal Server Error", message),
        };
        HttpReply::json(status, &json!({"error": error, "message": message}))
    }

    fn retry_after(free: Millis) -> String {
        access::http_date(free)
    }

    fn due(&mut self, what: &Value, context: &mut Context<'_>) {
        billing::due(self, what, context);
    }

    fn act(&mut self, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
        act::act(self, act, context)
    }

    fn sign(sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
        events::sign(sending, endpoint)
    }

    fn acknowledged(status: u16) -> bool {
        (200..300).contains(&status)
    }

    /// Vend retries up to 20 times. The steps are ours: the page is cut off before them.
    fn retry(attempts: u32, _: Millis) -> Option<Millis> {
        let wait = match attempts {
            0 | 1 => MINUTE,
            2 => 5 * MINUTE,
            3 => 30 * MINUTE,
            _ => HOUR,
        };
        (attempts <= 20).then_some(wait)
    }

    fn ledger(&self) -> Value {
        self.ledger()
    }
}

/// The retailer of this world.
fn retailer_id(context: &mut Context<'_>) -> String {
    context.id("retailer", Some("id")).uuid()
}

/// The retailer's subdomain.
fn domain_prefix(context: &mut Context<'_>) -> String {
    format!("retailer{}", context.id("retailer", Some("prefix")).hex(6))
}

/// The partner's application.
fn application_id(context: &mut Context<'_>) -> String {
    context.id("application", Some("id")).hex(32)
}
