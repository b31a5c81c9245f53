//! The rules of a subscription's actions: what its state and the clock decide, and what the contents of a command do.

use alloc::format;

use super::billing::BillingState;
use super::command::{Action, Command, UPDATES};
use super::{Rules, Subscription};
use crate::providers::vend::api::calls::Call;
use crate::providers::vend::names::SignalName;
use crate::providers::vend::rules::Rule;
use crate::rule::{CoreRule, UnblockedBy};

/// The scope of the requests that ask for a token.
const WRITE: &str = "billing:partner_subscription:write";
/// The scope of the lookups.
const READ: &str = "billing:partner_subscription:read";

impl Subscription {
    /// What must hold for an action, and again when the request that came of it is leased.
    pub(super) fn check_permitted(&self, action: Action, rules: &mut Rules<'_>) {
        match action {
            Action::Create => {
                self.check_request(WRITE, rules);
                rules.check(Rule::CreateNotWhenActive, !self.billing.is_live()).instead(UPDATES);
            }
            Action::UpdatePlan | Action::UpdateComponents => {
                self.check_request(WRITE, rules);
                self.check_updatable(rules);
            }
            Action::RetrieveToken | Action::RetrieveSubscription => self.check_request(READ, rules),
            Action::Cancel => {
                let settings = rules.settings();
                let page = settings.names_a_retailer().then(|| settings.partner_apps_page());
                rules
                    .check(Rule::CancelNoPartnerApi, false)
                    .because(|| page.map_or_else(Default::default, |page| format!("The page for it is {page}.")));
            }
        }
    }

    /// What must hold besides for a new command.
    pub(super) fn check_accepted(&self, action: Action, rules: &mut Rules<'_>) {
        match action {
            Action::Create | Action::UpdatePlan | Action::UpdateComponents => self.check_one_at_a_time(rules),
            Action::RetrieveToken => {
                rules.check(CoreRule::NothingKnown, self.consent.has_had_tokens());
            }
            Action::RetrieveSubscription | Action::Cancel => {}
        }
    }

    /// What the contents of a command decide.
    pub(super) fn check_command(&self, command: &Command, rules: &mut Rules<'_>) {
        match command {
            Command::CreateSubscriptionToken(request) => request.check_create(rules),
            Command::UpdateSubscriptionToken(request) => {
                request.check_update(|name, number| self.consent.counts(name, number), rules);
            }
            Command::RetrieveToken { token } => {
                // That there was no token has been said already.
                let is_known = self.consent.named(token.as_ref()).is_some() || !self.consent.has_had_tokens();
                rules.check(CoreRule::UnknownId, is_known).at("/token");
            }
            Command::RetrieveSubscription { subscription_id: given } => {
                let is_other = given.is_some() && self.billing.is_live() && given.as_ref() != self.billing.id();
                rules.check(CoreRule::UnknownId, !is_other).at("/subscription_id");
            }
            Command::CancelSubscription {} => {}
        }
    }

    /// Whether a request can be made at all: where it goes, for whom, and with what.
    fn check_request(&self, scope: &'static str, rules: &mut Rules<'_>) {
        let settings = rules.settings();
        rules.check(Rule::UrlRetailerBase, settings.names_a_retailer());
        rules.check(Rule::TokenRetailerBinding, self.account.is_on(Some(&settings.domain_prefix)));
        rules.check(Rule::AuthScope, !settings.lacks(scope)).because(|| format!("`{scope}` was not granted."));
        rules.check(Rule::ApiVersionHostConfig, !settings.mixes_ages());
    }

    fn check_updatable(&self, rules: &mut Rules<'_>) {
        let lookup = || UnblockedBy::action(Action::RetrieveSubscription.as_str());
        match self.billing.state() {
            BillingState::Live => {}
            BillingState::Canceled => {
                rules.check(Rule::UpdateNotAfterCancel, false).unblocked_by(lookup());
            }
            BillingState::Unclear => {
                let state = self.billing.provider_state().filter(|_| self.billing.id().is_some());
                rules.check(Rule::UpdateRequiresExisting, false).unblocked_by(lookup()).because(|| match state {
                    Some(state) => format!("Its state is `{}`.", state.as_str()),
                    None => "There may be several: name the one that is meant.".into(),
                });
            }
            BillingState::Absent => {
                let until = if self.consent.is_awaited() {
                    UnblockedBy::signal(SignalName::Consent.as_str())
                } else {
                    lookup()
                };
                rules.check(Rule::UpdateRequiresExisting, false).unblocked_by(until);
            }
        }
    }

    /// A newer request takes the place of one that is not leased, and waits for the reply to one that is. A used token must
    /// not go unseen, so that no more tokens are asked for than are watched.
    fn check_one_at_a_time(&self, rules: &mut Rules<'_>) {
        let first = self.consent.first_expiry().map(UnblockedBy::time);
        rules.check(CoreRule::OneAtATime, self.consent.has_room()).unblocked_by(first);
        if rules.is_leased(Call::asks) {
            let answered = rules.reply_to(Call::asks);
            rules.check(CoreRule::OneAtATime, false).unblocked_by(answered);
        }
    }
}
