// A whole host: a web handler, a worker and three tables. It sells Truemed's payment tokens; a flow of any other provider
// goes through the same functions, once its secrets are in `providers` and its settings in `config`. Run it with
// `TRUEMED_API_KEY=… TRUEMED_WEBHOOK_SECRET=… node host.mjs`.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import Fastify from 'fastify';
import Database from 'libsql';
import { RuleboundError, acknowledgement, authenticate, correlate, load, truemed } from 'rulebound';

const TABLES = `
  CREATE TABLE IF NOT EXISTS flows    (flow text, key text, revision bigint, snapshot text, wake_at bigint, PRIMARY KEY (flow, key));
  CREATE TABLE IF NOT EXISTS flow_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key));
  CREATE TABLE IF NOT EXISTS inbox    (provider text, id text, fact text, received_at bigint, PRIMARY KEY (provider, id, fact));
`;
const MINUTE = 60_000;
const MONTH = 30 * 24 * 60 * MINUTE;

/**
 * `providers` has the `secrets` of each provider's webhooks; `config` is the library's; `send` sends a request to a provider;
 * `perform` has what to do for `notify`, `fulfill` and `access`, each at least once; `shelf` has what is sold, by its SKU.
 */
export function host({ file, site, shelf, providers, config, send, perform, clock = Date.now, log = console.error }) {
  for (const name of Object.keys(providers)) acknowledgement(name); // A misspelled name fails here.
  const db = new Database(file);
  db.exec(TABLES);

  const providerOf = ({ flow }) => flow.split('.')[0];
  const context = () => ({ now: clock(), config });

  function row(flow, key) {
    const found = db.prepare('SELECT snapshot FROM flows WHERE flow = ? AND key = ?').get(flow, key);
    return found && load(found.snapshot);
  }

  /** Saves the next snapshot before anything else is done; false if another process has saved the row since. */
  const save = db.transaction((snapshot, next) => {
    if (next.revision === snapshot.revision) return true; // Nothing has changed.
    const wakeAt = next.wakeAt(context());
    const written = snapshot.revision === 0
      ? db.prepare('INSERT OR IGNORE INTO flows VALUES (?, ?, ?, ?, ?)')
          .run(next.flow, next.key, next.revision, next.save(), wakeAt)
      : db.prepare('UPDATE flows SET revision = ?, snapshot = ?, wake_at = ? WHERE flow = ? AND key = ? AND revision = ?')
          .run(next.revision, next.save(), wakeAt, next.flow, next.key, snapshot.revision);
    if (written.changes === 0) return false;
    for (const id of next.ids()) db.prepare('INSERT OR IGNORE INTO flow_ids VALUES (?, ?, ?)').run(id, next.flow, next.key);
    return true;
  });

  /** Handles a command of the shop: rejected with its violations, or saved. After a conflict it is handled again on the newer row. */
  function handle(snapshot, command) {
    const step = snapshot.handle(command, context());
    if (!step.ok || save(snapshot, step.next)) return step;
    return handle(row(snapshot.flow, snapshot.key), command);
  }

  /** Observes a fact, which is never rejected. After a conflict it is observed again on the newer row. */
  function observe(snapshot, fact) {
    const step = snapshot.observe(fact, context());
    for (const warning of step.warnings) log(snapshot.flow, snapshot.key, warning.rule, warning.message);
    if (step.failure) log(snapshot.flow, snapshot.key, step.failure);
    if (!save(snapshot, step.next)) return observe(row(snapshot.flow, snapshot.key), fact);
    return step.new_ids.reduce(retryInbox, step.next);
  }

  /** Receives a webhook. It is kept first, under each id that it names, until a flow can apply it. */
  function receive(provider, fact) {
    const text = JSON.stringify(fact);
    const ids = correlate(provider, fact.body);
    for (const id of ids) {
      db.prepare('INSERT OR IGNORE INTO inbox VALUES (?, ?, ?, ?)').run(provider, id, text, clock());
    }
    const found = ids.flatMap((id) => db.prepare('SELECT flow, key FROM flow_ids WHERE id = ?').all(id));
    const rows = new Map(found.filter((it) => providerOf(it) === provider).map((it) => [`${it.flow} ${it.key}`, it]));
    const observed = [...rows.values()].map(({ flow, key }) => observe(row(flow, key), fact));
    if (observed.length > 0 && !observed.some((snapshot) => isEarly(snapshot, fact))) forget(provider, text);
  }

  /** Whether a fact is too early for a row. The check changes nothing. */
  function isEarly(snapshot, fact) {
    return snapshot.observe(fact, context()).ignored?.reason === 'early';
  }

  function forget(provider, text) {
    db.prepare('DELETE FROM inbox WHERE provider = ? AND fact = ?').run(provider, text);
  }

  /** Observes the early webhooks again on a row that has their id now. */
  function retryInbox(snapshot, id) {
    const provider = providerOf(snapshot);
    for (const { fact } of db.prepare('SELECT fact FROM inbox WHERE provider = ? AND id = ?').all(provider, id)) {
      snapshot = observe(snapshot, JSON.parse(fact));
      if (!isEarly(snapshot, JSON.parse(fact))) forget(provider, fact);
    }
    return snapshot;
  }

  /** Carries out the effects: the one loop, for every flow. An effect that fails waits for a later turn, and delays no other. */
  async function work(snapshot) {
    const failed = new Set();
    for (;;) {
      const effect = snapshot.effects(context()).find((it) => canDo(it) && !failed.has(it.id));
      if (effect === undefined) return rest(snapshot, failed.size > 0 ? clock() + MINUTE : snapshot.wakeAt(context()));
      const lease = snapshot.lease(effect.id, context());
      if (!lease.ok) {
        failed.add(effect.id);
        continue;
      }
      if (!save(snapshot, lease.next)) return row(snapshot.flow, snapshot.key); // Another worker has changed the row.
      const { next, request } = lease;
      snapshot = observe(next, request ? await reply(request, effect, next) : await done(effect, next));
    }
  }

  /** Sends a request, and returns the reply as a fact, or that there was none. */
  async function reply(request, effect, snapshot) {
    const about = { effect: effect.id, sending: request.sending };
    try {
      return { type: 'reply', ...about, ...(await send(request, providerOf(snapshot))) };
    } catch (error) {
      log(snapshot.flow, snapshot.key, effect.id, error);
      const unsent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(error?.cause?.code ?? error?.code);
      return { type: unsent ? 'not_sent' : 'lost', ...about };
    }
  }

  /** Carries out an effect that is not a request. */
  async function done(effect, snapshot) {
    try {
      await perform[effect.type](effect, snapshot); // The same `effect.id` means a repeat.
      return { type: 'done', effect: effect.id };
    } catch (error) {
      log(snapshot.flow, snapshot.key, effect.id, error);
      return { type: 'lost', effect: effect.id }; // It is tried again later.
    }
  }

  function rest(snapshot, until) {
    const sql = 'UPDATE flows SET wake_at = ? WHERE flow = ? AND key = ? AND revision = ?';
    db.prepare(sql).run(until, snapshot.flow, snapshot.key, snapshot.revision);
    return snapshot;
  }

  /** Works on a row. A failure is logged and waits for a later turn, so that it does not stop the other rows. */
  async function attend(flow, key) {
    try {
      await work(row(flow, key));
    } catch (error) {
      log(flow, key, error);
      db.prepare('UPDATE flows SET wake_at = ? WHERE flow = ? AND key = ?').run(clock() + MINUTE, flow, key);
    }
  }

  /** One turn of the worker: every row whose `wake_at` has come, including the rows of a process that crashed. */
  async function turn() {
    db.prepare('DELETE FROM inbox WHERE received_at < ?').run(clock() - MONTH);
    const rows = db.prepare('SELECT flow, key FROM flows WHERE wake_at <= ? ORDER BY wake_at LIMIT 100').all(clock());
    await Promise.all(rows.map(({ flow, key }) => attend(flow, key)));
  }

  const app = Fastify();

  app.setErrorHandler((error, _request, response) => {
    const isTheirs = error instanceof RuleboundError && /^\/(command|fact|body)\b/.test(error.pointer);
    const status = isTheirs ? 400 : (error.statusCode ?? 500);
    if (status >= 500) log(error);
    return response.code(status).send({ error: status >= 500 ? 'internal' : error.message });
  });

  /** The commands behind the buttons of a browser. It never sends a command itself, which could name a price. */
  const buttons = {
    items: ({ items }) => ({ type: 'update_payment_token', order_items: priced(items) }),
    card: () => ({ type: 'update_payment_token', update_card_info: true }),
    end: () => ({ type: 'delete_payment_token' }),
  };
  const quantity = { type: 'integer', minimum: 1, maximum: 100, default: 1 };
  const item = { type: 'object', required: ['sku'], properties: { sku: { type: 'string', enum: Object.keys(shelf) }, quantity } };
  const body = { type: 'object', properties: { items: { type: 'array', minItems: 1, maxItems: 100, items: item } } };

  function priced(items) {
    return items.map(({ sku, quantity }) => ({ ...shelf[sku], sku, quantity }));
  }

  /** What a page shows: what the flow waits for, with the customer's URL, and which actions are allowed. */
  function page(snapshot) {
    return { key: snapshot.key, waiting_for: snapshot.waitingFor(context()), actions: snapshot.actions(context()) };
  }

  /** Handles a command. Once it is saved, it is accepted. Its effects are carried out now, or later by the worker. */
  async function respond(snapshot, command, response) {
    const step = handle(snapshot, command);
    if (!step.ok) return response.code(422).send({ violations: step.violations });
    await attend(snapshot.flow, snapshot.key);
    return response.code(snapshot.revision === 0 ? 201 : 200).send(page(row(snapshot.flow, snapshot.key)));
  }

  app.post('/subscriptions', { schema: { body: { ...body, required: ['items'] } } }, async (request, response) => {
    const key = randomUUID();
    const order_items = priced(request.body.items);
    const urls = { success_url: `${site}/subscriptions/${key}/returned`, failure_url: site };
    return respond(truemed.PaymentToken.start(key), { type: 'create_payment_token', order_items, ...urls }, response);
  });

  app.get('/subscriptions/:key', async (request, response) => {
    const token = row(truemed.PaymentToken.flow, request.params.key);
    return token === undefined ? response.code(404).send() : page(token);
  });

  const needed = { if: { properties: { button: { const: 'items' } } }, then: { required: ['items'] } };
  const pressed = { ...body, ...needed, required: ['button'] };
  pressed.properties = { ...body.properties, button: { type: 'string', enum: Object.keys(buttons) } };
  app.post('/subscriptions/:key/buttons', { schema: { body: pressed } }, async (request, response) => {
    const token = row(truemed.PaymentToken.flow, request.params.key);
    if (token === undefined) return response.code(404).send();
    return respond(token, buttons[request.body.button](request.body), response);
  });

  /** The customer's browser returns from the provider, which proves nothing. */
  app.get('/subscriptions/:key/returned', async (request, response) => {
    const token = row(truemed.PaymentToken.flow, request.params.key);
    if (token === undefined) return response.code(404).send();
    observe(token, { type: 'customer_returned' });
    return response.redirect(site);
  });

  app.register(async (hooks) => {
    // The raw bytes: the provider has signed them.
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

    hooks.post('/webhooks/:provider', async (request, response) => {
      const { body, headers, params: { provider } } = request;
      if (!Object.hasOwn(providers, provider)) return response.code(404).send();
      if (!body?.length) return response.code(400).send({ error: 'the body is empty' });
      const origin = originOf(provider, headers, body);
      if (origin === undefined) return response.code(401).send();
      receive(provider, { type: 'webhook', origin, body: body.toString(), content_type: headers['content-type'] ?? null });
      return response.code(acknowledgement(provider)).send();
    });
  });

  function originOf(provider, headers, body) {
    try {
      return authenticate(provider, providers[provider].secrets, headers, body, clock());
    } catch (error) {
      if (error.code === 'not_authentic') return undefined;
      throw error;
    }
  }

  return { app, db, handle, observe, receive, row, turn, work };
}

/** Whether a worker can carry it out now. A review waits for a person, whose verdict is the fact `reviewed`. */
function canDo(effect) {
  return effect.ready && effect.type !== 'review';
}

/** Sends a request as it is, with the provider's API key added. */
export async function send({ method, url, headers, credential: { header, scheme }, body }, provider) {
  const key = needs(`${provider.toUpperCase()}_API_KEY`);
  const filled = { ...headers, [header]: scheme ? `${scheme} ${key}` : key };
  const response = await fetch(url, { method, headers: filled, body, signal: AbortSignal.timeout(MINUTE) });
  return { http_status: response.status, headers: response.headers, body: await response.text() };
}

function needs(name) {
  if (!process.env[name]) throw new Error(`${name} is not set`);
  return process.env[name];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const print = async (effect, { key }) => console.log(key, effect);
  const { app, turn } = host({
    file: 'host.db',
    site: 'http://localhost:3000',
    shelf: { 'b12-90': { name: 'Vitamin B12, 90 capsules', price: 1500 } },
    providers: { truemed: { secrets: [needs('TRUEMED_WEBHOOK_SECRET')] } },
    config: { truemed: { environment: 'staging' } },
    send,
    perform: { notify: print, fulfill: print, access: print },
  });
  const again = () => turn().catch(console.error).finally(() => setTimeout(again, 1000));
  again();
  await app.listen({ port: 3000 });
}
