// A shop: a page that sells a subscription, a worker, the dashboard and the providers' simulator, in one process on SQLite.
// `npm install fastify better-sqlite3`, build the simulator, then `node shop.mjs`.

import Fastify from 'fastify';
import Database from 'better-sqlite3';
import { truemed } from 'rulebound';
import { Host, Rejected } from 'rulebound/host';
import { startSimulator } from 'rulebound/testing';

/** The shop on a port; returns what a test needs, too. */
export async function shop({ file = 'shop.db', port = 3000, run = true } = {}) {
  const simulator = await startSimulator();
  const world = await simulator.world();
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY, sku text, shipped text)');

  const settings = { apiKey: 'any', webhookSecrets: ['whsec'], config: { base_url: world.baseUrl('truemed') } };
  const host = new Host(db, { truemed: settings }, { clock: world.now });
  await host.migrate();
  const ship = db.prepare('UPDATE orders SET shipped = ? WHERE id = ?');
  host.on('notify', async (effect, { reference }) => console.log(`mail to the customer of ${reference}: ${effect.reason}`));
  host.onTx('fulfill', (effect, row) => void ship.run(row.effectKey(effect), row.reference));
  host.ignore('access');

  const items = { b12: { name: 'Vitamin B12', price: 1500 }, mg: { name: 'Magnesium', price: 1200 } };
  const cart = (sku) => [{ ...items[sku], sku, quantity: 1 }];
  const site = `http://127.0.0.1:${port}`;
  const orderOf = (id) => `${site}/orders/${id}`;
  const key = (id) => `order-${id}`; // From the order, so that a double click is one flow.

  const app = Fastify();
  app.register(host.fastify({ dashboard: { access: () => 'all' } })); // Everybody: only in a shop to try.
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof Rejected) return reply.code(422).send(error.violations.map(({ rule, message }) => ({ rule, message })));
    return reply.code(error.statusCode ?? 500).send({ error: error.message });
  });
  app.get('/', (_request, reply) => {
    const forms = Object.keys(items).map((sku) => `<form method="post" action="/orders/${sku}"><button>${items[sku].name}</button></form>`);
    return reply.type('text/html').send(`<h1>Shop</h1>${forms.join('')}<a href="/rulebound/">What happens behind it</a>`);
  });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, _body, done) => done(null));
  app.post('/orders/:sku', async ({ params: { sku } }, reply) => {
    const id = crypto.randomUUID();
    const command = truemed.createPaymentToken({ order_items: cart(sku), success_url: orderOf(id), failure_url: site });
    await host.transaction((tx) => {
      tx.prepare('INSERT INTO orders (id, sku) VALUES (?, ?)').run(id, sku);
      host.handle(truemed.PaymentToken, key(id), command, { tx, actor: 'customer', reference: id });
    });
    host.wake();
    return reply.redirect(orderOf(id), 303);
  });
  app.get('/orders/:id', async ({ params: { id } }, reply) => {
    const row = await host.get(truemed.PaymentToken, key(id));
    if (row === null) return reply.code(404).send();
    const actions = row.actions().map(({ action, allowed }) => ({ action, allowed }));
    return { status: row.status(), actions, order: db.prepare('SELECT * FROM orders WHERE id = ?').get(id) };
  });
  app.post('/orders/:id/charge', async ({ params: { id } }) => {
    const { sku } = db.prepare('SELECT sku FROM orders WHERE id = ?').get(id);
    const { payment_token } = (await host.get(truemed.PaymentToken, key(id))).status();
    const payment = { intent: 'first', payment_token, total_amount: items[sku].price, order_items: cart(sku) };
    const charge = truemed.createPaymentSession({ ...payment, success_url: orderOf(id), failure_url: site });
    return (await host.handle(truemed.PaymentToken, key(id), charge)).status();
  });
  await app.listen({ port });
  await world.endpoints([{ url: `${site}/webhooks/truemed`, provider: 'truemed', secret: 'whsec' }]);
  const worker = run ? host.run() : undefined;
  return { host, world, site, close: async () => [host.stop(), await worker, await app.close(), await simulator.close()] };
}

if (process.argv[1]?.endsWith('shop.mjs')) console.log(`Open ${(await shop()).site}`);
