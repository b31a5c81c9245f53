//! The customer's pages: the intake form for a letter, the card, and how it ended.

use maud::{Markup, html};
use serde_json::json;

use super::checkout::{self, Entry, Next};
use super::setup;
use super::state::{Flex, Line, Mode, Session, Step};
use crate::http::HttpReply;
use crate::page::{dollars, end, page};
use crate::provider::Reply;
use crate::time::date;
use crate::world::{Call, Context};

const BRAND: &str = "Flex";

pub(super) fn open(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    show(flex, call.parameter("id"), 200, None, context)
}

pub(super) fn letter(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id");
    let next = match call.form("condition") {
        Some("none") => checkout::letter(flex, id, false, context),
        Some(_) => checkout::letter(flex, id, true, context),
        None => Next::Again("Choose an answer."),
    };
    go(flex, id, next, context)
}

pub(super) fn card(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id");
    let next = checkout::card(flex, id, &entry(call), context);
    go(flex, id, next, context)
}

pub(super) fn cancel(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id");
    let next = checkout::cancel(flex, id);
    go(flex, id, next, context)
}

fn entry(call: &Call<'_>) -> Entry {
    let field = |name: &str| call.form(name).unwrap_or_default().to_owned();
    let hsa = call.form("kind") != Some("other");
    Entry { number: field("number"), expiry: field("expiry"), hsa, email: field("email"), code: field("code") }
}

fn go(flex: &Flex, id: &str, next: Next, context: &Context<'_>) -> Reply {
    match next {
        Next::Leave(url) if !url.is_empty() => HttpReply::see_other(&url).into(),
        Next::Stay | Next::Leave(_) => HttpReply::see_other(&context.url(&format!("/pay/c/{id}"))).into(),
        Next::Again(message) => show(flex, id, 422, Some(message), context),
    }
}

fn show(flex: &Flex, id: &str, status: u16, notice: Option<&str>, context: &Context<'_>) -> Reply {
    let Some(session) = flex.sessions.get(id) else { return unknown(context) };
    let back = |name: &str| session.body.get(name).and_then(|url| url.as_str()).unwrap_or_default().to_owned();
    let (title, content, hint) = match session.step() {
        Step::Letter => {
            let hint = html! { "“None of these” leads to no Letter of Medical Necessity." };
            ("Intake form", letter_page(session, notice, context), hint)
        }
        Step::Card | Step::SecondCard => ("Payment", card_page(session, notice, context), card_hint()),
        Step::Done => {
            let url = back("success_url").replace("{CHECKOUT_SESSION_ID}", id);
            let content = end(true, "Thank you", "You can close this page.", &url, "Back to the shop");
            ("Thank you", content, html! {})
        }
        Step::Closed => {
            let text = "This checkout has expired. Nothing was charged.";
            let content = end(false, "This page has expired", text, &back("cancel_url"), "Back to the shop");
            ("Expired", content, html! {})
        }
    };
    page(status, BRAND, title, context.now, &hint, &content)
}

fn unknown(context: &Context<'_>) -> Reply {
    let content = end(false, "This link is not known", "Go back to the shop and start again.", "", "");
    page(404, BRAND, "Not found", context.now, &html! {}, &content)
}

fn card_hint() -> Markup {
    html! {
        code { "4242 4242 4242 4242" } " pays · " code { "4000 0000 0000 9995" } " is declined · "
        code { "4000 0000 0000 0341" } " is declined later"
    }
}

fn notice_of(notice: Option<&str>) -> Markup {
    html! { @if let Some(notice) = notice { p.notice role="alert" data-testid="notice" { (notice) } } }
}

fn letter_page(session: &Session, notice: Option<&str>, context: &Context<'_>) -> Markup {
    let conditions =
        [("obesity", "Obesity"), ("back-pain", "Back pain"), ("anxiety", "Anxiety"), ("none", "None of these")];
    html! {
        h1 data-testid="title" { "Your Letter of Medical Necessity" }
        p.soft { "Your answer decides whether a clinician can issue a letter, so that you can use your HSA or FSA." }
        (items(session))
        (notice_of(notice))
        form method="post" action=(address(session, "letter", context)) data-testid="letter" {
            fieldset {
                legend { "What do you want to treat or prevent?" }
                @for (value, text) in conditions {
                    label.choice {
                        input type="radio" name="condition" value=(value) required data-testid={ "condition-" (value) };
                        (text)
                    }
                }
            }
            button type="submit" data-testid="continue" { "Continue" }
        }
        (cancel_form(session, context))
    }
}

fn card_page(session: &Session, notice: Option<&str>, context: &Context<'_>) -> Markup {
    let second = session.step() == Step::SecondCard;
    let split = session.split();
    let (title, label) = match (session.mode, split) {
        (Mode::Setup, _) => ("Your card for future payments", "Save card".to_owned()),
        (_, Some((_, rest))) if second => ("A card for the rest", format!("Pay {}", dollars(rest))),
        _ if session.trial_end.is_some() && session.amounts.total == 0 => {
            ("Start your free trial", "Start the trial".to_owned())
        }
        _ => ("Pay with your HSA or FSA card", format!("Pay {}", dollars(session.amounts.total))),
    };
    let codes = session.body.get("allow_promotion_codes") == Some(&json!(true)) && session.discount.is_none();
    let known = session.body.get("defaults").and_then(|defaults| defaults["email"].as_str()).unwrap_or_default();
    html! {
        h1 data-testid="title" { (title) }
        @if let Some((part, rest)) = split {
            p.soft data-testid="split" {
                "Your HSA or FSA card pays " (dollars(part)) ", another card " (dollars(rest)) "."
            }
        }
        (items(session))
        (notice_of(notice))
        form method="post" action=(address(session, "card", context)) data-testid="card" {
            @if session.customer.is_none() {
                label.field { "E-mail"
                    input type="email" name="email" autocomplete="email" value=(known) data-testid="email";
                }
            }
            (kinds(second || session.letter == Some(false), second))
            (card_fields())
            @if codes {
                label.field { "Promotion code" input name="code" data-testid="code"; }
            }
            button type="submit" data-testid="pay" { (label) }
        }
        (cancel_form(session, context))
    }
}

/// Which kind of card it is.
fn kinds(other: bool, only_other: bool) -> Markup {
    html! {
        fieldset {
            legend { "Which card is it?" }
            @if !only_other {
                label.choice {
                    input type="radio" name="kind" value="hsa" checked[!other] data-testid="kind-hsa";
                    "HSA or FSA card"
                }
            }
            label.choice {
                input type="radio" name="kind" value="other" checked[other] data-testid="kind-other";
                "Another card"
            }
        }
    }
}

fn card_fields() -> Markup {
    html! {
        label.field { "Card number"
            input name="number" inputmode="numeric" autocomplete="cc-number" required placeholder="4242 4242 4242 4242"
                data-testid="number";
        }
        div.row {
            label.field { "Expires"
                input name="expiry" autocomplete="cc-exp" required placeholder="MM/YY" data-testid="expiry";
            }
            label.field { "Security code"
                input name="cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123" data-testid="cvc";
            }
        }
    }
}

fn address(session: &Session, step: &str, context: &Context<'_>) -> String {
    context.url(&format!("/pay/c/{}/{step}", session.head.id))
}

fn cancel_form(session: &Session, context: &Context<'_>) -> Markup {
    html! {
        form method="post" action=(address(session, "cancel", context)) {
            button.quiet type="submit" data-testid="cancel" { "Cancel" }
        }
    }
}

fn items(session: &Session) -> Markup {
    let amounts = &session.amounts;
    let next: i64 = session.lines.iter().filter(|line| line.interval.is_some()).map(Line::total).sum();
    html! {
        table data-testid="items" {
            @for line in &session.lines {
                tr {
                    td {
                        (line.description.as_str().unwrap_or_default())
                        @if line.quantity > 1 { " × " (line.quantity) }
                    }
                    td { (dollars(line.total())) }
                }
            }
            @for (name, amount) in [("Tax", amounts.tax), ("Shipping", amounts.shipping)] {
                @if let Some(amount) = amount { tr { td { (name) } td { (dollars(amount)) } } }
            }
            @if amounts.fees > 0 { tr { td { "Fees" } td { (dollars(amounts.fees)) } } }
            @if amounts.discount > 0 { tr { td { "Discount" } td { "−" (dollars(amounts.discount)) } } }
            @if !session.lines.is_empty() {
                tr.total { td { "Total today" } td data-testid="total" { (dollars(amounts.total)) } }
            }
            @if let Some(end) = session.trial_end {
                tr { td { "First payment on " (date(end)) } td { (dollars(next)) } }
            } @else if let Some(interval) = session.lines.iter().find_map(|line| line.interval) {
                tr { td { "Then every " (interval.words()) } td data-testid="renewal" { (dollars(next)) } }
            }
        }
    }
}

/// The page of a setup intent that the merchant made without a session in setup mode.
pub(super) fn open_setup(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    show_setup(flex, call.parameter("id"), 200, None, context)
}

pub(super) fn setup_card(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("id");
    match setup::submit(flex, id, &entry(call), context) {
        Next::Leave(url) if !url.is_empty() => HttpReply::see_other(&url).into(),
        Next::Stay | Next::Leave(_) => HttpReply::see_other(&context.url(&format!("/pay/s/{id}"))).into(),
        Next::Again(message) => show_setup(flex, id, 422, Some(message), context),
    }
}

fn show_setup(flex: &Flex, id: &str, status: u16, notice: Option<&str>, context: &Context<'_>) -> Reply {
    let Some(setup) = flex.setups.get(id) else { return unknown(context) };
    if setup.status == "succeeded" {
        let content = end(true, "Thank you", "Your card is saved. You can close this page.", "", "");
        return page(status, BRAND, "Thank you", context.now, &html! {}, &content);
    }
    let content = html! {
        h1 data-testid="title" { "Your card for future payments" }
        (notice_of(notice))
        form method="post" action=(context.url(&format!("/pay/s/{id}/card"))) data-testid="card" {
            (kinds(false, false))
            (card_fields())
            button type="submit" data-testid="pay" { "Save card" }
        }
    };
    page(status, BRAND, "Your card", context.now, &card_hint(), &content)
}
