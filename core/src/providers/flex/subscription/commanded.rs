//! What commands do to the sessions, to the subscription and to the others beside it.

use alloc::boxed::Box;
use alloc::string::String;

use super::record::SubscriptionRecord;
use super::{Command, Cx, Subscription, Trigger};
use crate::flow::Stop;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::SessionObject;
use crate::providers::flex::api::request::{CancelSubscription, UpdateEnd, UpdateSubscription};
use crate::providers::flex::api::session_request::Mode;
use crate::providers::flex::ids::{CheckoutSessionId, SubscriptionId};
use crate::providers::flex::names::Review;

impl Subscription {
    /// Carries out a command.
    pub(super) fn command(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        match command {
            Command::CreateCheckoutSession(request) if request.mode == Mode::Setup => {
                let reference = self.sessions.reference().map(String::from);
                self.record.as_mut().ok_or(Stop::NotNow)?.set_up(*request, reference, cx)?;
            }
            Command::CreateCheckoutSession(request) => {
                self.sessions.create(*request, cx)?;
                return Ok(Trigger::Create);
            }
            Command::RetrieveCheckoutSession { checkout_session_id } => {
                self.sessions.retrieve(checkout_session_id, cx)?;
                return Ok(Trigger::Retrieve);
            }
            Command::RetrieveSubscription { subscription_id } => {
                self.retrieve(subscription_id, cx)?;
                return Ok(Trigger::Retrieve);
            }
            Command::RetrieveInvoice { invoice_id } => {
                self.record.as_ref().ok_or(Stop::NotNow)?.look_up_invoice(invoice_id, cx);
            }
            Command::CancelSubscription(requested) => self.cancel(requested, cx)?,
            Command::RefundPayment(requested) => self.refund(*requested, cx)?,
            Command::UpdateSubscription(requested) => self.update(requested, cx)?,
            Command::FindDisputes { payment_intent_id } => cx.look_up(Call::FindDisputes(payment_intent_id)),
            Command::RetrieveDispute { dispute_id } => cx.look_up(Call::RetrieveDispute(dispute_id)),
            Command::CloseDispute { dispute_id } => self.close_dispute(&dispute_id, cx)?,
        }
        Ok(Trigger::Other)
    }

    fn retrieve(&mut self, given: Option<SubscriptionId>, cx: &mut Cx<'_>) -> Result<(), Stop> {
        if let Some(record) = &self.record {
            record.look_up(cx);
            return Ok(());
        }
        let id = given.ok_or(Stop::NotNow)?;
        // An open review about an earlier id that Flex did not find is withdrawn.
        cx.withdraw_all_about(&[Review::NotFound.as_str()], |_| true);
        self.adopt(id, cx);
        Ok(())
    }

    /// Looks up a subscription for the first time.
    pub(super) fn adopt(&mut self, id: SubscriptionId, cx: &mut Cx<'_>) {
        let record = SubscriptionRecord::adopted(id, cx.now());
        record.look_up(cx);
        self.record = Some(Box::new(record));
    }

    /// Whether a page for another payment method has this session.
    pub(super) fn has_page(&self, id: &CheckoutSessionId) -> bool {
        self.record.as_ref().is_some_and(|record| record.knows_page(id))
    }

    /// Whether a session is a page for another payment method.
    pub(super) fn is_page(&self, object: &SessionObject) -> bool {
        self.record.as_ref().is_some_and(|record| record.is_page(object))
    }

    fn update(&mut self, requested: UpdateSubscription, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let record = self.record.as_mut().ok_or(Stop::NotNow)?;
        match requested.cancel_at_period_end {
            Some(flag) => {
                let clears_end = !flag && requested.extra.is_empty() && record.ends_at_instant();
                record.update(UpdateEnd { extra: requested.extra, clears_end, ..UpdateEnd::new(flag) }, cx);
            }
            None => record.change(requested, cx),
        }
        Ok(())
    }

    fn cancel(&mut self, mut requested: CancelSubscription, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let named = requested.subscription_id.take();
        let is_main = |id: &SubscriptionId| self.record.as_ref().is_some_and(|record| record.id() == id);
        if let Some(other) = named.filter(|id| !is_main(id)) {
            return self.others.find(Some(other.as_str())).ok_or(Stop::NotNow)?.cancel(requested, cx);
        }
        let record = self.record.as_mut().filter(|record| record.can_end()).ok_or(Stop::NotNow)?;
        match requested.cancel_at_period_end {
            Some(true) => record.update(UpdateEnd { extra: requested.extra, ..UpdateEnd::new(true) }, cx),
            _ => record.cancel(requested, cx),
        }
        Ok(())
    }
}
