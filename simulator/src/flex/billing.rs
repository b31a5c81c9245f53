//! The life of a subscription: its periods, its invoices, and what happens when a card is declined.

use serde_json::{Value, json};

use super::period::Interval;
use super::state::{Flex, Invoice, Item, Session, Subscription};
use super::store::Head;
use super::{DRAFT, FIRST_PAYMENT, RETRIES, events, payments};
use crate::time::Millis;
use crate::world::Context;

impl Subscription {
    /// A subscription that begins now, with a period or a trial, and nothing else.
    pub(super) fn begun(
        head: Head,
        customer: String,
        (items, interval): (Vec<Item>, Interval),
        trial: Option<Millis>,
        now: Millis,
    ) -> Self {
        let (anchor, turns) = trial.map_or((now, 1), |end| (end, 0));
        let end = trial.unwrap_or_else(|| interval.after(now, 1));
        Self {
            head,
            status: "incomplete",
            customer,
            session: None,
            items,
            interval,
            anchor,
            turns,
            start: now,
            end,
            next: end,
            trial: trial.map(|end| (now, end)),
            cancel_at: None,
            at_period_end: false,
            card: None,
            latest_invoice: None,
            metadata: Value::Null,
            proration: "create_prorations".into(),
            discount: None,
            pending: 0,
            plan: 0,
        }
    }
}

/// Opens the subscription of a session, with its first invoice. Nothing is sent yet.
pub(super) fn open(flex: &mut Flex, session: &str, customer: &str, status: &'static str, context: &mut Context<'_>) {
    let Some(of) = flex.sessions.get(session) else { return };
    let account = of.head.account.clone();
    let head = Head::new("fsub", session, &account, context);
    let Some(interval) = of.lines.iter().find_map(|line| line.interval) else { return };
    let data = of.body.get("subscription_data").cloned().unwrap_or_default();
    let items = of.lines.iter().filter(|line| line.interval.is_some());
    let items: Vec<Item> = items
        .map(|line| Item {
            id: Head::new("fsubi", &head.id, &account, context).id,
            price: line.price.clone().unwrap_or_default(),
            unit: line.unit,
            quantity: line.quantity,
            created: context.now,
            updated: context.now,
        })
        .collect();
    let (now, total, trial) = (context.now, of.amounts.total, of.trial_end);
    let mut discount = of.discount.clone();
    if trial.is_none() {
        discount.iter_mut().for_each(super::state::Discount::used);
    }
    let subscription = Subscription {
        status,
        session: Some(session.into()),
        cancel_at: data["cancel_at"].as_str().and_then(crate::time::parse),
        at_period_end: data["cancel_at_period_end"] == true,
        metadata: data["metadata"].clone(),
        discount,
        ..Subscription::begun(head, customer.into(), (items, interval), trial, now)
    };
    let end = subscription.end;
    let id = flex.subscriptions.add(subscription);
    plan(flex, &id, context);
    let invoice = (total > 0 || trial.is_none() || context.reading("trial-invoice") == "zero")
        .then(|| invoice(flex, &id, total, (now, end), context));
    if let Some(session) = flex.sessions.get_mut(session) {
        (session.subscription, session.invoice) = (Some(id), invoice.flatten());
    }
}

/// Makes a draft of an invoice, which becomes the latest one.
pub(super) fn invoice(
    flex: &mut Flex,
    id: &str,
    total: i64,
    period: (Millis, Millis),
    context: &mut Context<'_>,
) -> Option<String> {
    let subscription = flex.subscriptions.get_mut(id)?;
    let before = (subscription.start.min(period.0), period.0);
    let invoice = Invoice {
        head: Head::new("fin", id, &subscription.head.account, context),
        subscription: id.into(),
        customer: subscription.customer.clone(),
        total,
        paid: 0,
        status: "draft",
        intent: None,
        period,
        before,
        attempts: 0,
    };
    let made = flex.invoices.add(invoice);
    subscription.latest_invoice = Some(made.clone());
    Some(made)
}

/// Plans the end of the current period, or an earlier end of the subscription.
pub(super) fn plan(flex: &mut Flex, id: &str, context: &mut Context<'_>) {
    let Some(subscription) = flex.subscriptions.get_mut(id) else { return };
    subscription.plan = subscription.plan.saturating_add(1);
    let at = subscription.cancel_at.map_or(subscription.next, |at| at.min(subscription.next));
    let what = json!({"turn": id, "plan": subscription.plan});
    context.at(at, what);
}

/// What was planned for a subscription or an invoice.
pub(super) fn due(flex: &mut Flex, what: &Value, context: &mut Context<'_>) {
    if let Some(id) = what["turn"].as_str() {
        let plan = flex.subscriptions.get(id).map(|subscription| subscription.plan);
        if plan == what["plan"].as_u64() {
            turn(flex, id, context);
        }
    }
    if let Some(id) = what["first_charge"].as_str() {
        super::subscribe::pay(flex, id, true, context);
    }
    if let Some(id) = what["collect"].as_str() {
        collect(flex, id, true, context);
    }
    if let Some(id) = what["first_payment"].as_str()
        && let Some(subscription) = flex.subscriptions.get_mut(id).filter(|it| it.status == "incomplete")
    {
        subscription.status = "incomplete_expired";
        events::tell::<Subscription>(flex, "customer.subscription.updated", id, context);
    }
}

/// A period ends: the subscription ends with it, or the next one is invoiced.
fn turn(flex: &mut Flex, id: &str, context: &mut Context<'_>) {
    let Some(subscription) = flex.subscriptions.get_mut(id) else { return };
    if subscription.ended() || subscription.status == "incomplete" {
        return;
    }
    if subscription.at_period_end || subscription.cancel_at.is_some_and(|at| at <= context.now) {
        return end(flex, id, context);
    }
    subscription.turns = subscription.turns.saturating_add(1);
    let start = subscription.next;
    let until = subscription.interval.after(subscription.anchor, subscription.turns);
    subscription.next = until;
    let trial_over = subscription.status == "trialing";
    if trial_over {
        subscription.status = "active";
    }
    let total = total(subscription);
    let early = trial_over || context.reading("period-turns-before-payment") == "true";
    let invoice = invoice(flex, id, total, (start, until), context).unwrap_or_default();
    if early {
        show_period(flex, id, (start, until));
        if !trial_over || context.reading("trial-end-updated") == "true" {
            events::tell::<Subscription>(flex, "customer.subscription.updated", id, context);
        }
    }
    events::tell::<Invoice>(flex, "invoice.created", &invoice, context);
    // Stripe finalizes an invoice about an hour after it was drafted. It does not collect for an unpaid subscription.
    if flex.subscriptions.get(id).is_some_and(|subscription| subscription.status != "unpaid") {
        context.after(DRAFT, json!({"collect": invoice}));
    }
    plan(flex, id, context);
}

/// What the next invoice is about, with discounts and prorations.
pub(super) fn total(subscription: &mut Subscription) -> i64 {
    let price = subscription.price();
    let off = subscription.discount.as_ref().map_or(0, |discount| discount.off(price));
    subscription.discount.iter_mut().for_each(super::state::Discount::used);
    let whole = price.saturating_sub(off).saturating_add(subscription.pending);
    subscription.pending = whole.min(0);
    whole.max(0)
}

fn show_period(flex: &mut Flex, id: &str, period: (Millis, Millis)) {
    if let Some(subscription) = flex.subscriptions.get_mut(id) {
        (subscription.start, subscription.end) = period;
    }
}

/// Charges the stored card for an invoice, if it is still to be collected.
pub(super) fn collect(flex: &mut Flex, id: &str, absent: bool, context: &mut Context<'_>) {
    let Some(invoice) = flex.invoices.get_mut(id).filter(|it| matches!(it.status, "draft" | "open")) else { return };
    let Some(subscription) = flex.subscriptions.get(&invoice.subscription).filter(|it| !it.ended()) else { return };
    if subscription.status == "unpaid" && invoice.attempts > 0 && absent {
        return;
    }
    (invoice.status, invoice.attempts) = ("open", invoice.attempts.saturating_add(1));
    if invoice.total == 0 {
        return paid(flex, id, context);
    }
    let (account, card) = (invoice.head.account.clone(), subscription.card.clone().unwrap_or_default());
    let draft = payments::Draft {
        amount: invoice.total,
        customer: Some(invoice.customer.clone()),
        invoice: Some(id),
        subscription: Some(&subscription.head.id.clone()),
        ..Default::default()
    };
    let intent = match invoice.intent.clone() {
        Some(intent) => intent,
        None => payments::open(flex, draft, &account, context),
    };
    if let Some(invoice) = flex.invoices.get_mut(id) {
        invoice.intent = Some(intent.clone());
    }
    match payments::attempt(flex, &intent, &card, absent, context) {
        Ok(()) => paid(flex, id, context),
        Err(_) => failed(flex, id, context),
    }
}

/// An invoice is paid: the subscription is active, whatever it was.
pub(super) fn paid(flex: &mut Flex, id: &str, context: &mut Context<'_>) {
    let Some(invoice) = flex.invoices.get_mut(id) else { return };
    (invoice.status, invoice.paid) = ("paid", invoice.total);
    let (of, period) = (invoice.subscription.clone(), invoice.period);
    let mut changed = false;
    if let Some(subscription) = flex.subscriptions.get_mut(&of) {
        let latest = subscription.latest_invoice.as_deref() == Some(id);
        if latest && matches!(subscription.status, "past_due" | "unpaid" | "incomplete") {
            (subscription.status, changed) = ("active", true);
        }
        if subscription.start < period.0 {
            (subscription.start, subscription.end, changed) = (period.0, period.1, true);
        }
    }
    let names = context.reading("invoice-paid-events").to_owned();
    for name in ["invoice.paid", "invoice.payment_succeeded"] {
        if names == "both" || names == name {
            events::tell::<Invoice>(flex, name, id, context);
        }
    }
    if changed {
        events::tell::<Subscription>(flex, "customer.subscription.updated", &of, context);
    }
}

/// An invoice could not be paid: it is tried again, and at last the subscription ends.
fn failed(flex: &mut Flex, id: &str, context: &mut Context<'_>) {
    let Some(invoice) = flex.invoices.get(id) else { return };
    let (of, attempts) = (invoice.subscription.clone(), invoice.attempts);
    events::tell::<Invoice>(flex, "invoice.payment_failed", id, context);
    let Some(subscription) = flex.subscriptions.get_mut(&of) else { return };
    let fell = subscription.status == "active";
    if fell {
        subscription.status = "past_due";
    }
    let nth = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
    if let Some(wait) = RETRIES.get(nth) {
        context.after(*wait, json!({"collect": id}));
    } else {
        match context.reading("dunning-end") {
            "unpaid" => subscription.status = "unpaid",
            "past_due" => {}
            _ => return end(flex, &of, context),
        }
    }
    if fell || subscription.status == "unpaid" {
        events::tell::<Subscription>(flex, "customer.subscription.updated", &of, context);
    }
}

/// The subscription ends now.
pub(super) fn end(flex: &mut Flex, id: &str, context: &mut Context<'_>) {
    let Some(subscription) = flex.subscriptions.get_mut(id).filter(|it| !it.ended()) else { return };
    (subscription.status, subscription.plan) = ("canceled", subscription.plan.saturating_add(1));
    events::tell::<Subscription>(flex, "customer.subscription.deleted", id, context);
}

/// The customer pays the first invoice of a session. The error is the bank's code.
pub(super) fn begin(
    flex: &mut Flex,
    session: &str,
    customer: &str,
    card: &str,
    context: &mut Context<'_>,
) -> Result<(), &'static str> {
    let Some(known) = flex.sessions.get(session) else { return Err("session_missing") };
    let (total, account, trial) = (known.amounts.total, known.head.account.clone(), known.trial_end.is_some());
    let early = context.reading("subscription-starts") == "incomplete" && !trial;
    if early && known.subscription.is_none() {
        open(flex, session, customer, "incomplete", context);
        announce(flex, session, context);
    }
    let intent = flex.sessions.get(session).and_then(|session| session.intents.first().cloned());
    if total > 0 {
        let intent = intent.unwrap_or_else(|| {
            let customer = Some(customer.to_owned());
            let draft = payments::Draft { amount: total, customer, session: Some(session), ..Default::default() };
            payments::open(flex, draft, &account, context)
        });
        if let Some(session) = flex.sessions.get_mut(session) {
            session.intents = vec![intent.clone()];
        }
        payments::attempt(flex, &intent, card, false, context)?;
    }
    if !early {
        open(flex, session, customer, if trial { "trialing" } else { "active" }, context);
    }
    connect(flex, session, card);
    if !early {
        announce(flex, session, context);
    }
    if let Some(invoice) = flex.sessions.get(session).and_then(|session| session.invoice.clone()) {
        paid(flex, &invoice, context);
    }
    Ok(())
}

/// Tells of a new subscription. Its first payment must succeed within a day.
fn announce(flex: &mut Flex, session: &str, context: &mut Context<'_>) {
    let Some(Session { subscription: Some(id), invoice, .. }) = flex.sessions.get(session) else { return };
    let (id, invoice) = (id.clone(), invoice.clone());
    if flex.subscriptions.get(&id).is_some_and(|subscription| subscription.status == "incomplete") {
        context.after(FIRST_PAYMENT, json!({"first_payment": id}));
    }
    events::tell::<Subscription>(flex, "customer.subscription.created", &id, context);
    if let Some(invoice) = invoice {
        events::tell::<Invoice>(flex, "invoice.created", &invoice, context);
    }
}

/// Lets the subscription, the invoice and the payment of a session know each other.
fn connect(flex: &mut Flex, session: &str, card: &str) {
    let Some(Session { subscription, invoice, intents, .. }) = flex.sessions.get(session) else { return };
    if let Some(intent) = intents.first().and_then(|id| flex.intents.get_mut(id)) {
        (intent.invoice, intent.subscription) = (invoice.clone(), subscription.clone());
    }
    if let Some(invoice) = invoice.as_ref().and_then(|id| flex.invoices.get_mut(id)) {
        (invoice.intent, invoice.status, invoice.attempts) = (intents.first().cloned(), "open", 1);
    }
    if let Some(subscription) = subscription.as_ref().and_then(|id| flex.subscriptions.get_mut(id)) {
        subscription.card = Some(card.to_owned());
    }
}

/// Invoices a proration at once. A credit waits for the next invoice.
pub(super) fn invoice_pending(flex: &mut Flex, id: &str, context: &mut Context<'_>) {
    let Some(subscription) = flex.subscriptions.get_mut(id).filter(|subscription| subscription.pending > 0) else {
        return;
    };
    let (total, period) = (core::mem::take(&mut subscription.pending), (context.now, subscription.end));
    let Some(invoice) = invoice(flex, id, total, period, context) else { return };
    events::tell::<Invoice>(flex, "invoice.created", &invoice, context);
    collect(flex, &invoice, true, context);
}
