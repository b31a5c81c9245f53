//! What concerns several facets: each method here asks one facet, and tells the others what they must know.

use alloc::string::String;

use super::change::{Change, MadeUpdate, PendingChange};
use super::charge::ChargeSearch;
use super::history::Origin;
use super::token::TokenReport;
use super::{ChargeState, Cx, PaymentToken, TokenState};
use crate::fact::IgnoredReason;
use crate::flow::{AfterAll, Cause, Outcome};
use crate::id::{Digest, EffectId};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::find::{Find, SessionPage};
use crate::providers::truemed::api::order::digest;
use crate::providers::truemed::api::replies::{CreateSessionReply, ProvisionReply, UpdateTokenReply};
use crate::providers::truemed::api::session_request::CreatePaymentSession;
use crate::providers::truemed::api::webhook::SessionReport;
use crate::providers::truemed::eligibility::Coverage;
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::providers::truemed::names::{Review, Verdict};
use crate::providers::truemed::rules::Rule;
use crate::rule::{Level, RuleSet};
use crate::time::Timestamp;
use crate::value::echoed;

/// An applied input, or the reason why it is ignored.
pub(super) type Applied = Result<(), IgnoredReason>;

/// The change that an update makes: of the items, or of the card.
const fn change_of<'c>(call: &Call, items: &'c mut Change, card: &'c mut Change) -> &'c mut Change {
    if call.is_of_items() { items } else { card }
}

impl PaymentToken {
    /// How items compare with what the customer qualified for.
    pub(in crate::providers::truemed) fn coverage(&self, wanted: Digest, restored: Option<Timestamp>) -> Coverage {
        let confirmed = self.token.certain_items(restored);
        match self.token.state() {
            TokenState::Issued if confirmed == Some(wanted) => Coverage::Covered,
            TokenState::Issued if self.items.wanted() == Some(wanted) => Coverage::Pending,
            TokenState::Issued if confirmed.is_some() => Coverage::UpdateRequired,
            _ => Coverage::Unknown,
        }
    }

    /// The changes that wait for the customer.
    pub(super) fn pending(&self) -> impl DoubleEndedIterator<Item = &PendingChange> {
        [&self.items, &self.card].into_iter().filter_map(Change::pending)
    }

    /// The changes that a pending update will replace.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &PendingChange> {
        [&self.items, &self.card].into_iter().filter_map(Change::replaced)
    }

    /// Truemed replied to an update.
    pub(super) fn on_update_reply(
        &mut self,
        (id, call): (&EffectId, &Call),
        reply: UpdateTokenReply,
        cx: &mut Cx<'_>,
    ) -> Applied {
        let change = change_of(call, &mut self.items, &mut self.card);
        let made = change.on_reply((id, call), reply, self.token.payment_token(), &mut self.history, cx)?;
        if let Some(MadeUpdate { seq, items }) = made {
            self.token.settle(seq);
            self.token.confirm(items.filter(|_| !self.token.is_of_other(call)), cx.now(), cx);
        }
        self.drop_stale_charge(cx);
        Ok(())
    }

    /// Truemed replied to an update that a person had ended as not made. The reply counts, unless there is a newer update.
    pub(super) fn updated_after_all(
        &mut self,
        made: &AfterAll<Call>,
        reply: UpdateTokenReply,
        cx: &mut Cx<'_>,
    ) -> Applied {
        let Call::UpdatePaymentToken(_, command) = &*made.call else { return Ok(()) };
        let change = change_of(&made.call, &mut self.items, &mut self.card);
        if !self.token.is(TokenState::Issued) || !change.is_settled() || !cx.is_newest(&made.id) {
            return Ok(());
        }
        change.request(self.history.count(), command.order_items.as_deref().map(digest), Call::is_update, cx);
        self.on_update_reply((&made.id, &made.call), reply, cx)
    }

    /// Truemed accepted an update, and its reply says nothing about an action. Only the config can let this confirm
    /// the change.
    pub(super) fn update_accepted(&mut self, call: &Call, cx: &mut Cx<'_>) {
        let rule = Rule::UpdateEmptyReplyConfirms;
        cx.check(rule, false).at("/next_action");
        if cx.config().level(rule.rule()) != Level::Warn {
            cx.ask_about(call.is_same_update());
        } else {
            cx.prove(call.is_same_update(), None);
            self.confirm_update(call, None, cx);
        }
    }

    /// An update succeeded without an action of the customer, according to a webhook, to a person or to the config.
    pub(super) fn confirm_update(&mut self, call: &Call, by: Option<(&Origin, TokenReport<'_>)>, cx: &mut Cx<'_>) {
        let change = change_of(call, &mut self.items, &mut self.card);
        let Some(seq) = change.requested_seq() else { return };
        match by {
            Some((_, report)) => {
                self.token.apply(seq, report, cx);
            }
            None => self.token.settle(seq),
        }
        let items = change.confirm(by.map(|(origin, _)| origin), &mut self.history, cx);
        self.token.confirm(items.filter(|_| by.is_some() || !self.token.is_of_other(call)), cx.now(), cx);
        self.drop_stale_charge(cx);
    }

    /// An update was not made.
    pub(super) fn drop_update(&mut self, call: &Call, cx: &mut Cx<'_>) {
        let change = change_of(call, &mut self.items, &mut self.card);
        change.drop_update(self.token.payment_token(), cx);
    }

    /// A person decided on a change that waits for the customer.
    pub(super) fn change_reviewed(&mut self, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        for change in [&mut self.items, &mut self.card] {
            let items = change.reviewed(about, verdict, &mut self.history, cx);
            self.token.confirm(items, cx.now(), cx);
        }
        self.drop_stale_charge(cx);
    }

    /// The customer completed a change of the card or the items: the oldest one that `which` accepts.
    pub(super) fn customer_acted(
        &mut self,
        origin: Option<&Origin>,
        report: TokenReport<'_>,
        which: impl Fn(&PendingChange) -> bool,
        cx: &mut Cx<'_>,
    ) {
        let Some(seq) = self.pending().filter(|it| which(it)).map(|it| it.seq).min() else { return };
        self.token.apply(seq, report, cx);
        let is_oldest = |change: &Change| change.pending().is_some_and(|it| it.seq == seq);
        let change = if is_oldest(&self.items) { &mut self.items } else { &mut self.card };
        let Some(change) = change.customer_acted(origin, &mut self.history, cx) else { return };
        self.token.confirm(change.items, change.since(), cx);
        self.drop_stale_charge(cx);
        // A new survey repairs a charge that needs the survey, and a new card repairs any other.
        let has_survey = change.satisfies_survey();
        if self.charge.failure().is_some_and(|failed| failed.needs_survey() == has_survey) {
            self.charge.repaired(None, &mut self.history, cx);
        }
    }

    /// The customer repaired the failed charge that the origin names, as Truemed reports.
    pub(super) fn repaired(&mut self, origin: &Origin, report: TokenReport<'_>, cx: &mut Cx<'_>) {
        if let Some(seq) = self.charge.repaired(Some(origin), &mut self.history, cx) {
            self.token.apply(seq, report, cx);
        }
    }

    /// Drops a charge that was not sent, if its items or its token are out of date.
    pub(super) fn drop_stale_charge(&mut self, cx: &mut Cx<'_>) {
        self.charge.drop_stale(self.token.confirmed(), self.token.payment_token(), cx);
    }

    /// Truemed issued a token for an attempt.
    pub(super) fn provisioned(&mut self, origin: &Origin, report: TokenReport<'_>, cx: &mut Cx<'_>) -> Applied {
        self.token.provisioned(origin, report, self.charge.requested_seq(), &mut self.history, cx)?;
        // The session that makes the token may still be open.
        self.charge.schedule(cx);
        Ok(())
    }

    /// Truemed reports another token for an origin that is settled, or the time of the known one. Returns whether it does.
    pub(super) fn contradicted(&mut self, origin: &Origin, report: TokenReport<'_>, cx: &mut Cx<'_>) -> bool {
        let Some(seq) = self.contradicted_seq(origin, report) else { return false };
        self.token.apply(seq, report, cx);
        if !self.token.is_doubtful() {
            self.drop_stale_charge(cx);
        }
        true
    }

    /// The position of the settled request whose report a new one contradicts.
    pub(super) fn contradicted_seq(&self, origin: &Origin, report: TokenReport<'_>) -> Option<u32> {
        let seq = self.history.seq_of(origin).or_else(|| self.charge.seq_of(origin))?;
        Some(seq).filter(|seq| !self.token.has_provision(origin) && self.token.is_contradiction(*seq, report))
    }

    /// A lookup shows a provision request, with a token or without one.
    pub(super) fn on_provision_lookup(
        &mut self,
        request: &ProvisionTokenRequestId,
        reply: &ProvisionReply,
        cx: &mut Cx<'_>,
    ) -> Applied {
        self.token.check_echo(reply.metadata.as_deref(), cx);
        let origin = Origin::Request(request.clone());
        match &reply.payment_token {
            Some(token) => {
                let report = TokenReport::new(token, None);
                if self.contradicted(&origin, report, cx) || self.history.has(&origin) {
                    return Ok(());
                }
                self.provisioned(&origin, report, cx)
            }
            None => {
                self.token.still_pending(&origin, cx);
                Ok(())
            }
        }
    }

    /// Truemed does not find the token, which may prove a deletion.
    pub(super) fn token_not_found(&mut self, token: &Token, cx: &mut Cx<'_>) {
        if self.token.not_found(token, cx) {
            self.deleted(cx);
        }
    }

    /// The token is deleted permanently.
    pub(super) fn deleted(&mut self, cx: &mut Cx<'_>) {
        self.charge.token_is_deleted(cx);
        self.token.deleted(cx);
        self.charge.schedule(cx);
    }

    /// The reply to a charge or a checkout has the id of its session.
    pub(super) fn on_session_created(&mut self, reply: CreateSessionReply, cx: &mut Cx<'_>) -> Applied {
        let attended = self.charge.requested().is_some_and(|requested| requested.attended);
        let page = reply.redirect_url.is_some();
        // A webhook about it came before, and only a lookup shows that status again.
        let was_asked = cx.asks_about(Review::Unplaced.as_str(), reply.id.as_str());
        let lookup = was_asked.then(|| Call::RetrievePaymentSession(reply.id.clone()));
        self.open(reply.id, reply.redirect_url, cx)?;
        lookup.into_iter().for_each(|call| cx.look_up(call));
        cx.check(Rule::SessionRedirectUrlPresent, page || !attended).at("/redirect_url");
        Ok(())
    }

    /// A session turns out to be the requested one, whose creation had no reply.
    pub(super) fn bind(&mut self, id: PaymentSessionId, report: Option<&SessionReport>, cx: &mut Cx<'_>) -> Applied {
        cx.prove(Call::is_session, Some(id.as_str()));
        self.open(id.clone(), None, cx)?;
        match report {
            Some(report) => self.on_session_report(id.as_str(), report, false, cx),
            None => {
                cx.look_up(Call::RetrievePaymentSession(id));
                Ok(())
            }
        }
    }

    fn open(&mut self, id: PaymentSessionId, redirect_url: Option<String>, cx: &mut Cx<'_>) -> Applied {
        let seq = self.charge.requested_seq().ok_or(IgnoredReason::Unrelated)?;
        self.token.session_opened(seq, &id, redirect_url.as_ref(), cx);
        self.charge.open(id, redirect_url, cx)
    }

    /// Truemed did not make the session.
    pub(super) fn not_made(&mut self, id: &EffectId, cause: Cause, cx: &mut Cx<'_>) {
        let is_declined = self.charge.failure().is_some();
        let seq = self.charge.not_made(id, if is_declined { Cause::Declined } else { cause }, cx);
        self.token.session_not_made(seq);
    }

    /// A search read a page of the list.
    pub(super) fn on_session_page(&mut self, find: &Find, page: &SessionPage, cx: &mut Cx<'_>) -> Applied {
        if self.charge.is_unchecked() {
            self.charge.on_page_after_restore(find, page, &mut self.history, cx);
            return Ok(());
        }
        match self.charge.on_session_page(find, page, &self.history, cx)? {
            ChargeSearch::Made(id, report) if self.charge.found_failed(&id, report, cx) => {}
            ChargeSearch::Made(id, report) => return self.bind(id, report, cx),
            ChargeSearch::NotMade(id) => self.not_made(&id, Cause::NotMade, cx),
            ChargeSearch::Open => {}
        }
        Ok(())
    }

    /// A webhook or a lookup reports a session.
    pub(super) fn on_session_report(
        &mut self,
        id: &str,
        report: &SessionReport,
        by_lookup: bool,
        cx: &mut Cx<'_>,
    ) -> Applied {
        if self.charge.on_report(id, report, by_lookup, &mut self.history, cx)? {
            self.token.schedule_provisions(cx);
        }
        Ok(())
    }

    /// A late reply has the session of a charge that had ended as not made. The session becomes the current charge,
    /// unless another charge is pending.
    pub(super) fn made_after_all(
        &mut self,
        made: &AfterAll<Call>,
        reply: CreateSessionReply,
        cx: &mut Cx<'_>,
    ) -> Applied {
        let Some(command) = self.without_new_try(made, cx) else { return Ok(()) };
        if self.charge.state() != ChargeState::Idle {
            self.charge.settle(command.intent.as_ref(), Outcome::Done);
            return Ok(());
        }
        let metadata = echoed(&mut command.metadata.clone(), cx.key());
        let seq = self.history.count();
        if !command.is_charge() {
            self.token.provision(seq, command.items(), &metadata, cx);
        }
        self.charge.made_after_all(seq, command, (&metadata, cx.now()));
        self.open(reply.id, reply.redirect_url, cx)
    }

    /// A webhook shows that such a charge is paid. The charge is not repeated, and a person decides what to deliver.
    pub(super) fn paid_after_all(&mut self, made: &AfterAll<Call>, cx: &mut Cx<'_>) {
        if let Some(command) = self.without_new_try(made, cx) {
            self.charge.settle(command.intent.as_ref(), Outcome::Done);
        }
    }

    /// Drops the new try, which was never sent, and returns the original command.
    fn without_new_try<'a>(&mut self, made: &'a AfterAll<Call>, cx: &mut Cx<'_>) -> Option<&'a CreatePaymentSession> {
        if let Some((again, _)) = &made.again {
            self.not_made(again, Cause::Dropped, cx);
        }
        match &*made.call {
            Call::CreatePaymentSession(command) => Some(command),
            _ => None,
        }
    }

    /// The customer came back, which proves nothing. It is a reason for a lookup, except after Cancel or a failure.
    pub(super) fn returned(&mut self, cx: &mut Cx<'_>) -> Applied {
        let of_token = self.token.returned(cx);
        let of_charge = self.charge.returned(cx);
        if of_token || of_charge { Ok(()) } else { Err(IgnoredReason::Unrelated) }
    }
}
