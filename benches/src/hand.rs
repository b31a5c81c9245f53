//! The steps that are measured, as a good engineer would write them without rulebound: one row, plain functions over
//! it, `match` and `if`.
//!
//! **Equal.** The commands (the same types), the rules that are looked at and their codes, pointers and remedies; all
//! broken rules are listed, not the first. The row is a value: a step clones it and gives the next one. The same
//! facts are kept: the request with its whole command under the same id until its answer, the intents and the settled
//! origins (16 of each), the fingerprints (SHA-256, cut to 80 bits, of the sorted items), the waits and their
//! schedule, the revision. What is owed, offered and learnt has the same contents. Dates are read by the same parser.
//!
//! **Left out.** Whatever these steps do not need: other flows and operations, the policy (modes, overrides and other
//! schedules than the default), details of violations in words, newtypes and their checks, facts that the host built
//! wrong, the table of edges, look-ups after lost answers, webhooks of sessions and of repaired charges, ids that are
//! learnt late, numbers where a webhook should have text, and telling which field of a JSON text is wrong.

mod answer;
mod digest;
mod guard;
mod update;
mod views;
mod watch;

pub use answer::{answered, done, token_updated};
pub use digest::{Digest, digest};
pub use update::update;
pub use views::{Due, Effect, Offer, call, offers, owed};
pub use watch::Watch;

use rulebound::time::Timestamp;
use rulebound::truemed::{AmountDetails, CreatePaymentSession, Kind, OrderItem, UpdatePaymentToken};
use serde::{Deserialize, Serialize};

use digest::cart;
use guard::{Found, Wish, guard};

/// How many intents and settled origins are remembered.
const REMEMBERED: usize = 16;

/// One subscription's token, as a row keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// The host's name for it.
    pub key: String,
    /// How often it has changed.
    pub revision: u64,
    /// Whether the token exists.
    pub place: Place,
    /// The text to charge with.
    pub token: Option<String>,
    /// The newest request that was settled.
    pub settled: u32,
    /// The attempts to get a token that are open.
    pub provisions: Vec<Provision>,
    /// The fingerprint of the items that the customer qualified for.
    pub confirmed: Option<Digest>,
    /// The change of the items.
    pub items: Change,
    /// The change of the card.
    pub card: Change,
    /// The charge.
    pub charge: Charge,
    /// The charges by the host's names for them.
    pub intents: Vec<Wanted>,
    /// The origins that are settled.
    pub closed: Vec<(u32, String)>,
    /// How many requests there were.
    pub requests: u32,
    /// When the letter of medical necessity expires.
    pub lmn_expires_at: Option<Timestamp>,
    /// The fingerprint of the metadata that must come back.
    pub metadata: Option<Digest>,
    /// What must be done.
    pub owed: Vec<Obligation>,
    /// How many updates were owed.
    pub updates: u32,
}

/// Whether the token exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Place {
    #[default]
    Absent,
    Requested,
    Awaiting,
    Adopting,
    Issued,
    Deleting,
    Deleted,
}

/// One attempt to get a token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Provision {
    pub nth: u32,
    pub origin: Option<String>,
    pub items: Digest,
    pub redirect_url: Option<String>,
    pub watch: Watch,
}

/// A change of the card or of the items.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Change {
    #[default]
    Settled,
    Updating {
        nth: u32,
        items: Option<Digest>,
        replaces: Option<Pending>,
    },
    Pending(Pending),
}

/// A change that the customer must still make good.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Pending {
    pub nth: u32,
    pub of: String,
    pub origin: Option<String>,
    pub items: Option<Digest>,
    pub action: String,
    pub redirect_url: Option<String>,
    pub watch: Watch,
}

/// A charge of the token.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Charge {
    #[default]
    Idle,
    Requested {
        nth: u32,
        asked: Asked,
    },
    Open {
        nth: u32,
        session: String,
        asked: Asked,
    },
    Failed {
        nth: u32,
        session: Option<String>,
        intent: Option<String>,
    },
}

/// What was asked for when a charge was wished.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Asked {
    pub intent: Option<String>,
    pub cart: Digest,
    pub total: i64,
    pub items: i64,
    pub authorization: bool,
    pub of_a_token: bool,
    pub attended: bool,
    pub metadata: Digest,
}

/// A charge by the host's name for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Wanted {
    pub intent: String,
    pub cart: Digest,
    pub ordinal: u32,
    pub outcome: Outcome,
}

/// What has become of a charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Outcome {
    Open,
    Done,
    Failed,
}

/// Something that must be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Obligation {
    pub id: String,
    pub duty: Duty,
    pub due: Option<Timestamp>,
    pub begun: u32,
    pub in_hand_until: Option<Timestamp>,
    pub held: bool,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Duty {
    Charge(Box<CreatePaymentSession>),
    Update(String, UpdatePaymentToken),
    LookUp(String),
    Notify { reason: String, of: String, customer_at: Option<String> },
    Review { reason: String, of: String, verdicts: Vec<String> },
}

/// One broken rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Broken {
    pub rule: &'static str,
    pub at: &'static str,
    pub until: Option<Until>,
    pub instead: &'static [&'static str],
}

/// What would make a refused wish legal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub enum Until {
    Signal(&'static str),
    Reply(String),
    Wish(&'static str),
    At(Timestamp),
}

/// The next row, and what goes with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[expect(missing_docs, reason = "as in rulebound")]
pub struct Step {
    pub next: Row,
    pub learnt: Vec<String>,
    pub warnings: Vec<Broken>,
}

/// Charges the token under the host's name for the charge.
pub fn charge(at: &Row, mut command: CreatePaymentSession, now: Timestamp) -> Result<Step, Vec<Broken>> {
    let items = digest(&command.order_items);
    let cart = cart(&command, items);
    let wanted = command.intent.as_ref().and_then(|intent| at.intents.iter().find(|it| it.intent == intent.as_str()));
    if wanted.is_some_and(|it| it.outcome != Outcome::Failed && it.cart == cart) {
        return Ok(Step { next: at.clone(), learnt: Vec::new(), warnings: Vec::new() });
    }
    let mut found = Found::default();
    guard(at, Wish::Charge, now, false, &mut found);
    check_token(at, &command, &mut found);
    check_items(at, items, &mut found);
    found.warn("truemed.session.tokenize-xor-token", "/tokenize", command.tokenize != Some(true));
    check_amounts(&command, &mut found);
    check_fields(&command, &mut found);
    let taken = wanted.is_some_and(|it| it.outcome != Outcome::Failed);
    found.refuse("truemed.session.idempotency-new-cart-new-key", "/intent", !taken);
    let Some(intent) = command.intent.as_ref().map(|it| it.as_str().to_owned()) else {
        found.refuse("rulebound.intent.required", "/intent", false);
        return Err(found.broken);
    };
    if !found.broken.is_empty() {
        return Err(found.broken);
    }
    let ordinal = wanted.map_or(1, |it| it.ordinal + 1);
    let id = match ordinal {
        1 => format!("create_payment_session:{intent}"),
        n => format!("create_payment_session:{intent}/{n}"),
    };
    let mut next = at.next();
    next.charge = Charge::Requested { nth: next.requests, asked: asked(&mut command, &intent, cart, &at.key) };
    next.remember(intent, cart, ordinal);
    next.owe(id, Duty::Charge(Box::new(command)), None);
    Ok(Step { next, learnt: Vec::new(), warnings: found.warned })
}

fn asked(command: &mut CreatePaymentSession, intent: &str, cart: Digest, key: &str) -> Asked {
    let metadata = command.metadata.get_or_insert_with(|| key.into());
    Asked {
        metadata: digest::of(metadata.text().unwrap_or_default().as_bytes()),
        intent: Some(intent.to_owned()),
        cart,
        total: command.total_amount.get(),
        items: i64::try_from(price_of(&command.order_items)).unwrap_or_default(),
        authorization: command.kind == Some(Kind::Authorization),
        of_a_token: true,
        attended: false,
    }
}

fn check_token(at: &Row, command: &CreatePaymentSession, found: &mut Found) {
    let Some(given) = command.payment_token.as_ref().map(|it| it.as_str()) else { return };
    let is_given = |id: &Option<String>| id.as_deref() == Some(given);
    let is_request = at.provisions.iter().any(|it| is_given(&it.origin))
        || at.pending().any(|it| is_given(&it.origin))
        || at.closed.iter().any(|(_, id)| id == given);
    if is_request {
        found.refuse("truemed.provision.request-is-not-token", "/payment_token", false);
    } else if at.place == Place::Issued {
        let same = at.token.as_deref() == Some(given);
        found.refuse("truemed.session.unattended-needs-active-token", "/payment_token", same);
    }
}

fn check_items(at: &Row, wanted: Digest, found: &mut Found) {
    if at.place != Place::Issued || at.confirmed == Some(wanted) {
        return;
    }
    let pending = matches!(&at.items, Change::Pending(it) if it.items == Some(wanted));
    let (rule, until) = match () {
        () if pending => ("truemed.session.unattended-items-confirmed", Until::Signal(guard::TOKEN_UPDATED)),
        () if at.confirmed.is_none() => ("truemed.session.unattended-items-confirmed", Until::Wish(guard::ITEMS)),
        () => ("truemed.update.required-on-item-change", Until::Wish(guard::ITEMS)),
    };
    found.broken.push(Broken { rule, at: "/order_items", until: Some(until), instead: &[] });
}

fn price_of(items: &[OrderItem]) -> i128 {
    items.iter().map(|it| i128::from(it.quantity) * i128::from(it.price.get())).sum()
}

fn check_amounts(command: &CreatePaymentSession, found: &mut Found) {
    let cents = |amount: Option<rulebound::money::Cents>| amount.map_or(0, |it| i128::from(it.get()));
    let lines = command.order_items.iter().filter_map(|it| it.amount_details.as_ref());
    let details = lines.chain(command.amount_details.as_ref());
    let positive = command.order_items.iter().all(|it| it.price.get() >= 0 && it.quantity >= 1);
    found.refuse("truemed.session.amount-nonnegative", "/order_items", positive && command.total_amount.get() >= 0);
    let mut sum = price_of(&command.order_items);
    for it in details {
        let (charges, discounts) = (cents(it.total_additional_charges), cents(it.total_discounts));
        sum += charges - discounts;
        found.refuse("truemed.session.amount-nonnegative", "/amount_details", charges >= 0 && discounts >= 0);
        found.warn("truemed.session.amount-details-consistent", "/amount_details", adds_up(it));
    }
    found.refuse("truemed.session.total-equality", "/total_amount", sum == i128::from(command.total_amount.get()));
}

fn adds_up(details: &AmountDetails) -> bool {
    let lists = [
        (&details.additional_charges_details, details.total_additional_charges),
        (&details.discounts_details, details.total_discounts),
    ];
    lists.into_iter().all(|(list, total)| {
        list.as_ref().is_none_or(|list| {
            list.iter().map(|it| it.amount.get()).sum::<i64>() == total.map_or(0, |total| total.get())
        })
    })
}

fn check_fields(command: &CreatePaymentSession, found: &mut Found) {
    let shown = command.tokenize == Some(true) && command.display_next_bill_info.is_some();
    found.refuse("truemed.session.zero-only-free-trial", "/total_amount", command.total_amount.get() != 0 || shown);
    if command.display_next_bill_info.is_some() {
        found.refuse("truemed.session.next-bill-info-shape", "/display_next_bill_info", shown);
    }
    let success = command.success_url.as_deref().unwrap_or_default();
    let host = success.strip_prefix("https://").or_else(|| success.strip_prefix("http://"));
    let absolute = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if success.is_empty() {
        found.warn("truemed.session.success-url-required", "/success_url", false);
    } else {
        found.refuse("truemed.session.success-url-required", "/success_url", absolute);
    }
    let exact = success.matches("{{").count() == success.matches("{{payment_session_id}}").count();
    found.refuse("truemed.session.url-template-exact", "/success_url", exact);
    let plain = !command.failure_url.as_deref().unwrap_or_default().contains("{{");
    found.warn("truemed.session.url-template-exact", "/failure_url", plain);
    if let Some(kind) = &command.kind {
        found.refuse("truemed.session.kind-values", "/kind", kind.is_known());
        found.warn("truemed.session.kind-gated", "/kind", false);
        found.refuse("truemed.session.authorization-needs-customer", "/kind", *kind != Kind::Authorization);
    }
    let text = command.metadata.as_ref().is_none_or(|it| it.text().is_some());
    found.refuse("truemed.metadata.string", "/metadata", text);
    let known = ["total_amount", "order_items", "payment_token", "success_url", "metadata", "idempotency_key"];
    found.refuse("rulebound.extra.known-field", "/extra", !command.extra.names().any(|name| known.contains(&name)));
}

impl Row {
    /// A copy that counts one change and one request more.
    fn next(&self) -> Self {
        let mut next = self.clone();
        next.revision += 1;
        next.requests += 1;
        next
    }

    fn owe(&mut self, id: String, duty: Duty, due: Option<Timestamp>) {
        self.owed.retain(|it| it.id != id);
        self.owed.push(Obligation { id, duty, due, begun: 0, in_hand_until: None, held: false });
    }

    fn remember(&mut self, intent: String, cart: Digest, ordinal: u32) {
        self.intents.retain(|it| it.intent != intent);
        if self.intents.len() >= REMEMBERED
            && let Some(oldest) = self.intents.iter().position(|it| it.outcome != Outcome::Open)
        {
            self.intents.remove(oldest);
        }
        self.intents.push(Wanted { intent, cart, ordinal, outcome: Outcome::Open });
    }

    fn pending(&self) -> impl Iterator<Item = &Pending> {
        [&self.items, &self.card].into_iter().filter_map(|change| match change {
            Change::Pending(pending) => Some(pending),
            _ => None,
        })
    }
}
