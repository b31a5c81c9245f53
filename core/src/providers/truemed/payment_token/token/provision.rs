//! The attempts to get a token: what replies, webhooks, lookups and persons say of them.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{StoredToken, TokenReport, TokenState};
use crate::config::Lookups;
use crate::effect::Wait;
use crate::fact::IgnoredReason;
use crate::flow::PollTimer;
use crate::id::Digest;
use crate::id::TypedId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::replies::CreateTokenReply;
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId};
use crate::providers::truemed::names::{Review, SignalName, Verdict};
use crate::providers::truemed::payment_token::Cx;
use crate::providers::truemed::payment_token::history::{History, Origin};
use crate::time::Timestamp;

/// The highest number of open attempts.
const MAX_PROVISIONS: usize = 8;

/// One attempt to get a token.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenProvision"))]
#[serde(deny_unknown_fields)]
pub(super) struct Provision {
    /// The position in the order of our requests.
    seq: u32,
    /// The id that Truemed's reply gave to the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    /// The fingerprint of the items.
    items: Digest,
    /// The page to send the customer to, exactly as Truemed returned it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirect_url: Option<String>,
    /// Schedules the lookups for the token.
    #[serde(rename = "watch")]
    timer: PollTimer,
}

const fn is_create(call: &Call) -> bool {
    matches!(call, Call::CreatePaymentToken(_))
}

impl Provision {
    /// Whether the attempt has this id.
    fn is(&self, id: &str) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.id() == id)
    }

    /// The provision request of the attempt, if it is known.
    const fn request(&self) -> Option<&ProvisionTokenRequestId> {
        match &self.origin {
            Some(Origin::Request(id)) => Some(id),
            _ => None,
        }
    }

    /// The session that makes the token, if there is one.
    const fn session(&self) -> Option<&PaymentSessionId> {
        match &self.origin {
            Some(Origin::Session(id)) => Some(id),
            _ => None,
        }
    }

    /// Schedules the next lookup, and a review for when the schedule ends.
    fn schedule(&self, cx: &mut Cx<'_>) {
        match &self.origin {
            Some(Origin::Request(id)) => {
                let lookup = Call::RetrieveProvisionTokenRequest(id.clone());
                cx.poll_then_ask(lookup, &self.timer, Review::NoSignal, id);
            }
            // No lookup shows the token of a session, so only the review is scheduled.
            Some(Origin::Session(id)) => cx.ask_on_schedule(Review::NoSignal, id, &self.timer),
            Some(Origin::Failed(_)) | None => {}
        }
    }
}

impl StoredToken {
    /// Opens another attempt. Beyond the limit, the oldest attempt is dropped.
    pub(in super::super) fn provision(&mut self, seq: u32, items: Digest, metadata: &str, cx: &mut Cx<'_>) {
        self.metadata = Some(Digest::of([metadata.as_bytes()]));
        let timer = PollTimer::new(cx.now());
        self.provisions.push(Provision { seq, origin: None, items, redirect_url: None, timer });
        if self.provisions.len() > MAX_PROVISIONS
            && let Some(Origin::Request(id)) = self.provisions.remove(0).origin
        {
            cx.withdraw(|call| matches!(call, Call::RetrieveProvisionTokenRequest(have) if *have == id));
            cx.withdraw_review(Review::NoSignal, id.as_str());
        }
        self.settle_state();
    }

    /// Sets the state that follows from the open attempts.
    fn settle_state(&mut self) {
        if matches!(self.state, TokenState::Absent | TokenState::Requested | TokenState::Awaiting) {
            self.state = match self.provisions.iter().map(|it| it.origin.is_some()).max() {
                None => TokenState::Absent,
                Some(false) => TokenState::Requested,
                Some(true) => TokenState::Awaiting,
            };
        }
    }

    /// Whether a request for a token with these items has no reply yet.
    pub(in super::super) fn is_requested(&self, items: impl FnOnce() -> Digest) -> bool {
        let last = self.provisions.last().filter(|it| it.origin.is_none());
        self.state < TokenState::Adopting && last.is_some_and(|last| last.items == items())
    }

    /// Truemed accepted the request for a token.
    pub(in super::super) fn on_requested(&mut self, reply: CreateTokenReply, cx: &mut Cx<'_>) {
        let id = reply.provision_token_request_id;
        cx.learn(&id);
        if let Some(provision) = self.provisions.iter_mut().rfind(|it| it.origin.is_none()) {
            provision.origin = Some(Origin::Request(id));
            provision.redirect_url = reply.redirect_url;
            provision.timer = PollTimer::new(cx.now());
            provision.schedule(cx);
        }
        self.settle_state();
    }

    /// A reply has a request id and no page for the customer. The request is sent again, and a token of either id
    /// counts.
    pub(in super::super) fn hinted(&mut self, reply: CreateTokenReply, cx: &mut Cx<'_>) {
        let origin = Origin::Request(reply.provision_token_request_id);
        let unnamed = self.provisions.iter().rposition(|it| it.origin.is_none());
        if let Some((index, provision)) = unnamed.and_then(|index| Some((index, self.provisions.get(index)?))) {
            let named = Provision { origin: Some(origin.clone()), ..provision.clone() };
            if !self.provisions.contains(&named) {
                cx.learn(&origin);
                self.provisions.insert(index, named);
            }
        }
        self.settle_state();
    }

    /// No token is requested any more, except with the charge at that position. An attempt without a page is dropped
    /// too.
    pub(in super::super) fn not_requested(&mut self, charge: Option<u32>) {
        self.refused = self.provisions.iter().rfind(|it| it.origin.is_none()).map(|it| it.items).or(self.refused);
        self.provisions.retain(|it| match &it.origin {
            None => Some(it.seq) == charge,
            Some(Origin::Request(_)) => it.redirect_url.is_some(),
            Some(_) => true,
        });
        self.settle_state();
    }

    /// No sending of the request for a token reached Truemed. The request is dropped if there is a token, or if the host
    /// wants none.
    pub(in super::super) fn not_sent(&mut self, charge: Option<u32>, cx: &mut Cx<'_>) {
        if self.state >= TokenState::Issued || self.is_unwanted() {
            cx.withdraw(is_create);
            self.not_requested(charge);
        }
    }

    /// The host wants no token any more. A token that comes all the same is deleted.
    ///
    /// Nobody has the page of a request that has no reply. So the request is dropped, unless a worker is sending it.
    pub(super) fn refuse_token(&mut self, charge: Option<u32>, cx: &mut Cx<'_>) {
        self.unwanted = true;
        if cx.pending(is_create).is_some() && !cx.is_leased(is_create) {
            cx.withdraw(is_create);
            self.not_requested(charge);
        }
    }

    /// The session that makes a token is known.
    pub(in super::super) fn session_opened(
        &mut self,
        seq: u32,
        id: &PaymentSessionId,
        redirect_url: Option<&String>,
        cx: &mut Cx<'_>,
    ) {
        if let Some(provision) = self.provisions.iter_mut().find(|it| it.seq == seq) {
            provision.origin = Some(Origin::Session(id.clone()));
            provision.redirect_url = redirect_url.cloned();
            provision.timer = PollTimer::new(cx.now());
            provision.schedule(cx);
        }
        self.settle_state();
    }

    /// Truemed did not make the session for a token.
    pub(in super::super) fn session_not_made(&mut self, seq: Option<u32>) {
        self.provisions.retain(|it| Some(it.seq) != seq);
        self.settle_state();
    }

    /// The session that makes a token has another id.
    pub(in super::super) fn session_renamed(&mut self, before: &str, id: &PaymentSessionId) {
        for provision in self.provisions.iter_mut().filter(|it| it.session().is_some() && it.is(before)) {
            provision.origin = Some(Origin::Session(id.clone()));
        }
    }

    /// Truemed issued the token of an attempt.
    pub(in super::super) fn provisioned(
        &mut self,
        origin: &Origin,
        report: TokenReport<'_>,
        charge: Option<u32>,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let Some(index) = self.provisions.iter().position(|it| it.origin.as_ref() == Some(origin)) else {
            return Err(IgnoredReason::Duplicate);
        };
        let provision = self.provisions.remove(index);
        if self.apply(provision.seq, report, cx) {
            // The reply that named a session may be an old one, and the items may have been changed since.
            let since = if provision.session().is_some() { Timestamp::default() } else { provision.timer.since() };
            self.confirm(Some(provision.items), since, cx);
        }
        if matches!(origin, Origin::Request(_)) {
            history.add(provision.seq, origin.clone());
        }
        cx.withdraw_review(Review::NoSignal, origin.id());
        // A lookup that a worker has leased may show another token.
        let is_lookup = |call: &Call| matches!(call, Call::RetrieveProvisionTokenRequest(_));
        if !cx.is_leased(is_lookup) {
            cx.withdraw(is_lookup);
        }
        self.forget_provisions(cx);
        // The reply had an id and no page, so the same request was pending again. It needs no further reply.
        let is_same = |it: &Provision| it.seq == provision.seq && it.origin.is_none();
        if self.provisions.iter().any(is_same) {
            self.provisions.retain(|it| !is_same(it));
            cx.prove(is_create, Some(origin.id()));
        }
        if cx.pending(is_create).is_some_and(|it| !it.sent) {
            cx.withdraw(is_create);
            self.provisions.retain(|it| it.origin.is_some() || Some(it.seq) == charge);
        }
        Ok(())
    }

    /// Truemed issued another token after the deletion. The host wants none, so it is deleted like the first one.
    pub(in super::super) fn delete_other(
        &mut self,
        origin: &Origin,
        report: TokenReport<'_>,
        history: &mut History,
        cx: &mut Cx<'_>,
    ) {
        let index = self.provisions.iter().position(|it| it.origin.as_ref() == Some(origin));
        let provision = index.map(|index| self.provisions.remove(index));
        let seq = provision.as_ref().map_or(self.settled, |it| it.seq);
        history.add(seq, origin.clone());
        self.confirmed = provision.map(|it| it.items);
        cx.learn(report.token);
        self.delete_instead(report, cx);
        self.request_deletion(cx);
    }

    /// Withdraws the reviews of the attempts that are left. One of them may still bring a newer token.
    pub(super) fn forget_provisions(&self, cx: &mut Cx<'_>) {
        let is_of = |of: &str| self.provisions.iter().any(|it| it.is(of));
        cx.withdraw_all_about(&[Review::NoSignal.as_str()], is_of);
    }

    /// Whether an attempt has this origin.
    pub(in super::super) fn has_provision(&self, origin: &Origin) -> bool {
        self.provisions.iter().any(|it| it.origin.as_ref() == Some(origin))
    }

    /// Adopts a provision request with our key that no reply had. Returns whether one of our attempts can have made
    /// it.
    pub(in super::super) fn adopt_request(&mut self, id: &ProvisionTokenRequestId, cx: &mut Cx<'_>) -> bool {
        let unnamed = self.provisions.iter().rposition(|it| it.origin.is_none()).filter(|_| cx.sent(is_create));
        let of_request = |it: &Provision| it.session().is_none();
        let Some(index) = unnamed.or_else(|| self.provisions.iter().rposition(of_request)) else { return false };
        if unnamed.is_some() {
            // Only this request of ours can make a token, so its reply was lost.
            cx.prove(is_create, None);
        }
        // The reply to another sending may have another id, and both can bring a token.
        let Some(provision) = self.provisions.get(index) else { return false };
        let named = Provision { origin: Some(Origin::Request(id.clone())), ..provision.clone() };
        if unnamed.is_some() {
            self.provisions.remove(index);
        }
        self.provisions.insert(index, named);
        cx.learn(id);
        true
    }

    /// A lookup shows a provision request without a token.
    pub(in super::super) fn still_pending(&mut self, origin: &Origin, cx: &mut Cx<'_>) {
        let awaiting = self.is(TokenState::Awaiting);
        let provision = self.provisions.iter_mut().find(|it| it.origin.as_ref() == Some(origin));
        if let Some(provision) = provision.filter(|_| awaiting) {
            provision.timer.looked(cx.leased_at());
            provision.schedule(cx);
        }
    }

    /// Whether the customer has paid a checkout whose token is still missing.
    pub(in super::super) fn is_paid_for(&self, history: &History) -> bool {
        let is_paid =
            |it: &Provision| !it.timer.is_stopped() && it.session().is_some_and(|id| history.is_captured(id.as_str()));
        self.state < TokenState::Adopting && self.provisions.iter().any(is_paid)
    }

    /// The customer came back. Returns whether a lookup of the newest attempt can show something new.
    pub(in super::super) fn returned(&mut self, cx: &mut Cx<'_>) -> bool {
        if !self.is(TokenState::Awaiting) {
            return false;
        }
        let Some(provision) = self.provisions.iter_mut().rfind(|it| it.origin.is_some()) else { return false };
        provision.timer.returned(cx.now());
        provision.schedule(cx);
        true
    }

    /// A person gave a verdict on the wait for a token.
    pub(in super::super) fn wait_reviewed(&mut self, about: &str, verdict: Verdict, now: Timestamp) {
        for provision in self.provisions.iter_mut().filter(|it| it.is(about)) {
            match verdict {
                Verdict::StopWaiting | Verdict::Ended => provision.timer.stop(),
                Verdict::KeepWaiting | Verdict::Live => provision.timer = PollTimer::new(now),
                _ => {}
            }
        }
    }

    /// Schedules the next lookup of every attempt that the flow waits for, while no token is known.
    pub(in super::super) fn schedule_provisions(&self, cx: &mut Cx<'_>) {
        let is_waited_for = |it: &&Provision| !it.timer.is_stopped();
        if self.state < TokenState::Adopting {
            self.provisions.iter().filter(is_waited_for).for_each(|it| it.schedule(cx));
        }
    }

    /// The fingerprints of the items of the open attempts.
    pub(super) fn provision_items(&self) -> impl Iterator<Item = Digest> {
        self.provisions.iter().map(|it| it.items)
    }

    /// The fingerprint of the items of the newest attempt, while there is no token.
    pub(in super::super) fn pending_items(&self) -> Option<Digest> {
        self.provisions.last().filter(|_| self.state < TokenState::Adopting).map(|it| it.items)
    }

    /// The ids that Truemed gave to the attempts.
    pub(in super::super) fn provision_ids(&self) -> impl Iterator<Item = TypedId> {
        self.provisions.iter().filter_map(|it| it.origin.as_ref()).map(TypedId::from)
    }

    /// The open provision requests.
    pub(in super::super) fn provision_requests(&self) -> impl DoubleEndedIterator<Item = &ProvisionTokenRequestId> {
        self.provisions.iter().filter_map(Provision::request)
    }

    /// The time before which a lookup would be polling, because the schedule has not asked for one.
    pub(in super::super) fn polled_before(&self, schedule: &Lookups) -> Option<Timestamp> {
        let requested = self.provisions.iter().rfind(|it| it.request().is_some());
        let fresh = requested.filter(|it| self.is(TokenState::Awaiting) && it.timer.is_fresh());
        fresh?.timer.next(schedule)
    }

    /// The waits for a token. The customer finishes the newest attempt. `payable` is the session that the customer can
    /// still pay.
    pub(in super::super) fn waits(&self, payable: Option<&PaymentSessionId>) -> impl Iterator<Item = Wait> {
        let newest = self.provisions.iter().rfind(|it| it.origin.is_some()).map(|it| it.seq);
        let waiting = self.provisions.iter().filter(|it| self.is(TokenState::Awaiting) && !it.timer.is_stopped());
        waiting.filter_map(move |it| {
            let mut wait = Wait::new(SignalName::TokenUpdated.as_str(), it.timer.since());
            wait.about = Some(it.origin.as_ref()?.into());
            // A checkout can be paid although its token is unwanted.
            let is_payable = it.session().map_or(!self.unwanted, |id| payable == Some(id));
            wait.customer_url = it.redirect_url.clone().filter(|_| is_payable && Some(it.seq) == newest);
            Some(wait)
        })
    }
}
