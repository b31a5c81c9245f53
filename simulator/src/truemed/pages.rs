//! The customer's pages: survey, card, and how it ended.

use maud::{Markup, html};

use super::cart;
use super::state::{Purpose, Step, Truemed, Visit};
use super::visit::{self, Next};
use crate::http::HttpReply;
use crate::page::{dollars, end, page};
use crate::provider::Reply;
use crate::world::{Call, Context};

/// What the customer can answer: the value of the form, and its text. `none` leads to no letter.
const CONDITIONS: &[(&str, &str)] = &[
    ("deficiency", "A vitamin or mineral deficiency"),
    ("joint-pain", "Joint or back pain"),
    ("sleep", "Poor sleep"),
    ("none", "None of these"),
];

pub(super) fn open(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    show(truemed, call.parameter("visit"), 200, None, context)
}

pub(super) fn survey(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("visit");
    let next = match call.form("condition") {
        Some("none") => visit::survey(truemed, id, false, context),
        Some(_) => visit::survey(truemed, id, true, context),
        None => Next::Again("Choose an answer."),
    };
    go(truemed, id, next, context)
}

pub(super) fn card(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("visit");
    let (number, expiry) = (call.form("number").unwrap_or_default(), call.form("expiry").unwrap_or_default());
    let next = visit::card(truemed, id, number, expiry, context);
    go(truemed, id, next, context)
}

pub(super) fn cancel(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let id = call.parameter("visit");
    let next = visit::cancel(truemed, id);
    go(truemed, id, next, context)
}

fn go(truemed: &mut Truemed, id: &str, next: Next, context: &mut Context<'_>) -> Reply {
    match next {
        Next::Stay => HttpReply::see_other(&context.url(&format!("/checkout/{id}"))).into(),
        Next::Again(message) => show(truemed, id, 422, Some(message), context),
        Next::Leave(url) => HttpReply::see_other(&url).into(),
    }
}

fn show(truemed: &mut Truemed, id: &str, status: u16, notice: Option<&str>, context: &mut Context<'_>) -> Reply {
    let Some(visit) = visit::current(truemed, id) else {
        let content = end(false, "This link is not known", "Go back to the shop and start again.", "", "");
        return page(404, "Truemed", "Not found", context.now, &html! {}, &content);
    };
    let (title, content, hint) = match visit.step {
        Step::Survey => ("Health survey", survey_page(&visit, notice, context), survey_hint()),
        Step::Card => ("Payment", card_page(&visit, notice, context), card_hint()),
        Step::Done => {
            let text = match visit.purpose {
                Purpose::Repair { .. } if visit.wants_card => "Your card is saved. You can close this page.",
                _ => "Truemed reviews your answers and writes to you. You can close this page.",
            };
            ("Thank you", end(true, "Thank you", text, &visit.success_url, "Back to the shop"), html! {})
        }
        Step::Closed => {
            let text = "The shop has closed this checkout. Nothing was charged.";
            ("Timed out", end(false, "This page has timed out", text, &visit.failure_url, "Back to the shop"), html! {})
        }
    };
    page(status, "Truemed", title, context.now, &hint, &content)
}

fn survey_hint() -> Markup {
    html! { "“None of these” leads to no Letter of Medical Necessity." }
}

fn card_hint() -> Markup {
    html! {
        code { "4242 4242 4242 4242" } " pays · " code { "4000 0000 0000 0002" } " is declined · "
        code { "4000 0000 0000 0341" } " is declined later"
    }
}

fn steps(visit: &Visit) -> Markup {
    let both = visit.wants_card && !matches!(visit.purpose, Purpose::Repair { .. });
    html! {
        @if both {
            ol.steps {
                li aria-current=[(visit.step == Step::Survey).then_some("step")] { "1 · Health survey" }
                li aria-current=[(visit.step == Step::Card).then_some("step")] { "2 · Payment" }
            }
        }
    }
}

fn survey_page(visit: &Visit, notice: Option<&str>, context: &Context<'_>) -> Markup {
    html! {
        (steps(visit))
        h1 data-testid="title" { "Can you use your HSA or FSA?" }
        p.soft { "Your answer decides whether a clinician can issue a Letter of Medical Necessity." }
        (items(visit))
        (notice_of(notice))
        form method="post" action=(context.url(&format!("/checkout/{}/survey", visit.id))) data-testid="survey" {
            fieldset {
                legend { "What do you want to treat or prevent?" }
                @for (value, text) in CONDITIONS {
                    label.choice {
                        input type="radio" name="condition" value=(value) required data-testid={ "condition-" (value) };
                        (text)
                    }
                }
            }
            button type="submit" data-testid="continue" { "Continue" }
        }
        (cancel_form(visit, context))
    }
}

fn card_page(visit: &Visit, notice: Option<&str>, context: &Context<'_>) -> Markup {
    let (title, label) = match visit.total {
        Some(total) if total > 0 => ("Pay with your HSA or FSA card", format!("Pay {}", dollars(total))),
        Some(_) => ("Start your free trial", "Start the trial".to_owned()),
        None => ("Your card for future payments", "Save card".to_owned()),
    };
    html! {
        (steps(visit))
        h1 data-testid="title" { (title) }
        (items(visit))
        (notice_of(notice))
        form method="post" action=(context.url(&format!("/checkout/{}/card", visit.id))) data-testid="card" {
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
            button type="submit" data-testid="pay" { (label) }
        }
        (cancel_form(visit, context))
    }
}

fn notice_of(notice: Option<&str>) -> Markup {
    html! { @if let Some(notice) = notice { p.notice role="alert" data-testid="notice" { (notice) } } }
}

fn cancel_form(visit: &Visit, context: &Context<'_>) -> Markup {
    html! {
        form method="post" action=(context.url(&format!("/checkout/{}/cancel", visit.id))) {
            button.quiet type="submit" data-testid="cancel" { "Cancel" }
        }
    }
}

fn items(visit: &Visit) -> Markup {
    let next = visit.next_bill["total_amount"].as_i64().zip(visit.next_bill["date"].as_str());
    html! {
        table data-testid="items" {
            @for item in &visit.items {
                @let quantity = item["quantity"].as_i64().unwrap_or(1);
                tr {
                    td { (item["name"].as_str().unwrap_or_default()) @if quantity > 1 { " × " (quantity) } }
                    td { (dollars(cart::price(item).unwrap_or(0).saturating_mul(quantity))) }
                }
            }
            @if let Some(total) = visit.total { tr.total { td { "Total today" } td data-testid="total" { (dollars(total)) } } }
            @if let Some((amount, date)) = next { tr { td { "Next payment on " (date) } td { (dollars(amount)) } } }
        }
    }
}
