//! `vend.subscription`: a retailer's subscription, from the token of a new one to its cancellation.
//!
//! Two facets: the subscription, and the changes that wait for the retailer's consent. Nothing that Vend sends is
//! signed, so a return and a webhook only make lookups owed; their replies are the evidence. A change that is
//! confirmed owes `fulfill` of the request that asked for it, and a cancellation a notice.
//!
//! One retailer has one subscription to one application: `Key::of("vend.subscription", …)` of both makes the host's
//! primary key say so.

mod account;
mod billing;
mod command;
mod consent;
mod rules;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::{Call, Kind};
use super::api::replies::{Event, refusal};
use super::api::webhook::Signal;
use super::ids::SubscriptionId;
use super::names::{Review, Verdict};
use super::rules::Rule;
use crate::config::vend::Settings;
use crate::config::{Config, Context};
use crate::effect::Wait;
use crate::fact::IgnoredReason;
use crate::flow::{self, Facet, Flow, Input, Move, Reading, Refusal, Reply, Stop, Webhook, moves};
use crate::id::EffectId;
use account::Account;
use billing::Billing;
use consent::{Consent, Read};

pub use billing::BillingState;
pub use command::{Action, Command, Trigger};
pub use consent::ConsentState;

type Rules<'a> = flow::Rules<'a, Subscription>;
type Cx<'a> = flow::Cx<'a, Subscription>;

/// A retailer's subscription to the partner's application.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionState"))]
#[serde(default, deny_unknown_fields)]
pub struct Subscription {
    /// Whose subscription it is: the retailer and the application.
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
                cx.look_up(Call::RetrieveToken(consent.named(token.as_ref()).ok_or(Stop::NotNow)?));
            }
            Command::RetrieveSubscription { subscription_id: given } => {
                cx.look_up(given.map_or_else(|| billing.lookup(), Call::RetrieveSubscription));
            }
            Command::CancelSubscription {} => return Err(Stop::NotNow),
        }
        Ok(Trigger::Other)
    }

    /// A reply proves the success of a request, which is over.
    fn answered(&mut self, id: &EffectId, call: &Call, event: Event, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let Self { account, billing, consent } = self;
        Ok(match (event, call) {
            (Event::TokenIssued(reply), _) => {
                consent.issued(id, reply, cx)?;
                Trigger::TokenIssued
            }
            (Event::TokenSeen(reply), Call::RetrieveToken(token)) => {
                match consent.read(token, &reply, account, billing, cx) {
                    Read::Consented(consented) => billing.consented(consented, account, cx),
                    // A token that was used stays used: the subscription itself tells what has become of it.
                    Read::UsedBefore if !billing.is_live() => cx.look_up(billing.lookup()),
                    Read::UsedBefore | Read::NothingNew => {}
                }
                Trigger::TokenSeen
            }
            (Event::SubscriptionSeen(reply), Call::RetrieveSubscription(id)) => {
                if billing.shown(id, &reply, account, cx) == Some(BillingState::Canceled) {
                    consent.withdraw_update(cx);
                }
                Trigger::SubscriptionSeen
            }
            (Event::Listed(list), _) => {
                if billing.listed(&list, account, cx) == Some(BillingState::Canceled) {
                    consent.withdraw_update(cx);
                }
                Trigger::SubscriptionSeen
            }
            _ => return Err(IgnoredReason::Unrelated.into()),
        })
    }

    /// A person answers a question.
    fn reviewed(&mut self, review: Review, verdict: Verdict, about: &str, id: Option<String>, cx: &mut Cx<'_>) {
        let Self { account, billing, consent } = self;
        let consented = match review {
            Review::Unconfirmed => {
                let subscription = id.and_then(|id| SubscriptionId::parse(id).ok());
                consent.unconfirmed(verdict, about, subscription, billing, cx)
            }
            Review::Mismatch | Review::MadeAfterAll => consent.used_or_not(review, verdict, about, billing, cx),
            Review::OlderConsent => {
                if verdict == Verdict::Fulfill {
                    cx.fulfill(about);
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
            billing.consented(consented, account, cx);
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
    type Settings = Settings;

    fn settings(config: &Config) -> &Settings {
        &config.vend
    }

    fn facets(&self) -> Self::Facets {
        (self.billing.state(), self.consent.state())
    }

    /// The one dispatch: what each input counts as, what it does to each facet, and what one facet does to another.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let Self { account, billing, consent } = self;
        Ok(match input {
            Input::Command(command) => self.command(command, cx)?,
            Input::Succeeded { id, call, event } => self.answered(&id, &call, event, cx)?,
            Input::Refused { id, call, .. } => {
                match &*call {
                    Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => consent.no_token(&id),
                    Call::RetrieveToken(token) => consent.look_later(token, cx),
                    Call::RetrieveSubscription(id) => billing.not_found(id, cx),
                    Call::ListSubscriptions => {}
                }
                Trigger::Refused
            }
            // No question about a request has another verdict than that of giving it up.
            Input::Resolved { id, call, .. } => {
                match &*call {
                    Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => consent.no_token(&id),
                    Call::RetrieveToken(token) => consent.look_later(token, cx),
                    Call::RetrieveSubscription(_) | Call::ListSubscriptions => billing.wait_on(account, cx),
                }
                Trigger::Refused
            }
            Input::Webhook(Event::Webhook(Signal::Cancellation(webhook)), _) => {
                if billing.id() != Some(&webhook.subscription_id) {
                    cx.check(Rule::CancelUnknownSubscription, false).at("/payload/subscription_id");
                    let is_early = consent.may_create() || billing.is_learning(cx);
                    return Err(if is_early { IgnoredReason::Early } else { IgnoredReason::Unrelated }.into());
                }
                billing.told_canceled(webhook, account, cx)?;
                Trigger::Other
            }
            Input::Returned => {
                consent.returned(cx)?;
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

    fn ids(&self) -> Vec<&str> {
        self.billing.id().into_iter().map(SubscriptionId::as_str).collect()
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        call.read(reply)
    }

    fn read_refusal(_call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        refusal(reply)
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(Event::Webhook)
    }

    fn impossible(&self) -> Option<&'static str> {
        self.billing.impossible().or_else(|| self.consent.impossible(&self.account))
    }
}

/// Keeps an entry in place of the oldest.
fn remember<T>(list: &mut Vec<T>, it: T, most: usize) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(it);
}
