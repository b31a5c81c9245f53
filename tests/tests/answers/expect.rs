//! What must hold after a reply, by what the reply proves.

use rulebound_tests::rows::RowState;

use crate::bodies::Body;
use crate::outcome::{ReplyOutcome, Turn, is_own, is_unusual, json, outcome};
use crate::positions::{Others, Target};
use crate::samples::{Class, On, Operation};
use crate::shape::any;

/// Whether something must hold, may hold, or must not.
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
    /// Never, unless a lookup denies the request.
    Never,
    Either,
}

/// What must hold after a reply.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Expect {
    pub(crate) outcome: ReplyOutcome,
    /// Whether the request is over.
    pub(crate) gone: Need,
    /// Each good place of the operation.
    pub(crate) goods: Vec<Need>,
    /// The indices of the operation's musts that apply.
    pub(crate) musts: Vec<usize>,
    pub(crate) again: Again,
    /// Whether its result may be late: after a second denial, or after the lease of another sending.
    pub(crate) patient: bool,
    /// The kind that `failure` must have.
    pub(crate) kind: Option<&'static str>,
}

/// A reply, and the position in which it is read.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) provider: &'a str,
    pub(crate) operation: &'a Operation,
    pub(crate) target: Target,
    pub(crate) turn: Turn,
    pub(crate) others: Others,
    /// Whether the fact `lost` came before.
    pub(crate) lost: bool,
    /// Whether the row was restored from a backup.
    pub(crate) restored: bool,
    pub(crate) status: u16,
    pub(crate) body: &'a Body,
}

/// The good places and musts of an operation that apply to a pending state.
#[derive(Debug)]
pub(crate) struct Applicable {
    /// For each good place, whether it applies and the row is not there yet.
    pub(crate) goods: Vec<bool>,
    pub(crate) musts: Vec<bool>,
}

impl Applicable {
    pub(crate) fn of(operation: &Operation, pending: &str, before: RowState<'_>) -> Result<Self, String> {
        let is_from = |from: &[String]| from.is_empty() || from.iter().any(|it| it == pending);
        let good = |it: &crate::samples::Good| Ok::<_, String>(is_from(&it.from) && !before.is_at(&it.place)?);
        Ok(Self {
            goods: operation.goods.iter().map(good).collect::<Result<_, _>>()?,
            musts: operation.musts.iter().map(|it| is_from(&it.from)).collect(),
        })
    }
}

impl Case<'_> {
    pub(crate) fn expect(&self, applicable: &Applicable) -> Expect {
        let operation = self.operation;
        let mut outcome = outcome(self.provider, operation, self.turn, self.status, &self.body.text);
        if self.target == Target::Unnamed && !matches!(outcome, ReplyOutcome::Done | ReplyOutcome::Open) {
            outcome = ReplyOutcome::Unknown;
        }
        let gone = self.gone(outcome);
        let applies = applicable.goods.iter().enumerate();
        let goods = applies.map(|(index, applies)| self.good(outcome, index, *applies)).collect();
        let musts =
            (0..operation.musts.len()).filter(|index| applicable.musts[*index] && self.must(outcome, *index)).collect();
        let patient = outcome == ReplyOutcome::NotFound || self.others == Others::Open;
        Expect { outcome, gone, goods, musts, again: self.again(outcome, gone), patient, kind: self.kind(outcome) }
    }

    /// Whether the documents promise that this reply is a success.
    fn is_promised(&self, outcome: ReplyOutcome) -> bool {
        let reached = self.operation.reached == Some(self.status);
        // A 204 has no body, so it is no success of an operation whose success has one.
        let fits = matches!(self.status, 200..=299) && (self.status != 204 || self.operation.status == 204);
        outcome == ReplyOutcome::Done && (reached || fits && self.body.promised)
    }

    fn gone(&self, outcome: ReplyOutcome) -> Need {
        let lookup = self.operation.class == Class::Lookup;
        match outcome {
            ReplyOutcome::Done if self.is_promised(outcome) => Need::Must,
            ReplyOutcome::Done if !lookup && self.status != 204 => Need::Must,
            ReplyOutcome::Refused if !lookup && self.others != Others::Open => Need::Must,
            ReplyOutcome::Done | ReplyOutcome::Held | ReplyOutcome::Open | ReplyOutcome::UnderWay => Need::May,
            // A lookup that shows the object is over, even if the object has an unknown status.
            _ if self.body.unknown && lookup => Need::May,
            // A refusal of any sending ends a harmless request.
            ReplyOutcome::Refused if self.operation.class == Class::Harmless => Need::Must,
            ReplyOutcome::NotFound => Need::May,
            ReplyOutcome::Refused => Need::Never,
            ReplyOutcome::NotAdmitted | ReplyOutcome::Throttled if self.others == Others::Refused => Need::May,
            ReplyOutcome::NotAdmitted | ReplyOutcome::Throttled => Need::Never,
            ReplyOutcome::Accepted | ReplyOutcome::Unknown => Need::Never,
        }
    }

    fn good(&self, outcome: ReplyOutcome, index: usize, applies: bool) -> Need {
        let Some(good) = self.operation.goods.get(index).filter(|_| applies) else { return Need::May };
        let fits = || json(&self.body.text).is_some_and(|body| any(&good.when, &body));
        match outcome {
            ReplyOutcome::Open => Need::May,
            _ if self.restored && good.not_if_restored => Need::Never,
            // While another sending is open, a refusal does not lead back.
            ReplyOutcome::Refused if good.refused && self.others != Others::Open => Need::May,
            ReplyOutcome::Done if good.when.is_empty() || fits() => {
                if self.is_promised(outcome) && !good.optional {
                    Need::Must
                } else {
                    Need::May
                }
            }
            _ => Need::Never,
        }
    }

    fn must(&self, outcome: ReplyOutcome, index: usize) -> bool {
        let must = &self.operation.musts[index];
        let fits = || must.when.is_empty() || json(&self.body.text).is_some_and(|body| any(&must.when, &body));
        let says = must.status.is_none_or(|it| it == self.status);
        let searches = self.restored && must.searched_if_restored;
        (says && !searches && fits())
            && match must.on {
                On::Done => outcome == ReplyOutcome::Done,
                On::Accepted => outcome == ReplyOutcome::Accepted,
                On::NotFound => outcome == ReplyOutcome::NotFound,
                On::Refused => outcome == ReplyOutcome::Refused,
                On::Rejected => matches!(self.status, 400..=499),
                On::Held => outcome == ReplyOutcome::Held,
                On::Unknown => outcome == ReplyOutcome::Unknown && self.target != Target::Unnamed,
            }
    }

    fn again(&self, outcome: ReplyOutcome, gone: Need) -> Again {
        let once = self.operation.class == Class::Reconcile;
        match outcome {
            _ if gone != Need::Never => Again::Either,
            ReplyOutcome::Accepted => Again::Never,
            ReplyOutcome::Unknown => {
                if once {
                    Again::Never
                } else {
                    Again::Same
                }
            }
            ReplyOutcome::NotAdmitted | ReplyOutcome::Throttled => {
                if once && self.others == Others::Open {
                    Again::Never
                } else {
                    Again::Same
                }
            }
            _ => Again::Either,
        }
    }

    /// Whether the reply refuses a lookup in the provider's own shape.
    fn is_refused_lookup(&self) -> bool {
        let own = |body: &serde_json::Value| body.is_object() && is_own(self.provider, self.operation, body);
        self.operation.class == Class::Lookup
            && matches!(self.status, 400..=499)
            && !is_unusual(self.operation, self.status)
            && json(&self.body.text).is_some_and(|body| own(&body))
    }

    fn kind(&self, outcome: ReplyOutcome) -> Option<&'static str> {
        match outcome {
            ReplyOutcome::NotAdmitted => Some("not_admitted"),
            ReplyOutcome::Throttled => Some("throttled"),
            ReplyOutcome::Refused | ReplyOutcome::NotFound => Some("refused"),
            // The documents do not say what such a refusal of a lookup means.
            ReplyOutcome::Unknown if self.is_refused_lookup() => None,
            _ if self.body.unknown => None,
            ReplyOutcome::Unknown if self.target != Target::Unnamed && !self.lost => Some("unreadable"),
            _ => None,
        }
    }
}
