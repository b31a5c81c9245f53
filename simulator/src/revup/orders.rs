//! Orders, their payment by token, and the deletion of tokens.

use serde_json::{Map, Value, json};

use super::errors::{guess, invalid, refuse};
use super::pay::{self, Payer};
use super::state::{Order, Revup, Transaction};
use super::{page, read};
use crate::http::HttpReply;
use crate::provider::Reply;
use crate::world::{Call, Context};

pub(super) fn create(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    create_order(revup, call, context).unwrap_or_else(|refused| refused)
}

fn create_order(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let body = &call.json;
    let (minor, currency) = read::money(body, "revup.order.money")?;
    let makes_token = body.get("generateToken") == Some(&Value::Bool(true));
    recurrence(revup, call, makes_token)?;
    let id = context.id("order", None).uuid();
    let order = Order {
        account: call.account.clone(),
        minor,
        currency,
        body: body.clone(),
        created: context.now,
        makes_token,
        payment: None,
        transactions: Vec::new(),
    };
    revup.orders.insert(id.clone(), order);
    let reply = made(json!({context.reading("order-id-name"): id}), context);
    Ok(reply.inferred("the reply is described as the order's id, but its sample is not visible"))
}

/// The reply to something that was made.
pub(super) fn made(body: Value, context: &Context<'_>) -> Reply {
    Reply::json(if context.reading("create-status") == "201" { 201 } else { 200 }, &body)
}

/// `sequence`, `minPeriod` and `parentTransactionId` of a recurring payment by token.
fn recurrence(revup: &Revup, call: &Call<'_>, makes_token: bool) -> Result<(), Reply> {
    let body = &call.json;
    let refused = |message: &str| Err(invalid("revup.order.sequence", message).source(page::ORDER));
    if let Some(period) = body.get("minPeriod").filter(|it| !it.is_null())
        && period.as_i64().is_none_or(|days| days < 1)
    {
        return refused("minPeriod must be an integer of at least 1.");
    }
    match read::text(body, "sequence") {
        None => Ok(()),
        Some("initial") if makes_token => Ok(()),
        Some("initial") => refused("sequence initial needs generateToken true."),
        Some("recurring" | "final") => {
            let parent = read::text(body, "parentTransactionId").and_then(|id| revup.transaction(&call.account, id));
            let initial = |it: &&Transaction| it.kind == "payment" && it.status == "success" && it.token.is_some();
            match parent.filter(initial) {
                Some(_) => Ok(()),
                None => refused("parentTransactionId must name an initial payment that was successful."),
            }
        }
        Some(_) => refused("sequence must be initial, recurring or final."),
    }
}

/// The merchant pays an order with a token.
pub(super) fn pay(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    pay_order(revup, call, context).unwrap_or_else(|refused| refused)
}

fn pay_order(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let id = call.parameter("orderId");
    let missing =
        || guess("0300", "revup.order.expires-1h", "There is no such order, or it was deleted after an hour.");
    let order = revup.order(&call.account, id, context.now).cloned().ok_or_else(missing)?;
    if order.payment.is_some() {
        let message = "The payment of a subscription is made by the form, or by Revup.";
        return Err(guess("0207", "revup.create.no-manual-pay", message).source(page::TOKEN_BASED));
    }
    if paid(revup, &order) {
        return Err(guess("0207", "revup.order.paid-once", "This order is paid already, or is being paid."));
    }
    if read::text(&call.json, "paymentMethod") != Some("credit_card_token") {
        return Err(invalid("revup.pay.method", "paymentMethod must be credit_card_token."));
    }
    let empty = Map::new();
    let data = call.json.get("data").and_then(Value::as_object).unwrap_or(&empty);
    let token = read::uuid(data, "tokenId", "revup.pay.token")?.to_owned();
    let found = revup.tokens.get(&token).filter(|it| it.account == call.account && !it.disabled);
    let found = found.ok_or_else(|| guess("0151", "revup.token.not-disabled", "Token Not Found"))?;
    let card = found.card.clone();
    if let Some(parent) = read::text(&order.body, "parentTransactionId")
        && parent != found.transaction
    {
        return Err(invalid("revup.token.parent-match", "The token and parentTransactionId do not belong together."));
    }
    let last = read::text(&order.body, "sequence") == Some("final");
    let transactions = pay::attempt(revup, id, None, &Payer { card, absent: true }, context);
    if last && let Some(token) = revup.tokens.get_mut(&token) {
        token.disabled = true;
    }
    pay::conclude(revup, &transactions, true, context);
    let last = transactions.last().and_then(|id| revup.transactions.get(id));
    let status = last.map_or("failed", |it| it.status);
    let mut body = json!({"transactionId": last.map(|it| &it.id), "transactionStatus": status});
    if status == "failed" {
        body["error"] = json!({"code": "0102", "message": "Authorization Failed"});
    }
    Ok(Reply::json(200, &body).inferred("the reply's members are described, but its sample is not visible"))
}

/// Whether an order is paid, or a payment is under way.
pub(super) fn paid(revup: &Revup, order: &Order) -> bool {
    let counts =
        |id: &String| revup.transactions.get(id).is_some_and(|it| it.kind == "payment" && it.status != "failed");
    order.transactions.iter().any(counts)
}

pub(super) fn delete_token(revup: &mut Revup, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    let id = call.parameter("tokenId");
    if !read::is_uuid(id) {
        return refuse(400, "0300", "revup.token.uuid", "Invalid Request");
    }
    match revup.tokens.get_mut(id).filter(|token| token.account == call.account && !token.disabled) {
        Some(token) => {
            token.disabled = true;
            HttpReply::empty(204).into()
        }
        None => refuse(400, "0151", "revup.token.exists", "Token Not Found"),
    }
}
