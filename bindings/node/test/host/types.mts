// Code of a user, with deliberate mistakes that a strict compiler must report.

import Database from 'better-sqlite3';
import pg from 'pg';
import { flex, truemed } from 'rulebound';
import { Host, Rejected } from 'rulebound/host';

const db = new Database('shop.db');
const host = new Host(db, { truemed: { apiKey: 'k', webhookSecrets: ['s'], config: { environment: 'staging' } } });
const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const command = truemed.createPaymentToken({ order_items: [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }], ...urls });

export async function shop(): Promise<string> {
  const facets = await host.transaction((tx) => {
    tx.prepare('INSERT INTO orders VALUES (?)').run('order-17');
    return host.handle(truemed.PaymentToken, 'order-17', command, { tx, actor: 'user:7', reference: 'order-17' }).status().facets;
  });
  const row = await host.get(truemed.PaymentToken, 'order-17');
  // @ts-expect-error the row may be missing
  row.status();
  // @ts-expect-error a facet that there is none of
  row?.status().facets.tokn;
  const actions: string[] = row?.actions().map((it) => it.action) ?? [];
  const effects: string[] = row?.effects().map((it) => it.id) ?? [];
  console.log(actions, effects, row?.waitingFor().map((it) => it.signal));
  return facets.token;
}

export async function postgres(): Promise<void> {
  const other = new Host(new pg.Pool(), { truemed: { apiKey: 'k' } });
  await other.transaction(async (tx) => {
    await tx.query('INSERT INTO orders VALUES ($1)', ['order-17']);
    const row = await other.handle(truemed.PaymentToken, 'order-17', command, { tx });
    console.log(row.status().facets.token);
    // @ts-expect-error a promise within PostgreSQL's transaction
    other.handle(truemed.PaymentToken, 'order-17', command, { tx }).status();
  });
  // @ts-expect-error the connection of another database
  await other.handle(truemed.PaymentToken, 'order-17', command, { tx: db });
}

host.on('notify', async (effect, row, { signal }) => {
  const reason: string = effect.reason;
  console.log(reason, row.key, signal.aborted);
});
host.onTx('fulfill', (effect, _row, tx) => {
  tx.prepare('INSERT INTO shipments VALUES (?)').run(effect.id);
});
// @ts-expect-error a kind that there is none of
host.on('refund', () => {});
// @ts-expect-error an effect of this kind has no `paid_until`
host.on('fulfill', (effect) => effect.paid_until);
// @ts-expect-error a command of another flow
await host.handle(truemed.PaymentToken, 'order-17', { type: 'create_checkout_session' });
// @ts-expect-error an option that is misspelt
await host.handle(truemed.PaymentToken, 'order-17', command, { refrence: 'order-17' });
// @ts-expect-error a verdict of another provider
await host.answer(truemed.PaymentToken, 'order-17', 'review:x', 'keep_access');
await host.answer(truemed.PaymentToken, 'order-17', 'review:x', 'captured');
// @ts-expect-error a reason that there is none of
host.on('notify', ({ reason }) => reason === 'payment_faild');
// @ts-expect-error a provider that there is none of
await host.webhook('trumed', { headers: {}, body: '' });
await host.webhook('trumed'.slice(0), { headers: {}, body: '' });
// @ts-expect-error a parsed body
await host.webhook('truemed', { headers: {}, body: { payment_token: 'pt_1' } });
await host.import([{ flow: truemed.PaymentToken, key: 'order-17', command: truemed.retrievePaymentToken({ payment_token: 'pt_1' }) }]);
await host.import([{ flow: 'truemed.payment_token', key: 'order-17', command: truemed.retrievePaymentToken({ payment_token: 'pt_1' }) }]);
// @ts-expect-error a command of another flow
await host.import([{ flow: flex.Subscription, key: 'order-17', command: truemed.retrievePaymentToken({ payment_token: 'pt_1' }) }]);
// @ts-expect-error neither a key nor accounts
new Host(db, { truemed: {} });
new Host(db, { truemed: { account: async () => null } });
new Host('sqlite:///shop.db', { truemed: { apiKey: 'k' } }).transaction((tx) => tx.anything);
new Host(
  db,
  // @ts-expect-error a misspelt setting is named where it is
  { truemed: { apiKey: 'k', webhookSecret: ['s'] } },
);
// @ts-expect-error a provider that there is none of
new Host(db, { trumed: { apiKey: 'k' } });
// @ts-expect-error a setting of another provider
new Host(db, { truemed: { apiKey: 'k', config: { domain_prefix: 'x' } } });
// @ts-expect-error a dashboard that says nothing of its access
host.dashboard({ prefix: '/ops' });
// @ts-expect-error a word that is no access
host.dashboard({ access: () => 'admin' });

// A row by its flow's id, and what waits for a person.
const byId = await host.get('truemed.payment_token', 'order-17');
const facet: string | undefined = byId?.status().facets.token;
// @ts-expect-error no flow
await host.get('truemed.nothing', 'order-17');
for (const { row, reviews } of (await host.reviews()).rows) {
  console.log(row.reference, reviews.map((it) => it.verdicts), facet);
  await host.answer(row.flow, row.key, 'review:x', 'captured', { actor: 'ada' });
  await host.retry(row.flow, row.key, { actor: 'ada' });
}
// @ts-expect-error a verdict that there is none of
await host.answer('truemed.payment_token', 'order-17', 'review:x', 'perhaps');
await host.retry(truemed.PaymentToken, 'order-17');
await host.forget('truemed.payment_token', 'order-17');
// @ts-expect-error a flow that there is none of
await host.forget('truemed.tokens', 'order-17');
host.dashboard({ access: async () => ({ access: 'all', name: 'ada' }) });

try {
  await host.handle(truemed.PaymentToken, 'order-17', command);
} catch (error) {
  if (error instanceof Rejected) console.log(error.violations.map((it) => it.rule));
}
