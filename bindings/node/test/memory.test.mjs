// A snapshot owns nothing outside of JavaScript: it may be kept for ever, or forgotten at once, on any thread.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { correlate, load } from '../lib/index.mjs';
import { begun, create, issued, now, started, webhook } from './scene.mjs';

/** More than are remembered on the native side. */
const MANY = 1000;

if (isMainThread) {
  test('a snapshot that is no longer remembered is read again from its text', () => {
    const old = issued();
    const kept = Array.from({ length: MANY }, () => started().handle(create, { now }).next);
    assert.equal(old.handle({ type: 'delete_payment_token' }, { now }).ok, true);
    const [first] = kept;
    for (const at of kept) assert.equal(at.save(), first.save());
    for (const at of kept) assert.deepEqual(at.owed({ now }), first.owed({ now }));
  });

  test('what a step led to is written though it is no longer remembered, and whatever the host changes meanwhile', () => {
    const command = structuredClone(create);
    const policy = { lease: 60_000 };
    const body = Buffer.from(webhook.body);
    const asked = started().handle(command, { now, policy });
    const told = begun().observe({ ...webhook, body }, { now });
    command.order_items.length = 0;
    policy.lease = 0;
    body.fill(0);
    const others = Array.from({ length: MANY }, () => started().handle(create, { now }).next);
    assert.equal(asked.next.save(), others.at(-1).save());
    assert.equal(told.next.save(), issued().save());
    assert.equal(asked.next.handle({ type: 'begin', effect: 'create_payment_token:1' }, { now }).next.save(), begun().save());
  });

  test('memory that is given away, or shared with other threads, is not touched', () => {
    const native = JSON.stringify(fileURLToPath(new URL('../lib/native.cjs', import.meta.url)));
    const program = `
      const native = require(${native}).load();
      structuredClone(native.said.buffer, { transfer: [native.said.buffer] });
      gc();
      const taken = Array.from({ length: 1000 }, () => new Float64Array(4));
      for (const _ of taken) if (native.keyOf('revup.token', 'a') !== undefined) process.exit(1);
      if (native.said.length !== 0 || taken.some((it) => it.some(Boolean))) process.exit(1);`;
    assert.equal(spawnSync(process.execPath, ['--expose-gc', '--eval', program]).status, 0);
    const shared = new Uint8Array(new SharedArrayBuffer(webhook.body.length));
    shared.set(Buffer.from(webhook.body));
    assert.deepEqual(correlate('truemed', shared), correlate('truemed', webhook.body));
  });

  test('a loop that never waits keeps no memory', () => {
    const row = issued().save();
    const turn = () => {
      let at = load(row);
      for (let index = 0; index < 20_000; index += 1) {
        load(row).handle({ type: 'delete_payment_token' }, { now });
        at = at.handle({ type: 'delete_payment_token' }, { now }).next;
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
