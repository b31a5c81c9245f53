//! The rules of a subscription's actions: what its state decides, and what a command's contents do.

use alloc::format;
use alloc::vec::Vec;

use super::command::{Command, Wish};
use super::ledger::Room;
use super::state::{Payment, Place};
use super::{CREATED, Rules, Subscription, refund_content};
use crate::id::Key;
use crate::providers::revup::amount::{Decimal, places_of};
use crate::providers::revup::call::{Call, CreateSubscription, RedirectUrl, RefundPayment};
use crate::providers::revup::ids::{OrderId, Token, TransactionId, is_uuid};
use crate::providers::revup::rules::Rule;
use crate::rule::{CoreRule, Until};
use crate::url::{is_absolute, is_secure};

/// The most characters that a word on a cancellation has.
const DETAIL: usize = 25;

/// What an action of the subscription's needs, and again the request that came of it when it is leased.
pub(super) fn permits(at: &Subscription, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create | Wish::Retrieve => {}
        Wish::Payments => {
            known(at, rules);
            if at.place.is_known() {
                // What is not paid for now has no end that could be measured; what is over may still be given back.
                let paid = matches!(at.place, Place::Fulfilled | Place::Cancelled);
                rules.check(CoreRule::NotNow, paid).until(Until::Signal(CREATED));
            }
        }
        Wish::Cancel => {
            known(at, rules);
            rules.check(Rule::CancelNotWhenTerminal, !at.place.is_final());
        }
        Wish::Refund => {
            known(at, rules);
            if at.place.is_known() {
                let created = (at.place == Place::Awaiting).then_some(Until::Signal(CREATED));
                rules.check(Rule::RefundCurrency, has_paid(at)).at("/transactionId").until(created);
            }
        }
    }
}

/// What a new command needs besides.
pub(super) fn accepts(at: &Subscription, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create => create(at, rules),
        Wish::Retrieve if at.place == Place::Requested => known(at, rules),
        _ => {}
    }
}

/// The rules that the contents of a command decide.
pub(super) fn check(at: &Subscription, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreateSubscription(it) => {
            check_plan(it, rules);
            check_parents(it, rules);
            check_order_fields(it, rules);
            check_urls(it, rules);
            check_initial_amount(it, rules);
            rules.check_extra::<CreateSubscription>(&it.extra);
        }
        Command::RetrieveSubscription { subscription_id: given } => {
            let same = given.is_none() || at.id.is_none() || *given == at.id;
            // That nothing is known yet has been said already.
            let some = given.is_some() || at.id.is_some() || at.place == Place::Requested;
            rules.check(CoreRule::NothingKnown, some).at("/subscriptionId");
            rules.check(CoreRule::UnknownId, same).at("/subscriptionId");
        }
        Command::RetrievePayments {} => {}
        Command::CancelSubscription { cancellation_detail: detail } => {
            let short = detail.as_ref().is_none_or(|text| text.chars().count() <= DETAIL);
            rules.check(Rule::CancelDetailMax25, short).at("/cancellationDetail");
        }
        Command::RefundPayment(it) => check_refund(at, it, rules),
    }
}

fn check_refund(at: &Subscription, it: &RefundPayment, rules: &mut Rules<'_>) {
    let known = at.ledger.currency(&it.transaction_id).or(at.currency.as_deref());
    let same = known.is_none_or(|currency| currency.eq_ignore_ascii_case(&it.currency));
    rules.check(Rule::RefundCurrency, same && is_currency(&it.currency)).at("/currency");
    let amount = it.amount.decimal();
    rules.check(Rule::RefundAmountDecimal, amount.is_some()).at("/amount");
    let places = places_of(&it.currency);
    let fits = amount.filter(|it| !it.is_negative() && !it.is_zero() && it.places() <= places);
    rules.check(Rule::RefundAmount, fits.is_some() || amount.is_none()).at("/amount");
    rules.check_extra::<RefundPayment>(&it.extra);
    rules.check(CoreRule::IntentRequired, it.intent.is_some()).at("/intent");
    if let Some(intent) = &it.intent {
        at.refunds.standing(intent, refund_content(it)).check(Rule::RefundIntentUnique, rules);
    }
    if let Some(amount) = amount.filter(|_| at.place.is_known() && has_paid(at)) {
        check_room(at, it, amount, rules);
    }
}

/// Whether it was ever paid: of a cancelled one, Revup alone knows.
fn has_paid(at: &Subscription) -> bool {
    at.payment == Payment::Accepted || at.place == Place::Cancelled
}

/// Revup knows the subscription, and we its id.
fn known(at: &Subscription, rules: &mut Rules<'_>) {
    let until = match at.place {
        Place::Absent => Some(Until::wish("create_subscription")),
        Place::Requested | Place::Adopting | Place::Attested => {
            let own = |call: &Call| call.is_create() || matches!(call, Call::RetrieveSubscription(_));
            rules.until_reply(own)
        }
        _ => return,
    };
    rules.check(CoreRule::NotNow, false).until(until);
}

fn create(at: &Subscription, rules: &mut Rules<'_>) {
    if at.place == Place::Absent {
        // An event names a subscription on our order: a person is to say whether it is ours.
        rules.check(Rule::CreateNoBlindRetry, at.named.is_none());
        return;
    }
    match at.place {
        // What was asked for, and is neither answered nor still to be sent.
        Place::Requested if rules.owed(Call::is_create).is_none_or(|it| it.sent) => {
            rules.check(Rule::CreateNoBlindRetry, false);
        }
        Place::Archived => {
            rules.check(Rule::InitialPaymentNoRetry, false);
        }
        _ => {}
    }
    if at.on_token {
        rules.check(Rule::TokenOneSubscription, false).at("/tokenId");
    }
    rules.check(CoreRule::AlreadyStarted, false);
}

fn check_plan(command: &CreateSubscription, rules: &mut Rules<'_>) {
    let plan = command.plan_id.as_deref();
    rules.check(Rule::CreatePlanIdRequired, plan.is_some_and(is_uuid)).at("/planId");
    let currency = command.currency.as_deref().unwrap_or_default();
    let allowed = is_currency(currency) && rules.settings().allows(plan, currency);
    rules.check(Rule::CreateCurrencyRequired, allowed).at("/currency");
}

/// The three ids of a token stand together, and the token is the key.
fn check_parents(command: &CreateSubscription, rules: &mut Rules<'_>) {
    let ids = [
        ("/tokenId", command.token_id.as_ref().map(Token::as_str)),
        ("/parentTransactionId", command.parent_transaction_id.as_ref().map(TransactionId::as_str)),
        ("/parentOrderId", command.parent_order_id.as_ref().map(OrderId::as_str)),
    ];
    if !command.is_on_token() {
        return;
    }
    let missing: Vec<_> = ids.iter().filter(|(_, id)| id.is_none()).map(|(pointer, _)| *pointer).collect();
    rules.check(Rule::CreateTokenFieldsRequired, missing.is_empty())
        .at(missing.first().copied().unwrap_or_default())
        .because(|| format!("Missing: {}.", missing.join(", ").replace('/', "")));
    for (pointer, id) in ids.iter().filter_map(|(pointer, id)| id.map(|id| (*pointer, id))) {
        rules.check(Rule::CreateTokenFieldsUuid, is_uuid(id)).at(pointer);
    }
    let Some(token) = &command.token_id else { return };
    let key = Key::of("revup.token", token.as_str());
    rules.check(Rule::TokenOneSubscription, *rules.key() == key).at("/tokenId").because(|| {
        format!("The flow of this token has the key `{key}`, which `key_of` gives for `revup.token` and the token's id.")
    });
}

fn check_order_fields(command: &CreateSubscription, rules: &mut Rules<'_>) {
    let fields = [
        ("/money", command.money.is_some()),
        ("/generateToken", command.generate_token.is_some()),
        ("/notificationUrl", command.notification_url.is_some()),
    ];
    for (pointer, given) in fields {
        rules.check(Rule::CreateNoOrderFields, !given).at(pointer);
    }
    let plain = command.payment_details.is_none();
    if !command.is_on_token() {
        rules.check(Rule::CreateNoOrderFields, plain).at("/paymentDetails");
    } else {
        // Of a token the document says that it is not needed, not that it must not be sent.
        rules.warn(Rule::CreateNoOrderFields, plain).at("/paymentDetails");
        rules.check(Rule::CreateToken3dsFieldsUnneeded, command.three_ds_support.is_none()).at("/threeDSSupport");
        let result = command.redirect_url.as_ref().and_then(|it| it.three_ds_challenge_result.as_ref());
        rules.check(Rule::CreateToken3dsFieldsUnneeded, result.is_none()).at("/redirectUrl/threeDSChallengeResult");
    }
}

fn check_urls(command: &CreateSubscription, rules: &mut Rules<'_>) {
    let events = command.event_subscription_url.as_deref().unwrap_or_default();
    rules.check(Rule::CreateEventUrlRequired, is_absolute(events)).at("/eventSubscriptionUrl");
    let plain = is_absolute(events) && !is_secure(events);
    rules.warn(Rule::CreateEventUrlRequired, !plain).at("/eventSubscriptionUrl");
    let none = RedirectUrl::default();
    let pages = command.redirect_url.as_ref().unwrap_or(&none);
    for (pointer, page) in [("/redirectUrl/success", &pages.success), ("/redirectUrl/fail", &pages.fail)] {
        let absolute = page.as_deref().is_some_and(is_absolute);
        rules.check(Rule::CreateRedirectUrls, absolute).at(pointer);
    }
}

fn check_initial_amount(command: &CreateSubscription, rules: &mut Rules<'_>) {
    const AT: &str = "/overwrite/initialAmount";
    let Some(amount) = command.overwrite.as_ref().and_then(|it| it.initial_amount.as_ref()) else { return };
    let value = amount.decimal();
    rules.check(Rule::CreateInitialAmountDecimal, value.is_some()).at(AT);
    let places = places_of(command.currency.as_deref().unwrap_or_default());
    let fits = value.is_none_or(|it| !it.is_negative() && it.places() <= places);
    rules.check(Rule::CreateInitialAmount, fits).at(AT);
    rules.warn(Rule::CreateInitialAmount, value.is_none_or(|it| !it.is_zero()))
        .at(AT)
        .because(|| "The first charge is of nothing.".into());
}

/// The refunds of a payment add up to no more than it.
fn check_room(at: &Subscription, command: &RefundPayment, amount: Decimal, rules: &mut Rules<'_>) {
    let room = at.ledger.room(&command.transaction_id, amount);
    let check = rules.check(Rule::RefundCeiling, room == Room::Enough).at("/amount");
    let look = Until::wish("retrieve_payments");
    let _ = match room {
        Room::Enough => check,
        Room::Short { left, proved: true } => check.because(|| format!("{left} of the payment is left.")),
        Room::Short { left, proved: false } => {
            check.because(|| format!("As far as is known, {left} of the payment is left.")).until(look)
        }
        Room::Unknown => {
            check.because(|| "No lookup has shown how much the payment was.".into()).until(look)
        }
        Room::Forgotten => {
            let why = "Only the newest 128 payments are remembered, and this one is not among them: how much it was is unknown.";
            check.because(|| why.into()).until(look)
        }
    };
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
