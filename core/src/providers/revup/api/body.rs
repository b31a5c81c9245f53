//! The bodies of the requests to Revup. They are written as text, so that every amount keeps its digits.

use alloc::string::String;

use serde::Serialize;

use super::calls::{CreateSubscription, RedirectUrl, RefundPayment};
use crate::providers::revup::amount::Amount;
use crate::providers::revup::ids::{OrderId, Token, TransactionId};
use crate::value::{Extra, RawJson, RawNumber};

/// The body of a create request. The fields are in the order of the documents, and the amount keeps its digits.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: &'a Option<Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_transaction_id: &'a Option<TransactionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_order_id: &'a Option<OrderId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_id: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_subscription_url: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_url: &'a Option<RedirectUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_information: &'a Option<RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overwrite: Option<OverwriteBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concept: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_tag: &'a Option<String>,
    #[serde(rename = "threeDSSupport", skip_serializing_if = "Option::is_none")]
    three_ds_support: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_details: &'a Option<RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    money: &'a Option<RawJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_token: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification_url: &'a Option<String>,
    #[serde(flatten)]
    extra: &'a Extra,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OverwriteBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_amount: Option<RawNumber>,
}

#[derive(Serialize)]
pub(super) struct RefundBody<'a> {
    money: MoneyBody<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten)]
    extra: &'a Extra,
}

/// An amount, whose digits are sent as they were given, and its currency.
#[derive(Serialize)]
pub(crate) struct MoneyBody<'a> {
    amount: Option<RawNumber>,
    currency: &'a str,
}

impl<'a> MoneyBody<'a> {
    pub(crate) fn of(amount: &Amount, currency: &'a str) -> Self {
        Self { amount: amount.to_number(), currency }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cancellation_detail: Option<&'a str>,
}

impl CreateSubscription {
    pub(super) fn body(&self) -> CreateBody<'_> {
        let overwrite = self
            .overwrite
            .as_ref()
            .map(|it| OverwriteBody { initial_amount: it.initial_amount.as_ref().and_then(Amount::to_number) });
        CreateBody {
            token_id: &self.token_id,
            parent_transaction_id: &self.parent_transaction_id,
            parent_order_id: &self.parent_order_id,
            plan_id: &self.plan_id,
            currency: &self.currency,
            event_subscription_url: &self.event_subscription_url,
            redirect_url: &self.redirect_url,
            user_information: &self.user_information,
            overwrite,
            concept: &self.concept,
            description: &self.description,
            domain: &self.domain,
            custom_tag: &self.custom_tag,
            three_ds_support: self.three_ds_support,
            payment_details: &self.payment_details,
            money: &self.money,
            generate_token: self.generate_token,
            notification_url: &self.notification_url,
            extra: &self.extra,
        }
    }
}

impl RefundPayment {
    pub(super) fn body(&self) -> RefundBody<'_> {
        let money = MoneyBody::of(&self.amount, &self.currency);
        RefundBody { money, reason: self.reason.as_deref(), extra: &self.extra }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{decode, encode};

    /// The request as the documents print it, without spaces. Members of objects that the library does not know are
    /// sorted.
    const SEED: &str = concat!(
        r#"{"tokenId":"fc44c6f8-6f92-43ab-98ea-3302b7586e7c","#,
        r#""parentTransactionId":"eebebc0b-dd2f-44c4-a8a8-743ff731a4a1","#,
        r#""parentOrderId":"80105327-c24a-4e52-9648-08f85f89061f","planId":"4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee","#,
        r#""currency":"EUR","eventSubscriptionUrl":"https://2ec7-54-73-197-22.ngrok-free.app/events","#,
        r#""redirectUrl":{"success":"https://2ec7-54-73-197-22.ngrok-free.app/success?text=123456","#,
        r#""fail":"https://2ec7-54-73-197-22.ngrok-free.app/failed"},"#,
        r#""userInformation":{"country":"ES","email":"testing.subscriptions@macropay.com","ip":"62.57.181.213","#,
        r#""language":"ES"},"overwrite":{"initialAmount":111.99},"concept":"subscription with token concept","#,
        r#""description":"subscription with token description","domain":"https://www.merchant.com","customTag":"Test"}"#,
    );

    #[test]
    fn the_request_in_the_documents_is_sent_byte_for_byte() {
        let command: CreateSubscription = decode(SEED).unwrap();
        assert_eq!(encode(&command.body()), SEED);
        let saved: CreateSubscription = decode(&encode(&command)).unwrap();
        assert_eq!(encode(&saved.body()), SEED);
    }

    #[test]
    fn numbers_keep_their_digits_on_their_way_through_a_snapshot() {
        let odd = SEED.replace("111.99", "111.90").replace(r#""ip":"62.57.181.213","#, r#""ip":1.10,"#);
        let saved: CreateSubscription = decode(&encode(&decode::<CreateSubscription>(&odd).unwrap())).unwrap();
        assert_eq!(encode(&saved.body()), odd);
        let refund = r#"{"transactionId":"t-1","amount":30.0,"currency":"EUR","reason":"broken"}"#;
        let saved: RefundPayment = decode(&encode(&decode::<RefundPayment>(refund).unwrap())).unwrap();
        assert_eq!(encode(&saved.body()), r#"{"money":{"amount":30.0,"currency":"EUR"},"reason":"broken"}"#);
    }
}
