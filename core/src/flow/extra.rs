//! The fields that a command adds to a request with `extra`.

use alloc::format;

use serde::de::DeserializeOwned;

use super::{Cx, Flow, Moment, Rules};
use crate::effect::Call;
use crate::json::pointer;
use crate::rule::{CoreRule, RuleSet};
use crate::value::{Extra, clash};

impl<F: Flow> Rules<'_, F> {
    /// Checks that `extra` has no field that the command's own type has.
    pub fn check_extra<T: DeserializeOwned>(&mut self, extra: &Extra) {
        self.has_extra |= !extra.is_empty();
        let known = extra.known_to::<T>();
        let name = known.unwrap_or_default();
        self.check(CoreRule::KnownField, known.is_none())
            .at_index(|| format!("/extra{}", pointer(name)))
            .because(|| format!("The command has a field `{name}`. Set that field instead."));
    }
}

impl<F: Flow> Cx<'_, F> {
    /// Checks that `extra` sets no member of the body that the request sets itself, at any depth.
    pub(super) fn check_body(&mut self, call: &F::Call) {
        let known = CoreRule::KnownField.rule();
        if !self.has_extra || self.moment != Moment::Command || self.violations.iter().any(|it| it.rule == known) {
            return;
        }
        let body = call.request("", self.settings()).body;
        let duplicate = body.as_deref().and_then(clash);
        let path = duplicate.as_deref().unwrap_or_default();
        let name = path.rsplit_once('/').map_or("", |(_, name)| name);
        self.check(CoreRule::KnownField, duplicate.is_none())
            .at_index(|| format!("/extra/{name}"))
            .because(|| format!("The request sets `{path}` itself. Remove it from `extra`."));
    }
}
