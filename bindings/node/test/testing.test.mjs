// The simulator from Node: its own binary, with a world for each test.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { SimulatorError, findBinary, startSimulator } from '../lib/testing.mjs';

const CART = {
  order_items: [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }],
  success_url: 'https://shop.example/ok',
  failure_url: 'https://shop.example/no',
};

let simulator;
let world;
before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.close());
beforeEach(async () => {
  world = await simulator.world();
});
afterEach(() => world.close());

async function create(body = CART) {
  const headers = { 'x-truemed-api-key': 'any', 'content-type': 'application/json' };
  const url = `${world.baseUrl('truemed')}/api/v1/payment_tokens/create`;
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

/** A host that takes every webhook, and notes the world's time. */
async function receiver(t) {
  const seen = [];
  const server = createServer(async (request, reply) => {
    let body = '';
    for await (const part of request) body += part;
    seen.push({ at: world.now(), body: JSON.parse(body) });
    reply.writeHead(204).end();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  await world.endpoints([`http://127.0.0.1:${server.address().port}/hook`]);
  return seen;
}

test('a journey: the customer finishes, an hour passes, the webhook comes', async (t) => {
  const seen = await receiver(t);
  const start = world.now();
  const { redirect_url: url } = await create({ ...CART, metadata: 'customer-1' });
  assert.equal((await world.act({ do: 'finish', url })).url, CART.success_url);
  const delivered = await world.advance({ ms: 3_600_000 });
  assert.equal(world.now(), start + 3_600_000);
  assert.deepEqual(delivered.map((it) => it.status), [204]);
  assert.equal(seen.length, 1);
  assert.ok(start < seen[0].at && seen[0].at < world.now(), 'the host reads the time of the delivery');
  assert.equal(seen[0].body.data.metadata, 'customer-1');
  const { payment_tokens: tokens } = await world.ledger('truemed');
  assert.equal(tokens[0].payment_token, seen[0].body.data.payment_token);
});

test('webhooks wait and come again', async (t) => {
  const seen = await receiver(t);
  await world.hold();
  await world.act({ do: 'finish', url: (await create()).redirect_url });
  assert.deepEqual(await world.advance({ ms: 3_600_000 }), []);
  assert.equal((await world.release()).length, 1);
  assert.equal((await world.redeliver('payment_token_updated')).length, 1);
  assert.deepEqual(seen[0].body, seen[1].body);
});

test('a host wakes up between due instants', async () => {
  const start = world.now();
  const ticks = new Set();
  let wake = start + 5_000;
  const tick = () => {
    ticks.add(world.now() - start);
    if (wake !== null && world.now() >= wake) wake = null;
  };
  await world.advance({ ms: 60_000, host: { tick, nextWake: () => wake } });
  assert.deepEqual([...ticks], [0, 5_000, 60_000]);
});

test('faults strike, and the journal keeps them', async () => {
  await world.fault({ do: 'commit_then_drop', operation: 'create_payment_token' });
  await assert.rejects(create());
  await create();
  const journal = await world.journal({ operation: 'create_payment_token' });
  assert.deepEqual(journal.map((it) => it.fault), ['commit_then_drop', null]);
  assert.deepEqual((await world.faults()).map((it) => it.struck), [1]);
  await world.clearFaults();
  assert.deepEqual(await world.faults(), []);
});

test('worlds do not see each other, and an error says what is wrong', async () => {
  const other = await simulator.world({ seed: 7 });
  await create();
  assert.equal((await world.journal()).length, 1);
  assert.deepEqual(await other.journal(), []);
  await other.close();
  await assert.rejects(world.act({ do: 'explode' }), SimulatorError);
  await assert.rejects(world.advance({}), TypeError);
});

test('a missing binary is named, with the command that builds it', (t) => {
  const { CARGO_TARGET_DIR, PATH, RULEBOUND_SIMULATOR } = process.env;
  t.after(() => {
    for (const [name, value] of Object.entries({ CARGO_TARGET_DIR, PATH, RULEBOUND_SIMULATOR })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  process.env.RULEBOUND_SIMULATOR = '/nowhere/simulator';
  assert.throws(findBinary, /RULEBOUND_SIMULATOR names no file/);
  delete process.env.RULEBOUND_SIMULATOR;
  process.env.CARGO_TARGET_DIR = `${tmpdir()}/nowhere`;
  process.env.PATH = '';
  assert.throws(findBinary, /cargo build --package rulebound-simulator/);
});
