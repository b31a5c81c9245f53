'use strict';

const { inspect } = require('node:util');
const { isUint8Array } = require('node:util/types');

const { DONE, REFUSED, UNMOVED, WRONG, answered, fail, instant, instantText, native } = require('./call.cjs');
const { textHeaders } = require('./headers.cjs');
const { Accepted, Applied, Refused, Unmoved } = require('./step.cjs');
const { RuleboundError, isPlain, text, write } = require('./text.cjs');

/** Only this module makes snapshots. */
const MADE_HERE = Symbol('made here');

/** What the native side is given with a verb: a step is taken again with the same. */
class Given {
  constructor(number, text, around, input, body) {
    if (typeof around !== 'object' || around === null) {
      throw new RuleboundError('malformed', '/now', 'is missing: say `{ now: Date | milliseconds }`');
    }
    for (const option in around) {
      if (option !== 'now' && option !== 'policy' && option !== 'settings' && Object.hasOwn(around, option)) {
        throw new RuleboundError('malformed', `/${option}`, 'is none of `now`, `policy` and `settings`');
      }
    }
    const { now, policy, settings } = around;
    this.number = number;
    this.text = text;
    this.now = instant(now);
    this.policy = policy === undefined ? undefined : write(policy, '/policy');
    this.settings = settings === undefined || settings === null ? undefined : write(settings, '/settings');
    this.input = input;
    this.body = body;
  }

  ask(verb) {
    return verb(this.number, this.text, this.now, this.policy, this.settings, this.input, this.body);
  }

  /** Throws what is wrong with it. */
  fail(answer, verb, around, input) {
    const { text: snapshot, policy, settings } = this;
    fail(answer, verb, { snapshot, now: instantText(around.now), policy, settings, ...input });
  }
}

/** A flow as it stands: a value. Every decision leaves it as it was, and gives the next one. */
class Snapshot {
  /** Its JSON, once it has been asked for. */
  #written;
  #isSaved;
  /** Under which the native side may still remember it. */
  #number;
  /** Takes the step again that led to it: a step is a pure function, and leads to the same. */
  #again;

  constructor(by, flow, key, written, isSaved, again) {
    if (by !== MADE_HERE) throw new TypeError('a snapshot comes from `start`, `load` or a step');
    this.flow = flow;
    this.key = key;
    this.revision = native.said[3];
    this.#number = native.said[1];
    this.#written = written;
    this.#isSaved = isSaved;
    this.#again = again;
    this.save = save;
    Object.freeze(this);
  }

  /** Its JSON. What a step led to is written when it is first asked for. */
  get #text() {
    if (this.#written === undefined) {
      this.#written = writtenBy(this.#number, this.#again);
      this.#again = undefined;
    }
    return this.#written;
  }

  /** Its JSON in the newest format. */
  static save(at) {
    if (!at.#isSaved) {
      at.#written = answered('load', { snapshot: at.#text });
      at.#isSaved = true;
    }
    return at.#text;
  }

  static isOne(value) {
    return typeof value === 'object' && value !== null && #text in value;
  }

  saveAs(format) {
    return answered('save_as', { snapshot: this.#text, format: write(format, '/format') });
  }

  handle(command, around) {
    const input = write(command, '/command');
    const given = new Given(this.#number, this.#text, around, input);
    const answer = given.ask(native.handle);
    switch (native.said[0]) {
      case DONE:
        return new Accepted(this.#next(native.handle, given), answer);
      case REFUSED:
        return new Refused(answer);
      default:
        return given.fail(answer, 'handle', around, { command: input });
    }
  }

  observe(fact, around) {
    const [input, body] = written(fact);
    const given = new Given(this.#number, this.#text, around, input, body);
    const answer = given.ask(native.observe);
    switch (native.said[0]) {
      case DONE:
        return new Applied(this.#next(native.observe, given), answer);
      case UNMOVED:
        return new Unmoved(answer);
      default:
        return given.fail(answer, 'observe', around, { fact: input });
    }
  }

  #next(verb, given) {
    return new this.constructor(MADE_HERE, this.flow, this.key, undefined, true, () => given.ask(verb));
  }

  owed(around) {
    return this.#look('owed', native.owed, around);
  }

  awaits(around) {
    return this.#look('awaits', native.awaits, around);
  }

  offers(around) {
    return this.#look('offers', native.offers, around);
  }

  deadline(around) {
    return this.#look('deadline', native.deadline, around);
  }

  #look(verb, view, around) {
    const given = new Given(this.#number, this.#text, around);
    const answer = given.ask(view);
    if (native.said[0] === WRONG) given.fail(answer, verb, around);
    return JSON.parse(answer);
  }

  correlationIds() {
    const answer = native.correlationIds(this.#number, this.#text);
    if (native.said[0] === WRONG) fail(answer, 'correlation_ids', { snapshot: this.#text });
    return JSON.parse(answer);
  }

  toJSON() {
    return JSON.parse(this.save());
  }

  /** What `assert.deepStrictEqual`, Jest and their like compare first: two snapshots are equal if their texts are. */
  get [Symbol.toStringTag]() {
    return `${this.flow} ${fingerprint(this.save())}`;
  }

  /** States hold what is secret: only what it is about is printed. */
  [inspect.custom]() {
    return `${this.flow} ${this.key} at revision ${this.revision} (${fingerprint(this.save())})`;
  }
}

/** Each snapshot has this as its own, so that none is cloned to something that looks like one and holds nothing. */
function save() {
  // A snapshot cannot be cloned or sent to another thread: send what its `save()` gives, and `load` that there.
  if (!Snapshot.isOne(this)) throw new TypeError('only a snapshot can be saved, and no copy of its properties');
  return Snapshot.save(this);
}

/** Tells texts apart without showing them. */
function fingerprint(text) {
  return require('node:crypto').createHash('sha256').update(text).digest('base64url').slice(0, 12);
}

/** A fact as JSON, and the bytes of its body if that is no text: copied, since the host may change them. */
function written(fact) {
  if (typeof fact !== 'object' || fact === null || !isPlain(fact)) return [write(fact, '/fact'), undefined];
  const headers = textHeaders(fact.headers);
  const given = headers === fact.headers ? fact : { ...fact, headers };
  if (!isUint8Array(fact.body)) return [write(given, '/fact'), undefined];
  return [write({ ...given, body: '' }, '/fact'), Buffer.from(fact.body)];
}

/** The JSON of a snapshot that the native side may have forgotten; then the step is taken again. */
function writtenBy(number, again) {
  let answer = native.save(number);
  if (native.said[0] === WRONG && answer === undefined) {
    again();
    answer = native.save(native.said[1]);
  }
  if (native.said[0] === WRONG) fail(answer);
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
        return opened(answered('start', { flow: write(id, '/flow'), key: write(key, '/key') }), true);
      }

      static load(row) {
        const at = opened(text(row, '/snapshot'), false);
        if (at.flow === id) return at;
        throw new RuleboundError('unreadable_snapshot', '/snapshot/flow', `is \`${at.flow}\`, and not \`${id}\``);
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

for (const classes of Object.values(providers)) Object.freeze(classes);

function opened(row, isSaved) {
  const key = native.load(row);
  if (native.said[0] === WRONG) fail(key, 'load', { snapshot: row });
  const flow = flows[native.said[2]];
  return new flow(MADE_HERE, flow.flow, key, row, isSaved);
}

/** Reads a row of whichever flow. */
function load(row) {
  return opened(text(row, '/snapshot'), false);
}

module.exports = { Snapshot, load, providers };
