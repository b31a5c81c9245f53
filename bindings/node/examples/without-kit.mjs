// A shop of Vend's and Revup's subscriptions without the kit: one file on SQLite and Node's own web server. A crash at any line
// loses nothing, because each change of a row is one transaction, and a lease is saved before its request is sent.
// `npm install better-sqlite3`, then `REVUP_KEY=… VEND_KEY=… WEBHOOK_TOKEN=… node without-kit.mjs`.

import Database from 'better-sqlite3';
import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { NotAuthentic, RuleboundError, facts, keyFor, load, readWebhook, revup, vend } from 'rulebound';

const FLOWS = { vend: vend.Subscription, revup: revup.Subscription };
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS flows (flow text, key text, snapshot text, wake_at integer, PRIMARY KEY (flow, key));
  CREATE INDEX IF NOT EXISTS due ON flows (wake_at);
  CREATE TABLE IF NOT EXISTS flow_ids (id text, flow text, key text, PRIMARY KEY (id, flow, key));
  CREATE TABLE IF NOT EXISTS inbox (n integer PRIMARY KEY, provider text, fact text, received_at integer);
  CREATE TABLE IF NOT EXISTS inbox_ids (id text, n integer REFERENCES inbox ON DELETE CASCADE, PRIMARY KEY (id, n));
  CREATE TABLE IF NOT EXISTS deliveries (id text PRIMARY KEY, what text);`;
const DAY = 86_400_000;

/** What the shop sells: the commands that start a flow of each provider. */
const PLAN = { product_handle: 'marshmallow', price_handle: 'marshmallow-monthly' };

export async function shop({ file = 'shop.db', port = 3000, config, secret, site, clock = Date.now, run = true }) {
  const db = new Database(file);
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON']) db.pragma(pragma);
  db.exec(SCHEMA);
  const all = (sql, ...values) => db.prepare(sql).all(...values);
  const exec = (sql, ...values) => db.prepare(sql).run(...values);
  const at = () => ({ now: clock(), config });
  const find = (flow, key) => all('SELECT snapshot FROM flows WHERE flow = ? AND key = ?', flow, key).map((it) => load(it.snapshot))[0];

  // The store: a decision is saved in the transaction that has read the row, so no other can come between.
  function save(row, { now } = at()) {
    const { flow, key } = row;
    exec('INSERT OR REPLACE INTO flows VALUES (?, ?, ?, ?)', flow, key, row.save(), row.wakeAt({ now, config }));
    exec('DELETE FROM flow_ids WHERE flow = ? AND key = ?', flow, key);
    for (const { id } of row.ids()) exec('INSERT OR IGNORE INTO flow_ids VALUES (?, ?, ?)', id, flow, key);
  }
  function change(row, decide) {
    const result = decide(row); // A step, a lease or a rejection.
    if (!result.ok) return result;
    save(result.next);
    if (result.failure) console.warn(row.key, result.failure.message);
    for (const { id } of result.new_ids ?? []) {
      for (const { n } of all('SELECT n FROM inbox_ids WHERE id = ?', id)) offer(n);
    }
    return result;
  }
  const decide = db.transaction((flow, key, how) => {
    const row = find(flow, key);
    return row === undefined ? undefined : change(row, how);
  }).immediate;
  const handle = db.transaction((Flow, key, command) => {
    return change(find(Flow.flow, key) ?? Flow.start(key), (row) => row.handle(command, at()));
  }).immediate;

  // Webhooks: the fact is stored with its ids before the reply, and offered to each row of the provider that has one of them.
  function offer(n) {
    const [{ provider, fact } = {}] = all('SELECT provider, fact FROM inbox WHERE n = ?', n);
    if (fact === undefined) return;
    const rows = all('SELECT DISTINCT flow, key FROM flow_ids JOIN inbox_ids USING (id) WHERE n = ? AND flow = ?', n, FLOWS[provider].flow);
    const steps = rows.map(({ flow, key }) => change(find(flow, key), (row) => row.observe(JSON.parse(fact), at())));
    if (steps.length > 0 && !steps.some(({ ignored }) => ignored?.reason === 'early')) exec('DELETE FROM inbox WHERE n = ?', n);
  }
  const keep = db.transaction((provider, { fact, ids }) => {
    const n = exec('INSERT INTO inbox (provider, fact, received_at) VALUES (?, ?, ?)', provider, JSON.stringify(fact), clock()).lastInsertRowid;
    for (const { id } of ids) exec('INSERT OR IGNORE INTO inbox_ids VALUES (?, ?)', id, n);
    offer(n);
  }).immediate;
  function receive(provider, headers, body, topic) {
    const received = readWebhook(provider, { secrets: [], headers, body, topic, now: clock() });
    // Any other is an event that no row needs. One that is unreadable is kept: a newer release may read it.
    if (received.ids.length > 0 || received.unreadable) keep(provider, received);
    return received.acknowledge_with;
  }

  // The worker: it leases, sends or carries out, and reports.
  async function send({ method, url, headers, body, credential, sending }, id, provider) {
    const authorization = { [credential.header]: [credential.scheme, secret[provider]].filter(Boolean).join(' ') };
    try {
      const signal = AbortSignal.timeout(60_000); // Shorter than `lease_ms`.
      const reply = await fetch(url, { method, headers: { ...headers, ...authorization }, body, redirect: 'manual', signal });
      const raw = new Uint8Array(await reply.arrayBuffer());
      return facts.reply(id, { sending, http_status: reply.status, headers: reply.headers, body: raw });
    } catch {
      return facts.lost(id, { sending });
    }
  }
  function carryOut({ flow, key }, effect) {
    // Your own work, once for each `flow`, `key` and id: here it is a row, in the transaction that reports it.
    exec('INSERT OR IGNORE INTO deliveries VALUES (?, ?)', `${flow}:${key}:${effect.id}`, JSON.stringify(effect));
  }
  async function visit({ flow, key }) {
    const ready = find(flow, key).effects(at()).filter((it) => it.ready && it.type !== 'review');
    // A request first: the reply to a lookup may withdraw a notice.
    for (const effect of ready.sort((a, b) => (b.type === 'request') - (a.type === 'request'))) {
      if (effect.type === 'request') {
        const lease = decide(flow, key, (row) => row.lease(effect.id, at()));
        if (!lease.ok) continue;
        const fact = await send(lease.request, effect.id, flow.split('.')[0]);
        decide(flow, key, (row) => row.observe(fact, at()));
      } else {
        decide(flow, key, (row) => {
          const lease = row.lease(effect.id, at());
          if (!lease.ok) return lease;
          carryOut(row, effect);
          return lease.next.observe(facts.done(effect.id), at());
        });
      }
    }
    db.transaction(() => save(find(flow, key))).immediate(); // `wake_at` again, even if nothing was ready.
  }
  async function work() {
    const due = all('SELECT flow, key FROM flows WHERE wake_at <= ? ORDER BY wake_at LIMIT 100', clock());
    for (const row of due) await visit(row).catch((error) => console.error(row.key, error));
    exec('DELETE FROM inbox WHERE received_at < ?', clock() - 30 * DAY);
    return due.length;
  }

  // The pages. `routes` takes the method, the path and the body, and gives a status and a value.
  function accepted(result) {
    if (result === undefined) return [404, {}];
    return result.ok ? [200, result.next.status(at())] : [422, result.violations.map(({ rule, message }) => ({ rule, message }))];
  }
  const token = Buffer.from(secret.webhooks);
  const isOurs = (given) => given.length === token.length && timingSafeEqual(Buffer.from(given), token);
  function routes(method, [page, name, key, ...rest], headers, body) {
    const Flow = FLOWS[name];
    if (page === 'webhooks' && Flow && isOurs(key ?? '')) return [receive(name, headers, body, rest[0]), null]; // Neither of them signs.
    if (page !== 'subscriptions' || !Flow) return [404, {}];
    if (method === 'GET') {
      const row = find(Flow.flow, key);
      return row ? [200, { status: row.status(at()), actions: row.actions(at()), reviews: row.effects(at()).filter((it) => it.type === 'review') }] : [404, {}];
    }
    const fields = JSON.parse(body.toString() || '{}');
    switch (`${name} ${rest[0] ?? key}`) {
      case 'vend start':
        return accepted(handle(Flow, keyFor('vend.subscription', fields.retailer), vend.createSubscriptionToken({ ...PLAN, return_url: `${site}/back` })));
      case 'revup start':
        return accepted(handle(Flow, keyFor('revup.token', fields.tokenId), revup.createSubscription({ ...fields, eventSubscriptionUrl: `${site}/webhooks/revup/${secret.webhooks}` })));
      case 'vend returned':
        return accepted(decide(Flow.flow, key, (row) => row.observe(facts.customerReturned(), at())));
      case 'revup cancel':
        return accepted(decide(Flow.flow, key, (row) => row.handle(revup.cancelSubscription(), at())));
      case 'revup refund': // `intent` is the number of the return: the same one is never refunded twice.
        return accepted(decide(Flow.flow, key, (row) => row.handle(revup.refundPayment(fields), at())));
      case `${name} review`: // For your support alone.
        return accepted(decide(Flow.flow, key, (row) => row.observe(facts.reviewed(fields.review, fields.verdict, fields.id), at())));
      default:
        return [404, {}];
    }
  }
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    let answer;
    try {
      answer = routes(request.method, new URL(request.url, site).pathname.split('/').slice(1), request.headers, Buffer.concat(chunks));
    } catch (error) {
      const status = error instanceof NotAuthentic ? 401 : error instanceof RuleboundError || error instanceof SyntaxError ? 400 : 500;
      answer = [status, { error: error.message }];
    }
    response.writeHead(answer[0], { 'content-type': 'application/json' }).end(answer[1] === null ? '' : JSON.stringify(answer[1]));
  });
  await new Promise((resolve) => server.listen(port, resolve));
  const stop = new AbortController();
  const worker = (async () => {
    while (run && !stop.signal.aborted) if ((await work()) === 0) await sleep(1000, null, { signal: stop.signal }).catch(() => {});
  })();
  return { db, work, find, close: async () => [stop.abort(), await worker, server.close(), db.close()] };
}

if (process.argv[1]?.endsWith('without-kit.mjs')) {
  const { REVUP_KEY, VEND_KEY, WEBHOOK_TOKEN, SITE = 'http://127.0.0.1:3000' } = process.env;
  const config = { revup: { environment: 'test' }, vend: { domain_prefix: 'marshmallow' } };
  await shop({ config, secret: { revup: REVUP_KEY, vend: VEND_KEY, webhooks: WEBHOOK_TOKEN }, site: SITE });
}
