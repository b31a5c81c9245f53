// Snapshots and steps behave as values do elsewhere in JavaScript: copied, compared, written and printed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { load, truemed } from '../lib/index.mjs';
import { EFFECT, KEY, create, issued, items, leased, now, started, webhook } from './scene.mjs';

const created = (command = create) => started().handle(command, { now });
const rejected = (command) => issued().handle(command, { now });
const none = { type: 'update_payment_token' };
const both = { type: 'update_payment_token', update_card_info: true, order_items: items };

test('two snapshots are equal if they are saved alike, and only then', () => {
  assert.deepEqual(created().next, created().next);
  assert.deepEqual(load(` ${issued().save()}`), issued());
  const others = [started(), truemed.PaymentToken.start(`${KEY}-2`), truemed.PaymentSession.start(KEY),
    created({ ...create, order_items: [{ ...items[0], price: 1 }] }).next];
  for (const other of others) assert.notDeepEqual(created().next, other);
});

test('two steps are equal if they say the same', () => {
  assert.deepEqual(created(), created());
  assert.deepEqual(rejected(both), rejected(both));
  assert.notDeepEqual(created(), created({ ...create, order_items: [{ ...items[0], price: 1 }] }));
  assert.notDeepEqual(rejected(both), rejected(none));
  assert.notDeepEqual(rejected(both), created());
  assert.notDeepEqual(leased().observe(webhook, { now }), issued().observe(webhook, { now }));
  const lease = (config) => created().next.lease(EFFECT, { now, config });
  assert.deepEqual(lease(), lease({}));
  assert.notDeepEqual(lease(), lease({ lease_ms: 60_000 }));
  assert.notDeepEqual(lease(), lease({ truemed: { environment: 'staging' } }));
});

test('a step is plain data: spread, rest and Object.assign lose nothing', () => {
  const step = created();
  const { ok, ...rest } = step;
  assert.equal(ok, true);
  assert.equal(rest.next, step.next);
  const names = ['ok', 'next', 'ignored', 'transitions', 'new_ids', 'failure', 'warnings'];
  const token = issued();
  for (const any of [step, leased().observe(webhook, { now }), token.observe(webhook, { now })]) assert.deepEqual(Object.keys(any), names);
  assert.deepEqual(rest.transitions, [{ facet: 'token', before: 'absent', after: 'requested', trigger: 'create_payment_token' }]);
  assert.deepEqual(Object.keys(step.next.lease(EFFECT, { now })), ['ok', 'next', 'request', 'warnings']);
  const no = rejected(both);
  assert.deepEqual({ ...no }, { ok: false, violations: no.violations });
  const nothing = { transitions: [], new_ids: [], failure: null, warnings: [] };
  const duplicate = token.observe(webhook, { now });
  assert.deepEqual(Object.assign({}, duplicate), { ok: true, next: token, ignored: duplicate.ignored, ...nothing });
  assert.deepEqual(structuredClone(no), { ok: false, violations: no.violations });
});

test('a snapshot shows what it is about', () => {
  const { save, ...shown } = issued();
  assert.deepEqual(shown, { flow: 'truemed.payment_token', key: KEY, revision: 3 });
  assert.deepEqual(issued().handle(none, { now }).ok, false);
  assert.equal(load(issued().save()).revision, 3);
});

test('both are written as JSON, whole', () => {
  const token = issued();
  assert.deepEqual(JSON.parse(JSON.stringify(token)), JSON.parse(token.save()));
  const step = created();
  const { next, ...rest } = step;
  assert.deepEqual(JSON.parse(JSON.stringify(step)), { ...rest, next: JSON.parse(next.save()) });
  assert.equal(JSON.parse(JSON.stringify(step)).ok, true);
  const observed = JSON.parse(JSON.stringify(leased().observe(webhook, { now })));
  assert.deepEqual([observed.ok, observed.ignored, observed.transitions.length], [true, null, 1]);
  const lease = step.next.lease(EFFECT, { now });
  const written = JSON.parse(JSON.stringify(lease));
  assert.deepEqual(written, { ok: true, next: JSON.parse(lease.next.save()), request: lease.request, warnings: [] });
  const no = rejected(both);
  assert.deepEqual(JSON.parse(JSON.stringify(no)), { ok: false, violations: no.violations });
});

test('a snapshot is never cloned to something that is none', () => {
  assert.throws(() => structuredClone(issued()), { name: 'DataCloneError', message: /send what its `save\(\)` gives/ });
  assert.throws(() => structuredClone(created()), { name: 'DataCloneError' });
  assert.throws(() => ({ ...issued() }).save(), /only a snapshot can be saved/);
});

test('both are printed without their secrets, and say what they are', () => {
  assert.match(inspect(issued()), new RegExp(`^truemed\\.payment_token ${KEY} at revision 3 \\(.{18}\\)$`));
  assert.match(String(issued()), /^\[object truemed\.payment_token [0-9a-f]{18}\]$/);
  const lease = created().next.lease(EFFECT, { now });
  assert.match(inspect(lease), /ok: true[^]*revision 2[^]*request: 'POST truemed\.payment_token:/);
  assert.match(inspect(created()), /ok: true[^]*revision 1[^]*transitions: \[\n? *\{[^]*trigger: 'create_payment_token'/);
  for (const shown of [lease, created()]) assert.doesNotMatch(inspect(shown), /shop\.example/);
  assert.match(inspect(rejected(both)), /ok: false[^]*card-xor-items/);
});

test('neither a snapshot nor the list of flows can be changed', () => {
  for (const name of ['flow', 'key', 'revision', 'save']) {
    assert.throws(() => {
      started()[name] = 5;
    }, TypeError);
  }
  assert.throws(() => {
    truemed.PaymentToken = undefined;
  }, TypeError);
});
