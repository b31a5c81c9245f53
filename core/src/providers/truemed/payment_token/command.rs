//! The commands of a payment token, its actions, and what a command does once no rule rejects it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::Deserialize;

use super::event::Trigger;
use super::{Cx, PaymentToken};
use crate::flow::{Stop, named};
use crate::id::Digest;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::order::{OrderItem, digest};
use crate::providers::truemed::api::requests::{CreatePaymentToken, UpdatePaymentToken};
use crate::providers::truemed::api::session_request::CreatePaymentSession;
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::value::{echoed, from_fields};

/// What the host can do with a payment token.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "TruemedPaymentTokenCommand", tag = "type")
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Start to store the payment method of a customer who is present.
    CreatePaymentToken(CreatePaymentToken),
    /// Charge the token (`payment_token`), or start a checkout that makes one (`tokenize`).
    CreatePaymentSession(Box<CreatePaymentSession>),
    /// Change the items, or the card.
    UpdatePaymentToken(UpdatePaymentToken),
    /// Look up the token. `payment_token` is needed if the flow starts with this command.
    RetrievePaymentToken {
        /// The token.
        #[serde(default)]
        payment_token: Option<Token>,
    },
    /// Look up whether Truemed has issued the token, after its webhook may have been missed.
    RetrieveProvisionTokenRequest {
        /// The provision request. The default is the newest one.
        #[serde(default)]
        provision_token_request_id: Option<ProvisionTokenRequestId>,
    },
    /// Look up the session of the open charge.
    RetrievePaymentSession {
        /// The session. The default is the open one.
        #[serde(default)]
        payment_session_id: Option<PaymentSessionId>,
    },
    /// Delete the token permanently.
    DeletePaymentToken {},
}

from_fields!(Command: CreatePaymentToken, UpdatePaymentToken, CreatePaymentSession);

named! {
    /// The commands as buttons.
    pub enum Action {
        /// Start to store the customer's payment method. The customer gives it on Truemed's page, and nothing is paid.
        Create = "create_payment_token",
        /// Start a checkout in which the customer pays now, and stores the payment method for later charges.
        Tokenize = "create_payment_session/tokenize",
        /// Charge the stored payment method while the customer is away. Money is taken.
        Charge = "create_payment_session/charge",
        /// Change the items that later charges are for. Truemed may send the customer to a page first.
        Items = "update_payment_token/items",
        /// Change the stored card. The customer gives another one on Truemed's page, and nothing is paid.
        Card = "update_payment_token/card",
        /// Look up whether the stored payment method can be charged. It changes nothing.
        Retrieve = "retrieve_payment_token",
        /// Look up whether the customer has finished on Truemed's page. It changes nothing.
        RetrieveProvision = "retrieve_provision_token_request",
        /// Look up whether the open charge is paid. It changes nothing.
        RetrieveSession = "retrieve_payment_session",
        /// Delete the stored payment method for good, so that the customer is never charged again. Past payments stay.
        Delete = "delete_payment_token",
    }
}

impl Action {
    /// The two actions of an update.
    pub(super) const UPDATES: &[&str] = &[Self::Items.as_str(), Self::Card.as_str()];

    /// The action of a command.
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::CreatePaymentToken(_) => Self::Create,
            Command::CreatePaymentSession(command) => Self::of_session(command),
            Command::UpdatePaymentToken(command) => Self::of_update(command),
            Command::RetrievePaymentToken { .. } => Self::Retrieve,
            Command::RetrieveProvisionTokenRequest { .. } => Self::RetrieveProvision,
            Command::RetrievePaymentSession { .. } => Self::RetrieveSession,
            Command::DeletePaymentToken {} => Self::Delete,
        }
    }

    /// The action that made the request.
    pub(super) fn of_call(call: &Call) -> Self {
        match call {
            Call::CreatePaymentToken(_) => Self::Create,
            Call::CreatePaymentSession(command) => Self::of_session(command),
            Call::UpdatePaymentToken(_, command) => Self::of_update(command),
            Call::RetrieveProvisionTokenRequest(_) => Self::RetrieveProvision,
            Call::RetrievePaymentSession(_) | Call::FindPaymentSession(_) => Self::RetrieveSession,
            Call::DeletePaymentToken(_) => Self::Delete,
            _ => Self::Retrieve,
        }
    }

    fn of_session(command: &CreatePaymentSession) -> Self {
        if command.is_charge() { Self::Charge } else { Self::Tokenize }
    }

    const fn of_update(command: &UpdatePaymentToken) -> Self {
        if command.order_items.is_some() { Self::Items } else { Self::Card }
    }
}

impl PaymentToken {
    /// Whether the same command is pending or was carried out before.
    pub(super) fn is_duplicate(&self, command: &Command) -> bool {
        match command {
            Command::CreatePaymentToken(command) => self.token.is_requested(|| digest(&command.order_items)),
            Command::CreatePaymentSession(command) => self.charge.is_requested(command),
            Command::UpdatePaymentToken(UpdatePaymentToken { update_card_info, order_items, .. }) => {
                let change = if order_items.is_some() { &self.items } else { &self.card };
                let card = *update_card_info == Some(true);
                card != order_items.is_some() && change.is_to(|| order_items.as_deref().map(digest))
            }
            Command::DeletePaymentToken {} => self.token.is(super::TokenState::Deleting) || self.token.is_unwanted(),
            _ => false,
        }
    }

    /// Carries out a command.
    pub(super) fn act(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        Ok(match command {
            Command::CreatePaymentToken(command) => {
                self.create_token(command, cx);
                Trigger::CreateToken
            }
            Command::CreatePaymentSession(command) => {
                self.create_session(command, cx)?;
                Trigger::CreateSession
            }
            Command::UpdatePaymentToken(command) => {
                self.update(command, cx)?;
                Trigger::Update
            }
            Command::RetrievePaymentToken { payment_token } => {
                self.token.retrieve(payment_token, cx)?;
                Trigger::Retrieve
            }
            Command::RetrieveProvisionTokenRequest { provision_token_request_id: given } => {
                let id = self.provision_request(given.as_ref()).cloned();
                cx.look_up(Call::RetrieveProvisionTokenRequest(id.ok_or(Stop::NotNow)?));
                Trigger::Other
            }
            Command::RetrievePaymentSession { .. } => {
                let session = self.charge.session().ok_or(Stop::NotNow)?;
                cx.look_up(Call::RetrievePaymentSession(session.id.clone()));
                Trigger::Other
            }
            Command::DeletePaymentToken {} => {
                if self.token.is(super::TokenState::Issued) {
                    self.charge.give_up(cx);
                }
                self.token.delete(self.charge.requested_seq(), cx)?;
                Trigger::Delete
            }
        })
    }

    fn create_token(&mut self, mut command: CreatePaymentToken, cx: &mut Cx<'_>) {
        let metadata = echoed(&mut command.metadata, cx.key());
        let items = digest(&command.order_items);
        self.keep_cart(items, &command.order_items);
        self.token.is_wanted();
        self.token.provision(self.history.count(), items, &metadata, cx);
        cx.request(Call::CreatePaymentToken(command));
    }

    /// Charges the token, or starts the checkout that makes one.
    fn create_session(&mut self, mut command: Box<CreatePaymentSession>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let items = cx.contents(|| command.items());
        let cart = command.cart(items);
        let number = self.charge.number(command.intent.as_ref(), cart)?;
        let metadata = echoed(&mut command.metadata, cx.key());
        let seq = self.history.count();
        if !command.is_charge() {
            self.keep_cart(items, &command.order_items);
            self.token.is_wanted();
            self.token.provision(seq, items, &metadata, cx);
        }
        self.charge.request((seq, number), command, (cart, &metadata), cx);
        Ok(())
    }

    fn update(&mut self, command: UpdatePaymentToken, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(token) = self.token.payment_token().cloned() else { return Err(Stop::NotNow) };
        let seq = self.history.count();
        match command.order_items.as_deref().map(|items| (digest(items), items)) {
            Some((cart, items)) => {
                self.keep_cart(cart, items);
                self.items.request(seq, Some(cart), Call::is_of_items, cx);
            }
            None => self.card.request(seq, None, Call::is_of_card, cx),
        }
        cx.request(Call::UpdatePaymentToken(token, command));
        Ok(())
    }

    /// Keeps the lines of a cart for the status.
    fn keep_cart(&mut self, cart: Digest, items: &[OrderItem]) {
        let used: Vec<_> = self.token.carts().chain(self.items.carts()).collect();
        self.carts.keep(cart, items, &used, self.token.confirmed());
    }

    /// The open provision request with this id, or the newest open one.
    pub(super) fn provision_request(
        &self,
        given: Option<&ProvisionTokenRequestId>,
    ) -> Option<&ProvisionTokenRequestId> {
        let of_changes = self.pending().filter_map(|it| it.origin.as_ref());
        let mut open = self.token.provision_requests().chain(of_changes);
        open.rfind(|have| given.is_none_or(|given| given == *have))
    }
}
