//! `create_payment_session`, which both flows send, and the rules of its fields.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::order::{AmountDetails, Order, OrderItem, digest};
use crate::config::truemed::Settings;
use crate::flow::{Flow, Rules};
use crate::id::{Digest, Intent};
use crate::json::encode;
use crate::money::Cents;
use crate::providers::truemed::ids::Token;
use crate::providers::truemed::rules::Rule;
use crate::url::is_absolute;
use crate::value::{Extra, Metadata, open_enum, setters};

/// The only template that Truemed replaces in a URL.
const TEMPLATE: &str = "{{payment_session_id}}";

open_enum! {
    /// How Truemed takes the money of a session.
    pub enum Kind {
        /// Captured as soon as it is approved.
        OneTimePayment = "one_time_payment",
        /// Held, and captured or voided later.
        Authorization = "authorization",
    }
}

/// `create_payment_session`: start a checkout, or charge a stored payment method while the customer is away.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedCreatePaymentSessionFields"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CreatePaymentSession {
    /// The total that the customer pays, in cents. Only a free trial has 0.
    pub total_amount: Cents,
    /// The items that are sold.
    pub order_items: Vec<OrderItem>,
    /// Charges and discounts of the whole order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_details: Option<AmountDetails>,
    /// Where Truemed sends the customer after the checkout. It may contain `{{payment_session_id}}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_url: Option<String>,
    /// Where Truemed sends the customer after Cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_url: Option<String>,
    /// The customer's email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_email: Option<String>,
    /// The customer's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// The customer's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_state: Option<String>,
    /// A string that Truemed returns. The default is the key of the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// How Truemed takes the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Whether to store the payment method as a token too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenize: Option<bool>,
    /// The stored payment method to charge while the customer is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_token: Option<Token>,
    /// The first bill that the checkout of a free trial shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_next_bill_info: Option<NextBillInfo>,
    /// Whether `redirect_url` is for an iframe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_iframe: Option<bool>,
    /// The host's name for this charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// Fields that the library does not know.
    #[serde(default, skip_serializing_if = "Extra::is_empty")]
    pub extra: Extra,
}

/// The first bill after a free trial.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedNextBillInfo"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NextBillInfo {
    /// Its amount, in cents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_amount: Option<Cents>,
    /// Its date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

impl NextBillInfo {
    /// A bill of this amount on this date.
    pub fn new(total_amount: Cents, date: &str) -> Self {
        Self { total_amount: Some(total_amount), date: Some(date.into()) }
    }
}

setters!(CreatePaymentSession {
    amount_details: AmountDetails,
    success_url: String,
    failure_url: String,
    customer_email: String,
    customer_name: String,
    customer_state: String,
    metadata: Metadata,
    kind: Kind,
    tokenize: bool,
    payment_token: Token,
    display_next_bill_info: NextBillInfo,
    use_iframe: bool,
    intent: Intent,
    extra: Extra,
});

impl CreatePaymentSession {
    /// A checkout of some items.
    pub fn new(total_amount: Cents, order_items: Vec<OrderItem>) -> Self {
        Self { total_amount, order_items, ..Self::default() }
    }

    /// Whether the session charges a stored payment method while the customer is away.
    pub const fn is_charge(&self) -> bool {
        self.payment_token.is_some()
    }

    /// Whether the session belongs to the flow of the token that it charges or makes.
    pub const fn is_of_a_token(&self) -> bool {
        self.is_charge() || self.asks_for_token()
    }

    /// Whether the session makes a token.
    pub const fn asks_for_token(&self) -> bool {
        matches!(self.tokenize, Some(true))
    }

    /// The fingerprint of the items.
    pub(crate) fn items(&self) -> Digest {
        digest(&self.order_items)
    }

    /// The fingerprint of the cart: items, amounts and details.
    pub(crate) fn cart(&self, items: Digest) -> Digest {
        let of_lines = self.order_items.iter().filter(|it| it.amount_details.is_some());
        let of_order = self.amount_details.as_ref();
        let details = match of_order.is_some() || of_lines.clone().next().is_some() {
            true => encode(&(of_order, &self.order_items)),
            false => String::new(),
        };
        Digest::of([items.as_bytes(), self.total_amount.get().to_le_bytes().as_slice(), details.as_bytes()])
    }

    /// The fingerprint of the whole command.
    pub(crate) fn content(&self) -> Digest {
        Digest::of([encode(self).as_bytes()])
    }

    /// Checks the fields, as far as the state does not matter.
    pub(crate) fn check<F: Flow<Settings = Settings>>(&self, rules: &mut Rules<'_, F>) {
        let free_trial = self.total_amount == Cents::ZERO && self.asks_for_token();
        let details = self.amount_details.as_ref();
        Order { total: self.total_amount, items: &self.order_items, details, free_trial }.check(rules);
        self.check_trial(rules);
        self.check_urls(rules);
        self.check_kind(rules);
        let is_string = self.metadata.as_ref().is_none_or(|it| it.text().is_some());
        rules.check(Rule::MetadataString, is_string).at("/metadata");
        rules.check_extra::<Self>(&self.extra);
    }

    fn check_trial<F: Flow>(&self, rules: &mut Rules<'_, F>) {
        let trial = self.asks_for_token() && self.display_next_bill_info.is_some();
        rules.check(Rule::SessionZeroOnlyFreeTrial, self.total_amount != Cents::ZERO || trial).at("/total_amount");
        if let Some(info) = &self.display_next_bill_info {
            let is_complete = info.total_amount.is_some() && info.date.as_deref().is_some_and(|date| !date.is_empty());
            rules
                .check(Rule::SessionNextBillInfoShape, is_complete && self.asks_for_token())
                .at("/display_next_bill_info");
        }
    }

    fn check_urls<F: Flow>(&self, rules: &mut Rules<'_, F>) {
        let success = self.success_url.as_deref().unwrap_or_default();
        // A charge needs it too: Truemed sends the customer there after a repair of the card.
        rules.check(Rule::SessionSuccessUrlRequired, is_absolute(success)).at("/success_url");
        rules.check(Rule::SessionUrlTemplateExact, has_no_other_template(success)).at("/success_url");
        let failure = self.failure_url.as_deref().unwrap_or_default();
        let absolute = self.failure_url.is_none() || is_absolute(failure);
        rules.check(Rule::SessionFailureUrlAbsolute, absolute).at("/failure_url");
        rules.warn(Rule::SessionUrlTemplateExact, has_no_template(failure)).at("/failure_url");
    }

    fn check_kind<F: Flow<Settings = Settings>>(&self, rules: &mut Rules<'_, F>) {
        let Some(kind) = &self.kind else { return };
        rules.check(Rule::SessionKindValues, kind.is_known()).at("/kind");
        let enabled = rules.settings().kind_enabled;
        rules.check(Rule::SessionKindGated, enabled).at("/kind");
        let attended = !self.is_charge() || *kind != Kind::Authorization;
        rules.check(Rule::SessionAuthorizationNeedsCustomer, attended).at("/kind");
        // The config cannot soften it: no command can end this hold, and it would block every charge.
        let can_end = !self.asks_for_token() || *kind != Kind::Authorization;
        rules.check(Rule::SessionAuthorizationMakesNoToken, can_end).at("/kind").instead(&["create_payment_token"]);
    }
}

/// Whether a URL has no template.
pub(crate) fn has_no_template(url: &str) -> bool {
    !url.contains('{') || !url.contains("{{")
}

/// Whether every template in a URL is the one that Truemed replaces.
fn has_no_other_template(url: &str) -> bool {
    if !url.contains('{') {
        return true;
    }
    url.match_indices("{{").count() == url.match_indices(TEMPLATE).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_template_is_replaced() {
        assert!(has_no_other_template("https://shop.example/ok?id={{payment_session_id}}"));
        assert!(!has_no_other_template("https://shop.example/ok?id={{ payment_session_id }}"));
        assert!(!has_no_other_template("https://shop.example/{{payment_session_id}}/{{x}}"));
    }
}
