//! The payment method of a session that only takes one, which a later charge without the customer names.

use super::Sessions;
use super::session::Session;
use crate::flow::Cx;
use crate::providers::flex::Flex;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{SessionObject, SetupIntentObject};
use crate::providers::flex::api::session_request::Mode;
use crate::providers::flex::rules::Rule;

impl Session {
    /// Looks up the setup intent of a session with `mode=setup`, if the session does not show the payment method itself.
    pub(crate) fn look_up_payment_method<F: Flex>(&self, object: &SessionObject, cx: &mut Cx<'_, F>) {
        let is_wanted = object.mode == Some(Mode::Setup) && self.payment_method.is_none();
        if let Some(id) = object.setup_intent().filter(|_| is_wanted) {
            cx.look_up(Call::RetrieveSetupIntent(id));
        }
    }
}

impl Sessions {
    /// Applies the lookup of the setup intent. It only counts in the mode and for the customer of the session.
    pub(crate) fn note_setup_intent<F: Flex>(&mut self, object: &SetupIntentObject, cx: &mut Cx<'_, F>) {
        let settled = self.settled.clone();
        let Some(session) = settled.and_then(|id| self.find_mut(&id)) else { return };
        let customer = object.customer_id();
        let of_customer = session.customer.is_none() || customer.is_none() || session.customer == customer;
        let is_own = of_customer && object.test_mode.is_in_mode(cx.settings(), session.test_mode);
        cx.check(Rule::SetupIntentBelongs, is_own).at("/setup_intent");
        let shown = object.payment_method().filter(|_| is_own);
        session.payment_method = session.payment_method.take().or(shown);
    }
}
