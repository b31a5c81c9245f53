'use strict';

// The loop that carries out what is due. It leases in a transaction, works outside any, and brings the fact to the next visit.

const { facts } = require('../index.cjs');
const admin = require('./admin.cjs');
const { describe, HandlerFailed, HostError, LookupFailed, NewerFormat, NotSent, RowError, SchemaError } = require('./errors.cjs');
const inbox = require('./inbox.cjs');
const { noAccount } = require('./kit.cjs');
const { complete } = require('./send.cjs');
const { carryOut, due, failed, skipped, visit } = require('./visit.cjs');

/** A request is sent only so long after its lease, in milliseconds of the monotonic clock. */
const FRESH_MS = 30_000;
const POLL_MS = 1_000;
const GRACE_MS = 30_000;
const HOUR = 3_600_000;
/** How often a worker looks for tables that it can work with, each time after twice the time: 15 s in all. */
const LOOKS = 5;
const MOST_VISITS = 1_000;
/** An entry of the inbox is looked at after so many rows, however many are due. */
const ENTRY_AFTER = 20;

/** What no other attempt of the same transaction can cure. */
const OURS = [RowError, NewerFormat, HandlerFailed, LookupFailed];

class Worker {
  #host;
  #kit;
  #bell = new Set();
  #isStopping = false;
  #graceEnds = Infinity;
  #nextPrune = 0;

  constructor(host, kit) {
    this.#host = host;
    this.#kit = kit;
  }

  /** Works until nothing is due, and returns what it did. */
  async tick() {
    this.#kit.checkHandlers();
    const done = { sent: [], credentials: [], handled: [], visits: 0 };
    while ((await this.#row(done)) || (await this.#entry(done))) {
      done.visits += 1;
      if (done.visits > MOST_VISITS) throw new HostError(`tick: more than ${MOST_VISITS} visits. A row is due again at once, for ever.`);
    }
    return done;
  }

  /** Works on one row that is due, to its end; false if there is none. */
  once() {
    return this.#row();
  }

  /** Runs until `stop`. Each lane works on one row at a time. */
  async run({ lanes, signal, ...ages }) {
    this.#kit.checkHandlers();
    this.#isStopping = false;
    this.#graceEnds = Infinity;
    this.#nextPrune = 0;
    const stop = () => this.stop();
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    try {
      await Promise.all(Array.from({ length: lanes }, (_, lane) => this.#lane(lane, ages)));
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  stop() {
    this.#isStopping = true;
    this.#graceEnds = this.#kit.hooks.monotonic() + GRACE_MS;
    this.wake();
  }

  /** Looks at once, in place of the next poll. */
  wake() {
    for (const ring of this.#bell) ring();
  }

  async #lane(lane, ages) {
    let looks = 0;
    for (let turn = 1; !this.#isStopping; turn += 1) {
      try {
        const isEntryFirst = turn % ENTRY_AFTER === 0;
        const hasWorked = isEntryFirst ? (await this.#entry()) || (await this.#row()) : (await this.#row()) || (await this.#entry());
        looks = 0;
        if (lane === 0) await this.#prune(ages);
        // The others sleep until the first one has found something.
        if (hasWorked) this.wake();
        else await this.#rest(lane === 0 ? POLL_MS * (0.75 + Math.random() / 2) : null);
      } catch (error) {
        this.#kit.log({ level: 'error', event: 'worker_failed', error: describe(error), message: error.message });
        // `migrate` may be running; after that, whoever starts the worker must know.
        if (error instanceof SchemaError) looks += 1;
        if (looks === LOOKS) {
          this.stop();
          throw error;
        }
        await this.#rest(looks > 0 ? POLL_MS * 2 ** (looks - 1) : POLL_MS * (1 + Math.random()));
      }
    }
  }

  /** Until somebody rings, or the time is over. */
  #rest(ms) {
    if (this.#isStopping) return undefined;
    return new Promise((done) => {
      const timer = ms === null ? undefined : setTimeout(() => ring(), ms);
      const ring = () => {
        clearTimeout(timer);
        this.#bell.delete(ring);
        done();
      };
      this.#bell.add(ring);
    });
  }

  async #prune({ journalMs, inboxMs }) {
    const now = this.#kit.hooks.monotonic();
    if (now < this.#nextPrune) return;
    const deleted = await this.#host.run(() => admin.prune(this.#kit, journalMs, inboxMs));
    this.#nextPrune = deleted > 0 ? now + POLL_MS : now + HOUR;
  }

  /** One row that is due, until it has nothing more to do; false if there is none. */
  async #row(done) {
    let locked;
    try {
      locked = await this.#host.run(() => due(this.#kit));
    } catch (error) {
      return this.#set(error);
    }
    if (locked === null) return false;
    let { work } = locked;
    while (work !== null) {
      work = await this.#carryOut(work, done);
      if (done !== undefined && work !== null) done.visits += 1;
    }
    return true;
  }

  /** A row that cannot be worked on rests, so that it does not stop the others. Anything else is no matter of a row. */
  async #set(error) {
    const { log } = this.#kit;
    const { flow, key } = error;
    if (error instanceof NewerFormat || error instanceof LookupFailed) {
      log({ level: 'warn', event: 'row_skipped', flow, key, error: describe(error), message: error.message });
      await this.#host.run(() => skipped(this.#kit, error));
    } else if (error instanceof RowError) {
      log({ level: 'error', event: 'row_failed', flow, key, error: describe(error.cause), message: error.cause?.message });
      await this.#host.run(() => failed(this.#kit, error));
    } else {
      throw error;
    }
    return true;
  }

  /** An entry that is due, offered to each of its rows in a transaction of its own; false if there is none. */
  async #entry() {
    const kit = this.#kit;
    const entry = await this.#host.run(() => inbox.pick(kit));
    kit.hasReadAgain = true;
    if (entry === null) return false;
    let [isEarly, isOffered] = [false, true];
    for (const [flow, key] of entry.rows) {
      const locked = await this.#host.run(() => visit(kit, flow, key, null)).catch((error) => this.#set(error));
      if (locked?.early?.has(entry.id)) isEarly = true;
      else if (locked !== null && !locked.applied?.has(entry.id)) isOffered = false;
    }
    if (entry.rows.length > 0 && isOffered) await this.#host.run(() => inbox.settle(entry, isEarly));
    return true;
  }

  /** Carries out what is leased, brings the fact to the row, and returns what the row has leased next. */
  async #carryOut(work, done) {
    await this.#kit.hooks.checkpoint('leased');
    if (work.request !== null) return this.#settle(work, await this.#send(work, done));
    const handler = this.#kit.handler(work.effect.type);
    if (handler.call !== null) done?.handled.push(work.effect.id);
    if (handler.isTransactional) return this.#inTransaction(work, handler);
    return this.#settle(work, await this.#handle(work, handler));
  }

  async #send(work, done) {
    const { request, effect, provider, account } = work;
    const { hooks, log } = this.#kit;
    const about = { sending: request.sending };
    const told = { flow: work.flow, key: work.key, effect: effect.id };
    try {
      if (hooks.monotonic() - work.at > FRESH_MS) return facts.notSent(effect.id, about);
      const found = await this.#kit.accounts.find(provider, account);
      if (found === null) throw new NotSent(noAccount(provider, account).message);
      const { apiKey } = found;
      const timeoutMs = this.#kit.timeout(work.flow, 'request');
      done?.sent.push(effect.operation);
      done?.credentials.push(account);
      const outgoing = { ...complete(request, apiKey), timeoutMs, provider, account, operation: effect.operation };
      const { status, headers, body } = await this.#host.send(outgoing);
      this.#kit.limits.leave(work);
      await hooks.checkpoint('replied');
      return facts.reply(effect.id, { ...about, http_status: status, headers, body });
    } catch (error) {
      if (hooks.isCrash?.(error)) throw error;
      log({ level: 'warn', event: error instanceof NotSent ? 'not_sent' : 'lost', ...told, error: describe(error.cause ?? error) });
      return error instanceof NotSent ? facts.notSent(effect.id, about) : facts.lost(effect.id, about);
    } finally {
      this.#kit.limits.leave(work);
    }
  }

  async #handle(work, { call, timeoutMs }) {
    const { hooks, log } = this.#kit;
    const { effect } = work;
    if (call === null) return facts.done(effect.id);
    const row = work.left.row();
    const aborter = new AbortController();
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => {
        aborter.abort();
        reject(new HostError(`The handler of \`${effect.type}\` took longer than ${timeoutMs} ms.`));
      }, timeoutMs);
    });
    try {
      await Promise.race([Promise.resolve().then(() => call(effect, row, { signal: aborter.signal })), late]);
    } catch (error) {
      log({ level: 'error', event: 'handler_failed', flow: row.flow, key: row.key, effect: effect.id, error: describe(error), message: error?.message });
      return facts.lost(effect.id, {});
    } finally {
      clearTimeout(timer);
    }
    await hooks.checkpoint('handled');
    return facts.done(effect.id);
  }

  /** A handler whose rows and `done` commit together. */
  async #inTransaction(work, { call }) {
    try {
      const locked = await this.#persist(() => carryOut(this.#kit, work, call, !this.#isStopping));
      await this.#kit.hooks.checkpoint('saved');
      return locked?.work ?? null;
    } catch (error) {
      if (!(error instanceof HandlerFailed)) return this.#failedVisit(error);
      const { flow, key, effect } = work;
      this.#kit.log({ level: 'error', event: 'handler_failed', flow, key, effect: effect.id, error: error.message, message: error.cause?.message });
      return this.#settle(work, facts.lost(effect.id, {}));
    }
  }

  /** Brings a fact to its row. It is kept while the database is away, until the shutdown's grace ends. */
  async #settle(work, fact) {
    // A worker that is stopping leases nothing more.
    const script = (more) => visit(this.#kit, work.flow, work.key, fact, { work, actor: 'worker', leases: !this.#isStopping, ...more });
    try {
      const locked = await this.#persist(script).catch((error) => {
        if (!(error instanceof LookupFailed)) throw error;
        this.#kit.log({ level: 'error', event: 'account_failed', flow: work.flow, key: work.key, error: describe(error), message: error.message });
        return this.#persist(() => script({ leases: false, config: work.config }));
      });
      await this.#kit.hooks.checkpoint('saved');
      return locked?.work ?? null;
    } catch (error) {
      return this.#failedVisit(error);
    }
  }

  async #failedVisit(error) {
    await this.#set(error);
    return null;
  }

  async #persist(script) {
    const { hooks, log } = this.#kit;
    for (let rest = 50; ; rest = Math.min(rest * 2, 5_000)) {
      try {
        return await this.#host.run(() => script());
      } catch (error) {
        if (OURS.some((it) => error instanceof it) || hooks.isCrash?.(error) || hooks.monotonic() > this.#graceEnds) throw error;
        log({ level: 'error', event: 'database_failed', error: describe(error), message: error.message });
      }
      await hooks.sleep(rest);
    }
  }
}

module.exports = { Worker };
