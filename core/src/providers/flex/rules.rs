//! The rules of Flex, in the order of what they guard.

use super::pages::*;
use crate::rule::rules;

rules! {
    /// The rules that Flex's documents state, and those that follow from them.
    pub enum Rule;

    // Catalog
    /// A Flex API key must begin with `fsk_test_` in test mode, and with `fsk_` in live mode.
    AuthKeyFormat = "flex.auth.key-format" Deny Documented Request
        ByHost("the library never sees an API key: a request names the header, and your backend fills it in")
        [INTRO, PRODUCT_API];
    /// Every object that a request names must be in the same mode as the API key: test or live.
    AuthModeMatch = "flex.auth.mode-match" Deny Documented Request
        ByHost("your backend keeps the key; its mode can be configured, and every session is compared with it")
        [PRODUCT_API, TEST_MODE];
    /// A product must have a name.
    ProductNameRequired = "flex.product.name-required" Deny Documented Request
        ByConstruction("the library builds no request for a product without a name") [PRODUCTS];
    /// `hsa_fsa_eligibility` should be a value that Flex documents. Any other value counts as not eligible.
    ProductEligibilityKnown = "flex.product.eligibility-known" Warn Documented Request
        ByConstruction("an unknown value is kept unchanged, counts as not eligible, and causes a warning") [PRODUCTS];
    /// A product that needs a letter of medical necessity should have a `visit_type`.
    ProductLmnNeedsVisitType = "flex.product.lmn-needs-visit-type" Warn Inferred Request
        ByConstruction("the library builds the request with a warning; no flow makes products") [SEED];
    /// The `unit_amount` of a price must be a whole number of cents, 0 or more.
    PriceAmountIntegerCents = "flex.price.amount-integer-cents" Deny Documented Request [SEED, CREATE_PRICE];
    /// A price must have either `product` or `product_data`, not both.
    PriceProductXorProductData = "flex.price.product-xor-product-data" Deny Documented Request
        ByConstruction("the library builds no request for a price with both or neither") [CREATE_PRICE];
    /// A price must have `type=recurring` exactly if it contains the field `recurring`.
    PriceTypeMatchesRecurring = "flex.price.type-matches-recurring" Deny Documented Request
        ByConstruction("a request has no type besides `recurring`; another type in a reply warns") [SEED, CREATE_PRICE];
    /// The `interval` of a price must be `day`, `week`, `month`, `year`, `daily`, `weekly`, `monthly` or `yearly`.
    PriceIntervalKnown = "flex.price.interval-known" Deny Inferred Request [SEED, CREATE_PRICE];
    /// The `interval_count` of a price must be at least 1.
    PriceIntervalCountPositive = "flex.price.interval-count-positive" Deny Inferred Request [CREATE_PRICE];
    /// The `trial_period_days` of a price should be at least 1.
    PriceTrialDaysPositive = "flex.price.trial-days-positive" Warn Inferred Request [CREATE_PRICE];
    /// Only a recurring price can have a trial.
    PriceTrialNeedsRecurring = "flex.price.trial-needs-recurring" Deny Inferred Request
        ByConstruction("`trial_period_days` is a field of `recurring` alone") [CREATE_PRICE];
    /// The update of a price can only change `description` and `active`. Any other change needs a new price.
    PriceImmutableAmount = "flex.price.immutable-amount" Deny Documented Request
        ByConstruction("the library builds no update of any other field") [UPDATE_PRICE];
    /// The older field `price` in Flex's reply should equal `unit_amount`.
    PriceLegacyPriceEqualsUnitAmount = "flex.price.legacy-price-equals-unit-amount" Warn Documented Request
        ByConstruction("only `unit_amount` is read as the price, and a difference causes a warning") [SEED];

    // Creating a session
    /// Prices and amounts must come from your backend, never from a browser.
    CheckoutServerSidePrices = "flex.checkout.server-side-prices" Deny Documented Money
        ByHost("only your backend knows where a price comes from; it gives the expected total and the catalog") [SEED];
    /// A checkout session must have a `success_url`.
    CheckoutSuccessUrlRequired = "flex.checkout.success-url-required" Deny Documented Request [SEED];
    /// `success_url` and `cancel_url` should be absolute URLs that the public can reach.
    CheckoutUrlsPublic = "flex.checkout.urls-public" Warn Documented Request [SEED];
    /// A checkout session must have at least one line item, unless it has `mode=setup`.
    CheckoutLineItemsRequired = "flex.checkout.line-items-required" Deny Inferred Request [CHECKOUT];
    /// A session with `mode=setup` should have a `customer` and no line items.
    CheckoutSetupNoLineItems = "flex.checkout.setup-no-line-items" Warn Inferred Request [CHANGELOG];
    /// The `quantity` of a line item must be at least 1. Only a reimbursement can omit `quantity`.
    CheckoutQuantityPositive = "flex.checkout.quantity-positive" Deny Inferred Request [SEED];
    /// A line item must have either `price` or `price_data`. A line item of a reimbursement must have `product` alone.
    CheckoutLineItemOneSource = "flex.checkout.line-item-one-source" Deny Documented Request [SEED, REIMBURSE];
    /// A price that is sold must exist and be active.
    CheckoutPriceActive = "flex.checkout.price-active" Deny Observed Request
        ByHost("only Flex knows its prices: the failure `price_not_found` names this rule") [PRODUCTS];
    /// A session with `mode=subscription` must have at least one recurring line item.
    CheckoutSubscriptionNeedsRecurringPrice = "flex.checkout.subscription-needs-recurring-price"
        Deny Inferred Request [SEED];
    /// A session with `mode=payment` or `mode=off_session` cannot have a recurring line item.
    CheckoutPaymentForbidsRecurring = "flex.checkout.payment-forbids-recurring" Deny Inferred Request [CHECKOUT];
    /// A session with `mode=subscription` should have only recurring line items.
    CheckoutMixedItems = "flex.checkout.mixed-items" Warn Inferred Request [SEED];
    /// Recurring line items must have the same billing period, unless the session has `multiple_subscriptions=true`.
    CheckoutMixedIntervals = "flex.checkout.mixed-intervals" Deny Inferred Request [SEED];
    /// A session should have `multiple_subscriptions=true` only with `mode=subscription`.
    CheckoutMultipleSubscriptionsOptIn = "flex.checkout.multiple-subscriptions-opt-in" Warn Inferred Request [SEED];
    /// `mode` must be `payment`, `subscription`, `off_session`, `setup` or `reimbursement`. Only invited merchants
    /// should use `reimbursement`.
    CheckoutModeKnown = "flex.checkout.mode-known" Deny Documented Request [SEED, OFF_SESSION, REIMBURSE, CHANGELOG];
    /// `capture_method` must be `automatic` or `manual`.
    CheckoutCaptureMethodKnown = "flex.checkout.capture-method-known" Deny Inferred Request [SEED, CHANGELOG];
    /// A session with `mode=subscription` should have `capture_method=automatic`, not `capture_method=manual`.
    CheckoutManualCaptureSubscription = "flex.checkout.manual-capture-subscription" Warn Inferred Request [SEED];
    /// A session with `mode=off_session` must name the `customer` and the stored `payment_method`.
    CheckoutOffSessionCustomer = "flex.checkout.off-session-customer" Deny Documented Money [OFF_SESSION];
    /// A charge with `mode=off_session` must have a valid letter of medical necessity for each item that needs one.
    CheckoutOffSessionLetter = "flex.checkout.off-session-letter" Deny Documented Request
        ByHost("only Flex holds the letters; Flex refuses the charge if one is missing") [OFF_SESSION, WALKTHROUGH];
    /// A charge with `mode=off_session` that needs the customer is not paid. The customer must be notified of `next_action`.
    CheckoutOffSessionAction = "flex.checkout.off-session-action" Deny Observed Money
        ByConstruction("`notify:action_required` has the action and its page, and `notify:payment_failed` a decline; \
            each is sent once, and only a complete session is fulfilled") [OFF_SESSION, WALKTHROUGH];
    /// A charge of an HSA or FSA card with `mode=off_session` should be for eligible items only.
    CheckoutOffSessionNoSplit = "flex.checkout.off-session-no-split" Warn Documented Request [OFF_SESSION];
    /// Each recurring item of a subscription should be one that needs a letter of medical necessity.
    CheckoutSubscriptionEligibility = "flex.checkout.subscription-eligibility" Warn Documented Request [OVERVIEW_OLD];
    /// The `amount` of `tax_rate` must be computed by your backend, and must be 0 cents or more.
    CheckoutTaxIsCallerComputed = "flex.checkout.tax-is-caller-computed" Deny Documented Request [GUIDES];
    /// `shipping_options` must have either `shipping_rate_id` or `shipping_rate_data`, not both.
    CheckoutShippingOneSource = "flex.checkout.shipping-one-source" Deny Documented Request [GUIDES];
    /// A coupon must have either `amount_off` or `percent_off`, not both.
    CouponOneDiscountKind = "flex.coupon.one-discount-kind" Deny Documented Request [CREATE_COUPON];
    /// The `percent_off` of a coupon must be more than 0 and at most 100.
    CouponPercentRange = "flex.coupon.percent-range" Deny Documented Request [CREATE_COUPON];
    /// `duration_in_months` must be at least 1 in a coupon with `duration=repeating`, and absent otherwise.
    CouponRepeatingNeedsMonths = "flex.coupon.repeating-needs-months" Deny Documented Request [CREATE_COUPON];
    /// Another session should not be requested while the customer can use an open one: both could be completed.
    CheckoutOneOpenPage = "flex.checkout.one-open-page" Warn Inferred Money [CHECKOUT];
    /// A checkout session should have a `client_reference_id`.
    CheckoutClientReference = "flex.checkout.client-reference" Warn Inferred Money
        ByConstruction("the key of the flow is sent where the command gives none") [GET_SESSION];

    /// Metadata must be a JSON object.
    MetadataObject = "flex.metadata.object" Deny Documented Request [GET_SESSION, CREATE_REFUND];

    // Reading a session
    /// The `expires_at` of a session must be later than its `created_at`.
    CheckoutExpiresAfterCreated = "flex.checkout.expires-after-created" Deny Inferred Request [SEED];
    /// The lifetime of a session should be read from `expires_at`, not assumed to be 3600 seconds.
    CheckoutTtl3600 = "flex.checkout.ttl-3600" Warn Inferred Request
        ByConstruction("`expires_at` is read, and no lifetime is assumed") [SEED];
    /// The customer can only be sent to `redirect_url` while the session is `open` and has not expired.
    CheckoutRedirectOnlyWhileOpen = "flex.checkout.redirect-only-while-open" Deny Inferred Request
        ByConstruction("the flow hands out the URL only during that time, and says when the time ends") [SEED];
    /// The `amount_subtotal` of a session should equal the total price of its line items.
    CheckoutAmountSubtotalSum = "flex.checkout.amount-subtotal-sum" Warn Inferred Money [SEED];
    /// `amount_total` should equal `amount_subtotal` minus discounts, plus tax, shipping and fees.
    CheckoutAmountTotalConsistent = "flex.checkout.amount-total-consistent" Warn Inferred Money [SEED];
    /// The total of a session must equal the total of your order before the customer is sent to pay.
    CheckoutAmountEqualsOrder = "flex.checkout.amount-equals-order" Deny Observed Money [SEED];
    /// The amounts of a session should be 0 cents or more, and `amount_refunded` at most `amount_received`.
    CheckoutAmountsNonnegative = "flex.checkout.amounts-nonnegative" Warn Inferred Money [GET_SESSION];
    /// A session must have the `mode`, the `client_reference_id` and the `test_mode` that were requested.
    CheckoutModeMatches = "flex.checkout.mode-matches" Deny Inferred Money [GET_SESSION];
    /// A `complete` session with `mode=subscription` must name its subscription before anything is fulfilled.
    CheckoutCompleteSubscriptionHasId = "flex.checkout.complete-subscription-has-id" Deny Inferred Money
        ByConstruction("without the id the session does not count as complete, and its lookup is due") [SEED];
    /// An `open` session should have neither a subscription nor an invoice.
    CheckoutOpenHasNoResult = "flex.checkout.open-has-no-result" Warn Inferred Request [SEED];
    /// A session that is `complete` or `expired` must stay so.
    CheckoutTerminal = "flex.checkout.terminal" Deny Inferred Money
        ByConstruction("a status only moves forward, `complete` last; two final ones open a review") [REDIRECTS];
    /// The status of a session should be one that Flex documents. Any other status does not count as paid.
    CheckoutStatusKnown = "flex.checkout.status-known" Warn Documented Money [REDIRECTS];
    /// A session that the customer is to pay should have a `redirect_url`.
    CheckoutHasRedirect = "flex.checkout.has-redirect" Warn Documented Request [SEED];
    /// `hsa_fsa_eligible` should be true if `letter_of_medical_necessity_required` is true.
    CheckoutLetterImpliesEligible = "flex.checkout.letter-implies-eligible" Warn Inferred Request [SEED];
    /// The eligibility of a session should follow from the eligibility of its line items.
    CheckoutEligibilityDerivation = "flex.checkout.eligibility-derivation" Warn Inferred Request [SEED, CHECKOUT];

    /// The line items of a session should be looked up for the stock, never for whether the order is paid.
    CheckoutLineItemsProveNothing = "flex.checkout.line-items-prove-nothing" Warn Inferred Money
        ByConstruction("no flow reads line items: only the status of a session causes a `fulfill` effect")
        [GET_LINE_ITEMS, FULFILLMENT];

    // Fulfillment
    /// A checkout can only be fulfilled after its session is shown to be `complete`.
    ProvisionOnlyOnCompleted = "flex.provision.only-on-completed" Deny Documented Money
        ByConstruction("only a complete session, or a person's verdict, causes a `fulfill` effect; the customer's \
            return only makes a lookup due") [SEED, REDIRECTS];
    /// The event `checkout.session.completed` can only count if its session has the status `complete`.
    ProvisionStatusCheck = "flex.provision.status-check" Deny Documented Money
        ByConstruction("with any other session the event only makes the lookup due") [REDIRECTS];
    /// A subscription can only grant access while its status is `active` or `trialing`.
    ProvisionSubscriptionStatusGate = "flex.provision.subscription-status-gate" Deny Documented Money
        ByConstruction("only a lookup that shows such a status grants access; a paid period waits to be fulfilled \
            while the status is `incomplete`, `unpaid` or `paused`, and after the end a person decides") [FULFILLMENT];
    /// A new subscription must be fulfilled once, for its session, and not again for `customer.subscription.created`.
    ProvisionCreatedEvent = "flex.provision.created-event" Deny Documented Money
        ByConstruction("the event makes the lookup of a known subscription due, and is early until the session names \
            the subscription") [FULFILLMENT];
    /// The event `customer.subscription.updated` cannot make a new subscription known.
    ProvisionNotOnUpdated = "flex.provision.not-on-updated" Deny Documented Money
        ByConstruction("only a session or command names a subscription; an event about another is early") [FULFILLMENT];
    /// The event of a payment intent alone cannot complete an order.
    ProvisionNotOnPaymentIntent = "flex.provision.not-on-payment-intent" Deny Documented Money
        ByConstruction("such events are not read; a split cart sends two of them") [FULFILLMENT];
    /// A renewal can only extend access after its invoice is paid, and only once per invoice.
    ProvisionRenewOnInvoicePaid = "flex.provision.renew-on-invoice-paid" Deny Documented Money
        ByConstruction("a lookup's period grants access if its latest invoice is paid, if a complete session sold it, \
            or if it is a trial; where the lookup shows no invoice, a paid invoice of the period or an active status 6 \
            hours into it counts") [SEED, FULFILLMENT, GET_SUBSCRIPTION, GET_INVOICE];
    /// Each paid period must be fulfilled once, under its own invoice.
    ProvisionEachPeriodOnce = "flex.provision.each-period-once" Deny Documented Money
        ByConstruction("the effect is named after the period's invoice, or after the session that sold the period; a \
            paid invoice that fits no period opens `review:unplaced_invoice`") [SEED, FULFILLMENT];
    /// An unpaid invoice cannot end paid access, and must be looked up until its payment is known.
    InvoiceUnpaidTakesNothing = "flex.invoice.unpaid-takes-nothing" Deny Inferred Money
        ByConstruction("access only ends with the paid period; the invoice is looked up after 0, 1, 2, 4 and 12 hours, \
            1 hour before the grace period ends, and then daily, until a person is asked") [GET_INVOICE, SUBSCRIPTIONS];
    /// A refund or a dispute cannot end access before a person decides so.
    InvoiceMoneyBackIsJudged = "flex.invoice.money-back-is-judged" Deny Inferred Money
        ByConstruction("each opens one review, `refunded` or `disputed`; a failed refund or a won dispute closes the \
            review") [REFUNDS, DISPUTES];
    /// A further paid invoice of a period that is paid already must be reported to a person.
    InvoiceFurtherIsReported = "flex.invoice.further-is-reported" Deny Inferred Money
        ByConstruction("it opens `review:unplaced_invoice` once, unless a change of ours explains it") [UPDATE_SUBSCRIPTION];
    /// The first invoice of a subscription cannot add a second period of access.
    ProvisionFirstInvoiceNoDouble = "flex.provision.first-invoice-no-double" Deny Inferred Money
        ByConstruction("access is set to the end of the period that a lookup shows, and is never a sum") [FULFILLMENT];
    /// A paid invoice should have an `amount_paid` of at least its `amount_due`.
    InvoicePaidAmount = "flex.invoice.paid-amount" Warn Inferred Money [FULFILLMENT];
    /// An invoice or event can only count if it belongs to this flow's subscription and customer.
    InvoiceBelongs = "flex.invoice.belongs" Deny Documented Money [SEED];
    /// When an invoice fails, the customer must be notified and access must not be extended.
    InvoiceFailedNotify = "flex.invoice.failed-notify" Deny Documented Money
        ByConstruction("`notify:payment_failed` asks for it once per invoice; your backend does the rest") [SEED];
    /// A paid invoice cannot be reported to the customer as failed.
    InvoiceFailedAfterPaid = "flex.invoice.failed-after-paid" Deny Inferred Request
        ByConstruction("paid outranks failed, and a notice that is still pending is withdrawn") [SEED];
    /// The customer of a `past_due` subscription must be asked for another payment method.
    SubscriptionPastDue = "flex.subscription.past-due" Deny Documented Request
        ByConstruction("the effect `notify:past_due` asks for it when a lookup first shows the status, unless a failed \
            invoice was notified: one failure is one notice") [SUBSCRIPTIONS];
    /// The status of a subscription should only change in the ways that Flex documents.
    SubscriptionTransition = "flex.subscription.transition" Warn Inferred Money [SUBSCRIPTIONS, GET_SUBSCRIPTION];
    /// The status of a subscription should be one that Flex documents. Any other status neither grants nor ends access.
    SubscriptionStatusKnown = "flex.subscription.status-known" Warn Inferred Money [GET_SUBSCRIPTION, SUBSCRIPTIONS];
    /// The grace period should be at least 2 hours: Flex charges a renewal about 1 hour after the period begins.
    SubscriptionGraceCoversPayment = "flex.subscription.grace-covers-payment" Warn Inferred Money
        [GET_SUBSCRIPTION, FULFILLMENT];
    /// A subscription with `cancel_at_period_end=true` must keep its access until its period ends.
    SubscriptionCancelAtPeriodEndKeepsAccess = "flex.subscription.cancel-at-period-end-keeps-access" Deny Inferred Money
        ByConstruction("the flag changes what the flow waits for, not the access; an end that is earlier than \
            requested opens `review:ended_early`") [CANCEL_SUBSCRIPTION, UPDATE_SUBSCRIPTION];
    /// A subscription that has ended cannot give access.
    SubscriptionDeletedRevokes = "flex.subscription.deleted-revokes" Deny Documented Money
        ByConstruction("the end of the subscription ends its access at once; a person decides about an end that is \
            earlier than requested") [FULFILLMENT];
    /// A cancellation must set `cancel_at_period_end` to true or false.
    SubscriptionCancelExplicit = "flex.subscription.cancel-explicit" Deny Documented Money
        [CANCEL_SUBSCRIPTION, API_OLD];
    /// A cancellation can only give a refund if it takes effect at once. A `refund_amount` must come with a `refund`
    /// other than `none`, and be at least 1 cent.
    SubscriptionCancelRefund = "flex.subscription.cancel-refund" Deny Documented Money [CANCEL_SUBSCRIPTION];
    /// A successful cancellation with a refund proves only the end. The refund must be confirmed separately.
    SubscriptionCancelProvesEnd = "flex.subscription.cancel-proves-end" Deny Inferred Money
        ByConstruction("the library looks for the refund in the list of refunds, and asks a person if the list does \
            not show it") [CANCEL_SUBSCRIPTION, LIST_REFUNDS];
    /// A trial must give access without a payment.
    SubscriptionTrial = "flex.subscription.trial" Deny Documented Money
        ByConstruction("a trial gives access until its end, and the flow waits for no payment") [SUBSCRIPTIONS];
    /// The change from `trialing` to `active` must be found by a lookup, because Flex may send no event.
    SubscriptionTrialingToActiveWithoutEvent = "flex.subscription.trialing-to-active-without-event"
        Deny Documented Request
        ByConstruction("every event, such as a paid invoice, makes the lookup due that shows the change") [FULFILLMENT];
    /// A session with `mode=setup` for a subscription must be for the customer of the subscription.
    PaymentMethodOfCustomer = "flex.payment-method.of-customer" Deny Inferred Money [GET_SETUP_INTENT, SUBSCRIPTIONS];
    /// Another payment method proves no payment. The subscription and its open invoice must be looked up.
    PaymentMethodProvesNoPayment = "flex.payment-method.proves-no-payment" Deny Inferred Money
        ByConstruction("a complete setup makes the lookups of the subscription and of the open invoice due, and gives no \
            access") [GET_SETUP_INTENT, SUBSCRIPTIONS];
    /// A setup intent can only count if it belongs to this flow's customer, and to its subscription.
    SetupIntentBelongs = "flex.setup-intent.belongs" Deny Documented Money [GET_SETUP_INTENT];
    /// An update must change something: `cancel_at_period_end`, `items`, `coupon`, `trial_end` or `proration_behavior`.
    UpdateChangesSomething = "flex.update.changes-something" Deny Inferred Request [UPDATE_SUBSCRIPTION];
    /// An update can change either `cancel_at_period_end` or the plan, not both.
    UpdateEndXorPlan = "flex.update.end-xor-plan" Forbid Inferred Request [UPDATE_SUBSCRIPTION];
    /// Each item of an updated subscription must name its `price`, and there must be at least one item.
    UpdateItemPrice = "flex.update.item-price" Deny Documented Money [UPDATE_SUBSCRIPTION];
    /// Each item of an updated subscription must have a recurring price.
    UpdateItemRecurring = "flex.update.item-recurring" Deny Inferred Money [UPDATE_SUBSCRIPTION, SEED];
    /// The `trial_end` of an update must be a time in the ISO 8601 format, and in the future.
    UpdateTrialEndFuture = "flex.update.trial-end-future" Deny Inferred Request [UPDATE_SUBSCRIPTION];
    /// `proration_behavior` should be `always_invoice`, `create_prorations` or `none`.
    UpdateProrationKnown = "flex.update.proration-known" Warn Inferred Money [UPDATE_SUBSCRIPTION];
    /// The plan of a subscription should be changed only while the subscription is `active` or `trialing`.
    UpdateWhilePastDue = "flex.update.while-past-due" Warn Inferred Money [UPDATE_SUBSCRIPTION, SUBSCRIPTIONS];
    /// The plan of a subscription that ends with its period should not be changed.
    UpdateWhileEnding = "flex.update.while-ending" Warn Inferred Money [UPDATE_SUBSCRIPTION];
    /// Requested items count only after Flex shows them.
    UpdateCountsOnceShown = "flex.update.counts-once-shown" Deny Inferred Money
        ByConstruction("a reply or a lookup must show exactly the requested items; until then they are pending, and a \
            person is asked if nothing shows them") [UPDATE_SUBSCRIPTION, GET_SUBSCRIPTION];
    /// A customer can have at most 500 active or scheduled subscriptions.
    SubscriptionMax500 = "flex.subscription.max-500" Deny Documented Request
        LeftOut("one flow is one subscription: only Flex counts the subscriptions of a customer") [API_OLD];
    /// A letter of medical necessity that is older than 12 months should be renewed.
    LetterValid12Months = "flex.letter.valid-12-months" Warn Documented Request
        ByHost("Flex keeps the letters and asks the customer itself; no reply shows a letter's age") [SUBSCRIPTIONS];
    /// Only a session with `capture_method=manual` can be captured.
    CaptureOnlyManual = "flex.capture.only-manual" Deny Inferred Request [CHANGELOG];
    /// A capture must be at least 1 cent and at most what is left of the authorized amount. No capture can follow the
    /// final one.
    CaptureNotAboveAuthorised = "flex.capture.not-above-authorised" Deny Inferred Money [CHANGELOG];
    /// A capture of less than what is left must name its items, because Flex has no field for the amount. Without items,
    /// Flex captures everything that is left.
    CapturePartNamesItems = "flex.capture.part-names-items" Deny Inferred Money [CAPTURE_SESSION, PREVIEW_CAPTURE];
    /// The `amount` of a capture must be the sum of its items, its tax and its shipping, without its discount. An item
    /// must be at least 1 cent, and the others 0 cents or more.
    CaptureAmountAddsUp = "flex.capture.amount-adds-up" Deny Inferred Money [CAPTURE_SESSION];
    /// A capture of less than what is left should set `final_capture`. No page says what Flex assumes without it.
    CapturePartSaysFinal = "flex.capture.part-says-final" Warn Inferred Money [CAPTURE_SESSION, PREVIEW_CAPTURE];
    /// Only a `complete` session can be refunded.
    RefundOnlyComplete = "flex.refund.only-complete" Forbid Documented Money [REFUNDS];
    /// A refund cannot name both `amount` and `line_items`.
    RefundAmountXorItems = "flex.refund.amount-xor-items" Deny Documented Money [REFUNDS];
    /// A line item to refund must have either `product` or `price`, not both.
    RefundItemOneId = "flex.refund.item-one-id" Deny Documented Request [REFUNDS];
    /// A refund must be at least 1 cent, and at most what is left of its payment.
    RefundNotAboveReceived = "flex.refund.not-above-received" Deny Inferred Money [REFUNDS];
    /// A disputed amount cannot be refunded.
    RefundNotDisputed = "flex.refund.not-disputed" Deny Documented Money [DISPUTES];
    /// A refund of a subscription must name exactly one of `invoice_id`, `checkout_session_id` and `payment_intent_id`.
    RefundOnePayment = "flex.refund.one-payment" Deny Inferred Money [CREATE_REFUND];
    /// A refund of a subscription can only be of a payment whose id and amount Flex has shown.
    RefundPaymentKnown = "flex.refund.payment-known" Deny Inferred Money [CREATE_REFUND, GET_INVOICE];
    /// A refund's `reason` must be `duplicate`, `fraudulent`, `requested_by_customer` or `expired_uncaptured_charge`.
    RefundReasonKnown = "flex.refund.reason-known" Deny Documented Request [CREATE_REFUND];
    /// Only a dispute that is open can be closed. To close a dispute is to accept it, and to give up its money.
    DisputeCloseWhileOpen = "flex.dispute.close-while-open" Deny Inferred Money [DISPUTES, CLOSE_DISPUTE];
    /// A dispute whose money is refunded, or is being refunded, cannot be closed: the customer would get the money twice.
    DisputeCloseNotRefunded = "flex.dispute.close-not-refunded" Deny Inferred Money [DISPUTES, REFUNDS];
    /// A dispute must be closed by your backend alone, because Flex cannot open it again.
    DisputeCloseIsExplicit = "flex.dispute.close-is-explicit" Deny Documented Money
        ByConstruction("only `close_dispute` sends the request; no verdict and no deadline does") [CLOSE_DISPUTE];
    /// A request about the evidence of a dispute must have evidence to save, or submit what was saved.
    DisputeEvidenceGiven = "flex.dispute.evidence-given" Deny Inferred Request
        ByConstruction("the library builds no request that does neither") [UPDATE_DISPUTE];
    /// Evidence can only be changed before it is submitted. Its files must be uploaded to Flex as `dispute_evidence`.
    DisputeEvidenceFinal = "flex.dispute.evidence-final" Deny Documented Request
        ByHost("`update_dispute` says whether it submits; your backend uploads files") [UPDATE_DISPUTE, CREATE_FILE];
    /// The evidence about a dispute must be submitted before its `due_by`.
    DisputeEvidenceInTime = "flex.dispute.evidence-in-time" Deny Documented Money
        ByConstruction("`review:evidence_due` asks a person 3 days before that time, unless evidence was submitted or \
            the dispute is accepted; the status shows the time") [DISPUTES, GET_DISPUTE];
    /// A dispute can only count as ended after its status is `won` or `lost`.
    DisputeFinalByStatus = "flex.dispute.final-by-status" Deny Documented Money
        ByConstruction("open disputes are looked up; any other status, also in the event `charge.dispute.closed`, \
            leaves the dispute to a person") [DISPUTES, GET_DISPUTE, LIST_DISPUTES];
    /// The captured amount should equal the requested amount.
    CaptureAmountAsAsked = "flex.capture.amount-as-asked" Warn Inferred Money [LIST_CAPTURES];
    /// A refund can only count as done after its status is `succeeded`.
    RefundFinalByStatus = "flex.refund.final-by-status" Deny Documented Money
        ByConstruction("a refund that fails opens a review, and its intent can be used again") [REFUNDS];

    // Webhooks
    /// A webhook must be authenticated by its signature before it counts as evidence.
    WebhookSignature = "flex.webhook.signature" Deny Documented Money [VERIFYING, FULFILLMENT];
    /// The signature of a webhook must be checked against the raw body.
    WebhookRawBody = "flex.webhook.raw-body" Deny Documented Money
        ByConstruction("the library takes the raw body of every webhook, never a parsed object") [FULFILLMENT];
    /// A webhook must be accepted if any one of its `v1` signatures matches.
    WebhookAnySignature = "flex.webhook.any-signature" Deny Documented Request
        ByConstruction("every listed `v1` is tried, and signatures of other versions are skipped") [VERIFYING];
    /// The timestamp of a webhook must be within 5 minutes of the current time.
    WebhookTimestampWindow = "flex.webhook.timestamp-window" Deny Inferred Money
        ByConstruction("an older or newer timestamp is stale, unless your backend sets another tolerance") [VERIFYING];
    /// A webhook must be authenticated with the secret of its own endpoint.
    WebhookSecretPerEndpoint = "flex.webhook.secret-per-endpoint" Deny Documented Money
        ByHost("only your backend knows which endpoint was called, and gives the secrets of that one") [VERIFYING];
    /// A request that has an event sent again must name the event and one of your webhook endpoints.
    EventRetryNamesWebhook = "flex.event.retry-names-webhook" Deny Documented Request
        ByConstruction("the library builds no request without a `webhook_id`") [RETRY_EVENT];
    /// The reply to a request that has an event sent again cannot count as the event. Only its signed webhook counts.
    EventRetryReplyIsNoSignal = "flex.event.retry-reply-is-no-signal" Deny Inferred Money
        ByConstruction("no flow reads that reply; the event's webhook is authenticated") [RETRY_EVENT, VERIFYING];
    /// A webhook that is delivered twice must count once.
    WebhookDedupe = "flex.webhook.dedupe" Deny Documented Money
        ByConstruction("a known status, invoice or refund changes nothing, whatever the event's id is") [VERIFYING];
    /// Events must have the same result in any order.
    WebhookOutOfOrder = "flex.webhook.out-of-order" Deny Inferred Money
        ByConstruction("statuses only move forward, what can change both ways is looked up, and an event with unknown \
            ids is early") [WEBHOOKS];
    /// An event of an unknown type must be ignored.
    WebhookUnknownType = "flex.webhook.unknown-type" Deny Documented Request
        ByConstruction("the event is unrelated, and is acknowledged like any other") [EVENTS];
    /// Unknown fields and values must be tolerated, but cannot grant access.
    WebhookUnknownFields = "flex.webhook.unknown-fields" Deny Documented Money
        ByConstruction("unknown fields are skipped; an unknown value is kept, and never counts as good") [PRODUCT_API];
    /// The event `checkout_session.completed` must be read as `checkout.session.completed`.
    WebhookAlias = "flex.webhook.alias" Deny Documented Request ByConstruction("both names are one type") [FULFILLMENT];
    /// The effects of an event must happen once per session, invoice or subscription.
    WebhookBusinessIdempotency = "flex.webhook.business-idempotency" Deny Inferred Money
        ByConstruction("effects have the name of what they are about, and each change is made once") [FULFILLMENT];
    /// An event must be matched to its order by the session id, or else by `client_reference_id`.
    WebhookMatchOrder = "flex.webhook.match-order" Deny Observed Money
        ByConstruction("the library reads both ids from a webhook; another reference is unrelated") [GET_SESSION];
    /// Only one paid session of an order can be fulfilled. Every other paid session must be reviewed for a refund.
    CheckoutSupersededStillPayable = "flex.checkout.superseded-still-payable" Deny Observed Money
        ByConstruction("the second one opens `review:second_payment`; a refund that names it returns it") [CHECKOUT];
    /// An event or reply must have the same mode, test or live, as the session or subscription it names.
    WebhookModeMatch = "flex.webhook.mode-match" Deny Inferred Money [TEST_MODE];
    /// The session must be looked up when the customer returns, before anything is fulfilled.
    RedirectVerify = "flex.redirect.verify" Deny Documented Money
        ByConstruction("the customer's return makes the lookup due at once, and does nothing else") [REDIRECTS];
    /// A request can only be retried if it was lost, was rate-limited or failed at Flex.
    RetryClass = "flex.retry.class" Deny Documented Request
        ByConstruction("a refusal in Flex's own format ends the request; 401, 403, 407 and 429 delay it") [INTRO];
    /// A session whose create reply was lost must be looked up before another session is made.
    RetryCreateAmbiguous = "flex.retry.create-ambiguous" Deny Inferred Money
        ByConstruction("its lookup comes first; only a session that no customer has seen is created again") [GET_SESSION];
}
