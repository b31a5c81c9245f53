// A whole host for Truemed's payment tokens: a web handler, a worker and three tables. Run it with
// `TRUEMED_API_KEY=… TRUEMED_WEBHOOK_SECRET=… node host.mjs`; any other flow goes through the same four functions.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import Fastify from 'fastify';
import Database from 'libsql';
import { RuleboundError, acknowledgement, authenticate, correlate, load, truemed } from 'rulebound';

const TABLES = `
  CREATE TABLE IF NOT EXISTS flows    (flow text, key text, revision bigint, snapshot text, due bigint, PRIMARY KEY (flow, key));
  CREATE TABLE IF NOT EXISTS flow_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key));
  CREATE TABLE IF NOT EXISTS inbox    (id text, fact text, received_at bigint);
`;

/** `send` calls the provider; `deeds` has what to do for `notify`, `fulfill` and `access`, each at least once. */
export function host({ file, site, secrets, send, deeds, clock = Date.now }) {
  const db = new Database(file);
  db.exec(TABLES);
  const around = () => ({ now: clock() });

  function row(flow, key) {
    const found = db.prepare('SELECT snapshot FROM flows WHERE flow = ? AND key = ?').get(flow, key);
    return found && load(found.snapshot);
  }

  /** When a worker must look at it: at once if something can be done, otherwise when that changes by itself. */
  function due(at) {
    return at.owed(around()).some(canDo) ? 0 : at.deadline(around());
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
    const step = at.handle(command, around());
    if (!step.ok || save(at, step)) return step;
    return wish(row(at.flow, at.key), command);
  }

  /** What has happened. It is never refused: on a conflict the newer row is told. */
  function tell(at, fact) {
    const seen = at.observe(fact, around());
    for (const warning of seen.warnings) console.warn(warning.rule, warning.message);
    if (!seen.applied) return seen.because === 'early' ? keep(fact, at) : at;
    if (!save(at, seen)) return tell(row(at.flow, at.key), fact);
    return seen.learnt.reduce(offerInbox, seen.next);
  }

  /** Keeps a webhook that nobody knows yet, under each id that it names. */
  function keep(fact, at) {
    for (const id of correlate('truemed', fact.body)) {
      db.prepare('INSERT INTO inbox VALUES (?, ?, ?)').run(id, JSON.stringify(fact), clock());
    }
    return at;
  }

  /** Offers what came too early to a row that has learnt its id. */
  function offerInbox(at, id) {
    const kept = db.prepare('DELETE FROM inbox WHERE id = ? RETURNING fact').all(id);
    return kept.reduce((at, { fact }) => tell(at, JSON.parse(fact)), at);
  }

  /** Does what is owed: the one loop, for every flow. */
  async function work(at) {
    for (;;) {
      const todo = at.owed(around()).find(canDo);
      if (todo === undefined) return rest(at);
      if (todo.type === 'request') {
        const step = at.handle({ type: 'begin', effect: todo.id }, around());
        if (!step.ok) return at;
        if (!save(at, step)) return row(at.flow, at.key); // Somebody else has it in hand.
        at = tell(step.next, await answer(step.take, todo.id));
      } else {
        await deeds[todo.type](todo); // `todo.id` tells repeats apart.
        at = tell(at, { type: 'done', effect: todo.id });
      }
    }
  }

  async function answer(request, to) {
    try {
      return { type: 'reply', to, ...(await send(request)) };
    } catch {
      return { type: 'lost', to };
    }
  }

  function rest(at) {
    const sql = 'UPDATE flows SET due = ? WHERE flow = ? AND key = ? AND revision = ?';
    db.prepare(sql).run(due(at), at.flow, at.key, at.revision);
    return at;
  }

  /** One turn of the worker: every row that is due. It finds what a process left behind that crashed. */
  async function turn() {
    const rows = db.prepare('SELECT snapshot FROM flows WHERE due <= ?').all(clock());
    for (const { snapshot } of rows) await work(load(snapshot));
  }

  const app = Fastify();

  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof RuleboundError) return reply.code(400).send({ field: error.field, error: error.message });
    return reply.code(500).send({ error: 'internal' });
  });

  app.post('/subscriptions', async (request, reply) => {
    const key = randomUUID();
    const back = `${site}/subscriptions/${key}/returned`;
    const step = wish(truemed.PaymentToken.start(key), {
      type: 'create_payment_token',
      order_items: request.body.order_items,
      success_url: `${back}/success_url`,
      failure_url: `${back}/failure_url`,
    });
    if (!step.ok) return reply.code(422).send({ violations: step.violations });
    const at = await work(step.next);
    return reply.code(201).send({ key, awaits: at.awaits(around()) });
  });

  /** What stands, where the customer can end it, and which buttons are open. */
  app.get('/subscriptions/:key', async (request, reply) => {
    const at = row(truemed.PaymentToken.flow, request.params.key);
    if (at === undefined) return reply.code(404).send();
    return { awaits: at.awaits(around()), offers: at.offers(around()) };
  });

  /** Any other wish, such as `{"type": "update_payment_token", "order_items": […]}`. */
  app.post('/subscriptions/:key/wishes', async (request, reply) => {
    const at = row(truemed.PaymentToken.flow, request.params.key);
    if (at === undefined) return reply.code(404).send();
    const step = wish(at, request.body);
    if (!step.ok) return reply.code(422).send({ violations: step.violations });
    return reply.send({ awaits: (await work(step.next)).awaits(around()) });
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

    hooks.post('/webhooks/truemed', async (request, reply) => {
      const { body, headers } = request;
      const origin = verified(headers, body);
      if (origin === undefined) return reply.code(401).send();
      const fact = { type: 'webhook', origin, body: body.toString(), content_type: headers['content-type'] };
      const ids = correlate('truemed', body);
      const found = ids.flatMap((id) => db.prepare('SELECT flow, key FROM flow_ids WHERE id = ?').all(id));
      const names = new Map(found.map(({ flow, key }) => [`${flow} ${key}`, [flow, key]]));
      for (const [flow, key] of names.values()) tell(row(flow, key), fact);
      if (names.size === 0) keep(fact);
      return reply.code(acknowledgement('truemed')).send();
    });
  });

  function verified(headers, body) {
    try {
      return authenticate('truemed', secrets, headers, body, clock());
    } catch (error) {
      if (error.code === 'not_authentic') return undefined;
      throw error;
    }
  }

  return { app, db, row, tell, turn, wish, work };
}

/** Whether a worker can do it now; a review waits for a person, whose verdict is a `done`. */
function canDo(owed) {
  return owed.ready && owed.type !== 'review';
}

/** Sends a request as it stands; only the API key is added. */
async function send({ method, url, headers, credential, body }) {
  const filled = { ...headers, [credential]: process.env.TRUEMED_API_KEY };
  const response = await fetch(url, { method, headers: filled, body, signal: AbortSignal.timeout(60_000) });
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const log = (what) => console.log(what);
  const { app, turn } = host({
    file: 'host.db',
    site: 'http://localhost:3000',
    secrets: [process.env.TRUEMED_WEBHOOK_SECRET],
    send,
    deeds: { notify: log, fulfill: log, access: log },
  });
  setInterval(() => turn().catch(console.error), 1000);
  await app.listen({ port: 3000 });
}
