//! What is done with a session that Truemed knows: ends and refunds, by the host's names for them.

use alloc::vec::Vec;

use super::{Command, Ending, GivenBack, Known};
use crate::json::encode;
use crate::flow::{Intents, Outcome, Standing};
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
        let content = content(command);
        match command {
            Command::CapturePaymentSession { intent, .. } => content.is_some_and(|content| {
                is_same(&self.ends, intent.as_ref(), content)
                    || self.ending == Some(Ending::Capture(intent.clone(), content))
            }),
            Command::VoidPaymentSession {} => matches!(self.ending, Some(Ending::Void)),
            Command::CancelPaymentSession {} => matches!(self.ending, Some(Ending::Cancel)),
            Command::CreateRefund { intent, .. } => {
                content.is_some_and(|content| is_same(&self.refunds, intent.as_ref(), content))
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

/// The fingerprint of what a command with an intent asks for.
pub(super) fn content(command: &Command) -> Option<Digest> {
    match command {
        Command::CapturePaymentSession { total_amount, .. } => Some(capture_content(*total_amount)),
        Command::CreateRefund { amount, reason, item_details, extra, .. } => {
            let (amount, reason) = (*amount, reason.clone());
            let refund = CreateRefund { amount, reason, item_details: item_details.clone(), extra: extra.clone() };
            Some(refund_content(&refund))
        }
        _ => None,
    }
}

fn is_same(intents: &Intents, intent: Option<&Intent>, content: Digest) -> bool {
    intent.is_some_and(|it| intents.standing(it, content) == Standing::Same)
}
