//! The rules of an action that the row and the clock decide.

use rulebound::time::Timestamp;

use super::{Broken, Change, Charge, Entry, Row, TokenState, UnblockedBy, Work};

/// The webhook after which a token can be charged.
pub(super) const TOKEN_UPDATED: &str = "payment_token_updated";
/// The action to change the items.
pub(super) const ITEMS: &str = "update_payment_token/items";

/// Broken rules, and those that only warn.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) broken: Vec<Broken>,
    pub(super) warned: Vec<Broken>,
}

impl Checks {
    pub(super) fn check(&mut self, rule: &'static str, pointer: &'static str, holds: bool) {
        if !holds {
            self.broken.push(Broken { rule, pointer, unblocked_by: None, instead: &[] });
        }
    }

    pub(super) fn warn(&mut self, rule: &'static str, pointer: &'static str, holds: bool) {
        if !holds {
            self.warned.push(Broken { rule, pointer, unblocked_by: None, instead: &[] });
        }
    }

    fn unblock(&mut self, rule: &'static str, unblocked_by: UnblockedBy) {
        self.broken.push(Broken { rule, pointer: "", unblocked_by: Some(unblocked_by), instead: &[] });
    }
}

/// An action, such as a button has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Action {
    Create,
    Tokenize,
    Charge,
    Items,
    Card,
    Retrieve,
    RetrieveProvision,
    RetrieveSession,
    Delete,
}

impl Action {
    /// All of them.
    pub(super) const ALL: [Self; 9] = [
        Self::Create,
        Self::Tokenize,
        Self::Charge,
        Self::Items,
        Self::Card,
        Self::Retrieve,
        Self::RetrieveProvision,
        Self::RetrieveSession,
        Self::Delete,
    ];
}

/// The rules of an action, or (`is_lease`) those of its request when a worker leases it.
pub(super) fn guard(row: &Row, action: Action, now: Timestamp, is_lease: bool, checks: &mut Checks) {
    match action {
        Action::Create => create(row, checks),
        Action::Tokenize => {
            create(row, checks);
            one_charge(row, is_lease, checks);
        }
        Action::Charge => charge(row, now, is_lease, checks),
        Action::Items => update(row, &row.items, is_of_items, now, is_lease, checks),
        Action::Card => update(row, &row.card, is_of_card, now, is_lease, checks),
        Action::Retrieve => {
            if row.token.is_none() && !matches!(row.token_state, TokenState::Absent | TokenState::Adopting) {
                checks.unblock("rulebound.lookup.nothing-known", UnblockedBy::Signal(TOKEN_UPDATED));
            }
        }
        Action::RetrieveProvision => {
            let is_named =
                row.provisions.iter().any(|it| it.origin.is_some()) || row.pending().any(|it| it.origin.is_some());
            checks.check("rulebound.lookup.nothing-known", "", is_named || is_lease);
            let polled = row.provisions.last().filter(|it| it.timer.is_fresh()).and_then(|it| it.timer.next());
            let due = is_lease || polled.is_none_or(|next| next <= now);
            checks.warn("truemed.provision.no-polling", "", due);
        }
        Action::RetrieveSession => {
            checks.check("rulebound.lookup.nothing-known", "", matches!(row.charge, Charge::Open { .. }) || is_lease);
        }
        Action::Delete => {
            checks.check("truemed.token.delete-final", "", row.token_state != TokenState::Deleted);
            let known = matches!(row.token_state, TokenState::Issued | TokenState::Deleted) || is_lease;
            checks.check("rulebound.action.not-now", "", known);
        }
    }
}

fn create(row: &Row, checks: &mut Checks) {
    checks.check("truemed.token.delete-final", "", row.token_state != TokenState::Deleted);
    let started = matches!(row.token_state, TokenState::Adopting | TokenState::Issued | TokenState::Deleting);
    checks.check("rulebound.flow.already-started", "", !started);
    if let Some(open) = row.outbox.iter().find(|it| matches!(it.work, Work::Charge(_))) {
        checks.unblock("rulebound.intent.one-at-a-time", UnblockedBy::Reply(open.id.clone()));
    }
}

fn one_charge(row: &Row, is_lease: bool, checks: &mut Checks) {
    if matches!(row.charge, Charge::Requested { .. } | Charge::Open { .. }) && !is_lease {
        checks.unblock("rulebound.intent.one-at-a-time", UnblockedBy::Signal("payment_session_complete"));
    }
}

fn charge(row: &Row, now: Timestamp, is_lease: bool, checks: &mut Checks) {
    const EARLY: &str = "truemed.provision.no-charge-before-webhook";
    match row.token_state {
        TokenState::Issued => {}
        TokenState::Deleting | TokenState::Deleted => return checks.check("truemed.token.delete-final", "", false),
        TokenState::Absent => return checks.unblock(EARLY, UnblockedBy::Action("create_payment_token")),
        _ => return checks.unblock(EARLY, UnblockedBy::Signal(TOKEN_UPDATED)),
    }
    if row.items != Change::Settled || row.card != Change::Settled {
        let open = row.outbox.iter().find(|it| matches!(it.work, Work::Update(..)));
        let unblocked_by = open.map_or(UnblockedBy::Signal(TOKEN_UPDATED), |it| UnblockedBy::Reply(it.id.clone()));
        checks.unblock("truemed.update.no-charge-while-action", unblocked_by);
    }
    if matches!(row.charge, Charge::Failed { .. }) {
        checks.unblock("truemed.charge.resume-on-webhook", UnblockedBy::Signal(TOKEN_UPDATED));
    }
    one_charge(row, is_lease, checks);
    if row.lmn_expires_at.is_some_and(|end| end <= now) {
        let unblocked_by = Some(UnblockedBy::Action(ITEMS));
        checks.warned.push(Broken { rule: "truemed.upkeep.lmn-expiry", pointer: "", unblocked_by, instead: &[] });
    }
}

fn update(row: &Row, change: &Change, own: fn(&Entry) -> bool, now: Timestamp, is_lease: bool, checks: &mut Checks) {
    const NONE: &str = "truemed.update.needs-existing-token";
    match row.token_state {
        TokenState::Issued => {}
        TokenState::Deleting | TokenState::Deleted => checks.check("truemed.token.delete-final", "", false),
        TokenState::Absent => checks.unblock(NONE, UnblockedBy::Action("create_payment_token")),
        _ => checks.unblock(NONE, UnblockedBy::Signal(TOKEN_UPDATED)),
    }
    let is_leased = |it: &&Entry| own(it) && it.leased_until.is_some_and(|end| end > now);
    if matches!(change, Change::Updating { .. })
        && !is_lease
        && let Some(open) = row.outbox.iter().find(is_leased)
    {
        checks.unblock("truemed.update.one-open-change", UnblockedBy::Reply(open.id.clone()));
    }
}

/// Whether it is an update of the items.
pub(super) fn is_of_items(it: &Entry) -> bool {
    matches!(&it.work, Work::Update(_, update) if update.order_items.is_some())
}

/// Whether it is an update of the card.
pub(super) fn is_of_card(it: &Entry) -> bool {
    matches!(&it.work, Work::Update(_, update) if update.order_items.is_none())
}
