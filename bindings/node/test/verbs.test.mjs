// The verbs, as the README shows them.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { runInNewContext } from 'node:vm';

import * as rulebound from '../lib/index.mjs';
import { KEY, begun, create, issued, items, now, started, webhook } from './scene.mjs';

const { load, truemed } = rulebound;

test('a flow starts with its key, at revision 0', () => {
  const at = started();
  assert.ok(at instanceof truemed.PaymentToken);
  assert.deepEqual([at.flow, at.key, at.revision], ['truemed.payment_token', KEY, 0]);
  assert.equal(truemed.PaymentToken.flow, 'truemed.payment_token');
});

test('an accepted command leads to the next snapshot, and leaves this one as it was', () => {
  const at = started();
  const before = at.save();
  const step = at.handle(create, { now });
  assert.equal(step.ok, true);
  assert.equal(step.changed, true);
  assert.deepEqual([step.take, step.learnt, step.failure, step.warnings], [null, [], null, []]);
  assert.deepEqual([at.revision, step.next.revision], [0, 1]);
  assert.equal(at.save(), before);
  assert.equal(step.next, step.next);
});

test('only begin hands out the request', () => {
  const { next } = started().handle(create, { now });
  const [owed] = next.owed({ now });
  assert.deepEqual([owed.id, owed.type, owed.ready], ['create_payment_token:1', 'request', true]);
  const step = next.handle({ type: 'begin', effect: owed.id }, { now: new Date(now) });
  assert.equal(step.take.url, 'https://api.truemed.com/api/v1/payment_tokens/create');
  assert.deepEqual(JSON.parse(step.take.body).order_items, items);
  const again = step.next.handle({ type: 'begin', effect: owed.id }, { now });
  assert.deepEqual(again.violations.map((it) => it.rule), ['rulebound.effect.leased']);
});

test('a refused command names every rule, and what would be legal instead', () => {
  const refused = issued().handle({ type: 'update_payment_token', update_card_info: true, order_items: items }, { now });
  assert.equal(refused.ok, false);
  const [violation] = refused.violations;
  assert.equal(violation.rule, 'truemed.update.card-xor-items');
  assert.deepEqual(violation.instead, ['update_payment_token/items', 'update_payment_token/card']);
  assert.equal('next' in refused, false);
});

test('an applied fact moves the flow; one that is known does not', () => {
  const seen = begun().observe(webhook, { now });
  assert.equal(seen.applied, true);
  assert.deepEqual(seen.learnt, ['ptr_1', 'pt_1']);
  const again = seen.next.observe(webhook, { now });
  assert.deepEqual({ ...again }, { applied: false, because: 'known', warnings: [] });
});

test('a body is text or bytes, whatever the bytes are', () => {
  const bytes = new TextEncoder().encode(webhook.body);
  const foreign = runInNewContext('Uint8Array').from(bytes);
  assert.equal(foreign instanceof Uint8Array, false);
  for (const body of [bytes, Buffer.from(bytes), bytes.subarray(0), foreign]) {
    assert.deepEqual(rulebound.correlate('truemed', body).sort(), [KEY, 'pt_1', 'ptr_1']);
    assert.equal(begun().observe({ ...webhook, body }, { now }).next.save(), issued().save());
  }
  for (const body of [Uint8Array.of(0xff, 0xfe), Buffer.alloc(0)]) {
    assert.equal(begun().observe({ ...webhook, body }, { now }).because, 'unreadable');
  }
});

test('the views say what is owed, awaited and offered', () => {
  const body = '{"provision_token_request_id": "ptr_1", "redirect_url": "https://truemed.example/q/1"}';
  const at = begun().observe({ type: 'reply', to: 'create_payment_token:1', status: 200, body }, { now }).next;
  assert.deepEqual(at.awaits({ now }).map((it) => it.signal), ['payment_token_updated']);
  assert.ok(at.offers({ now }).some((it) => it.wish === 'update_payment_token/items' && !it.open));
  assert.ok(at.deadline({ now }) > now);
  assert.ok(at.correlationIds().includes(KEY));
});

test('the headers of an answer are what Node and fetch give', () => {
  const reply = { type: 'reply', to: 'create_payment_token:1', status: 429, body: '' };
  const seconds = (headers) => begun().observe({ ...reply, headers }, { now }).next.owed({ now })[0].not_before - now;
  const lists = { 'retry-after': '90', 'set-cookie': ['a=1', 'b=2'], via: undefined };
  const given = [lists, new Headers({ 'Retry-After': '90' }), new Map([['retry-after', '90']]), [['Retry-After', '90']]];
  for (const headers of given) assert.equal(seconds(headers), 90_000);
  const bytes = { ...reply, headers: lists, body: Buffer.from('{}') };
  assert.equal(begun().observe(bytes, { now }).next.owed({ now })[0].not_before, now + 90_000);
});

test('policy and settings are data', () => {
  const at = started().handle(create, { now }).next;
  const begin = { type: 'begin', effect: 'create_payment_token:1' };
  const settings = { environment: 'staging' };
  const step = at.handle(begin, { now, policy: { lease: 1000 }, settings });
  assert.match(step.take.url, /^https:\/\/dev-api\.truemed\.com|staging/);
  assert.equal(step.next.owed({ now })[0].in_hand_until, now + 1000);
});

test('a row of any flow is loaded as its class', () => {
  const row = issued().save();
  const at = load(row);
  assert.ok(at instanceof truemed.PaymentToken);
  assert.equal(at.save(), row);
  assert.equal(truemed.PaymentToken.load(row).revision, 3);
  assert.equal(load(` ${row}\n`).save(), row);
  assert.equal(at.saveAs(JSON.parse(row).format), row);
});

test('a snapshot cannot be made or changed by hand', () => {
  assert.throws(() => new truemed.PaymentToken(), /comes from `start`, `load` or a step/);
  assert.throws(() => {
    started().revision = 5;
  }, TypeError);
});

test('a webhook is authenticated, correlated and acknowledged', () => {
  const { acknowledgement, authenticate, correlate } = rulebound;
  const [secrets, headers] = [['old', 'whsec'], { 'X-Truemed-Api-Key': 'whsec', 'set-cookie': ['a', 'b'], via: undefined }];
  const pairs = [['X-Truemed-Api-Key', 'whsec'], ['set-cookie', 'a'], ['set-cookie', 'b'], ['via', undefined]];
  for (const given of [headers, pairs, new Map(pairs), new Headers({ 'x-truemed-api-key': 'whsec' })]) {
    for (const body of [webhook.body, Buffer.from(webhook.body)]) {
      assert.equal(authenticate('truemed', secrets, given, body, now), 'verified');
      assert.deepEqual(correlate('truemed', body).sort(), [KEY, 'pt_1', 'ptr_1']);
    }
  }
  assert.throws(() => authenticate('truemed', ['other'], headers, webhook.body, now), { code: 'not_authentic' });
  assert.equal(acknowledgement('truemed'), 204);
});

test('a tolerance bounds the time of a signature', () => {
  const signed = createHmac('sha256', 'whsec').update('1700000000.{}').digest('hex');
  const headers = { 'x-truemed-signature': `t=1700000000,v1=${signed}` };
  const at = (millis, ...tolerance) =>
    rulebound.authenticate('truemed', ['whsec'], headers, '{}', 1_700_000_000_000 + millis, ...tolerance);
  assert.equal(at(60_001), 'verified');
  assert.equal(at(60_001, undefined), 'verified');
  assert.equal(at(60_000, 60_000), 'verified');
  assert.throws(() => at(60_001, 60_000), { code: 'not_authentic', reason: /too far from now/ });
});

test('what is published is there', () => {
  const { ask, call, catalogue, keyOf, versions } = rulebound;
  assert.match(versions().library, /^\d+\.\d+\.\d+$/);
  const { flows, rules } = catalogue();
  assert.ok(rules.some((it) => it.code === 'truemed.update.card-xor-items'));
  const classes = Object.values(rulebound).flatMap(Object.values).map((it) => it.flow).filter(Boolean);
  assert.deepEqual(classes.sort(), flows.map((it) => it.id).sort());
  assert.equal(call('{"acknowledgement": {"provider": "truemed"}}'), '{"ok":204}');
  assert.match(keyOf('revup.token', 'tok_1'), /^[0-9a-f]{64}$/);
  assert.throws(() => ask('truemed', 'anything', {}), { code: 'malformed' });
});

test('require and import give the same', () => {
  const required = createRequire(import.meta.url)('../lib/index.cjs');
  assert.deepEqual(Object.keys(rulebound).sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(rulebound)) assert.equal(value, required[name]);
});
