//! The boundary to JavaScript in WebAssembly: the same verbs, with their arguments and answers in this module's memory.
//!
//! The module imports nothing. `wasm/bind.cjs` is its other side: a panic traps there, and a new instance takes over.
#![allow(unsafe_code, reason = "an export needs its own name")]

use std::cell::RefCell;

use crate::answer::{Answer, MOST, NUMBERS, Verb, message};
use crate::memo::Memo;
use crate::verbs::VERBS;

/// The longest room that is kept for the next call: 64 KiB.
const KEPT: usize = 64 << 10;

/// What JavaScript writes of one argument.
#[repr(C)]
#[derive(Clone, Copy)]
struct Argument {
    number: f64,
    /// 0 for `undefined`, or one of those below, or another for anything else.
    kind: u32,
    /// Where the bytes of a text are in the room, and how many.
    start: u32,
    length: u32,
}

const UNDEFINED: u32 = 0;
const NUMBER: u32 = 1;
const TEXT: u32 = 2;
const BYTES: u32 = 3;

/// The arguments of one call.
pub(crate) struct Call<'a> {
    arguments: &'a [Argument; MOST],
    room: &'a [u8],
}

impl Call<'_> {
    fn argument(&self, index: usize, kind: u32) -> Option<&Argument> {
        self.arguments.get(index).filter(|it| it.kind == kind)
    }

    fn read(&self, index: usize, kind: u32) -> Option<Vec<u8>> {
        let Argument { start, length, .. } = *self.argument(index, kind)?;
        Some(self.room.get(start as usize..)?.get(..length as usize)?.to_vec())
    }

    /// Whether the argument is anything but `undefined`.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.argument(index, UNDEFINED).is_none()
    }

    /// A number, if the argument is one.
    pub(crate) fn number(&self, index: usize) -> Option<f64> {
        self.argument(index, NUMBER).map(|it| it.number)
    }

    /// A text, if the argument is one.
    pub(crate) fn text(&self, index: usize) -> Option<String> {
        String::from_utf8(self.read(index, TEXT)?).ok()
    }

    /// The bytes of a `Uint8Array`, if the argument is one.
    pub(crate) fn bytes(&self, index: usize) -> Option<Vec<u8>> {
        self.read(index, BYTES)
    }
}

/// What the library keeps for one instance of the module.
struct Instance {
    memo: Memo,
    arguments: [Argument; MOST],
    /// Where JavaScript writes the bytes of the texts.
    room: Vec<u8>,
    /// Where it reads the answer's.
    text: String,
    /// The numbers beside the answer's text, and then its length.
    numbers: [f64; NUMBERS + 1],
}

impl Instance {
    fn new(last: u64) -> Self {
        let none = Argument { number: 0.0, kind: UNDEFINED, start: 0, length: 0 };
        let (room, text) = (Vec::new(), String::new());
        Self { memo: Memo::new(last), arguments: [none; MOST], room, text, numbers: [0.0; NUMBERS + 1] }
    }

    fn serve(&mut self, verb: &Verb) {
        let Self { memo, arguments, room, .. } = self;
        #[cfg(feature = "panics")]
        crate::panics::strike(verb.name);
        let answer = (verb.serve)(&Call { arguments, room }, memo).unwrap_or_else(Answer::unexplained);
        if self.room.len() > KEPT {
            self.room = Vec::new();
        }
        let [kind, number, flow, revision] = answer.numbers();
        self.tell([kind, number, flow, revision], answer.text);
    }

    fn tell(&mut self, [kind, number, flow, revision]: [f64; NUMBERS], text: String) {
        self.numbers = [kind, number, flow, revision, text.len() as f64];
        self.text = text;
    }
}

thread_local! {
    static INSTANCE: RefCell<Instance> = RefCell::new(Instance::new(0));
    /// The message of the panic that trapped.
    static BUG: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Begins to number snapshots after one that an earlier instance gave. The text is then the names of the verbs.
#[unsafe(no_mangle)]
extern "C" fn begin(last: f64) {
    std::panic::set_hook(Box::new(|info| BUG.set(message(info.payload()).to_owned())));
    INSTANCE.with_borrow_mut(|instance| {
        *instance = Instance::new(last as u64);
        let names: Vec<_> = VERBS.iter().map(|it| it.name).collect();
        instance.tell([0.0; NUMBERS], names.join(","));
    });
}

/// Serves a verb, by its place among the names.
#[unsafe(no_mangle)]
extern "C" fn enter(verb: usize) {
    if let Some(verb) = VERBS.get(verb) {
        INSTANCE.with_borrow_mut(|instance| instance.serve(verb));
    }
}

/// Where JavaScript writes the arguments.
#[unsafe(no_mangle)]
extern "C" fn arguments() -> *mut Argument {
    INSTANCE.with_borrow_mut(|it| it.arguments.as_mut_ptr())
}

/// Where it writes the bytes of their texts, of which there is room for so many.
#[unsafe(no_mangle)]
extern "C" fn room(length: usize) -> *mut u8 {
    INSTANCE.with_borrow_mut(|it| {
        if it.room.len() < length {
            it.room.resize(length, 0);
        }
        it.room.as_mut_ptr()
    })
}

/// Where it reads the answer's text.
#[unsafe(no_mangle)]
extern "C" fn text() -> *const u8 {
    INSTANCE.with_borrow(|it| it.text.as_ptr())
}

/// Where it reads the answer's numbers.
#[unsafe(no_mangle)]
extern "C" fn numbers() -> *const f64 {
    INSTANCE.with_borrow(|it| it.numbers.as_ptr())
}

/// Where it reads the message of the panic that trapped.
#[unsafe(no_mangle)]
extern "C" fn bug() -> *const u8 {
    BUG.with_borrow(|it| it.as_ptr())
}

/// The length of that message.
#[unsafe(no_mangle)]
extern "C" fn bug_length() -> usize {
    BUG.with_borrow(String::len)
}
