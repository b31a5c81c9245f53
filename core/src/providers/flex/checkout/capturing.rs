//! What a reply, a look or a list says of the captures that were asked for.

use alloc::vec::Vec;

use super::settle::{OpenRequest, is_named};
use super::{Checkout, Context};
use crate::flow::Outcome;
use crate::id::EffectId;
use crate::money::Cents;
use crate::providers::flex::call::Call;
use crate::providers::flex::checkouts::SKEW;
use crate::providers::flex::ids::CaptureId;
use crate::providers::flex::request::CapturePayment;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::wire::{CaptureSeen, Entries, SessionSeen};
use crate::time::Timestamp;

/// What was found of a capture.
pub(super) enum Captured {
    /// This one is it.
    By(CaptureId),
    /// As much more was received as was asked for.
    Some,
    /// Something was taken, and not what was asked for.
    Other,
    /// Nothing was.
    None,
    /// That cannot be told.
    Unclear,
}

impl Checkout {
    pub(super) fn capturing_alone(&self) -> bool {
        self.payment.as_ref().is_some_and(|it| it.capturing.is_alone())
    }

    /// What a session says of a capture that was asked for.
    pub(super) fn captured(
        &self,
        name: &EffectId,
        key: Option<&str>,
        amount: Cents,
        since: Timestamp,
        single: bool,
        seen: &SessionSeen,
    ) -> Captured {
        let Some(payment) = &self.payment else { return Captured::Unclear };
        let listed = seen.captures.as_ref();
        match self.among(key, amount, since, listed.map(|it| it.list.as_slice()).unwrap_or_default()) {
            Captured::None => {}
            found => return found,
        }
        let moving = &payment.capturing;
        // What another request has taken by its echo, this one has not.
        let others = listed.iter().flat_map(|it| &it.list).filter(|it| it.echo.is_some() && !payment.has_taken(it));
        let others = others.filter_map(|it| it.amount_captured).fold(Cents::ZERO, Cents::plus);
        let received = seen.amount_received.map(|all| all.minus(others));
        let grown = received.map(|all| moving.grown(all));
        let whole = listed.is_none_or(|it| it.whole);
        match (grown, received) {
            (Some(grown), _) if grown > Cents::ZERO && single && moving.amount(name) == Some(grown) => Captured::Some,
            (Some(_), Some(all)) if moving.explains(all) => Captured::Some,
            (Some(grown), _) if grown > Cents::ZERO => Captured::Other,
            (Some(_), _) if whole => Captured::None,
            (None, _) if listed.is_some() && whole => Captured::None,
            _ => Captured::Unclear,
        }
    }

    /// What a list of captures says of one that was asked for.
    fn among(&self, key: Option<&str>, amount: Cents, since: Timestamp, list: &[CaptureSeen]) -> Captured {
        let Some(payment) = &self.payment else { return Captured::Unclear };
        if let Some(it) = list.iter().find(|it| it.echo.is_some() && it.echo.as_deref() == key) {
            return Captured::By(it.capture_id.clone());
        }
        let is_new = |it: &&CaptureSeen| {
            let young = it.created_at.is_none_or(|made| made.after(SKEW) >= since);
            it.echo.is_none() && young && !payment.has_taken(it)
        };
        let new: Vec<_> = list.iter().filter(is_new).collect();
        match new.as_slice() {
            [] => Captured::None,
            [one] if payment.capturing.is_alone() && one.amount_captured == Some(amount) => {
                Captured::By(one.capture_id.clone())
            }
            _ => Captured::Other,
        }
    }

    pub(super) fn capture_found(&mut self, found: Captured, of: &OpenRequest, asked: bool, cx: &mut Context<'_>) {
        let name = &of.name;
        match found {
            Captured::By(_) | Captured::Some => {
                let id = if let Captured::By(id) = &found { Some(id) } else { None };
                if let Some((_, call)) = cx.prove(|call| is_named(call, name), id.map(CaptureId::as_str))
                    && let Call::CapturePayment(_, _, it) = &*call
                {
                    self.capture_made(name, it, id, cx);
                }
            }
            Captured::Other if of.single => cx.ask_about(|call| is_named(call, name)),
            Captured::None if asked => self.deny(name, cx),
            Captured::Unclear if asked => {
                cx.look_again(|call| is_named(call, name));
                if let Some(id) = &self.checkouts.settled {
                    cx.look_up(Call::ListCaptures(id.clone()));
                }
            }
            Captured::Other if asked => cx.look_again(|call| is_named(call, name)),
            _ => {}
        }
    }

    /// A list of captures, looked at since the session tells too little.
    pub(super) fn captures_listed(&mut self, list: &Entries<CaptureSeen>, cx: &mut Context<'_>) {
        for it in self.open(|payment| &payment.capturing.open, cx) {
            let Some(since) = it.since else { continue };
            match self.among(Some(&it.key), it.amount, since, &list.list) {
                // Whoever is missing here was not made; the look at the session repeats it in time.
                Captured::None if list.whole => self.deny(&it.name, cx),
                Captured::None => {}
                found => self.capture_found(found, &it, false, cx),
            }
        }
        if let Some(payment) = &mut self.payment {
            list.list.iter().for_each(|it| payment.see_capture(it));
        }
    }

    /// The reply to a capture shows it: by its id where it has one.
    pub(super) fn capture_shown(
        &mut self,
        name: &EffectId,
        it: &CapturePayment,
        seen: &SessionSeen,
        id: Option<&CaptureId>,
        cx: &mut Context<'_>,
    ) {
        if let Some(payment) = &mut self.payment {
            payment.received = payment.received.max(seen.amount_received);
            let all = seen.captures.iter().flat_map(|it| &it.list);
            all.filter(|it| Some(&it.capture_id) == id).for_each(|it| payment.see_capture(it));
        }
        self.capture_made(name, it, id, cx);
    }

    /// A capture was made: by its id where it has one.
    pub(super) fn capture_made(
        &mut self,
        name: &EffectId,
        it: &CapturePayment,
        id: Option<&CaptureId>,
        cx: &mut Context<'_>,
    ) {
        let Some(payment) = &mut self.payment else { return };
        let known = id.and_then(|id| payment.captured.iter().find(|(have, _)| have == id)).map(|(_, amount)| *amount);
        let grown = payment.received.map(|all| payment.capturing.grown(all));
        let taken = known.or(grown.filter(|_| payment.capturing.is_alone()));
        payment.capture_ends(name, it, Outcome::Done);
        let same = taken.is_none_or(|taken| taken == it.amount);
        cx.check(Rule::CaptureAmountAsAsked, same).at("/capture/amount_captured");
        if !same {
            let session = self.checkouts.settled.as_ref().map(|id| id.as_str());
            let of = id.map(CaptureId::as_str).or(session).unwrap_or(name.as_str());
            cx.review("captured_other_amount", of, &["seen"]);
        }
    }
}
