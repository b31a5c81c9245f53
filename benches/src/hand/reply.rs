//! Replies and webhooks.

use rulebound::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::guard::{Checks, is_of_items};
use super::{Change, Charge, Entry, Pending, PollTimer, REMEMBERED, Row, Step, TokenState, Work, fingerprint};

/// Why a fact is ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Ignored {
    Duplicate,
    Early,
    Unrelated,
    Unreadable,
}

#[derive(Deserialize)]
struct Webhook<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    event_type: Option<String>,
    status: Option<String>,
    payment_token: Option<String>,
    qualification_session_id: Option<String>,
    payment_session_id: Option<String>,
    failed_payment_session_id: Option<String>,
    provision_token_request_id: Option<String>,
    metadata: Option<String>,
    lmn_expires_at: Option<String>,
}

/// A webhook arrives, with a verified origin or not.
pub fn token_updated(row: &Row, body: &[u8], verified: bool) -> Result<Step, Ignored> {
    let mut it: Webhook<'_> = serde_json::from_slice(body).map_err(|_| Ignored::Unreadable)?;
    if let Some(data) = it.data {
        let event_type = it.event_type;
        it = serde_json::from_str(data.get()).map_err(|_| Ignored::Unreadable)?;
        it.event_type = event_type;
    }
    let foreign = it.event_type.as_ref().is_some_and(|name| !name.contains("token") && !name.contains("session"));
    if foreign || it.qualification_session_id.is_some() || it.status.is_some() || !verified {
        return Err(Ignored::Unrelated);
    }
    let Some(token) = &it.payment_token else { return Err(Ignored::Unreadable) };
    let origins = [&it.failed_payment_session_id, &it.provision_token_request_id, &it.payment_session_id];
    let mut checks = Checks::default();
    checks.warn("truemed.webhook.origin-id-exactly-one", "", origins.iter().filter(|it| it.is_some()).count() == 1);
    let text = it.metadata.as_ref();
    let echoed = row.metadata.is_none_or(|have| text.is_none_or(|text| fingerprint(text) == have));
    checks.warn("truemed.metadata.echo-match", "/metadata", echoed);
    if row.token_state == TokenState::Deleted {
        return Err(Ignored::Duplicate);
    }
    let mut ignored = Ignored::Unrelated;
    for origin in origins.into_iter().flatten() {
        match settle(row, origin, token) {
            Ok((mut next, new_ids)) => {
                next.lmn_expires_at =
                    it.lmn_expires_at.as_deref().and_then(Timestamp::parse_iso).or(next.lmn_expires_at);
                return Ok(Step { next, new_ids, warnings: checks.warned });
            }
            Err(reason) => ignored = reason,
        }
    }
    Err(ignored)
}

fn settle(row: &Row, origin: &str, token: &str) -> Result<(Row, Vec<String>), Ignored> {
    let is_it = |id: &Option<String>| id.as_deref() == Some(origin);
    if let Some(pending) = row.pending().find(|it| is_it(&it.origin)) {
        let mut next = row.changed();
        next.take_token(pending.seq, token);
        next.confirmed = pending.items.or(next.confirmed);
        next.close(pending.seq, origin);
        next.withdraw(&pending.about);
        let of_items = matches!(&row.items, Change::Pending(it) if is_it(&it.origin));
        *(if of_items { &mut next.items } else { &mut next.card }) = Change::Settled;
        return Ok((next, Vec::new()));
    }
    if let Some(index) = row.provisions.iter().position(|it| is_it(&it.origin)) {
        let mut next = row.changed();
        let provision = next.provisions.remove(index);
        let mut new_ids = Vec::new();
        if next.take_token(provision.seq, token) {
            next.confirmed = Some(provision.items);
            new_ids.push(token.to_owned());
        }
        next.close(provision.seq, origin);
        next.withdraw(origin);
        next.outbox.retain(|it| !matches!(it.work, Work::Lookup(_)));
        return Ok((next, new_ids));
    }
    if row.closed.iter().any(|(_, id)| id == origin) {
        return Err(Ignored::Duplicate);
    }
    let updating = [&row.items, &row.card].into_iter().any(|it| matches!(it, Change::Updating { .. }));
    let unnamed = row.provisions.iter().any(|it| it.origin.is_none());
    if unnamed || updating || matches!(row.charge, Charge::Requested { .. }) {
        return Err(Ignored::Early);
    }
    Err(Ignored::Unrelated)
}

#[derive(Deserialize)]
struct Updated {
    next_action: Option<String>,
    redirect_url: Option<String>,
    provision_token_request_id: Option<String>,
}

/// A reply with a success status to an update.
pub fn reply(row: &Row, effect: &str, body: &[u8], now: Timestamp) -> Result<Step, Ignored> {
    let sent = |it: &Entry| it.id == effect && it.attempts > 0 && matches!(it.work, Work::Update(..));
    let index = row.outbox.iter().position(sent).ok_or(Ignored::Duplicate)?;
    let Updated { next_action, redirect_url, provision_token_request_id: origin } =
        serde_json::from_slice(body).map_err(|_| Ignored::Unreadable)?;
    let action = next_action.filter(|text| !matches!(text.as_str(), "" | "None" | "null"));
    let redirect_url = redirect_url.filter(|text| !text.is_empty());
    let of_items = is_of_items(&row.outbox[index]);
    let mut checks = Checks::default();
    if !of_items {
        let is_right = action.as_deref() == Some("UpdatePaymentMethod") && redirect_url.is_some();
        checks.warn("truemed.update.card-always-action", "/next_action", is_right);
    }
    let paired = action.is_some() == redirect_url.is_some();
    checks.warn("truemed.update.redirect-with-action", "/redirect_url", paired);
    let mut next = row.changed();
    let about = next.outbox.remove(index).id;
    let change = if of_items { &mut next.items } else { &mut next.card };
    let Change::Updating { seq, items, replaces } = std::mem::take(change) else { return Err(Ignored::Unrelated) };
    let new_ids = origin.iter().cloned().collect();
    if let Some(action) = action {
        let timer = PollTimer::new(now);
        let (end, customer_url) = (timer.end(), redirect_url.clone());
        *change = Change::Pending(Pending { seq, about: about.clone(), origin, items, action, redirect_url, timer });
        let reason = "action_required";
        let notice = Work::Notify { reason: reason.into(), about: about.clone(), customer_url };
        next.add_effect(format!("notify:{reason}:{about}"), notice, None);
        let reason = "update_unconfirmed";
        let verdicts = ["confirmed", "withdrawn", "keep_waiting"].map(String::from).into();
        let id = format!("review:{reason}:{about}");
        next.add_effect(id, Work::Review { reason: reason.into(), about, verdicts }, Some(end));
    } else {
        next.settled = next.settled.max(seq);
        next.confirmed = items.or(next.confirmed);
        if let Some(id) = origin {
            next.close(seq, &id);
        }
    }
    if let Some(old) = replaces {
        next.withdraw(&old.about);
        if let Some(id) = &old.origin {
            next.close(old.seq, id);
        }
    }
    Ok(Step { next, new_ids, warnings: checks.warned })
}

/// A notice was sent.
pub fn done(row: &Row, effect: &str) -> Result<Step, Ignored> {
    let is_notice = |it: &Entry| it.id == effect && matches!(it.work, Work::Notify { .. });
    let index = row.outbox.iter().position(is_notice).ok_or(Ignored::Duplicate)?;
    let mut next = row.changed();
    next.outbox.remove(index);
    Ok(Step { next, new_ids: Vec::new(), warnings: Vec::new() })
}

impl Row {
    /// A copy that counts one change more.
    fn changed(&self) -> Self {
        let mut next = self.clone();
        next.revision += 1;
        next
    }

    fn take_token(&mut self, seq: u32, token: &str) -> bool {
        let newest = seq >= self.settled || self.token.is_none();
        if newest {
            self.token = Some(token.to_owned());
            self.settled = seq;
        }
        if self.token_state < TokenState::Issued {
            self.token_state = TokenState::Issued;
        }
        newest
    }

    fn close(&mut self, seq: u32, origin: &str) {
        if self.closed.iter().any(|(_, id)| id == origin) {
            return;
        }
        self.closed.push((seq, origin.to_owned()));
        self.closed.sort_unstable();
        if self.closed.len() > REMEMBERED {
            self.closed.remove(0);
        }
    }

    fn withdraw(&mut self, about: &str) {
        let about = |it: &Entry| matches!(&it.work, Work::Notify { about: have, .. } | Work::Review { about: have, .. } if have == about);
        self.outbox.retain(|it| !about(it));
    }
}
