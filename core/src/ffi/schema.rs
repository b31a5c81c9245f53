//! The JSON Schema of every type that crosses the boundary, as the types describe themselves.

use alloc::string::String;
use alloc::vec::Vec;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

use super::{Answer, AnyAction, AnyLease, AnyStep, Verb, Versions, View};
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::effect::{PendingEffect, Request, Wait};
use crate::fact::{Fact, Failure, Origin};
use crate::flow::{Flow, Named, Status};
use crate::id::TypedId;
use crate::providers::{ReceivedWebhook, WebhookIds, for_each_known_flow};
use crate::rule::Violation;
use crate::snapshot::Saved;

/// The types, as their derives describe them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Types {
    /// Every type that is read, by its name. A field whose type depends on the flow is open.
    pub read: Map<String, Value>,
    /// Every type that is written, by its name. A field whose type depends on the flow is open.
    pub written: Map<String, Value>,
    /// The types of each flow.
    pub flows: Vec<FlowTypes>,
}

/// The types of one flow.
#[derive(Debug)]
#[non_exhaustive]
pub struct FlowTypes {
    /// Its id.
    pub id: &'static str,
    /// The name of its snapshot's type, without `Snapshot`.
    pub name: String,
    /// The name of its provider's settings.
    pub settings: String,
    /// The older formats in which its snapshots are read, and written by `save_as`.
    pub older: &'static [u32],
    /// Its actions.
    pub actions: Vec<&'static str>,
}

impl Types {
    /// The types of this release.
    pub fn new() -> Self {
        let mut read = SchemaSettings::draft2020_12().into_generator();
        let mut written = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut flows = Vec::new();
        macro_rules! describe {
            ($provider:ident :: $flow:ident) => {
                flows.push(FlowTypes::of::<$crate::providers::$provider::$flow>(&mut read, &mut written));
            };
        }
        for_each_known_flow!(describe);
        add::<Verb<'_>>(&mut read);
        add::<View<'_>>(&mut read);
        add::<Config>(&mut read);
        add::<Fact<'_>>(&mut read);
        add::<AnyStep>(&mut written);
        add::<AnyLease>(&mut written);
        add::<AnyAction>(&mut written);
        add::<PendingEffect>(&mut written);
        add::<Wait>(&mut written);
        add::<Request>(&mut written);
        add::<Violation>(&mut written);
        add::<Failure>(&mut written);
        add::<Origin>(&mut written);
        add::<TypedId>(&mut written);
        add::<ReceivedWebhook<'_>>(&mut written);
        add::<WebhookIds>(&mut written);
        add::<Catalogue>(&mut written);
        add::<Versions>(&mut written);
        add::<Answer<Value>>(&mut written);
        Self { read: read.take_definitions(true), written: written.take_definitions(true), flows }
    }
}

impl Default for Types {
    fn default() -> Self {
        Self::new()
    }
}

impl FlowTypes {
    fn of<F: Flow>(read: &mut SchemaGenerator, written: &mut SchemaGenerator) -> Self {
        add::<F::Command>(read);
        add::<F::Settings>(read);
        add::<Saved<'_, F>>(read);
        add::<Status<F>>(written);
        let name = F::Command::schema_name();
        let name = name.strip_suffix("Command").unwrap_or(&name).into();
        let actions = F::Action::ALL.iter().map(|it| it.name()).collect();
        Self { id: F::ID, name, settings: F::Settings::schema_name().into(), older: F::OLDER, actions }
    }
}

/// Adds a type, and every type that it uses.
fn add<T: JsonSchema + ?Sized>(generator: &mut SchemaGenerator) {
    generator.subschema_for::<T>();
}
