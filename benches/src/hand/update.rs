//! Updates of the items or of the card.

use rulebound::time::Timestamp;
use rulebound::truemed::UpdatePaymentToken;

use super::guard::{Action, Checks, ITEMS, guard, is_of_card, is_of_items};
use super::{Broken, Change, Row, Step, TokenState, Work, digest};

/// Changes the items, or the card.
pub fn update(row: &Row, command: UpdatePaymentToken, now: Timestamp) -> Result<Step, Vec<Broken>> {
    let card = command.update_card_info == Some(true);
    let items = command.order_items.as_deref().map(digest);
    let of_items = items.is_some();
    let change = if of_items { &row.items } else { &row.card };
    if card != of_items && matches!(change, Change::Updating { items: asked, .. } if *asked == items) {
        return Ok(Step { next: row.clone(), new_ids: Vec::new(), warnings: Vec::new() });
    }
    let mut checks = Checks::default();
    guard(row, if of_items { Action::Items } else { Action::Card }, now, false, &mut checks);
    if card && of_items {
        let instead = &[ITEMS, "update_payment_token/card"];
        let rule = "truemed.update.card-xor-items";
        checks.broken.push(Broken { rule, pointer: "/update_card_info", unblocked_by: None, instead });
    }
    checks.check("truemed.update.nothing-to-do", "", card || of_items);
    let known = ["update_card_info", "order_items", "idempotency_key"];
    checks.check("rulebound.extra.known-field", "/extra", !command.extra.names().any(|name| known.contains(&name)));
    let Some(token) = row.token.as_ref().filter(|_| row.token_state == TokenState::Issued && checks.broken.is_empty())
    else {
        return Err(checks.broken);
    };
    let mut next = row.next();
    let seq = next.requests;
    let change = if of_items { &mut next.items } else { &mut next.card };
    let (replaces, unsent) = match std::mem::take(change) {
        Change::Settled => (None, false),
        Change::Pending(pending) => (Some(pending), false),
        Change::Updating { replaces, .. } => (replaces, true),
    };
    *change = Change::Updating { seq, items, replaces };
    if unsent {
        let own = if of_items { is_of_items } else { is_of_card };
        next.outbox.retain(|it| !own(it));
    }
    next.updates += 1;
    next.add_effect(format!("update_payment_token:{}", next.updates), Work::Update(token.clone(), command), None);
    Ok(Step { next, new_ids: Vec::new(), warnings: checks.warned })
}
