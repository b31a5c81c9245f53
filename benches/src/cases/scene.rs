//! The snapshots for the decisions: the library makes its own, and the rows have the same contents.

use rulebound::money::Cents;
use rulebound::time::{Millis, Timestamp};
use rulebound::truemed::{
    CreatePaymentSession, CreatePaymentToken, OrderItem, PaymentToken, Token, UpdatePaymentToken,
};
use rulebound::{Context, EffectId, Fact, Headers, Intent, Key, Snapshot};

use super::{Both, webhook_fact};
use crate::hand::{self, Change, Charge, Digest, Entry, Outcome, Place, Provision, Row, Wanted, Watch, Work};

const KEY: &str = "4f5a3b1e-90f3-4c1d-a8c2-0d6f4f9f3a10";
const URL: &str = "https://app.truemed.com/qualification/01JC8Q4Z3V0W9J9V8Z1B7T5E2M";

/// The webhook that issues the token.
pub(super) const TOKEN_UPDATED: &[u8] = br#"{"payment_token": "pt_01JC8Q4Z3V0W9J9V8Z1B7T5E2M",
    "provision_token_request_id": "ptr_01JC8Q4Z3V0W9J9V8Z1B7T5E2M", "payment_session_id": null,
    "failed_payment_session_id": null, "metadata": "4f5a3b1e-90f3-4c1d-a8c2-0d6f4f9f3a10",
    "lmn_expires_at": "2027-11-20T09:30:00Z"}"#;
/// The update that gets the reply.
pub(super) const UPDATE: &str = "update_payment_token:1";
/// Its reply.
pub(super) const SURVEY: &[u8] = br#"{"next_action": "TakeHealthSurvey",
    "redirect_url": "https://app.truemed.com/survey/01JC8Q4Z3V0W9J9V8Z1B7T5E2M",
    "provision_token_request_id": "ptr_01JD2W5X9S8R7Q6P5N4M3K2J1H"}"#;

fn b12() -> Vec<OrderItem> {
    vec![
        OrderItem::new("b12-90", "Vitamin B12, 90 capsules", 1, Cents::new(1500)),
        OrderItem::new("d3-60", "Vitamin D3, 60 capsules", 2, Cents::new(1100)),
    ]
}

/// Other items.
pub(super) fn magnesium() -> Vec<OrderItem> {
    vec![
        OrderItem::new("mg-120", "Magnesium glycinate, 120 capsules", 1, Cents::new(2400)),
        OrderItem::new("d3-60", "Vitamin D3, 60 capsules", 2, Cents::new(1100)),
    ]
}

/// The monthly charge.
pub(super) fn charge(intent: &str) -> CreatePaymentSession {
    let mut it = CreatePaymentSession::new(Cents::new(3700), b12());
    it.payment_token = Token::parse("pt_01JC8Q4Z3V0W9J9V8Z1B7T5E2M").ok();
    it.success_url = Some("https://shop.example/thanks".into());
    it.failure_url = Some("https://shop.example/cancelled".into());
    it.intent = Intent::parse(intent).ok();
    it
}

/// The card and the items in one update.
pub(super) fn both() -> UpdatePaymentToken {
    let mut it = UpdatePaymentToken::items(magnesium());
    it.update_card_info = Some(true);
    it
}

/// The webhook that issues the token, as a fact.
pub(super) fn token_updated() -> Fact<'static> {
    webhook_fact(TOKEN_UPDATED)
}

/// The snapshots, in the order in which a subscription passes through them.
pub(super) struct Scene {
    pub(super) now: Timestamp,
    pub(super) awaiting: Both,
    pub(super) issued: Both,
    pub(super) charging: Both,
    pub(super) updating: Both,
    pub(super) pending: Both,
}

impl Scene {
    pub(super) fn new() -> Self {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let env = Context::at(now);
        let awaiting = awaiting(&env);
        let ours = see(&awaiting.0, token_updated(), &env);
        let issued = (ours, hand::token_updated(&awaiting.1, TOKEN_UPDATED, true).expect("awaited").next);
        let ours = issued.0.handle(charge("2026-11"), &env).expect("legal").next;
        let charging = (ours, hand::charge(&issued.1, charge("2026-11"), now).expect("legal").next);
        let change = UpdatePaymentToken::items(magnesium());
        let ours = lease(&issued.0.handle(change.clone(), &env).expect("legal").next, UPDATE, &env);
        let mut row = hand::update(&issued.1, change, now).expect("legal").next;
        row.revision += 1;
        row.outbox[0].attempts = 1;
        row.outbox[0].leased_until = Some(now.after(Millis::from_minutes(5)));
        let updating = (ours, row);
        let ours = see(&updating.0, reply(UPDATE, SURVEY), &env);
        let pending = (ours, hand::answered(&updating.1, UPDATE, SURVEY, now).expect("sent").next);
        Self { now, awaiting, issued, charging, updating, pending }
    }

    pub(super) fn env(&self) -> Context {
        Context::at(self.now)
    }

    /// The token after so many charges that were captured.
    pub(super) fn after(&self, charges: u32) -> Both {
        let (mut ours, mut row) = self.issued.clone();
        for n in 0..charges {
            let (intent, session) = (format!("month-{n:03}"), format!("ps_01JC8Q4Z3V0W9J9V8Z1B7T5{n:03}"));
            ours = charged(ours, &intent, &session, &self.env());
            let paid = hand::charge(&row, charge(&intent), self.now).expect("legal").next;
            let (nth, intents) = (paid.requests, paid.intents);
            row.intents = intents.into_iter().map(|it| Wanted { outcome: Outcome::Done, ..it }).collect();
            row.closed.push((nth, session));
            row.closed = row.closed.split_off(row.closed.len().saturating_sub(16));
            row.charge = Charge::Idle;
            row.requests = nth;
        }
        row.revision = ours.revision();
        (ours, row)
    }

    /// The same charge over JSON: for the library, and by hand.
    pub(super) fn calls(&self) -> (String, String) {
        let mut command = serde_json::to_value(charge("2026-12")).expect("JSON");
        command["type"] = "create_payment_session".into();
        let now = self.now.as_millis();
        let snapshot = self.issued.0.save();
        let ours = format!(r#"{{"handle":{{"snapshot":{snapshot},"command":{command},"now":{now}}}}}"#);
        let row = serde_json::to_string(&self.issued.1).expect("JSON");
        (ours, format!(r#"{{"snapshot":{row},"command":{command},"now":{now}}}"#))
    }
}

fn awaiting(env: &Context) -> Both {
    let at = Snapshot::<PaymentToken>::start(Key::parse(KEY).expect("a UUID"));
    let create = CreatePaymentToken::new(b12(), "https://shop.example/thanks", "https://shop.example/cancelled");
    let at = lease(&at.handle(create, env).expect("legal").next, "create_payment_token:1", env);
    let request = "ptr_01JC8Q4Z3V0W9J9V8Z1B7T5E2M";
    let body = format!(r#"{{"provision_token_request_id": "{request}", "redirect_url": "{URL}"}}"#);
    let at = see(&at, reply("create_payment_token:1", body.as_bytes()), env);
    let watch = Watch::new(env.now);
    let lookup = Entry {
        id: "retrieve_provision_token_request:1".into(),
        work: Work::Lookup(request.into()),
        due: watch.next(),
        attempts: 0,
        leased_until: None,
        held: false,
    };
    let items: Digest = hand::digest(&b12());
    let (origin, redirect_url) = (Some(request.into()), Some(URL.into()));
    let row = Row {
        key: KEY.into(),
        revision: at.revision(),
        place: Place::Awaiting,
        provisions: vec![Provision { nth: 1, origin, items, redirect_url, watch }],
        items: Change::Settled,
        requests: 1,
        metadata: Some(hand::fingerprint(KEY)),
        outbox: vec![lookup],
        ..Row::default()
    };
    (at, row)
}

fn charged(at: Snapshot<PaymentToken>, intent: &str, session: &str, env: &Context) -> Snapshot<PaymentToken> {
    let id = format!("create_payment_session:{intent}");
    let at = lease(&at.handle(charge(intent), env).expect("legal").next, &id, env);
    let at = see(&at, reply(&id, format!(r#"{{"id": "{session}"}}"#).as_bytes()), env);
    let body = format!(r#"{{"payment_session_id": "{session}", "status": "captured", "capture_amount": 3700}}"#);
    let origin = rulebound::Origin::Verified;
    let captured = Fact::Webhook { body: body.into_bytes().into(), content_type: None, topic: None, origin };
    let at = see(&at, captured, env);
    see(&at, Fact::Done { effect: format!("fulfill:{session}").into() }, env)
}

fn lease(at: &Snapshot<PaymentToken>, effect: &str, env: &Context) -> Snapshot<PaymentToken> {
    at.lease(&EffectId::parse(effect).expect("an id"), env).expect("pending").next
}

fn reply<'a>(to: &'a str, body: &'a [u8]) -> Fact<'a> {
    Fact::Reply { effect: to.into(), sending: None, http_status: 200, headers: Headers::default(), body: body.into() }
}

fn see(at: &Snapshot<PaymentToken>, fact: Fact<'_>, env: &Context) -> Snapshot<PaymentToken> {
    at.observe(fact, env).expect("built right").next
}
