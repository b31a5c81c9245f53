//! The rules about the actions of a subscription: which state, which time and which contents they need.

use alloc::format;

use super::billing::BillingState;
use super::command::{Action, Command, UPDATES};
use super::{Rules, Subscription};
use crate::id::EffectId;
use crate::providers::vend::api::calls::Call;
use crate::providers::vend::names::SignalName;
use crate::providers::vend::rules::Rule;
use crate::rule::{CoreRule, UnblockedBy};

/// The scope of the requests that ask for a token.
const WRITE: &str = "billing:partner_subscription:write";
/// The scope of the lookups.
const READ: &str = "billing:partner_subscription:read";

impl Subscription {
    /// Checks an action, and again when its request is leased.
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
                    .because(|| page.map_or_else(|| settings.cure(), |page| format!("The page for it is {page}.")));
            }
        }
    }

    /// Checks what a new command needs in addition.
    pub(super) fn check_accepted(&self, action: Action, rules: &mut Rules<'_>) {
        match action {
            Action::Create => {
                self.check_one_at_a_time(rules);
                let open = self.consent.open_create(rules.now());
                rules.warn(Rule::CreateOneOpenToken, open.is_none()).because(|| {
                    let open = open.as_ref().map(EffectId::as_str).unwrap_or_default();
                    format!("The retailer can still consent to `{open}`.")
                });
            }
            Action::UpdatePlan | Action::UpdateComponents => self.check_one_at_a_time(rules),
            Action::RetrieveToken => {
                rules.check(CoreRule::NothingKnown, self.consent.has_had_tokens());
            }
            Action::RetrieveSubscription | Action::Cancel => {}
        }
    }

    /// Checks the contents of a command.
    pub(super) fn check_command(&self, command: &Command, rules: &mut Rules<'_>) {
        match command {
            Command::CreateSubscriptionToken(request) => request.check_create(rules),
            Command::UpdateSubscriptionToken(request) => {
                request.check_update(|component, quantity| self.consent.has_quantity(component, quantity), rules);
            }
            Command::RetrieveToken { token } => {
                // If there was never a token, `check_accepted` has already rejected the command.
                let is_known = self.consent.find_token(token.as_ref()).is_some() || !self.consent.has_had_tokens();
                rules.check(CoreRule::UnknownId, is_known).at("/token");
            }
            Command::RetrieveSubscription { subscription_id: given } => {
                let is_other = given.is_some() && self.billing.is_live() && given.as_ref() != self.billing.id();
                rules.check(CoreRule::UnknownId, !is_other).at("/subscription_id");
            }
            Command::CancelSubscription {} => {}
        }
    }

    /// Checks what every request needs: an address, a retailer and a scope.
    fn check_request(&self, scope: &'static str, rules: &mut Rules<'_>) {
        let settings = rules.settings();
        rules.check(Rule::UrlRetailerBase, settings.names_a_retailer()).because(|| settings.cure());
        let is_bound = self.account.is_on(Some(&settings.domain_prefix));
        rules.check(Rule::TokenRetailerBinding, is_bound).because(|| self.account.bound_to(&settings.domain_prefix));
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
                    None => "The retailer may have several subscriptions: look up the right one by its id.".into(),
                });
            }
            BillingState::Absent => {
                let unblocked_by = if self.consent.is_waiting() {
                    UnblockedBy::signal(SignalName::Consent.as_str())
                } else {
                    lookup()
                };
                rules.check(Rule::UpdateRequiresExisting, false).unblocked_by(unblocked_by);
            }
        }
    }

    /// A newer request replaces one that is not leased, and waits for the reply to one that is. The number of watched
    /// tokens is limited, so that the use of every token is noticed.
    fn check_one_at_a_time(&self, rules: &mut Rules<'_>) {
        let first_expiry = self.consent.first_expiry().map(UnblockedBy::time);
        rules.check(CoreRule::OneAtATime, self.consent.has_room()).unblocked_by(first_expiry);
        if rules.is_leased(Call::is_token_request) {
            let reply = rules.reply_to(Call::is_token_request);
            rules.check(CoreRule::OneAtATime, false).unblocked_by(reply);
        }
    }
}
