//! The rules of Revup, in the order of the flow that they guard.

use super::pages as page;
use crate::rule::rules;

rules! {
    /// The rules that Revup's documents state, and those that follow from them.
    pub enum Rule;

    // Creation
    /// Every call carries the account's key in `x-api-key`.
    AuthApiKeyRequired = "revup.auth.api-key-required" Deny Documented Request
        ByConstruction("every request names the header that the host fills; the library never sees the key")
        [page::TOKEN_BASED];
    /// A subscription names its plan: `planId` is the UUID that the back office shows.
    CreatePlanIdRequired = "revup.create.plan-id-required" Deny Documented Request
        [page::CREATE_SUBSCRIPTION, page::SUBSCRIPTION_FIELDS];
    /// A subscription names its currency by three capitals, one of those configured for the plan.
    CreateCurrencyRequired = "revup.create.currency-required" Deny Documented Request
        [page::CREATE_SUBSCRIPTION, page::SUBSCRIPTION_FIELDS];
    /// `eventSubscriptionUrl` is an absolute URL, and Revup posts to https.
    CreateEventUrlRequired = "revup.create.event-url-required" Deny Documented Request
        [page::CREATE_SUBSCRIPTION, page::SUBSCRIPTION_FIELDS, page::EVENTS];
    /// `overwrite.initialAmount` is a decimal number of at most 38 digits.
    CreateInitialAmountDecimal = "revup.create.initial-amount-decimal" Forbid Inferred Request
        [page::SUBSCRIPTION_FIELDS, page::CREATE_SUBSCRIPTION];
    /// `overwrite.initialAmount` is an amount that its currency can have, and not negative.
    CreateInitialAmount = "revup.create.initial-amount" Deny Inferred Request
        [page::SUBSCRIPTION_FIELDS, page::CREATE_SUBSCRIPTION];
    /// `overwrite.initialAmount` replaces the first amount alone: every later charge follows the plan.
    CreateInitialAmountOnlyInitial = "revup.create.initial-amount-only-initial" Deny Documented Money
        ByConstruction("the amount travels in the request and is kept nowhere, so nothing can expect it of a renewal")
        [page::SUBSCRIPTION_FIELDS];
    /// A token comes with the transaction and the order that made it: all three or none.
    CreateTokenFieldsRequired = "revup.create.token-fields-required" Deny Documented Request [page::TOKEN_BASED];
    /// `tokenId`, `parentTransactionId` and `parentOrderId` are UUIDs.
    CreateTokenFieldsUuid = "revup.create.token-fields-uuid" Deny Documented Request
        [page::TOKEN_BASED, page::TOKEN, page::NOTIFICATION_FIELDS];
    /// A subscription that begins with the payment form names no parent.
    CreateNoParentInFormMode = "revup.create.no-parent-in-form-mode" Deny Documented Request
        ByConstruction("a command that names one of the three is on a token, and is held to naming all of them")
        [page::CREATE_SUBSCRIPTION];
    /// `money`, `generateToken` and `notificationUrl` belong to orders, and `paymentDetails` is not needed beside a token.
    CreateNoOrderFields = "revup.create.no-order-fields" Deny Documented Request [page::CREATE_SUBSCRIPTION];
    /// A token needs no 3DS: `threeDSSupport` and `redirectUrl.threeDSChallengeResult` should be left out.
    CreateToken3dsFieldsUnneeded = "revup.create.token-3ds-fields-unneeded" Warn Documented Request
        [page::TOKEN_BASED];
    /// `redirectUrl` should name a page for success and one for failure, each with its scheme.
    CreateRedirectUrls = "revup.create.redirect-urls" Warn Documented Request
        [page::TOKEN_BASED, page::CREATE_SUBSCRIPTION];
    /// A token stems from an order that asked for it with `generateToken` and was paid.
    TokenGeneratedByOrder = "revup.token.generated-by-order" Deny Documented Money
        ByHost("the order is paid before this flow begins; `callback` hands out the ids of a paid one alone")
        [page::TOKEN_BASED, page::ORDER];
    /// The three ids of a token come from one transaction: the one that succeeded.
    TokenParentMatch = "revup.token.parent-match" Deny Documented Money
        ByHost("the callback belongs to the order; `callback` takes all three from the transaction that succeeded")
        [page::TOKEN_BASED, page::CALLBACK];
    /// A token makes one subscription: its key is the token, and it is used once.
    TokenOneSubscription = "revup.token.one-subscription" Deny Documented Money [page::TOKEN_BASED];
    /// A token that was deleted, or whose order was followed by a `final` one, makes no subscription.
    TokenNotDisabled = "revup.token.not-disabled" Deny Documented Request
        ByHost("no look-up shows a token; Revup refuses one that it does not know, and `failure` names this rule")
        [page::TOKEN, page::ORDER, page::RECURRING];
    /// The answer to a subscription on a token names the parent order; until a person has looked, another opens nothing.
    CreateOrderIdEcho = "revup.create.order-id-echo" Deny Documented Money [page::TOKEN_BASED];
    /// The answer names the order and the subscription, both by UUIDs.
    CreateResponseIds = "revup.create.response-ids" Deny Documented Request
        ByConstruction("an answer without both ids cannot be read, and counts as lost")
        [page::TOKEN_BASED, page::CREATE_SUBSCRIPTION];
    /// The order of a subscription on a token is paid by Revup, never by the merchant.
    CreateNoManualPay = "revup.create.no-manual-pay" Deny Documented Money
        ByConstruction("no request of this flow pays an order") [page::TOKEN_BASED];
    /// A subscription of the form should be paid within the hour in which its order exists.
    CreateMustPayInFormMode = "revup.create.must-pay-in-form-mode" Warn Inferred Request
        ByHost("the form is the host's page; `awaits` says by when the payment can come")
        [page::CREATE_ORDER, page::SUBSCRIPTIONS];
    /// A subscription whose answer was lost is not asked for again before its outcome is known.
    CreateNoBlindRetry = "revup.create.no-blind-retry" Deny Inferred Money
        [page::TOKEN_BASED, page::TRANSACTION_BY_ORDER];

    // Outcome
    /// A good answer to the creation says nothing of the first charge, and opens nothing.
    CreateHttpOkNotPaid = "revup.create.http-ok-not-paid" Deny Documented Money
        ByConstruction("the answer has one edge, to the wait for the first charge; only the look-up or a proved event leads on")
        [page::TOKEN_BASED];
    /// Access lasts until the renewal that is still to be charged is due, and the policy's grace.
    AccessUntilNextRenewal = "revup.access.until-next-renewal" Deny Inferred Money
        ByConstruction("`access` arises from the payments' look-up, or from an event with proof, while nothing is past due")
        [page::SUBSCRIPTION_PAYMENTS, page::EVENT_CREATED];
    /// A first charge that failed is not tried again: another try needs another token and another subscription.
    InitialPaymentNoRetry = "revup.initial-payment.no-retry" Deny Documented Money
        [page::TOKEN_BASED, page::EVENT_ARCHIVED];
    /// Nobody waits for a second try of the first charge: Revup makes none.
    InitialPaymentNotExpected = "revup.initial-payment.not-expected-by-revup" Deny Documented Request
        ByConstruction("nothing is awaited of an archived subscription") [page::TOKEN_BASED, page::FALLBACK];
    /// Renewals are charged and tried again by Revup alone.
    RebillRetriedByRevup = "revup.rebill.retried-by-revup" Deny Documented Money
        ByConstruction("no wish of this flow charges") [page::TOKEN_BASED, page::SUBSCRIPTIONS];
    /// A renewal follows a first charge that succeeded, so an archived subscription has none.
    RebillOnlyAfterInitial = "revup.rebill.only-after-initial" Deny Inferred Money
        [page::EVENT_UPDATED, page::EVENT_ARCHIVED];
    /// A subscription that is past due is not over.
    StatusPastDueKeeps = "revup.status.past-due-keeps" Warn Inferred Request
        ByConstruction("past due has edges back, and neither extends access nor ends it")
        [page::EVENT_UPDATED];
    /// What is cancelled stays cancelled.
    CancelledTerminal = "revup.cancelled.terminal" Deny Inferred Money [page::EVENT_CANCELLED];
    /// What is archived is never revived.
    ArchivedTerminal = "revup.archived.terminal" Deny Inferred Money [page::EVENT_ARCHIVED];
    /// Only a subscription whose first charge is proved is paused.
    PauseFromLive = "revup.pause.from-live" Deny Inferred Request [page::EVENT_PAUSED, page::EVENT_RESUMED];
    /// A subscription that is resumed stands as Revup says, which need not be `fulfilled`.
    ResumeRestoresPrevious = "revup.resume.restores-previous" Deny Documented Money
        ByConstruction("an event of a pause or its end moves nothing; the look-up that it makes owed does")
        [page::EVENT_RESUMED];
    /// Only a subscription that is paused should be resumed.
    ResumeOnlyFromPaused = "revup.resume.only-from-paused" Warn Inferred Request [page::EVENT_RESUMED];

    /// A status that no document lists should be looked into: it grants nothing and takes nothing away.
    StatusKnown = "revup.status.known" Warn Inferred Money [page::GET_SUBSCRIPTION, page::SUBSCRIPTION_FIELDS];

    // Cancellation
    /// `cancellationDetail` has at most 25 characters.
    CancelDetailMax25 = "revup.cancel.detail-max-25" Deny Documented Request [page::SUBSCRIPTION_FIELDS];
    /// A subscription that is over is not cancelled.
    CancelNotWhenTerminal = "revup.cancel.not-when-terminal" Deny Inferred Request [page::CANCEL_SUBSCRIPTION];
    /// The answer to a cancellation names our subscription as cancelled by `merchant_api`.
    CancelResponse = "revup.cancel.response" Deny Documented Money [page::CANCEL_SUBSCRIPTION];
    /// A subscription that Revup does not know is not a cancelled one.
    Cancel404 = "revup.cancel.404" Deny Documented Money
        ByConstruction("a 404 ends no cancellation: it stays open, its look-up is owed, and `failure` names this rule")
        [page::CANCEL_SUBSCRIPTION];
    /// A cancellation has one of five reasons, and an unknown one is kept as it came.
    CancelReasonEnum = "revup.cancel.reason-enum" Deny Documented Request
        ByConstruction("the reason is an open type: what no document lists becomes `Unknown(text)`")
        [page::SUBSCRIPTION_FIELDS];
    /// The answer to a cancellation and its event are one cancellation.
    CancelDoubleSignal = "revup.cancel.double-signal" Warn Inferred Request
        ByConstruction("a cancelled subscription has no edge, so whichever comes second moves nothing")
        [page::CANCEL_SUBSCRIPTION, page::EVENT_CANCELLED];

    // Events
    /// An event that is stored is answered with 200 within 20 seconds.
    EventAck = "revup.event.ack-200-20s" Deny Documented Request
        ByHost("`acknowledgement` says 200; the host answers once the row or the inbox is saved") [page::EVENTS];
    /// An event delivered twice counts once.
    EventDedupe = "revup.event.dedupe" Warn Inferred Money
        ByConstruction("the last 8 are remembered, and an older one can only make a look-up owed") [page::EVENTS];
    /// An event of an unknown kind should be looked into, and moves nothing.
    EventTypeKnown = "revup.event.type-known" Warn Inferred Request [page::EVENTS, page::SUBSCRIPTION_FIELDS];
    /// The time of an event is read in both of its spellings, which say the same.
    EventOccurredAtAlias = "revup.event.occurred-at-alias" Deny Documented Request
        [page::EVENT_CREATED, page::EVENT_PAUSED, page::EVENT_RESUMED];
    /// Enumerated values mean the same in capitals.
    EventCaseInsensitiveEnums = "revup.event.case-insensitive-enums" Deny Documented Request
        ByConstruction("kinds, statuses and reasons are read without regard to case")
        [page::EVENT_CREATED, page::EVENT_UPDATED];
    /// An event has its id, its kind, its time, its originator, its subscription and that one's status.
    EventRequiredFields = "revup.event.required-fields" Deny Documented Request
        ByConstruction("an event without one of them is `Unreadable`; whatever else it lacks is missing in samples too")
        [page::SUBSCRIPTION_FIELDS];
    /// The kind of an event and the status in it should agree.
    EventStatusConsistency = "revup.event.status-consistency" Warn Inferred Request
        [page::EVENT_CREATED, page::EVENT_ARCHIVED, page::EVENT_CANCELLED, page::EVENT_PAUSED];
    /// An event is about the subscription and the plan that we know.
    EventMatchSubscription = "revup.event.match-subscription" Deny Inferred Money [page::SUBSCRIPTION_FIELDS];
    /// Events come in any order, and an older one should undo nothing.
    EventOrdering = "revup.event.ordering" Warn Inferred Money
        ByConstruction("only what is final is taken from an event; what can go both ways is decided by the look-up")
        [page::EVENTS];
    /// An event that nobody signed should be confirmed by a look-up before access moves.
    EventVerifyByGet = "revup.event.verify-by-get" Warn Inferred Money
        ByConstruction("an unverified event only makes look-ups owed; it has no edge")
        [page::EVENTS, page::GET_SUBSCRIPTION];
    /// The result of a payment is its own status, whatever its first transaction says.
    EventTransactionsAll = "revup.event.transactions-all" Deny Documented Money
        ByConstruction("no edge is decided by a transaction; refunds are added up over all of them")
        [page::FALLBACK, page::EVENT_CREATED];

    // Money back
    /// The refunds of a payment should add up to no more than it, in its currency.
    RefundSum = "revup.refund.sum" Warn Inferred Money [page::EVENT_REFUNDED];
    /// A refund ends and pauses nothing.
    RefundNoStatusChange = "revup.refund.no-status-change" Deny Documented Money
        ByConstruction("neither a refund's signals nor the reply to one have an edge") [page::EVENT_REFUNDED];
    /// A refund is in the currency of its payment, which has succeeded.
    RefundCurrency = "revup.refund.currency" Deny Documented Request [page::REFUND];
    /// The amount of a refund is a decimal number of at most 38 digits.
    RefundAmountDecimal = "revup.refund.amount-decimal" Forbid Inferred Request [page::REFUND];
    /// A refund is of an amount that its currency can have, above zero.
    RefundAmount = "revup.refund.amount" Deny Inferred Request [page::REFUND];
    /// The refunds of a payment can only add up to its amount; a further one must be smaller than they are while no lookup
    /// shows it.
    RefundCeiling = "revup.refund.ceiling" Deny Inferred Money [page::REFUND, page::EVENT_REFUNDED];
    /// One name stands for one refund.
    RefundIntentUnique = "revup.refund.intent-unique" Forbid Inferred Money [page::REFUND];
    /// A dispute on a plan that cancels itself is told as its cancellation alone.
    DisputeAutoCancel = "revup.dispute.auto-cancel" Deny Documented Request
        ByConstruction("neither event waits for the other") [page::EVENT_DISPUTED, page::EVENT_CANCELLED];
    /// A dispute, and above all a mere request for information, cancels nothing by itself.
    DisputeInfoRequest = "revup.dispute.info-request-not-terminal" Deny Documented Money
        ByConstruction("the event of a dispute has no edge; it makes a review owed") [page::EVENT_DISPUTED];

    // Callbacks, orders and their payments
    /// The page after success is no proof: payments still under way lead there too.
    CallbackSuccessNotProof = "revup.callback.success-not-proof" Deny Documented Money
        ByConstruction("`returned` only makes the look-up owed, whichever page it was")
        [page::CALLBACK, page::CHECKING];
    /// A callback is a list of one or two transactions, of which the last one counts.
    CallbackList = "revup.callback.list" Deny Documented Money
        ByConstruction("`callback` and the flow read the list and take its last transaction")
        [page::CALLBACK, page::FALLBACK];
    /// An order answered with 200 need not be paid.
    Pay200NotSuccess = "revup.pay.200-not-success" Deny Documented Money
        ByHost("orders are paid outside of this flow; `order::Paid` reads the answer's own status") [page::PAYMENT];
    /// An order answered otherwise than with 200 is not paid.
    PayNon200Failed = "revup.pay.non200-failed" Deny Documented Money
        ByHost("orders are paid outside of this flow; `order::Paid` takes any other answer for a failure")
        [page::PAYMENT];
    /// Only `success` and `failed` are final; a transaction in any other status is still under way.
    TxFinalStatuses = "revup.tx.final-statuses" Deny Documented Money
        ByConstruction("a refund that is in any other status stays open and is looked up")
        [page::CHECKING, page::NOTIFICATIONS];
    /// The sequence of an order is `initial`, `recurring` or `final`, and the last two name the first one's transaction.
    OrderSequence = "revup.order.sequence" Deny Documented Request
        ByHost("orders are made outside of this flow; `order::Recurrence` checks the fields") [page::ORDER];
    /// An order with `final` ends the token of its initial one.
    OrderFinalDisablesToken = "revup.order.final-disables-token" Deny Documented Money
        ByHost("orders are made outside of this flow, and no look-up shows a token") [page::ORDER, page::RECURRING];
    /// An order that is an hour old cannot be paid any more.
    OrderExpires1h = "revup.order.expires-1h" Deny Documented Request
        ByHost("orders are made outside of this flow; `order::expires_at` says when, as `awaits` does for the form")
        [page::CREATE_ORDER];
    /// The provider's error codes are texts, and keep their zeros.
    ErrorCodeString = "revup.error.code-string" Deny Documented Request
        ByConstruction("a code is kept as the text that came") [page::TOKEN];
}
