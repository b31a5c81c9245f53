// The shop without the kit sells, loses no reply and no webhook, and goes on after a stop between any two of its steps.

import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { startSimulator } from 'rulebound/testing';

import { root } from './kit.mjs';

const PORT = 3418;
const SITE = `http://127.0.0.1:${PORT}`;
const PLAN = '4aa7c1e4-cf8c-4d1c-a6ad-451dd07411ee';
const here = fileURLToPath(new URL('.', import.meta.url));

test('a shop without the kit is one short file', async (t) => {
  const folder = mkdtempSync(join(here, 'run-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const source = readFileSync(join(root, 'bindings/node/examples/without-kit.mjs'), 'utf8');
  const lines = source.split('\n').filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/\*\*.*\*\/$)/.test(line));
  assert.ok(lines.length <= 180, `it has ${lines.length} lines`);
  copyFileSync(join(root, 'bindings/node/examples/without-kit.mjs'), join(folder, 'without-kit.mjs'));
  const { shop } = await import(pathToFileURL(join(folder, 'without-kit.mjs')).href);

  const simulator = await startSimulator();
  const world = await simulator.world({ seed: 7 });
  t.after(() => simulator.close());
  await world.endpoints([{ url: `${SITE}/webhooks/vend/hook`, provider: 'vend' }, { url: `${SITE}/webhooks/revup/hook`, provider: 'revup' }]);
  const config = {
    revup: { base_url: `${world.url}/revup/v2`, plans: { [PLAN]: ['EUR'] } },
    vend: { base_url: world.baseUrl('vend'), domain_prefix: 'marshmallow' },
  };
  const secret = { revup: 'any', vend: 'any', webhooks: 'hook' };
  const open = () => shop({ file: join(folder, 'shop.db'), port: PORT, config, secret, site: SITE, clock: world.now, run: false });
  let running = await open();
  t.after(() => running.close());
  /** The worker, which stops and starts again between any two looks at its rows. */
  const host = {
    tick: async () => {
      while ((await running.work()) > 0) {
        await running.close();
        running = await open();
      }
    },
    nextWake: () => running.db.prepare('SELECT min(wake_at) FROM flows').pluck().get(),
  };
  const ask = async (path, fields) => {
    const reply = await fetch(`${SITE}${path}`, fields && { method: 'POST', body: JSON.stringify(fields) });
    return [reply.status, await reply.json().catch(() => null)];
  };
  const delivered = (what) => running.db.prepare('SELECT count(*) FROM deliveries WHERE id LIKE ?').pluck().get(`%:${what}:%`);

  // Vend: the retailer consents, and the reply to the first request is lost.
  await world.fault({ do: 'commit_then_drop', provider: 'vend' });
  const [started, vend] = await ask('/subscriptions/vend/start', { retailer: 'marshmallow' });
  assert.equal(started, 200, JSON.stringify(vend));
  await world.advance({ ms: 3_600_000, host });
  const at = `/subscriptions/vend/${vend.key}`;
  const [, waiting] = await ask(at);
  assert.ok(waiting.status.customer_url, JSON.stringify(waiting));
  const consent = new URLSearchParams({ token: new URL(waiting.status.customer_url).searchParams.get('token'), choice: 'accept' });
  await fetch(waiting.status.customer_url.split('?')[0], { method: 'POST', body: consent, redirect: 'manual' });
  assert.equal((await ask(`${at}/returned`, {}))[0], 200);
  await world.advance({ ms: 3_600_000, host });
  assert.equal((await ask(at))[1].status.facets.subscription, 'live');
  assert.equal(delivered('fulfill'), 1);

  // Revup: a subscription on a stored card, its first charge, a refund that is asked for twice, and the end.
  const revup = (path, fields) => fetch(`${world.url}/revup${path}`, { method: 'POST', headers: { 'x-api-key': 'any' }, body: JSON.stringify(fields) });
  const redirectUrl = { success: `${SITE}/ok`, fail: `${SITE}/no` };
  const order = await (await revup('/v2/orders', { redirectUrl, money: { amount: 9.98, currency: 'EUR' }, generateToken: true })).json();
  await world.act({ provider: 'revup', do: 'pay', id: order.orderId });
  const paid = JSON.stringify(await world.webhooks());
  const id = (name) => new RegExp(`"${name}\\\\*":\\s*\\\\*"([^"\\\\]+)`).exec(paid)?.[1];
  const card = { tokenId: id('tokenId'), parentTransactionId: id('transactionId'), parentOrderId: order.orderId };
  const [, begun] = await ask('/subscriptions/revup/start', { ...card, planId: PLAN, currency: 'EUR' });
  const row = `/subscriptions/revup/${begun.key}`;
  await world.advance({ ms: 3_600_000, host });
  const [, { status }] = await ask(row);
  assert.equal(status.facets.subscription, 'fulfilled', JSON.stringify(status));
  const [payment] = status.payments;
  const refund = { intent: 'return-7', transactionId: payment.transaction_id, amount: '1', currency: 'EUR' };
  for (let again = 0; again < 2; again += 1) assert.equal((await ask(`${row}/refund`, refund))[0], 200);
  await world.advance({ ms: 3_600_000, host });
  assert.equal((await ask(row))[1].status.intents[0].state, 'done');
  assert.equal((await ask(`${row}/cancel`, {}))[0], 200);
  await world.advance({ ms: 3_600_000, host });
  assert.equal((await ask(row))[1].status.facets.subscription, 'cancelled');

  // What is wrong changes nothing.
  assert.equal((await ask('/webhooks/revup/guess', {}))[0], 404);
  assert.equal((await ask(`${row}/review`, { review: 'review:none:1', verdict: 'ours' }))[0], 400);
  assert.equal((await ask(`${row}/refund`, { intent: 'x' }))[0], 400);
  assert.equal((await ask('/subscriptions/revup/none'))[0], 404);
});
