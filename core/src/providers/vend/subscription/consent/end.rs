//! How the wait for a token ends: by a consent, by a verdict, or because the token expired unused.

use alloc::vec::Vec;

use super::super::billing::{Billing, ask_about_older};
use super::super::{Cx, remember};
use super::latest::{Mark, Replaced};
use super::token::{Closed, RequestId, Token, Use};
use super::{Consent, Consented, REMEMBERED, is_moot};
use crate::flow::ToDo;
use crate::providers::vend::api::calls::Kind;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::names::{Notice, Review, Verdict};
use crate::time::Timestamp;

impl Consent {
    /// A person says whether a token was used. No lookup has shown its end.
    pub(in super::super) fn reviewed_unconfirmed(
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
                return Some(self.attest(&token, Use { subscription, at: None }, billing, cx));
            }
            Verdict::NotUsed => {
                let token = self.tokens.remove(index);
                self.expire(token, true, billing, cx);
            }
            _ => {
                let token = self.tokens.get_mut(index)?;
                token.restart_wait(cx.now());
                token.schedule_lookup(cx);
            }
        }
        None
    }

    /// A person says whether the use of a token counts. The token was used for something else, or after it was given
    /// up.
    pub(in super::super) fn reviewed_use(
        &mut self,
        review: Review,
        verdict: Verdict,
        about: &str,
        billing: &Billing,
        cx: &mut Cx<'_>,
    ) -> Option<Consented> {
        let counts = verdict == Verdict::Confirmed;
        let Some(index) = self.tokens.iter().position(|it| it.is_of(about)) else {
            return self.reviewed_late_use(review, counts, about, billing, cx);
        };
        let mut token = self.tokens.remove(index);
        if !counts {
            self.give_up(token, true, cx);
            return None;
        }
        let used = token.disputed.take().unwrap_or_default();
        Some(self.attest(&token, used, billing, cx))
    }

    /// A person says whether the use of a token counts that was given up before.
    fn reviewed_late_use(
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
                let used = token.disputed.take().unwrap_or_default();
                Some(self.confirm(&token, used, billing, cx))
            }
            (_, true) => {
                let used = token.disputed.take().unwrap_or_default();
                Some(self.attest(&token, used, billing, cx))
            }
            // The person has seen that the token was used for the request. No later lookup can show anything new.
            (Review::MadeAfterAll, false) => None,
            (_, false) => {
                self.closed.insert(index, Closed { token, by_person: true });
                None
            }
        }
    }

    /// A person says that a token was used.
    fn attest(&mut self, token: &Token, used: Use, billing: &Billing, cx: &mut Cx<'_>) -> Consented {
        Consented { attested: true, ..self.confirm(token, used, billing, cx) }
    }

    /// The retailer has consented to the request of a token. The request is now delivered.
    pub(super) fn confirm(&mut self, token: &Token, used: Use, billing: &Billing, cx: &mut Cx<'_>) -> Consented {
        cx.withdraw(|call| call.is_lookup_of(&token.text));
        self.end_wait(token, cx);
        self.note_contents(token.request, &token.contents);
        let (kind, mark) = (token.request.kind(), token.mark(used.at));
        let is_another =
            kind == Kind::Create && used.subscription.is_some() && used.subscription.as_ref() != billing.id();
        let replaces = is_another && billing.id().is_some();
        let is_late = replaces && self.latest.is_after(&mark);
        if is_late {
            // A person decides what is still to be delivered.
            cx.ask(Review::OlderConsent, &token.request.id());
        } else {
            // Deliveries that were held back for the former subscription may not belong to this one. A person decides.
            let held = if is_another { cx.withdraw_withheld() } else { Vec::new() };
            let lease = if replaces { self.replace_all(cx) } else { None };
            self.deliver(token, mark, lease, cx);
            // Vend has billed the former subscription too, and nobody has delivered what it began with.
            held.into_iter().for_each(|(request, lease)| ask_about_older(request, lease, cx));
        }
        Consented { kind, request: token.request.id(), subscription: used.subscription, is_late, attested: false }
    }

    /// The consent is for another subscription. The consents to the former one are dropped, and a person decides about their
    /// deliveries. Returns when the last lease of such a delivery ends.
    fn replace_all(&mut self, cx: &mut Cx<'_>) -> Option<Timestamp> {
        let before = core::mem::take(&mut self.latest);
        before.requests().map(|request| ask_instead(request, cx)).fold(None, Option::max)
    }

    /// Delivers what the retailer consented to, unless a later consent replaces it. The delivery is not due before
    /// `from`.
    fn deliver(&mut self, token: &Token, mark: Mark, from: Option<Timestamp>, cx: &mut Cx<'_>) {
        let request = token.request.id();
        let replaced = self.latest.replaced(token, &mark);
        let older = self.latest.note(token, mark);
        // What a new subscription begins with replaces nothing of another one, which Vend has billed as well.
        let settle = if token.request.kind() == Kind::Create { ask_instead } else { take_back };
        let from = older.into_iter().map(|request| settle(request, cx)).fold(from, Option::max);
        match replaced {
            Replaced::Nothing => cx.fulfill_from(&request, from),
            Replaced::Part => cx.ask(Review::OlderConsent, &request),
            Replaced::Whole => {}
        }
    }

    /// A token was not used. The retailer is notified only about the token that was handed out last.
    pub(super) fn expire(&mut self, token: Token, by_person: bool, billing: &Billing, cx: &mut Cx<'_>) {
        let request = token.request.id();
        let must_notify = self.is_newest(&token) && !is_moot(&token, billing);
        let lapsed = token.request;
        self.give_up(token, by_person, cx);
        if must_notify && self.requested.is_some() {
            self.lapsed_beside = Some(lapsed);
        } else if must_notify {
            cx.notify(Notice::ConsentExpired, &request, ToDo::NOTHING);
        }
    }

    /// The wait for a token ends without a use, by a verdict or by a lookup. Another open lookup may still show that
    /// the token was used.
    fn give_up(&mut self, token: Token, by_person: bool, cx: &mut Cx<'_>) {
        cx.withdraw_unsent(|call| call.is_lookup_of(&token.text));
        self.end_wait(&token, cx);
        remember(&mut self.closed, Closed { token, by_person }, REMEMBERED);
    }

    /// A token must not be handed out again, and every question about it is closed.
    fn end_wait(&mut self, token: &Token, cx: &mut Cx<'_>) {
        let spent = token.text.digest();
        if !self.spent.contains(&spent) {
            remember(&mut self.spent, spent, REMEMBERED);
        }
        let request = token.request.id();
        for review in [Review::Unconfirmed, Review::Mismatch, Review::MadeAfterAll] {
            cx.withdraw_review(review, request.as_str());
        }
        cx.withdraw_notice(Notice::ConsentExpired, request.as_str());
        self.lapsed_beside.take_if(|it| *it == token.request);
    }
}

/// A later consent replaces all of an earlier one, so the delivery of the earlier one is withdrawn. Returns when its
/// lease ends.
fn take_back(request: RequestId, cx: &mut Cx<'_>) -> Option<Timestamp> {
    let request = request.id();
    cx.withdraw_review(Review::OlderConsent, request.as_str());
    cx.withdraw_delivery(request.as_str())
}

/// A consent to another subscription follows. A person decides about a delivery that nobody has carried out, once no worker
/// can be at it any more. Returns when its lease ends.
fn ask_instead(request: RequestId, cx: &mut Cx<'_>) -> Option<Timestamp> {
    let request = request.id();
    let is_undelivered = cx.has_delivery(request.as_str());
    let lease = cx.withdraw_delivery(request.as_str());
    if is_undelivered {
        ask_about_older(&request, lease, cx);
    }
    lease
}
