//! What look-ups of the subscription itself show, and what follows from how it stands.

use super::state::{Place, Subscription};
use super::Context;
use crate::providers::vend::call::Call;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::request::Kind;
use crate::providers::vend::wire::{PartnerSubscription, State, SubscriptionInfo};

/// The reason of the notice that a subscription has ended.
const CANCELED: &str = "subscription_canceled";
/// The reason of the notice that it lives again.
const LIVE: &str = "subscription_live";

impl Place {
    const fn of(state: &State) -> Self {
        match state {
            State::Active => Self::Live,
            State::Canceled => Self::Canceled,
            State::Unknown(_) => Self::Unclear,
        }
    }
}

impl Subscription {
    /// The answer about one subscription.
    pub(super) fn shown(mut self, id: &SubscriptionId, seen: &PartnerSubscription, cx: &mut Context<'_>) -> Self {
        let all = seen.partner_subscription_info.iter().flatten();
        let found = all.into_iter().find(|it| it.id.as_ref() == Some(id));
        let ours = self.id.as_ref() == Some(id);
        match found {
            Some(info) if ours => {
                self.application_id = seen.application_id.clone().or(self.application_id);
                self.see(info.state.clone(), cx);
            }
            // Another than the known one is taken only while that one does not live, and if it lives itself.
            Some(info) if self.id.is_none() || (self.place != Place::Live && info.state == State::Active) => {
                self.application_id = seen.application_id.clone().or(self.application_id);
                self.learn(id, cx);
                self.see(info.state.clone(), cx);
            }
            None if ours => self.not_shown(cx),
            _ => {}
        }
        self
    }

    /// The answer about all of the retailer's subscriptions; those of other partners do not count.
    pub(super) fn listed(mut self, list: &[PartnerSubscription], cx: &mut Context<'_>) -> Self {
        if self.place == Place::Live {
            return self;
        }
        let application = cx.settings().application_id.clone().or_else(|| self.application_id.clone());
        let mut partners = list.iter().filter_map(|it| it.application_id.as_ref());
        let first = partners.next();
        let mixed = application.is_none() && partners.any(|it| Some(it) != first);
        let is_ours = |it: &&PartnerSubscription| match (&application, &it.application_id) {
            (Some(ours), Some(its)) => ours == its,
            _ => true,
        };
        let infos = || list.iter().filter(is_ours).flat_map(|it| it.partner_subscription_info.iter().flatten());
        let of = |wanted: Place| infos().filter(move |it| Place::of(&it.state) == wanted);
        match (of(Place::Live).count(), of(Place::Unclear).count(), of(Place::Canceled).count()) {
            (0, 0, 0) => {}
            // Which one is ours, or which of several an update would hit, nobody knows.
            (live, ..) if mixed || live > 1 => self.unclear(cx),
            (1, ..) => self.adopt(of(Place::Live).next(), cx),
            (0, 1, _) => self.adopt(of(Place::Unclear).next(), cx),
            (0, 0, 1) => self.adopt(of(Place::Canceled).next(), cx),
            (0, 0, _) => self.stands(Place::Canceled, cx),
            _ => self.unclear(cx),
        }
        self
    }

    fn unclear(&mut self, cx: &mut Context<'_>) {
        self.id = None;
        self.stands(Place::Unclear, cx);
    }

    fn adopt(&mut self, info: Option<&SubscriptionInfo>, cx: &mut Context<'_>) {
        if let Some(SubscriptionInfo { id: Some(id), state }) = info {
            self.learn(id, cx);
            self.see(state.clone(), cx);
        } else {
            self.stands(Place::Unclear, cx);
        }
    }

    fn learn(&mut self, id: &SubscriptionId, cx: &mut Context<'_>) {
        if self.id.as_ref() != Some(id) {
            cx.learn(id.as_str());
            self.id = Some(id.clone());
        }
    }

    fn see(&mut self, state: State, cx: &mut Context<'_>) {
        let place = Place::of(&state);
        self.seen = Some(state);
        self.attested = false;
        if let Some(id) = &self.id {
            cx.withdraw_word("not_shown", id.as_str());
            // A look-up that was sent within the first half hour does not stand in for the one after it.
            match self.quiet_until {
                Some(until) if until.is_over(cx.begun_at()) => self.quiet_until = None,
                Some(until) => cx.look_up_from(Call::RetrieveSubscription(id.clone()), until),
                None => {}
            }
        }
        self.stands(place, cx);
    }

    /// Takes in how it stands; who must know of a change is told.
    pub(super) fn stands(&mut self, place: Place, cx: &mut Context<'_>) {
        let before = core::mem::replace(&mut self.place, place);
        if place == Place::Canceled {
            self.withdraw_update(cx);
        }
        let Some(id) = self.id.as_ref().filter(|_| before != place && before != Place::Absent) else { return };
        let (news, old) = match place {
            Place::Live => (LIVE, CANCELED),
            Place::Canceled => (CANCELED, LIVE),
            Place::Absent | Place::Unclear => return,
        };
        cx.withdraw_word(old, id.as_str());
        cx.notify(news, id.as_str(), None);
    }

    /// An update of a cancelled subscription is not sent any more, unless somebody has it in hand.
    fn withdraw_update(&mut self, cx: &mut Context<'_>) {
        let is_update = |call: &Call| matches!(call, Call::UpdateSubscriptionToken(_));
        if !cx.in_hand(is_update) {
            cx.withdraw(is_update);
            self.requested = self.requested.take().filter(|it| it.of.0 == Kind::Create);
        }
    }

    /// A look-up of the known subscription does not show it: a person looks.
    pub(super) fn not_shown(&mut self, cx: &mut Context<'_>) {
        if let Some(id) = &self.id {
            cx.review("not_shown", id.as_str(), &["canceled", "keep"]);
        }
    }
}
