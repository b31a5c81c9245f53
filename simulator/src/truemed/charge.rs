//! An unattended charge: a session with a `payment_token`, without the customer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::state::{Purpose, Session, Status, Token, Truemed};
use super::visit::{self, Repair};
use super::{CHARGE, cart, errors, page};
use crate::card::is_expired;
use crate::provider::Reply;
use crate::time::Millis;
use crate::world::{Call, Context};

/// Why the reply to a failed charge is inferred. Also marks such a reply.
pub(super) const WHY: &str = "the documents name an enum and a redirect_url, but not the enum's values";

/// Why a charge cannot work, and what the customer must do.
struct Failure {
    error: &'static str,
    rule: &'static str,
    message: &'static str,
    survey: bool,
}

const CARD_EXPIRED: Failure = Failure {
    error: "PaymentMethodExpired",
    rule: "truemed.charge.422-action",
    message: "The stored card has expired. The customer must update it.",
    survey: false,
};
const CARD_DECLINED: Failure = Failure {
    error: "PaymentMethodDeclined",
    rule: "truemed.charge.422-action",
    message: "The stored card was declined. The customer must update it.",
    survey: false,
};
const LETTER_EXPIRED: Failure = Failure {
    error: "RequalificationRequired",
    rule: "truemed.upkeep.lmn-expiry",
    message: "The Letter of Medical Necessity is too old. The customer must take the survey again.",
    survey: true,
};
const NOT_COVERED: Failure = Failure {
    error: "ItemsIneligible",
    rule: "truemed.session.unattended-items-confirmed",
    message: "The items differ from those of the payment_token. Call update_payment_token first.",
    survey: true,
};
const ACTION_OPEN: Failure = Failure {
    error: "ActionRequired",
    rule: "truemed.update.no-charge-while-action",
    message: "The customer must finish the open action before the payment_token can be charged.",
    survey: false,
};

/// Charges a token that exists.
pub(super) fn charge(truemed: &mut Truemed, mut session: Session, context: &mut Context<'_>) -> Reply {
    let id = session.id.clone();
    let token = session.payment_token.clone().unwrap_or_default();
    let Some(known) = truemed.tokens.get(&token) else { return errors::not_found("This payment_token") };
    if let Some(failure) = failure(known, &session, context) {
        return fail(truemed, session, &failure, context);
    }
    if context.reading("unattended-shows-processing") == "true" {
        session.become_status(Status::Processing, context);
    }
    truemed.sessions.insert(id.clone(), session);
    context.after(CHARGE, json!({"charge": id}));
    Reply::json(200, &json!({"id": id, "redirect_url": null}))
}

fn failure(token: &Token, session: &Session, context: &Context<'_>) -> Option<Failure> {
    let names: BTreeSet<String> = session.items.iter().map(cart::name).collect();
    if token.action.is_some() && context.reading("charge-while-action-open") == "refuse" {
        Some(ACTION_OPEN)
    } else if token.card.expired(context.now) {
        Some(CARD_EXPIRED)
    } else if token.card.declines_later {
        Some(CARD_DECLINED)
    } else if token.letter_until <= context.now || token.wants_survey {
        Some(LETTER_EXPIRED)
    } else if !names.is_subset(&token.items) {
        Some(NOT_COVERED)
    } else {
        None
    }
}

/// Refuses the charge with the page on which the customer repairs the token.
fn fail(truemed: &mut Truemed, mut session: Session, failure: &Failure, context: &mut Context<'_>) -> Reply {
    let id = session.id.clone();
    session.status = Status::Rejected;
    if context.reading("failed-charge-webhook") == "true" {
        super::events::session(&session, context);
    }
    let token = session.payment_token.clone().unwrap_or_default();
    let success_url = session.cart.get("success_url").and_then(Value::as_str).unwrap_or_default().to_owned();
    let failure_url = session.cart.get("failure_url").and_then(Value::as_str).unwrap_or_default().to_owned();
    let open = truemed.tokens.get(&token).and_then(|token| token.action.clone());
    let link = match open.filter(|_| failure.error == ACTION_OPEN.error) {
        Some(open) => {
            remember(truemed, &open, &id);
            open
        }
        None => {
            let repair = Repair {
                token: &token,
                request: None,
                failed: Some(id.clone()),
                items: session.items.clone(),
                survey: failure.survey,
                addresses: (success_url.replace("{{payment_session_id}}", &id), failure_url),
            };
            visit::open_repair(truemed, repair, context)
        }
    };
    truemed.sessions.insert(id.clone(), session);
    let status = if context.reading("charge-failure-status") == "400" { 400 } else { 422 };
    let redirect_url = context.url(&format!("/checkout/{link}"));
    let mut body = json!({"error": failure.error, "message": failure.message, "redirect_url": redirect_url});
    if context.reading("failed-charge-names-session") == "true" {
        body["id"] = json!(id);
    }
    let reply = Reply::json(status, &body).broke(failure.rule, failure.message);
    let source = if failure.survey { page::BILLING } else { page::SESSION };
    reply.source(source).inferred(WHY)
}

/// Lets the webhook of an open action name the session that failed meanwhile.
fn remember(truemed: &mut Truemed, visit: &str, session: &str) {
    let visit = truemed.visits.get_mut(visit).map(|visit| &mut visit.purpose);
    if let Some(Purpose::Repair { request: None, failed, .. }) = visit {
        *failed = Some(session.to_owned());
    }
}

impl super::state::Card {
    /// A card is valid until its month ends.
    pub(super) fn expired(&self, now: Millis) -> bool {
        is_expired(self.year, self.month, now)
    }
}

/// The account's key is checked; a token of another account does not exist.
pub(super) fn token_of<'a>(truemed: &'a mut Truemed, call: &Call<'_>) -> Result<&'a mut Token, Reply> {
    truemed.token(&call.account, call.parameter("token")).ok_or_else(|| errors::not_found("This payment_token"))
}
