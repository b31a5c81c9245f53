//! What has to hold after a reply, by the way in which its sending ends.

use rulebound_tests::rows::Seen;

use crate::bodies::Body;
use crate::positions::{Others, To};
use crate::samples::{Class, On, Operation};
use crate::shape::any;
use crate::way::{Turn, Way, is_own, is_unusual, json, way};

/// Whether something has to be, may be, or must not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Need {
    Must,
    May,
    Never,
}

/// Whether the request is sent again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Again {
    /// Under the same key.
    Same,
    /// Never, unless a lookup denies it.
    Never,
    Either,
}

/// What has to hold after a reply.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Expect {
    pub(crate) way: Way,
    /// Whether the request is discharged.
    pub(crate) gone: Need,
    /// Each good place of the operation.
    pub(crate) goods: Vec<Need>,
    /// Which of the operation's musts apply.
    pub(crate) musts: Vec<usize>,
    pub(crate) again: Again,
    /// Whether what it has to lead to may wait: for a second denial, or for the lease of another sending.
    pub(crate) patient: bool,
    /// How `failure` has to name it.
    pub(crate) kind: Option<&'static str>,
}

/// A reply, and where it is read.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) provider: &'a str,
    pub(crate) operation: &'a Operation,
    pub(crate) to: To,
    pub(crate) turn: Turn,
    pub(crate) others: Others,
    /// Whether the sending was said to be lost before.
    pub(crate) lost: bool,
    pub(crate) status: u16,
    pub(crate) body: &'a Body,
}

/// Which good places and musts of an operation are asked of a pending state.
#[derive(Debug)]
pub(crate) struct Asked {
    /// By the index of the good place, whether the row has yet to reach it.
    pub(crate) goods: Vec<bool>,
    pub(crate) musts: Vec<bool>,
}

impl Asked {
    pub(crate) fn of(operation: &Operation, pending: &str, before: Seen<'_>) -> Result<Self, String> {
        let is_from = |from: &[String]| from.is_empty() || from.iter().any(|it| it == pending);
        let good = |it: &crate::samples::Good| Ok::<_, String>(is_from(&it.from) && !before.is_at(&it.place)?);
        Ok(Self {
            goods: operation.goods.iter().map(good).collect::<Result<_, _>>()?,
            musts: operation.musts.iter().map(|it| is_from(&it.from)).collect(),
        })
    }
}

impl Case<'_> {
    pub(crate) fn expect(&self, asked: &Asked) -> Expect {
        let operation = self.operation;
        let mut way = way(self.provider, operation, self.turn, self.status, &self.body.text);
        if self.to == To::Unsaid && !matches!(way, Way::Done | Way::Open) {
            way = Way::Unknown;
        }
        let gone = self.gone(way);
        let goods = asked.goods.iter().enumerate().map(|(index, asked)| self.good(way, index, *asked)).collect();
        let musts = (0..operation.musts.len()).filter(|index| asked.musts[*index] && self.must(way, *index)).collect();
        let patient = way == Way::NotFound || self.others == Others::Open;
        Expect { way, gone, goods, musts, again: self.again(way, gone), patient, kind: self.kind(way) }
    }

    /// Whether the documents promise that this reply is a success.
    fn is_promised(&self, way: Way) -> bool {
        let reached = self.operation.reached == Some(self.status);
        // Nothing can stand in a 204 where a body is a success.
        let fits = matches!(self.status, 200..=299) && (self.status != 204 || self.operation.status == 204);
        way == Way::Done && (reached || fits && self.body.promised)
    }

    fn gone(&self, way: Way) -> Need {
        let lookup = self.operation.class == Class::Lookup;
        match way {
            Way::Done if self.is_promised(way) => Need::Must,
            Way::Done if !lookup && self.status != 204 => Need::Must,
            Way::Refused if !lookup && self.others != Others::Open => Need::Must,
            Way::Done | Way::Held | Way::Open | Way::Afoot => Need::May,
            // A lookup that shows the object is used up, though its status is new to us.
            _ if self.body.unheard && lookup => Need::May,
            // Any sending's refusal ends what is harmless.
            Way::Refused if self.operation.class == Class::Harmless => Need::Must,
            Way::NotFound => Need::May,
            Way::Refused => Need::Never,
            Way::NotAdmitted | Way::Throttled if self.others == Others::Refused => Need::May,
            Way::NotAdmitted | Way::Throttled => Need::Never,
            Way::Accepted | Way::Unknown => Need::Never,
        }
    }

    fn good(&self, way: Way, index: usize, asked: bool) -> Need {
        let Some(good) = self.operation.goods.get(index).filter(|_| asked) else { return Need::May };
        let fits = || json(&self.body.text).is_some_and(|body| any(&good.when, &body));
        match way {
            Way::Open => Need::May,
            // While an earlier sending may have been taken, a refusal leads back to nothing.
            Way::Refused if good.refused && self.others != Others::Open => Need::May,
            Way::Done if good.when.is_empty() || fits() => {
                if self.is_promised(way) && !good.optional {
                    Need::Must
                } else {
                    Need::May
                }
            }
            _ => Need::Never,
        }
    }

    fn must(&self, way: Way, index: usize) -> bool {
        let must = &self.operation.musts[index];
        let fits = || must.when.is_empty() || json(&self.body.text).is_some_and(|body| any(&must.when, &body));
        let says = must.status.is_none_or(|it| it == self.status);
        (says && fits())
            && match must.on {
                On::Done => way == Way::Done,
                On::Accepted => way == Way::Accepted,
                On::NotFound => way == Way::NotFound,
                On::Refused => way == Way::Refused,
                On::Rejected => matches!(self.status, 400..=499),
                On::Held => way == Way::Held,
                On::Unknown => way == Way::Unknown && self.to != To::Unsaid,
            }
    }

    fn again(&self, way: Way, gone: Need) -> Again {
        let once = self.operation.class == Class::Reconcile;
        match way {
            _ if gone != Need::Never => Again::Either,
            Way::Accepted => Again::Never,
            Way::Unknown => {
                if once {
                    Again::Never
                } else {
                    Again::Same
                }
            }
            Way::NotAdmitted | Way::Throttled => {
                if once && self.others == Others::Open {
                    Again::Never
                } else {
                    Again::Same
                }
            }
            _ => Again::Either,
        }
    }

    /// Whether a lookup is refused in the provider's own shape.
    fn is_refused_lookup(&self) -> bool {
        let own = |body: &serde_json::Value| body.is_object() && is_own(self.provider, self.operation, body);
        self.operation.class == Class::Lookup
            && matches!(self.status, 400..=499)
            && !is_unusual(self.operation, self.status)
            && json(&self.body.text).is_some_and(|body| own(&body))
    }

    fn kind(&self, way: Way) -> Option<&'static str> {
        match way {
            Way::NotAdmitted => Some("not_admitted"),
            Way::Throttled => Some("throttled"),
            Way::Refused | Way::NotFound => Some("refused"),
            // What a lookup's refusal in the provider's own shape is called is not said.
            Way::Unknown if self.is_refused_lookup() => None,
            _ if self.body.unheard => None,
            Way::Unknown if self.to != To::Unsaid && !self.lost => Some("unreadable"),
            _ => None,
        }
    }
}
