//! `vend.subscription`: a retailer's subscription, from the token of a new one to its cancellation.
//!
//! Two facets: the subscription, and the changes that wait for the retailer's consent. Nothing that Vend sends is
//! signed, so a return or a webhook only makes lookups due. The replies to the lookups are the evidence. A confirmed
//! change causes the effect `fulfill` for the request that asked for it. A cancellation causes a notice.
//!
//! One retailer has one subscription to one application. A key from `Key::of("vend.subscription", …)` of both lets the
//! host's primary key enforce this.

mod account;
mod billing;
mod command;
mod consent;
mod rules;
mod status;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::{Call, Kind};
use super::api::replies::{Event, refusal};
use super::api::webhook::{CancellationWebhook, PartnerWebhook};
use super::ids::SubscriptionId;
use super::names::{Review, Verdict};
use super::rules::Rule;
use crate::config::vend::Settings;
use crate::config::{Config, Context};
use crate::effect::{Delivery, Wait};
use crate::fact::FactError;
use crate::fact::IgnoredReason;
use crate::flow::{self, Facet, Flow, Input, Move, Reading, Refusal, Reply, Stop, Webhook, moves};
use crate::id::EffectId;
use crate::id::TypedId;
use crate::providers::vend::api::webhook::correlate;
use account::Account;
use billing::Billing;
use consent::{Consent, TokenLookup};

pub use billing::BillingState;
pub use command::{Action, Command, Trigger};
pub use consent::ConsentState;
pub use status::{ComponentReport, PendingChange, Status};

type Rules<'a> = flow::Rules<'a, Subscription>;
type Cx<'a> = flow::Cx<'a, Subscription>;

/// A retailer's subscription to the partner's application.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionState"))]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// The owner: the retailer and the application.
    account: Account,
    /// The facet `subscription`.
    billing: Billing,
    /// The facet `change`.
    consent: Consent,
}

#[rustfmt::skip]
impl Facet for BillingState {
    type Trigger = Trigger;
    const NAME: &'static str = "subscription";
    const MOVES: &'static [Move<Self, Trigger>] = { use {BillingState::*, Trigger::*}; &[
        moves(Absent,   &[TokenSeen],                             &[Live, Unclear]),
        moves(Absent,   &[SubscriptionSeen, Reviewed],            &[Live, Canceled, Unclear]),
        moves(Live,     &[SubscriptionSeen, Reviewed],            &[Canceled, Unclear]),
        moves(Live,     &[TokenSeen],                             &[Unclear]),
        moves(Canceled, &[SubscriptionSeen, TokenSeen, Reviewed], &[Live, Unclear]),
        moves(Unclear,  &[SubscriptionSeen],                      &[Live, Canceled]),
        moves(Unclear,  &[Reviewed],                              &[Absent, Live, Canceled]),
    ] };
}

#[rustfmt::skip]
impl Facet for ConsentState {
    type Trigger = Trigger;
    const NAME: &'static str = "change";
    const MOVES: &'static [Move<Self, Trigger>] = { use {ConsentState::*, Trigger::*}; &[
        moves(Settled,   &[Create, Update],                      &[Requested]),
        moves(Requested, &[TokenIssued],                         &[Awaiting, Settled]),
        moves(Requested, &[Refused, SubscriptionSeen, Reviewed], &[Settled]),
        moves(Awaiting,  &[TokenSeen, Reviewed],                 &[Settled, Requested]),
    ] };
}

impl Subscription {
    /// The one dispatch: what each input does to each facet, what one facet does to another, and the trigger.
    fn dispatch(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let Self { account, billing, consent } = self;
        Ok(match input {
            Input::Command(command) => self.command(command, cx)?,
            Input::Succeeded { id, call, event } => self.on_reply(&id, &call, event, cx)?,
            Input::Refused { id, call, .. } => {
                match &*call {
                    Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => consent.refused(&id, cx),
                    Call::RetrieveToken(token) => consent.plan_next_lookup(token, cx),
                    Call::RetrieveSubscription(id) => billing.on_not_found(id, cx),
                    Call::ListSubscriptions => {}
                }
                Trigger::Refused
            }
            // The only verdict on a request gives the request up.
            Input::Resolved { id, call, .. } => {
                match &*call {
                    Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => consent.refused(&id, cx),
                    Call::RetrieveToken(token) => consent.plan_next_lookup(token, cx),
                    Call::RetrieveSubscription(_) | Call::ListSubscriptions => billing.restart_wait(account, cx),
                }
                Trigger::Refused
            }
            Input::Webhook(Event::Webhook(PartnerWebhook::Cancellation(webhook)), _) => {
                self.on_cancellation(webhook, cx)?;
                Trigger::Other
            }
            Input::Returned => {
                consent.on_return(cx)?;
                Trigger::Other
            }
            Input::Reviewed { review, about, verdict, id } => {
                self.reviewed(review, verdict, &about, id, cx);
                Trigger::Reviewed
            }
            Input::Accepted { .. }
            | Input::AfterAll(..)
            | Input::Hinted { .. }
            | Input::RefusedOnce { .. }
            | Input::NotSent { .. } => Trigger::Other,
            Input::Webhook(..) => return Err(IgnoredReason::Unrelated.into()),
        })
    }

    fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let Self { account, billing, consent } = self;
        account.bind(cx.settings());
        match command {
            Command::CreateSubscriptionToken(request) => {
                consent.request(Kind::Create, *request, cx);
                return Ok(Trigger::Create);
            }
            Command::UpdateSubscriptionToken(request) => {
                consent.request(Kind::Update, *request, cx);
                return Ok(Trigger::Update);
            }
            Command::RetrieveToken { token } => {
                cx.look_up(Call::RetrieveToken(consent.find_token(token.as_ref()).ok_or(Stop::NotNow)?));
            }
            Command::RetrieveSubscription { subscription_id: given } => {
                cx.look_up(given.map_or_else(|| billing.lookup(), Call::RetrieveSubscription));
            }
            Command::CancelSubscription {} => return Err(Stop::NotNow),
        }
        Ok(Trigger::Other)
    }

    /// A reply proves the success of a request, which ends.
    fn on_reply(&mut self, id: &EffectId, call: &Call, event: Event, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let Self { account, billing, consent } = self;
        Ok(match (event, call) {
            (Event::TokenIssued(reply), _) => {
                consent.on_token(id, reply, cx)?;
                Trigger::TokenIssued
            }
            (Event::TokenRetrieved(reply), Call::RetrieveToken(token)) => {
                match consent.on_lookup(token, &reply, account, billing, cx) {
                    TokenLookup::Consented(consented) => billing.on_consent(consented, account, cx),
                    // The token was used before, so only the subscription itself shows what has become of it.
                    TokenLookup::UsedBefore if !billing.is_live() => cx.look_up(billing.lookup()),
                    TokenLookup::UsedBefore | TokenLookup::NothingNew => {}
                }
                Trigger::TokenSeen
            }
            (Event::SubscriptionRetrieved(reply), Call::RetrieveSubscription(id)) => {
                if billing.on_lookup(id, &reply, account, cx) == Some(BillingState::Canceled) {
                    consent.withdraw_update(cx);
                }
                Trigger::SubscriptionSeen
            }
            (Event::SubscriptionsListed(list), _) => {
                if billing.on_list(&list, account, cx) == Some(BillingState::Canceled) {
                    consent.withdraw_update(cx);
                }
                Trigger::SubscriptionSeen
            }
            _ => return Err(IgnoredReason::Unrelated.into()),
        })
    }

    /// A webhook says that the retailer has canceled. It is ignored if it names another subscription than the known one.
    fn on_cancellation(&mut self, webhook: CancellationWebhook, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Self { account, billing, consent } = self;
        if billing.id() != Some(&webhook.subscription_id) {
            cx.check(Rule::CancelUnknownSubscription, false).at("/payload/subscription_id");
            let is_early = consent.may_create() || billing.is_learning(cx);
            return Err(if is_early { IgnoredReason::Early } else { IgnoredReason::Unrelated }.into());
        }
        billing.on_cancellation(webhook, account, cx)
    }

    /// A person answers a review.
    fn reviewed(&mut self, review: Review, verdict: Verdict, about: &str, id: Option<String>, cx: &mut Cx<'_>) {
        let Self { account, billing, consent } = self;
        let consented = match review {
            Review::Unconfirmed => {
                let subscription = id.and_then(|id| SubscriptionId::parse(id).ok());
                consent.reviewed_unconfirmed(verdict, about, subscription, billing, cx)
            }
            Review::Mismatch | Review::MadeAfterAll => consent.reviewed_use(review, verdict, about, billing, cx),
            Review::OlderConsent => {
                if verdict == Verdict::Fulfill {
                    cx.fulfill(TypedId::new("effect", about));
                } else {
                    // It may be one that is held back.
                    cx.withdraw_delivery(about);
                }
                None
            }
            Review::State | Review::Ours | Review::NotShown => {
                let named = id.as_deref().unwrap_or(about);
                if billing.reviewed(review, verdict, named, account, cx) == Some(BillingState::Canceled) {
                    consent.withdraw_update(cx);
                }
                None
            }
        };
        if let Some(consented) = consented {
            billing.on_consent(consented, account, cx);
        }
    }
}

impl flow::sealed::Sealed for Subscription {}

impl Flow for Subscription {
    const ID: &'static str = "vend.subscription";
    const FORMAT: u32 = 1;

    type Trigger = Trigger;
    type Facets = (BillingState, ConsentState);
    type Action = Action;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Review;
    type Rule = Rule;
    type Status = Status;
    type Settings = Settings;

    fn settings(config: &Config) -> &Settings {
        &config.vend
    }

    fn facets(&self) -> Self::Facets {
        (self.billing.state(), self.consent.state())
    }

    /// Applies an input, and names its trigger. Vend sends no webhook when a canceled subscription is live again, and does not
    /// guarantee the one about an end. So a lookup of the subscription is always planned.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let trigger = self.dispatch(input, cx)?;
        self.billing.keep_watch(cx);
        Ok(trigger)
    }

    fn action_of(command: &Command) -> Action {
        Action::of(command)
    }

    fn action_of_call(call: &Call) -> Action {
        Action::of_call(call)
    }

    fn is_duplicate(&self, command: &Command) -> bool {
        match command {
            Command::CreateSubscriptionToken(request) => self.consent.is_requested(Kind::Create, request),
            Command::UpdateSubscriptionToken(request) => self.consent.is_requested(Kind::Update, request),
            _ => false,
        }
    }

    fn permits(&self, action: Action, rules: &mut Rules<'_>) {
        self.check_permitted(action, rules);
    }

    fn accepts(&self, action: Action, rules: &mut Rules<'_>) {
        self.check_accepted(action, rules);
    }

    fn check(&self, command: &Command, rules: &mut Rules<'_>) {
        self.check_command(command, rules);
    }

    fn waits(&self, context: &Context) -> Vec<Wait> {
        self.consent.waits(&self.account, &self.billing, context)
    }

    fn status(&self, view: &Rules<'_>) -> Status {
        self.own_status(self.account.application(view.settings()))
    }

    fn delivery(&self, about: &TypedId) -> Delivery {
        self.consent.delivery(about)
    }

    /// The reply has the token of the page on which the retailer consents.
    fn decides_page(&self, call: &Call, _context: &Context) -> bool {
        call.is_token_request()
    }

    fn ids(&self) -> Vec<TypedId> {
        self.billing.id().into_iter().map(TypedId::from).collect()
    }

    fn ids_of_webhook(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
        correlate(webhook)
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        call.read(reply)
    }

    fn read_refusal(_call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        refusal(reply)
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        PartnerWebhook::read(webhook).map(Event::Webhook)
    }

    fn impossible(&self) -> Option<&'static str> {
        self.billing.impossible().or_else(|| self.consent.impossible(&self.account))
    }

    fn impossible_beside(&self, pending: &flow::Pending<'_, Self>) -> Option<&'static str> {
        let is_asked = self.billing.state() == BillingState::Absent && pending.has_review(Review::State.as_str());
        is_asked.then_some("the state of an absent subscription cannot need a review")
    }
}

/// Adds an item, and drops the oldest one if the list is full.
fn remember<T>(list: &mut Vec<T>, item: T, limit: usize) {
    if list.len() >= limit {
        list.remove(0);
    }
    list.push(item);
}
