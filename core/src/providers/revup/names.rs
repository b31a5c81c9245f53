//! The names that the flow of Revup uses for its reviews, notices and waits.

use super::ids::{SubscriptionId, TransactionId};
use crate::flow::{named, reviews};
use crate::time::Timestamp;

reviews! {
    /// The questions for a person about a subscription at Revup.
    pub enum Review {
        done_after_all: MadeAfterAll [Seen],
        done_twice: MadeTwice,
    };
    /// The verdicts that a person can give.
    pub enum Verdict {
        /// The subscription was created, under that id.
        Created = "created",
        /// The subscription was not created.
        NotCreated = "not_created",
        /// The subscription was cancelled.
        Cancelled = "cancelled",
        /// The subscription was not cancelled.
        NotCancelled = "not_cancelled",
        /// The payment was refunded.
        Refunded = "refunded",
        /// The payment was not refunded.
        NotRefunded = "not_refunded",
        /// The subscription belongs to this flow.
        Ours = "ours",
        /// The subscription does not belong to this flow.
        NotOurs = "not_ours",
        /// The subscription is paid and runs.
        Live = "live",
        /// The subscription has ended.
        Ended = "ended",
        /// The state of the subscription does not change.
        Keep = "keep",
        /// The flow should wait further.
        KeepWaiting = "keep_waiting",
        /// The flow should stop waiting.
        StopWaiting = "stop_waiting",
        /// The customer has paid until that time.
        PeriodEnd = "period_end",
        /// No end of the paid period is known.
        NoPeriodEnd = "none",
        /// The person has taken note.
        Seen = "seen",
        /// The customer keeps access.
        KeepAccess = "keep_access",
        /// Access ends now.
        EndAccess = "end_access",
    }

    /// Revup's reply to this creation was lost, or says that the token already has a subscription, which this row does not
    /// know: one of before a backup was restored, perhaps. Revup may charge the card every month. Was the subscription
    /// created? Search Revup's back office for the order of the token.
    CreateUnknown = "outcome_unknown" {
        /// Yes. I found the subscription in Revup's back office.
        Created needs "subscription" |id| SubscriptionId::parse(id).is_ok(),
        /// No. Revup's back office shows no subscription.
        NotCreated,
    }
    /// Revup's reply to this cancellation was lost. Was the subscription cancelled? Look at the subscription in Revup's back
    /// office.
    CancelUnknown = "outcome_unknown" {
        /// Yes. Revup's back office shows the subscription as cancelled.
        Cancelled,
        /// No. Revup's back office does not show the subscription as cancelled.
        NotCancelled,
    }
    /// Revup's reply to this refund was lost, and no lookup shows whether the money went back. Was the payment refunded? Look
    /// at the payment's order in Revup's back office.
    RefundUnknown = "outcome_unknown" {
        /// Yes. Revup's back office shows the refund.
        Refunded may_name "transaction" |id| TransactionId::read(id).is_some(),
        /// No. Revup's back office does not show the refund.
        NotRefunded,
    }
    /// The row was restored from a backup, and the order of the payment may already have this refund. Was the payment refunded
    /// after the backup was taken? Look at the payment's order in Revup's back office. Until then, no refund is sent.
    RefundBeforeRestore = "refund_before_restore" {
        /// Yes. Revup's back office shows this refund, so it must not be sent again.
        Refunded,
        /// No. Revup's back office does not show this refund, so it can be sent.
        NotRefunded,
    }
    /// Revup does not know the subscription id that a person gave. Was the subscription created? Search Revup's back office
    /// for the order of the token.
    GivenNotFound = "not_found" {
        /// Yes. I found the subscription in Revup's back office.
        Created needs "subscription" |id| SubscriptionId::parse(id).is_ok(),
        /// No. Revup's back office shows no subscription.
        NotCreated,
    }
    /// Revup does not know this subscription any more. Has the subscription ended? Look at the subscription in Revup's back
    /// office.
    NotFound = "not_found" {
        /// Yes. The subscription has ended.
        Ended,
        /// No, or I do not know. Keep what is known of the subscription.
        Keep,
    }
    /// The subscription id that a person gave belongs to another plan. Was the requested subscription created? Search Revup's
    /// back office for the order of the token.
    OtherPlan = "other_plan" {
        /// Yes. I found the subscription in Revup's back office.
        Created needs "subscription" |id| SubscriptionId::parse(id).is_ok(),
        /// No. Revup's back office shows no subscription.
        NotCreated,
    }
    /// Revup's reply to the creation names another order than the request. Does the subscription belong to this customer?
    /// Look at the subscription in Revup's back office. Access is withheld until then.
    OrderMismatch = "order_mismatch" {
        /// Yes. The subscription belongs to this customer.
        Ours,
        /// No. The subscription belongs to somebody else.
        NotOurs,
    }
    /// Revup shows a status of the subscription that its documents do not list. Is the subscription paid? Look at the
    /// subscription in Revup's back office, or ask Revup.
    StatusUnknown = "status_unknown" {
        /// Yes. The subscription is paid and runs.
        Live,
        /// No. The subscription has ended.
        Ended,
    }
    /// Neither an event nor a lookup has shown what became of the first charge. Was the charge made? Look at the subscription
    /// in Revup's back office.
    NoSignal = "no_signal" {
        /// I do not know yet. Keep looking the subscription up.
        KeepWaiting,
        /// I do not know. Stop looking the subscription up.
        StopWaiting,
        /// Yes. The subscription is paid and runs.
        Live,
        /// No. The subscription has ended.
        Ended,
    }
    /// No lookup of the payments has shown until when the customer has paid. When is the next renewal due, or when does the
    /// last paid period of the canceled subscription end? Look at the subscription in Revup's back office.
    NoPeriodEnd = "no_period_end" {
        /// I found the end of the paid period.
        PeriodEnd needs "time" |until| Timestamp::parse_iso(until).is_some(),
        /// Revup's back office shows no date.
        NoPeriodEnd,
    }
    /// Revup first said that this subscription had ended or that its first charge had failed, and then the opposite. The
    /// later message was not followed. Compare the subscription with Revup's back office.
    Contradiction = "contradiction" {
        /// I have looked at the subscription.
        Seen,
    }
    /// A request was made twice: Revup names another subscription or refund for the same request. Look at both in Revup's
    /// back office, and undo one of them.
    MadeTwice = "made_twice" {
        /// I have looked at both.
        Seen,
    }
    /// A request was recorded as not done, and Revup now shows that it was done. Does what Revup shows belong to this flow?
    /// Look at it in Revup's back office.
    MadeAfterAll = "made_after_all" {
        /// Yes. The subscription belongs to this flow.
        Ours,
        /// No. The subscription belongs to something else.
        NotOurs,
        /// I have looked at what Revup shows.
        Seen,
    }
    /// The customer's bank disputes a payment of this subscription, or asks about one. Answer in Revup's back office, because
    /// the API cannot. If the bank takes the money back, do not refund it as well. Should the subscription go on?
    Disputed = "disputed" {
        /// I have looked at the dispute, and access stays. If the subscription must end, I cancel it.
        Seen,
        /// I have looked at the dispute. End access now, until another period is paid. If the subscription must end, I cancel
        /// it.
        EndAccess,
    }
    /// A payment of this subscription was refunded, in full or in part, and this flow did not request it. Look at the refund's
    /// transaction in Revup's back office. Should the customer keep access?
    Refunded = "refunded" {
        /// Yes. Keep access. If the subscription must end, I cancel it.
        KeepAccess,
        /// No. End access now, until another period is paid. If the subscription must end, I cancel it.
        EndAccess,
    }
    /// Revup accepted this refund, and no message or lookup has shown its end. Did the money go back? Look at the refund's
    /// transaction in Revup's back office.
    RefundUnfinished = "refund_unfinished" {
        /// Yes. Revup's back office shows the refund as done.
        Refunded,
        /// No. Revup's back office shows the refund as failed.
        NotRefunded,
        /// I do not know yet. Keep looking the refund up.
        KeepWaiting,
    }
    /// Revup has charged one period of this subscription twice, and this is the second payment. Compare both payments in
    /// Revup's back office. If both took money, refund one of them.
    ChargedTwice = "charged_twice" {
        /// I have looked at both payments.
        Seen,
    }
    /// The first charge took another amount, or another currency, than the request names. Compare the payment in Revup's back
    /// office with the request. If it took too much, refund the rest.
    ChargedOtherAmount = "charged_other_amount" {
        /// I have compared the amounts.
        Seen,
    }
    /// Revup first showed this refund as done, and now shows it as failed. Did the money go back? Look at the refund's
    /// transaction in Revup's back office.
    RefundContradiction = "refund_contradiction" {
        /// Yes. Revup's back office shows the refund as done.
        Refunded,
        /// No. The customer has not got the money. If the customer must get it, I request the refund again.
        NotRefunded,
    }
    /// Revup gave back another amount than this refund asked for. Compare the refund's transaction in Revup's back office
    /// with the request.
    OtherAmount = "other_amount" {
        /// I have compared the amounts.
        Seen,
    }
}

named! {
    /// The notices to a customer.
    pub enum Notice {
        /// A charge failed. Revup tries a failed renewal again by itself, and access lasts as long as it is paid. A first
        /// charge is never tried again: the customer must pay a new order.
        PaymentFailed = "payment_failed",
        /// Revup refused the cancellation, or a person gave it up, so the subscription goes on and so do its charges. Cancel
        /// again, or in the back office.
        CancellationRefused = "cancellation_refused",
        /// Revup accepted this refund, and it has failed since: the customer has not got the money back. Request it again.
        RefundFailed = "refund_failed",
    }
}

named! {
    /// The signals that a subscription waits for: the events that show them.
    pub enum SignalName {
        /// The first charge succeeded. Revup makes it, or the customer pays in the form. The library looks the subscription up
        /// by itself if the event does not come.
        Created = "subscription.created",
        /// A refund is done. Revup has accepted it, and the bank has not finished it. The library looks it up by itself.
        Refunded = "subscription.payment.refunded",
    }
}
