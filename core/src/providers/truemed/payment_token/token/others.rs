//! Other tokens that Truemed reports for one request of ours: which token counts, and when a person must say so.

use core::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::{StoredToken, THE_TOKEN, TokenReport, later};
use crate::id::{Digest, TypedId};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::ids::Token;
use crate::providers::truemed::names::Review;
use crate::providers::truemed::payment_token::Cx;
use crate::time::Timestamp;

/// How many other tokens are kept. Any of them already needs a person.
const KEPT: usize = 8;

/// Another token that Truemed reported for the request that brought the token.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenOther"))]
#[serde(deny_unknown_fields)]
pub(super) struct OtherToken {
    /// The string that charges the token.
    #[serde(rename = "text")]
    token: Token,
    /// The time of the newest report, if a report has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// When the earliest letter of medical necessity expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lmn_expires_at: Option<Timestamp>,
}

impl StoredToken {
    /// The position of the request that brought the token.
    pub(super) fn brought_by(&self) -> u32 {
        self.brought.unwrap_or(self.settled)
    }

    /// Whether a token is not the one that the request at that position brought.
    pub(super) fn is_other(&self, seq: u32, token: &Token) -> bool {
        self.payment_token.as_ref().is_some_and(|have| have != token) && seq == self.brought_by()
    }

    /// Whether a report of the request at that position, which is settled, has another token or a later time.
    pub(in super::super) fn is_contradiction(&self, seq: u32, report: TokenReport<'_>) -> bool {
        if seq != self.brought_by() || self.payment_token.is_none() {
            return false;
        }
        if !self.is_other(seq, report.token) {
            return report.at > self.reported_at;
        }
        let known = self.others.iter().find(|it| it.token == *report.token);
        known.is_none_or(|it| report.at > it.at && !self.chosen)
    }

    /// Whether Truemed reported several tokens for one request, and nothing shows which one counts.
    ///
    /// Only times decide, and the latest one wins. Without a time the order of arrival would decide, which proves nothing.
    pub(in super::super) fn is_doubtful(&self) -> bool {
        !self.chosen && self.others.iter().any(|it| later(self.reported_at, it.at) != Some(true))
    }

    /// Compares a report of another token with the reports before it. Returns whether its token is the one to show.
    ///
    /// Of the tokens without a decision, the same one is shown in every order of the reports.
    pub(super) fn compare(&mut self, report: TokenReport<'_>, cx: &mut Cx<'_>) -> bool {
        match self.others.iter_mut().find(|it| it.token == *report.token) {
            Some(known) => {
                known.at = known.at.max(report.at);
                known.lmn_expires_at = report.lmn_expires_at.or(known.lmn_expires_at);
            }
            None => {
                cx.learn(report.token);
                self.keep_other(OtherToken {
                    token: report.token.clone(),
                    at: report.at,
                    lmn_expires_at: report.lmn_expires_at,
                });
                self.chosen = false;
            }
        }
        if self.named.take_if(|it| it == report.token).is_some() {
            self.accept(report.token, true, cx);
        }
        let rank = |at: Option<Timestamp>, token: &Token| (at, Reverse(Digest::of([token.as_str().as_bytes()])));
        let shown = self.payment_token.as_ref().map(|have| rank(self.reported_at, have));
        let best = self.others.iter().max_by_key(|it| rank(it.at, &it.token)).filter(|_| !self.chosen);
        if let Some(best) = best.filter(|it| Some(rank(it.at, &it.token)) > shown).map(|it| it.token.clone()) {
            self.show(&best, cx);
        }
        if self.is_doubtful() {
            cx.ask(Review::TwoTokens, TypedId::new(THE_TOKEN, THE_TOKEN));
        } else {
            cx.withdraw_review(Review::TwoTokens, THE_TOKEN);
            self.look_at_token(cx);
        }
        self.payment_token.as_ref() == Some(report.token)
    }

    /// A person says which token counts. A restored row does not know every token that Truemed has reported, so a lookup must
    /// show a token that this row does not know.
    pub(in super::super) fn choose(&mut self, token: &Token, cx: &mut Cx<'_>) {
        if self.payment_token.as_ref() != Some(token) && !self.others.iter().any(|it| it.token == *token) {
            self.named = Some(token.clone());
            return cx.look_up(Call::RetrievePaymentToken(token.clone()));
        }
        // A later update was made on one of the tokens, and nothing shows on which.
        self.accept(token, self.brought.is_some(), cx);
        self.look_at_token(cx);
    }

    /// A reported token counts, because a person has said so.
    fn accept(&mut self, token: &Token, has_unknown_items: bool, cx: &mut Cx<'_>) {
        self.show(token, cx);
        (self.chosen, self.named) = (true, None);
        if has_unknown_items {
            self.confirmed = None;
        }
        cx.stop_sending(|call| call.is_session() && self.is_of_other(call));
    }

    /// A lookup shows a token that a person has named. Its items are unknown, like those of an adopted token.
    pub(super) fn accept_named(&mut self, report: TokenReport<'_>, cx: &mut Cx<'_>) {
        cx.learn(report.token);
        self.keep_newest(report);
        self.accept(report.token, true, cx);
        cx.withdraw_review(Review::TwoTokens, THE_TOKEN);
    }

    /// Whether a lookup must show the token that a person has named.
    pub(in super::super) const fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// No lookup shows the token that a person has named, so the person is asked again.
    pub(in super::super) fn named_not_shown(&mut self, token: &Token, cx: &mut Cx<'_>) {
        if self.named.take_if(|it| it == token).is_some() {
            cx.ask(Review::TwoTokens, TypedId::new(THE_TOKEN, THE_TOKEN));
        }
    }

    /// Makes one of the reported tokens the token, and the token one of the others.
    pub(super) fn show(&mut self, token: &Token, cx: &mut Cx<'_>) {
        let Some(index) = self.others.iter().position(|it| it.token == *token) else { return };
        let shown = self.others.remove(index);
        if let Some(have) = self.payment_token.replace(shown.token) {
            let (at, lmn_expires_at) = (self.reported_at, self.lmn_expires_at);
            self.keep_other(OtherToken { token: have, at, lmn_expires_at });
        }
        self.reported_at = shown.at;
        self.letter_expires(shown.lmn_expires_at, cx);
    }

    /// Truemed reports another token after the deletion. The deleted one stays known, so that a repeated report of it is
    /// not news.
    pub(super) fn delete_instead(&mut self, report: TokenReport<'_>, cx: &mut Cx<'_>) {
        self.keep_newest(report);
        self.show(report.token, cx);
        self.chosen = true;
    }

    /// Keeps another token, in place of the first one if there are too many.
    fn keep_newest(&mut self, report: TokenReport<'_>) {
        let (token, lmn_expires_at) = (report.token.clone(), report.lmn_expires_at);
        if self.others.len() >= KEPT {
            self.others.remove(0);
        }
        self.keep_other(OtherToken { token, at: report.at, lmn_expires_at });
    }

    /// Keeps another token, in an order that does not depend on the order of the reports.
    pub(super) fn keep_other(&mut self, other: OtherToken) {
        if self.others.len() < KEPT {
            self.others.push(other);
            self.others.sort_unstable_by(|a, b| a.token.as_str().cmp(b.token.as_str()));
        }
    }

    /// A newer request brought a token, so the tokens of the request before it count no more.
    pub(super) fn forget_others(&mut self, cx: &mut Cx<'_>) {
        self.others.clear();
        (self.chosen, self.named) = (false, None);
        cx.withdraw_review(Review::TwoTokens, THE_TOKEN);
    }

    /// The ids of the other tokens. A later webhook may be about any of them.
    pub(in super::super) fn other_ids(&self) -> impl Iterator<Item = TypedId> {
        self.others.iter().map(|it| TypedId::from(&it.token))
    }

    /// Whether a request uses a token that a person has not chosen.
    pub(in super::super) fn is_of_other(&self, call: &Call) -> bool {
        let token = match call {
            Call::UpdatePaymentToken(token, _) => Some(token),
            Call::CreatePaymentSession(command) => command.payment_token.as_ref(),
            _ => None,
        };
        self.chosen && self.others.iter().any(|it| Some(&it.token) == token)
    }

    /// Looks up the token that counts. Its letter and its card are those of no other report.
    fn look_at_token(&self, cx: &mut Cx<'_>) {
        if let Some(token) = &self.payment_token {
            cx.look_up(Call::RetrievePaymentToken(token.clone()));
        }
    }
}
