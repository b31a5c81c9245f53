//! The rules of the session's actions: what the state decides, and what the contents of a command decide.

use serde::de::IgnoredAny;

use super::qualification::{Qualification, QualificationState};
use super::{Action, Command, Rules};
use crate::json::decode;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::order::check_amounts;
use crate::providers::truemed::api::qualification::{CreateQualificationSession, UpdateQualificationSession};
use crate::providers::truemed::rules::Rule;
use crate::rule::{CoreRule, UnblockedBy};
use crate::url::is_absolute;
use crate::value::Metadata;

/// What an action needs, for a command and again when its request is leased.
pub(super) fn permits(session: &Qualification, action: Action, rules: &mut Rules<'_>) {
    if action == Action::Update {
        let create = UnblockedBy::action(Action::Create.as_str());
        let is_known = session.id().is_some() && session.state() != QualificationState::Adopting;
        rules.check(CoreRule::NothingKnown, is_known).unblocked_by(create);
    }
}

/// What a new command needs in addition.
pub(super) fn accepts(session: &Qualification, action: Action, rules: &mut Rules<'_>) {
    match action {
        Action::Create => {
            rules.check(CoreRule::AlreadyStarted, session.state() == QualificationState::Absent);
        }
        Action::Update => {
            let reply = rules.reply_to(|call| matches!(call, Call::UpdateQualificationSession(..)));
            rules.check(CoreRule::OneAtATime, reply.is_none()).unblocked_by(reply);
        }
        Action::Retrieve => {
            rules.check(CoreRule::NotNow, session.state() != QualificationState::Requested);
        }
    }
}

/// The rules that depend on the contents of a command.
pub(super) fn check(session: &Qualification, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreateQualificationSession(command) => {
            rules.check(Rule::QualificationItemsRequired, !command.order_items.is_empty()).at("/order_items");
            check_amounts(&command.order_items, rules);
            check_metadata(command.metadata.as_ref(), rules);
            check_urls([(&command.success_url, "/success_url"), (&command.failure_url, "/failure_url")], rules);
            rules.check_extra::<CreateQualificationSession>(&command.extra);
        }
        Command::UpdateQualificationSession(command) => check_update(session, command, rules),
        Command::RetrieveQualificationSession { qualification_session_id: given } => {
            let same = given.is_none() || session.id().is_none() || given.as_ref() == session.id();
            rules.check(CoreRule::UnknownId, same).at("/qualification_session_id");
            let is_known = given.is_some() || session.id().is_some();
            rules.check(CoreRule::NothingKnown, is_known).at("/qualification_session_id");
        }
    }
}

fn check_update(session: &Qualification, command: &UpdateQualificationSession, rules: &mut Rules<'_>) {
    let UpdateQualificationSession { user_id, metadata, success_url, failure_url, extra } = command;
    let has_url = success_url.is_some() || failure_url.is_some();
    let has_any = user_id.is_some() || metadata.is_some() || has_url || !extra.is_empty();
    rules.check(Rule::QualificationNothingToDo, has_any);
    let is_free = session.user_id().is_none_or(|have| user_id.as_deref().is_none_or(|given| given == have));
    rules.check(Rule::QualificationUserIdOnce, is_free).at("/user_id");
    check_metadata(metadata.as_ref(), rules);
    check_urls([(success_url, "/success_url"), (failure_url, "/failure_url")], rules);
    let is_over = matches!(session.state(), QualificationState::Approved | QualificationState::Rejected);
    rules.check(Rule::QualificationUrlsBeforeOutcome, !(is_over && has_url));
    rules.check_extra::<UpdateQualificationSession>(extra);
}

fn check_metadata(metadata: Option<&Metadata>, rules: &mut Rules<'_>) {
    let text = metadata.and_then(Metadata::text);
    rules.check(Rule::MetadataString, metadata.is_none() || text.is_some()).at("/metadata");
    let is_json = text.is_none_or(|it| decode::<IgnoredAny>(it).is_ok());
    rules
        .warn(Rule::MetadataString, is_json)
        .at("/metadata")
        .because(|| "Truemed reads the metadata of a qualification session as JSON.".into());
}

fn check_urls(urls: [(&Option<alloc::string::String>, &'static str); 2], rules: &mut Rules<'_>) {
    for (url, pointer) in urls {
        rules.check(Rule::QualificationUrlAbsolute, url.as_deref().is_none_or(is_absolute)).at(pointer);
    }
}
