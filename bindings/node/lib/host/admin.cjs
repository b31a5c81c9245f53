'use strict';

// What an operator asks: the gauges, the proof of the journal, a restored backup, and what is too old.

const { sql } = require('./dialect.cjs');
const inbox = require('./inbox.cjs');
const journal = require('./journal.cjs');
const { accountOf } = require('./kit.cjs');

const PAGE = 500;
const DAY = 86_400_000;
const GAUGES = `SELECT (SELECT min(wake_at) FROM {p}flows WHERE wake_at <= ?), (SELECT count(*) FROM {p}flows WHERE wake_at <= ?),
  (SELECT min(received_at) FROM {p}inbox), (SELECT coalesce(sum(failing + CASE WHEN tries > 0 THEN 1 ELSE 0 END), 0)
  FROM {p}flows WHERE failing > 0 OR tries > 0),
  (SELECT coalesce(sum(reviews), 0) FROM {p}flows WHERE reviews > 0),
  (SELECT count(*) FROM {p}pauses WHERE until > ?),
  (SELECT min(f.updated_at) FROM {p}pauses p JOIN {p}flows f ON f.account = p.account
    AND substr(f.flow, 1, length(p.provider) + 1) = p.provider || '.' WHERE p.until > ? AND f.wake_at <= p.until),
  (SELECT count(*) FROM {p}journal WHERE at > ? AND failure LIKE '%"kind":"refused"%')`;
const NEXT = 'SELECT (SELECT min(wake_at) FROM {p}flows), (SELECT min(wake_at) FROM {p}inbox)';
const NOW = 'SELECT {now}';
const PAUSED = 'SELECT provider, account, reason FROM {p}pauses WHERE until > ? ORDER BY provider, account';
/** What ends a pause, by its reason. */
const CURES = { 429: 'The provider limits its requests.', config: 'Its config has a mistake, which the log names: correct it.' };
const ROWS = 'SELECT flow, key, revision, snapshot FROM {p}flows WHERE (flow, key) > (?, ?) ORDER BY flow, key LIMIT ?';
const ROW = 'SELECT revision, snapshot FROM {p}flows WHERE flow = ? AND key = ? {lock}';
/** The lines that saved the row: the others have the digest of whatever they found. */
const LINES = `SELECT revision, digest FROM {p}journal WHERE flow = ? AND key = ? AND kind NOT IN ('error', 'rejected', 'retry') ORDER BY seq`;
const PRUNE = `DELETE FROM {p}journal WHERE (flow, key, seq) IN (SELECT flow, key, seq FROM {p}journal WHERE at < ? ORDER BY at LIMIT 1000)`;

function* stats(kit) {
  const now = kit.now((yield sql(NOW)).rows[0][0]);
  const [[overdue, due, received, failing, reviews, paused, held, refused]] = (yield sql(GAUGES, now, now, now, now, now - DAY)).rows;
  const age = (at) => (at === null ? 0 : Math.max(0, now - at));
  return {
    oldest_overdue_ms: age(overdue),
    due,
    inbox_age_ms: age(received),
    failing_effects: Number(failing),
    reviews_open: Number(reviews),
    accounts_paused: Number(paused),
    oldest_held_ms: age(held),
    refused_in_day: Number(refused),
  };
}

/** What the doctor says of accounts that take no requests now. */
function* paused(kit) {
  const now = kit.now((yield sql(NOW)).rows[0][0]);
  return (yield sql(PAUSED, now)).rows.map(([provider, account, reason]) => {
    return { problem: 'account', detail: `The ${accountOf(provider, account)} is paused (${reason}). ${CURES[reason] ?? 'Correct its API key.'}` };
  });
}

/** One page of rows, and what is wrong with their journals: each `gap`, and `digest`. */
function* verify(kit, after) {
  const { rows } = yield sql(ROWS, ...after, PAGE);
  const problems = [];
  for (const [flow, key, revision, snapshot] of rows) {
    let found = flaws((yield sql(LINES, flow, key)).rows, revision, snapshot);
    if (found.length > 0) {
      // A worker may have saved between the two statements.
      const now = (yield sql(ROW, flow, key)).rows;
      found = now.length === 0 ? [] : flaws((yield sql(LINES, flow, key)).rows, ...now[0]);
    }
    problems.push(...found.map((it) => ({ ...it, flow, key })));
  }
  return { problems, next: rows.length < PAGE ? null : rows.at(-1).slice(0, 2) };
}

/** The oldest lines may have been pruned, or all of them; from the first one on there is no gap. */
function flaws(lines, revision, snapshot) {
  if (lines.length === 0) return [];
  const isGap = ([later], [earlier]) => later < earlier || later > earlier + 1;
  const steps = lines.slice(1).map((line, index) => [line, lines[index]]);
  const found = steps.filter(([line, before]) => isGap(line, before)).map(([[later], [earlier]]) => {
    return { problem: 'gap', detail: `revision ${later} follows ${earlier}` };
  });
  const [last, digest] = lines.at(-1);
  if (last === revision && digest === journal.digest(snapshot)) return found;
  return [...found, { problem: 'digest', detail: "the row is not what the journal's last line says" }];
}

/** The names of one page of rows. */
function* names(after) {
  return (yield sql(ROWS, ...after, PAGE)).rows.map(([flow, key]) => [flow, key]);
}

/** Deletes some of what is older: lines of the journal, and webhooks that no row knows. Returns how much. */
function* prune(kit, journalMs, inboxMs) {
  const now = kit.now((yield sql(NOW)).rows[0][0]);
  return (yield* inbox.prune(kit, now - inboxMs)) + (yield sql(PRUNE, now - journalMs)).count;
}

/** When a row or an entry is due next. */
function* nextDue() {
  const [[row, entry]] = (yield sql(NEXT)).rows;
  return row === null || entry === null ? (row ?? entry) : Math.min(row, entry);
}

module.exports = { nextDue, names, paused, prune, stats, verify };
