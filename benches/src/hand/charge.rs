//! Charges.

use rulebound::money::Cents;
use rulebound::time::Timestamp;
use rulebound::truemed::{AmountDetails, CreatePaymentSession, Kind, OrderItem};

use super::digest::{cart, fingerprint};
use super::guard::{Action, Checks, ITEMS, TOKEN_UPDATED, guard};
use super::{
    Broken, Change, Charge, Digest, Outcome, RequestedCharge, Row, Step, TokenState, UnblockedBy, Work, digest,
};

/// The fields of a charge.
const FIELDS: [&str; 17] = [
    "total_amount",
    "order_items",
    "amount_details",
    "success_url",
    "failure_url",
    "customer_email",
    "customer_name",
    "customer_state",
    "metadata",
    "kind",
    "tokenize",
    "payment_token",
    "display_next_bill_info",
    "use_iframe",
    "intent",
    "extra",
    "idempotency_key",
];

/// Charges the token under the host's name for the charge.
pub fn charge(row: &Row, mut command: CreatePaymentSession, now: Timestamp) -> Result<Step, Vec<Broken>> {
    let items = digest(&command.order_items);
    let cart = cart(&command, items);
    let wanted = command.intent.as_ref().and_then(|intent| row.intents.iter().find(|it| it.intent == intent.as_str()));
    if wanted.is_some_and(|it| it.outcome != Outcome::Failed && it.cart == cart) {
        return Ok(Step { next: row.clone(), new_ids: Vec::new(), warnings: Vec::new() });
    }
    let mut checks = Checks::default();
    guard(row, Action::Charge, now, false, &mut checks);
    check_token(row, &command, &mut checks);
    check_items(row, items, &mut checks);
    checks.warn("truemed.session.tokenize-xor-token", "/tokenize", command.tokenize != Some(true));
    check_amounts(&command, &mut checks);
    check_fields(&command, &mut checks);
    let is_used = wanted.is_some_and(|it| it.outcome != Outcome::Failed);
    checks.check("truemed.session.idempotency-new-cart-new-key", "/intent", !is_used);
    let Some(intent) = command.intent.as_ref().map(|it| it.as_str().to_owned()) else {
        checks.check("rulebound.intent.required", "/intent", false);
        return Err(checks.broken);
    };
    if !checks.broken.is_empty() {
        return Err(checks.broken);
    }
    let number = wanted.map_or(1, |it| it.number + 1);
    let id = match number {
        1 => format!("create_payment_session:{intent}"),
        n => format!("create_payment_session:{intent}/{n}"),
    };
    let mut next = row.next();
    next.charge = Charge::Requested { seq: next.requests, asked: requested(&mut command, &intent, cart, &row.key) };
    next.remember(intent, cart, number);
    next.add_effect(id, Work::Charge(Box::new(command)), None);
    Ok(Step { next, new_ids: Vec::new(), warnings: checks.warned })
}

fn requested(command: &mut CreatePaymentSession, intent: &str, cart: Digest, key: &str) -> RequestedCharge {
    let metadata = command.metadata.get_or_insert_with(|| key.into());
    RequestedCharge {
        metadata: fingerprint(metadata.text().unwrap_or_default()),
        intent: Some(intent.to_owned()),
        cart,
        total: command.total_amount.get(),
        items: i64::try_from(price_of(&command.order_items)).unwrap_or_default(),
        authorization: command.kind == Some(Kind::Authorization),
        of_a_token: true,
        attended: false,
    }
}

fn check_token(row: &Row, command: &CreatePaymentSession, checks: &mut Checks) {
    let Some(given) = command.payment_token.as_ref().map(|it| it.as_str()) else { return };
    let is_given = |id: &Option<String>| id.as_deref() == Some(given);
    let is_request = row.provisions.iter().any(|it| is_given(&it.origin))
        || row.pending().any(|it| is_given(&it.origin))
        || row.closed.iter().any(|(_, id)| id == given);
    if is_request {
        checks.check("truemed.provision.request-is-not-token", "/payment_token", false);
    } else if row.token_state == TokenState::Issued {
        let same = row.token.as_deref() == Some(given);
        checks.check("truemed.session.unattended-needs-active-token", "/payment_token", same);
    }
}

fn check_items(row: &Row, wanted: Digest, checks: &mut Checks) {
    if row.token_state != TokenState::Issued || row.confirmed == Some(wanted) {
        return;
    }
    let pending = matches!(&row.items, Change::Pending(it) if it.items == Some(wanted));
    let (rule, unblocked_by) = match () {
        () if pending => ("truemed.session.unattended-items-confirmed", UnblockedBy::Signal(TOKEN_UPDATED)),
        () if row.confirmed.is_none() => ("truemed.session.unattended-items-confirmed", UnblockedBy::Action(ITEMS)),
        () => ("truemed.update.required-on-item-change", UnblockedBy::Action(ITEMS)),
    };
    checks.broken.push(Broken { rule, pointer: "/order_items", unblocked_by: Some(unblocked_by), instead: &[] });
}

fn price_of(items: &[OrderItem]) -> i128 {
    items.iter().map(|it| i128::from(it.quantity) * i128::from(it.price.get())).sum()
}

fn check_amounts(command: &CreatePaymentSession, checks: &mut Checks) {
    let cents = |amount: Option<Cents>| amount.map_or(0, |it| i128::from(it.get()));
    let lines = command.order_items.iter().filter_map(|it| it.amount_details.as_ref());
    let details = lines.chain(command.amount_details.as_ref());
    let positive = command.order_items.iter().all(|it| it.price.get() >= 0 && it.quantity >= 1);
    checks.check("truemed.session.amount-nonnegative", "/order_items", positive && command.total_amount.get() >= 0);
    let mut sum = price_of(&command.order_items);
    for it in details {
        let (charges, discounts) = (cents(it.total_additional_charges), cents(it.total_discounts));
        sum += charges - discounts;
        checks.check("truemed.session.amount-nonnegative", "/amount_details", charges >= 0 && discounts >= 0);
        checks.warn("truemed.session.amount-details-consistent", "/amount_details", adds_up(it));
    }
    checks.check("truemed.session.total-equality", "/total_amount", sum == i128::from(command.total_amount.get()));
}

fn adds_up(details: &AmountDetails) -> bool {
    let lists = [
        (&details.additional_charges_details, details.total_additional_charges),
        (&details.discounts_details, details.total_discounts),
    ];
    lists.into_iter().all(|(list, total)| {
        list.as_ref().is_none_or(|list| {
            list.iter().map(|it| it.amount.get()).sum::<i64>() == total.map_or(0, |total| total.get())
        })
    })
}

fn check_fields(command: &CreatePaymentSession, checks: &mut Checks) {
    let shown = command.tokenize == Some(true) && command.display_next_bill_info.is_some();
    checks.check("truemed.session.zero-only-free-trial", "/total_amount", command.total_amount.get() != 0 || shown);
    if command.display_next_bill_info.is_some() {
        checks.check("truemed.session.next-bill-info-shape", "/display_next_bill_info", shown);
    }
    let success = command.success_url.as_deref().unwrap_or_default();
    let host = success.strip_prefix("https://").or_else(|| success.strip_prefix("http://"));
    let absolute = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if success.is_empty() {
        checks.warn("truemed.session.success-url-required", "/success_url", false);
    } else {
        checks.check("truemed.session.success-url-required", "/success_url", absolute);
    }
    let exact = success.matches("{{").count() == success.matches("{{payment_session_id}}").count();
    checks.check("truemed.session.url-template-exact", "/success_url", exact);
    let plain = !command.failure_url.as_deref().unwrap_or_default().contains("{{");
    checks.warn("truemed.session.url-template-exact", "/failure_url", plain);
    if let Some(kind) = &command.kind {
        checks.check("truemed.session.kind-values", "/kind", kind.is_known());
        checks.warn("truemed.session.kind-gated", "/kind", false);
        checks.check("truemed.session.authorization-needs-customer", "/kind", *kind != Kind::Authorization);
    }
    let text = command.metadata.as_ref().is_none_or(|it| it.text().is_some());
    checks.check("truemed.metadata.string", "/metadata", text);
    checks.check("rulebound.extra.known-field", "/extra", !command.extra.names().any(|name| FIELDS.contains(&name)));
}
