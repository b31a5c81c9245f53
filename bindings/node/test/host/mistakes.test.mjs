// Mistakes of a user that would otherwise show when a payment depends on them.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { flex, truemed } from 'rulebound';
import { LookupFailed, NoReview, RowError } from 'rulebound/host';

import { sqlites } from './databases.mjs';
import { Host, HostError } from './kit.mjs';

const order_items = [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }];
const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const command = truemed.createPaymentToken({ order_items, ...urls });
const one = { truemed: { apiKey: 'k', webhookSecrets: ['whsec'] } };

let databases;
const opened = [];
const open = (providers = one, options = {}, given = databases.next()) => {
  const host = new Host(given.given, providers, { log() {}, ...given.options, ...options });
  opened.push(host, given);
  return host.ignore('notify').ignore('fulfill').ignore('access');
};
before(async () => (databases = await sqlites()));
after(async () => {
  for (const it of opened) await it.close();
  databases.close();
});
const says = (pattern) => (error) => error instanceof HostError && pattern.test(error.message);

test('a row of an import that is none is named', async () => {
  const { flow, key, adopt } = { flow: truemed.PaymentToken, key: randomUUID(), adopt: truemed.retrievePaymentToken({ payment_token: 'pt_1' }) };
  const cases = [
    [[flow, key, adopt], /^import: rows\/51: is no object\. Write `{ flow, key, command }`\.$/],
    [null, /^import: rows\/51: is no object/],
    [{ flow, key, comand: adopt }, /^import: rows\/51: it has no option `comand`\. Use flow, key, command/],
    [{ flow: 'truemed.token', key, command: adopt }, /^import: rows\/51\/flow: there is no flow `truemed.token`/],
    [{ flow, key: 'short', command: adopt }, /^import: rows\/51\/key: .*Give your own record's key, such as a UUID\.$/],
    [{ flow, key: 17, command: adopt }, /^import: rows\/51\/key: is no text/],
    [{ flow, key, command: 'pt_1' }, /^import: rows\/51\/command: is no object\. Give a lookup/],
    [{ flow, key, command }, /^import: rows\/51\/command: `create_payment_token` is no lookup/],
    [{ flow, key, command: adopt, account: 17 }, /^import: rows\/51: `account` is a number/],
  ];
  const host = open();
  const before = Array.from({ length: 51 }, (_, n) => ({ flow, key: `import-${String(n).padStart(16, '0')}`, command: truemed.retrievePaymentToken({ payment_token: `pt_${n}` }) }));
  for (const [wrong, pattern] of cases) await assert.rejects(host.import([...before, wrong]), says(pattern), pattern.source);
  assert.notEqual(await host.get(flow, before[49].key), null);
  assert.equal(await host.get(flow, before[50].key), null, 'its batch has the mistake');
});

test('only a provider with callbacks has one', async () => {
  const host = open();
  await assert.rejects(host.callback('truemed', '[]'), says(/^callback: truemed has none\. When the browser comes back, call `customerReturned`/));
  await assert.rejects(host.callback('revup', '[]'), says(/^callback: the host has no `revup`/));
});

describe('accounts', () => {
  const accounts = { m1: { apiKey: 'k1' }, empty: { apiKey: '' }, key: { key: 'x' }, secret: { apiKey: 'k', webhookSecret: 'whsec' }, text: 'k1' };
  const providers = { truemed: { account: (name) => accounts[name] ?? null } };
  const handle = (host, options) => host.handle(truemed.PaymentToken, randomUUID(), command, options);

  test('a command of no account, or of one that is not found or is wrong, is refused, and nothing is stored', async () => {
    const host = open(providers);
    await assert.rejects(async () => handle(host), says(/^account: is missing\. The provider `truemed` has several accounts and no `apiKey`/));
    await assert.rejects(async () => handle(host, { account: '' }), says(/^account: is missing/));
    await assert.rejects(async () => handle(host, { account: 'm2' }), says(/^account: the provider `truemed` has no account `m2`/));
    await assert.rejects(async () => handle(host, { account: 'empty' }), says(/providers\/truemed\/accounts\/empty: `apiKey` is missing/));
    await assert.rejects(async () => handle(host, { account: 'key' }), says(/providers\/truemed\/accounts\/key\/key: is none of apiKey, webhookSecrets/));
    await assert.rejects(async () => handle(host, { account: 'secret' }), says(/accounts\/secret\/webhookSecret: is none of/));
    await assert.rejects(async () => handle(host, { account: 'text' }), says(/accounts\/text: is no object/));
    assert.equal((await host.stats()).due, 0);
  });

  test('a row whose account is gone sends nothing', async () => {
    const place = databases.next();
    const key = randomUUID();
    await open(one, {}, place).handle(truemed.PaymentToken, key, command);
    const host = open(providers, { send: () => assert.fail('it was sent') }, place);
    assert.deepEqual((await host.tick()).sent, []);
    const [{ tries, last_error }] = [place.db.prepare('SELECT tries, last_error FROM rulebound_flows').get()];
    assert.deepEqual([tries, last_error], [1, 'HostError']);
  });

  test('a provider has a key that is a text', () => {
    assert.throws(() => open({ truemed: { apiKey: 17 } }), says(/providers\/truemed\/apiKey: is no text/));
    assert.throws(() => open({ truemed: { apiKey: '' } }), says(/`apiKey` is missing/));
    assert.throws(() => open({ truemed: { account: 'm1' } }), says(/providers\/truemed\/account: is no function/));
  });
});

test('an option that a call does not have is refused by its name', async () => {
  const host = open();
  const row = [truemed.PaymentToken, randomUUID()];
  const wrong = {
    handle: () => host.handle(...row, command, { acount: 'm1' }),
    get: () => host.get(...row, { transaction: null }),
    customerReturned: () => host.customerReturned(...row, { by: 'x' }),
    answer: () => host.answer(...row, 'review:1', 'refunded', { refund: 'x' }),
    import: () => host.import([], { persecond: 1 }),
    on: () => host.on('notify', () => {}, { timeout: 5 }),
    onTx: () => host.onTx('notify', () => {}, { timeout: 5 }),
    webhook: () => host.webhook('truemed', { headers: {}, body: '', acount: 'm1' }),
    tick: () => host.tick({ time: 1 }),
    run: () => host.run({ lane: 1 }),
    doctor: () => host.doctor({ restore: 1 }),
    migrate: () => host.migrate({ dry: true }),
    webhookRoute: () => host.webhookRoute({ path: '/x' }),
    dashboard: () => host.dashboard({ access: () => 'all', path: '/x' }),
    fastify: () => host.fastify({ webhook: '/x' }),
  };
  for (const [name, call] of Object.entries(wrong)) await assert.rejects(async () => call(), says(new RegExp(`^${name}: it has no option`)), name);
  await assert.rejects(host.import([{ flow: truemed.PaymentToken, key: 'k', command, acount: 'm1' }]), says(/^import: rows\/0: it has no option `acount`/));
  await assert.rejects(async () => host.handle(...row, command, { reference: 17 }), says(/^handle: `reference` is a number/));
  await assert.rejects(async () => host.handle(...row, command, null), says(/^handle: its options are no object/));
});

test('an error says what is wrong: the key, the lookup, the verdict, the row', async () => {
  const place = databases.next();
  const account = () => Promise.reject(new Error('the accounts are away'));
  let now = 1_700_000_000_000;
  const session = { checkout_session_id: 'fcs_5', status: 'open', mode: 'off_session', amount_total: 4999, amount_subtotal: 4999, created_at: now / 1000, expires_at: now / 1000 + 3600,
    redirect_url: 'https://pay.example/c/5', client_reference_id: null, customer: null, subscription: null, invoice: null, test_mode: false };
  const send = async ({ operation }) => {
    if (operation !== 'find_checkout_session') throw new Error('lost');
    return { status: 200, headers: {}, body: JSON.stringify({ checkout_sessions: [session] }) };
  };
  const host = open({ ...one, flex: { apiKey: 'k' }, vend: { account, webhookToken: 'unguessable' } }, { clock: () => now, send }, place);
  await assert.rejects(async () => host.handle(truemed.PaymentToken, 17, command), says(/^key: is a number, and must be a text/));
  await assert.rejects(async () => host.handle(truemed.PaymentToken, '', command), says(/^key: is missing/));
  await assert.rejects(host.lookUp('vend', 'm1'), /the accounts are away/);
  const vend = host.handle('vend.subscription', 'f'.repeat(64), { type: 'create_subscription_token' }, { account: 'm1' });
  await assert.rejects(vend, (error) => error instanceof LookupFailed && says(/`m1` cannot be looked up: Error: the accounts are away/)(error));
  const key = randomUUID();
  const checkout = { type: 'create_checkout_session', mode: 'off_session', line_items: [{ price: 'fprice_1', quantity: 1 }], success_url: 'https://shop.example/ok', cancel_url: 'https://shop.example/no', expected_total: 4999, customer: 'fcus_1', payment_method: 'fpm_1' };
  await host.handle(flex.Checkout, key, checkout);
  await host.tick();
  now += 420_000;
  await host.tick();
  const [review] = (await host.get(flex.Checkout, key)).effects().filter(({ type }) => type === 'review');
  const { verdict } = review.verdicts.find(({ takes_id }) => takes_id === null);
  await assert.rejects(host.answer(flex.Checkout, key, review.id, verdict, { id: 'x' }), (error) => error instanceof NoReview && error.code === 'id' && /takes no id/.test(error.message));
  place.db.prepare("UPDATE rulebound_flows SET snapshot = '{' WHERE key = ?").run(key);
  await assert.rejects(host.customerReturned(flex.Checkout, key), (error) => error instanceof RowError && error.cause.message !== '' && error.message.endsWith(error.cause.message));
});

test('a provider that does not sign needs a token, and one that signs without a secret is told once', async () => {
  for (const webhookToken of [undefined, '', 17]) assert.throws(() => open({ vend: { apiKey: 'k', webhookToken } }), says(/providers\/vend\/webhookToken: is missing\. .*`…\/vend\/<token>`/));
  const records = [];
  const host = open({ truemed: { apiKey: 'k' } }, { log: (it) => records.push(it.event) });
  for (let count = 0; count < 3; count += 1) assert.equal(await host.webhook('truemed', { headers: {}, body: '{}' }), 401);
  assert.equal(records.filter((it) => it === 'webhook_without_secret').length, 1);
});

describe('a request of no row', () => {
  const request = truemed.listPaymentToken({ query: { page: 2 }, settings: { environment: 'staging' } });

  test('is sent with the key of its account, which is looked up again after a 401', async () => {
    const [sent, asked] = [[], []];
    let status = 200;
    const account = (name) => {
      asked.push(name);
      return name === 'eu' ? { apiKey: 'key of eu' } : null;
    };
    const send = async (it) => {
      sent.push(it);
      return { status, headers: {}, body: '{"payment_tokens": []}' };
    };
    const host = open({ truemed: { apiKey: 'sk_1', account } }, { send });
    assert.equal((await host.sendRequest('truemed', request)).body, '{"payment_tokens": []}');
    await host.sendRequest('truemed', request, { account: 'eu' });
    assert.deepEqual(sent.map(({ headers }) => headers['x-truemed-api-key']), ['sk_1', 'key of eu']);
    assert.match(sent[0].url, /page=2/);
    status = 401;
    assert.equal((await host.sendRequest('truemed', request, { account: 'eu' })).status, 401);
    await host.sendRequest('truemed', request, { account: 'eu' });
    assert.deepEqual(asked, ['eu', 'eu']);
    await assert.rejects(host.sendRequest('truemed', request, { account: 'us' }), says(/^account: the provider `truemed` has no account `us`/));
    assert.equal(sent.length, 4);
  });

  test('must be one, of a provider of the host, and of no row', async () => {
    const host = open(one, { send: () => assert.fail('it was sent') });
    await assert.rejects(host.sendRequest('flex', request), says(/^provider: the host has no `flex`/));
    await assert.rejects(host.sendRequest('truemed', { request }), says(/^sendRequest: `request` is none/));
    await assert.rejects(host.sendRequest('truemed', { ...request, sending: 1 }), says(/which only a worker sends/));
    await assert.rejects(open().sendRequest('truemed', { ...request, url: 'http://shop.example' }), (error) => /goes only to https/.test(error.message));
  });
});

test('a time in seconds is refused', async () => {
  await assert.rejects(open().doctor({ restored: 1_700_000_000 }), says(/^restored: 1700000000 looks like seconds since 1970/));
  assert.throws(() => open(one, { clock: () => 1_700_000_000 }), says(/^clock: 1700000000 looks like seconds/));
});
