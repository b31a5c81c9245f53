//! Truemed: payment tokens and payment sessions, from <https://developers.truemed.com>.

mod act;
mod cart;
mod catalog;
mod charge;
mod errors;
mod events;
mod keys;
mod money;
mod pages;
mod qualify;
mod reconcile;
mod review;
mod sessions;
mod state;
mod tokens;
mod update;
mod visit;

use serde_json::{Value, json};

use crate::http::{HttpReply, HttpRequest};
use crate::provider::By::{Customer, Merchant};
use crate::provider::Fidelity::{Documented, Inferred};
use crate::provider::{Operation, Provider, Reading, Reply};
use crate::time::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::world::{Context, Endpoint, Sending};

pub(crate) use state::Truemed;

/// How long a webhook is under way before its first attempt.
const POST: Millis = SECOND;
/// How long Truemed reviews a survey.
const REVIEW: Millis = 30 * MINUTE;
/// How long an unattended charge is processed.
const CHARGE: Millis = 2 * SECOND;
/// How long Truemed reviews an item of the catalog.
const CLASSIFY: Millis = DAY;
/// Truemed's fee of a captured amount. No document names one.
const FEE_PERCENT: i64 = 5;
/// How long a hold on a card lasts: 6.95 days.
const HOLD: Millis = 600_480 * SECOND;
/// How long a Letter of Medical Necessity is valid.
const LETTER: Millis = 365 * DAY;

macro_rules! reference {
    ($page:literal) => {
        concat!("https://developers.truemed.com/api-reference/", $page)
    };
}
macro_rules! guide {
    ($page:literal) => {
        concat!("https://developers.truemed.com/guides/", $page)
    };
}

/// The pages of Truemed that are quoted.
mod page {
    pub(super) const SESSION: &str = reference!("payment-sessions/create-payment-session");
    pub(super) const CANCEL: &str = reference!("payment-sessions/cancel-payment-session");
    pub(super) const CAPTURE: &str = reference!("payment-sessions/capture-payment-session");
    pub(super) const VOID: &str = reference!("payment-sessions/void-payment-session");
    pub(super) const REFUND: &str = reference!("payment-sessions/create-refund");
    pub(super) const PROVISION: &str = reference!("payment-tokens/retrieve-payment-token-provision-request");
    pub(super) const DELETE: &str = reference!("payment-tokens/delete-payment-token");
    pub(super) const EXISTING: &str = guide!("subscriptions/create-a-subscription-existing-subscriber");
    pub(super) const NEW: &str = guide!("subscriptions/create-a-subscription-new-subscriber");
    pub(super) const UPDATE: &str = guide!("subscriptions/subscription-management/update-an-active-subscription");
    pub(super) const BILLING: &str = guide!("subscriptions/subsequent-billing-periods");
    pub(super) const QUALIFICATION: &str = reference!("qualification-sessions/update-qualification-session");
    pub(super) const LIST_QUALIFICATIONS: &str = reference!("qualification-sessions/list-qualification-session");
    pub(super) const CATALOG: &str = guide!("product-catalog/managing-your-catalog");
    pub(super) const METHOD: &str = guide!("product-catalog/use-cases/conditionally-show-the-pdp-widget");
    pub(super) const RECONCILE: &str = guide!("reconciliations/overview");
    pub(super) const ADMIN: &str = guide!("subscriptions/partner-administrative-operations");
    pub(super) const MANUAL: &str = guide!("payment-sessions/manual-delayed-capture");
    pub(super) const ITEMS: &str = guide!("payment-sessions/itemized-fees-and-discounts");
}

/// One line of the table below.
macro_rules! operation {
    ($name:literal $method:literal $path:literal $source:expr, $fidelity:ident $by:ident $run:path) => {
        Operation {
            name: $name,
            method: $method,
            path: $path,
            source: $source,
            fidelity: $fidelity,
            by: $by,
            run: $run,
        }
    };
}

impl Provider for Truemed {
    const NAME: &'static str = "truemed";

    // Of the paths of payment tokens, of the lists and of `cancel` and `refund`, only third parties speak.
    const OPERATIONS: &'static [Operation<Self>] = &[
        operation!("create_payment_session" "POST" "/payments/v1/create_payment_session"
            page::SESSION, Documented Merchant sessions::create),
        operation!("retrieve_payment_session" "GET" "/payments/v1/payment_session/{id}"
            reference!("payment-sessions/retrieve-payment-session"), Documented Merchant sessions::retrieve),
        operation!("find_payment_session" "GET" "/payments/v1/payment_sessions"
            reference!("payment-sessions/list-payment-session"), Documented Merchant sessions::list),
        operation!("capture_payment_session" "POST" "/payments/v1/payment_session/{id}/capture"
            page::CAPTURE, Documented Merchant money::capture),
        operation!("void_payment_session" "POST" "/payments/v1/payment_session/{id}/void"
            page::VOID, Documented Merchant money::void),
        operation!("cancel_payment_session" "POST" "/payments/v1/payment_session/{id}/cancel"
            page::CANCEL, Documented Merchant money::cancel),
        operation!("create_refund" "POST" "/payments/v1/refund"
            page::REFUND, Documented Merchant money::refund),
        operation!("create_payment_token" "POST" "/api/v1/payment_tokens/create"
            page::EXISTING, Documented Merchant tokens::create),
        operation!("retrieve_provision_token_request" "GET" "/api/v1/payment_tokens/provision_request/{id}"
            page::PROVISION, Documented Merchant tokens::retrieve_request),
        operation!("list_payment_token" "GET" "/api/v1/payment_tokens"
            reference!("payment-tokens/list-payment-token"), Documented Merchant tokens::list),
        operation!("retrieve_payment_token" "GET" "/api/v1/payment_tokens/{token}"
            reference!("payment-tokens/retrieve-payment-token"), Documented Merchant tokens::retrieve),
        operation!("update_payment_token" "POST" "/api/v1/payment_tokens/{token}/update"
            page::UPDATE, Documented Merchant update::update),
        operation!("delete_payment_token" "POST" "/api/v1/payment_tokens/{token}/delete"
            page::DELETE, Documented Merchant tokens::delete),
        operation!("create_qualification_session" "POST" "/api/v1/qualification_session/create"
            page::QUALIFICATION, Inferred Merchant qualify::create),
        operation!("list_qualification_session" "GET" "/api/v1/qualification_sessions"
            page::LIST_QUALIFICATIONS, Documented Merchant qualify::list),
        operation!("retrieve_qualification_session" "GET" "/api/v1/qualification_session/{id}"
            page::QUALIFICATION, Inferred Merchant qualify::retrieve),
        operation!("update_qualification_session" "POST" "/api/v1/qualification_session/{id}/update"
            page::QUALIFICATION, Documented Merchant qualify::update),
        operation!("create_catalog_item" "POST" "/api/v1/product_catalog/items/create"
            page::CATALOG, Documented Merchant catalog::create),
        operation!("update_catalog_item" "POST" "/api/v1/product_catalog/items/update"
            reference!("product-catalog/update-item"), Documented Merchant catalog::update),
        operation!("get_catalog_item" "POST" "/api/v1/product_catalog/items/detail"
            page::CATALOG, Documented Merchant catalog::detail),
        operation!("list_catalog_items" "GET" "/api/v1/product_catalog/items/list"
            reference!("product-catalog/list-catalog-items"), Documented Merchant catalog::list),
        operation!("check_truemed_checkout_method" "POST" "/api/v1/product_catalog/truemed_checkout_method"
            page::METHOD, Inferred Merchant catalog::checkout_method),
        operation!("list_transaction_reconciliation" "GET" "/api/v1/reconciliation/transactions"
            reference!("reconciliations/list-transaction-reconciliation"), Documented Merchant reconcile::transactions),
        operation!("list_payout_reconciliation" "GET" "/api/v1/reconciliation/payouts"
            page::RECONCILE, Documented Merchant reconcile::payouts),
        operation!("open_checkout" "GET" "/checkout/{visit}" page::EXISTING, Inferred Customer pages::open),
        operation!("submit_survey" "POST" "/checkout/{visit}/survey" page::EXISTING, Inferred Customer pages::survey),
        operation!("submit_card" "POST" "/checkout/{visit}/card" page::EXISTING, Inferred Customer pages::card),
        operation!("cancel_checkout" "POST" "/checkout/{visit}/cancel" page::EXISTING, Inferred Customer pages::cancel),
    ];

    const AUTHS: &'static [&'static str] = &["signed", "unsigned"];
    const READINGS: &'static [Reading] = &[
        Reading::new("survey-action", &["TakeHealthSurvey", "HealthSurvey"], "the guide and the reference differ"),
        Reading::new(
            "none-as",
            &["null", "absent", "None"],
            "`next_action=None` is Python's text; the JSON is not shown",
        ),
        Reading::new(
            "webhook-session-key",
            &["payment_session_id", "payment_id", "id"],
            "the name of the session's id in \
            payment_session_complete is not shown",
        ),
        Reading::new(
            "event-names",
            &["completed", "complete"],
            "the exact `event_type` is not shown: \
            payment_session.completed or payment_session.complete",
        ),
        Reading::new(
            "key-with-other-cart",
            &["refuse", "same-session"],
            "a changed cart needs a new key; what happens \
            otherwise is not said",
        ),
        Reading::new("discounts-negative", &["false", "true"], "one page adds discounts, another one subtracts them"),
        Reading::new("charge-failure-status", &["422", "400"], "the guide names an enum and a URL without a status"),
        Reading::new(
            "failed-charge-names-session",
            &["false", "true"],
            "whether the refusal of an unattended charge has the \
            session's `id` is not said",
        ),
        Reading::new(
            "failed-charge-webhook",
            &["false", "true"],
            "whether a refused unattended charge also sends \
            payment_session_complete is not said",
        ),
        Reading::new(
            "charge-while-action-open",
            &["refuse", "attempt"],
            "while an action is open, a charge is not \
            guaranteed to work",
        ),
        Reading::new(
            "unattended-shows-processing",
            &["true", "false"],
            "whether an unattended charge passes through \
            `processing` is not said",
        ),
        Reading::new(
            "authorized-skips-processing",
            &["false", "true"],
            "`authorized` comes from `processing`, or when the \
            card is entered",
        ),
        Reading::new(
            "update-request-shows-token",
            &["when-done", "always"],
            "what the lookup of an update's request shows \
            before the customer is done is not said",
        ),
        Reading::new(
            "token-before-session",
            &["false", "true"],
            "which webhook of a tokenizing session is first is not said",
        ),
        Reading::new(
            "hold-renewed",
            &["false", "true"],
            "one page renews a lapsed hold at capture, another one does not",
        ),
        Reading::new(
            "capture-below-items",
            &["accept", "refuse"],
            "a capture must be at most the total; one error text wants \
            at least the sum of the items",
        ),
        Reading::new(
            "qualification-metadata",
            &["any-text", "json"],
            "`metadata` of a qualification session is a JSON-encoded string; whether another text is refused is not said",
        ),
        Reading::new(
            "catalog-fields",
            &["guide", "reference"],
            "the reference requires details that the guide leaves out",
        ),
        Reading::new(
            "catalog-item-shape",
            &["object", "bare"],
            "whether the item is below a member `object` is not shown",
        ),
        Reading::new("ineligible-as", &["ineligible", "not_eligible"], "two versions of the webhook's page differ"),
        Reading::new(
            "reconciliation-dates",
            &["transaction", "payout"],
            "whether a range of dates selects rows by their own date or by that of their payout is not said",
        ),
        Reading::new("reconciliation-fee-type", &["truemed_fee", "fee"], "the `type` of a Truemed fee is not shown"),
        Reading::new("kind-enabled", &["true", "false"], "`kind` works only on accounts for which Truemed enabled it"),
    ];

    fn account(request: &HttpRequest) -> Result<String, Reply> {
        let key = request.get("x-truemed-api-key").filter(|key| !key.is_empty());
        let refused = || Reply::from(Self::error(401, "Missing or invalid x-truemed-api-key"));
        key.map(str::to_owned).ok_or_else(|| refused().inferred("only a third party shows the reply without a key"))
    }

    fn error(status: u16, message: &str) -> HttpReply {
        let error = match status {
            400 => "BadRequest",
            401 => "Unauthorized",
            404 => "NotFound",
            405 => "MethodNotAllowed",
            409 => "Conflict",
            413 => "PayloadTooLarge",
            429 => "TooManyRequests",
            501 => "NotImplemented",
            _ => "ServerError",
        };
        HttpReply::json(status, &json!({"error": error, "message": message}))
    }

    fn due(&mut self, what: &Value, context: &mut Context<'_>) {
        review::due(self, what, context);
    }

    fn act(&mut self, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
        act::act(self, act, context)
    }

    fn sign(sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
        events::sign(sending, endpoint)
    }

    fn acknowledged(status: u16) -> bool {
        status == 204
    }

    /// The documents say "with back-off, for up to 7 days"; the steps are ours.
    fn retry(attempts: u32, age: Millis) -> Option<Millis> {
        let wait = match attempts {
            0 | 1 => MINUTE,
            2 => 5 * MINUTE,
            3 => 30 * MINUTE,
            4 => 2 * HOUR,
            5 => 6 * HOUR,
            _ => 12 * HOUR,
        };
        (age.saturating_add(wait) <= 7 * DAY).then_some(wait)
    }

    fn ledger(&self) -> Value {
        self.ledger()
    }
}
