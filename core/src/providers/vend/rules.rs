//! The rules of Vend, in the order of the flow.

use crate::rule::rules;

rules! {
    /// The rules that Vend's documents state, and those that follow from them.
    pub enum Rule;

    // Where a request goes, and with what
    /// A request must carry the access token of the retailer to whose domain it is sent.
    AuthBearerRequired = "vend.auth.bearer-required" Deny Documented Request
        ByHost("the library never sees the access token; a request names the header, and your backend fills it in")
        [page::UPDATING, page::ACTIVATING];
    /// A request for a consent token must have the scope `billing:partner_subscription:write`, and a lookup the scope
    /// `billing:partner_subscription:read`.
    AuthScope = "vend.auth.scope" Deny Documented Request [page::CREATE_TOKEN, page::AUTHORIZATION];
    /// A request must go to the retailer's own domain. `domain_prefix` must be one domain label: letters, digits and
    /// hyphens.
    UrlRetailerBase = "vend.url.retailer-base" Forbid Documented Request [page::UPDATING, page::PARTNER_BILLING];
    /// An API version named by a date should be used with `retail.lightspeed.app`, not with `vendhq.com`.
    ApiVersionHostConfig = "vend.api-version.host-config" Warn Inferred Request [page::PARTNER_BILLING];

    // Creating a subscription
    /// A new subscription must have `product_handle` and `price_handle`.
    CreatePlanRequired = "vend.create.plan-required" Deny Documented Request [page::CREATE_TOKEN, page::ACTIVATING];
    /// The `return_url` of a new subscription must be an absolute URL, and should use `https`.
    CreateReturnUrlRequired = "vend.create.return-url-required" Deny Documented Request [page::CREATE_TOKEN];
    /// Each component of a new subscription must have `component_handle`, `component_price_handle` and `quantity`.
    CreateComponentFields = "vend.create.component-fields" Deny Documented Request [page::CREATE_TOKEN];
    /// A retailer with a live subscription should update it instead of creating a second one.
    CreateNotWhenActive = "vend.create.not-when-active" Warn Inferred Money [page::ACTIVATING];
    /// A second new subscription should not be requested while the retailer can still consent to the first. Both consents
    /// together make two subscriptions.
    CreateOneOpenToken = "vend.create.one-open-token" Warn Inferred Money [page::CREATE_TOKEN];

    // Changing a subscription
    /// The `return_url` of an update must be an absolute URL, and should use `https`.
    UpdateReturnUrlRequired = "vend.update.return-url-required" Deny Documented Request
        [page::UPDATING, page::UPDATE_TOKEN];
    /// Each component of an update must have `component_handle` and `quantity`.
    UpdateComponentFields = "vend.update.component-fields" Deny Documented Request [page::UPDATE_TOKEN];
    /// An update must change either the plan or the components, not both.
    UpdatePlanXorComponents = "vend.update.plan-xor-components" Deny Documented Request [page::UPDATING];
    /// An update with a `product_handle` must also have a `price_handle`.
    UpdatePriceHandleWithProduct = "vend.update.price-handle-with-product" Deny Documented Request
        [page::UPDATING, page::UPDATE_TOKEN];
    /// An update with a `price_handle` must also have a `product_handle`.
    UpdateProductHandleWithPrice = "vend.update.product-handle-with-price" Deny Inferred Request [page::UPDATING];
    /// The `components` of an update must contain at least one component.
    UpdateComponentsNonempty = "vend.update.components-nonempty" Deny Inferred Request [page::UPDATING];
    /// A `coupon_code` can only be sent with a new subscription, not with an update.
    UpdateNoCoupon = "vend.update.no-coupon" Deny Documented Request [page::UPDATE_TOKEN];
    /// A component's `quantity` must be at least 1 in a new subscription, and at least 0 in an update.
    ComponentQuantityRange = "vend.component.quantity-range" Deny Inferred Request
        [page::CREATE_TOKEN, page::UPDATE_TOKEN];
    /// A `quantity` of 0 should be deliberate: it probably removes the component, but Vend does not document this.
    UpdateQuantityZero = "vend.update.quantity-zero" Warn Inferred Money [page::UPDATE_TOKEN];
    /// The `quantity` in an update is the new total, so it should differ from the current total.
    UpdateQuantityIsTotal = "vend.update.quantity-is-total" Warn Documented Money [page::UPDATE_TOKEN];
    /// The `unit_price` of a component must be read in the main unit of its currency, and `price_in_cents` in cents.
    ComponentShownPrice = "vend.component.shown-price" Deny Inferred Request
        ByConstruction("the digits are moved without floating-point numbers; a price with parts of a cent is not \
            shown")
        [page::GET_SUBSCRIPTION];
    /// A `component_handle` can appear only once in a request.
    ComponentDuplicateHandle = "vend.component.duplicate-handle" Deny Inferred Request
        [page::CREATE_TOKEN, page::UPDATE_TOKEN];
    /// Only a subscription that is known to be live can be updated.
    UpdateRequiresExisting = "vend.update.requires-existing" Deny Documented Request [page::UPDATING];
    /// A canceled subscription cannot be updated. Only Vend's support can reactivate a subscription.
    UpdateNotAfterCancel = "vend.update.not-after-cancel" Deny Inferred Money
        [page::APP_SUBSCRIPTIONS, page::UPDATING];

    // The token and its consent
    /// A consent token must have exactly 32 characters.
    TokenFormat = "vend.token.format" Deny Documented Request
        ByConstruction("a token of another length cannot be read, so the outcome of such a reply is unknown")
        [page::CREATE_TOKEN];
    /// The `expires_in` of a consent token must be a number of seconds, given as a string or as a number.
    TokenExpiresInParse = "vend.token.expires-in-parse" Deny Documented Request
        ByConstruction("digits are read from a string or a number, and the outcome of any other reply is unknown")
        [page::UPDATING, page::CREATE_TOKEN];
    /// A consent token expires 24 hours after it was requested, or earlier if Vend's reply says so.
    TokenExpiresAfter24h = "vend.token.expires-after-24h" Deny Documented Money
        ByConstruction("the flow hands out the URL of the consent page only until then, and its wait names that time")
        [page::UPDATING, page::CREATE_TOKEN];
    /// A consent token can be used only once.
    TokenSingleUse = "vend.token.single-use" Deny Documented Money [page::UPDATING];
    /// Each new subscription and each update must have a consent token of its own.
    TokenOnePerUpdate = "vend.token.one-per-update" Deny Documented Money [page::UPDATING];
    /// A consent token can only complete the request that it was issued for: a new subscription or an update.
    TokenKindBinding = "vend.token.kind-binding" Deny Inferred Money
        ByConstruction("a token is kept together with its request, and confirms that request alone")
        [page::UPDATING, page::GET_TOKEN];
    /// A consent token, and every request about its subscription, must stay on the domain of one retailer.
    TokenRetailerBinding = "vend.token.retailer-binding" Forbid Inferred Money [page::GET_TOKEN];
    /// The retailer must open the consent page in a browser. The page cannot be called as an API.
    ConsentRedirectNotApi = "vend.consent.redirect-not-api" Deny Documented Money
        ByConstruction("the wait for the consent hands out the URL of the page, and no request goes to that URL")
        [page::UPDATING];
    /// A subscription can only change after the retailer has consented.
    ConsentBeforeChange = "vend.consent.before-change" Deny Documented Money
        ByConstruction("only a lookup that shows the token as used, or a person's verdict, confirms a change and \
            causes a `fulfill` effect") [page::UPDATING];
    /// The retailer's return to `return_url` cannot count as proof of consent.
    ReturnNotProof = "vend.return.not-proof" Deny Inferred Money
        ByConstruction("the return only makes the lookup of the token due") [page::GET_TOKEN, page::UPDATING];
    /// A return to `return_url` should change nothing if no consent token is pending.
    ReturnUnknownToken = "vend.return.unknown-token" Warn Inferred Money
        ByConstruction("without a pending token there is nothing to look up; your backend can give each request its \
            own `return_url`")
        [page::UPDATING];

    // Declining
    /// A retailer who declines must count as undecided until the token expires. Then a lookup must show the token unused.
    DeclineCountsAsOpen = "vend.decline.counts-as-open" Deny Inferred Money
        ByConstruction("no document says what a decline looks like; the retailer can use the page until the token \
            expires, so only a lookup after that time ends the wait") [page::ACTIVATING, page::GET_TOKEN];
    /// A consent that is declined or lapses must leave the subscription, its plan and its components as they are.
    DeclineChangesNothing = "vend.decline.changes-nothing" Deny Inferred Money
        ByConstruction("only a used token changes which consents are in force") [page::UPDATING];
    /// A change that was declined or has lapsed can be requested again, with a new consent token.
    DeclineAskAgain = "vend.decline.ask-again" Deny Inferred Request
        ByConstruction("no rule asks about earlier requests, and a token that was given up is never handed out again")
        [page::UPDATING];
    /// The retailer must be notified if the change that was offered last has lapsed.
    LapseNotify = "vend.lapse.notify" Deny Inferred Money
        ByConstruction("the end of the newest token without a use causes the notice; while another request is pending, \
            the notice waits, and a new token makes it needless") [page::UPDATING, page::GET_TOKEN];
    /// The retailer must be notified if Vend refuses a request for a consent token.
    RefusedNotify = "vend.refused.notify" Deny Inferred Request
        ByConstruction("a refusal of every sending causes `notify:request_refused`, until another token is requested")
        [page::UPDATING, page::ACTIVATING];

    // Confirming
    /// A subscription id must be the same whether Vend sends it as a number or as a string.
    ConfirmIdTypes = "vend.confirm.id-types" Deny Documented Money
        ByConstruction("the digits of the raw body are kept as a string, and never become a floating-point number")
        [page::GET_TOKEN, page::CANCELING];
    /// The lookup of a used consent token must show the token, retailer, application, plan, components and subscription
    /// that were requested.
    ConfirmMatch = "vend.confirm.match" Deny Inferred Money [page::GET_TOKEN];
    /// A person should decide what a state other than `active` or `canceled` means, because Vend documents no list of
    /// states.
    StateOpenSet = "vend.state.open-set" Warn Inferred Money [page::GET_SUBSCRIPTION];
    /// A list of subscriptions that is null must count as empty.
    ListNullData = "vend.list.null-data" Deny Documented Request
        ByConstruction("an empty list makes no subscription known")
        [page::PARTNER_BILLING];

    // Canceling
    /// Only the retailer can cancel a subscription, in the settings of the shop. Vend has no API call for a
    /// cancellation by a partner.
    CancelNoPartnerApi = "vend.cancel.no-partner-api" Forbid Documented Request
        [page::CANCELING, page::APP_SUBSCRIPTIONS];
    /// `partner.cancellation` must contain its `type` and the `subscription_id`, and cannot name another retailer or
    /// domain.
    CancelWebhookShape = "vend.cancel.webhook-shape" Deny Documented Money
        ByConstruction("a webhook without a subscription id cannot be read; other missing or extra fields are \
            tolerated, since only a lookup proves the end") [page::CANCELING];
    /// A cancellation that is delivered twice should count once.
    CancelIdempotent = "vend.cancel.idempotent" Warn Inferred Money
        ByConstruction("only one lookup of a subscription is pending at a time; a canceled subscription ignores a \
            known `cancelled_at`") [page::CANCELING];
    /// The cancellation of an unknown subscription should be kept, because it may arrive before the subscription is
    /// confirmed.
    CancelUnknownSubscription = "vend.cancel.unknown-subscription" Warn Inferred Money [page::CANCELING];
    /// A cancellation can only count if its retailer and domain are those of the subscription.
    CancelRetailerMatch = "vend.cancel.retailer-match" Deny Inferred Money [page::CANCELING];
    /// A cancellation should count only after a lookup of the subscription shows it.
    CancelVerifyByPoll = "vend.cancel.verify-by-poll" Warn Inferred Money
        ByConstruction("the webhook only makes the lookup due, and only the lookup, or a person's verdict, ends the \
            subscription") [page::WEBHOOKS, page::CANCELING];
    /// A new subscription should be looked up after 30 minutes: Vend may send no webhook for a cancellation before
    /// then.
    CancelPollFirst30Min = "vend.cancel.poll-first-30-min" Warn Documented Money
        ByConstruction("the confirmation of a new subscription schedules that lookup, and an earlier lookup does not \
            replace it") [page::CANCELING];

    // Sending and receiving
    /// A request that Vend refused with 429 cannot be sent again before the time in `Retry-After`.
    Rate429 = "vend.rate.429" Deny Documented Request
        ByConstruction("the library delays the request until then, and rejects an earlier lease") [page::RATE_LIMITING];
    /// A request for a consent token whose reply was lost should be sent again. The lost token should never be used.
    PostNoBlindRetry = "vend.post.no-blind-retry" Warn Inferred Request
        ByConstruction("the effect stays pending, and the flow keeps only the token from the reply that it has read")
        [page::CREATE_TOKEN];
    /// A webhook should be acknowledged within 5 seconds, and processed later.
    WebhookAck5s = "vend.webhook.ack-5s" Warn Documented Request
        ByHost("the library names status 200; your backend has to send it once the row or the inbox is saved")
        [page::WEBHOOKS];
}

/// The pages of Vend (Lightspeed Retail X-Series) that are the sources of the rules.
pub(super) mod page {
    use crate::rule::Source;

    pub(in crate::providers::vend) const UPDATING: Source = Source::new(
        "docs.vendhq.com/tutorials/guides/beta/third-party-billing/update",
        "Third Party Billing - updating an existing subscription",
        "2026-11-21",
    );
    pub(in crate::providers::vend) const ACTIVATING: Source = Source::new(
        "docs.vendhq.com/tutorials/guides/beta/third-party-billing",
        "Third Party Billing - activating a subscription",
        "2026-11-21",
    );
    pub(in crate::providers::vend) const CANCELING: Source = Source::new(
        "x-series-api.lightspeedhq.com/docs/third_party_billing_canceling_a_subscription",
        "Third Party Billing - canceling a subscription",
        "2026-11-21",
    );
    pub(in crate::providers::vend) const PARTNER_BILLING: Source =
        Source::new("x-series-api.lightspeedhq.com/reference/partner-billing", "Partner Billing", "2026-11-21");
    pub(in crate::providers::vend) const CREATE_TOKEN: Source =
        Source::new("x-series-api.lightspeedhq.com/reference/partnertoken", "PartnerToken", "2026-11-21");
    pub(in crate::providers::vend) const UPDATE_TOKEN: Source = Source::new(
        "x-series-api.lightspeedhq.com/reference/partnerupdatesubscriptiontoken",
        "PartnerUpdateSubscriptionToken",
        "2026-11-21",
    );
    pub(in crate::providers::vend) const GET_TOKEN: Source =
        Source::new("x-series-api.lightspeedhq.com/reference/partnertokenget", "PartnerTokenGet", "2026-11-21");
    pub(in crate::providers::vend) const GET_SUBSCRIPTION: Source =
        Source::new("x-series-api.lightspeedhq.com/reference/partnersubscription", "PartnerSubscription", "2026-11-21");
    pub(in crate::providers::vend) const WEBHOOKS: Source =
        Source::new("x-series-api.lightspeedhq.com/docs/webhooks", "Webhooks", "2026-11-21");
    pub(in crate::providers::vend) const RATE_LIMITING: Source =
        Source::new("x-series-api.lightspeedhq.com/docs/rate_limiting", "Rate limiting", "2026-11-21");
    pub(in crate::providers::vend) const AUTHORIZATION: Source =
        Source::new("x-series-api.lightspeedhq.com/docs/authorization", "Authorization", "2026-11-21");
    pub(in crate::providers::vend) const APP_SUBSCRIPTIONS: Source =
        Source::new("support.vendhq.com/hc/en-us/articles/360004134196", "App Subscriptions", "2026-11-21");
}
