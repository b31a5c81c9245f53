//! Creates subscriptions: with the token of an order, or with a form that the customer fills in.

use serde_json::{Map, Value, json};

use super::errors::{guess, invalid};
use super::orders::made;
use super::plan::Plan;
use super::state::{Order, Payment, PaymentOf, Revup, Status, Subscription, Token};
use super::{CHARGE, money, page, read};
use crate::provider::Reply;
use crate::world::{Call, Context};

type Body = Map<String, Value>;

/// The three fields that a subscription by token has.
const TOKEN_FIELDS: [&str; 3] = ["tokenId", "parentTransactionId", "parentOrderId"];

/// What both ways of creation read.
struct Draft {
    plan: String,
    currency: String,
    initial: i64,
}

pub(super) fn create(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    create_subscription(revup, call, context).unwrap_or_else(|refused| refused)
}

fn create_subscription(revup: &mut Revup, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let body = &call.json;
    let draft = draft(revup, body)?;
    let sent = |name: &&str| body.get(*name).is_some_and(|value| !value.is_null());
    if !TOKEN_FIELDS.iter().any(sent) {
        order_fields(body, context)?;
        let order = context.id("order", None).uuid();
        let subscription = insert(revup, call, &draft, &order, None, context);
        return Ok(made(json!({"orderId": order, "subscriptionId": subscription}), context));
    }
    let rule = "revup.create.token-fields-required";
    let mut ids = [""; 3];
    for (id, name) in ids.iter_mut().zip(TOKEN_FIELDS) {
        *id = read::uuid(body, name, rule).map_err(|refused| refused.source(page::TOKEN_BASED))?;
    }
    let [token, _, order] = ids;
    check_token(revup, call, ids, context)?;
    let subscription = insert(revup, call, &draft, order, Some(token), context);
    if let Some(token) = revup.tokens.get_mut(token) {
        token.subscription = Some(subscription.clone());
    }
    context.after(CHARGE, json!({"initial": subscription}));
    let reply = made(json!({"orderId": order, "subscriptionId": subscription}), context);
    Ok(reply.source(page::TOKEN_BASED))
}

fn draft(revup: &Revup, body: &Body) -> Result<Draft, Reply> {
    let plan = read::uuid(body, "planId", "revup.create.plan-id-required")?;
    let currency = read::currency(body, "revup.create.currency-required")?;
    let Some((mut initial, _)) = revup.plan(plan).price(currency) else {
        let message = format!("The plan has no price in {currency}.");
        return Err(guess("0307", "revup.create.currency-required", message));
    };
    let events = read::text(body, "eventSubscriptionUrl");
    if !events.is_some_and(|url| url.starts_with("https://") || url.starts_with("http://")) {
        let message = "eventSubscriptionUrl must be an address.";
        return Err(invalid("revup.create.event-url-required", message));
    }
    let overwrite = body.get("overwrite").map(|it| &it["initialAmount"]).filter(|it| !it.is_null());
    if let Some(amount) = overwrite {
        let message = "overwrite.initialAmount must be a number in this currency.";
        initial = money::read(amount, currency).ok_or_else(|| invalid("revup.create.initial-amount", message))?;
    }
    Ok(Draft { plan: plan.into(), currency: currency.into(), initial })
}

/// Fields of an order that a subscription does not have.
fn order_fields(body: &Body, context: &Context<'_>) -> Result<(), Reply> {
    let fields = ["money", "generateToken", "notificationUrl", "paymentDetails"];
    match fields.iter().find(|name| body.contains_key(**name)) {
        Some(name) if context.reading("order-fields") == "refused" => {
            Err(invalid("revup.create.no-order-fields", format!("{name} is not a field of a subscription.")))
        }
        _ => Ok(()),
    }
}

/// The token, its transaction and its order must belong together, and the token must be free.
fn check_token(revup: &Revup, call: &Call<'_>, ids: [&str; 3], context: &Context<'_>) -> Result<(), Reply> {
    let [token, transaction, order] = ids;
    let refused = |code, rule, message: &str| Err(guess(code, rule, message).source(page::TOKEN_BASED));
    let Some(found) = revup.tokens.get(token).filter(|it| it.account == call.account && !it.disabled) else {
        return refused("0151", "revup.token.generated-by-order", "Token Not Found");
    };
    if found.order != order || found.transaction != transaction {
        let message = "parentOrderId and parentTransactionId must be those of the payment that generated the token.";
        return refused("0300", "revup.token.parent-match", message);
    }
    if let Some(subscription) = &found.subscription {
        let archived = revup.subscriptions.get(subscription).is_some_and(|it| it.status == Status::Archived);
        if !archived || context.reading("failed-payment-frees-token") == "false" {
            let message = "Only one subscription can be created per tokenId.";
            return refused("0300", "revup.token.one-subscription", message);
        }
    }
    Ok(())
}

/// Stores a subscription whose initial payment is not made yet.
fn insert(
    revup: &mut Revup,
    call: &Call<'_>,
    draft: &Draft,
    order: &str,
    token: Option<&str>,
    context: &mut Context<'_>,
) -> String {
    let id = context.id("subscription", None).uuid();
    let payment = context.id("payment", Some(&format!("{id} initial"))).uuid();
    let of = PaymentOf { subscription: id.clone(), payment: payment.clone() };
    // The initial payment by token is a transaction of the parent order, or of an order of its own.
    let own = token.is_none() || context.reading("initial-payment-order") == "own";
    let paid_order = if token.is_some() && own { context.id("order", None).uuid() } else { order.to_owned() };
    if own {
        let new = Order {
            account: call.account.clone(),
            minor: draft.initial,
            currency: draft.currency.clone(),
            body: call.json.clone(),
            created: context.now,
            makes_token: token.is_none(),
            payment: Some(of),
            transactions: Vec::new(),
        };
        revup.orders.insert(paid_order.clone(), new);
    }
    let initial = Payment {
        id: payment,
        kind: "initial",
        cycle: 0,
        attempt: 0,
        status: "pending",
        due: context.now,
        reference: context.now,
        minor: draft.initial,
        order: paid_order,
        transactions: Vec::new(),
    };
    let card = token.and_then(|token| revup.tokens.get(token)).map(|token: &Token| token.card.clone());
    let subscription = Subscription {
        id: id.clone(),
        account: call.account.clone(),
        plan: draft.plan.clone(),
        currency: draft.currency.clone(),
        body: call.json.clone(),
        order: order.to_owned(),
        token: token.map(str::to_owned),
        card,
        status: Status::Pending,
        before_pause: None,
        cycle: 0,
        created: context.now,
        modified: context.now,
        anchor: context.now,
        cancellation: None,
        payments: vec![initial],
    };
    revup.subscriptions.insert(id.clone(), subscription);
    id
}

/// What a renewal of a plan costs.
pub(super) fn renewal_price(plan: &Plan, currency: &str) -> i64 {
    plan.price(currency).map_or(0, |(_, renewal)| renewal)
}
