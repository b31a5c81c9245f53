//! The commands of a qualification session, its actions, and what a command does once no rule rejects it.

use alloc::format;

use serde::Deserialize;

use super::qualification::{Qualification, QualificationState};
use super::{Cx, Trigger};
use crate::flow::{Stop, named};
use crate::id::Key;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::order::digest;
use crate::providers::truemed::api::qualification::{CreateQualificationSession, UpdateQualificationSession};
use crate::providers::truemed::ids::QualificationSessionId;
use crate::value::{Metadata, from_fields};

/// What the host can do with a qualification session.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(rename = "TruemedQualificationSessionCommand", tag = "type")
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Start to check if a customer qualifies.
    CreateQualificationSession(CreateQualificationSession),
    /// Set what the host knows of the customer.
    UpdateQualificationSession(UpdateQualificationSession),
    /// Look up the session. The id is needed if the flow starts with this command.
    RetrieveQualificationSession {
        /// The session.
        #[serde(default)]
        qualification_session_id: Option<QualificationSessionId>,
    },
}

from_fields!(Command: CreateQualificationSession, UpdateQualificationSession);

named! {
    /// The commands as buttons.
    pub enum Action {
        /// Start to check if a customer qualifies, before anything is paid. The customer takes a survey on Truemed's
        /// page.
        Create = "create_qualification_session",
        /// Set what you know of the customer and of the items. It changes nothing that is paid.
        Update = "update_qualification_session",
        /// Look up whether the customer qualifies. It changes nothing.
        Retrieve = "retrieve_qualification_session",
    }
}

impl Action {
    /// The action of a command.
    pub(super) const fn of(command: &Command) -> Self {
        match command {
            Command::CreateQualificationSession(_) => Self::Create,
            Command::UpdateQualificationSession(_) => Self::Update,
            Command::RetrieveQualificationSession { .. } => Self::Retrieve,
        }
    }

    /// The action that made the request.
    pub(super) const fn of_call(call: &Call) -> Self {
        match call {
            Call::CreateQualificationSession(_) => Self::Create,
            Call::UpdateQualificationSession(..) => Self::Update,
            _ => Self::Retrieve,
        }
    }
}

impl Qualification {
    /// Whether the same session is requested and has no reply yet.
    pub(super) fn is_duplicate(&self, command: &Command) -> bool {
        match command {
            Command::CreateQualificationSession(command) => self.is_requested(digest(&command.order_items)),
            Command::UpdateQualificationSession(_) | Command::RetrieveQualificationSession { .. } => false,
        }
    }

    /// Carries out a command.
    pub(super) fn act(&mut self, command: Command, cx: &mut Cx<'_>) -> Result<Trigger, Stop> {
        Ok(match command {
            Command::CreateQualificationSession(mut command) => {
                if self.state() != QualificationState::Absent {
                    return Err(Stop::NotNow);
                }
                command.metadata.get_or_insert_with(|| key_as_json(cx.key()));
                self.request(digest(&command.order_items), command.user_id.clone());
                cx.request(Call::CreateQualificationSession(command));
                Trigger::Create
            }
            Command::UpdateQualificationSession(command) => {
                let id = self.id().cloned().ok_or(Stop::NotNow)?;
                cx.request(Call::UpdateQualificationSession(id, command));
                Trigger::Other
            }
            Command::RetrieveQualificationSession { qualification_session_id: given } => {
                let id = self.id().cloned().or(given).ok_or(Stop::NotNow)?;
                cx.look_up(Call::RetrieveQualificationSession(id.clone()));
                self.adopt(id);
                Trigger::Retrieve
            }
        })
    }
}

/// The metadata of a request without any: Truemed reads the string as JSON.
fn key_as_json(key: &Key) -> Metadata {
    Metadata::from(format!(r#"{{"rulebound_key":"{}"}}"#, key.as_str()))
}
