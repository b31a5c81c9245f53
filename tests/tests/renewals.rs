//! Years of Flex subscriptions: renewals that are paid late, at the last attempt or never, with lost webhooks and replies.
//!
//! Access never outlasts the paid period and its grace. A customer who has paid is never locked out. Every paid period is
//! delivered once. No row sleeps while its subscription runs.

#[path = "renewals/flex.rs"]
mod flex;

use std::collections::BTreeMap;

use flex::{Flex, Shape};
use rulebound::flex::{CreateCheckoutSession, LineItem, Mode, Subscription};
use rulebound::money::Cents;
use rulebound::time::Timestamp;
use rulebound::{Context, Effect, Fact, Headers, Key, Origin, Snapshot};
use rulebound_tests::explore::width;
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// The time at which the subscription is sold.
const START: i64 = 1_796_083_200_000;
const KEY: &str = "00000000-0000-4000-8000-000000000001";

/// A small generator of random numbers, the same for the same seed.
#[derive(Clone, Debug)]
struct Luck(u64);

impl Luck {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn of(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A host with one row, and what it has done.
struct Host {
    snapshot: Snapshot<Subscription>,
    now: i64,
    luck: Luck,
    flex: Flex,
    /// Until when the customer has access.
    access_until: i64,
    delivered: BTreeMap<String, usize>,
    inbox: Vec<(i64, Value)>,
}

impl Host {
    fn new(seed: u64, shape: Shape) -> Self {
        let snapshot = Snapshot::start(Key::parse(KEY).unwrap());
        let (luck, flex) = (Luck(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)), Flex::new(START, shape));
        Self { snapshot, now: START, luck, flex, access_until: 0, delivered: BTreeMap::new(), inbox: Vec::new() }
    }

    fn context(&self) -> Context {
        Context::at(Timestamp::from_millis(self.now))
    }

    fn observe(&mut self, fact: Fact<'static>) {
        self.snapshot = self.snapshot.observe(fact, &self.context()).unwrap().next;
    }

    fn webhook(&mut self, event: &Value) {
        let body = event.to_string().into_bytes().into();
        self.observe(Fact::Webhook { body, content_type: None, topic: None, origin: Origin::Verified, provider: None });
    }

    fn reply(&mut self, effect: &str, status: u16, body: &Value) {
        let body = body.to_string().into_bytes().into();
        self.observe(Fact::Reply {
            effect: effect.to_owned().into(),
            sending: None,
            http_status: status,
            headers: Headers::default(),
            body,
        });
    }

    /// Sells the subscription.
    fn sell(&mut self) {
        let item = LineItem::new("fprice_1", 1);
        let order =
            CreateCheckoutSession::new(Mode::Subscription, vec![item], Cents::new(4999), "https://shop.example/ok");
        self.snapshot = self.snapshot.handle(order, &self.context()).unwrap().next;
        self.lease("create_checkout_session:1");
        self.reply("create_checkout_session:1", 200, &Flex::session(START, KEY, "open"));
        let completed =
            json!({"event_type": "checkout.session.completed", "object": Flex::session(START, KEY, "complete")});
        self.webhook(&completed);
    }

    fn lease(&mut self, effect: &str) {
        self.snapshot =
            self.snapshot.lease(&rulebound::EffectId::parse(effect).unwrap(), &self.context()).unwrap().next;
    }

    /// Carries out the ready effects, most of the time.
    fn work(&mut self) {
        for pending in self.snapshot.effects(&self.context()) {
            let id = pending.id.as_str().to_owned();
            let is_ready = self.snapshot.effects(&self.context()).iter().any(|it| it.id == pending.id && it.ready);
            match pending.effect {
                Effect::Review { reason, .. } => {
                    assert!(["payment_unknown", "no_signal"].contains(&reason.as_ref()), "{reason} at {}", self.now);
                    if self.luck.of(50) {
                        self.observe(Fact::Reviewed { effect: id.into(), verdict: "keep_waiting".into(), id: None });
                    }
                }
                _ if !is_ready || self.luck.of(5) => {}
                Effect::Request { operation, .. } => self.send(&id, operation),
                Effect::Access { access_until: until, .. } => {
                    self.access_until = until.as_millis();
                    self.observe(Fact::Done { effect: id.into() });
                }
                Effect::Fulfill { about, .. } => {
                    *self.delivered.entry(about.as_str().to_owned()).or_default() += 1;
                    self.observe(Fact::Done { effect: id.into() });
                }
                _ => self.observe(Fact::Done { effect: id.into() }),
            }
        }
    }

    fn send(&mut self, id: &str, operation: &str) {
        self.lease(id);
        let body = self.flex.reply(operation);
        match self.luck.below(20) {
            0 | 1 => self.observe(Fact::Lost { effect: id.to_owned().into(), sending: None }),
            2 => self.reply(id, 500, &json!("oops")),
            3 => self.reply(id, 401, &Value::Null),
            4 => self.reply(id, 200, &json!({})),
            _ => self.reply(id, 200, &body),
        }
    }

    /// Lets time pass until an instant.
    fn live(&mut self, end: i64) {
        while self.now < end {
            let mut next = self.now + i64::try_from(self.luck.below(20 * 60_000)).unwrap() + 1;
            if let Some(wake_at) = self.snapshot.wake_at(&self.context()) {
                next = next.max(wake_at.as_millis()).min(self.now + 6 * HOUR);
            }
            for event in self.flex.pass(next, &mut self.luck) {
                // Some webhooks are lost, some are late, and some come twice.
                for _ in 0..=u8::from(self.luck.of(10)) {
                    if !self.luck.of(self.flex.shape.lost) {
                        let late = i64::try_from(self.luck.below(3)).unwrap() * HOUR;
                        self.inbox.push((next + late, event.clone()));
                    }
                }
            }
            self.now = next;
            let arrived: Vec<_> = self.inbox.extract_if(.., |it| it.0 <= next).collect();
            arrived.iter().for_each(|it| self.webhook(&it.1));
            self.work();
            self.check();
        }
    }

    fn check(&self) {
        let state = format!("{} ms after the start: {:?}\n{}", self.now - START, self.flex, self.snapshot.save());
        let grace = DAY;
        let paid_until = self.flex.paid_until();
        assert!(self.access_until <= paid_until + grace, "access until {} was never paid: {state}", self.access_until);
        // A renewal that is paid in time is found within the grace, and a late one within a day.
        let patience = if self.flex.is_paid_in_time() { 0 } else { 26 * HOUR };
        let has_paid = self.flex.paid_since().is_some_and(|since| self.now > since + patience.max(HOUR));
        assert!(!has_paid || self.access_until > self.now, "a customer who has paid is locked out: {state}");
        if self.flex.ended.is_none() {
            let has_review =
                self.snapshot.effects(&self.context()).iter().any(|it| matches!(it.effect, Effect::Review { .. }));
            assert!(has_review || self.snapshot.wake_at(&self.context()).is_some(), "the row sleeps: {state}");
        }
    }

    fn deliveries(&self) -> BTreeMap<usize, usize> {
        let mut all = BTreeMap::new();
        for (about, times) in &self.delivered {
            *all.entry(self.flex.period_of(about)).or_default() += times;
        }
        all
    }
}

fn run(seed: u64, shape: Shape) {
    let mut host = Host::new(seed, shape);
    host.sell();
    host.live(START + 400 * DAY);
    let (paid, delivered) = (host.flex.paid_periods(host.now - 3 * DAY), host.deliveries());
    for period in paid {
        assert_eq!(delivered.get(&period), Some(&1), "seed {seed}: period {period} of {delivered:?}: {:?}", host.flex);
    }
    assert!(delivered.values().all(|times| *times == 1), "seed {seed}: {delivered:?}");
    if host.flex.ended.is_some_and(|ended| ended + 2 * DAY < host.now) {
        assert!(
            host.access_until <= host.now,
            "seed {seed}: the subscription has ended, and access lasts until {}",
            host.access_until
        );
    }
}

fn runs(from: u64, count: u64, shape: Shape) {
    let count = count * u64::try_from(width()).unwrap();
    (from..from + count).for_each(|seed| run(seed, shape));
}

#[test]
fn documented_replies_and_some_webhooks_are_enough() {
    runs(0, 8, Shape { days: 30, silent: false, lost: 30, fails: 30 });
}

#[test]
fn documented_replies_are_enough_without_any_webhook() {
    runs(1000, 6, Shape { days: 30, silent: false, lost: 100, fails: 20 });
}

#[test]
fn replies_without_an_invoice_are_enough() {
    runs(2000, 6, Shape { days: 30, silent: true, lost: 30, fails: 20 });
}

#[test]
fn replies_without_an_invoice_are_enough_without_any_webhook() {
    runs(3000, 4, Shape { days: 30, silent: true, lost: 100, fails: 10 });
}

#[test]
fn weeks_are_as_good_as_months() {
    runs(4000, 4, Shape { days: 7, silent: false, lost: 20, fails: 15 });
}
