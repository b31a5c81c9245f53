//! Questions that Flex's pure functions answer: no snapshot is needed.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::api::capture_request::CapturePayment;
use super::api::item::CouponData;
use super::catalog::{CreatePrice, CreateProduct, PriceObject, UpdatePrice};
use super::eligibility::{Line, assess};
use super::events::RetryEvent;
use super::evidence::{Disputes, ListDisputes, UpdateDispute};
use super::ids::{CheckoutSessionId, DisputeId, EventId, PriceId};
use super::line_items::{self, LineItems};
use crate::config::flex::Settings;
use crate::json::Malformed;
use crate::providers::checked::RequestResult;
use crate::providers::question::questions;
use crate::rule::Violation;

/// A price as Flex sends it, and the rules that it breaks with a warning.
#[derive(Serialize)]
struct PriceReply {
    price: PriceObject,
    warnings: Vec<Violation>,
}

impl From<PriceObject> for PriceReply {
    fn from(price: PriceObject) -> Self {
        let warnings = price.warnings();
        Self { price, warnings }
    }
}

questions! {
    /// Predicts, line by line, what an HSA or FSA card can pay for.
    assess { lines: Vec<Line> } => Ok(assess(&lines));

    /// The request that creates a product, or the rules that it would break.
    create_product { product: CreateProduct, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(product.request(&settings)));

    /// The request that creates a price, or the rules that it would break.
    create_price { price: CreatePrice, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(price.request(&settings)));

    /// The request that changes a price, or the rules that it would break.
    update_price { price_id: PriceId, price: UpdatePrice, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(price.request(&price_id, &settings)));

    /// The request that creates a coupon, or the rules that it would break.
    create_coupon { coupon: CouponData, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(coupon.request(&settings)));

    /// A price in the body of a reply, and the rules that it breaks with a warning.
    read_price { body: String } =>
        PriceObject::read(body.as_bytes())
            .map(PriceReply::from)
            .ok_or_else(|| Malformed::new("/body", "is not a Flex price"));

    /// The request that has an event sent again, or the rules that it would break. The event comes as a webhook.
    retry_event { event_id: EventId, event: RetryEvent, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(event.request(&event_id, &settings)));

    /// The request that saves or submits the evidence about a dispute, or the rules that it would break.
    update_dispute { dispute_id: DisputeId, dispute: UpdateDispute, #[serde(default)] settings: Settings } =>
        Ok(RequestResult::from(dispute.request(&dispute_id, &settings)));

    /// The request that lists the disputes of the account. `query` has Flex's own parameters.
    list_disputes { query: ListDisputes, #[serde(default)] settings: Settings } =>
        query.request(&settings).ok_or_else(|| Malformed::new("/query/limit", "must be from 1 to 100"));

    /// The disputes in the body of a reply. `find_disputes` brings those of a payment to its subscription.
    read_disputes { body: String } =>
        Disputes::read(body.as_bytes()).ok_or_else(|| Malformed::new("/body", "is not a list of disputes"));

    /// The request that previews how a capture is split over the payment methods, or the rules that it would break.
    preview_capture {
        checkout_session_id: CheckoutSessionId,
        capture: CapturePayment,
        #[serde(default)]
        settings: Settings,
    } => Ok(RequestResult::from(capture.preview(&checkout_session_id, &settings)));

    /// The request that lists the line items of a session.
    list_line_items { checkout_session_id: CheckoutSessionId, #[serde(default)] settings: Settings } =>
        Ok(line_items::list(&checkout_session_id, &settings));

    /// The line items in the body of a reply.
    read_line_items { body: String } =>
        LineItems::read(body.as_bytes()).ok_or_else(|| Malformed::new("/body", "is not a list of line items"));
}
