//! Disputes: a bank takes money back, and the merchant answers with evidence.

use serde_json::Value;

use super::errors::invalid;
use super::state::{Dispute, Flex};
use super::store::{Head, given, unwrap, wrapped};
use super::{EVIDENCE, events};
use crate::provider::Reply;
use crate::world::{Call, Context};

/// A bank opens a dispute of a payment.
pub(super) fn open(flex: &mut Flex, intent: &str, reason: &str, context: &mut Context<'_>) -> Result<String, String> {
    let known = flex.intents.get_mut(intent).filter(|intent| intent.received > 0 && !intent.disputed);
    let Some(known) = known else { return Err("`id` must name a payment that was made and is not disputed.".into()) };
    known.disputed = true;
    let of = known.session.clone();
    // A renewal belongs to the session that began its subscription.
    let of = of.or_else(|| flex.subscriptions.get(known.subscription.as_ref()?)?.session.clone());
    let session = of.and_then(|id| flex.sessions.get_mut(&id));
    let reference = session.as_ref().and_then(|session| session.body.get("client_reference_id")).cloned();
    let dispute = Dispute {
        head: Head::new("fdsp", intent, &known.head.account, context),
        intent: intent.into(),
        charge: known.charge.clone(),
        amount: known.received,
        status: "needs_response",
        reason: reason.into(),
        due_by: context.now.saturating_add(EVIDENCE),
        has_evidence: false,
        submissions: 0,
        reference: reference.unwrap_or_default(),
    };
    let own = session.filter(|session| session.intents.iter().any(|id| id == intent));
    let id = dispute.head.id.clone();
    own.into_iter().for_each(|session| session.disputes.push(id.clone()));
    flex.disputes.add(dispute);
    events::tell::<Dispute>(flex, "charge.dispute.created", &id, context);
    events::tell::<Dispute>(flex, "charge.dispute.funds_withdrawn", &id, context);
    Ok(id)
}

/// The bank decides, or the merchant gives up.
pub(super) fn close(flex: &mut Flex, id: &str, won: bool, context: &mut Context<'_>) {
    if let Some(dispute) = flex.disputes.get_mut(id) {
        dispute.status = if won { "won" } else { "lost" };
    }
    events::tell::<Dispute>(flex, "charge.dispute.closed", id, context);
    if won {
        events::tell::<Dispute>(flex, "charge.dispute.funds_reinstated", id, context);
    }
}

/// Whether a dispute is still open.
fn undecided(flex: &Flex, call: &Call<'_>) -> Result<String, Reply> {
    let dispute = flex.disputes.of(&call.account, call.parameter("id"))?;
    if matches!(dispute.status, "won" | "lost") {
        let message = format!("The dispute is {}.", dispute.status);
        return Err(invalid("dispute", "value_error", "flex.dispute.open", message));
    }
    Ok(dispute.head.id.clone())
}

/// `POST /v1/disputes/{id}`: evidence, which `submit` sends to the bank.
pub(super) fn update(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    let checked = unwrap(call, "dispute").and_then(|asked| Ok((undecided(flex, call)?, asked)));
    let (id, asked) = match checked {
        Ok(checked) => checked,
        Err(refused) => return refused,
    };
    if let Some(dispute) = flex.disputes.get_mut(&id) {
        dispute.has_evidence |= given(asked, "evidence").is_some();
        if asked.get("submit") == Some(&Value::Bool(true)) {
            dispute.submissions = dispute.submissions.saturating_add(1);
            dispute.status = "under_review";
        }
    }
    events::tell::<Dispute>(flex, "charge.dispute.updated", &id, context);
    wrapped::<Dispute>(flex, &id, context)
}

/// `POST /v1/disputes/{id}/close`: the merchant accepts the loss.
pub(super) fn give_up(flex: &mut Flex, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
    match undecided(flex, call) {
        Ok(id) => {
            close(flex, &id, false, context);
            wrapped::<Dispute>(flex, &id, context)
        }
        Err(refused) => refused,
    }
}
