'use strict';

const { inspect } = require('node:util');

const { REFUSED, UNMOVED, WRONG, answered, fail, instant, instantText, native } = require('./call.cjs');
const { RuleboundError, text, write } = require('./text.cjs');

/** Only this module makes snapshots. */
const MADE_HERE = Symbol('made here');

/** A flow as it stands: a value. Every decision leaves it as it was, and gives the next one. */
class Snapshot {
  /** Its JSON, once it has been asked for. */
  #written;
  /** Under which the native side may still remember it. */
  #number;
  #isSaved;
  /** Takes the step again that led to it: a step is a pure function, and leads to the same. */
  #again;
  #parsed;

  constructor(by, written, number, isSaved, again) {
    if (by !== MADE_HERE) throw new TypeError('a snapshot comes from `start`, `load` or a step');
    this.#written = written;
    this.#number = number;
    this.#isSaved = isSaved;
    this.#again = again;
  }

  /** Its JSON. What a step led to is written when it is first asked for. */
  get #text() {
    if (this.#written === undefined) {
      this.#written = writtenBy(this.#number, this.#again);
      this.#again = undefined;
    }
    return this.#written;
  }

  get key() {
    return this.#heading.key;
  }

  get revision() {
    return this.#heading.revision;
  }

  get #heading() {
    if (this.#parsed === undefined) {
      const { key, revision } = JSON.parse(this.#text);
      this.#parsed = { key, revision };
    }
    return this.#parsed;
  }

  save() {
    if (!this.#isSaved) {
      this.#written = answered('load', { snapshot: this.#text });
      this.#isSaved = true;
    }
    return this.#text;
  }

  saveAs(format) {
    return answered('save_as', { snapshot: this.#text, format: write(format, '/format') });
  }

  handle(command, around) {
    const input = write(command, '/command');
    const ask = this.#asking('handle', around, 'command', input);
    const answer = ask();
    if (native.said[0] === REFUSED) return new Refused(answer);
    return new Accepted(this.constructor, answer, ask);
  }

  observe(fact, around) {
    const [input, body] = withoutBytes(fact);
    const ask = this.#asking('observe', around, 'fact', input, body);
    const answer = ask();
    if (native.said[0] === UNMOVED) return new Unmoved(answer);
    return new Applied(this.constructor, answer, ask);
  }

  owed(around) {
    return JSON.parse(this.#asking('owed', around)());
  }

  awaits(around) {
    return JSON.parse(this.#asking('awaits', around)());
  }

  offers(around) {
    return JSON.parse(this.#asking('offers', around)());
  }

  deadline(around) {
    return JSON.parse(this.#asking('deadline', around)());
  }

  correlationIds() {
    const answer = native.correlationIds(this.#number, this.#text);
    if (native.said[0] === WRONG) fail(answer, 'correlation_ids', { snapshot: this.#text });
    return JSON.parse(answer);
  }

  /** What asks the native side a verb of this snapshot: the same whenever it is called. */
  #asking(verb, around, name, input, body) {
    if (typeof around !== 'object' || around === null) {
      throw new RuleboundError('malformed', '/now', 'is missing: say `{ now: Date | milliseconds }`');
    }
    for (const option in around) {
      if (option !== 'now' && option !== 'policy' && option !== 'settings') {
        throw new RuleboundError('malformed', `/${option}`, 'is none of `now`, `policy` and `settings`');
      }
    }
    const now = instant(around.now);
    const policy = around.policy === undefined ? undefined : write(around.policy, '/policy');
    const settings = around.settings === undefined || around.settings === null ? undefined : write(around.settings, '/settings');
    const number = this.#number;
    const text = this.#text;
    return () => {
      const answer = native[verb](number, text, now, policy, settings, input, body);
      if (native.said[0] === WRONG) {
        const fields = { snapshot: text, now: instantText(around.now), policy, settings };
        fail(answer, verb, name === undefined ? fields : { ...fields, [name]: input });
      }
      return answer;
    };
  }

  toJSON() {
    return JSON.parse(this.save());
  }

  /** States hold what is secret: only what it is about is printed. */
  [inspect.custom]() {
    return `${this.flow} ${this.key} at revision ${this.revision}`;
  }
}

/** A fact as JSON, and the bytes of its body if that is no text: copied, since the host may change them. */
function withoutBytes(fact) {
  const body = fact?.body;
  if (!(body instanceof Uint8Array)) return [write(fact, '/fact'), undefined];
  return [write({ ...fact, body: '' }, '/fact'), Buffer.from(body)];
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

/** What an accepted command or an applied fact leads to. Each part is made when it is asked for. */
class Transition {
  #flow;
  #answer;
  #number;
  #again;
  #next;
  #parsed;

  constructor(flow, answer, again) {
    this.#flow = flow;
    this.#answer = answer;
    this.#number = native.said[1];
    this.#again = again;
  }

  get next() {
    this.#next ??= new this.#flow(MADE_HERE, undefined, this.#number, true, this.#again);
    return this.#next;
  }

  get #rest() {
    this.#parsed ??= { changed: true, take: null, learnt: [], failure: null, warnings: [], ...JSON.parse(this.#answer) };
    return this.#parsed;
  }

  get changed() {
    return this.#rest.changed;
  }

  get take() {
    return this.#rest.take;
  }

  get learnt() {
    return this.#rest.learnt;
  }

  get failure() {
    return this.#rest.failure;
  }

  get warnings() {
    return this.#rest.warnings;
  }

  toJSON() {
    return { next: this.next, ...this.#rest };
  }

  /** A request's body and URL hold what is secret. */
  [inspect.custom]() {
    const { take, ...rest } = this.#rest;
    return { next: this.next, ...rest, take: take && `${take.method} ${take.idempotency_key}` };
  }
}

class Accepted extends Transition {
  get ok() {
    return true;
  }
}

class Applied extends Transition {
  get applied() {
    return true;
  }
}

/** Every rule that a command would break. Nothing has changed. */
class Refused {
  #answer;
  #parsed;

  constructor(answer) {
    this.#answer = answer;
  }

  get ok() {
    return false;
  }

  get violations() {
    this.#parsed ??= JSON.parse(this.#answer);
    return this.#parsed;
  }

  toJSON() {
    return { violations: this.violations };
  }

  [inspect.custom]() {
    return { ok: false, violations: this.violations };
  }
}

/** Why a fact moved nothing. */
class Unmoved {
  constructor(answer) {
    const { because, warnings } = JSON.parse(answer);
    this.applied = false;
    this.because = because;
    this.warnings = warnings;
  }
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

      get flow() {
        return id;
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
  const answer = native.load(row);
  if (native.said[0] === WRONG) fail(answer, 'load', { snapshot: row });
  return new flows[native.said[2]](MADE_HERE, row, native.said[1], isSaved);
}

/** Reads a row of whichever flow. */
function load(row) {
  return opened(text(row, '/snapshot'), false);
}

module.exports = { Snapshot, load, providers };
