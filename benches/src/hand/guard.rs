//! The rules of an action that the row and the clock decide.

use rulebound::time::Timestamp;

use super::{Broken, Change, Charge, Entry, Place, Row, UnblockedBy, Work};

/// The signal after which a token can be charged.
pub(super) const TOKEN_UPDATED: &str = "payment_token_updated";
/// The action to change the items.
pub(super) const ITEMS: &str = "update_payment_token/items";

/// Broken rules, and those that are only warned about.
#[derive(Default)]
pub(super) struct Found {
    pub(super) broken: Vec<Broken>,
    pub(super) warned: Vec<Broken>,
}

impl Found {
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

/// What a button asks for.
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
pub(super) fn guard(at: &Row, action: Action, now: Timestamp, is_lease: bool, found: &mut Found) {
    match action {
        Action::Create => create(at, found),
        Action::Tokenize => {
            create(at, found);
            one_charge(at, is_lease, found);
        }
        Action::Charge => charge(at, now, is_lease, found),
        Action::Items => update(at, &at.items, is_of_items, now, is_lease, found),
        Action::Card => update(at, &at.card, is_of_card, now, is_lease, found),
        Action::Retrieve => {
            if at.token.is_none() && !matches!(at.place, Place::Absent | Place::Adopting) {
                found.unblock("rulebound.lookup.nothing-known", UnblockedBy::Signal(TOKEN_UPDATED));
            }
        }
        Action::RetrieveProvision => {
            let named =
                at.provisions.iter().any(|it| it.origin.is_some()) || at.pending().any(|it| it.origin.is_some());
            found.check("rulebound.lookup.nothing-known", "", named || is_lease);
            let polled = at.provisions.last().filter(|it| it.watch.is_fresh()).and_then(|it| it.watch.next());
            let due = is_lease || polled.is_none_or(|at| at <= now);
            found.warn("truemed.provision.no-polling", "", due);
        }
        Action::RetrieveSession => {
            found.check("rulebound.lookup.nothing-known", "", matches!(at.charge, Charge::Open { .. }) || is_lease);
        }
        Action::Delete => {
            found.check("truemed.token.delete-final", "", at.place != Place::Deleted);
            let known = matches!(at.place, Place::Issued | Place::Deleted) || is_lease;
            found.check("rulebound.action.not-now", "", known);
        }
    }
}

fn create(at: &Row, found: &mut Found) {
    found.check("truemed.token.delete-final", "", at.place != Place::Deleted);
    let started = matches!(at.place, Place::Adopting | Place::Issued | Place::Deleting);
    found.check("rulebound.flow.already-started", "", !started);
    if let Some(open) = at.outbox.iter().find(|it| matches!(it.work, Work::Charge(_))) {
        found.unblock("rulebound.intent.one-at-a-time", UnblockedBy::Reply(open.id.clone()));
    }
}

fn one_charge(at: &Row, is_lease: bool, found: &mut Found) {
    if matches!(at.charge, Charge::Requested { .. } | Charge::Open { .. }) && !is_lease {
        found.unblock("rulebound.intent.one-at-a-time", UnblockedBy::Signal("payment_session_complete"));
    }
}

fn charge(at: &Row, now: Timestamp, is_lease: bool, found: &mut Found) {
    const EARLY: &str = "truemed.provision.no-charge-before-webhook";
    match at.place {
        Place::Issued => {}
        Place::Deleting | Place::Deleted => return found.check("truemed.token.delete-final", "", false),
        Place::Absent => return found.unblock(EARLY, UnblockedBy::Action("create_payment_token")),
        _ => return found.unblock(EARLY, UnblockedBy::Signal(TOKEN_UPDATED)),
    }
    if at.items != Change::Settled || at.card != Change::Settled {
        let asked = at.outbox.iter().find(|it| matches!(it.work, Work::Update(..)));
        let unblocked_by = asked.map_or(UnblockedBy::Signal(TOKEN_UPDATED), |it| UnblockedBy::Reply(it.id.clone()));
        found.unblock("truemed.update.no-charge-while-action", unblocked_by);
    }
    if matches!(at.charge, Charge::Failed { .. }) {
        found.unblock("truemed.charge.resume-on-webhook", UnblockedBy::Signal(TOKEN_UPDATED));
    }
    one_charge(at, is_lease, found);
    if at.lmn_expires_at.is_some_and(|end| end <= now) {
        let unblocked_by = Some(UnblockedBy::Action(ITEMS));
        found.warned.push(Broken { rule: "truemed.upkeep.lmn-expiry", pointer: "", unblocked_by, instead: &[] });
    }
}

fn update(at: &Row, change: &Change, own: fn(&Entry) -> bool, now: Timestamp, is_lease: bool, found: &mut Found) {
    const NONE: &str = "truemed.update.needs-existing-token";
    match at.place {
        Place::Issued => {}
        Place::Deleting | Place::Deleted => found.check("truemed.token.delete-final", "", false),
        Place::Absent => found.unblock(NONE, UnblockedBy::Action("create_payment_token")),
        _ => found.unblock(NONE, UnblockedBy::Signal(TOKEN_UPDATED)),
    }
    let is_leased = |it: &&Entry| own(it) && it.leased_until.is_some_and(|end| end > now);
    if matches!(change, Change::Updating { .. })
        && !is_lease
        && let Some(asked) = at.outbox.iter().find(is_leased)
    {
        found.unblock("truemed.update.one-open-change", UnblockedBy::Reply(asked.id.clone()));
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
