//! What happens at Revup without the merchant's API: by the customer, a bank or the back office.

use serde_json::{Value, json};

use super::card::Card;
use super::plan::Plan;
use super::state::{Revup, Transaction};
use super::{events, form, life, money, pay, read, refunds};
use crate::world::Context;

const ACTS: &str = "`do` must be pay, confirm, reject, settle, set_card, pause, resume, cancel, refund, fail_refund, \
    dispute, fee or set_plan.";

pub(super) fn act(revup: &mut Revup, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let what = act["do"].as_str().unwrap_or_default();
    let id = act["id"].as_str().unwrap_or_default();
    let done = json!({"done": what});
    match what {
        "pay" | "confirm" | "reject" => customer(revup, what, act, context),
        "settle" => {
            let success = act["success"].as_bool().unwrap_or(true);
            let open = revup.transactions.get(id).is_some_and(|it| it.status == "in_process");
            pay::settle(revup, id, success, context);
            open.then_some(done).ok_or_else(|| "`id` must name a transaction that is in_process.".into())
        }
        "set_card" => set_card(revup, id, act, context).map(|()| done),
        "pause" => life::pause(revup, id, by(act)?, context).map(|()| done),
        "resume" => life::resume(revup, id, by(act)?, context).map(|()| done),
        "cancel" => {
            if !life::cancel(revup, id, "backoffice_api", act["detail"].clone(), context) {
                return Err("`id` must name a subscription that has not ended.".into());
            }
            events::plain(revup, id, "subscription.cancelled", "backoffice", context);
            Ok(done)
        }
        "refund" => refund(revup, id, act, context),
        "fail_refund" => {
            revup.refund_fails = true;
            Ok(done)
        }
        "dispute" => dispute(revup, id, act, context),
        "fee" => life::fee(revup, id, &act["amount"], context).map(|()| done),
        "set_plan" => {
            let plan = act["planId"].as_str().filter(|plan| read::is_uuid(plan));
            revup.plans.insert(plan.ok_or("`planId` must be a UUID.")?.to_owned(), Plan::read(act)?);
            Ok(done)
        }
        _ => Err(ACTS.into()),
    }
}

/// The customer uses the form of an order, named by its id or by its subscription's.
fn customer(revup: &mut Revup, what: &str, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let id = act["id"].as_str().unwrap_or_default();
    let order = revup.subscriptions.get(id).map_or(id, |subscription| &subscription.order).to_owned();
    let url = match (what, form::state(revup, &order, context)) {
        ("pay", form::Form::Open) => {
            let number = act["card"].as_str().unwrap_or("4242424242424242");
            let expiry = act["expiry"].as_str().unwrap_or("12/30");
            form::submit(revup, &order, (number, expiry), context)?
        }
        ("pay", _) => return Err("`id` must name an order, or a subscription, that can be paid.".into()),
        (what, form::Form::Challenge) => form::answer(revup, &order, what == "confirm", context),
        _ => return Err("`id` must name an order whose payment waits for the customer.".into()),
    };
    Ok(json!({"done": what, "url": url}))
}

/// The card of a subscription or of a token behaves differently from now on.
fn set_card(revup: &mut Revup, id: &str, act: &Value, context: &Context<'_>) -> Result<(), String> {
    let number = act["card"].as_str().unwrap_or("4242424242424242");
    let card = Card::read(number, act["expiry"].as_str().unwrap_or("12/30"), context.now)?;
    if let Some(subscription) = revup.subscriptions.get_mut(id) {
        subscription.card = Some(card);
    } else if let Some(token) = revup.tokens.get_mut(id) {
        token.card = card;
    } else {
        return Err("`id` must name a subscription or a token.".into());
    }
    Ok(())
}

fn by(act: &Value) -> Result<&str, String> {
    match act["by"].as_str().unwrap_or("backoffice") {
        by @ ("merchant" | "backoffice") => Ok(by),
        _ => Err("`by` must be merchant or backoffice.".into()),
    }
}

fn payment(revup: &Revup, id: &str) -> Result<Transaction, String> {
    let message = "`id` must name a successful payment, or a subscription or an order with one.";
    refunds::paid(revup, id).ok_or_else(|| message.into())
}

/// The back office refunds.
fn refund(revup: &mut Revup, id: &str, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let payment = payment(revup, id)?;
    let minor = match &act["amount"] {
        Value::Null => payment.minor.saturating_sub(revup.refunded(&payment.id)),
        amount => money::read(amount, &payment.currency).ok_or("`amount` must be a number in this currency.")?,
    };
    let begun = refunds::begin(revup, &payment, minor, &act["reason"], context);
    let id = begun.map_err(|refused| refused.broke.map_or_else(String::new, |broke| broke.says))?;
    Ok(json!({"done": "refund", "id": id}))
}

fn dispute(revup: &mut Revup, id: &str, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let payment = payment(revup, id)?;
    let kind = match act["kind"].as_str().unwrap_or("chargeback") {
        "chargeback" => "chargeback",
        "rdr" => "rdr",
        "information_requested" => "information_requested",
        _ => return Err("`kind` must be chargeback, rdr or information_requested.".into()),
    };
    let success = act["success"].as_bool().unwrap_or(true);
    let id = refunds::dispute(revup, &payment, kind, success, context);
    Ok(json!({"done": "dispute", "id": id}))
}
