//! The facet `token`: whether the stored payment method exists, what Truemed reports of it, and the attempts to get
//! it.

mod expiry;
mod others;
mod provision;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use crate::flow::{Stop, ToDo, states};
use crate::id::Digest;
use crate::id::TypedId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::replies::TokenReply;
use crate::providers::truemed::ids::Token;
use crate::providers::truemed::names::{Notice, Review};
use crate::providers::truemed::rules::Rule;
use crate::time::Timestamp;
use others::OtherToken;
use provision::Provision;

/// The subject of the review for a token that Truemed does not find.
const THE_TOKEN: &str = "payment_token";

states! {
    /// The states of the token.
    pub enum TokenState ("TruemedPaymentTokenPlace") {
        /// No token is known, and no request for one is pending.
        Absent = "absent",
        /// A payment method is to be stored, and Truemed has not replied. Nothing can be charged yet.
        Requested = "requested",
        /// The customer has not finished on Truemed's page, or Truemed has not decided. Nothing can be charged yet.
        Awaiting = "awaiting",
        /// The first lookup of an adopted token is pending.
        Adopting = "adopting",
        /// The payment method is stored, and can be charged.
        Issued = "issued",
        /// The payment method is being deleted. No charge is started any more.
        Deleting = "deleting",
        /// The payment method is deleted for good, and can never be charged again.
        Deleted = "deleted",
    }
}

/// The token, and the attempts to get it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenToken"))]
#[serde(deny_unknown_fields)]
pub(super) struct StoredToken {
    /// The state of the token.
    state: TokenState,
    /// The string that charges the token. It comes from the newest of our settled requests.
    #[serde(rename = "text", default, skip_serializing_if = "Option::is_none")]
    payment_token: Option<Token>,
    /// The position of the newest settled request, in the order of our requests.
    #[serde(default)]
    settled: u32,
    /// The position of the request that brought the token, if a newer request is settled without a report of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brought: Option<u32>,
    /// The other tokens that Truemed reported for the request that brought the token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<OtherToken>,
    /// Whether a person has said which of these tokens counts.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    chosen: bool,
    /// The token that a person has named although Truemed has not reported it, until a lookup shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    named: Option<Token>,
    /// The time of Truemed's newest report, if the report has one.
    #[serde(rename = "word_at", default, skip_serializing_if = "Option::is_none")]
    reported_at: Option<Timestamp>,
    /// When the earliest letter of medical necessity expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lmn_expires_at: Option<Timestamp>,
    /// When the earliest stored card expires, once a lookup has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card_expires_at: Option<Timestamp>,
    /// The fingerprint of the items that the customer qualified for. An adopted token has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<Digest>,
    /// Since when, in a row that was restored from a backup before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Timestamp>,
    /// The items of the last refused request for a token. Truemed may have made a token all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Digest>,
    /// The open attempts to get a token, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    provisions: Vec<Provision>,
    /// The fingerprint of the metadata that Truemed must return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Digest>,
    /// Whether the host wants the token to be deleted once Truemed issues it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    unwanted: bool,
}

/// What a webhook or a lookup reports of a token: its string, and when its earliest letter expires.
#[derive(Clone, Copy)]
pub(super) struct TokenReport<'a> {
    pub(super) token: &'a Token,
    pub(super) lmn_expires_at: Option<Timestamp>,
    /// The time of the report, if it has one.
    pub(super) at: Option<Timestamp>,
}

impl<'a> TokenReport<'a> {
    pub(super) const fn new(token: &'a Token, lmn_expires_at: Option<Timestamp>) -> Self {
        Self { token, lmn_expires_at, at: None }
    }
}

/// Whether a request deletes a token.
pub(super) const fn is_delete(call: &Call) -> bool {
    matches!(call, Call::DeletePaymentToken(_))
}

impl StoredToken {
    pub(super) const fn state(&self) -> TokenState {
        self.state
    }

    pub(super) fn is(&self, state: TokenState) -> bool {
        self.state == state
    }

    /// Whether the token exists or existed.
    pub(super) const fn has_existed(&self) -> bool {
        matches!(self.state, TokenState::Issued | TokenState::Deleting | TokenState::Deleted)
    }

    pub(super) const fn payment_token(&self) -> Option<&Token> {
        self.payment_token.as_ref()
    }

    pub(super) const fn confirmed(&self) -> Option<Digest> {
        self.confirmed
    }

    /// The confirmed items, unless they may have been changed since the row's last backup, which was taken at `restored`. No
    /// lookup shows the items of a token.
    pub(super) fn certain_items(&self, restored: Option<Timestamp>) -> Option<Digest> {
        self.confirmed.filter(|_| restored.is_none() || self.confirmed_at >= restored)
    }

    /// The fingerprints of the confirmed items, and of those that a token may still confirm.
    pub(super) fn carts(&self) -> impl Iterator<Item = Digest> {
        self.confirmed.into_iter().chain(self.refused).chain(self.provision_items())
    }

    /// Looks up the known token, or starts to adopt the given one.
    pub(super) fn retrieve(&mut self, given: Option<Token>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(token) = self.payment_token.clone().or(given) else { return Err(Stop::NotNow) };
        cx.look_up(Call::RetrievePaymentToken(token.clone()));
        if self.is(TokenState::Absent) {
            self.is_wanted();
            self.state = TokenState::Adopting;
            self.payment_token = Some(token);
        }
        Ok(())
    }

    /// Requests the deletion of the token, at once or when Truemed issues it. `charge` is the position of a requested
    /// checkout, which stays.
    pub(super) fn delete(&mut self, charge: Option<u32>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        match self.state {
            TokenState::Requested | TokenState::Awaiting => self.refuse_token(charge, cx),
            TokenState::Issued => self.request_deletion(cx),
            _ => return Err(Stop::NotNow),
        }
        Ok(())
    }

    pub(super) fn request_deletion(&mut self, cx: &mut Cx<'_>) {
        if let Some(token) = self.payment_token.clone() {
            cx.withdraw_notice(Notice::DeletionRefused, THE_TOKEN);
            cx.request(Call::DeletePaymentToken(token));
            self.state = TokenState::Deleting;
        }
    }

    /// Whether the host wants the token to be deleted once Truemed issues it.
    pub(super) const fn is_unwanted(&self) -> bool {
        self.unwanted
    }

    /// The host requests or adopts a token, which takes back that a token is unwanted.
    pub(super) const fn is_wanted(&mut self) {
        self.unwanted = false;
    }

    /// Notes that a request of ours is settled, and applies its report unless a newer one was applied. Returns whether
    /// the report is the newest.
    pub(super) fn apply(&mut self, seq: u32, report: TokenReport<'_>, cx: &mut Cx<'_>) -> bool {
        if self.is_other(seq, report.token) {
            return self.compare(report, cx);
        }
        let newest = self.is_newest(seq, report);
        if newest {
            if self.payment_token.as_ref() != Some(report.token) {
                // Later webhooks can find this row by the token.
                cx.learn(report.token);
            }
            self.reported_at = report.at.or(self.reported_at.filter(|_| seq == self.brought_by()));
            if seq != self.brought_by() {
                self.forget_others(cx);
            }
            self.payment_token = Some(report.token.clone());
            self.letter_expires(report.lmn_expires_at.or(self.lmn_expires_at), cx);
            self.look_at_card(cx);
            (self.settled, self.brought) = (seq, None);
        }
        if self.state < TokenState::Issued {
            self.state = TokenState::Issued;
            if core::mem::take(&mut self.unwanted) {
                self.request_deletion(cx);
            }
        }
        newest
    }

    /// Notes the items that the customer qualified for, if there are any, and since when they are known.
    pub(super) fn confirm(&mut self, items: Option<Digest>, since: Timestamp, cx: &Cx<'_>) {
        if items.is_some() {
            (self.confirmed, self.confirmed_at) = (items, cx.is_restored().then_some(since));
        }
    }

    /// Notes that a request without a report of the token is settled.
    pub(super) fn settle(&mut self, seq: u32) {
        if seq > self.settled {
            self.brought = Some(self.brought_by());
            self.settled = seq;
        }
    }

    /// Truemed's replies refused every sending of the last request, and Truemed made a token all the same.
    pub(super) fn issue_despite_refusal(&mut self, seq: u32, report: TokenReport<'_>, cx: &mut Cx<'_>) {
        self.apply(seq, report, cx);
        (self.confirmed, self.confirmed_at) = (self.refused.take(), None);
    }

    /// Whether a report is the newest: by its time, else by the expiry of its letter, else by the order of our
    /// requests.
    fn is_newest(&self, seq: u32, report: TokenReport<'_>) -> bool {
        self.payment_token.is_none() || self.is_later(report).unwrap_or(seq >= self.settled)
    }

    /// Whether a report of a known token is newer than the last one, and not a repetition of it.
    pub(super) fn is_news(&self, seq: u32, report: TokenReport<'_>) -> bool {
        self.payment_token.is_some() && self.is_later(report).unwrap_or(seq > self.settled)
    }

    fn is_later(&self, report: TokenReport<'_>) -> Option<bool> {
        later(report.at, self.reported_at).or_else(|| later(report.lmn_expires_at, self.lmn_expires_at))
    }

    /// Compares the returned metadata with the metadata that was sent.
    pub(super) fn check_echo(&self, metadata: Option<&str>, cx: &mut Cx<'_>) {
        let echoes = |have: Digest| metadata.is_none_or(|text| Digest::of([text.as_bytes()]) == have);
        cx.check(Rule::MetadataEchoMatch, self.metadata.is_none_or(echoes)).at("/metadata");
    }

    /// A lookup shows the token. A token whose deletion is pending still exists. Returns whether the token has taken the place
    /// of another one.
    pub(super) fn on_lookup(&mut self, reply: &TokenReply, cx: &mut Cx<'_>) -> bool {
        let is_named = self.named.take_if(|it| *it == reply.payment_token).is_some();
        match self.state {
            _ if is_named => self.accept_named(TokenReport::new(&reply.payment_token, reply.lmn_expiry()), cx),
            TokenState::Adopting => {
                self.apply(0, TokenReport::new(&reply.payment_token, reply.lmn_expiry()), cx);
            }
            TokenState::Deleting if cx.deny(is_delete).is_some() => {
                self.state = TokenState::Issued;
                Self::tell_of_refusal(cx);
            }
            _ => {}
        }
        if self.payment_token.as_ref() == Some(&reply.payment_token) {
            self.letter_expires(reply.lmn_expiry(), cx);
            self.card_expires(reply.card_expiry(), cx);
        }
        is_named
    }

    /// Truemed does not find the token. Returns whether this proves the pending deletion. Otherwise a person is asked.
    pub(super) fn not_found(&mut self, token: &Token, cx: &mut Cx<'_>) -> bool {
        self.named_not_shown(token, cx);
        match self.state {
            TokenState::Adopting => self.not_adopted(),
            TokenState::Deleting if cx.sent(is_delete) => {
                cx.prove(is_delete, None);
                return true;
            }
            TokenState::Deleted => {}
            _ if self.payment_token.as_ref() == Some(token) => Self::ask_where_it_is(cx),
            _ => {}
        }
        false
    }

    /// Asks a person about a token that Truemed does not find: it is deleted, or belongs to another sales channel.
    pub(super) fn ask_where_it_is(cx: &mut Cx<'_>) {
        cx.ask(Review::TokenNotFound, TypedId::new(THE_TOKEN, THE_TOKEN));
    }

    /// Truemed refused to delete the token. It can still be charged, so the host has to act.
    pub(super) fn tell_of_refusal(cx: &mut Cx<'_>) {
        cx.notify(Notice::DeletionRefused, TypedId::new(THE_TOKEN, THE_TOKEN), ToDo::NOTHING);
    }

    /// The adopted token cannot be found.
    pub(super) fn not_adopted(&mut self) {
        if self.is(TokenState::Adopting) {
            self.state = TokenState::Absent;
            self.payment_token = None;
        }
    }

    /// The token was not deleted.
    pub(super) const fn not_deleted(&mut self) {
        self.state = TokenState::Issued;
    }

    /// The token is deleted. Only charges that were sent, and their lookups, stay pending.
    pub(super) fn deleted(&mut self, cx: &mut Cx<'_>) {
        (self.state, self.named) = (TokenState::Deleted, None);
        let stays =
            |call: &Call| call.is_session() || call.is_find() || matches!(call, Call::RetrievePaymentSession(_));
        cx.withdraw(|call| !stays(call));
        let outdated = [
            Notice::ActionRequired.as_str(),
            Notice::PaymentFailed.as_str(),
            Notice::LetterExpires.as_str(),
            Notice::CardExpires.as_str(),
            Notice::DeletionRefused.as_str(),
            Review::ChangeUnconfirmed.as_str(),
            Review::RepairUnconfirmed.as_str(),
            Review::TokenNotFound.as_str(),
            Review::TwoTokens.as_str(),
        ];
        cx.withdraw_all_about(&outdated, |_| true);
        self.forget_provisions(cx);
    }

    /// A person says that the token still exists, after Truemed did not find it. A deletion has failed so.
    pub(super) fn kept(&mut self, cx: &Cx<'_>) {
        if self.is(TokenState::Deleting) && cx.pending(is_delete).is_none() {
            self.not_deleted();
        }
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        let known = self.has_existed() || self.is(TokenState::Adopting);
        match () {
            () if known != self.payment_token.is_some() => {
                Some("a token string is there exactly when the token exists or is looked up")
            }
            () if self.is(TokenState::Awaiting) && self.provision_ids().next().is_none() => {
                Some("the flow waits for a token that was never requested")
            }
            () if self.unwanted && self.state >= TokenState::Adopting => {
                Some("a token that exists is deleted at once, or it is wanted")
            }
            () => None,
        }
    }
}

/// Whether one value is later than another, if both are known and differ.
fn later<T: Ord>(new: Option<T>, old: Option<T>) -> Option<bool> {
    match (new, old) {
        (Some(new), Some(old)) if new != old => Some(new > old),
        _ => None,
    }
}
