//! The status of a snapshot. The flow adds what only it knows.

use alloc::vec::Vec;

use super::Snapshot;
use crate::config::Context;
use crate::effect::{OutboxEntry, StoredEffect};
use crate::flow::{FacetStates, Flow, Moment, Rules, Status};
use crate::id::EffectId;

impl<F: Flow> Snapshot<F> {
    /// How the lifecycle is now: what a page for a customer or for a support agent shows.
    ///
    /// ```
    /// use rulebound::{Context, Key, Snapshot, time::Timestamp, truemed::payment_token::{PaymentToken, TokenState}};
    /// let token = Snapshot::<PaymentToken>::start(Key::parse("4f5a3b1e-90f3-4c1d-a8c2-0d6f4f9f3a10").unwrap());
    /// let status = token.status(&Context::at(Timestamp::from_millis(0)));
    /// assert_eq!(status.facets.0.0, TokenState::Absent);
    /// assert!(status.payment_token.is_none() && status.last_failure.is_none());
    /// ```
    pub fn status(&self, context: &Context) -> Status<F> {
        let view = Rules::new(&self.key, context, Moment::Command, &self.outbox);
        let waits = self.state.waits(context);
        // The page and the action belong together, so both come from the same wait.
        let with_page = waits.iter().position(|it| it.customer_url.is_some());
        let of_customer = with_page.or_else(|| waits.iter().position(|it| it.customer_action.is_some()));
        let wait = of_customer.and_then(|index| waits.into_iter().nth(index));
        let (customer_action, customer_url) = wait.map_or((None, None), |it| (it.customer_action, it.customer_url));
        let customer_url_blocked_by = if customer_url.is_some() { Vec::new() } else { self.deciders_of_page(context) };
        Status {
            flow: F::ID,
            key: self.key.clone(),
            revision: self.revision,
            facets: FacetStates(self.state.facets()),
            own: self.state.status(&view),
            customer_action,
            customer_url,
            customer_url_blocked_by,
            intents: self.state.intents(&view),
            last_failure: self.last_failure.as_deref().cloned().map(Into::into),
            reviews: self.open_reviews(context),
        }
    }

    /// The pending requests and the reviews that decide if the customer has a page to go to.
    fn deciders_of_page(&self, context: &Context) -> Vec<EffectId> {
        let decides = |it: &&OutboxEntry<F::Call>| match it.call() {
            Some(call) => self.state.decides_page(call, context),
            None => F::WITHHOLD_PAGE.iter().any(|review| it.is_review_of(review)),
        };
        self.outbox.entries.iter().filter(decides).map(|it| it.id.clone()).collect()
    }

    /// The ids of the reviews that accept a verdict, in the order of [`effects`](Self::effects).
    fn open_reviews(&self, context: &Context) -> Vec<EffectId> {
        let entries = || self.outbox.entries.iter();
        let is_open = |it: &&OutboxEntry<F::Call>| {
            matches!(it.effect, StoredEffect::Review { .. }) && !it.withheld && !it.is_hidden(context.now)
        };
        let of_requests = entries().filter_map(|it| Some(it.review_id(it.asks(context.now, &context.config)?)));
        entries().filter(is_open).map(|it| it.id.clone()).chain(of_requests).collect()
    }
}
