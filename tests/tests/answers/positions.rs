//! The positions from which a reply is read.

use rulebound_tests::rows::{Facade, Row, Taken, text};
use serde_json::{Value, json};

use crate::samples::{Class, Operation};
use crate::way::Turn;

/// What stands between two steps.
const PAUSE: i64 = 1000;

/// Longer than a lease.
const LEASE: i64 = 6 * 60_000;

/// Something that happens to a request before its reply is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Move {
    Begin,
    Lost,
    NotSent,
    Reply(u16),
    Refusal,
    Wait,
    Restored,
}

/// How the other sendings of a request stand when a reply is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Others {
    /// There are none, or they did nothing.
    None,
    /// Another one may have been taken.
    Open,
    /// Another one was refused, and no other is open.
    Refused,
}

/// Which sending a reply says that it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum To {
    First,
    Last,
    Unsaid,
}

/// Where in the life of a request a reply is read.
#[derive(Debug)]
pub(crate) struct Position {
    pub(crate) name: &'static str,
    moves: &'static [Move],
    pub(crate) to: To,
    pub(crate) turn: Turn,
    pub(crate) others: Others,
    classes: &'static [Class],
}

const ALL: &[Class] = &[Class::SameKey, Class::Reconcile, Class::Goal, Class::Harmless, Class::Lookup];
const AGAIN: &[Class] = &[Class::SameKey, Class::Goal];
const HARMLESS: &[Class] = &[Class::SameKey, Class::Goal, Class::Harmless];

/// Every position; the webhook that names a request has its own, see `named`.
pub(crate) const POSITIONS: &[Position] = &[
    position("first", &[Move::Begin], To::Last, Turn::Only, Others::None, ALL),
    position("late, after `lost`", &[Move::Begin, Move::Lost], To::Last, Turn::Only, Others::None, ALL),
    position("after the lease", &[Move::Begin, Move::Wait], To::Last, Turn::Only, Others::None, ALL),
    position("after a 429", &[Move::Begin, Move::Reply(429), Move::Begin], To::Last, Turn::Among, Others::None, ALL),
    position("after a 401", &[Move::Begin, Move::Reply(401), Move::Begin], To::Last, Turn::Among, Others::None, ALL),
    position("after `not_sent`", &[Move::Begin, Move::NotSent, Move::Begin], To::Last, Turn::Among, Others::None, ALL),
    position(
        "to the second, the first lost",
        &[Move::Begin, Move::Lost, Move::Begin],
        To::Last,
        Turn::Later,
        Others::Open,
        HARMLESS,
    ),
    position(
        "to the first, the second open",
        &[Move::Begin, Move::Lost, Move::Begin],
        To::First,
        Turn::Among,
        Others::Open,
        HARMLESS,
    ),
    position(
        "to the first, the second refused",
        &[Move::Begin, Move::Lost, Move::Begin, Move::Refusal],
        To::First,
        Turn::Among,
        Others::Refused,
        AGAIN,
    ),
    position("to either of two", &[Move::Begin, Move::Lost, Move::Begin], To::Unsaid, Turn::Among, Others::Open, AGAIN),
    position("after `restored`", &[Move::Restored, Move::Begin], To::Last, Turn::Among, Others::Open, AGAIN),
];

const fn position(
    name: &'static str,
    moves: &'static [Move],
    to: To,
    turn: Turn,
    others: Others,
    classes: &'static [Class],
) -> Position {
    Position { name, moves, to, turn, others, classes }
}

/// A request in a position, of which a reply is read next.
#[derive(Debug)]
pub(crate) struct Stand {
    pub(crate) row: Row,
    /// The sending that replies are about.
    pub(crate) taken: Taken,
    pub(crate) to: To,
}

impl Position {
    /// Whether the sending that is replied to was said to be lost before, so that nothing new is learnt from a reply that
    /// says nothing.
    pub(crate) fn is_lost(&self) -> bool {
        self.moves.contains(&Move::Lost) && (self.to == To::First || self.moves.last() == Some(&Move::Lost))
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
    ) -> Result<Stand, String> {
        let mut taken: Vec<Taken> = Vec::new();
        for step in self.moves {
            row.now += PAUSE;
            let last = taken.last().cloned().unwrap_or_default();
            let fact = match step {
                Move::Begin => {
                    let again = taken.first().map(|it| it.id.clone());
                    let names = again.map_or_else(|| names.to_vec(), |id| vec![id]);
                    taken.push(facade.begin(&mut row, &names)?);
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
            facade.tell(&mut row, &fact)?;
        }
        row.now += PAUSE;
        let first_or_last = if self.to == To::First { taken.first() } else { taken.last() };
        Ok(Stand { taken: first_or_last.cloned().unwrap_or_default(), row, to: self.to })
    }
}

impl Stand {
    pub(crate) fn reply(&self, status: u16, body: &str) -> Value {
        let mut fact = self.taken.reply(status, body);
        if let (To::Unsaid, Some(members)) = (self.to, fact.as_object_mut()) {
            members.remove("sending");
        }
        fact
    }
}
