//! The commands of Revup.

use rulebound::revup::subscription::Command;
use rulebound::revup::{
    Amount, CreateSubscription, Overwrite, RedirectUrl, RefundPayment, Subscription, Token, TransactionId,
};
use rulebound::value::{Extra, RawJson};
use serde_json::json;

use super::{check_commands, commands, id};

const PLAN: &str = "fc44c6f8-6f92-43ab-98ea-3302b7586e7c";
const SUBSCRIPTION: &str = "0192b445-55a7-74af-a5d1-79ca6d2310f4";

fn extra() -> Extra {
    [("gift".to_owned(), RawJson::parse("true").unwrap())].into_iter().collect()
}

/// A subscription with every field that a subscription may have.
fn create() -> CreateSubscription {
    let pages = RedirectUrl::new("https://shop.example/ok", "https://shop.example/no");
    CreateSubscription::new(PLAN, "EUR", "https://shop.example/events")
        .on_token(id::<Token>("k-1"), id::<TransactionId>("t-1"), id("o-1"))
        .redirect_url(pages.three_ds_challenge_result("https://shop.example/3ds"))
        .user_information(json!({"email": "ada@example.com"}))
        .overwrite(Overwrite::initial_amount(Amount::new("9.98")))
        .concept("Box")
        .description("A box each month")
        .domain("shop.example")
        .custom_tag("a")
        .three_ds_support(false)
        .extra(extra())
}

/// The same with the fields that only an order may have, which a rule rejects by name.
fn like_an_order() -> CreateSubscription {
    let mut create = create();
    create.payment_details = Some(json!({"method": "card"}).into());
    create.money = Some(json!({"amount": 1}).into());
    create.generate_token = Some(true);
    create.notification_url = Some("https://shop.example/notification".into());
    create
}

#[test]
fn every_command_of_a_subscription_is_built() {
    let refund = RefundPayment::new(id("r-1"), id("t-1"), Amount::new("9.98"), "EUR");
    check_commands::<Subscription>(&commands![
        like_an_order() => {
            "type": "create_subscription", "planId": PLAN, "currency": "EUR",
            "eventSubscriptionUrl": "https://shop.example/events",
            "tokenId": "k-1", "parentTransactionId": "t-1", "parentOrderId": "o-1",
            "redirectUrl": {
                "success": "https://shop.example/ok", "fail": "https://shop.example/no",
                "threeDSChallengeResult": "https://shop.example/3ds",
            },
            "userInformation": {"email": "ada@example.com"}, "overwrite": {"initialAmount": "9.98"},
            "concept": "Box", "description": "A box each month", "domain": "shop.example", "customTag": "a",
            "threeDSSupport": false, "paymentDetails": {"method": "card"}, "money": {"amount": 1},
            "generateToken": true, "notificationUrl": "https://shop.example/notification", "extra": {"gift": true},
        },
        Command::RetrieveSubscription { subscription_id: Some(id(SUBSCRIPTION)) } => {
            "type": "retrieve_subscription", "subscriptionId": SUBSCRIPTION,
        },
        Command::RetrievePayments {} => {"type": "retrieve_payments"},
        Command::CancelSubscription { cancellation_detail: Some("too expensive".into()) } => {
            "type": "cancel_subscription", "cancellationDetail": "too expensive",
        },
        refund.reason("damaged").extra(extra()) => {
            "type": "refund_payment", "intent": "r-1", "transactionId": "t-1", "amount": "9.98", "currency": "EUR",
            "reason": "damaged", "extra": {"gift": true},
        },
    ]);
}
