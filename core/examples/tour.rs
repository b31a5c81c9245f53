//! The main job in a minute: Truemed's two subscription documents, played in the terminal.
//!
//! Run it with `cargo run --example tour`. Every line is a real call of the library: what the host wants (`host`), what
//! has happened (`fact`), what a worker sends (`send`), and what the library says of it.

use std::error::Error;

use rulebound::money::Cents;
use rulebound::time::Timestamp;
use rulebound::truemed::{
    CreatePaymentSession, CreatePaymentToken, OrderItem, PaymentToken, Settings, Token, UpdatePaymentToken,
};
use rulebound::{
    Command, EffectId, Env, Fact, Headers, Intent, Key, Observation, Origin, Rejection, Snapshot, Transition, Via,
};

type Played = Result<(), Box<dyn Error>>;

const DAY: i64 = 86_400_000;

fn main() -> Played {
    println!("rulebound: the rules of subscription payments, played on Truemed's own documents.");
    println!("Each snapshot is one row of the host's; each line below is one call of the library.");
    create()?;
    never()?;
    change_items()?;
    charge()?;
    crash()?;
    println!("\nThat is the main job. Rules, sources and codes: schemas/catalogue.json.");
    Ok(())
}

/// Create a subscription: the webhook may come before the browser does, and only the webhook counts.
fn create() -> Played {
    let mut host = Host::open("1. Create a token: the webhook comes before the customer is back");
    host.wish("create_payment_token {B12}", create_b12());
    host.send("create_payment_token:1")?;
    host.reply(
        "create_payment_token:1",
        200,
        r#"{"provision_token_request_id":"ptr_1","redirect_url":"https://truemed.example/q/1"}"#,
    )?;
    host.awaits();
    host.wish("charge 2026-12 {B12}", charge_of("2026-12", b12())?);
    host.webhook(r#"{"payment_token":"pt_1","provision_token_request_id":"ptr_1"}"#)?;
    host.returned(Via::SuccessUrl)?;
    host.webhook(r#"{"payment_token":"pt_1","provision_token_request_id":"ptr_1"}"#)?;
    Ok(())
}

/// Create a subscription: no letter of medical necessity, no webhook, for ever.
fn never() -> Played {
    let mut host = Host::open("2. A token that never comes: silence is neither success nor failure");
    host.wish("create_payment_token {B12}", create_b12());
    host.send("create_payment_token:1")?;
    host.reply(
        "create_payment_token:1",
        200,
        r#"{"provision_token_request_id":"ptr_9","redirect_url":"https://truemed.example/q/9"}"#,
    )?;
    for (day, look_up) in [(1, 1), (3, 2), (7, 3)] {
        host.wait_until(day * DAY + 3);
        let effect = format!("retrieve_provision_token_request:{look_up}");
        host.send(&effect)?;
        host.reply(&effect, 200, r#"{"payment_token":null}"#)?;
    }
    host.owed();
    host.webhook(r#"{"payment_token":"pt_9","provision_token_request_id":"ptr_9"}"#)?;
    println!("        the late webhook still wins");
    Ok(())
}

/// Update a subscription: an item change may need the survey, and no charge goes through until it is taken.
fn change_items() -> Played {
    let mut host = Host::issued("3. Change the items: the survey, and what waits for it")?;
    let both = UpdatePaymentToken::items(b12_and_magnesium());
    let mut card_and_items = both.clone();
    card_and_items.update_card_info = Some(true);
    host.wish("update_payment_token {card, items}", card_and_items);
    host.wish("update_payment_token {B12, Magnesium}", both);
    host.send("update_payment_token:1")?;
    host.reply(
        "update_payment_token:1",
        200,
        r#"{"next_action":"TakeHealthSurvey","redirect_url":"https://truemed.example/s/2","provision_token_request_id":"ptr_2"}"#,
    )?;
    host.owed();
    host.wish("charge 2026-12 {B12}", charge_of("2026-12", b12())?);
    host.returned(Via::SuccessUrl)?;
    host.webhook(r#"{"payment_token":"pt_1","provision_token_request_id":"ptr_2"}"#)?;
    host.wish("charge 2026-12 {B12, Magnesium}", charge_of("2026-12", b12_and_magnesium())?);
    Ok(())
}

/// The same charge asked for twice is one charge.
fn charge() -> Played {
    let mut host = Host::issued("4. A charge asked for twice is sent once")?;
    host.wish("charge 2026-12 {B12}", charge_of("2026-12", b12())?);
    host.send("create_payment_session:2026-12")?;
    host.wish("charge 2026-12 {B12}, the queue again", charge_of("2026-12", b12())?);
    host.send("create_payment_session:2026-12")?;
    host.reply("create_payment_session:2026-12", 200, r#"{"id":"ps_1"}"#)?;
    host.webhook(r#"{"payment_session_id":"ps_1","status":"processing"}"#)?;
    host.webhook(r#"{"payment_session_id":"ps_1","status":"captured","capture_amount":1500}"#)?;
    host.owed();
    host.wish("charge 2026-12 {B12}, the cron job again", charge_of("2026-12", b12())?);
    Ok(())
}

/// A crash between saving and doing: what is owed is in the row.
fn crash() -> Played {
    let mut host = Host::issued("5. A crash between saving and sending: the row knows what is owed")?;
    host.wish("charge 2027-01 {B12}", charge_of("2027-01", b12())?);
    let row = host.at.save();
    println!("        the row is saved ({} bytes), and the worker dies", row.len());
    host.at = Snapshot::load(&row)?;
    host.owed();
    host.send("create_payment_session:2027-01")?;
    println!("        the next worker dies after sending; nobody has the answer");
    host.wait_until(host.env.now.as_millis() + 300_000);
    host.send("create_payment_session:2027-01")?;
    println!("        the same id, the same key: Truemed does it once");
    Ok(())
}

/// A host with one row.
struct Host {
    at: Snapshot<PaymentToken>,
    env: Env<Settings>,
}

impl Host {
    fn open(title: &str) -> Self {
        println!("\n{title}");
        let key = Key::of("tour", title);
        Self { at: Snapshot::start(key), env: Env::at(Timestamp::from_millis(0)) }
    }

    /// A row whose token was issued already.
    fn issued(title: &str) -> Result<Self, Box<dyn Error>> {
        let mut host = Self::open(title);
        let mut at = host.at.handle(create_b12(), &host.env)?.next;
        at = at.handle(EffectId::parse("create_payment_token:1")?, &host.env)?.next;
        for fact in [
            reply(
                "create_payment_token:1",
                200,
                r#"{"provision_token_request_id":"ptr_1","redirect_url":"https://truemed.example/q/1"}"#,
            ),
            webhook(r#"{"payment_token":"pt_1","provision_token_request_id":"ptr_1"}"#),
        ] {
            at = at.observe(fact, &host.env)?.applied().ok_or("it moves")?.next;
        }
        host.at = at;
        Ok(host)
    }

    /// The host wants something.
    fn wish(&mut self, what: &str, command: impl Into<Command<PaymentToken>>) {
        self.tick();
        match self.at.handle(command, &self.env) {
            Ok(step) if step.next.revision() == self.at.revision() => say("host", what, "stands already: nothing new"),
            Ok(step) => {
                say("host", what, "accepted");
                self.keep(step);
            }
            Err(rejection) => refused("host", what, &rejection),
        }
    }

    /// A worker takes a request in hand and sends it.
    fn send(&mut self, effect: &str) -> Played {
        self.tick();
        match self.at.handle(EffectId::parse(effect)?, &self.env) {
            Ok(step) => {
                if let Some(request) = &step.take {
                    say("send", effect, &format!("{} {}", request.method, request.url));
                }
                self.keep(step);
            }
            Err(rejection) => refused("send", effect, &rejection),
        }
        Ok(())
    }

    fn reply(&mut self, to: &str, status: u16, body: &str) -> Played {
        let what = format!("reply {status} {body}");
        self.observe(&what, reply(to, status, body))
    }

    fn webhook(&mut self, body: &str) -> Played {
        self.observe(&format!("webhook {body}"), webhook(body))
    }

    fn returned(&mut self, via: Via) -> Played {
        self.observe("the customer's browser is back", Fact::Returned { via })
    }

    /// Something has happened.
    fn observe(&mut self, what: &str, fact: Fact<'_>) -> Played {
        self.tick();
        match self.at.observe(fact, &self.env)? {
            Observation::Applied(step) => {
                say("fact", what, &self.moves(&step.next));
                self.keep(step);
            }
            Observation::Unmoved { because, .. } => say("fact", what, &format!("moves nothing: {because:?}")),
        }
        Ok(())
    }

    /// The facets that differ.
    fn moves(&self, next: &Snapshot<PaymentToken>) -> String {
        use rulebound::{Flow, Named};
        let pairs = self.at.state().at().into_iter().zip(next.state().at());
        let moved: Vec<_> = pairs.filter(|(a, b)| a != b).map(|(_, to)| to.name()).collect();
        if moved.is_empty() { "noted".into() } else { moved.join(", ") }
    }

    fn keep(&mut self, step: Transition<PaymentToken>) {
        for warning in &step.warnings {
            println!("        warning {}: {}", warning.rule.code, warning.message());
        }
        self.at = step.next;
    }

    fn owed(&self) {
        for owed in self.at.owed(&self.env) {
            println!("        owed    {}", owed.id);
        }
    }

    fn awaits(&self) {
        for awaited in self.at.awaits(&self.env) {
            println!("        awaits  {}, the customer at {}", awaited.signal, awaited.customer_at.unwrap_or_default());
        }
    }

    fn tick(&mut self) {
        self.wait_until(self.env.now.as_millis() + 1);
    }

    fn wait_until(&mut self, millis: i64) {
        self.env.now = Timestamp::from_millis(millis);
    }
}

fn say(who: &str, what: &str, outcome: &str) {
    println!("  {who}  {what}\n        {outcome}");
}

fn refused(who: &str, what: &str, rejection: &Rejection) {
    println!("  {who}  {what}");
    for violation in &rejection.violations {
        println!("        REFUSED {}", violation.rule.code);
        println!("                {}", violation.message());
        if let Some(source) = violation.rule.sources.first() {
            println!("                source: {} ({})", source.page, source.section);
        }
        if let Some(until) = &violation.until {
            println!("                until:  {until}");
        }
        if !violation.instead.is_empty() {
            println!("                instead: {}", violation.instead.join(", then "));
        }
    }
}

fn reply<'a>(to: &'a str, status: u16, body: &'a str) -> Fact<'a> {
    Fact::Reply { to: to.into(), status, headers: Headers::default(), body: body.as_bytes().into() }
}

fn webhook(body: &str) -> Fact<'_> {
    Fact::Webhook { body: body.as_bytes().into(), content_type: None, topic: None, origin: Origin::Verified }
}

fn b12() -> Vec<OrderItem> {
    vec![OrderItem::new("b12", "B12", 1, Cents::new(1500))]
}

fn b12_and_magnesium() -> Vec<OrderItem> {
    let mut items = b12();
    items.push(OrderItem::new("mg", "Magnesium", 1, Cents::new(1200)));
    items
}

fn create_b12() -> CreatePaymentToken {
    CreatePaymentToken::new(b12(), "https://shop.example/ok", "https://shop.example/cancel")
}

fn charge_of(intent: &str, items: Vec<OrderItem>) -> Result<CreatePaymentSession, Box<dyn Error>> {
    let total = items.iter().fold(Cents::ZERO, |sum, item| sum.plus(item.price));
    let mut charge = CreatePaymentSession::new(total, items);
    charge.payment_token = Some(Token::parse("pt_1")?);
    charge.intent = Some(Intent::parse(intent)?);
    charge.success_url = Some("https://shop.example/ok".into());
    charge.failure_url = Some("https://shop.example/cancel".into());
    Ok(charge)
}
