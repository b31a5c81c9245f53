//! Which documented requests are replayed. Each names an operation of the provider, by which the document is found.
//!
//! `{name}` in a query or a body is a value: one that the account has, or one that an earlier reply had.

/// One request to an operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) operation: &'static str,
    /// The values of the path's parameters, where they are named otherwise.
    pub(super) path: &'static [(&'static str, &'static str)],
    pub(super) query: &'static str,
    pub(super) body: Option<&'static str>,
    /// Whether it creates or changes something where it is taken.
    pub(super) writes: bool,
    /// The values that its reply has, by a JSON pointer. The first pointer that finds one counts.
    pub(super) takes: &'static [(&'static str, &'static str)],
}

/// A request that only reads.
const fn get(operation: &'static str) -> Step {
    Step { operation, path: &[], query: "", body: None, writes: false, takes: &[] }
}

/// A request that creates or changes something.
const fn write(operation: &'static str, body: &'static str) -> Step {
    Step { operation, path: &[], query: "", body: Some(body), writes: true, takes: &[] }
}

impl Step {
    const fn of(mut self, path: &'static [(&'static str, &'static str)]) -> Self {
        self.path = path;
        self
    }

    const fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    const fn takes(mut self, takes: &'static [(&'static str, &'static str)]) -> Self {
        self.takes = takes;
        self
    }
}

/// What is done at the simulator alone, so that its lists have entries as those of an account in use.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before {
    Call(Step),
    /// What the customer does.
    Act(&'static str),
    /// A day passes.
    Day,
}

/// What is replayed at one provider.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: &'static [Step],
    pub(super) before: &'static [Before],
    /// The values that both sides have from the beginning.
    pub(super) known: &'static [(&'static str, &'static str)],
    /// The values that only the account's owner knows, and those of the simulator.
    pub(super) asked: &'static [(&'static str, &'static str)],
    /// The members that come only in some states, as the documents say. One that is missing is no difference.
    pub(super) optional: &'static [&'static str],
    /// How the simulator reads what depends on the state of the account.
    pub(super) readings: &'static [(&'static str, &'static str)],
}

/// The plan of a provider.
pub(super) fn plan(provider: &str) -> Option<&'static Plan> {
    match provider {
        "truemed" => Some(&TRUEMED),
        "flex" => Some(&FLEX),
        "vend" => Some(&VEND),
        "revup" => Some(&REVUP),
        _ => None,
    }
}

const NOBODY: (&str, &str) = ("nobody", "00000000-0000-4000-8000-000000000000");

const CART: &str = r#"{"order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}],
    "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no", "metadata": "compare"}"#;
const SESSION: &str = r#"{"order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}], "total_amount": 1500,
    "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no", "metadata": "compare",
    "idempotency_key": "{unique}"}"#;
const TOKENIZED: &str = r#"{"order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}], "total_amount": 1500,
    "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no", "tokenize": true}"#;
const TOO_LITTLE: &str = r#"{"order_items": [{"name": "B12", "sku": "b12", "quantity": 1, "price": 1500}], "total_amount": 1400,
    "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no"}"#;

const ITEM: &str =
    r#"{"sku": "b12", "name": "B12", "description": "Tablets", "image_urls": [], "url": "https://shop.example/b12"}"#;

static TRUEMED: Plan = Plan {
    steps: &[
        get("find_payment_session")
            .query("include_order_items=true&summarize_refunds=true")
            .takes(&[("session", "/payment_sessions/0/id")]),
        get("retrieve_payment_session").of(&[("id", "session")]),
        get("retrieve_payment_session").of(&[("id", "nobody")]),
        get("list_payment_token").takes(&[("token", "/payment_tokens/0/payment_token")]),
        get("retrieve_payment_token"),
        get("retrieve_payment_token").of(&[("token", "nobody")]),
        get("retrieve_provision_token_request").of(&[("id", "nobody")]),
        get("list_qualification_session").query("status=pending,approved"),
        get("list_catalog_items"),
        get("list_payout_reconciliation").query("start_date=2025-01-01&end_date=2027-12-31"),
        get("list_transaction_reconciliation").query("start_date=2025-01-01&end_date=2027-12-31&page_size=1"),
        write("create_payment_token", CART).takes(&[("request", "/provision_token_request_id")]),
        get("retrieve_provision_token_request").of(&[("id", "request")]),
        write("create_payment_session", SESSION).takes(&[("created", "/id")]),
        get("retrieve_payment_session").of(&[("id", "created")]),
        write("cancel_payment_session", "{}").of(&[("id", "created")]),
        write("create_payment_session", TOO_LITTLE),
    ],
    before: &[
        Before::Call(write("create_payment_session", TOKENIZED).takes(&[("session", "/id")])),
        Before::Act(r#"{"do": "finish", "id": "{session}"}"#),
        Before::Call(write("create_qualification_session", CART)),
        Before::Call(write("create_catalog_item", ITEM)),
        // Money is paid out two days later.
        Before::Day,
        Before::Day,
        Before::Day,
    ],
    known: &[NOBODY],
    asked: &[],
    // Of items, the documents show these after a capture, or while an authorization can be captured.
    optional: &["total_refundable", "quantity_refundable", "total_capturable", "quantity_capturable"],
    readings: &[],
};

const PRODUCT: &str = r#"{"product": {"name": "Gym", "description": "A gym", "visit_type": "gym",
    "hsa_fsa_eligibility": "letter_of_medical_necessity"}}"#;
const PRICE: &str = r#"{"price": {"product": "{product}", "description": "monthly", "unit_amount": 4999,
    "recurring": {"interval": "monthly", "interval_count": 1, "trial_period_days": null}}}"#;
const ONCE: &str =
    r#"{"price": {"product_data": {"name": "Glasses", "hsa_fsa_eligibility": "vision"}, "unit_amount": 4999}}"#;
const CHECKOUT: &str = r#"{"checkout_session": {"mode": "subscription", "success_url": "https://shop.example/ok",
    "cancel_url": "https://shop.example/no", "line_items": [{"price": "{price}", "quantity": 1}]}}"#;
const MANUAL: &str = r#"{"checkout_session": {"mode": "payment", "success_url": "https://shop.example/ok",
    "capture_method": "manual", "line_items": [{"price": "{once}", "quantity": 1}]}}"#;
const COUPON: &str = r#"{"coupon": {"name": "compare", "percent_off": 10, "duration": "once"}}"#;
const CUSTOMER: &str = r#"{"customer": {"first_name": "A", "last_name": "B", "email": "a@shop.example"}}"#;

static FLEX: Plan = Plan {
    steps: &[
        get("list_products").takes(&[("product", "/products/0/product_id")]),
        get("get_product").of(&[("id", "product")]),
        get("list_prices").takes(&[("price", "/prices/0/price_id")]),
        get("get_price").of(&[("id", "price")]),
        get("list_coupons"),
        get("list_promo_codes"),
        get("list_customers").takes(&[("customer", "/customers/0/customer_id")]),
        get("get_customer").of(&[("id", "customer")]),
        get("list_payment_methods").of(&[("id", "customer")]),
        get("find_checkout_session").takes(&[("session", "/checkout_sessions/0/checkout_session_id")]),
        get("retrieve_checkout_session").of(&[("id", "session")]),
        get("list_line_items").of(&[("id", "session")]),
        get("list_subscriptions").takes(&[("subscription", "/subscriptions/0/subscription_id")]),
        get("retrieve_subscription").of(&[("id", "subscription")]),
        get("get_refund_preview").of(&[("id", "subscription")]),
        get("list_invoices").takes(&[("invoice", "/invoices/0/invoice_id")]),
        get("retrieve_invoice").of(&[("id", "invoice")]),
        get("list_payment_intents").takes(&[("intent", "/payment_intents/0/payment_intent_id")]),
        get("get_payment_intent").of(&[("id", "intent")]),
        get("list_setup_intents").takes(&[("setup", "/setup_intents/0/setup_intent_id")]),
        get("retrieve_setup_intent").of(&[("id", "setup")]),
        get("list_refunds").takes(&[("refund", "/refunds/0/refund_id")]),
        get("get_refund").of(&[("id", "refund")]),
        get("list_captures").takes(&[("capture", "/captures/0/capture_id")]),
        get("get_capture").of(&[("id", "capture")]),
        get("list_webhooks"),
        get("retrieve_checkout_session").of(&[("id", "nobody")]),
        get("retrieve_subscription").of(&[("id", "nobody")]),
        write("create_product", PRODUCT).takes(&[("product", "/product/product_id")]),
        write("create_price", PRICE).takes(&[("price", "/price/price_id")]),
        write("create_customer", CUSTOMER),
        write("create_coupon", COUPON).takes(&[("coupon", "/coupon/coupon_id")]),
        write("create_promo_code", r#"{"promo_code": {"coupon_id": "{coupon}", "code": "{unique}"}}"#),
        write("create_shipping_rate", r#"{"shipping_rate": {"display_name": "Post", "amount": 500}}"#)
            .takes(&[("rate", "/shipping_rate/shipping_rate_id")]),
        get("get_shipping_rate").of(&[("id", "rate")]),
        write("create_checkout_session", CHECKOUT).takes(&[("open", "/checkout_session/checkout_session_id")]),
        get("retrieve_checkout_session").of(&[("id", "open")]),
        write(
            "create_checkout_session",
            r#"{"checkout_session": {"mode": "payment", "line_items": [{"price": "nothing"}],
            "success_url": "https://shop.example/ok"}}"#,
        ),
    ],
    before: &[
        Before::Call(write("create_product", PRODUCT).takes(&[("product", "/product/product_id")])),
        Before::Call(write("create_price", PRICE).takes(&[("price", "/price/price_id")])),
        Before::Call(write("create_price", ONCE).takes(&[("once", "/price/price_id")])),
        Before::Call(write("create_coupon", COUPON).takes(&[("coupon", "/coupon/coupon_id")])),
        Before::Call(write("create_promo_code", r#"{"promo_code": {"coupon_id": "{coupon}", "code": "EARLIER"}}"#)),
        Before::Call(write("create_setup_intent", r#"{"setup_intent": {"partner_id": "compare"}}"#)),
        Before::Call(write(
            "create_webhook",
            r#"{"webhook": {"url": "http://127.0.0.1:9/hook", "events": ["invoice.paid"]}}"#,
        )),
        Before::Call(
            write("create_checkout_session", CHECKOUT).takes(&[("open", "/checkout_session/checkout_session_id")]),
        ),
        Before::Act(r#"{"do": "finish", "id": "{open}"}"#),
        Before::Call(
            write("create_checkout_session", MANUAL).takes(&[("open", "/checkout_session/checkout_session_id")]),
        ),
        Before::Act(r#"{"do": "finish", "id": "{open}"}"#),
        Before::Call(write("capture_payment", "{}").of(&[("id", "open")])),
        Before::Call(
            write("refund_checkout_session", r#"{"checkout_session": {"amount": 100}}"#).of(&[("id", "open")]),
        ),
        Before::Day,
    ],
    known: &[("nobody", "fcs_00000000000000000000000000")],
    asked: &[],
    optional: &[],
    readings: &[],
};

static VEND: Plan = Plan {
    steps: &[
        get("list_subscriptions").takes(&[("subscription", "/data/0/partner_subscription_info/0/id")]),
        get("retrieve_subscription").of(&[("id", "subscription")]),
        get("retrieve_subscription").of(&[("id", "nobody")]),
        get("retrieve_token").of(&[("token", "nobody")]),
        write("create_subscription_token", CONSENT).takes(&[("token", "/data/token"), ("token", "/token")]),
        get("retrieve_token"),
    ],
    before: &[
        Before::Call(
            write("create_subscription_token", CONSENT).takes(&[("accepted", "/data/token"), ("accepted", "/token")]),
        ),
        Before::Act(r#"{"do": "accept", "token": "{accepted}"}"#),
        Before::Day,
    ],
    known: &[("nobody", "00000000000000000000000000000000"), ("version", "2.0")],
    asked: &[("product_handle", "lite"), ("price_handle", "monthly")],
    // No member of a token or of a subscription is declared as required.
    optional: &["product_handle", "product_price_point_handle", "components", "used_at", "subscription_id"],
    readings: &[("vend.second-create", "accepted")],
};
const CONSENT: &str = r#"{"product_handle": "{product_handle}", "price_handle": "{price_handle}",
    "return_url": "https://shop.example/back"}"#;

static REVUP: Plan = Plan {
    steps: &[
        get("retrieve_subscription").of(&[("id", "nobody")]),
        get("retrieve_transaction").of(&[("transactionId", "nobody")]),
        get("find_transactions").of(&[("orderId", "nobody")]),
        get("retrieve_subscription").of(&[("id", "subscription")]),
        get("retrieve_payments").of(&[("id", "subscription")]).query("page=1&pageSize=10"),
        get("find_transactions").of(&[("orderId", "order")]).takes(&[("transaction", "/0/transactionId")]),
        get("retrieve_transaction").of(&[("transactionId", "transaction")]),
        write("create_order", ORDER).takes(&[("created", "/orderId"), ("created", "/id")]),
        get("find_transactions").of(&[("orderId", "created")]),
        write("create_subscription", FORM),
        write("cancel_subscription", "{}").of(&[("id", "nobody")]),
    ],
    before: &[
        Before::Call(
            write("create_subscription", FORM).takes(&[("subscription", "/subscriptionId"), ("order", "/orderId")]),
        ),
        Before::Act(r#"{"do": "pay", "id": "{subscription}"}"#),
        Before::Day,
    ],
    known: &[NOBODY],
    asked: &[("plan", "4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee"), ("subscription", ""), ("order", "")],
    optional: &["transactions", "cancellation"],
    readings: &[],
};
const ORDER: &str = r#"{"money": {"amount": 9.98, "currency": "EUR"}, "generateToken": true, "concept": "compare",
    "redirectUrl": {"success": "https://shop.example/ok", "fail": "https://shop.example/no"}}"#;
const FORM: &str = r#"{"planId": "{plan}", "currency": "EUR", "eventSubscriptionUrl": "https://shop.example/events",
    "redirectUrl": {"success": "https://shop.example/ok", "fail": "https://shop.example/no"}}"#;
