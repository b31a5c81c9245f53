'use strict';

const { DONE, IGNORED, REJECTED, WRONG, answerJson, fail, instant, instantText, native } = require('./call.cjs');
const { textHeaders } = require('./headers.cjs');
const { inspect, isUint8Array } = require('./kinds.cjs');
const { Lease, Rejected, Step } = require('./step.cjs');
const { RuleboundError, isPlain, text, write } = require('./text.cjs');

/** Only this module makes snapshots. */
const MADE_HERE = Symbol('made here');

/** The arguments of a native function: a step is taken again with the same ones. */
class Arguments {
  constructor(number, text, context, input, body) {
    if (typeof context !== 'object' || context === null) {
      throw new RuleboundError('malformed', '/now', 'is missing: give `{ now: Date | milliseconds }`');
    }
    for (const option in context) {
      if (option !== 'now' && option !== 'config' && Object.hasOwn(context, option)) {
        throw new RuleboundError('malformed', `/${option}`, 'is neither `now` nor `config`');
      }
    }
    const { now, config } = context;
    this.number = number;
    this.text = text;
    this.now = instant(now);
    this.config = config === undefined ? undefined : write(config, '/config');
    this.input = input;
    this.body = body;
  }

  pass(verb) {
    return verb(this.number, this.text, this.now, this.config, this.input, this.body);
  }

  /** Throws what is wrong with them. */
  fail(answer, verb, context, input) {
    const { text: snapshot, config } = this;
    fail(answer, verb, { snapshot, now: instantText(context.now), config, ...input });
  }
}

/** A flow at one moment: a value. Every decision leaves it unchanged, and gives the next one. */
class Snapshot {
  /** Its JSON, once it is needed. */
  #written;
  #isSaved;
  /** The number by which the native side may still remember it. */
  #number;
  /** Takes the step again that led to it: a step is a pure function, and leads to the same. */
  #again;

  constructor(by, flow, key, written, isSaved, again) {
    if (by !== MADE_HERE) throw new TypeError('a snapshot comes from `start`, `load`, a step or a lease');
    this.flow = flow;
    this.key = key;
    this.revision = native.numbers[3];
    this.#number = native.numbers[1];
    this.#written = written;
    this.#isSaved = isSaved;
    this.#again = again;
    this.save = save;
    Object.freeze(this);
  }

  /** Its JSON. The next snapshot of a step is written when its JSON is first needed. */
  get #text() {
    if (this.#written === undefined) {
      this.#written = writtenBy(this.#number, this.#again);
      this.#again = undefined;
    }
    return this.#written;
  }

  /** Its JSON in the newest format. */
  static save(snapshot) {
    if (!snapshot.#isSaved) {
      snapshot.#written = answerJson('load', { snapshot: snapshot.#text });
      snapshot.#isSaved = true;
    }
    return snapshot.#text;
  }

  static isOne(value) {
    return typeof value === 'object' && value !== null && #text in value;
  }

  saveAs(format) {
    return answerJson('save_as', { snapshot: this.#text, format: write(format, '/format') });
  }

  handle(command, context) {
    const input = write(command, '/command');
    const given = new Arguments(this.#number, this.#text, context, input);
    const answer = given.pass(native.handle);
    switch (native.numbers[0]) {
      case DONE:
        return new Step(this.#next(native.handle, given), answer);
      case IGNORED:
        return new Step(this, answer);
      case REJECTED:
        return new Rejected(answer);
      default:
        return given.fail(answer, 'handle', context, { command: input });
    }
  }

  lease(effect, context) {
    const input = write(effect, '/effect');
    const given = new Arguments(this.#number, this.#text, context, effect);
    const answer = given.pass(native.lease);
    switch (native.numbers[0]) {
      case DONE:
        return new Lease(this.#next(native.lease, given), answer);
      case REJECTED:
        return new Rejected(answer);
      default:
        return given.fail(answer, 'lease', context, { effect: input });
    }
  }

  observe(fact, context) {
    const [input, body] = written(fact);
    const given = new Arguments(this.#number, this.#text, context, input, body);
    const answer = given.pass(native.observe);
    switch (native.numbers[0]) {
      case DONE:
        return new Step(this.#next(native.observe, given), answer);
      case IGNORED:
        return new Step(this, answer);
      default:
        return given.fail(answer, 'observe', context, { fact: input });
    }
  }

  #next(verb, given) {
    return new this.constructor(MADE_HERE, this.flow, this.key, undefined, true, () => given.pass(verb));
  }

  status(context) {
    return this.#view('status', native.status, context);
  }

  effects(context) {
    return this.#view('effects', native.effects, context);
  }

  waitingFor(context) {
    return this.#view('waiting_for', native.waitingFor, context);
  }

  actions(context) {
    return this.#view('actions', native.actions, context);
  }

  wakeAt(context) {
    return this.#view('wake_at', native.wakeAt, context);
  }

  #view(verb, view, context) {
    const given = new Arguments(this.#number, this.#text, context);
    const answer = given.pass(view);
    if (native.numbers[0] === WRONG) given.fail(answer, verb, context);
    return JSON.parse(answer);
  }

  ids() {
    const answer = native.ids(this.#number, this.#text);
    if (native.numbers[0] === WRONG) fail(answer, 'ids', { snapshot: this.#text });
    return JSON.parse(answer);
  }

  toJSON() {
    return JSON.parse(this.save());
  }

  #fingerprint() {
    const answer = native.fingerprint(this.save());
    if (native.numbers[0] === WRONG) fail(answer);
    return answer;
  }

  /** What `assert.deepStrictEqual`, Jest and their like compare first: two snapshots are equal if their texts are. */
  get [Symbol.toStringTag]() {
    return `${this.flow} ${this.#fingerprint()}`;
  }

  /** A state holds secrets: only what the snapshot is about is printed. */
  [inspect]() {
    return `${this.flow} ${this.key} at revision ${this.revision} (${this.#fingerprint()})`;
  }
}

/** Each snapshot has this as its own, so that none is cloned to something that looks like one and holds nothing. */
function save() {
  // A snapshot cannot be cloned or sent to another thread: send what its `save()` gives, and `load` that there.
  if (!Snapshot.isOne(this)) throw new TypeError('only a snapshot can be saved, and no copy of its properties');
  return Snapshot.save(this);
}

/** A fact as JSON, and the bytes of its body if that is no text: copied, since the host may change them. */
function written(fact) {
  if (typeof fact !== 'object' || fact === null || !isPlain(fact)) return [write(fact, '/fact'), undefined];
  if ('acknowledge_with' in fact) {
    throw new RuleboundError('malformed', '/fact', 'is what `readWebhook` returned: pass its `fact`');
  }
  const headers = textHeaders(fact.headers);
  const given = headers === fact.headers ? fact : { ...fact, headers };
  if (!isUint8Array(fact.body)) return [write(given, '/fact'), undefined];
  return [write({ ...given, body: '' }, '/fact'), new Uint8Array(fact.body)];
}

/** The JSON of a snapshot that the native side may have forgotten; then the step is taken again. */
function writtenBy(number, again) {
  let answer = native.save(number);
  if (native.numbers[0] === WRONG && answer === undefined) {
    again();
    answer = native.save(native.numbers[1]);
  }
  if (native.numbers[0] === WRONG) fail(answer);
  return answer;
}

/** The class of a flow. */
function flowClass(id, name) {
  const classes = {
    [name]: class extends Snapshot {
      static get flow() {
        return id;
      }

      static start(key) {
        return opened(answerJson('start', { flow: write(id, '/flow'), key: write(key, '/key') }), true);
      }

      static load(row) {
        const snapshot = opened(text(row, '/snapshot'), false);
        if (snapshot.flow === id) return snapshot;
        const reason = `is \`${snapshot.flow}\`, and not \`${id}\`: \`load\` of the package reads a row of any flow`;
        throw new RuleboundError('unreadable_snapshot', '/snapshot/flow', reason);
      }
    },
  };
  return classes[name];
}

/** The flows' classes, in the order of the native side, and by their providers and names. */
const flows = [];
const providers = {};
for (const [id, provider, name] of JSON.parse(native.flows())) {
  const flow = flowClass(id, name);
  flows.push(flow);
  providers[provider] ??= {};
  providers[provider][name] = flow;
}

function opened(row, isSaved) {
  const key = native.load(row);
  if (native.numbers[0] === WRONG) fail(key, 'load', { snapshot: row });
  const flow = flows[native.numbers[2]];
  return new flow(MADE_HERE, flow.flow, key, row, isSaved);
}

/** Reads a row of whichever flow. */
function load(row) {
  return opened(text(row, '/snapshot'), false);
}

module.exports = { Snapshot, load, providers, written };
