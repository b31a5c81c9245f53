//! Consents: what a used token proves, in which order consents stand, and what is delivered.

use alloc::string::String;
use alloc::vec::Vec;

use super::state::{Count, Mark, Place, Subscription, remember};
use super::token::{Token, Use};
use super::Context;
use crate::id::EffectId;
use crate::providers::vend::call::Call;
use crate::providers::vend::components::{Part, Parts, fits};
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::request::{Kind, digest};
use crate::providers::vend::token::TokenSeen;
use crate::time::{Millis, Timestamp};

/// How long a new subscription's cancellation may go without a webhook.
const QUIET: Millis = Millis::from_minutes(30);

/// How many components' numbers are remembered.
const COUNTED: usize = 16;

/// The reason of a question about a consent that a later one replaces in part.
pub(super) const OLDER: &str = "older_consent";
/// The reason of the notice that a consent ran out unused.
pub(super) const EXPIRED: &str = "consent_expired";
/// The reason of a question about a token whose end no look-up shows.
pub(super) const UNCONFIRMED: &str = "unconfirmed";
/// The reason of a question about a used token that shows something else than what was asked for.
pub(super) const MISMATCH: &str = "mismatch";
/// The reason of a question about a used token that a person has given up.
pub(super) const AFTER_ALL: &str = "made_after_all";

/// How much of a consent a later one replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replaced {
    Nothing,
    Part,
    Whole,
}

impl Subscription {
    /// Where a used token shows something else than what was asked for: a pointer into the answer.
    pub(super) fn other(&self, token: &Token, seen: &TokenSeen, ours: Option<&str>) -> Option<&'static str> {
        let is = |shown: Option<&String>, have: Option<&str>| {
            shown.is_none_or(|shown| have.is_none_or(|have| shown.eq_ignore_ascii_case(have)))
        };
        let handle = |shown: Option<&String>, asked: Option<crate::id::Digest>| {
            shown.is_none_or(|shown| asked.is_none_or(|asked| digest(shown) == asked))
        };
        let subscription = seen.subscription_id.as_ref().is_none_or(|shown| {
            token.of.0 == Kind::Create || self.id.as_ref().is_none_or(|have| have == shown)
        });
        let asked = &token.asked;
        let components = seen.components.as_deref().is_none_or(|shown| fits(&asked.parts, shown));
        match () {
            () if seen.token.as_ref().is_some_and(|shown| shown != token.text.as_str()) => Some("/token"),
            () if !is(seen.retailer_id.as_ref(), self.retailer_id.as_deref()) => Some("/retailer_id"),
            () if !is(seen.vend_application_id.as_ref(), ours) => Some("/vend_application_id"),
            () if !handle(seen.product_handle.as_ref(), asked.product) => Some("/product_handle"),
            () if !handle(seen.product_price_point_handle.as_ref(), asked.price) => Some("/product_price_point_handle"),
            () if !components => Some("/components"),
            () if !subscription => Some("/subscription_id"),
            () => None,
        }
    }

    /// A person says that a token was used.
    pub(super) fn attested_use(&mut self, token: &Token, shown: Use, cx: &mut Context<'_>) {
        let before = self.place;
        self.confirmed(token, shown, cx);
        self.attested |= self.place != before;
    }

    /// The retailer has consented to what a token was asked for.
    pub(super) fn confirmed(&mut self, token: &Token, shown: Use, cx: &mut Context<'_>) {
        self.drop_token(token, cx);
        let kind = token.of.0;
        let mark = token.mark(shown.at);
        let is_other = shown.subscription.as_ref().is_some_and(|it| self.id.as_ref().is_some_and(|have| have != it));
        let mut lease = None;
        if is_other && kind == Kind::Create {
            if self.is_late(&mark) {
                // The known one began after it: the list tells whether both live, and a person what is still to be done.
                cx.review(OLDER, token.of.id().as_str(), &["fulfill", "nothing"]);
                return self.doubt(cx);
            }
            lease = self.begin_anew(cx);
        }
        if kind == Kind::Create && shown.subscription.is_some() && shown.subscription != self.id {
            // What was not delivered of the one before is not delivered of this one.
            cx.drop_kept();
        }
        self.deliver(token, mark, lease, cx);
        match (&self.id, shown.subscription) {
            (Some(have), Some(id)) if *have != id => self.second(kind, id, cx),
            (None, Some(id)) if self.place == Place::Unclear => self.second(kind, id, cx),
            (None, Some(id)) => self.begins(id, kind, cx),
            (_, None) if kind == Kind::Create => {
                self.note_nameless();
                self.nameless(cx);
            }
            (Some(id), _) if self.place != Place::Live => cx.look_up(Call::RetrieveSubscription(id.clone())),
            (None, None) => self.nameless(cx),
            (Some(_), _) => {}
        }
        if self.place == Place::Canceled {
            // The next look-up tells whether it lives again.
            cx.keep_back(|of| of == token.of.id().as_str());
            if self.news == 0 {
                // Nobody was told of the end: it is news to whoever waits for what this consent has made.
                self.known = Some(Place::Live);
            }
        }
    }

    /// Whether a later consent is known.
    fn is_late(&self, mark: &Mark) -> bool {
        let mut marks = self.plan.iter().chain(self.counts.iter().map(|it| &it.2));
        marks.any(|have| mark.is_before(have))
    }

    /// Another subscription: what stands of the one before says nothing of it, and is not delivered after it. Until when
    /// somebody may still be delivering that.
    fn begin_anew(&mut self, cx: &mut Context<'_>) -> Option<Timestamp> {
        let counts = core::mem::take(&mut self.counts);
        let marks = self.plan.take().into_iter().chain(counts.into_iter().map(|it| it.2));
        marks.map(|mark| self.take_back(&mark.2.id(), cx)).fold(None, Option::max)
    }

    /// Owes what the retailer consented to, unless a later consent replaces it; and not before `from`.
    fn deliver(&mut self, token: &Token, mark: Mark, from: Option<Timestamp>, cx: &mut Context<'_>) {
        let of = token.of.id();
        let replaced = self.replaced(token, &mark);
        let from = self.note(token, mark, cx).max(from);
        match replaced {
            Replaced::Nothing => cx.fulfill_from(of.as_str(), from),
            Replaced::Part => cx.review(OLDER, of.as_str(), &["fulfill", "nothing"]),
            Replaced::Whole => {}
        }
    }

    /// How much of a consent is replaced by later ones that are known.
    fn replaced(&self, token: &Token, mark: &Mark) -> Replaced {
        let asked = &token.asked;
        let plan = asked.names_a_plan().then(|| self.plan.is_some_and(|have| mark.is_before(&have)));
        let count = |component| {
            let known = self.counts.iter().find(|it| it.0 == component);
            known.is_some_and(|it| mark.is_before(&it.2))
        };
        // Of very many components none is known by itself.
        let uncounted = matches!(asked.parts, Parts::Many(_)).then_some(false);
        let parts = plan.into_iter().chain(asked.parts.each().iter().map(|it| count(it.0))).chain(uncounted);
        let parts: Vec<bool> = parts.collect();
        let begins = token.of.0 == Kind::Create;
        // Two that were made are two subscriptions: of the one that seems older, a person says what is still to be done.
        let is_another = begins && self.plan.is_some_and(|have| have.2.0 == Kind::Create);
        match (parts.contains(&true), parts.contains(&false)) {
            (true, false) if !is_another => Replaced::Whole,
            // What a subscription began with is not delivered after what became of it.
            (false, _) if !(begins && self.is_late(mark)) => Replaced::Nothing,
            _ => Replaced::Part,
        }
    }

    /// Takes in what a consent says where no later one is known, and takes back what it replaces. Until when somebody may
    /// still be delivering that.
    fn note(&mut self, token: &Token, mark: Mark, cx: &mut Context<'_>) -> Option<Timestamp> {
        let mut replaced = Vec::new();
        if token.asked.names_a_plan() && self.plan.is_none_or(|have| !mark.is_before(&have)) {
            replaced.extend(self.plan.replace(mark));
        }
        for Part(component, total, _) in token.asked.parts.each() {
            let index = self.counts.iter().position(|it| it.0 == *component);
            let have = index.and_then(|index| self.counts.get(index));
            if have.is_some_and(|it| mark.is_before(&it.2)) {
                continue;
            }
            if let Some(index) = index {
                replaced.push(self.counts.remove(index).2);
            }
            remember(&mut self.counts, Count(*component, Some(*total), mark), COUNTED);
        }
        if let Some(plan) = self.plan {
            // What a move to another plan leaves of the components is not documented.
            let before = self.counts.iter_mut().filter(|it| it.2.is_before(&plan));
            before.for_each(|it| it.1 = None);
        }
        let mut lease = None;
        for old in replaced {
            let stands = |mark: &Mark| mark.2 == old.2;
            if old.2 != token.of && !self.plan.as_ref().is_some_and(stands) && !self.counts.iter().any(|it| stands(&it.2)) {
                lease = self.take_back(&old.2.id(), cx).max(lease);
            }
        }
        lease
    }

    /// What was not delivered of the subscription before is a person's.
    pub(super) fn leave_kept(&self, cx: &mut Context<'_>) {
        for of in cx.drop_kept() {
            cx.review(OLDER, &of, &["fulfill", "nothing"]);
        }
    }

    /// A later consent replaces all of an earlier one: it is not delivered any more. Until when somebody may still be at it.
    fn take_back(&self, of: &EffectId, cx: &mut Context<'_>) -> Option<Timestamp> {
        cx.withdraw_word(OLDER, of.as_str());
        cx.withdraw_delivery(of.as_str())
    }

    /// A used token shows a subscription where none was known.
    fn begins(&mut self, id: SubscriptionId, kind: Kind, cx: &mut Context<'_>) {
        self.decided(cx);
        if let Some(before) = &self.id {
            self.withdraw_news(before.clone().as_str(), cx);
        }
        cx.learn(id.as_str());
        if kind == Kind::Create {
            let until = cx.now().after(QUIET);
            cx.look_up_from(Call::RetrieveSubscription(id.clone()), until);
            self.quiet_until = Some(until);
        }
        self.id = Some(id);
        (self.seen, self.judged, self.news) = (None, None, 0);
        (self.place, self.known) = (Place::Live, Some(Place::Live));
        self.fresh_from = Some(cx.now());
        cx.bring_back();
    }

    /// A used token shows another subscription than the known one: a new one after a cancellation, or a second one, of
    /// which an update would hit nobody knows which.
    fn second(&mut self, kind: Kind, id: SubscriptionId, cx: &mut Context<'_>) {
        match (kind, self.place) {
            (Kind::Create, Place::Canceled) => self.begins(id, kind, cx),
            (Kind::Create, _) => {
                cx.learn(id.as_str());
                self.id = Some(id);
                self.quiet_until = Some(cx.now().after(QUIET));
                self.doubt(cx);
            }
            (Kind::Update, _) => self.doubt(cx),
        }
    }

    /// A used token of a new subscription does not show which: the list does, or a person.
    fn nameless(&mut self, cx: &mut Context<'_>) {
        self.lose(cx);
        self.doubt(cx);
    }

    /// A token's end is known, or a person has said what it is.
    pub(super) fn drop_token(&mut self, token: &Token, cx: &mut Context<'_>) {
        cx.withdraw(|call| call.looks_at(&token.text));
        self.end_wait(token, cx);
    }

    /// Nobody waits for a token any more, as a person says or a look-up that shows it unused: another one that is under way
    /// may show it used all the same.
    pub(super) fn give_up(&mut self, token: Token, judged: bool, cx: &mut Context<'_>) {
        cx.withdraw_unsent(|call| call.looks_at(&token.text));
        self.end_wait(&token, cx);
        self.close(token, judged);
    }

    fn end_wait(&mut self, token: &Token, cx: &mut Context<'_>) {
        self.spend(&token.text);
        let of = token.of.id();
        cx.withdraw_words(&[UNCONFIRMED, MISMATCH, AFTER_ALL, EXPIRED], |about| about == of.as_str());
    }

    /// A token was not used. The retailer is told of the one that was offered last.
    pub(super) fn expired(&mut self, token: Token, judged: bool, cx: &mut Context<'_>) {
        let of = token.of.id();
        let is_told = self.is_newest(&token) && self.requested.is_none() && !self.is_stale(&token);
        self.give_up(token, judged, cx);
        if is_told {
            cx.notify(EXPIRED, of.as_str(), None);
        }
    }
}
