//! The contents of a create request, and the checks of the session that Flex has created for it.

use alloc::format;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::session::Session;
use crate::config::flex::Settings;
use crate::flow::Cx;
use crate::id::Digest;
use crate::money::Cents;
use crate::providers::flex::Flex;
use crate::providers::flex::api::item::Cart;
use crate::providers::flex::api::objects::{SessionObject, Status};
use crate::providers::flex::api::session_request::{CaptureMethod, CreateCheckoutSession, Mode};
use crate::providers::flex::eligibility::assess;
use crate::providers::flex::ids::CustomerId;
use crate::providers::flex::reports::StoredItem;
use crate::providers::flex::rules::Rule;

/// The contents of a create request.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRequestedSession"))]
#[serde(deny_unknown_fields)]
pub(super) struct Requested {
    /// The fingerprint of the whole request.
    content: Digest,
    /// The requested mode.
    pub(super) mode: Mode,
    /// The expected total, or else the total of the catalog's prices, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<Cents>,
    /// The total of the items in cents, if every price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subtotal: Option<Cents>,
    /// Whether the subscription begins with a trial, or may. Nothing is due then.
    #[serde(default)]
    trial: bool,
    /// Whether an HSA or FSA card can pay, and whether a letter is needed, if the eligibility of every item is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    predicted: Option<(bool, bool)>,
    /// Whether the request only authorizes the payment.
    #[serde(default)]
    manual: bool,
    /// The customer, if the request names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
    /// The items, for the status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) items: Vec<StoredItem>,
}

impl Requested {
    /// The contents of a command.
    pub(super) fn of(command: &CreateCheckoutSession, settings: &Settings) -> Self {
        let cart = Cart::new(&command.line_items, settings);
        let assessed = cart.lines().map(|lines| assess(&lines));
        Self {
            content: command.content(),
            mode: command.mode.clone(),
            total: command
                .expected_total
                .or_else(|| command.computed_total(&cart))
                .filter(|_| command.mode.has_total()),
            subtotal: cart.subtotal().filter(|_| command.mode.has_total()),
            trial: command.may_be_free(&cart),
            predicted: assessed.map(|it| (it.hsa_fsa_eligible, it.letter_of_medical_necessity_required)),
            manual: command.capture_method == Some(CaptureMethod::Manual),
            customer: command.customer.as_ref().and_then(|it| CustomerId::parse(it).ok()),
            items: StoredItem::all_of(&command.line_items),
        }
    }

    /// The total that is expected, unless nothing may be due.
    pub(super) fn total(&self) -> Option<Cents> {
        self.total.filter(|_| !self.trial)
    }

    /// Whether a command requests the same.
    pub(super) fn is_for(&self, command: &CreateCheckoutSession) -> bool {
        self.content == command.content()
    }

    /// Whether nothing in a session differs from the request.
    pub(super) fn fits(&self, object: &SessionObject) -> bool {
        let free = self.trial && object.amount_total == Some(Cents::ZERO);
        let total = free || self.total.is_none() || object.amount_total.is_none() || self.total == object.amount_total;
        let customer = object.customer_id().is_none_or(|it| self.customer.as_ref().is_none_or(|have| *have == it));
        object.mode.as_ref().is_none_or(|mode| *mode == self.mode) && total && customer
    }

    /// Checks the session that Flex has created for the request.
    pub(super) fn check_created<F: Flex>(
        &self,
        object: &SessionObject,
        reference: &str,
        cx: &mut Cx<'_, F>,
    ) -> Session {
        let sound = self.is_sound(object, reference, cx);
        let attended = self.mode != Mode::OffSession && object.status == Some(Status::Open);
        cx.check(Rule::CheckoutHasRedirect, !attended || object.address().is_some())
            .at("/checkout_session/redirect_url");
        self.check_amounts(object, cx);
        let (manual, items, absent) = (self.manual, self.items.clone(), self.mode == Mode::OffSession);
        let free = self.total.filter(|_| self.trial).map(|_| Cents::ZERO);
        Session {
            own: true,
            content: Some(self.content),
            manual,
            sound,
            items,
            absent,
            agreed: free.into_iter().chain(self.total).collect(),
            ..Session::new(object.checkout_session_id.clone(), cx.now())
        }
    }

    /// Whether a session matches the request. The customer cannot be sent to another one.
    fn is_sound<F: Flex>(&self, object: &SessionObject, reference: &str, cx: &mut Cx<'_, F>) -> bool {
        let later = object.created_at.is_none_or(|made| object.expires_at.is_none_or(|end| end > made));
        cx.check(Rule::CheckoutExpiresAfterCreated, later).at("/checkout_session/expires_at");
        let same = object.mode.as_ref().is_none_or(|mode| *mode == self.mode)
            && object.client_reference_id.as_deref().is_none_or(|have| have == reference);
        cx.check(Rule::CheckoutModeMatches, same).at("/checkout_session");
        let free = self.trial && object.amount_total == Some(Cents::ZERO);
        let equal = free || self.total.is_none_or(|total| object.amount_total == Some(total));
        cx.check(Rule::CheckoutAmountEqualsOrder, equal).at("/checkout_session/amount_total").because(|| {
            let cents = |amount: Option<Cents>| amount.map_or_else(|| "unknown".into(), |it| format!("{it} cents"));
            let (session, order) = (cents(object.amount_total), cents(self.total));
            format!("The total of the session is {session}. The total of the order is {order}.")
        });
        later && same && equal
    }

    /// Compares the amounts and the eligibility of a new session with the request. A difference only warns.
    fn check_amounts<F: Flex>(&self, object: &SessionObject, cx: &mut Cx<'_, F>) {
        let adds_up =
            self.subtotal.is_none() || object.amount_subtotal.is_none() || object.amount_subtotal == self.subtotal;
        cx.check(Rule::CheckoutAmountSubtotalSum, adds_up).at("/checkout_session/amount_subtotal");
        if let (Some(subtotal), Some(total), false) = (object.amount_subtotal, object.amount_total, self.trial) {
            let details = object.total_details.clone().unwrap_or_default();
            let fees = object.fees.iter().flatten().filter(|fee| fee.applied != Some(false));
            let fees = fees.fold(Cents::ZERO, |sum, fee| sum.plus(fee.amount.unwrap_or_default()));
            let [off, tax, shipping] =
                [details.amount_discount, details.amount_tax, details.amount_shipping].map(Option::unwrap_or_default);
            let parts = subtotal.minus(off).plus(tax).plus(shipping).plus(fees);
            cx.check(Rule::CheckoutAmountTotalConsistent, parts == total).at("/checkout_session/amount_total");
        }
        if let Some((eligible, letter)) = self.predicted {
            let same = object.hsa_fsa_eligible.is_none_or(|it| it == eligible);
            // A letter on file may make another needless, but nothing makes a letter necessary.
            let needed = object.letter_of_medical_necessity_required != Some(true) || letter;
            cx.check(Rule::CheckoutEligibilityDerivation, same && needed).at("/checkout_session/hsa_fsa_eligible");
        }
    }
}
