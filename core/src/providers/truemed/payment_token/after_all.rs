//! Charges that were made although they had been ended as not made.

use super::Context;
use super::state::{Charge, PaymentToken};
use crate::fact::Because;
use crate::flow::{AfterAll, Outcome};
use crate::providers::truemed::call::Call;
use crate::providers::truemed::replies::SessionCreated;
use crate::providers::truemed::session::Asked;
use crate::providers::truemed::session_request::CreatePaymentSession;
use crate::value::echoed;

impl PaymentToken {
    /// The late reply to a charge names its session: it is the charge, unless another one is on its way.
    pub(super) fn made_after_all(
        &mut self,
        it: &AfterAll<Call>,
        made: SessionCreated,
        cx: &mut Context<'_>,
    ) -> Result<(), Because> {
        let Some(command) = self.without_new_try(it, cx) else { return Ok(()) };
        if self.charge != Charge::Idle {
            self.settle_intent(command, Outcome::Done);
            return Ok(());
        }
        let (nth, items) = (self.count(), command.items());
        let metadata = echoed(&mut command.metadata.clone(), cx.key());
        let asked = Asked::of(command, command.cart(items), &metadata);
        self.charge = Charge::Requested { nth, asked, failed: None };
        self.settle_intent(command, Outcome::Open);
        self.open(made.id, made.redirect_url, cx)
    }

    /// A webhook shows that a charge is paid: it is not made again, and a person says what is delivered.
    pub(super) fn paid_though_ended(&mut self, it: &AfterAll<Call>, cx: &mut Context<'_>) {
        if let Some(command) = self.without_new_try(it, cx) {
            self.settle_intent(command, Outcome::Done);
        }
    }

    /// What was asked for; the new try that nobody has sent came to nothing.
    fn without_new_try<'a>(
        &mut self,
        it: &'a AfterAll<Call>,
        cx: &mut Context<'_>,
    ) -> Option<&'a CreatePaymentSession> {
        if let Some((again, _)) = &it.again {
            self.not_made(again, cx);
        }
        match &*it.call {
            Call::CreatePaymentSession(command) => Some(command),
            _ => None,
        }
    }

    fn settle_intent(&mut self, command: &CreatePaymentSession, outcome: Outcome) {
        if let Some(intent) = &command.intent {
            self.intents.settle(intent.as_str(), outcome);
        }
    }
}
