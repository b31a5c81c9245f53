//! Updates of the items or of the card.

use rulebound::time::Timestamp;
use rulebound::truemed::UpdatePaymentToken;

use super::guard::{Action, Found, ITEMS, guard, is_of_card, is_of_items};
use super::{Broken, Change, Place, Row, Step, Work, digest};

/// Changes the items, or the card.
pub fn update(at: &Row, command: UpdatePaymentToken, now: Timestamp) -> Result<Step, Vec<Broken>> {
    let card = command.update_card_info == Some(true);
    let items = command.order_items.as_deref().map(digest);
    let of_items = items.is_some();
    let change = if of_items { &at.items } else { &at.card };
    if card != of_items && matches!(change, Change::Updating { items: asked, .. } if *asked == items) {
        return Ok(Step { next: at.clone(), new_ids: Vec::new(), warnings: Vec::new() });
    }
    let mut found = Found::default();
    guard(at, if of_items { Action::Items } else { Action::Card }, now, false, &mut found);
    if card && of_items {
        let instead = &[ITEMS, "update_payment_token/card"];
        let rule = "truemed.update.card-xor-items";
        found.broken.push(Broken { rule, pointer: "/update_card_info", unblocked_by: None, instead });
    }
    found.check("truemed.update.nothing-to-do", "", card || of_items);
    let known = ["update_card_info", "order_items", "idempotency_key"];
    found.check("rulebound.extra.known-field", "/extra", !command.extra.names().any(|name| known.contains(&name)));
    let Some(token) = at.token.as_ref().filter(|_| at.place == Place::Issued && found.broken.is_empty()) else {
        return Err(found.broken);
    };
    let mut next = at.next();
    let nth = next.requests;
    let change = if of_items { &mut next.items } else { &mut next.card };
    let (replaces, unsent) = match std::mem::take(change) {
        Change::Settled => (None, false),
        Change::Pending(pending) => (Some(pending), false),
        Change::Updating { replaces, .. } => (replaces, true),
    };
    *change = Change::Updating { nth, items, replaces };
    if unsent {
        let own = if of_items { is_of_items } else { is_of_card };
        next.outbox.retain(|it| !own(it));
    }
    next.updates += 1;
    next.owe(format!("update_payment_token:{}", next.updates), Work::Update(token.clone(), command), None);
    Ok(Step { next, new_ids: Vec::new(), warnings: found.warned })
}
