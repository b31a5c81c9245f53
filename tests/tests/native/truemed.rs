//! The commands of Truemed.

use rulebound::money::Cents;
use rulebound::truemed::{
    AmountDetail, AmountDetails, CapturePaymentSession, CreatePaymentSession, CreatePaymentToken,
    CreateQualificationSession, CreateRefund, Kind, NextBillInfo, OrderItem, PaymentSession, PaymentToken,
    QualificationSession, Reason, UpdatePaymentToken, UpdateQualificationSession,
};
use rulebound::value::{Extra, RawJson};
use serde_json::{Value, json};

use super::{check_commands, commands, id};

fn extra() -> Extra {
    [("gift".to_owned(), RawJson::parse("true").unwrap())].into_iter().collect()
}

fn details() -> (AmountDetails, Value) {
    let built = AmountDetails::default()
        .total_additional_charges(500)
        .total_discounts(200)
        .additional_charges_details([AmountDetail::new("shipping", Cents::new(500))])
        .discounts_details([AmountDetail::new("new customer", Cents::new(200))]);
    let json = json!({
        "total_additional_charges": 500, "total_discounts": 200,
        "additional_charges_details": [{"name": "shipping", "amount": 500}],
        "discounts_details": [{"name": "new customer", "amount": 200}],
    });
    (built, json)
}

fn items() -> (Vec<OrderItem>, Value) {
    let (built, json) = details();
    let item = OrderItem::new("b12", "B12", 1, Cents::new(1500)).amount_details(built);
    (vec![item], json!([{"sku": "b12", "name": "B12", "quantity": 1, "price": 1500, "amount_details": json}]))
}

/// A session with every field, but the ones by which it belongs to a token.
fn session(kind: Kind) -> (CreatePaymentSession, Value) {
    let ((items, items_json), (details, details_json)) = (items(), details());
    let kind_json = kind.as_str().to_owned();
    let built = CreatePaymentSession::new(Cents::new(1800), items)
        .amount_details(details)
        .success_url("https://shop.example/ok")
        .failure_url("https://shop.example/no")
        .customer_email("ada@example.com")
        .customer_name("Ada")
        .customer_state("NY")
        .metadata("order-1")
        .kind(kind)
        .display_next_bill_info(NextBillInfo::new(Cents::new(1500), "2027-01-01"))
        .use_iframe(true)
        .intent(id::<rulebound::Intent>("2026-12"))
        .extra(extra());
    let json = json!({
        "type": "create_payment_session", "total_amount": 1800, "order_items": items_json, "amount_details": details_json,
        "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no",
        "customer_email": "ada@example.com", "customer_name": "Ada", "customer_state": "NY", "metadata": "order-1",
        "kind": kind_json, "display_next_bill_info": {"total_amount": 1500, "date": "2027-01-01"}, "use_iframe": true,
        "intent": "2026-12", "extra": {"gift": true},
    });
    (built, json)
}

/// The same session, as one that makes a token and charges one.
fn session_of_token(kind: Kind) -> (CreatePaymentSession, Value) {
    let (built, mut json) = session(kind);
    json["tokenize"] = true.into();
    json["payment_token"] = "pt_1".into();
    (built.tokenize(true).payment_token(id::<rulebound::truemed::Token>("pt_1")), json)
}

#[test]
fn every_command_of_a_payment_token_is_built() {
    use rulebound::truemed::payment_token::Command;
    let (list, list_json) = items();
    let create = CreatePaymentToken::new(list.clone(), "https://shop.example/ok", "https://shop.example/no");
    let mut commands = Vec::from(commands![
        create.metadata("order-1").extra(extra()) => {
            "type": "create_payment_token", "order_items": list_json, "success_url": "https://shop.example/ok",
            "failure_url": "https://shop.example/no", "metadata": "order-1", "extra": {"gift": true},
        },
        UpdatePaymentToken::items(list).extra(extra()) => {
            "type": "update_payment_token", "order_items": list_json, "extra": {"gift": true},
        },
        UpdatePaymentToken::card() => {"type": "update_payment_token", "update_card_info": true},
        Command::RetrievePaymentToken { payment_token: Some(id("pt_1")) } => {
            "type": "retrieve_payment_token", "payment_token": "pt_1",
        },
        Command::RetrieveProvisionTokenRequest { provision_token_request_id: Some(id("ptr_1")) } => {
            "type": "retrieve_provision_token_request", "provision_token_request_id": "ptr_1",
        },
        Command::RetrievePaymentSession { payment_session_id: Some(id("ps_1")) } => {
            "type": "retrieve_payment_session", "payment_session_id": "ps_1",
        },
        Command::DeletePaymentToken {} => {"type": "delete_payment_token"},
    ]);
    for kind in [Kind::OneTimePayment, Kind::Authorization] {
        let (built, json) = session_of_token(kind);
        commands.push((built.into(), json));
    }
    check_commands::<PaymentToken>(&commands);
}

#[test]
fn every_command_of_a_payment_session_is_built() {
    use rulebound::truemed::payment_session::Command;
    let mut commands = Vec::from(commands![
        Command::RetrievePaymentSession { payment_session_id: Some(id("ps_1")) } => {
            "type": "retrieve_payment_session", "payment_session_id": "ps_1",
        },
        CapturePaymentSession::new(Cents::new(1800)).intent(id::<rulebound::Intent>("c-1")).extra(extra()) => {
            "type": "capture_payment_session", "total_amount": 1800, "intent": "c-1", "extra": {"gift": true},
        },
        Command::VoidPaymentSession {} => {"type": "void_payment_session"},
        Command::CancelPaymentSession {} => {"type": "cancel_payment_session"},
    ]);
    for kind in [Kind::OneTimePayment, Kind::Authorization] {
        let (built, json) = session_of_token(kind);
        commands.push((built.into(), json));
    }
    for reason in [Reason::CustomerRequest, Reason::Fraudulent, Reason::DuplicatePayment] {
        let json = json!({
            "type": "create_refund", "intent": "r-1", "amount": 500, "reason": reason.as_str(),
            "item_details": [{"sku": "b12"}], "extra": {"gift": true},
        });
        let refund = CreateRefund::new(id("r-1"), Cents::new(500), reason);
        commands.push((refund.item_details(json!([{"sku": "b12"}])).extra(extra()).into(), json));
    }
    check_commands::<PaymentSession>(&commands);
}

#[test]
fn every_command_of_a_qualification_session_is_built() {
    use rulebound::truemed::qualification_session::Command;
    let (list, list_json) = items();
    let create = CreateQualificationSession::new(list, "https://shop.example/ok", "https://shop.example/no");
    check_commands::<QualificationSession>(&commands![
        create.user_id("user-1").metadata("order-1").extra(extra()) => {
            "type": "create_qualification_session", "order_items": list_json, "success_url": "https://shop.example/ok",
            "failure_url": "https://shop.example/no", "user_id": "user-1", "metadata": "order-1", "extra": {"gift": true},
        },
        UpdateQualificationSession::of_user("user-1")
            .metadata("order-1")
            .success_url("https://shop.example/ok")
            .failure_url("https://shop.example/no")
            .extra(extra()) => {
            "type": "update_qualification_session", "user_id": "user-1", "metadata": "order-1",
            "success_url": "https://shop.example/ok", "failure_url": "https://shop.example/no", "extra": {"gift": true},
        },
        Command::RetrieveQualificationSession { qualification_session_id: Some(id("qs_1")) } => {
            "type": "retrieve_qualification_session", "qualification_session_id": "qs_1",
        },
    ]);
}
