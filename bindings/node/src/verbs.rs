//! The verbs, from text to text. `ffi::call` explains what goes wrong, so that an error is the same in every language.

use std::marker::PhantomData;
use std::sync::LazyLock;

use rulebound::ffi::{AnyError, AnyLease, AnySnapshot, AnyStep, CallError, load, read_effect, read_fact};
use rulebound::flow::FacetTransition;
use rulebound::json::{read, write};
use rulebound::{
    Context, Failure, Flow, Headers, Ignored, Request, Secret, TypedId, Violation, WebhookOptions, ffi, providers,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::answer::{Answer, Kind, Verb};
use crate::context::{INPUT, bounded, context, instant};
use crate::memo::Memo;
use crate::raw::Call;

/// Every function of the module.
pub(crate) static VERBS: &[Verb] = &[
    // Beside it the others are measured.
    Verb { name: "empty", serve: |_, _| Some(done(String::new())) },
    Verb { name: "flows", serve: flows },
    Verb { name: "load", serve: load_text },
    Verb { name: "save", serve: save },
    Verb { name: "handle", serve: handle },
    Verb { name: "lease", serve: lease },
    Verb { name: "observe", serve: observe },
    Verb { name: "status", serve: |call, memo| view(call, memo, |snapshot, cx| snapshot.status(cx)) },
    Verb { name: "effects", serve: |call, memo| view(call, memo, |snapshot, cx| snapshot.effects(cx)) },
    Verb { name: "waitingFor", serve: |call, memo| view(call, memo, |snapshot, cx| snapshot.waiting_for(cx)) },
    Verb { name: "actions", serve: |call, memo| view(call, memo, |snapshot, cx| snapshot.actions(cx)) },
    Verb { name: "wakeAt", serve: |call, memo| view(call, memo, |snapshot, cx| snapshot.wake_at(cx)) },
    Verb { name: "ids", serve: ids },
    Verb { name: "fingerprint", serve: fingerprint },
    Verb { name: "readWebhook", serve: read_webhook },
    Verb { name: "webhookIds", serve: webhook_ids },
    Verb { name: "keyFor", serve: key_for },
    Verb { name: "call", serve: |call, _| Some(done(ffi::call(&call.text(0)?))) },
    #[cfg(feature = "panics")]
    Verb { name: "panicIn", serve: crate::panics::panic_in },
];

/// Every flow: its id, its provider, its type.
static FLOWS: LazyLock<Vec<[&str; 3]>> = LazyLock::new(|| {
    let mut all = Vec::new();
    macro_rules! list {
        ($provider:ident :: $flow:ident) => {
            let id = <providers::$provider::$flow as Flow>::ID;
            all.push([id, stringify!($provider), stringify!($flow)]);
        };
    }
    rulebound::for_each_flow!(list);
    all
});

/// Where a verb on a snapshot finds the snapshot's number, its text, and the bytes of a fact's body.
const NUMBER: usize = 0;
const TEXT: usize = 1;
const BODY: usize = 5;

/// How many bytes of a fingerprint are enough.
const FINGERPRINT: usize = 9;

fn flows(_: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    Some(json(&*FLOWS))
}

/// Reads the text of a snapshot: the answer is its key, and which flow it is of.
fn load_text(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    match load(&call.text(0)?) {
        Ok(snapshot) => {
            let flow = FLOWS.iter().position(|[id, ..]| *id == snapshot.flow())?;
            let key = done(snapshot.key().as_str().to_owned());
            Some(Answer { flow, revision: snapshot.revision(), number: memo.keep(snapshot), ..key })
        }
        // What is no JSON cannot be a part of a call.
        Err(wrong) => problem(wrong.into()),
    }
}

/// The text of a snapshot; nothing if it is forgotten.
fn save(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    Some(done(memo.open(number(call)?, || None)?.save()))
}

fn handle(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    let cx = context(call, memo)?;
    let command = bounded(call, INPUT)?;
    match open(call, memo)?.handle(&command, &cx) {
        Ok(step) => Some(stepped(step, memo)),
        Err(why) => rejected(why),
    }
}

fn lease(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    let cx = context(call, memo)?;
    let effect = read_effect(&bounded(call, INPUT)?).ok()?;
    match open(call, memo)?.lease(&effect, &cx) {
        Ok(lease) => Some(leased(lease, memo)),
        Err(why) => rejected(why),
    }
}

fn observe(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    let cx = context(call, memo)?;
    let text = bounded(call, INPUT)?;
    let fact = read_fact(&text).ok()?;
    let body = call.bytes(BODY);
    let has_bytes = body.is_some();
    let fact = match body {
        Some(bytes) => fact.with_body(bytes),
        None => fact,
    };
    match open(call, memo)?.observe(fact, &cx) {
        Ok(step) => Some(stepped(step, memo)),
        // A text cannot carry the bytes, so that `ffi::call` would not see what is wrong with them.
        Err(why @ AnyError::Fact(_)) if has_bytes => problem(why),
        Err(_) => None,
    }
}

/// The rules that a command or a lease would break; nothing where it is malformed.
fn rejected(why: AnyError) -> Option<Answer> {
    match why {
        AnyError::Rejected(rejection) => Some(Answer { kind: Kind::Rejected, ..json(&rejection.violations) }),
        _ => None,
    }
}

/// A step without its next snapshot, which is kept, and without what is empty; the transitions alone where the rest is.
fn stepped(step: AnyStep, memo: &mut Memo) -> Answer {
    #[derive(Serialize)]
    struct Rest {
        #[serde(skip_serializing_if = "Option::is_none")]
        ignored: Option<Ignored>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        transitions: Vec<FacetTransition>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        new_ids: Vec<TypedId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<Violation>,
    }
    let AnyStep { next, ignored, transitions, new_ids, failure, warnings, .. } = step;
    let is_ignored = ignored.is_some();
    let rest = match !is_ignored && new_ids.is_empty() && failure.is_none() && warnings.is_empty() {
        true => json(&transitions),
        false => json(&Rest { ignored, transitions, new_ids, failure, warnings }),
    };
    match is_ignored {
        // JavaScript has the snapshot already: nothing in it has changed.
        true => Answer { kind: Kind::Ignored, ..rest },
        false => kept(next, rest, memo),
    }
}

/// A lease without its next snapshot, which is kept; no text where there is no more to it.
fn leased(lease: AnyLease, memo: &mut Memo) -> Answer {
    #[derive(Serialize)]
    struct Rest {
        request: Option<Request>,
        warnings: Vec<Violation>,
    }
    let AnyLease { next, request, warnings, .. } = lease;
    let rest = match request.is_none() && warnings.is_empty() {
        true => done(String::new()),
        false => json(&Rest { request, warnings }),
    };
    kept(next, rest, memo)
}

/// An answer that leads to a next snapshot.
fn kept(next: Box<dyn AnySnapshot>, rest: Answer, memo: &mut Memo) -> Answer {
    Answer { revision: next.revision(), number: memo.keep(next), ..rest }
}

fn view<T: Serialize>(
    call: &Call<'_>,
    memo: &mut Memo,
    view: impl FnOnce(&dyn AnySnapshot, &Context) -> T,
) -> Option<Answer> {
    let cx = context(call, memo)?;
    Some(json(&view(open(call, memo)?, &cx)))
}

fn ids(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    Some(json(&open(call, memo)?.ids()))
}

/// Tells texts apart without showing them.
fn fingerprint(call: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    let hash = Sha256::digest(call.text(0)?);
    let hex = hash.iter().take(FINGERPRINT).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    Some(done(hex))
}

/// A webhook of raw bytes, without its body, which JavaScript has.
fn read_webhook(call: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    let (provider, secrets, headers) = (call.text(0)?, call.text(1)?, call.text(2)?);
    let secrets: Vec<String> = read(&secrets, PhantomData).ok()?;
    let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
    let headers: Headers<'_> = read(&headers, PhantomData).ok()?;
    let (body, now) = (call.bytes(3)?, instant(call, 4)?);
    let topic = if call.has(5) { Some(call.text(5)?) } else { None };
    let mut options = WebhookOptions::default();
    if let Some(topic) = &topic {
        options = options.topic(topic);
    }
    if call.has(6) {
        options = options.tolerance(read(&call.text(6)?, PhantomData).ok()?);
    }
    let mut received = match rulebound::read_webhook_with(&provider, &secrets, &headers, body, now, &options) {
        Ok(received) => received,
        Err(wrong) => return Some(Answer::wrong(&wrong.into())),
    };
    // The body goes into the fact as it came: bytes are not always text.
    received.fact = received.fact.with_body(&b""[..]);
    Some(json(&received))
}

/// The ids of a stored webhook, whose raw body may be bytes.
fn webhook_ids(call: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    let (provider, text) = (call.text(0)?, bounded(call, 1)?);
    let fact = read_fact(&text).ok()?;
    let fact = match call.bytes(2) {
        Some(bytes) => fact.with_body(bytes),
        None => fact,
    };
    Some(json(&rulebound::webhook_ids(&provider, &fact).ok()?))
}

/// The key of a flow whose identity is the provider's own thing.
fn key_for(call: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    let key = rulebound::key_for(&call.text(0)?, &call.text(1)?).ok()?;
    Some(done(key.as_str().to_owned()))
}

/// The snapshot that a verb is asked of.
fn open<'a>(call: &Call<'_>, memo: &'a mut Memo) -> Option<&'a dyn AnySnapshot> {
    memo.open(number(call)?, || load(&call.text(TEXT)?).ok())
}

fn number(call: &Call<'_>) -> Option<u64> {
    Some(call.number(NUMBER)? as u64)
}

/// What is wrong, in the words of every language.
fn problem(why: AnyError) -> Option<Answer> {
    CallError::of(why).ok().map(|problem| Answer::wrong(&problem))
}

fn json(value: &impl Serialize) -> Answer {
    done(write(value))
}

fn done(text: String) -> Answer {
    Answer::new(Kind::Done, text)
}
