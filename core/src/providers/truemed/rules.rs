//! The rules of Truemed, in the order of the flows that they guard.

use super::pages as page;
use crate::rule::rules;

rules! {
    /// The rules that Truemed's documents state, and those that follow from them.
    pub enum Rule;

    // Provisioning
    /// A `provision_token_request_id` cannot be used as a `payment_token`.
    ProvisionRequestIsNotToken = "truemed.provision.request-is-not-token" Deny Documented Money
        [page::CREATE_PAYMENT_TOKEN, page::CREATE_EXISTING_SUBSCRIBER];
    /// A charge must wait until Truemed has issued the payment token, by `payment_token_updated` or in a lookup.
    ProvisionNoChargeBeforeWebhook = "truemed.provision.no-charge-before-webhook" Forbid Documented Money
        [page::CREATE_EXISTING_SUBSCRIBER, page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// A payment token that Truemed has not issued should be treated as pending. Silence is neither success nor
    /// failure.
    ProvisionTokenMayNeverCome = "truemed.provision.token-may-never-come" Warn Documented Money
        ByConstruction("time never changes the state, and a token is accepted however late Truemed issues it") [page::CREATE_EXISTING_SUBSCRIBER];
    /// The customer must be present when a payment method is stored for the first time.
    ProvisionCustomerPresent = "truemed.provision.customer-present" Deny Documented Request
        ByHost("only your backend sees the customer; while the flow waits, it names the page to send the customer to")
        [page::CREATE_EXISTING_SUBSCRIBER, page::CREATE_NEW_SUBSCRIBER];
    /// The `provision_token_request_id` must be stored for its customer before the customer is sent to `redirect_url`.
    ProvisionStoreRequestId = "truemed.provision.store-request-id" Deny Documented Request
        ByConstruction("the snapshot keeps the id and the URL together; a webhook with an unknown id is early, and \
            your backend can report it again") [page::CREATE_EXISTING_SUBSCRIBER];
    /// The customer must be sent to `redirect_url` exactly as Truemed returned it.
    ProvisionRedirectExact = "truemed.provision.redirect-exact" Deny Documented Request
        ByConstruction("the snapshot keeps the URL as Truemed returned it, and never changes it") [page::CREATE_EXISTING_SUBSCRIBER];
    /// The page at `success_url` should thank the customer, and should not grant access.
    ProvisionSuccessUrlMessage = "truemed.provision.success-url-message" Warn Documented Money
        ByHost("the page belongs to your backend; the customer's return only makes a lookup due")
        [page::CREATE_EXISTING_SUBSCRIBER];
    /// A return to `failure_url` should be read as a cancellation by the customer, not as a refusal by Truemed.
    ProvisionFailureUrlIsCancel = "truemed.provision.failure-url-is-cancel" Warn Documented Request
        ByConstruction("no fact reports a return to `failure_url`, so it can end nothing") [page::CREATE_EXISTING_SUBSCRIBER];
    /// If Truemed reports several tokens for one request, the latest one can be charged. Without times, none can be.
    ProvisionOneToken = "truemed.provision.one-token" Deny Inferred Money
        ByConstruction("only times decide, whatever the order; without them the review `two_tokens` asks a person, and no \
            charge, update or deletion is sent before its verdict") [page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// A provision request should be looked up only to recover a webhook that was missed.
    ProvisionNoPolling = "truemed.provision.no-polling" Warn Documented Request
        [page::CREATE_EXISTING_SUBSCRIBER, page::RETRIEVE_PROVISION_TOKEN_REQUEST];
    /// A provision request without a payment token must be treated as pending.
    ProvisionRetrieveNullMeansPending = "truemed.provision.retrieve-null-means-pending" Deny Documented Request
        ByConstruction("a lookup that shows no token changes nothing: the flow keeps waiting for the token") [page::RETRIEVE_PROVISION_TOKEN_REQUEST];
    /// A lookup that shows a payment token should not confirm a change, because the token may be the old one.
    ProvisionRetrieveNotProofForUpdate = "truemed.provision.retrieve-not-proof-for-update" Warn Inferred Money
        ByConstruction("only the webhook for the update, or a person, confirms a pending change; a lookup never does")
        [page::RETRIEVE_PROVISION_TOKEN_REQUEST];
    /// A `create_payment_token` request must contain at least one item in `order_items`.
    ProvisionItemsRequired = "truemed.provision.items-required" Deny Inferred Request
        [page::CREATE_PAYMENT_TOKEN, page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A `create_payment_token` request must have a `success_url` and a `failure_url`, both absolute `http` or `https`
    /// URLs.
    ProvisionUrlAbsolute = "truemed.provision.url-absolute" Deny Inferred Request
        [page::CREATE_EXISTING_SUBSCRIBER, page::CREATE_PAYMENT_TOKEN];
    /// `metadata` must be a single string.
    MetadataString = "truemed.metadata.string" Deny Documented Request
        [page::CREATE_EXISTING_SUBSCRIBER, page::RETRIEVE_PROVISION_TOKEN_REQUEST];
    /// Truemed should return `metadata` exactly as it was sent.
    MetadataEchoMatch = "truemed.metadata.echo-match" Warn Inferred Request
        [page::CREATE_EXISTING_SUBSCRIBER, page::PAYMENT_SESSION_COMPLETE_WEBHOOK];

    // Payment session creation
    /// `total_amount` must equal the price of all items plus all charges minus all discounts. Charges and discounts on
    /// a line count once, not per unit.
    SessionTotalEquality = "truemed.session.total-equality" Deny Documented Request
        [page::CREATE_PAYMENT_SESSION, page::ITEMIZED_FEES_AND_DISCOUNTS];
    /// Missing `amount_details` should be read as no charges and no discounts.
    SessionAmountDetailsOptional = "truemed.session.amount-details-optional" Warn Documented Request
        ByConstruction("a missing amount counts as 0 in every sum") [page::ITEMIZED_FEES_AND_DISCOUNTS];
    /// Itemized charges and discounts should add up to `total_additional_charges` and `total_discounts`.
    SessionAmountDetailsConsistent = "truemed.session.amount-details-consistent" Warn Inferred Request
        [page::ITEMIZED_FEES_AND_DISCOUNTS];
    /// Totals, prices and charges must be 0 cents or more, and quantities 1 or more. Discounts must have the configured
    /// sign.
    SessionAmountNonnegative = "truemed.session.amount-nonnegative" Deny Inferred Request
        [page::CAPTURE_PAYMENT_SESSION, page::CREATE_REFUND];
    /// Only a free trial can have a `total_amount` of 0. A free trial must have `tokenize=true` and
    /// `display_next_bill_info`.
    SessionZeroOnlyFreeTrial = "truemed.session.zero-only-free-trial" Deny Documented Request
        [page::CREATE_NEW_SUBSCRIBER];
    /// `display_next_bill_info` must contain `total_amount` and `date`, and must come with `tokenize=true`.
    SessionNextBillInfoShape = "truemed.session.next-bill-info-shape" Deny Documented Request
        [page::CREATE_NEW_SUBSCRIBER];
    /// A payment session must have a `success_url` that is an absolute `http` or `https` URL.
    SessionSuccessUrlRequired = "truemed.session.success-url-required" Deny Documented Request
        [page::CREATE_PAYMENT_SESSION];
    /// The `failure_url` of a payment session, if given, must be an absolute `http` or `https` URL.
    SessionFailureUrlAbsolute = "truemed.session.failure-url-absolute" Deny Inferred Request
        [page::CREATE_PAYMENT_SESSION, page::CANCEL_PAYMENT_SESSION];
    /// Truemed should return a `redirect_url` for a session that the customer pays in a checkout.
    SessionRedirectUrlPresent = "truemed.session.redirect-url-present" Warn Documented Request
        [page::CREATE_PAYMENT_SESSION];
    /// A template in `success_url` must be exactly `{{payment_session_id}}`. A `failure_url` should contain no
    /// template.
    SessionUrlTemplateExact = "truemed.session.url-template-exact" Deny Documented Request
        [page::CREATE_PAYMENT_SESSION];
    /// The URLs of a `create_payment_token` request should contain no template such as `{{payment_session_id}}`.
    SessionTokenUrlTemplate = "truemed.session.token-url-template" Warn Inferred Request [page::CREATE_PAYMENT_TOKEN];
    /// A charge must use the payment token that Truemed issued. A session with `payment_token` or `tokenize=true`
    /// belongs to the flow of the token.
    SessionUnattendedNeedsActiveToken = "truemed.session.unattended-needs-active-token" Forbid Documented Money
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// A charge can only be for the items that were last confirmed. Other items must first go through
    /// `update_payment_token`.
    SessionUnattendedItemsConfirmed = "truemed.session.unattended-items-confirmed" Deny Documented Money
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A session should not have both `tokenize=true`, which makes a payment token, and `payment_token`, which charges
    /// one.
    SessionTokenizeXorToken = "truemed.session.tokenize-xor-token" Warn Inferred Request
        [page::CREATE_NEW_SUBSCRIBER, page::SUBSEQUENT_BILLING_PERIODS];
    /// A session with `kind=authorization` must be made with the customer present, and cannot use a `payment_token`.
    SessionAuthorizationNeedsCustomer = "truemed.session.authorization-needs-customer" Deny Documented Request
        [page::MANUAL_DELAYED_CAPTURE];
    /// A session with `kind=authorization` cannot have `tokenize=true`. The flow of a payment token can neither capture
    /// nor void an authorization.
    SessionAuthorizationMakesNoToken = "truemed.session.authorization-makes-no-token" Forbid Inferred Money
        [page::MANUAL_DELAYED_CAPTURE];
    /// `kind` should be sent only if Truemed has enabled it for the account.
    SessionKindGated = "truemed.session.kind-gated" Warn Documented Request [page::MANUAL_DELAYED_CAPTURE];
    /// `kind` must be `one_time_payment` or `authorization`.
    SessionKindValues = "truemed.session.kind-values" Deny Documented Request [page::MANUAL_DELAYED_CAPTURE];
    /// A changed cart must have a new session and a new idempotency key. Use a new intent or a new flow.
    SessionIdempotencyNewCartNewKey = "truemed.session.idempotency-new-cart-new-key" Forbid Documented Money
        [page::CANCEL_PAYMENT_SESSION];
    /// A pending session that a newer session replaces should be canceled.
    SessionCancelSuperseded = "truemed.session.cancel-superseded" Warn Documented Money
        ByHost("one flow holds one session, so only your backend knows of the newer one; the older flow allows the \
            cancellation while its session is pending") [page::CANCEL_PAYMENT_SESSION];
    /// The page at `failure_url` should suit a canceled checkout and a timed-out checkout alike.
    SessionFailureUrlGeneric = "truemed.session.failure-url-generic" Warn Documented Request
        ByHost("the page belongs to your backend, and no webhook shows what it says") [page::CANCEL_PAYMENT_SESSION];

    // Session outcome
    /// An order can only be fulfilled after its session is `captured`.
    SessionFulfilOnlyCaptured = "truemed.session.fulfil-only-captured" Deny Documented Money
        ByConstruction("only a `captured` status in a webhook or a lookup, or a person's verdict, causes a `fulfill` \
            effect") [page::PAYMENT_SESSION_COMPLETE_WEBHOOK, page::SUBSEQUENT_BILLING_PERIODS];
    /// A customer whose session is `processing` should be notified that the order is placed.
    SessionProcessingIsSuccessToCustomer = "truemed.session.processing-is-success-to-customer" Warn Documented Request
        ByHost("the effect `notify:order_placed` asks for it, for sessions with the customer present")
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK, page::PAYMENTS_OVERVIEW];
    /// The order of a `rejected` session must be canceled, and the customer must be notified by email.
    SessionRejectedCancelNotify = "truemed.session.rejected-cancel-notify" Deny Documented Money
        ByHost("the effect `notify:rejected` asks for the email; a rejected session fulfills nothing, and only your \
            backend can cancel the order") [page::PAYMENT_SESSION_COMPLETE_WEBHOOK, page::PAYMENTS_OVERVIEW];
    /// The status of a session can only move forward.
    SessionTransitionTable = "truemed.session.transition-table" Deny Documented Money
        ByConstruction("statuses are ranked: a repeated or older status changes nothing")
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK, page::RETRIEVE_PAYMENT_SESSION];
    /// An authorization should expire only after a capture was attempted.
    SessionExpiredOnlyAfterCapture = "truemed.session.expired-only-after-capture" Warn Documented Request
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK];
    /// `capture_amount` should be absent before an authorization is captured, and then equal the requested amount.
    SessionCaptureAmountPresence = "truemed.session.capture-amount-presence" Warn Documented Request
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK];
    /// `payment_session_complete` should contain `payment_token` only if the session makes or charges a token.
    SessionTokenFieldPresence = "truemed.session.token-field-presence" Warn Documented Request
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK];
    /// A session status that Truemed does not document cannot count as `captured`.
    SessionUnknownStatus = "truemed.session.unknown-status" Deny Inferred Money
        [page::PAYMENT_SESSION_COMPLETE_WEBHOOK];

    // Cancel, capture, void, refund
    /// Only a `pending` session can be canceled.
    CancelOnlyPending = "truemed.cancel.only-pending" Deny Documented Request
        [page::CANCEL_PAYMENT_SESSION, page::PAYMENT_SESSION_COMPLETE_WEBHOOK];
    /// Only an `authorized` session with `kind=authorization` can be captured.
    CaptureOnlyAuthorization = "truemed.capture.only-authorization" Deny Documented Money
        [page::CAPTURE_PAYMENT_SESSION];
    /// A capture must be more than 0 cents and at most the authorized amount.
    CaptureAmount = "truemed.capture.amount" Deny Documented Request [page::CAPTURE_PAYMENT_SESSION];
    /// A capture should be at least the total price of the items.
    CaptureAmountVsItems = "truemed.capture.amount-vs-items" Warn Documented Request [page::CAPTURE_PAYMENT_SESSION];
    /// An amount above the authorized one can only be taken with a new authorization, after the old one is voided.
    CaptureMoreThanAuthorized = "truemed.capture.more-than-authorized" Deny Documented Request
        ByConstruction("the rule `truemed.capture.amount` limits every capture to the authorized amount") [page::CAPTURE_PAYMENT_SESSION];
    /// Only an `authorized` session with `kind=authorization` can be voided.
    VoidOnlyAuthorized = "truemed.void.only-authorized" Deny Documented Request [page::VOID_PAYMENT_SESSION];
    /// A request that failed with a server error must be retried with the same idempotency key.
    RetrySameKey = "truemed.retry.same-key" Deny Documented Money
        ByConstruction("an effect keeps its id and its idempotency key until its outcome is known")
        [page::CAPTURE_PAYMENT_SESSION, page::VOID_PAYMENT_SESSION];
    /// A request of unknown outcome must not be sent again when Truemed may have forgotten its idempotency key. No page says how long
    /// a key is known, so the library relies on it for 24 hours.
    RetryKeyLifetime = "truemed.retry.key-lifetime" Deny Inferred Money
        ByConstruction("only a lookup or a person settles such a request: each operation declares the lifetime of its key") [page::CREATE_PAYMENT_SESSION,
        page::CAPTURE_PAYMENT_SESSION, page::VOID_PAYMENT_SESSION, page::CREATE_REFUND];
    /// Only a `captured` session can be refunded.
    RefundAfterCapture = "truemed.refund.after-capture" Deny Documented Request [page::CREATE_REFUND];
    /// A refund must be more than 0 cents and at most the captured amount that is not yet refunded.
    RefundAmount = "truemed.refund.amount" Deny Documented Request [page::CREATE_REFUND];
    /// The `reason` of a refund must be `customer_request`, `fraudulent` or `duplicate_payment`.
    RefundReason = "truemed.refund.reason" Deny Documented Request [page::CREATE_REFUND];
    /// A session whose creation had no reply can have a new key only after Truemed refused the first key. Two lists at least
    /// 10 minutes apart must also not show the session.
    RetryNewKeyAfterDenial = "truemed.retry.new-key-after-denial" Deny Inferred Money
        ByConstruction("lists alone deny nothing: the request is sent again under its key, and after 24 hours a person \
            decides; a session that Truemed makes later still is the review `made_after_all`")
        [page::RETRIEVE_PAYMENT_SESSION, page::CAPTURE_PAYMENT_SESSION];
    /// A refund or capture must keep one idempotency key of its own for all retries. Use a new intent for different
    /// content.
    RefundKeyUnique = "truemed.refund.key-unique" Forbid Documented Money [page::CREATE_REFUND];
    /// After a backup was restored, the first charge must wait for a search of the list of sessions. It may already have been
    /// made.
    SessionChargeAfterRestore = "truemed.session.charge-after-restore" Deny Inferred Money [page::LIST_PAYMENT_SESSIONS, page::CREATE_PAYMENT_SESSION];
    /// After a backup was restored, a refund must wait for a lookup of its session. It may already have been made.
    RefundAfterRestore = "truemed.refund.after-restore" Deny Inferred Money [page::RETRIEVE_PAYMENT_SESSION, page::CREATE_REFUND];
    /// A disputed payment cannot be refunded.
    RefundNoDispute = "truemed.refund.no-dispute" Deny Documented Request [page::CREATE_REFUND];

    // Updating a token
    /// Changed items must go through `update_payment_token` before the next charge.
    UpdateRequiredOnItemChange = "truemed.update.required-on-item-change" Deny Documented Money
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// An `update_payment_token` request must change either the card or the items, not both.
    UpdateCardXorItems = "truemed.update.card-xor-items" Deny Documented Request
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// An `update_payment_token` request must have `update_card_info=true` or at least one item in `order_items`.
    UpdateNothingToDo = "truemed.update.nothing-to-do" Forbid Inferred Request [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// The customer must be present when a payment token is updated.
    UpdateCustomerPresent = "truemed.update.customer-present" Deny Documented Request
        ByHost("only your backend sees the customer; while the flow waits, it names the page to send the customer to")
        [page::UPDATE_PAYMENT_TOKEN];
    /// Only a payment token that Truemed has issued and that is not deleted can be updated.
    UpdateNeedsExistingToken = "truemed.update.needs-existing-token" Forbid Inferred Request
        [page::DELETE_PAYMENT_TOKEN];
    /// Truemed should reply to a card update with `next_action=UpdatePaymentMethod` and a `redirect_url`.
    UpdateCardAlwaysAction = "truemed.update.card-always-action" Warn Documented Request
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// The need for a health survey must be read from the reply to each item change.
    UpdateItemsActionNotPredictable = "truemed.update.items-action-not-predictable" Deny Documented Money
        ByConstruction("each item change is settled by the `next_action` of its own reply, and none is kept for the \
            next change") [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// Changed items can only be confirmed at once if Truemed's reply asks for no action.
    UpdateConfirmOnlyIfNone = "truemed.update.confirm-only-if-none" Deny Documented Money
        ByConstruction("a reply confirms the items only if it has no `next_action`") [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// The reply to an update must contain `next_action` or `provision_token_request_id` to confirm the change.
    UpdateEmptyReplyConfirms = "truemed.update.empty-reply-confirms" Deny Inferred Money
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// A change whose reply asks for an action must stay pending, and the confirmed items must stay unchanged.
    UpdatePendingOtherwise = "truemed.update.pending-otherwise" Deny Documented Money
        ByConstruction("every `next_action`, known or unknown, keeps the change pending") [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// The reply to an update should contain `redirect_url` if it asks for an action, and only then.
    UpdateRedirectWithAction = "truemed.update.redirect-with-action" Warn Documented Request
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION, page::UPDATE_PAYMENT_TOKEN];
    /// A payment token cannot be charged while an update waits for its reply or for the customer.
    UpdateNoChargeWhileAction = "truemed.update.no-charge-while-action" Deny Documented Money
        [page::UPDATE_PAYMENT_TOKEN, page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A pending change must be confirmed by `payment_token_updated`, not by the customer's return.
    UpdateCompleteOnWebhook = "truemed.update.complete-on-webhook" Deny Documented Money
        ByConstruction("only the webhook for the update, or a person, confirms a pending change; the customer's return \
            proves nothing") [page::UPDATE_PAYMENT_TOKEN, page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// The customer must be notified which action is open and how to complete it.
    UpdateInformCustomer = "truemed.update.inform-customer" Deny Documented Request
        ByHost("the effect `notify:action_required` asks for it, and has the URL of the page")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A subscription dashboard should have a button that updates the stored card.
    UpdateDashboardButton = "truemed.update.dashboard-button" Warn Documented Request
        ByHost("the dashboard belongs to your backend; the flow says when the action is allowed")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A new update must wait for the reply to the previous update, or for the end of its lease.
    UpdateOneOpenChange = "truemed.update.one-open-change" Forbid Inferred Money [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A pending item change should be dropped by requesting the confirmed items again.
    UpdateRevert = "truemed.update.revert" Warn Inferred Money
        ByConstruction("no other command drops the change, and the reply is read like the reply to any item change")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];
    /// A card update that the customer has not finished cannot be dropped. The customer must finish it, on its page or on
    /// that of a newer card update.
    UpdateCardStays = "truemed.update.card-stays" Deny Inferred Money
        ByConstruction("no document shows how to drop a card update, so only its webhook, a newer card update without an \
            action or the review `update_unconfirmed` ends it") [page::UPDATE_PAYMENT_TOKEN];
    /// An unknown `next_action` must block charges like a known one.
    UpdateUnknownAction = "truemed.update.unknown-action" Deny Inferred Money
        ByConstruction("an unknown action is kept as Truemed sent it, and waits for the customer like any other")
        [page::UPDATE_AN_ACTIVE_SUBSCRIPTION];

    // Recurring charge failures and upkeep
    /// A charge that Truemed refuses with a `redirect_url` must wait for the customer, and its order cannot be
    /// fulfilled.
    Charge422Action = "truemed.charge.422-action" Deny Documented Money
        ByConstruction("a `redirect_url` in any 4xx reply opens an action with that page, and such a reply never \
            causes a `fulfill` effect") [page::CREATE_PAYMENT_SESSION, page::SUBSEQUENT_BILLING_PERIODS];
    /// A charge that fails because of the card or the qualification should wait for the customer.
    ChargeFailureClass = "truemed.charge.failure-class" Warn Documented Request
        ByConstruction("both open an action of the customer; the failure keeps Truemed's own code") [page::SUBSEQUENT_BILLING_PERIODS];
    /// A failed charge can only be repeated in a new session, after `payment_token_updated`.
    ChargeResumeOnWebhook = "truemed.charge.resume-on-webhook" Forbid Documented Money
        [page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// The letter of medical necessity should still be valid when a payment token is charged.
    UpkeepLmnExpiry = "truemed.upkeep.lmn-expiry" Warn Documented Request
        [page::SUBSEQUENT_BILLING_PERIODS, page::RETRIEVE_PAYMENT_TOKEN];
    /// The stored card should still be valid when a payment token is charged.
    UpkeepCardExpiry = "truemed.upkeep.card-expiry" Warn Documented Request
        [page::SUBSEQUENT_BILLING_PERIODS, page::RETRIEVE_PAYMENT_TOKEN];
    /// A scheduled job should find cards and letters that expire within 30 days, and write to their customers.
    Upkeep30DayScan = "truemed.upkeep.30-day-scan" Warn Documented Request
        ByHost("the notices `letter_expires` and `card_expires` are due 30 days before each date that the flow knows; \
            the job over `list_payment_token` and the emails belong to your backend")
        [page::PARTNER_ADMINISTRATIVE_OPERATIONS];
    /// A deleted payment token cannot be charged, updated or restored.
    TokenDeleteFinal = "truemed.token.delete-final" Forbid Documented Money
        [page::PARTNER_ADMINISTRATIVE_OPERATIONS, page::DELETE_PAYMENT_TOKEN];
    /// A deletion that is requested before Truemed has issued the token must follow once the token is issued.
    TokenDeleteOnceIssued = "truemed.token.delete-once-issued" Deny Inferred Money
        ByConstruction("the wish is kept with the token, and whatever shows the token makes its deletion pending; only \
            another request for a token takes the wish back") [page::DELETE_PAYMENT_TOKEN, page::CREATE_PAYMENT_TOKEN];
    /// A pause or a grace period should not delete the payment token.
    TokenPauseIsPartnerSide = "truemed.token.pause-is-partner-side" Warn Documented Request
        ByHost("only your backend can tell a pause from an end; a token is deleted only on command")
        [page::PARTNER_ADMINISTRATIVE_OPERATIONS];
    /// Your backend should keep the billing schedule of a subscription, because Truemed has none.
    SubPartnerOwnsSchedule = "truemed.sub.partner-owns-schedule" Warn Documented Request
        ByHost("a charge is made only on command, under an intent of its own") [page::UPDATE_PAYMENT_TOKEN];

    // Qualification sessions
    /// `create_qualification_session` should be tried at Truemed's development server first. No current page shows its
    /// address, its fields or its reply.
    QualificationCreateUndocumented = "truemed.qualification.create-undocumented" Warn Inferred Request
        ByHost("the library builds the request like its siblings `create_payment_token` and \
            `update_qualification_session`; other fields go into `extra`") [page::UPDATE_QUALIFICATION];
    /// A new qualification session must have at least one item.
    QualificationItemsRequired = "truemed.qualification.items-required" Deny Inferred Request
        [page::RETRIEVE_QUALIFICATION];
    /// `success_url` and `failure_url` of a qualification session must be absolute URLs.
    QualificationUrlAbsolute = "truemed.qualification.url-absolute" Deny Inferred Request
        [page::UPDATE_QUALIFICATION];
    /// The reply to `create_qualification_session` should contain the page with the survey.
    QualificationPagePresent = "truemed.qualification.page-present" Warn Inferred Request
        [page::UPDATE_QUALIFICATION];
    /// Only the status `approved` says that the customer has a letter of medical necessity.
    QualificationApprovedOnly = "truemed.qualification.approved-only" Deny Documented Money
        ByConstruction("only a verified webhook or a lookup with this status leads to `approved`")
        [page::RETRIEVE_QUALIFICATION, page::QUALIFICATION_WEBHOOK];
    /// A status that the documents do not list should be looked up, and it grants nothing.
    QualificationUnknownStatus = "truemed.qualification.unknown-status" Warn Inferred Request
        [page::RETRIEVE_QUALIFICATION];
    /// An update of a qualification session must have something to set.
    QualificationNothingToDo = "truemed.qualification.nothing-to-do" Deny Inferred Request
        [page::UPDATE_QUALIFICATION];
    /// The `user_id` of a qualification session can only be set once.
    QualificationUserIdOnce = "truemed.qualification.user-id-once" Deny Documented Request
        [page::UPDATE_QUALIFICATION, page::QUALIFICATION_GUIDE];
    /// `success_url` and `failure_url` should be changed before the outcome, because they have no effect afterwards.
    QualificationUrlsBeforeOutcome = "truemed.qualification.urls-before-outcome" Warn Documented Request
        [page::UPDATE_QUALIFICATION];
    /// An update of a qualification session must be sent again with its own key and unchanged.
    QualificationSameKey = "truemed.qualification.same-key" Deny Documented Request
        ByConstruction("each update has the key of its own effect, and a pending request never changes")
        [page::UPDATE_QUALIFICATION, page::QUALIFICATION_GUIDE];

    // The product catalog
    /// A catalog item must have a SKU and a name.
    CatalogSkuAndNameRequired = "truemed.catalog.sku-and-name-required" Deny Documented Request
        ByConstruction("the library builds no request for an item without a SKU or a name") [page::UPDATE_CATALOG_ITEM, page::MANAGING_CATALOG];
    /// A catalog item should have a description, pictures and the URL of its page, so that Truemed can classify it.
    CatalogDetails = "truemed.catalog.details" Warn Documented Request
        ByConstruction("the library builds the request with a warning for each missing field") [page::UPDATE_CATALOG_ITEM, page::MANAGING_CATALOG];
    /// A SKU must be created once. Truemed refuses a second item with the same SKU.
    CatalogSkuUnique = "truemed.catalog.sku-unique" Deny Documented Request
        ByHost("Truemed refuses the second item with status 409; your backend updates the first one instead")
        [page::MANAGING_CATALOG];
    /// The eligibility of an item must be read from Truemed's webhook or from the item. An item without one is not
    /// eligible yet.
    CatalogEligibilityFromTruemed = "truemed.catalog.eligibility-from-truemed" Deny Documented Request
        ByHost("`read_catalog_item` reads both; your backend stores what it shows")
        [page::MANAGING_CATALOG, page::CATALOG_ITEM_WEBHOOK];
    /// A cart must have an item, and each item a SKU, before Truemed is asked about the cart.
    CatalogCartSkus = "truemed.catalog.cart-skus" Deny Inferred Request
        ByConstruction("the library builds no request for a cart without an item, or for an item without a SKU") [page::CATALOG_OVERVIEW];
    /// Truemed's statement about a cart should only choose the texts of the checkout page. It is no proof for a charge.
    CatalogCartIsMessaging = "truemed.catalog.cart-is-messaging" Warn Documented Request
        ByConstruction("`check_truemed_checkout_method` only builds the request, and no flow reads its reply") [page::CATALOG_OVERVIEW];

    // Webhook handling
    /// A webhook must be authenticated by its signature or secret before it counts as evidence.
    WebhookAuthenticateFirst = "truemed.webhook.authenticate-first" Deny Documented Money
        [page::WEBHOOKS_GUIDE, page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// A webhook that is stored must be acknowledged with status 204.
    WebhookAck204 = "truemed.webhook.ack-204" Deny Documented Request
        ByHost("the library names the status; your backend has to send it once the row or the inbox is saved")
        [page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// A webhook that is delivered twice must count once.
    WebhookIdempotent = "truemed.webhook.idempotent" Deny Documented Money
        ByConstruction("statuses only move forward, and a settled change ignores the same webhook") [page::WEBHOOKS_GUIDE];
    /// `payment_token_updated` and `payment_session_complete` must be accepted in either order.
    WebhookUnordered = "truemed.webhook.unordered" Deny Inferred Request
        ByConstruction("each webhook changes its own part of the state, and neither part waits for the other") [page::CREATE_NEW_SUBSCRIBER];
    /// `payment_token_updated` should contain exactly one of `payment_session_id`, `failed_payment_session_id` and
    /// `provision_token_request_id`.
    WebhookOriginIdExactlyOne = "truemed.webhook.origin-id-exactly-one" Warn Documented Request
        [page::PAYMENT_TOKEN_UPDATED_WEBHOOK];
    /// Unknown fields and unknown event types in a webhook must be ignored.
    WebhookUnknownFields = "truemed.webhook.unknown-fields" Deny Inferred Money [page::WEBHOOKS_GUIDE];
}
