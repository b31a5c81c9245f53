//! Charges.

use rulebound::money::Cents;
use rulebound::time::Timestamp;
use rulebound::truemed::{AmountDetails, CreatePaymentSession, Kind, OrderItem};

use super::digest::{cart, fingerprint};
use super::guard::{Action, Found, ITEMS, TOKEN_UPDATED, guard};
use super::{Asked, Broken, Change, Charge, Digest, Outcome, Place, Row, Step, UnblockedBy, Work, digest};

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
pub fn charge(at: &Row, mut command: CreatePaymentSession, now: Timestamp) -> Result<Step, Vec<Broken>> {
    let items = digest(&command.order_items);
    let cart = cart(&command, items);
    let wanted = command.intent.as_ref().and_then(|intent| at.intents.iter().find(|it| it.intent == intent.as_str()));
    if wanted.is_some_and(|it| it.outcome != Outcome::Failed && it.cart == cart) {
        return Ok(Step { next: at.clone(), new_ids: Vec::new(), warnings: Vec::new() });
    }
    let mut found = Found::default();
    guard(at, Action::Charge, now, false, &mut found);
    check_token(at, &command, &mut found);
    check_items(at, items, &mut found);
    found.warn("truemed.session.tokenize-xor-token", "/tokenize", command.tokenize != Some(true));
    check_amounts(&command, &mut found);
    check_fields(&command, &mut found);
    let taken = wanted.is_some_and(|it| it.outcome != Outcome::Failed);
    found.check("truemed.session.idempotency-new-cart-new-key", "/intent", !taken);
    let Some(intent) = command.intent.as_ref().map(|it| it.as_str().to_owned()) else {
        found.check("rulebound.intent.required", "/intent", false);
        return Err(found.broken);
    };
    if !found.broken.is_empty() {
        return Err(found.broken);
    }
    let ordinal = wanted.map_or(1, |it| it.ordinal + 1);
    let id = match ordinal {
        1 => format!("create_payment_session:{intent}"),
        n => format!("create_payment_session:{intent}/{n}"),
    };
    let mut next = at.next();
    next.charge = Charge::Requested { nth: next.requests, asked: asked(&mut command, &intent, cart, &at.key) };
    next.remember(intent, cart, ordinal);
    next.owe(id, Work::Charge(Box::new(command)), None);
    Ok(Step { next, new_ids: Vec::new(), warnings: found.warned })
}

fn asked(command: &mut CreatePaymentSession, intent: &str, cart: Digest, key: &str) -> Asked {
    let metadata = command.metadata.get_or_insert_with(|| key.into());
    Asked {
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

fn check_token(at: &Row, command: &CreatePaymentSession, found: &mut Found) {
    let Some(given) = command.payment_token.as_ref().map(|it| it.as_str()) else { return };
    let is_given = |id: &Option<String>| id.as_deref() == Some(given);
    let is_request = at.provisions.iter().any(|it| is_given(&it.origin))
        || at.pending().any(|it| is_given(&it.origin))
        || at.closed.iter().any(|(_, id)| id == given);
    if is_request {
        found.check("truemed.provision.request-is-not-token", "/payment_token", false);
    } else if at.place == Place::Issued {
        let same = at.token.as_deref() == Some(given);
        found.check("truemed.session.unattended-needs-active-token", "/payment_token", same);
    }
}

fn check_items(at: &Row, wanted: Digest, found: &mut Found) {
    if at.place != Place::Issued || at.confirmed == Some(wanted) {
        return;
    }
    let pending = matches!(&at.items, Change::Pending(it) if it.items == Some(wanted));
    let (rule, unblocked_by) = match () {
        () if pending => ("truemed.session.unattended-items-confirmed", UnblockedBy::Signal(TOKEN_UPDATED)),
        () if at.confirmed.is_none() => ("truemed.session.unattended-items-confirmed", UnblockedBy::Action(ITEMS)),
        () => ("truemed.update.required-on-item-change", UnblockedBy::Action(ITEMS)),
    };
    found.broken.push(Broken { rule, pointer: "/order_items", unblocked_by: Some(unblocked_by), instead: &[] });
}

fn price_of(items: &[OrderItem]) -> i128 {
    items.iter().map(|it| i128::from(it.quantity) * i128::from(it.price.get())).sum()
}

fn check_amounts(command: &CreatePaymentSession, found: &mut Found) {
    let cents = |amount: Option<Cents>| amount.map_or(0, |it| i128::from(it.get()));
    let lines = command.order_items.iter().filter_map(|it| it.amount_details.as_ref());
    let details = lines.chain(command.amount_details.as_ref());
    let positive = command.order_items.iter().all(|it| it.price.get() >= 0 && it.quantity >= 1);
    found.check("truemed.session.amount-nonnegative", "/order_items", positive && command.total_amount.get() >= 0);
    let mut sum = price_of(&command.order_items);
    for it in details {
        let (charges, discounts) = (cents(it.total_additional_charges), cents(it.total_discounts));
        sum += charges - discounts;
        found.check("truemed.session.amount-nonnegative", "/amount_details", charges >= 0 && discounts >= 0);
        found.warn("truemed.session.amount-details-consistent", "/amount_details", adds_up(it));
    }
    found.check("truemed.session.total-equality", "/total_amount", sum == i128::from(command.total_amount.get()));
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

fn check_fields(command: &CreatePaymentSession, found: &mut Found) {
    let shown = command.tokenize == Some(true) && command.display_next_bill_info.is_some();
    found.check("truemed.session.zero-only-free-trial", "/total_amount", command.total_amount.get() != 0 || shown);
    if command.display_next_bill_info.is_some() {
        found.check("truemed.session.next-bill-info-shape", "/display_next_bill_info", shown);
    }
    let success = command.success_url.as_deref().unwrap_or_default();
    let host = success.strip_prefix("https://").or_else(|| success.strip_prefix("http://"));
    let absolute = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if success.is_empty() {
        found.warn("truemed.session.success-url-required", "/success_url", false);
    } else {
        found.check("truemed.session.success-url-required", "/success_url", absolute);
    }
    let exact = success.matches("{{").count() == success.matches("{{payment_session_id}}").count();
    found.check("truemed.session.url-template-exact", "/success_url", exact);
    let plain = !command.failure_url.as_deref().unwrap_or_default().contains("{{");
    found.warn("truemed.session.url-template-exact", "/failure_url", plain);
    if let Some(kind) = &command.kind {
        found.check("truemed.session.kind-values", "/kind", kind.is_known());
        found.warn("truemed.session.kind-gated", "/kind", false);
        found.check("truemed.session.authorization-needs-customer", "/kind", *kind != Kind::Authorization);
    }
    let text = command.metadata.as_ref().is_none_or(|it| it.text().is_some());
    found.check("truemed.metadata.string", "/metadata", text);
    found.check("rulebound.extra.known-field", "/extra", !command.extra.names().any(|name| FIELDS.contains(&name)));
}
