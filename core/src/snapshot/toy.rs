//! A flow as small as can be that needs all of the kernel: a request that may not be repeated, hints, and access.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::decode::{Malformed, decode};
use crate::effect::{self, Awaited, Credential, Request, Retry};
use crate::fact::{Because, Origin, Verdict, read};
use crate::flow::{Answer, Cx, Edge, Flow, Input, Refusal, Reply, Stop, Webhook, named};
use crate::policy::Env;
use crate::rule::{Kernel, rules};
use crate::time::Timestamp;

rules! {
    /// Rules of a provider that does not exist.
    pub(super) enum Rule;
    /// The plan has a name.
    PlanNamed = "toy.create.plan-named" Refuse Inferred Request [];
    /// One subscription at a time.
    One = "toy.create.one" Refuse Inferred Money [];
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Toy {
    #[default]
    Absent,
    Asked,
    Live {
        id: String,
        until: Option<Timestamp>,
        attested: bool,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Command {
    Create { plan: String },
}

impl From<Command> for crate::snapshot::Command<Toy> {
    fn from(command: Command) -> Self {
        Self::Wish(command)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    Create(String),
    Find,
    Look(String),
}

#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    id: Option<String>,
    until: Option<i64>,
}

/// Format 1 knew only two of the places, and wrote a live subscription as its id.
#[derive(Serialize, Deserialize)]
struct First(Option<String>);

named! { pub(super) enum Wish { Create = "create" } }
named! { pub(super) enum At { Absent = "toy.absent", Asked = "toy.asked", Live = "toy.live" } }
named! { pub(super) enum On { Create = "create", Seen = "seen", Refused = "refused", Judged = "judged", Other = "other" } }

impl effect::Call for Call {
    type Settings = ();

    fn operation(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Find => "find",
            Self::Look(_) => "look",
        }
    }

    fn retry(&self) -> Retry {
        if self.is_look_up() { Retry::Repeat } else { Retry::Reconcile }
    }

    fn is_look_up(&self) -> bool {
        !matches!(self, Self::Create(_))
    }

    fn outcome_look_up(&self) -> Option<Self> {
        (!self.is_look_up()).then_some(Self::Find)
    }

    fn request(&self, _key: &str, _settings: &()) -> Request {
        Request::new("POST", "https://toy.example".into(), Credential::alone_in("x-key"))
    }
}

impl crate::flow::sealed::Sealed for Toy {}

impl Flow for Toy {
    const ID: &'static str = "toy.subscription";
    const FORMAT: u32 = 2;
    const OLDER: &'static [u32] = &[1];
    const EDGES: &'static [Edge<At, On>] = &[
        Edge::new(At::Absent, On::Create, At::Asked),
        Edge::new(At::Asked, On::Seen, At::Live),
        Edge::new(At::Asked, On::Refused, At::Absent),
        Edge::new(At::Asked, On::Judged, At::Live),
        Edge::new(At::Asked, On::Judged, At::Absent),
    ];

    type At = At;
    type On = On;
    type Wish = Wish;
    type Command = Command;
    type Call = Call;
    type Event = Seen;
    type Rule = Rule;
    type Settings = ();

    fn at(&self) -> impl IntoIterator<Item = At> {
        [match self {
            Self::Absent => At::Absent,
            Self::Asked => At::Asked,
            Self::Live { .. } => At::Live,
        }]
    }

    fn wish(_command: &Command) -> Wish {
        Wish::Create
    }

    fn wish_of(_call: &Call) -> Wish {
        Wish::Create
    }

    fn on(input: &Input<Self>) -> On {
        match input {
            Input::Command(_) => On::Create,
            Input::Answered { .. } | Input::Signalled(..) => On::Seen,
            Input::Refused { .. } => On::Refused,
            Input::Judged { .. } => On::Judged,
            _ => On::Other,
        }
    }

    fn guard(&self, _wish: Wish, cx: &mut Cx<'_, Self>) {
        cx.check(Rule::One, *self == Self::Absent || cx.is_begin());
    }

    fn step(mut self, input: Input<Self>, cx: &mut Cx<'_, Self>) -> Result<Self, Stop> {
        match input {
            Input::Command(Command::Create { plan }) => {
                cx.check(Rule::PlanNamed, !plan.is_empty()).at("/plan");
                cx.require(Kernel::AlreadyBegun, self == Self::Absent).met()?;
                cx.owe(Call::Create(plan));
                Ok(Self::Asked)
            }
            Input::Answered { event: Seen { id: Some(id), until }, .. } => {
                cx.withdraw(|call| matches!(call, Call::Create(_) | Call::Find));
                cx.withdraw_word("unknown_outcome", "create");
                let until = until.map(Timestamp::from_millis);
                if let Some(end) = until {
                    cx.access(&id, end.after(cx.policy().grace));
                    cx.look_up_from(Call::Look(id.clone()), end);
                }
                Ok(Self::Live { id, until, attested: false })
            }
            Input::Answered { call: Call::Find, .. } | Input::Missed(Call::Find) => {
                cx.review("unknown_outcome", "create", &["created", "not_created"]);
                Ok(self)
            }
            Input::Answered { .. } | Input::Missed(_) => Ok(self),
            Input::Refused { .. } => Ok(Self::Absent),
            // Anyone may have sent it: it only makes the look-up owed.
            Input::Signalled(_, Origin::Unverified) => match &self {
                Self::Live { id, .. } => {
                    cx.look_up(Call::Look(id.clone()));
                    Ok(self)
                }
                _ => Err(Because::Early.into()),
            },
            Input::Signalled(_, Origin::Verified) | Input::Returned(_) => Err(Because::Unrelated.into()),
            Input::Judged { verdict: Verdict::About { id, .. }, .. } => {
                cx.withdraw(|call| matches!(call, Call::Create(_)));
                self = Self::Live { id, until: None, attested: true };
                Ok(self)
            }
            Input::Judged { .. } => {
                cx.withdraw(|call| matches!(call, Call::Create(_)));
                Ok(Self::Absent)
            }
        }
    }

    fn awaits(&self, _env: &Env<()>) -> Vec<Awaited> {
        Vec::new()
    }

    fn correlation_ids(&self) -> Vec<&str> {
        Vec::new()
    }

    fn read_reply(_call: &Call, reply: &Reply<'_>) -> Answer<Seen> {
        match reply.status {
            200 => read(reply.body).map_or(Answer::Unreadable, Answer::Says),
            _ => Answer::Refuses(Refusal::default(), None),
        }
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Seen> {
        read(webhook.body)
    }

    fn impossible(&self) -> Option<&'static str> {
        matches!(self, Self::Live { id, .. } if id.is_empty()).then_some("a live subscription has an id")
    }

    fn upgrade(format: u32, state: &str) -> Option<Result<Self, Malformed>> {
        let live = |id| Self::Live { id, until: None, attested: false };
        (format == 1).then(|| decode::<First>(state).map(|First(id)| id.map_or(Self::Absent, live)))
    }

    fn downgrade(&self, format: u32) -> Option<Result<String, &'static str>> {
        let first = match self {
            Self::Absent => Ok(First(None)),
            Self::Live { id, until: None, attested: false } => Ok(First(Some(id.clone()))),
            Self::Live { .. } => Err("until when and on whose word a subscription lives"),
            Self::Asked => Err("that a subscription is asked for"),
        };
        (format == 1).then(|| first.map(|first| serde_json::to_string(&first).unwrap_or_default()))
    }

    fn planned(&self, format: u32) -> Option<Vec<(Call, Timestamp)>> {
        let planned = match self {
            Self::Live { id, until: Some(until), .. } => [(Call::Look(id.clone()), *until)].into(),
            _ => Vec::new(),
        };
        (format > 1).then_some(planned)
    }

    #[cfg(feature = "samples")]
    fn samples() -> crate::flow::Samples<Self> {
        let (commands, replies, facts, spans) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        crate::flow::Samples { commands, replies, facts, spans }
    }
}
