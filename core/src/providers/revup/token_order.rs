//! The order that makes a token: its checked request, and the reply. It needs no snapshot, because an order that nobody
//! pays costs nothing and expires.
//!
//! The customer pays the order in Revup's form. The callback then has the token, the transaction and the order
//! ([`callback`](super::callback)), and [`CreateSubscription::paid_by`] takes all three.

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::amount::{Amount, Decimal, is_currency, places_of, why_no_currency};
use super::api::body::MoneyBody;
use super::api::calls::{CREDENTIAL, CreateSubscription, RedirectUrl};
use super::api::refusal::{OtherMembers, refusal};
use super::callback::Parent;
use super::ids::{OrderId, TransactionId};
use super::order::{OrderError, Recurrence, Sequence};
use super::rules::Rule;
use crate::config::revup::Settings;
use crate::effect::{Request, Retry};
use crate::flow::{Refusal, Reply};
use crate::json::{lenient, read_body};
use crate::providers::checked::{Checked, Violations};
use crate::rule::CoreRule;
use crate::snapshot::Rejection;
use crate::url::{is_absolute, why_not_secure};
use crate::value::{Extra, RawJson, clash};

/// The order whose payment makes a token.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct TokenOrder {
    /// The amount of the payment.
    pub money: Option<OrderMoney>,
    /// Whether the payment makes a token.
    pub generate_token: Option<bool>,
    /// The place of the order in a series of payments. Only the first one makes a token.
    pub sequence: Option<Sequence>,
    /// The number of days between two payments of the series.
    pub min_period: Option<i64>,
    /// The transaction of the first order of the series.
    pub parent_transaction_id: Option<TransactionId>,
    /// Where the customer returns to, and where Revup sends the callback with the token.
    pub redirect_url: Option<RedirectUrl>,
    /// Where Revup posts notifications about the transactions of the order.
    pub notification_url: Option<String>,
    /// The customer, in Revup's own format.
    pub user_information: Option<RawJson>,
    /// A short text for the statement.
    pub concept: Option<String>,
    /// A longer description.
    pub description: Option<String>,
    /// Fields that the library does not know.
    pub extra: Extra,
}

/// An amount with its currency, as Revup writes both.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OrderMoney {
    /// The amount, in the main unit of the currency, as a number or as a string: `"9.98"` is 9 euros and 98 cents. Its
    /// digits are sent unchanged.
    pub amount: Amount,
    /// The currency.
    pub currency: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderBody<'a> {
    money: Option<MoneyBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_token: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_period: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_transaction_id: &'a Option<TransactionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: &'a Option<RedirectUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification_url: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_information: &'a Option<RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concept: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: &'a Option<String>,
    #[serde(flatten)]
    extra: &'a Extra,
}

impl TokenOrder {
    /// An order over an amount, whose payment makes a token.
    pub fn new(amount: Amount, currency: &str) -> Self {
        let money = Some(OrderMoney { amount, currency: currency.into() });
        Self { money, generate_token: Some(true), ..Self::default() }
    }

    /// The same order with the two pages to return to.
    #[must_use]
    pub fn returning_to(self, success: &str, fail: &str) -> Self {
        let (success, fail) = (Some(success.into()), Some(fail.into()));
        Self { redirect_url: Some(RedirectUrl { success, fail, three_ds_challenge_result: None }), ..self }
    }

    /// The first field of any order that Revup would not accept, whether or not its payment makes a token.
    ///
    /// # Errors
    ///
    /// The field that is wrong or contradicts the others.
    pub fn check(&self) -> Result<(), OrderError> {
        let amount = self.money.as_ref().map(|it| (it.amount.decimal(), it.currency.as_str()));
        if let Some((amount, currency)) = amount {
            if !is_currency(currency) {
                return Err(OrderError { pointer: "/money/currency", reason: "must be three capital letters" });
            }
            if !amount.is_some_and(|it| is_payable(it, currency)) {
                let reason = "must be more than 0, with no more decimals than its currency";
                return Err(OrderError { pointer: "/money/amount", reason });
            }
        }
        let Self { generate_token, sequence, min_period, parent_transaction_id, .. } = self.clone();
        Recurrence { generate_token, sequence, min_period, parent_transaction_id }.check()
    }

    /// Checks the order, and builds the request that creates it.
    ///
    /// ```
    /// use rulebound::revup::{Amount, Environment, Settings, token_order::TokenOrder};
    /// let settings = Settings::of(Environment::Test);
    /// let order = TokenOrder::new(Amount::new("9.98"), "EUR").returning_to("https://shop.example/ok", "https://shop.example/no");
    /// assert_eq!(order.request(&settings).unwrap().request.url, "https://test.api.macropay.com/v2/orders");
    /// let rejected = order.request(&Settings::default()).unwrap_err();
    /// assert_eq!(rejected.violations[0].rule.code, "revup.url.server-chosen");
    /// ```
    ///
    /// # Errors
    ///
    /// [`Rejection`] with every rule that the request would break.
    pub fn request(&self, settings: &Settings) -> Result<Checked, Rejection> {
        let mut violations = Violations::default();
        violations.check(settings.base_url().is_some(), Rule::UrlServerChosen, "");
        self.check_money(&mut violations);
        violations.check(self.generate_token == Some(true), Rule::OrderGenerateToken, "/generateToken");
        let makes_token = matches!(self.sequence, None | Some(Sequence::Initial));
        violations.check(makes_token && self.parent_transaction_id.is_none(), Rule::OrderMakesToken, "/sequence");
        violations.check(self.min_period.is_none_or(|days| days >= 1), Rule::OrderMinPeriod, "/minPeriod");
        let pages = self.redirect_url.as_ref();
        for (pointer, page) in [
            ("/redirectUrl/success", pages.and_then(|it| it.success.as_deref())),
            ("/redirectUrl/fail", pages.and_then(|it| it.fail.as_deref())),
        ] {
            let is_good = page.is_some_and(is_absolute);
            violations.check_because(is_good, Rule::OrderRedirectUrls, pointer, || why_not_secure(pointer, page));
        }
        let request = self.build(settings);
        let duplicate = request.body.as_deref().and_then(clash);
        let name = duplicate.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        violations.check(duplicate.is_none(), CoreRule::KnownField, format!("/extra/{name}"));
        violations.finish(request)
    }

    fn build(&self, settings: &Settings) -> Request {
        let url = format!("{}/orders", settings.base_url().unwrap_or_default());
        // An order that nobody pays costs nothing, and expires.
        Request::new("POST", url, CREDENTIAL).with_json(&self.body()).alone(Retry::Harmless)
    }

    fn check_money(&self, violations: &mut Violations) {
        let amount = self.money.as_ref().and_then(|it| it.amount.decimal());
        let currency = self.money.as_ref().map_or("", |it| it.currency.as_str());
        let fits = amount.is_some_and(|it| is_payable(it, currency));
        violations.check(fits, Rule::OrderMoney, "/money/amount");
        let is_good = is_currency(currency);
        violations.check_because(is_good, Rule::OrderMoney, "/money/currency", || why_no_currency(currency));
    }

    fn body(&self) -> OrderBody<'_> {
        OrderBody {
            money: self.money.as_ref().map(|it| MoneyBody::of(&it.amount, &it.currency)),
            generate_token: self.generate_token,
            sequence: self.sequence.as_ref().map(Sequence::as_str),
            min_period: self.min_period,
            parent_transaction_id: &self.parent_transaction_id,
            redirect_url: &self.redirect_url,
            notification_url: &self.notification_url,
            user_information: &self.user_information,
            concept: &self.concept,
            description: &self.description,
            extra: &self.extra,
        }
    }
}

fn is_payable(amount: Decimal, currency: &str) -> bool {
    !amount.is_negative() && !amount.is_zero() && amount.places() <= places_of(currency)
}

/// What the reply to `POST /orders` says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrderReply {
    /// Revup created the order. It expires an hour after its creation if nobody pays it.
    Created {
        /// The order.
        order_id: OrderId,
    },
    /// Revup refused the order.
    Refused {
        /// Revup's error code, with its leading zeros.
        code: Option<String>,
        /// Revup's message.
        message: Option<String>,
    },
    /// The reply proves nothing. The request can be sent again: an order that nobody pays expires.
    Unknown,
}

impl OrderReply {
    /// Reads the reply. Only a success with the id of the order shows that the order exists.
    pub fn read(status: u16, body: &[u8]) -> Self {
        // No document prints the reply. Every other reply calls the order `orderId`.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            #[serde(default, alias = "id", deserialize_with = "lenient")]
            order_id: Option<OrderId>,
            #[serde(default)]
            error: Option<RawJson>,
        }
        if (200..300).contains(&status) {
            let order = read_body::<Body>(body).filter(|it| it.error.is_none()).and_then(|it| it.order_id);
            return order.map_or(Self::Unknown, |order_id| Self::Created { order_id });
        }
        let is_refusal =
            (400..500).contains(&status) && !matches!(status, 401 | 403 | 407 | 408 | 409 | 425 | 429 | 499);
        let refused = refusal::<()>(&Reply { status, body }, OtherMembers::Transactions).filter(|_| is_refusal);
        match refused {
            Some((Refusal { code, message, undecided: false, .. }, _)) => Self::Refused { code, message },
            _ => Self::Unknown,
        }
    }
}

impl CreateSubscription {
    /// The same subscription on the stored card of a paid order, with the three ids of its callback.
    #[must_use]
    pub fn paid_by(self, parent: Parent) -> Self {
        self.on_token(parent.token_id, parent.parent_transaction_id, parent.parent_order_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::revup::Environment;
    use crate::json::decode;
    use crate::providers::revup::callback::Callback;
    use crate::rule::Violation;

    fn codes(violations: &[Violation]) -> alloc::vec::Vec<(&str, &str)> {
        violations.iter().map(|it| (it.rule.code, it.pointer.as_ref())).collect()
    }

    fn ordered(json: &str) -> Result<Checked, Rejection> {
        decode::<TokenOrder>(json).unwrap().request(&Settings::of(Environment::Test))
    }

    #[test]
    fn the_order_of_the_page_makes_a_token_once_it_asks_for_one() {
        let printed = r#"{"money":{"amount":0.95,"currency":"USD"},"description":"New order from merchant",
            "concept":"Order concept","notificationUrl":"https://www.merchant-domain.es/notification",
            "redirectUrl":{"success":"www.merchant-domain.es/success","fail":"www.merchant-domain.es/fail"}}"#;
        let rejected = ordered(printed).unwrap_err();
        assert_eq!(codes(&rejected.violations)[0], ("revup.order.generate-token", "/generateToken"));
        let asked = printed.replacen('{', r#"{"generateToken":true,"sequence":"initial","minPeriod":30,"#, 1);
        let Checked { request, warnings } = ordered(&asked).unwrap();
        assert_eq!((request.method, &*request.url), ("POST", "https://test.api.macropay.com/v2/orders"));
        assert_eq!((request.retry, request.sending, &*request.idempotency_key), (Retry::Harmless, 0, ""));
        let body = request.body.unwrap();
        assert!(
            body.starts_with(r#"{"money":{"amount":0.95,"currency":"USD"},"generateToken":true,"sequence":"initial""#)
        );
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }

    #[test]
    fn every_broken_rule_is_named() {
        let good = r#""redirectUrl":{"success":"https://a.example","fail":"https://b.example"},"generateToken":true"#;
        let money = r#""money":{"amount":"9.98","currency":"EUR"}"#;
        assert_eq!(ordered(&format!("{{{good},{money}}}")).map(|it| it.warnings.len()), Ok(0));
        for (fields, code, pointer) in [
            (r#""money":{"amount":"9.981","currency":"EUR"}"#.into(), "revup.order.money", "/money/amount"),
            (r#""money":{"amount":0,"currency":"EUR"}"#.into(), "revup.order.money", "/money/amount"),
            (r#""money":{"amount":9,"currency":"eur"}"#.into(), "revup.order.money", "/money/currency"),
            (format!(r#"{money},"sequence":"recurring""#), "revup.order.makes-token", "/sequence"),
            (format!(r#"{money},"parentTransactionId":"t-1""#), "revup.order.makes-token", "/sequence"),
            (format!(r#"{money},"minPeriod":0"#), "revup.order.min-period", "/minPeriod"),
            (
                format!(r#"{money},"extra":{{"generateToken":false}}"#),
                "rulebound.extra.known-field",
                "/extra/generateToken",
            ),
        ] {
            let rejected = ordered(&format!("{{{good},{fields}}}")).unwrap_err();
            assert_eq!(codes(&rejected.violations), [(code, pointer)], "{fields}");
        }
    }

    #[test]
    fn any_order_is_checked_by_the_fields_that_it_has() {
        let wrong = |json: &str| decode::<TokenOrder>(json).unwrap().check().err().map(|it| it.pointer);
        assert_eq!(wrong("{}"), None);
        assert_eq!(wrong(r#"{"money":{"amount":9.98,"currency":"EUR"},"description":"One month"}"#), None);
        assert_eq!(wrong(r#"{"money":{"amount":0,"currency":"EUR"}}"#), Some("/money/amount"));
        assert_eq!(wrong(r#"{"money":{"amount":"1.5","currency":"JPY"}}"#), Some("/money/amount"));
        assert_eq!(wrong(r#"{"money":{"amount":1,"currency":"eur"}}"#), Some("/money/currency"));
        assert_eq!(
            wrong(r#"{"money":{"amount":1,"currency":"EUR"},"sequence":"final"}"#),
            Some("/parentTransactionId")
        );
    }

    #[test]
    fn only_a_success_with_the_id_shows_the_order() {
        let order = OrderReply::Created { order_id: OrderId::parse("o-1").unwrap() };
        assert_eq!(OrderReply::read(200, br#"{"orderId":"o-1"}"#), order);
        assert_eq!(OrderReply::read(201, br#"{"id":"o-1","error":null}"#), order);
        let refused = OrderReply::Refused { code: Some("0300".into()), message: None };
        assert_eq!(OrderReply::read(400, br#"{"error":{"code":"0300"}}"#), refused);
        for (status, body) in [
            (200, r#"{"orderId":"o-1","error":{"code":"0300"}}"#),
            (200, "{}"),
            (200, "ok"),
            (500, r#"{"error":{"code":"0900"}}"#),
            (403, r#"{"error":{"code":"0300"}}"#),
            (400, "no"),
        ] {
            assert_eq!(OrderReply::read(status, body.as_bytes()), OrderReply::Unknown, "{status} {body}");
        }
    }

    #[test]
    fn the_ids_of_the_paid_order_create_the_subscription() {
        let callback = br#"[{"orderId":"o-1","transactionId":"t-1","transactionStatus":"success","tokenId":"k-1"}]"#;
        let parent = Callback::read(callback).unwrap().parent.unwrap();
        let command = CreateSubscription::new("p-1", "EUR", "https://shop.example/events").paid_by(parent);
        assert_eq!(command.parent_order_id, OrderId::parse("o-1").ok());
        assert!(command.token_id.is_some() && command.parent_transaction_id.is_some());
    }
}
