// The throughput of workers beside the same loop written by hand, with the same driver, tables, promises and durability.
// `cargo xtask bench node-host` prints the ratios. The bound is 0.8. With RULEBOUND_TEST_POSTGRES it also measures PostgreSQL, with
// unnamed and with named statements.

import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import Database from 'better-sqlite3';
import pg from 'pg';
import { truemed } from 'rulebound';
import { Host } from 'rulebound/host';

import { postgresLoop, replyTo, sqliteLoop } from './hand.mjs';

const BOUND = 0.8;
const DAY = 86_400_000;
/** The rows that a worker carries out before it is measured, so that its code is compiled: a worker runs for weeks. */
const WARM_UP = 200;
const URL = process.env.RULEBOUND_TEST_POSTGRES;
const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const COMMAND = truemed.createPaymentToken({ order_items: [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }], ...urls });

function openHost({ database, schema, namedStatements }) {
  const send = async ({ body }) => ({ status: 200, headers: {}, body: replyTo(body) });
  const host = new Host(database, { truemed: { apiKey: 'any', webhookSecrets: ['whsec'] } }, { schema, send, namedStatements });
  return host.ignore('notify').ignore('fulfill').ignore('access');
}

function openSqlite(database) {
  const db = new Database(database.slice('sqlite:///'.length), { timeout: 5000 });
  db.pragma('synchronous = FULL');
  return db;
}

function loopOf(place) {
  const { database, schema, namedStatements, loop } = place;
  if (loop === 'kit') {
    const host = openHost(place);
    return [() => host.internals.once(), () => host.close()];
  }
  if (database.startsWith('sqlite')) {
    const db = openSqlite(database);
    return [sqliteLoop(db), () => db.close()];
  }
  const pool = new pg.Pool({ connectionString: database });
  return [postgresLoop(pool, schema, namedStatements), () => pool.end()];
}

if (!isMainThread) {
  const [once, close] = loopOf(workerData);
  parentPort.once('message', async () => {
    while (await once());
    parentPort.postMessage('done');
    await close();
  });
  for (let row = 0; row < WARM_UP; row += 1) await once();
  parentPort.postMessage('ready');
} else {
  await main();
}

/** Rows with a request that is ready, beside rows that wait for later. Gives the keys. */
async function fill(place, rows, waiting) {
  const host = openHost(place);
  await host.migrate();
  const [now, values] = [Date.now(), []];
  for (let number = 0; number < rows + waiting; number += 1) {
    const key = randomUUID();
    const { next } = truemed.PaymentToken.start(key).handle(COMMAND, { now });
    values.push([key, next.revision, next.save(), number < rows ? now : now + DAY, now]);
  }
  const columns = 'flow, key, account, revision, snapshot, wake_at, reviews, failing, tries, created_at, updated_at';
  const { prefix } = host.internals.kit.dialect;
  await host.transaction((tx) => (tx.prepare ? insertSqlite(tx, prefix, columns, values) : insertPostgres(tx, prefix, columns, values)));
  await host.close();
  return values.map(([key]) => key);
}

function insertSqlite(tx, prefix, columns, values) {
  const insert = tx.prepare(`INSERT INTO ${prefix}flows (${columns}) VALUES ('truemed.payment_token', ?, '', ?, ?, ?, 0, 0, 0, ?, ?)`);
  for (const [key, revision, text, wake, now] of values) insert.run(key, revision, text, wake, now, now);
}

async function insertPostgres(tx, prefix, columns, values) {
  const arrays = [0, 1, 2, 3, 4].map((index) => values.map((it) => it[index]));
  await tx.query(
    `INSERT INTO ${prefix}flows (${columns}) SELECT 'truemed.payment_token', key, '', revision, snapshot, wake_at, 0, 0, 0, now, now
     FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[]) AS it (key, revision, snapshot, wake_at, now)`,
    arrays,
  );
}

async function within(kind, work) {
  if (kind === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'rulebound-bench-'));
    await work({ database: `sqlite:///${join(folder, 'bench.db')}` });
    return rmSync(folder, { recursive: true });
  }
  const [schema, pool] = [`rb_${randomBytes(6).toString('hex')}`, new pg.Pool({ connectionString: URL })];
  await pool.query(`CREATE SCHEMA ${schema}`);
  await work({ database: URL, schema, namedStatements: kind === 'postgres-named' });
  await pool.query(`DROP SCHEMA ${schema} CASCADE`);
  return pool.end();
}

function message(thread) {
  return new Promise((done, failed) => thread.once('message', done).once('error', failed));
}

/** Workers that have opened the database, and wait for a message. */
async function ready(count, place) {
  const threads = Array.from({ length: count }, () => new Worker(fileURLToPath(import.meta.url), { workerData: place }));
  await Promise.all(threads.map(message));
  return threads;
}

/** Rows in a second, of all workers together. */
async function measure(kind, loop, workers, rows, waiting = 0) {
  let rate;
  await within(kind, async (place) => {
    await fill(place, rows + workers * WARM_UP, waiting);
    const threads = await ready(workers, { ...place, loop });
    const begun = performance.now();
    await Promise.all(threads.map((thread) => {
      thread.postMessage('go');
      return message(thread);
    }));
    rate = (rows * 1000) / (performance.now() - begun);
    await Promise.all(threads.map((thread) => thread.terminate()));
  });
  return rate;
}

/** The median of several rounds. */
async function several(kind, rows, waiting, rounds) {
  const rates = [];
  for (let round = 0; round < rounds; round += 1) rates.push(await measure(kind, 'kit', 1, rows, waiting));
  return median(rates);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** The median of several rounds: in each, both loops run one after the other. */
async function ratio(kind, workers, rows, rounds) {
  const pairs = [];
  for (let round = 0; round < rounds; round += 1) pairs.push([await measure(kind, 'kit', workers, rows), await measure(kind, 'hand', workers, rows)]);
  const found = median(pairs.map(([ours, theirs]) => ours / theirs));
  const [ours, theirs] = [0, 1].map((index) => median(pairs.map((pair) => pair[index])).toFixed(0));
  console.log(`${kind} ${workers} workers: kit ${ours} rows/s, by hand ${theirs} rows/s, ratio ${found.toFixed(2)}`);
  return found;
}

/** The least that anything stored costs on this disk: one row in a transaction of its own. */
async function committer({ database, schema }) {
  if (database.startsWith('sqlite')) {
    const db = openSqlite(database);
    db.exec('CREATE TABLE bare (n INTEGER)');
    const insert = db.prepare('INSERT INTO bare VALUES (0)');
    return [() => insert.run(), () => db.close()];
  }
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  await client.query(`CREATE TABLE "${schema}".bare (n INTEGER)`);
  return [() => client.query(`INSERT INTO "${schema}".bare VALUES (0)`), () => client.end()];
}

/** The median time in which a webhook is stored and its row is awake while a worker is busy, in milliseconds. */
async function acknowledgement(kind) {
  const [times, bare] = [[], []];
  await within(kind, async (place) => {
    const keys = await fill(place, 1_000 + WARM_UP, 0);
    const host = openHost(place);
    const [commit, close] = await committer(place);
    const [busy] = await ready(1, { ...place, loop: 'kit' });
    let isOver = false;
    busy.once('message', () => (isOver = true)).postMessage('go');
    for (const key of keys.slice(WARM_UP)) {
      if (isOver) break;
      const body = JSON.stringify({ payment_token: `pt_${key}`, provision_token_request_id: `ptr_${key}` });
      const begun = performance.now();
      await host.webhook('truemed', { headers: { 'x-truemed-api-key': 'whsec' }, body });
      times.push(performance.now() - begun);
      const after = performance.now();
      await commit();
      bare.push(performance.now() - after);
    }
    await busy.terminate();
    await close();
    await host.close();
  });
  console.log(`${kind} webhook acknowledged under load: p50 ${median(times).toFixed(2)} ms of ${times.length}, a bare commit beside it ${median(bare).toFixed(2)} ms`);
  return median(times);
}

async function main() {
  const options = { rows: { type: 'string', default: '500' }, rounds: { type: 'string', default: '3' }, waiting: { type: 'string', default: '100000' }, databases: { type: 'string', default: URL ? 'sqlite,postgres,postgres-named' : 'sqlite' } };
  const { values } = parseArgs({ options: { ...options, workers: { type: 'string', default: '1,2,4,8' } } });
  const [rows, rounds, waiting] = [values.rows, values.rounds, values.waiting].map(Number);
  const missed = [];
  for (const kind of values.databases.split(',')) {
    for (const workers of values.workers.split(',').map(Number)) {
      if ((await ratio(kind, workers, rows, rounds)) < BOUND) missed.push(`${kind} ${workers} workers`);
    }
    if ((await acknowledgement(kind)) > 5) missed.push(`${kind} webhook`);
    if (waiting === 0) continue;
    const [few, many] = [await several(kind, rows, 1_000, rounds), await several(kind, rows, waiting, rounds)];
    console.log(`${kind} beside 1,000 waiting rows ${few.toFixed(0)} rows/s, beside ${waiting} ${many.toFixed(0)} rows/s: ${(many / few).toFixed(2)}`);
    if (many / few < BOUND) missed.push(`${kind} waiting rows`);
  }
  if (missed.length > 0) console.log(`the bound was missed: ${missed.join(', ')}`);
  process.exitCode = missed.length > 0 ? 1 : 0;
}
