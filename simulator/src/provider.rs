//! What a simulated provider is, and the list of all of them.
//!
//! # To add a provider
//!
//! 1. Make a folder beside `truemed`, with a type that holds the provider's state and implements [`Provider`].
//!    `Default` is the state of a new world.
//! 2. List its calls and pages in [`Provider::OPERATIONS`]: name, method, path with `{parameters}`, the document that
//!    describes the operation, and the function that does it. A function takes the state, the [`Call`] and the
//!    [`Context`], and returns a [`Reply`].
//! 3. In these functions, take ids from [`Context::id`], the time from [`Context::now`], and addresses of pages from
//!    [`Context::url`]. Send a webhook with [`Context::webhook`], or with `webhook_to` where the merchant named the
//!    address in a request, or with `webhook_also` where it registered further ones; `resend` and `webhook_again` repeat
//!    one. Let something happen later with [`Context::after`], or at a date with `at`:
//!    [`Provider::due`] gets the same value back. Keep replies by idempotency key with [`Context::keep`], and find
//!    them with [`Context::earlier`]. Where documents can be read in several ways, add a [`Reading`] and ask
//!    [`Context::reading`]. Mark what no document says with [`Reply::inferred`], and name the documented rule that a
//!    refused request broke with [`Reply::broke`]. Pages come from [`crate::page`].
//! 4. Implement [`Provider::act`]: what the customer can do without a browser. Sign webhooks in [`Provider::sign`], and
//!    say with [`Provider::PATIENCE`], `acknowledged`, `repeats` and `retry` how they are delivered.
//! 5. Add one line to [`all`] below. The provider then lives at `/w/<world>/<name>`, and has the journal, faults,
//!    clock and webhook controls without further code.
//!
//! A function checks first and changes the state afterwards: a refused request must leave no trace.

use serde_json::Value;

use crate::http::{HttpReply, HttpRequest};
use crate::time::{Millis, SECOND};
use crate::world::{Call, Context, Endpoint, Sending};

/// Every provider, as the state of a new world.
pub(crate) fn all() -> Vec<Box<dyn Hosted>> {
    vec![
        Box::new(crate::truemed::Truemed::default()),
        Box::new(crate::flex::Flex::default()),
        Box::new(crate::vend::Vend::default()),
        Box::new(crate::revup::Revup::default()),
    ]
}

/// One payment provider: its state in one world, and what changes this state.
pub(crate) trait Provider: Default + Send + 'static {
    /// The name in addresses and in the control plane.
    const NAME: &'static str;
    /// Everything that can be requested.
    const OPERATIONS: &'static [Operation<Self>];
    /// How long a receiver of webhooks can take to reply, in real time.
    const PATIENCE: Millis = 10 * SECOND;
    /// What the documents leave open.
    const READINGS: &'static [Reading];
    /// How webhooks can be authenticated, in the provider's own words. The first one is the default.
    const AUTHS: &'static [&'static str] = &[];

    /// Whose request it is: the API key, or the refusal of a request without one.
    fn account(request: &HttpRequest) -> Result<String, Reply>;

    /// The provider's error body for a status that any operation can return.
    fn error(status: u16, message: &str) -> HttpReply;

    /// The value of `retry-after` in a reply 429, where requests are served again at `free`.
    fn retry_after(_free: Millis) -> String {
        "1".into()
    }

    /// Does what [`Context::after`] planned.
    fn due(&mut self, what: &Value, context: &mut Context<'_>);

    /// Does what the customer or the world does, without a browser. The reply goes to the control plane.
    fn act(&mut self, act: &Value, context: &mut Context<'_>) -> Result<Value, String>;

    /// The headers and the body of one attempt to deliver a webhook.
    fn sign(sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>);

    /// Whether this status acknowledges a webhook.
    fn acknowledged(status: u16) -> bool;

    /// Whether a webhook of this kind is sent again until it is acknowledged.
    fn repeats(_event: &str) -> bool {
        true
    }

    /// How long after an attempt the next one follows. `attempts` were made, the first of them `age` ago.
    fn retry(attempts: u32, age: Millis) -> Option<Millis>;

    /// The provider's own records, for the invariants of a test.
    fn ledger(&self) -> Value;
}

/// One call of the provider's interface, or one page of the customer.
pub(crate) struct Operation<P> {
    /// The name in the journal and in faults.
    pub(crate) name: &'static str,
    /// `GET`, `POST`, ….
    pub(crate) method: &'static str,
    /// The path below the provider's address; `{name}` matches one part.
    pub(crate) path: &'static str,
    /// The document that describes it.
    pub(crate) source: &'static str,
    /// How well the operation is documented.
    pub(crate) fidelity: Fidelity,
    /// Who requests it.
    pub(crate) by: By,
    /// Does it.
    pub(crate) run: fn(&mut P, &Call<'_>, &mut Context<'_>) -> Reply,
}

/// Who requests an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The merchant's backend, with its key and JSON.
    Merchant,
    /// The customer's browser, with forms.
    Customer,
}

/// How well something is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fidelity {
    /// The provider's own documents say it.
    Documented,
    /// We conclude it, or a third party says it.
    Inferred,
}

impl Fidelity {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Inferred => "inferred",
        }
    }
}

/// A question that the documents leave open, with its possible answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// Its name, below the provider's name.
    pub(crate) name: &'static str,
    /// The possible values. The first one is the default.
    pub(crate) values: &'static [&'static str],
    /// What is unclear, and where.
    pub(crate) question: &'static str,
}

impl Reading {
    pub(crate) const fn new(name: &'static str, values: &'static [&'static str], question: &'static str) -> Self {
        Self { name, values, question }
    }
}

/// A provider's reply, with what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) http: HttpReply,
    /// Why this reply is less documented than its operation.
    pub(crate) inferred: Option<&'static str>,
    /// The document of this reply, where it is another than that of the operation.
    pub(crate) source: Option<&'static str>,
    /// The rule that the request broke.
    pub(crate) broke: Option<Box<Broke>>,
}

/// A documented rule that a request broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broke {
    pub(crate) rule: &'static str,
    pub(crate) says: String,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        HttpReply::json(status, body).into()
    }

    /// Marks the reply as our conclusion, with the reason.
    pub(crate) fn inferred(mut self, why: &'static str) -> Self {
        self.inferred = Some(why);
        self
    }

    /// Names the document of this reply.
    pub(crate) fn source(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }

    /// Names the rule that the request broke.
    pub(crate) fn broke(mut self, rule: &'static str, says: impl Into<String>) -> Self {
        self.broke = Some(Box::new(Broke { rule, says: says.into() }));
        self
    }
}

impl From<HttpReply> for Reply {
    fn from(http: HttpReply) -> Self {
        Self { http, inferred: None, source: None, broke: None }
    }
}

/// What is said about an operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Described {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) source: &'static str,
    pub(crate) fidelity: Fidelity,
    pub(crate) by: By,
}

/// A [`Provider`] of any type.
pub(crate) trait Hosted: Send {
    fn name(&self) -> &'static str;
    fn operations(&self) -> Vec<Described>;
    fn readings(&self) -> &'static [Reading];
    fn auths(&self) -> &'static [&'static str];
    fn run(&mut self, index: usize, call: &Call<'_>, context: &mut Context<'_>) -> Reply;
    fn account(&self, request: &HttpRequest) -> Result<String, Reply>;
    fn error(&self, status: u16, message: &str) -> HttpReply;
    fn retry_after(&self, free: Millis) -> String;
    fn due(&mut self, what: &Value, context: &mut Context<'_>);
    fn act(&mut self, act: &Value, context: &mut Context<'_>) -> Result<Value, String>;
    fn sign(&self, sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>);
    fn patience(&self) -> Millis;
    fn repeats(&self, event: &str) -> bool;
    fn acknowledged(&self, status: u16) -> bool;
    fn retry(&self, attempts: u32, age: Millis) -> Option<Millis>;
    fn ledger(&self) -> Value;
}

impl<P: Provider> Hosted for P {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn operations(&self) -> Vec<Described> {
        let described = |operation: &Operation<P>| {
            let &Operation { name, method, path, source, fidelity, by, .. } = operation;
            Described { name, method, path, source, fidelity, by }
        };
        P::OPERATIONS.iter().map(described).collect()
    }

    fn readings(&self) -> &'static [Reading] {
        P::READINGS
    }

    fn auths(&self) -> &'static [&'static str] {
        P::AUTHS
    }

    fn run(&mut self, index: usize, call: &Call<'_>, context: &mut Context<'_>) -> Reply {
        match P::OPERATIONS.get(index) {
            Some(operation) => (operation.run)(self, call, context),
            None => P::error(501, "The simulator has no such operation.").into(),
        }
    }

    fn account(&self, request: &HttpRequest) -> Result<String, Reply> {
        P::account(request)
    }

    fn error(&self, status: u16, message: &str) -> HttpReply {
        P::error(status, message)
    }

    fn retry_after(&self, free: Millis) -> String {
        P::retry_after(free)
    }

    fn due(&mut self, what: &Value, context: &mut Context<'_>) {
        Provider::due(self, what, context);
    }

    fn act(&mut self, act: &Value, context: &mut Context<'_>) -> Result<Value, String> {
        Provider::act(self, act, context)
    }

    fn sign(&self, sending: &Sending<'_>, endpoint: &Endpoint) -> (Vec<(String, String)>, Vec<u8>) {
        P::sign(sending, endpoint)
    }

    fn patience(&self) -> Millis {
        P::PATIENCE
    }

    fn repeats(&self, event: &str) -> bool {
        P::repeats(event)
    }

    fn acknowledged(&self, status: u16) -> bool {
        P::acknowledged(status)
    }

    fn retry(&self, attempts: u32, age: Millis) -> Option<Millis> {
        P::retry(attempts, age)
    }

    fn ledger(&self) -> Value {
        Provider::ledger(self)
    }
}
