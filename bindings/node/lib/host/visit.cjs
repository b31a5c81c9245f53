'use strict';

// The one kind of transaction that changes a row: lock, observe, read the inbox, lease, save.

const { batch, call, perCount, sql } = require('./dialect.cjs');
const { ConfigError, HandlerFailed, NeedsAccount, NewerFormat, RowError, describe } = require('./errors.cjs');
const inbox = require('./inbox.cjs');
const journal = require('./journal.cjs');
const { providerOf } = require('./kit.cjs');
const pauses = require('./pauses.cjs');
const { Row } = require('./row.cjs');

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];
/** From this many attempts an effect counts as failing. */
const FAILING = 5;

const COLUMNS = `flow, key, account, reference, revision, snapshot, wake_at, reviews, failing, tries, last_error,
  created_at, updated_at`;
const SELECT = `SELECT ${COLUMNS}, {now} FROM {p}flows `;
const PICK = `${SELECT}WHERE wake_at <= {due} ORDER BY wake_at LIMIT 1 {skip}`;
const LOCK = `${SELECT}WHERE flow = ? AND key = ? {lock}`;
const READ = `${SELECT}WHERE flow = ? AND key = ?`;
const addIds = perCount(
  (count) => `INSERT INTO {p}ids (provider, id, flow, key) VALUES ${Array(count).fill('(?, ?, ?, ?)').join(', ')} ON CONFLICT DO NOTHING`,
);
const UPDATE = `UPDATE {p}flows SET revision = ?, snapshot = ?, wake_at = ?, reviews = ?, failing = ?, tries = 0,
  last_error = NULL, updated_at = ? WHERE flow = ? AND key = ? AND revision = ?`;
const REST = `UPDATE {p}flows SET wake_at = ?, reviews = ?, failing = ?, tries = 0, last_error = NULL
  WHERE flow = ? AND key = ? AND revision = ?`;
const FAIL = `UPDATE {p}flows SET tries = tries + 1, last_error = ?, wake_at = ?
  WHERE flow = ? AND key = ? AND revision = ? AND tries = ?`;
const SKIP = 'UPDATE {p}flows SET wake_at = ? WHERE flow = ? AND key = ?';

/** A row under its lock, and what this transaction has decided about it. */
class Locked {
  #effects;
  #effectsOf;

  constructor(kit, record, snapshot, ids, config) {
    [this.flow, this.key, this.account, , this.revision, this.text] = record;
    this.kit = kit;
    this.record = record;
    this.now = kit.now(record[13]);
    this.snapshot = snapshot;
    this.provider = providerOf(this.flow);
    this.config = config ?? kit.config(this.flow, this.account);
    this.ids = ids;
    this.newIds = [];
    this.lines = [];
    this.early = new Set();
    this.applied = new Set();
    /** The end and the reason of the account's pause. */
    this.pause = null;
    /** Whether the inbox has an entry that names an id of the row. */
    this.hasEntries = false;
    /** Whether the inbox can have an entry of an id that was not known when it was read. */
    this.hasUnreadIds = false;
    this.hasMore = false;
    this.pausedUntil = null;
    this.work = null;
  }

  name() {
    return { flow: this.flow, key: this.key };
  }

  context() {
    return { now: this.now, config: this.config };
  }

  allIds() {
    return this.newIds.length === 0 ? this.ids : [...this.ids, ...this.newIds];
  }

  /** Calls the library. What it throws is a failure of this row, and of no other. */
  decide(decision) {
    try {
      return decision();
    } catch (error) {
      throw new RowError(this.record, error);
    }
  }

  /** Goes on to where a command or a fact has led, with what it says about itself. */
  takeStep(step, kind, more) {
    const money = step.next.revision === this.snapshot.revision ? [] : this.#money(step.next);
    this.take(step, kind, { ...more, money });
  }

  #money(next) {
    const status = (snapshot) => this.decide(() => snapshot.status(this.context()));
    const after = status(next);
    const hasMoney = after.intents.length > 0 || after.refunds?.length > 0;
    return hasMoney ? journal.moneyOf(status(this.snapshot), after) : [];
  }

  /** Goes on to the next snapshot, with its line in the journal. */
  take({ next, new_ids = [] }, kind, more) {
    if (next.revision !== this.snapshot.revision) this.text = this.decide(() => this.kit.save(next));
    this.snapshot = next;
    this.learn(new_ids.map(({ id }) => id));
    this.lines.push(journal.line(next.revision, kind, journal.digest(this.text), more));
  }

  /** Takes ids: webhooks with them are this row's. */
  learn(ids) {
    for (const id of ids) {
      if (this.ids.includes(id) || this.newIds.includes(id)) continue;
      this.newIds.push(id);
      this.hasUnreadIds = true;
    }
  }

  observe(fact, actor = null) {
    const step = this.decide(() => this.snapshot.observe(fact, this.context()));
    const { effect = null, http_status = null } = fact;
    this.takeStep(step, fact.type, { actor, effect, http_status, code: journal.codeOf(fact), ...journal.describeStep(step) });
    this.tell(step);
    return step;
  }

  /** What a person who runs the host has to know. */
  tell({ failure = null, warnings }) {
    const { log } = this.kit;
    for (const { rule } of warnings) log({ level: 'warn', event: 'warning', ...this.name(), rule });
    if (failure === null) return;
    const { effect, kind, http_status, code, rule } = failure;
    log({ level: 'warn', event: 'failure', ...this.name(), effect, kind, http_status, code, rule });
  }

  effects() {
    if (this.#effectsOf !== this.snapshot) {
      this.#effects = this.decide(() => this.snapshot.effects(this.context()));
      this.#effectsOf = this.snapshot;
    }
    return this.#effects;
  }

  row() {
    return new Row(this.record, this.snapshot, this.kit, this.config);
  }
}

/**
 * Loads the snapshot of a row that was just read; with the settings of its account, unless others are given. One that is as this
 * worker has left it is in memory.
 */
function enter(kit, record, config, left = null) {
  const [flow, key, , , , text] = record;
  try {
    if (left?.text === text) return new Locked(kit, record, left.snapshot, left.allIds(), config);
    const snapshot = kit.load(flow, key, text);
    return new Locked(kit, record, snapshot, snapshot.ids().map(({ id }) => id), config);
  } catch (error) {
    if (error instanceof NeedsAccount) Object.assign(error, { flow, key });
    if (error instanceof NeedsAccount || error instanceof NewerFormat) throw error;
    throw new RowError(record, error);
  }
}

/** A row without a lock, for a page; null if there is none. */
function* read(kit, flow, key) {
  const [record] = (yield sql(READ, flow, key)).rows;
  return record === undefined ? null : enter(kit, record).row();
}

/** Locks a row; null if there is none. */
function* lock(kit, flow, key, config, left) {
  const [record] = (yield sql(LOCK, flow, key)).rows;
  return record === undefined ? null : enter(kit, record, config, left);
}

/** A worker's visit of one row that is due; null if there is none. */
function* due(kit) {
  const [record] = (yield sql(PICK, kit.due())).rows;
  if (record === undefined) return null;
  const locked = enter(kit, record);
  yield* finish(locked, true);
  return locked;
}

/**
 * A visit that brings a fact, or only reads the inbox. Null if the row was forgotten. With the settings of its lease, a fact is saved
 * also if the account cannot be looked up.
 */
function* visit(kit, flow, key, fact, { work = null, actor = null, leases = false, config } = {}) {
  const locked = yield* lock(kit, flow, key, config, work?.left);
  if (locked === null) return null;
  if (fact !== null) {
    locked.observe(fact, actor);
    if (work !== null && fact.type === 'reply') yield* pauses.afterReply(locked, work, fact);
  }
  yield* finish(locked, leases);
  return locked;
}

/** A handler in the transaction that records `done`. Another worker may have the effect by now: then nothing is done. */
function* carryOut(kit, work, handler, leases) {
  const locked = yield* lock(kit, work.flow, work.key, undefined, work.left);
  if (locked === null) return null;
  const isOurs = locked.effects().some(({ id, attempts }) => id === work.effect.id && attempts === work.attempts);
  if (isOurs) {
    yield call((tx) => guarded(() => handler(work.effect, locked.row(), tx)));
    yield call(() => kit.hooks.checkpoint('handled'));
    locked.observe({ type: 'done', effect: work.effect.id }, 'worker');
  }
  yield* finish(locked, leases);
  return locked;
}

/** What a handler throws is told apart from what the database throws. */
function guarded(handler) {
  const failed = (error) => {
    throw new HandlerFailed(error);
  };
  let result;
  try {
    result = handler();
  } catch (error) {
    failed(error);
  }
  return typeof result?.then === 'function' ? Promise.resolve(result).catch(failed) : result;
}

/** The rest of every visit, after its fact. */
function* finish(locked, leases) {
  yield* inbox.lookAround(locked);
  const consumed = yield* inbox.offer(locked);
  if (leases) yield* lease(locked);
  yield* save(locked);
  yield* inbox.remove(locked, consumed);
}

/** Leases one effect: first what is no request, then a request unless its account is paused. */
function* lease(locked) {
  const { kit } = locked;
  const ready = locked.effects().filter(({ ready: isReady, type }) => isReady && type !== 'review');
  if (ready.length === 0) return;
  let [chosen, isProbe] = [ready.find(({ type }) => type !== 'request'), false];
  if (chosen === undefined) {
    const permit = yield* pauses.maySend(locked);
    if (!permit.may) return;
    [chosen, isProbe] = [ready[0], permit.isProbe];
  }
  const settings = kit.config(locked.flow, locked.account, kit.timeout(locked.flow, chosen.type));
  const leased = locked.decide(() => locked.snapshot.lease(chosen.id, { now: locked.now, config: settings }));
  if (!leased.ok) throw new RowError(locked.record, new Error(leased.message));
  locked.take(leased, 'lease', { actor: 'worker', effect: chosen.id, rules: leased.warnings.map(({ rule }) => rule) });
  locked.tell(leased);
  const { flow, key, account, provider, config } = locked;
  const { request } = leased;
  const attempts = request?.sending ?? chosen.attempts + 1;
  const at = kit.hooks.monotonic();
  locked.work = { flow, key, account, provider, config, left: locked, effect: chosen, attempts, request, isProbe, at };
}

/** Writes the row, its ids and its lines, and says when a worker looks at it again: at `wakeAt` if it is given. */
function* save(locked, wakeAt = null) {
  const { flow, key, snapshot, now, newIds, provider, record: before } = locked;
  const effects = locked.effects();
  const reviews = effects.filter(({ type }) => type === 'review').length;
  const failing = effects.filter(({ type, attempts }) => type !== 'review' && attempts >= FAILING).length;
  const wake = wakeAt ?? nextWake(locked, effects, locked.hasUnreadIds || locked.hasMore);
  const isChanged = snapshot.revision !== before[4];
  const where = [flow, key, before[4]];
  const writes = [
    isChanged
      ? sql(UPDATE, snapshot.revision, locked.text, wake, reviews, failing, now, ...where)
      : sql(REST, wake, reviews, failing, ...where),
  ];
  if (newIds.length > 0) {
    writes.push(sql(addIds(newIds.length), ...newIds.flatMap((id) => [provider, id, flow, key])));
  }
  if (locked.lines.length > 0) writes.push(journal.write(flow, key, now, locked.lines));
  const [saved] = yield batch(writes);
  if (saved !== 1) throw new Error(`${flow} ${key}: the row has changed under its lock`);
  const updated = isChanged ? now : before[12];
  locked.record = [...before.slice(0, 4), snapshot.revision, locked.text, wake, reviews, failing, 0, null, before[11], updated];
}

/** When a worker looks at the row again. */
function nextWake(locked, effects, isAtOnce) {
  const { now, snapshot, pausedUntil } = locked;
  const ready = effects.filter((it) => it.ready && it.type !== 'review');
  const latest = now + DAY;
  if (isAtOnce) return now;
  if (ready.length > 0) {
    if (pausedUntil === null || ready.some(({ type }) => type !== 'request')) return now;
    // The library would say now. What else rests may come before the account takes requests again.
    const others = effects.flatMap(({ leased_until, not_before }) => [leased_until, not_before]).filter((at) => at > now);
    return Math.min(pausedUntil, ...others, latest);
  }
  const wakeAt = locked.decide(() => snapshot.wakeAt(locked.context()));
  if (wakeAt !== null) return Math.min(Math.max(wakeAt, now + SECOND), latest);
  const isPending = effects.length > 0 || locked.decide(() => snapshot.waitingFor(locked.context())).length > 0;
  return isPending ? latest : null;
}

/** Notes that a row cannot be worked on, and lets it rest for an hour. What several workers meet at once is one failure. */
function* failed(kit, { flow, key, revision, tries, cause }) {
  const [record] = (yield sql(LOCK, flow, key)).rows;
  if (record === undefined) return;
  const [now, text] = [kit.now(record[13]), describe(cause)];
  const counted = yield sql(FAIL, text, now + HOUR, flow, key, revision, tries);
  if (counted.count === 0) return;
  const line = journal.line(record[4], 'error', journal.digest(record[5]), { actor: 'worker', code: text });
  yield journal.write(flow, key, now, [line]);
}

/** Leaves a row to another worker, or to a later time, and lets this one go on with the others. */
function* skipped(kit, { flow, key, cause }) {
  const [record] = (yield sql(LOCK, flow, key)).rows;
  if (record === undefined) return;
  const now = kit.now(record[13]);
  yield sql(SKIP, now + MINUTE, flow, key);
  if (cause instanceof ConfigError) yield* pauses.misconfigured(providerOf(flow), record[2], now);
}

module.exports = { COLUMNS, LOCK, Locked, carryOut, due, enter, failed, finish, lock, read, save, skipped, visit };
