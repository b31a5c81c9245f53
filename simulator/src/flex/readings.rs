//! What Flex's documents leave open.

use crate::provider::Reading;

pub(super) const ALL: &[Reading] = &[
    Reading::new(
        "period-turns-before-payment",
        &["true", "false"],
        "whether current_period_end moves when a renewal is drafted, as at Stripe, or when it is paid",
    ),
    Reading::new(
        "invoice-period",
        &["service", "previous"],
        "whether an invoice's period is the one that it pays for, or the one before, as on Stripe's renewals",
    ),
    Reading::new(
        "invoice-paid-events",
        &["both", "invoice.paid", "invoice.payment_succeeded"],
        "the guides name one event or the other; whether both are sent is not said",
    ),
    Reading::new("completed-name", &["dotted", "underscore"], "guides write checkout.session and checkout_session"),
    Reading::new(
        "completed-first",
        &["false", "true"],
        "whether checkout.session.completed comes after the events of its subscription is not said",
    ),
    Reading::new(
        "subscription-starts",
        &["active", "incomplete"],
        "whether customer.subscription.created shows the status before or after the first payment",
    ),
    Reading::new("trial-invoice", &["zero", "none"], "whether a trial begins with a paid invoice of 0 is not said"),
    Reading::new("trial-session-amount", &["zero", "full"], "amount_total of a session with a trial is not shown"),
    Reading::new(
        "trial-end-updated",
        &["false", "true"],
        "customer.subscription.updated is not reliably sent when a trial ends",
    ),
    Reading::new("dunning-end", &["canceled", "unpaid", "past_due"], "what follows the last retry is not said"),
    Reading::new(
        "new-card-pays",
        &["next-retry", "at-once"],
        "whether a new card is charged for an open invoice is not said",
    ),
    Reading::new(
        "setup-card",
        &["every-subscription", "named-only"],
        "which subscriptions a new card pays for, where the setup names none",
    ),
    Reading::new(
        "cancel-default",
        &["at-once", "period-end"],
        "a cancellation without the flag: the pages of 2024 and 2026 differ",
    ),
    Reading::new(
        "cancel-body",
        &["either", "wrapped"],
        "the cancel page prints its body with and without `subscription`",
    ),
    Reading::new("capture-amount", &["ignored", "honored"], "the documented body of a capture has no `amount`"),
    Reading::new("session-life", &["hour", "day"], "the only sample lasts 3600 s; a third party says 24 h"),
    Reading::new("expired-event", &["false", "true"], "only a third party names checkout.session.expired"),
    Reading::new(
        "session-members",
        &["all", "2024", "2026"],
        "the samples of 2024 and of 2026 differ in their members",
    ),
    Reading::new(
        "unclassified",
        &["not_eligible", "null"],
        "hsa_fsa_eligibility of a product before Flex has classified it",
    ),
    Reading::new(
        "letter-denied",
        &["ordinary-card", "no-payment"],
        "what a customer without a letter can do is not said",
    ),
    Reading::new(
        "off-session-letter",
        &["next-action", "refuse"],
        "whether an off-session charge without a letter is refused, or waits for the customer",
    ),
    Reading::new("idempotency-key", &["ignored", "honored"], "only a third party sends Idempotency-Key"),
    Reading::new(
        "webhook-headers",
        &["svix", "webhook", "flex", "all"],
        "the docs show svix-*; the plugin reads all three",
    ),
    Reading::new("event-wrapper", &["none", "event"], "whether an event is within `event` is shown for its retry only"),
    Reading::new("event-object", &["kind", "bare"], "whether `object` holds the resource or a key with its kind"),
    Reading::new("event-time", &["seconds", "milliseconds"], "the unit of event_dt is not said"),
];
