//! The state of a subscription: what is known of it and of its first charge, and what is waited for.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
use super::ledger::Ledger;
use crate::flow::{Intents, Watch};
use crate::id::{Digest, EffectId, Intent};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::call::Call;
use crate::providers::revup::ids::{OrderId, SubscriptionId, TransactionId};
use crate::providers::revup::wire::Reason;
use crate::time::{Millis, Timestamp};

/// How many events are remembered.
pub(super) const REMEMBERED: usize = 8;

/// The verdicts on a first charge of which nothing tells.
const WAIT_OR_DECIDE: &[&str] = &["keep_waiting", "stop_waiting", "live", "ended"];

/// The verdicts on a subscription whose creation only a person knows.
pub(super) const CREATED_OR_NOT: &[&str] = &["created", "not_created"];

/// One subscription, from the wish to have it to its end, with its first charge.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionState"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Subscription {
    /// How it stands, by the last evidence.
    pub place: Place,
    /// What is known of its first charge.
    #[serde(default)]
    pub payment: Payment,
    /// What Revup calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SubscriptionId>,
    /// The order of its first charge: with a token, the parent order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// Its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The currency of its charges; unknown of an adopted one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Why it was cancelled, where that was told with proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Until when the customer has paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_until: Option<Timestamp>,
    /// Whether a stored card pays.
    #[serde(default)]
    pub(super) on_token: bool,
    /// The newest request to create it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) asked: Option<EffectId>,
    /// Whether the answer named another order and no person has looked, or one has said that it is not ours.
    #[serde(default)]
    pub held: bool,
    /// Whether its cancellation is asked for.
    #[serde(default)]
    pub(super) cancelling: bool,
    /// The wait for the look-up that tells how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) watch: Option<Watch>,
    /// The wait for the look-up that tells until when the customer has paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) period: Option<Watch>,
    /// Whether the newest charge on the page of the payments that was read last was not made.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) unpaid_before: bool,
    /// The newest events, by their own time, so that a repeat moves nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<(Timestamp, Digest)>,
    /// The refunds by the host's names for them.
    #[serde(default)]
    pub(super) refunds: Intents,
    /// The refunds that Revup has not finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) open_refunds: Vec<OpenRefund>,
    /// The payments, and what of them goes back.
    #[serde(default, skip_serializing_if = "Ledger::is_empty")]
    pub(super) ledger: Ledger,
    /// What Revup may call it: a reply that proved nothing has named it, or an event after a person denied the creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) named: Option<SubscriptionId>,
    /// When the newest look-up was begun that showed it, or when it ended: one begun before shows nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seen_at: Option<Timestamp>,
    /// The status that no document lists and that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unlisted: Option<String>,
    /// The same, of which a person says that it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lives_as: Option<String>,
}

/// How a subscription stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionPlace"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// Nobody asked for one.
    #[default]
    Absent,
    /// It is asked for.
    Requested,
    /// One of another origin is looked up.
    Adopting,
    /// A person says that it was created, and no look-up has confirmed it.
    Attested,
    /// Revup knows it, and nothing proves its first charge.
    Awaiting,
    /// Paid, and renewed by Revup.
    Fulfilled,
    /// A renewal failed, and Revup tries again.
    PastDue,
    /// Paused.
    Paused,
    /// Of a status that no document lists.
    Unclear,
    /// The first charge failed.
    Archived,
    /// Over.
    Cancelled,
}

impl Place {
    /// Whether Revup is known to know it.
    pub(super) fn is_known(self) -> bool {
        self >= Self::Awaiting
    }

    /// Whether nothing comes after it.
    pub(super) const fn is_final(self) -> bool {
        matches!(self, Self::Archived | Self::Cancelled)
    }

    /// Whether its first charge is proved and it is not over.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Fulfilled | Self::PastDue | Self::Paused)
    }
}

/// What is known of the first charge; what is known only moves down this list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionPayment"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Payment {
    /// Nothing.
    #[default]
    Absent,
    /// It is under way.
    Awaited,
    /// It failed.
    Failed,
    /// It succeeded.
    Accepted,
}

/// A refund that Revup has accepted and not finished.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionOpenRefund"))]
#[serde(deny_unknown_fields)]
pub(super) struct OpenRefund {
    /// The host's name for it.
    pub(super) intent: Intent,
    /// The request that it comes from.
    pub(super) of: EffectId,
    /// Its own transaction.
    pub(super) transaction: TransactionId,
    /// The payment's transaction.
    pub(super) payment: TransactionId,
    /// How much it is.
    pub(super) amount: Decimal,
    /// The wait for its end.
    pub(super) watch: Watch,
}

/// When something that may change any day is looked at again.
fn soon(cx: &Context<'_>) -> Timestamp {
    cx.now().after(cx.policy().look_ups.waiting.first().copied().unwrap_or(Millis::from_hours(24)))
}

/// When something that rarely changes is looked at again.
fn later(cx: &Context<'_>) -> Timestamp {
    cx.now().after(cx.policy().look_ups.waiting.last().copied().unwrap_or(Millis::from_hours(24)))
}

impl Subscription {
    /// Looks it up for the first time.
    pub(super) fn confirm(&self, cx: &mut Context<'_>) {
        if let Some(call) = self.look_up() {
            cx.look_up(call);
        }
    }

    /// The look-up that tells how it stands.
    pub(super) fn look_up(&self) -> Option<Call> {
        self.id.clone().map(Call::RetrieveSubscription)
    }

    /// Something has happened: it is looked up at once, again if a look-up is in hand, and densely until one tells.
    pub(super) fn hint(&mut self, cx: &mut Context<'_>) {
        let now = cx.now();
        self.watch.get_or_insert_with(|| Watch::new(now)).returned(now);
        self.watch(cx);
        self.confirm(cx);
    }

    /// Somebody wants to know: it is looked up at once, unless a look-up is under way, or is made again.
    pub(super) fn ask(&mut self, cx: &mut Context<'_>) {
        if !cx.sent(Call::is_of_status) {
            self.hint(cx);
        }
    }

    /// A look-up proved nothing: another follows on the schedule, and then a person.
    pub(super) fn inconclusive(&mut self, cx: &mut Context<'_>) {
        let now = cx.now();
        let mut watch = self.watch.take().unwrap_or_else(|| {
            let mut watch = Watch::new(now);
            watch.returned(now);
            watch
        });
        watch.looked(cx.begun_at());
        self.watch = Some(watch);
        self.watch(cx);
    }

    /// Plans the next look-up of a wait, and a person's judgement at the end of its schedule.
    pub(super) fn watch(&self, cx: &mut Context<'_>) {
        let (Some(id), Some(watch)) = (&self.id, &self.watch) else { return };
        let call = Call::RetrieveSubscription(id.clone());
        match self.place {
            _ if watch.is_stopped() => {}
            Place::Awaiting => cx.watch(call, watch, "no_signal", id.as_str(), WAIT_OR_DECIDE),
            // What is known once stands until a look-up shows otherwise.
            _ => {
                let next = watch.next(&cx.policy().look_ups);
                cx.look_up_from(call, next.unwrap_or_else(|| later(cx)));
            }
        }
    }

    /// The wait is over: what stands now is looked at again when it may change without an event that reaches us.
    pub(super) fn settle(&mut self, cx: &mut Context<'_>) {
        self.watch = None;
        if self.place != Place::Fulfilled {
            // What is not paid for now is measured again once it is.
            self.stop_measuring(cx);
            cx.withdraw_unsent(Call::is_of_period);
        }
        if let Some(id) = &self.id {
            cx.withdraw_word("no_signal", id.as_str());
        }
        self.look_again(cx);
    }

    /// Plans the next look at what stands and may change without an event that reaches us.
    pub(super) fn look_again(&self, cx: &mut Context<'_>) {
        let Some(id) = &self.id else { return };
        let at = match self.place {
            Place::Fulfilled => self.paid_until.filter(|end| !end.is_over(cx.now())).unwrap_or_else(|| later(cx)),
            Place::PastDue | Place::Unclear => soon(cx),
            Place::Paused => later(cx),
            _ => return,
        };
        cx.look_up_from(Call::RetrieveSubscription(id.clone()), at);
    }

    /// Looks up until when the customer has paid, unless that is known.
    pub(super) fn measure(&mut self, cx: &mut Context<'_>) {
        let known = self.paid_until.is_some_and(|end| !end.is_over(cx.now()));
        if self.place == Place::Fulfilled && !known && self.period.is_none() {
            let mut watch = Watch::new(cx.now());
            watch.returned(cx.now());
            self.period = Some(watch);
            self.measure_on(cx);
        }
    }

    /// Plans the next look at the payments, and a person's judgement at the end of the schedule.
    pub(super) fn measure_on(&self, cx: &mut Context<'_>) {
        let (Some(id), Some(watch)) = (&self.id, &self.period) else { return };
        cx.watch(Call::RetrievePayments(id.clone(), 1), watch, "no_period_end", id.as_str(), &["period_end", "none"]);
    }

    /// Nobody needs to know the end of the period any more.
    pub(super) fn stop_measuring(&mut self, cx: &mut Context<'_>) {
        self.period = None;
        if let Some(id) = &self.id {
            cx.withdraw_word("no_period_end", id.as_str());
        }
    }

    /// The customer has paid until an instant, by a renewal's date: access lasts so long, and the policy's grace.
    pub(super) fn paid(&mut self, until: Timestamp, cx: &mut Context<'_>) {
        if self.paid_until.is_none_or(|known| known < until) {
            self.paid_until = Some(until);
            self.grant(cx);
        }
    }

    /// Owes access, where the subscription is paid for now and is ours beyond doubt.
    pub(super) fn grant(&self, cx: &mut Context<'_>) {
        let (Some(id), Some(end)) = (&self.id, self.paid_until) else { return };
        if self.place == Place::Fulfilled && !self.held && !end.is_over(cx.now()) {
            cx.access(id.as_str(), end.after(cx.policy().grace));
        }
    }

    /// Whether an event was told before; otherwise it is remembered.
    pub(super) fn remember(&mut self, event: (Timestamp, Digest)) -> bool {
        if self.events.iter().any(|it| it.1 == event.1) {
            return true;
        }
        self.events.push(event);
        self.events.sort_unstable();
        if self.events.len() > REMEMBERED {
            self.events.remove(0);
        }
        false
    }

    /// What is known contradicts what is said now: the higher is kept, and a person looks.
    pub(super) fn contradict(&self, cx: &mut Context<'_>) {
        if let Some(id) = &self.id {
            cx.review("contradiction", id.as_str(), &["seen"]);
        }
    }

    /// It is over, by evidence. A cancellation outranks a first charge that failed.
    pub(super) fn end(&mut self, to: Place, cx: &mut Context<'_>) {
        if self.place == to {
            return;
        }
        if self.place.is_final() || (to == Place::Archived && self.payment == Payment::Accepted) {
            self.contradict(cx);
        }
        if to == Place::Archived {
            self.payment = self.payment.max(Payment::Failed);
        }
        if self.place == Place::Cancelled {
            return;
        }
        let (adopted, id) = (self.place == Place::Adopting, self.id.clone());
        self.place = to;
        self.cancelling = false;
        self.watch = None;
        self.stop_measuring(cx);
        self.seen_at = Some(cx.now());
        cx.withdraw_unsent(Call::is_of_status);
        cx.withdraw(Call::is_of_period);
        // Whoever has ended it, a cancellation asks for nothing more.
        cx.withdraw_unsent(Call::is_cancel);
        let _ = cx.prove(Call::is_cancel, None);
        let Some(id) = id else { return };
        for word in ["no_signal", "status_unknown", "not_found", "payment_failed"] {
            cx.withdraw_word(word, id.as_str());
        }
        if to == Place::Archived && !adopted {
            cx.notify("payment_failed", id.as_str(), None);
        }
    }

    /// The first charge succeeded, by evidence.
    pub(super) fn accept(&mut self, cx: &mut Context<'_>) {
        if self.place == Place::Archived && self.payment != Payment::Accepted {
            self.contradict(cx);
        }
        self.payment = Payment::Accepted;
    }
}
