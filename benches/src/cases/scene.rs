//! The snapshots for the decisions: the library makes its own, and the rows have the same contents.

use rulebound::money::Cents;
use rulebound::time::{Millis, Timestamp};
use rulebound::truemed::{
    CreatePaymentSession, CreatePaymentToken, OrderItem, PaymentToken, Token, UpdatePaymentToken,
};
use rulebound::{Context, EffectId, Fact, Headers, Intent, Key, Snapshot};

use super::{Both, webhook_fact};
use crate::hand::{
    self, Change, Charge, Digest, Entry, Outcome, PollTimer, Provision, Row, StoredIntent, TokenState, Work,
};

const KEY: &str = "4f5a3b1e-90f3-4c1d-a8c2-0d6f4f9f3a10";
const URL: &str = "https://app.truemed.com/qualification/01JC8Q4Z3V0W9J9V8Z1B7T5E2M";

/// The webhook that issues the token.
pub(super) const TOKEN_UPDATED: &[u8] = br#"{"payment_token": "pt_01JC8Q4Z3V0W9J9V8Z1B7T5E2M",
    "provision_token_request_id": "ptr_01JC8Q4Z3V0W9J9V8Z1B7T5E2M", "payment_session_id": null,
    "failed_payment_session_id": null, "metadata": "4f5a3b1e-90f3-4c1d-a8c2-0d6f4f9f3a10",
    "lmn_expires_at": "2027-11-20T09:30:00Z"}"#;
/// The effect of the update.
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
    let mut command = CreatePaymentSession::new(Cents::new(3700), b12());
    command.payment_token = Token::parse("pt_01JC8Q4Z3V0W9J9V8Z1B7T5E2M").ok();
    command.success_url = Some("https://shop.example/thanks".into());
    command.failure_url = Some("https://shop.example/cancelled".into());
    command.intent = Intent::parse(intent).ok();
    command
}

/// The card and the items in one update.
pub(super) fn both() -> UpdatePaymentToken {
    let mut command = UpdatePaymentToken::items(magnesium());
    command.update_card_info = Some(true);
    command
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
        let context = Context::at(now);
        let awaiting = awaiting(&context);
        let ours = observe(&awaiting.0, token_updated(), &context);
        let issued = (ours, hand::token_updated(&awaiting.1, TOKEN_UPDATED, true).expect("awaited").next);
        let ours = issued.0.handle(charge("2026-11"), &context).expect("legal").next;
        let charging = (ours, hand::charge(&issued.1, charge("2026-11"), now).expect("legal").next);
        let change = UpdatePaymentToken::items(magnesium());
        let ours = lease(&issued.0.handle(change.clone(), &context).expect("legal").next, UPDATE, &context);
        let mut row = hand::update(&issued.1, change, now).expect("legal").next;
        row.revision += 1;
        row.outbox[0].attempts = 1;
        row.outbox[0].leased_until = Some(now.after(Millis::from_minutes(5)));
        let updating = (ours, row);
        let ours = observe(&updating.0, reply(UPDATE, SURVEY), &context);
        let pending = (ours, hand::reply(&updating.1, UPDATE, SURVEY, now).expect("sent").next);
        Self { now, awaiting, issued, charging, updating, pending }
    }

    pub(super) fn context(&self) -> Context {
        Context::at(self.now)
    }

    /// The token after a number of captured charges.
    pub(super) fn after(&self, charges: u32) -> Both {
        let (mut ours, mut row) = self.issued.clone();
        for n in 0..charges {
            let (intent, session) = (format!("month-{n:03}"), format!("ps_01JC8Q4Z3V0W9J9V8Z1B7T5{n:03}"));
            ours = charged(ours, &intent, &session, &self.context());
            let paid = hand::charge(&row, charge(&intent), self.now).expect("legal").next;
            let (seq, intents) = (paid.requests, paid.intents);
            row.intents = intents.into_iter().map(|it| StoredIntent { outcome: Outcome::Done, ..it }).collect();
            row.closed.push((seq, session));
            row.closed = row.closed.split_off(row.closed.len().saturating_sub(16));
            row.charge = Charge::Idle;
            row.requests = seq;
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

fn awaiting(context: &Context) -> Both {
    let snapshot = Snapshot::<PaymentToken>::start(Key::parse(KEY).expect("a UUID"));
    let create = CreatePaymentToken::new(b12(), "https://shop.example/thanks", "https://shop.example/cancelled");
    let snapshot = lease(&snapshot.handle(create, context).expect("legal").next, "create_payment_token:1", context);
    let request = "ptr_01JC8Q4Z3V0W9J9V8Z1B7T5E2M";
    let body = format!(r#"{{"provision_token_request_id": "{request}", "redirect_url": "{URL}"}}"#);
    let snapshot = observe(&snapshot, reply("create_payment_token:1", body.as_bytes()), context);
    let timer = PollTimer::new(context.now);
    let lookup = Entry {
        id: "retrieve_provision_token_request:1".into(),
        work: Work::Lookup(request.into()),
        not_before: timer.next(),
        attempts: 0,
        leased_until: None,
        held: false,
    };
    let items: Digest = hand::digest(&b12());
    let (origin, redirect_url) = (Some(request.into()), Some(URL.into()));
    let row = Row {
        key: KEY.into(),
        revision: snapshot.revision(),
        token_state: TokenState::Awaiting,
        provisions: vec![Provision { seq: 1, origin, items, redirect_url, timer }],
        items: Change::Settled,
        requests: 1,
        metadata: Some(hand::fingerprint(KEY)),
        outbox: vec![lookup],
        ..Row::default()
    };
    (snapshot, row)
}

fn charged(snapshot: Snapshot<PaymentToken>, intent: &str, session: &str, context: &Context) -> Snapshot<PaymentToken> {
    let id = format!("create_payment_session:{intent}");
    let snapshot = lease(&snapshot.handle(charge(intent), context).expect("legal").next, &id, context);
    let snapshot = observe(&snapshot, reply(&id, format!(r#"{{"id": "{session}"}}"#).as_bytes()), context);
    let body = format!(r#"{{"payment_session_id": "{session}", "status": "captured", "capture_amount": 3700}}"#);
    let origin = rulebound::Origin::Verified;
    let captured =
        Fact::Webhook { body: body.into_bytes().into(), content_type: None, topic: None, origin, provider: None };
    let snapshot = observe(&snapshot, captured, context);
    observe(&snapshot, Fact::Done { effect: format!("fulfill:{session}").into() }, context)
}

fn lease(snapshot: &Snapshot<PaymentToken>, effect: &str, context: &Context) -> Snapshot<PaymentToken> {
    snapshot.lease(&EffectId::parse(effect).expect("an id"), context).expect("pending").next
}

fn reply<'a>(effect: &'a str, body: &'a [u8]) -> Fact<'a> {
    Fact::Reply {
        effect: effect.into(),
        sending: None,
        http_status: 200,
        headers: Headers::default(),
        body: body.into(),
    }
}

fn observe(snapshot: &Snapshot<PaymentToken>, fact: Fact<'_>, context: &Context) -> Snapshot<PaymentToken> {
    snapshot.observe(fact, context).expect("built right").next
}
