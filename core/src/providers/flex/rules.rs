//! The rules of Flex, in the order of what they guard.

use super::pages as page;
use crate::rule::rules;

rules! {
    /// The rules that Flex's documents state, and those that follow from them.
    pub enum Rule;

    // Catalogue
    /// An API key begins with `fsk_test_` in test mode, and otherwise with `fsk_`.
    AuthKeyFormat = "flex.auth.key-format" Deny Documented Request
        ByHost("no API key enters the library: a request names the header, and the host fills it")
        [page::INTRO, page::PRODUCT_API];
    /// Whatever a request names is of the mode of its API key.
    AuthModeMatch = "flex.auth.mode-match" Deny Documented Request
        ByHost("the key is the host's; its mode can be told in the settings, and every session is held against it")
        [page::PRODUCT_API, page::TEST_MODE];
    /// A product has a name.
    ProductNameRequired = "flex.product.name-required" Deny Documented Request
        ByConstruction("`catalog` hands out no request of a product without one") [page::PRODUCTS];
    /// An eligibility should be one that the documents list; another is never taken for eligible.
    ProductEligibilityKnown = "flex.product.eligibility-known" Warn Documented Request
        ByConstruction("it is kept as `Unknown(text)`, which is not eligible, and `catalog` warns of it")
        [page::PRODUCTS];
    /// A product that takes a letter of medical necessity should have a visit type.
    ProductLmnNeedsVisitType = "flex.product.lmn-needs-visit-type" Warn Inferred Request
        ByConstruction("`catalog` warns of it with the request; no flow makes products") [page::SEED];
    /// A unit amount is a whole number of cents, and not negative.
    PriceAmountIntegerCents = "flex.price.amount-integer-cents" Deny Documented Request
        [page::SEED, page::CREATE_PRICE];
    /// A price has a product or the data of one, and not both.
    PriceProductXorProductData = "flex.price.product-xor-product-data" Deny Documented Request
        ByConstruction("`catalog` hands out no request of a price with both or neither") [page::CREATE_PRICE];
    /// A price is recurring exactly when it says how it recurs.
    PriceTypeMatchesRecurring = "flex.price.type-matches-recurring" Deny Documented Request
        ByConstruction("a request has no type besides `recurring`, and `catalog` warns of an answer that differs")
        [page::SEED, page::CREATE_PRICE];
    /// An interval is a day, week, month or year, in either of the two spellings.
    PriceIntervalKnown = "flex.price.interval-known" Deny Inferred Request [page::SEED, page::CREATE_PRICE];
    /// A period has at least one interval.
    PriceIntervalCountPositive = "flex.price.interval-count-positive" Deny Inferred Request [page::CREATE_PRICE];
    /// A trial should last at least a day.
    PriceTrialDaysPositive = "flex.price.trial-days-positive" Warn Inferred Request [page::CREATE_PRICE];
    /// Only a recurring price has a trial.
    PriceTrialNeedsRecurring = "flex.price.trial-needs-recurring" Deny Inferred Request
        ByConstruction("`trial_period_days` is a field of `recurring`, and of nothing else") [page::CREATE_PRICE];
    /// Only the description of a price and whether it is active can be updated.
    PriceImmutableAmount = "flex.price.immutable-amount" Deny Documented Request
        ByConstruction("`catalog` hands out no update of any other field") [page::UPDATE_PRICE];
    /// The older field `price` of an answer should equal `unit_amount`.
    PriceLegacyPriceEqualsUnitAmount = "flex.price.legacy-price-equals-unit-amount" Warn Documented Request
        ByConstruction("only `unit_amount` is read for a price, and `catalog` warns where the two differ") [page::SEED];

    // Creating a session
    /// Prices and amounts come from the merchant's server, never from a browser.
    CheckoutServerSidePrices = "flex.checkout.server-side-prices" Deny Documented Money
        ByHost("where a price comes from only the host sees; `order_total` and the catalogue are its own") [page::SEED];
    /// A session has a `success_url`.
    CheckoutSuccessUrlRequired = "flex.checkout.success-url-required" Deny Documented Request [page::SEED];
    /// The URLs of a session should be absolute and open to the public.
    CheckoutUrlsPublic = "flex.checkout.urls-public" Warn Documented Request [page::SEED];
    /// A session that sells something has at least one line item.
    CheckoutLineItemsRequired = "flex.checkout.line-items-required" Deny Inferred Request [page::CHECKOUT];
    /// A setup should have a customer and no line items.
    CheckoutSetupNoLineItems = "flex.checkout.setup-no-line-items" Warn Inferred Request [page::CHANGELOG];
    /// The quantity of a line item is at least one.
    CheckoutQuantityPositive = "flex.checkout.quantity-positive" Deny Inferred Request [page::SEED];
    /// A line item has a price or the data of one, and not both; in a reimbursement it has a product alone.
    CheckoutLineItemOneSource = "flex.checkout.line-item-one-source" Deny Documented Request
        [page::SEED, page::REIMBURSEMENT];
    /// A price that is sold exists and is active.
    CheckoutPriceActive = "flex.checkout.price-active" Deny Observed Request
        ByHost("only Flex knows its prices: its refusal of one carries this code as the rule that predicts it")
        [page::PRODUCTS];
    /// A subscription has at least one item that recurs.
    CheckoutSubscriptionNeedsRecurringPrice = "flex.checkout.subscription-needs-recurring-price"
        Deny Inferred Request [page::SEED];
    /// A payment has no item that recurs.
    CheckoutPaymentForbidsRecurring = "flex.checkout.payment-forbids-recurring" Deny Inferred Request
        [page::CHECKOUT];
    /// A subscription should have no item that is sold once.
    CheckoutMixedItems = "flex.checkout.mixed-items" Warn Inferred Request [page::SEED];
    /// The items of one subscription recur in one period.
    CheckoutMixedIntervals = "flex.checkout.mixed-intervals" Deny Inferred Request [page::SEED];
    /// `multiple_subscriptions` should be said of subscriptions alone.
    CheckoutMultipleSubscriptionsOptIn = "flex.checkout.multiple-subscriptions-opt-in" Warn Inferred Request
        [page::SEED];
    /// A mode is one that the documents name; a reimbursement should be of an invited merchant.
    CheckoutModeKnown = "flex.checkout.mode-known" Deny Documented Request
        [page::SEED, page::OFF_SESSION, page::REIMBURSEMENT, page::CHANGELOG];
    /// A capture method is `automatic` or `manual`.
    CheckoutCaptureMethodKnown = "flex.checkout.capture-method-known" Deny Inferred Request
        [page::SEED, page::CHANGELOG];
    /// The first payment of a subscription should not be held back for a manual capture.
    CheckoutManualCaptureSubscription = "flex.checkout.manual-capture-subscription" Warn Inferred Request [page::SEED];
    /// A charge while the customer is away names the customer and the stored payment method.
    CheckoutOffSessionCustomer = "flex.checkout.off-session-customer" Deny Documented Money [page::OFF_SESSION];
    /// A charge while the customer is away finds a valid letter for every item that takes one.
    CheckoutOffSessionLetter = "flex.checkout.off-session-letter" Deny Documented Request
        ByHost("letters are on file at Flex alone; a refusal of the charge says that one is missing")
        [page::OFF_SESSION, page::WALKTHROUGH];
    /// A charge of a health card while the customer is away should be for eligible items alone.
    CheckoutOffSessionNoSplit = "flex.checkout.off-session-no-split" Warn Documented Request [page::OFF_SESSION];
    /// A subscription should be to goods that take a letter of medical necessity.
    CheckoutSubscriptionEligibility = "flex.checkout.subscription-eligibility" Warn Documented Request
        [page::SUBSCRIPTIONS_OLD];
    /// Tax is what the merchant has computed, and not negative.
    CheckoutTaxIsCallerComputed = "flex.checkout.tax-is-caller-computed" Deny Documented Request [page::GUIDES];
    /// Shipping has a rate or the data of one, and not both.
    CheckoutShippingOneSource = "flex.checkout.shipping-one-source" Deny Documented Request [page::GUIDES];
    /// A coupon takes off an amount or a share, and not both.
    CouponOneDiscountKind = "flex.coupon.one-discount-kind" Deny Documented Request [page::CREATE_COUPON];
    /// A share is more than nothing, and at most all.
    CouponPercentRange = "flex.coupon.percent-range" Deny Documented Request [page::CREATE_COUPON];
    /// A coupon says for how many months exactly when it repeats.
    CouponRepeatingNeedsMonths = "flex.coupon.repeating-needs-months" Deny Documented Request [page::CREATE_COUPON];
    /// A session should carry the merchant's own reference.
    CheckoutClientReference = "flex.checkout.client-reference" Warn Inferred Money
        ByConstruction("the flow's key is filled in where the host gives none") [page::GET_SESSION];

    /// Metadata are a JSON object.
    MetadataObject = "flex.metadata.object" Deny Documented Request [page::GET_SESSION, page::CREATE_REFUND];

    // Reading a session
    /// A session expires after it was made.
    CheckoutExpiresAfterCreated = "flex.checkout.expires-after-created" Deny Inferred Request [page::SEED];
    /// A session should be taken to live as long as it says, not an hour.
    CheckoutTtl3600 = "flex.checkout.ttl-3600" Warn Inferred Request
        ByConstruction("`expires_at` is read, and no length of life is assumed") [page::SEED];
    /// The customer is sent to `redirect_url` only while the session is open and has not expired.
    CheckoutRedirectOnlyWhileOpen = "flex.checkout.redirect-only-while-open" Deny Inferred Request
        ByConstruction("`customer_at` is there only then, and `by` says until when") [page::SEED];
    /// The subtotal of a session should be what its items cost.
    CheckoutAmountSubtotalSum = "flex.checkout.amount-subtotal-sum" Warn Inferred Money [page::SEED];
    /// The total of a session should be its subtotal less discounts, with tax, shipping and fees.
    CheckoutAmountTotalConsistent = "flex.checkout.amount-total-consistent" Warn Inferred Money [page::SEED];
    /// A session's total equals that of the order before the customer is sent to pay it.
    CheckoutAmountEqualsOrder = "flex.checkout.amount-equals-order" Deny Observed Money [page::SEED];
    /// No amount of a session is negative, and no more was given back than received.
    CheckoutAmountsNonnegative = "flex.checkout.amounts-nonnegative" Warn Inferred Money [page::GET_SESSION];
    /// A session has the mode, the reference and the test mode that were asked for.
    CheckoutModeMatches = "flex.checkout.mode-matches" Deny Inferred Money [page::GET_SESSION];
    /// A subscription that is paid for has an id before it is provisioned.
    CheckoutCompleteSubscriptionHasId = "flex.checkout.complete-subscription-has-id" Deny Inferred Money
        ByConstruction("without it the session does not count as complete, and its look-up is owed") [page::SEED];
    /// A session that is open should have neither subscription nor invoice.
    CheckoutOpenHasNoResult = "flex.checkout.open-has-no-result" Warn Inferred Request [page::SEED];
    /// A session that is complete or expired stays so.
    CheckoutTerminal = "flex.checkout.terminal" Deny Inferred Money
        ByConstruction("a status only moves up its rank; two ends that contradict each other owe a review")
        [page::REDIRECTS];
    /// The status of a session should be one that the documents list; another is never taken for paid.
    CheckoutStatusKnown = "flex.checkout.status-known" Warn Documented Money [page::REDIRECTS];
    /// A session that a customer is to pay should have a `redirect_url`.
    CheckoutHasRedirect = "flex.checkout.has-redirect" Warn Documented Request [page::SEED];
    /// A session that takes a letter should be eligible.
    CheckoutLetterImpliesEligible = "flex.checkout.letter-implies-eligible" Warn Inferred Request [page::SEED];
    /// A session's eligibility should follow from its items.
    CheckoutEligibilityDerivation = "flex.checkout.eligibility-derivation" Warn Inferred Request
        [page::SEED, page::CHECKOUT];

    // Fulfilment
    /// A checkout is provisioned only once its session is shown to be complete.
    ProvisionOnlyOnCompleted = "flex.provision.only-on-completed" Deny Documented Money
        ByConstruction("`fulfill` is owed on the edge to complete alone; `returned` makes only look-ups owed")
        [page::SEED, page::REDIRECTS];
    /// An event that says completed counts only with a session that says complete.
    ProvisionStatusCheck = "flex.provision.status-check" Deny Documented Money
        ByConstruction("with any other session the event only makes the look-up owed") [page::REDIRECTS];
    /// A subscription gives access only while it is active or in its trial.
    ProvisionSubscriptionStatusGate = "flex.provision.subscription-status-gate" Deny Documented Money
        ByConstruction("only a lookup that shows such a status owes access; delivery waits until then, and never happens \
            once the subscription has ended")
        [page::FULFIL];
    /// The event of a new subscription provisions nothing that its session provisions too.
    ProvisionCreatedEvent = "flex.provision.created-event" Deny Documented Money
        ByConstruction("it makes the look-up of a known subscription owed, and is early until the session names it")
        [page::FULFIL];
    /// The event of a changed subscription never makes a subscription known.
    ProvisionNotOnUpdated = "flex.provision.not-on-updated" Deny Documented Money
        ByConstruction("only a session or the host names a subscription; of another the event is early")
        [page::FULFIL];
    /// The event of a payment alone completes no order.
    ProvisionNotOnPaymentIntent = "flex.provision.not-on-payment-intent" Deny Documented Money
        ByConstruction("events of payments are not read; two come for a split cart") [page::FULFIL];
    /// Access is extended only by an invoice that is paid, and once for each.
    ProvisionRenewOnInvoicePaid = "flex.provision.renew-on-invoice-paid" Deny Documented Money
        ByConstruction("a period gives access once the lookup's own latest invoice is known to be paid, or it is the \
            first of a complete session, or a trial; the lookup of a period alone gives nothing")
        [page::SEED, page::FULFIL, page::GET_SUBSCRIPTION, page::GET_INVOICE];
    /// Each paid period is delivered once, and its own invoice names the delivery.
    ProvisionEachPeriodOnce = "flex.provision.each-period-once" Deny Documented Money
        ByConstruction("`fulfill` is named after the invoice of the period; the session's delivery is that of its own \
            invoice, and a paid invoice that no period shows owes `review:unplaced_invoice`")
        [page::SEED, page::FULFIL];
    /// An invoice that is not paid takes nothing away, and is looked up until it is.
    InvoiceUnpaidTakesNothing = "flex.invoice.unpaid-takes-nothing" Deny Inferred Money
        ByConstruction("access only ends with what was paid; the invoice is looked up at 0, 1, 2, 4 and 12 hours, an \
            hour before the grace is over, and then daily, until a person is asked")
        [page::GET_INVOICE, page::SUBSCRIPTIONS];
    /// A refund or a dispute takes no access away before a person has said so.
    InvoiceMoneyBackIsJudged = "flex.invoice.money-back-is-judged" Deny Inferred Money
        ByConstruction("each owes one review, `refunded` or `disputed`, and is no question any more once it is reversed")
        [page::REFUNDS, page::DISPUTES];
    /// The first invoice of a subscription adds no second period.
    ProvisionFirstInvoiceNoDouble = "flex.provision.first-invoice-no-double" Deny Inferred Money
        ByConstruction("access is a level, from the end of the period that was looked up, and never a sum")
        [page::FULFIL];
    /// An invoice that is paid should be paid in full.
    InvoicePaidAmount = "flex.invoice.paid-amount" Warn Inferred Money [page::FULFIL];
    /// An invoice is of the subscription and the customer that are known.
    InvoiceBelongs = "flex.invoice.belongs" Deny Documented Money [page::SEED];
    /// Of an invoice that could not be paid the customer is told, and nothing is extended.
    InvoiceFailedNotify = "flex.invoice.failed-notify" Deny Documented Money
        ByConstruction("`notify:payment_failed` is owed once for each invoice; what else to do is the host's")
        [page::SEED];
    /// An invoice that is paid is never told of as failed.
    InvoiceFailedAfterPaid = "flex.invoice.failed-after-paid" Deny Inferred Request
        ByConstruction("paid stands above failed, and a notice that is still owed is withdrawn") [page::SEED];
    /// The customer of a subscription that is past due is asked for another payment method.
    SubscriptionPastDue = "flex.subscription.past-due" Deny Documented Request
        ByConstruction("`notify:past_due` is owed when a lookup first shows it, unless its invoice was told as failed: one \
            failure is one notice")
        [page::SUBSCRIPTIONS];
    /// A subscription should move as its lifecycle says.
    SubscriptionTransition = "flex.subscription.transition" Warn Inferred Money
        [page::SUBSCRIPTIONS, page::GET_SUBSCRIPTION];
    /// A subscription's status should be one that the documents list: another grants nothing and takes nothing away.
    SubscriptionStatusKnown = "flex.subscription.status-known" Warn Inferred Money
        [page::GET_SUBSCRIPTION, page::SUBSCRIPTIONS];
    /// The grace after a period should be at least two hours: a renewal is paid about an hour after its period begins.
    SubscriptionGraceCoversPayment = "flex.subscription.grace-covers-payment" Warn Inferred Money
        [page::GET_SUBSCRIPTION, page::FULFIL];
    /// A subscription that ends with its period gives access until then.
    SubscriptionCancelAtPeriodEndKeepsAccess = "flex.subscription.cancel-at-period-end-keeps-access"
        Deny Inferred Money
        ByConstruction("the flag changes what is awaited, not the access that is owed; an earlier end than we asked for \
            owes `review:ended_early`")
        [page::CANCEL_SUBSCRIPTION, page::UPDATE_SUBSCRIPTION];
    /// A subscription that has ended gives no access.
    SubscriptionDeletedRevokes = "flex.subscription.deleted-revokes" Deny Documented Money
        ByConstruction("its end owes access until now, in place of any other") [page::FULFIL];
    /// A cancellation says whether it is with the period or at once.
    SubscriptionCancelExplicit = "flex.subscription.cancel-explicit" Deny Documented Money
        [page::CANCEL_SUBSCRIPTION, page::SUBSCRIPTIONS_API_OLD];
    /// A cancellation gives an amount back only with a refund, at least a cent, and only at once.
    SubscriptionCancelRefund = "flex.subscription.cancel-refund" Deny Documented Money [page::CANCEL_SUBSCRIPTION];
    /// A cancellation that gives money back proves the end, and not the refund.
    SubscriptionCancelProvesEnd = "flex.subscription.cancel-proves-end" Deny Inferred Money
        ByConstruction("the refund is looked for among the refunds, and a person is asked where none shows it")
        [page::CANCEL_SUBSCRIPTION, page::LIST_REFUNDS];
    /// A trial gives access without a payment.
    SubscriptionTrial = "flex.subscription.trial" Deny Documented Money
        ByConstruction("it gives access until its end, and no payment is awaited for it") [page::SUBSCRIPTIONS];
    /// A subscription becomes active without an event that says so.
    SubscriptionTrialingToActiveWithoutEvent = "flex.subscription.trialing-to-active-without-event"
        Deny Documented Request
        ByConstruction("every signal, a paid invoice among them, makes the look-up owed that shows it")
        [page::FULFIL];
    /// A customer has at most 500 subscriptions that run or are to run.
    SubscriptionMax500 = "flex.subscription.max-500" Deny Documented Request
        LeftOut("one flow is one subscription: only Flex counts those of a customer") [page::SUBSCRIPTIONS_API_OLD];
    /// A letter that is older than twelve months should be renewed.
    LetterValid12Months = "flex.letter.valid-12-months" Warn Documented Request
        ByHost("Flex keeps the letters and asks the customer itself; no answer shows their age")
        [page::SUBSCRIPTIONS];
    /// Only a session of manual capture is captured.
    CaptureOnlyManual = "flex.capture.only-manual" Deny Inferred Request [page::CHANGELOG];
    /// Captures are no more than was authorised, and none follows the last.
    CaptureNotAboveAuthorised = "flex.capture.not-above-authorised" Deny Inferred Money [page::CHANGELOG];
    /// Only a session that is complete is refunded.
    RefundOnlyComplete = "flex.refund.only-complete" Forbid Documented Money [page::REFUNDS];
    /// A refund names an amount or items, and not both.
    RefundAmountXorItems = "flex.refund.amount-xor-items" Deny Documented Money [page::REFUNDS];
    /// An item to refund is named by its product or by its price, and not both.
    RefundItemOneId = "flex.refund.item-one-id" Deny Documented Request [page::REFUNDS];
    /// No more is given back than was received.
    RefundNotAboveReceived = "flex.refund.not-above-received" Deny Inferred Money [page::REFUNDS];
    /// What the customer disputes with the bank is not given back as well.
    RefundNotDisputed = "flex.refund.not-disputed" Deny Documented Money [page::DISPUTES];
    /// What is captured should be the sum that was asked for.
    CaptureAmountAsAsked = "flex.capture.amount-as-asked" Warn Inferred Money [page::LIST_CAPTURES];
    /// A refund is done only once it has succeeded.
    RefundFinalByStatus = "flex.refund.final-by-status" Deny Documented Money
        ByConstruction("one that fails or is called off is booked back, owes a review, and may be wanted again")
        [page::REFUNDS];

    // Webhooks
    /// A webhook is evidence only once its signature is verified.
    WebhookSignature = "flex.webhook.signature" Deny Documented Money [page::VERIFYING, page::FULFIL];
    /// A signature is over the body as it came.
    WebhookRawBody = "flex.webhook.raw-body" Deny Documented Money
        ByConstruction("`authenticate` and every fact take the raw body, never a parsed object") [page::FULFIL];
    /// One signature that fits is enough, of those whose version is known.
    WebhookAnySignature = "flex.webhook.any-signature" Deny Documented Request
        ByConstruction("`authenticate` tries every listed `v1`, and skips the rest") [page::VERIFYING];
    /// A signature is at most five minutes away from now.
    WebhookTimestampWindow = "flex.webhook.timestamp-window" Deny Inferred Money
        ByConstruction("`authenticate` refuses an older or newer one as `Stale`") [page::VERIFYING];
    /// A webhook is verified with the secret of its own endpoint.
    WebhookSecretPerEndpoint = "flex.webhook.secret-per-endpoint" Deny Documented Money
        ByHost("which endpoint was called only the host knows; it gives that one's secrets") [page::VERIFYING];
    /// A webhook that is sent again counts once.
    WebhookDedupe = "flex.webhook.dedupe" Deny Documented Money
        ByConstruction("a known status, invoice or refund moves nothing, whatever the event's id is")
        [page::VERIFYING];
    /// Events end the same in any order.
    WebhookOutOfOrder = "flex.webhook.out-of-order" Deny Inferred Money
        ByConstruction("statuses move up a rank, what can go both ways is looked up, and unknown ids are early")
        [page::WEBHOOKS];
    /// An event of a kind that is not known moves nothing.
    WebhookUnknownType = "flex.webhook.unknown-type" Deny Documented Request
        ByConstruction("it is `Unrelated`, and acknowledged like any other") [page::EVENTS];
    /// A field or value that is not known stops nothing and grants nothing.
    WebhookUnknownFields = "flex.webhook.unknown-fields" Deny Documented Money
        ByConstruction("fields are skipped, and values kept as `Unknown(text)`, which is never a good one")
        [page::PRODUCT_API];
    /// `checkout_session.completed` is `checkout.session.completed`.
    WebhookAlias = "flex.webhook.alias" Deny Documented Request
        ByConstruction("both names are read as one") [page::FULFIL];
    /// What an event causes happens once for what it is about.
    WebhookBusinessIdempotency = "flex.webhook.business-idempotency" Deny Inferred Money
        ByConstruction("effects are named after the session, invoice or subscription, and edges are taken once")
        [page::FULFIL];
    /// An event finds its order by the session's id, and else by the reference.
    WebhookMatchOrder = "flex.webhook.match-order" Deny Observed Money
        ByConstruction("`correlate` gives both; a session of another reference is `Unrelated`") [page::GET_SESSION];
    /// Of several sessions of one order that are paid one is fulfilled, and the others are flagged for a refund.
    CheckoutSupersededStillPayable = "flex.checkout.superseded-still-payable" Deny Observed Money
        ByConstruction("older sessions stay watched; the second that is paid owes `review:second_payment`")
        [page::CHECKOUT];
    /// An event is of the mode of what it is about.
    WebhookModeMatch = "flex.webhook.mode-match" Deny Inferred Money [page::TEST_MODE];
    /// On the customer's return the session is looked up before anything is provisioned.
    RedirectVerify = "flex.redirect.verify" Deny Documented Money
        ByConstruction("`returned` makes the look-up owed at once, and nothing else") [page::REDIRECTS];
    /// Only what was lost, rate-limited or failed at Flex is tried again.
    RetryClass = "flex.retry.class" Deny Documented Request
        ByConstruction("a refusal in Flex's own words ends the request; 401, 403, 407 and 429 put it off") [page::INTRO];
    /// A session whose answer was lost is looked for before another is made.
    RetryCreateAmbiguous = "flex.retry.create-ambiguous" Deny Inferred Money
        ByConstruction("a look-up is owed for it; only a form that nobody has seen is sent again, and doubt asks a person")
        [page::GET_SESSION];
}
