//! Commands: what the host wishes of a token, held against the rules that the wish itself decides.

use alloc::boxed::Box;

use super::command::{Command, Wish};
use super::guard::{is_of_card, is_of_items, one_charge};
use super::origin::Origin;
use super::state::{Change, Charge, PaymentToken, Pending, Place, Provision, WATCHED};
use super::{Context, TOKEN_UPDATED};
use crate::fact::Because;
use crate::flow::{Standing, Stop, Watch};
use crate::id::{Digest, Intent};
use crate::providers::truemed::call::{Call, CreatePaymentToken, UpdatePaymentToken};
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::providers::truemed::operations::UNCONFIRMED;
use crate::providers::truemed::order::{OrderItem, check_amounts, digest};
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::Asked;
use crate::providers::truemed::session_request::{CreatePaymentSession, has_no_template};
use crate::rule::{Kernel, Until};
use crate::url::is_absolute;
use crate::value::echoed;

pub(super) fn wish(at: &mut PaymentToken, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    match command {
        Command::CreatePaymentToken(it) => create_token(at, it, cx),
        Command::CreatePaymentSession(it) if it.is_charge() => charge(at, it, cx),
        Command::CreatePaymentSession(it) => tokenize(at, it, cx),
        Command::UpdatePaymentToken(it) => update(at, it, cx),
        Command::RetrievePaymentToken { payment_token } => retrieve_token(at, payment_token, cx),
        Command::RetrieveProvisionTokenRequest { provision_token_request_id: id } => retrieve_provision(at, id, cx),
        Command::RetrievePaymentSession { payment_session_id: id } => retrieve_session(at, id.as_ref(), cx),
        Command::DeletePaymentToken {} => delete(at, cx),
    }
}

fn create_token(at: &mut PaymentToken, mut command: CreatePaymentToken, cx: &mut Context<'_>) -> Result<(), Stop> {
    let text = command.metadata.as_ref().is_none_or(|it| it.text().is_some());
    cx.check(Rule::MetadataString, text).at("/metadata");
    check_items_of(&command.order_items, cx);
    for (url, pointer) in [(&command.success_url, "/success_url"), (&command.failure_url, "/failure_url")] {
        cx.check(Rule::ProvisionUrlAbsolute, url.as_deref().is_some_and(is_absolute)).at(pointer);
        cx.check(Rule::SessionTokenUrlTemplate, url.as_deref().is_none_or(has_no_template)).at(pointer);
    }
    cx.check_extra::<CreatePaymentToken>(&command.extra);
    cx.finish()?;
    let metadata = echoed(&mut command.metadata, cx.key());
    at.metadata = Some(Digest::of([metadata.as_bytes()]));
    provision(at, digest(&command.order_items), cx);
    cx.owe(Call::CreatePaymentToken(command));
    Ok(())
}

/// A token is for something, at prices that there are.
fn check_items_of(items: &[OrderItem], cx: &mut Context<'_>) {
    cx.check(Rule::ProvisionItemsRequired, !items.is_empty()).at("/order_items");
    check_amounts(items, cx);
}

/// Opens another attempt to get a token; the oldest beyond the eighth is given up.
fn provision(at: &mut PaymentToken, items: Digest, cx: &mut Context<'_>) -> u32 {
    let nth = at.count();
    let watch = Watch::new(cx.now());
    at.provisions.push(Provision { nth, origin: None, items, redirect_url: None, watch });
    if at.provisions.len() > WATCHED
        && let Some(Origin::Request(id)) = at.provisions.remove(0).origin
    {
        cx.withdraw(|call| matches!(call, Call::RetrieveProvisionTokenRequest(have) if *have == id));
        cx.withdraw_word("no_signal", id.as_str());
    }
    at.settle_place();
    nth
}

fn tokenize(at: &mut PaymentToken, mut command: Box<CreatePaymentSession>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let other = Until::Wish { command: "create_payment_session", flow: Some("truemed.payment_session") };
    cx.check(Kernel::OtherFlow, command.asks_for_token()).at("/tokenize").until(other);
    cx.finish()?;
    command.check(cx);
    let items = command.items();
    let cart = command.cart(items);
    let ordinal = admit(at, command.intent.as_ref(), cart, cx)?;
    let metadata = echoed(&mut command.metadata, cx.key());
    at.metadata = Some(Digest::of([metadata.as_bytes()]));
    let nth = provision(at, items, cx);
    at.charge = Charge::Requested { nth, asked: Asked::of(&command, cart, &metadata), failed: None };
    owe_session(at, command, cart, ordinal, cx);
    Ok(())
}

fn charge(at: &mut PaymentToken, mut command: Box<CreatePaymentSession>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let items = command.items();
    check_token(at, command.payment_token.as_ref(), cx);
    check_items(at, items, cx);
    cx.check(Rule::SessionTokenizeXorToken, !command.asks_for_token()).at("/tokenize");
    command.check(cx);
    cx.check(Kernel::IntentRequired, command.intent.is_some()).at("/intent");
    cx.finish()?;
    let cart = command.cart(items);
    let ordinal = admit(at, command.intent.as_ref(), cart, cx)?;
    let metadata = echoed(&mut command.metadata, cx.key());
    let nth = at.count();
    at.charge = Charge::Requested { nth, asked: Asked::of(&command, cart, &metadata), failed: None };
    owe_session(at, command, cart, ordinal, cx);
    Ok(())
}

/// The token to charge is the one that was issued.
fn check_token(at: &PaymentToken, given: Option<&Token>, cx: &mut Context<'_>) {
    let Some(given) = given.map(Token::as_str) else { return };
    let is_request = |origin: &Origin| matches!(origin, Origin::Request(id) if id.as_str() == given);
    let of_provision = at.provisions.iter().filter_map(|it| it.origin.as_ref()).any(is_request);
    let of_update = at.pending().any(|it| it.origin.as_ref().is_some_and(|id| id.as_str() == given));
    if of_provision || of_update || at.closed.has_id(given) {
        cx.check(Rule::ProvisionRequestIsNotToken, false).at("/payment_token");
    } else if at.place == Place::Issued {
        let same = at.token.as_ref().is_some_and(|have| have.as_str() == given);
        cx.check(Rule::SessionUnattendedNeedsActiveToken, same).at("/payment_token");
    }
}

/// The items to charge are those that the customer qualified for.
fn check_items(at: &PaymentToken, wanted: Digest, cx: &mut Context<'_>) {
    if at.place != Place::Issued || at.confirmed == Some(wanted) {
        return;
    }
    let update = Until::wish(Wish::ITEMS);
    if matches!(&at.items, Change::Pending(it) if it.items == Some(wanted)) {
        let signal = Until::Signal(TOKEN_UPDATED);
        cx.check(Rule::SessionUnattendedItemsConfirmed, false).at("/order_items").until(signal);
    } else if at.confirmed.is_none() {
        cx.check(Rule::SessionUnattendedItemsConfirmed, false)
            .at("/order_items")
            .until(update)
            .because(|| "What an adopted token's customer qualified for is not known.".into());
    } else {
        cx.check(Rule::UpdateRequiredOnItemChange, false).at("/order_items").until(update);
    }
}

/// Lets a session through if no rule is broken, and says how often its intent has been tried then.
fn admit(at: &PaymentToken, intent: Option<&Intent>, cart: Digest, cx: &mut Context<'_>) -> Result<u32, Stop> {
    let ordinal = match intent.map(|intent| at.intents.standing(intent, cart)) {
        None => 0,
        Some(Standing::Fresh(ordinal)) => ordinal,
        Some(Standing::Same) => return Err(Because::Known.into()),
        Some(Standing::Other) => {
            cx.check(Rule::SessionIdempotencyNewCartNewKey, false).at("/intent");
            cx.finish()?;
            0
        }
    };
    one_charge(at, cx);
    cx.finish()?;
    Ok(ordinal)
}

/// Owes the session under its intent, or under an ordinal where it has none.
fn owe_session(
    at: &mut PaymentToken,
    command: Box<CreatePaymentSession>,
    cart: Digest,
    ordinal: u32,
    cx: &mut Context<'_>,
) {
    let intent = command.intent.clone();
    let call = Call::CreatePaymentSession(command);
    match intent {
        None => cx.owe(call),
        Some(intent) => {
            let id = cx.owe_as(call, &intent, ordinal);
            at.intents.open(intent, cart, ordinal);
            id
        }
    };
}

fn update(at: &mut PaymentToken, command: UpdatePaymentToken, cx: &mut Context<'_>) -> Result<(), Stop> {
    let card = command.update_card_info == Some(true);
    let items = command.order_items.as_deref().map(digest);
    cx.check(Rule::UpdateCardXorItems, !(card && items.is_some()))
        .at("/update_card_info")
        .instead(&[Wish::ITEMS, Wish::CARD]);
    let some = command.order_items.as_ref().is_some_and(|items| !items.is_empty());
    cx.check(Rule::UpdateNothingToDo, some || (card && items.is_none()));
    cx.finish()?;
    check_amounts(command.order_items.as_deref().unwrap_or_default(), cx);
    cx.check_extra::<UpdatePaymentToken>(&command.extra);
    cx.finish()?;
    let Some(token) = at.token.clone() else { return Err(Stop::Refused) };
    let nth = at.count();
    let change = if items.is_some() { &mut at.items } else { &mut at.card };
    let own = if items.is_some() { is_of_items } else { is_of_card };
    let (replaces, doubt) = match core::mem::take(change) {
        Change::Settled => (None, None),
        Change::Pending(pending) => {
            // Nobody is asked about it until it turns out whether the newer one takes its place.
            cx.withdraw_word(UNCONFIRMED, pending.of.as_str());
            (Some(pending), None)
        }
        Change::Updating { nth, items, replaces, doubt } => {
            // Nobody has it in hand: the newer wish takes its place, and settles it once it is done.
            let sent = cx.owed(own).filter(|it| it.sent).map(|it| it.id.clone());
            cx.withdraw(own);
            match sent {
                Some(of) => (None, Some(Pending::of_doubt(of, (nth, items), replaces, cx))),
                None => (replaces, doubt),
            }
        }
    };
    *change = Change::Updating { nth, items, replaces, doubt };
    cx.owe(Call::UpdatePaymentToken(token, command));
    Ok(())
}

fn retrieve_token(at: &mut PaymentToken, given: Option<Token>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let known = at.token.clone().or_else(|| given.clone());
    let same = given.is_none() || given == known;
    cx.check(Kernel::NoEdge, known.is_some() && same).at("/payment_token");
    cx.finish()?;
    let Some(token) = known else { return Err(Stop::Refused) };
    cx.look_up(Call::RetrievePaymentToken(token.clone()));
    if at.place == Place::Absent {
        at.place = Place::Adopting;
        at.token = Some(token);
    }
    Ok(())
}

fn retrieve_provision(at: &mut PaymentToken, given: Option<ProvisionTokenRequestId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let id = at.provision_request(given.as_ref()).cloned();
    cx.check(Kernel::NoEdge, id.is_some()).at("/provision_token_request_id");
    cx.finish()?;
    if let Some(id) = id {
        cx.look_up(Call::RetrieveProvisionTokenRequest(id));
    }
    Ok(())
}

fn retrieve_session(at: &mut PaymentToken, given: Option<&PaymentSessionId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Charge::Open { session, .. } = &at.charge else { return Err(Stop::Refused) };
    let same = given.is_none_or(|id| *id == session.id);
    cx.check(Kernel::NoEdge, same).at("/payment_session_id");
    cx.finish()?;
    cx.look_up(Call::RetrievePaymentSession(session.id.clone()));
    Ok(())
}

fn delete(at: &mut PaymentToken, cx: &mut Context<'_>) -> Result<(), Stop> {
    cx.finish()?;
    let Some(token) = at.token.clone() else { return Err(Stop::Refused) };
    cx.owe(Call::DeletePaymentToken(token));
    at.place = Place::Deleting;
    Ok(())
}

impl PaymentToken {
    /// The provision request of that id, or the newest, among those that are open.
    fn provision_request(&self, given: Option<&ProvisionTokenRequestId>) -> Option<&ProvisionTokenRequestId> {
        let of_provisions = self.provisions.iter().filter_map(|it| match &it.origin {
            Some(Origin::Request(id)) => Some(id),
            _ => None,
        });
        let mut open = of_provisions.chain(self.pending().filter_map(|it| it.origin.as_ref()));
        open.rfind(|have| given.is_none_or(|given| given == *have))
    }
}
