//! The page of a session: whether the customer can pay in it, and the wait for that.

use alloc::string::String;

use super::session::Session;
use crate::effect::Wait;
use crate::id::{Digest, TypedId};
use crate::providers::flex::api::objects::PAYMENT_FAILED;
use crate::providers::flex::names::SignalName;
use crate::time::Timestamp;

impl Session {
    /// Whether the session can be paid now, as far as Flex has shown.
    fn is_payable(&self, now: Timestamp) -> bool {
        let open = self.is_open() && self.unlisted.is_none() && self.sound;
        open && self.expires_at.is_none_or(|end| !end.is_over(now))
    }

    /// Whether the charge of an absent customer has failed.
    fn has_failed(&self) -> bool {
        self.action.as_ref().is_some_and(|action| action.kind == PAYMENT_FAILED)
    }

    /// Whether another session beside this one could be paid as well. The customer cannot pay a failed charge without a
    /// page.
    pub(super) fn may_be_paid(&self, now: Timestamp) -> bool {
        let is_dead = self.watch.is_stopped() || (self.has_failed() && self.customer_url(now).is_none());
        self.is_payable(now) && !is_dead
    }

    /// Whether the same request has created this session, and the customer can still pay it. A charge that has failed may
    /// be tried again.
    pub(super) fn answers(&self, content: Digest, now: Timestamp) -> bool {
        self.content == Some(content) && self.may_be_paid(now) && !self.has_failed()
    }

    /// The URL at which the customer can pay now.
    fn customer_url(&self, now: Timestamp) -> Option<&String> {
        let page = self.action.as_ref().and_then(|action| action.url.as_ref());
        page.or(self.redirect_url.as_ref()).filter(|_| self.is_payable(now))
    }

    /// The wait for the end of the session. `hands_out_url` is whether this session hands out its URL.
    pub(super) fn wait(&self, hands_out_url: bool, now: Timestamp) -> Option<Wait> {
        if self.status.is_final() || self.watch.is_stopped() {
            return None;
        }
        let mut wait = Wait::new(SignalName::SessionCompleted.as_str(), self.watch.since());
        wait.about = Some(TypedId::from(&self.id));
        wait.expires_at = self.expires_at;
        wait.customer_url = self.customer_url(now).filter(|_| hands_out_url).cloned();
        let action = self.action.as_ref().filter(|it| hands_out_url && !it.kind.is_empty());
        wait.customer_action = action.map(|action| action.kind.clone());
        Some(wait)
    }
}
