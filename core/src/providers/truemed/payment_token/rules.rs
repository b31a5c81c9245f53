//! The rules of a token's actions: what its state and the clock decide, and what a command's contents do.

use super::command::{Command, Wish};
use super::origin::Origin;
use super::state::{Change, Charge, Place};
use super::{PaymentToken, Rules, TOKEN_UPDATED};
use crate::id::Digest;
use crate::providers::truemed::call::{Call, CreatePaymentToken, UpdatePaymentToken};
use crate::providers::truemed::ids::Token;
use crate::providers::truemed::order::check_amounts;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{SESSION_COMPLETE, placed};
use crate::providers::truemed::session_request::{CreatePaymentSession, has_no_template};
use crate::rule::{CoreRule, Until};
use crate::url::is_absolute;

/// What an action of the token's needs, and again the request that came of it when it is leased.
pub(super) fn permits(token: &PaymentToken, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create => unissued(token, rules),
        Wish::Tokenize => {
            unissued(token, rules);
            placed(rules);
        }
        Wish::Charge => {
            charge(token, rules);
            placed(rules);
        }
        Wish::Items => {
            update(token, rules);
            // A charge that somebody is about to send is of what was confirmed before.
            if rules.is_lease() && rules.in_hand(Call::is_session) {
                let answered = rules.until_reply(Call::is_session);
                rules.check(CoreRule::OneAtATime, false).until(answered);
            }
        }
        Wish::Card => update(token, rules),
        Wish::Retrieve => {
            let known = token.token.is_some() || matches!(token.place, Place::Absent | Place::Adopting);
            rules.check(CoreRule::NothingKnown, known).until(Until::Signal(TOKEN_UPDATED));
        }
        Wish::RetrieveProvision | Wish::RetrieveSession => {}
        Wish::Delete => alive(token, rules),
    }
}

/// What a new command needs besides.
pub(super) fn accepts(token: &PaymentToken, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create => first(token, rules),
        Wish::Tokenize => {
            first(token, rules);
            // What is paid already is not paid again: its token comes, or another is asked for without a payment.
            rules.check(CoreRule::OneAtATime, !token.is_paid_for()).until(Until::Signal(TOKEN_UPDATED));
            one_charge(token, rules);
        }
        Wish::Charge if token.place == Place::Issued => one_charge(token, rules),
        Wish::Items => one_update(&token.items, Call::is_of_items, rules),
        Wish::Card => one_update(&token.card, Call::is_of_card, rules),
        Wish::RetrieveProvision => {
            rules.check(CoreRule::NothingKnown, token.provision_request(None).is_some());
            let next = token.polled().and_then(|it| it.watch.next(&rules.policy().look_ups));
            let due = next.is_none_or(|at| at.is_over(rules.now()));
            rules.check(Rule::ProvisionNoPolling, due);
        }
        Wish::RetrieveSession => {
            rules.check(CoreRule::NothingKnown, matches!(token.charge, Charge::Open { .. }));
        }
        Wish::Delete => {
            rules.check(CoreRule::NotNow, matches!(token.place, Place::Issued | Place::Deleted));
        }
        Wish::Charge | Wish::Retrieve => {}
    }
}

/// The rules that the contents of a command decide.
pub(super) fn check(token: &PaymentToken, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreatePaymentToken(it) => check_creation(it, rules),
        Command::CreatePaymentSession(it) if it.is_charge() => check_charge(token, it, rules),
        Command::CreatePaymentSession(it) => {
            let other = Until::Wish { command: "create_payment_session", flow: Some("truemed.payment_session") };
            rules.check(CoreRule::OtherFlow, it.asks_for_token()).at("/tokenize").until(other);
            it.check(rules);
            check_intent(token, it, rules);
        }
        Command::UpdatePaymentToken(it) => check_update(it, rules),
        Command::RetrievePaymentToken { payment_token: given } => {
            let same = given.is_none() || token.token.is_none() || *given == token.token;
            let some = given.is_some() || token.token.is_some();
            rules.check(CoreRule::NothingKnown, some).at("/payment_token");
            rules.check(CoreRule::UnknownId, same).at("/payment_token");
        }
        Command::RetrieveProvisionTokenRequest { provision_token_request_id: given } => {
            let known = given.is_none() || token.provision_request(given.as_ref()).is_some();
            rules.check(CoreRule::UnknownId, known).at("/provision_token_request_id");
        }
        Command::RetrievePaymentSession { payment_session_id: given } => {
            let Charge::Open { session, .. } = &token.charge else { return };
            rules.check(CoreRule::UnknownId, given.as_ref().is_none_or(|id| *id == session.id)).at("/payment_session_id");
        }
        Command::DeletePaymentToken {} => {}
    }
}

fn check_creation(command: &CreatePaymentToken, rules: &mut Rules<'_>) {
    let text = command.metadata.as_ref().is_none_or(|it| it.text().is_some());
    rules.check(Rule::MetadataString, text).at("/metadata");
    // A token is for something, at prices that there are.
    rules.check(Rule::ProvisionItemsRequired, !command.order_items.is_empty()).at("/order_items");
    check_amounts(&command.order_items, rules);
    for (url, pointer) in [(&command.success_url, "/success_url"), (&command.failure_url, "/failure_url")] {
        rules.check(Rule::ProvisionUrlAbsolute, url.as_deref().is_some_and(is_absolute)).at(pointer);
        rules.check(Rule::SessionTokenUrlTemplate, url.as_deref().is_none_or(has_no_template)).at(pointer);
    }
    rules.check_extra::<CreatePaymentToken>(&command.extra);
}

fn check_charge(token: &PaymentToken, command: &CreatePaymentSession, rules: &mut Rules<'_>) {
    check_token(token, command.payment_token.as_ref(), rules);
    check_items(token, command.items(), rules);
    rules.check(Rule::SessionTokenizeXorToken, !command.asks_for_token()).at("/tokenize");
    command.check(rules);
    rules.check(CoreRule::IntentRequired, command.intent.is_some()).at("/intent");
    check_intent(token, command, rules);
}

/// An intent is one cart.
fn check_intent(token: &PaymentToken, command: &CreatePaymentSession, rules: &mut Rules<'_>) {
    let Some(intent) = &command.intent else { return };
    // A new intent need not be fingerprinted.
    if token.intents.outcome(intent).is_some() {
        let standing = token.intents.standing(intent, command.cart(command.items()));
        standing.check(Rule::SessionIdempotencyNewCartNewKey, rules);
    }
}

fn check_update(command: &UpdatePaymentToken, rules: &mut Rules<'_>) {
    let card = command.update_card_info == Some(true);
    rules
        .check(Rule::UpdateCardXorItems, !(card && command.order_items.is_some()))
        .at("/update_card_info")
        .instead(&[Wish::ITEMS, Wish::CARD]);
    let items = command.order_items.as_deref();
    let some = items.is_some_and(|items| !items.is_empty());
    rules.check(Rule::UpdateNothingToDo, some || (card && items.is_none()));
    check_amounts(items.unwrap_or_default(), rules);
    rules.check_extra::<UpdatePaymentToken>(&command.extra);
}

/// The token to charge is the one that was issued.
fn check_token(token: &PaymentToken, given: Option<&Token>, rules: &mut Rules<'_>) {
    let Some(given) = given.map(Token::as_str) else { return };
    let is_request = |origin: &Origin| matches!(origin, Origin::Request(id) if id.as_str() == given);
    let of_provision = token.provisions.iter().filter_map(|it| it.origin.as_ref()).any(is_request);
    let of_update = token.pending().any(|it| it.origin.as_ref().is_some_and(|id| id.as_str() == given));
    if of_provision || of_update || token.closed.has_id(given) {
        rules.check(Rule::ProvisionRequestIsNotToken, false).at("/payment_token");
    } else if token.place == Place::Issued {
        let same = token.token.as_ref().is_some_and(|have| have.as_str() == given);
        rules.check(Rule::SessionUnattendedNeedsActiveToken, same).at("/payment_token");
    }
}

/// The items to charge are those that the customer qualified for.
fn check_items(token: &PaymentToken, wanted: Digest, rules: &mut Rules<'_>) {
    if token.place != Place::Issued || token.confirmed == Some(wanted) {
        return;
    }
    let update = Until::wish(Wish::ITEMS);
    if matches!(&token.items, Change::Pending(it) if it.items == Some(wanted)) {
        let signal = Until::Signal(TOKEN_UPDATED);
        rules.check(Rule::SessionUnattendedItemsConfirmed, false).at("/order_items").until(signal);
    } else if token.confirmed.is_none() {
        rules.check(Rule::SessionUnattendedItemsConfirmed, false)
            .at("/order_items")
            .until(update)
            .because(|| "What an adopted token's customer qualified for is not known.".into());
    } else {
        rules.check(Rule::UpdateRequiredOnItemChange, false).at("/order_items").until(update);
    }
}

/// What is deleted stays deleted.
fn alive(token: &PaymentToken, rules: &mut Rules<'_>) {
    rules.check(Rule::TokenDeleteFinal, token.place != Place::Deleted);
}

/// A token is asked for where there is none, and one request at a time.
fn unissued(token: &PaymentToken, rules: &mut Rules<'_>) {
    if rules.is_resend() {
        return;
    }
    alive(token, rules);
}

/// A request that was accepted before the token came is still sent, since its customer is at the checkout; a new one is not
/// accepted then.
fn first(token: &PaymentToken, rules: &mut Rules<'_>) {
    let begun = matches!(token.place, Place::Adopting | Place::Issued | Place::Deleting);
    rules.check(CoreRule::AlreadyStarted, !begun);
    let unanswered = |call: &Call| matches!(call, Call::CreatePaymentToken(_) | Call::CreatePaymentSession(_));
    let answered = rules.until_reply(unanswered);
    rules.check(CoreRule::OneAtATime, answered.is_none()).until(answered);
}

/// One charge at a time.
fn one_charge(token: &PaymentToken, rules: &mut Rules<'_>) {
    let open = matches!(token.charge, Charge::Requested { .. } | Charge::Open { .. });
    rules.check(CoreRule::OneAtATime, !open).until(Until::Signal(SESSION_COMPLETE));
}

fn charge(token: &PaymentToken, rules: &mut Rules<'_>) {
    let updated = || Until::Signal(TOKEN_UPDATED);
    match token.place {
        Place::Issued => {}
        // Only asking again tells what has become of a charge that was sent before the token was deleted.
        Place::Deleting | Place::Deleted if rules.is_resend() => return,
        Place::Deleting | Place::Deleted => {
            rules.check(Rule::TokenDeleteFinal, false);
            return;
        }
        Place::Absent => {
            let create = Until::wish("create_payment_token");
            rules.check(Rule::ProvisionNoChargeBeforeWebhook, false).until(create);
            return;
        }
        Place::Requested | Place::Awaiting | Place::Adopting => {
            rules.check(Rule::ProvisionNoChargeBeforeWebhook, false).until(updated());
            return;
        }
    }
    let open = [&token.items, &token.card].into_iter().any(|it| *it != Change::Settled);
    if open {
        let answered = rules.until_reply(Call::is_update);
        rules.check(Rule::UpdateNoChargeWhileAction, false).until(answered.unwrap_or_else(updated));
    }
    let failed = matches!(token.charge, Charge::Failed(_));
    rules.check(Rule::ChargeResumeOnWebhook, !failed).until(updated());
    let expired = token.lmn_expires_at.is_some_and(|end| end.is_over(rules.now()));
    rules.check(Rule::UpkeepLmnExpiry, !expired).until(Until::wish(Wish::ITEMS));
}

fn update(token: &PaymentToken, rules: &mut Rules<'_>) {
    match token.place {
        Place::Issued => {}
        Place::Deleting | Place::Deleted => {
            rules.check(Rule::TokenDeleteFinal, false);
        }
        Place::Absent => {
            let create = Until::wish("create_payment_token");
            rules.check(Rule::UpdateNeedsExistingToken, false).until(create);
        }
        Place::Requested | Place::Awaiting | Place::Adopting => {
            rules.check(Rule::UpdateNeedsExistingToken, false).until(Until::Signal(TOKEN_UPDATED));
        }
    }
}

/// An update that somebody is about to send is answered before a newer one takes its place.
fn one_update(change: &Change, own: fn(&Call) -> bool, rules: &mut Rules<'_>) {
    if matches!(change, Change::Updating { .. }) && rules.in_hand(own) {
        let answered = rules.until_reply(own);
        rules.check(Rule::UpdateOneOpenChange, false).until(answered);
    }
}
