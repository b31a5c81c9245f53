//! The facet `change`: the changes that wait for the retailer's consent, and what the last ones have left.

mod end;
mod latest;
mod token;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::account::Account;
use super::billing::Billing;
use crate::config::Context;
use crate::effect::Wait;
use crate::fact::IgnoredReason;
use crate::flow::{Stop, named};
use crate::id::{Digest, EffectId};
use crate::providers::vend::api::calls::{Call, Kind, TokenRequest};
use crate::providers::vend::api::token::{TokenIssued, TokenSeen};
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::names::{Notice, Review, SignalName};
use crate::providers::vend::rules::Rule;
use crate::time::Timestamp;
use latest::Latest;
use token::{Closed, RequestId, Requested, Token};

/// How many outstanding tokens are watched; no more are asked for until one of them ends.
const WATCHED: usize = 32;

/// How many used tokens, and how many that were given up, are remembered.
const REMEMBERED: usize = 8;

named! {
    /// Whether a change waits for the retailer's consent.
    pub enum ConsentState {
        /// None does.
        Settled = "settled",
        /// The token of a change is asked for.
        Requested = "requested",
        /// The retailer's consent is awaited.
        Awaiting = "awaiting",
    }
}

/// The changes that are asked for, and what the last ones have left.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionConsent"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Consent {
    /// The change whose token is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<Requested>,
    /// The tokens whose end is not known, the newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Token>,
    /// The request whose token is the one to offer: the newest that was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<RequestId>,
    /// The fingerprints of the last tokens that must not be offered again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spent: Vec<Digest>,
    /// The last tokens that were given up as unused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    closed: Vec<Closed>,
    /// The latest consents, to the plan and to each component.
    #[serde(skip_serializing_if = "Latest::is_empty")]
    latest: Latest,
}

/// The retailer has consented to a change: what billing has to know of it.
pub(super) struct Consented {
    pub(super) kind: Kind,
    /// The request whose token was used.
    pub(super) of: EffectId,
    /// The subscription that it made or changed, where that is shown.
    pub(super) subscription: Option<SubscriptionId>,
    /// Whether it made another subscription than the known one, and before that.
    pub(super) is_late: bool,
    /// Whether a person says so, and no evidence.
    pub(super) attested: bool,
}

/// What a lookup of a token shows.
pub(super) enum Read {
    Consented(Consented),
    /// It was used, and nothing is known of it any more.
    UsedBefore,
    /// Nothing that billing has to know.
    NothingNew,
}

impl From<Consented> for Read {
    fn from(consented: Consented) -> Self {
        Self::Consented(consented)
    }
}

impl Consent {
    pub(super) fn state(&self) -> ConsentState {
        match &self.requested {
            _ if self.is_awaited() => ConsentState::Awaiting,
            Some(_) => ConsentState::Requested,
            None => ConsentState::Settled,
        }
    }

    /// Whether a consent is awaited.
    pub(super) fn is_awaited(&self) -> bool {
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

    /// When the first of the outstanding tokens expires.
    pub(super) fn first_expiry(&self) -> Option<Timestamp> {
        self.tokens.iter().map(Token::expires_at).min()
    }

    /// Whether a new subscription may still come of what is asked for.
    pub(super) fn may_create(&self) -> bool {
        let requested = self.requested.iter().map(|it| it.of);
        self.tokens.iter().map(|it| it.of).chain(requested).any(|it| it.0 == Kind::Create)
    }

    pub(super) fn is_requested(&self, kind: Kind, request: &TokenRequest) -> bool {
        self.requested.as_ref().is_some_and(|it| it.is(kind, request))
    }

    /// Whether there are known to be so many of a component.
    pub(super) fn counts(&self, component: Digest, number: i64) -> bool {
        self.latest.counts(component, number)
    }

    /// The token that a command names, or the newest that is outstanding, if it is one of this subscription's.
    pub(super) fn named(&self, given: Option<&ConsentToken>) -> Option<ConsentToken> {
        let is_ours = |text: &ConsentToken| {
            let closed = self.closed.iter().map(|it| &it.token);
            self.tokens.iter().chain(closed).any(|it| it.text == *text) || self.spent.contains(&text.digest())
        };
        given.or_else(|| Some(&self.tokens.last()?.text)).filter(|text| is_ours(text)).cloned()
    }

    pub(super) fn impossible(&self, account: &Account) -> Option<&'static str> {
        match () {
            () if !account.is_bound() && (self.is_awaited() || self.requested.is_some()) => {
                Some("a token is asked for on a domain")
            }
            () if self.tokens.len() > WATCHED => Some("there are more tokens than are watched"),
            () => None,
        }
    }

    /// The waits; the page is offered for one token alone.
    pub(super) fn waits(&self, account: &Account, billing: &Billing, context: &Context) -> Vec<Wait> {
        let settings = &context.config.vend;
        let is_ours = account.is_bound() && account.is_on(Some(&settings.domain_prefix));
        let offered = self.offered(billing, context.now).filter(|_| is_ours && settings.names_a_retailer());
        let wait = |token: &Token| {
            let mut wait = Wait::new(SignalName::Consent.as_str(), token.awaited_since());
            wait.about = Some(token.of.id().as_str().into());
            wait.expires_at = Some(token.expires_at());
            let is_offered = offered.is_some_and(|it| it.of == token.of);
            wait.customer_url = is_offered.then(|| settings.consent_page(token.text.as_str()));
            wait
        };
        self.tokens.iter().filter(|it| it.disputed.is_none()).map(wait).collect()
    }

    /// The token that is offered: the newest that was issued, if its end is not known.
    fn offered(&self, billing: &Billing, now: Timestamp) -> Option<&Token> {
        let newest = self.tokens.last().filter(|it| self.is_newest(it))?;
        Some(newest).filter(|it| it.disputed.is_none() && it.is_alive(now) && !is_moot(it, billing))
    }

    /// Whether no token was issued after it.
    fn is_newest(&self, token: &Token) -> bool {
        Some(token.of) == self.newest
    }

    /// Asks for a token. A newer request takes the place of one that was not sent, and whose token is never used.
    pub(super) fn request(&mut self, kind: Kind, request: TokenRequest, cx: &mut Cx<'_>) {
        cx.withdraw(Call::asks);
        cx.withdraw_all_about(&[Notice::ConsentExpired.as_str()], |_| true);
        let id = cx.request(Call::of(kind, request.clone()));
        self.requested = RequestId::of(&id).map(|of| Requested::new(of, &request));
    }

    /// Vend issues a token.
    pub(super) fn issued(&mut self, id: &EffectId, reply: TokenIssued, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let requested = self.requested.take_if(|it| it.of.id() == *id).ok_or(IgnoredReason::Unrelated)?;
        let is_spent = self.spent.contains(&reply.token.digest());
        let is_taken = self.tokens.iter().any(|it| it.text == reply.token);
        cx.check(Rule::TokenSingleUse, !is_spent).at("/token");
        cx.check(Rule::TokenOnePerUpdate, !is_spent && !is_taken).at("/token");
        if is_spent || is_taken {
            return Ok(());
        }
        // Nobody must take a token for expired that a retailer can still use.
        let token = Token::issued(requested, reply, cx.leased_by());
        token.plan(cx);
        self.newest = Some(token.of);
        self.tokens.push(token);
        Ok(())
    }

    /// No token comes of a request.
    pub(super) fn no_token(&mut self, id: &EffectId) {
        self.requested.take_if(|it| it.of.id() == *id);
    }

    /// The subscription has ended: an update of it is not sent any more, and a token that one under way may make is never
    /// used.
    pub(super) fn withdraw_update(&mut self, cx: &mut Cx<'_>) {
        cx.withdraw(|call| matches!(call, Call::UpdateSubscriptionToken(_)));
        self.requested.take_if(|it| it.of.0 == Kind::Update);
    }

    /// The retailer came back: a hint that a lookup of every outstanding token may pay, and proof of nothing.
    pub(super) fn returned(&mut self, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if !self.is_awaited() {
            return Err(IgnoredReason::Unrelated.into());
        }
        for token in &mut self.tokens {
            token.returned(cx.now());
            token.plan(cx);
        }
        Ok(())
    }

    /// A lookup of a token settled nothing: the next one is planned. What Vend says of a token that has expired is not
    /// documented, so that a refusal proves nothing.
    pub(super) fn look_later(&mut self, text: &ConsentToken, cx: &mut Cx<'_>) {
        if let Some(token) = self.tokens.iter_mut().find(|it| it.text == *text) {
            token.looked(cx.leased_at());
            token.plan(cx);
        }
    }

    /// A lookup shows a token.
    pub(super) fn read(
        &mut self,
        text: &ConsentToken,
        reply: &TokenSeen,
        account: &mut Account,
        billing: &Billing,
        cx: &mut Cx<'_>,
    ) -> Read {
        let Some(index) = self.tokens.iter().position(|it| it.text == *text) else {
            return if reply.is_used { self.used_late(text, reply, account, billing, cx) } else { Read::NothingNew };
        };
        let mut token = self.tokens.remove(index);
        if reply.is_used {
            if !differs(&token, reply, account, billing, cx) {
                account.learn(reply.retailer_id.as_ref(), reply.vend_application_id.as_ref());
                return self.confirmed(&token, reply.into(), billing, cx).into();
            }
            let of = token.of.id();
            cx.withdraw(|call| call.looks_at(text));
            cx.withdraw_review(Review::Unconfirmed, of.as_str());
            cx.ask(Review::Mismatch, of.as_str());
            token.disputed = Some(reply.into());
            self.tokens.insert(index, token);
            return Read::NothingNew;
        }
        token.looked(cx.leased_at());
        if token.is_over(cx.leased_at(), cx.config()) && token.disputed.is_none() {
            self.expired(token, false, billing, cx);
        } else {
            token.plan(cx);
            self.tokens.insert(index, token);
        }
        Read::NothingNew
    }

    /// A lookup shows a used token that nobody waits for. Over a person's word only a person decides.
    fn used_late(
        &mut self,
        text: &ConsentToken,
        reply: &TokenSeen,
        account: &mut Account,
        billing: &Billing,
        cx: &mut Cx<'_>,
    ) -> Read {
        let Some(index) = self.closed.iter().position(|it| it.token.text == *text) else { return Read::UsedBefore };
        let mut closed = self.closed.remove(index);
        let is_known = closed.by_person && closed.token.disputed.is_some();
        match differs(&closed.token, reply, account, billing, cx) {
            false if !closed.by_person => {
                account.learn(reply.retailer_id.as_ref(), reply.vend_application_id.as_ref());
                return self.confirmed(&closed.token, reply.into(), billing, cx).into();
            }
            // What else it shows a person has seen.
            true if is_known => {}
            differs => {
                let of = closed.token.of.id();
                cx.withdraw_notice(Notice::ConsentExpired, of.as_str());
                cx.withdraw_review(Review::Mismatch, of.as_str());
                cx.ask(if differs { Review::Mismatch } else { Review::MadeAfterAll }, of.as_str());
                closed.token.disputed = Some(reply.into());
            }
        }
        self.closed.insert(index, closed);
        Read::NothingNew
    }
}

/// Whether it would change what has ended.
fn is_moot(token: &Token, billing: &Billing) -> bool {
    token.of.0 == Kind::Update && billing.is_canceled()
}

/// Whether a used token shows something else than what was asked for.
fn differs(token: &Token, reply: &TokenSeen, account: &Account, billing: &Billing, cx: &mut Cx<'_>) -> bool {
    let other = token.differs(reply, account, billing.id(), cx.settings());
    cx.check(Rule::ConfirmMatch, other.is_none()).at(other.unwrap_or_default());
    other.is_some()
}
