//! How each kind of object is kept and shown.

use serde_json::{Map, Value, json};

use super::state::{
    Capture, Card, Coupon, Customer, Dispute, Flex, Hook, Intent, Invoice, Mode, Price, Product, PromoCode, Refund,
    Session, Setup, ShippingRate, Subscription,
};
use super::store::{Head, Kept, Store};
use crate::time::{Millis, SECOND, iso};
use crate::world::Context;

/// Implements what is the same for every kind.
macro_rules! kept {
    (
        $name:ident $kind:literal $store:ident $(limit $limit:literal)?,
        |$it:ident, $flex:ident, $context:ident| $shown:expr
    ) => {
        impl Kept for $name {
            const KIND: &'static str = $kind;
            const PLURAL: &'static str = concat!($kind, "s");
            $(const LIMIT: usize = $limit;)?

            fn store(flex: &Flex) -> &Store<Self> {
                &flex.$store
            }

            fn head(&self) -> &Head {
                &self.head
            }

            fn shown(&self, $flex: &Flex, $context: &Context<'_>) -> Value {
                let $it = self;
                $shown
            }
        }
    };
}

/// The members of a record, with those that Flex adds.
fn record(head: &Head, id: &str, body: &Map<String, Value>) -> Value {
    let mut shown = body.clone();
    shown.insert(id.into(), json!(head.id));
    shown.insert("created_at".into(), json!(iso(head.created)));
    shown.insert("test_mode".into(), json!(head.test_mode));
    Value::Object(shown)
}

kept!(Product "product" products, |it, _flex, _context| record(&it.head, "product_id", &it.body));
kept!(Price "price" prices, |it, _flex, _context| record(&it.head, "price_id", &it.body));
kept!(Coupon "coupon" coupons, |it, _flex, _context| {
    let mut shown = record(&it.head, "coupon_id", &it.body);
    shown["valid"] = json!(!super::offers::used_up(&it.body));
    shown
});
kept!(PromoCode "promo_code" promo_codes, |it, _flex, _context| record(&it.head, "promo_code_id", &it.body));
kept!(ShippingRate "shipping_rate" shipping_rates, |it, _flex, _context| {
    record(&it.head, "shipping_rate_id", &it.body)
});
kept!(Customer "customer" customers, |it, _flex, _context| record(&it.head, "customer_id", &it.body));

kept!(Card "payment_method" cards, |it, _flex, _context| json!({
    "payment_method_id": it.head.id,
    "customer": it.customer,
    "card": {"brand": it.brand, "last4": it.last4, "exp_month": it.month, "exp_year": it.year,
        "funding": if it.hsa { "prepaid" } else { "credit" }},
    "off_session": it.off_session,
    "created_at": iso(it.head.created),
    "test_mode": it.head.test_mode,
}));

kept!(Intent "payment_intent" intents, |it, flex, _context| json!({
    "payment_intent_id": it.head.id,
    "amount": it.amount,
    "amount_capturable": if it.status == "requires_capture" { it.amount.saturating_sub(it.received) } else { 0 },
    "amount_received": it.received,
    "application_fee_amount": null,
    "letter_fee_amount": null,
    "customer": it.customer,
    "checkout_session": it.session,
    "status": it.status,
    "latest_charge": it.charge,
    "invoice": it.invoice,
    "capture_method": if it.manual { "manual" } else { "automatic" },
    "client_secret": format!("{}_secret", it.head.id),
    "payment_method": it.card.as_ref().filter(|card| flex.cards.get(card).is_some()),
    "last_payment_error": it.error,
    "metadata": null,
    "created_at": iso(it.head.created),
    "test_mode": it.head.test_mode,
}));

kept!(Setup "setup_intent" setups, |it, _flex, _context| json!({
    "setup_intent_id": it.head.id,
    "status": it.status,
    "usage": "off_session",
    "customer": it.customer,
    "payment_method": it.card,
    "client_secret": format!("{}_secret", it.head.id),
    "partner_id": it.partner,
    "description": null,
    "checkout_session": it.session,
    "subscription_id": it.subscription,
    "metadata": null,
    "created_at": iso(it.head.created),
    "test_mode": it.head.test_mode,
}));

kept!(Subscription "subscription" subscriptions, |it, flex, _context| {
    let items: Vec<Value> = it.items.iter().map(|item| json!({
        "subscription_item_id": item.id,
        "price": item.price,
        "quantity": item.quantity,
        "created_at": iso(item.created),
        "updated_at": iso(item.updated),
        "test_mode": it.head.test_mode,
    })).collect();
    json!({
        "subscription_id": it.head.id,
        "created_at": iso(it.head.created),
        "items": items,
        "latest_invoice": it.latest_invoice,
        "customer": it.customer,
        "status": it.status,
        "cancel_at_period_end": it.at_period_end,
        "current_period_start": iso(it.start),
        "current_period_end": iso(it.end),
        "trial_start": it.trial.map(|(start, _)| iso(start)),
        "trial_end": it.trial.map(|(_, end)| iso(end)),
        "cancel_at": it.cancel_at.map(iso),
        "default_payment_method": it.card,
        "proration_behavior": it.proration,
        "client_secret": super::subscribe::secrets(flex, it),
        "metadata": it.metadata,
        "test_mode": it.head.test_mode,
    })
});

kept!(Invoice "invoice" invoices limit 20, |it, flex, context| {
    let previous = context.reading("invoice-period") == "previous";
    let (start, end) = if previous { it.before } else { it.period };
    let intent = it.intent.as_ref().and_then(|id| flex.intents.get(id));
    json!({
        "invoice_id": it.head.id,
        "total": it.total,
        "amount_due": it.total,
        "amount_paid": it.paid,
        "payment_intent": it.intent,
        "charge": intent.and_then(|intent| intent.charge.clone()),
        "customer": it.customer,
        "period_start": iso(start),
        "period_end": iso(end),
        "subscription": it.subscription,
        "status": it.status,
        "collection_method": "charge_automatically",
        "metadata": null,
        "created_at": iso(it.head.created),
        "test_mode": it.head.test_mode,
    })
});

kept!(Refund "refund" refunds, |it, _flex, _context| json!({
    "refund_id": it.head.id,
    "payment_intent_id": it.intent,
    "payment_intent": it.intent,
    "checkout_session": it.session,
    "subscription_id": it.subscription,
    "invoice_id": it.invoice,
    "amount": it.amount,
    "status": it.status,
    "reason": it.reason,
    "items": it.items,
    "metadata": it.metadata,
    "reference_id": null,
    "reference_type": "acquirer_reference_number",
    "reference_status": "pending",
    "created_at": iso(it.head.created),
    "test_mode": it.head.test_mode,
}));

kept!(Capture "capture" captures, |it, _flex, _context| {
    let item = |(head, price, amount): &(Head, Option<String>, i64)| json!({
        "capture_item_id": head.id,
        "amount_captured": amount,
        "price": price,
        "payment_intent": it.intent,
        "created_at": iso(head.created),
        "test_mode": head.test_mode,
    });
    json!({
        "capture_id": it.head.id,
        "checkout_session": it.session,
        "amount_captured": it.amount,
        "items": it.items.iter().map(item).collect::<Vec<_>>(),
        "amount_shipping_captured": it.shipping,
        "amount_discount_captured": it.discount,
        "amount_tax_captured": it.tax,
        "metadata": it.metadata,
        "created_at": iso(it.head.created),
        "test_mode": it.head.test_mode,
    })
});

kept!(Dispute "dispute" disputes, |it, _flex, context| json!({
    "dispute_id": it.head.id,
    "payment_intent_id": it.intent,
    "charge_id": it.charge,
    "amount": it.amount,
    "status": it.status,
    "reason": it.reason,
    "is_charge_refundable": false,
    "evidence_details": {
        "due_by": iso(it.due_by),
        "has_evidence": it.has_evidence,
        "past_due": context.now > it.due_by && it.submissions == 0,
        "submission_count": it.submissions,
    },
    "client_reference_id": it.reference,
    "created_at": iso(it.head.created),
    "test_mode": it.head.test_mode,
}));

kept!(Hook "webhook" hooks, |it, _flex, _context| json!({
    "webhook_id": it.head.id,
    "url": it.url,
    "signing_secret": it.secret,
    "events": it.events,
    "created_at": iso(it.head.created),
    "test_mode": it.head.test_mode,
}));

kept!(Session "checkout_session" sessions, |it, flex, context| session(it, flex, context));

impl Mode {
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("payment", Self::Payment),
        ("subscription", Self::Subscription),
        ("off_session", Self::OffSession),
        ("setup", Self::Setup),
        ("reimbursement", Self::Reimbursement),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("", |(name, _)| name)
    }
}

/// What only the samples of 2024 have, and what only the newest pages have.
const OLD: &[&str] = &["payment_intent_id", "customer_email", "multiple_subscriptions"];
const NEW: &[&str] = &[
    "amount_received",
    "amount_refunded",
    "amount_disputed",
    "captures",
    "disputes",
    "refunds",
    "client_reference_id",
    "origin",
    "payment_intent",
    "payment_intents",
    "split_cart",
    "fees",
    "custom_text",
    "subscription_data",
    "tax_calculation_mode",
    "url",
    "next_action",
];

fn session(it: &Session, flex: &Flex, context: &Context<'_>) -> Value {
    let mut shown = what_was_asked(it, flex);
    let url = context.url(&format!("/pay/c/{}", it.head.id));
    let became = what_became(it, flex, &url, context);
    if let (Some(shown), Value::Object(became)) = (shown.as_object_mut(), became) {
        shown.extend(became);
        let hidden = match context.reading("session-members") {
            "2024" => NEW,
            "2026" => OLD,
            _ => &[],
        };
        hidden.iter().for_each(|name| drop(shown.remove(*name)));
    }
    shown
}

fn seconds(at: Millis) -> Value {
    json!(at.div_euclid(SECOND))
}

/// The members that repeat the request.
fn what_was_asked(it: &Session, flex: &Flex) -> Value {
    let asked = |name: &str| it.body.get(name).cloned().unwrap_or_default();
    let flag = |name: &str| asked(name) == true;
    let prefill = |name: &str| asked("defaults").get(name).cloned().unwrap_or_default();
    let customer = it.customer.as_ref().and_then(|id| flex.customers.get(id));
    let email = customer.and_then(|customer| customer.body.get("email")).cloned().unwrap_or_default();
    let visit = it.lines.iter().filter(|line| line.wants_letter());
    let visit = visit.filter_map(|line| flex.products.get(&line.product)?.body.get("visit_type")).next();
    json!({
        "allow_promotion_codes": flag("allow_promotion_codes"),
        "cancel_url": asked("cancel_url"),
        "capture_method": if it.manual { "manual" } else { "automatic" },
        "client_reference_id": asked("client_reference_id"),
        "customer_email": email,
        "custom_text": asked("custom_text"),
        "defaults": {"customer_id": prefill("customer_id"), "email": prefill("email"),
            "first_name": prefill("first_name"), "last_name": prefill("last_name"), "phone": prefill("phone")},
        "fees": it.body.get("fees").cloned().unwrap_or_else(|| json!([])),
        "metadata": asked("metadata"),
        "mode": it.mode.name(),
        "multiple_subscriptions": false,
        "origin": asked("origin"),
        "shipping_address_collection": flag("shipping_address_collection"),
        "shipping_options": asked("shipping_options"),
        "subscription_data": asked("subscription_data"),
        "success_url": asked("success_url"),
        "tax_calculation_mode": "exclusive",
        "tax_rate": asked("tax_rate"),
        "visit_type": visit.cloned().unwrap_or_default(),
    })
}

/// The members that Flex computes.
fn what_became(it: &Session, flex: &Flex, url: &str, context: &Context<'_>) -> Value {
    fn of<T: Kept>(ids: &[String], flex: &Flex, context: &Context<'_>) -> Vec<Value> {
        ids.iter().filter_map(|id| T::store(flex).get(id)).map(|it| it.shown(flex, context)).collect()
    }
    let intents: Vec<&Intent> = it.intents.iter().filter_map(|id| flex.intents.get(id)).collect();
    let sum = |of: fn(&Intent) -> i64| intents.iter().map(|intent| of(intent)).sum::<i64>();
    let disputes = it.disputes.iter().filter_map(|id| flex.disputes.get(id));
    let open = it.status == "open";
    let first = it.intents.first().filter(|_| !open || it.mode != Mode::Subscription);
    json!({
        "checkout_session_id": it.head.id,
        "amount_total": it.amounts.total,
        "amount_subtotal": it.amounts.subtotal,
        "amount_received": sum(|intent| intent.received),
        "amount_refunded": sum(|intent| intent.refunded),
        "amount_disputed": disputes.map(|dispute| dispute.amount).sum::<i64>(),
        "captures": of::<Capture>(&it.captures, flex, context),
        "refunds": of::<Refund>(&it.refunds, flex, context),
        "disputes": of::<Dispute>(&it.disputes, flex, context),
        "created_at": seconds(it.head.created),
        "expires_at": seconds(it.expires),
        "customer": it.customer,
        "hsa_fsa_eligible": it.lines.iter().any(super::state::Line::eligible),
        "letter_of_medical_necessity_required": it.letter_required,
        "invoice": it.invoice.as_ref().filter(|_| !open),
        "payment_intent": first,
        "payment_intent_id": first,
        "payment_intents": if open && it.mode == Mode::Subscription { &[] } else { it.intents.as_slice() },
        "setup_intent": it.setup,
        "subscription": it.subscription.as_ref().filter(|_| !open),
        "shipping_details": null,
        "split_cart": it.split().map(|(eligible, rest)| json!({"eligible_amount": eligible, "other_amount": rest})),
        "status": it.status,
        "redirect_url": url,
        "url": url,
        "next_action": it.next_action,
        "total_details": {"amount_discount": it.amounts.discount, "amount_tax": it.amounts.tax,
            "amount_shipping": it.amounts.shipping},
        "test_mode": it.head.test_mode,
    })
}
