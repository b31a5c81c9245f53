// A panic in any function becomes an ordinary error, and the next call works. Built anew with the feature that injects it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { EFFECT, KEY, create, now, webhook } from './scene.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rulebound-'));
after(() => rmSync(folder, { recursive: true }));
const package_ = fileURLToPath(new URL('..', import.meta.url));
cpSync(join(package_, 'lib'), join(folder, 'lib'), { recursive: true });
const build = [join(package_, 'scripts/build.cjs'), '--into', folder, '--features', 'panics'];
const built = spawnSync(process.execPath, build, { encoding: 'utf8' });
assert.equal(built.status, 0, built.stderr);

const require = createRequire(import.meta.url);
const { native } = require(join(folder, 'lib/call.cjs'));
const rulebound = require(join(folder, 'lib/index.cjs'));

const snapshot = rulebound.truemed.PaymentToken.start(KEY);
const calls = {
  load: () => rulebound.load(snapshot.save()),
  save: () => snapshot.handle(create, { now }).next.save(),
  handle: () => snapshot.handle(create, { now }),
  lease: () => snapshot.lease(EFFECT, { now }),
  observe: () => snapshot.observe(webhook, { now }),
  status: () => snapshot.status({ now }),
  effects: () => snapshot.effects({ now }),
  waitingFor: () => snapshot.waitingFor({ now }),
  actions: () => snapshot.actions({ now }),
  wakeAt: () => snapshot.wakeAt({ now }),
  ids: () => snapshot.ids(),
  fingerprint: () => String(snapshot),
  readWebhook: () => rulebound.readWebhook('vend', { secrets: [], headers: {}, body: '{}', now }),
  webhookIds: () => rulebound.webhookIds('vend', webhook),
  keyFor: () => rulebound.keyFor('revup.token', 'tok_1'),
  call: () => rulebound.versions(),
};

test('every function of the native side is tried', () => {
  const functions = Object.keys(native).filter((name) => typeof native[name] === 'function');
  assert.deepEqual(functions.sort(), [...Object.keys(calls), 'empty', 'flows', 'panicIn'].sort());
});

for (const [name, run] of Object.entries(calls)) {
  test(`a panic in ${name} is an ordinary error`, () => {
    const expected = JSON.stringify(run());
    native.panicIn(name);
    assert.throws(run, { name: 'RuleboundError', code: 'internal', message: new RegExp(`injected into ${name}`) });
    assert.equal(JSON.stringify(run()), expected);
  });
}
