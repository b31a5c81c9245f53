// What an operator meets: failures, restored backups, what grows old, and tables that somebody has changed.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import Database from 'better-sqlite3';
import { truemed } from 'rulebound';

import { postgres, sqlites, withoutPostgres } from './databases.mjs';
import { Host, Rejected, UnknownRow } from './kit.mjs';

const order_items = [{ name: 'B12', sku: 'b12', quantity: 1, price: 1500 }];
const urls = { success_url: 'https://shop.example/ok', failure_url: 'https://shop.example/no' };
const command = truemed.createPaymentToken({ order_items, ...urls });
const providers = { truemed: { apiKey: 'k', webhookSecrets: ['whsec'] } };
/** A test's cluster may be faster than it is safe. */
const drift = (problems) => problems.filter(({ problem }) => problem !== 'database');

let databases;
const opened = [];
const open = (options, given = databases.next()) => {
  const host = new Host(given.given, providers, { log() {}, ...given.options, ...options });
  opened.push(host);
  if (!opened.includes(given)) opened.push(given);
  return host.ignore('notify').ignore('fulfill').ignore('access');
};
/** Executes a statement of the kit's own tables. */
const execute = (host, text) => host.internals.run(function* script() {
  return (yield { text, params: [] }).rows;
});
before(async () => (databases = await sqlites()));
after(async () => {
  for (const it of opened) await it.close();
  databases.close();
});

for (const [name, skip] of [['SQLite', false], ['PostgreSQL', withoutPostgres]]) {
  describe(name, { skip }, () => {
    const given = async () => (name === 'SQLite' ? databases.next() : postgres());

    test('a failure that two workers meet at once counts once', async () => {
      const place = await given();
      const now = 1_700_000_000_000;
      const [host, other] = [open({ clock: () => now }, place), open({ clock: () => now }, place)];
      await host.migrate();
      await host.handle(truemed.PaymentToken, randomUUID(), command);
      await execute(host, "UPDATE {p}flows SET snapshot = '{'");
      await Promise.all([host.tick(), other.tick(), host.tick()]);
      assert.deepEqual(await execute(host, 'SELECT tries, wake_at FROM {p}flows'), [[1, now + 3_600_000]]);
      assert.deepEqual(await execute(host, "SELECT seq FROM {p}journal WHERE kind = 'error'"), [[2]]);
      assert.equal((await host.stats()).failing_effects, 1);
    });

    test('an entry that raised is offered again when it has rested', async () => {
      let now = 1_700_000_000_000;
      const send = async () => ({ status: 200, headers: {}, body: '{"provision_token_request_id": "ptr_1", "redirect_url": "https://t.example/1"}' });
      const host = open({ clock: () => now, send }, await given());
      await host.migrate();
      const key = randomUUID();
      await host.handle(truemed.PaymentToken, key, command);
      await host.tick();
      const body = '{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}';
      assert.equal(await host.webhook('truemed', { headers: { 'x-truemed-api-key': 'whsec' }, body }), 204);
      await execute(host, "UPDATE {p}inbox SET origin = 'nonsense'");
      await host.tick();
      const rest = [[1, now + 3_600_000]];
      assert.deepEqual(await execute(host, 'SELECT tries, wake_at FROM {p}inbox'), rest);
      await execute(host, "UPDATE {p}inbox SET origin = 'verified'");
      await host.tick();
      assert.deepEqual(await execute(host, 'SELECT tries, wake_at FROM {p}inbox'), rest);
      now += 3_600_000;
      await host.tick();
      assert.deepEqual(await execute(host, 'SELECT tries FROM {p}inbox'), []);
      assert.equal((await host.get(truemed.PaymentToken, key)).status().facets.token, 'issued');
    });

    test('a person looks at a row at once, and the journal says who', async () => {
      let now = 1_700_000_000_000;
      const host = open({ clock: () => now, send: async () => ({ status: 401, headers: {}, body: '' }) }, await given());
      await host.migrate();
      const key = randomUUID();
      await host.handle(truemed.PaymentToken, key, command);
      await host.tick();
      assert.equal((await host.stats()).accounts_paused, 1);
      await execute(host, "UPDATE {p}flows SET tries = 3, last_error = 'RowError'");
      now += 5;
      assert.equal(await host.retry(truemed.PaymentToken, key, { actor: 'ada' }), undefined);
      const { tries, last_error, wake_at } = await host.get(truemed.PaymentToken, key);
      assert.deepEqual([tries, last_error, wake_at], [0, null, now]);
      assert.equal((await host.stats()).accounts_paused, 0);
      assert.deepEqual(await execute(host, "SELECT actor FROM {p}journal WHERE kind = 'retry'"), [['ada']]);
      await assert.rejects(host.retry(truemed.PaymentToken, randomUUID()), UnknownRow);
    });

    test('the gauges count paused accounts, the oldest held row, and what was refused within a day', async () => {
      let now = 1_700_000_000_000;
      const replies = [{ status: 401 }, { status: 422, body: '{"error":"InvalidOrder"}' }];
      const send = async () => ({ headers: {}, body: '{}', ...replies.shift() });
      const host = open({ clock: () => now, send }, await given());
      await host.handle(truemed.PaymentToken, randomUUID(), command);
      await host.tick();
      now += 30_000;
      const { accounts_paused, oldest_held_ms } = await host.stats();
      assert.deepEqual([accounts_paused, oldest_held_ms], [1, 30_000]);
      now += 60_000;
      await host.tick();
      const { refused_in_day, ...later } = await host.stats();
      assert.deepEqual([later.accounts_paused, later.oldest_held_ms, refused_in_day], [0, 0, 1]);
      now += 90_000_000;
      assert.equal((await host.stats()).refused_in_day, 0);
    });

    test('after a restored backup an open request counts as sent, and what takes no request is told', async () => {
      const host = open({}, await given());
      assert.deepEqual(await host.doctor().then(drift), []);
      const key = randomUUID();
      await host.handle(truemed.PaymentToken, key, command);
      await execute(host, "INSERT INTO {p}pauses (provider, account, until, reason, count) VALUES ('truemed', '', 9000000000000, '401', 1)");
      const account = { problem: 'account', detail: 'The account of truemed is paused (401). Correct its API key.' };
      assert.deepEqual(await host.doctor({ restored: Date.now() }).then(drift), [account]);
      assert.equal(host.restoredRows, 1);
      assert.equal((await host.get(truemed.PaymentToken, key)).revision, 2);
    });
  });
}

test('a reply is saved with the settings of its lease if the account cannot be looked up', async () => {
  let [now, isAway] = [1_700_000_000_000, false];
  const account = async () => {
    if (isAway) throw new Error('no directory');
    return { apiKey: 'k' };
  };
  const send = async () => {
    isAway = true;
    return { status: 401, headers: {}, body: '' };
  };
  const place = databases.next();
  const host = new Host(place.given, { truemed: { account } }, { log() {}, ...place.options, send, clock: () => now });
  opened.push(host, place);
  host.ignore('notify').ignore('fulfill').ignore('access');
  await host.handle(truemed.PaymentToken, randomUUID(), command, { account: 'a' });
  assert.deepEqual((await host.tick()).sent, ['create_payment_token']);
  const stored = () => execute(host, 'SELECT revision, tries, wake_at FROM {p}flows');
  assert.deepEqual(await stored(), [[3, 0, now + 30_000]]);
  now += 30_000;
  await host.tick();
  assert.deepEqual(await stored(), [[3, 0, now + 60_000]]); // It rests a minute, without a try.
  assert.deepEqual(await execute(host, 'SELECT account, reason FROM {p}pauses'), [['a', '401']]);
});

test('a tick at a later time does what is due then', async () => {
  const now = 1_700_000_000_000;
  const send = async () => {
    throw new Error('no reply');
  };
  const host = open({ clock: () => now, send });
  await host.handle(truemed.PaymentToken, randomUUID(), command);
  assert.deepEqual((await host.tick()).sent, ['create_payment_token']);
  assert.deepEqual((await host.tick({ now: now + 29_000 })).sent, []);
  assert.deepEqual((await host.tick({ now: new Date(now + 31_000) })).sent, ['create_payment_token']);
  assert.deepEqual((await host.tick()).sent, []);
});

test('what is older than it must be goes', async () => {
  const database = databases.next();
  let now = 1_700_000_000_000;
  const host = open({ clock: () => now }, database);
  const headers = { 'x-truemed-api-key': 'whsec' };
  await host.webhook('truemed', { headers, body: '{"payment_token": "pt_1", "provision_token_request_id": "ptr_1"}' });
  await assert.rejects(host.handle(truemed.PaymentToken, randomUUID(), truemed.deletePaymentToken()), Rejected);
  const counts = async () => [await database.count('inbox'), await database.count('inbox_ids'), await database.count('journal')];
  for (const [days, expected] of [[29, [1, 2, 1]], [31, [0, 0, 1]], [401, [0, 0, 0]]]) {
    now = 1_700_000_000_000 + days * 86_400_000;
    const running = host.run({ lanes: 1 });
    await new Promise((done) => setTimeout(done, 100));
    host.stop();
    await running;
    assert.deepEqual(await counts(), expected, `after ${days} days`);
  }
});

test('an old webhook that a row knows is kept, and a row whose lines have gone has no gap', async () => {
  let now = 1_700_000_000_000;
  const database = databases.next();
  const host = open({ clock: () => now }, database);
  const key = randomUUID();
  await host.handle(truemed.PaymentToken, key, command);
  const body = JSON.stringify({ payment_token: 'pt_1', provision_token_request_id: 'ptr_1', metadata: key });
  await host.webhook('truemed', { headers: { 'x-truemed-api-key': 'whsec' }, body });
  await execute(host, 'UPDATE {p}flows SET wake_at = NULL');
  await execute(host, 'UPDATE {p}inbox SET wake_at = NULL');
  now += 401 * 86_400_000;
  const running = host.run({ lanes: 1 });
  await new Promise((done) => setTimeout(done, 100));
  host.stop();
  await running;
  assert.deepEqual([await database.count('inbox'), await database.count('journal')], [1, 0]);
  assert.deepEqual(await host.verify(), []);
});

test('an entry that a newer release reads as an event that no flow needs goes', async () => {
  const host = open({});
  const body = JSON.stringify({ event_id: 'e_1', event_type: 'customer.created', object: { customer: { customer_id: 'c_1' } } });
  await execute(host, `INSERT INTO {p}inbox (id, provider, account, digest, deliveries, origin, content_type, topic, body, received_at, wake_at, tries)
    VALUES ('a', 'flex', '', 'd', 1, 'verified', 'application/json', NULL, CAST('${body}' AS blob), 1, NULL, 0)`);
  await host.tick();
  assert.deepEqual(await execute(host, 'SELECT id FROM {p}inbox'), []);
});

/** Executes what each problem says after `execute:`. */
async function cure(host, problems) {
  for (const { detail } of problems) {
    for (const text of detail.split('xecute: ')[1].split('; ')) await execute(host, text);
  }
}

for (const [name, skip] of [['SQLite', false], ['PostgreSQL', withoutPostgres]]) {
  describe(`broken tables on ${name}`, { skip }, () => {
    const given = async () => (name === 'SQLite' ? databases.next() : postgres());

    test('what is missing is named with the SQL that brings it back', async () => {
      const host = open({}, await given());
      const key = randomUUID();
      await host.handle(truemed.PaymentToken, key, command);
      await execute(host, name === 'SQLite' ? 'DROP INDEX rulebound_flows_reference' : 'DROP INDEX {p}flows_reference');
      for (const text of ['ALTER TABLE {p}flows DROP COLUMN created_at', 'DROP TABLE {p}ids']) await execute(host, text);
      const problems = (await host.doctor()).filter(({ problem }) => problem === 'schema');
      const said = problems.map(({ detail }) => detail).join('\n');
      for (const it of [/`rulebound_flows_reference` is missing. Execute/, /no column `created_at`. Restore/, /`rulebound_ids` is missing. Restore/]) assert.match(said, it);
      assert.deepEqual(await host.migrate({ dryRun: true }), []);
      await cure(host, problems);
      assert.deepEqual(await host.doctor().then(drift), []);
      assert.notEqual(await host.get(truemed.PaymentToken, key), null);
    });

    test('tables without their version are not made again', async () => {
      const database = await given();
      for (const breaks of ['DELETE FROM', 'DROP TABLE']) {
        const host = open({}, database);
        await execute(host, `${breaks} {p}schema_version`);
        const problems = await host.doctor();
        assert.equal(problems.length, 1);
        assert.match(problems[0].detail, /^`rulebound_schema_version` is (empty|missing). Restore a backup, or execute: CREATE TABLE/);
        for (const dryRun of [true, false]) await assert.rejects(host.migrate({ dryRun }), { message: problems[0].detail });
        await assert.rejects(open({}, database).stats(), { message: problems[0].detail });
        await cure(host, problems);
        assert.deepEqual(await host.doctor().then(drift), []);
      }
    });
  });
}

test('a mistyped path becomes no empty database', async () => {
  const file = join(databases.folder, 'mistyped.db');
  const host = new Host(`sqlite:///${file}`, {});
  for (const call of [() => host.doctor(), () => host.verify(), () => host.stats()]) {
    await assert.rejects(call(), { message: `database: there is no \`${file}\`. Correct the path, or make it with \`rulebound migrate\`.` });
  }
  const dry = await host.migrate({ dryRun: true });
  assert.match(dry[0], /CREATE TABLE rulebound_flows/);
  assert.equal(existsSync(file), false);
  assert.deepEqual(await host.migrate(), dry);
  assert.deepEqual(await host.doctor(), []);
  await host.close();
});
