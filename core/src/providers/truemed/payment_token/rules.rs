//! The rules of the token's actions: what the state and the time decide, and what the contents of a command decide.

use alloc::format;

use super::change::Change;
use super::token::is_delete;
use super::{Action, ChargeState, Command, PaymentToken, Rules, TokenState};
use crate::flow::Flow;
use crate::id::Digest;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::order::check_amounts;
use crate::providers::truemed::api::requests::{CreatePaymentToken, UpdatePaymentToken};
use crate::providers::truemed::api::session_request::{CreatePaymentSession, has_no_template};
use crate::providers::truemed::ids::Token;
use crate::providers::truemed::names::{Review, SignalName};
use crate::providers::truemed::payment_session::{Action as SessionAction, PaymentSession};
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::check_no_open_review;
use crate::rule::{CoreRule, Level, RuleSet, UnblockedBy};
use crate::time::Timestamp;
use crate::url::{is_absolute, why_not_secure};

/// What an action needs, for a command and again when its request is leased.
pub(super) fn permits(token: &PaymentToken, action: Action, rules: &mut Rules<'_>) {
    match action {
        Action::Create => check_can_request(token, rules),
        Action::Tokenize => {
            check_can_request(token, rules);
            check_no_open_review(&[Review::Unplaced], rules);
        }
        Action::Charge => {
            check_can_charge(token, rules);
            check_no_open_review(&[Review::Unplaced, Review::TokenNotFound], rules);
            check_one_token(token, rules);
        }
        Action::Items => {
            check_can_update(token, rules);
            check_one_token(token, rules);
            // A charge that a worker has leased is for the items that were confirmed before.
            if rules.is_lease() && rules.is_leased(Call::is_session) {
                let reply = rules.reply_to(Call::is_session);
                rules.check(CoreRule::OneAtATime, false).unblocked_by(reply);
            }
        }
        Action::Card => {
            check_can_update(token, rules);
            check_one_token(token, rules);
        }
        Action::Retrieve => {
            let known = token.token.payment_token().is_some()
                || matches!(token.token.state(), TokenState::Absent | TokenState::Adopting);
            rules
                .check(CoreRule::NothingKnown, known)
                .unblocked_by(UnblockedBy::signal(SignalName::TokenUpdated.as_str()));
        }
        Action::RetrieveProvision | Action::RetrieveSession => {}
        Action::Delete => {
            check_not_deleted(token, rules);
            check_one_token(token, rules);
        }
    }
}

/// What a new command needs in addition.
pub(super) fn accepts(token: &PaymentToken, action: Action, rules: &mut Rules<'_>) {
    match action {
        Action::Create => check_not_started(token, rules),
        Action::Tokenize => {
            check_not_started(token, rules);
            // The customer has paid a checkout whose token is still missing. Another token needs no second payment.
            rules
                .check(CoreRule::OneAtATime, !token.token.is_paid_for(&token.history))
                .unblocked_by(UnblockedBy::signal(SignalName::TokenUpdated.as_str()));
            check_one_charge(token, rules);
        }
        Action::Charge if token.token.is(TokenState::Issued) => {
            check_one_charge(token, rules);
            // An open change of the items blocks the charge by itself.
            let certain = token.token.certain_items(rules.restored_last());
            let is_known = certain.is_some() || !token.items.is_settled() || may_be_unknown(rules);
            rules
                .check(Rule::SessionUnattendedItemsConfirmed, is_known)
                .unblocked_by(UnblockedBy::action(Action::Items.as_str()))
                .because(|| why_unknown(token).into());
        }
        Action::Items => check_one_update(&token.items, Call::is_of_items, rules),
        Action::Card => check_one_update(&token.card, Call::is_of_card, rules),
        Action::RetrieveProvision => {
            rules.check(CoreRule::NothingKnown, token.provision_request(None).is_some());
            let next_lookup = token.token.polled_before(&rules.config().lookups);
            let is_due = next_lookup.is_none_or(|at| at.is_over(rules.now()));
            rules.check(Rule::ProvisionNoPolling, is_due);
        }
        Action::RetrieveSession => {
            rules.check(CoreRule::NothingKnown, token.charge.session().is_some());
        }
        Action::Delete => {
            let has_token =
                !matches!(token.token.state(), TokenState::Absent | TokenState::Adopting | TokenState::Deleting);
            rules.check(CoreRule::NotNow, has_token);
        }
        Action::Charge | Action::Retrieve => {}
    }
}

/// The rules that depend on the contents of a command.
pub(super) fn check(token: &PaymentToken, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreatePaymentToken(command) => check_creation(command, rules),
        Command::CreatePaymentSession(command) if command.is_charge() => check_charge(token, command, rules),
        Command::CreatePaymentSession(command) => {
            let other_flow = UnblockedBy::action_of(PaymentSession::ID, SessionAction::Create.as_str());
            rules
                .check(CoreRule::OtherFlow, command.asks_for_token())
                .at("/tokenize")
                .unblocked_by(other_flow)
                .because(|| {
                    let (own, other) = (PaymentToken::ID, PaymentSession::ID);
                    format!(
                        "`payment_token` is missing or `null`, and `tokenize` is not `true`. A charge needs the \
                         `payment_token` that Truemed issued, and a checkout for a new token needs `tokenize=true`. Any \
                         other session belongs to `{other}`; this snapshot is `{own}`."
                    )
                });
            command.check(rules);
            check_intent(token, command, rules);
        }
        Command::UpdatePaymentToken(command) => check_update(command, rules),
        Command::RetrievePaymentToken { payment_token: given } => {
            let known = token.token.payment_token();
            let same = given.is_none() || known.is_none() || given.as_ref() == known;
            let is_known = given.is_some() || known.is_some();
            rules.check(CoreRule::NothingKnown, is_known).at("/payment_token");
            rules.check(CoreRule::UnknownId, same).at("/payment_token");
        }
        Command::RetrieveProvisionTokenRequest { provision_token_request_id: given } => {
            let has_any = token.provision_request(None).is_some();
            let known = given.is_none() || token.provision_request(given.as_ref()).is_some();
            rules.check(CoreRule::UnknownId, known || !has_any).at("/provision_token_request_id");
        }
        Command::RetrievePaymentSession { payment_session_id: given } => {
            let Some(session) = token.charge.session() else { return };
            rules
                .check(CoreRule::UnknownId, given.as_ref().is_none_or(|id| *id == session.id))
                .at("/payment_session_id");
        }
        Command::DeletePaymentToken {} => {}
    }
}

fn check_creation(command: &CreatePaymentToken, rules: &mut Rules<'_>) {
    let is_string = command.metadata.as_ref().is_none_or(|it| it.text().is_some());
    rules.check(Rule::MetadataString, is_string).at("/metadata");
    // A token needs items, at valid prices.
    rules.check(Rule::ProvisionItemsRequired, !command.order_items.is_empty()).at("/order_items");
    check_amounts(&command.order_items, rules);
    for (url, pointer) in [(&command.success_url, "/success_url"), (&command.failure_url, "/failure_url")] {
        rules
            .check(Rule::ProvisionUrlAbsolute, url.as_deref().is_some_and(is_absolute))
            .at(pointer)
            .because(|| why_not_secure(pointer, url.as_deref()));
        rules.check(Rule::SessionTokenUrlTemplate, url.as_deref().is_none_or(has_no_template)).at(pointer);
    }
    rules.check_extra::<CreatePaymentToken>(&command.extra);
}

fn check_charge(token: &PaymentToken, command: &CreatePaymentSession, rules: &mut Rules<'_>) {
    check_token(token, command.payment_token.as_ref(), rules);
    let items = rules.contents(|| command.items());
    check_items(token, items, rules);
    rules.check(Rule::SessionTokenizeXorToken, !command.asks_for_token()).at("/tokenize");
    command.check(rules);
    rules.check(CoreRule::IntentRequired, command.intent.is_some()).at("/intent");
    check_intent(token, command, rules);
}

/// Checks that the intent has no other cart.
fn check_intent(token: &PaymentToken, command: &CreatePaymentSession, rules: &mut Rules<'_>) {
    let Some(intent) = &command.intent else { return };
    // A new intent needs no fingerprint.
    let intents = token.charge.intents();
    if intents.outcome(intent).is_some() {
        let status = intents.status_of(intent, command.cart(command.items()));
        status.check(Rule::SessionIdempotencyNewCartNewKey, rules);
    }
}

fn check_update(command: &UpdatePaymentToken, rules: &mut Rules<'_>) {
    let card = command.update_card_info == Some(true);
    rules
        .check(Rule::UpdateCardXorItems, !(card && command.order_items.is_some()))
        .at("/update_card_info")
        .instead(Action::UPDATES);
    let items = command.order_items.as_deref();
    let has_items = items.is_some_and(|items| !items.is_empty());
    rules.check(Rule::UpdateNothingToDo, has_items || (card && items.is_none()));
    check_amounts(items.unwrap_or_default(), rules);
    rules.check_extra::<UpdatePaymentToken>(&command.extra);
}

/// Checks that the charged token is the issued one.
fn check_token(token: &PaymentToken, given: Option<&Token>, rules: &mut Rules<'_>) {
    let Some(given) = given.map(Token::as_str) else { return };
    let of_provision = token.token.provision_requests().any(|id| id.as_str() == given);
    let of_update = token.pending().any(|it| it.origin.as_ref().is_some_and(|id| id.as_str() == given));
    if of_provision || of_update || token.history.has_id(given) {
        rules.check(Rule::ProvisionRequestIsNotToken, false).at("/payment_token");
    } else if token.token.is(TokenState::Issued) {
        let same = token.token.payment_token().is_some_and(|have| have.as_str() == given);
        rules.check(Rule::SessionUnattendedNeedsActiveToken, same).at("/payment_token");
    }
}

/// Checks that the customer qualified for the charged items.
fn check_items(token: &PaymentToken, wanted: Digest, rules: &mut Rules<'_>) {
    let certain = token.token.certain_items(rules.restored_last());
    if !token.token.is(TokenState::Issued) || certain == Some(wanted) {
        return;
    }
    let update = UnblockedBy::action(Action::Items.as_str());
    if token.items.pending().is_some_and(|it| it.items == Some(wanted)) {
        let signal = UnblockedBy::signal(SignalName::TokenUpdated.as_str());
        rules.check(Rule::SessionUnattendedItemsConfirmed, false).at("/order_items").unblocked_by(signal);
    } else if certain.is_none() {
        // Mostly `accepts` has rejected the command already.
        rules
            .check(Rule::SessionUnattendedItemsConfirmed, !may_be_unknown(rules) && token.items.is_settled())
            .at("/order_items")
            .unblocked_by(update)
            .because(|| why_unknown(token).into());
    } else {
        rules.check(Rule::UpdateRequiredOnItemChange, false).at("/order_items").unblocked_by(update);
    }
}

/// Why no items of a token can be charged.
fn why_unknown(token: &PaymentToken) -> &'static str {
    match token.token.confirmed() {
        None => "The items of an adopted token are not known.",
        Some(_) => {
            "This row was restored from a backup, and the items may have been changed since. No lookup shows them. An update \
             with the items that the customer has makes them certain."
        }
    }
}

/// Whether the config lets a charge of a token with unknown items only warn.
fn may_be_unknown(rules: &Rules<'_>) -> bool {
    rules.config().level(Rule::SessionUnattendedItemsConfirmed.rule()) == Level::Warn
}

/// Checks that the token is not deleted, because a deleted token stays deleted.
fn check_not_deleted(token: &PaymentToken, rules: &mut Rules<'_>) {
    rules.check(Rule::TokenDeleteFinal, !token.token.is(TokenState::Deleted));
}

/// Rejects the use of a token while a person must say which of several it is. A request that may have succeeded is not
/// sent again either, because it could charge or change the wrong token now.
fn check_one_token(token: &PaymentToken, rules: &mut Rules<'_>) {
    let review = rules.open_review(Review::TwoTokens.as_str());
    if review.is_some() || token.token.is_named() {
        let is_lookup = |call: &Call| matches!(call, Call::RetrievePaymentToken(_));
        let decides = review.map(UnblockedBy::reply).or_else(|| rules.reply_to(is_lookup));
        rules.check(CoreRule::OneAtATime, false).unblocked_by(decides);
    }
}

/// Rejects the use of a token that is deleted, or whose deletion is pending. A refused deletion leaves the token as it
/// was.
fn reject_deleted(rules: &mut Rules<'_>) {
    let reply = rules.reply_to(is_delete);
    rules.check(Rule::TokenDeleteFinal, false).unblocked_by(reply);
}

/// Checks that a request for a token can be sent. A resend is always possible.
fn check_can_request(token: &PaymentToken, rules: &mut Rules<'_>) {
    if rules.is_resend() {
        return;
    }
    check_not_deleted(token, rules);
}

/// Checks that a new token can be requested: there is no token, and no request for one is open.
///
/// A request from before the token came can still be sent, because its customer is at the checkout.
fn check_not_started(token: &PaymentToken, rules: &mut Rules<'_>) {
    let is_started = matches!(token.token.state(), TokenState::Adopting | TokenState::Issued | TokenState::Deleting);
    rules.check(CoreRule::AlreadyStarted, !is_started);
    let creates_token = |call: &Call| matches!(call, Call::CreatePaymentToken(_) | Call::CreatePaymentSession(_));
    let reply = rules.reply_to(creates_token);
    rules.check(CoreRule::OneAtATime, reply.is_none()).unblocked_by(reply);
}

/// Checks that no other charge is open.
fn check_one_charge(token: &PaymentToken, rules: &mut Rules<'_>) {
    if matches!(token.charge.state(), ChargeState::Requested | ChargeState::Open) {
        let reply = rules.reply_to(Call::is_session);
        let ends = reply.unwrap_or_else(|| UnblockedBy::signal(SignalName::SessionComplete.as_str()));
        rules.check(CoreRule::OneAtATime, false).unblocked_by(ends);
    }
}

fn check_can_charge(token: &PaymentToken, rules: &mut Rules<'_>) {
    let updated = || UnblockedBy::signal(SignalName::TokenUpdated.as_str());
    // A charge is not sent any more once the host has requested the deletion, even if Truemed refuses the deletion.
    if rules.is_lease() && !rules.is_resend() && rules.pending(Call::is_session).is_some_and(|it| it.given_up) {
        return reject_deleted(rules);
    }
    match token.token.state() {
        TokenState::Issued => {}
        // Only a resend shows what became of a charge that was sent before the deletion.
        TokenState::Deleting | TokenState::Deleted if rules.is_resend() => return,
        TokenState::Deleting | TokenState::Deleted => return reject_deleted(rules),
        TokenState::Absent => {
            let create = UnblockedBy::action(Action::Create.as_str());
            rules.check(Rule::ProvisionNoChargeBeforeWebhook, false).unblocked_by(create);
            return;
        }
        TokenState::Requested | TokenState::Awaiting | TokenState::Adopting => {
            rules.check(Rule::ProvisionNoChargeBeforeWebhook, false).unblocked_by(updated());
            return;
        }
    }
    if rules.is_lease() && !rules.is_resend() && token.charge.awaits_search(rules).is_some() {
        let unblocked_by = rules.lookup_or_review(Call::is_find, Review::ChargeBeforeRestore.as_str());
        rules.check(Rule::SessionChargeAfterRestore, false).unblocked_by(unblocked_by);
    }
    if !token.items.is_settled() || !token.card.is_settled() {
        let reply = rules.reply_to(Call::is_update);
        let broken = rules.check(Rule::UpdateNoChargeWhileAction, false);
        broken.unblocked_by(reply.unwrap_or_else(updated)).because(|| way_out(token).into());
    }
    let failed = token.charge.state() == ChargeState::Failed;
    rules.check(Rule::ChargeResumeOnWebhook, !failed).unblocked_by(updated());
    let now = rules.now();
    let is_valid = |end: Option<Timestamp>| end.is_none_or(|end| !end.is_over(now));
    let letter = is_valid(token.token.lmn_expires_at());
    rules.check(Rule::UpkeepLmnExpiry, letter).unblocked_by(UnblockedBy::action(Action::Items.as_str()));
    let card = is_valid(token.token.card_expires_at());
    rules.check(Rule::UpkeepCardExpiry, card).unblocked_by(UnblockedBy::action(Action::Card.as_str()));
}

/// What to do about a change that waits for the customer, and that the host no longer wants.
fn way_out(token: &PaymentToken) -> &'static str {
    if token.card.pending().is_some() {
        "A card update cannot be dropped: the customer finishes it, or `update_payment_token/card` gives another page."
    } else if token.items.pending().is_some() {
        "`update_payment_token/items` with the confirmed items drops the change."
    } else {
        "The reply to the update decides."
    }
}

fn check_can_update(token: &PaymentToken, rules: &mut Rules<'_>) {
    match token.token.state() {
        TokenState::Issued => {}
        TokenState::Deleting | TokenState::Deleted => reject_deleted(rules),
        TokenState::Absent => {
            let create = UnblockedBy::action(Action::Create.as_str());
            rules.check(Rule::UpdateNeedsExistingToken, false).unblocked_by(create);
        }
        TokenState::Requested | TokenState::Awaiting | TokenState::Adopting => {
            rules
                .check(Rule::UpdateNeedsExistingToken, false)
                .unblocked_by(UnblockedBy::signal(SignalName::TokenUpdated.as_str()));
        }
    }
}

/// Checks that no worker has leased the pending update, because a leased update needs a reply first.
fn check_one_update(change: &Change, own: fn(&Call) -> bool, rules: &mut Rules<'_>) {
    if change.requested_seq().is_some() && rules.is_leased(own) {
        let reply = rules.reply_to(own);
        rules.check(Rule::UpdateOneOpenChange, false).unblocked_by(reply);
    }
}
