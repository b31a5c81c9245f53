//! How a subscription stands: what is told of it, and what is open, which is looked up on a schedule while a person is asked.

use alloc::format;
use alloc::string::String;

use super::Context;
use super::state::{Place, Subscription};
use crate::fact::Verdict;
use crate::flow::Watch;
use crate::providers::vend::call::Call;
use crate::providers::vend::ids::SubscriptionId;
use crate::providers::vend::partner::{Standing, State};
use crate::providers::vend::request::Kind;
use crate::providers::vend::rules::Rule;
use crate::time::Timestamp;

/// The reason of the notice that a subscription has ended.
const CANCELED: &str = "subscription_canceled";
/// The reason of the notice that it lives again.
const LIVE: &str = "subscription_live";

/// The question what a word for a state means.
const STATE: &str = "state";
/// The question which of a retailer's subscriptions is ours.
const OURS: &str = "ours";
/// The question what became of a subscription that a look-up does not show.
const NOT_SHOWN: &str = "not_shown";

/// What a person can say of the retailer's subscriptions.
const WHICH: [&str; 2] = ["ours", "none"];
/// What a person can say of one that is not shown.
const BECAME: [&str; 3] = ["canceled", "keep", "live"];

impl Place {
    const fn of(standing: Standing) -> Self {
        match standing {
            Standing::Live => Self::Live,
            Standing::Ended => Self::Canceled,
            Standing::Undecided => Self::Unclear,
        }
    }
}

impl Subscription {
    /// A look-up shows the state of the known subscription.
    pub(super) fn see(&mut self, state: State, cx: &mut Context<'_>) {
        let Some(id) = self.id.clone() else { return };
        let is_same = self.seen.as_ref() == Some(&state);
        let judged = self.judged.filter(|_| is_same);
        let watch = self.watch.take().filter(|_| is_same);
        self.decided(cx);
        self.fresh_from = self.fresh_from.max(Some(cx.begun_at()));
        (self.judged, self.attested) = (judged, judged.is_some());
        match self.quiet_until {
            // A look-up that was sent within the first half hour does not stand in for the one after it.
            Some(until) if until.is_over(cx.begun_at()) => self.quiet_until = None,
            Some(until) => cx.look_up_from(Call::RetrieveSubscription(id.clone()), until),
            None => {}
        }
        self.stands(judged.unwrap_or(Place::of(state.standing())), cx);
        if judged.is_none() && !state.is_plain() {
            cx.check(Rule::StateOpenSet, false).because(|| format!("It is `{}`.", state.as_str()));
            cx.review(STATE, &format!("{}/{}", id.as_str(), state.as_str()), &["live", "ended"]);
            self.watch = watch;
            self.look_on(cx);
        }
        self.seen = Some(state);
    }

    /// Takes in how it stands; who must know of a change is told.
    pub(super) fn stands(&mut self, place: Place, cx: &mut Context<'_>) {
        let before = core::mem::replace(&mut self.place, place);
        let lease = self.keep_or_deliver(before, cx);
        let (reason, is_news) = match place {
            Place::Live => (LIVE, self.known != Some(Place::Live)),
            Place::Canceled => (CANCELED, self.known != Some(Place::Canceled)),
            Place::Unclear => return,
            Place::Absent => {
                (self.known, self.news) = (None, 0);
                return;
            }
        };
        self.known = Some(place);
        if place == Place::Canceled {
            self.withdraw_update(cx);
        }
        let Some(id) = self.id.clone().filter(|_| is_news && before != Place::Absent) else { return };
        self.withdraw_news(id.as_str(), cx);
        self.news = self.news.saturating_add(1);
        // What was done of the first end says nothing of the second.
        let of = if self.news > 2 { format!("{}/{}", id.as_str(), self.news) } else { id.as_str().into() };
        // Whoever is told of the end takes back what was delivered: not while somebody may still be delivering it.
        cx.notify_from(reason, &of, None, lease);
    }

    /// What has ended is not delivered until it lives again. Until when somebody may still be delivering it.
    fn keep_or_deliver(&self, before: Place, cx: &mut Context<'_>) -> Option<Timestamp> {
        match self.place {
            Place::Live => cx.bring_back(),
            Place::Canceled | Place::Absent if self.place != before => return cx.keep_back(|_| true),
            Place::Canceled | Place::Absent | Place::Unclear => {}
        }
        None
    }

    /// Takes back what nobody was told yet of a subscription.
    pub(super) fn withdraw_news(&self, id: &str, cx: &mut Context<'_>) {
        cx.withdraw_words(&[CANCELED, LIVE], |about| about.split('/').next() == Some(id));
    }

    /// An update of a cancelled subscription is not sent any more; a token that one under way may make is never used.
    fn withdraw_update(&mut self, cx: &mut Context<'_>) {
        cx.withdraw(|call| matches!(call, Call::UpdateSubscriptionToken(_)));
        self.requested = self.requested.take().filter(|it| it.of.0 == Kind::Create);
    }

    /// How it stands is decided: no question is open any more.
    pub(super) fn decided(&mut self, cx: &mut Context<'_>) {
        (self.in_doubt, self.watch, self.nameless) = (false, None, None);
        cx.withdraw_words(&[STATE, OURS, NOT_SHOWN], |_| true);
        cx.withdraw_unsent(|call| *call == Call::ListSubscriptions);
    }

    /// Nobody knows which subscription it is: the list tells, or a person once the schedule is over.
    pub(super) fn doubt(&mut self, cx: &mut Context<'_>) {
        let nameless = self.nameless.take();
        self.decided(cx);
        self.nameless = nameless;
        (self.in_doubt, self.fresh_from) = (true, Some(cx.now()));
        (self.seen, self.judged) = (None, None);
        self.stands(Place::Unclear, cx);
        cx.look_up(Call::ListSubscriptions);
        let watch = self.watch.insert(Watch::new(cx.now()));
        cx.review_on_schedule(OURS, &domain(&self.domain_prefix), &WHICH, watch);
    }

    /// It is not known any more which one it is: what is planned of one says nothing of another.
    pub(super) fn lose(&mut self, cx: &mut Context<'_>) {
        self.leave_kept(cx);
        (self.id, self.seen, self.judged) = (None, None, None);
        cx.withdraw_unsent(|call| matches!(call, Call::RetrieveSubscription(_)));
    }

    /// A list leaves open which one is ours: a person is asked, and it is looked up on.
    pub(super) fn ask(&mut self, cx: &mut Context<'_>) {
        self.lose(cx);
        self.in_doubt = true;
        cx.withdraw_words(&[STATE, NOT_SHOWN], |_| true);
        self.stands(Place::Unclear, cx);
        cx.review(OURS, &domain(&self.domain_prefix), &WHICH);
        self.look_on(cx);
    }

    /// A list does not show a subscription that there may be: it is looked up on, and a person is asked in the end.
    pub(super) fn wait_for_list(&mut self, cx: &mut Context<'_>) {
        if self.place == Place::Absent || self.watch.is_none() {
            self.in_doubt = true;
            self.stands(Place::Unclear, cx);
            let watch = self.watch.insert(Watch::new(cx.now()));
            cx.review_on_schedule(OURS, &domain(&self.domain_prefix), &WHICH, watch);
        }
        self.look_on(cx);
    }

    /// A look-up does not show a subscription: a person says what became of it, and the known one is looked up on.
    pub(super) fn not_shown(&mut self, id: &SubscriptionId, cx: &mut Context<'_>) {
        let ours = self.id.as_ref() == Some(id);
        match self.place {
            _ if (ours && self.in_doubt) || self.is_older(id) => return,
            Place::Live if !ours => return,
            Place::Canceled if ours => return,
            _ => cx.review(NOT_SHOWN, id.as_str(), &BECAME),
        }
        if ours {
            self.look_on(cx);
        }
    }

    /// Plans the next look-up for what is open.
    fn look_on(&mut self, cx: &mut Context<'_>) {
        let watch = self.watch.get_or_insert(Watch::new(cx.now()));
        watch.looked(cx.begun_at());
        if let Some(due) = watch.next(&cx.policy().look_ups) {
            cx.look_up_from(self.looks_at(), due);
        }
    }

    /// The look-up by which it shows how it stands.
    pub(super) fn looks_at(&self) -> Call {
        let known = self.id.clone().filter(|_| !self.in_doubt);
        known.map_or(Call::ListSubscriptions, Call::RetrieveSubscription)
    }

    /// A person gave up a look-up, or the question about it: what is open is waited for anew.
    pub(super) fn wait_on(&mut self, cx: &mut Context<'_>) {
        if self.place != Place::Unclear {
            return;
        }
        let watch = self.watch.insert(Watch::new(cx.now())).clone();
        match &self.id {
            // The question what its state means stays.
            Some(_) if self.seen.is_some() && !self.in_doubt => {}
            Some(id) if !self.in_doubt => cx.watch(Call::RetrieveSubscription(id.clone()), &watch, NOT_SHOWN, id.as_str(), &BECAME),
            _ => cx.watch(Call::ListSubscriptions, &watch, OURS, &domain(&self.domain_prefix), &WHICH),
        }
    }

    /// A person says what a state means, which subscription is ours, or what became of one.
    pub(super) fn attested(&mut self, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) {
        let named = match verdict {
            Verdict::About { id, .. } => id,
            Verdict::Plain(_) => of,
        };
        let place = match verdict.name() {
            "live" => Place::Live,
            "ended" | "canceled" => Place::Canceled,
            "ours" => Place::Unclear,
            "none" => Place::Absent,
            _ => return self.wait_on(cx),
        };
        match (reason, SubscriptionId::parse(named)) {
            (STATE, _) => self.judged = Some(place),
            (OURS, _) if place == Place::Absent => (self.id, self.seen, self.judged) = (None, None, None),
            (OURS | NOT_SHOWN, Ok(id)) => self.learn(&id, cx),
            _ => return,
        }
        self.decided(cx);
        self.attested = true;
        self.stands(place, cx);
        if place == Place::Unclear {
            cx.look_up(self.looks_at());
        }
    }
}

/// What a question about a retailer's subscriptions is about.
fn domain(prefix: &Option<String>) -> String {
    prefix.clone().unwrap_or_default()
}
