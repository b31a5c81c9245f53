//! What happens at Vend without the partner: by the retailer, by Vend's support or by its billing.

use serde_json::{Value, json};

use super::catalogue::Catalogue;
use super::state::{STATES, Vend};
use super::{billing, consent};
use crate::world::Context;

const ACTS: &str = "`do` must be accept, decline, cancel, reactivate, set_state, fail_bills, set_catalogue, \
    set_scopes, set_registers or account.";

pub(super) fn act(vend: &mut Vend, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
    let what = act["do"].as_str().unwrap_or_default();
    let done = |members: Value| {
        let mut done = json!({"done": what});
        if let (Some(done), Some(members)) = (done.as_object_mut(), members.as_object()) {
            done.extend(members.clone());
        }
        Ok(done)
    };
    match what {
        "account" => done(json!({"retailer_id": super::retailer_id(context),
            "domain_prefix": super::domain_prefix(context), "application_id": super::application_id(context)})),
        "accept" => done(json!({"url": consent::accept(vend, &token(act)?, context)?})),
        "decline" => done(json!({"url": consent::decline(vend, &token(act)?, context)})),
        "cancel" => {
            let id = subscription(vend, act)?;
            let sent = billing::cancel(vend, &id, context)?;
            done(json!({"id": id, "webhook": sent}))
        }
        "reactivate" => {
            let id = subscription(vend, act)?;
            billing::reactivate(vend, &id, context)?;
            done(json!({"id": id}))
        }
        "set_state" => {
            let state = STATES.iter().find(|state| act["state"] == **state);
            let state = state.ok_or_else(|| format!("`state` must be one of {}.", STATES.join(", ")))?;
            let id = subscription(vend, act)?;
            billing::set_state(vend, &id, state, context)?;
            done(json!({"id": id}))
        }
        "fail_bills" => {
            vend.bill_fails = act["fails"].as_bool().unwrap_or(true);
            done(json!({}))
        }
        "set_catalogue" => {
            vend.catalogue = Catalogue::read(act)?;
            done(json!({}))
        }
        "set_scopes" => {
            let scopes = act["scopes"].as_array().ok_or("`scopes` must be a list.")?;
            vend.scopes = Some(scopes.iter().filter_map(|scope| scope.as_str().map(str::to_owned)).collect());
            done(json!({}))
        }
        "set_registers" => {
            let registers = act["registers"].as_u64().and_then(|it| usize::try_from(it).ok());
            vend.registers = Some(registers.filter(|it| *it <= 100).ok_or("`registers` must be 0 to 100.")?);
            done(json!({}))
        }
        _ => Err(ACTS.into()),
    }
}

/// The token that an act names, by itself or by the address of its page.
fn token(act: &Value) -> Result<String, String> {
    let url = act["url"].as_str().and_then(|url| url.split_once("token=")).map(|(_, token)| token);
    let named = act["token"].as_str().or(url).map(str::to_owned);
    named.ok_or_else(|| "Name the token by `token`, or by the `url` of its page.".into())
}

/// The subscription that an act names, or the newest one.
fn subscription(vend: &Vend, act: &Value) -> Result<String, String> {
    let newest = || vend.in_order().last().map(|subscription| subscription.id.clone());
    let named = act["id"].as_str().map(str::to_owned).or_else(newest);
    named.ok_or_else(|| "There is no subscription.".into())
}
