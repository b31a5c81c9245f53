//! The rules of a subscription's wishes that its state and the clock decide.

use alloc::format;

use super::command::Wish;
use super::state::{Place, WATCHED};
use super::token::Token;
use super::{CONSENT, Context, Subscription};
use crate::providers::vend::call::Call;
use crate::providers::vend::rules::Rule;
use crate::providers::vend::settings::{READ, WRITE};
use crate::rule::{Kernel, Until};

pub(super) fn guard(at: &Subscription, wish: Wish, cx: &mut Context<'_>) {
    match wish {
        Wish::Create => {
            request(at, WRITE, cx);
            cx.check(Rule::CreateNotWhenActive, at.place != Place::Live)
                .instead(&["update_subscription_token/plan", "update_subscription_token/components"]);
            one_at_a_time(at, cx);
        }
        Wish::Plan | Wish::Components => {
            request(at, WRITE, cx);
            update(at, cx);
            one_at_a_time(at, cx);
        }
        Wish::RetrieveToken => {
            request(at, READ, cx);
            let known = !at.tokens.is_empty() || !at.spent.is_empty();
            cx.check(Kernel::NoEdge, known || cx.is_begin());
        }
        Wish::Retrieve => request(at, READ, cx),
        Wish::Cancel => {
            let page = cx.settings().names_a_retailer().then(|| cx.settings().partner_apps_page());
            cx.check(Rule::CancelNoPartnerApi, false)
                .because(|| page.map_or_else(Default::default, |page| format!("The page for it is {page}.")));
        }
    }
}

/// Whether a request can be made at all: where it goes, for whom, and with what.
fn request(at: &Subscription, scope: &'static str, cx: &mut Context<'_>) {
    let settings = cx.settings();
    cx.check(Rule::UrlRetailerBase, settings.names_a_retailer());
    let same = at.domain_prefix.as_ref().is_none_or(|have| have.eq_ignore_ascii_case(&settings.domain_prefix));
    cx.check(Rule::TokenRetailerBinding, same);
    cx.check(Rule::AuthScope, !settings.lacks(scope)).because(|| format!("`{scope}` was not granted."));
    cx.check(Rule::ApiVersionHostConfig, !settings.mixes_ages());
}

fn update(at: &Subscription, cx: &mut Context<'_>) {
    let look = || Until::wish("retrieve_subscription");
    match at.place {
        Place::Live => {}
        Place::Canceled => {
            cx.check(Rule::UpdateNotAfterCancel, false).until(look());
        }
        Place::Unclear => {
            cx.check(Rule::UpdateRequiresExisting, false).until(look()).because(|| match (&at.id, &at.seen) {
                (Some(_), Some(seen)) => format!("Its state is `{}`.", seen.as_str()),
                _ => "There may be several: name the one that is meant.".into(),
            });
        }
        Place::Absent => {
            let until = if at.is_awaiting() { Until::Signal(CONSENT) } else { look() };
            cx.check(Rule::UpdateRequiresExisting, false).until(until);
        }
    }
}

/// A newer wish takes the place of one that nobody has in hand, and waits for the answer to one that somebody has. What was
/// consented to must not go unseen, so that no more tokens are asked for than are watched.
fn one_at_a_time(at: &Subscription, cx: &mut Context<'_>) {
    let free = at.tokens.len() < WATCHED;
    let first = at.tokens.iter().map(Token::dies_at).min();
    cx.check(Kernel::OneAtATime, free || cx.is_begin()).until(first.map(Until::At));
    if !cx.is_begin() && cx.in_hand(Call::asks) {
        let answered = cx.until_reply(Call::asks);
        cx.check(Kernel::OneAtATime, false).until(answered);
    }
}
