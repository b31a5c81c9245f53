//! Revup (Macropay): orders, tokens and subscriptions, from <https://developers.revuppayments.com>.

mod act;
mod card;
mod create;
mod errors;
mod events;
mod form;
mod life;
mod money;
mod notify;
mod orders;
mod pay;
mod plan;
mod read;
mod refunds;
mod state;
mod subscriptions;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::http::{HttpReply, HttpRequest};
use crate::provider::By::{self, Customer, Merchant};
use crate::provider::Fidelity::{self, Documented, Inferred};
use crate::provider::{Operation, Provider, Reading, Reply};
use crate::time::{DAY, HOUR, MINUTE, Millis, SECOND};
use crate::world::{Call, Context, Endpoint, Sending};

pub(crate) use state::Revup;

/// How long a webhook is under way before its first attempt.
const POST: Millis = SECOND;
/// How long Revup takes for the initial payment by token.
const CHARGE: Millis = 2 * SECOND;
/// How long a slow bank takes.
const SETTLE: Millis = 10 * MINUTE;
/// How long a refund in process takes.
const REFUND: Millis = DAY;

macro_rules! docs {
    ($page:literal) => {
        concat!("https://developers.revuppayments.com/", $page)
    };
}

/// The pages of Revup that are quoted.
mod page {
    pub(super) const ORDER: &str = docs!("api/api-reference/order");
    pub(super) const PAYMENT: &str = docs!("api/api-reference/payment");
    pub(super) const REFUND: &str = docs!("api/api-reference/refund");
    pub(super) const CREATE: &str = docs!("api/subscription/create-subscription");
    pub(super) const TOKEN_BASED: &str = docs!("api/subscription/token-based-subscription-creation/");
}

type Run = fn(&mut Revup, &Call<'_>, &mut Context<'_>) -> Reply;

/// One line of the table below.
const fn operation(
    (name, method, path): (&'static str, &'static str, &'static str),
    source: &'static str,
    (fidelity, by): (Fidelity, By),
    run: Run,
) -> Operation<Revup> {
    Operation { name, method, path, source, fidelity, by, run }
}

const API: (Fidelity, By) = (Documented, Merchant);
const FORM: (Fidelity, By) = (Inferred, Customer);

impl Provider for Revup {
    const NAME: &'static str = "revup";
    const PATIENCE: Millis = 20 * SECOND;

    const OPERATIONS: &'static [Operation<Self>] = &[
        operation(("create_order", "POST", "/v2/orders"), page::ORDER, API, orders::create),
        operation(("pay_order", "POST", "/v2/orders/{orderId}/pay"), page::PAYMENT, API, orders::pay),
        operation(("create_subscription", "POST", "/v2/subscriptions"), page::CREATE, API, create::create),
        operation(
            ("retrieve_subscription", "GET", "/v2/subscriptions/{id}"),
            docs!("api/subscription/get-subscription"),
            API,
            subscriptions::retrieve,
        ),
        operation(
            ("retrieve_payments", "GET", "/v2/subscriptions/{id}/payments"),
            docs!("api/subscription/subscription-payments"),
            API,
            subscriptions::payments,
        ),
        operation(
            ("cancel_subscription", "POST", "/v2/subscriptions/{id}/cancel"),
            docs!("api/subscription/cancel-subscription"),
            API,
            subscriptions::cancel,
        ),
        operation(
            ("retrieve_transaction", "GET", "/v2/transactions/{transactionId}"),
            docs!("api/api-reference/transaction-by-transaction-id"),
            API,
            refunds::retrieve,
        ),
        operation(
            ("find_transactions", "GET", "/v2/transactions/orderId/{orderId}"),
            docs!("api/api-reference/transaction-by-order-id"),
            API,
            refunds::list,
        ),
        operation(
            ("refund_payment", "POST", "/v2/transactions/{transactionId}/refund"),
            page::REFUND,
            API,
            refunds::refund,
        ),
        operation(
            ("delete_token", "DELETE", "/v2/tokens/{tokenId}"),
            docs!("api/api-reference/token"),
            API,
            orders::delete_token,
        ),
        operation(("open_form", "GET", "/form/{orderId}"), page::PAYMENT, FORM, form::open),
        operation(("submit_form", "POST", "/form/{orderId}/card"), page::PAYMENT, FORM, form::submit_card),
        operation(
            ("submit_challenge", "POST", "/form/{orderId}/challenge"),
            page::PAYMENT,
            FORM,
            form::submit_challenge,
        ),
    ];

    const READINGS: &'static [Reading] = &[
        Reading::new("create-status", &["200", "201"], "the status of a successful creation is not shown"),
        Reading::new("order-id-name", &["orderId", "id"], "the reply to a new order is described, but not shown"),
        Reading::new("order-fields", &["ignored", "refused"], "fields of an order are not needed in a subscription"),
        Reading::new("pending-status", &["pending", "created"], "the status before the initial payment is not named"),
        Reading::new(
            "initial-payment-order",
            &["parent", "own"],
            "whether the initial payment by token is a transaction of `parentOrderId` is not said",
        ),
        Reading::new(
            "failed-payment-frees-token",
            &["false", "true"],
            "what a failed initial payment does to the token",
        ),
        Reading::new("callback-of-token-payment", &["true", "false"], "the guide says: the callback or webhook"),
        Reading::new(
            "updated-for-initial",
            &["false", "true"],
            "whether `subscription.updated` follows the initial payment",
        ),
        Reading::new("event-spelling", &["as-sampled", "occurredAt"], "three samples spell the time `ocurredAt`"),
        Reading::new(
            "created-capitals",
            &["true", "false"],
            "the sample of `subscription.created` has values in capitals",
        ),
        Reading::new(
            "created-counts-from",
            &["1", "0"],
            "the sample of `subscription.created` has cycle 1 and attempt 1, the lists have 0",
        ),
        Reading::new(
            "created-next-payment",
            &["date", "instant"],
            "`nextPayment.scheduledFor` is a date in `subscription.created` and an instant in `subscription.updated`",
        ),
        Reading::new(
            "scheduled-payment-status",
            &["paying", "pending"],
            "the sample of a payment without transactions has the status `paying`",
        ),
        Reading::new("retries-exhausted", &["cancelled", "past_due"], "what follows the last failed retry is not said"),
        Reading::new(
            "updated-before-cancelled",
            &["false", "true"],
            "whether the attempt that cancels also sends `subscription.updated` is not said",
        ),
        Reading::new(
            "cancelled-after-request",
            &["true", "false"],
            "whether the merchant's own cancellation sends `subscription.cancelled` is not said",
        ),
        Reading::new("cancel-again", &["repeated", "refused"], "no refusal of a second cancellation is listed"),
        Reading::new("refund-settles", &["at-once", "later"], "a refund can stay in process for several days"),
        Reading::new("refund-reply-names", &["refund", "payment"], "which transaction the reply to a refund names"),
        Reading::new(
            "subscription-notifications",
            &["false", "true"],
            "whether the merchant's own notification address hears of a subscription's payments is not said",
        ),
    ];

    fn account(request: &HttpRequest) -> Result<String, Reply> {
        let message = "Send your key in x-api-key.";
        let key = request.get("x-api-key").filter(|key| !key.is_empty()).map(str::to_owned);
        let refused = || Reply::from(Self::error(401, message)).broke("revup.auth.api-key-required", message);
        key.ok_or_else(|| refused().inferred("no document shows the reply without a key"))
    }

    fn error(status: u16, message: &str) -> HttpReply {
        let code = match status {
            400 => "0905",
            401 | 403 => "0401",
            404 => "0404",
            429 => "0429",
            501 => "0501",
            _ => "0900",
        };
        errors::body(status, code, message)
    }

    fn due(&mut self, what: &Value, context: &mut Context<'_>) {
        life::due(self, what, context);
    }

    fn act(&mut self, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
        act::act(self, act, context)
    }

    fn sign(sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
        events::sign(sending, endpoint)
    }

    /// A retry is documented for events and notifications, not for the callback to the merchant's page.
    fn repeats(event: &str) -> bool {
        event != "callback"
    }

    fn acknowledged(status: u16) -> bool {
        status == 200
    }

    /// The documents say that "there will be a retry later"; the steps and their end are ours.
    fn retry(attempts: u32, age: Millis) -> Option<Millis> {
        let wait = match attempts {
            0 | 1 => MINUTE,
            2 => 5 * MINUTE,
            3 => 30 * MINUTE,
            4 => 2 * HOUR,
            _ => 12 * HOUR,
        };
        (age.saturating_add(wait) <= 3 * DAY).then_some(wait)
    }

    fn ledger(&self) -> Value {
        self.ledger()
    }
}
