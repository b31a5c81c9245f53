// What only SQLite does: one connection serves everybody, so that a call which comes too late is in no transaction, or in another one.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import Database from 'better-sqlite3';
import { truemed } from 'rulebound';

import { Host, HostError } from './kit.mjs';

const order_items = [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }];
const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const command = truemed.createPaymentToken({ order_items, ...urls });
const charge = truemed.createPaymentSession({ intent: '2026-12', payment_token: 'pt_1', total_amount: 1500, order_items, ...urls });
const bodies = {
  create_payment_token: { provision_token_request_id: 'ptr_1', redirect_url: 'https://t.example/1' },
  create_payment_session: { payment_session_id: 'ps_1', error: 'CardExpired', redirect_url: 'https://t.example/2' },
};
const send = async ({ operation }) => ({ status: operation === 'create_payment_session' ? 422 : 200, headers: {}, body: JSON.stringify(bodies[operation]) });
const hasEnded = (what) => (error) => error instanceof HostError && error.message.startsWith(`tx: ${what} has ended`);

async function opened() {
  const db = new Database(':memory:');
  db.exec('CREATE TABLE orders (id text PRIMARY KEY)');
  const records = [];
  const host = new Host(db, { truemed: { apiKey: 'k', webhookSecrets: ['whsec'] } }, { send, log: (it) => records.push(it) });
  await host.migrate();
  return { db, host, records, orders: () => db.prepare('SELECT id FROM orders').pluck().all() };
}

test('a call on `tx` that comes when its transaction has ended is refused', async () => {
  const { db, host, orders } = await opened();
  const key = randomUUID();
  let [late, statement] = [];
  const row = await host.transaction((tx) => {
    assert.ok(tx instanceof Database && tx.inTransaction && tx.open);
    late = tx;
    statement = tx.prepare('INSERT INTO orders VALUES (?)').safeIntegers();
    statement.run('in time');
    return host.handle(truemed.PaymentToken, key, command, { tx });
  });
  assert.equal(row.revision, 1);
  db.exec('BEGIN'); // Another transaction of the application, into which it must not come.
  for (const call of [
    () => late.prepare('SELECT 1'),
    () => late.exec("INSERT INTO orders VALUES ('late')"),
    () => statement.run('late'),
    () => host.handle(truemed.PaymentToken, randomUUID(), command, { tx: late }),
    () => host.get(truemed.PaymentToken, key, { tx: late }),
  ]) assert.throws(call, hasEnded('transaction'));
  // The application's own connection is its own.
  host.handle(truemed.PaymentToken, randomUUID(), command, { tx: db });
  db.exec('COMMIT');
  assert.deepEqual(orders(), ['in time']);
  await host.close();
});

test('only the host ends its transaction', async () => {
  const { db, host, records, orders } = await opened();
  const ended = (error) => error instanceof HostError && /was ended inside it\. .*return to commit/.test(error.message);
  await assert.rejects(host.transaction((tx) => tx.exec('COMMIT')), ended);
  await assert.rejects(host.transaction((tx) => tx.exec('ROLLBACK')), ended);
  await host.transaction((tx) => db.transaction(() => tx.prepare('INSERT INTO orders VALUES (?)').run('nested'))());
  const handler = (_effect, _row, tx) => {
    tx.prepare('INSERT INTO orders VALUES (?)').run('its own');
    tx.exec('COMMIT');
  };
  host.onTx('notify', handler).ignore('fulfill').ignore('access');
  const key = randomUUID();
  await host.handle(truemed.PaymentToken, key, command);
  await host.tick();
  await host.webhook('truemed', { headers: { 'x-truemed-api-key': 'whsec' }, body: '{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}' });
  await host.tick();
  await host.handle(truemed.PaymentToken, key, charge);
  const { handled } = await host.tick();
  assert.deepEqual(orders().sort(), ['its own', 'nested']);
  const row = await host.get(truemed.PaymentToken, key);
  assert.deepEqual(row.effects().map(({ id, attempts }) => [id, attempts]), handled.map((id) => [id, 1]), 'it is not done');
  assert.deepEqual(records.filter(({ event }) => event === 'handler_failed').map(({ message }) => /was ended inside/.test(message)), [true]);
  assert.deepEqual(await host.verify(), []);
  await host.close();
});

test('so also in a function that goes on after it has returned, and in a handler', async () => {
  const { host, orders, records } = await opened();
  const floating = [];
  const forgets = (tx) => {
    floating.push(Promise.resolve().then(() => tx.prepare('INSERT INTO orders VALUES (?)').run('late')));
    tx.prepare('INSERT INTO orders VALUES (?)').run(`order ${floating.length}`);
  };
  host.onTx('notify', (_effect, _row, tx) => forgets(tx)).ignore('fulfill').ignore('access');
  await host.transaction(forgets);
  await assert.rejects(floating[0], hasEnded('transaction'));
  // A function that throws has ended too.
  await assert.rejects(host.transaction((tx) => (forgets(tx), assert.fail('mine'))), /mine/);
  await assert.rejects(floating[1], hasEnded('transaction'));
  const key = randomUUID();
  await host.handle(truemed.PaymentToken, key, command);
  await host.tick();
  await host.webhook('truemed', { headers: { 'x-truemed-api-key': 'whsec' }, body: '{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}' });
  await host.tick();
  await host.handle(truemed.PaymentToken, key, charge);
  await host.tick();
  await assert.rejects(floating[2], hasEnded('onTx: the transaction of the handler'));
  assert.deepEqual(orders(), ['order 1', 'order 3']);
  assert.deepEqual(records.filter(({ event }) => event === 'handler_failed'), []);
  await host.close();
});
