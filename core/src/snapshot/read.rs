//! The views of a snapshot: its effects, waits and actions, and when any of them next changes by itself.

use alloc::string::String;
use alloc::vec::Vec;

use super::Snapshot;
use super::verdict::{choices_of, text_of};
use crate::config::Context;
use crate::effect::{
    Call, Choice, Delivery, Effect, OutboxEntry, PendingEffect, Question, Retry, StoredEffect, VerdictChoice, Wait,
};
use crate::flow::{Action, Flow, Moment, Named, Rules};
use crate::id::TypedId;
use crate::money::Money;
use crate::time::Timestamp;

impl<F: Flow> Snapshot<F> {
    /// The pending effects, the oldest first, and then the reviews of requests whose outcome stays unknown.
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Fact, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// let token = token.handle(create, &cx)?.next;
    /// let effects = token.effects(&cx);
    /// assert_eq!(effects[0].id.as_str(), "create_payment_token:1");
    /// assert!(effects[0].ready);
    /// # Ok(()) }
    /// ```
    #[must_use = "the effects are only listed, and none is carried out"]
    pub fn effects(&self, context: &Context) -> Vec<PendingEffect> {
        let visible = self.outbox.entries.iter().filter(|it| !it.withheld && !it.is_hidden(context.now));
        let mut effects = Vec::with_capacity(self.outbox.entries.len());
        effects.extend(visible.map(|entry| self.pending(entry, context)));
        effects.extend(self.outbox.entries.iter().filter_map(|entry| {
            let question = entry.asks(context.now, &context.config)?;
            Some(review_of(entry, entry.class(context.now, &context.config)?, question))
        }));
        effects
    }

    /// An entry of the outbox as a worker sees it.
    fn pending(&self, entry: &OutboxEntry<F::Call>, context: &Context) -> PendingEffect {
        let mut rules = self.leasing(Some(entry), context);
        self.may_lease(entry, &mut rules);
        let (blocked_by, _) = rules.take_broken();
        let (leased_until, not_before) = (entry.leased(context.now), entry.resting(context.now));
        PendingEffect {
            id: entry.id.clone(),
            effect: self.effect(entry, context),
            ready: blocked_by.is_empty(),
            blocked_by,
            attempts: entry.attempts,
            leased_until,
            not_before,
        }
    }

    fn effect(&self, entry: &OutboxEntry<F::Call>, context: &Context) -> Effect {
        match &entry.effect {
            StoredEffect::Request(call) => {
                let (operation, action) = (call.operation(), F::action_of_call(call).name());
                let (intent, attempt) = entry.id.try_of_intent().unzip();
                let retry = entry.class(context.now, &context.config).unwrap_or(operation.class);
                Effect::Request { operation: operation.name, action, intent, attempt, retry }
            }
            StoredEffect::Notify { reason, about, customer_action, customer_url } => Effect::Notify {
                reason: reason.clone(),
                about: about.clone(),
                customer_action: customer_action.clone(),
                customer_url: customer_url.clone(),
            },
            StoredEffect::Fulfill { about, intent, paid } => {
                let shown = self.state.delivery(about);
                let (intent, paid) = (intent.clone().or(shown.intent), paid.map(Money::unnamed).or(shown.paid));
                Effect::Fulfill { about: about.clone(), delivery: Delivery { intent, paid, ..shown } }
            }
            StoredEffect::Access { about, paid_until, access_until } => {
                Effect::Access { about: about.clone(), paid_until: *paid_until, access_until: *access_until }
            }
            StoredEffect::Review { kind, verdicts, .. } => {
                let (reason, subject) = entry.reason_and_subject().unwrap_or_default();
                let about = TypedId::of_parts(kind.clone(), subject);
                review(reason, about, text_of::<F>(reason, verdicts), choices_of::<F>(reason, verdicts))
            }
        }
    }

    /// What the provider or the customer must do.
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Fact, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// let token = token.handle(create, &cx)?.next;
    /// let effect = token.effects(&cx).remove(0).id;
    /// let body = br#"{"provision_token_request_id": "ptr_1", "redirect_url": "https://pay.example/1"}"#;
    /// let token = token.lease(&effect, &cx)?.next.observe(Fact::reply(&effect, 1, 200, body.as_slice()), &cx)?.next;
    /// let wait = token.waiting_for(&cx).remove(0);
    /// assert_eq!(wait.customer_url.as_deref(), Some("https://pay.example/1"));
    /// # Ok(()) }
    /// ```
    pub fn waiting_for(&self, context: &Context) -> Vec<Wait> {
        let is_lookup = |it: &&OutboxEntry<F::Call>| it.is_lookup() && !it.withheld;
        let lookups = self.outbox.entries.iter().filter(is_lookup);
        let next = lookups.map(|it| it.leased_until.max(it.not_before).unwrap_or_default()).min();
        let waits = self.state.waits(context).into_iter();
        waits.map(|wait| Wait { next_lookup_at: next.map(|at| at.max(wait.started_at)), ..wait }).collect()
    }

    /// Every action, with every rule that it would break now.
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Fact, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// use rulebound::truemed::payment_token::Action;
    /// let actions = token.actions(&cx);
    /// let is_allowed = |action| actions.iter().any(|it| it.action == action && it.is_allowed());
    /// assert!(is_allowed(Action::Create) && !is_allowed(Action::Charge));
    /// # Ok(()) }
    /// ```
    pub fn actions(&self, context: &Context) -> Vec<Action<F>> {
        let mut rules = Rules::new(&self.key, context, Moment::Command, &self.outbox);
        let mut actions = Vec::with_capacity(F::Action::ALL.len());
        for &action in F::Action::ALL {
            self.check_action(action, &mut rules);
            let (violations, warnings) = rules.take_broken();
            actions.push(Action { action, violations, warnings });
        }
        actions
    }

    /// When to look at this flow again. `None` if its effects, waits and actions never change by themselves.
    ///
    /// It is now while an effect other than a review is ready, and otherwise the instant of the next change.
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Fact, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// assert_eq!(token.wake_at(&cx), None);
    /// assert_eq!(token.handle(create, &cx)?.next.wake_at(&cx), Some(cx.now));
    /// # Ok(()) }
    /// ```
    pub fn wake_at(&self, context: &Context) -> Option<Timestamp> {
        let now = context.now;
        let is_work = |it: &PendingEffect| it.ready && !matches!(it.effect, Effect::Review { .. });
        if self.effects(context).iter().any(is_work) {
            return Some(now);
        }
        let entries = || self.outbox.entries.iter();
        let reviews = entries().filter_map(|it| it.question(&context.config)).map(|(from, _)| Some(from));
        let rests = entries().filter(|it| !it.withheld).flat_map(|it| [it.leased(now), it.resting(now)]);
        let waits = self.state.waits(context).into_iter().map(|it| it.expires_at);
        let resent = entries().filter(|it| it.was_sent()).map(|it| it.resent_until(&context.config));
        let instants = rests.chain(waits).chain(resent).chain(reviews).flatten().chain(self.state.timers(context));
        instants.filter(|at| !at.is_over(now)).min()
    }

    /// The ids by which a signal finds this flow: its key, and the provider's ids.
    ///
    /// ```
    /// # use rulebound::truemed::{CreatePaymentToken, OrderItem, PaymentToken};
    /// # use rulebound::{Context, Fact, Key, Snapshot, money::Cents, time::Timestamp};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cx = Context::at(Timestamp::from_millis(1_700_000_000_000));
    /// # let items = vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))];
    /// # let create = CreatePaymentToken::new(items, "https://shop.example/ok", "https://shop.example/no");
    /// # let token = Snapshot::<PaymentToken>::start(Key::parse("6f6b0a52-6a2d-4a35-8c55-4a1c0f6f9a11")?);
    /// assert_eq!(token.ids()[0].kind(), "key");
    /// assert_eq!(token.ids()[0].as_str(), token.key().as_str());
    /// # Ok(()) }
    /// ```
    pub fn ids(&self) -> Vec<TypedId> {
        let mut ids = alloc::vec![TypedId::from(&self.key)];
        for id in self.state.ids() {
            if ids.iter().all(|have| have.as_str() != id.as_str()) {
                ids.push(id);
            }
        }
        ids
    }
}

/// The review of a request whose outcome stays unknown.
fn review_of<C: Call>(entry: &OutboxEntry<C>, class: Retry, question: &Question) -> PendingEffect {
    PendingEffect {
        id: entry.review_id(question),
        effect: review(question.reason, (&entry.id).into(), question.text, question.choices_for(class)),
        ready: true,
        blocked_by: Vec::new(),
        attempts: 0,
        leased_until: None,
        not_before: None,
    }
}

fn review(reason: &str, about: TypedId, question: &'static str, choices: Vec<Choice>) -> Effect {
    let verdicts = choices.into_iter().map(VerdictChoice::from).collect();
    Effect::Review { reason: String::from(reason).into(), about, question, verdicts }
}
