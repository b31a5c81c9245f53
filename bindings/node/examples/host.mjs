// A whole host: a web handler, a worker and three tables. It sells Truemed's payment tokens; any other flow goes through the
// same functions. Run it with `TRUEMED_API_KEY=… TRUEMED_WEBHOOK_SECRET=… node host.mjs`.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import Database from 'libsql';
import { NotAuthentic, facts, load, readWebhook, truemed } from 'rulebound';

const TABLES = `
  CREATE TABLE IF NOT EXISTS flows    (flow text, key text, revision bigint, snapshot text, wake_at bigint, PRIMARY KEY (flow, key));
  CREATE TABLE IF NOT EXISTS flow_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key));
  CREATE TABLE IF NOT EXISTS inbox    (id text, fact text, received_at bigint, PRIMARY KEY (id, fact));
`;
const [MINUTE, MONTH] = [60_000, 30 * 24 * 60 * 60_000];

/**
 * `providers` has the `secrets` of each provider's webhooks; `config` is the library's; `send` sends a request to a provider;
 * `perform` has what to do for `notify`, `fulfill` and `access`, each at least once; `shelf` has what is sold, by its SKU.
 */
export function host({ file, site, shelf, providers, config, send, perform, clock = Date.now, log = console.error }) {
  const db = new Database(file);
  db.exec(TABLES);
  const forget = db.prepare('DELETE FROM inbox WHERE fact = ?');
  const providerOf = ({ flow }) => flow.split('.')[0];
  const nameOf = (provider, { kind, id }) => `${provider}:${kind}:${id}`;
  const context = () => ({ now: clock(), config }); // Milliseconds.
  const find = db.prepare('SELECT snapshot FROM flows WHERE flow = ? AND key = ?');
  const resting = db.prepare('UPDATE flows SET wake_at = ? WHERE flow = ? AND key = ? AND revision = ?');
  const rest = ({ flow, key, revision }, until) => resting.run(until, flow, key, revision);
  const row = (flow, key) => find.get(flow, key) && load(find.get(flow, key).snapshot);

  /** Saves the next snapshot before anything else is done; false if another process has saved the row since. */
  const save = db.transaction((snapshot, next) => {
    if (next.revision === snapshot.revision) return true; // Nothing has changed.
    const { flow, key, revision } = next;
    const written = snapshot.revision === 0
      ? db.prepare('INSERT OR IGNORE INTO flows VALUES (?, ?, ?, ?, ?)').run(flow, key, revision, next.save(), next.wakeAt(context()))
      : db.prepare('UPDATE flows SET revision = ?, snapshot = ?, wake_at = ? WHERE flow = ? AND key = ? AND revision = ?')
          .run(revision, next.save(), next.wakeAt(context()), flow, key, snapshot.revision);
    if (written.changes === 0) return false;
    const insert = db.prepare('INSERT OR IGNORE INTO flow_ids VALUES (?, ?, ?)');
    for (const id of next.ids()) insert.run(nameOf(providerOf(next), id), flow, key);
    return true;
  });

  /** Handles a command of the shop: rejected, or saved. After a conflict it is handled again on the newer row. */
  function handle(snapshot, command) {
    const step = snapshot.handle(command, context());
    if (!step.ok || save(snapshot, step.next)) return step;
    return handle(row(snapshot.flow, snapshot.key), command);
  }

  /** Observes a fact, which is never rejected. After a conflict it is observed again on the newer row. */
  function observe(snapshot, fact) {
    const { next, ignored, new_ids, failure, warnings } = snapshot.observe(fact, context());
    for (const warning of warnings) log(snapshot.flow, snapshot.key, warning.rule, warning.message);
    if (failure) log(snapshot.flow, snapshot.key, failure);
    if (!save(snapshot, next)) return observe(row(snapshot.flow, snapshot.key), fact);
    return { next: new_ids.reduce(retryInbox, next), isEarly: ignored?.reason === 'early' };
  }

  /** Keeps a webhook under each id that it names, until a flow can apply it. */
  function receive(provider, fact, ids) {
    const [text, names] = [JSON.stringify(fact), ids.map((id) => nameOf(provider, id))];
    for (const id of names) db.prepare('INSERT OR IGNORE INTO inbox VALUES (?, ?, ?)').run(id, text, clock());
    const found = names.flatMap((id) => db.prepare('SELECT flow, key FROM flow_ids WHERE id = ?').all(id));
    const rows = new Map(found.map((it) => [`${it.flow} ${it.key}`, it]));
    const steps = [...rows.values()].map(({ flow, key }) => observe(row(flow, key), fact));
    if (steps.length > 0 && !steps.some(({ isEarly }) => isEarly)) forget.run(text);
  }

  /** Observes the early webhooks again on a row that has their id now. */
  function retryInbox(snapshot, id) {
    for (const { fact } of db.prepare('SELECT fact FROM inbox WHERE id = ?').all(nameOf(providerOf(snapshot), id))) {
      const { next, isEarly } = observe(snapshot, JSON.parse(fact));
      if (!isEarly) forget.run(fact);
      snapshot = next;
    }
    return snapshot;
  }

  /** Carries out the effects: the one loop, for every flow. An effect that fails waits for a later turn, and delays no other. */
  async function work(snapshot) {
    const failed = new Set();
    for (;;) {
      // A review waits for a person, whose verdict is the fact `reviewed`.
      const effect = snapshot.effects(context()).find((it) => it.ready && it.type !== 'review' && !failed.has(it.id));
      if (effect === undefined) return rest(snapshot, failed.size > 0 ? clock() + MINUTE : snapshot.wakeAt(context()));
      const lease = snapshot.lease(effect.id, context());
      if (!lease.ok) failed.add(effect.id);
      else if (!save(snapshot, lease.next)) return; // Another worker has changed the row.
      else snapshot = observe(lease.next, await result(lease, effect)).next;
    }
  }

  /** Carries out one effect, and returns what became of it as a fact. The same `effect.id` means a repeat. */
  async function result({ next, request }, effect) {
    const sending = request && { sending: request.sending };
    try {
      if (request) return facts.reply(effect.id, { ...sending, ...(await send(request, providerOf(next))) });
      await perform[effect.type](effect, next);
      return facts.done(effect.id);
    } catch (error) {
      log(next.flow, next.key, effect.id, error);
      const isUnsent = request && ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(error?.cause?.code ?? error?.code);
      return isUnsent ? facts.notSent(effect.id, sending) : facts.lost(effect.id, { ...sending });
    }
  }

  /** Works on a row. A failure is logged and waits for a later turn, so that it does not stop the other rows. */
  const attend = ({ flow, key }) => Promise.resolve().then(() => work(row(flow, key))).catch((error) => {
    log(flow, key, error);
    db.prepare('UPDATE flows SET wake_at = ? WHERE flow = ? AND key = ?').run(clock() + MINUTE, flow, key);
  });

  /** One turn of the worker: every row whose `wake_at` has come, including the rows of a process that crashed. */
  async function turn() {
    db.prepare('DELETE FROM inbox WHERE received_at < ?').run(clock() - MONTH);
    await Promise.all(db.prepare('SELECT flow, key FROM flows WHERE wake_at <= ? ORDER BY wake_at LIMIT 100').all(clock()).map(attend));
  }

  const app = Fastify();
  const properties = { sku: { enum: Object.keys(shelf) }, quantity: { type: 'integer', minimum: 1, default: 1 } };
  const item = { type: 'object', required: ['sku'], properties };
  const items = { type: 'array', minItems: 1, maxItems: 100, items: item };
  const cart = { schema: { body: { type: 'object', required: ['items'], properties: { items } } } };
  const page = (snapshot) => ({ status: snapshot.status(context()), actions: snapshot.actions(context()) });
  const order_items = ({ body }) => body.items.map(({ sku, quantity }) => ({ ...shelf[sku], sku, quantity }));

  /** Handles a command. Once it is saved, it is accepted. Its effects are carried out now, or later by the worker. */
  async function respond(snapshot, command, response) {
    const step = handle(snapshot, command);
    if (!step.ok) return response.code(422).send({ violations: step.violations });
    await attend(snapshot);
    return response.code(snapshot.revision === 0 ? 201 : 200).send(page(row(snapshot.flow, snapshot.key)));
  }

  /** A route of one subscription. A browser presses buttons: it never sends a command, which could name a price. */
  function route(method, url, options, act) {
    app[method](`/subscriptions/:key${url}`, options, async (request, response) => {
      const token = row(truemed.PaymentToken.flow, request.params.key);
      return token === undefined ? response.code(404).send() : act(token, response, request);
    });
  }

  app.post('/subscriptions', cart, async (request, response) => {
    const [key, items] = [randomUUID(), order_items(request)];
    const urls = { success_url: `${site}/subscriptions/${key}/returned`, failure_url: site };
    return respond(truemed.PaymentToken.start(key), truemed.createPaymentToken({ order_items: items, ...urls }), response);
  });
  route('get', '', {}, page);
  route('post', '/items', cart, (token, response, request) =>
    respond(token, truemed.updatePaymentToken({ order_items: order_items(request) }), response));
  route('get', '/returned', {}, (token, response) => {
    observe(token, facts.customerReturned()); // The customer's browser returns from the provider, which proves nothing.
    return response.redirect(site);
  });

  app.register(async (hooks) => {
    // The raw bytes: the provider has signed them.
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    hooks.post('/webhooks/:provider', async (request, response) => {
      const { body = Buffer.of(), headers, params: { provider } } = request;
      if (!Object.hasOwn(providers, provider)) return response.code(404).send();
      const { fact, ids, acknowledge_with } = readWebhook(provider, { ...providers[provider], headers, body, now: clock() });
      receive(provider, { ...fact, body: body.toString() }, ids);
      return response.code(acknowledge_with).send();
    });
  });

  app.setErrorHandler((error, _request, response) => {
    if (error instanceof NotAuthentic) return response.code(401).send();
    if (error.statusCode === undefined) log(error);
    return response.code(error.statusCode ?? 500).send({ error: error.statusCode ? error.message : 'internal' });
  });

  return { app, db, handle, observe, receive, row, turn, work };
}

/** Sends a request as it is, with the provider's API key added. */
export async function send({ method, url, headers, credential: { header, scheme }, body }, provider) {
  const key = process.env[`${provider.toUpperCase()}_API_KEY`];
  if (!key) throw new Error(`${provider.toUpperCase()}_API_KEY is not set`);
  const filled = { ...headers, [header]: scheme ? `${scheme} ${key}` : key };
  const response = await fetch(url, { method, headers: filled, body, signal: AbortSignal.timeout(MINUTE) });
  return { http_status: response.status, headers: response.headers, body: await response.text() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const print = async (effect, { key }) => console.log(key, effect);
  const shelf = { 'b12-90': { name: 'Vitamin B12, 90 capsules', price: 1500 } };
  const providers = { truemed: { secrets: [process.env.TRUEMED_WEBHOOK_SECRET] } };
  const rest = { config: { truemed: { environment: 'staging' } }, send, perform: { notify: print, fulfill: print, access: print } };
  const { app, turn } = host({ file: 'host.db', site: 'http://localhost:3000', shelf, providers, ...rest });
  setInterval(() => turn().catch(console.error), 1000); // Turns may overlap: a lease lets only one of them send.
  await app.listen({ port: 3000 });
}
