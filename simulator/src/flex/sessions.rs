//! Checkout sessions: how one is made, in each mode.

use serde_json::{Map, Value, json};

use super::errors::{absent, invalid, missing};
use super::state::{Amounts, Discount, Flex, Line, Mode, Session, Setup};
use super::store::{Head, given, text, unwrap, wrapped};
use super::{cart, checkout, events, source};
use crate::provider::Reply;
use crate::time::{HOUR, Millis};
use crate::world::{Call, Context, Earlier};

/// Creates a session. A third party sends `Idempotency-Key`; no document of Flex says what it does.
pub(super) fn create(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let honored = context.reading("idempotency-key") == "honored";
    let Some(key) = call.request.get("idempotency-key").filter(|_| honored) else {
        return created(flex, call, context).unwrap_or_else(|refused| refused);
    };
    let of = format!("{} session", call.account);
    match context.earlier(&of, key, &call.json) {
        Earlier::Same(reply) => reply,
        Earlier::Other(_) => {
            let message = "This Idempotency-Key was used with other content.";
            invalid("Idempotency-Key", "value_error", "flex.session.idempotency", message)
        }
        Earlier::None => {
            let reply = created(flex, call, context).unwrap_or_else(|refused| refused);
            if reply.http.status < 300 {
                context.keep(&of, key, &call.json, &reply);
            }
            reply
        }
    }
}

/// What is known before anything is made.
struct Asked {
    mode: Mode,
    manual: bool,
    customer: Option<String>,
    discount: Option<Discount>,
    shipping: Option<i64>,
}

fn check(flex: &Flex, body: &Map<String, Value>, account: &str) -> Result<Asked, Reply> {
    let name = text(body, "mode").unwrap_or("payment");
    let Some((_, mode)) = Mode::ALL.into_iter().find(|(known, _)| *known == name) else {
        let message = format!("There is no mode {name}.");
        return Err(invalid("mode", "enum", "flex.checkout.mode-known", message));
    };
    if body.get("multiple_subscriptions") == Some(&json!(true)) {
        return Err(absent("multiple_subscriptions"));
    }
    if mode != Mode::OffSession {
        let url = text(body, "success_url").filter(|url| url.contains("://") && !url.contains(char::is_control));
        if url.is_none() {
            let message = "success_url must be an absolute URL.";
            return Err(missing("success_url", "flex.checkout.success-url-required", message).source(source::PLUGIN));
        }
    }
    let manual = match text(body, "capture_method").unwrap_or("automatic") {
        "automatic" => false,
        "manual" => true,
        other => {
            let message = format!("capture_method must be automatic or manual, not {other}.");
            return Err(invalid("capture_method", "enum", "flex.checkout.capture-method-known", message));
        }
    };
    if manual && mode == Mode::Subscription {
        let message = "A subscription cannot be captured manually.";
        return Err(invalid("capture_method", "value_error", "flex.checkout.manual-capture-subscription", message));
    }
    let prefilled = body.get("defaults").and_then(|defaults| defaults["customer_id"].as_str());
    let customer = text(body, "customer").or(prefilled).map(str::to_owned);
    if let Some(customer) = &customer {
        flex.customers.of(account, customer)?;
    }
    if customer.is_none() && matches!(mode, Mode::Setup | Mode::OffSession) {
        let message = format!("A session in {name} mode must have a customer.");
        return Err(missing("customer", "flex.checkout.off-session-customer", message).source(source::OFF_SESSION));
    }
    if let Some(subscription) = text(body, "subscription") {
        flex.subscriptions.of(account, subscription)?;
    }
    let (discount, shipping) = (cart::discount(flex, body, account)?, cart::shipping(flex, body, account)?);
    Ok(Asked { mode, manual, customer, discount, shipping })
}

/// Inline prices are made on the way: a refused request must leave none of them.
fn created(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let (prices, products) = (flex.prices.len(), flex.products.len());
    let made = checked(flex, call, context);
    if made.is_err() {
        flex.prices.truncate(prices);
        flex.products.truncate(products);
    }
    made
}

fn checked(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let body = unwrap(call, "checkout_session")?;
    let asked = check(flex, body, &call.account)?;
    let card = match asked.mode {
        Mode::OffSession => Some(checkout::stored_card(flex, body, asked.customer.as_deref())?),
        _ => None,
    };
    let lines = cart::lines(flex, body, asked.mode, &call.account, context)?;
    cart::check_intervals(asked.mode, &lines)?;
    let trial_end = match asked.mode {
        Mode::Subscription => cart::trial_end(body, &lines, context.now)?,
        _ => None,
    };
    let mut amounts = cart::amounts(body, &lines, asked.discount.as_ref(), trial_end.is_some(), asked.shipping)?;
    if trial_end.is_some() && context.reading("trial-session-amount") == "full" {
        amounts.total = full(&amounts);
    }
    if let Some(card) = &card {
        checkout::check_off_session(flex, &lines, card, asked.customer.as_deref(), context)?;
    }
    let id = keep(flex, call, body, (asked, lines, amounts, trial_end), context);
    if let Some(card) = card {
        checkout::off_session(flex, &id, &card, context);
    }
    let reply = wrapped::<Session>(flex, &id, context);
    let waits = flex.sessions.get(&id).is_some_and(|session| !session.next_action.is_null());
    Ok(match trial_end {
        _ if waits => reply.inferred("only a third party shows next_action"),
        Some(_) => reply.inferred("amount_total of a session with a trial is not shown"),
        None => reply,
    })
}

fn full(amounts: &Amounts) -> i64 {
    let extra = amounts.tax.unwrap_or(0).saturating_add(amounts.shipping.unwrap_or(0)).saturating_add(amounts.fees);
    amounts.subtotal.saturating_sub(amounts.discount).saturating_add(extra)
}

fn keep(
    flex: &mut Flex,
    call: &Call<'_>,
    body: &Map<String, Value>,
    (asked, lines, amounts, trial_end): (Asked, Vec<Line>, Amounts, Option<Millis>),
    context: &mut Context<'_>,
) -> String {
    let head = Head::new("fcs", "", &call.account, context);
    let life = if context.reading("session-life") == "day" { HOUR.saturating_mul(24) } else { HOUR };
    let on_file = asked.customer.as_ref().and_then(|id| flex.customers.get(id)?.letter_until);
    let letter_required = lines.iter().any(Line::wants_letter) && on_file.is_none_or(|until| until <= context.now);
    let (id, expires) = (head.id.clone(), context.now.saturating_add(life));
    let setup = (asked.mode == Mode::Setup).then(|| {
        let setup = Setup {
            head: Head::new("fsi", &id, &call.account, context),
            status: "requires_payment_method",
            customer: asked.customer.clone(),
            card: None,
            session: Some(id.clone()),
            subscription: text(body, "subscription").map(str::to_owned),
            partner: Value::Null,
        };
        flex.setups.add(setup)
    });
    let session = Session {
        head,
        expires,
        mode: asked.mode,
        status: "open",
        body: body.clone(),
        lines,
        amounts,
        discount: asked.discount,
        manual: asked.manual,
        trial_end,
        letter_required,
        letter: None,
        customer: asked.customer,
        intents: Vec::new(),
        setup,
        subscription: None,
        invoice: None,
        refunds: Vec::new(),
        captures: Vec::new(),
        disputes: Vec::new(),
        next_action: Value::Null,
    };
    context.at(expires, json!({"expire": id}));
    flex.sessions.add(session)
}

/// A session that nobody completed in time.
pub(super) fn expire(flex: &mut Flex, id: &str, context: &mut Context<'_>) {
    let Some(session) = flex.sessions.get_mut(id).filter(|session| session.status == "open") else { return };
    session.status = "expired";
    if context.reading("expired-event") == "true" {
        events::tell::<Session>(flex, "checkout.session.expired", id, context);
    }
}

pub(super) fn line_items(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    match flex.sessions.of(&call.account, call.parameter("id")) {
        Ok(session) => Reply::json(200, &json!({"line_items": cart::shown(&session.lines, flex, context)})),
        Err(refused) => refused,
    }
}

/// `POST /v1/setup_intents`: for a session, or without one.
pub(super) fn create_setup(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let checked = unwrap(call, "setup_intent").and_then(|asked| {
        let session = text(asked, "checkout_session");
        let session = session.map(|id| flex.sessions.of(&call.account, id)).transpose()?;
        let subscription = text(asked, "subscription_id").or(text(asked, "subscription"));
        if let Some(subscription) = subscription {
            flex.subscriptions.of(&call.account, subscription)?;
        }
        Ok((asked, session.map(|session| session.head.id.clone()), subscription.map(str::to_owned)))
    });
    let (asked, session, subscription) = match checked {
        Ok(checked) => checked,
        Err(refused) => return refused,
    };
    let known = session.as_ref().and_then(|id| flex.sessions.get(id));
    let owner = subscription.as_ref().and_then(|id| flex.subscriptions.get(id)).map(|it| it.customer.clone());
    let customer = known.and_then(|session| session.customer.clone()).or(owner);
    let customer = customer.or_else(|| text(asked, "customer").map(str::to_owned));
    let partner = given(asked, "partner_id").cloned().unwrap_or_default();
    let head = Head::new("fsi", session.as_deref().unwrap_or_default(), &call.account, context);
    let status = "requires_payment_method";
    let id = flex.setups.add(Setup { head, status, customer, card: None, session, subscription, partner });
    wrapped::<Setup>(flex, &id, context)
}
