//! What Flex's documents leave open.

use crate::provider::Reading;

const fn reading(name: &'static str, values: &'static [&'static str], question: &'static str) -> Reading {
    Reading { name, values, question }
}

pub(super) const ALL: &[Reading] = &[
    reading(
        "period-turns-before-payment",
        &["true", "false"],
        "whether current_period_end moves when a renewal is drafted, as at Stripe, or when it is paid",
    ),
    reading(
        "invoice-period",
        &["service", "previous"],
        "whether an invoice's period is the one that it pays for, or the one before, as on Stripe's renewals",
    ),
    reading(
        "invoice-paid-events",
        &["both", "invoice.paid", "invoice.payment_succeeded"],
        "the guides name one event or the other; whether both are sent is not said",
    ),
    reading("completed-name", &["dotted", "underscore"], "guides write checkout.session and checkout_session"),
    reading(
        "completed-first",
        &["false", "true"],
        "whether checkout.session.completed comes after the events of its subscription is not said",
    ),
    reading(
        "subscription-starts",
        &["active", "incomplete"],
        "whether customer.subscription.created shows the status before or after the first payment",
    ),
    reading("trial-invoice", &["zero", "none"], "whether a trial begins with a paid invoice of 0 is not said"),
    reading("trial-session-amount", &["zero", "full"], "amount_total of a session with a trial is not shown"),
    reading(
        "trial-end-updated",
        &["false", "true"],
        "customer.subscription.updated is not reliably sent when a trial ends",
    ),
    reading("dunning-end", &["canceled", "unpaid", "past_due"], "what follows the last retry is not said"),
    reading(
        "new-card-pays",
        &["next-retry", "at-once"],
        "whether a new card is charged for an open invoice is not said",
    ),
    reading(
        "setup-card",
        &["every-subscription", "named-only"],
        "which subscriptions a new card pays for, where the setup names none",
    ),
    reading(
        "cancel-default",
        &["at-once", "period-end"],
        "a cancellation without the flag: the pages of 2024 and 2026 differ",
    ),
    reading("cancel-body", &["either", "wrapped"], "the cancel page prints its body with and without `subscription`"),
    reading("capture-amount", &["ignored", "honored"], "the documented body of a capture has no `amount`"),
    reading("session-life", &["hour", "day"], "the only sample lasts 3600 s; a third party says 24 h"),
    reading("expired-event", &["false", "true"], "only a third party names checkout.session.expired"),
    reading("session-members", &["all", "2024", "2026"], "the samples of 2024 and of 2026 differ in their members"),
    reading(
        "unclassified",
        &["not_eligible", "null"],
        "hsa_fsa_eligibility of a product before Flex has classified it",
    ),
    reading("letter-denied", &["ordinary-card", "no-payment"], "what a customer without a letter can do is not said"),
    reading(
        "off-session-letter",
        &["next-action", "refuse"],
        "whether an off-session charge without a letter is refused, or waits for the customer",
    ),
    reading("idempotency-key", &["ignored", "honored"], "only a third party sends Idempotency-Key"),
    reading("webhook-headers", &["svix", "webhook", "flex", "all"], "the docs show svix-*; the plugin reads all three"),
    reading("event-wrapper", &["none", "event"], "whether an event is within `event` is shown for its retry only"),
    reading("event-object", &["kind", "bare"], "whether `object` holds the resource or a key with its kind"),
    reading("event-time", &["seconds", "milliseconds"], "the unit of event_dt is not said"),
];
