//! Subscriptions that were paid for besides the one that counts: they go on billing until somebody ends them.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Context, Subscription};
use crate::fact::Because;
use crate::id::Digest;
use crate::providers::flex::call::Call;
use crate::providers::flex::ids::{InvoiceId, SubscriptionId};
use crate::providers::flex::request::CancelSubscription;
use crate::providers::flex::wire::{InvoiceSeen, SessionSeen, SubscriptionSeen, SubscriptionStatus};

/// How many of them are known.
const KNOWN: usize = 8;

/// How many of its invoices are remembered.
const REMEMBERED: usize = 64;

/// A subscription that was paid for besides the one that counts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexOtherSubscription"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Other {
    /// Its id.
    pub id: SubscriptionId,
    /// The invoice of the session that has sold it, which a person has before him already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invoice: Option<InvoiceId>,
    /// Whether it has ended.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub ended: bool,
    /// The invoices that a person was asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    asked: Vec<Digest>,
}

impl Subscription {
    /// Notes the subscriptions of a session that is paid and does not count, or that has sold several.
    pub(super) fn note_others(&mut self, seen: &SessionSeen, cx: &mut Context<'_>) {
        let counts = self.standing.as_ref().map(|it| it.id.clone());
        for id in seen.subscription_ids().filter(|id| Some(id) != counts.as_ref()) {
            if self.others.len() < KNOWN && self.others.iter().all(|it| it.id != id) {
                cx.learn(id.as_str());
                let invoice = seen.invoice.as_ref().and_then(|it| InvoiceId::parse(it.id("invoice_id")?).ok());
                self.others.push(Other { id, invoice, ended: false, asked: Vec::new() });
            }
        }
        self.others.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    }

    /// One of them, by its id.
    pub(super) fn other(&mut self, id: Option<&str>) -> Option<&mut Other> {
        self.others.iter_mut().find(|it| Some(it.id.as_str()) == id)
    }

    /// Whether one of them goes on.
    pub(super) fn has_other(&self) -> bool {
        self.others.iter().any(|it| !it.ended)
    }
}

impl Other {
    /// A renewal was paid that nothing here counts as a period: a person says whether it is delivered.
    pub(super) fn paid(&mut self, invoice: &InvoiceSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let id = &invoice.invoice_id;
        let asked = Digest::of([id.as_str().as_bytes()]);
        if !invoice.is_paid() || self.invoice.as_ref() == Some(id) || self.asked.contains(&asked) {
            return Err(Because::Known);
        }
        self.asked.push(asked);
        if self.asked.len() > REMEMBERED {
            self.asked.remove(0);
        }
        cx.review("unplaced_invoice", id.as_str(), &["fulfill", "nothing"]);
        Ok(())
    }

    /// Asks for its end at once.
    pub(super) fn cancel(&self, it: CancelSubscription, cx: &mut Context<'_>) {
        cx.owe(Call::CancelSubscription(self.id.clone(), it));
    }

    /// A lookup of it.
    pub(super) fn shown(&mut self, call: &Call, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
        let id = self.id.clone();
        let cancels = |call: &Call| matches!(call, Call::CancelSubscription(of, _) if *of == id);
        if seen.status.as_ref().is_some_and(SubscriptionStatus::is_over) {
            self.end(cx);
        } else if matches!(call, Call::ConfirmSubscription(_)) {
            cx.deny(cancels);
        }
    }

    /// It has ended.
    pub(super) fn end(&mut self, cx: &mut Context<'_>) {
        let id = self.id.clone();
        self.ended = true;
        cx.prove(|call| matches!(call, Call::CancelSubscription(of, _) if *of == id), None);
        cx.withdraw(|call| matches!(call, Call::ConfirmSubscription(of) if *of == id));
    }
}
