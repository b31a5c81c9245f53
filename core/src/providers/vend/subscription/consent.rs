//! The facet `change`: the changes that wait for the retailer's consent, and what the latest consents have left.

mod contents;
mod end;
mod latest;
mod token;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::account::Account;
use super::billing::Billing;
use super::status::PendingChange;
use crate::config::Context;
use crate::effect::Wait;
use crate::fact::IgnoredReason;
use crate::flow::{Stop, ToDo, named};
use crate::id::TypedId;
use crate::id::{Digest, EffectId};
use crate::providers::vend::api::calls::{Call, Kind, TokenRequest};
use crate::providers::vend::api::token::{IssuedTokenReply, TokenReply};
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::names::{Notice, Review, SignalName};
use crate::providers::vend::rules::Rule;
use crate::time::Timestamp;
use contents::Confirmed;
use latest::Latest;
use token::{Closed, RequestId, Requested, Token};

/// How many outstanding tokens are watched. No further token is requested until one of them ends.
const WATCHED: usize = 32;

/// How many used tokens, and how many tokens that were given up, are kept.
const REMEMBERED: usize = 8;

named! {
    /// Whether a change waits for the retailer's consent.
    pub enum ConsentState {
        /// No change waits.
        Settled = "settled",
        /// A change is requested, and Vend has not made the retailer's page yet.
        Requested = "requested",
        /// A change waits until the retailer consents on Vend's page. Nothing changes before that.
        Awaiting = "awaiting",
    }
}

/// The requested changes, and what the latest consents have left.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionConsent"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Consent {
    /// The change whose token is requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<Requested>,
    /// The tokens whose end is unknown, the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Token>,
    /// The newest request with a reply. Only its token is handed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<RequestId>,
    /// The fingerprints of the last tokens that must not be handed out again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spent: Vec<Digest>,
    /// The last tokens that were given up as unused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    closed: Vec<Closed>,
    /// The change that was offered last, if it has lapsed beside a pending request, so that the retailer is not notified
    /// yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    lapsed_beside: Option<RequestId>,
    /// The latest consents, to the plan and to each component.
    #[serde(skip_serializing_if = "Latest::is_empty")]
    latest: Latest,
    /// The contents of the last changes that the retailer has consented to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    confirmed: Vec<Confirmed>,
}

/// A consent to a change, as the facet `subscription` needs it.
pub(super) struct Consented {
    pub(super) kind: Kind,
    /// The request whose token was used.
    pub(super) request: EffectId,
    /// The subscription that the token created or changed, if a reply or a person names it.
    pub(super) subscription: Option<SubscriptionId>,
    /// Whether the token created another subscription than the known one, and earlier.
    pub(super) is_late: bool,
    /// Whether the consent comes from a verdict, without evidence.
    pub(super) attested: bool,
}

/// The result of a lookup of a token, as the facet `subscription` needs it.
pub(super) enum TokenLookup {
    Consented(Consented),
    /// The token was used, and the flow no longer keeps it.
    UsedBefore,
    /// Nothing that the facet `subscription` needs.
    NothingNew,
}

impl From<Consented> for TokenLookup {
    fn from(consented: Consented) -> Self {
        Self::Consented(consented)
    }
}

impl Consent {
    pub(super) fn state(&self) -> ConsentState {
        match &self.requested {
            _ if self.is_waiting() => ConsentState::Awaiting,
            Some(_) => ConsentState::Requested,
            None => ConsentState::Settled,
        }
    }

    /// Whether a change waits for the consent.
    pub(super) fn is_waiting(&self) -> bool {
        self.tokens.iter().any(|it| it.disputed.is_none())
    }

    /// Whether there is or was a token to look up.
    pub(super) const fn has_had_tokens(&self) -> bool {
        !self.tokens.is_empty() || !self.spent.is_empty()
    }

    /// Whether another token can be watched.
    pub(super) const fn has_room(&self) -> bool {
        self.tokens.len() < WATCHED
    }

    /// The requests whose consents are in force, that for the plan first.
    pub(super) fn confirmed_requests(&self) -> Vec<EffectId> {
        let mut all = Vec::new();
        for request in self.latest.requests().map(RequestId::id) {
            if !all.contains(&request) {
                all.push(request);
            }
        }
        all
    }

    /// The changes to which the retailer has not consented, the oldest first.
    pub(super) fn pending_changes(&self) -> Vec<PendingChange> {
        let change =
            |request: RequestId, expires_at, disputed| PendingChange { request: request.id(), expires_at, disputed };
        let issued = self.tokens.iter().map(|it| change(it.request, Some(it.expires_at()), it.disputed.is_some()));
        issued.chain(self.requested.iter().map(|it| change(it.request, None, false))).collect()
    }

    /// The requests whose tokens were given up as unused, the oldest first.
    pub(super) fn lapsed_requests(&self) -> Vec<EffectId> {
        self.closed.iter().filter(|it| it.token.disputed.is_none()).map(|it| it.token.request.id()).collect()
    }

    /// When the first of the outstanding tokens expires.
    pub(super) fn first_expiry(&self) -> Option<Timestamp> {
        self.tokens.iter().map(Token::expires_at).min()
    }

    /// Whether a requested change may still create a new subscription.
    pub(super) fn may_create(&self) -> bool {
        let requested = self.requested.iter().map(|it| it.request);
        self.tokens.iter().map(|it| it.request).chain(requested).any(|it| it.kind() == Kind::Create)
    }

    /// The newest request for a new subscription whose token the retailer can still use.
    pub(super) fn open_create(&self, now: Timestamp) -> Option<EffectId> {
        let is_open = |it: &&Token| it.request.kind() == Kind::Create && it.disputed.is_none() && it.is_valid(now);
        self.tokens.iter().rev().find(is_open).map(|it| it.request.id())
    }

    pub(super) fn is_requested(&self, kind: Kind, request: &TokenRequest) -> bool {
        self.requested.as_ref().is_some_and(|it| it.is_same(kind, request))
    }

    /// Whether the component is known to have this quantity.
    pub(super) fn has_quantity(&self, component: Digest, quantity: i64) -> bool {
        self.latest.has_quantity(component, quantity)
    }

    /// The token that a command names, if it belongs to this subscription. Without a name, the newest outstanding
    /// token.
    pub(super) fn find_token(&self, given: Option<&ConsentToken>) -> Option<ConsentToken> {
        let is_ours = |token: &ConsentToken| {
            let closed = self.closed.iter().map(|it| &it.token);
            self.tokens.iter().chain(closed).any(|it| it.text == *token) || self.spent.contains(&token.digest())
        };
        given.or_else(|| Some(&self.tokens.last()?.text)).filter(|token| is_ours(token)).cloned()
    }

    pub(super) fn impossible(&self, account: &Account) -> Option<&'static str> {
        match () {
            () if !account.is_bound() && (self.is_waiting() || self.requested.is_some()) => {
                Some("a requested token must have a domain")
            }
            () if self.tokens.len() > WATCHED => Some("there are more tokens than can be watched"),
            () => None,
        }
    }

    /// The waits for consents. Only one of them hands out the URL of the consent page.
    pub(super) fn waits(&self, account: &Account, billing: &Billing, context: &Context) -> Vec<Wait> {
        let settings = &context.config.vend;
        let is_ours = account.is_bound() && account.is_on(Some(&settings.domain_prefix));
        let page_token = self.page_token(billing, context.now).filter(|_| is_ours && settings.names_a_retailer());
        let wait = |token: &Token| {
            let mut wait = Wait::new(SignalName::Consent.as_str(), token.waiting_since());
            wait.about = Some(TypedId::from(&token.request.id()));
            wait.expires_at = Some(token.expires_at());
            let has_page = page_token.is_some_and(|it| it.request == token.request);
            wait.customer_url = has_page.then(|| settings.consent_page(token.text.as_str()));
            wait
        };
        self.tokens.iter().filter(|it| it.disputed.is_none()).map(wait).collect()
    }

    /// The token whose consent page the retailer can open: the newest one, if its end is unknown.
    fn page_token(&self, billing: &Billing, now: Timestamp) -> Option<&Token> {
        let newest = self.tokens.last().filter(|it| self.is_newest(it))?;
        Some(newest).filter(|it| it.disputed.is_none() && it.is_valid(now) && !is_moot(it, billing))
    }

    /// Whether no token was issued after this one.
    fn is_newest(&self, token: &Token) -> bool {
        Some(token.request) == self.newest
    }

    /// Requests a token. A newer request replaces one that was not sent. The token of a replaced request is never used.
    pub(super) fn request(&mut self, kind: Kind, request: TokenRequest, cx: &mut Cx<'_>) {
        cx.withdraw(Call::is_token_request);
        if cx.has_notice(Notice::ConsentExpired) {
            // If Vend refuses the request, the retailer must learn of the lapse all the same.
            self.lapsed_beside = self.newest;
        }
        cx.withdraw_all_about(&[Notice::ConsentExpired.as_str(), Notice::RequestRefused.as_str()], |_| true);
        let id = cx.request(Call::of(kind, request.clone()));
        self.requested = RequestId::of(&id).map(|id| Requested::new(id, &request));
    }

    /// Vend issues a token.
    pub(super) fn on_token(&mut self, id: &EffectId, reply: IssuedTokenReply, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let requested = self.requested.take_if(|it| it.request.id() == *id).ok_or(IgnoredReason::Unrelated)?;
        let is_spent = self.spent.contains(&reply.token.digest());
        let is_known = self.tokens.iter().any(|it| it.text == reply.token);
        cx.check(Rule::TokenSingleUse, !is_spent).at("/token");
        cx.check(Rule::TokenOnePerUpdate, !is_spent && !is_known).at("/token");
        if is_spent || is_known {
            return Ok(());
        }
        // The latest possible time counts, because the retailer can still use a token that seems to be expired.
        let token = Token::new(requested, reply, cx.leased_by());
        token.schedule_lookup(cx);
        self.newest = Some(token.request);
        self.lapsed_beside = None;
        self.tokens.push(token);
        Ok(())
    }

    /// A request ends without a token.
    fn no_token(&mut self, id: &EffectId, cx: &mut Cx<'_>) {
        self.requested.take_if(|it| it.request.id() == *id);
        if let Some(lapsed) = self.lapsed_beside.take_if(|_| self.requested.is_none()) {
            cx.notify(Notice::ConsentExpired, &lapsed.id(), ToDo::NOTHING);
        }
    }

    /// Vend refuses the request for a token, or a person gives it up. The retailer gets no page.
    pub(super) fn refused(&mut self, id: &EffectId, cx: &mut Cx<'_>) {
        if self.requested.as_ref().is_some_and(|it| it.request.id() == *id) {
            cx.notify(Notice::RequestRefused, id, ToDo::NOTHING);
        }
        self.no_token(id, cx);
    }

    /// The subscription has ended, so a pending update is withdrawn. If the update is already sent, its token is never
    /// used.
    pub(super) fn withdraw_update(&mut self, cx: &mut Cx<'_>) {
        cx.withdraw(|call| matches!(call, Call::UpdateSubscriptionToken(_)));
        self.requested.take_if(|it| it.request.kind() == Kind::Update);
        self.lapsed_beside.take_if(|it| it.kind() == Kind::Update);
    }

    /// The retailer returned. The return is no proof, so it only makes the lookups of all outstanding tokens due.
    pub(super) fn on_return(&mut self, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if !self.is_waiting() {
            return Err(IgnoredReason::Unrelated.into());
        }
        for token in &mut self.tokens {
            token.returned(cx.now());
            token.schedule_lookup(cx);
        }
        Ok(())
    }

    /// A lookup of a token proved nothing, so the next one is scheduled. This includes a refusal, because no document
    /// says what Vend replies about an expired token.
    pub(super) fn plan_next_lookup(&mut self, text: &ConsentToken, cx: &mut Cx<'_>) {
        if let Some(token) = self.tokens.iter_mut().find(|it| it.text == *text) {
            token.looked(cx.leased_at());
            token.schedule_lookup(cx);
        }
    }

    /// A lookup shows a token.
    pub(super) fn on_lookup(
        &mut self,
        text: &ConsentToken,
        reply: &TokenReply,
        account: &mut Account,
        billing: &Billing,
        cx: &mut Cx<'_>,
    ) -> TokenLookup {
        let Some(index) = self.tokens.iter().position(|it| it.text == *text) else {
            return if reply.is_used {
                self.on_late_use(text, reply, account, billing, cx)
            } else {
                TokenLookup::NothingNew
            };
        };
        let mut token = self.tokens.remove(index);
        if reply.is_used {
            if !differs(&token, reply, account, billing, cx) {
                account.learn(reply.retailer_id.as_ref(), reply.vend_application_id.as_ref());
                return self.confirm(&token, reply.into(), billing, cx).into();
            }
            let request = token.request.id();
            cx.withdraw(|call| call.is_lookup_of(text));
            cx.withdraw_review(Review::Unconfirmed, request.as_str());
            cx.ask(Review::Mismatch, &request);
            token.disputed = Some(reply.into());
            self.tokens.insert(index, token);
            return TokenLookup::NothingNew;
        }
        token.looked(cx.leased_at());
        if token.is_over(cx.leased_at(), cx.config()) && token.disputed.is_none() {
            self.expire(token, false, billing, cx);
        } else {
            token.schedule_lookup(cx);
            self.tokens.insert(index, token);
        }
        TokenLookup::NothingNew
    }

    /// A lookup shows the use of a token that was given up. If a person gave it up, only a person can change that.
    fn on_late_use(
        &mut self,
        text: &ConsentToken,
        reply: &TokenReply,
        account: &mut Account,
        billing: &Billing,
        cx: &mut Cx<'_>,
    ) -> TokenLookup {
        let Some(index) = self.closed.iter().position(|it| it.token.text == *text) else {
            return TokenLookup::UsedBefore;
        };
        let mut closed = self.closed.remove(index);
        let was_reviewed = closed.by_person && closed.token.disputed.is_some();
        match differs(&closed.token, reply, account, billing, cx) {
            false if !closed.by_person => {
                account.learn(reply.retailer_id.as_ref(), reply.vend_application_id.as_ref());
                return self.confirm(&closed.token, reply.into(), billing, cx).into();
            }
            // A person has already seen this difference.
            true if was_reviewed => {}
            differs => {
                let request = closed.token.request.id();
                cx.withdraw_notice(Notice::ConsentExpired, request.as_str());
                cx.withdraw_review(Review::Mismatch, request.as_str());
                cx.ask(if differs { Review::Mismatch } else { Review::MadeAfterAll }, &request);
                closed.token.disputed = Some(reply.into());
            }
        }
        self.closed.insert(index, closed);
        TokenLookup::NothingNew
    }
}

/// Whether the token would change a subscription that has ended.
fn is_moot(token: &Token, billing: &Billing) -> bool {
    token.request.kind() == Kind::Update && billing.is_canceled()
}

/// Whether a used token shows something other than the request.
fn differs(token: &Token, reply: &TokenReply, account: &Account, billing: &Billing, cx: &mut Cx<'_>) -> bool {
    let difference = token.difference(reply, account, billing.id(), cx.settings());
    cx.check(Rule::ConfirmMatch, difference.is_none()).at(difference.unwrap_or_default());
    difference.is_some()
}
