// The host of the README, as written, against a provider in this process.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { flex, truemed } from 'rulebound';

import { INVOICE, SUBSCRIPTION, session, settings } from './flex.mjs';
import { host, send } from './host.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rulebound-host-'));
after(() => rmSync(folder, { recursive: true }));
const shelf = { b12: { name: 'B12', price: 1500 }, mg: { name: 'Magnesium', price: 1200 } };
const items = [{ sku: 'b12', quantity: 1 }];
const ISSUED = { payment_token: 'pt_1', provision_token_request_id: 'ptr_1' };
const CREATED = { provision_token_request_id: 'ptr_1', redirect_url: 'https://truemed.example/q/1' };
const SURVEY = { ...CREATED, provision_token_request_id: 'ptr_2', next_action: 'TakeHealthSurvey' };
const FLEX_SECRET = Buffer.from('a secret of Flex, of any length');

/** A host on a database of its own, with a clock that a test moves, and what was sent. */
function opened(name, provider = () => CREATED, perform = {}) {
  const sent = [];
  const logged = [];
  const clock = { now: 1_700_000_000_000 };
  const send = async (request) => {
    sent.push(request);
    return { http_status: 200, headers: new Headers(), body: JSON.stringify(await provider(request, sent.length)) };
  };
  const nothing = async () => {};
  const it = host({
    file: join(folder, name),
    site: 'https://shop.example',
    shelf,
    providers: { truemed: { secrets: ['whsec'] }, flex: { secrets: [`whsec_${FLEX_SECRET.toString('base64')}`] } },
    config: { flex: settings },
    send,
    perform: { notify: nothing, fulfill: nothing, access: nothing, ...perform },
    clock: () => clock.now,
    log: (...what) => logged.push(what),
  });
  return { ...it, sent, clock, logged };
}

function webhook({ app }, payload, secret = 'whsec') {
  const headers = { 'x-truemed-api-key': secret, 'content-type': 'application/json' };
  return app.inject({ method: 'POST', url: '/webhooks/truemed', headers, payload: JSON.stringify(payload) });
}

/** A webhook as Flex signs it. */
function flexWebhook({ app, clock }, payload) {
  const [id, at, body] = ['msg_1', String(Math.floor(clock.now / 1000)), JSON.stringify(payload)];
  const signature = createHmac('sha256', FLEX_SECRET).update(`${id}.${at}.${body}`).digest('base64');
  const headers = { 'svix-id': id, 'svix-timestamp': at, 'svix-signature': `v1,${signature}`, 'content-type': 'application/json' };
  return app.inject({ method: 'POST', url: '/webhooks/flex', headers, payload: body });
}

async function subscribed(it) {
  const response = await it.app.inject({ method: 'POST', url: '/subscriptions', payload: { items } });
  assert.equal(response.statusCode, 201, response.body);
  return response.json().status;
}

/** The key of a customer whose token has been issued. */
async function issued(it) {
  const { key } = await subscribed(it);
  assert.equal((await webhook(it, { ...ISSUED, metadata: key })).statusCode, 204);
  return key;
}

const press = ({ app }, key, payload) => app.inject({ method: 'POST', url: `/subscriptions/${key}/items`, payload });
const inbox = ({ db }) => db.prepare('SELECT count(*) AS rows FROM inbox').get().rows;

test('a customer subscribes, and Truemed issues the token', async () => {
  const it = opened('plain.db');
  const { key, customer_url, facets } = await subscribed(it);
  assert.deepEqual([customer_url, facets.token], [CREATED.redirect_url, 'awaiting']);
  assert.equal((await webhook(it, { ...ISSUED, metadata: key })).statusCode, 204);
  const shown = (await it.app.inject(`/subscriptions/${key}`)).json();
  assert.deepEqual([shown.status.facets.token, shown.status.payment_token], ['issued', 'pt_1']);
  assert.ok(shown.actions.find(({ action }) => action === 'update_payment_token/items').allowed);
  assert.equal(it.sent.length, 1);
  assert.deepEqual(JSON.parse(it.sent[0].body).order_items, [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }]);
  assert.deepEqual([inbox(it), it.logged], [0, []]);
});

test('a command that breaks a rule is rejected with its source', async () => {
  const it = opened('rejected.db');
  const { key } = await subscribed(it);
  const rejected = await press(it, key, { items });
  assert.equal(rejected.statusCode, 422);
  const [violation] = rejected.json().violations;
  assert.equal(violation.rule, 'truemed.update.needs-existing-token');
  assert.match(violation.source.read_on, /^\d{4}-\d\d-\d\d$/);
});

test('a malformed HTTP request gets a 4xx, and is never logged as our own error', async () => {
  const it = opened('malformed.db');
  const key = await issued(it);
  const post = async (url, payload, headers = {}) => {
    const { statusCode, body } = await it.app.inject({ method: 'POST', url, payload, headers });
    return [statusCode, body];
  };
  const json = { 'content-type': 'application/json' };
  for (const url of ['/subscriptions', `/subscriptions/${key}/items`]) {
    for (const [payload, headers] of [[undefined, {}], ['', json], ['{', json], ['[]', json], ['{"items": []}', json]]) {
      assert.equal((await post(url, payload, headers))[0], 400, `${url} ${payload}`);
    }
  }
  for (const payload of [{}, { type: 'delete_payment_token' }, { items: [{ sku: 'x' }] }, { items: [{ sku: 'b12', quantity: 0 }] }]) {
    assert.equal((await press(it, key, payload)).statusCode, 400, JSON.stringify(payload));
  }
  for (const url of [`/subscriptions/${key}/returned/anywhere`, '/subscriptions/nobody', '/subscriptions/nobody/returned']) {
    assert.equal((await it.app.inject(url)).statusCode, 404);
  }
  assert.deepEqual(it.logged, []);
});

test('a forged webhook, one of an unknown provider, or an empty one is not accepted', async () => {
  const it = opened('webhooks.db');
  const post = (url, payload, headers) => it.app.inject({ method: 'POST', url, payload, headers: { 'x-truemed-api-key': 'whsec', ...headers } });
  assert.equal((await webhook(it, ISSUED, 'forged')).statusCode, 401);
  assert.equal((await post('/webhooks/trumed', '{}')).statusCode, 404);
  for (const empty of ['', undefined]) assert.equal((await post('/webhooks/truemed', empty)).statusCode, 204);
  assert.equal(inbox(it), 0, 'it names no flow');
  assert.equal((await post('/webhooks/truemed', Buffer.from(JSON.stringify(ISSUED)))).statusCode, 204);
});

test('a webhook that comes before its ids are known waits in the inbox', async () => {
  let it;
  it = opened('early.db', async () => {
    // The webhook arrives before the reply, and echoes nothing of ours.
    assert.equal((await webhook(it, ISSUED)).statusCode, 204);
    assert.equal(inbox(it), 2);
    return CREATED;
  });
  const { key, customer_url } = await subscribed(it);
  assert.equal(customer_url, null);
  assert.equal(inbox(it), 0);
  assert.ok(it.row('truemed.payment_token', key).ids().some(({ id }) => id === 'pt_1'));
});

test('a webhook of no flow is kept once for each id, however often it comes, and not for ever', async () => {
  const it = opened('unknown.db');
  for (let time = 0; time < 3; time += 1) assert.equal((await webhook(it, ISSUED)).statusCode, 204);
  assert.equal(inbox(it), 2);
  assert.equal((await webhook(it, { ...ISSUED, next: 1 })).statusCode, 204);
  assert.equal(inbox(it), 4);
  it.clock.now += 31 * 24 * 60 * 60_000;
  await it.turn();
  assert.equal(inbox(it), 0);
});

test('the loop is one for every provider: an early webhook of Flex waits as well', async () => {
  const key = '00000000-0000-4000-9000-010000000007';
  const it = opened('flex.db', ({ url }) => (/subscriptions/.test(url) ? { subscription: SUBSCRIPTION } : { checkout_session: session }));
  const command = { type: 'create_checkout_session', line_items: [{ price: 'fprice_1', quantity: 1 }], mode: 'subscription', expected_total: 4999 };
  const { next } = it.handle(flex.Subscription.start(key), { ...command, success_url: 'https://shop.example/ok', cancel_url: 'https://shop.example/no' });
  await it.work(next);
  const event = (event_type, object) => ({ event_dt: 1, event_id: `evt_${event_type}`, event_type, object });
  assert.equal((await flexWebhook(it, event('invoice.paid', { invoice: INVOICE }))).statusCode, 200);
  assert.ok(inbox(it) > 0);
  const complete = { ...session, status: 'complete', customer: 'fcus_1', subscription: 'fsub_1', invoice: 'fin_1' };
  assert.equal((await flexWebhook(it, event('checkout.session.completed', { checkout_session: complete }))).statusCode, 200);
  assert.equal(inbox(it), 0);
  await it.turn();
  const subscription = it.row('flex.subscription', key);
  assert.ok(subscription.ids().some(({ id }) => id === 'fsub_1'));
  assert.deepEqual(subscription.effects({ now: it.clock.now, config: { flex: settings } }).filter((effect) => effect.ready), []);
  assert.equal(it.sent.length, 2);
  assert.deepEqual(it.logged, []);
});

test('an effect that fails is tried again, and delays neither its customer nor another', async () => {
  const fails = new Set(['notify']);
  const done = [];
  const notify = async ({ id }, { key }) => {
    if (fails.has('notify')) throw new Error('the mail server is away');
    done.push([key, id]);
  };
  const it = opened('poison.db', ({ url }) => (url.endsWith('/update') ? SURVEY : CREATED), { notify });
  const key = await issued(it);
  const saved = await press(it, key, { items: [{ sku: 'b12' }, { sku: 'mg' }] });
  assert.equal(saved.statusCode, 200, saved.body);
  const { customer_action, facets } = saved.json().status;
  assert.deepEqual([customer_action, facets.items], ['HealthSurvey', 'pending']);
  assert.match(String(it.logged[0]), /mail server is away/);
  const other = it.handle(truemed.PaymentToken.start(randomUUID()), {
    type: 'create_payment_token', order_items: [{ ...shelf.b12, quantity: 1 }], success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no',
  }).next;
  // A row that cannot even be read.
  it.db.prepare("INSERT INTO flows VALUES ('truemed.payment_token', 'broken', 1, '{}', 0)").run();
  const before = it.sent.length;
  it.clock.now += 60_000;
  await it.turn();
  assert.equal(it.sent.length, before + 1, 'the other customer is served');
  assert.equal(it.row(other.flow, other.key).revision, 3);
  assert.ok(it.logged.some(([, of]) => of === 'broken'));
  fails.clear();
  await it.turn();
  assert.deepEqual(done, [], 'not at once');
  it.clock.now += 60_000;
  await it.turn();
  assert.deepEqual(done.map(([of]) => of), [key]);
});

test('a request is sent as it is, with the key behind its scheme', async () => {
  const server = createServer((request, response) => {
    request.on('data', (body) => response.setHeader('echo', `${request.method} ${body}`));
    request.on('end', () => response.setHeader('set-cookie', ['a=1', 'b=2']).end(JSON.stringify(request.headers)));
  });
  await new Promise((listening) => server.listen(0, listening));
  process.env.FLEX_API_KEY = 'k_1';
  const url = `http://localhost:${server.address().port}/`;
  const request = (scheme) => ({ method: 'POST', url, headers: { 'x-api-version': '2' }, credential: { header: 'authorization', scheme }, body: '{}' });
  const [plain, bearer] = [await send(request(null), 'flex'), await send(request('Bearer'), 'flex')];
  assert.deepEqual([plain, bearer].map(({ body }) => JSON.parse(body).authorization), ['k_1', 'Bearer k_1']);
  assert.deepEqual([plain.http_status, plain.headers.get('echo'), JSON.parse(plain.body)['x-api-version']], [200, 'POST {}', '2']);
  await assert.rejects(send(request(null), 'vend'), /VEND_API_KEY is not set/);
  server.closeAllConnections();
  server.close();
});

test('two that save at once do not overwrite each other', async () => {
  const it = opened('conflict.db');
  const { key } = await subscribed(it);
  const read = () => it.row('truemed.payment_token', key);
  const stale = read();
  assert.equal((await it.app.inject(`/subscriptions/${key}/returned`)).statusCode, 302);
  assert.notEqual(read().revision, stale.revision);
  const { next } = it.handle(stale, { type: 'retrieve_provision_token_request' });
  assert.equal(next.revision, read().revision);
  it.observe(stale, { type: 'webhook', origin: 'verified', body: JSON.stringify({ ...ISSUED, metadata: key }) });
  assert.ok(read().revision > next.revision);
  assert.ok(read().ids().some(({ id }) => id === 'pt_1'));
});

test('of two workers, one sends', async () => {
  const it = opened('workers.db');
  const token = it.row('truemed.payment_token', (await subscribed(it)).key);
  const { next } = it.handle(token, { type: 'retrieve_provision_token_request' });
  const before = it.sent.length;
  await Promise.all([it.work(next), it.work(next)]);
  assert.equal(it.sent.length, before + 1);
});

test('a crash between saving and sending loses nothing', async () => {
  const file = join(folder, 'crash.db');
  const crashing = `
    import { host, send } from './host.mjs';
    const it = host({ file: ${JSON.stringify(file)}, site: 'https://shop.example', perform: {}, shelf: ${JSON.stringify(shelf)},
      providers: { truemed: { secrets: ['whsec'] } }, send: () => process.exit(9), clock: () => 1700000000000 });
    await it.app.inject({ method: 'POST', url: '/subscriptions', payload: { items: ${JSON.stringify(items)} } });`;
  const crashed = spawnSync(process.execPath, ['--input-type=module', '--eval', crashing], { encoding: 'utf8' });
  assert.equal(crashed.status, 9, crashed.stderr);

  const it = opened('crash.db');
  await it.turn();
  assert.equal(it.sent.length, 0, 'it may still be in flight');
  it.clock.now += 5 * 60_000;
  await it.turn();
  assert.equal(it.sent.length, 1);
  const [{ key }] = it.db.prepare('SELECT key FROM flows').all();
  assert.match(it.sent[0].idempotency_key, new RegExp(`${key}:create_payment_token:1$`));
  assert.equal(it.row('truemed.payment_token', key).waitingFor({ now: it.clock.now })[0].signal, 'payment_token_updated');
});
