//! Reconciliation: every movement of money, and the payout that it was settled in.
//!
//! Nothing is stored: the rows follow from the sessions. As at Stripe, all movements of one day are paid out together,
//! two days later. A day that cost more than it brought is debited.

use core::ops::RangeInclusive;

use serde_json::{Value, json};

use super::errors::guess;
use super::sessions::paginate;
use super::state::{Session, Truemed};
use crate::provider::Reply;
use crate::time::{DAY, Millis, date, is_date, iso};
use crate::world::{Call, Context};

/// How long after its day a movement is paid out.
const PAYOUT: Millis = 2 * DAY;
const WHY: &str = "of the rows, only `type` and `payout_id` are visible in the documents";

/// One movement of money. What Truemed takes is negative.
struct Row {
    kind: &'static str,
    /// What it belongs to, for its id.
    of: String,
    session: String,
    amount: i64,
    at: Millis,
}

impl Row {
    /// When the payout of this row arrives: on a day, at midnight.
    fn arrives(&self) -> Millis {
        self.at.div_euclid(DAY).saturating_mul(DAY).saturating_add(PAYOUT)
    }
}

/// Every movement of a session.
fn rows_of(session: &Session) -> Vec<Row> {
    let row = |kind, of: &str, amount, at| Row { kind, of: of.to_owned(), session: session.id.clone(), amount, at };
    let mut rows = Vec::new();
    if let Some((at, amount)) = session.captured {
        rows.push(row("charge", &session.id, amount, at));
        rows.push(row("truemed_fee", &session.id, session.fee().saturating_neg(), at));
    }
    for refund in &session.refunds {
        rows.push(row("refund", &refund.id, refund.amount.saturating_neg(), refund.at));
    }
    for (nth, dispute) in session.disputes.iter().enumerate() {
        let of = format!("{} {nth}", session.id);
        rows.push(row("dispute", &of, dispute.amount.saturating_neg(), dispute.at));
        if let Some(at) = dispute.closed {
            rows.push(row("dispute", &format!("{of} closed"), dispute.amount, at));
        }
    }
    rows.retain(|row| row.amount != 0);
    rows
}

/// The rows of an account, the newest first.
fn rows(truemed: &Truemed, account: &str) -> Vec<Row> {
    let own = truemed.sessions.values().filter(|session| session.account == account);
    let mut rows: Vec<Row> = own.flat_map(rows_of).collect();
    rows.sort_by(|one, other| other.at.cmp(&one.at).then_with(|| one.of.cmp(&other.of)));
    rows
}

/// The dates of a request, both inclusive. Dates compare as their texts do.
fn range(call: &Call<'_>) -> Result<RangeInclusive<String>, Reply> {
    const RULE: &str = "truemed.reconciliation.dates";
    let query = call.query();
    let day = |name: &str| {
        let found = query.get(name).filter(|text| is_date(text)).cloned();
        found.ok_or_else(|| guess(400, "ValidationError", RULE, format!("{name} must be a date, as YYYY-MM-DD.")))
    };
    let (start, end) = (day("start_date")?, day("end_date")?);
    if end < start {
        return Err(guess(400, "ValidationError", RULE, "end_date must not be before start_date."));
    }
    Ok(start..=end)
}

fn payout_id(account: &str, arrives: Millis, context: &mut Context<'_>) -> String {
    format!("po_{}", context.id("payout", Some(&format!("{account} {}", date(arrives)))).hex(24))
}

pub(super) fn transactions(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let range = match range(call) {
        Ok(range) => range,
        Err(refused) => return refused,
    };
    let query = call.query();
    let wanted: Option<Vec<&str>> = query.get("payout_ids").map(|ids| ids.split(',').map(str::trim).collect());
    let pending = !query.get("include_pending_payouts").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let by_payout = context.reading("reconciliation-dates") == "payout";
    let mut shown = Vec::new();
    for row in rows(truemed, &call.account) {
        let paid = row.arrives() <= context.now;
        let at = if by_payout && paid { row.arrives() } else { row.at };
        let payout = paid.then(|| payout_id(&call.account, row.arrives(), context));
        let asked = wanted.as_ref().is_none_or(|ids| payout.as_deref().is_some_and(|id| ids.contains(&id)));
        if range.contains(&date(at)) && asked && (paid || pending) {
            shown.push(shown_row(&row, payout, context));
        }
    }
    let (page, pagination) = paginate(&shown, call);
    Reply::json(200, &json!({"transactions": page, "pagination": pagination})).inferred(WHY)
}

fn shown_row(row: &Row, payout: Option<String>, context: &mut Context<'_>) -> Value {
    let id = context.id("transaction", Some(&format!("{} {}", row.kind, row.of))).uuid();
    let kind = if row.kind == "truemed_fee" { context.reading("reconciliation-fee-type") } else { row.kind };
    json!({"transaction_id": id, "type": kind, "amount": row.amount, "payment_session_id": row.session,
        "created_at": iso(row.at), "payout_id": payout})
}

pub(super) fn payouts(truemed: &mut Truemed, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let range = match range(call) {
        Ok(range) => range,
        Err(refused) => return refused,
    };
    let mut sums = std::collections::BTreeMap::<Millis, i64>::new();
    for row in rows(truemed, &call.account) {
        let arrives = row.arrives();
        if arrives <= context.now && range.contains(&date(arrives)) {
            let sum = sums.entry(arrives).or_default();
            *sum = sum.saturating_add(row.amount);
        }
    }
    let shown = |(arrives, amount): (Millis, i64)| {
        let id = payout_id(&call.account, arrives, context);
        json!({"payout_id": id, "arrival_date": date(arrives), "amount": amount})
    };
    let shown: Vec<Value> = sums.into_iter().rev().map(shown).collect();
    let (page, pagination) = paginate(&shown, call);
    let reply = Reply::json(200, &json!({"payouts": page, "pagination": pagination}));
    reply.inferred("the guide names what a payout has, but not the members of the list")
}
