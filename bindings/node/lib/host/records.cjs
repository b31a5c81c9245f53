'use strict';

// What the dashboard shows of the tables: lists in pages, a search, one row with its journal.

const { sql } = require('./dialect.cjs');
const { NewerFormat, RowError } = require('./errors.cjs');
const inbox = require('./inbox.cjs');
const journal = require('./journal.cjs');
const { providerOf } = require('./kit.cjs');
const pauses = require('./pauses.cjs');
const { shown } = require('./row.cjs');
const { COLUMNS, enter } = require('./visit.cjs');

const PAGE = 50;
const LINES = 200;
const ROWS = `SELECT ${COLUMNS}, {now} FROM {p}flows WHERE`;
/** Each list: what is in it, and the column that orders it. */
const LISTS = {
  due: { where: 'wake_at <= {due}', by: 'wake_at', takesNow: true },
  waiting: { where: 'wake_at > {due}', by: 'wake_at', takesNow: true },
  failing: { where: '(failing > 0 OR tries > 0)', by: 'updated_at' },
  reviews: { where: 'reviews > 0', by: 'updated_at' },
  recent: { where: '1 = 1', by: 'updated_at', descends: true },
};
const ENTRIES = `SELECT id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error FROM {p}inbox
  WHERE (received_at, id) > (?, ?) ORDER BY received_at, id LIMIT ${PAGE + 1}`;
/** The prefix is a range of code points, whatever the database's collation is. */
const FOUND = `${ROWS} key = ? OR (reference {bytes} >= ? AND reference {bytes} < ?)
  OR (flow, key) IN (SELECT flow, key FROM {p}ids WHERE id = ?) ORDER BY updated_at DESC, flow, key LIMIT ${PAGE}`;
const JOURNAL = `SELECT ${journal.COLUMNS} FROM {p}journal WHERE flow = ? AND key = ? AND seq < ? ORDER BY seq DESC LIMIT ${LINES}`;
const PAUSES = 'SELECT provider, account, until, reason FROM {p}pauses ORDER BY provider, account';
const RETRY = 'UPDATE {p}flows SET tries = 0, last_error = NULL, wake_at = ? WHERE flow = ? AND key = ?';

/** One page of a list; `after` is the `next` of the page before. */
function* list(kit, name, after) {
  if (name === 'inbox') return yield* inboxList(after);
  const { where, by, takesNow, descends } = LISTS[name];
  const [compare, direction] = descends ? ['<', 'DESC'] : ['>', 'ASC'];
  // Equal instants are in the order of their names, in both directions.
  const behind = after === null ? '' : ` AND (${by} ${compare} ? OR (${by} = ? AND (flow, key) > (?, ?)))`;
  const text = `${ROWS} ${where}${behind} ORDER BY ${by} ${direction}, flow, key LIMIT ${PAGE + 1}`;
  const from = after === null ? [] : [after[0], ...after];
  const { rows } = yield sql(text, ...(takesNow ? [kit.due()] : []), ...from);
  const page = rows.slice(0, PAGE).map(shown);
  const last = page.at(-1);
  return { rows: page, next: rows.length > PAGE ? JSON.stringify([last[by], last.flow, last.key]) : null };
}

/** One page of the rows with a question for a person, each with its open reviews. A row that cannot be loaded has none. */
function* reviews(kit, after) {
  const { rows, next } = yield* list(kit, 'reviews', after);
  const found = [];
  for (const row of rows) found.push({ row, reviews: yield* openReviews(kit, row) });
  return { rows: found, next };
}

function* openReviews(kit, { flow, key }) {
  const [record] = (yield sql(`${ROWS} flow = ? AND key = ?`, flow, key)).rows;
  if (record === undefined) return []; // Forgotten meanwhile.
  try {
    return enter(kit, record).effects().filter(({ type }) => type === 'review');
  } catch (error) {
    if (error instanceof RowError || error instanceof NewerFormat) return [];
    throw error;
  }
}

/** The place behind which a page begins; null if the text is none. */
function cursor(text, length) {
  let parts;
  try {
    parts = JSON.parse(text);
  } catch {
    return null;
  }
  const isOne = Array.isArray(parts) && parts.length === length && Number.isSafeInteger(parts[0]);
  return isOne && parts.slice(1).every((it) => typeof it === 'string' && !it.includes('\u0000')) ? parts : null;
}

function* inboxList(after) {
  const { rows } = yield sql(ENTRIES, ...(after ?? [-1, '']));
  const entries = [];
  for (const [id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error] of rows.slice(0, PAGE)) {
    const ids = yield* inbox.shownIds(id);
    entries.push({ id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error, ids });
  }
  const last = entries.at(-1);
  return { entries, next: rows.length > PAGE ? JSON.stringify([last.received_at, last.id]) : null };
}

/** Rows by key, by an id of the provider, or by a reference or its beginning. */
function* search(q) {
  if (q === '') return { rows: [] };
  const { rows } = yield sql(FOUND, q, q, `${q}\u{10ffff}`, q);
  return { rows: rows.map(shown) };
}

/** One row with all that a page shows of it; null if there is none. */
function* detail(kit, flow, key, before) {
  const [record] = (yield sql(`${ROWS} flow = ? AND key = ?`, flow, key)).rows;
  if (record === undefined) return null;
  const lines = (yield sql(JOURNAL, flow, key, before ?? Number.MAX_SAFE_INTEGER)).rows.map(lineOf);
  const page = { status: null, effects: [], waiting_for: [], actions: [], ids: [] };
  try {
    const { snapshot, ...locked } = enter(kit, record);
    const context = { now: locked.now, config: locked.config };
    page.status = snapshot.status(context);
    page.effects = snapshot.effects(context);
    page.waiting_for = snapshot.waitingFor(context);
    page.actions = snapshot.actions(context);
    page.ids = snapshot.ids();
  } catch (error) {
    if (!(error instanceof RowError || error instanceof NewerFormat)) throw error;
  }
  return { row: shown(record), ...withoutSecrets(page), journal: lines };
}

function lineOf([, , seq, revision, at, kind, actor, effect, http_status, code, rules, transitions, failure, rules_version, digest]) {
  const line = { seq, revision, at, kind, actor, effect, http_status, code };
  const [broken, moves, failed] = [rules ?? '[]', transitions ?? '[]', failure ?? 'null'].map((it) => JSON.parse(it));
  return { ...line, rules: broken, transitions: moves, failure: failed, rules_version, digest };
}

/** A customer's URL and a payment token are secrets: only that there is one is shown. */
function withoutSecrets(value) {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, it]) => [name, isSecret(name, value) ? (it === null ? null : true) : withoutSecrets(it)]);
  return Object.fromEntries(entries);
}

function isSecret(name, { kind }) {
  return name === 'customer_url' || name === 'payment_token' || (name === 'id' && kind === 'payment_token');
}

function* pausesNow() {
  return (yield sql(PAUSES)).rows.map(([provider, account, until, reason]) => ({ provider, account, until, reason }));
}

/** Makes a row due again, and ends the pause of its account; null if there is none. */
function* retry(kit, flow, key, actor) {
  const [record] = (yield sql(`${ROWS} flow = ? AND key = ? {lock}`, flow, key)).rows;
  if (record === undefined) return null;
  const now = kit.now(record[13]);
  yield sql(RETRY, now, flow, key);
  yield* pauses.end(providerOf(flow), record[2]);
  const line = journal.line(record[4], 'retry', journal.digest(record[5]), { actor });
  yield journal.write(flow, key, now, [line]);
  return { ...shown(record), tries: 0, last_error: null, wake_at: now };
}

module.exports = { LISTS, cursor, detail, list, pausesNow, retry, reviews, search };
