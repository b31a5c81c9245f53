//! Payment sessions: create, retrieve and list.

use serde_json::{Map, Value, json};

use super::errors::{guess, not_found, refuse};
use super::keys::{once, text};
use super::state::{Purpose, Session, Status, Truemed, Visit};
use super::{cart, charge, page};
use crate::provider::Reply;
use crate::time::{Millis, iso};
use crate::world::{Call, Context};

pub(super) fn create(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    once(truemed, call, context, "session", |truemed, context, key| {
        create_once(truemed, call, context, key).unwrap_or_else(|refused| refused)
    })
}

fn create_once(
    truemed: &mut Truemed,
    call: &Call<'_>,
    context: &mut Context<'_>,
    key: Option<&str>,
) -> Result<Reply, Reply> {
    let body = &call.json;
    let (success_url, failure_url) = cart::addresses(body)?;
    cart::metadata(body)?;
    let hold = kind(body, context)?;
    let payment_token = text(body, "payment_token");
    if hold && payment_token.is_some() {
        let message = "An authorization needs the customer: payment_token cannot be sent with kind=authorization.";
        return Err(
            guess(400, "KindInvalid", "truemed.session.authorization-needs-customer", message).source(page::MANUAL)
        );
    }
    // The items' ids depend on the session's, which a refused request must not use up.
    let draft = cart::items(body, context, "draft")?;
    let total = cart::total(body, &draft, context)?;
    if payment_token.is_some_and(|token| truemed.token(&call.account, token).is_none()) {
        let message = "This payment_token does not exist, or was deleted.";
        return Err(refuse(404, "NotFound", "truemed.session.unattended-needs-active-token", message)
            .source(page::ADMIN)
            .inferred("the guide names the error, but not its status"));
    }
    let id = context.id("payment_session", key).uuid();
    let session = Session {
        nth: truemed.next_number(),
        id: id.clone(),
        account: call.account.clone(),
        status: Status::Pending,
        cart: body.clone(),
        items: cart::items(body, context, &id)?,
        total,
        hold,
        tokenize: body.get("tokenize") == Some(&Value::Bool(true)),
        payment_token: payment_token.map(str::to_owned),
        created: context.now,
        authorized: None,
        captured: None,
        refunds: Vec::new(),
        disputes: Vec::new(),
    };
    if session.payment_token.is_some() {
        return Ok(charge::charge(truemed, session, context));
    }
    let visit = visit(&session, &success_url, &failure_url, context);
    let iframe = if body.get("use_iframe") == Some(&Value::Bool(true)) { "?iframe=true" } else { "" };
    let redirect_url = context.url(&format!("/checkout/{}{iframe}", visit.id));
    truemed.visits.insert(visit.id.clone(), visit);
    truemed.sessions.insert(id.clone(), session);
    Ok(Reply::json(200, &json!({"id": id, "redirect_url": redirect_url})))
}

fn kind(body: &Map<String, Value>, context: &Context<'_>) -> Result<bool, Reply> {
    let Some(kind) = body.get("kind").filter(|kind| !kind.is_null()) else { return Ok(false) };
    let refused = |rule, message| Err(guess(400, "KindInvalid", rule, message).source(page::MANUAL));
    if context.reading("kind-enabled") == "false" {
        return refused("truemed.session.kind-gated", "`kind` is not enabled for this account.");
    }
    match kind.as_str() {
        Some("one_time_payment") => Ok(false),
        Some("authorization") => Ok(true),
        _ => refused("truemed.session.kind-values", "kind must be one_time_payment or authorization."),
    }
}

fn visit(session: &Session, success_url: &str, failure_url: &str, context: &mut Context<'_>) -> Visit {
    let filled = |url: &str| url.replace("{{payment_session_id}}", &session.id);
    let (link, addresses) = (context.id("link", Some(&session.id)).hex(24), (filled(success_url), filled(failure_url)));
    Visit {
        total: Some(session.total),
        next_bill: session.cart.get("display_next_bill_info").cloned().unwrap_or_default(),
        ..Visit::new(link, Purpose::Session(session.id.clone()), addresses, session.items.clone())
    }
}

pub(super) fn retrieve(truemed: &mut Truemed, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    match truemed.session(&call.account, call.parameter("id")) {
        Some(session) => Reply::json(200, &shown(session, true, true)),
        None => not_found("This payment session"),
    }
}

pub(super) fn list(truemed: &mut Truemed, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    let query = call.query();
    let flag = |name: &str| query.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let (items, refunds) = (flag("include_order_items"), flag("summarize_refunds"));
    let mut sessions: Vec<&Session> = truemed.sessions.values().filter(|it| it.account == call.account).collect();
    sessions.sort_by_key(|session| core::cmp::Reverse(session.nth));
    let (page, pagination) = paginate(&sessions, call);
    let sessions: Vec<Value> = page.iter().map(|session| shown(session, items, refunds)).collect();
    Reply::json(200, &json!({"payment_sessions": sessions, "pagination": pagination}))
}

/// The wanted page of a list, and the object that describes it.
pub(super) fn paginate<'a, T>(all: &'a [T], call: &Call<'_>) -> (&'a [T], Value) {
    let query = call.query();
    let number = |name: &str, default: usize| {
        query.get(name).and_then(|value| value.parse().ok()).filter(|number| *number > 0).unwrap_or(default)
    };
    let (page, size) = (number("page", 1), number("page_size", 30).min(1_000));
    let last = all.len().div_ceil(size).max(1);
    let start = page.saturating_sub(1).saturating_mul(size).min(all.len());
    let end = start.saturating_add(size).min(all.len());
    let pagination = json!({"current_page": page, "page_size": size, "count": all.len(), "last_page": last});
    (all.get(start..end).unwrap_or_default(), pagination)
}

/// A session as Truemed shows it.
fn shown(session: &Session, items: bool, refunds: bool) -> Value {
    let mut shown = json!({
        "id": session.id,
        "status": session.status.name(),
        "status_summary": summary(session),
        "kind": if session.hold { "authorization" } else { "one_time_payment" },
        "total_amount": session.total,
        "authorize_amount": session.authorized.map(|_| session.total),
        "capture_amount": session.captured.map(|(_, amount)| amount),
        "authorized_on": session.authorized.map(iso),
        "captured_on": session.captured.map(|(at, _)| iso(at)),
        "created_at": iso(session.created),
        "truemed_fee": session.captured.map(|_| session.fee()),
        "payment_token": session.payment_token,
        "metadata": session.metadata(),
    });
    for name in ["customer_email", "customer_name", "amount_details"] {
        shown[name] = session.cart.get(name).cloned().unwrap_or_default();
    }
    if items {
        shown["order_items"] = session.items.iter().map(|item| shown_item(session, item)).collect();
    }
    if refunds {
        let refund = |refund: &super::state::Refund| {
            json!({"refund_id": refund.id, "amount": refund.amount, "reason": refund.reason,
                "created_at": iso(refund.at)})
        };
        shown["refund_amount"] = json!(session.refunded());
        shown["refunds"] = session.refunds.iter().map(refund).collect();
    }
    shown
}

/// An item carries what can be captured or refunded, while it can.
fn shown_item(session: &Session, item: &Value) -> Value {
    let mut item = item.clone();
    let quantity = item["quantity"].as_i64().unwrap_or(0);
    let total = cart::price(&item).unwrap_or(0).saturating_mul(quantity);
    let names = match session.status {
        Status::Captured => Some(("total_refundable", "quantity_refundable")),
        Status::Authorized => Some(("total_capturable", "quantity_capturable")),
        _ => None,
    };
    if let Some((amount, count)) = names {
        item[amount] = json!(total);
        item[count] = json!(quantity);
    }
    item
}

/// The summary counts refunds and disputes, which the status does not.
fn summary(session: &Session) -> &'static str {
    match (session.status, session.captured) {
        _ if session.disputed() => "Disputed",
        (_, Some((_, amount))) if amount > 0 && session.refunded() >= amount => "Refunded",
        (_, Some(_)) if session.refunded() > 0 => "Partially Refunded",
        (_, Some((_, amount))) if amount < session.total => "Partially Captured",
        (_, Some(_)) => "Captured",
        (Status::Authorized, None) => "Authorized",
        (Status::AuthorizationVoided, None) => "Voided",
        (Status::AuthorizationExpired, None) => "Expired",
        (Status::Canceled, None) => "Canceled",
        _ => "Incomplete",
    }
}

impl Session {
    /// Changes the status, and sends the webhook of this change.
    pub(super) fn become_status(&mut self, status: Status, context: &mut Context<'_>) {
        self.status = status;
        super::events::session(self, context);
    }

    /// Takes the money.
    pub(super) fn take(&mut self, amount: i64, now: Millis) {
        self.authorized.get_or_insert(now);
        self.captured = Some((now, amount));
    }
}
