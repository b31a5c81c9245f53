//! The facet `token`: whether the stored payment method exists, what Truemed says of it, and the attempts to get it.

mod provision;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use crate::flow::{Stop, states};
use crate::id::Digest;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::replies::TokenRetrieved;
use crate::providers::truemed::ids::Token;
use crate::providers::truemed::names::{Notice, Review};
use crate::providers::truemed::rules::Rule;
use crate::time::Timestamp;
use provision::Provision;

/// What the review of a token that Truemed does not find is about.
const THE_TOKEN: &str = "payment_token";

states! {
    /// Where the token stands.
    pub enum TokenState ("TruemedPaymentTokenPlace") {
        /// Nobody asked for a token.
        #[default]
        Absent = "absent",
        /// A token is asked for.
        Requested = "requested",
        /// Truemed decides, or the customer has not finished.
        Awaiting = "awaiting",
        /// A token of another origin is looked up.
        Adopting = "adopting",
        /// The token exists.
        Issued = "issued",
        /// Its deletion is asked for.
        Deleting = "deleting",
        /// The token is gone for good.
        Deleted = "deleted",
    }
}

/// The token, and the attempts to get it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenToken"))]
#[serde(deny_unknown_fields)]
pub(super) struct StoredToken {
    /// Where it stands.
    state: TokenState,
    /// The text to charge with: that of the newest request of ours that was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Token>,
    /// The newest request of ours that was settled, in their order.
    #[serde(default)]
    settled: u32,
    /// When Truemed's newest word of it was so, where Truemed says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    word_at: Option<Timestamp>,
    /// When the earliest letter of medical necessity expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lmn_expires_at: Option<Timestamp>,
    /// The fingerprint of the items that the customer qualified for; unknown of an adopted token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<Digest>,
    /// The same of the request for a token that was refused last, should Truemed have made one even so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Digest>,
    /// The attempts to get a token that are still open, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    provisions: Vec<Provision>,
    /// The fingerprint of the metadata that must come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Digest>,
}

/// What a signal or a lookup says of a token: its text, and when its earliest letter expires.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) token: &'a Token,
    pub(super) letter: Option<Timestamp>,
    /// When it was so, where that is said.
    pub(super) at: Option<Timestamp>,
}

impl<'a> Word<'a> {
    pub(super) const fn new(token: &'a Token, letter: Option<Timestamp>) -> Self {
        Self { token, letter, at: None }
    }
}

/// Whether a call deletes a token.
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

    /// Whether it exists, or did.
    pub(super) const fn has_existed(&self) -> bool {
        matches!(self.state, TokenState::Issued | TokenState::Deleting | TokenState::Deleted)
    }

    pub(super) const fn text(&self) -> Option<&Token> {
        self.text.as_ref()
    }

    pub(super) const fn confirmed(&self) -> Option<Digest> {
        self.confirmed
    }

    /// When the earliest letter of medical necessity expires.
    pub(super) const fn lmn_expires_at(&self) -> Option<Timestamp> {
        self.lmn_expires_at
    }

    /// Looks at the token: the one that is known, or one of another origin.
    pub(super) fn retrieve(&mut self, given: Option<Token>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(text) = self.text.clone().or(given) else { return Err(Stop::NotNow) };
        cx.look_up(Call::RetrievePaymentToken(text.clone()));
        if self.is(TokenState::Absent) {
            self.state = TokenState::Adopting;
            self.text = Some(text);
        }
        Ok(())
    }

    /// Asks for its deletion.
    pub(super) fn delete(&mut self, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Some(text) = self.text.clone() else { return Err(Stop::NotNow) };
        cx.request(Call::DeletePaymentToken(text));
        self.state = TokenState::Deleting;
        Ok(())
    }

    /// Notes that a request of ours is settled, and takes Truemed's word of the token from it unless a newer one was.
    /// Says whether it is the newest.
    pub(super) fn take(&mut self, seq: u32, word: Word<'_>, cx: &mut Cx<'_>) -> bool {
        let newest = self.is_newest(seq, word);
        if newest {
            if self.text.as_ref() != Some(word.token) {
                // What is told of it from now on finds this row.
                cx.learn(word.token.as_str());
            }
            self.text = Some(word.token.clone());
            self.lmn_expires_at = word.letter.or(self.lmn_expires_at);
            self.word_at = word.at.or(self.word_at);
            self.settled = seq;
        }
        if self.state < TokenState::Issued {
            self.state = TokenState::Issued;
        }
        newest
    }

    /// The customer has qualified for these items, where any are meant.
    pub(super) fn confirm(&mut self, items: Option<Digest>) {
        self.confirmed = items.or(self.confirmed);
    }

    /// Notes that a request of ours is settled that says nothing of the token.
    pub(super) fn settle(&mut self, seq: u32) {
        self.settled = self.settled.max(seq);
    }

    /// Every sending of the last request was refused, says each reply, and Truemed has made a token even so.
    pub(super) fn take_though_refused(&mut self, seq: u32, word: Word<'_>, cx: &mut Cx<'_>) {
        self.take(seq, word, cx);
        self.confirmed = self.refused.take();
    }

    /// Of two words of the token the later counts, by their times, else by their letters, else by the order of asking.
    fn is_newest(&self, seq: u32, word: Word<'_>) -> bool {
        self.text.is_none() || self.is_later(word).unwrap_or(seq >= self.settled)
    }

    /// Whether a word of a known token is newer than the last one, and not that one again.
    pub(super) fn is_news(&self, seq: u32, word: Word<'_>) -> bool {
        self.text.is_some() && self.is_later(word).unwrap_or(seq > self.settled)
    }

    fn is_later(&self, word: Word<'_>) -> Option<bool> {
        later(word.at, self.word_at).or_else(|| later(word.letter, self.lmn_expires_at))
    }

    /// Holds the metadata that came back against what was given.
    pub(super) fn check_echo(&self, metadata: Option<&str>, cx: &mut Cx<'_>) {
        let echoes = |have: Digest| metadata.is_none_or(|text| Digest::of([text.as_bytes()]) == have);
        cx.check(Rule::MetadataEchoMatch, self.metadata.is_none_or(echoes)).at("/metadata");
    }

    /// A lookup shows the token: one that was to be deleted is still there.
    pub(super) fn shown(&mut self, reply: &TokenRetrieved, cx: &mut Cx<'_>) {
        self.lmn_expires_at = reply.letter();
        match self.state {
            TokenState::Adopting => {
                self.take(0, Word::new(&reply.payment_token, reply.letter()), cx);
            }
            TokenState::Deleting if cx.deny(is_delete).is_some() => self.state = TokenState::Issued,
            _ => {}
        }
    }

    /// Truemed finds no such token. Says whether that proves a deletion that was asked for; otherwise a person is asked.
    pub(super) fn not_found(&mut self, token: &Token, cx: &mut Cx<'_>) -> bool {
        match self.state {
            TokenState::Adopting => self.not_adopted(),
            TokenState::Deleting if cx.sent(is_delete) => {
                cx.prove(is_delete, None);
                return true;
            }
            TokenState::Deleted => {}
            _ if self.text.as_ref() == Some(token) => Self::ask_where_it_is(cx),
            _ => {}
        }
        false
    }

    /// A request about the token does not find it: it may be gone, or be another sales channel's. Nothing is charged until a
    /// person says which.
    pub(super) fn ask_where_it_is(cx: &mut Cx<'_>) {
        cx.ask(Review::TokenNotFound, THE_TOKEN);
    }

    /// The token of another origin is not to be had.
    pub(super) fn not_adopted(&mut self) {
        if self.is(TokenState::Adopting) {
            self.state = TokenState::Absent;
            self.text = None;
        }
    }

    /// Its deletion came to nothing.
    pub(super) const fn not_deleted(&mut self) {
        self.state = TokenState::Issued;
    }

    /// It is gone for good: everything is moot but the charges that were sent, and what looks for them.
    pub(super) fn deleted(&mut self, cx: &mut Cx<'_>) {
        self.state = TokenState::Deleted;
        let lives =
            |call: &Call| call.is_session() || call.is_find() || matches!(call, Call::RetrievePaymentSession(_));
        cx.withdraw(|call| !lives(call));
        let moot = [
            Notice::ActionRequired.as_str(),
            Notice::PaymentFailed.as_str(),
            Review::ChangeUnconfirmed.as_str(),
            Review::RepairUnconfirmed.as_str(),
            Review::TokenNotFound.as_str(),
        ];
        cx.withdraw_all_about(&moot, |_| true);
        self.forget_provisions(cx);
    }

    /// A person says that the token still exists, after Truemed did not find it: a deletion has failed.
    pub(super) fn kept(&mut self, cx: &Cx<'_>) {
        if self.is(TokenState::Deleting) && cx.pending(is_delete).is_none() {
            self.not_deleted();
        }
    }

    pub(super) fn impossible(&self) -> Option<&'static str> {
        let known = self.has_existed() || self.is(TokenState::Adopting);
        match () {
            () if known != self.text.is_some() => Some("a token has a text exactly when it exists or is looked up"),
            () if self.is(TokenState::Awaiting) && self.provisions.is_empty() => {
                Some("a token is awaited that nobody asked for")
            }
            () => None,
        }
    }
}

/// Whether one is later than another, where both are known and differ.
fn later<T: Ord>(new: Option<T>, old: Option<T>) -> Option<bool> {
    match (new, old) {
        (Some(new), Some(old)) if new != old => Some(new > old),
        _ => None,
    }
}
