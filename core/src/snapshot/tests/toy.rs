//! The smallest flow that needs all of the kernel: a request that must not be repeated, hints, and access.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::PAY;
use super::status::ToyStatus;
use crate::config::Config;
use crate::effect::{self, Credential, Operation, Request, Retry, Success};
use crate::fact::{FactError, IgnoredReason, Origin, Verdict};
use crate::flow::{
    Cause, Cx, Facet, Flow, Input, Move, Outcome, Reading, Refusal, Reply, Rules, Stop, Webhook, moves, named, reviews,
};
use crate::id::TypedId;
use crate::json::{Malformed, decode, read_body};
use crate::rule::{CoreRule, rules};
use crate::time::Timestamp;

rules! {
    /// Rules of a provider that does not exist.
    pub(super) enum Rule;
    /// The plan must have a name.
    PlanNamed = "toy.create.plan-named" Deny Inferred Request [];
    /// There can only be one subscription at a time.
    One = "toy.create.one" Deny Inferred Money [];
}

fn subscription(id: &str) -> TypedId {
    TypedId::new("subscription", id)
}

reviews! {
    /// The questions for a person.
    pub(super) enum Review {
        done_after_all: MadeAfterAll [Seen],
        done_twice: MadeTwice,
    };
    /// The verdicts of a person.
    pub(super) enum ToyVerdict {
        Created = "created", NotCreated = "not_created", Paid = "paid", NotPaid = "not_paid",
        Stopped = "stopped", NotStopped = "not_stopped", Seen = "seen",
    }
    /// Was the subscription created?
    Ambiguous = "create_ambiguous" {
        /// Yes.
        Created needs "subscription" |id| !id.is_empty(),
        /// No.
        NotCreated,
    }
    /// Was it paid?
    Payment = "outcome_unknown" {
        /// Yes.
        Paid,
        /// No.
        NotPaid,
    }
    /// Was it stopped?
    Stop = "outcome_unknown" {
        /// Yes.
        Stopped,
        /// No.
        NotStopped,
    }
    /// It was made after all.
    MadeAfterAll = "made_after_all" {
        /// I have seen it.
        Seen,
    }
    /// It was made twice.
    MadeTwice = "made_twice" {
        /// I have seen it.
        Seen,
    }
    /// The toy has strayed.
    Strayed = "strayed" {
        /// I have seen it.
        Seen,
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Toy {
    #[default]
    Absent,
    Requested,
    Live {
        id: String,
        until: Option<Timestamp>,
        attested: bool,
        /// The outcome of its only payment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid: Option<bool>,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Command {
    Create {
        plan: String,
    },
    Pay {},
    Stop {},
    /// Makes a move that no row allows.
    Stray {},
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    Create(String),
    Find,
    Look(String),
    Pay,
    Stop,
}

#[derive(Debug, Deserialize)]
pub(super) struct Contents {
    id: Option<String>,
    until: Option<i64>,
    #[serde(default)]
    none: bool,
}

static CREATE: Operation = Operation::new("create", Retry::Reconcile).asks_of(Review::Ambiguous.as_question());
static FIND: Operation = Operation::new("find", Retry::Lookup);
static LOOK: Operation = Operation::new("look", Retry::Lookup).not_found_at(&[404]);
static STOP: Operation = Operation::new("stop", Retry::Goal)
    .success(Success::Undocumented)
    .refused_by(&[409])
    .asks_of(Review::Stop.as_question());

/// Format 1 had only two of the states, and wrote a live subscription as its id.
#[derive(Serialize, Deserialize)]
struct First(Option<String>);

named! { pub(super) enum Action { Create = "create", Pay = "pay", Stop = "stop", Stray = "stray" } }
named! { pub(super) enum State { Absent = "absent", Requested = "requested", Live = "live" } }
named! { pub(super) enum Trigger { Create = "create", Reported = "reported", Refused = "refused", Reviewed = "reviewed", Other = "other" } }

impl effect::Call for Call {
    type Settings = ();

    fn operations() -> &'static [&'static Operation] {
        static ALL: [&Operation; 5] = [&CREATE, &FIND, &LOOK, &PAY, &STOP];
        &ALL
    }

    fn operation(&self) -> &'static Operation {
        match self {
            Self::Create(_) => &CREATE,
            Self::Find => &FIND,
            Self::Look(_) => &LOOK,
            Self::Pay => &PAY,
            Self::Stop => &STOP,
        }
    }

    fn outcome_lookup(&self) -> Option<Self> {
        matches!(self, Self::Create(_)).then_some(Self::Find)
    }

    fn request(&self, key: &str, _settings: &()) -> Request {
        let request = Request::new("POST", "https://toy.example".into(), Credential::alone_in("x-key"));
        request.with_header("idempotency-key", String::from(key))
    }
}

impl crate::flow::sealed::Sealed for Toy {}

impl Facet for State {
    type Trigger = Trigger;
    const NAME: &'static str = "toy";
    const MOVES: &'static [Move<Self, Trigger>] = &[
        moves(Self::Absent, &[Trigger::Create], &[Self::Requested]),
        moves(Self::Requested, &[Trigger::Reported, Trigger::Reviewed], &[Self::Live, Self::Absent]),
        moves(Self::Requested, &[Trigger::Refused], &[Self::Absent]),
    ];
}

impl Flow for Toy {
    const ID: &'static str = "toy.subscription";
    const FORMAT: u32 = 2;
    const OLDER: &'static [u32] = &[1];

    type Trigger = Trigger;
    type Facets = (State,);
    type Action = Action;
    type Command = Command;
    type Call = Call;
    type Event = Contents;
    type Review = Review;
    type Rule = Rule;
    type Status = ToyStatus;
    type Settings = ();

    fn facets(&self) -> (State,) {
        match self {
            Self::Absent => (State::Absent,),
            Self::Requested => (State::Requested,),
            Self::Live { .. } => (State::Live,),
        }
    }

    fn action_of(command: &Command) -> Action {
        match command {
            Command::Create { .. } => Action::Create,
            Command::Pay {} => Action::Pay,
            Command::Stop {} => Action::Stop,
            Command::Stray {} => Action::Stray,
        }
    }

    fn action_of_call(call: &Call) -> Action {
        match call {
            Call::Pay => Action::Pay,
            Call::Stop => Action::Stop,
            Call::Create(_) | Call::Find | Call::Look(_) => Action::Create,
        }
    }

    fn permits(&self, _action: Action, _rules: &mut Rules<'_, Self>) {}

    fn accepts(&self, action: Action, rules: &mut Rules<'_, Self>) {
        let fits = match action {
            Action::Create => *self == Self::Absent,
            Action::Pay => {
                matches!(self, Self::Live { paid: None, .. }) && rules.pending(|call| *call == Call::Pay).is_none()
            }
            Action::Stop => matches!(self, Self::Live { .. }),
            Action::Stray => true,
        };
        rules.check(Rule::One, fits);
    }

    fn check(&self, command: &Command, rules: &mut Rules<'_, Self>) {
        if let Command::Create { plan } = command {
            rules.check(Rule::PlanNamed, !plan.is_empty()).at("/plan");
            rules.check(CoreRule::AlreadyStarted, *self == Self::Absent);
        }
    }

    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_, Self>) -> Result<Trigger, Stop> {
        let trigger = Self::trigger(&input);
        self.apply(input, cx)?;
        Ok(trigger)
    }

    fn settings(_config: &Config) -> &() {
        &()
    }

    fn status(&self, _view: &Rules<'_, Self>) -> ToyStatus {
        ToyStatus::of(self)
    }

    fn ids(&self) -> Vec<TypedId> {
        Vec::new()
    }

    fn ids_of_webhook(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
        let contents = Self::read_webhook(webhook).ok_or_else(|| FactError::new("/body", "is not a webhook"))?;
        Ok(contents.id.iter().map(|id| subscription(id)).collect())
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Contents> {
        let contents: Option<Contents> = read_body(reply.body);
        let proves = |contents: &Contents| contents.id.is_some() || contents.none || *call == Call::Find;
        Reading::of(contents.filter(proves).ok_or("/id"))
    }

    fn read_refusal(_call: &Call, reply: &Reply<'_>) -> Option<Refusal<Contents>> {
        #[derive(Deserialize)]
        struct Body {
            error: String,
        }
        read_body::<Body>(reply.body).map(|it| Refusal::new(Some(it.error), None))
    }

    fn made(event: &Contents) -> Option<TypedId> {
        event.id.as_deref().map(subscription)
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Contents> {
        read_body(webhook.body)
    }

    fn impossible(&self) -> Option<&'static str> {
        matches!(self, Self::Live { id, .. } if id.is_empty()).then_some("a live subscription has an id")
    }

    fn upgrade(format: u32, state: &str) -> Option<Result<Self, Malformed>> {
        let live = |id| Self::Live { id, until: None, attested: false, paid: None };
        (format == 1).then(|| decode::<First>(state).map(|First(id)| id.map_or(Self::Absent, live)))
    }

    fn downgrade(&self, format: u32) -> Option<Result<String, &'static str>> {
        let first = match self {
            Self::Absent => Ok(First(None)),
            Self::Live { id, until: None, attested: false, paid: None } => Ok(First(Some(id.clone()))),
            Self::Live { .. } => Err("when a subscription ends and who attests it"),
            Self::Requested => Err("that a subscription is requested"),
        };
        (format == 1).then(|| first.map(|first| serde_json::to_string(&first).unwrap_or_default()))
    }
}

impl Toy {
    fn paid(&mut self, outcome: Outcome) {
        if let Self::Live { paid, .. } = self {
            *paid = Some(outcome == Outcome::Done);
        }
    }
}

impl Toy {
    /// What an input counts as in the tables.
    fn trigger(input: &Input<Self>) -> Trigger {
        match input {
            Input::Command(_) => Trigger::Create,
            Input::Succeeded { .. } | Input::Webhook(..) => Trigger::Reported,
            Input::Refused { .. } => Trigger::Refused,
            Input::Reviewed { .. } | Input::Resolved { .. } => Trigger::Reviewed,
            _ => Trigger::Other,
        }
    }

    fn apply(&mut self, input: Input<Self>, cx: &mut Cx<'_, Self>) -> Result<(), Stop> {
        match input {
            Input::Command(Command::Create { plan }) => {
                cx.request(Call::Create(plan));
                *self = Self::Requested;
            }
            Input::Command(Command::Pay {}) => {
                cx.request(Call::Pay);
            }
            Input::Command(Command::Stop {}) => {
                cx.request(Call::Stop);
            }
            Input::Command(Command::Stray {}) | Input::Webhook(Contents { none: true, .. }, _) => {
                cx.ask(Review::Strayed, subscription(""));
                *self = Self::Live { id: "s_0".into(), until: None, attested: false, paid: None };
            }
            Input::Succeeded { call, .. } if *call == Call::Pay => self.paid(Outcome::Done),
            Input::Succeeded { call, event: Contents { none: true, .. }, .. } if *call == Call::Find => {
                if cx.deny(|call| matches!(call, Call::Create(_))).is_some() {
                    *self = Self::Absent;
                }
            }
            Input::Succeeded { event: Contents { id: Some(id), until, .. }, .. } => {
                cx.prove(|call| matches!(call, Call::Create(_)), Some(&id));
                let until = until.map(Timestamp::from_millis);
                if let Some(end) = until {
                    cx.access(subscription(&id), Some(end), end.after(cx.config().grace_ms));
                    cx.look_up_from(Call::Look(id.clone()), end);
                }
                let paid = if let Self::Live { paid, .. } = self { *paid } else { None };
                *self = Self::Live { id, until, attested: false, paid };
            }
            Input::Succeeded { call, .. } if *call == Call::Find => {
                cx.look_again(|call| matches!(call, Call::Create(_)));
            }
            Input::Refused { call, .. } if matches!(*call, Call::Create(_)) => *self = Self::Absent,
            Input::Refused { call, .. } if *call == Call::Pay => self.paid(Outcome::Failed(Cause::Refused)),
            Input::Succeeded { .. }
            | Input::Refused { .. }
            | Input::Accepted { .. }
            | Input::AfterAll(..)
            | Input::RefusedOnce { .. }
            | Input::Hinted { .. }
            | Input::NotSent { .. } => {}
            // Anyone may have sent it, so it only makes the lookup pending.
            Input::Webhook(_, Origin::Unverified) => match self {
                Self::Live { id, .. } => cx.look_up(Call::Look(id.clone())),
                _ => return Err(IgnoredReason::Early.into()),
            },
            Input::Webhook(_, Origin::Verified) | Input::Returned | Input::Reviewed { .. } => {
                return Err(IgnoredReason::Unrelated.into());
            }
            Input::Resolved { call, verdict: Verdict::About { id, .. }, .. } if matches!(*call, Call::Create(_)) => {
                *self = Self::Live { id, until: None, attested: true, paid: None };
            }
            Input::Resolved { call, .. } if matches!(*call, Call::Create(_)) => *self = Self::Absent,
            Input::Resolved { verdict, .. } => {
                let done = matches!(verdict.name(), "paid" | "stopped");
                self.paid(if done { Outcome::Done } else { Outcome::Failed(Cause::Reviewed) });
            }
        }
        Ok(())
    }
}
