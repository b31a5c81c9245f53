//! `create_checkout_session`: the operation that both flows share, and the rules of its fields.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::calls::CREATE_SESSION;
use super::item::{Cart, CouponData, LineItem};
use super::session_parts::{Discount, Fee, ShippingOptions, TaxRate};
use crate::config::flex::Settings;
use crate::flow::{Flow, Rules};
use crate::id::Digest;
use crate::json::encode;
use crate::money::Cents;
use crate::providers::flex::Flex;
use crate::providers::flex::rules::Rule;
use crate::rule::{CoreRule, UnblockedBy};
use crate::url::{is_absolute, is_local, why_not_public, why_not_secure};
use crate::value::{Extra, RawJson, open_enum, setters};

open_enum! {
    /// The purpose of a session.
    pub enum Mode {
        /// One payment.
        Payment = "payment",
        /// A subscription.
        Subscription = "subscription",
        /// A payment while the customer is absent.
        OffSession = "off_session",
        /// Storing a payment method.
        Setup = "setup",
        /// Reimbursement of a purchase made elsewhere, for invited merchants only.
        Reimbursement = "reimbursement",
    }
}

impl Mode {
    /// Whether your backend knows the total of the session.
    pub(crate) const fn has_total(&self) -> bool {
        !matches!(self, Self::Setup | Self::Reimbursement)
    }
}

open_enum! {
    /// When Flex captures the payment.
    pub enum CaptureMethod {
        /// At the time of payment.
        Automatic = "automatic",
        /// Later, by `capture_payment`.
        Manual = "manual",
    }
}

/// `create_checkout_session`: create a checkout session at Flex.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCreateCheckoutSessionFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreateCheckoutSession {
    /// The items that the session sells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line_items: Vec<LineItem>,
    /// The purpose of the session.
    pub mode: Mode,
    /// Where Flex sends the customer after the checkout. It may contain `{CHECKOUT_SESSION_ID}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_url: Option<String>,
    /// Where Flex sends the customer after a cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<String>,
    /// Your own reference, which Flex returns. Without it, the library sends the key of the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_reference_id: Option<String>,
    /// The total of your order, in cents. The library does not send it, but compares the created session with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Cents>,
    /// When Flex captures the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_method: Option<CaptureMethod>,
    /// The id of the customer, if Flex knows the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The stored payment method to charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<String>,
    /// `off_session`, to store the payment method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_future_use: Option<String>,
    /// The customer's data to fill in, in Flex's own format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<RawJson>,
    /// Whether the customer may enter a promotion code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_promotion_codes: Option<bool>,
    /// The discounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discounts: Option<Vec<Discount>>,
    /// The tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
    /// Whether Flex asks for an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address_collection: Option<bool>,
    /// The shipping costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_options: Option<ShippingOptions>,
    /// The fees to add.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fees: Option<Vec<Fee>>,
    /// Settings of the subscription, in Flex's own format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_data: Option<RawJson>,
    /// Your own data, which Flex stores with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<RawJson>,
    /// Text that the customer reads, in Flex's own format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_text: Option<RawJson>,
    /// Whether one session may create several subscriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiple_subscriptions: Option<bool>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

setters!(CreateCheckoutSession {
    cancel_url: String,
    client_reference_id: String,
    capture_method: CaptureMethod,
    customer: String,
    payment_method: String,
    setup_future_use: String,
    defaults: RawJson,
    allow_promotion_codes: bool,
    discounts: Vec<Discount>,
    tax_rate: TaxRate,
    shipping_address_collection: bool,
    shipping_options: ShippingOptions,
    fees: Vec<Fee>,
    subscription_data: RawJson,
    metadata: RawJson,
    custom_text: RawJson,
    multiple_subscriptions: bool,
    extra: Extra,
});

impl CreateCheckoutSession {
    /// A checkout session for some items, with the total of your order.
    pub fn new(mode: Mode, line_items: Vec<LineItem>, expected_total: Cents, success_url: &str) -> Self {
        let (expected_total, success_url) = (Some(expected_total), Some(success_url.into()));
        Self { line_items, success_url, expected_total, ..Self::of(mode) }
    }

    /// A session in which a customer whom Flex knows gives another payment method.
    pub fn setup(customer: &str, success_url: &str) -> Self {
        let (customer, success_url) = (Some(customer.into()), Some(success_url.into()));
        Self { customer, success_url, ..Self::of(Mode::Setup) }
    }

    fn of(mode: Mode) -> Self {
        Self {
            line_items: Vec::new(),
            mode,
            success_url: None,
            cancel_url: None,
            client_reference_id: None,
            expected_total: None,
            capture_method: None,
            customer: None,
            payment_method: None,
            setup_future_use: None,
            defaults: None,
            allow_promotion_codes: None,
            discounts: None,
            tax_rate: None,
            shipping_address_collection: None,
            shipping_options: None,
            fees: None,
            subscription_data: None,
            metadata: None,
            custom_text: None,
            multiple_subscriptions: None,
            extra: Extra::default(),
        }
    }

    /// The fingerprint of all fields.
    pub(crate) fn content(&self) -> Digest {
        Digest::of([encode(self).as_bytes()])
    }

    /// Checks the fields against the rules that do not depend on the state.
    pub(crate) fn check<F: Flex>(&self, rules: &mut Rules<'_, F>) {
        rules.check(Rule::CheckoutModeKnown, self.mode.is_known()).at("/mode");
        let other = self.mode.is_known() && (self.mode == Mode::Subscription) != F::SUBSCRIBES;
        let until = UnblockedBy::action_of(F::OTHER, CREATE_SESSION.name);
        let detail = || of_other_flow::<F>(&self.mode);
        rules.check(CoreRule::OtherFlow, !other).at("/mode").unblocked_by(until).because(detail);
        if !other {
            self.check_contents(rules);
        }
    }

    /// Checks the fields of a session whose mode fits the flow.
    pub(crate) fn check_contents<F: Flow<Settings = Settings>>(&self, rules: &mut Rules<'_, F>) {
        let invited = self.mode != Mode::Reimbursement;
        rules
            .warn(Rule::CheckoutModeKnown, invited)
            .at("/mode")
            .because(|| "Only merchants that Flex has invited can use `reimbursement`.".into());
        self.check_urls(rules);
        let settings = rules.settings();
        let cart = Cart::new(&self.line_items, settings);
        let sells = !matches!(self.mode, Mode::Setup | Mode::Unknown(_));
        rules.check(Rule::CheckoutLineItemsRequired, !sells || !self.line_items.is_empty()).at("/line_items");
        cart.check(self.mode == Mode::Reimbursement, rules);
        self.check_mode(&cart, rules);
        self.check_amounts(rules);
        self.check_total(&cart, rules);
        check_metadata(self.metadata.as_ref(), "/metadata", rules);
        rules.check_extra::<Self>(&self.extra);
    }

    fn check_urls<F: Flow<Settings = Settings>>(&self, rules: &mut Rules<'_, F>) {
        let success = self.success_url.as_deref().unwrap_or_default();
        rules
            .check(Rule::CheckoutSuccessUrlRequired, !success.is_empty())
            .at("/success_url")
            .because(|| why_not_secure("/success_url", None));
        let is_live = rules.settings().test_mode == Some(false);
        let cancel = self.cancel_url.as_deref().unwrap_or_default();
        for (url, pointer) in [(success, "/success_url"), (cancel, "/cancel_url")] {
            let is_public = is_absolute(url) && !(is_live && is_local(url));
            let check = rules.check(Rule::CheckoutUrlsPublic, url.is_empty() || is_public).at(pointer);
            check.because(|| why_not_public(pointer, url));
        }
    }

    fn check_mode<F: Flow<Settings = Settings>>(&self, cart: &Cart<'_>, rules: &mut Rules<'_, F>) {
        let several = self.multiple_subscriptions == Some(true);
        let subscribes = self.mode == Mode::Subscription;
        rules.check(Rule::CheckoutMultipleSubscriptionsOptIn, !several || subscribes).at("/multiple_subscriptions");
        let method = self.capture_method.as_ref();
        rules.check(Rule::CheckoutCaptureMethodKnown, method.is_none_or(CaptureMethod::is_known)).at("/capture_method");
        match self.mode {
            Mode::Subscription => {
                let recurs = self.line_items.is_empty() || cart.may_recur();
                rules.check(Rule::CheckoutSubscriptionNeedsRecurringPrice, recurs).at("/line_items");
                rules.check(Rule::CheckoutMixedItems, !cart.is_mixed()).at("/line_items");
                rules.check(Rule::CheckoutMixedIntervals, several || cart.has_one_period()).at("/line_items");
                rules.check(Rule::CheckoutSubscriptionEligibility, !cart.needs_no_letter()).at("/line_items");
                let held = method == Some(&CaptureMethod::Manual);
                rules.check(Rule::CheckoutManualCaptureSubscription, !held).at("/capture_method");
            }
            Mode::Payment | Mode::OffSession => {
                let recurs = cart.first_recurring();
                rules.check(Rule::CheckoutPaymentForbidsRecurring, recurs.is_none()).at("/line_items");
                if self.mode == Mode::OffSession {
                    let named = self.customer.is_some() && self.payment_method.is_some();
                    rules.check(Rule::CheckoutOffSessionCustomer, named);
                    rules.check(Rule::CheckoutOffSessionNoSplit, !cart.is_split()).at("/line_items");
                }
            }
            Mode::Setup => {
                let plain = self.line_items.is_empty() && self.customer.is_some();
                rules.check(Rule::CheckoutSetupNoLineItems, plain);
            }
            Mode::Reimbursement | Mode::Unknown(_) => {}
        }
    }

    /// The total that the session must have, if every part of it is known.
    pub(crate) fn computed_total(&self, cart: &Cart<'_>) -> Option<Cents> {
        let shipping = match &self.shipping_options {
            None => Cents::ZERO,
            Some(it) => it.shipping_rate_data.as_ref()?.amount,
        };
        let plain = self.discounts.as_ref().is_none_or(Vec::is_empty) && self.extra.is_empty() && self.mode.has_total();
        let fees = self.fees.iter().flatten().fold(Cents::ZERO, |sum, fee| sum.plus(fee.amount));
        let tax = self.tax_rate.map_or(Cents::ZERO, |tax| tax.amount);
        cart.subtotal().filter(|_| plain).map(|it| it.plus(shipping).plus(fees).plus(tax))
    }

    /// Whether the subscription may begin with a trial, in which nothing is due.
    pub(crate) fn may_be_free(&self, cart: &Cart<'_>) -> bool {
        let data = self.subscription_data.as_ref().and_then(RawJson::read::<BTreeMap<String, RawJson>>);
        let is_trial = |(name, value): (&String, &RawJson)| name.starts_with("trial") && !value.is_null();
        let own_trial = data.is_some_and(|data| data.iter().any(is_trial));
        self.mode == Mode::Subscription && (cart.has_trial() || cart.is_in_part_unknown() || own_trial)
    }

    /// Compares the expected total with the prices, if every price is known and nothing else explains a difference.
    fn check_total<F: Flow<Settings = Settings>>(&self, cart: &Cart<'_>, rules: &mut Rules<'_, F>) {
        let computed = self.computed_total(cart);
        let can_compare = self.expected_total.or(computed).is_some() || !self.mode.has_total() || !self.mode.is_known();
        let check = rules.warn(Rule::CheckoutAmountEqualsOrder, can_compare).at("/expected_total");
        check.because(|| "Set `expected_total`, so that the total of the session can be compared with it.".into());
        // Flex takes the money at once, so a wrong price would be seen only afterwards.
        let is_known_before = self.mode != Mode::OffSession || self.expected_total.is_none() || computed.is_some();
        let check = rules.warn(Rule::CheckoutAmountEqualsOrder, is_known_before).at("/expected_total");
        check.because(|| {
            "The total is compared only after the charge, unless `flex.prices` of the config names every price.".into()
        });
        let (Some(total), Some(computed)) = (self.expected_total, computed) else { return };
        let is_plain = !self.may_be_free(cart) && self.allow_promotion_codes != Some(true);
        let detail = || format!("The parts add up to {computed} cents, but `expected_total` is {total} cents.");
        rules
            .check(Rule::CheckoutAmountEqualsOrder, !is_plain || total >= computed)
            .at("/expected_total")
            .because(detail);
        // Flex may add a fee of its own, so a higher total only warns.
        rules
            .warn(Rule::CheckoutAmountEqualsOrder, !is_plain || total <= computed)
            .at("/expected_total")
            .because(detail);
    }

    fn check_amounts<F: Flow<Settings = Settings>>(&self, rules: &mut Rules<'_, F>) {
        let computed = self.tax_rate.is_none_or(|tax| tax.amount >= Cents::ZERO);
        rules.check(Rule::CheckoutTaxIsCallerComputed, computed).at("/tax_rate/amount");
        if let Some(it) = &self.shipping_options {
            let one = it.shipping_rate_id.is_some() != it.shipping_rate_data.is_some();
            rules.check(Rule::CheckoutShippingOneSource, one).at("/shipping_options");
        }
        let coupons = self.discounts.iter().flatten().filter_map(|it| it.coupon_data.as_ref());
        for rule in coupons.flat_map(CouponData::broken) {
            rules.check(rule, false).at("/discounts");
        }
    }
}

/// Why a session of this mode is not one of the flow, and whose it is.
pub(crate) fn of_other_flow<F: Flex>(mode: &Mode) -> String {
    let (mode, other, own) = (mode.as_str(), F::OTHER, F::ID);
    format!("A session with `mode={mode}` belongs to `{other}`; this snapshot is `{own}`.")
}

/// The member of the metadata in which Flex returns the key of a request.
pub(crate) const ECHO: &str = "rulebound_key";

/// Checks metadata: it must be an object, and cannot contain the library's own member.
pub(crate) fn check_metadata<F: Flow<Settings = Settings>>(
    metadata: Option<&RawJson>,
    pointer: &'static str,
    rules: &mut Rules<'_, F>,
) {
    let members = metadata.map(RawJson::read::<BTreeMap<String, RawJson>>);
    rules.check(Rule::MetadataObject, members.as_ref().is_none_or(Option::is_some)).at(pointer);
    let claimed = members.flatten().is_some_and(|it| it.contains_key(ECHO));
    rules
        .check(CoreRule::KnownField, !claimed)
        .at(pointer)
        .because(|| format!("The library sets `{ECHO}`. Remove it from the metadata."));
}

/// Adds the key of a request to its metadata, which Flex returns.
pub(crate) fn with_echo(metadata: &mut Option<RawJson>, idempotency_key: &str) {
    let members = metadata.as_ref().map_or_else(|| Some(BTreeMap::new()), RawJson::read);
    if let Some(mut members) = members {
        members.insert(String::from(ECHO), RawJson::of(idempotency_key));
        *metadata = Some(RawJson::of(&members));
    }
}

/// The key that a request's metadata carries.
pub(crate) fn echoed_key(metadata: Option<&RawJson>) -> Option<String> {
    metadata?.read::<BTreeMap<String, RawJson>>()?.get(ECHO)?.read()
}
