//! What was paid, and what of it goes back: by payments, each of which has one transaction or more.

mod lines;
mod name;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::Fingerprints;
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::api::event::EventSeen;
use crate::providers::revup::api::notification::TransactionType;
use crate::providers::revup::api::payments::Made;
use crate::providers::revup::api::replies::{TransactionSeen, TransactionStatus, TransactionsSeen};
use crate::providers::revup::ids::TransactionId;
use lines::{Other, Paid};
use name::{Name, Short};

/// How many payments, and how many of our refunds, are remembered: more than two years of weeks.
const REMEMBERED: usize = 128;

/// How many of each kind are remembered by their names in full.
const RECENT: usize = 12;

/// The payments of a subscription, and their refunds. What goes back of a payment is never forgotten.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionLedger"))]
#[serde(deny_unknown_fields)]
pub(super) struct Ledger {
    /// The newest payments, by their transactions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    paid: Vec<Paid>,
    /// Whether there were more of them: one that is not known may be of those.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    forgot: bool,
    /// What goes back of each payment, or may, by the transaction that gives it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given: Vec<Given>,
    /// The transactions of the newest refunds.
    #[serde(default, skip_serializing_if = "Fingerprints::is_empty")]
    refunds: Fingerprints,
    /// The refunds that nobody asked for here, such as those of the back office.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<Other>,
}

/// The refunds of one transaction of a payment.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionGiven"))]
#[serde(deny_unknown_fields)]
struct Given {
    /// The transaction that took the money.
    transaction: Name,
    /// What was given back of it, or is being.
    sum: Decimal,
}

/// Whether a refund has room in its payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Room {
    /// It has.
    Enough,
    /// The payment was less than all its refunds would be.
    Short {
        /// What is left of it.
        left: Decimal,
        /// Whether the amount of the payment is proved.
        proved: bool,
    },
    /// Nobody knows the amount of the payment, and as much was given back before.
    Unknown,
    /// The payment may be one that is no longer remembered.
    Forgotten,
}

/// One payment by all its names: its transactions, and what Revup calls it.
struct Payment<'a> {
    /// What is known of the transaction that was asked for.
    paid: Option<&'a Paid>,
    names: Vec<Short>,
    /// Whether Revup's own name of it is known.
    is_named: bool,
}

impl Payment<'_> {
    fn has(&self, name: &Name) -> bool {
        self.names.contains(&name.short())
    }
}

impl Ledger {
    pub(super) const fn is_empty(&self) -> bool {
        self.paid.is_empty() && self.given.is_empty() && self.refunds.is_empty() && self.others.is_empty()
    }

    /// Notes how much a payment was. What is only told replaces nothing that is proved.
    pub(super) fn note(&mut self, made: Made, proved: bool) {
        let mut paid = Paid::new(made, proved);
        let short = paid.transaction.short();
        match self.paid.iter_mut().find(|it| it.transaction.is(&paid.transaction, short)) {
            Some(known) if known.proved && !proved => {}
            Some(known) => {
                paid.payment = paid.payment.or_else(|| known.payment.take());
                if known.transaction.is_short() {
                    paid.shorten();
                }
                *known = paid;
            }
            None => {
                self.paid.push(paid);
                self.forget();
                shorten(&mut self.paid, Paid::shorten);
            }
        }
    }

    /// Forgets a payment where there are too many: one that was only told, or else the oldest.
    fn forget(&mut self) {
        if self.paid.len() > REMEMBERED {
            let told = self.paid.iter().position(|it| !it.proved);
            self.forgot |= told.is_none();
            self.paid.remove(told.unwrap_or(0));
        }
    }

    /// Whether another refund has room in a payment.
    pub(super) fn room(&self, of: &TransactionId, amount: Decimal) -> Room {
        let payment = self.payment(of);
        let (others, placed) = self.others(&payment);
        let ours = self.given.iter().filter(|it| payment.has(&it.transaction)).map(|it| it.sum);
        let given = sum(ours.chain(others));
        let Some(paid) = payment.paid else {
            let repeats = given.is_some_and(|given| given.at_most(amount) != Some(false));
            return match () {
                () if self.forgot => Room::Forgotten,
                () if repeats => Room::Unknown,
                () => Room::Enough,
            };
        };
        let given = given.unwrap_or(Decimal::ZERO);
        let fits = given.plus(amount).and_then(|all| all.at_most(paid.amount)) == Some(true);
        let left = paid.amount.minus(given).filter(|left| !left.is_negative()).unwrap_or(Decimal::ZERO);
        if fits { Room::Enough } else { Room::Short { left, proved: paid.proved && placed } }
    }

    /// The payment of a transaction: whatever shares a name with it is of the same one.
    fn payment(&self, of: &TransactionId) -> Payment<'_> {
        let own = Name::of(of.as_str());
        let short = own.short();
        let paid = self.paid.iter().find(|it| it.transaction.is(&own, short));
        // What is only told links nothing to a payment that is proved.
        let counts = |it: &&Paid| it.proved || paid.is_some_and(|paid| !paid.proved);
        let links: Vec<(Short, Option<Short>)> = self
            .paid
            .iter()
            .filter(counts)
            .map(|it| (it.transaction.short(), it.payment.as_ref().map(Name::short)))
            .collect();
        let mut names = alloc::vec![short];
        let mut known = 0;
        while known < names.len() {
            known = names.len();
            for (transaction, payment) in &links {
                let both = [Some(*transaction), *payment];
                if both.iter().flatten().any(|it| names.contains(it)) {
                    let new = both.into_iter().flatten().filter(|it| !names.contains(it));
                    names.extend(new.collect::<Vec<_>>());
                }
            }
        }
        let is_named = names.iter().any(|name| *name != short && links.iter().all(|it| it.0 != *name));
        Payment { paid, names, is_named }
    }

    /// What others gave back of a payment, and whether it is known to be of that one: while nothing tells which payment
    /// a refund is of, it may be of any whose name is not known either.
    fn others(&self, of: &Payment<'_>) -> (Vec<Decimal>, bool) {
        let is_of = |it: &Paid, name: Short| {
            it.transaction.short() == name || it.payment.as_ref().is_some_and(|it| it.short() == name)
        };
        let (mut all, mut placed) = (Vec::new(), true);
        for it in self.others.iter().filter(|it| it.proved) {
            let (name, named) = (it.of.short(), of.has(&it.of));
            if named || (!of.is_named && !self.paid.iter().any(|paid| is_of(paid, name))) {
                all.push(it.amount);
                placed &= named;
            }
        }
        (all, placed)
    }

    /// The currency of a payment, where a lookup or an event with proof has shown it.
    pub(super) fn currency(&self, of: &TransactionId) -> Option<&str> {
        let own = Name::of(of.as_str());
        let short = own.short();
        self.paid.iter().find(|it| it.proved && it.transaction.is(&own, short))?.currency.as_deref()
    }

    /// A part of a payment goes back, or may.
    pub(super) fn give(&mut self, of: &TransactionId, amount: Decimal) {
        let own = Name::of(of.as_str());
        let short = own.short();
        match self.given.iter_mut().find(|it| it.transaction.is(&own, short)) {
            Some(given) => given.sum = given.sum.plus(amount).unwrap_or(given.sum),
            None => {
                self.given.push(Given { transaction: own, sum: amount.plain() });
                shorten(&mut self.given, |it| it.transaction.shorten());
            }
        }
    }

    /// A part of a payment did not go back.
    pub(super) fn take_back(&mut self, of: &TransactionId, amount: Decimal) {
        let own = Name::of(of.as_str());
        let short = own.short();
        if let Some(index) = self.given.iter().position(|it| it.transaction.is(&own, short))
            && let Some(given) = self.given.get_mut(index)
        {
            given.sum = given.sum.minus(amount).unwrap_or(given.sum);
            if given.sum.is_negative() || given.sum.is_zero() {
                self.given.remove(index);
            }
        }
    }

    /// Notes a refund that nobody asked for here, once, however often it is told.
    fn note_other(&mut self, by: &TransactionId, of: Name, amount: Decimal, proved: bool) {
        if self.knows(by) || amount.is_negative() {
            return;
        }
        let transaction = Name::of(by.as_str());
        let short = transaction.short();
        match self.others.iter_mut().find(|it| it.transaction.is(&transaction, short)) {
            Some(known) if known.proved && !proved => {}
            Some(known) => (known.of, known.amount, known.proved) = (of, amount.plain(), proved),
            None => {
                self.others.push(Other { transaction, of, amount: amount.plain(), proved });
                // What is only told counts for nothing, and anybody can tell it.
                let told = |it: &&Other| !it.proved;
                if self.others.iter().filter(told).count() > RECENT
                    && let Some(oldest) = self.others.iter().position(|it| !it.proved)
                {
                    self.others.remove(oldest);
                }
                shorten(&mut self.others, Other::shorten);
            }
        }
    }

    /// An event lists refunds: with proof, those that are not ours count at once. Whether there is any that did not count yet.
    pub(super) fn count_listed(&mut self, event: &EventSeen, is_proved: bool) -> bool {
        let Some(payment) = event.payment_name() else { return false };
        let mut is_new = false;
        for (transaction, amount) in event.refunds() {
            is_new |= !(self.knows(&transaction) || self.counts(&transaction));
            self.note_other(&transaction, Name::of(&payment), amount, is_proved);
        }
        is_new
    }

    /// A lookup shows the transactions of an order: its refunds that are not ours count, by their transactions.
    pub(super) fn count(&mut self, list: &TransactionsSeen) {
        let is_done = |it: &&TransactionSeen| it.status == TransactionStatus::Success;
        let mut payments = list.all.iter().filter(is_done).filter(|it| it.kind == Some(TransactionType::Payment));
        // Nothing links a refund to one of several payments, unless an event does.
        let alone = match (payments.next(), payments.next()) {
            (Some(payment), None) if !list.odd => Some(payment.id.as_str()),
            _ => None,
        };
        for refund in list.all.iter().filter(is_done).filter(|it| it.is_a_refund()) {
            let payment = self.payment_of(&refund.id).or_else(|| alone.map(Name::of));
            if let (Some(payment), Some(amount)) = (payment, refund.money.amount) {
                self.note_other(&refund.id, payment, amount, true);
            }
        }
    }

    /// A refund that nobody asked for here, if it was told.
    fn other(&self, by: &TransactionId) -> Option<&Other> {
        let name = Name::of(by.as_str());
        let short = name.short();
        self.others.iter().find(|it| it.transaction.is(&name, short))
    }

    /// Whether a refund that nobody asked for here counts already.
    fn counts(&self, other: &TransactionId) -> bool {
        self.other(other).is_some_and(|it| it.proved)
    }

    /// The payment of a refund that nobody asked for here, where one was told.
    fn payment_of(&self, other: &TransactionId) -> Option<Name> {
        self.other(other).map(|it| it.of.clone())
    }

    /// A refund of ours is done by a transaction that nobody has named: one that was told lately and is as large may be it.
    pub(super) fn claim(&mut self, of: &TransactionId, amount: Decimal) {
        let payment = self.payment(of);
        let is_it = |it: &&Other| it.amount.is(amount) && payment.has(&it.of);
        let ids = self.others.iter().filter(is_it).filter_map(|it| it.transaction.full());
        if let Some(by) = ids.filter_map(TransactionId::told).next() {
            self.refunded(&by);
        }
    }

    /// Notes the transaction of a refund of ours, so that it is never taken for another one's.
    pub(super) fn refunded(&mut self, by: &TransactionId) {
        let name = Name::of(by.as_str());
        let short = name.short();
        self.others.retain(|it| !it.transaction.is(&name, short));
        self.refunds.add(by.as_str(), REMEMBERED);
    }

    /// Whether a transaction is a known refund's.
    pub(super) fn knows(&self, refund: &TransactionId) -> bool {
        self.refunds.has(refund.as_str())
    }
}

fn sum(all: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    all.reduce(|sum, it| sum.plus(it).unwrap_or(sum))
}

/// Keeps of what has become older than the newest no more than fingerprints.
fn shorten<T>(all: &mut [T], how: impl Fn(&mut T)) {
    if let Some(older) = all.len().checked_sub(RECENT + 1).and_then(|index| all.get_mut(index)) {
        how(older);
    }
}
