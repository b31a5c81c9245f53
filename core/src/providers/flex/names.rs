//! The names that Flex's flows share: reviews and verdicts, notices, and the signals that a flow waits for.

use super::ids::{CaptureId, CheckoutSessionId, RefundId};
use crate::flow::{named, reviews};

reviews! {
    /// A question for a person.
    pub enum Review {
        done_after_all: MadeAfterAll [Seen],
        done_twice: MadeTwice,
    };
    /// A person's answer to a review.
    pub enum Verdict {
        /// The amount was captured.
        Captured = "captured",
        /// The amount was not captured.
        NotCaptured = "not_captured",
        /// The subscription was changed.
        Changed = "changed",
        /// The subscription was not changed.
        NotChanged = "not_changed",
        /// The session is complete.
        Complete = "complete",
        /// The checkout session was created.
        Created = "created",
        /// The checkout session was not created.
        NotCreated = "not_created",
        /// The session or subscription has ended.
        Ended = "ended",
        /// The subscription goes on.
        NotEnded = "not_ended",
        /// Everything stays as it is.
        Keep = "keep",
        /// The session counts although it differs from the order.
        Accept = "accept",
        /// The customer keeps access.
        KeepAccess = "keep_access",
        /// The customer gets access again.
        GiveAccess = "give_access",
        /// Access ends now.
        EndAccess = "end_access",
        /// The flow keeps waiting.
        KeepWaiting = "keep_waiting",
        /// The flow stops waiting.
        StopWaiting = "stop_waiting",
        /// The subscription is active.
        Live = "live",
        /// The invoice is paid.
        Paid = "paid",
        /// The invoice is not paid yet.
        NotPaid = "not_paid",
        /// The paid goods are delivered.
        Fulfill = "fulfill",
        /// Nothing is delivered.
        Nothing = "nothing",
        /// A person refunds the payment.
        Refund = "refund",
        /// The money was refunded.
        Refunded = "refunded",
        /// The money was not refunded.
        NotRefunded = "not_refunded",
        /// A person has seen the problem.
        Seen = "seen",
        /// The dispute is closed.
        Closed = "closed",
        /// The dispute is not closed.
        NotClosed = "not_closed",
        /// The evidence is submitted.
        Submitted = "submitted",
        /// No evidence will be submitted.
        NoEvidence = "no_evidence",
        /// The dispute was won.
        Won = "won",
        /// The dispute was lost.
        Lost = "lost",
    }

    /// Flex has not said whether it created this checkout session. A second one could charge the customer twice.
    /// Does the Flex dashboard show the session?
    CreateAmbiguous = "create_ambiguous" {
        /// Yes. I found the session in the Flex dashboard.
        Created needs "checkout_session" |id| CheckoutSessionId::parse(id).is_ok(),
        /// No. Flex did not create it.
        NotCreated,
    }
    /// Flex has not said whether it made this refund. Does the Flex dashboard show the refund?
    RefundUnknown = "outcome_unknown" {
        /// Yes. I found the refund in the Flex dashboard.
        Refunded needs "refund" |id| RefundId::parse(id).is_ok(),
        /// No. Flex did not make it.
        NotRefunded,
    }
    /// Flex has not said whether it captured this amount. Does the Flex dashboard show the capture?
    CaptureUnknown = "outcome_unknown" {
        /// Yes. I found the capture in the Flex dashboard.
        Captured needs "capture" |id| CaptureId::parse(id).is_ok(),
        /// No. Flex did not capture it.
        NotCaptured,
    }
    /// Flex has not said whether it canceled this subscription. Does the Flex dashboard show it as canceled?
    CancelUnknown = "outcome_unknown" {
        /// Yes. The subscription has ended.
        Ended,
        /// No. The subscription goes on.
        NotEnded,
    }
    /// Flex has not said whether it changed this subscription. Does the Flex dashboard show the change?
    UpdateUnknown = "outcome_unknown" {
        /// Yes. Flex shows the change.
        Changed,
        /// No. Flex did not make the change.
        NotChanged,
    }
    /// Flex has not said whether it closed this dispute. Does the Flex dashboard show the dispute as lost?
    CloseUnknown = "outcome_unknown" {
        /// Yes. The dispute is closed and lost.
        Closed,
        /// No. The dispute is still open, or was won.
        NotClosed,
    }
    /// Flex has carried out one request twice. Look for both results in the Flex dashboard and undo one of them.
    MadeTwice = "made_twice" {
        /// I have seen it.
        Seen,
    }
    /// Flex has carried out a request that was recorded as not done. Look at the result in the Flex dashboard.
    MadeAfterAll = "made_after_all" {
        /// I have seen it.
        Seen,
    }

    /// The total or another part of this session differs from the order, so the customer gets no page. Compare both in the
    /// Flex dashboard. If the session is wrong, request a new one, which takes its place.
    SessionDiffers = "session_differs" {
        /// The session is right. Send the customer to it, and deliver it once it is paid.
        Accept,
    }
    /// The paid session differs from the requested one. Compare the session in the Flex dashboard with the order.
    /// Deliver the order, or refund the payment?
    NotAsAsked = "not_as_asked" {
        /// Deliver the order.
        Fulfill,
        /// Do not deliver it. I refund the payment in the Flex dashboard.
        Refund,
    }
    /// Flex now shows another amount for this session than the order has, and the delivery may have been made already.
    /// Compare both in the Flex dashboard, and settle the difference with the customer.
    DiffersAfterAll = "differs_after_all" {
        /// I have seen it.
        Seen,
    }
    /// The customer has paid for the same purchase in a second session. Give that payment back with `create_refund`, or with
    /// `refund_payment` in a subscription, and name the session. You can also do it in the Flex dashboard. If Flex does not
    /// show that refund within a week, this question comes again.
    SecondPayment = "second_payment" {
        /// I have refunded the second payment in the Flex dashboard.
        Refunded,
        /// Keep both payments.
        Keep,
    }
    /// A session with this order's reference was paid, but this flow does not know the session. Find out in the Flex
    /// dashboard where the session comes from.
    UnknownSession = "unknown_session" {
        /// I have seen it.
        Seen,
    }
    /// One session has created several subscriptions. Only the first counts here, and Flex keeps charging for the
    /// others. End those that the customer does not want.
    SeveralSubscriptions = "several_subscriptions" {
        /// I have seen it.
        Seen,
    }
    /// Flex has reported two final states that cannot both be true. Look in the Flex dashboard which one is true.
    Contradiction = "contradiction" {
        /// I have seen it.
        Seen,
    }
    /// Flex does not find this session or subscription. Look for it in the Flex dashboard. Has it ended?
    NotFound = "not_found" {
        /// Yes. It has ended, or it never existed.
        Ended,
        /// No. It exists. Keep it.
        Keep,
    }
    /// No reply and no webhook has shown the next change of this session or subscription. Look at it in the Flex
    /// dashboard.
    NoSignal = "no_signal" {
        /// Nothing has changed yet. Keep waiting.
        KeepWaiting,
        /// Nothing more will come. Stop waiting.
        StopWaiting,
    }
    /// The customer must act before Flex can charge this session, but Flex names no page. Look at the session in the Flex
    /// dashboard, and tell the customer what to do.
    ActionWithoutPage = "action_without_page" {
        /// I have told the customer.
        Seen,
    }
    /// Flex shows this session or subscription with a status that its documents do not list. Ask Flex what it means.
    UnknownStatus = "unknown_status" {
        /// The session is complete and paid.
        Complete,
        /// The subscription is active.
        Live,
        /// It has ended.
        Ended,
        /// It is not known yet. Keep waiting.
        KeepWaiting,
    }

    /// Flex has captured an amount that differs from the requested one. Compare both in the Flex dashboard.
    CapturedOtherAmount = "captured_other_amount" {
        /// I have seen it.
        Seen,
    }
    /// Flex has refunded less than was requested, or another amount than a person has confirmed. Compare both in the Flex
    /// dashboard.
    RefundedOtherAmount = "refunded_other_amount" {
        /// I have seen it.
        Seen,
    }
    /// A refund has failed or was canceled, so the customer has not received the money. Look at the refund in the Flex
    /// dashboard.
    RefundFailed = "refund_failed" {
        /// I have seen it.
        Seen,
    }
    /// Refunds of this session or payment are still pending. Look at them in the Flex dashboard.
    RefundPending = "refund_pending" {
        /// The refunds are still pending. Keep waiting.
        KeepWaiting,
        /// Nothing more will come. Stop waiting.
        StopWaiting,
    }
    /// The refund that the cancellation requested is not confirmed. Does the Flex dashboard show the refund?
    RefundUnconfirmed = "refund_unconfirmed" {
        /// Yes. Flex has made the refund.
        Refunded,
        /// No. Flex has not made it.
        NotRefunded,
    }
    /// A payment of this subscription was refunded: in full, or not on request of this flow. Should the customer keep
    /// access?
    Refunded = "refunded" {
        /// Yes. Keep access.
        KeepAccess,
        /// No. End access now.
        EndAccess,
    }
    /// The customer disputes a payment with the bank. Respond to the dispute in the Flex dashboard, then choose what
    /// follows.
    Disputed = "disputed" {
        /// We won the dispute and keep the money.
        Won,
        /// We lost the dispute and the money.
        Lost,
        /// The customer keeps access.
        KeepAccess,
        /// End access now.
        EndAccess,
    }
    /// The bank decides this dispute without your evidence after the deadline. Submit the evidence in the Flex dashboard,
    /// or accept the dispute with `close_dispute`.
    EvidenceDue = "evidence_due" {
        /// The evidence is submitted.
        Submitted,
        /// I submit no evidence.
        NoEvidence,
    }
    /// No lookup has shown how this dispute has ended. Look at it in the Flex dashboard.
    DisputeUnsettled = "dispute_unsettled" {
        /// We won the dispute and keep the money.
        Won,
        /// We lost the dispute and the money.
        Lost,
        /// The dispute is still open. Keep waiting.
        KeepWaiting,
    }
    /// A dispute was lost, so the bank has given the money back to the customer. Find out what that means for the order
    /// or the subscription.
    DisputeLost = "dispute_lost" {
        /// I have seen it.
        Seen,
        /// The customer keeps access.
        KeepAccess,
        /// End access now.
        EndAccess,
    }
    /// A dispute was won after you ended access because of it: you keep the money of a period that has not ended. Give the
    /// customer access again?
    DisputeWon = "dispute_won" {
        /// Yes. Give access until the end of the paid period.
        GiveAccess,
        /// No. Access stays ended.
        Keep,
    }

    /// The subscription is live, but Flex does not say when its period ends. Look for the end in the Flex dashboard.
    NoPeriod = "no_period" {
        /// Flex will show the end. Keep waiting.
        KeepWaiting,
        /// Flex will not show it. Stop waiting.
        StopWaiting,
    }
    /// No lookup has shown whether this invoice is paid. Look at the invoice in the Flex dashboard. Is it paid?
    PaymentUnknown = "payment_unknown" {
        /// Yes. It is paid.
        Paid,
        /// No. It is not paid yet. Look it up every day.
        NotPaid,
        /// It is not known yet. Keep waiting.
        KeepWaiting,
    }
    /// The customer has paid this, and Flex shows no period that it pays for. It can be a second payment, or a charge for a
    /// change in the Flex dashboard. Look at the payment there. Should it be delivered?
    UnplacedInvoice = "unplaced_invoice" {
        /// Yes. Deliver it.
        Fulfill,
        /// No. Deliver nothing.
        Nothing,
    }
    /// The subscription ends earlier than the period that the customer has paid for. Should the customer keep access
    /// until the paid end?
    EndedEarly = "ended_early" {
        /// Yes. Keep access.
        KeepAccess,
        /// No. End access now.
        EndAccess,
    }
}

named! {
    /// Why a customer is notified.
    pub enum Notice {
        /// A payment or the stored payment method waits for the customer, and no money was taken for it yet. Send the
        /// customer to Flex's page, `customer_url`, to finish it.
        ActionRequired = "action_required",
        /// A payment failed, and its money was not taken. What the customer has paid for before stays. Ask the customer
        /// for another payment method.
        PaymentFailed = "payment_failed",
        /// A renewal is not paid, and Flex tries it again. Access lasts until the grace period after the paid time is
        /// over. Ask the customer for another payment method.
        PastDue = "past_due",
        /// Flex did not do what the cancellation asks, so the subscription goes on and so do its charges. Cancel again,
        /// or in the Flex dashboard.
        CancellationRefused = "cancellation_refused",
    }
}

named! {
    /// An event that a flow waits for.
    pub enum SignalName {
        /// Flex's webhook that the customer has finished the checkout. Until then nothing is paid and nothing is
        /// delivered. The library looks the session up if the webhook does not come.
        SessionCompleted = "checkout.session.completed",
        /// Flex's webhook that the invoice of a period is paid, so access lasts until the end of that period. The
        /// library looks the subscription up if the webhook does not come.
        InvoicePaid = "invoice.paid",
        /// Flex's webhook that the subscription has ended, and is not charged any more. `access_until` of the status
        /// says how long access lasts.
        SubscriptionDeleted = "customer.subscription.deleted",
    }
}
