//! Vend: one retailer, whose consent every change needs.

mod person;

use rulebound_nets::chance::Chance;
use serde_json::{Value, json};

use crate::scene::{Account, Provider, Question, Readings, Scene, Sent, View};

/// What a request may break because the retailer or Vend was faster.
const RACES: &[&str] =
    &["vend.update.requires-existing", "vend.create.not-when-active", "vend.token.exists", "vend.subscription.exists"];
/// For how long a cancellation of a new subscription has no webhook.
const GAP: i64 = 30 * 60_000;

pub(crate) struct Vend;

pub(crate) struct Subscription;

impl Scene for Subscription {
    fn flow(&self) -> &'static str {
        "vend.subscription"
    }

    fn provider(&self) -> &dyn Provider {
        &Vend
    }

    fn command(&self, view: &View<'_>, chance: &mut Chance<'_>) -> Value {
        let (which, more) = (chance.below(16), chance.below(4));
        let back = "https://partner.example/back";
        let plan = ["small", "medium", "large", "largest"][more];
        match which {
            0..5 => json!({"type": "create_subscription_token", "product_handle": "small",
                "price_handle": "small-monthly", "return_url": back}),
            5..8 => json!({"type": "update_subscription_token", "product_handle": plan,
                "price_handle": format!("{plan}-monthly"), "return_url": back}),
            8 | 9 => json!({"type": "update_subscription_token", "return_url": back,
                "components": [{"component_handle": "extra-outlet", "quantity": more + 1}]}),
            10 | 11 => json!({"type": "retrieve_subscription"}),
            12 => json!({"type": "retrieve_subscription",
                "subscription_id": chance.one(view.records("subscriptions")).map(|it| &it["id"])}),
            13 => json!({"type": "cancel_subscription"}),
            _ => json!({"type": "retrieve_token"}),
        }
    }

    /// Vend takes no money for a request: only the retailer's consent does, and a token is used once.
    fn wrong(&self, view: &View<'_>) -> Option<String> {
        let live = view.records("subscriptions").iter().filter(|it| it["state"] == "active");
        let count = live.count();
        let makes_two = |it: &Value| it["kind"] == "create" && !it["used_at"].is_null();
        let asked = view.records("tokens").iter().filter(|it| makes_two(it)).count();
        (count > asked).then(|| format!("more subscriptions than consents: {count} of {asked}"))
    }
}

impl Provider for Vend {
    fn prepare(&self, account: &mut Account<'_>) -> Value {
        account.act(&json!({"do": "account"}))
    }

    fn settings(&self, base_url: &str, _readings: &Readings, prepared: &Value) -> Value {
        json!({"vend": {"base_url": format!("{base_url}/vend"), "domain_prefix": prepared["domain_prefix"]}})
    }

    /// A world has one retailer, and a retailer has one subscription.
    fn most_rows(&self) -> usize {
        1
    }

    fn events(&self) -> &'static [&'static str] {
        &["partner.cancellation"]
    }

    fn act(&self, _view: &View<'_>, url: Option<&str>, chance: &mut Chance<'_>) -> Value {
        let which = chance.below(16);
        if let Some(url) = url.filter(|_| which < 10) {
            return json!({"do": if which < 8 { "accept" } else { "decline" }, "url": url});
        }
        match which {
            10 | 11 => json!({"do": "cancel"}),
            12 => json!({"do": "reactivate"}),
            13 => {
                let states = ["past_due", "on_hold", "trialing", "suspended", "active", "expired"];
                json!({"do": "set_state", "state": states[chance.below(states.len())]})
            }
            _ => json!({"do": "fail_bills", "fails": which == 14}),
        }
    }

    fn finish(&self, url: &str) -> Value {
        json!({"do": "accept", "url": url})
    }

    fn calm(&self, view: &View<'_>) -> Vec<Value> {
        let odd = |it: &&Value| {
            ["past_due", "on_hold", "trialing", "suspended", "expired"].iter().any(|odd| it["state"] == *odd)
        };
        let odd = view.records("subscriptions").iter().filter(odd);
        let active = odd.map(|it| json!({"do": "set_state", "id": it["id"], "state": "active"}));
        [json!({"do": "fail_bills", "fails": false})].into_iter().chain(active).collect()
    }

    fn verdict(&self, view: &View<'_>, question: &Question<'_>) -> (String, Option<String>) {
        person::verdict(view, question)
    }

    fn races(&self) -> &'static [&'static str] {
        RACES
    }

    /// A delivery is about the request for the retailer's consent.
    fn is_paid(&self, view: &View<'_>, about: &str) -> bool {
        view.about(about).is_some_and(|(_, sent)| used(view, sent).is_some())
    }

    fn paid(&self, view: &View<'_>) -> Vec<String> {
        let consents = |sent: &Sent| Some((used(view, sent)?, sent.effect.clone()));
        let mut all: Vec<(&Value, String)> = view.sent.values().filter_map(consents).collect();
        all.sort_by(|one, other| one.0["used_at"].as_str().cmp(&other.0["used_at"].as_str()));
        let Some((newest, about)) = all.last() else { return Vec::new() };
        // A later consent replaces an earlier one. Two at one instant have no order.
        let is_only = all.iter().filter(|it| it.0["used_at"] == newest["used_at"]).count() == 1;
        let of = view.record("subscriptions", "id", newest["subscription_id"].as_str().unwrap_or_default());
        let is_live = of.is_some_and(|it| it["state"] == "active");
        if is_only && is_live { vec![about.clone()] } else { Vec::new() }
    }

    /// The page of a token that was used must not be offered again.
    fn denied(&self, view: &View<'_>, status: &Value) -> Option<String> {
        let page = status["customer_url"].as_str()?;
        let used = |it: &&Value| !it["used_at"].is_null() && it["token"].as_str().is_some_and(|it| page.contains(it));
        let token = view.records("tokens").iter().find(used)?;
        Some(format!("it offers the page of a used token: {token}"))
    }

    fn still_charges(&self, view: &View<'_>, status: &Value) -> Option<String> {
        let own = status["subscription_id"].as_str()?;
        let of = view.record("subscriptions", "id", own)?;
        // Nothing tells the host that Vend's support has taken a cancellation back.
        let millis = |name: &str| crate::scene::millis(&of[name]);
        let has_webhook = millis("canceled_at")? - millis("created_at")? >= GAP && view.lost.is_empty();
        let is_live = status["facets"]["subscription"] == "live";
        let is_told = has_webhook && of["ends_with_period"] != true;
        (is_live && of["state"] == "canceled" && is_told).then(|| own.to_owned())
    }
}

/// The token of a request that the retailer has used: the last one, if the request was sent several times.
pub(crate) fn used<'v>(view: &'v View<'_>, sent: &Sent) -> Option<&'v Value> {
    let token = |reply: &Value| reply["token"].as_str().or(reply["data"]["token"].as_str()).map(str::to_owned);
    let issued: Vec<String> = sent.replies.iter().filter_map(token).collect();
    let of = |it: &&Value| !it["used_at"].is_null() && issued.iter().any(|token| it["token"] == *token);
    view.records("tokens").iter().filter(of).max_by_key(|it| it["used_at"].as_str())
}
