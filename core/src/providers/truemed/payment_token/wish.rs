//! Commands: what becomes of a token when the host wants something of it, once no rule stands in the way.

use alloc::boxed::Box;

use super::command::Command;
use super::origin::Origin;
use super::state::{Change, Charge, PaymentToken, Pending, Place, Provision, WATCHED};
use super::Context;
use crate::flow::{Stop, Watch};
use crate::id::{Digest, Intent};
use crate::providers::truemed::call::{Call, CreatePaymentToken, UpdatePaymentToken};
use crate::providers::truemed::ids::{ProvisionTokenRequestId, Token};
use crate::providers::truemed::operations::UNCONFIRMED;
use crate::providers::truemed::order::digest;
use crate::providers::truemed::session::Asked;
use crate::providers::truemed::session_request::CreatePaymentSession;
use crate::value::echoed;

pub(super) fn wish(at: &mut PaymentToken, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    match command {
        Command::CreatePaymentToken(it) => create_token(at, it, cx),
        Command::CreatePaymentSession(it) if it.is_charge() => charge(at, it, cx),
        Command::CreatePaymentSession(it) => tokenize(at, it, cx),
        Command::UpdatePaymentToken(it) => update(at, it, cx),
        Command::RetrievePaymentToken { payment_token } => retrieve_token(at, payment_token, cx),
        Command::RetrieveProvisionTokenRequest { provision_token_request_id: id } => retrieve_provision(at, id, cx),
        Command::RetrievePaymentSession { .. } => retrieve_session(at, cx),
        Command::DeletePaymentToken {} => delete(at, cx),
    }
}

fn create_token(at: &mut PaymentToken, mut command: CreatePaymentToken, cx: &mut Context<'_>) -> Result<(), Stop> {
    let metadata = echoed(&mut command.metadata, cx.key());
    at.metadata = Some(Digest::of([metadata.as_bytes()]));
    provision(at, digest(&command.order_items), cx);
    cx.owe(Call::CreatePaymentToken(command));
    Ok(())
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
    let items = command.items();
    let cart = command.cart(items);
    let ordinal = ordinal(at, command.intent.as_ref(), cart)?;
    let metadata = echoed(&mut command.metadata, cx.key());
    at.metadata = Some(Digest::of([metadata.as_bytes()]));
    let nth = provision(at, items, cx);
    at.charge = Charge::Requested { nth, asked: Asked::of(&command, cart, &metadata), failed: None };
    owe_session(at, command, cart, ordinal, cx);
    Ok(())
}

fn charge(at: &mut PaymentToken, mut command: Box<CreatePaymentSession>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let items = command.items();
    let cart = command.cart(items);
    let ordinal = ordinal(at, command.intent.as_ref(), cart)?;
    let metadata = echoed(&mut command.metadata, cx.key());
    let nth = at.count();
    at.charge = Charge::Requested { nth, asked: Asked::of(&command, cart, &metadata), failed: None };
    owe_session(at, command, cart, ordinal, cx);
    Ok(())
}

/// How often the intent of a session has been tried then.
fn ordinal(token: &PaymentToken, intent: Option<&Intent>, cart: Digest) -> Result<u32, Stop> {
    intent.map_or(Ok(0), |intent| token.intents.standing(intent, cart).ordinal())
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
    let items = command.order_items.as_deref().map(digest);
    let Some(token) = at.token.clone() else { return Err(Stop::NotNow) };
    let nth = at.count();
    let change = if items.is_some() { &mut at.items } else { &mut at.card };
    let own = if items.is_some() { Call::is_of_items } else { Call::is_of_card };
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
    let known = at.token.clone().or(given);
    let Some(token) = known else { return Err(Stop::NotNow) };
    cx.look_up(Call::RetrievePaymentToken(token.clone()));
    if at.place == Place::Absent {
        at.place = Place::Adopting;
        at.token = Some(token);
    }
    Ok(())
}

fn retrieve_provision(at: &mut PaymentToken, given: Option<ProvisionTokenRequestId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let id = at.provision_request(given.as_ref()).cloned();
    cx.look_up(Call::RetrieveProvisionTokenRequest(id.ok_or(Stop::NotNow)?));
    Ok(())
}

fn retrieve_session(at: &PaymentToken, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Charge::Open { session, .. } = &at.charge else { return Err(Stop::NotNow) };
    cx.look_up(Call::RetrievePaymentSession(session.id.clone()));
    Ok(())
}

fn delete(at: &mut PaymentToken, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Some(token) = at.token.clone() else { return Err(Stop::NotNow) };
    cx.owe(Call::DeletePaymentToken(token));
    at.place = Place::Deleting;
    Ok(())
}

impl PaymentToken {
    /// The provision request of that id, or the newest, among those that are open.
    pub(super) fn provision_request(&self, given: Option<&ProvisionTokenRequestId>) -> Option<&ProvisionTokenRequestId> {
        let of_provisions = self.provisions.iter().filter_map(|it| match &it.origin {
            Some(Origin::Request(id)) => Some(id),
            _ => None,
        });
        let mut open = of_provisions.chain(self.pending().filter_map(|it| it.origin.as_ref()));
        open.rfind(|have| given.is_none_or(|given| given == *have))
    }
}
