'use strict';

// Webhooks: stored before anything else, and applied under the lock of each row that knows one of their ids.

const { createHash, randomBytes } = require('node:crypto');

const { webhookIds } = require('../index.cjs');
const { sql } = require('./dialect.cjs');
const { HostError, describe } = require('./errors.cjs');
const journal = require('./journal.cjs');

const [MINUTE, HOUR] = [60_000, 3_600_000];
/** How many entries one visit applies. */
const AT_ONCE = 50;
/** How many unverified entries of a provider are kept that no row knows. */
const HINTS = 1_000;

const INSERT = `INSERT INTO {p}inbox AS it (id, provider, account, digest, deliveries, origin, content_type, topic, body,
    received_at, wake_at, tries) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, {due}, {due}, 0)
  ON CONFLICT (provider, account, digest)
    DO UPDATE SET deliveries = it.deliveries + 1, wake_at = excluded.wake_at, tries = 0 RETURNING id`;
const ADD_ID = 'INSERT INTO {p}inbox_ids (provider, id, inbox) VALUES (?, ?, ?) ON CONFLICT DO NOTHING';
const COUNT = "SELECT count(*) FROM {p}inbox WHERE provider = ? AND origin = 'unverified'";
const KNOWN = 'SELECT 1 FROM {p}ids WHERE provider = ? AND id {any} LIMIT 1';
const ROWS = `SELECT DISTINCT i.flow, i.key FROM {p}inbox_ids n JOIN {p}inbox e ON e.id = n.inbox
  JOIN {p}ids i ON i.provider = n.provider AND i.id = n.id JOIN {p}flows f ON f.flow = i.flow AND f.key = i.key
  WHERE n.inbox = ? AND (e.account = '' OR e.account = f.account) ORDER BY i.flow, i.key`;
const KNOWING = `SELECT DISTINCT i.flow, i.key FROM {p}ids i JOIN {p}flows f ON f.flow = i.flow AND f.key = i.key
  WHERE i.provider = ? AND i.id {any} ORDER BY i.flow, i.key`;
const WAKE = `UPDATE {p}flows SET wake_at = {due} WHERE (flow, key) IN
  (SELECT flow, key FROM {p}flows WHERE flow = ? AND key = ? {skip})`;
const REST = 'UPDATE {p}inbox SET wake_at = ? WHERE id = ?';
const SLEEP_UNKNOWN = `UPDATE {p}inbox SET wake_at = CASE WHEN origin = 'unverified' THEN received_at + ${HOUR} END WHERE id = ?`;
const AGAIN = 'UPDATE {p}inbox SET wake_at = ? WHERE id = ? AND wake_at IS NULL';
const AROUND = `SELECT EXISTS (SELECT 1 FROM {p}inbox_ids i WHERE i.provider = ? AND i.id {any}), a.until, a.reason
  FROM (SELECT 1) AS one LEFT JOIN {p}pauses a ON a.provider = ? AND a.account = ?`;
/** An entry that raised is offered again when it is due; `pick` lets it rest a minute meanwhile. */
const OFFERED = `SELECT e.id, e.deliveries, e.origin, e.content_type, e.topic, e.body, e.received_at FROM {p}inbox e
  WHERE e.id IN (SELECT inbox FROM {p}inbox_ids WHERE provider = ? AND id {any}) AND (e.account = '' OR e.account = ?)
  AND (e.tries = 0 OR e.wake_at <= ?) AND (e.received_at, e.id) > (?, ?) ORDER BY e.received_at, e.id LIMIT ${AT_ONCE}`;
const DELIVERIES = 'SELECT deliveries FROM {p}inbox WHERE id = ?';
const DELETE = 'DELETE FROM {p}inbox WHERE id = ? AND deliveries = ?';
const DELETE_IDS = 'DELETE FROM {p}inbox_ids WHERE inbox = ?';
const FAIL = 'UPDATE {p}inbox SET tries = tries + 1, last_error = ?, wake_at = ? WHERE id = ?';
const UNKNOWN = `SELECT id, deliveries, provider, origin, content_type, topic, body FROM {p}inbox e WHERE origin = 'verified'
  AND NOT EXISTS (SELECT 1 FROM {p}inbox_ids n WHERE n.inbox = e.id) ORDER BY received_at LIMIT 1000`;
const DUE = 'UPDATE {p}inbox SET wake_at = received_at, tries = 0 WHERE id = ?';
const ENTRY = 'SELECT provider, origin, content_type, topic, body FROM {p}inbox WHERE id = ?';
const ENTRY_IDS = 'SELECT id FROM {p}inbox_ids WHERE inbox = ? ORDER BY id';
const OLD = `SELECT id, deliveries, provider FROM {p}inbox e WHERE received_at < ? AND NOT EXISTS (SELECT 1 FROM {p}inbox_ids n
  JOIN {p}ids i ON i.provider = n.provider AND i.id = n.id WHERE n.inbox = e.id) ORDER BY received_at LIMIT 100`;
const PICK = `SELECT id, deliveries, origin, received_at, {now} FROM {p}inbox WHERE wake_at <= {due}
  ORDER BY wake_at LIMIT 1 {skip}`;

/** The rows that know one of these ids. */
function* knowing(kit, provider, ids) {
  return (yield sql(KNOWING, provider, kit.dialect.array(ids))).rows;
}

/** What tells a repeat: the SHA-256 of the topic, the content type and the body, each after a line break. */
function digest(topic, contentType, body) {
  return createHash('sha256').update(`${topic ?? ''}\n${contentType ?? ''}\n`).update(body).digest('hex');
}

/** Stores a webhook as it came. Null if it is a hint too many, which may be dropped. */
function* store(kit, provider, account, fact, ids) {
  const { origin, topic, content_type } = fact;
  const body = Buffer.from(fact.body);
  if (origin === 'unverified' && (yield sql(COUNT, provider)).rows[0][0] >= HINTS) {
    if ((yield sql(KNOWN, provider, kit.dialect.array(ids))).rows.length === 0) return null;
  }
  const names = [randomBytes(16).toString('hex'), provider, account, digest(topic, content_type, body)];
  const [[entry]] = (yield sql(INSERT, ...names, origin, content_type, topic, body, kit.due(), kit.due())).rows;
  for (const id of new Set(ids)) yield sql(ADD_ID, provider, id, entry);
  // SQLite has one writer: no row can learn an id beside this transaction, so that one commit is enough.
  if (!kit.dialect.isPostgres) yield* wake(kit, entry);
  return entry;
}

/** Makes each row due that knows one of the entry's ids. A row that is locked now is left to a worker. */
function* wake(kit, entry) {
  const { rows } = yield sql(ROWS, entry);
  let awake = 0;
  for (const [flow, key] of rows) awake += (yield sql(WAKE, kit.due(), flow, key)).count;
  // A row that learns an id later looks at its entries itself. A hint that no row knows is dropped after an hour.
  if (rows.length === 0) yield sql(SLEEP_UNKNOWN, entry);
  else if (rows.length === 1 && awake === 1) yield sql(REST, null, entry);
}

/** Asks in one statement whether the inbox has something for a row, and whether its account is paused: most visits find neither. */
function* lookAround(locked) {
  const { kit, provider, account } = locked;
  const [[hasEntries, until, reason]] = (yield sql(AROUND, provider, kit.dialect.array(locked.allIds()), provider, account)).rows;
  locked.hasEntries = Boolean(hasEntries);
  locked.pause = until === null ? null : { until, reason };
  // SQLite has one writer: an entry that comes later meets ids that are stored.
  if (!locked.hasEntries && !kit.dialect.isPostgres) locked.hasUnreadIds = false;
}

/** Observes the row's entries, the oldest first, and returns those that it did not ignore as early. */
function* offer(locked) {
  const { kit, provider, account, now } = locked;
  const consumed = [];
  if (!locked.hasEntries) return consumed;
  let after = [-1, ''];
  for (;;) {
    const ids = kit.dialect.array(locked.allIds());
    const { rows } = yield sql(OFFERED, provider, ids, account, now + MINUTE, ...after);
    for (const entry of rows) {
      if (consumed.length === AT_ONCE) {
        locked.hasMore = true;
        return consumed;
      }
      yield* offerOne(locked, entry, consumed);
    }
    if (rows.length < AT_ONCE) return consumed;
    const [id, , , , , , received] = rows.at(-1);
    after = [received, id];
  }
}

function* offerOne(locked, [id, deliveries, origin, content_type, topic, body], consumed) {
  const fact = { type: 'webhook', origin, content_type, topic, body };
  let step;
  try {
    step = locked.snapshot.observe(fact, locked.context());
  } catch (error) {
    yield sql(FAIL, describe(error), locked.now + HOUR, id);
    locked.kit.log({ level: 'error', event: 'entry_failed', entry: id, ...locked.name(), error: describe(error) });
    return;
  }
  if (step.ignored?.reason === 'early') {
    locked.early.add(id); // It has no line: the inbox shows it.
    return;
  }
  locked.takeStep(step, 'webhook', { actor: 'webhook', code: journal.codeOf(fact), ...journal.describeStep(step) });
  consumed.push([id, deliveries]);
}

/** Deletes what the row has applied, last. An entry that other rows know is left to a worker's visit of the entry. */
function* remove(locked, consumed) {
  for (const [id, deliveries] of consumed) {
    locked.applied.add(id);
    const { rows } = yield sql(ROWS, id);
    const isOwn = rows.every(([flow, key]) => flow === locked.flow && key === locked.key);
    if (isOwn) yield* erase(id, deliveries);
    else yield sql(AGAIN, locked.now, id);
  }
}

function* erase(entry, deliveries) {
  if ((yield sql(DELETE, entry, deliveries)).count === 1) yield sql(DELETE_IDS, entry);
}

/** A person has looked at an entry that no row knows, and wants it no more. */
function* drop(entry) {
  const [found] = (yield sql(DELIVERIES, entry)).rows;
  if (found === undefined) throw new HostError(`id: the inbox has no entry \`${entry}\`.`);
  const [[flow, key] = []] = (yield sql(ROWS, entry)).rows;
  if (flow !== undefined) throw new HostError(`id: the entry \`${entry}\` belongs to ${flow} ${key}, which has yet to apply it. Let a worker run.`);
  yield* erase(entry, found[0]);
}

/**
 * Makes each verified entry due that names no id so far, and that this release of the library can read. One that it reads as an event
 * that no flow needs goes.
 */
function* readAgain() {
  for (const [entry, deliveries, provider, ...read] of (yield sql(UNKNOWN)).rows) {
    const kinds = named(provider, ...read);
    if (kinds === null) continue;
    if (kinds.size === 0) yield* erase(entry, deliveries);
    for (const id of kinds.keys()) yield sql(ADD_ID, provider, id, entry);
    if (kinds.size > 0) yield sql(DUE, entry);
  }
}

/** The ids that an entry names, each with its kind; null if this release of the library cannot read it. */
function named(provider, origin, content_type, topic, body) {
  const { ids, unreadable } = webhookIds(provider, { type: 'webhook', origin, content_type, topic, body });
  return unreadable === null ? new Map(ids.map(({ id, kind }) => [id, kind])) : null;
}

/** An entry's ids for a page: `true` for a payment token, and for an id whose kind is not known, which can be one. */
function* shownIds(entry) {
  const [read] = (yield sql(ENTRY, entry)).rows;
  const kinds = named(...read) ?? new Map();
  const isShown = (id) => kinds.has(id) && kinds.get(id) !== 'payment_token';
  return (yield sql(ENTRY_IDS, entry)).rows.map(([id]) => (isShown(id) ? id : true));
}

/** Deletes some of the entries that came before, and that no row knows: a row's own are kept until it takes them. */
function* prune({ log }, before) {
  const { rows } = yield sql(OLD, before);
  for (const [entry, deliveries, provider] of rows) {
    log({ level: 'warn', event: 'webhook_deleted', provider, entry, reason: 'no row knows it, and it is old' });
    yield* erase(entry, deliveries);
  }
  return rows.length;
}

/** One entry that is due, with its rows; null if there is none. If this worker is killed, it is due again in a minute. */
function* pick(kit) {
  if (!kit.hasReadAgain) yield* readAgain();
  const [found] = (yield sql(PICK, kit.due())).rows;
  if (found === undefined) return null;
  const [id, deliveries, origin, receivedAt, at] = found;
  const now = kit.now(at);
  const { rows } = yield sql(ROWS, id);
  if (rows.length > 0) yield sql(REST, now + MINUTE, id);
  else if (origin === 'verified') yield sql(REST, null, id);
  else if (receivedAt + HOUR <= now) yield* erase(id, deliveries);
  else yield sql(REST, receivedAt + HOUR, id);
  return { id, deliveries, rows };
}

/** Ends a worker's visit of an entry, after every row had it. */
function* settle(entry, isEarly) {
  if (isEarly) yield sql(REST, null, entry.id);
  else yield* erase(entry.id, entry.deliveries);
}

module.exports = { drop, erase, knowing, lookAround, offer, pick, prune, remove, ROWS, settle, shownIds, store, wake };
