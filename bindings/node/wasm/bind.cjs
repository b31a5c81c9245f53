'use strict';

// The verbs of the WebAssembly module, in the form that the addon for Node has: functions of values, from text to text.
// `src/wasm.rs` is the other side, and has the same layout.

const { isSharedArrayBuffer, isUint8Array } = require('./kinds.cjs');

/** How many arguments there is room for, and the bytes of each: a number, its kind, where its bytes are, how many. */
const MOST = 8;
const ARGUMENT = 24;

const UNDEFINED = 0;
const NUMBER = 1;
const TEXT = 2;
const BYTES = 3;
const OTHER = 4;

/** What `numbers` says of an error. */
const WRONG = 3;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Up to this length, a text is quicker to write byte by byte. */
const SHORT = 48;

/** An instance of the module, and its verbs. */
function bind(module) {
  const numbers = new Float64Array(4);
  let core = start(module, 0);
  const native = { numbers };
  for (const [index, name] of core.names.entries()) native[name] = (...given) => pass(index, given);
  return native;

  function pass(verb, given) {
    core.write(given);
    try {
      core.exports.enter(verb);
    } catch (error) {
      return failed(error);
    }
    return core.answer(numbers);
  }

  /** A panic, or a stack that is too deep: what the instance holds is no longer certain, so that a new one takes over. */
  function failed(error) {
    const message = core.bug() || error.message;
    core = start(module, core.last);
    numbers.fill(0);
    numbers[0] = WRONG;
    return JSON.stringify({ code: 'internal', pointer: '', message: `a bug in rulebound: ${message}` });
  }
}

/** A new instance, which numbers its snapshots after `last`, so that no number ever names another snapshot. */
function start(module, last) {
  const { exports } = new WebAssembly.Instance(module, {});
  exports.begin(last);
  let bytes;
  let view;
  const core = { exports, last, write, answer, bug: () => read(exports.bug(), exports.bug_length()) };
  // The numbers and the arguments never move, other than what they lead to.
  const [numbersAt, argumentsAt] = [exports.numbers(), exports.arguments()];
  look();
  core.names = answer([]).split(',');
  return core;

  /** The memory is another one whenever it has grown. */
  function look() {
    if (view?.buffer === exports.memory.buffer) return;
    bytes = new Uint8Array(exports.memory.buffer);
    view = new DataView(exports.memory.buffer);
  }

  function write(given) {
    let most = 0;
    for (const value of given) {
      if (typeof value === 'string') most += 3 * value.length;
      else if (typeof value === 'object' && isUint8Array(value)) most += value.length;
    }
    const room = exports.room(most);
    look();
    let used = 0;
    for (let index = 0; index < MOST; index += 1) {
      const at = argumentsAt + ARGUMENT * index;
      const value = given[index];
      const kind = kindOf(value);
      view.setUint32(at + 8, kind, true);
      if (kind === NUMBER) view.setFloat64(at, value, true);
      if (kind !== TEXT && kind !== BYTES) continue;
      const length = kind === TEXT ? writeText(value, room + used) : writeBytes(value, room + used);
      view.setUint32(at + 12, used, true);
      view.setUint32(at + 16, length, true);
      used += length;
    }
  }

  function writeBytes(value, at) {
    bytes.set(value, at);
    return value.length;
  }

  function writeText(value, at) {
    if (value.length > SHORT) return encoder.encodeInto(value, bytes.subarray(at)).written;
    for (let index = 0; index < value.length; index += 1) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) return encoder.encodeInto(value, bytes.subarray(at)).written;
      bytes[at + index] = unit;
    }
    return value.length;
  }

  /** The answer's text, or `undefined` where it is empty; its numbers are written to `numbers`. */
  function answer(numbers) {
    look();
    for (let index = 0; index < numbers.length; index += 1) numbers[index] = view.getFloat64(numbersAt + 8 * index, true);
    if (numbers[1] > core.last) core.last = numbers[1];
    const length = view.getFloat64(numbersAt + 32, true);
    return length === 0 ? undefined : read(exports.text(), length);
  }

  function read(at, length) {
    look();
    return decoder.decode(bytes.subarray(at, at + length));
  }
}

function kindOf(value) {
  if (value === undefined) return UNDEFINED;
  if (typeof value === 'number') return NUMBER;
  if (typeof value === 'string') return TEXT;
  return typeof value === 'object' && isUint8Array(value) && !isSharedArrayBuffer(value.buffer) ? BYTES : OTHER;
}

module.exports = { bind };
