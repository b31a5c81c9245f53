//! `truemed.qualification_session`: one check if a customer qualifies, from its creation or its adoption by a lookup to
//! its outcome. No money moves here.

mod command;
mod qualification;
mod rules;
mod status;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::api::calls::Call;
use super::api::qualification::{CreateQualificationReply, QualificationReport};
use super::api::replies;
use super::api::webhook::Signal;
use super::names::Review;
use super::rules::Rule;
use crate::config::truemed::Settings;
use crate::config::{Config, Context};
use crate::effect::Wait;
use crate::fact::{FactError, IgnoredReason};
use crate::flow::{self, Facet, Flow, Input, Move, Reading, Refusal, Reply, Stop, Webhook, moves, named};
use crate::id::TypedId;
use crate::providers::truemed::api::signature::correlate;
use crate::time::Timestamp;
use qualification::Qualification;

pub use command::{Action, Command};
pub use qualification::QualificationState;
pub use status::Status;

type Rules<'a> = flow::Rules<'a, QualificationSession>;
type Cx<'a> = flow::Cx<'a, QualificationSession>;

/// One check if a customer qualifies for some items.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedQualificationSessionState"))]
#[serde(deny_unknown_fields)]
pub struct QualificationSession {
    /// The qualification, and what Truemed reports of it.
    qualification: Qualification,
}

named! {
    /// What can change the facet.
    pub enum Trigger {
        /// The host requests the session.
        Create = "create_qualification_session",
        /// The host adopts the session.
        Retrieve = "retrieve_qualification_session",
        /// Truemed replies with the session.
        Created = "session_created",
        /// A lookup shows the session.
        Found = "session_found",
        /// Truemed's webhook reports the session.
        Complete = "qualification_session_complete",
        /// Truemed refuses a request.
        Refused = "refused",
        /// A person gives a verdict.
        Reviewed = "reviewed",
        /// Anything that never changes the session.
        Other = "other",
    }
}

#[rustfmt::skip]
impl Facet for QualificationState {
    type Trigger = Trigger;
    const NAME: &'static str = "qualification";
    const MOVES: &'static [Move<Self, Trigger>] = { use {QualificationState::*, Trigger::*}; &[
        moves(Absent,     &[Create],            &[Requested]),
        moves(Absent,     &[Retrieve],          &[Adopting]),
        moves(Requested,  &[Created],           &[Pending]),
        moves(Requested,  &[Refused, Reviewed], &[Absent]),
        moves(Adopting,   &[Found],             &[Pending, Processing, Approved, Rejected, Unclear]),
        moves(Adopting,   &[Complete],          &[Pending, Processing, Approved, Rejected]),
        moves(Adopting,   &[Refused, Reviewed], &[Absent]),
        // Reports come in any order, so a status only moves on.
        moves(Pending,    &[Found],             &[Processing, Approved, Rejected, Unclear]),
        moves(Pending,    &[Complete],          &[Processing, Approved, Rejected]),
        moves(Processing, &[Found],             &[Approved, Rejected, Unclear]),
        moves(Processing, &[Complete],          &[Approved, Rejected]),
        moves(Unclear,    &[Found, Complete],   &[Pending, Processing, Approved, Rejected]),
        // Truemed reports one outcome. Of two that contradict each other `rejected` counts, and a lookup corrects it.
        moves(Approved,   &[Found, Complete],   &[Rejected]),
        moves(Rejected,   &[Found],             &[Approved]),
    ] };
}

/// The contents of a reply or of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Truemed created the session.
    Created(CreateQualificationReply),
    /// Truemed updated the session.
    Updated(QualificationReport),
    /// A lookup shows the session.
    Retrieved(QualificationReport),
    /// A webhook.
    Signal(Box<Signal>),
}

impl flow::sealed::Sealed for QualificationSession {}

impl Flow for QualificationSession {
    const ID: &'static str = "truemed.qualification_session";
    const FORMAT: u32 = 1;

    type Trigger = Trigger;
    type Facets = (QualificationState,);
    type Action = Action;
    type Command = Command;
    type Call = Call;
    type Event = Event;
    type Review = Review;
    type Rule = Rule;
    type Status = Status;
    type Settings = Settings;

    fn settings(config: &Config) -> &Settings {
        &config.truemed
    }

    fn facets(&self) -> Self::Facets {
        (self.qualification.state(),)
    }

    /// The one dispatch: it applies each input, and names the trigger for the table.
    fn step(&mut self, input: Input<Self>, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        let session = &mut self.qualification;
        Ok(match input {
            Input::Command(command) => session.act(command, cx)?,
            Input::Succeeded { event: Event::Created(reply), .. } => {
                session.created(reply, cx)?;
                Trigger::Created
            }
            Input::Succeeded { call, event: Event::Updated(report), .. } => {
                session.updated(&call, &report, cx);
                Trigger::Other
            }
            Input::Succeeded { event: Event::Retrieved(report), .. } => {
                session.found(&report, cx)?;
                Trigger::Found
            }
            Input::Webhook(Event::Signal(signal), proof) => {
                session.on_webhook(*signal, proof, cx)?;
                Trigger::Complete
            }
            Input::Refused { call, .. } => {
                session.refused(&call, cx);
                Trigger::Refused
            }
            Input::Resolved { call, .. } => {
                session.given_up(&call);
                Trigger::Reviewed
            }
            Input::Reviewed { about, verdict, .. } => {
                session.reviewed(&about, verdict, cx);
                Trigger::Reviewed
            }
            Input::Returned => {
                session.returned(cx)?;
                Trigger::Other
            }
            Input::RefusedOnce { .. }
            | Input::Accepted { .. }
            | Input::Hinted { .. }
            | Input::NotSent { .. }
            | Input::AfterAll(..) => Trigger::Other,
            Input::Succeeded { .. } | Input::Webhook(..) => return Err(IgnoredReason::Unrelated.into()),
        })
    }

    fn action_of(command: &Command) -> Action {
        Action::of(command)
    }

    fn action_of_call(call: &Call) -> Action {
        Action::of_call(call)
    }

    fn is_duplicate(&self, command: &Command) -> bool {
        self.qualification.is_duplicate(command)
    }

    fn permits(&self, action: Action, rules: &mut Rules<'_>) {
        rules::permits(&self.qualification, action, rules);
    }

    fn accepts(&self, action: Action, rules: &mut Rules<'_>) {
        rules::accepts(&self.qualification, action, rules);
    }

    fn check(&self, command: &Command, rules: &mut Rules<'_>) {
        rules::check(&self.qualification, command, rules);
    }

    fn waits(&self, _context: &Context) -> Vec<Wait> {
        self.qualification.wait().into_iter().collect()
    }

    fn status(&self, _view: &Rules<'_>) -> Status {
        self.qualification.own_status()
    }

    fn decides_page(&self, call: &Call, _context: &Context) -> bool {
        matches!(call, Call::CreateQualificationSession(_))
    }

    fn timers(&self, _context: &Context) -> Vec<Timestamp> {
        self.qualification.expires_at().into_iter().collect()
    }

    fn ids(&self) -> Vec<TypedId> {
        self.qualification.id().map(TypedId::from).into_iter().collect()
    }

    fn ids_of_webhook(webhook: &Webhook<'_>) -> Result<Vec<TypedId>, FactError> {
        correlate(webhook)
    }

    fn read_reply(call: &Call, reply: &Reply<'_>) -> Reading<Event> {
        match call {
            Call::CreateQualificationSession(_) => CreateQualificationReply::read(reply, Event::Created),
            Call::UpdateQualificationSession(id, _) => QualificationReport::read(reply, id, Event::Updated),
            Call::RetrieveQualificationSession(id) => QualificationReport::read(reply, id, Event::Retrieved),
            _ => Reading::missing(""),
        }
    }

    fn read_refusal(_call: &Call, reply: &Reply<'_>) -> Option<Refusal<Event>> {
        replies::refusal(reply, &[("user_id_already_set", Rule::QualificationUserIdOnce)])
    }

    fn read_webhook(webhook: &Webhook<'_>) -> Option<Event> {
        Signal::read(webhook).map(|signal| Event::Signal(Box::new(signal)))
    }

    fn impossible(&self) -> Option<&'static str> {
        self.qualification.impossible()
    }
}
