//! The rules of Revup, in the order of the flow.

use super::pages as page;
use crate::rule::rules;

rules! {
    /// The rules that Revup's documents state, and those that follow from them.
    pub enum Rule;

    // Creation
    /// Every request must carry the API key of the account in the header `x-api-key`.
    AuthApiKeyRequired = "revup.auth.api-key-required" Deny Documented Request
        ByConstruction("every request names the header, and your backend fills it in; the library never sees the key")
        [page::TOKEN_BASED];
    /// Every request must go to a server that the config names: by `revup.environment`, by `revup.base_url`, or by both.
    UrlServerChosen = "revup.url.server-chosen" Forbid Inferred Request [page::CREATE_SUBSCRIPTION, page::TOKEN_BASED];
    /// `planId` must be the UUID of the plan that the back office shows.
    CreatePlanIdRequired = "revup.create.plan-id-required" Deny Documented Request
        [page::CREATE_SUBSCRIPTION, page::SUBSCRIPTION_FIELDS];
    /// `currency` must be three capital letters, and one of the currencies that are configured for the plan.
    CreateCurrencyRequired = "revup.create.currency-required" Deny Documented Request
        [page::CREATE_SUBSCRIPTION, page::SUBSCRIPTION_FIELDS];
    /// `eventSubscriptionUrl` must be an absolute URL, and should use `https`.
    CreateEventUrlRequired = "revup.create.event-url-required" Deny Documented Request
        [page::CREATE_SUBSCRIPTION, page::SUBSCRIPTION_FIELDS, page::EVENTS];
    /// `overwrite.initialAmount` must be a decimal number of at most 38 digits.
    CreateInitialAmountDecimal = "revup.create.initial-amount-decimal" Forbid Inferred Request
        [page::SUBSCRIPTION_FIELDS, page::CREATE_SUBSCRIPTION];
    /// `overwrite.initialAmount` must not be negative or have more decimals than its currency, and should not be 0.
    CreateInitialAmount = "revup.create.initial-amount" Deny Inferred Request
        [page::SUBSCRIPTION_FIELDS, page::CREATE_SUBSCRIPTION];
    /// `overwrite.initialAmount` can only replace the first amount. Every later charge follows the plan.
    CreateInitialAmountOnlyInitial = "revup.create.initial-amount-only-initial" Deny Documented Money
        ByConstruction("only the request contains the amount, so no renewal is compared with it")
        [page::SUBSCRIPTION_FIELDS];
    /// `tokenId`, `parentTransactionId` and `parentOrderId` must be sent together or not at all.
    CreateTokenFieldsRequired = "revup.create.token-fields-required" Deny Documented Request [page::TOKEN_BASED];
    /// `tokenId`, `parentTransactionId` and `parentOrderId` must be UUIDs.
    CreateTokenFieldsUuid = "revup.create.token-fields-uuid" Deny Documented Request
        [page::TOKEN_BASED, page::TOKEN, page::NOTIFICATION_FIELDS];
    /// A subscription paid in the payment form cannot contain `tokenId`, `parentTransactionId` or `parentOrderId`.
    CreateNoParentInFormMode = "revup.create.no-parent-in-form-mode" Deny Documented Request
        ByConstruction("a command with one of the three counts as a token-based subscription, and must then contain \
            all of them") [page::CREATE_SUBSCRIPTION];
    /// `money`, `generateToken` and `notificationUrl` can only be sent with an order. `paymentDetails` cannot be sent
    /// without a token, and is not needed with one.
    CreateNoOrderFields = "revup.create.no-order-fields" Deny Documented Request [page::CREATE_SUBSCRIPTION];
    /// A token-based subscription should leave out `threeDSSupport` and `redirectUrl.threeDSChallengeResult`.
    CreateToken3dsFieldsUnneeded = "revup.create.token-3ds-fields-unneeded" Warn Documented Request
        [page::TOKEN_BASED];
    /// `redirectUrl.success` and `redirectUrl.fail` should be absolute URLs.
    CreateRedirectUrls = "revup.create.redirect-urls" Warn Documented Request
        [page::TOKEN_BASED, page::CREATE_SUBSCRIPTION];
    /// A token must come from a paid order that requested it with `generateToken`.
    TokenGeneratedByOrder = "revup.token.generated-by-order" Deny Documented Money
        ByHost("the order is paid before this flow starts; the library reads the ids only from the callback of a paid \
            order") [page::TOKEN_BASED, page::ORDER];
    /// `tokenId`, `parentTransactionId` and `parentOrderId` must come from the one transaction that succeeded.
    TokenParentMatch = "revup.token.parent-match" Deny Documented Money
        ByHost("your backend receives the callback; the library reads all three ids from the transaction that \
            succeeded") [page::TOKEN_BASED, page::CALLBACK];
    /// A token can make only one subscription. The key of the flow must be derived from the token.
    TokenOneSubscription = "revup.token.one-subscription" Deny Documented Money [page::TOKEN_BASED];
    /// A token cannot be used after it was deleted, or after an order with `sequence=final` followed.
    TokenNotDisabled = "revup.token.not-disabled" Deny Documented Request
        ByHost("no lookup shows a token; Revup refuses a token that it does not know, and the failure names this rule")
        [page::TOKEN, page::ORDER, page::RECURRING];
    /// The reply to a token-based subscription must return `parentOrderId` as its `orderId`. A reply with another
    /// `orderId` cannot grant access before a review.
    CreateOrderIdEcho = "revup.create.order-id-echo" Deny Documented Money [page::TOKEN_BASED];
    /// The reply to a create request must contain `orderId` and `subscriptionId`, both UUIDs.
    CreateResponseIds = "revup.create.response-ids" Deny Documented Request
        ByConstruction("a reply without both ids cannot be read, so its outcome is unknown")
        [page::TOKEN_BASED, page::CREATE_SUBSCRIPTION];
    /// The order of a token-based subscription must be paid by Revup, never by your backend.
    CreateNoManualPay = "revup.create.no-manual-pay" Deny Documented Money
        ByConstruction("no request of this flow pays an order") [page::TOKEN_BASED];
    /// The first payment in the payment form should come within 1 hour, before the order expires.
    CreateMustPayInFormMode = "revup.create.must-pay-in-form-mode" Warn Inferred Request
        ByHost("your backend shows the form; the wait for the payment names the time when the order expires")
        [page::CREATE_ORDER, page::SUBSCRIPTIONS];
    /// A subscription whose create reply was lost cannot be requested again before its outcome is known.
    CreateNoBlindRetry = "revup.create.no-blind-retry" Deny Inferred Money
        [page::TOKEN_BASED, page::TRANSACTION_BY_ORDER];

    // Outcome
    /// A successful create reply does not prove the first charge. It must not grant access.
    CreateHttpOkNotPaid = "revup.create.http-ok-not-paid" Deny Documented Money
        ByConstruction("the reply only starts the wait for the first charge; a lookup, an authenticated event or a \
            person ends the wait") [page::TOKEN_BASED];
    /// Access must last until the next unpaid renewal is due, plus the configured grace period.
    AccessUntilNextRenewal = "revup.access.until-next-renewal" Deny Inferred Money
        ByConstruction("only a lookup of the payments, an authenticated event or a person grants access, while \
            nothing is past due") [page::SUBSCRIPTION_PAYMENTS, page::EVENT_CREATED];
    /// A failed first charge cannot be retried. Another attempt needs a new token and a new subscription.
    InitialPaymentNoRetry = "revup.initial-payment.no-retry" Deny Documented Money
        [page::TOKEN_BASED, page::EVENT_ARCHIVED];
    /// Your backend must not wait for a second attempt at the first charge, because Revup makes none.
    InitialPaymentNotExpected = "revup.initial-payment.not-expected-by-revup" Deny Documented Request
        ByConstruction("the flow waits for nothing once the subscription is archived")
        [page::TOKEN_BASED, page::FALLBACK];
    /// Only Revup can charge or retry a renewal.
    RebillRetriedByRevup = "revup.rebill.retried-by-revup" Deny Documented Money
        ByConstruction("no action of this flow makes a charge") [page::TOKEN_BASED, page::SUBSCRIPTIONS];
    /// A renewal can only follow a first charge that succeeded. An archived subscription has no renewals.
    RebillOnlyAfterInitial = "revup.rebill.only-after-initial" Deny Inferred Money
        [page::EVENT_UPDATED, page::EVENT_ARCHIVED];
    /// A `past_due` subscription should not be treated as ended.
    StatusPastDueKeeps = "revup.status.past-due-keeps" Warn Inferred Request
        ByConstruction("a past due subscription can be paid later; until then its access is neither extended nor ended")
        [page::EVENT_UPDATED];
    /// A canceled subscription must stay canceled.
    CancelledTerminal = "revup.cancelled.terminal" Deny Inferred Money [page::EVENT_CANCELLED];
    /// An archived subscription must stay archived.
    ArchivedTerminal = "revup.archived.terminal" Deny Inferred Money [page::EVENT_ARCHIVED];
    /// Only a subscription whose first charge succeeded can be paused.
    PauseFromLive = "revup.pause.from-live" Deny Inferred Request [page::EVENT_PAUSED, page::EVENT_RESUMED];
    /// A resumed subscription must take the status that Revup reports, which may not be `fulfilled`.
    ResumeRestoresPrevious = "revup.resume.restores-previous" Deny Documented Money
        ByConstruction("an event about a pause or its end only makes a lookup due, and the lookup changes the status")
        [page::EVENT_RESUMED];
    /// Only Revup's back office can pause and resume a subscription: no document names an operation for either.
    PauseNoApi = "revup.pause.no-api" Deny Inferred Request
        ByConstruction("no request of this flow pauses or resumes; the events and the lookup show what the back office did")
        [page::EVENT_PAUSED, page::EVENT_RESUMED];
    /// A pause cannot extend access, and cannot end access that was paid for.
    PauseKeepsAccess = "revup.pause.keeps-access" Deny Inferred Money
        ByConstruction("access is granted only while the subscription is fulfilled, and a pause withdraws none")
        [page::EVENT_PAUSED, page::EVENT_RESUMED];
    /// Only a paused subscription should be resumed.
    ResumeOnlyFromPaused = "revup.resume.only-from-paused" Warn Inferred Request [page::EVENT_RESUMED];

    /// The status of a subscription should be one that Revup documents. Any other status neither grants nor ends
    /// access.
    StatusKnown = "revup.status.known" Warn Inferred Money [page::GET_SUBSCRIPTION, page::SUBSCRIPTION_FIELDS];

    // Cancellation
    /// `cancellationDetail` must have at most 25 characters.
    CancelDetailMax25 = "revup.cancel.detail-max-25" Deny Documented Request [page::SUBSCRIPTION_FIELDS];
    /// A canceled or archived subscription cannot be canceled.
    CancelNotWhenTerminal = "revup.cancel.not-when-terminal" Deny Inferred Request [page::CANCEL_SUBSCRIPTION];
    /// The reply to a cancellation must show the subscription with the status `cancelled` and the reason
    /// `merchant_api`.
    CancelResponse = "revup.cancel.response" Deny Documented Money [page::CANCEL_SUBSCRIPTION];
    /// A subscription that Revup does not find cannot count as canceled.
    Cancel404 = "revup.cancel.404" Deny Documented Money
        ByConstruction("after a 404 the cancellation stays pending, a lookup becomes due, and the failure names this \
            rule") [page::CANCEL_SUBSCRIPTION];
    /// The reason of a cancellation must be kept as Revup sent it, even if Revup does not document it.
    CancelReasonEnum = "revup.cancel.reason-enum" Deny Documented Request
        ByConstruction("the five documented reasons are known by name, and any other reason is kept unchanged")
        [page::SUBSCRIPTION_FIELDS];
    /// The reply to a cancellation and its event should count as one cancellation.
    CancelDoubleSignal = "revup.cancel.double-signal" Warn Inferred Request
        ByConstruction("a canceled subscription ignores the second of the two")
        [page::CANCEL_SUBSCRIPTION, page::EVENT_CANCELLED];

    // Events
    /// An event that is stored must be acknowledged with status 200 within 20 seconds.
    EventAck = "revup.event.ack-200-20s" Deny Documented Request
        ByHost("the library names the status; your backend has to send it once the row or the inbox is saved")
        [page::EVENTS];
    /// An event that is delivered twice should count once.
    EventDedupe = "revup.event.dedupe" Warn Inferred Money
        ByConstruction("the last 8 events are remembered, and an older one can only make a lookup due") [page::EVENTS];
    /// An event or notification should have a type that Revup documents. An unknown type proves nothing.
    EventTypeKnown = "revup.event.type-known" Warn Inferred Request [page::EVENTS, page::SUBSCRIPTION_FIELDS];
    /// `occurredAt` and `ocurredAt` must be read as one field. In an event with both, both must name the same time.
    EventOccurredAtAlias = "revup.event.occurred-at-alias" Deny Documented Request
        [page::EVENT_CREATED, page::EVENT_PAUSED, page::EVENT_RESUMED];
    /// Enumerated values in an event must be read without regard to upper or lower case.
    EventCaseInsensitiveEnums = "revup.event.case-insensitive-enums" Deny Documented Request
        ByConstruction("types, statuses and reasons are compared without regard to case")
        [page::EVENT_CREATED, page::EVENT_UPDATED];
    /// An event must contain `eventId`, `eventType`, its time, `originator.type`, `data.subscriptionId` and
    /// `data.status`.
    EventRequiredFields = "revup.event.required-fields" Deny Documented Request
        ByConstruction("an event without one of them cannot be read; every other field is missing in some sample")
        [page::SUBSCRIPTION_FIELDS];
    /// The `eventType` of an event and its `data.status` should agree.
    EventStatusConsistency = "revup.event.status-consistency" Warn Inferred Request
        [page::EVENT_CREATED, page::EVENT_ARCHIVED, page::EVENT_CANCELLED, page::EVENT_PAUSED];
    /// An event must name this flow's subscription and its plan.
    EventMatchSubscription = "revup.event.match-subscription" Deny Inferred Money [page::SUBSCRIPTION_FIELDS];
    /// An older event that arrives late should not undo a newer one.
    EventOrdering = "revup.event.ordering" Warn Inferred Money
        ByConstruction("an event can only show the first charge or the end; a lookup decides every other status")
        [page::EVENTS];
    /// An event without an authenticated origin should be confirmed by a lookup before access changes.
    EventVerifyByGet = "revup.event.verify-by-get" Warn Inferred Money
        ByConstruction("an unauthenticated event only makes lookups due")
        [page::EVENTS, page::GET_SUBSCRIPTION];
    /// The result of a payment must come from its own status, not from its first transaction.
    EventTransactionsAll = "revup.event.transactions-all" Deny Documented Money
        ByConstruction("no status depends on a single transaction; refunds are added up over all of them")
        [page::FALLBACK, page::EVENT_CREATED];

    // Refunds and disputes
    /// The refunds of a payment should add up to at most its amount, in its currency.
    RefundSum = "revup.refund.sum" Warn Inferred Money [page::EVENT_REFUNDED];
    /// A refund cannot end or pause a subscription.
    RefundNoStatusChange = "revup.refund.no-status-change" Deny Documented Money
        ByConstruction("neither an event about a refund nor the reply to one changes the status")
        [page::EVENT_REFUNDED];
    /// A refund must be in the currency of its payment, and a payment must have succeeded.
    RefundCurrency = "revup.refund.currency" Deny Documented Request [page::REFUND];
    /// Only a transaction that took the money can be refunded, and no transaction of a payment that failed.
    RefundOnlySuccessfulPayment = "revup.refund.only-successful-payment" Deny Documented Money [page::REFUND];
    /// The `amount` of a refund must be a decimal number of at most 38 digits.
    RefundAmountDecimal = "revup.refund.amount-decimal" Forbid Inferred Request [page::REFUND];
    /// The `amount` of a refund must be more than 0, and cannot have more decimals than its currency.
    RefundAmount = "revup.refund.amount" Deny Inferred Request [page::REFUND];
    /// The refunds of a payment can only add up to its amount. A payment can be refunded once a lookup or an event shows
    /// its amount.
    RefundCeiling = "revup.refund.ceiling" Deny Inferred Money [page::REFUND, page::EVENT_REFUNDED];
    /// After a backup was restored, a refund must wait for the list of its order. It may already have been made.
    RefundAfterRestore = "revup.refund.after-restore" Deny Inferred Money [page::TRANSACTION_BY_ORDER];
    /// An intent can name only one refund. Use a new intent for different content.
    RefundIntentUnique = "revup.refund.intent-unique" Forbid Inferred Money [page::REFUND];
    /// A dispute on a plan with automatic cancellation must be read from `subscription.cancelled`. Revup sends no other
    /// event about such a dispute.
    DisputeAutoCancel = "revup.dispute.auto-cancel" Deny Documented Request
        ByConstruction("a cancellation does not wait for an event about its dispute")
        [page::EVENT_DISPUTED, page::EVENT_CANCELLED];
    /// A dispute or a request for information cannot cancel a subscription by itself.
    DisputeInfoRequest = "revup.dispute.info-request-not-terminal" Deny Documented Money
        ByConstruction("an event about a dispute changes no status; it opens a review") [page::EVENT_DISPUTED];

    /// A payment cannot be refunded before a person has looked at every dispute. The bank may return the same money.
    DisputeNoRefund = "revup.dispute.no-refund" Deny Inferred Money [page::EVENT_DISPUTED, page::REFUND];
    /// A dispute can only be answered in Revup's back office: no document names an operation that answers one.
    DisputeNoAnswerByApi = "revup.dispute.no-answer-by-api" Deny Inferred Request
        ByConstruction("the disputes API only uploads disputes; no request of this flow answers one, and the review tells a \
            person what to do") [page::EVENT_DISPUTED, page::DISPUTES];

    // Callbacks, orders and their payments
    /// A return to the success page cannot prove a payment, because unfinished payments lead there too.
    CallbackSuccessNotProof = "revup.callback.success-not-proof" Deny Documented Money
        ByConstruction("the customer's return only makes the lookup due, whichever page it led to")
        [page::CALLBACK, page::CHECKING];
    /// A callback must be read as a list of one or two transactions, of which the last one counts.
    CallbackList = "revup.callback.list" Deny Documented Money
        ByConstruction("the library reads the list, and only the last transaction counts")
        [page::CALLBACK, page::FALLBACK];
    /// A reply with status 200 cannot prove that an order is paid.
    Pay200NotSuccess = "revup.pay.200-not-success" Deny Documented Money
        ByHost("orders are paid outside of this flow; the library can read the reply's own status") [page::PAYMENT];
    /// An order whose payment reply has a status other than 200 must count as not paid.
    PayNon200Failed = "revup.pay.non200-failed" Deny Documented Money
        ByHost("orders are paid outside of this flow; the library reads any other reply as a failure") [page::PAYMENT];
    /// Only the transaction statuses `success` and `failed` can be final. Any other status must count as open.
    TxFinalStatuses = "revup.tx.final-statuses" Deny Documented Money
        ByConstruction("a refund with any other status stays open and is looked up")
        [page::CHECKING, page::NOTIFICATIONS];
    /// An order must have a positive `amount` with the decimals of its currency. The `currency` must be three capital
    /// letters.
    OrderMoney = "revup.order.money" Deny Documented Request
        ByConstruction("the library builds no order without an amount and a currency") [page::ORDER, page::CREATE_ORDER];
    /// An order whose payment must make a token has to set `generateToken` to `true`.
    OrderGenerateToken = "revup.order.generate-token" Deny Documented Request
        ByConstruction("the library builds no order for a token without `generateToken`")
        [page::ORDER, page::TOKEN_BASED];
    /// The order that makes a token must be the first of its series. It can only have `sequence=initial`, and no
    /// `parentTransactionId`.
    OrderMakesToken = "revup.order.makes-token" Deny Documented Request
        ByConstruction("the library builds no order for a token that follows another order")
        [page::ORDER, page::RECURRING];
    /// The `minPeriod` of an order must be at least 1 day.
    OrderMinPeriod = "revup.order.min-period" Deny Documented Request
        ByConstruction("the library builds no order with a shorter period") [page::ORDER];
    /// An order for a token should have `redirectUrl.success` and `redirectUrl.fail`, both absolute URLs: the callback
    /// to them brings the token.
    OrderRedirectUrls = "revup.order.redirect-urls" Warn Documented Request
        ByConstruction("the library builds the order, and the warning names the field")
        [page::ORDER, page::CALLBACK, page::RECURRING];
    /// Only a successful reply with the id of the order can prove that the order was created.
    OrderReplyId = "revup.order.reply-id" Deny Inferred Request
        ByConstruction("any other reply is read as refused or unknown; an order that nobody pays expires, so the request \
            can be sent again") [page::CREATE_ORDER];
    /// The `sequence` of an order must be `initial`, `recurring` or `final`. A `recurring` or `final` order must name
    /// the transaction of the first order.
    OrderSequence = "revup.order.sequence" Deny Documented Request
        ByHost("orders are made outside of this flow; the library can check the fields") [page::ORDER];
    /// A token cannot be used after an order with `sequence=final`.
    OrderFinalDisablesToken = "revup.order.final-disables-token" Deny Documented Money
        ByHost("orders are made outside of this flow, and no lookup shows a token") [page::ORDER, page::RECURRING];
    /// An order must be paid within 1 hour of its creation.
    OrderExpires1h = "revup.order.expires-1h" Deny Documented Request
        ByHost("orders are made outside of this flow; the library can say when an order expires, and so does the \
            wait for the payment form") [page::CREATE_ORDER];
    /// Revup's error codes must be kept as strings, with their leading zeros.
    ErrorCodeString = "revup.error.code-string" Deny Documented Request
        ByConstruction("a code is kept as the string that Revup sent") [page::TOKEN];
}
