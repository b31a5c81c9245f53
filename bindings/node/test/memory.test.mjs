// A snapshot owns nothing outside of JavaScript: it may be kept for ever, or forgotten at once, on any thread.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { load, readWebhook } from '../lib/index.mjs';
import { EFFECT, create, issued, leased, now, started, webhook } from './scene.mjs';

/** More than are remembered on the native side. */
const MANY = 1000;

if (isMainThread) {
  test('a snapshot that is no longer remembered is read again from its text', () => {
    const old = issued();
    const kept = Array.from({ length: MANY }, () => started().handle(create, { now }).next);
    assert.equal(old.handle({ type: 'delete_payment_token' }, { now }).ok, true);
    const [first] = kept;
    for (const snapshot of kept) assert.equal(snapshot.save(), first.save());
    for (const snapshot of kept) assert.deepEqual(snapshot.effects({ now }), first.effects({ now }));
  });

  test('what a step led to is written though it is no longer remembered, and whatever the host changes meanwhile', () => {
    const command = structuredClone(create);
    const config = { lease_ms: 60_000 };
    const body = Buffer.from(webhook.body);
    const created = started().handle(command, { now, config });
    const lease = created.next.lease(EFFECT, { now, config });
    const observed = leased().observe({ ...webhook, body }, { now });
    const expected = started().handle(create, { now }).next.lease(EFFECT, { now, config: { lease_ms: 60_000 } }).next.save();
    command.order_items.length = 0;
    config.lease_ms = 0;
    body.fill(0);
    const others = Array.from({ length: MANY }, () => started().handle(create, { now }).next);
    assert.equal(created.next.save(), others.at(-1).save());
    assert.equal(lease.next.save(), expected);
    assert.equal(observed.next.save(), issued().save());
    assert.equal(created.next.lease(EFFECT, { now }).next.save(), leased().save());
  });

  test('memory that is given away, or shared with other threads, is not touched', () => {
    const native = JSON.stringify(fileURLToPath(new URL('../lib/native.cjs', import.meta.url)));
    const program = `
      const native = require(${native}).load();
      structuredClone(native.numbers.buffer, { transfer: [native.numbers.buffer] });
      gc();
      const buffers = Array.from({ length: 1000 }, () => new Float64Array(4));
      for (const _ of buffers) if (native.keyFor('revup.token', 'a') !== undefined) process.exit(1);
      if (native.numbers.length !== 0 || buffers.some((it) => it.some(Boolean))) process.exit(1);`;
    assert.equal(spawnSync(process.execPath, ['--expose-gc', '--eval', program]).status, 0);
    const shared = new Uint8Array(new SharedArrayBuffer(webhook.body.length));
    shared.set(Buffer.from(webhook.body));
    const read = (body) => readWebhook('vend', { secrets: [], headers: {}, body, now });
    assert.deepEqual(read(shared).ids, read(webhook.body).ids);
  });

  test('a loop that never waits keeps no memory', () => {
    const row = issued().save();
    const config = { lease_ms: 1000 };
    const turn = () => {
      let snapshot = load(row).handle({ type: 'delete_payment_token' }, { now }).next;
      for (let index = 0; index < 20_000; index += 1) {
        load(row).handle({ type: 'delete_payment_token' }, { now });
        snapshot = snapshot.lease('delete_payment_token:1', { now: now + 1000 * index, config }).next;
      }
    };
    turn();
    const before = process.memoryUsage().rss;
    for (let index = 0; index < 4; index += 1) turn();
    assert.ok(process.memoryUsage().rss - before < 64 << 20, 'grew by 64 MiB');
  });

  test('every worker has a library of its own', async () => {
    const row = issued().save();
    const workers = Array.from({ length: 4 }, () => new Worker(new URL(import.meta.url), { workerData: row }));
    const exits = workers.map((it) => new Promise((done) => it.once('exit', done)));
    const seen = workers.map((it) => new Promise((done, fail) => it.once('message', done).once('error', fail)));
    const expected = load(row).handle({ type: 'delete_payment_token' }, { now }).next.save();
    assert.deepEqual(await Promise.all(seen), Array(4).fill(expected));
    assert.deepEqual(await Promise.all(exits), Array(4).fill(0));
  });
} else {
  let next;
  for (let index = 0; index < MANY; index += 1) next = load(workerData).handle({ type: 'delete_payment_token' }, { now }).next;
  parentPort.postMessage(next.save());
}
