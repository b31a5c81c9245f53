// What the suite of all kits cannot say: sending by `fetch`, threads, imports, and the mistakes of a user.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { metrics } from '@opentelemetry/api';
import Database from 'better-sqlite3';
import { truemed } from 'rulebound';
import { send } from 'rulebound/host';

import { postgres, sqlites, withoutPostgres } from './databases.mjs';
import { Host, HostError, NotSent, Rejected } from './kit.mjs';

const order_items = [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }];
const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const command = truemed.createPaymentToken({ order_items, ...urls });
const providers = { truemed: { apiKey: 'k', webhookSecrets: ['whsec'] } };
const created = () => ({ status: 200, headers: {}, body: JSON.stringify({ provision_token_request_id: randomUUID(), redirect_url: 'https://t.example/' }) });
const ignoring = (host) => host.ignore('notify').ignore('fulfill').ignore('access');

if (!isMainThread) {
  // One of two workers on one database: it says what it has sent.
  const sent = [];
  const transport = async (request) => {
    sent.push(JSON.parse(request.body).metadata);
    await new Promise((done) => setTimeout(done, 2));
    return created();
  };
  const host = ignoring(new Host(workerData, providers, { send: transport, log() {} }));
  parentPort.once('message', () => host.stop());
  await host.run({ lanes: 4 });
  parentPort.postMessage(sent);
  await host.close();
} else {
  tests();
}

function tests() {
  let databases;
  const opened = [];
  const open = (options, given = databases.next()) => {
    const host = ignoring(new Host(given.given, providers, { log() {}, ...given.options, ...options }));
    opened.push(host);
    if (!opened.includes(given)) opened.push(given);
    return host;
  };
  before(async () => (databases = await sqlites()));
  after(async () => {
    for (const it of opened) await it.close();
    databases.close();
  });

  describe('sending', () => {
    let [server, url, respond] = [];
    const outgoing = (more) => ({ method: 'POST', url, headers: { 'x-key': 'k' }, body: '{}', timeoutMs: 5_000, ...more });
    before(async () => {
      server = createServer((request, response) => respond(request, response));
      await new Promise((done) => server.listen(0, '127.0.0.1', done));
      url = `http://127.0.0.1:${server.address().port}/`;
    });
    after(() => [server.closeAllConnections(), server.close()]);

    test('a reply is given as it came, and a redirect is a reply', async () => {
      respond = (request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/', 'retry-after': '7' }).end(request.headers['x-key']);
      const { status, headers, body } = await send(outgoing());
      assert.deepEqual([status, new Headers(headers).get('retry-after'), String(body)], [302, '7', 'k']);
    });

    test('only a connection that never opened is not sent', async () => {
      const closed = createSocket();
      await new Promise((done) => closed.listen(0, '127.0.0.1', done));
      const { port } = closed.address();
      await new Promise((done) => closed.close(done));
      await assert.rejects(send(outgoing({ url: `http://127.0.0.1:${port}/` })), NotSent);
      respond = (request) => request.socket.destroy();
      await assert.rejects(send(outgoing()), (error) => !(error instanceof NotSent));
      const reset = createSocket((socket) => socket.once('data', () => socket.resetAndDestroy()));
      await new Promise((done) => reset.listen(0, '127.0.0.1', done));
      await assert.rejects(send(outgoing({ url: `http://127.0.0.1:${reset.address().port}/` })), (error) => !(error instanceof NotSent));
      reset.close();
    });

    test('the deadline is total, and the body is limited', async () => {
      respond = (_request, response) => response.writeHead(200).write('a');
      await assert.rejects(send(outgoing({ timeoutMs: 200 })), { name: 'TimeoutError' });
      respond = (_request, response) => response.end('x'.repeat((1 << 20) + 1));
      await assert.rejects(send(outgoing()), /larger than 1 MiB/);
      respond = (_request, response) => response.end('x'.repeat(1 << 20));
      assert.equal((await send(outgoing())).body.length, 1 << 20);
    });

    test('a credential goes only to https, or to this machine', async () => {
      await assert.rejects(send(outgoing({ url: 'http://provider.example/' })), (error) => error instanceof NotSent && /not https/.test(error.message));
    });
  });

  for (const [name, skip] of [['SQLite', false], ['PostgreSQL', withoutPostgres]]) {
    describe(name, { skip }, () => {
      const given = async () => (name === 'SQLite' ? databases.next() : postgres());

      test('adoptions are spread, and idempotent by key', async () => {
        const host = open({ clock: () => 1_700_000_000_000, send: async () => created() }, await given());
        const keys = Array.from({ length: 120 }, () => randomUUID());
        const rows = () => keys.map((key) => ({ flow: truemed.PaymentToken, key, command: truemed.retrievePaymentToken({ payment_token: key }) }));
        assert.equal(await host.import(rows(), { perSecond: 10 }), 120);
        assert.equal(await host.import(rows()), 0);
        const wakes = await Promise.all(keys.map(async (key) => (await host.get(truemed.PaymentToken, key)).wake_at - 1_700_000_000_000));
        assert.deepEqual([wakes[0], wakes[10], wakes[119]], [0, 1_000, 11_900]);
      });

      test('named statements, where the database has them', async () => {
        const named = async () => open({ namedStatements: true, send: async () => created() }, await given());
        if (name === 'SQLite') return assert.rejects(named, /namedStatements: they are for a direct connection/);
        const host = await named();
        for (let number = 0; number < 3; number += 1) await host.handle(truemed.PaymentToken, randomUUID(), command);
        assert.equal((await host.tick()).sent.length, 3);
        const found = await host.transaction((tx) => tx.query("SELECT name FROM pg_prepared_statements WHERE name LIKE 'rulebound_%'"));
        assert.ok(found.rows.length > 3);
      });

      test('a limit is a whole number', async () => {
        const wrong = (more) => ({ truemed: { ...providers.truemed, ...more } });
        assert.throws(() => new Host('sqlite:///no.db', wrong({ maxInFlight: 0 })), /providers\/truemed\/maxInFlight: 0 is not a whole number/);
        assert.throws(() => new Host('sqlite:///no.db', wrong({ maxPerSecond: 1.5 })), /providers\/truemed\/maxPerSecond: 1.5/);
      });

      test('the gauges', async () => {
        const host = open({}, await given());
        await host.handle(truemed.PaymentToken, randomUUID(), command);
        const { due, oldest_overdue_ms, ...rest } = await host.stats();
        assert.equal(due, 1);
        assert.ok(oldest_overdue_ms < 60_000);
        assert.deepEqual(rest, { inbox_age_ms: 0, failing_effects: 0, reviews_open: 0, accounts_paused: 0, oldest_held_ms: 0, refused_in_day: 0 });
      });

      test('without its tables a host says what to run', async () => {
        const host = name === 'SQLite' ? open({}, new Bare()) : open({ schema: 'there_is_none' }, await given());
        await assert.rejects(host.get(truemed.PaymentToken, randomUUID()), /rulebound migrate/);
      });
    });
  }

  test('two workers in threads send each request once', async () => {
    const database = databases.next();
    const host = open({}, database);
    const keys = Array.from({ length: 60 }, () => randomUUID());
    for (const key of keys) await host.handle(truemed.PaymentToken, key, command);
    const threads = [1, 2].map(() => new Worker(fileURLToPath(import.meta.url), { workerData: database.given }));
    for (let due = 1; due > 0; ) {
      await new Promise((done) => setTimeout(done, 50));
      ({ due } = await host.stats());
    }
    const sent = await Promise.all(threads.map((thread) => new Promise((done, failed) => {
      thread.once('message', done).once('error', failed);
      thread.postMessage('stop');
    })));
    assert.deepEqual(sent.flat().sort(), keys.toSorted());
    assert.deepEqual(await host.verify(), []);
  });

  test('a worker stops at once while nothing is due, and after `signal`', async () => {
    const host = open();
    const aborter = new AbortController();
    const running = host.run({ signal: aborter.signal });
    setTimeout(() => aborter.abort(), 50);
    const begun = performance.now();
    await running;
    assert.ok(performance.now() - begun < 500);
  });

  test('a worker without tables looks for them for a while, and ends with the reason', async (context) => {
    const none = new Host('sqlite:///:memory:', providers, { log() {} });
    const tables = databases.next();
    tables.db.exec('UPDATE rulebound_schema_version SET version = 3, readable_from = 2');
    const newer = new Host(tables.given, providers, { log() {} });
    context.mock.timers.enable({ apis: ['setTimeout'] });
    for (const [host, reason] of [[ignoring(none), /rulebound migrate/], [ignoring(newer), /install a newer one/]]) {
      let [ended, elapsed] = [null, 0];
      host.run().then(() => (ended = 'ended'), (error) => (ended = error));
      for (; ended === null && elapsed < 60_000; elapsed += 500) {
        await new Promise(setImmediate);
        context.mock.timers.tick(500);
      }
      assert.match(String(ended), reason);
      assert.ok(elapsed > 14_000 && elapsed < 20_000, `after ${elapsed} ms`);
      await host.close();
    }
  });

  test('nothing is looked up in the caller\'s transaction', async () => {
    const [database, asked] = [databases.next(), []];
    const account = async (name) => {
      asked.push(name);
      return { apiKey: `sk_${name}` };
    };
    const host = new Host(database.given, { truemed: { account } }, { log() {} });
    const handle = (tx, key) => host.handle(truemed.PaymentToken, key, command, { tx, account: 'a' });
    const [key, other] = [randomUUID(), randomUUID()];
    await host.transaction((tx) => void handle(tx, key));
    assert.deepEqual(asked, ['a']);
    const again = new Host(database.given, { truemed: { account } }, { log() {} });
    const own = () => again.transaction((tx) => {
      try {
        again.handle(truemed.PaymentToken, other, command, { tx, account: 'a' });
      } catch (error) {
        return error.message;
      }
      return 'handled';
    });
    assert.match(await own(), /must be looked up first.*`host.lookUp`/);
    await again.lookUp('truemed', 'a');
    assert.equal(await own(), 'handled');
    await assert.rejects(again.lookUp('flex', 'a'), /the host has no `flex`/);
    await host.close();
    await again.close();
  });

  test('OpenTelemetry gets the gauges', async () => {
    const seen = {};
    const gauge = (name) => ({ name });
    let callback;
    const meter = { createObservableGauge: gauge, addBatchObservableCallback: (it) => (callback = it), removeBatchObservableCallback: () => (callback = null) };
    metrics.setGlobalMeterProvider({ getMeter: () => meter });
    const end = open().telemetry();
    await callback({ observe: ({ name }, value) => (seen[name] = value) });
    assert.deepEqual(seen, { 'rulebound.oldest_overdue_ms': 0, 'rulebound.due': 0, 'rulebound.inbox_age_ms': 0, 'rulebound.failing_effects': 0, 'rulebound.reviews_open': 0, 'rulebound.accounts_paused': 0, 'rulebound.oldest_held_ms': 0, 'rulebound.refused_in_day': 0 });
    end();
    assert.equal(callback, null);
    metrics.disable();
  });

  test('a mistake is named, with its cure', async () => {
    assert.throws(() => new Host('mysql://x', providers), /`sqlite:\/\/\/file.db`/);
    assert.throws(() => new Host('sqlite:///x.db', { stripe: {} }), /no provider `stripe`.*truemed/);
    assert.throws(() => new Host('sqlite:///x.db', { truemed: {} }), /`apiKey` is missing/);
    assert.throws(() => new Host('sqlite:///x.db', { truemed: { apiKey: 'k', secret: '' } }), /truemed\/secret/);
    assert.throws(() => new Host('sqlite:///x.db', providers, { clok: Date.now }), /clok/);
    const wal = new Database(databases.next().given.slice('sqlite:///'.length));
    wal.pragma('journal_mode = WAL');
    wal.pragma('synchronous = NORMAL');
    assert.throws(() => new Host(wal, providers), /synchronous = FULL/);
    wal.close();
    assert.throws(() => new Host('sqlite:///x.db', { truemed: { apiKey: 'k', timeoutMs: 30 } }), /truemed\/timeoutMs: 30.*milliseconds/);
    const other = new Host(databases.next().given, providers);
    assert.throws(() => other.on('notify', () => {}, { timeoutMs: 30 }), /notify\/timeoutMs: 30.*milliseconds/);
    await assert.rejects(other.webhook('truemed', { headers: {}, body: { payment_token: 'pt_1' } }), /body: .*raw body/);
    for (const time of [Number.NaN, -1, 0, 1.5, '1700000000000', new Date()]) {
      assert.throws(() => open({ clock: () => time }), /clock: gave .*whole milliseconds/);
    }
    const host = open();
    assert.throws(() => host.on('notify', () => {}), /has a handler already/);
    assert.throws(() => host.dashboard({}), /access/);
    await assert.rejects(host.transaction(async () => {}), /must be synchronous/);
    assert.throws(() => host.handle('truemed.nothing', randomUUID(), command), HostError);
  });

  test('a mistake in the setup is refused at once, and names its member', async () => {
    const made = (more, options) => () => new Host('sqlite:///x.db', { truemed: { ...providers.truemed, ...more } }, options);
    assert.throws(made({ webhookSecrets: 'whsec' }), /truemed\/webhookSecrets: is no list/);
    assert.throws(made({ webhookSecrets: [''] }), /truemed\/webhookSecrets: is no list/);
    assert.throws(made({ config: { environmen: 'staging' } }), /^ConfigError: providers\/truemed\/config\/environmen: /);
    assert.throws(made({}, { config: { lease: 1 } }), /config\/lease: /);
    assert.throws(made({}, { clock: () => Date.now() / 1000 }), /clock: .* milliseconds/);
    assert.throws(() => new Host('sqlite:///x.db', { truemed: 'k' }), /providers\/truemed: is no object/);
    const host = new Host(databases.next().given, providers, { log() {} });
    opened.push(host);
    assert.throws(() => host.on('notify', (effect, row, context, more) => more), /It is called with \(effect, row, context\)/);
    assert.throws(() => host.on('notify', 'mail'), /is no function/);
    host.on('notify', (effect) => effect).onTx('fulfill', (effect, row, tx) => tx);
  });

  test('a mistake in an account\'s config pauses the account, and no row counts a try', async () => {
    let [now, config] = [1_700_000_000_000, {}];
    const database = databases.next();
    const hooks = { monotonic: () => now };
    const accounts = { truemed: { account: async () => ({ apiKey: 'k', config }) } };
    const host = ignoring(new Host(database.given, accounts, { log() {}, clock: () => now, hooks, send: async () => created() }));
    opened.push(host, database);
    await host.migrate();
    const keys = [randomUUID(), randomUUID()];
    for (const key of keys) await host.handle(truemed.PaymentToken, key, command, { account: 'a' });
    config = { environmen: 'staging' };
    now += 60_001;
    assert.deepEqual((await host.tick()).sent, []);
    await assert.rejects(host.get(truemed.PaymentToken, keys[0]), /accounts\/a\/config\/environmen/);
    assert.equal(await database.count('pauses'), 1);
    config = {};
    for (const key of keys) {
      const { tries, last_error, wake_at } = await host.get(truemed.PaymentToken, key);
      assert.deepEqual([tries, last_error, wake_at], [0, null, now + 60_000]);
    }
    now += 60_001;
    assert.equal((await host.tick()).sent.length, 2);
    assert.equal(await database.count('pauses'), 0);
  });

  test('an effect\'s key names it among all rows', async () => {
    const host = open();
    const keys = [randomUUID(), randomUUID()];
    const rows = await Promise.all(keys.map((key) => host.handle(truemed.PaymentToken, key, command)));
    assert.deepEqual(rows.map((row) => row.effectKey(row.effects()[0])), keys.map((key) => `truemed.payment_token/${key}/create_payment_token:1`));
  });

  test('an import begins nothing new, and an entry is dropped unless a row needs it', async () => {
    const database = databases.next();
    const host = open({ send: async () => created() }, database);
    await assert.rejects(host.import([{ flow: truemed.PaymentToken, key: randomUUID(), command }]), /is no lookup/);
    await host.webhook('truemed', { headers: { 'x-truemed-api-key': 'whsec' }, body: 'not readable' });
    const [[id]] = database.db.prepare('SELECT id FROM rulebound_inbox').raw().all();
    await host.dropEntry(id);
    assert.equal(await database.count('inbox'), 0);
    await assert.rejects(host.dropEntry(id), /has no entry/);
    await assert.rejects(host.doctor({ restored: new Date(Date.now() + 3_600_000) }), /in the future/);
  });

  test('what is rejected in a transaction takes the shop\'s own rows with it', async () => {
    const database = databases.next();
    const host = open({}, database);
    const charge = truemed.createPaymentSession({ intent: 'a', payment_token: 'pt_1', total_amount: 1500, order_items, ...urls });
    const buy = (tx) => {
      tx.prepare("INSERT INTO handled VALUES ('order')").run();
      host.handle(truemed.PaymentToken, randomUUID(), charge, { tx });
    };
    await assert.rejects(host.transaction(buy), Rejected);
    assert.equal(await database.count('handled'), 0);
    assert.equal(await database.count('journal'), 0);
  });

  test('two clicks at once are one flow and one request', async () => {
    const sent = [];
    const host = open({ send: async ({ operation }) => (sent.push(operation), created()) });
    const key = randomUUID();
    await Promise.all([1, 2, 3].map(() => host.handle(truemed.PaymentToken, key, command)));
    await host.tick();
    assert.deepEqual(sent, ['create_payment_token']);
  });

  test('the webhooks\' route is a function of a request', async () => {
    const route = open().webhookRoute({ prefix: '/hooks' });
    const post = async (path, body = '{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}', headers = { 'x-truemed-api-key': 'whsec' }) =>
      (await route(new Request(`http://shop.example${path}`, { method: 'POST', body, headers }))).status;
    assert.equal(await post('/hooks/truemed'), 204);
    assert.equal(await post('/hooks/truemed', '{}', {}), 401);
    assert.equal(await post('/hooks/truemed/nobody'), 404);
    assert.equal(await post('/hooks/stripe'), 404);
    assert.equal(await post('/hooks/%'), 404);
    assert.equal(await post('/elsewhere/truemed'), 404);
    assert.equal(await post('/hooks/truemed', 'x'.repeat((1 << 20) + 1)), 413);
    assert.equal((await route(new Request('http://shop.example/hooks/truemed'))).status, 405);
  });
}

/** An empty file of SQLite. */
class Bare {
  options = {};
  given = 'sqlite:///:memory:';
  close() {}
}
