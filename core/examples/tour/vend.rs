//! Vend: a retailer subscribes, changes the plan, and cancels. Vend signs no webhook.

use rulebound::time::Millis;
use rulebound::vend::subscription::Command;
use rulebound::vend::{Component, Host as Domain, Settings, Subscription, TokenRequest};
use rulebound::{Config, Context};

use crate::Played;
use crate::stage::{Host, note, story};

const BACK: &str = "https://partner.example/back";
const CREATED: &str = r#"{"token":"5f0c1de2a7b84c09b3e6d1a2f4c8e901","expires_in":"86400","expires_at":"expires_at"}"#;
const UPDATED: &str = r#"{"token":"0a7e36eb05a94bf1a4d3daeff0f561f9","expires_in":"86400","expires_at":"expires_at"}"#;
const LISTED: &str = r#"{"data":[{"application_id":"app_1","partner_subscription_info":[{"id":"1348730086846538752","state":"active"}]}]}"#;
const CANCELLED: &str = r#"{"type":"partner.cancellation","domain_prefix":"marshmallow","retailer_id":"r_1","payload":{"subscription_id":"1348730086846538752","cancelled_at":{"seconds":1647552206}}}"#;

/// The story of the document, in scenes.
pub(crate) fn update_a_subscription() -> Played {
    story(
        "Vend: update a subscription that the retailer pays",
        "docs.vendhq.com/tutorials/guides/beta/third-party-billing/update",
    );
    update()?;
    expire()?;
    cancel()
}

/// Update a subscription: plan or components, a consent, and a return that proves nothing.
fn update() -> Played {
    let mut host = adopted("Update a subscription: the retailer's return proves nothing")?;
    let mut both = large();
    both.components = Some(vec![Component::new("extra-outlet", 5)]);
    host.handle("update_subscription_token {plan, components}", Command::update(both));
    host.handle("update_subscription_token {plan}", Command::update(large()));
    host.send("update_subscription_token:1")?;
    host.reply("update_subscription_token:1", 200, UPDATED)?;
    host.waits();
    host.returned()?;
    host.send("retrieve_token:1")?;
    host.reply("retrieve_token:1", 200, r#"{"data":{"is_used":false}}"#)?;
    note("not yet: the next lookups are after 10 s, 1 min and 10 min, and when the token expires");
    host.wait(Millis::from_minutes(1));
    host.send("retrieve_token:2")?;
    host.reply("retrieve_token:2", 200, r#"{"data":{"is_used":true,"subscription_id":1348730086846538752}}"#)?;
    host.effects();
    Ok(())
}

/// A token expires after a day, to the millisecond, and each change has its own token.
fn expire() -> Played {
    let mut host: Host<Subscription> = opened("A token expires after 24 hours");
    let plan = || Command::create(TokenRequest::plan("marshmallow", "marshmallow-monthly", BACK));
    host.handle("create_subscription_token {marshmallow}", plan());
    host.send("create_subscription_token:1")?;
    host.reply("create_subscription_token:1", 200, CREATED)?;
    host.waits();
    host.handle("update_subscription_token {plan}, too early", Command::update(large()));
    host.wait(Millis::from_hours(24));
    host.waits();
    host.send("retrieve_token:1")?;
    host.reply("retrieve_token:1", 200, r#"{"data":{"is_used":false}}"#)?;
    host.handle("create_subscription_token {marshmallow}, again", plan());
    host.effects();
    Ok(())
}

/// Cancel: only the retailer can. A webhook that anyone could have sent leads to a lookup.
fn cancel() -> Played {
    let mut host = adopted("A cancellation is a hint; the lookup of the subscription is the evidence")?;
    host.handle("cancel_subscription", Command::CancelSubscription {});
    host.webhook(CANCELLED)?;
    host.effects();
    host.send("retrieve_subscription:2")?;
    host.reply(
        "retrieve_subscription:2",
        200,
        r#"{"data":{"partner_subscription_info":[{"id":"1348730086846538752","state":"canceled"}]}}"#,
    )?;
    host.effects();
    host.webhook(CANCELLED)?;
    host.handle("update_subscription_token {plan}", Command::update(large()));
    Ok(())
}

/// A new row of one retailer.
fn opened(title: &str) -> Host<Subscription> {
    let mut host = Host::open(title);
    let mut settings = Settings::of("marshmallow", Domain::Lightspeed);
    settings.application_id = Some(String::from("app_1"));
    let mut config = Config::default();
    config.vend = settings;
    host.cx = Context::new(host.cx.now, config);
    host
}

/// A row that begins with a lookup of the subscription.
fn adopted(title: &str) -> Result<Host<Subscription>, Box<dyn std::error::Error>> {
    let mut host = opened(title);
    host.handle("retrieve_subscription", Command::RetrieveSubscription { subscription_id: None });
    host.send("retrieve_subscription:1")?;
    host.reply("retrieve_subscription:1", 200, LISTED)?;
    Ok(host)
}

fn large() -> TokenRequest {
    TokenRequest::plan("marshmallow-large", "marshmallow-large-monthly", BACK)
}
