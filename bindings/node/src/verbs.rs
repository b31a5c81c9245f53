//! The verbs, from text to text. What goes wrong is left to `ffi::call` to explain, so that an error is the same in
//! every language.

use std::marker::PhantomData;
use std::sync::LazyLock;

use rulebound::ffi::{
    AnyError, AnyObservation, AnySnapshot, AnyTransition, Around, Problem, load, read_fact, read_policy,
};
use rulebound::json::{self, write};
use rulebound::time::Timestamp;
use rulebound::{Because, Failure, Flow, Headers, Policy, Request, Secret, Violation, ffi, providers};
use serde::Serialize;

use crate::memo::Memo;
use crate::raw::{Answer, Call, Kind, Verb};

/// Every function of the module.
pub(crate) static VERBS: &[Verb] = &[
    // Beside it the others are measured.
    Verb { name: "empty", serve: |_, _| Some(done(String::new())) },
    Verb { name: "flows", serve: flows },
    Verb { name: "load", serve: read },
    Verb { name: "save", serve: save },
    Verb { name: "handle", serve: handle },
    Verb { name: "observe", serve: observe },
    Verb { name: "owed", serve: |call, memo| look(call, memo, |at, around| at.owed(around)) },
    Verb { name: "awaits", serve: |call, memo| look(call, memo, |at, around| at.awaits(around)) },
    Verb { name: "offers", serve: |call, memo| look(call, memo, |at, around| at.offers(around)) },
    Verb { name: "deadline", serve: |call, memo| look(call, memo, |at, around| at.deadline(around)) },
    Verb { name: "correlationIds", serve: correlation_ids },
    Verb { name: "authenticate", serve: authenticate },
    Verb { name: "correlate", serve: correlate },
    Verb { name: "keyOf", serve: key_of },
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

/// The longest text of a command, a fact, a policy or settings: what is longer, `ffi::call` refuses.
const LONGEST: usize = 4 << 20;

/// Where an argument of the verbs on a snapshot stands.
const NUMBER: usize = 0;
const TEXT: usize = 1;
const NOW: usize = 2;
const POLICY: usize = 3;
const SETTINGS: usize = 4;
const INPUT: usize = 5;
const BODY: usize = 6;

fn flows(_: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    Some(said(&*FLOWS))
}

/// Reads a text, and answers its key and which flow it is of.
fn read(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    match load(&call.text(0)?) {
        Ok(snapshot) => {
            let flow = FLOWS.iter().position(|[id, ..]| *id == snapshot.flow())?;
            let key = done(snapshot.key().as_str().to_owned());
            Some(Answer { flow, revision: snapshot.revision(), number: memo.keep(snapshot), ..key })
        }
        // What is no JSON cannot be a part of a call.
        Err(wrong) => told(wrong.into()),
    }
}

/// The text of a snapshot; nothing if it is forgotten.
fn save(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    Some(done(memo.open(number(call)?, || None)?.save()))
}

fn handle(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    let circumstances = Circumstances::of(call)?;
    let command = bounded(call, INPUT)?;
    match open(call, memo)?.handle(&command, &circumstances.around()) {
        Ok(transition) => accepted(transition, memo),
        Err(AnyError::Refused(rejection)) => Some(Answer { kind: Kind::Refused, ..said(&rejection.violations) }),
        Err(_) => None,
    }
}

fn observe(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    #[derive(Serialize)]
    struct Unmoved {
        because: Because,
        warnings: Vec<Violation>,
    }
    let circumstances = Circumstances::of(call)?;
    let text = bounded(call, INPUT)?;
    let fact = read_fact(&text).ok()?;
    let body = call.bytes(BODY);
    let has_bytes = body.is_some();
    let fact = match body {
        Some(bytes) => fact.with_body(bytes),
        None => fact,
    };
    match open(call, memo)?.observe(fact, &circumstances.around()) {
        Ok(AnyObservation::Applied(transition)) => accepted(transition, memo),
        Ok(AnyObservation::Unmoved { because, warnings, .. }) => {
            Some(Answer { kind: Kind::Unmoved, ..said(&Unmoved { because, warnings }) })
        }
        // A text cannot carry the bytes, so that `ffi::call` would not see what is wrong with them.
        Err(why @ AnyError::Fact(_)) if has_bytes => told(why),
        Err(_) => None,
    }
}

/// A transition without its next snapshot, which is kept, and without what is empty; no text if it has only changed.
fn accepted(transition: AnyTransition, memo: &mut Memo) -> Option<Answer> {
    #[derive(Serialize)]
    struct Rest {
        changed: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        take: Option<Request>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        learnt: Vec<rulebound::CorrelationId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<Violation>,
    }
    let AnyTransition { next, changed, take, learnt, failure, warnings, .. } = transition;
    let is_bare = changed && take.is_none() && learnt.is_empty() && failure.is_none() && warnings.is_empty();
    let rest = match is_bare {
        true => done(String::new()),
        false => said(&Rest { changed, take, learnt, failure, warnings }),
    };
    Some(Answer { revision: next.revision(), number: memo.keep(next), ..rest })
}

fn look<T: Serialize>(
    call: &Call<'_>,
    memo: &mut Memo,
    view: impl FnOnce(&dyn AnySnapshot, &Around<'_>) -> Result<T, AnyError>,
) -> Option<Answer> {
    let circumstances = Circumstances::of(call)?;
    Some(said(&view(open(call, memo)?, &circumstances.around()).ok()?))
}

fn correlation_ids(call: &Call<'_>, memo: &mut Memo) -> Option<Answer> {
    Some(said(&open(call, memo)?.correlation_ids()))
}

/// Whether a webhook of raw bytes is the provider's.
fn authenticate(call: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    let (provider, secrets, headers) = (call.text(0)?, call.text(1)?, call.text(2)?);
    let secrets: Vec<String> = json::read(&secrets, PhantomData).ok()?;
    let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(it)).collect();
    let headers: Headers<'_> = json::read(&headers, PhantomData).ok()?;
    let (body, now) = (call.bytes(3)?, instant(call, 4)?);
    let told = match call.has(5) {
        true => {
            let tolerance = json::read(&call.text(5)?, PhantomData).ok()?;
            rulebound::authenticate_within(&provider, &secrets, &headers, &body, now, tolerance)
        }
        false => rulebound::authenticate(&provider, &secrets, &headers, &body, now),
    };
    match told {
        Ok(origin) => Some(said(&origin)),
        Err(wrong) => Some(Answer::wrong(&wrong.into())),
    }
}

/// The ids by which a webhook of raw bytes finds its flows.
fn correlate(call: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    let provider = call.text(0)?;
    rulebound::acknowledgement(&provider)?;
    match rulebound::correlate(&provider, &call.bytes(1)?) {
        Ok(ids) => Some(said(&ids)),
        Err(wrong) => Some(Answer::wrong(&wrong.into())),
    }
}

/// The key of a flow whose identity is the provider's own thing.
fn key_of(call: &Call<'_>, _: &mut Memo) -> Option<Answer> {
    let key = rulebound::key_of(&call.text(0)?, &call.text(1)?).ok()?;
    Some(done(key.as_str().to_owned()))
}

/// The circumstances of a call.
struct Circumstances {
    now: Timestamp,
    policy: Option<Policy>,
    settings: Option<String>,
}

impl Circumstances {
    fn of(call: &Call<'_>) -> Option<Self> {
        let policy = match call.has(POLICY) {
            true => Some(read_policy(&bounded(call, POLICY)?).ok()?),
            false => None,
        };
        let settings = match call.has(SETTINGS) {
            true => Some(bounded(call, SETTINGS)?),
            false => None,
        };
        Some(Self { now: instant(call, NOW)?, policy, settings })
    }

    fn around(&self) -> Around<'_> {
        Around::new(self.now, self.policy.as_ref(), self.settings.as_deref())
    }
}

/// The snapshot that a verb is asked of.
fn open<'a>(call: &Call<'_>, memo: &'a mut Memo) -> Option<&'a dyn AnySnapshot> {
    memo.open(number(call)?, || load(&call.text(TEXT)?).ok())
}

fn number(call: &Call<'_>) -> Option<u64> {
    Some(call.number(NUMBER)? as u64)
}

/// A time, if the argument is one that every JSON carries.
fn instant(call: &Call<'_>, index: usize) -> Option<Timestamp> {
    let millis = call.number(index)?;
    let at = Timestamp::from_millis(millis as i64);
    (at.as_millis() as f64 == millis).then_some(at)
}

fn bounded(call: &Call<'_>, index: usize) -> Option<String> {
    call.text(index).filter(|text| text.len() <= LONGEST)
}

/// What is wrong, in the words of every language.
fn told(why: AnyError) -> Option<Answer> {
    Problem::of(why).ok().map(|problem| Answer::wrong(&problem))
}

fn said(value: &impl Serialize) -> Answer {
    done(write(value))
}

fn done(text: String) -> Answer {
    Answer::new(Kind::Done, text)
}
