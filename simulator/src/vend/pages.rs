//! The retailer's pages: the consent, and the list of subscriptions to applications.

use maud::{Markup, html};

use super::billing;
use super::consent::{self, Standing};
use super::state::{Change, Kind, Subscription, Token, Vend};
use crate::http::HttpReply;
use crate::page::{end, page};
use crate::provider::Reply;
use crate::world::{Call, Context};

const CONSENT: &str = "/billing/partner-consent";
const APPS: &str = "/billing/partner-apps";

pub(super) fn open_consent(vend: &mut Vend, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let token = call.query().remove("token").unwrap_or_default();
    show(vend, &token, None, context)
}

pub(super) fn submit_consent(vend: &mut Vend, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let token = call.form("token").unwrap_or_default();
    match call.form("choice") {
        Some("accept") => match consent::accept(vend, token, context) {
            Ok(url) => HttpReply::see_other(&url).into(),
            Err(why) => show(vend, token, Some(why), context),
        },
        Some("decline") => match consent::decline(vend, token, context) {
            Some(url) => HttpReply::see_other(&url).into(),
            None => declined(context),
        },
        _ => show(vend, token, Some("Choose whether you agree."), context),
    }
}

fn declined(context: &Context<'_>) -> Reply {
    let text = "Your subscription and your bill are as they were.";
    let content = end(false, "Nothing was changed", text, &context.url(APPS), "Your app subscriptions");
    page(200, "Vend", "Nothing was changed", context.now, &html! {}, &content)
}

fn show(vend: &Vend, id: &str, notice: Option<&str>, context: &Context<'_>) -> Reply {
    let stop = |status, title: &str, text: &str, url: &str| {
        let content = end(false, title, text, url, "Back to the application");
        page(status, "Vend", title, context.now, &html! {}, &content)
    };
    match consent::standing(vend, id, context) {
        Standing::Unknown => stop(404, "This link is not known", "Go back to the application and start again.", ""),
        Standing::Used(token) => {
            let content = end(
                true,
                "This was done",
                "This link is used. You can close this page.",
                &token.return_url,
                "Back to the application",
            );
            page(200, "Vend", "Done", context.now, &html! {}, &content)
        }
        Standing::Expired(token) => {
            let text = "A link is valid for 24 hours. Start again in the application. Nothing was charged.";
            stop(410, "This link has expired", text, &token.return_url)
        }
        Standing::Withdrawn(token) => {
            stop(410, "This link is no longer valid", "Start again in the application.", &token.return_url)
        }
        Standing::Blocked(token, why) => stop(409, "This is not possible", why, &token.return_url),
        Standing::Open(token, target) => {
            let status = if notice.is_some() { 422 } else { 200 };
            let hint = html! { "The link stays valid until you agree, for 24 hours." };
            let content = offer(vend, &token, target.as_deref(), notice, context);
            page(status, "Vend", "Confirm", context.now, &hint, &content)
        }
    }
}

fn offer(
    vend: &Vend,
    token: &Token,
    target: Option<&Subscription>,
    notice: Option<&str>,
    context: &Context<'_>,
) -> Markup {
    let after = consent::preview(token, target, context);
    let (title, label) = match token.kind {
        Kind::Create => ("Confirm your subscription", "Activate Subscription"),
        Kind::Update => ("Confirm the change of your subscription", "Update Subscription"),
    };
    html! {
        h1 data-testid="title" { (title) }
        p.soft { (vend.catalogue.application_name) " will be on your Vend bill." }
        (bill(vend, &after))
        @if let Some(code) = &after.coupon { p.soft data-testid="coupon" { "Coupon: " (code) } }
        @if let Some(notice) = notice { p.notice role="alert" data-testid="notice" { (notice) } }
        form method="post" action=(context.url(CONSENT)) data-testid="consent" {
            input type="hidden" name="token" value=(token.id);
            button type="submit" name="choice" value="accept" data-testid="accept" { (label) }
            button.quiet type="submit" name="choice" value="decline" data-testid="decline" { "Not now" }
        }
    }
}

/// What one period costs.
fn bill(vend: &Vend, change: &Change) -> Markup {
    let catalogue = &vend.catalogue;
    let plan = change.plan.clone().unwrap_or_default();
    let product = catalogue.product(&plan);
    let money = |cents: i64| {
        let currency = catalogue.currency.to_uppercase();
        format!("{currency} {}.{:02}", cents.div_euclid(100), cents.rem_euclid(100))
    };
    html! {
        table data-testid="items" {
            tr {
                td { (product.as_ref().map_or(plan.0.as_str(), |it| it.name.as_str())) }
                td { (money(product.as_ref().map_or(0, |it| it.cents))) }
            }
            @for component in &change.components {
                @let priced = catalogue.component(component);
                tr {
                    td { (priced.as_ref().map_or(component.handle.as_str(), |it| it.name.as_str())) " × " (component.quantity) }
                    td { (money(priced.as_ref().map_or(0, |it| it.cents).saturating_mul(component.quantity))) }
                }
            }
            tr.total {
                td { "Every " @if catalogue.interval > 1 { (catalogue.interval) " " } (catalogue.unit.name()) }
                td data-testid="total" { (money(catalogue.total(&plan, &change.components))) }
            }
        }
    }
}

pub(super) fn open_apps(vend: &mut Vend, _: &Call<'_>, context: &mut Context<'_>) -> Reply {
    apps(vend, 200, None, context)
}

pub(super) fn cancel_app(vend: &mut Vend, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    match billing::cancel(vend, call.form("subscription_id").unwrap_or_default(), context) {
        Ok(_) => HttpReply::see_other(&context.url(APPS)).into(),
        Err(why) => apps(vend, 409, Some(&why), context),
    }
}

fn apps(vend: &Vend, status: u16, notice: Option<&str>, context: &Context<'_>) -> Reply {
    let content = html! {
        h1 data-testid="title" { "App subscriptions" }
        @if let Some(notice) = notice { p.notice role="alert" data-testid="notice" { (notice) } }
        @if vend.subscriptions.is_empty() { p.soft data-testid="none" { "You have no subscriptions to applications." } }
        @for subscription in vend.in_order() { (app(vend, subscription, context)) }
    };
    page(status, "Vend", "App subscriptions", context.now, &html! {}, &content)
}

fn app(vend: &Vend, subscription: &Subscription, context: &Context<'_>) -> Markup {
    let Subscription { plan, components, .. } = subscription;
    let change = Change { plan: Some(plan.clone()), components: components.clone(), coupon: None };
    html! {
        section data-testid="subscription" data-id=(subscription.id) {
            p { (vend.catalogue.application_name) " · " span data-testid="state" { (subscription.state) } }
            (bill(vend, &change))
            @if subscription.ends { p.soft { "It ends with its period." } }
            @if subscription.live() && !subscription.ends {
                form method="post" action=(context.url("/billing/partner-apps/cancel")) data-testid="cancel-form" {
                    input type="hidden" name="subscription_id" value=(subscription.id);
                    button.quiet type="submit" data-testid="cancel" { "Cancel this subscription" }
                }
            }
        }
    }
}
