//! How the wait for a token ends: by a consent, by a person's word, or because the token expired unused.

use super::super::billing::Billing;
use super::super::{Cx, remember};
use super::latest::{Mark, Replaced};
use super::token::{Closed, RequestId, Token, Use};
use super::{Consent, Consented, REMEMBERED, is_moot};
use crate::providers::vend::api::calls::Kind;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::{Notice, Review, Verdict};
use crate::time::Timestamp;

impl Consent {
    /// A person says whether a token was used whose end no lookup shows.
    pub(in super::super) fn unconfirmed(
        &mut self,
        verdict: Verdict,
        about: &str,
        subscription: Option<SubscriptionId>,
        billing: &Billing,
        cx: &mut Cx<'_>,
    ) -> Option<Consented> {
        let index = self.tokens.iter().position(|it| it.is_of(about))?;
        match verdict {
            Verdict::Used => {
                let token = self.tokens.remove(index);
                return Some(self.attested(&token, Use { subscription, at: None }, billing, cx));
            }
            Verdict::NotUsed => {
                let token = self.tokens.remove(index);
                self.expired(token, true, billing, cx);
            }
            _ => {
                let token = self.tokens.get_mut(index)?;
                token.wait_on(cx.now());
                token.plan(cx);
            }
        }
        None
    }

    /// A person says whether the use of a token counts that shows something else, or that came after all.
    pub(in super::super) fn used_or_not(
        &mut self,
        review: Review,
        verdict: Verdict,
        about: &str,
        billing: &Billing,
        cx: &mut Cx<'_>,
    ) -> Option<Consented> {
        let counts = verdict == Verdict::Confirmed;
        let Some(index) = self.tokens.iter().position(|it| it.is_of(about)) else {
            return self.late_use_or_not(review, counts, about, billing, cx);
        };
        let mut token = self.tokens.remove(index);
        if !counts {
            self.give_up(token, true, cx);
            return None;
        }
        let shown = token.disputed.take().unwrap_or_default();
        Some(self.attested(&token, shown, billing, cx))
    }

    /// A person says whether the use of a token counts that was given up before.
    fn late_use_or_not(
        &mut self,
        review: Review,
        counts: bool,
        about: &str,
        billing: &Billing,
        cx: &mut Cx<'_>,
    ) -> Option<Consented> {
        let index = self.closed.iter().position(|it| it.token.is_of(about))?;
        let Closed { mut token, .. } = self.closed.remove(index);
        match (review, counts) {
            (Review::MadeAfterAll, true) => {
                let shown = token.disputed.take().unwrap_or_default();
                Some(self.confirmed(&token, shown, billing, cx))
            }
            (_, true) => {
                let shown = token.disputed.take().unwrap_or_default();
                Some(self.attested(&token, shown, billing, cx))
            }
            // A person has seen that it was used for what was asked for: nothing new can be shown of it.
            (Review::MadeAfterAll, false) => None,
            (_, false) => {
                self.closed.insert(index, Closed { token, by_person: true });
                None
            }
        }
    }

    /// A person says that a token was used.
    fn attested(&mut self, token: &Token, shown: Use, billing: &Billing, cx: &mut Cx<'_>) -> Consented {
        Consented { attested: true, ..self.confirmed(token, shown, billing, cx) }
    }

    /// The retailer has consented to what a token was asked for: that is delivered.
    pub(super) fn confirmed(&mut self, token: &Token, shown: Use, billing: &Billing, cx: &mut Cx<'_>) -> Consented {
        cx.withdraw(|call| call.looks_at(&token.text));
        self.end_wait(token, cx);
        let (kind, mark) = (token.of.0, token.mark(shown.at));
        let is_another =
            kind == Kind::Create && shown.subscription.is_some() && shown.subscription.as_ref() != billing.id();
        let replaces = is_another && billing.id().is_some();
        let is_late = replaces && self.latest.is_after(&mark);
        if is_late {
            // A person says what is still to be done of it.
            cx.ask(Review::OlderConsent, token.of.id().as_str());
        } else {
            let lease = if replaces { self.begin_anew(cx) } else { None };
            if is_another {
                // What was not delivered of the one before is not delivered of this one.
                cx.withdraw_withheld();
            }
            self.deliver(token, mark, lease, cx);
        }
        Consented { kind, of: token.of.id(), subscription: shown.subscription, is_late, attested: false }
    }

    /// Another subscription: what is known of the one before says nothing of it, and is not delivered after it. Until when
    /// somebody may still be delivering that.
    fn begin_anew(&mut self, cx: &mut Cx<'_>) -> Option<Timestamp> {
        let before = core::mem::take(&mut self.latest);
        before.requests().map(|of| take_back(of, cx)).fold(None, Option::max)
    }

    /// Owes what the retailer consented to, unless a later consent replaces it; and not before `from`.
    fn deliver(&mut self, token: &Token, mark: Mark, from: Option<Timestamp>, cx: &mut Cx<'_>) {
        let of = token.of.id();
        let replaced = self.latest.replaced(token, &mark);
        let older = self.latest.note(token, mark);
        let from = older.into_iter().map(|of| take_back(of, cx)).fold(from, Option::max);
        match replaced {
            Replaced::Nothing => cx.fulfill_from(of.as_str(), from),
            Replaced::Part => cx.ask(Review::OlderConsent, of.as_str()),
            Replaced::Whole => {}
        }
    }

    /// A token was not used. The retailer is told of the one that was offered last.
    pub(super) fn expired(&mut self, token: Token, by_person: bool, billing: &Billing, cx: &mut Cx<'_>) {
        let of = token.of.id();
        let is_told = self.is_newest(&token) && self.requested.is_none() && !is_moot(&token, billing);
        self.give_up(token, by_person, cx);
        if is_told {
            cx.notify(Notice::ConsentExpired, of.as_str(), None);
        }
    }

    /// Nobody waits for a token any more, as a person says or a lookup that shows it unused: another one that is under way
    /// may show it used all the same.
    fn give_up(&mut self, token: Token, by_person: bool, cx: &mut Cx<'_>) {
        cx.withdraw_unsent(|call| call.looks_at(&token.text));
        self.end_wait(&token, cx);
        remember(&mut self.closed, Closed { token, by_person }, REMEMBERED);
    }

    /// A token must not be offered again, and no question about it is open any more.
    fn end_wait(&mut self, token: &Token, cx: &mut Cx<'_>) {
        let spent = token.text.digest();
        if !self.spent.contains(&spent) {
            remember(&mut self.spent, spent, REMEMBERED);
        }
        let of = token.of.id();
        for review in [Review::Unconfirmed, Review::Mismatch, Review::MadeAfterAll] {
            cx.withdraw_review(review, of.as_str());
        }
        cx.withdraw_notice(Notice::ConsentExpired, of.as_str());
    }
}

/// A later consent replaces all of an earlier one: it is not delivered any more. Until when somebody may still be at it.
fn take_back(of: RequestId, cx: &mut Cx<'_>) -> Option<Timestamp> {
    let of = of.id();
    cx.withdraw_review(Review::OlderConsent, of.as_str());
    cx.withdraw_delivery(of.as_str())
}
