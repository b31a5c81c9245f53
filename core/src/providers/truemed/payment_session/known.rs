//! What is done with a session that Truemed knows: ends and refunds, by the host's names for them.

use alloc::vec::Vec;

use super::{Command, Ending, GivenBack, Known};
use crate::json::encode;
use crate::flow::{Intents, Outcome};
use crate::id::{Digest, Intent};
use crate::money::Cents;
use crate::providers::truemed::call::CreateRefund;
use crate::providers::truemed::session::Session;

impl Known {
    pub(crate) const fn new(session: Session) -> Self {
        Self {
            session,
            ends: Intents::EMPTY,
            ending: None,
            refunds: Intents::EMPTY,
            refunded: Cents::ZERO,
            refunding: Cents::ZERO,
            given_back: GivenBack::NOTHING,
            disputed: false,
            judged: Vec::new(),
        }
    }

    /// What was captured and neither given back, by whomever, nor asked to be; unknown of an adopted session without an
    /// amount.
    pub(super) fn refundable(&self) -> Option<Cents> {
        let captured = self.session.captured.or_else(|| self.session.asked.as_ref().map(|it| it.total));
        // The sum that was told last may have in it what is still asked for.
        let known = self.refunded.plus(self.given_back.others()).plus(self.refunding);
        captured.map(|it| it.minus(known.max(self.given_back.in_all.unwrap_or_default())))
    }

    pub(super) fn stands(&self, command: &Command) -> bool {
        let same = |intents: &Intents, intent: &Option<Intent>, content| {
            let standing = intent.as_ref().map(|it| intents.standing(it, content));
            standing == Some(crate::flow::Standing::Same)
        };
        match command {
            Command::CapturePaymentSession { total_amount, intent, .. } => {
                same(&self.ends, intent, capture_content(*total_amount))
                    || self.ending == Some(Ending::Capture(intent.clone(), capture_content(*total_amount)))
            }
            Command::VoidPaymentSession {} => matches!(self.ending, Some(Ending::Void)),
            Command::CancelPaymentSession {} => matches!(self.ending, Some(Ending::Cancel)),
            Command::CreateRefund { intent, amount, reason, item_details, extra } => {
                let refund = CreateRefund {
                    amount: *amount,
                    reason: reason.clone(),
                    item_details: item_details.clone(),
                    extra: extra.clone(),
                };
                same(&self.refunds, intent, refund_content(&refund))
            }
            _ => false,
        }
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.ending == Some(Ending::Cancel)
    }

    pub(super) fn settle_end(&mut self, outcome: Outcome) {
        if let Some(Ending::Capture(Some(intent), _)) = &self.ending {
            self.ends.settle(intent.as_str(), outcome);
        }
        if outcome == Outcome::Failed {
            self.ending = None;
            self.session.ending = false;
            self.session.capturing = None;
        }
    }
}

pub(super) fn capture_content(amount: Cents) -> Digest {
    Digest::of([amount.get().to_le_bytes().as_slice()])
}

pub(super) fn refund_content(refund: &CreateRefund) -> Digest {
    Digest::of([encode(refund).as_bytes()])
}
