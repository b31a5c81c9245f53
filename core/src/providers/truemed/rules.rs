//! The rules of Truemed, in the order of the flows that they guard.

use super::pages as page;
use crate::rule::rules;

rules! {
    /// The rules that Truemed's documents state, and those that follow from them.
    pub enum Rule;

    // Provisioning
    /// The id of a provision request is never used as a payment token.
    ProvisionRequestIsNotToken = "truemed.provision.request-is-not-token" Deny Documented Money
        [page::CREATE_PAYMENT_TOKEN, page::CREATE_EXISTING_SUBSCRIBER];
    /// A token is charged only once `payment_token_updated`, or the look-up that recovers it, has named it.
    ProvisionNoChargeBeforeWebhook = "truemed.provision.no-charge-before-webhook" Forbid Documented Money
        [page::CREATE_EXISTING_SUBSCRIBER, page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// A token that has not come is still awaited: silence is neither success nor failure.
    ProvisionTokenMayNeverCome = "truemed.provision.token-may-never-come" Warn Documented Money
        ByConstruction("waiting has no edge that time takes, and a token is accepted however late it comes")
        [page::CREATE_EXISTING_SUBSCRIBER];
    /// The customer is present when a payment method is stored for the first time.
    ProvisionCustomerPresent = "truemed.provision.customer-present" Deny Documented Request
        ByHost("only the host sees the customer; the page to send them to is `customer_at` of what is awaited")
        [page::CREATE_EXISTING_SUBSCRIBER, page::CREATE_NEW_SUBSCRIBER];
    /// The id of a provision request is stored for its user before the customer is redirected.
    ProvisionStoreRequestId = "truemed.provision.store-request-id" Deny Documented Request
        ByConstruction("the id is kept together with the redirect URL; a webhook with an unknown id is `Early`")
        [page::CREATE_EXISTING_SUBSCRIBER];
    /// The customer is sent to `redirect_url` exactly as Truemed returned it.
    ProvisionRedirectExact = "truemed.provision.redirect-exact" Deny Documented Request
        ByConstruction("the state keeps the URL as it was given, and `customer_at` hands it out unchanged")
        [page::CREATE_EXISTING_SUBSCRIBER];
    /// The page behind `success_url` should thank the customer and grant nothing.
    ProvisionSuccessUrlMessage = "truemed.provision.success-url-message" Warn Documented Money
        ByHost("the page is the host's; `returned` only makes look-ups owed") [page::CREATE_EXISTING_SUBSCRIBER];
    /// A return to `failure_url` says that the customer cancelled, not that Truemed refused.
    ProvisionFailureUrlIsCancel = "truemed.provision.failure-url-is-cancel" Warn Documented Request
        ByConstruction("a return by `failure_url` moves nothing and makes no look-up due")
        [page::CREATE_EXISTING_SUBSCRIBER];
    /// A provision request should be looked up only to recover a webhook that was missed.
    ProvisionNoPolling = "truemed.provision.no-polling" Warn Documented Request
        [page::CREATE_EXISTING_SUBSCRIBER, page::RETRIEVE_PROVISION_TOKEN_REQUEST];
    /// A provision request without a token is still pending.
    ProvisionRetrieveNullMeansPending = "truemed.provision.retrieve-null-means-pending" Deny Documented Request
        ByConstruction("a look-up that shows no token has no edge: the token stays awaited")
        [page::RETRIEVE_PROVISION_TOKEN_REQUEST];
    /// A look-up that shows a token confirms no pending change, for it may be the old token.
    ProvisionRetrieveNotProofForUpdate = "truemed.provision.retrieve-not-proof-for-update" Warn Inferred Money
        ByConstruction("only the webhook that names its request confirms a pending change; a look-up has no such edge")
        [page::RETRIEVE_PROVISION_TOKEN_REQUEST];
    /// A token is asked for with at least one item.
    ProvisionItemsRequired = "truemed.provision.items-required" Deny Inferred Request
        [page::CREATE_PAYMENT_TOKEN, page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A token is asked for with a `success_url` and a `failure_url`, both absolute URLs of the web.
    ProvisionUrlAbsolute = "truemed.provision.url-absolute" Deny Inferred Request
        [page::CREATE_EXISTING_SUBSCRIBER, page::CREATE_PAYMENT_TOKEN];
    /// `metadata` is a single string.
    MetadataString = "truemed.metadata.string" Deny Documented Request
        [page::CREATE_EXISTING_SUBSCRIBER, page::RETRIEVE_PROVISION_TOKEN_REQUEST];
    /// Metadata should come back as it was given.
    MetadataEchoMatch = "truemed.metadata.echo-match" Warn Inferred Request
        [page::CREATE_EXISTING_SUBSCRIBER, page::PAYMENT_SESSION_COMPLETE_WEBHOOK];

    // Payment session creation
    /// `total_amount` equals all items plus all charges minus all discounts, and those of a line count once.
    SessionTotalEquality = "truemed.session.total-equality" Deny Documented Request
        [page::CREATE_PAYMENT_SESSION, page::ITEMIZED_FEES_AND_DISCOUNTS];
    /// Without `amount_details` there are no charges and no discounts.
    SessionAmountDetailsOptional = "truemed.session.amount-details-optional" Warn Documented Request
        ByConstruction("an absent amount is read as zero wherever amounts are added up")
        [page::ITEMIZED_FEES_AND_DISCOUNTS];
    /// Charges and discounts listed one by one should add up to their stated total.
    SessionAmountDetailsConsistent = "truemed.session.amount-details-consistent" Warn Inferred Request
        [page::ITEMIZED_FEES_AND_DISCOUNTS];
    /// No total, price or charge is negative, no discount has the wrong sign, and every quantity is at least one.
    SessionAmountNonnegative = "truemed.session.amount-nonnegative" Deny Inferred Request
        [page::CAPTURE_PAYMENT_SESSION, page::CREATE_REFUND];
    /// A total of zero is a free trial: `tokenize` is true and `display_next_bill_info` is given.
    SessionZeroOnlyFreeTrial = "truemed.session.zero-only-free-trial" Deny Documented Request
        [page::CREATE_NEW_SUBSCRIBER];
    /// `display_next_bill_info` carries `total_amount` and `date`, and goes with `tokenize`.
    SessionNextBillInfoShape = "truemed.session.next-bill-info-shape" Deny Documented Request
        [page::CREATE_NEW_SUBSCRIBER];
    /// `success_url` is an absolute URL.
    SessionSuccessUrlRequired = "truemed.session.success-url-required" Deny Documented Request
        [page::CREATE_PAYMENT_SESSION];
    /// `failure_url`, where it is given, is an absolute URL of the web.
    SessionFailureUrlAbsolute = "truemed.session.failure-url-absolute" Deny Inferred Request
        [page::CREATE_PAYMENT_SESSION, page::CANCEL_PAYMENT_SESSION];
    /// A checkout should come back with the `redirect_url` at which the customer pays.
    SessionRedirectUrlPresent = "truemed.session.redirect-url-present" Warn Documented Request
        [page::CREATE_PAYMENT_SESSION];
    /// Only `success_url` has a template, and only `{{payment_session_id}}`, written exactly so.
    SessionUrlTemplateExact = "truemed.session.url-template-exact" Deny Documented Request
        [page::CREATE_PAYMENT_SESSION];
    /// The URLs of `create_payment_token` should carry no template.
    SessionTokenUrlTemplate = "truemed.session.token-url-template" Warn Inferred Request [page::CREATE_PAYMENT_TOKEN];
    /// A charge needs a token that is issued, not deleted and free of open actions.
    SessionUnattendedNeedsActiveToken = "truemed.session.unattended-needs-active-token" Forbid Documented Money
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// A charge is for the items last confirmed: others go through `update_payment_token` first.
    SessionUnattendedItemsConfirmed = "truemed.session.unattended-items-confirmed" Deny Documented Money
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A session should either make a token or charge one: `tokenize` or `payment_token`, not both.
    SessionTokenizeXorToken = "truemed.session.tokenize-xor-token" Warn Inferred Request
        [page::CREATE_NEW_SUBSCRIBER, page::SUBSEQUENT_BILLING_PERIODS];
    /// An authorization is made with the customer in the checkout, never with a stored token.
    SessionAuthorizationNeedsCustomer = "truemed.session.authorization-needs-customer" Deny Documented Request
        [page::MANUAL_DELAYED_CAPTURE];
    /// An authorization cannot make a token: the flow of a token can neither capture nor void a hold.
    SessionAuthorizationMakesNoToken = "truemed.session.authorization-makes-no-token" Forbid Inferred Money
        [page::MANUAL_DELAYED_CAPTURE];
    /// `kind` should be sent only by accounts that are enabled for it.
    SessionKindGated = "truemed.session.kind-gated" Warn Documented Request [page::MANUAL_DELAYED_CAPTURE];
    /// `kind` is `one_time_payment` or `authorization`.
    SessionKindValues = "truemed.session.kind-values" Deny Documented Request [page::MANUAL_DELAYED_CAPTURE];
    /// A changed cart needs a new idempotency key, and with it a new session.
    SessionIdempotencyNewCartNewKey = "truemed.session.idempotency-new-cart-new-key" Forbid Documented Money
        [page::CANCEL_PAYMENT_SESSION];
    /// A pending session that a newer one replaces should be cancelled.
    SessionCancelSuperseded = "truemed.session.cancel-superseded" Warn Documented Money
        ByHost("one snapshot is one session; the older offers `cancel_payment_session` while it is pending")
        [page::CANCEL_PAYMENT_SESSION];
    /// The page behind `failure_url` should suit a cancelled and a timed-out checkout alike.
    SessionFailureUrlGeneric = "truemed.session.failure-url-generic" Warn Documented Request
        ByHost("the page is the host's, and no signal shows what it says") [page::CANCEL_PAYMENT_SESSION];

    // Session outcome
    /// An order is fulfilled only once its session is captured.
    SessionFulfilOnlyCaptured = "truemed.session.fulfil-only-captured" Deny Documented Money
        ByConstruction("`fulfill` arises from one place: a `captured` status in a webhook or a look-up")
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK, page::SUBSEQUENT_BILLING_PERIODS];
    /// While a session is processing, the customer should be told that the order is placed.
    SessionProcessingIsSuccessToCustomer = "truemed.session.processing-is-success-to-customer" Warn Documented Request
        ByHost("owed as `notify:order_placed` for attended sessions")
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK, page::PAYMENTS_OVERVIEW];
    /// The order of a rejected session is cancelled, and the customer is told by email.
    SessionRejectedCancelNotify = "truemed.session.rejected-cancel-notify" Deny Documented Money
        ByHost("owed as `notify:rejected`; `rejected` never owes `fulfill`, and the order is the host's to cancel")
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK, page::PAYMENTS_OVERVIEW];
    /// The status of a session only moves forward.
    SessionTransitionTable = "truemed.session.transition-table" Deny Documented Money
        ByConstruction("statuses only move up a rank: a repeated or older one changes nothing")
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK, page::RETRIEVE_PAYMENT_SESSION];
    /// A hold should expire only after a capture was attempted.
    SessionExpiredOnlyAfterCapture = "truemed.session.expired-only-after-capture" Warn Documented Request
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK];
    /// `capture_amount` should be absent before a hold is captured, and then be what was asked for.
    SessionCaptureAmountPresence = "truemed.session.capture-amount-presence" Warn Documented Request
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK];
    /// A webhook should name a token only for a session that makes or charges one.
    SessionTokenFieldPresence = "truemed.session.token-field-presence" Warn Documented Request
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK];
    /// An unknown status is kept as it is and never taken for a capture.
    SessionUnknownStatus = "truemed.session.unknown-status" Deny Inferred Money
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK];

    // Cancel, capture, void, refund
    /// Only a pending session can be cancelled.
    CancelOnlyPending = "truemed.cancel.only-pending" Deny Documented Request
        [page::CANCEL_PAYMENT_SESSION, page::PAYMENT_SESSION_COMPLETE_WEBHOOK];
    /// Only an authorized session made with `kind=authorization` can be captured.
    CaptureOnlyAuthorization = "truemed.capture.only-authorization" Deny Documented Money
        [page::CAPTURE_PAYMENT_SESSION];
    /// A capture is more than zero and at most the authorized amount.
    CaptureAmount = "truemed.capture.amount" Deny Documented Request [page::CAPTURE_PAYMENT_SESSION];
    /// A capture should be at least the sum of the items.
    CaptureAmountVsItems = "truemed.capture.amount-vs-items" Warn Documented Request [page::CAPTURE_PAYMENT_SESSION];
    /// To take more than was authorized, the hold is voided and a new one made.
    CaptureMoreThanAuthorized = "truemed.capture.more-than-authorized" Deny Documented Request
        ByConstruction("no capture passes the bound of `truemed.capture.amount`, which is the authorized amount")
        [page::CAPTURE_PAYMENT_SESSION];
    /// Only an authorized session made with `kind=authorization` can be voided.
    VoidOnlyAuthorized = "truemed.void.only-authorized" Deny Documented Request [page::VOID_PAYMENT_SESSION];
    /// A request that met a server error is retried with the same idempotency key.
    RetrySameKey = "truemed.retry.same-key" Deny Documented Money
        ByConstruction("an obligation keeps its id and its key until its outcome is known")
        [page::CAPTURE_PAYMENT_SESSION, page::VOID_PAYMENT_SESSION];
    /// A refund needs captured funds.
    RefundAfterCapture = "truemed.refund.after-capture" Deny Documented Request [page::CREATE_REFUND];
    /// A refund is more than zero and at most what is captured and not yet refunded.
    RefundAmount = "truemed.refund.amount" Deny Documented Request [page::CREATE_REFUND];
    /// The reason of a refund is `customer_request`, `fraudulent` or `duplicate_payment`.
    RefundReason = "truemed.refund.reason" Deny Documented Request [page::CREATE_REFUND];
    /// Each refund has an idempotency key of its own, and its retries keep it.
    RefundKeyUnique = "truemed.refund.key-unique" Forbid Documented Money [page::CREATE_REFUND];
    /// A disputed payment cannot be refunded.
    RefundNoDispute = "truemed.refund.no-dispute" Deny Documented Request [page::CREATE_REFUND];

    // Updating a token
    /// Changed items go through `update_payment_token` before the next charge.
    UpdateRequiredOnItemChange = "truemed.update.required-on-item-change" Deny Documented Money
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// One update changes the card or the items, never both.
    UpdateCardXorItems = "truemed.update.card-xor-items" Deny Documented Request
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// An update changes the card or the items.
    UpdateNothingToDo = "truemed.update.nothing-to-do" Forbid Inferred Request [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// The customer is present when a token is updated.
    UpdateCustomerPresent = "truemed.update.customer-present" Deny Documented Request
        ByHost("only the host sees the customer; the page to send them to is `customer_at` of what is awaited")
        [page::UPDATE_PAYMENT_TOKEN];
    /// Only a token that is issued and not deleted can be updated.
    UpdateNeedsExistingToken = "truemed.update.needs-existing-token" Forbid Inferred Request
        [page::DELETE_PAYMENT_TOKEN];
    /// A card update should be answered with `UpdatePaymentMethod` and a `redirect_url`.
    UpdateCardAlwaysAction = "truemed.update.card-always-action" Warn Documented Request
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// Whether changed items need a survey is read from each reply, never guessed or remembered.
    UpdateItemsActionNotPredictable = "truemed.update.items-action-not-predictable" Deny Documented Money
        ByConstruction("an item change is settled by the `next_action` of its own reply, and none is kept for the next")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// Changed items are confirmed at once only if the reply asks for no action.
    UpdateConfirmOnlyIfNone = "truemed.update.confirm-only-if-none" Deny Documented Money
        ByConstruction("the edge from a reply to confirmed items is taken only without a `next_action`")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A reply to an update must say something of an action, or name its request, before it confirms the change.
    UpdateEmptyReplyConfirms = "truemed.update.empty-reply-confirms" Deny Inferred Money
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// A change whose reply asks for an action is pending, and the confirmed items stay as they were.
    UpdatePendingOtherwise = "truemed.update.pending-otherwise" Deny Documented Money
        ByConstruction("every `next_action`, known or not, takes the edge to a pending change")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A reply should carry a `redirect_url` exactly when it asks for an action.
    UpdateRedirectWithAction = "truemed.update.redirect-with-action" Warn Documented Request
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// A token is not charged while an action of the customer is open.
    UpdateNoChargeWhileAction = "truemed.update.no-charge-while-action" Deny Documented Money
        [page::UPDATE_PAYMENT_TOKEN, page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A pending change is confirmed by `payment_token_updated`, not by the customer's return.
    UpdateCompleteOnWebhook = "truemed.update.complete-on-webhook" Deny Documented Money
        ByConstruction("only the webhook that names its request takes that edge; `returned` is a hint")
        [page::UPDATE_PAYMENT_TOKEN, page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// The customer is told which action is open and how to complete it.
    UpdateInformCustomer = "truemed.update.inform-customer" Deny Documented Request
        ByHost("owed as `notify:action_required`, with the page as `customer_at`")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A subscription dashboard should have a button that updates the stored card.
    UpdateDashboardButton = "truemed.update.dashboard-button" Warn Documented Request
        ByHost("the dashboard is the host's; `offers` says when the button is open")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A new change waits until the request of the last one is answered.
    UpdateOneOpenChange = "truemed.update.one-open-change" Forbid Inferred Money [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A pending item change is dropped by asking for the confirmed items again.
    UpdateRevert = "truemed.update.revert" Warn Inferred Money
        ByConstruction("there is no other command that drops it, and the reply is read like that of any item change")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// An unknown `next_action` blocks charges like a known one.
    UpdateUnknownAction = "truemed.update.unknown-action" Deny Inferred Money
        ByConstruction("it becomes `Unknown(text)` and opens an action like any other")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];

    // Recurring charge failures and upkeep
    /// A refused charge with a `redirect_url` opens an action for the customer, and nothing is fulfilled.
    Charge422Action = "truemed.charge.422-action" Deny Documented Money
        ByConstruction("a `redirect_url` in any 4xx opens an action that keeps it, and no such reply owes `fulfill`")
        [page::CREATE_PAYMENT_SESSION, page::SUBSEQUENT_BILLING_PERIODS];
    /// A charge that fails for its card or for its qualification waits for the customer.
    ChargeFailureClass = "truemed.charge.failure-class" Warn Documented Request
        ByConstruction("both take the edge to an open action; Truemed's own code is kept in the failure")
        [page::SUBSEQUENT_BILLING_PERIODS];
    /// A failed charge is tried again only after `payment_token_updated`, as a new session.
    ChargeResumeOnWebhook = "truemed.charge.resume-on-webhook" Forbid Documented Money
        [page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// A charge should find a letter of medical necessity that has not expired.
    UpkeepLmnExpiry = "truemed.upkeep.lmn-expiry" Warn Documented Request
        [page::SUBSEQUENT_BILLING_PERIODS, page::RETRIEVE_PAYMENT_TOKEN];
    /// The customer should be asked for another card before the stored one expires.
    UpkeepCardExpiry = "truemed.upkeep.card-expiry" Warn Documented Request
        ByHost("`retrieve_payment_token` shows the expiry; keeping it and writing to the customer is the host's")
        [page::SUBSEQUENT_BILLING_PERIODS, page::RETRIEVE_PAYMENT_TOKEN];
    /// A regular job should find what expires within 30 days and write to its customers.
    Upkeep30DayScan = "truemed.upkeep.30-day-scan" Warn Documented Request
        ByHost("`list_payment_token` builds the request; the job and the mail are the host's")
        [page::PARTNER_ADMINISTRATIVE_OPERATIONS];
    /// A deleted token is never charged, updated or revived.
    TokenDeleteFinal = "truemed.token.delete-final" Forbid Documented Money
        [page::PARTNER_ADMINISTRATIVE_OPERATIONS, page::DELETE_PAYMENT_TOKEN];
    /// A pause or a grace period should never delete the token.
    TokenPauseIsPartnerSide = "truemed.token.pause-is-partner-side" Warn Documented Request
        ByHost("only the host tells a pause from an end; a deletion is owed only when it is wished")
        [page::PARTNER_ADMINISTRATIVE_OPERATIONS];
    /// The schedule of a subscription should be kept by the partner: Truemed has none.
    SubPartnerOwnsSchedule = "truemed.sub.partner-owns-schedule" Warn Documented Request
        ByHost("a charge is owed only when the host wishes it, under its own intent") [page::UPDATE_PAYMENT_TOKEN];

    // Webhook handling
    /// A webhook is evidence only once its secret or signature is verified.
    WebhookAuthenticateFirst = "truemed.webhook.authenticate-first" Deny Documented Money
        [page::WEBHOOKS_GUIDE, page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// A webhook that is safely stored is answered with 204.
    WebhookAck204 = "truemed.webhook.ack-204" Deny Documented Request
        ByHost("`acknowledgement` says 204; the host answers once the row or the inbox is saved")
        [page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// A webhook delivered twice counts once.
    WebhookIdempotent = "truemed.webhook.idempotent" Deny Documented Money
        ByConstruction("statuses only move up, and what is settled or closed has no edge for the same webhook")
        [page::WEBHOOKS_GUIDE];
    /// `payment_token_updated` and `payment_session_complete` may come in either order.
    WebhookUnordered = "truemed.webhook.unordered" Deny Inferred Request
        ByConstruction("each moves its own facet, and neither facet's edges ask for the other")
        [page::CREATE_NEW_SUBSCRIBER];
    /// `payment_token_updated` should name exactly one session, failed session or provision request.
    WebhookOriginIdExactlyOne = "truemed.webhook.origin-id-exactly-one" Warn Documented Request
        [page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// Unknown fields and unknown kinds of event are ignored.
    WebhookUnknownFields = "truemed.webhook.unknown-fields" Deny Inferred Money [page::WEBHOOKS_GUIDE];
}
