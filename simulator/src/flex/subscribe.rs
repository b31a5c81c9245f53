//! `POST /v1/subscriptions`: a subscription of an existing customer, without a page of Flex.
//!
//! One page says what the call does: the subscription begins `incomplete`, and the first payment makes it `active` or,
//! with a trial, `trialing`. The body is read as that of an update, and the secrets as those of Stripe.

use serde_json::{Map, Value, json};

use super::errors::{invalid, missing};
use super::period::Interval;
use super::state::{Card, Discount, Flex, Intent, Invoice, Item, Setup, Subscription};
use super::store::{Head, given, text, unwrap, wrapped};
use super::{FIRST_PAYMENT, billing, cart, events, payments, setup, subscriptions};
use crate::provider::Reply;
use crate::time::{DAY, Millis, SECOND, parse};
use crate::world::{Call, Context};

/// How many subscriptions of one customer can be active or scheduled.
const MOST: usize = 500;
const WHY: &str = "no document shows the body of this call, nor how its first payment is made";

/// What a request asks for, checked.
struct Asked {
    customer: String,
    items: Vec<Item>,
    interval: Interval,
    card: Option<String>,
    trial_end: Option<Millis>,
    cancel_at: Option<Millis>,
    discount: Option<Discount>,
}

pub(super) fn create(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    created(flex, call, context).unwrap_or_else(|refused| refused).inferred(WHY)
}

fn created(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let body = unwrap(call, "subscription")?;
    let asked = check(flex, body, call, context)?;
    let card = asked.card.clone();
    let id = open(flex, asked, body, call, context);
    context.at(context.now.saturating_add(FIRST_PAYMENT), json!({"first_payment": id}));
    events::tell::<Subscription>(flex, "customer.subscription.created", &id, context);
    prepare(flex, &id, context);
    if card.is_some() {
        context.after(SECOND, json!({"first_charge": id}));
    }
    Ok(wrapped::<Subscription>(flex, &id, context))
}

fn check(flex: &Flex, body: &Map<String, Value>, call: &Call<'_>, context: &mut Context<'_>) -> Result<Asked, Reply> {
    let Some(customer) = text(body, "customer") else {
        return Err(missing("customer", "flex.subscription.customer", "A subscription must have a customer."));
    };
    flex.customers.of(&call.account, customer)?;
    let live = flex.subscriptions.iter().filter(|it| it.customer == customer && !it.ended()).count();
    if live >= MOST {
        let message = format!("A customer can have {MOST} active or scheduled subscriptions.");
        return Err(invalid("customer", "value_error", "flex.subscription.max-500", message));
    }
    let Some(items) = subscriptions::items(flex, body, call, context)? else {
        return Err(missing("items", "flex.checkout.line-items-required", "A subscription must have items."));
    };
    let Some(interval) = items.first().map(|(_, interval)| *interval) else { return Err(Reply::json(500, &json!({}))) };
    if items.iter().any(|(_, other)| *other != interval) {
        let message = "All items of a subscription must have the same interval.";
        return Err(invalid("items", "value_error", "flex.checkout.mixed-intervals", message));
    }
    let card = text(body, "default_payment_method");
    if card.is_some_and(|id| flex.cards.get(id).is_none_or(|card| card.customer != customer)) {
        let message = "default_payment_method must be a card of this customer.";
        return Err(invalid("default_payment_method", "value_error", "flex.subscription.card", message));
    }
    let items: Vec<Item> = items.into_iter().map(|(item, _)| item).collect();
    Ok(Asked {
        customer: customer.to_owned(),
        interval,
        card: card.map(str::to_owned),
        trial_end: trial_end(flex, body, &items, context.now)?,
        cancel_at: text(body, "cancel_at").and_then(parse),
        discount: text(body, "coupon").map(|id| cart::coupon(flex, id, &call.account)).transpose()?,
        items,
    })
}

/// When the trial ends: as the request says, or after the longest one of its prices.
fn trial_end(flex: &Flex, body: &Map<String, Value>, items: &[Item], now: Millis) -> Result<Option<Millis>, Reply> {
    if let Some(end) = given(body, "trial_end") {
        let end = end.as_str().and_then(parse).filter(|end| *end > now);
        return end.map(Some).ok_or_else(|| {
            invalid("trial_end", "value_error", "flex.subscription.trial", "trial_end must be a time in the future.")
        });
    }
    let prices = items.iter().filter_map(|item| flex.prices.get(&item.price));
    let days = prices.filter_map(|price| price.member("recurring")["trial_period_days"].as_i64()).max();
    Ok(days.filter(|days| *days > 0).map(|days| now.saturating_add(days.saturating_mul(DAY))))
}

fn open(
    flex: &mut Flex,
    asked: Asked,
    body: &Map<String, Value>,
    call: &Call<'_>,
    context: &mut Context<'_>,
) -> String {
    let Asked { customer, items, interval, card, trial_end: trial, cancel_at, discount } = asked;
    if let Some(coupon) = discount.as_ref().and_then(Discount::id).and_then(|id| flex.coupons.get_mut(&id)) {
        super::offers::redeem(&mut coupon.body);
    }
    let head = Head::new("fsub", &customer, &call.account, context);
    let id = flex.subscriptions.add(Subscription {
        cancel_at,
        at_period_end: given(body, "cancel_at_period_end") == Some(&Value::Bool(true)),
        card,
        metadata: given(body, "metadata").cloned().unwrap_or_default(),
        discount,
        ..Subscription::begun(head, customer, (items, interval), trial, context.now)
    });
    billing::plan(flex, &id, context);
    id
}

/// Makes what the first payment needs: an invoice with its payment intent or, for a trial, a setup intent.
fn prepare(flex: &mut Flex, id: &str, context: &mut Context<'_>) {
    let Some(subscription) = flex.subscriptions.get_mut(id) else { return };
    let (customer, account) = (subscription.customer.clone(), subscription.head.account.clone());
    if subscription.trial.is_some() {
        let setup = Setup {
            head: Head::new("fsi", id, &account, context),
            status: "requires_payment_method",
            customer: Some(customer),
            card: None,
            session: None,
            subscription: Some(id.to_owned()),
            partner: Value::Null,
        };
        flex.setups.add(setup);
        return;
    }
    let (total, period) = (billing::total(subscription), (subscription.start, subscription.end));
    let Some(invoice) = billing::invoice(flex, id, total, period, context) else { return };
    let of = payments::Draft {
        amount: total,
        customer: Some(customer),
        invoice: Some(&invoice),
        subscription: Some(id),
        ..Default::default()
    };
    let intent = (total > 0).then(|| payments::open(flex, of, &account, context));
    if let Some(invoice) = flex.invoices.get_mut(&invoice) {
        (invoice.status, invoice.intent) = ("open", intent);
    }
    events::tell::<Invoice>(flex, "invoice.created", &invoice, context);
    if total == 0 {
        billing::collect(flex, &invoice, true, context);
    }
}

/// The first payment is made with the card that the subscription has.
pub(super) fn pay(flex: &mut Flex, id: &str, absent: bool, context: &mut Context<'_>) {
    let Some(subscription) = flex.subscriptions.get_mut(id).filter(|it| it.status == "incomplete") else { return };
    if let Some(invoice) = subscription.latest_invoice.clone() {
        return billing::collect(flex, &invoice, absent, context);
    }
    let card = subscription.card.clone().unwrap_or_default();
    let waiting = setup_of(flex, id).map(|setup| setup.head.id.clone()).unwrap_or_default();
    setup::enter(flex, &waiting, &card, context);
}

/// The customer enters a card on the merchant's own page, with the subscription's secret.
pub(super) fn finish(flex: &mut Flex, id: &str, card: Card, context: &mut Context<'_>) -> Result<(), String> {
    let subscription = flex.subscriptions.get(id).filter(|it| it.status == "incomplete");
    let customer = subscription.ok_or("The subscription does not wait for its first payment.")?.customer.clone();
    let card = flex.cards.add(Card { customer, ..card });
    if let Some(subscription) = flex.subscriptions.get_mut(id) {
        subscription.card = Some(card);
    }
    pay(flex, id, false, context);
    Ok(())
}

/// The setup intent of a subscription whose trial has not begun.
fn setup_of<'a>(flex: &'a Flex, id: &str) -> Option<&'a Setup> {
    flex.setups.iter().find(|setup| setup.subscription.as_deref() == Some(id) && setup.status != "succeeded")
}

/// The secrets with which the first payment is made, while it is not.
pub(super) fn secrets(flex: &Flex, of: &Subscription) -> Value {
    let secret = |head: &Head| format!("{}_secret", head.id);
    let waits = of.status == "incomplete" && of.session.is_none();
    let invoice = of.latest_invoice.as_ref().filter(|_| waits).and_then(|id| flex.invoices.get(id));
    let intent: Option<&Intent> = invoice.and_then(|invoice| flex.intents.get(invoice.intent.as_deref()?));
    let setup = if waits { setup_of(flex, &of.head.id) } else { None };
    json!({"setup_secret": setup.map(|it| secret(&it.head)), "payment_secret": intent.map(|it| secret(&it.head))})
}
