'use strict';

const { inspect } = require('node:util');

/** The columns of a row that a page may show. */
const NAMES = ['flow', 'key', 'account', 'reference', 'revision', 'wake_at', 'reviews', 'failing', 'tries', 'last_error', 'created_at', 'updated_at'];

/** What a page may show of a record, which is in the order of the table. */
function shown(record) {
  const [flow, key, account, reference, revision, , wake_at, reviews, failing, tries, last_error, created_at, updated_at] = record;
  return { flow, key, account, reference, revision, wake_at, reviews, failing, tries, last_error, created_at, updated_at };
}

/** One snapshot and what the host knows about it, with the clock and the config bound. */
class Row {
  #snapshot;
  #kit;
  #config;

  constructor(record, snapshot, kit, config) {
    Object.assign(this, shown(record));
    this.#snapshot = snapshot;
    this.#kit = kit;
    this.#config = config;
    Object.freeze(this);
  }

  /** A snapshot holds secrets: it is not among what is printed or written as JSON. */
  get snapshot() {
    return this.#snapshot;
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

  #context() {
    return { now: this.#kit.clock(), config: this.#config };
  }

  [inspect.custom]() {
    return `Row ${NAMES.map((name) => `${name}: ${this[name]}`).join(', ')}`;
  }
}

module.exports = { NAMES, Row, shown };
