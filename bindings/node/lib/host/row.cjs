'use strict';

const { inspect } = require('node:util');

const NAMES = ['flow', 'key', 'account', 'reference', 'revision', 'wake_at', 'reviews', 'failing', 'tries', 'last_error'];

/** The columns of a row that a page may show, from a record in the order of the table. */
function shown([flow, key, account, reference, revision, , ...rest]) {
  const [wake_at, reviews, failing, tries, last_error, created_at, updated_at] = rest;
  const row = { flow, key, account, reference, revision, wake_at, reviews, failing, tries, last_error };
  return { ...row, created_at, updated_at };
}

/** One snapshot and what the host knows about it, with the clock and the config bound. */
class Row {
  #context;

  constructor(record, snapshot, kit, config) {
    Object.assign(this, shown(record));
    // A snapshot holds secrets: it is not among what is printed or written as JSON.
    Object.defineProperty(this, 'snapshot', { value: snapshot });
    this.#context = () => ({ now: kit.clock(), config });
    Object.freeze(this);
  }

  /** Names an effect among all rows: a primary key, or an idempotency key. An effect's id alone is unique in its row only. */
  effectKey(effect) {
    return `${this.flow}/${this.key}/${effect.id}`;
  }

  status() {
    return this.snapshot.status(this.#context());
  }

  actions() {
    return this.snapshot.actions(this.#context());
  }

  effects() {
    return this.snapshot.effects(this.#context());
  }

  waitingFor() {
    return this.snapshot.waitingFor(this.#context());
  }

  [inspect.custom]() {
    return `Row ${NAMES.map((name) => `${name}: ${this[name]}`).join(', ')}`;
  }
}

module.exports = { Row, shown };
