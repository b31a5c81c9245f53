//! What one facet does to another: each method here asks one facet, and tells the others what they have to know.

use alloc::string::String;

use super::change::{Change, Made, Pending};
use super::charge::Searched;
use super::history::Origin;
use super::token::Word;
use super::{ChargeState, Cx, PaymentToken, TokenState};
use crate::fact::IgnoredReason;
use crate::flow::{AfterAll, Outcome};
use crate::id::{Digest, EffectId};
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::found::{Find, Found};
use crate::providers::truemed::api::replies::{ProvisionRetrieved, SessionCreated, UpdateAnswered};
use crate::providers::truemed::api::session_request::CreatePaymentSession;
use crate::providers::truemed::api::webhook::SessionSeen;
use crate::providers::truemed::eligibility::Coverage;
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::providers::truemed::names::Verdict;
use crate::providers::truemed::rules::Rule;
use crate::rule::{Level, RuleSet};
use crate::value::echoed;

/// Whether something was settled, or why nothing was.
pub(super) type Settled = Result<(), IgnoredReason>;

/// The change that an update makes.
const fn change_of<'c>(call: &Call, items: &'c mut Change, card: &'c mut Change) -> &'c mut Change {
    if call.is_of_items() { items } else { card }
}

impl PaymentToken {
    /// How items stand to what the customer qualified for.
    pub(in crate::providers::truemed) fn coverage(&self, wanted: Digest) -> Coverage {
        let confirmed = self.token.confirmed();
        match self.token.state() {
            TokenState::Issued if confirmed == Some(wanted) => Coverage::Covered,
            TokenState::Issued if self.items.wanted() == Some(wanted) => Coverage::Pending,
            TokenState::Issued if confirmed.is_some() => Coverage::UpdateRequired,
            _ => Coverage::Unknown,
        }
    }

    /// The changes that the customer must still make good.
    pub(super) fn pending(&self) -> impl DoubleEndedIterator<Item = &Pending> {
        [&self.items, &self.card].into_iter().filter_map(Change::pending)
    }

    /// The changes that an update which is not answered yet takes the place of.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &Pending> {
        [&self.items, &self.card].into_iter().filter_map(Change::replaced)
    }

    /// The reply to an update.
    pub(super) fn updated(
        &mut self,
        (id, call): (&EffectId, &Call),
        reply: UpdateAnswered,
        cx: &mut Cx<'_>,
    ) -> Settled {
        let change = change_of(call, &mut self.items, &mut self.card);
        let made = change.answered((id, call), reply, self.token.text(), &mut self.history, cx)?;
        if let Some(Made { seq, items }) = made {
            self.token.settle(seq);
            self.token.confirm(items);
        }
        self.drop_stale_charge(cx);
        Ok(())
    }

    /// An update was accepted without a word about an action: that confirms nothing, unless the policy says so.
    pub(super) fn update_is_accepted(&mut self, call: &Call, cx: &mut Cx<'_>) {
        let rule = Rule::UpdateEmptyReplyConfirms;
        cx.check(rule, false).at("/next_action");
        if cx.config().level(rule.rule()) != Level::Warn {
            cx.ask_about(call.is_same_update());
        } else {
            cx.prove(call.is_same_update(), None);
            self.update_is_made(call, None, cx);
        }
    }

    /// An update was made, and nothing of the customer's is open: Truemed's webhook says so, or a person.
    pub(super) fn update_is_made(&mut self, call: &Call, by: Option<(&Origin, Word<'_>)>, cx: &mut Cx<'_>) {
        let change = change_of(call, &mut self.items, &mut self.card);
        let Some(seq) = change.requested() else { return };
        match by {
            Some((_, word)) => {
                self.token.take(seq, word, cx);
            }
            None => self.token.settle(seq),
        }
        let items = change.made(by.map(|(origin, _)| origin), &mut self.history, cx);
        self.token.confirm(items);
        self.drop_stale_charge(cx);
    }

    /// An update was not made.
    pub(super) fn update_is_not_made(&mut self, call: &Call, cx: &mut Cx<'_>) {
        let change = change_of(call, &mut self.items, &mut self.card);
        change.not_made(self.token.text(), cx);
    }

    /// What a person says of a change that waits for the customer.
    pub(super) fn change_is_judged(&mut self, about: &str, verdict: Verdict, cx: &mut Cx<'_>) {
        for change in [&mut self.items, &mut self.card] {
            let items = change.judged(about, verdict, &mut self.history, cx);
            self.token.confirm(items);
        }
        self.drop_stale_charge(cx);
    }

    /// The customer has done what a change of the card or of the items asked for: the oldest of `which`.
    pub(super) fn changed(
        &mut self,
        origin: Option<&Origin>,
        word: Word<'_>,
        which: impl Fn(&Pending) -> bool,
        cx: &mut Cx<'_>,
    ) {
        let Some(seq) = self.pending().filter(|it| which(it)).map(|it| it.seq).min() else { return };
        self.token.take(seq, word, cx);
        let is_oldest = |change: &Change| change.pending().is_some_and(|it| it.seq == seq);
        let change = if is_oldest(&self.items) { &mut self.items } else { &mut self.card };
        let Some(made_good) = change.made_good(origin, &mut self.history, cx) else { return };
        self.token.confirm(made_good.items);
        self.drop_stale_charge(cx);
        // A survey cures what the survey is asked for, and a card what the card is.
        let cured = made_good.cures_the_survey();
        if self.charge.failure().is_some_and(|failed| failed.is_of_the_survey() == cured) {
            self.charge.repaired(None, &mut self.history, cx);
        }
    }

    /// The customer has repaired a charge that failed, as Truemed says of the session that the origin names.
    pub(super) fn repaired(&mut self, origin: &Origin, word: Word<'_>, cx: &mut Cx<'_>) {
        if let Some(seq) = self.charge.repaired(Some(origin), &mut self.history, cx) {
            self.token.take(seq, word, cx);
        }
    }

    /// A charge that is not sent yet is dropped, where other items or another token are confirmed now.
    pub(super) fn drop_stale_charge(&mut self, cx: &mut Cx<'_>) {
        self.charge.drop_stale(self.token.confirmed(), self.token.text(), cx);
    }

    /// An attempt to get a token has succeeded.
    pub(super) fn provisioned(&mut self, origin: &Origin, word: Word<'_>, cx: &mut Cx<'_>) -> Settled {
        self.token.provisioned(origin, word, &mut self.history, cx)?;
        // The session that makes a token is awaited for itself too.
        self.charge.watch(cx);
        Ok(())
    }

    /// A lookup shows a provision request, with a token or without one.
    pub(super) fn provision_shown(
        &mut self,
        request: &ProvisionTokenRequestId,
        reply: &ProvisionRetrieved,
        cx: &mut Cx<'_>,
    ) -> Settled {
        self.token.check_echo(reply.metadata.as_deref(), cx);
        let origin = Origin::Request(request.clone());
        match &reply.payment_token {
            Some(token) => self.provisioned(&origin, Word::new(token, None), cx),
            None => {
                self.token.still_pending(&origin, cx);
                Ok(())
            }
        }
    }

    /// Truemed finds no such token: that may prove a deletion.
    pub(super) fn token_not_found(&mut self, token: &Token, cx: &mut Cx<'_>) {
        if self.token.not_found(token, cx) {
            self.deleted(cx);
        }
    }

    /// The token is gone for good.
    pub(super) fn deleted(&mut self, cx: &mut Cx<'_>) {
        self.charge.token_is_deleted(cx);
        self.token.deleted(cx);
        self.charge.watch(cx);
    }

    /// The reply to a charge, or to a checkout, names its session.
    pub(super) fn created(&mut self, reply: SessionCreated, cx: &mut Cx<'_>) -> Settled {
        let attended = self.charge.asked().is_some_and(|asked| asked.attended);
        let page = reply.redirect_url.is_some();
        self.open(reply.id, reply.redirect_url, cx)?;
        cx.check(Rule::SessionRedirectUrlPresent, page || !attended).at("/redirect_url");
        Ok(())
    }

    /// A session turns out to be the one that was asked for and never answered.
    pub(super) fn bind(&mut self, id: PaymentSessionId, seen: Option<&SessionSeen>, cx: &mut Cx<'_>) -> Settled {
        cx.prove(Call::is_session, Some(id.as_str()));
        self.open(id.clone(), None, cx)?;
        match seen {
            Some(seen) => self.session_stands(id.as_str(), seen, false, cx),
            None => {
                cx.look_up(Call::RetrievePaymentSession(id));
                Ok(())
            }
        }
    }

    fn open(&mut self, id: PaymentSessionId, redirect_url: Option<String>, cx: &mut Cx<'_>) -> Settled {
        let seq = self.charge.requested().ok_or(IgnoredReason::Unrelated)?;
        self.token.session_opened(seq, &id, redirect_url.as_ref(), cx);
        self.charge.open(id, redirect_url, cx)
    }

    /// The session was not made.
    pub(super) fn not_made(&mut self, id: &EffectId, cx: &mut Cx<'_>) {
        let seq = self.charge.not_made(id, cx);
        self.token.session_not_made(seq);
    }

    /// A page of the list was read.
    pub(super) fn found(&mut self, find: &Find, page: &Found, cx: &mut Cx<'_>) -> Settled {
        match self.charge.found(find, page, &self.history, cx)? {
            Searched::Made(id, seen) => return self.bind(id, seen, cx),
            Searched::NotMade(id) => self.not_made(&id, cx),
            Searched::Open => {}
        }
        Ok(())
    }

    /// A session is said to stand somewhere.
    pub(super) fn session_stands(
        &mut self,
        id: &str,
        seen: &SessionSeen,
        by_look_up: bool,
        cx: &mut Cx<'_>,
    ) -> Settled {
        if self.charge.stands(id, seen, by_look_up, &mut self.history, cx)? {
            self.token.watch_provisions(cx);
        }
        Ok(())
    }

    /// The late reply to a charge that had been ended as not made names its session: it is the charge, unless another one is on
    /// its way.
    pub(super) fn made_after_all(&mut self, made: &AfterAll<Call>, reply: SessionCreated, cx: &mut Cx<'_>) -> Settled {
        let Some(command) = self.without_new_try(made, cx) else { return Ok(()) };
        if self.charge.state() != ChargeState::Idle {
            self.charge.settle(command.intent.as_ref(), Outcome::Done);
            return Ok(());
        }
        let metadata = echoed(&mut command.metadata.clone(), cx.key());
        self.charge.made_after_all(self.history.count(), command, &metadata);
        self.open(reply.id, reply.redirect_url, cx)
    }

    /// A webhook shows that such a charge is paid: it is not made again, and a person says what is delivered.
    pub(super) fn paid_after_all(&mut self, made: &AfterAll<Call>, cx: &mut Cx<'_>) {
        if let Some(command) = self.without_new_try(made, cx) {
            self.charge.settle(command.intent.as_ref(), Outcome::Done);
        }
    }

    /// What was asked for; the new try that nobody has sent came to nothing.
    fn without_new_try<'a>(&mut self, made: &'a AfterAll<Call>, cx: &mut Cx<'_>) -> Option<&'a CreatePaymentSession> {
        if let Some((again, _)) = &made.again {
            self.not_made(again, cx);
        }
        match &*made.call {
            Call::CreatePaymentSession(command) => Some(command),
            _ => None,
        }
    }

    /// The customer came back: a hint that a look may pay, and proof of nothing. A return by Cancel, or after a failure, is no
    /// reason to look.
    pub(super) fn returned(&mut self, cx: &mut Cx<'_>) -> Settled {
        let of_token = self.token.returned(cx);
        let of_charge = self.charge.returned(cx);
        if of_token || of_charge { Ok(()) } else { Err(IgnoredReason::Unrelated) }
    }
}
