// The loop that a backend would write: the same statements on the same tables, with the same leases and whole lines of the journal,
// without anything that a kit has for others.

import { createHash } from 'node:crypto';

import { facts, load } from 'rulebound';

/** The lease that the kits promise: as long as a request's timeout and a minute. */
const config = { lease_ms: 90_000 };
const COLUMNS = 'flow, key, account, revision, snapshot, wake_at, tries';
const NEXT = `SELECT ${COLUMNS} FROM {p}flows WHERE wake_at <= ? ORDER BY wake_at LIMIT 1{skip}`;
const ONE = `SELECT ${COLUMNS} FROM {p}flows WHERE flow = ? AND key = ?{lock}`;
const INBOX = 'SELECT e.id, e.body FROM {p}inbox e WHERE e.id IN (SELECT inbox FROM {p}inbox_ids WHERE provider = ? AND id {any})';
const UPDATE = `UPDATE {p}flows SET revision = ?, snapshot = ?, wake_at = ?, reviews = ?, failing = ?, updated_at = ?
  WHERE flow = ? AND key = ? AND revision = ?`;
const ADD_ID = 'INSERT INTO {p}ids VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING';
const LINE = `INSERT INTO {p}journal (flow, key, seq, revision, at, kind, actor, effect, http_status, rules, transitions, failure,
  rules_version, digest) VALUES (?, ?, coalesce((SELECT max(seq) FROM {p}journal WHERE flow = ? AND key = ?), 0) + 1, ?, ?, ?, 'worker',
  ?, ?, ?, ?, ?, '2026.11', ?)`;

export const replyTo = (body) => {
  const name = JSON.parse(body).metadata;
  return JSON.stringify({ provision_token_request_id: `ptr_${name}`, redirect_url: `https://truemed.example/${name}` });
};

const json = (value) => (value.length === 0 ? null : JSON.stringify(value));

/** What a save writes. With several writers a webhook of a new id may have been stored meanwhile: `looksAgain`. */
function saving(row, { next, new_ids = [], transitions = [], warnings, failure = null }, looksAgain, now, kind, effect) {
  const pending = next.effects({ now, config });
  const wake = new_ids.length > 0 && looksAgain ? now : next.wakeAt({ now, config });
  const reviews = pending.filter(({ type }) => type === 'review').length;
  const failing = pending.filter(({ attempts }) => attempts >= 5).length;
  const [text, { flow, key, revision }] = [next.save(), row];
  const [status, rules] = [kind === 'reply' ? 200 : null, warnings.map(({ rule }) => rule)];
  const digest = createHash('sha256').update(text).digest('hex');
  return {
    update: [next.revision, text, wake, reviews, failing, now, flow, key, revision],
    ids: new_ids.map(({ id }) => ['truemed', id, flow, key]),
    line: [flow, key, flow, key, next.revision, now, kind, effect, status, json(rules), json(transitions), failure && json(failure), digest],
  };
}

const readyOf = (snapshot, now) => snapshot.effects({ now, config }).find((it) => it.ready && it.type !== 'review');
const observed = (snapshot, { id }, { sending, body }, now) =>
  snapshot.observe(facts.reply(id, { http_status: 200, body: replyTo(body), sending }), { now, config });

export function sqliteLoop(db) {
  const prepare = (text) => db.prepare(text.replaceAll('{p}', 'rulebound_').replace('{skip}', '').replace('{lock}', '').replace('{any}', 'IN (SELECT value FROM json_each(?))'));
  const [next, one, inbox, update, addId, line] = [NEXT, ONE, INBOX, UPDATE, ADD_ID, LINE].map(prepare);
  const rest = prepare('UPDATE {p}flows SET wake_at = ? WHERE flow = ? AND key = ?');
  const save = (row, step, ...more) => {
    inbox.all('truemed', JSON.stringify(step.next.ids().map(({ id }) => id)));
    const writes = saving(row, step, false, ...more);
    update.run(writes.update);
    for (const it of writes.ids) addId.run(it);
    line.run(writes.line);
  };
  const leasing = db.transaction((now) => {
    const row = next.get(now);
    if (row === undefined) return null;
    const snapshot = load(row.snapshot);
    const effect = readyOf(snapshot, now);
    if (effect === undefined) return void rest.run(snapshot.wakeAt({ now, config }), row.flow, row.key);
    const lease = snapshot.lease(effect.id, { now, config });
    save(row, lease, now, 'lease', effect.id);
    return { row, effect, request: lease.request };
  });
  const observing = db.transaction(({ row: { flow, key }, effect, request }, now) => {
    const row = one.get(flow, key);
    save(row, observed(load(row.snapshot), effect, request, now), now, 'reply', effect.id);
  });
  return async () => {
    const now = Date.now();
    const work = leasing.immediate(now);
    if (work) observing.immediate(work, now);
    return work !== null;
  };
}

export function postgresLoop(pool, schema, hasNames) {
  const compiled = new Map();
  const compile = (text) => {
    let number = 0;
    const named = text.replaceAll('{p}', `"${schema}".rulebound_`).replace('{skip}', ' FOR UPDATE SKIP LOCKED').replace('{lock}', ' FOR UPDATE').replace('{any}', '= ANY(?)');
    return named.replaceAll('?', () => `$${(number += 1)}`);
  };
  const query = async (client, text, values) => {
    if (!compiled.has(text)) compiled.set(text, { text: compile(text), name: hasNames ? `s${compiled.size}` : undefined });
    return (await client.query({ ...compiled.get(text), values })).rows;
  };
  const save = async (client, row, step, ...more) => {
    await query(client, INBOX, ['truemed', step.next.ids().map(({ id }) => id)]);
    const writes = saving(row, step, true, ...more);
    await query(client, UPDATE, writes.update);
    for (const it of writes.ids) await query(client, ADD_ID, it);
    await query(client, LINE, writes.line);
  };
  const transaction = async (work) => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN; SET LOCAL synchronous_commit = on');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } finally {
      client.release();
    }
  };
  return async () => {
    const now = Date.now();
    const work = await transaction(async (client) => {
      const [row] = await query(client, NEXT, [now]);
      if (row === undefined) return null;
      const snapshot = load(row.snapshot);
      const effect = readyOf(snapshot, now);
      if (effect === undefined) {
        await query(client, 'UPDATE {p}flows SET wake_at = ? WHERE flow = ? AND key = ?', [snapshot.wakeAt({ now, config }), row.flow, row.key]);
        return undefined;
      }
      const lease = snapshot.lease(effect.id, { now, config });
      await save(client, row, lease, now, 'lease', effect.id);
      return { row, effect, request: lease.request };
    });
    if (!work) return work !== null;
    return transaction(async (client) => {
      const [row] = await query(client, ONE, [work.row.flow, work.row.key]);
      await save(client, row, observed(load(row.snapshot), work.effect, work.request, now), now, 'reply', work.effect.id);
      return true;
    });
  };
}
