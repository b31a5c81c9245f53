//! The rules of Vend, in the order of the flow that they guard.

use super::pages as page;
use crate::rule::rules;

rules! {
    /// The rules that Vend's documents state, and those that follow from them.
    pub enum Rule;

    // Where a request goes, and with what
    /// Every request carries the access token of the retailer on whose domain it is made.
    AuthBearerRequired = "vend.auth.bearer-required" Deny Documented Request
        ByHost("the token never enters the library; a request's `credential` names the header that the host fills")
        [page::UPDATING, page::ACTIVATING];
    /// A request needs the scope of its kind: one to write for tokens, one to read for look-ups.
    AuthScope = "vend.auth.scope" Deny Documented Request [page::CREATE_TOKEN, page::AUTHORIZATION];
    /// A request goes to the retailer's own domain, whose prefix is one label.
    UrlRetailerBase = "vend.url.retailer-base" Forbid Documented Request [page::UPDATING, page::PARTNER_BILLING];
    /// The older host should not be mixed with the API's versions that are named by a date.
    ApiVersionHostConfig = "vend.api-version.host-config" Warn Inferred Request [page::PARTNER_BILLING];

    // Asking for a subscription
    /// A new subscription names a product and its price.
    CreatePlanRequired = "vend.create.plan-required" Deny Documented Request [page::CREATE_TOKEN, page::ACTIVATING];
    /// A new subscription says by an absolute URL, encrypted outside of tests, where the retailer comes back to.
    CreateReturnUrlRequired = "vend.create.return-url-required" Deny Documented Request [page::CREATE_TOKEN];
    /// A component of a new subscription has a name, a price and a number.
    CreateComponentFields = "vend.create.component-fields" Deny Documented Request [page::CREATE_TOKEN];
    /// A retailer with a live subscription should change that one instead of asking for a second.
    CreateNotWhenActive = "vend.create.not-when-active" Warn Inferred Money [page::ACTIVATING];

    // Changing a subscription
    /// An update says by an absolute URL, encrypted outside of tests, where the retailer comes back to.
    UpdateReturnUrlRequired = "vend.update.return-url-required" Deny Documented Request
        [page::UPDATING, page::UPDATE_TOKEN];
    /// A component that is changed has a name and a number.
    UpdateComponentFields = "vend.update.component-fields" Deny Documented Request [page::UPDATE_TOKEN];
    /// One update changes the plan or the components, never both.
    UpdatePlanXorComponents = "vend.update.plan-xor-components" Deny Documented Request [page::UPDATING];
    /// A product to move to is named with its price.
    UpdatePriceHandleWithProduct = "vend.update.price-handle-with-product" Deny Documented Request
        [page::UPDATING, page::UPDATE_TOKEN];
    /// A price to move to is named with its product.
    UpdateProductHandleWithPrice = "vend.update.product-handle-with-price" Deny Inferred Request [page::UPDATING];
    /// A change of components names at least one.
    UpdateComponentsNonempty = "vend.update.components-nonempty" Deny Inferred Request [page::UPDATING];
    /// A coupon belongs to a new subscription, never to an update.
    UpdateNoCoupon = "vend.update.no-coupon" Deny Documented Request [page::UPDATE_TOKEN];
    /// The number of a component is at least one where it is added, and not negative where it is a new total.
    ComponentQuantityRange = "vend.component.quantity-range" Deny Inferred Request
        [page::CREATE_TOKEN, page::UPDATE_TOKEN];
    /// A new total of zero should be meant: it probably removes the component, and no document says so.
    UpdateQuantityZero = "vend.update.quantity-zero" Warn Inferred Money [page::UPDATE_TOKEN];
    /// The number in an update is the total that results, so it should differ from the total that is known.
    UpdateQuantityIsTotal = "vend.update.quantity-is-total" Warn Documented Money [page::UPDATE_TOKEN];
    /// A component stands once in a request.
    ComponentDuplicateHandle = "vend.component.duplicate-handle" Deny Inferred Request
        [page::CREATE_TOKEN, page::UPDATE_TOKEN];
    /// An update needs a live subscription that is known.
    UpdateRequiresExisting = "vend.update.requires-existing" Deny Documented Request [page::UPDATING];
    /// A cancelled subscription is not updated: the provider's support brings it back.
    UpdateNotAfterCancel = "vend.update.not-after-cancel" Deny Inferred Money
        [page::APP_SUBSCRIPTIONS, page::UPDATING];

    // The token and its consent
    /// A token has exactly 32 characters.
    TokenFormat = "vend.token.format" Deny Documented Request
        ByConstruction("a token is a type of that length, and an answer without one counts as lost")
        [page::CREATE_TOKEN];
    /// The life of a token is a number of seconds, given as text.
    TokenExpiresInParse = "vend.token.expires-in-parse" Deny Documented Request
        ByConstruction("digits are read as text or as a number, and an answer with anything else counts as lost")
        [page::UPDATING, page::CREATE_TOKEN];
    /// A token expires 24 hours after it was requested, or earlier if Vend's reply says so.
    TokenExpiresAfter24h = "vend.token.expires-after-24h" Deny Documented Money
        ByConstruction("`customer_at` is handed out only before that instant, and the wait says `by` when")
        [page::UPDATING, page::CREATE_TOKEN];
    /// A token that was used is never offered again.
    TokenSingleUse = "vend.token.single-use" Deny Documented Money [page::UPDATING];
    /// Every change holds a token of its own.
    TokenOnePerUpdate = "vend.token.one-per-update" Deny Documented Money [page::UPDATING];
    /// A token completes only what it was asked for: a new subscription, or an update.
    TokenKindBinding = "vend.token.kind-binding" Deny Inferred Money
        ByConstruction("a token is kept together with the request that asked for it, and confirms that one alone")
        [page::UPDATING, page::GET_TOKEN];
    /// A token is used on the domain of the retailer for whom it was issued, and on no other.
    TokenRetailerBinding = "vend.token.retailer-binding" Forbid Inferred Money [page::GET_TOKEN];
    /// The retailer's browser goes to the consent page by a redirect; it is no call to the API.
    ConsentRedirectNotApi = "vend.consent.redirect-not-api" Deny Documented Money
        ByConstruction("the page stands as `customer_at` of what is awaited, and no request leads there")
        [page::UPDATING];
    /// Nothing changes before the retailer has consented.
    ConsentBeforeChange = "vend.consent.before-change" Deny Documented Money
        ByConstruction("the edge to a live subscription, and `fulfill`, arise from a look-up that shows the token used")
        [page::UPDATING];
    /// The retailer's return is no proof of consent.
    ReturnNotProof = "vend.return.not-proof" Deny Inferred Money
        ByConstruction("`returned` has no edge: it only makes the look-up of the token owed")
        [page::GET_TOKEN, page::UPDATING];
    /// A return that no token waits for should move nothing.
    ReturnUnknownToken = "vend.return.unknown-token" Warn Inferred Money
        ByConstruction("`returned` has nothing to look up then; the host tells its rows apart by their `return_url`")
        [page::UPDATING];

    // Confirming
    /// The id of a subscription is one text, whether it came as a number or as text.
    ConfirmIdTypes = "vend.confirm.id-types" Deny Documented Money
        ByConstruction("digits are kept as text from the raw body on, and never go through binary floating point")
        [page::GET_TOKEN, page::CANCELING];
    /// What a used token shows is what was asked for: token, retailer, application, product, price, components and
    /// subscription.
    ConfirmMatch = "vend.confirm.match" Deny Inferred Money [page::GET_TOKEN];
    /// A person should say what a state other than `active` and `canceled` means, since Vend lists no states.
    StateOpenSet = "vend.state.open-set" Warn Inferred Money [page::GET_SUBSCRIPTION];
    /// A list that is null is empty.
    ListNullData = "vend.list.null-data" Deny Documented Request
        ByConstruction("the list is read as empty then, and an empty list has no edge from an absent subscription")
        [page::PARTNER_BILLING];

    // Cancelling
    /// A subscription is cancelled by the retailer, in the shop's own settings: partners have no call for it.
    CancelNoPartnerApi = "vend.cancel.no-partner-api" Forbid Documented Request
        [page::CANCELING, page::APP_SUBSCRIPTIONS];
    /// A cancellation must name its type and the subscription, and no retailer or domain other than ours.
    CancelWebhookShape = "vend.cancel.webhook-shape" Deny Documented Money
        ByConstruction("a webhook without a subscription cannot be read; what it lacks or has besides costs nothing, since only a look-up proves")
        [page::CANCELING];
    /// A cancellation that is told twice counts once.
    CancelIdempotent = "vend.cancel.idempotent" Warn Inferred Money
        ByConstruction("a waiting look-up is owed once, and of a cancelled subscription the same second is known")
        [page::CANCELING];
    /// A cancellation of a subscription that is not known should be kept: it may be ahead of our own confirmation.
    CancelUnknownSubscription = "vend.cancel.unknown-subscription" Warn Inferred Money [page::CANCELING];
    /// A cancellation names the retailer of the subscription.
    CancelRetailerMatch = "vend.cancel.retailer-match" Deny Inferred Money [page::CANCELING];
    /// A cancellation should be acted upon only once the subscription itself shows it.
    CancelVerifyByPoll = "vend.cancel.verify-by-poll" Warn Inferred Money
        ByConstruction("the webhook only makes the look-up owed, and that alone has an edge to cancelled")
        [page::WEBHOOKS, page::CANCELING];
    /// In a subscription's first half hour no cancellation may be signalled, so it should be looked up after that.
    CancelPollFirst30Min = "vend.cancel.poll-first-30-min" Warn Documented Money
        ByConstruction("the confirmation of a new subscription plans that look-up, and an earlier one does not end it")
        [page::CANCELING];

    // Sending and receiving
    /// After a 429 nothing is sent again before the instant that it names.
    Rate429 = "vend.rate.429" Deny Documented Request
        ByConstruction("the request rests until then, and `begin` is refused before") [page::RATE_LIMITING];
    /// A token whose answer was lost should be asked for again, and the lost one never be used.
    PostNoBlindRetry = "vend.post.no-blind-retry" Warn Inferred Request
        ByConstruction("the same obligation stays owed, and only the token of the answer that was read is kept")
        [page::CREATE_TOKEN];
    /// A webhook should be answered within five seconds, and worked on later.
    WebhookAck5s = "vend.webhook.ack-5s" Warn Documented Request
        ByHost("`acknowledgement` says 200; the host answers once the row or the inbox is saved") [page::WEBHOOKS];
}
