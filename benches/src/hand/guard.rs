//! The rules of a wish that the row and the clock decide.

use rulebound::time::Timestamp;

use super::{Broken, Change, Charge, Duty, Obligation, Place, Row, Until};

/// The signal from whose receipt a token can be charged.
pub(super) const TOKEN_UPDATED: &str = "payment_token_updated";
/// The wish to change the items.
pub(super) const ITEMS: &str = "update_payment_token/items";

/// Broken rules, and those that are only warned about.
#[derive(Default)]
pub(super) struct Found {
    pub(super) broken: Vec<Broken>,
    pub(super) warned: Vec<Broken>,
}

impl Found {
    pub(super) fn refuse(&mut self, rule: &'static str, at: &'static str, holds: bool) {
        if !holds {
            self.broken.push(Broken { rule, at, until: None, instead: &[] });
        }
    }

    pub(super) fn warn(&mut self, rule: &'static str, at: &'static str, holds: bool) {
        if !holds {
            self.warned.push(Broken { rule, at, until: None, instead: &[] });
        }
    }

    fn until(&mut self, rule: &'static str, until: Until) {
        self.broken.push(Broken { rule, at: "", until: Some(until), instead: &[] });
    }
}

/// What a button asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Wish {
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

impl Wish {
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

/// The rules of a wish, or (`begins`) of a request that came from one and is about to be sent.
pub(super) fn guard(at: &Row, wish: Wish, now: Timestamp, begins: bool, found: &mut Found) {
    match wish {
        Wish::Create => create(at, found),
        Wish::Tokenize => {
            create(at, found);
            one_charge(at, begins, found);
        }
        Wish::Charge => charge(at, now, begins, found),
        Wish::Items => update(at, &at.items, is_of_items, now, begins, found),
        Wish::Card => update(at, &at.card, is_of_card, now, begins, found),
        Wish::Retrieve => {
            if at.token.is_none() && !matches!(at.place, Place::Absent | Place::Adopting) {
                found.until("rulebound.action.not-now", Until::Signal(TOKEN_UPDATED));
            }
        }
        Wish::RetrieveProvision => {
            let named =
                at.provisions.iter().any(|it| it.origin.is_some()) || at.pending().any(|it| it.origin.is_some());
            found.refuse("rulebound.action.not-now", "", named || begins);
            let polled = at.provisions.last().filter(|it| it.watch.is_fresh()).and_then(|it| it.watch.next());
            let due = begins || polled.is_none_or(|at| at <= now);
            found.warn("truemed.provision.no-polling", "", due);
        }
        Wish::RetrieveSession => {
            found.refuse("rulebound.action.not-now", "", matches!(at.charge, Charge::Open { .. }) || begins);
        }
        Wish::Delete => {
            found.refuse("truemed.token.delete-final", "", at.place != Place::Deleted);
            let known = matches!(at.place, Place::Issued | Place::Deleted) || begins;
            found.refuse("rulebound.action.not-now", "", known);
        }
    }
}

fn create(at: &Row, found: &mut Found) {
    found.refuse("truemed.token.delete-final", "", at.place != Place::Deleted);
    let begun = matches!(at.place, Place::Adopting | Place::Issued | Place::Deleting);
    found.refuse("rulebound.flow.already-started", "", !begun);
    if let Some(open) = at.owed.iter().find(|it| matches!(it.duty, Duty::Charge(_))) {
        found.until("rulebound.intent.one-at-a-time", Until::Reply(open.id.clone()));
    }
}

fn one_charge(at: &Row, begins: bool, found: &mut Found) {
    if matches!(at.charge, Charge::Requested { .. } | Charge::Open { .. }) && !begins {
        found.until("rulebound.intent.one-at-a-time", Until::Signal("payment_session_complete"));
    }
}

fn charge(at: &Row, now: Timestamp, begins: bool, found: &mut Found) {
    const EARLY: &str = "truemed.provision.no-charge-before-webhook";
    match at.place {
        Place::Issued => {}
        Place::Deleting | Place::Deleted => return found.refuse("truemed.token.delete-final", "", false),
        Place::Absent => return found.until(EARLY, Until::Wish("create_payment_token")),
        _ => return found.until(EARLY, Until::Signal(TOKEN_UPDATED)),
    }
    if at.items != Change::Settled || at.card != Change::Settled {
        let asked = at.owed.iter().find(|it| matches!(it.duty, Duty::Update(..)));
        let until = asked.map_or(Until::Signal(TOKEN_UPDATED), |it| Until::Reply(it.id.clone()));
        found.until("truemed.update.no-charge-while-action", until);
    }
    if matches!(at.charge, Charge::Failed { .. }) {
        found.until("truemed.charge.resume-on-webhook", Until::Signal(TOKEN_UPDATED));
    }
    one_charge(at, begins, found);
    if at.lmn_expires_at.is_some_and(|end| end <= now) {
        let until = Some(Until::Wish(ITEMS));
        found.warned.push(Broken { rule: "truemed.upkeep.lmn-expiry", at: "", until, instead: &[] });
    }
}

fn update(at: &Row, change: &Change, own: fn(&Obligation) -> bool, now: Timestamp, begins: bool, found: &mut Found) {
    const NONE: &str = "truemed.update.needs-existing-token";
    match at.place {
        Place::Issued => {}
        Place::Deleting | Place::Deleted => found.refuse("truemed.token.delete-final", "", false),
        Place::Absent => found.until(NONE, Until::Wish("create_payment_token")),
        _ => found.until(NONE, Until::Signal(TOKEN_UPDATED)),
    }
    let in_hand = |it: &&Obligation| own(it) && it.in_hand_until.is_some_and(|end| end > now);
    if matches!(change, Change::Updating { .. })
        && !begins
        && let Some(asked) = at.owed.iter().find(in_hand)
    {
        found.until("truemed.update.one-open-change", Until::Reply(asked.id.clone()));
    }
}

/// Whether it is an update of the items.
pub(super) fn is_of_items(it: &Obligation) -> bool {
    matches!(&it.duty, Duty::Update(_, update) if update.order_items.is_some())
}

/// Whether it is an update of the card.
pub(super) fn is_of_card(it: &Obligation) -> bool {
    matches!(&it.duty, Duty::Update(_, update) if update.order_items.is_none())
}
