//! The names that the flow of Vend uses for its reviews, notices and waits.

use super::ids::SubscriptionId;
use crate::flow::{named, reviews};

reviews! {
    /// The questions for a person about a subscription at Vend.
    pub enum Review { undelivered: OlderConsent };
    /// The verdicts that a person can give.
    pub enum Verdict {
        /// The retailer used the token.
        Used = "used",
        /// The retailer did not use the token.
        NotUsed = "not_used",
        /// The token should be looked up further.
        KeepWaiting = "keep_waiting",
        /// The use of the token counts.
        Confirmed = "confirmed",
        /// The use of the token does not count.
        NotConfirmed = "not_confirmed",
        /// The consent must be delivered.
        Fulfill = "fulfill",
        /// Nothing of the consent is left to deliver.
        Nothing = "nothing",
        /// The subscription is live.
        Live = "live",
        /// The subscription has ended.
        Ended = "ended",
        /// The subscription is the one with that id.
        Ours = "ours",
        /// There is no subscription.
        NoneOurs = "none",
        /// The retailer canceled the subscription.
        Canceled = "canceled",
        /// The subscription should be looked up further.
        Keep = "keep",
    }

    /// The consent token has expired, and no lookup shows whether the retailer used it. Did the retailer consent to this
    /// request? Compare the retailer's subscription in Vend with the request.
    Unconfirmed = "unconfirmed" {
        /// Yes. The subscription in Vend shows what was requested.
        Used may_name "subscription" |id| SubscriptionId::parse(id).is_ok(),
        /// No. The subscription in Vend does not show what was requested.
        NotUsed,
        /// I do not know yet. Keep looking the token up.
        KeepWaiting,
    }
    /// Vend says that the consent token was used for something other than this request. Did the retailer consent to this
    /// request even so? Compare the retailer, the plan and the components in Vend with the request.
    Mismatch = "mismatch" {
        /// Yes. The retailer consented to this request.
        Confirmed,
        /// No. The retailer consented to something else.
        NotConfirmed,
    }
    /// The consent token was given up as unused, and a lookup now shows that the retailer used it. Does the consent count?
    /// Look at the retailer's subscription in Vend.
    MadeAfterAll = "made_after_all" {
        /// Yes. The retailer consented to this request.
        Confirmed,
        /// No. Nothing comes of the consent.
        NotConfirmed,
    }
    /// A later consent replaces this one in part, or belongs to another subscription, or the subscription ended before the
    /// delivery and is not live again. Must this consent still be delivered? Compare the retailer's subscription in Vend with
    /// the request.
    OlderConsent = "older_consent" {
        /// Yes. Deliver what the retailer consented to.
        Fulfill,
        /// No. Nothing of the consent is left to deliver.
        Nothing,
    }
    /// Vend shows a state of the subscription that its documents do not explain. Is the subscription live? Look at the
    /// subscription in Vend, or ask Vend's support.
    State = "state" {
        /// Yes. The subscription is live.
        Live,
        /// No. The subscription has ended.
        Ended,
    }
    /// Vend does not show which of the retailer's subscriptions belongs to this application. Which one is it? Look at the
    /// retailer's subscriptions in Vend.
    Ours = "ours" {
        /// I found the subscription and its id in Vend.
        Ours needs "subscription" |id| SubscriptionId::parse(id).is_ok(),
        /// None. The retailer has no subscription to this application.
        NoneOurs,
    }
    /// A lookup does not show this subscription. What became of the subscription? Look at the retailer's subscriptions in
    /// Vend, or ask Vend's support.
    NotShown = "not_shown" {
        /// The retailer canceled the subscription.
        Canceled,
        /// I do not know yet. Keep looking the subscription up.
        Keep,
        /// The subscription is live.
        Live,
    }
}

named! {
    /// The notices to a retailer.
    pub enum Notice {
        /// The retailer did not consent before the page expired. Nothing has changed, and nothing is billed for it.
        /// Request the change again to give the retailer a new page.
        ConsentExpired = "consent_expired",
        /// Vend refused to make the page on which the retailer consents, or a person gave the request up. Nothing has changed,
        /// and nothing is billed for it. Correct the plan, the components or your credentials (`last_failure` says what is
        /// wrong) before you request it again.
        RequestRefused = "request_refused",
        /// The subscription has ended, because the retailer canceled it or its term is over. Vend bills nothing more.
        /// Tell the retailer when access ends, and that a new subscription brings it back.
        SubscriptionCanceled = "subscription_canceled",
        /// The subscription that had ended is live again, and Vend bills it. Give the retailer access again.
        SubscriptionLive = "subscription_live",
    }
}

named! {
    /// The signals that a subscription waits for.
    pub enum SignalName {
        /// The retailer's consent on Vend's page. Until then nothing changes and nothing is billed. Vend does not
        /// report it: only a lookup of the token shows it, and the library makes that lookup.
        Consent = "consent",
    }
}
