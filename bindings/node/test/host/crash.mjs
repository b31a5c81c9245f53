// Worker processes that are killed at random checkpoints, against the simulator: nothing is paid twice, lost or left asleep.
// `node crash.mjs --flows 1000` is the full run; `--database postgres` takes RULEBOUND_TEST_POSTGRES.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { truemed } from 'rulebound';
import { Host } from 'rulebound/host';
import { startSimulator } from 'rulebound/testing';

import { postgres, sqlites } from './databases.mjs';

/** How much faster the hosts' clock goes: the lease of a killed worker ends in some seconds. */
const FASTER = 20;
const B12 = { name: 'B12', sku: 'b12', quantity: 1, price: 1500 };
const urls = { success_url: 'http://shop.test/ok', failure_url: 'http://shop.test/no' };
const [file] = [fileURLToPath(import.meta.url)];

function openHost({ database, schema, baseUrl, began, beganAt }, hooks) {
  const clock = () => Math.floor(beganAt + (Date.now() - began) * FASTER);
  const provider = { apiKey: 'any', webhookSecrets: ['whsec'], config: { base_url: baseUrl }, timeoutMs: 2_000 };
  const host = new Host(database, { truemed: provider }, { clock, schema, hooks, log() {} });
  const handled = schema === undefined ? 'handled' : `"${schema}".handled`;
  const deliver = ({ id }, _row, tx) => (tx.prepare ? void tx.prepare('INSERT INTO handled VALUES (?)').run(id) : tx.query(`INSERT INTO ${handled} VALUES ($1)`, [id]));
  return host.onTx('fulfill', deliver).on('notify', async () => {}).ignore('access');
}

/** Kills its own process at one in `odds` checkpoints, as a power cut does. */
async function work(settings) {
  const checkpoint = () => {
    if (Math.random() * settings.odds < 1) process.kill(process.pid, 'SIGKILL');
  };
  const host = openHost(settings, { checkpoint });
  process.once('SIGTERM', () => host.stop());
  await host.run({ lanes: 2 });
  await host.close();
}

/** Processes that are started again whenever one of them was killed. */
class Workers {
  kills = 0;
  #ends = false;
  #children = new Set();

  constructor(settings, count) {
    this.settings = settings;
    for (let number = 0; number < count; number += 1) this.#start();
  }

  #start() {
    const child = spawn(process.execPath, [file, '--worker', JSON.stringify(this.settings)], { stdio: 'inherit' });
    this.#children.add(child);
    child.once('exit', (code, signal) => {
      this.#children.delete(child);
      if (this.#ends) return;
      if (signal !== 'SIGKILL') throw new Error(`a worker ended with ${code ?? signal}`);
      this.kills += 1;
      this.#start();
    });
  }

  async stop() {
    this.#ends = true;
    const ended = [...this.#children].map((child) => new Promise((done) => child.once('exit', done)));
    for (const child of this.#children) child.kill('SIGTERM');
    await Promise.all(ended);
  }
}

async function receiver(host) {
  const server = createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    response.statusCode = await host.webhook('truemed', { headers: request.headers, body: Buffer.concat(parts) });
    response.end();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

/** The shop and its customers: each subscribes, finishes the survey, and is charged once. */
async function drive(host, world, keys, seconds) {
  const [left, finished, charged, ends] = [new Set(keys), new Set(), new Set(), Date.now() + seconds * 1000];
  while (left.size > 0 && Date.now() < ends) {
    for (const key of [...left]) {
      const row = await host.get(truemed.PaymentToken, key);
      const { customer_url, facets, payment_token, payment_session_id } = row.status();
      if (customer_url !== null && facets.token === 'awaiting' && !finished.has(key)) {
        await world.act({ do: 'finish', url: customer_url });
        finished.add(key);
      } else if (facets.token === 'issued' && !charged.has(key)) {
        const charge = truemed.createPaymentSession({ intent: '2026-12', payment_token, total_amount: 1500, order_items: [B12], ...urls });
        for (let click = 0; click < 2; click += 1) await host.handle(truemed.PaymentToken, key, charge);
        charged.add(key);
      } else if (payment_session_id !== null && row.effects().length === 0 && row.waitingFor().length === 0) {
        left.delete(key);
      }
    }
    await world.advance({ ms: 600_000 });
    await new Promise((done) => setTimeout(done, 200));
  }
  for (const key of left) assert.fail(`${left.size} flows did not end, as ${JSON.stringify((await host.get(truemed.PaymentToken, key)).status())}`);
}

/** The provider's own books beside the shop's. */
async function check(host, world, keys, database) {
  const { payment_sessions } = await world.ledger('truemed');
  const captured = payment_sessions.filter(({ status }) => status === 'captured');
  assert.equal(captured.reduce((sum, it) => sum + it.captured_amount, 0), 1500 * keys.length, 'the money is not what was to be paid');
  const sent = await world.journal({ operation: 'create_payment_session' });
  const names = new Map();
  for (const { body } of sent) {
    const { payment_token, idempotency_key } = typeof body === 'string' ? JSON.parse(body) : body;
    names.set(payment_token, new Set(names.get(payment_token)).add(idempotency_key));
  }
  for (const of of names.values()) assert.equal(of.size, 1, 'an intent was sent under two keys');
  assert.equal(await database.count('handled'), captured.length, 'not everything that is paid was delivered once');
  for (const key of keys) {
    const row = await host.get(truemed.PaymentToken, key);
    const isPending = row.effects().some(({ type }) => type !== 'review') || row.waitingFor().length > 0;
    assert.ok(row.wake_at !== null || !isPending, `${key} is asleep with work`);
  }
  assert.deepEqual(await host.verify(), []);
  return { flows: keys.length, requests: sent.length, delivered: captured.length };
}

/** One run on an empty database, which is gone afterwards. */
export async function crash({ on, flows, workers, odds, seconds }) {
  const folder = on === 'sqlite' ? await sqlites() : null;
  const database = folder?.next() ?? (await postgres());
  const simulator = await startSimulator();
  const world = await simulator.world({ seed: 'crash' });
  const url = on === 'sqlite' ? database.given : process.env.RULEBOUND_TEST_POSTGRES;
  const settings = { database: url, schema: database.schema, baseUrl: world.baseUrl('truemed'), odds, began: Date.now(), beganAt: world.now() };
  const host = openHost(settings);
  const server = await receiver(host);
  await world.endpoints([{ url: `http://127.0.0.1:${server.address().port}/`, provider: 'truemed', secret: 'whsec' }]);
  await world.chaos({ seed: 7, perMille: 100 });
  const keys = Array.from({ length: flows }, () => randomUUID());
  for (const key of keys) await host.handle(truemed.PaymentToken, key, truemed.createPaymentToken({ order_items: [B12], ...urls }));
  const running = new Workers(settings, workers);
  try {
    await drive(host, world, keys, seconds).finally(() => running.stop());
    return { ...(await check(host, world, keys, database)), kills: running.kills };
  } finally {
    server.closeAllConnections();
    server.close();
    await simulator.close();
    await host.close();
    await database.close();
    folder?.close();
  }
}

if (process.argv[1] === file) {
  const number = (value) => ({ type: 'string', default: String(value) });
  const options = { worker: { type: 'string' }, database: { type: 'string', default: 'sqlite' } };
  const { values } = parseArgs({ options: { ...options, flows: number(1000), workers: number(8), odds: number(20), seconds: number(3600) } });
  if (values.worker !== undefined) await work(JSON.parse(values.worker));
  else {
    const [flows, workers, odds, seconds] = [values.flows, values.workers, values.odds, values.seconds].map(Number);
    console.log(await crash({ on: values.database, flows, workers, odds, seconds }));
  }
}
