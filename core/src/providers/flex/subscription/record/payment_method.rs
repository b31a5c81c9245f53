//! Another payment method: the session with `mode=setup` in which the customer gives it, and its setup intent.
//!
//! No document says that Flex pays the open invoice at once. So the end of a setup makes lookups due, and proves nothing.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::SubscriptionRecord;
use crate::effect::{Wait, idempotency_key};
use crate::fact::IgnoredReason;
use crate::flow::{Flow, PollTimer, Stop, ToDo};
use crate::id::{Digest, TypedId};
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{SessionObject, SetupIntentObject, SetupIntentStatus, Status};
use crate::providers::flex::api::session_request::{CreateCheckoutSession, Mode};
use crate::providers::flex::ids::{CheckoutSessionId, PaymentMethodId, SetupIntentId};
use crate::providers::flex::names::{Notice, SignalName};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::{Cx, Rules, Subscription};
use crate::time::Timestamp;

/// What the customer does on the page, in Flex's own word for the mode of its session.
const SETUP: &str = "setup";

/// The most pages that are kept. A page that was replaced can still be used.
const KNOWN: usize = 4;

/// What has become of a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexPaymentMethodPageState"))]
#[serde(rename_all = "snake_case")]
enum PageState {
    /// The customer can use it.
    Open,
    /// It has expired, or its setup intent was canceled.
    Ended,
    /// The customer has given a payment method.
    Succeeded,
}

/// A page on which the customer gives another payment method.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexPaymentMethodPage"))]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The session.
    session: CheckoutSessionId,
    /// The fingerprint of the request that has created it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Digest>,
    /// The setup intent, once Flex has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setup_intent: Option<SetupIntentId>,
    /// The URL of the page, exactly as Flex sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// When the session expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// The payment method that the customer has given there, once Flex has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_method: Option<PaymentMethodId>,
    /// What has become of the page.
    state: PageState,
    /// The lookup schedule until the page ends.
    watch: PollTimer,
}

impl Page {
    /// The URL at which the customer can go now.
    fn customer_url(&self, now: Timestamp) -> Option<&str> {
        let in_time = self.expires_at.is_none_or(|end| !end.is_over(now));
        self.url.as_deref().filter(|_| self.state == PageState::Open && in_time)
    }

    /// Whether the same request has created this page, and the customer can still use it.
    fn answers(&self, content: Digest, now: Timestamp) -> bool {
        self.content == Some(content) && self.customer_url(now).is_some()
    }

    /// The lookup that shows the end of the page.
    fn lookup_call(&self) -> Call {
        match &self.setup_intent {
            Some(id) => Call::RetrieveSetupIntent(id.clone()),
            None => Call::RetrieveCheckoutSession(self.session.clone()),
        }
    }

    fn plan(&self, cx: &mut Cx<'_>) {
        let next = self.watch.next(&cx.config().lookups).filter(|_| self.state == PageState::Open);
        next.into_iter().for_each(|at| cx.look_up_from(self.lookup_call(), at));
    }
}

/// Whether the call creates such a page.
pub(in super::super) const fn is_setup(call: &Call) -> bool {
    matches!(call, Call::SetUpPaymentMethod(_))
}

/// The fingerprint of a request for such a page.
fn setup_content(call: &Call) -> Option<Digest> {
    if let Call::SetUpPaymentMethod(requested) = call { Some(requested.content()) } else { None }
}

impl SubscriptionRecord {
    /// Requests a page. A request that was not sent is replaced. The same request changes nothing before it is sent, and
    /// while the customer can use its page.
    pub(in super::super) fn set_up(
        &mut self,
        requested: CreateCheckoutSession,
        reference: Option<String>,
        cx: &mut Cx<'_>,
    ) -> Result<(), Stop> {
        let mut requested = self.setup_request(requested);
        let reference = requested.client_reference_id.take().or(reference).unwrap_or_else(|| cx.key().as_str().into());
        requested.client_reference_id = Some(reference);
        let is_pending = cx.calls().any(|call| setup_content(call) == Some(requested.content()));
        if is_pending || self.pages.last().is_some_and(|it| it.answers(requested.content(), cx.now())) {
            return Err(Stop::Ignored(IgnoredReason::Duplicate));
        }
        cx.withdraw_unsent(is_setup);
        cx.request(Call::SetUpPaymentMethod(Box::new(requested)));
        Ok(())
    }

    /// The request, for the customer of the subscription.
    fn setup_request(&self, mut requested: CreateCheckoutSession) -> CreateCheckoutSession {
        requested.customer = requested.customer.or_else(|| self.customer.as_ref().map(|it| it.as_str().into()));
        requested.expected_total = None;
        requested
    }

    /// Checks the contents of a request for a page.
    pub(in super::super) fn check_setup(
        &self,
        requested: &CreateCheckoutSession,
        reference: &str,
        rules: &mut Rules<'_>,
    ) {
        let requested = self.setup_request(requested.clone());
        requested.check_contents(rules);
        let own = self.customer.as_ref().map(|it| it.as_str());
        let same = requested.customer.is_some() && (own.is_none() || requested.customer.as_deref() == own);
        rules.check(Rule::PaymentMethodOfCustomer, same).at("/customer");
        // The reference is that of the session or of the flow, unless the command names one.
        let open = self.pages.last().filter(|it| it.customer_url(rules.now()).is_some());
        let is_same = |it: &Page| {
            let mut requested = requested.clone();
            requested.client_reference_id = requested.client_reference_id.or_else(|| Some(reference.into()));
            it.answers(requested.content(), rules.now())
        };
        rules.warn(Rule::CheckoutOneOpenPage, open.is_none_or(is_same)).because(|| {
            format!("The customer can still use the page of `{}`.", open.map_or("", |it| it.session.as_str()))
        });
    }

    /// Whether a session is such a page.
    pub(in super::super) fn is_page(&self, object: &SessionObject) -> bool {
        object.mode == Some(Mode::Setup) || self.knows_page(&object.checkout_session_id)
    }

    /// Whether such a page has this session.
    pub(in super::super) fn knows_page(&self, id: &CheckoutSessionId) -> bool {
        self.pages.iter().any(|it| it.session == *id)
    }

    /// The setup intent of the newest page, once Flex has shown it.
    pub(in super::super) fn setup_intent(&self) -> Option<&SetupIntentId> {
        self.pages.last()?.setup_intent.as_ref()
    }

    /// The payment method that the customer has given last on such a page.
    pub(super) fn given_payment_method(&self) -> Option<&PaymentMethodId> {
        self.pages.iter().rev().find_map(|it| it.payment_method.as_ref())
    }

    pub(super) fn page_ids(&self) -> impl Iterator<Item = TypedId> {
        let ids = |it: &Page| [Some(TypedId::from(&it.session)), it.setup_intent.as_ref().map(TypedId::from)];
        self.pages.iter().flat_map(ids).flatten()
    }

    /// What the customer can do about a failed payment: the newest page, if there is one.
    pub(super) fn to_do(&self, now: Timestamp) -> (Option<String>, Option<&'static str>) {
        let url = self.pages.last().and_then(|it| it.customer_url(now)).map(Into::into);
        let action = url.is_some().then_some(SETUP);
        (url, action)
    }

    /// The wait for the newest page.
    pub(in super::super) fn page_wait(&self, now: Timestamp) -> Option<Wait> {
        let page = self.pages.last().filter(|_| self.can_end())?;
        let url = page.customer_url(now)?;
        let mut wait = Wait::new(SignalName::SessionCompleted.as_str(), page.watch.since());
        wait.about = Some(TypedId::from(&page.session));
        wait.expires_at = page.expires_at;
        (wait.customer_url, wait.customer_action) = (Some(url.into()), Some(SETUP.into()));
        Some(wait)
    }

    /// Flex has created a page. The customer of an unpaid subscription is notified of it.
    pub(in super::super) fn on_page(&mut self, call: &Call, object: &SessionObject, cx: &mut Cx<'_>) {
        let id = &object.checkout_session_id;
        if !self.knows_page(id) {
            cx.learn(id);
            self.pages.push(Page {
                session: id.clone(),
                content: setup_content(call),
                setup_intent: None,
                url: None,
                payment_method: None,
                expires_at: object.expires_at,
                state: PageState::Open,
                watch: PollTimer::new(cx.now()),
            });
            if self.pages.len() > KNOWN {
                self.pages.remove(0);
            }
        }
        cx.check(Rule::CheckoutHasRedirect, object.address().is_some()).at("/checkout_session/redirect_url");
        self.on_page_session(object, cx);
        self.notify_of_page(cx);
    }

    /// Notifies the customer of the newest page, in place of a notice without a page.
    fn notify_of_page(&self, cx: &mut Cx<'_>) {
        let (url, action) = self.to_do(cx.now());
        if let (Some(page), Some(url)) = (self.pages.last().filter(|_| self.needs_payment()), url) {
            cx.withdraw_notice(Notice::PastDue, self.id.as_str());
            cx.notify_as(page.session.as_str(), Notice::PastDue, &self.id, ToDo::at(Some(&url), action), None);
        }
    }

    /// Whether a payment is due that another payment method could make.
    fn needs_payment(&self) -> bool {
        self.can_end() && !self.is_live() && !self.is_unknown()
    }

    /// Applies the lookup of a page's session.
    pub(in super::super) fn on_page_lookup(&mut self, object: &SessionObject, cx: &mut Cx<'_>) {
        self.note_page_lookup(&object.checkout_session_id, cx);
        self.on_page_session(object, cx);
    }

    /// Notes that the lookup of a page got a reply.
    fn note_page_lookup(&mut self, session: &CheckoutSessionId, cx: &Cx<'_>) {
        if let Some(page) = self.pages.iter_mut().find(|it| it.session == *session) {
            page.watch.looked(cx.leased_at());
        }
    }

    /// Applies a shown session of a page.
    fn on_page_session(&mut self, object: &SessionObject, cx: &mut Cx<'_>) {
        let Some(page) = self.pages.iter_mut().find(|it| it.session == object.checkout_session_id) else { return };
        if let Some(id) = object.setup_intent().filter(|_| page.setup_intent.is_none()) {
            cx.learn(&id);
            page.setup_intent = Some(id);
        }
        page.expires_at = page.expires_at.or(object.expires_at);
        if object.status == Some(Status::Complete) {
            page.payment_method = page.payment_method.take().or_else(|| object.payment_method());
        }
        // With an unknown status, nobody knows what the customer would find there.
        if object.status == Some(Status::Open) && page.state == PageState::Open && page.url.is_none() {
            page.url = object.address().cloned();
        }
        let (session, state) = (
            page.session.clone(),
            match object.status {
                Some(Status::Complete) => PageState::Succeeded,
                Some(Status::Expired) => PageState::Ended,
                _ => PageState::Open,
            },
        );
        self.page_is(&session, state, cx);
    }

    /// Applies a webhook about the session of a page. Without a known page, the reply to our request is late or lost.
    pub(in super::super) fn on_page_webhook(
        &mut self,
        object: &SessionObject,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        object.test_mode.require_mode(self.test_mode, cx)?;
        if !self.knows_page(&object.checkout_session_id) {
            let Some(open) = cx.pending(is_setup).filter(|it| it.sent) else { return Err(IgnoredReason::Unrelated) };
            let key = idempotency_key(Subscription::ID, cx.key(), open.id);
            if object.echo.as_ref() != Some(&key) {
                return Err(IgnoredReason::Early);
            }
            if let Some((_, call)) = cx.prove(is_setup, Some(object.checkout_session_id.as_str())) {
                self.on_page(&call, object, cx);
            }
            return Ok(());
        }
        let before = self.pages.clone();
        self.on_page_session(object, cx);
        if before == self.pages { Err(IgnoredReason::Duplicate) } else { Ok(()) }
    }

    /// Applies the lookup of a setup intent. It must belong to this subscription and its customer.
    pub(in super::super) fn on_setup_intent(&mut self, object: &SetupIntentObject, cx: &mut Cx<'_>) {
        let is_own =
            object.subscription().is_none_or(|id| self.is(id)) && self.is_of_customer(object.customer.as_ref());
        cx.check(Rule::SetupIntentBelongs, is_own).at("/setup_intent");
        let mode = self.is_in_mode(object.test_mode, "/setup_intent/test_mode", cx);
        let state = match object.status {
            Some(SetupIntentStatus::Succeeded) if is_own && mode => PageState::Succeeded,
            Some(SetupIntentStatus::Canceled) => PageState::Ended,
            _ => PageState::Open,
        };
        let mut pages = self.pages.iter_mut();
        let found = pages.find(|it| it.setup_intent.as_ref() == Some(&object.setup_intent_id)).map(|page| {
            if state == PageState::Succeeded {
                page.payment_method = page.payment_method.take().or_else(|| object.payment_method());
            }
            page.session.clone()
        });
        if let Some(session) = found {
            self.note_page_lookup(&session, cx);
            self.page_is(&session, state, cx);
        }
    }

    /// A lookup says that the session or the setup intent of a page does not exist.
    pub(in super::super) fn page_not_found(&mut self, call: &Call, cx: &mut Cx<'_>) {
        if let Some(session) = self.pages.iter().find(|it| it.lookup_call() == *call).map(|it| it.session.clone()) {
            self.page_is(&session, PageState::Ended, cx);
        }
    }

    /// Moves a page forward. A payment method that was given may pay the open invoice, so lookups are due.
    fn page_is(&mut self, session: &CheckoutSessionId, state: PageState, cx: &mut Cx<'_>) {
        let Some(page) = self.pages.iter_mut().find(|it| it.session == *session) else { return };
        let is_news = state > page.state;
        page.state = page.state.max(state);
        if page.state != PageState::Open {
            page.url = None;
            let lookups = [page.lookup_call(), Call::RetrieveCheckoutSession(session.clone())];
            cx.withdraw(|call| lookups.contains(call));
        }
        page.plan(cx);
        if !is_news {
            return;
        }
        let is_newest = self.pages.last().is_some_and(|it| it.session == *session);
        if is_newest {
            cx.withdraw_notice(Notice::PastDue, self.id.as_str());
        }
        if state == PageState::Succeeded && self.can_end() {
            self.look_up(cx);
            self.look_up_open_invoice(cx);
            if self.needs_payment() {
                self.keep_waiting(cx);
            }
        }
    }

    /// The subscription has ended, so its pages end.
    pub(super) fn end_pages(&mut self, cx: &mut Cx<'_>) {
        cx.withdraw_unsent(is_setup);
        for page in self.pages.iter_mut().filter(|it| it.state == PageState::Open) {
            let lookup = page.lookup_call();
            cx.withdraw(|call| *call == lookup);
            (page.state, page.url) = (PageState::Ended, None);
        }
    }
}
