//! Qualification sessions: whether a customer can have a letter for some items, before any checkout.
//!
//! The pages of the update and of the list show their members and their refusals. The other calls follow from them and
//! from `create_payment_token`.

use serde_json::{Map, Value, json};

use super::errors::{guess, not_found, refuse};
use super::keys::text;
use super::sessions::paginate;
use super::state::{Purpose, Truemed, Visit};
use super::{LETTER, cart, events, page};
use crate::provider::Reply;
use crate::time::{Millis, date, iso};
use crate::world::{Call, Context, Earlier};

const WHY: &str = "only the pages of the update and of the list are visible; the other calls follow from them";
const STATUSES: [&str; 4] = ["pending", "processing", "approved", "rejected"];

/// One check of a customer and some items.
#[derive(Debug)]
pub(super) struct Qualification {
    nth: u64,
    pub(super) id: String,
    pub(super) account: String,
    pub(super) status: &'static str,
    pub(super) user_id: Option<String>,
    pub(super) metadata: Value,
    pub(super) expires: Option<Millis>,
    created: Millis,
}

impl Qualification {
    /// The members that the webhook and the lookup share.
    pub(super) fn shown(&self) -> Value {
        json!({
            "qualification_session_id": self.id,
            "status": self.status,
            "expires_at": self.expires.map(iso),
            "user_id": self.user_id,
            "metadata": self.metadata,
        })
    }

    pub(super) fn ledger(&self) -> Value {
        let mut shown = self.shown();
        shown["created_at"] = json!(iso(self.created));
        shown
    }
}

pub(super) fn create(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    create_session(truemed, call, context).unwrap_or_else(|refused| refused).inferred(WHY)
}

fn create_session(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    let body = &call.json;
    let addresses = cart::addresses(body)?;
    let metadata = metadata(body, context)?;
    let items = cart::items(body, context, "draft")?;
    let id = context.id("qualification_session", None).uuid();
    let session = Qualification {
        nth: truemed.next_number(),
        id: id.clone(),
        account: call.account.clone(),
        status: "pending",
        user_id: text(body, "user_id").map(str::to_owned),
        metadata,
        expires: None,
        created: context.now,
    };
    let link = context.id("link", Some(&id)).hex(24);
    let visit = Visit { wants_card: false, ..Visit::new(link, Purpose::Qualification(id.clone()), addresses, items) };
    let redirect_url = context.url(&format!("/checkout/{}", visit.id));
    truemed.visits.insert(visit.id.clone(), visit);
    truemed.qualifications.insert(id.clone(), session);
    let reply = json!({"qualification_session_id": id, "status": "pending", "redirect_url": redirect_url});
    Ok(Reply::json(200, &reply))
}

/// `metadata` is a text. Whether it must be JSON is a reading.
fn metadata(body: &Map<String, Value>, context: &Context<'_>) -> Result<Value, Reply> {
    let metadata = cart::metadata(body)?;
    let is_json = |text: &str| serde_json::from_str::<Value>(text).is_ok();
    if context.reading("qualification-metadata") == "json" && metadata.as_str().is_some_and(|text| !is_json(text)) {
        let message = "metadata must be a string that holds JSON.";
        return Err(guess(400, "MetadataInvalid", "truemed.qualification.metadata-json", message));
    }
    Ok(metadata)
}

pub(super) fn retrieve(truemed: &mut Truemed, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    match truemed.qualification(&call.account, call.parameter("id")) {
        Some(session) => Reply::json(200, &session.shown()).inferred(WHY),
        None => not_found("This qualification session"),
    }
}

pub(super) fn list(truemed: &mut Truemed, call: &Call<'_>, _: &mut Context<'_>) -> Reply {
    let query = call.query();
    let wanted: Option<Vec<&str>> = query.get("status").map(|text| text.split(',').map(str::trim).collect());
    if wanted.as_ref().is_some_and(|wanted| !wanted.iter().all(|status| STATUSES.contains(status))) {
        let message = "status must be pending, processing, approved or rejected.";
        return refuse(400, "ValidationError", "truemed.qualification.status", message);
    }
    let fits = |it: &&Qualification| {
        let user = it.user_id.as_deref().unwrap_or_default();
        it.account == call.account
            && wanted.as_ref().is_none_or(|wanted| wanted.contains(&it.status))
            && query.get("user_id").is_none_or(|id| id == user)
            && query.get("search").is_none_or(|part| user.contains(part.as_str()))
            && query.get("expires_at").is_none_or(|day| it.expires.is_some_and(|at| date(at) == *day))
    };
    let mut sessions: Vec<&Qualification> = truemed.qualifications.values().filter(fits).collect();
    sessions.sort_by_key(|session| core::cmp::Reverse(session.nth));
    let (page, pagination) = paginate(&sessions, call);
    let sessions: Vec<Value> = page.iter().map(|session| session.shown()).collect();
    Reply::json(200, &json!({"qualification_sessions": sessions, "pagination": pagination}))
}

/// Sets the customer's name, which can be set once, the metadata, or where the customer returns to.
pub(super) fn update(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    update_session(truemed, call, context).unwrap_or_else(|refused| refused)
}

fn update_session(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Result<Reply, Reply> {
    const KEY: &str = "truemed.qualification.idempotency-key";
    let body = &call.json;
    let Some(key) = text(body, "idempotency_key") else {
        return Err(guess(400, "MissingField", KEY, "idempotency_key is required."));
    };
    let of = format!("{} qualification {}", call.account, call.parameter("id"));
    match context.earlier(&of, key, body) {
        Earlier::None => {}
        Earlier::Same(reply) => return Ok(reply),
        Earlier::Other(_) => {
            let message = "This idempotency_key was used with another payload.";
            return Err(guess(400, "ValidationError", KEY, message));
        }
    }
    let metadata = metadata(body, context)?;
    let (success_url, failure_url) = (cart::address(body, "success_url")?, cart::address(body, "failure_url")?);
    let session = truemed.qualification(&call.account, call.parameter("id"));
    let session = session.ok_or_else(|| not_found("This qualification session"))?;
    let user = text(body, "user_id");
    if let (Some(user), Some(known)) = (user, &session.user_id)
        && user != known
    {
        let rule = "truemed.qualification.user-id-once";
        return Err(refuse(409, "user_id_already_set", rule, "The user_id of this session is set already."));
    }
    session.user_id = user.map(str::to_owned).or_else(|| session.user_id.take());
    if !metadata.is_null() {
        session.metadata = metadata;
    }
    let reply = Reply::json(200, &json!({"qualification_session_id": session.id, "status": session.status}));
    let purpose = Purpose::Qualification(session.id.clone());
    if let Some(visit) = truemed.visits.values_mut().find(|visit| visit.purpose == purpose) {
        visit.success_url = success_url.unwrap_or(&visit.success_url).to_owned();
        visit.failure_url = failure_url.unwrap_or(&visit.failure_url).to_owned();
    }
    let reply = reply.source(page::QUALIFICATION);
    context.keep(&of, key, body, &reply);
    Ok(reply)
}

/// The customer has answered the survey.
pub(super) fn process(truemed: &mut Truemed, id: &str) {
    if let Some(session) = truemed.qualifications.get_mut(id) {
        session.status = "processing";
    }
}

/// Truemed has reviewed the survey, and says so once.
pub(super) fn decide(truemed: &mut Truemed, id: &str, letter: bool, context: &mut Context<'_>) {
    let Some(session) = truemed.qualifications.get_mut(id) else { return };
    session.status = if letter { "approved" } else { "rejected" };
    session.expires = letter.then(|| context.now.saturating_add(LETTER));
    events::qualification(session, context);
}
