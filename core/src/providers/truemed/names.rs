//! The names that Truemed's flows share: questions for a person and their verdicts, notices to a customer, and waits.

use super::ids::{PaymentSessionId, Token};
use crate::flow::{named, reviews};
use crate::id::TypedId;

reviews! {
    /// The questions for a person.
    pub enum Review {
        done_after_all: MadeAfterAll [Seen],
        done_twice: MadeTwice,
    };
    /// The verdicts that a person can give.
    pub enum Verdict {
        /// Truemed made it.
        Made = "made",
        /// Truemed did not make it.
        NotMade = "not_made",
        /// Truemed made it, under another id.
        MadeElsewhere = "made_elsewhere",
        /// The money was captured.
        Captured = "captured",
        /// The hold was released.
        Voided = "voided",
        /// The money is still held.
        StillHeld = "still_held",
        /// The session is over.
        Ended = "ended",
        /// The session is in progress.
        Live = "live",
        /// The checkout was canceled.
        Canceled = "canceled",
        /// The checkout was not canceled.
        NotCanceled = "not_canceled",
        /// The money was refunded.
        Refunded = "refunded",
        /// The money was not refunded.
        NotRefunded = "not_refunded",
        /// The token was deleted.
        Deleted = "deleted",
        /// The token still exists.
        Keep = "keep",
        /// Truemed issued this token.
        Issued = "issued",
        /// The change was made.
        Confirmed = "confirmed",
        /// The change was not made.
        Withdrawn = "withdrawn",
        /// The customer has repaired the payment method.
        Repaired = "repaired",
        /// The wait goes on.
        KeepWaiting = "keep_waiting",
        /// The wait is over.
        StopWaiting = "stop_waiting",
        /// The payment is for this flow.
        Ours = "ours",
        /// The payment is for something else.
        NotOurs = "not_ours",
        /// The order is delivered.
        Fulfill = "fulfill",
        /// Nothing is delivered.
        Nothing = "nothing",
        /// A person has read it.
        Seen = "seen",
    }

    /// The customer had to act on this change of the card or the items, and Truemed has not confirmed it.
    /// Does Truemed's dashboard show the change?
    ChangeUnconfirmed = "update_unconfirmed" {
        /// Yes. Truemed shows the change.
        Confirmed,
        /// No. The change was not made. Drop it.
        Withdrawn,
        /// Not yet. Wait for the customer.
        KeepWaiting,
    }
    /// It is unknown whether Truemed made this change of the card or the items.
    /// Does Truemed's dashboard show the change?
    UpdateUnknown = "update_unconfirmed" {
        /// Yes. Truemed shows the change.
        Confirmed,
        /// No. The change was not made. Drop it.
        Withdrawn,
    }
    /// A charge failed, and the customer was asked to repair the payment method. Truemed has not confirmed the repair.
    /// Does Truemed's dashboard show the repair? If this row was restored from a backup, the repair may have been made before,
    /// and the repeated charge captured: look for a captured session of this charge. Its repetition then only finds it.
    RepairUnconfirmed = "repair_unconfirmed" {
        /// Yes, or the repeated charge is captured. The charge can be requested again.
        Repaired,
        /// Not yet. Wait for the customer.
        KeepWaiting,
    }
    /// Truemed does not find this payment token. The token was deleted, or the API key belongs to another sales channel.
    /// Is the token still in Truemed's dashboard?
    TokenNotFound = "token_not_found" {
        /// No. The token was deleted and cannot be charged.
        Deleted,
        /// Yes. The token still exists. Keep it.
        Keep,
    }
    /// Truemed reported several payment tokens for one request of ours, and nothing shows which one counts.
    /// The ids of this row name them. Which token does Truemed's dashboard show for this customer?
    TwoTokens = "two_tokens" {
        /// This one. Charge it.
        Issued needs "payment_token" |id| Token::parse(id).is_ok(),
        /// None. Truemed has no token of this customer.
        Deleted,
    }
    /// Truemed has not reported the outcome of this session or provision request, and lookups have not shown it.
    /// Find the session or the request in Truemed's dashboard. Should rulebound keep waiting?
    NoSignal = "no_signal" {
        /// Yes. The outcome is still open. Look it up again.
        KeepWaiting,
        /// No. Truemed will not report an outcome.
        StopWaiting,
    }
    /// Truemed reports a status for this payment session that its documents do not list.
    /// Find the session in Truemed's dashboard. Is the session still in progress?
    UnknownStatus = "unknown_status" {
        /// Yes. The session is in progress.
        Live,
        /// No. The session has ended.
        Ended,
    }
    /// Truemed does not find this payment session. The id may be wrong, or the API key may belong to another sales channel.
    /// Is the session in Truemed's dashboard?
    NotFound = "not_found" {
        /// Yes. Look the session up again.
        KeepWaiting,
        /// No. There is no such session.
        StopWaiting,
        /// Yes, under another id. I found the session in Truemed's dashboard.
        MadeElsewhere needs "payment_session" |id| PaymentSessionId::parse(id).is_ok(),
    }
    /// Truemed reports a payment session that no known request explains. Find the session in Truemed's dashboard.
    /// Does the session pay for this order or subscription?
    Unplaced = "unplaced_payment" {
        /// Yes. The session pays for this order or subscription.
        Ours,
        /// No. The session pays for something else.
        NotOurs,
        /// The money is only held. I have released or captured it in Truemed's dashboard.
        Seen,
    }
    /// A late reply or a webhook shows that Truemed carried out a request that was ended as not done.
    /// Find the request in Truemed's dashboard. Does the payment belong to this order or subscription?
    MadeAfterAll = "made_after_all" {
        /// Yes. The payment belongs to this order or subscription.
        Ours,
        /// No. The payment is for something else.
        NotOurs,
        /// I have checked the request, and undone it if it is not wanted.
        Seen,
    }
    /// Truemed has carried out the same request twice, and this is the second id.
    /// Find both in Truemed's dashboard, and undo the second one.
    MadeTwice = "made_twice" {
        /// I have undone the second one, or I keep both.
        Seen,
    }
    /// Truemed reports two final statuses for this payment session that cannot both be true.
    /// Find out in Truemed's dashboard whether the money was captured.
    Contradiction = "contradiction" {
        /// I have checked the session.
        Seen,
    }
    /// The customer disputes this payment with the bank, as a lookup or a refused refund shows. Respond to the dispute in
    /// Truemed's dashboard. While it is open, Truemed refuses every refund.
    Disputed = "disputed" {
        /// I have responded to the dispute, or accepted it.
        Seen,
    }
    /// A lookup shows this payment as captured and wholly refunded, and it was not delivered here before. If this row was restored
    /// from a backup, the order may have been delivered before. Should the order be delivered?
    RefundedUndelivered = "refunded_undelivered" {
        /// Yes. Deliver it, although the money was given back.
        Fulfill,
        /// No. Deliver nothing.
        Nothing,
    }
    /// This row was restored from a backup, and this refund may have been made before: a lookup of the session shows refunds that
    /// the row does not know, or does not show their sum. Find the session in Truemed's dashboard. Was this refund made?
    RefundBeforeRestore = "refund_before_restore" {
        /// Yes. The refund was made. Do not make it again.
        Refunded,
        /// No. Make the refund.
        NotRefunded,
    }
    /// This row was restored from a backup, and this charge may have been made before: the list of sessions has one of this
    /// token that the row does not know, or is too long to be searched. Search Truemed's dashboard for a payment session of this
    /// charge. Was it made?
    ChargeBeforeRestore = "charge_before_restore" {
        /// Yes. I found the session in Truemed's dashboard. Do not charge again.
        Made needs "payment_session" |id| PaymentSessionId::parse(id).is_ok(),
        /// No. There is no such session. Make the charge.
        NotMade,
    }
    /// Truemed captured another amount for this session than was requested.
    /// Compare the two amounts in Truemed's dashboard.
    CapturedOtherAmount = "captured_other_amount" {
        /// I have checked the amount.
        Seen,
    }

    /// It is unknown whether Truemed created this payment session. Search Truemed's dashboard for the session.
    /// It is sent again for a day at most: Truemed may have forgotten its key then, and would make another session.
    /// Did Truemed create the session?
    CreateUnknown = "outcome_unknown" {
        /// Yes. I found the session in Truemed's dashboard.
        Made needs "payment_session" |id| PaymentSessionId::parse(id).is_ok(),
        /// No. There is no such session.
        NotMade,
    }
    /// It is unknown whether Truemed captured this payment session. It is sent again for a day at most,
    /// because Truemed may have forgotten its key then. What does Truemed's dashboard show?
    CaptureUnknown = "outcome_unknown" {
        /// The session is captured.
        Captured,
        /// The money is still held. The capture can be requested again.
        StillHeld,
        /// The session has ended without a capture.
        Ended,
    }
    /// It is unknown whether Truemed released the held money of this session. It is sent again for a day at
    /// most, because Truemed may have forgotten its key then. What does Truemed's dashboard show?
    VoidUnknown = "outcome_unknown" {
        /// The hold is released.
        Voided,
        /// The money is still held. The void can be requested again.
        StillHeld,
        /// The session is captured.
        Captured,
    }
    /// It is unknown whether Truemed canceled this checkout. Does Truemed's dashboard show it as canceled?
    CancelUnknown = "outcome_unknown" {
        /// Yes. The checkout is canceled.
        Canceled,
        /// No. The checkout is not canceled.
        NotCanceled,
    }
    /// It is unknown whether Truemed made this refund. Search Truemed's dashboard for the refund.
    /// It is sent again for a day at most: Truemed may have forgotten its key then, and would make another refund.
    /// Did Truemed make the refund?
    RefundUnknown = "outcome_unknown" {
        /// Yes. I found the refund in Truemed's dashboard.
        Refunded needs "refund" |id| TypedId::read("refund", id).is_some(),
        /// No. There is no such refund.
        NotRefunded,
    }
    /// It is unknown whether Truemed deleted this payment token. Is the token still in Truemed's dashboard?
    DeleteUnknown = "outcome_unknown" {
        /// No. The token was deleted.
        Deleted,
        /// Yes. The token still exists. Keep it.
        Keep,
    }
}

impl Verdict {
    /// The two verdicts on whose a payment is.
    pub(crate) const OURS_OR_NOT: &'static [Self] = &[Self::Ours, Self::NotOurs];
}

named! {
    /// The notices to a customer.
    pub enum Notice {
        /// A change of the card or the items waits for the customer, and does not count until it is confirmed. Send the
        /// customer to Truemed's page, `customer_url`, to finish it.
        ActionRequired = "action_required",
        /// A charge failed, and its money was not taken. Send the customer to Truemed's page, `customer_url`, to repair
        /// the payment method. Then request the charge again, under the same intent.
        PaymentFailed = "payment_failed",
        /// The customer has paid, and Truemed reviews the order. Tell the customer that the order is placed. Deliver
        /// nothing yet: `fulfill` says when.
        OrderPlaced = "order_placed",
        /// Truemed has rejected the order, and its money was not captured. Nothing is delivered. Tell the customer, who
        /// can order something else or ask Truemed why.
        Rejected = "rejected",
        /// The letter of medical necessity expires within 30 days. Ask the customer to take Truemed's health survey
        /// again before then, so that health money can go on paying.
        LetterExpires = "letter_expires",
        /// The stored card expires within 30 days, and later charges can fail. Ask the customer to change the card:
        /// `update_payment_token/card` makes the page.
        CardExpires = "card_expires",
        /// Truemed refused to delete the token, or a person gave the deletion up. The token still exists and can still be
        /// charged. Do not tell the customer that it is deleted. Request the deletion again, or ask Truemed.
        DeletionRefused = "deletion_refused",
        /// Truemed refused to cancel the checkout or to release the held money, or a person gave that up. The customer can
        /// still pay, or the money is still held. Request it again, or ask Truemed.
        CancellationRefused = "cancellation_refused",
    }
}

named! {
    /// What a flow waits for.
    pub enum SignalName {
        /// Truemed's webhook that the stored payment method, or a change of it, is confirmed. It comes after the
        /// customer has finished on Truemed's page; until then nothing new can be charged.
        TokenUpdated = "payment_token_updated",
        /// Truemed's webhook that the payment has another status, such as captured or rejected. Until then nothing is
        /// delivered. The library looks the session up if the webhook does not come.
        SessionComplete = "payment_session_complete",
        /// Truemed's webhook that the customer qualifies, or does not. It comes after the customer has taken the survey
        /// and Truemed has reviewed it.
        QualificationComplete = "qualification_session_complete",
    }
}
