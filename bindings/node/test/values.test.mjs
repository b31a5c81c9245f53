// Snapshots and steps behave as values do elsewhere in JavaScript: copied, compared, written and printed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { load, truemed } from '../lib/index.mjs';
import { KEY, begun, create, issued, items, now, started, webhook } from './scene.mjs';

const asked = (command = create) => started().handle(command, { now });
const refused = (command) => issued().handle(command, { now });
const none = { type: 'update_payment_token' };
const both = { type: 'update_payment_token', update_card_info: true, order_items: items };

test('two snapshots are equal if they are saved alike, and only then', () => {
  assert.deepEqual(asked().next, asked().next);
  assert.deepEqual(load(` ${issued().save()}`), issued());
  const others = [started(), truemed.PaymentToken.start(`${KEY}-2`), truemed.PaymentSession.start(KEY),
    asked({ ...create, order_items: [{ ...items[0], price: 1 }] }).next];
  for (const other of others) assert.notDeepEqual(asked().next, other);
});

test('two steps are equal if they say the same', () => {
  assert.deepEqual(asked(), asked());
  assert.deepEqual(refused(both), refused(both));
  assert.notDeepEqual(asked(), asked({ ...create, order_items: [{ ...items[0], price: 1 }] }));
  assert.notDeepEqual(refused(both), refused(none));
  assert.notDeepEqual(refused(both), asked());
  assert.notDeepEqual(begun().observe(webhook, { now }), issued().observe(webhook, { now }));
});

test('a step is plain data: spread, rest and Object.assign lose nothing', () => {
  const step = asked();
  const { ok, ...rest } = step;
  assert.equal(ok, true);
  assert.equal(rest.next, step.next);
  assert.deepEqual(Object.keys(step), ['ok', 'next', 'changed', 'take', 'learnt', 'failure', 'warnings']);
  assert.deepEqual(Object.keys(begun().observe(webhook, { now })).slice(0, 2), ['applied', 'next']);
  const no = refused(both);
  assert.deepEqual({ ...no }, { ok: false, violations: no.violations });
  assert.deepEqual(Object.assign({}, issued().observe(webhook, { now })), { applied: false, because: 'known', warnings: [] });
  assert.deepEqual(structuredClone(no), { ok: false, violations: no.violations });
});

test('a snapshot shows what it is about', () => {
  const { save, ...shown } = issued();
  assert.deepEqual(shown, { flow: 'truemed.payment_token', key: KEY, revision: 3 });
  assert.deepEqual(issued().handle(none, { now }).ok, false);
  assert.equal(load(issued().save()).revision, 3);
});

test('both are written as JSON, whole', () => {
  const at = issued();
  assert.deepEqual(JSON.parse(JSON.stringify(at)), JSON.parse(at.save()));
  const step = asked();
  const { next, ...rest } = step;
  assert.deepEqual(JSON.parse(JSON.stringify(step)), { ...rest, next: JSON.parse(next.save()) });
  assert.equal(JSON.parse(JSON.stringify(step)).ok, true);
  assert.equal(JSON.parse(JSON.stringify(begun().observe(webhook, { now }))).applied, true);
  const no = refused(both);
  assert.deepEqual(JSON.parse(JSON.stringify(no)), { ok: false, violations: no.violations });
});

test('a snapshot is never cloned to something that is none', () => {
  assert.throws(() => structuredClone(issued()), { name: 'DataCloneError', message: /send what its `save\(\)` gives/ });
  assert.throws(() => structuredClone(asked()), { name: 'DataCloneError' });
  assert.throws(() => ({ ...issued() }).save(), /only a snapshot can be saved/);
});

test('both are printed without their secrets, and say what they are', () => {
  assert.match(inspect(issued()), new RegExp(`^truemed\\.payment_token ${KEY} at revision 3 \\(.{12}\\)$`));
  assert.match(String(issued()), /^\[object truemed\.payment_token .{12}\]$/);
  const step = asked().next.handle({ type: 'begin', effect: 'create_payment_token:1' }, { now });
  assert.match(inspect(step), /ok: true[^]*revision 2[^]*take: 'POST truemed\.payment_token:/);
  assert.doesNotMatch(inspect(step), /shop\.example/);
  assert.match(inspect(refused(both)), /ok: false[^]*card-xor-items/);
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
