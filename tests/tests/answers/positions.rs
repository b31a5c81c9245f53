//! The positions in the life of a request in which a reply is read.

use rulebound_tests::rows::{Facade, Leased, Row, text};
use serde_json::{Value, json};

use crate::outcome::Turn;
use crate::samples::{Class, Operation};

/// The time between two steps.
const PAUSE: i64 = 1000;

/// Longer than a lease.
const LEASE: i64 = 6 * 60_000;

/// Something that happens to a request before its reply is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Move {
    Lease,
    Lost,
    NotSent,
    Reply(u16),
    Refusal,
    Wait,
    Restored,
}

/// What is known about the other sendings of a request when a reply is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Others {
    /// There are none, or they did nothing.
    None,
    /// The provider may have accepted another one.
    Open,
    /// Another one was refused, and no other is open.
    Refused,
}

/// The sending that a reply names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    First,
    Last,
    Unnamed,
}

/// Where in the life of a request a reply is read.
#[derive(Debug)]
pub(crate) struct Position {
    pub(crate) name: &'static str,
    moves: &'static [Move],
    pub(crate) target: Target,
    pub(crate) turn: Turn,
    pub(crate) others: Others,
    classes: &'static [Class],
}

const ALL: &[Class] = &[Class::SameKey, Class::Reconcile, Class::Goal, Class::Harmless, Class::Lookup];
const AGAIN: &[Class] = &[Class::SameKey, Class::Goal];
const HARMLESS: &[Class] = &[Class::SameKey, Class::Goal, Class::Harmless];

/// Every position. `named` has those of the webhook that names a request.
pub(crate) const POSITIONS: &[Position] = &[
    position("first", &[Move::Lease], Target::Last, Turn::Only, Others::None, ALL),
    position("late, after `lost`", &[Move::Lease, Move::Lost], Target::Last, Turn::Only, Others::None, ALL),
    position("after the lease", &[Move::Lease, Move::Wait], Target::Last, Turn::Only, Others::None, ALL),
    position(
        "after a 429",
        &[Move::Lease, Move::Reply(429), Move::Lease],
        Target::Last,
        Turn::Among,
        Others::None,
        ALL,
    ),
    position(
        "after a 401",
        &[Move::Lease, Move::Reply(401), Move::Lease],
        Target::Last,
        Turn::Among,
        Others::None,
        ALL,
    ),
    position(
        "after `not_sent`",
        &[Move::Lease, Move::NotSent, Move::Lease],
        Target::Last,
        Turn::Among,
        Others::None,
        ALL,
    ),
    position(
        "to the second, the first lost",
        &[Move::Lease, Move::Lost, Move::Lease],
        Target::Last,
        Turn::Later,
        Others::Open,
        HARMLESS,
    ),
    position(
        "to the first, the second open",
        &[Move::Lease, Move::Lost, Move::Lease],
        Target::First,
        Turn::Among,
        Others::Open,
        HARMLESS,
    ),
    position(
        "to the first, the second refused",
        &[Move::Lease, Move::Lost, Move::Lease, Move::Refusal],
        Target::First,
        Turn::Among,
        Others::Refused,
        AGAIN,
    ),
    position(
        "to either of two",
        &[Move::Lease, Move::Lost, Move::Lease],
        Target::Unnamed,
        Turn::Among,
        Others::Open,
        AGAIN,
    ),
    position("after `restored`", &[Move::Restored, Move::Lease], Target::Last, Turn::Among, Others::Open, AGAIN),
];

const fn position(
    name: &'static str,
    moves: &'static [Move],
    target: Target,
    turn: Turn,
    others: Others,
    classes: &'static [Class],
) -> Position {
    Position { name, moves, target, turn, others, classes }
}

/// A request in a position, before the reply.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) row: Row,
    /// The sending that the reply is about.
    pub(crate) leased: Leased,
    pub(crate) target: Target,
    /// Whether the row was restored from a backup.
    pub(crate) restored: bool,
}

impl Position {
    /// Whether the fact `lost` came before, so that an unreadable reply adds nothing.
    pub(crate) fn is_lost(&self) -> bool {
        self.moves.contains(&Move::Lost) && (self.target == Target::First || self.moves.last() == Some(&Move::Lost))
    }

    /// Whether the row was restored from a backup before.
    pub(crate) fn is_restored(&self) -> bool {
        self.moves.contains(&Move::Restored)
    }

    /// Whether there is such a position for an operation.
    pub(crate) fn is_for(&self, operation: &Operation) -> bool {
        self.classes.contains(&operation.class)
            && (!self.moves.contains(&Move::Refusal) || !operation.refusals.is_empty())
    }

    /// Brings a pending request into the position.
    pub(crate) fn reach(
        &self,
        facade: &Facade,
        mut row: Row,
        names: &[String],
        operation: &Operation,
    ) -> Result<Placed, String> {
        let mut leased: Vec<Leased> = Vec::new();
        for step in self.moves {
            row.now += PAUSE;
            let last = leased.last().cloned().unwrap_or_default();
            let fact = match step {
                Move::Lease => {
                    let again = leased.first().map(|it| it.id.clone());
                    let names = again.map_or_else(|| names.to_vec(), |id| vec![id]);
                    leased.push(facade.lease_when_ready(&mut row, &names)?);
                    continue;
                }
                Move::Wait => {
                    row.now += LEASE;
                    continue;
                }
                Move::Lost => last.fact(json!({"type": "lost"})),
                Move::NotSent => last.fact(json!({"type": "not_sent"})),
                Move::Restored => json!({"type": "restored", "taken_at": row.now - PAUSE}),
                Move::Reply(status) => last.reply(*status, r#"{"error":"Unauthorized","message":"no"}"#),
                Move::Refusal => {
                    let refusal = operation.refusals.first().ok_or("no refusal is documented")?;
                    last.reply(refusal.status, &text(&refusal.body))
                }
            };
            facade.report(&mut row, &fact)?;
        }
        row.now += PAUSE;
        let first_or_last = if self.target == Target::First { leased.first() } else { leased.last() };
        Ok(Placed {
            leased: first_or_last.cloned().unwrap_or_default(),
            row,
            target: self.target,
            restored: self.is_restored(),
        })
    }
}

impl Placed {
    pub(crate) fn reply(&self, status: u16, body: &str) -> Value {
        let mut fact = self.leased.reply(status, body);
        if let (Target::Unnamed, Some(members)) = (self.target, fact.as_object_mut()) {
            members.remove("sending");
        }
        fact
    }
}
