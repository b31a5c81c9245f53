//! The rules of a subscription's actions: what its state and the clock decide, and what a command's contents do.

use alloc::format;

use super::command::{Command, Wish};
use super::state::{Place, WATCHED};
use super::token::Token;
use super::{CONSENT, Rules, Subscription};
use crate::providers::vend::call::Call;
use crate::providers::vend::ids::ConsentToken;
use crate::providers::vend::rules::Rule;
use crate::providers::vend::settings::{READ, WRITE};
use crate::rule::{CoreRule, Until};

/// What an action of the subscription's needs, and again the request that came of it when it is leased.
pub(super) fn permits(at: &Subscription, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create => {
            request(at, WRITE, rules);
            rules
                .check(Rule::CreateNotWhenActive, at.place != Place::Live)
                .instead(&["update_subscription_token/plan", "update_subscription_token/components"]);
        }
        Wish::Plan | Wish::Components => {
            request(at, WRITE, rules);
            update(at, rules);
        }
        Wish::RetrieveToken | Wish::Retrieve => request(at, READ, rules),
        Wish::Cancel => {
            let settings = rules.settings();
            let page = settings.names_a_retailer().then(|| settings.partner_apps_page());
            rules
                .check(Rule::CancelNoPartnerApi, false)
                .because(|| page.map_or_else(Default::default, |page| format!("The page for it is {page}.")));
        }
    }
}

/// What a new command needs besides.
pub(super) fn accepts(at: &Subscription, action: Wish, rules: &mut Rules<'_>) {
    match action {
        Wish::Create | Wish::Plan | Wish::Components => one_at_a_time(at, rules),
        Wish::RetrieveToken => {
            rules.check(CoreRule::NothingKnown, at.has_had_tokens());
        }
        Wish::Retrieve | Wish::Cancel => {}
    }
}

/// The rules that the contents of a command decide.
pub(super) fn check(at: &Subscription, command: &Command, rules: &mut Rules<'_>) {
    match command {
        Command::CreateSubscriptionToken(it) => it.check_create(rules),
        Command::UpdateSubscriptionToken(it) => {
            let known = |name, number| at.counts.iter().any(|it| (it.0, it.1) == (name, Some(number)));
            it.check_update(known, rules);
        }
        Command::RetrieveToken { token } => {
            // That there was none has been said already.
            let some = at.named(token.as_ref()).is_some() || !at.has_had_tokens();
            rules.check(CoreRule::UnknownId, some).at("/token");
        }
        Command::RetrieveSubscription { subscription_id: given } => {
            let other = given.is_some() && at.place == Place::Live && *given != at.id;
            rules.check(CoreRule::UnknownId, !other).at("/subscription_id");
        }
        Command::CancelSubscription {} => {}
    }
}

impl Subscription {
    fn has_had_tokens(&self) -> bool {
        !self.tokens.is_empty() || !self.spent.is_empty()
    }

    /// The token of that text, or the newest, if it is one of this subscription's.
    pub(super) fn named(&self, given: Option<&ConsentToken>) -> Option<ConsentToken> {
        let ours = |token: &ConsentToken| {
            let closed = self.closed.iter().map(|it| &it.token);
            self.tokens.iter().chain(closed).any(|it| it.text == *token) || self.spent.contains(&token.digest())
        };
        given.or_else(|| Some(&self.tokens.last()?.text)).filter(|token| ours(token)).cloned()
    }
}

/// Whether a request can be made at all: where it goes, for whom, and with what.
fn request(at: &Subscription, scope: &'static str, rules: &mut Rules<'_>) {
    let settings = rules.settings();
    rules.check(Rule::UrlRetailerBase, settings.names_a_retailer());
    let same = at.domain_prefix.as_ref().is_none_or(|have| have.eq_ignore_ascii_case(&settings.domain_prefix));
    rules.check(Rule::TokenRetailerBinding, same);
    rules.check(Rule::AuthScope, !settings.lacks(scope)).because(|| format!("`{scope}` was not granted."));
    rules.check(Rule::ApiVersionHostConfig, !settings.mixes_ages());
}

fn update(at: &Subscription, rules: &mut Rules<'_>) {
    let look = || Until::wish("retrieve_subscription");
    match at.place {
        Place::Live => {}
        Place::Canceled => {
            rules.check(Rule::UpdateNotAfterCancel, false).until(look());
        }
        Place::Unclear => {
            rules.check(Rule::UpdateRequiresExisting, false).until(look()).because(|| match (&at.id, &at.seen) {
                (Some(_), Some(seen)) => format!("Its state is `{}`.", seen.as_str()),
                _ => "There may be several: name the one that is meant.".into(),
            });
        }
        Place::Absent => {
            let until = if at.is_awaiting() { Until::Signal(CONSENT) } else { look() };
            rules.check(Rule::UpdateRequiresExisting, false).until(until);
        }
    }
}

/// A newer wish takes the place of one that nobody has in hand, and waits for the answer to one that somebody has. What was
/// consented to must not go unseen, so that no more tokens are asked for than are watched.
fn one_at_a_time(at: &Subscription, rules: &mut Rules<'_>) {
    let free = at.tokens.len() < WATCHED;
    let first = at.tokens.iter().map(Token::dies_at).min();
    rules.check(CoreRule::OneAtATime, free).until(first.map(Until::At));
    if rules.in_hand(Call::asks) {
        let answered = rules.until_reply(Call::asks);
        rules.check(CoreRule::OneAtATime, false).until(answered);
    }
}
