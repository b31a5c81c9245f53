// What only PostgreSQL does: transactions that fail without an error, and connections that end midway.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';

import pg from 'pg';
import { truemed } from 'rulebound';
import { Unavailable } from 'rulebound/host';

import { POSTGRES, postgres, withoutPostgres } from './databases.mjs';
import { Host, HostError } from './kit.mjs';

const order_items = [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }];
const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const command = truemed.createPaymentToken({ order_items, ...urls });
const providers = { truemed: { apiKey: 'k', webhookSecrets: ['whsec'] } };
const hostError = (pattern) => (error) => error instanceof HostError && pattern.test(error.message);

/** Truemed's replies to a token and to a charge. */
function replies() {
  const bodies = {
    create_payment_token: { provision_token_request_id: 'ptr_1', redirect_url: 'https://t.example/' },
    create_payment_session: { id: 'ps_2' },
  };
  return async ({ operation }) => ({ status: 200, headers: {}, body: JSON.stringify(bodies[operation]) });
}

/** A charge that is captured, so that `fulfill` is due, and was tried. */
async function captured(host, key) {
  const receive = (body) => host.webhook('truemed', { headers: { 'x-truemed-api-key': 'whsec' }, body: JSON.stringify(body) });
  await host.handle(truemed.PaymentToken, key, command);
  await host.tick();
  await receive({ payment_token: 'pt_1', provision_token_request_id: 'ptr_1' });
  await host.tick();
  const charge = truemed.createPaymentSession({ intent: '2026-12', payment_token: 'pt_1', total_amount: 1500, order_items, ...urls });
  await host.handle(truemed.PaymentToken, key, charge);
  await host.tick();
  await receive({ payment_session_id: 'ps_2', status: 'captured', capture_amount: 1500, payment_token: 'pt_1' });
  await host.tick();
}

describe('PostgreSQL alone', { skip: withoutPostgres }, () => {
  let [database, host, pool, key] = [];
  const begin = (tx, k = key) => host.handle(truemed.PaymentToken, k, command, { tx });
  const stored = () => host.get(truemed.PaymentToken, key);
  before(async () => {
    database = await postgres();
    pool = database.given;
    host = new Host(pool, providers, { ...database.options, log() {} });
  });
  after(() => database.close());
  beforeEach(() => (key = randomUUID()));

  test('a transaction in which an error was caught does not look like a commit', async () => {
    const caught = async (tx) => {
      await begin(tx);
      await tx.query('SELECT nonsense').catch(() => {});
      return 'committed';
    };
    await assert.rejects(host.transaction(caught), hostError(/rolled the transaction back.*savepoint/));
    assert.equal(await stored(), null);
    const behindSavepoint = async (tx) => {
      await tx.query('SAVEPOINT mine');
      await tx.query('SELECT nonsense').catch(() => tx.query('ROLLBACK TO mine'));
      await begin(tx);
      return 'committed';
    };
    assert.equal(await host.transaction(behindSavepoint), 'committed');
    assert.equal((await stored()).revision, 1);
  });

  test('so also with a client that does not say whether its transaction has failed', async () => {
    const mute = new pg.Client(POSTGRES);
    mute.getTransactionStatus = undefined;
    await mute.connect();
    mute.release = () => {};
    const other = new Host({ connect: async () => mute }, providers, database.options);
    await assert.rejects(other.transaction((tx) => tx.query('SELECT nonsense').catch(() => {})), hostError(/rolled the transaction back/));
    await assert.rejects(begin(mute), hostError(/tx: has no transaction/));
    await other.transaction((tx) => begin(tx));
    assert.equal((await stored()).revision, 1);
    await mute.end();
  });

  test('a handler that ends its transaction, or breaks it and goes on, has failed', async () => {
    for (const text of ['COMMIT', 'SELECT nonsense']) {
      const own = await postgres();
      const records = [];
      const worker = new Host(own.given, providers, { ...own.options, send: replies(), log: (it) => records.push(it.event) });
      let calls = 0;
      const handler = (_effect, _row, tx) => ((calls += 1), tx.query(text).then(() => {}, () => {}));
      worker.ignore('notify').ignore('access').onTx('fulfill', handler);
      await captured(worker, key);
      assert.deepEqual([calls, records], [1, ['handler_failed']], text);
      const [{ id, attempts }] = (await worker.get(truemed.PaymentToken, key)).effects();
      assert.deepEqual([id, attempts], ['fulfill:ps_2', 1]);
      assert.deepEqual(await worker.verify(), []);
      await own.close();
    }
  });

  test('a call on `tx` that is not awaited rolls all back, and a late one is refused', async () => {
    const floating = {
      handle: (tx) => void begin(tx),
      query: async (tx) => {
        await begin(tx);
        tx.query('SELECT 1');
      },
      callback: async (tx) => {
        await begin(tx);
        tx.query('SELECT 1', () => {});
      },
      get: async (tx) => {
        await begin(tx);
        host.get(truemed.PaymentToken, key, { tx });
      },
    };
    for (const [name, work] of Object.entries(floating)) {
      await assert.rejects(host.transaction(work), hostError(/^transaction: a call on its `tx`, .* was not awaited/), name);
      await new Promise((done) => setTimeout(done, 50));
      assert.equal(await stored(), null, name);
    }
    let late;
    await host.transaction((tx) => (late = tx));
    await assert.rejects(late.query('SELECT 1'), hostError(/tx: transaction has ended.*not awaited/));
    assert.throws(() => late.query('SELECT 1', () => {}), hostError(/has ended/));
    // All at once is awaited too; and what the function throws is thrown.
    await host.transaction((tx) => Promise.all([begin(tx), tx.query('SELECT 1')]));
    assert.equal((await stored()).revision, 1);
    const own = new Error('mine');
    await assert.rejects(host.transaction((tx) => (tx.query('SELECT 1'), Promise.reject(own))), (error) => error === own);
    const counts = await host.transaction((tx) => new Promise((done) => tx.query('SELECT 1', (_, { rowCount }) => done(rowCount))));
    assert.equal(counts, 1);
  });

  test('a handler in a transaction that does not return its promise has failed', async () => {
    const own = await postgres();
    const records = [];
    const worker = new Host(own.given, providers, { ...own.options, send: replies(), log: (it) => records.push(it) });
    const insert = (tx) => tx.query(`INSERT INTO "${own.schema}".handled VALUES ('x')`);
    worker.ignore('notify').ignore('access').onTx('fulfill', (_effect, _row, tx) => void insert(tx));
    await captured(worker, key);
    assert.match(records.find(({ event }) => event === 'handler_failed').message, /^onTx: .* was not awaited/);
    assert.deepEqual((await worker.get(truemed.PaymentToken, key)).effects().map(({ id }) => id), ['fulfill:ps_2']);
    assert.equal(await own.count('handled'), 0);
    await own.close();
  });

  test('a row that the caller has locked is waited for as long as the error says', async () => {
    await host.handle(truemed.PaymentToken, key, command);
    const begun = performance.now();
    const nested = (tx) => begin(tx).catch(() => {}).then(() => tx.query(`SELECT 1 FROM "${database.schema}".rulebound_flows WHERE key = $1 FOR UPDATE`, [key])).then(() => host.customerReturned(truemed.PaymentToken, key));
    await assert.rejects(host.transaction(nested), hostError(/locked for longer than `lock_timeout` .*pass its `tx`/));
    assert.ok(performance.now() - begun < 10_000);
  });

  test('two rows do not adopt one object at once', async () => {
    const adopt = (of, options) => host.handle(truemed.PaymentToken, of, truemed.retrievePaymentToken({ payment_token: 'pt_9' }), options);
    const [second, third] = [randomUUID(), randomUUID()];
    const ended = [];
    let waiting;
    await host.transaction(async (tx) => {
      await adopt(key, { tx });
      waiting = [second, third].map((it) => adopt(it).finally(() => ended.push(it)));
      for (const it of waiting) it.catch(() => {});
      // Another object is not waited for.
      await host.handle(truemed.PaymentToken, randomUUID(), truemed.retrievePaymentToken({ payment_token: 'pt_8' }));
      await new Promise((done) => setTimeout(done, 300));
      assert.deepEqual(ended, [], 'they wait');
    });
    for (const it of waiting) await assert.rejects(it, hostError(new RegExp(`^command: .* names \`pt_9\`, which the row \`${key}\` has`)));
    const { rows } = await pool.query(`SELECT key FROM "${database.schema}".rulebound_ids WHERE id = 'pt_9'`);
    assert.deepEqual(rows, [{ key }]);
  });

  test('three programs that start at once make the tables one after the other', async () => {
    const schema = `rulebound_${randomUUID().slice(0, 8)}`;
    await pool.query(`CREATE SCHEMA "${schema}"`);
    try {
      const done = await Promise.all([1, 2, 3].map(() => new Host(pool, providers, { schema }).migrate()));
      assert.deepEqual(done.map(({ length }) => length).sort(), [0, 0, 1]);
    } finally {
      await pool.query(`DROP SCHEMA "${schema}" CASCADE`);
    }
  });

  test('`handle` needs a transaction', async () => {
    const client = await pool.connect();
    await assert.rejects(begin(client), hostError(/tx: has no transaction/));
    await client.query('BEGIN');
    await begin(client);
    await client.query('ROLLBACK');
    await assert.rejects(begin(client), hostError(/tx: has no transaction/));
    client.release();
    let kept;
    await host.transaction((tx) => (kept = tx));
    await assert.rejects(begin(kept), hostError(/tx: transaction has ended/));
    for (const wrong of [pool, {}, null]) await assert.rejects(begin(wrong), hostError(wrong === pool ? /tx: is a `Pool`/ : /tx: is no client of `pg`/));
    const ended = async (tx) => {
      await tx.query('ROLLBACK');
      await begin(tx);
    };
    await assert.rejects(host.transaction(ended), hostError(/tx: has no transaction/));
    await assert.rejects(host.transaction((tx) => tx.query('ROLLBACK')), hostError(/was ended inside it/));
    assert.equal(await stored(), null);
  });

  test('a connection that ends midway is `Unavailable`, and does not end the process', async () => {
    const own = new pg.Pool({ connectionString: POSTGRES, max: 2 });
    const listeners = ['error', 'acquire'].map((name) => own.listenerCount(name));
    const other = new Host(own, providers, database.options);
    assert.deepEqual(['error', 'acquire'].map((name) => own.listenerCount(name)), listeners.map((n) => n + 1));
    new Host(own, providers, database.options);
    assert.equal(own.listenerCount('error'), listeners[0] + 1, 'one listener for each pool');
    const end = async (tx) => {
      const { rows } = await tx.query('SELECT pg_backend_pid() AS pid');
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    };
    const during = async (tx) => {
      const sleeping = tx.query('SELECT pg_sleep(5)');
      sleeping.catch(() => {});
      await new Promise((done) => setTimeout(done, 50));
      tx.connection.stream.destroy();
      await sleeping;
    };
    for (const work of [async (tx) => (await end(tx), await tx.query('SELECT 1')), during, (tx) => tx.query('SELECT pg_terminate_backend(pg_backend_pid())')]) {
      await assert.rejects(other.transaction(work), Unavailable);
      assert.equal(await other.get(truemed.PaymentToken, key), null);
    }
    // A client that broke before the host had it.
    const dead = await own.connect();
    dead.connection.stream.destroy();
    await new Promise((done) => dead.once('error', done));
    const late = new Host({ connect: async () => dead }, providers, database.options);
    await assert.rejects(late.get(truemed.PaymentToken, key), Unavailable);
    // A client that the pool has just given away, as between `connect` and the next listener.
    const bare = await own.connect();
    bare.emit('error', new Error('a lost connection'));
    bare.release(true);
    const mine = Object.assign(new Error('my own request'), { code: 'ECONNRESET' });
    await assert.rejects(other.transaction(() => Promise.reject(mine)), (error) => error === mine);
    await own.end();
  });
});
