//! The search of the list for the session of the requested charge.

use super::{
    Call, Charge, Charges, Cx, EffectId, Find, History, IgnoredReason, PaymentSessionId, Review, SessionPage,
    SessionReport, Verdict,
};
use crate::flow::Reviews;
use crate::providers::truemed::api::find::{Search, Wanted};

/// What a page of the list shows of the requested charge.
pub(in super::super) enum ChargeSearch<'a> {
    /// This session is the charge.
    Made(PaymentSessionId, Option<&'a SessionReport>),
    /// Truemed did not make the charge.
    NotMade(EffectId),
    /// The pages do not decide it.
    Open,
}

impl Charges {
    /// A page of the list shows the session, denies it, or leaves it open.
    pub(in super::super) fn on_session_page<'a>(
        &mut self,
        find: &Find,
        page: &'a SessionPage,
        history: &History,
        cx: &mut Cx<'_>,
    ) -> Result<ChargeSearch<'a>, IgnoredReason> {
        let unsearched = self.awaits_search(cx);
        let Charge::Requested { requested, .. } = &mut self.current else { return Err(IgnoredReason::Duplicate) };
        let Some(wanted) = Wanted::of(requested, cx) else { return Err(IgnoredReason::Duplicate) };
        match (find.read(page, &wanted, |id| history.has_id(id.as_str())), unsearched) {
            (Search::One(id, report), _) => return Ok(ChargeSearch::Made(id, report)),
            (Search::NextPage(next), _) => cx.look_up(next),
            (Search::None, Some(_)) => self.not_made_before(cx),
            (Search::Several(_) | Search::Unclear, Some(of)) => cx.ask(Review::ChargeBeforeRestore, &of),
            (Search::Several(all), None) => {
                all.iter().for_each(|id| cx.ask(Review::Unplaced.only(Verdict::OURS_OR_NOT), id));
                requested.candidates = all;
                cx.look_again(Call::is_session);
            }
            (Search::Unclear, None) => cx.look_again(Call::is_session),
            (Search::None, None) if !requested.can_be_denied(cx) => cx.look_again(Call::is_session),
            (Search::None, None) => {
                if let Some((id, _)) = cx.deny(Call::is_session) {
                    return Ok(ChargeSearch::NotMade(id));
                }
            }
        }
        Ok(ChargeSearch::Open)
    }
}
