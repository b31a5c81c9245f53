//! The payment form, in place of the one that Revup's SDK shows in the merchant's page.

use maud::{Markup, html};

use super::card::{Card, NUMBERS};
use super::pay::{self, Payer};
use super::state::{Order, Revup, Status};
use super::{events, money, orders, refunds};
use crate::http::HttpReply;
use crate::page::{end, page};
use crate::provider::Reply;
use crate::world::{Call, Context};

/// What the form of an order can do.
pub(super) enum Form {
    Unknown,
    Gone,
    Paid,
    InProcess,
    Challenge,
    /// The customer has nothing to pay here.
    Closed(&'static str),
    Open,
}

pub(super) fn state(revup: &Revup, id: &str, context: &Context<'_>) -> Form {
    let Some(order) = revup.orders.get(id) else { return Form::Unknown };
    if order.gone(context.now) {
        return Form::Gone;
    }
    if refunds::waiting(revup, id).is_some() {
        return Form::Challenge;
    }
    if orders::paid(revup, order) {
        let done =
            order.transactions.iter().filter_map(|id| revup.transactions.get(id)).any(|it| it.status == "success");
        return if done { Form::Paid } else { Form::InProcess };
    }
    let subscription = order.payment.as_ref().and_then(|of| revup.subscriptions.get(&of.subscription));
    match subscription {
        Some(it) if it.body.contains_key("tokenId") => Form::Closed("Revup makes this payment with your saved card."),
        Some(it) if it.status != Status::Pending => {
            Form::Closed("This subscription has ended. Start again in the shop.")
        }
        _ => Form::Open,
    }
}

/// The customer pays. Returns where the browser goes, or what to correct.
pub(super) fn submit(
    revup: &mut Revup,
    id: &str,
    (number, expiry): (&str, &str),
    context: &mut Context<'_>,
) -> Result<Option<String>, &'static str> {
    if !matches!(state(revup, id, context), Form::Open) {
        return Ok(None);
    }
    let card = Card::read(number, expiry, context.now)?;
    let payment = revup.orders.get(id).and_then(|order| order.payment.clone());
    let transactions = pay::attempt(revup, id, payment.as_ref(), &Payer { card, absent: false }, context);
    pay::conclude(revup, &transactions, true, context);
    Ok(leave(revup, id, transactions.last()))
}

/// The customer answers the bank's question.
pub(super) fn answer(revup: &mut Revup, id: &str, confirms: bool, context: &mut Context<'_>) -> Option<String> {
    let transaction = refunds::waiting(revup, id)?;
    pay::settle(revup, &transaction, confirms, context);
    leave(revup, id, Some(&transaction))
}

fn leave(revup: &Revup, id: &str, transaction: Option<&String>) -> Option<String> {
    let status = transaction.and_then(|id| revup.transactions.get(id)).map(|it| it.status)?;
    if status == "waiting_user_interaction" {
        return None;
    }
    revup.orders.get(id).and_then(|order| events::leads_to(&order.body, status))
}

pub(super) fn open(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    show(revup, call.parameter("orderId"), 200, None, context)
}

pub(super) fn submit_card(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("orderId");
    let fields = (call.form("number").unwrap_or_default(), call.form("expiry").unwrap_or_default());
    match submit(revup, id, fields, context) {
        Ok(url) => go(id, url, context),
        Err(message) => show(revup, id, 422, Some(message), context),
    }
}

pub(super) fn submit_challenge(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("orderId");
    match call.form("answer") {
        Some(answer @ ("confirm" | "reject")) => {
            let url = self::answer(revup, id, answer == "confirm", context);
            go(id, url, context)
        }
        _ => show(revup, id, 422, Some("Confirm or reject the payment."), context),
    }
}

fn go(id: &str, url: Option<String>, context: &Context<'_>) -> Reply {
    HttpReply::see_other(&url.unwrap_or_else(|| context.url(&format!("/form/{id}")))).into()
}

fn show(revup: &Revup, id: &str, status: u16, notice: Option<&str>, context: &Context<'_>) -> Reply {
    let stop = |status, good, title: &str, text: &str, outcome: &str| {
        let url = revup.orders.get(id).and_then(|order| events::leads_to(&order.body, outcome)).unwrap_or_default();
        let content = end(good, title, text, &url, "Back to the shop");
        page(status, "Revup", title, context.now, &html! {}, &content)
    };
    let Some(order) = revup.orders.get(id) else {
        return stop(404, false, "This link is not known", "Go back to the shop and start again.", "failed");
    };
    match state(revup, id, context) {
        Form::Unknown | Form::Gone => {
            let text = "An order is deleted after an hour. Start again in the shop. Nothing was charged.";
            stop(410, false, "This page has timed out", text, "failed")
        }
        Form::Paid => stop(200, true, "Thank you", "You have paid. You can close this page.", "success"),
        Form::InProcess => stop(200, true, "In process", "Your bank processes this payment.", "success"),
        Form::Closed(text) => stop(409, false, "There is nothing to pay here", text, "failed"),
        Form::Challenge => {
            let content = challenge(id, order, notice, context);
            page(status, "Your bank", "Confirm the payment", context.now, &html! {}, &content)
        }
        Form::Open => {
            let hint = html! {
                @for (nth, (number, _, text)) in NUMBERS.iter().enumerate() {
                    @if nth > 0 { " · " } code { (number) } " " (text)
                }
            };
            page(status, "Revup", "Payment", context.now, &hint, &card_form(id, order, notice, context))
        }
    }
}

fn summary(order: &Order, notice: Option<&str>) -> Markup {
    let concept = order.body.get("concept").and_then(serde_json::Value::as_str).unwrap_or("Your order");
    html! {
        table data-testid="items" {
            tr.total { td { (concept) } td data-testid="total" { (money::shown(order.minor, &order.currency)) } }
        }
        @if let Some(notice) = notice { p.notice role="alert" data-testid="notice" { (notice) } }
    }
}

fn card_form(id: &str, order: &Order, notice: Option<&str>, context: &Context<'_>) -> Markup {
    html! {
        h1 data-testid="title" { "Pay by card" }
        @if order.payment.is_some() { p.soft { "Your card is saved for the renewals of your subscription." } }
        (summary(order, notice))
        form method="post" action=(context.url(&format!("/form/{id}/card"))) data-testid="card" {
            label.field { "Card number"
                input name="number" inputmode="numeric" autocomplete="cc-number" required placeholder="4242 4242 4242 4242"
                    data-testid="number";
            }
            label.field { "Expires"
                input name="expiry" autocomplete="cc-exp" required placeholder="MM/YY" data-testid="expiry";
            }
            button type="submit" data-testid="pay" { "Pay " (money::shown(order.minor, &order.currency)) }
        }
    }
}

fn challenge(id: &str, order: &Order, notice: Option<&str>, context: &Context<'_>) -> Markup {
    html! {
        h1 data-testid="title" { "Is it you who pays?" }
        (summary(order, notice))
        form method="post" action=(context.url(&format!("/form/{id}/challenge"))) data-testid="challenge" {
            button type="submit" name="answer" value="confirm" data-testid="confirm" { "Confirm" }
            button.quiet type="submit" name="answer" value="reject" data-testid="reject" { "Reject" }
        }
    }
}
