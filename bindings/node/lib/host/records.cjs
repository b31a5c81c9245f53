'use strict';

// What the dashboard shows of the tables: lists in pages, a search, one row with its journal.

const { sql } = require('./dialect.cjs');
const { NewerFormat, RowError } = require('./errors.cjs');
const inbox = require('./inbox.cjs');
const journal = require('./journal.cjs');
const { NAMES, shown } = require('./row.cjs');
const { COLUMNS, enter } = require('./visit.cjs');

const PAGE = 50;
const LINES = 200;
const ROWS = `SELECT ${COLUMNS}, {now} FROM {p}flows WHERE`;
/** Each list of rows: what is in it, and the column that orders it. */
const LISTS = {
  due: { where: 'wake_at <= {due}', by: 'wake_at', takesNow: true },
  waiting: { where: 'wake_at > {due}', by: 'wake_at', takesNow: true },
  failing: { where: '(failing > 0 OR tries > 0)', by: 'updated_at' },
  reviews: { where: 'reviews > 0', by: 'updated_at' },
  recent: { where: '1 = 1', by: 'updated_at', descends: true },
};
/** Where the first page of another list begins. A cursor has parts of the same types. */
const BEGINS = { inbox: [-1, ''], refused: [Number.MAX_SAFE_INTEGER, '', '', 0] };
const ROWS_BEGIN = [0, '', ''];
const ENTRIES = `SELECT id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error FROM {p}inbox
  WHERE (received_at, id) > (?, ?) ORDER BY received_at, id LIMIT ${PAGE + 1}`;
/** Three queries, each with its index: in one with OR, PostgreSQL reads every row. The snapshot would make UNION expensive. */
const FOUND = ['key = ?', 'reference >= ? AND reference < ?', '(flow, key) IN (SELECT flow, key FROM {p}ids WHERE id = ?)']
  .map((where) => `SELECT ${NAMES.join(', ')} FROM {p}flows WHERE ${where}`)
  .join(' UNION ')
  .concat(` ORDER BY updated_at DESC, flow, key LIMIT ${PAGE}`);
/** The condition of an index is found only word for word. */
const REFUSED = `SELECT ${journal.COLUMNS}, (SELECT account FROM {p}flows f WHERE f.flow = j.flow AND f.key = j.key),
    (SELECT reference FROM {p}flows f WHERE f.flow = j.flow AND f.key = j.key)
  FROM {p}journal j WHERE (kind = 'rejected' OR failure LIKE '%"kind":"refused"%') AND at <= ?
  AND (at < ? OR (flow, key, seq) > (?, ?, ?)) ORDER BY at DESC, flow, key, seq LIMIT ${PAGE + 1}`;
const JOURNAL = `SELECT ${journal.COLUMNS} FROM {p}journal WHERE flow = ? AND key = ? AND seq < ? ORDER BY seq DESC LIMIT ${LINES}`;
const PAUSES = 'SELECT provider, account, until, reason FROM {p}pauses ORDER BY provider, account';

/** One page of a list; `after` is the `next` of the page before. */
function* list(kit, name, after) {
  if (name === 'inbox') return yield* inboxList(after);
  if (name === 'refused') return yield* refusals(after);
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

/** The place behind which a page of a list begins; null if the text is none. */
function cursor(name, text) {
  const like = BEGINS[name] ?? ROWS_BEGIN;
  let parts;
  try {
    parts = JSON.parse(text);
  } catch {
    return null;
  }
  const isOne = Array.isArray(parts) && parts.length === like.length;
  const isPart = (it, index) => typeof it === typeof like[index] && (typeof it === 'string' ? !it.includes('\0') : Number.isSafeInteger(it));
  return isOne && parts.every(isPart) ? parts : null;
}

function* inboxList(after) {
  const { rows } = yield sql(ENTRIES, ...(after ?? BEGINS.inbox));
  const entries = [];
  for (const [id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error] of rows.slice(0, PAGE)) {
    const ids = yield* inbox.shownIds(id);
    entries.push({ id, provider, account, deliveries, origin, topic, received_at, wake_at, tries, last_error, ids });
  }
  const last = entries.at(-1);
  return { entries, next: rows.length > PAGE ? JSON.stringify([last.received_at, last.id]) : null };
}

function* refusals(after) {
  const [at, ...names] = after ?? BEGINS.refused;
  const found = (yield sql(REFUSED, at, at, ...names)).rows;
  const page = found.slice(0, PAGE).map((row) => {
    const [flow, key] = row;
    const [account, reference] = row.slice(-2);
    return { ...lineOf(row), flow, key, account, reference };
  });
  const last = page.at(-1);
  return { refusals: page, next: found.length > PAGE ? JSON.stringify([last.at, last.flow, last.key, last.seq]) : null };
}

/** Rows by key, by an id of the provider, or by a reference or its beginning. */
function* search(q) {
  if (q === '') return { rows: [] };
  const { rows } = yield sql(FOUND, q, q, `${q}\u{10ffff}`, q);
  return { rows: rows.map((row) => Object.fromEntries(NAMES.map((name, index) => [name, row[index]]))) };
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

function lineOf([, , seq, revision, at, kind, actor, effect, http_status, code, rules, transitions, failure, money, rules_version, digest]) {
  const [broken, moves, failed, moved] = [rules ?? '[]', transitions ?? '[]', failure ?? 'null', money ?? '[]'].map((it) => JSON.parse(it));
  const line = { seq, revision, at, kind, actor, effect, http_status, code };
  return { ...line, rules: broken, transitions: moves, failure: failed, money: moved, rules_version, digest };
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

module.exports = { VIEWS: [...Object.keys(LISTS), ...Object.keys(BEGINS)], cursor, detail, list, pausesNow, reviews, search };
