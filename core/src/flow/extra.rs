//! What a command adds to a request: only what the request does not set.

use alloc::format;

use serde::de::DeserializeOwned;

use super::{Cx, Flow, Moment, Rules};
use crate::effect::Call;
use crate::json::pointer;
use crate::rule::{CoreRule, RuleSet};
use crate::value::{Extra, clash};

impl<F: Flow> Rules<'_, F> {
    /// Checks that `extra` has no field that a command of that type has itself.
    pub fn check_extra<T: DeserializeOwned>(&mut self, extra: &Extra) {
        self.has_extra |= !extra.is_empty();
        let known = extra.known_to::<T>();
        let name = known.unwrap_or_default();
        self.check(CoreRule::KnownField, known.is_none())
            .at_index(|| format!("/extra{}", pointer(name)))
            .because(|| format!("`{name}` has a field of its own: set that field."));
    }
}

impl<F: Flow> Cx<'_, F> {
    /// Checks that `extra` sets no member of a request's body that the request sets itself, at whatever depth.
    pub(super) fn check_body(&mut self, call: &F::Call) {
        let known = CoreRule::KnownField.rule();
        if !self.has_extra || self.moment != Moment::Command || self.violations.iter().any(|it| it.rule == known) {
            return;
        }
        let body = call.request("", self.settings()).body;
        let twice = body.as_deref().and_then(clash);
        let path = twice.as_deref().unwrap_or_default();
        let name = path.rsplit_once('/').map_or("", |(_, name)| name);
        self.check(CoreRule::KnownField, twice.is_none())
            .at_index(|| format!("/extra/{name}"))
            .because(|| format!("The request sets `{path}` itself: remove it from `extra`."));
    }
}
