//! The commands of Flex.

use rulebound::Intent;
use rulebound::flex::{
    CancelSubscription, CaptureItem, CaptureMethod, CapturePayment, Checkout, CheckoutSessionId, CouponData,
    CreateCheckoutSession, CreateRefund, Discount, End, Fee, InvoiceId, LineItem, Mode, PriceData, Recurring,
    RefundItem, RefundPayment, RefundReason, ShippingOptions, ShippingRateData, Subscription, SubscriptionId, TaxRate,
    UpdateItem, UpdateSubscription,
};
use rulebound::money::Cents;
use rulebound::value::{Extra, RawJson, RawNumber};
use serde_json::{Value, json};

use super::{check_commands, commands, id};

fn extra() -> Extra {
    [("gift".to_owned(), RawJson::parse("true").unwrap())].into_iter().collect()
}

fn items() -> (Vec<LineItem>, Value) {
    let monthly = Recurring::every("monthly").interval_count(3).trial_period_days(14);
    let built = vec![
        LineItem::new("fprice_1", 2),
        LineItem::of_data(PriceData::new("fprod_1", Cents::new(4999), Some(monthly)), 1),
        LineItem::of_product("fprod_2"),
    ];
    let json = json!([
        {"price": "fprice_1", "quantity": 2},
        {
            "price_data": {
                "product": "fprod_1", "unit_amount": 4999,
                "recurring": {"interval": "monthly", "interval_count": 3, "trial_period_days": 14},
            },
            "quantity": 1,
        },
        {"product": "fprod_2"},
    ]);
    (built, json)
}

fn discounts() -> (Vec<Discount>, Value) {
    let coupon = CouponData::default()
        .name("Spring")
        .amount_off(500)
        .percent_off(RawNumber::parse("12.5").unwrap())
        .duration("repeating")
        .duration_in_months(3)
        .max_redemptions(1)
        .applies_to(json!({"products": ["fprod_1"]}))
        .metadata(json!({"a": "b"}));
    let built = vec![Discount::default().coupon_id("fcpn_1"), Discount::default().coupon_data(coupon)];
    let json = json!([
        {"coupon_id": "fcpn_1"},
        {"coupon_data": {
            "name": "Spring", "amount_off": 500, "percent_off": 12.5, "duration": "repeating", "duration_in_months": 3,
            "max_redemptions": 1, "applies_to": {"products": ["fprod_1"]}, "metadata": {"a": "b"},
        }},
    ]);
    (built, json)
}

/// A session with every field. A rule, and not a type, says which of them go together.
fn session(mode: Mode, method: CaptureMethod) -> (CreateCheckoutSession, Value) {
    let ((items, items_json), (discounts, discounts_json)) = (items(), discounts());
    let (mode_json, method_json) = (mode.as_str().to_owned(), method.as_str().to_owned());
    let shipping = ShippingOptions::default()
        .shipping_rate_id("fship_1")
        .shipping_rate_data(ShippingRateData::new("Post", Cents::new(700)));
    let fee = Fee::new(Cents::new(100)).name("Box").description("A box").fee_type("custom");
    let built = CreateCheckoutSession::new(mode, items, Cents::new(14997), "https://shop.example/ok")
        .cancel_url("https://shop.example/no")
        .client_reference_id("order-1")
        .capture_method(method)
        .customer("fcus_1")
        .payment_method("fpm_1")
        .setup_future_use("off_session")
        .defaults(json!({"email": "ada@example.com"}))
        .allow_promotion_codes(false)
        .discounts(discounts)
        .tax_rate(TaxRate::new(Cents::new(300)))
        .shipping_address_collection(true)
        .shipping_options(shipping)
        .fees([fee])
        .subscription_data(json!({"trial_period_days": 14}))
        .metadata(json!({"a": "b"}))
        .custom_text(json!({"submit": "Pay"}))
        .multiple_subscriptions(false)
        .extra(extra());
    let json = json!({
        "type": "create_checkout_session", "mode": mode_json, "line_items": items_json, "expected_total": 14997,
        "success_url": "https://shop.example/ok", "cancel_url": "https://shop.example/no",
        "client_reference_id": "order-1", "capture_method": method_json, "customer": "fcus_1", "payment_method": "fpm_1",
        "setup_future_use": "off_session", "defaults": {"email": "ada@example.com"}, "allow_promotion_codes": false,
        "discounts": discounts_json, "tax_rate": {"amount": 300}, "shipping_address_collection": true,
        "shipping_options": {"shipping_rate_id": "fship_1", "shipping_rate_data": {"display_name": "Post", "amount": 700}},
        "fees": [{"amount": 100, "name": "Box", "description": "A box", "fee_type": "custom"}],
        "subscription_data": {"trial_period_days": 14}, "metadata": {"a": "b"}, "custom_text": {"submit": "Pay"},
        "multiple_subscriptions": false, "extra": {"gift": true},
    });
    (built, json)
}

/// Sessions with every mode and every way to capture.
fn sessions() -> impl Iterator<Item = (CreateCheckoutSession, Value)> {
    let modes = [Mode::Payment, Mode::Subscription, Mode::OffSession, Mode::Setup, Mode::Reimbursement];
    let all = modes
        .into_iter()
        .flat_map(|mode| [CaptureMethod::Automatic, CaptureMethod::Manual].map(|method| session(mode.clone(), method)));
    let setup = json!({
        "type": "create_checkout_session", "mode": "setup", "customer": "fcus_1", "success_url": "https://shop.example/ok",
    });
    all.chain([(CreateCheckoutSession::setup("fcus_1", "https://shop.example/ok"), setup)])
}

#[test]
fn every_command_of_a_checkout_is_built() {
    use rulebound::flex::checkout::Command;
    let refund = CreateRefund::new(id("r-1"))
        .checkout_session_id(id::<CheckoutSessionId>("fcs_1"))
        .amount(500)
        .line_items([RefundItem::default().product("fprod_1").price("fprice_1").amount_to_refund(400)])
        .amount_tax(60)
        .amount_shipping(50)
        .amount_discount(10)
        .refund_metadata(json!({"a": "b"}))
        .extra(extra());
    let capture = CapturePayment::new(id("c-1"), Cents::new(1800))
        .line_items([CaptureItem::new("fprod_1").amount_to_capture(1700)])
        .amount_tax(60)
        .amount_shipping(50)
        .amount_discount(10)
        .final_capture(true)
        .metadata(json!({"a": "b"}))
        .capture_metadata(json!({"c": "d"}))
        .extra(extra());
    let mut commands = Vec::from(commands![
        refund => {
            "type": "create_refund", "intent": "r-1", "checkout_session_id": "fcs_1", "amount": 500, "amount_tax": 60, "amount_shipping": 50,
            "line_items": [{"product": "fprod_1", "price": "fprice_1", "amount_to_refund": 400}],
            "amount_discount": 10, "refund_metadata": {"a": "b"}, "extra": {"gift": true},
        },
        capture => {
            "type": "capture_payment", "intent": "c-1", "amount": 1800, "amount_tax": 60, "amount_shipping": 50,
            "line_items": [{"product": "fprod_1", "amount_to_capture": 1700}], "amount_discount": 10,
            "final_capture": true, "metadata": {"a": "b"}, "capture_metadata": {"c": "d"}, "extra": {"gift": true},
        },
        Command::RetrieveCheckoutSession { checkout_session_id: Some(id("fcs_1")) } => {
            "type": "retrieve_checkout_session", "checkout_session_id": "fcs_1",
        },
        Command::RetrieveDispute { dispute_id: id("fdp_1") } => {"type": "retrieve_dispute", "dispute_id": "fdp_1"},
        Command::CloseDispute { dispute_id: id("fdp_1") } => {"type": "close_dispute", "dispute_id": "fdp_1"},
    ]);
    commands.extend(sessions().map(|(built, json)| (built.into(), json)));
    check_commands::<Checkout>(&commands);
}

#[test]
fn every_command_of_a_subscription_is_built() {
    use rulebound::flex::subscription::Command;
    let cancel = CancelSubscription::new(End::AtOnce)
        .subscription_id(id::<SubscriptionId>("fsub_1"))
        .refund("partial")
        .refund_amount(500)
        .extra(extra());
    let update = UpdateSubscription::to_items([UpdateItem::new("fprice_2").subscription_item_id("fsi_1").quantity(2)])
        .coupon("fcpn_1")
        .trial_end("2027-01-01T00:00:00Z")
        .proration_behavior("always_invoice")
        .extra(extra());
    let refund = RefundPayment::new(id::<Intent>("r-1"))
        .invoice_id(id::<InvoiceId>("finv_1"))
        .checkout_session_id(id::<CheckoutSessionId>("fcs_1"))
        .payment_intent_id("fpi_1")
        .amount(500)
        .reason("duplicate")
        .metadata(json!({"a": "b"}))
        .extra(extra());
    let mut commands = Vec::from(commands![
        cancel => {
            "type": "cancel_subscription", "cancel_at_period_end": false, "subscription_id": "fsub_1",
            "refund": "partial", "refund_amount": 500, "extra": {"gift": true},
        },
        CancelSubscription::new(End::WithPeriod) => {"type": "cancel_subscription", "cancel_at_period_end": true},
        update => {
            "type": "update_subscription", "coupon": "fcpn_1", "trial_end": "2027-01-01T00:00:00Z",
            "items": [{"subscription_item_id": "fsi_1", "price": "fprice_2", "quantity": 2}],
            "proration_behavior": "always_invoice", "extra": {"gift": true},
        },
        UpdateSubscription::new(true) => {"type": "update_subscription", "cancel_at_period_end": true},
        refund => {
            "type": "refund_payment", "intent": "r-1", "invoice_id": "finv_1", "checkout_session_id": "fcs_1",
            "payment_intent_id": "fpi_1", "amount": 500, "reason": "duplicate", "metadata": {"a": "b"},
            "extra": {"gift": true},
        },
        Command::RetrieveCheckoutSession { checkout_session_id: Some(id("fcs_1")) } => {
            "type": "retrieve_checkout_session", "checkout_session_id": "fcs_1",
        },
        Command::RetrieveSubscription { subscription_id: Some(id("fsub_1")) } => {
            "type": "retrieve_subscription", "subscription_id": "fsub_1",
        },
        Command::RetrieveInvoice { invoice_id: id("finv_1") } => {"type": "retrieve_invoice", "invoice_id": "finv_1"},
        Command::RetrieveDispute { dispute_id: id("fdp_1") } => {"type": "retrieve_dispute", "dispute_id": "fdp_1"},
        Command::FindDisputes { payment_intent_id: "fpi_1".into() } => {
            "type": "find_disputes", "payment_intent_id": "fpi_1",
        },
        Command::CloseDispute { dispute_id: id("fdp_1") } => {"type": "close_dispute", "dispute_id": "fdp_1"},
    ]);
    commands.extend(sessions().map(|(built, json)| (built.into(), json)));
    for reason in [RefundReason::RequestedByCustomer, RefundReason::Fraudulent, RefundReason::ExpiredUncapturedCharge] {
        let json = json!({"type": "refund_payment", "intent": "r-1", "reason": reason.as_str()});
        commands.push((RefundPayment::new(id::<Intent>("r-1")).reason(reason).into(), json));
    }
    check_commands::<Subscription>(&commands);
}
