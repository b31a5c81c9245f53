//! The watch over disputes, which both flows share: the lookups, the deadline for evidence, and the acceptance by
//! `close_dispute`. What a dispute means for money and access is decided elsewhere.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Flex;
use super::api::calls::Call;
use super::api::objects::{DisputeObject, DisputeStatus};
use super::ids::DisputeId;
use super::names::{Review, Verdict};
use super::rules::Rule;
use crate::flow::{Cx, PollTimer, Rules, Stop};
use crate::rule::CoreRule;
use crate::time::{Millis, Timestamp};

/// The most disputes of a flow that are watched.
const WATCHED: usize = 16;

/// How long before its deadline a person is asked for the evidence.
const NOTICE: Millis = Millis::from_hours(72);

/// The disputes that are watched, sorted by id.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexWatchedDisputes"))]
#[serde(transparent)]
pub(super) struct WatchedDisputes(Vec<Watched>);

/// A dispute that is watched.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexWatchedDispute"))]
#[serde(deny_unknown_fields)]
struct Watched {
    /// The id of the dispute.
    id: DisputeId,
    /// The disputed payment, if Flex has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    /// Whether the dispute was won or lost.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    ended: bool,
    /// Whether the dispute was lost, so that the customer has the money.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    lost: bool,
    /// Until when the bank accepts evidence, if Flex has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    /// Whether Flex says that the charge can be refunded all the same. A single `false` decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refundable: Option<bool>,
    /// Whether the evidence is submitted, or a person has said that there will be none.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    answered: bool,
    /// Whether the host has accepted the dispute, and nothing has shown the opposite.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    accepted: bool,
    /// Whether the customer keeps access, as a person has decided while the dispute was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keeps: Option<bool>,
    /// The lookup schedule.
    timer: PollTimer,
}

/// Whether the call accepts this dispute.
fn closes(call: &Call, id: &DisputeId) -> bool {
    matches!(call, Call::CloseDispute(of) if of == id)
}

impl WatchedDisputes {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, id: &str) -> Option<&Watched> {
        self.0.iter().find(|it| it.id.as_str() == id)
    }

    fn find_mut(&mut self, id: &str) -> Option<&mut Watched> {
        self.0.iter_mut().find(|it| it.id.as_str() == id)
    }

    /// Whether the dispute is watched.
    pub(super) fn knows(&self, id: &DisputeId) -> bool {
        self.find(id.as_str()).is_some()
    }

    /// Until when the bank accepts evidence about an open dispute, if Flex has shown it.
    pub(super) fn evidence_due_at(&self, id: &DisputeId) -> Option<Timestamp> {
        self.find(id.as_str()).filter(|it| !it.ended)?.due_at
    }

    /// Whether the dispute is open.
    pub(super) fn is_open(&self, id: &DisputeId) -> bool {
        self.find(id.as_str()).is_some_and(|it| !it.ended)
    }

    /// The open disputes that the host has not accepted.
    pub(super) fn closable(&self) -> impl Iterator<Item = &DisputeId> {
        self.0.iter().filter(|it| !it.ended && !it.accepted).map(|it| &it.id)
    }

    /// Whether any dispute is open.
    pub(super) fn any_is_open(&self) -> bool {
        self.0.iter().any(|it| !it.ended)
    }

    /// Whether an open dispute keeps its payment from being refunded.
    pub(super) fn any_blocks_refund(&self) -> bool {
        self.0.iter().any(|it| !it.ended && it.blocks_refund())
    }

    /// Whether a dispute keeps this payment from being refunded. A dispute of an unknown payment blocks each. So does a
    /// full watch, because a dispute that is not watched may be of this payment.
    pub(super) fn blocks_refund_of(&self, payment: &str) -> bool {
        let is_of = |it: &&Watched| it.payment.as_deref().is_none_or(|of| of == payment);
        self.0.len() >= WATCHED || self.0.iter().filter(is_of).any(Watched::blocks_refund)
    }

    /// The payment of a dispute, if Flex has shown it.
    pub(super) fn payment(&self, id: &DisputeId) -> Option<&str> {
        self.find(id.as_str())?.payment.as_deref()
    }

    /// Whether the host has accepted the dispute.
    pub(super) fn is_accepted(&self, id: &DisputeId) -> bool {
        self.find(id.as_str()).is_some_and(|it| it.accepted)
    }

    /// A dispute is lost. Returns whether a person must decide about access again: with the dispute open, the customer
    /// was to keep it.
    pub(super) fn reopens_access(&mut self, id: &str) -> bool {
        let Some(watched) = self.find_mut(id).filter(|it| it.keeps == Some(true)) else { return false };
        watched.keeps = Some(false);
        !watched.accepted
    }

    /// A dispute is won. Returns whether a person must decide about access again: with the dispute open, it was ended.
    ///
    /// A dispute that Flex has shown as lost stays lost, in whatever order that arrives.
    pub(super) fn returns_access(&mut self, id: &str) -> bool {
        let Some(watched) = self.find_mut(id) else { return false };
        let was_ended = watched.keeps.take_if(|keeps| !*keeps).is_some();
        was_ended && !watched.lost
    }

    /// Stores what Flex shows of a dispute, in whatever order that arrives.
    pub(super) fn note<F: Flex>(&mut self, object: &DisputeObject, cx: &mut Cx<'_, F>) {
        let index = match self.0.binary_search_by(|it| it.id.cmp(&object.dispute_id)) {
            Ok(index) => index,
            // The review about the dispute stays open.
            Err(_) if self.0.len() >= WATCHED => return,
            Err(index) => {
                self.0.insert(index, Watched::new(object.dispute_id.clone(), cx.now()));
                index
            }
        };
        let Some(watched) = self.0.get_mut(index) else { return };
        let details = object.evidence_details.unwrap_or_default();
        watched.payment = watched.payment.take().or_else(|| object.payment_intent().map(Into::into));
        watched.due_at = watched.due_at.max(details.due_by);
        watched.refundable = [watched.refundable, object.is_charge_refundable].into_iter().flatten().min();
        // A draft is evidence that was not submitted.
        watched.answered |= details.submission_count.unwrap_or(0) > 0;
        watched.answered |= object.status == Some(DisputeStatus::UnderReview);
        match object.status {
            Some(DisputeStatus::Lost) => {
                (watched.ended, watched.lost) = (true, true);
                // Nothing has accepted the dispute if no worker has sent the request.
                let is_unsent = cx.pending(|call| closes(call, &watched.id)).is_some_and(|it| !it.sent);
                watched.accepted &= !is_unsent;
                cx.withdraw_unsent(|call| closes(call, &watched.id));
                cx.prove(|call| closes(call, &watched.id), None);
            }
            Some(DisputeStatus::Won) => {
                watched.ended = true;
                cx.withdraw_unsent(|call| closes(call, &watched.id));
                watched.accepted &= cx.pending(|call| closes(call, &watched.id)).is_some();
            }
            _ => {}
        }
        watched.plan(cx);
    }

    /// Notes that a lookup got a reply, before the reply is applied.
    pub(super) fn looked<F: Flex>(&mut self, id: &DisputeId, cx: &Cx<'_, F>) {
        if let Some(watched) = self.find_mut(id.as_str()) {
            watched.timer.looked(cx.leased_at());
        }
    }

    /// A lookup shows a dispute. If the dispute is not lost, that denies its acceptance.
    pub(super) fn shown<F: Flex>(&mut self, object: &DisputeObject, cx: &mut Cx<'_, F>) {
        let (lost, id) = (object.status == Some(DisputeStatus::Lost), &object.dispute_id);
        if !lost && cx.deny(|call| closes(call, id)).is_some() {
            self.not_accepted(id, cx);
        }
    }

    /// A lookup shows nothing.
    pub(super) fn not_shown<F: Flex>(&mut self, id: &DisputeId, cx: &mut Cx<'_, F>) {
        self.looked(id, cx);
        self.plan(id, cx);
    }

    /// Plans the lookup of a dispute anew: the one that was there has ended, or was that of its acceptance and is gone.
    pub(super) fn plan<F: Flex>(&self, id: &DisputeId, cx: &mut Cx<'_, F>) {
        self.find(id.as_str()).into_iter().for_each(|watched| watched.plan(cx));
    }

    /// The dispute to look up must be a known one.
    pub(super) fn check_known<F: Flex>(&self, id: &DisputeId, rules: &mut Rules<'_, F>) {
        // The action has rejected the command already if no dispute is known.
        rules.check(CoreRule::UnknownId, self.is_empty() || self.knows(id)).at("/dispute_id");
    }

    /// Only an open dispute can be accepted.
    pub(super) fn check_close<F: Flex>(&self, id: &DisputeId, rules: &mut Rules<'_, F>) {
        self.check_known(id, rules);
        let ended = self.any_is_open() && self.find(id.as_str()).is_some_and(|it| it.ended);
        rules.check(Rule::DisputeCloseWhileOpen, !ended).at("/dispute_id");
    }

    /// Accepts a dispute. The money goes back to the customer, and nothing brings it back.
    pub(super) fn close<F: Flex>(&mut self, id: &DisputeId, cx: &mut Cx<'_, F>) -> Result<(), Stop> {
        let watched = self.find_mut(id.as_str()).filter(|it| !it.ended && !it.accepted).ok_or(Stop::NotNow)?;
        watched.accepted = true;
        watched.plan(cx);
        cx.request(Call::CloseDispute(id.clone()));
        Ok(())
    }

    /// The acceptance was refused, denied, or called off.
    pub(super) fn not_accepted<F: Flex>(&mut self, id: &DisputeId, cx: &mut Cx<'_, F>) {
        if let Some(watched) = self.find_mut(id.as_str()) {
            watched.accepted = false;
            watched.plan(cx);
        }
    }

    /// Flex has refused the lookup of a dispute, or its acceptance.
    pub(super) fn refused<F: Flex>(&mut self, call: &Call, cx: &mut Cx<'_, F>) {
        match call {
            Call::CloseDispute(id) => {
                self.not_accepted(id, cx);
                // Flex may refuse because the dispute has ended already.
                cx.look_up(Call::RetrieveDispute(id.clone()));
            }
            Call::RetrieveDispute(id) => self.not_shown(id, cx),
            _ => {}
        }
    }

    /// A person says how the dispute has ended.
    pub(super) fn end<F: Flex>(&mut self, id: &str, lost: bool, cx: &mut Cx<'_, F>) {
        if let Some(watched) = self.find_mut(id) {
            watched.ended = true;
            watched.lost |= lost;
            cx.withdraw_unsent(|call| closes(call, &watched.id));
            watched.plan(cx);
        }
    }

    /// A person decides about access while the dispute is open.
    pub(super) fn access_reviewed<F: Flex>(&mut self, id: &str, verdict: Verdict, cx: &mut Cx<'_, F>) {
        if let Some(watched) = self.find_mut(id) {
            watched.keeps = Some(verdict == Verdict::KeepAccess);
            watched.plan(cx);
        }
    }

    /// A person has submitted the evidence, or will submit none.
    pub(super) fn evidence_reviewed<F: Flex>(&mut self, id: &str, cx: &mut Cx<'_, F>) {
        if let Some(watched) = self.find_mut(id) {
            watched.answered = true;
            watched.plan(cx);
        }
    }

    /// A person waits longer for the end.
    pub(super) fn keep_waiting<F: Flex>(&mut self, id: &str, cx: &mut Cx<'_, F>) {
        if let Some(watched) = self.find_mut(id) {
            watched.timer = PollTimer::new(cx.now());
            watched.plan(cx);
        }
    }
}

impl Watched {
    const fn new(id: DisputeId, now: Timestamp) -> Self {
        let timer = PollTimer::new(now);
        Self {
            id,
            payment: None,
            ended: false,
            lost: false,
            due_at: None,
            refundable: None,
            answered: false,
            accepted: false,
            keeps: None,
            timer,
        }
    }

    /// Whether the customer has the money, or may still get it from the bank.
    fn blocks_refund(&self) -> bool {
        self.lost || self.accepted || (!self.ended && self.refundable != Some(true))
    }

    /// Plans the next lookup and the questions for a person. After the end there are none.
    fn plan<F: Flex>(&self, cx: &mut Cx<'_, F>) {
        let (lookup, id) = (Call::RetrieveDispute(self.id.clone()), &self.id);
        if self.ended {
            cx.withdraw(|call| *call == lookup);
            cx.withdraw_review(Review::DisputeUnsettled, id.as_str());
        } else if self.keeps.is_some() {
            cx.poll_then_ask(lookup, &self.timer, Review::DisputeUnsettled, id);
        } else if let Some(at) = self.timer.next(&cx.config().lookups) {
            // The review about the dispute is still open.
            cx.look_up_from(lookup, at);
        }
        match self.due_at {
            Some(due_at) if !self.ended && !self.answered && !self.accepted => {
                cx.ask_at(Review::EvidenceDue, id, due_at.before(NOTICE));
            }
            _ => cx.withdraw_review(Review::EvidenceDue, id.as_str()),
        }
    }
}
