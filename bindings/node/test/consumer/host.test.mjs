// The host of the README, as written, against a provider in this process.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { host } from './host.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rulebound-host-'));
after(() => rmSync(folder, { recursive: true }));
const items = [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }];
const ISSUED = { payment_token: 'pt_1', provision_token_request_id: 'ptr_1' };
const CREATED = { provision_token_request_id: 'ptr_1', redirect_url: 'https://truemed.example/q/1' };

/** A host on a database of its own, with a clock that a test moves, and what was sent. */
function opened(name, provider = () => ({ status: 200, headers: {}, body: JSON.stringify(CREATED) })) {
  const sent = [];
  const clock = { now: 1_700_000_000_000 };
  const send = async (request) => {
    sent.push(request);
    return provider(request, sent.length);
  };
  const deed = async () => {};
  const it = host({
    file: join(folder, name),
    site: 'https://shop.example',
    secrets: ['whsec'],
    send,
    deeds: { notify: deed, fulfill: deed, access: deed },
    clock: () => clock.now,
  });
  return { ...it, sent, clock };
}

function webhook({ app }, payload, secret = 'whsec') {
  const headers = { 'x-truemed-api-key': secret, 'content-type': 'application/json' };
  return app.inject({ method: 'POST', url: '/webhooks/truemed', headers, payload: JSON.stringify(payload) });
}

async function subscribed(it) {
  const answer = await it.app.inject({ method: 'POST', url: '/subscriptions', payload: { order_items: items } });
  assert.equal(answer.statusCode, 201, answer.body);
  return answer.json();
}

test('a customer subscribes, and the token comes', async () => {
  const it = opened('plain.db');
  const { key, awaits } = await subscribed(it);
  assert.equal(awaits[0].customer_at, CREATED.redirect_url);
  assert.equal((await webhook(it, { ...ISSUED, metadata: key })).statusCode, 204);
  const shown = (await it.app.inject(`/subscriptions/${key}`)).json();
  assert.deepEqual(shown.awaits, []);
  assert.ok(shown.offers.find((offer) => offer.wish === 'update_payment_token/items').open);
  assert.equal(it.sent.length, 1);
});

test('what breaks a rule is refused with its source, and what is malformed with its field', async () => {
  const it = opened('refused.db');
  const { key } = await subscribed(it);
  await webhook(it, { ...ISSUED, metadata: key });
  const wish = (payload) => it.app.inject({ method: 'POST', url: `/subscriptions/${key}/wishes`, payload });
  const refused = await wish({ type: 'update_payment_token', update_card_info: true, order_items: items });
  assert.equal(refused.statusCode, 422);
  assert.equal(refused.json().violations[0].rule, 'truemed.update.card-xor-items');
  const malformed = await wish({ type: 'update_payment_token', items });
  assert.deepEqual([malformed.statusCode, malformed.json().field], [400, '/command/items']);
  assert.equal((await webhook(it, ISSUED, 'forged')).statusCode, 401);
});

test('a webhook that comes before its ids are known waits in the inbox', async () => {
  let it;
  it = opened('early.db', async () => {
    // The provider tells the outcome before its own reply has arrived, and echoes nothing of ours.
    assert.equal((await webhook(it, ISSUED)).statusCode, 204);
    return { status: 200, headers: {}, body: JSON.stringify(CREATED) };
  });
  const inbox = () => it.db.prepare('SELECT count(*) AS rows FROM inbox').get().rows;
  const { key, awaits } = await subscribed(it);
  assert.deepEqual(awaits, []);
  assert.equal(inbox(), 0);
  assert.ok(it.row('truemed.payment_token', key).correlationIds().includes('pt_1'));
});

test('two that save at once do not overwrite each other', async () => {
  const it = opened('conflict.db');
  const { key } = await subscribed(it);
  const read = () => it.row('truemed.payment_token', key);
  const stale = read();
  it.tell(read(), { type: 'returned', via: 'success_url' });
  assert.notEqual(read().revision, stale.revision);
  const { next } = it.wish(stale, { type: 'retrieve_provision_token_request' });
  assert.equal(next.revision, read().revision);
  it.tell(stale, { type: 'webhook', origin: 'verified', body: JSON.stringify({ ...ISSUED, metadata: key }) });
  assert.ok(read().revision > next.revision);
  assert.ok(read().correlationIds().includes('pt_1'));
});

test('of two workers, one sends', async () => {
  const it = opened('workers.db');
  const at = it.wish(it.row('truemed.payment_token', (await subscribed(it)).key), { type: 'retrieve_provision_token_request' }).next;
  const before = it.sent.length;
  await Promise.all([it.work(at), it.work(at)]);
  assert.equal(it.sent.length, before + 1);
});

test('a crash between saving and sending loses nothing', async () => {
  const file = join(folder, 'crash.db');
  const dying = `
    import { host } from './host.mjs';
    const it = host({ file: ${JSON.stringify(file)}, site: 'https://shop.example', secrets: ['whsec'], deeds: {},
      send: () => process.exit(9), clock: () => 1700000000000 });
    await it.app.inject({ method: 'POST', url: '/subscriptions', payload: { order_items: ${JSON.stringify(items)} } });`;
  const crashed = spawnSync(process.execPath, ['--input-type=module', '--eval', dying], { encoding: 'utf8' });
  assert.equal(crashed.status, 9, crashed.stderr);

  const it = opened('crash.db');
  await it.turn();
  assert.equal(it.sent.length, 0, 'it may still be on its way');
  it.clock.now += 5 * 60_000;
  await it.turn();
  assert.equal(it.sent.length, 1);
  const [{ key }] = it.db.prepare('SELECT key FROM flows').all();
  assert.match(it.sent[0].idempotency_key, new RegExp(`${key}:create_payment_token:1$`));
  assert.equal(it.row('truemed.payment_token', key).awaits({ now: it.clock.now })[0].signal, 'payment_token_updated');
});
