//! Capture, void, cancel and refund.

use serde_json::json;

use super::errors::{guess, refuse};
use super::keys::{once, text};
use super::state::{Refund, Session, Status, Truemed};
use super::{HOLD, cart, page};
use crate::provider::Reply;
use crate::world::{Call, Context};

type Result<T> = core::result::Result<T, Reply>;

fn known<'a>(truemed: &'a mut Truemed, call: &Call<'_>) -> Result<&'a mut Session> {
    let message = "This payment session does not exist.";
    let refused = || refuse(400, "PaymentSessionDoesNotExist", "truemed.session.exists", message);
    truemed.session(&call.account, call.parameter("id")).ok_or_else(refused)
}

fn amount(call: &Call<'_>, name: &str, error: &str, rule: &'static str) -> Result<i64> {
    let Some(value) = call.json.get(name).filter(|value| !value.is_null()) else {
        return Err(refuse(400, "MissingField", rule, format!("{name} is required.")));
    };
    let message = format!("{name} must be whole cents, more than 0.");
    value.as_i64().filter(|amount| *amount > 0).ok_or_else(|| refuse(400, error, rule, message))
}

pub(super) fn capture(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let of = format!("capture {}", call.parameter("id"));
    once(truemed, call, context, &of, |truemed, context, key| {
        capture_once(truemed, call, context, key).unwrap_or_else(|refused| refused)
    })
}

fn capture_once(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>, key: Option<&str>) -> Result<Reply> {
    const ONLY: &str = "truemed.capture.only-authorization";
    const AMOUNT: &str = "truemed.capture.amount";
    let session = known(truemed, call)?;
    let amount = amount(call, "total_amount", "TotalAmountInvalid", AMOUNT)?;
    let refused = |error, message: &str| Err(refuse(400, error, ONLY, message));
    match session.status {
        Status::Authorized => {}
        Status::Pending | Status::Processing => {
            return refused("SessionPending", "The customer has not finished the checkout.");
        }
        Status::Captured => return refused("SessionCaptured", "This session is captured already."),
        Status::AuthorizationVoided => return refused("SessionVoided", "This session was voided."),
        Status::AuthorizationExpired => return refused("SessionExpired", "The hold has lapsed."),
        Status::Rejected | Status::Canceled => {
            let message = "This session was rejected or canceled.";
            return Err(guess(400, "SessionVoided", ONLY, message));
        }
    }
    if amount > session.total {
        let message = format!("total_amount is {amount}, more than the {} of the session.", session.total);
        return Err(refuse(400, "TotalAmountInvalid", AMOUNT, message));
    }
    let whole = session.items.iter().fold(0_i64, |sum, item| {
        let units = item["quantity"].as_i64().unwrap_or(0);
        sum.saturating_add(cart::price(item).unwrap_or(0).saturating_mul(units))
    });
    if amount < whole && context.reading("capture-below-items") == "refuse" {
        let message = format!("total_amount is {amount}, less than the {whole} of the items.");
        return Err(refuse(400, "TotalAmountInvalid", "truemed.capture.amount-vs-items", message));
    }
    let lapsed = session.authorized.is_some_and(|at| context.now > at.saturating_add(HOLD));
    if lapsed && context.reading("hold-renewed") == "false" {
        session.become_status(Status::AuthorizationExpired, context);
        return refused("SessionExpired", "The hold has lapsed, and the card could not be charged again.");
    }
    session.take(amount, context.now);
    session.become_status(Status::Captured, context);
    Ok(Reply::json(200, &json!({"id": context.id("capture", key).uuid()})))
}

pub(super) fn void(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let of = format!("void {}", call.parameter("id"));
    once(truemed, call, context, &of, |truemed, context, key| {
        void_once(truemed, call, context, key).unwrap_or_else(|refused| refused)
    })
}

fn void_once(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>, key: Option<&str>) -> Result<Reply> {
    const RULE: &str = "truemed.void.only-authorized";
    let session = known(truemed, call)?;
    let refused = |error, message: &str| Err(refuse(400, error, RULE, message));
    if !session.hold {
        return refused("ImmediateCapture", "Only a session with kind=authorization can be voided.");
    }
    match session.status {
        Status::Authorized => {}
        Status::Pending | Status::Processing => return refused("SessionPending", "There is no hold yet."),
        Status::Captured => return refused("SessionCaptured", "This session is captured. Refund it."),
        _ => return Err(guess(400, "SessionVoided", RULE, "There is no hold any more.")),
    }
    session.become_status(Status::AuthorizationVoided, context);
    Ok(Reply::json(200, &json!({"id": context.id("void", key).uuid()})))
}

pub(super) fn cancel(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let session = match known(truemed, call) {
        Ok(session) => session,
        Err(refused) => return refused.inferred("the errors of `cancel` are not visible in the documents"),
    };
    match session.status {
        Status::Pending => session.become_status(Status::Canceled, context),
        Status::Canceled => {}
        _ => {
            let message = "Only a session that the customer has not paid can be canceled.";
            return guess(400, "SessionNotPending", "truemed.cancel.only-pending", message);
        }
    }
    let id = session.id.clone();
    Reply::json(200, &json!({"id": id})).inferred("the reply to `cancel` is not visible in the documents")
}

pub(super) fn refund(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    if text(&call.json, "idempotency_key").is_none() {
        return refuse(400, "MissingField", "truemed.refund.key-unique", "idempotency_key is required.");
    }
    once(truemed, call, context, "refund", |truemed, context, key| {
        refund_once(truemed, call, context, key).unwrap_or_else(|refused| refused)
    })
}

fn refund_once(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>, key: Option<&str>) -> Result<Reply> {
    const AMOUNT: &str = "truemed.refund.amount";
    const REASON: &str = "truemed.refund.reason";
    let Some(id) = text(&call.json, "payment_id") else {
        return Err(refuse(400, "MissingField", "truemed.session.exists", "payment_id is required."));
    };
    let Some(reason) = text(&call.json, "reason") else {
        return Err(refuse(400, "MissingField", REASON, "reason is required."));
    };
    if !["customer_request", "fraudulent", "duplicate_payment"].contains(&reason) {
        let message = "reason must be customer_request, fraudulent or duplicate_payment.";
        return Err(guess(400, "ReasonInvalid", REASON, message));
    }
    let amount = amount(call, "amount", "AmountInvalid", AMOUNT)?;
    let refund_id = context.id("refund", key).uuid();
    let Some(session) = truemed.session(&call.account, id) else {
        let message = "This payment session does not exist.";
        return Err(refuse(400, "InvalidPaymentId", "truemed.session.exists", message));
    };
    if session.captured.is_none() {
        let message = "Nothing was captured yet.";
        return Err(refuse(400, "NoSessionCaptures", "truemed.refund.after-capture", message));
    }
    if session.disputed() {
        let message = "The charge is disputed.";
        return Err(refuse(400, "ChargeDisputed", "truemed.refund.no-dispute", message));
    }
    if amount > session.refundable() {
        let message = format!("amount is {amount}, more than the {} that can be refunded.", session.refundable());
        return Err(refuse(400, "AmountInvalid", AMOUNT, message).source(page::REFUND));
    }
    session.refunds.push(Refund { id: refund_id.clone(), amount, reason: reason.into(), at: context.now });
    Ok(Reply::json(200, &json!({"refund_id": refund_id})))
}
