'use strict';

const { inspect } = require('node:util');

const { REFUSED, UNMOVED, WRONG, answered, fail, instant, instantText, native } = require('./call.cjs');
const { RuleboundError, text, write } = require('./text.cjs');

/** Only this module makes snapshots. */
const MADE_HERE = Symbol('made here');

/** A flow as it stands: a value. Every decision leaves it as it was, and gives the next one. */
class Snapshot {
  #text;
  /** Under which the native side may still remember it. */
  #number;
  #isSaved;
  #parsed;

  constructor(by, text, number, isSaved) {
    if (by !== MADE_HERE) throw new TypeError('a snapshot comes from `start`, `load` or a step');
    this.#text = text;
    this.#number = number;
    this.#isSaved = isSaved;
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
      this.#text = answered('load', { snapshot: this.#text });
      this.#isSaved = true;
    }
    return this.#text;
  }

  saveAs(format) {
    return answered('save_as', { snapshot: this.#text, format: write(format, '/format') });
  }

  handle(command, around) {
    const input = write(command, '/command');
    const answer = this.#ask('handle', around, 'command', input);
    if (native.said[0] === REFUSED) return new Refused(answer);
    return new Accepted(this.constructor, answer);
  }

  observe(fact, around) {
    const [input, body] = withoutBytes(fact);
    const answer = this.#ask('observe', around, 'fact', input, body);
    if (native.said[0] === UNMOVED) return new Unmoved(answer);
    return new Applied(this.constructor, answer);
  }

  owed(around) {
    return JSON.parse(this.#ask('owed', around));
  }

  awaits(around) {
    return JSON.parse(this.#ask('awaits', around));
  }

  offers(around) {
    return JSON.parse(this.#ask('offers', around));
  }

  deadline(around) {
    return JSON.parse(this.#ask('deadline', around));
  }

  correlationIds() {
    const answer = native.correlationIds(this.#number, this.#text);
    if (native.said[0] === WRONG) fail(answer, 'correlation_ids', { snapshot: this.#text });
    return JSON.parse(answer);
  }

  /** Asks the native side a verb of this snapshot. */
  #ask(verb, around, name, input, body) {
    if (typeof around !== 'object' || around === null) {
      throw new RuleboundError('malformed', '/now', 'is missing: say `{ now: Date | milliseconds }`');
    }
    for (const option in around) {
      if (option !== 'now' && option !== 'policy' && option !== 'settings') {
        throw new RuleboundError('malformed', `/${option}`, 'is none of `now`, `policy` and `settings`');
      }
    }
    const now = instant(around.now);
    const policy = around.policy === undefined ? '' : write(around.policy, '/policy');
    const settings = around.settings === undefined || around.settings === null ? '' : write(around.settings, '/settings');
    const answer = native[verb](this.#number, this.#text, now, policy, settings, input, body);
    if (native.said[0] === WRONG) {
      const fields = { snapshot: this.#text, now: instantText(around.now), policy, settings };
      fail(answer, verb, name === undefined ? fields : { ...fields, [name]: input });
    }
    return answer;
  }

  toJSON() {
    return JSON.parse(this.save());
  }

  /** States hold what is secret: only what it is about is printed. */
  [inspect.custom]() {
    return `${this.flow} ${this.key} at revision ${this.revision}`;
  }
}

/** A fact as JSON, and the bytes of its body if that is no text. */
function withoutBytes(fact) {
  const body = fact?.body;
  return body instanceof Uint8Array ? [write({ ...fact, body: '' }, '/fact'), body] : [write(fact, '/fact'), undefined];
}

/** What an accepted command or an applied fact leads to. Each part is made when it is asked for. */
class Transition {
  #flow;
  #answer;
  #number;
  #end;
  #next;
  #parsed;

  constructor(flow, answer) {
    this.#flow = flow;
    this.#answer = answer;
    this.#number = native.said[1];
    this.#end = native.said[2];
  }

  get next() {
    this.#next ??= new this.#flow(MADE_HERE, this.#answer.slice(0, this.#end), this.#number, true);
    return this.#next;
  }

  get #rest() {
    this.#parsed ??= JSON.parse(this.#answer.slice(this.#end));
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

/** The flows' classes by their ids, and by their providers and names. */
const byId = new Map();
const providers = {};
for (const [id, provider, name] of JSON.parse(native.flows())) {
  byId.set(id, flowClass(id, name));
  providers[provider] ??= {};
  providers[provider][name] = byId.get(id);
}

function opened(row, isSaved) {
  const flow = native.load(row);
  if (native.said[0] === WRONG) fail(flow, 'load', { snapshot: row });
  return new (byId.get(flow))(MADE_HERE, row, native.said[1], isSaved);
}

/** Reads a row of whichever flow. */
function load(row) {
  return opened(text(row, '/snapshot'), false);
}

module.exports = { Snapshot, load, providers };
