//! Commands: what the host wishes of a subscription, held against the rules that the wish itself decides.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::command::Command;
use super::ledger::Room;
use super::state::{Place, Subscription};
use super::{Context, refund_content};
use crate::flow::Stop;
use crate::id::Key;
use crate::providers::revup::amount::{Decimal, places_of};
use crate::providers::revup::call::{Call, CreateSubscription, RedirectUrl, RefundPayment};
use crate::providers::revup::ids::{OrderId, SubscriptionId, Token, TransactionId, is_uuid};
use crate::providers::revup::rules::Rule;
use crate::rule::{Kernel, Until};
use crate::url::{is_absolute, is_secure};

/// The most characters that a word on a cancellation has.
const DETAIL: usize = 25;

pub(super) fn wish(at: &mut Subscription, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    match command {
        Command::CreateSubscription(it) => create(at, it, cx),
        Command::RetrieveSubscription { subscription_id } => retrieve(at, subscription_id, cx),
        Command::RetrievePayments {} => payments(at, cx),
        Command::CancelSubscription { cancellation_detail } => cancel(at, cancellation_detail, cx),
        Command::RefundPayment(it) => refund(at, it, cx),
    }
}

fn create(at: &mut Subscription, command: Box<CreateSubscription>, cx: &mut Context<'_>) -> Result<(), Stop> {
    check_plan(&command, cx);
    check_parents(&command, cx);
    check_order_fields(&command, cx);
    check_urls(&command, cx);
    check_initial_amount(&command, cx);
    cx.check_extra::<CreateSubscription>(&command.extra);
    if at.place != Place::Absent {
        return Err(Stop::Refused);
    }
    *at = Subscription {
        place: Place::Requested,
        on_token: command.is_on_token(),
        order: command.parent_order_id.clone(),
        plan: command.plan_id.clone(),
        currency: command.currency.clone(),
        ..Subscription::default()
    };
    at.asked = Some(cx.owe(Call::CreateSubscription(command)));
    Ok(())
}

fn check_plan(command: &CreateSubscription, cx: &mut Context<'_>) {
    let plan = command.plan_id.as_deref();
    cx.check(Rule::CreatePlanIdRequired, plan.is_some_and(is_uuid)).at("/planId");
    let currency = command.currency.as_deref().unwrap_or_default();
    let allowed = is_currency(currency) && cx.settings().allows(plan, currency);
    cx.check(Rule::CreateCurrencyRequired, allowed).at("/currency");
}

/// The three ids of a token stand together, and the token is the key.
fn check_parents(command: &CreateSubscription, cx: &mut Context<'_>) {
    let ids = [
        ("/tokenId", command.token_id.as_ref().map(Token::as_str)),
        ("/parentTransactionId", command.parent_transaction_id.as_ref().map(TransactionId::as_str)),
        ("/parentOrderId", command.parent_order_id.as_ref().map(OrderId::as_str)),
    ];
    if !command.is_on_token() {
        return;
    }
    let missing: Vec<_> = ids.iter().filter(|(_, id)| id.is_none()).map(|(pointer, _)| *pointer).collect();
    cx.check(Rule::CreateTokenFieldsRequired, missing.is_empty())
        .at(missing.first().copied().unwrap_or_default())
        .because(|| format!("Missing: {}.", missing.join(", ").replace('/', "")));
    for (pointer, id) in ids.iter().filter_map(|(pointer, id)| id.map(|id| (*pointer, id))) {
        cx.check(Rule::CreateTokenFieldsUuid, is_uuid(id)).at(pointer);
    }
    let Some(token) = &command.token_id else { return };
    let key = Key::of("revup.token", token.as_str());
    cx.check(Rule::TokenOneSubscription, *cx.key() == key).at("/tokenId").because(|| {
        format!("The flow of this token has the key `{key}`, which `key_of` gives for `revup.token` and the token's id.")
    });
}

fn check_order_fields(command: &CreateSubscription, cx: &mut Context<'_>) {
    let fields = [
        ("/money", command.money.is_some()),
        ("/generateToken", command.generate_token.is_some()),
        ("/notificationUrl", command.notification_url.is_some()),
    ];
    for (pointer, given) in fields {
        cx.check(Rule::CreateNoOrderFields, !given).at(pointer);
    }
    let plain = command.payment_details.is_none();
    if !command.is_on_token() {
        cx.check(Rule::CreateNoOrderFields, plain).at("/paymentDetails");
    } else {
        // Of a token the document says that it is not needed, not that it must not be sent.
        cx.warn(Rule::CreateNoOrderFields, plain).at("/paymentDetails");
        cx.check(Rule::CreateToken3dsFieldsUnneeded, command.three_ds_support.is_none()).at("/threeDSSupport");
        let result = command.redirect_url.as_ref().and_then(|it| it.three_ds_challenge_result.as_ref());
        cx.check(Rule::CreateToken3dsFieldsUnneeded, result.is_none()).at("/redirectUrl/threeDSChallengeResult");
    }
}

fn check_urls(command: &CreateSubscription, cx: &mut Context<'_>) {
    let events = command.event_subscription_url.as_deref().unwrap_or_default();
    cx.check(Rule::CreateEventUrlRequired, is_absolute(events)).at("/eventSubscriptionUrl");
    let plain = is_absolute(events) && !is_secure(events);
    cx.warn(Rule::CreateEventUrlRequired, !plain).at("/eventSubscriptionUrl");
    let none = RedirectUrl::default();
    let pages = command.redirect_url.as_ref().unwrap_or(&none);
    for (pointer, page) in [("/redirectUrl/success", &pages.success), ("/redirectUrl/fail", &pages.fail)] {
        let absolute = page.as_deref().is_some_and(is_absolute);
        cx.check(Rule::CreateRedirectUrls, absolute).at(pointer);
    }
}

fn check_initial_amount(command: &CreateSubscription, cx: &mut Context<'_>) {
    const AT: &str = "/overwrite/initialAmount";
    let Some(amount) = command.overwrite.as_ref().and_then(|it| it.initial_amount.as_ref()) else { return };
    let value = amount.decimal();
    cx.check(Rule::CreateInitialAmountDecimal, value.is_some()).at(AT);
    let places = places_of(command.currency.as_deref().unwrap_or_default());
    let fits = value.is_none_or(|it| !it.is_negative() && it.places() <= places);
    cx.check(Rule::CreateInitialAmount, fits).at(AT);
    cx.warn(Rule::CreateInitialAmount, value.is_none_or(|it| !it.is_zero()))
        .at(AT)
        .because(|| "The first charge is of nothing.".into());
}

fn retrieve(at: &mut Subscription, given: Option<SubscriptionId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let known = at.id.clone().or_else(|| given.clone());
    let same = given.is_none() || given == known;
    cx.check(Kernel::NoEdge, known.is_some() && same).at("/subscriptionId");
    cx.finish()?;
    match at.place {
        Place::Requested => return Err(Stop::Refused),
        Place::Absent => {
            *at = Subscription { place: Place::Adopting, id: known, ..Subscription::default() };
            at.confirm(cx);
        }
        // What is over, or looked up already, needs no schedule.
        Place::Adopting | Place::Attested | Place::Archived | Place::Cancelled => {
            if !cx.in_hand(Call::is_of_status) {
                at.confirm(cx);
            }
        }
        _ => at.ask(cx),
    }
    Ok(())
}

fn payments(at: &mut Subscription, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Some(id) = at.id.clone().filter(|_| at.place.is_known()) else { return Err(Stop::Refused) };
    if !cx.in_hand(Call::is_of_period) {
        cx.look_up(Call::RetrievePayments(id, 1));
    }
    Ok(())
}

fn cancel(at: &mut Subscription, detail: Option<String>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let short = detail.as_ref().is_none_or(|text| text.chars().count() <= DETAIL);
    cx.check(Rule::CancelDetailMax25, short).at("/cancellationDetail");
    let Some(id) = at.id.clone().filter(|_| at.place.is_known()) else { return Err(Stop::Refused) };
    cx.owe(Call::CancelSubscription(id, detail));
    at.cancelling = true;
    Ok(())
}

fn refund(at: &mut Subscription, command: Box<RefundPayment>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let known = at.ledger.currency(&command.transaction_id).or(at.currency.as_deref());
    let same = known.is_none_or(|currency| currency.eq_ignore_ascii_case(&command.currency));
    cx.check(Rule::RefundCurrency, same && is_currency(&command.currency)).at("/currency");
    let amount = command.amount.decimal();
    cx.check(Rule::RefundAmountDecimal, amount.is_some()).at("/amount");
    let places = places_of(&command.currency);
    let fits = amount.is_none_or(|it| !it.is_negative() && !it.is_zero() && it.places() <= places);
    cx.check(Rule::RefundAmount, fits).at("/amount");
    cx.check_extra::<RefundPayment>(&command.extra);
    cx.check(Kernel::IntentRequired, command.intent.is_some()).at("/intent");
    cx.finish()?;
    let Some(intent) = command.intent.clone() else { return Err(Stop::Refused) };
    if at.id.is_none() {
        return Err(Stop::Refused);
    }
    let content = refund_content(&command);
    let ordinal = at.refunds.standing(&intent, content).ordinal(Rule::RefundIntentUnique, cx)?;
    if let Some(amount) = amount {
        check_room(at, &command, amount, cx);
        at.ledger.give(&command.transaction_id, amount);
    }
    at.refunds.open(intent.clone(), content, ordinal);
    cx.owe_as(Call::RefundPayment(command), &intent, ordinal);
    Ok(())
}

/// The refunds of a payment add up to no more than it.
fn check_room(at: &Subscription, command: &RefundPayment, amount: Decimal, cx: &mut Context<'_>) {
    let room = at.ledger.room(&command.transaction_id, amount);
    let check = cx.check(Rule::RefundCeiling, room == Room::Enough).at("/amount");
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
