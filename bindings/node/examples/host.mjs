// A whole host: a web handler, a worker and three tables. It sells Truemed's payment tokens; a flow of any other provider
// goes through the same functions, once its secrets and settings stand in `providers`. Run it with
// `TRUEMED_API_KEY=… TRUEMED_WEBHOOK_SECRET=… node host.mjs`.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import Fastify from 'fastify';
import Database from 'libsql';
import { RuleboundError, acknowledgement, authenticate, correlate, load, truemed } from 'rulebound';

const TABLES = `
  CREATE TABLE IF NOT EXISTS flows    (flow text, key text, revision bigint, snapshot text, due bigint, PRIMARY KEY (flow, key));
  CREATE TABLE IF NOT EXISTS flow_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key));
  CREATE TABLE IF NOT EXISTS inbox    (provider text, id text, fact text, received_at bigint, PRIMARY KEY (provider, id, fact));
`;
const MINUTE = 60_000;
const MONTH = 30 * 24 * 60 * MINUTE;

/**
 * `providers` has the `secrets` of each provider's webhooks, and its `settings`; `send` calls one; `deeds` has what to do
 * for `notify`, `fulfill` and `access`, each at least once; `shelf` has what is sold, by its SKU.
 */
export function host({ file, site, shelf, providers, send, deeds, clock = Date.now, log = console.error }) {
  for (const name of Object.keys(providers)) acknowledgement(name); // A misspelt name ends here.
  const db = new Database(file);
  db.exec(TABLES);

  const providerOf = ({ flow }) => flow.split('.')[0];
  const around = (at) => ({ now: clock(), settings: providers[providerOf(at)].settings });

  function row(flow, key) {
    const found = db.prepare('SELECT snapshot FROM flows WHERE flow = ? AND key = ?').get(flow, key);
    return found && load(found.snapshot);
  }

  /** When a worker must look at it: now, while something can be done. */
  function due(at) {
    return at.deadline(around(at));
  }

  /** Saves a step before anything is done about it; false if somebody else has saved the row meanwhile. */
  const save = db.transaction((at, { next, changed }) => {
    if (!changed) return true;
    const written = at.revision === 0
      ? db.prepare('INSERT OR IGNORE INTO flows VALUES (?, ?, ?, ?, ?)')
          .run(next.flow, next.key, next.revision, next.save(), due(next))
      : db.prepare('UPDATE flows SET revision = ?, snapshot = ?, due = ? WHERE flow = ? AND key = ? AND revision = ?')
          .run(next.revision, next.save(), due(next), next.flow, next.key, at.revision);
    if (written.changes === 0) return false;
    for (const id of next.correlationIds()) {
      db.prepare('INSERT OR IGNORE INTO flow_ids VALUES (?, ?, ?)').run(id, next.flow, next.key);
    }
    return true;
  });

  /** What the shop wants: refused with its violations, or saved. On a conflict it is asked of the newer row. */
  function wish(at, command) {
    const step = at.handle(command, around(at));
    if (!step.ok || save(at, step)) return step;
    return wish(row(at.flow, at.key), command);
  }

  /** What has happened. It is never refused: on a conflict the newer row is told. */
  function tell(at, fact) {
    const seen = at.observe(fact, around(at));
    for (const warning of seen.warnings) log(at.flow, at.key, warning.rule, warning.message);
    if (seen.applied && seen.failure) log(at.flow, at.key, seen.failure);
    if (!seen.applied) return at;
    if (!save(at, seen)) return tell(row(at.flow, at.key), fact);
    return seen.learnt.reduce(offerInbox, seen.next);
  }

  /** Takes a webhook in: kept before anything else, under each id that it names, until somebody could use it. */
  function receive(provider, fact) {
    const text = JSON.stringify(fact);
    const ids = correlate(provider, fact.body);
    for (const id of ids) {
      db.prepare('INSERT OR IGNORE INTO inbox VALUES (?, ?, ?, ?)').run(provider, id, text, clock());
    }
    const found = ids.flatMap((id) => db.prepare('SELECT flow, key FROM flow_ids WHERE id = ?').all(id));
    const rows = new Map(found.filter((it) => providerOf(it) === provider).map((it) => [`${it.flow} ${it.key}`, it]));
    const told = [...rows.values()].map(({ flow, key }) => tell(row(flow, key), fact));
    if (told.length > 0 && !told.some((at) => isEarly(at, fact))) forget(provider, text);
  }

  /** Whether it is too early for a row. To ask changes nothing. */
  function isEarly(at, fact) {
    return at.observe(fact, around(at)).because === 'early';
  }

  function forget(provider, text) {
    db.prepare('DELETE FROM inbox WHERE provider = ? AND fact = ?').run(provider, text);
  }

  /** Offers what came too early to a row that has learnt its id. */
  function offerInbox(at, id) {
    const kept = db.prepare('SELECT fact FROM inbox WHERE provider = ? AND id = ?').all(providerOf(at), id);
    for (const { fact } of kept) {
      at = tell(at, JSON.parse(fact));
      if (!isEarly(at, JSON.parse(fact))) forget(providerOf(at), fact);
    }
    return at;
  }

  /** Does what is owed: the one loop, for every flow. What fails is left for a later turn, and holds nothing else up. */
  async function work(at) {
    const failed = new Set();
    for (;;) {
      const todo = at.owed(around(at)).find((it) => canDo(it) && !failed.has(it.id));
      if (todo === undefined) return rest(at, failed.size > 0 ? clock() + MINUTE : due(at));
      const step = at.handle({ type: 'begin', effect: todo.id }, around(at));
      if (!step.ok) failed.add(todo.id);
      else if (!save(at, step)) return row(at.flow, at.key); // Somebody else has it in hand.
      else at = tell(step.next, step.take ? await answer(step.take, todo.id, at) : await deed(todo, at));
    }
  }

  async function answer(request, to, at) {
    const about = { to, sending: request.sending };
    try {
      return { type: 'reply', ...about, ...(await send(request, providerOf(at))) };
    } catch (error) {
      log(at.flow, at.key, to, error);
      const unsent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(error?.cause?.code ?? error?.code);
      return { type: unsent ? 'not_sent' : 'lost', ...about };
    }
  }

  async function deed(todo, at) {
    try {
      await deeds[todo.type](todo, at); // `todo.id` tells repeats apart.
      return { type: 'done', effect: todo.id };
    } catch (error) {
      log(at.flow, at.key, todo.id, error);
      return { type: 'lost', to: todo.id }; // It rests, and is tried again.
    }
  }

  function rest(at, until) {
    const sql = 'UPDATE flows SET due = ? WHERE flow = ? AND key = ? AND revision = ?';
    db.prepare(sql).run(until, at.flow, at.key, at.revision);
    return at;
  }

  /** Works on a row. Whatever goes wrong with it is logged, and left to a later turn: the others are served. */
  async function attend(flow, key) {
    try {
      await work(row(flow, key));
    } catch (error) {
      log(flow, key, error);
      db.prepare('UPDATE flows SET due = ? WHERE flow = ? AND key = ?').run(clock() + MINUTE, flow, key);
    }
  }

  /** One turn of the worker: every row that is due. It finds what a process left behind that crashed. */
  async function turn() {
    db.prepare('DELETE FROM inbox WHERE received_at < ?').run(clock() - MONTH);
    const rows = db.prepare('SELECT flow, key FROM flows WHERE due <= ? ORDER BY due LIMIT 100').all(clock());
    await Promise.all(rows.map(({ flow, key }) => attend(flow, key)));
  }

  const app = Fastify();

  app.setErrorHandler((error, _request, reply) => {
    const isTheirs = error instanceof RuleboundError && /^\/(command|fact|body)\b/.test(error.field);
    const status = isTheirs ? 400 : (error.statusCode ?? 500);
    if (status >= 500) log(error);
    return reply.code(status).send({ error: status >= 500 ? 'internal' : error.message });
  });

  /** What a browser may ask for: never a command as it stands, which could be a `begin` or name a price. */
  const wishes = {
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

  /** What stands, where the customer can end it, and which buttons are open. */
  function shown(at) {
    return { key: at.key, awaits: at.awaits(around(at)), offers: at.offers(around(at)) };
  }

  /** Asks for a wish; what is owed for it is then done, or left to the worker: it is saved, and so accepted. */
  async function ask(at, command, reply) {
    const step = wish(at, command);
    if (!step.ok) return reply.code(422).send({ violations: step.violations });
    await attend(at.flow, at.key);
    return reply.code(at.revision === 0 ? 201 : 200).send(shown(row(at.flow, at.key)));
  }

  app.post('/subscriptions', { schema: { body: { ...body, required: ['items'] } } }, async (request, reply) => {
    const key = randomUUID();
    const back = `${site}/subscriptions/${key}/returned`;
    const order_items = priced(request.body.items);
    const urls = { success_url: `${back}/success_url`, failure_url: `${back}/failure_url` };
    return ask(truemed.PaymentToken.start(key), { type: 'create_payment_token', order_items, ...urls }, reply);
  });

  app.get('/subscriptions/:key', async (request, reply) => {
    const at = row(truemed.PaymentToken.flow, request.params.key);
    return at === undefined ? reply.code(404).send() : shown(at);
  });

  const needed = { if: { properties: { wish: { const: 'items' } } }, then: { required: ['items'] } };
  const named = { ...body, ...needed, required: ['wish'] };
  named.properties = { ...body.properties, wish: { type: 'string', enum: Object.keys(wishes) } };
  app.post('/subscriptions/:key/wishes', { schema: { body: named } }, async (request, reply) => {
    const at = row(truemed.PaymentToken.flow, request.params.key);
    if (at === undefined) return reply.code(404).send();
    return ask(at, wishes[request.body.wish](request.body), reply);
  });

  /** The browser came back, which proves nothing. */
  app.get('/subscriptions/:key/returned/:via', async (request, reply) => {
    const at = row(truemed.PaymentToken.flow, request.params.key);
    if (at === undefined) return reply.code(404).send();
    tell(at, { type: 'returned', via: request.params.via });
    return reply.redirect(site);
  });

  app.register(async (hooks) => {
    // The raw bytes: they are what the provider has signed.
    hooks.removeAllContentTypeParsers();
    hooks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

    hooks.post('/webhooks/:provider', async (request, reply) => {
      const { body, headers, params: { provider } } = request;
      if (!Object.hasOwn(providers, provider)) return reply.code(404).send();
      if (!body?.length) return reply.code(400).send({ error: 'the body is empty' });
      const origin = originOf(provider, headers, body);
      if (origin === undefined) return reply.code(401).send();
      receive(provider, { type: 'webhook', origin, body: body.toString(), content_type: headers['content-type'] ?? null });
      return reply.code(acknowledgement(provider)).send();
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

  return { app, db, receive, row, tell, turn, wish, work };
}

/** Whether a worker can do it now; a review waits for a person, whose verdict is a `done`. */
function canDo(owed) {
  return owed.ready && owed.type !== 'review';
}

/** Sends a request as it stands; only the provider's API key is added. */
export async function send({ method, url, headers, credential, scheme, body }, provider) {
  const key = needs(`${provider.toUpperCase()}_API_KEY`);
  const filled = { ...headers, [credential]: scheme ? `${scheme} ${key}` : key };
  const response = await fetch(url, { method, headers: filled, body, signal: AbortSignal.timeout(MINUTE) });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

function needs(name) {
  if (!process.env[name]) throw new Error(`${name} is not set`);
  return process.env[name];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const say = async (owed, { key }) => console.log(key, owed);
  const { app, turn } = host({
    file: 'host.db',
    site: 'http://localhost:3000',
    shelf: { 'b12-90': { name: 'Vitamin B12, 90 capsules', price: 1500 } },
    providers: { truemed: { secrets: [needs('TRUEMED_WEBHOOK_SECRET')], settings: { environment: 'staging' } } },
    send,
    deeds: { notify: say, fulfill: say, access: say },
  });
  const again = () => turn().catch(console.error).finally(() => setTimeout(again, 1000));
  again();
  await app.listen({ port: 3000 });
}
