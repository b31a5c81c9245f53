//! What a look or a signal says of the requests that move money: which of them it shows, and which it denies.

use alloc::vec::Vec;

use super::capturing::Captured;
use super::refund::{Again, Match, Refund, Wanted};
use super::{Checkout, Context};
use crate::effect::{effect_of_key, idempotency_key};
use crate::flow::{Flow, Outcome, Reading};
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::flex::call::Call;
use crate::providers::flex::event::Event;
use crate::providers::flex::ids::RefundId;
use crate::providers::flex::session_request::echoed_key;
use crate::providers::flex::wire::{RefundSeen, SessionSeen};
use crate::time::Timestamp;

/// Whether it is the request of that name.
pub(super) fn is_named(call: &Call, name: &EffectId) -> bool {
    matches!(call, Call::CreateRefund(_, have, _) | Call::CapturePayment(_, have, _) if have == name)
}

impl Checkout {
    /// Holds a good reply against what is known: only a refund or a capture that is new proves anything.
    pub(super) fn weighed(&self, call: &Call, event: Event, since: Timestamp) -> Reading<Event> {
        let mode = self.checkouts.current().and_then(|it| it.test_mode);
        match (call, event) {
            (Call::CreateRefund(..) | Call::CapturePayment(..), Event::Session(seen)) if !seen.test_mode.fits(mode) => {
                Reading::missing("/checkout_session/test_mode")
            }
            (Call::CreateRefund(_, name, it), Event::Session(seen)) => {
                let amount = self.payment.as_ref().and_then(|it| it.refunding.amount(name)).unwrap_or_default();
                let key = echoed_key(it.refund_metadata.as_ref());
                let wanted = Wanted { key: key.as_deref(), amount, since, alone: true };
                let list = seen.refunds.as_ref().map(|it| it.list.as_slice()).unwrap_or_default();
                match self.payment.as_ref().map(|payment| (payment, payment.matching(&wanted, list))) {
                    Some((payment, Match::Are(mut ids) | Match::MayBe(mut ids))) if !ids.is_empty() => {
                        // What another sending has made is no news: one more comes before it.
                        ids.sort_by_key(|id| payment.is_ours(id));
                        Reading::Done(Event::Refunded(seen, ids))
                    }
                    _ => Reading::missing("/checkout_session/refunds"),
                }
            }
            (Call::CapturePayment(_, _, it), Event::Capture(seen)) => {
                // An echo decides alone.
                let other = seen.echo.is_some() && seen.echo != echoed_key(it.capture_metadata.as_ref());
                match () {
                    () if other => Reading::missing("/capture/metadata"),
                    () if !seen.test_mode.fits(mode) => Reading::missing("/capture/test_mode"),
                    () => Reading::Done(Event::Capture(seen)),
                }
            }
            (Call::CapturePayment(_, name, it), Event::Session(seen)) => {
                let key = echoed_key(it.capture_metadata.as_ref());
                let single = self.payment.as_ref().is_some_and(|it| it.capturing.is_only(name));
                match self.captured(name, key.as_deref(), it.amount, since, single, &seen) {
                    Captured::By(id) => Reading::Done(Event::Captured(seen, Some(id))),
                    Captured::Some => Reading::Done(Event::Captured(seen, None)),
                    // Its own reply shows that money was taken, if no other request can have taken it.
                    Captured::Other if self.capturing_alone() => Reading::Done(Event::Captured(seen, None)),
                    _ => Reading::missing("/checkout_session/amount_received"),
                }
            }
            (_, event) => Reading::Done(event),
        }
    }

    /// Settles every open request that a session shows, and takes the session in. `asked` is the request for whose outcome
    /// we looked: what does not show it may deny it.
    pub(super) fn settle(&mut self, seen: &SessionSeen, asked: Option<&EffectId>, cx: &mut Context<'_>) {
        let captures = self.open(|payment| &payment.capturing.open, cx);
        let found: Vec<_> = captures
            .into_iter()
            .filter_map(|it| Some((self.captured(&it.name, Some(&it.key), it.amount, it.since?, it.single, seen), it)))
            .collect();
        if let Some(payment) = &mut self.payment {
            payment.see(seen, cx);
        }
        for (found, it) in found {
            self.capture_found(found, &it, asked == Some(&it.name), cx);
        }
        let list = seen.refunds.as_ref().map(|it| it.list.as_slice()).unwrap_or_default();
        for it in self.open(|payment| &payment.refunding.open, cx) {
            let Some(payment) = &self.payment else { return };
            match it.matching(payment, list) {
                Match::Are(ids) => {
                    cx.prove(|call| is_named(call, &it.name), ids.first().map(|id| id.as_str()));
                    for twice in payment.more_than_asked(&ids, it.amount) {
                        cx.review("made_twice", twice.as_str(), &["seen"]);
                    }
                    self.refund_made(&it.name, &ids);
                }
                Match::MayBe(_) => cx.ask_about(|call| is_named(call, &it.name)),
                Match::None if asked == Some(&it.name) => self.refund_missing(seen, &it.name, cx),
                Match::None => {}
            }
        }
    }

    /// A session that we looked at for the outcome of a refund does not show it.
    fn refund_missing(&mut self, seen: &SessionSeen, name: &EffectId, cx: &mut Context<'_>) {
        let Some(payment) = &self.payment else { return };
        let unlisted = super::payment::Payment::unlisted(seen) > Cents::ZERO;
        let grown = payment.refunding.grown(payment.returned()) > Cents::ZERO;
        match &seen.refunds {
            _ if unlisted && grown => cx.ask_about(|call| is_named(call, name)),
            Some(list) if list.whole => self.deny(name, cx),
            _ => cx.look_again(|call| is_named(call, name)),
        }
    }

    /// A look denies a request: settled as not made, where that counts.
    pub(super) fn deny(&mut self, name: &EffectId, cx: &mut Context<'_>) {
        if let Some((_, call)) = cx.deny(|call| is_named(call, name)) {
            self.undone(name, &call);
        }
    }

    /// A request came to nothing.
    pub(super) fn undone(&mut self, name: &EffectId, call: &Call) {
        let Some(payment) = &mut self.payment else { return };
        match call {
            Call::CapturePayment(_, _, it) => payment.capture_ends(name, it, Outcome::Failed),
            _ => payment.refund_came_to_nothing(name),
        }
    }

    fn refund_made(&mut self, name: &EffectId, ids: &[RefundId]) {
        if let Some(payment) = &mut self.payment {
            payment.refund_made(name, ids);
        }
    }

    /// The reply to a refund shows what it has made; given are those of them that are more than was asked for.
    pub(super) fn refund_shown(
        &mut self,
        name: &EffectId,
        seen: &SessionSeen,
        ids: &[RefundId],
        cx: &mut Context<'_>,
    ) -> Vec<RefundId> {
        let Some(payment) = &mut self.payment else { return Vec::new() };
        payment.see_refunds(seen, cx);
        let asked = payment.refunding.amount(name).unwrap_or_default();
        let beyond = payment.more_than_asked(ids, asked);
        // Those that echo the request's key are its own, however many; of the others only as many as it needs.
        let echoed = |id: &RefundId| {
            let mut all = seen.refunds.iter().flat_map(|it| &it.list);
            all.any(|it| it.refund_id == *id && it.echo.is_some())
        };
        let made: Vec<_> = ids.iter().filter(|id| !beyond.contains(id) || echoed(id)).cloned().collect();
        payment.refund_made(name, &made);
        beyond
    }

    /// Has a person look at refunds that a reply shows beyond what was asked for, and that no other request has made.
    pub(super) fn ask_of_surplus(&self, name: &EffectId, beyond: &[RefundId], cx: &mut Context<'_>) {
        let others = |it: &&Refund| it.intent.as_ref().is_some_and(|intent| intent.as_str() != name.intent());
        let of_others: Vec<_> = self.payment.iter().flat_map(|it| it.refunds.iter().filter(others)).map(|it| &it.id).collect();
        for it in beyond.iter().filter(|it| !of_others.contains(it)) {
            cx.review("made_twice", it.as_str(), &["seen"]);
        }
    }

    /// A verified signal tells of a refund: it names the request whose key it echoes, or the only one that it can be.
    pub(super) fn refund_told(&mut self, seen: &RefundSeen, cx: &mut Context<'_>) {
        for it in self.open(|payment| &payment.refunding.open, cx) {
            let Some(payment) = &self.payment else { return };
            if let Match::Are(ids) = it.matching(payment, core::slice::from_ref(seen)) {
                cx.prove(|call| is_named(call, &it.name), Some(seen.refund_id.as_str()));
                return self.refund_made(&it.name, &ids);
            }
        }
        let of_echo = |echo| EffectId::parse(effect_of_key(Self::ID, cx.key(), echo)?).ok();
        let name = seen.echo.as_deref().and_then(of_echo);
        let (Some(name), Some(payment)) = (name, &mut self.payment) else { return };
        let told = cx.after_all(|call| is_named(call, &name), seen.refund_id.as_str(), &["seen"]);
        if let Ok(Some(it)) = told {
            if let Some((again, _)) = &it.again {
                payment.refund_came_to_nothing(again);
            }
            return payment.refund_made(&name, core::slice::from_ref(&seen.refund_id));
        }
        match payment.told_again(&name, seen) {
            Again::Known => {}
            Again::Twice => cx.review("made_twice", seen.refund_id.as_str(), &["seen"]),
            // Every sending was refused, and one has made it even so.
            Again::AfterAll => cx.review("made_after_all", seen.refund_id.as_str(), &["seen"]),
        }
    }

    /// The requests whose outcome is unknown.
    pub(super) fn open(
        &self,
        of: impl Fn(&super::payment::Payment) -> &Vec<(EffectId, Cents)>,
        cx: &Context<'_>,
    ) -> Vec<OpenRequest> {
        let Some(payment) = &self.payment else { return Vec::new() };
        let all = of(payment);
        let sent =
            |name: &EffectId| cx.owed(|call| is_named(call, name)).filter(|it| it.sent).and_then(|it| it.first_at);
        let open = |(name, amount): &(EffectId, Cents)| {
            cx.owed(|call| is_named(call, name))?;
            let since = sent(name);
            let rival = |(other, its): &(EffectId, Cents)| {
                other != name && (its == amount || *its == Cents::ZERO) && sent(other).is_some()
            };
            let alone = !all.iter().any(rival);
            let key = idempotency_key(Self::ID, cx.key(), name);
            let single = !all.iter().any(|(other, _)| other != name && sent(other).is_some());
            Some(OpenRequest { name: name.clone(), key, amount: *amount, since, alone, single })
        };
        all.iter().filter_map(open).collect()
    }
}

/// A request whose outcome is unknown.
pub(super) struct OpenRequest {
    pub(super) name: EffectId,
    pub(super) key: alloc::string::String,
    pub(super) amount: Cents,
    /// When it was begun first, if a sending of it may have come true.
    pub(super) since: Option<Timestamp>,
    /// Whether no other can have moved the same.
    pub(super) alone: bool,
    /// Whether no other moves anything.
    pub(super) single: bool,
}

impl OpenRequest {
    /// What some refunds say of it. Of one that nobody has sent only an echo says anything.
    fn matching(&self, payment: &super::payment::Payment, list: &[RefundSeen]) -> Match {
        let since = self.since.unwrap_or_default();
        let wanted = Wanted { key: Some(&self.key), amount: self.amount, since, alone: self.alone };
        match self.since {
            Some(_) => payment.matching(&wanted, list),
            None => {
                let echoed: Vec<_> = list.iter().filter(|it| it.echo.as_ref() == Some(&self.key)).cloned().collect();
                payment.matching(&wanted, &echoed)
            }
        }
    }
}
