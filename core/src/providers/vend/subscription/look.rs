//! What look-ups of the subscription itself show.

use alloc::string::String;

use super::Context;
use super::state::{Place, Subscription};
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::partner::{Listed, PartnerSubscription, Standing, State, SubscriptionInfo};

/// Whose an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Ours,
    Others,
    Unknown,
}

impl Subscription {
    /// Our application, as the settings or an answer name it.
    pub(super) fn application(&self, cx: &Context<'_>) -> Option<String> {
        cx.settings().application_id.clone().or_else(|| self.application_id.clone())
    }

    /// The answer about one subscription.
    pub(super) fn shown(&mut self, id: &SubscriptionId, seen: &PartnerSubscription, cx: &mut Context<'_>) {
        if self.is_stale_look(cx) {
            return;
        }
        let owner = owner(self.application(cx).as_ref(), seen.application_id.as_ref());
        let infos = seen.partner_subscription_info.iter().filter(|_| owner != Owner::Others);
        let state = infos.filter(|it| it.id == *id).find_map(|it| it.state.as_ref());
        let ours = self.id.as_ref() == Some(id);
        match state {
            Some(_) if ours && self.in_doubt => {}
            Some(state) if ours => {
                self.application_id = seen.application_id.clone().or(self.application_id.take());
                self.see(state.clone(), cx);
            }
            // Another than the known one is taken only while that one does not live, and if it may live itself.
            Some(state) if self.may_become(state) && !self.is_older(id) => {
                self.application_id = seen.application_id.clone().or(self.application_id.take());
                self.learn(id, cx);
                self.see(state.clone(), cx);
            }
            None => self.not_shown(id, cx),
            Some(_) => {}
        }
    }

    /// Whether the reply is to a look-up that was begun before what is known.
    pub(super) fn is_stale_look(&self, cx: &Context<'_>) -> bool {
        self.fresh_from.is_some_and(|from| cx.begun_at() < from)
    }

    fn may_become(&self, state: &State) -> bool {
        match self.place {
            Place::Absent => true,
            Place::Live => false,
            // There may be another one that lives.
            Place::Canceled | Place::Unclear => state.standing() != Standing::Ended,
        }
    }

    /// The answer about all of the retailer's subscriptions: only those of our own application are ours.
    pub(super) fn listed(&mut self, list: &Listed, cx: &mut Context<'_>) {
        if self.place == Place::Live || self.is_stale_look(cx) {
            return;
        }
        let application = self.application(cx).or_else(|| self.application_in(list));
        let of = |wanted: Owner, standing: Standing| {
            let is_whose = |it: &&PartnerSubscription| owner(application.as_ref(), it.application_id.as_ref()) == wanted;
            let partners = list.partners.iter().filter(is_whose);
            let infos = partners.flat_map(|it| &it.partner_subscription_info);
            let mut found: alloc::vec::Vec<_> = infos.filter(|it| standing_of(it) == standing).cloned().collect();
            found.sort_by(|this, that| this.id.as_str().cmp(that.id.as_str()));
            found.dedup_by(|this, that| this.id == that.id);
            found
        };
        let ours = |standing| of(Owner::Ours, standing);
        let doubtful = [Standing::Live, Standing::Undecided].map(|it| of(Owner::Unknown, it).len());
        let (live, undecided, ended) = (ours(Standing::Live), ours(Standing::Undecided), ours(Standing::Ended));
        match (live.as_slice(), undecided.as_slice(), ended.as_slice()) {
            ([one], ..) => self.adopt(one, cx),
            // Which one is ours, or which of several an update would hit, nobody knows.
            ([_, ..], ..) | (_, [_, _, ..], _) => self.ask(cx),
            _ if doubtful != [0, 0] => self.ask(cx),
            ([], [one], _) => self.adopt(one, cx),
            // What has ended is not what a consent has made that names none.
            _ if !list.is_whole || self.nameless.is_some() => self.wait_for_list(cx),
            ([], [], [one]) => self.adopt(one, cx),
            ([], [], [_, ..]) => self.all_ended(cx),
            ([], [], []) => self.none_listed(cx),
        }
    }

    /// The application to which a list says that the known subscription belongs.
    fn application_in(&self, list: &Listed) -> Option<String> {
        let id = self.id.as_ref()?;
        let has_it = |it: &&PartnerSubscription| it.partner_subscription_info.iter().any(|info| info.id == *id);
        list.partners.iter().find(has_it)?.application_id.clone()
    }

    fn adopt(&mut self, info: &SubscriptionInfo, cx: &mut Context<'_>) {
        if self.is_older(&info.id) {
            return self.wait_for_list(cx);
        }
        if let Some(state) = &info.state {
            self.learn(&info.id, cx);
            self.see(state.clone(), cx);
        }
    }

    pub(super) fn learn(&mut self, id: &SubscriptionId, cx: &mut Context<'_>) {
        if self.id.as_ref() != Some(id) {
            cx.learn(id.as_str());
            if self.id.replace(id.clone()).is_some() {
                self.leave_kept(cx);
            }
            (self.seen, self.judged) = (None, None);
        }
    }

    /// Of several, none lives.
    fn all_ended(&mut self, cx: &mut Context<'_>) {
        self.decided(cx);
        self.attested = false;
        self.stands(Place::Canceled, cx);
    }

    /// A whole list shows none of ours.
    fn none_listed(&mut self, cx: &mut Context<'_>) {
        match (self.place, self.id.clone()) {
            (Place::Unclear, Some(id)) => {
                self.decided(cx);
                (self.seen, self.judged) = (None, None);
                self.not_shown(&id, cx);
            }
            (Place::Unclear, None) => self.wait_for_list(cx),
            _ => {}
        }
    }
}

/// Whose an entry is that names an application. Without our own, or without its, that is not known.
fn owner(ours: Option<&String>, named: Option<&String>) -> Owner {
    match (ours, named) {
        (Some(ours), Some(its)) if ours.eq_ignore_ascii_case(its) => Owner::Ours,
        (Some(_), Some(_)) => Owner::Others,
        _ => Owner::Unknown,
    }
}

fn standing_of(info: &SubscriptionInfo) -> Standing {
    info.state.as_ref().map_or(Standing::Undecided, State::standing)
}
